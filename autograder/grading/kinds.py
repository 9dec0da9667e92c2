"""What a file is that was handed in as a notebook and is none, and what to do then.

One table, first match wins. A sentence says what the file is, as far as its bytes show
it, and how its owner gets at the notebook.
"""

import ast
import re
from collections.abc import Callable
from dataclasses import dataclass

LOOK = 4096  # bytes at the beginning, by which most kinds can be told
PYTHON_CHARACTERS = 2**16
TEXT_CHARACTERS = 2**20


@dataclass(frozen=True)
class Kind:
    """A kind of file: how its bytes show it, what it is, and what to do."""

    name: str
    shows: Callable[[bytes], bool]
    what: str
    remedy: str

    @property
    def told(self) -> str:
        """Both, as sentences."""
        return f"{self.what}. {self.remedy}"


def _starts(*signs: bytes) -> Callable[[bytes], bool]:
    return lambda data: data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(signs)


def _is_page(data):
    head = data[:LOOK].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return head.startswith((b"<!doctype html", b"<html", b"<head", b"<?xml", b"<!--"))


def _is_export(data):
    signs = (b"jp-Notebook", b"jp-Cell", b"nbconvert", b"jupyter")
    return _is_page(data) and any(sign in data for sign in signs)


def _is_office(data):
    parts = (b"word/", b"ppt/", b"xl/", b"mimetypeapplication/vnd.oasis")
    return data.startswith(b"PK\x03\x04") and any(part in data for part in parts)


def _has_merge_marks(data):
    marks = (rb"^<{7}( |\r?$)", rb"^={7}\r?$", rb"^>{7}( |\r?$)")
    return all(re.search(mark, data, re.MULTILINE) for mark in marks)


def _is_python(data):
    text = data[: PYTHON_CHARACTERS + 1].decode("utf-8", "replace")
    if len(text) > PYTHON_CHARACTERS or not re.search(
        r"^(def|import|from) ", text, re.M
    ):
        return False
    try:
        ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return "# In[" in text or "# %%" in text  # exported, with magics in it
    return True


HAND_IN = "and hand in that file"
KINDS = (
    Kind(
        "export",
        _is_export,
        "It is a notebook exported as a web page, which cannot be run",
        "In JupyterLab, open the notebook itself and choose File, Download; the file "
        "ends in .ipynb. Hand in that file.",
    ),
    Kind(
        "page",
        _is_page,
        "It is a web page, such as a site sends in the place of a file to somebody who "
        "is not signed in",
        "Open the notebook where you work on it, choose File, Download, see that "
        f"JupyterLab can open what came, {HAND_IN}.",
    ),
    Kind(
        "pdf",
        _starts(b"%PDF-"),
        "It is a PDF, which cannot be run",
        f"Choose File, Download in JupyterLab (not Print, nor an export), {HAND_IN}; "
        "it ends in .ipynb.",
    ),
    Kind(
        "office",
        _is_office,
        "It is a document of an office program",
        f"Choose File, Download in JupyterLab, {HAND_IN}; it ends in .ipynb.",
    ),
    Kind(
        "archive",
        _starts(
            b"PK\x03\x04", b"\x1f\x8b", b"7z\xbc\xaf", b"Rar!", b"BZh", b"\xfd7zXZ"
        ),
        "It is a packed archive, such as a zip",
        "Unpack it, and hand in the .ipynb that is in it.",
    ),
    Kind(
        "picture",
        _starts(b"\x89PNG", b"\xff\xd8\xff", b"GIF8"),
        "It is a picture",
        f"Choose File, Download in JupyterLab, {HAND_IN}; it ends in .ipynb.",
    ),
    Kind(
        "git-lfs",
        _starts(b"version https://git-lfs.github.com/spec/"),
        "It is a pointer of Git LFS: the name of the notebook's content, and not the "
        "content",
        "Run `git lfs pull` in your repository, see that JupyterLab opens the file, "
        f"{HAND_IN}.",
    ),
    Kind(
        "merge",
        _has_merge_marks,
        "It holds the marks of a merge that git could not finish (<<<<<<<, =======, "
        ">>>>>>>)",
        "In a text editor, keep one of the two sides at each place, delete the lines "
        f"with the marks, see that JupyterLab opens the file, {HAND_IN}.",
    ),
    Kind(
        "rich text",
        _starts(b"{\\rtf"),
        "It is a text of a word processor",
        f"Choose File, Download in JupyterLab, {HAND_IN}; it ends in .ipynb.",
    ),
    Kind(
        "apple",
        _starts(b"\x00\x05\x16\x07"),
        "It is a note that macOS keeps beside a file (its name starts with `._`)",
        "Hand in the file of the same name without `._`.",
    ),
    Kind(
        "zeros",
        lambda data: not data.strip(b"\0"),
        "It holds nothing but zero bytes: it was not written to its end",
        f"Open your notebook in JupyterLab, save it, {HAND_IN}.",
    ),
    Kind(
        "python",
        _is_python,
        "It is a Python file",
        "Copy its functions into the cells of the notebook that was handed out, see "
        "that `check` accepts them, and hand in the notebook.",
    ),
)


def kind_of(data: bytes) -> Kind | None:
    """What a file is that is no notebook; None where its bytes do not show it."""
    data = data[:TEXT_CHARACTERS]
    return next((kind for kind in KINDS if kind.shows(data)), None)
