"""The relation of a wrong array to the right one: shape, places, factor, distortion."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from autograder.exercises.declaration import Exercise
from autograder.judge.cases import FIXED, UNLIKE, UNUSED, Case, failed_properties
from autograder.judge.diagnosis.behind import behind_a_map
from autograder.judge.diagnosis.conditions import right_where
from autograder.judge.diagnosis.counts import counted
from autograder.judge.diagnosis.distortions import (
    distorted,
    nearly,
    repeated,
    rounded,
    unwritten,
)
from autograder.judge.diagnosis.factors import all_equal as _all_equal
from autograder.judge.diagnosis.factors import factor
from autograder.judge.diagnosis.influence import influence
from autograder.judge.diagnosis.mixing import mixed
from autograder.judge.diagnosis.parts import (
    Part,
    are_weights,
    arguments_of,
    first_common,
    in_shape,
    parts_in,
    parts_of,
    wrong_part,
)
from autograder.judge.diagnosis.rows import (
    by_rows,
    no_mask,
    one_sided,
    rows_summed,
    yes_and_no,
)
from autograder.judge.diagnosis.shape import wrong_shape
from autograder.judge.diagnosis.weights import weighted
from autograder.judge.diagnosis.wording import Diagnosis, failing, promise, these
from autograder.values.called import Call
from autograder.values.compare import close, is_finite, same


def related(
    exercise: Exercise, cases: list[Case], failed: list[Case], call: Call
) -> Diagnosis:
    """What the first wrong part is to the right one, in all failed cases."""
    wrong_parts = [part for case in failed if (part := wrong_part(exercise, case))]
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
    # What follows from wrong weights may be wrong besides.
    several = isinstance(first.case.expected.value, tuple)
    fits = first.actual.shape == first.expected.shape
    if several and fits and are_weights(first.expected):
        found = _two_at_once(exercise, cases)
        if found:
            return found
    if len(failed) < len(cases):
        preface = f"{failing(cases)} {preface}"
    for relation in RELATIONS:
        found = relation(parts)
        if found:
            return Diagnosis(f"{preface}{found.rationale}", found.hint)
    return _last(exercise, cases, failed, parts, preface, lacking, call)


def _last(
    exercise: Exercise,
    cases: list[Case],
    failed: list[Case],
    parts: list[Part],
    preface: str,
    lacking: str,
    call: Call,
) -> Diagnosis:
    """What can be said where no relation holds."""
    first = parts[0]
    clear = (rearranged, repeated, factor)
    if found := behind_a_map(parts, clear):
        return Diagnosis(f"{preface}{found.rationale}", found.hint)
    if found := _two_at_once(exercise, cases):
        return found
    if lacking:
        return Diagnosis(
            f"{preface}{lacking}", "Which step makes that true? Is it there?"
        )
    if 2 * len(failed) <= len(cases):
        return _some_cases(preface, first)
    if found := (
        yes_and_no(parts)
        or nearly(parts)
        or by_rows(parts)
        or next(filter(None, map(rows_summed, _wrong_ones(exercise, failed))), None)
        or mixed(exercise, cases, call, first.name, SHOWN)
        or _another_part(exercise, failed, first.name)
        or influence(exercise, cases, call, first.name)
        or one_sided(parts)
    ):
        return Diagnosis(f"{preface}{found.rationale}", found.hint)
    return Diagnosis(
        f"{preface}{_difference(first)}",
        "Take a small example and work out this one number by hand: from which "
        "row, which column?"
        if first.expected.ndim
        else "Work it out by hand for a small example.",
    )


def _wrong_ones(exercise: Exercise, failed: list[Case]) -> Iterator[list[Part]]:
    """Each part of the result that is wrong, in all failed cases."""
    found = [list(parts_in(exercise, case)) for case in failed]
    for alike in zip(*found, strict=False):
        if not all(same(part.actual, part.expected) for part in alike):
            yield list(alike)


def _another_part(
    exercise: Exercise, failed: list[Case], name: str
) -> Diagnosis | None:
    """A relation of another part of the result: the fault may show there alone."""
    for parts in _wrong_ones(exercise, failed):
        wrong = [p for p in parts if not same(p.actual, p.expected)]
        if parts[0].name != name and all(p.actual.size for p in wrong):
            found = (relation(wrong) for relation in RELATIONS)
            if told := next(filter(None, found), None):
                return told
    return None


def _two_at_once(exercise: Exercise, cases: list[Case]) -> Diagnosis | None:
    from autograder.judge.diagnosis.pairs import two_at_once

    return two_at_once(exercise, cases)


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
    return f"{these(right)} right; {wrong.name} is not. "


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


def rearranged(parts: list[Part]) -> Diagnosis | None:
    """The right numbers at wrong places."""
    if not in_shape(parts):
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
    return bool(part.expected.shape[axis] > 1)


def _same_numbers(part: Part) -> bool:
    return part.expected.size > 3 and same(
        np.sort(part.actual, axis=None), np.sort(part.expected, axis=None)
    )


def offset(parts: list[Part]) -> Diagnosis | None:
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


def off_by_argument(parts: list[Part]) -> Diagnosis | None:
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


def some_slices(parts: list[Part]) -> Diagnosis | None:
    """Along an axis some entries are right, others wrong: a loop that ends early, or
    keeps one.
    """
    part = parts[0]
    if part.actual.shape != part.expected.shape or part.expected.ndim < 1:
        return None
    right = close(part.actual, part.expected)
    for axis, length in enumerate(right.shape):
        others = tuple(a for a in range(right.ndim) if a != axis)
        entries = right.all(axis=others)
        if length < 2 or not entries.any() or entries.all():
            continue
        if not all(_some_right(other, axis) for other in parts):
            continue  # what is right in this case alone is right by chance
        letter = part.letters[axis] if part.letters else f"axis {axis}"
        wrong = ", ".join(str(int(i)) for i in np.flatnonzero(~entries))
        return Diagnosis(
            f"Along {letter}, {int(entries.sum())} of {length} entries of {part.label} "
            f"are right; wrong: {wrong}.",
            "Is every one of them computed, and each from its own numbers?",
        )
    return None


def _some_right(part: Part, axis: int) -> bool:
    """Whether an entry along an axis is right, as far as there are several."""
    if part.actual.shape != part.expected.shape or part.actual.shape[axis] < 2:
        return True
    others = tuple(a for a in range(part.actual.ndim) if a != axis)
    return bool(close(part.actual, part.expected).all(axis=others).any())


RELATIONS = (
    _an_argument,
    wrong_shape,
    counted,
    no_mask,
    _not_finite,
    weighted,
    distorted,
    rounded,
    rearranged,
    factor,
    offset,
    off_by_argument,
    repeated,
    unwritten,
    _by_row,
    right_where,
    some_slices,
)


SHOWN = (weighted, factor, rearranged, some_slices)  # by weights that are asked for


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
