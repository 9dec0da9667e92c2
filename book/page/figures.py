"""Live figures: put where a page names them, with their one script and their style."""

import re
import shutil
from pathlib import Path

from sphinx.util import logging

from book import figures

from . import contents

logger = logging.getLogger(__name__)
PLACE = re.compile(
    r'<book-figure name="([\w-]*)"(?: start="([\w ]*)")?>\s*</book-figure>'
)
# What stands there until the script has come.
STILLS = {"home": contents.sentence}


def setup(app):
    app.connect("html-page-context", fill)
    app.connect("build-finished", publish)


def fill(app, page, template, context, doctree):
    """Lay out the figures of a page, and tell the layout that there are some."""

    def placed(match):
        name = match[1]
        if name not in figures.FIGURES:
            known = ", ".join(figures.FIGURES)
            logger.warning("no figure %r; there are %s", name, known, location=page)
            return match[0]
        still = STILLS[name](app, page) if name in STILLS else ""
        return figures.place(name, still, match[2] or "")

    context["body"], count = PLACE.subn(placed, context.get("body", ""))
    context["has_figure"] = count > 0


def publish(app, error):
    if error or app.builder.format != "html":
        return
    target = Path(app.outdir, "_static")
    (target / "figures.js").write_text(figures.script(), "utf-8")
    shutil.copyfile(figures.HERE / "figures.css", target / "figures.css")
