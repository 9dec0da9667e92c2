"""Wrong answers to look at, and the right ones: what stands below an exercise.

Before a reader has written anything there is no verdict to show. In its place stand a
few wrong answers of the exercise, each with what `check` says of it. They are judged
when the book is built, so that they say what the judge says today.
"""

import inspect
import re
import warnings
from collections.abc import Callable
from html import escape
from typing import Any

import numpy as np
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from autograder.exercises.declaration import Exercise, words
from autograder.exercises.pipeline import exchange_of
from autograder.exercises.registry import discover
from autograder.exercises.solution import other_ways, reasons, written
from autograder.judge.render import as_html, marked_up
from autograder.judge.verdict import judge
from autograder.values.called import call_in_process
from book.live.unfold import unfolded

FEWEST, MOST = 4, 6
LINES = 3  # of code that a wrong answer is shown with


def gallery(exercise: Exercise, code: bool = True) -> str:
    """The wrong answers that an exercise shows, as HTML; nothing where it has none.

    code: with the lines that are wrong. They are nearly the right ones, so a book
    without solutions calls each mistake by its name, and quotes no line of it.
    """
    entries = "".join(_entry(exercise, each, code) for each in chosen(exercise))
    if not entries:
        return ""
    # Folded: who wants to try first is not told beforehand what to avoid.
    return (
        '<details class="gallery"><summary>Wrong answers to look at</summary><p>Each '
        f"opens on what <code>check</code> says of it.</p>{entries}</details>"
    )


def chosen(exercise: Exercise) -> list[Callable]:
    """The mistakes to show: those that the declaration names; else the first ones, and
    before all others those that can be read as they stand.
    """
    if exercise.gallery:
        named = {mistake.__name__: mistake for mistake in exercise.mistakes}
        return [named[name] for name in exercise.gallery]
    mistakes = list(exercise.mistakes)
    mistakes.sort(key=lambda mistake: not lines_of(exercise, mistake))
    return mistakes[:MOST]


def _entry(exercise: Exercise, mistake: Callable, code: bool) -> str:
    # Where lines are quoted from. Those of a `drive` stand beside the mistake's own.
    quoted: dict | None = None if code and not exercise.drive else {}
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        call = call_in_process(exercise.driven(mistake), quoted)
        verdict = judge(exercise, call)
    lines = (lines_of(exercise, mistake) if code else []) or [words(mistake)]
    shown = "<br>".join(f"<code>{escape(line)}</code>" for line in lines)
    look = marked_up(first_sentence(inspect.getdoc(mistake) or ""))
    said = as_html(verdict, stuck="")
    return (
        f'<details class="wrong"><summary><span>{shown}</span><span>{look}</span>'
        # What is wider than a phone scrolls, by the keyboard, too.
        '</summary><div class="said" tabindex="0" role="group" '
        f'aria-label="What check says">{said}</div></details>'
    )


def first_sentence(text: str) -> str:
    """The first sentence that says something: `Two things at once.` does not yet."""
    sentences = re.split(r"(?<=[.:?])\s+(?=[A-Z`])", " ".join(text.split()))
    said = [s for s in sentences if len(s.split()) > 4] or sentences
    return said[0].rstrip(":") + ("." if said[0].endswith(":") else "")


def lines_of(exercise: Exercise, mistake: Callable) -> list[str]:
    """What a mistake writes and the right answer does not: at most LINES lines, under
    the name of the step, where that is an exercise itself; nothing where it is more.
    """
    right: Any = exercise.reference
    place = []
    while exchange := exchange_of(mistake):  # the lines of the step that is wrong
        step, mistake = next(iter(exchange.steps.items()))
        known = discover().get(step)
        right = known.reference if known else getattr(exchange.whole, step, None)
        place = [f"# in {step}"] if known else []
    rights = unfolded(right) if inspect.isfunction(right) else []
    lines = [line for line in unfolded(mistake) if line not in rights]
    return [*place, *lines] if 0 < len(lines) <= LINES else []


def solution(exercise: Exercise) -> str:
    """The reference, why it is so, and the other right ways, as HTML."""
    why = "".join(f"<p>{marked_up(part)}</p>" for part in reasons(exercise))
    others = "".join(
        f"<p>{escape(name)}:</p>{listing(code)}"
        for name, code in other_ways(exercise).items()
    )
    if others:
        others = f"<details><summary>Other right ways</summary>{others}</details>"
    own = listing(written(exercise) or "")
    return f'<div class="solution" hidden><h3>A solution</h3>{own}{why}{others}</div>'


def listing(code: str) -> str:
    """Code as the page shows it."""
    lines = highlight(code, PythonLexer(), HtmlFormatter(nowrap=True))
    shown = f'<div class="highlight"><pre>{lines}</pre></div>'
    return f'<div class="highlight-python">{shown}</div>'
