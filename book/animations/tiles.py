"""Tiles: two keys at a time, and what is kept of those that were seen."""

import numpy as np

from book.sentence import CARRIES, TOKENS, K, Q, V

from .scene import Scene, Step
from .softmax import SCORES
from .stage import COLOURS, LEFT, QUIET, WRONG, between, cut, number
from .take import cast, ending, right

HIGH = 24
BLOCK = 2
ROWS = (66, 222, 378)  # where the three rows of matrices begin
FIRST = TOKENS.index("slept")  # its largest score comes in the second block
MIXED = right("attention")(Q, K, V)[0]


def _seen(keys):
    """What a block of keys leaves behind: maximum, sum, output of each query."""
    m = SCORES[:, keys].max(axis=1)
    E = np.exp(SCORES[:, keys] - m[:, None])
    return m, E.sum(axis=1), E @ V[keys]


HALVES = (slice(0, BLOCK), slice(BLOCK, 2 * BLOCK))
LEFT_BEHIND = [_seen(keys) for keys in HALVES]
TOGETHER = right("merge_softmax")(*LEFT_BEHIND[0], *LEFT_BEHIND[1])


def play_tiled_attention(tiled_attention):
    """Play attention that sees two keys at a time: Q, K, V, block -> O (n, d_v)."""
    actor = cast(tiled_attention)
    part = actor.play(Q, K, V, BLOCK, expected=MIXED)
    return Scene(
        title="Two keys at a time",
        steps=_Play(part).steps(),
        text=(
            "Above, the scores with the first two keys, and what is kept of them for "
            "each query: the maximum m, the sum s, the output o. In the middle the "
            "same for the other two keys. Below, both merged, and the output divided "
            "by the sum; in the end, the same with all scores at once."
        ),
        player=actor.line(part),
        height=526,
    )


