"""Every declared exercise: the right is accepted, the wrong is named, no gap is left.

The exercises are discovered, so a new one is tested as soon as it is declared.
"""

import copy
import inspect
import time
import warnings
from functools import cache
from math import comb
from statistics import median

import numpy as np
import pytest
from mutation import mutants

from autograder.exercises.declaration import DeclarationError, Exercise
from autograder.exercises.registry import discover
from autograder.exercises.shapes import ShapeLine
from autograder.judge.cases import agrees, confirm, draw_cases, run, try_case
from autograder.judge.diagnosis import CHANGED_ARGUMENTS, matching
from autograder.judge.verdict import judge
from autograder.values.called import call_in_process

# Classes have no mutants and no plain arguments: see test_part3 and test_part4.
EXERCISES = {
    name: e for name, e in discover().items() if not inspect.isclass(e.reference)
}
SEEDS = (0, 1, 20, 300, 4000)  # the first is what learners see
OUTSIDE = 40  # arguments on which a mutant may show that it differs


def each(kind):
    """Parametrise over the `kind` of functions of every exercise."""
    return pytest.mark.parametrize(
        ("exercise", "function"),
        [
            pytest.param(exercise, function, id=f"{name}-{function.__name__}")
            for name, exercise in EXERCISES.items()
            for function in getattr(exercise, kind)
        ],
    )


each_exercise = pytest.mark.parametrize(
    "exercise", EXERCISES.values(), ids=EXERCISES.keys()
)


def called(exercise, function):
    """How the judge calls an answer: `drive` stands between, where there is one."""
    return call_in_process(exercise.driven(function))


def judged(exercise, function, seed=0):
    with np.errstate(all="ignore"):
        return judge(exercise, called(exercise, function), seed)


# --- right answers ------------------------------------------------------------


@each_exercise
@pytest.mark.parametrize("seed", SEEDS)
def test_reference_passes_without_a_warning(exercise, seed):
    confirm(exercise)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        verdict = judge(exercise, called(exercise, exercise.reference), seed)
    assert verdict.passed is True
    assert verdict.score == exercise.points
    assert all(passed for _, passed in verdict.cases)


@each("equivalents")
def test_equivalent_passes(exercise, function):
    for seed in SEEDS:
        verdict = judged(exercise, function, seed)
        assert verdict.passed is True, (seed, verdict.rationale, verdict.hint)


@each_exercise
def test_shape_line_holds_on_real_runs(exercise):
    for seed in SEEDS:
        for _name, arguments in draw_cases(exercise, seed):
            outcome = called(exercise, exercise.reference)(arguments)
            if not outcome.error:
                exercise.shapes.check(arguments, outcome.value)


@each_exercise
def test_shape_line_names_the_arguments(exercise):
    promised = [item.name for item in exercise.shapes.arguments]
    assert promised == list(inspect.signature(exercise.reference).parameters)


def test_a_shape_line_that_lies_is_found():
    line = ShapeLine.parse("X (n, d), W (d, e) -> Y (n, e)")
    X, W = np.ones((2, 3)), np.ones((3, 4))
    line.check((X, W), X @ W)
    for result in (W.T @ X.T, X, (X @ W, X)):
        with pytest.raises(ValueError):
            line.check((X, W), result)
    with pytest.raises(ValueError):
        line.check((X, W.T), X @ W)


# --- not written, changed in place --------------------------------------------


@each_exercise
def test_stub_is_not_written_yet(exercise):
    def stub(*arguments):
        raise NotImplementedError

    verdict = judged(exercise, stub)
    assert verdict.passed is None
    assert verdict.score == 0
    assert "not written yet" in verdict.rationale


@each_exercise
def test_change_in_place_is_named(exercise):
    position = next(
        (i for i, item in enumerate(exercise.shapes.arguments) if item.sizes), None
    )
    if position is None:
        pytest.skip("has no array among its arguments")

    def in_place(*arguments):
        value = copy.deepcopy(exercise.reference(*arguments))
        arguments[position][...] = 7
        return value

    verdict = judged(exercise, in_place)
    assert verdict.passed is False
    assert verdict.mistake == CHANGED_ARGUMENTS


# --- wrong answers ------------------------------------------------------------


@each("mistakes")
def test_mistake_is_named_and_hinted(exercise, function):
    for seed in SEEDS:
        verdict = judged(exercise, function, seed)
        assert verdict.passed is False, (
            f"{function.__name__} gives what {exercise.name} gives, in every case: "
            "add an input on which they differ"
        )
        assert verdict.mistake == function.__name__
        assert verdict.hint == inspect.getdoc(function)
        assert 0 <= verdict.score < exercise.points


@each("mistakes")
def test_mistake_is_mistaken_for_no_other(exercise, function):
    alike = [other.__name__ for other in told_apart(exercise.name, function)]
    assert alike == [function.__name__], (
        "these give the same in every case: add an input on which they differ"
    )


