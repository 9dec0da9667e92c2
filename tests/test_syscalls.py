"""The filter of system calls names what is allowed: everything else is refused."""

import errno
import platform
import sys

import numpy as np
import pytest

from autograder.course.example import renamed
from autograder.exercises.registry import discover
from autograder.exercises.source import source_of
from autograder.judge.cases import draw_cases
from autograder.sandbox import syscalls
from autograder.sandbox import tiers as sandbox
from autograder.sandbox.engine import Engine
from autograder.sandbox.kernel import MACHINES
from autograder.sandbox.limits import Limits

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="graded runs need Linux"
)

# uretprobe and uprobe, of x86_64: newer kernels let no filter see them, and end with an
# illegal instruction whoever makes them without being probed.
OF_PROBES = {335, 336} if platform.machine() == "x86_64" else set()
HIGHEST = 1024  # far above what any kernel has so far
TRY = """
import ctypes
import numpy as np
libc = ctypes.CDLL(None, use_errno=True)
def f(numbers):
    found = []
    for number in numbers:
        gone = libc.syscall(int(number), 0, 0, 0, 0, 0, 0) != -1
        found.append(0 if gone else ctypes.get_errno())
    return np.array(found)
"""
WHAT_PEOPLE_DO = [
    "%matplotlib inline\nimport io\nimport matplotlib.pyplot as plt\n"
    "plt.plot([1, 2]); plt.savefig('a.png'); plt.savefig(io.BytesIO()); plt.show()",
    "import asyncio\nawait asyncio.sleep(0.01)",
    "from concurrent.futures import ThreadPoolExecutor\n"
    "with ThreadPoolExecutor(3) as pool: list(pool.map(abs, range(9)))",
    "import os, pathlib, shutil, sqlite3, tempfile\nd = tempfile.mkdtemp()\n"
    "pathlib.Path(d, 'a').write_text('b')\nos.rename(f'{d}/a', f'{d}/c')\n"
    "shutil.copyfile(f'{d}/c', 'd')\nshutil.rmtree(d)\n"
    "sqlite3.connect('e').execute('create table t (x)')",
    "import numpy as np\nnp.save('a', np.ones(3)); np.load('a.npy', mmap_mode='r')\n"
    "np.linalg.svd(np.random.rand(300, 300)); np.fft.fft(np.ones(9))",
    "import torch\nmodel = torch.nn.Linear(64, 64)\n"
    "model(torch.ones(512, 64)).sum().backward()\ntorch.save(model.state_dict(), 'm')\n"
    "torch.load('m'); torch.jit.script(model)",
    "import logging, platform, random, secrets, time, uuid\nplatform.uname()\n"
    "uuid.uuid4(); secrets.token_hex(); time.sleep(0.01); time.process_time()",
    "!ls\nfiles = !ls\n%pwd\n%time 1 + 1\n%timeit -n1 -r1 1\nhelp(len)\nlen?",
]


@pytest.fixture(scope="module", params=["namespaces", "landlock"])
def tier(request):
    if sandbox.probe((request.param,))[0] != request.param:
        pytest.skip(f"this host does not offer {request.param}")
    return request.param


def engine(tier, strict=False):
    return Engine(tiers=(tier,), preload=("numpy",), strict=strict)


def numbers_of(calls):
    column = MACHINES.index(platform.machine())
    return {pair[column] for pair in calls.values() if pair[column] is not None}


def allowed():
    """The calls that are allowed, whatever their arguments or with some of them."""
    some = {name: getattr(syscalls, name) for name in SOME}
    return numbers_of(syscalls.ALLOWED | syscalls.ONLY_ONESELF | some)


SOME = ("CLONE", "PRCTL", "SOCKETPAIR", "CLOSE_RANGE", "FCNTL", "IOCTL")


def test_what_is_on_no_list_is_refused_one_by_one(tier):
    """Each number up to one that no kernel has reached: old calls, new ones, and those
    that are still to come.
    """
    metadata = numbers_of(syscalls.METADATA)
    tried = sorted(set(range(HIGHEST)) - allowed() - metadata - OF_PROBES)
    with engine(tier) as warm, warm.submission([TRY]) as submission:
        found = submission.call("f", (np.array(tried),)).value
        of_files = submission.call("f", (np.array(sorted(metadata)),)).value
    expected = {
        number: errno.EPERM if number < syscalls.RECENT else errno.ENOSYS
        for number in tried
    }
    for error, calls in syscalls.TOLD.items():
        expected |= dict.fromkeys(numbers_of(calls), error)
    assert dict(zip(tried, found.tolist(), strict=True)) == expected
    if tier == "landlock":  # which does not mediate these
        assert set(of_files.tolist()) == {errno.EPERM}


def test_the_lists_hold_each_call_once():
    lists = [syscalls.ALLOWED, syscalls.METADATA, syscalls.ONLY_ONESELF]
    lists += [*syscalls.TOLD.values(), {n: getattr(syscalls, n) for n in SOME}]
    for column in range(len(MACHINES)):
        numbers = [p[column] for calls in lists for p in calls.values()]
        numbers = [number for number in numbers if number is not None]
        assert len(numbers) == len(set(numbers))


def test_no_answer_and_no_honest_cell_needs_more(tier):
    """A strict filter ends a process at a call that is on no list: none meets it."""
    limits = Limits(call_seconds=60, total_seconds=300)
    ended = {}
    with Engine(limits, tiers=(tier,), strict=True) as warm:
        for cell in WHAT_PEOPLE_DO:
            with warm.submission([cell]) as submission:
                ended |= {(cell, place): e for place, e in submission.errors}
        for name, exercise in discover().items():
            answers = [exercise.reference, *exercise.equivalents]
            for answer in answers:
                first = answer is exercise.reference
                source = source_of(answer) if first else renamed(answer, name)
                cells = [f"import numpy as np\n{source}"]
                with warm.submission(cells) as submission:
                    _, arguments = draw_cases(exercise, seed=1)[0]
                    drive = exercise.drive_source
                    error = submission.call(name, arguments, drive).error
                    if error and error.kind in ("Crashed", "Killed"):
                        ended[answer] = error
    assert ended == {}


def test_a_strict_filter_ends_a_call_that_is_on_no_list(tier):
    call = "import ctypes\nctypes.CDLL(None).syscall(1000)"
    with engine(tier, strict=True) as warm, warm.submission([call]) as submission:
        [(_, error)] = submission.errors
    assert error.kind == "Crashed" and "system call" in error.message
