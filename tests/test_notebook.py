"""What a learner types in a notebook, in a real IPython shell."""

import os
import re
import subprocess
import sys

import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from autograder.exercises.registry import discover
from autograder.notebook import verbs as notebook
from autograder.notebook.errors import explain_errors, note_for

RIGHT = """
import numpy as np
def softmax(S):
    E = np.exp(S - S.max(axis=-1, keepdims=True))
    return E / E.sum(axis=-1, keepdims=True)
print("this line is not a definition")
"""
WRONG = """
import numpy as np
def softmax(S):
    E = np.exp(S - S.max(axis=0, keepdims=True))
    return E / E.sum(axis=0, keepdims=True)
"""
STUB = "def softmax(S):\n    raise NotImplementedError\n"


@pytest.fixture
def shell(tmp_path, monkeypatch):
    """A fresh notebook: a shell, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(notebook, "_hints_given", {})
    monkeypatch.setattr(notebook, "_told", {})
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance(colors="nocolor")
    explain_errors()  # as importing autograder does, the first time in a process
    run(shell, "from autograder import check, hint, progress, ready, is_reference")
    yield shell
    InteractiveShell.clear_instance()


def run(shell, code):
    """Run a cell; return what it printed."""
    with capture_output() as captured:
        shell.run_cell(code, store_history=True)
    return captured.stdout + captured.stderr


def test_check_tells_right_wrong_and_unwritten_apart(shell):
    run(shell, STUB)
    assert "not written yet, 0 of 4 points" in run(shell, "points = check(softmax)")
    run(shell, RIGHT)
    assert "softmax: right, 4 of 4 points" in run(shell, "points = check(softmax)")
    assert shell.user_ns["points"] == 4.0
    run(shell, WRONG)
    told = run(shell, "points = check(softmax)")
    assert "Mistake: over queries." in told
    assert "first difference at" in told
    assert shell.user_ns["points"] == 0.0


def test_points_are_a_number_to_nbgrader_and_words_to_a_learner(shell):
    run(shell, RIGHT)
    run(shell, "points = check(softmax)")
    shown = shell.user_ns["points"]._repr_mimebundle_()
    assert float(shown["text/plain"]) == 4.0
    assert shown["text/html"] == "4 of 4 points"


def test_what_a_function_prints_or_warns_about_is_no_error(shell):
    run(
        shell,
        "import numpy as np, sys, warnings\n"
        "def softmax(S):\n"
        "    print('look', file=sys.stderr); warnings.warn('oh')\n"
        "    return np.exp(S) / np.exp(S).sum(axis=-1, keepdims=True)",
    )
    with capture_output() as captured:
        shell.run_cell("points = check(softmax)")
    assert captured.stderr == ""
    assert "without the maximum" in captured.stdout


@pytest.mark.parametrize(
    ("cell", "told"),
    [
        ("check('softmax')", "this is of type str"),
        ("import numpy as np; check(np.zeros(3))", "this is of type ndarray"),
        ("def softmx(S): pass\ncheck(softmx)", "Is softmax meant?"),
    ],
)
def test_check_of_something_else_says_so_and_gives_no_points(shell, cell, told):
    assert told in run(shell, cell)
    assert shell.user_ns["_"] == 0.0


def test_hint_goes_one_step_further_each_time(shell):
    run(shell, WRONG)
    told = [run(shell, "hint(softmax)") for _ in range(7)]
    steps = 2 + len(discover()["softmax"].hints) + 1
    assert "Hint 1 of 6 (5 more)" in told[0]
    assert "columns sum to 1" in told[1]
    assert len(set(told)) == steps == 6
    assert told[5] == told[6]
    assert "Read the chapter 'Softmax' again" in told[5]


def test_hint_begins_where_check_has_ended(shell):
    run(shell, WRONG)
    found = run(shell, "check(softmax)")
    own = discover()["softmax"].hints
    told = [run(shell, "hint(softmax)") for _ in range(len(own) + 1)]
    assert f"Hint 1 of {len(own) + 1}" in told[0]
    for step, words in zip(told, own, strict=False):
        assert " ".join(words.split()) in step
        assert "columns sum to 1" not in step and "Shapes:" not in step
    assert "columns sum to 1" in found
    assert "(the last one)" in told[-1]


def test_hint_tells_what_is_wrong_since_the_last_check(shell):
    run(shell, WRONG)
    run(shell, "check(softmax)")
    first = run(shell, "hint(softmax)")
    run(shell, "def softmax(S):\n    return S + 1")
    second, third = (run(shell, "hint(softmax)") for _ in range(2))
    assert "must sum to 1" not in first
    assert "must sum to 1" in second
    assert third not in (first, second)


def test_what_a_dict_holds_is_shown_by_its_shapes(shell):
    run(
        shell,
        "def single_head_attention(X, params):\n    return X, X @ X.T",
    )
    told = run(shell, "check(single_head_attention)")
    assert re.search(r"params: W_q, W_k \(\d, \d\); b_q, b_k \(\d,\); W_v \(", told)
    assert "array(" not in told


def test_an_ordinary_case_is_shown_before_a_huge_or_a_narrow_one(shell):
    run(
        shell,
        "import numpy as np\n"
        "from solutions.single_head import single_head_attention as right\n"
        "wrong = right.declared.exercise.mistakes\n"
        "other = next(m for m in wrong if m.__name__ == 'divided_by_d_k')\n"
        "from solutions.output_projection import never_split\n"
        "def single_head_attention(X, params):\n    return other(X, params)\n"
        "def multi_head_attention(X, params, num_heads):\n"
        "    return never_split(X, params, num_heads)",
    )
    assert "that fail (different widths, no. " in run(
        shell, "check(single_head_attention)"
    )
    told = run(shell, "check(multi_head_attention)")
    assert "Mistake: never split." in told
    assert "num_heads: 1" not in told


def test_ready_gives_yours_or_the_reference(shell):
    run(shell, STUB)
    run(shell, "mine = ready(softmax)")
    assert notebook.is_reference(shell.user_ns["mine"])
    run(shell, WRONG)
    run(shell, "mine = ready(softmax)")
    assert shell.user_ns["mine"].__wrapped__ is shell.user_ns["softmax"]


def test_ready_gives_arrays_where_a_right_answer_gives_lists(shell):
    run(
        shell,
        "import numpy as np\n"
        "def softmax(S):\n"
        "    rows = [np.exp(row - max(row)) for row in S]\n"
        "    return [list(row / sum(row)) for row in rows]",
    )
    assert "softmax: right" in run(shell, "check(softmax)")
    run(shell, "A = ready(softmax)(np.zeros((2, 4)))\nB = ready('softmax')(np.eye(3))")
    assert shell.user_ns["A"].shape == (2, 4)
    assert shell.user_ns["B"].shape == (3, 3)
    run(shell, "def attention(Q, K, V):\n    return [[[1.0, 2.0]], [[1.0]]]")
    run(shell, "O, A = ready(attention)(1, 2, 3)")
    assert shell.user_ns["O"].shape == (1, 2)
    assert shell.user_ns["A"].shape == (1, 1)


@pytest.mark.parametrize("kind", ["torch.as_tensor", "np.asmatrix"])
def test_ready_gives_arrays_where_a_right_answer_gives_something_like_it(shell, kind):
    run(shell, "import numpy as np, torch")
    run(shell, f"def scores(Q, K):\n    return {kind}(Q @ K.T)")
    assert "scores: right" in run(shell, "check(scores)")
    run(shell, "S = ready(scores)(np.eye(2), np.eye(2))")
    assert type(shell.user_ns["S"]) is np.ndarray


def test_solved_work_survives_a_restart(shell, tmp_path):
    run(shell, RIGHT)
    run(shell, "check(softmax)")
    assert "softmax ✓" in run(shell, "progress()")
    program = (
        "from autograder import progress, ready, is_reference\n"
        "progress()\n"
        "print('the reference:', is_reference(ready('softmax')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path
    )
    assert "softmax ✓" in done.stdout, done.stderr
    assert "the reference: False" in done.stdout
    assert "this line is not a definition" not in done.stdout


def test_what_is_given_is_not_praised(shell, tmp_path):
    """By `ready`, before it is solved and after: what is written counts in grading."""
    given = "softmax = ready('softmax'); points = check(softmax)"
    assert "softmax is not written here" in run(shell, given)
    assert shell.user_ns["points"] == 0.0
    run(shell, RIGHT)
    assert "softmax: right" in run(shell, "check(softmax)")
    kept = tmp_path / ".solved" / "softmax.py"
    written = kept.stat().st_mtime_ns
    assert "softmax: right" in run(shell, "check(softmax)")
    assert kept.stat().st_mtime_ns == written  # nothing changed
    assert "softmax is not written here" in run(shell, given)
    assert "softmax is not written here" in run(shell, "hint(softmax)")


def test_an_earlier_answer_that_is_wrong_now_is_not_used(shell, tmp_path):
    folder = tmp_path / ".solved"
    folder.mkdir()
    (folder / "softmax.py").write_text(WRONG)
    run(shell, "mine = ready('softmax')")
    assert notebook.is_reference(shell.user_ns["mine"])


def test_a_folder_that_cannot_be_written_loses_no_points(shell, tmp_path):
    (tmp_path / ".solved").write_text("a file in the way")
    run(shell, RIGHT)
    told = run(shell, "points = check(softmax)")
    assert "could not be kept" in told
    assert shell.user_ns["points"] == 4.0


def test_errors_get_a_sentence_that_helps(shell):
    assert "Run the cell that defines softmax" in run(shell, "check(softmax)")
    assert "Is softmax meant?" in run(shell, "check(sofmax)")
    assert "Is it misspelt" in run(shell, "print(qwertz)")
    run(shell, STUB)
    assert "not written yet" in run(shell, "softmax(1)")
    assert "make lab" in note_for(ModuleNotFoundError("no", name="autograder"))
    assert note_for(ValueError("x")) is None


def test_agree_says_how_far_apart(capsys):
    import torch

    notebook.agree(np.ones(3), torch.ones(3, requires_grad=True))
    notebook.agree(np.ones(3), torch.ones(3) * 1.5)
    notebook.agree(np.ones(3), torch.ones(4))
    told = capsys.readouterr().out.splitlines()
    assert told[0].startswith("They agree")
    assert told[1] == "They differ: the largest difference is 0.5."
    assert told[2] == "They differ: yours has shape (3,), theirs (4,)."


def test_importing_is_quick():
    """A learner's first cell must not wait for torch, matplotlib or nbgrader."""
    program = "import sys, autograder; print([m for m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONWARNINGS": "ignore"},
    )
    modules = set(eval(done.stdout))
    assert not modules & {"torch", "matplotlib", "nbgrader", "nbformat", "jupytext"}


