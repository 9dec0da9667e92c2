"""Live figures: pictures of the book that answer when a reader touches them.

A page places one by its name, `<book-figure name="scores">` and `</book-figure>`, each
on a line of its own. What the figures compute and show is JavaScript, one short file
each, on `maths.js`, `parts.js` and `element.js`; all of them are published as one
script. The numbers and words come from `book.sentence`, when the book is built.
"""

import json
import re
from dataclasses import dataclass
from html import escape
from pathlib import Path

from book import palette, sentence

HERE = Path(__file__).parent
FIRST = ("maths", "parts", "element")  # what all figures stand on


@dataclass(frozen=True)
class Figure:
    """What is said around a figure.

    `attempt` is what to try, `see` what there is to see then; *words* are emphasised.
    `still` is told where there is no script. `room` is the height of what the script
    lays out, on a wide page and on a phone, in CSS pixels: kept free, so that nothing
    moves.
    """

    attempt: str
    see: str
    still: str
    room: tuple[int, int]
    title: str = ""


FIGURES = {
    "home": Figure(
        attempt="Point at another word. Give it two heads. Take another sentence, or "
        "type one with *the, cat, dog, tired, lively, slept, ran*.",
        see="The thicker an arc, the more attention. *Slept* looks for who slept. With "
        "two heads, *cat* looks for what it did and for what it is like at once.",
        still="How the last word of a sentence shares out its attention.",
        room=(251, 387),
    ),
}


def script() -> str:
    """All figures as one script, with the book's numbers in it."""
    names = [*FIRST, *FIGURES]
    parts = [(HERE / f"{name}.js").read_text("utf-8") for name in names]
    numbers = json.dumps(book(), separators=(",", ":"))
    return "\n".join(
        [
            "(() => {",
            f"const BOOK = {numbers};",
            *parts,
            'customElements.define("book-figure", BookFigure);',
            "})();\n",
        ]
    )


def book() -> dict:
    """The sentence, its vocabulary and the weights of its heads, as plain lists."""
    return {
        "tokens": sentence.TOKENS,
        "vocabulary": sentence.VOCABULARY,
        "features": sentence.FEATURES,
        "asksFor": sentence.ASKS_FOR,
        "carries": sentence.CARRIES,
        "heads": sentence.HEADS,
        "headsCarry": sentence.HEADS_CARRY,
        "table": sentence.TABLE.astype(int).tolist(),
        "params": _plain(sentence.PARAMS),
        "headsParams": _plain(sentence.HEADS_PARAMS),
        "tint": (palette.FAINTEST, palette.FULLEST),
    }


def _plain(params):
    return {name: values.astype(int).tolist() for name, values in params.items()}


def place(name: str, still: str = "") -> str:
    """The HTML of a figure. `still` stands there until the script has come, or for
    good; without it, a sentence does.
    """
    figure = FIGURES[name]
    still = still or f"<p>{_emphasised(figure.still)}</p>"
    title = (
        f'<p class="figure-title">{escape(figure.title)}</p>' if figure.title else ""
    )
    label = escape(figure.title or figure.still)
    wide, narrow = figure.room
    return (
        f'<book-figure name="{name}"><figure aria-label="{label}">{title}'
        f'<div class="figure-stage" style="--room:{wide}px;--narrow:{narrow}px">'
        f'{still}</div><figcaption class="figure-touch">'
        f"<p><b>Try.</b> {_emphasised(figure.attempt)}</p>"
        f"<p><b>See.</b> {_emphasised(figure.see)}</p>"
        "</figcaption></figure></book-figure>"
    )


def _emphasised(text):
    return re.sub(r"\*([^*]+)\*", r"<em>\1</em>", escape(text))
