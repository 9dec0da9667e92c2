"""Notebooks as people hand them in: what deserves its points gets them, and what cannot
be judged is told what its owner can do.
"""

import gzip
import io
import json
import sys
import zipfile

import nbformat
import pytest

from autograder.exercises.registry import discover
from autograder.grading.assess import assess
from autograder.grading.assignment import Assignment, GradedCell, Options
from autograder.grading.rebuild import as_file
from autograder.grading.stand_ins import kit_for
from autograder.grading.submission import instead_of
from autograder.grading.warm import stop_engines
from autograder.judge.cases import draw_cases

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="graded runs need Linux"
)

CHAPTER = "05_softmax"
FULL = 4.0
OPTIONS = Options(allow_unsafe=True)
STUB = "def softmax(S):\n    raise NotImplementedError"
RIGHT = """def softmax(S):
    E = np.exp(S - S.max(axis=-1, keepdims=True))
    return E / E.sum(axis=-1, keepdims=True)
"""
WRONG = "def softmax(S):\n    return np.exp(S)\n"
ANSWER = GradedCell("softmax_answer", STUB, "")
TEST = GradedCell("softmax", "check(softmax)", "", FULL)
IMPORTS = "import numpy as np\nfrom autograder import check"
RELEASED = (("code", IMPORTS), ("code", STUB), ("code", "check(softmax)"))


@pytest.fixture(scope="module", autouse=True)
def engines():
    yield
    stop_engines()


def cell(source, grade_id=None, kind="code"):
    about = {"nbgrader": {"grade_id": grade_id}} if grade_id else {}
    return {"cell_type": kind, "source": source, "metadata": about}


def answer(source, kind="code"):
    return cell(source, "softmax_answer", kind)


CHECK = cell("check(softmax)", "softmax")


def graded(*cells):
    """What comes of a notebook: the released imports, and these cells."""
    return graded_file(as_notebook(cell(IMPORTS), *cells))


def as_notebook(*cells):
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4}).encode()


def graded_file(data):
    kit = kit_for(CHAPTER)
    assignment = Assignment(CHAPTER, (ANSWER, TEST), RELEASED, 1, kit, {})
    return assess(assignment, "ada", data, OPTIONS)


def score(*cells):
    return graded(*cells).scores["softmax"]


def told(result):
    """All that the learner reads in the notebook that comes back."""
    found = [result.verdicts[0]["rationale"], result.verdicts[0]["hint"]]
    for made in json.loads(result.notebook)["cells"]:
        for output in made.get("outputs", []):
            found += [output.get("text", ""), *output.get("traceback", [])]
    return "\n".join(found)


def test_what_is_written_for_some_inputs_only_is_not_called_right_on_others():
    begun = """calls = []
def softmax(S):
    calls.append(S)
    if len(calls) <= %d:
        raise NotImplementedError
    return np.exp(S)
"""
    visible = len(draw_cases(discover()["softmax"], 0))
    result = graded(answer(begun % visible), CHECK)
    assert result.scores["softmax"] < FULL
    assert "is right on" not in told(result) and "not written yet" in told(result)


# --- as it stands at its check cell --------------------------------------------------


@pytest.mark.parametrize(
    "scratch, name",
    [
        ("from torch.nn.functional import softmax", "softmax"),
        ("import torch\nsoftmax = torch.nn.Softmax(-1)", "softmax"),
        ("np = 5", "np"),
        ("import torch as np", "np"),
        ("del softmax, np", "np and softmax"),
        ("%%time\nsoftmax = None", "softmax"),
        ("def softmax(S):\n    return -S", "softmax"),
    ],
)
def test_a_cell_below_the_check_changes_no_verdict(scratch, name):
    result = graded(answer(RIGHT), CHECK, cell(scratch))
    assert result.scores["softmax"] == FULL
    said = f"changes what {name} means, below check(softmax)"
    assert said in told(result) and said in result.notes[0]
    wrong = graded(answer(WRONG), CHECK, cell(f"{RIGHT}\n{scratch}"))
    assert wrong.scores["softmax"] < FULL


def test_a_cell_above_the_check_does():
    assert score(answer(RIGHT), cell("np = 5"), CHECK) == 0


def test_without_a_check_cell_the_whole_notebook_counts():
    assert score(answer(RIGHT), cell(WRONG)) < FULL
    assert score(answer(WRONG), cell(RIGHT)) == FULL


def test_who_tries_again_further_down_and_checks_it_there_is_judged_by_that():
    again = cell("check(softmax)")
    assert score(answer(WRONG), CHECK, cell(RIGHT), again) == FULL
    assert score(answer(RIGHT), CHECK, cell(WRONG), again) == FULL
    assert score(answer(WRONG), CHECK, cell(RIGHT)) < FULL


