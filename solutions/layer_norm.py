"""How does every token come to the same scale?

Layer normalisation takes the mean of a token's features away, and divides by the root
of their variance.
"""

import numpy as np

from autograder.exercise import different_sizes, exercise


@exercise(
    hints=(
        "Take one token, a row of d_model numbers. What is its mean, and how far from "
        "it do the numbers lie?",
        "Mean and variance go along the last axis, and with `keepdims=True` they fit "
        "the rows of X.",
        "Subtract the mean, divide by the root of (variance + eps), multiply by gamma, "
        "add beta.",
    ),
    points=4,
    flagged=("layer_norm", "LayerNorm", "native_layer_norm"),
    gallery=(
        "over_tokens",
        "unbiased_variance",
        "eps_outside_the_root",
        "gamma_missing",
        "not_centred",
        "without_keepdims",
    ),
)
def layer_norm(X, gamma, beta, eps=1e-5):
    """Give each token mean 0 and variance 1, then stretch and shift its features.

    X (n, d_model), gamma (d_model,), beta (d_model,), eps -> X_norm (n, d_model)
    The variance divides by d_model; eps is added to it, under the root.
    """
    mean = X.mean(axis=-1, keepdims=True)  # (n, 1)
    variance = X.var(axis=-1, keepdims=True)  # (n, 1)
    return gamma * (X - mean) / np.sqrt(variance + eps) + beta


def _normalised(X, eps, axis=-1, ddof=0):
    mean = X.mean(axis=axis, keepdims=True)
    return (X - mean) / np.sqrt(X.var(axis=axis, ddof=ddof, keepdims=True) + eps)


@layer_norm.mistake
def over_tokens(X, gamma, beta, eps=1e-5):
    """Each feature is normalised over the tokens. Layer normalisation works on each
    token alone: its features are the last axis.
    """
    return gamma * _normalised(X, eps, axis=0) + beta


@layer_norm.mistake
def over_tokens_unbiased(X, gamma, beta, eps=1e-5):
    """Each feature is normalised over the tokens, axis 0. Each token has its own mean
    and variance: axis=-1. And the variance divides by d_model: ddof=0.
    """
    return gamma * _normalised(X, eps, axis=0, ddof=1) + beta


def _eps_outside(X, eps, axis, ddof):
    centred = X - X.mean(axis=axis, keepdims=True)
    return centred / (X.std(axis=axis, ddof=ddof, keepdims=True) + eps)


@layer_norm.mistake
def over_tokens_and_eps_outside(X, gamma, beta, eps=1e-5):
    """Each feature is normalised over the tokens, axis 0. Each token has its own mean
    and variance: axis=-1. And eps belongs under the root, beside the variance.
    """
    return gamma * _eps_outside(X, eps, axis=0, ddof=0) + beta


@layer_norm.mistake
def over_tokens_unbiased_and_eps_outside(X, gamma, beta, eps=1e-5):
    """Each feature is normalised over the tokens, axis 0. Each token has its own mean
    and variance: axis=-1. And the variance divides by d_model (ddof=0), with eps
    beside it, under the root.
    """
    return gamma * _eps_outside(X, eps, axis=0, ddof=1) + beta


@layer_norm.mistake
def over_everything_unbiased(X, gamma, beta, eps=1e-5):
    """One mean and one variance for the whole matrix. Each token has its own: axis=-1.
    And the variance divides by the number of features: ddof=0.
    """
    return gamma * _normalised(X, eps, axis=None, ddof=1) + beta


@layer_norm.mistake
def divided_by_the_mean(X, gamma, beta, eps=1e-5):
    """Divided by the mean: was a line copied, and `mean` left in it? Divide by the root
    of the variance plus eps.
    """
    mean = X.mean(axis=-1, keepdims=True)
    return gamma * (X - mean) / (mean + eps) + beta


@layer_norm.mistake
def divided_by_the_root_of_the_mean(X, gamma, beta, eps=1e-5):
    """Under the root stands the mean: was a line copied, and `mean` left in it? The
    variance belongs there.
    """
    mean = X.mean(axis=-1, keepdims=True)
    return gamma * (X - mean) / np.sqrt(mean + eps) + beta


