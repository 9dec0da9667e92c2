"""How can a head attend to everything and never hold its scores?

It goes along the keys block by block, and keeps three things of what it has seen: the
largest score, the sum of the exponentials, and the values weighed by them.
"""

import tracemalloc

import numpy as np

from autograder.exercise import different_sizes, exercise
from solutions.single_head import attention

# --- two blocks ---------------------------------------------------------------


@exercise(
    ordinary=False,
    hints=(
        "Each block took away its own maximum. What is the maximum of both together? "
        "And what would the first block's exponentials be, had it taken away that one?",
        "exp(s - m) = exp(s - m1) · exp(m1 - m): all that a block has added up is too "
        "large by one factor for each query. Its sum and its output get the same one.",
        "The factors have shape (n,). For o they need shape (n, 1): `[:, None]`.",
    ),
    points=4,
    why=(
        "exp(s - m1) times exp(m1 - m) is exp(s - m): one factor for each query "
        "brings all that a block has added up to the common maximum."
    ),
    gallery=(
        "nothing_rescaled",
        "sum_not_rescaled",
        "factors_exchanged",
        "maximum_of_the_second",
        "divided_already",
    ),
)
def merge_softmax(m1, s1, o1, m2, s2, o2):
    """Make one block of keys of two: as if both had been seen at once.

    m1 (n,), s1 (n,), o1 (n, d_v), m2 (n,), s2 (n,), o2 (n, d_v) ->
    m (n,), s (n,), o (n, d_v)
    m is a query's largest score, s the sum of exp(score - m) over the keys, and o the
    sum of exp(score - m) times the value. Nothing is divided yet.
    """
    m = np.maximum(m1, m2)  # (n,)
    first, second = np.exp(m1 - m), np.exp(m2 - m)  # (n,), one of them is 1
    s = first * s1 + second * s2  # (n,)
    o = first[:, None] * o1 + second[:, None] * o2  # (n, d_v)
    return m, s, o


def _merged(m1, s1, o1, m2, s2, o2, first=None, second=None, of_o=(None, None)):
    """The two blocks added up with factors, those of the output perhaps others."""
    m = np.maximum(m1, m2)
    first = np.exp(m1 - m) if first is None else first
    second = np.exp(m2 - m) if second is None else second
    f, g = (b if a is None else a for a, b in zip(of_o, (first, second), strict=True))
    f, g = (np.broadcast_to(x, m.shape)[:, None] for x in (f, g))
    return m, first * s1 + second * s2, f * o1 + g * o2


@merge_softmax.mistake
def nothing_rescaled(m1, s1, o1, m2, s2, o2):
    """The sums and the outputs are added as they are. Each was made with the maximum of
    its own block: bring both to the common one first, with exp(m1 - m) and exp(m2 - m).
    """
    m = np.maximum(m1, m2)
    s = s1 + s2
    o = o1 + o2
    return m, s, o


@merge_softmax.mistake
def sum_not_rescaled(m1, s1, o1, m2, s2, o2):
    """The outputs are brought to the common maximum, the sums are not. Both need the
    same factors.
    """
    m, _, o = merge_softmax(m1, s1, o1, m2, s2, o2)
    return m, s1 + s2, o


@merge_softmax.mistake
def output_not_rescaled(m1, s1, o1, m2, s2, o2):
    """The sums are brought to the common maximum, the outputs are not. Both need the
    same factors.
    """
    m, s, _ = merge_softmax(m1, s1, o1, m2, s2, o2)
    return m, s, o1 + o2


@merge_softmax.mistake
def only_the_first_rescaled(m1, s1, o1, m2, s2, o2):
    """Only the first block is brought to the common maximum. The second one may have
    the smaller maximum, too.
    """
    return _merged(m1, s1, o1, m2, s2, o2, second=1)


@merge_softmax.mistake
def only_the_second_rescaled(m1, s1, o1, m2, s2, o2):
    """Only the second block is brought to the common maximum. The first one may have
    the smaller maximum, too.
    """
    return _merged(m1, s1, o1, m2, s2, o2, first=1)


@merge_softmax.mistake
def factors_exchanged(m1, s1, o1, m2, s2, o2):
    """The two factors have changed places: the first block gets that of the second."""
    m = np.maximum(m1, m2)
    first, second = np.exp(m2 - m), np.exp(m1 - m)
    s = first * s1 + second * s2
    o = first[:, None] * o1 + second[:, None] * o2
    return m, s, o