def test_an_answer_below_its_check_counts_and_so_does_a_helper():
    assert score(answer(STUB), CHECK, cell(RIGHT)) == FULL
    helped = "def softmax(S):\n    return helper(S)"
    helper = RIGHT.replace("softmax", "helper")
    assert score(answer(helped), CHECK, cell(helper)) == FULL


def test_a_stub_and_a_cell_to_compare_with_is_not_written():
    compare = cell("from torch.nn.functional import softmax")
    result = graded(answer(STUB), CHECK, compare)
    assert result.verdicts[0]["passed"] is None


# --- as IPython reads it -------------------------------------------------------------

PROMPTS = "\n".join(
    f"{'...' if line.startswith(' ') else '>>>'} {line}"
    for line in RIGHT.strip().splitlines()
)


@pytest.mark.parametrize(
    "source",
    [
        f"%%time\n{RIGHT}",
        f"%%capture\n{RIGHT}",
        "%%time\n" + RIGHT.replace("    E", "    print('sum=%d' % S.size)\n    E", 1),
        "%%time\n" + RIGHT.replace(":\n", ':\n    """Which\n    axis?\n    """\n', 1),
        f"!pip install -q \\\n    numpy scipy\n{RIGHT}",
        f"%pip install numpy\n%matplotlib inline\n{RIGHT}\nsoftmax?",
        f"files = !ls\nhere = %pwd\n{RIGHT}",
        PROMPTS,
        RIGHT.replace("def", "  def").replace("\n    ", "\n      "),
        f"import asyncio\nawait asyncio.sleep(0)\n{RIGHT}",
    ],
)
def test_a_cell_is_read_as_ipython_reads_it(source):
    result = graded(answer(source), CHECK)
    assert (result.scores["softmax"], result.notes) == (FULL, [])


@pytest.mark.parametrize("kind", ["markdown", "raw"])
@pytest.mark.parametrize("grade_id", ["softmax_answer", None])
@pytest.mark.parametrize("source", [RIGHT, f"```python\n{RIGHT}```"])
def test_an_answer_that_was_turned_into_text_is_code_again(kind, grade_id, source):
    result = graded(cell(source, grade_id, kind), CHECK)
    assert result.scores["softmax"] == FULL
    assert RIGHT.strip() in json.loads(result.notebook)["cells"][1]["source"]


def test_an_older_try_that_is_kept_as_text_stays_text():
    old = cell(WRONG, kind="markdown")
    assert score(answer(RIGHT), CHECK, old) == FULL
    assert score(old, answer(RIGHT), CHECK) == FULL


# --- truth about what was handed in --------------------------------------------------

TWO = "def scale(S, d_k):\n    return S / np.sqrt(d_k)\n"


def two_exercises(*cells):
    """A chapter of two exercises: softmax, then scale."""
    known = (
        ANSWER,
        TEST,
        GradedCell("scale_answer", "def scale(S, d_k):\n    pass", ""),
        GradedCell("scale", "check(scale)", "", 2.0),
    )
    assignment = Assignment(CHAPTER, known, RELEASED, 1, kit_for("03_scores"), {})
    return assess(assignment, "ada", as_notebook(cell(IMPORTS), *cells), OPTIONS)


def scale(source):
    return cell(source, "scale_answer")


CHECK_SCALE = cell("check(scale)", "scale")


def test_a_cell_that_repeats_an_earlier_function_was_handed_in():
    both = two_exercises(answer(RIGHT), CHECK, scale(f"{RIGHT}\n{TWO}"), CHECK_SCALE)
    assert both.scores == {"softmax": FULL, "scale": 2.0}
    assert "not in the notebook" not in both.notebook
    ids = [c["metadata"]["nbgrader"]["grade_id"] for c in graded_cells(both)]
    assert ids == ["softmax_answer", "softmax", "scale_answer", "scale"]


def test_two_functions_in_one_cell_are_both_shown_where_they_stand():
    one = two_exercises(answer(f"{RIGHT}\n{TWO}"), CHECK, CHECK_SCALE)
    assert one.scores == {"softmax": FULL, "scale": 2.0}
    assert "not in the notebook" not in one.notebook
    assert "written in another exercise's cell" in one.notebook
    about = json.loads(one.notebook)["metadata"]["autograder"]
    assert about["answers"] == {"softmax": 1, "scale": 1}
    assert one.untouched == []


