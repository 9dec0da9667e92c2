"""Projections: rows meet columns, and three maps give three new rows."""

import numpy as np

from book.sentence import FEATURES, PARAMS, TOKENS, K, Q, V, X

from .scene import Scene, Step
from .stage import COLOURS, INK, LEFT, QUIET, WRONG, between, number
from .take import cast, ending

HEIGHT = 440
HIGH, WIDE = 26, 31  # a cell
TOP = 46
FIRST = TOKENS.index("cat")
BENCH = (96, 290)  # where a row and a column are laid under each other
BENCH_WIDE = 52


def play_linear(linear):
    """Play `linear` with the query's weights: X, W_q, b_q -> Q (n, d_k)."""
    actor = cast(linear)
    part = actor.play(X, PARAMS["W_q"], PARAMS["b_q"], expected=Q)
    return Scene(
        title="Every row meets every column",
        steps=_Product(part).steps(),
        text=(
            "On the left the tokens X, in the middle the weights W with the bias b "
            "below them, on the right the result Y. Below, one row of X and one column "
            "of W are multiplied number by number; the sum and the bias give one "
            "number."
        ),
        player=actor.line(part),
        height=HEIGHT,
    )


class _Product:
    W, b = PARAMS["W_q"], PARAMS["b_q"]

    def __init__(self, part):
        self.part = part

    def steps(self):
        n, d_out = Q.shape
        steps = [
            Step(
                "One row of X is one token with 6 features. W turns them into 3 new "
                "ones. It has one column for each new feature.",
                lambda stage, t: self._stand(stage, np.zeros(Q.shape, bool)),
            )
        ]
        done = np.zeros(Q.shape, bool)
        for j in range(d_out):
            steps.append(
                Step(self._cell(FIRST, j), self._meets(FIRST, [j], done.copy()), 1.44)
            )
            done[FIRST, j] = True
        for i in (i for i in range(n) if i != FIRST):
            steps.append(
                Step(self._row(i), self._meets(i, range(d_out), done.copy()), 1.44)
            )
            done[i] = True
        return [*steps, Step(self._closing(), self._end)]

    # The captions.

    def _cell(self, i, j):
        total = number(X[i] @ self.W[:, j])
        return (
            f"The row of “{TOKENS[i]}” meets column {j + 1}. The products add up to "
            f"{total}, the bias adds {number(self.b[j])}: {number(Q[i, j])}."
        ) + self._aside(i, [j])

    def _row(self, i):
        told = ", ".join(number(v) for v in Q[i])
        text = f"“{TOKENS[i]}” meets the same three columns: {told}."
        return text + self._aside(i, range(len(self.b)))

    def _aside(self, i, columns):
        columns = list(columns)
        if not self.part.wrong[i, columns].any():
            return ""
        told = ", ".join(number(self.part.values[i, j]) for j in columns)
        return f" Yours: {told}."

    def _closing(self):
        return ending(
            {"this result": self.part},
            "Every token went through the same W and the same b. "
            "No token has seen any other yet.",
            "The marked numbers of yours are not row · column + bias.",
        )

    # The pictures.

    def _stand(self, stage, shown, i=None, j=None):
        lit = [] if i is None else [i]
        style = {"height": HIGH, "width": WIDE}
        x = stage.matrix(
            X, 66, TOP, COLOURS["X"], "X", rows=TOKENS, lit=lit, lift=22, **style
        )
        w = stage.matrix(
            self.W,
            350,
            TOP,
            COLOURS["Q"],
            "W",
            rows=FEATURES,
            learnt=True,
            lift=22,
            **style,
        )
        below = {"width": WIDE, "height": HIGH, "learnt": True, "rows": ["b"]}
        b = stage.matrix(self.b[None], 350, w.bottom + 8, COLOURS["Q"], **below)
        y = stage.matrix(
            self.part.values,
            516,
            TOP,
            COLOURS["Q"],
            "Y",
            rows=TOKENS,
            lit=lit,
            lift=22,
            height=HIGH,
            width=36,
            shown=shown,
            **self.part.style,
        )
        if j is not None:
            stage.box(*w.corner(0, j), WIDE, b.bottom - w.y, INK, line=2.6)
            stage.box(*y.corner(i, j), y.width, HIGH, INK, line=2.6)
        return x, w, y

    def _meets(self, i, columns, done):
        columns = list(columns)

        def draw(stage, t):
            turn = min(int(t * len(columns)), len(columns) - 1)
            own = t * len(columns) - turn
            if len(columns) > 1:
                own = 0.3 + 0.7 * own
            j = columns[turn]
            shown = done.copy()
            shown[i, columns[:turn]] = True
            shown[i, j] = own > 0.9
            grids = self._stand(stage, shown, i, j)
            self._bench(stage, grids, i, j, own)

        return draw

    def _bench(self, stage, grids, i, j, t):
        x_grid, w_grid, _ = grids
        x, y = BENCH
        flat = {"width": BENCH_WIDE, "height": HIGH}
        for label, row, colour, grid, corner, k in (
            (TOKENS[i], X[[i]], COLOURS["X"], x_grid, x_grid.corner(i), 0),
            (f"column {j + 1}", self.W[:, [j]].T, COLOURS["Q"], w_grid, None, 1),
        ):
            there = between(t, 0, 0.3)
            start = corner or grid.corner(0, j)
            place = (x, y + k * (HIGH + 3))
            if there < 1 and corner:
                spot = [a + (b - a) * there for a, b in zip(start, place, strict=True)]
                wide = WIDE + (BENCH_WIDE - WIDE) * there
                stage.matrix(row, *spot, colour, width=wide, height=HIGH)
            elif there == 1:
                stage.matrix(row, *place, colour, top=3, learnt=k == 1, **flat)
                stage.text(x - 8, place[1] + 13, label, align="right")
        products = X[[i]] * self.W[:, j]
        count = sum(t > 0.35 + 0.06 * c for c in range(products.size))
        if t <= 0.35:
            return
        shown = (np.arange(products.size) < count)[None]
        p = stage.matrix(
            products, x, y + 2 * HIGH + 12, QUIET, shown=shown, top=3, **flat
        )
        stage.text(x - 8, p.middle[1], "product", align="right", colour=QUIET)
        if t > 0.75:
            self._addition(stage, p.right, y, i, j, products.sum())

    def _addition(self, stage, x, y, i, j, total):
        """The sum of the products, the bias below it, and what they make."""
        for k, (label, value) in enumerate(
            (("sum", total), ("+ b", self.b[j]), ("=", Q[i, j]))
        ):
            line = y + k * (HIGH + 3) + (22 if k == 2 else 13)
            weight = "bold" if k == 2 else "normal"
            stage.text(x + 50, line, label, align="right", colour=QUIET)
            stage.text(x + 88, line, number(value), align="right", weight=weight)
        if self.part.wrong[i, j]:
            told = f"yours: {number(self.part.values[i, j])}"
            stage.text(x + 96, line, told, align="left", colour=WRONG, weight="bold")

    def _end(self, stage, t):
        x, w, y = self._stand(stage, np.ones(Q.shape, bool))
        if not self.part.known:
            stage.failed(self.part, LEFT, 276, COLOURS["Q"], rows=2)
            return
        for grid, told in (
            (x, "4 tokens × 6 features"),
            (w, "6 features in, 3 out"),
            (y, "4 × 3 features"),
        ):
            below = grid.bottom + (60 if grid is w else 24)
            stage.text(grid.middle[0], below, told, colour=QUIET)


