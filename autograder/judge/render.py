"""A verdict in words and as a picture: yours beside the expected.

The same content as text (a terminal, a screen reader) and as HTML (JupyterLab, a
feedback page). The HTML is a few tables with colours of their own, so that it reads
the same in light and dark, needs no script, and says in words what a colour says.
"""

import math
import re
from collections.abc import Callable, Iterable, Iterator
from html import escape
from itertools import islice
from typing import Any, Self

import numpy as np

from autograder.judge.cases import agrees, changed_arguments
from autograder.judge.verdict import Verdict
from autograder.values.compare import close, same
from autograder.values.wire import Opaque

WIDEST = 12  # rows and columns of a matrix that are still drawn
LONGEST = 60  # lines of an array, as text
COLOURS = {True: "#1a7f37", False: "#b3261e", None: "#6e5a00"}
MARKS = {True: "✓", False: "✗"}
STUCK = "Stuck? Run `hint({name})`, more than once if needed."  # a page has a button


STATES = {True: "right", False: "not right yet", None: "not written yet"}


def points(verdict: Verdict) -> str:
    """The points in words: `2 of 4 points`, `1 of 1 point`."""
    unit = "point" if verdict.max_score == 1 else "points"
    return f"{round(verdict.score, 2):g} of {verdict.max_score:g} {unit}"


def headline(verdict: Verdict) -> str:
    """The first line: what was judged, and how it stands."""
    return f"{verdict.exercise}: {STATES[verdict.passed]}"


def as_text(verdict: Verdict) -> str:
    """The verdict for a terminal: plain text, at most about 80 columns."""
    lines = [f"{headline(verdict)}, {points(verdict)}"]
    if verdict.passed:
        return "\n".join([*lines, _cases_line(verdict), *_flag_lines(verdict)])
    if verdict.passed is False:
        lines.append(verdict.rationale)
    if verdict.mistake:
        lines.append(f"Mistake: {verdict.mistake.replace('_', ' ')}.")
    lines.append(_unwrapped(verdict.hint))
    if verdict.shown:
        lines += ["", *_shown_text(verdict)]
    if verdict.cases:
        lines += ["", _cases_line(verdict)]
    lines += _flag_lines(verdict)
    if verdict.passed is False:
        lines.append(STUCK.format(name=verdict.exercise).replace("`", ""))
    return "\n".join(lines)


def as_html(verdict: Verdict, stuck: str | None = None) -> str:
    """The verdict as one `div`, safe to put into any page: all text is escaped.

    stuck: how more help can be had; by default as in a notebook.
    """
    stuck = STUCK if stuck is None else stuck
    colour = COLOURS[verdict.passed]
    parts = [f'<p style="margin:0"><strong>{escape(headline(verdict))}</strong></p>']
    if verdict.passed is False:
        parts.append(_paragraph(verdict.rationale))
    if verdict.mistake:
        name = escape(verdict.mistake.replace("_", " "))
        parts.append(
            f'<p style="margin:.4em 0">Mistake: <strong>{name}</strong>. '
            f"{marked_up(verdict.hint)}</p>"
        )
    elif verdict.hint:
        parts.append(_paragraph(verdict.hint))
    if verdict.shown:
        parts.append(picture_html(verdict))
    if verdict.cases:
        parts.append(_paragraph(_cases_line(verdict)))
    parts += [_paragraph(line) for line in _flag_lines(verdict)]
    if verdict.passed is False and stuck:
        parts.append(_paragraph(stuck.format(name=verdict.exercise)))
    return (
        f'<div class="verdict" style="border-left:4px solid {colour};'
        f'padding:.3em 0 .3em .9em;margin:.3em 0">{"".join(parts)}</div>'
    )


def _paragraph(text: str) -> str:
    return f'<p style="margin:.4em 0">{marked_up(text)}</p>'


def marked_up(text: str) -> str:
    """Text as HTML: escaped, and what stands between backticks as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(_unwrapped(text)))


def _unwrapped(text: str) -> str:
    """A docstring's lines as one paragraph."""
    return " ".join(text.split())


def _cases_line(verdict: Verdict) -> str:
    cases = [f"{MARKS[passed]} {name}" for name, passed in verdict.cases]
    return f"Cases: {', '.join(cases)}."


def _flag_lines(verdict: Verdict) -> list[str]:
    return [f"Note: {flag}." for flag in verdict.flags]


# --- the case that is shown ---------------------------------------------------


def _given(verdict: Verdict) -> list[tuple[str, Any]]:
    """(name, value) of each argument of the case that is shown."""
    case, shapes = verdict.shown, verdict.shapes
    if case is None or shapes is None:
        return []
    pairs = zip(shapes.arguments, case.arguments, strict=False)
    return [(item.name, value) for item, value in pairs]