@pytest.mark.parametrize(
    ("cell", "told"),
    [
        # A cell not run, or a name misspelt.
        ("chek(softmax)", "Is check meant?"),
        ("hint(softmax)", "Run the cell that defines softmax"),
        ("np.zeros(3)", "Run the cell with `import numpy as np` first"),
        ("import nunpy", "Is numpy meant?"),
        ("import pandas_of_another_kernel", "This kernel has no package pandas_of"),
        ("def f():\n    x += 1\nf()", "is read before it gets a value"),
        # The stop button.
        (
            "def softmax(S):\n    raise KeyboardInterrupt\ncheck(softmax)",
            "softmax had not come to an end. Is there a loop that does not end?",
        ),
        # A wrong answer that is no error of Python's.
        ("def softmax(S):\n    pass\ncheck(softmax)", "returned None"),
        ("def softmax(S):\n    return S[0]\ncheck(softmax)", "shape"),
        ("def softmax(S):\n    return nump.exp(S)\ncheck(softmax)", "nump"),
        ("def softmax():\n    return 1\ncheck(softmax)", "argument"),
        ("def softmax(S):\n    print(S)\ncheck(softmax)", "`print(A)` only shows"),
        ("def softmax(S):\n    return 1\ncheck(softmax)", "A is a single number"),
        (
            "def softmax(S):\n    E = S\n    return e / E\ncheck(softmax)",
            "Is `E` meant?",
        ),
        (
            "def softmax(S):\n    return np.exp(S)\ncheck(softmax)",
            "Put `import numpy as np` above it",
        ),
        (
            "class MultiHeadAttention(ready('MultiHeadAttention')):\n"
            "    def forward(self, X):\n        return X @ W_q, X\n"
            "check(MultiHeadAttention)",
            "Is `self.W_q` meant?",
        ),
        ("check(lambda S: S)", "define the function with `def`"),
        ("import operator\ncheck(operator.itemgetter(1))", "with `def`, as the stub"),
        ("hint('softmax')", "Pass the function itself"),
        ("check(softmax(1))", "Run the cell that defines softmax"),
        ("check()", "check"),
    ],
)
def test_what_learners_do_gets_a_sentence_that_helps(shell, cell, told):
    assert told in run(shell, cell)


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ("return np.exp(M) / np.exp(M).sum()", "softmax reads M of"),
        ("return np.array([np.exp(s) / NORM for s in M])", "reads M, NORM of"),
        ("return M / SUMS['a']", "reads M, SUMS of"),
        ("M = S.T\n    return np.exp(M)", None),  # its own M; T is an attribute
        ("return helper(S)", None),
        (RIGHT.partition("def softmax(S):")[2].replace(" - ", " * ONE - "), None),
    ],
)
def test_a_wrong_answer_is_told_what_it_reads_of_the_notebook(shell, lines, told):
    run(shell, "import numpy as np; M = np.ones((2, 3)); T = ONE = NORM = 1.0")
    run(shell, "SUMS = {'a': M}\ndef helper(S):\n    return S")
    run(shell, f"def softmax(S):\n    {lines}")
    said = run(shell, "check(softmax)")
    assert "softmax:" in said
    assert told in said if told else "Besides" not in said
    assert "Besides" not in run(shell, "hint(softmax)")  # it has been said


