"""The page that answers: every exercise of every page, written, checked and kept."""

import hashlib
import json
import re
import sys
import zipfile
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import browser
import firefox
import nbformat
import pytest
from playwright.sync_api import expect
from reader import HTML, PATIENCE, Reader, serving, written

from autograder.chapters.chapter import load_chapters, stub_of
from autograder.chapters.toc import ROOT, steps
from autograder.exercises.registry import discover
from autograder.grading.assess import assess
from autograder.grading.assignment import Assignment, GradedCell, Options
from autograder.grading.stand_ins import kit_for
from autograder.grading.warm import stop_engines
from autograder.judge import render
from autograder.notebook import verbs
from book.live import gallery, kernel, pyodide
from book.live.cells import cells_of

PAGES = {
    page.stem: re.findall(
        r'data-exercise="(\w+)"[^>]*data-state="idle"', page.read_text("utf-8")
    )
    for page in (HTML / "book" / f"{step.chapter}.html" for step in steps())
    if page.is_file()  # none of an older book
}
LIVE = [name for name, exercises in PAGES.items() if exercises]
LIMIT = 100_000  # bytes of what a page holds of its exercises
every_page = pytest.mark.parametrize("name", LIVE)
visit = partial(browser.visit, alone=True)  # what a reader writes is kept
ENDLESS = "def {name}(*given):\n    while True:\n        pass\n"
ODD = """
right_one = {name}


def {name}(*given, **named):
    return odd(right_one(*given, **named))


def odd(value):
    if isinstance(value, dict):
        return {{key: odd(item) for key, item in value.items()}}
    return tuple(map(odd, value)) if isinstance(value, tuple) else 1.37 * value + 0.21
"""


def right(name):
    return written(discover()[name].reference, name)


def declared(name):
    """A mistake that the exercise declares: its source, and what it is called."""
    mistake = discover()[name].mistakes[0]
    return written(mistake, name), mistake.__name__.replace("_", " ")


def test_the_book_was_built_with_python_for_its_pages():
    assert LIVE, pyodide.MISSING


# What a reader does.


@every_page
def test_a_reader_writes_every_function_of_a_page(chromium, by_cpython, name):
    """From the file system: nothing is served, and nothing asked for elsewhere."""
    with visit(chromium, HTML / "book" / f"{name}.html") as seen:
        asked = [u.rpartition("/live/")[2] for u in seen.requests if "/live/" in u]
        assert sorted(asked) == ["live.css", "live.js"]  # before anybody asked
        for exercise in PAGES[name]:
            tell_all(Reader(seen.page, exercise), exercise)
            compare(seen.page, name, discover()[exercise], by_cpython)
        reader = Reader(seen.page, exercise)
        loop_without_end(reader, exercise)
        if name == LIVE[0]:  # Python starts again, on all pages alike
            assert reader.check(right(exercise))[0] == "right"
        reader.write(right(exercise))
        seen.page.reload()
        for exercise in PAGES[name]:
            reader = Reader(seen.page, exercise)
            reader.section.locator(".cm-content").wait_for()
            assert reader.written() == right(exercise)
        handed_in = json.dumps(seen.page.evaluate("live.notebook()")).encode()
        points = {e: discover()[e].points for e in PAGES[name]}
        scores = graded(name, handed_in).scores
        assert {e: scores[e] for e in points} == points
        assert seen.elsewhere() == []
        assert seen.complaints == []
        if name == LIVE[0]:  # with open editors and a shown verdict: alike on all pages
            Reader(seen.page, PAGES[name][0]).ask("Check")
            assert seen.broken_rules() == []


def tell_all(reader, name):
    state, said = reader.ask("Check")
    assert (state, f"{name}: not written yet" in said) == ("unwritten", True), said
    wrong, called = declared(name)
    state, said = reader.check(wrong)
    assert state == "wrong" and f"{name}: not right yet" in said, said
    assert called in said
    state, said = reader.check(right(name) + ODD.format(name=name))
    assert state == "wrong" and f"{name}: not right yet" in said, said
    if reader.section.get_attribute("data-scene"):
        reader.write(wrong)
        reader.ask("Watch mine")
        assert reader.page.locator(".live-played book-scene").count()
    state, said = reader.check(right(name))
    assert (state, f"{name}: right" in said) == ("right", True), said


