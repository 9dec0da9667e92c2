"""Hostile submissions against the real engine, on every tier that is a sandbox.

After each attack: the next submission gets its right values, nothing outside the
sandbox has changed, and no process is left.
"""

import json
import os
import platform
import signal
import subprocess
import sys
import textwrap
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from autograder.exercises.registry import discover
from autograder.grading.warm import stop_engines
from autograder.judge.fingerprint import Watched
from autograder.judge.render import as_html, as_text
from autograder.judge.verdict import judge
from autograder.sandbox import tiers as sandbox
from autograder.sandbox.engine import Engine
from autograder.sandbox.limits import Limits
from autograder.sandbox.room import Room
from autograder.values.compare import conform
from autograder.values.wire import Opaque, Outcome

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="graded runs need Linux"
)

X = np.arange(6.0).reshape(2, 3)
HONEST = ["import numpy as np", "def f(x):\n    return 2 * x"]
LIMITS = Limits(
    call_seconds=1,
    total_seconds=3,
    memory_bytes=300 * 2**20,
    file_bytes=2**20,
    scratch_bytes=4 * 2**20,
    result_bytes=2**20,
)


def works(tier):
    return sandbox.probe((tier,))[0] == tier


@pytest.fixture(scope="module")
def others():
    """The processes that other modules left: what a submission leaves is counted."""
    stop_engines()
    return descendants(os.getpid())


@pytest.fixture(scope="module", params=["namespaces", "landlock"])
def engine(request, others):
    if not works(request.param):
        pytest.skip(f"this host does not offer {request.param}")
    with Engine(LIMITS, tiers=(request.param,)) as engine:
        yield engine


@pytest.fixture
def treasure(tmp_path):
    """What an attacker is after: readable and writable by everybody but for us."""
    tmp_path.chmod(0o777)
    for folder in tmp_path.parents:
        if folder.owner() == tmp_path.owner() and folder != Path("/tmp"):
            folder.chmod(0o755)
    path = tmp_path / "gradebook.db"
    path.write_text("TREASURE")
    path.chmod(0o666)
    yield path
    assert path.read_text() == "TREASURE"
    assert path.stat().st_mode & 0o777 == 0o666
    assert os.listdir(tmp_path) == ["gradebook.db"]


@pytest.fixture(autouse=True)
def aftermath(request):
    yield
    if "engine" not in request.fixturenames:
        return
    engine = request.getfixturevalue("engine")
    assert_honest(engine)
    left = descendants(os.getpid()) - request.getfixturevalue("others")
    assert len(left) <= 2  # the warm process, and its keeper


def assert_honest(engine):
    with engine.submission(HONEST) as submission:
        outcome = submission.call("f", (X,))
        assert submission.errors == []
    assert outcome.error is None
    assert np.array_equal(outcome.value, 2 * X)


def descendants(ancestor):
    """The live processes below one, from /proc."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if fields[0] != "Z":
                parents[int(entry.name)] = int(fields[1])
    found = {ancestor}
    while more := {pid for pid, up in parents.items() if up in found} - found:
        found |= more
    return found - {ancestor}


def run(engine, *cells, arguments=(X,)):
    """The outcome of f, and the kinds of the cells' errors."""
    cells = [textwrap.dedent(cell) for cell in cells]
    with engine.submission(["import numpy as np", *cells]) as submission:
        outcome = submission.call("f", arguments)
        kinds = [error.kind for _, error in submission.errors]
        submission.texts = "".join(submission.outputs)
    return outcome, kinds, submission


ENDLESS = {
    "a loop": "while True: pass",
    "a loop that swallows interrupts": """
        while True:
            try:
                while True: pass
            except BaseException:
                pass
        """,
    "a sleep": "import time; time.sleep(1000)",
    "a loop that ignores signals": """
        import signal
        for number in range(1, 65):
            try:
                signal.signal(number, signal.SIG_IGN)
            except (OSError, ValueError):
                pass
        while True: pass
        """,
    "a match that backtracks": 'import re; re.match("(a+)+b", "a" * 40)',
    "a lock": "import threading; l = threading.Lock(); l.acquire(); l.acquire()",
    "an answer drop by drop": """
        import os, time
        for byte in bytes([0, 0, 9, 9, *range(200)]):
            os.write(3, bytes([byte])); time.sleep(0.2)
        """,
}


@pytest.mark.parametrize("name", ENDLESS)
def test_what_does_not_end_is_stopped(engine, name):
    body = textwrap.indent(textwrap.dedent(ENDLESS[name]).strip(), "    ")
    outcome, kinds, _ = run(engine, f"def f(x):\n{body}")
    assert outcome.error.kind == "Timeout"
    assert outcome.error.message.startswith("stopped after 1 s: is there a loop")
    assert kinds == []


def test_a_cell_that_does_not_end_costs_only_itself(engine):
    outcome, kinds, _ = run(engine, HONEST[1], "while True: pass", "y = 1")
    assert kinds == ["Timeout"]
    assert np.array_equal(outcome.value, 2 * X)