@merge_softmax.mistake
def factors_turned(m1, s1, o1, m2, s2, o2):
    """The factors are turned over: exp(m - m1) instead of exp(m1 - m). A block whose
    maximum was smaller has to shrink.
    """
    m = np.maximum(m1, m2)
    return _merged(m1, s1, o1, m2, s2, o2, first=np.exp(m - m1), second=np.exp(m - m2))


@merge_softmax.mistake
def outputs_taken_as_divided(m1, s1, o1, m2, s2, o2):
    """The outputs are weighed with the sums, and divided by the new one: as if each
    block had divided already. They are not divided yet, and neither is the result.
    """
    m, s, _ = merge_softmax(m1, s1, o1, m2, s2, o2)
    f, g = np.exp(m1 - m) * s1 / s, np.exp(m2 - m) * s2 / s
    return m, s, f[:, None] * o1 + g[:, None] * o2


@merge_softmax.mistake
def divided_already(m1, s1, o1, m2, s2, o2):
    """The output is divided by the sum already. Another block may follow: divide once,
    at the very end.
    """
    m = np.maximum(m1, m2)
    first, second = np.exp(m1 - m), np.exp(m2 - m)
    s = first * s1 + second * s2
    o = first[:, None] * o1 + second[:, None] * o2
    return m, s, o / s[:, None]


@merge_softmax.mistake
def maximum_of_the_second(m1, s1, o1, m2, s2, o2):
    """The maximum of the second block is taken for that of both. The larger of the two
    has to be carried on, query by query.
    """
    first = np.exp(m1 - m2)
    return m2 + 0.0, first * s1 + s2, first[:, None] * o1 + o2


@merge_softmax.mistake
def maximum_of_the_first(m1, s1, o1, m2, s2, o2):
    """The maximum of the first block is taken for that of both. The larger of the two
    has to be carried on, query by query.
    """
    second = np.exp(m2 - m1)
    return m1 + 0.0, s1 + second * s2, o1 + second[:, None] * o2


@merge_softmax.mistake
def smaller_maximum(m1, s1, o1, m2, s2, o2):
    """The smaller of the two maxima is carried on. It has to be the larger: otherwise
    an exponential can overflow.
    """
    m = np.minimum(m1, m2)
    f, g = np.exp(m1 - m), np.exp(m2 - m)
    return m, f * s1 + g * s2, f[:, None] * o1 + g[:, None] * o2


@merge_softmax.mistake
def one_maximum_for_all(m1, s1, o1, m2, s2, o2):
    """One maximum is taken for all queries. Each query has its own: `np.maximum`
    compares two arrays number by number.
    """
    m = np.full_like(m1, max(m1.max(), m2.max()))
    f, g = np.exp(m1 - m), np.exp(m2 - m)
    return m, f * s1 + g * s2, f[:, None] * o1 + g[:, None] * o2


@merge_softmax.mistake
def maxima_added(m1, s1, o1, m2, s2, o2):
    """The two maxima are added. The larger of them is that of both blocks together."""
    return m1 + m2, *merge_softmax(m1, s1, o1, m2, s2, o2)[1:]


@merge_softmax.mistake
def larger_sum(m1, s1, o1, m2, s2, o2):
    """The larger of the two sums is carried on. The keys of both blocks count: add
    them, each with its factor.
    """
    m, _, o = merge_softmax(m1, s1, o1, m2, s2, o2)
    return m, np.maximum(np.exp(m1 - m) * s1, np.exp(m2 - m) * s2), o


@merge_softmax.mistake
def factors_along_the_features(m1, s1, o1, m2, s2, o2):
    """The factors lie along the features of o, not along its rows. They have shape (n,)
    and need (n, 1): `[:, None]`.
    """
    m, s, _ = merge_softmax(m1, s1, o1, m2, s2, o2)
    return m, s, np.exp(m1 - m) * o1 + np.exp(m2 - m) * o2


@merge_softmax.mistake
def powers_of_two(m1, s1, o1, m2, s2, o2):
    """The factors are powers of 2. The exponentials are those of e: `np.exp`."""
    m = np.maximum(m1, m2)
    return _merged(
        m1, s1, o1, m2, s2, o2, first=np.exp2(m1 - m), second=np.exp2(m2 - m)
    )


@merge_softmax.mistake
def maximum_last(m1, s1, o1, m2, s2, o2):
    """The order is another one. Return the maximum, the sum, the output."""
    return merge_softmax(m1, s1, o1, m2, s2, o2)[::-1]


