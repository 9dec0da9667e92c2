"""What does one attention head do, from beginning to end?

Score, scale, softmax, mix: four small steps in a row. With the three projections
before them they are a whole head.
"""

import numpy as np

from autograder.exercise import different_sizes, exercise
from solutions.projections import project_qkv
from solutions.scaling import scale
from solutions.scores import scores
from solutions.softmax import softmax
from solutions.weighted_sum import weighted_sum


@exercise(
    hints=(
        "Four functions of the last four chapters, one after the other. What does each "
        "take, and what does it hand on?",
        "`scale` wants to know d_k: it is the last axis of Q. Which of the four steps "
        "gives the A that is returned beside O?",
    ),
    points=4,
    flagged=("scaled_dot_product_attention",),
)
def attention(Q, K, V):
    """Let every query attend to every key, and mix the values by the weights.

    Q (n, d_k), K (m, d_k), V (m, d_v) -> O (n, d_v), A (n, m)
    """
    S = scale(scores(Q, K), Q.shape[-1])  # (n, m)
    A = softmax(S)  # (n, m)
    return weighted_sum(A, V), A


def _attend(Q, K, V, factor, axis=-1):
    """Attention with a chosen factor on the scores and a chosen softmax axis."""
    S = factor * (Q @ K.T)
    E = np.exp(S - S.max(axis=axis, keepdims=True))
    A = E / E.sum(axis=axis, keepdims=True)
    return A @ V, A


@attention.mistake
def not_scaled(Q, K, V):
    """The scores go into softmax unscaled. Divide them by sqrt(d_k) first."""
    return _attend(Q, K, V, 1)


@attention.mistake
def divided_by_d_k(Q, K, V):
    """The scores are divided by d_k: the weights come out too even. Divide by the
    square root of d_k.
    """
    return _attend(Q, K, V, 1 / Q.shape[-1])


@attention.mistake
def multiplied_by_sqrt_d_k(Q, K, V):
    """The scores are multiplied by sqrt(d_k): the weights come out far too sharp.
    Divide.
    """
    return _attend(Q, K, V, np.sqrt(Q.shape[-1]))


@attention.mistake
def divided_by_sqrt_n(Q, K, V):
    """The scores are divided by the square root of the number of queries. d_k is the
    number of features: the last axis of Q and K.
    """
    return _attend(Q, K, V, 1 / np.sqrt(len(Q)))


@attention.mistake
def divided_by_sqrt_m(Q, K, V):
    """The scores are divided by the square root of the number of keys. d_k is the
    number of features: the last axis of Q and K.
    """
    return _attend(Q, K, V, 1 / np.sqrt(len(K)))


@attention.mistake
def divided_by_sqrt_d_v(Q, K, V):
    """The scores are divided by sqrt(d_v), the width of the values. What was added
    up in a score are the d_k features of Q and K.
    """
    return _attend(Q, K, V, 1 / np.sqrt(V.shape[-1]))


@attention.mistake
def divided_by_root_three(Q, K, V):
    """The scores are divided by sqrt(3). That is right for the d_k of the page alone:
    read d_k off the arrays.
    """
    return _attend(Q, K, V, 1 / np.sqrt(3))


@attention.mistake
def divided_by_eight(Q, K, V):
    """The scores are divided by 8. That is sqrt(d_k) for d_k = 64 only: read d_k off
    the arrays.
    """
    return _attend(Q, K, V, 1 / 8)


@attention.mistake
def weights_scaled(Q, K, V):
    """The scaling comes after softmax: the rows of weights no longer sum to 1. Scale
    the scores, then take softmax.
    """
    _, A = _attend(Q, K, V, 1)
    A = A / np.sqrt(Q.shape[-1])
    return A @ V, A


@attention.mistake
def over_queries(Q, K, V):
    """The columns of A sum to 1. Each query distributes its attention over the keys,
    so each row has to: softmax along the last axis.
    """
    return _attend(Q, K, V, 1 / np.sqrt(Q.shape[-1]), axis=0)


