"""Softmax: a row of scores becomes a row of shares that fill exactly one."""

import numpy as np

from book.palette import mix
from book.sentence import TOKENS

from .scene import Scene, Step
from .stage import (
    COLOURS,
    INK,
    LEFT,
    PAPER,
    QUIET,
    RIGHT,
    WRONG,
    between,
    cell_width,
    number,
)
from .take import cast, right

# The scaled scores of the running sentence, (n, m).
SCORES = right("scale")(
    np.array([[0, 0, 2, 0], [0, 0, 4, 2], [0, 6, 0, 2], [0, 2, 6, 0]]), 3
)
LOWERED = SCORES - SCORES.max(axis=1, keepdims=True)
POWERS = np.exp(LOWERED)
TOTALS = POWERS.sum(axis=1, keepdims=True)
WEIGHTS = right("softmax")(SCORES)
SHIFT = 1000.0
TOP = 68  # where the matrices begin
BENCH = (108, 212)  # where one row is worked on
BAR = (372, 105)  # where the bars begin, and how long is a bar of length 1
FIRST = TOKENS.index("cat")


def play_softmax(softmax):
    """Play `softmax` on the scaled scores of the sentence: S (n, m) -> A (n, m)."""
    actor = cast(softmax)
    part = actor.play(SCORES, expected=WEIGHTS)
    shifted = actor.play(SCORES + SHIFT, expected=part.values)
    return Scene(
        title="A row of scores becomes a row of weights",
        steps=_Play(part, shifted).steps(),
        text=(
            "On the left the scores S, on the right the weights A with the sum of each "
            "row. Below, one row: its largest score is subtracted, exp makes every "
            "number positive, and each is divided by their sum. Bars laid end to end "
            "show that the weights of a row fill exactly the length one."
        ),
        player=actor.line(part, shifted),
        still=-2,
        height=408,
    )


