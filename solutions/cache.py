"""What can be kept when a sentence grows by one word?

The keys and the values of the words before: they never change again. The new word
brings one query, one key, one value.
"""

import numpy as np

from autograder.exercise import exercise
from solutions.concat_heads import concat_heads
from solutions.parallel_heads import attend_in_parallel
from solutions.projections import linear, project_qkv
from solutions.split_heads import split_heads

# --- one word more --------------------------------------------------------------


@exercise(
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
)
def attend_with_cache(x, cache, params, num_heads):
    """Let one new word attend to all words before it and to itself.

    x (d_model,), cache, params, num_heads -> y (d_model,), cache
    The cache holds K and V (h, t, d_k) of the t words before. The new one holds one
    word more, and the old one stays as it was.
    """
    Q, K, V = project_qkv(x[None], params)  # each (1, d_model)
    q, k, v = (split_heads(M, num_heads) for M in (Q, K, V))  # (h, 1, d_k)
    K = np.concatenate([cache["K"], k], axis=1)  # (h, t + 1, d_k)
    V = np.concatenate([cache["V"], v], axis=1)
    heads, _ = attend_in_parallel(q, K, V)  # (h, 1, d_k)
    y = linear(concat_heads(heads), params["W_o"], params["b_o"])  # (1, d_model)
    return y[0], {"K": K, "V": V}


def _grown(old, new):
    return np.concatenate([old, new], axis=1)


def _attended(q, K, V, factor=None, axis=-1):
    """One query in each head: (h, 1, d_k), with the scaling or the axis exchanged."""
    S = q @ K.swapaxes(1, 2) * (1 / np.sqrt(q.shape[-1]) if factor is None else factor)
    E = np.exp(S - S.max(axis=axis, keepdims=True))
    return E / E.sum(axis=axis, keepdims=True) @ V


def _step(
    x,
    cache,
    params,
    num_heads,
    *,
    weights="qkv",
    project=linear,
    split=split_heads,
    join=concat_heads,
    grow=_grown,
    attend=_attended,
    output=linear,
):
    """The step from word to word, with one part exchanged."""
    q, k, v = (
        split(project(x[None], params[f"W_{w}"], params[f"b_{w}"]), num_heads)
        for w in weights
    )
    K, V = grow(cache["K"], k), grow(cache["V"], v)
    y = output(join(attend(q, K, V)), params["W_o"], params["b_o"])
    return y[0], {"K": K, "V": V}


def _dealt(X, num_heads):
    return X.reshape(len(X), -1, num_heads).transpose(2, 0, 1)


def _undealt(heads):
    return heads.transpose(1, 2, 0).reshape(heads.shape[1], -1)


@attend_with_cache.mistake
def own_word_not_seen(x, cache, params, num_heads):
    """The new word attends to the words before it, and not to itself. Put its key and
    value into the cache first, then attend.
    """
    q, k, v = (split_heads(M, num_heads) for M in project_qkv(x[None], params))
    heads = _attended(q, cache["K"], cache["V"])
    y = linear(concat_heads(heads), params["W_o"], params["b_o"])
    return y[0], {"K": _grown(cache["K"], k), "V": _grown(cache["V"], v)}


@attend_with_cache.mistake
def only_itself_seen(x, cache, params, num_heads):
    """The new word attends to itself alone: the keys in the cache are not asked."""
    return _step(
        x,
        cache,
        params,
        num_heads,
        attend=lambda q, K, V: _attended(q, K[:, -1:], V[:, -1:]),
    )


@attend_with_cache.mistake
def only_the_first_seen(x, cache, params, num_heads):
    """The new word sees only the first word, as the first row of a causal mask allows.
    But its query is the last one, and sees everything: no mask is needed here.
    PyTorch's `is_causal=True` lays the triangle so, when there is one query.
    """
    return _step(
        x,
        cache,
        params,
        num_heads,
        attend=lambda q, K, V: _attended(q, K[:, :1], V[:, :1]),
    )


