"""Add and norm: the input is added back, then each row is brought to one size."""

import numpy as np

from book.palette import mix
from book.sentence import BETA, FEATURES, GAMMA, HEADS_PARAMS, TOKENS, X

from .scene import Scene, Step
from .stage import COLOURS, INK, LEFT, PALE, PAPER, QUIET, between, number
from .take import cast, ending, right

MIXED, _ = right("multi_head_attention")(X, HEADS_PARAMS, 2)  # (n, d_model)
SUMS = X + MIXED  # what is normalised, (n, d_model)
SIZED = right("layer_norm")(SUMS, np.ones(len(GAMMA)), np.zeros(len(GAMMA)))
NORMED = right("layer_norm")(SUMS, GAMMA, BETA)
FIRST = TOKENS.index("cat")
START, WIDE, HIGH = 104, 70, 22  # where the columns begin, and the size of a cell
TOP, ZERO, LOW = 62, 256, 366  # input, zero line of the bars, result
UNIT = 34  # height of a bar of length 1
HEIGHT = 496


def play_layer_norm(layer_norm):
    """Play `layer_norm` on the block's sums: X (n, d_model), gamma, beta -> same."""
    actor = cast(layer_norm)
    part = actor.play(SUMS, GAMMA, BETA, expected=NORMED)
    flat = np.full((1, len(GAMMA)), 2.0)
    quiet = actor.play(
        flat, GAMMA, BETA, expected=right("layer_norm")(flat, GAMMA, BETA)
    )
    return Scene(
        title="Each token is brought to the same scale",
        steps=_Norm(part, quiet).steps(),
        text=(
            "Above the input, below the result, with one column for each feature. "
            "Between them the features of one token as bars: they are shifted until "
            "their mean is 0, stretched until their variance is 1, then each feature "
            "is scaled by gamma and shifted by beta."
        ),
        player=actor.line(part, quiet),
        height=HEIGHT,
        still=3,
    )


class _Norm:
    def __init__(self, part, quiet):
        self.part, self.quiet = part, quiet

    def steps(self):
        row, token = SUMS[FIRST], TOKENS[FIRST]
        mean, spread = number(row.mean()), number(row.std())
        steps = [
            Step(
                f"The six features of “{token}” as bars. Their mean is {mean}, their "
                f"standard deviation {spread}. Every token has its own.",
                self._row(FIRST, 0),
            ),
            Step(
                "Subtract the mean of this row: the bars now balance around 0.",
                self._row(FIRST, 1),
                0.96,
            ),
            Step(
                "Divide by the standard deviation of this row: variance 1. The pattern "
                "stays, and every token now has the same scale.",
                self._row(FIRST, 2),
                0.96,
            ),
            Step(
                "Each feature gets its own gamma (times) and beta (plus), set by hand "
                "here. They are the same for every token." + self.part.of_row(FIRST),
                self._row(FIRST, 3),
                0.96,
            ),
        ]
        done = [FIRST]
        for i in (i for i in range(len(X)) if i != FIRST):
            mean, spread = number(SUMS[i].mean()), number(SUMS[i].std())
            caption = (
                f"“{TOKENS[i]}”: its own mean, {mean}, and its own standard deviation, "
                f"{spread}."
            )
            steps.append(
                Step(caption + self.part.of_row(i), self._row(i, 4, tuple(done)), 1.2)
            )
            done.append(i)
        steps.append(Step(self._quiet(), self._constant))
        return [*steps, Step(self._closing(), self._end)]

    # The captions.

    def _quiet(self):
        text = "A token with six equal features has variance 0. eps saves it from 0 / 0"
        if self.quiet.right:
            return f"{text}: what is left is beta."
        if not self.quiet.known:
            return f"{text}. Yours: {self.quiet.problem}."
        told = ", ".join(number(v) for v in self.quiet.values[0])
        return f"{text}. Yours: {told}."

    def _closing(self):
        return ending(
            {"this result": self.part},
            "Layer norm looks at one token at a time, never along a column. "
            "It does not mix tokens.",
        )

    # The pictures.

    def _row(self, i, level, done=()):
        """Row i as bars, on the way to a level; level 4 runs through all."""
        row = SUMS[i]
        centred = row - row.mean()
        stations = (row, centred, SIZED[i], NORMED[i])

        def draw(stage, t):
            if level == 4:
                at = min(int(t * 3), 2)
                go, before, after = t * 3 - at, stations[at], stations[at + 1]
                now = 3 if t == 1 else at
            else:
                go, now = between(t, 0.1, 0.9), level
                before, after = stations[max(level - 1, 0)], stations[level]
            bars = before + (after - before) * min(go, 1)
            shown = np.zeros(SUMS.shape, bool)
            shown[list(done)] = True
            shown[i] = now == 3 and t > 0.9
            self._stand(stage, shown, i)
            if level < 3:
                _measure(stage, bars, bars)
            elif level == 4:  # gamma and beta come on top: what is told is the input's
                _measure(stage, row, row if t == 0 else None)
            _bars(stage, bars, COLOURS["Y"], go in (0, 1))
            if now == 3 and level != 4:
                _learnt(stage)

        return draw

    def _stand(self, stage, shown, i=None):
        lit = [] if i is None else [i]
        style = {"rows": TOKENS, "width": WIDE, "height": HIGH, "lit": lit}
        top = np.abs(SUMS).max()
        stage.matrix(
            SUMS,
            START,
            TOP,
            COLOURS["Y"],
            "X + Y",
            "",
            columns=FEATURES,
            top=top,
            **style,
        )
        stage.matrix(
            self.part.values,
            START,
            LOW,
            COLOURS["Y"],
            shown=shown,
            top=top,
            **self.part.style,
            **style,
        )

    def _constant(self, stage, t):
        flat = np.full(len(GAMMA), 2.0)
        style = {"width": WIDE, "height": HIGH}
        stage.matrix(
            flat[None],
            START,
            TOP,
            COLOURS["Y"],
            "all equal",
            "",
            columns=FEATURES,
            **style,
        )
        _measure(stage, flat, flat)
        _bars(stage, flat, COLOURS["Y"])
        if not self.quiet.known:
            stage.failed(self.quiet, LEFT, LOW - 20, COLOURS["Y"], rows=1)
            return
        stage.matrix(
            self.quiet.values, START, LOW, COLOURS["Y"], **self.quiet.style, **style
        )
        stage.text(START - 7, LOW + HIGH / 2, "result", align="right")

    def _end(self, stage, t):
        if self.part.known:
            self._stand(stage, np.ones(SUMS.shape, bool))
            stage.arrow((START + 210, 166), (START + 210, LOW - 16))
            told = "each row on its own"
            stage.text(START + 224, ZERO, told, align="left", colour=QUIET)
        else:
            _expected(stage, self.part)


