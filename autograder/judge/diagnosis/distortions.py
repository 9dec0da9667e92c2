"""Each number is right but for something done to it: rounded, squared, normed, ..."""

from collections.abc import Callable

import numpy as np

from autograder.judge.diagnosis.parts import Part, arguments_of, in_shape
from autograder.judge.diagnosis.wording import Diagnosis, be
from autograder.values.compare import close, same, tolerance


def _softmaxed(right: np.ndarray) -> np.ndarray:
    return _shares(np.exp(right - right.max(-1, keepdims=True)))


def _normed(right: np.ndarray) -> np.ndarray:
    centred = right - right.mean(-1, keepdims=True)
    normed: np.ndarray = centred / centred.std(-1, keepdims=True)
    return normed


def _shares(right: np.ndarray) -> np.ndarray:
    shares: np.ndarray = right / right.sum(-1, keepdims=True)
    return shares


def _unit(right: np.ndarray) -> np.ndarray:
    unit: np.ndarray = right / np.sqrt((right**2).sum(-1, keepdims=True))
    return unit


Distortion = Callable[[np.ndarray], np.ndarray]
# What came, of what would be right: a sentence about `{}`, and a question.
DISTORTIONS: dict[str, tuple[Distortion, str]] = {
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
    "{} would be right, but every number is rounded down to a whole one.": (
        np.floor,
        "Keep the decimals: `//` and `floor` drop them.",
    ),
    "{} holds the squares of the right numbers.": (
        np.square,
        "Is there a square too many?",
    ),
    "{} holds the square roots of the right numbers.": (
        np.sqrt,
        "Is there a root too many?",
    ),
    "{} holds exp of the right numbers.": (np.exp, "Is there an `exp` too many?"),
    "{} holds the logarithms of the right numbers.": (
        np.log,
        "Is there a `log` too many?",
    ),
    "{} holds 1 divided by the right numbers.": (
        lambda right: 1 / right,
        "Is a division the wrong way round?",
    ),
    "{} holds 1 minus the right numbers.": (
        lambda right: 1 - right,
        "What is left over is not asked for: where does the 1 come in?",
    ),
    "{} is the softmax of the right numbers.": (
        _softmaxed,
        "Softmax comes once too often, or in the wrong place.",
    ),
    "{} would be right, but each of its rows is normalised to mean 0 and variance 1.": (
        _normed,
        "That is a layer norm, and none is asked for: return what comes before it.",
    ),
    "{} would be right, but each of its rows is divided by its sum.": (
        _shares,
        "Nothing has to sum to 1 here: leave the rows as they are.",
    ),
    "{} would be right, but each of its rows is divided by its length.": (
        _unit,
        "Leave the rows as long as they are.",
    ),
    "{} would be right, but each row has lost its mean.": (
        lambda right: right - right.mean(-1, keepdims=True),
        "Which line subtracts it?",
    ),
    "{} would be right, but each row has lost its largest number.": (
        lambda right: right - right.max(-1, keepdims=True),
        "Which line subtracts it?",
    ),
    "{} would be right, but each number has all earlier ones of its row added.": (
        lambda right: np.cumsum(right, axis=-1),
        "Does a sum go on where it has to start anew?",
    ),
    "{} would be right, but each row has all earlier rows added.": (
        lambda right: np.cumsum(right, axis=max(right.ndim - 2, 0)),
        "Does a sum go on, or an array grow, where each row has to start anew?",
    ),
    "{} would be right, but each of its rows is sorted.": (
        lambda right: np.sort(right, axis=-1),
        "Which line sorts? The order of the columns means something.",
    ),
    "{} has all numbers between -1 and 1: tanh of the right ones.": (
        np.tanh,
        "No activation function is asked for here.",
    ),
    "{} has all numbers between 0 and 1: a sigmoid of the right ones.": (
        lambda right: 1 / (1 + np.exp(-right)),
        "No activation function is asked for here.",
    ),
}


def distorted(parts: list[Part]) -> Diagnosis | None:
    """Each number is a function of the right one, or of its row."""
    if not in_shape(parts) or any(not part.expected.ndim for part in parts):
        return None
    label = parts[0].label
    for words, (function, hint) in DISTORTIONS.items():
        if all(_is(part.actual, function, part.expected) for part in parts):
            return Diagnosis(words.format(label), hint)
    return _with_residual(parts)


def _is(actual: np.ndarray, function: Distortion, right: np.ndarray) -> bool:
    if right.ndim < 1 or right.dtype.kind != "f" or not right.size:
        return False
    with np.errstate(all="ignore"):
        made = function(right)
    return bool(np.isfinite(made).all()) and same(actual, made)


def _with_residual(parts: list[Part]) -> Diagnosis | None:
    """An argument is added to the right result, and the sum is normalised."""
    label = parts[0].label
    for name in arguments_of(parts[0]):
        given = [arguments_of(part).get(name) for part in parts]
        if all(
            g is not None
            and g.shape == p.expected.shape
            and _is(p.actual, _normed, p.expected + g)
            for g, p in zip(given, parts, strict=True)
        ):
            return Diagnosis(
                f"{label} is what was expected plus {name}, and then each row is "
                "normalised to mean 0 and variance 1.",
                "A residual connection and a layer norm are not part of it: return "
                "what comes before them.",
            )
    return None


