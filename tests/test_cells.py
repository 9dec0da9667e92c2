"""What a code cell does, and which cells are run for an exercise."""

import time

import pytest

from autograder.grading import cells as code
from autograder.grading import submission
from autograder.grading.plan import groups, part_of
from autograder.grading.submission import Cell


def cells(*sources):
    return [Cell("code", source) for source in sources]


def needed_sources(*sources, name="f", released=()):
    made = cells(*sources)
    part = part_of(made, name, len(made), frozenset(released))
    return [made[index].source for index in part.chosen]


F = "def f(x):\n    return x"


@pytest.mark.parametrize(
    "others, wanted",
    [
        (["play(f)", "check(f)", "f(3)"], []),  # they use f, and f needs none of them
        (["import numpy as np"], []),
        (["while True: pass"], []),
        (["x = 3"], []),  # f has an x of its own
        (["f.__doc__ = 'better'"], ["f.__doc__ = 'better'"]),
        (["f.cache.update(a=1)"], ["f.cache.update(a=1)"]),
        (["from helpers import *"], ["from helpers import *"]),
        (["def f(:"], ["def f(:"]),  # the learner wants to read why
        (["f = (lambda x: x"], ["f = (lambda x: x"]),
        (["g = (lambda x: x"], []),
        (["%matplotlib inline"], []),
        (["%time f = lambda x: x"], ["%time f = lambda x: x"]),
        (["def g(): return f"], []),
        (["f.calls = 1\n/print f"], ["f.calls = 1\n/print f"]),
    ],
)
def test_cells_beside_the_function(others, wanted):
    assert needed_sources(F, *others) == [F, *wanted]


@pytest.mark.parametrize(
    "use, definition",
    [
        ("return np.exp(x)", "import numpy as np"),
        ("return helper(x)", "def helper(x): return x"),
        ("return x * SCALE", "SCALE = 3"),
        ("return x * SCALE", "SCALE, OTHER = 3, 4"),
        ("return x * SCALE", "for SCALE in range(3): pass"),
        ("return x * SCALE", "def setup():\n    global SCALE\n    SCALE = 1\nsetup()"),
        ("return Helper()(x)", "class Helper:\n    pass"),
        ("return x * SCALE", "with open('s') as SCALE: pass"),
        ("return [np.exp(y) for y in x]", "import numpy as np"),
        ("return (lambda y: np.exp(y))(x)", "import numpy as np"),
        ("return np.exp(x)", "%matplotlib inline\nimport numpy as np"),
    ],
)
def test_what_a_function_needs_comes_with_it(use, definition):
    function = f"def f(x):\n    {use}"
    assert needed_sources(definition, "unused = 1", function) == [definition, function]


def test_needs_are_followed_to_their_end():
    chain = [
        "import numpy as np",
        "def g(x): return np.exp(x)",
        "def f(x): return g(x)",
    ]
    assert needed_sources(*chain, "h = f") == chain


def test_what_was_handed_out_is_run_for_its_definitions_only():
    changes = "f.calls.append(1)"
    assert needed_sources(F, changes) == [F, changes]
    assert needed_sources(F, changes, released=[changes]) == [F]


def test_all_cells_that_define_a_name_are_run_in_their_order():
    again = "def f(x):\n    return 2 * x"
    assert needed_sources(F, again) == [F, again]


@pytest.mark.parametrize("source", ["\0", "(" * 10_000, "x = " + "-" * 100_000 + "1"])
def test_a_cell_that_breaks_the_parser_is_no_error(source):
    assert needed_sources(F, source) == [F]


@pytest.mark.parametrize(
    "source",
    [
        "\n" * 200_000,
        " " * 200_000 + "x",
        "%a\n" * 60_000,
        "x = [" + "1," * 100_000 + "]",
        "?\n" * 100_000,
        "def " * 60_000,
        "f = " * 60_000,
        "f\n" * 100_000 + "(",
        "f : " * 60_000 + "(",
        "# def f\n" + "a" * 200_000 + "(",
    ],
)
def test_reading_a_hostile_cell_is_quick(source):
    begin = time.process_time()
    needed_sources(F, source)
    assert time.process_time() - begin < 5


def test_a_long_chain_of_cells_is_quick():
    chain = [f"v{n} = v{n + 1}" for n in range(submission.CELLS - 1)]
    begin = time.process_time()
    assert len(needed_sources("def f(x): return v0", *chain)) == submission.CELLS
    assert time.process_time() - begin < 5


@pytest.mark.parametrize(
    "source, flagged",
    [
        ("torch.softmax(x, -1)", True),
        ("x.softmax(-1)", True),
        ("from scipy.special import softmax", True),
        ("softmax(x)", True),
        ("def softmax(x): return softmax(x)", False),
        ("softmax = 3", False),
        ("print('softmax(x)')", False),
        ("torch" + ".a" * 2000 + ".softmax", True),
        ("getattr(torch, 'soft' + 'max')(x)", True),
        ("def getattr(a, b): pass\ngetattr(torch, 'exp')", False),
    ],
)
def test_calls_of_the_library_are_flagged(source, flagged):
    tree = code.names_in(source).tree
    assert bool(code.flags_in([tree], ("softmax",))) == flagged


