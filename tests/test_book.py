"""The chapters: complete, honest about their numbers, and silent about the answers."""

import ast
import re

import numpy as np
import pytest
from math_core import LatexToMathML
from nbformat import NotebookNode

from autograder.chapters.numbers import NumberError, renumbered
from autograder.chapters.toc import ROOT, current_stems, steps
from autograder.chapters.workflow_map import small_map
from autograder.exercises.registry import discover
from autograder.exercises.source import source_of
from book import by_hand, overview, palette, sentence
from book.asked import LISTS, MOST_ASKED
from book.by_hand import Matrix
from book.charts import against_size
from book.experiments.depth import through_stacks
from book.page import streams
from book.page.colours import coloured
from book.tables import Table
from solutions.projections import project_qkv
from solutions.split_heads import split_heads
from solutions.tokens import embed

# Parts III and after have sections of their own.
PARTS = ("One head", "Many heads", "What an interviewer asks next")
CHAPTERS = [step for step in steps() if step.part in PARTS and step.exercises]
SECTIONS = (
    "Write it",
    "Watch it",
    "An experiment",
    "What goes wrong",
    "Compare with PyTorch",
    "In an interview",
    "One sentence to keep",
)
every_chapter = pytest.mark.parametrize("step", CHAPTERS, ids=lambda s: s.chapter)
every_exercise = pytest.mark.parametrize("name", sorted(discover()))


def sections(chapter: str) -> dict[str, str]:
    """Heading -> text of each section of a chapter; what comes first has none."""
    heading, *rest = re.split(r"^## (.+)$", overview.text_of(chapter), flags=re.M)
    return {"": heading} | dict(zip(rest[::2], rest[1::2], strict=True))


def section(chapter: str, title: str) -> str:
    """All sections of a chapter whose heading begins with a title, as one text."""
    found = [t for h, t in sections(chapter).items() if h.startswith(title)]
    assert found, f"{chapter} has no section '{title}'"
    return "\n".join(found)


def prose(text: str) -> str:
    """A text without code, formulas and the addresses of links."""
    for ignored in (
        r"\A---\n.*?^---$",
        r"^```.*?^```$",
        r"\$\$.*?\$\$",
        r"\$[^$]+\$",
        r"`[^`]+`",
        r"\]\([^)]*\)",
        r"^\|.*$",
    ):
        text = re.sub(ignored, " ", text, flags=re.M | re.S if "?" in ignored else re.M)
    return text


# --- the nine parts -----------------------------------------------------------


@every_chapter
def test_the_sections_stand_in_order(step):
    headings = [h for h in sections(step.chapter) if h]
    first = [
        next((i for i, h in enumerate(headings) if h.startswith(s)), None)
        for s in SECTIONS
    ]
    missing = [s for s, i in zip(SECTIONS, first, strict=True) if i is None]
    assert not missing
    assert first == sorted(first)
    assert "Optional" not in headings[:-1]  # what can be skipped comes last


@every_chapter
def test_it_opens_with_the_map_and_a_question(step):
    opening = sections(step.chapter)[""]
    assert f'here("{step.chapter}")' in opening
    assert "?" in prose(opening)


@every_chapter
def test_numbers_and_a_formula_come_before_the_stub(step):
    before = overview.text_of(step.chapter).split("\n## Write it")[0]
    assert before.count("{code-cell}") >= 2
    assert "$$" in before


@every_chapter
def test_mistakes_are_told_by_their_symptoms(step):
    rows = re.findall(r"^\|.+\|$", section(step.chapter, "What goes wrong"), re.M)
    assert rows[0] == "| What you see | What happened |"
    assert len(rows) >= 2 + 4


@every_chapter
def test_it_is_compared_with_pytorch(step):
    cells = section(step.chapter, "Compare with PyTorch")
    assert "torch" in cells
    assert "agree(" in cells


