"""What are several heads good for, if each only sees its own features?

The output projection mixes what all heads found. With it the block is complete.
"""

import numpy as np

from autograder.exercise import exercise
from solutions.concat_heads import concat_heads
from solutions.parallel_heads import attend_in_parallel
from solutions.projections import linear, project_qkv
from solutions.split_heads import split_heads


@exercise(
    hints=(
        "Every step is written already: project, split, attend, join. What does each "
        "of your functions take, and what does it give back?",
        "`split_heads` is used three times: for Q, for K and for V, after the whole "
        "matrices have projected them.",
        "The last step is `linear` again, with W_o and b_o, on the joined heads.",
    ),
    points=6,
    flagged=("MultiheadAttention", "multi_head_attention_forward"),
)
def multi_head_attention(X, params, num_heads):
    """Let the tokens attend to each other with several heads, and mix the heads.

    X (n, d_model), params, num_heads -> Y (n, d_model), A (h, n, n)
    params holds W_q, W_k, W_v, W_o (d_model, d_model), b_q, b_k, b_v, b_o (d_model,).
    """
    Q, K, V = project_qkv(X, params)  # each (n, d_model)
    Q, K, V = (split_heads(M, num_heads) for M in (Q, K, V))  # (h, n, d_k)
    heads, A = attend_in_parallel(Q, K, V)  # (h, n, d_k), (h, n, n)
    O = concat_heads(heads)  # (n, d_model)
    return linear(O, params["W_o"], params["b_o"]), A


def _block(
    X,
    params,
    num_heads,
    *,
    weights="qkv",
    project=lambda X, W, b: X @ W + b,
    split=split_heads,
    factor=None,
    axis=-1,
    concat=concat_heads,
):
    """The block up to the output projection, with one step exchanged.

    Returns the joined heads (n, d_model) and A (h, n, n).
    """
    Q, K, V = (
        split(project(X, params[f"W_{w}"], params[f"b_{w}"]), num_heads)
        for w in weights
    )
    S = Q @ K.swapaxes(1, 2) * (factor or 1 / np.sqrt(Q.shape[-1]))
    E = np.exp(S - S.max(axis=axis, keepdims=True))
    A = E / E.sum(axis=axis, keepdims=True)
    return concat(A @ V), A


def _with_output(X, params, num_heads, **exchanged):
    O, A = _block(X, params, num_heads, **exchanged)
    return O @ params["W_o"] + params["b_o"], A


def _reshaped(X, num_heads):
    return X.reshape(num_heads, len(X), -1)


def _joined_by_reshape(heads):
    return heads.reshape(heads.shape[1], -1)


def _dealt(X, num_heads):
    return X.reshape(len(X), -1, num_heads).transpose(2, 0, 1)


def _undealt(heads):
    return heads.transpose(1, 2, 0).reshape(heads.shape[1], -1)


@multi_head_attention.mistake
def no_output_projection(X, params, num_heads):
    """The heads are joined, and that is all: W_o and b_o are not used. Without them
    no head learns what another one found.
    """
    return _block(X, params, num_heads)


@multi_head_attention.mistake
def output_bias_missing(X, params, num_heads):
    """b_o is missing from the output."""
    O, A = _block(X, params, num_heads)
    return O @ params["W_o"], A


@multi_head_attention.mistake
def output_bias_for_each_head(X, params, num_heads):
    """b_o is added once for each head. Add it once, at the end."""
    Y, A = multi_head_attention(X, params, num_heads)
    return Y + (num_heads - 1) * params["b_o"], A


@multi_head_attention.mistake
def output_weights_transposed(X, params, num_heads):
    """W_o is used on its side. It is (d_in, d_out), like the others: `O @ W + b`.
    Since it is square, the transpose passes unseen.
    """
    O, A = _block(X, params, num_heads)
    return O @ params["W_o"].T + params["b_o"], A


@multi_head_attention.mistake
def first_rows_of_W_o_for_each_head(X, params, num_heads):
    """Every head goes through the same rows of W_o, the first d_k. Join the heads
    first: then head i meets its own rows, from i·d_k on.
    """
    O, A = _block(X, params, num_heads, concat=lambda heads: heads.sum(axis=0))
    return O @ params["W_o"][: O.shape[1]] + params["b_o"], A


