"""An exercise is declared once, as plain Python: this is the whole vocabulary.

A module of `solutions/` holds, for each function that a learner writes, the reference
under `@exercise(...)`; and what belongs to it, each part under a decorator that says
what it is: `@softmax.mistake`, `@softmax.also_right`, `@softmax.case`, `@softmax.must`.
"""

import inspect
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from types import ModuleType
from typing import Any

from autograder.errors import UserError
from autograder.exercises.ordinary import Draw, ordinary_cases
from autograder.exercises.pipeline import exchanged, named, place_of, unknown
from autograder.exercises.shapes import ShapeLine
from autograder.exercises.source import PARTS, excerpt, file_of
from autograder.values.called import Function

STUB = "raise NotImplementedError"
BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"  # as nbgrader wants them


class DeclarationError(UserError):
    """An exercise is declared wrongly. The message names it and the remedy."""


def place_in_file(function: Function) -> str:
    """The file and the name of a function, for a message about its declaration."""
    name = getattr(function, "__name__", "?")
    try:
        return f"{inspect.getsourcefile(function)}: {name}"
    except TypeError:  # not written in a file: it comes from a key
        return name


@dataclass(frozen=True, kw_only=True)
class Exercise:
    """One function that the learner writes, and all that is needed to judge it.

    reference   the right function. Line 1 of its docstring says what it means,
                line 2 (after a blank one) gives the shapes:
                `Q (n, d_k), K (m, d_k) -> S (n, m)`. A line that ends with a comma
                or an arrow goes on in the next one.
    inputs      functions of a random generator; each draws the arguments of one
                case, as a tuple. Its name, read as words, is the case's name.
    mistakes    wrong functions, named after what went wrong. The docstring of a
                mistake is the hint that a learner sees who made it.
    equivalents other right functions: what must be accepted. Tests use them.
    properties  `property(result, *arguments) -> bool`: what must hold for any
                right answer; the docstring is the sentence for when it fails.
    hints       what `hint` says, one at a time, before the book's own page.
    points      the maximum score, a positive number.
    why         why the reference is so, in a sentence that a page shows below it.
    gallery     names of the mistakes that a page shows as examples, four to six; by
                default the first ones that a reader could have written.
    flagged     names of library functions that are the exercise itself: a call
                of one is reported for a human to look at, never punished.
    compared    False where drawing random numbers is the exercise: then only the
                shapes and the properties decide.
    drive       where the exercise is a class: `drive(the_class, *arguments)` is what
                is called. It runs in the sandbox by its source, with what it uses of
                its module; the shapes are in its docstring. What it says itself, in an
                error or in the place of a result, has two lines: what is wrong, and
                what to do.
    """

    reference: Function
    inputs: tuple[Draw, ...]
    mistakes: tuple[Function, ...] = ()
    equivalents: tuple[Function, ...] = ()
    properties: tuple[Function, ...] = ()
    hints: tuple[str, ...] = ()
    points: float = 1.0
    why: str = ""
    gallery: tuple[str, ...] = ()
    flagged: tuple[str, ...] = ()
    compared: bool = True
    drive: Function | None = None

    def __post_init__(self) -> None:
        self._confirm_tuples()
        if not self.inputs:
            raise DeclarationError(
                f"{self.place}: no case is declared; give a function that draws the "
                f"arguments, under @{self.name}.case"
            )
        if not self.points > 0:
            raise DeclarationError(f"{self.place}: points= must be positive")
        for described in (self.reference, *self.mistakes, *self.properties):
            if not docstring(described):
                raise DeclarationError(
                    f"{self.place}: {described.__name__} has no docstring; "
                    "it is what the learner reads"
                )
        self._confirm_names()
        known = [mistake.__name__ for mistake in self.mistakes]
        for name in self.gallery:
            if name not in known:
                raise DeclarationError(f"{self.place}: gallery= {unknown(name, known)}")
        self.shapes  # noqa: B018 - a shape line that does not parse fails here

    def _confirm_tuples(self) -> None:
        """One function or one text in brackets is no tuple: easily mistaken."""
        for field in ("inputs", "mistakes", "equivalents", "properties"):
            if not isinstance(getattr(self, field), tuple | list):
                raise DeclarationError(
                    f"{self.place}: {field}= must be a tuple of functions; a single "
                    "one needs a comma: (function,)"
                )
        for field in ("hints", "flagged", "gallery"):
            if not isinstance(getattr(self, field), tuple | list):
                raise DeclarationError(
                    f"{self.place}: {field}= must be a tuple of texts; a single one "
                    'needs a comma: ("text",)'
                )

    def _confirm_names(self) -> None:
        """Mistakes and cases are known by their names: a verdict tells them."""
        for kind in ("mistakes", "inputs"):
            counts = Counter(part.__name__ for part in getattr(self, kind))
            for name, count in counts.items():
                if count > 1:
                    raise DeclarationError(
                        f"{self.place}: {count} of its {kind} are called {name}; give "
                        "each a name of its own"
                    )

    @property
    def place(self) -> str:
        """The file and the name, with which a message about the declaration begins."""
        return place_in_file(self.reference)

    @property
    def name(self) -> str:
        """The name of the function that the learner writes."""
        return self.reference.__name__

    @property
    def meaning(self) -> str:
        """What the function does, in one line: line 1 of its docstring."""
        return docstring(self.reference).splitlines()[0]

    @cached_property
    def shapes(self) -> ShapeLine:
        """The parsed line 2 of the reference's docstring."""
        try:
            return ShapeLine.of(docstring(self.drive or self.reference))
        except ValueError as error:
            raise DeclarationError(
                f"{self.place}: line 2 of the docstring must give the shapes, such as "
                f"'Q (n, d_k), K (m, d_k) -> S (n, m)': {error}"
            ) from None

    @cached_property
    def drive_source(self) -> str | None:
        """The source of `drive` with what it uses of its module, for the sandbox."""
        if self.drive is None:
            return None
        return excerpt(
            file_of(self.drive), [self.drive.__name__], f"How {self.name} is called."
        )

    def driven(self, answer: Function) -> Function:
        """What is called with a case's arguments to judge an answer."""
        if self.drive is None:
            return answer
        call = partial(self.drive, answer)
        call.__module__ = answer.__module__  # whose lines an error may show
        return call


