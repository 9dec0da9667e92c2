"""A deep stack: signals on their way up, gradients on their way down."""

from itertools import pairwise

import numpy as np

from book.palette import mix

from .scene import Scene, Step
from .stage import INK, LEFT, LINE, QUIET

LEFT_END, RIGHT_END, TOP, LOW = 84, 386, 74, 306  # where the lines run
LOOKS = {  # the variant -> what it is called, and how its line looks, as in the chart
    "both": ("residual and norm", {"colour": INK}),
    "residual only": ("residual only", {"colour": mix("head2", INK, 0.35)}),
    "norm only": ("norm only", {"colour": QUIET, "linestyle": "dashed"}),
    "neither": ("neither", {"colour": "head1", "linestyle": "dashed"}),
}
NAMES = tuple(LOOKS)
QUESTIONS = {
    "apart": "How different are the tokens of a sentence?",
    "size": "How long are the vectors, in units of the first?",
    "gradient": "How large is the gradient of W_v?",
}


def play_deep_stack(found):
    """Play what goes through untrained stacks.

    found: variant -> "apart", "size" (seeds, layers + 1), "gradient" (seeds, layers).
    """
    middle = {
        what: np.array([np.median(found[name][what], axis=0) for name in NAMES])
        for what in QUESTIONS
    }
    steps = [
        step for what, values in middle.items() for step in _steps_of(what, values)
    ]
    return Scene(
        title="Signals and gradients in a stack of blocks",
        steps=steps,
        text=(
            "A line for each kind of block: with residual connection and layer norm, "
            "with one of them, with neither. The lines run from layer to layer, three "
            "times: how different the tokens are, how long the vectors are, both from "
            "left to right; and the gradients, from right to left."
        ),
        player="Stacks before training, the median of several seeds",
        still=1,
    )


def _steps_of(what, values):
    layers = values.shape[1]
    backwards = what == "gradient"

    def fills(start, stop):
        def draw(stage, t):
            count = start + round((stop - start) * min(1, t * 1.1))
            _draw(stage, what, values, count, backwards)

        return draw

    half = layers // 3
    first, last = CAPTIONS[what]
    return [
        Step(first, fills(0, half), 0.96),
        Step(last(values), fills(half, layers), 1.92),
    ]


def _draw(stage, what, values, count, backwards):
    """The lines as far as they have come: so many layers, from either side."""
    layers = values.shape[1]
    stage.text(LEFT, 30, QUESTIONS[what], 19, "left", weight="bold")
    heights = values if what == "apart" else np.log10(np.maximum(values, 1e-3))
    low, high = min(heights.min(), 0), max(heights.max(), 1)
    across = np.linspace(LEFT_END, RIGHT_END, layers)
    down = LOW - (heights - low) / (high - low) * (LOW - TOP)
    _frame(stage, what, layers, low, high, across, backwards)
    first, last = (layers - count, layers) if backwards else (0, count)
    if last <= first:
        return
    tip = first if backwards else last - 1
    told = [
        (name, f"{_short(v)}") for name, v in zip(NAMES, values[:, tip], strict=True)
    ]
    for (name, _), y in zip(told, down, strict=True):
        style = LOOKS[name][1]
        if last - first > 1:
            stage.line(across[first:last], y[first:last], width=2.6, id=name, **style)
        spot, colour = ([across[tip]], [y[tip]]), style["colour"]
        stage.line(*spot, colour, marker="o", markersize=9, id=name)
    for (name, number), y in zip(told, _apart(down[:, tip]), strict=True):
        stage.text(RIGHT_END + 14, y, number, align="left", weight="bold", id=name)
        stage.text(RIGHT_END + 66, y, LOOKS[name][0], align="left", id=f"{name} is")


def _frame(stage, what, layers, low, high, across, backwards):
    """The axes: layers from left to right, sizes from below."""
    stage.line([LEFT_END, RIGHT_END], [LOW, LOW], QUIET, 1.2, id="layers")
    for j in range(0, layers, 2 if layers > 8 else 1):
        stage.text(
            across[j], LOW + 17, f"{j + backwards}", colour=QUIET, id=f"layer {j}"
        )
    stage.text(LEFT_END - 34, LOW + 17, "layer", align="right", colour=QUIET)
    marks = (0, 0.5, 1) if what == "apart" else range(int(np.ceil(low)), int(high) + 1)
    for mark in marks:
        y = LOW - (mark - low) / (high - low) * (LOW - TOP)
        told = f"{mark:g}" if what == "apart" else f"{10.0**mark:,g}"
        stage.line([LEFT_END, RIGHT_END], [y, y], LINE, 1, id=f"level {mark}")
        stage.text(LEFT_END - 8, y, told, align="right", colour=QUIET)
    ends = (RIGHT_END, LEFT_END) if backwards else (LEFT_END, RIGHT_END)
    stage.arrow((ends[0], LOW + 38), (ends[1], LOW + 38), id="way")


def _apart(heights, least=24.0):
    """The same heights, moved so that lines of text find room, in their order."""
    order = np.argsort(heights)
    placed = np.array(heights, dtype=float)
    for above, below in pairwise(order):
        placed[below] = max(placed[below], placed[above] + least)
    placed[order[-1]] = min(placed[order[-1]], LOW)
    for below, above in pairwise(order[::-1]):
        placed[above] = min(placed[above], placed[below] - least)
    return placed


def _short(value):
    """At most three signs: 0.86 as .86, 51, 1e5."""
    if value < 0.005:
        return "0"
    if value < 0.995:
        return f"{value:.2f}"[1:]
    if value < 9.95:
        return f"{value:.1f}"
    return f"{value:.0f}" if value < 999.5 else f"{value:.0e}".replace("e+0", "e")


def _row(values, name):
    return values[list(NAMES).index(name)]


CAPTIONS = {
    "apart": (
        "Twelve blocks that have learnt nothing yet. The height says how different the "
        "tokens of a sentence are: 0 means that all are the same.",
        lambda v: (
            "Without a residual connection, nothing tells the tokens apart after a few "
            "blocks. With residual and norm, "
            f"{_row(v, 'both')[-1]:.2f} is left after twelve."
        ),
    ),
    "size": (
        "The same sentences. Now the height says how long the vectors are. Each line "
        "of the grid is ten times the one below.",
        lambda v: (
            "With a residual connection and no norm, each block adds something: after "
            f"twelve the vectors are {_row(v, 'residual only')[-1]:.0f} times as "
            "long. Layer norm keeps them at one length."
        ),
    ),
    "gradient": (
        "And back again, from the loss to the first block: the gradients that training "
        "would follow.",
        lambda v: (
            "With the residual connection alone they grow on the way back, from "
            f"{_row(v, 'residual only')[-1]:,.0f} in the last block to "
            f"{_row(v, 'residual only')[0]:,.0f} in the first. With both they are "
            "alike everywhere."
        ),
    ),
}
