"""Tables and texts of what was measured, with numbers that cells computed."""

import re
from collections.abc import Sequence
from html import escape

import numpy as np

SHORT = 14  # letters


class Table:
    """Rows under their heads; a table where one can be shown, else columns of text."""

    def __init__(
        self,
        heads: Sequence[str],
        rows: Sequence[Sequence[object]],
        caption: str = "",
    ):
        self.caption = caption
        self.rows = [[str(cell) for cell in row] for row in (heads, *rows)]

    def _repr_html_(self) -> str:
        heads, *rows = self.rows
        head = "".join(
            # Above the names of the rows stands nothing: no head, to a screen reader.
            f'<th scope="col">{escape(cell)}</th>' if cell else "<td></td>"
            for cell in heads
        )
        body = "".join(
            f"<tr>{''.join(f'<td>{escape(minus(c))}</td>' for c in _held(row))}</tr>"
            for row in rows
        )
        caption = f"<caption>{escape(self.caption)}</caption>" if self.caption else ""
        return (
            f'<table class="measured">{caption}<thead><tr>{head}</tr></thead>'
            f"<tbody>{body}</tbody></table>"
        )

    def __repr__(self) -> str:
        widths = [max(map(len, column)) for column in zip(*self.rows, strict=True)]
        lines = (
            "  ".join(c.rjust(w) for c, w in zip(row, widths, strict=True))
            for row in self.rows
        )
        return "\n".join([self.caption, *lines] if self.caption else lines)


def minus(text: str) -> str:
    """A text whose negative numbers have a minus sign, and no hyphen."""
    return re.sub(r"(?<![\w.])-(?=\d)", "−", text)


def _held(row: Sequence[str]) -> list[str]:
    """A row whose name, if it is short as `GPT-3 175B`, stays in one line."""
    name, *others = row
    return [name.replace(" ", "\u00a0") if len(name) <= SHORT else name, *others]


def table(
    heads: Sequence[str], rows: Sequence[Sequence[object]], caption: str = ""
) -> None:
    """Show rows under their heads, and above them what they are, if that is said."""
    from autograder.judge.render import show

    shown = Table(heads, rows, caption)
    show(repr(shown), shown._repr_html_())


class Markdown:
    """A text with numbers in it, shown as Markdown; as it stands, everywhere else."""

    def __init__(self, text: str):
        self.text = text

    def _repr_markdown_(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return self.text


def spread(values: Sequence[float], form: str = ".2f") -> str:
    """The median and, in brackets, the smallest and the largest: `0.98 (0.97–0.99)`.

    Where one has a sign, a word stands between them: `-0.98 (-0.99 to -0.97)`.
    """
    middle, low, high = np.median(values), np.min(values), np.max(values)
    to = " to " if low < 0 or form.startswith("+") else "–"
    return f"{middle:{form}} ({low:{form}}{to}{high:{form}})"