def loop_without_end(reader, name):
    """Last on a page, and once: Python is stopped by it, and starting it takes long."""
    with allowed(reader.page, seconds=0.5):
        state, said = reader.check(ENDLESS.format(name=name))
    assert state == "wrong" and "Is there a loop that does not end?" in said, said
    assert "while True:" in said or "pass" in said  # the reader's own line


@contextmanager
def allowed(page, seconds):
    """Less time than a reader's code has: a loop without an end is told sooner."""
    before = page.evaluate("live.limits.seconds")
    page.evaluate("seconds => { live.limits.seconds = seconds }", seconds)
    yield
    page.evaluate("seconds => { live.limits.seconds = seconds }", before)


@pytest.fixture(scope="module")
def window():
    with firefox.running() as window:
        yield window


IN_FIREFOX = """
const [name, texts] = given, exercise = live.exercises.find((one) => one.name === name);
const said = [];
for (const text of texts) {
  await exercise.open(false);
  exercise.box.editor.text = text;
  await exercise.check();
  said.push([exercise.state, exercise.told.textContent]);
}
return said;
"""


# Each exercise is tried in both browsers, and both from the file system and over http.
# The other two of the four ways are tried on one page: browsers and ways differ in how
# the page's files come, and that is alike on all pages.


@every_page
def test_in_firefox_over_http_it_is_the_same(window, name):
    with serving(HTML) as address:
        window.open(f"{address}/book/{name}.html")
        told_in_firefox(window, PAGES[name])
        window.open("about:blank")


def test_in_firefox_from_the_file_system(window):
    window.open((HTML / "book" / f"{LIVE[-1]}.html").as_uri())
    told_in_firefox(window, PAGES[LIVE[-1]])


def told_in_firefox(window, exercises):
    for exercise in exercises:
        wrong, called = declared(exercise)
        said = window.run(IN_FIREFOX, exercise, [wrong, right(exercise)])
        assert [state for state, _ in said] == ["wrong", "right"], said
        assert called in said[0][1]


def test_in_chromium_over_http(chromium):
    """And nothing is asked for from anywhere else."""
    name = LIVE[-1]
    with (
        serving(HTML) as address,
        visit(chromium, f"{address}/book/{name}.html") as seen,
    ):
        for exercise in PAGES[name]:
            reader, (wrong, called) = Reader(seen.page, exercise), declared(exercise)
            state, said = reader.check(wrong)
            assert state == "wrong" and called in said, said
            assert reader.check(right(exercise))[0] == "right"
        own = (address, "blob:", "data:")
        assert [url for url in seen.requests if not url.startswith(own)] == []
        assert seen.complaints == []


def test_hints_come_one_at_a_time_and_the_solution_after_them(chromium):
    name = PAGES[LIVE[0]][0]
    with visit(chromium, HTML / "book" / f"{LIVE[0]}.html") as seen:
        reader = Reader(seen.page, name)
        solution = reader.section.locator(".solution")
        assert "Try once first" in reader.ask("Solution")[1]
        expect(solution).to_be_hidden()
        said = [reader.ask("Hint")[1]]
        while "(the last one)" not in said[-1]:
            said.append(reader.ask("Hint")[1])
            assert len(said) < 12
        assert len(set(said)) == len(said) > 1
        reader.press("Solution")
        expect(solution).to_be_visible()
        assert f"def {name}(" in solution.inner_text()


def test_a_verdict_is_of_what_was_checked(chromium):
    name = PAGES[LIVE[0]][0]
    with visit(chromium, HTML / "book" / f"{LIVE[0]}.html") as seen:
        reader = Reader(seen.page, name)
        changed = reader.section.get_by_text("You have changed it since.")
        assert reader.check(right(name))[0] == "right"
        expect(changed).to_be_hidden()
        reader.write(declared(name)[0])
        expect(changed).to_be_visible()
        assert reader.state == "idle"
        assert reader.ask("Check")[0] == "wrong"
        expect(changed).to_be_hidden()


