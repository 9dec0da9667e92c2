"""Wrong answers that nobody declared: edits of a function, and two faults at once.

What people write wrongly is more than any list holds. So the judge is tried on answers
that are made: every step of a right answer exchanged, dropped, doubled or moved; two
declared mistakes in one answer; a declared mistake with an edit besides. Each is a
function, ready to be judged, and the same seed makes the same ones.
"""

import ast
import copy
import inspect
import itertools
import random
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from mutation import mutants

from autograder.exercises.declaration import Exercise
from autograder.exercises.pipeline import exchange_of, exchanged, steps_of
from autograder.exercises.source import source_of
from autograder.judge.fingerprint import Watched
from autograder.judge.verdict import Verdict, judge
from autograder.values.called import call_in_process

# What is said where nothing else can be: see `autograder.judge.diagnosis.relations`.
LAST_RESORT = ("Take a small example and work out", "Work it out by hand")


@dataclass(frozen=True, eq=False)
class Wrong:
    """A wrong answer: how it was made, its source, itself."""

    kind: str
    source: str
    answer: Callable


# --- edits of a source --------------------------------------------------------


def edits(function: Callable) -> Iterator[tuple[str, Callable]]:
    """Every answer that one edit of a function's source gives, each source once."""
    source = source_of(function)
    seen = {ast.unparse(ast.parse(source))}
    for text in itertools.chain(
        _step_edits(source, function), (text for text, _ in mutants(function))
    ):
        if text not in seen:
            seen.add(text)
            yield text, defined(text, function)


def defined(text: str, like: Callable) -> Callable:
    """The function that a source defines, with the names that another one knows."""
    namespace = dict(vars(inspect.getmodule(like)))
    if exchange := exchange_of(like):
        namespace |= exchange.steps
    exec(compile(text, "<edited>", "exec"), namespace)
    return namespace[ast.parse(text).body[-1].name]


def _step_edits(source: str, function: Callable) -> Iterator[str]:
    """The sources with one step exchanged, dropped, doubled or moved."""
    steps = steps_of(function)
    for index, node in enumerate(ast.walk(ast.parse(source))):
        for change in (*_statements(node), *_calls(node, steps)):
            edited = ast.parse(source)
            target = next(itertools.islice(ast.walk(edited), index, None))
            change(target)
            text = ast.unparse(edited)
            try:
                compile(text, "<edited>", "exec")
            except SyntaxError:
                continue
            yield text


def _statements(node: ast.AST) -> Iterator[Callable]:
    """Each statement of a body dropped, doubled, or moved below the next one."""
    if not isinstance(node, ast.FunctionDef | ast.For | ast.If):
        return
    first = int(isinstance(node, ast.FunctionDef) and bool(ast.get_docstring(node)))
    for i in range(first, len(node.body)):
        if len(node.body) - first > 1:
            yield lambda n, i=i: n.body.pop(i)
        if not isinstance(node.body[i], ast.Return):
            yield lambda n, i=i: n.body.insert(i, copy.deepcopy(n.body[i]))
        if i + 1 < len(node.body):
            yield lambda n, i=i: n.body.insert(i + 1, n.body.pop(i))


def _calls(node: ast.AST, steps: dict) -> Iterator[Callable]:
    """A call dropped, doubled, or made of another step."""
    if not isinstance(node, ast.Call) or not (node.args or node.keywords):
        return
    if isinstance(node.func, ast.Attribute) and not _is_module(node.func.value):
        yield lambda n: n.func.__setattr__("value", copy.deepcopy(n))
    elif node.args:
        yield lambda n: n.args.__setitem__(0, copy.deepcopy(n))
    if isinstance(node.func, ast.Name):
        for other in steps:
            if other != node.func.id:
                yield lambda n, other=other: setattr(n.func, "id", other)


def _is_module(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in ("np", "math", "torch")


# --- answers to an exercise ---------------------------------------------------


def edited(exercise: Exercise) -> Iterator[Wrong]:
    """Edits of the reference and of the other right answers."""
    for right in (exercise.reference, *exercise.equivalents):
        for text, answer in edits(right):
            yield Wrong("edited", text, answer)


def mistaken_twice(exercise: Exercise) -> Iterator[Wrong]:
    """Two steps wrong at once, each as its own exercise declares it."""
    steps = steps_of(exercise.reference)
    wrong = {name: _mistakes(step) for name, step in steps.items()}
    for first, second in itertools.combinations(wrong, 2):
        for one, other in itertools.product(wrong[first], wrong[second]):
            both = exchanged(exercise.reference, **{first: one, second: other})
            text = f"{first}: {one.__name__}, {second}: {other.__name__}"
            yield Wrong("two mistakes", text, both)


def _mistakes(step: Callable) -> tuple[Callable, ...]:
    declared = getattr(step, "declared", None)
    return declared.exercise.mistakes if declared else ()


def mistaken_and_edited(exercise: Exercise) -> Iterator[Wrong]:
    """A declared mistake with an edit besides."""
    for mistake in exercise.mistakes:
        if exchange_of(mistake) is None:  # else it is one of `mistaken_twice`
            for text, answer in edits(mistake):
                yield Wrong("mistake and edit", text, answer)


KINDS = (edited, mistaken_twice, mistaken_and_edited)


def sampled(exercise: Exercise, count: int | None, seed: int = 0) -> list[Wrong]:
    """At most `count` of each kind, drawn without order; None: all of them."""
    drawn = random.Random(f"{seed} {exercise.name}")
    found: list[Wrong] = []
    for kind in KINDS:
        made = list(kind(exercise))
        if count is not None and len(made) > count:
            made = drawn.sample(made, count)
        found += made
    return found


# --- what is said of them -----------------------------------------------------


def told(exercise: Exercise, wrongs: list[Wrong]) -> Iterator[tuple[Wrong, Verdict]]:
    """The verdict on each answer that is wrong, on those that do the same once."""
    seen = set()
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for wrong in wrongs:
            call = Watched(call_in_process(exercise.driven(wrong.answer)))
            verdict = judge(exercise, call)
            if verdict.passed is False and call.digest() not in seen:
                seen.add(call.digest())
                yield wrong, verdict


def is_last_resort(verdict: Verdict) -> bool:
    """True where the judge only says to work it out by hand."""
    return any(words in verdict.hint for words in LAST_RESORT)
