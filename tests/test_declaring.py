"""Declaring an exercise: its steps exchanged, and what is said of a slip."""

import inspect

import numpy as np
import pytest

from autograder.exercises.declaration import DeclarationError, exercise
from autograder.exercises.pipeline import exchanged, steps_of
from autograder.exercises.source import renamed
from autograder.judge.verdict import judge
from autograder.values.wire import call_in_process


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
    ],
    ids=["no step", "no exercise", "misspelt", "unknown", "no step to exchange"],
)
def test_a_slip_is_said_with_the_file_and_the_remedy(declare, words):
    @exercise()
    def slip(x):
        """Twice as much.

        x (n,) -> y (n,)
        """
        return inner(doubled(x))

    slip.case(numbers)
    declare(slip)
    with pytest.raises(DeclarationError, match=words) as caught:
        slip.declared.exercise  # noqa: B018
    assert f"{__file__}: slip" in str(caught.value)
