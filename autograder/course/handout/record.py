"""What the reference and the mistakes of an exercise answer, recorded for its key.

The cells of a chapter are run once, with the stubs as a learner first has them, in a
process of its own:

    python -m autograder.course.handout.record NOTEBOOK FILE HOMES NAME...

writes into FILE every call that the cells, their scenes and their experiments make of
the named references. HOMES are folders with exercises of their own, as on a PATH.
"""

import ast
import contextlib
import functools
import inspect
import linecache
import os
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from autograder.chapters import toc as workflow
from autograder.errors import UserError
from autograder.exercises.answer_key import Calls, by_position
from autograder.exercises.declaration import Exercise
from autograder.exercises.registry import discover
from autograder.judge.cases import VISIBLE_SEED, draw_cases, try_case
from autograder.judge.diagnosis import influence, mixing
from autograder.judge.diagnosis.defaults import tried
from autograder.values import called, wire
from autograder.values.called import call_in_process

PRECISE = 1e-7  # the share of the largest number that counts in a comparison
LARGEST = 2**23  # bytes of an answer that is kept; random numbers do not compress

Seen = list[tuple[tuple, dict]]  # (arguments, outcome) of each call


class RecordingError(UserError):
    """The chapter's cells could not be run. Names the file and the remedy."""


def key_of(exercise: Exercise, seen: Seen, borrowed: bool = False) -> bytes:
    """The key of an exercise.

    seen: what a chapter asks of its reference. borrowed: the chapter only calls the
    function of a later one; then the key has no mistakes and no hints.
    """
    calls, mistakes = Calls(), []
    inputs: dict[str, Seen] = {draw.__name__: [] for draw in exercise.inputs}
    watched = [_watched(draw, inputs[draw.__name__]) for draw in exercise.inputs]
    cases = draw_cases(replace(exercise, inputs=tuple(watched)), VISIBLE_SEED)
    asked = [*cases, *tried(exercise, cases)]
    for mistake in () if borrowed else exercise.mistakes:
        answers, symptoms, names = [], [], []
        if exercise.compared:
            answers = [(a, _short(o)) for a, o in _answers(exercise, mistake, asked)]
            names = _names(exercise, mistake, answers)
        else:
            symptoms = _symptoms(exercise, mistake, cases)
        tables = (_numbered(seen, calls) for seen in (answers, symptoms, names))
        mistakes.append((mistake.__name__, inspect.getdoc(mistake), *tables))
    right = call_in_process(exercise.driven(exercise.reference))
    drawn = [] if borrowed else [(*case, right(case[1])) for case in cases]
    changed = [*influence.asked_of(exercise, drawn), *mixing.asked_of(exercise, drawn)]
    known = _answers(exercise, exercise.reference, [*asked, *changed])
    if not exercise.compared:  # any draw may be right: its form is what is asked for
        known = [(arguments, _form(outcome)) for arguments, outcome in known]
    known = known + seen
    key = {
        "doc": inspect.getdoc(exercise.reference),
        "signature": _parameters(exercise.reference),
        "outcomes": _numbered(known, calls),
        "inputs": [(name, _numbered(drawn, calls)) for name, drawn in inputs.items()],
        "mistakes": mistakes,
        "properties": [p.__name__ for p in exercise.properties],
        "hints": () if borrowed else exercise.hints,
        "points": exercise.points,
        "flagged": exercise.flagged,
        "compared": exercise.compared,
        "borrowed": borrowed,
        "calls": calls.arguments,
    }
    return wire.encode(key)


def _answers(exercise: Exercise, answer: Callable, cases: list) -> Seen:
    """What one function gives in every case."""
    seen: Seen = []
    call = call_in_process(_watched(exercise.driven(answer), seen))
    with _quiet():
        for _, arguments in cases:
            call(arguments)
    return seen


def _short(outcome: dict) -> dict:
    """What a mistake gives, less precisely: so closely is no answer compared."""
    return _changed(outcome, _single)


def _form(outcome: dict) -> dict:
    """An outcome with its numbers left out: random ones cannot be made shorter."""
    return _changed(outcome, np.zeros_like)


def _changed(outcome: dict, change: Callable) -> dict:
    if "value" not in outcome:  # it raised
        return outcome
    return outcome | {"value": _each(change, outcome["value"])}


def _each(change: Callable, value):
    """A value with each of its arrays changed."""
    if isinstance(value, np.ndarray):
        return change(value)
    if isinstance(value, dict):
        return {name: _each(change, item) for name, item in value.items()}
    if isinstance(value, tuple | list):
        return type(value)(_each(change, item) for item in value)
    return value


def _single(array: np.ndarray) -> np.ndarray:
    """An array in single precision, the last six bits of it 0: so it packs better."""
    if array.dtype != np.float64:
        return array
    with np.errstate(over="ignore"):
        short = array.astype(np.float32)
    finite = np.isfinite(short)
    if not np.array_equal(finite, np.isfinite(array)):
        return array
    if 0 < np.abs(array[finite]).max(initial=0) < np.finfo(np.float32).tiny / PRECISE:
        return array  # so small that single precision leaves too little of it
    bits = short.view(np.uint32)
    rounded = np.where(np.isfinite(short), bits + 32 & ~np.uint32(63), bits)
    return rounded.astype(np.uint32).view(np.float32).reshape(array.shape)


