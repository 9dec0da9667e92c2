"""What the worker is given: the judge and a chapter's exercises, packed for the page.

    app.zip             the modules that the chapters' cells import, and the kernel
    NAME.zip            the chapter's exercises: its own as keys, earlier ones as such
    chapters/NAME.js    its cells and its notebook, for the page itself

A page that was opened from the file system can fetch nothing. For it, each file lies
in `file/` a second time, as a script that holds it.
"""

import base64
import gzip
import hashlib
import json
import os
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat

from autograder.chapters import dependencies
from autograder.chapters.chapter import Chapter, learner_notebook
from autograder.chapters.toc import ROOT
from autograder.course.handout.contents import (
    closed_to,
    contents,
    exercise_files,
    packed,
)
from autograder.course.handout.record import Seen, recorded
from autograder.exercises.registry import discover
from autograder.values import wire

from .cells import Cell

LARGEST = 6_000  # bytes of a call that a key answers in the page: random draws are dear
Pages = list[tuple[Chapter, list[Cell]]]  # each chapter with its cells
KERNEL = "import autograder.exercise, book.live.kernel"  # what the worker runs


def app(pages: Pages) -> bytes:
    """The modules that the page's Python needs, for every chapter, as a zip."""
    codes = [KERNEL, *(_code(cells) for _, cells in pages)]
    files = set().union(*(dependencies.modules(code, ROOT) for code in codes))
    files = dependencies.with_packages(files, ROOT)
    modules = {
        file.relative_to(ROOT).as_posix(): file.read_bytes()
        for file in files
        if file.parent.name != "solutions"
    }
    return packed(modules | {"_toc.json": contents().encode()})


def exercises(pages: Pages, kept: Path) -> dict[str, bytes]:
    """The exercises of each chapter as a zip, by the chapter's name.

    kept: a folder for what was made; it is made again when the code has changed.
    """
    files = {
        chapter.name: kept / f"{chapter.name}-{_state(cells)}.zip"
        for chapter, cells in pages
    }
    new = [page for page in pages if not files[page[0].name].is_file()]
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # each waits for its own process
        seen = list(pool.map(lambda page: _recorded(*page), new))
    # One after the other: an exercise may measure memory, which all threads share.
    for (chapter, cells), calls in zip(new, seen, strict=True):
        _keep(files[chapter.name], chapter.name, _exercises(chapter, cells, calls))
    return {name: file.read_bytes() for name, file in files.items()}


def _keep(file: Path, chapter: str, data: bytes) -> None:
    """Write what was made of a chapter, in the place of what was made before."""
    file.parent.mkdir(parents=True, exist_ok=True)
    for older in file.parent.glob(f"{chapter}-*.zip"):
        older.unlink()
    file.write_bytes(data)


def _own(cells: list[Cell]) -> set[str]:
    return {cell.name for cell in cells if cell.kind == "exercise" and not cell.lacks}


def _state(cells: list[Cell]) -> str:
    """A word for all that a chapter's exercises depend on."""
    code = "import autograder.course.handout.contents\n" + _code(cells)
    files = dependencies.dependencies(code, ROOT)
    texts = [code.encode(), Path(__file__).read_bytes()]
    texts += [file.read_bytes() for file in files]
    return hashlib.sha256(b"\0".join(texts)).hexdigest()[:16]


def _exercises(chapter: Chapter, cells: list[Cell], seen: dict[str, Seen]) -> bytes:
    code = _code(cells)
    modules = dependencies.modules(code, ROOT)
    asked = dependencies.asked_for(code, modules) & set(discover())
    return packed(exercise_files(chapter.name, _own(cells), asked, seen))


def declarations(cells: list[Cell]) -> dict[str, bytes]:
    """The files of `solutions/` that a chapter's cells need, as they are."""
    code = "\n\n".join(c.source for c in cells if c.lacks != "IPython")
    files = dependencies.dependencies(code, ROOT)
    folder = ROOT / "solutions"
    files = {folder / "__init__.py", *(f for f in files if f.parent == folder)}
    return {f"solutions/{file.name}": file.read_bytes() for file in files}


def _recorded(chapter: Chapter, cells: list[Cell]) -> dict[str, Seen]:
    """What the cells that the page can run ask of references; large calls left out."""
    new = nbformat.v4
    run = [new.new_code_cell(cell.source) for cell in cells if not cell.lacks]
    with tempfile.TemporaryDirectory() as folder:
        notebook = Path(folder, "cells.ipynb")
        nbformat.write(new.new_notebook(cells=run), str(notebook))
        seen = recorded(notebook, closed_to(chapter.name, _own(cells)))
    return {name: list(filter(_is_small, calls)) for name, calls in seen.items()}


def _is_small(call: tuple) -> bool:
    return len(wire.encode(call)) <= LARGEST


def _code(cells: Iterable[Cell]) -> str:
    return "\n\n".join(cell.source for cell in cells if not cell.lacks)


def page_script(chapter: Chapter, cells: list[Cell]) -> str:
    """The cells and the notebook of a chapter as a script."""
    notebook = json.loads(nbformat.writes(learner_notebook(chapter)))
    told = {"cells": [cell.as_json() for cell in cells], "notebook": notebook}
    return f'LIVE["{chapter.name}.js"]={_json(told)}'


def as_script(name: str, data: bytes) -> str:
    """A file as a script: gzip, in base64."""
    held = base64.b64encode(gzip.compress(data, 9, mtime=0)).decode()
    return f'LIVE["{name}"]="{held}"'


def _json(value) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
