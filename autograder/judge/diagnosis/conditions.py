"""A result that is right under a condition, and wrong where that does not hold."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import permutations

import numpy as np

from autograder.judge.diagnosis.parts import Part, arguments_of, in_shape
from autograder.judge.diagnosis.wording import Diagnosis
from autograder.values.compare import close

ENOUGH = 6  # entries: of fewer, what they have in common is chance

Given = dict[str, np.ndarray]  # the arguments of a case, by name
Holds = Callable[[Given], np.ndarray]


def right_where(parts: list[Part]) -> Diagnosis | None:
    """Right just where an argument is True, or one is smaller than another."""
    if not in_shape(parts):
        return None
    for words, holds in _conditions(arguments_of(parts[0])):
        pairs = [_beside(part, holds) for part in parts]
        known = [pair for pair in pairs if pair is not None]
        if len(known) < len(parts) or any((r != h).any() for r, h in known):
            continue
        right = np.concatenate([r.ravel() for r, _ in known])
        if right.any() and not right.all() and right.size >= ENOUGH:
            return Diagnosis(
                f"In the cases that come out wrong, {parts[0].label} is right just "
                f"where {words}.",
                "What does your code do where that does not hold?",
            )
    return None


def _conditions(given: Given) -> Iterator[tuple[str, Holds]]:
    """What may hold of the entries of some arguments, in words and as a function."""
    for name, value in given.items():
        if value.dtype == np.bool_:
            yield f"{name} is True", partial(_is_true, name)
            yield f"{name} is False", partial(_is_false, name)
    for one, other in permutations(given, 2):
        first, second = given[one], given[other]
        alike = first.shape == second.shape
        if alike and first.dtype.kind == second.dtype.kind == "f":
            yield f"{one} <= {other}", partial(_no_larger, one, other)


def _is_true(name: str, given: Given) -> np.ndarray:
    return given[name]


def _is_false(name: str, given: Given) -> np.ndarray:
    return ~given[name]


def _no_larger(one: str, other: str, given: Given) -> np.ndarray:
    return given[one] <= given[other]


def _beside(part: Part, holds: Holds) -> tuple[np.ndarray, np.ndarray] | None:
    """Where a part is right, and where something holds; of rows, if that is of rows."""
    try:
        where = holds(arguments_of(part))
    except (KeyError, ValueError, TypeError):
        return None
    axes = where.ndim
    if axes == 0 or where.shape != part.expected.shape[:axes]:
        return None
    right = close(part.actual, part.expected)
    rows: np.ndarray = np.all(right, axis=tuple(range(axes, right.ndim)))
    return rows, where
