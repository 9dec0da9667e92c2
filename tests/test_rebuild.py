"""After an edit, exactly the chapters that it concerns are run again."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

import book.animations as animations
from autograder.exercises.registry import registered
from book.page import runs
from book.page.sources import code_of, dependencies

ROOT = Path(__file__).parent.parent
CHAPTERS = sorted(ROOT.glob("book/[0-9]*.md"))

CHAPTER = """\
---
jupytext:
  text_representation:
    format_name: myst
kernelspec:
  display_name: Python 3
  language: python
  name: python3
---

# {name}

Some words.

```{{code-cell}}
def {name}(x):
    "x (n,) -> y (n,)"
    raise NotImplementedError
```

```{{code-cell}}
from book.animations import play_{name}

with open("{name}.runs", "a") as runs:
    runs.write("x")
play_{name}({name})
```
"""
ANIMATION = """\
from .shared import unit


def play_{name}(function):
    return f"{name} plays 1 {{unit}}"
"""
PACKAGE = """\
from importlib import import_module

_HOME = {verbs}


def __getattr__(name):
    return getattr(import_module("." + _HOME[name], __name__), name)
"""
SOLUTION = '''\
"""What does {name} do?"""

from autograder.exercise import Exercise


def {name}(x):
    """Give x back.

    x (n,) -> y (n,)
    """
    return x


exercise = Exercise(reference={name})
'''
NAMES = ("left", "right")


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """A house with the real roof and two small chapters, built once."""
    house = tmp_path_factory.mktemp("house")
    shutil.copy(ROOT / "_config.yml", house)
    shutil.copytree(ROOT / "autograder", house / "autograder")
    shutil.copytree(ROOT / "book" / "page", house / "book" / "page")
    shutil.copytree(ROOT / "book" / "_static", house / "book" / "_static")
    for file in ("__init__.py", "palette.py", "sentence.py", "animations/stage.py"):
        _write(house / "book" / file, (ROOT / "book" / file).read_text("utf-8"))
    for file in ("stepper.js", "stepper.css"):
        shutil.copy(ROOT / "book" / "animations" / file, house / "book" / "animations")
    verbs = repr({f"play_{name}": name for name in NAMES})
    _write(house / "book" / "animations" / "__init__.py", PACKAGE.format(verbs=verbs))
    _write(house / "book" / "animations" / "shared.py", 'unit = "turn"\n')
    _write(house / "solutions" / "__init__.py", "")
    for name in NAMES:
        _write(house / "book" / f"{name}.md", CHAPTER.format(name=name))
        _write(
            house / "book" / "animations" / f"{name}.py", ANIMATION.format(name=name)
        )
        _write(house / "solutions" / f"{name}.py", SOLUTION.format(name=name))
    _write(house / "book" / "index.md", "# Start\n")
    parts = "".join(f"\n      - file: book/{name}" for name in NAMES)
    toc = "format: jb-book\nroot: book/index\nparts:\n  - chapters:"
    _write(house / "_toc.yml", toc + parts + "\n")
    _build(house)
    return house


def test_a_clean_build_runs_every_chapter_once(house):
    assert _runs(house) == (1, 1)
    assert "left plays 1 turn" in _page(house, "left")


def test_prose_runs_nothing(house):
    before = _runs(house)
    _edit(house / "book" / "left.md", "Some words.", "Better words.")
    _build(house)
    assert _runs(house) == before
    assert "Better words." in _page(house, "left")


def test_an_animation_runs_the_chapter_that_plays_it(house):
    left, right = _runs(house)
    file = house / "book" / "animations" / "left.py"
    _edit(file, "plays 1", "plays 2")
    _build(house)
    assert _runs(house) == (left + 1, right)
    assert "left plays 2 turn" in _page(house, "left")

    _edit(file, "plays 2", "plays 1")  # what was played before is still known
    _build(house)
    assert _runs(house) == (left + 1, right)
    assert "left plays 1 turn" in _page(house, "left")


def test_a_solution_runs_the_chapter_that_asks_for_it(house):
    left, right = _runs(house)
    _edit(house / "solutions" / "right.py", "return x", "return +x")
    _build(house)
    assert _runs(house) == (left, right + 1)


def test_what_both_import_runs_both(house):
    left, right = _runs(house)
    _edit(house / "book" / "animations" / "shared.py", "turn", "round")
    _build(house)
    assert _runs(house) == (left + 1, right + 1)
    assert "right plays 1 round" in _page(house, "right")


def test_nothing_new_runs_nothing_and_what_is_gone_has_no_page(house):
    before = _runs(house)
    gone = house / "_build" / "html" / "book" / "08_renamed.html"
    gone.write_text("from an earlier build")
    _build(house)
    assert _runs(house) == before
    assert not gone.exists() and "left plays" in _page(house, "left")


def test_a_chapter_that_fails_is_told_by_its_name_and_kept_nowhere(house):
    file = house / "book" / "left.md"
    _edit(file, "play_left(left)\n", "play_left(left)\n1 / 0\n")
    for _ in range(2):  # not even for the next build
        run = _jupyter_book(house)
        assert run.returncode
        assert "failed  book/left" in run.stderr
        assert "left.md: WARNING: Executing notebook failed" in run.stderr
    _edit(file, "play_left(left)\n1 / 0\n", "play_left(left)\n")
    _build(house)


def test_chapters_run_at_once(tmp_path):
    """Each waits until the other has begun."""
    wait = """