def play_add_and_norm(add_and_norm):
    """Play `add_and_norm` on the sentence: X, Y (n, d_model) -> LayerNorm(X + Y)."""
    actor = cast(add_and_norm)
    part = actor.play(X, MIXED, GAMMA, BETA, expected=NORMED)
    return Scene(
        title="What a token was, and what it found",
        steps=_Add(part).steps(),
        text=(
            "Above one row of the block's input X and the same row of its output Y, "
            "with one column for each feature. Between them bars: grey for X, "
            "coloured for Y; they are laid on each other and then normalised. Below "
            "the result."
        ),
        player=actor.line(part),
        height=HEIGHT,
        still=2,
    )


class _Add:
    def __init__(self, part):
        self.part = part

    def steps(self):
        token = TOKENS[FIRST]
        most = int((np.abs(X[FIRST]) - np.abs(MIXED[FIRST])).argmax())
        lost, before, after = FEATURES[most], X[FIRST, most], MIXED[FIRST, most]
        steps = [
            Step(
                f"“{token}” before the block, X, and what the block found for it, Y. "
                f"X says “{lost}” {number(before)}, Y says {number(after)}: Y alone "
                "would forget what the token was.",
                self._row(FIRST, 0),
            ),
            Step(
                "Add: every feature of X goes through unchanged, Y comes on top.",
                self._row(FIRST, 1),
                0.96,
            ),
            Step(
                "Normalise the sum: mean 0, variance 1, then gamma and beta."
                + self.part.of_row(FIRST),
                self._row(FIRST, 2),
                0.96,
            ),
        ]
        done = [FIRST]
        for i in (i for i in range(len(X)) if i != FIRST):
            caption = f"“{TOKENS[i]}” in the same way." + self.part.of_row(i)
            steps.append(Step(caption, self._row(i, 3, tuple(done)), 1.2))
            done.append(i)
        return [*steps, Step(self._closing(), self._end)]

    # The captions.

    def _closing(self):
        return ending(
            {"this result": self.part},
            "The sum keeps a straight path from the input to the output, however many "
            "blocks lie between; the norm keeps the numbers at one scale.",
        )

    # The pictures.

    def _row(self, i, level, done=()):
        def draw(stage, t):
            now, go = level, between(t, 0.1, 0.9)
            if level == 3:
                now = 1 if t < 0.5 else 2
                go = between(t, 0.0, 0.5) if now == 1 else between(t, 0.5, 0.95)
            shown = np.zeros(SUMS.shape, bool)
            shown[list(done)] = True
            shown[i] = now == 2 and t > 0.9
            self._stand(stage, i, shown, now >= 1 and (now > 1 or go == 1))
            if now < 2:
                _pairs(stage, X[i], MIXED[i], go if now == 1 else 0.0)
            else:
                bars = SUMS[i] + (NORMED[i] - SUMS[i]) * go
                _bars(stage, bars, COLOURS["Y"], go in (0, 1))

        return draw

    def _stand(self, stage, i, shown, added):
        style = {"width": WIDE, "height": HIGH}
        lines = [("X", X, "X"), ("Y", MIXED, "Y")]
        if added:
            lines.append(("X + Y", SUMS, "Y"))
        for k, (label, values, colour) in enumerate(lines):
            y = TOP + 30 * k
            columns = FEATURES if k == 0 else None
            stage.matrix(
                values[[i]], START, y, COLOURS[colour], columns=columns, top=2, **style
            )
            stage.text(START - 7, y + HIGH / 2, label, align="right", weight="bold")
        stage.text(START, 22, TOKENS[i], 19, "left", weight="bold")
        stage.matrix(
            self.part.values,
            START,
            LOW,
            COLOURS["Y"],
            rows=TOKENS,
            lit=[i],
            shown=shown,
            top=2,
            **self.part.style,
            **style,
        )

    def _end(self, stage, t):
        if self.part.known:
            style = {"rows": TOKENS, "width": WIDE, "height": HIGH}
            stage.matrix(
                SUMS, START, TOP, COLOURS["Y"], "X + Y", "", columns=FEATURES, **style
            )
            stage.arrow((START + 210, 176), (START + 210, LOW - 44))
            stage.text(START + 224, 240, "LayerNorm", align="left")
            stage.matrix(
                self.part.values,
                START,
                LOW,
                COLOURS["Y"],
                "result",
                "",
                lift=18,
                **self.part.style,
                **style,
            )
        else:
            _expected(stage, self.part)


