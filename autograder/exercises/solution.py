"""An exercise solved: the reference, why it is so, and other right ways to write it."""

import ast
import inspect

from autograder.exercises.declaration import Exercise, words
from autograder.exercises.source import source_of
from autograder.values.called import Function


def written(exercise: Exercise) -> str | None:
    """The source of the reference; None where this folder has only its key."""
    try:
        return source_of(exercise.reference)
    except (OSError, TypeError):
        return None


def reasons(exercise: Exercise) -> list[str]:
    """Why the reference is so, a paragraph each: what `why=` says, or else the module
    that declares it, besides the question with which it begins.
    """
    if exercise.why:
        return [exercise.why]
    told = inspect.getdoc(inspect.getmodule(exercise.reference)) or ""
    return told.split("\n\n")[1:]


def other_ways(exercise: Exercise) -> dict[str, str]:
    """Other right answers under the exercise's name, by what is special about each."""
    return {
        words(other).strip().capitalize(): source_of(other).replace(
            f"def {other.__name__}(", f"def {exercise.name}("
        )
        for other in exercise.equivalents
        if stands_alone(other)
    }


def stands_alone(function: Function) -> bool:
    """True where a reader could write this: it calls nothing that only its module has,
    and is defined under the name by which it is called.
    """
    if not inspect.isfunction(function):
        return False
    definition = ast.parse(source_of(function)).body[0]
    used = {n.id for n in ast.walk(definition) if isinstance(n, ast.Name)}
    private = {n for n in used if n.startswith("_") and n in function.__globals__}
    return getattr(definition, "name", "") == function.__name__ and not private