@multi_head_attention.mistake
def projected_before_attention(X, params, num_heads):
    """W_o is applied to the values, before the heads mix them. The output projection
    comes last, when the heads are joined.
    """
    V = (X @ params["W_v"] + params["b_v"]) @ params["W_o"] + params["b_o"]
    _, A = _block(X, params, num_heads)
    return concat_heads(A @ split_heads(V, num_heads)), A


@multi_head_attention.mistake
def projected_before_joining(X, params, num_heads):
    """W_o meets heads that do not stand side by side: it finds d_k features, and takes
    those of all heads together. So this runs with one head only. Join the heads first.
    """
    heads, A = _block(X, params, num_heads, concat=lambda heads: heads)
    heads = heads @ params["W_o"] + params["b_o"]
    return concat_heads(heads), A


@multi_head_attention.mistake
def split_before_projecting(X, params, num_heads):
    """The words were split before they were projected. W_q reads all d_model features
    of a word. Project first, then split Q, K and V.
    """
    heads = split_heads(X, num_heads)  # (h, n, d_k): too narrow for W_q
    Q, K, V = project_qkv(heads, params)
    O, A = attend_in_parallel(Q, K, V)
    return linear(concat_heads(O), params["W_o"], params["b_o"]), A


@multi_head_attention.mistake
def all_biases_missing(X, params, num_heads):
    """The biases are missing: b_q, b_k, b_v and b_o are in params, too."""
    O, A = _block(X, params, num_heads, project=lambda X, W, b: X @ W)
    return O @ params["W_o"], A


@multi_head_attention.mistake
def input_biases_missing(X, params, num_heads):
    """The projections lack their biases: b_q, b_k and b_v are in params, too."""
    return _with_output(X, params, num_heads, project=lambda X, W, b: X @ W)


@multi_head_attention.mistake
def input_weights_transposed(X, params, num_heads):
    """W_q, W_k and W_v are used on their side. They are (d_in, d_out): `X @ W + b`.
    Since they are square, the transpose passes unseen.
    """
    return _with_output(X, params, num_heads, project=lambda X, W, b: X @ W.T + b)


@multi_head_attention.mistake
def all_weights_transposed(X, params, num_heads):
    """All four weight matrices are used on their side, as PyTorch stores them. Here
    they are (d_in, d_out): `X @ W + b`.
    """
    O, A = _block(X, params, num_heads, project=lambda X, W, b: X @ W.T + b)
    return O @ params["W_o"].T + params["b_o"], A


@multi_head_attention.mistake
def no_projection(X, params, num_heads):
    """X is cut into heads as it is. The three projections come first: they decide
    what each head sees.
    """
    return _with_output(X, params, num_heads, project=lambda X, W, b: X)


@multi_head_attention.mistake
def one_projection_for_all(X, params, num_heads):
    """Queries, keys and values are all made with W_q. Each has its own weights."""
    return _with_output(X, params, num_heads, weights="qqq")


@multi_head_attention.mistake
def keys_from_query_weights(X, params, num_heads):
    """The keys are made with W_q and b_q. They have W_k and b_k of their own."""
    return _with_output(X, params, num_heads, weights="qqv")


@multi_head_attention.mistake
def values_from_key_weights(X, params, num_heads):
    """The values are made with W_k and b_k. They have W_v and b_v of their own."""
    return _with_output(X, params, num_heads, weights="qkk")


@multi_head_attention.mistake
def queries_from_key_weights(X, params, num_heads):
    """The queries are made with W_k and b_k. They have W_q and b_q of their own."""
    return _with_output(X, params, num_heads, weights="kkv")


@multi_head_attention.mistake
def values_from_query_weights(X, params, num_heads):
    """The values are made with W_q and b_q. They have W_v and b_v of their own."""
    return _with_output(X, params, num_heads, weights="qkq")


@multi_head_attention.mistake
def values_scored(X, params, num_heads):
    """The queries meet the values instead of the keys: `Q @ V.T`. Scores come from
    queries and keys; the values are only mixed.
    """
    return _with_output(X, params, num_heads, weights="qvv")


