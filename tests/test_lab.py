"""JupyterLab as `make lab` starts it, driven in a real browser as a learner does."""

import re
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from classroom import nbgrader
from playwright.sync_api import Page, expect
from server import serving

from autograder.chapters.chapter import load_chapters, source_notebook
from autograder.chapters.toc import ROOT
from autograder.course.setup import CONFIG
from autograder.notebook.workspace import lay_out

WINDOW = {"width": 1280, "height": 7000}  # high: Lab draws only what is in sight
PATIENCE = 60_000  # ms; a busy machine is slow, a broken one never comes
RIGHT = """import numpy as np
def softmax(S):
    E = np.exp(S - S.max(axis=-1, keepdims=True))
    return E / E.sum(axis=-1, keepdims=True)"""
WRONG = """import numpy as np
def softmax(S):
    E = np.exp(S - S.max(axis=0, keepdims=True))
    return E / E.sum(axis=0, keepdims=True)"""


@dataclass
class Lab:
    """A running server and the one page that is open in it."""

    url: str
    folder: Path
    page: Page
    asked: list[str]
    complaints: list[str]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """JupyterLab on a free port, in a folder of its own; gone afterwards."""
    folder = tmp_path_factory.mktemp("lab")
    lay_out(folder)
    config = f"--config={ROOT}/autograder/lab/jupyter_lab_config.py"
    with serving(folder, "jupyter-lab", config) as (url, token):
        yield url, token, folder


@pytest.fixture(scope="module")
def lab(server, chromium):
    """The page that a learner sees after `make lab`.

    One page for all: the tests here are one session, in the order of the file.
    """
    url, token, folder = server
    page = chromium.new_page(viewport=WINDOW)
    page.set_default_timeout(PATIENCE)
    expect.set_options(timeout=PATIENCE)
    lab = Lab(url, folder, page, [], [])
    page.on("request", lambda request: lab.asked.append(request.url))
    page.on("pageerror", lambda error: lab.complaints.append(str(error)))
    page.goto(f"{url}/?token={token}")
    yield lab
    page.close()
    expect.set_options(timeout=5000)


def open_tab(lab, name):
    """The notebook in the tab called `name`, which is brought to the front."""
    tab = lab.page.locator("#jp-main-dock-panel .lm-TabBar-tab", has_text=name)
    tab.click()
    expect(lab.page.locator("#jp-main-statusbar")).to_contain_text("| Idle")
    return lab.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")


def menu(lab, name, item):
    """Choose an item of the menu bar."""
    lab.page.locator(".lm-MenuBar-itemLabel", has_text=name).click()
    lab.page.locator(f".lm-Menu-itemLabel:text-is('{item}')").click()


def cell_with(notebook, text):
    return notebook.locator(".jp-CodeCell", has_text=text).first


def write_and_run(lab, cell, code):
    """Replace what stands in a cell, and run it: Shift+Enter."""
    cell.locator(".cm-content").click()
    lab.page.keyboard.press("Control+a")
    lab.page.keyboard.insert_text(code)
    lab.page.keyboard.press("Shift+Enter")


def run(lab, cell):
    cell.locator(".cm-content").click()
    lab.page.keyboard.press("Shift+Enter")


def test_the_start_page_lists_the_chapters_and_opens_them(lab):
    expect(lab.page).to_have_title(re.compile("00_start"))
    start = open_tab(lab, "00_start.ipynb")
    functions = [e.name for c in load_chapters() for e in c.exercises().values()]
    expect(start).to_contain_text(f"Solved: 0 of {len(functions)} functions")
    links = start.locator(".jp-OutputArea a")
    expect(links).to_have_count(len(load_chapters()))
    links.get_by_text("Softmax").click()
    notebook = open_tab(lab, "05_softmax.ipynb")
    expect(notebook.locator("h1")).to_contain_text("Softmax")


def test_a_chapter_renders_fully(lab):
    notebook = open_tab(lab, "05_softmax.ipynb")
    # Mathematics, a table, and answers that are folded away until they are wanted.
    expect(notebook.locator("mjx-container").first).to_be_visible()
    expect(notebook.locator("table th").first).to_have_text("What you see")
    answer = notebook.locator("details p", has_text="Each query distributes")
    expect(answer).to_be_hidden()
    notebook.locator("summary").first.click()
    expect(answer).to_be_visible()


