"""The arrays that a result consists of, each beside the right one."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any, TypeVar

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
    size_names: dict[str, str]  # the argument that gives a size, by its letter

    @property
    def called(self) -> dict[str, int]:
        """The sizes by the names that a caller gives them: `num_heads`, not `h`."""
        names = self.size_names
        return {names.get(key, key): size for key, size in self.sizes.items()}

    @property
    def label(self) -> str:
        """How a message calls it: `S`, or `the result` where it has no name."""
        return self.name or "the result"


def in_shape(parts: Iterable[Part]) -> bool:
    """Whether what came has the shapes that are expected."""
    return all(part.actual.shape == part.expected.shape for part in parts)


def wrong_part(exercise: Exercise, case: Case) -> Part | None:
    """The array of the result that is wrong: of wrong shape rather than value, and
    weights rather than what is made with them.
    """
    alike = same if exercise.compared else same_form
    came = {n: (a, e) for n, _, a, e in parts_of(exercise, case)}
    wrong = [p for p in parts_in(exercise, case) if not alike(*came[p.name])]
    misshapen = (p for p in wrong if p.actual.shape != p.expected.shape)
    # What follows from wrong weights is wrong, too: they come first.
    weights = (p for p in wrong if are_weights(p.expected))
    return next(chain(misshapen, weights, wrong), None)


def parts_in(exercise: Exercise, case: Case) -> Iterator[Part]:
    """Every array of the result, beside what is expected of it."""
    for name, letters, actual, expected in parts_of(exercise, case):
        if shape_of(actual) is not None and shape_of(expected) is not None:
            yield Part(
                *(name, letters, sizes_of(exercise, case)),
                *(_numbers(expected), _numbers(actual), case),
                tuple(item.name for item in exercise.shapes.arguments),
                exercise.shapes.names,
            )


def _numbers(value: Any) -> np.ndarray:
    """An array that can be subtracted: True and False as 1 and 0."""
    array = as_numeric(value)
    return array.astype(int) if array.dtype.kind == "b" else array


def parts_of(
    exercise: Exercise, case: Case
) -> Iterator[tuple[str, tuple[str, ...] | None, Any, Any]]:
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
    found: dict[str, np.ndarray] = {}
    for name, value in zip(part.argument_names, part.case.arguments, strict=False):
        items = value.items() if isinstance(value, dict) else [(name, value)]
        found.update((k, v) for k, v in items if isinstance(v, np.ndarray))
    return found


T = TypeVar("T")


def first_common(lists: Iterable[list[T]]) -> T | None:
    """The first entry that all lists have, or None."""
    first, *others = lists
    return next((entry for entry in first if all(entry in o for o in others)), None)


def complete(values: Iterable[T | None]) -> list[T] | None:
    """The values, or None where one is missing."""
    found = []
    for value in values:
        if value is None:
            return None
        found.append(value)
    return found


def are_weights(values: np.ndarray) -> bool:
    """True where the rows of an array are shares of one whole."""
    if values.ndim < 2 or values.shape[-1] < 2 or values.dtype.kind != "f":
        return False
    with np.errstate(all="ignore"):
        return bool((values >= 0).all() and np.allclose(values.sum(-1), 1, rtol=1e-4))
