"""Scaling: what wide keys do to scores, and what dividing does about it."""

import numpy as np

from book.palette import mix
from book.sentence import TOKENS, K, Q

from .scene import Scene, Step
from .softmax import bar
from .stage import COLOURS, INK, LEFT, QUIET, RIGHT, WRONG, between, cut, number
from .take import cast, right

SCORES = right("scores")(Q, K)  # of the sentence, (n, m)
SCALED = right("scale")(SCORES, Q.shape[1])
WIDTHS = (4, 16, 64, 256)  # values of d_k
KEYS = 8
LINE = (120, 560, 36.0)  # from x, to x, and the score at the right end


def _draws():
    """One query against eight keys, standard normal, for each d_k: (1, m)."""
    rng = np.random.default_rng(6)
    query, keys = rng.standard_normal(256), rng.standard_normal((KEYS, 256))
    return [(keys[:, :d] @ query[:d])[None, :] for d in WIDTHS]


def play_scale(scale):
    """Play `scale` on the sentence, then on wider and wider random keys."""
    actor = cast(scale)
    d_k = Q.shape[1]
    part = actor.play(SCORES, d_k, expected=SCALED)
    draws = _draws()
    wide = [
        actor.play(scores, d, expected=right("scale")(scores, d))
        for scores, d in zip(draws, WIDTHS, strict=True)
    ]
    return Scene(
        title="Wide keys saturate softmax; scaling prevents it",
        steps=_Play(part, draws, wide).steps(),
        text=(
            "First the scores of the sentence and the scaled scores beside them. Then "
            "dots on a line are eight scores of random vectors, above as they come, "
            "below scaled; bars show the weights that softmax makes of both. "
            "As d_k grows, the upper dots fly apart and one weight takes everything; "
            "the lower ones stay."
        ),
        player=actor.line(part, *wide),
        still=-2,
    )


