"""What a chapter's zip holds besides its notebook, and what the book's page holds.

    an earlier chapter's     its reference, and what is needed to check it
    this chapter's           a key: arrays and texts, no code that answers it
    a later chapter's        a key without mistakes and hints, where cells call it

Neither nbgrader nor a course is needed for it.
"""

import ast
import io
import json
import sys
import zipfile
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions, version
from pathlib import Path

import nbformat

from autograder.chapters import dependencies
from autograder.chapters.chapter import Chapter
from autograder.chapters.toc import ROOT, steps, workflow
from autograder.course.handout.record import Seen, key_of, recorded
from autograder.course.handout.rules import ReleaseError, home, rules
from autograder.exercises.registry import discover
from autograder.exercises.source import excerpt

ALWAYS = ("jupyterlab",)  # what starts the notebook; nothing imports it
WHEN = (1980, 1, 1, 0, 0, 0)  # the same files give the same bytes
BESIDE = (".css", ".js")  # what a package reads besides its modules


def handout_files(
    path: Path, name: str, exercises: dict[str, bytes] | None = None, due: str = ""
) -> dict[str, bytes]:
    """The files around a released notebook, by their place in the zip.

    exercises: the files of `solutions/`; by default those that give no answer away, for
    which the notebook's cells are run once. due: until when to hand in, if that is set.
    """
    chapter = Chapter(path, nbformat.read(str(path), as_version=4))
    code = "\n\n".join(c.source for c in chapter.notebook.cells if _is_python(c))
    # A declaration imports the face that is made for it.
    modules = dependencies.modules(f"import autograder.exercise\n{code}", ROOT)
    modules = dependencies.with_packages(modules, ROOT)
    modules = {file for file in modules if file.parent.name != "solutions"}
    files = {_place(file): file.read_bytes() for file in modules}
    for folder in {file.parent for file in modules}:
        beside = [file for file in folder.iterdir() if file.suffix in BESIDE]
        files |= {_place(file): file.read_bytes() for file in beside}
    if exercises is None:
        asked = dependencies.asked_for(code, modules) & set(discover())
        own = {exercise.name for exercise in chapter.exercises().values()}
        seen = recorded(chapter.path, closed_to(name, own))
        exercises = exercise_files(name, own, asked, seen)
    files |= exercises
    packages = _packages(code, files)
    files["requirements.txt"] = _requirements(packages).encode()
    files["_toc.json"] = contents().encode()
    files["README.md"] = _readme(name, "torch" in packages, due).encode()
    return files


def _is_python(cell) -> bool:
    try:
        return cell.cell_type == "code" and bool(ast.parse(cell.source))
    except SyntaxError:  # a cell with a magic
        return False


def _place(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


def closed_to(chapter: str, own: set[str]) -> list[str]:
    """The exercises whose references a learner of a chapter must not see: its own, and
    those of later chapters.
    """
    return [name for name in discover() if name not in _earlier(chapter) - own]


def exercise_files(
    chapter: str, own: set[str], asked: set[str], seen: dict[str, Seen]
) -> dict[str, bytes]:
    """The files of `solutions/`: keys, and the references of earlier chapters.

    own: the chapter's exercises. asked: what its code asks for by name. seen: what its
    cells ask of the references that it must not hold, as `recorded` gives it.
    """
    earlier = _earlier(chapter) - own
    files = {"solutions/__init__.py": b'"""The exercises that this chapter needs."""\n'}
    for name in sorted(own | seen.keys()):
        exercise = discover()[name]
        key = key_of(exercise, seen.get(name, []), borrowed=name not in own)
        files[f"solutions/{name}.key"] = key
        if text := rules(exercise):
            files[f"solutions/{name}_rules.py"] = text.encode()
    for path, names in _declaring(asked & earlier, earlier).items():
        files[f"solutions/{path.name}"] = _declaration(path, names).encode()
    return files


def _earlier(chapter: str) -> set[str]:
    """The exercises of the chapters before this one."""
    names: set[str] = set()
    for step in steps():
        if step.chapter == chapter:
            break
        names.update(step.exercises)
    return names


def _declaring(names: set[str], earlier: set[str]) -> dict[Path, set[str]]:
    """The files that declare some exercises, with the exercises to take from each.

    The references that these call are taken too.
    """
    found: dict[Path, set[str]] = {}
    todo = set(names)
    while todo:
        name = todo.pop()
        path = home(name)
        found.setdefault(path, set()).add(name)
        tree = ast.parse(_declaration(path, found[path]))
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom):
                own = (node.module or "").startswith("solutions")
                todo |= {a.name for a in node.names if own}
        todo -= set().union(*found.values())
        if todo - earlier:
            raise ReleaseError(
                f"{path}: it needs {', '.join(sorted(todo - earlier))}, which no "
                "earlier chapter asks for; write it without"
            )
    return found


