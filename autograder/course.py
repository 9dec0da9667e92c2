"""An nbgrader course folder that works at once. Nothing that is there is changed."""

from pathlib import Path

import nbformat

from autograder.chapters import Chapter, load_chapters, source_notebook
from autograder.nbgrader_config import find_own_programs

CONFIG = '''"""nbgrader's configuration of this course. Yours to edit."""

from autograder.nbgrader_config import configure

c = get_config()  # noqa: F821 - given by nbgrader
configure(c, __file__)
c.CourseDirectory.course_id = "attention"
'''


def make_course(folder: Path) -> list[str]:
    """Make a course of all chapters; return one line for each file written.

    folder: made where it is missing; what is there already stays as it is.
    """
    said = []
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder} is a file; name a folder for the course")
    files = {folder / "nbgrader_config.py": lambda: CONFIG}
    for chapter in filter(Chapter.exercises, load_chapters()):
        path = folder / "source" / chapter.name / f"{chapter.name}.ipynb"
        files[path] = lambda chapter=chapter: nbformat.writes(source_notebook(chapter))
    for path, text in files.items():
        if path.exists():
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text(), encoding="utf-8")
        said.append(f"{path}: written")
    if not (folder / "gradebook.db").exists():
        _make_gradebook(folder)
        said.append(f"{folder / 'gradebook.db'}: written")
    return said or [f"{folder}: everything is there already; nothing was changed"]


def _make_gradebook(folder: Path) -> None:
    """An empty gradebook of nbgrader's own making."""
    from nbgrader.api import Gradebook

    find_own_programs()
    Gradebook(f"sqlite:///{folder.resolve() / 'gradebook.db'}", "attention").close()
