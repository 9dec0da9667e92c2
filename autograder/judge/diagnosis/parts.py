"""The arrays that a result consists of, each beside the right one."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograder.exercises.declaration import Exercise
from autograder.judge.cases import Case, same_form
from autograder.judge.diagnosis.forms import items_of
from autograder.values.compare import as_numeric, same, shape_of


@dataclass(frozen=True)
class Part:
    """One array of the result, in one case, with the sizes that have names."""

    name: str
    letters: tuple[str, ...] | None
    sizes: dict[str, int]
    expected: np.ndarray
    actual: np.ndarray
    case: Case
    argument_names: tuple[str, ...]

    @property
    def label(self) -> str:
        """How a message calls it: `S`, or `the result` where it has no name."""
        return self.name or "the result"


def wrong_part(exercise: Exercise, case: Case) -> Part | None:
    """The array of the result that is wrong: of wrong shape rather than value."""
    alike = same if exercise.compared else same_form
    wrong = [
        Part(
            *(name, letters, sizes_of(exercise, case)),
            *(as_numeric(expected), as_numeric(actual), case),
            tuple(item.name for item in exercise.shapes.arguments),
        )
        for name, letters, actual, expected in parts_of(exercise, case)
        if shape_of(actual) is not None and not alike(actual, expected)
    ]
    misshapen = (p for p in wrong if p.actual.shape != p.expected.shape)
    return next(misshapen, wrong[0] if wrong else None)


def parts_of(exercise: Exercise, case: Case) -> Iterator[tuple]:
    """Name, size letters, actual and expected of each array of the result."""
    actual, expected = case.actual.value, case.expected.value
    letters = {item.name: item.sizes for item in exercise.shapes.results}
    if isinstance(expected, dict) and not isinstance(actual, dict):
        return
    if isinstance(expected, tuple) and (
        not isinstance(actual, tuple) or len(actual) != len(expected)
    ):
        return
    for name, came, right in items_of(exercise, actual, expected):
        name = name or exercise.shapes.results[0].name
        yield name, letters.get(name), came, right


def sizes_of(exercise: Exercise, case: Case) -> dict[str, int]:
    """Every size of the book that this case fixes, by its letter."""
    try:
        return exercise.shapes.bind(case.arguments, case.expected.value)
    except ValueError:
        return {}


def arguments_of(part: Part) -> dict[str, np.ndarray]:
    """The arrays among the arguments by name, those inside a dict too."""
    found = {}
    for name, value in zip(part.argument_names, part.case.arguments, strict=False):
        items = value.items() if isinstance(value, dict) else [(name, value)]
        found.update((k, v) for k, v in items if isinstance(v, np.ndarray))
    return found


def first_common(lists: Iterable[list]) -> Any:
    """The first entry that all lists have, or None."""
    first, *others = lists
    return next((entry for entry in first if all(entry in o for o in others)), None)
