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
    """Give a formula the comma behind it: browsers would break the line between."""
    for formula in doctree.findall(nodes.math):
        rest = formula.next_node(descend=False, siblings=True)
        if isinstance(rest, nodes.Text):
            formula["tail"] = re.match(r"[,.;:!?)’”…]*", rest)[0]
            rest.parent.replace(rest, nodes.Text(rest[len(formula["tail"]) :]))


def inline(writer, node):
    formula, tail = mathml(node, display=False), node.get("tail")
    formula = f'<span class="together">{formula}{tail}</span>' if tail else formula
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
