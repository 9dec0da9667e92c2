"""Reading a submission, and finding the cells that grading needs."""

import json
import time

import pytest

from autograder.grading import submission
from autograder.grading.submission import Cell, UnreadableError, needed, parse


def cells(*sources):
    return [Cell("code", source) for source in sources]


def needed_sources(*sources, names=("f",), released=()):
    made = cells(*sources)
    chosen = needed(made, set(names), frozenset(released))
    return [made[index].source for index in chosen]


F = "def f(x):\n    return x"


@pytest.mark.parametrize(
    "others, wanted",
    [
        (["play(f)", "check(f)", "f(3)"], []),  # they use f, and f needs none of them
        (["import numpy as np"], []),
        (["while True: pass"], []),
        (["x = 3"], []),  # f has an x of its own
        (["f.__doc__ = 'better'"], ["f.__doc__ = 'better'"]),
        (["f.cache.update(a=1)"], ["f.cache.update(a=1)"]),
        (["from helpers import *"], ["from helpers import *"]),
        (["def f(:"], ["def f(:"]),  # the learner wants to read why
        (["f = (lambda x: x"], ["f = (lambda x: x"]),
        (["g = (lambda x: x"], []),
        (["%matplotlib inline"], []),
        (["%time f = lambda x: x"], []),
        (["def g(): return f"], []),
        (["f.calls = 1\n/print f"], ["f.calls = 1\n/print f"]),
    ],
)
def test_cells_beside_the_function(others, wanted):
    assert needed_sources(F, *others) == [F, *wanted]


@pytest.mark.parametrize(
    "use, definition",
    [
        ("return np.exp(x)", "import numpy as np"),
        ("return helper(x)", "def helper(x): return x"),
        ("return x * SCALE", "SCALE = 3"),
        ("return x * SCALE", "SCALE, OTHER = 3, 4"),
        ("return x * SCALE", "for SCALE in range(3): pass"),
        ("return x * SCALE", "def setup():\n    global SCALE\n    SCALE = 1\nsetup()"),
        ("return Helper()(x)", "class Helper:\n    pass"),
        ("return x * SCALE", "with open('s') as SCALE: pass"),
        ("return [np.exp(y) for y in x]", "import numpy as np"),
        ("return (lambda y: np.exp(y))(x)", "import numpy as np"),
        ("return np.exp(x)", "%matplotlib inline\nimport numpy as np"),
    ],
)
def test_what_a_function_needs_comes_with_it(use, definition):
    function = f"def f(x):\n    {use}"
    assert needed_sources(definition, "unused = 1", function) == [definition, function]


def test_needs_are_followed_to_their_end():
    chain = [
        "import numpy as np",
        "def g(x): return np.exp(x)",
        "def f(x): return g(x)",
    ]
    assert needed_sources(*chain, "h = f") == chain


def test_what_was_handed_out_is_run_for_its_definitions_only():
    changes = "f.calls.append(1)"
    assert needed_sources(F, changes) == [F, changes]
    assert needed_sources(F, changes, released=[changes]) == [F]


def test_all_cells_that_define_a_name_are_run_in_their_order():
    again = "def f(x):\n    return 2 * x"
    assert needed_sources(F, again) == [F, again]


@pytest.mark.parametrize("source", ["\0", "(" * 10_000, "x = " + "-" * 100_000 + "1"])
def test_a_cell_that_breaks_the_parser_is_no_error(source):
    assert needed_sources(F, source) == [F]


@pytest.mark.parametrize(
    "source",
    [
        "\n" * 200_000,
        " " * 200_000 + "x",
        "%a\n" * 60_000,
        "x = [" + "1," * 100_000 + "]",
        "?\n" * 100_000,
        "def " * 60_000,
        "f = " * 60_000,
        "f\n" * 100_000 + "(",
        "f : " * 60_000 + "(",
        "# def f\n" + "a" * 200_000 + "(",
    ],
)
def test_reading_a_hostile_cell_is_quick(source):
    begin = time.process_time()
    needed_sources(F, source)
    assert time.process_time() - begin < 5


def test_a_long_chain_of_cells_is_quick():
    chain = [f"v{n} = v{n + 1}" for n in range(submission.CELLS - 1)]
    begin = time.process_time()
    assert len(needed_sources("def f(x): return v0", *chain)) == submission.CELLS
    assert time.process_time() - begin < 5


