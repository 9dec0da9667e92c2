"""Which file declares which exercise: found by reading, imported when it is needed."""

import ast
import atexit
import importlib
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from functools import cache, cached_property
from itertools import chain
from pathlib import Path

from autograder.exercises.declaration import DeclarationError, Exercise, declared_in
from autograder.exercises.source import PARTS, declares
from autograder.files.unchanged import while_unchanged


def registered(*folders: Path, only: str = "") -> dict[str, Path]:
    """The file that declares each exercise of some folders, by the exercise's name.

    A Python file declares them; a key, `softmax.key`, stands for the one it is named
    after. Found by reading: nothing is imported. Raises DeclarationError where a name
    is declared twice.
    only: the one name that is asked for. A file whose text does not define it is not
        read as Python, which is most of the work.
    """
    found: dict[str, Path] = {}
    for file in (file for folder in folders for file in _files_of(folder)):
        if only and not _may_declare(file, only):
            continue
        for name in (file.stem,) if file.suffix == ".key" else _declared_in(file):
            if name in found:
                raise DeclarationError(
                    f"{name} is declared twice, in {found[name]} and in {file}: give "
                    "one of them another name"
                )
            found[name] = file
    return found


def _files_of(folder: Path) -> list[Path]:
    return sorted([*folder.glob("[!_]*.py"), *folder.glob("*.key")])


def _may_declare(file: Path, name: str) -> bool:
    return file.stem == name if file.suffix == ".key" else name in _defined_in(file)


@while_unchanged
def _defined_in(file: Path) -> frozenset[str]:
    """What a file defines, or names as a reference, as its text looks."""
    text = file.read_text(encoding="utf-8", errors="replace")
    return frozenset(re.findall(r"(?:def|class|reference *=)\s*(\w+)", text))


def _parsed(file: Path) -> ast.Module:
    try:
        return ast.parse(file.read_text(encoding="utf-8"))
    except (SyntaxError, UnicodeDecodeError) as error:
        raise DeclarationError(f"{file} cannot be read as Python: {error}") from None


@while_unchanged
def _declared_in(file: Path) -> tuple[str, ...]:
    """The names of the references of a file, whose declarations are in order."""
    tree = _parsed(file)
    _confirm(file, tree)
    return tuple(_references(tree))


def _references(tree: ast.Module) -> Iterator[str]:
    """The name of each reference: decorated, or given as `Exercise(reference=name)`."""
    for node in tree.body:
        match node:
            case ast.FunctionDef() | ast.ClassDef():
                if any(map(_is_exercise, node.decorator_list)):
                    yield node.name
            case ast.Assign(value=ast.Call(ast.Name("Exercise"), _, keywords)):
                for keyword in keywords:
                    if keyword.arg == "reference" and isinstance(
                        keyword.value, ast.Name
                    ):
                        yield keyword.value.id


def _confirm(file: Path, tree: ast.Module) -> None:
    """Raise DeclarationError for what is meant to be declared, and would be missed."""
    for node in tree.body:
        match node:
            case ast.Expr(ast.Call(ast.Name("Exercise"))):
                raise DeclarationError(
                    f"{file}, line {node.lineno}: Exercise(...) is made and not kept; "
                    "write `exercise = Exercise(...)`"
                )
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        for decorator in node.decorator_list:
            if isinstance(decorator, ast.Name) and decorator.id == "exercise":
                raise DeclarationError(
                    f"{file}: {node.name}: write @exercise() with brackets; in them "
                    "stand points=, hints= and the like"
                )
    defined = {
        n.name for n in tree.body if isinstance(n, ast.FunctionDef | ast.ClassDef)
    }
    declared = set(_references(tree))
    if not declared and _imports_exercise(tree):
        raise DeclarationError(
            f"{file}: it imports `exercise`, and declares none; write @exercise(...) "
            "above the reference"
        )
    for name in dict.fromkeys(_owners(tree)):
        if name in defined - declared:
            raise DeclarationError(
                f"{file}: {name}: its parts are declared, but it is no exercise; write "
                "@exercise(...) above it"
            )


def _imports_exercise(tree: ast.Module) -> bool:
    return any(
        alias.name == "exercise"
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module == "autograder.exercise"
        for alias in node.names
    )


def _owners(tree: ast.Module) -> Iterator[str]:
    """The name before each part: `softmax` of `@softmax.mistake`.

    What functions do is not looked at: that would be most of the tree.
    """
    for statement in tree.body:
        told: list[ast.AST] = [statement]
        if isinstance(statement, ast.FunctionDef | ast.ClassDef):
            told = [*statement.decorator_list]
        for node in chain.from_iterable(map(ast.walk, told)):
            match node:
                case ast.Attribute(ast.Name(owner), part) if part in PARTS:
                    yield owner


def undeclared(file: Path) -> list[str]:
    """The public functions of a file of exercises that nothing declares.

    Such a one may be a mistake that was written and never listed. What only helps
    another begins with an underscore.
    """
    tree = _parsed(file)
    used = {
        node.id
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        for node in ast.walk(call)
        if isinstance(node, ast.Name)
    }
    return [
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
        and not any(map(declares, node.decorator_list))
        and node.name not in used
    ]


def _is_exercise(decorator: ast.expr) -> bool:
    return isinstance(decorator, ast.Call) and (
        isinstance(decorator.func, ast.Name) and decorator.func.id == "exercise"
    )


class Shelf(Mapping[str, Exercise]):
    """The exercises of a package, by name. A module is imported when it is needed.

    So a chapter without torch does not wait for a solution that imports it, and who
    asks for one exercise does not wait until the files of all have been read.
    loaded: what is to be done with each exercise when its module has been imported.
    """

    loaded: Callable[[Exercise], None] = staticmethod(lambda exercise: None)

    def __init__(self, package: str):
        self._package = package
        home = importlib.import_module(package)
        self._folders = [Path(folder) for folder in home.__path__]
        self._asked: dict[str, Path | None] = {}
        self._exercises: dict[str, Exercise] = {}

    @cached_property
    def _files(self) -> dict[str, Path]:
        return registered(*self._folders)

    def _file(self, name: str) -> Path | None:
        if "_files" in vars(self):
            return self._files.get(name)
        if name not in self._asked:
            self._asked[name] = registered(*self._folders, only=name).get(name)
        return self._asked[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._file(name) is not None

    def file(self, name: str) -> Path:
        """The file that declares an exercise."""
        return self._file(name) or self._files[name]

    def __getitem__(self, name: str) -> Exercise:
        file = self.file(name)
        if name not in self._exercises and file.suffix == ".key":
            from autograder.exercises.answer_key import load

            self._exercises[name] = load(file)
        elif name not in self._exercises:
            module = importlib.import_module(f"{self._package}.{file.stem}")
            for found in declared_in(module):
                if found.name not in self._exercises:
                    self._exercises[found.name] = found
                    self.loaded(found)
        return self._exercises[name]


@cache
def discover(package: str = "solutions") -> Shelf:
    """The exercises that a package declares, by function name."""
    return Shelf(package)


def declaring() -> list[Path]:
    """The folders in which exercises are declared, those that were added too."""
    return [Path(folder) for folder in importlib.import_module("solutions").__path__]


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