def _comparisons(verdict: Verdict) -> list[tuple[str, Any, Any]]:
    """(name, yours, expected) of each part of the result; nothing where none came."""
    case, shapes = verdict.shown, verdict.shapes
    if case is None or shapes is None or case.actual.error or case.expected.error:
        return []
    if changed_arguments(case) and agrees(case.actual, case.expected):
        return []
    actual, expected = case.actual.value, case.expected.value
    if isinstance(expected, dict):
        actual = actual if isinstance(actual, dict) else {}
        return [(key, actual.get(key), value) for key, value in expected.items()]
    names = [item.name for item in shapes.results]
    if isinstance(expected, tuple):
        fits = isinstance(actual, tuple) and len(actual) == len(expected)
        actual = actual if fits else (actual,) + (None,) * (len(expected) - 1)
        return list(_told_apart(zip(names, actual, expected, strict=True)))
    return [(names[0], actual, expected)]


def _told_apart(
    parts: Iterable[tuple[str, Any, Any]],
) -> Iterator[tuple[str, Any, Any]]:
    """The parts, of a dict the first item that differs. It follows from what comes
    before it, so it counts only where that is right, as do words.
    """
    right = True
    for name, actual, expected in parts:
        if isinstance(expected, np.ndarray | float | int):
            yield name, actual, expected
        elif right and isinstance(expected, dict) and isinstance(actual, dict):
            items = ((key, actual.get(key), value) for key, value in expected.items())
            yield from islice((i for i in items if not same(*i[1:])), 1)
        elif right and actual != expected:
            yield name, actual, expected
        right = right and same(actual, expected)


def _simplest(verdict: Verdict) -> str:
    name = verdict.shown.name if verdict.shown else ""
    kind, _, number = name.rpartition(" ")
    return f"The easiest to read of the cases that fail ({kind}, no. {number}):"


def _shown_text(verdict: Verdict) -> list[str]:
    lines = [_simplest(verdict)]
    for name, value in _given(verdict):
        lines += _array_text(name, value)
    for name, actual, expected in _comparisons(verdict):
        lines += _array_text(f"expected {name}".strip(), expected)
        lines += _array_text(f"yours {name}".strip(), actual)
        wrong = _wrong_entries(actual, expected)
        if wrong is not None and wrong.ndim and wrong.any():
            index = tuple(int(i) for i in np.argwhere(wrong)[0])
            place = f"[{', '.join(map(str, index))}]"
            lines.append(
                f"first difference at {place}: expected "
                f"{_number(np.asarray(expected)[index])}, yours "
                f"{_number(np.asarray(actual)[index])}"
            )
    return lines


def _array_text(title: str, value: Any) -> list[str]:
    if not isinstance(value, np.ndarray):
        return [f"  {title}: {_brief(value)}"]
    with np.printoptions(precision=3, suppress=True, threshold=200, linewidth=76):
        body = str(value).splitlines()
    if len(body) > LONGEST:  # printing shortens an axis, and there may be many
        body = [*body[:LONGEST], "..."]
    return [f"  {title}, shape {value.shape}:", *(f"    {line}" for line in body)]


def _wrong_entries(actual: Any, expected: Any) -> np.ndarray | None:
    """Which entries differ: a boolean array, or None where shapes do."""
    drawable = isinstance(actual, np.ndarray | float | int)
    if not drawable or np.shape(actual) != np.shape(expected):
        return None
    return ~close(actual, expected)


def picture_html(verdict: Verdict) -> str:
    """The case that a verdict shows: what was given, expected beside yours."""
    figures = [_figure(name, value) for name, value in _given(verdict)]
    for name, actual, expected in _comparisons(verdict):
        wrong = _wrong_entries(actual, expected)
        figures.append(_figure(f"expected {name}".strip(), expected))
        figures.append(_figure(f"yours {name}".strip(), actual, wrong))
    return (
        f'<p style="margin:.6em 0 .2em">{escape(_simplest(verdict))}</p>'
        '<div style="display:flex;flex-wrap:wrap;gap:1.2em;align-items:flex-start">'
        f"{''.join(figures)}</div>"
    )


def _figure(title: str, value: Any, wrong: np.ndarray | None = None) -> str:
    """One matrix with its title; entries that differ are marked."""
    caption = escape(title)
    if not isinstance(value, np.ndarray):
        return f"<div>{caption}: <code>{escape(_brief(value))}</code></div>"
    caption += f", shape {escape(str(value.shape))}"
    planes = _planes(value)
    marks = _planes(wrong) if wrong is not None else [None] * len(planes)
    first = None
    if wrong is not None and wrong.any():
        first = [int(i) for i in np.argwhere(wrong)[0]]
    tables = []
    shown = zip(planes[:WIDEST], marks[:WIDEST], strict=True)
    for number, (plane, mark) in enumerate(shown):
        here = first if first and _plane_of(first, value.shape) == number else None
        tables.append(_table(plane, mark, here[-2:] if here else None, caption))
    if len(planes) > WIDEST:
        tables.append(f"and {len(planes) - WIDEST} more")
    body = '<div style="display:flex;gap:.6em;flex-wrap:wrap">' + "".join(tables)
    note = ""
    if first:
        note = (
            '<div style="font-size:.9em">first difference at '
            f"[{', '.join(map(str, first))}]</div>"
        )
    return f'<div><div style="font-size:.9em">{caption}</div>{body}</div>{note}</div>'


