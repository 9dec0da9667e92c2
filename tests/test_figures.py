"""Live figures in a real browser: their numbers are the references', and whoever has a
mouse, a finger, a keyboard or a screen reader can use them.
"""

import re
import shutil
from html import escape

import numpy as np
import pytest
from browser import visit
from playwright.sync_api import expect

from autograder.exercises.registry import discover
from book import figures, palette, sentence
from book.page import HERE as PAGE
from book.page import figures as placing
from book.page import policy

RIGHT = {name: exercise.reference for name, exercise in discover().items()}
BUILT = PAGE.parent.parent / "_build" / "html" / "book"
EVERY = list(figures.FIGURES)
HTML = """<!doctype html><html lang="en"><head><meta charset="utf-8">{meta}
<meta name="viewport" content="width=device-width"><title>Figures</title>
<link rel="stylesheet" href="page.css"><link rel="stylesheet" href="figures.css"></head>
<body><div class="frame"><main><article><h1>Figures</h1>{body}</article></main></div>
<script src="figures.js" defer></script></body></html>"""


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """A page with all figures, under the policy of the book's pages."""
    folder = tmp_path_factory.mktemp("page")
    static = PAGE / "theme" / "static"
    css = (static / "page.css").read_text("utf-8")
    css = css.replace("--palette: 0;", palette.css())
    (folder / "page.css").write_text(css, "utf-8")
    shutil.copytree(static / "fonts", folder / "fonts")
    shutil.copy(figures.HERE / "figures.css", folder)
    (folder / "figures.js").write_text(figures.script(), "utf-8")
    body = "".join(figures.place(name) for name in EVERY)
    page = HTML.replace("{body}", body)
    meta = f'{policy.META}{escape(policy.policy(page))}">'
    (folder / "page.html").write_text(page.replace("{meta}", meta), "utf-8")
    return folder / "page.html"


@pytest.fixture(scope="module")
def seen(chromium, file):
    with visit(chromium, file) as seen:
        yield seen


@pytest.fixture
def page(seen):
    """The page, with every figure as it starts."""
    seen.page.set_viewport_size({"width": 1280, "height": 844})
    seen.page.mouse.move(1, 1)
    seen.page.evaluate(
        "document.querySelectorAll('book-figure').forEach((figure) => figure.reset())"
    )
    yield seen.page
    assert seen.complaints == []
    assert seen.elsewhere() == []


# The numbers.


def embedded(words):
    ids = np.array([sentence.VOCABULARY.index(word) for word in words])
    return RIGHT["embed"](ids, sentence.TABLE)


def of_home(words=sentence.TOKENS, heads=1, **_):
    X = embedded(words)
    if heads == 2:
        Y, A = RIGHT["multi_head_attention"](X, sentence.HEADS_PARAMS, 2)
        return {"A": A, "Y": Y}
    O, A = RIGHT["single_head_attention"](X, sentence.PARAMS)
    return {"A": A[None], "O": O}


def of_scores(Q=sentence.Q, K=sentence.K, i=2, j=1):
    Q, K = np.array(Q), np.array(K)
    return {"S": RIGHT["scores"](Q, K), "products": Q[i] * K[j]}


CAT = RIGHT["scale"](RIGHT["scores"](sentence.Q, sentence.K), 3)[2]


def of_softmax(scores=CAT):
    return {"shares": RIGHT["softmax"](np.array([scores]))[0]}


def of_weighted_sum(asks=2, loudness=1):
    S = RIGHT["scale"](RIGHT["scores"](sentence.Q, sentence.K), 3)[[asks]]
    A = RIGHT["softmax"](loudness * S)
    return {"A": A[0], "O": RIGHT["weighted_sum"](A, sentence.V)[0]}


def of_single_head(order=(0, 1, 2, 3), W_q=sentence.PARAMS["W_q"], **_):
    params = sentence.PARAMS | {"W_q": np.array(W_q)}
    X = sentence.X[list(order)]
    O, A = RIGHT["single_head_attention"](X, params)
    return {"Q": RIGHT["project_qkv"](X, params)[0], "A": A, "O": O}


