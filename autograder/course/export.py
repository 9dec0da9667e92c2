"""The gradebook as CSV, exercise by exercise, for a spreadsheet, Canvas or Moodle.

    nbgrader export --exporter=autograder.export.ExerciseExporter
    nbgrader export --exporter=autograder.export.CanvasExporter --to canvas.csv
    nbgrader export --exporter=autograder.export.MoodleExporter

Plugins of `nbgrader export`. Scores, late penalties and what was entered by hand are
the gradebook's. Every student has a row; what was not handed in is empty. Chapters
that nobody has handed in yet are left out, unless `--assignment` names them.
"""

from dataclasses import dataclass, field
from pathlib import Path

from nbgrader.api import (
    Assignment,
    BaseCell,
    Grade,
    Gradebook,
    Notebook,
    SubmittedAssignment,
    SubmittedNotebook,
)
from nbgrader.plugins import ExportPlugin
from traitlets import Dict, Enum, Unicode

from autograder.chapters.toc import steps
from autograder.files.tables import write_table


@dataclass
class Score:
    """A student's chapter: the score of each exercise, and the late penalty."""

    cells: dict[str, float] = field(default_factory=dict)
    penalty: float = 0.0

    @property
    def total(self) -> float:
        """As nbgrader's own export counts it."""
        return max(0.0, sum(self.cells.values()) - self.penalty)


@dataclass(frozen=True)
class Chapter:
    """A chapter's exercises with their points, and each student's score."""

    name: str
    points: dict[str, float]
    scores: dict[str, Score]

    @property
    def max_score(self) -> float:
        return sum(self.points.values())

    def total(self, student: str) -> float | None:
        score = self.scores.get(student)
        return score.total if score else None

    def exercise(self, student: str, name: str) -> float | None:
        score = self.scores.get(student)
        return score.cells.get(name) if score else None

    def penalty(self, student: str) -> float | None:
        """What is taken off, as a negative number."""
        score = self.scores.get(student)
        return -score.penalty or 0.0 if score else None


def chapters_of(gradebook: Gradebook, only: list[str]) -> list[Chapter]:
    """The chapters that somebody has handed in, or those that are named."""
    known = {assignment.name: assignment for assignment in gradebook.assignments}
    for name in only:
        if name not in known:
            raise SystemExit(
                f"--assignment: the gradebook knows no chapter {name}; there are "
                f"{', '.join(sorted(known))}"
            )
    scores = _scores(gradebook)
    return [
        Chapter(name, _points(assignment), scores.get(name, {}))
        for name, assignment in sorted(known.items())
        if name in (only or scores)
    ]


def _points(assignment: Assignment) -> dict[str, float]:
    """The exercises in the order of the book; others after them."""
    order = [name for step in steps() for name in step.exercises]
    found = {
        cell.name: cell.max_score
        for notebook in assignment.notebooks
        for cell in notebook.grade_cells + notebook.task_cells
    }

    def place(name):
        return (order.index(name) if name in order else len(order), name)

    return {name: found[name] for name in sorted(found, key=place)}


def _scores(gradebook: Gradebook) -> dict[str, dict[str, Score]]:
    """Chapter -> student -> score, with two questions to the database in all."""
    handed_in = (
        gradebook.db.query(
            Assignment.name,
            SubmittedAssignment.student_id,
            SubmittedNotebook.id,
            SubmittedNotebook.late_submission_penalty,
        )
        .select_from(SubmittedNotebook)
        .join(Notebook, SubmittedNotebook.notebook_id == Notebook.id)
        .join(Assignment, Notebook.assignment_id == Assignment.id)
        .join(
            SubmittedAssignment,
            SubmittedNotebook.assignment_id == SubmittedAssignment.id,
        )
    )
    scores: dict[str, dict[str, Score]] = {}
    of_notebook: dict[str, Score] = {}
    for chapter, student, notebook, penalty in handed_in:
        score = scores.setdefault(chapter, {}).setdefault(student, Score())
        score.penalty += penalty or 0.0
        of_notebook[notebook] = score
    graded = gradebook.db.query(Grade.notebook_id, BaseCell.name, Grade.score)
    for notebook, name, points in graded.join(BaseCell, Grade.cell_id == BaseCell.id):
        of_notebook[notebook].cells[name] = points
    return scores


class _Exporter(ExportPlugin):
    """What the layouts have in common: who, what, and where to."""

    default_file = "grades.csv"

    def export(self, gradebook: Gradebook) -> None:
        """Write the file that `--to` names."""
        only = {str(name) for name in self.student}
        students = [s for s in gradebook.students if not only or s.id in only]
        unknown = sorted(only - {student.id for student in students})
        if unknown:
            raise SystemExit(f"--student: the gradebook has no student {unknown[0]}")
        chapters = chapters_of(gradebook, [str(name) for name in self.assignment])
        students.sort(key=lambda s: (s.last_name or "", s.first_name or "", s.id))
        path = Path(self.to or self.default_file)
        try:
            write_table(path, self.rows(chapters, students))
        except OSError as error:
            raise SystemExit(
                f"{path}: {error.strerror}; name a file with --to"
            ) from None
        self.log.info(
            "%d students, %d chapters: %s", len(students), len(chapters), path
        )

    def rows(self, chapters: list[Chapter], students: list) -> list[list]:
        """The table, its header first."""
        raise NotImplementedError


