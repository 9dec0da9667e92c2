"""Feedback and graded notebooks are made anew whenever they would come out otherwise,
by nbgrader's own commands and without `--force`.
"""

import os
import sys

import pytest
from classroom import Submission, filled, hand_in, release, small_course
from nbgrader.api import Gradebook
from nbgrader.apps import NbGraderAPI

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
WRONG = "def softmax(S):\n    return np.exp(S)\n"


@pytest.fixture
def course(tmp_path):
    folder = small_course(tmp_path / "course", [CHAPTER])
    with open(folder / "nbgrader_config.py", "a", encoding="utf-8") as config:
        config.write("c.Judge.allow_unsafe = True\n")
    made = release(folder, CHAPTER)
    for student, answer in {"ada": RIGHT, "ben": WRONG}.items():
        give(folder, made, student, answer)
    yield folder, made
    stop_engines()


def give(folder, made, student, answer):
    text = filled(made, {"softmax": answer})
    hand_in([Submission(student, text, None)], folder, CHAPTER)


def grade(folder):
    options = Options(allow_unsafe=True)
    grade_chapter(folder, CHAPTER, jobs=1, options=options, tell=lambda line: None)


def of_nbgrader(folder, verb):
    """Run one of nbgrader's commands, in this process, for the whole class."""
    course = load_course(folder)
    before = os.getcwd()
    os.chdir(folder)
    try:
        command = getattr(NbGraderAPI(course, config=course.config), verb)
        for student in ("ada", "ben"):
            done = command(CHAPTER, student, force=False)
            assert done["success"], done
    finally:
        os.chdir(before)


def made(folder, step="feedback"):
    """What is there of each student: the file, and when it was written."""
    return {
        path.parents[1].name: (
            path.read_text(encoding="utf-8"),
            path.stat().st_mtime_ns,
        )
        for path in folder.glob(f"{step}/*/{CHAPTER}/{CHAPTER}.*")
    }


def in_gradebook(folder):
    return Gradebook(f"sqlite:///{folder / 'gradebook.db'}", "attention")


def test_a_page_is_made_again_when_it_would_be_another_and_only_then(course):
    folder, released = course
    grade(folder)
    of_nbgrader(folder, "generate_feedback")
    first = made(folder)
    assert set(first) == {"ada", "ben"} and "0 of 4 points" in first["ben"][0]
    grade(folder)
    of_nbgrader(folder, "generate_feedback")
    assert made(folder) == first  # nothing has changed, nothing is written

    give(folder, released, "ben", RIGHT)  # again, and without a time
    grade(folder)
    of_nbgrader(folder, "generate_feedback")
    second = made(folder)
    assert "4 of 4 points" in second["ben"][0] and second["ada"] == first["ada"]

    with in_gradebook(folder) as gradebook:  # as a late policy would
        place = CHAPTER, CHAPTER, "ada"
        gradebook.find_submission_notebook(*place).late_submission_penalty = 1.0
        comment = gradebook.find_comment("softmax_answer", CHAPTER, CHAPTER, "ben")
        comment.manual_comment = "Well done"
        gradebook.db.commit()
    of_nbgrader(folder, "generate_feedback")
    third = made(folder)
    assert "1 points are taken off" in third["ada"][0]
    assert "Well done" in third["ben"][0]

    with open(folder / "nbgrader_config.py", "a", encoding="utf-8") as config:
        config.write("c.FeedbackPage.book_url = 'https://book.example.org'\n")
    of_nbgrader(folder, "generate_feedback")
    assert all("https://book.example.org/" in page for page, _ in made(folder).values())


def test_autograde_takes_what_is_handed_in_again_without_a_time(course):
    folder, released = course
    of_nbgrader(folder, "autograde")
    first = made(folder, "autograded")
    of_nbgrader(folder, "autograde")
    grade(folder)
    first = made(folder, "autograded")
    of_nbgrader(folder, "autograde")
    assert made(folder, "autograded") == first
    give(folder, released, "ben", RIGHT)
    of_nbgrader(folder, "autograde")
    second = made(folder, "autograded")
    assert second["ada"] == first["ada"] and second["ben"] != first["ben"]
    with in_gradebook(folder) as gradebook:
        assert gradebook.find_submission(CHAPTER, "ben").score == 4.0
