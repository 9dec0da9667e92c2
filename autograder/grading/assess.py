"""From a submitted notebook to its verdicts: a pure function, for any machine.

`Assignment` holds what the instructor set, `Result` what came out. Nothing in here
touches the gradebook or the course folder, so that the same function serves one
machine, many machines, and nbgrader's own `autograde`.
"""

import platform
import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from autograder.exercises.answers import advice
from autograder.exercises.declaration import Exercise
from autograder.exercises.registry import discover, take_in
from autograder.files.whole import digest_of
from autograder.grading import submission
from autograder.grading.assignment import Assignment, CourseError, GradedCell, Options
from autograder.grading.cells import flags_in, names_in, seems_to_define
from autograder.grading.plan import Part, chosen_of, groups, part_of
from autograder.grading.rebuild import as_file, rebuilt
from autograder.grading.submission import Cell, UnreadableError
from autograder.grading.warm import engine_for
from autograder.judge.cases import VISIBLE_SEED
from autograder.judge.fingerprint import Watched
from autograder.judge.render import as_html, as_text, points
from autograder.judge.verdict import Verdict, judge
from autograder.values.endings import ENDINGS
from autograder.values.wire import TEXT_LIMIT, CallError, Outcome

SENTENCES = 2 * TEXT_LIMIT  # characters: one text of the submission, and our words
OUTPUT_LINES = 200  # of a cell's prints, in the graded notebook


@dataclass(frozen=True)
class Result:
    """What came of one submission.

    notebook   the graded notebook, as text.
    scores     points by the test's grade_id: finite, in [0, maximum].
    verdicts   one for each test, as plain data.
    untouched  the grade_ids of solutions that are still the stub.
    trouble    why no notebook could be read, or None.
    notes      what a human should look at.
    """

    student: str
    notebook: str
    scores: dict[str, float]
    verdicts: list[dict]
    untouched: list[str]
    trouble: str | None
    notes: list[str]
    digest: str
    tier: str | None
    seconds: float


def assess_batch(
    assignment: Assignment, batch: list[tuple[str, bytes | str]], options: Options
) -> list[Result]:
    """Grade (student, the notebook's bytes or the trouble with it), one after another.

    The warm processes stay, for the next batch in this process.
    """
    take_in(assignment.own)
    return [assess_safely(assignment, *one, options) for one in batch]


def assess_safely(assignment, student, data, options) -> Result:
    """Grade one submission: whatever is in it, the others of the class are graded."""
    try:
        return assess(assignment, student, data, options)
    except (OSError, CourseError):  # of the machine or the course, not of this one
        raise
    except Exception as error:
        return refuse(assignment, student, data, options, type(error).__name__)


def refuse(assignment, student, data, options, why: str) -> Result:
    """The result where a submission could not be graded: a person has to look."""
    trouble = (
        f"This notebook could not be graded ({why}). A person has to look at it: there "
        "is something in it that the grader was not prepared for."
    )
    return assess(assignment, student, data, options, trouble)


def assess(assignment, student, data, options, trouble=None) -> Result:
    """Grade one submission. What a learner did wrong is in the result.

    trouble  why it is not even read; the sentence is for the learner.
    """
    begin = time.monotonic()
    raw = data if isinstance(data, bytes) else data.encode()
    cells = []
    try:
        if trouble or isinstance(data, str):
            raise UnreadableError(trouble or data)
        cells = submission.parse(data)
    except UnreadableError as error:
        trouble = str(error)
    notebook = rebuilt(assignment, cells, trouble, assignment.made_of(raw))
    judged = assess_notebook(assignment, notebook, options)
    return Result(
        student=student,
        notebook=as_file(notebook),
        scores=judged.scores,
        verdicts=judged.verdicts,
        untouched=_untouched(assignment, notebook),
        trouble=trouble,
        notes=judged.notes,
        digest=digest_of(raw),
        tier=judged.tier,
        seconds=round(time.monotonic() - begin, 4),
    )