def test_what_was_solved_is_used_in_a_later_chapter(chromium):
    """By `ready`, as in a notebook: the function says something when it is called."""
    page, later, cell = next(
        (page, later, cell)
        for page in LIVE
        for later in LIVE[LIVE.index(page) + 1 :]
        for cell in runnable(later)
        if f'ready("{PAGES[page][0]}")' in cell.source and visible(cell)
    )
    name = PAGES[page][0]
    mine = right(name) + SAYS_MINE.format(name=name)
    with visit(chromium, HTML / "book" / f"{page}.html") as seen:
        assert Reader(seen.page, name).check(mine)[0] == "right"
        seen.page.goto((HTML / "book" / f"{later}.html").as_uri())
        box = seen.page.locator(f"#cell-{cell.index}")
        box.get_by_role("button", name="Run this cell in the page").click()
        expect(box.locator(".live-out")).to_contain_text("mine", timeout=120_000)


SAYS_MINE = """
own = {name}


def {name}(*given, **named):
    print("mine")
    return own(*given, **named)
"""


def visible(cell):
    return "matrix(" in cell.source


def runnable(name):
    (chapter,) = load_chapters([name])
    return [c for c in cells_of(chapter, ROOT) if not c.lacks and c.kind == "plain"]


def test_what_was_written_comes_and_goes_as_a_notebook(chromium, tmp_path):
    page, name = LIVE[0], PAGES[LIVE[0]][0]
    with visit(chromium, HTML / "book" / f"{page}.html") as seen:
        reader = Reader(seen.page, name)
        reader.write(right(name))
        with seen.page.expect_download() as started:
            reader.press("Download what I wrote")
        file = tmp_path / started.value.suggested_filename
        started.value.save_as(file)
        assert file.name == f"{page}.ipynb"
        notebook = nbformat.read(file, as_version=4)
        nbformat.validate(notebook)
        assert right(name) in [cell.source for cell in notebook.cells]
        reader.press("Start over")
        assert "raise NotImplementedError" in reader.written()
        seen.page.evaluate("live.python.start(() => {})")  # it says nothing over that
        reader.press("Bring back what stood here")
        assert reader.written() == right(name)
        reader.press("Start over")
        seen.page.locator("input[type=file]").first.set_input_files(file)
        expect(reader.told).to_contain_text(f"Taken from {file.name}: {name}")
        assert reader.written() == right(name)
        for broken in BROKEN:
            (tmp_path / "broken.ipynb").write_text(broken)
            seen.page.locator("input[type=file]").first.set_input_files(
                tmp_path / "broken.ipynb"
            )
            expect(reader.told).to_contain_text("cannot be read as a notebook")
            assert reader.written() == right(name)
        strange = f"def {name}(</pre><script>document.title = 1</script>"
        sources = [None, 7, {"a": "b"}, [strange, 8]]
        cells = [None, *({"cell_type": "code", "source": each} for each in sources)]
        (tmp_path / "strange.ipynb").write_text(json.dumps({"cells": cells}))
        seen.page.locator("input[type=file]").first.set_input_files(
            tmp_path / "strange.ipynb"
        )
        expect(reader.told).to_contain_text(f"Taken from strange.ipynb: {name}")
        assert reader.written() == f"{strange}8"  # text, and no more than that
        reader.press("Bring back what stood here")
        assert reader.written() == right(name)
        assert seen.complaints == []


BROKEN = ("no notebook", "null", "[]", '{"cells": {"0": 1}}', '{"cells": "x"}')


def test_a_wrong_download_is_graded_to_the_same_verdict(chromium, tmp_path):
    """As the right ones of every page are above: by hidden checks, in the sandbox."""
    with visit(chromium, HTML / "book" / f"{LIVE[0]}.html") as seen:
        (name, *_) = PAGES[LIVE[0]]
        reader = Reader(seen.page, name)
        state, _ = reader.check(declared(name)[0])
        notebook = json.dumps(seen.page.evaluate("live.notebook()"))
        assert state == "wrong"
        assert graded(LIVE[0], notebook.encode()).scores[name] == 0


