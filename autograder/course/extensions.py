"""More time for one student: `extensions.csv` in the course folder, yours to edit.

    student,chapter,until
    ada,05_softmax,2026-12-08 18:00

`extend` writes it. Each grading takes it over into the gradebook, where lateness is
reckoned; so it holds for those, too, who have not handed in yet.
"""

from datetime import datetime, timedelta
from pathlib import Path

from nbgrader.api import Gradebook, MissingEntry

from autograder.chapters.toc import told_became
from autograder.course.groups import members_of, read_groups
from autograder.course.roster import Roster
from autograder.course.times import parse_due, told_time, zone_of
from autograder.errors import UserError
from autograder.files.tables import read_table, write_table

FILE = "extensions.csv"
COLUMNS = {
    "student": "id, student id",
    "chapter": "assignment",
    "until": "due, due date, deadline",
}
NONE = "-"  # the extension is taken back


def read_extensions(course, chapter: str) -> dict[str, datetime]:
    """Student -> until when, in UTC without a zone. UserError names a wrong line."""
    root, zone = Path(course.root), zone_of(course)
    return {
        student: parse_due(until, f"{root / FILE}, line {line}", zone)
        for line, (student, of, until) in _rows(root)
        if of == chapter and until
    }


def _rows(root: Path) -> list[tuple[int, tuple[str, str, str]]]:
    path = root / FILE
    if not path.is_file():
        return []
    table = read_table(path, COLUMNS, needed=tuple(COLUMNS))
    return [(line, (r["student"], r["chapter"], r["until"])) for line, r in table.rows]


def extend(folder: Path, student: str, chapter: str, until: str) -> list[str]:
    """Give a student, or all of a group, until a later time; say what became of it.

    until: as `parse_due` reads it, or "-" to take an extension back.
    """
    from autograder.course.gradebook import GradebookWriter, handed_in_at
    from autograder.course.setup import open_course, open_gradebook

    course = open_course(folder)
    root, zone = Path(course.root), zone_of(course)
    when = None if until == NONE else parse_due(until, "UNTIL", zone)
    with open_gradebook(course) as gradebook:
        due = _due(gradebook, chapter)
        students = _students(gradebook, root, student)
        if when and when <= due:
            raise UserError(
                f"UNTIL: {chapter} is due {told_time(due, zone)}; an extension is later"
            )
    rows = {(s, c): [s, c, u] for _, (s, c, u) in _rows(root)}
    for name in students:
        rows.pop((name, chapter), None)
        if when:
            rows[name, chapter] = [name, chapter, until]
    write_table(root / FILE, [list(COLUMNS), *rows.values()])
    if not when:
        _take_back(course, students, chapter)
    told = f"until {told_time(when, zone)}" if when else "no extension any more"
    said = [f"{name}: {chapter} {told}" for name in students]
    times = {}
    for name in students:
        path = Path(course.format_path(course.submitted_directory, name, chapter))
        times[name] = handed_in_at(path)
    with GradebookWriter(course, chapter) as writer:
        changes = writer.update_lateness(times)
    for name, (before, now) in sorted(changes.items()):
        said.append(f"{name}: late penalty {before:.4g} -> {now:.4g}")
    with open_gradebook(course) as gradebook:
        return said + strangers(gradebook, root)


def _due(gradebook: Gradebook, chapter: str) -> datetime:
    try:
        due = gradebook.find_assignment(chapter).duedate
    except MissingEntry:
        names = ", ".join(sorted(a.name for a in gradebook.assignments))
        told = told_became(chapter) or f"there are {names}"
        raise UserError(f"the gradebook knows no chapter {chapter}; {told}") from None
    if due is None:
        raise UserError(
            f"{chapter} has no due date, so there is nothing to extend; set one with "
            f"`python -m autograder course DIR --due {chapter}=TIME`"
        )
    return due


def _students(gradebook: Gradebook, root: Path, name: str) -> list[str]:
    """The student of an id, or those of a group."""
    known = {student.id for student in gradebook.students}
    if name in known:
        return [name]
    members = members_of(read_groups(root)).get(name, frozenset()) & known
    if not members:
        roster = Roster(gradebook.students)
        near = [str(roster.students[student]) for student in roster.near(name)]
        meant = f"perhaps {' or '.join(near)}" if near else f"it has {len(known)}"
        raise UserError(
            f"the gradebook has no student {name!r}, and {root / 'groups.csv'} no such "
            f"group; {meant}"
        )
    return sorted(members)


def strangers(gradebook: Gradebook, root: Path) -> list[str]:
    """A sentence for each line that holds for nobody: a slip would cost a penalty."""
    rows = _rows(root)
    students = {student.id for student in gradebook.students} if rows else set()
    chapters = {assignment.name for assignment in gradebook.assignments}
    said = []
    for line, (student, chapter, _) in rows:
        for kind, name, known in (
            ("student", student, students),
            ("chapter", chapter, chapters),
        ):
            if name not in known:
                told = f"the gradebook has no {kind} {name!r}, so it holds for nobody"
                said.append(f"{root / FILE}, line {line}: {told}")
    return said


def _take_back(course, students: list[str], chapter: str) -> None:
    with Gradebook(course.db_url, course.course_id) as gradebook:
        for student in students:
            set_extension(gradebook, student, chapter, None)


def set_extension(gradebook, student: str, chapter: str, until: datetime | None):
    """Enter an extension into the gradebook, where there is a submission already."""
    try:
        handed_in = gradebook.find_submission(chapter, student)
    except MissingEntry:
        return
    handed_in.extension = extension_of(handed_in.assignment.duedate, until)
    gradebook.db.commit()


def extension_of(due: datetime | None, until: datetime | None) -> timedelta | None:
    """How much later than all others; None for no later."""
    return until - due if due and until and until > due else None
