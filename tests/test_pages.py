"""Every page of the built book, in a real browser: light, quiet, and for everybody."""

import json
import re
import zipfile
from collections import Counter
from functools import cache
from html import unescape
from pathlib import Path

import pytest
from browser import visit
from playwright.sync_api import expect

from autograder.chapters import toc as workflow
from book import figures, palette
from book.page.fonts import signs

HTML = Path(__file__).parent.parent / "_build" / "html"
PAGES = sorted(page.relative_to(HTML).as_posix() for page in HTML.rglob("*.html"))
CHAPTERS = [page for page in PAGES if re.match(r"book/\d\d_", page)]
REDIRECT = "index.html"
NO_CHAPTERS = {REDIRECT, "404.html", "search.html", "book/index.html"}
WEIGHT, REQUESTS = 700_000, 20  # bytes, uncompressed

SEARCHES = {"多头": "workflow", "mask": "_masks", "KV cache": "_cache"}

every_page = pytest.mark.parametrize("name", [p for p in PAGES if p != REDIRECT])
every_chapter = pytest.mark.parametrize("name", CHAPTERS)


@cache
def _exercises(name):
    """The functions and classes of a chapter that are still to be written."""
    steps = {f"book/{step.chapter}.html": step.exercises for step in workflow.steps()}
    return steps[name]


def test_there_are_chapters_to_look_at():
    assert CHAPTERS, "no built book in _build/html: run `make book` first"


# What a page asks for.


@every_page
def test_a_page_is_light_quiet_and_asks_nobody_else(chromium, name):
    with visit(chromium, HTML / name) as seen:
        _read_to_the_end(seen.page)
        assert seen.elsewhere() == []
        assert seen.complaints == []
        files = seen.files()
        weight = sum(file.stat().st_size for file in files)
        print(f"{name}: {weight / 1000:.0f} kB in {len(files)} requests")
        assert weight <= WEIGHT
        assert len(files) <= REQUESTS


def test_a_scene_asks_for_nothing(chromium):
    with_scene = next(c for c in CHAPTERS if "<book-scene" in _text(c))
    assert not list(HTML.rglob("*.mp4"))
    with visit(chromium, HTML / with_scene) as seen:
        _read_to_the_end(seen.page)
        assert not [f for f in seen.files() if f.suffix in (".webp", ".json")]


def test_the_page_has_the_colours_of_the_scenes():
    assert palette.css() in (HTML / "_static" / "page.css").read_text("utf-8")


# Whose style sheets come with a page that has one of them, and what is theirs on it.
THEIRS = {
    figures.HERE / "figures.css": r"book-figure|\.figure-",
    HTML / "_static" / "stepper.css": r"book-scene|\.scene-",
}


@pytest.mark.parametrize("file", THEIRS, ids=lambda file: file.name)
def test_a_style_of_what_is_on_a_page_holds_for_nothing_else_there(file):
    """Else a figure's circle, `.output`, outlines the letters of every output."""
    text = re.sub(r"(?s)/\*.*?\*/", "", file.read_text("utf-8"))
    heads = re.findall(r"([^{};]+){", text)
    selectors = [part for head in heads for part in re.split(r",(?![^(]*\))", head)]
    assert len(selectors) > 20
    for selector in map(str.strip, selectors):
        assert selector.startswith("@") or re.search(THEIRS[file], selector), selector


