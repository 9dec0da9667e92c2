"""The charts of the experiments: what was measured, against what was varied.

A chart is drawn in the colours of the stage, is narrow enough for a phone, and says in
words what it shows. It is an SVG, so it stays sharp at every size and in print.
"""

import base64
import io
from collections.abc import Mapping, Sequence
from html import escape

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from book.animations.painter import quiet_style
from book.palette import LIGHT, mix, paint

WIDTH = 4.6  # inches; letters of 11 points are then readable on a phone
PAPER = (  # a chart is drawn on white, in a dark page too
    "max-width:100%;height:auto;box-sizing:border-box;padding:8px;background:#fff;"
    f"border:1px solid {LIGHT['line']};border-radius:4px"
)
LOOKS = (  # of the first line of a panel, the second, the third, the fourth
    {"color": LIGHT["quiet"], "linestyle": (0, (4, 2)), "marker": "s"},
    {"color": paint(mix("S", "ink", 0.35)), "linestyle": "-", "marker": "o"},
    {"color": LIGHT["O"], "linestyle": ":", "marker": "^"},
    {"color": paint(mix("V", "ink", 0.2)), "linestyle": "-.", "marker": "D"},
)


class Chart:
    """A figure with its description; it shows itself in JupyterLab and in the book."""

    def __init__(self, figure: Figure, alternative: str):
        self.figure, self.alternative = figure, " ".join(alternative.split())

    def _repr_html_(self) -> str:
        data = base64.b64encode(self.svg()).decode()
        width = round(self.figure.get_figwidth() * 100)
        return (
            f'<img class="chart" alt="{escape(self.alternative)}" '
            f'style="width:{width}px;{PAPER}" '
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
        axes[0].legend(frameon=False, fontsize=11)
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
        figure.legend(
            *axes[0].get_legend_handles_labels(),
            loc="outside upper center",
            ncols=2,
            frameon=False,
            fontsize=11,
        )
    told = (
        f"{title}: {label} {numbers[0]:.1e} after the first block, "
        f"{numbers[-1]:.1e} after the last"
        for title, lines in panels.items()
        for label, numbers in lines.items()
    )
    return Chart(figure, f"Measured block after block. {'; '.join(told)}.")


def _plain(axis, title: str) -> None:
    """A panel with a title, light lines and no box."""
    axis.set_title(title, fontsize=11, color=LIGHT["ink"], loc="left")
    axis.tick_params(colors=LIGHT["ink"], labelsize=11, color=LIGHT["line"])
    axis.grid(color=LIGHT["line"], linewidth=0.6)
    axis.spines[:].set_visible(False)


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
