"""An instructor's own exercise, in the course folder: from declaration to score."""

import json
import subprocess
import sys
from contextlib import contextmanager

import nbformat
import pytest
from classroom import hand_in, make_class, nbgrader

import solutions
from autograder import workflow
from autograder.chapters import load_chapters
from autograder.exercise import discover, own_sources, take_in

CHAPTER = "21_temperature"
DECLARATION = '''"""How sure should a model be? A temperature says it."""

from autograder.exercise import Exercise, different_sizes
from solutions.softmax import softmax


def soften(S, temperature):
    """Divide the scores by a temperature: the higher, the more even the weights.

    S (n, m), temperature -> S (n, m)
    """
    return S / temperature


def multiplied(S, temperature):
    """The scores are multiplied: a high temperature makes the model surer. Divide."""
    return S * temperature


def softened_twice(S, temperature):
    """The temperature is applied twice. Once is enough."""
    return S / temperature**2


def some_scores(rng):
    n, m = different_sizes(rng, 2)
    return softmax(rng.standard_normal((n, m))), float(rng.uniform(2, 3))


exercise = Exercise(
    reference=soften,
    inputs=(some_scores,),
    mistakes=(multiplied, softened_twice),
    points=3,
)
'''
PAGE = """---
kernelspec:
  display_name: Python 3
  language: python
  name: python3
---

# Temperature

```{code-cell} ipython3
from autograder import check, here

here("21_temperature")
```

```{code-cell} ipython3
def soften():
    "any body, for now"
```

```{code-cell} ipython3
check(soften)
```
"""


def autograder(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "autograder", *map(str, arguments)],
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """One file, two cells, one command; then the course as always."""
    course = tmp_path_factory.mktemp("own") / "course"
    for name, text in (
        ("exercises/temperature.py", DECLARATION),
        (f"chapters/{CHAPTER}.md", PAGE),
    ):
        (course / name).parent.mkdir(parents=True)
        (course / name).write_text(text, encoding="utf-8")
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


@contextmanager
def at_home(course):
    """Know the course's own exercises for a while, as its commands do."""
    folders, homes = list(solutions.__path__), list(workflow._homes)
    workflow.add_home(course)
    try:
        yield
    finally:
        solutions.__path__[:], workflow._homes[:] = folders, homes
        discover.cache_clear()
        workflow.steps.cache_clear()


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
