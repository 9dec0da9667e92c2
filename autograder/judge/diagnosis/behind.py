"""What went wrong before the last map: read by undoing it.

Where a result is `O @ W + b` with a square W among the arguments, O can be had back
from it. If what went in holds the right numbers in another order, the fault lies
before the map, and the map itself is right.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from autograder.judge.diagnosis.parts import Part, arguments_of, complete, in_shape
from autograder.judge.diagnosis.wording import Diagnosis

Relation = Callable[[list[Part]], Diagnosis | None]
TRUSTED = 1e4  # a condition number above which undoing a map tells nothing


def behind_a_map(
    parts: list[Part], relations: tuple[Relation, ...]
) -> Diagnosis | None:
    """A relation between what went into the last map and what should have."""
    if not in_shape(parts):
        return None
    for weight, bias in _maps(parts[0]):
        before = complete(_undone(part, weight, bias) for part in parts)
        if before is None:
            continue
        for relation in relations:
            found = relation(before)
            if found:
                what = f"What goes into {weight}"
                words = found.rationale.replace(
                    parts[0].label, what[0].lower() + what[1:]
                )
                said = words[0].upper() + words[1:]
                return Diagnosis(
                    f"{weight} and {bias} are used right. {said}", found.hint
                )
    return None


def _maps(part: Part) -> list[tuple[str, str]]:
    """The square matrices among the arguments, each with its bias."""
    given = arguments_of(part)
    width = part.expected.shape[-1:]
    return [
        (name, other)
        for name, value in given.items()
        for other, bias in given.items()
        if value.ndim == 2
        and value.shape == 2 * width
        and bias.shape == width
        and name[1:] == other[1:] != ""
    ]


def _undone(part: Part, weight: str, bias: str) -> Part | None:
    given = arguments_of(part)
    W, b = given.get(weight), given.get(bias)
    if W is None or b is None or not np.isfinite(part.actual).all():
        return None
    if np.linalg.cond(W) > TRUSTED:
        return None
    came, right = (
        np.linalg.solve(
            W.T.astype(float), (value - b).reshape(-1, len(b)).T.astype(float)
        ).T
        for value in (part.actual, part.expected)
    )
    shape, precision = part.expected.shape, part.actual.dtype
    came = came.reshape(shape).astype(precision if precision.kind == "f" else float)
    return replace(part, actual=came, expected=right.reshape(shape))
