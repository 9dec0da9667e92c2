"""How does a wish about the output become a wish about every query, key and value?

Backwards through the four steps of a head, with nothing but matrix products and one
rule for softmax.
"""

import numpy as np

from autograder.exercise import different_sizes, exercise
from solutions.scaling import scale
from solutions.scores import scores
from solutions.single_head import attention
from solutions.softmax import softmax

# --- softmax ------------------------------------------------------------------


@exercise(
    ordinary=False,
    hints=(
        "Work on one row. dS_i = sum over j of dA_j · A_j · (1 where i is j, else 0, "
        "minus A_i). Take the two parts of the bracket apart.",
        "The first part is A·dA, number by number. In the second, A_i stands before a "
        "sum over j that is the same for the whole row: sum(A·dA).",
        "`(A * dA).sum(axis=-1, keepdims=True)` has shape (n, 1): one number for each "
        "row, to be taken from dA before A multiplies.",
    ),
    points=3,
    why=(
        "A score moves its own weight up and all others down. Added up over the "
        "row, that is: how much better this key's wish is than the mean of all, "
        "times its weight."
    ),
    gallery=(
        "diagonal_only",
        "others_ignored",
        "sum_over_queries",
        "weight_missing_in_front",
        "backward_of_cross_entropy",
    ),
)
def softmax_backward(A, dA):
    """Turn the gradient of the weights into the gradient of the scores.

    A (n, m), dA (n, m) -> dS (n, m)
    A is what softmax gave: each row is positive and sums to 1.
    """
    return A * (dA - (A * dA).sum(axis=-1, keepdims=True))  # (n, m)


@softmax_backward.mistake
def diagonal_only(A, dA):
    """Only the diagonal of the Jacobian is used, A·(1 - A), as for a sigmoid. When one
    score rises, the weights of all *other* keys fall: their wishes count, too.
    """
    return A * (1 - A) * dA


@softmax_backward.mistake
def others_ignored(A, dA):
    """Only the first part is there, A·dA. The rows sum to 1, so a weight can rise only
    where others fall: subtract each row's mean wish, sum(A·dA).
    """
    return A * dA


@softmax_backward.mistake
def sum_over_queries(A, dA):
    """The sum runs over the queries. Each row was normalised on its own, so the sum
    runs along the row: axis=-1.
    """
    return A * (dA - (A * dA).sum(axis=0, keepdims=True))


@softmax_backward.mistake
def sum_over_everything(A, dA):
    """One sum serves for all rows. Each row was normalised on its own, and has a sum
    of its own.
    """
    return A * (dA - (A * dA).sum())


@softmax_backward.mistake
def sum_without_keepdims(A, dA):
    """The sums have shape (n,), and NumPy lays them along the columns. With
    `keepdims=True` they have shape (n, 1), one for each row.
    """
    return A * (dA - (A * dA).sum(axis=-1))


@softmax_backward.mistake
def sum_without_weights(A, dA):
    """The plain sum of dA is subtracted. It is a weighted one: each dA counts as much
    as its key's weight, sum(A·dA).
    """
    return A * (dA - dA.sum(axis=-1, keepdims=True))


@softmax_backward.mistake
def mean_without_weights(A, dA):
    """The plain mean of dA is subtracted. It is a weighted mean: each dA counts as much
    as its key's weight, sum(A·dA).
    """
    return A * (dA - dA.mean(axis=-1, keepdims=True))


@softmax_backward.mistake
def mean_for_the_sum(A, dA):
    """The mean of A·dA is subtracted, m times too little. The weights sum to 1, so the
    sum of A·dA is a mean already.
    """
    return A * (dA - (A * dA).mean(axis=-1, keepdims=True))


@softmax_backward.mistake
def weight_missing_before_the_sum(A, dA):
    """The row's sum is subtracted as it is. It has the factor A_i in front of it, like
    the first part: A times (dA minus the sum).
    """
    return A * dA - (A * dA).sum(axis=-1, keepdims=True)


@softmax_backward.mistake
def weight_missing_in_front(A, dA):
    """The bracket is right, and the factor A in front of it is missing: a key with
    hardly any weight hardly feels its score.
    """
    return dA - (A * dA).sum(axis=-1, keepdims=True)


@softmax_backward.mistake
def sum_added(A, dA):
    """The row's sum is added. Subtract it: what all others gain, this one loses."""
    return A * (dA + (A * dA).sum(axis=-1, keepdims=True))


