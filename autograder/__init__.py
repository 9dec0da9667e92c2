"""The judge. It knows no particular exercise.

What a learner imports is fetched when it is asked for, so that `import autograder`, and
a declaration that imports `autograder.exercise`, load little and change nothing.
"""

from importlib import import_module
from typing import Any

VERBS = {
    "agree": "notebook.verbs",
    "check": "notebook.verbs",
    "here": "chapters.workflow_map",
    "hint": "notebook.verbs",
    "is_reference": "notebook.verbs",
    "progress": "notebook.verbs",
    "ready": "notebook.verbs",
    "solution": "notebook.verbs",
}
__all__ = list(VERBS)


def __getattr__(name: str) -> Any:
    if name not in VERBS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from autograder.notebook.errors import explain_errors

    explain_errors()  # whoever takes a verb learns, and reads errors in plain words
    return getattr(import_module(f"{__name__}.{VERBS[name]}"), name)