def test_wrong_then_right(lab):
    notebook = open_tab(lab, "05_softmax.ipynb")
    cell = cell_with(notebook, "def softmax")
    cell.locator(".cm-content").click()
    menu(lab, "Run", "Run All Above Selected Cell")
    expect(notebook.locator(".workflow-map")).to_be_visible()
    write_and_run(lab, cell, WRONG)
    asked = cell_with(notebook, "check(softmax)")
    run(lab, asked)
    verdict = asked.locator(".verdict")
    expect(verdict).to_contain_text("softmax: not right yet")
    expect(verdict).to_contain_text("Mistake: over queries.")
    expect(verdict.locator("td[title*='differs']").first).to_be_visible()
    expect(asked).to_contain_text("0 of 4 points")
    write_and_run(lab, cell, RIGHT)
    run(lab, asked)
    expect(verdict).to_contain_text("softmax: right")
    expect(asked).to_contain_text("4 of 4 points")


def test_the_animation_plays_by_mouse_and_by_keyboard(lab):
    notebook = open_tab(lab, "05_softmax.ipynb")
    run(lab, cell_with(notebook, "play_softmax"))
    scene = notebook.locator("book-scene")
    caption = scene.locator(".scene-caption")
    expect(caption).to_contain_text("steps; this is how")
    assert not scene.evaluate("scene => scene.playing")  # nothing starts by itself
    scene.get_by_role("button", name="Next step").click()
    expect(caption).to_have_text(re.compile(r"^1/"))
    lab.page.keyboard.press("ArrowRight")
    expect(caption).to_have_text(re.compile(r"^2/"))
    lab.page.keyboard.press("ArrowLeft")
    expect(caption).to_have_text(re.compile(r"^1/"))
    lab.page.keyboard.press("Home")
    expect(caption).to_contain_text("steps; this is how")
    scene.get_by_role("button", name="Play").click()
    expect(scene.get_by_role("button", name="Pause")).to_be_visible()
    expect(caption).to_have_text(re.compile(r"^[2-9]/"))
    scene.get_by_role("button", name="Pause").click()
    expect(scene.get_by_role("button", name="Play")).to_be_visible()


def test_saving_works_from_the_animation(lab):
    notebook = open_tab(lab, "05_softmax.ipynb")
    cell = cell_with(notebook, "play_softmax")
    write_and_run(lab, cell, "# kept\nplay_softmax(softmax)")
    notebook.locator("book-scene").get_by_role("button", name="Next step").click()
    lab.page.keyboard.press("Control+s")
    file = lab.folder / "05_softmax.ipynb"
    for _ in range(50):
        if "# kept" in file.read_text():
            return
        lab.page.wait_for_timeout(100)
    pytest.fail("nothing was saved")


@pytest.mark.parametrize(
    ("code", "help_"),
    [
        ("check(sofmax)", "Is softmax meant?"),
        ("check(scale)", "Run the cell that defines scale first"),
        ("def softmax(S): pass\ncheck(softmax)", "None"),
        ("def softmax(S): return S[0]\ncheck(softmax)", "shape"),
        ("import autograder_of_another_kernel", "make lab"),
    ],
)
def test_an_error_comes_with_a_sentence_that_helps(lab, code, help_):
    notebook = open_tab(lab, "05_softmax.ipynb")
    cell = notebook.locator(".jp-CodeCell").last
    write_and_run(lab, cell, code)
    expect(cell.locator(".jp-OutputArea-output").first).to_contain_text(help_)


def test_what_is_solved_survives_a_restart(lab):
    notebook = open_tab(lab, "05_softmax.ipynb")
    menu(lab, "Kernel", "Restart Kernel…")
    lab.page.locator(".jp-Dialog .jp-mod-accept").click()
    expect(lab.page.locator(".jp-Dialog")).to_have_count(0)
    cell = notebook.locator(".jp-CodeCell").last
    write_and_run(lab, cell, "check(softmax)")
    expect(cell).to_contain_text("Run the cell with `from autograder import check`")
    write_and_run(
        lab,
        cell,
        "from autograder import is_reference, ready\n"
        "print('yours is used:', not is_reference(ready('softmax')))",
    )
    expect(cell).to_contain_text("yours is used: True")
    start = open_tab(lab, "00_start.ipynb")
    run(lab, cell_with(start, "progress()"))
    expect(start.locator("li", has_text="Softmax")).to_contain_text("✓")
    expect(start).to_contain_text("Solved: 1 of")


