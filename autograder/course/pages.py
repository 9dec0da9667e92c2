"""Pages for people, safe to open whatever a submission contains.

A page is one file: it asks for nothing from anywhere, and it holds no script. Text is
escaped by the template engine; the few fragments of HTML go through `safe_html`. And
each page forbids the browser to run or to fetch anything, should both have failed.
"""

import re
from functools import cache
from pathlib import Path

import bleach
from bleach.css_sanitizer import CSSSanitizer
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from nbconvert.filters import markdown2html
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from autograder.chapters import toc as workflow
from autograder.judge.render import marked_up

TEMPLATES = Path(__file__).with_name("templates")
# What `message.as_html` makes a verdict of.
TAGS = {"p", "div", "span", "strong", "code", "table", "tbody", "tr", "td"}
ATTRIBUTES = {"*": ["style", "title", "aria-label"], "div": ["class"]}
STYLES = {
    *("align-items", "display", "flex-wrap", "gap", "margin", "padding", "text-align"),
    *("background", "border", "border-collapse", "border-left", "border-spacing"),
    *("color", "font-size", "font-variant-numeric"),
}
# What Markdown makes of an instructor's comment.
COMMENT_TAGS = bleach.ALLOWED_TAGS | {"p", "pre", "br", "h1", "h2", "h3", "h4"}

CODE_CHARACTERS = 20_000  # that are highlighted, at most
LINE_CHARACTERS = 1000


def render(template: str, **values) -> str:
    """A page from a template of this package; every value is escaped."""
    return _environment().get_template(template).render(**values)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "words": lambda name: name.replace("_", " "),
        "number": lambda value: f"{round(value, 2):g}",
        "python": highlighted,
        "prose": lambda text: Markup(marked_up(text)),
    }
    rules = (TEMPLATES / "page.css").read_text(encoding="utf-8")
    environment.globals["style"] = Markup(_palette() + rules)
    return environment


def _palette() -> str:
    """The book's colours, in light and dark: they are chosen in one place."""
    path = workflow.ROOT / "book" / "page" / "theme" / "static" / "page.css"
    text = path.read_text(encoding="utf-8")
    found = re.search(r"^:root \{.*?^\}\n", text, re.MULTILINE | re.DOTALL)
    return found[0] if found else ""


def safe_html(html: str) -> Markup:
    """A verdict's HTML with nothing in it that a verdict does not have."""
    return Markup(_cleaner().clean(html))


@cache
def _cleaner() -> bleach.Cleaner:
    styles = _Styles(allowed_css_properties=STYLES)
    return bleach.Cleaner(TAGS, ATTRIBUTES, css_sanitizer=styles, strip=True)


TWO_COLOURS = re.compile(r"light-dark\(#[0-9a-f]{3,6},#[0-9a-f]{3,6}\)")


class _Styles(CSSSanitizer):
    def sanitize_css(self, style):
        """The style, or nothing where it calls anything, as `url(...)` does; but for
        a verdict's pairs of colours.
        """
        called = re.search(r"[(\\]", TWO_COLOURS.sub("", style))
        return "" if called else super().sanitize_css(style)


def comment_html(text: str) -> Markup:
    """What an instructor wrote in formgrader, which is Markdown."""
    return Markup(bleach.clean(markdown2html(text), COMMENT_TAGS, strip=True))


def highlighted(code: str) -> Markup:
    """Python with its syntax highlighted; everything in it stays text.

    Code longer than anybody writes is only escaped: highlighting a long line takes
    the square of its length.
    """
    lengths = map(len, code.splitlines())
    if len(code) > CODE_CHARACTERS or max(lengths, default=0) > LINE_CHARACTERS:
        return escape(code)
    formatter = HtmlFormatter(nowrap=True)
    return Markup(highlight(code, PythonLexer(stripnl=False), formatter))


def title_of(chapter: str) -> str:
    """The title of a chapter in the book; its name where the book has no such one."""
    titles = {step.chapter: step.title for step in workflow.steps()}
    return titles.get(chapter, chapter)


def book_link(base: str, exercise: str) -> str | None:
    """The address of an exercise in the book; None where the book's is not known."""
    chapter = workflow.chapter_of(exercise)
    if not base or not chapter:
        return None
    return f"{base.rstrip('/')}/book/{chapter}.html#{exercise}"