class _Play:
    def __init__(self, part, shifted):
        self.part, self.shifted = part, shifted
        self.values, self.wrong = part.values, part.wrong

    def steps(self):
        none = np.zeros(SCORES.shape, bool)
        done = none.copy()
        done[FIRST] = True
        row, token = SCORES[FIRST], TOKENS[FIRST]
        steps = [
            Step(
                f"The scores of “{token}” can be any numbers. Weights must be "
                "positive, and a row of them must add up to 1.",
                self._row(FIRST, none, 1),
            ),
            Step(
                f"Subtract the row's largest score, {number(row.max())}. Now the "
                "largest is 0, and exp cannot overflow.",
                self._row(FIRST, none, 2),
                0.72,
            ),
            Step(
                "exp makes every number positive and keeps their order. Laid end to "
                f"end they are {number(TOTALS[FIRST, 0])} long: too long for 1.",
                self._row(FIRST, none, 3),
                0.96,
            ),
            Step(
                f"Divide each by {number(TOTALS[FIRST, 0])}, their sum: the bars "
                "shrink together until they fill exactly 1." + self._aside(FIRST),
                self._row(FIRST, none, 4),
                1.2,
            ),
        ]
        for i in (i for i in range(len(SCORES)) if i != FIRST):
            caption = f"The row of “{TOKENS[i]}” in the same way. It adds up to 1 too."
            steps.append(
                Step(caption + self._aside(i), self._row(i, done.copy(), 0), 1.44)
            )
            done[i] = True
        steps.append(Step(self._sums(), self._end))
        steps.append(Step(self._shift(), self._move, 0.0))
        return steps

    # The captions.

    def _aside(self, i):
        if not self.wrong[i].any():
            return ""
        told = ", ".join(number(v) for v in self.values[i])
        return f" Yours: {told}, sum {number(self.values[i].sum())}."

    def _sums(self):
        if not self.part.known:
            return f"Yours did not give these weights: {self.part.problem}."
        sums = self.values.sum(axis=1)
        if not np.allclose(sums, 1):
            told = ", ".join(number(s) for s in sums)
            return f"Each row should add up to 1. The rows of yours add up to {told}."
        if self.wrong.any():
            return (
                "The rows add up to 1, and yet "
                f"{self.wrong.sum()} of the {self.wrong.size} weights differ."
            )
        return (
            "Every row of A is a whole, cut into shares: so much does this token take "
            "from each token. Nothing is promised about the columns."
        )

    def _shift(self):
        told = f"Add {SHIFT:g} to every score: only differences count, so no weight "
        if not self.shifted.known:
            return f"{told}should change. Yours: {self.shifted.problem}."
        if self.shifted.right:
            return f"{told}changes. exp({SHIFT:g}) alone would overflow."
        return f"{told}should change. In yours they do: they are marked."

    # The pictures.

    def _row(self, i, done, level):
        """Work on row i down to a line of the bench; level 0 runs through all."""

        def draw(stage, t):
            now = level or min(1 + int(t * 4), 4)
            own = t if level else t * 4 - int(min(t, 0.99) * 4)
            shown = done.copy()
            shown[i] = now == 4 and own > 0.8
            self._stand(stage, SCORES, self.part, shown, i)
            self._bench(stage, i, now, own)

        return draw

    def _stand(self, stage, scores, part, shown, i=None):
        lit = [] if i is None else [i]
        width = max(50, cell_width(scores))
        style = {"columns": TOKENS, "rows": TOKENS, "lit": lit, "lift": 40}
        stage.matrix(scores, 66, TOP, COLOURS["S"], "S", width=width, **style)
        values = part.values
        wide = 50
        a = stage.matrix(
            values,
            RIGHT - 52 - 4 * wide,
            TOP,
            COLOURS["A"],
            "A",
            width=wide,
            shown=shown,
            **part.style,
            **style,
        )
        stage.text(RIGHT - 22, TOP - 13, "sum", colour=QUIET)
        for k in np.flatnonzero(shown.all(axis=1)):
            total = values[k].sum()
            right = np.isclose(total, 1)
            stage.text(
                RIGHT - 22,
                a.centre(k, 0)[1],
                number(total),
                colour=INK if right else WRONG,
                weight="bold",
            )

    def _bench(self, stage, i, level, t):
        """The lines of the bench down to `level`, the last one on its way in."""
        x, y = BENCH
        lines = (
            ("scores", SCORES, COLOURS["S"]),
            ("− largest", LOWERED, COLOURS["S"]),
            ("exp", POWERS, COLOURS["A"]),
            ("÷ sum", WEIGHTS, COLOURS["A"]),
        )
        for k, (label, values, colour) in enumerate(lines[:level]):
            row, place = values[[i]], y + 33 * k
            shown = None
            if k and k == level - 1:  # number by number
                shown = np.arange(row.size)[None] < round(row.size * t / 0.8)
            top = np.abs(values).max()
            stage.text(x - 8, place + 15, label, align="right", colour=QUIET)
            stage.matrix(row, x, place, colour, width=60, top=top, shown=shown)
        if level >= 3:
            share = between(t, 0, 0.9)
            self._lengths(stage, i, y + 2 * 33, share if level == 3 else 1.0, 0.0)
        if level == 4:
            self._lengths(stage, i, y + 3 * 33, 1.0, between(t, 0.1, 0.9))

    def _lengths(self, stage, i, y, grown, divided):
        """The numbers of the row as bars end to end, on the measure of length 1."""
        x, unit = BAR
        total = TOTALS[i, 0]
        lengths = POWERS[i] * grown / (1 + (total - 1) * divided)
        bar(stage, x, y, lengths, unit, COLOURS["A"], 30, TOKENS, longest=2)
        stage.line([x + unit] * 2, [y - 5, y + 35], INK, 2)
        if y > BENCH[1] + 70:
            stage.text(x, y + 45, "0", colour=QUIET)
            stage.text(x + unit, y + 45, "1", colour=QUIET)
        told = number(lengths.sum())
        spot = x + max(unit, unit * lengths.sum()) + 8
        if grown == 1:
            stage.text(spot, y + 15, told, align="left", weight="bold")

    def _end(self, stage, t):
        self._stand(stage, SCORES, self.part, np.ones(SCORES.shape, bool))
        if not self.part.known:
            stage.failed(self.part, LEFT, 216, COLOURS["A"])
            return
        x, y, unit = 108, 214, 400
        for i, token in enumerate(TOKENS):
            stage.text(x - 8, y + 33 * i + 14, token, align="right")
            row, total = self.values[i], self.values[i].sum()
            if np.isfinite(row).all():
                bar(stage, x, y + 33 * i, row, unit, COLOURS["A"], 28, TOKENS)
            told, weight = number(total), "normal" if np.isclose(total, 1) else "bold"
            stage.text(RIGHT - 22, y + 33 * i + 14, told, weight=weight)
        stage.line([x + unit] * 2, [y - 8, y + 33 * 4], INK, 2)

    def _move(self, stage, t):
        """The same rows, far from zero."""
        part, everywhere = self.shifted, np.ones(SCORES.shape, bool)
        self._stand(stage, SCORES + SHIFT, part, everywhere)
        x, y = BENCH
        if not part.known:
            stage.failed(part, LEFT, 216, COLOURS["A"])
            return
        row = SCORES[[FIRST]] + SHIFT
        for k, (label, numbers) in enumerate(
            (("scores", row), ("− largest", LOWERED[[FIRST]]))
        ):
            place = y + 33 * k
            stage.text(x - 8, place + 15, label, align="right", colour=QUIET)
            stage.matrix(numbers, x, place, COLOURS["S"], width=60)
        stage.text(372, y + 15, f"{TOKENS[FIRST]}, each + {SHIFT:g}", align="left")
        stage.text(372, y + 48, "as before", align="left")
        told = "no weight changed" if part.right else "your weights changed"
        colour = INK if part.right else WRONG
        stage.text(x, y + 90, told, align="left", colour=colour, weight="bold")
        if np.isnan(part.values).any():
            told = f"exp({SHIFT:g}) is ∞, and ∞ / ∞ is nan"
            stage.text(x, y + 120, told, align="left")


def bar(stage, x, y, lengths, unit, colour, height, labels=None, longest=1.16):
    """Lay lengths end to end as pieces of one bar, at most `longest` units long."""
    start, end = x, x + longest * unit
    largest = np.argmax(np.nan_to_num(lengths))  # it is the darkest
    for k, length in enumerate(lengths):
        width = min(max(length, 0) * unit, end - start)
        if width <= 0:
            continue
        tint = mix(colour, PAPER, 0.25 if k == largest else 0.65)
        stage.box(start, y, width, height, PAPER, tint, 1, id=f"piece {k} {y:.0f}")
        if labels is not None and width > 12 + 10 * len(labels[k]):
            stage.text(start + width / 2, y + height / 2, labels[k])
        start += width
