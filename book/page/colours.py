"""The letters Q, K, V, S, A and O in their colours: in formulas, in code, in the text.

They are the letters of `book.palette`, as in scenes and tables. A letter gets a class;
the page's style gives it the colour, light or dark.
"""

import re

LETTERS = "QKVSAO"
# An O before a bracket tells how something grows, and is no output.
FORMULA = re.compile(rf"<mi>([{LETTERS}])</mi>(?!(?<=O</mi>)\s*<mo[^>]*>\()")
CODE = re.compile(rf'<span class="n">([{LETTERS}])</span>')
NAME = re.compile(
    rf'(<code class=")([^"]*"><span class="pre">([{LETTERS}])</span></code>)'
)


def setup(app):
    app.connect("html-page-context", colour)


def colour(app, page, template, context, doctree):
    """Mark the letters of a page."""
    context["body"] = coloured(context.get("body", ""))


def coloured(html: str) -> str:
    """The same HTML, with a class at each of the letters."""
    html = FORMULA.sub(r'<mi class="in-\1">\1</mi>', html)
    html = CODE.sub(r'<span class="n in-\1">\1</span>', html)
    return NAME.sub(r"\1in-\3 \2", html)
