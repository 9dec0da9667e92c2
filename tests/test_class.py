"""A whole class through nbgrader's own commands, scores compared with what it was."""

import csv

import nbformat
import pytest
from classroom import hand_in, make_class, nbgrader, small_course

from autograder.chapters.chapter import load_chapters

CHAPTER = "05_softmax"


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """A course after generate_assignment, autograde, generate_feedback, export."""
    course = small_course(tmp_path_factory.mktemp("class") / "course", [CHAPTER])
    assert nbgrader(course, "generate_assignment", CHAPTER).returncode == 0
    release = nbformat.read(
        str(course / "release" / CHAPTER / f"{CHAPTER}.ipynb"), as_version=4
    )
    submissions = make_class(load_chapters([CHAPTER])[0], release)
    hand_in(submissions, course, CHAPTER)
    graded = nbgrader(course, "autograde", CHAPTER)
    nbgrader(course, "generate_feedback", CHAPTER)
    assert nbgrader(course, "export").returncode == 0
    return course, submissions, graded


def scores(course):
    with open(course / "grades.csv", newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["assignment"] == CHAPTER]
        return {row["student_id"]: row["score"] for row in rows}


def test_every_submission_scores_what_it_was_made_to_score(graded):
    course, submissions, log = graded
    exported = scores(course)
    wanted = {s.student: sum(s.scores.values()) for s in submissions if s.scores}
    found = {name: float(exported[name] or 0) for name in wanted if name in exported}
    assert found == pytest.approx(wanted), log.stderr[-2000:]


def test_the_class_holds_every_kind(graded):
    _, submissions, _ = graded
    students = {submission.student for submission in submissions}
    assert {"right", "blank", "truncated", "empty", "softmax-syntax-error"} <= students
    assert sum(s.mistake is not None for s in submissions) >= 20
    assert sum("-by-" in s for s in students) >= 5


def test_feedback_names_the_mistake(graded):
    course, submissions, _ = graded
    for submission in (s for s in submissions if s.mistake):
        page = course / "feedback" / submission.student / CHAPTER / f"{CHAPTER}.html"
        words = submission.mistake.replace("_", " ")
        assert words in page.read_text(encoding="utf-8"), submission.student
