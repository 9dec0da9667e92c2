"""What is wrong with a wrong answer: one message, the most useful one.

First the declared mistakes: an answer that behaves like one of them on every case
carries its name and its hint. Then the relation of the answer to the right one:
its shape, its axes, a factor, a permutation, the cases that it gets wrong.
"""

import difflib
import inspect
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import permutations
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from autograder.compare import as_numeric, close, same, shape_of
from autograder.exercise import Exercise, discover
from autograder.judge import (
    UNLIKE,
    UNUSED,
    Case,
    agrees,
    changed_arguments,
    failed_properties,
    run,
    same_form,
    try_case,
)
from autograder.shapes import SIZE_NAMES
from autograder.wire import CallError, Opaque, Outcome, call_in_process

CHANGED_ARGUMENTS = "changed_its_arguments"


@dataclass(frozen=True)
class Diagnosis:
    """What came and what was expected; what probably causes it; a mistake's name."""

    rationale: str
    hint: str
    mistake: str | None = None


@dataclass(frozen=True)
class Part:
    """One array of the result, in one case, with the sizes that have names."""

    name: str
    letters: tuple[str, ...] | None
    sizes: dict[str, int]
    expected: np.ndarray
    actual: np.ndarray
    case: Case
    argument_names: tuple[str, ...]

    @property
    def label(self) -> str:
        """How a message calls it: `S`, or `the result` where it has no name."""
        return self.name or "the result"


def diagnose(exercise: Exercise, cases: list[Case]) -> Diagnosis:
    """Explain a wrong answer. `cases` are all cases, at least one of them failed."""
    failed = [case for case in cases if not case.passed]
    failed.sort(key=partial(hard_to_read, exercise))
    return (
        _changed_arguments(failed)
        or _declared(exercise, cases, failed)
        or _raised(exercise, failed)
        or _not_numbers(exercise, failed)
        or _dict_items(exercise, failed)
        or _wrong_count(exercise, failed)
        or _wrong_order(exercise, failed)
        or _no_array(exercise, failed)
        or _related(exercise, cases, failed)
    )


def hard_to_read(exercise: Exercise, case: Case) -> tuple[bool, bool, int, int]:
    """How hard it is to see in a case what is wrong: the smaller, the easier.

    An error shows no numbers. Axes of length 1, or of one length, hide what happens to
    them. Huge numbers drown the others. So an ordinary case comes first; then the one
    with the fewest digits before the point, and the fewest numbers.
    """
    given = [*_arrays(case.arguments), *_arrays(case.expected.value)]
    sizes = [
        size
        for letter, size in _sizes(exercise, case).items()
        if letter not in SIZE_NAMES  # another name of a size that has a letter
    ]
    blurred = 1 in sizes or len(set(sizes)) < len(sizes)
    largest = max((float(np.abs(a).max(initial=0)) for a in given), default=0)
    digits = len(str(int(largest))) if np.isfinite(largest) else np.inf
    count = sum(array.size for array in [*given, *_arrays(case.actual.value)])
    return bool(case.actual.error or case.expected.error), blurred, digits, count


def _arrays(value: Any) -> Iterator[np.ndarray]:
    """The arrays of a value, those in its tuples and dicts too."""
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, tuple | dict):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _arrays(item)


# --- declared mistakes --------------------------------------------------------


def matching(exercise: Exercise, cases: list[Case]) -> Iterator[Callable]:
    """The declared mistakes that behave like the answer on every case."""
    alike = _behaves_like if exercise.compared else _looks_like
    found = (m for m in exercise.mistakes if alike(exercise, m, cases))
    raised = next((case for case in cases if case.actual.error), None)
    if raised is None or not exercise.compared:
        return found
    return iter(_raised_alike(exercise, list(found), raised))


def _raised_alike(
    exercise: Exercise, mistakes: list[Callable], case: Case
) -> list[Callable]:
    """Of mistakes that raise the same error, the one that raises it at the same place.

    The place is known by what its line names of a dict, such as W_o in params. None is
    found where the learner's line names nothing that tells them apart.
    """
    if len(mistakes) < 2:
        return mistakes
    line = _named_in(exercise, case.actual.error.line, case.arguments)
    shared = {}
    for mistake in mistakes:
        names = names_of(exercise, mistake, case.arguments)
        shared[mistake] = len(names & line), -len(names - line)
    best = max(shared.values())
    closest = [mistake for mistake in mistakes if shared[mistake] == best]
    return closest if best[0] and len(closest) == 1 else []


def names_of(exercise: Exercise, mistake: Callable, arguments: tuple) -> set[str]:
    """What of a dict the line names in which a mistake raises."""
    if recorded := getattr(mistake, "names", None):  # by a key
        return set(recorded(arguments) or ())
    error = call_in_process(exercise.driven(mistake))(arguments).error
    return _named_in(exercise, error.line, arguments) if error else set()


