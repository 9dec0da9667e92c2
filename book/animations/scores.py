"""Scores: each query meets every key, the products add up to one number."""

import numpy as np

from book.sentence import ASKS_FOR, TOKENS, K, Q

from .scene import Scene, Step
from .stage import (
    COLOURS,
    INK,
    LEFT,
    MEDIUM,
    QUIET,
    RIGHT,
    WRONG,
    between,
    number,
)
from .take import cast, ending, right

TOP = 68  # where the matrices begin
BENCH = (112, 228)  # where a query and a key are laid under each other
WIDE = 76  # a cell of the bench
WIDTH = 50  # a cell of the scores: room for a token above
PRODUCTS = Q[:, None, :] * K[None, :, :]  # (n, m, d_k)
SUMS = right("scores")(Q, K)  # (n, m)
FIRST = TOKENS.index("cat")  # its query has the most to ask


def play_scores(scores):
    """Play `scores` on the running sentence: Q (n, d_k), K (m, d_k) -> S (n, m)."""
    actor = cast(scores)
    part = actor.play(Q, K, expected=SUMS)
    play = _Play(part)
    return Scene(
        title="Every query meets every key",
        steps=play.steps(),
        text=(
            "On the left the queries Q, in the middle the keys K, on the right the "
            "scores S. Below, one row of Q and one row of K are multiplied number by "
            "number; the sum of the products is one score."
        ),
        player=actor.line(part),
    )


