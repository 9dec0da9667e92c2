"""Which answers a learner's code gives: one reading for every entrance.

An answer is what the name of an exercise stands for when the code has run, however
it came there: by `def`, also inside an `if` or a `try`; as a lambda, a partial, an
object with `__call__`; under a decorator that hides the name. Where the name was
missed, `advice` says by how little.
"""

import ast
import difflib
import functools
import inspect
import textwrap
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from autograder.values.called import Function

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def bound_in(tree: ast.Module) -> list[str]:
    """The names that a module binds at its top level, in their order.

    What `ready` gives is a function of an earlier chapter, and no answer.
    """
    return list(dict.fromkeys(name for name, _ in _bound(tree.body)))


def defined_in(tree: ast.Module) -> list[str]:
    """Of those, the ones that code makes a function or a class of, as one can see."""
    kinds = (*Definition.__args__, ast.Lambda)
    return list(
        dict.fromkeys(n for n, by in _bound(tree.body) if isinstance(by, kinds))
    )


def name_of(
    answer: Any, wanted: Collection[str], namespaces: Iterable[Mapping[str, Any]]
) -> str:
    """The name of the exercise that an object answers.

    Its own name, or else the one that it is bound to in one of the namespaces: a
    lambda, a partial and an object have none of their own, and a decorator hides it.
    Raises LookupError with a sentence for the learner where it answers none.
    """
    spaces = list({id(space): space for space in namespaces}.values())
    own = getattr(answer, "__name__", "")
    named = own in wanted  # before all the others are looked for: they may be many
    if named and callable(answer) and any(s.get(own) is answer for s in spaces):
        return own
    wanted = list(wanted)
    here = [n for space in spaces for n in wanted if space.get(n) is answer]
    if not callable(answer):
        raise LookupError(_no_function(answer, wanted, here))
    if named and not here:
        return own
    if here:
        return here[0]
    if own in ("", "<lambda>") or not isinstance(own, str):
        what = "A lambda" if own else f"This is of type {type(answer).__name__}: it"
        raise LookupError(
            f"{what} has no name of the book. Give it one, `{wanted[0]} = ...`, or "
            "define the function with `def`, as the stub does."
        )
    near = meant(own, wanted)
    raise LookupError(
        f"There is no exercise called {own}. "
        + (f"Is {near} meant?" if near else f"There are {', '.join(wanted)}.")
    )


def _no_function(answer: Any, wanted: list[str], here: list[str]) -> str:
    """What is to be said of something that cannot be called."""
    kind = type(answer).__name__
    if here:
        return (
            f"{here[0]} stands for something of type {kind}, not for a function. Was "
            f"`{here[0]} = ...` written below it? Then run the function's cell again."
        )
    named = isinstance(answer, str) and answer in wanted
    example = f": check({answer})" if named else ""
    return (
        f"A function is wanted, and this is of type {kind}. Pass the function itself, "
        f"without quotes and without calling it{example}."
    )


def advice(name: str, trees: Iterable[ast.Module | None]) -> str:
    """Why code that tries to write an exercise does not define it; or nothing.

    trees: of each cell, None for one that Python cannot read.
    """
    read = [tree for tree in trees if tree]
    for tree in read:
        for inner, place in _inside(tree):
            if inner == name:
                return (
                    f"{name} is defined inside {place}, where nobody else finds it: "
                    "bring it to the left edge, on a line of its own."
                )
        if any(_takes(tree, name)):
            return given(name)
    names = [other for tree in read for other in defined_in(tree)]
    if name in names:
        return gone([name])
    near = [other for other in names if meant(other, [name])]
    return f"{near[0]} is defined: is {name} meant?" if near else ""


