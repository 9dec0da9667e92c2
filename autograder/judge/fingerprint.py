"""What an answer did, as one short text: the same for answers that do the same.

Two wrong answers that no mistake explains belong together when they give the same
results on the inputs that everybody may see. So the digest is taken of what came
back, not of the code: two ways to write one misunderstanding have one digest.
"""

import re
from typing import Any

import numpy as np

from autograder.files.whole import digest_of
from autograder.values.called import Call
from autograder.values.compare import as_array, as_numeric
from autograder.values.wire import Arguments, CallError, Opaque, Outcome

MOST = 2**16  # numbers that are compared: an array of a wrong shape may be large
DIGITS = 4  # that count, of the largest number: float32 and float64 fall together


class Watched:
    """A judge's `call` that remembers what it gave."""

    def __init__(self, call: Call):
        self._call = call
        self.outcomes: list[Outcome] = []

    def __call__(self, arguments: Arguments) -> Outcome:
        """Call, and remember the outcome."""
        outcome = self._call(arguments)
        self.outcomes.append(outcome)
        return outcome

    def digest(self) -> str:
        """What all calls gave, in 16 hexadecimal digits."""
        seen = [_result(outcome) for outcome in self.outcomes]
        return digest_of(repr(seen))[:16]

    def errors(self) -> set[str]:
        """The kinds of error that the calls ended with."""
        return {outcome.error.kind for outcome in self.outcomes if outcome.error}


def _result(outcome: Outcome) -> tuple[Any, ...]:
    if outcome.error:
        return ("error", *_words(outcome.error))
    return ("value", _rounded(outcome.value))


def _words(error: CallError) -> tuple[str, str]:
    """An error without what differs from one process to the next."""
    return error.kind, re.sub(r"0x[0-9a-fA-F]+", "0x", error.message)


def _rounded(value: Any) -> Any:
    """A plain value as nested tuples of text."""
    if isinstance(value, dict):
        items = sorted((repr(key), _rounded(part)) for key, part in value.items())
        return ("dict", *items)
    if isinstance(value, list):
        value = as_array(value)
    if isinstance(value, tuple | list):
        return ("items", *map(_rounded, value))
    if isinstance(value, bool | int | float | complex | np.ndarray):
        return _rounded_array(as_numeric(value))
    if isinstance(value, Opaque):
        return ("opaque", value.type_name)
    return (type(value).__name__, str(value))


def _rounded_array(array: np.ndarray) -> tuple[Any, ...]:
    if array.dtype.kind == "c":
        parts = (_rounded_array(array.real), _rounded_array(array.imag))
        return ("complex", *parts)
    shape, array = array.shape, array.ravel()[:MOST]
    numbers = array.astype(np.float64)
    finite = np.abs(numbers[np.isfinite(numbers)])
    scale = finite.max() if finite.size else 0.0
    with np.errstate(all="ignore"):
        steps = np.round(numbers / scale * 10**DIGITS) if scale else numbers
    steps = np.where(np.isnan(steps), np.nan, steps + 0.0)  # one nan, and one zero
    digest = digest_of(steps.tobytes())
    return ("array", shape, f"{scale:.{DIGITS - 1}e}", digest)
