"""The charts of the experiments: what was measured, against what was varied.

A chart is as wide as the text and says in words what it shows. It is drawn twice, for a
wide page and for a narrow one, with letters of one size. Lines differ by their dashes
and marks, too; what stands for Q, K, V, S, A or O, or for a head, has its colour. It is
an SVG that names its colours as the page's style does (`palette.css`), so a page that
holds it shows it light or dark; anywhere else it has the light ones.
"""

import base64
import io
import re
import textwrap
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from html import escape

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from book import palette
from book.animations.painter import quiet_style

# In points: letters of 12 are as large as the page's small ones, on either page.
WIDE, NARROW, LETTER = 615, 358, 12
BELOW = "(max-width: 36rem)"  # such a page is narrow: its text is as wide as a phone
PAPER = (  # a chart is drawn on white where no page gives it other colours
    "width:100%;max-width:45rem;height:auto;box-sizing:border-box;padding:8px;"
    f"background:#fff;border:1px solid {palette.LIGHT['line']};border-radius:4px"
)
PLAIN = ("ink", "quiet", "line", "paper")


def _ink(role):
    """The light look of a role that is told from paper as letters are."""
    return palette.paint(role if role in PLAIN else palette.legible(role, "light"))


# What the page's style calls each colour that a chart may have.
NAMES = {_ink(role): f"--stage-{role}" for role in PLAIN}
NAMES |= {_ink(role): f"--{role}-ink" for role in (*palette.LETTERS, *palette.HEADS)}

LOOKS = (  # of the first line of a panel, the second, the third, the fourth
    {"color": _ink("ink"), "linestyle": "-", "marker": "o"},
    {"color": _ink("head1"), "linestyle": (0, (5, 1)), "marker": "^"},
    {"color": _ink("head2"), "linestyle": (0, (3, 1, 1, 1)), "marker": "s"},
    {"color": _ink("quiet"), "linestyle": (0, (1, 1)), "marker": "D"},
)
EXPECTED = {  # drawn above what is measured, which may lie on it
    "color": _ink("quiet"),
    "linestyle": (0, (2, 2)),
    "marker": None,
    "zorder": 3,
}
STYLE = {
    "figure.facecolor": "none",  # the page is the paper
    "axes.facecolor": "none",
    "font.family": "sans-serif",
    "font.size": LETTER,
    "axes.titlesize": LETTER,
    "axes.titlelocation": "left",
    "axes.grid": True,
    "axes.edgecolor": _ink("line"),
    "grid.color": _ink("line"),
    "grid.linewidth": 0.6,
    "xtick.bottom": False,  # the lines of the grid are enough
    "ytick.left": False,
    "xtick.labelcolor": _ink("ink"),
    "ytick.labelcolor": _ink("ink"),
    "text.color": _ink("ink"),
    "axes.labelcolor": _ink("ink"),
    "lines.linewidth": 2.2,
    "legend.frameon": False,
    "legend.columnspacing": 1.4,
    "svg.fonttype": "none",  # letters stay letters: small, and in the page's face
} | {f"axes.spines.{side}": False for side in ("left", "right", "top", "bottom")}


@contextmanager
def _style():
    with quiet_style(), matplotlib.rc_context(STYLE):
        yield


class Chart:
    """A figure with its description; it shows itself in JupyterLab and in the book."""

    def __init__(self, figure: Figure, alternative: str):
        self.figure, self.alternative = figure, " ".join(alternative.split())
        self.height = figure.get_figheight()

    def _repr_html_(self) -> str:
        wide, narrow = (
            f"data:image/svg+xml;base64,{base64.b64encode(self.svg(width)).decode()}"
            for width in (WIDE, NARROW)
        )
        return (
            f'<picture><source media="{BELOW}" srcset="{narrow}">'
            f'<img class="chart" alt="{escape(self.alternative)}" style="{PAPER}" '
            f'src="{wide}"></picture>'
        )

    def __repr__(self) -> str:
        return self.alternative

    def svg(self, width: int = WIDE) -> bytes:
        """The picture as the bytes of an SVG file, the same ones at every run.

        width: in points. A wide picture is a little higher, too.
        """
        # Two pictures of one page have no id in common.
        with _style(), matplotlib.rc_context({"svg.hashsalt": f"{self} {width}"}):
            self.figure.set_size_inches(
                width / 72, self.height * (1.2 if width > NARROW else 1)
            )
            for axis in self.figure.axes:
                axis.set_title(_folded(axis.get_title("left"), width))
                axis.set_xlabel(_folded(axis.get_xlabel(), width))
            _legend(self.figure, width)
            file = io.BytesIO()
            nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
            self.figure.savefig(file, format="svg", metadata=nothing)
        return _spare(file.getvalue().decode()).encode()


def _folded(text: str, width: int) -> str:
    """A text in lines that have room."""
    return textwrap.fill(" ".join(text.split()), int(width / LETTER * 1.5))


