"""The students of a class list, into the gradebook."""

import shlex
from pathlib import Path
from typing import Any

from autograder.course.classlists import read_class_list
from autograder.course.groups import add_groups
from autograder.course.roster import Student, details_of, few


def add_students(gradebook, path: Path, course: Path) -> list[str]:
    """Add the students of a class list that are not in the gradebook; say what differs.

    A student who is there already is kept; only what is empty there is filled in. Who
    is there under another id, with the same e-mail address or LMS id, is the same one.
    course: the folder, where groups are kept.
    """
    known = {student.id: student for student in gradebook.students}
    listed = read_class_list(path, known)
    same = _by_other_signs(known.values())
    said, renamed = listed.notes, {}
    added, completed, missing_here = 0, 0, dict(known)
    for line, student in listed.students:
        row = known.get(student.id) or next(
            (same[sign] for sign in _signs(student) if sign in same), None
        )
        if row is None:
            gradebook.add_student(student.id, **details_of(student))
            added += 1
            continue
        renamed[student.id] = row.id
        missing_here.pop(row.id, None)
        missing, other = _difference(row, student)
        if missing:
            gradebook.update_or_create_student(row.id, **missing)
            completed += 1
        if other:
            said.append(f"{path}, line {line}: {_differs(row, student, other)}")
    if added:
        told = f"{path}: {added} students added to the gradebook ({listed.told})"
        said.insert(0, told)
    if completed:
        said.append(f"{path}: what was not known of {completed} students filled in")
    others = [f"{new} for {old}" for new, old in renamed.items() if new != old]
    if others:
        said.append(
            f"{path}: known by their e-mail address or LMS id, under another id: "
            f"{few(others)}"
        )
    if missing_here:
        told = few(sorted(missing_here))
        said.append(f"{path}: without {told}, who stay in the gradebook")
    groups = {renamed.get(name, name): cell for name, cell in listed.groups.items()}
    return said + add_groups(course, groups)


def _signs(student) -> list[tuple[str, str]]:
    """What tells a student besides the id."""
    found = [("lms", student.lms_user_id), ("email", (student.email or "").casefold())]
    return [(kind, value) for kind, value in found if value]


def _by_other_signs(students) -> dict:
    """Sign -> student, where no two share it."""
    found: dict[tuple[str, str], Any] = {}
    twice: set[tuple[str, str]] = set()
    for student in students:
        for sign in _signs(student):
            twice |= {sign} & found.keys()
            found[sign] = student
    return {sign: student for sign, student in found.items() if sign not in twice}


def _difference(row, student: Student) -> tuple[dict, dict]:
    """What the gradebook does not know yet, and what it says otherwise."""
    there, new = details_of(row), details_of(student)
    missing = {name: value for name, value in new.items() if name not in there}
    other = {name: v for name, v in new.items() if there.get(name, v) != v}
    return missing, other


def _differs(row, student: Student, other: dict[str, str]) -> str:
    differ = "; ".join(
        f"{name} is {getattr(row, name)!r} in the gradebook and {value!r} here"
        for name, value in other.items()
    )
    options = "".join(
        f" --{name.replace('_', '-')}={shlex.quote(value)}"
        for name, value in (details_of(row) | details_of(student)).items()
    )
    return (
        f"{row.id} stays as it is: {differ}. To change it: "
        f"nbgrader db student add {shlex.quote(row.id)}{options}"
    )
