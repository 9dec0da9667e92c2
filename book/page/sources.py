"""Which of the project's files a chapter depends on.

The results of a chapter are kept under a key made of its code cells and its kernel's
name (jupyter-cache). An edited animation would change neither, and its old picture
would stay. So a chapter is read again when a file changes that it imports, however
indirectly, and what these files hold becomes part of the key. Prose is no part of
it: a chapter whose words alone have changed is not run again.
"""

import hashlib
import re
from pathlib import Path

from myst_nb.core.read import is_myst_markdown_notebook, read_myst_markdown_notebook
from sphinx.util import logging

from autograder.chapters.dependencies import dependencies

logger = logging.getLogger(__name__)
KERNEL = re.compile(r"^( +display_name:[^\n]*?) *$", re.MULTILINE)


def setup(app):
    app.connect("source-read", mark)


def mark(app, page, text):
    """Note what the chapter depends on, and write the state of it into the key."""
    if not is_myst_markdown_notebook(text[0]):
        return
    old = text[0]
    text[0], files = marked(old, Path(app.srcdir))
    for file in files:
        app.env.note_dependency(str(file))
    if text[0] == old:
        logger.warning("the chapter names no kernelspec: display_name", location=page)


def marked(text, root):
    """(The text with the state of its files in the name of its kernel, these files)."""
    files = dependencies(code_of(text), root)
    return KERNEL.sub(rf"\1 {digest(files, root)}", text, count=1), files


def code_of(text):
    """The Python code of a chapter, without IPython's own commands."""
    cells = read_myst_markdown_notebook(text).cells
    code = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
    return "\n".join("" if re.match(r"\s*[%!]", s) else s for s in code.splitlines())


def digest(files, root):
    """One short word for the contents of files."""
    whole = hashlib.sha256()
    for file in files:
        whole.update(file.relative_to(root).as_posix().encode() + b"\0")
        whole.update(hashlib.sha256(file.read_bytes()).digest())
    return whole.hexdigest()[:16]
