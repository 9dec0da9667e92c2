"""What can be kept when a sentence grows by one word?

The keys and the values of the words before: they never change again. The new word
brings one query, one key, one value.
"""

import numpy as np

from autograder.exercise import exercise
from solutions.concat_heads import concat_heads
from solutions.output_projection import multi_head_attention
from solutions.parallel_heads import attend_in_parallel
from solutions.projections import linear, project_qkv
from solutions.split_heads import split_heads

# --- one word more --------------------------------------------------------------


@exercise(
    ordinary=False,
    hints=(
        "One word is a sentence of length 1: `x[None]` has shape (1, d_model), and "
        "`project_qkv` and `split_heads` work as they are.",
        "Join the new key to the old ones along the axis of the words: the middle one "
        "of (h, t, d_k). `np.concatenate` makes a new array, and leaves the old one "
        "alone.",
        "The query of the new word attends to all keys, its own among them. Return a "
        'new dictionary: `{"K": ..., "V": ...}`.',
    ),
    points=4,
    flagged=("scaled_dot_product_attention", "MultiheadAttention"),
    why=(
        "Only the new word is projected. Its key and its value join those of the "
        "words before, and its one query meets them all; a new array leaves the "
        "old cache as it was."
    ),
    gallery=(
        "own_word_not_seen",
        "word_counted_twice",
        "only_the_first_seen",
        "old_cache_returned",
        "keys_from_query_weights",
    ),
)
def attend_with_cache(x, cache, params, num_heads):
    """Let one new word attend to all words before it and to itself.

    x (d_model,), cache, params, num_heads -> y (d_model,), cache
    A cache is a dict, with K and V (h, t, d_k) of the t words before. The new one
    holds one word more, and the old one stays as it was.
    """
    Q, K, V = project_qkv(x[None], params)  # each (1, d_model)
    q, k, v = (split_heads(M, num_heads) for M in (Q, K, V))  # (h, 1, d_k)
    K = np.concatenate([cache["K"], k], axis=1)  # (h, t + 1, d_k)
    V = np.concatenate([cache["V"], v], axis=1)
    heads, _ = attend_in_parallel(q, K, V)  # (h, 1, d_k)
    y = linear(concat_heads(heads), params["W_o"], params["b_o"])  # (1, d_model)
    return y[0], {"K": K, "V": V}


# Left out: what only raises here, and what is no mistake, or the same as another one,
# where there is one query, d_v is d_k, and no map is returned.
attend_with_cache.inherits(
    attend_in_parallel,
    but=(
        *("divided_by_sqrt_n", "divided_by_sqrt_d_v", "over_queries_overflowing"),
        *("maximum_without_keepdims", "one_maximum_for_all", "maximum_added"),
        "less_than_the_maximum_subtracted",
        *("over_each_whole_head", "scores_returned", "weights_averaged_over_heads"),
        *("all_axes_transposed", "forgot_to_transpose", "weights_transposed"),
        *("first_head_only", "last_head_only", "heads_averaged", "heads_added_up"),
        *("heads_joined_already", "queries_and_keys_exchanged"),
    ),
)
attend_with_cache.inherits(project_qkv)


def _attended(x, cache, params, num_heads, keys, values):
    """The output of a word that sees these keys and values, (h, t, d_k) each."""
    q, _, _ = (split_heads(M, num_heads) for M in project_qkv(x[None], params))
    heads, _ = attend_in_parallel(q, keys, values)
    return linear(concat_heads(heads), params["W_o"], params["b_o"])[0]


def _remembering(remember):
    """The step from word to word with another memory: (old, new) -> (h, t, d_k)."""

    def step(x, cache, params, num_heads):
        _, k, v = (split_heads(M, num_heads) for M in project_qkv(x[None], params))
        K, V = remember(cache["K"], k), remember(cache["V"], v)
        return _attended(x, cache, params, num_heads, K, V), {"K": K, "V": V}

    return step


