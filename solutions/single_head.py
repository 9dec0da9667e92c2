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
    why="Four steps that were written already, in their order. The weights are "
    "returned too, for one wants to see where a token looks.",
    gallery=(
        "not_scaled",
        "divided_by_d_k",
        "over_queries",
        "without_softmax",
        "values_transposed",
        "output_only",
    ),
)
def attention(Q, K, V):
    """Let every query attend to every key, and mix the values by the weights.

    Q (n, d_k), K (m, d_k), V (m, d_v) -> O (n, d_v), A (n, m)
    """
    S = scale(scores(Q, K), Q.shape[-1])  # (n, m)
    A = softmax(S)  # (n, m)
    return weighted_sum(A, V), A


attention.inherits(
    scores,
    but=("divided_by_sqrt_d_k", "divided_by_d_k", "softmaxed"),
)
attention.inherits(
    scale,
    but=("root_subtracted", "root_of_the_scores_alone"),
    divided_by_their_sum="""The scores are divided by the sum of their row. All of
    them are divided by the same number, sqrt(d_k).""",
)
attention.inherits(
    softmax,
    scaled_again="""The scores are divided by the square root of the number of keys,
    too. Of d_k alone is meant.""",
)
attention.inherits(weighted_sum)


@attention.mistake_in(softmax)
def without_softmax(S):
    """The scaled scores weigh the values as they are. Softmax is missing: weights
    are positive, and each row sums to 1.
    """
    return S


@attention.mistake_in(softmax)
def softmax_twice(S):
    """Softmax is applied to the weights once more, which flattens them. Once is
    enough.
    """
    return softmax(softmax(S))


@attention.mistake
def divided_by_sqrt_d_v(Q, K, V):
    """The scores are divided by sqrt(d_v), the width of the values. What was added
    up in a score are the d_k features of Q and K.
    """
    A = softmax(scale(scores(Q, K), V.shape[-1]))
    return A @ V, A


@attention.mistake
def weights_scaled(Q, K, V):
    """The scaling comes after softmax: the rows of weights no longer sum to 1. Scale
    the scores, then take softmax.
    """
    A = softmax(scores(Q, K)) / np.sqrt(Q.shape[-1])
    return A @ V, A


@attention.mistake
def scores_returned(Q, K, V):
    """O is right. Beside it the scores came back: A is the weights, after softmax."""
    O, _ = attention(Q, K, V)
    return O, scale(Q @ K.T, Q.shape[-1])


@attention.mistake
def weights_returned_transposed(Q, K, V):
    """O is right, and A came back transposed. Row i of A holds the weights of
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
def values_scored(Q, K, V):
    """The queries are scored against the values. Queries meet keys; the values only
    wait to be mixed.
    """
    return attention(Q, V, V)


@attention.mistake
def softmaxed_output(Q, K, V):
    """Softmax is applied to the output. It belongs to the scores, before the values
    are mixed.
    """
    S = scale(Q @ K.T, Q.shape[-1])
    return softmax(S @ V), softmax(S)


@attention.also_right
def attention_with_scaled_queries(Q, K, V):
    A = softmax(Q / np.sqrt(Q.shape[-1]) @ K.T)
    return A @ V, A


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
    A = softmax((Q / root) @ (K / root).T)
    return A @ V, A


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
    why="The input is projected three times, and attention does the rest: queries, "
    "keys and values come from the same tokens here.",
    gallery=(
        "no_projection",
        "keys_from_query_weights",
        "queries_and_keys_exchanged",
        "biases_missing",
        "over_queries",
        "values_not_projected",
    ),
)
def single_head_attention(X, params):
    """Let the tokens of one sentence attend to each other, with one head.

    X (n, d_model), params -> O (n, d_v), A (n, n)
    params holds W_q, b_q, W_k, b_k, W_v, b_v.
    """
    Q, K, V = project_qkv(X, params)  # (n, d_k), (n, d_k), (n, d_v)
    return attention(Q, K, V)


single_head_attention.inherits(
    project_qkv,
    # b_k adds the same number to a whole row of scores, and softmax drops it.
    but=("key_bias_missing", "one_bias_for_keys_and_queries"),
)
single_head_attention.inherits(
    attention,
    # Queries and keys come from one X, so these are mistakes of the projection, or
    # others of the list.
    but=(
        "keys_ask_queries",
        "queries_meet_queries",
        "keys_meet_keys",
        "keys_and_values_exchanged",
        "keys_mixed",
        "queries_mixed",
        "divided_by_sqrt_m",
        "root_rounded_down",
    ),
)


@single_head_attention.mistake
def divided_by_sqrt_d_model(X, params):
    """The scores are divided by sqrt(d_model). Queries and keys have d_k features,
    and that many were added up.
    """
    Q, K, V = project_qkv(X, params)
    A = softmax(scale(scores(Q, K), X.shape[-1]))
    return A @ V, A


@single_head_attention.mistake
def tokens_added(X, params):
    """X is added to the output: a residual connection. `add_and_norm` will have it;
    here the output of the head alone is asked for.
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
