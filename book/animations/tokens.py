"""Tokens: each token's number picks one row of the table."""

import numpy as np

from book.sentence import TABLE, TOKEN_IDS, TOKENS, VOCABULARY, X

from .scene import Scene, Step
from .stage import COLOURS, INK, LEFT, QUIET, between, number
from .take import cast, ending

TOP, HIGH = 50, 26  # where the table begins, and how high is a cell
WIDE = 31


def play_embed(embed):
    """Play `embed` on the sentence: token_ids (n,), table -> X (n, d_model)."""
    actor = cast(embed)
    part = actor.play(TOKEN_IDS, TABLE, expected=X)
    steps = [Step(_opening(), lambda stage, t: _stand(stage, part, 0))]
    steps += [Step(_caption(part, i), _picks(part, i), 1.2) for i in range(len(TOKENS))]
    return Scene(
        title="Every token picks its row of the table",
        steps=[*steps, Step(_closing(part), lambda stage, t: _end(stage, part))],
        text=(
            "On the left the four tokens with their numbers, in the middle the table "
            "with one row for each of the seven words, on the right the matrix X. A "
            "token's number picks a row of the table; a copy of it goes into X."
        ),
        player=actor.line(part),
        height=336 if part.known else 400,
    )


def _opening():
    return (
        "A token is only a number: its place in the vocabulary. The table has one row "
        f"of {TABLE.shape[1]} features for each of the {len(VOCABULARY)} words."
    )


def _caption(part, i):
    told = ", ".join(number(v) for v in X[i])
    text = f"“{TOKENS[i]}” has number {TOKEN_IDS[i]}. Row {TOKEN_IDS[i]} is {told}."
    if part.known and part.wrong[i].any():
        text += " Yours: " + ", ".join(number(v) for v in part.values[i]) + "."
    return text


def _closing(part):
    return ending(
        {"X": part},
        "Row i of X belongs to token i. Nothing was computed: rows were picked, "
        "one for each token, in the order of the sentence.",
        "The marked numbers of yours are not those of the token's row.",
    )


def _stand(stage, part, done, i=None):
    """Tokens, table and X, with the first `done` rows of X in their place."""
    lit = [] if i is None else [i]
    style = {"height": HIGH, "lift": 22}
    stage.matrix(
        TOKEN_IDS[:, None], 64, TOP, QUIET, "ids", "", rows=TOKENS, lit=lit, **style
    )
    table = stage.matrix(
        TABLE,
        180,
        TOP,
        COLOURS["X"],
        "table",
        rows=VOCABULARY,
        width=WIDE,
        learnt=True,
        lit=[] if i is None else [TOKEN_IDS[i]],
        **style,
    )
    shown = np.zeros(X.shape, bool)
    shown[:done] = True
    x = stage.matrix(
        part.values,
        434,
        TOP,
        COLOURS["X"],
        "X",
        rows=TOKENS,
        width=WIDE,
        shown=shown,
        lit=lit,
        **part.style,
        **style,
    )
    return table, x


def _picks(part, i):
    def draw(stage, t):
        table, x = _stand(stage, part, i + (t == 1), i)
        row = TOKEN_IDS[i]
        stage.arrow((100, TOP + (i + 0.5) * HIGH), (122, TOP + (row + 0.5) * HIGH))
        if t < 1:
            go = between(t, 0.2, 0.9)
            start, end = table.corner(row), x.corner(i)
            place = [a + (b - a) * go for a, b in zip(start, end, strict=True)]
            stage.matrix(
                TABLE[[row]], *place, COLOURS["X"], width=WIDE, height=HIGH, top=2
            )

    return draw


def _end(stage, part):
    _stand(stage, part, len(TOKENS))
    y = TOP + len(VOCABULARY) * HIGH + 14
    if not part.known:
        stage.failed(part, LEFT, y + 8, COLOURS["X"], rows=2)
        return
    stage.text(LEFT, y + 14, "table", align="left", colour=QUIET)
    stage.text(LEFT + 54, y + 14, "7 words × 6 features", align="left", colour=INK)
    stage.text(LEFT, y + 44, "X", align="left", colour=QUIET)
    stage.text(LEFT + 54, y + 44, "4 tokens × 6 features", align="left", colour=INK)
