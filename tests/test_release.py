"""`release CHAPTER`: what a learner gets works anywhere, and gives no answer away."""

import ast
import io
import json
import os
import re
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import nbformat
import numpy as np
import pytest
from classroom import own_lines, small_course, source_of
from nbgrader.api import Gradebook

from autograder.chapters.chapter import ChapterError, learner_notebook, load_chapters
from autograder.chapters.toc import current_stems, steps
from autograder.course.handout.contents import handout_files
from autograder.course.handout.record import RecordingError, key_of, recorded
from autograder.course.handout.release import release
from autograder.course.handout.rules import rules
from autograder.exercises import answer_key as key
from autograder.exercises.declaration import Exercise
from autograder.exercises.registry import discover
from autograder.grading.assignment import CourseError
from autograder.judge.render import as_html, as_text
from autograder.judge.verdict import judge
from autograder.values import wire
from autograder.values.called import call_in_process

CHAPTER = "05_softmax"
SECRET = "5ec7e7" * 8
# Random draws, several results, an optional argument, a class.
KEYED = (
    "softmax",
    "init_parameters",
    "multi_head_attention",
    "layer_norm",
    "MultiHeadAttention",
)


def keyed(name, folder):
    """An exercise as a learner's folder has it: read from its key."""
    exercise = discover()[name]
    file = folder / f"{name}.key"
    file.write_bytes(key_of(exercise, []))
    (folder / f"{name}_rules.py").write_text(rules(exercise), encoding="utf-8")
    return key.load(file)


def stub(*arguments):
    raise NotImplementedError


@pytest.mark.parametrize("name", KEYED)
def test_a_key_gives_the_same_verdicts(name, tmp_path):
    real, known = discover()[name], keyed(name, tmp_path)
    answers = [real.reference, *real.mistakes, *real.equivalents, stub]
    assert [m.__name__ for m in known.mistakes] == [m.__name__ for m in real.mistakes]
    for answer in answers:
        verdicts = [
            judge(exercise, call_in_process(Exercise.driven(real, answer)))
            for exercise in (real, known)
        ]
        assert len({as_text(verdict) for verdict in verdicts}) == 1
        assert len({as_html(verdict) for verdict in verdicts}) == 1
        expected, found = (json.dumps(v.as_json()) for v in verdicts)
        assert found == expected, answer.__name__


def test_a_key_knows_what_a_wrong_answer_is_asked_besides(tmp_path):
    real, known = discover()["tiled_attention"], keyed("tiled_attention", tmp_path)
    softmax = discover()["softmax"].reference
    for bent, words in ((lambda V: V, "the identity"), (np.sin, "V is doubled")):

        def answer(Q, K, V, block, bent=bent):
            return softmax(-Q @ K.T) @ bent(V)

        told = {
            as_text(judge(exercise, call_in_process(answer)))
            for exercise in (real, known)
        }
        assert len(told) == 1 and words in told.pop()


def test_a_key_holds_no_code(tmp_path):
    keyed("softmax", tmp_path)
    data = (tmp_path / "softmax.key").read_bytes()
    for answer in (discover()["softmax"].reference, *discover()["softmax"].mistakes):
        body = ast.parse(source_of(answer)).body[0].body[1:]
        for line in map(ast.unparse, body):
            assert line.encode() not in data
    wire.decode(data, key.LIMIT)  # to the last byte: values, texts and nothing else


def test_a_call_that_a_key_does_not_know(tmp_path):
    softmax = keyed("softmax", tmp_path).reference
    with pytest.raises(
        key.NotKnownHereError, match="softmax that is not kept"
    ) as caught:
        softmax(np.eye(7))
    assert caught.value._render_traceback_() == [str(caught.value)]
    with pytest.raises(key.NotKnownHereError):
        softmax(S=np.eye(7))
    with pytest.raises(key.NotKnownHereError):
        softmax([object()])
    with pytest.raises(TypeError):
        softmax(T=np.eye(7))


def test_another_machine_may_round_otherwise(tmp_path):
    real = discover()["softmax"]
    S = np.random.default_rng(5).standard_normal((3, 4))
    seen = [((S,), {"value": real.reference(S), "after": ()})]
    (tmp_path / "softmax.key").write_bytes(key_of(real, seen))
    (tmp_path / "softmax_rules.py").write_text(rules(real))
    softmax = key.load(tmp_path / "softmax.key").reference
    assert np.array_equal(softmax(S * (1 + 1e-15)), real.reference(S))
    with pytest.raises(key.NotKnownHereError):
        softmax(S * (1 + 1e-9))


def test_a_borrowed_function_comes_without_mistakes_and_hints(tmp_path):
    real = discover()["weighted_sum"]
    (tmp_path / "weighted_sum.key").write_bytes(key_of(real, [], borrowed=True))
    (tmp_path / "weighted_sum_rules.py").write_text(rules(real))
    borrowed = key.load(tmp_path / "weighted_sum.key")
    assert borrowed.mistakes == borrowed.hints == ()
    with pytest.raises(key.NotKnownHereError, match="which a later chapter writes"):
        borrowed.reference(np.eye(7), np.eye(7))


