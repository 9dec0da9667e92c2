"""Declaring an exercise: its steps exchanged, and what is said of a slip."""

import inspect

import numpy as np
import pytest

from autograder.exercises.declaration import DeclarationError, exercise
from autograder.exercises.ordinary import ordinary_cases
from autograder.exercises.pipeline import exchanged, steps_of
from autograder.exercises.registry import discover, registered, undeclared
from autograder.exercises.shapes import ShapeLine
from autograder.exercises.source import among, files_of, names_given, renamed
from autograder.judge.cases import draw_cases
from autograder.judge.verdict import judge
from autograder.values.called import call_in_process


@exercise()
def doubled(x):
    """Twice as much.

    x (n,) -> y (n,)
    """
    return 2 * x


@doubled.mistake
def tripled(x):
    """It is three times as much. Twice is asked for."""
    return 3 * x


@doubled.mistake
def as_before(x):
    """The numbers come back as they were."""
    return x


@doubled.case
def some(rng):
    return (rng.standard_normal(3),)


@exercise()
def shifted(x):
    """One more.

    x (n,) -> y (n,)
    """
    return x + 1


@shifted.mistake
def as_before(x):  # noqa: F811 - as in another file
    """Nothing is added to the numbers."""
    return x


@shifted.case
def others(rng):
    return (rng.standard_normal(3),)


@exercise()
def both(x):
    """Twice as much, and one more.

    x (n,) -> y (n,)
    """
    return shifted(doubled(x))


both.inherits(doubled, tripled="Three times as much.")
both.inherits(shifted)


@both.mistake_in(doubled)
def halved(x):
    """It is half as much. Twice is asked for."""
    return half(x)


@both.mistake_in(doubled, shifted=as_before)
def squared(x):
    """These are the squares."""
    return x**2


@both.case
def numbers(rng):
    return (rng.standard_normal(3),)


def inner(x):
    return x


def half(x):  # defined below what uses it
    return x / 2


class Layer:
    """A class with a step."""

    def __call__(self, x):
        """The step, and one more."""
        return self.step(x) + 1

    def step(self, x):
        """Twice as much."""
        return 2 * x


@exercise()
class Both(Layer):
    """Twice as much, and one more.

    x (n,) -> y (n,)
    """


Both.inherits(doubled, at=Layer.step)


@Both.mistake_in(Layer.step)
def negated(self, x):
    """The sign is turned."""
    return -Layer.step(self, x)


@Both.drive
def call(made, x):
    """Make one, and call it.

    x (n,) -> y (n,)
    """
    return made()(x)


Both.case(numbers)

INHERITED = ("tripled", "as_before_in_doubled", "as_before_in_shifted")


@pytest.mark.parametrize("whole", [both, Both], ids=["function", "class"])
def test_each_wrong_step_is_a_mistake_with_its_hint(whole):
    declared = whole.declared.exercise
    wrong = {mistake.__name__: mistake for mistake in declared.mistakes}
    expected = {
        both: (*INHERITED, "halved", "squared"),
        Both: ("tripled", "as_before", "negated"),
    }
    assert tuple(wrong) == expected[whole]
    for name, mistake in wrong.items():
        verdict = judge(declared, call_in_process(declared.driven(mistake)))
        assert verdict.mistake == name
        assert verdict.hint == inspect.getdoc(mistake)
    right = call_in_process(declared.driven(declared.reference))
    assert judge(declared, right).passed


def test_an_inherited_hint_says_where_unless_it_has_words_of_its_own():
    hints = {m.__name__: m.__doc__ for m in both.declared.exercise.mistakes}
    assert hints["tripled"] == "Three times as much."
    assert hints["as_before_in_doubled"].startswith("At the step `doubled`: The num")
    assert hints["as_before_in_shifted"] == (
        "At the step `shifted`: Nothing is added to the numbers."
    )
    assert hints["halved"] == "It is half as much. Twice is asked for."


