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
from book.page import policy

RIGHT = {name: exercise.reference for name, exercise in discover().items()}
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
}
EACH_STATE = [(name, k) for name in STATES for k in range(len(STATES[name][1]))]


def computed(page, name, state):
    call = "([name, state]) => customElements.get('book-figure').compute(name, state)"
    return page.evaluate(call, [name, state])


def test_each_figure_is_compared():
    assert set(STATES) == set(EVERY)


@pytest.mark.parametrize(("name", "k"), EACH_STATE)
def test_the_numbers_are_those_of_the_references(page, name, k):
    reference, states = STATES[name]
    found = computed(page, name, states[k])
    for what, expected in reference(**states[k]).items():
        np.testing.assert_allclose(found[what], expected, atol=1e-12, err_msg=what)


# What is shown.


def figure(page, name):
    return page.locator(f'book-figure[name="{name}"]')


def numbers(locator):
    return [float(t.replace("−", "-")) for t in locator.all_text_contents() if t]


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
    own = home.get_by_role("textbox")
    own.fill("The blue cat")
    says(page, "home", "“blue” is not in the book's vocabulary: the, cat, dog")
    own.fill("Tired dog!")
    assert home.locator(".words b").all_text_contents() == ["tired", "dog"]


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
    assert seen.complaints == []
    broken = seen.broken_rules()
    seen.complaints.clear()  # axe asks for style sheets, which a file must not
    page.evaluate("document.documentElement.dataset.theme = 'light'")
    assert broken == []


@pytest.mark.parametrize(("width", "k"), [(1280, 0), (390, 1)])
def test_the_room_is_kept_free_before_the_script_comes(page, width, k):
    page.set_viewport_size({"width": width, "height": 844})
    for name in EVERY:
        page.evaluate(
            "home => document.body.classList.toggle('home', home)", name == "home"
        )
        laid = figure(page, name).locator(".figure-stage").bounding_box()["height"]
        kept = figures.FIGURES[name].room[k]
        assert abs(laid - kept) <= 24, f"{name} is {laid:.0f} high, and {kept} is kept"


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


def test_all_figures_together_weigh_little():
    assert len(figures.script()) < 40_000
