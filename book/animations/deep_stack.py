"""A deep stack: signals on their way up, gradients on their way down."""

import numpy as np

from book.palette import FULLEST, mix

from .scene import Scene, Step
from .stage import COLOURS, INK, LEFT, PAPER, QUIET

WIDTH, HEIGHT, X, TOP = 39, 44, 112, 112
NAMES = {  # the variant -> two short lines
    "both": ("residual", "and norm"),
    "residual only": ("residual", "only"),
    "norm only": ("norm only", ""),
    "neither": ("neither", ""),
}
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
            "A table with a row for each kind of block: with residual connection and "
            "layer norm, with one of them, with neither. A column is a layer. It is "
            "filled three times: with how different the tokens are, with how long the "
            "vectors are, both from left to right; and with the gradients, from right "
            "to left."
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
    layers = values.shape[1]
    columns = np.arange(layers)
    known = columns >= layers - count if backwards else columns < count
    shown = np.broadcast_to(known, values.shape)
    stage.text(LEFT, 30, QUESTIONS[what], 19, "left", weight="bold")
    labels = [f"{k + (1 if backwards else 0)}" for k in columns]
    colour = COLOURS["O" if backwards else "X"]
    size = np.log10(np.maximum(values, 1e-3)) + 3 if what != "apart" else values
    grid = stage.matrix(
        np.where(shown, size, 0),
        X,
        TOP,
        colour,
        width=WIDTH,
        height=HEIGHT,
        shown=np.zeros(values.shape, bool),
        columns=labels,
    )
    stage.text(X - 8, TOP - 13, "layer", align="right", colour=QUIET)
    top = 8 if what != "apart" else 1
    for i, j in np.argwhere(shown):
        x, y = grid.corner(i, j)
        tint = 0.08 + (FULLEST - 0.08) * min(size[i, j] / top, 1)
        fill = mix(PAPER, colour, tint)
        stage.box(x, y, WIDTH, HEIGHT, QUIET, fill, 0.6)
        stage.text(x + WIDTH / 2, y + HEIGHT / 2, _short(values[i, j]))
    for i, (first, second) in enumerate(NAMES.values()):
        y = grid.centre(i, 0)[1]
        lines = ((first, y - 10), (second, y + 10)) if second else ((first, y),)
        for line, height in lines:
            stage.text(X - 8, height, line, align="right", colour=INK)
    way = (
        "from the last layer back to the first" if backwards else "from layer to layer"
    )
    arrow = (grid.right, grid.x) if backwards else (grid.x, grid.right)
    y = grid.bottom + 22
    stage.arrow((arrow[0], y), (arrow[1], y))
    stage.text((grid.x + grid.right) / 2, y + 20, way, colour=QUIET)


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
        "Twelve blocks that have learnt nothing yet. A number says how different the "
        "tokens of a sentence are: 0 means that all are the same.",
        lambda v: (
            "Without a residual connection, nothing tells the tokens apart after a few "
            "blocks. With residual and norm, "
            f"{_row(v, 'both')[-1]:.2f} is left after twelve."
        ),
    ),
    "size": (
        "The same sentences. Now a number says how long the vectors are.",
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
