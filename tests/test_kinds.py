"""A kind of fault is told in every exercise in which it can happen."""

import warnings
from collections import ChainMap, UserDict, UserList
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType

import numpy as np
import pytest

from autograder.exercises.registry import discover
from autograder.judge.cases import DRAWS, drawn_cases
from autograder.judge.diagnosis.influence import tried
from autograder.judge.verdict import judge
from autograder.values.called import call_in_process

EXERCISES = discover()
PLAIN = [n for n, e in EXERCISES.items() if e.compared and e.drive is None]
ARRAYS = [n for n in PLAIN if any(i.sizes for i in EXERCISES[n].shapes.results)]
MASKS = ("causal_mask", "padding_mask")  # of True and False alone
FLOATS = [name for name in ARRAYS if name not in MASKS]
WEIGHTS = ["attention", "single_head_attention", "attend_in_parallel"]
WEIGHTS += ["multi_head_attention"]


def each(value, change):
    """The same change to every array of a result."""
    if isinstance(value, tuple):
        return tuple(each(item, change) for item in value)
    if isinstance(value, dict):
        return {name: each(item, change) for name, item in value.items()}
    return change(value)


def told(name, answer):
    exercise = EXERCISES[name]
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        verdict = judge(exercise, call_in_process(answer))
    assert verdict.passed is False, verdict
    return f"{verdict.rationale} | {verdict.hint}"


def spoiled(name, change):
    right = EXERCISES[name].reference
    return told(name, lambda *arguments: each(right(*arguments), change))


@pytest.mark.parametrize("name", FLOATS)
@pytest.mark.parametrize("decimals", [2, 4])
def test_rounding(name, decimals):
    said = spoiled(name, lambda value: np.round(value, decimals))
    assert f"rounded to {'two' if decimals == 2 else 'four'} decimals" in said


@pytest.mark.parametrize("name", ARRAYS)
def test_complex_numbers(name):
    assert "complex" in spoiled(name, lambda value: value + 1j)


@pytest.mark.parametrize("name", ARRAYS)
def test_decimals(name):
    as_decimals = np.vectorize(lambda number: Decimal(float(number)), otypes="O")
    said = spoiled(name, lambda value: as_decimals(value).tolist())
    assert "of type Decimal" in said


@pytest.mark.parametrize("name", PLAIN)
def test_what_is_kept_from_call_to_call(name):
    right, kept = EXERCISES[name].reference, []

    def counting(*arguments):
        kept.append(1)
        return each(right(*arguments), lambda value: value + (len(kept) > 1))

    said = told(name, counting)
    assert "The first call is right" in said
    assert "from one call to the next" in said


@pytest.mark.parametrize("name", PLAIN)
def test_randomness(name):
    said = spoiled(name, lambda value: value * (2 + np.random.default_rng().random()))
    assert "Calls with the same input give different results" in said


@pytest.mark.parametrize("name", PLAIN)
def test_a_generator_and_a_coroutine(name):
    right = EXERCISES[name].reference

    def lazy(*arguments):
        yield right(*arguments)

    async def waiting(*arguments):
        return right(*arguments)

    assert "makes a generator" in told(name, lazy)
    assert "write `def`" in told(name, waiting)


@pytest.mark.parametrize("name", ["softmax", *WEIGHTS])
@pytest.mark.parametrize(
    ("place", "kept"),
    [("above the diagonal", np.tril), ("below the diagonal", np.triu)],
)
def test_zeros_put_into_the_weights(name, place, kept):
    right = EXERCISES[name].reference

    def masked(*arguments):
        result = right(*arguments)
        if not isinstance(result, tuple):
            return kept(result)
        return result[0], kept(result[1])

    said = told(name, masked)
    assert place in said and "after softmax" in said


@pytest.mark.parametrize("name", ["softmax", *WEIGHTS])
def test_another_base(name):
    right = EXERCISES[name].reference

    def weaker(*arguments):
        result = right(*arguments)
        A = result[1] if isinstance(result, tuple) else result
        with np.errstate(all="ignore"):
            A = A ** np.log(2.7)
            A = A / A.sum(-1, keepdims=True)
        return (result[0], A) if isinstance(result, tuple) else A

    assert "powers of 2.7," in told(name, weaker)


@pytest.mark.parametrize("name", ["layer_norm", "add_and_norm"])
def test_another_default(name):
    right = EXERCISES[name].reference
    least = len(right.__code__.co_varnames[: right.__code__.co_argcount]) - 1

    def other(*arguments):
        return right(*arguments, *([1e-3] if len(arguments) == least else []))

    assert "Your default of eps is 0.001; the stub's is 1e-05" in told(name, other)


@pytest.mark.parametrize(
    ("name", "term", "words"),
    [
        ("count_parameters", lambda d, h: 3 * d, "3·d_model too large"),
        ("count_parameters", lambda d, h: -(d**2), "d_model² too small"),
        ("count_matmul_flops", lambda n, d, h: n * d, "n·d_model too large"),
        ("attention_map_bytes", lambda n, h, i: n * h * i, "too large"),
    ],
)
def test_terms_of_a_count(name, term, words):
    right = EXERCISES[name].reference
    assert words in told(name, lambda *sizes: right(*sizes) + term(*sizes))


