"""Parallel heads: the same workflow in every head, at the same time."""

import numpy as np

from book.palette import HEADS as HEAD_COLOURS
from book.sentence import HEADS, TOKENS
from book.sentence import HEADS_K as K
from book.sentence import HEADS_Q as Q
from book.sentence import HEADS_V as V

from .one_query import arcs, sentence
from .scene import Scene, Step
from .stage import COLOURS, LEFT, QUIET, WRONG, between, cut
from .take import cast, ending, right

H = len(HEADS)


OUTPUTS, WEIGHTS = right("attend_in_parallel")(Q, K, V)  # (h, n, d_v), (h, n, n)

HIGH = 23
LINE, TALL = 118, 14  # where the sentence stands, and how high its bows are
ROWS = (172, 300, 428)  # where the rows of matrices begin
LANES = (62, 370)  # where the heads stand
FIRST = TOKENS.index("cat")


def play_attend_in_parallel(attend_in_parallel):
    """Play all heads at once: Q, K, V (h, n, d_k) -> O (h, n, d_v), A (h, n, m)."""
    actor = cast(attend_in_parallel)
    outputs, weights = actor.play(Q, K, V, expected=[OUTPUTS, WEIGHTS])
    return Scene(
        title="Every head attends, at the same time",
        steps=_Play(outputs, weights).steps(),
        text=(
            "Two heads side by side. In each of them from above: the sentence with an "
            "arc for each weight of the word that has its turn, queries, keys and "
            "values, then the weights A, then the outputs O. Both are filled in at the "
            "same time, row by row, and neither looks at the other."
        ),
        player=actor.line(outputs, weights),
        height=560,
    )


class _Play:
    def __init__(self, outputs, weights):
        self.outputs, self.weights = outputs, weights

    def steps(self):
        best = [TOKENS[int(WEIGHTS[k, FIRST].argmax())] for k in range(H)]
        cat, looks = TOKENS[FIRST], "looks" if self.weights.right else "should look"
        return [
            Step(
                f"Two heads, each with its own queries, keys and values. Head 1 asks "
                f"“{HEADS[0]}”, head 2 asks “{HEADS[1]}”",
                self._draw(0),
            ),
            Step(
                "Scores, scaling and softmax as in one head, in both heads at the same "
                "time: the first axis just comes along." + self.weights.aside,
                self._draw(1),
                1.92,
            ),
            Step(
                f"The same token {looks} elsewhere in each head: “{cat}” at "
                f"“{best[0]}” in head 1, at “{best[1]}” in head 2.",
                self._draw(1, FIRST),
                1.2,
            ),
            Step(
                "Each head mixes its own values by its own weights."
                + self.outputs.aside,
                self._draw(2),
                1.92,
            ),
            Step(self._closing(), self._end),
        ]

    # The captions.

    def _closing(self):
        return ending(
            {"these outputs": self.outputs, "these weights": self.weights},
            "No head has seen any other. What head 1 found about a token and what "
            "head 2 found about it still have to be brought together.",
        )

    # The pictures.

    def _draw(self, level, i=None):
        def draw(stage, t):
            for k, x in enumerate(LANES):
                self._lane(stage, k, x, level, t, i)

        return draw

    def _lane(self, stage, k, x, level, t, i):
        """One head: how far it has come."""
        end = stage.chip(x, 24, f"head {k + 1}", HEAD_COLOURS[k])
        stage.text(end + 10, 24, HEADS[k], 17, "left", colour=QUIET)
        lit = [] if i is None else [i]
        row = min(int(t * 4), 3)
        self._bows(stage, k, x, level, t, i)
        now = lambda at: [row] if level == at and t < 1 else lit  # noqa: E731
        style = {"height": HIGH, "lift": 18}
        for c, (letter, values) in enumerate((("Q", Q), ("K", K), ("V", V))):
            stage.matrix(
                values[k],
                x + 80 * c,
                ROWS[0],
                COLOURS[letter],
                letter,
                "",
                rows=TOKENS if c == 0 else None,
                width=28 if letter == "V" else 25,
                lit=now(1) if letter == "Q" else [],
                **style,
            )
        for at, (letter, part, wide) in enumerate(
            (("A", self.weights, 48), ("O", self.outputs, 56)), 1
        ):
            if level < at:
                continue
            shown = np.zeros(part.values[k].shape, bool)
            shown[: round(4 * t) if level == at and i is None else 4] = True
            stage.matrix(
                part.values[k],
                x,
                ROWS[at],
                COLOURS[letter],
                letter,
                "",
                rows=TOKENS,
                width=wide,
                shown=shown,
                wrong=part.wrong[k],
                faded=part.faded,
                lit=now(at) if at == 1 or i is None else [],
                **style,
            )

    def _bows(self, stage, k, x, level, t, i):
        """Over the sentence, where the word looks that has its turn."""
        places = [x + 24 + 66 * j for j in range(len(TOKENS))]
        asks = min(int(t * 4), 3) if level == 1 and i is None and t < 1 else i
        if asks is not None and self.weights.known:
            grown = between(t * 4 - asks, 0, 0.6) if i is None else between(t, 0, 0.7)
            row = self.weights.values[k, asks]
            arcs(stage, places, LINE, asks, row, HEAD_COLOURS[k], grown, TALL)
        sentence(stage, places, LINE, asks, 17)

    def _end(self, stage, t):
        self._draw(2)(stage, 1.0)
        problems = [p for p in (self.outputs, self.weights) if not p.known]
        if problems:
            told = "Yours: " + cut(problems[0].problem, 56)
            stage.text(LEFT, 52, told, align="left", colour=WRONG, weight="bold")
