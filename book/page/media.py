"""The files of animations: made while a chapter runs, fetched when they are needed.

A scene writes its video and its still into the folder that BOOK_MEDIA names, under
names made of their contents. They are kept beside the cached results that name them;
those that a page shows are published.
"""

import os
import re
import shutil
from pathlib import Path

FOLDER = "media"


def setup(app):
    # The kernels that run the chapters inherit these two.
    os.environ["BOOK_MEDIA"] = str(store(app))
    os.environ["BOOK_MEDIA_URL"] = f"../_static/{FOLDER}/"
    app.connect("build-finished", publish)


def store(app):
    return Path(app.outdir).parent / FOLDER


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
