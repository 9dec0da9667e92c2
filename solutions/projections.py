"""What does a token ask, what does it offer, and what does it hand over?

Three linear maps of the same row give three new rows: a query, a key and a value.
"""

import numpy as np

from autograder.exercise import different_sizes, exercise


@exercise(
    hints=(
        "Write the shapes beside each other: (n, d_in) and (d_in, d_out). In a matrix "
        "product the two inner sizes have to be equal, and they disappear.",
        "b has one number for each feature of the result. NumPy lays a vector along "
        "the last axis by itself.",
    ),
    points=2,
    flagged=("Linear",),
    why="Each row of X meets every column of W: a token at a time, with the same "
    "weights for all of them. b lies along the features, so NumPy adds it to "
    "every row.",
    gallery=(
        "weights_transposed",
        "weights_first",
        "bias_missing",
        "bias_along_tokens",
        "elementwise",
        "one_column_a_token",
    ),
)
def linear(X, W, b):
    """Multiply every row of X by the same matrix, then add the same bias.

    X (n, d_in), W (d_in, d_out), b (d_out,) -> Y (n, d_out)
    """
    return X @ W + b  # (n, d_out)


@linear.mistake
def weights_transposed(X, W, b):
    """W is transposed before it is used. It is (d_in, d_out): its rows already fit
    the columns of X, and only a square W lets the transpose pass.
    """
    return X @ W.T + b


@linear.mistake
def weights_first(X, W, b):
    """The order of the factors matters: `W @ X` mixes the tokens with each other.
    The rows of X have to meet the columns of W.
    """
    return W @ X + b


@linear.mistake
def weights_transposed_first(X, W, b):
    """W.T @ X mixes the rows of X, which are tokens. A linear map works on each
    token alone: its features meet the columns of W.
    """
    return W.T @ X + b


@linear.mistake
def one_column_a_token(X, W, b):
    """The numbers are right, but each token stands in a column. Token i owns row i
    of the result.
    """
    return (X @ W + b).T


@linear.mistake
def elementwise(X, W, b):
    """X * W multiplies entry by entry and adds nothing up. A matrix product is
    meant: each row of X with each column of W.
    """
    return X * W + b


@linear.mistake
def bias_missing(X, W, b):
    """The bias b is missing: the product alone maps a row of zeros to zeros."""
    return X @ W


@linear.mistake
def bias_along_tokens(X, W, b):
    """The bias is laid along the tokens: token i gets b[i] everywhere. It belongs to
    the features: each token gets the same b, feature by feature.
    """
    return X @ W + b[:, None]


@linear.mistake
def bias_subtracted(X, W, b):
    """The bias is subtracted. Add it."""
    return X @ W - b


@linear.mistake
def bias_multiplied(X, W, b):
    """The bias multiplies. It is a shift: add it."""
    return X @ W * b


@linear.mistake
def bias_before_the_product(X, W, b):
    """The bias is added to X and then goes through W with it. It comes after the
    product, and so has d_out numbers.
    """
    return (X + b) @ W


@linear.mistake
def bias_summed(X, W, b):
    """One number is added everywhere: the sum of b. Each feature has its own."""
    return X @ W + b.sum()


@linear.mistake
def bias_for_the_first_token(X, W, b):
    """Only the first token gets the bias. All of them get the same one."""
    Y = X @ W
    Y[0] += b
    return Y


@linear.mistake
def negatives_cut_off(X, W, b):
    """Negative numbers have become 0 (a ReLU). A linear map keeps them."""
    return np.maximum(X @ W + b, 0)


@linear.also_right
def linear_with_einsum(X, W, b):
    return np.einsum("ni,io->no", X, W) + b


@linear.also_right
def linear_with_loops(X, W, b):
    return [
        [
            sum(x * w for x, w in zip(row, W[:, j], strict=True)) + b[j]
            for j in range(len(b))
        ]
        for row in X
    ]


@linear.also_right
def linear_row_by_row(X, W, b):
    return np.array([x @ W + b for x in X])


@linear.also_right
def linear_with_a_one_appended(X, W, b):
    ones = np.ones((len(X), 1))
    return np.hstack([X, ones]) @ np.vstack([W, b])


