"""What the name of a handed-in file says: who, which attempt, when.

The names that LMSs give in their downloads:

    Canvas      doejane_LATE_12345_678901_05_softmax-1.ipynb
    Moodle      Jane Doe_123456_assignsubmission_file_/05_softmax.ipynb
    Blackboard  05_softmax_jdoe_attempt_2026-12-01-10-00-00_05_softmax.ipynb

What stands before these marks is the LMS's word; what follows, a learner chose. So the
first mark counts, whatever marks follow it.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath

from autograder.course.collect.download import NOTEBOOK

CANVAS = re.compile(
    r"(?P<name>[^_]+)_(?P<late>LATE_)?(?P<lms>\d+)_\d+_(?P<rest>.+)", re.DOTALL
)
MOODLE = re.compile(r"(?P<name>.+?)_\d+_assignsubmission_[a-z]+(_(?P<rest>.*))?$")
BLACKBOARD = re.compile(
    r"(?P<who>.+?)_attempt_(?P<time>\d{4}(-\d\d){5})(_(?P<rest>.*))?$"
)
AGAIN = re.compile(r"-(\d{1,3})$| ?\((\d{1,3})\)$")  # softmax-1, softmax (1)


@dataclass(frozen=True)
class Marks:
    """What a name says.

    names    one tuple for each part that names a person: its alternatives, of which
             the first known one counts. The parts have to agree.
    above    the same for the folders above what an LMS named. Where one is somebody's,
             a learner may have chosen all that is in it: the parts have to agree with
             it, and `time` is no proof.
    lms      the LMS's number of the student, or None.
    hints    names that a learner chose, or may have chosen: no proof.
    attempt  0, 1, 2 ...: `05_softmax-1`, `05_softmax (1)`.
    time     as the LMS wrote it, without a zone; or None.
    late     the LMS marked it late.
    """

    names: tuple[tuple[str, ...], ...] = ()
    above: tuple[tuple[str, ...], ...] = ()
    lms: str | None = None
    hints: tuple[str, ...] = ()
    attempt: int = 0
    time: datetime | None = None
    late: bool = False


def marks_of(name: str, chapter: str) -> Marks:
    """Read the name of a file in a download, its folders and zips included."""
    parts = [re.sub(r"\.zip$", "", p, flags=re.I) for p in PurePosixPath(name).parts]
    parts[-1] = NOTEBOOK.sub("", parts[-1])
    for place, part in enumerate(parts):  # the outermost is the LMS's own
        found = _by_lms(part, chapter)
        if found:
            rest = found.pop("rest") or ""
            chosen = [_names(text, chapter) for text in [rest, *parts[place + 1 :]]]
            found["hints"] += tuple(text for names in chosen for text in names)
            last = parts[-1] if place + 1 < len(parts) else rest
            above = _all_names(parts[:place], chapter)
            return Marks(above=above, attempt=_attempt(last), **found)
    names = _all_names(parts, chapter)
    own = without_attempt(parts[-1]).casefold() == chapter.casefold()
    browser = parts[-1].endswith(")")
    return Marks(names, attempt=_attempt(parts[-1]) if own or browser else 0)


def without_attempt(stem: str) -> str:
    """`05_softmax` for `05_softmax-1` and `05_softmax (1)`."""
    return AGAIN.sub("", stem.strip())


def _attempt(stem: str) -> int:
    again = AGAIN.search(stem)
    return int(again[1] or again[2]) if again else 0


def _by_lms(part: str, chapter: str) -> dict | None:
    """What the first mark of an LMS in a name says; None where there is none."""
    found = [mark.match(part) for mark in (CANVAS, MOODLE, BLACKBOARD)]
    found = sorted(filter(None, found), key=lambda match: match.end(1))
    if not found:
        return None
    match, *others = found
    said = {"rest": match["rest"], "hints": ()}
    for other in others:
        said["hints"] += _ends(other[1], chapter)
    if match.re is BLACKBOARD:
        names = _ends(match["who"], chapter)
        return said | {"names": (names,), "time": _time(match["time"])}
    said["names"] = ((match["name"],),)
    if match.re is CANVAS:
        # `HW_1_12345_attempt_...` may be Blackboard's: no number is read out of that.
        lms = None if others else match["lms"]
        said |= {"lms": lms, "late": bool(match["late"])}
    return said


def _ends(text: str, chapter: str) -> tuple[str, ...]:
    """Where a person may be named after an assignment: `Week_3_jane_doe`."""
    words = _bare(text, chapter).split("_")
    return tuple("_".join(words[i:]) for i in range(len(words)))


def _time(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%Y-%m-%d-%H-%M-%S")
    except ValueError:
        return None


def _all_names(parts: list[str], chapter: str) -> tuple[tuple[str, ...], ...]:
    return tuple(filter(None, (_names(part, chapter) for part in parts)))


def _names(part: str, chapter: str) -> tuple[str, ...]:
    """The person that a part may name, with `-1` at its end and without."""
    both = _bare(part, chapter), _bare(without_attempt(part), chapter)
    return tuple(dict.fromkeys(filter(None, both)))


def _bare(text: str, chapter: str) -> str:
    """A name without the chapter's."""
    text = re.sub(re.escape(chapter), " ", text, flags=re.IGNORECASE)
    return "" if AGAIN.fullmatch(text.strip()) else text.strip(" _-,.")
