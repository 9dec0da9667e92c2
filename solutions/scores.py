"""How well does each query match each key?

Every query meets every key, and each meeting gives one number: their dot product.
"""

import numpy as np

from autograder.exercise import different_sizes, exercise


@exercise(
    hints=(
        "Take one query, q, and one key, k. Multiply them feature by feature and add "
        "up. Which axis of Q and K disappears?",
        "A matrix product `A @ B` is a table of dot products: each row of A with each "
        "column of B. The queries are rows already. The keys have to become columns.",
    ),
    points=2,
    gallery=(
        "forgot_to_transpose",
        "keys_ask_queries",
        "elementwise",
        "only_matching_pairs",
        "divided_by_sqrt_d_k",
        "queries_meet_queries",
    ),
)
def scores(Q, K):
    """Dot product of every query with every key.

    Q (n, d_k), K (m, d_k) -> S (n, m)
    """
    return Q @ K.T  # (n, m)


@scores.mistake
def forgot_to_transpose(Q, K):
    """A matrix product meets rows with columns. The keys are the rows of K, so K
    has to be transposed first. `Q @ K` runs only if m happens to equal d_k.
    """
    return Q @ K


@scores.mistake
def keys_ask_queries(Q, K):
    """Rows and columns have changed places: row j holds what key j gives to every
    query. Each query owns a row of S.
    """
    return K @ Q.T


@scores.mistake
def features_instead_of_tokens(Q, K):
    """Q.T @ K compares features with features: its shape is (d_k, d_k). Here tokens
    meet tokens, so the axis that is summed over has to be d_k.
    """
    return Q.T @ K


@scores.mistake
def elementwise(Q, K):
    """Q * K pairs query i with key i alone, and adds nothing up. Every query has to
    meet every key, and each meeting is a sum of d_k products.
    """
    return Q * K


@scores.mistake
def only_matching_pairs(Q, K):
    """Summing Q * K gives the meetings of query i with key i: the diagonal of S.
    The meetings of query i with all other keys are missing.
    """
    return (Q * K).sum(axis=-1)


@scores.mistake
def divided_by_sqrt_d_k(Q, K):
    """These are scores that have been scaled already. That is the next chapter;
    here the plain dot products are asked for.
    """
    return Q @ K.T / np.sqrt(K.shape[-1])


@scores.mistake
def divided_by_d_k(Q, K):
    """A dot product is a sum, not a mean: there is no division by d_k. (The next
    chapter divides, by something else.)
    """
    return Q @ K.T / K.shape[-1]


@scores.mistake
def queries_meet_queries(Q, K):
    """Q @ Q.T compares the queries with each other. K is not used at all."""
    return Q @ Q.T


@scores.mistake
def keys_meet_keys(Q, K):
    """K @ K.T compares the keys with each other. Q is not used at all."""
    return K @ K.T


@scores.mistake
def cosine(Q, K):
    """This is the cosine: each vector is divided by its length. The dot product
    keeps the lengths, and so a long query or key counts for more.
    """
    lengths = np.linalg.norm(Q, axis=-1)[:, None] * np.linalg.norm(K, axis=-1)
    return Q @ K.T / lengths


@scores.mistake
def distances(Q, K):
    """These are distances, which are small where vectors are alike. A score is
    large where a query and a key point the same way.
    """
    return np.linalg.norm(Q[:, None] - K, axis=-1)


@scores.mistake
def last_feature_only(Q, K):
    """Only the last feature is left: a loop over features overwrites the sum each
    time round. Add each product to what is there.
    """
    return Q[:, -1:] * K[:, -1]


@scores.mistake
def softmaxed(Q, K):
    """These are weights already: each row sums to 1. The softmax comes two chapters
    later; here the plain dot products are asked for.
    """
    E = np.exp(Q @ K.T)
    return E / E.sum(axis=-1, keepdims=True)


@scores.also_right
def with_einsum(Q, K):
    return np.einsum("nd,md->nm", Q, K)


@scores.also_right
def with_loops(Q, K):
    return [[sum(q * k for q, k in zip(a, b, strict=True)) for b in K] for a in Q]


@scores.also_right
def with_dot(Q, K):
    return np.dot(Q, np.transpose(K))


@scores.also_right
def transposed_twice(Q, K):
    return (K @ Q.T).T


@scores.also_right
def with_inner(Q, K):
    return np.inner(Q, K)


@scores.also_right
def with_broadcasting(Q, K):
    return (Q[:, None, :] * K[None, :, :]).sum(axis=-1)


@scores.case
def one_query(rng):
    m, d_k = different_sizes(rng, 2)
    return rng.standard_normal((1, d_k)), rng.standard_normal((m, d_k))
