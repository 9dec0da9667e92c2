"""The declared mistakes: which of them an answer behaves like."""

import re
from collections.abc import Callable, Iterator
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import numpy as np

from autograder.exercises.declaration import Exercise, docstring
from autograder.judge.cases import (
    Case,
    agrees,
    changed_arguments,
    failed_properties,
    run,
    try_case,
)
from autograder.judge.diagnosis.defaults import given_all, other_default
from autograder.judge.diagnosis.rules import overwrites
from autograder.judge.diagnosis.wording import Diagnosis, failing, promise, told
from autograder.values.called import Function, call_in_process
from autograder.values.compare import is_finite, shape_of
from autograder.values.endings import ENDINGS
from autograder.values.wire import Arguments, CallError, Outcome

CHANGED_ARGUMENTS = "changed_its_arguments"
Symptoms = tuple[Any, ...]  # what can be said of a random answer
T = TypeVar("T")
OVERFLOW = "\nBesides, large numbers give inf or nan: does something overflow?"


def matching(exercise: Exercise, cases: list[Case]) -> Iterator[Function]:
    """The declared mistakes that behave like the answer on every case."""
    alike = _behaves_like if exercise.compared else _looks_like
    found = (m for m in exercise.mistakes if alike(exercise, m, cases))
    raised = next((case for case in cases if case.actual.error), None)
    if raised is None or not exercise.compared:
        return found
    return iter(_raised_alike(exercise, list(found), raised))


def _raised_alike(
    exercise: Exercise, mistakes: list[Function], case: Case
) -> list[Function]:
    """Of mistakes that raise the same error, the one that raises it at the same place.

    The place is known by what its line names of a dict, such as W_o in params. None is
    found where the learner's line names nothing that tells them apart.
    """
    if len(mistakes) < 2:
        return mistakes
    error = case.actual.error
    line = _named_in(exercise, error.line if error else None, case.arguments)
    shared = {}
    for mistake in mistakes:
        names = names_of(exercise, mistake, case.arguments)
        shared[mistake] = len(names & line), -len(names - line)
    best = max(shared.values())
    closest = [mistake for mistake in mistakes if shared[mistake] == best]
    return closest if best[0] and len(closest) == 1 else []


def names_of(exercise: Exercise, mistake: Function, arguments: Arguments) -> set[str]:
    """What of a dict the line names in which a mistake raises."""
    if recorded := getattr(mistake, "names", None):  # by a key
        return set(recorded(arguments) or ())
    error = call_in_process(exercise.driven(mistake))(arguments).error
    return _named_in(exercise, error.line, arguments) if error else set()


def _named_in(exercise: Exercise, line: str | None, arguments: Arguments) -> set[str]:
    """The dicts among the arguments that a line names, and their keys."""
    items = zip(exercise.shapes.arguments, arguments, strict=False)
    dicts = [(item.name, value) for item, value in items if isinstance(value, dict)]
    known = {name for dict_name, value in dicts for name in (dict_name, *value)}
    return known & set(re.findall(r"\w+", line or ""))


def declared(
    exercise: Exercise, cases: list[Case], failed: list[Case]
) -> Diagnosis | None:
    """The declared mistake that the answer behaves like."""
    return (
        _alike(exercise, cases, failed)
        or _but_for_the_default(exercise, cases, failed)
        or _overflowing_besides(exercise, cases, failed)
    )


def _alike(
    exercise: Exercise, cases: list[Case], failed: list[Case]
) -> Diagnosis | None:
    mistake = next(matching(exercise, cases), None)
    return mistake and _named(mistake, cases, _came(exercise, failed))


def _but_for_the_default(
    exercise: Exercise, cases: list[Case], failed: list[Case]
) -> Diagnosis | None:
    """Right, or a declared mistake, wherever nothing is left to a default."""
    full = given_all(exercise, cases)
    if not full:
        return None
    if all(case.passed for case in full):
        told = other_default(exercise, cases, exercise.reference)
        return Diagnosis(f"{failing(cases)} All else is right.", told)
    mistake = next(matching(exercise, full), None)
    if mistake is None:
        return None
    besides = f"\nBesides: {other_default(exercise, cases, mistake)}"
    return _named(mistake, cases, _came(exercise, failed), besides)


def _overflowing_besides(
    exercise: Exercise, cases: list[Case], failed: list[Case]
) -> Diagnosis | None:
    """The same mistake in a version that overflows besides."""
    finite = [case for case in cases if is_finite(case.actual.value)]
    if all(case.passed for case in finite):
        return None
    mistake = next(matching(exercise, finite), None)
    return mistake and _named(mistake, cases, _came(exercise, failed), OVERFLOW)


def _named(
    mistake: Function, cases: list[Case], came: str, besides: str = ""
) -> Diagnosis:
    return Diagnosis(
        rationale=f"{failing(cases)} {came}".strip(),
        hint=docstring(mistake) + besides,
        mistake=mistake.__name__,
    )


