"""Names that Python does not know: what is probably meant."""

import difflib
import inspect
import re
from collections.abc import Iterable

import numpy as np

from autograder.exercises.declaration import Exercise, docstring
from autograder.exercises.registry import discover


def listed(names: Iterable[object]) -> str:
    """Names for a sentence."""
    return ", ".join(map(str, names))


def unknown_name(exercise: Exercise, name: str, line: str) -> str:
    """What to say of a name that nothing has."""
    arguments = [item.name for item in exercise.shapes.arguments]
    here = exercise.shapes.names.get(name)
    if here not in (None, name):
        return f"Here it is called `{here}`."
    if name in arguments:
        return (
            f"`{name}` is an argument in the stub. Has your `def` another name for it?"
        )
    known = [*arguments, *re.findall(r"\w+", line)]
    if meant := [n for n in known if n != name and n.lower() == name.lower()]:
        return f"Is `{meant[0]}` meant? Python tells capital letters from small ones."
    if brought := brought_by(name):
        return brought
    if name in _attributes_of(exercise):
        return f"Is `self.{name}` meant?"
    if hasattr(np, name):
        return f"Is `np.{name}` meant?"
    if name in _sizes_of(exercise):
        arrays = any(item.sizes for item in exercise.shapes.arguments)
        how = "Read it off the shape of an array." if arrays else "Does it play a part?"
        return f"`{name}` is no argument of {exercise.name}. {how}"
    return (
        f"Python does not know `{name}`. Is it misspelt, or has the cell that defines "
        "it not been run yet?"
    )


IMPORTS = {"np": "import numpy as np", "torch": "import torch", "math": "import math"}
IMPORTS |= dict.fromkeys(("ready", "check", "agree"), "from autograder import {}")


def brought_by(name: str) -> str:
    """How a name of the chapters comes into a notebook or a file, if it is one."""
    if name in IMPORTS:
        return f"Put `{IMPORTS[name].format(name)}` above it, and run that, too."
    if name in discover():
        return (
            f"`{name}` is a function of the book: define it above, or bring it with "
            f'`{name} = ready("{name}")`.'
        )
    return ""


def _sizes_of(exercise: Exercise) -> set[str]:
    """The letters of sizes in the shape lines of all exercises."""
    lines = [exercise.shapes, *(each.shapes for each in discover().values())]
    letters = {letter for line in lines for letter in line.letters}
    return letters | {
        line.names[letter]
        for line in lines
        for letter in line.names
        if letter in letters
    }


def _attributes_of(exercise: Exercise) -> set[str]:
    """What a class has: its methods, and what its docstring names, such as W_q."""
    if not inspect.isclass(exercise.reference):
        return set()
    named = re.findall(r"\w+_\w+", docstring(exercise.reference))
    return {*vars(exercise.reference), *named}


def unknown_attribute(exercise: Exercise, message: str, line: str) -> str:
    """What to say of an attribute that something has not."""
    match = re.search(r"has no attribute '(\w+)'", message)
    wanted = match[1] if match else ""
    if "before Module.__init__() call" in message:
        return "`super().__init__()` has to be the first line of `__init__`."
    if f"'{exercise.name}' object" in message and match:
        return f"Does `__init__` say `self.{wanted} = ...`?"
    if "'dict' object" in message and match:
        known = re.search(rf"(\w+)\.{wanted}\b", line)
        read = f'{known[1] if known else "it"}["{wanted}"]'
        return f"A dict is read with square brackets: `{read}`."
    if "'tuple' object" in message:
        return f"This is a tuple of several things, not one array. {_unpack(exercise)}"
    if "Generator' object" in message:
        return "A generator has `standard_normal(...)`, for one, and no `randn`."
    if "'list' object" in message:
        return (
            "This is a list, not an array: `np.array(...)` makes one of it, if its "
            "parts have the same shape."
        )
    if wanted in discover() and wanted != exercise.name and "torch" not in line:
        return f"`{wanted}` is a function, and no method: `{wanted}(...)`."
    if wanted == "detach" and "ndarray" in message:
        return (
            "PyTorch wants a tensor here, and this is an array: `torch.as_tensor(...)`."
        )
    near = difflib.get_close_matches(wanted, dir(np), n=1, cutoff=0.85)
    if "NoneType" in message:
        return (
            "Something is None. Does a function before this line lack a `return`? What "
            "changes a list or a dict in place, such as `append` and `update`, gives "
            "nothing back."
        )
    if near and near[0] != wanted:
        return f"There is no `{wanted}`. Is `np.{near[0]}` meant?"
    if re.search(r"'(numpy\.)?(int|float)(64)?' object", message):
        return (
            "This is a single number, not an array. Are the arguments of a call in the "
            "wrong order?"
        )
    if "'Tensor' object" in message:
        return (
            f"A tensor of PyTorch has no `.{wanted}`. NumPy and PyTorch name many "
            "things differently: stay with one of the two."
        )
    if "ndarray" in message and hasattr(np, wanted):
        return f"Arrays have no `.{wanted}`; `np.{wanted}(...)` is a function."
    if "ndarray" in message:
        return f"There is no such name: arrays of NumPy have no `.{wanted}`."
    return (
        f"What stands before the dot has nothing of the name {wanted or 'asked for'}."
    )


def _unpack(exercise: Exercise) -> str:
    """Which functions of the book, used here, give several things, and how to take
    them.
    """
    known, code = discover(), getattr(exercise.reference, "__code__", None)
    given = {
        name: ", ".join(item.name for item in known[name].shapes.results)
        for name in (code.co_names if code else ())
        if name in known and len(known[name].shapes.results) > 1
    }
    if not given:
        return "Take them one by one: `first, second = ...`."
    told = ", and ".join(f"`{name}` gives {names}" for name, names in given.items())
    name, names = given.popitem()
    return f"{told}. Take them one by one: `{names} = {name}(...)`."