def test_an_answer_among_other_cells_leaves_their_names_alone():
    """As a learner's, who uses what the notebook has, and redefines none of it."""
    cells = ["%time 1", 'softmax, scale = ready("softmax"), 2', "def attention(): ..."]
    source = (
        "import numpy as np\nfrom solutions.softmax import softmax, exponentials\n\n"
        "def attention(Q):\n    return softmax(Q)\n\n"
        "def head(X):\n    return attention(np.abs(exponentials(X)))\n"
    )
    made = among(names_given([*cells, "import numpy as np"]), source, "head")
    assert made == (
        "import numpy as np\nfrom solutions.softmax import exponentials\n\n\n"
        "def _attention(Q):\n    return softmax(Q)\n\n\n"
        "def head(X):\n    return _attention(np.abs(exponentials(X)))"
    )


@pytest.mark.parametrize("whole", [both, Both], ids=["function", "class"])
def test_the_source_of_an_exchanged_answer_does_the_same(whole):
    declared = whole.declared.exercise
    x = np.arange(3.0)
    for mistake in declared.mistakes:
        source = renamed(mistake, whole.__name__)
        assert '"""' not in source  # no hint is handed in
        namespace = {}
        exec(source, namespace)
        answer = namespace[whole.__name__]
        wanted = declared.driven(mistake)(x)
        assert np.array_equal(declared.driven(answer)(x), wanted), source


def test_a_declaration_lies_in_the_files_of_its_steps_too():
    def files(name):
        declared = discover()[name]
        return [f.stem for f in files_of([declared.reference, *declared.mistakes])]

    assert files("softmax") == ["softmax"]
    steps = ["scaling", "scores", "single_head", "softmax", "weighted_sum"]
    assert files("attention") == steps
    assert files("single_head_attention") == sorted([*steps, "projections"])


def test_what_a_step_calls_itself_stays_as_it_is():
    assert exchanged(both, doubled=as_before)(5) == 6
    assert both(5) == 11
    assert list(steps_of(both)) == ["shifted", "doubled"]


@pytest.mark.parametrize(
    ("declare", "words"),
    [
        (
            lambda e: e.inherits(half),
            "slip does not call half; its steps are inner and",
        ),
        (lambda e: e.inherits(inner), "inner is no exercise"),
        (lambda e: e.inherits(doubled, but=("triple",)), "did you mean tripled?"),
        (lambda e: e.inherits(doubled, quadrupled="x"), "tripled and as_before"),
        (lambda e: e.mistake_in(shifted)(half), "slip does not call shifted"),
        (lambda e: e.mistake_in(half), "slip does not call half"),  # no brackets
        (lambda e: e.mistake(half), "half has no docstring"),
        (lambda e: e.must(half), "half has no docstring"),
        (lambda e: e.mistake(), "without brackets"),
        (lambda e: e.drive(), "without brackets"),
        (lambda e: (e.mistake(tripled), e.mistake(tripled)), "called tripled"),
        (lambda e: e.case(numbers), "2 of its inputs are called numbers"),
    ],
)
def test_a_slip_is_said_with_the_file_and_the_remedy(declare, words):
    with pytest.raises(DeclarationError, match=words) as caught:
        slip = made()
        declare(slip)
        slip.declared.exercise  # noqa: B018
    assert f"{__file__}: slip" in str(caught.value)


def made(**fields):
    @exercise(**fields)
    def slip(x):
        """Twice as much.

        x (n,) -> y (n,)
        """
        return inner(doubled(x))

    slip.case(numbers)
    return slip


@pytest.mark.parametrize(
    ("declare", "words"),
    [
        (lambda: exercise(inner), "inner: write @exercise.. with brackets"),
        (lambda: made(point=2), "there is no point; did you mean points?"),
        (lambda: made(hints="Divide.").declared.exercise, r'comma: \("text",\)'),
        (lambda: made(points=0).declared.exercise, "must be positive"),
    ],
)
def test_exercise_itself_is_checked(declare, words):
    with pytest.raises(DeclarationError, match=words):
        declare()


@pytest.mark.parametrize(
    ("draw", "words"),
    [
        (lambda rng: rng.standard_normal(3), "a single one needs a comma"),
        (lambda rng: (1, 2), "returns 2 arguments; the shape line has 1: x"),
        (lambda rng: rng.normal("a"), "case <lambda> raises"),
    ],
)
def test_a_case_that_draws_nothing_fit_is_named(draw, words):
    slip = made()
    slip.case(draw)
    with pytest.raises(DeclarationError, match=words):
        draw_cases(slip.declared.exercise, 0)