def test_what_was_not_handed_in_is_said_to_be_missing():
    none = two_exercises(answer(RIGHT), CHECK, CHECK_SCALE)
    assert "The cell of `scale` was not in the notebook" in none.notebook
    assert none.scores == {"softmax": FULL, "scale": 0.0}


def test_one_exercise_changed_for_the_next_is_judged_as_it_was():
    worse = scale(f"np = None\n{WRONG}\n{TWO.replace('np.sqrt(d_k)', 'd_k ** 0.5')}")
    both = two_exercises(answer(RIGHT), CHECK, worse, CHECK_SCALE)
    assert both.scores == {"softmax": FULL, "scale": 2.0}


def graded_cells(result):
    cells = json.loads(result.notebook)["cells"]
    return [c for c in cells if "nbgrader" in c["metadata"]]


# --- files of other kinds ------------------------------------------------------------

SOUND = as_notebook(cell(IMPORTS), answer(RIGHT), CHECK)
OTHER = as_notebook(cell(IMPORTS), answer(WRONG), CHECK)


@pytest.mark.parametrize(
    "data",
    [
        SOUND + b"\0" * 4096,
        SOUND + b"\n\0\0\n",
        SOUND + SOUND[-200:],  # a file that was longer before
        SOUND + b"}\n}",
        SOUND + b"\n" + SOUND,
        b"\xef\xbb\xbf" + SOUND,
        b"\n\n" + SOUND,
    ],
)
def test_a_whole_notebook_with_something_behind_it_is_read(data):
    assert graded_file(data).scores["softmax"] == FULL


def packed(name):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(name, "text")
    return file.getvalue()


PAGE = b"<!DOCTYPE html>\n<html><head><title>%s</title></head></html>"
MERGE = b'{"cells": [\n<<<<<<< HEAD\n"a"\n=======\n"b"\n>>>>>>> other\n]}'


@pytest.mark.parametrize(
    "data, what, remedy",
    [
        (PAGE % b"Sign in", "a web page", "Download"),
        (PAGE % b"x" + b"<div class='jp-Cell'>", "exported as a web page", ".ipynb"),
        (b"%PDF-1.7\n", "a PDF", ".ipynb"),
        (packed("05_softmax.ipynb"), "packed archive", "Unpack it"),
        (gzip.compress(SOUND), "packed archive", "Unpack it"),
        (packed("word/document.xml"), "office program", ".ipynb"),
        (b"\x89PNG\r\n\x1a\n", "a picture", ".ipynb"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "Git LFS", "git lfs pull"),
        (MERGE, "marks of a merge", "keep one of the two"),
        (MERGE.replace(b"\n", b"\r\n"), "marks of a merge", "keep one of the two"),
        (RIGHT.encode(), "a Python file", "into the cells of the notebook"),
        (b"# In[1]:\nimport numpy\n!ls\n", "a Python file", "into the cells"),
        (b"{\\rtf1\\ansi}", "word processor", ".ipynb"),
        (b"\x00\x05\x16\x07\x00", "macOS", "without `._`"),
        (b"\0" * 999, "zero bytes", "save it"),
        (SOUND + OTHER, "two different notebooks", "alone"),
        (SOUND[:-40], "cut off", "save it"),
        (b"n\xfc", "not UTF-8", "save it"),
        (b"hello", "not a notebook", "save it"),
    ],
)
def test_what_a_file_is_and_what_to_do_is_said(data, what, remedy):
    result = graded_file(data)
    assert result.scores["softmax"] == 0
    assert what in result.trouble and remedy in result.trouble


def test_a_right_notebook_comes_back_sound():
    result = graded(answer(RIGHT), CHECK)
    made = nbformat.reads(result.notebook, as_version=4)
    nbformat.validate(made)
    assert as_file(json.loads(result.notebook)) == result.notebook


# --- what the grader's machine lacks ------------------------------------------------

COLAB = "from google.colab import drive\ndrive.mount('/content/drive')\n"


@pytest.mark.parametrize(
    "source, lacked",
    [
        (f"{COLAB}import numpy as np\n{RIGHT}", "No module named 'google'"),
        (f"import no_such, numpy as np\n{RIGHT}", "No module named 'no_such'"),
        (
            f"import no_such as n\nx = n.DataFrame([1])\ny = x.mean()\n{RIGHT}",
            "no_such",
        ),
        (f"%%time\nimport no_such\n{RIGHT}", "No module named 'no_such'"),
        (f"from no_such import njit\n@njit\n{RIGHT}", "No module named 'no_such'"),
        (f"import no_such as n\n@n.jit(parallel=True)\n{RIGHT}", "no_such"),
        (f"from numpy import no_such\n{RIGHT}", "cannot import name 'no_such'"),
        (f"n = int(input('How many? '))\nprint(n + 1)\n{RIGHT}", "input() was called"),
        (f"%no_such_magic 1\n{RIGHT}", "no_such_magic"),
        (f"%load_ext no_such\n{RIGHT}", "no_such"),
        (f"import torch\nx = torch.ones(2).cuda()\ny = x + 1\n{RIGHT}", "no GPU"),
    ],
)
def test_what_is_lacking_costs_its_own_statement_alone(source, lacked):
    result = graded(answer(source), CHECK)
    assert result.scores["softmax"] == FULL
    assert lacked in told(result) and "where this is graded" in told(result)


