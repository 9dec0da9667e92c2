"""An exception is a message too: what it means here, and where limits end a call."""

import difflib
import inspect
import re

import numpy as np

from autograder.exercises.declaration import Exercise
from autograder.exercises.registry import discover
from autograder.exercises.shapes import SIZE_NAMES
from autograder.judge.cases import Case
from autograder.judge.diagnosis.wording import Diagnosis, advice, told
from autograder.values.endings import ENDINGS
from autograder.values.wire import CallError

SHAPES = re.compile(
    r"operands could not be broadcast|mismatch in its core dimension|not aligned"
    r"|shapes cannot be multiplied|must match the size|size mismatch"
    r"|do not match|does not broadcast|requested shape|cannot reshape"
    r"|invalid for input of size|Expected size for first two dimensions"
    r"|axes don't match|must have the same shape|shape mismatch|dimensions .* match"
)
NOTHING = (
    "Something is None. Does a function before this line lack a `return`? What changes "
    "a list or a dict in place, such as `append` and `update`, gives nothing back."
)
SIZES = {"n", "m", "h", "d_k", "d_v", "d_in", "d_out", "d_model", "vocab"}


def raised(exercise: Exercise, failed: list[Case]) -> Diagnosis | None:
    """An exception, the sandbox's end of a call, or no exception where one is due."""
    raising = [case for case in failed if case.actual.error]
    # An error where one is due says less than one where none is.
    raising.sort(key=lambda case: case.expected.error is not None)
    case = next(iter(raising), None)
    if case is None:
        if failed[0].expected.error:
            kind = failed[0].expected.error.kind
            if getattr(failed[0].actual.value, "type_name", None) == kind:
                return Diagnosis(
                    f"Your function returns a {kind}; it has to raise one.",
                    f"Write `raise {kind}(...)` in the place of `return`.",
                )
            return Diagnosis(
                rationale=f"In the case '{failed[0].name}' the answer is to raise "
                f"{kind}, but your function returned.",
                hint=f"Read the docstring again: when does it raise {kind}?",
            )
        return None
    error = case.actual.error
    if case.expected.error and error.kind not in ENDINGS:
        kind = case.expected.error.kind
        return Diagnosis(
            f"In the case '{case.name}' the answer is to raise {kind}, but your "
            f"function raised {error.kind}.",
            f"Write `raise {kind}(...)`, with a sentence for whoever called.",
        )
    if ending := ENDINGS.get(error.kind):
        said = f"{exercise.name} gave no answer: {error.message}"
        return Diagnosis(said, ending.hint)
    return Diagnosis(told(error), advice(error) or _error_hint(exercise, case, error))


def _error_hint(exercise: Exercise, case: Case, error: CallError) -> str:
    if "same dtype" in error.message or "scalar type" in error.message:
        return (
            "Tensors of two precisions meet. Torch makes float32, what comes from "
            "NumPy float64: `.float()` makes it float32, and "
            "`torch.zeros(..., dtype=X.dtype)` follows X."
        )
    if "inhomogeneous" in error.message:
        return "An array is made of parts of one shape. Print the shape of each part."
    if "Cannot interpret" in error.message and "data type" in error.message:
        if re.search(r"\b(sum|mean|max|min|std|var)\(", error.line or ""):
            return "What comes after the axis needs its name: `keepdims=True`."
        return "A shape is one tuple, with brackets of its own: `np.zeros((n, d))`."
    if "equal division" in error.message:
        return "`np.split` cuts along the first axis, unless told: `axis=-1`."
    if "axes don't match" in error.message and "transpose" in (error.line or ""):
        return (
            "NumPy's `transpose` takes the order of all axes, such as "
            "`transpose(1, 0, 2)`. `swapaxes(-1, -2)` exchanges two. Here "
            f"{_given(exercise, case)}."
        )
    if _lost_axis(error):
        return (
            "A matrix meets a number for each of its rows, and these lie along the "
            "columns. `keepdims=True` in `sum`, `mean` and so on makes them a column."
        )
    if SHAPES.search(error.message):
        return (
            f"The shapes do not fit each other. Here {_given(exercise, case)}. Write "
            "the shape of every factor beside it: which two sizes have to be equal?"
        )
    if error.kind in ("NameError", "UnboundLocalError"):
        return _name_hint(exercise, error)
    if error.kind == "AttributeError":
        return _attribute_hint(exercise, error)
    if error.kind == "KeyError":
        keys = [
            key for value in case.arguments if isinstance(value, dict) for key in value
        ]
        which = f" The dict has {', '.join(keys)}." if keys else ""
        return f"There is no such key.{which}"
    if error.kind == "AxisError":
        return "An axis that is not there. Count axes from the end: -1 is the last."
    if error.kind == "IndexError":
        return (
            "An index reaches past the end of an axis, or an array has fewer axes than "
            f"indices. Here {_given(exercise, case)}."
        )
    if error.kind == "TypeError":
        return _type_hint(exercise, error)
    if error.kind == "ModuleNotFoundError":
        return "The exercises need no other package than the page imports."
    if error.kind == "RecursionError":
        return f"Your {exercise.name} calls itself without an end."
    if error.kind == "AssertionError":
        return "An `assert` of your own does not hold here."
    if error.kind in ("SyntaxError", "IndentationError"):
        return "Python cannot read the cell: look at the line before it, too."
    if "truth value of an array" in error.message:
        return (
            "Python's own `max`, `min`, `if` and `sum` do not know rows. NumPy's do: "
            "`X.max(axis=-1, keepdims=True)`."
        )
    if "sub-type of ndarray" in error.message:
        return "NumPy's `view` is not PyTorch's. Use `reshape`."
    return f"It is raised on right arguments: here {_given(exercise, case)}."


