"""Results of the wrong kind: no numbers, too many or too few of them, a wrong order."""

from collections.abc import Iterator
from itertools import permutations
from typing import Any

import numpy as np

from autograder.exercises.declaration import Exercise
from autograder.judge.cases import Case
from autograder.judge.diagnosis.wording import Diagnosis, promise, two_lines
from autograder.values.compare import same, shape_of
from autograder.values.wire import Opaque


def not_numbers(exercise: Exercise, failed: list[Case]) -> Diagnosis | None:
    """None, or something that holds no numbers."""
    actual, expected = failed[0].actual.value, failed[0].expected.value
    if actual is None and expected is not None:
        return Diagnosis(
            f"{exercise.name} returned None.",
            "Does the function end without `return`? `print(A)` only shows a value, "
            "and a last line such as `A` gives nothing back: write `return A`. Nor do "
            "`append`, `update` and what else changes a list or a dict in place.",
        )
    if actual is Ellipsis or isinstance(actual, Opaque | str):
        kind = actual.type_name if isinstance(actual, Opaque) else type(actual).__name__
        return Diagnosis(
            f"{exercise.name} returned something of type {kind}; expected "
            f"{promise(exercise)}.",
            _number_hint(exercise, expected),
        )
    return None


def _number_hint(exercise: Exercise, expected: Any) -> str:
    if isinstance(expected, int | float):
        return "Return the number itself."
    if isinstance(expected, tuple):
        names = ", ".join(item.name for item in exercise.shapes.results)
        return f"End with `return {names}`, each of them an array."
    return "Return an array of numbers, such as `np.array(...)` makes of a list."


def wrong_count(exercise: Exercise, failed: list[Case]) -> Diagnosis | None:
    """More or fewer results than promised."""
    actual, expected = failed[0].actual.value, failed[0].expected.value
    came = len(actual) if isinstance(actual, tuple | list) else 1
    wanted = len(expected) if isinstance(expected, tuple) else 1
    if came == wanted or isinstance(actual, list):
        return None
    kind = "a dict" if isinstance(actual, dict) else _count(came, "result")
    return Diagnosis(
        f"{exercise.name} returned {kind}; expected {_count(wanted, 'result')}: "
        f"{promise(exercise)}.",
        f"End with `return {', '.join(i.name for i in exercise.shapes.results)}`.",
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def wrong_order(exercise: Exercise, failed: list[Case]) -> Diagnosis | None:
    """The right results, returned in another order."""
    results = exercise.shapes.results
    if any(not isinstance(case.actual.value, tuple) for case in failed):
        return None
    for order in permutations(results):
        came = [results.index(item) for item in order]
        if all(
            same(case.actual.value, tuple(case.expected.value[i] for i in came))
            for case in failed
        ):
            names = [item.name for item in results]
            return Diagnosis(
                "All results are right, in the wrong order: "
                f"{', '.join(item.name for item in order)}.",
                f"End with `return {', '.join(names)}`.",
            )
    return None


def no_array(exercise: Exercise, failed: list[Case]) -> Diagnosis | None:
    """A result, or a part of one, that is no array."""
    case = failed[0]
    for name, part, right in items_of(exercise, case.actual.value, case.expected.value):
        if shape_of(part) is None:
            if isinstance(part, str) and exercise.drive:
                return Diagnosis(*two_lines(part))
            what = f"{name} is" if name else f"{exercise.name} returned"
            wanted = f"an array of shape {np.shape(right)}" if name else None
            return Diagnosis(
                f"{what} {_kind(part)}; expected {wanted or promise(exercise)}.",
                _no_array_hint(part),
            )
    return None


def dict_items(exercise: Exercise, failed: list[Case]) -> Diagnosis | None:
    """No dict where one is promised, or one with other keys."""
    actual, expected = failed[0].actual.value, failed[0].expected.value
    if not isinstance(expected, dict):
        return None
    if not isinstance(actual, dict):
        return Diagnosis(
            f"{exercise.name} returned {_kind(actual)}; expected a dict with the keys "
            f"{', '.join(expected)}.",
            "Collect the arrays in a dict and return it.",
        )
    missing = [key for key in expected if key not in actual]
    extra = [str(key) for key in actual if key not in expected]
    if missing or extra:
        return Diagnosis(
            f"The dict has {'no ' + ', '.join(missing) if missing else ''}"
            f"{' and ' if missing and extra else ''}"
            f"{'a key too many: ' + ', '.join(extra) if extra else ''}.",
            f"Expected are exactly the keys {', '.join(expected)}.",
        )
    return None


def _no_array_hint(part: Any) -> str:
    if isinstance(part, tuple) and all(isinstance(item, np.ndarray) for item in part):
        return (
            "A function that gives several things gave them together. Take them apart, "
            "`first, second = ...`, and collect each kind on its own."
        )
    if isinstance(part, list | tuple):
        return (
            "Its parts differ in shape, so they make no array: print the shape of each."
        )
    return "An array of numbers is asked for."


def items_of(exercise: Exercise, actual: Any, expected: Any) -> Iterator[tuple]:
    """Each part of a result that ought to be numbers: its name, itself, the right."""
    if isinstance(expected, tuple):
        names = [item.name for item in exercise.shapes.results]
        parts = zip(names, actual, expected, strict=True)
    else:
        parts = [("", actual, expected)]
    for name, came, right in parts:
        if isinstance(right, dict) and isinstance(came, dict):
            yield from ((key, came.get(key), value) for key, value in right.items())
        elif not isinstance(right, str):
            yield name, came, right


def _kind(value: Any) -> str:
    """What something is, in words."""
    if value is None:
        return "None"
    if isinstance(value, Opaque):
        return f"something of type {value.type_name}"
    if isinstance(value, np.ndarray):
        return "an array"
    if isinstance(value, list | tuple):
        return f"a {type(value).__name__} of {len(value)} parts that are no array"
    return f"a {type(value).__name__}"