def graded(chapter, data):
    (known,) = load_chapters([chapter])
    cells, released = [], []
    for cell in known.notebook.cells:
        released.append((cell.cell_type, cell.source))
    for exercise in known.exercises().values():
        points = float(exercise.points)
        test = f"check({exercise.name})"
        cells.append(GradedCell(f"{exercise.name}_answer", stub_of(exercise), ""))
        cells.append(GradedCell(exercise.name, test, "", points))
    kit = kit_for(chapter)
    assignment = Assignment(chapter, tuple(cells), tuple(released), 1, kit, {})
    try:
        return assess(assignment, "ada", data, Options(allow_unsafe=True))
    finally:
        stop_engines()


EVIL = """
class Evil:
    def _repr_html_(self):
        return {html!r}


def {name}(*given):
    pass


Evil()
"""
ELSEWHERE = "https://elsewhere.invalid/"
# What a reader's code may show to act, to load, to ask, or to lie over the page.
ATTACKS = (
    "<script>document.title = 1</script>",
    "<template><script>document.title = 1</script></template>",
    '<img src=x onerror="document.title = 1">',
    '<p onclick="document.title = 1" id="contents">x</p><p name="live">x</p>',
    "<details open ontoggle=document.title=1>x</details>",
    '<a href="javascript:document.title=1">x</a>',
    '<a href="java\tscript:document.title=1">x</a>',
    '<a href="\x01javascript:document.title=1">x</a>',
    f'<a href="//{ELSEWHERE[8:]}">x</a><a href="{ELSEWHERE}">x</a>',
    f'<a href="https:{ELSEWHERE[8:]}">x</a><a href="data:text/html,x">x</a>',
    '<svg><a href="java\nscript:document.title=1"><text y="9">x</text></a></svg>',
    '<svg><a xlink:href="javascript:document.title=1"><text y="9">x</text></a></svg>',
    '<svg><set attributeName="href" to="javascript:document.title=1"/></svg>',
    f'<svg><image href="{ELSEWHERE}"/><use href="{ELSEWHERE}#b"/></svg>',
    f'<svg><path fill="url({ELSEWHERE}#a)" d="M0 0h9v9z"/></svg>',
    f'<p style="background:url({ELSEWHERE})">x</p>',
    f'<p style="background:u\\72l({ELSEWHERE})">x</p>',
    f"<iframe src='{ELSEWHERE}'></iframe><object data='{ELSEWHERE}'></object>",
    f"<link rel=stylesheet href={ELSEWHERE}><style>@import '{ELSEWHERE}'</style>",
    f"<meta http-equiv=refresh content='0;url={ELSEWHERE}'>",
    f"<form action='{ELSEWHERE}'><input autofocus><button>x</button></form>",
    "<style>body{display:none}</style>",
    '<p style="position:fixed;inset:0;z-index:99;background:red">x</p>',
    '<p style="position:absolute;top:-9999px;width:9999px;height:19999px">x</p>',
    '<svg><text font-size="9999" x="-500">x</text></svg>',
    '<p role="status">x</p><section data-exercise="x" data-state="right">x</section>',
    "<math><mtext><table><mglyph><style><img src=x onerror=document.title=1>",
)
SHOWN = """async ([name, text]) => {
  const { told, box } = live.exercises.find((one) => one.name === name);
  box.editor.text = text;
  await live.exercises.find((one) => one.name === name).check();
  const top = document.querySelector("h1");
  top.scrollIntoView();
  const { left, bottom } = top.getBoundingClientRect();
  const over = document.elementFromPoint(left + 9, bottom - 9);
  const links = [...told.querySelectorAll("a[href]")].map((link) => link.href);
  return [told.innerHTML, document.title, told.contains(over),
    document.documentElement.scrollWidth > innerWidth, links,
    document.querySelectorAll("[data-exercise], [role=status], #contents").length];
}"""


