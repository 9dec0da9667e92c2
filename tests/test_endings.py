"""Each way in which a call can end is told to the learner and to the instructor."""

import ast
import inspect

import pytest

from autograder.exercises.registry import discover
from autograder.judge.verdict import judge
from autograder.sandbox import causes, engine, lacking
from autograder.values.endings import ENDINGS
from autograder.values.wire import CallError, Outcome


def kinds_that_the_engine_sends():
    """Every kind that the engine's source names when it makes an ending."""
    calls = [
        n
        for n in ast.walk(
            ast.parse(inspect.getsource(engine) + inspect.getsource(causes))
        )
    ]
    calls = [n for n in calls if isinstance(n, ast.Call)]
    named = {
        call.args[0].value
        for call in calls
        if getattr(call.func, "id", "") == "ended_by"
        and isinstance(call.args[0], ast.Constant)
    }
    # Those that the warm process names when it ends a child.
    return named | set(causes.SIGNS) | set(lacking.SIGNS) | {"FileSize", "Threads"}


def test_what_the_engine_sends_and_the_table_are_the_same():
    assert kinds_that_the_engine_sends() == set(ENDINGS)


@pytest.mark.parametrize("ending", ENDINGS.values(), ids=ENDINGS)
def test_a_row_is_whole(ending):
    said = ending.said(seconds=10, size=2**20, signal="Segmentation fault")
    assert len(said) > 20 and "{" not in said and ending.kind not in said
    assert ending.hint.endswith((".", "?")) and ending.in_the_report


@pytest.mark.parametrize("ending", ENDINGS.values(), ids=ENDINGS)
def test_a_learner_reads_the_row_and_nothing_that_is_not_known(ending):
    error = CallError(ending.kind, ending.said(10, 2**20, "Segmentation fault"))
    verdict = judge(discover()["scores"], lambda a: Outcome(None, error, a))
    assert verdict.passed is False and verdict.mistake is None
    assert verdict.hint == ending.hint
    assert verdict.rationale == f"scores gave no answer: {error.message}"
