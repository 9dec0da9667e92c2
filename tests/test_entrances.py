"""Three entrances, one behaviour: `check`, `grade` and `judge FILE` read alike.

Each row is a cell as people write it, run through all three.
"""

import json
import sys
from textwrap import indent

import pytest
from IPython.core.interactiveshell import InteractiveShell

from autograder.grading.assess import assess
from autograder.grading.assignment import Assignment, GradedCell, Options
from autograder.grading.judge_file import SubmissionError, judge_file
from autograder.grading.stand_ins import kit_for
from autograder.grading.warm import stop_engines

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="graded runs need Linux"
)

CHAPTER = "05_softmax"
IMPORTS = "import numpy as np\n\nfrom autograder import check, notebook, ready\n"
STUB = "def softmax(S):\n    raise NotImplementedError"
RIGHT = """def softmax(S):
    E = np.exp(S - S.max(axis=-1, keepdims=True))
    return E / E.sum(axis=-1, keepdims=True)
"""
INNER = indent(RIGHT, "    ")
LAMBDA = "lambda S: (E := np.exp(S - S.max(-1)[:, None])) / E.sum(-1)[:, None]"

# What is right, by whatever road its name came to it.
ACCEPTED = {
    "a def": RIGHT,
    "a lambda": f"softmax = {LAMBDA}",
    "a lambda with a type": f"softmax: object = {LAMBDA}",
    "a lambda in brackets": f"(softmax := {LAMBDA})",
    "a lambda among others": f"n, softmax = 3, {LAMBDA}",
    "a partial": "import functools\n"
    f"def share(e, S):\n    return ({LAMBDA})(S)\n"
    "softmax = functools.partial(share, 2)",
    "a decorator": "def logged(f):\n    def inner(*a):\n        return f(*a)\n"
    f"    return inner\n@logged\n{RIGHT}",
    "a def in try": f"try:\n{INNER}finally:\n    pass",
    "a def in if": f"if np.__version__ > '1':\n{INNER}",
    "a def in with": f"with np.errstate(all='ignore'):\n{INNER}",
    "a global def": f"def make():\n    global softmax\n{INNER}make()",
    "globals": f"globals()['softmax'] = {LAMBDA}",
    "update": f"globals().update(softmax={LAMBDA})",
    "setattr": f"import sys\nsetattr(sys.modules[__name__], 'softmax', {LAMBDA})",
    "an attribute": f"import __main__\n__main__.softmax = {LAMBDA}",
    "exec": f"exec({RIGHT!r})",
    "exec of a name": f"code = {RIGHT!r}\nexec(code, globals())",
    "another name": f"{RIGHT.replace('softmax', 'mine')}softmax = mine",
    "a method": f"class A:\n    @staticmethod\n{INNER}softmax = A.softmax",
    "an object": f"class A:\n    def __call__(self, S):\n        return ({LAMBDA})(S)\n"
    "softmax = A()",
    "more arguments": RIGHT.replace("(S)", "(S, axis=-1, *, keepdims=True)"),
    "windows": RIGHT.replace("\n", "\r\n"),
    "tabs": RIGHT.replace("    ", "\t"),
    "an error below": f"{RIGHT}\n1 / 0",
    "ready": f"scores, scale = ready('scores'), ready('scale')\n{RIGHT}",
    "ready of a later one": f"attention = ready('attention')\n{RIGHT}",
}
# What is wrong, and words that every entrance says.
REFUSED = {
    "columns": (RIGHT.replace("-1", "0"), "Your columns sum to 1"),
    "a number": ("softmax = 3.0", "softmax stands for something of type float"),
    "overwritten": (f"{RIGHT}softmax = 'x'", "softmax stands for something of type"),
    "misspelt": (RIGHT.replace("softmax", "soft_max"), "is softmax meant?"),
    "another case": ("SoftMax = lambda S: S", "is softmax meant?"),
    "in a class": (f"class A:\n{INNER}", "is defined inside the class A"),
    "in a function": (f"def main():\n{INNER}", "is defined inside the function main"),
    "under a condition": (f"if 1 > 2:\n{INNER}", "softmax is not there"),
    "deleted": (f"{RIGHT}del softmax", "softmax is not there"),
    "a class": ("class softmax:\n    def __init__(self, S):\n        pass", "a class"),
    "async": (f"async {RIGHT}", "`async def` makes a coroutine"),
    "ready alone": ("softmax = ready('softmax')", "`ready`"),
    "no arguments": ("def softmax():\n    return 3", "is called with (S)"),
}