WRITTEN = {
    "brackets": (
        "@exercise\ndef soften(S):\n    pass\n",
        "soften: write @exercise.. with brackets",
    ),
    "forgotten": (
        "def soften(S):\n    pass\n\n\n@soften.mistake\ndef wrong(S):\n    pass\n",
        "soften: its parts are declared, but it is no exercise",
    ),
    "forgotten, inherits": (
        "def soften(S):\n    pass\n\n\nsoften.inherits(softmax)\n",
        "soften: its parts are declared, but it is no exercise",
    ),
    "not kept": (
        "def soften(S):\n    pass\n\n\nExercise(reference=soften)\n",
        "line 5: Exercise.* is made and not kept",
    ),
    "imported alone": (
        "from autograder.exercise import exercise\n\n\ndef soften(S):\n    pass\n",
        "it imports `exercise`, and declares none",
    ),
    "no Python": ("def soften(S:\n", "cannot be read as Python"),
}


@pytest.mark.parametrize(("source", "words"), WRITTEN.values(), ids=WRITTEN.keys())
def test_what_would_be_missed_is_said(source, words, tmp_path):
    file = tmp_path / "temperature.py"
    file.write_text(source, encoding="utf-8")
    with pytest.raises(DeclarationError, match=words) as caught:
        registered(tmp_path)
    assert str(file) in str(caught.value)


def test_a_function_that_nothing_declares_is_found(tmp_path):
    file = tmp_path / "temperature.py"
    lines = ["from autograder.exercise import exercise", "", "", "@exercise()"]
    lines += ["def soften(S):", "    return helper(S)", "", ""]
    lines += ["def helper(S):", "    return S", "", "", "@soften.mistake"]
    lines += ["def doubled(S):", '    """Too much."""', "", "", "def never_listed(S):"]
    lines += ['    """Nobody declared this."""', "    return 3 * S", ""]
    file.write_text("\n".join(lines), encoding="utf-8")
    assert undeclared(file) == ["never_listed"]
    for name in discover():
        assert undeclared(discover().file(name)) == []


# --- cases that the shape line says -------------------------------------------


def test_ordinary_cases_are_drawn_from_the_shape_line():
    line = "X (h, n·2), n, Y (n,), num_heads = h -> Z (h, n)"
    different, equal = ordinary_cases(ShapeLine.parse(line))
    assert different.__name__ == "ordinary_sizes"
    for seed in range(20):
        X, n, Y, h = different(np.random.default_rng(seed))
        assert (X.shape, Y.shape) == ((h, 2 * n), (n,))
        assert h != n and min(h, n) >= 2
        X, n, Y, h = equal(np.random.default_rng(seed))
        assert h == n >= 3


@pytest.mark.parametrize("line", ["X (n,), params -> Y (n,)", "X (n,), t -> Y (n,)"])
def test_what_the_shape_line_does_not_say_has_to_be_drawn(line):
    def undrawn(x, y):
        return x

    undrawn.__doc__ = f"Nothing.\n\n{line}\n"
    whole = exercise()(undrawn)
    with pytest.raises(DeclarationError, match=r"give a function .* @undrawn.case"):
        whole.declared.exercise  # noqa: B018
    again = exercise()(undrawn)
    again.case(numbers)
    assert again.declared.exercise.inputs == (numbers,)


def test_ordinary_cases_come_unless_they_are_none():
    assert [d.__name__ for d in made().declared.exercise.inputs] == [
        *("ordinary_sizes", "all_sizes_equal", "numbers")
    ]
    assert made(ordinary=False).declared.exercise.inputs == (numbers,)
    own = made()

    @own.case
    def all_sizes_equal(rng):
        return (np.ones(3),)

    cases = own.declared.exercise.inputs
    assert len(cases) == 3 and cases[-1] is all_sizes_equal


def test_a_size_may_have_another_name():
    line = ShapeLine.parse("X (n, d), num_heads = h -> Y (h, n)")
    assert line.bind((np.ones((2, 3)), 4)) == {"n": 2, "d": 3, "h": 4}
    assert line.names == {"h": "num_heads"}
    assert str(line) == "X (n, d), num_heads = h -> Y (h, n)"
