"""What a result depends on: an argument is changed a little, and both are looked at.

Of a wrong answer that resembles nothing, one thing can still be found out: how it
changes with what it is given. Where an argument is doubled, or one row of it changed,
the right result changes in one way and the answer perhaps in another.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from autograder.exercises.declaration import Exercise
from autograder.judge.cases import Case, run
from autograder.judge.diagnosis.factors import multiple
from autograder.judge.diagnosis.parts import parts_of
from autograder.judge.diagnosis.wording import Diagnosis, be, these
from autograder.values.called import Call, call_in_process
from autograder.values.compare import as_numeric, close, same, shape_of
from autograder.values.wire import Arguments, Outcome

TURNED = "is turned around, True for False,"


@dataclass(frozen=True)
class Change:
    """One argument, or one array of a dict, changed in one way."""

    name: str
    how: str  # such as `is doubled`
    arguments: Arguments
    doubled: bool


def changes(exercise: Exercise, arguments: Arguments) -> Iterator[Change]:
    """The changes that are tried with the arguments of one case."""
    names = [item.name for item in exercise.shapes.arguments]
    counts = not any(item.sizes for item in exercise.shapes.results)
    for place, (name, value) in enumerate(zip(names, arguments, strict=False)):
        if isinstance(value, int) and not counts:
            continue  # a size that the arrays have to fit
        for inner, how, changed, doubled in _changed(name, value):
            others = (*arguments[:place], changed, *arguments[place + 1 :])
            yield Change(inner, how, others, doubled)


def _changed(name: str, value: Any) -> Iterator[tuple[str, str, Any, bool]]:
    if isinstance(value, dict):
        for key, item in value.items():
            for inner, how, changed, doubled in _changed(str(key), item):
                yield inner, how, {**value, key: changed}, doubled
    elif isinstance(value, np.ndarray) and value.dtype.kind == "f":
        yield name, "is doubled", 2 * value, True
        yield name, "grows by 1 everywhere", value + 1.0, False
        for axis in range(max(value.ndim - 1, min(value.ndim, 1))):
            other = value.copy()
            first = (slice(None),) * axis + (0,)
            other[first] = 1 - 0.5 * other[first]
            rows = value.ndim > 1 and axis == value.ndim - 2
            where = "first row" if rows else "first entry"
            yield name, f"changes in its {where} alone", other, False
    elif isinstance(value, np.ndarray) and value.dtype == np.bool_:
        yield name, TURNED, ~value, False
    elif isinstance(value, float | int) and not isinstance(value, bool):
        yield name, "is doubled", 2 * value, True


def tried(drawn: list[tuple[str, Arguments, Outcome]]) -> list[int]:
    """The cases that are tried, by their places: the first one that ends with a value,
    and the smallest of another kind. Not of those with a dict: that is many more calls,
    and a key has to hold them all.
    """
    fit = [place for place, (*_, right) in enumerate(drawn) if not right.error]
    others = [
        place
        for place in fit
        if _kind(drawn[place][0]) != _kind(drawn[fit[0]][0])
        and not any(isinstance(value, dict) for value in drawn[place][1])
    ]
    smallest = min(others, key=lambda place: _size(drawn[place][1]), default=None)
    return fit[:1] if smallest is None else [fit[0], smallest]


def _kind(name: str) -> str:
    return name.rstrip(" 0123456789")


def _size(arguments: Arguments) -> int:
    return sum(int(np.size(value)) for value in arguments)


def influence(
    exercise: Exercise,
    cases: list[Case],
    call: Call,
    part: str,
) -> Diagnosis | None:
    """How a part of the answer changes with an argument, where that is not as it
    should be: in one case, and where that tells nothing, in another one.
    """
    if not exercise.compared:
        return None
    places = tried([(c.name, c.arguments, c.expected) for c in cases])
    asked = [cases[place] for place in places]
    for number, case in enumerate(asked):
        if case.actual.error:
            continue
        others = [other for other in asked if other is not case]
        if found := _changed_otherwise(exercise, case, others, call, part):
            said = min(found, key=lambda told: told[0])[1]
            where = f"In the case '{_kind(case.name)}': " if number else ""
            return replace(said, rationale=f"{where}{said.rationale}")
    return None


def _changed_otherwise(
    exercise: Exercise, case: Case, others: list[Case], call: Call, part: str
) -> "list[Told]":
    """What each change of an argument tells, in one case."""
    found: list[Told] = []
    fits: dict[str, bool] = {}
    for change in changes(exercise, case.arguments):
        right = _right(exercise, case, change)
        if right.error:
            continue
        came = run(call, change.arguments, like=case.expected.value)
        if came.error:
            continue
        after = Case(case.name, change.arguments, right, came)
        moved = _moved(exercise, case, after, part)
        if moved is None:
            continue
        letters, values = moved
        told = list(_told(part or "the result", letters, change, *values))
        if told and told[0][0] == USED and _moves_there(exercise, others, change):
            continue  # it is this case alone in which nothing should change
        found += told
        if (as_much := _moves_alike(*values)) is not None:
            fits[change.name] = fits.get(change.name, True) and as_much
    return [*found, *_where(part or "the result", fits)]


def _right(exercise: Exercise, case: Case, change: Change) -> Outcome:
    reference = call_in_process(exercise.driven(exercise.reference))
    with np.errstate(all="ignore"):
        return run(reference, change.arguments, like=case.expected.value)


def _moves_there(exercise: Exercise, cases: list[Case], change: Change) -> bool:
    """Whether the right result of another case changes, when the same is done to it."""
    return any(
        not same(_right(exercise, case, other).value, case.expected.value)
        for case in cases
        for other in changes(exercise, case.arguments)
        if (other.name, other.how) == (change.name, change.how)
    )


SEVERAL = 3  # names that are told: more of them tell nothing

# The more it says, the earlier.
USED, DEGREE, PLACES, UNUSED, WHERE = range(5)
Told = tuple[int, Diagnosis]
Letters = tuple[str, ...] | None  # of the axes, where they have some


def _moved(
    exercise: Exercise, before: Case, after: Case, part: str
) -> tuple[Letters, list[np.ndarray]] | None:
    """The letters of a part of the result, and four arrays of one shape: what it was,
    what it should have been, what it is after a change, and what it should be then.
    None where they cannot be compared.
    """
    first = {name: (a, e) for name, _, a, e in parts_of(exercise, before)}
    for name, letters, actual, expected in parts_of(exercise, after):
        values = (*first.get(name, (None, None)), actual, expected)
        if name != part or any(shape_of(value) is None for value in values):
            continue
        arrays = [as_numeric(value) for value in values]
        if len({array.shape for array in arrays}) == 1:
            return letters, arrays
    return None


def _moves_alike(
    was: np.ndarray, should: np.ndarray, actual: np.ndarray, expected: np.ndarray
) -> bool | None:
    """Whether an answer changes by as much as it should; None where it should not
    change, or where it cannot be said.
    """
    if not all(np.isfinite(v).all() for v in (was, should, actual, expected)):
        return None
    if close(expected, should).all() and close(actual, was).all():
        return None
    return bool(close(actual, was + (expected - should)).all())


def _where(label: str, fits: dict[str, bool]) -> Iterator[Told]:
    """The arguments that the answer follows as it should, and the others."""
    good = [name for name, fit in fits.items() if fit]
    bad = [name for name, fit in fits.items() if not fit]
    if good and bad and len(bad) <= SEVERAL:
        yield (
            WHERE,
            Diagnosis(
                f"When {these(good)} changed, {label} changes as it "
                f"should; when {' or '.join(bad)} is, it changes otherwise.",
                f"Where {be(len(bad), 'does', 'do')} {' and '.join(bad)} come in, and "
                "how?",
            ),
        )


def _told(
    label: str,
    letters: Letters,
    change: Change,
    was: np.ndarray,
    should: np.ndarray,
    actual: np.ndarray,
    expected: np.ndarray,
) -> Iterator[Told]:
    if not all(np.isfinite(value).all() for value in (was, actual)):
        return
    moves, ought = ~close(actual, was), ~close(expected, should)
    when = f"When {change.name} {change.how}, {label}"
    if not moves.any() and ought.any():
        if change.doubled or change.how == TURNED:
            yield (
                UNUSED,
                Diagnosis(
                    f"{when} stays the same.",
                    f"It has to change: is {change.name} used, and as it is?",
                ),
            )
    elif moves.any() and not ought.any():
        yield (
            USED,
            Diagnosis(
                f"{when} changes, and it should not.",
                f"Which line uses {change.name} in such a way that it shows?",
            ),
        )
    elif change.doubled:
        yield from _degree(when, change.name, was, should, actual, expected)
    elif was.ndim and "alone" in change.how:
        yield from _places(label, letters, change, moves, ought)


def _degree(
    when: str,
    name: str,
    was: np.ndarray,
    should: np.ndarray,
    actual: np.ndarray,
    expected: np.ndarray,
) -> Iterator[Told]:
    came, wanted = multiple(actual, was), multiple(expected, should)
    if came and wanted and not np.isclose(came, wanted):
        yield (
            DEGREE,
            Diagnosis(
                f"{when} becomes {came:.4g} times what it was; right is {wanted:.4g}.",
                f"Does {name} go in once too often, or not in every place?",
            ),
        )
    elif wanted and not came:
        yield (
            DEGREE,
            Diagnosis(
                f"{when} does not become {wanted:.4g} times what it was, as it should.",
                f"Is something added to what {name} makes, or not multiplied by it?",
            ),
        )


def _places(
    label: str, letters: Letters, change: Change, moves: np.ndarray, ought: np.ndarray
) -> Iterator[Told]:
    for axis in range(moves.ndim):
        others = tuple(a for a in range(moves.ndim) if a != axis)
        came, wanted = (np.flatnonzero(m.any(axis=others)) for m in (moves, ought))
        if list(came) == list(wanted):
            continue
        letter = letters[axis] if letters else f"axis {axis}"
        yield (
            PLACES,
            Diagnosis(
                f"When {change.name} {change.how}, {label} changes along {letter} at "
                f"{_listed(came)}; right is {_listed(wanted)}.",
                "Which line lets one entry know of another, or keeps it from that? "
                "Look at its axis.",
            ),
        )
        return


def _listed(places: np.ndarray) -> str:
    return ", ".join(map(str, places))


def asked_of(
    exercise: Exercise, drawn: list[tuple[str, Arguments, Outcome]]
) -> list[tuple[str, Arguments]]:
    """The calls that `influence` may make of the reference: a key has to know them."""
    return [
        (drawn[place][0], change.arguments)
        for place in tried(drawn)
        for change in changes(exercise, drawn[place][1])
    ]
