"""nbgrader's gradebook, as grading uses it: read the assignment, write the scores.

One process writes, one transaction a batch. What a person entered by hand
(scores, comments) is never touched.
"""

import glob
import hmac
import json
import os
import re
import secrets
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from nbgrader import utils
from nbgrader.api import (
    Comment,
    Grade,
    Gradebook,
    MissingEntry,
    Student,
    SubmittedAssignment,
    SubmittedNotebook,
)
from nbgrader.coursedir import CourseDirectory
from nbgrader.plugins import LateSubmissionPlugin
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import selectinload
from traitlets.config import Config
from traitlets.config.loader import ConfigFileNotFound, PyFileConfigLoader

from autograder.course.extensions import extension_of, read_extensions, strangers
from autograder.exercises.declaration import STUB
from autograder.exercises.registry import discover, own_sources
from autograder.grading import submission
from autograder.grading.assess import Result
from autograder.grading.assignment import Assignment, CourseError, GradedCell
from autograder.grading.stand_ins import kit_for

SECRET = ".grading_secret"
TIMESTAMP = "timestamp.txt"
SOLUTION = re.compile(
    r"^([ \t]*)### BEGIN SOLUTION.*?### END SOLUTION[^\n]*", re.MULTILINE | re.DOTALL
)


def load_course(folder: Path) -> CourseDirectory:
    """nbgrader's view of a course folder, with the folder's own configuration."""
    try:
        loaded = PyFileConfigLoader("nbgrader_config.py", str(folder)).load_config()
    except ConfigFileNotFound as error:
        raise CourseError(str(error)) from None
    config = Config(loaded)
    config.CourseDirectory.root = str(folder.resolve())
    return CourseDirectory(config=config)


class HandedIn(CourseDirectory):
    """nbgrader's view of a course while its converters read what learners made.

    They would copy each file beside the notebook, on to the feedback, and follow links
    to do so: to the solutions, to the gradebook. Here they find nothing to copy.
    """

    def __init__(self, course: CourseDirectory):
        traits = {name: getattr(course, name) for name in course.traits(config=True)}
        super().__init__(config=course.config, **traits)
        self.ignore = ["*"]

    def turn_to(self, student: str, chapter: str) -> None:
        """Have nothing copied of the submission that comes next.

        nbgrader looks for each pattern again and again: one for the whole class would
        take the square of its size.
        """
        place = glob.escape(student), glob.escape(chapter)
        # nbgrader joins these to a folder; whole paths stay as they are.
        self.ignore = [
            pattern_of(self, step, *place)
            for step in (self.submitted_directory, self.autograded_directory)
        ]

    def get_existing_timestamp(self, dest_path: str) -> datetime | None:
        """When a submission came; whatever its file is, no error and no wait."""
        return handed_in_at(Path(dest_path))


def pattern_of(course: CourseDirectory, step: str, student: str, chapter: str) -> str:
    """A pattern for folders of students; a `[` in the course's own path is no sign."""
    path = course.format_path(step, student, chapter)
    return glob.escape(course.root) + path.removeprefix(course.root)


def course_secret(root: Path) -> bytes:
    """The secret of a course, made once: from it come the seeds of hidden inputs."""
    path = root / SECRET
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_bytes()
    with open(descriptor, "wb") as file:
        file.write(secrets.token_hex(32).encode())
    return path.read_bytes()


def seed_of(root: Path, chapter: str) -> int:
    """The seed of a chapter's hidden inputs: the same for every learner, 63 bits."""
    digest = hmac.digest(course_secret(root), chapter.encode(), "sha256")
    return int.from_bytes(digest[:8], "big") >> 1


