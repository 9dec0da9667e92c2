"""What the page that answers is made of, without a browser."""

import ast
import io
import json
import re
import subprocess
import sys
import zipfile
from html import unescape
from types import SimpleNamespace
from urllib.error import HTTPError, URLError

import pytest
from docutils import nodes
from docutils.utils import new_document

from autograder import check, hint, solution
from autograder.chapters import toc
from autograder.chapters.chapter import load_chapters
from autograder.course.handout.contents import packed
from autograder.exercise import DeclarationError, exercise
from autograder.exercises.registry import discover
from autograder.exercises.source import source_of
from autograder.judge import render
from autograder.notebook import verbs
from book.live import gallery, kernel, pack, page, publish, pyodide
from book.live.cells import cells_of
from book.live.sealed import unseal
from book.live.unfold import unfolded
from book.page.looks import compact
from book.page.policy import policy


@pytest.fixture
def answer(tmp_path, monkeypatch):
    """The door of the worker's kernel, opened in this Python."""
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    monkeypatch.setattr(render, "STUCK", render.STUCK)
    monkeypatch.setattr(verbs, "SOLVED", verbs.SOLVED)
    kernel.begin(str(tmp_path), {})

    def answered(source, kind="run", **more):
        cell = {"name": "cell 1", "source": source}
        return json.loads(
            kernel.answer(json.dumps({"kind": kind, "cell": cell} | more))
        )

    yield answered
    render.show_through(None)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("x = 1\ny = x / 0", "cell 1, line 2:  y = x / 0\nZeroDivisionError"),
        ("def f(:", 'File "cell 1", line 1'),
        ("import antigravity_", "The page has Python and NumPy, and no antigravity_."),
        ("import sys\nsys.exit()", "This ends Python. Here it has no effect"),
        ("softmax", "Run the cell that defines softmax first"),
    ],
)
def test_an_error_is_told_in_the_readers_own_lines(answer, source, said):
    told = answer(source)
    assert said in told["error"] and told["passed"] is False
    assert "kernel.py" not in told["error"]


def test_what_a_cell_shows_and_prints(answer):
    told = answer("print('out')\n3 < 4")
    assert told["printed"] == "out\n"
    assert told["shown"] == [{"html": "<pre>True</pre>"}]
    told = answer("for _ in range(9):\n    print('x' * 10_000)")
    assert len(told["printed"]) < kernel.LONGEST + 100
    assert told["printed"].endswith("more characters")


def test_what_a_page_cannot_show_is_told(answer):
    """Whatever an object gives of itself goes to the page as text, and is not vast."""
    shown = "class Odd:\n    def _repr_html_(self):\n        return {}\n\nOdd()"
    assert answer(shown.format("{1: 'x'}"))["shown"] == [{"html": "{1: 'x'}"}]
    (told,) = answer(shown.format("'x' * 3_000_000"))["shown"]
    assert told["html"] == "<p>3,000,000 characters of HTML: too many for a page.</p>"
    clip = "class Clip:\n    as_data = print\n\nClip()"
    assert "Clip object" in answer(clip)["shown"][0]["html"]  # it is no scene


def test_cells_above_are_run_in_silence(answer):
    above = [{"name": "cell 0", "source": "print('above')\nq = 5"}]
    assert answer("q", before=above)["shown"] == [{"html": "<pre>5</pre>"}]
    broken = [{"name": "cell 0", "source": "q2 = missing"}]
    assert "A cell above ended with an error" in answer("q2", before=broken)["error"]


def test_a_check_wants_the_function_of_the_exercise(answer):
    told = answer("def other(S): pass", "check", function="softmax")
    assert "Nothing here is called softmax" in told["error"]
    told = answer("def softmax(S):\n    return S", "check", function="softmax")
    assert told["passed"] is False and "not right yet" in told["shown"][0]["html"]
    assert "Press <code>Hint</code>" in told["shown"][0]["html"]


def test_names_for_what_stands_before_the_cursor(answer):
    answer("own_name = 1")
    assert json.loads(kernel.complete("own_n")) == ["own_name"]
    assert "np.exp" in json.loads(kernel.complete("np.ex"))


def test_which_cells_the_page_can_run():
    lacking = {}
    for chapter in load_chapters():
        for cell in cells_of(chapter, toc.ROOT):
            if "import torch" in cell.source:
                assert cell.lacks, (chapter.name, cell.source)
            if cell.kind == "exercise":
                lacking[cell.name] = cell.lacks
    assert lacking.keys() == set(discover())
    for name, lacks in lacking.items():
        assert (lacks == "torch") == isinstance(discover()[name].reference, type), name


