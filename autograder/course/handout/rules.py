"""What a key cannot hold as values: how an answer is asked, as source, and no more.

That are the properties and the `drive` of an exercise, and what draws its cases: drawn
anew they take no room. A draw that needs an answer is no part of it; its cases are
recorded.
"""

import ast
from pathlib import Path

from autograder.chapters import dependencies
from autograder.errors import UserError
from autograder.exercises import ordinary
from autograder.exercises.declaration import Exercise
from autograder.exercises.registry import discover
from autograder.exercises.source import excerpt, file_of


class ReleaseError(UserError):
    """A chapter that cannot be packed. Names the file and the remedy."""


def home(name: str) -> Path:
    """The file that declares an exercise."""
    return file_of(discover()[name].reference)


def rules(exercise: Exercise) -> str:
    """The source of an exercise's properties, of its `drive` and of its draws."""
    told = [*exercise.properties, *([exercise.drive] if exercise.drive else [])]
    names = [rule.__name__ for rule in told]
    if given_away := _answers_in(_source(exercise, names), exercise):
        raise ReleaseError(
            f"{home(exercise.name)}: {' or '.join(names)} needs "
            f"{', '.join(sorted(given_away))}, which learners must not see; write it "
            "without"
        )
    names += [name for name in _own_draws(exercise) if name in drawn_by_rules(exercise)]
    return _source(exercise, names) if names else ""


def drawn_by_rules(exercise: Exercise) -> set[str]:
    """The draws of an exercise that a learner may have as they are.

    They need no exercise, of this file or another one; so the shape line's cases may.
    """
    names = {draw.__name__ for draw in exercise.inputs}
    for name in _own_draws(exercise):
        text = _source(exercise, [name])
        if _answers_in(text, exercise) or "solutions" in dependencies.imported(
            ast.walk(ast.parse(text))
        ):
            names.remove(name)
    return names


def _own_draws(exercise: Exercise) -> list[str]:
    """The names of the draws that the declaration itself holds."""
    made = ordinary.__name__
    return [draw.__name__ for draw in exercise.inputs if draw.__module__ != made]


def _source(exercise: Exercise, names: list[str]) -> str:
    about = f"How any {exercise.name} is asked, and what must hold for it."
    return excerpt(home(exercise.name), names, about)


def _answers_in(text: str, exercise: Exercise) -> set[str]:
    """The answers, of all exercises of the file, that a text defines."""
    file = home(exercise.name)
    known = discover()
    here = [known[name] for name in known if known.file(name) == file]
    answers = {
        answer.__name__
        for each in here
        for answer in (each.reference, *each.mistakes, *each.equivalents)
    }
    return dependencies.defined(ast.walk(ast.parse(text))) & answers
