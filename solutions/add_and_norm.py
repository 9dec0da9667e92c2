"""How does a word keep what it was, however often it is rewritten?

The residual connection keeps what a token was, and layer normalisation brings every
token back to the same scale.
"""

import numpy as np

from autograder.exercise import different_sizes, exercise
from solutions.layer_norm import layer_norm, norm_with_torch


@exercise(
    hints=(
        "X went into the attention, Y came out of it. What keeps a token from "
        "forgetting what it was?",
        "Add first, normalise last: your `layer_norm` does the second step, with the "
        "same gamma, beta and eps.",
    ),
    points=2,
    gallery=(
        "no_residual",
        "block_ignored",
        "residual_after_the_norm",
        "pre_norm",
        "averaged",
        "multiplied",
    ),
)
def add_and_norm(X, Y, gamma, beta, eps=1e-5):
    """Add what attention found to what went in, then normalise each token.

    X (n, d_model), Y (n, d_model), gamma (d_model,), beta (d_model,), eps ->
    Z (n, d_model)
    X is the input of the attention, Y its output.
    """
    return layer_norm(X + Y, gamma, beta, eps)  # (n, d_model)


add_and_norm.inherits(layer_norm, but=("eps_fixed", "gamma_and_beta_exchanged"))


@add_and_norm.mistake
def no_residual(X, Y, gamma, beta, eps=1e-5):
    """Only the output Y is normalised. The residual is missing: X + Y."""
    return layer_norm(Y, gamma, beta, eps)


@add_and_norm.mistake
def block_ignored(X, Y, gamma, beta, eps=1e-5):
    """Only the input X is normalised. What was found, Y, is missing: X + Y."""
    return layer_norm(X, gamma, beta, eps)


@add_and_norm.mistake
def input_twice(X, Y, gamma, beta, eps=1e-5):
    """X is added to itself. Add Y, what the attention found, to X."""
    return layer_norm(X + X, gamma, beta, eps)


@add_and_norm.mistake
def subtracted(X, Y, gamma, beta, eps=1e-5):
    """Y is subtracted from X. The residual connection adds."""
    return layer_norm(X - Y, gamma, beta, eps)


@add_and_norm.mistake
def subtracted_from_the_output(X, Y, gamma, beta, eps=1e-5):
    """X is subtracted from Y. The residual connection adds."""
    return layer_norm(Y - X, gamma, beta, eps)


@add_and_norm.mistake
def multiplied(X, Y, gamma, beta, eps=1e-5):
    """X and Y are multiplied. The residual connection adds."""
    return layer_norm(X * Y, gamma, beta, eps)


@add_and_norm.mistake
def averaged(X, Y, gamma, beta, eps=1e-5):
    """The mean of X and Y is normalised. Add them: the norm cares for the scale, and
    eps would count for more.
    """
    return layer_norm((X + Y) / 2, gamma, beta, eps)


@add_and_norm.mistake
def residual_after_the_norm(X, Y, gamma, beta, eps=1e-5):
    """X is added after the norm, and so the sum is not normalised. Post-norm, as
    asked here, adds first: the norm comes last.
    """
    return X + layer_norm(Y, gamma, beta, eps)


@add_and_norm.mistake
def pre_norm(X, Y, gamma, beta, eps=1e-5):
    """X is normalised, and Y is added to it. That resembles pre-norm; here the sum
    is normalised: add first, the norm comes last.
    """
    return layer_norm(X, gamma, beta, eps) + Y


@add_and_norm.mistake
def each_normalised(X, Y, gamma, beta, eps=1e-5):
    """X and Y are normalised one by one and then added. Add first: there is one norm,
    of the sum.
    """
    return layer_norm(X, gamma, beta, eps) + layer_norm(Y, gamma, beta, eps)


@add_and_norm.mistake
def normalised_twice(X, Y, gamma, beta, eps=1e-5):
    """Y is normalised before it is added, and the sum once more. There is one norm,
    of the sum.
    """
    return layer_norm(X + layer_norm(Y, gamma, beta, eps), gamma, beta, eps)


@add_and_norm.mistake
def input_normalised_twice(X, Y, gamma, beta, eps=1e-5):
    """X is normalised before Y is added, and the sum once more. There is one norm, of
    the sum.
    """
    return layer_norm(layer_norm(X, gamma, beta, eps) + Y, gamma, beta, eps)


@add_and_norm.mistake
def residual_twice(X, Y, gamma, beta, eps=1e-5):
    """X is added before the norm and after it. Once, before, is meant."""
    return X + layer_norm(X + Y, gamma, beta, eps)


@add_and_norm.mistake
def output_twice(X, Y, gamma, beta, eps=1e-5):
    """Y counts double. Add it to X once."""
    return layer_norm(X + 2 * Y, gamma, beta, eps)


@add_and_norm.mistake
def not_normalised(X, Y, gamma, beta, eps=1e-5):
    """X and Y are added, but nothing is normalised."""
    return X + Y


@add_and_norm.mistake
def add_eps_forgotten(X, Y, gamma, beta, eps=1e-5):
    """eps is not handed on: your `layer_norm` uses its default, whatever the caller
    asks for.
    """
    return layer_norm(X + Y, gamma, beta)


@add_and_norm.mistake
def gamma_and_beta_swapped(X, Y, gamma, beta, eps=1e-5):
    """gamma and beta have changed places on their way to `layer_norm`."""
    return layer_norm(X + Y, beta, gamma, eps)


@add_and_norm.mistake
def side_by_side(X, Y, gamma, beta, eps=1e-5):
    """X and Y are laid side by side, and each token has twice as many features. Add
    them, feature by feature.
    """
    return layer_norm(np.concatenate([X, Y], axis=-1), 1, 0, eps)


@add_and_norm.also_right
def output_first(X, Y, gamma, beta, eps=1e-5):
    return layer_norm(Y + X, gamma=gamma, beta=beta, eps=eps)


@add_and_norm.also_right
def written_out(X, Y, gamma, beta, eps=1e-5):
    Z = X + Y
    Z = Z - Z.mean(axis=-1, keepdims=True)
    return gamma * Z / np.sqrt((Z**2).mean(axis=-1, keepdims=True) + eps) + beta


@add_and_norm.also_right
def added_with_torch(X, Y, gamma, beta, eps=1e-5):
    import torch

    return norm_with_torch(torch.as_tensor(X) + torch.as_tensor(Y), gamma, beta, eps)


@add_and_norm.case
def input_and_output(rng):
    n, d_model = different_sizes(rng, 2, low=3)
    X, Y = 1 + rng.standard_normal((2, n, d_model))
    return X, Y, *rng.standard_normal((2, d_model)), 0.1


@add_and_norm.case
def every_size_equal(rng):
    n = int(rng.integers(3, 6))
    X, Y = 1 + rng.standard_normal((2, n, n))
    return X, Y, *rng.standard_normal((2, n)), 0.1


@add_and_norm.case
def eps_not_given(rng):
    n, d_model = different_sizes(rng, 2, low=3)
    X, Y = 0.01 * rng.standard_normal((2, n, d_model))
    return X, Y, *rng.standard_normal((2, d_model))