@multi_head_attention.mistake
def queries_and_keys_exchanged(X, params, num_heads):
    """The keys ask and the queries answer: they have changed places."""
    return _with_output(X, params, num_heads, weights="kqv")


@multi_head_attention.mistake
def keys_and_values_exchanged(X, params, num_heads):
    """Keys and values have changed places."""
    return _with_output(X, params, num_heads, weights="qvk")


@multi_head_attention.mistake
def input_sliced_into_heads(X, params, num_heads):
    """The input is sliced, and each slice is projected on its own. A head sees the
    whole token: project first, with the whole matrices, then split.
    """
    d_k = X.shape[1] // num_heads

    def blockwise(X, W, b):
        W = W * np.kron(np.eye(num_heads), np.ones((d_k, d_k)))
        return X @ W + b

    return _with_output(X, params, num_heads, project=blockwise)


@multi_head_attention.mistake
def one_big_head(X, params, num_heads):
    """All features went through one head: nothing is split, and there is one
    attention map instead of num_heads.
    """
    return _with_output(X, params, 1)


@multi_head_attention.mistake
def one_head_alone(X, params, num_heads):
    """This is one head of full width, as in chapter 7: nothing is split, and W_o and
    b_o are not used. Split after projecting, then attend, join and project once more.
    """
    O, A = _block(X, params, 1)
    return O, A[0]


@multi_head_attention.mistake
def never_split(X, params, num_heads):
    """The heads were never split: one head attended with all features, and there is
    one map instead of num_heads. Use `split_heads` on Q, K and V.
    """
    Y, A = _with_output(X, params, 1)
    return Y, A[0]


@multi_head_attention.mistake
def one_map_for_all_heads(X, params, num_heads):
    """The heads were never split: one head attended with all features, and its map
    stands num_heads times in A. Use `split_heads` on Q, K and V.
    """
    Y, A = _with_output(X, params, 1)
    return Y, np.concatenate([A] * num_heads)


@multi_head_attention.mistake
def two_heads_always(X, params, num_heads):
    """You have 2 heads, whatever `num_heads` says. Split into as many as it says."""
    return _with_output(X, params, 2)


@multi_head_attention.mistake
def heads_not_joined(X, params, num_heads):
    """The heads are still apart: (h, n, d_k). Join them, then project them with W_o
    and b_o.
    """
    return _block(X, params, num_heads, concat=lambda heads: heads)


@multi_head_attention.mistake
def split_by_reshape_alone(X, params, num_heads):
    """The heads are cut with a reshape alone, which deals whole tokens out to them.
    Use your `split_heads`: cut the features, then exchange two axes.
    """
    return _with_output(X, params, num_heads, split=_reshaped)


@multi_head_attention.mistake
def joined_by_reshape_alone(X, params, num_heads):
    """A is right; the heads are joined with a reshape alone, which keeps them one
    after the other. Use your `concat_heads`: tokens to the front first.
    """
    return _with_output(X, params, num_heads, concat=_joined_by_reshape)


@multi_head_attention.mistake
def reshaped_both_ways(X, params, num_heads):
    """Splitting and joining are both a reshape alone. They undo each other, but in
    between each head holds a few whole tokens instead of all tokens' features.
    """
    return _with_output(
        X, params, num_heads, split=_reshaped, concat=_joined_by_reshape
    )


@multi_head_attention.mistake
def features_dealt_out(X, params, num_heads):
    """Each head gets every h-th feature, as cards are dealt. It is to get a run of
    d_k neighbours: that is where its columns of W_q stand.
    """
    return _with_output(X, params, num_heads, split=_dealt, concat=_undealt)


@multi_head_attention.mistake
def heads_joined_in_reverse(X, params, num_heads):
    """The heads are joined in reverse order. As a model that would do (it permutes
    the rows of W_o), but with the W_o given it does not.
    """
    return _with_output(
        X, params, num_heads, concat=lambda heads: concat_heads(heads[::-1])
    )


@multi_head_attention.mistake
def features_joined_interleaved(X, params, num_heads):
    """A is right; the features of the heads are shuffled into each other when they
    are joined. Each head's features stay together.
    """
    return _with_output(X, params, num_heads, concat=_undealt)