@attend_with_cache.mistake
def word_counted_twice(x, cache, params, num_heads):
    """The new word is in the cache twice, so it is listened to twice. Append its key
    and its value once.
    """
    return _step(
        x,
        cache,
        params,
        num_heads,
        grow=lambda old, new: np.concatenate([old, new, new], axis=1),
    )


@attend_with_cache.mistake
def written_over_the_last(x, cache, params, num_heads):
    """The new word stands where the word before it stood. The cache grows: none of its
    words is overwritten.
    """
    return _step(
        x,
        cache,
        params,
        num_heads,
        grow=lambda old, new: np.concatenate([old[:, :-1], new], axis=1),
    )


@attend_with_cache.mistake
def put_in_front(x, cache, params, num_heads):
    """The output is right, but the new word stands in front of the old ones in the
    cache. Append it at the end: who comes next counts on the order.
    """
    return _step(x, cache, params, num_heads, grow=lambda old, new: _grown(new, old))


@attend_with_cache.mistake
def oldest_word_dropped(x, cache, params, num_heads):
    """The oldest word falls out of the cache when a new one comes. That is a sliding
    window; here every word is kept.
    """
    return _step(
        x,
        cache,
        params,
        num_heads,
        grow=lambda old, new: np.concatenate([old[:, 1:], new], axis=1),
    )


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
def values_kept_in_place_of_keys(x, cache, params, num_heads):
    """The value of the new word was put in the place of its key, too. K and V are two
    arrays, and each gets what was made for it.
    """
    return _step(x, cache, params, num_heads, weights="qvv")


@attend_with_cache.mistake
def keys_kept_in_place_of_values(x, cache, params, num_heads):
    """The key of the new word was put in the place of its value, too. K and V are two
    arrays, and each gets what was made for it.
    """
    return _step(x, cache, params, num_heads, weights="qkk")


@attend_with_cache.mistake
def queries_kept(x, cache, params, num_heads):
    """The query of the new word went into the cache in the place of its key. Queries
    are asked once and never again: what is kept are keys and values.
    """
    return _step(x, cache, params, num_heads, weights="qqv")


@attend_with_cache.mistake
def input_kept(x, cache, params, num_heads):
    """The word itself went into the cache, cut into heads. What is kept are its key and
    its value: x through W_k and W_v.
    """
    q, _, _ = (split_heads(M, num_heads) for M in project_qkv(x[None], params))
    own = split_heads(x[None], num_heads)
    K, V = _grown(cache["K"], own), _grown(cache["V"], own)
    heads = _attended(q, K, V)
    y = linear(concat_heads(heads), params["W_o"], params["b_o"])
    return y[0], {"K": K, "V": V}


@attend_with_cache.mistake
def biases_missing(x, cache, params, num_heads):
    """The biases of the query, the key and the value are missing: b_q, b_k and b_v are
    in params, too.
    """
    return _step(x, cache, params, num_heads, project=lambda X, W, b: X @ W)


@attend_with_cache.mistake
def no_output_projection(x, cache, params, num_heads):
    """The heads are joined, and that is all: W_o and b_o are not used."""
    return _step(x, cache, params, num_heads, output=lambda X, W, b: X)


@attend_with_cache.mistake
def output_bias_missing(x, cache, params, num_heads):
    """b_o is missing from the output."""
    return _step(x, cache, params, num_heads, output=lambda X, W, b: X @ W)


@attend_with_cache.mistake
def not_scaled(x, cache, params, num_heads):
    """The scores are not scaled: divide them by sqrt(d_k)."""
    return _step(
        x,
        cache,
        params,
        num_heads,
        attend=lambda q, K, V: _attended(q, K, V, factor=1),
    )


@attend_with_cache.mistake
def divided_by_sqrt_d_model(x, cache, params, num_heads):
    """The scores are divided by sqrt(d_model). Inside a head it is sqrt(d_k)."""
    return _step(
        x,
        cache,
        params,
        num_heads,
        attend=lambda q, K, V: _attended(q, K, V, 1 / np.sqrt(len(x))),
    )


