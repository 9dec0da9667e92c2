"""A class to grade: submissions made from a real chapter, each with its right score.

A learner's cell holds the function under the exercise's name. The sources come from
the declarations: the reference, the equivalents, the mistakes. So the class grows with
`solutions/` and nothing about an exercise is repeated here.
"""

import copy
import inspect
import multiprocessing
import os
import re
import runpy
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat

from autograder.chapters.chapter import Chapter, load_chapters, solution_of
from autograder.course.setup import make_course
from autograder.exercises.declaration import BEGIN, END, Exercise
from autograder.exercises.source import renamed, source_of
from autograder.judge.verdict import judge
from autograder.values.called import call_in_process


@dataclass(frozen=True)
class Submission:
    """One learner's notebook, and what it has to score.

    text: the file as it is handed in. scores: points by exercise, or None where no
    notebook can be read. mistake: what the judge has to call it, if anything.
    """

    student: str
    text: str
    scores: dict[str, float] | None
    mistake: str | None = None


def make_class(chapter: Chapter, release: nbformat.NotebookNode) -> list[Submission]:
    """A class for one chapter, made from its released notebook.

    Right answers by different roads, every declared mistake, undeclared mistakes,
    blank, a syntax error, an exception, a wrong name, and a broken file.
    """
    return list(_submissions(list(chapter.exercises().values()), release))


def _submissions(
    exercises: list[Exercise], release: nbformat.NotebookNode
) -> Iterator[Submission]:
    full = {exercise.name: exercise.points for exercise in exercises}
    nothing = dict.fromkeys(full, 0.0)
    right = {exercise.name: source_of(exercise.reference) for exercise in exercises}
    yield Submission("right", filled(release, right), full)
    for exercise in exercises:
        name = exercise.name

        def made(student, source, score, mistake=None, name=name):
            text = filled(release, right | {name: source})
            return Submission(student, text, full | {name: score}, mistake)

        for other in exercise.equivalents:
            source = renamed(other, name)
            yield made(f"{name}-by-{other.__name__}", source, exercise.points)
        for mistake in exercise.mistakes:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # overflow is some mistakes' point
                score = judge(exercise, call_in_process(mistake)).score
            source = renamed(mistake, name)
            yield made(f"{name}-{mistake.__name__}", source, score, mistake.__name__)
        arguments = signature(exercise)
        for student, body in UNDECLARED.items():
            yield made(f"{name}-{student}", f"def {name}{arguments}:\n    {body}", 0.0)
    yield Submission("blank", nbformat.writes(release), nothing)
    yield Submission("truncated", nbformat.writes(release)[:1000], None)
    yield Submission("empty", "", None)


# Wrong in ways that no exercise declares.
UNDECLARED = {
    "forgot-return": "42",
    "text": "return 'the answer'",
    "exception": "return undefined_name",
    "syntax-error": "return (",
    "random": "import numpy as np\n    return np.random.rand(3, 3)",
}


def own_lines(exercise):
    """The lines of a reference that say how it is done."""
    solution = solution_of(exercise)
    bodies = re.findall(rf"{BEGIN}\n(.*?)\n *{END}", solution, re.DOTALL)
    lines = [line.split("  #")[0].strip() for b in bodies for line in b.splitlines()]
    # Stand in any class of PyTorch's, and wherever there may be a mask.
    everybodys = {"super().__init__()", "if allowed is not None:"}
    return [
        line
        for line in lines
        if len(line) > 14 and line not in everybodys and not line.endswith(".shape")
    ]


def signature(exercise: Exercise) -> str:
    """The arguments of an exercise, as they stand in its definition: `(Q, K)`."""
    return str(inspect.signature(exercise.reference))


def filled(release: nbformat.NotebookNode, sources: dict[str, str]) -> str:
    """The released notebook with these functions written into their cells."""
    notebook = copy.deepcopy(release)
    for cell in notebook.cells:
        grade_id = cell.metadata.get("nbgrader", {}).get("grade_id", "")
        name = grade_id.removesuffix("_answer")
        if grade_id.endswith("_answer") and name in sources:
            cell.source = f"import numpy as np\n\n\n{sources[name]}"
    return nbformat.writes(notebook)


def small_course(folder: Path, names: list[str], roster: str = "", due=()) -> Path:
    """A course of these chapters alone: all of the book's take longer."""
    folder.mkdir(parents=True)
    if roster:
        (folder / "roster.csv").write_text(roster, encoding="utf-8")
    make_course(folder, due=due, only=names)
    return folder


def autograder(*arguments, cwd=None):
    """Run one of our own commands."""
    return subprocess.run(
        [sys.executable, "-m", "autograder", *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
    )


# nbgrader is seconds in being imported. Here one process has done so, and each command
# is run by a copy of it.
COPIES = multiprocessing.get_context("forkserver")
COPIES.set_forkserver_preload(["nbgrader.apps.nbgraderapp"])


def nbgrader(course, *arguments):
    """Run one of nbgrader's own commands in a course folder, in its own process."""
    command = ["nbgrader", *map(str, arguments)]
    with tempfile.TemporaryDirectory() as said:
        given = (command, str(course), dict(os.environ), said)
        process = COPIES.Process(target=_in_a_copy, args=given)
        process.start()
        process.join()
        out, trouble = ((Path(said) / name).read_text() for name in ("out", "err"))
    return subprocess.CompletedProcess(command, process.exitcode, out, trouble)


def _in_a_copy(command, folder, environment, said):
    for name, number in (("out", 1), ("err", 2)):
        with open(Path(said) / name, "wb") as file:
            os.dup2(file.fileno(), number)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = command
    runpy.run_module("nbgrader", run_name="__main__", alter_sys=True)


def hand_in(submissions: list[Submission], course: Path, chapter: str) -> None:
    """Write a class into a course's `submitted/` folder."""
    for submission in submissions:
        folder = course / "submitted" / submission.student / chapter
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{chapter}.ipynb").write_text(submission.text, encoding="utf-8")


def release(course: Path, chapter: str) -> nbformat.NotebookNode:
    """Make the release of a chapter with nbgrader's own command, and read it."""
    done = nbgrader(course, "generate_assignment", chapter)
    assert done.returncode == 0, done.stderr
    path = course / "release" / chapter / f"{chapter}.ipynb"
    return nbformat.read(str(path), as_version=4)


def hand_in_at(course: Path, chapter: str, student: str, text: str, time: str) -> None:
    """One learner's notebook, with the time at which it came (UTC)."""
    hand_in([Submission(student, text, None)], course, chapter)
    stamp = course / "submitted" / student / chapter / "timestamp.txt"
    stamp.write_text(f"{time} UTC\n", encoding="utf-8")


def right_answers(chapter: str, made: nbformat.NotebookNode) -> str:
    """A release with every function written as the declarations have it."""
    exercises = load_chapters([chapter])[0].exercises().values()
    return filled(made, {e.name: source_of(e.reference) for e in exercises})
