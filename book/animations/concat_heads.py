"""Concatenate: what the heads found about a token is laid side by side."""

import numpy as np

from book.sentence import TOKENS

from .scene import Scene, Step
from .split_heads import HEADS, HIGH, LANES, START, WHOLE, WIDE, block, closing
from .stage import COLOURS, LEFT, WRONG, between
from .take import cast

TOP, LOW = 46, 226


def play_concat_heads(concat_heads):
    """Play `concat_heads` on addresses: (h, n, d_v) -> (n, h·d_v)."""
    actor = cast(concat_heads)
    part = actor.play(HEADS, expected=WHOLE)
    return Scene(
        title="Side by side again, token by token",
        steps=_Play(part).steps(),
        text=(
            "Above the outputs of two heads, each with a row for each of the four "
            "tokens. Below one matrix: row by row, what head 1 found about a token "
            "and what head 2 found about it stand side by side. A reshape alone puts "
            "head 1 above head 2 instead."
        ),
        player=actor.line(part),
    )


class _Play:
    def __init__(self, part):
        self.part = part

    def steps(self):
        steps = [
            Step(
                "Each head has an output for every token: (2, 4, 3). Again the first "
                "digit is the token, the second the feature.",
                lambda stage, t: self._heads(stage),
            )
        ]
        for i, token in enumerate(TOKENS):
            found = "and ".join(_told(HEADS[k, i]) + " " for k in range(2)).strip()
            caption = f"“{token}”: {found} become one row of six."
            steps.append(Step(caption, self._joins(i), 0.96))
        return [
            *steps,
            Step(
                "A reshape to (4, 6) alone walks through head 1 first: its rows 1 and "
                "2 become one row. Two tokens share a row, and the heads stay apart.",
                self._dealt,
                2.88,
            ),
            Step(closing(self.part, "one row a token", "feature"), self._end),
        ]

    def _heads(self, stage, lit=()):
        for k, x in enumerate(LANES):
            name = f"head {k + 1}"
            block(
                stage, HEADS[k], x, TOP, COLOURS["O"], name, rows=TOKENS, lit=list(lit)
            )

    def _joins(self, i):
        """Row i of both heads goes down and becomes one row."""

        def draw(stage, t):
            self._heads(stage, [i])
            shown = np.zeros(WHOLE.shape, bool)
            shown[: i + (t == 1)] = True
            self._joined(stage, WHOLE, shown=shown, lit=[i])
            if t == 1:
                return
            go = between(t, 0.1, 0.95)
            for k, x in enumerate(LANES):
                start = (x, TOP + i * HIGH)
                end = (START + 3 * WIDE * k, LOW + i * HIGH)
                spot = [a + (b - a) * go for a, b in zip(start, end, strict=True)]
                block(stage, HEADS[k][[i]], *spot, COLOURS["O"])

        return draw

    def _joined(self, stage, values, **style):
        note = "(4, 6)"
        block(stage, values, START, LOW, COLOURS["O"], "O", note, rows=TOKENS, **style)

    def _dealt(self, stage, t):
        """Where reading order puts each number."""
        self._heads(stage)
        order = HEADS.reshape(4, 6)
        count = round(24 * t)
        shown = (np.arange(24) < count).reshape(4, 6)
        block(stage, order, START, LOW, COLOURS["O"], shown=shown)
        stage.text(
            START, LOW - 20, "reshape alone", align="left", colour=WRONG, weight="bold"
        )
        if 0 < count < 24:
            k, place = divmod(count - 1, 12)
            i, j = divmod(place, 3)
            spot = (LANES[k] + j * WIDE, TOP + i * HIGH)
            stage.box(*spot, WIDE, HIGH, WRONG, line=3)
        if t == 1:
            for i, row in enumerate(order):
                owners = sorted({int(v) // 10 - 1 for v in row})
                told = " and ".join(TOKENS[o] for o in owners)
                spot = (START + 6 * WIDE + 12, LOW + (i + 0.5) * HIGH)
                stage.text(*spot, told, align="left", colour=WRONG)

    def _end(self, stage, t):
        self._heads(stage)
        if not self.part.known:
            stage.failed(self.part, LEFT, LOW - 36, COLOURS["O"])
            return
        self._joined(stage, self.part.values, **self.part.style)


def _told(row):
    return " ".join(f"{int(v)}" for v in row)