def test_charts_stand_in_the_page_and_have_its_colours():
    with_charts = [html for name in PAGES if 'class="chart"' in (html := _text(name))]
    assert len(with_charts) > 5
    style = (HTML / "_static" / "page.css").read_text("utf-8")
    for html in with_charts:
        assert "data:image" not in html
        charts = re.findall(r'<div class="chart" role="img" aria-label="\w', html)
        drawn = re.findall(r'<svg class="for-(?:wide|narrow)".*?</svg>', html, re.S)
        assert len(drawn) == 2 * len(charts)
        looks = dict(re.findall(r"\.(l\d+)\.l\d+{([^}]*)}", html))
        for svg in drawn:  # with the rules of the page for what it repeats
            svg += "".join(looks[name] for name in re.findall(r'class="(l\d+)"', svg))
            names = re.findall(r"var\((--\S+),", svg)
            assert names and all(f"{name}:" in style for name in names)
            assert "#" not in re.sub(r"var\(--\S+, #\w{6}\)|url\(#|href=\"#", "", svg)
        named = re.findall(r' id="([^"]+)"', html)
        assert len(named) == len(set(named))


def test_every_sign_of_a_formula_is_in_its_face():
    for name in PAGES:
        formulas = "".join(re.findall(r"<math.*?</math>", _text(name), re.S))
        told = unescape(re.sub(r"<[^>]+>|\s", "", formulas))
        assert set(told) <= signs(), name


def test_no_line_moves_when_the_faces_of_the_text_come(chromium):
    height = "document.fonts.ready.then(() => document.body.scrollHeight)"
    with visit(chromium, HTML / CHAPTERS[0]) as seen:
        with_faces = seen.page.evaluate(height)
        assert seen.page.evaluate("document.fonts.check('16px STIX Text')")
        seen.page.evaluate("document.querySelector('[href*=faces]').disabled = true")
        assert abs(seen.page.evaluate(height) / with_faces - 1) < 0.005
        seen.page.evaluate("document.body.style.fontFamily = 'DejaVu Serif'")
        assert seen.page.evaluate(height) / with_faces - 1 > 0.02  # as it would be


def test_what_opens_code_is_called_as_it_is_labelled():
    assert any("Show the code" in _text(name) for name in PAGES)
    assert not [name for name in PAGES if "Toggle hidden content" in _text(name)]


def test_no_page_names_a_foreign_script_style_or_picture():
    for name in PAGES:
        used = re.findall(
            r'<(?:script|link|img|video|iframe)\b[^>]*"(https?:[^"]*)', _text(name)
        )
        assert used == [], name


def test_every_link_inside_the_book_leads_somewhere():
    for name in PAGES:
        for link in re.findall(r'(?:href|src)="([^"]+)"', _text(name)):
            path, _, anchor = link.partition("#")
            if re.match(r"\w+:", link):
                continue
            target = (HTML / name).parent / path if path else HTML / name
            assert target.exists(), f"{name}: {link}"
            if anchor and target.suffix == ".html":
                inside = _text(target.resolve().relative_to(HTML.resolve()).as_posix())
                assert f'id="{anchor}"' in inside, f"{name}: {link}"


def test_a_chapter_has_its_number_from_the_table_of_contents():
    for number, step in enumerate(workflow.steps(), 1):
        text = _text(f"book/{step.chapter}.html")
        assert f"<title>{number} {step.title} · " in text
        assert f'<h1><span class="section-number">{number} </span>{step.title}' in text
        assert f">{number} {step.title}</a>" in text  # in the list of chapters


@every_page
def test_an_anchor_stands_for_one_thing(name):
    anchors = Counter(re.findall(r'<[^>]* id="([^"]+)"', _text(name)))
    assert [anchor for anchor, times in anchors.items() if times > 1] == []
    for exercise in re.findall(r'data-exercise="(\w+)"', _text(name)):
        assert f'id="{exercise}" data-exercise="{exercise}"' in _text(name)


def test_a_chapter_is_called_by_a_link():
    for name in CHAPTERS:
        text = re.sub(r"(?s)<(a|script|pre)\b.*?</\1>", "", _text(name))
        assert re.findall(r"[Cc]hapters? \d+", text) == [], name


def test_who_has_read_it_all_is_led_to_the_interview():
    *_, last = CHAPTERS
    assert 'rel="next" href="interview.html"' in _text(last)


# Who can read it.


