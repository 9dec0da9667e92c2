"""What is wrong with a wrong answer: one message, the most useful one.

First the declared mistakes: an answer that behaves like one of them on every case
carries its name and its hint. Then the relation of the answer to the right one:
its shape, its axes, a factor, a permutation, the cases that it gets wrong.
"""

import difflib
import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np

from autograder.compare import close, same
from autograder.exercise import Exercise
from autograder.judge import (
    Case,
    agrees,
    changed_arguments,
    failed_properties,
    run,
    same_form,
    try_case,
)
from autograder.wire import CallError, Opaque, call_in_process

CHANGED_ARGUMENTS = "changed_its_arguments"


@dataclass(frozen=True)
class Diagnosis:
    """What came and what was expected; what probably causes it; a mistake's name."""

    rationale: str
    hint: str
    mistake: str | None = None


@dataclass(frozen=True)
class Part:
    """One array of the result, in one case, with the sizes that have names."""

    name: str
    letters: tuple[str, ...] | None
    sizes: dict[str, int]
    expected: np.ndarray
    actual: np.ndarray

    @property
    def label(self) -> str:
        """How a message calls it: `S`, or `the result` where it has no name."""
        return self.name or "the result"


def diagnose(exercise: Exercise, cases: list[Case]) -> Diagnosis:
    """Explain a wrong answer. `cases` are all cases, at least one of them failed."""
    failed = [case for case in cases if not case.passed]
    return (
        _changed_arguments(failed)
        or _declared(exercise, cases)
        or _raised(exercise, failed)
        or _not_numbers(exercise, failed)
        or _tuple_items(exercise, failed)
        or _related(exercise, cases, failed)
    )


# --- declared mistakes --------------------------------------------------------


def matching(exercise: Exercise, cases: list[Case]) -> Iterator[Callable]:
    """The declared mistakes that behave like the answer on every case."""
    alike = _behaves_like if exercise.compared else _looks_like
    return (m for m in exercise.mistakes if alike(exercise, m, cases))


def _declared(exercise: Exercise, cases: list[Case]) -> Diagnosis | None:
    mistake = next(matching(exercise, cases), None)
    if mistake is None:
        return None
    return Diagnosis(
        rationale=f"{_failing(cases)} {_came(exercise, cases)}".strip(),
        hint=inspect.getdoc(mistake),
        mistake=mistake.__name__,
    )


def _looks_like(exercise: Exercise, mistake: Callable, cases: list[Case]) -> bool:
    """Random answers: true where the same things are wrong with both in every case."""
    call = call_in_process(mistake)
    return all(
        _symptoms(exercise, case)
        == _symptoms(exercise, try_case(exercise, call, case.name, case.arguments))
        for case in cases
    )


def _symptoms(exercise: Exercise, case: Case) -> tuple:
    """What can be said of a random answer: its error, its shapes, what it lacks."""
    if case.actual.error:
        return (case.actual.error.kind,)
    value = case.actual.value
    items = value if isinstance(value, dict) else {"": value}
    shapes = {key: np.shape(item) for key, item in items.items()}
    return type(value), shapes, failed_properties(exercise, case)


def _behaves_like(exercise: Exercise, mistake: Callable, cases: list[Case]) -> bool:
    """True where the learner's outcome is the mistake's on every case.

    A mistake may raise where sizes differ, and the learner's version of it may
    raise in other words. That counts as the same, unless it is all there is.
    """
    call = call_in_process(mistake)
    values = 0
    same_words = True
    for case in cases:
        with np.errstate(all="ignore"):
            outcome = run(call, case.arguments, like=case.expected.value)
        if outcome.error:
            if not case.actual.error or case.actual.error.kind in LIMITS:
                return False
            same_words = same_words and _words(outcome.error) == _words(
                case.actual.error
            )
        elif not agrees(case.actual, outcome):
            return False
        else:
            values += 1
    return values > 0 or same_words


