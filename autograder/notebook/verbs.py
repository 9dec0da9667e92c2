"""What a learner types in a notebook: check, hint, solution, progress, ready, agree.

Everything here runs in the learner's own kernel, on their own machine: it teaches,
and decides nothing that counts. Grading asks the same judge through a sandbox.
"""

import ast
import contextlib
import dis
import functools
import inspect
import io
import linecache
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from html import escape
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import numpy as np

from autograder.chapters import toc as workflow
from autograder.chapters import workflow_map
from autograder.exercises.answers import (
    bound_in,
    given,
    name_of,
    source_function,
)
from autograder.exercises.declaration import Exercise, docstring
from autograder.exercises.registry import discover
from autograder.exercises.shapes import ShapeLine
from autograder.exercises.solution import other_ways, reasons, written
from autograder.judge.cases import VISIBLE_SEED, drawn_cases
from autograder.judge.render import AGREEMENT, Points, as_html, as_text, show
from autograder.judge.verdict import Verdict, judge
from autograder.values.called import call_in_process
from autograder.values.compare import close, tolerance
from autograder.values.wire import Opaque, plain

SOLVED = Path(".solved")  # beside the learner's notebooks: what is solved, as source
_told: dict[str, set[str]] = {}  # what `check` has said already of each exercise
_hints_given: dict[str, set[str]] = {}
_no_more_hints: set[str] = set()  # the exercises whose last hint was given


def check(function: Callable) -> Points:
    """Judge your function on examples that you may see, and say what is wrong.

    function: the one that you wrote -> its points, between 0 and the maximum.
    """
    try:
        exercise = _written_exercise_of(function)
    except LookupError as error:
        return _refused(function, str(error))
    verdict = _judged(exercise, function)
    show(as_text(verdict), as_html(verdict))
    if verdict.passed:
        _remember(exercise, function)
    elif verdict.passed is False:
        _told[exercise.name] = {_meaning(exercise), _finding(verdict)}
    return Points(verdict)


def hint(function: Callable) -> None:
    """Help, one step further at each call; the last step is the book's own page.

    After a `check` that found something, it begins where the check has ended.
    """
    try:
        exercise = _written_exercise_of(function)
    except LookupError as error:
        _refused(function, str(error))
        return
    verdict = _judged(exercise, function)
    if verdict.passed:
        show(as_text(verdict), as_html(verdict))
        return
    steps = _hint_steps(exercise, verdict)
    given = _hints_given.setdefault(exercise.name, set())
    new = (number for number, words in enumerate(steps) if words not in given)
    step = next(new, len(steps) - 1)
    given.add(steps[step])
    left = len(steps) - 1 - step
    more = f" ({left} more)" if left else " (the last one)"
    text = f"Hint {step + 1} of {len(steps)}{more}: {' '.join(steps[step].split())}"
    last = step == len(steps) - 1
    if last:
        _no_more_hints.add(exercise.name)
    show(text, workflow.linked(text, exercise.name if last else ""))


def solution(function: Callable) -> None:
    """Show a right answer, why it is so, and other ways to write it: once yours was
    found wrong, or the last hint is given.
    """
    try:
        exercise = _exercise_of(function)
    except LookupError as error:
        _refused(function, str(error))
        return
    code = written(exercise)
    if code is None:
        text = "This folder holds no solution. The last hint says where to read."
        show(text, workflow.linked(text))
    elif not (solution_may_open(exercise.name) or exercise.name in solved_names()):
        text = (
            "Try once first: the solution opens after a wrong answer, or after the "
            f"last hint. Run check({exercise.name}) or hint({exercise.name})."
        )
        show(text, workflow.linked(text))
    else:
        ways = {"A solution": code, **other_ways(exercise)}
        parts = [f"# {name}\n{source}" for name, source in ways.items()]
        why = [" ".join(part.split()) for part in reasons(exercise)]
        text = "\n\n".join([parts[0], *why, *parts[1:]])
        show(text, f"<pre>{escape(text)}</pre>")


