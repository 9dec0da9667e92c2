"""One answer for `check` and `judge FILE`: what a name stands for, however bound."""

import json
import linecache

import numpy as np
import pytest

from autograder import check
from autograder.exercises import answers
from autograder.exercises.registry import discover
from autograder.grading.judge_file import SubmissionError, judge_file

# A right answer for an exercise each, bound in a way of its own.
BOUND = {
    "scores": "scores = lambda Q, K: Q @ K.T",
    "scale": """
        from functools import partial
        def divided(power, S, d_k):
            return S / d_k**power
        scale = partial(divided, 0.5)""",
    "softmax": """
        try:
            from nowhere import softmax
        except ImportError:
            def softmax(S):
                E = np.exp(S - S.max(axis=-1, keepdims=True))
                return E / E.sum(axis=-1, keepdims=True)""",
    "weighted_sum": """
        def logged(function):
            def wrapper(*arguments):
                return function(*arguments)
            return wrapper
        @logged
        def weighted_sum(A, V):
            return A @ V""",
    "embed": """
        class Lookup:
            def __call__(self, token_ids, table):
                return table[token_ids]
        embed = Lookup()""",
    "split_heads": """
        if __name__ == '__main__':
            def split_heads(X, num_heads):
                return X.reshape(len(X), num_heads, -1).transpose(1, 0, 2)""",
    "concat_heads": """
        class Answers:
            @staticmethod
            def joined(heads):
                return np.concatenate(list(heads), axis=-1)
        concat_heads = Answers.joined""",
    "linear": """
        def mine(X, W, b):
            return X @ W + b
        linear = mine""",
    "count_parameters": """
        class count_parameters:
            def __new__(cls, d_model, num_heads):
                return 4 * d_model * (d_model + 1)""",
}


def code_of(*names):
    lines = ["import numpy as np"]
    for name in names:
        first, *rest = BOUND[name].splitlines()
        lines += [first, *(line[8:] for line in rest)]
    return "\n".join(lines) + "\n"


def namespace_of(code):
    name = f"<cell {abs(hash(code))}>"
    linecache.cache[name] = (len(code), None, code.splitlines(keepends=True), name)
    namespace = {"__name__": "__main__", "check": check}
    exec(compile(code, name, "exec"), namespace)
    return namespace


@pytest.mark.parametrize("name", BOUND)
def test_check_takes_what_the_name_stands_for(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    points = eval(f"check({name})", namespace_of(code_of(name)))
    assert points == discover()[name].points


def test_judge_file_takes_what_the_names_stand_for(tmp_path):
    file = tmp_path / "answers.py"
    # As Windows writes it; and a name that only happens to be one of the book's.
    code = code_of(*BOUND) + "attention = 3\ndef stack_Projections(W): pass\n"
    file.write_bytes(b"\xef\xbb\xbf" + code.replace("\n", "\r\n").encode())
    verdicts = judge_file(file)
    assert [v.exercise for v in verdicts] == list(BOUND)
    for verdict in verdicts:
        assert verdict.passed, verdict
        assert any("is stack_projections meant?" in flag for flag in verdict.flags)


def test_a_notebook_is_judged_whatever_its_name(tmp_path):
    cells = [
        {"cell_type": "code", "source": "%matplotlib inline\nimport numpy as np"},
        {"cell_type": "markdown", "source": "def softmax is next"},
        {"cell_type": "code", "source": [code_of("scores")]},
        {"cell_type": "code", "source": "1 / 0"},
    ]
    for name, noted in (("mine.ipynb", False), ("mine.py", True)):
        file = tmp_path / name
        file.write_text(json.dumps({"nbformat": 4, "metadata": {}, "cells": cells}))
        (verdict,) = judge_file(file)
        assert verdict.passed
        assert any("is a notebook" in flag for flag in verdict.flags) is noted
        assert any("ends with ZeroDivisionError" in flag for flag in verdict.flags)


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("def soft_max(S): return S", "soft_max: is softmax meant?"),
        ("SoftMax = lambda S: S", "SoftMax: is softmax meant?"),
        ("class MultiheadAttention: pass", "is MultiHeadAttention meant?"),
        ("def multihead_attention(X): pass", "is multi_head_attention meant?"),
        ("class A:\n def softmax(S): pass", "softmax is defined inside the class A"),
        ("def main():\n def scale(S): pass", "inside the function main"),
        ("softmax = ready('softmax')\nx = 1", "softmax is not written here"),
        ("if 1 > 2:\n def softmax(S): pass", "does a condition hide it"),
        ('{"cells": 3}', "it has no cells"),
    ],
)
def test_judge_file_says_by_how_little_a_name_was_missed(tmp_path, code, told):
    file = tmp_path / "answer.py"
    file.write_text(code)
    with pytest.raises(SubmissionError) as refused:
        judge_file(file)
    assert told in str(refused.value)


@pytest.mark.parametrize("other", ["softmaxes", "soft_max", "Softmax", "soft_mx"])
def test_a_name_that_is_nearly_right(other):
    assert answers.meant(other, discover()) == "softmax"


def test_a_name_that_is_another():
    for other in ("f", "main", "helper", "E", "mean"):
        assert answers.meant(other, discover()) is None


def test_check_of_something_that_has_no_name_of_the_book(capsys):
    assert check(lambda S: S) == 0
    assert "A lambda has no name of the book" in capsys.readouterr().out
    assert check(np.ones(2)) == 0
    assert "this is of type ndarray" in capsys.readouterr().out