@every_page
def test_axe_finds_nothing(chromium, name):
    with visit(chromium, HTML / name) as seen:
        unfold = "all => { for (const details of all) details.open = true }"
        seen.page.locator("details").evaluate_all(unfold)
        for width, theme in ((1280, "light"), (390, "dark")):
            seen.look(width, theme)
            assert seen.broken_rules() == [], (width, theme)


def test_one_piece_of_text_that_is_hard_to_read_is_found(chromium):
    with visit(chromium, HTML / CHAPTERS[0]) as seen:
        seen.page.evaluate(
            """() => {
              const piece = document.querySelector("main p:nth-of-type(2)");
              piece.innerHTML = "well <em>badly <b style='color: #bbb'>told</b></em>";
            }"""
        )
        ((rule, said),) = seen.broken_rules()
        assert rule == "color-contrast" and "#bbbbbb" in said


SHAPE = """() => {
  const all = (what) => [...document.querySelectorAll(what)];
  const wide = (box) => box.getBoundingClientRect().width;
  return {
    map: document.querySelector(".workflow-map.small")?.scrollHeight ?? 0,
    cut: all(".cell_output pre").filter((box) => box.scrollWidth > box.clientWidth + 1)
      .map((box) => box.textContent.slice(0, 80)),
    charts: all(".chart svg").filter((chart) => chart.checkVisibility()).map(wide),
    text: Math.min(720, wide(document.querySelector("main"))),
    letters: all("main svg text").filter((letter) => letter.checkVisibility()
      && letter.textContent.trim()).map((letter) => {
        const { a, b } = letter.getScreenCTM(); // some are turned
        return parseFloat(getComputedStyle(letter).fontSize) * Math.hypot(a, b);
      }),
  };
}"""


@every_page
def test_nothing_is_wider_than_the_page_but_what_scrolls_by_keyboard(chromium, name):
    with visit(chromium, HTML / name) as seen:
        for width in (1280, 390, 320):
            seen.look(width)
            assert seen.page.evaluate("document.documentElement.scrollWidth") <= width
            unreachable = seen.page.evaluate(
                """[...document.querySelectorAll("main *")].filter((box) =>
                  ["auto", "scroll"].includes(getComputedStyle(box).overflowX)
                  && box.scrollWidth > box.clientWidth + 1
                  && box.tabIndex < 0 && box.checkVisibility()
                ).map((box) => box.outerHTML.slice(0, 80))"""
            )
            assert unreachable == []
            shape = seen.page.evaluate(SHAPE)
            # The map of a chapter leaves room for the text.
            assert width < 390 or shape["map"] <= 90
            assert shape["cut"] == []  # of what cells print, nothing is out of sight
            assert all(chart >= shape["text"] - 2 for chart in shape["charts"])
            assert width < 390 or all(size >= 9 for size in shape["letters"])


def test_the_keyboard_alone_is_enough(chromium):
    with visit(chromium, HTML / CHAPTERS[0]) as seen:
        page = seen.page
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "main"
        page.locator("button.theme").focus()
        page.keyboard.press("Space")
        assert page.evaluate("document.documentElement.dataset.theme") == "dark"
        page.reload()
        assert page.evaluate("document.documentElement.dataset.theme") == "dark"
        expect(page.locator("button.theme")).to_have_attribute("aria-pressed", "true")
        page.keyboard.press("/")
        title = re.search(r"<h1>.*?</span>(.*?)<", _text(CHAPTERS[-1]))[1]
        page.keyboard.type(title)
        page.keyboard.press("Enter")
        page.wait_for_url("**/search.html?q=*")
        first = page.locator("#search-results li a").first
        expect(first).to_have_attribute("href", re.compile(re.escape(CHAPTERS[-1])))
        for words, somewhere in SEARCHES.items():
            page.locator(".ask input").fill(words)
            page.keyboard.press("Enter")
            found = page.locator(f"#search-results li:has(a[href*='{somewhere}'])")
            expect(found.locator("p mark", has_text=words).first).to_be_visible()
        assert seen.complaints == []