def of_split(width=3, **_):
    marked = 10 * np.arange(1, 5)[:, None] + np.arange(1, 7)
    right = RIGHT["split_heads"](marked, 6 // width)
    reshaped = marked.reshape(right.shape)
    wrong = np.count_nonzero(right != reshaped)
    return {"right": right, "reshaped": reshaped, "wrong": wrong}


def of_multi_head(heads="both", masked=False, **_):
    params, h = sentence.HEADS_PARAMS, 1 if heads == "wide" else 2
    if not masked:
        Y, A = RIGHT["multi_head_attention"](sentence.X, params, h)
        return {"Y": Y, "A": A}
    allowed = RIGHT["causal_mask"](len(sentence.X))
    each = (
        RIGHT["split_heads"](P, h) for P in RIGHT["project_qkv"](sentence.X, params)
    )
    found = [
        RIGHT["masked_attention"](*qkv, allowed) for qkv in zip(*each, strict=True)
    ]
    joined = RIGHT["concat_heads"](np.stack([O for O, _ in found]))
    Y = RIGHT["linear"](joined, params["W_o"], params["b_o"])
    return {"Y": Y, "A": [A for _, A in found]}


# figure: (what the references make of a state, some states)
STATES = {
    "home": (
        of_home,
        [
            {},
            {"heads": 2},
            {"words": ["dog", "ran", "cat", "the", "lively", "tired"], "heads": 2},
            {"words": ["ran"]},
        ],
    ),
    "scores": (
        of_scores,
        [{}, {"i": 3, "j": 0, "K": [[1, -2, 3], [0, 2, 0], [9, 0, 0], [0, 0, 2]]}],
    ),
    "softmax": (of_softmax, [{}, {"scores": [9, -9, 0.1, 8.9]}]),
    "weighted_sum": (of_weighted_sum, [{}, {"asks": 3, "loudness": 0}]),
    "single_head": (
        of_single_head,
        [{}, {"order": [3, 0, 2, 1]}, {"W_q": (-sentence.PARAMS["W_q"]).tolist()}],
    ),
    "split": (of_split, [{"width": width} for width in (1, 2, 3, 6)]),
    "multi_head": (
        of_multi_head,
        [
            {"heads": heads, "masked": masked}
            for heads in ("both", "wide")
            for masked in (False, True)
        ],
    ),
}
EACH_STATE = [(name, k) for name in STATES for k in range(len(STATES[name][1]))]


def computed(page, name, state):
    call = "([name, state]) => customElements.get('book-figure').compute(name, state)"
    return page.evaluate(call, [name, state])


def test_each_figure_is_compared():
    # Scaling draws its own numbers: it has a test of its own.
    assert {*STATES, "scaling"} == set(EVERY)


@pytest.mark.parametrize(("name", "k"), EACH_STATE)
def test_the_numbers_are_those_of_the_references(page, name, k):
    reference, states = STATES[name]
    found = computed(page, name, states[k])
    for what, expected in reference(**states[k]).items():
        np.testing.assert_allclose(found[what], expected, atol=1e-12, err_msg=what)


@pytest.mark.parametrize("width", [0, 4, 8])
@pytest.mark.parametrize("heat", [None, -2, 7])
def test_scaling_computes_what_the_references_do(page, width, heat):
    state = {"width": width, "follow": heat is None, "heat": heat}
    found = computed(page, "scaling", state)
    d_k = 2**width
    root = np.sqrt(d_k) if heat is None else 2 ** (heat / 2)
    S = RIGHT["scores"](np.array(found["Q"]), np.array(found["K"]))
    A = RIGHT["softmax"](RIGHT["scale"](S, root**2))
    np.testing.assert_allclose(found["S"], S, atol=1e-12)
    np.testing.assert_allclose(found["A"], A, atol=1e-12)
    assert found["spread"] == pytest.approx(S.std())
    assert found["left"] == pytest.approx((S / root).std())
    assert found["best"] == pytest.approx(A[0].max())
    nudges = np.eye(len(A[0]))  # one score of the first query, then the next
    answers = RIGHT["softmax_backward"](np.tile(A[0], (len(nudges), 1)), nudges)
    assert found["answer"] == pytest.approx(np.abs(answers).sum(axis=1).mean())
    # What the figure says of them.
    if root < np.sqrt(d_k) / 16:
        assert found["best"] > 0.9 and found["answer"] < 0.03
    if root > 8 * np.sqrt(d_k):
        assert found["best"] < 0.1
    assert found["spread"] == pytest.approx(np.sqrt(d_k), rel=0.1)


# What is shown.


def figure(page, name):
    return page.locator(f'book-figure[name="{name}"]')


def numbers(locator):
    return [float(t.replace("−", "-")) for t in locator.all_text_contents() if t]


def drag(page, held, to=None, by=0):
    """Drag something to something else, or so many pixels to the right."""
    held.scroll_into_view_if_needed()
    start, stop = (one.bounding_box() for one in (held, to or held))
    y = start["y"] + start["height"] / 2
    page.mouse.move(start["x"] + start["width"] / 2, y)
    page.mouse.down()
    page.mouse.move(stop["x"] + stop["width"] / 2 + by, y, steps=8)
    page.mouse.up()


def says(page, name, *parts):
    for part in parts:
        expect(figure(page, name).locator(".figure-says")).to_contain_text(part)


def test_home_shows_where_the_word_looks(page):
    home = figure(page, "home")
    weights = of_home()["A"][0]
    shown = home.locator(".words label > i")
    assert numbers(shown) == [round(w, 2) for w in weights[3]]
    says(page, "home", "slept looks most at cat: 0.86 of its attention")
    home.locator(".words label").nth(2).hover()
    assert numbers(shown) == [round(w, 2) for w in weights[2]]
    page.mouse.move(1, 1)
    expect(home.get_by_role("radio", name="slept")).to_be_checked()
    says(page, "home", "slept looks")  # a look in passing is gone with the mouse
    home.locator(".words label").nth(2).click()
    page.mouse.move(1, 1)
    says(page, "home", "cat looks most at tired")
    widths = home.locator(".arcs path").evaluate_all(
        "paths => paths.map((path) => parseFloat(path.style.strokeWidth))"
    )
    assert np.argmax(widths) == np.argmax(weights[2])


def test_home_takes_keys_heads_and_sentences(page):
    home = figure(page, "home")
    home.get_by_role("radio", name="slept").focus()
    page.keyboard.press("ArrowLeft")
    says(page, "home", "cat looks most at tired")
    # What has changed is told, too, once it has come to rest.
    expect(home.get_by_role("status")).to_contain_text("cat looks most at tired")
    home.get_by_role("radio", name="One head").focus()
    page.keyboard.press("ArrowRight")
    says(page, "home", "Head 1, “who does what?”: cat looks most at slept", "Head 2")
    home.get_by_role("button", name="the lively dog ran").click()
    says(page, "home", "dog looks most at ran", "dog looks most at lively")
    words = home.locator(".words b")
    drag(page, words.nth(2), to=words.nth(0))
    assert words.all_text_contents() == ["dog", "the", "lively", "ran"]
    own = home.get_by_role("textbox")
    own.press_sequentially("The dog chas")
    says(page, "home", "“chas” is not in the book's vocabulary: the, cat, dog")
    assert words.all_text_contents() == ["dog", "the", "lively", "ran"]  # as before
    own.fill("the cat the dog the cat slept")
    says(page, "home", "There is room for 6 words.")
    own.fill("Tired dog!")
    assert words.all_text_contents() == ["tired", "dog"]


def values(table):
    return np.reshape(
        numbers(table.locator("tbody td")), (-1, table.locator("thead th").count())
    )


def test_scores_lights_the_query_the_key_and_their_products(page):
    scores = figure(page, "scores")
    S = scores.get_by_role("grid", name="S, scores")
    np.testing.assert_array_equal(values(S), of_scores()["S"])
    S.locator("tbody tr").nth(3).locator("td").nth(2).hover()
    says(page, "scores", "slept asks cat: thing 3·2 + quality 1·0 + action 0·0 = 6")
    lit = scores.locator("table").nth(0).locator("tr:has(td.lit) th")
    expect(lit).to_have_text("slept")
    page.mouse.move(1, 1)
    says(page, "scores", "cat asks tired")
    S.locator("td[tabindex='0']").focus()
    for key in ("ArrowDown", "End", "ArrowLeft"):
        page.keyboard.press(key)
    says(page, "scores", "tired asks cat: thing 2·2 + quality 0·0 + action 1·0 = 4")
    expect(scores.get_by_role("status")).to_contain_text("tired asks cat")


def test_a_number_is_dragged_and_turned(page):
    scores = figure(page, "scores")
    knob = scores.get_by_role("spinbutton", name="K offers, tired, quality")
    drag(page, knob, by=28)
    expect(knob).to_have_attribute("aria-valuenow", "4")
    page.keyboard.press("ArrowDown")
    expect(knob).to_have_attribute("aria-valuenow", "3")
    K = sentence.K.copy()
    K[1, 1] = 3
    S = scores.get_by_role("grid", name="S, scores")
    np.testing.assert_array_equal(values(S), of_scores(K=K)["S"])
    for _ in range(9):
        page.keyboard.press("ArrowUp")
    expect(knob).to_have_attribute("aria-valuenow", "9")
    scores.get_by_role("button", name="As it was").click()
    expect(knob).to_have_attribute("aria-valuenow", "2")


def test_softmax_gives_shares_that_a_common_shift_leaves_alone(page):
    softmax = figure(page, "softmax")
    shown = softmax.locator(".figure-bar b")
    before = numbers(shown)
    assert before == [round(w, 2) for w in of_softmax()["shares"]]
    softmax.get_by_role("button", name="All up by 1").click()
    assert numbers(shown) == before
    tired = softmax.get_by_role("slider", name="tired")
    tired.focus()
    page.keyboard.press("Home")
    expect(tired).to_have_attribute("aria-valuetext", "−9")
    scores = CAT + 1
    scores[1] = -9
    expected = of_softmax(scores)["shares"]
    np.testing.assert_allclose(numbers(shown), expected, atol=0.0051)
    says(page, "softmax", "cat looks most at slept")
    expect(softmax.get_by_role("button", name="All down by 1")).to_be_disabled()


def test_what_a_word_takes_home_moves_between_the_values(page):
    plane = figure(page, "weighted_sum")
    home = of_weighted_sum()["O"]
    says(page, "weighted_sum", f"alive {home[0]:.2f} and energy −{-home[1]:.2f}")
    slider = plane.get_by_role("slider")
    slider.focus()
    page.keyboard.press("Home")
    says(page, "weighted_sum", "at all words alike: 0.25 each")
    plane.get_by_text("slept", exact=True).first.click()
    mean = sentence.V.mean(axis=0)
    says(page, "weighted_sum", f"alive {mean[0]:g} and energy −{-mean[1]:g}")
    slider.focus()
    page.keyboard.press("End")
    says(page, "weighted_sum", "times 3, slept looks most at cat")


def test_scaling_has_two_sliders_and_a_root(page):
    scaling = figure(page, "scaling")
    says(page, "scaling", "divided by 8, they spread by")
    width, heat = scaling.get_by_role("slider").all()
    width.focus()
    page.keyboard.press("End")
    expect(width).to_have_attribute("aria-valuetext", "256")
    expect(heat).to_have_attribute("aria-valuetext", "16 = √d_k")
    heat.focus()
    page.keyboard.press("Home")
    expect(scaling.get_by_role("checkbox")).not_to_be_checked()
    found = computed(page, "scaling", {"width": 8, "follow": False, "heat": -2})
    says(page, "scaling", "divided by 0.5", f"The best key gets {found['best']:.2f}")
    scaling.get_by_role("checkbox").check()
    expect(heat).to_have_attribute("aria-valuetext", "16 = √d_k")
    assert scaling.locator("circle").count() == 256


def test_a_head_is_shuffled_and_turned(page):
    head = figure(page, "single_head")
    words = head.locator(".words b")
    O = head.get_by_role("table", name="O, taken home")
    before = values(O)
    np.testing.assert_allclose(before, of_single_head()["O"], atol=0.0051)
    head.get_by_role("button", name="Move it left").click()
    assert words.all_text_contents() == ["the", "cat", "tired", "slept"]
    np.testing.assert_array_equal(values(O), before[[0, 2, 1, 3]])
    drag(page, words.nth(3), to=words.nth(0))
    page.mouse.move(1, 1)
    assert words.all_text_contents() == ["slept", "the", "cat", "tired"]
    says(page, "single_head", "cat looks most at tired")  # who drags has not chosen
    quality = head.get_by_role("spinbutton", name="W_q, thing, quality")
    quality.focus()
    for _ in range(int(sentence.PARAMS["W_q"][0, 1])):
        page.keyboard.press("ArrowDown")
    page.mouse.move(1, 1)
    says(page, "single_head", "cat looks most at slept")  # as the text below says


def test_a_knife_goes_through_the_columns(page):
    split = figure(page, "split")
    says(page, "split", "18 of 24 numbers", "heard of “the” and “tired” alone")
    second = split.locator("thead").first.locator("th").nth(1)
    drag(page, split.locator(".knife"), to=second, by=20)
    page.mouse.move(1, 1)
    says(page, "split", "3 heads.")
    found = of_split(2)
    for k in range(3):
        for side, label in (("right", "split"), ("reshaped", "reshape")):
            table = split.get_by_role("grid", name=f"{label}, head {k + 1}")
            np.testing.assert_array_equal(values(table), found[side][k])
    assert split.locator("td.wrong").count() == found["wrong"]
    split.get_by_role("grid", name="All heads in a row").locator(
        "td", has_text="32"
    ).hover()
    says(page, "split", "32 is feature 2 of “cat”", "to head 1, the reshape to head 2")
    assert split.locator("td.lit").count() == 3
    page.mouse.move(1, 1)
    split.get_by_role("slider").focus()
    page.keyboard.press("End")
    says(page, "split", "One head: there is nothing to cut")


def test_heads_are_compared_and_masked(page):
    heads = figure(page, "multi_head")
    Y = heads.get_by_role("table", name="Y: what each word is told")
    np.testing.assert_allclose(values(Y), of_multi_head()["Y"], atol=0.0051)
    says(page, "multi_head", "cat looks most at slept", "cat looks most at tired")
    heads.get_by_role("radio", name="One wide").check(force=True)
    heads.get_by_role("button", name="Mask").click()
    shown = heads.locator("table:visible")
    expected = of_multi_head("wide", masked=True)
    np.testing.assert_allclose(values(shown.first), expected["A"][0], atol=0.0051)
    np.testing.assert_allclose(values(shown.last), expected["Y"], atol=0.0051)
    assert shown.first.locator("td.masked").count() == 6
    shown.last.locator("tbody tr").first.locator("td").first.hover()
    says(page, "multi_head", "One wide head: the looks most at the: 1.00")


# For everybody.


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_figure_fits_and_breaks_no_rule(seen, page, theme):
    page.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 844})
        page.wait_for_timeout(250)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        wide = page.locator("book-figure figure").evaluate_all(
            "all => all.filter((f) => f.scrollWidth > f.clientWidth + 1)"
            ".map((f) => f.parentNode.getAttribute('name'))"
        )
        assert not wide
    broken = seen.broken_rules()
    page.evaluate("document.documentElement.dataset.theme = 'light'")
    assert broken == []