def _lost_axis(error: CallError) -> bool:
    """True where a matrix meets a vector with a number for each of its rows."""
    shapes = re.findall(r"\(([\d,]+)\)", error.message)
    if "operands could not be broadcast" not in error.message or len(shapes) != 2:
        return False
    longer, shorter = sorted((s.strip(",").split(",") for s in shapes), key=len)[::-1]
    return len(longer) == len(shorter) + 1 and longer[:-1] == shorter


def _given(exercise: Exercise, case: Case) -> str:
    """The arguments of a case, as a reader needs them: shapes, and small numbers."""
    described = []
    for item, value in zip(exercise.shapes.arguments, case.arguments, strict=False):
        if isinstance(value, np.ndarray):
            described.append(f"{item} is {value.shape}")
        elif isinstance(value, dict):
            shapes = ", ".join(f"{k} {np.shape(v)}" for k, v in list(value.items())[:2])
            described.append(f"{item.name} holds {shapes} and so on")
        elif isinstance(value, int):
            described.append(f"{item.name} is {value}")
    return ", ".join(described)


def _name_hint(exercise: Exercise, error: CallError) -> str:
    match = re.search(r"'(\w+)'", error.message)
    name = match[1] if match else ""
    if error.kind == "UnboundLocalError":
        return f"`{name}` is used before your function has given it a value."
    arguments = [item.name for item in exercise.shapes.arguments]
    if here := [a for a in arguments if SIZE_NAMES.get(a) == name]:
        return f"Here it is called `{here[0]}`."
    known = [*arguments, *re.findall(r"\w+", error.line or "")]
    if meant := [n for n in known if n != name and n.lower() == name.lower()]:
        return f"Is `{meant[0]}` meant? Python tells capital letters from small ones."
    if name == "np":
        return "Put `import numpy as np` into a cell above, and run it."
    if name in _attributes_of(exercise):
        return f"Is `self.{name}` meant?"
    if hasattr(np, name):
        return f"Is `np.{name}` meant?"
    if name in SIZES:
        arrays = [i for i in exercise.shapes.arguments if i.sizes or i.name == "params"]
        how = "Read it off the shape of an array." if arrays else "Does it play a part?"
        return f"`{name}` is no argument of {exercise.name}. {how}"
    return (
        f"Python does not know `{name}`. Is it misspelt, or has the cell that defines "
        "it not been run yet?"
    )


def _attributes_of(exercise: Exercise) -> set[str]:
    """What a class has: its methods, and what its docstring names, such as W_q."""
    if not inspect.isclass(exercise.reference):
        return set()
    named = re.findall(r"\w+_\w+", inspect.getdoc(exercise.reference))
    return {*vars(exercise.reference), *named}


