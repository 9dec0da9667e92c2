"""The chapters, and every notebook that is made from them.

A chapter is a MyST notebook, `book/05_softmax.md`. The cell that defines a function
that `solutions` declares is an exercise; the cell that is `check(softmax)` is its
test. Both are found by reading the code: chapters carry no metadata for grading.

    stub      the reference's signature and docstring, `raise NotImplementedError`
    learner   the chapter as a notebook
    source    the chapter with the references in place of the stubs, between
              nbgrader's marks, and with the outputs that the checks must give
"""

import ast
import copy
import difflib
import inspect
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import jupytext
import nbformat

from autograder.chapters.numbers import renumbered
from autograder.chapters.toc import ROOT, chapters_listed, told_became
from autograder.errors import UserError
from autograder.exercises.declaration import (
    BEGIN,
    END,
    STUB,
    DeclarationError,
    Exercise,
)
from autograder.exercises.registry import discover, undeclared
from autograder.exercises.source import source_of
from autograder.judge.cases import confirm
from autograder.judge.render import AGREEMENT, Points, as_html, as_text
from autograder.judge.verdict import right

FOLDED = {"remove-input", "hide-input"}  # tags of cells whose code nobody has to read


class ChapterError(UserError):
    """A chapter that cannot be read or composed. Names the file and the remedy."""


@dataclass(frozen=True)
class Chapter:
    """One chapter: its file, and its cells as a notebook."""

    path: Path
    notebook: nbformat.NotebookNode

    @property
    def name(self) -> str:
        """The stem of the file: also the nbgrader assignment's name."""
        return self.path.stem

    def exercises(self) -> dict[int, Exercise]:
        """Cell index -> the exercise whose function that cell defines."""
        return self._cells(defined_names)

    def checks(self) -> dict[int, Exercise]:
        """Cell index -> the exercise that the cell checks."""
        return self._cells(lambda source: [called_with("check", source)])

    def _cells(self, names_in) -> dict[int, Exercise]:
        declared = discover()
        return {
            index: declared[name]
            for index, cell in enumerate(self.notebook.cells)
            if cell.cell_type == "code"
            for name in names_in(cell.source)
            if name in declared
        }


def load_chapters(only: list[str] | None = None) -> list[Chapter]:
    """Every numbered chapter, in reading order: see `workflow.chapters_listed`.

    only: names of chapters; an unknown one raises ChapterError.
    """
    paths = {path.stem: path for path, *_ in chapters_listed()}
    unknown = [name for name in only or [] if name not in paths]
    if unknown:
        told = told_became(unknown[0]) or f"the chapters are {', '.join(paths)}"
        raise ChapterError(f"there is no chapter {unknown[0]}; {told}")
    return [_load(paths[name]) for name in only or paths]


def _load(path: Path) -> Chapter:
    try:
        return Chapter(path, jupytext.read(path))
    except OSError as error:
        raise ChapterError(f"{path}: {error.strerror}; _toc.yml names it") from None


def defined_names(source: str) -> list[str]:
    """The functions and classes that a cell defines at its top level."""
    kinds = ast.FunctionDef | ast.ClassDef
    return [node.name for node in _statements(source) if isinstance(node, kinds)]


def called_with(function: str, source: str) -> str | None:
    """`softmax` where a cell is nothing but `check(softmax)`; else None."""
    match _statements(source):
        case [ast.Expr(ast.Call(ast.Name(name), [ast.Name(argument)], []))]:
            return argument if name == function else None
    return None


def calls_last(function: str, source: str) -> bool:
    """True where a cell's last statement calls a function, as in `agree(a, b)`."""
    statements = _statements(source)
    match statements[-1] if statements else None:
        case ast.Expr(ast.Call(ast.Name(name))):
            return name == function
    return False


def _statements(source: str) -> list[ast.stmt]:
    try:
        return ast.parse(source).body
    except SyntaxError:  # a cell with a magic, or a learner's typing error
        return []


# --- from the declaration to the cell -----------------------------------------


def stub_of(exercise: Exercise) -> str:
    """The reference's signature and docstring, with the stub for a body."""
    return _with_bodies(exercise, lambda body: [STUB])


def solution_of(exercise: Exercise) -> str:
    """The reference as nbgrader's source wants it, between its two marks."""
    return _with_bodies(exercise, lambda body: [BEGIN, *body, END])


