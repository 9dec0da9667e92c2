"""Python in the page: runs a reader's cells, checks, hints, plays. Here in the worker.

What a chapter's cells would do in a notebook they do here: they share one namespace,
and what they show becomes HTML for the page. The judge, the exercises and the scenes
are the book's own, unchanged. `answer` is the only door: JSON in, JSON out.
"""

import ast
import builtins
import contextlib
import io
import json
import keyword
import linecache
import rlcompleter
import sys
import time
import traceback
import types
from html import escape
from pathlib import Path

import numpy as np

from autograder.judge import render
from autograder.notebook import verbs
from autograder.notebook.errors import note_for
from book.live.sealed import unseal

SECONDS = 10.0  # how long a reader's cell may run
LONGEST = 20_000  # characters of what is printed that are shown
LARGEST = 2_000_000  # characters of HTML that a page can still show
COMPLETIONS = 200
NAMESPACE = types.ModuleType("__main__")
cells: set[str] = set()  # the names of the cells that have run
shown: list[dict] = []  # what is to be seen: {"html": ...} or {"clip": ...}


class StillRunning(KeyboardInterrupt):
    """Raised in a reader's line that has run for longer than is allowed."""


class Clock:
    """Ends a loop of the reader's that does not end by itself.

    Python tells of each branch and jump in the reader's own code: no second thread is
    needed, and no shared memory, which a page from the file system would not get.
    """

    def __init__(self):
        self.end, self.turns = None, 0
        if hasattr(sys, "monitoring"):  # Python 3.12
            events = sys.monitoring.events
            kinds = (events.JUMP, events.BRANCH, events.PY_START)
            self.events = events.JUMP | events.BRANCH | events.PY_START
            sys.monitoring.use_tool_id(sys.monitoring.DEBUGGER_ID, "clock")
            for kind in kinds:
                sys.monitoring.register_callback(
                    sys.monitoring.DEBUGGER_ID, kind, self._turn
                )

    def watches(self, code: types.CodeType) -> None:
        """Have a piece of code, and what is defined in it, watched."""
        if not hasattr(sys, "monitoring"):
            return
        sys.monitoring.set_local_events(sys.monitoring.DEBUGGER_ID, code, self.events)
        for inner in code.co_consts:
            if isinstance(inner, types.CodeType):
                self.watches(inner)

    def _turn(self, code, *_):
        self.turns += 1
        if self.turns & 255 == 0 and self.end and time.monotonic() > self.end:
            self.end += 0.2  # once more, where a bare `except` has caught it
            raise StillRunning(f"stopped after {self.seconds:g} seconds")

    @contextlib.contextmanager
    def running(self, seconds: float):
        self.seconds, self.end = seconds, time.monotonic() + seconds
        try:
            yield
        finally:
            self.end = None


class Printed(io.TextIOBase):
    """What is printed, as far as anybody would read it."""

    def __init__(self):
        self.clear()

    def clear(self):
        self.pieces, self.length = [], 0

    def writable(self):
        return True

    def write(self, text):
        if self.length < LONGEST:
            self.pieces.append(text[: LONGEST - self.length])
        self.length += len(text)
        return len(text)

    def text(self):
        more = self.length - LONGEST
        rest = f"\n... and {more:,} more characters" if more > 0 else ""
        return "".join(self.pieces) + rest


clock = Clock()


def begin(folder: str, solved: dict[str, str]) -> None:
    """Start with what the reader solved before, where `ready` looks for it."""
    unseal(Path(__file__).resolve().parents[2])
    verbs.SOLVED = Path(folder, ".solved")
    verbs.SOLVED.mkdir(parents=True, exist_ok=True)
    for name, source in solved.items():
        if name.isidentifier():
            (verbs.SOLVED / f"{name}.py").write_text(source, encoding="utf-8")
    sys.modules["__main__"] = NAMESPACE
    render.show_through(lambda text, html: shown.append(_as_html(html)))
    render.STUCK = "Stuck? Press `Hint`, more than once if needed."


def answer(request: str) -> str:
    """Do what the page asks.

    request: JSON of `kind` (run, check, hint or play), `before` and `cell` ({name,
    source}), `function` and `seconds` -> JSON of `shown`, `printed`, and of `error`,
    `passed`, `solved` where they apply.
    """
    asked = json.loads(request)
    told: dict = {}
    printed = Printed()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        above = _quietly(asked.get("before", []), asked.get("seconds", SECONDS))
        shown.clear()
        printed.clear()
        try:
            with clock.running(asked.get("seconds", SECONDS)):
                told = _do(asked)
        except BaseException as error:  # the reader's own: told, never thrown
            told = {"error": said_of(error), "passed": False}
            if above and isinstance(error, NameError):
                told["error"] += f"\n\nA cell above ended with an error, too: {above}"
    return json.dumps(told | {"shown": shown, "printed": printed.text()})


