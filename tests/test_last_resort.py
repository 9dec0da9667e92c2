"""The judge seldom has nothing better to say than to work it out by hand."""

import numpy as np
import pytest
from wrong_answers import edited, edits, is_last_resort, mistaken_twice, sampled, told

from autograder.exercises.registry import discover
from autograder.judge.verdict import judge
from autograder.values.called import call_in_process

EACH = 12  # answers of each kind and exercise: `benchmarks/last_resort.py` takes all
BOUND = 0.02
LONGEST = 700  # characters of a message: what is known more makes it no longer


def test_it_is_the_last_resort():
    said, total = {}, 0
    for name, exercise in discover().items():
        if exercise.drive is not None:
            continue
        for wrong, verdict in told(exercise, sampled(exercise, EACH)):
            total += 1
            assert len(f"{verdict.rationale} {verdict.hint}") <= LONGEST, verdict
            if is_last_resort(verdict):
                said[name, wrong.source] = verdict.rationale
    assert total > 300  # else nothing was measured
    assert len(said) <= BOUND * total, (
        f"{len(said)} of {total}; see `benchmarks/last_resort.py --show 20`"
    )


def test_it_is_found_where_it_is_said():
    exercise = discover()["scores"]
    answer = call_in_process(lambda Q, K: np.abs(Q) @ np.abs(K).T)
    assert is_last_resort(judge(exercise, answer))
    assert not is_last_resort(judge(exercise, call_in_process(lambda Q, K: Q)))


@pytest.mark.parametrize("kind", [edited, mistaken_twice])
def test_the_same_seed_makes_the_same_answers(kind):
    exercise = discover()["attention"]
    sources = [wrong.source for wrong in kind(exercise)]
    assert sources == [wrong.source for wrong in kind(exercise)]
    assert len(set(sources)) == len(sources) > 100


def test_each_step_is_exchanged_dropped_doubled_and_moved():
    made = {text.split("\n", 1)[1] for text, _ in edits(_two_steps)}
    for lines in (
        "    y = _one(_one(x))\n    return _other(y)",
        "    y = _other(x)\n    return _other(y)",
        "    y = x\n    return _other(y)",
        "    y = _one(x)\n    return y",
        "    return _other(y)\n    y = _one(x)",
        "    return _other(y)",
    ):
        assert lines in made, lines


def _one(x):
    return x


def _other(x):
    return x


def _two_steps(x):
    y = _one(x)
    return _other(y)