@linear.also_right
def linear_on_its_side(X, W, b):
    return (W.T @ X.T + b[:, None]).T


@linear.also_right
def linear_with_torch(X, W, b):
    import torch

    return torch.nn.functional.linear(*map(torch.as_tensor, (X, W.T, b)))


@linear.also_right
def linear_in_float32(X, W, b):
    return X.astype(np.float32) @ W.astype(np.float32) + b.astype(np.float32)


@exercise(
    hints=(
        "Three times the same step with other weights. Which function of this chapter "
        "does that step?",
        'The weights are in a dict: `params["W_q"]` is the matrix for the queries, '
        '`params["b_q"]` its bias. Give back Q, K, V in this order.',
    ),
    points=3,
    why="The three maps read the same row, each with weights of its own: what a "
    "token asks for, what it offers, and what it hands on need not be alike.",
    gallery=(
        "no_projection",
        "keys_from_query_weights",
        "values_from_key_weights",
        "queries_and_keys_exchanged",
        "biases_missing",
        "one_after_the_other",
    ),
)
def project_qkv(X, params):
    """Map every token to its query, its key and its value.

    X (n, d_model), params -> Q (n, d_k), K (n, d_k), V (n, d_v)
    params holds W_q (d_model, d_k), b_q (d_k,), W_k, b_k alike,
    W_v (d_model, d_v), b_v (d_v,).
    """
    Q = linear(X, params["W_q"], params["b_q"])  # (n, d_k)
    K = linear(X, params["W_k"], params["b_k"])  # (n, d_k)
    V = linear(X, params["W_v"], params["b_v"])  # (n, d_v)
    return Q, K, V


def _project(X, params, weights="qkv", biases="qkv"):
    """Project with chosen letters; `-` leaves a bias out."""
    return tuple(
        X @ params[f"W_{w}"] + (0 if b == "-" else params[f"b_{b}"])
        for w, b in zip(weights, biases, strict=True)
    )


@project_qkv.mistake
def no_projection(X, params):
    """X comes back three times. A query, a key and a value are different things:
    each has weights of its own in params.
    """
    return X, X, X


@project_qkv.mistake
def keys_from_query_weights(X, params):
    """The keys equal the queries: W_q and b_q are used twice. Keys have W_k and b_k."""
    Q = linear(X, params["W_q"], params["b_q"])
    K = linear(X, params["W_q"], params["b_q"])
    V = linear(X, params["W_v"], params["b_v"])
    return Q, K, V


@project_qkv.mistake
def queries_from_key_weights(X, params):
    """The queries equal the keys: W_k and b_k are used twice. Queries have W_q and
    b_q.
    """
    return _project(X, params, "kkv", "kkv")


@project_qkv.mistake
def values_from_key_weights(X, params):
    """The values equal the keys: W_k and b_k are used twice. Values have W_v and b_v,
    and may have another number of features.
    """
    Q = linear(X, params["W_q"], params["b_q"])
    K = linear(X, params["W_k"], params["b_k"])
    V = linear(X, params["W_k"], params["b_k"])
    return Q, K, V


@project_qkv.mistake
def values_from_query_weights(X, params):
    """The values are made with W_q and b_q. Values have W_v and b_v of their own."""
    return _project(X, params, "qkq", "qkq")


@project_qkv.mistake
def one_projection_for_all(X, params):
    """Queries, keys and values are all made with W_q and b_q. Each has its own
    weights and its own bias.
    """
    return _project(X, params, "qqq", "qqq")


@project_qkv.mistake
def keys_and_values_exchanged(X, params):
    """The keys stand where the values belong. The order is Q, K, V."""
    return _project(X, params, "qvk", "qvk")


@project_qkv.mistake
def queries_and_keys_exchanged(X, params):
    """The keys stand where the queries belong. The order is Q, K, V."""
    Q = linear(X, params["W_k"], params["b_k"])
    K = linear(X, params["W_q"], params["b_q"])
    V = linear(X, params["W_v"], params["b_v"])
    return Q, K, V


@project_qkv.mistake
def values_first(X, params):
    """The values come first. The order is Q, K, V."""
    return _project(X, params, "vqk", "vqk")


