"""An exercise on its page: where it is written, tried, and looked up.

The cell that defines a registered function is its exercise, as everywhere else in this
project. Around it comes a section that the page's script fills: with an editor, with
buttons, with what is said. Where the book was built without Python for its pages, the
section holds what can be read, and says where to write.
"""

import json
import os
from html import escape
from pathlib import Path

from docutils import nodes

from autograder.chapters.chapter import called_with, load_chapters
from autograder.chapters.toc import chapters_listed
from autograder.exercises.registry import discover
from book.live import gallery, pyodide
from book.live.cells import Cell, cells_of

NAMES = {"torch": "PyTorch", "matplotlib": "Matplotlib"}


def setup(app):
    app.add_config_value("live_python", False, "env")
    app.add_config_value("live_solutions", True, "env")
    app.connect("config-inited", look_around)
    # Before Sphinx collects the headings of a page, with their anchors.
    app.connect("doctree-read", open_exercises, priority=400)
    app.connect("html-page-context", fill_in)


def look_around(app, config):
    """Is there Python for the pages, and are solutions wanted? `make book` says."""
    config.live_python = pyodide.cached()
    config.live_solutions = os.environ.get("SOLUTIONS") != "no"
    if config.live_python:
        app.tags.add("live")  # for what pages say of it: {only} live


def open_exercises(app, doctree):
    """Make a chapter's exercises sections, and mark the cells that can be run."""
    name = Path(app.env.docname).name
    if name not in {path.stem for path, *_ in chapters_listed()}:
        return
    (chapter,) = load_chapters([name])
    cells = cells_of(chapter, Path(app.srcdir))
    known = {cell.source.strip(): cell for cell in cells}
    for node in list(doctree.findall(_is_code)):
        cell = known.get(_source(node))
        if cell is None:
            continue
        if cell.kind == "exercise":
            _open(app, node, cell, cells)
        elif cell.kind == "check":
            _close(app, node, cell)
        elif not app.config.live_python:
            continue
        elif cell.lacks:
            node["classes"] += ["lacks", f"lacks-{cell.lacks}", *_full(cell, 58)]
        else:
            node["classes"] += ["runs", *_full(cell, 74)]
            node["ids"].append(f"cell-{cell.index}")


def _full(cell, columns):
    """A class where the last line leaves no room for what stands at its end."""
    return ["full"] if len(cell.source.rstrip().split("\n")[-1]) > columns else []


def _open(app, node, cell: Cell, cells: list[Cell]):
    """Put the section of an exercise around its cell."""
    exercise, solutions = discover()[cell.name], app.config.live_solutions
    node["classes"].append("exercise")
    can = app.config.live_python and not cell.lacks
    state = "idle" if can else "unavailable"
    said = "" if can else _why_not(cell)
    _make_way(node.document, cell.name)
    before = (
        f'<section class="live" id="{cell.name}" data-exercise="{cell.name}" '
        f'data-cell="{cell.index}" '
        f'data-state="{state}"{_scene(cell, cells)} aria-label="Write {cell.name}">'
    )
    parts = [
        f'<div role="status">{said}</div>',
        _elsewhere(Path(app.env.docname).name, solutions),
        gallery.gallery(exercise, code=solutions),
        gallery.solution(exercise) if solutions else "",
        "</section>",
    ]
    html = "".join(parts)
    place, siblings = node.parent.index(node), node.parent
    siblings.insert(place + 1, nodes.raw("", html, format="html"))
    siblings.insert(place, nodes.raw("", before, format="html"))


def _make_way(document, anchor: str):
    """Give a heading that has the name of an exercise, as "Scores" has, another anchor:
    a link to `#scores` is to the exercise.
    """
    for section in document.findall(nodes.section):
        if anchor in section["ids"]:
            other = f"about-{anchor}"
            section["ids"] = [other if i == anchor else i for i in section["ids"]]
            document.ids[other] = document.ids.pop(anchor)


def _scene(cell: Cell, cells: list[Cell]) -> str:
    """Where the exercise's function is played, if the page can play it."""
    playing = [c for c in cells if cell.name in c.plays and not c.lacks]
    return f' data-scene="{playing[0].index}"' if playing else ""


def _why_not(cell: Cell) -> str:
    if not cell.lacks:
        return "These pages were built without Python: write this one in JupyterLab."
    name = escape(NAMES.get(cell.lacks, cell.lacks))
    return f"This one needs {name}, which a page has not: write it in JupyterLab."


def _elsewhere(chapter: str, zipped: bool) -> str:
    """zipped: is the chapter's zip beside the pages? Else a course hands it out."""
    notebook = "the notebook with all that it needs"
    link = f'<a href="../notebooks/{chapter}.zip" download>download {notebook}</a>'
    given = link if zipped else f"your course hands out {notebook}"
    return (
        '<p class="do">In JupyterLab: <code>make lab</code>, then open '
        f"<code>{chapter}</code>. Without this repository: {given}.</p>"
    )


def _close(app, node, cell: Cell):
    """The check of an exercise is a button of the page, and so is its hint.

    Nobody has written anything yet, so the verdict of the build is nobody's.
    """
    siblings, place = node.parent, node.parent.index(node)
    after = siblings[place + 1] if place + 1 < len(siblings) else None
    if app.config.live_python and not cell.lacks:
        siblings.remove(node)
        if isinstance(after, nodes.paragraph) and _tells_of_hint(after, cell.name):
            siblings.remove(after)
        return
    for output in list(node.findall(_is_output)):
        output.parent.remove(output)


def _tells_of_hint(paragraph, name: str) -> bool:
    literals = [literal.astext() for literal in paragraph.findall(nodes.literal)]
    return any(called_with("hint", code) == name for code in literals)


def fill_in(app, page, template, context, doctree):
    """What the layout needs to know of a page's exercises."""
    body = context.get("body", "")
    told = ("data-exercise=", 'class="cell runs', 'class="step" data-exercises=')
    context["has_live"] = any(mark in body for mark in told)
    context["live_wheel"] = json.dumps(pyodide.NAMES[-1])


def _is_code(node):
    return isinstance(node, nodes.container) and node.get("nb_element") == "cell_code"


def _is_output(node):
    kind = "cell_code_output"
    return isinstance(node, nodes.container) and node.get("nb_element") == kind


def _source(cell) -> str:
    """The code of a cell; nothing where only what it shows is on the page."""
    inputs = (part for part in cell.children if not _is_output(part))
    blocks = (b for part in inputs for b in part.findall(nodes.literal_block))
    return next((block.astext().strip() for block in blocks), "")