@merge_softmax.mistake
def output_alone(m1, s1, o1, m2, s2, o2):
    """Only the output came back. The next block needs the maximum and the sum as well:
    `return m, s, o`.
    """
    return merge_softmax(m1, s1, o1, m2, s2, o2)[2]


@merge_softmax.also_right
def with_parts(m1, s1, o1, m2, s2, o2):
    return _merged(m1, s1, o1, m2, s2, o2)


@merge_softmax.also_right
def query_by_query(m1, s1, o1, m2, s2, o2):
    found = []
    for a, s, o, b, t, p in zip(m1, s1, o1, m2, s2, o2, strict=True):
        m = max(a, b)
        f, g = np.exp(a - m), np.exp(b - m)
        found.append((m, f * s + g * t, f * o + g * p))
    return tuple(np.array(part) for part in zip(*found, strict=True))


@merge_softmax.also_right
def with_the_larger_one_left_alone(m1, s1, o1, m2, s2, o2):
    larger = m1 >= m2
    shrink = np.exp(-np.abs(m1 - m2))
    first, second = np.where(larger, 1, shrink), np.where(larger, shrink, 1)
    o = first[:, None] * o1 + second[:, None] * o2
    return np.where(larger, m1, m2), first * s1 + second * s2, o


@merge_softmax.also_right
def with_logarithms(m1, s1, o1, m2, s2, o2):
    m = np.maximum(m1, m2)
    with np.errstate(divide="ignore"):
        s = np.exp(np.logaddexp(m1 + np.log(s1), m2 + np.log(s2)) - m)
    o = np.exp(m1 - m)[:, None] * o1 + np.exp(m2 - m)[:, None] * o2
    return m, s, o


@merge_softmax.must
def the_larger_maximum(result, m1, s1, o1, m2, s2, o2):
    """The maximum of both blocks is the larger of the two, for each query."""
    return np.allclose(result[0], np.maximum(m1, m2))


def _block(rng, n, m, d_v, height=0.0):
    """What a block of m keys leaves behind for each of n queries."""
    S = height + rng.standard_normal((n, m))
    top = S.max(axis=-1)
    E = np.exp(S - top[:, None])
    return top, E.sum(axis=-1), E @ rng.standard_normal((m, d_v))


@merge_softmax.case
def two_ordinary_blocks(rng):
    n, d_v, first, second = different_sizes(rng, 4)
    return *_block(rng, n, first, d_v), *_block(rng, n, second, d_v)


@merge_softmax.case
def as_many_queries_as_features(rng):
    n = int(rng.integers(3, 6))
    return *_block(rng, n, 4, n), *_block(rng, n, 7, n)


@merge_softmax.case
def one_far_above_the_other(rng):
    n, d_v, first, second = different_sizes(rng, 4)
    heights = 1000.0 * rng.choice([-1, 1], size=(n, 1))
    heights[:2] = [[1000], [-1000]]
    return *_block(rng, n, first, d_v, heights), *_block(rng, n, second, d_v)


@merge_softmax.case
def nothing_seen_before(rng):
    n, d_v, m = different_sizes(rng, 3)
    nothing = np.full(n, -np.inf), np.zeros(n), np.zeros((n, d_v))
    return *nothing, *_block(rng, n, m, d_v)


# --- all blocks ---------------------------------------------------------------


@exercise(
    ordinary=False,
    hints=(
        "Start with nothing seen: a maximum of minus infinity for each query, a sum of "
        "0, an output of 0. Then go along the keys: `range(0, m, block)`.",
        "A block of keys gives scores of shape (n, block). Find their maximum, sum and "
        "output, and let `merge_softmax` join them to what you have.",
        "At the end, divide the output by the sum, once. The last block may be "
        "smaller: a slice that goes too far is simply shorter.",
    ),
    points=5,
    flagged=("scaled_dot_product_attention", "softmax", "attention"),
    why=(
        "A maximum, a sum and an output are all that has to be kept of the keys "
        "that were seen. Merged block by block and divided once, they are softmax"
        " over all keys."
    ),
    gallery=(
        "all_scores_at_once",
        "last_block_forgotten",
        "maximum_not_carried",
        "divided_twice",
        "outputs_of_blocks_averaged",
    ),
)
def tiled_attention(Q, K, V, block):
    """Attend to all keys, block by block, and never hold all scores.

    Q (n, d_k), K (m, d_k), V (m, d_v), block -> O (n, d_v)
    Never more than (n, block) scores at a time.
    """
    n, d_v = len(Q), V.shape[-1]
    seen = np.full(n, -np.inf), np.zeros(n), np.zeros((n, d_v))  # nothing yet
    for start in range(0, len(K), block):
        keys, values = K[start : start + block], V[start : start + block]
        S = Q @ keys.T / np.sqrt(Q.shape[-1])  # (n, block)
        m = S.max(axis=-1)  # (n,)
        E = np.exp(S - m[:, None])  # (n, block)
        seen = merge_softmax(*seen, m, E.sum(axis=-1), E @ values)
    _, s, o = seen
    return o / s[:, None]  # (n, d_v)


