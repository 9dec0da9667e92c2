"""Some of the functions of a module, as source: with what they need, and no more."""

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterable
from pathlib import Path

# What a declaration puts above a function: it says what the function is for, and is
# no part of it.
PARTS = ("mistake", "also_right", "case", "must", "drive")


def source_of(function: Callable) -> str:
    """The definition of a function or a class, without what declares it."""
    source = textwrap.dedent(inspect.getsource(function)).rstrip()
    definition = ast.parse(source).body[0]
    return _lines(definition, source.splitlines())


def _lines(definition: ast.stmt, lines: list[str]) -> str:
    """The lines of a definition, with those of its decorators that belong to it."""
    decorators = getattr(definition, "decorator_list", [])
    kept = [node for node in decorators if not declares(node)]
    shown = [range(node.lineno, node.end_lineno + 1) for node in kept]
    shown.append(range(definition.lineno, definition.end_lineno + 1))
    return "\n".join(lines[number - 1] for part in shown for number in part)


def declares(decorator: ast.expr) -> bool:
    """True of `@exercise(...)`, and of `@softmax.mistake` and its like."""
    match decorator:
        case ast.Call(ast.Name("exercise")):
            return True
        case ast.Attribute(ast.Name(), part):
            return part in PARTS
    return False


def excerpt(
    path: Path,
    names: Iterable[str],
    docstring: str,
    above: Callable[[ast.stmt], Iterable[str]] = lambda statement: (),
) -> str:
    """The definitions of a module that some of its names need, in their order.

    names  defined at the top level of the file. What they use of the module comes
           with them: functions, constants, imports.
    above  the lines that stand above a definition there.
    """
    source = path.read_text(encoding="utf-8")
    statements = ast.parse(source).body
    wanted = _needed(statements, set(names))
    lines = source.splitlines()
    imports, others = [], []
    for statement in statements:
        used = _defined(statement) & wanted
        if used and isinstance(statement, ast.Import | ast.ImportFrom):
            imports.append(_import(statement, used))
        elif used:
            others.append("\n".join([*above(statement), _lines(statement, lines)]))
    if "\n" in docstring:
        docstring += "\n"
    head = [f'"""{docstring}"""', "\n".join(imports)]
    return "\n\n\n".join(["\n\n".join(filter(None, head)), *others]) + "\n"


def _needed(statements: list[ast.stmt], names: set[str]) -> set[str]:
    """The names, and all that their definitions use."""
    uses: dict[str, set[str]] = {}
    for statement in statements:
        read = {n.id for n in _walked(statement) if isinstance(n, ast.Name)}
        for name in _defined(statement):
            uses.setdefault(name, set()).update(read)
    found: set[str] = set()
    left = set(names)
    while left:
        found |= left
        left = set().union(*(uses.get(name, set()) for name in left)) - found
    return found


def _walked(statement: ast.stmt) -> Iterable[ast.AST]:
    """Every node of a statement but those that declare it."""
    for decorator in getattr(statement, "decorator_list", []):
        if not declares(decorator):
            yield from ast.walk(decorator)
    for field, value in ast.iter_fields(statement):
        if field != "decorator_list":
            for node in value if isinstance(value, list) else [value]:
                if isinstance(node, ast.AST):
                    yield from ast.walk(node)


def _defined(statement: ast.stmt) -> set[str]:
    """The names that a statement at the top level of a module gives a meaning."""
    match statement:
        case ast.FunctionDef(name) | ast.ClassDef(name):
            return {name}
        case ast.Import(aliases) | ast.ImportFrom(_, aliases):
            return {(a.asname or a.name).partition(".")[0] for a in aliases}
        case ast.Assign() | ast.AnnAssign():
            stored = ast.walk(statement)
            return {
                node.id
                for node in stored
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
            }
    return set()


def _import(statement: ast.Import | ast.ImportFrom, used: set[str]) -> str:
    """An import of nothing but the names that are used."""
    names = [
        alias
        for alias in statement.names
        if (alias.asname or alias.name).partition(".")[0] in used
    ]
    if isinstance(statement, ast.Import):
        return ast.unparse(ast.Import(names))
    return ast.unparse(ast.ImportFrom(statement.module, names, statement.level))
