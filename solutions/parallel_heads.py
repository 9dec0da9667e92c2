"""How do all heads attend at once?

As one head does, on the last two axes. The first axis only counts the heads.
"""

import numpy as np

from autograder.exercise import different_sizes, exercise
from solutions.scaling import scale
from solutions.softmax import softmax


@exercise(
    hints=(
        "`@` on 3-D arrays multiplies the last two axes, head by head. Which of your "
        "lines of `attention` can stay as they are?",
        "`K.T` turns all axes around. Only the last two may change places: "
        "`K.swapaxes(-1, -2)`. Counted from the end, axes are right with and without "
        "heads.",
    ),
    points=4,
    flagged=("scaled_dot_product_attention",),
    gallery=(
        "over_heads",
        "over_queries",
        "divided_by_sqrt_d_model",
        "not_scaled",
        "scores_returned",
        "weights_averaged_over_heads",
    ),
)
def attend_in_parallel(Q, K, V):
    """Let every head attend on its own, all heads in one product.

    Q (h, n, d_k), K (h, m, d_k), V (h, m, d_v) -> O (h, n, d_v), A (h, n, m)
    """
    S = Q @ K.transpose(0, 2, 1)  # (h, n, m)
    A = softmax(scale(S, Q.shape[-1]))  # (h, n, m)
    return A @ V, A


attend_in_parallel.inherits(
    scale,
    but=("root_subtracted", "root_of_the_scores_alone"),
    divided_by_sqrt_n="""The scores are divided by the square root of the number of
    queries. In a 3-D array `shape[1]` is the sequence length; d_k is `shape[-1]`.""",
    divided_by_their_sum="""The scores are divided by the sum of their row. All of
    them are divided by the same number, sqrt(d_k).""",
)
attend_in_parallel.inherits(
    softmax,
    over_queries="""The softmax runs over the queries. With heads in front, the keys
    are axis 2, no longer axis 1: count from the end, `axis=-1`.""",
    over_the_whole_matrix="""All weights of all heads together sum to 1. Each query of
    each head has a whole unit of attention: softmax along the last axis alone.""",
    without_keepdims="""The totals have shape (h, n), and NumPy lays them along the
    wrong axes. Use `keepdims=True`, or call your softmax.""",
    without_keepdims_twice="""The maxima and the totals have shape (h, n), and NumPy
    lays them along the wrong axes. Use `keepdims=True`, or call your
    softmax.""",
    without_keepdims_overflowing="""The totals have shape (h, n), and NumPy lays them
    along the wrong axes: `keepdims=True`. And a large score overflows: subtract each
    row's maximum.""",
    maximum_without_keepdims="""The maxima have shape (h, n), and NumPy lays them along
    the wrong axes. With `keepdims=True` they fit the rows.""",
    scaled_again="""The scores are divided by the square root of the number of keys,
    too. Of d_k alone is meant.""",
)


@attend_in_parallel.mistake_in(scale)
def divided_by_sqrt_h(S, d_k):
    """The scores are divided by the square root of the number of heads. d_k is the
    last axis of Q and K.
    """
    return S / np.sqrt(len(S))


@attend_in_parallel.mistake_in(scale)
def divided_by_sqrt_d_model(S, d_k):
    """The scores are divided by sqrt(h·d_k), the width of all heads together. A score
    adds up the d_k features of one head.
    """
    return S / np.sqrt(len(S) * d_k)


def _softmax_along(S, axis):
    """Softmax along any axes."""
    E = np.exp(S - S.max(axis=axis, keepdims=True))
    return E / E.sum(axis=axis, keepdims=True)


@attend_in_parallel.mistake_in(softmax)
def over_heads(S):
    """The softmax runs over the heads: they compete with each other. Each head
    distributes its own attention over the keys: `axis=-1`.
    """
    return _softmax_along(S, 0)


@attend_in_parallel.mistake_in(softmax)
def over_each_whole_head(S):
    """All weights of a head together sum to 1. Each query has a whole unit of
    attention: softmax along the last axis alone.
    """
    return _softmax_along(S, (1, 2))


@attend_in_parallel.mistake_in(softmax)
def softmax_twice(S):
    """Softmax is applied to the weights once more, which flattens them. Once is
    enough.
    """
    return softmax(softmax(S))


@attend_in_parallel.mistake_in(softmax)
def without_softmax(S):
    """The scaled scores weigh the values as they are. Softmax is missing."""
    return S


@attend_in_parallel.mistake
def divided_by_sqrt_d_v(Q, K, V):
    """The scores are divided by sqrt(d_v), the width of the values. What was added
    up in a score are the d_k features of Q and K.
    """
    A = softmax(scale(Q @ K.swapaxes(1, 2), V.shape[-1]))
    return A @ V, A


@attend_in_parallel.mistake
def all_axes_transposed(Q, K, V):
    """`K.T` turns all three axes around, the heads too. Only the last two change
    places: `K.transpose(0, 2, 1)` or `K.swapaxes(-1, -2)`.
    """
    A = softmax(scale(Q @ K.T, Q.shape[-1]))
    return A @ V, A


@attend_in_parallel.mistake
def heads_and_tokens_exchanged(Q, K, V):
    """Heads and tokens of K have changed places. The heads stay in front; the last
    two axes change places.
    """
    A = softmax(scale(Q @ K.transpose(1, 0, 2), Q.shape[-1]))
    return A @ V, A


@attend_in_parallel.mistake
def forgot_to_transpose(Q, K, V):
    """The transpose is missing: `Q @ K` runs only if m happens to equal d_k. The last
    two axes of K have to change places.
    """
    A = softmax(scale(Q @ K, Q.shape[-1]))
    return A @ V, A


