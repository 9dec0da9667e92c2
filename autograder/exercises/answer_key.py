"""A key: an exercise as arrays and texts, for folders that must not hold the answer.

`check` asks the reference and the mistakes on the visible cases alone. A key records
what each of them answers there, and what else a chapter asks of the reference. Read,
it is an `Exercise` whose functions are tables: the judge works with it unchanged, and
gives the very same verdicts.

A key is one message of `autograder.wire`: nothing in it is executed. Properties and
`drive` are code; they lie beside the key, in `NAME_rules.py`.
"""

import builtins
import copy
import inspect
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from autograder.exercises.declaration import Exercise
from autograder.values import wire
from autograder.values.called import Function
from autograder.values.wire import Arguments

LIMIT = 2**28  # bytes of a key
CLOSE = 1e-12  # relative: another machine may round the last digits otherwise


class NotKnownHereError(Exception):
    """A call that a key has no answer to. In a notebook it shows as one sentence."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


@dataclass(frozen=True, kw_only=True)
class Keyed(Exercise):
    """An exercise whose reference and mistakes are tables."""

    def driven(self, answer: Function) -> Function:
        """As for any exercise; a table is asked with the case's arguments at once."""
        known = answer is self.reference or answer in self.mistakes
        return answer if known else super().driven(answer)


@dataclass(frozen=True)
class Calls:
    """The arguments of every call that a key knows, each with its number."""

    arguments: list[Arguments] = field(default_factory=list)
    _numbers: dict[bytes, int] = field(default_factory=dict)

    def add(self, arguments: Arguments) -> int:
        """The number of a call, a new one where it was not known."""
        name = wire.encode(arguments)
        if name not in self._numbers:
            self._numbers[name] = len(self.arguments)
            self.arguments.append(arguments)
        return self._numbers[name]

    def find(self, arguments: Arguments) -> int | None:
        """The number of a call with these arguments, but for rounding."""
        arguments = wire.plain(arguments)
        try:
            number = self._numbers.get(wire.encode(arguments))
        except wire.WireError:  # not plain: never recorded
            return None
        if number is not None:
            return number
        known = enumerate(self.arguments)
        return next((n for n, value in known if _alike(value, arguments)), None)


def _alike(known: Any, given: Any) -> bool:
    if type(known) is not type(given):
        return False
    if isinstance(known, dict):
        return known.keys() == given.keys() and all(
            _alike(known[name], given[name]) for name in known
        )
    if isinstance(known, tuple | list):
        pairs = zip(known, given, strict=False)
        return len(known) == len(given) and all(_alike(a, b) for a, b in pairs)
    if isinstance(known, np.ndarray):
        return (known.shape, known.dtype) == (given.shape, given.dtype) and np.allclose(
            known, given, rtol=CLOSE, atol=CLOSE, equal_nan=True
        )
    if isinstance(known, np.random.Generator):
        return bool(known.bit_generator.state == given.bit_generator.state)
    return bool(known == given)


def load(file: Path) -> Exercise:
    """Read a key as an exercise. `WireError` where the file is not sound."""
    key = wire.decode(file.read_bytes(), LIMIT)
    rules = _rules(file)
    calls = Calls()
    for arguments in key["calls"]:
        calls.add(arguments)
    unknown = BORROWED if key["borrowed"] else UNKNOWN
    reference: Any = _table(file.stem, key["doc"], key["outcomes"], calls, unknown)
    reference.__signature__ = _signature(key["signature"])
    return Keyed(
        reference=reference,
        inputs=tuple(_table(name, "", seen, calls) for name, seen in key["inputs"]),
        mistakes=tuple(_mistake(calls, *mistake) for mistake in key["mistakes"]),
        properties=tuple(rules[name] for name in key["properties"]),
        drive=rules.get("drive"),
        hints=tuple(key["hints"]),
        points=key["points"],
        flagged=tuple(key["flagged"]),
        compared=key["compared"],
    )


def _rules(file: Path) -> dict[str, Any]:
    """What `NAME_rules.py` beside a key defines; nothing where there is none."""
    rules = file.with_name(f"{file.stem}_rules.py")
    namespace: dict[str, Any] = {"__name__": rules.stem}
    if rules.is_file():
        code = compile(rules.read_text(encoding="utf-8"), str(rules), "exec")
        exec(code, namespace)
    return namespace


UNKNOWN = (
    "This needs an answer of {name} that is not kept here, nor is a solution of it. "
    "Run this cell again when your own {name} is written, and `check` finds nothing "
    "wrong with it."
)
BORROWED = (
    "This needs {name}, which a later chapter writes. Here it is known for the right "
    "numbers only: run this cell again when `check` finds nothing wrong."
)


# What was recorded, by the number of a call. One that is not known has no number.
Recorded = dict[int | None, Any]


def _table(
    name: str, doc: str, outcomes: Recorded, calls: Calls, unknown: str = UNKNOWN
) -> Function:
    """A function that answers from what was recorded."""

    def table(*arguments: Any, **named: Any) -> Any:
        arguments = by_position(table, arguments, named)
        outcome = outcomes.get(calls.find(arguments))
        if outcome is None:
            raise NotKnownHereError(unknown.format(name=name))
        return _again(outcome, arguments)

    table.__name__ = table.__qualname__ = name
    table.__doc__ = doc
    return table


def _mistake(
    calls: Calls,
    name: str,
    doc: str,
    outcomes: Recorded,
    symptoms: Recorded,
    names: Recorded,
) -> Function:
    mistake: Any = _table(name, doc, outcomes, calls)
    if symptoms:
        mistake.symptoms = lambda arguments: symptoms.get(calls.find(arguments))
    mistake.names = lambda arguments: names.get(calls.find(arguments))
    function: Function = mistake
    return function


def by_position(
    function: Function, arguments: Arguments, named: dict[str, Any]
) -> Arguments:
    """The arguments of a call, those with names too. TypeError as the call gives it."""
    if not named:
        return arguments
    call = inspect.signature(function).bind(*arguments, **named)
    call.apply_defaults()
    return call.args


def _signature(parameters: list[tuple[Any, ...]]) -> inspect.Signature:
    """The signature of (name,) or (name, default) pairs."""
    return inspect.Signature(
        [
            inspect.Parameter(
                name,
                inspect.Parameter.POSITIONAL_OR_KEYWORD,
                default=default[0] if default else inspect.Parameter.empty,
            )
            for name, *default in parameters
        ]
    )


def _again(outcome: dict[str, Any], arguments: Arguments) -> Any:
    """Do what the recorded call did: raise, or draw from a generator and return."""
    if "error" in outcome:
        raise _error(*outcome["error"])
    for argument, after in zip(arguments, outcome["after"], strict=True):
        if isinstance(argument, np.random.Generator):
            argument.bit_generator.state = after.bit_generator.state
    return copy.deepcopy(outcome["value"])


def _error(kind: str, message: str) -> Exception:
    """An exception of a kind and with the words that were recorded."""
    parent = getattr(builtins, kind, Exception)
    members = {"__init__": lambda self, _: None, "__str__": lambda self: message}
    error: Exception = type(kind, (parent,), members)(message)
    return error