def _untouched(assignment, notebook) -> list[str]:
    """The solutions that are as they were handed out, or empty, and written nowhere."""
    stubs = {source for _, source in assignment.released}
    written = set(notebook["metadata"]["autograder"].get("answers", ()))
    return [
        about["grade_id"]
        for cell in notebook["cells"]
        for about in [cell["metadata"].get("nbgrader", {})]
        if about.get("solution")
        and (cell["source"] in stubs or not cell["source"].strip())
        and about["grade_id"].removesuffix("_answer") not in written
    ]


def versions() -> dict[str, str]:
    """What a verdict depends on besides the submission and the exercise."""
    from importlib.metadata import version

    names = ("numpy", "torch", "ipython", "nbgrader")
    found = {name: version(name) for name in names}
    return {"python": platform.python_version(), **found}


@dataclass(frozen=True)
class Judged:
    """What judging a rebuilt notebook gave, besides its outputs."""

    scores: dict[str, float]
    verdicts: list[dict]
    notes: list[str]
    tier: str | None


def assess_notebook(assignment: Assignment, notebook: dict, options: Options) -> Judged:
    """Run the cells that are needed, judge, and put the verdicts into the outputs."""
    trouble = notebook["metadata"]["autograder"]["submission"]["trouble"]
    if trouble:
        verdicts = {t.exercise: _no_notebook(t, trouble) for t in assignment.tests}
        notes, tier = [trouble], None
        seen: dict[str, Any] = {"behaviour": {}, "errors": [], "answers": {}}
    else:
        verdicts, notes, tier, seen = _run(assignment, notebook, options)
    scores = {}
    for cell in notebook["cells"]:
        about = cell["metadata"].get("nbgrader", {})
        if about.get("grade") and not about["solution"]:
            grade_id = about["grade_id"]
            verdict = _scaled(verdicts[grade_id], about["points"])
            verdicts[grade_id] = verdict
            scores[grade_id] = verdict.score
            cell["outputs"] = _outputs(verdict)
    plain = [verdicts[test.exercise].as_json() for test in assignment.tests]
    notebook["metadata"]["autograder"] |= {"verdicts": plain, "notes": notes, **seen}
    return Judged(scores, plain, notes, tier)


def _run(assignment, notebook, options):
    cells = [
        Cell(
            "raw" if cell["metadata"].get("nbgrader", {}).get("grade") else kind,
            cell["source"],
        )
        for cell in notebook["cells"]
        for kind in [cell["cell_type"]]
    ]
    stubs = frozenset(source for _, source in assignment.released)
    places = {test.exercise: _check_cells(notebook, test) for test in assignment.tests}
    parts = [part_of(cells, name, found[0], stubs) for name, found in places.items()]
    job = _Job(assignment, notebook, options, cells, stubs)
    for group in groups(parts, cells):
        job.judge(group)
    for first in parts:
        # The learner may have tried again further down, and checked it there.
        for check in reversed(places[first.name][1:]):
            part = part_of(cells, first.name, check, stubs)
            if job.verdicts[first.name].passed or part.chosen == first.chosen:
                break
            job.judge([part])
    for name, note in job.notes.items():
        _tell_of_cells_below(job.judged[name], notebook, note)
    for cell, text, error in zip(
        notebook["cells"], job.outputs, job.errors, strict=True
    ):
        _show_text(cell, text)
        if error:
            _show_error(cell, error)
    return job.as_found()


def _check_cells(notebook: dict, test: GradedCell) -> list[int]:
    """Where a notebook checks an exercise: in the test's own cell, and in later ones
    that the learner added.
    """
    cells = notebook["cells"]
    own = next(i for i, cell in enumerate(cells) if _is_test(cell, test.grade_id))
    call = f"check({test.exercise})"
    later = range(own + 1, len(cells))
    return [own, *(i for i in later if cells[i]["source"].strip() == call)]


def _is_test(cell: dict, grade_id: str) -> bool:
    about = cell["metadata"].get("nbgrader", {})
    return about.get("grade_id") == grade_id and about["grade"]


