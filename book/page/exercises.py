"""What stands under a stub: how to write it, and where to get the notebook.

The cell that defines a registered function is its exercise, as everywhere else in
this project. Its name becomes an anchor of the page.
"""

import ast
import shutil
from pathlib import Path

from docutils import nodes

from autograder.exercises.registry import registered

FOLDER = "notebooks"


def setup(app):
    app.connect("doctree-read", invite)
    app.connect("build-finished", publish)


def invite(app, doctree):
    """Mark each exercise of a chapter, and say under it how to do it."""
    chapter = Path(app.env.docname).name
    known = registered(Path(app.srcdir, "solutions"))
    for cell in list(doctree.findall(_is_code)):
        names = [name for name in _defined(cell) if name in known]
        if names:
            cell["classes"].append("exercise")
            cell["ids"] += [n for n in names if n not in doctree.ids]
            cell.parent.insert(cell.parent.index(cell) + 1, _note(chapter))


def publish(app, error):
    """Put the learner's notebooks beside the pages."""
    if error or app.builder.format != "html":
        return
    target = Path(app.outdir, FOLDER)
    target.mkdir(exist_ok=True)
    for notebook in sorted(Path(app.outdir).parent.glob("learner/*.ipynb")):
        shutil.copyfile(notebook, target / notebook.name)


def _note(chapter):
    text = (
        '<p class="do">Write it in JupyterLab: <code>make lab</code>, then open '
        f"<code>{chapter}</code>. Or "
        f'<a href="../{FOLDER}/{chapter}.ipynb" download>download this notebook</a>.'
        "</p>"
    )
    return nodes.raw("", text, format="html")


def _is_code(node):
    return isinstance(node, nodes.container) and node.get("nb_element") == "cell_code"


def _defined(cell):
    kinds = (ast.FunctionDef, ast.ClassDef)
    for block in cell.findall(nodes.literal_block):
        try:
            tree = ast.parse(block.astext())
        except SyntaxError:  # a cell with IPython's own commands
            continue
        yield from (node.name for node in tree.body if isinstance(node, kinds))