LARGE = 100_000  # scores from which on it is measured whether all were held at once


@tiled_attention.drive
def drive(answer, Q, K, V, block):
    """Call the function, and look at the memory that it takes where that can be told.

    Q (n, d_k), K (m, d_k), V (m, d_v), block -> O (n, d_v)
    """
    everything = len(Q) * len(K)
    if everything < LARGE or tracemalloc.is_tracing():
        return answer(Q, K, V, block)
    tracemalloc.start()
    try:
        O = answer(Q, K, V, block)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    if peak >= 8 * everything:  # bytes: as much as a whole matrix of scores
        raise MemoryError(
            "As much memory was taken as all scores need, (n, m).\nTake `block` keys "
            "at a time, and keep of each block only its maximum, sum and output."
        )
    return O


def _tiled(
    Q,
    K,
    V,
    block,
    merge=merge_softmax,
    root=None,
    starts=None,
    size=None,
    divide=True,
    maximum=-np.inf,
):
    """Tiled attention with one step exchanged."""
    root = np.sqrt(Q.shape[-1]) if root is None else root
    seen = np.full(len(Q), maximum), np.zeros(len(Q)), np.zeros((len(Q), V.shape[-1]))
    for start in range(0, len(K), block) if starts is None else starts:
        part = slice(start, start + (size or block))
        S = Q @ K[part].T / root
        m = S.max(axis=-1)
        E = np.exp(S - m[:, None])
        seen = merge(*seen, m, E.sum(axis=-1), E @ V[part])
    _, s, o = seen
    return o / s[:, None] if divide else o


@tiled_attention.mistake
def all_scores_at_once(Q, K, V, block):
    """The output is right, but all (n, m) scores were there at once. Take `block` keys
    at a time, and keep of each block only its maximum, its sum and its output.
    """
    return attention(Q, K, V)[0]


@tiled_attention.mistake
def last_block_forgotten(Q, K, V, block):
    """The keys at the end are left out, where block does not divide their number. The
    last block may be smaller: let the range go on to m.
    """
    n, d_v = len(Q), V.shape[-1]
    seen = np.full(n, -np.inf), np.zeros(n), np.zeros((n, d_v))
    for start in range(0, len(K) - block + 1, block):
        keys, values = K[start : start + block], V[start : start + block]
        S = Q @ keys.T / np.sqrt(Q.shape[-1])
        m = S.max(axis=-1)
        E = np.exp(S - m[:, None])
        seen = merge_softmax(*seen, m, E.sum(axis=-1), E @ values)
    _, s, o = seen
    return o / s[:, None]


@tiled_attention.mistake
def first_block_alone(Q, K, V, block):
    """Only the first block of keys is seen. Is the `return` inside the loop?"""
    return _tiled(Q, K, V, block, starts=[0])


@tiled_attention.mistake
def last_block_alone(Q, K, V, block):
    """Only the last block of keys counts: each one overwrites what was kept of those
    before it.
    """
    return _tiled(Q, K, V, block, merge=lambda *both: both[3:])


@tiled_attention.mistake
def one_key_of_each_block_missing(Q, K, V, block):
    """In each block the last key is missing. A slice ends *before* its second number:
    `start : start + block`.
    """
    return _tiled(Q, K, V, block, size=block - 1)


@tiled_attention.mistake
def one_key_of_each_block_twice(Q, K, V, block):
    """The last key of each block is seen again in the next one. A slice ends *before*
    its second number: `start : start + block`.
    """
    return _tiled(Q, K, V, block, size=block + 1)


