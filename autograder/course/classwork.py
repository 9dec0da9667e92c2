"""A chapter as its class handed it in, read from the gradebook and the notebooks."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from pathlib import Path

from nbgrader.api import (
    BaseCell,
    Grade,
    Gradebook,
    MissingEntry,
    Student,
    SubmittedAssignment,
    SubmittedNotebook,
)

from autograder.course.collect.record import desk_of, read_collected
from autograder.course.extensions import read_extensions
from autograder.course.folder import confirm_course
from autograder.course.gradebook import load_assignment, load_course
from autograder.course.times import zone_of
from autograder.exercises.declaration import Exercise
from autograder.exercises.registry import discover
from autograder.grading.assignment import Assignment, CourseError
from autograder.grading.submission import visible

# How an answer stands, in the order of the pictures.
STANDS = {
    "right": "right",
    "mistake": "a known mistake",
    "other": "wrong in another way",
    "failed": "did not run",
    "unwritten": "not written",
    "unread": "no notebook",
    "ungraded": "no verdict",
}


@dataclass(frozen=True)
class Answer:
    """One learner's answer to one exercise: what the judge said, and the code.

    stands     a key of STANDS.
    behaviour  the digest of what a wrong answer gave on the visible inputs.
    shown      the verdict as the learner read it, in HTML; not to be trusted.
    """

    stands: str
    verdict: dict = field(default_factory=dict)
    behaviour: str | None = None
    source: str = ""
    shown: str = ""


@dataclass(frozen=True)
class Learner:
    """One submission, as the gradebook and its graded notebook have it.

    score      final: what a person set by hand counts, the penalty is taken off.
    late       seconds after the due date.
    by_hand    exercises whose score a person set.
    errors     kinds of error that running it met.
    code       all that the learner wrote, as it was typed.
    """

    student: str
    name: str
    score: float
    late: float
    penalty: float
    by_hand: tuple[str, ...]
    points: dict[str, float]
    answers: dict[str, Answer]
    trouble: str | None = None
    notes: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    code: str = ""

    @property
    def blank(self) -> bool:
        """Whether nothing was written."""
        return all(a.stands == "unwritten" for a in self.answers.values())


@dataclass(frozen=True)
class ClassWork:
    """A chapter as its class handed it in.

    missing    students of the roster who handed nothing in.
    ungraded   submissions that no grader has seen yet.
    names      student -> first and last name, of everybody in the gradebook, in the
               order of the last names; the learners stand in the same.
    extended   student -> until when, in UTC without a zone.
    zone       of the course; None for this machine's.
    together   student -> the file of a download, the same for who handed in together.
    """

    assignment: Assignment
    learners: list[Learner]
    missing: list[str]
    ungraded: list[str]
    due: datetime | None
    book_url: str
    names: dict[str, str] = field(default_factory=dict)
    extended: dict[str, datetime] = field(default_factory=dict)
    zone: tzinfo | None = None
    together: dict[str, str] = field(default_factory=dict)

    @property
    def most(self) -> float:
        """The points of the chapter."""
        return sum(test.points or 0.0 for test in self.assignment.tests)


def read_class(root: Path, chapter: str) -> ClassWork:
    """What the gradebook and the graded notebooks say of a chapter."""
    confirm_course(root)
    course = load_course(root)
    assignment = load_assignment(course, chapter)

    def folder(step, student):
        return Path(course.format_path(step, student, chapter))

    with Gradebook(course.db_url, course.course_id) as gradebook:
        graded, names, due = _graded(gradebook, chapter)
    extended = _extended(graded, course, chapter)
    learners = []
    for row in graded:
        path = folder(course.autograded_directory, row["student"])
        learners.append(_learner(assignment, row, path / f"{chapter}.ipynb"))
    handed_in = {
        visible(path.parent.name)  # any bytes can name a folder
        for path in root.glob(
            str(folder(course.submitted_directory, "*").relative_to(root))
        )
    }
    known = {learner.student for learner in learners}
    return ClassWork(
        assignment=assignment,
        learners=learners,
        missing=[name for name in names if name not in known | handed_in],
        ungraded=sorted(handed_in - known),
        due=due,
        book_url=course.config.FeedbackPage.get("book_url", ""),
        names=names,
        extended=extended,
        zone=zone_of(course),
        together={
            student: f"{row['file']} {row['digest']}"
            for student, row in read_collected(desk_of(root, chapter)).items()
        },
    )


def _extended(graded: list[dict], course, chapter: str) -> dict[str, datetime]:
    """Who has more time, and until when: by our file, or by nbgrader's own means."""
    found = {row["student"]: row.pop("until") for row in graded}
    found = {student: until for student, until in found.items() if until}
    return found | read_extensions(course, chapter)


