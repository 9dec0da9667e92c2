"""One call of an answer: drawn, made, and compared with what is expected."""

import zlib
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from autograder.exercises.declaration import (
    DeclarationError,
    Exercise,
    docstring,
    words,
)
from autograder.values.called import Call, Function, call_in_process
from autograder.values.compare import as_array, conform, same, shape_of
from autograder.values.wire import Arguments, Opaque, Outcome, native

VISIBLE_SEED = 0  # what `check` draws from; grading draws from a secret one


DRAWS = 2  # how often each of an exercise's inputs is drawn


@dataclass(frozen=True, eq=False)
class Case:
    """One call: its arguments, what was expected, what came, whether it passed.

    repeated is a second call with the same arguments, made where the answer is
    random: the same generator has to give the same numbers. otherwise is a third one,
    with another generator: it has to give others. notes are what `drive` remarked.
    """

    name: str
    arguments: Arguments
    expected: Outcome
    actual: Outcome
    repeated: Outcome | None = None
    otherwise: Outcome | None = None
    passed: bool = True
    notes: tuple[str, ...] = ()


def draw_cases(exercise: Exercise, seed: int) -> list[tuple[str, Arguments]]:
    """Draw every case of an exercise: its name and its arguments."""
    drawn = []
    for draw in exercise.inputs:
        # Each case has its own stream: adding one leaves the others as they were.
        stream = zlib.crc32(f"{exercise.name}.{draw.__name__}".encode())
        for number in range(DRAWS):
            rng = np.random.default_rng([seed, stream, number])
            arguments = native(_drawn_by(exercise, draw, rng))
            drawn.append((f"{words(draw)} {number + 1}", arguments))
    return drawn


def _drawn_by(
    exercise: Exercise, draw: Function, rng: np.random.Generator
) -> Arguments:
    """The arguments of one case. DeclarationError where they are none."""
    place = f"{exercise.place}: its case {draw.__name__}"
    try:
        arguments = draw(rng)
    except Exception as error:
        raise DeclarationError(
            f"{place} raises {type(error).__name__}: {error}"
        ) from error
    if not isinstance(arguments, tuple):
        raise DeclarationError(
            f"{place} must return the arguments as a tuple; a single one needs a "
            "comma: return (S,)"
        )
    wanted = [item.name for item in exercise.shapes.arguments]
    if len(arguments) > len(wanted):
        raise DeclarationError(
            f"{place} returns {len(arguments)} arguments; the shape line has "
            f"{len(wanted)}: {', '.join(wanted)}"
        )
    return arguments


def confirm(exercise: Exercise) -> None:
    """Raise DeclarationError where the reference gives no value on any case.

    It may raise on some: an error can be what is asked for.
    """
    errors = [expected.error for *_, expected in drawn_cases(exercise, VISIBLE_SEED)]
    first = errors[0]
    if first and all(errors):
        line = f", in `{first.line}`" if first.line else ""
        raise DeclarationError(
            f"{exercise.place}: the reference raises on every case that inputs= draw. "
            f"The first time it is {first.kind}: {first.message}{line}"
        )


@lru_cache(maxsize=64)
def drawn_cases(exercise: Exercise, seed: int) -> list[tuple[str, Arguments, Outcome]]:
    """Every case with what is expected of it: the same for a whole class.

    Whoever calls a function gives it copies, so that nobody changes these.
    """
    return [
        (name, arguments, _expected(exercise, arguments))
        for name, arguments in draw_cases(exercise, seed)
    ]


def _expected(exercise: Exercise, arguments: Arguments) -> Outcome:
    return call_in_process(exercise.driven(exercise.reference))(arguments)


def run(call: Call, arguments: Arguments, like: Any) -> Outcome:
    """Call once; give the value the container types of `like`."""
    came = call(arguments)
    return _conformed(came, like, _remarks(came.value, like))


def _conformed(outcome: Outcome, like: Any, remarks: dict[int, str]) -> Outcome:
    value = conform(outcome.value, like)
    if remarks and isinstance(value, tuple):
        value = tuple(
            item.partition("\n")[0] if place in remarks else item
            for place, item in enumerate(value)
        )
    return Outcome(value, outcome.error, outcome.arguments)


def _remarks(value: Any, like: Any) -> dict[int, str]:
    """What follows, in a second line, on a word that is compared: where, and what."""
    if not (isinstance(like, tuple) and isinstance(value, list | tuple)):
        return {}
    return {
        place: item.partition("\n")[2]
        for place, (item, word) in enumerate(zip(value, like, strict=False))
        if isinstance(word, str) and isinstance(item, str) and "\n" in item
    }


Again = tuple[Case, Outcome, Outcome]  # a case, and two more calls of it


def try_again(call: Call, cases: list[Case]) -> list[Again]:
    """The first case, and the first that failed, called twice more."""
    chosen = [cases[0], *(case for case in cases if not case.passed)][:2]
    return [
        (case, _called(call, case), _called(call, case))
        for case in dict.fromkeys(chosen)
    ]


def _called(call: Call, case: Case) -> Outcome:
    return run(call, case.arguments, like=case.expected.value)


def agrees(actual: Outcome, expected: Outcome) -> bool:
    """True where two outcomes are the same value, or the same kind of error."""
    if expected.error or actual.error:
        return bool(
            expected.error and actual.error and expected.error.kind == actual.error.kind
        )
    return same(actual.value, expected.value)


def changed_arguments(case: Case) -> list[int]:
    """The positions of the arguments that the call changed in place."""
    return [
        position
        for position, (before, after) in enumerate(
            zip(case.arguments, case.actual.arguments, strict=False)
        )
        if isinstance(before, np.ndarray | dict) and not _identical(before, after)
    ]