def right_as(name, change):
    """The verdict on the right values, in another form."""
    right = EXERCISES[name].reference
    answer = call_in_process(lambda *arguments: change(right(*arguments)))
    return judge(EXERCISES[name], answer)


def _fractions(value):
    if np.isfinite(value).all():
        return np.vectorize(lambda x: Fraction(float(x)), otypes="O")(value)
    return value


# Right values by unusual roads: of which kind, and what is noted of them.
FORMS = {
    "float32": lambda value: value.astype(np.result_type(value, np.float16)),
    "objects": lambda value: value.astype(object),
    "fractions": _fractions,
    "lists": lambda value: value.tolist(),
    "tuples": lambda value: tuple(map(tuple, value)) if value.ndim == 2 else value,
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ["scores", "embed", "causal_mask", "merge_softmax"])
def test_right_values_of_another_kind(name, form):
    assert right_as(name, lambda value: each(value, FORMS[form])).passed


@pytest.mark.parametrize("name", ["attention", "project_qkv", "attend_with_cache"])
def test_several_results_from_a_generator(name):
    for form in (iter, lambda value: map(lambda x: x, value), lambda v: (x for x in v)):
        verdict = right_as(name, form)
        assert verdict.passed
        assert "gives them only once" in verdict.flags[0]


@pytest.mark.parametrize("name", ["attention", "project_qkv", "merge_softmax"])
def test_several_results_by_another_name(name):
    for form in (UserList, lambda value: dict(enumerate(value)).values()):
        verdict = right_as(name, form)
        assert verdict.passed and not verdict.flags


def test_a_dict_by_another_name():
    for form in (UserDict, MappingProxyType, ChainMap):
        verdict = right_as("attend_with_cache", lambda v, f=form: (v[0], f(v[1])))
        assert verdict.passed, verdict


@pytest.mark.parametrize("name", MASKS)
@pytest.mark.parametrize("kind", [int, float])
def test_a_mask_of_numbers(name, kind):
    verdict = right_as(name, lambda value: value.astype(kind))
    assert verdict.passed and "want True and False" in verdict.flags[0]
    assert not right_as(name, lambda value: value).flags


@pytest.mark.parametrize("name", ["count_parameters", "cache_bytes"])
def test_a_number_in_brackets(name):
    for form, words in ((list, "brackets around"), (tuple, "or a comma around")):
        verdict = right_as(name, lambda count, form=form: form([count]))
        assert "of one number" in verdict.rationale and words in verdict.hint


def _normed(X, gamma, beta, eps=1e-5, shift=0.0, power=0.5, axis=-1):
    mean = X.mean(axis, keepdims=True)
    scale = (X.var(axis, keepdims=True) + eps) ** power
    return gamma * (X - mean - shift * X[:, :1]) / scale + beta


BEHIND = "gamma and beta are used as they should be. Each row of X_norm is "


# Nothing that is declared: what is found out by comparing row by row.
@pytest.mark.parametrize(
    ("name", "answer", "words"),
    [
        (
            "layer_norm",
            lambda *a: _normed(*a, power=0.3),
            "beta is added as it should be. Each row of X_norm is off by a factor",
        ),
        (
            "layer_norm",
            lambda X, g, b, e=1e-5: _normed(X, g, b, e) + g * np.abs(X[:, :1]),
            f"{BEHIND}off by one number, a row its own",
        ),
        (
            "layer_norm",
            lambda *a: _normed(*a, power=0.3, shift=0.7),
            f"{BEHIND}the right one times a number, plus a number",
        ),
        (
            "layer_norm",
            lambda *a: _normed(*a, axis=0, power=0.7),
            "Each column of X_norm is one of X, times a number, plus a number",
        ),
        (
            "layer_norm",
            lambda X, g, b, e=1e-5: g * np.tanh(_normed(X, 1, 0, e)) + b,
            "When beta is changed, X_norm changes as it should|when X or gamma",
        ),
        (
            "merge_softmax",
            lambda m1, s1, o1, m2, s2, o2: (
                m := np.maximum(m1, m2),
                np.exp(m1 - m) * s1 + np.exp(m2 - m) * s2,
                np.exp(m1 - m)[:, None] * o1 + 0.7 * np.exp(m2 - m)[:, None] * o2,
            ),
            "Each row of o is o1 and o2, times a number each, added up. The number of "
            "o2 is wrong",
        ),
        (
            "padding_mask",
            lambda lengths, n: np.arange(n) * 0.0 + lengths[:, None] * 0.5,
            "other numbers than 1 and 0",
        ),
    ],
)
def test_what_comparing_row_by_row_finds_out(name, answer, words):
    said = told(name, answer)
    assert all(part in said for part in words.split("|")), said