@attend_with_cache.mistake
def along_the_queries(x, cache, params, num_heads):
    """Softmax runs along the queries. There is one query, so every weight becomes 1,
    and the values are added up in full. Softmax runs along the keys: axis=-1.
    """
    return _step(
        x,
        cache,
        params,
        num_heads,
        attend=lambda q, K, V: _attended(q, K, V, axis=1),
    )


@attend_with_cache.mistake
def along_the_heads(x, cache, params, num_heads):
    """Softmax runs along the heads. Each head shares out its own attention, over the
    keys: axis=-1.
    """
    return _step(
        x,
        cache,
        params,
        num_heads,
        attend=lambda q, K, V: _attended(q, K, V, axis=0),
    )


@attend_with_cache.mistake
def features_dealt_out(x, cache, params, num_heads):
    """The features are dealt out to the heads like cards. Each head has neighbouring
    ones, as in your `split_heads`.
    """
    return _step(x, cache, params, num_heads, split=_dealt, join=_undealt)


@attend_with_cache.mistake
def heads_joined_feature_by_feature(x, cache, params, num_heads):
    """The heads are joined feature by feature. They stand one behind the other, as in
    your `concat_heads`.
    """
    return _step(x, cache, params, num_heads, join=_undealt)


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
def with_parts(x, cache, params, num_heads):
    return _step(x, cache, params, num_heads)


@attend_with_cache.also_right
def with_reshape_alone(x, cache, params, num_heads):
    # One word has no neighbour to be mixed up with: here a reshape splits well.
    return _step(
        x,
        cache,
        params,
        num_heads,
        split=lambda X, h: X.reshape(h, 1, -1),
        join=lambda heads: heads.reshape(1, -1),
    )


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
        _attended(q[i][None, None], K[i : i + 1], V[i : i + 1])[0, 0]
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


