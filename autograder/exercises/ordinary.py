"""The cases that the shape line says: arrays of normal numbers in its sizes.

One with all sizes different, so that no wrong axis can hide; one with all of them
equal, where what raises elsewhere runs and shows what it computes.
"""

from collections.abc import Callable, Iterator
from math import prod
from typing import Any

import numpy as np

from autograder.exercises.shapes import Item, ShapeLine
from autograder.values.wire import Arguments

Draw = Callable[[np.random.Generator], Arguments]


def ordinary_cases(shapes: ShapeLine) -> tuple[Draw, ...]:
    """What draws the two cases of a shape line.

    Raises ValueError where the line does not say how an argument is drawn: a dict, or
    a number that is the size of no array.
    """
    letters = list(dict.fromkeys(_letters(shapes)))
    for item in shapes.arguments:
        if item.sizes is None and item.letter not in letters:
            raise ValueError(f"the shape line does not say how {item.name} is drawn")

    def drawn(rng: np.random.Generator, sizes: list[int]) -> Arguments:
        known = dict(zip(letters, sizes, strict=True))
        return tuple(_argument(item, known, rng) for item in shapes.arguments)

    def ordinary_sizes(rng: np.random.Generator) -> Arguments:
        return drawn(rng, different_sizes(rng, len(letters)))

    def all_sizes_equal(rng: np.random.Generator) -> Arguments:
        return drawn(rng, [int(rng.integers(3, 6))] * len(letters))

    return ordinary_sizes, all_sizes_equal


def _letters(shapes: ShapeLine) -> Iterator[str]:
    """Every size of the arguments, in their order, factors one by one."""
    for item in shapes.arguments:
        for size in item.sizes or ():
            yield from (letter for letter in size.split("·") if not letter.isdigit())


def _argument(item: Item, known: dict[str, int], rng: np.random.Generator) -> Any:
    if item.sizes is None:
        return known[item.letter]
    sizes = [
        prod(int(part) if part.isdigit() else known[part] for part in size.split("·"))
        for size in item.sizes
    ]
    return rng.standard_normal(sizes)


def different_sizes(rng: np.random.Generator, count: int, low: int = 2) -> list[int]:
    """Draw `count` sizes that all differ, so that no wrong axis can hide.

    rng: a NumPy generator -> `count` integers, each at least `low`.
    """
    return [int(size) for size in low + rng.permutation(count + 3)[:count]]
