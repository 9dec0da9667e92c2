"""What the name of a handed-in file says: who, which attempt, when.

What an LMS put into a name, in one of the forms of `forms.py`, is its own word; what
follows, a learner chose. So the first mark counts, whatever marks follow it.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath

from autograder.course.collect.download import NOTEBOOK
from autograder.course.collect.forms import FORMS, Form, time_of

AGAIN = re.compile(r"-(\d{1,3})$| ?\((\d{1,3})\)$")  # softmax-1, softmax (1)
COPY = re.compile(r"^(copy of|kopie von|copie de|copia de) ", re.IGNORECASE)


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
    system   whose form it has; "" for none.
    own      what the LMS wrote, up to the learner's own name for the file.
    person   who it is for the LMS in this chapter. lasts: in every chapter. Or "".
    """

    names: tuple[tuple[str, ...], ...] = ()
    above: tuple[tuple[str, ...], ...] = ()
    lms: str | None = None
    hints: tuple[str, ...] = ()
    attempt: int = 0
    time: datetime | None = None
    late: bool = False
    system: str = ""
    own: str = ""
    person: str = ""
    lasts: str = ""


def marks_of(name: str, chapter: str) -> Marks:
    """Read the name of a file in a download, its folders and zips included."""
    parts = [re.sub(r"\.zip$", "", p, flags=re.I) for p in PurePosixPath(name).parts]
    parts[-1] = NOTEBOOK.sub("", parts[-1])
    for place in range(len(parts)):  # the outermost is the LMS's own
        path = "/".join(parts[place:])
        found = [(form, match) for form in FORMS if (match := form.path.match(path))]
        if not found:
            continue
        form, match = min(found, key=lambda one: _person_ends(one[1]))
        said = _said(form, match, [m for f, m in found if f is not form], chapter)
        rest = path[match.end() :].strip("/")
        chosen = (_names(text, chapter) for text in filter(None, rest.split("/")))
        said["hints"] += tuple(text for names in chosen for text in names)
        said["attempt"] = said["attempt"] or _attempt(rest.rpartition("/")[2])
        above = _all_names(parts[:place], chapter)
        own = "/".join([*parts[:place], match[0]])
        return Marks(above=above, own=own, **said)
    names = _all_names(parts, chapter)
    chapters = without_attempt(parts[-1]).casefold() == chapter.casefold()
    browser = parts[-1].endswith(")")
    return Marks(names, attempt=_attempt(parts[-1]) if chapters or browser else 0)


def without_attempt(stem: str) -> str:
    """`05_softmax` for `05_softmax-1` and `05_softmax (1)`."""
    return AGAIN.sub("", stem.strip())


def _attempt(stem: str) -> int:
    again = AGAIN.search(stem)
    return int(again[1] or again[2]) if again else 0


def _person_ends(match: re.Match) -> int:
    found = match.groupdict()
    return min(match.end(g) for g in ("name", "who", "mark") if found.get(g))


def _said(form: Form, match: re.Match, others: list[re.Match], chapter: str) -> dict:
    """What the first mark of an LMS in a name says."""
    found = {name: text for name, text in match.groupdict().items() if text}
    hints: tuple[str, ...] = ()
    for other in others:
        hints += _ends(other[1] or "", chapter)
    # `HW_1_12345_attempt_...` may be Blackboard's: no number is read out of that.
    lms = None if others else found.get("lms")
    person = lms or found.get("mark") or found.get("who") or found.get("name") or ""
    # Where the name is that of the number, as `Participant 7`, it is nobody's.
    lasting = found.get(form.lasts, "") if form.lasts else ""
    if form.lasts == "name" and lasting.endswith(found.get("mark", "/")):
        lasting = ""
    return {
        "names": tuple(filter(None, [_persons(form, found, chapter)])),
        "lms": lms,
        "hints": hints,
        "attempt": int(found.get("attempt", 0)),
        "time": time_of(form, found["time"]) if "time" in found else None,
        "late": "late" in found,
        "system": form.system,
        "person": f"{form.system} {person}" if person else "",
        "lasts": f"{form.system} {lasting}" if lasting else "",
    }


def _persons(form: Form, found: dict[str, str], chapter: str) -> tuple[str, ...]:
    """The words of a mark that may be the person, the best first."""
    who, name = found.get("who"), found.get("name")
    if form.system == "Blackboard":
        return _ends(who or "", chapter)
    if form.system in ("ILIAS", "OpenOLAT"):
        return _logins(who or "")
    return tuple(text.strip() for text in (who, name) if text)


def _ends(text: str, chapter: str) -> tuple[str, ...]:
    """Where a person may be named after an assignment: `Week_3_jane_doe`."""
    words = _bare(text, chapter).split("_")
    return tuple("_".join(words[i:]) for i in range(len(words)))


def _logins(text: str) -> tuple[str, ...]:
    """Of `Doe_Jane_jdoe` the login, and the name before it; each may have more `_`."""
    words = text.split("_")
    ends = ["_".join(words[i:]) for i in range(2, len(words))]
    starts = ["_".join(words[:i]) for i in range(len(words) - 1, 1, -1)]
    return tuple(ends + starts) or (text,)


def _all_names(parts: list[str], chapter: str) -> tuple[tuple[str, ...], ...]:
    return tuple(filter(None, (_names(part, chapter) for part in parts)))


def _names(part: str, chapter: str) -> tuple[str, ...]:
    """The person that a part may name: whole, without `-1`, before a title.

    `Jane Doe - Softmax` is how Google Classroom names a copy for each student.
    """
    texts = part, without_attempt(part), part.partition(" - ")[0]
    return tuple(dict.fromkeys(filter(None, (_bare(text, chapter) for text in texts))))


def _bare(text: str, chapter: str) -> str:
    """A name without the chapter's: `05_softmax`, or `05-softmax` in a repository."""
    chapter = re.escape(chapter).replace("_", "[_-]")
    text = COPY.sub("", re.sub(chapter, " ", text, flags=re.IGNORECASE).strip(" _-,."))
    return "" if AGAIN.fullmatch(text.strip()) else text.strip(" _-,.")
