"""What an answer multiplies an argument by, where no result shows it.

`O = A @ V` may come back without A. But an answer can be asked again: where V is the
identity, O is A. So weights that are hidden can be looked at like those that are shown.
"""

from dataclasses import replace

import numpy as np

from autograder.exercises.declaration import Exercise
from autograder.judge.cases import Case, run
from autograder.judge.diagnosis.behind import Relation
from autograder.judge.diagnosis.factors import all_equal
from autograder.judge.diagnosis.influence import tried
from autograder.judge.diagnosis.parts import Part, arguments_of, in_shape, parts_in
from autograder.judge.diagnosis.wording import Diagnosis
from autograder.values.called import Call, call_in_process
from autograder.values.compare import close, same
from autograder.values.wire import Arguments, Outcome

ENOUGH = 4  # keys: of fewer, what they have in common is chance


def mixed_argument(exercise: Exercise, result: str) -> int | None:
    """The place of the argument whose rows a result is a mixture of: its last letter
    is the result's, and no other argument's.
    """
    results = {item.name: item.sizes or () for item in exercise.shapes.results}
    arguments = exercise.shapes.arguments
    letters = results.get(result, ())
    found = [
        place
        for place, item in enumerate(arguments)
        if letters and letters[-1] in (item.sizes or ())
    ]
    if len(letters) < 2 or len(found) != 1:
        return None
    sizes = arguments[found[0]].sizes or ()
    fits = len(sizes) == len(letters) and sizes[-1] == letters[-1] not in sizes[:-1]
    return found[0] if fits else None


def with_identity(
    exercise: Exercise, arguments: Arguments, result: str
) -> Arguments | None:
    """The same arguments, with the identity in the place of the one that is mixed."""
    place = mixed_argument(exercise, result)
    if place is None or not isinstance(value := arguments[place], np.ndarray):
        return None
    rows = value.shape[-2]
    identity = np.zeros((*value.shape[:-1], rows)) + np.eye(rows)
    return (*arguments[:place], identity, *arguments[place + 1 :])


def mixed(
    exercise: Exercise,
    cases: list[Case],
    call: Call,
    result: str,
    relations: tuple[Relation, ...],
) -> Diagnosis | None:
    """What is wrong with the numbers by which an argument is multiplied."""
    if not exercise.compared or mixed_argument(exercise, result) is None:
        return None
    drawn = [(c.name, c.arguments, c.expected) for c in cases]
    parts = [_asked(exercise, cases[place], call, result) for place in tried(drawn)]
    known = [part for part in parts if part is not None and _differs(part)]
    if not known or not in_shape(known):
        return None
    ways = (_in_groups, *relations, _off_the_whole, _order)
    return next((found for way in ways if (found := way(known))), None)


def _differs(part: Part) -> bool:
    return not same(part.actual, part.expected)


def _asked(exercise: Exercise, case: Case, call: Call, result: str) -> Part | None:
    """The hidden weights of one case, beside the right ones; None where the result is
    no mixture by them.
    """
    arguments = with_identity(exercise, case.arguments, result)
    place = mixed_argument(exercise, result)
    if arguments is None or place is None or case.actual.error:
        return None
    reference = call_in_process(exercise.driven(exercise.reference))
    with np.errstate(all="ignore"):
        right = run(reference, arguments, like=case.expected.value)
        came = run(call, arguments, like=case.expected.value)
    if right.error or came.error:
        return None
    asked = _part(
        exercise,
        replace(case, arguments=arguments, expected=right, actual=came),
        result,
    )
    before = _part(exercise, case, result)
    if asked is None or before is None or asked.actual.shape != asked.expected.shape:
        return None
    if not same(asked.actual @ case.arguments[place], before.actual):
        return None
    others = (p for p in parts_in(exercise, case) if p.name != result)
    if any(same(part.actual, asked.actual) for part in others):
        return None  # they are shown, and looked at by themselves
    given = exercise.shapes.arguments[place]
    letters = (*(asked.letters or ())[:-1], (given.sizes or ("", ""))[-2])
    name = f"{asked.label}, where {given.name} is the identity,"
    return replace(asked, name=name, letters=letters, case=case)