def test_what_a_readers_code_shows_stays_in_its_place(chromium):
    page, name = LIVE[0], PAGES[LIVE[0]][0]
    with visit(chromium, HTML / "book" / f"{page}.html") as seen:

        def shown(html):
            text = EVIL.format(name=name, html=html)
            return seen.page.evaluate(SHOWN, [name, text])

        Reader(seen.page, name).open()
        _, *before, links, count = shown('<p><a href="#x">harmless</a></p>')
        assert before == [seen.page.title(), False, False] and len(links) == 1
        for html in ATTACKS:
            asked = len(seen.requests)
            told, *after = shown(html)
            assert not re.search(r"<script|<img|<iframe| on\w+=|javascript:", told)
            assert after == [*before, [], count], html
            assert seen.requests[asked:] == [], html


DOORS = """
import js


def {name}(*given):
    pass


doors = "fetch XMLHttpRequest WebSocket importScripts Worker indexedDB caches storage"
for place in (js, js.navigator):
    print("open:", [door for door in doors.split() if hasattr(place, door)])
try:
    js.eval("1")
except Exception:
    print("no code from text")
forged = js.JSON.parse('{{"said": "forged"}}')
js.setTimeout(js.postMessage.bind(js.self, forged), 200)
"""


def test_what_a_reader_runs_asks_nobody_and_keeps_nothing(chromium):
    """Over http, too, where the page itself may ask its own server."""
    page, name = LIVE[0], PAGES[LIVE[0]][0]
    with (
        serving(HTML) as address,
        visit(chromium, f"{address}/book/{page}.html") as seen,
    ):
        reader = Reader(seen.page, name)
        _, said = reader.check(DOORS.format(name=name))
        assert said.count("open: []") == 2 and "no code from text" in said, said
        seen.page.wait_for_timeout(500)
        assert "forged" not in reader.told.inner_text()
        assert seen.complaints == []


STRANGE = (
    "{",
    "5",
    '["a"]',
    '{"texts": 3, "solved": "x", "tried": null}',
    '{"texts": {"NAME": {"a": 1}}, "solved": {"NAME": 7}}',
)
WRITE = """async ([name, text]) => {
  const one = live.exercises.find((one) => one.name === name);
  await one.open(false);
  one.box.editor.text = text;
}"""
FILL = """() => {
  for (let n = 2 ** 22; n > 1; n >>= 1)
    try { for (;;) localStorage.full = (localStorage.full ?? "") + "x".repeat(n) }
    catch {}
}"""


def test_what_others_wrote_into_the_storage_does_no_harm(chromium):
    """From the file system, all pages of a browser share one."""
    page, name = LIVE[0], PAGES[LIVE[0]][0]
    kept = "JSON.parse(localStorage['attention-by-writing/1'])"
    put = "text => { localStorage['attention-by-writing/1'] = text }"
    with visit(chromium, HTML / "book" / f"{page}.html") as seen:
        promise = seen.page.locator(".live-kept").first
        for text in STRANGE:
            seen.page.evaluate(put, text.replace("NAME", name))
            seen.page.reload()
            expect(promise).to_contain_text("stays in")
            seen.page.evaluate(WRITE, [name, right(name)])
            assert seen.page.evaluate(kept)["texts"] == {name: right(name)}
            assert seen.page.evaluate(kept)["solved"] == {}
        unread = "localStorage['attention-by-writing/1/unread']"
        assert seen.page.evaluate(unread) == STRANGE[0]
        seen.page.evaluate(FILL)
        seen.page.evaluate(WRITE, [name, right(name) + "#" * 100])
        expect(promise).to_contain_text("does not keep")
        assert seen.complaints == []


def test_what_was_written_is_shown_although_a_file_does_not_come(chromium):
    page, name = LIVE[0], PAGES[LIVE[0]][0]
    with visit(chromium, HTML / "book" / f"{page}.html") as seen:
        reader = Reader(seen.page, name)
        reader.write(right(name))
        for file in ("editor.js", f"chapters/{page}.js"):
            seen.page.route(f"**/live/{file}", lambda route: route.abort())
            seen.page.reload()
            expect(reader.told).to_contain_text(f"could not be loaded ({file})")
            shown = reader.section.locator(".cell_input pre")
            expect(shown).to_have_text(right(name), use_inner_text=True)
            assert reader.state == "unavailable"
            seen.page.unroute(f"**/live/{file}")
            reader.press("Try again")
            reader.section.locator(".cm-content").wait_for()
            expect(reader.told).to_be_empty()
            assert (reader.state, reader.written()) == ("idle", right(name))
        missing = ("failed: ", "error: Failed to load resource")
        assert [c for c in seen.complaints if not c.startswith(missing)] == []


