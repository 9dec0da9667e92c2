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
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from autograder.chapters import toc as workflow
from autograder.course.handout.rules import drawn_by_rules
from autograder.course.spare import spare_grammars
from autograder.errors import UserError
from autograder.exercises.answer_key import Calls, by_position
from autograder.exercises.declaration import Exercise
from autograder.exercises.registry import discover
from autograder.judge.cases import DRAWS, VISIBLE_SEED, draw_cases, try_case
from autograder.judge.diagnosis import influence, mixing
from autograder.judge.diagnosis.defaults import tried
from autograder.values import called, wire
from autograder.values.called import call_in_process
from autograder.values.pool import COARSE, FINE, Keep, Pool, each_array
from autograder.values.sketch import sketch_of
from autograder.values.wire import Arguments, Opaque

MOST = 200  # numbers of each mistake that are kept, but for the first case
LARGE = 1e30  # single precision, in which sketches are kept, has no room for more
FEW = 6  # numbers that take no more room than the sketch of many
LARGEST = 2**23  # bytes of an answer that is kept; random numbers do not compress

Seen = list[tuple[tuple, dict]]  # (arguments, outcome) of each call


class RecordingError(UserError):
    """The chapter's cells could not be run. Names the file and the remedy."""


def key_of(exercise: Exercise, seen: Seen, borrowed: bool = False) -> bytes:
    """The key of an exercise.

    seen: what a chapter asks of its reference. borrowed: the chapter only calls the
    function of a later one; then the key has no mistakes and no hints.
    """
    recorder = _Recorder(exercise, Calls(), Pool())
    mistakes = () if borrowed else map(recorder.mistake, exercise.mistakes)
    told = {
        "doc": inspect.getdoc(exercise.reference),
        "signature": _parameters(exercise.reference),
        "inputs": recorder.inputs,
        "outcomes": recorder.reference(seen, borrowed),
        "mistakes": list(mistakes),
        "properties": [p.__name__ for p in exercise.properties],
        "hints": () if borrowed else exercise.hints,
        "points": exercise.points,
        "flagged": exercise.flagged,
        "compared": exercise.compared,
        "borrowed": borrowed,
    }
    calls, pool = recorder.calls.as_plain(), recorder.pool.as_plain()
    return wire.encode({"told": told, "calls": calls, "pool": pool})


class _Recorder:
    """Asks the reference and the mistakes of an exercise, and notes what they answer.

    Of a reference every digit counts where it is shown, in the cases. Of a mistake as
    many are kept as the judge compares; and of some of its cases no more than a sketch,
    which tells whether an answer is the same there, too.
    """

    def __init__(self, exercise: Exercise, calls: Calls, pool: Pool):
        self.exercise, self.calls, self.pool = exercise, calls, pool
        coded = drawn_by_rules(exercise)
        drawn: dict[str, Seen] = {draw.__name__: [] for draw in exercise.inputs}
        watched = [
            draw if draw.__name__ in coded else _watched(draw, drawn[draw.__name__])
            for draw in exercise.inputs
        ]
        self.cases = draw_cases(replace(exercise, inputs=tuple(watched)), VISIBLE_SEED)
        self.tried = tried(exercise, self.cases)
        for _, arguments in self.cases:  # a draw asks whether they are known
            calls.add(arguments)
        self.inputs = [
            (name, None if name in coded else self._noted(seen, Pool.whole))
            for name, seen in drawn.items()
        ]
        self.numbered = list(self._with_numbers())

    def _with_numbers(self) -> Iterator[tuple[str, Arguments]]:
        """The cases of which a mistake's numbers are kept: first draws, while there is
        room for them.
        """
        room = MOST
        for case in self.cases[::DRAWS]:
            [(_, right)] = _answers(self.exercise, self.exercise.reference, [case])
            size = _size(right.get("value"))
            if size <= room or room == MOST:
                room -= size
                yield case

    def reference(self, seen: Seen, borrowed: bool) -> dict[int, Any]:
        """What the reference answers in the cases, where they are changed, in cells."""
        right = self.exercise.reference
        known = _answers(self.exercise, right, [*self.cases, *self.tried])
        if not self.exercise.compared:  # any draw may be right: its form is asked for
            known = [(arguments, _form(outcome)) for arguments, outcome in known]
        moved: Seen = []
        if self.exercise.compared and not borrowed:
            call = call_in_process(self.exercise.driven(right))
            drawn = [(*case, call(case[1])) for case in self.cases]
            changed = list(influence.asked_of(self.exercise, drawn))
            moved = _answers(self.exercise, right, changed)
            # Of what mixes values, the logarithms are looked at: every digit counts.
            mixed = list(mixing.asked_of(self.exercise, drawn))
            known += _answers(self.exercise, right, mixed)
        return self._noted(moved, _fine) | self._noted(known + seen, Pool.whole)

    def mistake(self, mistake: Callable) -> tuple:
        """A mistake: its name, its hint, and what is known of it in each case."""
        told = mistake.__name__, inspect.getdoc(mistake)
        if not self.exercise.compared:
            symptoms = _symptoms(self.exercise, mistake, self.cases)
            return *told, {}, self._numbered(symptoms), {}
        answers = _answers(self.exercise, mistake, self.numbered)
        close = {name for name, _ in self.numbered}
        rest = [case for case in self.cases if case[0] not in close]
        others = _answers(self.exercise, mistake, [*rest, *self.tried])
        names = _names(self.exercise, mistake, [*answers, *others])
        noted = self._noted(others, _sketched) | self._noted(answers, _coarse)
        return *told, noted, {}, self._numbered(names)

    def _noted(self, seen: Seen, keep: Keep) -> dict[int, Any]:
        return {n: self.pool.put(o, keep) for n, o in self._numbered(seen).items()}

    def _numbered(self, seen: Seen) -> dict[int, Any]:
        return {self.calls.add(arguments): outcome for arguments, outcome in seen}