def _words(error: CallError) -> tuple[str, str]:
    return error.kind, error.message


def _changed_arguments(failed: list[Case]) -> Diagnosis | None:
    """Arguments changed in place, where nothing else is wrong."""
    changed = [case for case in failed if changed_arguments(case)]
    if len(changed) < len(failed) or not all(
        agrees(case.actual, case.expected) for case in failed
    ):
        return None
    return Diagnosis(
        rationale="The values are right, but the call changed its own arguments.",
        hint="Whoever called your function still needs those arrays. Make a new "
        "array instead: `S = S - m` makes one, `S -= m` and `S[...] = ` do not.",
        mistake=CHANGED_ARGUMENTS,
    )


# --- exceptions and limits ----------------------------------------------------

# Kinds of CallError that no learner's code raises: the sandbox stopped it.
LIMITS = {
    "Timeout",
    "CpuTime",
    "Memory",
    "Killed",
    "TooLarge",
    "Output",
    "FileSize",
    "Processes",
    "Crashed",
}
SHAPES = re.compile(
    r"operands could not be broadcast|mismatch in its core dimension|not aligned"
    r"|shapes cannot be multiplied|must match the size|size mismatch"
    r"|do not match|does not broadcast|requested shape|cannot reshape"
    r"|invalid for input of size|Expected size for first two dimensions"
)


def _raised(exercise: Exercise, failed: list[Case]) -> Diagnosis | None:
    case = next((case for case in failed if case.actual.error), None)
    if case is None:
        if failed[0].expected.error:
            kind = failed[0].expected.error.kind
            return Diagnosis(
                rationale=f"In the case '{failed[0].name}' the answer is to raise "
                f"{kind}, but your function returned.",
                hint=f"Read the docstring again: when does it raise {kind}?",
            )
        return None
    error = case.actual.error
    if error.kind in LIMITS:
        return Diagnosis(
            f"{exercise.name} gave no answer: {error.message}", _limit_hint(error)
        )
    where = f" in your line `{error.line}`" if error.line else ""
    told = f": {error.message}" if error.message else ""
    return Diagnosis(
        rationale=f"{error.kind}{where}{told}",
        hint=_error_hint(exercise, case, error),
    )


def _limit_hint(error: CallError) -> str:
    if error.kind in ("Timeout", "CpuTime"):
        return "Is there a loop that does not end, or a call that waits?"
    if error.kind in ("Memory", "TooLarge"):
        return "Does an array grow in a loop, or broadcast to a size not meant?"
    return "Run the cell in JupyterLab, in a fresh kernel, and see what happens there."


def _error_hint(exercise: Exercise, case: Case, error: CallError) -> str:
    if SHAPES.search(error.message):
        given = ", ".join(
            f"{item.name} {item.sizes_text} is {np.shape(value)}"
            for item, value in zip(
                exercise.shapes.arguments, case.arguments, strict=False
            )
            if item.sizes is not None
        )
        return (
            f"The shapes do not fit each other. Here {given}. Write the shape of "
            "every factor beside it: which two sizes have to be equal?"
        )
    if error.kind in ("NameError", "UnboundLocalError"):
        return (
            "A name that Python does not know: is it misspelt, or is the cell that "
            "defines it further down or not run yet?"
        )
    if error.kind == "AttributeError":
        return _attribute_hint(error)
    if error.kind == "AxisError" or "out of range" in error.message:
        return "An axis that is not there. Count axes from the end: -1 is the last."
    if error.kind == "TypeError" and "argument" in error.message:
        names = ", ".join(item.name for item in exercise.shapes.arguments)
        return (
            f"{exercise.name} is called with ({names}). Keep these arguments, in "
            "this order."
        )
    if error.kind == "RecursionError":
        return f"Your {exercise.name} calls itself without an end."
    if error.kind in ("SyntaxError", "IndentationError"):
        return "Python cannot read the cell: look at the line before it, too."
    return "The exception is raised on right arguments. Print the shapes before it."


