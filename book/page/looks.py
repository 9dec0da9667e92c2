"""Styles that a page repeats, written once.

A notebook takes no classes, so tables, verdicts, charts and the map bring their style
along in each cell. A page has hundreds of cells: there each style gets a class.
"""

import re
from collections import Counter

STYLE = re.compile(r' style="([^"]*)"')
CELL = re.compile(r'<td style="([^"]*)">')
CLASSES = re.compile(r'class="([^"]*)" class="([^"]*)"')
SCRIPT = re.compile(r"(<script.*?</script>)", re.DOTALL)


def setup(app):
    # After all that puts something into a page.
    app.connect("html-page-context", write_once, priority=900)


def write_once(app, page, template, context, doctree):
    """Take the styles out of a page's body, and give their rules to the layout."""
    context["body"], context["looks"] = compact(context.get("body", ""))


def compact(html: str) -> tuple[str, str]:
    """The same HTML with styles that occur twice as classes, and the rules of these.

    A rule counts as much as two classes: what was said of this element alone prevails
    over what the page says of its kind.
    """
    html, rule = _plain_cells(html)
    counts = Counter(STYLE.findall(html))
    names = {s: f"l{k}" for k, s in enumerate(s for s in counts if counts[s] > 1)}

    def named(match):
        name = names.get(match[1])
        return f' class="{name}"' if name else match[0]

    parts = SCRIPT.split(html)
    parts[::2] = (
        CLASSES.sub(r'class="\1 \2"', STYLE.sub(named, p)) for p in parts[::2]
    )
    rules = "".join(f".{name}.{name}{{{style}}}" for style, name in names.items())
    return "".join(parts), rule + rules


def _plain_cells(html: str) -> tuple[str, str]:
    """Most cells of a page are the plain ones of wrong answers: these need no class."""
    before, mark, gallery = html.partition('<details class="gallery">')
    usual = Counter(CELL.findall(gallery)).most_common(1)
    if not usual or "<td>" in "".join(
        re.findall('(?s)class="said".*?</details>', gallery)
    ):
        return html, ""
    style = usual[0][0]
    bare = gallery.replace(f'<td style="{style}">', "<td>")
    return before + mark + bare, f".gallery td:not([class]){{{style}}}"
