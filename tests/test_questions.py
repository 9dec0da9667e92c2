"""A question that a person grades, beside the exercises that the judge grades."""

import sys

import nbformat
import pytest
from classroom import autograder, nbgrader, small_course
from nbgrader.api import Gradebook

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="graded runs need Linux"
)
CHAPTER = "03_scores"
ASKED = "In your own words: what is a score?"
ANSWERS = {
    "ada": "How well a query and a key *match*. <script>alert(1)</script>",
    "ben": "",  # left as it was handed out
    "eve": None,  # deleted
}


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A question is put in as nbgrader's Create Assignment does, and three hand in."""
    course = small_course(tmp_path_factory.mktemp("questions") / "course", [CHAPTER])
    source = course / "source" / CHAPTER / f"{CHAPTER}.ipynb"
    notebook = nbformat.read(source, 4)
    question = nbformat.v4.new_markdown_cell(ASKED)
    question.metadata["nbgrader"] = {
        "grade": True,
        "solution": True,
        "locked": False,
        "task": False,
        "grade_id": "in_words",
        "points": 3,
        "schema_version": 3,
        "cell_type": "markdown",
    }
    notebook.cells.insert(3, question)
    nbformat.write(notebook, source)
    done = nbgrader(course, "generate_assignment", CHAPTER, "--force")
    assert done.returncode == 0, done.stderr
    release = course / "release" / CHAPTER / f"{CHAPTER}.ipynb"
    for student, answer in ANSWERS.items():
        notebook = nbformat.read(release, 4)
        if answer is None:
            del notebook.cells[3]
        else:
            notebook.cells[3].source = answer or notebook.cells[3].source
        path = course / "submitted" / student / CHAPTER / f"{CHAPTER}.ipynb"
        path.parent.mkdir(parents=True)
        nbformat.write(notebook, path)
    return course


def rows(course):
    """Student -> (automatic, by hand, whether a person has to look)."""
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}", "attention") as gradebook:
        found = {s: _grade(gradebook, s) for s in ANSWERS}
        return {
            student: (g.auto_score, g.manual_score, g.needs_manual_grade)
            for student, g in found.items()
        }


def _grade(gradebook, student):
    return gradebook.find_grade("in_words", CHAPTER, CHAPTER, student)


def test_a_question_waits_for_a_person(course):
    done = autograder("grade", CHAPTER, "--course", course)
    assert done.returncode == 0, done.stderr
    ours = rows(course)
    assert ours == {
        "ada": (None, None, True),
        "ben": (0.0, None, False),
        "eve": (0.0, None, False),
    }
    path = course / "autograded" / "ada" / CHAPTER / f"{CHAPTER}.ipynb"
    [cell] = [c for c in nbformat.read(path, 4).cells if "*match*" in c.source]
    assert cell.source == f"```text\n{ANSWERS['ada']}\n```"  # nothing of it is live
    done = nbgrader(course, "autograde", CHAPTER, "--force")
    assert done.returncode == 0, done.stderr
    assert rows(course)["ada"] == ours["ada"]


def test_what_a_person_gave_is_in_the_feedback(course):
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}", "attention") as gradebook:
        _grade(gradebook, "ada").manual_score = 2.5
        gradebook.db.commit()
    done = nbgrader(course, "generate_feedback", CHAPTER, "--force")
    assert done.returncode == 0, done.stderr
    pages = course / "feedback"
    page = (pages / "ada" / CHAPTER / f"{CHAPTER}.html").read_text(encoding="utf-8")
    assert "graded by hand" in page and "2.5 of 3 points" in page
    assert "*match*. &lt;script&gt;" in page
    done = autograder("report", CHAPTER, "--course", course)
    assert done.returncode == 0, done.stderr