def test_a_gallery_names_mistakes_that_there_are():
    def double(x):
        """Double each number.

        x (n,) -> y (n,)
        """
        return 2 * x

    declared = exercise(gallery=("tripled",))(double).declared
    with pytest.raises(DeclarationError, match="tripled"):
        declared.exercise  # noqa: B018


def built(name, python=True, solutions=True):
    """A chapter's code cells as `open_exercises` leaves them: HTML, and all classes."""
    config = SimpleNamespace(live_python=python, live_solutions=solutions)
    env = SimpleNamespace(docname=f"book/{name}", metadata={f"book/{name}": {}})
    document = new_document(name)
    (chapter,) = load_chapters([name])
    for cell in cells_of(chapter, toc.ROOT):
        code = nodes.literal_block(cell.source, cell.source)
        document += nodes.container("", code, nb_element="cell_code")
    page.open_exercises(
        SimpleNamespace(config=config, env=env, srcdir=toc.ROOT), document
    )
    html = "".join(raw.astext() for raw in document.findall(nodes.raw))
    classes = {c for box in document.findall(nodes.container) for c in box["classes"]}
    return document, html, classes


def test_a_book_without_python_says_so_and_offers_nothing_that_cannot_be():
    document, html, classes = built("03_scores", python=False)
    assert 'data-state="unavailable"' in html and "were built without Python" in html
    assert classes == {"exercise"}  # no cell to run, none that lacks something
    assert "check(scores)" in document.astext()  # what to do in JupyterLab
    assert 'class="solution"' in html and 'class="gallery"' in html
    document, html, classes = built("03_scores")
    assert 'data-state="idle"' in html and "without Python" not in html
    assert {"runs", "lacks-torch"} <= classes
    assert "check(scores)" not in document.astext()


def test_a_gallery_quotes_the_lines_of_the_mistake_alone():
    """What `drive` says of a mistake of memory stands in a line of its own, too."""
    shown = gallery.gallery(discover()["tiled_attention"])
    assert "As much memory was taken" in shown and "raise MemoryError" not in shown
    assert "in your line <code>return Q @ K<" in gallery.gallery(discover()["scores"])


def test_a_book_without_solutions_shows_no_line_of_a_wrong_answer():
    declared = discover()["stack_projections"]
    line = "np.concatenate("
    assert line in gallery.gallery(declared)
    assert line not in gallery.gallery(declared, code=False)


def lines_of_answers():
    """What the references do, without blanks: their statements that say something."""
    found = {}
    for name, declared in discover().items():
        for node in ast.walk(ast.parse(source_of(declared.reference))):
            told = isinstance(node, ast.Assign | ast.Return | ast.AugAssign)
            line = bare(ast.unparse(node)) if told else ""
            if len(line) >= 16 and not line.endswith(".shape"):
                found[line] = name
    return found


def bare(text):
    return re.sub(r"\s+", "", text).replace("'", '"')


def test_a_book_without_solutions_holds_no_line_of_one():
    """Neither what its pages show, nor what Python in them is given."""
    lines, shown = lines_of_answers(), []
    for chapter in load_chapters():
        cells = cells_of(chapter, toc.ROOT)
        _, html, _ = built(chapter.name, solutions=False)
        shown.append(unescape(re.sub(r"<[^>]+>", "", html)))
        shown.append(pack.page_script(chapter, cells).replace(r"\n", "\n"))
    texts = list(map(bare, shown))
    assert {
        line: name for line, name in lines.items() if any(line in t for t in texts)
    } == {}


def test_answers_that_a_page_needs_are_sealed(tmp_path):
    own = {"solutions/__init__.py": b"", "solutions/softmax.key": b"\x00key"}
    own |= {"solutions/softmax_rules.py": b"def a(): pass"}
    answer = discover().file("scores").read_bytes()
    archive = packed(own | {"solutions/scores.py": answer})
    with zipfile.ZipFile(io.BytesIO(publish.sealed(archive))) as sealed:
        held = {name: sealed.read(name) for name in sealed.namelist()}
        sealed.extractall(tmp_path)
    assert held.pop("solutions/sealed")
    assert held == own
    assert not any(b"K.T" in member for member in map(bytes, held.values()))
    unseal(tmp_path)
    assert (tmp_path / "solutions" / "scores.py").read_bytes() == answer


