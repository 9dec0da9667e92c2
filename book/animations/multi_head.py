"""Many heads: the whole workflow, from the tokens to the block's output."""

import numpy as np

from book.palette import HEADS as HEAD_COLOURS
from book.palette import mix
from book.sentence import (
    ASKS_FOR,
    BETA,
    FEATURES,
    GAMMA,
    HEADS,
    HEADS_CARRY,
    HEADS_K,
    HEADS_PARAMS,
    HEADS_Q,
    HEADS_V,
    TOKENS,
    X,
)

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
from .parallel_heads import OUTPUTS
from .parallel_heads import WEIGHTS as RIGHT_WEIGHTS
from .scene import Scene, Step
from .stage import COLOURS, INK, LEFT, PAPER, QUIET, WRONG, between, cut, number
from .take import MARKED, cast, ending, right

MIXED, _ = right("multi_head_attention")(X, HEADS_PARAMS, 2)  # (n, d_model)
NORMED = right("layer_norm")(X + MIXED, GAMMA, BETA)  # (n, d_model)
PROJECTED = dict(zip("QKV", right("project_qkv")(X, HEADS_PARAMS), strict=True))
CARRIED = HEADS_CARRY[0] + HEADS_CARRY[1]
# What six columns are called; of query, key and value three for each head.
NAMED = {"X": FEATURES, "Q": 2 * ASKS_FOR, "K": 2 * ASKS_FOR, "V": CARRIED}
FIRST = TOKENS.index("cat")
FOUND = OUTPUTS[:, FIRST].ravel()  # what both heads found for it, side by side
H = len(HEADS)


def play_multi_head_attention(multi_head_attention):
    """Play the whole block: X, params, num_heads -> Y (n, d_model), A (h, n, n)."""
    actor = cast(multi_head_attention)
    parts = actor.play(X, HEADS_PARAMS, H, expected=[MIXED, RIGHT_WEIGHTS])
    return Scene(
        title="Two heads, from the words to the output",
        steps=_Play(*parts).steps(),
        text=(
            "At the top the sentence. One word is followed. Three maps make its query, "
            "its key and its value, six numbers wide, which are cut in the middle: "
            "half for each of two heads, each of which has a lane of its own. In each "
            "lane the query meets the keys of all words, and scores, scaled scores and "
            "weights follow. Arcs of head 1 above the sentence and of head 2 below it "
            "show where the word looks. The two outputs are laid side by side, W_o "
            "carries each number to a named column. Then the outputs of all words; at "
            "last the word's own row is added, and the sum is normalised."
        ),
        player=actor.line(*parts),
        still=7,
        width=880,
        height=574,
        upright=(640, 940),
    )


class _Looks:
    """Where things stand, on a wide stage or on an upright one."""

    def __init__(self, stage):
        up, wide = stage.upright, stage.width
        self.words = [wide * share for share in (0.14, 0.38, 0.62, 0.86)]
        self.line = 100 if not up else 122  # of the sentence
        self.tall = 20 if not up else 26
        self.top = 182 if not up else 216  # where the lanes begin
        self.size = 17 if not up else 19
        self.high = 28 if not up else 34
        # Lanes side by side, or one below the other.
        self.lanes = (
            [(12, self.top, 422, 346), (446, self.top, 422, 346)]
            if not up
            else [(12, self.top, 616, 336), (12, self.top + 346, 616, 336)]
        )
        small = {
            "key": 24,
            "value": 30,
            "column": 43,
            "high": 32,
            "gap": 8,
            "result": 68,
        }
        large = {
            "key": 34,
            "value": 40,
            "column": 62,
            "high": 35,
            "gap": 14,
            "result": 68,
        }
        places = [(x + (74 if up else 54), y + 118) for x, y, _, _ in self.lanes]
        self.places = [
            Place(x, y, size=self.size, **(large if up else small)) for x, y in places
        ]
        # The six features of one word, in the second half.
        self.cell = 100 if not up else 84
        self.left = 190 if not up else 116
        gaps = (34, 214, 264, 314) if not up else (60, 330, 440, 550)
        self.rows = [self.top + gap for gap in gaps]  # O, Y, X, the result
        # Six numbers of each word, and what is said below them.
        self.table = self.top + (66 if not up else 110)
        self.tall_row = 38 if not up else 64
        # Query, key and value before they are cut: their cell, and how far apart.
        self.whole, self.apart = (84, 76) if not up else (68, 124)


