"""Some of the functions of a module, as source: with what they need, and no more."""

import ast
import contextlib
import inspect
import textwrap
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from autograder.exercises.pipeline import exchange_of
from autograder.files.unchanged import while_unchanged
from autograder.values.called import Function

Uses = dict[str, set[str]]  # a name of a module -> the names that its definition reads

# What a declaration puts above a function: it says what the function is for, and is
# no part of it.
PARTS = ("mistake", "mistake_in", "inherits", "also_right", "case", "must", "drive")


def source_of(function: Function) -> str:
    """The definition of a function or a class, without what declares it."""
    if exchange_of(function):
        return renamed(function, function.__name__)
    source = textwrap.dedent(inspect.getsource(function)).rstrip()
    definition = ast.parse(source).body[0]
    return _lines(definition, source.splitlines())


def _lines(definition: ast.stmt, lines: list[str]) -> str:
    """The lines of a definition, with those of its decorators that belong to it."""
    decorators = getattr(definition, "decorator_list", [])
    kept = [node for node in decorators if not declares(node)]
    shown = [
        range(node.lineno, (node.end_lineno or node.lineno) + 1)
        for node in (*kept, definition)
    ]
    return "\n".join(lines[number - 1] for part in shown for number in part)


def file_of(function: Function) -> Path:
    """The file in which a function is written. TypeError where there is none."""
    file = inspect.getsourcefile(function)
    if file is None:
        raise TypeError(f"{function!r} is not written in a file")
    return Path(file)


def files_of(functions: Iterable[Function]) -> list[Path]:
    """The files in which functions are written, those of exchanged steps too."""
    found: set[Path] = set()
    for function in functions:
        if exchange := exchange_of(function):
            found.update(files_of([exchange.whole, *exchange.steps.values()]))
        else:
            found.add(file_of(function))
    return sorted(found, key=lambda file: file.name)


def declares(decorator: ast.expr) -> bool:
    """True of `@exercise(...)`, and of `@softmax.mistake` and its like."""
    match decorator:
        case ast.Call(ast.Name("exercise")):
            return True
        case ast.Attribute(ast.Name(), part) | ast.Call(
            ast.Attribute(ast.Name(), part)
        ):
            return part in PARTS
    return False


def excerpt(
    path: Path,
    names: Iterable[str],
    docstring: str,
    above: Callable[[ast.stmt], Iterable[str]] = lambda statement: (),
    without: Iterable[str] = (),
) -> str:
    """The definitions of a module that some of its names need, in their order.

    names  defined at the top level of the file. What they use of the module comes
           with them: functions, constants, imports.
    above  the lines that stand above a definition there.
    without  names whose definitions are left out: they are given another one.
    """
    lines, statements, uses = _module(path)
    wanted = _needed(uses, set(names), set(without))
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


@while_unchanged
def _module(path: Path) -> tuple[list[str], list[ast.stmt], Uses]:
    """The lines of a module, its statements, and what its names use of each other."""
    source = path.read_text(encoding="utf-8")
    statements = ast.parse(source).body
    uses: Uses = {}
    for statement in statements:
        read = {n.id for n in _walked(statement) if isinstance(n, ast.Name)}
        for name in _defined(statement):
            uses.setdefault(name, set()).update(read)
    return source.splitlines(), statements, uses


def _needed(uses: Uses, names: set[str], without: set[str]) -> set[str]:
    """The names, and all that their definitions use, but for what is left out."""
    found: set[str] = set()
    left = set(names)
    while left:
        found |= left
        used = (uses.get(name, set()) for name in left)
        left = set().union(*used) - found - without
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


