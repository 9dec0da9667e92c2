"""Results of the wrong kind: no numbers, too many or too few of them, a wrong order."""

from collections.abc import Iterable, Iterator
from itertools import permutations
from typing import Any

import numpy as np

from autograder.exercises.declaration import Exercise
from autograder.judge.cases import Case
from autograder.judge.diagnosis.wording import Diagnosis, be, promise, two_lines
from autograder.values.compare import same, shape_of
from autograder.values.wire import Opaque


def not_numbers(exercise: Exercise, failed: list[Case]) -> Diagnosis | None:
    """None, or something that holds no numbers."""
    actual, expected = failed[0].actual.value, failed[0].expected.value
    if actual is None and expected is not None:
        return Diagnosis(
            f"{exercise.name} returned None.",
            "Does the function end without `return`? `print(A)` only shows a value, "
            "and a last line such as `A` gives nothing back: write `return A`. Nor do "
            "`append`, `update` and what else changes a list or a dict in place.",
        )
    if actual is Ellipsis or isinstance(actual, Opaque | str):
        kind = actual.type_name if isinstance(actual, Opaque) else type(actual).__name__
        hint = _hint_for(kind, exercise) or _number_hint(exercise, expected)
        if kind.startswith(DEEP):
            return Diagnosis(f"{exercise.name} returned a {kind}.", hint)
        kind = kind.partition(", of ")[0]
        return Diagnosis(
            f"{exercise.name} returned something of type {kind}; expected "
            f"{promise(exercise)}.",
            hint,
        )
    return None


DEEP = ("list nested", "tuple nested", "list that", "tuple that", "dict nested")
# What something of a type is, for whoever did not mean to make it.
KINDS = {
    "coroutine": "`async def` makes a coroutine, and no numbers: write `def`.",
    "generator": "`yield`, or round brackets around a `for`, makes a generator, which "
    "holds no numbers yet. Collect them in a list, and return an array of it.",
    "map": "`map` holds no numbers yet: `list(map(...))`.",
    "zip": "`zip` holds no numbers yet: `list(zip(...))`.",
    "filter": "`filter` holds no numbers yet: `list(filter(...))`.",
    "function": "A function came back: is it called, with brackets?",
    "builtin_function_or_method": "A method came back: is it called, with brackets?",
    "method": "A method came back: is it called, with brackets?",
    "ufunc": "A function came back: is it called, with brackets?",
    "type": "A type came back, not something of it.",
    "set": "A set keeps no order, and each number once. Use a list or an array.",
    "str": "A text came back. Return the numbers themselves; `print` is for showing.",
    "ellipsis": "`...` stands where your lines belong.",
    "Decimal": "A Decimal does not go together with floats: `float(...)` makes one.",
}


def _hint_for(kind: str, exercise: Exercise) -> str:
    if kind == exercise.name:
        names = ", ".join(item.name for item in exercise.shapes.arguments)
        return (
            f"{kind} is a class here, and its call makes an object. Write a function: "
            f"`def {kind}({names}):`."
        )
    if kind.startswith(DEEP):
        return (
            "A list stands in a list, again and again: is it appended to itself, or is "
            "it put between square brackets in each round?"
        )
    if kind.startswith("array of dtype object"):
        of = kind.partition(", of ")[2] or "object"
        told = KINDS.get(of, "Print its entries: numbers are asked for.")
        return f"Its entries are of type {of}. {told}"
    if kind.startswith("array of dtype str"):
        return "It holds texts. Return the numbers themselves."
    return KINDS.get(kind, "")


def _number_hint(exercise: Exercise, expected: Any) -> str:
    if isinstance(expected, int | float):
        return "Return the number itself."
    if isinstance(expected, dict):
        return "Return a plain dict: `{...}`, or `dict(...)` of what you have."
    if isinstance(expected, tuple):
        names = ", ".join(item.name for item in exercise.shapes.results)
        return f"End with `return {names}`, each of them an array."
    return "Return an array of numbers, such as `np.array(...)` makes of a list."