def test_a_function_that_does_not_end_costs_only_itself(engine):
    with engine.submission(["def loop():\n    while True: pass", HONEST[1]]) as s:
        assert s.call("loop", ()).error.kind == "Timeout"
        assert np.array_equal(s.call("f", (X,)).value, 2 * X)
        child = s._socket
        assert s.call("loop", ()).error.kind == "Timeout"  # known: not called again
        assert s._socket is child


def test_the_time_of_a_submission_is_limited_in_all(engine):
    begin = time.monotonic()
    outcome, kinds, _ = run(engine, *["while True: pass"] * 5, HONEST[1])
    assert outcome.error.kind == "Timeout" and set(kinds) == {"Timeout"}
    assert time.monotonic() - begin < LIMITS.total_seconds + 2


def test_computing_time_is_limited():
    limits = Limits(cpu_seconds=1, call_seconds=30)
    with Engine(limits) as engine:
        outcome, _, _ = run(engine, "def f(x):\n    while True: pass")
        assert outcome.error.kind == "CPU"
        assert_honest(engine)


STARTED = {
    "fork": "os.fork()",
    "fork bomb": "while True: os.fork()",
    "detached child": 'subprocess.Popen(["sleep", "99"], start_new_session=True)',
    "multiprocessing": "multiprocessing.Process(target=print).start()",
    "another program": 'os.execv("/bin/sh", ["sh", "-c", "while :; do :; done"])',
    "posix_spawn": 'os.posix_spawn("/bin/sleep", ["sleep", "99"], {})',
    "fork in C": """
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.fork() == -1: raise OSError(ctypes.get_errno(), "fork")
        """,
}


@pytest.mark.parametrize("name", STARTED)
def test_no_process_can_be_started(engine, name):
    attack = "import ctypes, multiprocessing, os, subprocess\n"
    outcome, kinds, _ = run(engine, attack + textwrap.dedent(STARTED[name]), HONEST[1])
    assert kinds == ["Processes"]
    assert np.array_equal(outcome.value, 2 * X)


def test_a_fork_bomb_in_a_shell_is_none(engine):
    cell = "import os\nfor _ in range(50): os.system('sleep 99 &')\n!sleep 99 &"
    outcome, _, _ = run(engine, cell, HONEST[1])
    assert np.array_equal(outcome.value, 2 * X)


def test_a_thread_bomb_is_limited(engine):
    cell = """
        import threading, time
        def f(x):
            while True:
                threading.Thread(target=time.sleep, args=(99,)).start()
        """
    outcome, _, _ = run(engine, cell)
    assert outcome.error.kind in {"Threads", "Memory", "Timeout"}


def test_threads_with_small_stacks_are_limited(engine):
    cell = """
        import _thread, threading, time
        threading.stack_size(32768)
        for _ in range(500): _thread.start_new_thread(time.sleep, (9,))
        time.sleep(0.5)
        """
    outcome, kinds, _ = run(engine, cell, HONEST[1])
    assert kinds == ["Threads"]
    assert np.array_equal(outcome.value, 2 * X)


def test_threads_share_their_open_files(engine):
    cell = """
        import ctypes, mmap
        libc = ctypes.CDLL(None)
        stack = mmap.mmap(-1, 2**16)
        top = ctypes.addressof(ctypes.c_char.from_buffer(stack)) + 2**15
        alone = 0x100 | 0x800 | 0x10000  # memory and signals shared, files not
        apart = [
            libc.clone(libc.pause, ctypes.c_void_p(top), alone, None),
            libc.syscall(436, 4, 5, 2),  # close_range, unsharing
        ]
        def f(x): return apart
        """
    outcome, kinds, _ = run(engine, cell)
    assert (outcome.value, kinds) == ([-1, -1], [])


def test_a_thread_that_sleeps_costs_nothing(engine):
    cell = """
        import threading, time
        threading.Thread(target=time.sleep, args=(99,)).start()
        """
    begin = time.monotonic()
    outcome, kinds, _ = run(engine, cell, HONEST[1])
    assert np.array_equal(outcome.value, 2 * X) and kinds == []
    assert time.monotonic() - begin < 20


@pytest.mark.parametrize(
    "body",
    [
        "return np.ones((300, 2**20))",
        "hoard = []\n    while True: hoard.append(bytes(2**24))",
        "import torch\n    return torch.ones(300, 2**20)",
    ],
)
def test_memory_is_limited(engine, body):
    outcome, _, _ = run(engine, f"def f(x):\n    {body}")
    assert outcome.error.kind == "Memory"
    assert "300 MB" in outcome.error.message


def test_a_flood_of_output_costs_nothing(engine):
    flood = "for _ in range(300): print('x' * 100_000)\nimport sys, os"
    outcome, kinds, submission = run(
        engine, flood, "os.write(1, b'y' * 30_000_000); os.write(2, b'y');", HONEST[1]
    )
    assert np.array_equal(outcome.value, 2 * X) and kinds == []
    assert len(submission.outputs[1]) == LIMITS.output_bytes


