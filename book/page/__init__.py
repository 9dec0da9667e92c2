"""How a chapter becomes a web page: a Sphinx extension and its theme.

`mathml`    formulas, set when the book is built, so that no script has to do it
`sources`   which files a chapter depends on, so that exactly stale chapters run again
`runs`      all stale chapters at once, before Sphinx reads one after the other
`streams`   what a cell prints, in one piece
`media`     the stills of the animations, and the charts
`contents`  the drawings of the first page: its sentence, its table of contents
`figures`   live figures, where a page names them
`colours`   the letters Q, K, V, S, A, O in their colours
`looks`     styles that a page repeats, written once
`policy`    what a page may load and run
`preview`   the picture for links to the book
`search`    the text of all pages, to search in
`theme`     the page itself: one layout, one style sheet, one small script
"""

import base64
import re
from pathlib import Path

from book import palette

from . import (
    colours,
    contents,
    figures,
    looks,
    mathml,
    media,
    policy,
    preview,
    runs,
    search,
    sources,
    streams,
)

HERE = Path(__file__).parent
PARTS = (
    mathml,
    media,
    sources,
    runs,
    streams,
    contents,
    figures,
    colours,
    looks,
    preview,
    policy,
    search,
)


def setup(app):
    app.add_html_theme("book", str(HERE / "theme"))
    # Jupyter Book sets this for sphinx_comments, which the book does not load.
    app.add_config_value("comments_config", {}, "env")
    app.connect("html-page-context", fill_in)
    app.connect("build-finished", embed_faces)
    app.connect("build-finished", sweep)
    app.connect("build-finished", fill_in_palette)
    for part in PARTS:
        part.setup(app)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def fill_in(app, page, template, context, doctree):
    """What the layout needs to know of a page."""
    if page in app.env.titles:
        context["plain_title"] = app.env.titles[page].astext()
        context["description"] = contents.describe(app, page)
        context["chapter_number"] = contents.number(app, page)
    context["repository"] = app.config.book_repository
    context["html_baseurl"] = app.config.html_baseurl
    # MyST-NB's own name for it would keep from a screen reader what stands there.
    body = context.get("body", "").replace(' aria-label="Toggle hidden content"', "")
    context["body"] = body
    context["has_scene"] = "<book-scene" in body
    context["has_practice"] = "<book-clock" in body or "<book-questions" in body


def fill_in_palette(app, error):
    """Give the page's style the colours that scenes and charts have, too."""
    if error or app.builder.format != "html":
        return
    sheet = Path(app.outdir, "_static", "page.css")
    css = sheet.read_text("utf-8").replace("--palette: 0;", palette.css())
    sheet.write_text(css, "utf-8")


def sweep(app, error):
    """Take away the pages of chapters that are gone, or have another name now."""
    if error or app.builder.format != "html":
        return
    for page in Path(app.outdir, "book").glob("*.html"):
        if f"book/{page.stem}" not in app.env.found_docs:
            page.unlink()


def embed_faces(app, error):
    """Put the faces of the text into a style sheet.

    A browser that loads no fonts from the file system shows them, too.
    """
    if error or app.builder.format != "html":
        return

    def embedded(match):
        face = base64.b64encode((sheet.parent / match[1]).read_bytes()).decode()
        return f"url(data:font/woff2;base64,{face})"

    sheet = Path(app.outdir, "_static", "faces.css")
    css = re.sub(
        r"url\((fonts/text[\w-]*\.woff2)\)", embedded, sheet.read_text("utf-8")
    )
    sheet.write_text(css, "utf-8")
