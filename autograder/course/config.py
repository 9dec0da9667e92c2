"""nbgrader's configuration for this book. A course's own file calls `configure`."""

import os
import sys
from pathlib import Path

from autograder.chapters.toc import add_home
from autograder.exercises.declaration import BEGIN, END, STUB


def configure(c, config_file: str = "nbgrader_config.py") -> None:
    """Set what the chapters need.

    c            the configuration, of `get_config()`.
    config_file  the course's own file, that calls this: `__file__`.
    """
    add_home(Path(config_file).parent)  # an instructor's own exercises
    c.ClearSolutions.code_stub = {"python": STUB}
    c.ClearSolutions.begin_solution_delimeter = BEGIN.removeprefix("### ")
    c.ClearSolutions.end_solution_delimeter = END.removeprefix("### ")
    c.Autograde.exporter_class = "autograder.course.autograde.SubmissionExporter"
    c.Autograde.sanitize_preprocessors = []  # the exporter makes the notebook anew
    c.Autograde.autograde_preprocessors = [
        "autograder.course.autograde.Judge",
        "nbgrader.preprocessors.SaveAutoGrades",
        "autograder.course.autograde.Extensions",
        "nbgrader.preprocessors.AssignLatePenalties",
        "nbgrader.preprocessors.CheckCellMetadata",
    ]
    c.GenerateFeedback.exporter_class = "autograder.course.feedback.FeedbackPage"
    c.GenerateFeedback.preprocessors = []  # the exporter reads the gradebook itself
    c.ZipCollectApp.extractor_plugin = "autograder.course.collect.plugins.Extractor"
    c.ZipCollectApp.collector_plugin = "autograder.course.collect.plugins.Collector"
    find_own_programs()


def find_own_programs() -> None:
    """Put this Python's programs on the PATH: nbgrader calls `alembic` by name.

    So `.venv/bin/nbgrader` works in a shell where the environment is not active.
    """
    programs = str(Path(sys.executable).parent)
    folders = os.environ.get("PATH", "").split(os.pathsep)
    if programs not in folders:
        os.environ["PATH"] = os.pathsep.join([programs, *folders])