@pytest.mark.parametrize(
    "cell", ["print('\\1' * 65536)", "raise OSError('\\1' * 65536)"]
)
def test_the_text_of_all_cells_together_is_limited(engine, cell):
    """A character may take six bytes in a notebook's file."""
    with engine.submission([cell] * 100) as submission:
        texts = [
            *submission.outputs,
            *(error.message for _, error in submission.errors),
        ]
    size = len(json.dumps(texts).encode())
    assert LIMITS.output_bytes < size < 9 * LIMITS.output_bytes


def test_a_text_that_is_printed_again_has_its_room():
    room = Room(100)
    for _ in range(3):
        assert room.take(0, "é" * 30) == "é" * 30
        assert room.take(1, "é" * 30) == "é" * 18
        assert room.take(2, "é") == ""


ENDINGS = {
    "os._exit": ("import os; os._exit(0)", "Exited"),
    "segmentation fault": ("import ctypes; ctypes.string_at(0)", "Crashed"),
    "abort": ("import os; os.abort()", "Crashed"),
    "kill oneself": ("import os; os.kill(os.getpid(), 11)", None),
    "kill the group": ("import os; os.kill(0, 9)", None),
    "endless recursion": (
        "import sys; sys.setrecursionlimit(10**9)\n    g = lambda: g()\n    g()",
        None,
    ),
    "sys.exit": ("import sys; sys.exit(0)", "SystemExit"),
    "interrupt": ("raise KeyboardInterrupt", "KeyboardInterrupt"),
    "generator exit": ("raise GeneratorExit", "GeneratorExit"),
}


@pytest.mark.parametrize("name", ENDINGS)
def test_an_end_is_an_error_of_that_function_alone(engine, name):
    body, kind = ENDINGS[name]
    cells = [f"def g(x):\n    {body}", HONEST[1]]
    with engine.submission(cells) as submission:
        error = submission.call("g", (X,)).error
        assert np.array_equal(submission.call("f", (X,)).value, 2 * X)
    if kind:
        assert error.kind == kind
    elif error:
        assert error.kind in {
            "Crashed",
            "Killed",
            "Memory",
            "RecursionError",
            "Timeout",
        }


@pytest.mark.parametrize("name", ENDINGS)
def test_an_end_in_a_cell_costs_only_that_cell(engine, name):
    body, _ = ENDINGS[name]
    outcome, _, _ = run(engine, body.replace("\n    ", "\n"), HONEST[1])
    assert np.array_equal(outcome.value, 2 * X)


@pytest.fixture
def bystander():
    """A process of the same user, that has to outlive the test."""
    process = subprocess.Popen(["sleep", "99"])
    yield process
    alive = process.poll() is None
    process.kill()
    process.wait()
    assert alive


def test_other_processes_are_out_of_reach(engine, treasure, bystander):
    worker = engine._process.pid
    attack = f"""
        import ctypes, os, signal
        libc = ctypes.CDLL(None, use_errno=True)
        reached = []
        known = {[worker, worker + 1, bystander.pid, os.getpid()]}
        for pid in {{os.getppid(), *known}} - {{0, os.getpid()}}:
            for attempt in [
                lambda: os.kill(pid, signal.SIGKILL),
                lambda: os.kill(-pid, signal.SIGKILL),
                lambda: open(f"/proc/{{pid}}/mem", "rb"),
                lambda: open(f"/proc/{{pid}}/environ", "rb").read(),
                lambda: os.sched_setaffinity(pid, {{0}}),
                lambda: __import__("resource").prlimit(pid, 0, (1, 1)),
                lambda: os.setpriority(os.PRIO_USER, 0, 19),
                lambda: os.pidfd_open(pid),
            ]:
                try:
                    attempt()
                    reached.append(pid)
                except OSError:
                    pass
            for request in (16, 0x4206):  # attach, seize
                if libc.ptrace(request, pid, 0, 0) != -1: reached.append(pid)
        try:
            os.kill(-1, signal.SIGKILL)
        except OSError:
            pass
        def f(x): return reached
        """
    outcome, kinds, _ = run(engine, attack)
    assert (outcome.value, outcome.error, kinds) == ([], None, [])


def test_no_descriptor_signals_or_holds_up_another(engine, bystander):
    attack = f"""
        import fcntl, os, socket, struct
        a, b = socket.socketpair()
        folder = os.open("/usr", os.O_RDONLY)
        file = os.open("leased", os.O_RDWR | os.O_CREAT)
        pid = struct.pack("i", {bystander.pid})
        reached = []
        for name, attempt in [
            ("F_SETSIG", lambda: fcntl.fcntl(a, 10, 9)),
            ("F_SETOWN", lambda: fcntl.fcntl(a, 8, {bystander.pid})),
            ("F_SETOWN_EX", lambda: fcntl.fcntl(a, 15, bytes(4) + pid)),
            ("F_SETOWN, more bits", lambda: fcntl.fcntl(a, 8 | 1 << 30, 1)),
            ("FIOSETOWN", lambda: fcntl.ioctl(a, 0x8901, pid)),
            ("SIOCSPGRP", lambda: fcntl.ioctl(a, 0x8902, pid)),
            ("F_NOTIFY", lambda: fcntl.fcntl(folder, 1026, 0x8000003F)),
            ("F_SETLEASE", lambda: fcntl.fcntl(file, 1024, 1)),
            ("FS_IOC_GETFLAGS", lambda: fcntl.ioctl(file, 0x80086601, bytes(8))),
        ]:
            try:
                attempt()
                reached.append(name)
            except OSError:
                pass
        flags = fcntl.fcntl(a, fcntl.F_GETFL)
        fcntl.fcntl(a, fcntl.F_SETFL, flags | os.O_ASYNC)
        b.send(b"x")
        def f(x): return reached
        """
    outcome, kinds, _ = run(engine, attack)
    assert (outcome.value, outcome.error, kinds) == ([], None, [])


