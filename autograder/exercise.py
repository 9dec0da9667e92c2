"""An exercise is declared once, as plain Python: this is the whole vocabulary.

A module of `solutions/` holds the reference function, the common mistakes, the
inputs, and one `Exercise(...)` for each function that a learner writes. This file
is all that such a module needs.
"""

import ast
import atexit
import importlib
import inspect
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property, partial
from pathlib import Path

import numpy as np

from autograder.excerpt import excerpt
from autograder.shapes import ShapeLine

STUB = "raise NotImplementedError"
BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"  # as nbgrader wants them


class DeclarationError(ValueError):
    """An exercise is declared wrongly. The message names it and the remedy."""


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

    reference: Callable
    inputs: tuple[Callable[[np.random.Generator], tuple], ...]
    mistakes: tuple[Callable, ...] = ()
    equivalents: tuple[Callable, ...] = ()
    properties: tuple[Callable, ...] = ()
    hints: tuple[str, ...] = ()
    points: float = 1.0
    flagged: tuple[str, ...] = ()
    compared: bool = True
    drive: Callable | None = None

    def __post_init__(self):
        self._confirm_tuples()
        if not self.inputs:
            raise DeclarationError(f"{self.place}: give a function in inputs=")
        if not self.points > 0:
            raise DeclarationError(f"{self.place}: points= must be positive")
        for described in (self.reference, *self.mistakes, *self.properties):
            if not inspect.getdoc(described):
                raise DeclarationError(
                    f"{self.place}: {described.__name__} has no docstring; "
                    "it is what the learner reads"
                )
        self.shapes  # noqa: B018 - a shape line that does not parse fails here

    def _confirm_tuples(self) -> None:
        """One function or one text in brackets is no tuple: easily mistaken."""
        for field in ("inputs", "mistakes", "equivalents", "properties"):
            if not isinstance(getattr(self, field), tuple | list):
                raise DeclarationError(
                    f"{self.place}: {field}= must be a tuple of functions; a single "
                    "one needs a comma: (function,)"
                )
        for field in ("hints", "flagged"):
            if not isinstance(getattr(self, field), tuple | list):
                raise DeclarationError(
                    f"{self.place}: {field}= must be a tuple of texts; a single one "
                    'needs a comma: ("text",)'
                )

    @property
    def place(self) -> str:
        """The file and the name, with which a message about the declaration begins."""
        name = getattr(self.reference, "__name__", "?")
        try:
            return f"{inspect.getsourcefile(self.reference)}: {name}"
        except TypeError:  # not written in a file: it comes from a key
            return name

    @property
    def name(self) -> str:
        """The name of the function that the learner writes."""
        return self.reference.__name__

    @property
    def meaning(self) -> str:
        """What the function does, in one line: line 1 of its docstring."""
        return inspect.getdoc(self.reference).splitlines()[0]

    @cached_property
    def shapes(self) -> ShapeLine:
        """The parsed line 2 of the reference's docstring."""
        try:
            return ShapeLine.of(inspect.getdoc(self.drive or self.reference))
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
        file = Path(inspect.getsourcefile(self.drive))
        return excerpt(file, ["drive"], f"How {self.name} is called.")

    def driven(self, answer: Callable) -> Callable:
        """What is called with a case's arguments to judge an answer."""
        if self.drive is None:
            return answer
        call = partial(self.drive, answer)
        call.__module__ = answer.__module__  # whose lines an error may show
        return call


def different_sizes(rng: np.random.Generator, count: int, low: int = 2) -> list[int]:
    """Draw `count` sizes that all differ, so that no wrong axis can hide.

    rng: a NumPy generator -> `count` integers, each at least `low`.
    """
    return [int(size) for size in low + rng.permutation(count + 3)[:count]]


def words(function: Callable) -> str:
    """Read a function's name as words: `huge_scores` -> 'huge scores'."""
    return function.__name__.replace("_", " ")


def registered(*folders: Path) -> dict[str, Path]:
    """The file that declares each exercise of some folders, by the exercise's name.

    A Python file declares them; a key, `softmax.key`, stands for the one it is named
    after. Found by reading: nothing is imported. Raises DeclarationError where a name
    is declared twice.
    """
    found: dict[str, Path] = {}
    for file in (file for folder in folders for file in _declaring(folder)):
        for name in [file.stem] if file.suffix == ".key" else _references(file):
            if name in found:
                raise DeclarationError(
                    f"{name} is declared twice, in {found[name]} and in {file}: give "
                    "one of them another name"
                )
            found[name] = file
    return found


def _declaring(folder: Path) -> list[Path]:
    return sorted([*folder.glob("[!_]*.py"), *folder.glob("*.key")])


def _parsed(file: Path) -> ast.Module:
    try:
        return ast.parse(file.read_text(encoding="utf-8"))
    except (SyntaxError, UnicodeDecodeError) as error:
        raise DeclarationError(f"{file} cannot be read as Python: {error}") from None


def _references(file: Path) -> Iterator[str]:
    """The name that each `Exercise(reference=name, ...)` gives."""
    for node in _parsed(file).body:
        match node:
            case ast.Assign(value=ast.Call(ast.Name("Exercise"), _, keywords)):
                for keyword in keywords:
                    if keyword.arg == "reference" and isinstance(
                        keyword.value, ast.Name
                    ):
                        yield keyword.value.id


class Shelf(Mapping):
    """The exercises of a package, by name. A module is imported when it is needed.

    So a chapter without torch does not wait for a solution that imports it.
    """

    def __init__(self, package: str):
        self._package = package
        home = importlib.import_module(package)
        self._files = registered(*map(Path, home.__path__))
        self._exercises: dict[str, Exercise] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)

    def __contains__(self, name: object) -> bool:
        return name in self._files

    def file(self, name: str) -> Path:
        """The file that declares an exercise."""
        return self._files[name]

    def __getitem__(self, name: str) -> Exercise:
        file = self._files[name]
        if name not in self._exercises and file.suffix == ".key":
            from autograder.key import load

            self._exercises[name] = load(file)
        elif name not in self._exercises:
            module = importlib.import_module(f"{self._package}.{file.stem}")
            for value in vars(module).values():
                if isinstance(value, Exercise):
                    self._exercises[value.name] = value
        return self._exercises[name]


@cache
def discover(package: str = "solutions") -> Shelf:
    """The exercises that a package declares, by function name."""
    return Shelf(package)


# --- exercises that live elsewhere --------------------------------------------


def add_folder(folder: Path) -> None:
    """Have the exercises of another folder found as well: an instructor's own.

    Its modules become modules of `solutions`, and can import from there.
    """
    path = importlib.import_module("solutions").__path__
    if str(folder) not in path:
        path.append(str(folder))
        discover.cache_clear()


def own_sources() -> dict[str, str]:
    """The files of the added folders, by name, for a process that lacks them."""
    _, *added = importlib.import_module("solutions").__path__
    files = [file for folder in added for file in sorted(Path(folder).glob("*.py"))]
    return {file.name: file.read_text(encoding="utf-8") for file in files}


def take_in(sources: dict[str, str]) -> None:
    """Have the exercises found that another process sent, as `own_sources` gave them.

    Where they were sent before, in an older form, the new ones take their place.
    """
    if sources == own_sources():
        return
    package = importlib.import_module("solutions")
    folder = Path(tempfile.mkdtemp(prefix="exercises-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for name, source in sources.items():
        (folder / name).write_text(source, encoding="utf-8")
        sys.modules.pop(f"solutions.{Path(name).stem}", None)
    package.__path__[1:] = [str(folder)]
    discover.cache_clear()