@cache
def told_apart(name, function):
    """All declared mistakes that an answer passes for: itself alone, if all is well."""
    exercise = EXERCISES[name]
    call = called(exercise, function)
    with np.errstate(all="ignore"):
        cases = [try_case(exercise, call, *case) for case in draw_cases(exercise, 0)]
        return list(matching(exercise, cases))


@each("mistakes")
def test_hint_is_short_and_about_one_thing(exercise, function):
    hint = " ".join(inspect.getdoc(function).split())
    assert 20 <= len(hint) <= 320
    assert hint[-1] in ".?!)"


def test_a_mistake_without_a_hint_is_refused():
    def reference(X):
        """Something.

        X (n, d) -> Y (n, d)
        """

    def nameless(X):
        return X

    with pytest.raises(DeclarationError, match=f"{__file__}: reference: nameless"):
        Exercise(reference=reference, inputs=(lambda rng: (1,),), mistakes=(nameless,))


# --- automatic mutants --------------------------------------------------------


def outside(exercise, rng):
    """Draw arguments for an exercise without its own inputs, small and unlucky ones
    among them: sizes of 1, equal sizes, numbers that overflow exp.
    """
    letters = ("n", "m", "itemsize", "d_in", "d_out", "vocab", "d_k", "d_v", "h", "b")
    letters += ("block", "num_layers")
    drawn = rng.integers(1, 6, size=len(letters))
    sizes = dict(zip(letters, drawn.tolist(), strict=True))
    if rng.random() < 0.3:
        sizes = dict.fromkeys(letters, sizes["n"])
    named = {item.name for item in exercise.shapes.arguments}
    if "num_groups" in named:
        sizes["h"], sizes["num_groups"] = rng.choice([(4, 2), (6, 3), (6, 2), (3, 1)])
    sizes["d_model"] = sizes["h"] * sizes["d_k"]
    # Where softmax is saturated, as with one key, a gradient is what rounding leaves.
    most = 3 if named & {"dA", "dO"} else 400
    spread = rng.choice([1, 1, 1, most])
    sizes["m"] += bool(named & {"dA", "dO"})
    if "block" in named and rng.random() < 0.1:
        sizes |= {"n": 101, "m": 1000, "block": 40}  # more scores than may be held
    return tuple(
        _argument(exercise, item, sizes, spread, rng)
        for item in exercise.shapes.arguments
    )


def _argument(exercise, item, sizes, spread, rng):
    if item.name == "params":
        return _params(exercise, sizes, spread, rng)
    if item.name == "cache":
        shape = sizes["h"], rng.integers(6), sizes["d_k"]
        return {name: spread * rng.standard_normal(shape) for name in "KV"}
    if item.name == "allowed":  # a mask after softmax bears no scores far apart
        if spread == 400:
            return np.ones([sizes[letter] for letter in item.sizes], dtype=bool)
        return rng.random([sizes[letter] for letter in item.sizes]) < 0.6
    if item.name == "lengths":
        return rng.integers(sizes["n"] + 1, size=sizes["b"])
    if item.name == "token_ids":
        return rng.integers(sizes["vocab"], size=sizes["n"])
    if item.name == "eps":
        return float(rng.choice([1e-5, 0.1, 1.0]))
    if item.name == "rng":
        return rng
    if item.name == "num_heads":
        uneven = exercise.name == "init_parameters" and rng.random() < 0.3
        return sizes["h"] + int(uneven)
    if item.sizes is None and item.name not in sizes:  # a number, such as a factor
        return float(rng.uniform(0.5, 3))
    if item.sizes is None:
        return sizes[item.name]
    for letter in set(item.sizes) - set(sizes):  # of an instructor's own
        sizes[letter] = int(rng.integers(1, 6))
    array = spread * rng.standard_normal([sizes[letter] for letter in item.sizes])
    if item.name in ("s1", "s2"):  # sums of exponentials
        return np.abs(array)
    if item.name != "A":
        return array
    weights = np.exp(-np.abs(array) / spread)  # each row of weights sums to 1
    return weights / weights.sum(axis=-1, keepdims=True)


def _params(exercise, sizes, spread, rng):
    named = [item.name for item in exercise.shapes.arguments]
    widths = {"q": sizes["d_k"], "k": sizes["d_k"], "v": sizes["d_v"]}
    if "num_heads" in named:
        widths = dict.fromkeys("qkvo", sizes["d_model"])
    if "num_groups" in named:
        widths |= dict.fromkeys("kv", int(sizes["num_groups"] * sizes["d_k"]))
    params = {}
    for letter, width in widths.items():
        params[f"W_{letter}"] = spread * rng.standard_normal((sizes["d_model"], width))
        params[f"b_{letter}"] = spread * rng.standard_normal(width)
    return params


def passes(exercise, function):
    """True where the judge would accept: `judge` without the diagnosis."""
    call = called(exercise, function)
    return all(
        try_case(exercise, call, name, arguments).passed
        for name, arguments in draw_cases(exercise, SEEDS[1])
    )


