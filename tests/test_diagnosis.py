"""What the judge says of wrong answers that no mistake declares.

Each message is held to its substance: the quantity, the axis, the item, the line.
"""

import json
import math
import warnings

import numpy as np
import pytest
import torch

from autograder.exercises.registry import discover
from autograder.judge.cases import draw_cases
from autograder.judge.diagnosis.relations import _apart
from autograder.judge.verdict import judge
from autograder.values.called import call_in_process
from autograder.values.wire import CallError, Outcome

EXERCISES = discover()


def right(name):
    return EXERCISES[name].reference


def verdict_of(name, function):
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        verdict = judge(EXERCISES[name], call_in_process(function))
    json.dumps(verdict.as_json(), allow_nan=False)
    return verdict


def message(name, function):
    """The whole message on an undeclared wrong answer."""
    verdict = verdict_of(name, function)
    assert verdict.passed is False
    assert verdict.mistake is None, verdict.mistake
    assert verdict.rationale and verdict.hint
    return f"{verdict.rationale} | {verdict.hint}"


def says(name, function, *words):
    text = message(name, function)
    for word in words:
        assert word in text, text


def test_what_was_told_once_is_not_diagnosed_again():
    asked = []

    def spoiled(S):
        asked.append(S)
        return 2 * right("softmax")(S)

    exercise, call = EXERCISES["softmax"], call_in_process(spoiled)
    told = judge(exercise, call)
    needed, asked[:] = len(asked), []
    hidden = judge(exercise, call, 7, ("a flag",), told)
    assert len(asked) == len(draw_cases(exercise, 7)) < needed
    assert (hidden.rationale, hidden.hint) == (told.rationale, told.hint)
    assert hidden.flags == ("a flag",) and hidden.passed is False
    assert judge(exercise, call_in_process(right("softmax")), 7, told=told).passed


# --- a relation to the right answer -------------------------------------------


def test_a_transposed_answer():
    says("scale", lambda S, d_k: (S / d_k**0.5).T, "rows and columns")
    says("layer_norm", lambda X, *rest: right("layer_norm")(X, *rest).T, "shape")


def test_a_transposed_part_of_the_answer():
    def turned(X, params):
        Q, K, V = right("project_qkv")(X, params)
        return Q, K.T, V

    says("project_qkv", turned, "Q and V are right; K is not", "rows and columns")


@pytest.mark.parametrize(
    ("name", "function", "quantity"),
    [
        ("scores", lambda Q, K: Q @ K.T * np.sqrt(Q.shape[1]), "sqrt(d_k) times"),
        ("scores", lambda Q, K: Q @ K.T / np.sqrt(len(K)), "1/sqrt(m) times"),
        ("weighted_sum", lambda A, V: A @ V / len(A), "1/n times"),
        ("linear", lambda X, W, b: (X @ W + b) * len(b), "d_out times"),
        ("scores", lambda Q, K: 3 * Q @ K.T, "3 times"),
        ("scores", lambda Q, K: -Q @ K.T, "wrong sign"),
        ("scale", lambda S, d_k: S / np.sqrt(d_k + 1), "constant differs from case"),
    ],
)
def test_a_constant_factor_is_named_by_its_quantity(name, function, quantity):
    says(name, function, quantity)


def test_a_factor_on_one_item_of_many():
    def scaled(X, params, num_heads):
        Y, A = right("multi_head_attention")(X, params, num_heads)
        return Y * num_heads, A

    says("multi_head_attention", scaled, "A is right; Y is not", "num_heads times")


def test_the_width_of_a_head_is_known_though_only_params_hold_it():
    def scaled(X, params):
        return tuple(M / np.sqrt(M.shape[1]) for M in right("project_qkv")(X, params))

    says("project_qkv", scaled, "Q is 1/sqrt(d_k) times")


def test_permuted_rows_and_heads():
    says("scores", lambda Q, K: (Q @ K.T)[::-1], "wrong order along n")
    says(
        "split_heads",
        lambda X, h: np.roll(right("split_heads")(X, h), 1, axis=1),
        "wrong order along n",
    )

    def heads_of_A(X, params, num_heads):
        Y, A = right("multi_head_attention")(X, params, num_heads)
        return Y, A[::-1]

    says("multi_head_attention", heads_of_A, "Y is right", "wrong order along h")


