"""The judge: decides from values alone, and says what is wrong in one message.

`judge(exercise, call)` is pure. Its only port is `call(arguments) -> Outcome`: the
learner's function in this process (`check` in a notebook), or behind a sandbox
(grading). The judge knows no particular exercise.
"""

from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from autograder.exercises.declaration import Exercise
from autograder.exercises.shapes import ShapeLine
from autograder.judge.cases import (
    VISIBLE_SEED,
    Case,
    draw_cases,
    drawn_cases,
    try_case,
)
from autograder.values.called import Call
from autograder.values.compare import first_difference


@dataclass(frozen=True)
class Verdict:
    """What the judge says of one function.

    passed is None where the function is not written yet. score lies between 0 and
    max_score. shown is the case to draw, the easiest to read of those that fail, and
    shapes names what is drawn; neither is part of the JSON, since a hidden case is
    nobody's to see.
    """

    exercise: str
    passed: bool | None
    score: float
    max_score: float
    mistake: str | None = None
    rationale: str = ""
    hint: str = ""
    first_difference: dict[str, Any] | None = None
    cases: tuple[tuple[str, bool], ...] = ()
    flags: tuple[str, ...] = ()
    shown: Case | None = field(default=None, repr=False, compare=False)
    shapes: ShapeLine | None = field(default=None, repr=False, compare=False)

    def as_json(self) -> dict[str, Any]:
        """The verdict as plain data, in the schema that the README describes."""
        plain = dict(vars(self))
        del plain["shown"], plain["shapes"]
        plain["cases"] = [{"name": n, "passed": p} for n, p in self.cases]
        plain["flags"] = list(self.flags)
        return plain


def judge(
    exercise: Exercise,
    call: Call,
    seed: int = VISIBLE_SEED,
    flags: tuple[str, ...] = (),
    told: Verdict | None = None,
) -> Verdict:
    """Judge one function through `call`, on the cases that `seed` draws.

    exercise  the declaration.
    call      the port to the learner's function.
    seed      a non-negative integer; the same seed gives the same cases.
    flags     what reading the source found, handed through to the verdict.
    told      the verdict on the same function with other cases. Where it is not right
              there, those words are said again, and nothing is diagnosed anew.
    """
    cases = [try_case(exercise, call, *drawn) for drawn in drawn_cases(exercise, seed)]
    errors = [case.actual.error for case in cases]
    if all(error and error.kind == "NotImplementedError" for error in errors):
        return not_written(exercise)
    summary = tuple((case.name, case.passed) for case in cases)
    failed = [case for case in cases if not case.passed]
    flags = tuple(dict.fromkeys((*flags, *(n for case in cases for n in case.notes))))
    if not failed:
        return right(exercise, summary, flags)
    score = round(exercise.points * (1 - len(failed) / len(cases)), 4)
    if told and not told.passed:
        return replace(told, passed=False, score=score, cases=summary, flags=flags)
    # Diagnosis is needed for wrong answers only.
    from autograder.judge.diagnosis import diagnose, hard_to_read

    diagnosis = diagnose(exercise, cases, call)
    shown = min(failed, key=partial(hard_to_read, exercise))
    difference = first_difference(shown.actual.value, shown.expected.value)
    return Verdict(
        exercise=exercise.name,
        passed=False,
        score=score,
        max_score=exercise.points,
        mistake=diagnosis.mistake,
        rationale=diagnosis.rationale,
        hint=diagnosis.hint,
        first_difference=difference if exercise.compared else None,
        cases=summary,
        flags=flags,
        shown=shown if exercise.compared else None,  # any draw may be right
        shapes=exercise.shapes,
    )


def right(
    exercise: Exercise,
    cases: tuple[tuple[str, bool], ...] = (),
    flags: tuple[str, ...] = (),
) -> Verdict:
    """The verdict on a right answer."""
    cases = cases or tuple((name, True) for name, _ in draw_cases(exercise, 0))
    return Verdict(
        exercise=exercise.name,
        passed=True,
        score=exercise.points,
        max_score=exercise.points,
        rationale=f"{exercise.name} is right: {len(cases)} of {len(cases)} cases.",
        cases=cases,
        flags=flags,
    )


def not_written(exercise: Exercise) -> Verdict:
    """The verdict on a stub."""
    return Verdict(
        exercise=exercise.name,
        passed=None,
        score=0.0,
        max_score=exercise.points,
        rationale=f"{exercise.name} is not written yet.",
        hint="Replace `raise NotImplementedError` with your own lines, and run the "
        "cell again.",
    )