def solution_may_open(name: str) -> bool:
    """True once an exercise was tried and found wrong, or has no hint left to give."""
    return name in _told or name in _no_more_hints


def progress() -> None:
    """Draw the workflow, with what you have solved so far."""
    workflow_map.show_progress(solved_names())


def ready(function: Callable | str) -> Callable:
    """A function that works: yours if it is written, else the reference.

    function: your function, or the name of an earlier chapter's one. By name, what
    you solved there is used, and the reference where you have not solved it yet.
    Animations and experiments go through here, so that they always have something
    to show; `is_reference` tells which one it is. In a folder without references, the
    recorded answers stand in; asked for others, they say which function to write.
    """
    if isinstance(function, str):
        exercise = discover()[function]
        solved = _solved(exercise)
        if solved is None:
            return exercise.reference
        kept = _giving_arrays(exercise, solved)
        kept.__dict__["given"] = True  # see `_written_exercise_of`
        return kept
    exercise = _exercise_of(function)
    verdict = _judged(exercise, function)
    unwritten = verdict.passed is None
    return exercise.reference if unwritten else _giving_arrays(exercise, function)


def _giving_arrays(exercise: Exercise, function: Callable) -> Callable:
    """The function, with NumPy's arrays where it returns what is as right: a list, a
    tensor, a matrix. What comes next in a chapter slices and multiplies arrays.
    """
    if isinstance(function, type):
        return function
    asked = drawn_cases(exercise, VISIBLE_SEED)[0][-1].value

    @functools.wraps(function)
    def giving_arrays(*arguments, **named):
        value = plain(function(*arguments, **named))
        value = value.items if isinstance(value, Opaque) and value.items else value
        if isinstance(value, tuple | list) and len(exercise.shapes.results) > 1:
            return tuple(map(_listed, value))
        return _listed(value, asked)

    return giving_arrays


def _listed(value: Any, asked: Any = None) -> Any:
    """As an array, with True and False where these are asked for: `~` and an index
    do something else with 1 and 0.
    """
    try:
        value = np.asarray(value) if isinstance(value, list) else value
    except ValueError:  # ragged: no array, and wrong
        return value
    masks = isinstance(asked, np.ndarray) and asked.dtype.kind == "b"
    if masks and isinstance(value, np.ndarray) and np.isin(value, (0, 1)).all():
        return value == 1
    return value


def is_reference(function: Callable) -> bool:
    """True for a reference function, false for anything that a learner wrote."""
    exercise = discover().get(getattr(function, "__name__", ""))
    return exercise is not None and exercise.reference is function


def agree(yours: Any, theirs: Any) -> None:
    """Print whether two results agree up to rounding, or how far they differ.

    yours, theirs: arrays or tensors of the same shape, in the same units.
    """
    yours, theirs = (_array(value) for value in (yours, theirs))
    if yours.shape != theirs.shape:
        print(f"They differ: yours has shape {yours.shape}, theirs {theirs.shape}.")
        return
    coarser = max(yours.dtype, theirs.dtype, key=tolerance)
    difference = float(np.max(np.abs(yours - theirs), initial=0.0))
    if np.all(close(yours.astype(coarser), theirs)):
        print(AGREEMENT)
    else:
        print(f"They differ: the largest difference is {difference:.3g}.")


def _array(value: Any) -> np.ndarray:
    return np.asarray(value.detach() if hasattr(value, "detach") else value)


def _judged(exercise: Exercise, function: Callable) -> Verdict:
    """The verdict; nothing that the function says meanwhile looks like an error.

    A warning about an overflow is part of many a wrong answer, and the verdict says
    it better. Stock nbgrader takes a single line on stderr for a failed test.
    """
    with (
        warnings.catch_warnings(),
        np.errstate(all="ignore"),
        _printing_little(),
        _one_thread(),
    ):
        warnings.simplefilter("ignore")
        call = call_in_process(exercise.driven(function))
        try:
            verdict = judge(exercise, call)
        except KeyboardInterrupt as stopped:
            stopped.add_note(f"{exercise.name} had not come to an end. {ENDLESS}")
            raise
    if verdict.passed is None:
        return _with_missing(exercise, function, verdict)
    return _with_outside(function, verdict)


