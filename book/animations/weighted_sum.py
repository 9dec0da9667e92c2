"""Weighted sum: values are mixed, each one as much as its weight says."""

import numpy as np

from book.palette import mix
from book.sentence import CARRIES, TOKENS, V

from .scene import Scene, Step
from .softmax import WEIGHTS
from .stage import COLOURS, INK, LEFT, QUIET, WRONG, number
from .take import cast, ending, right

TOP = 66
BENCH = (176, 214)
HIGH = 26
MIXED = right("weighted_sum")(WEIGHTS, V)  # (n, d_v)
FIRST = TOKENS.index("cat")
PLANE = (420, 262, 78, 53)  # where the origin is, and how long is 1 in x and in y


def play_weighted_sum(weighted_sum):
    """Play `weighted_sum` on the sentence: A (n, m), V (m, d_v) -> O (n, d_v)."""
    actor = cast(weighted_sum)
    part = actor.play(WEIGHTS, V, expected=MIXED)
    return Scene(
        title="Values are mixed by their weights",
        steps=_Play(part).steps(),
        text=(
            "Above the weights A, the values V and the outputs O. Below on the left, "
            "each value is multiplied by its weight and the four are added up. On the "
            "right the same as arrows in the plane of the two features: each value "
            "shortened to its weight, one behind the other; they end at the output."
        ),
        player=actor.line(part),
        height=408,
    )