@tiled_attention.mistake
def maximum_not_carried(Q, K, V, block):
    """Sums and outputs of the blocks are added as they are, though each block took away
    another maximum. Bring them to a common one: your `merge_softmax`.
    """
    n, d_v = len(Q), V.shape[-1]
    s, o = np.zeros(n), np.zeros((n, d_v))
    for start in range(0, len(K), block):
        keys, values = K[start : start + block], V[start : start + block]
        S = Q @ keys.T / np.sqrt(Q.shape[-1])
        m = S.max(axis=-1)
        E = np.exp(S - m[:, None])
        s, o = s + E.sum(axis=-1), o + E @ values
    return o / s[:, None]


@tiled_attention.mistake
def block_sums_not_rescaled(Q, K, V, block):
    """The outputs are brought to the common maximum, the sums are not. Both need the
    same factors: your `merge_softmax`.
    """
    return _tiled(Q, K, V, block, merge=sum_not_rescaled)


@tiled_attention.mistake
def block_outputs_not_rescaled(Q, K, V, block):
    """The sums are brought to the common maximum, the outputs are not. Both need the
    same factors: your `merge_softmax`.
    """
    return _tiled(Q, K, V, block, merge=output_not_rescaled)


@tiled_attention.mistake
def old_blocks_not_rescaled(Q, K, V, block):
    """What was seen before is not brought to the new maximum. When a block has a larger
    one, everything before it has to shrink.
    """
    return _tiled(Q, K, V, block, merge=only_the_second_rescaled)


@tiled_attention.mistake
def maximum_started_at_zero(Q, K, V, block):
    """The largest score starts at 0, before any key was seen. Where all scores lie far
    below it, every exponential is 0, and 0 / 0 is nan. Start with minus infinity.
    """
    return _tiled(Q, K, V, block, maximum=0.0)


@tiled_attention.mistake
def divided_twice(Q, K, V, block):
    """The output is divided in each block, and again at the end. Divide once, when all
    blocks have been seen.
    """
    n, d_v = len(Q), V.shape[-1]
    seen = np.full(n, -np.inf), np.zeros(n), np.zeros((n, d_v))
    for start in range(0, len(K), block):
        keys, values = K[start : start + block], V[start : start + block]
        S = Q @ keys.T / np.sqrt(Q.shape[-1])
        m = S.max(axis=-1)
        E = np.exp(S - m[:, None])
        m, s, o = merge_softmax(*seen, m, E.sum(axis=-1), E @ values)
        seen = m, s, o / s[:, None]
    _, s, o = seen
    return o / s[:, None]


@tiled_attention.mistake
def never_divided(Q, K, V, block):
    """The output is not divided by the sum, so the weights do not sum to 1. Divide
    once, at the end.
    """
    return _tiled(Q, K, V, block, divide=False)


@tiled_attention.mistake
def outputs_of_blocks_added(Q, K, V, block):
    """Each block has a softmax of its own, and the outputs are added. A block with low
    scores then counts as much as any other: merge them with your `merge_softmax`.
    """
    parts = range(0, len(K), block)
    return sum(attention(Q, K[i : i + block], V[i : i + block])[0] for i in parts)


@tiled_attention.mistake
def outputs_of_blocks_averaged(Q, K, V, block):
    """Each block has a softmax of its own, and the outputs are averaged. A block with
    low scores then counts as much as any other: merge them with your `merge_softmax`.
    """
    return outputs_of_blocks_added(Q, K, V, block) / len(range(0, len(K), block))


@tiled_attention.mistake
def without_a_maximum(Q, K, V, block):
    """A large score overflows: exp gives inf, and inf / inf is nan. Carry the largest
    score along, and take it away before exp.
    """
    O, s = 0.0, 0.0
    for start in range(0, len(K), block):
        part = slice(start, start + block)
        E = np.exp(Q @ K[part].T / np.sqrt(Q.shape[-1]))
        O, s = O + E @ V[part], s + E.sum(axis=-1, keepdims=True)
    return O / s


@tiled_attention.mistake
def tiles_not_scaled(Q, K, V, block):
    """The scores are not scaled: divide them by sqrt(d_k)."""
    return _tiled(Q, K, V, block, root=1)


@tiled_attention.mistake
def divided_by_sqrt_block(Q, K, V, block):
    """The scores are divided by the square root of the block's size. It is sqrt(d_k),
    however many keys are seen at a time.
    """
    return _tiled(Q, K, V, block, root=np.sqrt(block))


@tiled_attention.mistake
def tiles_divided_by_d_k(Q, K, V, block):
    """The scores are divided by d_k. The square root of d_k is meant."""
    return _tiled(Q, K, V, block, root=Q.shape[-1])


