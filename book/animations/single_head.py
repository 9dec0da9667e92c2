"""Single head: the whole workflow, from the tokens to the output."""

import numpy as np

from book.sentence import PARAMS, TOKENS, K, Q, V, X

from .one_query import (
    KEYS,
    OUTPUT,
    SCALED,
    SCORES,
    WEIGHTS,
    Place,
    Query,
    arcs,
    sentence,
)
from .scene import Scene, Step
from .softmax import WEIGHTS as RIGHT_WEIGHTS
from .stage import COLOURS, WRONG, between, cut, number
from .take import MARKED, cast, ending
from .weighted_sum import MIXED

FIRST = TOKENS.index("cat")
ROWS = {"Q": "query", "K": "row K", "V": "row V"}  # what they are on the stage
LETTERS = (("Q", Q, "W_q"), ("K", K, "W_k"), ("V", V, "W_v"))


def play_single_head_attention(single_head_attention):
    """Play the whole head on the sentence: X, params -> O (n, d_v), A (n, n)."""
    actor = cast(single_head_attention)
    parts = actor.play(X, PARAMS, expected=[MIXED, RIGHT_WEIGHTS])
    return Scene(
        title="One head, from the words to the output",
        steps=_Play(*parts).steps(),
        text=(
            "At the top the sentence. Below it one word is followed: three maps turn "
            "its row into a query, a key and a value. The query meets the key of every "
            "word; row by row that gives a score, a scaled score and a weight. Arcs "
            "over the sentence, as thick as the weights, show where the word looks. "
            "Streams from the values, equally thick, run into the output. At the end "
            "the weights and outputs of all words."
        ),
        player=actor.line(*parts),
        still=6,
        width=880,
        height=560,
        upright=(640, 730),
    )


class _Looks:
    """Where things stand, on a wide stage or on an upright one."""

    def __init__(self, stage):
        up = stage.upright
        wide = stage.width
        self.words = [wide * share for share in (0.14, 0.38, 0.62, 0.86)]
        self.line = 140 if not up else 150  # of the sentence
        self.tall = 30 if not up else 34
        self.size = 17 if not up else 20
        self.high = 32 if not up else 40
        cell = 38 if not up else 28
        self.row = (wide / 2 - 3 * cell, 186 if not up else 210, cell)
        lanes = (60, 326, 592) if not up else (16, 224, 432)
        self.lanes = [(x, 262 if not up else 300) for x in lanes]  # above each map
        self.map = 30 if not up else 34
        self.place = (
            Place(
                150,
                306,
                key=44,
                value=44,
                column=76,
                high=38,
                gap=40,
                size=20,
                result=76,
            )
            if not up
            else Place(
                76,
                360,
                key=38,
                value=40,
                column=64,
                high=46,
                gap=14,
                size=20,
                result=66,
            )
        )


