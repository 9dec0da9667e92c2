"""Gradients: backwards through the single head, from the wish of one word."""

import numpy as np

from book.sentence import TOKENS, K, Q, V

from .scene import Scene, Step
from .stage import COLOURS, QUIET, RIGHT, WRONG, cut, number
from .take import cast, ending, right
from .weighted_sum import WEIGHTS

HIGH = 24
ROWS = (44, 188, 332)  # where the three rows of matrices begin
FIRST = TOKENS.index("cat")
WISH = np.zeros((len(TOKENS), V.shape[1]))
WISH[FIRST] = [0, 1]  # more energy, for the cat alone
TO_WEIGHTS = WISH @ V.T
TO_SCORES = right("softmax_backward")(WEIGHTS, TO_WEIGHTS) / np.sqrt(Q.shape[-1])
EXPECTED = right("attention_backward")(Q, K, V, WISH)
BACK = (  # what is found at each step, from what, and beside which array
    ("O = A · V", "dV = Aᵀ · dO", "A"),
    ("O = A · V", "dA = dO · Vᵀ", "V"),
    ("A = softmax(S)", "dS = A · (dA − mean)", "A"),
    ("S = Q · Kᵀ / √d_k", "dQ = dS · K / √d_k", "K"),
    ("S = Q · Kᵀ / √d_k", "dK = dSᵀ · Q / √d_k", "Q"),
)
FORWARD = {"A": WEIGHTS, "V": V, "K": K, "Q": Q}


def play_attention_backward(attention_backward):
    """Play the way back: Q, K, V, dO -> dQ, dK, dV, in the shapes of Q, K, V."""
    actor = cast(attention_backward)
    parts = actor.play(Q, K, V, WISH, expected=list(EXPECTED))
    return Scene(
        title="Backwards through a head",
        steps=_Play(*parts).steps(),
        text=(
            "Above, the wish for the output, dO, and the array of the way there that "
            "each step needs. In the middle the gradients of the weights, dA, and of "
            "the scores, dS. Below those of the values, the queries and the keys."
        ),
        player=actor.line(*parts),
        height=478,
    )


class _Play:
    def __init__(self, dQ, dK, dV):
        self.parts = {"dQ": dQ, "dK": dK, "dV": dV}

    def steps(self):
        mean = number(WEIGHTS[FIRST] @ TO_WEIGHTS[FIRST])
        captions = (
            "Only “cat” has a wish: one unit more of energy in its output. What does "
            "that mean for what went in?",
            "Each value was handed to “cat” in proportion to its weight, so it feels "
            "the wish in that proportion." + self._aside("dV"),
            "Each weight of “cat” feels what its value has of what is wanted: its "
            "energy.",
            "A weight cannot rise alone. Each score feels how much better its value "
            f"is than the mean, {mean}, times its weight; then comes the scaling, as "
            "on the way there.",
            "A score was a query times a key. So the query of “cat” feels the keys, "
            "each times the wish for its score." + self._aside("dQ"),
            "And each key feels the query of “cat”, times the same wishes."
            + self._aside("dK"),
        )
        steps = [
            Step(caption, self._draw(level), 1.2 if level else 0)
            for level, caption in enumerate(captions)
        ]
        return [*steps, Step(self._closing(), self._end)]

    def _aside(self, name):
        return self.parts[name].aside

    def _closing(self):
        return ending(
            {f"{name}, in its place": part for name, part in self.parts.items()},
            "One wish has become a wish for every key and value, and for the one query "
            "that asked. Training follows them, a small step at a time.",
        )

    # The pictures.

    def _draw(self, level):
        def draw(stage, t):
            self._stand(stage, level, t)
            if level:
                there, back, name = BACK[level - 1]
                stage.text(RIGHT, 62, there, align="right", colour=QUIET)
                stage.text(RIGHT, 96, back, align="right", weight="bold")
                self._beside(stage, name, level)

        return draw

    def _beside(self, stage, name, level):
        """The array of the way there that this step needs."""
        lit = [FIRST] if name in "AQ" else []
        width = 46 if name == "A" else 36
        stage.matrix(
            FORWARD[name],
            216,
            ROWS[0],
            COLOURS[name],
            name,
            "",
            width=width,
            height=HIGH,
            lift=20,
            lit=lit,
            of=(TOKENS, None),
        )

    def _stand(self, stage, level, t):
        style = {"rows": TOKENS, "height": HIGH, "lift": 20}
        stage.matrix(
            WISH, 66, ROWS[0], COLOURS["O"], "dO", "", width=40, lit=[FIRST], **style
        )
        found = {
            "dA": (TO_WEIGHTS, 66, ROWS[1], 50, 2),
            "dS": (TO_SCORES, 378, ROWS[1], 56, 3),
        }
        for name, (values, x, y, width, since) in found.items():
            if level >= since:
                shown = _rows(values.shape, t if level == since else 1.0)
                stage.matrix(
                    values,
                    x,
                    y,
                    COLOURS[name[1]],
                    name,
                    "",
                    width=width,
                    shown=shown,
                    **style,
                )
        for name, x, since in (("dV", 66, 1), ("dQ", 224, 4), ("dK", 436, 5)):
            if level >= since:
                self._result(stage, name, x, t if level == since else 1.0, style)

    def _result(self, stage, name, x, t, style):
        part = self.parts[name]
        labels = {} if name == "dV" else {"rows": None, "of": (TOKENS, None)}
        style = {**style, **labels}
        stage.matrix(
            part.values,
            x,
            ROWS[2],
            COLOURS[name[1]],
            name,
            "",
            width=58,
            shown=_rows(part.values.shape, t),
            **part.style,
            **style,
        )

    def _end(self, stage, t):
        self._stand(stage, 6, 1.0)
        problems = [part for part in self.parts.values() if not part.known]
        if problems:
            told = "Yours: " + cut(problems[0].problem, 60)
            stage.says(216, 52, told, 380, WRONG, "bold")


def _rows(shape, t):
    """The first share t of the rows of a matrix."""
    return np.broadcast_to(np.arange(shape[0])[:, None] < round(shape[0] * t), shape)