@attend_with_cache.mistake
def own_word_not_seen(x, cache, params, num_heads):
    """The new word attends to the words before it, and not to itself. Put its key and
    value into the cache first, then attend.
    """
    Q, K, V = project_qkv(x[None], params)
    q, k, v = (split_heads(M, num_heads) for M in (Q, K, V))
    K = np.concatenate([cache["K"], k], axis=1)
    V = np.concatenate([cache["V"], v], axis=1)
    heads, _ = attend_in_parallel(q, cache["K"], cache["V"])
    y = linear(concat_heads(heads), params["W_o"], params["b_o"])
    return y[0], {"K": K, "V": V}


@attend_with_cache.mistake_in(attend_in_parallel)
def only_itself_seen(Q, K, V):
    """The new word attends to itself alone: the keys in the cache are not asked."""
    return attend_in_parallel(Q, K[:, -1:], V[:, -1:])


@attend_with_cache.mistake_in(attend_in_parallel)
def only_the_first_seen(Q, K, V):
    """The new word sees only the first word, as the first row of a causal mask allows.
    But its query is the last one, and sees everything: no mask is needed here.
    PyTorch's `is_causal=True` lays the triangle so, when there is one query.
    """
    return attend_in_parallel(Q, K[:, :1], V[:, :1])


@attend_with_cache.mistake
def word_counted_twice(x, cache, params, num_heads):
    """The new word is in the cache twice, so it is listened to twice. Append its key
    and its value once.
    """
    Q, K, V = project_qkv(x[None], params)
    q, k, v = (split_heads(M, num_heads) for M in (Q, K, V))
    K = np.concatenate([cache["K"], k, k], axis=1)
    V = np.concatenate([cache["V"], v, v], axis=1)
    heads, _ = attend_in_parallel(q, K, V)
    y = linear(concat_heads(heads), params["W_o"], params["b_o"])
    return y[0], {"K": K, "V": V}


@attend_with_cache.mistake
def written_over_the_last(x, cache, params, num_heads):
    """The new word stands where the word before it stood. The cache grows: none of its
    words is overwritten.
    """
    over = _remembering(lambda old, new: np.concatenate([old[:, :-1], new], axis=1))
    return over(x, cache, params, num_heads)


@attend_with_cache.mistake
def put_in_front(x, cache, params, num_heads):
    """The output is right, but the new word stands in front of the old ones in the
    cache. Append it at the end: who comes next counts on the order.
    """
    front = _remembering(lambda old, new: np.concatenate([new, old], axis=1))
    return front(x, cache, params, num_heads)


@attend_with_cache.mistake
def oldest_word_dropped(x, cache, params, num_heads):
    """The oldest word falls out of the cache when a new one comes. That is a sliding
    window; here every word is kept.
    """
    window = _remembering(lambda old, new: np.concatenate([old[:, 1:], new], axis=1))
    return window(x, cache, params, num_heads)


@attend_with_cache.mistake
def old_cache_returned(x, cache, params, num_heads):
    """The output is right, but the old cache came back: the next word would never hear
    of this one.
    """
    return attend_with_cache(x, cache, params, num_heads)[0], dict(cache)


@attend_with_cache.mistake
def new_word_alone_returned(x, cache, params, num_heads):
    """The output is right, but the new cache holds the new word alone. All words before
    it belong in it, too.
    """
    y, new = attend_with_cache(x, cache, params, num_heads)
    return y, {name: array[:, -1:] for name, array in new.items()}


@attend_with_cache.mistake
def input_kept(x, cache, params, num_heads):
    """The word itself went into the cache, cut into heads. What is kept are its key and
    its value: x through W_k and W_v.
    """
    own = split_heads(x[None], num_heads)
    K, V = (np.concatenate([cache[name], own], axis=1) for name in "KV")
    return _attended(x, cache, params, num_heads, K, V), {"K": K, "V": V}


@attend_with_cache.mistake_in(linear)
def no_output_projection(X, W, b):
    """The heads are joined, and that is all: W_o and b_o are not used."""
    return X


@attend_with_cache.mistake_in(linear)
def output_bias_missing(X, W, b):
    """b_o is missing from the output."""
    return X @ W


