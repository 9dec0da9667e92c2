"""The animations: one verb a step, given the learner's function.

    from book.animations import play_scores
    play_scores(scores)

A verb's module is imported when the verb is first asked for.
"""

from importlib import import_module
from pathlib import Path

_HOME = {
    "play_scores": "scores",
    "play_softmax": "softmax",
}

__all__ = sorted(_HOME)


def stepper_files():
    """The style and the script that a page of scenes needs once."""
    here = Path(__file__).parent
    return here / "stepper.css", here / "stepper.js"


def __getattr__(name):
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOME[name]}", __name__), name)


def __dir__():
    return __all__