def differs(exercise, function):
    """The first arguments of another origin on which a function is not right."""
    if not exercise.compared:
        return None if draws_well(exercise, function) else ()
    rng = np.random.default_rng(7)
    for _ in range(OUTSIDE):
        arguments = outside(exercise, rng)
        expected = called(exercise, exercise.reference)(arguments)
        actual = run(called(exercise, function), arguments, like=expected.value)
        if not agrees(actual, expected):
            return arguments
    return None


def draws_well(exercise, function):
    """True where random parameters are right, judged by a model far wider than the
    exercise's own: there even a wrong power of d_model shows.
    """
    assert exercise.name == "init_parameters"
    call = call_in_process(function)
    d_model, num_heads = 256, 4
    drawn = call((d_model, num_heads, np.random.default_rng(1))).value
    again = call((d_model, num_heads, np.random.default_rng(1))).value
    other = call((d_model, num_heads, np.random.default_rng(2))).value
    form = {"W": (d_model, d_model), "b": (d_model,)}
    names = {f"{kind}_{letter}" for kind in "Wb" for letter in "qkvo"}
    if not isinstance(drawn, dict) or drawn.keys() != names:
        return False
    if any(np.shape(drawn[name]) != form[name[0]] for name in names):
        return False
    heads = [h for n in "qkvo" for h in np.split(drawn[f"W_{n}"], num_heads, axis=1)]
    spreads = [head.std() * np.sqrt(d_model) for head in heads]
    uneven = call((d_model, 3, np.random.default_rng(1)))
    return (
        all(0.4 < spread < 1.75 for spread in spreads)
        and all(abs(head.mean()) < 0.4 / np.sqrt(d_model) for head in heads)
        and all(np.mean(head == 0) < 0.1 for head in heads)
        and len({head.tobytes() for head in heads}) == len(heads)
        and all(np.abs(drawn[n]).max() <= 0.5 for n in names if n[0] == "b")
        and all(np.array_equal(drawn[name], again[name]) for name in names)
        and not np.array_equal(drawn["W_q"], other["W_q"])
        and uneven.error is not None
        and uneven.error.kind == "ValueError"
    )


@cache
def mutation(name):
    """Mutate the reference and its equivalents: (caught, equivalent, missed)."""
    exercise = EXERCISES[name]
    caught, equivalent, missed = 0, 0, []
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for origin in (exercise.reference, *exercise.equivalents):
            for source, mutant in mutants(origin):
                if not passes(exercise, mutant):
                    caught += 1
                elif differs(exercise, mutant) is None:
                    equivalent += 1
                else:
                    missed.append(source)
    return caught, equivalent, missed


@pytest.mark.parametrize("name", EXERCISES)
def test_every_mutant_is_caught_or_equivalent(name):
    caught, _, missed = mutation(name)
    assert caught > 0 or inspect.isclass(EXERCISES[name].reference)
    assert not missed, "\n".join(missed)


@each_exercise
def test_the_outside_inputs_are_fair_and_sharp(exercise):
    with np.errstate(all="ignore"):
        for function in (exercise.reference, *exercise.equivalents):
            assert differs(exercise, function) is None, function.__name__
        for function in exercise.mistakes:
            assert differs(exercise, function) is not None, function.__name__


# --- figures ------------------------------------------------------------------


def seconds(function, repeats=3):
    taken = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        taken.append(time.perf_counter() - start)
    return min(taken)


def test_figures(capsys):
    """Print what was measured, and hold it to what the book promises."""
    rows, times = [], []
    for name, exercise in EXERCISES.items():
        count = len(exercise.mistakes)
        apart = sum(told_apart(name, m) == [m] for m in exercise.mistakes)
        pairs = sum(len(told_apart(name, m)) - 1 for m in exercise.mistakes)
        accepted = sum(judged(exercise, e).passed for e in exercise.equivalents)
        caught, equivalent, missed = mutation(name)
        right = seconds(lambda e=exercise: judged(e, e.reference))
        wrong = seconds(lambda e=exercise: judged(e, lambda *_: np.zeros((2, 2))))
        times.append(max(right, wrong))
        rows.append(
            (
                *(apart, count, comb(count, 2) - pairs, comb(count, 2)),
                *(accepted, len(exercise.equivalents)),
                *(caught, equivalent, len(missed)),
            )
        )
    total = np.sum(rows, axis=0).tolist()
    with capsys.disabled():
        print(
            f"\n  exercises            {len(EXERCISES)}"
            f"\n  mistakes told apart  {total[0]} of {total[1]}"
            f"\n  pairs told apart     {total[2]} of {total[3]}"
            f"\n  equivalents accepted {total[4]} of {total[5]}"
            f"\n  mutants              {sum(total[6:])}: {total[6]} caught, "
            f"{total[7]} equivalent, {total[8]} missed"
            f"\n  time of a verdict    {1000 * median(times):.1f} ms (median of the "
            f"exercises), {1000 * max(times):.1f} ms (slowest)"
        )
    assert total[0] == total[1]
    assert total[2] == total[3]
    assert total[4] == total[5]
    assert median(times) < 0.05