def load_assignment(course: CourseDirectory, chapter: str) -> Assignment:
    """What the gradebook and the handed-out notebook say of a chapter."""
    with Gradebook(course.db_url, course.course_id) as gradebook:
        try:
            notebook = gradebook.find_notebook(chapter, chapter)
        except MissingEntry:
            raise CourseError(
                f"the gradebook knows no assignment {chapter}; run `nbgrader "
                f"generate_assignment {chapter}` in {course.root} first"
            ) from None
        points = {cell.name: cell.max_score for cell in notebook.grade_cells}
        solutions = {cell.name for cell in notebook.solution_cells}
        cells = tuple(
            GradedCell(
                cell.name,
                cell.source,
                cell.checksum,
                points.get(cell.name),
                by_hand=cell.name in points and cell.name in solutions,
                kind=cell.cell_type,
            )
            for cell in notebook.source_cells
            if cell.name in points or cell.name in solutions
        )
        kernelspec = json.loads(notebook.kernelspec or "{}")
    unknown = [c.grade_id for c in cells if c.points and not c.by_hand]
    unknown = [name for name in unknown if name not in discover()]
    if unknown:
        raise CourseError(
            f"{chapter}: {unknown[0]} is no exercise that solutions/ declares, so it "
            "cannot be graded here; a question that you grade yourself is a 'Manually "
            "graded answer' in nbgrader's Create Assignment"
        )
    return Assignment(
        chapter=chapter,
        cells=cells,
        released=_released(course, chapter),
        seed=seed_of(Path(course.root), chapter),
        kit=kit_for(chapter),
        own=own_sources(),
        kernelspec=kernelspec or {},
    )


def _released(course, chapter) -> tuple[tuple[str, str], ...]:
    """(kind, source) of the cells that were handed out."""
    for step in (course.release_directory, course.source_directory):
        path = Path(course.format_path(step, ".", chapter)) / f"{chapter}.ipynb"
        if path.is_file():
            cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
            break
    else:
        raise CourseError(f"neither release/ nor source/ holds {chapter}.ipynb")
    found = []
    for cell in cells:
        source = cell["source"]
        source = source if isinstance(source, str) else "".join(source)
        found.append((cell["cell_type"], SOLUTION.sub(rf"\1{STUB}", source)))
    return tuple(found)


@dataclass(frozen=True)
class Graded:
    """A result, with when its submission was handed in."""

    result: Result
    timestamp: datetime | None


