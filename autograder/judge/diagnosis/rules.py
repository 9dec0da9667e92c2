"""What an exception means here: one rule each, the first that fits is told.

A rule says nothing that its exception does not show. Each has an example, code that
ends with it; a test runs every example, and sees that its own rule is the one that
answers. `hint` is a sentence with the pattern's groups and the `words` of the exercise
in braces, or a function that makes it and may decline with "".
"""

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from autograder.exercises.declaration import Exercise
from autograder.exercises.registry import discover
from autograder.judge.cases import Case
from autograder.judge.diagnosis import names
from autograder.values.wire import CallError


@dataclass(frozen=True)
class Raised:
    """An exception of a learner's function in one case."""

    exercise: Exercise
    case: Case
    error: CallError

    @cached_property
    def line(self) -> str:
        """The learner's line, or nothing."""
        return self.error.line or ""

    @cached_property
    def words(self) -> dict[str, str]:
        """What a sentence may name."""
        items = self.exercise.shapes.arguments
        return {
            "name": self.exercise.name,
            "arguments": ", ".join(item.name for item in items),
            "given": given(self.exercise, self.case),
            "line": self.line,
        }


@dataclass(frozen=True)
class Rule:
    """One meaning of an exception.

    kinds    of exception, separated by spaces; empty for any.
    pattern  in its message.
    line     a pattern in the learner's line.
    example  the body of an answer to the exercise `on` that ends with it.
    """

    name: str
    kinds: str
    pattern: str
    hint: str | Callable[[Raised, re.Match[str]], str]
    example: str
    on: str = "softmax"
    line: str = ""
    flags: re.RegexFlag = field(default=re.NOFLAG)

    def told(self, raised: Raised) -> str:
        """The hint for an exception, or nothing where the rule does not fit."""
        if self.kinds and raised.error.kind not in self.kinds.split():
            return ""
        found = re.search(self.pattern, raised.error.message, self.flags)
        if found is None or not re.search(self.line, raised.line):
            return ""
        if callable(self.hint):
            return self.hint(raised, found)
        groups = {k: v or "" for k, v in found.groupdict().items()}
        return self.hint.format(**raised.words | groups)


SHAPES = (
    r"operands could not be broadcast|mismatch in its core dimension|not aligned"
    r"|shapes cannot be multiplied|must match the size|size mismatch"
    r"|do not match|does not broadcast|requested shape|cannot reshape"
    r"|invalid for input of size|Expected size for first two dimensions"
    r"|axes don't match|must have the same shape|shape mismatch|dimensions .* match"
    r"|could not broadcast"
)
CALLED = r"(?:.*\.)?(?P<called>[^\s.(]+?)\(\) (?:takes|missing|got|received)"
NOTHING = (
    "Something is None. Does a function before this line lack a `return`? What changes "
    "a list or a dict in place, such as `append` and `update`, gives nothing back."
)


def given(exercise: Exercise, case: Case) -> str:
    """The arguments of a case, as a reader needs them: shapes, and small numbers."""
    described = []
    for item, value in zip(exercise.shapes.arguments, case.arguments, strict=False):
        if isinstance(value, np.ndarray):
            described.append(f"{item} is {value.shape}")
        elif isinstance(value, dict):
            shapes = ", ".join(f"{k} {np.shape(v)}" for k, v in list(value.items())[:2])
            described.append(f"{item.name} holds {shapes} and so on")
        elif isinstance(value, int):
            described.append(f"{item.name} is {value}")
    return ", ".join(described)


def of_a_class(raised: Raised, found: re.Match[str]) -> str:
    """A class was called where a function is wanted, with a function's arguments."""
    if raised.error.line or inspect.isclass(raised.exercise.reference):
        return ""
    name = raised.exercise.name
    return (
        f"{name} is a class here, and its call makes an object. Write a function: "
        f"`def {name}({raised.words['arguments']}):`."
    )


def no_function(raised: Raised, found: re.Match[str]) -> str:
    name = raised.exercise.name
    if raised.error.line or inspect.isclass(raised.exercise.reference):
        return ""
    return (
        f"{name} stands for something of type {found['kind']} when the code has run, "
        f"not for a function. Was `{name} = ...` written below it?"
    )


def lost_axis(raised: Raised, found: re.Match[str]) -> str:
    """A matrix meets a vector with a number for each of its rows."""
    shapes = re.findall(r"\(([\d,]+)\)", raised.error.message)
    if len(shapes) != 2:
        return ""
    longer, shorter = sorted((s.strip(",").split(",") for s in shapes), key=len)[::-1]
    if len(longer) != len(shorter) + 1 or longer[:-1] != shorter:
        return ""
    return (
        "A matrix meets a number for each of its rows, and these lie along the "
        "columns. `keepdims=True` in `sum`, `mean` and so on makes them a column."
    )


def overwrites(line: str) -> str:
    """The name that a line makes anew of itself and of one part of something else, as
    in a loop: `Q = Q @ W[:, part]`, `query = dense(query)`.
    """
    name = re.match(r"(\w+)\s*=(?!=)", line)
    if name is None:
        return ""
    mixed = re.search(rf"\b{name[1]}\s*@|@\s*{name[1]}\b", line)
    mapped = re.search(rf"=\s*\w+\(\s*{name[1]}\s*\)", line)
    return name[1] if mapped or (mixed and re.search(r"\[[^\"'\]]", line)) else ""


def overwritten(raised: Raised, found: re.Match[str]) -> str:
    name = overwrites(raised.line)
    return name and (
        f"This line makes a new `{name}` of `{name}`: in a loop, the second round gets "
        "what the first one made. Give what is made a name of its own. Here "
        f"{raised.words['given']}."
    )


def keys(raised: Raised, found: re.Match[str]) -> str:
    known = [
        key
        for value in raised.case.arguments
        if isinstance(value, dict)
        for key in value
    ]
    return (
        f"There is no such key.{f' The dict has {names.listed(known)}.' * bool(known)}"
    )


def own_call(raised: Raised, found: re.Match[str]) -> str:
    """The function itself does not take its arguments."""
    exercise, called = raised.exercise, found["called"]
    if called == exercise.name and inspect.isclass(exercise.reference):
        return f"A class is wanted: `class {called}(torch.nn.Module):`."
    if called in (exercise.name, "<lambda>"):
        return (
            f"{exercise.name} is called with ({raised.words['arguments']}). Keep these "
            "arguments, in this order."
        )
    method = getattr(exercise.reference, called, None)
    if inspect.isfunction(method):
        return f"Keep `def {called}{inspect.signature(method)}:`, as in the stub."
    return ""


def other_call(raised: Raised, found: re.Match[str]) -> str:
    """A function of the book that does not take these arguments."""
    called = found["called"]
    if called not in discover() or called == raised.exercise.name:
        return ""
    takes = ", ".join(i.name for i in discover()[called].shapes.arguments)
    star = f" If one tuple holds them all, it takes a star: `{called}(*them)`."
    return f"`{called}` takes {takes}.{star * ('missing' in raised.error.message)}"