def _named_in(exercise: Exercise, line: str | None, arguments: tuple) -> set[str]:
    """The dicts among the arguments that a line names, and their keys."""
    items = zip(exercise.shapes.arguments, arguments, strict=False)
    dicts = [(item.name, value) for item, value in items if isinstance(value, dict)]
    known = {name for dict_name, value in dicts for name in (dict_name, *value)}
    return known & set(re.findall(r"\w+", line or ""))


def _declared(
    exercise: Exercise, cases: list[Case], failed: list[Case]
) -> Diagnosis | None:
    mistake, besides = next(matching(exercise, cases), None), ""
    if mistake is None:
        # The same mistake in a version that overflows besides.
        finite = [case for case in cases if _finite(case.actual.value)]
        if all(case.passed for case in finite):
            return None
        mistake, besides = next(matching(exercise, finite), None), OVERFLOW
    if mistake is None:
        return None
    return Diagnosis(
        rationale=f"{_failing(cases)} {_came(exercise, failed)}".strip(),
        hint=inspect.getdoc(mistake) + besides,
        mistake=mistake.__name__,
    )


OVERFLOW = "\nBesides, large numbers give inf or nan: does something overflow?"


def _finite(value: Any) -> bool:
    """True where no number in a result, or in a part of it, is inf or nan."""
    if isinstance(value, tuple | dict):
        return all(map(_finite, value.values() if isinstance(value, dict) else value))
    return shape_of(value) is None or bool(np.isfinite(as_numeric(value)).all())


def _looks_like(exercise: Exercise, mistake: Callable, cases: list[Case]) -> bool:
    """Random answers: true where the same things are wrong with both in every case."""
    return all(
        _symptoms(exercise, case) == symptoms_of(exercise, mistake, case)
        for case in cases
    )


def symptoms_of(exercise: Exercise, mistake: Callable, case: Case) -> tuple:
    """What can be said of a mistake's random answer in a case: see `_symptoms`."""
    if recorded := getattr(mistake, "symptoms", None):  # by a key
        return recorded(case.arguments)

    def work_out():
        call = call_in_process(exercise.driven(mistake))
        tried = try_case(exercise, call, case.name, case.arguments, case.expected)
        return _symptoms(exercise, tried)

    return _kept(case, mistake, work_out)


def _symptoms(exercise: Exercise, case: Case) -> tuple:
    """What can be said of a random answer: its error, its shapes, what it lacks."""
    if case.actual.error:
        return (case.actual.error.kind,)
    value = case.actual.value
    items = value if isinstance(value, dict) else {"": value}
    shapes = {key: shape_of(item) for key, item in items.items()}
    return type(value).__name__, shapes, failed_properties(exercise, case)


def _behaves_like(exercise: Exercise, mistake: Callable, cases: list[Case]) -> bool:
    """True where the learner's outcome is the mistake's on every case.

    A mistake may raise where sizes differ, and the learner's version of it may
    raise in other words. That counts as the same, unless it is all there is.
    """
    values = 0
    same_words = True
    for case in cases:
        outcome = _outcome_of(exercise, mistake, case)
        if outcome.error:
            if not case.actual.error or case.actual.error.kind in LIMITS:
                return False
            same_words = same_words and _words(outcome.error) == _words(
                case.actual.error
            )
        elif not agrees(case.actual, outcome):
            return False
        else:
            values += 1
    return values > 0 or same_words


def _outcome_of(exercise: Exercise, mistake: Callable, case: Case) -> Outcome:
    def work_out():
        call = call_in_process(exercise.driven(mistake))
        with np.errstate(all="ignore"):
            return run(call, case.arguments, like=case.expected.value)

    return _kept(case, mistake, work_out)


# What mistakes make of a case, by what is expected of it: a whole class shares that.
_made: WeakKeyDictionary[Outcome, dict[Callable, Any]] = WeakKeyDictionary()


def _kept(case: Case, mistake: Callable, work_out: Callable[[], Any]) -> Any:
    """What a mistake makes of a case: worked out once, for as long as it is drawn."""
    made = _made.setdefault(case.expected, {})
    if mistake not in made:
        made[mistake] = work_out()
    return made[mistake]


def _words(error: CallError) -> tuple[str, str]:
    return error.kind, error.message


def _changed_arguments(failed: list[Case]) -> Diagnosis | None:
    """Arguments changed in place, where nothing else is wrong."""
    changed = [case for case in failed if changed_arguments(case)]
    if len(changed) < len(failed) or not all(
        agrees(case.actual, case.expected) for case in failed
    ):
        return None
    return Diagnosis(
        rationale="The values are right, but the call changed its own arguments.",
        hint="Whoever called your function still needs those arrays. Make a new "
        "array instead: `A = A + B` makes one; `A += B` and `A[...] = B` do not.",
        mistake=CHANGED_ARGUMENTS,
    )


# --- exceptions and limits ----------------------------------------------------