@project_qkv.mistake
def biases_missing(X, params):
    """The biases are missing: b_q, b_k and b_v are in params, too."""
    Q = X @ params["W_q"]
    K = X @ params["W_k"]
    V = X @ params["W_v"]
    return Q, K, V


@project_qkv.mistake
def query_bias_missing(X, params):
    """The queries lack their bias, b_q. Keys and values are right."""
    return _project(X, params, biases="-kv")


@project_qkv.mistake
def key_bias_missing(X, params):
    """The keys lack their bias, b_k. Queries and values are right."""
    return _project(X, params, biases="q-v")


@project_qkv.mistake
def value_bias_missing(X, params):
    """The values lack their bias, b_v. Queries and keys are right."""
    return _project(X, params, biases="qk-")


@project_qkv.mistake
def one_bias_for_keys_and_queries(X, params):
    """The keys get the bias of the queries, b_q. Their own is b_k."""
    return _project(X, params, biases="qqv")


@project_qkv.mistake
def biases_exchanged(X, params):
    """The biases b_q and b_k have changed places."""
    return _project(X, params, biases="kqv")


@project_qkv.mistake
def all_weights_transposed(X, params):
    """The weights are used on their side. W_q is (d_model, d_k): it fits X as it is,
    and only square weights let the transpose pass.
    """
    return tuple(X @ params[f"W_{w}"].T + params[f"b_{w}"] for w in "qkv")


@project_qkv.mistake
def one_after_the_other(X, params):
    """The keys are made from the queries, and the values from the keys. All three
    are made from X: they are three views of the same token.
    """
    Q = X @ params["W_q"] + params["b_q"]
    K = Q @ params["W_k"] + params["b_k"]
    return Q, K, K @ params["W_v"] + params["b_v"]


@project_qkv.mistake
def values_not_projected(X, params):
    """X itself stands in the place of the values. What a token hands over is chosen
    by W_v and b_v.
    """
    Q = linear(X, params["W_q"], params["b_q"])
    K = linear(X, params["W_k"], params["b_k"])
    return Q, K, X


@project_qkv.mistake
def one_column_for_each_token(X, params):
    """Each token stands in a column. Token i owns row i of Q, of K and of V."""
    return tuple(Y.T for Y in _project(X, params))


@project_qkv.mistake
def stacked_in_one_matrix(X, params):
    """Q, K and V stand side by side in one matrix. Give them back as three arrays:
    `return Q, K, V`.
    """
    return np.concatenate(_project(X, params), axis=-1)


@project_qkv.also_right
def project_with_one_big_product(X, params):
    W = np.hstack([params["W_q"], params["W_k"], params["W_v"]])
    b = np.hstack([params["b_q"], params["b_k"], params["b_v"]])
    d_k = params["W_q"].shape[1]
    return np.split(X @ W + b, [d_k, 2 * d_k], axis=1)


@project_qkv.also_right
def project_with_einsum(X, params):
    return [
        np.einsum("nd,dk->nk", X, params[f"W_{a}"]) + params[f"b_{a}"] for a in "qkv"
    ]


@project_qkv.also_right
def project_with_torch(X, params):
    import torch

    t = {name: torch.as_tensor(value) for name, value in params.items()}
    return tuple(torch.as_tensor(X) @ t[f"W_{a}"] + t[f"b_{a}"] for a in "qkv")


def _params(rng, d_model, d_k, d_v):
    """Random weights and biases of one head."""
    return {
        "W_q": rng.standard_normal((d_model, d_k)),
        "b_q": rng.standard_normal(d_k),
        "W_k": rng.standard_normal((d_model, d_k)),
        "b_k": rng.standard_normal(d_k),
        "W_v": rng.standard_normal((d_model, d_v)),
        "b_v": rng.standard_normal(d_v),
    }


@project_qkv.case
def different_widths(rng):
    n, d_model, d_k, d_v = different_sizes(rng, 4)
    return rng.standard_normal((n, d_model)), _params(rng, d_model, d_k, d_v)


@project_qkv.case
def every_size_equal(rng):
    n = int(rng.integers(3, 6))
    return rng.standard_normal((n, n)), _params(rng, n, n, n)