def test_numbers_at_wrong_places():
    def scattered(heads):
        return right("concat_heads")(heads.swapaxes(1, 2)).reshape(heads.shape[1], -1)

    says("concat_heads", scattered, "right numbers at wrong places", "transpose")


def test_results_in_the_wrong_order():
    def backwards(X, params):
        return right("project_qkv")(X, params)[::-1]

    says("project_qkv", backwards, "wrong order: V, K, Q", "return Q, K, V")


def test_off_by_an_argument():
    says("linear", lambda X, W, b: X @ W + 2 * b, "plus b")
    says(
        "add_and_norm",
        lambda X, Y, *rest: Y + right("add_and_norm")(X, Y, *rest),
        "plus Y",
    )
    says(
        "layer_norm", lambda X, g, b, *eps: right("layer_norm")(X, g, 3 * b, *eps), "2"
    )
    says("scores", lambda Q, K: Q @ K.T + 5, "off by the same amount", "5")


def test_an_argument_given_back():
    says("weighted_sum", lambda A, V: V, "O is V itself")
    says("embed", lambda ids, table: table, "X is table itself")


@pytest.mark.parametrize(
    ("distort", "word"),
    [
        (np.abs, "minus signs"),
        (lambda S: np.maximum(S, 0), "negative numbers have become 0"),
        (np.round, "whole numbers"),
        (lambda S: S.astype(int), "decimals are cut off"),
        (lambda S: np.round(S, 2), "two decimals"),
        (np.zeros_like, "Every number of S is 0"),
    ],
)
def test_a_distorted_answer(distort, word):
    says("scores", lambda Q, K: distort(Q @ K.T), word)


def test_rows_divided_by_the_wrong_total():
    says(
        "softmax",
        lambda S: right("softmax")(S) / (1 + np.arange(len(S))[:, None]),
        "proportions are right",
    )


@pytest.mark.parametrize("name", ["softmax", "scale"])
def test_rows_that_a_loop_left_out(name):
    def returns_too_early(*arguments):
        result = np.zeros_like(arguments[0])
        for i in range(len(result)):
            result[i] = right(name)(*arguments)[i]
            return result

    says(name, returns_too_early, "Along n, 1 of", "so that it ends in its first round")


def test_numbers_that_print_alike_are_told_apart():
    assert _apart(0.61471, 0.61474) == "0.61471; expected 0.61474"
    assert _apart(0.6147, 0.7) == "0.6147; expected 0.7"


def test_arguments_changed_besides():
    def in_place(X, W, b):
        W += b
        return X @ W

    says("linear", in_place, "when X or b is", "changed its own arguments")


def test_a_property_that_is_lacking():
    says(
        "softmax", lambda S: right("softmax")(S) ** 1.01, "row of weights must sum to 1"
    )


def test_some_rows_right():
    def first_row_only(A, V):
        O = np.array(A @ V)
        O[1:] = 7
        return O

    says("weighted_sum", first_row_only, "Along n, 1 of")


def test_right_on_some_cases_only():
    def clipped(S):
        return right("softmax")(np.clip(S, -50, 50))

    says("softmax", clipped, "4 of 8 cases", "large scores, huge scores", "evenly")


def test_nothing_special_still_gives_an_example():
    says(
        "scores",
        lambda Q, K: np.abs(Q) @ np.abs(K).T,
        "0 of 6 numbers",
        "S[0, 0] is",
        "expected",
    )


def test_true_and_false_are_compared_as_numbers():
    columns = lambda n: np.arange(n * n).reshape(n, n) % 3 == 1  # noqa: E731
    says("causal_mask", columns, "Every token may look at itself")


