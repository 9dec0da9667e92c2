"""Formulas as MathML, made when the book is built.

Browsers set MathML themselves: no script and no request is needed, and screen
readers, zoom and print work. The sources stay the TeX that JupyterLab's MathJax reads.
"""

import html
import re

from docutils import nodes
from docutils.nodes import SkipNode
from math_core import LatexError, LatexToMathML
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

logger = logging.getLogger(__name__)
converter = LatexToMathML()


def setup(app):
    app.add_html_math_renderer("mathml", (inline, None), (block, None))
    app.connect("doctree-resolved", keep_together)


def keep_together(app, doctree, page):
    """Give a formula the bracket before it and the comma behind it.

    Browsers would break the line between.
    """
    for formula in list(doctree.findall(nodes.math)):
        line, place = formula.parent, formula.parent.index(formula)
        formula["head"] = _cut_off(line, place - 1, r"[(‘“]*$") if place else ""
        formula["tail"] = _cut_off(line, place + 1, r"^[,.;:!?)’”…]*")


def _cut_off(line, place, pattern):
    """Cut what matches off the text at one place of a line, and return it."""
    if place == len(line) or not isinstance(text := line[place], nodes.Text):
        return ""
    line[place] = nodes.Text(re.sub(pattern, "", text, count=1))
    return re.search(pattern, text)[0]


def inline(writer, node):
    formula = mathml(node, display=False)
    head, tail = node.get("head", ""), node.get("tail", "")
    if head or tail:
        formula = f'<span class="together">{head}{formula}{tail}</span>'
    writer.body.append(formula)
    raise SkipNode


def block(writer, node):
    writer.body.append(writer.starttag(node, "div", CLASS="math"))
    writer.body.append(mathml(node, display=True))
    if node["number"]:
        writer.body.append(
            f'<span class="eqno">({get_node_equation_number(writer, node)})</span>'
        )
    writer.body.append("</div>\n")
    raise SkipNode


def mathml(node, display):
    """The MathML of a formula; one that cannot be read is a warning of the build."""
    latex = node.astext().strip()
    try:
        return converter.convert_with_local_state(latex, displaystyle=display)
    except LatexError as error:
        logger.warning("formula not understood: %s\n%s", latex, error, location=node)
        return f"<code>{html.escape(latex)}</code>"