def test_what_others_do_is_not_told(engine):
    attack = """
        import ctypes
        libc = ctypes.CDLL(None, use_errno=True)
        told = [
            libc.inotify_init(), libc.inotify_init1(0), libc.fanotify_init(0x200, 0),
            libc.klogctl(3, ctypes.create_string_buffer(100), 100),
        ]
        def f(x): return told
        """
    outcome, kinds, _ = run(engine, attack)
    assert (outcome.value, kinds) == ([-1] * 4, [])


def test_shared_memory_and_queues_of_others_are_out_of_reach(engine):
    """By their numbers, that is, without asking for them by name."""
    attack = """
        import ctypes, errno
        libc = ctypes.CDLL(None, use_errno=True)
        libc.shmat.restype = ctypes.c_ssize_t
        space = ctypes.create_string_buffer(200)
        answers = []
        for answer in [
            lambda: libc.shmat(-1, None, 0), lambda: libc.shmctl(-1, 2, space),
            lambda: libc.semctl(-1, 0, 2, space), lambda: libc.semop(-1, space, 1),
            lambda: libc.semtimedop(-1, space, 1, None),
            lambda: libc.msgctl(-1, 2, space), lambda: libc.msgsnd(-1, space, 1, 0),
            lambda: libc.msgrcv(-1, space, 1, 0, 0),
            lambda: libc.mq_unlink(b"/there-is-none"),
        ]:
            assert answer() == -1
            answers.append(errno.errorcode[ctypes.get_errno()])
        def f(x): return answers
        """
    outcome, kinds, _ = run(engine, attack)
    assert set(outcome.value) <= {"EPERM", "EACCES"} and kinds == []


def test_files_outside_are_out_of_reach(engine, treasure):
    attack = f"""
        import ctypes, os, pathlib, shutil
        libc = ctypes.CDLL(None)
        p = {str(treasure)!r}
        def done(answer):
            if answer == -1: raise OSError
        reached = []
        for attempt in [
            lambda: open(p).read(),
            lambda: open(p, "w"),
            lambda: open(p, "a"),
            lambda: os.truncate(p, 0),
            lambda: os.remove(p),
            lambda: os.rename(p, "/tmp/gradebook"),
            lambda: os.link(p, "gradebook"),
            lambda: os.chmod(p, 0),
            lambda: os.utime(p),
            lambda: os.setxattr(p, "user.x", b"1"),
            lambda: os.listdir(os.path.dirname(p)),
            lambda: open(os.path.dirname(p) + "/new", "w"),
            lambda: os.mkdir(os.path.dirname(p) + "/new"),
            lambda: os.symlink("/", os.path.dirname(p) + "/new"),
            lambda: shutil.rmtree(os.path.dirname(p)),
            lambda: open(os.path.relpath(p)).read(),
            lambda: (os.symlink(p, "link"), open("link").read()),
            lambda: open("/proc/1/root" + p).read(),
            lambda: open("/proc/self/root" + p).read(),
            lambda: (os.chroot("."), open(p).read()),
            lambda: done(libc.syscall(469, -100, p.encode(), bytes(24), 24, 0)),
        ]:
            try:
                attempt()
                reached.append(attempt.__code__.co_firstlineno)
            except OSError:
                pass
        def f(x): return reached
        """
    outcome, kinds, _ = run(engine, attack)
    assert (outcome.value, outcome.error, kinds) == ([], None, [])


def test_the_grader_and_the_solutions_are_out_of_reach(engine):
    root = Path(sandbox.__file__).parents[2]
    attack = f"""
        import os, sys
        reached = []
        for folder in ["autograder", "solutions", "tests", ".git", "course"]:
            try:
                os.listdir({str(root)!r} + "/" + folder)
                reached.append(folder)
            except OSError:
                pass
        for name in ["solutions", "solutions.scores", "autograder", "book.sentence"]:
            sys.path.append({str(root)!r})
            try:
                __import__(name)
                reached.append(name)
            except ImportError:
                pass
        def f(x): return reached
        """
    outcome, kinds, _ = run(engine, attack)
    assert (outcome.value, kinds) == ([], [])


def test_installed_packages_cannot_be_changed(engine):
    attack = """
        import torch
        for module in (np, torch):
            try:
                open(module.__file__, "a").write("x = 1")
                written = True
            except OSError:
                written = False
            assert not written
        def f(x): return 2 * x
        np.array = np.zeros = np.asarray = None  # in this process only
        """
    before = Path(np.__file__).read_bytes()
    _, kinds, _ = run(engine, attack)
    assert kinds == []
    assert Path(np.__file__).read_bytes() == before


