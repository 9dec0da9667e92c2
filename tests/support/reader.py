"""A reader at a page that answers, as the tests drive one."""

import functools
import threading
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from autograder.exercises.source import renamed

HTML = Path(__file__).parents[2] / "_build" / "html"
PATIENCE = 120_000  # ms: a busy machine starts Python slowly


def written(answer, name):
    """The source of an answer under an exercise's name, as a reader would write it."""
    return "import numpy as np\n\n\n" + renamed(answer, name)


class Quiet(SimpleHTTPRequestHandler):
    """A plain server of files, as everybody has one."""

    def log_message(self, *_):
        pass


@contextmanager
def serving(folder):
    """The address under which a folder is served, on loopback."""
    handler = functools.partial(Quiet, directory=folder)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


class Reader:
    """Somebody who writes one function of an open page."""

    def __init__(self, page, name):
        self.page = page
        self.section = page.locator(f'[data-exercise="{name}"]')
        self.told = self.section.get_by_role("status")

    @property
    def state(self):
        return self.section.get_attribute("data-state")

    def press(self, label):
        self.section.get_by_role("button", name=label, exact=True).click()

    def open(self):
        if self.section.locator(".cm-content").count() == 0:
            self.press("Write it here")
            self.section.locator(".cm-content").wait_for()

    def write(self, text):
        """Put a text in the place of what stands in the editor, as a paste does."""
        self.open()
        self.section.locator(".cm-content").evaluate(
            """(content, text) => {
              const name = content.closest("[data-exercise]").dataset.exercise;
              live.exercises.find((one) => one.name === name).box.editor.text = text;
            }""",
            text,
        )

    def written(self):
        return self.page.evaluate(
            "name => live.exercises.find((one) => one.name === name).box.text",
            self.section.get_attribute("data-exercise"),
        )

    def ask(self, label):
        """Press a button and wait for what is said; the state and the words."""
        self.told.evaluate("told => { told.textContent = '' }")
        self.press(label)
        self.page.wait_for_function(
            """section => !["starting", "running"].includes(section.dataset.state)
              && section.querySelector('[role="status"]').textContent""",
            arg=self.section.element_handle(),
            timeout=PATIENCE,
        )
        return self.state, self.told.inner_text()

    def check(self, text):
        self.write(text)
        return self.ask("Check")
