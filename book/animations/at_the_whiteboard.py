"""At the whiteboard: what view and transpose do in memory, and what the layer sees."""

from dataclasses import replace

import numpy as np

from book.sentence import HEADS, HEADS_PARAMS, TOKENS, X

from .scene import Scene, Step
from .stage import COLOURS, INK, LEFT, QUIET, WRONG, between, cut
from .take import cast, ending, right

WORDS = ("word 1", "word 2", "word 3")
MARKED = 10 * np.arange(1, 4)[:, None] + np.arange(1, 5)  # (3, 4), two heads of two
CUT = MARKED.reshape(3, 2, 2)  # (n, h, d_k)
HEADS_FIRST = CUT.transpose(1, 0, 2)  # (h, n, d_k)
CELL, STRIP = 46, (40, 282)  # of the line in memory: a cell, and where it stands
ALLOWED = right("causal_mask")(len(TOKENS))


def play_whiteboard(WhiteboardAttention):
    """Play the axes in memory, then the layer on the sentence, with a causal mask."""
    actor = cast(WhiteboardAttention)
    run = replace(actor, function=_on_the_sentence(actor.function))
    reference = _on_the_sentence(right("WhiteboardAttention"))
    Y, A = run.play(expected=[np.asarray(part) for part in reference()])
    return Scene(
        title="View, transpose, contiguous",
        steps=_Play(Y, A).steps(),
        text=(
            "Above, a table of three words with four features, whose numbers tell "
            "word and feature, and the two heads that are cut from it. Below, the "
            "same numbers as they lie in memory, one after the other. At the end the "
            "weights of both heads of the layer, on the sentence, with a causal mask."
        ),
        player=actor.line(Y, A),
        height=400,
    )


def _on_the_sentence(layer_class):
    """Y (1, n, d) and A (1, h, n, n) of a layer with the weights of the two heads."""

    def run():
        import torch

        layer = layer_class(X.shape[-1], 2).double().eval()
        with torch.no_grad():
            for w in "qkvo":
                module = getattr(layer, f"{w}_proj")
                module.weight.copy_(torch.tensor(HEADS_PARAMS[f"W_{w}"].T))
                module.bias.copy_(torch.tensor(HEADS_PARAMS[f"b_{w}"]))
            Y, A = layer(torch.tensor(X)[None], allowed=torch.tensor(ALLOWED))
        return Y.numpy(), A.numpy()

    return run


class _Play:
    def __init__(self, Y, A):
        self.Y, self.A = Y, A

    def steps(self):
        return [
            Step(
                "Three words with four features: 23 is feature 3 of word 2. In memory "
                "they lie in one line, word after word.",
                self._table,
            ),
            Step(
                "view(n, h, d_k) writes a new rule over the same line: two numbers for "
                "head one, two for head two, then the next word. Nothing has moved.",
                self._view,
            ),
            Step(
                "transpose exchanges heads and words: head one has all three words. "
                "The line is still the same, so its numbers now lie apart.",
                self._transposed,
                1.2,
            ),
            Step(
                "contiguous() copies the numbers into the order in which they are "
                "read. Only then can view join the last two axes.",
                self._contiguous,
                1.6,
            ),
            Step(
                "And without the transpose? view(h, n, d_k) takes the first half of "
                "the line: head one gets word 1 and half of word 2. No error appears.",
                self._scrambled,
            ),
            Step(self._closing(), self._layer),
        ]

    def _closing(self):
        return ending(
            {"these weights": self.A, "this output": self.Y},
            "The layer on the sentence, with a causal mask: one map for each head, "
            "and a triangle of zeros in both.",
        )

    # The pictures.

    def _line(self, stage, order):
        """The numbers in memory, those of head one and of head two told apart."""
        x, y = STRIP
        stage.text(LEFT + 24, y - 52, "in memory", align="left", colour=QUIET)
        for k, value in enumerate(order):
            second = value % 10 > 2
            stage.matrix(
                [[value]],
                x + k * CELL,
                y,
                COLOURS["V" if second else "Q"],
                width=CELL,
                top=2 * value,
                id=f"cell {value}",
            )

    def _table(self, stage, t):
        stage.matrix(MARKED, 110, 60, COLOURS["X"], "M", rows=WORDS, width=CELL)
        self._line(stage, MARKED.ravel())

    def _view(self, stage, t):
        for h in range(2):
            stage.matrix(
                CUT[:, h],
                110 + 130 * h,
                60,
                COLOURS["QV"[h]],
                f"head {h + 1}",
                "",
                rows=WORDS if h == 0 else None,
                width=CELL,
                of=(WORDS, None),
            )
        stage.text(420, 106, "(n, h, d_k) = (3, 2, 2)", align="left", colour=QUIET)
        self._line(stage, MARKED.ravel())

    def _heads(self, stage, tables, wrong=(None, None)):
        for h in range(2):
            stage.matrix(
                tables[h],
                110 + 200 * h,
                60,
                COLOURS["QV"[h]],
                f"head {h + 1}",
                "",
                rows=WORDS if h == 0 and wrong[0] is None else None,
                width=CELL,
                wrong=wrong[h],
            )

    def _transposed(self, stage, t):
        self._heads(stage, HEADS_FIRST)
        stage.text(452, 106, "(h, n, d_k) =", align="left", colour=QUIET)
        stage.text(452, 130, "(2, 3, 2)", align="left", colour=QUIET)
        x, y = STRIP
        self._line(stage, MARKED.ravel())
        for k in range(2):  # from each pair of head one to its next one
            if t > 0.4 * k:
                start = x + (4 * k + 1.5) * CELL
                stage.arc(
                    start, start + 3 * CELL, y - 4, 30, COLOURS["Q"], 2, id=f"{k}"
                )

    def _contiguous(self, stage, t):
        self._heads(stage, HEADS_FIRST)
        x, y = STRIP
        go = between(t, 0.1, 0.9)
        stage.text(LEFT + 24, y - 52, "in memory", align="left", colour=QUIET)
        old = list(MARKED.ravel())
        for k, value in enumerate(HEADS_FIRST.ravel()):
            place = old.index(value) + (k - old.index(value)) * go
            lift = 44 * np.sin(np.pi * go) * (value % 10 > 2)  # one passes below
            stage.matrix(
                [[value]],
                x + place * CELL,
                y + lift,
                COLOURS["V" if value % 10 > 2 else "Q"],
                width=CELL,
                top=2 * value,
                id=f"cell {value}",
            )

    def _scrambled(self, stage, t):
        tables = MARKED.reshape(2, 3, 2)
        wrong = [table != HEADS_FIRST[h] for h, table in enumerate(tables)]
        self._heads(stage, tables, wrong)
        self._line(stage, MARKED.ravel())

    def _layer(self, stage, t):
        if not self.A.known or not self.Y.known:
            part = self.Y if self.A.known else self.A
            told = "Yours: " + cut(part.problem, 110)
            stage.says(LEFT, 60, told, 600, WRONG, "bold")
            return
        for h in range(2):
            stage.text(
                66 + 300 * h, 32, HEADS[h], align="left", colour=INK, weight="bold"
            )
            stage.matrix(
                self.A.values[0, h],
                66 + 300 * h,
                100,
                COLOURS["A"],
                f"A of head {h + 1}",
                "",
                rows=TOKENS,
                columns=TOKENS,
                width=50,
                wrong=self.A.wrong[0, h],
                faded=self.A.faded,
            )
        told = "all 24 numbers of Y are right" if self.Y.right else "Y is not right"
        ink = INK if self.Y.right else WRONG
        stage.text(66, 260, told, align="left", colour=ink, weight="bold")
