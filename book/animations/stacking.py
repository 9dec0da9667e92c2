"""Stacking: the maps of all heads, laid side by side, are one map."""

import numpy as np

from book.sentence import FEATURES, HEADS_PARAMS, TOKENS, X

from .scene import Scene, Step
from .stage import COLOURS, LEFT, between
from .take import cast, ending

BIG = HEADS_PARAMS["W_q"]  # (d_model, h·d_k)
SMALL = np.stack(np.split(BIG, 2, axis=1))  # (h, d_model, d_k)
HIGH, WIDE = 24, 32
TOP, LOW = 44, 262
PLACES = (94, 214)  # where the maps of the heads stand
TARGET = 418  # where the big map stands


def play_stack_projections(stack_projections):
    """Play `stack_projections` on two heads: (h, d_model, d_k) -> (d_model, h·d_k)."""
    actor = cast(stack_projections)
    part = actor.play(SMALL, expected=BIG)
    return Scene(
        title="Many small maps are one big map",
        steps=_Play(part).steps(),
        text=(
            "Above on the left the weights of two heads, on the right one "
            "matrix in which they stand side by side. Below the tokens X and what the "
            "maps make of them: first in two pieces, then the same numbers in one."
        ),
        player=actor.line(part),
        height=424,
    )


class _Play:
    def __init__(self, part):
        self.part = part

    def steps(self):
        return [
            Step(
                "Two heads, and each has its own small map for the queries: "
                "6 features in, 3 out.",
                lambda stage, t: self._stand(stage, 0),
            ),
            Step(
                "Each head sends the whole row of every token through its own map. "
                "No head gets a slice of X.",
                lambda stage, t: self._products(stage, 0, t),
                1.2,
            ),
            Step(
                "Lay the two maps side by side. One head is three columns of the big "
                "map: a product of matrices treats every column on its own."
                + self.part.aside,
                self._slide,
                1.44,
            ),
            Step(
                "So one product with the big map gives what the two products gave, "
                "side by side. That is why there is one W_q, not h of them.",
                self._join,
                0.96,
            ),
            Step(self._closing(), self._end),
        ]

    def _closing(self):
        return ending(
            {"the big map": self.part},
            "The number of heads changes nothing here: two heads of width 3 have as "
            "many weights as one of width 6.",
            "In yours the marked weights stand at other places.",
        )

    # The pictures.

    def _stand(self, stage, done, gap=True):
        """The maps of the heads and, when it is done, the big one."""
        for k, (x, W) in enumerate(zip(PLACES, SMALL, strict=True)):
            stage.matrix(
                W,
                x,
                TOP,
                COLOURS["Q"],
                f"head {k + 1}",
                "",
                rows=FEATURES if k == 0 else None,
                width=WIDE,
                height=HIGH,
                learnt=True,
                lift=20,
                top=3,
            )
        if not done:
            stage.box(TARGET, TOP, 6 * WIDE, 6 * HIGH, linestyle=(0, (2, 3)))
            return
        stage.matrix(
            self.part.values,
            TARGET,
            TOP,
            COLOURS["Q"],
            "W_q",
            width=WIDE,
            height=HIGH,
            learnt=True,
            lift=20,
            top=3,
            **self.part.style,
        )

    def _products(self, stage, done, t, gap=22.0, name=None):
        """X and what each head's map makes of it, row after row."""
        self._stand(stage, done)
        style = {"width": WIDE, "height": HIGH, "lift": 20}
        row = min(int(t * 4), 3)
        lit = [row] if t < 1 else []
        stage.matrix(X, 66, LOW, COLOURS["X"], "X", rows=TOKENS, lit=lit, **style)
        stage.arrow((268, LOW + 48), (318, LOW + 48))
        for k, W in enumerate(SMALL):
            product = X @ W  # without the bias, as by hand
            shown = np.zeros(product.shape, bool)
            shown[: round(4 * t)] = True
            x = 330 + k * (3 * WIDE + gap)
            label = f"head {k + 1}" if name is None else (name if k == 0 else None)
            note = "" if name is None else "(4, 6)"
            stage.matrix(
                product,
                x,
                LOW,
                COLOURS["Q"],
                label,
                note,
                shown=shown,
                lit=lit,
                **style,
            )

    def _slide(self, stage, t):
        self._products(stage, t == 1, 1.0)
        if t == 1:
            return
        go = between(t, 0.05, 0.9)
        for k, (x, W) in enumerate(zip(PLACES, SMALL, strict=True)):
            end = TARGET + 3 * WIDE * k
            stage.matrix(
                W,
                x + (end - x) * go,
                TOP,
                COLOURS["Q"],
                width=WIDE,
                height=HIGH,
                learnt=True,
                top=3,
            )

    def _join(self, stage, t):
        self._products(stage, 1, 1.0, gap=22 * (1 - between(t, 0, 0.9)), name="X·W_q")

    def _end(self, stage, t):
        if self.part.known:
            self._join(stage, 1.0)
            return
        self._stand(stage, 1)
        stage.failed(self.part, LEFT, 224, COLOURS["Q"], rows=3)
