"""The stepper in a real browser: mouse, keyboard, less motion, print, two themes.

What it draws is compared with matplotlib: the same things, at the same places, in the
same colours.
"""

import functools
import io
import itertools
import shutil
import threading
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from PIL import Image
from playwright.sync_api import expect

import book.animations as animations
from autograder.exercises.registry import discover
from book.animations.painter import SCALE, Painter, Words, frame
from book.animations.scene import script, style

PAGE = """<!doctype html><html lang="en" data-theme="light"><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>Scenes</title>
<style>:root { color-scheme: light; --sans: "DejaVu Sans" } body { margin: 8px }
:root[data-theme="dark"] { color-scheme: dark }</style>{head}
<body><main><h1>Scenes</h1>{first}<p style="height: 3000px">far</p>{second}</main>"""
EXERCISES = {
    name: exercise
    for name, exercise in discover().items()
    if f"play_{name}" in animations.__all__
}


def scene_of(name):
    if name in OTHERS:
        return OTHERS[name]()
    return getattr(animations, f"play_{name}")(EXERCISES[name].reference)


def of_cost():
    names = ("count_matmul_flops", "attention_map_bytes")
    return animations.play_cost(*(discover()[name].reference for name in names))


def of_a_training():
    history = [(s, 1 / (s + 1), s / 10, np.full((2, 8, 8), s / 10)) for s in (0, 5)]
    return animations.play_heads_in_training(
        discover()["MultiHeadAttention"].reference, history
    )


def of_a_stack():
    falls = {"apart": 0.8, "size": 1.5, "gradient": 3.0}
    names = ("both", "residual only", "norm only", "neither")
    found = {
        name: {what: falls[what] ** np.arange(k, 12 + k)[None] for what in falls}
        for k, name in enumerate(names)
    }
    return animations.play_deep_stack(found)


def of_the_whiteboard():
    return animations.play_whiteboard(discover()["WhiteboardAttention"].reference)


# Scenes whose verb is not called as an exercise is.
OTHERS = {
    "cost": of_cost,
    "heads_in_training": of_a_training,
    "deep_stack": of_a_stack,
    "whiteboard": of_the_whiteboard,
}


@pytest.fixture(scope="module")
def scenes():
    return [scene_of(name) for name in ("embed", "split_heads")]


@pytest.fixture(scope="module", params=["files", "served", "inline"])
def address(request, scenes, tmp_path_factory):
    """A page with two scenes far from each other: as in the book, from the file system
    and from a server that sends whole files only; as in a notebook.
    """
    folder = tmp_path_factory.mktemp("page")
    file = lay_out(folder, scenes, request.param != "inline")
    if request.param != "served":
        yield file
        return
    handler = functools.partial(Quiet, directory=folder)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/page.html"
        server.shutdown()


class Quiet(SimpleHTTPRequestHandler):
    """`python -m http.server`, which knows no ranges, without its log."""

    def log_message(self, *_):
        pass


def lay_out(folder, scenes, as_files):
    """Write a page of two scenes into a folder; return its address."""
    head, media = "", None
    if as_files:
        media = folder / "_static"
        media.mkdir()
        (media / "stepper.css").write_text(style(), "utf-8")
        shutil.copy(animations.stepper_files()[1], media)
        head = (
            '<link rel="stylesheet" href="_static/stepper.css">'
            '<script src="_static/stepper.js" defer></script>'
        )
    first, second = (scene.html(media, "_static/") for scene in scenes)
    page = folder / "page.html"
    text = PAGE.replace("{head}", head)
    text = text.replace("{first}", first).replace("{second}", second)
    page.write_text(text, "utf-8")
    return page.as_uri()


@contextmanager
def opened(browser, address, **context):
    context = browser.new_context(viewport={"width": 800, "height": 700}, **context)
    try:
        page = context.new_page()
        page.goto(address)
        yield page
    finally:
        context.close()


@pytest.fixture
def page(chromium, address):
    errors = []
    with opened(chromium, address) as page:
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda said: errors.append(f"{said.text} {said.location}"))
        yield page
    assert [error for error in errors if "favicon" not in error] == []


ASKED = (".html", "stepper.css", "stepper.js", "favicon.ico")


def caption(page):
    return page.locator(".scene-caption").first


def button(page, name):
    return page.get_by_role("button", name=name, exact=True).first