@softmax_backward.mistake
def sign_turned(A, dA):
    """Everything has the wrong sign. If a weight should rise, its own score should."""
    return A * ((A * dA).sum(axis=-1, keepdims=True) - dA)


@softmax_backward.mistake
def backward_of_log_softmax(A, dA):
    """This is the gradient of the *logarithm* of softmax: dA minus A times the sum of
    dA. Here A itself was used.
    """
    return dA - A * dA.sum(axis=-1, keepdims=True)


@softmax_backward.mistake
def backward_of_cross_entropy(A, dA):
    """A minus something: that is softmax together with the cross-entropy loss, where a
    target is known. Here dA is the gradient that arrives, not a target.
    """
    return A - dA


@softmax_backward.mistake
def forward_again(A, dA):
    """This is softmax again, forwards. Asked is how the scores should change."""
    return softmax(dA)


@softmax_backward.mistake
def gradient_returned_as_it_came(A, dA):
    """dA comes back as it is, as if no softmax lay between weights and scores."""
    return 1.0 * dA


@softmax_backward.also_right
def with_the_whole_jacobian(A, dA):
    rows = [(np.diag(a) - np.outer(a, a)) @ g for a, g in zip(A, dA, strict=True)]
    return np.array(rows)


@softmax_backward.also_right
def in_two_parts(A, dA):
    return A * dA - A * np.einsum("nm,nm->n", A, dA)[:, None]


@softmax_backward.also_right
def number_by_number(A, dA):
    dS = np.zeros(A.shape)
    for i, (a, g) in enumerate(zip(A, dA, strict=True)):
        for j in range(len(a)):
            for k in range(len(a)):
                dS[i, j] += g[k] * a[k] * ((j == k) - a[j])
    return dS


@softmax_backward.also_right
def with_autograd(A, dA):
    import torch

    S = torch.log(torch.as_tensor(A)).requires_grad_()
    torch.softmax(S, dim=-1).backward(torch.as_tensor(dA))
    return S.grad


@softmax_backward.must
def rows_sum_to_zero(dS, A, dA):
    """Each row of dS must sum to 0: a score that all of a row share changes nothing."""
    return np.allclose(np.sum(dS, axis=-1), 0, atol=1e-6)


@softmax_backward.case
def ordinary_weights(rng):
    n, m = different_sizes(rng, 2, low=3)
    return softmax(rng.standard_normal((n, m))), rng.standard_normal((n, m))


@softmax_backward.case
def as_many_queries_as_keys(rng):
    n = int(rng.integers(3, 6))
    return softmax(rng.standard_normal((n, n))), rng.standard_normal((n, n))


@softmax_backward.case
def nearly_saturated_weights(rng):
    n, m = different_sizes(rng, 2, low=3)
    return softmax(4 * rng.standard_normal((n, m))), rng.standard_normal((n, m))


# --- the whole head -----------------------------------------------------------


@exercise(
    ordinary=False,
    hints=(
        "Go backwards, one step at a time: O = A V first. In a product, the gradient "
        "of one factor is the arriving gradient times the *other* one, transposed, on "
        "the side where it fits.",
        "dV = Aᵀ dO and dA = dO Vᵀ. Then your `softmax_backward`, then the scaling: "
        "what was divided on the way there is divided on the way back.",
        "S = Q Kᵀ: so dQ = dS K, and dK = dSᵀ Q. Check the shapes: dK is (m, d_k).",
    ),
    points=5,
    flagged=("backward", "grad", "vjp"),
    why=(
        "Each step is passed backwards in turn: a product hands its gradient to "
        "each factor, times the other one; what was divided on the way there is "
        "divided on the way back."
    ),
    gallery=(
        "scale_forgotten_on_the_way_back",
        "gradient_returned_as_it_came",
        "dK_from_dS_on_its_side",
        "dV_from_weights_on_their_side",
        "own_factor_instead_of_the_other",
    ),
)
def attention_backward(Q, K, V, dO):
    """Turn the gradient of the output into those of queries, keys and values.

    Q (n, d_k), K (m, d_k), V (m, d_v), dO (n, d_v) ->
    dQ (n, d_k), dK (m, d_k), dV (m, d_v)
    """
    _, A = attention(Q, K, V)  # (n, m)
    dA = dO @ V.T  # (n, m)
    dS = softmax_backward(A, dA) / np.sqrt(Q.shape[-1])  # (n, m)
    return dS @ K, dS.T @ Q, A.T @ dO