def _planes(value: np.ndarray) -> Any:
    """The matrices that an array is a stack of."""
    if value.ndim <= 2:
        return [value]
    count = math.prod(value.shape[:-2])  # an axis may be empty: -1 would not do
    return value.reshape(count, *value.shape[-2:])


def _plane_of(index: list[int], shape: tuple[int, ...]) -> int:
    """Which of the stacked matrices an index lies in."""
    if len(shape) <= 2:
        return 0
    return int(np.ravel_multi_index(index[:-2], shape[:-2]))


def _table(
    plane: np.ndarray, wrong: np.ndarray | None, first: list[int] | None, title: str
) -> str:
    grid = np.atleast_2d(plane)[:WIDEST, :WIDEST]
    marks = np.zeros(grid.shape, bool)
    if wrong is not None:
        marks = np.atleast_2d(wrong)[:WIDEST, :WIDEST]
    if first is not None and len(first) < 2:
        first = [0, *first]
    rows = []
    for i, row in enumerate(grid):
        cells = [
            _cell(
                number, bool(marks[i, j]), first is not None and [i, j] == list(first)
            )
            for j, number in enumerate(row)
        ]
        rows.append(f"<tr>{''.join(cells)}</tr>")
    return (
        '<table style="border-collapse:separate;border-spacing:2px;margin:0;'
        'font-size:.85em;font-variant-numeric:tabular-nums" '
        f'aria-label="{title}">{"".join(rows)}</table>'
    )


INK = "color:light-dark(#111,#eee)"  # dark where the page says that it is dark


def _cell(number: Any, wrong: bool, first: bool) -> str:
    """Right numbers on grey, wrong ones on orange; the first one is framed."""
    ground = "light-dark(#ffd8a8,#6b4312)" if wrong else "light-dark(#eceff1,#343a40)"
    border = "2px solid " + ("light-dark(#b3261e,#ff8a80)" if first else "transparent")
    said = ' title="differs"' if wrong else ""
    return (
        f'<td{said} style="background:{ground};{INK};border:{border};'
        f'padding:1px 5px;text-align:right">{escape(_number(number))}</td>'
    )


def _number(value: Any) -> str:
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1e4 else f"{value:.2e}"
    return str(value)


def _brief(value: Any) -> str:
    if isinstance(value, Opaque):
        return value.type_name
    if isinstance(value, dict):
        return _shortened(_by_shape(value))
    return _shortened(f"{value:.6g}" if isinstance(value, float) else repr(value))


def _by_shape(items: dict[str, Any]) -> str:
    """The names in a dict, those of one shape together: `W_q, W_k (6, 3); b_q (3,)`."""
    names: dict[tuple[int, ...], list[str]] = {}
    for name, value in items.items():
        shape = value.shape if isinstance(value, np.ndarray) else ()
        names.setdefault(shape, []).append(str(name))
    return "; ".join(f"{', '.join(n)} {s or ''}".strip() for s, n in names.items())


def _shortened(text: str) -> str:
    return text if len(text) <= 70 else text[:67] + "..."


class Points(float):
    """What `check` returns: a number that nbgrader can read, and a learner too."""

    words: str
    passed: bool | None

    def __new__(cls, verdict: Verdict) -> Self:
        number = super().__new__(cls, verdict.score)
        number.words = points(verdict)
        number.passed = verdict.passed
        return number

    def _repr_mimebundle_(
        self, include: object = None, exclude: object = None
    ) -> dict[str, str]:
        return {"text/plain": repr(float(self)), "text/html": self.words}


AGREEMENT = "They agree, up to rounding."


# Where HTML is shown: `displayed(text, html)`. None: in a notebook, if this is one.
_port: Callable[[str, str], None] | None = None


def show(text: str, html: str) -> None:
    """Display HTML where that can be seen, and print the text everywhere else."""
    if _port is not None:
        _port(text, html)
    elif not _shown_in_a_notebook(text, html):
        print(text)


def show_through(port: Callable[[str, str], None] | None) -> None:
    """Have everything shown by a function of a text and its HTML from now on."""
    global _port
    _port = port


def _shown_in_a_notebook(text: str, html: str) -> bool:
    try:
        from IPython import get_ipython
        from IPython.display import display
    except ImportError:
        return False
    shell = get_ipython()
    if shell is None or not shell.has_trait("kernel"):
        return False
    display({"text/plain": text, "text/html": html}, raw=True)
    return True