# Kinds of CallError that no learner's code raises: the sandbox stopped it.
LIMITS = {
    "Timeout",
    "CpuTime",
    "Memory",
    "Killed",
    "TooLarge",
    "Output",
    "FileSize",
    "Processes",
    "Crashed",
}
SHAPES = re.compile(
    r"operands could not be broadcast|mismatch in its core dimension|not aligned"
    r"|shapes cannot be multiplied|must match the size|size mismatch"
    r"|do not match|does not broadcast|requested shape|cannot reshape"
    r"|invalid for input of size|Expected size for first two dimensions"
    r"|axes don't match|must have the same shape|shape mismatch|dimensions .* match"
    r"|inhomogeneous"
)


def _raised(exercise: Exercise, failed: list[Case]) -> Diagnosis | None:
    case = next((case for case in failed if case.actual.error), None)
    if case is None:
        if failed[0].expected.error:
            kind = failed[0].expected.error.kind
            return Diagnosis(
                rationale=f"In the case '{failed[0].name}' the answer is to raise "
                f"{kind}, but your function returned.",
                hint=f"Read the docstring again: when does it raise {kind}?",
            )
        return None
    error = case.actual.error
    if case.expected.error and error.kind not in LIMITS:
        kind = case.expected.error.kind
        return Diagnosis(
            f"In the case '{case.name}' the answer is to raise {kind}, but your "
            f"function raised {error.kind}.",
            f"Write `raise {kind}(...)`, with a sentence for whoever called.",
        )
    if error.kind in LIMITS:
        return Diagnosis(
            f"{exercise.name} gave no answer: {error.message}", _limit_hint(error)
        )
    return Diagnosis(_told(error), _error_hint(exercise, case, error))


def _told(error: CallError) -> str:
    """An error with the learner's own line."""
    where = f" in your line `{error.line}`" if error.line else ""
    told = f": {error.message}" if error.message else ""
    return f"{error.kind}{where}{told}"


def _limit_hint(error: CallError) -> str:
    if error.kind in ("Timeout", "CpuTime"):
        return "Is there a loop that does not end, or a call that waits?"
    if error.kind in ("Memory", "TooLarge"):
        return "Does an array grow in a loop, or broadcast to a size not meant?"
    return "Run the cell in JupyterLab, in a fresh kernel, and see what happens there."


def _error_hint(exercise: Exercise, case: Case, error: CallError) -> str:
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


SIZES = {"n", "m", "h", "d_k", "d_v", "d_in", "d_out", "d_model", "vocab"}


def _name_hint(exercise: Exercise, error: CallError) -> str:
    match = re.search(r"'(\w+)'", error.message)
    name = match[1] if match else ""
    near = difflib.get_close_matches(
        name, [item.name for item in exercise.shapes.arguments], n=1, cutoff=0.3
    )
    if error.kind == "UnboundLocalError":
        return f"`{name}` is used before your function has given it a value."
    known = [*near, *re.findall(r"\w+", error.line or "")]
    if meant := [n for n in known if n != name and n.lower() == name.lower()]:
        return f"Is `{meant[0]}` meant? Python tells capital letters from small ones."
    if hasattr(np, name):
        return f"Is `np.{name}` meant?"
    if name in SIZES:
        return (
            f"`{name}` is no argument of {exercise.name}. Read it off the shape of an "
            "array."
        )
    return (
        f"Python does not know `{name}`. Is it misspelt, or has the cell that defines "
        "it not been run yet?"
    )


def _type_hint(exercise: Exercise, error: CallError) -> str:
    called = re.match(
        r"(?:.*\.)?(\S+?)\(\) (?:takes|missing|got|received)", error.message
    )
    if called and called[1] in (exercise.name, "<lambda>"):
        names = ", ".join(item.name for item in exercise.shapes.arguments)
        return (
            f"{exercise.name} is called with ({names}). Keep these arguments, in "
            "this order."
        )
    if called and called[1] == "view":
        return "NumPy's `view` is not PyTorch's. Use `reshape`."
    if called and called[1] == "transpose":
        if "takes from" in error.message:
            return "`np.transpose` takes the order of the axes as one tuple."
        return (
            "In PyTorch `transpose` exchanges two axes: `transpose(0, 1)`. What takes "
            "the order of all axes is called `permute`."
        )
    if called:
        return f"`{called[1]}` does not take these arguments: look up what it takes."
    if "not callable" in error.message:
        return "Round brackets call a function; square brackets look something up."
    if "as an integer" in error.message:
        return "A size has to be a whole number: `//` gives one, `/` does not."
    if "must be Tensor" in error.message:
        return (
            "The arguments are NumPy arrays. Make tensors of them first, "
            "`torch.as_tensor(...)`, or use NumPy's own functions."
        )
    if "NoneType" in error.message:
        return "Something is None: does a function before this line lack a `return`?"
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
    if "'dict' object" in error.message and match:
        return f'A dict is read with square brackets: `params["{match[1]}"]`.'
    if "'tuple' object" in error.message:
        return f"This is a tuple of several things, not one array. {_unpack(exercise)}"
    if "'list' object" in error.message:
        return (
            "This is a list, not an array: `np.array(...)` makes one of it, if its "
            "parts have the same shape."
        )
    near = (
        difflib.get_close_matches(match[1], dir(np), n=1, cutoff=0.85) if match else []
    )
    if "NoneType" in error.message:
        return "Something is None: does a function before this line lack a `return`?"
    if near and near[0] != match[1]:
        return f"There is no `{match[1]}`. Is `np.{near[0]}` meant?"
    if match and hasattr(np, match[1]):
        return f"Arrays have no `.{match[1]}`; `np.{match[1]}(...)` is a function."
    return "There is no such name. Is it misspelt?"