@every_chapter
def test_it_asks_at_least_three_questions_and_answers_them(step):
    questions = overview.questions_of(step.chapter)
    text = section(step.chapter, "In an interview")
    assert len(questions) == text.count("<details>") >= 3
    assert all(len(q.answer.split()) >= 10 for q in questions)


@every_chapter
def test_it_leaves_one_sentence_and_says_where_the_paper_has_it(step):
    last = section(step.chapter, "One sentence to keep")
    kept = " ".join(re.findall(r"^> (.+)$", last, re.M))
    assert kept.count(".") == 1
    assert "In the paper:" in last
    assert "https://arxiv.org/abs/" in last


# --- the exercises ------------------------------------------------------------


@every_exercise
def test_each_exercise_is_written_checked_and_played(name):
    place = overview.place_of(name)
    assert place.function == name


@every_exercise
def test_no_chapter_gives_its_answer_away(name):
    answers = {
        nameless(node)
        for node in outermost_operations(ast.parse(reference_of(discover()[name])))
        if not is_plain_sum(node)  # which says nothing of any answer
    }
    chapter = overview.place_of(name).chapter
    said = {
        nameless(node)
        for cell in overview.code_cells(chapter)
        for node in ast.walk(cell)
        if isinstance(node, ast.BinOp)
    }
    assert not answers or not answers <= said


def reference_of(exercise) -> str:
    return source_of(exercise.reference)


def outermost_operations(tree: ast.AST):
    """The operations `a @ b`, `a / b` of a tree that lie in no other."""
    if isinstance(tree, ast.BinOp):
        yield tree
        return
    for child in ast.iter_child_nodes(tree):
        yield from outermost_operations(child)


def is_plain_sum(node: ast.BinOp) -> bool:
    """True for `a + b`."""
    names = isinstance(node.left, ast.Name) and isinstance(node.right, ast.Name)
    return names and isinstance(node.op, ast.Add)


def nameless(tree: ast.AST) -> str:
    """An expression whatever its variables are called: `_ @ _.T`."""
    return re.sub(r"\bname='\w+'|\bid='\w+'", "", ast.dump(tree))


# --- the numbers --------------------------------------------------------------


def test_the_running_sentence_is_what_the_references_compute():
    X = embed(sentence.TOKEN_IDS, sentence.TABLE)
    np.testing.assert_array_equal(sentence.X, X)
    Q, K, V = project_qkv(X, sentence.PARAMS)
    np.testing.assert_array_equal(sentence.Q, Q)
    np.testing.assert_array_equal(sentence.K, K)
    np.testing.assert_array_equal(sentence.V, V)


def test_the_two_heads_are_what_the_references_compute():
    heads = zip(
        (sentence.HEADS_Q, sentence.HEADS_K, sentence.HEADS_V),
        project_qkv(sentence.X, sentence.HEADS_PARAMS),
        strict=True,
    )
    for written, computed in heads:
        np.testing.assert_array_equal(written, split_heads(computed, 2))


def test_no_two_sizes_of_the_running_sentence_are_equal():
    n, d_model = sentence.X.shape
    sizes = [n, len(sentence.VOCABULARY), d_model]
    sizes += [sentence.Q.shape[1], sentence.V.shape[1]]
    assert len(set(sizes)) == len(sizes)


@every_chapter
def test_no_measured_number_is_typed(step):
    quoted = re.compile(
        r"et al\.|[Cc]hapters? [\d, and]+|[Ss]ections? [\d.]+|[Ee]quations? \(\d\)"
        r"|[Ff]ootnotes? \d|[Tt]able \d|\b(19|20)\d\d\b"
    )
    for paragraph in prose(overview.text_of(step.chapter)).split("\n\n"):
        if "et al." in paragraph:  # a number with its source
            continue
        numbers = re.findall(r"\d[\d.,]*\d%?|\d%", quoted.sub(" ", paragraph))
        typed = [n for n in numbers if re.search(r"[.,%]|\d{3}", n)]
        assert not typed, paragraph.strip()


# --- the pages that are made from the chapters --------------------------------