def _headings(chapters: list[Chapter]) -> list[str]:
    """For each chapter its exercises, the late penalty, the total."""
    return [
        heading
        for chapter in chapters
        for heading in (
            *(f"{chapter.name}: {name}" for name in chapter.points),
            f"{chapter.name}: late penalty",
            f"{chapter.name}: total",
        )
    ]


def _cells(chapters: list[Chapter], student: str) -> list[float | None]:
    return [
        cell
        for chapter in chapters
        for cell in (
            *(chapter.exercise(student, name) for name in chapter.points),
            chapter.penalty(student),
            chapter.total(student),
        )
    ]


class ExerciseExporter(_Exporter):
    """A row a student: each exercise, late penalty and total of each chapter."""

    default_file = "exercises.csv"

    def rows(self, chapters, students):
        """The header, the points there are, and a row a student."""
        who = ["student_id", "last_name", "first_name", "email"]
        there_are = [
            points
            for chapter in chapters
            for points in (*chapter.points.values(), None, chapter.max_score)
        ]
        points = sum(chapter.max_score for chapter in chapters)
        rows = [[*who, *_headings(chapters), "total"]]
        rows.append(["points", "", "", "", *there_are, points])
        for s in students:
            total = sum(chapter.total(s.id) or 0.0 for chapter in chapters)
            about = [s.id, s.last_name, s.first_name, s.email]
            rows.append([*about, *_cells(chapters, s.id), total])
        return rows


class MoodleExporter(_Exporter):
    """For Moodle: Grades, Import, CSV file.

    Moodle asks which column tells the students apart (map "Email address" to "Email
    address", or "ID number" to "ID number") and which grade item each other column
    is; those that are not mapped are ignored. Import either a chapter's total or its
    exercises. Source: https://docs.moodle.org/405/en/Grade_import.

    "Identifier" is what the roster has as lms_user_id.
    """

    default_file = "moodle.csv"

    def rows(self, chapters, students):
        """The header, and a row a student."""
        who = ["Identifier", "First name", "Last name", "Username", "ID number"]
        rows = [[*who, "Email address", *_headings(chapters)]]
        for s in students:
            names = [s.lms_user_id, s.first_name, s.last_name]
            about = [*names, s.id, s.id, s.email]
            rows.append([*about, *_cells(chapters, s.id)])
        return rows


class CanvasExporter(_Exporter):
    """For Canvas: Grades, Import.

    Canvas knows a student by ID (the roster's lms_user_id), else by SIS User ID or
    SIS Login ID (the student's id), else by the name; and an assignment by the number
    behind its name, else by the name. What it does not know it asks about. It leaves
    alone each column that has "(read only)" in the row "Points Possible". So the file
    has the totals and the exercises, and only one of them counts. Source: the
    importer itself, https://github.com/instructure/canvas-lms,
    lib/gradebook_importer.rb.
    """

    default_file = "canvas.csv"

    imported = Enum(
        ("totals", "exercises"),
        "totals",
        help="Which columns Canvas takes; exercises come without the late penalty.",
    ).tag(config=True)

    assignment_ids = Dict(
        {},
        help="Canvas's numbers, as {'05_softmax': 4711, '05_softmax: softmax': 4712}",
    ).tag(config=True)

    section = Unicode("", help="What stands in the column Section.").tag(config=True)

    def rows(self, chapters, students):
        """The header, Points Possible, and a row a student."""
        header, points = self._columns(chapters)
        who = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section"]
        rows = [[*who, *header], ["    Points Possible", "", "", "", "", *points]]
        for s in students:
            name = ", ".join(filter(None, (s.last_name, s.first_name))) or s.id
            about = [name, s.lms_user_id, s.id, s.id, self.section]
            scores = [
                score
                for chapter in chapters
                for score in (
                    chapter.total(s.id),
                    *(chapter.exercise(s.id, name) for name in chapter.points),
                )
            ]
            rows.append([*about, *scores])
        return rows

    def _columns(self, chapters) -> tuple[list[str], list]:
        """Headings with Canvas's numbers, and the row Points Possible."""
        totals = self.imported == "totals"
        header, points = [], []
        for chapter in chapters:
            exercises = chapter.points.items()
            columns = [(chapter.name, chapter.max_score, totals)]
            columns += [(f"{chapter.name}: {n}", p, not totals) for n, p in exercises]
            for name, most, counts in columns:
                number = self.assignment_ids.get(name)
                header.append(f"{name} ({number})" if number else name)
                points.append(most if counts else "(read only)")
        return header, points