@layer_norm.mistake
def one_gamma_for_all_features(X, gamma, beta, eps=1e-5):
    """One number of gamma and one of beta serve all features. Each feature has its own:
    multiply by gamma, not by gamma[0].
    """
    return gamma[0] * _normalised(X, eps) + beta[0]


@layer_norm.mistake
def over_tokens_and_features(X, gamma, beta, eps=1e-5):
    """One mean and one variance for the whole matrix. Each token has its own: take
    them along the last axis.
    """
    return gamma * _normalised(X, eps, axis=None) + beta


@layer_norm.mistake
def unbiased_variance(X, gamma, beta, eps=1e-5):
    """The variance is divided by d_model - 1. Layer normalisation divides by d_model:
    `ddof=0`, and in PyTorch `correction=0`.
    """
    return gamma * _normalised(X, eps, ddof=1) + beta


@layer_norm.mistake
def eps_outside_the_root(X, gamma, beta, eps=1e-5):
    """eps is added to the standard deviation, after the root. It belongs under the
    root, beside the variance.
    """
    centred = X - X.mean(axis=-1, keepdims=True)
    return gamma * centred / (X.std(axis=-1, keepdims=True) + eps) + beta


@layer_norm.mistake
def eps_after_the_division(X, gamma, beta, eps=1e-5):
    """eps is added to the quotient: a bracket is missing. It belongs under the root,
    beside the variance.
    """
    centred = X - X.mean(axis=-1, keepdims=True)
    return gamma * (centred / np.sqrt(X.var(axis=-1, keepdims=True)) + eps) + beta


@layer_norm.mistake
def unbiased_and_eps_outside(X, gamma, beta, eps=1e-5):
    """Two things at once: the variance is divided by d_model - 1 (`ddof=1`, PyTorch's
    default in `.std()`), and eps is added after the root. Divide by d_model, and add
    eps under the root.
    """
    centred = X - X.mean(axis=-1, keepdims=True)
    return gamma * centred / (X.std(axis=-1, ddof=1, keepdims=True) + eps) + beta


@layer_norm.mistake
def eps_missing(X, gamma, beta, eps=1e-5):
    """eps is not used. A token whose features are all equal has variance 0, and 0 / 0
    is nan.
    """
    return gamma * _normalised(X, 0) + beta


@layer_norm.mistake
def eps_fixed(X, gamma, beta, eps=1e-5):
    """eps is 1e-5 whatever the caller asks for. It is an argument: use it."""
    return gamma * _normalised(X, 1e-5) + beta


@layer_norm.mistake
def eps_squared(X, gamma, beta, eps=1e-5):
    """eps is squared under the root. Add it as it is, to the variance."""
    return gamma * _normalised(X, eps**2) + beta


@layer_norm.mistake
def gamma_missing(X, gamma, beta, eps=1e-5):
    """gamma is not used: the features are normalised, but not stretched."""
    return _normalised(X, eps) + beta


@layer_norm.mistake
def beta_missing(X, gamma, beta, eps=1e-5):
    """beta is not used: the features are stretched, but not shifted."""
    return gamma * _normalised(X, eps)


@layer_norm.mistake
def gamma_and_beta_missing(X, gamma, beta, eps=1e-5):
    """gamma and beta are not used. They let a layer choose its own scale: multiply
    by gamma, then add beta.
    """
    return _normalised(X, eps)


@layer_norm.mistake
def gamma_and_beta_exchanged(X, gamma, beta, eps=1e-5):
    """gamma and beta have changed places: gamma multiplies, beta is added."""
    return beta * _normalised(X, eps) + gamma


@layer_norm.mistake
def gamma_stretches_beta(X, gamma, beta, eps=1e-5):
    """beta is stretched by gamma, too. First multiply by gamma, then add beta."""
    return gamma * (_normalised(X, eps) + beta)


@layer_norm.mistake
def gamma_along_tokens(X, gamma, beta, eps=1e-5):
    """gamma and beta are laid along the tokens. They belong to the features: each
    token gets the same ones.
    """
    return gamma[:, None] * _normalised(X, eps) + beta[:, None]


