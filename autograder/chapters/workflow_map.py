"""The workflow as a map: the same drawing on every page and for `progress`.

One box a chapter. The two workflows come first, one above the other, and before a box
stands what flows into it. On a page one box is lit, and the boxes
are small; in `progress` the solved ones are ticked.
"""

from collections.abc import Callable
from html import escape
from itertools import pairwise
from pathlib import Path

from autograder.chapters import drawing
from autograder.chapters.toc import Step, noun_of, steps, told_became, workflow
from autograder.judge.render import show

# The colours of the page where there are some. JupyterLab has none of these names, and
# takes them out of what it does not trust: so each colour is given twice.
BOX = (
    "display:inline-block;padding:.1em .5em;border-radius:.35em;line-height:1.5;"
    "text-decoration:none"
)
LOOKS = {
    look: f"background:{paper};color:{ink};background:var(--box{name},{paper});"
    f"color:var(--box{on}-ink,{ink})"
    for look, name, on, paper, ink in (
        ("", "", "", "#e8ecf1", "#1f2933"),
        ("solved", "-solved", "", "#c9ecd0", "#1f2933"),
        ("lit", "-lit", "-lit", "#0068a5", "#fff"),
    )
}
ROW = (
    "list-style:none;display:flex;flex-wrap:wrap;align-items:center;gap:.3em;"
    "margin:.1em 0 .4em;padding:0"
)
ITEM = "display:flex;align-items:center;gap:.3em;margin:0;font-size:.8em"
FLOW, PART = "display:inline-flex", "font-size:.8em"
Link = Callable[[Step], str]


def here(chapter: str) -> None:
    """Show where in the workflow a chapter stands."""
    titles = {step.chapter: step.title for step in steps()}
    place = titles.get(chapter) or f"{told_became(chapter) or chapter} in the book"
    caption = f"You are here: {place}"
    show(map_text(caption, chapter), small_map(chapter, caption))


def show_progress(solved: set[str]) -> None:
    """Show the workflow with the solved exercises ticked."""
    show(*progress_map(solved))


def progress_map(solved: set[str]) -> tuple[str, str]:
    """The workflow with the solved exercises ticked, as text and as HTML."""
    names = [name for step in steps() for name in step.exercises]
    caption = (
        f"Solved: {sum(name in solved for name in names)} of {len(names)} functions"
    )
    html = _map("", caption, lambda step: _box(step, ticked=solved))
    return map_text(caption, "", solved), f"<p>{escape(caption)}</p>{html}"


def map_text(caption: str, lit: str, ticked: set[str] | frozenset = frozenset()) -> str:
    """The map as lines: `>` marks the step that is lit, a tick what is solved."""
    lines = [caption]
    for step in steps():
        mark = ">" if step.chapter == lit else " "
        ticks = ", ".join(
            f"{name}{' ✓' if name in ticked else ''}" for name in step.exercises
        )
        lines.append(f"{mark} {step.number} {step.title}{': ' if ticks else ''}{ticks}")
    return "\n".join(lines)


def own_copy(step: Step) -> str:
    """The address of a chapter: a learner's own copy, where one is beside this."""
    copy = f"{step.chapter}.ipynb"
    return copy if Path(copy).is_file() else ""


def small_map(chapter: str, caption: str, link: Link = own_copy) -> str:
    """The map of a page: boxes with numbers, one of them lit, and what flows.

    link: the address of a chapter, "" where it has none.
    """
    return _map(chapter, caption, lambda step: _box(step, chapter, link=link))


def rows() -> list[tuple[str, list[Step], dict[Step, Step]]]:
    """(caption, chapters in the order in which they are read, from where numbers flow
    to each of them) of each row: the two workflows, then what is left of every part.

    A chapter from which numbers flow back to an earlier one, as from the weights that
    are drawn, is read beside the others: what flows on comes from the one before it.
    """
    by_noun = {noun_of(step.chapter): step for step in steps()}
    flows = [[by_noun[noun] for noun in row if noun in by_noun] for row in workflow()]
    shown = []
    for flow in filter(None, flows):
        forward = [a for a, b in pairwise(flow) if a.number < b.number] + flow[-1:]
        sources = dict(zip(forward[1:], forward, strict=False))
        shown.append((flow[0].part, sorted(flow, key=lambda s: s.number), sources))
    left = [step for step in steps() if not any(step in row for row in flows)]
    for part in dict.fromkeys(step.part for step in left):
        shown.append((part, [step for step in left if step.part == part], {}))
    return shown


def _map(lit: str, caption: str, box: Callable[[Step], str]) -> str:
    lists = []
    for part, row, sources in rows():
        boxes = "".join(
            f'<li style="{ITEM}">{_flow(sources.get(step))}{box(step)}</li>'
            for step in row
        )
        title = f'<span class="part" style="{PART}">{escape(part)}</span>'
        lists.append(f'<div class="row">{title}<ol style="{ROW}">{boxes}</ol></div>')
    kind = f'workflow-map small" data-here="{escape(lit)}' if lit else "workflow-map"
    return (
        f'<div class="{kind}" role="group" aria-label="{escape(caption)}">'
        f"{''.join(lists)}</div>"
    )


def _flow(step: Step | None) -> str:
    """What flows on from a step: grids, in the colours of their letters."""
    if step is None:
        return ""
    arrays = [item for item in step.gives if item.sizes]
    if not arrays:
        return "→"
    return f'<span class="flow" style="{FLOW}">{drawing.flow(arrays)}</span>'


def _box(
    step: Step,
    lit: str = "",
    ticked: set[str] | frozenset[str] = frozenset(),
    link: Link = own_copy,
) -> str:
    """A chapter. On a page it shows its number, and the one that is lit its title."""
    current = step.chapter == lit
    count = sum(name in ticked for name in step.exercises)
    solved = 0 < count == len(step.exercises)
    look = "lit" if current else "solved" if solved else ""
    number, title = str(step.number), escape(step.title)
    told = f"{number} {title}"
    text = number if lit and not current else f"{number}<span> {title}</span>"
    if solved:
        text += ' <span role="img" aria-label="solved">✓</span>'
    elif count:
        text += f" {count}/{len(step.exercises)}"
    given = f' class="box" style="{BOX};{LOOKS[look]}"'
    if current:
        given += ' aria-current="step"'
    if step.exercises:
        given += f' data-exercises="{" ".join(step.exercises)}"'
    if lit and not current:
        given += f' title="{told}"'
    address = link(step)
    if not address:
        return f"<span{given}>{text}</span>"
    name = f' aria-label="{told}"' if text == number else ""
    return f'<a href="{escape(address)}"{given}{name}>{text}</a>'