class _Play:
    def __init__(self, part):
        self.part = part

    def steps(self):
        done = np.zeros(MIXED.shape, bool)
        steps = [
            Step(
                f"Each token hands over a value with {V.shape[1]} features: how alive "
                "it is, and its energy. The weights say how much of each is taken.",
                lambda stage, t: self._stand(stage, np.zeros(MIXED.shape, bool)),
            )
        ]
        for i in (FIRST, *(i for i in range(len(V)) if i != FIRST)):
            seconds = 2.88 if i == FIRST else 1.44
            steps.append(Step(self._caption(i), self._mixes(i, done.copy()), seconds))
            done[i] = True
        return [*steps, Step(self._closing(), self._end)]

    # The captions.

    def _caption(self, i):
        best = int(WEIGHTS[i].argmax())
        result = ", ".join(number(v) for v in MIXED[i])
        text = (
            f"“{TOKENS[i]}” takes {number(WEIGHTS[i, best])} of “{TOKENS[best]}” and "
            f"less of the others. Added up: {result}."
        )
        if self.part.wrong[i].any():
            told = ", ".join(number(v) for v in self.part.values[i])
            text += f" Yours: {told}."
        return text

    def _closing(self):
        return ending(
            {"these outputs": self.part},
            "The weights are positive and add up to 1, so every output lies between "
            "the values. Attention mixes what is there.",
            "The marked numbers of yours are not the weighted sums.",
        )

    # The pictures.

    def _stand(self, stage, shown, i=None):
        lit = [] if i is None else [i]
        style = {"rows": TOKENS, "lit": lit, "lift": 40, "height": HIGH}
        a = stage.matrix(
            WEIGHTS, 66, TOP, COLOURS["A"], "A", columns=TOKENS, width=50, **style
        )
        v = stage.matrix(
            V, 340, TOP, COLOURS["V"], "V", width=40, **(style | {"lit": []})
        )
        o = stage.matrix(
            self.part.values,
            504,
            TOP,
            COLOURS["O"],
            "O",
            width=56,
            shown=shown,
            **self.part.style,
            **style,
        )
        return a, v, o

    def _mixes(self, i, done):
        parts = WEIGHTS[i][:, None] * V  # (m, d_v)

        def draw(stage, t):
            shown = done.copy()
            shown[i] = t > 0.9
            self._stand(stage, shown, i)
            came = min(int(t / 0.8 * len(V)) + 1, len(V))
            self._table(stage, i, parts, came, t > 0.85)
            grown = min(t / 0.8 * len(V), len(V))
            self._plane(stage, i, parts, grown, t > 0.85)

        return draw

    def _table(self, stage, i, parts, came, added):
        """Weight times value, line by line, and the sum below."""
        x, y = BENCH
        for j in range(came):
            middle = y + j * 28 + HIGH / 2
            stage.text(x - 120, middle, TOKENS[j], align="right")
            stage.text(x - 62, middle, number(WEIGHTS[i, j]), align="right")
            stage.text(x - 46, middle, "×", colour=QUIET)
            stage.matrix(
                V[[j]], x - 32, y + j * 28, COLOURS["V"], width=34, height=HIGH, top=2
            )
            stage.text(x + 50, middle, "=", colour=QUIET)
            stage.matrix(
                parts[[j]],
                x + 64,
                y + j * 28,
                COLOURS["O"],
                width=62,
                height=HIGH,
                top=2,
            )
        if added:
            middle = y + 4 * 28 + 6 + HIGH / 2
            stage.text(x + 50, middle, "sum", align="right", colour=QUIET)
            spot = (x + 64, middle - HIGH / 2)
            stage.matrix(
                MIXED[[i]], *spot, COLOURS["O"], width=62, height=HIGH, lit=[0]
            )

    def _plane(self, stage, i, parts, grown, ended):
        """The same as arrows, one behind the other."""
        self._axes(stage)
        start = np.zeros(2)
        for j, part in enumerate(parts):
            share = min(max(grown - j, 0), 1)
            end = start + part * share
            if np.abs(part * share).sum() > 0.02:
                _stroke(stage, start, end, COLOURS["V"])
            if share == 1 and np.abs(part).sum() > 0.3:
                x, y = _spot((start + end) / 2)
                stage.text(x + 8, y + 10, TOKENS[j], align="left", colour=QUIET)
            start = end
        if ended:
            _stroke(stage, np.zeros(2), MIXED[i], COLOURS["O"], 3.4)
            x, y = _spot(MIXED[i])
            stage.chip(x - 30, y - 16, "O", COLOURS["O"])
            if self.part.wrong[i].any() and np.isfinite(self.part.values[i]).all():
                spot = _spot(np.clip(self.part.values[i], (-0.6, -2), (2.4, 1)))
                stage.line([spot[0]], [spot[1]], WRONG, marker="X", markersize=12)

    def _axes(self, stage):
        x, y, wide, high = PLANE
        stage.line([x - 12, x + 2.5 * wide], [y, y], QUIET, 1)
        stage.line([x, x], [y + 2.05 * high, y - 1.1 * high], QUIET, 1)
        stage.text(x + 2.6 * wide, y + 16, CARRIES[0], align="right", colour=QUIET)
        stage.text(x - 8, y - 1.0 * high, CARRIES[1], align="right", colour=QUIET)

    def _end(self, stage, t):
        self._stand(stage, np.ones(MIXED.shape, bool))
        if not self.part.known:
            stage.failed(self.part, LEFT, 206, COLOURS["O"], rows=3)
            return
        self._axes(stage)
        for token, value in zip(TOKENS, V, strict=True):
            x, y = _spot(value)
            stage.line([x], [y], COLOURS["V"], marker="s", markersize=11, id=token)
            right = value[0] > 1
            spot = (
                (x + 14, y - 2) if right else (x - 14, y + (16 if not value[1] else 0))
            )
            stage.text(*spot, token, align="left" if right else "right", colour=QUIET)
        if self.part.right:
            self._moves(stage)
        for letter, told, marker, y in (
            ("V", "what the tokens hand over", "s", 226),
            ("O", "what they get", "o", 258),
        ):
            stage.line([30], [y], COLOURS[letter], marker=marker, markersize=11)
            stage.text(48, y, told, align="left")

    def _moves(self, stage):
        """Where each token has come to; an arrow for the one that has moved most."""
        far = int(np.abs(self.part.values - V).max(axis=1).argmax())
        (x, y), (x2, y2) = _spot(V[far]), _spot(MIXED[far])
        start = (x + 0.1 * (x2 - x), y + 0.1 * (y2 - y))
        stop = (x2 + 0.1 * (x - x2), y2 + 0.1 * (y - y2))
        stage.arrow(start, stop, COLOURS["O"])
        stage.text(LEFT + 8, 304, f"“{TOKENS[far]}” has moved most.", align="left")
        for token, value in zip(TOKENS, MIXED, strict=True):
            x, y = _spot(value)
            style = {"marker": "o", "markersize": 11, "markeredgecolor": INK}
            stage.line([x], [y], COLOURS["O"], id=f"O {token}", **style)
            below = abs(value[1]) < 0.1
            spot = (x, y + 19) if below else (x + 12, y)
            stage.text(
                *spot, token, align="center" if below else "left", id=f"O {token}"
            )


def _spot(point):
    x, y, wide, high = PLANE
    return x + point[0] * wide, y - point[1] * high


def _stroke(stage, start, end, colour, width=2.4):
    """An arrow in the plane of the two features."""
    (x0, y0), (x1, y1) = _spot(start), _spot(end)
    stage.line([x0, x1], [y0, y1], mix(colour, INK, 0.1), width)
    stage.line([x1], [y1], mix(colour, INK, 0.1), marker="o", markersize=width * 2.6)