@layer_norm.mistake
def divided_by_the_variance(X, gamma, beta, eps=1e-5):
    """Divided by the variance. To get variance 1, divide by its square root."""
    centred = X - X.mean(axis=-1, keepdims=True)
    return gamma * centred / (X.var(axis=-1, keepdims=True) + eps) + beta


@layer_norm.mistake
def root_of_the_standard_deviation(X, gamma, beta, eps=1e-5):
    """The root was taken twice: `.std()` is already the root of the variance. Take
    the root of `.var()` plus eps.
    """
    centred = X - X.mean(axis=-1, keepdims=True)
    return gamma * centred / np.sqrt(X.std(axis=-1, keepdims=True) + eps) + beta


@layer_norm.mistake
def beta_multiplied(X, gamma, beta, eps=1e-5):
    """beta is multiplied, too. gamma multiplies, beta is added."""
    return gamma * beta * _normalised(X, eps)


@layer_norm.mistake
def not_centred(X, gamma, beta, eps=1e-5):
    """The mean is not subtracted."""
    return gamma * X / np.sqrt(X.var(axis=-1, keepdims=True) + eps) + beta


@layer_norm.mistake
def centred_only(X, gamma, beta, eps=1e-5):
    """The mean is gone, but the variance is what it was: divide by its root."""
    return gamma * (X - X.mean(axis=-1, keepdims=True)) + beta


@layer_norm.mistake
def root_mean_square(X, gamma, beta, eps=1e-5):
    """Divided by the root mean square, without subtracting the mean. That is RMSNorm,
    a younger relative; layer normalisation subtracts the mean first.
    """
    square = (X**2).mean(axis=-1, keepdims=True)
    return gamma * X / np.sqrt(square + eps) + beta


@layer_norm.mistake
def variance_of_the_uncentred(X, gamma, beta, eps=1e-5):
    """The mean of the squares stands in place of the variance. Subtract the mean
    before you square.
    """
    square = (X**2).mean(axis=-1, keepdims=True)
    return gamma * (X - X.mean(axis=-1, keepdims=True)) / np.sqrt(square + eps) + beta


@layer_norm.mistake
def sum_of_squares(X, gamma, beta, eps=1e-5):
    """The squares are added up but not averaged: each token gets length 1, not
    variance 1. Divide the sum by d_model.
    """
    centred = X - X.mean(axis=-1, keepdims=True)
    total = (centred**2).sum(axis=-1, keepdims=True)
    return gamma * centred / np.sqrt(total + eps) + beta


@layer_norm.mistake
def without_keepdims(X, gamma, beta, eps=1e-5):
    """Mean and variance have shape (n,), and NumPy lays them along the features. With
    `keepdims=True` they have shape (n, 1), one for each token.
    """
    centred = X - X.mean(axis=-1)
    return gamma * centred / np.sqrt(X.var(axis=-1) + eps) + beta


@layer_norm.mistake
def mean_without_keepdims(X, gamma, beta, eps=1e-5):
    """The mean has shape (n,), and NumPy lays it along the features. With
    `keepdims=True` it has shape (n, 1), one for each token.
    """
    root = np.sqrt(X.var(axis=-1, keepdims=True) + eps)
    return gamma * (X - X.mean(axis=-1)) / root + beta


@layer_norm.mistake
def one_mean_for_all(X, gamma, beta, eps=1e-5):
    """One mean for the whole matrix is subtracted. Each token has its own: take it
    along the last axis.
    """
    root = np.sqrt(X.var(axis=-1, keepdims=True) + eps)
    return gamma * (X - X.mean()) / root + beta


@layer_norm.mistake
def one_variance_for_all(X, gamma, beta, eps=1e-5):
    """One variance for the whole matrix is used. Each token has its own: take it
    along the last axis.
    """
    centred = X - X.mean(axis=-1, keepdims=True)
    return gamma * centred / np.sqrt(X.var() + eps) + beta


