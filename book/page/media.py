"""Stills and charts: made while a chapter runs, fetched when they are needed.

A scene writes its still, for readers without a script, into the folder that BOOK_MEDIA
names, under a name made of its content. They are kept beside the cached results that
name them; those that a page shows are published. A chart stands inside its cell's
output, and becomes such a file too: else a page would be several times as heavy to
begin with.
"""

import base64
import hashlib
import os
import re
import shutil
from pathlib import Path

FOLDER = "media"
CHART = re.compile(r'src="data:image/svg\+xml;base64,([^"]+)"')
SIZE = re.compile(rb'<svg [^>]*viewBox="0 0 ([\d.]+) ([\d.]+)"')


def setup(app):
    # The kernels that run the chapters inherit these two.
    os.environ["BOOK_MEDIA"] = str(store(app))
    os.environ["BOOK_MEDIA_URL"] = f"../_static/{FOLDER}/"
    app.connect("html-page-context", move_charts)
    app.connect("build-finished", publish)


def store(app):
    return Path(app.outdir).parent / FOLDER


def move_charts(app, page, template, context, doctree):
    """Lay the charts of a page into files that load when the reader comes near."""

    def moved(match):
        chart = base64.b64decode(match[1])
        name = f"{hashlib.sha256(chart).hexdigest()[:16]}.svg"
        store(app).mkdir(exist_ok=True)
        (store(app) / name).write_bytes(chart)
        width, height = (round(float(size)) for size in SIZE.search(chart).groups())
        address = f"{os.environ['BOOK_MEDIA_URL']}{name}"
        return f'src="{address}" width="{width}" height="{height}" loading="lazy"'

    context["body"] = CHART.sub(moved, context.get("body", ""))


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
