"""nbgrader's configuration for this book. A course's own file calls `configure`."""

import os
import sys
from pathlib import Path

from autograder.exercise import BEGIN, END, STUB


def configure(c) -> None:
    """Set what the chapters need: c is the configuration of `get_config()`."""
    c.ClearSolutions.code_stub = {"python": STUB}
    c.ClearSolutions.begin_solution_delimeter = BEGIN.removeprefix("### ")
    c.ClearSolutions.end_solution_delimeter = END.removeprefix("### ")
    c.Autograde.exporter_class = "autograder.preprocessor.SubmissionExporter"
    c.Autograde.sanitize_preprocessors = []  # the exporter makes the notebook anew
    c.Autograde.autograde_preprocessors = [
        "autograder.preprocessor.Judge",
        "nbgrader.preprocessors.SaveAutoGrades",
        "nbgrader.preprocessors.AssignLatePenalties",
        "nbgrader.preprocessors.CheckCellMetadata",
    ]
    find_own_programs()


def find_own_programs() -> None:
    """Put this Python's programs on the PATH: nbgrader calls `alembic` by name.

    So `.venv/bin/nbgrader` works in a shell where the environment is not active.
    """
    programs = str(Path(sys.executable).parent)
    folders = os.environ.get("PATH", "").split(os.pathsep)
    if programs not in folders:
        os.environ["PATH"] = os.pathsep.join([programs, *folders])