KEPT = ("points", "compared", "ordinary")
PARTS_KEPT = ("case", "must", "drive")


def _declaration(path: Path, names: set[str]) -> str:
    """A module of `solutions` with some of its exercises, without their mistakes."""
    tree = ast.parse(path.read_text(encoding="utf-8"))

    def above(statement: ast.stmt) -> Iterator[str]:
        if not isinstance(statement, ast.FunctionDef | ast.ClassDef):
            return
        for decorator in statement.decorator_list:
            match decorator:
                case ast.Call(ast.Name("exercise"), _, keywords):
                    if statement.name in names:
                        kept = [k for k in keywords if k.arg in KEPT]
                        call = ast.Call(decorator.func, [], kept)
                        yield f"@{ast.unparse(call)}"
                case ast.Attribute(ast.Name(of), part):
                    if of in names and part in PARTS_KEPT:
                        yield f"@{of}.{part}"

    declared = {getattr(s, "name", "") for s in tree.body if any(above(s))}
    docstring = ast.get_docstring(tree) or path.stem
    return excerpt(path, declared | {"exercise"}, docstring, above)


# --- the files that explain ---------------------------------------------------


def _packages(code: str, files: dict[str, bytes]) -> set[str]:
    """The first names of the packages from elsewhere that code and files import."""
    texts = [code, *(t.decode() for path, t in files.items() if path.endswith(".py"))]
    used = set().union(*map(_imported, texts))
    return used - sys.stdlib_module_names - {"autograder", "book", "solutions"}


@cache
def _imported(text: str) -> set[str]:
    return dependencies.imported(ast.walk(ast.parse(text)))


_distributions = cache(packages_distributions)  # it looks at every installed file


def _requirements(packages: set[str]) -> str:
    """What to install, in the versions that are installed here."""
    known = _distributions()
    names = {known[package][0] for package in packages if package in known}
    pins = (f"{name}=={version(name).split('+')[0]}" for name in names | set(ALWAYS))
    return "\n".join(sorted(pins, key=str.lower)) + "\n"


def contents() -> str:
    """The contents of a folder without pages, as JSON: titles, exercises, and what the
    drawing of the workflow needs.
    """
    parts: dict[str, list] = {}
    for step in steps():
        entry = {
            "file": f"book/{step.chapter}",
            "title": step.title,
            "exercises": list(step.exercises),
            "gives": ", ".join(map(str, step.gives)),
        }
        parts.setdefault(step.part, []).append(entry)
    listed = [{"caption": part, "chapters": found} for part, found in parts.items()]
    whole = {"meta": {"workflow": workflow()}, "parts": listed}
    return json.dumps(whole, ensure_ascii=False, indent=1)


README = """# {title}

One chapter of *Attention by writing*: read it, write its functions, see at once what is
right and what is not. You need Python 3.11 or newer, and nothing else of the book.

## Install

In a terminal, in this folder:

```
python -m venv .venv
.venv/bin/python -m pip install -r requirements.txt
```

On Windows, write `.venv\\Scripts\\python` in the place of `.venv/bin/python`, here and
below.
{torch}
## Work

```
.venv/bin/python -m jupyterlab {name}.ipynb
```

Run the cells from above with Shift+Enter. Where it says `raise NotImplementedError`,
write your own lines, and run the cell and the `check` below it. The other folders here
hold what `check`, `hint` and the animations need; leave them as they are, beside the
notebook.

What you solve is kept in `.solved`, beside the notebook. If you copy `.solved` from the
folder of an earlier chapter into this one, this chapter works with your own functions.

## Hand in

Save the notebook, and hand in `{name}.ipynb` where your course collects it: this one
file, under this name.{due}
"""

TORCH = """
On Linux, PyTorch's usual package brings gigabytes of GPU libraries. Where that is too
much, install a CPU build of `torch=={version}` into `.venv` first.
"""


def _readme(name: str, torch: bool, due: str) -> str:
    title = next(step.title for step in steps() if step.chapter == name)
    note = TORCH.format(version=version("torch").split("+")[0]) if torch else ""
    until = f" It is due {due}." if due else ""
    return README.format(title=title, name=name, torch=note, due=until)


def packed(files: dict[str, bytes], folder: str = "") -> bytes:
    """The files as a zip, in a folder if one is named: always the same bytes."""
    place = f"{folder}/" if folder else ""
    archived = io.BytesIO()
    with zipfile.ZipFile(archived, "w") as archive:
        for path in sorted(files):
            entry = zipfile.ZipInfo(f"{place}{path}", WHEN)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, files[path], zipfile.ZIP_DEFLATED, 9)
    return archived.getvalue()
