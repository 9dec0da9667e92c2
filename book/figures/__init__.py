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
REMARK = re.compile(r"^ *//.*\n", re.MULTILINE)
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
        attempt="Point at or tap another word, or drag it. Give it two heads. Type a "
        "sentence of *the, cat, dog, tired, lively, slept, ran*.",
        see="The thicker an arc, the more attention. With two heads, *cat* looks for "
        "what it did and for what it is like at once. The weights were set by hand for "
        "this picture; no training found them.",
        still="How the last word of a sentence shares out its attention.",
        room=(262, 377),
    ),
    "scores": Figure(
        title="One query meets one key",
        attempt="Point at a score, or walk there with the arrow keys. Drag a number of "
        "Q or K to the right or left, or turn it with the arrows up and down.",
        see="A score is one row of Q with one row of K. Only what both care about "
        "counts. A number of Q changes a row of S, a number of K a column.",
        still="A score is one row of Q with one row of K: the products, added up.",
        room=(264, 450),
    ),
    "scaling": Figure(
        title="How far scores spread, and what softmax makes of it",
        attempt="Give the queries and keys more features. Then take the temperature "
        "away from the root of *d_k*, down and up.",
        see="Four times as many features, about twice the spread. Far below the root "
        "one key takes nearly everything, and the shares hardly answer to a nudge; far "
        "above it all shares are nearly equal. At the root the spread stays near 1, "
        "whatever *d_k* is.",
        still="Scores spread with the root of the number of features.",
        room=(428, 526),
    ),
    "softmax": Figure(
        title="From scores to shares",
        attempt="Drag the score of a word. Then move all four scores by the same "
        "amount.",
        see="A share grows at the expense of all others, and none is ever 0. If all "
        "scores move by the same amount, every exponential changes, but no share does.",
        still="A larger score gets a larger share, and the shares add up to 1.",
        room=(276, 411),
    ),
    "weighted_sum": Figure(
        title="What a word takes home lies between the values",
        attempt="Drag the number by which the scores are multiplied, down to 0 and up. "
        "Choose another word.",
        see="At 0 all weights are equal, and every word takes home the same: the mean. "
        "As the scores grow louder, it moves along the dashed line towards the value "
        "of the best word, and never leaves the space between the four.",
        still="What a word takes home lies between the four values.",
        room=(380, 415),
    ),
    "single_head": Figure(
        title="A head to shuffle, and to turn",
        attempt="Point at or tap a word to follow it, or drag it elsewhere. Then turn "
        "*quality* in the row *thing* of *W_q* down to 0: drag the number to the left, "
        "or use the arrows up and down.",
        see="A word takes its numbers with it: the order changes nothing of what it "
        "takes home. But *W_q* decides what it asks for, and *cat* now looks at "
        "*slept*.",
        still="A head gives the same words the same numbers, whatever their order is.",
        room=(662, 751),
    ),
    "split": Figure(
        title="A knife through the columns",
        attempt="Drag the knife, or the slider. Point at a number to find it again: 32 "
        "is feature 2 of word 3.",
        see="A cut gives each head its own columns of every word. A reshape fills one "
        "head after the other in reading order: the first one hears of the first words "
        "alone, and no error says so.",
        still="A cut gives each head its own columns of every word. A reshape fills "
        "one head after the other, in reading order.",
        room=(714, 758),
    ),
    "multi_head": Figure(
        title="Two heads, or one wide one",
        attempt="Choose a word. Look at one head, at both, and at one wide head with "
        "the same weights. With the mask, no word looks at a later one.",
        see="Two heads look at two words at once, each with all of its attention. The "
        "wide head has one row of shares for both questions, and weights that were "
        "made for two heads, not for it. What is masked gets 0, and the rest still "
        "adds up to 1.",
        still="Two heads look at two words at once; a wide head with their weights "
        "shares out one unit.",
        room=(697, 742),
    ),
}


def script() -> str:
    """All figures as one script, with the book's numbers in it."""
    names = [*FIRST, *FIGURES]
    parts = [(HERE / f"{name}.js").read_text("utf-8") for name in names]
    numbers = json.dumps(book(), separators=(",", ":"))
    lines = [
        "(() => {",
        f"const BOOK = {numbers};",
        *REMARK.sub("", "\n".join(parts)).split("\n"),
        'customElements.define("book-figure", BookFigure);',
        "})();\n",
    ]
    return "\n".join(line.strip() for line in lines if line) + "\n"


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


def place(name: str, still: str = "", start: str = "") -> str:
    """The HTML of a figure. `still` stands there until the script has come, or for
    good; without it, a sentence does. `start` names what its state begins with.
    """
    figure = FIGURES[name]
    still = still or f"<p>{_emphasised(figure.still)}</p>"
    title = (
        f'<p class="figure-title">{escape(figure.title)}</p>' if figure.title else ""
    )
    label = escape(figure.title or figure.still)
    wide, narrow = figure.room
    begin = f' start="{escape(start)}"' if start else ""
    return (
        f'<book-figure name="{name}"{begin}><figure aria-label="{label}">{title}'
        f'<div class="figure-stage" style="--room:{wide}px;--narrow:{narrow}px">'
        f'{still}</div><figcaption class="figure-touch">'
        f"<p><b>Try.</b> {_emphasised(figure.attempt)}</p>"
        f"<p><b>See.</b> {_emphasised(figure.see)}</p>"
        "</figcaption></figure></book-figure>"
    )


def _emphasised(text):
    text = re.sub(r"\*([^*]+)\*", r"<em>\1</em>", escape(text))
    return re.sub(r"\b([dW])_(\w)\b", r"\1<sub>\2</sub>", text)
