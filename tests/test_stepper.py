"""The stepper in a real browser: mouse, keyboard, less motion, print, two themes."""

import shutil
from contextlib import contextmanager

import pytest
from playwright.sync_api import expect

import book.animations as animations
from autograder.exercises.registry import discover

pytest_plugins = ["browser"]

PAGE = """<!doctype html><html lang="en" data-theme="light"><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>Scenes</title>{head}
<body><main><h1>Scenes</h1>{first}<p style="height: 3000px">far</p>{second}</main>"""


@pytest.fixture(scope="module")
def scenes():
    exercises = discover()
    return [
        getattr(animations, f"play_{name}")(exercises[name].reference)
        for name in ("embed", "split_heads")
    ]


@pytest.fixture(scope="module", params=["files", "inline"])
def address(request, scenes, tmp_path_factory):
    """A page with two scenes far from each other: as in the book, as in a notebook."""
    return lay_out(tmp_path_factory.mktemp("page"), scenes, request.param == "files")


def lay_out(folder, scenes, as_files):
    """Write a page of two scenes into a folder; return its address."""
    head, media = "", None
    if as_files:
        media = folder / "_static"
        media.mkdir()
        for file in animations.stepper_files():
            shutil.copy(file, media)
        head = (
            '<link rel="stylesheet" href="_static/stepper.css">'
            '<script src="_static/stepper.js"></script>'
        )
    first, second = (scene.html(media, "_static/") for scene in scenes)
    page = folder / "page.html"
    page.write_text(PAGE.format(head=head, first=first, second=second), "utf-8")
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
        page.on("console", lambda said: errors.append(said.text))
        yield page
    assert errors == []


def caption(page):
    return page.locator(".scene-caption").first


def video(page, what):
    return page.evaluate(f"document.querySelector('video').{what}")


def test_nothing_moves_and_the_far_video_is_not_loaded(page):
    page.wait_for_timeout(800)
    assert video(page, "paused") and video(page, "currentTime") == 0
    sources = page.evaluate("[...document.querySelectorAll('video')].map(v => v.src)")
    assert sources[0] and not sources[1]
    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    page.wait_for_function("document.querySelectorAll('video')[1].readyState > 1")


def test_steps_by_mouse(page):
    expect(caption(page)).to_contain_text("6 steps")
    page.get_by_label("Next step").first.click()
    expect(caption(page)).to_contain_text("1/6")
    page.get_by_label("Next step").first.click()
    expect(caption(page)).to_contain_text("2/6 · “the” has number 0")
    page.wait_for_function("document.querySelector('video').paused")
    assert page.locator("video").first.is_visible()
    page.get_by_label("Previous step").first.click()
    page.get_by_label("Previous step").first.click()
    expect(caption(page)).to_contain_text("6 steps")
    assert not page.locator("video").first.is_visible()


def test_plays_and_pauses(page):
    page.get_by_label("Play").first.click()
    page.wait_for_function("document.querySelector('video').currentTime > 0.3")
    expect(caption(page)).to_contain_text("1/6")
    page.get_by_label("Pause").first.click()
    now = video(page, "currentTime")
    page.wait_for_timeout(300)
    assert video(page, "currentTime") == now
    page.evaluate("document.querySelector('video').currentTime = 6")
    page.get_by_label("Play").first.click()
    expect(caption(page)).to_contain_text("2/6")
    page.get_by_label("Pause").first.click()


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


def test_each_step_rests_on_its_own_last_picture(page):
    slider = page.get_by_role("slider").first
    rests = page.locator("book-scene").first.get_attribute("data-rests").split()
    for step, rest in enumerate(map(float, rests), 1):
        slider.fill(str(step))
        page.wait_for_function("!document.querySelector('video').seeking")
        assert rest <= video(page, "currentTime") < rest + 0.1


def test_less_motion_is_the_still_and_the_captions(chromium, address):
    with opened(chromium, address, reduced_motion="reduce") as page:
        page.wait_for_timeout(400)
        assert_still_and_captions(page)
        assert not video(page, "src")


def test_without_a_script_it_is_the_still_and_the_captions(chromium, address):
    with opened(chromium, address, java_script_enabled=False) as page:
        assert page.locator(".scene-picture img").first.is_visible()
        assert page.locator(".scene-steps li").nth(2).is_visible()


def test_without_its_video_it_is_the_still_and_the_captions(chromium, scenes, tmp_path):
    address = lay_out(tmp_path, scenes, as_files=True)
    for file in tmp_path.glob("_static/*.mp4"):
        file.unlink()
    with opened(chromium, address) as page:
        told = page.get_by_text("The video cannot be played here")
        expect(told).to_have_count(1)
        page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
        expect(told).to_have_count(2)
        assert_still_and_captions(page)


def test_print_is_the_still_and_the_captions(page):
    page.get_by_label("Next step").first.click()
    page.emulate_media(media="print")
    assert_still_and_captions(page)


def assert_still_and_captions(page):
    assert page.locator(".scene-picture img").first.is_visible()
    assert page.locator(".scene-steps").first.bounding_box()["height"] > 100
    assert not page.locator(".scene-bar").first.is_visible()
    assert not page.locator("video").first.is_visible()


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_it_fits_the_page(page, width):
    page.set_viewport_size({"width": width, "height": 700})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for button in page.locator(".scene-bar button").all()[:4]:
        box = button.bounding_box()
        assert box["height"] >= 44 and box["width"] >= 44


def test_a_dark_page_turns_the_picture(page):
    style = "getComputedStyle(document.querySelector('.scene-picture img')).filter"
    assert page.evaluate(style) == "none"
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    assert "invert" in page.evaluate(style)
