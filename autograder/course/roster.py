"""The class list: read from a CSV, and found again in the names of files."""

import re
import shlex
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from rapidfuzz import fuzz, process

from autograder.files.tables import TableError, read_table

# nbgrader's own columns, and how they are called elsewhere.
COLUMNS = {
    "id": "student id, username, user name, login, login id, sis login id, netid",
    "first_name": "first, given name, forename",
    "last_name": "last, surname, family name",
    "email": "mail, e-mail address, email address",
    "lms_user_id": "lms id, lms user, canvas id, canvas user id, moodle id",
}
NEAR = 75  # per cent of the letters alike
SHORTENED = re.compile(r"\d([.,]\d+)?E\+?\d+", re.IGNORECASE)


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


def read_roster(path: Path) -> tuple[list[tuple[int, Student]], list[str]]:
    """The students of a CSV with the number of their line, and what to say of it.

    Raises TableError, which names every line that is wrong.
    """
    table = read_table(path, COLUMNS, needed=("id",))
    students, faults, seen = [], [], {}
    for line, row in table.rows:
        fault = _fault(row["id"], seen)
        if fault:
            faults.append(f"{path}, line {line}: {fault}")
        seen.setdefault(row["id"], line)
        students.append((line, Student(**row)))
    if faults:
        raise TableError("\n".join(faults))
    notes = []
    if table.ignored:
        notes = [f"{path}: not used: the columns {', '.join(table.ignored)}"]
    return students, notes


def _fault(name: str, seen: dict[str, int]) -> str | None:
    if not name:
        return "no id; each student needs one"
    if name in seen:
        return f"{name} stands in line {seen[name]} already; take one of them out"
    if SHORTENED.fullmatch(name):
        return f"{name} is a number that Excel has shortened; format the column as text"
    if (
        name.startswith(".")
        or not name.isprintable()
        or re.search(r"[/\\*?\[\]]", name)
    ):
        return f"{name!r} cannot name a folder; use letters, digits and . _ - @"
    return None


def add_students(gradebook, path: Path) -> list[str]:
    """Add the students of a CSV that are not in the gradebook; say what differs.

    A student who is there already is kept; only what is empty there is filled in.
    """
    students, said = read_roster(path)
    known = {student.id: student for student in gradebook.students}
    added, completed = 0, 0
    for line, student in students:
        row = known.pop(student.id, None)
        if row is None:
            gradebook.add_student(student.id, **_details(student))
            added += 1
            continue
        missing, other = _difference(row, student)
        if missing:
            gradebook.update_or_create_student(student.id, **missing)
            completed += 1
        said += [f"{path}, line {line}: {_told(row, student, other)}"] if other else []
    if added:
        said.insert(0, f"{path}: {added} students added to the gradebook")
    if completed:
        said.append(f"{path}: what was not known of {completed} students filled in")
    if known:
        few = ", ".join(sorted(known)[:10]) + (", ..." if len(known) > 10 else "")
        said.append(f"{path}: without {few}, who stay in the gradebook")
    return said


def _details(student) -> dict[str, str]:
    """What is known of a student besides the id."""
    names = [field.name for field in fields(Student)][1:]
    found = {name: getattr(student, name) for name in names}
    return {name: value for name, value in found.items() if value}


def _difference(row, student: Student) -> tuple[dict, dict]:
    """What the gradebook does not know yet, and what it says otherwise."""
    there, new = _details(row), _details(student)
    missing = {name: value for name, value in new.items() if name not in there}
    other = {name: v for name, v in new.items() if there.get(name, v) != v}
    return missing, other


def _told(row, student: Student, other: dict[str, str]) -> str:
    differ = "; ".join(
        f"{name} is {getattr(row, name)!r} in the gradebook and {value!r} here"
        for name, value in other.items()
    )
    options = "".join(
        f" --{name.replace('_', '-')}={shlex.quote(value)}"
        for name, value in (_details(row) | _details(student)).items()
    )
    return (
        f"{student.id} stays as it is: {differ}. To change it: "
        f"nbgrader db student add {shlex.quote(student.id)}{options}"
    )


# --- from a file's name to a student ------------------------------------------


def fold(text: str) -> str:
    """A name without case, accents, spaces and signs: `Müller, Zoë` -> `mullerzoe`."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in plain if letter.isalnum())


class Roster:
    """The students of a course, to be found by what a file's name says."""

    def __init__(self, students: Iterable):
        self.students = {row.id: Student(row.id, **_details(row)) for row in students}
        self._exact, self._folded = defaultdict(set), defaultdict(set)
        self._lms, self._mail = defaultdict(set), defaultdict(set)
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
