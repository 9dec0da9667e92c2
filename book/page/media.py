"""Stills and charts: made while a chapter runs.

A scene writes its still, for readers without a script, into the folder that BOOK_MEDIA
names, under a name made of its content. They are kept beside the cached results that
name them; those that a page shows are published. A chart stands inside its cell's
output as an image, which knows nothing of the page; the page gets what is in it.
"""

import base64
import os
import re
import shutil
from pathlib import Path

FOLDER = "media"
DATA = r'data:image/svg\+xml;base64,(?P<{}>[^"]+)"'
CHART = re.compile(  # as `book.charts` shows it to a notebook
    rf'<picture><source media="[^"]*" srcset="{DATA.format("narrow")}>'
    r'<img class="chart" alt="(?P<told>[^"]*)" '
    rf'[^>]*src="{DATA.format("wide")}></picture>'
)


def setup(app):
    # The kernels that run the chapters inherit these two.
    os.environ["BOOK_MEDIA"] = str(store(app))
    os.environ["BOOK_MEDIA_URL"] = f"../_static/{FOLDER}/"
    app.connect("html-page-context", lay_out_charts)
    app.connect("build-finished", publish)


def store(app):
    return Path(app.outdir).parent / FOLDER


def lay_out_charts(app, page, template, context, doctree):
    """Put the charts into the page itself: its style then gives them their colours."""

    def laid_out(match):
        wide, narrow = (base64.b64decode(match[k]).decode() for k in ("wide", "narrow"))
        drawn = "".join(
            f'<svg class="{name}" aria-hidden="true" {svg.removeprefix("<svg ")}'
            for name, svg in (("for-wide", wide), ("for-narrow", narrow))
        )
        return (
            f'<div class="chart" role="img" aria-label="{match["told"]}">{drawn}</div>'
        )

    context["body"] = CHART.sub(laid_out, context.get("body", ""))


def publish(app, error):
    if error or app.builder.format != "html":
        return
    target = Path(app.outdir, "_static", FOLDER)
    names = rf"_static/{FOLDER}/([\w.-]+)"
    pages = Path(app.outdir).rglob("*.html")
    shown = {n for page in pages for n in re.findall(names, page.read_text("utf-8"))}
    target.mkdir(parents=True, exist_ok=True)
    for file in target.iterdir():
        if file.name not in shown:
            file.unlink()
    for name in shown:
        if not (target / name).exists():
            shutil.copyfile(store(app) / name, target / name)