def test_the_last_hint_opens_the_chapter_where_it_explains(lab):
    notebook = open_tab(lab, "05_softmax.ipynb")
    cell = notebook.locator(".jp-CodeCell").last
    asking = "from autograder import hint\nfor _ in range(9): hint(softmax)"
    write_and_run(lab, cell, f"def softmax(S): return S\n{asking}")
    lab.page.set_viewport_size({"width": 1280, "height": 900})
    cell.get_by_role("link", name="Open the page").last.click()
    expect(notebook.get_by_role("heading", name="What goes wrong")).to_be_in_viewport()
    lab.page.set_viewport_size(WINDOW)


def test_dark_theme(lab):
    """The map and the message bring their own colours: dark ink on light paper."""
    lab.page.locator(".lm-MenuBar-itemLabel", has_text="Settings").click()
    lab.page.locator(".lm-Menu-itemLabel:text-is('Theme')").click()
    lab.page.locator(".lm-Menu-itemLabel:text-is('JupyterLab Dark')").click()
    lab.page.wait_for_selector("body[data-jp-theme-light=false]", state="attached")
    start = open_tab(lab, "00_start.ipynb")
    for box in start.locator(".workflow-map li a").all():
        assert contrast(box) >= 4.5, box.text_content()
    assert contrast(start.get_by_text("Solved: 1 of")) >= 4.5


def contrast(locator):
    """The contrast ratio of a text and what is painted behind it (WCAG 2)."""
    ink, paper = locator.evaluate(
        """node => {
          const seen = (property, from) => {
            for (let at = from; at; at = at.parentElement) {
              const colour = getComputedStyle(at)[property];
              if (!colour.endsWith(" 0)")) return colour;
            }
          };
          return [seen("color", node), seen("backgroundColor", node)];
        }"""
    )
    light, dark = sorted((_luminance(ink), _luminance(paper)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour):
    channels = [int(n) / 255 for n in re.findall(r"\d+", colour)[:3]]
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels
    ]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_nbgraders_validate_button(lab, tmp_path):
    """On the notebook that `nbgrader generate_assignment` releases."""
    released = release("05_softmax", tmp_path)
    cells = [cell for cell in released.cells if "def softmax" in cell.source]
    nbformat.write(released, lab.folder / "blank.ipynb")
    told = validated(lab, "blank.ipynb")
    assert "check(softmax)" in told and "Success" not in told
    cells[0].source = RIGHT
    nbformat.write(released, lab.folder / "written.ipynb")
    assert "Success" in validated(lab, "written.ipynb")


def release(chapter, folder):
    """A chapter as nbgrader releases it to the learners."""
    name = f"{chapter}.ipynb"
    source = folder / "source" / chapter / name
    source.parent.mkdir(parents=True)
    nbformat.write(source_notebook(load_chapters([chapter])[0]), source)
    (folder / "nbgrader_config.py").write_text(CONFIG)
    done = nbgrader(folder, "generate_assignment", chapter)
    assert done.returncode == 0, done.stderr
    return nbformat.read(folder / "release" / chapter / name, as_version=4)


def validated(lab, name):
    """Open a notebook, press Validate, and return what the dialog says."""
    lab.page.goto(f"{lab.url}/lab/tree/{name}")
    open_tab(lab, name).get_by_role("button", name="Validate").click()
    dialog = lab.page.locator(".jp-Dialog")
    expect(dialog).to_contain_text(re.compile("Success|failed"))
    text = dialog.text_content()
    dialog.locator(".jp-mod-accept").click()
    return text


def test_nothing_was_asked_of_anybody_else(lab):
    assert lab.asked
    own = (lab.url, lab.url.replace("http", "ws"), "data:", "blob:")
    assert [url for url in lab.asked if not url.startswith(own)] == []
    assert lab.complaints == []
