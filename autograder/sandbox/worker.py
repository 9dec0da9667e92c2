"""The untrusted side: a warm process that forks a child for each submission.

Runs as a script of its own, started by `autograder.sandbox.engine`, and imports nothing
of this project but `values.wire`, `sandbox.tiers` and `sandbox.shell`: no reference, no
seed, no test is ever in its memory. The child runs a submission's cells in a plain
IPython shell, and then calls its functions with the arguments that it is sent.
"""

import array
import ctypes
import gc
import importlib
import io
import json
import marshal
import os
import random
import select
import signal
import socket
import struct
import sys
import tempfile
from pathlib import Path
from types import ModuleType

MESSAGE_LIMIT = 256 * 2**20  # what the engine may send: cells and arguments
CHILD_SOCKET = 3
WATCH_MILLISECONDS = 50


def neighbours(*names):
    """Import modules of this project, and leave no trace of it in sys.modules.

    Nothing but these and what they import is loaded: the package itself is a stand-in.
    """
    package = ModuleType("autograder")
    package.__path__ = [str(Path(__file__).parents[1])]
    sys.modules["autograder"] = package
    found = [importlib.import_module(f"autograder.{name}") for name in names]
    for name in [n for n in sys.modules if n.partition(".")[0] == "autograder"]:
        del sys.modules[name]
    return found


wire, called, tiers, shells = neighbours(
    "values.wire", "values.called", "sandbox.tiers", "sandbox.shell"
)


# --- the warm process --------------------------------------------------------


def main():
    controls = [socket.socket(fileno=number) for number in json.loads(sys.argv[1])]
    settings = json.loads(sys.argv[2])
    limits = tiers.Limits(**settings["limits"])
    name, reasons = tiers.probe(settings["tiers"])
    if name is None and settings["allow_unsafe"]:
        name = "none"
    if name is None:
        for control in controls:
            control.send(json.dumps({"tier": None, "reasons": reasons}).encode())
        return
    shell = warm_up(settings["preload"])
    rehearse(shell, limits)
    forget_surroundings()
    control = share(controls)
    tier = tiers.TIERS[name]()
    tier.strict = settings["strict"]
    tier.enter()
    gc.collect()
    gc.freeze()  # the children share these objects: do not write their headers
    control.send(json.dumps({"tier": name, "reasons": reasons}).encode())
    os.dup2(os.open(os.devnull, os.O_RDWR), 2)
    while (received := receive_socket(control)) is not None:
        run_child(control, received, tier, limits, shell)


def share(controls):
    """Fork until each engine has a process of its own; returns this one's socket."""
    own = controls[0]
    for other in controls[1:]:
        if os.fork() == 0:
            own = other
            break
    for control in controls:
        if control is not own:
            control.close()
    return own


def receive_socket(control):
    """The socket of the next submission; None when the engine is gone."""
    while True:
        size = struct.calcsize("i")
        message, ancillary, _, _ = control.recvmsg(16, socket.CMSG_SPACE(size))
        if not message:
            return None
        for _, _, data in ancillary:
            return array.array("i", data[:size])[0]


def run_child(control, data, tier, limits, shell):
    """Fork a child for a submission, wait for its end, and tell how it ended."""
    child = tier.fork()
    if child == 0:
        try:
            serve(data, tier, limits, shell)
        finally:
            os._exit(0)
    os.close(data)
    exceeded = watch(control, child, tier, limits)
    _, status, usage = os.wait4(child, 0)
    tier.clean()
    report = {
        "code": os.waitstatus_to_exitcode(status),
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "exceeded": exceeded,
    }
    try:
        control.send(json.dumps(report).encode())
    except BrokenPipeError:
        sys.exit()


def watch(control, child, tier, limits) -> str | None:
    """Wait until the child has ended; kill it when the engine says so or is gone.

    Returns the limit that it was killed for, where it was the tier that saw it.
    """
    descriptor = os.pidfd_open(child)
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    poll.register(control, select.POLLIN)
    exceeded = None
    try:
        while True:
            ready = dict(poll.poll(WATCH_MILLISECONDS))
            if descriptor in ready:
                return exceeded
            if control.fileno() in ready:
                control.recv(16)  # b"kill", or b"" from an engine that is gone
                os.kill(child, signal.SIGKILL)
                poll.unregister(control)
            elif not exceeded and (exceeded := tier.exceeded(child, limits)):
                os.kill(child, signal.SIGKILL)
    finally:
        os.close(descriptor)


def warm_up(modules):
    """Import what submissions use, once, and return the shell that runs them."""
    for name in modules:
        importlib.import_module(name)
    touch()
    return shells.make_shell()


def touch():
    """Use what was imported: the first use of a library loads more of its code."""
    import numpy as np

    ones = np.ones((2, 2))
    np.einsum("ij,jk->ik", ones, ones @ ones)
    np.random.default_rng(0).standard_normal(2)
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)
        ones = torch.ones(2, 2)
        torch.softmax(ones @ ones + ones.T, -1).numpy()
    if matplotlib := sys.modules.get("matplotlib"):
        matplotlib.rcdefaults()
        matplotlib.use("agg", force=True)


def rehearse(shell, limits):
    """Do once what each child will do: what loads at first use is loaded by then."""
    before = set(shell.user_ns)
    source = "import numpy as np\ndef rehearsal(values):\n    return values[None]\n"
    values = sys.modules["numpy"].ones((2, 2))
    for question in (
        ("cell", source),
        ("call", "rehearsal", (values,), None),
        ("call", "rehearsal", (None,), None),  # gives an error
    ):
        verb, *rest = wire.decode(wire.encode(question), MESSAGE_LIMIT)
        wire.encode(ANSWERS[verb](shell, limits, *rest))
    for name in set(shell.user_ns) - before:
        del shell.user_ns[name]


