"""The relation of a wrong array to the right one: shape, places, factor, distortion."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from autograder.exercises.declaration import Exercise
from autograder.exercises.shapes import SIZE_NAMES
from autograder.judge.cases import FIXED, UNLIKE, UNUSED, Case, failed_properties
from autograder.judge.diagnosis.parts import (
    Part,
    arguments_of,
    first_common,
    parts_of,
    wrong_part,
)
from autograder.judge.diagnosis.wording import Diagnosis, failing, promise
from autograder.values.compare import close, is_finite, same


def related(exercise: Exercise, cases: list[Case], failed: list[Case]) -> Diagnosis:
    """What the first wrong part is to the right one, in all failed cases."""
    wrong_parts = [wrong_part(exercise, case) for case in failed]
    wrong_parts = [part for part in wrong_parts if part is not None]
    lacking = _lacking(exercise, failed)
    if not wrong_parts:
        return Diagnosis(
            lacking
            or f"{failing(cases)} The result is not as promised: {promise(exercise)}.",
            DRAWING
            if lacking in (FIXED, UNUSED, UNLIKE)
            else "Print the result for a small example and compare it with the "
            "docstring.",
        )
    # What is finite says more than inf and nan, which hide what they were.
    wrong_parts = [p for p in wrong_parts if is_finite(p.actual)] or wrong_parts
    first = wrong_parts[0]
    parts = [part for part in wrong_parts if part.name == first.name]
    preface = _preface(exercise, first.case, first)
    if len(failed) < len(cases):
        preface = f"{failing(cases)} {preface}"
    for relation in RELATIONS:
        found = relation(parts)
        if found:
            return Diagnosis(f"{preface}{found.rationale}", found.hint)
    if lacking:
        return Diagnosis(
            f"{preface}{lacking}", "Which step makes that true? Is it there?"
        )
    if 2 * len(failed) <= len(cases):
        return _some_cases(preface, first)
    return Diagnosis(
        f"{preface}{_difference(first)}",
        "Take a small example and work out this one number by hand: from which "
        "row, which column?"
        if first.expected.ndim
        else "Work it out by hand for a small example.",
    )


DRAWING = (
    "So the numbers do not all come from `rng`. Draw each of them with a method of it, "
    "such as `rng.standard_normal(...)`, not with `np.random`."
)


def _lacking(exercise: Exercise, failed: list[Case]) -> str:
    """The first property that is lacking wherever the answer is wrong."""
    lacking = [failed_properties(exercise, case) for case in failed]
    common = [words for words in lacking[0] if all(words in other for other in lacking)]
    if not exercise.compared and not common:
        common = next(filter(None, lacking), [])  # wrong in several ways: the first
    return common[0] if common else ""


def _preface(exercise: Exercise, case: Case, wrong: Part) -> str:
    """With several results, say which are right."""
    if not isinstance(case.expected.value, tuple):
        return ""
    names = {item.name for item in exercise.shapes.results}
    right = [n for n, _, a, e in parts_of(exercise, case) if n in names and same(a, e)]
    if not right:
        return ""
    are = "is" if len(right) == 1 else "are"
    return f"{' and '.join(right)} {are} right; {wrong.name} is not. "


def _wrong_shape(parts: list[Part]) -> Diagnosis | None:
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
            known = {size: argument for argument, size in SIZE_NAMES.items()}
            says = known.get(letter, letter)
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
            return "It lies on its side: rows and columns have changed places."
        return (
            "The axes have changed places, and turned back the numbers are not right."
        )
    if sorted(actual) == sorted(expected):
        return "The axes are all there, in the wrong order."
    if [s for s in actual if s != 1] == [s for s in expected if s != 1]:
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
        # Of several names of a size, that of the book: `h` rather than `num_heads`.
        yield next((name for name in fits if name not in SIZE_NAMES), str(size))


def _an_argument(parts: list[Part]) -> Diagnosis | None:
    """An argument came back as it was."""
    name = first_common(
        [name for name, value in arguments_of(part).items() if same(part.actual, value)]
        for part in parts
    )
    if name is None:
        return None
    return Diagnosis(
        f"{parts[0].label} is {name} itself, unchanged.",
        "Is what your lines compute also what the function returns?",
    )


def _not_finite(parts: list[Part]) -> Diagnosis | None:
    for part in parts:
        bad = ~np.isfinite(part.actual) & np.isfinite(part.expected)
        if bad.any():
            count = f"{int(bad.sum())} of {bad.size} numbers"
            kind = "nan" if np.isnan(part.actual).any() else "inf"
            return Diagnosis(
                f"{part.label} holds {kind}: {count} are not finite.",
                "nan comes from 0/0, inf/inf, inf - inf or the root of a negative "
                "number; inf from a division by 0 or from an exp that overflows. Which "
                "step here can do that?",
            )
    return None


def _rearranged(parts: list[Part]) -> Diagnosis | None:
    """The right numbers at wrong places."""
    if any(part.actual.shape != part.expected.shape for part in parts):
        return None
    if all(p.actual.ndim > 1 and _swaps_last(p) for p in parts):
        return Diagnosis(
            f"{parts[0].label} is transposed.",
            "Entry (i, j) of yours stands at (j, i) of the right one. Which of the "
            "two owns the rows?",
        )
    for axis in range(parts[0].expected.ndim):
        if all(_permuted(part, axis) for part in parts):
            letter = parts[0].letters[axis] if parts[0].letters else f"axis {axis}"
            return Diagnosis(
                f"{parts[0].label} has the right numbers in the wrong order along "
                f"{letter}.",
                "Nothing is computed wrongly; something is put together, reversed or "
                "sorted in another order than it came.",
            )
    if all(_same_numbers(part) for part in parts):
        return Diagnosis(
            f"{parts[0].label} has all the right numbers at wrong places.",
            "A reshape keeps the numbers in reading order. Where two axes have to "
            "change places, it takes a transpose first.",
        )
    return None


def _swaps_last(part: Part) -> bool:
    turned = np.swapaxes(part.actual, -1, -2)
    return turned.shape == part.expected.shape and same(turned, part.expected)


def _permuted(part: Part, axis: int) -> bool:
    """Equal slices in another order."""
    actual = list(np.moveaxis(part.actual, axis, 0))
    for wanted in np.moveaxis(part.expected, axis, 0):
        found = next((i for i, a in enumerate(actual) if same(a, wanted)), None)
        if found is None:
            return False
        del actual[found]
    return part.expected.shape[axis] > 1


def _same_numbers(part: Part) -> bool:
    return part.expected.size > 3 and same(
        np.sort(part.actual, axis=None), np.sort(part.expected, axis=None)
    )


def _factor(parts: list[Part]) -> Diagnosis | None:
    factors = [_constant_factor(part) for part in parts]
    if None in factors:
        return None
    label = parts[0].label
    quantity = _quantity(parts, factors)
    if quantity:
        inverse = quantity.removeprefix("1/")
        return Diagnosis(
            f"{label} is {quantity} times what was expected, everywhere.",
            f"Is it divided by {inverse} once too often, or not multiplied by it?"
            if quantity.startswith("1/")
            else f"Is it multiplied by {inverse} once too often, or not divided by it?",
        )
    if all(np.isclose(f, -1) for f in factors):
        return Diagnosis(
            f"{label} has the wrong sign, everywhere.",
            "Is there a minus sign too many, or a difference the wrong way round?",
        )
    if _all_equal(factors):
        return Diagnosis(
            f"{label} is {factors[0]:.4g} times what was expected, everywhere.",
            "Which of your steps multiplies or divides all numbers alike?",
        )
    seen = ", ".join(dict.fromkeys(f"{factor:.4g}" for factor in factors))
    return Diagnosis(
        f"In each case {label} is a constant times what was expected: {seen}.",
        "The constant differs from case to case. Which size or number differs too?",
    )


def _constant_factor(part: Part) -> float | None:
    if part.actual.shape != part.expected.shape or part.expected.size < 2:
        return None
    with np.errstate(all="ignore"):
        ratios = part.actual / part.expected
    ratios = ratios[np.isfinite(ratios) & (part.expected != 0)]
    if ratios.size == 0:
        return None
    factor = float(np.real(np.median(ratios)))
    fits = factor != 0 and bool(np.all(close(part.actual, factor * part.expected)))
    return factor if fits else None


def _all_equal(numbers: list[float] | np.ndarray) -> bool:
    return len(numbers) == 0 or bool(np.allclose(numbers, numbers[0], rtol=1e-6))


QUANTITIES = {
    "{}": lambda size: size,
    "1/{}": lambda size: 1 / size,
    "sqrt({})": np.sqrt,
    "1/sqrt({})": lambda size: 1 / np.sqrt(size),
    "{}²": lambda size: size**2,
    "1/{}²": lambda size: 1 / size**2,
}


def _quantity(parts: list[Part], factors: list[float]) -> str | None:
    """The size of the book that equals the factor in every case, if one does."""
    for letter in parts[0].sizes:
        for text, formula in QUANTITIES.items():
            values = [formula(p.sizes.get(letter, np.nan)) for p in parts]
            if np.allclose(values, factors, rtol=1e-5) and len(set(values)) > 1:
                return text.format(letter)
    return None


def _offset(parts: list[Part]) -> Diagnosis | None:
    for part in parts:
        if part.actual.shape != part.expected.shape or part.expected.size < 2:
            return None
        offsets = part.actual - part.expected
        if not np.all(close(part.actual, part.expected + offsets.flat[0])):
            return None
    return Diagnosis(
        f"{parts[0].label} is off by the same amount everywhere: "
        f"{_show(float(np.real(offsets.flat[0])))}.",
        "Look for a term that is added or subtracted once too often, or not at all.",
    )


def _off_by_argument(parts: list[Part]) -> Diagnosis | None:
    """A multiple of an argument is too much, or an argument is missing."""
    found = first_common(_multiples(part) for part in parts)
    if found is None:
        return None
    name, multiple = found
    if multiple == -1:
        return Diagnosis(
            f"{parts[0].label} is what was expected minus {name}.",
            f"Is {name} added where it belongs?",
        )
    times = "" if multiple == 1 else f"{multiple:g} times "
    return Diagnosis(
        f"{parts[0].label} is what was expected plus {times}{name}.",
        f"Where does {name} go in, and how often?",
    )


def _multiples(part: Part) -> list[tuple[str, float]]:
    """Which argument, times which number, the answer is off by."""
    if part.actual.shape != part.expected.shape:
        return []
    off = part.actual - part.expected
    found = []
    for name, value in arguments_of(part).items():
        if value.ndim == 0 or value.shape != off.shape[off.ndim - value.ndim :]:
            continue
        ratio = float(np.real(np.sum(off * value) / np.sum(value * value + 0 * off)))
        ratio = round(ratio, 3)
        if ratio and np.all(close(part.actual, part.expected + ratio * value)):
            found.append((name, ratio))
    return found


DISTORTIONS = {
    "Every number of {} is 0.": (
        lambda right: 0 * right,
        "An array of zeros has to be filled: does a loop write into it? And "
        "`nan_to_num` makes 0 of what overflowed.",
    ),
    "{} would be right, but its negative numbers have become 0.": (
        lambda right: np.maximum(right, 0),
        "Nothing is cut off here: is there a maximum too many?",
    ),
    "{} would be right, but it has lost its minus signs.": (
        np.abs,
        "Negative numbers stay negative: is there an `abs` or a square too many?",
    ),
    "{} would be right, but it is rounded to whole numbers.": (
        np.round,
        "Keep the decimals: is there a `round`, an `int` or `//`?",
    ),
    "{} would be right, but its decimals are cut off.": (
        np.trunc,
        "Keep the decimals: an integer array drops what it cannot hold.",
    ),
    "{} would be right, but it is rounded to one decimal.": (
        lambda right: np.round(right, 1),
        "Return them as they are; rounding is for printing.",
    ),
    "{} would be right, but it is rounded to two decimals.": (
        lambda right: np.round(right, 2),
        "Return them as they are; rounding is for printing.",
    ),
    "{} would be right, but it is rounded to three decimals.": (
        lambda right: np.round(right, 3),
        "Return them as they are; rounding is for printing.",
    ),
    "{} holds the squares of the right numbers.": (
        np.square,
        "Is there a square too many?",
    ),
}


def _distorted(parts: list[Part]) -> Diagnosis | None:
    """Each number is a function of the right one."""
    for words, (function, hint) in DISTORTIONS.items():
        if all(same(part.actual, function(part.expected)) for part in parts):
            return Diagnosis(words.format(parts[0].label), hint)
    return None


def _by_row(parts: list[Part]) -> Diagnosis | None:
    """Each row has its own factor: normalised by something else."""
    varied = False
    for part in parts:
        if part.actual.shape != part.expected.shape or part.expected.ndim < 2:
            return None
        if part.expected.shape[-1] < 2:
            return None
        with np.errstate(all="ignore"):
            factors = part.actual.sum(-1) / part.expected.sum(-1)
            if not np.all(close(part.actual, factors[..., None] * part.expected)):
                return None
        wrong = factors[~np.isclose(factors, 1)]
        varied = varied or not _all_equal(wrong)
    if not varied:  # rows that were left out: see `_some_rows`
        return None
    return Diagnosis(
        f"Within each row of {parts[0].label} the proportions are right; each row "
        "is off by a factor of its own.",
        "What is each row divided or multiplied by, and what should it be?",
    )


def _some_rows(parts: list[Part]) -> Diagnosis | None:
    """Some rows right, others wrong: a loop that ends early, or keeps one."""
    part = parts[0]
    if part.actual.shape != part.expected.shape or part.expected.ndim < 1:
        return None
    right = close(part.actual, part.expected)
    rows = right.all(axis=tuple(range(1, right.ndim)))
    if not rows.any() or rows.all() or len(rows) < 2:
        return None
    letter = part.letters[0] if part.letters else "axis 0"
    wrong = ", ".join(str(int(i)) for i in np.flatnonzero(~rows))
    return Diagnosis(
        f"Along {letter}, {int(rows.sum())} of {len(rows)} entries of {part.label} are "
        f"right; wrong: {wrong}.",
        "Is every one of them computed, and each from its own numbers?",
    )


RELATIONS = (
    _an_argument,
    _wrong_shape,
    _not_finite,
    _distorted,
    _rearranged,
    _factor,
    _offset,
    _off_by_argument,
    _by_row,
    _some_rows,
)


def _some_cases(preface: str, first: Part) -> Diagnosis:
    return Diagnosis(
        f"{preface}{_difference(first)}",
        f"What is special about the case '{first.case.name}'? Others are right.",
    )


def _difference(part: Part) -> str:
    """How many numbers are right, and the first that is not."""
    right = close(part.actual, part.expected)
    index = tuple(int(i) for i in np.argwhere(~right)[0])
    place = f"{part.label}[{', '.join(map(str, index))}]" if index else part.label
    told = _apart(part.actual[index].item(), part.expected[index].item())
    if not index:
        return f"{place} is {told}."
    return (
        f"{int(right.sum())} of {right.size} numbers of {part.label} are right. "
        f"{place} is {told}."
    )


def _apart(came: Any, wanted: Any) -> str:
    """Two numbers, with as many digits as it takes to tell them apart."""
    if _show(came) == _show(wanted):
        return f"{came!r}; expected {wanted!r}"
    return f"{_show(came)}; expected {_show(wanted)}"


def _show(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