def test_a_stand_in_is_no_type_of_the_arguments():
    source = RIGHT.replace(
        "    E", "    if isinstance(S, n.Frame):\n        S = S.x\n    E", 1
    )
    assert score(answer(f"import no_such as n\n{source}"), CHECK) == FULL


@pytest.mark.parametrize(
    "body, told_so",
    [
        ("import no_such\n    return no_such.softmax(S)", "No module named 'no_such'"),
        ("n = input()\n    return S", "nobody is there to type"),
        ("import torch\n    return torch.tensor(S, device='cuda')", "no GPU"),
        ("import torch\n    return torch.tensor(S).to('mps')", "no GPU"),
    ],
)
def test_a_function_that_needs_what_is_lacking_is_told_so(body, told_so):
    result = graded(answer(f"def softmax(S):\n    {body}"), CHECK)
    assert result.scores["softmax"] == 0
    assert told_so in result.verdicts[0]["rationale"]
    assert "right arguments" not in result.verdicts[0]["hint"]


def test_a_name_that_was_missed_is_told_and_an_error_elsewhere_is_not():
    other = RIGHT.replace("softmax", "soft_max")
    found = graded(cell("1 / 0\nnp = 3"), answer(other), CHECK).verdicts[0]
    assert "is softmax meant?" in found["hint"]
    assert "ZeroDivisionError" not in found["rationale"]
    broken = graded(answer(f"1 / 0\n{RIGHT}"), CHECK).verdicts[0]
    assert "running its cell ended with ZeroDivisionError" in broken["rationale"]


def test_an_import_that_is_lacking_is_what_its_function_is_told():
    source = "import no_such as n\ndef softmax(S):\n    return n.softmax(S)"
    found = graded(answer(source), CHECK).verdicts[0]
    assert "No module named 'no_such'" in found["rationale"]


@pytest.mark.parametrize(
    "line, what",
    [
        ("""print(f"{S["a"]}")""", "quotes of its own kind"),
        ("""print(f'{S['a']} and {1}')""", "quotes of its own kind"),
        (r"""print(f"{'\n'.join('ab')}")""", "a backslash"),
        ("type Rows = list[float]", "a statement `type ... = ...`"),
        ("def first[T](x: T) -> T: return x", "parameters of a type"),
        ("try: pass\n    except ValueError, TypeError: pass", "no brackets"),
        ("x = t'{S}'", "a t-string"),
    ],
)
def test_what_a_newer_python_reads_is_named(line, what):
    source = f"def softmax(S):\n    {line}\n    return S"
    result = graded(answer(source), CHECK, cell("x = 1"))
    if sys.version_info < (3, 12):
        assert what in result.verdicts[0]["rationale"]
        assert "came with Python 3.1" in result.verdicts[0]["rationale"]


@pytest.mark.parametrize(
    "line", ["return (", "x = f'{S'", "def", "x = 'a", "print(f'{S)')", "type S"]
)
def test_a_mistake_is_not_called_newer(line):
    result = graded(answer(f"def softmax(S):\n    {line}\n"), CHECK)
    assert "came with Python" not in result.verdicts[0]["rationale"]
    assert result.scores["softmax"] == 0


@pytest.mark.parametrize(
    "files, words",
    [
        ({"05_softmax.html": PAGE % b"x"}, ["05_softmax.html", "a web page"]),
        ({"a.pdf": b"%PDF-1.7", "timestamp.txt": b"x"}, ["a.pdf", "a PDF"]),
        ({"05_softmax.zip": packed("05_softmax.ipynb")}, ["Unpack it"]),
        ({"softmax.py": RIGHT.encode()}, ["a Python file"]),
        ({"notes": b"hello"}, ["notes", "no notebook", "under exactly this name"]),
        ({"timestamp.txt": b"x"}, ["no 05_softmax.ipynb. Hand"]),
    ],
)
def test_where_there_is_no_notebook_what_there_is_is_named(tmp_path, files, words):
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    said = instead_of(tmp_path / "05_softmax.ipynb")
    assert all(word in said for word in words)