class _Job:
    """The runs of one notebook's cells, and what came of them."""

    def __init__(self, assignment, notebook, options, cells, stubs):
        self.assignment, self.options = assignment, options
        self.cells, self.stubs = cells, stubs
        self.verdicts, self.judged, self.notes, self.watched = {}, {}, {}, {}
        self.outputs, self.errors = [""] * len(cells), [None] * len(cells)
        self.tier = None

    def judge(self, group: list[Part]):
        """Judge exercises in one run. A worse verdict than there is does not count."""
        chosen = chosen_of(group)
        sources = [self.cells[index].source for index in chosen]
        engine = engine_for(sources, self.options)
        with engine.submission(sources, self.assignment.kit) as run:
            # All that is told to the learner comes first: a process that has seen
            # hidden inputs could tell of them.
            visible = {part.name: _explained(part.name, run) for part in group}
            for part in group:
                self._judged(part, run, chosen, visible[part.name])
        self.tier = engine.tier
        for position, error in run.errors:
            self.errors[chosen[position]] = error
        for position, text in enumerate(run.outputs):
            self.outputs[chosen[position]] = text

    def _judged(self, part, run, chosen, seen):
        own = [self.cells[index].source for index in part.chosen]
        own = [source for source in own if source not in self.stubs]
        trees = [found and found.tree for found in map(names_in, own)]
        name = part.name
        if run.defined(name):
            verdict, notes = _verdict_of(name, run, self.assignment.seed, trees, seen)
        else:
            errors = [(chosen[place], error) for place, error in run.errors]
            verdict, notes = _undefined(discover()[name], self.cells, errors), []
        if name in self.verdicts and verdict.score <= self.verdicts[name].score:
            return
        self.verdicts[name], self.judged[name] = _short(verdict), part
        self.notes[name] = [f"{name}: {text}" for text in notes]
        self.watched.pop(name, None)
        if verdict.passed is False and seen:
            self.watched[name] = seen[1]

    def as_found(self):
        """Verdicts, notes, the tier, and what the report is made of."""
        errors = {error.kind for error in self.errors if error}
        errors = errors.union(*(calls.errors() for calls in self.watched.values()))
        behaviour = {name: calls.digest() for name, calls in self.watched.items()}
        seen = {"behaviour": behaviour, "errors": sorted(errors)}
        seen["answers"] = {
            name: index
            for name, part in self.judged.items()
            for index in part.chosen
            if self.cells[index].source not in self.stubs
            and seems_to_define(self.cells[index].source, {name})
        }
        notes = [note for found in self.notes.values() for note in found]
        return self.verdicts, notes, self.tier, seen


def _tell_of_cells_below(part: Part, notebook: dict, notes: list[str]):
    """Say of each cell below the check that would have mattered that it did not."""
    for index, names in part.aside:
        does = f"changes what {' and '.join(names)} means, below check({part.name})"
        _show_text(notebook["cells"][index], f"Not counted: this cell {does}.")
        notes.append(f"{part.name}: not counted is a cell that {does}")


def _explained(name, run) -> tuple[Verdict, Watched] | None:
    """The verdict on the inputs that everybody may see, and what came of each call."""
    if not run.defined(name):
        return None
    watched = Watched(_port(name, run))
    try:
        return judge(discover()[name], watched, seed=VISIBLE_SEED), watched
    except Exception:  # a value that the judge was not prepared for: see `_verdict_of`
        return None


def _port(name, run):
    drive = discover()[name].drive_source

    def call(arguments) -> Outcome:
        return run.call(name, arguments, drive)

    return call


def _verdict_of(name, run, seed, trees, seen) -> tuple[Verdict, list[str]]:
    """The verdict on hidden inputs, in the words of the one on visible inputs: those
    can be tried by everybody.
    """
    exercise = discover()[name]
    flags, told = flags_in(trees, exercise.flagged), seen[0] if seen else None
    try:
        verdict = judge(exercise, _port(name, run), seed, flags, told)
    except Exception as error:  # a value that the judge was not prepared for
        note = f"the judge failed ({type(error).__name__}: {error}); look at it"
        return replace(_nothing(exercise), rationale=_UNJUDGED), [note]
    if verdict.passed is False and (told is None or told.passed):
        verdict = _shareable(verdict, _HIDDEN if told else _UNJUDGED)
    return verdict, list(flags)