def test_the_chapters_stay_beside_the_text(chromium):
    with visit(chromium, HTML / CHAPTERS[-1]) as seen:
        seen.page.evaluate("scrollTo(0, 2000)")
        contents = seen.page.get_by_role("navigation", name="Chapters")
        expect(contents).to_be_in_viewport(ratio=0.9)
        expect(contents.locator("li.current")).to_be_in_viewport()


def test_the_chapters_unfold_on_a_phone(chromium):
    with visit(chromium, HTML / CHAPTERS[0], width=390) as seen:
        contents = seen.page.get_by_role("navigation", name="Chapters")
        expect(contents).to_be_hidden()
        seen.page.get_by_role("button", name="Contents").press("Enter")
        expect(contents).to_be_visible()
        expect(contents.locator("li.current")).to_have_count(1)
        seen.page.keyboard.press("Escape")
        expect(contents).to_be_hidden()


@every_chapter
def test_answers_open_on_request(chromium, name):
    with visit(chromium, HTML / name) as seen:
        questions = seen.page.locator("details:visible")
        opened = "all => all.map((question) => question.open)"
        count = questions.count()
        assert questions.evaluate_all(opened) == [False] * count
        for summary in questions.locator("> summary").all():
            summary.press("Enter")
        assert questions.evaluate_all(opened)[:count] == [True] * count


def test_on_paper_the_text_stands_alone(chromium):
    with visit(chromium, HTML / CHAPTERS[0]) as seen:
        seen.page.emulate_media(media="print")
        expect(seen.page.locator("main")).to_be_visible()
        for chrome in (".bar", ".contents", ".onpage", ".turn", ".copy"):
            expect(seen.page.locator(chrome).first).to_be_hidden()


# What stands on it.


@every_chapter
def test_formulas_are_mathml_and_none_is_left_as_tex(chromium, name):
    text = re.sub(r"(?s)<(pre|code|script|style)\b.*?</\1>", "", _text(name))
    assert "<math" in text
    assert not re.search(r"\$|\\\(|\\\[|\\frac|\\sqrt", text)


@every_chapter
def test_each_exercise_says_how_to_do_it(chromium, name):
    with visit(chromium, HTML / name) as seen:
        sections = seen.page.locator("[data-exercise]")
        assert sections.count() == len(_exercises(name))
        for section, function in zip(sections.all(), _exercises(name), strict=True):
            assert section.get_attribute("data-exercise") == function
            assert seen.page.locator(f"#{function}").count() == 1
            note = section.locator(".do")
            expect(note).to_contain_text("make lab")
            expect(note).to_contain_text(Path(name).stem)
            file = (HTML / name).parent / note.locator("a").get_attribute("href")
            stem = Path(name).stem
            with zipfile.ZipFile(file) as archive:
                cells = json.loads(archive.read(f"{stem}/{stem}.ipynb"))["cells"]
            definition = re.compile(rf"^(def|class) {function}\(", re.MULTILINE)
            assert any(definition.search("".join(c["source"])) for c in cells)


@pytest.mark.parametrize("name", [page for page in CHAPTERS if _exercises(page)])
def test_code_can_be_copied(chromium, name):
    with visit(chromium, HTML / name) as seen:
        seen.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        stub = seen.page.locator(".exercise").first
        stub.hover()
        stub.get_by_role("button", name="Copy this code").click()
        copied = seen.page.evaluate("navigator.clipboard.readText()")
        assert copied == stub.locator("pre").inner_text().rstrip("\n")
        assert "raise NotImplementedError" in copied


