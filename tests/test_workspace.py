"""A learner's folder through everything that happens to it: nothing is ever lost."""

import os
import shutil
import subprocess
import sys

import nbformat
import pytest

from autograder.chapters import workflow_map
from autograder.chapters.chapter import load_chapters
from autograder.notebook import workspace
from autograder.notebook.workspace import lay_out

START = "00_start.ipynb"


@pytest.fixture
def work(tmp_path, monkeypatch):
    """A folder with every chapter laid out. Two chapters are enough here."""
    chapters = load_chapters(["03_scores", "05_softmax"])
    monkeypatch.setattr(workspace, "load_chapters", lambda: chapters)
    lay_out(tmp_path / "work")
    return tmp_path / "work"


def contents(folder):
    """Every file with its bytes, but for the ledger."""
    return {
        path.name: path.read_bytes()
        for path in folder.iterdir()
        if path.is_file() and path.name != ".handed_out.json"
    }


def upgrade(monkeypatch, name="05_softmax", text="# Softmax, second edition"):
    """A new edition of the book: one chapter has changed."""
    chapters = load_chapters(["03_scores", "05_softmax"])
    for chapter in chapters:
        if chapter.name == name:
            chapter.notebook.cells[0].source = text
    monkeypatch.setattr(workspace, "load_chapters", lambda: chapters)


def edit(path, source="my own line"):
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[-1].source = source
    nbformat.write(notebook, path)
    return path.read_bytes()


def solve(work, name):
    (work / ".solved").mkdir(exist_ok=True)
    (work / ".solved" / f"{name}.py").write_text("kept")


def test_the_first_time_everything_is_there(work):
    assert set(contents(work)) == {START, "03_scores.ipynb", "05_softmax.ipynb"}
    assert lay_out(work) == ["Your copies in work/ are up to date."]


def test_a_learners_work_stays_when_nothing_has_changed(work):
    mine = edit(work / "05_softmax.ipynb")
    before = contents(work)
    assert lay_out(work) == ["Your copies in work/ are up to date."]
    assert contents(work) == before
    assert (work / "05_softmax.ipynb").read_bytes() == mine


def test_a_changed_chapter_is_offered_beside_and_never_over(work, monkeypatch):
    mine = edit(work / "05_softmax.ipynb")
    upgrade(monkeypatch)
    said = lay_out(work)
    assert said == ["05_softmax.new.ipynb: the chapter has changed; yours is untouched"]
    assert (work / "05_softmax.ipynb").read_bytes() == mine
    assert b"second edition" in (work / "05_softmax.new.ipynb").read_bytes()
    # The new one is the learner's too, from now on.
    theirs = edit(work / "05_softmax.new.ipynb", "written in the new one")
    upgrade(monkeypatch, text="# Softmax, third edition")
    assert "is there already and stays" in lay_out(work)[0]
    assert (work / "05_softmax.new.ipynb").read_bytes() == theirs
    (work / "05_softmax.new.ipynb").unlink()
    assert "the chapter has changed" in lay_out(work)[0]
    assert b"third edition" in (work / "05_softmax.new.ipynb").read_bytes()


def test_a_chapter_that_left_the_book_stays_with_the_learner(work, monkeypatch):
    mine = edit(work / "05_softmax.ipynb")
    only = load_chapters(["03_scores"])
    monkeypatch.setattr(workspace, "load_chapters", lambda: only)
    lay_out(work)
    assert (work / "05_softmax.ipynb").read_bytes() == mine


def test_a_chapter_that_was_split_stays_and_is_told_of(work, capsys):
    old = work / "08_parameters.ipynb"
    shutil.copy(work / "05_softmax.ipynb", old)
    mine = edit(old)
    told = "08_parameters.ipynb: 08_parameters is now 08_stacking and 13_initialisation"
    assert any(line.startswith(told) for line in lay_out(work))
    assert old.read_bytes() == mine
    workflow_map.here("08_parameters")  # its first cell says it, too, and does not fail
    assert "08_parameters is now 08_stacking and" in capsys.readouterr().out


def test_a_deleted_copy_is_handed_out_again(work):
    """To start a chapter over, delete it."""
    (work / "05_softmax.ipynb").unlink()
    assert lay_out(work) == ["05_softmax.ipynb: new"]


def test_a_renamed_copy_is_left_alone(work):
    (work / "05_softmax.ipynb").rename(work / "mine.ipynb")
    mine = edit(work / "mine.ipynb")
    assert lay_out(work) == ["05_softmax.ipynb: new"]
    assert (work / "mine.ipynb").read_bytes() == mine


