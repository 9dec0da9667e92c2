"""The law: nbgrader gives back the chapter, cell by cell. And the stubs are in step."""

import inspect

import nbformat
import pytest
from classroom import nbgrader, own_lines

from autograder.chapters import chapter as chapters
from autograder.chapters.chapter import (
    ChapterError,
    learner_notebook,
    load_chapters,
    source_notebook,
    sync,
)
from autograder.course.setup import make_course
from autograder.exercises.registry import discover

CHAPTERS = [chapter for chapter in load_chapters() if chapter.exercises()]


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    folder = tmp_path_factory.mktemp("law") / "course"
    make_course(folder)
    done = nbgrader(folder, "generate_assignment", "*")  # all, started once
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.name)
def test_nbgrader_gives_back_the_chapter(course, chapter):
    path = course / "release" / chapter.name / f"{chapter.name}.ipynb"
    released = cells(nbformat.read(str(path), as_version=4))
    assert released == cells(learner_notebook(chapter))
    own = cells(chapter.notebook)
    assert [c for c in released if c[0] == "code"] == [c for c in own if c[0] == "code"]


def cells(notebook):
    return [(cell.cell_type, cell.source) for cell in notebook.cells]


def test_every_chapter_has_points_for_every_exercise():
    for chapter in CHAPTERS:
        points = {
            cell.metadata.nbgrader.grade_id: cell.metadata.nbgrader.points
            for cell in source_notebook(chapter).cells
            if cell.metadata.get("nbgrader", {}).get("grade")
        }
        assert points == {e.name: e.points for e in chapter.exercises().values()}


def test_stubs_are_in_step():
    assert sync(write=False) == []


def test_a_changed_docstring_is_noticed(tmp_path, monkeypatch):
    chapter = next(c for c in CHAPTERS if "softmax" in c.path.stem)
    changed = chapter.path.read_text(encoding="utf-8").replace(
        inspect.getdoc(discover()["softmax"].reference).splitlines()[0], "Something."
    )
    copy = tmp_path / chapter.path.name
    copy.write_text(changed, encoding="utf-8")
    others = [c for c in CHAPTERS if c is not chapter]
    monkeypatch.setattr(
        chapters, "load_chapters", lambda: [*others, chapters._load(copy)]
    )
    assert sync(write=False) == [copy]
    assert copy.read_text(encoding="utf-8") == changed
    assert sync() == [copy]
    assert copy.read_text(encoding="utf-8") == chapter.path.read_text(encoding="utf-8")
    assert sync() == []


def test_a_check_that_is_missing_is_named(tmp_path):
    chapter = CHAPTERS[0]
    text = chapter.path.read_text(encoding="utf-8")
    name = next(iter(chapter.checks().values())).name
    copy = tmp_path / chapter.path.name
    copy.write_text(text.replace(f"check({name})\n", "pass\n", 1), encoding="utf-8")
    with pytest.raises(ChapterError, match=rf"{copy.name}: {name} needs both"):
        source_notebook(chapters._load(copy))


def test_no_solution_in_learners_notebooks():
    marks = (chapters.BEGIN, chapters.END)
    for chapter in CHAPTERS:
        text = nbformat.writes(chapters.learner_notebook(chapter))
        assert not any(mark in text for mark in marks)
        for exercise in chapter.exercises().values():
            for line in own_lines(exercise):
                assert line not in text, f"{chapter.name} gives away: {line}"


def test_what_is_composed_of_a_chapter_that_is_gone_is_taken_away(
    tmp_path, monkeypatch
):
    [chapter] = load_chapters(["05_softmax"])
    monkeypatch.setattr(chapters, "load_chapters", lambda only: [chapter])
    for kind in ("learner", "source"):
        (tmp_path / kind).mkdir()
        (tmp_path / kind / "08_renamed.ipynb").write_text("from an earlier build")
    assert chapters.build_notebooks(["05_softmax"], tmp_path) == 1
    assert len(list(tmp_path.glob("*/*.ipynb"))) == 4  # the others are still there
    chapters.build_notebooks([], tmp_path)
    assert {file.name for file in tmp_path.glob("*/*")} == {"05_softmax.ipynb"}