def test_less_motion_is_none(page):
    bar = figure(page, "softmax").locator(".full").first
    how = "bar => parseFloat(getComputedStyle(bar).transitionDuration)"
    assert bar.evaluate(how) > 0
    page.emulate_media(reduced_motion="reduce")
    assert bar.evaluate(how) == 0
    page.emulate_media(reduced_motion="no-preference")


@pytest.mark.parametrize(("width", "k"), [(1280, 0), (390, 1)])
def test_the_room_is_kept_free_before_the_script_comes(page, width, k):
    page.set_viewport_size({"width": width, "height": 844})
    wrong = {}
    for name in EVERY:
        page.evaluate(
            "home => document.body.classList.toggle('home', home)", name == "home"
        )
        laid = figure(page, name).locator(".figure-stage").bounding_box()["height"]
        kept = figures.FIGURES[name].room[k]
        if abs(laid - kept) > 24:
            wrong[name] = f"{laid:.0f} high, and {kept} is kept"
    assert not wrong


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("name", ["home", "multi_head"])
def test_one_head_has_as_much_room_as_two(page, width, name):
    page.set_viewport_size({"width": width, "height": 844})
    heights = set()
    for label in figure(page, name).locator(".figure-choice label").all():
        label.click()
        heights.add(figure(page, name).bounding_box()["height"])
    assert max(heights) - min(heights) < 2


