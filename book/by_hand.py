"""Small numbers, shown the way one would write them with a pencil.

The chapters show every number through these functions, so that none is typed.
"""

import re
from collections.abc import Sequence
from html import escape

import numpy as np

from book.palette import FAINTEST, FULLEST, LETTERS, LIGHT
from book.sentence import ASKS_FOR, CARRIES, TABLE, TOKENS, VOCABULARY, K, Q, V
from book.tables import minus

# What a name speaks of that is not the letter of a matrix itself.
SPEAKS_OF = {
    "asks": "Q",
    "query": "Q",
    "offers": "K",
    "offered": "K",
    "key": "K",
    "value": "V",
    "score": "S",
    "scaled": "S",
    "weights of": "A",
    "head one, who": "A",
    "head two, what": "A",
    "output": "O",
    "takes home": "O",
}


def role_of(name: str) -> str:
    """The letter whose colour a matrix has: that of its name, or of what it speaks of;
    X where it is none of them.
    """
    letter = re.match(rf"d?([{LETTERS}])\b", name)  # a gradient's is that of its array
    spoken = (role for words, role in SPEAKS_OF.items() if words in name)
    return letter[1] if letter else next(spoken, "X")


class Matrix:
    """A matrix with a name, and a label for each row and column.

    values: (n, m). rows, columns: n and m labels, or none. A cell has the more of the
    matrix's colour, the larger its number is, as in the scenes.
    """

    def __init__(
        self,
        name: str,
        values: np.ndarray,
        rows: Sequence[str] = TOKENS,
        columns: Sequence[str] = (),
        digits: int = 2,
    ):
        self.name = name
        self.rows = [str(label) for label in rows] if any(rows) else []
        self.columns = [str(label) for label in columns]
        self.shape = np.shape(values)
        values = np.atleast_2d(values)
        self.cells = [[written(x, digits) for x in row] for row in values]
        self.role = role_of(name)
        sizes = np.nan_to_num(np.abs(np.asarray(values, dtype=float)), posinf=0)
        shares = sizes / (sizes.max(initial=0) or 1)
        self.tints = FAINTEST + (FULLEST - FAINTEST) * shares

    def _repr_html_(self) -> str:
        head = "".join(
            f'<th scope="col">{escape(label)}</th>' for label in self.columns
        )
        body = ""
        for number, row in enumerate(self.cells):
            body += "<tr>"
            if self.rows:
                body += f'<th scope="row">{escape(self.rows[number])}</th>'
            tints = self.tints[number]
            body += "".join(map(_cell, row, tints)) + "</tr>"
        corner = "<td></td>" if self.rows else ""
        shape = f"shape {self.shape}"
        colour = f"--t:var(--{self.role},{LIGHT[self.role]})"
        return (
            f'<table class="matrix" style="{colour}">'
            '<caption style="white-space:nowrap;text-align:left">'
            f"<strong>{escape(minus(self.name))}</strong>, "
            f"{shape}</caption>"
            + (f"<thead><tr>{corner}{head}</tr></thead>" if head else "")
            + f"<tbody>{body}</tbody></table>"
        )

    def __repr__(self) -> str:
        table = [["", *self.columns]] if self.columns else []
        labels = self.rows or [""] * len(self.cells)
        table += [[label, *row] for label, row in zip(labels, self.cells, strict=True)]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines = [
            "  ".join(c.rjust(w) for c, w in zip(row, widths, strict=True))
            for row in table
        ]
        return "\n".join([f"{self.name}, shape {self.shape}", *lines])


def _cell(text: str, tint: float) -> str:
    """A number on its colour, which is let down with the page's own: light or dark."""
    look = f"background:color-mix(in srgb,var(--t) {tint:.0%},#0000)"
    return f'<td style="{look}">{text}</td>'


def matrix(name: str, values: np.ndarray, **labels) -> None:
    """Show a matrix under its name: (n, m). Labels as in `Matrix`."""
    from autograder.judge.render import show

    table = Matrix(name, values, **labels)
    show(repr(table), table._repr_html_())


def dot(asking: np.ndarray, offering: np.ndarray) -> None:
    """Write out the dot product of two vectors of the same length."""
    pairs = zip(asking, offering, strict=True)
    products = " + ".join(f"{written(a)}·{written(b)}" for a, b in pairs)
    print(f"{products} = {written(np.dot(asking, offering))}")


def over_root(score: float, size: int) -> None:
    """Write out a score divided by the square root of a size."""
    root = np.sqrt(size)
    print(
        f"{written(score)} / √{size} = {written(score)} / {written(root)} "
        f"= {written(score / root)}"
    )


def mixture(weights: np.ndarray, values: np.ndarray) -> None:
    """Write out a weighted sum: weights (n,), a row of values (n, d_v) for each."""
    terms = [f"{written(w)}·{_row(v)}" for w, v in zip(weights, values, strict=True)]
    shares = [w * v for w, v in zip(weights, values, strict=True)]
    wide = max(map(len, terms))
    for token, term, share in zip(TOKENS, terms, shares, strict=True):
        print(f"{token:<8} {term:<{wide}} = {_row(share)}")
    print(f"{'together':<8} {'':<{wide}}   {_row(sum(shares))}")


def _row(values: np.ndarray) -> str:
    return f"({', '.join(written(x) for x in values)})"


def follow(token: str) -> None:
    """Show what one token goes through, from its query to its output."""
    from autograder import ready

    i = row(token)
    scores = ready("scores")(Q, K)
    scaled = ready("scale")(scores, Q.shape[-1])
    weights = ready("softmax")(scaled)
    output = ready("weighted_sum")(weights, V)
    matrix(f"the query of {token}", Q[i], rows=["query"], columns=ASKS_FOR)
    _between("It meets every key:")
    both = np.stack([scores[i], scaled[i]])
    matrix(f"the scores of {token}", both, rows=["scores", "scaled"], columns=TOKENS)
    _between("Softmax makes shares of them:")
    matrix(f"the weights of {token}", weights[i], rows=["weights"], columns=TOKENS)
    _between("The weights mix the values:")
    matrix(f"what {token} takes home", output[i], rows=["output"], columns=CARRIES)


def _between(words: str) -> None:
    """A line between two tables, which then stand below each other."""
    from autograder.judge.render import show

    show(words, f'<p style="margin:0">{escape(words)}</p>')


def features_of(word: str) -> np.ndarray:
    """The features of a word of the vocabulary: (d_model,)."""
    return TABLE[VOCABULARY.index(word)]


def row(token: str) -> int:
    """The row of a token of the running sentence."""
    return TOKENS.index(token)


def written(value: float, digits: int = 2) -> str:
    """A number with as few digits as it needs, at most `digits` after the point."""
    text = f"{value:.{digits}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text.replace("-", "−")