def test_a_cell_that_was_changed_is_seen_as_it_runs(chromium):
    page = LIVE[0]
    cell = next(filter(visible, runnable(page)))
    with visit(chromium, HTML / "book" / f"{page}.html") as seen:
        box = seen.page.locator(f"#cell-{cell.index}")
        box.get_by_role("button", name="Run this cell in the page").click()
        box.locator(".cm-content").click()
        seen.page.keyboard.type("# mine ")
        seen.page.reload()
        expect(box.locator(".cm-content")).to_contain_text("# mine")
        box.get_by_role("button", name="Start over").click()
        seen.page.reload()
        expect(box.locator(".cell_input")).not_to_contain_text("# mine")


def test_a_phone_from_the_top_of_a_chapter_to_a_right_answer(chromium):
    """With a finger, the phone's keys, and those that the page offers below."""
    width, height = 390, 640  # a small one, or a larger one with its keyboard
    context = chromium.new_context(
        viewport={"width": width, "height": height}, has_touch=True, is_mobile=True
    )
    page = context.new_page()
    page.goto((HTML / "book" / "03_scores.html").as_uri())
    reader = Reader(page, "scores")

    def button(name):
        return reader.section.get_by_role("button", name=name, exact=True)

    def judged(state):
        button("Check").tap()
        page.wait_for_function(
            "([section, state]) => section.dataset.state === state",
            arg=[reader.section.element_handle(), state],
            timeout=PATIENCE,
        )
        verdict = reader.told.locator(".verdict p").first
        expect(verdict).to_be_in_viewport(ratio=1)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        return reader.told.inner_text()

    try:
        expect(page.locator("h1")).to_be_in_viewport()
        button("Write it here").tap()
        editor = reader.section.locator(".cm-content")
        expect(editor).to_be_focused()
        editor.locator(".cm-line").last.tap()
        page.keyboard.press("End")
        for _ in "raise NotImplementedError":
            page.keyboard.press("Backspace")
        page.keyboard.type("return Q @ K")
        assert "forgot to transpose" in judged("wrong")
        editor.locator(".cm-line").last.tap()
        page.keyboard.press("End")
        button(".").tap()
        page.keyboard.type("T")
        assert reader.written().endswith("    return Q @ K.T")
        assert "scores: right" in judged("right")
        page.wait_for_timeout(400)  # what could complete `T` would be shown by now
        assert page.locator(".cm-tooltip").count() == 0
    finally:
        context.close()


def test_without_pythons_files_one_sentence_says_so(chromium, tmp_path):
    page, name = LIVE[0], PAGES[LIVE[0]][0]
    with visit(chromium, HTML / "book" / f"{page}.html") as seen:
        reader = Reader(seen.page, name)
        none = "() => { Worker = class { constructor() { throw new Error('no') } } }"
        seen.page.evaluate(none)
        state, said = reader.ask("Check")
        assert state == "unavailable"
        assert "Python could not be started in this browser" in said


# What it is made of.


@every_page
def test_what_a_page_holds_is_small_and_gives_no_answer_away(name):
    file = HTML / "_static" / "live" / f"{name}.zip"
    assert file.stat().st_size <= LIMIT
    there = held(name)
    for exercise in PAGES[name]:
        assert f"{exercise}.key" in there
        assert discover().file(exercise).name not in there


def test_every_exercise_of_the_book_has_a_gallery():
    for name, exercise in discover().items():
        shown = gallery.chosen(exercise)
        assert gallery.FEWEST <= len(shown) <= gallery.MOST, name


def test_no_page_speaks_of_a_verdict_that_nobody_got():
    for page in (HTML / "book").glob("[0-9][0-9]_*.html"):
        text = page.read_text("utf-8")
        for said in ("not written yet", "0 of 1 point", "0 of 2 points"):
            assert said not in text, f"{page.name}: {said}"


