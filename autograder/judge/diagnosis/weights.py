"""Rows of weights that sum to 1: which are masked, and which scores they came from.

Softmax can be read backwards. The logarithms of a row of weights are its scores, but
for one number that all of them share: so the scores that reached it can be compared
with the right ones, whatever happened to them on the way.
"""

from collections.abc import Callable

import numpy as np

from autograder.judge.diagnosis.factors import NICE, all_equal, monomial
from autograder.judge.diagnosis.parts import Part, are_weights
from autograder.judge.diagnosis.wording import Diagnosis, be
from autograder.values.compare import close

TINY = 1e-7  # of what a weight should be: as good as none


def weighted(parts: list[Part]) -> Diagnosis | None:
    """What happened to rows of weights: a mask, dropout, or other scores."""
    fits = (
        p.actual.shape == p.expected.shape and are_weights(p.expected) for p in parts
    )
    if not all(fits) or any(p.actual.dtype.kind not in "fiu" for p in parts):
        return None
    return _masked(parts) or _dropped(parts) or _other_scores(parts)


Hides = Callable[[np.ndarray, np.ndarray], np.ndarray]
# Where a mask hides weights: entry (i, j), of row i and column j.
PLACES: dict[str, Hides] = {
    "above the diagonal": lambda i, j: j > i,
    "on and above the diagonal": lambda i, j: j >= i,
    "below the diagonal": lambda i, j: j < i,
    "on and below the diagonal": lambda i, j: j <= i,
    "on the diagonal": lambda i, j: j == i,
    "off the diagonal": lambda i, j: j != i,
}


def _masked(parts: list[Part]) -> Diagnosis | None:
    for place, hides in PLACES.items():
        found = {_mask_in(part, hides) for part in parts} - {""}
        if len(found) > 1:  # where scores are huge, any number hides a weight
            found -= {"before"}
        how = found.pop() if len(found) == 1 else None
        if how is not None:
            return _mask(parts[0].label, place, how, _asked(parts))
    return _columns_hidden(parts)


def _asked(parts: list[Part]) -> bool:
    """True where masks are what the exercise is about."""
    return all((part.expected == 0).any() for part in parts)


def _mask(label: str, place: str, how: str, asked: bool) -> Diagnosis:
    kind = "A mask like this one" if asked else "That is a mask, and here no mask"
    if place == "above the diagonal":
        kind = kind.replace("a mask,", "a causal mask,")
    said = {
        "before": f"{label} is 0 {place}, and the rest of each row shares the whole.",
        "after": f"{label} is right, but for zeros {place}: they were put there after "
        "softmax, so rows no longer sum to 1.",
        "filled": f"{place.capitalize()}, {label} has one number in each row: there "
        "the scores are replaced by a single number before softmax.",
        "overwritten": f"{label} is right, but for one number that is written {place} "
        "after softmax.",
        "added": f"{place.capitalize()} the weights of {label} are all too small by "
        "one factor: a number is added to those scores before softmax.",
    }[how]
    return Diagnosis(said, f"{kind} is asked for. Which line makes it?")


def _mask_in(part: Part, hides: Hides) -> str | None:
    """How the weights of a part are hidden at some places; "" where none can be."""
    hidden = np.fromfunction(hides, part.expected.shape[-2:])
    hidden = np.broadcast_to(hidden, part.expected.shape) & (part.expected > 0)
    # A row that is hidden whole becomes nan, or is shared evenly: it says nothing.
    kept = np.where(hidden, 0, part.expected).sum(-1)
    rows = (kept > 1e-9) & np.isfinite(part.actual).all(-1)
    if not (hidden & rows[..., None]).any():
        return ""
    actual, expected, hidden = part.actual[rows], part.expected[rows], hidden[rows]
    seen = ~hidden
    kept = np.where(seen, expected, 0)
    whole = kept.sum(-1, keepdims=True)
    with np.errstate(all="ignore"):
        left = actual.sum(-1, keepdims=True, where=seen)
        if not np.all(close(actual, kept / whole * left) | hidden):
            return None
        gone = np.abs(actual) <= TINY * np.maximum(expected, TINY)
        if gone[hidden].all():
            if np.all(close(left, 1.0)):
                return "before"
            return "after" if np.all(close(left, whole)) else None
        covered = actual[hidden]
        if np.all(close(left, whole)) and all_equal(covered):
            return "overwritten"
        share = actual.sum(-1) - left[..., 0]
        if not np.all(close(share + left[..., 0], 1.0)):
            return None
        low = np.where(hidden, actual, np.inf).min(-1)
        high = np.where(hidden, actual, -np.inf).max(-1)
        told = (seen & (expected > 1e-9)).sum(-1) > 1
        several = (hidden.sum(-1) > 1) & np.any(told)
        if several.any() and np.all(close(low, high) | ~hidden.any(-1)):
            return "filled"
        both = hidden.any(-1) & (left[..., 0] > 1e-9) & (share > 1e-9)
        odds = (actual / expected) / (left / whole)
        odds = odds[both][hidden[both]]
        if odds.size > 1 and all_equal(odds) and odds[0] < 1:
            return "added"
        return None if several.any() else ""


