"""A made-up class: what learners might hand in, made from the declarations.

For an instructor who wants to see a course at work before anybody has handed in, and
for measuring. Right answers by different roads, declared mistakes, blank notebooks;
and what else there is in any class: a file cut off, one under another name, two who
handed in the same, and, where a due date is set, one that is late.
"""

import ast
import copy
import glob
import inspect
import shutil
from datetime import datetime, timedelta
from fnmatch import fnmatch
from pathlib import Path

import nbformat

from autograder.chapters.chapter import load_chapters
from autograder.exercises.declaration import Exercise
from autograder.exercises.source import among, names_given, renamed
from autograder.grading.assignment import CourseError

STUDENTS = "example-[0-9][0-9]*"
BROKEN = 12  # the student whose file is cut off, as by a full disk
RENAMED = 7  # whose file has another name
LATE = 5  # who hands in more than a day after the due date
COPIED = {11: 3}  # who hands in what another one wrote


def hand_in_example(course: Path, chapter: str, students: int) -> list[str]:
    """Write a made-up class into a course's `submitted/`; return what was done.

    course    a course folder in which the chapter was released.
    students  how many: `example-01`, and so on. One that is there stays as it is.
    """
    [found] = load_chapters([chapter])
    path = course / "release" / chapter / f"{chapter}.ipynb"
    if not path.is_file():
        raise CourseError(
            f"{path} is missing: hand the chapter out first, with `python -m "
            f"autograder release {chapter}`"
        )
    release = nbformat.read(path, 4)
    exercises = list(found.exercises().values())
    written, due = 0, _due_of_named(course, chapter, students)
    for number in range(1, students + 1):
        folder = course / "submitted" / f"example-{number:02}" / chapter
        if folder.exists():
            continue
        folder.mkdir(parents=True)
        notebook = answered(release, exercises, COPIED.get(number, number))
        text = nbformat.writes(notebook)
        if number == BROKEN:
            text = text[: len(text) // 3]
        name = "my answers.ipynb" if number == RENAMED else path.name
        (folder / name).write_text(text, encoding="utf-8")
        if due:
            when = due + timedelta(hours=30 if number == LATE else -number)
            stamp = f"{when:%Y-%m-%d %H:%M:%S} UTC\n"
            (folder / "timestamp.txt").write_text(stamp, encoding="utf-8")
        written += 1
    kept = f"; {students - written} were there already" if written < students else ""
    return [f"{course / 'submitted'}: {written} made-up students{kept}"]


def _due_of_named(course: Path, chapter: str, students: int) -> datetime | None:
    """When a chapter is due; None where no date is set. The students get names."""
    from autograder.course.setup import open_course, open_gradebook

    with open_gradebook(open_course(course)) as gradebook:
        for number in (f"{number:02}" for number in range(1, students + 1)):
            name = {"first_name": "Example", "last_name": number}
            gradebook.update_or_create_student(f"example-{number}", **name)
        return {a.name: a.duedate for a in gradebook.assignments}.get(chapter)


def remove_example(course: Path) -> list[str]:
    """Take the made-up students of every chapter away again; return what was done.

    Theirs are the folders and the rows of students called `example-01`, and so on.
    """
    from autograder.course.gradebook import pattern_of
    from autograder.course.setup import open_course, open_gradebook

    opened = open_course(course)
    steps = ("submitted", "autograded", "feedback")
    for step in steps:
        name = getattr(opened, f"{step}_directory")
        for folder in glob.glob(pattern_of(opened, name, STUDENTS, "")):
            shutil.rmtree(folder)
    for record in course.glob(f".graded/*/{STUDENTS}.json"):
        record.unlink()
    with open_gradebook(opened) as gradebook:
        found = [s.id for s in gradebook.students if fnmatch(s.id, STUDENTS)]
        for student in found:
            gradebook.remove_student(student)
    return [f"{len(found)} made-up students removed"]


def answered(release, exercises: list[Exercise], number: int):
    """The released notebook with the answers of one student; every tenth is blank."""
    made = copy.deepcopy(release)
    if number % 10 == 9:
        return made
    given = names_given(c.source for c in release.cells if c.cell_type == "code")
    for cell in made.cells:
        grade_id = cell.metadata.get("nbgrader", {}).get("grade_id", "")
        for exercise in exercises:
            if grade_id == f"{exercise.name}_answer":
                cell.source = _answer(exercise, number, given)
    return made


def _answer(exercise: Exercise, number: int, given: set[str]) -> str:
    """One of the right answers for even numbers, one of the mistakes for odd ones.

    Of eight students, one is wrong in a way that no exercise declares. given: names
    that the notebook has, and that mean the same in its other cells afterwards.
    """
    right = [exercise.reference, *exercise.equivalents]
    # Those that need torch take stock nbgrader longer still.
    right = [answer for answer in right if "torch" not in inspect.getsource(answer)]
    undeclared = number % 8 == 3
    wrong = () if undeclared else exercise.mistakes
    answers = (right, wrong)[number % 2] or right
    # By squares, so that some answers are commoner than others, as in any class.
    source = renamed(answers[number**2 % len(answers)], exercise.name)
    source = among(given, source, exercise.name)
    source = _one_too_much(source) if undeclared else source
    return f"# student {number}\n{source}"


def _one_too_much(source: str) -> str:
    """A function that returns what it would, plus one."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Return) and node.value:
            node.value = ast.BinOp(node.value, ast.Add(), ast.Constant(1))
    return ast.unparse(tree)