PRINTED = 20_000  # characters that a check lets through
CUT = "\n... and more that your function prints is left out here.\n"


@contextlib.contextmanager
def _printing_little():
    """Of what a function prints, show only the beginning: a page that shows a million
    lines makes a browser stop.
    """
    shown = _Beginning(sys.stdout)
    with contextlib.redirect_stdout(shown), contextlib.redirect_stderr(shown):
        yield


class _Beginning(io.TextIOBase):
    """Passes on the first characters that are written, and says where it stops."""

    def __init__(self, screen: Any):
        self._screen, self._room = screen, PRINTED

    def write(self, text: str) -> int:
        """Write what there is room for."""
        if self._room > 0:
            self._screen.write(text[: self._room])
            self._room -= len(text)
            if self._room <= 0:
                self._screen.write(CUT)
        return len(text)

    def flush(self) -> None:
        """Show what was written, if anything was: that takes as long as judging."""
        if self._room < PRINTED:
            self._screen.flush()


ENDLESS = "Is there a loop that does not end? The last lines above show where it was."


def _with_missing(exercise: Exercise, function: Callable, verdict: Verdict) -> Verdict:
    """The verdict on a stub; it names what is missing where that is something else."""
    if inspect.isclass(function):
        parts: dict[str, Any] = {
            n: m for n, m in vars(function).items() if inspect.isfunction(m)
        }
        begun = not all(map(_is_stub, parts.values()))
    else:
        names = _names_read(function) if inspect.isfunction(function) else ()
        parts = {n: function.__globals__.get(n) for n in names}
        begun = not _is_stub(function)
    missing = [name for name, part in parts.items() if _is_stub(part)]
    if begun and missing:
        return replace(verdict, hint=f"What is missing is {', '.join(missing)}.")
    kept = SOLVED / f"{exercise.name}.py"
    if kept.is_file():
        note = f"You have solved it before: your answer is kept in {kept}."
        return replace(verdict, hint=f"{verdict.hint} {note}")
    return verdict


def _is_stub(part: Any) -> bool:
    return inspect.isfunction(part) and "NotImplementedError" in _names_read(part)


def _with_outside(function: Callable, verdict: Verdict) -> Verdict:
    """The verdict; a wrong answer is told what it reads that was not given to it.

    In a notebook, X of the page looks like an argument X, and the page works.
    """
    names = [] if verdict.passed else _read_outside(function)
    if not names:
        return verdict
    note = (
        f"Besides, {verdict.exercise} reads {', '.join(names)} of the notebook. The "
        "check calls it with other inputs: use its arguments."
    )
    return replace(verdict, hint=f"{verdict.hint} {note}")


def _read_outside(function: Callable) -> list[str]:
    """The names of the data that a function, or a class, reads from the notebook."""
    methods = vars(function).values() if inspect.isclass(function) else [function]
    found = {}
    for method in filter(inspect.isfunction, methods):
        for name in _names_read(method):
            value = method.__globals__.get(name)
            if value is not None and not (callable(value) or inspect.ismodule(value)):
                found[name] = value
    return list(found)


def _names_read(function: Callable) -> list[str]:
    """The names that a function reads from outside, in their order."""
    lines = _instructions(function.__code__)
    names = (line.argval for line in lines if line.opname == "LOAD_GLOBAL")
    return list(dict.fromkeys(names))


def _instructions(code: CodeType) -> Iterator[dis.Instruction]:
    yield from dis.get_instructions(code)
    for inner in code.co_consts:  # functions and comprehensions inside
        if isinstance(inner, CodeType):
            yield from _instructions(inner)


@contextlib.contextmanager
def _one_thread():
    """Let PyTorch compute in one thread: for small arrays, more are far slower."""
    torch = sys.modules.get("torch")
    threads = torch.get_num_threads() if torch else 1
    if threads > 1:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        if threads > 1:
            torch.set_num_threads(threads)


