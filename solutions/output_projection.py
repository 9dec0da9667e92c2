"""What are several heads good for, if each only sees its own features?

The output projection mixes what all heads found. It completes the attention.
"""

import numpy as np

from autograder.exercise import exercise
from solutions.concat_heads import concat_heads
from solutions.parallel_heads import attend_in_parallel
from solutions.projections import (
    all_weights_transposed,
    biases_missing,
    linear,
    project_qkv,
)
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
    gallery=(
        "reshaped_only_in_split_heads",
        "input_sliced_into_heads",
        "no_output_projection",
        "reshaped_only_in_concat_heads",
        "divided_by_sqrt_d_model",
        "one_big_head",
    ),
)
def multi_head_attention(X, params, num_heads):
    """Let the tokens attend to each other with several heads, and mix the heads.

    X (n, d_model), params, num_heads = h -> Y (n, d_model), A (h, n, n)
    params holds W_q, W_k, W_v, W_o (d_model, d_model), b_q, b_k, b_v, b_o (d_model,).
    """
    Q, K, V = project_qkv(X, params)  # each (n, d_model)
    Q, K, V = (split_heads(M, num_heads) for M in (Q, K, V))  # (h, n, d_k)
    heads, A = attend_in_parallel(Q, K, V)  # (h, n, d_k), (h, n, n)
    O = concat_heads(heads)  # (n, d_model)
    return linear(O, params["W_o"], params["b_o"]), A


multi_head_attention.inherits(
    project_qkv,
    # b_k adds the same number to a whole row of scores, and softmax drops it.
    but=("key_bias_missing", "one_bias_for_keys_and_queries"),
)
# Left out below: what only raises here, as a shape then does not fit the next step,
# and what is the same as another mistake, since Q, K and V come from one X.
multi_head_attention.inherits(
    split_heads,
    but=(
        "axes_reversed",
        "first_head_only",
        "last_head_only",
        "not_split",
        "not_transposed",
        "tokens_on_the_last_axis",
        "tokens_shared_out",
        "whole_input_repeated",
        "two_heads_always",
    ),
)
multi_head_attention.inherits(
    attend_in_parallel,
    but=(
        "all_axes_transposed",
        "divided_by_sqrt_m",
        "divided_by_sqrt_d_v",
        "first_head_everywhere",
        "first_head_only",
        "last_head_only",
        "forgot_to_transpose",
        "heads_added_up",
        "heads_averaged",
        "heads_joined_already",
        "keys_mixed",
        "queries_and_keys_exchanged",
        "reversed_heads",
    ),
)
multi_head_attention.inherits(
    concat_heads,
    but=(
        "added_up",
        "averaged",
        "below_each_other",
        "first_head_only",
        "last_head_only",
    ),
)
multi_head_attention.inherits(
    linear,
    where="the output projection",
    weights_transposed="""W_o is transposed before it is used. It is (d_in, d_out), like
    the others: `O @ W + b`. Since it is square, the transpose passes unseen.""",
    bias_missing="b_o is missing from the output.",
)


@multi_head_attention.mistake_in(linear)
def no_output_projection(X, W, b):
    """The heads are joined, and that is all: W_o and b_o are not used. Without them
    no head learns what another one found.
    """
    return X


@multi_head_attention.mistake_in(linear, project_qkv=biases_missing)
def all_biases_missing(X, W, b):
    """The biases are missing: b_q, b_k, b_v and b_o are in params, too."""
    return X @ W


@multi_head_attention.mistake_in(linear, project_qkv=all_weights_transposed)
def all_four_weights_transposed(X, W, b):
    """All four weight matrices are used on their side, as PyTorch stores them. Here
    they are (d_in, d_out): `X @ W + b`.
    """
    return X @ W.T + b


def _joined_by_reshape(heads):
    return heads.reshape(heads.shape[1], -1)


@multi_head_attention.mistake_in(split_heads, concat_heads=_joined_by_reshape)
def reshaped_both_ways(X, num_heads):
    """Splitting and joining are both a reshape alone. They undo each other, but in
    between each head holds a few whole tokens instead of all tokens' features.
    """
    return X.reshape(num_heads, len(X), -1)


def _undealt(heads):
    return heads.transpose(1, 2, 0).reshape(heads.shape[1], -1)


@multi_head_attention.mistake_in(split_heads, concat_heads=_undealt)
def dealt_out_and_gathered(X, num_heads):
    """Each head gets every h-th feature, as cards are dealt. It is to get a run of
    d_k neighbours: that is where its columns of W_q stand.
    """
    return X.reshape(len(X), -1, num_heads).transpose(2, 0, 1)