def test_a_page_says_in_which_state_a_figure_starts(page):
    as_it_starts = """(figure, start) => {
      figure.setAttribute("start", start);
      figure.reset();
      return figure.state.masked;
    }"""
    multi_head = figure(page, "multi_head")
    assert multi_head.evaluate(as_it_starts, "masked")
    assert not multi_head.evaluate(as_it_starts, "")
    multi_head.evaluate("(figure) => figure.removeAttribute('start')")


def test_nothing_moves_when_the_script_comes(chromium, file):
    moved = """() => new Promise((done) => {
      const sum = (list) => list.getEntries().reduce((all, one) => all + one.value, 0);
      const watch = new PerformanceObserver((list) => done(sum(list)));
      watch.observe({ type: "layout-shift", buffered: true });
      setTimeout(() => done(0), 500);
    })"""
    with visit(chromium, file, width=390) as seen:
        assert seen.page.evaluate(moved) < 0.02


def test_on_paper_the_picture_stays_and_what_one_touches_goes(page):
    page.emulate_media(media="print")
    try:
        for name in EVERY:
            one = figure(page, name)
            expect(one.locator(".figure-says")).to_be_visible()
            for node in one.locator(
                "button, input[type=range], input[type=text]"
            ).all():
                expect(node).to_be_hidden()
            expect(one.locator("figcaption")).to_be_hidden()
    finally:
        page.emulate_media(media="screen")


