"""Masks: the triangle grows while the sentence is read, word by word."""

import numpy as np

from book.sentence import TOKENS

from .scene import Scene, Step
from .softmax import SCORES
from .stage import COLOURS, INK, LEFT, QUIET, RIGHT, WRONG, between, number
from .take import cast, ending, right

TOP = 68  # where the matrices begin
WIDTH = 50  # of a cell: room for a token above
ALLOWED = right("causal_mask")(len(TOKENS))
WEIGHTS = right("masked_softmax")(SCORES, ALLOWED)
EMPTY = np.zeros_like(ALLOWED[:1])  # a row in which nothing is allowed
WORDS = [120 + 130 * i for i in range(len(TOKENS))]
LINE = 348  # where the words of the sentence stand


def play_masked_softmax(masked_softmax):
    """Play `masked_softmax` while the sentence is read: S (n, m) -> A (n, m)."""
    actor = cast(masked_softmax)
    part = actor.play(SCORES, ALLOWED, expected=WEIGHTS)
    nothing = actor.play(SCORES[:1], EMPTY, expected=np.zeros((1, len(TOKENS))))
    return Scene(
        title="The triangle grows while the sentence is read",
        steps=_Play(part, nothing).steps(),
        text=(
            "On the left the scores S, on the right the weights A with the sum of each "
            "row. What a word may not see yet is minus infinity among its scores, and "
            "0 among its weights. Below, the sentence: arcs go from the word that is "
            "read to those that it listens to, the thicker the larger the weight."
        ),
        player=actor.line(part, nothing),
        still=-2,
        height=410,
    )


class _Play:
    def __init__(self, part, nothing):
        self.part, self.nothing, self.values = part, nothing, part.values

    def steps(self):
        steps = [
            Step(
                "In training the whole sentence lies there: every word has a score "
                "with every other one. But whoever reads from left to right has not "
                "read the rest.",
                lambda stage, t: self._stand(stage, -1, 1.0),
            )
        ]
        steps += [Step(self._told(i), self._reads(i), 1.4) for i in range(len(TOKENS))]
        steps.append(Step(self._closing(), self._end))
        steps.append(Step(self._nobody(), self._alone))
        return steps

    # The captions.

    def _told(self, i):
        seen = [f"“{token}”" for token in TOKENS[:i]]
        others = f"{', '.join(seen)} and itself" if seen else "itself alone"
        hidden = len(TOKENS) - 1 - i
        rest = (
            "Nothing of its row is hidden."
            if not hidden
            else f"The other {hidden} of its scores become −∞: their exp is 0."
            if hidden > 1
            else "The last of its scores becomes −∞: its exp is 0."
        )
        return f"“{TOKENS[i]}” is read, and may look at {others}. {rest}" + self._aside(
            i
        )

    def _aside(self, i):
        if not self.part.wrong[i].any():
            return ""
        told = ", ".join(number(v) for v in self.values[i])
        return f" Yours: {told}, sum {number(self.values[i].sum())}."

    def _closing(self):
        return ending(
            {"these weights": self.part},
            "A triangle of zeros is left, and every row still adds up to 1: what was "
            "hidden took nothing with it.",
        )

    def _nobody(self):
        told = "And a row in which nothing is allowed? All its weights should be 0."
        if not self.nothing.known:
            return f"{told} Yours: {self.nothing.problem}."
        if self.nothing.right:
            return f"{told} So they are."
        came = ", ".join(number(v) for v in self.nothing.values[0])
        return f"{told} Yours: {came}."

    # The pictures.

    def _reads(self, i):
        def draw(stage, t):
            self._stand(stage, i, t)
            self._sentence(stage, i, between(t, 0.4, 1))

        return draw

    def _stand(self, stage, last, t):
        """Scores and weights when the words up to `last` have been read."""
        done = np.arange(len(TOKENS))[:, None] <= last
        rows = np.arange(len(TOKENS))
        hidden = ~ALLOWED & ((rows < last) | ((rows == last) & (t > 0.25)))[:, None]
        shown = done & ((rows < last) | (t > 0.6))[:, None]
        lit = [last] if 0 <= last < len(TOKENS) and t < 1 else []
        style = {"rows": TOKENS, "columns": TOKENS, "width": WIDTH, "lit": lit}
        stage.matrix(
            np.where(hidden, -np.inf, SCORES),
            66,
            TOP,
            COLOURS["S"],
            "S",
            top=SCORES.max(),
            **style,
        )
        self._weights(stage, shown & np.ones(ALLOWED.shape, bool), style)

    def _weights(self, stage, shown, style):
        a = stage.matrix(
            self.values,
            RIGHT - 52 - 4 * WIDTH,
            TOP,
            COLOURS["A"],
            "A",
            shown=shown,
            **self.part.style,
            **style,
        )
        stage.text(RIGHT - 22, TOP - 13, "sum", colour=QUIET)
        for i in np.flatnonzero(shown.all(axis=1)):
            total = self.values[i].sum()
            ink = INK if np.isclose(total, 1) else WRONG
            spot = RIGHT - 22, a.centre(i, 0)[1]
            stage.text(*spot, number(total), colour=ink, weight="bold", id=f"sum {i}")

    def _sentence(self, stage, i, grown):
        for j, (token, x) in enumerate(zip(TOKENS, WORDS, strict=True)):
            read = j <= i
            weight = "bold" if j == i else "normal"
            ink = INK if read else QUIET
            stage.text(x, LINE, token if read else "…", colour=ink, weight=weight)
            weight = self.values[i, j] if self.part.known else WEIGHTS[i, j]
            if read and j < i and np.isfinite(weight) and weight > 0.01:
                width = 1 + 8 * min(float(weight), 1.0)
                rise = 24 + 26 * (i - j)
                stage.arc(
                    x,
                    WORDS[i],
                    LINE - 16,
                    rise * grown,
                    COLOURS["A"],
                    width,
                    id=f"arc {j}",
                )

    def _end(self, stage, t):
        self._stand(stage, len(TOKENS), 1.0)
        if not self.part.known:
            stage.failed(self.part, LEFT, 216, COLOURS["A"])
            return
        stage.says(
            66, 236, "Above the diagonal: nothing that a word has not read yet.", 520
        )

    def _alone(self, stage, t):
        style = {"columns": TOKENS, "width": WIDTH}
        stage.matrix(
            np.full((1, 4), -np.inf), 66, TOP, COLOURS["S"], "S", rows=("?",), **style
        )
        stage.matrix(
            self.nothing.values,
            RIGHT - 52 - 4 * WIDTH,
            TOP,
            COLOURS["A"],
            "A",
            rows=("?",),
            **self.nothing.style,
            **style,
        )
        if not self.nothing.known:
            stage.failed(self.nothing, LEFT, 140, COLOURS["A"])
        elif np.isnan(self.nothing.values).any():
            stage.text(66, 150, "−∞ − (−∞) is nan", align="left", colour=WRONG)
        else:
            stage.text(66, 150, "the maximum is −∞, the total is 0", align="left")