def _spread(M, num_heads):
    """(g, n, d_k) -> (h, n, d_k): each group for its neighbouring heads."""
    return np.repeat(M, num_heads // len(M), axis=0)


def _dealt_spread(M, num_heads):
    return np.tile(M, (num_heads // len(M), 1, 1))


def _grouped(
    X,
    params,
    num_heads,
    num_groups,
    *,
    weights="qkv",
    project=linear,
    split=split_heads,
    split_groups=split_heads,
    keys=_spread,
    values=_spread,
    factor=None,
    axis=-1,
    join=concat_heads,
    output=linear,
):
    """Grouped attention with one step exchanged."""
    Q, K, V = (project(X, params[f"W_{w}"], params[f"b_{w}"]) for w in weights)
    Q = split(Q, num_heads)
    K = keys(split_groups(K, num_groups), num_heads)
    V = values(split_groups(V, num_groups), num_heads)
    S = Q @ K.swapaxes(1, 2) * (1 / np.sqrt(Q.shape[-1]) if factor is None else factor)
    E = np.exp(S - S.max(axis=axis, keepdims=True))
    A = E / E.sum(axis=axis, keepdims=True)
    return output(join(A @ V), params["W_o"], params["b_o"]), A


def _reshaped(X, num_heads):
    return X.reshape(num_heads, len(X), -1)


@grouped_attention.mistake
def groups_dealt_out(X, params, num_heads, num_groups):
    """The groups are dealt out in turn: head 0 uses group 0, head 1 group 1, and so on
    from the front again. Neighbouring heads share a group: `np.repeat`, not `np.tile`.
    """
    return _grouped(
        X, params, num_heads, num_groups, keys=_dealt_spread, values=_dealt_spread
    )


@grouped_attention.mistake
def values_dealt_out(X, params, num_heads, num_groups):
    """Keys are shared by neighbours, values are dealt out in turn. Both are shared in
    the same way: a head that asks group 0 hears group 0.
    """
    return _grouped(X, params, num_heads, num_groups, values=_dealt_spread)


@grouped_attention.mistake
def keys_dealt_out(X, params, num_heads, num_groups):
    """Values are shared by neighbours, keys are dealt out in turn. Both are shared in
    the same way.
    """
    return _grouped(X, params, num_heads, num_groups, keys=_dealt_spread)


@grouped_attention.mistake
def first_group_for_all(X, params, num_heads, num_groups):
    """All heads use the first group. That is right where there is only one; otherwise
    each group has heads of its own.
    """

    def first(M, num_heads):
        return np.repeat(M[:1], num_heads, axis=0)

    return _grouped(X, params, num_heads, num_groups, keys=first, values=first)


@grouped_attention.mistake
def last_group_for_all(X, params, num_heads, num_groups):
    """All heads use the last group. Each group has heads of its own."""

    def last(M, num_heads):
        return np.repeat(M[-1:], num_heads, axis=0)

    return _grouped(X, params, num_heads, num_groups, keys=last, values=last)


@grouped_attention.mistake
def groups_averaged(X, params, num_heads, num_groups):
    """All heads use the mean of the groups. A group's keys are used as they are, by its
    own heads.
    """

    def mean(M, num_heads):
        return np.repeat(M.mean(axis=0, keepdims=True), num_heads, axis=0)

    return _grouped(X, params, num_heads, num_groups, keys=mean, values=mean)


@grouped_attention.mistake
def groups_in_reverse(X, params, num_heads, num_groups):
    """The groups stand in reverse order: the first heads use the last group."""

    def backwards(M, num_heads):
        return _spread(M[::-1], num_heads)

    return _grouped(X, params, num_heads, num_groups, keys=backwards, values=backwards)


@grouped_attention.mistake
def queries_reshaped(X, params, num_heads, num_groups):
    """The queries are split with a reshape alone, which mixes words and features. Cut
    the features, then bring the heads to the front: your `split_heads`.
    """
    return _grouped(X, params, num_heads, num_groups, split=_reshaped)


@grouped_attention.mistake
def groups_reshaped(X, params, num_heads, num_groups):
    """Keys and values are split with a reshape alone, which mixes words and features.
    Use your `split_heads`, with num_groups.
    """
    return _grouped(X, params, num_heads, num_groups, split_groups=_reshaped)


@grouped_attention.mistake
def all_reshaped(X, params, num_heads, num_groups):
    """Queries, keys and values are split with a reshape alone, which mixes words and
    features. Cut the features, then bring the heads to the front.
    """
    return _grouped(
        X, params, num_heads, num_groups, split=_reshaped, split_groups=_reshaped
    )


@grouped_attention.mistake
def joined_by_reshape(X, params, num_heads, num_groups):
    """The heads are joined with a reshape alone. The words come to the front first:
    your `concat_heads`.
    """
    return _grouped(
        X,
        params,
        num_heads,
        num_groups,
        join=lambda heads: heads.reshape(heads.shape[1], -1),
    )


@grouped_attention.mistake
def heads_joined_in_turn(X, params, num_heads, num_groups):
    """The heads are joined feature by feature. They stand one behind the other: your
    `concat_heads`.
    """
    return _grouped(X, params, num_heads, num_groups, join=_undealt)


@grouped_attention.mistake
def grouped_not_scaled(X, params, num_heads, num_groups):
    """The scores are not scaled: divide them by sqrt(d_k)."""
    return _grouped(X, params, num_heads, num_groups, factor=1)


@grouped_attention.mistake
def divided_by_the_root_of_a_group(X, params, num_heads, num_groups):
    """The scores are divided by sqrt(d_model / num_groups). A query has
    d_model / num_heads features, and so has a key.
    """
    root = np.sqrt(X.shape[-1] / num_groups)
    return _grouped(X, params, num_heads, num_groups, factor=1 / root)


@grouped_attention.mistake
def grouped_divided_by_sqrt_d_model(X, params, num_heads, num_groups):
    """The scores are divided by sqrt(d_model). Inside a head it is sqrt(d_k)."""
    root = np.sqrt(X.shape[-1])
    return _grouped(X, params, num_heads, num_groups, factor=1 / root)


@grouped_attention.mistake
def grouped_over_queries(X, params, num_heads, num_groups):
    """The columns of A sum to 1. Each query shares out its attention: softmax along the
    last axis.
    """
    return _grouped(X, params, num_heads, num_groups, axis=1)


@grouped_attention.mistake
def grouped_over_heads(X, params, num_heads, num_groups):
    """Softmax runs along the heads. Each head shares out its own attention, over the
    keys: axis=-1.
    """
    return _grouped(X, params, num_heads, num_groups, axis=0)


@grouped_attention.mistake
def keys_and_values_exchanged(X, params, num_heads, num_groups):
    """Keys and values have changed places. Both have the same shape: nothing fails."""
    return _grouped(X, params, num_heads, num_groups, weights="qvk")


@grouped_attention.mistake
def values_from_key_weights(X, params, num_heads, num_groups):
    """The values are made with W_k and b_k. They have W_v and b_v of their own."""
    return _grouped(X, params, num_heads, num_groups, weights="qkk")


@grouped_attention.mistake
def grouped_without_biases(X, params, num_heads, num_groups):
    """The biases are missing: b_q, b_k and b_v are in params, too."""
    return _grouped(X, params, num_heads, num_groups, project=lambda X, W, b: X @ W)


@grouped_attention.mistake
def grouped_without_output(X, params, num_heads, num_groups):
    """The heads are joined, and that is all: W_o and b_o are not used."""
    return _grouped(X, params, num_heads, num_groups, output=lambda X, W, b: X)


@grouped_attention.mistake
def grouped_without_output_bias(X, params, num_heads, num_groups):
    """b_o is missing from the output."""
    return _grouped(X, params, num_heads, num_groups, output=lambda X, W, b: X @ W)


@grouped_attention.mistake
def one_map_for_each_group(X, params, num_heads, num_groups):
    """The output is right, and only one map came back for each group. Heads of a group
    share keys, but each asks with queries of its own: h maps.
    """
    Y, A = grouped_attention(X, params, num_heads, num_groups)
    return Y, A[:: max(num_heads // num_groups, 1)]


@grouped_attention.mistake
def grouped_maps_first(X, params, num_heads, num_groups):
    """The maps come first. The order is Y, then A."""
    return grouped_attention(X, params, num_heads, num_groups)[::-1]


@grouped_attention.mistake
def grouped_output_only(X, params, num_heads, num_groups):
    """Only the output came back. The maps are asked for, too: `return Y, A`."""
    return grouped_attention(X, params, num_heads, num_groups)[0]


@grouped_attention.also_right
def with_columns_repeated(X, params, num_heads, num_groups):
    # The weights are spread instead of the keys: then it is multi-head attention.
    wide = dict(params)
    for name in ("W_k", "b_k", "W_v", "b_v"):
        groups = np.split(params[name], num_groups, axis=-1)
        parts = [g for g in groups for _ in range(num_heads // num_groups)]
        wide[name] = np.concatenate(parts, axis=-1)
    return _grouped(X, wide, num_heads, num_heads)


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
    return _sentence(rng, int(rng.choice([5, 7])), 12, 4, 2)


@grouped_attention.case
def three_groups_of_two(rng):
    return _sentence(rng, 4, 30, 6, 3)


@grouped_attention.case
def one_group(rng):
    return _sentence(rng, int(rng.choice([5, 7])), 6, 3, 1)


@grouped_attention.case
def a_group_for_each_head(rng):
    return _sentence(rng, int(rng.choice([5, 7])), 8, 2, 2)


@grouped_attention.case
def large_scores_in_groups(rng):
    return _sentence(rng, 5, 12, 4, 2, spread=30.0)


# --- how large it is ----------------------------------------------------------


@exercise(
    hints=(
        "In one layer, for one token, the cache holds one key and one value for each "
        "group. How many numbers are that?",
        "Then for all tokens, in all layers; and each number takes itemsize bytes.",
    ),
    points=1,
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
def one_token(n, num_layers, num_groups, d_k, itemsize):
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