@attention.mistake
def totals_of_columns(Q, K, V):
    """The total runs along the columns. Each row is divided by the total of that row:
    axis=-1, and `keepdims=True`.
    """
    S = scale(Q @ K.T, Q.shape[-1])
    E = np.exp(S - S.max(axis=-1, keepdims=True))
    A = E / E.sum(axis=0)
    return A @ V, A


@attention.mistake
def over_the_whole_matrix(Q, K, V):
    """All weights together sum to 1. Each query has a whole unit of attention of its
    own: softmax row by row.
    """
    return _attend(Q, K, V, 1 / np.sqrt(Q.shape[-1]), axis=(0, 1))


@attention.mistake
def overflowing(Q, K, V):
    """Large scores give nan: exp overflows. Use your softmax of chapter 5, or subtract
    each row's maximum.
    """
    E = np.exp(Q @ K.T / np.sqrt(Q.shape[-1]))
    A = E / E.sum(axis=-1, keepdims=True)
    return A @ V, A


@attention.mistake
def without_keepdims(Q, K, V):
    """The totals have shape (n,), and NumPy lays them along the columns. Use your
    softmax of chapter 5, or `keepdims=True`.
    """
    S = scale(Q @ K.T, Q.shape[-1])
    E = np.exp(S - S.max(axis=-1, keepdims=True))
    A = E / E.sum(axis=-1)
    return A @ V, A


@attention.mistake
def without_softmax(Q, K, V):
    """The scaled scores weigh the values as they are. Softmax is missing: weights
    are positive, and each row sums to 1.
    """
    S = scale(Q @ K.T, Q.shape[-1])
    return S @ V, S


@attention.mistake
def softmax_twice(Q, K, V):
    """Softmax is applied to the weights once more, which flattens them. Once is
    enough.
    """
    _, A = _attend(Q, K, V, 1 / np.sqrt(Q.shape[-1]))
    A = softmax(A)
    return A @ V, A


@attention.mistake
def scores_returned(Q, K, V):
    """O is right. Beside it the scores came back: A is the weights, after softmax."""
    O, _ = attention(Q, K, V)
    return O, scale(Q @ K.T, Q.shape[-1])


@attention.mistake
def weights_returned_transposed(Q, K, V):
    """O is right, and A came back on its side. Row i of A holds the weights of
    query i.
    """
    O, A = attention(Q, K, V)
    return O, A.T


@attention.mistake
def weights_first(Q, K, V):
    """The weights come first. The order is O, then A."""
    return attention(Q, K, V)[::-1]


@attention.mistake
def output_only(Q, K, V):
    """Only the output came back. The weights are asked for, too: `return O, A`."""
    return attention(Q, K, V)[0]


@attention.mistake
def weights_only(Q, K, V):
    """Only the weights came back. The output comes first: `return O, A`."""
    return attention(Q, K, V)[1]


@attention.mistake
def queries_and_keys_exchanged(Q, K, V):
    """The keys ask and the queries answer. Row i of the scores belongs to query i:
    Q comes first.
    """
    return attention(K, Q, V)


@attention.mistake
def keys_and_values_exchanged(Q, K, V):
    """Keys and values have changed places: queries are scored against V, and K is
    mixed.
    """
    return attention(Q, V, K)


@attention.mistake
def keys_mixed(Q, K, V):
    """The keys are mixed. They decide who is listened to; what is handed over are
    the values, V.
    """
    return attention(Q, K, K)


@attention.mistake
def queries_mixed(Q, K, V):
    """The queries are mixed. What a token hands over are the values, V."""
    return attention(Q, K, Q)


@attention.mistake
def queries_meet_queries(Q, K, V):
    """The queries are scored against themselves: K is not used."""
    return attention(Q, Q, V)


@attention.mistake
def values_scored(Q, K, V):
    """The queries are scored against the values. Queries meet keys; the values only
    wait to be mixed.
    """
    return attention(Q, V, V)


@attention.mistake
def forgot_to_transpose(Q, K, V):
    """The transpose is missing: `Q @ K` runs only if m happens to equal d_k. The keys
    have to become columns.
    """
    S = scale(Q @ K, Q.shape[-1])
    A = softmax(S)
    return A @ V, A


