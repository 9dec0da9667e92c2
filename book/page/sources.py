"""Which of the project's files a chapter depends on.

The results of a chapter are kept under a key made of its code cells and its kernel's
name (jupyter-cache). An edited animation would change neither, and its old picture
would stay. So a chapter is read again when a file changes that it imports, however
indirectly, and what these files hold becomes part of the key. Prose is no part of
it: a chapter whose words alone have changed is not run again.
"""

import ast
import hashlib
import re
from functools import cache
from pathlib import Path

from myst_nb.core.read import is_myst_markdown_notebook, read_myst_markdown_notebook
from sphinx.util import logging

from autograder.exercise import registered

logger = logging.getLogger(__name__)
KERNEL = re.compile(r"^( +display_name:[^\n]*?) *$", re.MULTILINE)


def setup(app):
    app.connect("source-read", mark)


def mark(app, page, text):
    """Note what the chapter depends on, and write the state of it into the key."""
    if not is_myst_markdown_notebook(text[0]):
        return
    root = Path(app.srcdir)
    files = dependencies(code_of(text[0]), root)
    for file in files:
        app.env.note_dependency(str(file))
    text[0], found = KERNEL.subn(rf"\1 {digest(files, root)}", text[0], count=1)
    if not found:
        logger.warning("the chapter names no kernelspec: display_name", location=page)


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


def dependencies(code, root):
    """The files below root that code runs through, sorted.

    They are found from the imports, without running anything. Solutions are imported
    by nobody: they are discovered. They count where the code defines a function that
    they declare, or asks for it by name: `ready("scores")`.
    """
    tree = ast.parse(code)
    found = _reached(_imported(tree, (), root), root)
    names = _defined(tree) | _asked_for(tree)
    names = names.union(*(_asked_for(_parse(file)) for file in found))
    declared = registered(Path(root, "solutions"))
    found |= _reached({declared[name] for name in names & declared.keys()}, root)
    return sorted(found.union(*(_packages(file, root) for file in found)))


# From imports to files.


def _reached(files, root):
    """The files, and all that they import in their turn."""
    found, todo = set(), set(files)
    while todo:
        file = todo.pop()
        found.add(file)
        package = file.relative_to(root).parent.parts
        todo |= _imported(_parse(file), package, root) - found
    return found


def _imported(tree, package, root):
    """The files that the imports of a tree name. `package` is where the tree lies."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {_file(alias.name.split("."), root) for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = _absolute(node, package)
            for alias in node.names:
                found |= _origin(module, alias.name, root)
    return found - {None}


def _origin(module, name, root):
    """`from module import name`: the files behind this one name.

    A package that hands on the names of its modules is looked through, so that a
    chapter depends on the one animation that it plays, and not on all of them.
    """
    file = _file((*module, name), root) or _file(module, root)
    if file != Path(root, *module, "__init__.py"):
        return {file}
    tree = _parse(file)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if name == (alias.asname or alias.name):
                    return _origin(_absolute(node, module), alias.name, root)
        if isinstance(node, ast.Dict):  # imported on demand: {name: its module}
            for key, value in zip(node.keys, node.values, strict=True):
                if _text(key) == name and (
                    home := _file((*module, _text(value)), root)
                ):
                    return {home}
    return {file}


def _absolute(node, package):
    """The module that an import names, as a tuple, relative ones resolved."""
    module = tuple(node.module.split(".")) if node.module else ()
    return package[: len(package) - node.level + 1] + module if node.level else module


def _file(module, root):
    """The file of a module of the project; None for one from elsewhere."""
    place = Path(root, *module)
    files = place.with_suffix(".py"), place / "__init__.py"
    return next((file for file in files if module and file.exists()), None)


def _packages(file, root):
    """Importing a.b.c runs a/__init__.py and a/b/__init__.py as well."""
    folders = [folder for folder in file.parents if root in folder.parents]
    return {f / "__init__.py" for f in folders if (f / "__init__.py").exists()}


# What a tree says.


def _defined(tree):
    kinds = (ast.FunctionDef, ast.ClassDef)
    return {node.name for node in ast.walk(tree) if isinstance(node, kinds)}


def _asked_for(tree):
    """The names that a tree hands to `ready`."""
    return {_text(given) for call in _calls(tree, "ready") for given in call.args}


def _text(node):
    """What a quoted string says; nothing for any other piece of code."""
    return str(node.value) if isinstance(node, ast.Constant) else ""


def _calls(tree, name):
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            function = node.func
            if getattr(function, "id", getattr(function, "attr", None)) == name:
                yield node


def _parse(file):
    return _parsed(file, file.stat().st_mtime_ns)


@cache
def _parsed(file, _changed):
    return ast.parse(file.read_text("utf-8"))