def test_cells_that_do_not_run_are_reported(tmp_path):
    new = nbformat.v4
    meant = new.new_code_cell("1 / 0", metadata={"tags": ["raises-exception"]})
    path = tmp_path / "chapter.ipynb"
    nbformat.write(new.new_notebook(cells=[meant]), str(path))
    assert recorded(path, ["softmax"]) == {}
    nbformat.write(new.new_notebook(cells=[new.new_code_cell("1 / 0")]), str(path))
    with pytest.raises(RecordingError, match=r"chapter\.ipynb(.|\n)*ZeroDivision"):
        recorded(path, ["softmax"])


# --- the zip ------------------------------------------------------------------


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    folder = small_course(tmp_path_factory.mktemp("release") / "course", [CHAPTER])
    (folder / ".grading_secret").write_text(SECRET)
    return folder


@pytest.fixture(scope="module")
def handout(course, tmp_path_factory):
    """What a learner unpacks."""
    release(course, CHAPTER)
    folder = tmp_path_factory.mktemp("learner")
    with zipfile.ZipFile(course / "handout" / f"{CHAPTER}.zip") as archive:
        archive.extractall(folder)
    return folder / CHAPTER


def texts(folder):
    """What stands in every file, by its place: text, or the values of a key."""
    found = {}
    for path in folder.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            is_key = path.suffix == ".key"
            text = repr(wire.decode(data, key.LIMIT)) if is_key else data.decode()
            found[path.relative_to(folder).as_posix()] = text
    return found


CHAPTERS = [chapter for chapter in load_chapters() if chapter.exercises()]


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.name)
def test_no_chapter_gives_its_answers_away(chapter, tmp_path, monkeypatch):
    """Every file around the notebook; what its cells ask of the keys is left out."""
    monkeypatch.setattr("autograder.course.handout.contents.recorded", lambda *_: {})
    path = tmp_path / f"{chapter.name}.ipynb"
    nbformat.write(learner_notebook(chapter), str(path))
    for place, data in handout_files(path, chapter.name).items():
        target = tmp_path / place
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    assert_nothing_given_away(tmp_path, chapter)


def assert_nothing_given_away(folder, chapter):
    """No line of a reference, no wrong or right function of the declaration."""
    found = texts(folder)
    defined = {
        path: set(re.findall(r"(?:def|class) (\w+)", found[path])) for path in found
    }
    # What earlier chapters asked for is there on purpose.
    earlier = [
        e for step in steps() if step.chapter < chapter.name for e in step.exercises
    ]
    known = {line for name in earlier for line in own_lines(discover()[name])}
    for exercise in chapter.exercises().values():
        assert f"solutions/{exercise.name}.key" in found
        lines = [line for line in own_lines(exercise) if line not in known]
        functions = {f.__name__ for f in (*exercise.mistakes, *exercise.equivalents)}
        for path, text in found.items():
            given_away = [line for line in lines if line in text]
            assert not given_away, f"{path}: {given_away}"
            assert not functions & defined[path], f"{path}: {functions & defined[path]}"


def test_nothing_is_in_it_that_must_not_be(course, handout):
    (chapter,) = load_chapters([CHAPTER])
    assert_nothing_given_away(handout, chapter)
    found = texts(handout)
    notebook = found[f"{CHAPTER}.ipynb"]
    assert "raise NotImplementedError" in notebook and "SOLUTION" not in notebook
    private = (str(Path.home()), sys.prefix, str(course), SECRET, "gradebook")
    for path, text in found.items():
        assert not [word for word in private if word in text], path
    written = " ".join(found)
    for unwanted in ("sandbox", "grading", "course", "chapters/chapter"):
        assert f"autograder/{unwanted}" not in written


def test_it_holds_no_scene_of_another_chapter(handout):
    scenes = {path.stem for path in (handout / "book" / "animations").glob("*.py")}
    assert scenes == {
        "__init__",
        "clip",
        "painter",
        "scene",
        "softmax",
        "stage",
        "take",
    }
    solutions = {path.name for path in (handout / "solutions").iterdir()}
    assert solutions == {
        *("__init__.py", "scores.py", "scaling.py"),  # chapters 3 and 4
        *("softmax.key", "softmax_rules.py"),
    }


def test_the_same_bytes_every_time_and_an_instructors_own_files(course, handout):
    file = course / "handout" / f"{CHAPTER}.zip"
    before = zipfile.ZipFile(io.BytesIO(file.read_bytes()))
    (course / "source" / CHAPTER / "data.csv").write_text("a,b\n1,2\n")
    said = release(course, CHAPTER)
    assert str(file) in said[-1] and "KiB" in said[-1]
    assert not list((course / "release").rglob("*.zip")), "the exchange would copy it"
    after = zipfile.ZipFile(file)
    new = set(after.namelist()) - set(before.namelist())
    assert new == {f"{CHAPTER}/data.csv"}
    for entry in before.infolist():
        again = after.getinfo(entry.filename)
        assert entry.filename.startswith(f"{CHAPTER}/")
        assert (entry.CRC, entry.date_time) == (again.CRC, again.date_time)


