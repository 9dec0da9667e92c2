"""An nbgrader course folder that works at once. Nothing that is there is changed.

    nbgrader_config.py   the configuration, the instructor's to edit
    source/              the chapters with exercises, as nbgrader's sources
    gradebook.db         the assignments with their points, the students, due dates

The same command again adds what is missing: a chapter that is new, students, due
dates. A chapter that has changed in the book is laid beside the instructor's copy,
as `source/05_softmax.new.ipynb`.
"""

import logging
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import nbformat

from autograder.chapters import toc
from autograder.chapters.chapter import Chapter, load_chapters, source_notebook
from autograder.chapters.toc import told_became
from autograder.course.config import find_own_programs
from autograder.course.extensions import strangers
from autograder.course.folder import confirm_course
from autograder.course.times import parse_due, told_time, zone_of
from autograder.errors import UserError
from autograder.files.offer import handed_out_in, offer
from autograder.files.tables import read_table

DUE = {
    "chapter": "assignment, assignment name, name",
    "due": "due date, duedate, deadline",
}
CONFIG = '''\
"""nbgrader's configuration of this course. Yours to edit."""

from autograder.course.config import configure

c = get_config()  # noqa: F821 - given by nbgrader
configure(c, __file__)
c.CourseDirectory.course_id = "{course_id}"

# The exchange: a folder that you and the learners can reach, for `nbgrader
# release_assignment` and `nbgrader collect`. Learners need these two lines, too.
# c.Exchange.root = "/srv/nbgrader/exchange"

# What it costs to hand in late: nothing, unless you switch this on.
# c.AssignLatePenalties.plugin_class = "autograder.policies.LatePolicy"
# c.LatePolicy.grace_hours = 1        # so much later is still in time, each time
# c.LatePolicy.grace_days = 3         # free days for each student, in the whole term
# c.LatePolicy.percent_per_day = 10   # of the score, for each day begun after that
# c.LatePolicy.at_most_percent = 50

# The time zone of the course: of due dates that name none, of what is shown, and of the
# times in file names that your LMS makes (Blackboard does); by default this machine's.
# c.Collector.timezone = "Europe/Berlin"
'''


def make_course(
    folder: Path,
    course_id: str | None = None,
    roster: Path | None = None,
    due: tuple[str, ...] = (),
    only: list[str] | None = None,
) -> list[str]:
    """Make a course of all chapters, or add what it lacks; say what was done.

    folder     made where it is missing; what is there already stays as it is.
    course_id  by default the one that is there, else what `_toc.yml` says.
    roster     a CSV of students; by default `folder/roster.csv`, if there is one.
    due        due dates, as "05_softmax=2026-12-01T18:00"; besides those in
               `folder/due_dates.csv`. These may change one that is set.
    only       names of chapters, to be quick where the others are not needed.
    """
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is a file; name a folder for the course")
    find_own_programs()
    folder.mkdir(0o700, parents=True, exist_ok=True)  # it holds names and grades
    with handed_out_in(folder) as handed_out:
        said = _configure(folder, course_id, handed_out)
        course = open_course(folder)
        chapters = list(filter(Chapter.exercises, load_chapters(only)))
        said += _lay_out(course, chapters, handed_out)
    said += _renamed(course)
    _begin_gradebook(course)
    said += _register(course, [chapter.name for chapter in chapters])
    said += _enrol(course, folder, roster)
    said += _set_due_dates(course, folder, due)
    with open_gradebook(course) as gradebook:
        said += strangers(gradebook, folder)
    return said or [f"{folder}: everything is there already; nothing was changed"]


def open_course(folder: Path):
    """nbgrader's view of a course folder; an error that helps where it is none."""
    from autograder.course.gradebook import load_course

    confirm_course(folder)
    return load_course(folder)


def open_gradebook(course):
    """The gradebook of a course. Use as a context manager."""
    from nbgrader.api import Gradebook

    return Gradebook(course.db_url, course.course_id)


# --- the configuration and the sources ----------------------------------------


def _configure(folder: Path, course_id: str | None, handed_out) -> list[str]:
    """The configuration, under the id that the course has or gets."""
    path, said = folder / "nbgrader_config.py", []
    if course_id is not None and not re.fullmatch(r"[\w.-]+", course_id):
        raise UserError(
            f"--course-id {course_id!r}: use letters, digits and . _ - alone; the "
            "exchange makes a folder of it"
        )
    if path.exists():
        there = open_course(folder).course_id
        if course_id not in (None, there):
            said.append(
                f"{path}: the course is called {there!r} and stays so; to call it "
                f"{course_id!r}, edit the file before anything is released"
            )
        course_id = there
    text = CONFIG.format(course_id=course_id or toc.course_id())
    newer = path.with_suffix(".new.py")
    return said + _told(folder, offer(text, path, newer, handed_out, "its text"))


def _lay_out(course, chapters: list[Chapter], handed_out) -> list[str]:
    """The chapters in `source/`, each new or beside the copy that is there."""
    said = []
    for chapter in chapters:
        mine = source_of(course, chapter.name)
        mine.parent.mkdir(parents=True, exist_ok=True)
        shelf = mine.parent.parent  # nbgrader would take a second notebook for graded
        text = nbformat.writes(source_notebook(chapter)) + "\n"
        newer = shelf / f"{chapter.name}.new.ipynb"
        said += _told(shelf, offer(text, mine, newer, handed_out))
    return said


