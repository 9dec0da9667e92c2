"""Some of the functions of a module, as source: with what they need, and no more."""

import ast
from collections.abc import Iterable
from pathlib import Path


def excerpt(path: Path, names: Iterable[str], docstring: str) -> str:
    """The definitions of a module that some of its names need, in their order.

    names: defined at the top level of the file. What they use of the module comes
    with them: functions, constants, imports.
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
            first = min(
                [statement.lineno]
                + [d.lineno for d in getattr(statement, "decorator_list", [])]
            )
            others.append("\n".join(lines[first - 1 : statement.end_lineno]))
    if "\n" in docstring:
        docstring += "\n"
    head = [f'"""{docstring}"""', "\n".join(imports)]
    return "\n\n\n".join(["\n\n".join(filter(None, head)), *others]) + "\n"


def _needed(statements: list[ast.stmt], names: set[str]) -> set[str]:
    """The names, and all that their definitions use."""
    uses: dict[str, set[str]] = {}
    for statement in statements:
        read = {n.id for n in ast.walk(statement) if isinstance(n, ast.Name)}
        for name in _defined(statement):
            uses.setdefault(name, set()).update(read)
    found: set[str] = set()
    left = set(names)
    while left:
        found |= left
        left = set().union(*(uses.get(name, set()) for name in left)) - found
    return found


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