MOST_DECIMALS = 7


def rounded(parts: list[Part]) -> Diagnosis | None:
    """The right numbers with few decimals."""
    if not in_shape(parts):
        return None
    for decimals in range(1, MOST_DECIMALS + 1):
        ways = {way for part in parts for way in [_rounding(part, decimals)]} - {""}
        if None in ways or not ways:
            continue
        how = "cut off" if ways == {"cut"} else "rounded"
        to = "after" if how == "cut off" else "to"
        count = ("one", "two", "three", "four", "five", "six", "seven")[decimals - 1]
        return Diagnosis(
            f"{parts[0].label} would be right, but it is {how} {to} {count} "
            f"decimal{'s' if decimals > 1 else ''}.",
            "Return the numbers as they are; rounding is for printing.",
        )
    return None


def _rounding(part: Part, decimals: int) -> str | None:
    """`round` or `cut`, nothing where both fit, None where there are more decimals."""
    if part.actual.dtype.kind != "f" or not np.isfinite(part.actual).all():
        return None
    steps = part.actual.astype(float) * 10.0**decimals
    grain = np.finfo(part.actual.dtype).eps * np.abs(steps) * 4
    if (np.abs(steps - np.round(steps)) > 1e-6 + grain).any():
        return None
    right = part.expected * 10.0**decimals
    slack = 1e-6 + grain
    near = bool((np.abs(steps - right) <= 0.5 + slack).all())
    cut = bool((np.abs(steps - np.trunc(right)) <= slack).all())
    return "" if near and cut else "round" if near else "cut" if cut else None


def nearly(parts: list[Part]) -> Diagnosis | None:
    """All numbers are close to the right ones, and hardly one is right."""
    worst = 0.0
    for part in parts:
        if part.actual.shape != part.expected.shape or part.actual.dtype.kind != "f":
            return None
        large = np.abs(part.expected) > 1e-3 * np.abs(part.expected).max(initial=0)
        if not large.any() or not np.isfinite(part.actual).all():
            return None
        off = np.abs(part.actual / np.where(large, part.expected, 1) - 1)[large]
        small = tolerance(part.actual.dtype)
        if off.max() > 0.02 or np.median(off) < small / 100:
            return None
        rest = np.abs(part.actual - part.expected)[~large]
        if rest.size and rest.max() > 0.02 * np.abs(part.expected).max():
            return None
        worst = max(worst, float(off.max()))
    return Diagnosis(
        f"Every number of {parts[0].label} is within {100 * worst:.1g} % of the right "
        "one, but not equal.",
        "Something small differs: a constant that was cut short (2.718), a number "
        "rounded on the way, one added against a division by 0, or n - 1 for n.",
    )


def unwritten(parts: list[Part]) -> Diagnosis | None:
    """Some numbers are right, and all others are one constant: never written."""
    rights, fill = [], set()
    for part in parts:
        if part.actual.shape != part.expected.shape or part.expected.ndim < 1:
            return None
        right = close(part.actual, part.expected)
        wrong = part.actual[~right]
        if not wrong.size or not right.any():
            return None
        fill |= set(np.unique(wrong).tolist())
        rights.append(right)
    if len(fill) != 1 or fill.pop() not in (0, 1):
        return None
    first, part = rights[0], parts[0]
    value = part.actual[~first].flat[0]
    return Diagnosis(
        f"{_which(part, first)}; the others are all {value:g}, as if nothing had been "
        "written there.",
        "Does a `return` stand inside the loop, so that it ends in its first round? Or "
        "does the loop end too early?",
    )


def _which(part: Part, right: np.ndarray) -> str:
    """How many are right, by whole entries of an axis where it can be said so."""
    for axis, length in enumerate(right.shape):
        others = tuple(a for a in range(right.ndim) if a != axis)
        entries, some = right.all(axis=others), right.any(axis=others)
        if others and entries.any() and (entries == some).all():
            letter = part.letters[axis] if part.letters else f"axis {axis}"
            count = int(entries.sum())
            return (
                f"Along {letter}, {count} of {length} entries of {part.label} are right"
            )
    count = int(right.sum())
    of = f"{right.size} numbers of {part.label}"
    return f"Only {count} of {of} {be(count)} right"


def repeated(parts: list[Part]) -> Diagnosis | None:
    """All entries along an axis are the last, or the first, of the right ones."""
    if not in_shape(parts):
        return None
    for axis in range(parts[0].expected.ndim):
        for index, which in ((-1, "last"), (0, "first")):
            if all(_repeats(part, axis, index) for part in parts):
                part = parts[0]
                letter = part.letters[axis] if part.letters else f"axis {axis}"
                return Diagnosis(
                    f"Along {letter}, all entries of {part.label} are the {which} of "
                    "the right ones.",
                    "Does the loop use its variable in each round, and keep what each "
                    "round makes in a place of its own? One array that is changed and "
                    "appended again and again is one array.",
                )
    return None


def _repeats(part: Part, axis: int, index: int) -> bool:
    if part.expected.shape[axis] < 2:
        return False
    one = np.take(part.expected, [index], axis=axis)
    return bool(np.all(close(part.actual, np.broadcast_to(one, part.expected.shape))))
