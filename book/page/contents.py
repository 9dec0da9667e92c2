"""The visual table of contents: every chapter with the shapes that it turns into one
another, drawn in the colours of the book from the declarations themselves.
"""

import ast
import html
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import Directive

from autograder.shapes import SIZE_NAMES, ShapeLine

from .sources import _defined, code_of, registered

# How long each side is drawn: the sizes of the running sentence.
SIZES = {"n": 4, "m": 4, "d_model": 6, "d_k": 3, "d_v": 2, "h": 2, "vocab": 7}
CELL, GAP = 7, 1.5


class Chapters(nodes.General, nodes.Element):
    pass


class ChaptersDirective(Directive):
    def run(self):
        return [Chapters()]


def setup(app):
    app.add_node(Chapters)
    app.add_directive("chapters", ChaptersDirective)
    app.connect("env-updated", lambda app, env: [env.config.root_doc])
    app.connect("doctree-resolved", fill)


def fill(app, doctree, page):
    for node in list(doctree.findall(Chapters)):
        node.replace_self(nodes.raw("", chapters(app, page), format="html"))


def chapters(app, page):
    """One list a part, one card a chapter."""
    parts = []
    for part in app.env.external_site_map.root.subtrees:
        cards = "".join(card(app, page, str(item)) for item in part.items)
        caption = f"<h2>{html.escape(part.caption)}</h2>" if part.caption else ""
        parts.append(f'{caption}<ol class="cards">{cards}</ol>')
    return "\n".join(parts)


def card(app, page, chapter):
    title = html.escape(app.env.titles[chapter].astext())
    words = app.env.metadata[chapter].get("description", "")
    words = f"<p>{html.escape(words)}</p>" if words else ""
    link = app.builder.get_relative_uri(page, chapter)
    pictures = "".join(picture(line) for line in shape_lines(app, chapter))
    return f'<li><a href="{link}">{title}</a>{words}{pictures}</li>'


def shape_lines(app, chapter):
    """The shape line of each function that is written in a chapter, in its order."""
    known = registered(app.srcdir)
    text = Path(app.env.doc2path(chapter)).read_text("utf-8")
    for name in _defined(ast.parse(code_of(text))):
        if name in known:
            yield shape_line(known[name], name)


def shape_line(file, name):
    """The shape line of a declared function: the second paragraph of its docstring."""
    for node in ast.parse(file.read_text("utf-8")).body:
        if getattr(node, "name", None) == name:
            for line in ast.get_docstring(node).splitlines():
                if "->" in line:
                    return ShapeLine.parse(line)
    raise ValueError(f"{file}: {name} has no shape line")


# Drawing.


def picture(line):
    """Arguments, an arrow, results, as one small drawing."""
    marks, x, tall = [], 0.0, 0.0
    arrays = [[i for i in side if i.sizes] for side in (line.arguments, line.results)]
    heights = [height(i) for side in arrays for i in side]
    tall = max(heights, default=0.0)
    for side, items in enumerate(arrays):
        if side:
            y = tall / 2
            marks.append(f'<path d="M{x:g} {y:g}h14m-5-4 5 4-5 4"/>')
            x += 26
        for item in items:
            marks.append(matrix(item, x, (tall - height(item)) / 2))
            x += width(item) + 12
    if not all(arrays):
        return ""
    x -= 12
    return (
        f'<svg class="shapes" viewBox="0 0 {x:g} {tall:g}" width="{x:g}" '
        f'height="{tall:g}" aria-hidden="true">{"".join(marks)}</svg>'
    )


def matrix(item, x, y):
    """One matrix, or a stack of them, in the colour of its letter."""
    *stack, rows, columns = lengths(item)
    step = CELL + GAP
    cells = []
    for layer in reversed(range(stack[0] if stack else 1)):
        dx, dy = layer * 5, (height(item) - rows * step + GAP) - layer * 5
        path = "".join(
            f"M{x + dx + j * step:g} {y + dy + i * step:g}h{CELL}v{CELL}h-{CELL}z"
            for i in range(rows)
            for j in range(columns)
        )
        cells.append(f'<path class="cells" d="{path}"/>')
    return f'<g class="of-{item.name[:1].upper() or "X"}">{"".join(cells)}</g>'


def width(item):
    *stack, _, columns = lengths(item)
    return columns * (CELL + GAP) - GAP + (stack[0] - 1 if stack else 0) * 5


def height(item):
    *stack, rows, _ = lengths(item)
    return rows * (CELL + GAP) - GAP + (stack[0] - 1 if stack else 0) * 5


def lengths(item):
    """The sizes of a drawn matrix; a vector is one row."""
    sizes = [_length(size) for size in item.sizes]
    return [1] * (2 - len(sizes)) + sizes


def _length(size):
    """`h·d_v` is as long as h times d_v."""
    long = 1
    for factor in size.split("·"):
        factor = SIZE_NAMES.get(factor, factor)
        long *= int(factor) if factor.isdigit() else SIZES.get(factor, 5)
    return long