def _graded(gradebook, chapter) -> tuple[list[dict], dict, datetime | None]:
    """A row for each submission, the names, and when the chapter was due."""
    try:
        assignment = gradebook.find_assignment(chapter)
    except MissingEntry as error:
        raise CourseError(str(error)) from None
    ask = gradebook.db.query
    people = ask(Student.id, Student.first_name, Student.last_name)
    names = {
        student: " ".join(part for part in parts if part)
        for student, *parts in sorted(people, key=lambda row: _place(*row))
    }
    rows = {}
    for key, student, timestamp, extension in ask(
        SubmittedAssignment.id,
        SubmittedAssignment.student_id,
        SubmittedAssignment.timestamp,
        SubmittedAssignment.extension,
    ).filter_by(assignment_id=assignment.id):
        due = assignment.duedate
        due = due + extension if due and extension else due
        late = (timestamp - due).total_seconds() if due and timestamp else 0.0
        rows[key] = {
            "student": student,
            "name": names[student],
            "late": max(0.0, late),
            "until": due if extension else None,
            "penalty": 0.0,
            "by_hand": (),
            "points": {},
        }
    notebooks = ask(
        SubmittedNotebook.id,
        SubmittedNotebook.assignment_id,
        SubmittedNotebook.late_submission_penalty,
    ).filter(SubmittedNotebook.assignment_id.in_(rows))
    owners = {}
    for key, owner, penalty in notebooks:
        owners[key] = rows[owner]
        owners[key]["penalty"] += penalty or 0.0
    for key, name, score, manual in (
        ask(Grade.notebook_id, BaseCell.name, Grade.score, Grade.manual_score)
        .join(BaseCell, BaseCell.id == Grade.cell_id)
        .filter(Grade.notebook_id.in_(owners))
    ):
        owners[key]["points"][name] = score
        owners[key]["by_hand"] += () if manual is None else (name,)
    by_student = {row["student"]: row for row in rows.values()}
    ordered = [by_student[student] for student in names if student in by_student]
    return ordered, names, assignment.duedate


def _place(student: str, first: str | None, last: str | None) -> tuple:
    """Where somebody stands in a list: by last name; `s9` before `s10`."""

    def numbered(text: str | None) -> list:
        parts = re.split(r"(\d+)", (text or "").casefold())
        return [int(part) if i % 2 else part for i, part in enumerate(parts)]

    return numbered(last), numbered(first), numbered(student)


def _learner(assignment: Assignment, row: dict, path: Path) -> Learner:
    notebook = _notebook(path)
    about = notebook["metadata"].get("autograder", {})
    trouble = about.get("submission", {}).get("trouble")
    cells = {
        cell["metadata"]["nbgrader"]["grade_id"]: cell
        for cell in notebook["cells"]
        if "nbgrader" in cell["metadata"]
    }
    verdicts = {found["exercise"]: found for found in about.get("verdicts", [])}
    behaviour = about.get("behaviour", {})
    answers = {}
    for test in assignment.tests:
        name = test.exercise
        verdict = verdicts.get(name, {})
        answers[name] = Answer(
            stands="unread" if trouble else _stands(discover()[name], verdict),
            verdict=verdict,
            behaviour=behaviour.get(name),
            source=_source(cells.get(f"{name}_answer", {})),
            shown=_shown(cells.get(name, {})),
        )
    return Learner(
        **row,
        score=max(0.0, sum(row["points"].values()) - row["penalty"]),
        answers=answers,
        trouble=trouble,
        notes=tuple(note for note in about.get("notes", []) if note != trouble),
        errors=tuple(about.get("errors", [])),
        code="" if trouble else _own_code(assignment, notebook["cells"]),
    )


def _notebook(path: Path) -> dict:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {"metadata": {}, "cells": []}
    except ValueError:
        raise CourseError(
            f"{path} is no notebook; delete it and grade this submission again"
        ) from None


def _stands(exercise: Exercise, verdict: dict) -> str:
    if not verdict:
        return "ungraded"
    if verdict["passed"] is not False:
        return "right" if verdict["passed"] else "unwritten"
    if verdict["mistake"] in declared_mistakes(exercise):
        return "mistake"
    return "other" if verdict["cases"] else "failed"


def _source(cell: dict) -> str:
    source = cell.get("source", "")
    return source if isinstance(source, str) else "".join(source)


def _shown(cell: dict) -> str:
    """The verdict as the judge put it into the test's cell."""
    for output in cell.get("outputs", []):
        html = output.get("data", {}).get("text/html", "")
        return html if isinstance(html, str) else "".join(html)
    return ""


def _own_code(assignment: Assignment, cells: list[dict]) -> str:
    """What the learner typed: the code cells without the lines handed out."""
    given = {line for _, source in assignment.released for line in source.splitlines()}
    lines = [
        line
        for cell in cells
        if cell["cell_type"] == "code"
        for line in _source(cell).splitlines()
        if line not in given
    ]
    return "\n".join(lines)


def declared_mistakes(exercise: Exercise) -> dict[str, Callable]:
    return {mistake.__name__: mistake for mistake in exercise.mistakes}
