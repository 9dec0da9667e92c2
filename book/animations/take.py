"""Whose function plays, and what came when it was called."""

import os
import warnings
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import numpy as np

from autograder import is_reference, ready
from autograder.exercises.registry import discover
from autograder.values.compare import close


@dataclass(frozen=True)
class Part:
    """One array of a performance: what came, beside what should come.

    `values` are the numbers to draw: those that came, or the expected ones where
    what came cannot stand in their place; `problem` then says why, and `came` holds
    the numbers that came, if any. `style` is for `Stage.matrix`.
    """

    values: np.ndarray
    wrong: np.ndarray
    faded: bool
    problem: str | None
    came: np.ndarray | None

    @property
    def known(self):
        return self.problem is None

    @property
    def right(self):
        return self.known and not self.wrong.any()

    @property
    def aside(self):
        """What a caption adds about these numbers; nothing where all are right."""
        if self.right:
            return ""
        if self.known:
            return f" {self.wrong.sum()} of your {self.wrong.size} numbers differ."
        return f" Yours: {self.problem}."

    def of_row(self, i):
        """The same of one row; nothing where no numbers came."""
        if not self.wrong[i].any():
            return ""
        return f" {self.wrong[i].sum()} of your {self.wrong[i].size} numbers differ."

    @property
    def style(self):
        return {"wrong": self.wrong, "faded": self.faded}


MARKED = "The marked numbers of yours differ."


def ending(parts, right, wrong=MARKED):
    """What the last caption says: `right`, or what is wrong with one of the parts.

    `parts` names them: {"the outputs": Part, ...}.
    """
    for name, part in parts.items():
        if not part.known:
            return f"Yours did not give {name}: {part.problem}."
    return right if all(part.right for part in parts.values()) else wrong


@dataclass(frozen=True)
class Actor:
    """The function that plays: the learner's, or the reference in its place."""

    function: object
    name: str
    reference: bool

    def play(self, *arguments, expected):
        """Call the function on copies of the arguments; nothing it does raises here.

        `expected` is one array, or a list of arrays where a tuple should come; the
        answer is one `Part`, or a list of as many.
        """
        several = isinstance(expected, list)
        wanted = expected if several else [expected]
        try:
            with _silence():
                value = self.function(*(_copied(a) for a in arguments))
        except Exception as error:
            parts = [self._failed(w, _told(error)) for w in wanted]
        else:
            parts = self._parts(value, wanted, several)
        return parts if several else parts[0]

    def line(self, *parts):
        """Say whose numbers the picture shows."""
        if self.reference:
            return unwritten(f"The reference plays: {self.name} is not written yet")
        if any(not part.known for part in parts):
            return f"Your {self.name} plays; grey is what should have come"
        return f"Your {self.name} plays"

    def _parts(self, value, wanted, several):
        if not several:
            return [self._part(value, wanted[0])]
        if isinstance(value, (tuple, list)) and len(value) == len(wanted):
            return [self._part(v, w) for v, w in zip(value, wanted, strict=True)]
        kind = _kind(value)
        if isinstance(value, (tuple, list)):
            kind += f" of {len(value)}"
        problem = f"returned {kind}, should be a tuple of {len(wanted)}"
        return [self._failed(w, problem, _numbers(value)) for w in wanted]

    def _part(self, value, expected):
        came = _numbers(value)
        if came is None:
            wanted = "an array of numbers" if expected.ndim else "a number"
            problem = f"returned {_kind(value)}, not {wanted}"
            return self._failed(expected, problem)
        if came.shape != expected.shape:
            problem = f"shape {came.shape}, should be {expected.shape}"
            return self._failed(expected, problem, came)
        wrong = ~close(came, expected)
        came = came.astype(float)
        return Part(came, wrong, False, None, came)

    def _failed(self, expected, problem, came=None):
        nothing = np.zeros(expected.shape, bool)
        came = came if came is None else came.astype(float)
        return Part(expected, nothing, True, problem, came)


def unwritten(text):
    """What is said of a function that is not written yet. On a page of the book nobody
    has written one, and nothing is said.
    """
    return "" if "BOOK_MEDIA" in os.environ else text


def cast(function):
    """Choose who plays: the learner's function if it is written, else the reference."""
    with _silence(), suppress(LookupError):  # an unknown name plays as it is
        if is_reference(chosen := ready(function)):
            function = chosen
    name = getattr(function, "__name__", "function")
    return Actor(function, name, is_reference(function))


def right(name):
    """The function that gives the expected numbers: the reference of an exercise.

    A scene asks it and does not work the numbers out, so that who reads a scene does
    not read the answer.
    """
    return discover()[name].reference


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
    """The value as an array, or None where it is not made of real numbers."""
    if hasattr(value, "detach"):  # a torch tensor
        value = value.detach().cpu()
    try:
        with _silence():
            array = np.asarray(value)
        return array if array.dtype.kind in "biuf" else None
    except Exception:
        return None


def _kind(value):
    if value is None:
        return "None"
    name = type(value).__name__
    return ("an " if name[0] in "aeiou" else "a ") + name


def _told(error):
    said = str(error).split("\n")[0][:160]
    return f"{type(error).__name__}: {said}" if said else type(error).__name__
