"""A key: an exercise as arrays and texts, for folders that must not hold the answer.

`check` asks the reference and the mistakes on the visible cases alone. A key records
what each of them answers there, and what else a chapter asks of the reference. Read,
it is an `Exercise` whose functions are tables: the judge works with it unchanged, and
gives the very same verdicts.

A key is one message of `autograder.wire`: nothing in it is executed. Properties,
`drive` and what draws the cases are code; they lie beside the key, in `NAME_rules.py`.
"""

import builtins
import copy
import inspect
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import Any

import numpy as np

from autograder.exercises.declaration import Exercise
from autograder.exercises.ordinary import Draw, ordinary_cases
from autograder.exercises.shapes import ShapeLine
from autograder.values import wire
from autograder.values.called import Function
from autograder.values.pool import Pool
from autograder.values.sketch import Called, Sketch, call_of
from autograder.values.wire import Arguments

LIMIT = 2**28  # bytes of a key
# What was recorded, by the number of a call. One that is not known has no number.
Recorded = dict[int | None, Any]


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
    """What each call that a key answers is known by; its number is its place."""

    known: list[Called] = field(default_factory=list)
    _found: dict[bytes, int | None] = field(default_factory=dict)

    def add(self, arguments: Arguments) -> int:
        """The number of a call, a new one where it was not known."""
        call = call_of(arguments)
        if call not in self.known:
            self.known.append(call)
        return self.known.index(call)

    def find(self, arguments: Arguments) -> int | None:
        """The number of a call with these arguments, but for rounding."""
        arguments = wire.plain(arguments)
        name = wire.encode(arguments)  # every mistake is asked with the same cases
        if name not in self._found:
            call, known = call_of(arguments), enumerate(self.known)
            near = (number for number, each in known if call.is_near(each))
            self._found[name] = next(near, None)
        return self._found[name]

    def as_plain(self) -> dict[str, Any]:
        """Everything that is known, as few plain arrays."""
        numbers = [call.numbers for call in self.known]
        return {
            "forms": np.array([call.form for call in self.known], np.uint32),
            "counts": np.array([n.shape[0] for n in numbers], np.uint32),
            "totals": np.array([n.total for n in numbers], np.complex128),
            "largest": np.array([n.largest for n in numbers], np.float64),
        }

    @classmethod
    def of(cls, plain: dict[str, np.ndarray]) -> "Calls":
        """The calls that `as_plain` told of."""
        rows = zip(*(array.tolist() for array in plain.values()), strict=True)
        return cls(
            [
                Called(form, Sketch(shape=(count,), total=total, largest=largest))
                for form, count, total, largest in rows
            ]
        )


def load(file: Path) -> Exercise:
    """Read a key as an exercise. `WireError` where the file is not sound."""
    key = wire.decode(file.read_bytes(), LIMIT)
    key |= Pool.of(key["pool"]).take(key["told"])
    rules = _rules(file)
    calls = Calls.of(key["calls"])
    unknown = BORROWED if key["borrowed"] else UNKNOWN
    reference: Any = _table(file.stem, key["doc"], key["outcomes"], calls, unknown)
    reference.__signature__ = _signature(key["signature"])
    return Keyed(
        reference=reference,
        inputs=tuple(_inputs(key, rules, calls)),
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


def _inputs(
    key: dict[str, Any], rules: dict[str, Any], calls: Calls
) -> Iterator[Function]:
    """What draws each case: as it was recorded, or by the rules, or by the shapes."""
    for name, seen in key["inputs"]:
        if seen is not None:
            yield _table(name, "", seen, calls)
        elif name in rules:
            yield _known_draw(rules[name], calls)
        else:
            described = inspect.getdoc(rules.get("drive")) or key["doc"]
            cases = ordinary_cases(ShapeLine.of(described))
            yield next(_known_draw(c, calls) for c in cases if c.__name__ == name)


def _known_draw(draw: Draw, calls: Calls) -> Function:
    """The same draw; it raises where the numbers are not those that were recorded."""

    @wraps(draw)
    def drawn(rng: np.random.Generator) -> Arguments:
        arguments = draw(rng)
        if calls.find(arguments) is None:
            raise NotKnownHereError(OTHER_NUMBERS.format(np.__version__))
        return arguments

    return drawn


OTHER_NUMBERS = (
    "NumPy {} draws other numbers here than the ones that this exercise was recorded "
    "with. Install the version that requirements.txt names."
)
UNKNOWN = (
    "This needs an answer of {name} that is not kept here, nor is a solution of it. "
    "Run this cell again when your own {name} is written, and `check` finds nothing "
    "wrong with it."
)
BORROWED = (
    "This needs {name}, which a later chapter writes. Here it is known for the right "
    "numbers only: run this cell again when `check` finds nothing wrong."
)


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
    generators = (a for a in arguments if isinstance(a, np.random.Generator))
    for generator, after in zip(generators, outcome["after"], strict=True):
        generator.bit_generator.state = after.bit_generator.state
    return copy.deepcopy(outcome["value"])


def _error(kind: str, message: str) -> Exception:
    """An exception of a kind and with the words that were recorded."""
    parent = getattr(builtins, kind, Exception)
    members = {"__init__": lambda self, _: None, "__str__": lambda self: message}
    error: Exception = type(kind, (parent,), members)(message)
    return error
