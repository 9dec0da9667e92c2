"""What can be searched: the text of every page, in pieces, as one script.

Sphinx's own index knows stems of English words: no 多头, no piece of a word, and from
the file system no excerpts. The book is small enough to be searched as it is written.
The text comes from the pages themselves, so that what their cells show is found, too.
"""

import json
from html.parser import HTMLParser
from pathlib import Path

FILE = "search-text.js"
HEADINGS = ("h1", "h2", "h3")
# Not read: pictures, code, buttons; links to headings, maps, answers to exercises.
LEFT_OUT = {"script", "style", "svg", "pre", "button", "book-scene"}
CLASSES = {"headerlink", "workflow-map", "gallery", "solution", "do"}
WHOLE = {"p", "li", "td", "th", "dt", "dd", "summary", "div", "caption", *HEADINGS}


def setup(app):
    app.connect("builder-inited", replace_index)
    app.connect("build-finished", publish)


def replace_index(app):
    app.builder.search = False  # Sphinx writes no index, then, and no page for it


def publish(app, error):
    """Write the text of all pages to a script, which works without a server, too."""
    if error or app.builder.format != "html":
        return
    pages = []
    for name in _in_order(app):
        page = Path(app.outdir, f"{name}.html")
        pages.append([f"{name}.html", pieces(page.read_text("utf-8"))])
    text = json.dumps(pages, ensure_ascii=False, separators=(",", ":"))
    file = Path(app.outdir, "_static", FILE)
    file.write_text(f"const searchText = {text};\n", "utf-8")


def _in_order(app):
    """The pages as a reader meets them."""
    order = list(app.env.toctree_includes.get(app.config.root_doc, []))
    return [
        app.config.root_doc,
        *(name for name in order if name in app.env.found_docs),
    ]


def pieces(html: str) -> list[tuple[str, str, str]]:
    """(anchor, heading, text) of each section of a page, its title's first."""
    reader = _Reader()
    reader.feed(html)
    return [
        (anchor, _plain(heading), _plain(text))
        for anchor, heading, text in reader.pieces
    ]


def _plain(parts: list[str]) -> str:
    return " ".join("".join(parts).split())


class _Reader(HTMLParser):
    """Reads the article of a page, section by section."""

    def __init__(self):
        super().__init__()
        self.pieces = []
        self.inside, self.skipped, self.skipping = False, 0, ""
        self.anchor, self.heading = "", False

    def handle_starttag(self, tag, attributes):
        """Note where a section or a heading begins, and what is to be left out."""
        given = dict(attributes)
        if tag == "article":
            self.inside = True
        if self.skipping:
            self.skipped += tag == self.skipping
        elif self.inside and (tag in LEFT_OUT or _classes(given) & CLASSES):
            self.skipping, self.skipped = tag, 1
        elif tag == "section" and given.get("id") and "data-exercise" not in given:
            self.anchor = given["id"]
        elif self.inside and tag in HEADINGS:
            self.heading = True
            self.pieces.append((self.anchor if self.pieces else "", [], []))
        self._space(tag)

    def handle_endtag(self, tag):
        """Note where what began has come to its end."""
        if tag == "article":
            self.inside = False
        if self.skipping:
            self.skipped -= tag == self.skipping
            self.skipping = self.skipping if self.skipped else ""
        elif tag in HEADINGS:
            self.heading = False
        self._space(tag)

    def handle_data(self, data):
        """Take in a piece of text."""
        if self.inside and self.pieces and not self.skipping:
            self.pieces[-1][1 if self.heading else 2].append(data)

    def _space(self, tag):
        if tag in WHOLE:
            self.handle_data(" ")


def _classes(given):
    return set((given.get("class") or "").split())
