"""When are two results the same? One answer, used for right and for wrong ones.

A result is plain (see `autograder.wire`): arrays, numbers, and tuples or dicts of
them. A learner may return any equivalent form: a list, a float32 tensor, an int.
"""

from functools import cache
from typing import Any

import numpy as np

from autograder.values.sketch import Sketch, sketch_of
from autograder.values.wire import Opaque

LOOSEST = 4e-3  # float16, and nearly float32: ten times the root of its epsilon
TIGHTEST = 1e-5  # float64: some step on the way to it may have been float32
NUMERIC = (bool, int, float, complex, np.number, np.bool_, np.ndarray)


def conform(actual: Any, expected: Any) -> Any:
    """Give `actual` the container type of `expected` where that loses nothing."""
    if isinstance(expected, tuple) and isinstance(actual, Opaque):
        return conform(actual.items, expected) if _fits(actual, expected) else actual
    if isinstance(expected, tuple) and isinstance(actual, list | tuple):
        if len(actual) != len(expected):
            return tuple(actual)
        return tuple(conform(a, e) for a, e in zip(actual, expected, strict=True))
    if isinstance(expected, dict) and isinstance(actual, dict):
        return {key: conform(a, expected.get(key)) for key, a in actual.items()}
    if isinstance(expected, np.ndarray) and isinstance(actual, list | tuple):
        return as_array(actual)
    if isinstance(expected, np.ndarray | float | int) and _is_number(actual):
        return as_numeric(actual) if isinstance(expected, np.ndarray) else actual
    if isinstance(expected, int | float) and shape_of(actual) == ():
        return actual.item() if isinstance(actual, np.ndarray) else actual
    return actual


def _fits(given: Opaque, expected: tuple[Any, ...]) -> bool:
    """Whether a generator, a `map` or the like gave these very results."""
    return len(given.items) == len(expected) and same(
        conform(given.items, expected), expected
    )


def same(actual: Any, expected: Any) -> bool:
    """True where a result equals another, within the precision of its dtype."""
    if isinstance(expected, dict):
        return (
            isinstance(actual, dict)
            and actual.keys() == expected.keys()
            and all(same(actual[key], expected[key]) for key in expected)
        )
    if isinstance(expected, tuple | list):
        return (
            type(actual) is type(expected)
            and len(actual) == len(expected)
            and all(same(a, e) for a, e in zip(actual, expected, strict=True))
        )
    if isinstance(expected, Sketch):
        return _is_numeric(actual) and _is_as(as_numeric(actual), expected)
    if not _is_numeric(actual) or not _is_numeric(expected):
        return type(actual) is type(expected) and actual == expected
    if isinstance(actual, int) and isinstance(expected, int):
        return actual == expected
    if np.shape(actual) != np.shape(expected):
        return False
    return bool(np.all(close(actual, expected)))


def _is_as(actual: np.ndarray, expected: Sketch) -> bool:
    """As `close`, where no more than a sketch is left of what is expected."""
    tolerated = max(tolerance(actual.dtype), TIGHTEST)  # a sketch is not exact
    return sketch_of(actual).is_near(expected, tolerated)


def close(actual: Any, expected: Any) -> np.ndarray:
    """Which entries agree: a boolean array of the common shape. NaN equals NaN."""
    actual, expected = as_numeric(actual), as_numeric(expected)
    expected = expected.astype(np.result_type(expected, 1.0), copy=False)
    relative = tolerance(actual.dtype)
    finite = np.isfinite(expected)
    size = np.abs(expected)
    scale = size[finite].max(initial=0.0) if finite.any() else 1.0
    # As np.isclose has it, in half its time: for a class this is done often.
    with np.errstate(all="ignore"):
        near = np.abs(actual - expected) <= relative * (scale + size)
        both_nan = np.isnan(actual) & np.isnan(expected)
        agrees: np.ndarray = near & finite | (actual == expected) | both_nan
        return agrees


def shape_of(value: Any) -> tuple[int, ...] | None:
    """The shape of an array, `()` for a number, None for anything else."""
    if isinstance(value, np.ndarray):
        return tuple(value.shape)
    return () if _is_number(value) else None


@cache
def tolerance(dtype: np.dtype) -> float:
    """The relative error to allow: ten times the root of the dtype's epsilon, within
    bounds; whole numbers have to be exact.
    """
    if dtype.kind not in "fc":
        return 1e-9
    root = float(np.sqrt(np.finfo(dtype).eps))
    return float(np.clip(10 * root, TIGHTEST, LOOSEST))


def first_difference(actual: Any, expected: Any) -> dict[str, Any] | None:
    """The first entry that differs: {index, expected, actual}, ready for JSON.

    The index leads through tuples and dicts first, then along the array's axes.
    None where nothing differs, or where the two cannot be laid over each other.
    """
    if isinstance(expected, tuple | dict):
        keys = expected.keys() if isinstance(expected, dict) else range(len(expected))
        if type(actual) is not type(expected) or len(actual) != len(expected):
            return None
        for key in keys:
            if isinstance(actual, dict) and key not in actual:
                return None
            found = first_difference(actual[key], expected[key])
            if found:
                return {**found, "index": [key, *found["index"]]}
        return None
    if not _is_numeric(actual) or not _is_numeric(expected):
        return None
    if np.shape(actual) != np.shape(expected):
        return None
    wrong = np.argwhere(~close(actual, expected))
    if len(wrong) == 0:
        return None
    index = tuple(int(i) for i in wrong[0])
    return {
        "index": list(index),
        "expected": _json_number(np.asarray(expected)[index]),
        "actual": _json_number(np.asarray(actual)[index]),
    }


def _json_number(value: Any) -> Any:
    """JSON has no NaN, no infinity and no complex numbers: name them."""
    value = value.item() if isinstance(value, np.generic | np.ndarray) else value
    if isinstance(value, float) and np.isfinite(value):
        return float(f"{value:.12g}")
    return value if isinstance(value, bool | int) else str(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, bool | int | float | complex)


def _is_numeric(value: Any) -> bool:
    return _is_number(value) or isinstance(value, np.ndarray)


def as_numeric(value: Any) -> np.ndarray:
    """As an array; a Python int that NumPy cannot hold becomes the nearest float."""
    array = np.asarray(value)
    if array.dtype.kind != "O":
        return array
    try:
        return np.asarray(float(array.item()))
    except OverflowError:
        return np.asarray(np.inf)


def as_array(values: list[Any] | tuple[Any, ...]) -> Any:
    """A nested list as an array; unchanged where it is ragged or holds no numbers."""
    if not _all_numeric(values):
        return values
    try:
        array = np.asarray(values)
    except ValueError:
        return values
    return array if array.dtype.kind in "biufc" else values


def _all_numeric(values: list[Any] | tuple[Any, ...]) -> bool:
    """Whether a nested list holds numbers only: of texts NumPy makes an array where
    each takes as much memory as the longest.
    """
    kinds = set(map(type, values))
    if not all(issubclass(kind, (*NUMERIC, list, tuple)) for kind in kinds):
        return False
    if all(issubclass(kind, NUMERIC) for kind in kinds):
        return True
    return all(_all_numeric(part) for part in values if isinstance(part, list | tuple))


def is_finite(value: Any) -> bool:
    """True where no number in a result, or in a part of it, is inf or nan."""
    if isinstance(value, tuple | dict):
        return all(map(is_finite, value.values() if isinstance(value, dict) else value))
    return shape_of(value) is None or bool(np.isfinite(as_numeric(value)).all())