def test_every_step_of_both_workflows_has_all_it_needs():
    drawing = overview.Workflows()
    rows = [row for rows in drawing.parts.values() for row in rows]
    assert {p.function for row in rows for p in row[2]} <= set(discover())
    html = drawing._repr_html_()
    for english, chinese, _ in rows:
        assert english in html
        assert chinese in html
    for what in (
        "Q (n, d_k)",
        "S (n, m)",
        "A (n, m)",
        "O (h, n, d_v)",
        "Y (n, d_model)",
    ):
        assert f"<span>{what}</span>" in html  # what flows


def test_the_steps_are_those_of_the_article():
    counts = [len(workflow) for workflow in overview.WORKFLOWS.values()]
    assert counts == [5, 7]


def test_a_step_that_lacks_something_stops_the_page(monkeypatch):
    with pytest.raises(overview.IncompleteError, match="no chapter"):
        overview.place_of("unheard_of")
    whole = overview.text_of("03_scores")
    unchecked = whole.replace("check(scores)\n", "")
    monkeypatch.setattr(overview, "text_of", lambda chapter: unchecked)
    with pytest.raises(overview.IncompleteError, match="does not check scores"):
        overview.place_of("scores")
    unplayed = whole.replace("play_scores(scores)", "pass")
    monkeypatch.setattr(overview, "text_of", lambda chapter: unplayed)
    with pytest.raises(overview.IncompleteError, match="does not play scores"):
        overview.place_of("scores")


def test_what_is_printed_has_no_empty_line_where_the_kernel_cut_it():
    pieces = ("one", "\ntwo\n", "  three\n")
    outputs = [
        {"output_type": "stream", "name": "stdout", "text": text} for text in pieces
    ]
    (shown,) = streams.in_one_piece([NotebookNode(o) for o in outputs])
    assert shown["text"] == "one\ntwo\n  three\n"


def test_all_questions_are_collected_and_nothing_else_that_opens():
    page = overview.Interview()._repr_markdown_()
    asked = 0
    for step in steps():
        asked += section(step.chapter, "In an interview").count("<details>")
        for question in overview.questions_of(step.chapter):
            assert question.question in page
            assert question.answer in page
    assert page.count('<details class="question"') == asked
    ids = re.findall(r'class="question" id="([^"]+)"', page)
    ids += re.findall(r'id="([^"]+)"', overview.MostAsked()._repr_markdown_())
    assert len(ids) == len(set(ids)) == asked + 10
    assert len(ids) == overview.questions_in_all()  # which the first page tells
    assert "The proof" in overview.text_of(current_stems()["expressiveness"])
    assert "The proof" not in page


def test_what_is_asked_most_says_where_and_is_shown_in_a_chapter():
    chapters = {step.chapter.partition("_")[2] for step in steps()}
    counts = [len(asked.lists) for asked in MOST_ASKED]
    assert counts == sorted(counts, reverse=True)
    for asked in MOST_ASKED:
        assert set(asked.lists) <= set(LISTS)
        assert asked.chapter in chapters
        assert re.search("[\u4e00-\u9fff]", asked.chinese)
        assert 25 <= len(asked.minute.split()) <= 90
        assert len(asked.five) > 100
    assert sum("```python" in asked.five for asked in MOST_ASKED) >= 4


@every_exercise
def test_each_letter_of_a_shape_is_in_the_notation(name):
    page = (ROOT / "book" / "notation.md").read_text(encoding="utf-8")
    known = set(re.findall(r"`(\w+)`", page)) | {"h"}
    shapes = discover()[name].shapes
    used = {item.name for item in shapes.arguments}
    for item in (*shapes.arguments, *shapes.results):
        for size in item.sizes or ():
            used |= set(re.findall("[a-z_]+", size))
    assert used <= known


# --- what the figure of the deep stack is said to show ---------------------------


