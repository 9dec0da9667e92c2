"""What a code cell does, read from its text; nothing is run here.

A cell is read as IPython reads it, by IPython's own transformer: magics, `!`, `?`,
prompts and continued lines. Most cells are plain Python, and never meet it.
"""

import ast
import re
import symtable
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, wraps
from typing import TypeVar

from autograder.exercises import answers

T = TypeVar("T")
CACHED_CHARACTERS = 20_000
FLAGS = 10  # that are listed; of more, their number is told
# By these a function can be reached without its name.
INDIRECT = ("getattr", "eval", "exec", "__import__")
# Magics that run what follows them where the other cells are run.
TRANSPARENT = ("time", "prun", "capture")
# The transformer reads all of a cell again for each line that it changes.
TRANSFORMED_CHARACTERS = 2_000_000
ONLY_IPYTHON = re.compile(
    r"^[ \t]*(?:[%!?/,;]|>>>|In \[|\.\.\.)|=[ \t]*[%!]|\?[ \t]*$|\A[ \t]+\S",
    re.MULTILINE,
)
LINE = re.compile(r"get_ipython\(\)\.run_line_magic\(")


@dataclass(frozen=True)
class Names:
    """The names that a cell defines, uses, and changes what they stand for.

    written   of the defined names those that the cell does not import or delete.
    meanings  what is known of a defined name's value, to tell it from another.
    """

    defines: frozenset[str]
    uses: frozenset[str]
    changes: frozenset[str]
    written: frozenset[str]
    meanings: dict[str, str]
    tree: ast.Module


def _kept(reading: Callable[[str], T]) -> Callable[[str], T]:
    """Keep what is read off a text, unless that is long: most cells of a class are the
    ones that were handed out.
    """
    cached = lru_cache(maxsize=256)(reading)

    @wraps(reading)
    def known(source: str) -> T:
        return (cached if len(source) < CACHED_CHARACTERS else reading)(source)

    return known


@_kept
def names_in(source: str) -> Names | None:
    """What a code cell defines and needs; None where IPython cannot read it."""
    try:
        source, tree = _python(source)
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
    nodes = list(ast.walk(tree))
    for text in answers.run_by_exec(nodes):
        inside = names_in(text)
        uses |= inside.uses if inside else set()
    star = any(
        isinstance(node, ast.ImportFrom) and node.names[0].name == "*"
        for node in tree.body
    )
    changes = {name for node in nodes for name in _changed(node)}
    defines |= {*answers.bound_in(tree), *("*" if star else "")}
    known = {name: text for node in tree.body for name, text in _meanings(node)}
    return Names(
        frozenset(defines),
        frozenset(uses),
        frozenset(changes),
        frozenset(defines - _borrowed(nodes)),
        known,
        tree,
    )


def _python(source: str) -> tuple[str, ast.Module]:
    """A cell as Python, and its syntax tree."""
    try:
        return source, _tree(source)
    except SyntaxError:
        lines = len(ONLY_IPYTHON.findall(source))
        if not lines or lines * len(source) > TRANSFORMED_CHARACTERS:
            raise
    body = _without_cell_magic(source)
    if body is not None:
        return _python(body)
    source = _transformed(source)
    tree = _tree(source)
    if not LINE.search(source):
        return source, tree
    tree = _Opened().visit(tree)
    return ast.unparse(tree), tree


def _tree(source):
    allowed = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    return compile(source, "<cell>", "exec", allowed)


def _without_cell_magic(source) -> str | None:
    """What stands below a `%%time`; None where there is no such magic."""
    first, _, rest = source.lstrip("\n").partition("\n")
    magic = re.match(r"%%(\w+)", first)
    return rest if magic and magic[1] in TRANSPARENT else None


def _transformed(source) -> str:
    from IPython.core.inputtransformer2 import TransformerManager  # slow to import

    try:
        return TransformerManager().transform_cell(source)
    except RuntimeError as error:  # too many lines for it, too
        raise SyntaxError(str(error)) from None


class _Opened(ast.NodeTransformer):
    """Puts the code in the place of a magic that runs it."""

    def visit_Expr(self, node):
        code = _code_of_magic(node.value)
        if code is None:
            return self.generic_visit(node)
        return _tree(_transformed(code)).body or ast.Pass()

    def visit_Call(self, node):
        code = _code_of_magic(node)
        return node if code is None else ast.parse(code, mode="eval").body


def _code_of_magic(node) -> str | None:
    match node:
        case ast.Call(
            ast.Attribute(ast.Call(ast.Name("get_ipython")), "run_line_magic"),
            [ast.Constant(name), ast.Constant(str(code))],
        ) if name in TRANSPARENT:
            return code
    return None


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


def _borrowed(nodes) -> set[str]:
    """The names that a cell imports or deletes."""
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import | ast.ImportFrom):
            found |= {_bound(alias) for alias in node.names}
        if isinstance(node, ast.Delete):
            found |= {t.id for t in node.targets if isinstance(t, ast.Name)}
    return found


def _bound(alias: ast.alias) -> str:
    return alias.asname or alias.name.partition(".")[0]


def _meanings(node):
    """(name, text) for what is certain to mean the same wherever it is repeated."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        module = getattr(node, "module", None)
        for alias in node.names:
            whole = alias.name if alias.asname else alias.name.partition(".")[0]
            yield _bound(alias), f"import {module} {whole}"
    elif isinstance(node, ast.FunctionDef | ast.ClassDef):
        yield node.name, ast.dump(node)


def seems_to_define(source: str, wanted: set[str]) -> bool:
    """Whether a text tries to define one of the names; Python may not read it."""
    reading = names_in(source)
    if reading and reading.written & wanted:
        return True
    return not wanted.isdisjoint(_seeming(source))


@_kept
def _seeming(source: str) -> frozenset[str]:
    """The names that a text seems to define, by its looks alone."""
    found = re.findall(r"\b(?:def|class)\s+(\w+)", source)
    # Without a way back, or a line would be read once for each of its letters.
    found += re.findall(r"^[ \t]*+(\w++)[^=\n]*+=(?!=)", source, re.MULTILINE)
    return frozenset(found)


# --- for a person to see -----------------------------------------------------------


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
    parts: list[str] = []
    while isinstance(node, ast.Attribute) and len(parts) < 4:
        parts.append(node.attr)
        node = node.value
    parts.append(node.id if isinstance(node, ast.Name) else "")
    return ".".join(reversed(parts))
