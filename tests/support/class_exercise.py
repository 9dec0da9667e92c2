"""What holds of each class that is an exercise, asked of all of them in one way."""

import inspect

from autograder.judge.cases import draw_cases, try_case
from autograder.judge.diagnosis import matching
from autograder.judge.verdict import judge
from autograder.values.called import call_in_process


def verdict_on(exercise, answer, seed=0, namespace=None):
    """What `check` says of a class."""
    return judge(exercise, call_in_process(exercise.driven(answer), namespace), seed)


def confirm_right(exercise, answer, seed):
    """A right class passes."""
    verdict = verdict_on(exercise, answer, seed)
    assert verdict.passed is True, (verdict.rationale, verdict.hint)


def confirm_named(exercise, mistake, seeds=(0,)):
    """A mistake is called by its name, with its hint, and taken for no other."""
    for seed in seeds:
        verdict = verdict_on(exercise, mistake, seed)
        assert verdict.passed is False
        assert verdict.mistake == mistake.__name__
        assert verdict.hint == inspect.getdoc(mistake)
        assert 0 <= verdict.score < exercise.points
    call = call_in_process(exercise.driven(mistake))
    cases = [try_case(exercise, call, *case) for case in draw_cases(exercise, 0)]
    assert list(matching(exercise, cases)) == [mistake]


def confirm_shapes(exercise):
    """What the docstring of `drive` promises holds on real runs."""
    for _, arguments in draw_cases(exercise, 3):
        result = call_in_process(exercise.driven(exercise.reference))(arguments)
        assert result.error is None
        exercise.shapes.check(arguments, result.value)


def changed(exercise, source, old, new):
    """A class with one change in its source, and where its lines run."""
    assert source.count(old) == 1
    namespace = {"__name__": "__main__"}
    exec(source.replace(old, new), namespace)
    return namespace[exercise.name], namespace
