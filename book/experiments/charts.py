"""Charts of what was measured several times: a line, and the spread around it."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from book.animations.painter import quiet_style
from book.charts import WIDTH, Chart
from book.palette import LIGHT, mix, paint

LOOKS = (  # of the first line of a panel, the second, and so on
    {"color": LIGHT["Q"], "linestyle": "-", "marker": "o"},
    {"color": LIGHT["O"], "linestyle": (0, (5, 1)), "marker": "^"},
    {"color": LIGHT["V"], "linestyle": (0, (3, 1, 1, 1)), "marker": "s"},
    {"color": paint(mix("A", "ink", 0.25)), "linestyle": (0, (1, 1)), "marker": "D"},
)
EXPECTED = {  # drawn above what is measured, which may lie on it
    "color": LIGHT["quiet"],
    "linestyle": (0, (2, 2)),
    "marker": None,
    "zorder": 3,
}


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
    with quiet_style():
        figure = Figure(figsize=(WIDTH, 0.3 + 2.4 * len(panels)), layout="constrained")
        axes = np.atleast_1d(figure.subplots(len(panels), 1, sharex=True))
        for axis, (title, measured) in zip(axes, panels.items(), strict=True):
            _plain(axis, title)
            for label, values in (expected or {}).items():
                axis.plot(sizes, values, linewidth=2, label=label, **EXPECTED)
            dots = len(sizes) <= 12
            for look, (label, rows) in zip(LOOKS, measured.items(), strict=False):
                low, high = np.nanpercentile(rows, band, axis=0)
                axis.fill_between(
                    sizes, low, high, color=look["color"], alpha=0.2, linewidth=0
                )
                look = look if dots else look | {"marker": None}
                middle = np.nanmedian(rows, axis=0)
                axis.plot(sizes, middle, linewidth=2.2, label=label, **look)
            _scales(axis, sizes if ticks is None else ticks, log)
        _legend(figure, axes[0])
        axes[-1].set_xlabel(name, fontsize=11, color=LIGHT["ink"])
    return Chart(figure, alternative)


def points(
    name: str,
    values: Sequence[float],
    series: Mapping[str, Sequence[float]],
    title: str,
    alternative: str,
) -> Chart:
    """A dot for each of several things: series label -> (things,), against values."""
    with quiet_style():
        figure = Figure(figsize=(WIDTH, 2.8), layout="constrained")
        axis = figure.subplots()
        _plain(axis, title)
        for look, (label, heights) in zip(LOOKS, series.items(), strict=False):
            look = look | {"linestyle": "none"}
            axis.plot(values, heights, markersize=7, label=label, **look)
        _legend(figure, axis)
        axis.set_xlabel(name, fontsize=11, color=LIGHT["ink"])
    return Chart(figure, alternative)


def strips(name: str, rows: Mapping[str, Sequence[float]], alternative: str) -> Chart:
    """Rows of cells, darker for more attention: label -> (cells,), each from 0 to 1."""
    with quiet_style():
        figure = Figure(figsize=(WIDTH, 0.5 + 0.42 * len(rows)), layout="constrained")
        axis = figure.subplots()
        weights = np.array(list(rows.values()))
        shades = LinearSegmentedColormap.from_list("weights", ["white", LIGHT["A"]])
        axis.pcolormesh(weights, cmap=shades, vmin=0, vmax=1, edgecolors=LIGHT["line"])
        for (row, column), weight in np.ndenumerate(weights):
            if weight >= 0.05:
                place = column + 0.5, row + 0.5
                axis.text(
                    *place,
                    f"{weight:.1f}",
                    ha="center",
                    va="center",
                    color=LIGHT["ink"],
                )
        axis.set_yticks(np.arange(len(rows)) + 0.5, list(rows))
        axis.set_xticks(np.arange(weights.shape[1]) + 0.5, range(weights.shape[1]))
        axis.tick_params(colors=LIGHT["ink"], labelsize=11, length=0)
        axis.invert_yaxis()
        axis.spines[:].set_visible(False)
        axis.set_xlabel(name, fontsize=11, color=LIGHT["ink"])
    return Chart(figure, alternative)


def _plain(axis, title):
    """A panel with a title, light lines and no box."""
    axis.set_title(title, fontsize=11, color=LIGHT["ink"], loc="left")
    axis.tick_params(colors=LIGHT["ink"], labelsize=11, color=LIGHT["line"])
    axis.grid(color=LIGHT["line"], linewidth=0.6)
    axis.spines[:].set_visible(False)


def _legend(figure, axis):
    """Name the lines of a panel, and of those like it, below all of them."""
    handles, labels = axis.get_legend_handles_labels()
    if len(labels) > 1:
        columns = 2 if len(labels) == 4 else len(labels)
        style = {"frameon": False, "fontsize": 11, "columnspacing": 1.4}
        figure.legend(
            handles, labels, loc="outside lower center", ncols=columns, **style
        )


def _scales(axis, ticks, log):
    if "x" in log:
        axis.set_xscale("log", base=2)
    axis.set_xticks(ticks, [f"{size:g}" for size in ticks])
    axis.xaxis.set_minor_formatter(NullFormatter())
    if "y" in log:
        axis.set_yscale("log")
        axis.yaxis.set_major_formatter("{x:g}")
        axis.tick_params(axis="y", which="minor", length=0)
        axis.yaxis.set_minor_formatter(NullFormatter())
    else:
        axis.set_ylim(bottom=0)


def table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows under their heads, each column as wide as it has to be."""
    texts = [[str(cell) for cell in row] for row in (heads, *rows)]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    for row in texts:
        print("  ".join(c.rjust(w) for c, w in zip(row, widths, strict=True)))


class Markdown:
    """A text with numbers in it, shown as Markdown; as it stands, everywhere else."""

    def __init__(self, text: str):
        self.text = text

    def _repr_markdown_(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return self.text


def spread(values: Sequence[float], form: str = ".2f") -> str:
    """The median and, in brackets, the smallest and the largest: `0.98 (0.97–0.99)`.

    Where one has a sign, a word stands between them: `-0.98 (-0.99 to -0.97)`.
    """
    middle, low, high = np.median(values), np.min(values), np.max(values)
    to = " to " if low < 0 or form.startswith("+") else "–"
    return f"{middle:{form}} ({low:{form}}{to}{high:{form}})"