def scene(page, what):
    return page.evaluate(f"document.querySelector('book-scene').{what}")


def picture(page):
    """What stands on the stage now, as text: the numbers and places of all things."""
    return scene(page, "picture.node.innerHTML")


def test_nothing_moves_by_itself_and_nothing_is_asked_for(chromium, address):
    with opened(chromium, address) as page:
        asked = []
        page.on("request", lambda request: asked.append(request.url))
        page.reload()
        before = picture(page)
        page.wait_for_timeout(600)
        assert picture(page) == before and not scene(page, "playing")
        files = [url for url in asked if not url.startswith("data:")]
        assert all(
            url.endswith((".html", "stepper.css", "stepper.js")) for url in files
        )


def test_steps_by_mouse(page):
    expect(caption(page)).to_contain_text("6 steps")
    still = picture(page)
    page.get_by_label("Next step").first.click()
    expect(caption(page)).to_contain_text("1/6")
    page.get_by_label("Next step").first.click()
    expect(caption(page)).to_contain_text("2/6 · “the” has number 0")
    page.wait_for_function("!document.querySelector('book-scene').playing")
    assert scene(page, "moment") == scene(page, "times[1].last")
    assert picture(page) != still
    page.get_by_label("Previous step").first.click()
    page.get_by_label("Previous step").first.click()
    expect(caption(page)).to_contain_text("6 steps")
    assert picture(page) == still


def test_play_while_a_step_moves_goes_on_with_the_next_ones(page):
    page.get_by_label("Next step").first.click()
    page.wait_for_function("document.querySelector('book-scene').now > 0.1")
    assert scene(page, "playing")
    button(page, "Play").click()
    page.wait_for_function(
        "(scene => scene.now > scene.times[0].moved + 0.2)"
        "(document.querySelector('book-scene'))"
    )
    button(page, "Pause").click()
    assert not scene(page, "playing")


def test_plays_and_pauses_and_goes_on(page):
    button(page, "Play").click()
    page.wait_for_function("document.querySelector('book-scene').now > 0.3")
    expect(caption(page)).to_contain_text("1/6")
    button(page, "Pause").click()
    now = scene(page, "now")
    page.wait_for_timeout(300)
    assert scene(page, "now") == now
    button(page, "Play").click()
    page.wait_for_function(f"document.querySelector('book-scene').now > {now}")
    page.evaluate("scene => scene.now = scene.times.at(-1).end - 0.1", handle(page))
    page.wait_for_function("!document.querySelector('book-scene').playing")
    expect(caption(page)).to_contain_text("6/6")


def handle(page):
    return page.query_selector("book-scene")


def test_between_two_frames_what_moves_is_between(page):
    """The motion has no rate of its own: any moment has its picture."""
    places = page.evaluate(
        """scene => {
          const step = scene.times[1], seen = [];
          const row = () => [...scene.picture.node.querySelectorAll("g")]
            .map((g) => g.getBBox()).filter((box) => Math.round(box.height) === 26);
          for (let k = 0; k <= 40; k += 1) {
            scene.show(2, step.first + (step.last - step.first - 1) * k / 40);
            seen.push(row()[0].x);
          }
          return seen;
        }""",
        handle(page),
    )
    assert len(set(places)) > 25
    assert all(a <= b for a, b in itertools.pairwise(places))


def test_steps_by_keyboard(page):
    page.get_by_label("Next step").first.focus()
    for key, said in (("ArrowRight", "1/6"), ("End", "6/6"), ("ArrowLeft", "5/6")):
        page.keyboard.press(key)
        expect(caption(page)).to_contain_text(said)
    page.get_by_role("slider").first.focus()
    page.keyboard.press("ArrowLeft")
    expect(caption(page)).to_contain_text("4/6")
    assert page.get_by_role("slider").first.get_attribute("aria-valuetext") == (
        "step 4 of 6"
    )
    page.keyboard.press("Home")
    expect(caption(page)).to_contain_text("6 steps")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # all steps as text
    assert page.locator(".scene-steps").first.bounding_box()["height"] > 100


def test_numbers_under_the_pointer(page):
    page.get_by_role("slider").first.press("End")
    cells = page.locator("book-scene").first.locator("[data-cell]")
    value = page.locator(".scene-value").first
    cells.nth(4 + 13).hover()  # after the four ids: row 2 of the table, column 2
    expect(value).to_have_text("table, row dog, column 2: 0")
    page.mouse.move(5, 5)
    expect(value).to_have_text("")