@pytest.mark.slow  # forty stacks are run
def test_the_chapter_says_what_its_figure_of_a_deep_stack_shows():
    """On ten stacks that the figure does not use."""
    wirings = {
        "no residual": lambda X, attend, norm: norm(attend(X)),
        "no norm": lambda X, attend, norm: X + attend(X),
        "post-norm": lambda X, attend, norm: norm(X + attend(X)),
        "pre-norm": lambda X, attend, norm: X + attend(norm(X)),
    }
    runs = {name: through_stacks(w, range(100, 110)) for name, w in wirings.items()}
    size, unlike, of_W_q, of_W_v = (
        {name: run[i] for name, run in runs.items()} for i in range(4)
    )
    after_twelve = {name: values[:, 11] for name, values in unlike.items()}
    assert after_twelve["no residual"].max() < 1e-3 < after_twelve["post-norm"].min()
    assert after_twelve["post-norm"].max() < 0.2 < after_twelve["pre-norm"].min()
    ratios = {
        n: np.ptp(values) / np.median(values) for n, values in after_twelve.items()
    }
    assert ratios["no norm"] > max(ratios["post-norm"], ratios["pre-norm"])
    falls = of_W_q["no norm"]
    assert np.median(falls[:, 0]) > 1e6
    assert np.all(falls[:, -1] < 1e-6 * falls[:, 0])  # in every stack
    assert np.median(falls[:, -1]) < 1e-20  # in most of them to nothing
    assert np.all((falls[:, 1:] > 1e3 * falls[:, :-1]).any(axis=1))  # it jumps
    assert size["pre-norm"][:, -1].max() < 10 < size["no norm"][:, -1].min()
    weak = of_W_q["post-norm"]
    assert np.all(weak[:, -1] < 1e-4 * weak[:, 0])
    even = of_W_q["pre-norm"]
    assert np.all(np.ptp(np.log10(even), axis=1) < 3)  # the most even gradients
    assert np.all(np.ptp(np.log10(weak), axis=1) > 4)
    for name in ("post-norm", "pre-norm"):
        assert np.all(of_W_v[name].min(axis=1) > 0.1 * of_W_v[name].max(axis=1))


# --- what shows the numbers ---------------------------------------------------


def test_a_mixture_is_written_out_with_its_sum(capsys):
    weights, values = np.array([0.5, 0, 0.25, 0.25]), sentence.V
    by_hand.mixture(weights, values)
    *_, last = capsys.readouterr().out.strip().splitlines()
    assert last.split(maxsplit=1)[1] == "(0.5, 0)"


def test_a_division_by_a_root_is_written_out(capsys):
    by_hand.over_root(6, 4)
    assert capsys.readouterr().out == "6 / √4 = 6 / 2 = 3\n"


def test_a_chart_tells_its_numbers_and_is_always_the_same():
    def chart():
        return against_size("n", [1, 2], {"time": {"measured": [0.25, 0.5]}})

    assert "measured 0.25 at 1, 0.5 at 2" in chart().alternative
    assert chart().svg() == chart().svg()
    assert (
        "scaled by 0.003</text>"
        in against_size("n", [1, 2], {"scaled by 0.003": {"a": [1, 2]}}).svg().decode()
    )
    assert 'alt="Measured against n.' in chart()._repr_html_()


# --- the numbers of chapters ------------------------------------------------------


def test_a_chapter_is_called_by_the_number_it_has_today():
    now = current_stems()["cost"]
    page = ROOT / "book" / f"{now}.md"
    text = "See [chapter 99](99_cost.md), [99](99_cost.md#x), [it](99_cost.md).\n"
    new = f"{int(now[:2])}]({now}.md"
    assert renumbered(text, page) == (
        f"See [chapter {new}), [{new}#x), [it]({now}.md).\n"
    )
    assert renumbered('here("99_cost")', page) == f'here("{now}")'
    with pytest.raises(NumberError, match="; 08_parameters is now 08_stacking"):
        renumbered("[8](08_parameters.md)", page)
    with pytest.raises(NumberError, match="no chapter has that name"):
        renumbered("[8](08_nothing.md)", page)


