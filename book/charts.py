"""The charts of the experiments: what was measured, against what was varied.

A chart is as wide as the text, can be read on a phone, and says in words what it shows.
Its lines have colours, dashes and marks of their own: those of Q, K, V, S, A and O stay
with what they stand for. It is an SVG, so it stays sharp at every size and in print.
"""

import base64
import io
from collections.abc import Mapping, Sequence
from html import escape

import matplotlib
import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from book.animations.painter import quiet_style
from book.palette import LIGHT, mix, paint

WIDTH = 6.0  # inches: letters of 11 points have 9 pixels, then, on a narrow phone
PAPER = (  # a chart is drawn on white, in a dark page too
    "width:100%;max-width:45rem;height:auto;box-sizing:border-box;padding:8px;"
    f"background:#fff;border:1px solid {LIGHT['line']};border-radius:4px"
)
LOOKS = (  # of the first line of a panel, the second, the third, the fourth
    {"color": LIGHT["ink"], "linestyle": "-", "marker": "o"},
    {"color": LIGHT["head1"], "linestyle": (0, (5, 1)), "marker": "^"},
    {
        "color": paint(mix("head2", "ink", 0.35)),
        "linestyle": (0, (3, 1, 1, 1)),
        "marker": "s",
    },
    {"color": LIGHT["quiet"], "linestyle": (0, (1, 1)), "marker": "D"},
)
EXPECTED = {  # drawn above what is measured, which may lie on it
    "color": LIGHT["quiet"],
    "linestyle": (0, (2, 2)),
    "marker": None,
    "zorder": 3,
}


class Chart:
    """A figure with its description; it shows itself in JupyterLab and in the book."""

    def __init__(self, figure: Figure, alternative: str):
        self.figure, self.alternative = figure, " ".join(alternative.split())

    def _repr_html_(self) -> str:
        data = base64.b64encode(self.svg()).decode()
        return (
            f'<img class="chart" alt="{escape(self.alternative)}" style="{PAPER}" '
            f'src="data:image/svg+xml;base64,{data}">'
        )

    def __repr__(self) -> str:
        return self.alternative

    def svg(self) -> bytes:
        """The picture as the bytes of an SVG file, the same ones at every run."""
        file = io.BytesIO()
        with matplotlib.rc_context({"svg.hashsalt": "book"}):
            self.figure.savefig(file, format="svg", metadata={"Date": None})
        return file.getvalue()


def against_size(
    name: str,
    sizes: Sequence[int],
    panels: Mapping[str, Mapping[str, Sequence[float]]],
) -> Chart:
    """One panel under the other: lines of measured numbers against a size.

    name: what the sizes are called. panels: title -> {label of a line -> numbers, one
    for each size}. The axis of sizes is logarithmic.
    """
    with quiet_style():
        figure = Figure(figsize=(WIDTH, 2.3 * len(panels)), layout="constrained")
        axes = np.atleast_1d(figure.subplots(len(panels), 1, sharex=True))
        for axis, (title, lines) in zip(axes, panels.items(), strict=True):
            _plain(axis, title)
            axis.set_xscale("log")
            axis.set_xticks(sizes, [f"{size}" for size in sizes])
            axis.minorticks_off()
            for look, (label, numbers) in zip(LOOKS, lines.items(), strict=False):
                axis.plot(sizes, numbers, linewidth=2.2, label=label, **look)
            axis.set_ylim(bottom=0)
        _legend(figure, axes[0])
        axes[-1].set_xlabel(name, fontsize=11, color=LIGHT["ink"])
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
    with quiet_style():
        figure = Figure(figsize=(WIDTH, 0.7 + 2.1 * len(panels)), layout="constrained")
        axes = np.atleast_1d(figure.subplots(len(panels), 1, sharex=True))
        for axis, (title, lines), span in zip(axes, panels.items(), spans, strict=True):
            _plain(axis, title)
            axis.set_yscale("log")
            axis.set_ylim(*span)
            for look, (label, numbers) in zip(LOOKS, lines.items(), strict=False):
                blocks = range(1, len(numbers) + 1)
                axis.plot(
                    blocks, numbers, linewidth=2.2, markevery=4, label=label, **look
                )
        axes[-1].set_xlabel("block", fontsize=11, color=LIGHT["ink"])
        _legend(figure, axes[0])
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
    with quiet_style():
        figure = Figure(figsize=(WIDTH, 3.9), layout="constrained")
        axis = figure.subplots()
        _plain(axis, "")
        axis.set_xlabel(axes[0], fontsize=11, color=LIGHT["ink"])
        axis.set_ylabel(axes[1], fontsize=11, color=LIGHT["ink"])
        axis.margins(0.22, 0.12)
        x, y = np.transpose(list(points.values()))
        axis.plot(x, y, "o", color=LIGHT["V"], markersize=11)
        axis.plot(*path.T, "-", color=LIGHT["O"], linewidth=2.2)
        axis.plot(*path[[0, -1]].T, "D", color=LIGHT["O"], markersize=7)
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
                fontsize=11,
                color=LIGHT["ink"],
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


def _plain(axis, title: str) -> None:
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
