"""What exceptions mean: every rule answers its own example, and no other one does."""

import linecache

import numpy as np
import pytest
import torch

from autograder.exercises.registry import discover
from autograder.judge.cases import draw_cases, try_case
from autograder.judge.diagnosis.meanings import RULES, rule_for
from autograder.judge.diagnosis.rules import Raised
from autograder.values.called import call_in_process


def raised_by(rule):
    """The exception that a rule's example ends with, as the judge sees it."""
    exercise = discover()[rule.on]
    names = ", ".join(item.name for item in exercise.shapes.arguments)
    code = rule.example.format(name=exercise.name)
    if not code.startswith((f"class {exercise.name}", f"{exercise.name} =")):
        code = f"def {exercise.name}({names}):\n    {code}\n"
    file = f"<{rule.name}>"
    linecache.cache[file] = (len(code), None, code.splitlines(keepends=True), file)
    namespace = {"np": np, "torch": torch}
    exec(compile(code, file, "exec"), namespace)
    call = call_in_process(namespace[exercise.name], namespace)
    case = try_case(exercise, call, *draw_cases(exercise, 0)[0])
    assert case.actual.error, "nothing was raised"
    return Raised(exercise, case, case.actual.error)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_answers_its_own_example(rule):
    with np.errstate():
        raised = raised_by(rule)
    found, told = rule_for(raised)
    assert found is rule, (found and found.name, raised.error, told)
    assert "{" not in told.replace("{}", "")
    assert len(told) < 300


def test_names_are_given_once():
    assert len({rule.name for rule in RULES}) == len(RULES)