def test_a_graded_cell_that_came_after_a_hand_in_is_named(course, tmp_path):
    own = Path(shutil.copytree(course, tmp_path / "course"))
    with Gradebook(f"sqlite:///{own / 'gradebook.db'}", "attention") as gradebook:
        gradebook.add_student("ada")
        gradebook.add_submission(CHAPTER, "ada")
    source = own / "source" / CHAPTER / f"{CHAPTER}.ipynb"
    notebook = nbformat.read(str(source), as_version=4)
    cell = nbformat.v4.new_markdown_cell("Why?")
    about = {"grade_id": "why", "grade": True, "solution": True, "points": 1}
    cell.metadata["nbgrader"] = about | {"schema_version": 3, "locked": False}
    notebook.cells.append(cell)
    nbformat.write(notebook, str(source))
    with pytest.raises(CourseError, match=r"why came or went, and 1 have handed in"):
        release(own, CHAPTER)


def test_what_can_go_wrong_is_said(course, tmp_path):
    with pytest.raises(CourseError, match="autograder course"):
        release(tmp_path, CHAPTER)
    with pytest.raises(ChapterError, match="there is no chapter 99"):
        release(course, "99_nothing")
    last = current_stems()["comparison"]
    with pytest.raises(CourseError, match=f"generate_assignment {last} failed"):
        release(course, last)  # no exercises, so no assignment
    broken = tmp_path / "course"
    shutil.copytree(course, broken)
    path = broken / "source" / CHAPTER / f"{CHAPTER}.ipynb"
    path.write_text("no notebook")
    with pytest.raises(CourseError, match=r"failed:\n(.|\n)*JSON"):
        release(broken, CHAPTER)


# --- in a fresh environment, as a learner -------------------------------------

WRONG = """import numpy as np

def softmax(S):
    E = np.exp(S - S.max())
    return E / E.sum()
"""
RIGHT = """import numpy as np

def softmax(S):
    E = np.exp(S - S.max(axis=-1, keepdims=True))
    return E / E.sum(axis=-1, keepdims=True)
"""


@pytest.fixture(scope="module")
def python(handout, tmp_path_factory):
    """A fresh Python with what the handout's own requirements name.

    But for JupyterLab and PyTorch: the kernel alone runs the cells, and the two cells
    that compare with PyTorch are left out.
    """
    folder = tmp_path_factory.mktemp("fresh") / ".venv"
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    wanted = (handout / "requirements.txt").read_text().split()
    wanted = [w for w in wanted if not re.match("torch|jupyterlab", w)]
    install = [str(python), "-m", "pip", "install", "-qq", "--no-compile", *wanted]
    constraints = Path(__file__).parent.parent / "constraints.txt"
    subprocess.run([*install, "nbclient", "ipykernel", "-c", constraints], check=True)
    return python


def run(python, handout, source):
    """The outputs of the learner's notebook, by what the cell says."""
    file = handout / f"{CHAPTER}.ipynb"
    notebook = nbformat.read(str(file), as_version=4)
    notebook.cells = [c for c in notebook.cells if "import torch" not in c.source]
    for cell in notebook.cells:
        if source and cell.source.startswith("def softmax"):
            cell.source = source
    mine = handout / "mine.ipynb"
    nbformat.write(notebook, str(mine))
    code = (
        "import nbformat, nbclient\n"
        "notebook = nbformat.read('mine.ipynb', 4)\n"
        "nbclient.NotebookClient(notebook, timeout=300).execute()\n"
        "nbformat.write(notebook, 'mine.ipynb')\n"
    )
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    done = subprocess.run(
        [str(python), "-c", code],
        cwd=handout,
        env=kept,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    cells = nbformat.read(str(mine), as_version=4).cells
    return {cell.source.split("\n")[-1]: str(cell.get("outputs")) for cell in cells}


def test_a_learner_works_in_it(python, handout):
    unwritten = run(python, handout, None)
    assert "The reference plays" in unwritten["play_softmax(softmax)"]
    assert "not written yet" in unwritten["check(softmax)"]
    assert "You are here: Softmax" in unwritten['here("05_softmax")']

    wrong = run(python, handout, WRONG)
    assert "over the whole matrix" in wrong["check(softmax)"]
    assert "yours A, shape" in wrong["check(softmax)"]
    assert "Your softmax plays" in wrong["play_softmax(softmax)"]
    assert not (handout / ".solved").exists()

    right = run(python, handout, RIGHT)
    assert "softmax: right, 4 of 4 points" in right["check(softmax)"]
    assert "application/json" in right["play_softmax(softmax)"]
    assert (handout / ".solved" / "softmax.py").is_file()
    for outputs in (unwritten, wrong, right):
        assert all("'error'" not in found for found in outputs.values())


def test_the_fresh_python_sees_nothing_of_the_project(python):
    code = "import importlib.util as u; print(u.find_spec('autograder'))"
    found = subprocess.run(
        [python, "-c", code], cwd="/", capture_output=True, text=True
    )
    assert found.stdout.strip() == "None"
