"""Single head: the whole workflow, from the tokens to the output."""

import numpy as np

from book.sentence import ASKS_FOR, CARRIES, FEATURES, PARAMS, TOKENS, K, Q, V, X

from .one_query import (
    KEYS,
    OUTPUT,
    SCALED,
    SCORES,
    WEIGHTS,
    Place,
    Query,
    arcs,
    one_by_one,
    sentence,
)
from .scene import Scene, Step
from .softmax import WEIGHTS as RIGHT_WEIGHTS
from .stage import COLOURS, QUIET, WRONG, between, cut, number
from .take import MARKED, cast, ending
from .weighted_sum import MIXED

FIRST = TOKENS.index("cat")
ROWS = {"Q": "query", "K": "row K", "V": "row V"}  # what they are on the stage
LETTERS = (
    ("Q", Q, "W_q", ASKS_FOR),
    ("K", K, "W_k", ASKS_FOR),
    ("V", V, "W_v", CARRIES),
)


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
        self.tables = 42 if not up else 66  # height of a row of A and O
        self.table = (wide / 2 - 214, 84) if not up else (112, 82)  # X: left, cell
        cell = 38 if not up else 28
        self.row = (wide / 2 - 3 * cell, 178 if not up else 206, cell)
        lanes = (80, 346, 612) if not up else (16, 224, 432)
        self.lanes = [(x, 248 if not up else 286) for x in lanes]  # above each map
        self.map = 30 if not up else 34
        self.own = 64  # the width of a column of a map
        wide_place = {"x": 132, "y": 298, "high": 38, "gap": 24, "column": 72}
        tall_place = {"x": 78, "y": 372, "high": 50, "gap": 10, "column": 56}
        self.place = Place(
            **(tall_place if up else wide_place),
            key=60 if up else 64,
            value=60 if up else 64,
            result=74,
            size=self.size,
            named=True,
        )

    def made(self, left, top, columns):
        """Where a map stands, and below it the row that it makes: x, y of both."""
        x = left + 3 * self.row[2] - columns * self.own / 2
        return x, top, x, top + 6 * self.map + 30


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
            CARRIES,
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
                "All words do this at the same time; here you see one after the other. "
                "A row of A is one word's weights, a row of O its output.",
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
        (x, cell), go = looks.table, between(t, 0.5, 1)
        stage.matrix(
            X,
            x,
            looks.line + 118,
            COLOURS["X"],
            "X",
            rows=TOKENS,
            columns=FEATURES,
            width=cell,
            height=looks.tables,
            size=looks.size,
            lit=[FIRST] if go else [],
        )

    def _project(self, stage, t):
        """The row falls through three maps."""
        looks = self._top(stage)
        x, y, cell = looks.row
        style = {"height": looks.high, "size": looks.size}
        spread, fall = between(t, 0, 0.35), between(t, 0.45, 0.95)
        for (letter, values, name, columns), lane in zip(
            LETTERS, looks.lanes, strict=True
        ):
            own, count = looks.own, len(columns)
            at, top, _, below = looks.made(*lane, count)
            wide, colour = count * own, COLOURS[letter]
            # What comes out of the map was behind it.
            if fall > 0:
                spot = below - (looks.high + 30) * (1 - fall)
                row = values[[FIRST]]
                stage.matrix(row, at, spot, colour, width=own, id=ROWS[letter], **style)
            stage.box(at - 6, top - 4, wide + 12, 6 * looks.map + 8, "paper", "paper")
            stage.matrix(
                PARAMS[name],
                at,
                top,
                colour,
                width=own,
                height=looks.map,
                learnt=True,
                rows=FEATURES if letter == "Q" and not stage.upright else None,
                of=(FEATURES, columns),
                size=looks.size,
                id=name,
            )
            stage.chip(at, top - 17, name, colour)
            if fall == 1:
                end = stage.chip(at, below - 14, letter, colour)
                bias = PARAMS[f"b_{letter.lower()}"]
                if bias.any():  # else the sum of the products is all
                    told = f"+ b_{letter.lower()}: {' '.join(map(number, bias))}"
                    stage.text(end + 8, below - 14, told, looks.size, "left", QUIET)
                for j, column in enumerate(columns):
                    middle = at + (j + 0.5) * own, below + looks.high + 13
                    stage.text(*middle, column, colour=QUIET, id=f"{letter} {j}")
            stage.matrix(
                X[[FIRST]],
                x + (lane[0] - x) * spread,
                y,
                COLOURS["X"],
                width=cell,
                of=([TOKENS[FIRST]], FEATURES),
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
        for (letter, values, _, columns), lane, end in zip(
            LETTERS, looks.lanes, ends, strict=True
        ):
            own, start = looks.own, looks.made(*lane, len(columns))[2:]
            spot = [a + (b - a) * go for a, b in zip(start, end, strict=True)]
            stage.matrix(
                values[[FIRST]],
                *spot,
                COLOURS[letter],
                width=own + (place.key - own) * go,
                height=looks.high + (place.high - looks.high) * go,
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
        """The weights and outputs of all words, one word after the other; at last the
        one that was followed is marked again.
        """
        i, grown, done = one_by_one(t, FIRST)
        looks = self._top(stage, grown, i)
        self._tables(stage, looks, np.arange(4)[:, None] < done, i)
        return looks

    def _tables(self, stage, looks, shown, i):
        up = stage.upright
        y = looks.line + 110
        style = {"rows": TOKENS, "height": looks.tables, "size": looks.size}
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
            lit=[i],
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
            width=74,
            columns=CARRIES,
            shown=np.broadcast_to(shown, MIXED.shape),
            lit=[i],
            **self.outputs.style,
            **(style | ({"rows": None} if up else {})),
        )

    def _end(self, stage, t):
        looks = self._all(stage, 1)
        problems = [p for p in (self.outputs, self.weights) if not p.known]
        if problems:
            told = "Yours: " + cut(problems[0].problem, 70)
            y = looks.line + 132 + 4 * looks.tables
            stage.says(30, y, told, 560, WRONG, "bold")
