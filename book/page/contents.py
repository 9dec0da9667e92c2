"""The first page: the sentence, and every chapter with its question and its shapes.

Nothing of it is written by hand. The question of a chapter is the first line of the
module that declares its exercise; the drawing is the shape line of its functions, in
the colours of the book; the arcs are the attention weights of the running sentence.
"""

import ast
from functools import cache
from html import escape
from pathlib import Path

import numpy as np
from docutils import nodes
from docutils.parsers.rst import Directive
from myst_nb.core.read import is_myst_markdown_notebook

from autograder.exercises.registry import registered
from autograder.exercises.shapes import ShapeLine
from book.sentence import TOKENS, K, Q

from .sources import code_of

# How long each side is drawn: the sizes of the running sentence.
SIZES = {
    "n": 4,
    "m": 4,
    "d_model": 6,
    "d_k": 3,
    "d_v": 2,
    "h": 2,
    "num_heads": 2,
    "vocab": 7,
}
CELL, GAP, LAYER = 7, 1.5, 5
STEP = CELL + GAP


class Drawing(nodes.General, nodes.Element):
    """A place on a page that is drawn when all chapters have been read."""


class Chapters(Directive):
    def run(self):
        return [Drawing(draw=chapters)]


class Sentence(Directive):
    def run(self):
        return [Drawing(draw=sentence)]


def setup(app):
    app.add_node(Drawing)
    app.add_directive("chapters", Chapters)
    app.add_directive("sentence", Sentence)
    # The first page shows the titles of all others: it is written with any of them.
    app.connect("env-updated", lambda app, env: [env.config.root_doc])
    app.connect("doctree-resolved", fill)


def fill(app, doctree, page):
    for node in list(doctree.findall(Drawing)):
        node.replace_self(nodes.raw("", node["draw"](app, page), format="html"))


# The chapters.


def chapters(app, page):
    """One list a part, one card a chapter."""
    parts = []
    for part in app.env.external_site_map.root.subtrees:
        cards = "".join(card(app, page, str(item)) for item in part.items)
        caption = f"<h2>{escape(part.caption)}</h2>" if part.caption else ""
        parts.append(f'{caption}<ol class="cards">{cards}</ol>')
    return "\n".join(parts)


def card(app, page, chapter):
    number = Path(chapter).name.partition("_")[0].lstrip("0")
    number = f'<span class="number">{number}</span>' if number.isdigit() else ""
    title = escape(app.env.titles[chapter].astext())
    link = app.builder.get_relative_uri(page, chapter)
    question = describe(app, chapter)
    question = f"<p>{escape(question)}</p>" if question else ""
    pictures = "".join(picture(shape_line(*e)) for e in exercises(app, chapter))
    return f'<li>{number}<a href="{link}">{title}</a>{question}{pictures}</li>'


def describe(app, chapter):
    """One line about a page: its own `description`, or the question it answers."""
    written = app.env.metadata.get(chapter, {}).get("description")
    declared = (file for file, _ in exercises(app, chapter))
    questions = (ast.get_docstring(_parse(file)).splitlines()[0] for file in declared)
    return written or next(questions, "")


def exercises(app, chapter):
    """Where the functions are declared that a chapter lets the reader write.

    -> [(file, name)], in the order of the chapter.
    """
    known = _known(Path(app.srcdir, "solutions"))
    names = _names(Path(app.env.doc2path(chapter)).read_text("utf-8"))
    return [(known[name], name) for name in names if name in known]


def shape_line(file, name):
    """The shape line in the docstring of a declared function."""
    function = next(f for f in _parse(file).body if getattr(f, "name", None) == name)
    return ShapeLine.of(ast.get_docstring(function))


# Asked for again with every card; while one book is built, the answers stay the same.

_known = cache(registered)


@cache
def _names(text):
    """What the cells of a page define."""
    body = ast.parse(code_of(text)).body if is_myst_markdown_notebook(text) else []
    return [getattr(node, "name", None) for node in body]