def forget_surroundings():
    """Leave nothing that tells where, or for what, this process was started."""
    os.environ.clear()
    blank_environment()
    sys.argv[:] = [""]
    libraries = [path for path in tiers.PATHS if path != "/etc/localtime"]
    sys.path[:] = [
        entry
        for entry in sys.path
        if any(Path(entry).is_relative_to(library) for library in libraries)
    ]
    sys.meta_path[:] = [
        finder
        for finder in sys.meta_path
        if "editable" not in f"{finder} {getattr(finder, '__module__', '')}"
    ]
    sys.path_hooks[:] = [
        hook for hook in sys.path_hooks if "editable" not in repr(hook)
    ]
    sys.path_importer_cache.clear()


def blank_environment():
    """Overwrite what /proc shows as the environment: the one at the start."""
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    begin, end = int(fields[47]), int(fields[48])
    ctypes.memset(begin, 0, end - begin)


# --- the child ---------------------------------------------------------------


def serve(data, tier, limits, shell):
    """Confine this process; then run the cells and calls that the engine asks for."""
    os.dup2(data, CHILD_SOCKET)
    os.closerange(CHILD_SOCKET + 1, 2**20)
    tier.confine(limits)
    tempfile.tempdir = None  # to be looked for anew, in here
    os.environ.update(
        PATH="/usr/local/bin:/usr/bin:/bin",
        LANG="C.UTF-8",
        HOME=tier.scratch,
        TMPDIR=tier.scratch,
        USER="learner",
        MPLBACKEND="agg",
        MPLCONFIGDIR=tier.scratch,
    )
    with socket.socket(fileno=CHILD_SOCKET) as engine:
        while True:
            verb, *rest = receive(engine)
            send(engine, ANSWERS[verb](shell, limits, *rest), limits)


def receive(engine):
    """The engine's next message; the process ends when there is none."""
    (length,) = wire.LENGTH.unpack(receive_exactly(engine, wire.LENGTH.size))
    return wire.decode(receive_exactly(engine, length), MESSAGE_LIMIT)


def receive_exactly(engine, length):
    parts = bytearray()
    while len(parts) < length:
        part = engine.recv(min(length - len(parts), 2**20))
        if not part:
            os._exit(0)
        parts += part
    return bytes(parts)


def send(engine, answer, limits):
    try:
        message = wire.encode(answer, limits.result_bytes)
    except wire.TooLargeError as error:
        message = wire.encode((None, ("TooLarge", str(error), None), ()))
    engine.sendall(wire.LENGTH.pack(len(message)) + message)


def prepare(shell, limits, kit, seed):
    """Seed the random generators, and offer the modules of the kit."""
    random.seed(seed)
    sys.modules["numpy"].random.seed(seed)
    if torch := sys.modules.get("torch"):
        torch.manual_seed(seed)
    sys.meta_path.insert(0, KitFinder(marshal.loads(kit.tobytes())))
    return True


class KitFinder:
    """Finds the modules of the kit, whose code came with the submission."""

    def __init__(self, kit):
        self.kit = kit

    def find_spec(self, name, path=None, target=None):
        """Most modules of the kit are never asked for."""
        if name not in self.kit:
            return None
        return importlib.util.spec_from_loader(name, self, is_package=True)

    def create_module(self, spec):
        """An ordinary module will do."""

    def exec_module(self, module):
        """Run the code of a module: the engine's own, that is."""
        name = module.__name__
        exec(marshal.loads(self.kit[name]), vars(module))


def run_cell(shell, limits, source):
    """Run a cell; returns (error or None, what it printed)."""
    sys.stdout = sys.stderr = output = CappedText(limits.output_bytes)
    shell.lacked = None
    try:
        result = shell.run_cell(source, store_history=False)
        exception = result.error_before_exec or result.error_in_exec or shell.lacked
    except BaseException as escaped:
        exception = escaped
    if exception is None:
        return None, output.getvalue()
    error = called.error_from(exception, shell.user_ns)
    return (error.kind, error.message, error.line), output.getvalue()


def run_call(shell, limits, name, arguments, drive):
    """Call a function; returns (value, error or None, arguments afterwards)."""
    sys.stdout = sys.stderr = CappedText(limits.output_bytes)
    namespace = shell.user_ns
    if name not in namespace:
        return None, ("NameError", f"name '{name}' is not defined", None), ()
    function = namespace[name]
    if drive:
        function = driven(function, drive)
    call = called.call_in_process(function, namespace, catch=BaseException)
    outcome = call(arguments)
    error = outcome.error and (
        outcome.error.kind,
        outcome.error.message,
        outcome.error.line,
    )
    return outcome.value, error, outcome.arguments


def driven(target, source):
    """The function `drive` of a source text, with `target` as first argument."""
    namespace = {}
    exec(compile(source, "<drive>", "exec"), namespace)
    return lambda *arguments: namespace["drive"](target, *arguments)


def is_defined(shell, limits, name):
    return name in shell.user_ns


ANSWERS = {
    "start": prepare,
    "cell": run_cell,
    "call": run_call,
    "defined": is_defined,
}


class CappedText(io.StringIO):
    """Keeps the first characters that are written, and lets the rest go."""

    def __init__(self, limit):
        super().__init__()
        self.room = limit

    def write(self, text):
        if self.room > 0:
            super().write(text[: self.room])
            self.room -= len(text)
        return len(text)


if __name__ == "__main__":
    main()