@dataclass(frozen=True)
class WrongStep:
    """A step that takes the place of another one, and so makes a mistake."""

    step: Function
    wrong: Function
    others: dict[str, Function]


@dataclass(frozen=True)
class Inherited:
    """The mistakes of a step, for the exercise that it is a step of."""

    step: Function
    at: Function
    where: str
    but: tuple[str, ...]
    hints: dict[str, str]


class Declared:
    """What is declared of one function, part by part, until the exercise is asked for.

    Each method but `inherits` is a decorator, and gives back what it decorates.
    """

    def __init__(self, reference: Function, ordinary: bool, fields: dict[str, Any]):
        self.reference = reference
        self._ordinary = ordinary
        self._fields = fields
        self._parts: dict[str, list[Any]] = {
            field: [] for field in ("inputs", "mistakes", "equivalents", "properties")
        }

    def _added(self, field: str, part: Function | None) -> Function:
        confirmed = self._confirmed(part)
        self._parts[field].append(confirmed)
        return confirmed

    def _confirmed(self, part: Function | None) -> Function:
        """What a decorator stands above. It is given none where it has brackets."""
        if not callable(part):
            raise DeclarationError(
                f"{place_in_file(self.reference)}: write its decorators above a "
                f"function, without brackets: @{self.reference.__name__}.mistake"
            )
        return part

    def mistake(self, function: Function | None = None) -> Function:
        """A wrong function: its name says what is wrong, its docstring is the hint."""
        return self._added("mistakes", function)

    def mistake_in(self, step: Function, **others: Function) -> Function:
        """A wrong step: the mistake is the reference with this step exchanged.

        step    what the reference calls; or a method of a class: then that class is
                the right answer of which a step is exchanged.
        others  what takes the place of further steps, by their names.
        """

        self._place(step)

        def declare(wrong: Function) -> Function:
            self._parts["mistakes"].append(WrongStep(step, wrong, others))
            return wrong

        return declare

    def inherits(
        self,
        step: Function,
        *,
        at: Function | None = None,
        where: str = "",
        but: tuple[str, ...] = (),
        **hints: str,
    ) -> None:
        """Every mistake of an exercise that is a step of this one, made at that step.

        at     where the step stands, if not under its own name: a method of a class.
        where  what a hint calls the step, if not by its name: "the output projection".
        but    the names of those that are none here, or have another name here.
        hints  what is said here of a mistake, by its name, where the step's own hint
               does not fit. The others are told at which step they are.
        A mistake that this exercise declares itself under the same name is not
        inherited.
        """
        self._place(at or step)
        where = where or f"the step `{step.__name__}`"
        self._parts["mistakes"].append(Inherited(step, at or step, where, but, hints))

    def also_right(self, function: Function | None = None) -> Function:
        """Another right function."""
        return self._added("equivalents", function)

    def case(self, function: Function | None = None) -> Function:
        """Draws the arguments of one case, as a tuple, from a random generator."""
        return self._added("inputs", function)

    def must(self, function: Function | None = None) -> Function:
        """What holds for any right answer; its docstring is said where it does not."""
        return self._added("properties", function)

    def drive(self, function: Function | None = None) -> Function:
        """How the answer is called, where that takes more than its arguments."""
        confirmed = self._confirmed(function)
        self._fields["drive"] = confirmed
        return confirmed

    @cached_property
    def exercise(self) -> Exercise:
        """The exercise, of all parts that were declared up to now."""
        parts: dict[str, Any] = {
            field: tuple(functions) for field, functions in self._parts.items()
        }
        parts["mistakes"] = self._mistakes()
        parts["inputs"] = self._inputs()
        return Exercise(reference=self.reference, **parts, **self._fields)

    def _inputs(self) -> tuple[Function, ...]:
        """The cases: those of the shape line, unless others are meant, and the own."""
        own = tuple(self._parts["inputs"])
        if not self._ordinary:
            return own
        try:
            described = self._fields.get("drive", self.reference)
            shapes = ShapeLine.of(docstring(described))
            known = {draw.__name__ for draw in own}
            cases = ordinary_cases(shapes)
        except ValueError as error:
            if own:
                return own
            raise DeclarationError(
                f"{place_in_file(self.reference)}: {error}; give a function that draws "
                f"the arguments, under @{self.reference.__name__}.case"
            ) from None
        return (*(draw for draw in cases if draw.__name__ not in known), *own)

    def _mistakes(self) -> tuple[Function, ...]:
        """All mistakes, in the order of their declaration, the inherited among them."""
        declared = self._parts["mistakes"]
        inherited = [part for part in declared if isinstance(part, Inherited)]
        taken = Counter(
            getattr(part, "wrong", part).__name__
            for part in declared
            if not isinstance(part, Inherited)
        )
        own = set(taken)
        for part in inherited:
            taken.update(set(self._known(part)) - own - set(part.but))
        found: list[Function] = []
        for part in declared:
            if isinstance(part, WrongStep):
                found.append(self._made(part.step, part.wrong, **part.others))
            elif isinstance(part, Inherited):
                found += self._inherited(part, own, taken)
            else:
                found.append(part)
        return tuple(found)

    def _made(self, step: Function, wrong: Function, **others: Function) -> Function:
        """The reference with a step exchanged for a wrong one, called as that one is.

        An exercise of plain functions serves a class too: it needs no `self`.
        """
        whole, name = self._place(step)
        mistake = exchanged(whole, **{name: wrong}, **others)
        return named(mistake, wrong.__name__, docstring(wrong))

    def _place(self, step: Function) -> tuple[Function, str]:
        try:
            return place_of(step, self.reference)
        except ValueError as error:
            place = place_in_file(self.reference)
            raise DeclarationError(f"{place}: {error}") from None

    def _known(self, part: Inherited) -> dict[str, Function]:
        """The mistakes of a step, by name; DeclarationError where one is missing."""
        self._place(part.at)
        inherits = f"{place_in_file(self.reference)}: inherits({part.step.__name__})"
        declared = getattr(part.step, "declared", None)
        if not isinstance(declared, Declared) or declared.reference is not part.step:
            raise DeclarationError(
                f"{inherits}: {part.step.__name__} is no exercise, and so has no "
                "mistakes; declare wrong steps one by one, with mistake_in"
            )
        known = {m.__name__: m for m in declared.exercise.mistakes}
        for wanted in (*part.but, *part.hints):
            if wanted not in known:
                raise DeclarationError(f"{inherits}: {unknown(wanted, known)}")
        return known

    def _inherited(
        self, part: Inherited, own: set[str], taken: Counter[str]
    ) -> Iterator[Function]:
        """The mistakes that come with a step.

        Where another step has a mistake of the same name, the name tells the step.
        """
        step = part.step.__name__
        for name, wrong in self._known(part).items():
            if name not in own and name not in part.but:
                hint = part.hints.get(name) or _told_at(part.where, wrong)
                called = f"{name}_in_{step}" if taken[name] > 1 else name
                made = self._made(part.at, wrong)
                yield named(made, called, inspect.cleandoc(hint))


