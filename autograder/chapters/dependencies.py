"""Which of the project's files a piece of code runs through. Nothing is run for it."""

import ast
import sys
from pathlib import Path

from autograder.exercises.registry import registered
from autograder.files.unchanged import while_unchanged


def dependencies(code, root):
    """The files below root that code runs through, sorted.

    They are found from the imports, without running anything. Solutions are imported
    by nobody: they are discovered. They count where the code defines a function that
    they declare, or asks for it by name: `ready("scores")`.
    """
    found = modules(code, root)
    names = defined(_telling(ast.parse(code))) | asked_for(code, found)
    declared = registered(Path(root, "solutions"))
    found |= _reached({declared[name] for name in names & declared.keys()}, root)
    return sorted(found.union(*(_packages(file, root) for file in found)))


def modules(code, root):
    """The files below root that code imports, however indirectly."""
    return _reached(_imported(_telling(ast.parse(code)), (), root), root)


def asked_for(code, files):
    """The names of exercises that code, or one of the files, asks for."""
    of_files = map(_told_by, files)
    return _asked_for(_telling(ast.parse(code))).union(*map(_asked_for, of_files))


def with_packages(files, root):
    """The files, the packages around them, and what these import in their turn."""
    found, more = set(), set(files)
    while more - found:
        found |= more
        more = _reached(found.union(*(_packages(file, root) for file in found)), root)
    return found


def imported(nodes):
    """The first names of what the nodes of a tree import: `numpy` of `numpy.linalg`."""
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add(node.module.partition(".")[0])
    return found


def packages(code, root):
    """The packages from elsewhere that are imported when code runs, by first name.

    The declarations that it asks for are imported, too. What a function imports when it
    is called is left out.
    """
    tree = ast.parse(code)
    declared = registered(Path(root, "solutions"))
    nodes = _telling(tree)
    names = (defined(nodes) | _asked_for(nodes)) & declared.keys()
    first, todo = _loaded(tree, (), root)
    found, todo, seen = set(first), todo | {declared[name] for name in names}, set()
    while todo:
        file = todo.pop()
        seen.add(file)
        more, files = _loaded_by(file, root)
        found |= more
        todo |= files - seen
    own = {folder.name for folder in root.iterdir()}
    return found - own - sys.stdlib_module_names


@while_unchanged
def _loaded_by(file, root):
    package = file.relative_to(root).parent.parts
    return _loaded(ast.parse(file.read_text("utf-8")), package, root)


def _loaded(tree, package, root):
    """The packages, and the project's files, that a module imports at once.

    The tree is used up: what its functions do is taken out.
    """
    nodes = _telling(_WithoutBodies().visit(tree))
    files = _imported(nodes, package, root)
    return imported(nodes), files.union(*(_packages(file, root) for file in files))


class _WithoutBodies(ast.NodeTransformer):
    def visit_FunctionDef(self, node):
        node.body = [ast.Pass()]
        return node


# From imports to files.


def _reached(files, root):
    """The files, and all that they import in their turn."""
    found, todo = set(), set(files)
    while todo:
        file = todo.pop()
        found.add(file)
        todo |= _imported_by(file, root) - found
    return found


@while_unchanged
def _imported_by(file, root):
    return _imported(_told_by(file), file.relative_to(root).parent.parts, root)


def _imported(nodes, package, root):
    """The files that the imports of a tree name. `package` is where the tree lies."""
    found = set()
    for node in nodes:
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
    for node in _told_by(file):
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if name == (alias.asname or alias.name):
                    return _origin(_absolute(node, module), alias.name, root)
        if isinstance(node, ast.Dict):  # imported on demand: {name: its module}
            for key, value in zip(node.keys, node.values, strict=True):
                if _text(key) == name and (
                    home := _file((*module, *_text(value).split(".")), root)
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

DEFINITIONS = (ast.FunctionDef, ast.ClassDef)
TELLING = (ast.Import, ast.ImportFrom, ast.Call, ast.Dict, *DEFINITIONS)


def _telling(tree):
    """The nodes of a tree that are asked about here."""
    return [node for node in ast.walk(tree) if isinstance(node, TELLING)]


def defined(nodes):
    """The names of the functions and classes among the nodes of a tree."""
    return {node.name for node in nodes if isinstance(node, DEFINITIONS)}


def _asked_for(nodes):
    """The names that are handed to `ready`, or to `right`."""
    calls = [*_calls(nodes, "ready"), *_calls(nodes, "right")]
    return {_text(given) for call in calls for given in call.args}


def _text(node):
    """What a quoted string says; nothing for any other piece of code."""
    return str(node.value) if isinstance(node, ast.Constant) else ""


def _calls(nodes, name):
    for node in nodes:
        if isinstance(node, ast.Call):
            function = node.func
            if getattr(function, "id", getattr(function, "attr", None)) == name:
                yield node


@while_unchanged
def _told_by(file):
    """The nodes of a file, walked once: a build asks this of each file very often."""
    return _telling(ast.parse(file.read_text("utf-8")))
