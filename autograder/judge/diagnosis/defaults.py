"""Another default than the stub's: `eps=1e-6` for `eps=1e-5`.

It shows in the cases that leave the argument to its default, and only there. So the
others are looked at by themselves, and the default is tried out.
"""

import inspect
from typing import Any

import numpy as np

from autograder.exercises.declaration import Exercise
from autograder.judge.cases import Case, agrees, run
from autograder.values.called import Function, call_in_process
from autograder.values.wire import Arguments

USUAL = (0.0, 1e-12, 1e-10, 1e-9, 1e-8, 1e-7, 1e-6, 1e-4, 1e-3, 1e-2, 0.1, 1.0)


def given_all(exercise: Exercise, cases: list[Case]) -> list[Case]:
    """The cases that leave nothing to a default; none where all do, or none does."""
    most = max(len(case.arguments) for case in cases)
    full = [case for case in cases if len(case.arguments) == most]
    return full if len(full) < len(cases) and _left_out(exercise, cases) else []


def _left_out(exercise: Exercise, cases: list[Case]) -> inspect.Parameter | None:
    """The argument that some cases leave to its default."""
    parameters = list(inspect.signature(exercise.reference).parameters.values())
    least = min(len(case.arguments) for case in cases)
    left = parameters[least : least + 1]
    return left[0] if left and left[0].default is not inspect.Parameter.empty else None


def other_default(exercise: Exercise, cases: list[Case], like: Function) -> str:
    """What is to be said of the default, of an answer that is `like` a function."""
    argument = _left_out(exercise, cases)
    assert argument is not None, "`given_all` found one"
    most = max(len(case.arguments) for case in cases)
    short = [case for case in cases if len(case.arguments) < most]
    fitting = [v for v in USUAL if all(_fits(exercise, c, like, v) for c in short)]
    keep = f"the stub's is {argument.default:g}: keep it."
    if len(fitting) == 1:
        return f"Your default of {argument.name} is {fitting[0]:g}; {keep}"
    if len(fitting) > 1:
        return f"Your default of {argument.name} is {max(fitting):g} or less; {keep}"
    return f"Where {argument.name} is not given, yours gives other numbers; {keep}"


def _fits(exercise: Exercise, case: Case, like: Function, value: float) -> bool:
    call = call_in_process(exercise.driven(like))
    with np.errstate(all="ignore"):
        outcome = run(call, (*case.arguments, value), like=case.expected.value)
    return outcome.error is None and agrees(case.actual, outcome)


def tried(
    exercise: Exercise, drawn: list[tuple[str, Arguments]]
) -> list[tuple[str, Arguments]]:
    """The calls that `other_default` may make: a key has to know them."""
    parameters = list(inspect.signature(exercise.reference).parameters.values())
    calls: list[tuple[str, Any]] = []
    for name, arguments in drawn:
        left = parameters[len(arguments) :]
        if left and isinstance(left[0].default, float):
            calls += [(name, (*arguments, value)) for value in USUAL]
    return calls
