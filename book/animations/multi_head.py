"""Many heads: the whole workflow, from the tokens to the block's output."""

import numpy as np

from book.sentence import BETA, GAMMA, HEADS_PARAMS, TOKENS, X

from .parallel_heads import OUTPUTS, WEIGHTS
from .scene import Scene, Step
from .stage import COLOURS, QUIET, WRONG, between, cut
from .take import MARKED, cast, ending, right

PROJECTED = dict(zip("QKV", right("project_qkv")(X, HEADS_PARAMS), strict=True))
JOINED = right("concat_heads")(OUTPUTS)  # (n, d_model)
MIXED, _ = right("multi_head_attention")(X, HEADS_PARAMS, 2)  # (n, d_model)
HIGH, WIDE = 22, 28
ROWS = (42, 172, 302, 432)  # where the rows of matrices begin
LIFT = 21  # how far above stand their names
LANES = (62, 246, 430)  # where Q, K and V stand
CUT = 8  # how far the heads move apart
# The steps of the article, and what each picture after the first one is called.
MIX = 6  # the level on which Y is made
STEPS = (
    "parameters",
    "project",
    "split into heads",
    "attend in each head",
    "concatenate",
    "mix",
    "add and norm",
)
TITLES = (
    ("1  parameters", "for two heads, h = 2"),
    ("2  project", "Q = X·W_q + b_q,  K and V alike"),
    ("3  split into heads", "columns 1 to 3, columns 4 to 6"),
    ("4  attend in each head", "softmax(Q·Kᵀ / √3)·V"),
    ("5  concatenate", "side by side"),
    ("6  mix", "Y = O·W_o + b_o"),
    ("7  add …", "X + Y: the residual"),
    ("7  … and norm", "each row on its own"),
)


def play_multi_head_attention(multi_head_attention):
    """Play the whole block: X, params, num_heads -> Y (n, d_model), A (h, n, n)."""
    actor = cast(multi_head_attention)
    parts = actor.play(X, HEADS_PARAMS, 2, expected=[MIXED, WEIGHTS])
    return Scene(
        title="Many heads, from the tokens to the output",
        steps=_Play(*parts).steps(),
        text=(
            "From above: the tokens X; their queries, keys and values, which learnt "
            "weights make of them and which are cut into two heads; the weights of "
            "attention in both heads; what the heads found, laid side by side as O, "
            "and the output Y. Then X is added to Y and each row is normalised. At the "
            "end Y is seen again."
        ),
        player=actor.line(*parts),
        height=570,
    )