# --- results that are no numbers, and results of several parts ----------------


def _not_numbers(exercise: Exercise, failed: list[Case]) -> Diagnosis | None:
    actual, expected = failed[0].actual.value, failed[0].expected.value
    if actual is None and expected is not None:
        return Diagnosis(
            f"{exercise.name} returned None.",
            "Does the function end without `return`? `print(A)` only shows a value, "
            "and a last line such as `A` gives nothing back: write `return A`.",
        )
    if actual is Ellipsis or isinstance(actual, Opaque | str):
        kind = actual.type_name if isinstance(actual, Opaque) else type(actual).__name__
        return Diagnosis(
            f"{exercise.name} returned something of type {kind}; expected "
            f"{_promise(exercise)}.",
            "Return an array of numbers: `np.array(...)` makes one of a list.",
        )
    return None


def _wrong_count(exercise: Exercise, failed: list[Case]) -> Diagnosis | None:
    actual, expected = failed[0].actual.value, failed[0].expected.value
    came = len(actual) if isinstance(actual, tuple | list) else 1
    wanted = len(expected) if isinstance(expected, tuple) else 1
    if came == wanted or isinstance(actual, list):
        return None
    kind = "a dict" if isinstance(actual, dict) else _count(came, "result")
    return Diagnosis(
        f"{exercise.name} returned {kind}; expected {_count(wanted, 'result')}: "
        f"{_promise(exercise)}.",
        f"End with `return {', '.join(i.name for i in exercise.shapes.results)}`.",
    )


def _wrong_order(exercise: Exercise, failed: list[Case]) -> Diagnosis | None:
    """The right results, returned in another order."""
    results = exercise.shapes.results
    if any(not isinstance(case.actual.value, tuple) for case in failed):
        return None
    for order in permutations(results):
        came = [results.index(item) for item in order]
        if all(
            same(case.actual.value, tuple(case.expected.value[i] for i in came))
            for case in failed
        ):
            names = [item.name for item in results]
            return Diagnosis(
                "All results are right, in the wrong order: "
                f"{', '.join(item.name for item in order)}.",
                f"End with `return {', '.join(names)}`.",
            )
    return None


def _no_array(exercise: Exercise, failed: list[Case]) -> Diagnosis | None:
    """A result, or a part of one, that is no array."""
    case = failed[0]
    for name, part, right in _items(exercise, case.actual.value, case.expected.value):
        if shape_of(part) is None:
            what = f"{name} is" if name else f"{exercise.name} returned"
            wanted = f"an array of shape {np.shape(right)}" if name else None
            return Diagnosis(
                f"{what} {_kind(part)}; expected {wanted or _promise(exercise)}.",
                "Its parts differ in shape, so they make no array: print the shape "
                "of each."
                if isinstance(part, list | tuple)
                else "An array of numbers is asked for.",
            )
    return None


def _items(exercise: Exercise, actual: Any, expected: Any) -> Iterator[tuple]:
    """Each part of a result that ought to be numbers: its name, itself, the right."""
    if isinstance(expected, tuple):
        names = [item.name for item in exercise.shapes.results]
        yield from zip(names, actual, expected, strict=True)
    elif isinstance(expected, dict):
        yield from ((key, actual.get(key), value) for key, value in expected.items())
    else:
        yield "", actual, expected


def _kind(value: Any) -> str:
    """What something is, in words."""
    if value is None:
        return "None"
    if isinstance(value, Opaque):
        return f"something of type {value.type_name}"
    if isinstance(value, np.ndarray):
        return "an array"
    if isinstance(value, list | tuple):
        return f"a {type(value).__name__} of {len(value)} parts that are no array"
    return f"a {type(value).__name__}"


def _dict_items(exercise: Exercise, failed: list[Case]) -> Diagnosis | None:
    actual, expected = failed[0].actual.value, failed[0].expected.value
    if not isinstance(expected, dict):
        return None
    if not isinstance(actual, dict):
        return Diagnosis(
            f"{exercise.name} returned {_kind(actual)}; expected a dict with the keys "
            f"{', '.join(expected)}.",
            "Collect the arrays in a dict and return it.",
        )
    missing = [key for key in expected if key not in actual]
    extra = [str(key) for key in actual if key not in expected]
    if missing or extra:
        return Diagnosis(
            f"The dict has {'no ' + ', '.join(missing) if missing else ''}"
            f"{' and ' if missing and extra else ''}"
            f"{'a key too many: ' + ', '.join(extra) if extra else ''}.",
            f"Expected are exactly the keys {', '.join(expected)}.",
        )
    return None