def _came(exercise: Exercise, failed: list[Case]) -> str:
    """What came, where a sentence can say it: a shape or an exception."""
    error = next((c.actual.error for c in failed if c.actual.error), None)
    if error:
        return told(error)
    actual, expected = failed[0].actual.value, failed[0].expected.value
    shape = shape_of(actual)
    if isinstance(expected, np.ndarray) and shape not in (None, expected.shape):
        return f"The shape is {shape}; expected {promise(exercise)} = {expected.shape}."
    return ""


def _looks_like(exercise: Exercise, mistake: Function, cases: list[Case]) -> bool:
    """Random answers: true where the same things are wrong with both in every case."""
    return all(
        _symptoms(exercise, case) == symptoms_of(exercise, mistake, case)
        for case in cases
    )


def symptoms_of(exercise: Exercise, mistake: Function, case: Case) -> Symptoms:
    """What can be said of a mistake's random answer in a case: see `_symptoms`."""
    # Of a mistake that comes from a key.
    recorded: Callable[[Arguments], Symptoms] | None = getattr(
        mistake, "symptoms", None
    )
    if recorded:
        return recorded(case.arguments)

    def work_out() -> Symptoms:
        call = call_in_process(exercise.driven(mistake))
        tried = try_case(exercise, call, case.name, case.arguments, case.expected)
        return _symptoms(exercise, tried)

    return _kept(case, mistake, work_out)


def _symptoms(exercise: Exercise, case: Case) -> Symptoms:
    """What can be said of a random answer: its error, its shapes, what it lacks."""
    if case.actual.error:
        return (case.actual.error.kind,)
    value = case.actual.value
    items = value if isinstance(value, dict) else {"": value}
    shapes = {key: shape_of(item) for key, item in items.items()}
    return type(value).__name__, shapes, failed_properties(exercise, case)


def _behaves_like(exercise: Exercise, mistake: Function, cases: list[Case]) -> bool:
    """True where the learner's outcome is the mistake's on every case.

    A mistake may raise where sizes differ, and the learner's version of it may
    raise in other words. That counts as the same, unless it is all that is wrong,
    and only for errors of one sort: a misspelt name is no wrong shape.
    """
    values = 0
    same_words = True
    for case in cases:
        outcome = outcome_of(exercise, mistake, case)
        if outcome.error:
            if not case.actual.error or not _may_be(outcome.error, case.actual.error):
                return False
            same_words = same_words and _words(outcome.error) == _words(
                case.actual.error
            )
        elif not agrees(case.actual, outcome):
            return False
        else:
            values += not case.passed
    return values > 0 or same_words


SORTS = (  # errors that one mistake can end with, depending on how it is written
    {"ValueError", "RuntimeError", "IndexError", "AxisError", "_UFuncNoLoopError"},
    {"TypeError", "AttributeError"},
)


def _may_be(mistake: CallError, learner: CallError) -> bool:
    """Whether two errors can come of one mistake."""
    if learner.kind in ENDINGS or overwrites(learner.line or ""):
        return False
    kinds = {mistake.kind, learner.kind}
    return len(kinds) == 1 or any(kinds <= sort for sort in SORTS)


def outcome_of(exercise: Exercise, mistake: Function, case: Case) -> Outcome:
    """What a mistake gives in a case."""

    def work_out() -> Outcome:
        call = call_in_process(exercise.driven(mistake))
        with np.errstate(all="ignore"):
            return run(call, case.arguments, like=case.expected.value)

    return _kept(case, mistake, work_out)


# What mistakes make of a case, by what is expected of it: a whole class shares that.
_made: WeakKeyDictionary[Outcome, dict[Function, Any]] = WeakKeyDictionary()


def _kept(case: Case, mistake: Function, work_out: Callable[[], T]) -> T:
    """What a mistake makes of a case: worked out once, for as long as it is drawn."""
    made = _made.setdefault(case.expected, {})
    if mistake not in made:
        made[mistake] = work_out()
    kept: T = made[mistake]
    return kept


def _words(error: CallError) -> tuple[str, str]:
    return error.kind, error.message


def only_changed_arguments(failed: list[Case]) -> Diagnosis | None:
    """Arguments changed in place, where nothing else is wrong."""
    changed = [case for case in failed if changed_arguments(case)]
    if len(changed) < len(failed) or not all(
        agrees(case.actual, case.expected) for case in failed
    ):
        return None
    return Diagnosis(
        rationale="The values are right, but the call changed its own arguments.",
        hint="Whoever called your function still needs those arrays. Make a new "
        "array instead: `A = A + B` makes one; `A += B` and `A[...] = B` do not.",
        mistake=CHANGED_ARGUMENTS,
    )