def _attribute_hint(error: CallError) -> str:
    match = re.search(r"has no attribute '(\w+)'", error.message)
    near = difflib.get_close_matches(match[1], dir(np), n=1) if match else []
    if "NoneType" in error.message:
        return "Something is None: does a function before this line lack a `return`?"
    if near and near[0] != match[1]:
        return f"There is no `{match[1]}`. Is `np.{near[0]}` meant?"
    if match and hasattr(np, match[1]):
        return f"Arrays have no `.{match[1]}`; `np.{match[1]}(...)` is a function."
    return "There is no such name. Is it misspelt?"


# --- results that are no numbers, and results of several parts ----------------


def _not_numbers(exercise: Exercise, failed: list[Case]) -> Diagnosis | None:
    actual, expected = failed[0].actual.value, failed[0].expected.value
    if actual is None and expected is not None:
        return Diagnosis(
            f"{exercise.name} returned None.",
            "Does the function end without `return`? A last line such as `A` gives "
            "nothing back: write `return A`.",
        )
    if actual is Ellipsis or isinstance(actual, Opaque | str):
        kind = actual.type_name if isinstance(actual, Opaque) else type(actual).__name__
        return Diagnosis(
            f"{exercise.name} returned something of type {kind}; expected "
            f"{_promise(exercise)}.",
            "Return an array of numbers. A generator, a set or a ragged list is none.",
        )
    return None


def _tuple_items(exercise: Exercise, failed: list[Case]) -> Diagnosis | None:
    """Wrong number of results, or wrong keys of a dict."""
    actual, expected = failed[0].actual.value, failed[0].expected.value
    came = len(actual) if isinstance(actual, tuple | list) else 1
    wanted = len(expected) if isinstance(expected, tuple) else 1
    if isinstance(expected, dict):
        return _dict_items(exercise, actual, expected)
    if came != wanted and not isinstance(actual, list):
        return Diagnosis(
            f"{exercise.name} returned {_count(came, 'result')}; expected "
            f"{wanted}: {_promise(exercise)}.",
            f"End with `return {', '.join(i.name for i in exercise.shapes.results)}`.",
        )
    if isinstance(expected, np.ndarray) and not isinstance(actual, np.ndarray):
        return Diagnosis(
            f"{exercise.name} returned {_show(actual)}; expected {_promise(exercise)}.",
            "A whole array is asked for, not one number.",
        )
    return None


def _dict_items(exercise: Exercise, actual: Any, expected: dict) -> Diagnosis | None:
    if not isinstance(actual, dict):
        return Diagnosis(
            f"{exercise.name} returned {_show(actual)}; expected a dict with the keys "
            f"{', '.join(expected)}.",
            "Collect the arrays in a dict and return it.",
        )
    missing = [key for key in expected if key not in actual]
    extra = [str(key) for key in actual if key not in expected]
    if missing or extra:
        return Diagnosis(
            f"The dict has {'no ' + ', '.join(missing) if missing else ''}"
            f"{' and ' if missing and extra else ''}"
            f"{'a key too many: ' + ', '.join(extra) if extra else ''}.",
            f"Expected are exactly the keys {', '.join(expected)}.",
        )
    return None


# --- the relation of a wrong array to the right one ---------------------------