@pytest.mark.parametrize("name", discover())
def test_a_wrong_answer_is_shown_with_its_code(name):
    """Not with its name: whoever wrote this line should know it again."""
    declared = discover()[name]
    for mistake in gallery.chosen(declared):
        lines = gallery.lines_of(declared, mistake)
        assert lines, f"{name}: {mistake.__name__} differs in more than a few lines"
        assert not any(re.search(r"(?<![\w.])_[a-z]", line) for line in lines), lines


def _shifted(S, axis, number=1.0):
    m = S.max(axis=axis)
    return S - m + number


def _two_ways(S, way):
    if way:
        return S
    return -S


def wrong(S):
    """What stands in a helper is written where it is used."""
    return 2 * _shifted(S, axis=0)


def wrong_twice(S):
    return _shifted(S, 0) + _shifted(S, 1, 1e9)  # two things would be called m


def wrong_for_each(S):
    return [_shifted(row, 0) for row in S]  # there is no row before this line


def wrong_on_a_fork(S):
    return _two_ways(S, True)


def test_a_helper_is_written_out_where_it_is_straight():
    assert unfolded(wrong) == [
        "m = S.max(axis=0)",
        "return 2 * (S - m + 1.0)",
    ]
    for cannot_be in (wrong_twice, wrong_for_each, wrong_on_a_fork):
        assert unfolded(cannot_be) == []


def test_a_style_is_written_once():
    cells = '<td style="x:1">1</td><td style="x:1">2</td><td style="x:2">3</td>'
    gallery = f'<details class="gallery"><p class="said">{cells}</p></details>'
    other = '<p class="a" style="y:1">b<i style="y:1">c</i></p><p style="z:1"></p>'
    script = '<script>" style="y:1""</script>'
    html, rules = compact(other + script + gallery)
    assert '<p class="a l0">b<i class="l0">c</i></p><p style="z:1"></p>' in html
    assert script in html and '<td>1</td><td>2</td><td style="x:2">3</td>' in html
    assert rules == ".gallery td:not([class]){x:1}.l0.l0{y:1}"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            URLError(OSError(111, "Connection refused")),
            "connection (Connection refused).",
        ),
        (URLError("timed out"), "no connection (timed out)."),
        (
            HTTPError("http://x", 404, "Not Found", None, None),
            "the server answered 404.",
        ),
        (FileNotFoundError(2, "No such file", "/x/y.js"), "/x/y.js: No such file."),
        (
            subprocess.CalledProcessError(1, ["pip"], stderr="a\nERROR: No such thing"),
            "pip says, No such thing",
        ),
        (ValueError("x: too short"), "That did not work: x: too short"),
        (TimeoutError(), "That did not work: TimeoutError"),
    ],
)
def test_why_pyodide_could_not_be_had_is_a_sentence(error, said):
    assert pyodide.why(error).endswith(said)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Two things at once. The rows do not sum to 1.", "The rows do not sum to 1."),
        (
            "`.T` turns all three\naxes around. Use two.",
            "`.T` turns all three axes around.",
        ),
        ("Too short. So it is.", "Too short."),
    ],
)
def test_the_first_sentence_that_says_something(text, said):
    assert gallery.first_sentence(text) == said


def test_the_policy_names_the_scripts_of_a_page():
    page = "<script>one()</script><script src='x.js'></script>"
    data = '<script type="application/json">{}</script>'
    handler = "<link onload=\"this.media = 'all'\">"
    assert policy(page).count("sha256-") == 1
    assert policy(page + data + handler).count("sha256-") == 2
    assert "http" not in policy(page)


def test_the_solution_opens_after_a_wrong_answer(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(verbs, "_told", {})
    monkeypatch.setattr(verbs, "_no_more_hints", set())

    def softmax(S):
        return S

    solution(softmax)
    assert "Try once first" in capsys.readouterr().out
    check(softmax)
    solution(softmax)
    said = capsys.readouterr().out
    assert "# A solution\ndef softmax(S):" in said and "# With loops" in said


def test_the_solution_opens_after_the_last_hint(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for kept in ("_told", "_hints_given"):
        monkeypatch.setattr(verbs, kept, {})
    monkeypatch.setattr(verbs, "_no_more_hints", set())

    def softmax(S):
        raise NotImplementedError

    while "the last one" not in capsys.readouterr().out:
        hint(softmax)
    solution(softmax)
    assert "# A solution" in capsys.readouterr().out