# --- the relation of a wrong array to the right one ---------------------------


def _related(exercise: Exercise, cases: list[Case], failed: list[Case]) -> Diagnosis:
    wrong_parts = [_wrong_part(exercise, case) for case in failed]
    wrong_parts = [part for part in wrong_parts if part is not None]
    lacking = _lacking(exercise, failed)
    if not wrong_parts:
        return Diagnosis(
            lacking
            or f"{_failing(cases)} The result is not as promised: "
            f"{_promise(exercise)}.",
            DRAWING
            if lacking in (UNUSED, UNLIKE)
            else "Print the result for a small example and compare it with the "
            "docstring.",
        )
    # What is finite says more than inf and nan, which hide what they were.
    wrong_parts = [p for p in wrong_parts if _finite(p.actual)] or wrong_parts
    first = wrong_parts[0]
    parts = [part for part in wrong_parts if part.name == first.name]
    preface = _preface(exercise, first.case, first)
    if len(failed) < len(cases):
        preface = f"{_failing(cases)} {preface}"
    for relation in RELATIONS:
        found = relation(parts)
        if found:
            return Diagnosis(f"{preface}{found.rationale}", found.hint)
    if lacking:
        return Diagnosis(
            f"{preface}{lacking}", "Which step makes that true? Is it there?"
        )
    if 2 * len(failed) <= len(cases):
        return _some_cases(preface, first)
    return Diagnosis(
        f"{preface}{_difference(first)}",
        "Take a small example and work out this one number by hand: from which "
        "row, which column?"
        if first.expected.ndim
        else "Work it out by hand for a small example.",
    )


DRAWING = (
    "So the numbers do not all come from `rng`. Draw each of them with a method of it, "
    "such as `rng.standard_normal(...)`, not with `np.random`."
)


def _lacking(exercise: Exercise, failed: list[Case]) -> str:
    """The first property that is lacking wherever the answer is wrong."""
    lacking = [failed_properties(exercise, case) for case in failed]
    common = [words for words in lacking[0] if all(words in other for other in lacking)]
    if not exercise.compared and not common:
        common = next(filter(None, lacking), [])  # wrong in several ways: the first
    return common[0] if common else ""


def _wrong_part(exercise: Exercise, case: Case) -> Part | None:
    """The array of the result that is wrong: of wrong shape rather than value."""
    alike = same if exercise.compared else same_form
    wrong = [
        Part(
            *(name, letters, _sizes(exercise, case)),
            *(as_numeric(expected), as_numeric(actual), case),
            tuple(item.name for item in exercise.shapes.arguments),
        )
        for name, letters, actual, expected in _parts(exercise, case)
        if shape_of(actual) is not None and not alike(actual, expected)
    ]
    misshapen = (p for p in wrong if p.actual.shape != p.expected.shape)
    return next(misshapen, wrong[0] if wrong else None)


def _sizes(exercise: Exercise, case: Case) -> dict[str, int]:
    """Every size of the book that this case fixes, by its letter."""
    try:
        return exercise.shapes.bind(case.arguments, case.expected.value)
    except ValueError:
        return {}


def _parts(exercise: Exercise, case: Case) -> Iterator[tuple]:
    """Name, size letters, actual and expected of each array of the result."""
    actual, expected = case.actual.value, case.expected.value
    letters = {item.name: item.sizes for item in exercise.shapes.results}
    if isinstance(expected, dict) and not isinstance(actual, dict):
        return
    if isinstance(expected, tuple) and (
        not isinstance(actual, tuple) or len(actual) != len(expected)
    ):
        return
    for name, came, right in _items(exercise, actual, expected):
        name = name or exercise.shapes.results[0].name
        yield name, letters.get(name), came, right


def _preface(exercise: Exercise, case: Case, wrong: Part) -> str:
    """With several results, say which are right."""
    if not isinstance(case.expected.value, tuple):
        return ""
    right = [n for n, _, a, e in _parts(exercise, case) if same(a, e)]
    if not right:
        return ""
    are = "is" if len(right) == 1 else "are"
    return f"{' and '.join(right)} {are} right; {wrong.name} is not. "


def _wrong_shape(parts: list[Part]) -> Diagnosis | None:
    part = next((p for p in parts if p.actual.shape != p.expected.shape), None)
    if part is None:
        return None
    promised = f"({', '.join(part.letters)}) = " if part.letters else ""
    shape = part.actual.shape
    came = f"has shape {shape}" if shape else "is a single number"
    rationale = f"{part.label} {came}; expected {promised}{part.expected.shape}."
    return Diagnosis(rationale, _fixed_size(parts) or _shape_hint(part))


