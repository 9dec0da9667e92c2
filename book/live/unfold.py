"""A function with its private helpers written out: what a reader could have written.

`softmax(np.where(allowed, S, 0))` instead of `_filled(S, allowed, 0)`. A helper can be
written out where it is straight: it assigns names that nothing else has, and returns.
"""

import ast
import inspect
from collections.abc import Callable
from copy import deepcopy
from typing import Any, TypeGuard

from autograder.exercises.source import source_of


def unfolded(function: Callable) -> list[str]:
    """The lines of a function's body, without a private name; none where one is left,
    or where the function stands under another name than its own.
    """
    definition = definition_of(function)
    if definition is None or definition.name != function.__name__:
        return []
    known = function.__globals__
    body = _Unfolding(known, names(definition)).of(statements(definition))
    if any(name.startswith("_") and name in known for name in names(*body)):
        return []
    lines = "\n".join(map(ast.unparse, body)).splitlines()
    return [line.replace("1000000000.0", "1e9") for line in lines]  # as people write it


def definition_of(function: object) -> ast.FunctionDef | None:
    """A plain function as it is defined; None for a class, or what is no function."""
    if not inspect.isfunction(function):
        return None
    found = ast.parse(source_of(function)).body[0]
    return found if isinstance(found, ast.FunctionDef) else None


def statements(definition: ast.FunctionDef) -> list[ast.stmt]:
    """A body without its docstring."""
    return definition.body[1 if ast.get_docstring(definition) else 0 :]


def names(*nodes: ast.AST) -> set[str]:
    """Every name that is read, assigned or a parameter."""
    inside = [node for top in nodes for node in ast.walk(top)]
    read = {node.id for node in inside if isinstance(node, ast.Name)}
    return read | {node.arg for node in inside if isinstance(node, ast.arg)}


# Where a line of a helper cannot be put before the statement: it may need a name that
# is there inside alone.
INSIDE = (
    *(ast.For, ast.While, ast.If, ast.With, ast.FunctionDef, ast.Lambda, ast.IfExp),
    *(ast.GeneratorExp, ast.ListComp, ast.SetComp, ast.DictComp),
)


class _Unfolding(ast.NodeTransformer):
    """Writes out the helpers of some statements; `before` is what has to come first."""

    def __init__(self, known: dict[str, Any], taken: set[str]):
        self.known, self.taken = known, taken
        self.before: list[ast.stmt] = []
        self.inside = 0

    def visit(self, node: ast.AST) -> Any:
        inside = isinstance(node, INSIDE)
        self.inside += inside
        done = super().visit(node)
        self.inside -= inside
        return done

    def of(self, body: list[ast.stmt]) -> list[ast.stmt]:
        done = []
        for statement in body:
            own, self.before = self.before, []
            statement = self.visit(deepcopy(statement))
            done += [*self.before, statement]
            self.before = own
        return done

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        lines = self.filled(node)
        if not lines:
            return node
        *earlier, last = lines
        if earlier and self.inside:
            return node
        self.taken |= names(*earlier)
        self.before += self.of(earlier)
        return self.visit(last.value)

    def filled(self, call: ast.Call) -> list[Any]:
        """The lines of a straight helper, with this call's arguments in their places;
        none where that is not what is called.
        """
        name = call.func.id if isinstance(call.func, ast.Name) else ""
        helper: Any = self.known.get(name) if name.startswith("_") else None
        definition = definition_of(helper)
        if definition is None:
            return []
        *earlier, last = lines = statements(definition)
        stored = [n.id for n in ast.walk(definition) if is_stored(n)]
        if (
            not isinstance(last, ast.Return)
            or not all(isinstance(line, ast.Assign) for line in earlier)
            or self.taken.intersection(stored)
            or {a.arg for a in definition.args.args}.intersection(stored)
        ):
            return []
        keywords = {str(k.arg): k.value for k in call.keywords}
        try:
            bound = inspect.signature(helper).bind(*call.args, **keywords)
        except TypeError:  # f(*some): which argument is which cannot be read off
            return []
        values = _defaults(definition) | bound.arguments
        return [_Filled(values).visit(line) for line in lines]


def is_stored(node: ast.AST) -> TypeGuard[ast.Name]:
    """True of a name that is assigned here."""
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)


def _defaults(definition: ast.FunctionDef) -> dict[str, ast.expr]:
    """What parameters are where a call does not say."""
    parameters = [a.arg for a in definition.args.args]
    given = reversed(definition.args.defaults)
    return dict(zip(reversed(parameters), given, strict=False))


class _Filled(ast.NodeTransformer):
    """Arguments in the place of a helper's parameters."""

    def __init__(self, values: dict[str, ast.expr]):
        self.values = values

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return deepcopy(self.values.get(node.id, node))