def _renamed(course) -> list[str]:
    """Chapters of this course that have another name, or other parts, in the book."""
    sources = Path(course.format_path(course.source_directory, ".", "."))
    return [
        f"{folder}: {told}; your copy stays, and what is handed in under the old name "
        "is graded with it"
        for folder in sorted(sources.glob("[0-9][0-9]_*"))
        if folder.is_dir() and (told := told_became(folder.name))
    ]


def source_of(course, chapter: str) -> Path:
    """Where a chapter's source lies in a course."""
    folder = course.format_path(course.source_directory, ".", chapter)
    return Path(folder) / f"{chapter}.ipynb"


def _told(folder: Path, line: str | None) -> list[str]:
    return [f"{folder}/{line}"] if line else []


# --- the gradebook ------------------------------------------------------------


def _begin_gradebook(course) -> None:
    """Enter the version of a new gradebook's tables.

    nbgrader runs a program to learn it, which takes seconds; where there is a table, it
    does not.
    """
    import nbgrader
    from alembic.script import ScriptDirectory
    from sqlalchemy import create_engine, inspect, text

    engine = create_engine(course.db_url)
    if not inspect(engine).get_table_names():
        versions = Path(nbgrader.__file__).parent / "alembic"
        newest = ScriptDirectory(str(versions)).get_current_head()
        with engine.begin() as gradebook:
            columns = "version_num VARCHAR(32) NOT NULL"
            gradebook.execute(text(f"CREATE TABLE alembic_version ({columns})"))
            enter = text("INSERT INTO alembic_version (version_num) VALUES (:newest)")
            gradebook.execute(enter, {"newest": newest})
    engine.dispose()


def _register(course, chapters: list[str]) -> list[str]:
    """Enter the chapters that the gradebook does not know, from their sources."""
    with open_gradebook(course) as gradebook:
        known = {a.name for a in gradebook.assignments if a.notebooks}
    said, added = [], 0
    for chapter in chapters:
        if chapter in known:
            continue
        try:
            _save_cells(course, chapter)
            added += 1
        except Exception as error:  # it may be anything that an instructor wrote
            said.append(
                f"{source_of(course, chapter)}: nbgrader cannot read it ({error}); "
                f"mend it, and run `nbgrader generate_assignment {chapter}`"
            )
    if added:
        said.append(f"gradebook: {added} assignments with their points added")
    return said


def _save_cells(course, chapter: str) -> None:
    """What `nbgrader generate_assignment` writes into the gradebook, no file."""
    from nbgrader.converters import GenerateAssignment
    from nbgrader.preprocessors import SaveCells

    notebook = nbformat.read(source_of(course, chapter), as_version=4)
    about = {"notebook": chapter, "assignment": chapter, "student": "."}
    resources = {"nbgrader": about | {"db_url": course.db_url}}
    with open_gradebook(course) as gradebook:
        gradebook.update_or_create_assignment(chapter)
    converter = GenerateAssignment(coursedir=course, config=course.config)
    converter.log.setLevel(logging.ERROR)
    for step in converter.preprocessors:
        step(parent=converter).preprocess(notebook, resources)
        if step is SaveCells:
            break


def _enrol(course, folder: Path, roster: Path | None) -> list[str]:
    """The students of the class list, if there is one."""
    path = roster or folder / "roster.csv"
    if not roster and not path.is_file():
        return []
    from autograder.course.enrol import add_students

    with open_gradebook(course) as gradebook:
        return add_students(gradebook, path, folder)


# --- due dates ----------------------------------------------------------------


def _set_due_dates(course, folder: Path, due: tuple[str, ...]) -> list[str]:
    """Due dates from the file where none is set; from the command line, always."""
    wanted = list(_due_dates(folder / "due_dates.csv", due))
    asked = {chapter for _, chapter, _, from_option in wanted if from_option}
    said, new, zone = [], {}, zone_of(course)
    places: dict[tuple[str, bool], str] = {}
    with open_gradebook(course) as gradebook:
        known = {a.name: a.duedate for a in gradebook.assignments}
        for place, chapter, text, from_option in wanted:
            if chapter not in known:
                raise UserError(
                    f"{place}: no chapter {chapter!r}; "
                    + (told_became(chapter) or f"there are {', '.join(sorted(known))}")
                )
            before = places.setdefault((chapter, from_option), place)
            if before != place:
                raise UserError(
                    f"{place}: {chapter} is due by {before} already; take one out"
                )
            when, there = parse_due(text, place, zone), known[chapter]
            if from_option or (there is None and chapter not in asked):
                new[chapter] = when
            elif there != when and chapter not in asked:
                option = shlex.quote(f"{chapter}={text}")
                said.append(
                    f"{place}: {chapter} stays due {told_time(there, zone)}, not "
                    f"{told_time(when, zone)}; to change it: --due {option}"
                )
        for chapter, when in new.items():
            if when != known[chapter]:
                gradebook.update_or_create_assignment(chapter, duedate=when)
                said.append(f"{chapter}: due {told_time(when, zone)}")
    return said


def _due_dates(path: Path, due) -> Iterator[tuple[str, str, str, bool]]:
    """(where it is said, chapter, time, whether on the command line)"""
    if path.is_file():
        for line, row in read_table(path, DUE, needed=tuple(DUE)).rows:
            if row["due"]:
                yield f"{path}, line {line}", row["chapter"], row["due"], False
    for text in due:
        chapter, sign, when = text.partition("=")
        if not sign:
            raise UserError(f"--due {text}: write it as 05_softmax=2026-12-01T18:00")
        yield f"--due {text}", chapter.strip(), when.strip(), True
