"""A call in this process, and what an exception says of it."""

import copy
import itertools
import linecache
import sys
from collections.abc import Callable
from types import TracebackType
from typing import Any

from autograder.values.wire import (
    TEXT_LIMIT,
    Arguments,
    CallError,
    Opaque,
    Outcome,
    TooLargeError,
    plain,
    printable,
)

Function = Callable[..., Any]  # a learner's, a reference, a mistake: what is called
Call = Callable[[Arguments], Outcome]  # the port to one, wherever it runs
Catch = type[BaseException] | tuple[type[BaseException], ...]


def call_in_process(
    function: Function,
    namespace: dict[str, Any] | None = None,
    catch: Catch = (Exception, SystemExit),
) -> Call:
    """Return the port `call(arguments) -> Outcome` for a function in this process.

    The function gets copies of the arguments. Exceptions in `catch` become the
    outcome's error; the default lets a learner interrupt a loop in a notebook.
    `namespace` is where the learner's own lines run, by default the function's.
    """
    if namespace is None:
        namespace = _namespace_of(function)

    def call(arguments: Arguments) -> Outcome:
        arguments = copy.deepcopy(arguments)
        try:
            value, error = plain(function(*arguments)), None
        except TooLargeError as large:
            value, error = None, CallError("TooLarge", str(large))
        except catch as exception:
            value, error = None, error_from(exception, namespace)
        return Outcome(value, error, tuple(map(_afterwards, arguments)))

    return call


def _afterwards(argument: Any) -> Any:
    """An argument after the call, whatever the function has made of it."""
    try:
        return plain(argument)
    except TooLargeError as large:
        return Opaque(str(large))


def _namespace_of(function: Any) -> dict[str, Any] | None:
    """Where the lines of a function run; of a partial or an object, those it calls."""
    named = getattr(function, "__dict__", {})
    module: Any = named.get("__module__")  # a driven answer's
    if isinstance(module, str) and not hasattr(function, "__globals__"):
        return getattr(sys.modules.get(module), "__dict__", None)
    function = getattr(function, "func", function)
    if not hasattr(function, "__globals__"):
        function = vars(type(function)).get("__call__", function)
    if hasattr(function, "__globals__"):
        found: dict[str, Any] = function.__globals__
        return found
    module = getattr(function, "__module__", None)
    return getattr(sys.modules.get(module), "__dict__", None)


def error_from(
    exception: BaseException, namespace: dict[str, Any] | None = None
) -> CallError:
    """Describe an exception, with the learner's line where it was raised.

    The learner's line is the innermost one that runs in `namespace`: all the
    cells of a notebook share one.
    """
    try:
        text = exception.msg if isinstance(exception, SyntaxError) else exception
        message = printable(str(text))[:TEXT_LIMIT]
    except Exception:  # an exception whose __str__ fails
        message = ""
    line = _own_line(exception, namespace)
    return CallError(type(exception).__name__, message, line)


def _own_line(exception: BaseException, namespace: dict[str, Any] | None) -> str | None:
    if isinstance(exception, SyntaxError) and exception.text:
        return printable(exception.text.strip())[:TEXT_LIMIT]
    line, traceback = None, exception.__traceback__
    while traceback is not None:
        frame = traceback.tb_frame
        if namespace is not None and frame.f_globals is namespace:
            line = printable(_source(traceback))[:TEXT_LIMIT] or line
        traceback = traceback.tb_next
    return line


def _source(traceback: TracebackType) -> str:
    """The line that a frame has come to; all lines where an expression takes more."""
    frame = traceback.tb_frame
    positions = frame.f_code.co_positions()
    here = itertools.islice(positions, traceback.tb_lasti // 2, None)
    first, last, *_ = next(here, (None, None))
    if first is None or last is None:
        first = last = traceback.tb_lineno
    name = frame.f_code.co_filename
    lines = (
        linecache.getline(name, number, frame.f_globals).strip()
        for number in range(first, last + 1)
    )
    return " ".join(filter(None, lines))
