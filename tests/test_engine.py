"""Honest submissions in the real engine lose nothing, and its limits are kept."""

import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest

from autograder.sandbox import tiers as sandbox
from autograder.sandbox.engine import Engine
from autograder.sandbox.limits import Limits
from autograder.sandbox.tiers import SandboxUnavailable
from autograder.values.endings import ENDINGS

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="graded runs need Linux"
)

X = np.arange(6.0).reshape(2, 3)
KIT = {
    "autograder": "def check(f): return None\ndef ready(f): return f",
    "book": "",
    "book.animations": "def play_scores(f): raise RuntimeError",
}


@pytest.fixture(scope="module")
def engine():
    with Engine(allow_unsafe=True) as engine:
        yield engine


def test_cells_run_in_one_namespace_and_functions_are_called(engine):
    cells = ["import numpy as np", "def scores(Q, K):\n    return Q @ K.T"]
    with engine.submission(cells) as submission:
        assert submission.errors == []
        assert submission.defined("scores") and not submission.defined("scale")
        outcome = submission.call("scores", (X, np.ones((4, 3))))
        assert outcome.error is None
        assert np.array_equal(outcome.value, X @ np.ones((3, 4)))
        missing = submission.call("scale", (X, 3))
        assert missing.error.kind == "NameError"


def test_an_error_in_a_cell_does_not_stop_the_next(engine):
    cells = ["1 / 0", "def f(:", "x = 1\ny = undefined", "def f(x): return x + 1"]
    with engine.submission(cells) as submission:
        found = [(i, e.kind, e.line) for i, e in submission.errors]
        assert found == [
            (0, "ZeroDivisionError", "1 / 0"),
            (1, "SyntaxError", "def f(:"),
            (2, "NameError", "y = undefined"),
        ]
        assert submission.call("f", (1,)).value == 2


def test_an_error_in_a_call_has_the_learners_line(engine):
    cell = """
        import numpy as np
        def helper(x):
            return np.linalg.inv(x)
        def f(x):
            return helper(x) + 1
        def stub(x):
            raise NotImplementedError
        """
    with engine.submission([textwrap.dedent(cell)]) as submission:
        error = submission.call("f", (np.zeros((2, 2)),)).error
        assert (error.kind, error.line) == ("LinAlgError", "return np.linalg.inv(x)")
        assert submission.call("stub", (X,)).error.kind == "NotImplementedError"


@pytest.mark.parametrize(
    "cell",
    [
        "%matplotlib inline",
        "%matplotlib notebook",
        "%load_ext autoreload\n%autoreload 2",
        "%config InlineBackend.figure_format = 'svg'",
        "%%time\nx = 1",
        "%timeit -n1 -r1 pass",
        "!echo hello",
        "files = !ls",
        "%pip install einops",
        "from autograder import check, ready\nready(check)(None)",
        "from book.animations import play_scores",
        "import matplotlib.pyplot as plt\nplt.plot([1, 2]); plt.show()\nplt.figure();",
        "import matplotlib.pyplot as plt\nplt.plot([1]); plt.savefig('figure.png')",
        "import warnings\nwarnings.warn('careful')",
        "import sys\nprint('note', file=sys.stderr)",
        "import logging\nlogging.warning('careful')",
        "print('many words ' * 1000)",
        "from IPython.display import display, HTML\ndisplay(HTML('<b>bold</b>'))",
        "import torch\ntorch.ones(3, requires_grad=True).sum().backward()",
        "import torch\ntorch.nn.MultiheadAttention(6, 2)(*[torch.ones(1, 4, 6)] * 3);",
        "import asyncio\nawait asyncio.sleep(0)",
        "from dataclasses import dataclass\n@dataclass\nclass Point:\n    x: int",
        "import inspect\ndef g(): pass\nassert inspect.getsource(g)",
        "open('notes.txt', 'w').write('x')\nassert open('notes.txt').read() == 'x'",
        "from pathlib import Path\n(Path.home() / 'notes').write_text('x')",
        "import tempfile\ntempfile.TemporaryFile().write(b'x')",
        "import threading\nt = threading.Thread(target=print)\nt.start(); t.join()",
        "import concurrent.futures as c\nlist(c.ThreadPoolExecutor().map(abs, [1, 2]))",
        "import os\nos.cpu_count(), os.listdir()",
        "assert __name__ == '__main__'",
        "",
        "# a comment",
        "%%latex\n$x$",
    ],
)
def test_what_honest_notebooks_do_is_no_error(engine, cell):
    cells = [cell, "def f(x):\n    import warnings\n    print(x)\n    return x + 1"]
    with engine.submission(cells, KIT) as submission:
        assert submission.errors == []
        assert submission.call("f", (1,)).value == 2


def test_a_process_in_a_cell_is_refused_by_name(engine):
    if engine.tier == "none":
        pytest.skip("no sandbox here")
    with engine.submission(["import os; os.fork()"]) as submission:
        [(index, error)] = submission.errors
    assert (index, error.kind) == (0, "Processes")
    assert error.message == ENDINGS["Processes"].said()


def test_printed_text_is_kept(engine):
    with engine.submission(["print('one')", "2", "import sys"]) as submission:
        assert submission.outputs[0] == "one\n"
        assert "2" in submission.outputs[1] and submission.outputs[2] == ""


