"""Single head: the whole workflow, from the tokens to the output."""

import numpy as np

from book.sentence import PARAMS, TOKENS, K, Q, V, X

from .scene import Scene, Step
from .softmax import SCORES as SCALED
from .softmax import WEIGHTS
from .stage import COLOURS, QUIET, WRONG, between, cut, number
from .take import MARKED, cast, ending
from .weighted_sum import MIXED

HIGH = 24
ROWS = (42, 190, 338)  # where the three rows of matrices begin
FIRST = TOKENS.index("cat")
STEPS = (
    ("project", "Q = X·W_q + b_q,  K and V alike"),
    ("score", "S = query · key"),
    ("scale", "divide by √d_k = √3"),
    ("normalise", "softmax: a row adds up to 1"),
    ("mix", "O = weights · values"),
)


def play_single_head_attention(single_head_attention):
    """Play the whole head on the sentence: X, params -> O (n, d_v), A (n, n)."""
    actor = cast(single_head_attention)
    parts = actor.play(X, PARAMS, expected=[MIXED, WEIGHTS])
    return Scene(
        title="One head, from the tokens to the output",
        steps=_Play(*parts).steps(),
        text=(
            "Above the tokens X. In the middle their queries Q, keys K and values V. "
            "Below the scores S, the weights A and the outputs O. They are filled in "
            "one after the other: project, score, scale, normalise, mix."
        ),
        player=actor.line(*parts),
        height=480,
    )


class _Play:
    def __init__(self, outputs, weights):
        self.outputs, self.weights = outputs, weights

    def steps(self):
        captions = (
            "A sentence of four tokens. So far each row knows its own token only: the "
            "row of “cat” does not know that the cat is tired.",
            "Project: three linear maps turn each row into a query (what it looks "
            "for), a key (what it offers) and a value (what it hands over).",
            "Score: every query meets every key. A large score says that this key "
            "offers what this query looks for.",
            "Scale: all scores are divided by √d_k, so that softmax does not saturate.",
            "Normalise: softmax turns each row of scores into weights that add up "
            "to 1." + self.weights.aside,
            "Mix: each output is a sum of all values, each taken by its weight."
            + self.outputs.aside,
        )
        steps = [
            Step(caption, self._draw(level), 1.92 if level > 0 else 0)
            for level, caption in enumerate(captions)
        ]
        i, best = FIRST, int(WEIGHTS[FIRST].argmax())
        told = ", ".join(number(v) for v in MIXED[i])
        right = self.outputs.right and self.weights.right
        takes, output = ("takes", "Its") if right else ("should take", "The right")
        follow = (
            f"Follow “{TOKENS[i]}”: its query fits the key of “{TOKENS[best]}” best, "
            f"so it {takes} {number(WEIGHTS[i, best])} of that value. {output} output: "
            f"{told}."
        )
        steps.append(Step(follow, self._draw(5, i)))
        return [*steps, Step(self._closing(), self._end)]

    # The captions.

    def _closing(self):
        return ending(
            {"these outputs": self.outputs, "these weights": self.weights},
            "Four rows came in, four rows go out, and now each row knows of the others "
            "what it asked for. That is attention with one head.",
            f"{MARKED} The first picture in which they differ shows the step to look "
            "at.",
        )

    # The pictures.

    def _draw(self, level, i=None):
        def draw(stage, t):
            self._inputs(stage, level, t, i)
            if level >= 2:
                self._attention(stage, level, t, i)
            if 1 <= level <= 5 and i is None:
                self._title(stage, level)

        return draw

    def _title(self, stage, level):
        name, formula = STEPS[level - 1]
        stage.text(284, 62, f"{level}  {name}", 24, "left", weight="bold")
        stage.text(284, 96, formula, 17, "left", colour=QUIET)

    def _inputs(self, stage, level, t, i):
        """X, and its queries, keys and values."""
        lit = [] if i is None else [i]
        style = {"rows": TOKENS, "height": HIGH, "lift": 20}
        stage.matrix(X, 66, ROWS[0], COLOURS["X"], "X", width=31, lit=lit, **style)
        if level < 1:
            return
        done = round(4 * t) if level == 1 else 4
        for letter, values, x, wide in (
            ("Q", Q, 66, 34),
            ("K", K, 270, 34),
            ("V", V, 474, 40),
        ):
            shown = np.zeros(values.shape, bool)
            shown[:done] = True
            now = self._looks(letter, level, t, i)
            stage.matrix(
                values,
                x,
                ROWS[1],
                COLOURS[letter],
                letter,
                width=wide,
                shown=shown,
                lit=now,
                **style,
            )

    def _looks(self, letter, level, t, i):
        """Which row of Q, K or V is looked at."""
        if i is not None:  # one query, and the key that fits it best
            return [i] if letter == "Q" else [int(WEIGHTS[i].argmax())]
        if level != 2 or t == 1 or letter == "V":
            return []
        cell = int(t * 16)
        return [cell // 4] if letter == "Q" else [cell % 4]

    def _attention(self, stage, level, t, i):
        """Scores, weights, outputs, as far as they are known."""
        lit = [] if i is None else [i]
        go = {2: 0.0, 3: between(t, 0.1, 0.9)}.get(level, 1.0)
        scores = SCALED * np.sqrt(3)
        row = min(int(t * 4), 3)
        now = [row] if i is None and level >= 4 and t < 1 else lit
        style = {"height": HIGH, "lift": 20}
        stage.matrix(
            scores + (SCALED - scores) * go,
            66,
            ROWS[2],
            COLOURS["S"],
            "S" if go < 1 else "S / √d_k",
            "",
            rows=TOKENS,
            width=50,
            shown=_first(scores.shape, t if level == 2 else 1.0, cells=True),
            lit=now if level == 4 else lit,
            top=scores.max(),
            **style,
        )
        if level >= 4:
            stage.matrix(
                self.weights.values,
                282,
                ROWS[2],
                COLOURS["A"],
                "A",
                width=50,
                shown=_first(WEIGHTS.shape, t if level == 4 else 1.0),
                lit=now,
                **self.weights.style,
                **style,
            )
        if level >= 5:
            stage.matrix(
                self.outputs.values,
                498,
                ROWS[2],
                COLOURS["O"],
                "O",
                width=62,
                shown=_first(MIXED.shape, t if level == 5 else 1.0),
                lit=now,
                **self.outputs.style,
                **style,
            )

    def _end(self, stage, t):
        self._inputs(stage, 5, 1.0, None)
        self._attention(stage, 5, 1.0, None)
        problems = [p for p in (self.outputs, self.weights) if not p.known]
        if problems:
            told = "Yours: " + cut(problems[0].problem, 70)
            stage.says(284, 44, told, 340, WRONG, "bold")
        else:
            for k, (name, _) in enumerate(STEPS):
                x, y = 284 + 176 * (k % 2), 58 + 32 * (k // 2)
                stage.text(x, y, f"{k + 1}  {name}", align="left")


def _first(shape, t, cells=False):
    """The first share t of a matrix: whole rows, or cells in reading order."""
    count = np.prod(shape) if cells else shape[0]
    shown = np.zeros(shape, bool)
    if cells:
        shown.flat[: round(count * t)] = True
    else:
        shown[: round(count * t)] = True
    return shown