CONNECTIONS = {
    "a socket": "socket.create_connection(('127.0.0.1', 80))",
    "a datagram": "socket.socket(socket.AF_INET, socket.SOCK_DGRAM)",
    "a local socket": "socket.socket(socket.AF_UNIX)",
    "a page": "urllib.request.urlopen('http://127.0.0.1/')",
    "a raw packet": "socket.socket(socket.AF_PACKET, socket.SOCK_RAW)",
    "a server": "socket.create_server(('127.0.0.1', 0))",
    "a pair that takes addresses": "socket.socketpair(type=socket.SOCK_DGRAM)",
    "a raw pair": "socket.socketpair(type=socket.SOCK_RAW)",
    "a pair of another family": "socket.socketpair(30)",
    "a name for a pair": "socket.socketpair()[0].bind('\\0name')",
    "an open file in a message": "socket.send_fds(socket.socketpair()[0], [b'.'], [3])",
}


@pytest.mark.parametrize("name", CONNECTIONS)
def test_there_is_no_network(engine, name):
    cell = f"import socket, urllib.request\n{CONNECTIONS[name]}"
    outcome, kinds, _ = run(engine, cell, HONEST[1])
    assert kinds == ["Network"] or (kinds == ["URLError"] and name == "a page")
    assert np.array_equal(outcome.value, 2 * X)


def test_privileges_cannot_be_gained(engine):
    attack = f"""
        import ctypes, os, platform
        libc = ctypes.CDLL(None, use_errno=True)
        gained = []
        for flags in (0x10000000, 0x00020000, 0x20000000, 0x40000000):
            if libc.unshare(flags) != -1: gained.append(flags)
        if libc.mount(b"none", b"/tmp", b"tmpfs", 0, None) != -1: gained.append("mount")
        if libc.umount2(b"/proc", 2) != -1: gained.append("umount")
        if libc.prctl(1, 0, 0, 0, 0) != -1: gained.append("survive the parent")
        if libc.memfd_create(b"x", 0) != -1: gained.append("memfd")
        if libc.shmget(0, 4096, 0o1666) != -1: gained.append("shm")
        if libc.syscall(425, 8, ctypes.create_string_buffer(256)) != -1:
            gained.append("io_uring")
        for change in (os.setuid, os.setgid):
            try:
                change(0 if os.getuid() else 1)
                gained.append(change.__name__)
            except OSError:
                pass
        if libc.prctl(39, 0, 0, 0, 0) != 1: gained.append("new privileges")
        if libc.prctl(62, 1, 0, 0, 0) != -1: gained.append("a core to itself")
        bounded = {os.getuid() == 0 or engine.tier == "namespaces"}
        for capability in range(41 if bounded else 0):
            if libc.prctl(23, capability, 0, 0, 0) == 1: gained.append(capability)
        import resource
        try:
            resource.setrlimit(resource.RLIMIT_AS, (-1, -1))
            gained.append("memory")
        except (OSError, ValueError):
            pass
        def f(x): return gained
        """
    outcome, kinds, _ = run(engine, attack)
    assert (outcome.value, outcome.error, kinds) == ([], None, [])


@pytest.mark.skipif(platform.machine() != "x86_64", reason="machine code for x86_64")
def test_the_other_system_call_table_is_closed(engine):
    attack = """
        import ctypes, mmap
        code = bytes.fromhex("b814000000cd80c3")  # mov eax, 20; int 0x80; ret
        page = mmap.mmap(-1, 4096, prot=7)
        page.write(code)
        address = ctypes.addressof(ctypes.c_char.from_buffer(page))
        def f(x): return ctypes.CFUNCTYPE(ctypes.c_int)(address)()
        """
    outcome, kinds, _ = run(engine, attack)
    assert outcome.error.kind == "Crashed" and kinds == []


def test_nothing_is_passed_on_to_the_next(engine):
    leave = """
        import os, sys, builtins
        for folder in ("/tmp", "/dev/shm", "/var/tmp", os.environ["HOME"], os.getcwd()):
            try:
                open(folder + "/left", "w").write("answer")
            except OSError:
                pass
        builtins.left = np.left = sys.left = "answer"
        os.environ["LEFT"] = "answer"
        def f(x): return os.path.exists(os.getcwd() + "/left")
        """
    outcome, kinds, _ = run(engine, leave)
    assert outcome.value is True and kinds == []
    look = """
        import os, sys, builtins
        found = [d for d in ("/tmp", "/dev/shm", os.path.expanduser("~"), os.getcwd())
                 if os.path.exists(d + "/left")]
        found += [o for o in (builtins, np, sys) if hasattr(o, "left")]
        found += [k for k in os.environ if k == "LEFT"]
        def f(x): return found
        """
    outcome, kinds, _ = run(engine, look)
    assert outcome.value == [] and kinds == []