# --- shapes and kinds ----------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "function", "words"),
    [
        (
            "scores",
            lambda Q, K: (Q @ K.T).ravel(),
            ["(n, m) = (3, 2)", "another shape"],
        ),
        ("scores", lambda Q, K: (Q @ K.T)[..., None], ["axis of length 1"]),
        (
            "scores",
            lambda Q, K: np.sum(Q @ K.T),
            ["axes n, m are missing"],
        ),
        (
            "softmax",
            lambda S: S.max(-1),
            ["axis m is missing: summed away"],
        ),
        ("embed", lambda t, T: T[:3] + 1, ["(n, d_model) = (5, 2)", "(3, 2)"]),
        ("split_heads", lambda X, h: X[None], ["(h, n, d_k) = (2, 5, 3)"]),
        (
            "split_heads",
            lambda X, h: np.ones((4, len(X), X.shape[1] // h)),
            ["You have 4 along h, whatever `num_heads` says"],
        ),
        (
            "embed",
            lambda ids, table: np.ones((2, table.shape[1])),
            ["You have 2 along n, whatever is given"],
        ),
        (
            "embed",
            lambda ids, table: np.array([table[i] for i in ids[:-1]]),
            ["Along n one entry is missing"],
        ),
        (
            "weighted_sum",
            lambda A, V: (A @ V)[:1],
            ["Along n there is one entry only", "return too early"],
        ),
        (
            "split_heads",
            lambda X, h: right("split_heads")(X, h)[..., 1:][..., :2],
            ["Yours reads as (h, n, 2)"],  # 2 heads, and 2 features by accident
        ),
        (
            "concat_heads",
            lambda heads: heads.swapaxes(0, 1).reshape(-1, heads.shape[1]),
            ["The axes have changed places, and turned back"],
        ),
        (
            "stack_projections",
            lambda W: W.transpose(2, 0, 1) + 1,
            ["3 axes instead of 2", "side by side"],
        ),
    ],
)
def test_a_wrong_shape_names_its_axes(name, function, words):
    says(name, function, *words)


def test_the_item_of_wrong_shape_comes_first():
    says(
        "multi_head_attention", lambda X, p, h: (X + 1, np.ones((2, 3))), "A has shape"
    )


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda Q, K: None, ["returned None", "`return`"]),
        (lambda Q, K: [[1, 2], [3]], ["a list of 2 parts", "differ in shape"]),
        (lambda Q, K: (q for q in Q), ["type generator"]),
        (lambda Q, K: str(Q @ K.T), ["type str"]),
        (lambda Q, K: {"S": Q @ K.T}, ["returned a dict"]),
        (lambda Q, K: print, ["type builtin_function_or_method"]),
        (lambda Q, K: np.nan * (Q @ K.T), ["S holds nan"]),
        (lambda Q, K: ..., ["type ellipsis"]),
        (lambda Q, K: (Q @ K.T, Q), ["2 results; expected 1"]),
        (lambda Q, K: [].append(Q), ["returned None", "`append`"]),
    ],
)
def test_what_is_no_array_of_numbers(function, words):
    says("scores", function, *words)


def test_nan_and_overflow_beside_another_mistake():
    verdict = verdict_of(
        "attention",
        lambda Q, K, V: (
            np.exp(Q @ K.T) / np.exp(Q @ K.T).sum(-1, keepdims=True) @ V,
            np.exp(Q @ K.T) / np.exp(Q @ K.T).sum(-1, keepdims=True),
        ),
    )
    assert verdict.mistake == "not_scaled"
    assert "overflow" in verdict.hint
    says(
        "softmax", lambda S: 2 * np.exp(S) / np.exp(S).sum(-1, keepdims=True), "2 times"
    )


def test_results_missing_or_too_many():
    says("attention", lambda Q, K, V: (Q, K, V), "3 results; expected 2", "O, A")
    says(
        "attention", lambda Q, K, V: (right("attention")(Q, K, V)[0], None), "A is None"
    )


def test_a_dict_with_wrong_keys():
    def lower(d_model, num_heads, rng):
        params = right("init_parameters")(d_model, num_heads, rng)
        return {name.lower(): value for name, value in params.items()}

    says("init_parameters", lower, "no W_q, W_k, W_v, W_o", "too many: w_q")
    says("init_parameters", lambda *_: np.ones(3), "returned an array", "a dict")


def test_random_answers_are_judged_by_what_they_lack():
    def changed(**entries):
        def function(d_model, num_heads, rng):
            params = right("init_parameters")(d_model, num_heads, rng)
            return {**params, **{k: v(d_model) for k, v in entries.items()}}

        return function

    says(
        "init_parameters", changed(b_o=lambda d: np.zeros((1, d))), "b_o has shape (1,"
    )
    says("init_parameters", changed(b_o=lambda d: 0), "b_o is a single number")
    says("init_parameters", changed(W_v=lambda d: np.full((d, d), np.nan)), "finite")
    says(
        "init_parameters",
        changed(b_q=lambda d: np.random.rand(d) / 9),
        "Two generators with the same seed gave different numbers",
        "not with `np.random`",
    )


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.longdouble, complex])
@pytest.mark.parametrize("name", ["scores", "softmax", "concat_heads"])
def test_other_precisions_are_accepted(name, dtype):
    verdict = verdict_of(name, lambda *a: np.asarray(right(name)(*a)).astype(dtype))
    assert verdict.passed is True


