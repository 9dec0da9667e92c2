"""Late penalties and grace: in stock nbgrader and in `grade`, the same points."""

import re
import shutil
import sys
from pathlib import Path

import pytest
from classroom import hand_in_at, nbgrader, release, right_answers, small_course
from nbgrader.api import Gradebook
from traitlets import TraitError
from traitlets.config import Config

from autograder.course.grade import grade_chapter
from autograder.course.policies import DAY, HOUR, LatePolicy
from autograder.course.setup import make_course

FIRST, SECOND = "04_scaling", "05_softmax"
DUE = (f"{FIRST}=2026-11-01T12:00Z", f"{SECOND}=2026-12-01T12:00Z")
POINTS = {FIRST: 2.0, SECOND: 4.0}

# Student -> when each chapter came, and the per cent that it costs, under the policy
# that the configuration shows: an hour, three days, 10 % a day, 50 % at most.
CLASS = {
    "punctual": {FIRST: ("11-01 12:00", 0), SECOND: ("12-01 12:00", 0)},
    "an-hour": {FIRST: ("11-01 13:00", 0), SECOND: ("12-01 12:59", 0)},
    "saved": {FIRST: ("11-03 12:30", 0), SECOND: ("12-01 14:00", 0)},
    "spent": {FIRST: ("11-03 12:30", 0), SECOND: ("12-04 12:30", 20)},
    "early": {FIRST: ("11-02 12:30", 0), SECOND: ("12-06 13:00", 30)},
    "never": {FIRST: ("11-21 12:00", 50), SECOND: ("12-02 12:30", 10)},
}


def penalty(late, score=10.0, **options):
    policy = LatePolicy(config=Config(LatePolicy=options))
    return policy.late_submission_penalty("anybody", score, late)


def test_a_day_begun_counts_and_grace_hours_do_not():
    assert penalty(1) == 1.0
    assert penalty(DAY) == 1.0
    assert penalty(DAY + 1) == 2.0
    assert penalty(2 * HOUR, grace_hours=2) is None
    assert penalty(2 * HOUR + 1, grace_hours=2, percent_per_day=25) == 2.5
    assert penalty(99 * DAY) == 10.0
    assert penalty(99 * DAY, at_most_percent=40) == 4.0
    assert penalty(DAY, score=0.0) in (None, 0.0)
    for wrong in (
        {"percent_per_day": -1},
        {"at_most_percent": 101},
        {"grace_days": -1},
    ):
        with pytest.raises(TraitError):
            penalty(DAY, **wrong)


pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="graded runs need Linux"
)


@pytest.fixture(scope="module")
def handed_in(tmp_path_factory):
    """Two chapters, all answers right, and the policy of the configuration on."""
    folder = tmp_path_factory.mktemp("policies") / "course"
    small_course(folder, [FIRST, SECOND], due=DUE)
    config = folder / "nbgrader_config.py"
    text = config.read_text(encoding="utf-8")
    switched_on, lines = re.subn(r"^# (c\.\w*Late)", r"\1", text, flags=re.MULTILINE)
    assert lines == 5
    config.write_text(switched_on, encoding="utf-8")
    for chapter in (FIRST, SECOND):
        text = right_answers(chapter, release(folder, chapter))
        for student, times in CLASS.items():
            hand_in_at(folder, chapter, student, text, f"2026-{times[chapter][0]}:00")
    return folder


@pytest.fixture
def course(handed_in, tmp_path):
    return Path(shutil.copytree(handed_in, tmp_path / "course"))


def penalties(course, chapter):
    """Student -> per cent taken off, as the gradebook has it."""
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}", "attention") as gradebook:
        submissions = gradebook.assignment_submissions(chapter)
        assert {s.score for s in submissions} == {POINTS[chapter]}
        return {
            s.student.id: round(100 * s.late_submission_penalty / s.score, 6)
            for s in submissions
        }


def wanted(chapter):
    return {student: times[chapter][1] for student, times in CLASS.items()}


@pytest.mark.parametrize("command", ["autograde", "grade"])
def test_grace_and_penalties_over_a_term(course, command):
    for chapter in (FIRST, SECOND):
        if command == "grade":
            assert not grade_chapter(course, chapter, jobs=1).missing
        else:
            done = nbgrader(course, "autograde", chapter)
            assert done.returncode == 0, done.stderr
    assert penalties(course, FIRST) == wanted(FIRST)
    assert penalties(course, SECOND) == wanted(SECOND)


def test_the_order_of_grading_changes_nothing_in_the_end(course):
    for chapter in (SECOND, FIRST):
        grade_chapter(course, chapter, jobs=1)
    assert penalties(course, FIRST) == wanted(FIRST)
    assert penalties(course, SECOND) != wanted(SECOND)  # no earlier one was known
    summary = grade_chapter(course, SECOND, jobs=1)
    assert (summary.graded, summary.unchanged) == (0, len(CLASS))
    assert penalties(course, SECOND) == wanted(SECOND)


def test_a_policy_holds_for_what_is_graded_already(course):
    """Switched on late, a due date moved, a time told later: no new verdict."""
    config = course / "nbgrader_config.py"
    text = config.read_text(encoding="utf-8")
    config.write_text(re.sub(r"^(c\.\w*Late)", r"# \1", text, flags=re.MULTILINE))
    grade_chapter(course, FIRST, jobs=1)
    assert set(penalties(course, FIRST).values()) == {0}
    config.write_text(text)
    said = []
    grade_chapter(course, FIRST, jobs=1, tell=said.append)
    assert penalties(course, FIRST) == wanted(FIRST)
    assert said == ["never: late penalty 0 -> 1"]

    make_course(course, due=(f"{FIRST}=2026-11-19T12:00Z",))
    time = course / "submitted" / "punctual" / FIRST / "timestamp.txt"
    time.write_text("2026-11-24 12:00:00 UTC")
    summary = grade_chapter(course, FIRST, jobs=1)
    assert (summary.graded, summary.unchanged) == (0, len(CLASS))
    assert penalties(course, FIRST) == {s: 20 * (s == "punctual") for s in CLASS}
