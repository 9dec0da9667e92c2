"""The trusted side: has submissions run in a sandbox, and asks for values.

    with Engine() as engine, engine.submission(cells) as submission:
        outcome = submission.call("scores", (Q, K))

What comes back is data, checked by `wire.decode`. A submission that hangs,
crashes or floods becomes a `CallError`; it never becomes an exception here.
"""

import json
import marshal
import os
import socket
import subprocess
import sys
import time
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path

import numpy as np

from autograder.sandbox.causes import SIGNS, cause_of, ended_by
from autograder.sandbox.lacking import lacks, newer_syntax
from autograder.sandbox.limits import Limits
from autograder.sandbox.room import Room
from autograder.sandbox.tiers import SandboxUnavailable, describe
from autograder.values import wire
from autograder.values.wire import LENGTH, CallError, Outcome

PRELOAD = ("numpy", "torch", "matplotlib.pyplot")
START_SECONDS = 120  # a cold disk may take that long to import torch
END_SECONDS = 10
SLACK_BYTES = 2**16  # what a message has besides its value
OUTPUTS = 8  # all cells together may print as many times `output_bytes`
LOST_WORKERS = 3  # as many times a submission is tried again


class Engine:
    """A warm process, in the strongest sandbox that this host allows.

    Use it from one thread at a time, as a context manager. `tiers` are those
    that may be used, strongest first; `allow_unsafe` permits to do without.
    `preload` names the modules that submissions find imported already; others they
    can import too, and pay for the time. `strict` ends a submission at a system call
    that is on no list: see `seccomp`.
    """

    def __init__(
        self,
        limits: Limits | None = None,
        allow_unsafe: bool = False,
        tiers: tuple[str, ...] = ("namespaces", "landlock"),
        preload: tuple[str, ...] = PRELOAD,
        strict: bool = False,
    ):
        self.limits = limits or Limits()
        self.allow_unsafe = allow_unsafe
        self.tiers = tiers
        self.preload = preload
        self.strict = strict
        self.tier: str | None = None
        self.reasons: dict[str, str] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    def __enter__(self):
        if self._control is None:
            start_together([self])
        self._await()
        return self

    def __exit__(self, *exception):
        self._stop()

    def submission(self, cells, kit=None, seed=0) -> "Submission":
        """A submission's code cells (list of str), to be used in a `with`.

        `kit` maps names of modules to their sources, for the cells to import;
        `seed` is what the random generators start from.
        """
        return Submission(self, cells, kit or {}, seed)

    def describe(self) -> str:
        """The tier in force, and why it is not a stronger one."""
        return describe(self.tier, self.reasons)

    def let_go(self):
        """Leave a started engine to another process, a fork of this one."""
        self._control.close()
        self._control = None

    def _await(self):
        """Wait until the warm process is ready; raises SandboxUnavailable."""
        self._control.settimeout(START_SECONDS)
        try:
            answer = self._control.recv(2**16)
        except OSError:
            answer = b""
        if not answer:
            trouble = self._trouble()
            self._stop()
            raise SandboxUnavailable(f"the worker did not start: {trouble}")
        report = json.loads(answer)
        self.tier, self.reasons = report["tier"], report["reasons"]
        if self.tier is None:
            self._stop()
            raise SandboxUnavailable(
                f"{self.describe()}\nNo sandbox works here, so no learner's code is "
                "run. Ways out: a host or container that allows user namespaces or "
                "Landlock (Linux 5.13 or newer), or --allow-unsafe for code you trust."
            )

    def _trouble(self) -> str:
        """The last line that a warm process wrote which did not start."""
        if self._process is None:
            return ""
        self._process.kill()
        _, said = self._process.communicate()
        return " ".join(said.decode(errors="replace").strip().splitlines()[-1:])

    def _stop(self):
        if self._control is None:
            return
        self._control.close()  # the warm process ends, and its child with it
        self._control = None
        if self._process is None:  # another engine's process began it
            return
        try:
            self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stderr.close()
        self._process = None

    def _restart(self):
        self._stop()
        self.__enter__()

    def _started(self) -> socket.socket:
        """The channel to the warm process."""
        if self._control is None:
            raise RuntimeError("this engine was not started, or was let go")
        return self._control

    def _fork(self) -> socket.socket:
        """A new child's socket."""
        control = self._started()
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                socket.send_fds(control, [b"fork"], [theirs.fileno()])
            except OSError as error:
                ours.close()
                raise _WorkerLostError from error
        return ours

    def _reap(self, kill: bool) -> dict:
        """How the child ended, after killing it or when it has ended by itself."""
        control = self._started()
        try:
            if kill:
                control.send(b"kill")
            control.settimeout(END_SECONDS)
            report = control.recv(2**16)
        except OSError as error:
            raise _WorkerLostError from error
        if not report:
            raise _WorkerLostError
        return json.loads(report)


