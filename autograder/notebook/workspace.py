"""A learner's own copies of the chapters, in `work/`. Nothing there is overwritten.

A chapter that has changed since a learner got it is offered beside the learner's
copy, as `05_softmax.new.ipynb`. What was handed out is noted in `.handed_out.json`.

The start page, `00_start.ipynb`, lists the chapters and what is solved. It is brought
up to date for as long as its cells are those that were handed out; once a learner
has written in it, it is the learner's.
"""

import contextlib
import json
from pathlib import Path

import nbformat

from autograder.chapters import toc as workflow
from autograder.chapters import workflow_map
from autograder.chapters.chapter import Chapter, learner_notebook, load_chapters
from autograder.files.offer import handed_out_in, is_taken, offer
from autograder.files.whole import digest_of, write_whole
from autograder.notebook import verbs as notebook

START = "00_start"
WELCOME = """# Attention by writing

Open a chapter below. These are your own copies: read, write the functions, and run
`check`. What you write here is never overwritten.

Run the next cell again (Shift+Enter) to see what you have solved by then."""
PROGRESS = "from autograder import progress\n\nprogress()"
HOWTO = """\
- **Run a cell**: Shift+Enter. Start at the top of a chapter, and leave none out.
- **Write a function** in the place of `raise NotImplementedError`, run its cell, and
  run the cell below it, `check(...)`. It says what is right, what is wrong, and why.
- **Stuck?** `hint(...)` in a new cell goes one step further at each call.
- **Stop for today**: save (Ctrl+S) and close. What you have solved is remembered, and
  later chapters work with it.
- **Something does not end?** The stop button (■) above the page ends it, and you see
  where it was.
- **Something looks odd?** Select a cell that worked, and *Kernel > Restart Kernel and
  Run up to Selected Cell*.
- **Your answer is gone?** What `check` found right is kept, as a file, in the hidden
  folder `work/.solved/`.
- **Validate**, above the page, is for notebooks of a course. Here `check` tells."""


def lay_out(work: Path) -> list[str]:
    """Copy what is missing into `work`; return one line for each file written."""
    work.mkdir(parents=True, exist_ok=True)
    with handed_out_in(work) as handed_out:
        said = []
        for chapter in load_chapters():
            said += _hand_out(chapter, work, handed_out)
        said += _renamed(work)
        _start_page(work, handed_out)
    return said or [f"Your copies in {work.name}/ are up to date."]


def _hand_out(chapter: Chapter, work: Path, handed_out: dict[str, str]) -> list[str]:
    """Copy one chapter, or offer its new version beside the learner's copy."""
    text = nbformat.writes(learner_notebook(chapter)) + "\n"
    mine = work / f"{chapter.name}.ipynb"
    said = offer(text, mine, work / f"{chapter.name}.new.ipynb", handed_out)
    return [said] if said else []


def _renamed(work: Path) -> list[str]:
    """Copies of chapters that have another name, or other parts, by now."""
    return [
        f"{path.name}: {told}; yours stays, and what you solved in it counts"
        for path in sorted(work.glob("[0-9][0-9]_*.ipynb"))
        if (told := workflow.told_became(path.stem))
    ]


# --- the start page -----------------------------------------------------------


def _start_page(work: Path, handed_out: dict[str, str]) -> None:
    """Write the start page, or bring it up to date where nobody has written in it."""
    path = work / f"{START}.ipynb"
    page = _start_notebook(work)
    if is_taken(path):
        mine = None if path.is_symlink() else _notebook(path)
        if mine is None or handed_out.get(START) != digest_of(_sources(mine)):
            return
        if _shown(mine) == _shown(page) and _sources(mine) == _sources(page):
            return
    write_whole(path, nbformat.writes(page) + "\n")
    handed_out[START] = digest_of(_sources(page))


def _start_notebook(work: Path) -> nbformat.NotebookNode:
    with contextlib.chdir(work):
        text, html = workflow_map.progress_map(notebook.solved_names())
    new = nbformat.v4
    shown = new.new_output("display_data", {"text/plain": text, "text/html": html})
    cells = [
        new.new_markdown_cell(WELCOME, id="welcome"),
        new.new_code_cell(PROGRESS, id="progress", outputs=[shown]),
        new.new_markdown_cell(HOWTO, id="howto"),
    ]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return new.new_notebook(cells=cells, metadata={"kernelspec": kernel})


def _notebook(path: Path) -> nbformat.NotebookNode | None:
    try:
        return nbformat.read(path, as_version=4)
    except Exception:  # whatever it is, it is the learner's
        return None


def _sources(page: nbformat.NotebookNode) -> str:
    return json.dumps([[cell.cell_type, cell.source] for cell in page.cells])


def _shown(page: nbformat.NotebookNode) -> list[str]:
    """The text of what the cells show."""
    return [
        output.get("data", {}).get("text/plain", "")
        for cell in page.cells
        for output in cell.get("outputs", [])
    ]
