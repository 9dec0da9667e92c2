"""The same call twice: what is random, and what is kept from one call to the next."""

from autograder.judge.cases import Again, agrees
from autograder.judge.diagnosis.wording import Diagnosis, told
from autograder.values.wire import Outcome

KEPT = (
    "Does something stay from one call to the next: a list or a dict outside the "
    "function, a default such as `parts=[]`, a counter? Make it inside the function, "
    "anew in each call."
)
UNWRITTEN = "Or is a number read that was never written, as `np.empty` gives them?"


def unsteady(again: list[Again]) -> Diagnosis | None:
    """A call that does not give the same twice."""
    for case, first, second in again:
        if _alike(case.actual, first) and _alike(first, second):
            continue
        if case.passed:
            came = (
                f" ends with {told(first.error)}" if first.error else " gives another"
            )
            return Diagnosis(
                "The first call is right, and the same call once more"
                f"{came}{'' if first.error else ' result'}.",
                KEPT,
            )
        if _alike(first, second):
            return Diagnosis(
                "The first call and the next ones, with the same input, give different "
                "results.",
                f"{KEPT} {UNWRITTEN}",
            )
        return Diagnosis(
            "Calls with the same input give different results.",
            "Nothing here may be random: is there dropout, or a number from "
            f"`np.random`? {UNWRITTEN} {KEPT}",
        )
    return None


def _alike(one: Outcome, other: Outcome) -> bool:
    if one.error or other.error:
        return bool(one.error and other.error and one.error == other.error)
    return agrees(one, other)
