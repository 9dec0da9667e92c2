"""A class to grade: submissions made from a real chapter, each with its right score.

A learner's cell holds the function under the exercise's name. The sources come from
the declarations: the reference, the equivalents, the mistakes. So the class grows with
`solutions/` and nothing about an exercise is repeated here.
"""

import ast
import copy
import inspect
import re
import subprocess
import sys
import textwrap
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat

from autograder.chapters import Chapter, solution_of
from autograder.exercise import BEGIN, END, Exercise
from autograder.judge import judge
from autograder.wire import call_in_process


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
    yield Submission("right", _filled(release, right), full)
    for exercise in exercises:
        name = exercise.name

        def made(student, source, score, mistake=None, name=name):
            text = _filled(release, right | {name: source})
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


def source_of(function) -> str:
    """A function's source, ready to stand in a cell."""
    return textwrap.dedent(inspect.getsource(function)).rstrip()


def renamed(function, name: str) -> str:
    """A function's source under another name, without its docstring."""
    tree = ast.parse(source_of(function))
    definition = tree.body[0]
    definition.name = name
    if ast.get_docstring(definition) is not None:
        definition.body = definition.body[1:]
    return ast.unparse(tree)


def own_lines(exercise):
    """The lines of a reference that say how it is done."""
    solution = solution_of(exercise)
    bodies = re.findall(rf"{BEGIN}\n(.*?)\n *{END}", solution, re.DOTALL)
    lines = [line.split("  #")[0].strip() for b in bodies for line in b.splitlines()]
    everybodys = "super().__init__()"  # stands in any class of PyTorch's
    return [
        line
        for line in lines
        if len(line) > 14 and line != everybodys and not line.endswith(".shape")
    ]


def signature(exercise: Exercise) -> str:
    """The arguments of an exercise, as they stand in its definition: `(Q, K)`."""
    return str(inspect.signature(exercise.reference))


def _filled(release: nbformat.NotebookNode, sources: dict[str, str]) -> str:
    """The released notebook with these functions written into their cells."""
    notebook = copy.deepcopy(release)
    for cell in notebook.cells:
        grade_id = cell.metadata.get("nbgrader", {}).get("grade_id", "")
        name = grade_id.removesuffix("_answer")
        if grade_id.endswith("_answer") and name in sources:
            cell.source = f"import numpy as np\n\n\n{sources[name]}"
    return nbformat.writes(notebook)


def nbgrader(course, *arguments):
    """Run one of nbgrader's own commands in a course folder."""
    return subprocess.run(
        [sys.executable, "-m", "nbgrader", *arguments],
        cwd=course,
        capture_output=True,
        text=True,
    )


def hand_in(submissions: list[Submission], course: Path, chapter: str) -> None:
    """Write a class into a course's `submitted/` folder."""
    for submission in submissions:
        folder = course / "submitted" / submission.student / chapter
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{chapter}.ipynb").write_text(submission.text, encoding="utf-8")
