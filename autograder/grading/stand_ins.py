"""Stand-ins for the book's own modules, for the cells of a submission."""

import inspect

from autograder.chapters.toc import ROOT, asked_before
from autograder.exercises.registry import discover
from autograder.exercises.source import source_of

NOTHING = """
def __getattr__(name):
    if name.startswith('__'):
        raise AttributeError(name)
    return lambda *a, **k: None
"""
# `given` are the functions of earlier chapters. A name of this chapter, or of a later
# one, stands for what the learner has written by the time of the call.
READY = """
def ready(function):
    import importlib
    import __main__

    if not isinstance(function, str):
        return function
    if function in globals():
        return globals()[function]
    if function in LAYERS:
        return getattr(importlib.import_module('autograder.' + function), function)

    def own(*arguments, **named):
        written = getattr(__main__, function, own)
        if written is own:
            raise LookupError(
                f'ready("{function}") gives nothing here: {function} is no function '
                'of an earlier chapter.'
            )
        return written(*arguments, **named)

    return getattr(__main__, function, own)
"""


def kit_for(chapter: str) -> dict[str, str]:
    """Stand-ins for the book's own modules, for the cells of one chapter.

    `check` and the animations do nothing; `ready("scores")` gives the function of
    an earlier chapter, and never one of this chapter's.
    """
    earlier = [discover()[name].reference for name in asked_before(chapter)]
    # PyTorch takes long to load: whoever asks for none of its layers does without.
    layers = {given.__name__: given for given in earlier if inspect.isclass(given)}
    functions = [source_of(given) for given in earlier if not inspect.isclass(given)]
    given = f"LAYERS = {list(layers)!r}"
    head = "import numpy as np"
    kit = {"autograder": "\n\n".join([head, *functions, given, READY, NOTHING])}
    for name, layer in layers.items():
        kit[f"autograder.{name}"] = f"import torch\n\n\n{source_of(layer)}\n"
    folder = ROOT / "book"
    kit["book"] = ""
    kit["book.sentence"] = (folder / "sentence.py").read_text(encoding="utf-8")
    names = {path.stem for path in folder.glob("*.py")}
    for name in sorted(names - {"__init__", "sentence"}):
        kit[f"book.{name}"] = NOTHING
    for package in ("animations", "experiments"):
        kit[f"book.{package}"] = NOTHING
        for path in sorted((folder / package).glob("*.py")):
            if path.stem != "__init__":
                kit[f"book.{package}.{path.stem}"] = NOTHING
    return kit
