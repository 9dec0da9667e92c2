"""Rows that are right but for a number of their own, behind what is added at the end.

In `gamma * rows + beta` a wrong scale of the rows hides behind gamma and beta. They can
be undone: what is left is compared row by row.
"""

import itertools
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from autograder.judge.diagnosis.parts import Part, arguments_of, in_shape
from autograder.judge.diagnosis.wording import Diagnosis, be, these
from autograder.values.compare import close

FEW = 4  # numbers in a row: fewer lie on a line by themselves


def by_rows(parts: list[Part]) -> Diagnosis | None:
    """Each row has a factor, or a shift, of its own where the right one has another."""
    if not in_shape(parts) or any(part.actual.ndim < 2 for part in parts):
        return None
    if max(part.actual.shape[-1] for part in parts) < FEW:
        return None
    label = parts[0].label
    for said, undone in _undone(parts):
        for words, hint, fits in WAYS:
            if all(fits(part.actual, part.expected) for part in undone):
                return Diagnosis(f"{said}{words.format(label)}", hint)
    return _along_columns(parts)


def _undone(parts: list[Part]) -> Iterator[tuple[str, list[Part]]]:
    """The parts as they are, and without what one or two vectors do at the end."""
    yield "", parts
    width = [part.actual.shape[-1:] for part in parts]
    given = [arguments_of(part) for part in parts]
    vectors = [
        name
        for name in given[0]
        if all(g[name].shape == w for g, w in zip(given, width, strict=True))
    ]
    for shift in vectors:
        yield f"{shift} is added as it should be. ", _without(parts, shift, None)
    for factor, shift in itertools.permutations(vectors, 2):
        yield (
            f"{factor} and {shift} are used as they should be. ",
            _without(parts, shift, factor),
        )


def _without(parts: list[Part], shift: str, factor: str | None) -> list[Part]:
    made = []
    for part in parts:
        given = arguments_of(part)
        by = given[factor] if factor else 1.0
        with np.errstate(all="ignore"):
            came, right = (v - given[shift] for v in (part.actual, part.expected))
            made.append(replace(part, actual=came / by, expected=right / by))
    return made


def _scaled(came: np.ndarray, right: np.ndarray) -> bool:
    return _on_a_line(came, right, shifted=False)


def _shifted(came: np.ndarray, right: np.ndarray) -> bool:
    off = (came - right).mean(-1, keepdims=True)
    return bool(np.isfinite(off).all() and np.all(close(came, right + off)))


def _on_a_line(came: np.ndarray, right: np.ndarray, shifted: bool = True) -> bool:
    """Whether each row is the right one times a number, and perhaps plus another."""
    if not (np.isfinite(came).all() and np.isfinite(right).all()):
        return False
    x, y = (v - v.mean(-1, keepdims=True) if shifted else v for v in (right, came))
    size = (x * x).sum(-1, keepdims=True)
    slope = (x * y).sum(-1, keepdims=True) / np.where(size > 0, size, 1.0)
    # What is tiny beside what it is made of is rounding, and on any line.
    return bool(np.all(close(y + came.mean(), slope * x + came.mean())))


WAYS = (
    (
        "Each row of {} is off by a factor of its own.",
        "What is each row divided or multiplied by, and what should it be?",
        _scaled,
    ),
    (
        "Each row of {} is off by one number, a row its own.",
        "What is added to each row, or taken away from it, and what should it be?",
        _shifted,
    ),
    (
        "Each row of {} is the right one times a number, plus a number.",
        "What is taken away from each row, and what is it divided by? Go through both.",
        _on_a_line,
    ),
)


def _along_columns(parts: list[Part]) -> Diagnosis | None:
    """Each column is a column of an argument, shifted and stretched as a whole."""
    if max(part.actual.shape[-2] for part in parts) < FEW:
        return None
    for name in arguments_of(parts[0]):
        given = [arguments_of(part)[name] for part in parts]
        pairs = list(zip(parts, given, strict=True))
        if any(g.shape != p.actual.shape or g.dtype.kind != "f" for p, g in pairs):
            continue
        if not any(
            _on_a_line(p.expected.swapaxes(-1, -2), g.swapaxes(-1, -2))
            for p, g in pairs
        ) and all(
            _on_a_line(p.actual.swapaxes(-1, -2), g.swapaxes(-1, -2)) for p, g in pairs
        ):
            return Diagnosis(
                f"Each column of {parts[0].label} is one of {name}, times a number, "
                "plus a number: the same for all rows.",
                "Each row is to have numbers of its own: along which axis are they "
                "worked out?",
            )
    return None