@pytest.mark.parametrize("ledger", ["", "{", "[1, 2]", '"text"', None, b"\xff\xfe"])
def test_a_broken_ledger_overwrites_nothing(work, ledger):
    mine = edit(work / "05_softmax.ipynb")
    path = work / ".handed_out.json"
    path.unlink()
    if ledger is not None:
        path.write_bytes(ledger if isinstance(ledger, bytes) else ledger.encode())
    said = lay_out(work)
    # What was never touched is known; what was edited is offered beside, once.
    assert said == ["05_softmax.new.ipynb: the chapter has changed; yours is untouched"]
    assert (work / "05_softmax.ipynb").read_bytes() == mine
    assert lay_out(work) == ["Your copies in work/ are up to date."]


def test_links_are_neither_followed_nor_replaced(work, tmp_path, monkeypatch):
    elsewhere = tmp_path / "elsewhere.ipynb"
    (work / "05_softmax.ipynb").rename(elsewhere)
    (work / "05_softmax.ipynb").symlink_to(elsewhere)
    (work / "03_scores.ipynb").unlink()
    (work / "03_scores.ipynb").symlink_to(tmp_path / "not mounted")
    (work / "05_softmax.new.ipynb").symlink_to(tmp_path / "nowhere")
    mine = edit(elsewhere)
    upgrade(monkeypatch)
    assert "is there already and stays" in lay_out(work)[0]
    assert elsewhere.read_bytes() == mine
    assert (work / "05_softmax.ipynb").is_symlink()
    assert not (tmp_path / "not mounted").exists()
    assert not (tmp_path / "nowhere").exists()


def test_files_that_may_not_be_written_are_not(work, monkeypatch):
    mine = work / "05_softmax.ipynb"
    mine.chmod(0o444)
    before = mine.read_bytes()
    upgrade(monkeypatch)
    lay_out(work)
    assert mine.read_bytes() == before
    assert (work / "05_softmax.new.ipynb").is_file()


def test_an_interrupted_write_leaves_no_half_chapter(work, monkeypatch):
    (work / "05_softmax.ipynb").unlink()

    def broken(self, target):
        raise OSError("the disk is full")

    monkeypatch.setattr(type(work), "replace", broken)
    with pytest.raises(OSError, match="full"):
        lay_out(work)
    assert not (work / "05_softmax.ipynb").exists()
    monkeypatch.undo()


def test_a_file_in_the_way_is_named(tmp_path):
    (tmp_path / "work").write_text("not a folder")
    with pytest.raises(OSError, match="work"):
        lay_out(tmp_path / "work")
    assert (tmp_path / "work").read_text() == "not a folder"


# The start page.


def test_the_start_page_lists_chapters_and_shows_what_is_solved(work):
    page = nbformat.read(work / START, as_version=4)
    nbformat.validate(page)
    shown = page.cells[1].outputs[0]["data"]
    assert 'href="05_softmax.ipynb"' in shown["text/html"]
    assert "Solved: 0 of" in shown["text/plain"]
    solve(work, "softmax")
    lay_out(work)
    shown = nbformat.read(work / START, as_version=4).cells[1].outputs[0]["data"]
    assert "softmax ✓" in shown["text/plain"]
    assert 'aria-label="solved"' in shown["text/html"]


def test_a_start_page_that_is_still_right_is_not_touched(work):
    before = (work / START).stat().st_mtime_ns
    lay_out(work)
    assert (work / START).stat().st_mtime_ns == before


@pytest.mark.parametrize("text", [None, "", "not a notebook", '{"cells": 3}'])
def test_a_start_page_with_notes_is_the_learners(work, text):
    if text is None:
        mine = edit(work / START)
    else:
        (work / START).write_text(text)
        mine = text.encode()
    solve(work, "softmax")
    lay_out(work)
    assert (work / START).read_bytes() == mine


def test_a_start_page_of_which_only_cells_were_run_is_renewed(work):
    page = nbformat.read(work / START, as_version=4)
    page.cells[1].execution_count = 7
    page.metadata["language_info"] = {"name": "python"}  # as JupyterLab saves it
    nbformat.write(page, work / START)
    solve(work, "softmax")
    lay_out(work)
    assert "softmax ✓" in (work / START).read_text(encoding="utf-8")


def test_the_page_shows_what_its_cell_will_show(work):
    """The stored picture and the one that `progress()` draws are the same."""
    solve(work, "scores")
    lay_out(work)
    page = nbformat.read(work / START, as_version=4)
    done = subprocess.run(
        [sys.executable, "-c", page.cells[1].source],
        cwd=work,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONIOENCODING": "utf-8"},
        check=True,
    )
    assert done.stdout.strip() == page.cells[1].outputs[0]["data"]["text/plain"]
