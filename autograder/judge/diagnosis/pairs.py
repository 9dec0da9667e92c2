"""Two things at once: a declared mistake, and something done to what it gives."""

from dataclasses import replace

from autograder.exercises.declaration import Exercise, docstring
from autograder.judge.cases import Case, agrees
from autograder.judge.diagnosis.distortions import distorted, rounded
from autograder.judge.diagnosis.factors import factor
from autograder.judge.diagnosis.mistakes import outcome_of
from autograder.judge.diagnosis.parts import Part, are_weights, in_shape, parts_in
from autograder.judge.diagnosis.relations import (
    off_by_argument,
    offset,
    rearranged,
)
from autograder.judge.diagnosis.weights import weighted
from autograder.judge.diagnosis.wording import Diagnosis, failing
from autograder.values.called import Function
from autograder.values.compare import is_finite, same
from autograder.values.sketch import has_sketch

# What is clear enough to be said of a result that is wrong for another reason, too.
CLEAR = (weighted, distorted, rounded, rearranged, factor, offset, off_by_argument)
RELATIVE = {
    "what was expected": "what that alone would give",
    "the right ones": "those numbers",
    "the right numbers": "those numbers",
    " would be right, but ": " would be that, but ",
    " is right, but ": " would be that, but ",
    "what it should be": "that",
    "they should be": "that alone would make them",
}


def two_at_once(exercise: Exercise, cases: list[Case]) -> Diagnosis | None:
    """A declared mistake in one part of the result, or before something else."""
    readable = [c for c in cases if not c.actual.error and is_finite(c.actual.value)]
    if not exercise.compared or not readable:
        return None
    wrong = {
        p.name for case in readable for p in parts_in(exercise, case) if _differs(p)
    }
    weaker = None
    for mistake in exercise.mistakes:
        beside = _beside(exercise, readable, mistake)
        if beside is None:
            continue
        differing = {part.name for part in beside if _differs(part)}
        besides = [part for part in beside if _differs(part)]
        if not differing or not differing <= wrong:
            continue  # what is right needs no explanation
        if len(differing) == 1:
            for relation in CLEAR:
                if found := relation(besides):
                    return _both(cases, mistake, found)
        weaker = weaker or _in_the_weights(exercise, cases, mistake, beside)
    return weaker


def _both(cases: list[Case], mistake: Function, besides: Diagnosis) -> Diagnosis:
    words = besides.rationale
    for absolute, relative in RELATIVE.items():
        words = words.replace(absolute, relative)
    return Diagnosis(
        f"{failing(cases)} Two things are wrong at once.",
        f"{' '.join(docstring(mistake).split())} Besides: {words}",
        mistake.__name__,
    )


def _beside(
    exercise: Exercise, cases: list[Case], mistake: Function
) -> list[Part] | None:
    """The parts of the answer beside those that a mistake gives, in every case."""
    parts: list[Part] = []
    shows = False
    for case in cases:
        outcome = outcome_of(exercise, mistake, case)
        if has_sketch(outcome.value):  # by a key: what it is, and not how it differs
            if case.passed and not agrees(case.actual, outcome):
                return None
            continue
        if outcome.error or not is_finite(outcome.value):
            if case.passed:
                return None
            continue  # it cannot be compared here
        found = list(parts_in(exercise, replace(case, expected=outcome)))
        if not found or not in_shape(found):
            return None
        parts += found
        shows = shows or not same(outcome.value, case.expected.value)
    return parts if shows else None  # where it is right, nothing speaks for it


def _differs(part: Part) -> bool:
    return not same(part.actual, part.expected)


def _in_the_weights(
    exercise: Exercise, cases: list[Case], mistake: Function, beside: list[Part]
) -> Diagnosis | None:
    """The mistake's weights are the answer's, and the rest is wrong in another way."""
    weights = [p for p in beside if are_weights(p.expected) and not _differs(p)]
    names = {part.name for part in weights}
    if len(names) != 1 or len(weights) < len({id(p.case) for p in beside}):
        return None
    compared = {id(part.case.arguments) for part in weights}
    right = (c for c in cases if id(c.arguments) in compared)
    if not any(
        _differs(p) for c in right for p in parts_in(exercise, c) if p.name in names
    ):
        return None  # there they are right: nothing speaks for the mistake
    rest = " and ".join(sorted({part.name for part in beside if _differs(part)}))
    return Diagnosis(
        f"{failing(cases)} Two things are wrong at once.",
        f"{' '.join(docstring(mistake).split())} Besides, that alone does not "
        f"explain {rest}: look at it again when {names.pop()} is right.",
        mistake.__name__,
    )