def test_no_descriptor_of_the_grader_is_open(engine):
    attack = """
        import os, stat
        def f(x):
            found = []
            for number in range(4, 1000):
                try:
                    mode = os.fstat(number).st_mode
                except OSError:
                    continue
                found.append((number, stat.S_ISSOCK(mode)))
            return found
        """
    outcome, _, _ = run(engine, attack)
    assert outcome.value == []


@pytest.mark.parametrize(
    "cell, kind",
    [
        ("open('big', 'wb').write(bytes(2**23))", "FileSize"),
        (
            "for i in range(99): open(str(i), 'wb').write(bytes(2**19)); import time",
            None,
        ),
    ],
)
def test_files_are_limited(engine, cell, kind):
    slow = cell.replace("import time", "import time; time.sleep(0.03)")
    outcome, kinds, _ = run(engine, slow, HONEST[1])
    assert kinds == ["FileSize"]
    assert np.array_equal(outcome.value, 2 * X)


HOARD = """
import ctypes, os, time
os.umask(0)
def files():
    for number in range(20):
        with open(str(number), "w+b") as file:
            yield file
            file.write(bytes(2**20 - 4096))
"""
HOARDS = {
    "in a folder that cannot be listed": """
        os.mkdir("d", 0o300); os.chdir("d")
        for file in files(): pass
        """,
    "below long names": """
        for _ in range(20): os.mkdir("n" * 250); os.chdir("n" * 250)
        for file in files(): pass
        """,
    "deleted and open": """
        held = []
        for file in files(): os.unlink(file.name); held.append(os.dup(file.fileno()))
        """,
    "deleted and mapped": """
        libc = ctypes.CDLL(None)
        for file in files():
            libc.mmap(None, ctypes.c_size_t(1), 1, 1, file.fileno(), ctypes.c_long(0))
            os.unlink(file.name)
        """,
}


@pytest.mark.parametrize("name", HOARDS)
def test_files_that_are_hidden_are_limited(engine, name):
    cell = HOARD + textwrap.dedent(HOARDS[name]) + "time.sleep(0.5)"
    outcome, kinds, _ = run(engine, cell, HONEST[1])
    assert kinds == ["FileSize"]
    assert np.array_equal(outcome.value, 2 * X)


def test_files_cannot_be_kept_by_a_ruleset(engine):
    """A rule of Landlock holds its file; rules are in no list of open files."""
    cell = """
        import ctypes
        def f(x): return ctypes.CDLL(None).syscall(444, None, ctypes.c_size_t(0), 1)
        """
    outcome, _, _ = run(engine, cell)
    assert outcome.value == -1


def test_a_deep_tree_does_not_bring_down_the_warm_process(engine):
    worker = engine._process.pid
    cell = """
        import os, time
        for _ in range(1500): os.mkdir("d"); os.chdir("d")
        time.sleep(0.3)
        """
    outcome, kinds, _ = run(engine, cell, HONEST[1])
    assert set(kinds) <= {"Timeout"}
    assert np.array_equal(outcome.value, 2 * X)
    assert engine._process.pid == worker


