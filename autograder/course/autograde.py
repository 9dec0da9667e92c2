"""The seam to nbgrader: `nbgrader autograde` and formgrader's button grade as we do.

Two classes, put into place by `autograder.course.config`: the exporter reads what
was handed in, the preprocessor stands where nbgrader would execute the notebook.
"""

import json
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import nbformat
from nbconvert.exporters import NotebookExporter
from nbgrader.api import Gradebook
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Bool, Dict

from autograder.course.extensions import read_extensions, set_extension
from autograder.course.gradebook import (
    TIMESTAMP,
    HandedIn,
    handed_in_at,
    load_assignment,
    stamp,
)
from autograder.course.renew import renew
from autograder.files.whole import write_whole
from autograder.grading import submission
from autograder.grading.assess import assess_notebook
from autograder.grading.assignment import Options
from autograder.grading.rebuild import as_file, rebuilt
from autograder.grading.submission import UnreadableError
from autograder.sandbox.limits import Limits


class SubmissionExporter(NotebookExporter):
    """Reads a submission whatever its state, and makes a sound notebook of it."""

    def __init__(self, **options):
        super().__init__(**options)
        self.parent.coursedir = HandedIn(self.parent.coursedir)
        renew(self.parent, self._is_current)

    def _is_current(self, chapter, student, folder) -> bool:
        """Whether the graded notebook is of what is handed in, by the exercises as
        they are.
        """
        parent: Any = self.parent
        course = parent.coursedir
        path = course.format_path(course.submitted_directory, student, chapter)
        try:
            data = submission.read(Path(path) / f"{chapter}.ipynb")
            graded = json.loads((folder / f"{chapter}.ipynb").read_text("utf-8"))
            about = graded["metadata"]["autograder"]["submission"]
        except (OSError, ValueError, LookupError, TypeError):
            return False
        return about.get("made_of") == _assignment(course, chapter).made_of(data)

    def from_filename(self, filename, resources=None, **options):
        """The notebook as text, and nbconvert's resources; a broken file is no error.

        What is read here a second time, from `autograded/`, is of our own making.
        """
        course = self.parent.coursedir
        path, about = Path(filename), resources["nbgrader"]
        handed_in = course.format_path(
            course.submitted_directory, about["student"], about["assignment"]
        )
        if path.absolute().parent != Path(handed_in).absolute():
            return super().from_filename(filename, resources, **options)
        cells, trouble, data = [], None, b""
        try:
            if path.parent.is_symlink() or path.parent.parent.is_symlink():
                raise UnreadableError("What was handed in is a link to a folder.")
            data = submission.read(path)
            cells = submission.parse(data)
        except UnreadableError as error:
            trouble = str(error)  # the judge reports it
        if time := handed_in_at(path.parent):  # by this, feedback is new
            graded = course.format_path(
                course.autograded_directory, about["student"], about["assignment"]
            )
            write_whole(Path(graded) / TIMESTAMP, stamp(time), 0o444)
        assignment = _assignment(course, about["assignment"])
        resources = self._init_resources(resources)
        resources["output_extension"] = self.file_extension
        made = assignment.made_of(data or (trouble or "").encode())
        return as_file(rebuilt(assignment, cells, trouble, made)), resources


class Judge(NbGraderPreprocessor):
    """Runs the functions of a submission in the sandbox, and judges their values."""

    allow_unsafe = Bool(
        False, help="Run submissions even where this machine offers no sandbox."
    ).tag(config=True)

    limits = Dict(
        {}, help="Limits that differ from the defaults, such as {'call_seconds': 20}."
    ).tag(config=True)

    def preprocess(self, nb, resources):
        """Put the verdicts into the outputs of the tests, for nbgrader to save."""
        about = resources["nbgrader"]
        course = self.parent.parent.coursedir  # of the converter, by the exporter
        assignment = _assignment(course, about["assignment"])
        options = Options(Limits(**self.limits), self.allow_unsafe)
        notebook = json.loads(json.dumps(nb))
        judged = assess_notebook(assignment, notebook, options)
        for note in judged.notes:
            self.log.warning("%s: %s", about["student"], note)
        return nbformat.from_dict(notebook), resources


class Extensions(NbGraderPreprocessor):
    """Takes a student's extension over, before lateness is reckoned."""

    def preprocess(self, nb, resources):
        """Enter it into the gradebook; the notebook stays as it is."""
        about = resources["nbgrader"]
        course, chapter = self.parent.parent.coursedir, about["assignment"]
        until = read_extensions(course, chapter).get(about["student"])
        if until:
            with Gradebook(about["db_url"], course.course_id) as gradebook:
                set_extension(gradebook, about["student"], chapter, until)
        return nb, resources


def _assignment(course, chapter):
    """The assignment, read once for each run of nbgrader's converter."""
    known = _assignments.setdefault(course, {})
    if chapter not in known:
        known[chapter] = load_assignment(course, chapter)
    return known[chapter]


# By the course of one run.
_assignments: WeakKeyDictionary[Any, dict] = WeakKeyDictionary()
