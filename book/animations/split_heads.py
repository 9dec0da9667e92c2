"""Split: features are cut into heads, every head keeps every token."""

import numpy as np

from book.sentence import TOKENS

from .scene import Scene, Step
from .stage import COLOURS, INK, LEFT, QUIET, WRONG, between
from .take import cast, ending, right

# Each number tells its address: 32 is feature 2 of token 3.
WHOLE = np.add.outer(10 * np.arange(1, 5), np.arange(1, 7)).astype(float)  # (n, d)
HEADS = right("split_heads")(WHOLE, 2)  # (h, n, d_k)
HIGH, WIDE = 26, 42
TOP, LOW = 62, 246
START = 128  # where the whole matrix stands
LANES = (START, START + 236)  # where the heads stand
TINT = 60.0


def play_split_heads(split_heads):
    """Play `split_heads` on addresses: (n, d_model), num_heads -> (h, n, d_k)."""
    actor = cast(split_heads)
    part = actor.play(WHOLE, 2, expected=HEADS)
    return Scene(
        title="Cut the features, keep the tokens",
        steps=_Play(part).steps(),
        text=(
            "Above a matrix of four tokens with six features; each number tells its "
            "token and its feature. Below the two heads. The first three features of "
            "all tokens move to head 1, the others to head 2. A reshape alone deals "
            "the numbers out in reading order and mixes the tokens."
        ),
        player=actor.line(part),
    )


class _Play:
    def __init__(self, part):
        self.part = part

    def steps(self):
        return [
            Step(
                "Four tokens, six features. Each number tells its address: 32 is "
                "token 3, feature 2. A cut must not lose this order.",
                lambda stage, t: whole(stage),
            ),
            Step(
                "Two heads: cut between the features. Head 1 gets features 1 to 3 of "
                "every token, head 2 gets features 4 to 6 of every token.",
                self._cut,
                1.44,
            ),
            Step(
                "Now the heads are the first axis: (2, 4, 3). In each head row i still "
                "belongs to token i, as everything that follows needs it.",
                lambda stage, t: self._heads(stage),
            ),
            Step(
                "A reshape to (2, 4, 3) alone has the same shape and is wrong: it "
                "deals the numbers out in reading order. Head 1 gets all of “the” and "
                "“tired”, and nothing of “cat” and “slept”.",
                self._dealt,
                2.88,
            ),
            Step(closing(self.part, "the heads", "head"), self._end),
        ]

    def _heads(self, stage):
        whole(stage)
        for k, x in enumerate(LANES):
            block(stage, HEADS[k], x, LOW, COLOURS["Q"], f"head {k + 1}", rows=TOKENS)

    def _cut(self, stage, t):
        whole(stage, cut=True)
        go = between(t, 0.25, 0.95)
        for k, x in enumerate(LANES):
            start = START + 3 * WIDE * k
            spot = (start + (x - start) * go, TOP + (LOW - TOP) * go)
            name = f"head {k + 1}" if t == 1 else None
            rows = TOKENS if t == 1 else None
            block(stage, HEADS[k], *spot, COLOURS["Q"], name, rows=rows)

    def _dealt(self, stage, t):
        """Where reading order puts each number."""
        grid = whole(stage)
        order = WHOLE.reshape(2, 4, 3)
        count = round(24 * t)
        for k, x in enumerate(LANES):
            shown = (np.arange(12) + 12 * k < count).reshape(4, 3)
            rows = (
                [TOKENS[int(v) // 10 - 1] for v in order[k][:, 0]] if t == 1 else None
            )
            block(stage, order[k], x, LOW, COLOURS["Q"], None, rows=rows, shown=shown)
            told = f"reshape alone, head {k + 1}"
            style = {"align": "left", "colour": WRONG, "weight": "bold"}
            stage.text(x, LOW - 20, told, **style)
        if 0 < count < 24:
            i, j = divmod(count - 1, 6)
            stage.box(*grid.corner(i, j), WIDE, HIGH, WRONG, line=3)

    def _end(self, stage, t):
        whole(stage)
        if not self.part.known:
            stage.failed(self.part, LEFT, LOW - 42, COLOURS["Q"], rows=3)
            return
        for k, x in enumerate(LANES):
            style = {"wrong": self.part.wrong[k], "faded": self.part.faded}
            values, name = self.part.values[k], f"head {k + 1}"
            block(stage, values, x, LOW, COLOURS["Q"], name, rows=TOKENS, **style)


def whole(stage, cut=False):
    """All features of all tokens in one matrix, with the cut between the heads."""
    grid = block(
        stage, WHOLE, START, TOP, COLOURS["Q"], "marked", rows=TOKENS, note="(4, 6)"
    )
    for j in range(6):
        x = grid.centre(0, j)[0]
        stage.text(x, TOP + 4 * HIGH + 14, str(j + 1), colour=QUIET)
    stage.text(
        grid.right + 14, TOP + 4 * HIGH + 14, "feature", align="left", colour=QUIET
    )
    if cut:
        x = grid.x + 3 * WIDE
        stage.line([x, x], [TOP - 12, grid.bottom + 26], INK, 3)
    return grid


def block(stage, values, x, y, colour, name=None, note="", **style):
    """A matrix of addresses: darker rows are later tokens."""
    return stage.matrix(
        values,
        x,
        y,
        colour,
        name,
        note,
        width=WIDE,
        height=HIGH,
        lift=20,
        top=TINT,
        **style,
    )


def closing(part, result, place):
    """What the last step says of the learner's result, and of each number's place."""
    return ending(
        {result: part},
        f"Each number has kept its token and has found its {place}: the first digit is "
        "the row, as before.",
        f"{part.wrong.sum()} of your {part.wrong.size} numbers stand at other places: "
        "they are marked. Their digits tell where they come from.",
    )
