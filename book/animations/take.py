"""What came when a function was called: the array to play, or what is wrong with it."""

import warnings
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from autograder import is_reference, ready


def performer(function):
    """The function to play, whether it is the reference, and a line that says so."""
    with _silence():
        function = ready(function)
    name = getattr(function, "__name__", "function")
    if is_reference(function):
        return function, True, f"The reference plays: {name} is not written yet"
    return function, False, f"Your {name} plays"


@dataclass(frozen=True)
class Take:
    """One value that a function returned, as a picture needs it.

    `array` is the value where it has the expected shape; `came` is whatever numbers
    came, of any shape; `problem` says in words why there is no `array`.
    """

    array: np.ndarray | None
    came: np.ndarray | None
    problem: str | None


def take(value, shape):
    """Look at one returned value; `shape` is the shape it should have."""
    came = _numbers(value)
    if came is None:
        return Take(None, None, f"returned {_kind(value)}, not an array of numbers")
    if came.shape != tuple(shape):
        return Take(None, came, f"shape {came.shape}, should be {tuple(shape)}")
    return Take(came, came, None)


def call(function, *arguments, shapes):
    """Call a learner's function on copies and look at what it returns.

    `shapes` is one shape, or a list of shapes where a tuple is expected; the answer is
    one `Take`, or a list of as many. Nothing that the function does raises here.
    """
    several = isinstance(shapes, list)
    wanted = shapes if several else [shapes]
    try:
        with _silence():
            value = function(*(_copied(a) for a in arguments))
    except Exception as error:
        takes = [Take(None, None, _told(error))] * len(wanted)
        return takes if several else takes[0]
    if not several:
        return take(value, shapes)
    if not isinstance(value, (tuple, list)) or len(value) != len(wanted):
        kind = _kind(value)
        if isinstance(value, (tuple, list)):
            kind += f" of {len(value)}"
        problem = f"returned {kind}, should be a tuple of {len(wanted)}"
        return [Take(None, None, problem)] * len(wanted)
    return [take(v, s) for v, s in zip(value, wanted, strict=True)]


@contextmanager
def _silence():
    """Numbers that are wrong are shown, not warned about."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


def _copied(argument):
    if isinstance(argument, dict):
        return {name: _copied(value) for name, value in argument.items()}
    return argument.copy() if isinstance(argument, np.ndarray) else argument


def _numbers(value):
    """The value as a float array, or None where it is not made of real numbers."""
    if hasattr(value, "detach"):  # a torch tensor
        value = value.detach().cpu()
    try:
        with _silence():
            array = np.asarray(value)
        return array.astype(float) if array.dtype.kind in "biuf" else None
    except Exception:
        return None


def _kind(value):
    if value is None:
        return "None"
    name = type(value).__name__
    return ("an " if name[0] in "aeiou" else "a ") + name


def _told(error):
    said = str(error).split("\n")[0]
    return f"{type(error).__name__}: {said}" if said else type(error).__name__