class _Play:
    def __init__(self, output, weights):
        self.output, self.weights = output, weights
        self.added = X + output.values
        self.normed = _normalised(self.added) * GAMMA + BETA

    def steps(self):
        captions = (
            "The same four tokens. Two heads will read them at the same time, each "
            "with a question of its own.",
            "Parameters: the learnt weights of both heads stand side by side, three "
            "columns for each. They start at random.",
            "Project: three linear maps turn the rows of X into the queries, keys and "
            "values of both heads at once.",
            "Split: the features of Q, K and V are cut into two heads. Every head "
            "keeps every token.",
            "Attend: each head scores, scales, normalises and mixes on its own."
            + self.weights.aside,
            "Concatenate: what the heads found is laid side by side, token by token.",
            "Mix: one more linear map, W_o, brings the heads together."
            + self.output.aside,
            "Add: X is added to Y. What a token was stays, what it found comes on top.",
            "Normalise: each row is shifted and stretched to mean 0 and variance 1, "
            "then scaled and shifted by what was learnt.",
        )
        moving = (0, 0, 1.92, 1.2, 1.92, 1.2, 1.2, 0.96, 0.96)
        steps = [
            Step(caption, self._draw(level), seconds)
            for level, (caption, seconds) in enumerate(
                zip(captions, moving, strict=True)
            )
        ]
        return [*steps, Step(self._closing(), self._end)]

    def _closing(self):
        return ending(
            {"the output": self.output, "the weights": self.weights},
            "Y has the shape that X had: four rows of six features. So the next block "
            "can begin where this one ends.",
            f"{MARKED} The first picture in which they differ shows the step to look "
            "at.",
        )

    # The pictures.

    def _draw(self, level):
        """The picture that `TITLES` names; level 0 shows the tokens alone."""

        def draw(stage, t):
            now = min(int(4 * t), 3) if t < 1 else None
            self._tokens(stage, level, now if level == 2 else None)
            if level in (1, 2):
                self._parameters(stage)
            if level >= 2:
                self._projections(stage, level, t)
            if level >= 4:
                self._heads(stage, level, t)
            if level >= 5:
                self._joined(stage, level, t)
            if level >= 6:
                self._output(stage, level, t)

        return draw

    def _tokens(self, stage, level, now=None):
        self._matrix(stage, X, LANES[0], 0, "X", "X", rows=TOKENS, lit=_only(now))
        if level:
            title, formula = TITLES[level - 1]
            stage.text(270, 58, title, 24, "left", weight="bold")
            stage.text(270, 92, formula, 17, "left", colour=QUIET)

    def _matrix(self, stage, values, x, row, letter, name=None, width=WIDE, **style):
        """A matrix in one of the four rows, in the colour of its letter."""
        style = {"height": HIGH, "lift": LIFT, "width": width} | style
        stage.matrix(values, x, ROWS[row], COLOURS[letter], name, "", **style)

    def _parameters(self, stage):
        """The weights of the three maps, each below what it will make."""
        for x, letter in zip(LANES, "QKV", strict=True):
            name = f"W_{letter.lower()}"
            for k, half in enumerate(np.split(HEADS_PARAMS[name], 2, axis=1)):
                self._matrix(
                    stage,
                    half,
                    x + 3 * WIDE * k,
                    2,
                    letter,
                    name if k == 0 else None,
                    learnt=True,
                )

    def _projections(self, stage, level, t):
        """Q, K and V: row after row, then cut into heads."""
        apart = CUT * between(t, 0.1, 0.9) if level == 3 else CUT * (level > 3)
        count = int(4 * t) if level == 2 else 4
        now = count if level == 2 and t < 1 else None
        for x, (letter, values) in zip(LANES, PROJECTED.items(), strict=True):
            for k, half in enumerate(np.split(values, 2, axis=1)):
                self._matrix(
                    stage,
                    half,
                    x + k * (3 * WIDE + apart),
                    1,
                    letter,
                    letter if k == 0 else None,
                    rows=TOKENS if letter == "Q" and k == 0 else None,
                    shown=_rows(half, count),
                    lit=_only(now),
                )

    def _heads(self, stage, level, t):
        """The weights of both heads at the same time, and what they find."""
        count = round(4 * t) if level == 4 else 4
        now = min(int(4 * t), 3) if level == 4 and t < 1 else None
        for k, values in enumerate(self.weights.values):
            self._matrix(
                stage,
                values,
                62 + 208 * k,
                2,
                "A",
                f"A head {k + 1}",
                width=48,
                rows=TOKENS if k == 0 else None,
                lit=_only(now),
                shown=_rows(values, count),
                wrong=self.weights.wrong[k],
                faded=self.weights.faded,
            )
        if level == 4:
            self._found(stage, CUT, count)

    def _found(self, stage, apart, count=4, name=None):
        for k, values in enumerate(OUTPUTS):
            label = f"O head {k + 1}" if name is None else (name if k == 0 else None)
            self._matrix(
                stage,
                values,
                62 + k * (3 * 45 + apart),
                3,
                "O",
                label,
                width=45,
                rows=TOKENS if k == 0 else None,
                shown=_rows(values, count),
            )

    def _joined(self, stage, level, t):
        go = between(t, 0.1, 0.9) if level == 5 else 1.0
        self._found(stage, CUT * (1 - go), name="O" if go == 1 else None)

    def _output(self, stage, level, t):
        """Y, then X + Y, then the same normalised, in the same place."""
        part = self.output
        go = between(t, 0.1, 0.9)
        name, values, style = "Y", part.values, part.style
        if level == 6:
            W_o = HEADS_PARAMS["W_o"]
            style |= {"shown": _rows(X, round(4 * t))}
            self._matrix(
                stage, W_o, 484, 2, "Y", "W_o", width=23, height=17, learnt=True
            )
        if level == 7:
            values, name = part.values + X * go, "X + Y"
        if level == 8:
            values = self.added + (self.normed - self.added) * go
            name = "LayerNorm(X + Y)"
        if level >= 7:
            style = {"faded": part.faded}
        self._matrix(stage, values, 348, 3, "Y", name, width=46, top=2, **style)

    def _end(self, stage, t):
        for draw in (self._projections, self._heads, self._joined, self._output):
            draw(stage, MIX, 1.0)  # Y itself: what comes after it was a look ahead
        self._tokens(stage, 0)
        problems = [p for p in (self.output, self.weights) if not p.known]
        if problems:
            told = "Yours: " + cut(problems[0].problem, 64)
            stage.says(250, 44, told, 374, WRONG, "bold")
            return
        for k, name in enumerate(STEPS):
            x, y = 250 + 210 * (k // 4), 30 + 27 * (k % 4)
            stage.text(x, y, f"{k + 1}  {name}", align="left")


def _only(row):
    """The rows to frame: this one, or none."""
    return [] if row is None else [row]


def _rows(values, count):
    """The first rows of a matrix, as a mask of its cells."""
    return np.broadcast_to(np.arange(len(values))[:, None] < count, values.shape)


def _normalised(values):
    """Each row with mean 0 and variance 1."""
    centred = values - values.mean(axis=1, keepdims=True)
    with np.errstate(all="ignore"):
        return centred / np.sqrt((centred**2).mean(axis=1, keepdims=True) + 1e-5)