def _with_bodies(exercise: Exercise, replace) -> str:
    """The reference's source, each function's body after its docstring replaced."""
    source = source_of(exercise.reference)
    lines = source.splitlines()
    functions = [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef) and node.col_offset in OUTER
    ]
    for node in sorted(functions, key=lambda n: n.lineno, reverse=True):
        start = _body_start(node)
        body = textwrap.dedent("\n".join(lines[start : node.end_lineno])).splitlines()
        indent = " " * (node.col_offset + 4)
        new = [indent + line if line else "" for line in replace(body)]
        lines[start : node.end_lineno] = new
    return "\n".join(lines)


OUTER = (0, 4)  # where a function stands, or a method of the class that is the exercise


def _body_start(node: ast.FunctionDef) -> int:
    """The line index after the signature, and after the docstring if there is one."""
    first = node.body[0]
    if ast.get_docstring(node) is not None:
        return first.end_lineno or first.lineno
    return first.lineno - 1


# --- from the declaration to the chapter's file -------------------------------


def sync(write: bool = True) -> list[Path]:
    """Write every stub into its chapter, and today's number into every link to one;
    return the files that differed.

    write: False only looks. A file is touched where one of these changes.
    """
    stale, chapters = [], load_chapters()
    for chapter in chapters:
        confirm_chapter(chapter)
    _confirm_all_are_asked(chapters)
    _confirm_all_is_declared()
    of_file = {chapter.path: chapter for chapter in chapters}
    for path in dict.fromkeys([*of_file, *sorted((ROOT / "book").glob("*.md"))]):
        old = path.read_text(encoding="utf-8")
        text = renumbered(old, path)
        if path in of_file:
            text = _with_stubs(of_file[path], text)
        if text != old:
            stale.append(path)
            if write:
                path.write_text(text, encoding="utf-8")
    return stale


def _confirm_all_is_declared() -> None:
    """Raise DeclarationError where a function stands by, that nothing declares."""
    for file in dict.fromkeys(discover().file(name) for name in discover()):
        if file.suffix == ".py" and (names := undeclared(file)):
            raise DeclarationError(
                f"{file}: {', '.join(names)}: no decorator says what it is, such as "
                "@NAME.mistake; what only helps others begins with an underscore"
            )


def _with_stubs(chapter: Chapter, text: str) -> str:
    """The text of a chapter with the stub of every exercise in its place."""
    for index, exercise in chapter.exercises().items():
        source = chapter.notebook.cells[index].source
        if text.count(source) != 1:
            raise ChapterError(
                f"{chapter.path}: the cell that defines {exercise.name} occurs "
                f"{text.count(source)} times; it has to stand there once"
            )
        text = text.replace(source, stub_of(exercise))
    return text


def confirm_chapter(chapter: Chapter) -> None:
    """Raise ChapterError where a chapter and the declarations do not fit together,
    DeclarationError where a reference of its does not run.
    """
    _confirm_declared(chapter)
    defined = {exercise.name for exercise in chapter.exercises().values()}
    checked = {exercise.name for exercise in chapter.checks().values()}
    for name in sorted(defined ^ checked):
        raise ChapterError(
            f"{chapter.path}: {name} needs both a cell that defines it and a cell "
            f"that is check({name}) and nothing else"
        )
    for index, exercise in chapter.exercises().items():
        confirm(exercise)
        _confirm_names(chapter, index, exercise)


def _confirm_declared(chapter: Chapter) -> None:
    """A misspelt name would be no exercise at all, and nobody would notice."""
    declared = discover()
    for cell in chapter.notebook.cells:
        name = cell.cell_type == "code" and called_with("check", cell.source)
        if name and name not in declared:
            close = difflib.get_close_matches(name, declared, 1)
            raise ChapterError(
                f"{chapter.path}: check({name}), and no exercise has this name"
                + (f"; perhaps {close[0]} is meant" if close else "")
                + ". An exercise is declared in solutions/, or in a course's exercises/"
            )


def _confirm_names(chapter: Chapter, index: int, exercise: Exercise) -> None:
    """What the reference uses of its module, a learner has to have in the chapter."""
    needed = {"check"}
    if inspect.isfunction(exercise.reference):
        needed |= inspect.getclosurevars(exercise.reference).globals.keys()
    cells = [c for c in chapter.notebook.cells[: index + 1] if c.cell_type == "code"]
    missing = needed - {name for cell in cells for name in _bound(cell.source)}
    for name in sorted(missing):
        ready = f': write `{name} = ready("{name}")`' if name in discover() else ""
        raise ChapterError(
            f"{chapter.path}: a learner needs {name} for {exercise.name}, and no cell "
            f"up to there imports or defines it{ready}"
        )


def _bound(source: str) -> Iterator[str]:
    """The names that a cell imports, defines or assigns."""
    for node in (n for top in _statements(source) for n in ast.walk(top)):
        match node:
            case ast.alias(name, None):
                yield name.partition(".")[0]
            case ast.alias(_, str(name)) | ast.FunctionDef(name) | ast.ClassDef(name):
                yield name
            case ast.Name(name, ast.Store()):
                yield name


