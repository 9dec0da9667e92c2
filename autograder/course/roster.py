"""The students of a course, found again in the names of files."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields

NEAR = 75  # per cent of the letters alike
TOLD = 10  # names in a sentence


@dataclass(frozen=True)
class Student:
    """One student, as nbgrader's gradebook has it; what is not known is ""."""

    id: str
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    lms_user_id: str = ""

    def __str__(self):
        name = f"{self.first_name} {self.last_name}".strip()
        return f"{self.id} ({name})" if name else self.id


def details_of(student) -> dict[str, str]:
    """What is known of a student besides the id."""
    names = [field.name for field in fields(Student)][1:]
    found = {name: getattr(student, name) for name in names}
    return {name: value for name, value in found.items() if value}


def few(names: Sequence[str]) -> str:
    """The first ten of some names, with dots where there are more."""
    return ", ".join(names[:TOLD]) + (", ..." if len(names) > TOLD else "")


# --- from a file's name to a student ------------------------------------------


def fold(text: str) -> str:
    """A name without case, accents, spaces and signs: `Müller, Zoë` -> `mullerzoe`."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in plain if letter.isalnum())


class Roster:
    """The students of a course, to be found by what a file's name says."""

    def __init__(self, students: Iterable):
        self.students = {row.id: Student(row.id, **details_of(row)) for row in students}
        self._exact: dict[str, set[str]] = defaultdict(set)
        self._folded: dict[str | None, set[str]] = defaultdict(set)
        self._lms: dict[str, set[str]] = defaultdict(set)
        self._mail: dict[str, set[str]] = defaultdict(set)
        for student in self.students.values():
            self._add(student)

    def _add(self, student: Student):
        name, first, last, email, lms = astuple(student)
        for text in filter(None, (name, lms, email)):
            self._exact[text].add(name)
        both = (first + last, last + first) if first and last else ()
        for text in filter(None, (name, lms, email, *both)):
            self._folded[fold(text)].add(name)
        if lms:
            self._lms[lms].add(name)
        if "@" in email:
            self._mail[fold(email.partition("@")[0])].add(name)

    def find(self, text: str) -> set[str]:
        """The ids of those whom a text names: by id, LMS id, e-mail or full name."""
        return self._exact.get(text) or self._folded.get(fold(text) or None) or set()

    def find_by_lms(self, number: str) -> set[str]:
        """The ids of those whom the LMS knows by this number."""
        return self._lms.get(number, set())

    def near(self, text: str) -> list[str]:
        """Ids of those who may be meant, best first: proposals, nothing certain."""
        from rapidfuzz import fuzz, process  # 20 MB that grading has no use for

        words = re.findall(r"[^\W_]+", text)
        runs = [
            "".join(words[i:j])
            for i in range(len(words))
            for j in range(i + 1, min(i + 3, len(words)) + 1)
        ]
        found = [name for run in runs for name in sorted(self.find(run))]
        found += sorted(self._mail.get(fold(text), ()))
        alike = process.extract(
            fold(text), list(self._folded), scorer=fuzz.ratio, score_cutoff=NEAR
        )
        found += [name for key, *_ in alike for name in sorted(self._folded[key])]
        return list(dict.fromkeys(found))[:3]
