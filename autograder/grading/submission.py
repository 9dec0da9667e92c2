"""A submitted notebook, as data: read whatever its state, never run here.

Whoever wrote the file could write anything into it. So it is read with care, and
what is kept of it is the text of its cells; everything else is made anew.
"""

import contextlib
import json
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from autograder.errors import UserError
from autograder.grading.kinds import kind_of
from autograder.values.wire import printable, written_size

NOTEBOOK_BYTES = 10 * 2**20
CODE_CHARACTERS = 2**18  # in all cells; reading code takes far more memory than text
CELLS = 2000
KINDS = ("code", "markdown", "raw")
FILES = 3  # that are looked at and named where a notebook is missing
OF_AN_EXCHANGE = ("timestamp.txt", "submission_secret.txt")
DECODER = json.JSONDecoder(strict=False)
AGAIN = "Open it in JupyterLab, save it, and hand in that file."
TWO = (
    "The file holds two different notebooks, one after the other. Open your notebook "
    "in JupyterLab, save it under a new name, and hand in that file alone."
)


class UnreadableError(UserError):
    """A submission that holds no notebook. One sentence for the learner."""


@dataclass(frozen=True)
class Cell:
    """One cell: its kind, its text, and the id that nbgrader gave it, if any."""

    kind: str
    source: str
    grade_id: str | None = None


def visible(text: str) -> str:
    """A learner's text with all that would steer a terminal or hide written out."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def read(path: Path) -> bytes:
    """The bytes of a submitted file; `UnreadableError` where they must not be read."""
    name = visible(path.name)
    try:
        # Not following a link, and not waiting for the writer of a pipe.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        raise UnreadableError(
            f"There is no {name}. Hand the notebook in under exactly this name."
        ) from None
    except OSError:
        raise UnreadableError(
            f"{name} cannot be read: it is a link, or protected. Hand in the "
            "notebook itself, as an ordinary file."
        ) from None
    with open(descriptor, "rb") as file:
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode):
            raise UnreadableError(f"{name} is not a file. Hand in the notebook itself.")
        if about.st_size > NOTEBOOK_BYTES:
            raise UnreadableError(
                f"{name} takes {about.st_size / 2**20:.0f} MB; "
                f"{NOTEBOOK_BYTES / 2**20:.0f} MB are allowed. Clear its outputs (in "
                "JupyterLab: Edit, Clear Outputs of All Cells), save, hand in again."
            )
        return file.read(NOTEBOOK_BYTES + 1)


def instead_of(path: Path) -> str:
    """What there is where no notebook is, and what its owner can do."""
    missing = f"There is no {visible(path.name)}."
    others = sorted(
        other for other in path.parent.iterdir() if other.name not in OF_AN_EXCHANGE
    )
    for other in others[:FILES]:
        with contextlib.suppress(UnreadableError):
            if kind := kind_of(read(other)):
                return f"{missing} There is {visible(other.name)}. {kind.told}"
    there = ", ".join(visible(other.name) for other in others[:FILES])
    besides = f" There is {there}, which is no notebook." if there else ""
    return f"{missing}{besides} Hand the notebook in under exactly this name."


def parse(data: bytes) -> list[Cell]:
    """The cells of a notebook; `UnreadableError` where the bytes are none."""
    if not data.strip():
        raise UnreadableError("The file is empty. Hand in the notebook again.")
    notebook = _json(data)
    cells = _cells_of(notebook)
    if cells is None:
        raise UnreadableError(f"The file is not a notebook: it has no cells. {AGAIN}")
    _see_few(len(cells), CELLS, "cells")
    cells = [_cell(cell) for cell in cells if isinstance(cell, dict)]
    text = sum(written_size(cell.source) for cell in cells)
    _see_few(text, NOTEBOOK_BYTES, "bytes of text")  # more than were handed in
    code = sum(len(cell.source) for cell in cells if cell.kind == "code")
    _see_few(code, CODE_CHARACTERS, "characters of code")
    return cells


def _json(data: bytes):
    """The value that a file begins with: what is left over of an older, longer file,
    or zeros of one that was not closed, is no part of it.
    """
    try:
        text = data.decode(json.detect_encoding(data), "surrogatepass")
        text = text.lstrip("\ufeff \t\r\n")
        value, end = DECODER.raw_decode(text)
    except UnicodeDecodeError:
        raise _no_notebook(data, "It is not UTF-8 text. ") from None
    except RecursionError:
        raise _no_notebook(data) from None
    except ValueError as error:
        cut = "It seems to be cut off. " if _is_cut_off(error, text) else ""
        raise _no_notebook(data, cut) from None
    rest = text[end:].strip("\0 \t\r\n")
    other = _beginning(rest) if rest.startswith("{") else None
    if _cells_of(other) is not None and other != value:
        raise UnreadableError(TWO)
    return value


def _beginning(text):
    """The value that a text begins with; None where it is no JSON."""
    try:
        return DECODER.raw_decode(text)[0]
    except (ValueError, RecursionError):
        return None


def _no_notebook(data, otherwise="") -> UnreadableError:
    kind = kind_of(data)
    told = kind.told if kind else f"{otherwise}{AGAIN}"
    return UnreadableError(f"The file is not a notebook. {told}")


def _cells_of(notebook) -> list | None:
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if cells is None and isinstance(notebook, dict):  # before version 4
        sheets = notebook.get("worksheets")
        first = sheets[0] if isinstance(sheets, list) and sheets else None
        cells = first.get("cells") if isinstance(first, dict) else None
    return cells if isinstance(cells, list) else None


def _see_few(count, allowed, things):
    if count > allowed:
        raise UnreadableError(
            f"The notebook has {count} {things}; {allowed} are allowed. Take out what "
            "is not asked for, and hand in again."
        )


def _is_cut_off(error, text):
    return getattr(error, "pos", 0) >= len(text) - 1 or "Unterminated" in str(error)


def _cell(cell: dict) -> Cell:
    kind = cell.get("cell_type")
    source = cell.get("source", cell.get("input", ""))
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    if not isinstance(source, str):
        source = ""
    about = cell.get("metadata")
    about = about.get("nbgrader") if isinstance(about, dict) else None
    grade_id = about.get("grade_id") if isinstance(about, dict) else None
    return Cell(
        kind if kind in KINDS else "raw",
        printable(source),
        grade_id if isinstance(grade_id, str) else None,
    )
