"""`release CHAPTER`: what nbgrader releases, and one zip to use it anywhere.

The zip holds the released notebook, the modules that it imports, and the exercises:

    an earlier chapter's     its reference, and what is needed to check it
    this chapter's           a key: arrays and texts, no code that answers it
    a later chapter's        a key without mistakes and hints, where cells call it

Nothing of the course is in it but what nbgrader releases: no source, no secret.
"""

import ast
import inspect
import io
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from importlib.metadata import packages_distributions, version
from pathlib import Path

import nbformat
import yaml

from autograder.chapters import dependencies
from autograder.chapters.chapter import Chapter, load_chapters
from autograder.chapters.toc import ROOT, steps
from autograder.course.config import find_own_programs
from autograder.course.folder import confirm_course
from autograder.course.gradebook import load_course
from autograder.course.handout.record import key_of, recorded
from autograder.exercises.declaration import Exercise
from autograder.exercises.registry import discover
from autograder.exercises.source import excerpt
from autograder.files.whole import write_whole
from autograder.grading.assignment import CourseError

ALWAYS = ("jupyterlab",)  # what starts the notebook; nothing imports it
BESIDE = (".css", ".js")  # what a package reads besides its modules
WHEN = (1980, 1, 1, 0, 0, 0)  # the same files give the same bytes


class ReleaseError(ValueError):
    """A chapter that cannot be packed. Names the file and the remedy."""


def release(course: Path, name: str, tell=lambda line: None) -> list[str]:
    """Release a chapter with nbgrader and pack it; return one line for each thing made.

    What is in `release/CHAPTER` is made anew, from `source/CHAPTER`. tell: is given
    one line before what takes long.
    Raises ChapterError for an unknown chapter, CourseError where there is no course or
    nbgrader refuses, ReleaseError where a file would give an answer away.
    """
    confirm_course(course)
    load_chapters([name])  # complains of an unknown one
    folder = _assigned(course, name)
    files = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }
    tell(f"{name}: running its cells once, to record what they need")
    files = _handout(folder / f"{name}.ipynb", name) | files
    packed = _packed(files, name)
    target = course / "handout" / f"{name}.zip"
    write_whole(target, packed)
    return [
        f"{folder}: released by nbgrader",
        f"{target}: written, {len(files)} files, {_size(len(packed))}",
    ]


def _size(count: int) -> str:
    return f"{count / 2**20:.1f} MiB" if count >= 2**20 else f"{count / 2**10:.0f} KiB"


def _assigned(course: Path, name: str) -> Path:
    """Let nbgrader generate the assignment; the folder with the released notebook."""
    find_own_programs()
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", "generate_assignment", name, "--force"],
        cwd=course,
        capture_output=True,
        text=True,
    )
    directory = load_course(course)
    folder = Path(directory.format_path(directory.release_directory, ".", name))
    if done.returncode or not (folder / f"{name}.ipynb").is_file():
        told = "\n".join(done.stderr.strip().splitlines()[-8:])
        raise CourseError(f"nbgrader generate_assignment {name} failed:\n{told}")
    return folder


# --- what goes into the zip ---------------------------------------------------


def _handout(path: Path, name: str) -> dict[str, bytes]:
    """The files around a released notebook, by their place in the zip."""
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
    asked = dependencies.asked_for(code, modules) & set(discover())
    files |= _exercises(chapter, asked)
    packages = _packages(code, files)
    files["requirements.txt"] = _requirements(packages).encode()
    files["_toc.yml"] = _contents().encode()
    files["README.md"] = _readme(name, "torch" in packages).encode()
    return files


def _is_python(cell) -> bool:
    try:
        return cell.cell_type == "code" and bool(ast.parse(cell.source))
    except SyntaxError:  # a cell with a magic
        return False


