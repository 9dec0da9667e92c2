"""What ended a call: told from signs, and named after the table of endings."""

import errno
import signal

from autograder.sandbox.syscalls import NO_NETWORK, NO_PROCESS
from autograder.values.endings import ENDINGS
from autograder.values.wire import CallError

# By these signs an ordinary exception of the child shows that a limit was met.
SIGNS = {
    "Processes": lambda error: _has_number(error, NO_PROCESS),
    "Network": lambda error: _has_number(error, NO_NETWORK),
    "FileSize": lambda error: (
        _has_number(error, errno.EFBIG) or _has_number(error, errno.ENOSPC)
    ),
    "Memory": lambda error: (
        "MemoryError" in error.kind or "can't allocate memory" in error.message
    ),
    "Threads": lambda error: "can't start new thread" in error.message,
}


def _has_number(error, number):
    return f"[Errno {number}]" in error.message


def ended_by(kind, line=None, **about) -> CallError:
    """An ending by its name, with what its sentence needs: see `Ending.said`."""
    return CallError(kind, ENDINGS[kind].said(**about), line)


def cause_of(report, limits) -> CallError:
    """What ended a child, from how the warm process saw it end."""
    if report["code"] == -signal.SIGKILL:
        if report["exceeded"]:
            return ended_by(report["exceeded"], size=limits.scratch_bytes)
        if report["cpu_seconds"] > limits.cpu_seconds / 2:  # clocks differ
            return ended_by("CPU", seconds=limits.cpu_seconds)
        return ended_by("Killed")
    if report["code"] < 0:
        return ended_by("Crashed", signal=signal.strsignal(-report["code"]))
    return ended_by("Exited")
