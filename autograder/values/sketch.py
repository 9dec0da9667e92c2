"""What an array, or a call, can be known by where there is no room for its numbers.

A sketch is one sum: each number times its own direction on the unit circle. A number
that changes, or changes places with another, moves the sum by as much.
"""

import math
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograder.values.wire import Arguments, Opaque

TURN = np.sqrt(2.0)  # no multiple of it is a whole turn: no two directions are alike
CLOSE = 1e-12  # relative: another machine may round the last digits otherwise


@dataclass(frozen=True)
class Sketch(Opaque):
    """Stands for an array of finite numbers: its shape, the sum, the largest number."""

    type_name: str = "Sketch"
    shape: tuple[int, ...] = ()
    total: complex = 0.0
    largest: float = 0.0

    def is_near(self, other: "Sketch", tolerance: float) -> bool:
        """Whether this is the other array, to `tolerance` times its largest number."""
        room = tolerance * other.largest * np.sqrt(max(math.prod(self.shape), 1))
        near = self.shape == other.shape and abs(self.total - other.total) <= room
        return bool(near)  # not where one of them is nan


def sketch_of(array: np.ndarray) -> Sketch:
    """The sketch of an array of numbers of any kind."""
    flat = array.ravel()
    with np.errstate(all="ignore"):
        total = complex((flat * np.exp(1j * TURN * np.arange(flat.size))).sum())
        largest = float(np.abs(flat).max(initial=0))
    return Sketch(shape=array.shape, total=total, largest=largest)


def has_sketch(value: Any) -> bool:
    """Whether of some array of a value no more than a sketch is left."""
    if isinstance(value, dict):
        return any(map(has_sketch, value.values()))
    if isinstance(value, tuple | list):
        return any(map(has_sketch, value))
    return isinstance(value, Sketch)


@dataclass(frozen=True)
class Called:
    """What a call is known by: the form of its arguments, and their numbers."""

    form: int
    numbers: Sketch

    def is_near(self, other: "Called") -> bool:
        """Whether two calls have the same arguments, but for rounding."""
        return self.form == other.form and self.numbers.is_near(other.numbers, CLOSE)


def call_of(arguments: Arguments) -> Called:
    """What a call with plain arguments is known by."""
    words: list[str] = []
    numbers: list[np.ndarray] = [np.zeros(0)]
    _take_down(arguments, words, numbers)
    form = zlib.crc32("\n".join(words).encode())
    return Called(form, sketch_of(np.concatenate(numbers)))


def _take_down(value: Any, words: list[str], numbers: list[np.ndarray]) -> None:
    words.append(type(value).__name__)
    if isinstance(value, np.ndarray):
        # A whole number has 32 bits in a browser, and 64 elsewhere.
        kind = value.dtype.kind if value.dtype.kind in "iu" else value.dtype.str
        finite = np.isfinite(value)
        others = "" if finite.all() else repr(value[~finite].tolist())
        words.append(f"{kind} {value.shape} {others}")
        if others:
            words.append(repr(np.flatnonzero(~finite).tolist()))
        numbers.append(np.where(finite, value, 0).ravel())
    elif isinstance(value, np.random.Generator):
        words.append(repr(value.bit_generator.state))
    elif isinstance(value, dict):
        for key in sorted(value, key=repr):
            words.append(repr(key))
            _take_down(value[key], words, numbers)
    elif isinstance(value, tuple | list):
        words.append(str(len(value)))
        for item in value:
            _take_down(item, words, numbers)
    else:
        words.append(value.type_name if isinstance(value, Opaque) else repr(value))