def start_together(engines: list[Engine]) -> None:
    """Start engines of the same settings, without waiting until they are ready.

    One process loads what all need, and forks: each engine has its own from then on.
    """
    first = engines[0]
    pairs = [socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in engines]
    settings = {
        "limits": asdict(first.limits),
        "tiers": first.tiers,
        "allow_unsafe": first.allow_unsafe,
        "preload": first.preload,
        "strict": first.strict,
    }
    script = Path(__file__).with_name("worker.py")
    channels = [theirs.fileno() for _, theirs in pairs]
    first._process = subprocess.Popen(
        [
            sys.executable,
            "-s",
            "-P",
            script,
            json.dumps(channels),
            json.dumps(settings),
        ],
        pass_fds=channels,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=_environment(),
        cwd="/",
    )
    for engine, (ours, theirs) in zip(engines, pairs, strict=True):
        engine._control = ours
        theirs.close()


class Submission:
    """One submission: its cells run on entry, its functions can then be called.

    `errors` holds (index of the cell, `CallError`), `outputs` what each cell
    printed. A cell or function that brings its process down is left out from
    then on; the others go on in a new process.
    """

    def __init__(self, engine, cells, kit, seed):
        self._engine = engine
        self._cells, self._kit, self._seed = list(cells), kit, seed
        self._errors, self._fatal, self._broken = {}, {}, {}
        self._socket = None
        self._lost_workers = 0
        self.outputs = [""] * len(self._cells)
        room = OUTPUTS * engine.limits.output_bytes
        self._prints, self._said = Room(room), Room(room)

    def __enter__(self):
        self._deadline = time.monotonic() + self._engine.limits.total_seconds
        self._ready()
        return self

    def __exit__(self, *exception):
        if self._socket is None:
            return
        try:
            self._finish(kill=True)
        except _WorkerLostError:
            self._engine._restart()

    @property
    def errors(self) -> list[tuple[int, CallError]]:
        """The cells that failed, in their order."""
        return sorted((self._errors | self._fatal).items())

    def defined(self, name: str) -> bool:
        """Whether the cells defined a name.

        True, too, where time was up before they could tell: then a call says so, and
        nobody is told that a definition is missing which is there.
        """
        return self._answer(("defined", name), bool) is not False

    def call(self, name: str, arguments: tuple, drive: str | None = None) -> Outcome:
        """Call a function that the cells defined, with copies of the arguments.

        With `drive`, the source of a function of that name, it is
        `drive(what_the_name_stands_for, *arguments)` that is called.
        """
        if name in self._broken:
            return Outcome(error=self._broken[name])
        plain = tuple(wire.plain(argument) for argument in arguments)
        answer = self._answer(("call", name, plain, drive), _outcome)
        if isinstance(answer, CallError):
            self._broken[name] = answer
            return Outcome(error=answer)
        value, error, after = answer
        return Outcome(value, self._named(error), after)

    def _answer(self, question, form):
        """The child's answer, in the form wanted; a `CallError` where there is none."""
        while self._ready():
            try:
                return self._ask(question, form)
            except _WorkerLostError:
                self._replace_worker()
            except _EndedError as ended:
                return ended.error
        return self._exhausted()

    def _ready(self) -> bool:
        """See that a child is there with all cells run; False when out of time."""
        while self._socket is None:
            if time.monotonic() >= self._deadline:
                return False
            try:
                self._socket = self._engine._fork()
                self._run_cells()
            except _WorkerLostError:
                self._replace_worker()
            except _EndedError:
                continue  # the cell that ended it is left out the next time
        return True

    def _run_cells(self):
        kit = _compiled(tuple(self._kit.items()))
        self._ask(("start", kit, self._seed), bool)
        for index, source in enumerate(self._cells):
            if index in self._fatal:
                continue
            try:
                error, output = self._ask(("cell", source), _cell_result)
            except _EndedError as ended:
                self._fatal[index] = ended.error
                raise
            output = output[: self._engine.limits.output_bytes]
            self.outputs[index] = self._prints.take(index, output)
            if error is not None:
                named = self._named(error, source)
                self._errors[index] = self._cut(index, named)

    def _cut(self, index, error):
        parts = enumerate((error.kind, error.message, error.line))
        return CallError(*(p and self._said.take((index, n), p) for n, p in parts))

    def _ask(self, question, form):
        """Put a question to the child; raises `_EndedError` when it brings it down."""
        limits = self._engine.limits
        deadline = min(time.monotonic() + limits.call_seconds, self._deadline)
        try:
            self._send(question, deadline)
            (length,) = LENGTH.unpack(self._receive(LENGTH.size, deadline))
            most = limits.result_bytes + SLACK_BYTES
            if length > most:
                raise wire.TooLargeError
            answer = self._receive(length, deadline)
            return form(wire.decode(answer, most, wire.NODES_LIMIT))
        except TimeoutError:
            self._finish(kill=True)
            final = deadline == self._deadline
            seconds = limits.total_seconds if final else limits.call_seconds
            raise _EndedError(ended_by("Timeout", seconds=seconds)) from None
        except wire.TooLargeError:
            self._finish(kill=True)
            raise _EndedError(ended_by("TooLarge", size=limits.result_bytes)) from None
        except wire.WireError:
            self._finish(kill=True)
            raise _EndedError(ended_by("Garbled")) from None
        except OSError:
            raise _EndedError(self._finish(kill=False)) from None

    def _send(self, message, deadline):
        message = wire.encode(message)
        self._socket.settimeout(_left(deadline))
        self._socket.sendall(LENGTH.pack(len(message)) + message)

    def _receive(self, length, deadline):
        parts = bytearray()
        while len(parts) < length:
            self._socket.settimeout(_left(deadline))
            part = self._socket.recv(min(length - len(parts), 2**20))
            if not part:
                raise ConnectionResetError
            parts += part
        return parts

    def _finish(self, kill) -> CallError:
        """Close the child's socket, see the child ended, and say what ended it."""
        self._socket.close()
        self._socket = None
        return cause_of(self._engine._reap(kill), self._engine.limits)

    def _replace_worker(self):
        """The warm process was lost: not this submission's fault, up to a point."""
        self._socket = None
        self._lost_workers += 1
        if self._lost_workers > LOST_WORKERS:
            self._deadline = 0
        begin = time.monotonic()
        self._engine._restart()
        self._deadline += time.monotonic() - begin

    def _exhausted(self) -> CallError:
        if self._lost_workers > LOST_WORKERS:
            return ended_by("Killed")
        return ended_by("Timeout", seconds=self._engine.limits.total_seconds)

    def _named(self, error, source="") -> CallError | None:
        """An error of the child, under the name of what ended it, if it was no mistake:
        a limit that it met, or something that this machine lacks.
        """
        if error is None:
            return None
        error = CallError(*error)
        if newer := newer_syntax(source, error):
            return ended_by("OlderPython", error.line, what=newer)
        if kind := lacks(error):
            return ended_by(kind, error.line, what=error.message.rstrip("."))
        for kind, sign in SIGNS.items():
            if sign(error):
                limits = self._engine.limits
                size = {"Memory": limits.memory_bytes, "FileSize": limits.file_bytes}
                return ended_by(kind, error.line, size=size.get(kind, 0))
        if error.kind == "TooLarge":
            return ended_by("TooLarge", size=self._engine.limits.result_bytes)
        return error