def test_a_stopped_check_shows_the_learners_lines_and_few_of_ours(shell):
    told = run(shell, "def softmax(S):\n    raise KeyboardInterrupt\ncheck(softmax)")
    assert "1 def softmax(S)" in told and "autograder/" not in told


def test_an_error_in_a_reference_does_not_show_it(shell):
    told = run(shell, "ready('concat_heads')([1])")
    assert "AttributeError" in told and "ready('concat_heads')" in told
    assert "solutions" not in told and "transpose" not in told


def test_hint_on_a_right_answer_says_so(shell):
    run(shell, RIGHT)
    assert "softmax: right" in run(shell, "hint(softmax)")


@pytest.mark.parametrize(
    ("cell", "told"),
    [
        (
            "def layer_norm(X, gamma, beta, eps):\n    raise NotImplementedError\n"
            "def add_and_norm(X, Y, gamma, beta, eps=1e-5):\n"
            "    return layer_norm(X + Y, gamma, beta, eps)\n"
            "check(add_and_norm)",
            "What is missing is layer_norm.",
        ),
        (
            "class MultiHeadAttention(ready('MultiHeadAttention')):\n"
            "    def __init__(self, d_model, num_heads):\n"
            "        super().__init__(d_model, num_heads)\n"
            "    def forward(self, X):\n        raise NotImplementedError\n"
            "check(MultiHeadAttention)",
            "What is missing is forward.",
        ),
    ],
)
def test_a_stub_inside_a_written_answer_is_named(shell, cell, told):
    assert told in run(shell, cell)