@attention.mistake
def weights_transposed(Q, K, V):
    """A is right, but it was used on its side: the values are mixed with `A.T`."""
    _, A = attention(Q, K, V)
    return A.T @ V, A


@attention.mistake
def softmaxed_output(Q, K, V):
    """Softmax is applied to the output. It belongs to the scores, before the values
    are mixed.
    """
    S = scale(Q @ K.T, Q.shape[-1])
    return softmax(S @ V), softmax(S)


@attention.also_right
def attention_with_scaled_queries(Q, K, V):
    return _attend(Q / np.sqrt(Q.shape[-1]), K, V, 1)


@attention.also_right
def attention_query_by_query(Q, K, V):
    rows = [attention(q[None], K, V) for q in Q]
    return np.concatenate([o for o, _ in rows]), np.concatenate([a for _, a in rows])


@attention.also_right
def attention_with_einsum(Q, K, V):
    A = softmax(np.einsum("nd,md->nm", Q, K) / Q.shape[1] ** 0.5)
    return np.einsum("nm,mv->nv", A, V), A


@attention.also_right
def attention_with_roots_on_both_sides(Q, K, V):
    root = Q.shape[-1] ** 0.25
    return _attend(Q / root, K / root, V, 1)


@attention.also_right
def attention_with_torch(Q, K, V):
    import torch

    Q, K, V = map(torch.as_tensor, (Q, K, V))
    A = torch.softmax(Q @ K.T / Q.shape[-1] ** 0.5, dim=-1)
    return A @ V, A


@attention.also_right
def attention_in_a_list(Q, K, V):
    return list(attention(Q, K, V))


@attention.must
def rows_sum_to_one(result, *_):
    """Each row of weights must sum to 1."""
    return np.allclose(np.sum(result[1], axis=-1), 1)


# Scores of moderate size: a saturated softmax hides a wrong scale.
@attention.case
def ordinary_sizes(rng):
    n, m, d_k, d_v = different_sizes(rng, 4)
    return (
        rng.standard_normal((n, d_k)),
        rng.standard_normal((m, d_k)),
        rng.standard_normal((m, d_v)),
    )


@attention.case
def all_sizes_equal(rng):
    # What raises elsewhere runs here, and shows what it computes.
    n = int(rng.integers(3, 6))
    return tuple(rng.standard_normal((n, n)) for _ in "QKV")


@attention.case
def huge_scores(rng):
    n, m, d_k, d_v = different_sizes(rng, 4)
    return (
        100 * rng.standard_normal((n, d_k)),
        100 * rng.standard_normal((m, d_k)),
        rng.standard_normal((m, d_v)),
    )


@exercise(
    hints=(
        "Two functions that you have written already do all of it. Which one starts "
        "from X?",
        "`project_qkv` gives three arrays, in the order that `attention` takes them.",
    ),
    points=3,
    flagged=("scaled_dot_product_attention", "MultiheadAttention"),
)
def single_head_attention(X, params):
    """Let the tokens of one sentence attend to each other, with one head.

    X (n, d_model), params -> O (n, d_v), A (n, n)
    params holds W_q, b_q, W_k, b_k, W_v, b_v.
    """
    Q, K, V = project_qkv(X, params)  # (n, d_k), (n, d_k), (n, d_v)
    return attention(Q, K, V)


def _wrong_step(attend, weights="qkv"):
    """A head whose projections are right, or take other weights, and which then
    attends in its own way.
    """

    def head(X, params):
        return attend(*(X @ params[f"W_{w}"] + params[f"b_{w}"] for w in weights))

    return head


@single_head_attention.mistake
def no_projection(X, params):
    """X is used as queries, keys and values. The projections are missing: what a
    token asks, offers and hands over are three different things.
    """
    return attention(X, X, X)


@single_head_attention.mistake
def one_projection_for_all(X, params):
    """Queries, keys and values are all made with W_q. Each has its own weights."""
    return _wrong_step(attention, "qqq")(X, params)


