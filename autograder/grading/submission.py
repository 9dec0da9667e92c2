"""A submitted notebook, as data: read whatever its state, never run here.

Whoever wrote the file could write anything into it. So it is read with care, and
what is kept of it is the text of its cells; everything else is made anew.
"""

import ast
import json
import os
import re
import stat
import symtable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from autograder.values.wire import printable, written_size

NOTEBOOK_BYTES = 10 * 2**20
CODE_CHARACTERS = 2**18  # in all cells; reading code takes far more memory than text
CELLS = 2000
CACHED_CHARACTERS = 20_000
FLAGS = 10  # that are listed; of more, their number is told
# By these a function can be reached without its name.
INDIRECT = ("getattr", "eval", "exec", "__import__")
KINDS = ("code", "markdown", "raw")


class UnreadableError(ValueError):
    """A submission that holds no notebook. One sentence for the learner."""


@dataclass(frozen=True)
class Cell:
    """One cell: its kind, its text, and the id that nbgrader gave it, if any."""

    kind: str
    source: str
    grade_id: str | None = None


def visible(text: str) -> str:
    """A learner's text with all that would steer a terminal or hide written out."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def read(path: Path) -> bytes:
    """The bytes of a submitted file; `UnreadableError` where they must not be read."""
    name = visible(path.name)
    try:
        # Not following a link, and not waiting for the writer of a pipe.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        raise UnreadableError(
            f"There is no {name}. Hand the notebook in under exactly this name."
        ) from None
    except OSError:
        raise UnreadableError(
            f"{name} cannot be read: it is a link, or protected. Hand in the "
            "notebook itself, as an ordinary file."
        ) from None
    with open(descriptor, "rb") as file:
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode):
            raise UnreadableError(f"{name} is not a file. Hand in the notebook itself.")
        if about.st_size > NOTEBOOK_BYTES:
            raise UnreadableError(
                f"{name} takes {about.st_size / 2**20:.0f} MB; "
                f"{NOTEBOOK_BYTES / 2**20:.0f} MB are allowed. Clear its outputs (in "
                "JupyterLab: Edit, Clear Outputs of All Cells), save, hand in again."
            )
        return file.read(NOTEBOOK_BYTES + 1)


def parse(data: bytes) -> list[Cell]:
    """The cells of a notebook; `UnreadableError` where the bytes are none."""
    again = "Open it in JupyterLab, save it, and hand in that file."
    if not data.strip():
        raise UnreadableError("The file is empty. Hand in the notebook again.")
    try:
        notebook = json.loads(data, strict=False)
    except UnicodeDecodeError:
        raise UnreadableError(f"The file is not UTF-8 text. {again}") from None
    except RecursionError:
        raise UnreadableError(f"The file is not a notebook. {again}") from None
    except ValueError as error:
        cut = "It seems to be cut off. " if _is_cut_off(error, data) else ""
        raise UnreadableError(f"The file is not a notebook. {cut}{again}") from None
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if cells is None and isinstance(notebook, dict):  # before version 4
        sheets = notebook.get("worksheets")
        first = sheets[0] if isinstance(sheets, list) and sheets else None
        cells = first.get("cells") if isinstance(first, dict) else None
    if not isinstance(cells, list):
        raise UnreadableError(f"The file is not a notebook: it has no cells. {again}")
    _see_few(len(cells), CELLS, "cells")
    cells = [_cell(cell) for cell in cells if isinstance(cell, dict)]
    text = sum(written_size(cell.source) for cell in cells)
    _see_few(text, NOTEBOOK_BYTES, "bytes of text")  # more than were handed in
    code = sum(len(cell.source) for cell in cells if cell.kind == "code")
    _see_few(code, CODE_CHARACTERS, "characters of code")
    return cells


def _see_few(count, allowed, things):
    if count > allowed:
        raise UnreadableError(
            f"The notebook has {count} {things}; {allowed} are allowed. Take out what "
            "is not asked for, and hand in again."
        )


def _is_cut_off(error, data):
    return getattr(error, "pos", 0) >= len(data) - 1 or "Unterminated" in str(error)


def _cell(cell: dict) -> Cell:
    kind = cell.get("cell_type")
    source = cell.get("source", cell.get("input", ""))
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    if not isinstance(source, str):
        source = ""
    about = cell.get("metadata")
    about = about.get("nbgrader") if isinstance(about, dict) else None
    grade_id = about.get("grade_id") if isinstance(about, dict) else None
    return Cell(
        kind if kind in KINDS else "raw",
        printable(source),
        grade_id if isinstance(grade_id, str) else None,
    )


# --- what a cell does, from its text ------------------------------------------


@dataclass(frozen=True)
class Names:
    """The names that a cell defines, uses, and changes what they stand for."""

    defines: frozenset[str]
    uses: frozenset[str]
    changes: frozenset[str]
    tree: ast.Module


def names_in(source: str) -> Names | None:
    """What a code cell defines and needs; None where Python cannot read it."""
    # Most cells of a class are the ones that were handed out.
    return (_cached if len(source) < CACHED_CHARACTERS else _names)(source)


def _names(source):
    try:
        source = _python(source)
        tree = ast.parse(source)
        table = symtable.symtable(source, "cell", "exec")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    defines, uses = set(), set()
    for symbol in table.get_symbols():
        if symbol.is_assigned() or symbol.is_imported():
            defines.add(symbol.get_name())
        if symbol.is_referenced():
            uses.add(symbol.get_name())
    inner = list(table.get_children())
    while inner:
        scope = inner.pop()
        inner += scope.get_children()
        for symbol in scope.get_symbols():
            if symbol.is_global():
                uses.add(symbol.get_name())
                if symbol.is_assigned():
                    defines.add(symbol.get_name())
    star = any(
        isinstance(node, ast.ImportFrom) and node.names[0].name == "*"
        for node in tree.body
    )
    changes = {name for node in ast.walk(tree) for name in _changed(node)}
    defines |= {"*"} if star else set()
    return Names(frozenset(defines), frozenset(uses), frozenset(changes), tree)


_cached = lru_cache(maxsize=256)(_names)


def _python(source: str) -> str:
    """The cell without what only IPython understands."""
    if not _is_python(source):
        source = re.sub(r"^%%.*", "", source)
        source = re.sub(r"^([ \t]*)[%!?].*", r"\1pass", source, flags=re.MULTILINE)
        source = re.sub(r"=[ \t]*[%!].*", "= None", source)
        source = re.sub(r"^.*\?[ \t]*$", "pass", source, flags=re.MULTILINE)
        # Last, since a line of Python may begin with these: `/print 1` is a call.
        if re.search(CALLS, source) and not _is_python(source):
            source = re.sub(CALLS, r"\1pass", source)
    return source


CALLS = re.compile(r"^([ \t]*)[/,;].*", re.MULTILINE)


def _is_python(source):
    try:
        ast.parse(source)
    except SyntaxError:
        return False
    return True


def _changed(node) -> list[str]:
    """`seen` for `seen.x = 1`, `seen[0] = 1` and `seen.append(1)`."""
    if isinstance(node, ast.Attribute | ast.Subscript):
        stored = isinstance(node.ctx, ast.Store | ast.Del)
        return _root(node) if stored else []
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        return _root(node.value.func)
    return []


def _root(node) -> list[str]:
    inside = isinstance(node, ast.Attribute | ast.Subscript)
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return [node.id] if inside and isinstance(node, ast.Name) else []


def needed(cells: list[Cell], wanted: set[str], released: frozenset[str]) -> list[int]:
    """The indices of the code cells that the wanted names depend on, in order.

    Of the cells that the learner wrote (all but the `released` ones) those that
    change what a needed name stands for belong to it, and those that try to define
    a wanted one but cannot be read. Animations and experiments do not.
    """
    read_cells = {
        index: names_in(cell.source)
        for index, cell in enumerate(cells)
        if cell.kind == "code" and cell.source.strip()
    }
    chosen = {
        index
        for index, names in read_cells.items()
        if names is None and seems_to_define(cells[index].source, wanted)
    }
    wanted = set(wanted)
    growing = True
    while growing:
        growing = False
        for index, names in read_cells.items():
            if names is None or index in chosen:
                continue
            own = cells[index].source not in released
            if (
                names.defines & wanted
                or "*" in names.defines
                or (own and names.changes & wanted)
            ):
                chosen.add(index)
                wanted |= names.uses
                growing = True
    return sorted(chosen)


def seems_to_define(source: str, wanted: set[str]) -> bool:
    """Whether a text tries to define one of the names; Python may not read it."""
    found = re.findall(r"\b(?:def|class)\s+(\w+)", source)
    # Without a way back, or a line would be read once for each of its letters.
    found += re.findall(r"^[ \t]*+(\w++)[^=\n]*+=(?!=)", source, re.MULTILINE)
    return bool(wanted & set(found))


def flags_in(trees: list[ast.Module | None], names: tuple[str, ...]) -> tuple[str, ...]:
    """Where code reaches for one of these functions: for a human to see.

    A bare name that some cell defines is the learner's own; `torch.softmax` is not.
    None among the trees stands for a cell that cannot be read.
    """
    if not names:
        return ()
    read = [tree for tree in trees if tree]
    own = {
        node.name
        for tree in read
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
    }
    nodes = (node for tree in read for node in ast.walk(tree))
    found = dict.fromkeys(filter(None, (_flag(node, names, own) for node in nodes)))
    if None in trees:
        found["has a cell that cannot be read here: see what it does"] = None
    flags = tuple(found)
    more = len(flags) - FLAGS
    return (*flags[:FLAGS], f"and {more} more of this kind") if more > 0 else flags


def _flag(node, names, own) -> str | None:
    """What is to be said of one node of the syntax tree."""
    match node:
        case ast.Attribute(attr=name) if name in names:
            where = _dotted(node)
        case ast.ImportFrom() if any(a.name in names for a in node.names):
            where = ast.unparse(node)
        case ast.Call(ast.Name(name)) if name in set(names) - own:
            where = name
        case ast.Call(ast.Name(name)) if name in set(INDIRECT) - own:
            return f"uses {name}, which reaches functions without their names"
        case _:
            return None
    return f"uses {where[:80]}, which is what the exercise asks for"


def _dotted(node) -> str:
    """The end of `torch.nn.functional.softmax`; what is no name in it is left out."""
    parts = []
    while isinstance(node, ast.Attribute) and len(parts) < 4:
        parts.append(node.attr)
        node = node.value
    parts.append(node.id if isinstance(node, ast.Name) else "")
    return ".".join(reversed(parts))