@multi_head_attention.mistake
def last_head_everywhere(X, params, num_heads):
    """The last head stands in every head's place: a loop overwrites the others."""
    Y, A = _with_output(
        X,
        params,
        num_heads,
        concat=lambda heads: np.concatenate([heads[-1]] * num_heads, axis=-1),
    )
    return Y, A


@multi_head_attention.mistake
def not_scaled(X, params, num_heads):
    """The scores go into softmax unscaled. Each head divides them by sqrt(d_k)."""
    return _with_output(X, params, num_heads, factor=1.0)


@multi_head_attention.mistake
def divided_by_sqrt_d_model(X, params, num_heads):
    """The scores are divided by sqrt(d_model). Inside a head a score adds up
    d_k = d_model / num_heads products.
    """
    return _with_output(X, params, num_heads, factor=1 / np.sqrt(X.shape[1]))


@multi_head_attention.mistake
def divided_by_d_k(X, params, num_heads):
    """The scores are divided by d_k. The square root of d_k is meant."""
    return _with_output(X, params, num_heads, factor=num_heads / X.shape[1])


@multi_head_attention.mistake
def divided_by_sqrt_n(X, params, num_heads):
    """The scores are divided by the square root of the number of tokens. In a 3-D
    array `shape[1]` is the sequence length; d_k is `shape[-1]`.
    """
    return _with_output(X, params, num_heads, factor=1 / np.sqrt(len(X)))


@multi_head_attention.mistake
def divided_by_sqrt_h(X, params, num_heads):
    """The scores are divided by the square root of the number of heads. d_k is the
    number of features of a head.
    """
    return _with_output(X, params, num_heads, factor=1 / np.sqrt(num_heads))


@multi_head_attention.mistake
def divided_by_eight(X, params, num_heads):
    """The scores are divided by 8. That is the root of the paper's d_k = 64; take the
    root of your own d_k.
    """
    return _with_output(X, params, num_heads, factor=1 / 8)


@multi_head_attention.mistake
def over_queries(X, params, num_heads):
    """The softmax runs over the queries: with heads in front, `axis=1` is no longer
    the keys. Count from the end: `axis=-1`.
    """
    return _with_output(X, params, num_heads, axis=1)


@multi_head_attention.mistake
def over_heads(X, params, num_heads):
    """The softmax runs over the heads: they compete with each other. Each head
    distributes its own attention over the keys: `axis=-1`.
    """
    return _with_output(X, params, num_heads, axis=0)


@multi_head_attention.mistake
def overflowing(X, params, num_heads):
    """Large scores give nan: exp overflows. Use your softmax of chapter 5, or
    subtract each row's maximum.
    """
    Q, K, V = (split_heads(M, num_heads) for M in project_qkv(X, params))
    E = np.exp(Q @ K.swapaxes(1, 2) / np.sqrt(Q.shape[-1]))
    A = E / E.sum(axis=-1, keepdims=True)
    return concat_heads(A @ V) @ params["W_o"] + params["b_o"], A


@multi_head_attention.mistake
def weights_averaged_over_heads(X, params, num_heads):
    """Y is right, but A is the mean over the heads, as PyTorch gives it by default.
    Each head's own weights are asked for: (h, n, n).
    """
    Y, A = multi_head_attention(X, params, num_heads)
    return Y, A.mean(axis=0)


@multi_head_attention.mistake
def weights_first(X, params, num_heads):
    """The weights come first. The order is Y, then A."""
    return multi_head_attention(X, params, num_heads)[::-1]


@multi_head_attention.mistake
def output_only(X, params, num_heads):
    """Only the output came back. The weights are asked for, too: `return Y, A`."""
    return multi_head_attention(X, params, num_heads)[0]


@multi_head_attention.mistake
def input_added(X, params, num_heads):
    """X is added to the output. That is the residual connection of the next chapter;
    here the output alone is asked for.
    """
    Y, A = multi_head_attention(X, params, num_heads)
    return X + Y, A


