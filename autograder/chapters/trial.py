"""`try NAME`: what learners read who make each mistake of an exercise.

For whoever declares one. Every right way is judged and has to be accepted; every
mistake is judged, has to be known by its own name, and is shown as a learner sees it,
as text and on a page with the pictures. What the run before said is kept beside it, so
that a change of a hint, of a case or of the judge shows where it tells.
"""

import contextlib
import html
import json
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from autograder.chapters.toc import ROOT
from autograder.exercises.declaration import DeclarationError, Exercise
from autograder.exercises.pipeline import unknown
from autograder.exercises.registry import declaring, discover
from autograder.files.whole import write_whole
from autograder.judge.cases import confirm, draw_cases, try_case
from autograder.judge.diagnosis import matching
from autograder.judge.render import as_html, as_text
from autograder.judge.verdict import judge
from autograder.values.called import call_in_process

TRIED = ROOT / "_build" / "tried"


@dataclass(frozen=True)
class Said:
    """What is said of one declared answer, and what is wrong with its declaration."""

    name: str
    text: str
    html: str
    trouble: str = ""
    before: str | None = None  # what the run before said; None: it was not there

    @property
    def mark(self) -> str:
        """`new`, `changed` (whatever its list of cases), or nothing."""
        if self.before is None:
            return "new"
        return "changed" if _message(self.before) != _message(self.text) else ""


def _message(text: str) -> list[str]:
    return [line for line in text.splitlines() if not line.startswith("Cases: ")]


def try_exercise(
    name: str, only: tuple[str, ...] = (), keep: bool = False
) -> list[Said]:
    """Judge what an exercise declares; write the page; return what was said.

    only  the mistakes to show, by name; none: all of them, and the right ways.
    keep  True leaves what the run before said as it is, to compare with once more.
    Raises DeclarationError where there is no such exercise, or it is declared wrongly.
    """
    if name not in discover():
        raise DeclarationError(f"exercise {name}: {unknown(name, discover())}")
    exercise = discover()[name]
    confirm(exercise)
    known = [answer.__name__ for answer in exercise.mistakes]
    for wanted in only:
        if wanted not in known:
            raise DeclarationError(f"{exercise.place}: {unknown(wanted, known)}")
    kept = TRIED / f"{name}.json"
    before = json.loads(kept.read_text(encoding="utf-8")) if kept.is_file() else {}
    said = list(_said(exercise, only, before))
    gone = {} if only else {n: t for n, t in before.items() if n not in known}
    write_whole(page_of(name), _page(name, said, gone))
    if not keep:
        now = {one.name: one.text for one in said if one.text}
        write_whole(kept, json.dumps(before | now if only else now, indent=1))
    return said


def page_of(name: str) -> Path:
    """Where the page with the pictures is written."""
    return TRIED / f"{name}.html"


def _said(exercise: Exercise, only: tuple[str, ...], before: dict) -> Iterator[Said]:
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # overflow is some mistakes' point
        for right in () if only else (exercise.reference, *exercise.equivalents):
            verdict = _judged(exercise, right)
            if not verdict.passed:
                told = as_text(verdict)
                yield Said(
                    right.__name__, told, as_html(verdict), "is right, and refused"
                )
        for mistake in exercise.mistakes:
            if not only or mistake.__name__ in only:
                yield _of_mistake(exercise, mistake, before)


def _judged(exercise: Exercise, answer: Callable):
    return judge(exercise, call_in_process(exercise.driven(answer)))


def _of_mistake(exercise: Exercise, mistake: Callable, before: dict) -> Said:
    name, verdict = mistake.__name__, _judged(exercise, mistake)
    text = as_text(verdict)
    trouble = ""
    if verdict.passed is None:
        trouble = "raises NotImplementedError, so it is taken for a stub"
    elif verdict.passed:
        trouble = (
            "is right in every case: add one in which it is wrong, or leave it out"
        )
    elif others := [other for other in _alike(exercise, mistake) if other != name]:
        trouble = f"gives the same as {', '.join(others)} in every case"
    elif verdict.mistake != name:
        trouble = (
            "is not told by its name: it raises in every case, as others do; add a "
            "case in which it gives a value, or leave it out"
        )
    return Said(name, text, as_html(verdict), trouble, before.get(name))


