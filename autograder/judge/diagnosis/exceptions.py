"""An exception is a message too: what it means here, and where limits end a call."""

from autograder.exercises.declaration import Exercise
from autograder.judge.cases import Case
from autograder.judge.diagnosis.meanings import rule_for
from autograder.judge.diagnosis.rules import Raised
from autograder.judge.diagnosis.wording import Diagnosis, advice, told
from autograder.values.endings import ENDINGS


def raised(exercise: Exercise, failed: list[Case]) -> Diagnosis | None:
    """An exception, the sandbox's end of a call, or no exception where one is due."""
    raising = [(case, error) for case in failed if (error := case.actual.error)]
    if not raising:
        if failed[0].expected.error:
            kind = failed[0].expected.error.kind
            if getattr(failed[0].actual.value, "type_name", None) == kind:
                return Diagnosis(
                    f"Your function returns a {kind}; it has to raise one.",
                    f"Write `raise {kind}(...)` in the place of `return`.",
                )
            return Diagnosis(
                rationale=f"In the case '{failed[0].name}' the answer is to raise "
                f"{kind}, but your function returned.",
                hint=f"Read the docstring again: when does it raise {kind}?",
            )
        return None
    # An error where one is due says less than one where none is.
    case, error = min(raising, key=lambda pair: pair[0].expected.error is not None)
    if case.expected.error and error.kind not in ENDINGS:
        kind = case.expected.error.kind
        return Diagnosis(
            f"In the case '{case.name}' the answer is to raise {kind}, but your "
            f"function raised {error.kind}.",
            f"Write `raise {kind}(...)`, with a sentence for whoever called.",
        )
    if ending := ENDINGS.get(error.kind):
        said = f"{exercise.name} gave no answer: {error.message}"
        return Diagnosis(said, ending.hint)
    _, hint = rule_for(Raised(exercise, case, error))
    return Diagnosis(told(error), advice(error) or hint)
