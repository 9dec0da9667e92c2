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

from autograder.course.extensions import extend
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

    make_course(course, due=(f"{FIRST}=2026-11-19T12:00Z",), only=[FIRST])
    time = course / "submitted" / "punctual" / FIRST / "timestamp.txt"
    time.write_text("2026-11-24 12:00:00 UTC")
    summary = grade_chapter(course, FIRST, jobs=1)
    assert (summary.graded, summary.unchanged) == (0, len(CLASS))
    assert penalties(course, FIRST) == {s: 20 * (s == "punctual") for s in CLASS}


@pytest.mark.parametrize("command", ["autograde", "grade"])
def test_an_extension_holds_whenever_it_is_given(course, command):
    """Before anything is graded, also by nbgrader's own command; and afterwards."""

    def points():
        if command == "grade":
            grade_chapter(course, FIRST, jobs=1, tell=lambda line: None)
        else:
            done = nbgrader(course, "autograde", FIRST, "--force")
            assert done.returncode == 0, done.stderr
        return penalties(course, FIRST)

    make_course(course, roster=_class_list(course), only=[FIRST])
    [said] = extend(course, "never", FIRST, "2026-11-22T12:00Z")
    assert said.startswith(f"never: {FIRST} until 2026-11-22 ")
    assert points() == wanted(FIRST) | {"never": 0}
    if command == "autograde":
        return
    said = extend(course, "never", FIRST, "-")
    assert said[1] == "never: late penalty 0 -> 1"
    assert points() == wanted(FIRST)
    assert (
        extend(course, "never", FIRST, "2026-11-20")[1] == "never: late penalty 1 -> 0"
    )
    # A group is named by its name, and one who has not handed in yet has the time, too.
    (course / "groups.csv").write_text("student,groups\nnever,T\nabsent,T\n")
    assert len(extend(course, "T", FIRST, "2026-11-24")) == 2
    assert (course / "extensions.csv").read_text().splitlines()[1:] == [
        f"absent,{FIRST},2026-11-24",
        f"never,{FIRST},2026-11-24",
    ]
    # A slip in the file is told wherever it would cost somebody a penalty.
    with open(course / "extensions.csv", "a", encoding="utf-8") as file:
        file.write(f"nevr,{FIRST},2026-11-24\n")
    slip = "the gradebook has no student 'nevr'"
    said = []
    grade_chapter(course, FIRST, jobs=1, tell=said.append)
    assert f"extensions.csv, line 4: {slip}" in said[0]
    assert slip in extend(course, "never", FIRST, "2026-11-25")[-1]


def _class_list(course):
    path = course / "roster.csv"
    path.write_text("\n".join(["id", *CLASS, "absent"]), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("nobody", FIRST, "2026-11-22"), "no student 'nobody'.* it has 7"),
        (("Absent", FIRST, "2026-11-22"), "no student 'Absent'.* perhaps absent"),
        (("absent", "04_scalng", "2026-11-22"), "knows no chapter 04_scalng"),
        (("absent", FIRST, "next week"), "'next week' is no time"),
        (("absent", FIRST, "2026-10-22"), "an extension is later"),
    ],
)
def test_a_wrong_extension_is_refused_in_a_sentence(course, arguments, told):
    make_course(course, roster=_class_list(course), only=[FIRST])
    with pytest.raises(ValueError, match=told):
        extend(course, *arguments)
    assert not (course / "extensions.csv").exists()