def test_a_complex_answer_is_wrong_where_it_is_not_real():
    says("scores", lambda Q, K: Q @ K.T + 1j * np.ones((len(Q), len(K))), "complex")


# --- exceptions ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "function", "words"),
    [
        ("scores", lambda Q, K: Q + K, ["Q (n, d_k) is (3, 2)", "have to be equal"]),
        (
            "linear",
            lambda X, W, b: torch.as_tensor(X) @ torch.as_tensor(X),
            ["cannot be multiplied", "X (n, d_in) is (3, 4)"],
        ),
        ("split_heads", lambda X, h: X.reshape(7, h, 9), ["reshape", "(5, 8)"]),
        (
            "concat_heads",
            lambda H: H.transpose(1, 0),
            ["axes don't match", "(2, 3, 7)"],
        ),
        ("scores", lambda Q, K: q @ K.T, ["NameError", "`Q`", "capital"]),  # noqa: F821
        ("scale", lambda S, d_k: S / sqrt(d_k), ["np.sqrt"]),  # noqa: F821
        ("scale", lambda S, d: S / rooot(d), ["`rooot`", "misspelt"]),  # noqa: F821
        ("scores", lambda Q: Q, ["called with (Q, K)"]),
        ("scores", lambda Q, K: np.swapaxes(K), ["`swapaxes` does not take"]),
        (
            "split_heads",
            lambda X, h: torch.ones(2, 3, 4).transpose(1, 0, 2),
            ["In PyTorch", "transpose(0, 1)", "permute"],
        ),
        (
            "split_heads",
            lambda X, h: torch.transpose(torch.ones(2, 3, 4), 1, 0, 2),
            ["In PyTorch", "permute"],
        ),
        (
            "split_heads",
            lambda X, h: np.transpose(np.ones((2, 3, 4)), 1, 0, 2),
            ["`np.transpose` takes the order of the axes as one tuple"],
        ),
        ("linear", lambda X, W, b: X @ W + B, ["Is `b` meant?"]),  # noqa: F821
        ("split_heads", lambda X, n: X[h], ["called `num_heads`"]),  # noqa: F821
        ("scores", lambda Q, K: Q @ K.T(), ["`K.T` takes no brackets"]),
        (
            "concat_heads",
            lambda H: H.transpose(0, 1),
            ["takes the order of all axes", "swapaxes"],
        ),
        ("softmax", lambda S: S / S.sum(axis=-1), ["keepdims=True", "its rows"]),
        ("softmax", lambda S: S / S.sum(-1, True), ["needs its name", "keepdims"]),
        ("softmax", lambda S: S.max(dim=-1), ["NumPy calls it `axis`"]),
        ("attention", lambda Q, K, V: Q.softmax(), ["is a function, and no method"]),
        ("softmax", lambda S: len(S.shape[1]), ["single number has no length"]),
        ("softmax", lambda S: S / torch.sqrt(4), ["this is a number"]),
        ("softmax", lambda S: torch.nn.Parameter(S), ["wants a tensor"]),
        ("softmax", lambda S: S.size.shape, ["single number", "wrong order"]),
        ("scale", lambda S, d: S / d**0.5 ^ 2, ["`^` is no power"]),
        ("softmax", lambda S: S.max(keepdim=True), ["It is `keepdims` in NumPy"]),
        ("softmax", lambda S: math.exp(S), ["take one number", "`np.exp`"]),
        ("scores", lambda Q, K: np.array([[1], [1, 2]]), ["parts of one shape"]),
        ("scores", lambda Q, K: np.zeros(2, 3), ["A shape is one tuple"]),
        ("split_heads", lambda X, h: np.split(X, 7), ["`axis=-1`"]),
        (
            "single_head_attention",
            lambda X, p: right("attention")(right("project_qkv")(X, p)),
            ["`attention` takes Q, K, V.", "`attention(*them)`"],
        ),
        ("softmax", lambda S: S.exp(), ["np.exp(...)"]),
        ("softmax", lambda S: np.sofmax(S), ["There is no such name"]),
        ("softmax", lambda S: np.summ(S), ["np.sum"]),
        ("softmax", lambda S: S.sum(axis=2), ["AxisError", "-1 is the last"]),
        ("embed", lambda t, T: T(t), ["square brackets"]),
        ("embed", lambda t, T: T[99], ["past the end"]),
        ("project_qkv", lambda X, p: p["Wq"], ["KeyError", "W_q, b_q"]),
        ("project_qkv", lambda X, p: p.W_q, ['p["W_q"]']),
        ("split_heads", lambda X, h: np.ones((2, 8 / h)), ["`//`"]),
        ("split_heads", lambda X, h: X.view(5, h, 4), ["`reshape`"]),
        (
            "softmax",
            lambda S: torch.nn.functional.softmax(S, dim=-1),
            ["There is no such name"],
        ),
    ],
)
def test_an_exception_is_put_into_words(name, function, words):
    says(name, function, *words)