def test_each_page_allows_its_own_files_alone():
    for page in HTML.rglob("*.html"):
        text = page.read_text("utf-8")
        if 'http-equiv="refresh"' in text:
            continue
        (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', text)
        assert "default-src" in policy and "http" not in policy and "*" not in policy


# Python, from where it can be had.


@pytest.fixture
def small(monkeypatch):
    """As if Pyodide were two small files."""
    files = {"a.js": b"one", "b.whl": b"two"}
    told = {
        name: {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        for name, data in files.items()
    }
    monkeypatch.setitem(pyodide.WANTED, "files", told)
    monkeypatch.setattr(pyodide, "from_package", lambda environ, tell: iter(()))
    return files


def test_pyodide_comes_from_a_folder(small, tmp_path):
    for name, data in small.items():
        (tmp_path / name).write_bytes(data)
    said = []
    environ = {"PYODIDE": str(tmp_path)}
    assert pyodide.fill(tmp_path / "cache", said.append, environ)
    assert (tmp_path / "cache" / "a.js").read_bytes() == b"one"
    assert pyodide.fill(tmp_path / "cache", said.append, {})  # kept
    assert len(said) == 1


def test_pyodide_comes_from_its_own_download(small, tmp_path):
    for name, data in small.items():
        (tmp_path / name).write_bytes(data)
    with serving(tmp_path) as address:
        environ = {"PYODIDE_DOWNLOAD": f"{address}/"}
        assert pyodide.fill(tmp_path / "cache", print, environ)


def test_a_file_that_does_not_fit_is_not_taken(small, tmp_path):
    (tmp_path / "a.js").write_bytes(b"one")
    (tmp_path / "b.whl").write_bytes(b"twi")
    said = []
    environ = {"PYODIDE": str(tmp_path), "PYODIDE_DOWNLOAD": "http://127.0.0.1:1/"}
    assert not pyodide.fill(tmp_path / "cache", said.append, environ)
    assert any("b.whl: this is not the file" in line for line in said)
    assert said[-1] == pyodide.MISSING
    assert not (tmp_path / "cache" / "b.whl").exists()


@pytest.mark.skipif(not pyodide.cached(), reason=pyodide.MISSING)
def test_the_files_in_the_cache_are_those_that_are_named():
    for name, file in pyodide.WANTED["files"].items():
        data = (pyodide.CACHE / name).read_bytes()
        assert hashlib.sha256(data).hexdigest() == file["sha256"], name


# Page against CPython.


JUDGED = """async ([name, source]) => {
  await live.python.start(() => {});
  const cell = { name: `your ${name}`, source };
  return (await live.python.ask({ kind: "check", function: name, cell })).shown;
}"""


def compare(page, name, exercise, by_cpython):
    """Each declared answer of an exercise: the same HTML, byte for byte."""
    there = held(name)
    for answer in (exercise.reference, *exercise.mistakes, *exercise.equivalents):
        source = written(answer, exercise.name)
        if "torch" in source or not books_modules(source) <= there:
            continue  # no reader of this page could write that
        told = page.evaluate(JUDGED, [exercise.name, source])
        assert told == by_cpython(exercise, source), answer.__name__


def books_modules(source):
    return {f"{name}.py" for name in re.findall(r"from solutions\.(\w+)", source)}


def held(name):
    """The files that a page holds of its exercises."""
    with zipfile.ZipFile(HTML / "_static" / "live" / f"{name}.zip") as archive:
        return {Path(place).name for place in archive.namelist()}


@pytest.fixture
def by_cpython(tmp_path, monkeypatch):
    """What the worker's kernel says, run here: the same program on another Python."""
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    monkeypatch.setattr(render, "STUCK", render.STUCK)
    monkeypatch.setattr(verbs, "SOLVED", verbs.SOLVED)

    def said(exercise, source):
        cell = {"name": f"your {exercise.name}", "source": source}
        request = {"kind": "check", "function": exercise.name, "cell": cell}
        return json.loads(kernel.answer(json.dumps(request)))["shown"]

    kernel.begin(str(tmp_path), {})
    yield said
    render.show_through(None)