def _spare(svg: str) -> str:
    """An SVG of matplotlib's with what a page needs of it: its colours by their names,
    nothing that reaches beyond it, a tenth of a point at most.
    """
    svg = re.sub("<!--.*?-->", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    root = 'viewBox="0 0 {} {}" stroke-linejoin="round"'
    svg = re.sub(
        r'width="[\d.]+pt" height="[\d.]+pt" viewBox="0 0 ([\d.]+) ([\d.]+)"',
        lambda m: root.format(*m.groups()),
        svg,
        count=1,
    )
    svg = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", svg, flags=re.DOTALL)
    rounded = partial(re.sub, r"-?\d+\.\d{2,}", lambda m: f"{float(m[0]):.1f}")
    svg = re.sub("<[^>]+>", lambda tag: rounded(tag[0]), svg)  # no number that is told
    svg = re.sub(r"font-family: [^;\"]*", "font-family: var(--sans, sans-serif)", svg)
    svg = re.sub("#[0-9a-f]{6}\\b", lambda m: f"var({NAMES[m[0]]}, {m[0]})", svg)
    svg = re.sub(r' transform="rotate\(-?0 [^"]*"', "", svg)
    svg = re.sub(r'<g id="[\w.]+_\d+">', "<g>", svg)  # nothing points to a group
    return re.sub(r"\s+", " ", svg).replace("> <", "><")


def against_size(
    name: str,
    sizes: Sequence[int],
    panels: Mapping[str, Mapping[str, Sequence[float]]],
    letters: Mapping[str, str] | None = None,
) -> Chart:
    """One panel under the other: lines of measured numbers against a size.

    name: what the sizes are called. panels: title -> {label of a line -> numbers, one
    for each size}. letters: label -> the letter that the line stands for, if one. The
    axis of sizes is logarithmic.
    """
    with _style():
        figure, axes = _panels(2.3 * len(panels), len(panels))
        for axis, (title, lines) in zip(axes, panels.items(), strict=True):
            axis.set_title(title)
            axis.set_xscale("log")
            axis.set_xticks(sizes, [f"{size}" for size in sizes])
            axis.minorticks_off()
            for look, (label, numbers) in zip(LOOKS, lines.items(), strict=False):
                if letters and label in letters:
                    look = look | {"color": _ink(letters[label])}
                axis.plot(sizes, numbers, label=label, **look)
            axis.set_ylim(bottom=0)
        axes[-1].set_xlabel(name)
    told = (
        f"{title}: {label} "
        + ", ".join(
            f"{number:.3g} at {s}" for s, number in zip(sizes, numbers, strict=True)
        )
        for title, lines in panels.items()
        for label, numbers in lines.items()
    )
    return Chart(figure, f"Measured against {name}. {'; '.join(told)}.")


def over_depth(
    panels: Mapping[str, Mapping[str, Sequence[float]]],
    spans: Sequence[tuple[float, float]],
) -> Chart:
    """One panel under the other: lines of numbers measured block after block.

    panels: title -> {label of a line -> numbers, one for each block}. spans: the
    lowest and the highest number that a panel shows; its axis is logarithmic.
    """
    with _style():
        figure, axes = _panels(0.7 + 2.1 * len(panels), len(panels))
        for axis, (title, lines), span in zip(axes, panels.items(), spans, strict=True):
            axis.set_title(title)
            axis.set_yscale("log")
            axis.minorticks_off()
            axis.set_ylim(*span)
            for look, (label, numbers) in zip(LOOKS, lines.items(), strict=False):
                blocks = range(1, len(numbers) + 1)
                axis.plot(blocks, numbers, markevery=4, label=label, **look)
        axes[-1].set_xlabel("block")
    told = (
        f"{title}: {label} {numbers[0]:.1e} after the first block, "
        f"{numbers[-1]:.1e} after the last"
        for title, lines in panels.items()
        for label, numbers in lines.items()
    )
    return Chart(figure, f"Measured block after block. {'; '.join(told)}.")


def in_the_plane(
    axes: Sequence[str],
    points: Mapping[str, Sequence[float]],
    path: np.ndarray,
    ends: tuple[str, str],
    alternative: str,
) -> Chart:
    """Named points of two features, and the path that a mixture of them takes.

    path: (steps, 2). ends: what the first and the last step are called.
    """
    with _style():
        figure, (axis,) = _panels(3.9)
        axis.set_xlabel(axes[0])
        axis.set_ylabel(axes[1])
        axis.margins(0.22, 0.12)
        x, y = np.transpose(list(points.values()))
        axis.plot(x, y, "o", color=_ink("V"), markersize=11)
        axis.plot(*path.T, "-", color=_ink("O"))
        axis.plot(*path[[0, -1]].T, "D", color=_ink("O"), markersize=7)
        spots = [*points.items(), *zip(ends, path[[0, -1]], strict=True)]
        for label, spot in spots:
            own = label in points
            axis.annotate(
                label,
                spot,
                xytext=(-11, 0) if own else (9, -4),
                textcoords="offset points",
                horizontalalignment="right" if own else "left",
                verticalalignment="center",
                weight="bold" if own else "normal",
            )
    return Chart(figure, alternative)


def lines(
    name: str,
    sizes: Sequence[float],
    panels: Mapping[str, Mapping[str, np.ndarray]],
    alternative: str,
    expected: Mapping[str, Sequence[float]] | None = None,
    log: str = "x",
    band: tuple[float, float] = (0, 100),
    ticks: Sequence[float] | None = None,
) -> Chart:
    """One panel under the other: what was measured, several times, for each size.

    name: what the sizes are called. panels: title -> {label -> (times, sizes)}. The
    line is the median; the band goes from one percentile to the other. expected:
    label -> (sizes,), drawn in every panel. log: which axes are logarithmic, "x",
    "y", "xy" or none. ticks: the sizes that get a label, all by default.
    """
    with _style():
        figure, axes = _panels(0.3 + 2.4 * len(panels), len(panels))
        for axis, (title, measured) in zip(axes, panels.items(), strict=True):
            axis.set_title(title)
            for label, values in (expected or {}).items():
                axis.plot(sizes, values, label=label, **EXPECTED)
            dots = len(sizes) <= 12
            for look, (label, rows) in zip(LOOKS, measured.items(), strict=False):
                low, high = np.nanpercentile(rows, band, axis=0)
                axis.fill_between(
                    sizes, low, high, color=look["color"], alpha=0.2, linewidth=0
                )
                look = look if dots else look | {"marker": None}
                middle = np.nanmedian(rows, axis=0)
                axis.plot(sizes, middle, label=label, **look)
            _scales(axis, sizes if ticks is None else ticks, log)
        axes[-1].set_xlabel(name)
    return Chart(figure, alternative)


def points(
    name: str,
    values: Sequence[float],
    series: Mapping[str, Sequence[float]],
    title: str,
    alternative: str,
) -> Chart:
    """A dot for each of several things: series label -> (things,), against values."""
    with _style():
        figure, (axis,) = _panels(2.8)
        axis.set_title(title)
        for look, (label, heights) in zip(LOOKS, series.items(), strict=False):
            look = look | {"linestyle": "none"}
            axis.plot(values, heights, markersize=7, label=label, **look)
        axis.set_xlabel(name)
    return Chart(figure, alternative)


def strips(name: str, rows: Mapping[str, Sequence[float]], alternative: str) -> Chart:
    """Rows of cells, darker for more attention: label -> (cells,), each from 0 to 1.

    A row that names head 1 or head 2 has that head's colour, another that of weights.
    """
    with _style():
        figure, (axis,) = _panels(0.5 + 0.42 * len(rows))
        weights = np.array(list(rows.values()))
        heads = [re.search(r"\bhead (\d)", label) for label in rows]
        colours = [_ink(f"head{head[1]}" if head else "A") for head in heads]
        for (row, column), weight in np.ndenumerate(weights):
            share = palette.FAINTEST + (palette.FULLEST - palette.FAINTEST) * weight
            corner, face = (column + 0.02, row + 0.04), (colours[row], share)
            cell = Rectangle(corner, 0.96, 0.92, facecolor=face, linewidth=0)
            axis.add_patch(cell)
            if weight >= 0.05:
                place = column + 0.5, row + 0.5
                axis.text(*place, f"{weight:.1f}", ha="center", va="center")
        axis.set_xlim(0, weights.shape[1])
        axis.set_ylim(len(rows), 0)
        axis.set_yticks(np.arange(len(rows)) + 0.5, list(rows))
        axis.set_xticks(np.arange(weights.shape[1]) + 0.5, range(weights.shape[1]))
        axis.grid(visible=False)
        axis.set_xlabel(name)
    return Chart(figure, alternative)


def _panels(height, count=1):
    """An empty figure, so many inches high, with its panels one under the other."""
    figure = Figure(figsize=(NARROW / 72, height), layout="constrained")
    return figure, np.atleast_1d(figure.subplots(count, 1, sharex=True))


def _legend(figure, width):
    """Name the lines of all panels below them, in as many columns as have room."""
    for legend in figure.legends:
        legend.remove()
    handles, labels = figure.axes[0].get_legend_handles_labels()
    if len(labels) > 1:
        one = LETTER * (0.6 * max(map(len, labels)) + 4)
        columns = min(len(labels), max(1, int(width / one)))
        rows = -(-len(labels) // columns)
        columns = -(-len(labels) // rows)  # four of which three have room: two and two
        figure.legend(handles, labels, loc="outside lower center", ncols=columns)


def _scales(axis, ticks, log):
    if "x" in log:
        axis.set_xscale("log", base=2)
    if "y" in log:
        axis.set_yscale("log")
        axis.yaxis.set_major_formatter("{x:g}")
    else:
        axis.set_ylim(bottom=0)
    axis.set_xticks(ticks, [f"{size:g}" for size in ticks])
    axis.minorticks_off()
