"""The shape line of a docstring, read by people and by the judge alike.

    Q (n, d_k), K (m, d_k) -> S (n, m)
    heads (h, n, d_v) -> (n, h·d_v)
    X (n, d_model), params, num_heads = h -> Y (n, d_model), A (h, n, n)
    d_model, num_heads -> int

A size is a letter, a number, or a product of them with `·`. A scalar argument
whose name is a size fixes that size; so does one that is said to be: `num_heads = h`.
"""

import re
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Item:
    """One argument or result: its name, and its sizes (None: not an array).

    letter  the size that a number is: its own name, or that after `=`.
    """

    name: str
    sizes: tuple[str, ...] | None
    letter: str = ""

    @property
    def sizes_text(self) -> str:
        """The sizes as Python writes a shape: `(n, d_k)`, `(n,)`, or nothing."""
        if self.sizes is None:
            return ""
        return f"({', '.join(self.sizes)}{',' if len(self.sizes) == 1 else ''})"

    def __str__(self) -> str:
        equal = f"= {self.letter}" if self.letter not in ("", self.name) else ""
        return " ".join(filter(None, (self.name, self.sizes_text, equal)))


def _items(text: str) -> tuple[Item, ...]:
    """Parse `Q (n, d_k), params` into items; raise ValueError with the bad part."""
    items = []
    for part in re.split(r",\s*(?![^()]*\))", text.strip()):
        match = re.fullmatch(
            r"(\w*)\s*(?:\(([^()]*)\))?(?:(?<=\w)\s*=\s*(\w+))?", part.strip()
        )
        if match is None or not part.strip():
            raise ValueError(f"cannot read {part.strip()!r}")
        name, sizes, letter = match.groups()
        if sizes is not None:
            sizes = tuple(s.strip() for s in sizes.split(",") if s.strip())
            for size in sizes:
                if not re.fullmatch(r"\w+(·\w+)*", size):
                    raise ValueError(f"cannot read the size {size!r} in {part!r}")
        items.append(Item(name, sizes, letter or ("" if sizes else name)))
    return tuple(items)


@dataclass(frozen=True)
class ShapeLine:
    """The arguments and the results of a function, with their sizes."""

    arguments: tuple[Item, ...]
    results: tuple[Item, ...]

    @classmethod
    def parse(cls, line: str) -> "ShapeLine":
        """Read a line such as `A (n, m), V (m, d_v) -> O (n, d_v)`.

        Raises ValueError where it cannot be read.
        """
        left, arrow, right = line.partition("->")
        if not arrow:
            raise ValueError(f"no '->' in {line!r}")
        return cls(_items(left), _items(right))

    @classmethod
    def of(cls, docstring: str) -> "ShapeLine":
        """Read the second line of a docstring; it may go on after `,` or `->`.

        Raises ValueError where there is none, or where it cannot be read.
        """
        lines = [line.strip() for line in docstring.splitlines() if line.strip()]
        line, rest = "".join(lines[1:2]), lines[2:]
        while rest and line.endswith((",", "->")):
            line = f"{line} {rest.pop(0)}"
        return cls.parse(line)

    @property
    def names(self) -> dict[str, str]:
        """How the caller calls a size that an argument gives: `num_heads` for `h`."""
        return {item.letter: item.name for item in self.arguments if item.letter}

    @property
    def letters(self) -> tuple[str, ...]:
        """Every size that has a name, in their order."""
        items = (*self.arguments, *self.results)
        sizes = (
            part for i in items for size in i.sizes or () for part in size.split("·")
        )
        named = (letter for letter in sizes if not letter.isdigit())
        return tuple(dict.fromkeys(named))

    def __str__(self) -> str:
        sides = (", ".join(map(str, s)) for s in (self.arguments, self.results))
        return " -> ".join(sides)

    def bind(self, arguments: tuple[Any, ...], result: Any = None) -> dict[str, int]:
        """The value of every size letter, read off real arguments and their result.

        Raises ValueError where an argument, or a result, does not fit the line.
        """
        sizes: dict[str, int] = {}
        for item, value in zip(self.arguments, arguments, strict=False):
            if item.sizes is None:
                if isinstance(value, int | np.integer):
                    sizes.setdefault(item.letter, int(value))
                continue
            _bind_item(item, item.sizes, np.shape(value), sizes)
        if result is not None:
            self._bind_results(result, sizes)
        return sizes

    def check(self, arguments: tuple[Any, ...], result: Any) -> None:
        """Compare a real call with this line; raise ValueError where it lies."""
        self._bind_results(result, self.bind(arguments))

    def _bind_results(self, result: Any, sizes: dict[str, int]) -> None:
        results = result if isinstance(result, tuple) else (result,)
        if len(results) != len(self.results):
            raise ValueError(
                f"{len(self.results)} results promised, {len(results)} came"
            )
        for item, value in zip(self.results, results, strict=True):
            if item.sizes is not None:
                _bind_item(item, item.sizes, np.shape(value), sizes)


def _bind_item(
    item: Item, wanted: tuple[str, ...], shape: tuple[int, ...], sizes: dict[str, int]
) -> None:
    """Add the sizes of one array to `sizes`; raise ValueError on a contradiction."""
    if len(shape) != len(wanted):
        raise ValueError(f"{item} has {len(wanted)} axes, but got shape {shape}")
    for letter, length in zip(wanted, shape, strict=True):
        factors = letter.split("·")
        if len(factors) == 1 and not letter.isdigit():
            expected = sizes.setdefault(letter, length)
        else:
            if not all(f.isdigit() or f in sizes for f in factors):
                continue  # a size that no argument fixes
            expected = prod(int(f) if f.isdigit() else sizes[f] for f in factors)
        if expected != length:
            raise ValueError(f"{item}: {letter} is {expected}, but got shape {shape}")
