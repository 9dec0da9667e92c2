"""The stage: one visual language for every picture of the book.

A stage is 640 units wide, whatever its size in pixels, and is measured from the top
left corner. No letter is smaller than 17 units, so that it is still 9 pixels high
when a phone shows the stage 350 pixels wide. Every kind of matrix has one colour,
kept from the first chapter to the last. Colours are never alone: a matrix also bears
its letter, its rows bear their tokens and its cells bear their numbers.
"""

import textwrap
from dataclasses import dataclass
from functools import cache, lru_cache

import matplotlib
import matplotlib.style
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Rectangle
from matplotlib.text import Text
from matplotlib.transforms import Affine2D

WIDTH = 640
LEFT, RIGHT = 16, 624  # the margins
SCALE = 1.25  # pixels a unit
SMALL, MEDIUM, LARGE = 17, 19, 24  # letter heights
DIGIT = 10.8  # width of a digit
CELL = 30  # height of a cell

INK = "#1b1f24"
QUIET = "#5a626b"
LINE = "#c3c9d0"
PAPER = "#ffffff"
PALE = "#d9dce0"
WRONG = "#951f11"

# Searched for, near familiar hues: the two that come nearest to each other are 16
# CIELAB units apart for every one of the three common colour blindnesses, on a light
# page and turned for a dark one. The test of the palette measures it.
COLOURS = {
    "X": "#41474e",
    "Q": "#042fc9",
    "K": "#efaa23",
    "V": "#24995c",
    "S": "#80bbff",
    "A": "#aa6bfb",
    "O": "#d64d00",
    "Y": "#d64d00",
}


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


def mix(colour, other, share):
    """Blend two colours: `share` 0 gives the first, 1 the second."""
    first, second = np.array(to_rgb(colour)), np.array(to_rgb(other))
    return first + (second - first) * share


def between(t, start, stop):
    """How far `t` has come from start to stop: 0 before, 1 after, eased in between."""
    share = np.clip((t - start) / (stop - start), 0, 1)
    return float(share * share * (3 - 2 * share))


def shape_of(array):
    """Write a shape as people do: (4, 3), and (4,) for one axis."""
    return str(tuple(int(size) for size in np.shape(array)))


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


class Words(Text):
    """A text that is painted once and then stamped: frames repeat their words."""

    def draw(self, renderer):
        stamp, x, y = self._stamped()
        context = renderer.new_gc()
        renderer.draw_image(context, x, y, stamp)
        context.restore()

    def ink(self):
        """The pixels that it covers: left, below, right, above."""
        stamp, x, y = self._stamped()
        return x, y, x + stamp.shape[1], y + stamp.shape[0]

    def _stamped(self):
        stamp, left, low = _stamp(
            self.get_text(),
            self.get_fontsize(),
            self.get_fontweight(),
            self.get_color(),
            self.get_horizontalalignment(),
        )
        x, y = self.get_transform().transform(self.get_position())
        return stamp, round(x) + left, round(y) + low


@cache
def _figure():
    return Figure(dpi=100 * SCALE)


@lru_cache(4096)
def _stamp(text, size, weight, colour, align):
    """The pixels of a text, bottom row first, and where they begin from its point."""
    dpi = 100 * SCALE
    wide = int((len(text) + 2) * size * dpi / 72)
    middle = int(size * dpi / 72)
    renderer = RendererAgg(2 * wide, 2 * middle, dpi)
    artist = Text(
        wide,
        middle,
        text,
        fontsize=size,
        fontweight=weight,
        color=colour,
        **_placed(align),
    )
    artist.set_figure(_figure())
    artist.draw(renderer)
    pixels = np.asarray(renderer.buffer_rgba())[::-1]
    rows, columns = (np.flatnonzero(pixels[..., 3].any(axis=k)) for k in (1, 0))
    if not rows.size:
        return pixels[:1, :1].copy(), 0, 0
    ink = pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].copy()
    return ink, columns[0] - wide, rows[0] - middle


def _wide(text, size, weight):
    """How wide a text is on the stage."""
    stamp, _, _ = _stamp(text, size * 0.72, weight, _hex(INK), "left")
    return stamp.shape[1] / SCALE


