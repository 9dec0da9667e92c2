"""The stage: one visual language for every picture of the book.

What a scene puts on the stage is written down: things with roles, at places. A stage
paints nothing. Who plays a scene does: the stepper on a page, matplotlib elsewhere.

A stage is 640 units wide unless a scene says otherwise, and is measured from the top
left corner. On a stage of 640 units no letter is smaller than 17, so that it is still
9 pixels high when a phone shows the stage 350 pixels wide. Every kind of matrix has
one colour, kept from the first chapter to the last. Colours are never alone: a matrix
also bears its letter, its rows bear their tokens and its cells bear their numbers.
"""

import textwrap
from dataclasses import dataclass

import numpy as np

from book.palette import LETTERS, mix

WIDTH = 640
LEFT, RIGHT = 16, 624  # the margins
SMALL, MEDIUM, LARGE = 17, 19, 24  # letter heights
DIGIT = 10.8  # width of a digit
CELL = 30  # height of a cell
POINT = 100 / 72  # units in a point, in which the thickness of lines is given

INK, QUIET, LINE = "ink", "quiet", "line"
PAPER, PALE, WRONG = "paper", "pale", "wrong"
COLOURS = {letter: letter for letter in LETTERS}


def number(value, digits=5.0):
    """Write a number as wide as so many digits, with at most two decimals.

    No number other than zero is written as zero.
    """
    value = float(value) + 0.0  # no minus before a zero
    if np.isnan(value):
        return "nan"
    if np.isinf(value):
        return "∞" if value > 0 else "−∞"
    whole = abs(value - round(value)) < 1e-9
    texts = [f"{value:.{decimals}f}" for decimals in ((0,) if whole else (2, 1, 0))]
    texts = [text for text in texts if whole or float(text) != 0] or ["~0"]
    texts.append(f"{value:.0e}".replace("e+0", "e").replace("e+", "e"))
    texts = [text.replace("-", "−") for text in texts]
    wide = "big" if abs(value) >= 1 else "~0"  # what stands for a text too wide
    return next((text for text in texts if breadth(text) <= digits), wide)


def cut(text, most):
    """At most so many letters of a text, in whole words; dots tell of the rest."""
    return textwrap.shorten(text, most, placeholder=" …")


def breadth(text):
    """How wide a text is, in digits."""
    return len(text) - 0.5 * text.count(".") + 0.3 * text.count("−")


def between(t, start, stop):
    """How far `t` has come from start to stop: 0 before, 1 after, eased in between."""
    share = np.clip((t - start) / (stop - start), 0, 1)
    return float(share * share * (3 - 2 * share))


def shape_of(array):
    """Write a shape as people do: (4, 3), and (4,) for one axis."""
    return str(tuple(int(size) for size in np.shape(array)))


@dataclass(frozen=True)
class Look:
    """How a matrix's cells look; of: the names of its rows and of its columns."""

    colour: str
    name: str | None
    of: tuple
    faded: bool
    top: float | None
    size: float
    turned: bool


@dataclass(frozen=True)
class Grid:
    """Where a matrix stands on the stage."""

    x: float
    y: float
    width: float  # of a cell
    height: float  # of a cell
    rows: int
    columns: int

    @property
    def right(self):
        return self.x + self.columns * self.width

    @property
    def bottom(self):
        return self.y + self.rows * self.height

    @property
    def middle(self):
        return (self.x + self.right) / 2, (self.y + self.bottom) / 2

    def corner(self, i, j=0):
        return self.x + j * self.width, self.y + i * self.height

    def centre(self, i, j):
        return self.x + (j + 0.5) * self.width, self.y + (i + 0.5) * self.height


