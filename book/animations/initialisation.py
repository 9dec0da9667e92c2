"""Initialisation: the start that the learner draws, and what attention makes of it."""

from dataclasses import replace

import numpy as np

from .scene import Scene, Step
from .softmax import bar
from .stage import COLOURS, LEFT, QUIET, WRONG, between, number
from .take import cast, right

WIDTHS = (6, 24, 96, 384)  # values of d_model
HEADS, KEYS = 2, 8
X, LONG, HIGH = 130, 400, 40  # where the bars begin, how long and how high they are


def play_init_parameters(init_parameters):
    """Play `init_parameters` at four widths: what one word attends to at the start."""
    actor = cast(init_parameters)
    starts = [_Start(actor, d) for d in WIDTHS]
    return Scene(
        title="Where the weights start decides where the words look",
        steps=_Play(starts).steps(),
        text=(
            "Two bars, each cut into the eight weights that one random word gives to "
            "eight others. The upper one is made with the weights that the function "
            "draws, the lower one with the same weights at standard deviation 1. As "
            "the model gets wider, the upper bar stays evenly cut, and one piece of "
            "the lower one takes everything."
        ),
        player=actor.line(*(start.part for start in starts)),
        still=-2,
    )


class _Start:
    """One model: the W_q and W_k that the actor draws, and two rows of A."""

    def __init__(self, actor, d_model):
        self.part = _drawn(actor, d_model)
        self.d_model = d_model
        W_q, W_k = self.part.values
        with np.errstate(all="ignore"):
            self.spread = self.part.values.std()
            self.row = _row(W_q, W_k)
            self.large = _row(*(W / W.std() for W in (W_q, W_k)))

    @property
    def fits(self):
        """True where the numbers have about the size that they should have."""
        return self.part.known and 0.4 < self.spread * self.d_model**0.5 < 1.75


def _rng():
    return np.random.default_rng(3)


def _two(params):
    """What decides where a word looks: W_q and W_k, (2, d_model, d_model)."""
    return np.stack([np.asarray(params[name], float) for name in ("W_q", "W_k")])


def _drawn(actor, d_model):
    """What the actor draws; where that is of no use, what should have come.

    Any draw may be right. So the reference is asked then alone: its numbers are many,
    and a page does not hold them.
    """
    form = np.zeros((2, d_model, d_model))
    part = _only_two(actor).play(d_model, HEADS, expected=form)
    if part.known:
        return part
    return replace(part, values=_two(right("init_parameters")(d_model, HEADS, _rng())))


def _only_two(actor):
    """The same actor, asked for these two matrices alone."""

    def function(d_model, num_heads):
        params = actor.function(d_model, num_heads, _rng())
        return _two(params) if isinstance(params, dict) else params

    return type(actor)(function, actor.name, actor.reference)


def _row(W_q, W_k):
    """The weights of the first of eight random words: (m,)."""
    words = np.random.default_rng(7).standard_normal((KEYS, len(W_q)))
    scores = (words[:1] @ W_q) @ (words @ W_k).T
    scaled = right("scale")(scores, len(W_q))  # one head: as wide as the model
    return right("softmax")(scaled)[0]


class _Play:
    def __init__(self, starts):
        self.starts = starts

    def steps(self):
        steps = [
            Step(self._caption(k, start), self._grow(k), 1.44 if k else 0)
            for k, start in enumerate(self.starts)
        ]
        return [*steps, Step(self._closing(), self._end)]

    # The captions.

    def _caption(self, k, start):
        text = f"d_model = {start.d_model}. "
        if k == 0:
            text = f"A model of {start.d_model} features, before any training. "
        if not start.part.known:
            return f"{text}Yours: {start.part.problem}."
        return (
            f"{text}The weights have standard deviation {number(start.spread)}, and "
            f"the largest share is {number(start.row.max())}. With standard deviation "
            f"1 it would be {number(start.large.max())}."
        )

    def _closing(self):
        if all(start.fits for start in self.starts):
            return (
                "With weights of size 1/√d_model the attention starts spread out at "
                "every width, and softmax can still learn."
            )
        if any(not start.part.known for start in self.starts):
            return "Yours did not give the weights of every width."
        return (
            "Weights should start at about 1/√d_model, whatever d_model is. Yours "
            "start elsewhere."
        )

    # The pictures.

    def _grow(self, k):
        def draw(stage, t):
            go = between(t, 0, 0.85) if k else 1.0
            old, new = self.starts[max(k - 1, 0)], self.starts[k]
            stage.text(LEFT, 30, f"d_model = {new.d_model}", 24, "left", weight="bold")
            stage.text(LEFT, 64, "one word, eight keys", align="left", colour=QUIET)
            rows = (("drawn", "row", 104), ("at size 1", "large", 204))
            for label, what, y in rows:
                before, after = getattr(old, what), getattr(new, what)
                shares = after if t == 1 else before + (after - before) * go
                _share(stage, y, label, shares)
            if not new.part.known:
                told = "grey: yours gave no numbers"
                stage.text(LEFT, 304, told, 17, "left", WRONG)

        return draw

    def _end(self, stage, t):
        """The largest share for every width, drawn and at size 1."""
        stage.text(LEFT, 30, "largest share of eight", 19, "left", weight="bold")
        for x, label in ((110, "d_model"), (130, "drawn"), (390, "at size 1")):
            side = "right" if x == 110 else "left"
            stage.text(x, 74, label, align=side, colour=QUIET)
        for k, start in enumerate(self.starts):
            y = 96 + 58 * k
            stage.text(110, y + 18, str(start.d_model), align="right", weight="bold")
            for x, shares in ((130, start.row), (390, start.large)):
                largest = shares.max()
                if np.isfinite(largest):
                    bar(stage, x, y, [largest], 160, COLOURS["A"], 36, longest=1)
                stage.box(x, y, 160, 36, QUIET)
                stage.text(x + 170, y + 18, number(largest), align="left")


def _share(stage, y, label, shares):
    """One row of A as a bar of its eight shares."""
    stage.text(X - 10, y + HIGH / 2, label, align="right")
    if np.isfinite(shares).all():
        bar(stage, X, y, shares, LONG, COLOURS["A"], HIGH)
    stage.box(X, y, LONG, HIGH, QUIET)
    told = f"max {number(shares.max())}"
    stage.text(X + LONG + 14, y + HIGH / 2, told, align="left", weight="bold")