def _fixed_size(parts: list[Part]) -> str:
    """An axis that has one length in all cases, where different ones are expected."""
    first = parts[0]
    if not first.letters or any(p.actual.ndim != len(first.letters) for p in parts):
        return ""
    for axis, letter in enumerate(first.letters):
        came = {part.actual.shape[axis] for part in parts}
        wanted = {part.expected.shape[axis] for part in parts}
        if len(came) == 1 < len(wanted) and came != {1}:
            known = {size: argument for argument, size in SIZE_NAMES.items()}
            says = known.get(letter, letter)
            where = f"`{says}` says" if says in first.argument_names else "is given"
            return f"You have {came.pop()} along {letter}, whatever {where}."
    return ""


def _shape_hint(part: Part) -> str:
    actual, expected = part.actual.shape, part.expected.shape
    if actual == expected[::-1]:
        return "It lies on its side: rows and columns have changed places."
    if sorted(actual) == sorted(expected):
        return "The axes are all there, in the wrong order."
    if [s for s in actual if s != 1] == [s for s in expected if s != 1]:
        return "There is an axis of length 1 too many or too few (`keepdims`?)."
    names = {size: letter for letter, size in part.sizes.items()}
    named = ", ".join(names.get(size, str(size)) for size in actual)
    if np.prod(actual) == np.prod(expected):
        if len(actual) <= len(expected):
            return "As many numbers as expected, cut into another shape."
        return (
            f"Yours reads as ({named}): as many numbers as expected, on "
            f"{len(actual)} axes instead of {len(expected)}. Which two of them are to "
            "be one, side by side?"
        )
    if len(actual) < len(expected):
        gone = [
            letter
            for letter, size in zip(part.letters or (), expected, strict=False)
            if size not in actual
        ]
        if len(gone) > 1:
            return (
                f"The axes {', '.join(gone)} are missing: summed away, or never made."
            )
        which = f"The axis {gone[0]}" if gone else "An axis"
        return f"{which} is missing: summed away, or never made."
    return f"Yours reads as ({named}). Which product or sum gives the right axes?"


def _an_argument(parts: list[Part]) -> Diagnosis | None:
    """An argument came back as it was."""
    name = _common(
        [name for name, value in _arguments(part).items() if same(part.actual, value)]
        for part in parts
    )
    if name is None:
        return None
    return Diagnosis(
        f"{parts[0].label} is {name} itself, unchanged.",
        "Is what your lines compute also what the function returns?",
    )


def _arguments(part: Part) -> dict[str, np.ndarray]:
    """The arrays among the arguments by name, those inside a dict too."""
    found = {}
    for name, value in zip(part.argument_names, part.case.arguments, strict=False):
        items = value.items() if isinstance(value, dict) else [(name, value)]
        found.update((k, v) for k, v in items if isinstance(v, np.ndarray))
    return found


def _common(lists: Iterable[list]) -> Any:
    """The first entry that all lists have, or None."""
    first, *others = lists
    return next((entry for entry in first if all(entry in o for o in others)), None)


def _not_finite(parts: list[Part]) -> Diagnosis | None:
    for part in parts:
        bad = ~np.isfinite(part.actual) & np.isfinite(part.expected)
        if bad.any():
            count = f"{int(bad.sum())} of {bad.size} numbers"
            kind = "nan" if np.isnan(part.actual).any() else "inf"
            return Diagnosis(
                f"{part.label} holds {kind}: {count} are not finite.",
                "nan comes from 0/0, inf/inf or inf - inf; inf from a division by 0 "
                "or from an exp that overflows. Which step here can do that?",
            )
    return None


def _rearranged(parts: list[Part]) -> Diagnosis | None:
    """The right numbers at wrong places."""
    if any(part.actual.shape != part.expected.shape for part in parts):
        return None
    if all(p.actual.ndim > 1 and _swaps_last(p) for p in parts):
        return Diagnosis(
            f"{parts[0].label} is transposed.",
            "Entry (i, j) of yours stands at (j, i) of the right one. Which of the "
            "two owns the rows?",
        )
    for axis in range(parts[0].expected.ndim):
        if all(_permuted(part, axis) for part in parts):
            letter = parts[0].letters[axis] if parts[0].letters else f"axis {axis}"
            return Diagnosis(
                f"{parts[0].label} has the right numbers in the wrong order along "
                f"{letter}.",
                "Nothing is computed wrongly; something is put together, reversed or "
                "sorted in another order than it came.",
            )
    if all(_same_numbers(part) for part in parts):
        return Diagnosis(
            f"{parts[0].label} has all the right numbers at wrong places.",
            "A reshape keeps the numbers in reading order. Where two axes have to "
            "change places, it takes a transpose first.",
        )
    return None


def _swaps_last(part: Part) -> bool:
    turned = np.swapaxes(part.actual, -1, -2)
    return turned.shape == part.expected.shape and same(turned, part.expected)