@attend_with_cache.mistake_in(linear)
def output_weights_transposed(X, W, b):
    """W_o is transposed before it is used. It is (d_in, d_out): `O @ W + b`."""
    return X @ W.T + b


def _dealt(X, num_heads):
    return X.reshape(len(X), -1, num_heads).transpose(2, 0, 1)


def _undealt(heads):
    return heads.transpose(1, 2, 0).reshape(heads.shape[1], -1)


@attend_with_cache.mistake_in(split_heads, concat_heads=_undealt)
def features_dealt_out(X, num_heads):
    """The features are dealt out to the heads like cards. Each head has neighbouring
    ones, as in your `split_heads`.
    """
    return _dealt(X, num_heads)


@attend_with_cache.mistake_in(concat_heads)
def heads_joined_feature_by_feature(heads):
    """The heads are joined feature by feature. They stand one behind the other, as in
    your `concat_heads`.
    """
    return _undealt(heads)


@attend_with_cache.mistake
def an_axis_too_many(x, cache, params, num_heads):
    """The output has shape (1, d_model). One word came in as (d_model,), and goes out
    as that: take row 0.
    """
    y, new = attend_with_cache(x, cache, params, num_heads)
    return y[None], new


@attend_with_cache.mistake
def cache_first(x, cache, params, num_heads):
    """The cache comes first. The order is y, then the new cache."""
    return attend_with_cache(x, cache, params, num_heads)[::-1]


@attend_with_cache.mistake
def output_only(x, cache, params, num_heads):
    """Only the output came back. The new cache is needed for the next word:
    `return y, cache`.
    """
    return attend_with_cache(x, cache, params, num_heads)[0]


@attend_with_cache.also_right
def with_reshape_alone(x, cache, params, num_heads):
    # One word has no neighbour to be mixed up with: here a reshape splits well.
    q, k, v = (M.reshape(num_heads, 1, -1) for M in project_qkv(x[None], params))
    K, V = np.hstack([cache["K"], k]), np.hstack([cache["V"], v])
    heads, _ = attend_in_parallel(q, K, V)
    return heads.reshape(-1) @ params["W_o"] + params["b_o"], {"K": K, "V": V}


@attend_with_cache.also_right
def with_einsum(x, cache, params, num_heads):
    q, k, v = (
        (x @ params[f"W_{w}"] + params[f"b_{w}"]).reshape(num_heads, -1) for w in "qkv"
    )
    K = np.hstack([cache["K"], k[:, None]])
    V = np.hstack([cache["V"], v[:, None]])
    S = np.einsum("hd,htd->ht", q, K) / q.shape[-1] ** 0.5
    E = np.exp(S - S.max(axis=1, keepdims=True))
    O = np.einsum("ht,htd->hd", E / E.sum(axis=1, keepdims=True), V)
    return O.reshape(-1) @ params["W_o"] + params["b_o"], {"K": K, "V": V}


@attend_with_cache.also_right
def head_by_head(x, cache, params, num_heads):
    q, k, v = (
        np.split(x @ params[f"W_{w}"] + params[f"b_{w}"], num_heads) for w in "qkv"
    )
    K = np.array([np.vstack([c, new]) for c, new in zip(cache["K"], k, strict=True)])
    V = np.array([np.vstack([c, new]) for c, new in zip(cache["V"], v, strict=True)])
    outputs = [
        attend_in_parallel(q[i][None, None], K[[i]], V[[i]])[0][0, 0]
        for i in range(num_heads)
    ]
    return np.concatenate(outputs) @ params["W_o"] + params["b_o"], {"K": K, "V": V}


def _params(rng, d_model, num_heads, num_groups=None, spread=1.0):
    """Weights of a block whose keys and values have num_groups heads."""
    d_k = d_model // num_heads
    width = {"q": d_model, "o": d_model}
    width |= dict.fromkeys("kv", (num_groups or num_heads) * d_k)
    params = {}
    for w in "qkvo":
        factor = spread if w in "qk" else 1
        W = rng.standard_normal((d_model, width[w])) / np.sqrt(d_model)
        params[f"W_{w}"] = factor * W
        params[f"b_{w}"] = factor * rng.standard_normal(width[w])
    return params


