"""What is wrong with a wrong answer: one message, the most useful one.

First the declared mistakes (`mistakes`): an answer that behaves like one of them on
every case carries its name and its hint. Then exceptions and limits (`exceptions`),
and results of the wrong kind (`forms`). Last the relation of a wrong array to the
right one (`relations`): its shape, its axes, a factor, a permutation, the cases that
it gets wrong.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from autograder.exercises.declaration import Exercise
from autograder.judge.cases import Case, changed_arguments, try_again
from autograder.judge.diagnosis.exceptions import raised
from autograder.judge.diagnosis.forms import (
    dict_items,
    no_array,
    not_numbers,
    wrong_count,
    wrong_order,
)
from autograder.judge.diagnosis.mistakes import (
    CHANGED_ARGUMENTS,
    declared,
    matching,
    names_of,
    only_changed_arguments,
    symptoms_of,
)
from autograder.judge.diagnosis.names import brought_by
from autograder.judge.diagnosis.parts import sizes_of
from autograder.judge.diagnosis.relations import related
from autograder.judge.diagnosis.state import unsteady
from autograder.judge.diagnosis.wording import Diagnosis
from autograder.values.called import Call

__all__ = [
    "CHANGED_ARGUMENTS",
    "Diagnosis",
    "brought_by",
    "diagnose",
    "hard_to_read",
    "matching",
    "names_of",
    "symptoms_of",
]


def diagnose(exercise: Exercise, cases: list[Case], call: Call) -> Diagnosis:
    """Explain a wrong answer. `cases` are all cases, at least one of them failed.

    call: the port to the answer, by which it can be asked more.
    """
    failed = [case for case in cases if not case.passed]
    failed.sort(key=partial(hard_to_read, exercise))
    found = only_changed_arguments(failed)
    if found is None:
        again = try_again(call, cases) if exercise.compared else []
        found = unsteady(again) or _explained(exercise, cases, failed, call)
        if any(changed_arguments(case) for case in failed):
            found = replace(found, hint=f"{found.hint} {BESIDES}")
    return found


BESIDES = (
    "Besides, the call changed its own arguments: whoever called still needs them. "
    "`A = A + B` makes a new array; `A += B` and `A[...] = B` do not."
)


def _explained(
    exercise: Exercise, cases: list[Case], failed: list[Case], call: Call
) -> Diagnosis:
    return (
        declared(exercise, cases, failed)
        or raised(exercise, failed)
        or not_numbers(exercise, failed)
        or dict_items(exercise, failed)
        or wrong_count(exercise, failed)
        or wrong_order(exercise, failed)
        or no_array(exercise, failed)
        or related(exercise, cases, failed, call)
    )


def hard_to_read(exercise: Exercise, case: Case) -> tuple[bool, bool, float, int]:
    """How hard it is to see in a case what is wrong: the smaller, the easier.

    An error shows no numbers. Axes of length 1, or of one length, hide what happens to
    them. Huge numbers drown the others. So an ordinary case comes first; then the one
    with the fewest digits before the point, and the fewest numbers.
    """
    given = [*_arrays(case.arguments), *_arrays(case.expected.value)]
    sizes = list(sizes_of(exercise, case).values())
    blurred = 1 in sizes or len(set(sizes)) < len(sizes)
    largest = max((float(np.abs(a).max(initial=0)) for a in given), default=0)
    digits = len(str(int(largest))) if np.isfinite(largest) else np.inf
    count = sum(array.size for array in [*given, *_arrays(case.actual.value)])
    return bool(case.actual.error or case.expected.error), blurred, digits, count


def _arrays(value: Any) -> Iterator[np.ndarray]:
    """The arrays of a value, those in its tuples and dicts too."""
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, tuple | dict):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _arrays(item)
