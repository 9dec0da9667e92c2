"""How do many heads become one linear map?

The small matrices of the heads stand side by side in one big one.
"""

import numpy as np

from autograder.exercise import exercise


@exercise(
    hints=(
        "X @ W_heads[0] has d_k columns, and so has each other head. Which one matrix "
        "gives all these columns in one product?",
        "Columns that stand side by side: the matrices are joined along their last "
        "axis.",
    ),
    points=2,
    gallery=(
        "reshaped_only",
        "below_each_other",
        "columns_interleaved",
        "lying_on_its_side",
        "heads_averaged",
        "reversed_heads",
    ),
)
def stack_projections(W_heads):
    """Lay the matrices of all heads side by side: many small maps become one.

    W_heads (h, d_model, d_k) -> W (d_model, h·d_k)
    """
    return np.concatenate(list(W_heads), axis=1)  # (d_model, h·d_k)


@stack_projections.mistake
def reshaped_only(W_heads):
    """The shape is right, but the numbers are at wrong places: a reshape alone cuts
    head 0 into pieces before it comes to head 1. Bring d_model to the front first,
    or join the heads along their columns.
    """
    return W_heads.reshape(W_heads.shape[1], -1)


@stack_projections.mistake
def below_each_other(W_heads):
    """The matrices stand below each other: (h·d_model, d_k). Side by side is along
    the other axis.
    """
    return np.concatenate(list(W_heads), axis=0)


@stack_projections.mistake
def columns_interleaved(W_heads):
    """The columns are shuffled like two packs of cards: one of head 0, one of head 1,
    and so on. Each head's columns stay together.
    """
    return W_heads.transpose(1, 2, 0).reshape(W_heads.shape[1], -1)


@stack_projections.mistake
def axes_turned_around(W_heads):
    """All axes are turned around before the reshape. Only the first two change
    places; the columns of a head stay last.
    """
    return W_heads.T.reshape(W_heads.shape[1], -1)


@stack_projections.mistake
def not_joined(W_heads):
    """d_model is in front, and the heads have an axis of their own still:
    (d_model, h, d_k). Join the last two axes.
    """
    return W_heads.transpose(1, 0, 2)


@stack_projections.mistake
def lying_on_its_side(W_heads):
    """The numbers are right, but rows and columns have changed places: each row has
    to belong to one feature of the input.
    """
    return np.concatenate(list(W_heads), axis=1).T


@stack_projections.mistake
def heads_added_up(W_heads):
    """The matrices are added up: one head is left of all. Lay them side by side."""
    return W_heads.sum(axis=0)


@stack_projections.mistake
def heads_averaged(W_heads):
    """The matrices are averaged: one head is left of all. Lay them side by side."""
    return W_heads.mean(axis=0)


@stack_projections.mistake
def two_heads_always(W_heads):
    """Only the first two heads are there. There may be more: `len(W_heads)` tells how
    many.
    """
    return np.hstack([W_heads[0], W_heads[1]])


@stack_projections.mistake
def first_head_only(W_heads):
    """Only the matrix of the first head is there. Lay all of them side by side."""
    return W_heads[0]


@stack_projections.mistake
def last_head_only(W_heads):
    """Only the matrix of the last head is left: a loop overwrites its result each
    time round. Collect the matrices, then join them.
    """
    return W_heads[-1]


@stack_projections.mistake
def reversed_heads(W_heads):
    """The heads stand in reverse order: the columns of head 0 come first."""
    return np.concatenate(list(W_heads[::-1]), axis=1)


@stack_projections.also_right
def stacked_with_hstack(W_heads):
    return np.hstack(list(W_heads))


@stack_projections.also_right
def stacked_with_transpose(W_heads):
    return W_heads.transpose(1, 0, 2).reshape(W_heads.shape[1], -1)


@stack_projections.also_right
def stacked_into_zeros(W_heads):
    h, d_model, d_k = W_heads.shape
    W = np.zeros((d_model, h * d_k))
    for i in range(h):
        W[:, i * d_k : (i + 1) * d_k] = W_heads[i]
    return W


@stack_projections.also_right
def stacked_with_loops(W_heads):
    return [[w for W in W_heads for w in W[i]] for i in range(W_heads.shape[1])]


@stack_projections.also_right
def stacked_with_torch(W_heads):
    import torch

    return torch.cat(list(torch.as_tensor(W_heads)), dim=1)