class _Play:
    def __init__(self, part):
        self.part, self.values, self.wrong = part, part.values, part.wrong

    def steps(self):
        n, m = SUMS.shape
        order = [FIRST] + [i for i in range(n) if i != FIRST]
        steps = [Step(self._opening(), self._open)]
        done = np.zeros((n, m), bool)
        keys = sorted(range(m), key=lambda j: -SUMS[FIRST, j])  # what fits best, first
        for j in keys:
            steps.append(Step(self._meeting(FIRST, j), self._meets(FIRST, [j], done)))
            done = done.copy()
            done[FIRST, j] = True
        for i in order[1:]:
            steps.append(Step(self._row(i), self._meets(i, range(m), done)))
            done = done.copy()
            done[i] = True
        steps.append(Step(self._closing(), self._end))
        return [_timed(step) for step in steps]

    # The captions.

    def _opening(self):
        return (
            "Each token has a query, its row of Q: what it looks for. And a key, "
            "its row of K: what it offers. How well does each query fit each key?"
        )

    def _meeting(self, i, j):
        told = " + ".join(number(p) for p in PRODUCTS[i, j])
        return (
            f"The query of “{TOKENS[i]}” meets the key of “{TOKENS[j]}”: number times "
            f"number, then the sum. {told} = {number(SUMS[i, j])}."
        ) + self._aside(i, [j])

    def _row(self, i):
        keys = range(SUMS.shape[1])
        told = ", ".join(number(s) for s in SUMS[i])
        return (
            f"The query of “{TOKENS[i]}” meets every key in the same way: {told}."
        ) + self._aside(i, keys)

    def _aside(self, i, keys):
        """Say where the learner's number is another one."""
        keys = list(keys)
        if not self.wrong[i, keys].any():
            return ""
        return " Yours: " + ", ".join(number(self.values[i, j]) for j in keys) + "."

    def _closing(self):
        return ending(
            {"these scores": self.part},
            "A row of S is one query against every key. "
            "Its largest score is the key that fits best.",
            f"{self.wrong.sum()} of your {self.wrong.size} scores are not the sum "
            "of the products. They are marked.",
        )

    # The pictures.

    def _open(self, stage, t):
        self._stand(stage, np.zeros(SUMS.shape, bool))
        x, y = BENCH
        stage.text(x, y + 20, "query · key  =  score", MEDIUM, "left")
        told = f"{len(Q)} queries × {len(K)} keys  =  {SUMS.size} scores"
        stage.text(x, y + 50, told, MEDIUM, "left")

    def _meets(self, i, keys, done):
        keys = list(keys)

        def draw(stage, t):
            turn = min(int(t * len(keys)), len(keys) - 1)
            own = t * len(keys) - turn
            if len(keys) > 1:  # the way is known by now
                own = 0.35 + 0.65 * own
            j = keys[turn]
            shown = done.copy()
            shown[i, keys[:turn]] = True
            shown[i, j] = own > 0.85
            self._bench(stage, self._stand(stage, shown, i, j), i, j, own)

        return draw

    def _stand(self, stage, shown, i=None, j=None):
        """The three matrices, with the scores that are known so far."""
        rows = list(TOKENS)
        query, key = ([] if i is None else [i]), ([] if j is None else [j])
        style = {"rows": rows, "lift": 40}
        q = stage.matrix(Q, 66, TOP, COLOURS["Q"], "Q", lit=query, **style)
        k = stage.matrix(K, 240, TOP, COLOURS["K"], "K", lit=key, **style)
        s = stage.matrix(
            self.values,
            RIGHT - len(K) * WIDTH,
            TOP,
            COLOURS["S"],
            "S",
            columns=rows,
            width=WIDTH,
            shown=shown,
            **self.part.style,
            **style,
        )
        if i is not None:
            stage.box(*s.corner(i, j), s.width, s.height, INK, line=2.6)
        return q, k, s

    def _bench(self, stage, grids, i, j, t):
        """The query row above the key row, their products under them."""
        q, k, s = grids
        x, y = BENCH
        for matrix, role, grid, row, line, since in (
            (K, "K", k, j, 1, 0.0),
            (Q, "Q", q, i, 0, 0.12),
        ):
            there = between(t, since, since + 0.23)
            start, end = grid.corner(row), (x, y + 34 * line)
            place = [a + (b - a) * there for a, b in zip(start, end, strict=True)]
            wide = grid.width + (WIDE - grid.width) * there
            stage.matrix(
                matrix[[row]], *place, COLOURS[role], width=wide, top=matrix.max()
            )
            if there == 1:
                stage.text(x - 10, y + 34 * line + 15, TOKENS[row], align="right")
        if there < 1:
            return
        for c, label in enumerate(ASKS_FOR):
            stage.text(x + (c + 0.5) * WIDE, y - 13, label, colour=QUIET)
        count = sum(t > 0.4 + 0.12 * c for c in range(Q.shape[1]))
        shown = (np.arange(Q.shape[1]) < count)[None, :]
        p = stage.matrix(PRODUCTS[[i], [j]], x, y + 74, QUIET, width=WIDE, shown=shown)
        stage.text(x - 10, p.middle[1], "product", align="right", colour=QUIET)
        if t > 0.78:
            self._sum(stage, p, s, i, j)

    def _sum(self, stage, products, scores, i, j):
        """The products added up, on their way to the score's cell."""
        x, y = products.right, products.middle[1]
        stage.text(x + 12, y, "sum", align="left", colour=QUIET)
        stage.box(x + 54, y - 15, 44, 30, COLOURS["S"], line=2.2)
        stage.text(x + 76, y, number(SUMS[i, j]))
        stage.arrow(
            (x + 102, y), (scores.centre(i, j)[0], scores.bottom + 5), bend=0.25
        )
        if self.wrong[i, j]:
            told = f"yours: {number(self.values[i, j])}"
            stage.text(x + 54, y + 31, told, align="left", colour=WRONG, weight="bold")

    def _end(self, stage, t):
        self._stand(stage, np.ones(SUMS.shape, bool))
        if not self.part.known:
            stage.failed(self.part, LEFT, 216, COLOURS["S"])
            return
        for i, token in enumerate(TOKENS):
            y = 228 + 30 * i
            best = int(np.argmax(np.nan_to_num(self.values[i], nan=-np.inf)))
            stage.text(150, y, token, align="right", weight="bold")
            stage.text(160, y, "fits best with", align="left", colour=QUIET)
            stage.text(296, y, TOKENS[best], align="left", weight="bold")
            told = f"score {number(self.values[i, best])}"
            stage.text(370, y, told, align="left", colour=QUIET)


def _timed(step):
    """Meetings move, the rest stands."""
    if step.caption.startswith("The query"):
        seconds = 1.44
        return Step(step.caption, step.draw, seconds)
    return step