def _place(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


def _exercises(chapter: Chapter, asked: set[str]) -> dict[str, bytes]:
    """The files of `solutions/`: keys, and the references of earlier chapters."""
    own = {exercise.name for exercise in chapter.exercises().values()}
    earlier = _earlier(chapter.name) - own
    closed = [name for name in discover() if name not in earlier]
    seen = recorded(chapter.path, closed)
    files = {"solutions/__init__.py": b'"""The exercises that this chapter needs."""\n'}
    for name in sorted(own | seen.keys()):
        exercise = discover()[name]
        key = key_of(exercise, seen.get(name, []), borrowed=name not in own)
        files[f"solutions/{name}.key"] = key
        if exercise.properties or exercise.drive:
            files[f"solutions/{name}_rules.py"] = _rules(exercise).encode()
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


def _home(name: str) -> Path:
    """The file that declares an exercise."""
    return Path(inspect.getsourcefile(discover()[name].reference))


def _rules(exercise: Exercise) -> str:
    """The source of an exercise's properties and of its `drive`, no more."""
    path = _home(exercise.name)
    rules = [*exercise.properties, *([exercise.drive] if exercise.drive else [])]
    names = [rule.__name__ for rule in rules]
    text = excerpt(path, names, f"What must hold for any right {exercise.name}.")
    answers = exercise.reference, *exercise.mistakes, *exercise.equivalents
    given_away = dependencies.defined(ast.parse(text)) & {a.__name__ for a in answers}
    if given_away:
        raise ReleaseError(
            f"{path}: {' or '.join(names)} needs {', '.join(sorted(given_away))}, "
            "which learners must not see; write it without"
        )
    return text


def _declaring(names: set[str], earlier: set[str]) -> dict[Path, set[str]]:
    """The files that declare some exercises, with the exercises to take from each.

    The references that these call are taken too.
    """
    found: dict[Path, set[str]] = {}
    todo = set(names)
    while todo:
        name = todo.pop()
        path = _home(name)
        found.setdefault(path, set()).add(name)
        tree = ast.parse(_declaration(path, found[path]))
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module.startswith("solutions"):
                todo |= {a.name for a in node.names}
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
        for decorator in getattr(statement, "decorator_list", []):
            match decorator:
                case ast.Call(ast.Name("exercise"), _, keywords):
                    if statement.name in names:
                        kept = [k for k in keywords if k.arg in KEPT]
                        call = ast.Call(decorator.func, [], kept)
                        yield f"@{ast.unparse(call)}"
                case ast.Attribute(ast.Name(of), part):
                    if of in names and part in PARTS_KEPT:
                        yield f"@{of}.{part}"

    declared = {s.name for s in tree.body if any(above(s))}
    docstring = ast.get_docstring(tree) or path.stem
    return excerpt(path, declared | {"exercise"}, docstring, above)


# --- the files that explain ---------------------------------------------------


def _packages(code: str, files: dict[str, bytes]) -> set[str]:
    """The first names of the packages from elsewhere that code and files import."""
    texts = [code, *(t.decode() for path, t in files.items() if path.endswith(".py"))]
    used = set().union(*(dependencies.imported(ast.parse(text)) for text in texts))
    return used - sys.stdlib_module_names - {"autograder", "book", "solutions"}


def _requirements(packages: set[str]) -> str:
    """What to install, in the versions that are installed here."""
    known = packages_distributions()
    names = {known[package][0] for package in packages if package in known}
    pins = (f"{name}=={version(name).split('+')[0]}" for name in names | set(ALWAYS))
    return "\n".join(sorted(pins, key=str.lower)) + "\n"


def _contents() -> str:
    """The `_toc.yml` of a folder without pages: titles and exercises stand in it."""
    parts: dict[str, list] = {}
    for step in steps():
        entry = {"file": f"book/{step.chapter}", "title": step.title}
        entry["exercises"] = list(step.exercises)
        parts.setdefault(step.part, []).append(entry)
    listed = [{"caption": part, "chapters": found} for part, found in parts.items()]
    return yaml.safe_dump({"parts": listed}, sort_keys=False, allow_unicode=True)


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
file, under this name.
"""

TORCH = """
On Linux, PyTorch's usual package brings gigabytes of GPU libraries. Where that is too
much, install a CPU build of `torch=={version}` into `.venv` first.
"""


def _readme(name: str, torch: bool) -> str:
    title = next(step.title for step in steps() if step.chapter == name)
    note = TORCH.format(version=version("torch").split("+")[0]) if torch else ""
    return README.format(title=title, name=name, torch=note)


def _packed(files: dict[str, bytes], name: str) -> bytes:
    """The files as a zip, in a folder of that name: always the same bytes."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in sorted(files):
            entry = zipfile.ZipInfo(f"{name}/{path}", WHEN)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, files[path])
    return packed.getvalue()