def _symptoms(exercise: Exercise, mistake: Callable, cases: list) -> list[tuple]:
    """What a random answer is recognised by: far smaller than the numbers drawn."""
    from autograder.judge.diagnosis import symptoms_of

    with _quiet():
        right = call_in_process(exercise.driven(exercise.reference))
        tried = [try_case(exercise, right, *case) for case in cases]
        return [(c.arguments, symptoms_of(exercise, mistake, c)) for c in tried]


def _names(exercise: Exercise, mistake: Callable, answers: Seen) -> list[tuple]:
    """What the line names in which a mistake raises, where it does."""
    from autograder.judge.diagnosis import names_of

    with _quiet():
        raised = [arguments for arguments, outcome in answers if "error" in outcome]
        return [(a, sorted(names_of(exercise, mistake, a))) for a in raised]


def _numbered(seen: Seen, calls: Calls) -> dict:
    return {calls.add(arguments): outcome for arguments, outcome in seen}


def _parameters(function: Callable) -> list[tuple]:
    """The parameters as plain data: (name,) or (name, default)."""
    return [
        (p.name,) if p.default is p.empty else (p.name, p.default)
        for p in inspect.signature(function).parameters.values()
    ]


def _watched(function: Callable, seen: Seen) -> Callable:
    """The same function; each call is noted: what it was given, and what came."""

    @functools.wraps(function)
    def watched(*arguments, **named):
        given = by_position(function, arguments, named)
        before = wire.plain(given)
        try:
            value = function(*given)
        except Exception as error:
            told = called.error_from(error)
            seen.append((before, {"error": (told.kind, told.message)}))
            raise
        after = tuple(_drawn_from(argument) for argument in given)
        _note(seen, before, {"value": wire.plain(value), "after": after})
        return value

    return watched


def _note(seen: Seen, arguments: tuple, outcome: dict) -> None:
    with contextlib.suppress(wire.WireError):  # not plain, or too large: not kept
        wire.encode((arguments, outcome), LARGEST)
        seen.append((arguments, outcome))


def _drawn_from(argument) -> np.random.Generator | None:
    """The state in which a call leaves a generator."""
    return wire.plain(argument) if isinstance(argument, np.random.Generator) else None


@contextlib.contextmanager
def _quiet():
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


# --- the cells of a chapter ---------------------------------------------------


def recorded(notebook: Path, names: list[str]) -> dict[str, Seen]:
    """Run a notebook's cells; what they ask of each named reference, if anything."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "seen"
        done = subprocess.run(
            [
                *(sys.executable, "-m", "autograder.course.handout.record"),
                *(str(notebook.resolve()), str(file)),
                *(os.pathsep.join(map(str, workflow.homes())), *names),
            ],
            cwd=folder,  # nothing solved lies here
            env=os.environ | {"MPLBACKEND": "agg"},
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise RecordingError(
                f"{notebook}: its cells do not run with the stubs; run it in "
                f"JupyterLab to see why. It says: {done.stderr.strip()[-1000:]}"
            )
        found = wire.decode(file.read_bytes(), 2**30)
    return {name: seen for name, seen in found.items() if seen}


def _watch(name: str, seen: Seen) -> None:
    """Note every call of a reference in this process."""
    exercise = discover()[name]
    if exercise.drive is None:  # a class is not called with arrays
        watched = _watched(exercise.reference, seen)
        object.__setattr__(exercise, "reference", watched)


def _run_cells(notebook: Path) -> None:
    """Run the code cells one after the other, in one namespace."""
    import nbformat

    namespace = {"__name__": "__main__"}
    cells = nbformat.read(str(notebook), as_version=4).cells
    for index, cell in enumerate(cells):
        if cell.cell_type == "code":
            name = f"<cell {index}>"
            lines = cell.source.splitlines(keepends=True)
            linecache.cache[name] = (len(cell.source), None, lines, name)
            tree = ast.parse(cell.source, name)
            meant = "raises-exception" in cell.metadata.get("tags", [])
            with contextlib.suppress(Exception) if meant else contextlib.nullcontext():
                exec(compile(tree, name, "exec"), namespace)


def main(notebook: str, file: str, homes: str, *names: str) -> None:
    for home in filter(None, homes.split(os.pathsep)):
        workflow.add_home(Path(home))
    seen: dict[str, Seen] = {name: [] for name in names}
    for name in names:
        _watch(name, seen[name])
    with contextlib.redirect_stdout(open(os.devnull, "w")):
        _run_cells(Path(notebook))
    Path(file).write_bytes(wire.encode(seen))


if __name__ == "__main__":
    main(*sys.argv[1:])