def _placed(align):
    """How every text stands at its point, and in which letters."""
    return {
        "horizontalalignment": align,
        "verticalalignment": "center_baseline",
        "fontfamily": "DejaVu Sans",
        "parse_math": False,
    }


class Stage:
    """A picture that is drawn afresh for each frame.

    What a frame begins with is usually what the frame before it began with. That
    part is painted once and kept, so that a frame costs only what is new in it.
    """

    def __init__(self, height=400):
        self.height = height
        self.figure = Figure(
            figsize=(WIDTH / 100, height / 100), dpi=100 * SCALE, facecolor=PAPER
        )
        self.canvas = FigureCanvasAgg(self.figure)
        self.renderer = self.canvas.get_renderer()
        self.transform = Affine2D().scale(SCALE, -SCALE)
        self.transform.translate(0, height * SCALE)
        self.artists, self.before = [], []  # of this frame, of the one before
        self.kept, self.ground = [], None  # what is painted already, and its pixels
        self.known = {}  # every artist that was ever needed

    def clear(self):
        self.before, self.artists = self.artists, []

    def pixels(self):
        """The frame as it stands, (height, width, 3) bytes."""
        same = _common(self.artists, self.before)
        if self.kept and self.kept == self.artists[: len(self.kept)]:
            self.renderer.restore_region(self.ground)
        else:
            self.kept = []
            self.renderer.clear()
            self.figure.patch.draw(self.renderer)
        done = len(self.kept)
        for artist in self.artists[done:same]:
            artist.draw(self.renderer)
        if same > done:
            self.kept = self.artists[:same]
            self.ground = self.renderer.copy_from_bbox(self.figure.bbox)
        for artist in self.artists[max(same, done) :]:
            artist.draw(self.renderer)
        return np.asarray(self.renderer.buffer_rgba())[..., :3].copy()

    def _keep(self, kind, *arguments, **style):
        """Put an artist on the stage, the same one whenever it is asked for again."""
        key = repr((kind, arguments, style))
        if key not in self.known:
            artist = kind(*arguments, **style)
            artist.set_figure(self.figure)
            artist.set_transform(self.transform)
            self.known[key] = artist
        self.artists.append(self.known[key])

    # What can be put on it.

    def text(self, x, y, text, size=SMALL, align="center", colour=INK, **style):
        """Write at a point: (x, y) is the middle of the line, or its left or right."""
        self._keep(
            Words,
            float(x),
            float(y),
            text,
            fontsize=size * 0.72,
            color=_hex(colour),
            **_placed(align),
            **style,
        )

    def box(self, x, y, width, height, colour=LINE, fill="none", line=1.5, **style):
        self._keep(
            Rectangle,
            (float(x), float(y)),
            float(width),
            float(height),
            edgecolor=_hex(colour),
            facecolor=_hex(fill),
            linewidth=line,
            **style,
        )

    def line(self, x, y, colour=LINE, width=1.5, **style):
        x, y = [float(v) for v in x], [float(v) for v in y]
        self._keep(Line2D, x, y, color=_hex(colour), linewidth=width, **style)

    def arrow(self, start, stop, colour=QUIET, bend=0.0, alpha=1.0):
        self._keep(
            FancyArrowPatch,
            tuple(map(float, start)),
            tuple(map(float, stop)),
            arrowstyle="-|>",
            mutation_scale=14,
            linewidth=1.8,
            color=_hex(colour),
            alpha=alpha,
            connectionstyle=f"arc3,rad={bend}",
            shrinkA=0,
            shrinkB=0,
        )

    def chip(self, x, y, name, colour):
        """A matrix's name on its colour; (x, y) is the middle of the left edge."""
        width = max(25, 14 + _wide(name, SMALL, "bold"))
        self._keep(
            FancyBboxPatch,
            (float(x + 3), float(y - 8)),
            float(width - 6),
            16.0,
            boxstyle="round,pad=3,rounding_size=5",
            facecolor=_hex(colour),
            edgecolor="none",
        )
        dark = np.dot(to_rgb(colour), (0.299, 0.587, 0.114)) < 0.5
        self.text(x + width / 2, y, name, colour=PAPER if dark else INK, weight="bold")
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
    ):
        """Draw a matrix as cells with their numbers and return its `Grid`.

        `shown` masks the cells that are filled already, `wrong` marks cells with a
        corner, `lit` rows are framed. Numbers that training finds (`learnt`) have a
        dashed frame. A cell's tint grows with the size of its number; `top` is the
        size that gets the full tint. `lift` is how far above stands the name.
        """
        values = np.atleast_2d(np.asarray(values, dtype=float))
        count, breadth = values.shape
        width = width or cell_width(values)
        grid = Grid(x, y, width, height, count, breadth)
        shown = np.ones(values.shape, bool) if shown is None else shown
        colour = mix(colour, PALE, 0.6) if faded else colour
        self._keep(
            PolyCollection,
            [
                _square(*grid.corner(i, j), width, height)
                for i, j in np.ndindex(values.shape)
            ],
            facecolors=tints(values, colour, shown, top),
            edgecolors=LINE,
            linewidths=0.8,
        )
        ink, digits = QUIET if faded else INK, (width - 3) / DIGIT
        for i, j in np.argwhere(shown):
            self.text(*grid.centre(i, j), number(values[i, j], digits), colour=ink)
        if wrong is not None:
            for i, j in np.argwhere(wrong & shown):
                self.mark(grid, i, j)
        style = {"linestyle": (0, (4, 2))} if learnt else {}
        self.box(x, y, grid.right - x, grid.bottom - y, colour, line=2.2, **style)
        for i in lit:
            self.box(x, y + i * height, grid.right - x, height, INK, line=2.6)
        for i, label in enumerate(rows if rows is not None else ()):
            weight = "bold" if i in lit else "normal"
            spot = (x - 7, grid.centre(i, 0)[1])
            self.text(*spot, label, align="right", weight=weight, colour=ink)
        for j, label in enumerate(columns if columns is not None else ()):
            self.text(grid.centre(0, j)[0], y - 13, label, colour=ink)
        if name:
            above = y - (lift or (40 if columns is not None else 18))
            end = self.chip(x, above, name, colour)
            note = shape_of(values) if note is None else note
            self.text(end + 7, above, note, align="left", colour=QUIET)
        return grid

    def foot(self, player):
        """Say at the foot of the frame whose numbers these are."""
        y = self.height - 16
        self.line([LEFT, RIGHT], [y - 17, y - 17], LINE, 1)
        self.text(LEFT, y, player, align="left", colour=QUIET)

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
        self.box(x + 1, y + 1, grid.width - 2, grid.height - 2, WRONG, line=1.8)
        right, size = x + grid.width, min(11, 0.36 * grid.height)
        fold = [(right, y), (right - size, y), (right, y + size)]
        self._keep(PolyCollection, [fold], facecolors=WRONG)


