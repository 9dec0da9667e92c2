"""Keys are small: arrays kept once, with the digits that count, or as a sketch."""

import numpy as np
import pytest

from autograder.course.handout.record import key_of
from autograder.course.handout.rules import drawn_by_rules, rules
from autograder.exercises import answer_key
from autograder.exercises.registry import discover
from autograder.judge.render import as_text
from autograder.judge.verdict import judge
from autograder.values import wire
from autograder.values.called import call_in_process
from autograder.values.compare import same
from autograder.values.pool import COARSE, FINE, Pool
from autograder.values.sketch import call_of, sketch_of

RNG = np.random.default_rng(3)
SPECIAL = np.array([[np.nan, np.inf], [-np.inf, -1.5]])
TINY, HUGE = 1e-300 * RNG.standard_normal((2, 3)), 1e300 * RNG.standard_normal(5)
ARRAYS = [
    RNG.standard_normal((3, 4, 5)),
    *(np.zeros((0, 3)), np.zeros(3), np.array(2.5), SPECIAL, TINY, HUGE),
    *(np.arange(6).reshape(2, 3), np.array([True, False]), np.float32([1.25])),
]


def again(pool, value):
    """A value, from a pool that was written and read."""
    plain = wire.encode({"value": value, "pool": pool.as_plain()})
    read = wire.decode(plain, 2**20)
    return Pool.of(read["pool"]).take(read["value"])


@pytest.mark.parametrize("bits", [COARSE, FINE])
@pytest.mark.parametrize("array", ARRAYS, ids=lambda a: f"{a.dtype}{a.shape}")
def test_a_short_array_has_the_digits_that_a_comparison_counts(array, bits):
    pool = Pool()
    value = {"x": (pool.short(array, bits), "text"), "y": pool.whole(array)}
    found = again(pool, value)
    assert np.array_equal(found["y"], array, equal_nan=array.dtype.kind == "f")
    short, text = found["x"]
    assert text == "text"
    assert (short.shape, short.dtype) == (array.shape, array.dtype)
    assert same(array, short)
    finite = np.isfinite(array)
    error = np.abs(short[finite] - array[finite].astype(float)).max(initial=0)
    assert error <= 2.0**-bits * np.abs(array[finite]).max(initial=0)


def test_what_is_alike_is_kept_once():
    pool, array = Pool(), RNG.standard_normal((4, 3))
    values = [pool.short(a, COARSE) for a in (array, array.copy(), array[::-1])]
    assert (len(pool.rows), len(pool.shapes)) == (4, 2)
    assert [found.items for found in values] == [(0,), (0,), (1,)]
    first, _, turned = again(pool, values)
    assert np.array_equal(first[::-1], turned)


def exchanged(array):
    return np.concatenate([array[1:2], array[:1], array[2:]])


CHANGES = [
    lambda a: a + 1e-3 * (np.arange(a.size) == 7).reshape(a.shape),
    exchanged,
    lambda a: a.T,
    lambda a: a.reshape(-1),
    lambda a: np.where(a == a[2, 2], np.nan, a),
    lambda a: -a,
]


def test_a_sketch_knows_its_array_and_no_other():
    array = RNG.standard_normal((8, 8))
    sketch = sketch_of(array)
    for alike in (array, array + 1e-9, array.astype(np.float32)):
        assert same(alike, sketch) and same((alike, 1), (sketch, 1))
    for change in CHANGES:
        assert not same(change(array), sketch)
    whole = np.arange(12).reshape(3, 4)
    assert same(whole, sketch_of(whole.astype(float)))
    assert not same("text", sketch)


def test_a_call_is_known_by_all_of_its_arguments():
    X, params = RNG.standard_normal((2, 3)), {"W": np.eye(3), "b": np.zeros(3)}
    call = call_of((X, params, 2))
    assert call_of((X * (1 + 1e-15), dict(reversed(params.items())), 2)).is_near(call)
    others = [
        (X, params, 3),
        (X, params, 2.0),
        (X, params),
        (X.T, params, 2),
        (X * (1 + 1e-9), params, 2),
        (X.astype(np.float32), params, 2),
        (X, {"W": np.eye(3), "c": np.zeros(3)}, 2),
        (X, [np.eye(3), np.zeros(3)], 2),
        (np.where(X == X[0, 0], -np.inf, X), params, 2),
    ]
    for other in others:
        assert not call_of(other).is_near(call), other
    one, two = (np.random.default_rng(seed) for seed in (1, 2))
    assert not call_of((one,)).is_near(call_of((two,)))
    long, short = (np.arange(3, dtype=kind) for kind in ("i8", "i4"))
    assert call_of((long,)).is_near(call_of((short,)))  # as a browser counts


@pytest.fixture
def keyed(tmp_path):
    def read(name):
        exercise, file = discover()[name], tmp_path / f"{name}.key"
        file.write_bytes(key_of(exercise, []))
        file.with_name(f"{name}_rules.py").write_text(rules(exercise))
        return answer_key.load(file)

    return read


def test_two_mistakes_at_once_are_named_by_a_key_as_well(keyed):
    """Of some cases a key has sketches alone, of which no factor can be told."""
    real = discover()["attention"]
    wrong = next(m for m in real.mistakes if m.__name__ == "not_scaled")

    def attention(Q, K, V):
        O, A = wrong(Q, K, V)
        return 3 * O, A

    told = [
        as_text(judge(exercise, call_in_process(attention)))
        for exercise in (real, keyed("attention"))
    ]
    assert told[0] == told[1]
    assert "Two things are wrong at once" in told[0]


def test_a_draw_that_needs_an_answer_is_no_rule():
    masked = discover()["masked_softmax"]
    assert "a_triangle" not in drawn_by_rules(masked)  # it calls `causal_mask`
    assert "causal_mask" not in rules(masked)
    assert "some_keys_hidden" in drawn_by_rules(masked)


def test_another_numpy_that_draws_other_numbers_is_no_wrong_answer(keyed):
    known = keyed("scores")
    with pytest.raises(answer_key.NotKnownHereError, match="draws other numbers here"):
        known.inputs[0](np.random.default_rng(5))
