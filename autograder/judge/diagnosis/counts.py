"""A wrong count: by which term, or by which factor.

The right answer and the learner's are both known for a few sizes. What lies between
them is often one term, such as 4·d_model, and that can be found.
"""

import itertools
import math
from fractions import Fraction

import numpy as np

from autograder.judge.diagnosis.parts import Part, complete
from autograder.judge.diagnosis.wording import Diagnosis

DEGREE = 3  # of one size in a term
SMALL = 64  # the largest number before a term
Sizes = dict[str, int]  # of one case, by name
Powers = dict[str, int]  # of the sizes in a term


def counted(parts: list[Part]) -> Diagnosis | None:
    """A number that depends on sizes alone: what is too much, or missing."""
    if any(part.expected.ndim or part.actual.ndim for part in parts):
        return None
    if not all(_plain(part) for part in parts):
        return None
    sizes = [_sizes(part) for part in parts]
    if not sizes[0] or any(each.keys() != sizes[0].keys() for each in sizes):
        return None
    came = [float(part.actual) for part in parts]
    right = [float(part.expected) for part in parts]
    label = parts[0].label
    return (
        _times(label, sizes, came, right)
        or _term(label, sizes, came, right)
        or _formula(label, sizes, came)
        or _no_count(label, parts)
    )


def _no_count(label: str, parts: list[Part]) -> Diagnosis | None:
    """A number that nothing can have."""
    for part in parts:
        value, right = float(part.actual), float(part.expected)
        if right == round(right) and (value != round(value) or value < 0):
            kind = "below 0" if value < 0 else "no whole number"
            return Diagnosis(
                f"{label} is {value:.6g}, {kind}; expected {right:.6g}.",
                "What is counted comes in whole numbers: which step divides, or "
                "subtracts, in a place where it should multiply or add?",
            )
    return None


def _plain(part: Part) -> bool:
    value = part.actual
    return value.dtype.kind in "iuf" and bool(np.isfinite(value)) and part.expected != 0


def _sizes(part: Part) -> Sizes:
    """The numbers that the exercise was given, by name."""
    pairs = zip(part.argument_names, part.case.arguments, strict=False)
    return {name: int(v) for name, v in pairs if isinstance(v, int | np.integer)}


def _times(
    label: str, sizes: list[Sizes], came: list[float], right: list[float]
) -> Diagnosis | None:
    ratios = [a / b for a, b in zip(came, right, strict=True)]
    if np.allclose(ratios, ratios[0], rtol=1e-9):
        times = Fraction(ratios[0]).limit_denominator(SMALL)
        if not np.isclose(float(times), ratios[0], rtol=1e-9) or times == 0:
            return None
        what = {
            Fraction(3): " Three times is the cost of a training step, forward and "
            "backward.",
            Fraction(1, 2): " One multiply-add counts as 2.",
        }
        return Diagnosis(
            f"{label} is {times} times what was expected, in every case.",
            f"What is counted too often, or not at all, or in another unit?"
            f"{what.get(times, '')}",
        )
    for name, power in _monomials(sizes):
        values = [_value(each, power) for each in sizes]
        for by, inverse in ((values, False), ([1 / v for v in values], True)):
            rest = np.array(ratios) / by
            alike = np.allclose(rest, rest[0], rtol=1e-9)
            if constant := _nice(rest[0]) if alike else None:
                text = _product(constant, name, inverse)
                return Diagnosis(
                    f"{label} is {text} times what was expected, in every case.",
                    f"Where does {name} come in once too often, or not at all?",
                )
    return None


def _term(
    label: str, sizes: list[Sizes], came: list[float], right: list[float]
) -> Diagnosis | None:
    """One or two terms too much, or missing."""
    gaps = [a - b for a, b in zip(came, right, strict=True)]
    if not any(gaps):
        return None
    found = _fit(sizes, gaps, 1) or _fit(sizes, gaps, 2)
    if found is None:
        return None
    if all(c > 0 for c, _ in found) or all(c < 0 for c, _ in found):
        large = found[0][0] > 0
        text = _sum([(abs(c), name) for c, name in found])
        how = "too large" if large else "too small"
        return Diagnosis(
            f"{label} is {text} {how}, in every case.",
            "Which part of it is counted that does not belong to it, or counted twice?"
            if large
            else "Which part of it is left out, or counted once too seldom?",
        )
    more = _sum([(c, name) for c, name in found if c > 0])
    less = _sum([(-c, name) for c, name in found if c < 0])
    return Diagnosis(
        f"{label} is {more} too large and {less} too small, in every case.",
        "Which part of it is counted in the place of another?",
    )


def _formula(label: str, sizes: list[Sizes], came: list[float]) -> Diagnosis | None:
    """What the learner counts, whatever is right."""
    found = _fit(sizes, came, 1) or _fit(sizes, came, 2)
    if found is None or any(c < 0 for c, _ in found):
        return None
    return Diagnosis(
        f"Your {label} is {_sum(found)}.",
        "Go through its terms: which part of the block does each one count?",
    )


def _monomials(sizes: list[Sizes]) -> list[tuple[str, Powers]]:
    """Every product of sizes, the simple ones first."""
    names = list(sizes[0])
    found = []
    for powers in itertools.product(range(DEGREE + 1), repeat=len(names)):
        if 0 < sum(powers) <= DEGREE + 1:
            power = dict(zip(names, powers, strict=True))
            text = "·".join(
                f"{n}{['', '', '²', '³'][p]}" for n, p in power.items() if p
            )
            found.append((text, power))
    return sorted(found, key=lambda term: sum(term[1].values()))


def _value(sizes: Sizes, power: Powers) -> float:
    return float(np.prod([float(sizes[name]) ** p for name, p in power.items()]))


def _fit(
    sizes: list[Sizes], numbers: list[float], terms: int
) -> list[tuple[Fraction, str]] | None:
    """So many terms with plain coefficients that give all the numbers, if there are."""
    if len({tuple(each.items()) for each in sizes}) <= terms:
        return None  # anything would fit
    basis = [*_monomials(sizes), ("", {})]
    columns = np.array([[_value(each, p) for _, p in basis] for each in sizes])
    for chosen in itertools.combinations(range(len(basis)), terms):
        part = columns[:, list(chosen)]
        found, _, rank, _ = np.linalg.lstsq(part, np.array(numbers), rcond=None)
        nice = complete(map(_nice, found)) if rank == terms else None
        if nice is None:
            continue
        if np.allclose(part @ np.array(nice, float), numbers, rtol=1e-9, atol=1e-6):
            return [(c, basis[i][0]) for c, i in zip(nice, chosen, strict=True)]
    return None


def _nice(value: float) -> Fraction | None:
    """The plain fraction that a number is, if it is one and not 0."""
    found = Fraction(float(value)).limit_denominator(4)
    near = math.isclose(float(found), value, rel_tol=1e-6, abs_tol=1e-8)
    return found if near and found and abs(found) <= SMALL else None


def _product(constant: Fraction, name: str, inverse: bool) -> str:
    if inverse:
        return f"{constant}/{name}" if "·" not in name else f"{constant}/({name})"
    return name if constant == 1 else f"{constant}·{name}"


def _sum(terms: list[tuple[Fraction, str]]) -> str:
    words = []
    for c, name in sorted(terms, key=lambda t: -t[1].count("²") - 2 * t[1].count("³")):
        words.append(f"{c}" if not name else name if c == 1 else f"{c}·{name}")
    return " + ".join(words)
