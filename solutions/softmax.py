"""How does a row of scores become a row of weights?

Softmax makes every score positive and every row sum to 1. Larger scores get larger
weights, and nothing overflows.
"""

import numpy as np

from autograder.exercise import different_sizes, exercise


@exercise(
    hints=(
        "Three moves: make every number positive, find each row's total, divide. "
        "Which function makes any number positive and keeps the order?",
        "`E.sum(axis=-1)` has shape (n,). To divide each row by its own total you "
        "need shape (n, 1): `keepdims=True`.",
        "exp(1000) is inf. Subtract each row's maximum before exp: the weights do "
        "not change, since the same factor goes into every term of the fraction.",
    ),
    points=4,
    flagged=("softmax", "log_softmax", "softmin", "Softmax", "LogSoftmax", "Softmin"),
    gallery=(
        "over_queries",
        "over_the_whole_matrix",
        "without_the_maximum",
        "without_keepdims",
        "shares_without_exp",
        "not_divided",
    ),
)
def softmax(S):
    """Turn each row of scores into weights that are positive and sum to 1.

    S (n, m) -> A (n, m)
    A score of 1000 must not overflow.
    """
    E = np.exp(S - S.max(axis=-1, keepdims=True))  # (n, m), at most 1
    return E / E.sum(axis=-1, keepdims=True)  # (n, m)


@softmax.mistake
def over_queries(S):
    """Your columns sum to 1. Here each query distributes its attention over the
    keys, so each row has to. The keys are the last axis.
    """
    E = np.exp(S - S.max(axis=-2, keepdims=True))
    return E / E.sum(axis=-2, keepdims=True)


@softmax.mistake
def over_queries_overflowing(S):
    """Two things at once. Your columns sum to 1, but each row has to: the keys are
    the last axis. And a large score overflows: subtract the row's maximum first.
    """
    E = np.exp(S)
    return E / E.sum(axis=-2, keepdims=True)


@softmax.mistake
def totals_of_columns(S):
    """The maximum is each row's own, and the total runs along the columns. Each row is
    divided by the total of that row: axis=-1, and `keepdims=True`.
    """
    E = np.exp(S - S.max(axis=-1, keepdims=True))
    return E / E.sum(axis=-2, keepdims=True)


@softmax.mistake
def over_the_whole_matrix(S):
    """All numbers together sum to 1, so each row sums to far less. Every query has
    a whole unit of attention of its own: one total for each row.
    """
    E = np.exp(S - S.max())
    return E / E.sum()


@softmax.mistake
def rows_shifted_then_one_total(S):
    """Each row loses its own maximum, which is right. But then one total serves for
    all rows, so all numbers together sum to 1. Each row needs a total of its own.
    """
    E = np.exp(S - S.max(axis=-1, keepdims=True))
    return E / E.sum()


@softmax.mistake
def divided_by_the_maximum(S):
    """The scores are divided by their maximum, which changes the weights. Subtract
    it: then it cancels.
    """
    E = np.exp(S / S.max(axis=-1, keepdims=True))
    return E / E.sum(axis=-1, keepdims=True)


@softmax.mistake
def over_the_whole_matrix_overflowing(S):
    """All numbers together sum to 1, and a large score overflows. One total for
    each row, please; and subtract each row's maximum before exp.
    """
    E = np.exp(S)
    return E / E.sum()


@softmax.mistake
def without_the_maximum(S):
    """exp of a large score overflows to inf, and inf / inf is nan. Subtract each
    row's maximum first: the weights stay the same, since it cancels.
    """
    E = np.exp(S)
    return E / E.sum(axis=-1, keepdims=True)


@softmax.mistake
def not_divided(S):
    """exp makes the scores positive, but the rows do not sum to 1 yet. Divide each
    row by its own total.
    """
    return np.exp(S - S.max(axis=-1, keepdims=True))


@softmax.mistake
def bare_exp(S):
    """This is exp alone. The rows do not sum to 1 yet, and a large score overflows:
    subtract each row's maximum, then divide each row by its total.
    """
    return np.exp(S)


@softmax.mistake
def without_keepdims(S):
    """The totals have shape (n,), and NumPy lays them along the columns, not the
    rows. With `keepdims=True` they have shape (n, 1), one for each row.
    """
    E = np.exp(S - S.max(axis=-1, keepdims=True))
    return E / E.sum(axis=-1)


@softmax.mistake
def without_keepdims_twice(S):
    """The maxima and the totals have shape (n,), and NumPy lays them along the
    columns. With `keepdims=True` they have shape (n, 1), one for each row.
    """
    E = np.exp(S - S.max(axis=-1))
    return E / E.sum(axis=-1)


@softmax.mistake
def without_keepdims_overflowing(S):
    """The totals have shape (n,), and NumPy lays them along the columns: add
    `keepdims=True`. And a large score overflows: subtract each row's maximum.
    """
    E = np.exp(S)
    return E / E.sum(axis=-1)


@softmax.mistake
def maximum_without_keepdims(S):
    """The maxima have shape (n,), and NumPy lays them along the columns: each
    column loses another row's maximum. With `keepdims=True` they fit the rows.
    """
    E = np.exp(S - S.max(axis=-1))
    return E / E.sum(axis=-1, keepdims=True)


@softmax.mistake
def maximum_of_each_column(S):
    """The totals are per row, but the maximum is taken per column. It cancels only
    if everything in a row loses the same amount.
    """
    E = np.exp(S - S.max(axis=-2, keepdims=True))
    return E / E.sum(axis=-1, keepdims=True)


