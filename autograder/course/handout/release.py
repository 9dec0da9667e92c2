"""`release CHAPTER`: what nbgrader releases, and one zip to use it anywhere.

The zip holds the released notebook, the modules that it imports, and the exercises, as
`contents` says. Nothing of the course is in it but what nbgrader releases: no source,
no secret.
"""

import subprocess
import sys
from pathlib import Path

import nbformat
from nbformat.reader import NotJSONError
from nbgrader.api import Gradebook, MissingEntry

from autograder.chapters.chapter import load_chapters
from autograder.course.config import find_own_programs
from autograder.course.folder import confirm_course
from autograder.course.gradebook import load_course
from autograder.course.handout.contents import handout_files, packed
from autograder.course.setup import source_of
from autograder.course.times import told_time, zone_of
from autograder.files.whole import write_whole
from autograder.grading.assignment import CourseError


def release(course: Path, name: str, tell=lambda line: None) -> list[str]:
    """Release a chapter with nbgrader and pack it; return one line for each thing made.

    What is in `release/CHAPTER` is made anew, from `source/CHAPTER`. tell: is given
    one line before what takes long.
    Raises ChapterError for an unknown chapter, CourseError where there is no course or
    nbgrader refuses, ReleaseError where a file would give an answer away.
    """
    confirm_course(course)
    load_chapters([name])  # complains of an unknown one
    _confirm_cells(course, name)
    folder = _assigned(course, name)
    due = _due(course, name)
    if due:
        _date(folder / f"{name}.ipynb", due)
    files = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }
    tell(f"{name}: running its cells once, to record what they need")
    files = handout_files(folder / f"{name}.ipynb", name, due=due) | files
    data = packed(files, name)
    target = course / "handout" / f"{name}.zip"
    write_whole(target, data)
    return [
        f"{folder}: released by nbgrader",
        f"{target}: written, {len(files)} files, {_size(len(data))}",
    ]


def _confirm_cells(course: Path, name: str) -> None:
    """Raise CourseError where graded cells came or went after somebody handed in.

    nbgrader refuses that, with a traceback.
    """
    directory = load_course(course)
    source = source_of(directory, name)
    if not source.is_file():
        return  # nbgrader says so
    try:
        cells = nbformat.read(str(source), as_version=4).cells
    except NotJSONError:
        return  # and so it does here
    now = set()
    for cell in cells:
        about = cell.metadata.get("nbgrader", {})
        if any(map(about.get, ("grade", "solution", "locked", "task"))):
            now.add(about["grade_id"])
    with Gradebook(directory.db_url, directory.course_id) as gradebook:
        try:
            notebook = gradebook.find_notebook(name, name)
        except MissingEntry:
            return
        before = {cell.name for cell in notebook.source_cells}
        count = len(notebook.submissions)
    changed = ", ".join(sorted(now ^ before))
    if count and changed:
        raise CourseError(
            f"{source}: {changed} came or went, and {count} have handed in already. "
            "nbgrader cannot release that: their notebooks have other cells. Take the "
            "change back, and hand the question out as a chapter of its own. Or start "
            "the chapter over: keep a copy of gradebook.db, then `nbgrader db "
            f"assignment remove {name} --force`, release, and grade again: scores and "
            "comments given by hand are lost then, and who handed in before has "
            "nothing in a new cell"
        )


def _due(course: Path, name: str) -> str:
    """When a chapter is due, for learners to read; "" where no date is set."""
    directory = load_course(course)
    with Gradebook(directory.db_url, directory.course_id) as gradebook:
        due = gradebook.find_assignment(name).duedate
    return told_time(due, zone_of(directory)) if due else ""


def _date(path: Path, due: str) -> None:
    """Say in the released notebook when it is due: below its title."""
    notebook = nbformat.read(str(path), as_version=4)
    cell = nbformat.v4.new_markdown_cell(f"**Due {due}.**", id=f"due-{path.stem}"[:64])
    cell.metadata["deletable"] = cell.metadata["editable"] = False
    titles = (
        place
        for place, cell in enumerate(notebook.cells)
        if cell.cell_type == "markdown" and cell.source.lstrip().startswith("#")
    )
    notebook.cells.insert(next(titles, -1) + 1, cell)
    write_whole(path, nbformat.writes(notebook) + "\n")


def _size(count: int) -> str:
    return f"{count / 2**20:.1f} MiB" if count >= 2**20 else f"{count / 2**10:.0f} KiB"


def _assigned(course: Path, name: str) -> Path:
    """Let nbgrader generate the assignment; the folder with the released notebook."""
    find_own_programs()
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", "generate_assignment", name, "--force"],
        cwd=course,
        capture_output=True,
        text=True,
    )
    directory = load_course(course)
    folder = Path(directory.format_path(directory.release_directory, ".", name))
    if done.returncode or not (folder / f"{name}.ipynb").is_file():
        told = "\n".join(done.stderr.strip().splitlines()[-8:])
        raise CourseError(f"nbgrader generate_assignment {name} failed:\n{told}")
    return folder