def by_check(code):
    """The points that `check` gives, and what a learner reads."""
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance()
    said = []
    shell.user_ns["display"] = print
    try:
        shell.run_cell(IMPORTS, store_history=True)
        shell.run_cell("notebook.errors.explain_errors()")
        shell.run_cell(code, store_history=True)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(
                "autograder.notebook.verbs.show", lambda *told: said.append(told)
            )
            done = shell.run_cell("points = check(softmax)")
        error = done.error_in_exec
        said += getattr(error, "__notes__", [])
        return 0.0 if error else float(shell.user_ns["points"]), str(said)
    finally:
        InteractiveShell.clear_instance()


def by_grade(code):
    """The points that grading gives, and what the learner reads in the feedback."""
    known = (
        GradedCell("softmax_answer", STUB, "x"),
        GradedCell("softmax", "check(softmax)", "x", 4.0),
    )
    released = tuple(("code", source) for source in (IMPORTS, STUB, "check(softmax)"))
    assignment = Assignment(CHAPTER, known, released, 1, KIT, {})
    cells = [
        {"cell_type": "code", "source": source, "metadata": {"nbgrader": about}}
        for source, about in [
            (IMPORTS, {}),
            (code, {"grade_id": "softmax_answer"}),
            ("check(softmax)", {"grade_id": "softmax"}),
        ]
    ]
    data = json.dumps({"cells": cells}).encode()
    (verdict,) = assess(assignment, "ada", data, Options(allow_unsafe=True)).verdicts
    return verdict["score"], f"{verdict['rationale']} {verdict['hint']}"


KIT = kit_for(CHAPTER)


def by_file(code, folder):
    """The points that `judge FILE` gives, and what it says."""
    file = folder / "answer.py"
    file.write_bytes(f"{IMPORTS}\n{code}".encode())
    try:
        (verdict,) = judge_file(file, allow_unsafe=True)
    except SubmissionError as refused:
        return 0.0, str(refused)
    return verdict.score, f"{verdict.rationale} {verdict.hint}"


@pytest.fixture(scope="module", autouse=True)
def engines():
    yield
    stop_engines()


@pytest.mark.parametrize("row", ACCEPTED)
def test_a_right_answer_is_right_everywhere(row, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code = ACCEPTED[row]
    found = [by_check(code), by_grade(code), by_file(code, tmp_path)]
    assert [points for points, _ in found] == [4.0] * 3, found


@pytest.mark.parametrize("row", REFUSED)
def test_a_wrong_answer_is_told_the_same_everywhere(row, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, words = REFUSED[row]
    for points, said in (by_check(code), by_grade(code), by_file(code, tmp_path)):
        assert points == 0.0
        assert words in said


WITH_READY = """import numpy as np
from autograder import ready

def scores(Q, K):
    return Q @ K.T

scale, softmax = ready("scale"), ready("softmax")
weighted_sum = ready("weighted_sum")

def attention(Q, K, V):
    A = softmax(scale(scores(Q, K), Q.shape[-1]))
    return weighted_sum(A, V), A

layer = ready("MultiHeadAttention")
masked_softmax = ready("masked_softmax")

def masked_attention(Q, K, V, allowed):
    A = masked_softmax(scale(scores(Q, K), Q.shape[-1]), allowed)
    return weighted_sum(A, V), A
"""


def test_a_file_takes_earlier_functions_as_the_chapters_do(tmp_path):
    """`ready` gives what earlier chapters ask for, in the last chapters too; what the
    file judges stands for nobody else's.
    """
    file = tmp_path / "answers.py"
    file.write_text(WITH_READY)
    attention, masked = judge_file(file, allow_unsafe=True)[1:]
    assert attention.exercise == "attention" and attention.passed
    assert not masked.passed  # masked_softmax is of the same chapter
    assert 'ready("masked_softmax") gives nothing here' in masked.rationale
    file.write_text(WITH_READY.replace('ready("masked_softmax")', "lambda S, a: S"))
    assert "ready" not in judge_file(file, allow_unsafe=True)[2].rationale


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        ("scale = ready('scale')\n", "Put `from autograder import ready` above it"),
        ("E = np.exp(1)\n", "Put `import numpy as np` above it"),
        ("E = linear(1)\n", '`linear = ready("linear")`'),
    ],
)
def test_a_file_that_lacks_what_its_chapter_has(code, remedy, tmp_path):
    file = tmp_path / "answers.py"
    file.write_text(f"{code}def softmax(S):\n    return S\n")
    with pytest.raises(SubmissionError) as refused:
        judge_file(file, allow_unsafe=True)
    assert remedy in str(refused.value)