@layer_norm.mistake
def eps_subtracted(X, gamma, beta, eps=1e-5):
    """eps is subtracted from the variance, and a root of a negative number is nan.
    Add it.
    """
    centred = X - X.mean(axis=-1, keepdims=True)
    return gamma * centred / np.sqrt(X.var(axis=-1, keepdims=True) - eps) + beta


@layer_norm.mistake
def divided_by_gamma(X, gamma, beta, eps=1e-5):
    """The normalised features are divided by gamma. Multiply."""
    return _normalised(X, eps) / gamma + beta


@layer_norm.mistake
def variance_without_keepdims(X, gamma, beta, eps=1e-5):
    """The variance has shape (n,), and NumPy lays it along the features. With
    `keepdims=True` it has shape (n, 1), one for each token.
    """
    centred = X - X.mean(axis=-1, keepdims=True)
    return gamma * centred / np.sqrt(X.var(axis=-1) + eps) + beta


@layer_norm.mistake
def smallest_to_largest(X, gamma, beta, eps=1e-5):
    """Each token is stretched to lie between 0 and 1. Layer normalisation uses mean
    and variance instead of smallest and largest.
    """
    low, high = X.min(axis=-1, keepdims=True), X.max(axis=-1, keepdims=True)
    return gamma * (X - low) / (high - low + eps) + beta


@layer_norm.also_right
def norm_in_one_pass(X, gamma, beta, eps=1e-5):
    mean = X.mean(axis=1)[:, None]
    variance = (X**2).mean(axis=1)[:, None] - mean**2
    return gamma * (X - mean) * (variance + eps) ** -0.5 + beta


@layer_norm.also_right
def norm_by_hand(X, gamma, beta, eps=1e-5):
    centred = X - np.sum(X, axis=-1, keepdims=True) / X.shape[-1]
    variance = np.sum(centred**2, axis=-1, keepdims=True) / X.shape[-1]
    return centred / np.sqrt(variance + eps) * gamma + beta


@layer_norm.also_right
def norm_on_its_side(X, gamma, beta, eps=1e-5):
    Z = (X.T - X.mean(axis=1)) / np.sqrt(X.var(axis=1) + eps)
    return Z.T * gamma + beta


@layer_norm.also_right
def norm_with_loops(X, gamma, beta, eps=1e-5):
    rows = []
    for x in X:
        mean = sum(x) / len(x)
        root = (sum((v - mean) ** 2 for v in x) / len(x) + eps) ** 0.5
        rows.append(
            [g * (v - mean) / root + b for v, g, b in zip(x, gamma, beta, strict=True)]
        )
    return rows


@layer_norm.also_right
def norm_with_torch(X, gamma, beta, eps=1e-5):
    import torch

    X, gamma, beta = map(torch.as_tensor, (X, gamma, beta))
    return torch.nn.functional.layer_norm(X, X.shape[-1:], gamma, beta, eps)


@layer_norm.also_right
def norm_in_float32(X, gamma, beta, eps=1e-5):
    return layer_norm(X.astype(np.float32), np.float32(gamma), np.float32(beta), eps)


# eps is large here, so that where it goes can be seen.
@layer_norm.case
def large_eps(rng):
    n, d_model = different_sizes(rng, 2, low=3)
    X = 1 + rng.standard_normal((n, d_model))
    return X, *rng.standard_normal((2, d_model)), 0.1


@layer_norm.case
def as_many_tokens_as_features(rng):
    # A square X lets the wrong axis run.
    n = int(rng.integers(3, 6))
    return 1 + rng.standard_normal((n, n)), *rng.standard_normal((2, n)), 0.1


@layer_norm.case
def default_eps(rng):
    # Small features: the eps that nobody passes decides.
    n, d_model = different_sizes(rng, 2, low=3)
    return 0.01 * rng.standard_normal((n, d_model)), *rng.standard_normal((2, d_model))


@layer_norm.case
def a_constant_token(rng):
    n, d_model = different_sizes(rng, 2, low=3)
    X = rng.standard_normal((n, d_model))
    X[rng.integers(n)] = 2.0
    return X, *rng.standard_normal((2, d_model)), 0.1