@multi_head_attention.also_right
def head_by_head(X, params, num_heads):
    d_k = X.shape[1] // num_heads
    Y, maps = params["b_o"], []
    for i in range(num_heads):
        own = slice(i * d_k, (i + 1) * d_k)
        q, k, v = (X @ params[f"W_{w}"][:, own] + params[f"b_{w}"][own] for w in "qkv")
        S = q @ k.T / np.sqrt(d_k)
        E = np.exp(S - S.max(axis=1)[:, None])
        maps.append(E / E.sum(axis=1, keepdims=True))
        Y = Y + maps[-1] @ v @ params["W_o"][own]
    return Y, np.stack(maps)


@multi_head_attention.also_right
def with_einsum(X, params, num_heads):
    d_model = X.shape[1]
    W = {w: params[f"W_{w}"].reshape(d_model, num_heads, -1) for w in "qkv"}
    b = {w: params[f"b_{w}"].reshape(num_heads, 1, -1) for w in "qkv"}
    Q, K, V = (np.einsum("nd,dhk->hnk", X, W[w]) + b[w] for w in "qkv")
    S = np.einsum("hnk,hmk->hnm", Q, K) / np.sqrt(Q.shape[-1])
    E = np.exp(S - S.max(-1, keepdims=True))
    A = E / E.sum(-1, keepdims=True)
    W_o = params["W_o"].reshape(num_heads, -1, d_model)
    return np.einsum("hnm,hmk,hkd->nd", A, V, W_o) + params["b_o"], A


@multi_head_attention.also_right
def without_key_bias(X, params, num_heads):
    # b_k adds the same number to a whole row of scores, and softmax drops it.
    return multi_head_attention(X, {**params, "b_k": 0 * params["b_k"]}, num_heads)


@multi_head_attention.also_right
def with_torch(X, params, num_heads):
    import torch

    t = {name: torch.as_tensor(value.T) for name, value in params.items()}
    block = torch.nn.MultiheadAttention(
        X.shape[1], num_heads, batch_first=True, dtype=torch.float64
    )
    block.in_proj_weight.data = torch.cat([t["W_q"], t["W_k"], t["W_v"]])
    block.in_proj_bias.data = torch.cat([t["b_q"], t["b_k"], t["b_v"]])
    block.out_proj.weight.data, block.out_proj.bias.data = t["W_o"], t["b_o"]
    tokens = torch.as_tensor(X)[None]
    Y, A = block(tokens, tokens, tokens, average_attn_weights=False)
    return Y[0], A[0]


@multi_head_attention.also_right
def in_float32(X, params, num_heads):
    params = {name: value.astype(np.float32) for name, value in params.items()}
    return multi_head_attention(X.astype(np.float32), params, num_heads)


@multi_head_attention.must
def rows_sum_to_one(result, *_):
    """In each head, each row of weights must sum to 1."""
    return np.allclose(np.sum(result[1], axis=-1), 1)


def _params(rng, d_model, spread):
    """Weights that keep the size of the features; `spread` is that of Q and K."""
    params = {}
    for letter in "qkvo":
        factor = spread if letter in "qk" else 1
        W = rng.standard_normal((d_model, d_model)) / np.sqrt(d_model)
        params[f"W_{letter}"] = factor * W
        params[f"b_{letter}"] = factor * rng.standard_normal(d_model)
    return params


@multi_head_attention.case
def two_heads(rng):
    n, d_model = (3, 8) if rng.random() < 0.5 else (5, 6)
    return rng.standard_normal((n, d_model)), _params(rng, d_model, 1.2), 2


@multi_head_attention.case
def three_heads(rng):
    n, d_model = (4, 6) if rng.random() < 0.5 else (5, 12)
    return rng.standard_normal((n, d_model)), _params(rng, d_model, 1.2), 3


@multi_head_attention.case
def one_head(rng):
    # With one head, joined or not is the same: what fails elsewhere is right here.
    return rng.standard_normal((5, 4)), _params(rng, 4, 1.2), 1


@multi_head_attention.case
def as_many_tokens_as_features(rng):
    # n = d_model: what raises elsewhere runs here, and shows what it computes.
    return rng.standard_normal((6, 6)), _params(rng, 6, 1.2), 2


@multi_head_attention.case
def huge_weights(rng):
    return rng.standard_normal((3, 8)), _params(rng, 8, 60), 2