def _takes(tree: ast.Module, name: str) -> Iterator[bool]:
    """Where code binds a name to what `ready` gives."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and _is_ready(node.value):
            yield name in (getattr(target, "id", "") for target in node.targets)


def given(name: str) -> str:
    """What to say of a function that is taken from elsewhere, and checked."""
    return (
        f"{name} is not written here: `ready`, or an import, has given it. Write it "
        "yourself: that is what counts."
    )


def gone(names: Iterable[str]) -> str:
    """What to say of names that code gives, and that are not there afterwards."""
    return (
        f"When it has run, {', '.join(names)} is not there: does a condition hide it, "
        "or is it deleted again?"
    )


def misspelt(tree: ast.Module, wanted: Iterable[str]) -> list[tuple[str, str]]:
    """(what is defined, what is meant) for names that are nearly those of exercises."""
    wanted = list(wanted)
    names = (name for name in defined_in(tree) if name not in wanted)
    return [(name, near) for name in names if (near := meant(name, wanted))]


def written_otherwise(tree: ast.Module, wanted: Iterable[str]) -> list[tuple[str, str]]:
    """Of `misspelt`, those that differ in capitals and underscores alone."""
    return [
        pair for pair in misspelt(tree, wanted) if _plain(pair[0]) == _plain(pair[1])
    ]


def meant(name: str, wanted: Iterable[str]) -> str | None:
    """The wanted name that another one resembles: `SoftMax` and `soft_max` do."""
    wanted = list(wanted)
    plain: dict[str, list[str]] = {}
    for each in wanted:
        plain.setdefault(_plain(each), []).append(each)
    near = difflib.get_close_matches(_plain(name), plain, n=1, cutoff=0.75)
    if not near:
        return None
    best = difflib.get_close_matches(name, plain[near[0]], n=1, cutoff=0)
    return best[0]


def _plain(name: str) -> str:
    return name.replace("_", "").lower()


def _bound(body: Iterable[ast.AST]) -> Iterator[tuple[str, ast.AST]]:
    """(name, what it is bound to) in statements, those inside others included."""
    body = list(body)
    waiting = body[::-1]  # no recursion: an expression may be very long
    while waiting:
        node = waiting.pop()
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.name, node
                yield from _made_global(node)
            case ast.Import() | ast.ImportFrom():
                if getattr(node, "module", None) != "autograder":
                    for alias in node.names:
                        yield (alias.asname or alias.name).partition(".")[0], node
            case ast.Assign():
                for target in node.targets:
                    yield from _targets(target, node.value)
            case ast.AnnAssign(value=ast.expr() as value):
                yield from _targets(node.target, value)
            case ast.NamedExpr():
                yield from _targets(node.target, node.value)
            case ast.Lambda():
                pass  # a scope of its own
            case ast.Call(ast.Name("exec"), [code, *_]):
                own = bool(_texts(ast.walk(code)))
                yield from _executed([code] if own else body)
                body = body if own else []  # read once
            case ast.Call():
                yield from _set_by(node)
                waiting += [*ast.iter_child_nodes(node)][::-1]
            case _:
                waiting += [*ast.iter_child_nodes(node)][::-1]


def _made_global(definition: Definition) -> Iterator[tuple[str, ast.AST]]:
    """What a function binds outside itself: `global softmax`, and then a `def`."""
    nodes = list(ast.walk(definition))
    names = {n for node in nodes if isinstance(node, ast.Global) for n in node.names}
    if names and not isinstance(definition, ast.ClassDef):
        yield from (found for found in _bound(definition.body) if found[0] in names)


def _targets(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.AST]]:
    match target:
        case ast.Name(name):
            if not _is_ready(value):
                yield name, value
        case ast.Subscript(space, ast.Constant(str(name))) if _is_space(space):
            yield name, value
        case ast.Attribute(space, name) if _is_space(space):
            yield name, value
        case ast.Tuple(targets) | ast.List(targets):
            parts = getattr(value, "elts", [])
            fits = isinstance(value, ast.Tuple | ast.List)
            fits = fits and len(parts) == len(targets)
            for number, part in enumerate(targets):
                yield from _targets(part, parts[number] if fits else value)


def _is_space(value: ast.AST) -> bool:
    """True for what holds the names of a notebook: `globals()`, `sys.modules[...]`."""
    match value:
        case ast.Call(ast.Name("globals" | "vars" | "locals"), []):
            return True
        case ast.Attribute(inner, "__dict__"):
            return _is_space(inner)
        case ast.Subscript(ast.Attribute(ast.Name("sys"), "modules")):
            return True
    return isinstance(value, ast.Name) and value.id == "__main__"


def _set_by(call: ast.Call) -> Iterator[tuple[str, ast.AST]]:
    """What a call binds, such as `setattr(sys.modules[...], "softmax", f)`."""
    match call:
        case ast.Call(ast.Name("setattr"), [space, ast.Constant(str(name)), value]):
            if _is_space(space):
                yield name, value
        case ast.Call(
            ast.Attribute(space, "__setitem__"), [ast.Constant(str(name)), v]
        ):
            if _is_space(space):
                yield name, v
        case ast.Call(ast.Attribute(space, "update")) if _is_space(space):
            for keyword in call.keywords:
                if keyword.arg:
                    yield keyword.arg, keyword.value
            for given in call.args:
                if isinstance(given, ast.Dict):
                    for key, value in zip(given.keys, given.values, strict=True):
                        if isinstance(key, ast.Constant) and isinstance(key.value, str):
                            yield key.value, value


def run_by_exec(nodes: list[ast.AST]) -> list[str]:
    """The texts that code may give to `exec`, where it calls that; by its nodes."""
    calls = (node.func for node in nodes if isinstance(node, ast.Call))
    if not any(
        isinstance(called, ast.Name) and called.id == "exec" for called in calls
    ):
        return []
    return _texts(nodes)


def _executed(where: Iterable[ast.AST]) -> Iterator[tuple[str, ast.AST]]:
    """What `exec` binds: of its own text, or of all texts beside it where it has a
    name.
    """
    for text in _texts(node for part in where for node in ast.walk(part)):
        try:
            yield from _bound(ast.parse(text).body)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue


def _texts(nodes: Iterable[ast.AST]) -> list[str]:
    """Those of some nodes that are texts, and may hold code."""
    texts = (node.value for node in nodes if isinstance(node, ast.Constant))
    return [
        textwrap.dedent(text)
        for text in texts
        if isinstance(text, str) and ("def " in text or "=" in text)
    ]


def _is_ready(value: ast.expr) -> bool:
    """True for `ready("scores")`: a function that is given, not written."""
    called = value.func if isinstance(value, ast.Call) else None
    return "ready" in (getattr(called, "id", ""), getattr(called, "attr", ""))


def _inside(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """(name, place) of what is defined inside a function or a class."""
    for _, outer in _bound(tree.body):
        if isinstance(outer, Definition):
            kind = "class" if isinstance(outer, ast.ClassDef) else "function"
            for node in ast.walk(outer):
                if isinstance(node, Definition) and node is not outer:
                    yield node.name, f"the {kind} {outer.name}"


def source_function(answer: Function) -> Function | None:
    """The function or class whose lines an answer was written in, where there is one:
    through partials, and to `__call__` of an object.
    """
    seen = 0
    while isinstance(answer, functools.partial) and seen < 10:
        answer, seen = answer.func, seen + 1
    answer = inspect.unwrap(answer) if hasattr(answer, "__wrapped__") else answer
    if inspect.isfunction(answer) or inspect.isclass(answer):
        return answer
    method = vars(type(answer)).get("__call__")
    return method if inspect.isfunction(method) else None