def _quietly(cells: list[dict], seconds: float) -> str:
    """Run the cells above without showing anything; what the last error says."""
    said = ""
    for cell in cells:
        try:
            with clock.running(seconds):
                _run(cell)
        except BaseException as error:
            said = traceback.format_exception_only(error)[-1].strip()
    return said


def _do(asked: dict) -> dict:
    name, kind = asked.get("function", ""), asked["kind"]
    if kind in ("check", "hint"):
        vars(NAMESPACE).pop(name, None)  # an older answer is not judged again
    if cell := asked.get("cell"):
        _run(cell)
    if kind in ("check", "hint"):
        function = vars(NAMESPACE).get(name)
        if function is None:
            return {
                "error": f"Nothing here is called {name}: keep the first line as "
                "it was, `def` or `class` and the name.",
                "passed": False,
            }
        if kind == "hint":
            verbs.hint(function)
            return {"last": verbs.solution_may_open(name)}
        points = verbs.check(function)
        shown.append({"html": f'<p class="points">{escape(points.words)}</p>'})
        solved = points.passed and (verbs.SOLVED / f"{name}.py").is_file()
        return {"passed": points.passed, "solved": bool(solved)}
    if kind == "progress":
        verbs.progress()
    return {}


def _run(cell: dict) -> None:
    """Run one cell as a notebook does, and show the value of its last line."""
    source, name = cell["source"], cell["name"]
    cells.add(name)
    lines = source.splitlines(keepends=True)
    linecache.cache[name] = (len(source), None, lines, name)
    tree = ast.parse(source, name)
    last = (
        tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    )
    _execute(compile(tree, name, "exec"), exec)
    if last is not None:
        value = _execute(compile(ast.Expression(last.value), name, "eval"), eval)
        if value is not None:
            shown.append(_seen(value))


def _execute(code: types.CodeType, how):
    clock.watches(code)
    return how(code, vars(NAMESPACE))


def _seen(value) -> dict:
    """A value as the page shows it."""
    scenes = sys.modules.get("book.animations.scene")
    if scenes and isinstance(value, scenes.Scene):  # the page plays it
        return {"clip": value.as_data()}
    if hasattr(value, "_repr_html_") and (html := value._repr_html_()):
        return _as_html(html)
    if hasattr(value, "_repr_mimebundle_"):
        data = value._repr_mimebundle_()
        if "text/html" in data:
            return _as_html(data["text/html"])
    return _as_html(f"<pre>{escape(repr(value)[:LONGEST])}</pre>")


def _as_html(html) -> dict:
    """HTML for the page, which takes it apart; not so much that it stands still."""
    html = str(html)
    if len(html) > LARGEST:
        html = f"<p>{len(html):,} characters of HTML: too many for a page.</p>"
    return {"html": html}


def said_of(error: BaseException) -> str:
    """An error in the reader's own lines, with the sentence that helps."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if f.filename in cells and f.line]
    lines = [f"{f.filename}, line {f.lineno}:  {f.line}" for f in own[-3:]]
    if isinstance(error, StillRunning):
        seconds = str(error).removeprefix("stopped after ")
        return "\n".join(
            [
                *lines,
                f"It had not come to an end after {seconds}, and was "
                "stopped in this line. Is there a loop that does not end?",
            ]
        )
    said = "".join(traceback.format_exception_only(error)).strip()
    note = _note(error)
    return "\n".join(filter(None, [*lines, said, note if note not in said else ""]))


def _note(error: BaseException) -> str:
    if isinstance(error, ModuleNotFoundError):
        return (
            f"The page has Python and NumPy, and no {error.name}. What needs it runs "
            "in JupyterLab."
        )
    if isinstance(error, MemoryError):
        return "A page has far less memory than a notebook. Is a size far too large?"
    if isinstance(error, SystemExit):
        return "This ends Python. Here it has no effect; leave it out."
    return note_for(error) or ""


def complete(text: str) -> str:
    """Names for what stands before the cursor: the reader's own and NumPy's. JSON."""
    names = {"np": np, **vars(builtins), **vars(NAMESPACE)}
    names |= dict.fromkeys(keyword.kwlist)
    finder, state = rlcompleter.Completer(names), 0
    found: list[str] = []
    with contextlib.suppress(Exception):
        while len(found) < COMPLETIONS:
            one = finder.complete(text, state)
            if one is None:
                break
            state += 1
            if not one.rpartition(".")[2].startswith("_"):
                found.append(one.rstrip("( :"))
    return json.dumps(sorted(set(found)))
