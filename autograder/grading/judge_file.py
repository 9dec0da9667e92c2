"""Judge the registered functions that a plain Python file, or a notebook, defines."""

import ast
import codecs
import re
import tokenize
from collections.abc import Iterable
from dataclasses import replace
from io import BytesIO
from itertools import groupby
from pathlib import Path

from autograder.chapters.toc import chapter_of
from autograder.errors import UserError
from autograder.exercises import answers
from autograder.exercises.declaration import Exercise
from autograder.exercises.registry import discover
from autograder.grading import submission as notebooks
from autograder.grading.assignment import Options
from autograder.grading.cells import flags_in, names_in
from autograder.grading.submission import visible
from autograder.judge.diagnosis import brought_by
from autograder.judge.verdict import Verdict, judge
from autograder.values.wire import Outcome


class SubmissionError(UserError):
    """A file that cannot be judged. One sentence that names the file and the remedy."""


def judge_file(path: Path, allow_unsafe: bool = False) -> list[Verdict]:
    """One verdict for each registered function that the file defines.

    The file runs in the sandbox. Raises SubmissionError where there is nothing to
    judge, and SandboxUnavailable where this machine offers no sandbox.
    """
    from autograder.grading.stand_ins import kit_for
    from autograder.grading.warm import engine_for

    cells, notes = _cells(path)
    trees = [_parsed(path, cell) for cell in cells]
    exercises = _registered(path, trees)
    found: dict[str, Verdict] = {}
    ends = []  # what running the file ends with, for each chapter
    engine = engine_for(cells, Options(allow_unsafe=allow_unsafe))
    for chapter, names in _by_chapter(exercises):
        # What `ready` gives is of earlier chapters alone, as in a class: no reference
        # of what is judged is near.
        with engine.submission(cells, kit_for(chapter)) as submission:
            ends.append(_told(submission.errors))
            for name in filter(submission.defined, names):
                found[name] = _judge(exercises[name], submission, trees)
    judged = [found[name] for name in exercises if name in found]
    if not judged:
        raise SubmissionError(f"{path}: {ends[0] or answers.gone(exercises)}")
    # The last chapter comes first, with all that `ready` may be asked for.
    flags = (*notes, *filter(None, ends[:1]), *_near(trees, exercises))
    judged = [replace(verdict, flags=(*flags, *verdict.flags)) for verdict in judged]
    written = {name for tree in trees for name in answers.defined_in(tree)}
    # `scores = Q @ K.T` only has the name of an exercise.
    return [v for v in judged if v.exercise in written or not _no_function(v)] or judged


def _by_chapter(exercises: Iterable[str]) -> list[tuple[str, list[str]]]:
    """(chapter, its exercises), the last chapter first."""
    last_first = sorted(exercises, key=chapter_of, reverse=True)
    return [(stem, list(names)) for stem, names in groupby(last_first, key=chapter_of)]


def _told(errors) -> str:
    """What running the file ended with, in one line."""
    if not errors:
        return ""
    error = errors[0][1]
    place = f" in the line `{error.line}`" if error.line else ""
    lacks = re.search(r"'(\w+)' is not defined", error.message)
    remedy = f". {brought_by(lacks[1])}".rstrip(". ") if lacks else ""
    return visible(f"running it ends with {error.kind}{place}: {error.message}{remedy}")


def _near(trees, exercises) -> list[str]:
    """What is defined besides under nearly the name of an exercise."""
    missing = [name for name in discover() if name not in exercises]
    pairs = (p for tree in trees for p in answers.written_otherwise(tree, missing))
    return [f"{name} is defined besides: is {near} meant?" for name, near in pairs]


def _no_function(verdict: Verdict) -> bool:
    return "object is not callable" in verdict.rationale and not verdict.score


def _judge(exercise: Exercise, submission, trees) -> Verdict:
    def call(arguments: tuple) -> Outcome:
        return submission.call(exercise.name, arguments, exercise.drive_source)

    flags = flags_in(trees, exercise.flagged)
    return judge(exercise, call, seed=fresh_seed(), flags=flags)


def fresh_seed() -> int:
    """A seed that nobody can guess: hidden cases are drawn from it."""
    import secrets

    return secrets.randbits(64)


def _cells(path: Path) -> tuple[list[str], tuple[str, ...]]:
    """The pieces of code in a file, and what is to be noted of it."""
    if not path.exists():
        raise SubmissionError(f"{path}: there is no such file")
    if not path.is_file():
        what = "a folder" if path.is_dir() else "no ordinary file"
        raise SubmissionError(f"{path}: this is {what}; name one Python file")
    data = path.read_bytes()
    text = _text(path, data)
    looks_so = text.lstrip().startswith("{") and '"cells"' in text
    if path.suffix != ".ipynb" and not looks_so:
        return [text], ()
    try:
        cells = notebooks.parse(text.encode())
    except notebooks.UnreadableError as error:
        raise SubmissionError(f"{path}: {error}") from None
    note = f"{path.name} is a notebook: hand it in as .ipynb, or save its code as .py"
    code = [
        cell.source for cell in cells if cell.kind == "code" and cell.source.strip()
    ]
    return code, () if path.suffix == ".ipynb" else (visible(note),)


def _text(path: Path, data: bytes) -> str:
    """A file's text, in the encoding that its first bytes or its first lines name."""
    try:
        if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return data.decode("utf-16")
        encoding, _ = tokenize.detect_encoding(BytesIO(data).readline)
        return data.decode(encoding)
    except (UnicodeDecodeError, SyntaxError):
        raise SubmissionError(
            f"{path}: this is not UTF-8 text; save it as UTF-8"
        ) from None


def _parsed(path: Path, source: str) -> ast.Module:
    """The code as IPython reads it: magics are no mistake."""
    names = names_in(source)
    if names is not None:
        return names.tree
    try:
        return ast.parse(source)
    except SyntaxError as error:
        raise SubmissionError(
            f"{path}, line {error.lineno}: Python cannot read this: {error.msg}"
        ) from None
    except ValueError as error:
        raise SubmissionError(f"{path}: Python cannot read this: {error}") from None
    except (RecursionError, MemoryError):
        raise SubmissionError(
            f"{path}: Python cannot read this: an expression in it is too long, or "
            "has too many parts in each other"
        ) from None


def _registered(path: Path, trees: list[ast.Module]) -> dict[str, Exercise]:
    """The exercises whose names a file binds at its top level."""
    known = discover()
    names = dict.fromkeys(name for tree in trees for name in answers.bound_in(tree))
    found = {name: known[name] for name in names if name in known}
    if found:
        return found
    near = [pair for tree in trees for pair in answers.misspelt(tree, known)]
    if near:
        told = "; ".join(f"{name}: is {meant} meant?" for name, meant in near[:3])
        raise SubmissionError(f"{path}: defines {told}")
    hidden = (answers.advice(name, trees) for name in known)
    told = next(filter(None, hidden), "")
    raise SubmissionError(
        f"{path}: {told}"
        if told
        else f"{path}: defines none of the book's functions; they are "
        f"{', '.join(known)}"
    )