def test_numbers_by_keyboard(page):
    page.get_by_role("slider").first.press("End")
    page.locator(".scene-picture").first.focus()
    value = page.locator(".scene-value").first
    for key, said in (
        ("ArrowDown", "ids, row the: 0"),
        ("ArrowDown", "ids, row tired: 3"),
        ("PageDown", "table, row the, column 1: 0"),
        ("ArrowRight", "table, row the, column 2: 0"),
        ("ArrowUp", "table, row the, column 2: 0"),
        ("PageUp", "ids, row the: 0"),
        ("Escape", ""),
    ):
        page.keyboard.press(key)
        expect(value).to_have_text(said)
    expect(caption(page)).to_contain_text("6/6")


def test_less_motion_is_every_step_without_movement(chromium, address):
    with opened(chromium, address, reduced_motion="reduce") as page:
        ends = "document.querySelector('book-scene').times.map((t) => t.last)"
        page.get_by_label("Next step").first.click()
        page.get_by_label("Next step").first.click()
        expect(caption(page)).to_contain_text("2/6")
        button(page, "Play").click()
        for _ in range(8):
            page.wait_for_timeout(60)
            assert scene(page, "moment") in page.evaluate(ends)


def test_without_a_script_it_is_the_still_and_the_captions(chromium, address):
    with opened(chromium, address, java_script_enabled=False) as page:
        assert page.locator(".scene-picture img").first.is_visible()
        assert page.locator(".scene-steps li").nth(2).is_visible()


def test_print_is_the_steps_side_by_side(page):
    page.get_by_label("Next step").first.click()
    page.emulate_media(media="print")
    steps = page.locator("book-scene").first.locator(".scene-print li")
    expect(steps).to_have_count(6)
    one, two, three = (steps.nth(k).bounding_box() for k in range(3))
    assert one["y"] == two["y"] < three["y"] and one["x"] == three["x"] < two["x"]
    expect(steps.nth(1)).to_contain_text("“the” has number 0")
    assert not page.locator(".scene-bar").first.is_visible()
    assert not page.locator(".scene-picture").first.is_visible()
    assert not page.locator(".scene-steps").first.is_visible()


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_it_fits_the_page(page, width):
    page.set_viewport_size({"width": width, "height": 700})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for button in page.locator(".scene-bar button").all()[:4]:
        box = button.bounding_box()
        assert box["height"] >= 44 and box["width"] >= 44


def test_nothing_below_moves_when_the_caption_changes(page):
    said = page.locator(".scene-said").first.bounding_box()
    assert said["height"] == caption(page).bounding_box()["height"]  # at rest: no hole
    forward = page.get_by_label("Next step").first
    forward.press("ArrowRight")
    height = "document.body.scrollHeight"
    before = page.evaluate(height)
    for _ in range(5):
        forward.press("ArrowRight")
        assert page.evaluate(height) == before


def test_a_script_can_show_a_clip_anywhere(page, scenes):
    page.evaluate(
        """data => {
          const place = document.body.appendChild(document.createElement("div"));
          window.shown = BookScene.mount(place, data);
        }""",
        scenes[1].as_data(),
    )
    last = page.locator("book-scene").nth(2)
    expect(last.locator(".scene-caption")).to_contain_text("5 steps")
    last.get_by_role("button", name="Next step").click()
    expect(last.locator(".scene-caption")).to_contain_text("1/5")


# The same picture as matplotlib's.

DRAWN = """scene => [...scene.picture.node.children].map((node) => {
  const parts = node.tagName === "g" && node.querySelector("[data-cell]")
    ? [...node.children] : [node];
  return parts.filter((part) => part.tagName !== "text" || part.textContent)
    .map((part) => {
      const { x, y, width, height } = part.getBBox();
      const at = part.tagName === "text" && +part.getAttribute("x");
      const { fill, stroke } = getComputedStyle(part);
      const said = part.tagName === "text" ? part.textContent : null;
      return { box: [x, y, x + width, y + height], at, said, fill, stroke };
    });
})"""


def channels(css):
    """rgb(1, 2, 3) or color(srgb .1 .2 .3) as three numbers from 0 to 255."""
    inner = css[css.index("(") + 1 : -1].replace("srgb", "").replace(",", " ")
    scale = 255 if "srgb" in css else 1
    return np.array([float(part) * scale for part in inner.split()[:3]])