def _related(exercise: Exercise, cases: list[Case], failed: list[Case]) -> Diagnosis:
    wrong_parts = [_wrong_part(exercise, case) for case in failed]
    wrong_parts = [part for part in wrong_parts if part is not None]
    lacking = _lacking(exercise, failed)
    if not wrong_parts:
        return Diagnosis(
            lacking
            or f"{_failing(cases)} The result is not as promised: "
            f"{_promise(exercise)}.",
            "Print the result for a small example and compare it with the docstring.",
        )
    first = wrong_parts[0]
    parts = [part for part in wrong_parts if part.name == first.name]
    preface = _preface(exercise, failed[0], first)
    for relation in RELATIONS:
        found = relation(parts)
        if found:
            return Diagnosis(f"{preface}{found.rationale}", found.hint)
    if lacking:
        return Diagnosis(
            f"{preface}{lacking}", "Which step makes that true? Is it there?"
        )
    if len(failed) < len(cases):
        return _some_cases(preface, cases, failed)
    return Diagnosis(
        f"{preface}{_difference(first)}",
        "Take the smallest example and do the first wrong number by hand.",
    )


def _lacking(exercise: Exercise, failed: list[Case]) -> str:
    """The first property that is lacking wherever the answer is wrong."""
    lacking = [failed_properties(exercise, case) for case in failed]
    common = [words for words in lacking[0] if all(words in other for other in lacking)]
    if not exercise.compared and not common:
        common = next(filter(None, lacking), [])  # wrong in several ways: the first
    return common[0] if common else ""


def _wrong_part(exercise: Exercise, case: Case) -> Part | None:
    """The first array of the result that is wrong."""
    try:
        sizes = exercise.shapes.bind(case.arguments)
    except ValueError:
        sizes = {}
    for name, letters, actual, expected in _parts(exercise, case):
        numeric = isinstance(actual, np.ndarray | float | int)
        alike = same if exercise.compared else same_form
        if numeric and not alike(actual, expected):
            return Part(name, letters, sizes, np.asarray(expected), np.asarray(actual))
    return None


def _parts(exercise: Exercise, case: Case) -> Iterator[tuple]:
    actual, expected = case.actual.value, case.expected.value
    items = exercise.shapes.results
    if isinstance(expected, dict):
        for key, value in expected.items():
            yield key, None, actual[key], value
    elif isinstance(expected, tuple):
        for item, a, e in zip(items, actual, expected, strict=True):
            yield item.name, item.sizes, a, e
    else:
        yield items[0].name, items[0].sizes, actual, expected


def _preface(exercise: Exercise, case: Case, wrong: Part) -> str:
    """With several results, say which are right."""
    right = [n for n, _, a, e in _parts(exercise, case) if same(a, e)]
    if isinstance(case.expected.value, np.ndarray | float | int):
        return ""
    return f"{', '.join(right)} is right; {wrong.name} is not. " if right else ""


def _wrong_shape(parts: list[Part]) -> Diagnosis | None:
    part = next((p for p in parts if p.actual.shape != p.expected.shape), None)
    if part is None:
        return None
    promised = f"({', '.join(part.letters)}) = " if part.letters else ""
    rationale = (
        f"{part.label} has shape {part.actual.shape}; expected "
        f"{promised}{part.expected.shape}."
    )
    return Diagnosis(rationale, _shape_hint(part))


def _shape_hint(part: Part) -> str:
    actual, expected = part.actual.shape, part.expected.shape
    if actual == expected[::-1]:
        return "It lies on its side: rows and columns have changed places."
    if sorted(actual) == sorted(expected):
        return "The axes are all there, in the wrong order."
    if [s for s in actual if s != 1] == [s for s in expected if s != 1]:
        return "There is an axis of length 1 too many or too few (`keepdims`?)."
    if np.prod(actual) == np.prod(expected):
        return "As many numbers as expected, cut into another shape."
    if len(actual) < len(expected):
        gone = [
            letter
            for letter, size in zip(part.letters or (), expected, strict=False)
            if size not in actual
        ]
        return f"An axis has been summed away{_named(gone)}, or was never made."
    names = {size: letter for letter, size in part.sizes.items()}
    named = ", ".join(names.get(size, str(size)) for size in actual)
    return f"Yours reads as ({named}). Which product or sum gives the right axes?"


def _named(letters: list[str]) -> str:
    return f": {', '.join(letters)}" if letters else ""