def test_several_things_taken_for_one_array():
    def not_unpacked(X, params, num_heads):
        Q, K, V = (right("split_heads")(X, num_heads) for _ in "qkv")
        O = right("attend_in_parallel")(Q, K, V)
        return right("concat_heads")(O), O[1]

    says(
        "multi_head_attention",
        not_unpacked,
        "`attend_in_parallel` gives O, A",
        "`O, A = attend_in_parallel(...)`",
    )
    says("scale", lambda S, d_k: (S, d_k).T, "a tuple", "`first, second = ...`")
    says("scale", lambda S, d_k: [S, S].T, "a list", "`np.array(...)`")


def test_a_line_that_takes_several_is_shown_whole():
    def softmax(S):
        return np.sum(
            S,
            axis=7,
        )

    says("softmax", softmax, "in your line `return np.sum( S, axis=7, )`")


def split_then_projected(X, params, num_heads):
    heads = right("split_heads")(X, num_heads)
    Q, K, V = right("project_qkv")(heads, params)
    O, A = right("attend_in_parallel")(Q, K, V)
    return right("linear")(right("concat_heads")(O), params["W_o"], params["b_o"]), A


def split_then_projected_by_hand(X, params, num_heads):
    X = right("split_heads")(X, num_heads)
    Q, K, V = (
        np.matmul(X, params[f"W_{w}"])
        + params["b_q" if w == "q" else "b_k" if w == "k" else "b_v"]
        for w in "qkv"
    )
    O, A = right("attend_in_parallel")(Q, K, V)
    return right("linear")(right("concat_heads")(O), params["W_o"], params["b_o"]), A


def each_slice_through_a_head(X, params, num_heads):
    outputs, maps = [], []
    for x in right("split_heads")(X, num_heads):
        O, A = right("single_head_attention")(x, params)
        outputs.append(O)
        maps.append(A)
    O = right("concat_heads")(np.stack(outputs))
    return O @ params["W_o"] + params["b_o"], np.stack(maps)


def mixed_then_joined(X, params, num_heads):
    Q, K, V = right("project_qkv")(X, params)
    Q, K, V = (right("split_heads")(M, num_heads) for M in (Q, K, V))
    O, A = right("attend_in_parallel")(Q, K, V)
    O = right("linear")(
        O,
        params["W_o"],
        params["b_o"],
    )
    return right("concat_heads")(O), A


def mixed_by_a_name(X, params, num_heads):
    W_o, b_o = params["W_o"], params["b_o"]
    Q, K, V = right("project_qkv")(X, params)
    Q, K, V = (right("split_heads")(M, num_heads) for M in (Q, K, V))
    O, A = right("attend_in_parallel")(Q, K, V)
    return right("concat_heads")(O @ W_o + b_o), A


@pytest.mark.parametrize(
    ("function", "mistake", "words"),
    [
        (split_then_projected, "split_before_projecting", "Project first"),
        (split_then_projected_by_hand, "split_before_projecting", "Project first"),
        (each_slice_through_a_head, "split_before_projecting", "Project first"),
        (mixed_then_joined, "projected_before_joining", "Join the heads first"),
        (mixed_by_a_name, "projected_before_joining", "Join the heads first"),
    ],
)
def test_one_error_of_two_mistakes_is_told_apart_by_its_line(function, mistake, words):
    verdict = verdict_of("multi_head_attention", function)
    assert verdict.mistake == mistake
    assert words in verdict.hint