@single_head_attention.mistake
def keys_from_query_weights(X, params):
    """The keys are made with W_q and b_q. They have W_k and b_k of their own."""
    return _wrong_step(attention, "qqv")(X, params)


@single_head_attention.mistake
def queries_from_key_weights(X, params):
    """The queries are made with W_k and b_k. They have W_q and b_q of their own."""
    return _wrong_step(attention, "kkv")(X, params)


@single_head_attention.mistake
def values_from_key_weights(X, params):
    """The values are made with W_k and b_k. They have W_v and b_v of their own."""
    return _wrong_step(attention, "qkk")(X, params)


@single_head_attention.mistake
def values_from_query_weights(X, params):
    """The values are made with W_q and b_q. They have W_v and b_v of their own."""
    return _wrong_step(attention, "qkq")(X, params)


@single_head_attention.mistake
def queries_and_keys_swapped(X, params):
    """Queries and keys have changed places. Does `project_qkv` give Q first, and does
    `attention` get Q first?
    """
    return _wrong_step(attention, "kqv")(X, params)


@single_head_attention.mistake
def keys_and_values_swapped(X, params):
    """Keys and values have changed places. Does `attention` get Q, K, V in this
    order?
    """
    return _wrong_step(attention, "qvk")(X, params)


@single_head_attention.mistake
def tokens_mixed(X, params):
    """The weights mix X itself. They are to mix the values: X through W_v and b_v."""
    Q, K, _ = project_qkv(X, params)
    return attention(Q, K, X)


@single_head_attention.mistake
def biases_missing(X, params):
    """The biases are missing: b_q, b_k and b_v are in params, too."""
    return attention(*(X @ params[f"W_{w}"] for w in "qkv"))


@single_head_attention.mistake
def query_bias_missing(X, params):
    """The queries lack their bias b_q: without it the keys get other scores."""
    _, K, V = project_qkv(X, params)
    return attention(X @ params["W_q"], K, V)


@single_head_attention.mistake
def value_bias_missing(X, params):
    """The weights are right, but the output lacks b_v: the values have a bias."""
    Q, K, _ = project_qkv(X, params)
    return attention(Q, K, X @ params["W_v"])


@single_head_attention.mistake
def head_weights_transposed(X, params):
    """The weights are used on their side. They are (d_in, d_out): `X @ W + b`."""
    return attention(*(X @ params[f"W_{w}"].T + params[f"b_{w}"] for w in "qkv"))


@single_head_attention.mistake
def divided_by_sqrt_d_model(X, params):
    """The scores are divided by sqrt(d_model). Queries and keys have d_k features,
    and that many were added up.
    """
    return _wrong_step(lambda Q, K, V: _attend(Q, K, V, 1 / np.sqrt(X.shape[-1])))(
        X, params
    )


@single_head_attention.mistake
def head_not_scaled(X, params):
    """The scores go into softmax unscaled. Use your `attention`, which divides them
    by sqrt(d_k).
    """
    return _wrong_step(not_scaled)(X, params)


@single_head_attention.mistake
def head_divided_by_d_k(X, params):
    """The scores are divided by d_k. The square root of d_k is meant; your
    `attention` knows.
    """
    return _wrong_step(divided_by_d_k)(X, params)


@single_head_attention.mistake
def head_divided_by_sqrt_n(X, params):
    """The scores are divided by the square root of the number of tokens. d_k is the
    number of features of a query; your `attention` knows.
    """
    return _wrong_step(divided_by_sqrt_n)(X, params)


@single_head_attention.mistake
def head_over_queries(X, params):
    """The columns of A sum to 1, and each row has to. Use your `attention`, or
    softmax along the last axis.
    """
    return _wrong_step(over_queries)(X, params)


@single_head_attention.mistake
def head_overflowing(X, params):
    """Large scores give nan: exp overflows. Use your `attention`, or subtract each
    row's maximum.
    """
    return _wrong_step(overflowing)(X, params)