def play_project_qkv(project_qkv):
    """Play `project_qkv` on the sentence: X, params -> Q, K (n, d_k), V (n, d_v)."""
    actor = cast(project_qkv)
    parts = actor.play(X, PARAMS, expected=[Q, K, V])
    return Scene(
        title="Three maps of the same row",
        steps=_Maps(parts).steps(),
        text=(
            "Below on the left the tokens X. Above, the weights of three "
            "linear maps; below each of them its result: the queries Q, the keys K "
            "and the values V. Row by row they come from the same row of X."
        ),
        player=actor.line(*parts),
        height=HEIGHT,
    )


class _Maps:
    LANES = ((312, 31), (428, 31), (544, 36))  # where each stands, a cell's width
    ROW = 292

    def __init__(self, parts):
        self.parts = parts

    def steps(self):
        steps = [
            Step(
                "Each token has one row of X. It has to play three parts, so it needs "
                "three rows: three linear maps, each with its own weights.",
                self._maps(0),
            )
        ]
        meanings = (
            "A query says what the token looks for",
            "A key says what the token offers to others",
            "A value says what the token hands over",
        )
        for k, (letter, meaning) in enumerate(zip("QKV", meanings, strict=True)):
            small = letter.lower()
            caption = f"{meaning}. X meets W_{small}, b_{small} is added: {letter}."
            steps.append(Step(caption + self.parts[k].aside, self._maps(k + 1), 3.2))
        i = FIRST
        looks, offers, hands = ("looks", "offers", "hands")
        if not all(part.right for part in self.parts):
            looks, offers, hands = ("should look", "offer", "hand")
        caption = (
            f"The same row of “{TOKENS[i]}” three times: it {looks} for {_row(Q[i])}, "
            f"{offers} {_row(K[i])}, {hands} over {_row(V[i])}."
        )
        return [
            *steps,
            Step(caption, self._maps(3, i)),
            Step(self._closing(), self._end),
        ]

    def _closing(self):
        bad = [
            letter
            for letter, part in zip("QKV", self.parts, strict=True)
            if not part.right
        ]
        if bad:
            return f"Not right yet in yours: {' and '.join(bad)}."
        return (
            "Q and K must be equally wide, since they will meet. "
            "V may have any width: it is what the output will be made of."
        )

    def _maps(self, done, i=None):
        def draw(stage, t):
            lit = [] if i is None else [i]
            row = min(int(t * len(X)), len(X) - 1)
            moving = i is None and done and t < 1
            stage.matrix(
                X,
                66,
                self.ROW,
                COLOURS["X"],
                "X",
                rows=TOKENS,
                lit=[row] if moving else lit,
                lift=22,
                width=WIDE,
                height=HIGH,
            )
            for k, letter in enumerate("QKV"):
                self._lane(stage, k, letter, done, t, lit)

        return draw

    def _lane(self, stage, k, letter, done, t, lit):
        small, colour = letter.lower(), COLOURS[letter]
        x, wide = self.LANES[k]
        w = stage.matrix(
            PARAMS[f"W_{small}"],
            x,
            TOP,
            colour,
            f"W_{small}",
            "",
            rows=FEATURES if k == 0 else None,
            learnt=True,
            lift=22,
            width=wide,
            height=HIGH,
        )
        b = stage.matrix(
            PARAMS[f"b_{small}"][None],
            x,
            w.bottom + 6,
            colour,
            rows=["b"] if k == 0 else None,
            learnt=True,
            width=wide,
            height=HIGH,
        )
        part = self.parts[k]
        rows = part.values.shape[0]
        came = rows if k + 1 < done else (round(rows * t) if k + 1 == done else 0)
        shown = np.zeros(part.values.shape, bool)
        shown[:came] = True
        moving = k + 1 == done and t < 1 and not lit
        now = [min(int(rows * t), rows - 1)] if moving else lit
        if k < done:
            stage.matrix(
                part.values,
                x,
                self.ROW,
                colour,
                letter,
                "",
                lit=now,
                lift=22,
                width=wide,
                height=HIGH,
                shown=shown,
                **part.style,
            )
            if moving:
                self._flies(stage, w, b, rows * t, part.values.shape[1])

    def _flies(self, stage, w, b, turn, count):
        """The row that has its turn leaves X, goes through the map and comes out."""
        i = min(int(turn), len(X) - 1)
        go = between(turn - i, 0, 0.75)
        start, above = (66, self.ROW + i * HIGH), w.y - 6
        wide = WIDE + (w.right - w.x - 6 * WIDE) / 6 * go
        high = start[1] + (above - start[1]) * min(2 * go, 1)
        low = above + (b.bottom - above) * max(2 * go - 1, 0)
        spot = (start[0] + (w.x - start[0]) * min(2 * go, 1), low if go > 0.5 else high)
        size = 17 * wide / WIDE
        stage.matrix(
            X[[i]],
            *spot,
            COLOURS["X"],
            width=wide,
            height=HIGH * wide / WIDE + 4,
            size=size,
            id="row on its way",
        )
        middle = w.middle[0]
        stage.arrow((middle, b.bottom + 3), (middle, self.ROW - 4), id="out")

    def _end(self, stage, t):
        self._maps(3)(stage, 1.0)
        failed = [part for part in self.parts if not part.known]
        if failed:
            told = "Yours: " + failed[0].problem
            stage.says(LEFT, 40, told, 210, WRONG, "bold")


def _row(values):
    return "(" + ", ".join(number(v) for v in values) + ")"