def test_a_stub_that_was_solved_before_says_where_it_is_kept(shell):
    run(shell, RIGHT)
    run(shell, "check(softmax)")
    run(shell, STUB)
    assert "your answer is kept in .solved/softmax.py" in run(shell, "check(softmax)")


def test_a_class_is_told_what_its_methods_read(shell):
    from autograder.notebook.verbs import _read_outside

    run(shell, "HEADS = 2")
    run(shell, "class Layer:\n    def forward(self, X):\n        return X[:HEADS]")
    assert _read_outside(shell.user_ns["Layer"]) == ["HEADS"]


def test_a_learners_own_error_is_shown_as_python_shows_it(shell):
    told = run(shell, "1 / 0")
    assert "ZeroDivisionError: division by zero" in told


def test_a_kernel_without_the_package_says_which_one_to_choose(shell, tmp_path):
    """What `make lab` runs in every kernel, in one that has nothing of the book."""
    from autograder.chapters.toc import ROOT

    startup = (ROOT / "autograder" / "lab" / "startup.py").read_text()
    (tmp_path / "program.py").write_text(
        "import sys\n"
        "sys.modules['autograder'] = None  # as good as not installed\n"
        "from IPython.core.interactiveshell import InteractiveShell\n"
        "shell = InteractiveShell.instance(colors='nocolor')\n"
        f"shell.run_cell({startup!r})\n"
        "shell.run_cell('from autograder import check')\n"
    )
    done = subprocess.run(
        [sys.executable, tmp_path / "program.py"], capture_output=True, text=True
    )
    assert "choose 'Python 3 (ipykernel)'" in done.stdout, done.stdout + done.stderr


def test_ready_gives_yes_and_no_where_a_mask_is_made_of_numbers():
    def causal_mask(n):
        return np.tri(n)

    from autograder import ready

    allowed = ready(causal_mask)(3)
    assert allowed.dtype == bool
    assert (allowed == np.tri(3, dtype=bool)).all()
