"""Lay what the pages hand out beside them, when the book has been built.

_static/live/    the scripts, and Python with all that it is given
notebooks/       each chapter as a zip that runs by itself

A book without solutions has no such zips: a later chapter's holds what it needs of the
earlier ones. A course hands out its chapters one by one, with `release`.
"""

import io
import json
import shutil
import zipfile
from pathlib import Path

from autograder.chapters.chapter import learner_notebook, load_chapters, write
from autograder.chapters.toc import ROOT
from autograder.course.handout.contents import handout_files, packed
from book.live import pack, pyodide
from book.live.cells import cells_of
from book.live.sealed import seal

STATIC = Path(__file__).parent / "static"
FOLDER = "live"


def setup(app):
    app.connect("build-finished", publish)


def publish(app, error):
    if error or app.builder.format != "html":
        return
    target = Path(app.outdir, "_static", FOLDER)
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for file in STATIC.iterdir():
        shutil.copyfile(file, target / file.name)
    kept = Path(app.outdir).parent / FOLDER
    pages = [(chapter, cells_of(chapter, ROOT)) for chapter in load_chapters()]
    if app.config.live_python:
        lay_out(pages, target, kept, app.config.live_solutions)
    notebooks = Path(app.outdir, "notebooks")
    shutil.rmtree(notebooks, ignore_errors=True)
    if app.config.live_solutions:
        lay_out_notebooks(pages, notebooks, kept)


def lay_out_notebooks(pages: pack.Pages, target: Path, kept: Path) -> None:
    """Each chapter's notebook with all that it needs besides packages, as a zip."""
    for chapter, cells in pages:
        notebook = kept / "notebooks" / f"{chapter.name}.ipynb"
        write(learner_notebook(chapter), notebook)
        exercises = pack.declarations(cells)
        files = handout_files(notebook, chapter.name, exercises)
        files[notebook.name] = notebook.read_bytes()
        _write(target / f"{chapter.name}.zip", packed(files, chapter.name))


def lay_out(pages: pack.Pages, target: Path, kept: Path, solutions: bool) -> None:
    """Everything that the worker asks for, as files and as scripts that hold them.

    solutions: may references of earlier chapters lie open?
    """
    files = {name: pyodide.CACHE.joinpath(name).read_bytes() for name in pyodide.NAMES}
    files["pyodide-lock.json"] = json.dumps(pyodide.WANTED["lock"]).encode()
    for name, data in files.items():
        _write(target / "pyodide" / name, data)
    own = {"app.zip": pack.app(pages)}
    for name, archive in pack.exercises(pages, kept).items():
        own[f"{name}.zip"] = archive if solutions else sealed(archive)
    for name, data in own.items():
        _write(target / name, data)
    own["worker.js"] = (STATIC / "worker.js").read_bytes()
    for name, data in (files | own).items():
        _write(target / "file" / f"{name}.js", _held(name, data, kept))
    for chapter, cells in pages:
        script = pack.page_script(chapter, cells)
        _write(target / "chapters" / f"{chapter.name}.js", script.encode())


def sealed(archive: bytes) -> bytes:
    """A chapter's exercises for a book without solutions."""
    with zipfile.ZipFile(io.BytesIO(archive)) as there:
        return packed(seal({name: there.read(name) for name in there.namelist()}))


def _held(name: str, data: bytes, kept: Path) -> bytes:
    """The script that holds a file. The large ones are kept: packing takes long."""
    if len(data) < 1_000_000:
        return pack.as_script(name, data).encode()
    file = kept / f"{pyodide.WANTED['version']}-{name}.js"
    if not file.is_file():
        _write(file, pack.as_script(name, data).encode())
    return file.read_bytes()


def _write(file: Path, data: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