class Stage:
    """What stands on the stage now, in `things`: the first of them lies lowest.

    A thing is a plain dict. It says what it `is`, at which place it is, and which
    roles its colours have. What is the same thing from one frame to the next bears the
    same `id`, so that it moves there.
    """

    def __init__(self, width=WIDTH, height=400, upright=False):
        self.width, self.height, self.upright = width, height, upright
        self.things, self._part = [], ""

    def clear(self):
        self.things = []

    def _put(self, what, id="", **fields):
        thing = {"is": what, "id": f"{self._part}{id}"}
        for name, value in fields.items():
            if name in ROLES:
                mix(value, value, 0)  # complains of what is no role
            thing[name] = _short(value) if isinstance(value, _NUMBER) else value
        self.things.append(thing)

    def part(self, name=""):
        """What comes now belongs to this part of the picture: two heads may have a
        matrix of one name, and each of them moves as what it is.
        """
        self._part = f"{name} " if name else ""

    # What can be put on it.

    def text(
        self,
        x,
        y,
        text,
        size=SMALL,
        align="center",
        colour=INK,
        weight="normal",
        alpha=1.0,
        id="",
    ):
        """Write at a point: (x, y) is the middle of the line, or its left or right."""
        if not text:
            return
        self._put(
            "text",
            id or text,
            x=x,
            y=y,
            say=text,
            size=size,
            align=align,
            colour=colour,
            bold=int(weight == "bold"),
            alpha=alpha,
        )

    def box(
        self,
        x,
        y,
        width,
        height,
        colour=LINE,
        fill="none",
        line=1.5,
        linestyle=None,
        round=0,
        alpha=1.0,
        id="",
    ):
        """A rectangle. `line` is its thickness in points, `round` that of a corner."""
        fill = {} if fill == "none" else {"fill": fill}
        self._put(
            "box",
            id,
            x=x,
            y=y,
            w=width,
            h=height,
            line=colour if line else LINE,
            thick=line * POINT,
            dash=_dash(linestyle),
            round=round,
            alpha=alpha,
            **fill,
        )

    def line(
        self,
        x,
        y,
        colour=LINE,
        width=1.5,
        linestyle=None,
        alpha=1.0,
        marker=None,
        markersize=6,
        markeredgecolor=None,
        id="",
    ):
        """A line through points, or a `marker` (o, s, X) at each of them."""
        if marker is None:
            self._put(
                "line",
                id,
                xs=_shorts(x),
                ys=_shorts(y),
                colour=colour,
                thick=width * POINT,
                dash=_dash(linestyle),
                alpha=alpha,
            )
            return
        for k, (across, down) in enumerate(zip(x, y, strict=True)):
            self._put(
                "dot",
                f"{id}{marker}{k}",
                x=across,
                y=down,
                shape=marker,
                size=markersize * POINT,
                colour=colour,
                edge=markeredgecolor or colour,
                alpha=alpha,
            )

    def arrow(self, start, stop, colour=QUIET, bend=0.0, alpha=1.0, width=1.8, id=""):
        self._put(
            "arrow",
            id,
            x1=start[0],
            y1=start[1],
            x2=stop[0],
            y2=stop[1],
            bend=bend,
            colour=colour,
            thick=width * POINT,
            alpha=alpha,
        )

    def arc(self, start, stop, y, rise, colour, width, alpha=1.0, id=""):
        """A bow from x = start to x = stop, `rise` units above the height y."""
        self._put(
            "arc",
            id,
            x1=start,
            x2=stop,
            y=y,
            rise=rise,
            colour=colour,
            thick=width * POINT,
            alpha=alpha,
        )

    def chip(self, x, y, name, colour):
        """A matrix's name on its colour; (x, y) is the middle of the left edge."""
        width = max(25, 14 + bold_width(name))
        box = {"colour": colour, "fill": colour, "line": 0, "round": 6}
        self.box(x, y - 11, width, 22, id=f"chip {name}", **box)
        self._put(
            "text",
            name,
            x=x + width / 2,
            y=y,
            say=name,
            size=SMALL,
            align="center",
            on=colour,  # in the ink that can be read on it
            bold=1,
            alpha=1,
        )
        return x + width

    def matrix(
        self,
        values,
        x,
        y,
        colour,
        name=None,
        note=None,
        rows=None,
        columns=None,
        width=None,
        height=CELL,
        shown=None,
        lit=(),
        wrong=None,
        faded=False,
        learnt=False,
        top=None,
        lift=None,
        of=None,
        turned=False,
        size=SMALL,
        id="",
    ):
        """Draw a matrix as cells with their numbers and return its `Grid`.

        `shown` masks the cells that are filled already, `wrong` marks cells with a
        corner, `lit` rows are framed. Numbers that training finds (`learnt`) have a
        dashed frame. A cell's tint grows with the size of its number; `top` is the
        size that gets the full tint. `lift` is how far above stands the name.
        `of` are the names of rows and columns where they are not written beside it: a
        reader who points at a cell is told them. One that is `turned` stands upright
        to save room: what is drawn as its column is a row.
        """
        values = np.atleast_2d(np.asarray(values, dtype=float))
        count, breadth = values.shape
        width = width or cell_width(values)
        grid = Grid(x, y, width, height, count, breadth)
        shown = np.broadcast_to(True if shown is None else shown, values.shape)
        outer, self._part = self._part, f"{self._part}{id or name or colour} "
        look = Look(colour, name, of or (rows, columns), faded, top, size, turned)
        self._cells(grid, values, shown, wrong, look)
        frame = mix(colour, PALE, 0.6) if faded else colour
        style = {"linestyle": "dashed"} if learnt else {}
        wide, high = grid.right - x, grid.bottom - y
        self.box(x, y, wide, high, frame, line=2.2, id="frame", **style)
        for k, i in enumerate(lit):
            self.box(x, y + i * height, wide, height, INK, line=2.6, id=f"lit {k}")
        ink = QUIET if faded else INK
        for i, label in enumerate(rows if rows is not None else ()):
            weight = "bold" if i in lit else "normal"
            spot = (x - 7, grid.centre(i, 0)[1])
            self.text(*spot, label, size, "right", weight=weight, colour=ink)
        for j, label in enumerate(columns if columns is not None else ()):
            self.text(grid.centre(0, j)[0], y - 13, label, size, colour=ink)
        if name:
            above = y - (lift or (40 if columns is not None else 18))
            end = self.chip(x, above, name, frame)
            note = shape_of(values) if note is None else note
            if note:
                self.text(end + 7, above, note, align="left", colour=QUIET)
        self._part = outer
        return grid

    def _cells(self, grid, values, shown, wrong, look):
        """The cells themselves: one thing, however many they are."""
        digits = (grid.width - 3) / DIGIT * SMALL / look.size
        known = [v if s else None for v, s in zip(values.flat, shown.flat, strict=True)]
        texts = [None if v is None else number(v, digits) for v in known]
        size_of = np.abs(np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0))
        row, column = look.of
        marked = np.zeros(values.shape, bool) if wrong is None else wrong & shown
        self._put(
            "cells",
            f"{grid.rows}×{grid.columns}",
            **_place(grid),
            colour=look.colour,
            name=look.name or "",
            values=[None if v is None else plain(v) for v in known],
            texts=texts,
            top=float(look.top or size_of.max() or 1.0),
            size=look.size,
            faded=int(look.faded),
            row=_names(row),
            column=_names(column),
            wrong=[int(k) for k in np.flatnonzero(marked)],
            turned=int(look.turned),
        )
        for i, j in np.argwhere(marked):
            self.mark(grid, i, j)

    def shades(self, values, x, y, width, height, colour, of=(None, None), name=""):
        """A matrix whose cells bear no numbers: 1 is the full colour, 0 is paper."""
        values = np.atleast_2d(np.asarray(values, dtype=float))
        grid = Grid(x, y, width, height, *values.shape)
        row, column = of
        self._put(
            "cells",
            f"shades {name} {grid.rows}×{grid.columns}",
            **_place(grid),
            colour=colour,
            name=name,
            values=[plain(v) for v in values.flat],
            texts=None,
            top=1.0,
            size=SMALL,
            faded=0,
            row=_names(row),
            column=_names(column),
            wrong=[],
        )
        return grid

    def foot(self, player):
        """Say at the foot of the frame whose numbers these are."""
        y = self.height - 16
        self.line([LEFT, self.width - LEFT], [y - 17, y - 17], LINE, 1, id="foot")
        self.text(LEFT, y, player, align="left", colour=QUIET, id="foot")

    def says(self, x, y, text, width, colour=INK, weight="normal"):
        """Write lines of at most `width` units down from y; return the next y."""
        for line in textwrap.wrap(text, int(width / 9.8)):
            self.text(x, y, line, align="left", colour=colour, weight=weight)
            y += 24
        return y

    def came(self, array, x, y, colour, rows=4, columns=6):
        """Show numbers that came in an unexpected shape: their first corner."""
        if array is None or array.size == 0:
            return
        part = array.reshape(-1, array.shape[-1]) if array.ndim else array[None, None]
        part = part[:rows, :columns]
        note = shape_of(array)
        if part.size < array.size:
            note += ", its first numbers"
        self.matrix(part, x, y + 30, colour, "yours", note)

    def failed(self, part, x, y, colour, rows=3, width=600):
        """Say what came instead of the expected array, and show its numbers."""
        y = self.says(x, y, "Yours: " + part.problem, width, WRONG, "bold")
        self.came(part.came, x, y, colour, rows)

    def mark(self, grid, i, j):
        """Mark a cell as wrong: by form as well as by colour."""
        x, y = grid.corner(i, j)
        wide, high = grid.width - 2, grid.height - 2
        self.box(x + 1, y + 1, wide, high, WRONG, line=1.8, id=f"mark {i} {j}")
        right, size = x + grid.width, min(11, 0.36 * grid.height)
        self._put(
            "shape",
            f"mark {i} {j}",
            xs=_shorts([right, right - size, right]),
            ys=_shorts([y, y, y + size]),
            colour=WRONG,
        )