class GradebookWriter:
    """The single writer to a gradebook. Use as a context manager."""

    def __init__(self, course: CourseDirectory, chapter: str):
        self.course, self.chapter = course, chapter

    def __enter__(self):
        self._gradebook = Gradebook(self.course.db_url, self.course.course_id)
        self._penalties = _late_policy(self.course, self.chapter, self._gradebook)
        self._assignment = self._gradebook.find_assignment(self.chapter)
        self._until = read_extensions(self.course, self.chapter)
        return self

    def __exit__(self, *exception):
        self._gradebook.close()

    def strangers(self) -> list[str]:
        """A sentence for each extension that holds for nobody."""
        return strangers(self._gradebook, Path(self.course.root))

    def save(self, batch: list[Graded]):
        """Write a batch, all of it or nothing; `OSError` where that fails."""
        with self._transaction() as session:
            handed_in = self._submissions(session, batch)
            for graded in batch:
                self._save(handed_in[graded.result.student], graded)

    def update_lateness(
        self, times: dict[str, datetime | None]
    ) -> dict[str, tuple[float, float]]:
        """Take over what may have changed of submissions whose scores stand: when they
        came, when they were due, what a person gave, what the policy takes off.

        times  student -> when the submission was handed in, if that is known.
        Returns student -> (the points that were taken off, those that are now), where
        they differ. All is written or nothing; `OSError` where that fails.
        """
        found = {}
        with self._transaction() as session:
            for student, handed_in in self._rows(session, list(times)).items():
                if times[student]:
                    handed_in.timestamp = times[student]
                before = _taken_off(handed_in)
                for notebook in handed_in.notebooks:
                    self._penalise(notebook, handed_in)
                if before != _taken_off(handed_in):
                    found[student] = before, _taken_off(handed_in)
        return found

    @contextmanager
    def _transaction(self):
        session = self._gradebook.db
        try:
            with session.no_autoflush:  # the commit writes all rows at once
                yield session
            session.commit()
        except SQLAlchemyError as error:
            session.rollback()
            cause = getattr(error, "orig", error)
            raise OSError(f"the gradebook could not be written: {cause}") from error

    def _save(self, handed_in, graded: Graded):
        result = graded.result
        if graded.timestamp:
            handed_in.timestamp = graded.timestamp
        for notebook in handed_in.notebooks:
            scores = result.scores if notebook.name == self.chapter else {}
            for grade in notebook.grades:
                # Nothing for an empty answer; what a person has to grade is left open.
                empty = 0.0 if grade.name in result.untouched else None
                grade.auto_score = scores.get(grade.name, empty)
                by_hand = grade.manual_score is not None
                grade.needs_manual_grade = by_hand or grade.auto_score is None
            for comment in notebook.comments:
                same = comment.name in result.untouched
                comment.auto_comment = "No response." if same else None
            self._penalise(notebook, handed_in)

    def _submissions(self, session, batch) -> dict[str, SubmittedAssignment]:
        """The rows of a batch's students, by student; made where there are none."""
        names = [graded.result.student for graded in batch]
        found = self._rows(session, names)
        query = session.query(Student).filter(Student.id.in_(names))
        students = {student.id: student for student in query}
        for name in names:
            if name not in found:
                student = students.get(name) or Student(id=name)
                found[name] = self._new_submission(student)
                session.add(found[name])
        return found

    def _rows(self, session, names) -> dict[str, SubmittedAssignment]:
        """What the gradebook holds of some students, with cells and comments."""
        notebooks = selectinload(SubmittedAssignment.notebooks)
        query = session.query(SubmittedAssignment).filter(
            SubmittedAssignment.assignment_id == self._assignment.id,
            SubmittedAssignment.student_id.in_(names),
        )
        query = query.options(
            notebooks.selectinload(SubmittedNotebook.grades),
            notebooks.selectinload(SubmittedNotebook.comments),
        )
        return {handed_in.student_id: handed_in for handed_in in query}

    def _new_submission(self, student) -> SubmittedAssignment:
        """As nbgrader makes it: a row for each cell of each notebook."""
        made = SubmittedAssignment(assignment=self._assignment, student=student)
        for notebook in self._assignment.notebooks:
            own = SubmittedNotebook(notebook=notebook, assignment=made)
            for cell in notebook.grade_cells:
                Grade(cell=cell, notebook=own)
            for cell in notebook.solution_cells:
                Comment(cell=cell, notebook=own)
            for cell in notebook.task_cells:
                Grade(cell=cell, notebook=own)
                Comment(cell=cell, notebook=own)
        return made

    def _penalise(self, notebook, handed_in):
        """What the course's own plugin takes off for being late."""
        notebook.late_submission_penalty = None
        if until := self._until.get(handed_in.student.id):
            handed_in.extension = extension_of(self._assignment.duedate, until)
        late = handed_in.total_seconds_late
        if late <= 0:
            return
        score = sum(
            (g.auto_score if g.manual_score is None else g.manual_score) or 0.0
            for g in notebook.grades
        )
        penalty = self._penalties.late_submission_penalty(
            handed_in.student.id,
            score,
            late,  # its own id is not written yet
        )
        if penalty is not None:
            notebook.late_submission_penalty = min(max(penalty, 0.0), score)


def _taken_off(handed_in: SubmittedAssignment) -> float:
    return sum(n.late_submission_penalty or 0.0 for n in handed_in.notebooks)


def _late_policy(course, chapter, gradebook) -> LateSubmissionPlugin:
    """What a course takes off for being late; nbgrader's own where it names none."""
    if "AssignLatePenalties" not in course.config:
        return LateSubmissionPlugin(parent=course)
    from nbgrader.preprocessors import AssignLatePenalties  # slow: loads nbconvert

    penalties = AssignLatePenalties(parent=course)
    penalties.init_plugin()
    # As nbgrader sets them, for the plugin to ask.
    penalties.assignment_id, penalties.gradebook = chapter, gradebook
    return penalties.plugin_inst


def handed_in_at(folder: Path) -> datetime | None:
    """The time in a submission's `timestamp.txt`; None where there is no sound one."""
    try:
        data = submission.read(folder / TIMESTAMP)
        return utils.parse_utc(data.decode().strip()) if len(data) <= 100 else None
    except (ValueError, OverflowError):  # the file cannot be read, or is no time
        return None


def stamp(time: datetime) -> str:
    """A time as it stands in a `timestamp.txt`."""
    return f"{time:%Y-%m-%d %H:%M:%S.%f} UTC"