def _cache(rng, num_heads, t, d_k):
    return {name: rng.standard_normal((num_heads, t, d_k)) for name in "KV"}


@attend_with_cache.case
def two_heads(rng):
    x, params = rng.standard_normal(6), _params(rng, 6, 2)
    return x, _cache(rng, 2, int(rng.integers(4, 7)), 3), params, 2


@attend_with_cache.case
def three_heads(rng):
    x, params = rng.standard_normal(12), _params(rng, 12, 3)
    return x, _cache(rng, 3, int(rng.integers(5, 8)), 4), params, 3


@attend_with_cache.case
def the_first_word(rng):
    return rng.standard_normal(8), _cache(rng, 2, 0, 4), _params(rng, 8, 2), 2


@attend_with_cache.case
def huge_weights(rng):
    params = _params(rng, 6, 2, spread=50.0)
    return rng.standard_normal(6), _cache(rng, 2, 5, 3), params, 2


# --- keys and values that several heads share -----------------------------------


@exercise(
    ordinary=False,
    hints=(
        "W_k and W_v are narrower: split K and V into num_groups heads, and Q into "
        "num_heads. How many heads share a group?",
        "Neighbours share: with 4 heads and 2 groups, heads 0 and 1 use group 0, heads "
        "2 and 3 use group 1. `np.repeat` writes each group several times, along an "
        "axis.",
        "After `np.repeat(K, shared, axis=0)` there is a key for each head again, and "
        "everything else is your `multi_head_attention`.",
    ),
    points=4,
    flagged=("scaled_dot_product_attention", "MultiheadAttention"),
    why=(
        "Every head has a query of its own. Repeating each group for its "
        "neighbouring heads makes as many keys and values again, and the rest is "
        "multi-head attention."
    ),
    gallery=(
        "groups_dealt_out",
        "values_dealt_out",
        "first_group_for_all",
        "groups_reshaped",
        "one_map_for_each_group",
    ),
)
def grouped_attention(X, params, num_heads, num_groups):
    """Let several heads ask the same keys, and hear the same values.

    X (n, d_model), params, num_heads, num_groups -> Y (n, d_model), A (h, n, n)
    W_k and W_v are (d_model, g·d_k): a key and a value for each of num_groups groups
    of neighbouring heads.
    """
    Q, K, V = project_qkv(X, params)  # (n, d_model), (n, g·d_k), (n, g·d_k)
    shared = num_heads // num_groups  # heads of one group
    Q = split_heads(Q, num_heads)  # (h, n, d_k)
    K = np.repeat(split_heads(K, num_groups), shared, axis=0)  # (h, n, d_k)
    V = np.repeat(split_heads(V, num_groups), shared, axis=0)
    heads, A = attend_in_parallel(Q, K, V)  # (h, n, d_k), (h, n, n)
    return linear(concat_heads(heads), params["W_o"], params["b_o"]), A


grouped_attention.inherits(
    attend_in_parallel,
    but=(
        *("divided_by_sqrt_m", "divided_by_sqrt_d_v", "keys_mixed"),
        *("without_keepdims", "without_keepdims_twice", "without_keepdims_overflowing"),
        *("maximum_without_keepdims", "all_axes_transposed", "forgot_to_transpose"),
        *("first_head_only", "last_head_only", "heads_averaged", "heads_added_up"),
        *("heads_joined_already",),
    ),
)
grouped_attention.inherits(
    concat_heads,
    but=(
        *("not_joined", "below_each_other", "added_up", "averaged"),
        *("first_head_only", "last_head_only"),
    ),
)


def _sharing(keys, values=None):
    """Grouped attention in which the groups are given to the heads in another way:
    (g, n, d_k), num_heads -> (h, n, d_k).
    """

    def attend(X, params, num_heads, num_groups):
        Q, K, V = project_qkv(X, params)
        K = keys(split_heads(K, num_groups), num_heads)
        V = (values or keys)(split_heads(V, num_groups), num_heads)
        heads, A = attend_in_parallel(split_heads(Q, num_heads), K, V)
        return linear(concat_heads(heads), params["W_o"], params["b_o"]), A

    return attend


