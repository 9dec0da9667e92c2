"""A real Chromium, started once, and pages that remember what went wrong on them."""

from contextlib import contextmanager
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from get_browser import found
from playwright.sync_api import expect, sync_playwright
from reader import PATIENCE

QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

expect.set_options(timeout=PATIENCE)

# To tell the contrast of each piece of text is what takes axe longest, and a page has
# thousands of pieces in a few looks: only the first of each look is asked about. What
# lies behind a text in a drawing is not an ancestor of it: all of those are.
CONTRAST = """async () => {
  const looks = new Set(), clear = "rgba(0, 0, 0, 0)";
  const written = (piece) => [...piece.childNodes].some((node) =>
    node.nodeType === Node.TEXT_NODE && node.data.trim());
  const look = (piece) => {
    const { color, fontSize, fontWeight, textShadow } = getComputedStyle(piece);
    const behind = [];
    for (let box = piece; box; box = box.parentElement) {
      const { backgroundColor, backgroundImage, opacity } = getComputedStyle(box);
      behind.push(opacity);
      if (backgroundColor !== clear || backgroundImage !== "none")
        behind.push(backgroundColor, backgroundImage);
    }
    return [color, fontSize, fontWeight, textShadow, ...behind].join();
  };
  const pieces = [...document.querySelectorAll("body :not(svg *)")]
    .filter((piece) => piece.checkVisibility() && written(piece))
    .map((piece) => [piece, look(piece), piece.style.visibility]);
  for (const [piece, its] of pieces) {
    piece.style.visibility = looks.has(its) ? "hidden" : "visible";
    looks.add(its);
  }
  const found = await axe.run({ runOnly: ["color-contrast"], preload: false });
  for (const [piece, , before] of pieces) piece.style.visibility = before;
  return found.violations;
}"""
# Of the rules that hold, their places are not asked for: that takes as long. Styles
# are not fetched anew: from the file system they cannot be.
ALL_ELSE = """async () => (await axe.run({
  rules: { "color-contrast": { enabled: false } },
  resultTypes: ["violations"], preload: false,
})).violations"""


@pytest.fixture(scope="session")
def chromium():
    """A running browser. Where there is none, `conftest` lets no test ask for it."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found(), args=QUIET)
        yield browser
        browser.close()


class Visit:
    """An open page, with the addresses it asked for and the complaints it made."""

    def __init__(self, page):
        self.page, self.requests, self.complaints = page, [], []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("requestfailed", self._failed)
        page.on("console", self._said)

    def _failed(self, request):
        # A reload breaks off what is on its way.
        if request.failure != "net::ERR_ABORTED":
            self.complaints.append(f"failed: {request.url}")

    def _said(self, message):
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.type}: {message.text}")

    def look(self, width, theme="light"):
        """Give the page another width, and wait until it has taken it in: what follows
        the size of a box does so with the second picture, however busy a machine is.
        """
        self.page.set_viewport_size({"width": width, "height": 844})
        self.page.emulate_media(color_scheme=theme)
        self.page.evaluate(
            """() => new Promise((done) => requestAnimationFrame(() =>
              requestAnimationFrame(() => requestAnimationFrame(done))))"""
        )

    def files(self):
        """The files behind the requests, each once; data: addresses left out."""
        urls = [urlsplit(url) for url in dict.fromkeys(self.requests)]
        return [Path(unquote(url.path)) for url in urls if url.scheme == "file"]

    def broken_rules(self):
        """What axe finds: each broken rule, with what is wrong at each place."""
        self.page.evaluate(AXE_SCRIPT)
        found = self.page.evaluate(ALL_ELSE) + self.page.evaluate(CONTRAST)
        return [
            (rule["id"], node["failureSummary"])
            for rule in found
            for node in rule["nodes"]
        ]

    def elsewhere(self):
        """The requests that left the file system."""
        own = ("file:", "data:", "blob:")
        return [url for url in self.requests if not url.startswith(own)]


@contextmanager
def visit(
    browser, file, *, width=1280, theme="light", motion="no-preference", alone=False
):
    """Open a built page from the file system, as a reader without a network does; or an
    address, which is text.

    alone  in a profile of its own. To begin one takes longer than to open a page; so
           others are tabs of one profile, which keeps nothing from one to the next.
    """
    context = browser.new_context() if alone else _shared(browser)
    seen = Visit(context.new_page())
    seen.page.set_viewport_size({"width": width, "height": 844})
    seen.page.emulate_media(color_scheme=theme, reduced_motion=motion)
    seen.page.set_default_timeout(PATIENCE)
    try:
        address = file if isinstance(file, str) else file.as_uri()
        seen.page.goto(address, wait_until="load")
        yield seen
    except Exception as error:
        error.add_note(f"The page's complaints: {seen.complaints or 'none'}")
        raise
    finally:
        if alone:
            context.close()
        else:
            everything = {"origin": "file://", "storageTypes": "all"}
            tab = context.new_cdp_session(seen.page)
            tab.send("Storage.clearDataForOrigin", everything)
            seen.page.close()


@cache
def _shared(browser):
    """The profile of a browser in which most pages are looked at."""
    return browser.new_context()