ROLES = ("colour", "line", "fill", "edge", "on")
_NUMBER = (int, float, np.number)


def _place(grid):
    return {
        "x": grid.x,
        "y": grid.y,
        "w": grid.width,
        "h": grid.height,
        "rows": grid.rows,
        "columns": grid.columns,
    }


def _short(value):
    """A length to a tenth of a unit, and a share to a hundredth."""
    value = float(value)
    value = round(value, 1 if abs(value) > 1 else 2)
    return int(value) if value == int(value) else value


def _shorts(values):
    return [_short(value) for value in values]


def plain(value):
    """A number as it travels: four digits are enough to be read; what JSON has no
    word for is written out.
    """
    value = float(value)
    if not np.isfinite(value):
        return number(value)
    value = float(f"{value:.4g}")
    return int(value) if value == int(value) else value


def share(value, top):
    """How strong the tint of a cell is, from 0 to 1; the size of its number counts."""
    if isinstance(value, str):
        return 0.0 if value == "nan" else 1.0
    return min(abs(value) / top, 1.0)


def _names(labels):
    return [] if labels is None else [str(label) for label in labels]


def _dash(linestyle):
    """1 for a broken line, however it is broken; 0 for a solid one."""
    return int(linestyle not in (None, "-", "solid"))


# Widths of bold letters that names of matrices are made of, in thousandths of the
# letter height; all others count as a wide one.
_BOLD = {" ": 348, "′": 262, ".": 380, "·": 380, "/": 365, "+": 838, "_": 500}


def bold_width(text, size=SMALL):
    """About how wide a name in bold letters is."""
    letters = {
        **dict.fromkeys("abcdeghknopqsuvxyz", 690),
        **dict.fromkeys("fijlrt", 420),
    }
    return sum((_BOLD | letters).get(c, 760) for c in text) * size / 1000


def cell_width(*arrays):
    """The width of cells in which every number of these arrays finds room."""
    longest = max(
        (breadth(number(v)) for a in arrays for v in np.ravel(a)),
        default=1,
    )
    return max(34, 6 + DIGIT * longest)