def _permuted(part: Part, axis: int) -> bool:
    """Equal slices in another order."""
    actual = list(np.moveaxis(part.actual, axis, 0))
    for wanted in np.moveaxis(part.expected, axis, 0):
        found = next((i for i, a in enumerate(actual) if same(a, wanted)), None)
        if found is None:
            return False
        del actual[found]
    return part.expected.shape[axis] > 1


def _same_numbers(part: Part) -> bool:
    return part.expected.size > 3 and same(
        np.sort(part.actual, axis=None), np.sort(part.expected, axis=None)
    )


def _factor(parts: list[Part]) -> Diagnosis | None:
    factors = [_constant_factor(part) for part in parts]
    if None in factors:
        return None
    label = parts[0].label
    quantity = _quantity(parts, factors)
    if quantity:
        inverse = quantity.removeprefix("1/")
        return Diagnosis(
            f"{label} is {quantity} times what was expected, everywhere.",
            f"Is it divided by {inverse} once too often, or not multiplied by it?"
            if quantity.startswith("1/")
            else f"Is it multiplied by {inverse} once too often, or not divided by it?",
        )
    if all(np.isclose(f, -1) for f in factors):
        return Diagnosis(
            f"{label} has the wrong sign, everywhere.",
            "Is there a minus sign too many, or a difference the wrong way round?",
        )
    if _all_equal(factors):
        return Diagnosis(
            f"{label} is {factors[0]:.4g} times what was expected, everywhere.",
            "Which of your steps multiplies or divides all numbers alike?",
        )
    seen = ", ".join(dict.fromkeys(f"{factor:.4g}" for factor in factors))
    return Diagnosis(
        f"In each case {label} is a constant times what was expected: {seen}.",
        "The constant differs from case to case. Which size or number differs too?",
    )


def _constant_factor(part: Part) -> float | None:
    if part.actual.shape != part.expected.shape or part.expected.size < 2:
        return None
    with np.errstate(all="ignore"):
        ratios = part.actual / part.expected
    ratios = ratios[np.isfinite(ratios) & (part.expected != 0)]
    if ratios.size == 0:
        return None
    factor = float(np.real(np.median(ratios)))
    fits = factor != 0 and bool(np.all(close(part.actual, factor * part.expected)))
    return factor if fits else None


def _all_equal(numbers: list[float]) -> bool:
    return bool(np.allclose(numbers, numbers[0], rtol=1e-6))


QUANTITIES = {
    "{}": lambda size: size,
    "1/{}": lambda size: 1 / size,
    "sqrt({})": np.sqrt,
    "1/sqrt({})": lambda size: 1 / np.sqrt(size),
    "{}²": lambda size: size**2,
    "1/{}²": lambda size: 1 / size**2,
}


def _quantity(parts: list[Part], factors: list[float]) -> str | None:
    """The size of the book that equals the factor in every case, if one does."""
    for letter in parts[0].sizes:
        for text, formula in QUANTITIES.items():
            values = [formula(p.sizes.get(letter, np.nan)) for p in parts]
            if np.allclose(values, factors, rtol=1e-5) and len(set(values)) > 1:
                return text.format(letter)
    return None


def _offset(parts: list[Part]) -> Diagnosis | None:
    for part in parts:
        if part.actual.shape != part.expected.shape or part.expected.size < 2:
            return None
        offsets = part.actual - part.expected
        if not np.all(close(part.actual, part.expected + offsets.flat[0])):
            return None
    return Diagnosis(
        f"{parts[0].label} is off by the same amount everywhere: "
        f"{_show(float(np.real(offsets.flat[0])))}.",
        "Look for a term that is added or subtracted once too often, or not at all.",
    )


def _off_by_argument(parts: list[Part]) -> Diagnosis | None:
    """A multiple of an argument is too much, or an argument is missing."""
    found = _common(_multiples(part) for part in parts)
    if found is None:
        return None
    name, multiple = found
    if multiple == -1:
        return Diagnosis(
            f"{parts[0].label} is what was expected minus {name}.",
            f"Is {name} added where it belongs?",
        )
    times = "" if multiple == 1 else f"{multiple:g} times "
    return Diagnosis(
        f"{parts[0].label} is what was expected plus {times}{name}.",
        f"Where does {name} go in, and how often?",
    )


def _multiples(part: Part) -> list[tuple[str, float]]:
    """Which argument, times which number, the answer is off by."""
    if part.actual.shape != part.expected.shape:
        return []
    off = part.actual - part.expected
    found = []
    for name, value in _arguments(part).items():
        if value.ndim == 0 or value.shape != off.shape[off.ndim - value.ndim :]:
            continue
        ratio = float(np.real(np.sum(off * value) / np.sum(value * value + 0 * off)))
        ratio = round(ratio, 3)
        if ratio and np.all(close(part.actual, part.expected + ratio * value)):
            found.append((name, ratio))
    return found


