"""Times as people write them; the gradebook has them in UTC, without a zone."""

import re
from datetime import UTC, datetime, time, tzinfo
from zoneinfo import ZoneInfo

from autograder.errors import UserError

WRITTEN = re.compile(r"\d{4}-\d\d-\d\d([T ]+\d\d:\d\d\D*.*)?")  # 18.30 is no time
NAMED = re.compile(r" ([A-Za-z]\w*/\S+|UTC)$")  # a zone by its name


def parse_due(text: str, place: str, zone: tzinfo | None = None) -> datetime:
    """A due date as nbgrader keeps it: UTC, without a zone.

    text: `2026-12-01 18:00`, or with its own zone: `2026-12-01T18:00+01:00`,
    `2026-12-01 18:00 Europe/Berlin`, `2026-12-01 18:00 UTC`. A day alone means its last
    second.
    zone: of the course, where the text has none; None for this machine's.
    """
    day, _, named = text.rpartition(" ") if NAMED.search(text) else (text, "", "")
    try:
        if not WRITTEN.fullmatch(day.strip()):
            raise ValueError
        when = datetime.fromisoformat(day.strip())
        if re.fullmatch(r"[\d-]+", day.strip()):
            when = datetime.combine(when, time(23, 59, 59))
        if named:
            zone = ZoneInfo(named)
    except (ValueError, OSError, KeyError):
        raise UserError(
            f"{place}: {text!r} is no time; write 2026-12-01 18:00, or with a zone "
            "2026-12-01 18:00 Europe/Berlin. A spreadsheet may have changed it: there, "
            "format the column as text"
        ) from None
    if when.tzinfo is None:
        when = when.replace(tzinfo=zone)
    return when.astimezone(UTC).replace(tzinfo=None)


def told_time(when: datetime, zone: tzinfo | None = None) -> str:
    """A time of the gradebook for people: in a zone, by default this machine's, and in
    UTC.
    """
    return f"{local_time(when, zone)} ({when:%Y-%m-%d %H:%M} UTC)"


def local_time(when: datetime, zone: tzinfo | None = None) -> str:
    """A time of the gradebook in a zone, by default this machine's."""
    local = when.replace(tzinfo=UTC).astimezone(zone)
    return f"{local:%Y-%m-%d %H:%M:%S %Z}"


def zone_of(configured) -> ZoneInfo | None:
    """The time zone of a course, `Collector.timezone`; None for this machine's.

    configured: a CourseDirectory, or whatever else has the course's configuration.
    """
    name = configured.config.Collector.get("timezone", "")
    try:
        return ZoneInfo(name) if name else None
    except (ValueError, OSError, KeyError):
        raise UserError(
            f"nbgrader_config.py: Collector.timezone {name!r} is no time zone; write "
            "it as Europe/Berlin"
        ) from None
