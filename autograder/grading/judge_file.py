"""Judge the registered functions that a plain Python file defines."""

import ast
from pathlib import Path

from autograder.chapters.toc import chapter_of
from autograder.exercises.declaration import Exercise
from autograder.exercises.registry import discover
from autograder.grading.submission import flags_in, visible
from autograder.judge.verdict import Verdict, judge
from autograder.values.wire import Outcome


class SubmissionError(ValueError):
    """A file that cannot be judged. One sentence that names the file and the remedy."""


def judge_file(path: Path, allow_unsafe: bool = False) -> list[Verdict]:
    """One verdict for each registered function that the file defines.

    The file runs in the sandbox. Raises SubmissionError where there is nothing to
    judge, and SandboxUnavailable where this machine offers no sandbox.
    """
    from autograder.grading.assess import kit_for
    from autograder.sandbox.engine import Engine

    source = _read(path)
    tree = _parsed(path, source)
    exercises = _registered(path, tree)
    # Of earlier chapters alone, so that no reference of these exercises is near.
    kit = kit_for(min(map(chapter_of, exercises)))
    with (
        Engine(allow_unsafe=allow_unsafe) as engine,
        engine.submission([source], kit) as submission,
    ):
        if submission.errors and not any(map(submission.defined, exercises)):
            error = submission.errors[0][1]
            place = f" in the line `{error.line}`" if error.line else ""
            told = visible(f"{error.kind}{place}: {error.message}")  # in one line
            raise SubmissionError(f"{path}: running it ends with {told}")
        return [_judge(exercise, submission, tree) for exercise in exercises.values()]


def _judge(exercise: Exercise, submission, tree: ast.Module) -> Verdict:
    def call(arguments: tuple) -> Outcome:
        return submission.call(exercise.name, arguments, exercise.drive_source)

    flags = flags_in([tree], exercise.flagged)
    return judge(exercise, call, seed=fresh_seed(), flags=flags)


def fresh_seed() -> int:
    """A seed that nobody can guess: hidden cases are drawn from it."""
    import secrets

    return secrets.randbits(64)


def _read(path: Path) -> str:
    if not path.exists():
        raise SubmissionError(f"{path}: there is no such file")
    if not path.is_file():
        what = "a folder" if path.is_dir() else "no ordinary file"
        raise SubmissionError(f"{path}: this is {what}; name one Python file")
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise SubmissionError(
            f"{path}: this is not UTF-8 text; save it as UTF-8"
        ) from None


def _parsed(path: Path, source: str) -> ast.Module:
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


def _registered(path: Path, tree: ast.Module) -> dict[str, Exercise]:
    """The exercises whose functions a file defines at its top level."""
    kinds = ast.FunctionDef | ast.ClassDef
    names = dict.fromkeys(n.name for n in tree.body if isinstance(n, kinds))
    found = {name: discover()[name] for name in names if name in discover()}
    if not found:
        raise SubmissionError(
            f"{path}: defines none of the book's functions; they are "
            f"{', '.join(discover())}"
        )
    return found
