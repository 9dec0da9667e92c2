"""Reading a submission, whatever was handed in."""

import json

import pytest

from autograder.grading import submission
from autograder.grading.submission import Cell, UnreadableError, parse


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
