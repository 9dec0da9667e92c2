"""Times as people write them; the gradebook has them in UTC, without a zone."""

import re
from datetime import UTC, datetime, time, tzinfo
from zoneinfo import ZoneInfo

from autograder.errors import UserError


def parse_due(text: str, place: str) -> datetime:
    """A due date as nbgrader keeps it: UTC, without a zone.

    text: `2026-12-01 18:00` in this machine's time zone, or with its own:
    `2026-12-01T18:00+01:00`, `2026-12-01 18:00 Europe/Berlin`. A day alone means its
    last second.
    """
    day, _, zone = text.rpartition(" ") if "/" in text else (text, "", "")
    try:
        when = datetime.fromisoformat(day.strip())
        if re.fullmatch(r"[\d-]+", day.strip()):
            when = datetime.combine(when, time(23, 59, 59))
        if zone:
            when = when.replace(tzinfo=ZoneInfo(zone))
    except (ValueError, OSError, KeyError):
        raise UserError(
            f"{place}: {text!r} is no time; write 2026-12-01 18:00, or with a zone "
            "2026-12-01 18:00 Europe/Berlin"
        ) from None
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


def zone_of(course) -> ZoneInfo | None:
    """The time zone of a course, `Collector.timezone`; None for this machine's."""
    name = course.config.Collector.get("timezone", "")
    try:
        return ZoneInfo(name) if name else None
    except (ValueError, OSError, KeyError):
        raise UserError(
            f"nbgrader_config.py: Collector.timezone {name!r} is no time zone; write "
            "it as Europe/Berlin"
        ) from None