def test_where_the_line_does_not_tell_no_mistake_is_named():
    def mul(x, W, b):
        return x @ W + b

    def own_linear(X, params, num_heads):
        heads = right("split_heads")(X, num_heads)
        Q, K, V = (mul(heads, params[f"W_{w}"], params[f"b_{w}"]) for w in "qkv")
        O, A = right("attend_in_parallel")(Q, K, V)
        return mul(right("concat_heads")(O), params["W_o"], params["b_o"]), A

    says("multi_head_attention", own_linear, "`return x @ W + b`", "do not fit")


def test_the_learners_own_line_is_shown():
    def softmax(S):
        E = np.exp(S)
        return E / E.total()

    says("softmax", softmax, "in your line `return E / E.total()`")


def test_an_error_says_more_where_none_is_due():
    def misspelt(d_model, num_heads, rng):
        if d_model % h:  # noqa: F821
            raise ValueError

    says("init_parameters", misspelt, "NameError", "called `num_heads`")


def test_pairs_that_nobody_took_apart():
    def pairs(Q, K, V):
        return [right("attention")(q, k, v) for q, k, v in zip(Q, K, V, strict=True)]

    says("attend_in_parallel", pairs, "Take them apart")


def test_an_exception_returned_and_not_raised():
    def returns(d_model, num_heads, rng):
        if d_model % num_heads:
            return ValueError("no")
        return right("init_parameters")(d_model, num_heads, rng)

    says("init_parameters", returns, "it has to raise one", "`raise ValueError(...)`")


def test_a_wrong_exception_where_one_is_asked_for():
    def quits(d_model, num_heads, rng):
        if d_model % num_heads:
            raise KeyError(num_heads)
        return right("init_parameters")(d_model, num_heads, rng)

    says("init_parameters", quits, "KeyError", "ValueError")


@pytest.mark.parametrize(
    ("kind", "words"),
    [("Timeout", "does not end"), ("Memory", "grow in a loop"), ("Killed", "kernel")],
)
def test_a_limit_of_the_sandbox(kind, words):
    exercise = EXERCISES["scores"]
    error = CallError(kind, "stopped")
    verdict = judge(exercise, lambda arguments: Outcome(None, error, arguments))
    assert verdict.passed is False and verdict.mistake is None
    assert "gave no answer: stopped" in verdict.rationale
    assert words in verdict.hint


# --- whatever comes, the judge answers ---------------------------------------------

ANYTHING = [
    *(None, True, 0, -3, 10**400, 2.5, float("nan"), float("inf"), 1j, "text", ...),
    *([], (), {}, [[]], [[1], [1, 2]], [None], ["a", "b"], (1, "a"), {"W_q": None}),
    *(np.array([]), np.array(3), np.zeros((0, 3)), np.ones((1,) * 6), np.array("a")),
    *(np.array([1, "x"], dtype=object), np.ma.masked_array([1.0], [True])),
    *(torch.ones(2, 3), torch.tensor(1.0, requires_grad=True), {1, 2}, object(), print),
    *([np.ones(2), np.ones(3)], [np.ones((2, 2))] * 2, ((1, 2), (3,)), {"a": {"b": 1}}),
    *((None, None), (np.ones(2), None), (np.ones(2), [[1], [1, 2]]), ([], [], [])),
    *({n: None for n in ("W_q", "b_q")}, range(3), b"bytes", np.bool_(True), [True]),
]


@pytest.mark.parametrize("name", EXERCISES)
def test_anything_at_all_gets_a_verdict(name):
    for value in ANYTHING:
        verdict = verdict_of(name, lambda *_, value=value: value)
        assert verdict.passed is False, value
        assert verdict.rationale and verdict.hint, value


@pytest.mark.parametrize("name", EXERCISES)
def test_an_answer_that_changes_its_kind_gets_a_verdict(name):
    cases = len(draw_cases(EXERCISES[name], 0))
    for first in range(0, len(ANYTHING), 5):
        calls = iter(range(10**6))

        def fickle(*arguments, first=first, calls=calls):
            number = next(calls)
            if number % 3 == 2:
                return right(name)(*arguments)
            return ANYTHING[(first + number) % len(ANYTHING)]

        verdict = verdict_of(name, fickle)
        assert verdict.passed is False
        assert 0 <= verdict.score < verdict.max_score
        assert len(verdict.cases) == cases