def _identical(before: Any, after: Any) -> bool:
    if isinstance(before, dict):
        return (
            isinstance(after, dict)
            and before.keys() == after.keys()
            and all(_identical(value, after[key]) for key, value in before.items())
        )
    if not isinstance(after, np.ndarray) or before.shape != after.shape:
        return False
    if before.dtype == after.dtype and before.tobytes() == after.tobytes():
        return True  # as nearly always, and in a fifth of the time
    return np.array_equal(before, after, equal_nan=before.dtype.kind == "f")


def try_case(
    exercise: Exercise,
    call: Call,
    name: str,
    arguments: Arguments,
    expected: Outcome | None = None,
) -> Case:
    """Run one case for the learner, and compare with what is expected: by default
    with what the reference gives.
    """
    expected = expected or _expected(exercise, arguments)
    came = call(arguments)
    remarks = _remarks(came.value, expected.value)
    actual = _conformed(came, expected.value, remarks)
    notes = tuple(remarks.values())
    repeated = otherwise = None
    if not exercise.compared and not actual.error:
        repeated = run(call, arguments, like=expected.value)
        others = _with_other_generators(arguments)
        otherwise = run(call, others, like=expected.value)
    case = Case(*(name, arguments, expected, actual, repeated, otherwise), notes=notes)
    passed = _holds(exercise, case) and not changed_arguments(case)
    if passed and (other := _another_kind(came.value, expected.value)):
        notes = (*notes, other)
    return replace(case, passed=passed, notes=notes)


def _another_kind(value: Any, expected: Any) -> str:
    """What is to be noted of a right answer that code below may stumble over."""
    if isinstance(value, Opaque) and isinstance(expected, tuple):
        return (
            f"the results come from a {value.type_name}, which gives them only once; "
            "`return` with commas gives a tuple"
        )
    if isinstance(expected, np.ndarray) and expected.dtype.kind == "b":
        came = as_array(value) if isinstance(value, list | tuple) else value
        if isinstance(came, np.ndarray) and came.dtype.kind != "b":
            return (
                "these are numbers, 1 and 0; `~` and an index want True and False, "
                "which `.astype(bool)` makes of them"
            )
    return ""


def _holds(exercise: Exercise, case: Case) -> bool:
    if exercise.compared or case.expected.error:
        return agrees(case.actual, case.expected)
    return (
        case.actual.error is None
        and same_form(case.actual.value, case.expected.value)
        and not failed_properties(exercise, case)
    )


def same_form(actual: Any, expected: Any) -> bool:
    """True where two values have the same keys and shapes, whatever the numbers."""
    if isinstance(expected, dict):
        return (
            isinstance(actual, dict)
            and actual.keys() == expected.keys()
            and all(same_form(actual[key], expected[key]) for key in expected)
        )
    if isinstance(expected, tuple):
        return (
            isinstance(actual, tuple)
            and len(actual) == len(expected)
            and all(same_form(a, e) for a, e in zip(actual, expected, strict=True))
        )
    return shape_of(actual) == shape_of(expected) is not None


def failed_properties(exercise: Exercise, case: Case) -> list[str]:
    """The sentences of the properties that the answer lacks, as far as it lets
    itself be asked.
    """
    return [
        docstring(property_)
        for property_ in exercise.properties
        if not _has(property_, case.actual.value, case.arguments)
    ] + _not_drawn(case)


# What is said of the way in which random numbers were drawn.
UNUSED = "Nothing was drawn from the generator that was given."


UNLIKE = "Two generators with the same seed gave different numbers."


FIXED = "Two generators with different seeds gave the same numbers."


def _not_drawn(case: Case) -> list[str]:
    """What is wrong with the way in which random numbers were drawn, if anything."""
    if case.repeated is None or case.otherwise is None:
        return []
    found = []
    afterwards = case.actual.arguments or case.arguments  # none came: nothing drawn
    for before, after in zip(case.arguments, afterwards, strict=False):
        if isinstance(before, np.random.Generator) and _state(before) == _state(after):
            found.append(UNUSED)
    if not same(case.repeated.value, case.actual.value):
        found.append(UNLIKE)
    if not found and _fixed(case.actual.value, case.otherwise.value):
        found.append(FIXED)
    return found


def _fixed(value: Any, otherwise: Any) -> bool:
    """True where another generator gave the same numbers, but for equal ones like 0."""
    if isinstance(value, dict) and isinstance(otherwise, dict):
        return any(_fixed(item, otherwise.get(key)) for key, item in value.items())
    drawn = isinstance(value, np.ndarray) and value.size > 1 and np.ptp(value) != 0
    return bool(drawn) and same(otherwise, value)


def _with_other_generators(arguments: Arguments) -> Arguments:
    return tuple(
        _jumped(value) if isinstance(value, np.random.Generator) else value
        for value in arguments
    )


def _jumped(generator: np.random.Generator) -> np.random.Generator:
    bits: Any = generator.bit_generator  # each kind of it can jump, not its base
    return np.random.Generator(bits.jumped())


def _state(generator: Any) -> Any:
    known = isinstance(generator, np.random.Generator)
    return generator.bit_generator.state if known else None


def _has(property_: Function, value: Any, arguments: Arguments) -> bool:
    """Ask a property of an answer that may be anything at all."""
    try:
        with np.errstate(all="ignore"):
            return bool(property_(value, *arguments))
    except Exception:  # an answer so wrong that the question makes no sense
        return False