@pytest.mark.parametrize("sources", [["x"] * 2001, ["x" * 2**19, "y"]])
def test_more_code_than_anybody_writes_is_refused(sources):
    cells = [{"cell_type": "code", "source": source} for source in sources]
    with pytest.raises(UnreadableError, match="are allowed"):
        parse(as_notebook(*cells))


def test_cells_are_counted_before_they_are_read(monkeypatch):
    monkeypatch.setattr(submission, "_cell", pytest.fail)
    with pytest.raises(UnreadableError, match="2000 are allowed"):
        parse(b'{"cells": [' + b"{}," * 2000 + b"{}]}")


def test_text_that_would_grow_when_written_is_refused():
    raw = b'{"cells": [{"cell_type": "markdown", "source": "%b"}]}'
    assert len(parse(raw % (b"x" * 2**21))) == 1
    with pytest.raises(UnreadableError, match="bytes of text"):
        parse(raw % (b"\1" * 2**21))


def as_notebook(*cells):
    return json.dumps({"cells": list(cells), "nbformat": 4}).encode()


def test_cells_are_read_whatever_their_form():
    data = as_notebook(
        {"cell_type": "code", "source": ["a\n", "b"]},
        {"cell_type": "code", "source": "c", "metadata": {"nbgrader": None}},
        {"cell_type": "code", "metadata": {"nbgrader": {"grade_id": "f"}}},
        {"cell_type": "code", "metadata": {"nbgrader": {"grade_id": ["f"]}}},
        {"cell_type": "code", "source": {"no": "text"}},
        {"cell_type": "code", "source": ["a", 3, "b"]},
        {"cell_type": ["code"], "source": "<script>"},
        {"cell_type": "code", "source": "\ud800"},
        "no cell",
        None,
    )
    assert parse(data) == [
        Cell("code", "a\nb"),
        Cell("code", "c"),
        Cell("code", "", "f"),
        Cell("code", ""),
        Cell("code", ""),
        Cell("code", "ab"),
        Cell("raw", "<script>"),
        Cell("code", "?"),
    ]


def test_an_old_notebook_is_read():
    sheet = {"cells": [{"cell_type": "code", "input": ["x = 1"]}]}
    data = json.dumps({"worksheets": [sheet], "nbformat": 3}).encode()
    assert parse(data) == [Cell("code", "x = 1")]


def test_a_byte_order_mark_and_utf16_are_read():
    data = as_notebook({"cell_type": "code", "source": "x"}).decode()
    for encoding in ("utf-8-sig", "utf-16"):
        assert parse(data.encode(encoding)) == [Cell("code", "x")]


@pytest.mark.parametrize("data", [b"", b" \n", b"{", b"[]", b"3", b'{"cells": 3}'])
def test_no_notebook_is_a_sentence(data):
    with pytest.raises(UnreadableError, match=r"[Hh]and in"):
        parse(data)


def test_a_large_file_is_not_read(tmp_path):
    path = tmp_path / "large.ipynb"
    path.touch()
    with open(path, "ab") as file:
        file.truncate(submission.NOTEBOOK_BYTES + 1)
    with pytest.raises(UnreadableError, match="10 MB are allowed"):
        submission.read(path)


@pytest.mark.parametrize(
    "source, flagged",
    [
        ("torch.softmax(x, -1)", True),
        ("x.softmax(-1)", True),
        ("from scipy.special import softmax", True),
        ("softmax(x)", True),
        ("def softmax(x): return softmax(x)", False),
        ("softmax = 3", False),
        ("print('softmax(x)')", False),
        ("torch" + ".a" * 2000 + ".softmax", True),
        ("getattr(torch, 'soft' + 'max')(x)", True),
        ("def getattr(a, b): pass\ngetattr(torch, 'exp')", False),
    ],
)
def test_calls_of_the_library_are_flagged(source, flagged):
    tree = submission.names_in(source).tree
    assert bool(submission.flags_in([tree], ("softmax",))) == flagged


def test_a_cell_that_cannot_be_read_is_flagged():
    assert submission.names_in("def f(") is None
    assert len(submission.flags_in([None], ("softmax",))) == 1
    assert submission.flags_in([None], ()) == ()


def test_many_flags_are_few_lines():
    source = "\n".join(f"torch.a{number}.softmax" for number in range(3000))
    flags = submission.flags_in([submission.names_in(source).tree], ("softmax",))
    assert len(flags) == submission.FLAGS + 1
    assert "2990 more" in flags[-1]
