"""The first page: the sentence, and every chapter with its question and its shapes.

Nothing of it is written by hand. The question of a chapter is the first line of the
module that declares its exercise; the drawing is the shape line of its functions, in
the colours of the book; the arcs are the attention weights of the running sentence; and
how long it takes to read, and how many questions there are, is counted.
"""

import ast
import re
from functools import cache
from html import escape, unescape
from pathlib import Path

import numpy as np
from docutils import nodes
from docutils.parsers.rst import Directive
from myst_nb.core.read import is_myst_markdown_notebook

from autograder.chapters.drawing import picture
from autograder.chapters.toc import steps
from autograder.chapters.workflow_map import small_map
from autograder.exercises.registry import registered
from autograder.exercises.shapes import ShapeLine
from book import overview
from book.sentence import TOKENS, K, Q

from .sources import code_of

# Words a minute. Adults read 238 of an English text without formulas (Brysbaert 2019,
# https://doi.org/10.1016/j.jml.2019.104047).
PACE = 200


MAP = re.compile(
    r'<div class="workflow-map small" data-here="(\w+)" role="group" '
    r'aria-label="([^"]*)">.*?</ol></div></div>'
)


class Drawing(nodes.General, nodes.Element):
    """A place on a page that is drawn when all chapters have been read."""


class Chapters(Directive):
    def run(self):
        return [Drawing(draw=chapters)]


class Sentence(Directive):
    def run(self):
        return [Drawing(draw=sentence)]


class GetIt(Directive):
    def run(self):
        return [Drawing(draw=get_it)]


def setup(app):
    # Where others get the book's sources from; "" where nobody has said so.
    app.add_config_value("book_repository", "", "html")
    app.add_node(Drawing)
    app.add_directive("chapters", Chapters)
    app.add_directive("sentence", Sentence)
    app.add_directive("get-it", GetIt)
    app.add_role("reading", reading)
    app.add_role("questions", questions)
    # The first page shows the titles of all others: it is written with any of them.
    app.connect("env-updated", lambda app, env: [env.config.root_doc])
    app.connect("doctree-resolved", fill)
    app.connect("html-page-context", lead)


def fill(app, doctree, page):
    for node in list(doctree.findall(Drawing)):
        node.replace_self(nodes.raw("", node["draw"](app, page), format="html"))


def lead(app, page, template, context, doctree):
    """Draw the small map of a chapter anew: here, its boxes lead to pages. (What a run
    has shown is kept, while the table of contents may have changed.)
    """

    def drawn(found):
        def link(step):
            return app.builder.get_relative_uri(page, f"book/{step.chapter}")

        return small_map(found[1], unescape(found[2]), link)

    context["body"] = MAP.sub(drawn, context.get("body", ""))


# What is counted.


def reading(name, rawtext, text, *_, **__):
    """`01 12`: how long it takes to read these chapters and all between, as far as the
    questions of an interview.
    """
    first, last = map(int, text.split())
    between = [step for step in steps() if first <= step.number <= last]
    minutes = sum(words(overview.text_of(step.chapter)) for step in between) / PACE
    return [nodes.Text(f"about {5 * round(minutes / 5)} minutes")], []


def words(chapter):
    """How many words of a chapter's source are to be read, without code."""
    text = re.sub(r"(?ms)\A---.*?^---$|^```.*?^```$", "", chapter)
    return len(text.partition("\n## In an interview")[0].split())


def questions(name, rawtext, text, *_, **__):
    """How many questions of an interview there are: `all` on their page, or those of
    them that are asked `most`.
    """
    most = len(overview.MOST_ASKED)
    count = most if text == "most" else overview.questions_in_all()
    return [nodes.Text(str(count))], []


# The chapters.


def chapters(app, page):
    """One list a part, one line a chapter."""
    parts = []
    for part in app.env.external_site_map.root.subtrees:
        lines = "".join(line(app, page, str(item)) for item in part.items)
        caption = f"<h2>{escape(part.caption)}</h2>" if part.caption else ""
        parts.append(f'{caption}<ol class="chapters">{lines}</ol>')
    return "\n".join(parts)


def line(app, page, chapter):
    """A chapter's number, title and question, and what its functions take and give."""
    title = escape(app.env.titles[chapter].astext())
    link = app.builder.get_relative_uri(page, chapter)
    pictures = "".join(picture(shape_line(*e)) for e in exercises(app, chapter))
    return (
        f'<li><span class="number">{number(app, chapter)}</span>'
        f'<a href="{link}">{title}</a><p>{escape(describe(app, chapter))}</p>'
        f'<span class="pictures">{pictures}</span></li>'
    )


def get_it(app, page):
    """Where the sources are, as far as that is known, and what to run there."""
    address = app.config.book_repository
    where = (
        "<p>In the folder with the sources of the book (these pages do not know where "
        "they are published: ask whoever gave you the pages):</p>"
    )
    get = ""
    if address:
        link = f'<a href="{escape(address)}">{escape(address.partition("//")[2])}</a>'
        where = f"<p>The sources of the book are at {link}.</p>"
        folder = address.rstrip("/").rpartition("/")[2].removesuffix(".git")
        get = f"git clone {address}\ncd {folder}\n"
    commands = (
        "make book     # these pages, in _build/html\n"
        "make lab      # the chapters in JupyterLab, your own copies\n"
        "make course   # an nbgrader course of them"
    )
    commands = escape(get + commands)
    return f'{where}<div class="highlight-console"><pre>{commands}</pre></div>'


def number(app, page):
    """The number of a chapter, from the table of contents; "" for other pages."""
    (number, *_) = app.env.toc_secnumbers.get(page, {}).get("") or ("",)
    return str(number)


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
