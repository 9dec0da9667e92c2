"""The workflow as a map: the same drawing on every page and for `progress`.

One box a chapter, in the order of `_toc.yml`. On a page one box is lit; in
`progress` the solved ones are ticked.
"""

import os
import re
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path

import yaml

from autograder.exercise import discover

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Step:
    """One chapter: its file's stem, its title, its part, and its exercises."""

    chapter: str
    title: str
    part: str
    exercises: tuple[str, ...]


@cache
def steps() -> tuple[Step, ...]:
    """Every chapter that has an exercise, in reading order."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    parts = toc.get("parts") or [{"caption": "", "chapters": toc.get("chapters", [])}]
    found = []
    for part in parts:
        for entry in part["chapters"]:
            step = _step(ROOT / f"{entry['file']}.md", part.get("caption", ""))
            if step.exercises:
                found.append(step)
    return tuple(found)


def _step(path: Path, part: str) -> Step:
    text = path.read_text(encoding="utf-8")
    title = re.search(r"^# (.+)$", text, re.MULTILINE)
    defined = re.findall(r"^(?:def|class) (\w+)", text, re.MULTILINE)
    exercises = tuple(name for name in defined if name in discover())
    return Step(path.stem, title[1] if title else path.stem, part, exercises)


def here(chapter: str) -> None:
    """Show where in the workflow a chapter stands."""
    titles = {step.chapter: step.title for step in steps()}
    _show_map(f"You are here: {titles[chapter]}", lit=chapter, ticked=frozenset())


def show_progress(solved: set[str]) -> None:
    """Show the workflow with the solved exercises ticked."""
    names = [name for step in steps() for name in step.exercises]
    count = sum(name in solved for name in names)
    _show_map(f"Solved: {count} of {len(names)} functions", None, frozenset(solved))


def _show_map(caption: str, lit: str | None, ticked: frozenset[str]) -> None:
    from autograder.notebook import show

    show(map_text(caption, lit, ticked), map_html(caption, lit, ticked))


def map_text(caption: str, lit: str | None, ticked: frozenset[str]) -> str:
    """The map as lines: `>` marks the step that is lit, a tick what is solved."""
    lines = [caption]
    for step in steps():
        mark = ">" if step.chapter == lit else " "
        ticks = ", ".join(
            f"{name}{' ✓' if name in ticked else ''}" for name in step.exercises
        )
        lines.append(f"{mark} {step.title}: {ticks}")
    return "\n".join(lines)


def map_html(caption: str, lit: str | None, ticked: frozenset[str]) -> str:
    """The map as an ordered list of boxes that wraps on a narrow screen."""
    parts = dict.fromkeys(step.part for step in steps())
    lists = []
    for part in parts:
        boxes = [_box(step, lit, ticked) for step in steps() if step.part == part]
        title = f'<span style="font-size:.8em">{escape(part)}</span>' if part else ""
        lists.append(
            f'{title}<ol style="list-style:none;display:flex;flex-wrap:wrap;gap:.3em;'
            f'margin:.1em 0 .4em;padding:0">{"".join(boxes)}</ol>'
        )
    return (
        f'<div class="workflow-map" role="group" aria-label="{escape(caption)}">'
        f"{''.join(lists)}</div>"
    )


def _box(step: Step, lit: str | None, ticked: frozenset[str]) -> str:
    solved = bool(step.exercises) and all(name in ticked for name in step.exercises)
    current = step.chapter == lit
    colours = "#0068a5;color:#fff" if current else "#e8ecf1;color:#1f2933"
    tick = ' <span aria-label="solved">✓</span>' if solved else ""
    mark = ' aria-current="step"' if current else ""
    return (
        f'<li{mark} style="background:{colours};border-radius:.4em;margin:0;'
        f'padding:.15em .55em;font-size:.8em;line-height:1.5">'
        f"{escape(step.title)}{tick}</li>"
    )


def where_explained(exercise: str) -> str:
    """The last hint: the page of the book that explains an exercise."""
    for step in steps():
        if exercise in step.exercises:
            return f"Read the chapter '{step.title}' again, from 'What goes wrong' on."
    return "Read the chapter again."


def page_of(exercise: str) -> Path | None:
    """The built page of the chapter that holds an exercise, where it was built."""
    for step in steps():
        page = ROOT / "_build" / "html" / "book" / f"{step.chapter}.html"
        if exercise in step.exercises and page.is_file():
            return page
    return None


def linked(text: str, exercise: str = "") -> str:
    """A hint as HTML, with a link to the page of the exercise where it was built."""
    page = page_of(exercise)
    link = ""
    if page:
        address = f"{os.path.relpath(page)}#{exercise}"
        link = f' <a href="{escape(address)}" target="_blank">Open the page</a>'
    return f'<p style="margin:.4em 0">{escape(text)}{link}</p>'