def test_a_look_that_fails_is_a_limit_passed(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError

    tier = sandbox.Landlock()
    tier.scratch = str(tmp_path)
    assert tier.exceeded(os.getpid(), Limits()) is None
    monkeypatch.setattr(os, "scandir", refuse)
    assert tier.exceeded(os.getpid(), Limits()) == "FileSize"


def test_no_tree_stays(treasure):
    tier = sandbox.Landlock()
    child = tier.fork()
    if child == 0:
        os.chdir(tier.scratch)
        os.symlink(treasure.parent, "link")
        os.symlink(treasure, "file")
        os.mkfifo("pipe", 0)
        for name in ["n" * 250] * 20 + ["d"] * 1500:
            os.mkdir(name, 0o700)
            os.chdir(name)
        os.mkdir("inner")
        os.chmod("inner", 0)
        os.chmod(".", 0o300)
        os._exit(0)
    os.waitpid(child, 0)
    assert os.path.lexists(f"{tier.scratch}/pipe")
    tier.clean()
    assert not os.path.exists(tier.folder)


def test_the_environment_at_the_start_tells_nothing(engine):
    attack = """
        def text(path):
            try:
                return open(path).read().strip("\\0")
            except OSError:
                return ""
        def f(x): return text("/proc/self/environ") + text("/proc/cmdline")
        """
    outcome, _, _ = run(engine, attack)
    assert outcome.value == ""


def test_the_surroundings_tell_nothing(engine):
    attack = """
        import os, sys
        seen = " ".join([
            repr(dict(os.environ)), repr(sys.argv), repr(sys.path), os.getcwd(),
            os.uname().nodename if os.getpid() == 1 else "", repr(sys.flags),
            " ".join(sys.modules),
        ])
        for name in ("environ", "cmdline"):
            try:
                seen += open(f"/proc/self/{name}").read()
            except OSError:
                pass
        def f(x): return seen
        """
    os.environ["NBGRADER_SECRET"] = "SEED"
    try:
        with Engine(LIMITS, tiers=(engine.tier,)) as fresh:
            outcome, _, _ = run(fresh, attack)
    finally:
        del os.environ["NBGRADER_SECRET"]
    seen = outcome.value
    for word in ("nbgrader", "SEED", "JPY", "solutions", "course", "submitted"):
        assert word.lower() not in seen.replace("autograder", "").lower(), word


def test_no_frame_and_no_object_holds_what_is_asked_next(engine):
    attack = """
        import gc, sys
        def f(x):
            frame, names = sys._getframe(), set()
            while frame:
                names |= set(frame.f_locals)
                frame = frame.f_back
            arrays = [o for o in gc.get_objects() if isinstance(o, np.ndarray)]
            close = [a for a in arrays if a.shape == (7, 5)]
            return sorted(names), len(close)
        """
    outcome, _, _ = run(engine, attack)
    names, close = outcome.value
    assert not {"reference", "expected", "exercise", "secret"} & set(names)
    assert close == 0


PATCHES = {
    "input transformer": """
        get_ipython().input_transformers_cleanup.append(
            lambda lines: ["def f(x): return 'forged'\\n"])
        """,
    "AST transformer": """
        import ast
        class Strip(ast.NodeTransformer):
            def visit_Assert(self, node): return ast.Pass()
        get_ipython().ast_transformers.append(Strip())
        """,
    "assertions": "np.testing.assert_allclose = np.allclose = lambda *a, **k: True",
    "the shell": """
        shell = get_ipython()
        shell.run_cell = shell.run_code = shell.showtraceback = lambda *a, **k: None
        """,
    "the display hook": "import sys; sys.displayhook = lambda value: print(1.0)",
    "standard output": "import sys; sys.stdout = sys.stderr = None",
    "the exception hook": "import sys; sys.excepthook = None",
    "JSON": "import json; json.dumps = lambda *a, **k: '[\"forged\"]'",
    "isinstance": "import builtins; builtins.isinstance = lambda *a: True",
    "exec": "import builtins; builtins.exec = builtins.compile = None",
}


@pytest.mark.parametrize("name", PATCHES)
def test_patching_gains_nothing(engine, name):
    """A wrong function stays wrong, or has no value at all."""
    outcome, _, _ = run(engine, "def f(x):\n    return x + 100", PATCHES[name], "y = 1")
    value = outcome.value
    assert not (isinstance(value, np.ndarray) and np.array_equal(value, 2 * X))
    if isinstance(value, np.ndarray):
        assert np.array_equal(value, X + 100)


LIES = {
    "__eq__": "class Lie:\n    __eq__ = lambda s, o: True\n    shape = (2, 3)",
    "__array__": "class Lie:\n    __array__ = lambda s, *a: np.zeros((2, 3))",
    "__class__": "class Lie:\n    __class__ = property(lambda s: np.ndarray)",
    "__reduce__": "import os\nclass Lie:\n    __reduce__ = lambda s: (os.getpid, ())",
}


@pytest.mark.parametrize("name", LIES)
def test_a_lying_object_is_no_value(engine, name):
    outcome, kinds, _ = run(engine, LIES[name], "def f(x):\n    return Lie()")
    assert kinds == []
    assert outcome.error is not None or outcome.value == Opaque("Lie")


def test_an_array_that_lies_sends_what_it_holds(engine):
    lie = """
        class Lie(np.ndarray):
            shape = (9, 9)
            def __eq__(self, other): return True
            def __array__(self, *a, **k): return np.zeros(3)
            def tobytes(self, *a): return b"pickle"
        def f(x): return x.view(Lie)
        """
    outcome, _, _ = run(engine, lie)
    assert outcome.error is not None or np.array_equal(outcome.value, X)


RESULTS = {
    "too large": ("np.zeros(2**18)", "TooLarge"),
    "too large as a list": ("[0.123456789] * 2**17", "TooLarge"),
    "too large as text": ("'x' * 2**21", "TooLarge"),
    "endless text": ("'x' * 10**10", "Memory"),
}


@pytest.mark.parametrize("name", RESULTS)
def test_results_are_limited(engine, name):
    body, kind = RESULTS[name]
    outcome, _, _ = run(engine, f"def f(x):\n    return {body}")
    assert outcome.error.kind == kind and "MB" in outcome.error.message


@pytest.mark.parametrize(
    "body, expected",
    [
        (
            "np.array([x, None], dtype=object)",
            Opaque("array of dtype object, of NoneType and ndarray"),
        ),
        ("(i for i in x)", Opaque("generator")),
        ("{'a': print}", {"a": Opaque("builtin_function_or_method")}),
        ("float('nan')", None),
        ("type('L' * 10**6, (), {})()", None),
    ],
)
def test_strange_results_are_named(engine, body, expected):
    outcome, _, _ = run(engine, f"def f(x):\n    return {body}")
    assert outcome.error is None
    if expected is not None:
        assert outcome.value == expected


HOSTILE = {
    "many axes": np.ones((2,) * 17),
    "axes of length one": np.ones((1,) * 32),
    "a large array": np.zeros(2**20),
    "many items": {str(number): np.ones(2) for number in range(5000)},
    "many parts": (np.ones(3),) * 20_000,
    "ragged lists": [[1.0] * (number % 50) for number in range(5000)],
    "large integers": [2**4000] * 500,
    "codes for a terminal": "\x1b[2J\r\u202e<script>alert(1)</script>" * 500,
    "markup in a name": {"<script>alert(1)</script>": np.ones(2)},
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("exercise", ["layer_norm", "softmax", "project_qkv"])
def test_a_hostile_value_gets_a_short_and_harmless_message(exercise, name):
    exercise = discover()[exercise]
    begin = time.process_time()
    with np.errstate(all="ignore"):
        verdict = judge(exercise, lambda given: Outcome(HOSTILE[name], None, given))
    page, text = as_html(verdict), as_text(verdict)
    assert time.process_time() - begin < 5
    assert verdict.passed is False
    assert len(page) < 200_000 and len(text) < 20_000
    assert "<script" not in page
    assert all(sign.isprintable() or sign == "\n" for sign in text)


def test_what_is_compared_takes_little_memory():
    """NumPy would make each text of a list as long as the longest."""
    texts = [["x" * 10**6], *([""],) * 100]
    tracemalloc.start()
    assert conform(texts, np.ones((2, 3))) is texts
    watched = Watched(lambda given: Outcome(np.zeros(2**24, np.uint8)))
    watched(())
    watched.digest()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**26


FORGERIES = {
    "garbage": ("b'garbage' * 9", {"TooLarge", "Garbled"}),
    "a pickle": ("b'\\0\\0\\0\\x0f\\x80\\x04\\x95' + bytes(12)", {"Garbled"}),
    "a huge length": ("b'\\xff\\xff\\xff\\xff'", {"TooLarge"}),
    "an empty message": ("b'\\0\\0\\0\\0'", {"Garbled"}),
    "sound data of another form": (
        "b'\\0\\0\\0\\x09AGW1\\0\\0\\0\\x011'",
        {"Garbled"},
    ),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_message_is_garbled(engine, name):
    message, kinds = FORGERIES[name]
    cell = f"import os\ndef f(x):\n    os.write(3, {message})\n    return 2 * x"
    outcome, _, _ = run(engine, cell)
    assert outcome.error.kind in kinds


def test_forged_answers_are_only_values(engine):
    """Whoever writes the answer to a question not yet asked cannot know it."""
    cell = """
        import os, sys
        def f(x):
            frame = sys._getframe()
            while "wire" not in frame.f_globals: frame = frame.f_back
            wire = frame.f_globals["wire"]
            m = wire.encode((np.full((2, 3), 7.0), None, ()))
            for _ in range(3): os.write(3, wire.LENGTH.pack(len(m)) + m)
            return x
        """
    outcome, kinds, _ = run(engine, cell)
    assert kinds == [] and np.array_equal(outcome.value, np.full((2, 3), 7.0))


def test_what_arguments_became_is_seen(engine):
    outcome, _, _ = run(engine, "def f(x):\n    x += 1\n    return x[:1]")
    assert np.array_equal(outcome.arguments[0], X + 1)
    assert np.array_equal(outcome.value, X[:1] + 1)


@pytest.mark.parametrize(
    "raised",
    [
        "Exception('x' * 10**7)",
        "type('E' * 10**6, (Exception,), {})('m')",
        "type('E', (Exception,), {'__str__': lambda s: 1 / 0})()",
        "Exception('\\ud800\\0')",
        "ExceptionGroup('g', [ValueError()])",
    ],
)
def test_errors_are_cut_to_size(engine, raised):
    outcome, _, _ = run(engine, f"def f(x):\n    raise {raised}")
    assert len(outcome.error.kind) <= 2000 and len(outcome.error.message) <= 2000
    (outcome.error.kind + outcome.error.message).encode()


def test_an_exception_whose_text_never_ends(engine):
    cell = """
        class E(Exception):
            def __str__(self):
                while True: pass
        def f(x): raise E
        """
    outcome, _, _ = run(engine, cell)
    assert outcome.error.kind == "Timeout"


def test_a_killed_warm_process_is_replaced(engine):
    with engine.submission(HONEST) as submission:
        assert submission.errors == []
        for pid in descendants(os.getpid()):
            os.kill(pid, signal.SIGKILL)
        assert np.array_equal(submission.call("f", (X,)).value, 2 * X)


def test_a_grader_that_is_killed_leaves_no_process(engine):
    script = f"""
from autograder.engine import Engine
from autograder.exercise import discover
from autograder.judge import judge
from autograder.message import as_html, as_text
with Engine(tiers=({engine.tier!r},)) as engine:
    cells = ["print(1)", "while True: pass"]
    print("started", flush=True)
    with engine.submission(cells): pass
"""
    grader = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    grader.stdout.readline()
    family = wait_for(lambda: descendants(grader.pid), minimum=2)
    grader.kill()
    grader.wait()
    grader.stdout.close()
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and any(map(is_alive, family)):
        time.sleep(0.05)
    assert not any(map(is_alive, family))


def wait_for(look, minimum, seconds=5):
    deadline = time.monotonic() + seconds
    while len(found := look()) < minimum and time.monotonic() < deadline:
        time.sleep(0.02)
    return found


def is_alive(pid):
    try:
        return (
            Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
        )
    except OSError:
        return False