@lru_cache(maxsize=8)
def _compiled(kit: tuple[tuple[str, str], ...]) -> np.ndarray:
    """The modules of a kit as marshalled code: the child is of the same Python."""
    codes = {
        name: marshal.dumps(compile(source, f"<{name}>", "exec"))
        for name, source in kit
    }
    return np.frombuffer(marshal.dumps(codes), np.uint8)


class _EndedError(Exception):
    """The child gave no sound answer, and is gone."""

    def __init__(self, error):
        super().__init__(error.message)
        self.error = error


class _WorkerLostError(Exception):
    """The warm process is gone."""


# The forms that answers must have.


def _outcome(answer):
    sound = isinstance(answer, tuple) and len(answer) == 3
    if not sound or not isinstance(answer[2], tuple):
        raise wire.WireError("an outcome has three parts")
    return answer[0], _error_parts(answer[1]), answer[2]


def _cell_result(answer):
    sound = isinstance(answer, tuple) and len(answer) == 2
    if not sound or not isinstance(answer[1], str):
        raise wire.WireError("a cell gives an error and a text")
    return _error_parts(answer[0]), answer[1]


def _error_parts(error):
    if error is None:
        return None
    sound = isinstance(error, tuple) and len(error) == 3
    if not sound or not all(isinstance(part, str) for part in error[:2]):
        raise wire.WireError("an error has a kind, a message and a line")
    if not isinstance(error[2], str | None):
        raise wire.WireError("a line is a text")
    return tuple(part and part[: wire.TEXT_LIMIT] for part in error)


def _environment():
    """What the warm process starts with: nothing of the instructor's."""
    keep = {"HOME", "LANG", "TZ"} & os.environ.keys()
    return {name: os.environ[name] for name in keep} | {
        "PATH": "/usr/bin:/bin",
        "PYTHONHASHSEED": "0",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "CUDA_VISIBLE_DEVICES": "",
        "MPLBACKEND": "agg",
    }


def _left(deadline):
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