def same(things, drawn, painter):
    """Compare thing by thing: where it is, what it says, which colour it has."""
    for thing, artists, parts in zip(things, painter.show(things), drawn, strict=True):
        texts = [a for a in artists if isinstance(a, Words)]
        said = [part for part in parts if part["said"] is not None]
        assert [t.get_text() for t in texts] == [part["said"] for part in said], thing
        for text, part in zip(texts, said, strict=True):
            x, y = text.get_position()
            assert abs(part["at"] - x) < 0.1, thing
            assert part["box"][1] < y < part["box"][3], thing
            ours = 255 * np.array(to_rgb(text.get_color()))
            assert np.abs(channels(part["fill"]) - ours).max() < 2, thing
        shapes = [part["box"] for part in parts if part["said"] is None]
        if thing["is"] in ("text", "arrow", "dot", "arc"):  # their ends are compared
            continue
        low, high = np.min(shapes, axis=0)[:2], np.max(shapes, axis=0)[2:]
        (artist,) = [a for a in artists if not isinstance(a, Words)]
        extent = artist.get_path() if hasattr(artist, "get_path") else None
        paths = [extent] if extent is not None else artist.get_paths()
        places = [
            artist.get_patch_transform().transform_path(path).vertices
            if hasattr(artist, "get_patch_transform")
            else path.vertices
            for path in paths
        ]
        corners = np.concatenate(places)
        corners = corners[np.isfinite(corners).all(axis=1)]
        assert np.allclose(low, corners.min(axis=0), atol=0.6), thing
        assert np.allclose(high, corners.max(axis=0), atol=0.6), thing
        if thing["is"] == "cells":
            fills = [channels(p["fill"]) for p in parts if p["said"] is None]
            ours = 255 * artist.get_facecolor()[:, :3]
            assert np.abs(np.array(fills) - ours).max() < 2, thing


def test_every_scene_is_compared():
    assert set(animations.__all__) == {f"play_{name}" for name in (*EXERCISES, *OTHERS)}


@pytest.mark.parametrize("name", (*EXERCISES, *OTHERS))
def test_both_renderers_draw_the_same_things_at_the_same_places(chromium, name):
    scene = scene_of(name)
    with opened(chromium, "about:blank") as page:
        page.set_content(PAGE.replace("{head}", f"<style>{style()}</style>"))
        page.add_script_tag(content=script())
        page.evaluate("d => BookScene.mount(document.body, d)", scene.as_data())
        for theme in ("light", "dark"):
            page.evaluate("t => document.documentElement.dataset.theme = t", theme)
            for k, stage in enumerate(scene.empty_stages()):
                width = 800 if k == 0 else 390
                page.set_viewport_size({"width": width, "height": 700})
                laid_out = "document.querySelector('book-scene').picture.layout.width"
                page.wait_for_function(f"{laid_out} === {stage.width}")
                painter = Painter(stage.width, stage.height, theme)
                for index, step in enumerate(scene.steps, 1):
                    page.evaluate("([s, k]) => s.rest(k)", [handle(page), index])
                    scene.draw(stage, step, 1.0)
                    same(stage.things, page.evaluate(DRAWN, handle(page)), painter)


@pytest.mark.parametrize("name", ["scores", "scale", "weighted_sum"])
def test_both_renderers_give_the_same_pixels(chromium, name):
    scene = scene_of(name)
    with opened(chromium, "about:blank", device_scale_factor=SCALE) as page:
        page.set_content(PAGE.replace("{head}", f"<style>{style()}</style>"))
        page.add_script_tag(content=script())
        page.evaluate("d => BookScene.mount(document.body, d)", scene.as_data())
        ((width, _),) = scene.sizes
        page.add_style_tag(content=f".scene-picture {{ border: 0; width: {width}px }}")
        page.evaluate("s => s.rest(2)", handle(page))
        shot = page.locator(".scene-picture > svg").screenshot()
    theirs = np.asarray(Image.open(io.BytesIO(shot)).convert("RGB"), dtype=int)
    ours = frame(scene, 1).astype(int)
    rows, columns = np.minimum(theirs.shape, ours.shape)[:2]
    off = np.abs(theirs[:rows, :columns] - ours[:rows, :columns]).max(axis=-1) > 64
    assert off.mean() < 0.06  # letters are set differently; nothing else is
