"""Matrices as small grids, in the colours that a page gives their letters.

The pictures of the shape lines on the first page, and of what flows in the drawing of
the workflow. Each side is drawn as long as it is in the book's running sentence.
"""

from collections.abc import Sequence
from html import escape

from autograder.exercises.shapes import Item, ShapeLine

SIZES = {
    "n": 4,
    "m": 4,
    "d_model": 6,
    "d_k": 3,
    "d_v": 2,
    "h": 2,
    "num_heads": 2,
    "vocab": 7,
}
OTHER = 5  # the length of a side that the sentence has not
CELL, GAP, LAYER = 7, 1.5, 5
STEP = CELL + GAP
APART = 12  # between two matrices


def picture(line: ShapeLine) -> str:
    """Arguments, an arrow, results, in one row. Nothing where no arrays are."""
    sides = [[i for i in side if i.sizes] for side in (line.arguments, line.results)]
    if not all(sides):
        return ""
    tall = max(height(item) for side in sides for item in side)
    taken, x = _row(sides[0], 0, tall)
    given, end = _row(sides[1], x + 26, tall)
    arrow = f'<path d="M{x:g} {tall / 2:g}h14m-5-4 5 4-5 4"/>'
    return _svg(taken + arrow + given, end - APART, tall)


def flow(items: Sequence[Item]) -> str:
    """What comes out of a step, on an arrow to the next one."""
    arrays = [item for item in items if item.sizes]
    tall = max([9, *map(height, arrays)])
    middle = f"{tall / 2:g}"
    grids, x = _row(arrays, 14, tall)
    end = x if arrays else 14
    arrow = f'<path d="M0 {middle}h10M{end - 8:g} {middle}h14m-5-4 5 4-5 4"/>'
    return _svg(arrow + grids, end + 8, tall)


def named(items: Sequence[Item]) -> str:
    """How results are called in a drawing, with their shapes; a plain letter first."""
    texts = [f"{_letter(item.name)} {item.sizes_text}".strip() for item in items]
    return ", ".join(texts)


def _letter(name: str) -> str:
    return name.partition("_")[0] if name[:1].isupper() else name


def _row(items: Sequence[Item], x: float, tall: float) -> tuple[str, float]:
    """(The matrices beside each other, where the next one would begin.)"""
    marks = []
    for item in items:
        marks.append(matrix(item, x, (tall - height(item)) / 2))
        x += width(item) + APART
    return "".join(marks), x


def _svg(marks: str, wide: float, tall: float) -> str:
    size = f'viewBox="0 0 {wide:g} {tall:g}" width="{wide:g}" height="{tall:g}"'
    look = 'fill="none" stroke="currentColor" opacity=".7" aria-hidden="true"'
    return f'<svg class="shapes" {size} {look}>{marks}</svg>'


def matrix(item: Item, x: float, y: float) -> str:
    """A matrix, or a stack of them with the first in front, at its upper left."""
    layers, rows, columns = lengths(item)
    paths = []
    for layer in reversed(range(layers)):
        left, top = x + layer * LAYER, y + (layers - 1 - layer) * LAYER
        # A column is a dashed line, as wide as a cell: that takes a tenth of the bytes.
        down = f"{top:g}v{rows * STEP - GAP:g}"
        places = (left + CELL / 2 + j * STEP for j in range(columns))
        lines = "".join(f"M{place:g} {down}" for place in places)
        behind = ' opacity=".45"' if layer else ""
        paths.append(f'<path d="{lines}"{behind}/>')
    kind = f'class="of-{escape(item.name[:1].upper())}"'
    dashes = f'stroke-width="{CELL}" stroke-dasharray="{CELL} {GAP}"'
    return f"<g {kind} {dashes}>{''.join(paths)}</g>"


def width(item: Item) -> float:
    """How wide a matrix is drawn."""
    layers, _, columns = lengths(item)
    return columns * STEP - GAP + (layers - 1) * LAYER


def height(item: Item) -> float:
    """How high a matrix is drawn."""
    layers, rows, _ = lengths(item)
    return rows * STEP - GAP + (layers - 1) * LAYER


def lengths(item: Item) -> list[int]:
    """How many layers, rows and columns are drawn; a vector is a row, and of a batch
    one sentence is drawn.
    """
    sizes = [_length(size) for size in item.sizes or () if size != "b"]
    return [1] * (3 - len(sizes)) + sizes


def _length(size: str) -> int:
    """`h·d_v` is as long as h times d_v."""
    long = 1
    for factor in size.split("·"):
        long *= int(factor) if factor.isdigit() else SIZES.get(factor, OTHER)
    return long