def _told_at(where: str, wrong: Function) -> str:
    """The hint of a mistake, with the step at which it was made.

    One that is inherited from further down says already where it is.
    """
    hint = docstring(wrong)
    return hint if hint.startswith("At the ") else f"At {where}: {hint}"


FIELDS = ("points", "hints", "why", "gallery", "flagged", "compared")


def exercise(*misused: Any, ordinary: bool = True, **fields: Any) -> Function:
    """Declare the function below to be an exercise: `@exercise(points=2)`.

    ordinary  False where the cases that the shape line says are none: where an argument
              is no array of any numbers.
    fields    of `Exercise`: points, hints, why, gallery, flagged, compared.
    The function can then be asked for the decorators of its parts: `@name.mistake`.
    """
    if misused:
        raise DeclarationError(
            f"{place_in_file(misused[0])}: write @exercise() with brackets; in them "
            "stand points=, hints= and the like"
        )
    for field in fields:
        if field not in FIELDS:
            raise DeclarationError(
                f"@exercise({field}=...): {unknown(field, (*FIELDS, 'ordinary'))}"
            )

    def declare(reference: Function) -> Function:
        declared = Declared(reference, ordinary, fields)
        parts = {part: getattr(declared, part) for part in PARTS}
        for name, value in {"declared": declared, **parts}.items():
            setattr(reference, name, value)
        return reference

    return declare


def declared_in(module: ModuleType) -> Iterator[Exercise]:
    """Every exercise of a module, in the order of their references."""
    for value in list(vars(module).values()):
        declared = getattr(value, "declared", None)
        if isinstance(value, Exercise):
            yield value
        elif (
            isinstance(declared, Declared)
            and declared.reference is value  # no subclass of it
            and value.__module__ == module.__name__  # not imported from elsewhere
        ):
            yield declared.exercise


def docstring(function: Function) -> str:
    """What is written of a function, without its indentation; "" where nothing is."""
    return inspect.getdoc(function) or ""


def words(function: Function) -> str:
    """Read a function's name as words: `huge_scores` -> 'huge scores'."""
    return function.__name__.replace("_", " ")