class _Play:
    def __init__(self, output, weights):
        self.output, self.weights, i = output, weights, FIRST
        nothing = np.zeros(OUTPUTS.shape[-1], bool)
        self.queries = [
            Query(
                i,
                HEADS_Q[k, i],
                HEADS_K[k],
                HEADS_V[k],
                weights.values[k, i],
                OUTPUTS[k, i],
                (weights.wrong[k, i], nothing),
                (weights.faded, False),
                HEADS_CARRY[k],
            )
            for k in range(H)
        ]
        self.added = X + output.values
        self.normed = _normalised(self.added) * GAMMA + BETA

    def steps(self):
        cat = TOKENS[FIRST]
        best = [TOKENS[int(RIGHT_WEIGHTS[k, FIRST].argmax())] for k in range(H)]
        look = "looks" if self.weights.right else "should look"
        return [
            Step(
                f"Two heads, their weights set by hand. Head 1 asks “{HEADS[0]}”, head "
                f"2 asks “{HEADS[1]}” Follow “{cat}”.",
                self._open,
            ),
            Step(
                f"Project: three maps make query, key and value of “{cat}”, six "
                "numbers wide: three for each head.",
                self._project,
                2.4,
            ),
            Step(
                "Split: the first half goes to head 1, the second to head 2.",
                self._split,
                1.8,
            ),
            Step(
                "The keys and values of all words come in the same way.",
                self._query(KEYS),
                0,
            ),
            Step(
                "Score: in each head, the query meets the keys.",
                self._query(SCORES),
                2.4,
            ),
            Step("Scale by √3, since a head is three wide.", self._query(SCALED), 1.4),
            Step(
                f"Softmax: “{cat}” {look} at “{best[0]}” in head 1 and at “{best[1]}” "
                "in head 2." + self.weights.aside,
                self._query(WEIGHTS),
                2.4,
            ),
            Step(
                "Mix: each head adds up its own values by its own weights.",
                self._query(OUTPUT),
                2.2,
            ),
            Step("Concatenate: the two outputs click together.", self._join, 1.8),
            Step(
                "W_o carries each finding to its column. "
                + _energy()
                + self.output.of_row(FIRST),
                self._carry,
                3.0,
            ),
            Step(self._closing(), self._all, 2.4),
            Step(
                f"A look ahead: the row that went in is added, energy {self._sum()}, "
                "and the sum is normalised.",
                self._add,
                2.4,
            ),
        ]

    def _closing(self):
        return ending(
            {"the output": self.output, "the weights": self.weights},
            "All words at once, shown one by one. Y has the shape of X, so the two can "
            "be added.",
            f"{MARKED} The step in which they first differ is the one to look at.",
        )

    def _sum(self):
        """One number of the row that goes in, added to what came out: in numbers."""
        at = FIRST, FEATURES.index("energy")
        parts = self.output.values[at], X[at], self.added[at]
        return "{} + {} = {}".format(*map(number, parts))

    # The sentence and the lanes.

    def _top(self, stage, grown=0.0, i=FIRST):
        looks = _Looks(stage)
        if grown and not self.weights.faded:
            for k, colour in enumerate(HEAD_COLOURS):
                row = self.weights.values[k, FIRST if i is None else i]
                arcs(
                    stage,
                    looks.words,
                    looks.line,
                    FIRST if i is None else i,
                    row,
                    colour,
                    grown,
                    looks.tall,
                    below=k > 0,
                )
        sentence(stage, looks.words, looks.line, i)
        return looks

    def _lanes(self, stage, looks, apart=1.0):
        """A box for each head: around its half of the six columns, or apart."""
        left, cell, lines = self._whole(stage, looks)
        top, high = lines[0] - 34, lines[2] - lines[0] + looks.high + 68
        for k, (colour, lane) in enumerate(zip(HEAD_COLOURS, looks.lanes, strict=True)):
            half = left + 3 * cell * k, top, 3 * cell, high
            x, y, *size = (a + (b - a) * apart for a, b in zip(half, lane, strict=True))
            fill = mix(PAPER, colour, 0.07)
            stage.box(x, y, *size, colour, fill, 2, round=8, id=f"lane {k}")
            if apart in (0, 1):
                middle = y + 20 if apart else y + high - 18
                end = stage.chip(x + 12, middle, f"head {k + 1}", colour)
            if apart == 1:
                stage.text(end + 10, middle, HEADS[k], looks.size, "left", QUIET)

    # The pictures.

    def _open(self, stage, t):
        """What goes in, and what the two heads ask about it."""
        looks = self._top(stage)
        self._table(stage, looks, X, "X", lit=[FIRST])
        self._said(stage, looks, [f"asks: {question}" for question in HEADS])

    def _table(self, stage, looks, values, letter, **style):
        """Six numbers of each word, under the names of the features."""
        stage.matrix(
            values,
            looks.left,
            looks.table,
            COLOURS[letter],
            letter,
            rows=TOKENS,
            columns=FEATURES,
            width=looks.cell - 8,
            height=looks.tall_row,
            size=looks.size,
            **style,
        )

    def _said(self, stage, looks, lines, y=None):
        """A line for each head, below."""
        y = y or looks.table + 4 * looks.tall_row + 34
        for k, (line, colour) in enumerate(zip(lines, HEAD_COLOURS, strict=True)):
            here = y + (32 if not stage.upright else 44) * k
            end = stage.chip(looks.left, here, f"head {k + 1}", colour)
            stage.text(end + 12, here, line, looks.size, "left", id=f"told {k}")

    def _gives(self, i):
        """Where each head looks most, for word i, in words."""
        rows = np.nan_to_num(self.weights.values[:, i])
        return [
            f"“{TOKENS[i]}” gives {number(self.weights.values[k, i, j])} to "
            f"“{TOKENS[j]}”"
            for k, j in enumerate(rows.argmax(axis=1))
        ]

    def _whole(self, stage, looks):
        """Where the rows of query, key and value stand before they are cut."""
        left = stage.width / 2 - 3 * looks.whole + 46
        first = looks.top + looks.high + looks.apart
        return left, looks.whole, [first + k * looks.apart for k in range(3)]

    def _project(self, stage, t):
        looks = self._top(stage)
        self._lanes(stage, looks, 0)
        left, cell, lines = self._whole(stage, looks)
        style = {"width": cell, "height": looks.high, "size": looks.size}
        y = looks.top + 34
        stage.matrix(
            X[[FIRST]],
            left,
            y,
            COLOURS["X"],
            rows=[TOKENS[FIRST]],
            lit=[0],
            of=([TOKENS[FIRST]], FEATURES),
            **style,
        )
        self._columns(stage, left, cell, y, "X")
        stage.chip(left + 6 * cell + 10, y + looks.high / 2, "X", COLOURS["X"])
        for k, (letter, line) in enumerate(zip("QKV", lines, strict=True)):
            go = between(t, 0.25 * k, 0.25 * k + 0.4)
            if not go:
                continue
            name, small = f"W_{letter.lower()}", letter.lower()
            middle = line + looks.high / 2
            # One way from the row of X, through the map, to what it makes.
            turn = left - 152 + 8 * k
            corner = [(left - 46, y + looks.high / 2), (turn, y + looks.high / 2)]
            xs, ys = zip(*corner, (turn, middle), strict=True)
            stage.line(xs, ys, COLOURS[letter], 1.8, alpha=go, id=f"from X {letter}")
            end = (left - 146 + 114 * go, middle)
            stage.arrow((turn, middle), end, COLOURS[letter], id=f"to {letter}")
            stage.chip(left - 118, middle, name, COLOURS[letter])
            shown = np.arange(6)[None] < round(6 * go)
            columns = NAMED[letter]
            stage.matrix(
                PROJECTED[letter][[FIRST]],
                left,
                line,
                COLOURS[letter],
                rows=[small],
                shown=shown,
                of=([TOKENS[FIRST]], columns),
                id=f"row {letter}",
                **style,
            )
            stage.chip(left + 6 * cell + 10, middle, letter, COLOURS[letter])
            if go == 1:
                self._columns(stage, left, cell, line, letter)

    def _columns(self, stage, left, cell, y, letter):
        """The names of six columns, above their row. Those of the keys are those of the
        queries, which stand above.
        """
        for j, name in enumerate(NAMED[letter] if letter != "K" else ()):
            middle = left + (j + 0.5) * cell
            stage.text(middle, y - 14, name, colour=QUIET, id=f"column {letter} {j}")

    def _split(self, stage, t):
        """The knife between the heads; then each half goes to its lane."""
        looks = self._top(stage)
        left, cell, lines = self._whole(stage, looks)
        go = between(t, 0.35, 1)
        self._lanes(stage, looks, go)
        middle = left + 3 * cell
        for letter, line in zip("QKV", lines, strict=True):
            for k, half in enumerate(np.split(PROJECTED[letter][[FIRST]], H, axis=1)):
                place = looks.places[k]
                end = {
                    "Q": place.query,
                    "K": (place.x, place.y + FIRST * place.high),
                    "V": (place.columns[3], place.y + FIRST * place.high),
                }[letter]
                start = (left + 3 * cell * k, line)
                spot = [a + (b - a) * go for a, b in zip(start, end, strict=True)]
                stage.matrix(
                    half,
                    *spot,
                    COLOURS[letter],
                    width=cell + (place.key - cell) * go,
                    height=looks.high + (place.high - looks.high) * go,
                    size=looks.size,
                    rows=[TOKENS[FIRST]] if go == 1 and letter != "V" else None,
                    of=([TOKENS[FIRST]], NAMED[letter][3 * k : 3 * k + 3]),
                    id=f"row {letter} {k}",
                )
                if go == 1 and letter == "Q":
                    beside = spot[0] + 3 * place.key + 8, spot[1] + place.high / 2
                    stage.chip(*beside, letter, COLOURS[letter])
                elif go == 1:
                    stage.chip(spot[0], spot[1] - 17, letter, COLOURS[letter])
            if not go:
                self._columns(stage, left, cell, line, letter)
        if not go:
            stage.line(
                [middle] * 2,
                [lines[0] - 22, lines[2] + looks.high + 22],
                INK,
                3,
                id="knife",
            )

    def _query(self, level):
        def draw(stage, t):
            grown = {WEIGHTS: between(t, 0.2, 1), OUTPUT: 1.0}.get(level, 0.0)
            looks = self._top(stage, grown)
            self._lanes(stage, looks)
            for k, (query, place) in enumerate(
                zip(self.queries, looks.places, strict=True)
            ):
                stage.part(f"head {k + 1}")
                query.draw(stage, place, level, t)
            stage.part()

        return draw

    def _found(self, stage, looks, apart=0.0, spots=None):
        """What each head found, in the colour of its lane; side by side at last."""
        style = {"height": looks.high + 4, "size": looks.size}
        for k, values in enumerate(OUTPUTS[:, FIRST]):
            x = looks.left + 3 * looks.cell * k
            y, wide = looks.rows[0], looks.cell
            if spots:
                (x0, y0, wide0), go = spots[k], 1 - apart
                x, y = x0 + (x - x0) * go, y0 + (y - y0) * go
                wide = wide0 + (wide - wide0) * go
            stage.matrix(
                values[None],
                x,
                y,
                COLOURS["O"],
                width=wide,
                id=f"found {k}",
                top=2,
                of=([TOKENS[FIRST]], HEADS_CARRY[k]),
                **style,
            )
            stage.box(
                x, y - 5, 3 * wide, 4, HEAD_COLOURS[k], HEAD_COLOURS[k], 0, id=f"of {k}"
            )

    def _join(self, stage, t):
        looks = self._top(stage, 1.0)
        spots = [(*place.output(3), place.result) for place in looks.places]
        go = between(t, 0.1, 0.85)
        self._found(stage, looks, 1 - go, spots)
        if t == 1:
            self._names(stage, looks)
            self._said(stage, looks, self._gives(FIRST), looks.rows[1])

    def _names(self, stage, looks):
        y = looks.rows[0] - 20
        for k, name in enumerate(CARRIED):
            x = looks.left + (k + 0.5) * looks.cell
            stage.text(x, y, name, looks.size, colour=QUIET, id=f"carries {k}")
        self._line(stage, looks, 0, "O", COLOURS["O"])

    def _carry(self, stage, t):
        """Each finding goes down to the column that W_o names for it."""
        looks = self._top(stage, 1.0)
        self._found(stage, looks)
        self._names(stage, looks)
        self._ways(stage, looks, t)
        self._y(stage, looks, t)

    def _ways(self, stage, looks, t):
        """One way for each number of W_o that is not zero."""
        W_o = HEADS_PARAMS["W_o"]
        top, low = looks.rows[0] + looks.high + 8, looks.rows[1] - 28
        for k in range(len(W_o)):
            go = between(t, 0.12 * k, 0.12 * k + 0.3)
            for j in np.flatnonzero(W_o[k]):
                if not go:
                    continue
                start, stop = (looks.left + (at + 0.5) * looks.cell for at in (k, j))
                end = (start + (stop - start) * go, top + (low - top) * go)
                stage.arrow(
                    (start, top),
                    end,
                    HEAD_COLOURS[k // 3],
                    width=2.6,
                    alpha=0.25 + 0.75 * min(abs(FOUND[k]), 1),
                    id=f"way {k} {j}",
                )
        middle = (top + low) / 2
        stage.chip(looks.left - 100, middle, "W_o", COLOURS["O"])

    def _y(self, stage, looks, t=1.0):
        y, style = looks.rows[1], {"height": looks.high, "size": looks.size}
        for j, name in enumerate(FEATURES):
            x = looks.left + (j + 0.5) * looks.cell
            stage.text(x, y - 14, name, looks.size, colour=QUIET, id=f"feature {j}")
        part = self.output
        stage.matrix(
            part.values[[FIRST]],
            looks.left,
            y,
            COLOURS["Y"],
            width=looks.cell,
            shown=t > 0.92,
            wrong=part.wrong[[FIRST]],
            faded=part.faded,
            top=2,
            of=([TOKENS[FIRST]], FEATURES),
            id="Y",
            **style,
        )
        self._line(stage, looks, 1, "Y", COLOURS["Y"])

    def _line(self, stage, looks, row, name, colour):
        """What a row is called, left of it."""
        middle = looks.rows[row] + looks.high / 2
        stage.chip(looks.left - 100, middle, name, colour)

    def _all(self, stage, t):
        """Every word's arcs in turn, and the output of all; at last the one that was
        followed is marked again.
        """
        i, grown, done = one_by_one(t, FIRST)
        looks = self._top(stage, grown, i)
        shown = np.broadcast_to(np.arange(4)[:, None] < done, X.shape)
        part = self.output
        self._table(
            stage, looks, part.values, "Y", shown=shown, lit=[i], top=2, **part.style
        )
        problems = [p for p in (self.output, self.weights) if not p.known]
        if problems:
            told = "Yours: " + cut(problems[0].problem, 64)
            y = looks.table + 4 * looks.tall_row + 34
            stage.says(LEFT, y, told, 560, WRONG, "bold")
            return
        self._said(stage, looks, self._gives(i))

    def _add(self, stage, t):
        looks = self._top(stage, 1.0)
        self._found(stage, looks)
        self._names(stage, looks)
        self._ways(stage, looks, 1.0)
        self._y(stage, looks)
        style = {
            "width": looks.cell,
            "height": looks.high,
            "size": looks.size,
            "top": 2,
            "of": ([TOKENS[FIRST]], FEATURES),
        }
        if t > 0.15:
            stage.matrix(
                X[[FIRST]], looks.left, looks.rows[2], COLOURS["X"], id="X", **style
            )
            self._line(stage, looks, 2, "+ X", COLOURS["X"])
        if t > 0.55:
            stage.matrix(
                self.normed[[FIRST]],
                looks.left,
                looks.rows[3],
                COLOURS["Y"],
                id="normed",
                faded=self.output.faded,
                shown=np.arange(6)[None] < round(6 * between(t, 0.55, 0.95)),
                **style,
            )
            self._line(stage, looks, 3, "norm", COLOURS["Y"])


def _energy():
    """How the column that both heads write into comes about, in numbers."""
    j = FEATURES.index("energy")
    parts = FOUND * HEADS_PARAMS["W_o"][:, j]
    found = " and ".join(number(part) for part in parts[parts != 0])
    return (
        f"Energy gets {found}; with a bias of {number(HEADS_PARAMS['b_o'][j])} that is "
        f"{number(MIXED[FIRST, j])}."
    )


def _normalised(values):
    """Each row with mean 0 and variance 1."""
    centred = values - values.mean(axis=1, keepdims=True)
    with np.errstate(all="ignore"):
        return centred / np.sqrt((centred**2).mean(axis=1, keepdims=True) + 1e-5)
