"""Stand-ins for the book's own modules, for the cells of a submission."""

from autograder.chapters import toc as workflow
from autograder.exercises.registry import discover
from autograder.exercises.source import source_of


def kit_for(chapter: str) -> dict[str, str]:
    """Stand-ins for the book's own modules, for the cells of one chapter.

    `check` and the animations do nothing; `ready("scores")` gives the function of
    an earlier chapter, and never one of this chapter's.
    """
    earlier = [
        name
        for step in workflow.steps()
        if step.chapter < chapter
        for name in step.exercises
    ]
    sources = [source_of(discover()[name].reference) for name in earlier]
    ready = (
        "def ready(function):\n"
        "    if not isinstance(function, str):\n        return function\n"
        f"    if function in {earlier!r}:\n        return globals()[function]\n"
        "    import __main__\n    return getattr(__main__, function)\n"
    )
    nothing = (
        "def __getattr__(name):\n"
        "    if name.startswith('__'):\n        raise AttributeError(name)\n"
        "    return lambda *a, **k: None\n"
    )
    sentence = (workflow.ROOT / "book" / "sentence.py").read_text(encoding="utf-8")
    kit = {
        "autograder": "\n\n".join(["import numpy as np", *sources, ready, nothing]),
        "book": "",
        "book.sentence": sentence,
    }
    folder = workflow.ROOT / "book"
    names = {path.stem for path in folder.glob("*.py")}
    for name in sorted(names - {"__init__", "sentence"}):
        kit[f"book.{name}"] = nothing
    for package in ("animations", "experiments"):
        kit[f"book.{package}"] = nothing
        for path in sorted((folder / package).glob("*.py")):
            if path.stem != "__init__":
                kit[f"book.{package}.{path.stem}"] = nothing
    return kit