def _square(x, y, width, height):
    x, y = float(x), float(y)
    return [(x, y), (x + width, y), (x + width, y + height), (x, y + height)]


def _hex(colour):
    return colour if isinstance(colour, str) and colour == "none" else to_hex(colour)


def _common(these, those):
    """How many artists two frames share from their beginning."""
    pairs = zip(these, those, strict=False)
    return next(
        (k for k, (a, b) in enumerate(pairs) if a is not b),
        min(len(these), len(those)),
    )


def tints(values, colour, shown, top=None):
    """The fill of each cell: the matrix's colour, stronger for larger numbers."""
    size = np.abs(np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0))
    share = np.clip(size / (top or size.max() or 1.0), 0, 1)
    share = np.where(np.isinf(values), 1.0, share)
    share = np.where(shown, 0.10 + (fullest(colour) - 0.10) * share, 0.0)
    white, full = np.array(to_rgb(PAPER)), np.array(to_rgb(colour))
    bytes_ = np.round(255 * (white + (full - white) * share.reshape(-1, 1))).astype(int)
    return ["#{:02x}{:02x}{:02x}".format(*rgb) for rgb in bytes_]


def fullest(colour):
    """The strongest tint on which a number can still be read, light or turned."""
    return 0.38 if np.dot(to_rgb(colour), (0.2126, 0.7152, 0.0722)) < 0.3 else 0.50


def cell_width(*arrays):
    """The width of cells in which every number of these arrays finds room."""
    longest = max(
        (breadth(number(v)) for a in arrays for v in np.ravel(a)),
        default=1,
    )
    return max(34, 6 + DIGIT * longest)


def quiet_style():
    """matplotlib's own defaults, whatever style the reader's notebook has set."""
    return matplotlib.style.context("default")
