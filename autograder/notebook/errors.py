"""A sentence that helps, under the errors that learners really meet.

Python's own message stays; a note is added below it. Nothing is caught. Hidden are the
lines of the references, which a learner is to write, and those of the judge where the
learner's function was stopped.
"""

import ast
import difflib
import sys
from collections.abc import Iterable
from types import TracebackType

from autograder.chapters.toc import ROOT
from autograder.exercises.answers import advice
from autograder.exercises.registry import discover

WANTED = (Exception, KeyboardInterrupt)
NEEDED = ("autograder", "book", "solutions", "matplotlib", "numpy", "torch")
IN_THE_REPOSITORY = (ROOT / "Makefile").is_file()  # else in a chapter's own folder
START = "with `make lab`" if IN_THE_REPOSITORY else "as README.md says"
VERBS = ("agree", "check", "hint", "is_reference", "progress", "ready", "solution")
IMPORTS = {verb: f"from autograder import {verb}" for verb in VERBS}
IMPORTS |= {"np": "import numpy as np", "torch": "import torch"}


def explain_errors() -> None:
    """Add notes to errors in this notebook; does nothing outside IPython."""
    if "IPython" not in sys.modules:  # so this is no notebook; importing it is slow
        return
    from IPython import get_ipython

    shell = get_ipython()
    if shell is not None:
        shell.set_custom_exc(WANTED, _show_with_note)


def _show_with_note(shell, kind, error, traceback, tb_offset=None):
    note = note_for(error)
    if note and note not in getattr(error, "__notes__", []):
        error.add_note(note)
    hidden = [ROOT / "solutions"]
    if isinstance(error, KeyboardInterrupt):
        hidden.append(ROOT / "autograder")
    traceback = _without(traceback, tuple(f"{folder}/" for folder in hidden))
    shell.showtraceback((kind, error, traceback), tb_offset=tb_offset)


def _without(traceback: TracebackType, folders: tuple[str, ...]) -> TracebackType:
    """A traceback without the frames of some folders; the first one always stays."""
    last = traceback
    while (link := last.tb_next) is not None:
        if link.tb_frame.f_code.co_filename.startswith(folders):
            last.tb_next = link.tb_next
        else:
            last = link
    return traceback


def note_for(error: BaseException) -> str | None:
    """The sentence for an error, or None where there is nothing useful to say."""
    if isinstance(error, NotImplementedError):
        return (
            "This function is not written yet: replace `raise NotImplementedError` "
            "with your own lines, and run its cell again."
        )
    if isinstance(error, ModuleNotFoundError) and error.name:
        return _note_for_package(error.name.partition(".")[0])
    if isinstance(error, UnboundLocalError):
        return "Inside the function, this variable is read before it gets a value."
    if isinstance(error, NameError) and error.name:
        return _note_for_name(error.name, _cells_run(error))
    return None


def _note_for_package(name: str) -> str:
    near = difflib.get_close_matches(name, NEEDED, n=1)
    if near and name not in NEEDED:
        return f"Is {near[0]} meant?"
    return (
        f"This kernel has no package {name}. The chapters need {', '.join(NEEDED)}: "
        f"start JupyterLab {START}, and choose the kernel 'Python 3 (ipykernel)' at "
        "the top right."
    )


def _cells_run(error: BaseException) -> list[str]:
    """The cells of the notebook in which an error was raised, as far as they ran."""
    link = error.__traceback__
    while link is not None and "In" not in link.tb_frame.f_globals:
        link = link.tb_next
    cells = link.tb_frame.f_globals["In"] if link else []
    return [cell for cell in cells if isinstance(cell, str)]


def _read(cell: str) -> ast.Module | None:
    try:
        return ast.parse(cell)
    except (SyntaxError, ValueError):
        return None


def _note_for_name(name: str, cells: Iterable[str] = ()) -> str:
    if name in discover():
        if told := advice(name, map(_read, cells)):
            return told
        return f"Run the cell that defines {name} first; it stands above this one."
    line = IMPORTS.get(name)
    if line:
        return f"Run the cell with `{line}` first; it stands above this one."
    close = difflib.get_close_matches(name, [*discover(), *IMPORTS], n=1)
    if close:
        return f"Is {close[0]} meant?"
    return (
        f"Nothing is called {name} here. Is it misspelt, or is a cell above not run "
        "yet? `Run > Run All Above Selected Cell` runs them all."
    )