@pytest.mark.parametrize("name", ["softmax", "scores", "layer_norm"])
@pytest.mark.parametrize(("index", "which"), [(0, "first"), (-1, "last")])
def test_one_entry_of_many(name, index, which):
    said = spoiled(name, lambda value: value[index])
    assert f"It is the {which} entry alone, and that is right" in said


def test_what_is_right_in_one_case_is_no_row_that_is_right():
    def shifted(X, gamma, beta, eps=1e-5):
        scale = np.sqrt(X.var(-1, keepdims=True) + eps)
        return gamma * (X - np.median(X, -1, keepdims=True)) / scale + beta

    assert "off by one number, a row its own" in told("layer_norm", shifted)


def test_a_mask_to_be_added():
    said = told("causal_mask", lambda n: np.tril(np.full((n, n), -np.inf)))
    assert "other numbers than 1 and 0, such as -inf" in said


# --- what is found out by asking once more --------------------------------------


def _blocks(Q, K, V, block):
    """The scores of each block of keys, and its values."""
    for start in range(0, len(K), block):
        part = slice(start, start + block)
        yield Q @ K[part].T / np.sqrt(Q.shape[-1]), V[part]


def _by_weights(weigh):
    """An answer that mixes the values by weights of its own."""

    def answer(Q, K, V, block):
        return weigh(Q @ K.T / np.sqrt(Q.shape[-1])) @ V

    return answer


def _softmax(S):
    return EXERCISES["softmax"].reference(S)


def _each_block_alone(Q, K, V, block):
    """Each block takes away its own maximum, and a part of what came before."""
    o, s = 0.0, 0.0
    for S, values in _blocks(Q, K, V, block):
        E = np.exp(S - S.max(-1, keepdims=True))
        o, s = 0.5 * o + E @ values, s + E.sum(-1, keepdims=True)
    return o / s


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (_by_weights(lambda S: _softmax(1.3 * S)), "made of powers of 3.66"),
        (_by_weights(lambda S: _softmax(-S)), "scores with the sign turned"),
        (
            _by_weights(lambda S: _softmax(np.where(np.tri(*S.shape) > 0, S, -1e9))),
            "is 0 above the diagonal",
        ),
        (_by_weights(lambda S: _softmax(S) ** 2), "they should sum to 1"),
        (_by_weights(lambda S: _softmax(S**3)), "its weights in the right order"),
        (_by_weights(lambda S: _softmax(S**2)), "largest weight at"),
        (_each_block_alone, "has right proportions within"),
    ],
)
def test_weights_that_no_result_shows(answer, words):
    said = told("tiled_attention", answer)
    assert words in said and "where V is the identity" in said, said


def test_it_is_no_mixture_by_weights():
    """Where the result does not follow V as weights would, nothing is said of them."""
    right = EXERCISES["attention"].reference
    said = told("tiled_attention", lambda Q, K, V, block: np.tanh(right(Q, K, V)[0]))
    assert "identity" not in said


@pytest.mark.parametrize("name", WEIGHTS)
def test_scores_divided_by_something_of_a_size(name):
    """No power of a size: then the numbers themselves are told."""
    right = EXERCISES[name].reference

    def answer(*arguments):
        O, A = right(*arguments)
        sharper = A ** (1 + 1 / (A.shape[-1] + 0.5))
        return O, sharper / sharper.sum(-1, keepdims=True)

    assert "softmax of the right scores times one number in each case" in told(
        name, answer
    )


def test_a_condition_under_which_it_is_right():
    def answer(m1, s1, o1, m2, s2, o2):
        factor = np.exp(m1 - m2)
        o = factor[:, None] * o1 + o2
        return np.maximum(m1, m2), factor * s1 + s2, o

    assert "s is right just where m1 <= m2" in told("merge_softmax", answer)


@pytest.mark.parametrize("name", ["masked_softmax"])
def test_a_mask_is_such_a_condition(name):
    right = EXERCISES[name].reference

    def answer(S, allowed):
        return np.where(allowed, right(S, allowed), S + 3)

    assert "right just where allowed is True" in told(name, answer)


@pytest.mark.parametrize("name", ["attend_with_cache"])
def test_another_part_shows_the_fault(name):
    def answer(x, cache, params, num_heads):
        y, new = EXERCISES[name].reference(x, cache, params, num_heads)
        return np.sin(3 * y), {**new, "K": new["K"][:, ::-1]}

    assert "K has the right numbers in the wrong order" in told(name, answer)


def test_a_second_case_is_asked_where_the_first_tells_nothing():
    exercise = EXERCISES["merge_softmax"]
    cases = [case for case in drawn_cases(exercise, 0)]
    first, second = (cases[place] for place in tried(cases))
    assert first[0].rstrip(" 12") != second[0].rstrip(" 12")
    sizes = [sum(np.size(v) for v in arguments) for _, arguments, _ in cases]
    assert sum(np.size(v) for v in second[1]) == min(sizes[DRAWS:])
    with_params = drawn_cases(EXERCISES["multi_head_attention"], 0)
    assert len(tried(with_params)) == 1  # a key would have to hold them all
