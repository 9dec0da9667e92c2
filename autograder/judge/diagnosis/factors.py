"""A result that is a multiple of the right one: by which number, or by which size."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from autograder.judge.diagnosis.parts import Part, arguments_of, complete
from autograder.judge.diagnosis.wording import Diagnosis
from autograder.values.compare import TIGHTEST, close

POWERS = {
    0.25: "{} ** 0.25",
    0.5: "sqrt({})",
    0.75: "{} ** 0.75",
    1: "{}",
    1.5: "{} ** 1.5",
    2: "{}²",
    3: "{}³",
}
NICE = tuple(sorted({a / b for a in range(1, 9) for b in range(1, 9)} | {12, 16, 24}))


Powers = tuple[tuple[str, float], ...]  # of sizes, by their names


@dataclass(frozen=True)
class Monomial:
    """A number times powers of sizes: `sqrt(d_k)/2`."""

    constant: float
    powers: Powers

    def __str__(self) -> str:
        above = [POWERS[e].format(name) for name, e in self.powers if e > 0]
        below = [POWERS[-e].format(name) for name, e in self.powers if e < 0]
        constant = abs(self.constant)
        if constant >= 1 or not np.isclose(1 / constant, round(1 / constant)):
            if constant != 1:
                above.insert(0, f"{constant:.4g}")
        else:
            below.insert(0, f"{1 / constant:.4g}")
        over = "·".join(below)
        under = f"/({over})" if len(below) > 1 else f"/{over}" if below else ""
        return f"{'-' if self.constant < 0 else ''}{'·'.join(above) or '1'}{under}"

    @property
    def inverse(self) -> "Monomial":
        """One divided by it."""
        powers = tuple((name, -exponent) for name, exponent in self.powers)
        return Monomial(1 / self.constant, powers)

    @property
    def divides(self) -> bool:
        """True where it stands below the line only: `1/sqrt(d_k)`."""
        return abs(self.constant) <= 1 and all(e < 0 for _, e in self.powers)


def monomial(sizes: list[dict[str, int]], factors: list[float]) -> Monomial | None:
    """The simplest product of a number and of sizes that gives the factors, if any.

    sizes: of each case, by letter; factors: one for each case. A number that no case
    tells from a size stands for itself; and it is no monomial if it is all there is.
    """
    if len(set(np.round(factors, 9))) < 2:
        return None
    found = [
        Monomial(constant, powers)
        for powers in _candidates(sizes)
        if (constant := _rest(sizes, factors, powers)) is not None
    ]
    return min(found, key=_oddity, default=None)


def _candidates(sizes: list[dict[str, int]]) -> Iterator[Powers]:
    letters = [name for name in sizes[0] if all(name in each for each in sizes)]
    letters = list(
        {tuple(each[name] for each in sizes): name for name in letters[::-1]}.values()
    )[::-1]
    for name in letters:
        for exponent in POWERS:
            yield ((name, exponent),)
            yield ((name, -exponent),)
    for one, other in itertools.permutations(letters, 2):
        for exponent in (0.5, 1):
            yield ((one, exponent), (other, -exponent))
            if one < other:
                yield ((one, exponent), (other, exponent))
                yield ((one, -exponent), (other, -exponent))


def _rest(
    sizes: list[dict[str, int]], factors: list[float], powers: Powers
) -> float | None:
    """The number that is left of every factor, if it is the same."""
    values = np.array(
        [np.prod([float(each[n]) ** e for n, e in powers]) for each in sizes]
    )
    with np.errstate(all="ignore"):
        rest = np.asarray(factors) / values
    if not np.isfinite(rest).all() or not all_equal(rest):
        return None
    rounded = min(NICE, key=lambda nice: abs(nice - abs(rest[0])))
    near = np.isclose(abs(rest[0]), rounded, rtol=1e-5)
    return float(np.copysign(rounded, rest[0])) if near else float(rest[0])


def _oddity(found: Monomial) -> tuple[bool, int, float]:
    constant = abs(found.constant)
    nice = constant in NICE
    letters = len(found.powers)
    return (not nice, letters + (constant != 1), max(abs(e) for _, e in found.powers))


def factor(parts: list[Part]) -> Diagnosis | None:
    """One number times the right result, in each case."""
    factors = complete(constant_factor(part) for part in parts)
    if factors is None:
        return None
    label, sizes = parts[0].label, [part.called for part in parts]
    if of := _of_an_argument(parts):
        return of
    if quantity := monomial(sizes, factors):
        words = f"{label} is {quantity} times what was expected, everywhere."
        if abs(quantity.constant) not in NICE:
            return Diagnosis(words, _fixed(quantity))
        if quantity.divides:
            once = f"divided by {quantity.inverse} once too often, or not multiplied"
        else:
            once = f"multiplied by {quantity} once too often, or not divided"
        return Diagnosis(words, f"Is it {once} by it?")
    if all(np.isclose(f, -1) for f in factors):
        return Diagnosis(
            f"{label} has the wrong sign, everywhere.",
            "Is there a minus sign too many, or a difference the wrong way round?",
        )
    if all_equal(factors):
        return Diagnosis(
            f"{label} is {factors[0]:.4g} times what was expected, everywhere.",
            "Which of your steps multiplies or divides all numbers alike?",
        )
    seen = ", ".join(dict.fromkeys(f"{factor:.4g}" for factor in factors))
    return Diagnosis(
        f"In each case {label} is a constant times what was expected: {seen}.",
        "The constant differs from case to case. Which size or number differs too?",
    )


def _fixed(quantity: Monomial) -> str:
    """A size that plays no part, though the right answer depends on it."""
    names = " and ".join(name for name, _ in quantity.powers)
    return (
        f"Yours does not change with {names} as it should: is a number written down, "
        "or read outside the function, in its place?"
    )


def _of_an_argument(parts: list[Part]) -> Diagnosis | None:
    """A multiple of an argument, where the right result is another one."""
    for name in arguments_of(parts[0]):
        given = complete(arguments_of(part).get(name) for part in parts)
        if given is None:
            continue
        pairs = list(zip(parts, given, strict=True))
        if any(g.shape != p.actual.shape for p, g in pairs):
            continue
        if complete(multiple(p.expected, g) for p, g in pairs) is None:
            continue
        factors = complete(multiple(p.actual, g) for p, g in pairs)
        found = factors and monomial([p.called for p in parts], factors)
        if found:
            by = (
                f"divided by {found.inverse}"
                if found.divides
                else f"multiplied by {found}"
            )
            hint = "By which power of it, and is it multiplied or divided?"
            if abs(found.constant) in (2, 0.5):
                size = found.powers[0][0]
                hint = (
                    f"In Python `{size} ** 1 / 2` is ({size} ** 1) / 2. A root is "
                    f"`{size} ** 0.5`. And is it to be multiplied by it, or divided?"
                )
            return Diagnosis(f"{parts[0].label} is {name} {by}.", hint)
    return None


def constant_factor(part: Part) -> float | None:
    """The number that the right result is multiplied by, if it is one number."""
    if part.actual.shape != part.expected.shape or part.expected.size < 2:
        return None
    return multiple(part.actual, part.expected)


def multiple(value: np.ndarray, of: np.ndarray) -> float | None:
    """The number that makes one array of another, if there is one."""
    with np.errstate(all="ignore"):
        ratios = value / of
    ratios = ratios[np.isfinite(ratios) & (of != 0)]
    if ratios.size == 0:
        return None
    found = float(np.real(np.median(ratios)))
    return found if found and bool(np.all(close(value, found * of))) else None


def all_equal(numbers: Sequence[float] | np.ndarray) -> bool:
    """True where the numbers are one, but for rounding."""
    return len(numbers) == 0 or bool(np.allclose(numbers, numbers[0], rtol=TIGHTEST))