class _Play:
    def __init__(self, outputs, weights):
        self.outputs, self.weights, i = outputs, weights, FIRST
        self.query = Query(
            i,
            Q[i],
            K,
            V,
            weights.values[i],
            outputs.values[i],
            (weights.wrong[i], outputs.wrong[i]),
            (weights.faded, outputs.faded),
        )

    def steps(self):
        cat, best = TOKENS[FIRST], TOKENS[int(RIGHT_WEIGHTS[FIRST].argmax())]
        share = number(RIGHT_WEIGHTS[FIRST].max())
        took = ", ".join(number(v) for v in MIXED[FIRST])
        return [
            Step(
                f"Four words, each with a row of six numbers. The row of “{cat}” says "
                f"nothing yet of {best}. Follow it.",
                self._tokens,
                1.2,
            ),
            Step(
                f"Project: “{cat}” goes through three maps, set by hand. Its query "
                "says what it looks for, its key what it offers, its value what it "
                "hands over.",
                self._project,
                2.4,
            ),
            Step(
                "Every word has a key and a value, made by the same maps.",
                self._gather,
                1.2,
            ),
            Step(
                f"Score: the query of “{cat}” meets each key: number times number, "
                "added up.",
                self._query(SCORES),
                2.4,
            ),
            Step(
                "Scale: each score is divided by √3, since queries are three numbers "
                "wide.",
                self._query(SCALED),
                1.8,
            ),
            Step(
                f"Softmax: the scores become shares of 1. “{cat}” gives {share} of its "
                f"attention to “{best}”." + self.weights.of_row(FIRST),
                self._query(WEIGHTS),
                2.4,
            ),
            Step(
                "Mix: each value is multiplied by its weight, and all are added up: "
                f"{took}." + self.outputs.of_row(FIRST),
                self._query(OUTPUT),
                2.4,
            ),
            Step(
                "All words do this at the same time. A row of A is one word's "
                "weights, a row of O its output.",
                self._all,
                3.2,
            ),
            Step(self._closing(), self._end),
        ]

    # The captions.

    def _closing(self):
        return ending(
            {"these outputs": self.outputs, "these weights": self.weights},
            "Four rows came in and four go out, each with the answer to what its word "
            "asked. That is attention with one head.",
            f"{MARKED} The step in which they first differ is the one to look at.",
        )

    # The pictures.

    def _top(self, stage, grown=0.0, i=FIRST, weights=None):
        """The sentence, with the arcs of word i."""
        looks = _Looks(stage)
        if grown and not self.weights.faded:
            row = self.weights.values[i] if weights is None else weights
            arcs(
                stage, looks.words, looks.line, i, row, COLOURS["A"], grown, looks.tall
            )
            for x, weight in zip(looks.words, row, strict=True):
                told, y = number(weight), looks.line + 34
                stage.text(x, y, told, looks.size, alpha=grown, id=f"share {x}")
        sentence(stage, looks.words, looks.line, i)
        return looks

    def _tokens(self, stage, t):
        """X below the sentence; then the row that is followed comes out of it."""
        looks = self._top(stage, i=FIRST if t > 0.5 else None)
        x, y, cell = stage.width / 2 - 3 * 40, looks.row[1], 40
        style = {"width": cell, "height": looks.high, "size": looks.size}
        go = between(t, 0.5, 1)
        stage.matrix(
            X,
            x,
            y + 60,
            COLOURS["X"],
            "X",
            rows=TOKENS,
            lit=[FIRST] if go else [],
            **style,
        )

    def _project(self, stage, t):
        """The row falls through three maps."""
        looks = self._top(stage)
        x, y, cell = looks.row
        style = {"height": looks.high, "size": looks.size}
        spread, fall = between(t, 0, 0.35), between(t, 0.45, 0.95)
        for (letter, values, name), (left, top) in zip(
            LETTERS, looks.lanes, strict=True
        ):
            W = PARAMS[name]
            columns = W.shape[1]
            own = 38 if columns == 3 else 46
            at = left + 3 * cell - columns * own / 2
            below = top + 6 * looks.map + 34
            # What comes out of the map was behind it.
            if fall > 0:
                row = values[[FIRST]]
                spot = below - (looks.high + 20) * (1 - fall)
                stage.matrix(
                    row,
                    at,
                    spot,
                    COLOURS[letter],
                    width=own,
                    id=ROWS[letter],
                    **style,
                )
            stage.box(
                at - 6, top - 4, columns * own + 12, 6 * looks.map + 8, "paper", "paper"
            )
            stage.matrix(
                W,
                at,
                top,
                COLOURS[letter],
                width=own,
                height=looks.map,
                learnt=True,
                size=looks.size,
                id=name,
            )
            stage.chip(at + columns * own + 10, top + 12, name, COLOURS[letter])
            if fall == 1:
                stage.chip(
                    at + columns * own + 10,
                    below + looks.high / 2,
                    letter,
                    COLOURS[letter],
                )
            high = y + (top - looks.high - 12 - y) * spread
            stage.matrix(
                X[[FIRST]],
                x + (left - x) * spread,
                high,
                COLOURS["X"],
                width=cell,
                of=([TOKENS[FIRST]], None),
                id=f"falls {letter}",
                **style,
            )

    def _gather(self, stage, t):
        """Query, key and value of the word go to their places; the others come."""
        looks = self._top(stage)
        place, go = looks.place, between(t, 0, 0.8)
        if go == 1:
            self.query.draw(stage, place, KEYS)
            return
        ends = (
            place.query,
            (place.x, place.y + FIRST * place.high),
            (place.columns[3], place.y + FIRST * place.high),
        )
        for (letter, values, name), (left, top), end in zip(
            LETTERS, looks.lanes, ends, strict=True
        ):
            columns = PARAMS[name].shape[1]
            own = 38 if columns == 3 else 46
            start = (
                left + 3 * looks.row[2] - columns * own / 2,
                top + 6 * looks.map + 34,
            )
            spot = [a + (b - a) * go for a, b in zip(start, end, strict=True)]
            wide = own + (place.key - own) * go
            high = looks.high + (place.high - looks.high) * go
            stage.matrix(
                values[[FIRST]],
                *spot,
                COLOURS[letter],
                width=wide,
                height=high,
                size=looks.size,
                id=ROWS[letter],
            )

    def _query(self, level):
        def draw(stage, t):
            grown = {WEIGHTS: between(t, 0.2, 1), OUTPUT: 1.0}.get(level, 0.0)
            looks = self._top(stage, grown)
            self.query.draw(stage, looks.place, level, t)

        return draw

    def _all(self, stage, t):
        """The weights and outputs of all words, one word after the other."""
        i = min(int(4 * t), 3)
        looks = self._top(stage, between(4 * t - i, 0, 0.6), i)
        count = i + (4 * t - i > 0.5)
        self._tables(stage, looks, np.arange(4)[:, None] < max(count, 4 * (t == 1)), i)

    def _tables(self, stage, looks, shown, i=None):
        up = stage.upright
        y = looks.line + 110
        style = {"rows": TOKENS, "height": looks.high, "size": looks.size}
        lit = [] if i is None else [i]
        left, wide, far = (130, 74, 610) if not up else (76, 60, 470)
        stage.matrix(
            self.weights.values,
            left,
            y,
            COLOURS["A"],
            "A",
            width=wide,
            columns=TOKENS,
            shown=np.broadcast_to(shown, RIGHT_WEIGHTS.shape),
            lit=lit,
            top=1,
            **self.weights.style,
            **style,
        )
        stage.matrix(
            self.outputs.values,
            far,
            y,
            COLOURS["O"],
            "O",
            width=66,
            shown=np.broadcast_to(shown, MIXED.shape),
            lit=lit,
            lift=40,
            **self.outputs.style,
            **(style | ({"rows": None} if up else {})),
        )

    def _end(self, stage, t):
        looks = self._top(stage, i=None)
        for i in range(4):
            if not self.weights.faded:
                row = self.weights.values[i]
                arcs(
                    stage,
                    looks.words,
                    looks.line,
                    i,
                    row * (row > 0.3),
                    COLOURS["A"],
                    tall=looks.tall,
                )
        self._tables(stage, looks, np.ones((4, 1), bool))
        problems = [p for p in (self.outputs, self.weights) if not p.known]
        if problems:
            told = "Yours: " + cut(problems[0].problem, 70)
            stage.says(30, looks.line + 300, told, 560, WRONG, "bold")
