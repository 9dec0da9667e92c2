"""A diagnosis, and the words that its parts share."""

from collections.abc import Sequence
from dataclasses import dataclass

from autograder.exercises.declaration import Exercise
from autograder.judge.cases import Case
from autograder.values.wire import CallError


@dataclass(frozen=True)
class Diagnosis:
    """What came and what was expected; what probably causes it; a mistake's name."""

    rationale: str
    hint: str
    mistake: str | None = None


def these(names: Sequence[str], one: str = "is", more: str = "are") -> str:
    """Names with the verb that fits their number: `O is`, `O and A are`."""
    return f"{' and '.join(names)} {be(len(names), one, more)}"


def be(count: int, one: str = "is", more: str = "are") -> str:
    """The verb, or the noun, that fits a number."""
    return one if count == 1 else more


def failing(cases: list[Case]) -> str:
    """How many cases come out wrong, and which kinds they are of."""
    names = [case.name for case in cases if not case.passed]
    if len(names) == len(cases):
        return "No case comes out right."
    kinds = dict.fromkeys(name.rstrip(" 0123456789") for name in names)
    return f"{len(names)} of {len(cases)} cases come out wrong: {', '.join(kinds)}."


def promise(exercise: Exercise) -> str:
    """What the docstring says comes out, such as `S (n, m)`."""
    return ", ".join(str(item) for item in exercise.shapes.results)


def told(error: CallError) -> str:
    """An error with the learner's own line, or what an exercise's `drive` says."""
    if advice(error):
        return two_lines(error.message)[0]
    where = f" in your line `{error.line}`" if error.line else ""
    told = f": {error.message}" if error.message else ""
    return f"{error.kind}{where}{told}"


def advice(error: CallError) -> str:
    """What `drive` says is to be done: the second line of an error that it raises."""
    return "" if error.line else two_lines(error.message)[1]


def two_lines(text: str) -> tuple[str, str]:
    """What `drive` says: what is wrong, and what to do."""
    what, _, to_do = text.partition("\n")
    return what, to_do