def _part(exercise: Exercise, case: Case, name: str) -> Part | None:
    return next((p for p in parts_in(exercise, case) if p.name == name), None)


def _in_groups(parts: list[Part]) -> Diagnosis | None:
    """Neighbouring keys have right shares among themselves, and no others have."""
    part = next((p for p in parts if p.actual.shape[-1] >= ENOUGH), None)
    if part is None or part.actual.ndim > 2 or not np.isfinite(part.actual).all():
        return None
    with np.errstate(all="ignore"):
        ratios = part.actual / part.expected
    if not np.isfinite(ratios).all() or not (ratios > 0).all():
        return None
    groups, columns = [[0]], ratios.T
    for column in range(1, len(columns)):
        if np.allclose(columns[column], columns[column - 1], rtol=1e-4):
            groups[-1].append(column)
        else:
            groups.append([column])
    if len(groups) < 2 or 2 * len(groups) > len(columns):
        return None
    told = ", ".join(f"{g[0]} to {g[-1]}" for g in groups if len(g) > 1)
    letter = part.letters[-1] if part.letters else "the last axis"
    return Diagnosis(
        f"Along {letter}, {part.label} has right proportions within each of {told}, "
        "and wrong ones between them.",
        "What is kept of one group is not brought to the measure of the other: by "
        "what is each multiplied or divided, and when?",
    )


def _off_the_whole(parts: list[Part]) -> Diagnosis | None:
    """Rows that do not sum to 1, though they should."""
    if not all(np.all(close(p.expected.sum(-1), 1.0)) for p in parts):
        return None
    sums = [p.actual.sum(-1) for p in parts]
    if all(np.all(close(s, 1.0)) for s in sums):
        return None
    low, high = (f"{way(np.concatenate(sums)):.3g}" for way in (np.min, np.max))
    told = f"to {low}" if all_equal(np.concatenate(sums)) else f"to {low} up to {high}"
    return Diagnosis(
        f"The rows of {parts[0].label} sum {told}; they should sum to 1.",
        "By what is each row divided at the end? Is it the sum of just these numbers, "
        "and is it divided once?",
    )


def _order(parts: list[Part]) -> Diagnosis | None:
    """Whether the larger weight is the larger of the right ones, too."""
    part = next((p for p in parts if p.actual.shape[-1] >= ENOUGH), None)
    if part is None or part.actual.ndim > 2 or not np.isfinite(part.actual).all():
        return None
    if any(same(value, part.expected) for value in arguments_of(part).values()):
        return None  # weights that are given, and made of no scores here
    came, right = (np.argsort(v, axis=-1) for v in (part.actual, part.expected))
    if np.array_equal(came, right):
        return Diagnosis(
            f"{part.label} has its weights in the right order, the largest where it "
            "should be, and not their right sizes.",
            "What happens to a score on its way through exp?",
        )
    first = np.flatnonzero(came[:, -1] != right[:, -1])
    if not first.size:
        return None
    row = int(first[0])
    return Diagnosis(
        f"Row {row} of {part.label} has its largest weight at {came[row, -1]}; right "
        f"is {right[row, -1]}.",
        "The largest score gets the largest weight: what is taken away from each "
        "score, and with which sign?",
    )


def asked_of(
    exercise: Exercise, drawn: list[tuple[str, Arguments, Outcome]]
) -> list[tuple[str, Arguments]]:
    """The calls that `mixed` may make of the reference: a key has to know them."""
    asked = [
        (drawn[place][0], with_identity(exercise, drawn[place][1], item.name))
        for item in exercise.shapes.results
        for place in tried(drawn)
    ]
    return [(name, arguments) for name, arguments in asked if arguments is not None]