def test_without_a_script_a_sentence_stays(chromium, file):
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(file.as_uri())
    for name in EVERY:
        text = re.sub(r"\*", "", figures.FIGURES[name].still)
        expect(figure(page, name).locator(".figure-stage")).to_have_text(text)
        expect(figure(page, name).locator("figcaption")).to_be_hidden()
    context.close()


def test_a_page_gets_the_figures_that_it_names():
    body = 'A <book-figure name="home">\n</book-figure> and <book-figure name="x">'
    context = {"body": f"{body}</book-figure>."}
    placing.fill(None, "page", "page.html", context, None)
    assert context["has_figure"]
    assert '<div class="figure-stage"' in context["body"]
    assert 'aria-label="How slept shares out its attention' in context["body"]
    assert '<book-figure name="x"></book-figure>.' in context["body"]  # and a warning
    context = {"body": '<book-figure name="multi_head" start="masked">\n</book-figure>'}
    placing.fill(None, "page", "page.html", context, None)
    assert '<book-figure name="multi_head" start="masked"><figure' in context["body"]
    context = {"body": "none"}
    placing.fill(None, "page", "page.html", context, None)
    assert not context["has_figure"]


def test_every_figure_that_a_chapter_names_is_on_its_page():
    named = {
        source.stem: re.findall(r'^<book-figure name="(\w+)"', text, re.MULTILINE)
        for source in (PAGE.parent).glob("*.md")
        if "<book-figure" in (text := source.read_text("utf-8"))
    }
    assert {name for names in named.values() for name in names} == set(EVERY)
    for stem, names in named.items():
        html = (BUILT / f"{stem}.html").read_text("utf-8")
        for name in names:
            place = rf'<book-figure name="{name}"( start="\w+")?><figure'
            assert re.search(place, html), stem
        assert "_static/figures.js" in html


def test_all_figures_together_weigh_little():
    assert len(figures.script()) < 40_000
