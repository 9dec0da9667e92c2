"""A chapter's code cells, as the page needs them: which it can run, and what for.

The page has Python and NumPy. A cell that needs another package, itself or through the
modules that it imports, cannot run there; nor can one that uses what such a cell has
defined. All of it is found by reading the code.
"""

import ast
from dataclasses import asdict, dataclass
from pathlib import Path

from autograder.chapters import dependencies
from autograder.chapters.chapter import Chapter, called_with, defined_names
from autograder.exercises.registry import discover

AT_HAND = {"numpy"}  # besides Python's own and the book's


@dataclass(frozen=True)
class Cell:
    """One code cell.

    index  its place in the notebook.
    kind   exercise, check, scene, or plain.
    name   the function that an exercise defines and a check is for; "" otherwise.
    plays  the functions that a scene is given.
    lacks  the package that the page has not and the cell needs; "" where it can run.
    """

    index: int
    source: str
    kind: str = "plain"
    name: str = ""
    plays: tuple[str, ...] = ()
    lacks: str = ""

    def as_json(self) -> dict:
        return {key: value for key, value in asdict(self).items() if value != ""}


def cells_of(chapter: Chapter, root: Path) -> list[Cell]:
    """The code cells of a chapter, in their order."""
    cells: list[Cell] = []
    taints: dict[str, str] = {}  # a name -> the package that its definition lacks
    for index, cell in enumerate(chapter.notebook.cells):
        if cell.cell_type != "code":
            continue
        kind, name, plays = _kind(cell.source)
        lacks = _lacks(cell.source, taints, root)
        taints |= dict.fromkeys(_bound(_tree(cell.source)), lacks)
        cells.append(Cell(index, cell.source, kind, name, plays, lacks))
    return cells


def _kind(source: str) -> tuple[str, str, tuple[str, ...]]:
    for name in defined_names(source):
        if name in discover():
            return "exercise", name, ()
    if checked := called_with("check", source):
        return "check", checked, ()
    if plays := _played(_tree(source)):
        return "scene", "", plays
    return "plain", "", ()


def _played(tree: ast.Module) -> tuple[str, ...]:
    """The functions that a cell hands to a verb of `book.animations`."""
    verbs = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "book.animations"
        for alias in node.names
    }
    return tuple(
        argument.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in verbs
        for argument in node.args
        if isinstance(argument, ast.Name)
    )


def _lacks(source: str, taints: dict[str, str], root: Path) -> str:
    """The first package that is not at hand, for a cell below others."""
    try:
        missing = dependencies.packages(source, root) - AT_HAND
    except SyntaxError:  # a magic
        return "IPython"
    if missing:
        return min(missing)
    read = (n.id for n in ast.walk(_tree(source)) if isinstance(n, ast.Name))
    return next((taints[name] for name in read if taints.get(name)), "")


def _tree(source: str) -> ast.Module:
    try:
        return ast.parse(source)
    except SyntaxError:
        return ast.Module([], [])


def _bound(tree: ast.Module) -> set[str]:
    """The names that a cell defines, assigns or imports."""
    found = dependencies.defined(ast.walk(tree))
    for node in ast.walk(tree):
        match node:
            case ast.Name(name, ast.Store()):
                found.add(name)
            case ast.alias(name, other):
                found.add((other or name).partition(".")[0])
    return found
