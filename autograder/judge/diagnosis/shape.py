"""A result of the wrong shape: which axis, and what it is instead."""

from collections.abc import Iterator

import numpy as np

from autograder.judge.diagnosis.parts import Part
from autograder.judge.diagnosis.wording import Diagnosis
from autograder.values.compare import same


def wrong_shape(parts: list[Part]) -> Diagnosis | None:
    part = next((p for p in parts if p.actual.shape != p.expected.shape), None)
    if part is None:
        return None
    promised = f"({', '.join(part.letters)}) = " if part.letters else ""
    shape = part.actual.shape
    came = f"has shape {shape}" if shape else "is a single number"
    rationale = f"{part.label} {came}; expected {promised}{part.expected.shape}."
    hint = _fixed_size(parts) or _short_axis(parts) or _shape_hint(part, parts)
    return Diagnosis(rationale, hint)


def _fixed_size(parts: list[Part]) -> str:
    """An axis that has one length in all cases, where different ones are expected."""
    first = parts[0]
    if not first.letters or any(p.actual.ndim != len(first.letters) for p in parts):
        return ""
    for axis, letter in enumerate(first.letters):
        came = {part.actual.shape[axis] for part in parts}
        wanted = {part.expected.shape[axis] for part in parts}
        if len(came) == 1 < len(wanted) and came != {1}:
            says = first.size_names.get(letter, letter)
            where = f"`{says}` says" if says in first.argument_names else "is given"
            return f"You have {came.pop()} along {letter}, whatever {where}."
    return ""


def _short_axis(parts: list[Part]) -> str:
    """An axis that has one entry only, or one too few, where the others are right."""
    letters = parts[0].letters
    if not letters:
        return ""
    alike = [p for p in parts if p.actual.ndim == len(letters)]
    sizes = [zip(letters, p.actual.shape, p.expected.shape, strict=True) for p in alike]
    wrong = [entry for each in sizes for entry in each if entry[1] != entry[2]]
    if len({letter for letter, *_ in wrong}) != 1:
        return ""
    along = f"Along {wrong[0][0]}"
    if all(wanted - came == 1 for _, came, wanted in wrong):
        return f"{along} one entry is missing. Does a loop begin late, or end early?"
    if all(came == 1 for _, came, _ in wrong):
        return (
            f"{along} there is one entry only. Were the others never made, or does a "
            "loop return too early?"
        )
    return ""


def _shape_hint(part: Part, parts: list[Part]) -> str:
    actual, expected = part.actual.shape, part.expected.shape
    if actual == expected[::-1]:
        if same(part.actual.T, part.expected):
            return "It is transposed: rows and columns have changed places."
        return (
            "The axes have changed places, and turned back the numbers are not right."
        )
    if sorted(actual) == sorted(expected):
        return "The axes are all there, in the wrong order."
    if [s for s in actual if s != 1] == [s for s in expected if s != 1]:
        if actual == (1, *expected):
            return (
                "There is an axis of length 1 too many, at the front: is there a comma "
                "after what is returned, or are there brackets around it?"
            )
        return "There is an axis of length 1 too many or too few (`keepdims`?)."
    named = ", ".join(_reading(part, parts))
    if np.prod(actual) == np.prod(expected):
        if len(actual) <= len(expected):
            return "As many numbers as expected, cut into another shape."
        return (
            f"Yours reads as ({named}): as many numbers as expected, on "
            f"{len(actual)} axes instead of {len(expected)}. Which two of them are to "
            "be one, side by side?"
        )
    if len(actual) < len(expected):
        for index, which in ((0, "first"), (-1, "last")):
            if all(
                len(p.expected) and same(p.actual, p.expected[index]) for p in parts
            ):
                return (
                    f"It is the {which} entry alone, and that is right: does a "
                    "`return` stand inside a loop, or is one entry kept of many?"
                )
        gone = [
            letter
            for letter, size in zip(part.letters or (), expected, strict=False)
            if size not in actual
        ]
        if len(gone) > 1:
            return (
                f"The axes {', '.join(gone)} are missing: summed away, or never made."
            )
        which = f"The axis {gone[0]}" if gone else "An axis"
        return f"{which} is missing: summed away, or never made."
    return f"Yours reads as ({named}). Which of your lines makes these axes?"


def _reading(part: Part, parts: list[Part]) -> Iterator[str]:
    """Each axis by the letter that has its length in all cases, or by its length."""
    alike = [p for p in parts if p.actual.ndim == part.actual.ndim]
    for axis, size in enumerate(part.actual.shape):
        fits = [
            letter
            for letter in part.sizes
            if all(p.sizes.get(letter) == p.actual.shape[axis] for p in alike)
        ]
        yield next(iter(fits), str(size))
