"""What opening the gradebook loads and grading has no use for."""

import importlib.util
import sys
from functools import partial
from types import ModuleType


def spare_grammars():
    """Have jsonschema, which nbformat imports, load no grammars of addresses and times.

    They take a second of each command, and no notebook has one.
    """
    for grammar in ("rfc3987_syntax", "rfc3986_validator", "isoduration"):
        sys.modules.setdefault(grammar, None)


def spare_imports():
    """Leave out what opening nbgrader's gradebook loads and grading has no use for.

    It is most of the time that a small class takes.
    """
    if "nbgrader" in sys.modules:
        return
    spare_grammars()
    # nbgrader would load its extensions of the Jupyter server.
    sys.modules["nbgrader"] = _package_of_modules("nbgrader")
    # It would load how to check a notebook, to unzip, and to ask JupyterHub.
    before = set(sys.modules)
    if "nbformat" not in before:
        sys.modules["nbformat"] = _package_of_modules("nbformat")
    for name in {"setuptools", "setuptools.archive_util", "requests"} - before:
        sys.modules[name] = stand_in = ModuleType(name)
        stand_in.__getattr__ = partial(_function_of, name)
    stand_ins = set(sys.modules) - before
    importlib.import_module("nbgrader.utils")
    importlib.import_module("nbgrader.auth")
    for name in set(sys.modules) - before:  # the true ones can still be imported
        if {name, name.partition(".")[0]} & stand_ins:
            del sys.modules[name]


def _package_of_modules(name: str) -> ModuleType:
    """A package whose modules can be imported, its own code not run."""
    spec = importlib.util.find_spec(name)
    if spec is None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    spec.loader = None
    return importlib.util.module_from_spec(spec)


def _function_of(module: str, name: str):
    """A function whose module is imported when it is called."""
    return lambda *arguments, **options: getattr(importlib.import_module(module), name)(
        *arguments, **options
    )