def rows_summed(parts: list[Part]) -> Diagnosis | None:
    """Each row is a sum of rows of the arguments, with other numbers before them."""
    names = _alike(parts)
    # Shorter rows can be added up of anything.
    parts = [part for part in parts if part.actual.shape[-1:] > (len(names),)]
    if len(names) < 2 or len(parts) < 2:
        return None
    agree = dict.fromkeys(names, True)
    for part in parts:
        given = [arguments_of(part)[name] for name in names]
        came, right = (_numbers_before(v, given) for v in (part.actual, part.expected))
        if came is None or right is None:
            return None
        for place, name in enumerate(names):
            fits = close(came[..., place], right[..., place])
            agree[name] = agree[name] and bool(fits.all())
    wrong = [name for name, fits in agree.items() if not fits]
    if not wrong:
        return None
    which = " and ".join(wrong)
    return Diagnosis(
        f"Each row of {parts[0].label} is {' and '.join(names)}, times a number each, "
        f"added up. The {be(len(wrong), 'number', 'numbers')} of {these(wrong)} wrong.",
        f"What is {which} multiplied by, and by what should it be?",
    )


def _alike(parts: list[Part]) -> list[str]:
    """The arguments of the shape of the result."""
    given = [(part, arguments_of(part)) for part in parts]
    names = [
        name
        for name in given[0][1]
        if all(
            name in g and g[name].shape == p.actual.shape == p.expected.shape
            for p, g in given
        )
    ]
    return names if parts[0].actual.ndim > 1 else []


def _numbers_before(value: np.ndarray, given: list[np.ndarray]) -> np.ndarray | None:
    """What each row of the arguments is multiplied by; None where that is not all."""
    basis = np.stack(given, axis=-1).astype(float)  # (..., d, arguments)
    if not np.isfinite(value).all():
        return None
    numbers = np.linalg.pinv(basis) @ value[..., None]
    made = (basis @ numbers)[..., 0]
    return numbers[..., 0] if np.all(close(made, value)) else None


def one_sided(parts: list[Part]) -> Diagnosis | None:
    """Numbers above 0 that are too large wherever they are wrong, or too small."""
    if not in_shape(parts) or any(not part.actual.ndim for part in parts):
        return None
    if any((p.expected < 0).any() or np.isnan(p.actual).any() for p in parts):
        return None
    for how, sign, hint in SIDES:
        if all(
            (close(p.actual, p.expected) | (sign * (p.actual - p.expected) > 0)).all()
            for p in parts
        ):
            return Diagnosis(
                f"Wherever {parts[0].label} is wrong, it is too {how}.", hint
            )
    return None


SIDES = (
    ("large", 1, "Is something added that is to be made smaller first, or left out?"),
    ("small", -1, "Is something left out, or made smaller than it should be?"),
)


def no_mask(parts: list[Part]) -> Diagnosis | None:
    """Other numbers than 1 and 0, where yes and no are asked for."""
    if not _masks(parts):
        return None
    other = [p.actual[~np.isin(p.actual, (0, 1))] for p in parts]
    told = next((values.flat[0] for values in other if values.size), None)
    if told is None:
        return None
    return Diagnosis(
        f"{parts[0].label} holds other numbers than 1 and 0, such as {told:.4g}.",
        "A mask says yes or no, True or False: a comparison gives these.",
    )


def yes_and_no(parts: list[Part]) -> Diagnosis | None:
    """A mask with yes and no at wrong places."""
    if not _masks(parts):
        return None
    part = parts[0]
    more = int((part.actual > part.expected).sum())
    less = int((part.actual < part.expected).sum())
    counts = {"True that should be False": more, "False that should be True": less}
    told = [f"{count} {be(count)} {how}" for how, count in counts.items() if count]
    return Diagnosis(
        f"Of {part.actual.size} places of {part.label}, {', and '.join(told)}.",
        "Look at one row: where does it begin to be True, and where does it end?",
    )


def _masks(parts: list[Part]) -> bool:
    asked = (getattr(part.case.expected.value, "dtype", None) for part in parts)
    return all(kind == np.bool_ for kind in asked) and in_shape(parts)