@tiled_attention.mistake
def keys_mixed(Q, K, V, block):
    """The keys are mixed. What is handed over are the values, V."""
    return _tiled(Q, K, K, block)


@tiled_attention.mistake
def three_things_returned(Q, K, V, block):
    """Three things came back: maximum, sum and output. Divide the output by the sum,
    and return that alone.
    """
    m = (Q @ K.T / np.sqrt(Q.shape[-1])).max(axis=-1)
    E = np.exp(Q @ K.T / np.sqrt(Q.shape[-1]) - m[:, None])
    return m, E.sum(axis=-1), E @ V


@tiled_attention.also_right
def tiled_with_parts(Q, K, V, block):
    return _tiled(Q, K, V, block)


@tiled_attention.also_right
def tiled_more_finely(Q, K, V, block):
    # A block may be smaller than it has to be.
    return _tiled(Q, K, V, min(block, 3))


@tiled_attention.also_right
def divided_and_taken_back(Q, K, V, block):
    # The output is kept divided, and multiplied again before the next block.
    m, s, O = np.full(len(Q), -np.inf), np.zeros(len(Q)), 0.0
    for start in range(0, len(K), block):
        part = slice(start, start + block)
        S = Q @ K[part].T / np.sqrt(Q.shape[-1])
        new = np.maximum(m, S.max(axis=-1))
        E, shrink = np.exp(S - new[:, None]), np.exp(m - new) * s
        m, s = new, shrink + E.sum(axis=-1)
        O = (shrink[:, None] * O + E @ V[part]) / s[:, None]
    return O


@tiled_attention.also_right
def twice_along_the_keys(Q, K, V, block):
    # First the maxima, then the rest: every score is computed twice, none is kept.
    starts, root = range(0, len(K), block), np.sqrt(Q.shape[-1])
    m = np.max([(Q @ K[i : i + block].T / root).max(axis=1) for i in starts], axis=0)
    o, s = 0.0, 0.0
    for i in starts:
        E = np.exp(Q @ K[i : i + block].T / root - m[:, None])
        o, s = o + E @ V[i : i + block], s + E.sum(axis=1)
    return o / s[:, None]


@tiled_attention.also_right
def tiled_with_torch(Q, K, V, block):
    import torch

    Q, K, V = map(torch.as_tensor, (Q, K, V))
    largest, sums, outputs = [], [], []
    for k, v in zip(K.split(block), V.split(block), strict=True):
        S = Q @ k.T / Q.shape[-1] ** 0.5
        largest.append(S.amax(-1))
        E = torch.exp(S - largest[-1][:, None])
        sums.append(E.sum(-1))
        outputs.append(E @ v)
    m = torch.stack(largest)
    shrink = torch.exp(m - m.amax(0))
    O = (shrink[..., None] * torch.stack(outputs)).sum(0)
    return O / (shrink * torch.stack(sums)).sum(0)[:, None]


def _sizes(rng, n, m, d_k, d_v, spread=1.0):
    return (
        spread * rng.standard_normal((n, d_k)),
        spread * rng.standard_normal((m, d_k)),
        rng.standard_normal((m, d_v)),
    )


@tiled_attention.case
def a_last_block_that_is_smaller(rng):
    n, d_k, d_v = different_sizes(rng, 3)
    return *_sizes(rng, n, 11, d_k, d_v), int(rng.choice([3, 4]))


@tiled_attention.case
def blocks_that_fit(rng):
    n, d_k, d_v = different_sizes(rng, 3)
    return *_sizes(rng, n, 12, d_k, d_v), int(rng.choice([3, 4]))


@tiled_attention.case
def one_block_for_all(rng):
    n, d_k, d_v = different_sizes(rng, 3)
    return *_sizes(rng, n, 5, d_k, d_v), 8


@tiled_attention.case
def huge_scores(rng):
    n, d_k, d_v = different_sizes(rng, 3)
    return *_sizes(rng, n, 10, d_k, d_v, 100.0), 3


@tiled_attention.case
def scores_far_below_zero(rng):
    n, d_k, d_v = different_sizes(rng, 3)
    Q, K, V = _sizes(rng, n, 10, d_k, d_v, 30.0)
    return 10 + np.abs(Q), -100 - np.abs(K), V, 4


@tiled_attention.case
def many_keys(rng):
    return *_sizes(rng, 101, 1000, 3, 2), int(rng.choice([32, 40]))
