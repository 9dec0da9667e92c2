"""What does a token take home?

A mixture of the values: of each as much as its weight says.
"""

import numpy as np

from autograder.exercise import different_sizes, exercise
from solutions.softmax import softmax


@exercise(
    hints=(
        "Take one query: it has m weights, and there are m values. Multiply each value "
        "by its weight and add them up. What shape is that?",
        "Each row of A meets each column of V, and the keys disappear. Which product "
        "does that for all queries at once?",
    ),
    points=2,
    ordinary=False,  # A holds weights: positive, and each row sums to 1
    gallery=(
        "weights_transposed",
        "values_first",
        "elementwise",
        "weights_ignored",
        "mean_instead_of_sum",
        "largest_weight_only",
    ),
)
def weighted_sum(A, V):
    """Mix the values: each query gets its own weighted sum of all of them.

    A (n, m), V (m, d_v) -> O (n, d_v)
    """
    return A @ V  # (n, d_v)


@weighted_sum.mistake
def weights_transposed(A, V):
    """A is transposed: the weights of key i are used for query i. Row i of A
    belongs to query i, and it fits V as it is.
    """
    return A.T @ V


@weighted_sum.mistake
def values_transposed(A, V):
    """V is transposed before it is used. Its rows are the values of the m keys,
    and each row of A has m weights: they fit without a transpose.
    """
    return A @ V.T


@weighted_sum.mistake
def values_first(A, V):
    """The factors stand in the wrong order. A weight belongs to a key, so the
    columns of A have to meet the rows of V.
    """
    return V @ A


@weighted_sum.mistake
def one_column_a_query(A, V):
    """The numbers are right, but each query owns a column. Row i of O belongs to
    query i.
    """
    return (A @ V).T


@weighted_sum.mistake
def elementwise(A, V):
    """A * V weighs entries one by one and adds nothing up. Each query needs the sum
    over all keys.
    """
    return A * V


@weighted_sum.mistake
def weights_ignored(A, V):
    """The values are added up without weights: every query gets the same."""
    return np.ones_like(A) @ V


@weighted_sum.mistake
def mean_of_the_values(A, V):
    """Every query gets the mean of all values: the weights are not used."""
    return np.broadcast_to(V.mean(axis=0), (len(A), V.shape[1]))


@weighted_sum.mistake
def mean_instead_of_sum(A, V):
    """The weighted values are averaged over the keys. The weights sum to 1 already:
    dividing by m once more makes everything too small.
    """
    return A @ V / A.shape[-1]


@weighted_sum.mistake
def largest_weight_only(A, V):
    """Each query takes the value of its best key, whole, and nothing of the others.
    Attention mixes: every key counts by its weight.
    """
    return V[A.argmax(axis=-1)]


@weighted_sum.mistake
def last_key_only(A, V):
    """Only the last key's share is left: a loop over keys overwrites the sum each
    time round. Add each share to what is there.
    """
    return A[:, -1:] * V[-1]


@weighted_sum.mistake
def first_key_only(A, V):
    """Only the first key's share is there. Does the loop end after one round?"""
    return A[:, :1] * V[0]


@weighted_sum.mistake
def softmax_once_more(A, V):
    """Softmax is applied to A a second time, which flattens the weights. A comes in
    as weights already.
    """
    return softmax(A) @ V


@weighted_sum.mistake
def not_added_up(A, V):
    """Every weighted value is there, (n, m, d_v), but the sum over the keys is
    missing.
    """
    return A[:, :, None] * V


@weighted_sum.mistake
def one_output_for_all(A, V):
    """All queries are added into one vector. Each query has its own weighted sum:
    add over the keys, not over the queries.
    """
    return (A @ V).sum(axis=0)


@weighted_sum.mistake
def features_added_up(A, V):
    """The features of the values are added up. The sum goes over the keys; the d_v
    features stay apart.
    """
    return (A @ V).sum(axis=-1)


@weighted_sum.also_right
def with_einsum(A, V):
    return np.einsum("nm,mv->nv", A, V)


@weighted_sum.also_right
def with_loops(A, V):
    return [sum(a * v for a, v in zip(row, V, strict=True)) for row in A]


@weighted_sum.also_right
def with_broadcasting(A, V):
    return (A[:, :, None] * V[None, :, :]).sum(axis=1)


@weighted_sum.also_right
def transposed_twice(A, V):
    return (V.T @ A.T).T


@weighted_sum.also_right
def with_average(A, V):
    return [np.average(V, axis=0, weights=row) for row in A]


@weighted_sum.also_right
def with_torch(A, V):
    import torch

    return torch.as_tensor(A) @ torch.as_tensor(V)


def _weights(rng, n, m):
    """Random weights: positive, and each row sums to 1."""
    return softmax(2 * rng.standard_normal((n, m)))


@weighted_sum.case
def ordinary_sizes(rng):
    n, m, d_v = different_sizes(rng, 3)
    return _weights(rng, n, m), rng.standard_normal((m, d_v))


@weighted_sum.case
def one_query(rng):
    m, d_v = different_sizes(rng, 2)
    return _weights(rng, 1, m), rng.standard_normal((m, d_v))


@weighted_sum.case
def all_sizes_equal(rng):
    # What raises elsewhere runs here, and shows what it computes.
    n = int(rng.integers(3, 6))
    return _weights(rng, n, n), rng.standard_normal((n, n))