import time
from pathlib import Path

Path("{0}").touch()
while not Path("{1}").exists():
    time.sleep(0.1)
"""
    todo = [_notebook(tmp_path, wait.format(*pair)) for pair in ("ab", "ba")]
    ended = list(runs.finished(todo, workers=2))
    assert [fine for _, _, _, fine in ended] == [True, True]


def test_what_measures_time_runs_alone():
    """And so does what quotes measurements: it shares the module that takes them."""
    timing = ROOT / "book" / "experiments" / "timing.py"
    alone = set()
    for chapter in CHAPTERS:
        code = code_of(chapter.read_text("utf-8"))
        files = dependencies(code, ROOT)
        if runs.measures_time(code, [f for f in files if ROOT / "book" in f.parents]):
            alone.add(chapter.stem)
        assert timing not in files or chapter.stem in alone
    assert 1 < len(alone) < len(CHAPTERS) / 2


def _notebook(folder, code):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    return runs.Run("page", folder / "page.md", notebook, 60, 0, False)


def test_the_address_of_the_book_is_set_in_one_place(house):
    before = _runs(house)
    _edit(house / "_config.yml", 'baseurl: ""', 'baseurl: "https://example.org/a/"')
    _build(house)
    assert _runs(house) == before
    page = _page(house, "left")
    picture, place = "_static/preview.png", "book/left.html"
    assert f'"og:image" content="https://example.org/a/{picture}"' in page
    assert f'rel="canonical" href="https://example.org/a/{place}"' in page
    lost = (house / "_build" / "html" / "404.html").read_text("utf-8")
    assert '<base href="https://example.org/a/">' in lost


@pytest.mark.parametrize("chapter", CHAPTERS, ids=[c.stem for c in CHAPTERS])
def test_a_chapter_depends_on_the_steps_that_it_names(chapter):
    code = code_of(chapter.read_text("utf-8"))
    found = {f.relative_to(ROOT).as_posix() for f in dependencies(code, ROOT)}
    for name, file in registered(ROOT / "solutions").items():
        if f"def {name}(" in code or f'ready("{name}")' in code:
            assert file.relative_to(ROOT).as_posix() in found
    played = {_module(name) for name in animations.__all__ if name in code}
    others = {_module(name) for name in animations.__all__} - played
    assert played <= found
    told = "".join((ROOT / f).read_text("utf-8") for f in (played | others) & found)
    for file in others & found:  # only what a played animation builds upon
        assert f"from .{Path(file).stem} import" in told


def _module(name):
    """The file that an animation's verb comes from, as Python itself sees it."""
    return getattr(animations, name).__module__.replace(".", "/") + ".py"


def _build(house):
    run = _jupyter_book(house)
    assert run.returncode == 0, run.stdout + run.stderr


def _jupyter_book(house):
    command = [Path(sys.executable).with_name("jupyter-book"), "build", "."]
    return subprocess.run(
        [*command, "-n", "-W", "--keep-going"],
        cwd=house,
        env=os.environ | {"PYTHONPATH": str(house)},
        capture_output=True,
        text=True,
    )


def _runs(house):
    return tuple(len((house / "book" / f"{n}.runs").read_text()) for n in NAMES)


def _page(house, name):
    page = house / "_build" / "html" / "book" / f"{name}.html"
    return page.read_text("utf-8")


def _edit(file, old, new):
    text = file.read_text("utf-8")
    assert old in text
    _write(file, text.replace(old, new))


def _write(file, text):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")