def _size(value: Any) -> int:
    """How many numbers there are in the arrays of a value."""
    if isinstance(value, dict):
        return sum(map(_size, value.values()))
    if isinstance(value, tuple | list):
        return sum(map(_size, value))
    return value.size if isinstance(value, np.ndarray) else 0


def _fine(pool: Pool, array: np.ndarray) -> Opaque:
    return pool.short(array, FINE)


def _coarse(pool: Pool, array: np.ndarray) -> Opaque:
    return pool.short(array, COARSE)


def _sketched(pool: Pool, array: np.ndarray) -> Opaque:
    sketch = sketch_of(array)
    usual = array.dtype == np.float64 and 1 / LARGE < sketch.largest < LARGE
    if array.size <= FEW or not usual:  # inf and nan are no usual numbers either
        return pool.short(array, COARSE)
    return pool.sketch(sketch)


def _answers(exercise: Exercise, answer: Callable, cases: list) -> Seen:
    """What one function gives in every case."""
    seen: Seen = []
    call = call_in_process(_watched(exercise.driven(answer), seen))
    with _quiet():
        for _, arguments in cases:
            call(arguments)
    return seen


def _form(outcome: dict) -> dict:
    """An outcome with its numbers left out: random ones cannot be made shorter."""
    if "value" not in outcome:  # it raised
        return outcome
    return outcome | {"value": each_array(outcome["value"], np.zeros_like)}


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
        after = tuple(wire.plain(a) for a in given if _is_generator(a))
        _note(seen, before, {"value": wire.plain(value), "after": after})
        return value

    return watched


def _note(seen: Seen, arguments: tuple, outcome: dict) -> None:
    with contextlib.suppress(wire.WireError):  # not plain, or too large: not kept
        wire.encode((arguments, outcome), LARGEST)
        seen.append((arguments, outcome))


def _is_generator(argument) -> bool:
    return isinstance(argument, np.random.Generator)


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


def _watch(seen: dict[str, Seen], exercise: Exercise) -> None:
    """Note every call of a reference in this process, if it is one of those."""
    # A class is not called with arrays.
    if exercise.name in seen and exercise.drive is None:
        watched = _watched(exercise.reference, seen[exercise.name])
        object.__setattr__(exercise, "reference", watched)


def _run_cells(notebook: Path) -> None:
    """Run the code cells one after the other, in one namespace."""
    spare_grammars()
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
    # None is loaded for it: a chapter waits for no solution that it does not ask.
    discover().loaded = functools.partial(_watch, seen)
    with contextlib.redirect_stdout(open(os.devnull, "w")):
        _run_cells(Path(notebook))
    Path(file).write_bytes(wire.encode(seen))


if __name__ == "__main__":
    main(*sys.argv[1:])