def _not_finite(parts: list[Part]) -> Diagnosis | None:
    for part in parts:
        bad = ~np.isfinite(part.actual) & np.isfinite(part.expected)
        if bad.any():
            count = f"{int(bad.sum())} of {bad.size} numbers"
            kind = "nan" if np.isnan(part.actual).any() else "inf"
            return Diagnosis(
                f"{part.label} holds {kind}: {count} are not finite.",
                "nan comes from 0/0, inf/inf or inf - inf; inf from a division by 0 "
                "or from an exp that overflows. Which step here can do that?",
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
    """Equal slices in another order. Sizes are small, so all orders are tried."""
    size = part.expected.shape[axis]
    if not 1 < size <= 6:
        return False
    return any(
        same(np.take(part.actual, order, axis), part.expected)
        for order in permutations(range(size))
    )


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
    if all(np.isclose(f, -1) for f in factors):
        return Diagnosis(f"{label} has the wrong sign.", "Which difference is turned?")
    times = quantity or (f"{factors[0]:.4g}" if _all_equal(factors) else "a factor")
    return Diagnosis(
        f"{label} is {times} times what was expected, everywhere.",
        f"Look for a factor of {times}: multiplied once too often, or a division "
        "that is missing or doubled."
        if times != "a factor"
        else "The factor is another one in each case: which quantity changes too?",
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


def _all_equal(numbers: list[float]) -> bool:
    return bool(np.allclose(numbers, numbers[0], rtol=1e-6))


QUANTITIES = {
    "{}": lambda size: size,
    "1/{}": lambda size: 1 / size,
    "sqrt({})": np.sqrt,
    "1/sqrt({})": lambda size: 1 / np.sqrt(size),
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


def _by_row(parts: list[Part]) -> Diagnosis | None:
    """Each row has its own factor: normalised by something else."""
    for part in parts:
        if part.actual.shape != part.expected.shape or part.expected.ndim < 2:
            return None
        if part.expected.shape[-1] < 2:
            return None
        with np.errstate(all="ignore"):
            ratio = part.actual / part.expected
        if not np.allclose(ratio, ratio[..., :1], rtol=1e-5):
            return None
    return Diagnosis(
        f"Within each row of {parts[0].label} the proportions are right; each row "
        "is off by a factor of its own.",
        "Each row is divided by the wrong total. What should it be divided by?",
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
    _wrong_shape,
    _not_finite,
    _rearranged,
    _factor,
    _offset,
    _by_row,
    _some_rows,
)


def _some_cases(preface: str, cases: list[Case], failed: list[Case]) -> Diagnosis:
    return Diagnosis(
        f"{preface}{_failing(cases)}",
        f"What is special about the case '{failed[0].name}'? The others are right.",
    )


# --- wording ------------------------------------------------------------------


def _difference(part: Part) -> str:
    right = close(part.actual, part.expected)
    return (
        f"{int(right.sum())} of {right.size} numbers of {part.label} are right; the "
        "shape is as expected."
    )


def _failing(cases: list[Case]) -> str:
    names = [case.name for case in cases if not case.passed]
    if len(names) == len(cases):
        return "No case comes out right."
    return f"{len(names)} of {len(cases)} cases come out wrong: {', '.join(names)}."


def _came(exercise: Exercise, cases: list[Case]) -> str:
    """What came, where a sentence can say it: a shape or an exception."""
    case = next(case for case in cases if not case.passed)
    if case.actual.error:
        return f"{case.actual.error.kind}: {case.actual.error.message}"
    actual, expected = case.actual.value, case.expected.value
    if isinstance(expected, np.ndarray) and np.shape(actual) != expected.shape:
        return (
            f"The shape is {np.shape(actual)}; expected {_promise(exercise)} = "
            f"{expected.shape}."
        )
    return ""


def _promise(exercise: Exercise) -> str:
    return ", ".join(str(item) for item in exercise.shapes.results)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _show(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