def _alike(exercise: Exercise, mistake: Callable) -> list[str]:
    """The declared mistakes that one behaves like."""
    call = call_in_process(exercise.driven(mistake))
    cases = [try_case(exercise, call, *case) for case in draw_cases(exercise, 0)]
    return [other.__name__ for other in matching(exercise, cases)]


# --- how it is shown ----------------------------------------------------------


def in_words(name: str, said: list[Said]) -> Iterator[str]:
    """The lines for a terminal: each message, then how many there are."""
    for one in said:
        mark = f"  [{one.mark}]" if one.mark else ""
        yield f"--- {one.name}{mark}"
        if one.trouble:
            yield f"!!! {one.name} {one.trouble}"
        yield one.text
        if one.mark == "changed":
            yield "    before, it said:"
            yield from (f"    {line}" for line in str(one.before).splitlines())
        yield ""
    troubles = sum(bool(one.trouble) for one in said)
    marks = [one.mark for one in said]
    yield (
        f"{name}: {len(said)} told, {marks.count('new')} new, "
        f"{marks.count('changed')} changed, {troubles} with trouble"
    )
    yield f"{page_of(name)}: the same with pictures"


STYLE = """
body { font: 16px/1.5 sans-serif; margin: 2em auto; max-width: 80em; padding: 0 1em }
section { border-top: 1px solid; padding: .5em 0 }
.both { display: flex; flex-wrap: wrap; gap: 2em }
.both > * { flex: 1 1 30em; overflow-x: auto }
pre { white-space: pre-wrap }
.trouble { font-weight: bold }
@media (prefers-color-scheme: dark) { body { background: #111; color: #eee } }
"""


def _page(name: str, said: list[Said], gone: dict[str, str]) -> str:
    parts = [_section(one) for one in said]
    for old, text in gone.items():
        parts.append(
            f"<section><h2>{html.escape(old)} (gone)</h2>"
            f"<pre>{html.escape(text)}</pre></section>"
        )
    return (
        f'<!doctype html>\n<html lang="en"><meta charset="utf-8">'
        f"<title>{html.escape(name)}, tried</title><style>{STYLE}</style>"
        f"<h1>What is said of each mistake of {html.escape(name)}</h1>"
        f"{''.join(parts)}</html>\n"
    )


def _section(one: Said) -> str:
    mark = f" ({one.mark})" if one.mark else ""
    trouble = f"{one.name} {one.trouble}" if one.trouble else ""
    now = f"<div>{one.html}</div>"
    if one.mark == "changed":
        before = html.escape(str(one.before))
        now += f"<div><p>Before, it said:</p><pre>{before}</pre></div>"
    return (
        f"<section><h2>{html.escape(one.name)}{mark}</h2>"
        f'<p class="trouble">{html.escape(trouble)}</p>'
        f'<div class="both">{now}</div></section>'
    )


# --- again at each change -----------------------------------------------------


def watch(arguments: list[str], pause: float = 0.5) -> None:
    """Run `try` with these arguments now, and again whenever a declaration or the judge
    is written, until Ctrl+C.

    Each run is a process of its own, which reads the files as they are then.
    """
    command = [sys.executable, "-m", "autograder", "try", *arguments]
    seen: dict[Path, float] = {}
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            if (found := _written()) != seen:
                seen = found
                subprocess.run(command)
                print("Waiting for the next change. Ctrl+C ends.", flush=True)
            time.sleep(pause)


def _written() -> dict[Path, float]:
    """When each file was written that decides what is said."""
    judging = ROOT / "autograder"
    folders = [*declaring(), judging / "exercises", judging / "judge"]
    files = (file for folder in folders for file in folder.rglob("*.py"))
    return {file: file.stat().st_mtime for file in files if file.is_file()}
