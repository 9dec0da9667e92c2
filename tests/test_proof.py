"""CI must notice: a wrong reference, a changed docstring, a solution on a page."""

import os
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from classroom import own_lines

from autograder.chapters.toc import ROOT
from autograder.exercises.registry import discover

HTML = ROOT / "_build" / "html"
PUBLISHED = {".html", ".js", ".json", ".ipynb", ".txt", ".md", ".inv"}


@pytest.fixture
def changed_solutions(tmp_path):
    """Run a program with a changed copy of `solutions/` in front of the real one."""
    shutil.copytree(ROOT / "solutions", tmp_path / "solutions")

    def run(module, old, new, *program):
        file = tmp_path / "solutions" / module
        text = file.read_text(encoding="utf-8")
        assert old in text
        file.write_text(text.replace(old, new, 1), encoding="utf-8")
        return subprocess.run(
            [sys.executable, *map(str, program)],
            env=os.environ | {"PYTHONPATH": str(tmp_path)},
            capture_output=True,
            text=True,
            cwd=tmp_path,  # not the root, whose own solutions would come first
        )

    return run


COMPOSE = """
import sys
from functools import cache
from pathlib import Path
from autograder.chapters.chapter import load_chapters, source_notebook, write
write(source_notebook(load_chapters(["03_scores"])[0]), Path(sys.argv[1]))
"""


@pytest.mark.parametrize(
    ("new", "caught"),
    [("return Q @ K.T", False), ("return 2 * Q @ K.T", True), ("return Q @ K", True)],
)
def test_nbval_notices_a_wrong_reference(changed_solutions, tmp_path, new, caught):
    notebook = tmp_path / "03_scores.ipynb"
    old = "return Q @ K.T"
    changed_solutions("scores.py", old, new, "-c", COMPOSE, notebook)
    done = changed_solutions(
        "scores.py", new, new, "-m", "pytest", "-q", "-p", "no:cacheprovider",
        "--nbval-lax", "--rootdir", tmp_path, notebook,
    )  # fmt: skip
    assert done.returncode == (1 if caught else 0), done.stdout[-2000:]
    assert ("They differ" in done.stdout or "mismatch" in done.stdout) == caught


def test_a_changed_docstring_fails_until_it_is_synced(changed_solutions):
    done = changed_solutions(
        "softmax.py", "positive and sum to 1.", "fine.",
        "-m", "autograder", "sync", "--check",
    )  # fmt: skip
    assert done.returncode == 1
    assert "book/05_softmax.md: is not in step with solutions/" in done.stdout
    assert "make sync" in done.stderr


@cache
def published_texts():
    return list(_published_texts())


def _published_texts():
    """(file, its text as somebody reads it) of all that the book publishes.

    But for what is meant to be there: what waits, hidden, behind the button *Solution*;
    the line that is wrong of a wrong answer; the answers of the interview page.
    """
    for path in HTML.rglob("*"):
        if path.suffix in PUBLISHED and path.name != "interview.html":
            text = path.read_text(encoding="utf-8", errors="replace")
            if path.suffix == ".html":
                page = BeautifulSoup(text, "html.parser")
                for meant in page.select(".solution[hidden], .wrong"):
                    meant.decompose()
                text = page.get_text()
            yield path.relative_to(HTML), text


def test_there_is_something_to_look_for_and_to_look_in():
    assert sum(len(own_lines(e)) for e in discover().values()) > 20
    names = {str(name) for name, _ in published_texts()}
    assert "_static/search-text.js" in names
    assert Path("book/03_scores.html") in {name for name, _ in published_texts()}


def test_no_solution_is_published():
    lines = {line: e.name for e in discover().values() for line in own_lines(e)}
    found = [
        f"{path} holds a line of {lines[line]}: {line}"
        for path, text in published_texts()
        for line in lines
        if line in text
    ]
    assert found == []


def test_no_declaration_is_published():
    """How cases are drawn stays in solutions/, and so do the mistakes."""
    marks = r"different_sizes\(|@exercise\(|@\w+\.(mistake|case|also_right)\b"
    found = [
        (str(p), m[0]) for p, text in published_texts() if (m := re.search(marks, text))
    ]
    assert found == []