class _Play:
    def __init__(self, part, draws, wide):
        self.part, self.draws, self.wide = part, draws, wide

    def steps(self):
        steps = [
            Step(
                "A score is a sum of d_k products. The longer the sum, the further "
                f"scores lie apart. Here d_k = 3; scaled, {number(SCORES.max())} "
                f"becomes {number(SCALED.max())}." + self._aside(),
                self._sentence,
                0.96,
            )
        ]
        for k, d in enumerate(WIDTHS):
            steps.append(Step(self._caption(k, d), self._grow(k), 1.44 if k else 0))
        return [*steps, Step(self._closing(), self._end)]

    # The captions.

    def _aside(self):
        if not self.part.known:
            return f" Yours: {self.part.problem}."
        if self.part.wrong.any():
            return f" Yours: {number(self.part.values.max())}."
        return ""

    def _caption(self, k, d):
        raw, part = self.draws[k], self.wide[k]
        text = "Random vectors; the band is their spread around the mean. "
        text = text if k == 0 else ""
        text += (
            f"d_k = {d}: the scores spread by ±{number(raw.std())}, and the largest "
            f"weight is {number(_weights(raw).max())}."
        )
        if not part.known:
            return f"{text} Yours: {part.problem}."
        whose = "Scaled" if part.right else "Scaled your way"
        return (
            f"{text} {whose}: spread ±{number(part.values.std())}, largest weight "
            f"{number(_weights(part.values).max())}."
        )

    def _closing(self):
        if not (self.part.right and all(p.right for p in self.wide)):
            return (
                "Scaled scores should spread by about 1, whatever d_k is. "
                "Yours do something else."
            )
        return (
            "Divided by √d_k, scores spread by about 1 for every d_k. Softmax stays "
            "where its weights can still change: that is where it can learn."
        )

    # The pictures.

    def _sentence(self, stage, t):
        style = {"rows": TOKENS, "columns": TOKENS, "width": 50, "top": SCORES.max()}
        s = stage.matrix(SCORES, 66, 84, COLOURS["S"], "S", **style)
        shown = (np.arange(SCORES.size) < round(SCORES.size * t)).reshape(SCORES.shape)
        style |= {"width": 54, "shown": shown, **self.part.style}
        g = stage.matrix(self.part.values, 400, 84, COLOURS["S"], "scaled", **style)
        y = s.middle[1]
        stage.arrow((s.right + 10, y), (g.x - 62, y))
        if self.part.known:
            stage.text(
                LEFT, 256, "Every score is divided by the same number.", 19, "left"
            )
        else:
            stage.failed(self.part, LEFT, 236, COLOURS["S"], rows=2)

    def _grow(self, k):
        def draw(stage, t):
            before = max(k - 1, 0)
            go = between(t, 0, 0.85) if k else 1.0
            raw = self.draws[before] + (self.draws[k] - self.draws[before]) * go
            old, new = self.wide[before].values, self.wide[k].values
            scaled = old + (new - old) * go if t < 1 else new
            self._panel(stage, WIDTHS[k], raw, scaled, self.wide[k])

        return draw

    def _panel(self, stage, d, raw, scaled, part):
        stage.text(LEFT, 26, f"d_k = {d}", 24, "left", weight="bold")
        stage.text(170, 27, "one query, eight random keys", align="left", colour=QUIET)
        faded = {"colour": COLOURS["S"]}
        _dots(stage, 78, "scores", raw, **faded)
        _dots(stage, 148, "scaled", scaled, whole=True, **faded)
        stage.text(LEFT, 208, "weights that softmax makes of them", 17, "left")
        for y, label, values in ((228, "scores", raw), (282, "scaled", scaled)):
            stage.text(110, y + 18, label, align="right")
            weights = _weights(values)[0]
            if np.isfinite(weights).all():
                bar(stage, 120, y, weights, 400, COLOURS["A"], 36)
            told = number(weights.max())
            stage.text(534, y + 18, f"max {told}", align="left", weight="bold")
        if not part.known:
            stage.text(LEFT, 346, "grey: yours gave no numbers", 17, "left", WRONG)

    def _end(self, stage, t):
        """The largest weight for every d_k, raw and scaled."""
        stage.text(LEFT, 30, "largest weight of eight", 19, "left", weight="bold")
        heads = ((110, "d_k"), (130, "scores"), (390, "scaled"))
        for x, label in heads:
            stage.text(
                x, 74, label, align="right" if x == 110 else "left", colour=QUIET
            )
        for k, d in enumerate(WIDTHS):
            y = 96 + 58 * k
            stage.text(110, y + 18, str(d), align="right", weight="bold")
            for x, values in ((130, self.draws[k]), (390, self.wide[k].values)):
                largest = _weights(values).max()
                if np.isfinite(largest):
                    length = [min(max(largest, 0), 1)]
                    bar(stage, x, y, length, 160, COLOURS["A"], 36, longest=1)
                stage.box(x, y, 160, 36, QUIET)
                stage.text(x + 170, y + 18, number(largest), align="left")
        problems = [p for p in (self.part, *self.wide) if not p.known]
        if problems:
            told = "Yours: " + problems[0].problem
            stage.says(LEFT, 334, cut(told, 60), RIGHT - LEFT, WRONG, "bold")


def _weights(values):
    """The weights that softmax makes of a row of scores."""
    with np.errstate(all="ignore"):
        powers = np.exp(values - values.max())
        return powers / powers.sum()


def _dots(stage, y, label, values, colour, whole=False):
    """Scores as dots on a line; those beyond its ends stand at the end."""
    start, stop, end = LINE
    middle, unit = (start + stop) / 2, (stop - start) / 2 / end
    stage.text(110, y, label, align="right")
    if np.isfinite(values).all():  # one standard deviation to each side of the mean
        ends = np.mean(values) + np.std(values) * np.array([-1, 1])
        left, right = np.clip(middle + ends * unit, start, stop)
        band = mix("paper", colour, 0.35)
        stage.box(left, y - 20, right - left, 40, band, band, 0, round=4, id=label)
    stage.line([start, stop], [y, y], QUIET, 1.5)
    for tick in (-30, -15, 0, 15, 30) if whole else (0,):
        stage.line([middle + tick * unit] * 2, [y - 10, y + 10], QUIET, 1)
        if whole:
            stage.text(middle + tick * unit, y + 24, number(tick), colour=QUIET)
    for k, value in enumerate(np.ravel(values)):
        if not np.isnan(value):
            x = np.clip(middle + value * unit, start, stop)
            stage.line(
                [x],
                [y],
                colour,
                marker="o",
                markersize=13,
                markeredgecolor=INK,
                alpha=0.8,
                id=f"{label} {k}",
            )
    spread = number(np.std(values), 4.0) if np.isfinite(values).all() else "nan"
    stage.text(570, y, f"± {spread}", align="left", id=f"spread {label}")
