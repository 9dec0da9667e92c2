"""Why are the scores divided before softmax?

A dot product of d_k features grows with sqrt(d_k). Dividing by it keeps the spread
of the scores near 1, whatever d_k is.
"""

import numpy as np

from autograder.exercise import exercise


@exercise(
    hints=(
        "A score is a sum of d_k products. If each has variance 1, what variance has "
        "the sum? And what standard deviation?",
        "Every score is divided by the same number, and that number depends on d_k "
        "alone. `np.sqrt` is the square root.",
    ),
    points=2,
    gallery=(
        "divided_by_d_k",
        "not_scaled",
        "multiplied",
        "divided_by_sqrt_m",
        "divided_by_eight",
        "exponent_without_brackets",
    ),
)
def scale(S, d_k):
    """Divide the scores so that their spread does not grow with d_k.

    S (n, m), d_k -> S_scaled (n, m)
    d_k is the number of features of a query or key.
    """
    return S / np.sqrt(d_k)  # (n, m)


@scale.mistake
def not_scaled(S, d_k):
    """The scores come back as they were. Their spread grows with d_k: divide it
    away.
    """
    return S


@scale.mistake
def divided_by_d_k(S, d_k):
    """Divided by d_k: that is too much. The variance of the scores is d_k, and what
    grows like the scores themselves is its square root.
    """
    return S / d_k


@scale.mistake
def multiplied(S, d_k):
    """Multiplied by sqrt(d_k): the scores spread even more. Divide."""
    return S * np.sqrt(d_k)


@scale.mistake
def multiplied_by_d_k(S, d_k):
    """Multiplied by d_k: the scores spread even more. Divide, and by the square
    root.
    """
    return S * d_k


@scale.mistake
def divided_by_sqrt_n(S, d_k):
    """Divided by the square root of the number of queries. The spread of a score
    comes from the features that were added up: there are d_k of them.
    """
    return S / np.sqrt(S.shape[-2])


@scale.mistake
def divided_by_sqrt_m(S, d_k):
    """Divided by the square root of the number of keys. The spread of a score comes
    from the features that were added up: there are d_k of them.
    """
    return S / np.sqrt(S.shape[-1])


@scale.mistake
def divided_by_root_three(S, d_k):
    """Divided by sqrt(3). That is right for the d_k of the page alone: here it is an
    argument.
    """
    return S / np.sqrt(3)


@scale.mistake
def divided_by_eight(S, d_k):
    """8 is right for d_k = 64 only, as in the paper. d_k is an argument here."""
    return S / 8


@scale.mistake
def half_of_d_k(S, d_k):
    """Divided by d_k / 2. A half in the exponent is a square root: in Python
    `d_k ** 1 / 2` means (d_k ** 1) / 2, so it needs brackets, or `np.sqrt`.
    """
    return S / (d_k / 2)


@scale.mistake
def exponent_without_brackets(S, d_k):
    """`S / d_k ** 1 / 2` divides by d_k and then by 2. Put the exponent in brackets,
    `d_k ** (1 / 2)`, or take `np.sqrt`.
    """
    return S / d_k**1 / 2


@scale.mistake
def divided_by_d_k_squared(S, d_k):
    """Divided by d_k squared. The square root is meant."""
    return S / d_k**2


@scale.mistake
def root_rounded_down(S, d_k):
    """The square root is rounded to a whole number. Keep its decimals: `int`, `//`
    and `math.isqrt` drop them.
    """
    return S / int(np.sqrt(d_k))


@scale.mistake
def floor_divided(S, d_k):
    """The scores are rounded to whole numbers. `//` drops the decimals: `/` keeps
    them.
    """
    return S // np.sqrt(d_k)


@scale.mistake
def root_of_the_scores(S, d_k):
    """The root is taken of the scores, too, and a negative score has none (nan).
    Only d_k goes under the root.
    """
    return np.sqrt(S / d_k)


@scale.mistake
def root_of_the_scores_alone(S, d_k):
    """The root is taken of the scores, and a negative score has none (nan). The
    root belongs to d_k.
    """
    return np.sqrt(S) / d_k


@scale.mistake
def divided_by_their_own_spread(S, d_k):
    """Divided by the spread of these very scores. That also gives spread 1, but a
    query that stands out would no longer be seen to. Divide by what d_k alone says.
    """
    return S / S.std()


@scale.mistake
def divided_by_their_sum(S, d_k):
    """Each row is divided by its sum. Turning rows into weights is the next chapter;
    here every score is divided by the same number.
    """
    return S / S.sum(axis=-1, keepdims=True)


@scale.mistake
def root_subtracted(S, d_k):
    """The root is subtracted. That moves all scores but leaves their spread: divide."""
    return S - np.sqrt(d_k)


@scale.mistake
def by_the_logarithm(S, d_k):
    """Divided by the logarithm of d_k. The spread grows with the square root."""
    return S / np.log(d_k)


@scale.also_right
def with_a_power(S, d_k):
    return S * d_k**-0.5


@scale.also_right
def with_math(S, d_k):
    import math

    return [[s / math.sqrt(d_k) for s in row] for row in S]


@scale.also_right
def with_two_roots(S, d_k):
    return S / d_k**0.25 / d_k**0.25


@scale.also_right
def with_torch(S, d_k):
    import torch

    return torch.as_tensor(S) / d_k**0.5


@scale.also_right
def in_float32(S, d_k):
    return np.float32(S) / np.float32(np.sqrt(d_k))


# No d_k here is a square, 2 or 64: their roots hide what is wrong.
@scale.case
def few_features(rng):
    n, m = rng.permutation([2, 3, 4])[:2]
    return rng.standard_normal((n, m)), int(rng.choice([5, 6, 7]))


@scale.case
def many_features(rng):
    n, m = rng.permutation([2, 3, 5])[:2]
    d_k = int(rng.integers(90, 99))
    return np.sqrt(d_k) * rng.standard_normal((n, m)), d_k
