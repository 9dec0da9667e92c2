"""A mistake that many made, drafted as a declaration."""

import ast
import re

from autograder.grading.submission import visible


def visible_code(code: str) -> str:
    """Code with all that hides or turns letters around written out."""
    return "\n".join(visible(line.expandtabs(4)) for line in _lines(code))


def _lines(code: str) -> list[str]:
    """The lines of code, as Python counts them."""
    return re.split(r"\r\n|\r|\n", code)


def draft(name: str, source: str) -> str | None:
    """A mistake's declaration made from an answer, to be pasted where code is trusted.

    None where the answer defines none, and where one may paste more than one has seen.
    """
    try:
        made = _draft(name, source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return made if made and _is_all_seen(made) else None


def _is_all_seen(code: str) -> bool:
    """Whether nothing in code is hidden, and nothing stands far to the right."""
    lines = [line.expandtabs() for line in _lines(code)]
    return all(line.isprintable() and len(line) <= WIDEST for line in lines)


def _draft(name: str, source: str) -> str | None:
    tree = ast.parse(source)
    kinds = ast.FunctionDef | ast.ClassDef
    own = [node for node in tree.body if isinstance(node, kinds) and node.name == name]
    if not own:
        return None
    node, lines = own[-1], _lines(source)
    docstring = ast.get_docstring(node) is not None
    body = node.body[1 if docstring and len(node.body) > 1 else 0]
    head = lines[node.lineno - 1 : node.body[0].lineno - 1]
    if not head:  # all on one line: written anew
        node.name = "todo_what_went_wrong"
        node.body.insert(0, ast.Expr(ast.Constant(TODO)))
        return ast.unparse(node)
    pattern = rf"\b(def|class)\s+{re.escape(name)}\b"
    head[0] = re.sub(pattern, r"\1 todo_what_went_wrong", head[0], count=1)
    rest = lines[body.lineno - 1 : node.end_lineno]
    indent = rest[0][: len(rest[0]) - len(rest[0].lstrip())]
    return "\n".join([*head, f'{indent}"""{TODO}"""', *rest])


WIDEST = 100  # columns of a draft


TODO = "TODO: what a learner reads who made this mistake."