_UNJUDGED = (
    "The result could not be compared with what was expected. Does the function "
    "return an array of numbers, and nothing else?"
)


_HIDDEN = "It is right on the inputs that `check` tries, and not on all others."


def _shareable(hidden: Verdict, rationale: str) -> Verdict:
    """The verdict on hidden inputs, where no words on visible ones are at hand.

    Nothing that a function returned or raised on hidden inputs is told: it could be
    those inputs.
    """
    general = "Try other sizes, and larger numbers." if not hidden.mistake else None
    return replace(
        hidden,
        rationale=rationale,
        hint=general or hidden.hint,
        shown=None,
        first_difference=None,
    )


def _short(verdict: Verdict) -> Verdict:
    """The verdict, whatever texts of the submission its sentences hold."""
    rationale, hint = (text[:SENTENCES] for text in (verdict.rationale, verdict.hint))
    return replace(verdict, rationale=rationale, hint=hint)


def _nothing(exercise: Exercise) -> Verdict:
    return Verdict(exercise.name, False, 0.0, exercise.points)


def _undefined(exercise: Exercise, cells, errors) -> Verdict:
    """The verdict where no cell defined the function; errors by the cell's index."""
    name = exercise.name
    own = [e for i, e in errors if seems_to_define(cells[i].source, {name})]
    if not own:
        readings = (names_in(cell.source) for cell in cells if cell.kind == "code")
        near = advice(name, [found.tree for found in readings if found])
        return replace(
            _nothing(exercise),
            rationale=f"No cell defines {name}.",
            hint=near or f"Write it under exactly this name: def {name}(...).",
        )
    error = own[-1]
    line = f", at the line `{error.line}`" if error.line else ""
    said = f"running its cell ended with {error.kind}{line}: {error.message}"
    hint = "Run the cell in your notebook until it gives no error, then hand in again."
    if ending := ENDINGS.get(error.kind):
        said, hint = f"{error.message}{line}", ending.hint
    rationale = f"No cell defines {name}: {said}"
    return replace(_nothing(exercise), rationale=rationale, hint=hint)


def _no_notebook(test: GradedCell, trouble: str) -> Verdict:
    return Verdict(test.exercise, False, 0.0, test.points or 0.0, rationale=trouble)


def _scaled(verdict: Verdict, points: float) -> Verdict:
    """The verdict with the points of the gradebook, which the instructor may set."""
    share = verdict.score / verdict.max_score if verdict.max_score else 0.0
    share = share if np.isfinite(share) else 0.0
    score = round(min(max(share, 0.0), 1.0) * points, 4)
    return replace(verdict, score=score, max_score=points)


def _outputs(verdict: Verdict) -> list[dict]:
    """What the test's cell shows, and the number that nbgrader reads."""
    text, html = as_text(verdict), as_html(verdict)
    return [
        {
            "output_type": "display_data",
            "data": {"text/html": html, "text/plain": text},
            "metadata": {},
        },
        {
            "output_type": "execute_result",
            "execution_count": 1,
            "data": {
                "text/html": points(verdict),
                "text/plain": repr(float(verdict.score)),
            },
            "metadata": {},
        },
    ]


def _show_error(cell, error: CallError):
    line = f"  {error.line}\n" if error.line else ""
    cell["outputs"].append(
        {
            "output_type": "error",
            "ename": error.kind,
            "evalue": error.message,
            "traceback": [f"{line}{error.kind}: {error.message}"],
        }
    )


def _show_text(cell, text):
    if text:
        text = "\n".join(text.split("\n")[:OUTPUT_LINES])
        stream = {"output_type": "stream", "name": "stdout", "text": text}
        cell["outputs"].insert(0, stream)
