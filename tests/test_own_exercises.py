"""An instructor's own exercise, in the course folder: from declaration to score."""

import json
import sys

import nbformat
import pytest
from classroom import autograder, hand_in, make_class, nbgrader
from own_exercise import CHAPTER, DECLARATION, at_home, declare

from autograder.__main__ import main
from autograder.chapters.chapter import load_chapters
from autograder.exercises.registry import discover, own_sources, take_in


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """One file, two cells, one command; then the course as always."""
    course = tmp_path_factory.mktemp("own") / "course"
    declare(course)
    done = autograder("sync", "--course", course)
    assert done.returncode == 0 and f"{CHAPTER}.md: written" in done.stdout, done
    done = autograder("course", course)
    assert done.returncode == 0, done.stderr
    done = nbgrader(course, "generate_assignment", CHAPTER)
    assert done.returncode == 0, done.stderr
    return course


def test_the_stub_is_written_and_stays_in_step(course):
    text = (course / "chapters" / f"{CHAPTER}.md").read_text(encoding="utf-8")
    assert "def soften(S, temperature):" in text
    assert "raise NotImplementedError" in text and "S / temperature" not in text
    assert autograder("sync", "--check", "--course", course).returncode == 0


def test_a_class_is_graded_by_both_commands(course):
    """In processes that never saw the course folder, and in nbgrader's own."""
    release = course / "release" / CHAPTER / f"{CHAPTER}.ipynb"
    submissions = _class(nbformat.read(str(release), as_version=4), course)
    hand_in(submissions, course, CHAPTER)
    done = autograder("grade", CHAPTER, "--course", course, "--jobs", 2)
    assert done.returncode == 0, done.stderr
    found = {s.student: _record(course, s.student) for s in submissions}
    for submission in submissions:
        [verdict] = found[submission.student]["verdicts"]
        wanted = (submission.scores or {"soften": 0})["soften"]
        assert verdict["score"] == wanted, submission.student
        assert verdict["mistake"] == submission.mistake, submission.student
    graded = course / "autograded" / "soften-multiplied" / CHAPTER / f"{CHAPTER}.ipynb"
    ours = _outputs(graded)
    done = nbgrader(
        course, "autograde", CHAPTER, "--student=soften-multiplied", "--force"
    )
    assert done.returncode == 0, done.stderr
    assert _outputs(graded) == ours


def test_a_file_is_judged(course, tmp_path):
    answer = tmp_path / "answer.py"
    answer.write_text("def soften(S, temperature):\n    return S * temperature\n")
    done = autograder("judge", answer, "--json", "--course", course)
    assert done.returncode == 1, done.stderr
    assert json.loads(done.stdout)["verdicts"][0]["mistake"] == "multiplied"


def test_a_name_that_the_book_has_is_refused(course, tmp_path):
    other = tmp_path / "other"
    (other / "exercises").mkdir(parents=True)
    text = DECLARATION.replace("def soften(", "def scale(").replace("=soften", "=scale")
    (other / "exercises" / "again.py").write_text(text)
    done = autograder("sync", "--check", "--course", other)
    assert done.returncode == 2
    assert "scale is declared twice" in done.stderr and "again.py" in done.stderr


# What a newcomer gets wrong: (file, what stands there, what stands there instead, and
# what is said of it).
D, C = "exercises/temperature.py", f"chapters/{CHAPTER}.md"
SLIPS = {
    "no check": (C, "check(soften)", "", f"{CHAPTER}.md: soften needs both a cell"),
    "no cell": (C, "def soften", "def so", f"{CHAPTER}.md: soften needs both a cell"),
    "no cells": (C, "soften", "sober", f"{CHAPTER}.md: check(sober), and no exercise"),
    "misspelt": (C, "(soften)", "(softn)", "check(softn), and no exercise has this"),
    "no import": (C, "import check, here", "import here", "a learner needs check for"),
    "no softmax": (D, "S / temperature", "softmax(S)", "needs softmax for soften"),
    "crashes": (D, "return S /", "return s /", "temperature.py: soften: the reference"),
    "one mistake": (D, "(multiplied, softened_twice)", "(multiplied)", "needs a comma"),
    "one hint": (D, "points=3", 'hints=("Divide.")', "py: soften: hints= must be a"),
    "no tuple": (D, ", float(rng.uniform(2, 3))", "", "its case some_scores must"),
    "no points": (D, "points=3", "points=0", "py: soften: points= must be positive"),
    "no shapes": (D, "    S (n, m), temperature -> S (n, m)", "", "soften: line 2 of"),
}


@pytest.mark.parametrize("slip", SLIPS)
def test_a_slip_is_told_with_its_file_and_its_remedy(slip, tmp_path, capsys):
    declare(tmp_path)
    file, right, wrong, said = SLIPS[slip]
    text = (tmp_path / file).read_text(encoding="utf-8")
    assert right in text
    (tmp_path / file).write_text(text.replace(right, wrong), encoding="utf-8")
    assert said in _refused(tmp_path, capsys)


def test_a_file_in_the_wrong_place_is_told(tmp_path, capsys):
    declare(tmp_path)
    page = tmp_path / "chapters" / f"{CHAPTER}.md"
    page.rename(page.with_name("temperature.md"))
    said = _refused(tmp_path, capsys)
    assert "temperature.py: no chapter asks for soften" in said
    assert "chapters/NN_noun.md" in said
    (tmp_path / "exercises").rename(tmp_path / "exercise")
    (tmp_path / "chapters").rename(tmp_path / "chapter")
    assert "no exercises/ and no chapters/" in _refused(tmp_path, capsys)


def _refused(course, capsys):
    """What `sync` says of a course that it refuses."""
    sys.modules.pop("solutions.temperature", None)  # of another course
    with at_home(course):
        assert main(["sync", "--check", "--course", str(course)]) == 2
    sys.modules.pop("solutions.temperature", None)
    return capsys.readouterr().err


def test_other_processes_are_sent_the_exercises(course):
    """As on a cluster, where nobody has the course folder."""
    with at_home(course):
        sent = own_sources()
    assert list(sent) == ["temperature.py"] and "soften" not in discover()
    with at_home(course.parent):  # which has no exercises
        take_in(sent)
        assert discover()["soften"].points == 3
        take_in({"temperature.py": sent["temperature.py"].replace("=3", "=5")})
        assert discover()["soften"].points == 5


def _class(release, course):
    """The class is made here, in a process that knows the exercise for a while."""
    with at_home(course):
        return make_class(load_chapters([CHAPTER])[0], release)


def _record(course, student):
    path = course / ".graded" / CHAPTER / f"{student}.json"
    return json.loads(path.read_text(encoding="utf-8"))


def _outputs(path):
    notebook = nbformat.read(str(path), as_version=4)
    return [
        [output.get("data") for output in cell.outputs]
        for cell in notebook.cells
        if cell.metadata.get("nbgrader", {}).get("grade")
    ]