def test_pages_tell_others_what_they_are():
    for name in ["book/index.html", *CHAPTERS]:
        said = dict(re.findall(r'property="(og:\w+)" content="([^"]+)"', _text(name)))
        assert {"og:title", "og:description", "og:image"} <= said.keys(), name
    assert (HTML / "_static" / "preview.png").stat().st_size < 300_000


def test_the_first_page_shows_every_chapter(chromium):
    with visit(chromium, HTML / REDIRECT) as seen:
        seen.page.wait_for_url("**/book/index.html")
        lines = seen.page.locator(".chapters li").evaluate_all(
            """lines => lines.map((line) => ({
              page: "book/" + line.querySelector("a").getAttribute("href"),
              question: line.querySelector("p")?.textContent.trim() ?? "",
              pictures: line.querySelectorAll("svg").length,
            }))"""
        )
    shown = [line["page"] for line in lines]
    assert sorted(shown) == sorted(set(PAGES) - NO_CHAPTERS)
    chapters = [line for line in lines if line["page"] in CHAPTERS]
    assert [line["page"] for line in chapters if not line["question"]] == []
    for line in chapters:
        assert line["pictures"] <= len(_exercises(line["page"]))


def test_what_is_solved_is_lit_in_the_drawings_of_the_workflow(chromium):
    solved = {"scores": "", "layer_norm": ""}
    keep = "all => localStorage.setItem('attention-by-writing/1', JSON.stringify(all))"
    lit = "found => found.map((box) => box.dataset.exercises)"
    with visit(chromium, HTML / "book" / "workflow.html") as seen:
        seen.page.evaluate(keep, {"solved": solved})
        seen.page.reload()
        assert seen.page.eval_on_selector_all("[data-solved]", lit) == ["scores"]
        seen.page.goto((HTML / CHAPTERS[0]).as_uri())
        assert seen.page.eval_on_selector_all("[data-solved]", lit) == [*solved]


# Animations.


@every_chapter
@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_the_stepper_by_mouse_and_keyboard(chromium, name, motion):
    with visit(chromium, HTML / name, motion=motion) as seen:
        for scene in seen.page.locator("book-scene").all():
            caption = scene.locator(".scene-caption")
            assert not scene.evaluate("scene => scene.playing")
            assert set(scene.locator("text").evaluate_all(STROKES)) <= {"none"}
            steps = scene.locator(".scene-steps li").all_text_contents()
            scene.get_by_role("button", name="Next step").click()
            expect(caption).to_contain_text(steps[0])
            slider = scene.get_by_role("slider")
            slider.press("ArrowRight")
            expect(caption).to_contain_text(steps[1])
            slider.press("ArrowLeft")
            expect(caption).to_contain_text(steps[0])
            slider.press("End")
            expect(caption).to_contain_text(steps[-1])

            scene.get_by_role("button", name="Play").click()
            assert scene.evaluate("scene => scene.playing")
            scene.get_by_role("button", name="Pause").click()
            assert not scene.evaluate("scene => scene.playing")
        assert seen.complaints == []


STROKES = "found => found.map((text) => getComputedStyle(text).stroke)"


# What must not be on it.


def test_nothing_but_the_chapters_is_published():
    for folder in ("solutions", "autograder", "tests", "work", "course", "_sources"):
        assert not list(HTML.rglob(folder)), folder
    searched = (HTML / "_static" / "search-text.js").read_text("utf-8")
    pages = [page for page, _ in json.loads(re.search(r"\[.*\]", searched)[0])]
    assert sorted(pages) == [page for page in PAGES if page.startswith("book/")]


@cache
def _text(name):
    return (HTML / name).read_text("utf-8")


def _read_to_the_end(page):
    """Scroll down as a reader does, so that all that waits for it is loaded."""
    page.evaluate(
        """async () => {
          for (let y = 0; y < document.body.scrollHeight; y += 600) {
            scrollTo(0, y);
            await new Promise((done) => setTimeout(done, 30));
          }
        }"""
    )
    page.wait_for_load_state("networkidle")