def _exercise_of(function: Callable) -> Exercise:
    """The exercise that a function answers: by its name, or by what it is bound to."""
    exercises = discover()
    return exercises[name_of(function, exercises, _namespaces())]


def _written_exercise_of(function: Callable) -> Exercise:
    """The exercise that a function answers, unless it is given: grading counts what is
    written in the notebook alone.
    """
    exercise = _exercise_of(function)
    taken = getattr(function, "__dict__", {}).get("given") is True
    if taken or function is exercise.reference:
        raise LookupError(given(exercise.name))
    return exercise


def _namespaces() -> Iterator[dict[str, Any]]:
    """The global names of whoever called, from the nearest one outwards."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        yield frame.f_globals
        frame = frame.f_back


def _refused(function: Any, why: str) -> Points:
    """No exercise to judge: say so, and give no points."""
    verdict = Verdict(_name(function), False, 0.0, 0.0, rationale=why)
    show(why, workflow.linked(why))
    return Points(verdict)


def _name(function: Any) -> str:
    return getattr(function, "__name__", None) or repr(function)[:40]


def _hint_steps(exercise: Exercise, verdict: Verdict) -> list[str]:
    """From the vague to the concrete: meaning, shapes, what is wrong, the page.

    What `check` has said is left out.
    """
    first = [_meaning(exercise)]
    if verdict.passed is False:
        first.append(_finding(verdict))
    told = _told.get(exercise.name, set())
    steps = [words for words in first if words not in told]
    return [*steps, *exercise.hints, workflow.where_explained(exercise.name)]


def _meaning(exercise: Exercise) -> str:
    doc = docstring(exercise.reference)  # a class has not the shapes of `drive`
    return f"{exercise.meaning} Shapes: {ShapeLine.of(doc)}."


def _finding(verdict: Verdict) -> str:
    return f"{verdict.rationale.rstrip('.')}. {verdict.hint}"


# --- what is solved survives a restart ----------------------------------------


def solved_names() -> set[str]:
    """The names of the functions that this learner has solved."""
    return {path.stem for path in SOLVED.glob("*.py")}


def _remember(exercise: Exercise, function: Callable) -> None:
    """Keep the source of a right answer, for the chapters that build on it."""
    source = _cell_source(function)
    if source is None:
        return
    path = SOLVED / f"{exercise.name}.py"
    try:
        SOLVED.mkdir(exist_ok=True)
        if not path.is_file() or path.read_bytes() != source.encode():
            path.write_bytes(source.encode())  # writing takes as long as judging
    except OSError as error:
        print(f"Your answer is right, but could not be kept in {SOLVED}/: {error}")


def _cell_source(function: Callable) -> str | None:
    """The whole cell that defines a function, with what else it defines there."""
    written: Any = source_function(function)
    if inspect.isclass(written):
        written = written.__init__  # a method knows its cell, a class does not
    try:
        lines = linecache.getlines(inspect.getfile(written))
    except TypeError:
        return None
    return "".join(lines) or None


def _solved(exercise: Exercise) -> Callable | None:
    """The learner's own earlier answer, if it is there and still right."""
    path = SOLVED / f"{exercise.name}.py"
    if not path.is_file():
        return None
    namespace: dict[str, Any] = {"np": np, "__name__": "solved"}
    try:
        tree = _definitions(path.read_text(encoding="utf-8"))
        exec(compile(tree, str(path), "exec"), namespace)  # the learner's own file
        function = namespace[exercise.name]
    except Exception:
        return None
    verdict = _judged(exercise, function)
    return function if verdict.passed else None


def _definitions(source: str) -> ast.Module:
    """What a cell defines and imports, without what else it runs."""
    kinds = ast.Import | ast.ImportFrom | ast.Assign
    tree = ast.parse(source)
    tree.body = [
        node
        for node in tree.body
        if isinstance(node, kinds) or bound_in(ast.Module([node], []))
    ]
    return tree