def renamed(function: Function, name: str) -> str:
    """A function's source under another name, with what it needs of its module.

    The docstrings are left out: they say what is right, or what is wrong. The module's
    own function of that name, where it is needed, gets an underscore. Of a function
    with a step exchanged, the other step is defined first, under the step's name.
    """
    exchange = exchange_of(function)
    if exchange is None:
        return _joined(_standing_alone(function, name, ()).body)
    whole, steps = exchange.whole, exchange.steps
    parts = [_step(wrong, step) for step, wrong in steps.items()]
    if isinstance(whole, type):
        base = _standing_alone(whole, whole.__name__, ()).body
        parts = [base, *parts, _subclass(name, whole, vars(function), steps)]
    else:
        parts = [*parts, _standing_alone(whole, name, steps).body]
    return _joined(statement for part in parts for statement in part)


def names_given(sources: Iterable[str]) -> set[str]:
    """The names that some code gives a meaning at its top level; none if unreadable."""
    found: set[str] = set()
    for source in sources:
        with contextlib.suppress(SyntaxError):
            found = found.union(*map(_defined, ast.parse(source).body))
    return found


def among(given: Collection[str], source: str, name: str) -> str:
    """A function's source for a notebook that gives names a meaning, and keeps it.

    What the notebook has is not imported again; what the source defines besides the
    function gets an underscore.
    """
    tree = ast.parse(source)
    for statement in tree.body:
        if isinstance(statement, ast.ImportFrom):
            statement.names = [
                a for a in statement.names if a.asname or a.name not in given
            ]
    tree.body = [s for s in tree.body if getattr(s, "names", True)]
    others = [s for s in tree.body if not isinstance(s, ast.Import)]
    taken = set().union(*map(_defined, others)) & set(given) - {name}
    _rename(tree, {other: f"_{other}" for other in taken})
    return _joined(tree.body)


IMPORTS = (ast.Import, ast.ImportFrom)


def _joined(statements: Iterable[ast.stmt]) -> str:
    """Statements as source: the imports first, each of them once."""
    texts = [(isinstance(s, IMPORTS), ast.unparse(s)) for s in statements]
    imports = dict.fromkeys(text for is_import, text in texts if is_import)
    others = [text for is_import, text in texts if not is_import]
    return "\n\n\n".join(filter(None, ["\n".join(imports), *others]))


def _standing_alone(
    function: Function, name: str, without: Iterable[str]
) -> ast.Module:
    """The definitions of a function under another name, and of what it needs."""
    own = function.__name__
    exchange = exchange_of(function)
    if exchange is not None:  # within what is exchanged
        return ast.parse(renamed(function, name))
    text = excerpt(file_of(function), [own], own, without=without)
    tree = ast.parse(text)
    _rename(tree, {own: name} if own == name else {own: name, name: f"_{name}"})
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Module):
            node.body = node.body[ast.get_docstring(node) is not None :] or node.body
    return tree


def _rename(tree: ast.AST, names: dict[str, str]) -> None:
    """Give names other ones, where they are defined and where they are read."""
    classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    methods = [statement for node in classes for statement in node.body]
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            node.id = names.get(node.id, node.id)
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node not in methods:
            node.name = names.get(node.name, node.name)
        if isinstance(node, ast.alias) and (node.asname or node.name) in names:
            node.asname = names[node.asname or node.name]


def _step(wrong: Function, step: str) -> list[ast.stmt]:
    """The definitions of a step; what it needs besides gets names of its own."""
    tree = _standing_alone(wrong, step, ())
    others = [s for s in tree.body if not isinstance(s, IMPORTS)]
    names = set().union(*map(_defined, others)) - {step}
    _rename(tree, {name: f"_{step}_{name.lstrip('_')}" for name in names})
    return tree.body


def _subclass(
    name: str, whole: type, made: Mapping[str, Any], steps: Iterable[str]
) -> list[ast.stmt]:
    """The class of which some methods are the functions defined above."""
    lines = [f"class {name}({whole.__name__}):"]
    for step in steps:
        alone = isinstance(made[step], staticmethod)
        lines.append(f"    {step} = " + (f"staticmethod({step})" if alone else step))
    return ast.parse("\n".join(lines)).body