def _confirm_all_are_asked(chapters: list[Chapter]) -> None:
    asked = {e.name for chapter in chapters for e in chapter.exercises().values()}
    for name in discover():
        if name not in asked:
            raise ChapterError(
                f"{discover().file(name)}: no chapter asks for {name}. Put its two "
                "cells into one: into book/NN_noun.md, which _toc.yml names, or into "
                "chapters/NN_noun.md of a course"
            )


# --- from the chapter to notebooks --------------------------------------------


def learner_notebook(chapter: Chapter) -> nbformat.NotebookNode:
    """The chapter as a learner gets it: the same cells, stubs unwritten."""
    notebook = copy.deepcopy(chapter.notebook)
    notebook.metadata.pop("jupytext", None)  # this copy is a notebook, not MyST
    for index, cell in enumerate(notebook.cells):
        cell.id = f"{chapter.name}-{index}".replace("_", "-")
        if cell.cell_type == "markdown":
            cell.source = _among_notebooks(cell.source)
        if FOLDED.intersection(cell.metadata.get("tags", ())):
            cell.metadata["jupyter"] = {"source_hidden": True}  # the same in JupyterLab
    return notebook


def _among_notebooks(text: str) -> str:
    """Links to other chapters' notebooks, and none to pages that are not there."""
    text = re.sub(r"\s?\((?:\[evidence\]\(#[\w-]+\)[, ]*)+\)", "", text)
    text = re.sub(r"\[([^]]+)\]\(claims\.md\)", r"\1", text)
    return re.sub(r"\]\((\d\d_\w+)\.md", r"](\1.ipynb", text)


def source_notebook(chapter: Chapter) -> nbformat.NotebookNode:
    """The chapter as nbgrader's source: references, points, expected outputs."""
    confirm_chapter(chapter)
    notebook = learner_notebook(chapter)
    for index, exercise in chapter.exercises().items():
        cell = notebook.cells[index]
        cell.source = solution_of(exercise)
        cell.metadata["nbgrader"] = _nbgrader(f"{exercise.name}_answer", solution=True)
    for index, exercise in chapter.checks().items():
        cell = notebook.cells[index]
        cell.metadata["nbgrader"] = _nbgrader(
            exercise.name, grade=True, points=exercise.points
        )
        _expect(cell, _check_outputs(exercise))
    for cell in notebook.cells:
        if cell.cell_type == "code" and calls_last("agree", cell.source):
            _expect(cell, [nbformat.v4.new_output("stream", text=f"{AGREEMENT}\n")])
    return notebook


def _nbgrader(grade_id: str, **traits) -> dict:
    metadata = {
        "grade_id": grade_id,
        "schema_version": 3,
        "grade": False,
        "solution": False,
        "locked": not traits.get("solution", False),
        "task": False,
    }
    return metadata | traits


def _expect(cell: nbformat.NotebookNode, outputs: list) -> None:
    """Give a cell the outputs that nbval has to find when it runs it."""
    cell.outputs = outputs
    cell.execution_count = 1
    cell.metadata.setdefault("tags", []).append("nbval-check-output")


def _check_outputs(exercise: Exercise) -> list:
    """What `check` says of a right answer, from the declaration alone."""
    verdict = right(exercise)
    message = {"text/plain": as_text(verdict), "text/html": as_html(verdict)}
    points = Points(verdict)._repr_mimebundle_()
    return [
        nbformat.v4.new_output("display_data", data=message),
        nbformat.v4.new_output("execute_result", data=points, execution_count=1),
    ]


def write(notebook: nbformat.NotebookNode, path: Path) -> None:
    """Write a notebook; leave the file alone where it is the same already."""
    text = nbformat.writes(notebook) + "\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def build_notebooks(
    only: list[str] | None = None, folder: Path = ROOT / "_build"
) -> int:
    """Compose the notebooks of the chapters in `_build/`; return how many.

    `_build/learner/05_softmax.ipynb` for learners, `_build/source/05_softmax.ipynb`
    for nbgrader and nbval. Where all are composed, those of chapters that are gone are
    taken away.
    """
    chapters = load_chapters(only)
    for kind, composed in (("learner", learner_notebook), ("source", source_notebook)):
        files = [folder / kind / f"{chapter.name}.ipynb" for chapter in chapters]
        for chapter, file in zip(chapters, files, strict=True):
            write(composed(chapter), file)
        if not only:
            for gone in set((folder / kind).glob("*.ipynb")).difference(files):
                gone.unlink()
    return len(chapters)