@single_head_attention.mistake
def head_without_softmax(X, params):
    """The scores weigh the values as they are: softmax is missing. Use your
    `attention`.
    """
    return _wrong_step(without_softmax)(X, params)


@single_head_attention.mistake
def head_weights_first(X, params):
    """The weights come first. The order is O, then A."""
    return single_head_attention(X, params)[::-1]


@single_head_attention.mistake
def head_output_only(X, params):
    """Only the output came back. The weights are asked for, too: `return O, A`."""
    return single_head_attention(X, params)[0]


@single_head_attention.mistake
def tokens_added(X, params):
    """X is added to the output: a residual connection. It comes in chapter 13; here
    the output of the head alone is asked for.
    """
    O, A = single_head_attention(X, params)
    return X + O, A


@single_head_attention.mistake
def diagonal_masked(X, params):
    """No token attends to itself: the diagonal of A is 0. Nothing is masked here;
    a token is one of its own keys.
    """
    Q, K, V = project_qkv(X, params)
    S = scale(Q @ K.T, Q.shape[-1])
    np.fill_diagonal(S, -np.inf)
    return softmax(S) @ V, softmax(S)


@single_head_attention.mistake
def causally_masked(X, params):
    """No token attends to later ones: A is a triangle. That is a causal mask, and
    nothing is masked here.
    """
    Q, K, V = project_qkv(X, params)
    S = scale(Q @ K.T, Q.shape[-1])
    S[np.triu_indices(len(S), k=1)] = -np.inf
    return softmax(S) @ V, softmax(S)


@single_head_attention.also_right
def head_without_key_bias(X, params):
    # b_k adds the same number to a whole row of scores, and softmax drops it.
    Q, _, V = project_qkv(X, params)
    return attention(Q, X @ params["W_k"], V)


@single_head_attention.also_right
def head_with_einsum(X, params):
    Q, K, V = (
        np.einsum("nd,dk->nk", X, params[f"W_{w}"]) + params[f"b_{w}"] for w in "qkv"
    )
    A = softmax(np.einsum("nk,mk->nm", Q, K) / np.sqrt(K.shape[1]))
    return np.einsum("nm,mv->nv", A, V), A


@single_head_attention.also_right
def head_with_values_mixed_first(X, params):
    # The rows of A sum to 1, so the bias may be added after mixing.
    Q, K, V = project_qkv(X, params)
    _, A = attention(Q, K, V)
    return (A @ X) @ params["W_v"] + params["b_v"], A


@single_head_attention.also_right
def head_with_torch(X, params):
    import torch
    from torch.nn.functional import linear

    t = {name: torch.as_tensor(value) for name, value in params.items()}
    Q, K, V = (linear(torch.as_tensor(X), t[f"W_{w}"].T, t[f"b_{w}"]) for w in "qkv")
    A = (Q @ K.T / K.shape[-1] ** 0.5).softmax(dim=-1)
    return A @ V, A


def _head(rng, d_model, d_k, d_v, spread):
    """The weights and biases of one head; `spread` is that of queries and keys."""
    width = {"q": d_k, "k": d_k, "v": d_v}
    params = {}
    for letter, size in width.items():
        factor = 1 if letter == "v" else spread
        params[f"W_{letter}"] = (
            factor * rng.standard_normal((d_model, size)) / np.sqrt(d_model)
        )
        params[f"b_{letter}"] = factor * rng.standard_normal(size)
    return params


@single_head_attention.case
def different_widths(rng):
    n, d_model, d_k, d_v = different_sizes(rng, 4)
    return rng.standard_normal((n, d_model)), _head(rng, d_model, d_k, d_v, 1)


@single_head_attention.case
def every_size_equal(rng):
    n = int(rng.integers(3, 6))
    return rng.standard_normal((n, n)), _head(rng, n, n, n, 1)


@single_head_attention.case
def huge_weights(rng):
    n, d_model, d_k, d_v = different_sizes(rng, 4)
    return rng.standard_normal((n, d_model)), _head(rng, d_model, d_k, d_v, 50)


single_head_attention.must(rows_sum_to_one)