@cache
def _parse(file):
    return ast.parse(file.read_text("utf-8"))


# Drawing matrices.


def picture(line):
    """Arguments, an arrow, results, in one row. Nothing where no arrays are."""
    sides = [[i for i in side if i.sizes] for side in (line.arguments, line.results)]
    if not all(sides):
        return ""
    tall = max(height(item) for side in sides for item in side)
    marks, x = [], 0
    for number, side in enumerate(sides):
        if number:
            marks.append(f'<path d="M{x:g} {tall / 2:g}h14m-5-4 5 4-5 4"/>')
            x += 26
        for item in side:
            marks.append(matrix(item, x, (tall - height(item)) / 2))
            x += width(item) + 12
    size = f'viewBox="0 0 {x - 12:g} {tall:g}" width="{x - 12:g}" height="{tall:g}"'
    return f'<svg class="shapes" {size} aria-hidden="true">{"".join(marks)}</svg>'


def matrix(item, x, y):
    """A matrix, or a stack of them with the first in front, at its upper left."""
    layers, rows, columns = lengths(item)
    paths = []
    for layer in reversed(range(layers)):
        left, top = x + layer * LAYER, y + (layers - 1 - layer) * LAYER
        cells = "".join(
            f"M{left + j * STEP:g} {top + i * STEP:g}h{CELL}v{CELL}h-{CELL}z"
            for i in range(rows)
            for j in range(columns)
        )
        paths.append(f'<path d="{cells}"/>')
    return f'<g class="of-{item.name[:1].upper()}">{"".join(paths)}</g>'


def width(item):
    layers, _, columns = lengths(item)
    return columns * STEP - GAP + (layers - 1) * LAYER


def height(item):
    layers, rows, _ = lengths(item)
    return rows * STEP - GAP + (layers - 1) * LAYER


def lengths(item):
    """How many layers, rows and columns are drawn; a vector is a row, and of a batch
    one sentence is drawn.
    """
    sizes = [_length(size) for size in item.sizes if size != "b"]
    return [1] * (3 - len(sizes)) + sizes


def _length(size):
    """`h·d_v` is as long as h times d_v."""
    long = 1
    for factor in size.split("·"):
        long *= int(factor) if factor.isdigit() else SIZES.get(factor, 5)
    return long


# Drawing the sentence.


def last_word():
    """The attention of the running sentence's last token: weights (m,)."""
    scores = Q[-1] @ K.T / np.sqrt(K.shape[-1])  # (m,)
    return np.exp(scores) / np.exp(scores).sum()


def sentence(app, page):
    """The running sentence, and how its last word shares out its attention."""
    weights = last_word()
    last, base = len(TOKENS) - 1, 118
    places = [45 + 135 * i for i in range(len(TOKENS))]
    marks = []
    for i, (token, weight, x) in enumerate(zip(TOKENS, weights, places, strict=True)):
        if i < last:
            top = base - 34 - 30 * (last - i)
            marks.append(
                f'<path d="M{places[-1]} {base - 26}C{places[-1]} {top} {x} {top} '
                f'{x} {base - 26}" stroke-width="{max(1, 11 * weight):.1f}"/>'
            )
        kind = ' class="asks"' if i == last else ""
        marks.append(f'<text x="{x}" y="{base}"{kind}>{token}</text>')
        marks.append(
            f'<text x="{x}" y="{base + 24}" class="weight">{weight:.2f}</text>'
        )
    shares = ", ".join(f"{w:.2f} on {t}" for t, w in zip(TOKENS, weights, strict=True))
    told = f"How {TOKENS[-1]} shares out its attention: {shares}."
    return (
        f'<svg class="sentence" viewBox="0 0 500 150" role="img" aria-label="{told}">'
        f"{''.join(marks)}</svg>"
    )