@multi_head_attention.mistake_in(split_heads)
def one_big_head(X, num_heads):
    """All features went through one head: nothing is split, and there is one
    attention map instead of num_heads.
    """
    return X[None]


@multi_head_attention.mistake
def one_head_alone(X, params, num_heads):
    """This is one head of full width: nothing is split, and W_o and
    b_o are not used. Split after projecting, then attend, join and project once more.
    """
    heads, A = attend_in_parallel(*(M[None] for M in project_qkv(X, params)))
    return heads[0], A[0]


@multi_head_attention.mistake
def never_split(X, params, num_heads):
    """The heads were never split: one head attended with all features, and there is
    one map instead of num_heads. Use `split_heads` on Q, K and V.
    """
    Y, A = multi_head_attention(X, params, 1)
    return Y, A[0]


@multi_head_attention.mistake
def one_map_for_all_heads(X, params, num_heads):
    """The heads were never split: one head attended with all features, and its map
    stands num_heads times in A. Use `split_heads` on Q, K and V.
    """
    Y, A = multi_head_attention(X, params, 1)
    return Y, np.concatenate([A] * num_heads)


@multi_head_attention.mistake
def two_heads_always(X, params, num_heads):
    """You have 2 heads, whatever `num_heads` says. Split into as many as it says."""
    return multi_head_attention(X, params, 2)


@multi_head_attention.mistake
def input_sliced_into_heads(X, params, num_heads):
    """The input is sliced, and each slice is projected on its own. A head sees the
    whole token: project first, with the whole matrices, then split.
    """
    d_k = X.shape[1] // num_heads
    own = np.kron(np.eye(num_heads), np.ones((d_k, d_k)))  # 1 within a head
    params = params | {f"W_{w}": params[f"W_{w}"] * own for w in "qkv"}
    Q, K, V = project_qkv(X, params)
    Q, K, V = (split_heads(M, num_heads) for M in (Q, K, V))
    heads, A = attend_in_parallel(Q, K, V)
    O = concat_heads(heads)
    return linear(O, params["W_o"], params["b_o"]), A


@multi_head_attention.mistake
def one_corner_for_all_heads(X, params, num_heads):
    """Every head is made with the same d_k by d_k corner of W_q, W_k and W_v. Project X
    with the whole matrices first, then split: each head has columns of its own.
    """
    heads = split_heads(X, num_heads)
    d_k = heads.shape[-1]
    Q, K, V = (
        heads @ params[f"W_{w}"][:d_k, :d_k] + params[f"b_{w}"][:d_k] for w in "qkv"
    )
    O, A = attend_in_parallel(Q, K, V)
    return concat_heads(O) @ params["W_o"] + params["b_o"], A


def _attended(X, params, num_heads):
    """What the heads found (h, n, d_k), and their maps."""
    Q, K, V = (split_heads(M, num_heads) for M in project_qkv(X, params))
    return attend_in_parallel(Q, K, V)


@multi_head_attention.mistake
def first_rows_of_W_o_for_each_head(X, params, num_heads):
    """Every head goes through the same rows of W_o, the first d_k. Join the heads
    first: then head i meets its own rows, from i·d_k on.
    """
    heads, A = _attended(X, params, num_heads)
    O = heads.sum(axis=0)
    return O @ params["W_o"][: O.shape[1]] + params["b_o"], A


@multi_head_attention.mistake
def projected_before_attention(X, params, num_heads):
    """W_o is applied to the values, before the heads mix them. The output projection
    comes last, when the heads are joined.
    """
    V = (X @ params["W_v"] + params["b_v"]) @ params["W_o"] + params["b_o"]
    _, A = _attended(X, params, num_heads)
    return concat_heads(A @ split_heads(V, num_heads)), A


@multi_head_attention.mistake
def projected_before_joining(X, params, num_heads):
    """W_o meets heads that do not stand side by side: it finds d_k features, and takes
    those of all heads together. So this runs with one head only. Join the heads first.
    """
    heads, A = _attended(X, params, num_heads)
    heads = heads @ params["W_o"] + params["b_o"]
    return concat_heads(heads), A


@multi_head_attention.mistake
def output_bias_for_each_head(X, params, num_heads):
    """b_o is added once for each head. Add it once, at the end."""
    Y, A = multi_head_attention(X, params, num_heads)
    return Y + (num_heads - 1) * params["b_o"], A


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