def _expected(stage, part):
    """What should have come, and what came instead."""
    style = {"rows": TOKENS, "width": WIDE, "height": HIGH}
    stage.matrix(NORMED, START, TOP, COLOURS["Y"], "expected", "", faded=True, **style)
    stage.failed(part, LEFT, 186, COLOURS["Y"], rows=4)


# The bars of one token, one below each column.


def _bars(stage, values, colour, told=True):
    """A bar for each number; the numbers are told where the bars stand still."""
    for j, value in enumerate(values):
        _bar(stage, j, 0.0, value, colour)
        if told:
            _label(stage, j, value)
    _zero(stage)


def _pairs(stage, first, second, go):
    """Bars of two rows, first side by side; then the second begins where X ends."""
    for j, (a, b) in enumerate(zip(first, second, strict=True)):
        _bar(stage, j, 0.0, a, COLOURS["X"], -9 * (1 - go), 16 + 18 * go)
        _bar(stage, j, a * go, b, COLOURS["Y"], 9 * (1 - go), 16)
        if go == 1:
            _label(stage, j, a + b, tall=max(a, a + b, 0), deep=min(a, a + b, 0))
    _zero(stage)


def _bar(stage, j, base, value, colour, aside=0.0, wide=34):
    """One bar from `base`; what is beyond the picture is cut off."""
    if not np.isfinite(value):
        return
    x = START + (j + 0.5) * WIDE + aside - wide / 2
    low, high = sorted((base, base + value))
    low, high = np.clip((low, high), -2.7, 2.7)
    fill = mix(colour, PALE, 0.35)
    stage.box(x, ZERO - high * UNIT, wide, (high - low) * UNIT, colour, fill, 1.2)


def _label(stage, j, value, tall=None, deep=None):
    """The number at the end of a bar."""
    end = np.clip(value, -2.7, 2.7)
    y = ZERO - (max(end, 0) if tall is None else min(tall, 2.7)) * UNIT - 12
    if end < 0:
        y = ZERO - (end if deep is None else max(deep, -2.7)) * UNIT + 13
    x, told = START + (j + 0.5) * WIDE, number(value)
    half = 6 * len(told)
    stage.box(x - half, y - 7, 2 * half, 14, PAPER, PAPER, 0)  # off the dashed line
    stage.text(x, y, told)


def _zero(stage):
    end = START + len(FEATURES) * WIDE
    stage.line([START - 6, end + 6], [ZERO, ZERO], INK, 1.4)
    stage.text(START - 12, ZERO, "0", align="right", colour=QUIET)


def _measure(stage, values, bars):
    """Mean and spread in words; the mean of the bars as a dashed line, if they show."""
    x, mean = START + len(FEATURES) * WIDE, values.mean()
    if bars is not None:
        y = ZERO - bars.mean() * UNIT
        stage.line([START, x], [y, y], INK, 1.6, linestyle=(0, (4, 3)))
    stage.text(x + 10, ZERO - 60, "mean", align="left", colour=QUIET)
    stage.text(x + 10, ZERO - 36, _rounded(mean), align="left", weight="bold")
    stage.text(x + 10, ZERO + 14, "std", align="left", colour=QUIET)
    stage.text(x + 10, ZERO + 38, _rounded(values.std()), align="left", weight="bold")


def _rounded(value):
    return number(round(value, 2) + 0.0)


def _learnt(stage):
    """gamma and beta, below the bars of their features."""
    for j, (gamma, beta) in enumerate(zip(GAMMA, BETA, strict=True)):
        told = [f"×{number(gamma)}"] if gamma != 1 else []
        told += [f"+{number(beta)}"] if beta else []
        x = START + (j + 0.5) * WIDE
        stage.text(x, LOW - 16, " ".join(told), colour=QUIET)
