"""A right answer with a step exchanged: how a composed exercise goes wrong.

The reference is the pipeline. The steps of a function are the functions that it calls
by name; those of a class are its methods. With one of them exchanged for a wrong one
it gives what a learner gets who makes that mistake at that step, and so `attention`
inherits the mistakes of `softmax` without a line about how they are made.
"""

import inspect
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from types import CodeType, FunctionType
from typing import Any

from autograder.values.called import Function


@dataclass(frozen=True)
class Exchange:
    """What a function or a class was made of: see `exchanged`."""

    whole: Function
    steps: dict[str, Function]


def exchanged(whole: Function, **steps: Function) -> Function:
    """The same function, or class, with other functions in the place of some steps.

    What the steps call themselves stays as it is. A plain function may be a step of a
    class, too: it gets no `self`.
    """
    made: Any  # and so may have an attribute more
    if isinstance(whole, type):
        methods = {name: _method(step) for name, step in steps.items()}
        made = type(whole)(
            whole.__name__, (whole,), {**methods, "__module__": whole.__module__}
        )
    elif isinstance(whole, FunctionType):
        names = {**whole.__globals__, **steps}
        made = FunctionType(
            whole.__code__, names, whole.__name__, whole.__defaults__, whole.__closure__
        )
        made.__kwdefaults__ = whole.__kwdefaults__
        made.__doc__ = whole.__doc__
    else:
        raise TypeError(f"{whole!r} is neither a function nor a class")
    made.exchange = Exchange(whole, steps)
    function: Function = made
    return function


def _method(step: Function) -> "Function | staticmethod[..., Any]":
    takes_self = next(iter(inspect.signature(step).parameters), None) == "self"
    return step if takes_self else staticmethod(step)


def exchange_of(function: Function) -> Exchange | None:
    """What a function was made of, if `exchanged` made it."""
    found = vars(function).get("exchange")  # a class does not inherit it
    return found if isinstance(found, Exchange) else None


def named(function: Function, name: str, docstring: str | None) -> Function:
    """Give a function that was just made its name and its docstring."""
    function.__name__ = function.__qualname__ = name
    function.__doc__ = docstring
    return function


def place_of(step: Function, reference: Function) -> tuple[Function, str]:
    """In which function or class a step stands, and under which name.

    step  what the reference calls, or a method: `_Layer.scale`.
    Raises ValueError where the reference has no such step.
    """
    owner, dot, name = step.__qualname__.rpartition(".")
    whole = getattr(sys.modules[step.__module__], owner, None) if dot else None
    if isinstance(whole, type):
        return whole, name
    steps = steps_of(reference)
    found = next((name for name, value in steps.items() if value is step), None)
    if found is None:
        raise ValueError(
            f"{reference.__name__} does not call {step.__name__}; its steps are "
            f"{listed(steps)}"
        )
    return reference, found


def steps_of(function: Function) -> dict[str, Function]:
    """The functions of its module that a function calls, by name, in their order."""
    if not isinstance(function, FunctionType):
        return {}
    names = dict.fromkeys(_names(function.__code__))
    found = {name: function.__globals__.get(name) for name in names}
    return {name: step for name, step in found.items() if inspect.isfunction(step)}


def _names(code: CodeType) -> Iterator[str]:
    """What a function reads by name, in what is defined inside it too."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def listed(names: Iterable[str]) -> str:
    """Names for a message: `a, b and c`."""
    *others, last = list(names) or ["none"]
    return f"{', '.join(others)} and {last}" if others else last


def unknown(name: str, known: Iterable[str]) -> str:
    """That there is no such name, and which one may be meant."""
    known = list(known)
    close = get_close_matches(name, known, 1)
    meant = f"did you mean {close[0]}?" if close else f"there are {listed(known)}"
    return f"there is no {name}; {meant}"
