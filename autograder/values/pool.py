"""Many values with few arrays, as a key has them: each array, and each row, once.

Many wrong answers give the right array in one place, or each other's rows. Besides,
what a result is compared with needs no more digits than the comparison counts: such an
array is kept as whole multiples of a power of two, its bytes sorted by their weight.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autograder.values.sketch import Sketch
from autograder.values.wire import Opaque

# What stands in the place of an array, by how it is kept: no type has such a name.
WHOLE, SHORT, SKETCH = "#", "~", "%"
BYTES = 3  # of a number that is kept short
SPECIAL = {2**24 - 1: np.nan, 2**24 - 2: np.inf, 2**24 - 3: -np.inf}
COARSE, FINE = 20, 22  # bits of the largest number that is kept short

Keep = Callable[["Pool", np.ndarray], Opaque]


def each_array(value: Any, change: Callable[[np.ndarray], Any]) -> Any:
    """A plain value with each of its arrays changed."""
    return _each(value, lambda v: change(v) if isinstance(v, np.ndarray) else v)


def _each(value: Any, change: Callable[[Any], Any]) -> Any:
    """A plain value with everything changed that holds nothing else."""
    if isinstance(value, dict):
        return {name: _each(item, change) for name, item in value.items()}
    if isinstance(value, tuple | list):
        return type(value)(_each(item, change) for item in value)
    return change(value)


@dataclass
class Pool:
    """Arrays, each kept once."""

    arrays: list[np.ndarray] = field(default_factory=list)
    shapes: list[tuple[int, ...]] = field(default_factory=list)
    units: list[int] = field(default_factory=list)  # exponents of two
    rows: list[np.ndarray] = field(default_factory=list)  # whole numbers
    places: list[int] = field(default_factory=list)  # the rows of all short arrays
    sketches: list[Sketch] = field(default_factory=list)
    _known: dict[Any, int] = field(default_factory=dict)
    _short: list[np.ndarray] = field(default_factory=list)  # made again, when read

    def put(self, value: Any, keep: Keep) -> Any:
        """A plain value with something small in the place of each of its arrays."""
        return each_array(value, lambda array: keep(self, array))

    def take(self, value: Any) -> Any:
        """What `put` was given: the arrays are there again, but for digits left out."""
        kept: dict[str, Sequence[Any]] = {
            WHOLE: self.arrays,
            SHORT: self._short,
            SKETCH: self.sketches,
        }

        def taken(leaf: Any) -> Any:
            if isinstance(leaf, Opaque) and leaf.type_name in kept:
                (number,) = leaf.items
                return kept[leaf.type_name][number]
            return leaf

        return _each(value, taken)

    def whole(self, array: np.ndarray) -> Opaque:
        """Keep an array to the last bit."""
        key = (WHOLE, array.dtype.str, array.shape, array.tobytes())
        return Opaque(WHOLE, (self._number(key, self.arrays, array),))

    def short(self, array: np.ndarray, bits: int) -> Opaque:
        """Keep as many bits of the largest number, and of the others what is left."""
        if array.dtype != np.float64:
            return self.whole(array)
        with np.errstate(all="ignore"):
            finite = np.isfinite(array)
            largest = np.abs(array[finite]).max(initial=0)
            unit = int(np.frexp(largest)[1]) - bits
            signed = np.round(np.ldexp(np.where(finite, array, 0), -unit))
        whole = np.where(signed < 0, -2 * signed - 1, 2 * signed).astype(np.uint32)
        for code, special in SPECIAL.items():
            whole[np.isnan(array) if np.isnan(special) else array == special] = code
        key = (SHORT, array.shape, unit, whole.tobytes())
        if key not in self._known:
            self.units.append(unit)
            width = array.shape[-1] if array.ndim else 1
            for row in whole.reshape(-1, width) if array.size else ():
                self.places.append(self._number(("row", row.tobytes()), self.rows, row))
        return Opaque(SHORT, (self._number(key, self.shapes, array.shape),))

    def sketch(self, sketch: Sketch) -> Opaque:
        """Keep the sketch of an array in its place."""
        return Opaque(SKETCH, (self._number(sketch, self.sketches, sketch),))

    def _number(self, key: Any, kept: list[Any], value: Any) -> int:
        if key not in self._known:
            self._known[key] = len(kept)
            kept.append(value)
        return self._known[key]

    def as_plain(self) -> dict[str, Any]:
        """Everything that is kept, as few plain arrays."""
        flat = np.concatenate([np.zeros(0, np.uint32), *self.rows])
        numbers = flat.astype("<u4").view(np.uint8).reshape(-1, 4)[:, :BYTES]
        totals = np.array([s.total for s in self.sketches], np.complex64)
        largest = np.array([s.largest for s in self.sketches], np.float32)
        return {
            "arrays": self.arrays,
            "shapes": self.shapes,
            "units": np.array(self.units, np.int16),
            "widths": np.array([len(row) for row in self.rows], np.uint16),
            "places": np.diff(self.places, prepend=-1).astype(np.int32),
            "bytes": np.ascontiguousarray(numbers.T),
            "sketches": [s.shape for s in self.sketches],
            "totals": totals,
            "largest": largest,
        }

    @classmethod
    def of(cls, plain: dict[str, Any]) -> "Pool":
        """The pool that `as_plain` told of."""
        wide = np.zeros((plain["bytes"].shape[1], 4), np.uint8)
        wide[:, :BYTES] = plain["bytes"].T
        flat = wide.view("<u4").ravel()
        rows = np.split(flat, np.cumsum(plain["widths"], dtype=int)[:-1])
        told = zip(plain["sketches"], plain["totals"], plain["largest"], strict=True)
        pool = cls(
            arrays=plain["arrays"],
            shapes=plain["shapes"],
            units=plain["units"].tolist(),
            rows=rows if len(plain["widths"]) else [],
            places=(np.cumsum(plain["places"]) - 1).tolist(),
            sketches=[
                Sketch(shape=shape, total=complex(total), largest=float(largest))
                for shape, total, largest in told
            ],
        )
        pool._short = list(pool._made_of_rows())
        return pool

    def _made_of_rows(self) -> Iterator[np.ndarray]:
        """Every short array, of its rows."""
        start = 0
        for shape, unit in zip(self.shapes, self.units, strict=True):
            count = int(np.prod(shape[:-1])) if np.prod(shape) else 0
            places = self.places[start : start + count]
            start += count
            rows = [self.rows[place] for place in places]
            whole = np.concatenate([np.zeros(0, np.uint32), *rows]).reshape(shape)
            half = (whole >> 1).astype(np.float64)
            signed = np.where(whole & 1, -half - 1, half)
            array = np.asarray(np.ldexp(signed, unit))
            for code, special in SPECIAL.items():
                array[whole == code] = special
            yield array
