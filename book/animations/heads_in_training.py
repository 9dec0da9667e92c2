"""Heads in training: the attention maps of a real run, at some of its steps."""

import numpy as np

from book.palette import mix

from .scene import Scene, Step
from .stage import COLOURS, INK, LEFT, PAPER, QUIET, between
from .take import cast

SIDE = 208  # of a map on the stage
TOP = 84


def play_heads_in_training(layer, history):
    """Play what a training has recorded, whatever class was trained.

    layer: the class. history: for some steps (step, loss, share right, A (h, n, n)).
    """
    actor = cast(layer)
    history = [(s, loss, right, np.asarray(A)[:2]) for s, loss, right, A in history]
    steps = [
        Step(_caption(k, history), _shows(k, history), 1.2 if k else 0)
        for k in range(len(history))
    ]
    whose = "the reference" if actor.reference else f"your {actor.name}"
    return Scene(
        title="Attention maps take shape during training",
        steps=steps,
        text=(
            "Two maps side by side, one for each of the first two heads. A row is the "
            "place that asks, a column the place that is looked at; darker is more "
            "attention. At first there is no pattern. In the end, in a head that has "
            "learnt the task, the diagonal from bottom left to top right is dark: each "
            "place looks at its mirror image. A bar below shows how many tokens are "
            "right."
        ),
        player=f"A real training of {whose}",
    )


def _caption(k, history):
    step, loss, right, A = history[k]
    told = (
        f"Step {step}: the loss is {loss:.3f}, and {right:.0%} of the tokens are right."
    )
    mirrored = np.mean([np.fliplr(a).diagonal().mean() for a in A])
    told += f" A place gives {mirrored:.0%} of its attention to its mirror image."
    if k == 0:
        told += f" Even shares would be {1 / A.shape[-1]:.1%}."
    return told


def _shows(k, history):
    def draw(stage, t):
        now, before = history[k], history[max(k - 1, 0)]
        go = between(t, 0, 0.85) if k else 1.0
        _, _, right, A = (b + (n - b) * go for b, n in zip(before, now, strict=True))
        # Of what lies between, nothing was recorded: no number is told.
        told = f"step {now[0]}" if go == 1 else f"step {before[0]} to {now[0]}"
        stage.text(LEFT, 26, told, 24, "left", weight="bold", id="step")
        for head, weights in enumerate(A):
            _map(stage, weights, 76 + head * 276, head)
        _bar(stage, right, go == 1)

    return draw


def _map(stage, weights, x, head):
    n = len(weights)
    cell = SIDE / n
    stage.text(x + SIDE / 2, TOP - 24, f"head {head + 1}", weight="bold")
    places = [str(k) for k in range(n)]
    stage.shades(
        np.clip(np.nan_to_num(weights), 0, 1),
        x,
        TOP,
        cell,
        cell,
        COLOURS["A"],
        of=(places, places),
        name=f"head {head + 1}",
    )
    if head == 0:
        for i in (0, n - 1):
            y = TOP + (i + 0.5) * cell
            stage.text(x - 8, y, f"{i}", align="right", colour=QUIET)
        stage.text(x - 26, TOP + SIDE / 2, "asks", align="right", colour=QUIET)
    stage.text(x + SIDE / 2, TOP + SIDE + 14, "is looked at", colour=QUIET)


def _bar(stage, right, told):
    y = 342
    stage.text(LEFT, y, "right", align="left")
    stage.box(76, y - 11, 484, 22)
    fill = mix(COLOURS["Y"], PAPER, 0.25)
    stage.box(76, y - 11, max(484 * right, 1), 22, INK, fill, 1)
    if told:
        stage.text(572, y, f"{right:.0%}", align="left", weight="bold")