def _columns_hidden(parts: list[Part]) -> Diagnosis | None:
    """Whole columns without weight: keys that nobody may look at."""
    gone = []
    for part in parts:
        flat = part.actual.reshape(-1, part.actual.shape[-1])
        wanted = part.expected.reshape(flat.shape)
        empty = (flat == 0).all(0) & (wanted > 1e-9).any(0)
        if not empty.any() or empty.all():
            return None
        kept = np.where(empty, 0, wanted)
        whole = kept.sum(-1, keepdims=True)
        if not np.all(close(flat, kept / np.where(whole == 0, 1, whole))):
            return None
        gone.append(np.flatnonzero(empty))
    last = all(
        list(g) == list(range(p.expected.shape[-1]))[-len(g) :]
        for g, p in zip(gone, parts, strict=True)
    )
    count = len(gone[0])
    at_the_end = f"The last {be(count, 'column', f'{count} columns')}"
    which = at_the_end if last else f"Column {', '.join(map(str, gone[0]))}"
    return Diagnosis(
        f"{which} of {parts[0].label} {be(count if last else 1)} 0 throughout, and the "
        "rest of each row shares the whole.",
        "Every column is a key, and none is left out here: does a slice or a loop end "
        "too early, or is there a mask?",
    )


def _dropped(parts: list[Part]) -> Diagnosis | None:
    """Some weights are 0, all others too large by one factor."""
    factors = []
    for part in parts:
        zero = (part.actual == 0) & (part.expected > 1e-9)
        kept = ~zero & (part.expected > 1e-9)
        if not kept.any():
            continue
        ratios = part.actual[kept] / part.expected[kept]
        if not all_equal(ratios) or not np.isfinite(ratios).all():
            return None
        factors.append((float(ratios[0]), int(zero.sum())))
    if not factors or not all_equal([f for f, _ in factors]) or factors[0][0] <= 1.001:
        return None
    if not any(zeros for _, zeros in factors):
        return None
    return Diagnosis(
        f"Some numbers of {parts[0].label} are 0, and the others are "
        f"{factors[0][0]:.4g} times what was expected.",
        "That is what dropout does in training. Leave it out: nothing here is random.",
    )


def _other_scores(parts: list[Part]) -> Diagnosis | None:
    """Right rows of weights, of scores that are a multiple of the right ones."""
    known = [(part, slope) for part in parts if (slope := _slope(part)) is not None]
    if not known or any(slope is False for _, slope in known):
        return None
    slopes = [slope for _, slope in known]
    if np.allclose(slopes, 1, atol=1e-6):
        return None
    label = parts[0].label
    if all(np.isclose(slope, 0, atol=1e-6) for slope in slopes):
        return Diagnosis(
            f"Every row of {label} is shared evenly, whatever the scores are.",
            "Do the scores reach softmax at all?",
        )
    quantity = monomial([part.called for part, _ in known], slopes)
    if quantity is not None:
        rationale = (
            f"{label} is the softmax of scores that are {quantity} times as large as "
            "they should be."
        )
        if abs(quantity.constant) not in NICE:
            names = " and ".join(name for name, _ in quantity.powers)
            return Diagnosis(
                rationale,
                f"Yours does not change with {names} as it should: is a number written "
                "down, or read outside the function, in its place?",
            )
        return Diagnosis(
            rationale,
            "By what are they divided, and where: is a root taken twice, not at all, "
            "or of another size? Is one factor changed, and the other one not?",
        )
    if all_equal(slopes):
        return _one_slope(label, slopes[0])
    seen = ", ".join(dict.fromkeys(f"{slope:.4g}" for slope in slopes))
    return Diagnosis(
        f"{label} is the softmax of the right scores times one number in each case: "
        f"{seen}.",
        "By what are the scores divided? Which size is it made of, and how?",
    )


def _one_slope(label: str, slope: float) -> Diagnosis:
    if np.isclose(slope, -1):
        return Diagnosis(
            f"{label} is the softmax of scores with the sign turned.",
            "The largest score has to get the largest weight: where does a minus sign "
            "come in?",
        )
    base = np.exp(slope)
    if 1 < base < 20:
        return Diagnosis(
            f"{label} is made of powers of {base:.6g}, in the place of e = 2.71828...",
            "Is the base of the power a number that was cut short, or another one? Use "
            "`exp`. Or are all scores multiplied by a number before?",
        )
    return Diagnosis(
        f"{label} is the softmax of scores that are {slope:.4g} times as large as they "
        "should be.",
        "By what are all scores multiplied or divided?",
    )


def _slope(part: Part) -> float | bool | None:
    """What the right scores are multiplied by: read off the logarithms of the weights.

    None where a part does not tell, False where it is no multiple.
    """
    if not are_weights(part.actual):
        return False
    told = (part.actual > 1e-12) & (part.expected > 1e-12)
    rows = told.sum(-1) > 1
    if not rows.any():
        return None
    with np.errstate(all="ignore"):
        logs, wanted = np.log(part.actual), np.log(part.expected)
    came, right = (_centred(v[rows], told[rows]) for v in (logs, wanted))
    size = float((right**2).sum())
    if size < 1e-12:
        return None
    slope = float((came * right).sum() / size)
    error = np.abs(came - slope * right).max()
    precise = 1e-3 if part.actual.dtype.itemsize < 8 else 1e-6
    fits = error <= precise * max(1.0, np.abs(came).max())
    with np.errstate(all="ignore"):
        return slope if fits and _as_small(logs, slope * wanted, told) else False


def _as_small(came: np.ndarray, wanted: np.ndarray, told: np.ndarray) -> bool:
    """Whether weights too small to be told are as small as these logarithms say: a
    mask makes others small, too.
    """
    some = told.any(-1, keepdims=True)
    off = np.where(told, came - np.where(told, wanted, 0), 0)
    rows = off.sum(-1, keepdims=True) / np.maximum(told.sum(-1, keepdims=True), 1)
    hidden = ~told & np.isfinite(wanted) & some
    return bool((np.where(hidden, wanted + rows, -np.inf) < np.log(1e-10)).all())


def _centred(logs: np.ndarray, told: np.ndarray) -> np.ndarray:
    logs = np.where(told, logs, 0)
    mean = logs.sum(-1, keepdims=True) / told.sum(-1, keepdims=True)
    return np.where(told, logs - mean, 0)
