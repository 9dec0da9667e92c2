"""The chapters, in the order of `_toc.yml`; an instructor's own come last."""

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

from autograder.errors import UserError
from autograder.exercises.registry import add_folder, discover
from autograder.exercises.shapes import Item, ShapeLine
from autograder.files.unchanged import while_unchanged

ROOT = Path(__file__).resolve().parents[2]
OWN_PART = "Besides"  # the caption over an instructor's own chapters
_homes: list[Path] = []  # folders with exercises and chapters of their own


@dataclass(frozen=True)
class Step:
    """One chapter: its file's stem, its title, its part, its exercises.

    told: what comes out of it, where no declaration is at hand to say so.
    """

    chapter: str
    title: str
    part: str
    exercises: tuple[str, ...]
    told: str = ""

    @property
    def gives(self) -> tuple[Item, ...]:
        """What comes out of it, as in the shape line of its last exercise. That is
        loaded when it is asked for, and with some of them PyTorch.
        """
        if self.told:
            return ShapeLine.parse(f"X -> {self.told}").results
        known = [name for name in self.exercises if name in discover()]
        return discover()[known[-1]].shapes.results if known else ()

    @property
    def number(self) -> int:
        """Its place in the table of contents, which its file's name tells."""
        return number_of(self.chapter)


def add_home(folder: Path) -> None:
    """Take in what an instructor keeps elsewhere: a folder's `exercises/` are added to
    `solutions/`, its `chapters/` to those of the book.

    A folder that has neither changes nothing. (They are not called as the packages
    are: Python would find them first, in the folder where it is started.)
    """
    home = folder.resolve()
    own = [home / "exercises", home / "chapters"]
    if home not in _homes and any(map(Path.is_dir, own)):
        _homes.append(home)
        add_folder(own[0])
        steps.cache_clear()


def homes() -> tuple[Path, ...]:
    """The folders that were taken in: another process has to take them in, too."""
    return tuple(_homes)


def chapters_listed() -> Iterator[tuple[Path, str, dict]]:
    """(file, part, entry) of every numbered chapter, in reading order.

    Those that `_toc.yml` names, each with its entry there; then an instructor's own.
    """
    toc = _contents()
    for part in toc.get("parts") or [toc]:
        for entry in part.get("chapters", []):
            path = ROOT / f"{entry['file']}.md"
            if re.match(r"\d\d_", path.stem):
                yield path, part.get("caption", ""), entry
    for home in _homes:
        for path in sorted(home.glob("chapters/[0-9][0-9]_*.md")):
            if (ROOT / "book" / path.name).exists():
                raise UserError(f"{path}: the book has a chapter of this name already")
            yield path, OWN_PART, {}


def _contents() -> dict:
    """The table of contents; a handout has it as JSON, and needs no PyYAML for it.

    Installed from a wheel there is none, and the chapters' numbers say the order.
    """
    handed_out, file = ROOT / "_toc.json", ROOT / "_toc.yml"
    if handed_out.is_file():
        return json.loads(handed_out.read_text(encoding="utf-8"))
    if file.is_file():
        return _read(file)
    stems = (path.stem for path in sorted(ROOT.glob("book/[0-9][0-9]_*.md")))
    return {"chapters": [{"file": f"book/{stem}"} for stem in stems]}


@while_unchanged
def _read(toc: Path) -> dict:
    import yaml  # with the parser in C where there is one: it is ten times as fast

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load(toc.read_bytes(), loader)


def _meta(key: str) -> Any:
    """What the table of contents says of the whole book; None where it does not."""
    return _contents().get("meta", {}).get(key)


def course_id() -> str:
    """What a new course is called."""
    return _meta("course_id") or "course"


def measured_chapter() -> str:
    """The chapter with which grading is measured; the first one with exercises, where
    none is named.
    """
    named = current_stems().get(_meta("measured") or "")
    return named or next(step.chapter for step in steps() if step.exercises)


