"""How do several heads share one row of features?

Each head gets its own run of features of every token: the first d_k, the next d_k,
and so on.
"""

import numpy as np

from autograder.exercise import exercise


@exercise(
    hints=(
        "Take one token, a row of d_model numbers. Cut it into h pieces of d_k "
        "neighbours. Which shape has the whole sentence then?",
        "A reshape may cut the last axis in two: (n, d_model) becomes (n, h, d_k). It "
        "may not carry an axis past another; `transpose` does that.",
    ),
    points=4,
    gallery=(
        "reshaped_only",
        "not_transposed",
        "features_dealt_out",
        "axes_reversed",
        "reversed_heads",
        "last_head_only",
    ),
)
def split_heads(X, num_heads):
    """Give each head its own run of neighbouring features, of every token.

    X (n, d_model), num_heads = h -> heads (h, n, d_k)
    """
    n, d_model = X.shape
    apart = X.reshape(n, num_heads, d_model // num_heads)  # (n, h, d_k)
    return apart.transpose(1, 0, 2)  # (h, n, d_k)


@split_heads.mistake
def reshaped_only(X, num_heads):
    """The shape is right, but the numbers are at wrong places: a reshape deals them
    out in reading order, and so each head gets whole tokens. Cut the features first,
    then exchange two axes.
    """
    n, d_model = X.shape
    return X.reshape(num_heads, n, d_model // num_heads)


@split_heads.mistake
def not_transposed(X, num_heads):
    """Each token is cut into heads: (n, h, d_k). Now bring the heads to the front by
    exchanging the first two axes.
    """
    n, d_model = X.shape
    return X.reshape(n, num_heads, d_model // num_heads)


@split_heads.mistake
def features_dealt_out(X, num_heads):
    """Each head gets every h-th feature, as cards are dealt. It is to get a run of
    neighbours: head 0 the first d_k features, head 1 the next.
    """
    n, d_model = X.shape
    return X.reshape(n, d_model // num_heads, num_heads).transpose(2, 0, 1)


@split_heads.mistake
def heads_and_features_exchanged(X, num_heads):
    """There are d_k heads with h features each. Which of the two counts the heads:
    num_heads, or d_model // num_heads?
    """
    n, d_model = X.shape
    return X.reshape(n, d_model // num_heads, num_heads).transpose(1, 0, 2)


@split_heads.mistake
def axes_reversed(X, num_heads):
    """`.T` turns all three axes around. Only the first two change places: use
    `transpose` or `swapaxes` and name them.
    """
    n, d_model = X.shape
    return X.reshape(n, num_heads, d_model // num_heads).T


@split_heads.mistake
def tokens_on_the_last_axis(X, num_heads):
    """The heads are right, but each is transposed: (h, d_k, n). Its tokens are
    rows: (h, n, d_k).
    """
    n, d_model = X.shape
    return X.reshape(n, num_heads, d_model // num_heads).transpose(1, 2, 0)


@split_heads.mistake
def transposed_first(X, num_heads):
    """The shape is right, but tokens and features are mixed: X was transposed and
    then reshaped. Cut each token's features first, then exchange two axes.
    """
    n, d_model = X.shape
    return X.T.reshape(num_heads, n, d_model // num_heads)


@split_heads.mistake
def tokens_shared_out(X, num_heads):
    """The sentence is cut into pieces: each head gets some of the tokens. It is to
    get all tokens, and some of their features.
    """
    return X.reshape(num_heads, len(X) // num_heads, -1)


@split_heads.mistake
def reversed_heads(X, num_heads):
    """The heads come in reverse order: the first features belong to head 0. As a
    model that would do; with weights that are given it does not.
    """
    return split_heads(X, num_heads)[::-1]


@split_heads.mistake
def two_heads_always(X, num_heads):
    """There are always two heads, each with half of the features. How many there are
    to be stands in num_heads.
    """
    return np.stack([X[:, : X.shape[1] // 2], X[:, X.shape[1] // 2 :]])


@split_heads.mistake
def first_head_only(X, num_heads):
    """Only the first head is there: the first d_k features. The other features
    belong to the other heads.
    """
    return X[:, : X.shape[1] // num_heads]


@split_heads.mistake
def last_head_only(X, num_heads):
    """Only the last head is left: a loop overwrites its result each time round.
    Collect the heads.
    """
    return split_heads(X, num_heads)[-1]


@split_heads.mistake
def first_head_repeated(X, num_heads):
    """All heads are the same: the first d_k features, several times. Head i starts at
    feature i·d_k.
    """
    return np.stack([split_heads(X, num_heads)[0]] * num_heads)


@split_heads.mistake
def whole_input_repeated(X, num_heads):
    """Each head gets all features. They are shared out: each head gets d_k of them,
    and no two heads get the same ones.
    """
    return np.stack([X] * num_heads)


@split_heads.mistake
def one_feature_further(X, num_heads):
    """The heads overlap: each starts one feature after the last. Head i starts at
    feature i·d_k.
    """
    d_k = X.shape[1] // num_heads
    return np.stack([X[:, i : i + d_k] for i in range(num_heads)])


@split_heads.mistake
def not_split(X, num_heads):
    """X came back as it was. Each head is to get its own features of every token."""
    return X


@split_heads.also_right
def with_slices(X, num_heads):
    d_k = X.shape[-1] // num_heads
    return np.stack([X[:, i * d_k : (i + 1) * d_k] for i in range(num_heads)])


@split_heads.also_right
def with_split(X, num_heads):
    return np.split(X, num_heads, axis=-1)


@split_heads.also_right
def with_one_reshape(X, num_heads):
    return np.reshape(X.T, (num_heads, -1, len(X))).swapaxes(1, 2)


@split_heads.also_right
def with_loops(X, num_heads):
    d_k = len(X[0]) // num_heads
    return [
        [[row[i * d_k + j] for j in range(d_k)] for row in X] for i in range(num_heads)
    ]


@split_heads.also_right
def with_torch(X, num_heads):
    import torch

    n, d_model = X.shape
    heads = torch.as_tensor(X).view(n, num_heads, d_model // num_heads)
    return heads.permute(1, 0, 2)


# (n, h, d_k): all different, and n a multiple of h in one case, so that cutting the
# tokens instead of the features runs.
@split_heads.case
def two_heads(rng):
    d_k = int(rng.choice([3, 4]))
    return rng.standard_normal((5, 2 * d_k)), 2


@split_heads.case
def three_heads(rng):
    d_k = int(rng.choice([2, 4]))
    return rng.standard_normal((6, 3 * d_k)), 3


@split_heads.case
def one_token(rng):
    return rng.standard_normal((1, 6)), 3


@split_heads.case
def all_sizes_equal(rng):
    # n = h = d_k: axes in the wrong order fit here, and show what they compute.
    n = int(rng.integers(2, 4))
    return rng.standard_normal((n, n * n)), n