def _type_hint(exercise: Exercise, error: CallError) -> str:
    if "for ^" in error.message:
        return "`^` is no power in Python: write `x ** 2`."
    called = re.match(
        r"(?:.*\.)?(\S+?)\(\) (?:takes|missing|got|received)", error.message
    )
    if called and called[1] == exercise.name and inspect.isclass(exercise.reference):
        return f"A class is wanted: `class {exercise.name}(torch.nn.Module):`."
    if called and called[1] in (exercise.name, "<lambda>"):
        names = ", ".join(item.name for item in exercise.shapes.arguments)
        return (
            f"{exercise.name} is called with ({names}). Keep these arguments, in "
            "this order."
        )
    method = getattr(exercise.reference, called[1], None) if called else None
    if inspect.isfunction(method):
        return f"Keep `def {called[1]}{inspect.signature(method)}:`, as in the stub."
    if called and called[1] == "view":
        return "NumPy's `view` is not PyTorch's. Use `reshape`."
    if called and called[1] == "transpose":
        if "takes from" in error.message:
            return "`np.transpose` takes the order of the axes as one tuple."
        return (
            "In PyTorch `transpose` exchanges two axes: `transpose(0, 1)`. What takes "
            "the order of all axes is called `permute`."
        )
    if called and "'keepdim'" in error.message:
        return "It is `keepdims` in NumPy, and `keepdim` in PyTorch."
    if called and "'dim'" in error.message:
        return "NumPy calls it `axis`, PyTorch `dim`."
    if called and called[1] in discover():
        takes = ", ".join(i.name for i in discover()[called[1]].shapes.arguments)
        star = f" If one tuple holds them all, it takes a star: `{called[1]}(*them)`."
        return (
            f"`{called[1]}` takes {takes}.{star if 'missing' in error.message else ''}"
        )
    if called:
        return f"`{called[1]}` does not take these arguments: look up what it takes."
    if "not callable" in error.message:
        return (
            "Round brackets call a function, and this is none. `K.T` takes no "
            "brackets; square ones look something up."
        )
    if "converted to Python scalars" in error.message or "size-1" in error.message:
        return (
            "Python's `math` and `float` take one number. `np.exp`, `np.sqrt` and so "
            "on take an array."
        )
    if "as an integer" in error.message:
        return "A size has to be a whole number: `//` gives one, `/` does not."
    if re.search(r"must be Tensor, not (int|float)", error.message):
        return "Torch's functions take tensors, and this is a number: `x ** 0.5`."
    if "has no len()" in error.message:
        return "A single number has no length: a size is a number already."
    if "must be Tensor" in error.message:
        return (
            "The arguments are NumPy arrays. Make tensors of them first, "
            "`torch.as_tensor(...)`, or use NumPy's own functions."
        )
    if "NoneType" in error.message:
        return NOTHING
    return "Two things of different kinds meet here. Print `type(...)` of each."


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


def _attribute_hint(exercise: Exercise, error: CallError) -> str:
    match = re.search(r"has no attribute '(\w+)'", error.message)
    if "before Module.__init__() call" in error.message:
        return "`super().__init__()` has to be the first line of `__init__`."
    if f"'{exercise.name}' object" in error.message and match:
        return f"Does `__init__` say `self.{match[1]} = ...`?"
    if "'dict' object" in error.message and match:
        return f'A dict is read with square brackets: `params["{match[1]}"]`.'
    if "'tuple' object" in error.message:
        return f"This is a tuple of several things, not one array. {_unpack(exercise)}"
    if "Generator' object" in error.message:
        return "A generator has `standard_normal(...)`, for one, and no `randn`."
    if "'list' object" in error.message:
        return (
            "This is a list, not an array: `np.array(...)` makes one of it, if its "
            "parts have the same shape."
        )
    named = match and match[1] in discover() and match[1] != exercise.name
    if named and "torch" not in (error.line or ""):
        return f"`{match[1]}` is a function, and no method: `{match[1]}(...)`."
    if match and match[1] == "detach" and "ndarray" in error.message:
        return (
            "PyTorch wants a tensor here, and this is an array: `torch.as_tensor(...)`."
        )
    near = (
        difflib.get_close_matches(match[1], dir(np), n=1, cutoff=0.85) if match else []
    )
    if "NoneType" in error.message:
        return NOTHING
    if near and near[0] != match[1]:
        return f"There is no `{match[1]}`. Is `np.{near[0]}` meant?"
    if re.search(r"'(numpy\.)?(int|float)(64)?' object", error.message):
        return (
            "This is a single number, not an array. Are the arguments of a call in the "
            "wrong order?"
        )
    if match and hasattr(np, match[1]):
        return f"Arrays have no `.{match[1]}`; `np.{match[1]}(...)` is a function."
    return "There is no such name. Is it misspelt?"