def _backward(
    Q,
    K,
    V,
    dO,
    there=None,
    back=None,
    weights=softmax,
):
    """(A, dS, dV), with the scaling there or back, or the weights, exchanged."""
    root = np.sqrt(Q.shape[-1])
    A = weights((1 / root if there is None else there) * (Q @ K.T))
    dS = softmax_backward(A, dO @ V.T) * (1 / root if back is None else back)
    return A, dS, A.T @ dO


def _all_three(Q, K, V, dO, **exchanged):
    _, dS, dV = _backward(Q, K, V, dO, **exchanged)
    return dS @ K, dS.T @ Q, dV


attention_backward.inherits(softmax_backward)


@attention_backward.mistake
def scale_forgotten_on_the_way_back(Q, K, V, dO):
    """dV is right; dQ and dK are sqrt(d_k) times too large. What was divided on the way
    there is divided on the way back, too.
    """
    _, A = attention(Q, K, V)
    dA = dO @ V.T
    dS = softmax_backward(A, dA)
    return dS @ K, dS.T @ Q, A.T @ dO


@attention_backward.mistake
def scale_turned_on_the_way_back(Q, K, V, dO):
    """On the way back the gradient is multiplied by sqrt(d_k). The factor of a step is
    also the factor of its gradient: divide.
    """
    return _all_three(Q, K, V, dO, back=np.sqrt(Q.shape[-1]))


@attention_backward.mistake
def scale_twice_on_the_way_back(Q, K, V, dO):
    """dQ and dK are divided by d_k. The scores were divided by its square root, so the
    gradient is, and only once.
    """
    return _all_three(Q, K, V, dO, back=1 / Q.shape[-1])


@attention_backward.mistake
def scale_in_queries_alone(Q, K, V, dO):
    """dQ is right; dK lacks the scaling. It lies between both of them and the scores:
    divide dS, before the two are made from it.
    """
    dQ, dK, dV = attention_backward(Q, K, V, dO)
    return dQ, np.sqrt(Q.shape[-1]) * dK, dV


@attention_backward.mistake
def never_scaled(Q, K, V, dO):
    """The scores are not scaled, neither there nor back. So the weights are others, and
    so is everything that is made from them.
    """
    return _all_three(Q, K, V, dO, there=1, back=1)


@attention_backward.mistake
def scaled_on_the_way_back_alone(Q, K, V, dO):
    """The weights are made from scores that were not scaled. Both ways are: divide by
    sqrt(d_k) there, and back.
    """
    return _all_three(Q, K, V, dO, there=1)


@attention_backward.mistake
def softmax_along_the_queries(Q, K, V, dO):
    """The weights were made along the queries. Rows sum to 1, not columns: use your
    `attention`.
    """
    return _all_three(Q, K, V, dO, weights=lambda S: softmax(S.T).T)


@attention_backward.mistake
def dK_from_dS_on_its_side(Q, K, V, dO):
    """In dK the scores' gradient is not transposed. K has a row for each key, so dK
    adds up over the queries: `dS.T @ Q`.
    """
    _, A = attention(Q, K, V)
    dA = dO @ V.T
    dS = softmax_backward(A, dA) / np.sqrt(Q.shape[-1])
    return dS @ K, dS @ Q, A.T @ dO


@attention_backward.mistake
def dQ_from_dS_on_its_side(Q, K, V, dO):
    """In dQ the scores' gradient is transposed. Row i of dS belongs to query i, and
    adds up the keys: `dS @ K`.
    """
    _, dS, dV = _backward(Q, K, V, dO)
    return dS.T @ K, dS.T @ Q, dV


@attention_backward.mistake
def dV_from_weights_on_their_side(Q, K, V, dO):
    """In dV the weights are not transposed. A value is handed to many queries, so its
    gradient adds up over them: `A.T @ dO`.
    """
    _, A = attention(Q, K, V)
    dA = dO @ V.T
    dS = softmax_backward(A, dA) / np.sqrt(Q.shape[-1])
    return dS @ K, dS.T @ Q, A @ dO