def test_the_kit_is_what_is_offered_and_nothing_else(engine):
    cells = ["import book.animations, autograder", "import autograder.judge"]
    with engine.submission(cells, KIT) as submission:
        assert [(i, e.kind) for i, e in submission.errors] == [(1, "Module")]
    with engine.submission(["import autograder"]) as submission:
        assert submission.errors[0][1].kind == "Module"


def test_a_class_is_driven(engine):
    cell = """
        import torch
        class Twice(torch.nn.Module):
            def __init__(self, size):
                super().__init__()
                self.W = torch.nn.Parameter(torch.ones(size, size))
            def forward(self, X):
                return X @ self.W
        """
    drive = """
        def drive(module_class, X, W):
            import torch
            module = module_class(len(W)).double()
            module.load_state_dict({"W": torch.tensor(W)})
            return module(torch.tensor(X))
        """
    W = np.diag([1.0, 2.0, 3.0])
    with engine.submission([textwrap.dedent(cell)]) as submission:
        outcome = submission.call("Twice", (X, W), drive=textwrap.dedent(drive))
        assert outcome.error is None
        assert np.array_equal(outcome.value, X @ W)
        error = submission.call("Twice", (X[:, :2], W), drive=textwrap.dedent(drive))
        assert error.error.line == "return X @ self.W"


def test_a_random_generator_is_an_argument(engine):
    cell = "def draw(rng):\n    return rng.standard_normal(3)"
    with engine.submission([cell]) as submission:
        outcome = submission.call("draw", (np.random.default_rng(5),))
    assert np.array_equal(outcome.value, np.random.default_rng(5).standard_normal(3))


def test_runs_are_reproducible(engine):
    cell = """
        import numpy as np, random, torch
        def draw():
            return [np.random.rand(), random.random(), torch.rand(1), list({"a", "b"})]
        """
    values = []
    for _ in range(2):
        with engine.submission([textwrap.dedent(cell)]) as submission:
            values.append(submission.call("draw", ()).value)
    assert values[0] == values[1]


def test_calls_see_what_earlier_calls_left(engine):
    cell = "seen = []\ndef f(x):\n    seen.append(x)\n    return len(seen)"
    with engine.submission([cell]) as submission:
        assert [submission.call("f", (1,)).value for _ in range(3)] == [1, 2, 3]


def test_a_large_cell_and_large_arguments_arrive(engine):
    cell = "def f(x):\n    return x.shape\n" + "# comment\n" * 300_000
    with engine.submission([cell]) as submission:
        assert submission.call("f", (np.zeros((1000, 1000)),)).value == (1000, 1000)


def test_without_a_sandbox_nothing_runs_unless_allowed():
    with pytest.raises(SandboxUnavailable, match="--allow-unsafe"):
        Engine(tiers=()).__enter__()
    with Engine(tiers=(), allow_unsafe=True) as engine:
        assert engine.tier == "none"
        with engine.submission(["def f(x): return x"]) as submission:
            assert submission.call("f", (1,)).value == 1


def test_the_tier_is_told():
    run = [sys.executable, "-m", "autograder.sandbox"]
    done = subprocess.run(run, capture_output=True, text=True)
    tier, reasons = sandbox.probe()
    assert done.stdout.startswith(f"sandbox: {tier or 'unavailable'}\n")
    assert done.returncode == (tier is None)
    for stronger in reasons:
        assert f"  {stronger}: " in done.stdout


def test_a_refused_tier_gives_its_reason(monkeypatch):
    class Refused(sandbox.Namespaces):
        def enter(self):
            raise PermissionError(1, "unshare: not on this host")

    monkeypatch.setitem(sandbox.TIERS, "namespaces", Refused)
    tier, reasons = sandbox.probe()
    assert tier != "namespaces" and "not on this host" in reasons["namespaces"]


def test_a_submission_is_quick(engine):
    cells = ["import numpy as np", "def f(x):\n    return x"]
    seconds = []
    for _ in range(20):
        begin = time.perf_counter()
        with engine.submission(cells) as submission:
            submission.call("f", (X,))
        seconds.append(time.perf_counter() - begin)
    print(f"{1000 * np.median(seconds):.0f} ms a submission")
    assert np.median(seconds) < 0.5


def test_a_name_is_not_called_missing_when_time_was_up():
    cells = ["import time\ndef sleep():\n    time.sleep(9)", "def there():\n    pass"]
    with Engine(Limits(total_seconds=2), allow_unsafe=True) as engine:  # noqa: SIM117
        with engine.submission(cells) as submission:
            assert not submission.defined("missing")
            submission.call("sleep", ())
            assert submission.defined("there")
            assert submission.call("there", ()).error.kind == "Timeout"


def test_limits_are_options():
    limits = Limits(call_seconds=0.3, total_seconds=5, result_bytes=10_000)
    cells = [
        "import time\ndef sleep():\n    time.sleep(9)",
        "def big():\n    return b''.ljust(20_000).decode()",
    ]
    with Engine(limits, allow_unsafe=True) as engine:  # noqa: SIM117
        with engine.submission(cells) as submission:
            assert submission.call("sleep", ()).error.message.startswith(
                "stopped after 0.3 s"
            )
            assert submission.call("big", ()).error.kind == "TooLarge"