def test_a_cell_that_cannot_be_read_is_flagged():
    assert code.names_in("def f(") is None
    assert len(code.flags_in([None], ("softmax",))) == 1
    assert code.flags_in([None], ()) == ()


def test_many_flags_are_few_lines():
    source = "\n".join(f"torch.a{number}.softmax" for number in range(3000))
    flags = code.flags_in([code.names_in(source).tree], ("softmax",))
    assert len(flags) == code.FLAGS + 1
    assert "2990 more" in flags[-1]


# --- as IPython reads it -------------------------------------------------------------


@pytest.mark.parametrize(
    "source, defined, used",
    [
        ("%%time\ndef f(x):\n    return '%.3f' % x", {"f"}, set()),
        ('%%time\ndef f(x):\n    """Which?\n    axis"""\n    return x', {"f"}, set()),
        ("\n\n%%capture out\nf = g", {"f"}, {"g"}),
        ("%%timeit\nf = g", set(), set()),  # its names are its own
        ("%%bash\nf = g", set(), set()),
        (">>> def f(x):\n...     return g(x)", {"f"}, {"g"}),
        ("In [1]: def f(x):\n   ...:     return g(x)", {"f"}, {"g"}),
        ("!pip install -q \\\n    numpy\nf = g", {"f"}, {"g"}),
        ("  def f(x):\n      return g(x)", {"f"}, {"g"}),
        ("x = %time g()\nf = x", {"x", "f"}, {"g", "x"}),
        ("if True:\n    %time f = g", {"f"}, {"g"}),
        ("files = !ls\nf = g", {"f", "files"}, {"g"}),
        ("f = g\nf?", {"f"}, {"g"}),
        ("f = await g()", {"f"}, {"g"}),
        ("print('%' % 1); f = g", {"f"}, {"g"}),
        ("del f", {"f"}, set()),
    ],
)
def test_a_cell_is_read_as_ipython_reads_it(source, defined, used):
    found = code.names_in(source)
    assert found.defines == defined and used <= found.uses


def test_what_is_imported_or_deleted_is_not_written():
    found = code.names_in("from a import f\ndel g\nh = 1\ndef k(): pass")
    assert found.written == {"h", "k"}


# --- as it stands at its check cell --------------------------------------------------

CHECK = Cell("raw", "check(f)")


def parts(*above, below=(), released=()):
    """The sources that are run, and the names that cells below would change."""
    made = [*cells(*above), CHECK, *cells(*below)]
    part = part_of(made, "f", len(above), frozenset(released))
    changed = [names for _, names in part.aside]
    return [made[index].source for index in part.chosen], changed


STUB = "def f(x):\n    raise NotImplementedError"
USES = "import numpy as np\ndef f(x):\n    return np.exp(x)"


@pytest.mark.parametrize(
    "scratch, changed",
    [
        ("from torch import f", [("f",)]),
        ("def f(x):\n    return -x", [("f",)]),
        ("del f", [("f",)]),
        ("np = 5", [("np",)]),
        ("import torch as np", [("np",)]),
        ("for np, f in []: pass", [("f", "np")]),
        ("%%time\nnp = 5", [("np",)]),
        ("import numpy as np", []),  # once more
        ("x = np.exp(f(1))", []),
        ("from torch.nn.functional import *", []),
    ],
)
def test_what_stands_below_the_check_does_not_count(scratch, changed):
    assert parts(USES, below=[scratch]) == ([USES], changed)


def test_what_the_learner_put_above_the_check_counts():
    assert parts(F, "from torch import f")[0] == [F, "from torch import f"]


@pytest.mark.parametrize("below", ["def g(x): return x", "from a import g", "g = abs"])
def test_what_is_nowhere_above_is_looked_for_below(below):
    function = "def f(x):\n    return sum(g(x))"
    found = parts(function, below=[below, "sum = 3", "def h(): pass"])
    assert found == ([function, below], [("sum",)])


def test_a_function_written_below_its_check_counts_and_one_to_compare_with_does_not():
    assert parts(STUB, below=[F], released=[STUB])[0] == [F]
    compare = "from torch import f"
    assert parts(STUB, below=[compare], released=[STUB]) == ([STUB], [("f",)])


def test_exercises_share_a_run_where_no_cell_of_one_changes_the_other():
    first, second = "def f(x): return x", "def g(x): return f(x)"
    made = cells(first, "check(f)", second, "check(g)")

    def count(made):
        found = [part_of(made, n, 2 * i + 1, frozenset()) for i, n in enumerate("fg")]
        return len(groups(found, made))

    assert count(made) == 1
    made[2] = Cell("code", f"def f(x): return -x\n{second}")
    assert count(made) == 2
    made[2] = Cell("code", f"{first}\n{second}")  # f once more
    assert count(made) == 1