class _Play:
    def __init__(self, part):
        self.part = part

    def steps(self):
        factor = number(np.exp(LEFT_BEHIND[0][0] - TOGETHER[0])[FIRST])
        captions = (
            "Four queries, four keys. But only two keys at a time: never more than "
            "eight scores.",
            "The first two keys. Of each row keep the largest score m, the sum s of "
            "the exponentials, and the values o, each multiplied by its exponential. "
            "The scores can go.",
            "The other two keys, as if there were no others. Now some rows have a "
            "larger maximum, others a smaller one.",
            f"Merge: the larger m is that of both. Look at “{TOKENS[FIRST]}”: its "
            f"first block subtracted too little, so its s and o shrink by {factor}; "
            "then both are added.",
            "Divide once, at the end: O = o / s." + self.part.aside,
        )
        draws = (self._open, self._block(0), self._block(1), self._merge, self._divide)
        moves = (0, 1.4, 1.4, 1.4, 0.9)
        steps = [Step(*step) for step in zip(captions, draws, moves, strict=True)]
        return [*steps, Step(self._closing(), self._end)]

    def _closing(self):
        return ending(
            {"these outputs": self.part},
            "The same as with all scores at once, though they were never all there at "
            "once. For a third block the merge would go on in the same way.",
        )

    # The pictures.

    def _open(self, stage, t):
        """A row for each block, where its scores will come, and one for both."""
        for y, keys, k in zip(ROWS, HALVES, "12", strict=False):
            for values, x, letter, rows, width in (
                (Q, 116, "Q", TOKENS, 36),
                (K[keys], 320, "K", TOKENS[keys], 36),
                (V[keys], 510, "V", TOKENS[keys], 40),
            ):
                stage.matrix(
                    values,
                    x,
                    y,
                    COLOURS[letter],
                    letter,
                    "",
                    rows=rows,
                    width=width,
                    height=HIGH,
                    lift=20,
                    id=f"{letter}{k}",
                )
        then = "then both together"
        stage.text(116, ROWS[2] + 36, then, align="left", colour=QUIET)

    def _block(self, k):
        def draw(stage, t):
            for before in range(k):
                self._row(stage, before, 1.0)
            self._row(stage, k, t, HALVES[k])

        return draw

    def _row(self, stage, k, t, keys=slice(0)):
        """Block k: the scores that are there, those of `keys`; and what is kept."""
        self._scores(stage, ROWS[k], keys, id=f"S{k}")
        done = [between(t, 0.15 + 0.25 * i, 0.3 + 0.25 * i) == 1 for i in range(3)]
        self._kept(stage, ROWS[k], LEFT_BEHIND[k], done, id=f" {k + 1}")

    def _scores(self, stage, y, keys, id):
        """The table of all scores, empty but for those of `keys`."""
        shown = np.zeros(SCORES.shape, bool)
        shown[:, keys] = True
        stage.matrix(
            SCORES,
            66,
            y,
            COLOURS["S"],
            "S",
            "",
            rows=TOKENS,
            columns=TOKENS,
            width=50,
            height=HIGH,
            top=SCORES.max(),
            lift=40,
            shown=shown,
            id=id,
        )

    def _kept(self, stage, y, kept, done, id="", lit=()):
        for name, values, x, width, there in zip(
            "mso", kept, (300, 384, 468), (56, 56, 60), done, strict=True
        ):
            if not there:
                continue
            colour = COLOURS["O" if name == "o" else "S" if name == "m" else "A"]
            stage.matrix(
                values.reshape(len(TOKENS), -1),
                x,
                y,
                colour,
                f"{name}{id}",
                "",
                columns=CARRIES if name == "o" else None,
                width=width,
                height=HIGH,
                lift=40 if name == "o" else 20,
                lit=lit,
                of=(TOKENS, None),
            )

    def _merge(self, stage, t):
        for k in range(2):
            self._row(stage, k, 1.0)
        done = [t > 0.1 + 0.3 * i for i in range(3)]
        (m1, s1, _), (m2, s2, _) = LEFT_BEHIND
        m, s, _ = TOGETHER
        shrinks = number(np.exp(m1 - m)[FIRST])
        m1, m2, m, s1, s2, s = (number(of[FIRST]) for of in (m1, m2, m, s1, s2, s))
        told = (
            f"m: max({m1}, {m2}) = {m}",
            f"s: {shrinks} · {s1} + {s2} = {s}",
            f"o: {shrinks} · o 1 + o 2",
        )
        lines = [line for line, there in zip(told, done, strict=True) if there]
        self._told(stage, ROWS[2], TOKENS[FIRST], lines)
        self._kept(stage, ROWS[2], TOGETHER, done, lit=[FIRST])

    def _told(self, stage, y, head, lines):
        stage.text(LEFT, y - 12, head, align="left", weight="bold", id=f"head {y}")
        for i, line in enumerate(lines):
            stage.text(LEFT, y + 18 + 28 * i, line, align="left", id=f"line {y} {i}")

    def _divide(self, stage, t):
        self._merged(stage)
        self._output(stage, t > 0.4)

    def _merged(self, stage):
        self._scores(stage, ROWS[0], slice(0), id="S0")
        self._kept(stage, ROWS[0], TOGETHER, [True] * 3)

    def _output(self, stage, there):
        if not there:
            return
        self._mixed(stage, ROWS[1], self.part.values, **self.part.style)
        _, s, o = TOGETHER
        O = o / s[:, None]
        lines = [
            f"{feature}: {number(o[FIRST, c])} / {number(s[FIRST])}"
            f" = {number(O[FIRST, c])}"
            for c, feature in enumerate(CARRIES)
        ]
        self._told(stage, ROWS[1], f"O = o / s, as for {TOKENS[FIRST]}", lines)

    def _mixed(self, stage, y, values, **style):
        stage.matrix(
            values,
            468,
            y,
            COLOURS["O"],
            "O",
            "",
            rows=TOKENS,
            columns=CARRIES,
            width=60,
            height=HIGH,
            lift=40,
            **style,
        )

    def _end(self, stage, t):
        self._merged(stage)
        self._output(stage, True)
        if self.part.right:
            self._scores(stage, ROWS[2], slice(None), id="S2")
            stage.text(340, ROWS[2] + 48, "all at once", colour=QUIET)
            self._mixed(stage, ROWS[2], MIXED)
        elif not self.part.known:
            told = "Yours: " + cut(self.part.problem, 70)
            stage.says(66, ROWS[2], told, 520, WRONG, "bold")
