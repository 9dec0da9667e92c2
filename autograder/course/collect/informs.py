"""What an LMS says beside the files: who handed in, and when.

    Gradescope   submission_metadata.yml: all who handed in together, and the time
    Sakai        timestamp.txt in each student's folder

Both can hold what learners chose, their names at least: only plain values are read.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePosixPath

import yaml


@dataclass(frozen=True)
class Informed:
    """What is said of all below one folder.

    people  one tuple for each person: names of theirs, of which the first known counts.
    time    of the hand-in; UTC without a zone where `utc`, else as the LMS wrote it.
    """

    people: tuple[tuple[str, ...], ...] = ()
    time: datetime | None = None
    utc: bool = False


class _Plain(yaml.SafeLoader):
    """Reads plain values; what Ruby wrote of its own kinds is read as what it holds."""


def _as_plain(loader, tag, node):
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_scalar(node)


_Plain.add_multi_constructor("", _as_plain)


def informed(files: dict[str, bytes]) -> tuple[dict[str, Informed], list[str]]:
    """Folder -> what is said of it; and a sentence for each file that says nothing."""
    found, faults = {}, []
    for name, data in files.items():
        path = PurePosixPath(name)
        try:
            if path.name == "timestamp.txt":
                found[f"{path.parent}/"] = Informed(time=_sakai_time(data))
            else:
                above = "" if path.parent == PurePosixPath() else f"{path.parent}/"
                found |= {f"{above}{k}/": one for k, one in _gradescope(data)}
        except (ValueError, TypeError, RecursionError, yaml.YAMLError) as error:
            faults.append(f"{name}: it cannot be read ({str(error).splitlines()[0]})")
    return found, faults


def _sakai_time(data: bytes) -> datetime:
    digits = re.match(rb"\d{14}", data.strip())
    if not digits:
        raise ValueError("it is no time")
    return datetime.strptime(digits[0].decode(), "%Y%m%d%H%M%S")


def _gradescope(data: bytes) -> Iterator[tuple[str, Informed]]:
    told = yaml.load(data, _Plain)
    if not isinstance(told, dict):
        raise ValueError("it names no submission")
    for folder, about in told.items():
        if not isinstance(about, dict):
            continue
        people = about.get(":submitters") or []
        signs = (":sid", ":email", ":name")
        named = tuple(
            tuple(str(person[sign]) for sign in signs if person.get(sign))
            for person in people
            if isinstance(person, dict)
        )
        time = about.get(":created_at")
        time = time if isinstance(time, datetime) else None
        if time and time.tzinfo:
            time = time.astimezone(UTC).replace(tzinfo=None)
        yield str(folder), Informed(tuple(filter(None, named)), time, utc=True)