def _neighbours(M, num_heads):
    return np.repeat(M, num_heads // len(M), axis=0)


def _in_turn(M, num_heads):
    return np.tile(M, (num_heads // len(M), 1, 1))


@grouped_attention.mistake
def groups_dealt_out(X, params, num_heads, num_groups):
    """The groups are dealt out in turn: head 0 uses group 0, head 1 group 1, and so on
    from the front again. Neighbouring heads share a group: `np.repeat`, not `np.tile`.
    """
    Q, K, V = project_qkv(X, params)
    shared = num_heads // num_groups
    Q = split_heads(Q, num_heads)
    K = np.tile(split_heads(K, num_groups), (shared, 1, 1))
    V = np.tile(split_heads(V, num_groups), (shared, 1, 1))
    heads, A = attend_in_parallel(Q, K, V)
    return linear(concat_heads(heads), params["W_o"], params["b_o"]), A


@grouped_attention.mistake
def values_dealt_out(X, params, num_heads, num_groups):
    """Keys are shared by neighbours, values are dealt out in turn. Both are shared in
    the same way: a head that asks group 0 hears group 0.
    """
    Q, K, V = project_qkv(X, params)
    shared = num_heads // num_groups
    Q = split_heads(Q, num_heads)
    K = np.repeat(split_heads(K, num_groups), shared, axis=0)
    V = np.tile(split_heads(V, num_groups), (shared, 1, 1))
    heads, A = attend_in_parallel(Q, K, V)
    return linear(concat_heads(heads), params["W_o"], params["b_o"]), A


@grouped_attention.mistake
def keys_dealt_out(X, params, num_heads, num_groups):
    """Values are shared by neighbours, keys are dealt out in turn. Both are shared in
    the same way.
    """
    return _sharing(_in_turn, _neighbours)(X, params, num_heads, num_groups)


@grouped_attention.mistake
def first_group_for_all(X, params, num_heads, num_groups):
    """All heads use the first group. That is right where there is only one; otherwise
    each group has heads of its own.
    """
    Q, K, V = project_qkv(X, params)
    Q = split_heads(Q, num_heads)
    K = np.repeat(split_heads(K, num_groups)[:1], num_heads, axis=0)
    V = np.repeat(split_heads(V, num_groups)[:1], num_heads, axis=0)
    heads, A = attend_in_parallel(Q, K, V)
    return linear(concat_heads(heads), params["W_o"], params["b_o"]), A


@grouped_attention.mistake
def last_group_for_all(X, params, num_heads, num_groups):
    """All heads use the last group. Each group has heads of its own."""
    last = _sharing(lambda M, h: np.repeat(M[-1:], h, axis=0))
    return last(X, params, num_heads, num_groups)


@grouped_attention.mistake
def groups_averaged(X, params, num_heads, num_groups):
    """All heads use the mean of the groups. A group's keys are used as they are, by its
    own heads.
    """
    mean = _sharing(lambda M, h: np.repeat(M.mean(axis=0, keepdims=True), h, axis=0))
    return mean(X, params, num_heads, num_groups)


@grouped_attention.mistake
def groups_in_reverse(X, params, num_heads, num_groups):
    """The groups stand in reverse order: the first heads use the last group."""
    backwards = _sharing(lambda M, h: _neighbours(M[::-1], h))
    return backwards(X, params, num_heads, num_groups)


@grouped_attention.mistake_in(split_heads)
def all_reshaped(X, num_heads):
    """Queries, keys and values are split with a reshape alone, which mixes words and
    features. Cut the features, then bring the heads to the front.
    """
    return X.reshape(num_heads, len(X), -1)


@grouped_attention.mistake_in(split_heads, concat_heads=_undealt)
def groups_of_dealt_features(X, num_heads):
    """The features are dealt out to the heads like cards. Each head has neighbouring
    ones, as in your `split_heads`.
    """
    return _dealt(X, num_heads)


@grouped_attention.mistake
def queries_reshaped(X, params, num_heads, num_groups):
    """The queries are split with a reshape alone, which mixes words and features. Cut
    the features, then bring the heads to the front: your `split_heads`.
    """
    Q, K, V = project_qkv(X, params)
    K, V = (_neighbours(split_heads(M, num_groups), num_heads) for M in (K, V))
    heads, A = attend_in_parallel(Q.reshape(num_heads, len(X), -1), K, V)
    return linear(concat_heads(heads), params["W_o"], params["b_o"]), A


@grouped_attention.mistake
def groups_reshaped(X, params, num_heads, num_groups):
    """Keys and values are split with a reshape alone, which mixes words and features.
    Use your `split_heads`, with num_groups.
    """
    Q, K, V = project_qkv(X, params)
    shared = num_heads // num_groups
    Q = split_heads(Q, num_heads)
    K = np.repeat(K.reshape(num_groups, len(X), -1), shared, axis=0)
    V = np.repeat(V.reshape(num_groups, len(X), -1), shared, axis=0)
    heads, A = attend_in_parallel(Q, K, V)
    return linear(concat_heads(heads), params["W_o"], params["b_o"]), A


@grouped_attention.mistake_in(attend_in_parallel)
def divided_by_the_root_of_all_keys(Q, K, V):
    """The scores are divided by the square root of all features of K together. What was
    added up in one of them are the d_k features of a head.
    """
    groups = len(np.unique(K[:, 0, 0]))
    return attend_in_parallel(Q / np.sqrt(groups), K, V)


@grouped_attention.mistake_in(project_qkv)
def keys_and_values_exchanged(X, params):
    """Keys and values have changed places. Both have the same shape: nothing fails."""
    Q, K, V = project_qkv(X, params)
    return Q, V, K


@grouped_attention.mistake_in(project_qkv)
def values_from_key_weights(X, params):
    """The values are made with W_k and b_k. They have W_v and b_v of their own."""
    Q, K, _ = project_qkv(X, params)
    return Q, K, K


@grouped_attention.mistake_in(project_qkv)
def grouped_without_biases(X, params):
    """The biases are missing: b_q, b_k and b_v are in params, too."""
    return tuple(X @ params[f"W_{w}"] for w in "qkv")


@grouped_attention.mistake_in(linear)
def grouped_without_output(X, W, b):
    """The heads are joined, and that is all: W_o and b_o are not used."""
    return X


@grouped_attention.mistake_in(linear)
def grouped_without_output_bias(X, W, b):
    """b_o is missing from the output."""
    return X @ W


@grouped_attention.mistake_in(linear)
def grouped_with_output_transposed(X, W, b):
    """W_o is transposed before it is used. It is (d_in, d_out): `O @ W + b`."""
    return X @ W.T + b


@grouped_attention.mistake
def one_map_for_each_group(X, params, num_heads, num_groups):
    """The output is right, and only one map came back for each group. Heads of a group
    share keys, but each asks with queries of its own: h maps.
    """
    Y, A = grouped_attention(X, params, num_heads, num_groups)
    return Y, A[:: max(num_heads // num_groups, 1)]


@grouped_attention.also_right
def with_columns_repeated(X, params, num_heads, num_groups):
    # The weights are spread instead of the keys: then it is multi-head attention.
    wide = dict(params)
    for name in ("W_k", "b_k", "W_v", "b_v"):
        groups = np.split(params[name], num_groups, axis=-1)
        parts = [g for g in groups for _ in range(num_heads // num_groups)]
        wide[name] = np.concatenate(parts, axis=-1)
    return multi_head_attention(X, wide, num_heads)


@grouped_attention.also_right
def with_an_axis_for_the_groups(X, params, num_heads, num_groups):
    Q, K, V = project_qkv(X, params)
    Q = split_heads(Q, num_heads)
    Q = Q.reshape(num_groups, -1, *Q.shape[1:])  # (g, h / g, n, d_k)
    K, V = (split_heads(M, num_groups)[:, None] for M in (K, V))
    S = Q @ K.swapaxes(-1, -2) / np.sqrt(Q.shape[-1])
    E = np.exp(S - S.max(axis=-1, keepdims=True))
    A = E / E.sum(axis=-1, keepdims=True)
    heads = (A @ V).reshape(num_heads, len(X), -1)
    Y = concat_heads(heads) @ params["W_o"] + params["b_o"]
    return Y, A.reshape(num_heads, len(X), len(X))


@grouped_attention.also_right
def grouped_head_by_head(X, params, num_heads, num_groups):
    Q, K, V = project_qkv(X, params)
    d_k = X.shape[1] // num_heads
    outputs, maps = [], []
    for i in range(num_heads):
        own = slice(i * d_k, (i + 1) * d_k)
        group = i * num_groups // num_heads
        its = slice(group * d_k, (group + 1) * d_k)
        O, A = attend_in_parallel(Q[None, :, own], K[None, :, its], V[None, :, its])
        outputs.append(O[0])
        maps.append(A[0])
    joined = np.concatenate(outputs, axis=1)
    return joined @ params["W_o"] + params["b_o"], np.array(maps)


@grouped_attention.must
def rows_sum_to_one(result, *_):
    """In each head, each row of weights must sum to 1."""
    return np.allclose(np.sum(result[1], axis=-1), 1)


def _sentence(rng, n, d_model, num_heads, num_groups, spread=1.0):
    X = rng.standard_normal((n, d_model))
    params = _params(rng, d_model, num_heads, num_groups, spread)
    return X, params, num_heads, num_groups


@grouped_attention.case
def two_groups_of_two(rng):
    return _sentence(rng, 3, 8, 4, 2)


@grouped_attention.case
def three_groups_of_two(rng):
    return _sentence(rng, 4, 12, 6, 3)


@grouped_attention.case
def one_group(rng):
    return _sentence(rng, int(rng.choice([4, 5])), 9, 3, 1)


@grouped_attention.case
def a_group_for_each_head(rng):
    return _sentence(rng, int(rng.choice([3, 5])), 8, 2, 2)


@grouped_attention.case
def large_scores_in_groups(rng):
    return _sentence(rng, 3, 8, 4, 2, spread=30.0)


# --- how large it is ----------------------------------------------------------


@exercise(
    ordinary=False,
    hints=(
        "In one layer, for one token, the cache holds one key and one value for each "
        "group. How many numbers are that?",
        "Then for all tokens, in all layers; and each number takes itemsize bytes.",
    ),
    points=1,
    why=(
        "A key and a value of width d_k, for each group, in each layer, for each token."
    ),
    gallery=(
        "keys_alone",
        "queries_counted",
        "one_layer",
        "length_squared",
        "numbers_not_bytes",
    ),
)
def cache_bytes(n, num_layers, num_groups, d_k, itemsize):
    """Count the bytes that the keys and the values of n tokens take in a model.

    n, num_layers, num_groups, d_k, itemsize -> count
    Each layer keeps a key and a value of width d_k for each group; num_groups is
    num_heads where no keys are shared. One number takes itemsize bytes.
    """
    return 2 * n * num_layers * num_groups * d_k * itemsize


@cache_bytes.mistake
def keys_alone(n, num_layers, num_groups, d_k, itemsize):
    """This is half of it. Keys and values are kept, and both have the same size."""
    return n * num_layers * num_groups * d_k * itemsize


@cache_bytes.mistake
def queries_counted(n, num_layers, num_groups, d_k, itemsize):
    """Queries are counted, too. A query is asked once and never needed again: what is
    kept are keys and values.
    """
    return 3 * n * num_layers * num_groups * d_k * itemsize


@cache_bytes.mistake
def one_layer(n, num_layers, num_groups, d_k, itemsize):
    """This is the cache of one layer. Each of the num_layers has keys and values of its
    own.
    """
    return 2 * n * num_groups * d_k * itemsize


@cache_bytes.mistake
def cache_of_one_group(n, num_layers, num_groups, d_k, itemsize):
    """This is the cache of one group. Each of the num_groups has keys and values of its
    own.
    """
    return 2 * n * num_layers * d_k * itemsize


@cache_bytes.mistake
def of_one_token(n, num_layers, num_groups, d_k, itemsize):
    """This is the cache of one token. All n of them stay in it."""
    return 2 * num_layers * num_groups * d_k * itemsize


@cache_bytes.mistake
def one_number_for_each_key(n, num_layers, num_groups, d_k, itemsize):
    """A key counts as one number here. It has d_k, and so has a value."""
    return 2 * n * num_layers * num_groups * itemsize


@cache_bytes.mistake
def numbers_not_bytes(n, num_layers, num_groups, d_k, itemsize):
    """These are the numbers. Each takes itemsize bytes."""
    return 2 * n * num_layers * num_groups * d_k


@cache_bytes.mistake
def maps_counted(n, num_layers, num_groups, d_k, itemsize):
    """The attention maps are added. They are used once and thrown away: what is kept
    are keys and values.
    """
    kept = 2 * n * num_layers * num_groups * d_k * itemsize
    return kept + num_layers * num_groups * n * n * itemsize


@cache_bytes.mistake
def length_squared(n, num_layers, num_groups, d_k, itemsize):
    """n is squared. The scores grow with n²; keys and values are one row for each
    token.
    """
    return 2 * n**2 * num_layers * num_groups * d_k * itemsize


@cache_bytes.mistake
def bits_not_bytes(n, num_layers, num_groups, d_k, itemsize):
    """These are bits. itemsize is in bytes already."""
    return 16 * n * num_layers * num_groups * d_k * itemsize


@cache_bytes.mistake
def always_two_bytes(n, num_layers, num_groups, d_k, itemsize):
    """Two bytes are counted for each number, whatever itemsize says."""
    return 4 * n * num_layers * num_groups * d_k


@cache_bytes.mistake
def always_four_bytes(n, num_layers, num_groups, d_k, itemsize):
    """Four bytes are counted for each number, whatever itemsize says."""
    return 8 * n * num_layers * num_groups * d_k


@cache_bytes.mistake
def in_kibibytes(n, num_layers, num_groups, d_k, itemsize):
    """These are kibibytes. Give the bytes, undivided."""
    return 2 * n * num_layers * num_groups * d_k * itemsize / 1024


@cache_bytes.mistake
def in_mebibytes(n, num_layers, num_groups, d_k, itemsize):
    """These are mebibytes. Give the bytes, undivided."""
    return 2 * n * num_layers * num_groups * d_k * itemsize / 2**20


@cache_bytes.mistake
def shared_among_the_groups(n, num_layers, num_groups, d_k, itemsize):
    """It is divided by the number of groups. d_k is the width of one key, and there is
    one for each group: multiply.
    """
    return 2 * n * num_layers * d_k * itemsize / num_groups


@cache_bytes.also_right
def _cache_by_array(n, num_layers, num_groups, d_k, itemsize):
    shape = (num_layers, 2, num_groups, n, d_k)
    return np.broadcast_to(np.int8(0), shape).size * itemsize


@cache_bytes.also_right
def _cache_token_by_token(n, num_layers, num_groups, d_k, itemsize):
    one_token = (num_groups * d_k + num_groups * d_k) * itemsize
    return n * num_layers * one_token


@cache_bytes.also_right
def _cache_as_float(n, num_layers, num_groups, d_k, itemsize):
    return 2.0 * n * num_layers * num_groups * d_k * itemsize


@cache_bytes.case
def half_precision(rng):
    return int(rng.integers(5, 12)), 4, 3, int(rng.integers(13, 20)), 2


@cache_bytes.case
def single_precision(rng):
    return int(rng.integers(5, 12)), 2, 3, int(rng.integers(13, 20)), 4


@cache_bytes.case
def one_shared_group(rng):
    return int(rng.integers(100, 200)), 6, 1, int(rng.integers(13, 20)), 4


@cache_bytes.case
def a_long_text(rng):
    return 8192 + int(rng.integers(0, 9)), 32, 8, 128, 2
