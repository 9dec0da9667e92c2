"""What a machine that grades lacks, and a learner's own may have.

A module of a cloud notebook, somebody who types, a GPU, a newer Python: none of this is
the learner's mistake. The statement that asks for it is passed over, and what it would
have defined is stood in for; the rest of the cell, and the other cells, go on.
"""

import dis
import re
import sys
from collections.abc import Callable
from types import CodeType, FunctionType
from typing import Any

from autograder.values.wire import CallError

GPU = re.compile(
    r"not compiled with CUDA|no NVIDIA (driver|GPU)|No CUDA GPUs|CUDA (error|driver)"
    r"|not linked with support for mps|MPS backend|not compiled with (XPU|HIP|ROCm)",
    re.IGNORECASE,
)
# The kind of ending, and by what an exception shows it.
SIGNS: dict[str, Callable[[CallError], bool]] = {
    "Module": lambda error: error.kind in ("ModuleNotFoundError", "ImportError"),
    "Keyboard": lambda error: (
        error.kind == "EOFError" and "reading a line" in error.message
    ),
    "Magic": lambda error: error.kind == "UsageError",
    "Device": lambda error: bool(GPU.search(error.message)),
}


def lacks(error: CallError) -> str | None:
    """The kind of ending where an exception tells of something that is not here."""
    return next((kind for kind, sign in SIGNS.items() if sign(error)), None)


# (the Python that brought it, what it is, how source or error show it)
_NEWER = (
    (
        (3, 12),
        "an f-string with quotes of its own kind inside its braces",
        r"""\b[rR]?[fF]("|')(?:(?!\1)[^\n])*\{(?:(?!\1)[^}\n])*\1[^\n]*\}""",
        "f-string",
    ),
    ((3, 12), "an f-string with a backslash inside its braces", "", "a backslash"),
    ((3, 12), "an f-string with a comment inside its braces", "", "include '#'"),
    ((3, 12), "parameters of a type", r"^[ \t]*(?:async )?(?:def|class) \w+\[", ""),
    ((3, 12), "a statement `type ... = ...`", r"^[ \t]*type \w+[^\n=]*=", ""),
    ((3, 14), "`except` with several types and no brackets", r"^[ \t]*except \w+,", ""),
    ((3, 14), "a t-string", r"\b[rR]?[tT][\"']", ""),
)


def newer_syntax(source: str, error: CallError) -> str | None:
    """What a cell has that a newer Python reads and this one does not, if it shows."""
    if error.kind != "SyntaxError":
        return None
    here = sys.version_info[:2]
    for since, what, pattern, words in _NEWER:
        shown = words in error.message and re.search(pattern, source, re.MULTILINE)
        if since > here and shown:
            return f"{what}, which came with Python {since[0]}.{since[1]}"
    return None


class StandIn(type):
    """The kind of what stands for something that is not here.

    A class of this kind can be asked for parts, be inherited from, be in an annotation
    or in `isinstance`, and decorate a function, which stays as it is. To compute with
    it raises the exception that told of the lack.
    """

    lack: Exception

    def __getattr__(cls, name: str) -> "StandIn":
        if name.startswith("__"):
            raise AttributeError(name)
        return stand_in(name, cls.lack)

    def __call__(cls, *arguments, **options) -> Any:
        match arguments:
            case (FunctionType() | type() as decorated,) if not options:
                return decorated
            case () if options:  # of a decorator
                return cls
        cls.fail()

    def __getitem__(cls, key: Any) -> "StandIn":
        return cls

    def fail(cls, *arguments: Any):
        """Raise the lack anew."""
        raise type(cls.lack)(*cls.lack.args)


OPERATIONS = (
    "add radd sub rsub mul rmul matmul rmatmul truediv rtruediv floordiv mod pow rpow "
    "neg lt le gt ge len iter next int float index enter setitem contains"
)
for _name in OPERATIONS.split():
    setattr(StandIn, f"__{_name}__", StandIn.fail)


def stand_in(name: str, lack: Exception) -> StandIn:
    """What stands for a name that cannot be had, and why it cannot."""
    return StandIn(name, (), {"lack": lack})


def names_stored(code: CodeType) -> list[str]:
    """The names that a statement defines in its cell."""
    stores = ("STORE_NAME", "STORE_GLOBAL")
    return [i.argval for i in dis.get_instructions(code) if i.opname in stores]