@attention_backward.mistake
def dV_from_scores(Q, K, V, dO):
    """dV is made with the scores. What mixed the values were the weights, after
    softmax: `A.T @ dO`.
    """
    dQ, dK, _ = attention_backward(Q, K, V, dO)
    return dQ, dK, scale(scores(Q, K), Q.shape[-1]).T @ dO


@attention_backward.mistake
def own_factor_instead_of_the_other(Q, K, V, dO):
    """dQ is made from Q, and dK from K. In a product, each factor's gradient holds the
    *other* factor: dQ = dS K, dK = dSᵀ Q.
    """
    _, A = attention(Q, K, V)
    dA = dO @ V.T
    dS = softmax_backward(A, dA) / np.sqrt(Q.shape[-1])
    return dS @ Q, dS.T @ K, A.T @ dO


@attention_backward.mistake
def queries_and_keys_exchanged(Q, K, V, dO):
    """dQ and dK have changed places in what is returned."""
    dQ, dK, dV = attention_backward(Q, K, V, dO)
    return dK, dQ, dV


@attention_backward.mistake
def backwards_in_order_too(Q, K, V, dO):
    """The values' gradient comes first. Return dQ, dK, dV, in this order, whichever was
    found first.
    """
    return attention_backward(Q, K, V, dO)[::-1]


@attention_backward.mistake
def arriving_gradient_of_one(Q, K, V, dO):
    """dO is not used, as if every output should rise alike. What arrives is dO."""
    return attention_backward(Q, K, V, np.ones_like(dO))


@attention_backward.mistake
def mean_over_the_queries(Q, K, V, dO):
    """Everything is divided by the number of queries. No mean was taken on the way
    there.
    """
    return tuple(d / len(Q) for d in attention_backward(Q, K, V, dO))


@attention_backward.also_right
def query_by_query(Q, K, V, dO):
    root = np.sqrt(Q.shape[-1])
    dQ, dK, dV = (np.zeros(M.shape) for M in (Q, K, V))
    for i, (q, g) in enumerate(zip(Q, dO, strict=True)):
        a = softmax((K @ q / root)[None])[0]
        ds = a * (V @ g - a @ (V @ g)) / root
        dQ[i] = ds @ K
        dK += np.outer(ds, q)
        dV += np.outer(a, g)
    return dQ, dK, dV


@attention_backward.also_right
def through_the_output(Q, K, V, dO):
    # The row's sum of A * dA is that of O * dO: flash attention uses this.
    O, A = attention(Q, K, V)
    D = (O * dO).sum(axis=-1, keepdims=True)
    dS = A * (dO @ V.T - D) / Q.shape[-1] ** 0.5
    return dS @ K, dS.T @ Q, A.T @ dO


@attention_backward.also_right
def with_einsum(Q, K, V, dO):
    A = attention(Q, K, V)[1]
    dA = np.einsum("nv,mv->nm", dO, V)
    dS = softmax_backward(A, dA) / np.sqrt(Q.shape[1])
    dQ = np.einsum("nm,mk->nk", dS, K)
    dK = np.einsum("nm,nk->mk", dS, Q)
    return dQ, dK, np.einsum("nm,nv->mv", A, dO)


@attention_backward.also_right
def with_torch(Q, K, V, dO):
    import torch

    Q, K, V = (torch.tensor(M, requires_grad=True) for M in (Q, K, V))
    A = torch.softmax(Q @ K.T / Q.shape[-1] ** 0.5, dim=-1)
    (A @ V).backward(torch.as_tensor(dO))
    return Q.grad, K.grad, V.grad


@attention_backward.case
def ordinary_sizes(rng):
    n, m, d_k, d_v = different_sizes(rng, 4)
    return (
        rng.standard_normal((n, d_k)),
        rng.standard_normal((m, d_k)),
        rng.standard_normal((m, d_v)),
        rng.standard_normal((n, d_v)),
    )


@attention_backward.case
def all_sizes_equal(rng):
    n = int(rng.integers(3, 6))
    return tuple(rng.standard_normal((n, n)) for _ in range(4))


@attention_backward.case
def large_scores(rng):
    n, m, d_k, d_v = different_sizes(rng, 4)
    return (
        2 * rng.standard_normal((n, d_k)),
        2 * rng.standard_normal((m, d_k)),
        rng.standard_normal((m, d_v)),
        rng.standard_normal((n, d_v)),
    )