@attend_in_parallel.mistake
def scores_returned(Q, K, V):
    """O is right. Beside it the scores came back: A is the weights, after softmax."""
    O, _ = attend_in_parallel(Q, K, V)
    return O, scale(Q @ K.swapaxes(1, 2), Q.shape[-1])


@attend_in_parallel.mistake
def first_head_everywhere(Q, K, V):
    """All heads give what the first one gives. Each attends with its own queries,
    keys and values.
    """
    O, A = attend_in_parallel(Q, K, V)
    return np.stack([O[0]] * len(Q)), np.stack([A[0]] * len(Q))


@attend_in_parallel.mistake
def last_head_only(Q, K, V):
    """Only the last head is left: a loop overwrites its result each time round.
    Collect the heads, and stack them.
    """
    O, A = attend_in_parallel(Q, K, V)
    return O[-1], A[-1]


@attend_in_parallel.mistake
def first_head_only(Q, K, V):
    """Only the first head is there. A `return` inside the loop ends it at once."""
    O, A = attend_in_parallel(Q, K, V)
    return O[0], A[0]


@attend_in_parallel.mistake
def weights_averaged_over_heads(Q, K, V):
    """O is right, but A is the mean over the heads, as PyTorch gives it by default.
    Here each head's own weights are asked for: (h, n, m).
    """
    O, A = attend_in_parallel(Q, K, V)
    return O, A.mean(axis=0)


@attend_in_parallel.mistake
def heads_averaged(Q, K, V):
    """The heads are averaged. They stay apart: what each one found is joined later."""
    O, A = attend_in_parallel(Q, K, V)
    return O.mean(axis=0), A.mean(axis=0)


@attend_in_parallel.mistake
def heads_added_up(Q, K, V):
    """The heads are added up. They stay apart: what each one found is joined later."""
    O, A = attend_in_parallel(Q, K, V)
    return O.sum(axis=0), A


@attend_in_parallel.mistake
def scores_shared(Q, K, V):
    """All heads use the same weights: the scores are added up over the heads. Each
    head has scores of its own.
    """
    A = softmax(scale(np.einsum("hnd,hmd->nm", Q, K), Q.shape[-1]))
    A = np.stack([A] * len(Q))
    return A @ V, A


@attend_in_parallel.mistake
def heads_joined_already(Q, K, V):
    """The heads are joined already, side by side. That is the next chapter; here
    they stay apart: (h, n, d_v).
    """
    O, A = attend_in_parallel(Q, K, V)
    return np.concatenate(list(O), axis=-1), A


@attend_in_parallel.mistake
def reversed_heads(Q, K, V):
    """The heads come in reverse order. As a model that would do; with weights that
    are given it does not.
    """
    O, A = attend_in_parallel(Q, K, V)
    return O[::-1], A[::-1]


@attend_in_parallel.mistake
def weights_first(Q, K, V):
    """The weights come first. The order is O, then A."""
    return attend_in_parallel(Q, K, V)[::-1]


@attend_in_parallel.mistake
def output_only(Q, K, V):
    """Only the output came back. The weights are asked for, too: `return O, A`."""
    return attend_in_parallel(Q, K, V)[0]


@attend_in_parallel.mistake
def keys_mixed(Q, K, V):
    """The keys are mixed. They decide who is listened to; what is handed over are
    the values, V.
    """
    return attend_in_parallel(Q, K, K)


@attend_in_parallel.mistake
def queries_and_keys_exchanged(Q, K, V):
    """The keys ask and the queries answer. Row i of a head's scores belongs to query
    i: Q comes first.
    """
    return attend_in_parallel(K, Q, V)


@attend_in_parallel.mistake
def weights_transposed(Q, K, V):
    """A is right, but it was used transposed when the values were mixed."""
    _, A = attend_in_parallel(Q, K, V)
    return A.swapaxes(1, 2) @ V, A


@attend_in_parallel.also_right
def head_by_head(Q, K, V):
    heads = [attend_in_parallel(Q[[i]], K[[i]], V[[i]]) for i in range(len(Q))]
    return np.concatenate([o for o, _ in heads]), np.concatenate([a for _, a in heads])


@attend_in_parallel.also_right
def with_einsum(Q, K, V):
    A = softmax(np.einsum("hnd,hmd->hnm", Q, K) / np.sqrt(Q.shape[-1]))
    return np.einsum("hnm,hmv->hnv", A, V), A


@attend_in_parallel.also_right
def with_scaled_queries(Q, K, V):
    A = softmax((Q / np.sqrt(Q.shape[-1])) @ K.swapaxes(1, 2))
    return A @ V, A


@attend_in_parallel.also_right
def with_torch(Q, K, V):
    import torch

    Q, K, V = map(torch.as_tensor, (Q, K, V))
    A = (Q @ K.mT / Q.shape[-1] ** 0.5).softmax(dim=-1)
    return A @ V, A


@attend_in_parallel.also_right
def in_lists(Q, K, V):
    return tuple(part.tolist() for part in attend_in_parallel(Q, K, V))


@attend_in_parallel.must
def rows_sum_to_one(result, *_):
    """In each head, each row of weights must sum to 1."""
    return np.allclose(np.sum(result[1], axis=-1), 1)


def _heads(rng, h, n, m, d_k, d_v, spread=1.0):
    return (
        spread * rng.standard_normal((h, n, d_k)),
        spread * rng.standard_normal((h, m, d_k)),
        rng.standard_normal((h, m, d_v)),
    )


@attend_in_parallel.case
def two_heads(rng):
    return _heads(rng, 2, *different_sizes(rng, 4, low=3))


@attend_in_parallel.case
def huge_scores(rng):
    return _heads(rng, *different_sizes(rng, 5), spread=100.0)