@softmax.mistake
def one_maximum_for_all(S):
    """One maximum for the whole matrix is not enough: in a row whose scores are all
    far below it, every exp is 0, and 0 / 0 is nan. Take each row's own maximum.
    """
    E = np.exp(S - S.max())
    return E / E.sum(axis=-1, keepdims=True)


@softmax.mistake
def less_than_the_maximum_subtracted(S):
    """What is subtracted lies below the maximum (the mean, the minimum), so the
    largest scores can still overflow exp. Subtract the maximum: then the largest
    score becomes 0, and exp of it 1.
    """
    E = np.exp(S - S.min(axis=-1, keepdims=True))
    return E / E.sum(axis=-1, keepdims=True)


@softmax.mistake
def maximum_added(S):
    """The maximum is added, so exp gets even larger numbers. Subtract it: then the
    largest score becomes 0, and exp of it 1.
    """
    E = np.exp(S + S.max(axis=-1, keepdims=True))
    return E / E.sum(axis=-1, keepdims=True)


@softmax.mistake
def shares_without_exp(S):
    """Each row is divided by its sum, but without exp. Negative scores then give
    negative weights, and a sum near 0 blows up.
    """
    return S / S.sum(axis=-1, keepdims=True)


@softmax.mistake
def sign_turned(S):
    """The largest score gets the smallest weight: a minus sign too many in exp."""
    E = np.exp(S.min(axis=-1, keepdims=True) - S)
    return E / E.sum(axis=-1, keepdims=True)


@softmax.mistake
def base_two(S):
    """These are powers of 2. Softmax uses powers of e: `np.exp`."""
    E = np.exp2(S - S.max(axis=-1, keepdims=True))
    return E / E.sum(axis=-1, keepdims=True)


@softmax.mistake
def divided_by_length(S):
    """Each row is divided by its Euclidean length, so its squares sum to 1. The
    weights themselves have to sum to 1.
    """
    E = np.exp(S - S.max(axis=-1, keepdims=True))
    return E / np.sqrt((E**2).sum(axis=-1, keepdims=True))


@softmax.mistake
def divided_by_the_mean(S):
    """Each row sums to m, the number of keys: it is divided by its mean. Divide by
    its sum.
    """
    E = np.exp(S - S.max(axis=-1, keepdims=True))
    return E / E.mean(axis=-1, keepdims=True)


@softmax.mistake
def hard_maximum(S):
    """All attention goes to the largest score, and none to the others. Softmax is
    soft: each score gets a share.
    """
    return (S == S.max(axis=-1, keepdims=True)).astype(float)


@softmax.mistake
def log_softmax(S):
    """These are logarithms of the weights: none is positive. Take exp of them."""
    Z = S - S.max(axis=-1, keepdims=True)
    return Z - np.log(np.exp(Z).sum(axis=-1, keepdims=True))


@softmax.mistake
def sum_inside_the_exponential(S):
    """The sum stands inside the exponential: exp(S / sum). Close the bracket before you
    divide: exp(S) / sum. And a large score overflows: subtract the row's maximum.
    """
    return np.exp(S / np.exp(S).sum(axis=-1, keepdims=True))


@softmax.mistake
def sum_inside_after_the_shift(S):
    """The sum stands inside the exponential: exp(S / sum). Close the bracket before you
    divide: exp(S) / sum.
    """
    Z = S - S.max(axis=-1, keepdims=True)
    return np.exp(Z / np.exp(Z).sum(axis=-1, keepdims=True))


@softmax.mistake
def sigmoid(S):
    """Each score is squashed on its own (a sigmoid). In softmax the scores of a row
    compete for one unit of attention.
    """
    return 1 / (1 + np.exp(-np.clip(S, -500, 500)))


@softmax.mistake
def scaled_again(S):
    """The scores are divided by the square root of the number of keys before exp.
    The scaling was the last chapter's job, and used d_k.
    """
    Z = S / np.sqrt(S.shape[-1])
    E = np.exp(Z - Z.max(axis=-1, keepdims=True))
    return E / E.sum(axis=-1, keepdims=True)


@softmax.also_right
def with_torch(S):
    import torch

    return torch.softmax(torch.as_tensor(S), dim=-1)


@softmax.also_right
def with_loops(S):
    rows = []
    for row in S:
        exps = [np.exp(s - max(row)) for s in row]
        rows.append([e / sum(exps) for e in exps])
    return rows


@softmax.also_right
def through_logarithms(S):
    Z = S - np.max(S, axis=1)[:, None]
    return np.exp(Z - np.log(np.sum(np.exp(Z), axis=1))[:, None])


@softmax.also_right
def transposed_and_back(S):
    E = np.exp(S.T - S.max(axis=1))
    return (E / E.sum(axis=0)).T


@softmax.also_right
def float32(S):
    Z = (S - S.max(axis=-1, keepdims=True)).astype(np.float32)
    E = np.exp(Z)
    return E / E.sum(axis=-1, keepdims=True)


@softmax.must
def rows_sum_to_one(A, S):
    """Each row of weights must sum to 1."""
    return np.allclose(np.sum(A, axis=-1), 1)


@softmax.must
def no_negative_weights(A, S):
    """No weight may be negative."""
    return np.min(A) >= 0


@softmax.case
def large_scores(rng):
    # exp(400) is still finite: only a maximum that is added makes it overflow.
    n, m = different_sizes(rng, 2)
    return (400 + rng.standard_normal((n, m)),)


@softmax.case
def huge_scores(rng):
    n, m = different_sizes(rng, 2, low=3)
    rows = 1000 * rng.choice([-1, 1], size=(n, 1))  # some rows far above, some below
    rows[:2] = [[1000], [-1000]]
    S = rows + rng.standard_normal((n, m))
    S[0, -1] -= 10_000  # far apart within one row, too
    return (S,)
