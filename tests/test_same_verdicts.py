"""Notebooks as people hand them in, graded by `grade`, by nbgrader's autograde with our
configuration, and by stock nbgrader: what is right here is right there.
"""

import json
import os
import subprocess
import sys

import nbformat
import pytest
from classroom import hand_in_at, nbgrader, release, small_course
from nbgrader.api import Gradebook
from nbgrader.apps import NbGraderAPI

from autograder.course.bench import STOCK
from autograder.course.grade import grade_chapter
from autograder.course.gradebook import load_course
from autograder.grading.assignment import Options
from autograder.grading.warm import stop_engines

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="graded runs need Linux"
)

CHAPTER = "05_softmax"
RIGHT = """def softmax(S):
    E = np.exp(S - S.max(axis=-1, keepdims=True))
    return E / E.sum(axis=-1, keepdims=True)
"""
PROMPTS = "\n".join(
    f"{'...' if line.startswith(' ') else '>>>'} {line}"
    for line in RIGHT.strip().splitlines()
)
# student: (the answer, a cell further down); all right in the learner's own notebook
RIGHT_ONES = {
    "plain": (RIGHT, ""),
    "del": (RIGHT, "del softmax"),
    "torch": (RIGHT, "from torch.nn.functional import softmax"),
    "shadow": (RIGHT, "np = 5"),
    "percent": ("%%time\n" + RIGHT.replace("    E", "    '%d' % 3\n    E", 1), ""),
    "question": ("%%time\n" + RIGHT.replace(":\n", ':\n    """Why?\n    """\n', 1), ""),
    "pip": (f"!true \\\n    numpy\n{RIGHT}", ""),
    "prompts": (PROMPTS, ""),
}
BY_STOCK = ("del", "shadow", "question", "pip")  # the others, too; each takes seconds
# Those that stock nbgrader gives no points, or no grade at all.
OURS_ALONE = {
    "colab": (f"from google.colab import drive\ndrive.mount('/c')\n{RIGHT}", ""),
    "input": (f"n = int(input())\n{RIGHT}", ""),
}
WRONG_ONES = {
    "wrong": (RIGHT.replace("-1", "0"), ""),
    "compared": (RIGHT.replace("-1", "0"), RIGHT),
    "newer": (RIGHT.replace("    E", "    type T = int\n    E", 1), ""),
}


def notebook(made, answer, below):
    made = nbformat.from_dict(json.loads(json.dumps(made)))
    made.cells = [
        cell
        for cell in made.cells
        if "nbgrader" in cell.metadata or "import numpy" in cell.source
    ]
    for cell in made.cells:
        if cell.metadata.get("nbgrader", {}).get("grade_id") == "softmax_answer":
            cell.source = answer
    if below:
        made.cells.append(nbformat.v4.new_code_cell(below))
    return nbformat.writes(made)


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    folder = small_course(tmp_path_factory.mktemp("same") / "course", [CHAPTER])
    with open(folder / "nbgrader_config.py", "a", encoding="utf-8") as config:
        config.write("c.Judge.allow_unsafe = True\n")
    made = release(folder, CHAPTER)
    for student, cells in (RIGHT_ONES | OURS_ALONE | WRONG_ONES).items():
        text = notebook(made, *cells)
        hand_in_at(folder, CHAPTER, student, text, "2026-01-02 03:04:05")
    return folder


def found(folder):
    """Scores by student; and what the judge said."""
    with Gradebook(f"sqlite:///{folder / 'gradebook.db'}", "attention") as gradebook:
        scores = {
            s.student.id: s.score for s in gradebook.assignment_submissions(CHAPTER)
        }
    said = {}
    for path in folder.glob(f"autograded/*/{CHAPTER}/{CHAPTER}.ipynb"):
        about = json.loads(path.read_text("utf-8"))["metadata"]["autograder"]
        said[path.parents[1].name] = about["verdicts"], about["notes"]
    return scores, said


def test_grade_and_autograde_say_the_same(course, tmp_path):
    other = tmp_path / "other"
    subprocess.run(["cp", "-r", course, other], check=True)
    options = Options(allow_unsafe=True)
    grade_chapter(course, CHAPTER, jobs=1, options=options, tell=lambda line: None)
    stop_engines()
    scores, said = found(course)
    config = load_course(other)
    before = os.getcwd()
    os.chdir(other)
    try:
        for student in scores:
            done = NbGraderAPI(config, config=config.config).autograde(CHAPTER, student)
            assert done["success"], done["log"][-2000:]
    finally:
        os.chdir(before)
        stop_engines()
    assert found(other) == (scores, said)
    expected = dict.fromkeys(RIGHT_ONES | OURS_ALONE, 4.0)
    assert {student: scores[student] for student in expected} == expected
    assert all(scores[student] < 4.0 for student in WRONG_ONES)


def test_what_is_right_for_stock_nbgrader_is_right_here(course, tmp_path):
    """The other way round it is not so: see OURS_ALONE."""
    stock = tmp_path / "stock"
    subprocess.run(["cp", "-r", course, stock], check=True)
    subprocess.run(["rm", "-rf", stock / "autograded"], check=True)
    (stock / "nbgrader_config.py").write_text(STOCK, encoding="utf-8")
    for student in (RIGHT_ONES | OURS_ALONE | WRONG_ONES).keys() - set(BY_STOCK):
        subprocess.run(["rm", "-rf", stock / "submitted" / student], check=True)
    nbgrader(stock, "autograde", CHAPTER)
    with Gradebook(f"sqlite:///{stock / 'gradebook.db'}", "attention") as gradebook:
        for student in BY_STOCK:
            handed_in = gradebook.find_submission(CHAPTER, student)
            assert handed_in.score == 4.0, student