DISTORTIONS = {
    "Every number of {} is 0.": (
        lambda right: 0 * right,
        "An array of zeros has to be filled: does a loop write into it?",
    ),
    "{} would be right, but its negative numbers have become 0.": (
        lambda right: np.maximum(right, 0),
        "Nothing is cut off here: is there a maximum too many?",
    ),
    "{} would be right, but it has lost its minus signs.": (
        np.abs,
        "Negative numbers stay negative: is there an `abs` or a square too many?",
    ),
    "{} would be right, but it is rounded to whole numbers.": (
        np.round,
        "Keep the decimals: is there a `round`, an `int` or `//`?",
    ),
    "{} would be right, but its decimals are cut off.": (
        np.trunc,
        "Keep the decimals: an integer array drops what it cannot hold.",
    ),
    "{} would be right, but it is rounded to one decimal.": (
        lambda right: np.round(right, 1),
        "Return them as they are; rounding is for printing.",
    ),
    "{} would be right, but it is rounded to two decimals.": (
        lambda right: np.round(right, 2),
        "Return them as they are; rounding is for printing.",
    ),
    "{} would be right, but it is rounded to three decimals.": (
        lambda right: np.round(right, 3),
        "Return them as they are; rounding is for printing.",
    ),
    "{} holds the squares of the right numbers.": (
        np.square,
        "Is there a square too many?",
    ),
}


def _distorted(parts: list[Part]) -> Diagnosis | None:
    """Each number is a function of the right one."""
    for words, (function, hint) in DISTORTIONS.items():
        if all(same(part.actual, function(part.expected)) for part in parts):
            return Diagnosis(words.format(parts[0].label), hint)
    return None


def _by_row(parts: list[Part]) -> Diagnosis | None:
    """Each row has its own factor: normalised by something else."""
    for part in parts:
        if part.actual.shape != part.expected.shape or part.expected.ndim < 2:
            return None
        if part.expected.shape[-1] < 2:
            return None
        with np.errstate(all="ignore"):
            factors = part.actual.sum(-1) / part.expected.sum(-1)
            if not np.all(close(part.actual, factors[..., None] * part.expected)):
                return None
    return Diagnosis(
        f"Within each row of {parts[0].label} the proportions are right; each row "
        "is off by a factor of its own.",
        "Each row is divided by the wrong total. What should it be divided by?",
    )


def _some_rows(parts: list[Part]) -> Diagnosis | None:
    """Some rows right, others wrong: a loop that ends early, or keeps one."""
    part = parts[0]
    if part.actual.shape != part.expected.shape or part.expected.ndim < 1:
        return None
    right = close(part.actual, part.expected)
    rows = right.all(axis=tuple(range(1, right.ndim)))
    if not rows.any() or rows.all() or len(rows) < 2:
        return None
    letter = part.letters[0] if part.letters else "axis 0"
    wrong = ", ".join(str(int(i)) for i in np.flatnonzero(~rows))
    return Diagnosis(
        f"Along {letter}, {int(rows.sum())} of {len(rows)} entries of {part.label} are "
        f"right; wrong: {wrong}.",
        "Is every one of them computed, and each from its own numbers?",
    )


RELATIONS = (
    _an_argument,
    _wrong_shape,
    _not_finite,
    _distorted,
    _rearranged,
    _factor,
    _offset,
    _off_by_argument,
    _by_row,
    _some_rows,
)


def _some_cases(preface: str, first: Part) -> Diagnosis:
    return Diagnosis(
        f"{preface}{_difference(first)}",
        f"What is special about the case '{first.case.name}'? Others are right.",
    )


# --- wording ------------------------------------------------------------------


def _difference(part: Part) -> str:
    """How many numbers are right, and the first that is not."""
    right = close(part.actual, part.expected)
    index = tuple(int(i) for i in np.argwhere(~right)[0])
    place = f"{part.label}[{', '.join(map(str, index))}]" if index else part.label
    came, wanted = part.actual[index].item(), part.expected[index].item()
    return (
        f"{int(right.sum())} of {right.size} numbers of {part.label} are right. "
        f"{place} is {_show(came)}; expected {_show(wanted)}."
    )


def _failing(cases: list[Case]) -> str:
    """How many cases come out wrong, and which kinds they are of."""
    names = [case.name for case in cases if not case.passed]
    if len(names) == len(cases):
        return "No case comes out right."
    kinds = dict.fromkeys(name.rstrip(" 0123456789") for name in names)
    return f"{len(names)} of {len(cases)} cases come out wrong: {', '.join(kinds)}."


def _came(exercise: Exercise, failed: list[Case]) -> str:
    """What came, where a sentence can say it: a shape or an exception."""
    error = next((c.actual.error for c in failed if c.actual.error), None)
    if error:
        return _told(error)
    actual, expected = failed[0].actual.value, failed[0].expected.value
    shape = shape_of(actual)
    if isinstance(expected, np.ndarray) and shape not in (None, expected.shape):
        return (
            f"The shape is {shape}; expected {_promise(exercise)} = {expected.shape}."
        )
    return ""


def _promise(exercise: Exercise) -> str:
    return ", ".join(str(item) for item in exercise.shapes.results)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _show(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
