"""The command line, as somebody types it."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import autograder.grading.judge_file as judging
from autograder.__main__ import SHELLS, cli, main
from autograder.chapters.toc import ROOT
from autograder.course.grade import _shown
from autograder.grading.judge_file import SubmissionError, judge_file

RIGHT_AND_WRONG = """
import numpy as np

def scores(Q, K):
    return Q @ K.T

def softmax(S):
    E = np.exp(S - S.max(axis=0, keepdims=True))
    return E / E.sum(axis=0, keepdims=True)
"""


def autograder(*arguments, cwd=None):
    return subprocess.run(
        [sys.executable, "-m", "autograder", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=cwd,
    )


def test_judge_tells_right_from_wrong(tmp_path):
    file = tmp_path / "answers.py"
    file.write_text(RIGHT_AND_WRONG)
    done = autograder("judge", file, "--json")
    assert done.returncode == 1, done.stderr
    scores, softmax = json.loads(done.stdout)["verdicts"]
    assert scores["passed"] is True
    assert scores["score"] == scores["max_score"]
    assert softmax["passed"] is False
    assert softmax["mistake"] == "over_queries"
    assert "columns sum to 1" in softmax["hint"]
    assert set(softmax["first_difference"]) == {"index", "expected", "actual"}
    assert {case["passed"] for case in softmax["cases"]} == {False}
    told = autograder("judge", file)
    assert told.returncode == 1
    assert "over queries" in told.stdout


def test_judge_reports_the_librarys_own_function(tmp_path):
    file = tmp_path / "library.py"
    file.write_text(
        "import torch\ndef softmax(S):\n    return torch.tensor(S).softmax(dim=-1)\n"
    )
    done = autograder("judge", file, "--json")
    [verdict] = json.loads(done.stdout)["verdicts"]
    assert verdict["passed"] is True  # a pointer for a human, never a punishment
    assert "softmax" in verdict["flags"][0]


def test_judge_says_what_is_not_written(tmp_path):
    file = tmp_path / "stub.py"
    file.write_text("def softmax(S):\n    raise NotImplementedError\n")
    done = autograder("judge", file, "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["verdicts"][0]["passed"] is None


def test_judge_passes_when_all_is_right(tmp_path):
    file = tmp_path / "right.py"
    file.write_text("def scores(Q, K):\n    return Q @ K.T\n")
    assert autograder("judge", file).returncode == 0


def test_judge_offers_what_earlier_chapters_made(tmp_path):
    file = tmp_path / "heads.py"
    file.write_text(
        "from autograder import check, ready\n"
        "import numpy as np\n"
        "scale, softmax = ready('scale'), ready('softmax')\n"
        "def attend_in_parallel(Q, K, V):\n"
        "    A = [softmax(scale(q @ k.T, q.shape[-1])) for q, k in zip(Q, K)]\n"
        "    return np.stack([a @ v for a, v in zip(A, V)]), np.stack(A)\n"
        "check(attend_in_parallel)\n"
    )
    done = autograder("judge", file)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("broken.py", b"def softmax(S:\n", "line 1: Python cannot read this"),
        ("nothing.py", b"x = 1\n", "defines none of the book's functions"),
        ("bytes.py", b"\xff\xfe\x00", "not UTF-8"),
        ("deep.py", b"def softmax(S): pass\nx = " + b"-" * 9999 + b"1", "too long"),
        ("nul.py", b"x = 1\0", "Python cannot read this"),
        ("raises.py", b"1 / 0\ndef softmax(S):\n  pass\n", "ZeroDivisionError"),
        ("missing.py", None, "no such file"),
    ],
)
def test_judge_refuses_in_one_clear_sentence(tmp_path, name, content, told):
    file = tmp_path / name
    if content is not None:
        file.write_bytes(content)
    done = autograder("judge", file)
    assert done.returncode == 2
    assert done.stdout == ""
    assert told in done.stderr
    assert name in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


STEERING = "\x1b[2J\x1b]0;owned\x07\x9b1m\u202e\ud800\r"
STEERING_FILE = f"""
class E(Exception): pass
E.__name__ = {STEERING[:-2]!r}
def scores(Q, K): raise ValueError({STEERING!r})
def scale(S, d_k): raise E("x")
def softmax(S): return type({STEERING[:-2]!r}, (), {{}})()
def init_parameters(d, h, r): return {{{STEERING!r}: 1.0}}
def attend_in_parallel(Q, K, V):
    raise ValueError("a")  # \x1b[31m\x9b\u202e
