"""The guide's picture of a report, light and dark. Run it where the report looks
different now, and give the guide the sizes that it prints:

python tests/support/report_picture.py
"""

import io
import tempfile
from pathlib import Path

from browser import QUIET
from classroom import autograder, release, small_course
from get_browser import found
from PIL import Image
from playwright.sync_api import sync_playwright

from autograder.chapters.toc import ROOT

CHAPTER, STUDENTS = "05_softmax", 24
PICTURES = {  # theme -> file
    "light": ROOT / "book" / "_static" / "report.png",
    "dark": ROOT / "book" / "_static" / "report-dark.png",
}
WIDTH, MARGIN = 760, 20


def report(folder: Path) -> Path:
    """The report on a made-up class."""
    course = small_course(folder / "course", [CHAPTER])
    release(course, CHAPTER)
    for command in (("example", "--students", STUDENTS), ("grade",), ("report",)):
        verb, *options = command
        done = autograder(verb, CHAPTER, *options, cwd=course)
        assert done.returncode == 0, done.stderr
    return course / "reports" / f"{CHAPTER}.html"


def picture(file: Path, theme: str) -> bytes:
    """An exercise on that page, down to its commonest mistake; in a few colours, which
    is enough for what is flat.
    """
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found(), args=QUIET)
        size = {"width": WIDTH, "height": 2000}
        page = browser.new_page(viewport=size, color_scheme=theme)
        page.goto(file.as_uri())
        title = page.locator("section.exercise h2").first.bounding_box()
        card = page.locator("article.card").first.bounding_box()
        top, end = title["y"] - MARGIN, card["y"] + card["height"] + MARGIN
        shot = page.screenshot(
            clip={"x": 0, "y": top, "width": WIDTH, "height": end - top}
        )
        browser.close()
    made = io.BytesIO()
    colours = Image.open(io.BytesIO(shot)).convert("RGB")
    colours = colours.quantize(64, dither=Image.Dither.NONE)
    colours.save(made, "PNG", optimize=True)
    size = f"{colours.width} x {colours.height}, {made.tell() / 1024:.0f} KiB"
    print(f"{PICTURES[theme]}: {size}")
    return made.getvalue()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        page = report(Path(folder))
        for theme, target in PICTURES.items():
            target.write_bytes(picture(page, theme))
