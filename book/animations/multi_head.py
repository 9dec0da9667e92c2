"""Many heads: the whole workflow, from the tokens to the block's output."""

import numpy as np

from book.sentence import BETA, GAMMA, HEADS_PARAMS, TOKENS, X

from .parallel_heads import OUTPUTS, WEIGHTS
from .scene import Scene, Step
from .stage import COLOURS, WRONG, between
from .take import cast, right

PROJECTED = dict(zip("QKV", right("project_qkv")(X, HEADS_PARAMS), strict=True))
JOINED = right("concat_heads")(OUTPUTS)  # (n, d_model)
MIXED, _ = right("multi_head_attention")(X, HEADS_PARAMS, 2)  # (n, d_model)
HIGH, WIDE = 22, 28
ROWS = (40, 162, 284, 406)  # where the rows of matrices begin
LANES = (62, 246, 430)  # where Q, K and V stand
CUT = 8  # how far the heads move apart
STEPS = (
    "project",
    "split into heads",
    "attend in each head",
    "concatenate",
    "mix: O·W_o + b_o",
    "add X: the residual",
    "layer norm",
)


def play_multi_head_attention(multi_head_attention):
    """Play the whole block: X, params, num_heads -> Y (n, d_model), A (h, n, n)."""
    actor = cast(multi_head_attention)
    parts = actor.play(X, HEADS_PARAMS, 2, expected=[MIXED, WEIGHTS])
    return Scene(
        title="Many heads, from the tokens to the output",
        steps=_Play(*parts).steps(),
        text=(
            "From above: the tokens X; their queries, keys and values, which are cut "
            "into two heads; the weights of both heads; what the heads found, laid "
            "side by side as O, and the output Y. At the end X is added to Y and each "
            "row is normalised."
        ),
        player=actor.line(*parts),
        height=544,
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
            "Project: three linear maps, each as wide as X. The learnt weights of both "
            "heads are in them.",
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
        moving = (0, 1.2, 1.2, 1.92, 1.2, 1.2, 0.96, 0.96)
        steps = [
            Step(caption, self._draw(level), seconds)
            for level, (caption, seconds) in enumerate(
                zip(captions, moving, strict=True)
            )
        ]
        return [*steps, Step(self._closing(), self._end)]

    # The captions.

    def _closing(self):
        for name, part in (("output", self.output), ("weights", self.weights)):
            if not part.known:
                return f"Yours did not give the {name}: {part.problem}."
        if not (self.output.right and self.weights.right):
            return (
                "The marked numbers of yours are others. "
                "The first picture in which they differ shows the step to look at."
            )
        return (
            "Out comes what went in: four rows of six features. So the next block can "
            "begin where this one ends."
        )

    # The pictures.

    def _draw(self, level):
        def draw(stage, t):
            self._tokens(stage, level)
            if level >= 1:
                self._projections(stage, level, t)
            if level >= 3:
                self._heads(stage, level, t)
            if level >= 4:
                self._joined(stage, level, t)
            if level >= 5:
                self._output(stage, level, t)

        return draw

    def _tokens(self, stage, level):
        stage.matrix(
            X,
            LANES[0],
            ROWS[0],
            COLOURS["X"],
            "X",
            rows=TOKENS,
            width=WIDE,
            height=HIGH,
            lift=18,
        )
        if level:
            told = f"{level}  {STEPS[level - 1]}"
            stage.text(270, 70, told, 24, "left", weight="bold")

    def _projections(self, stage, level, t):
        """Q, K and V: row after row, then cut into heads."""
        apart = CUT * between(t, 0.1, 0.9) if level == 2 else CUT * (level > 2)
        shown = np.zeros(X.shape, bool)
        shown[: round(4 * t) if level == 1 else 4] = True
        for x, (letter, values) in zip(LANES, PROJECTED.items(), strict=True):
            for k, half in enumerate(np.split(values, 2, axis=1)):
                stage.matrix(
                    half,
                    x + k * (3 * WIDE + apart),
                    ROWS[1],
                    COLOURS[letter],
                    letter if k == 0 else None,
                    "",
                    rows=TOKENS if letter == "Q" and k == 0 else None,
                    width=WIDE,
                    height=HIGH,
                    lift=18,
                    shown=np.split(shown, 2, axis=1)[k],
                )

    def _heads(self, stage, level, t):
        """The weights of both heads at the same time, and what they find."""
        row = min(int(t * 4), 3)
        now = [row] if level == 3 and t < 1 else []
        count = round(4 * t) if level == 3 else 4
        for k in range(2):
            shown = np.zeros(WEIGHTS[k].shape, bool)
            shown[:count] = True
            stage.matrix(
                self.weights.values[k],
                62 + 208 * k,
                ROWS[2],
                COLOURS["A"],
                f"A head {k + 1}",
                "",
                rows=TOKENS if k == 0 else None,
                width=48,
                height=HIGH,
                lift=18,
                lit=now,
                shown=shown,
                wrong=self.weights.wrong[k],
                faded=self.weights.faded,
            )
        if level == 3:
            apart = CUT
            self._found(stage, apart, count, None)

    def _found(self, stage, apart, count, name, lit=()):
        shown = np.zeros(OUTPUTS[0].shape, bool)
        shown[:count] = True
        for k in range(2):
            label = f"O head {k + 1}" if name is None else (name if k == 0 else None)
            stage.matrix(
                OUTPUTS[k],
                62 + k * (3 * 45 + apart),
                ROWS[3],
                COLOURS["O"],
                label,
                "",
                rows=TOKENS if k == 0 else None,
                width=45,
                height=HIGH,
                lift=18,
                shown=shown,
                lit=list(lit),
            )

    def _joined(self, stage, level, t):
        go = between(t, 0.1, 0.9) if level == 4 else 1.0
        self._found(stage, CUT * (1 - go), 4, "O" if go == 1 else None)

    def _output(self, stage, level, t):
        """Y, then X + Y, then the same normalised, in the same place."""
        part = self.output
        go = between(t, 0.1, 0.9)
        name, values, style = "Y", part.values, part.style
        if level == 6:
            values, name = part.values + X * go, "X + Y"
        if level >= 7:
            go = go if level == 7 else 1.0
            values = self.added + (self.normed - self.added) * go
            name = "LayerNorm(X + Y)"
        if level >= 6:
            style = {"faded": part.faded}
        shown = np.zeros(X.shape, bool)
        shown[: round(4 * t) if level == 5 else 4] = True
        stage.matrix(
            values,
            348,
            ROWS[3],
            COLOURS["Y"],
            name,
            "",
            width=46,
            height=HIGH,
            lift=18,
            shown=shown,
            top=2,
            **style,
        )

    def _end(self, stage, t):
        for draw in (self._projections, self._heads, self._joined, self._output):
            draw(stage, 8, 1.0)
        self._tokens(stage, 0)
        problems = [p for p in (self.output, self.weights) if not p.known]
        if problems:
            told = "Yours: " + problems[0].problem[:64]
            stage.says(250, 44, told, 374, WRONG, "bold")
            return
        for k, name in enumerate(STEPS):
            x, y = 250 + 200 * (k // 4), 28 + 27 * (k % 4)
            stage.text(x, y, f"{k + 1} {name.split(':')[0]}", align="left")


def _normalised(values):
    """Each row with mean 0 and variance 1."""
    centred = values - values.mean(axis=1, keepdims=True)
    with np.errstate(all="ignore"):
        return centred / np.sqrt((centred**2).mean(axis=1, keepdims=True) + 1e-5)