"""


@pytest.mark.parametrize("option", [[], ["--json"]])
def test_judge_steers_no_terminal(tmp_path, option):
    file = tmp_path / "f.py"
    file.write_text(STEERING_FILE, encoding="utf-8")
    done = autograder("judge", file, *option)
    assert done.returncode == 1 and not done.stderr
    assert done.stdout.replace("\n", "").isprintable()
    assert done.stdout.count("owned") >= 4


def test_an_error_while_a_file_runs_is_one_harmless_line(tmp_path):
    file = tmp_path / "f.py"
    file.write_text(f"raise ValueError({STEERING + chr(10)!r})\ndef softmax(S): pass")
    done = autograder("judge", file)
    assert done.returncode == 2 and "owned" in done.stderr
    assert done.stderr.removesuffix("\n").isprintable()


def test_judge_reads_ordinary_files_alone(tmp_path):
    os.mkfifo(tmp_path / "pipe.py")
    for path, told in [(tmp_path, "a folder"), (tmp_path / "pipe.py", "no ordinary")]:
        with pytest.raises(SubmissionError, match=told):
            judge_file(path)


def test_bad_usage_exits_with_2():
    assert autograder("juggle").returncode == 2
    done = autograder("build", "99_nothing")
    assert done.returncode == 2
    assert "no chapter 99_nothing" in done.stderr


def test_course_changes_nothing_that_is_there(tmp_path):
    course = tmp_path / "course"
    assert autograder("course", course).returncode == 0
    config = course / "nbgrader_config.py"
    config.write_text("# mine\n")
    source = next(course.glob("source/*/*.ipynb"))
    source.write_text("{}")
    before = {p: p.read_bytes() for p in course.rglob("*") if p.is_file()}
    done = autograder("course", course)
    assert "nothing was changed" in done.stdout
    assert {p: p.read_bytes() for p in course.rglob("*") if p.is_file()} == before


# The parser.


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        (["juge", "x.py"], "Did you mean 'judge'?"),
        (["grade", "05_softmax", "--job", "3"], "'--jobs'"),
        (["build", "05_sofmax"], "there is no chapter 05_sofmax"),
        (["build", "05_sofmax"], "Is 05_softmax meant?"),
        (["build", "5"], "Is 05_softmax meant?"),
        (["example"], "Name a CHAPTER, or give --remove"),
        (["example", "05_softmax", "--remove"], "Name a CHAPTER, or give --remove"),
        (["grade"], "Missing argument 'CHAPTER'"),
        (["grade", "05_softmax", "--tier", "none"], "'namespaces', 'landlock'"),
    ],
)
def test_what_is_misspelt_is_told_with_what_is_meant(typed, told, capsys):
    assert main(typed) == 2
    shown = capsys.readouterr()
    assert told in shown.err
    assert not shown.out and "Traceback" not in shown.err


def test_every_verb_tells_its_options(capsys):
    for verb, command in cli.commands.items():
        assert main([verb, "--help"]) == 0
        shown = capsys.readouterr().out
        assert command.help in " ".join(shown.split()) or "\n" in command.help
        for option in command.params:
            assert all(name in shown for name in option.opts if name.startswith("--"))


def test_a_fault_of_the_program_is_no_bad_usage(monkeypatch, capsys):
    monkeypatch.setattr(judging, "judge_file", lambda *a, **k: np.ones(2) @ np.ones(3))
    assert main(["judge", "x.py"]) == 3
    told = capsys.readouterr().err
    assert "Traceback" in told and "matmul" in told
    assert "a fault of autograder" in told


def test_debug_shows_where_an_error_arose(tmp_path, capsys):
    assert main(["--debug", "judge", str(tmp_path / "missing.py")]) == 2
    told = capsys.readouterr().err
    assert "Traceback" in told and told.splitlines()[-1].startswith("autograder judge:")


def test_errors_of_our_own_have_one_base():
    """A user can mend them: they are told as a sentence. All others are faults."""
    ours = [
        node.name
        for file in (ROOT / "autograder").rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.ClassDef)
        and any(getattr(base, "id", "") == "ValueError" for base in node.bases)
    ]
    # What a stranger sent is refused where it is read.
    assert sorted(ours) == ["UserError", "WireError"]


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        (["gr"], {"grade"}),
        (["grade", "05"], {"05_softmax"}),
        (["grade", "05_softmax", "--sch"], {"--scheduler"}),
        (["completion", ""], {"bash", "zsh", "fish"}),
    ],
)
def test_the_shell_completes(typed, completed):
    words = {"COMP_WORDS": " ".join(["autograder", *typed]), "COMP_CWORD": len(typed)}
    done = subprocess.run(
        [Path(sys.executable).with_name("autograder")],
        env=os.environ
        | {"_AUTOGRADER_COMPLETE": "bash_complete"}
        | {name: str(word) for name, word in words.items()},
        capture_output=True,
        text=True,
    )
    assert {line.split(",")[1] for line in done.stdout.splitlines()} == completed


@pytest.mark.parametrize("shell", SHELLS)
def test_the_line_for_a_shell_is_what_click_understands(shell, capsys):
    assert main(["completion", shell]) == 0
    assert f"_AUTOGRADER_COMPLETE={shell}_source autograder" in capsys.readouterr().out


def test_on_a_terminal_a_bar_moves_and_elsewhere_none(monkeypatch, capsys):
    for watched in (True, False):
        monkeypatch.setattr(sys.stderr, "isatty", lambda w=watched: w, raising=False)
        assert list(_shown(iter([["a", "b"], ["c"]]), 3)) == [["a", "b"], ["c"]]
        assert ("3/3" in capsys.readouterr().err) == watched