def wrong_count(exercise: Exercise, failed: list[Case]) -> Diagnosis | None:
    """More or fewer results than promised."""
    actual, expected = failed[0].actual.value, failed[0].expected.value
    came = len(actual) if isinstance(actual, tuple | list) else 1
    wanted = len(expected) if isinstance(expected, tuple) else 1
    if came == wanted or isinstance(actual, list):
        return None
    kind = "a dict" if isinstance(actual, dict) else _count(came, "result")
    return Diagnosis(
        f"{exercise.name} returned {kind}; expected {_count(wanted, 'result')}: "
        f"{promise(exercise)}.",
        f"End with `return {', '.join(i.name for i in exercise.shapes.results)}`.",
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {be(number, noun, noun + 's')}"


def wrong_order(exercise: Exercise, failed: list[Case]) -> Diagnosis | None:
    """The right results, returned in another order."""
    results = exercise.shapes.results
    if len(results) < 2 or not all(isinstance(c.actual.value, tuple) for c in failed):
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


def no_array(exercise: Exercise, failed: list[Case]) -> Diagnosis | None:
    """A result, or a part of one, that is no array."""
    case = failed[0]
    for name, part, right in items_of(exercise, case.actual.value, case.expected.value):
        if shape_of(part) is not None and _imaginary(part, right):
            return Diagnosis(
                f"{name or promise(exercise)} is complex: it has an imaginary part.",
                "Only real numbers belong here: is there a `1j`, or a root or a power "
                "of a negative number?",
            )
        if shape_of(part) is None:
            if isinstance(part, str) and exercise.drive:
                return Diagnosis(*two_lines(part))
            what = f"{name} is" if name else f"{exercise.name} returned"
            if deep := _too_deep(part):
                return Diagnosis(f"{what} a {deep}.", _hint_for(deep, exercise))
            wanted = f"an array of shape {np.shape(right)}" if name else None
            if isinstance(right, dict):
                wanted = f"a dict with the keys {', '.join(map(str, right))}"
            return Diagnosis(
                f"{what} {_kind(part)}; expected {wanted or promise(exercise)}.",
                _no_array_hint(exercise, part, right),
            )
    return None


def dict_items(exercise: Exercise, failed: list[Case]) -> Diagnosis | None:
    """No dict where one is promised, or one with other keys."""
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


def _imaginary(part: Any, right: Any) -> bool:
    small = np.abs(np.imag(part)).max(initial=0) < 1e-6
    return not small and not np.iscomplexobj(right)


def _no_array_hint(exercise: Exercise, part: Any, right: Any) -> str:
    if isinstance(right, dict):
        return "Collect the arrays in a dict: `{...}`, with these names."
    if isinstance(right, int | float) and isinstance(part, list | tuple):
        brackets = "brackets" if isinstance(part, list) else "brackets or a comma"
        return f"Return the number itself, without {brackets} around it."
    if isinstance(part, tuple) and all(isinstance(item, np.ndarray) for item in part):
        return (
            "A function that gives several things gave them together. Take them apart, "
            "`first, second = ...`, and collect each kind on its own."
        )
    if isinstance(part, list | tuple):
        return _strange(exercise, part) or _ragged(part)
    told = _hint_for(part.type_name, exercise) if isinstance(part, Opaque) else ""
    return told or "An array of numbers is asked for."


MOST_LEAVES = 1000


def _strange(exercise: Exercise, part: list[Any] | tuple[Any, ...]) -> str:
    """What stands in a list in the place of numbers, if anything does."""
    kinds = {_leaf(item) for item in _leaves(part)} - {""}
    if not kinds:
        return ""
    if kinds == {"None"}:
        return (
            "Its parts are None. `append`, and what else changes a list in place, "
            "gives nothing back, nor does a function without `return`: append in a "
            "loop of its own, or put the value itself into the list."
        )
    kind = min(kinds)
    if kind.startswith(DEEP):
        return _hint_for(kind, exercise)
    told = KINDS.get(kind, "Numbers are asked for: print the parts.")
    return f"Its parts are of type {' and '.join(sorted(kinds))}. {told}"


def _leaves(value: Any) -> Iterator[Any]:
    """The first things in a nested list that are no list."""
    waiting, count = [value], 0
    while waiting and count < MOST_LEAVES:
        item, count = waiting.pop(), count + 1
        if isinstance(item, list | tuple):
            waiting += item[:MOST_LEAVES]
        else:
            yield item


def _leaf(value: Any) -> str:
    """The kind of something that is no number, or nothing."""
    if value is None:
        return "None"
    if isinstance(value, Opaque):
        return value.type_name
    return "" if shape_of(value) is not None else type(value).__name__


def _too_deep(part: Any) -> str:
    kinds = map(_leaf, _leaves(part)) if isinstance(part, list | tuple) else ()
    return next((kind for kind in kinds if kind.startswith(DEEP)), "")


def _ragged(part: list[Any] | tuple[Any, ...]) -> str:
    """Numbers that make no array, since the parts differ in shape."""
    shapes = dict.fromkeys(str(_shape(item)) for item in part)
    told = ", ".join(list(shapes)[:4])
    return f"Its parts differ in shape, so they make no array: {told}."


def _shape(value: Any) -> Any:
    if isinstance(value, list | tuple):
        inner = {_shape(item) for item in value[:MOST_LEAVES]}
        return (len(value), *inner.pop()) if len(inner) == 1 else (len(value),)
    return shape_of(value)


def items_of(
    exercise: Exercise, actual: Any, expected: Any
) -> Iterator[tuple[str, Any, Any]]:
    """Each part of a result that ought to be numbers: its name, itself, the right."""
    parts: Iterable[tuple[str, Any, Any]]
    if isinstance(expected, tuple):
        names = [item.name for item in exercise.shapes.results]
        parts = zip(names, actual, expected, strict=True)
    else:
        parts = [("", actual, expected)]
    for name, came, right in parts:
        if isinstance(right, dict) and isinstance(came, dict):
            yield from ((key, came.get(key), value) for key, value in right.items())
        elif not isinstance(right, str):
            yield name, came, right


def _kind(value: Any) -> str:
    """What something is, in words."""
    if value is None:
        return "None"
    if isinstance(value, Opaque):
        return f"something of type {value.type_name.partition(', of ')[0]}"
    if isinstance(value, np.ndarray):
        return "an array"
    if isinstance(value, list | tuple):
        kind, count = type(value).__name__, len(value)
        if count == 1 and shape_of(value[0]) == ():
            return f"a {kind} of one number"
        if count == 1:
            return f"a {kind} of one part that is no array"
        if all(isinstance(item, np.ndarray) for item in value):
            return f"a {kind} of {count} arrays"
        return f"a {kind} of {count} parts that are no array"
    return f"a {type(value).__name__}"
