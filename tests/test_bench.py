"""The measurement itself: that it measures what it says."""

import re
import sys

import pytest

from autograder.__main__ import main
from autograder.course.bench import COMMANDS, Run, _compare, _hand_in, _make, _run
from autograder.grading.assignment import CourseError

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="graded runs need Linux"
)


def test_bench_compares_and_ends_with_the_ratio(capsys, monkeypatch):
    # Less exact, and in a sixth of the time: each is run once, on a small class.
    monkeypatch.setattr("autograder.course.bench.SECONDS", 0)
    monkeypatch.setattr("autograder.course.bench.FEWEST", 4)
    if main(["bench", "--students", "4"]) != 0:
        pytest.fail(capsys.readouterr().err)
    lines = capsys.readouterr().out.splitlines()
    assert "right answers have full marks from both" in "\n".join(lines)
    table = [line.split() for line in lines if re.search(r"(\s+[\d.]+){4}$", line)]
    sizes = {"stock": ["1", "4"], "grade": ["1", "4", "40"]}
    for grader, expected in sizes.items():
        rows = [row[-4:] for row in table if row[0] == grader]
        assert [row[0] for row in rows] == expected
        assert all(float(number) > 0 for row in rows for number in row)
    growth = [line for line in lines if "further submission" in line]
    assert [line.split(",")[0] for line in growth] == [
        "stock nbgrader: from 1 to 4 students",
        "grade: from 1 to 4 students",
        "grade: from 4 to 40 students",
    ]
    memory = int(re.search(r"([+-]\d+) % memory", growth[-1])[1])
    assert memory < 25  # a class ten times as large; caches fill, samples are few
    word, ratio = lines[-1].split()
    assert word == "ratio:" and float(ratio) > 2


def test_scores_are_what_the_class_was_made_to_score(tmp_path):
    course = tmp_path / "course"
    _make(course, "03_scores", stock=False)
    _hand_in(course, "03_scores", 12)
    run = _run(course, [*COMMANDS["grade"], "03_scores"], 12, watched=True)
    for number in range(12):
        score = run.scores[f"student{number:04}"]
        right = number % 2 == 0 and number % 10 != 9
        assert (score == max(run.scores.values())) == right
    assert run.peak_bytes > 2**20 and run.seconds > 0


def test_a_right_answer_that_loses_points_stops_the_comparison():
    stock = Run(2, 9.0, 0, {"ada": 4.0, "ben": 0.0})
    same = Run(2, 1.0, 0, {"ada": 4.0, "ben": 1.0})
    said = []
    _compare(stock, same, said.append)
    assert said[0].startswith("1 of 2")
    with pytest.raises(RuntimeError, match="ada"):
        _compare(stock, Run(2, 1.0, 0, {"ada": 3.0, "ben": 0.0}), said.append)


def test_a_class_of_a_few_tells_nothing():
    with pytest.raises(CourseError, match="at least 8"):
        from autograder.course.bench import bench

        bench(3)