def test_a_number_that_may_change_is_a_link():
    """Chapters 1 to 7 keep their numbers; the others are linked, or called by what
    they hold.
    """
    plain = re.compile(r"(?<!\[)\b[Cc]hapters? (?:[89]|\d\d)\b")
    folders = "book", "solutions", "autograder"
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.*")):
            if path.suffix in (".md", ".py", ".js"):
                assert not plain.findall(path.read_text("utf-8")), path


# --- the questions, without their chapters ----------------------------------------


def test_each_question_stands_by_itself_and_is_there_once():
    """On the page of all questions nobody knows what `this step` was."""
    asked = [
        q.question for step in steps() for q in overview.questions_of(step.chapter)
    ]
    assert len(asked) == len(set(asked))
    pointing = re.compile(
        r"\bthis (?!book)|\bthese\b|\bthe (factor|error|step)\b|\bit\?$"
    )
    for question in asked:
        assert not pointing.search(question.replace("the factor 1/", "1/")), question


# --- the colour code, and the map ---------------------------------------------


def test_letters_have_their_colours_in_formulas_and_in_code():
    formula = LatexToMathML().convert_with_local_state(
        r"A V + O(n), W_q", displaystyle=False
    )
    assert re.findall(r"in-(\w)", coloured(formula)) == ["A", "V"]  # O(n) is no output
    code = '<span class="n">Q</span><span class="n">Qs</span>'
    assert coloured(code) == code.replace('n">Q<', 'n in-Q">Q<')
    text = '<code class="docutils"><span class="pre">K</span></code>'
    assert coloured(text).startswith('<code class="in-K docutils">')


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("Q, what each word asks for", "Q"),
        ("S", "S"),
        ("weights of cat", "A"),
        ("cat asks, head two", "Q"),
        ("offered, head one", "K"),
        ("W_q, the rules for asking", "X"),
        ("the table", "X"),
        ("dA of cat, the wish for each weight", "A"),
    ],
)
def test_a_matrix_has_the_colour_of_what_it_holds(name, role):
    shown = Matrix(name, [[0.0, -4.0], [2.0, np.inf]], rows=(), columns=())
    assert shown.role == role
    assert f"--t:var(--{role}," in shown._repr_html_()


def test_a_cell_has_the_more_colour_the_larger_its_number():
    tints = Matrix("Q", [[0.0, -4.0], [2.0, np.nan]], rows=()).tints
    assert tints[0, 0] == tints[1, 1] == palette.FAINTEST
    assert tints[0, 1] == palette.FULLEST > tints[1, 0] > palette.FAINTEST


def test_the_map_is_the_drawing_of_both_workflows():
    drawn = small_map("05_softmax", "here", lambda step: f"{step.chapter}.html")
    boxes = re.findall(r'href="(\d\d)_\w+\.html"', drawn)
    assert boxes == [step.chapter[:2] for step in steps()]  # in the order of reading
    (lit,) = re.findall(r'href="(\w+)\.html"[^>]*aria-current="step"', drawn)
    assert lit == "05_softmax"
    first, second, *_ = drawn.split("</ol>")
    assert re.findall(r"of-(\w)", first) == list("XQKVSSAO")  # what flows
    aside = next(li for li in second.split("<li") if "13_" in li)
    assert "flow" not in aside and "→" not in aside  # its numbers flow back to 8


def test_a_table_is_one_and_reads_as_text_too():
    shown = Table(("heads", "ms"), [(1, "2.5"), (16, "<10")])
    assert repr(shown) == "heads   ms\n    1  2.5\n   16  <10"
    assert "<td>&lt;10</td>" in shown._repr_html_()
    told = Table(("model", "change"), [("GPT-3 175B", "-0.5 (-1 to 2e-16)")])
    assert "<td>GPT-3\u00a0175B</td><td>−0.5 (−1 to 2e-16)" in told._repr_html_()
