"""Automatic mutants of a function: one small change of its source each.

Mutation tools run a whole test suite in a process for each mutant. Here a mutant is
a function, ready to be judged, and thousands of them take seconds.
"""

import ast
import inspect
import itertools
from collections.abc import Callable, Iterator

from autograder.exercises.source import source_of

OPERATORS = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.MatMult, ast.Pow, ast.FloorDiv)
RELATIVES = {  # a function or method, and what it is mixed up with
    "max": ("min", "mean"),
    "sum": ("mean", "max", "prod"),
    "mean": ("sum", "max"),
    "var": ("std",),
    "exp": ("exp2", "expm1"),
    "sqrt": ("square", "cbrt", "log"),
    "zeros": ("ones",),
    "standard_normal": ("random",),
    "concatenate": ("stack",),
    "transpose": ("reshape",),
    "scale": ("softmax",),
}


def mutants(function: Callable) -> Iterator[tuple[str, Callable]]:
    """Yield every mutant with its source; the same source comes once."""
    if not inspect.isfunction(function):  # a class is judged by its own tests
        return
    source = source_of(function)
    tree = ast.parse(source)
    seen = {ast.unparse(tree)}
    names = [argument.arg for argument in tree.body[0].args.args]
    for index, node in enumerate(ast.walk(tree)):
        for change in _changes(node, names):
            mutated = ast.parse(source)  # a tenth of the time that a deep copy takes
            target = next(itertools.islice(ast.walk(mutated), index, None))
            change(target)
            if hasattr(target, "instead"):
                _replace_marked(mutated)
            text = ast.unparse(mutated)
            if text in seen:
                continue
            seen.add(text)
            namespace = dict(function.__globals__)
            try:
                exec(compile(text, "<mutant>", "exec"), namespace)
            except SyntaxError:  # such as a star outside a call
                continue
            yield text, namespace[function.__name__]


class _Unwrap(ast.NodeTransformer):
    """Puts in a marked node's place what the mark says."""

    def visit(self, node):
        node = self.generic_visit(node)
        return getattr(node, "instead", node)


def _replace_marked(tree: ast.AST) -> None:
    _Unwrap().visit(tree)


def _instead(pick: Callable) -> Callable:
    """The change that puts a part of a node in the node's own place."""

    def change(node):
        node.instead = pick(node)

    return change


def _set(field: str, value) -> Callable:
    return lambda node: setattr(node, field, value)


def _changes(node: ast.AST, names: list[str]) -> Iterator[Callable]:
    """Every change that one node allows; a change edits the node it is given."""
    if isinstance(node, ast.FunctionDef):
        yield from _statement_changes(node)
    elif isinstance(node, ast.BinOp):
        yield from (
            _set("op", other()) for other in OPERATORS if type(node.op) is not other
        )
        yield lambda n: n.__dict__.update(left=n.right, right=n.left)
        yield _instead(lambda n: n.left)
        yield _instead(lambda n: n.right)
    elif isinstance(node, ast.Attribute):
        if node.attr == "T":
            yield _instead(lambda n: n.value)
        yield from (_set("attr", other) for other in RELATIVES.get(node.attr, ()))
    elif isinstance(node, ast.Call):
        yield from _call_changes(node)
    elif isinstance(node, ast.Constant):
        yield from _constant_changes(node)
    elif isinstance(node, ast.UnaryOp):
        yield _instead(lambda n: n.operand)
    elif isinstance(node, ast.Tuple) and isinstance(node.ctx, ast.Load):
        pairs = itertools.combinations(range(len(node.elts)), 2)
        yield from (_swap("elts", i, j) for i, j in pairs)
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
        if node.id in names:
            yield from (_set("id", other) for other in names if other != node.id)
        yield from (_set("id", other) for other in RELATIVES.get(node.id, ()))
    elif isinstance(node, ast.If):
        yield lambda n: setattr(n, "test", ast.UnaryOp(ast.Not(), n.test))


def _swap(field: str, i: int, j: int) -> Callable:
    def change(node):
        items = getattr(node, field)
        items[i], items[j] = items[j], items[i]

    return change


def _drop(field: str, i: int) -> Callable:
    return lambda node: getattr(node, field).pop(i)


def _statement_changes(node: ast.FunctionDef) -> Iterator[Callable]:
    for i, statement in enumerate(node.body):
        if isinstance(statement, ast.Assign | ast.If):
            yield _drop("body", i)


def _call_changes(node: ast.Call) -> Iterator[Callable]:
    pairs = itertools.combinations(range(len(node.args)), 2)
    yield from (_swap("args", i, j) for i, j in pairs)
    yield from (_drop("args", i) for i in range(len(node.args)))
    yield from (_drop("keywords", i) for i in range(len(node.keywords)))
    if node.args:
        yield _instead(lambda n: n.args[0])
    if isinstance(node.func, ast.Attribute):
        yield _instead(lambda n: n.func.value)


def _constant_changes(node: ast.Constant) -> Iterator[Callable]:
    value = node.value
    if isinstance(value, bool):
        yield _set("value", not value)
    elif isinstance(value, int):
        yield from (_set("value", v) for v in {value + 1, value - 1, -value, None})
    elif isinstance(value, float):
        yield from (_set("value", v) for v in (0.0, 10 * value, value / 10))
    elif isinstance(value, str) and len(value) <= 4:
        for i, old in enumerate(value):
            for new in "qkvo" if old in "qkvo" else "":
                yield _set("value", value[:i] + new + value[i + 1 :])
