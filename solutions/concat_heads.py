"""How do the heads become one row again?

What the heads found for a token is laid side by side: head 0 first, then head 1.
"""

import numpy as np

from autograder.exercise import exercise


@exercise(
    hints=(
        "This is `split_heads` run backwards. What was its last step? That one comes "
        "first now.",
        "A reshape joins neighbouring axes. To join heads and features they have to "
        "stand beside each other: (n, h, d_v).",
    ),
    points=3,
    gallery=(
        "reshaped_only",
        "features_interleaved",
        "below_each_other",
        "transposed_to_the_end",
        "added_up",
        "reversed_heads",
    ),
)
def concat_heads(heads):
    """Lay the heads side by side, so that each token has one row again.

    heads (h, n, d_v) -> O (n, h·d_v)
    """
    h, n, d_v = heads.shape
    together = heads.transpose(1, 0, 2)  # (n, h, d_v)
    return together.reshape(n, h * d_v)  # (n, h·d_v)


@concat_heads.mistake
def reshaped_only(heads):
    """The shape is right, but the numbers are at wrong places: a reshape alone keeps
    the reading order, and that goes through head 0 with all its tokens first.
    Bring the tokens to the front before you reshape.
    """
    return heads.reshape(heads.shape[1], -1)


@concat_heads.mistake
def not_joined(heads):
    """The tokens are in front, and each has its heads: (n, h, d_v). Now lay the
    heads of a token side by side.
    """
    return heads.transpose(1, 0, 2)


@concat_heads.mistake
def features_interleaved(heads):
    """The features of the heads are shuffled like two packs of cards: one of head 0,
    one of head 1, and so on. Each head's features stay together.
    """
    return heads.transpose(1, 2, 0).reshape(heads.shape[1], -1)


@concat_heads.mistake
def below_each_other(heads):
    """The heads stand below each other: (h·n, d_v). They belong side by side, along
    the last axis.
    """
    return heads.reshape(-1, heads.shape[-1])


@concat_heads.mistake
def transposed_to_the_end(heads):
    """All axes are turned around before the reshape. Only the first two change
    places; the features stay last.
    """
    return heads.T.reshape(heads.shape[1], -1)


@concat_heads.mistake
def added_up(heads):
    """The heads are added up, and nobody can tell any more what each one found. Lay
    them side by side.
    """
    return heads.sum(axis=0)


@concat_heads.mistake
def averaged(heads):
    """The heads are averaged, and nobody can tell any more what each one found. Lay
    them side by side.
    """
    return heads.mean(axis=0)


@concat_heads.mistake
def two_heads_always(heads):
    """Only the first two heads are there. There may be more: `len(heads)` tells how
    many.
    """
    return np.hstack([heads[0], heads[1]])


@concat_heads.mistake
def first_head_only(heads):
    """Only the first head is there. All heads belong into the row."""
    return heads[0]


@concat_heads.mistake
def last_head_only(heads):
    """Only the last head is left: a loop overwrites its result each time round.
    Collect the heads, then join them.
    """
    return heads[-1]


@concat_heads.mistake
def last_head_repeated(heads):
    """The last head stands in every head's place."""
    return np.concatenate([heads[-1]] * len(heads), axis=-1)


@concat_heads.mistake
def reversed_heads(heads):
    """The heads stand in reverse order: head 0 comes first. As a model that would do
    (it only permutes the rows of W_o); with a W_o that is given it does not.
    """
    return np.concatenate(list(heads[::-1]), axis=-1)


@concat_heads.mistake
def one_column_a_token(heads):
    """The numbers are right, but each token stands in a column. Token i owns row i."""
    return np.concatenate(list(heads), axis=-1).T


@concat_heads.mistake
def one_long_row(heads):
    """The tokens are gone: everything is one long row. Each token keeps a row of its
    own.
    """
    return heads.reshape(-1)


@concat_heads.also_right
def with_concatenate(heads):
    return np.concatenate(list(heads), axis=-1)


@concat_heads.also_right
def with_hstack(heads):
    return np.hstack(list(heads))


@concat_heads.also_right
def with_swapaxes(heads):
    return heads.swapaxes(0, 1).reshape(heads.shape[1], -1)


@concat_heads.also_right
def with_einsum(heads):
    return np.einsum("hnv->nhv", heads).reshape(heads.shape[1], -1)


@concat_heads.also_right
def with_loops(heads):
    return [
        [float(x) for head in heads for x in head[i]] for i in range(heads.shape[1])
    ]


@concat_heads.also_right
def with_torch(heads):
    import torch

    return torch.cat(list(torch.as_tensor(heads)), dim=-1)