def current_stems() -> dict[str, str]:
    """Noun -> stem of every chapter, as {"softmax": "05_softmax"}; the book's first."""
    stems = [path.stem for path, *_ in chapters_listed()]
    return {noun_of(stem): stem for stem in reversed(stems)}


def noun_of(stem: str) -> str:
    """`softmax` of `05_softmax`."""
    return stem.partition("_")[2]


def number_of(stem: str) -> int:
    """5 of `05_softmax`."""
    return int(stem.partition("_")[0])


def became(stem: str) -> tuple[str, ...]:
    """What a chapter that is no longer there is called today.

    `_toc.yml` says it of those that were split; one that has only moved is found by
    its noun. () for a name that no chapter ever had, and for one that is still there.
    """
    if not re.match(r"\d\d_", stem) or stem in (p.stem for p, *_ in chapters_listed()):
        return ()
    now = current_stems()
    split = _meta("became") or {}
    nouns = split.get(stem, [noun_of(stem)])
    return tuple(now[noun] for noun in nouns if noun in now)


def workflow() -> list[list[str]]:
    """The two workflows: the nouns of their chapters, in the order in which numbers
    flow through them. Nothing where there is no table of contents.
    """
    return _meta("workflow") or []


def told_became(stem: str) -> str:
    """One clause for who still uses an old name; "" where there is nothing to tell."""
    *names, last = became(stem) or ("",)
    listed = f"{', '.join(names)} and {last}" if names else last
    return listed and f"{stem} is now {listed}"


@cache
def steps() -> tuple[Step, ...]:
    """Every numbered chapter, in reading order: with exercises or without."""
    return tuple(_step(*place) for place in chapters_listed())


def asked_before(chapter: str) -> Iterator[str]:
    """The exercises of earlier chapters. Those of later ones are not looked for."""
    for path, part, entry in chapters_listed():
        if path.stem < chapter:
            yield from _step(path, part, entry).exercises


def _step(path: Path, part: str, entry: dict) -> Step:
    """One chapter. A handout has no pages: there, its entry says it all."""
    if "exercises" in entry:
        listed, told = tuple(entry["exercises"]), entry.get("gives", "")
        return Step(path.stem, entry["title"], part, listed, told)
    text = path.read_text(encoding="utf-8")
    title = re.search(r"^# (.+)$", text, re.MULTILINE)
    defined = re.findall(r"^(?:def|class) (\w+)", text, re.MULTILINE)
    checked = set(re.findall(r"^check\((\w+)\)$", text, re.MULTILINE))
    known = discover()
    exercises = dict.fromkeys(n for n in defined if n in checked and n in known)
    name = title[1] if title else path.stem
    return Step(path.stem, name, part, tuple(exercises))


def chapter_of(exercise: str) -> str:
    """The stem of the chapter that asks for an exercise; "" where none does."""
    stems = (step.chapter for step in steps() if exercise in step.exercises)
    return next(stems, "")


def where_explained(exercise: str) -> str:
    """The last hint: the page of the book that explains an exercise."""
    for step in steps():
        if exercise in step.exercises:
            return (
                f"Read the chapter '{step.title}' again, as far as 'Write it', and "
                "then 'What goes wrong'."
            )
    return "Read the chapter again."


def page_of(exercise: str) -> str | None:
    """Where the chapter of an exercise can be opened from here, if it can.

    The learner's own copy comes first: it is the same text, and JupyterLab does not
    show a page of the book with its style.
    """
    for step in steps():
        if exercise not in step.exercises:
            continue
        if Path(f"{step.chapter}.ipynb").is_file():
            return f"{step.chapter}.ipynb#What-goes-wrong"
        page = ROOT / "_build" / "html" / "book" / f"{step.chapter}.html"
        if page.is_file():
            return f"{os.path.relpath(page)}#{exercise}"
    return None


def linked(text: str, exercise: str = "") -> str:
    """A hint as HTML, with a link to the chapter of the exercise where there is one."""
    page = page_of(exercise)
    link = ""
    if page:
        link = f' <a href="{escape(page)}" target="_blank">Open the page</a>'
    return f'<p style="margin:.4em 0">{escape(text)}{link}</p>'
