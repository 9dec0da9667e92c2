"""Who may look at whom?

A mask is a table of yes and no, beside the scores. Where it says no, a score never
becomes a share: softmax gives exactly 0, and shares out the whole unit among the rest.
"""

import numpy as np

from autograder.exercise import different_sizes, exercise
from solutions.scaling import scale
from solutions.scores import scores
from solutions.single_head import attention
from solutions.softmax import softmax
from solutions.weighted_sum import weighted_sum

# --- the triangle -------------------------------------------------------------


@exercise(
    ordinary=False,
    hints=(
        "Number the tokens from 0. When may the query of row i look at the key of "
        "column j? Say it as a comparison of i and j.",
        "`np.arange(n)[:, None]` numbers the rows, `np.arange(n)` the columns. A "
        "comparison of the two has shape (n, n). Or look at `np.tri`.",
    ),
    points=1,
    why=(
        "Row i is the query of token i: it may look at every key whose place is "
        "not later, and its own place is not later."
    ),
    gallery=(
        "later_tokens_allowed",
        "triangle_transposed",
        "diagonal_hidden",
        "one_step_into_the_future",
        "numbers_to_add",
    ),
)
def causal_mask(n):
    """Let each token look at itself and at the tokens before it.

    n -> allowed (n, n)
    An array of bool: True where the query of the row may look at the key of the
    column.
    """
    query, key = np.arange(n)[:, None], np.arange(n)  # (n, 1), (n,)
    return key <= query  # (n, n)


@causal_mask.mistake
def later_tokens_allowed(n):
    """This is the opposite: True where a key comes later, so that each token sees what
    it must not see. In this book True means that the query may look.
    """
    return np.triu(np.ones((n, n), dtype=bool), k=1)


@causal_mask.mistake
def triangle_transposed(n):
    """The triangle is transposed: each token looks at itself and at those that come
    after it. Row i belongs to query i, and its keys go up to column i.
    """
    return np.triu(np.ones((n, n), dtype=bool))


@causal_mask.mistake
def diagonal_hidden(n):
    """The diagonal is False: no token may look at itself, and the first one at nothing
    at all. A token has been read when it asks, so it is one of its own keys.
    """
    return np.tri(n, k=-1, dtype=bool)


@causal_mask.mistake
def one_step_into_the_future(n):
    """Each token may look one token ahead: one diagonal too many is True. The last
    column that row i may see is column i.
    """
    return np.tri(n, k=1, dtype=bool)


@causal_mask.mistake
def numbers_to_add(n):
    """These are numbers to be added to the scores, 0 and minus infinity. Here the mask
    says only who may look: True or False.
    """
    return np.where(np.tri(n, dtype=bool), 0, -np.inf)


@causal_mask.mistake
def large_numbers_to_add(n):
    """These are numbers to be added to the scores, 0 and a large negative one. Here the
    mask says only who may look: True or False.
    """
    return np.where(np.tri(n, dtype=bool), 0, -1e9)


@causal_mask.mistake
def everything_allowed(n):
    """Every token may look at every other one, the later ones too. A triangle has to
    be False.
    """
    return np.ones((n, n), dtype=bool)


@causal_mask.mistake
def nothing_allowed(n):
    """Nothing is allowed. True is needed on the diagonal and below it."""
    return np.zeros((n, n), dtype=bool)


@causal_mask.mistake
def only_itself(n):
    """Each token sees itself alone. It may look at all tokens before it, too."""
    return np.eye(n, dtype=bool)


@causal_mask.mistake
def only_the_one_before(n):
    """Each token sees itself and the one before it. All earlier ones are allowed, not
    only the nearest.
    """
    return np.tri(n, dtype=bool) & ~np.tri(n, k=-2, dtype=bool)


@causal_mask.mistake
def only_earlier_shares(n):
    """Each row is divided by its sum, so these are weights already: a running mean.
    The mask says yes or no; the weights are made later, from the scores.
    """
    return np.tri(n) / np.tri(n).sum(axis=1, keepdims=True)


@causal_mask.mistake
def counted_from_the_end(n):
    """The triangle is mirrored: the first token sees the last one. Row 0 may see
    column 0 alone, and the last row all columns.
    """
    return np.tri(n, dtype=bool)[:, ::-1]


@causal_mask.mistake
def upside_down(n):
    """The triangle stands on its head: the first token sees everything, the last one
    only the first. Row i may see the columns up to i.
    """
    return np.tri(n, dtype=bool)[::-1]


@causal_mask.mistake
def axes_in_front(n):
    """The triangle is right, with axes too many in front of it. Its shape is (n, n):
    NumPy lays it over a batch and over heads by itself.
    """
    return np.tri(n, dtype=bool)[None, None]


@causal_mask.also_right
def triangle_of_ones(n):
    return np.tril(np.ones((n, n), dtype=bool))


@causal_mask.also_right
def triangle_of_zeros_and_ones(n):
    return np.tri(n)


@causal_mask.also_right
def triangle_by_loops(n):
    return [[j <= i for j in range(n)] for i in range(n)]


@causal_mask.also_right
def triangle_negated(n):
    return ~np.triu(np.ones((n, n)), k=1).astype(bool)


@causal_mask.also_right
def triangle_with_torch(n):
    import torch

    return torch.ones(n, n, dtype=torch.bool).tril()


@causal_mask.case
def a_sentence(rng):
    return (int(rng.integers(4, 8)),)


@causal_mask.case
def two_tokens(rng):
    return (2,)


@causal_mask.case
def one_token(rng):
    return (1,)


@causal_mask.must
def every_token_sees_itself(allowed, n):
    """Every token may look at itself."""
    return bool(np.all(np.diagonal(allowed)))


# --- sentences of different lengths ---------------------------------------------


@exercise(
    ordinary=False,
    hints=(
        "Number the places of a row from 0. In a sentence of 3 tokens, which of them "
        "are real?",
        "Compare `np.arange(n)`, one number for each place, with the lengths, one for "
        "each sentence. To meet as (b, n), the lengths need shape (b, 1).",
    ),
    points=1,
    why=(
        "A place holds a token as long as its number is smaller than the length; "
        "the lengths get an axis of 1, so that each sentence is compared with "
        "every place."
    ),
    gallery=(
        "padding_marked",
        "one_token_too_many",
        "sentences_in_columns",
        "pairs_of_tokens",
        "padding_as_minus_infinity",
    ),
)
def padding_mask(lengths, n):
    """Mark the real tokens of each sentence of a batch.

    lengths (b,), n -> allowed (b, n)
    An array of bool. Sentence i has lengths[i] tokens, at the front; the rest, up
    to n, is padding.
    """
    return np.arange(n) < lengths[:, None]  # (b, n)


@padding_mask.mistake
def padding_marked(lengths, n):
    """True stands at the padding. PyTorch's `key_padding_mask` wants it that way; in
    this book True means that a query may look there.
    """
    return np.arange(n) >= lengths[:, None]


@padding_mask.mistake
def one_token_too_many(lengths, n):
    """One place too many is True in each sentence that has padding. Places are counted
    from 0: a sentence of 3 tokens has the places 0, 1, 2.
    """
    return np.arange(n) <= lengths[:, None]


@padding_mask.mistake
def one_token_too_few(lengths, n):
    """The last token of each sentence counts as padding. A sentence of 3 tokens has
    the places 0, 1, 2.
    """
    return np.arange(n) < lengths[:, None] - 1


@padding_mask.mistake
def padding_in_front(lengths, n):
    """The padding is taken to stand in front of the tokens. Here it follows them."""
    return np.arange(n) >= n - lengths[:, None]


@padding_mask.mistake
def sentences_in_columns(lengths, n):
    """The table is transposed: each sentence is a column. It has a row for each
    sentence: (b, n).
    """
    return (np.arange(n) < lengths[:, None]).T


@padding_mask.mistake
def pairs_of_tokens(lengths, n):
    """This is a table for each sentence, of all pairs of real tokens. Only one row is
    asked for: which keys are real. It holds for every query alike.
    """
    real = np.arange(n) < lengths[:, None]
    return real[:, :, None] & real[:, None, :]


@padding_mask.mistake
def axes_for_heads_and_queries(lengths, n):
    """The numbers are right, and two axes of 1 are put in between, for heads and
    queries. Here the shape is (b, n); whoever uses the mask adds the axes.
    """
    return (np.arange(n) < lengths[:, None])[:, None, None, :]


@padding_mask.mistake
def padding_as_minus_infinity(lengths, n):
    """These are numbers to be added to scores, 0 and minus infinity. Here the mask says
    which tokens are real: True or False.
    """
    return np.where(np.arange(n) < lengths[:, None], 0, -np.inf)


@padding_mask.mistake
def all_as_the_first(lengths, n):
    """All sentences are taken to be as long as the first. Each has a length of its
    own.
    """
    return np.arange(n) < np.full_like(lengths, lengths[0])[:, None]


@padding_mask.mistake
def all_as_the_longest(lengths, n):
    """All sentences are taken to be as long as the longest. Each has a length of its
    own.
    """
    return np.arange(n) < np.full_like(lengths, lengths.max())[:, None]


@padding_mask.mistake
def as_wide_as_the_longest(lengths, n):
    """The table ends with the longest sentence. It has n columns, whether or not a
    sentence fills them.
    """
    return np.arange(lengths.max()) < lengths[:, None]


@padding_mask.mistake
def last_token_alone(lengths, n):
    """Only the last token of each sentence is True. All real tokens are."""
    return np.arange(n) == lengths[:, None] - 1


@padding_mask.mistake
def no_padding_at_all(lengths, n):
    """Everything is True. What lies behind the end of a sentence is padding: False."""
    return np.ones((len(lengths), n), dtype=bool)


@padding_mask.mistake
def places_of_tokens(lengths, n):
    """These are the numbers of the places, with 0 for padding. The place 0 holds a
    token, too: answer with True and False.
    """
    return np.where(np.arange(n) < lengths[:, None], np.arange(n), 0)


@padding_mask.also_right
def padding_by_loops(lengths, n):
    return [[j < length for j in range(n)] for length in lengths]


@padding_mask.also_right
def padding_as_numbers(lengths, n):
    allowed = np.zeros((len(lengths), n))
    for i, length in enumerate(lengths):
        allowed[i, :length] = 1
    return allowed


@padding_mask.also_right
def padding_from_the_other_side(lengths, n):
    return ~(np.arange(n)[None] >= np.expand_dims(lengths, 1))


@padding_mask.also_right
def padding_by_lists(lengths, n):
    return [[True] * k + [False] * (n - k) for k in lengths.tolist()]


@padding_mask.case
def different_lengths(rng):
    b, n = different_sizes(rng, 2, low=3)
    lengths = rng.integers(1, n, size=b)
    lengths[:2] = 1, n - 1
    return rng.permutation(lengths), n


@padding_mask.case
def as_many_sentences_as_places(rng):
    n = int(rng.integers(4, 7))
    return rng.permutation(np.arange(1, n + 1)), n


@padding_mask.case
def an_empty_sentence(rng):
    return np.array([int(rng.integers(2, 5)), 0, 5]), 5


# --- softmax with a mask ------------------------------------------------------


@exercise(
    ordinary=False,
    hints=(
        "Which score would become a share of exactly 0? Put it where nothing is "
        "allowed, before exp: `np.where(allowed, S, ...)`.",
        "exp of minus infinity is 0. But a row of minus infinities has the maximum "
        "minus infinity, and their difference is nan: subtract something else there.",
        "Where a row is all zeros, its total is 0 as well. In any other row the "
        "largest score has become exp(0) = 1, so the total is at least 1: what may you "
        "divide by instead of 0?",
    ),
    points=4,
    flagged=("softmax", "masked_fill", "scaled_dot_product_attention"),
    why=(
        "exp of minus infinity is exactly 0, so what is hidden takes nothing. In "
        "a row with something to see, the largest score becomes exp(0) = 1: the "
        "total is at least 1, and dividing by at least 1 changes only rows that "
        "are all 0."
    ),
    gallery=(
        "masked_after_softmax",
        "filled_with_zero",
        "mask_inverted",
        "nan_where_nothing_is_allowed",
        "nothing_allowed_and_shared_evenly",
        "zero_times_infinity",
    ),
)
def masked_softmax(S, allowed):
    """Turn each row of scores into weights over what the row may look at.

    S (n, m), allowed (n, m) -> A (n, m)
    What is not allowed gets exactly 0. A row with nothing allowed is all 0.
    """
    Z = np.where(allowed, S, -np.inf)  # (n, m)
    top = Z.max(axis=-1, keepdims=True)  # (n, 1), -inf where nothing is allowed
    E = np.exp(Z - np.where(top > -np.inf, top, 0))  # (n, m)
    return E / np.maximum(E.sum(axis=-1, keepdims=True), 1)  # the largest is exp(0)


def _filled(S, allowed, number):
    """Softmax of the scores, with a number where nothing is allowed."""
    return softmax(np.where(allowed, S, number))


@masked_softmax.mistake
def not_masked(S, allowed):
    """The mask is not used: what must not be seen gets its share all the same."""
    return softmax(S)


@masked_softmax.mistake
def masked_after_softmax(S, allowed):
    """The mask comes after softmax: what is hidden is 0 now, but it has taken its part
    of the total with it, and the rest no longer sums to 1. Hide the scores, before
    softmax.
    """
    return softmax(S) * allowed


@masked_softmax.mistake
def filled_with_zero(S, allowed):
    """The hidden scores are set to 0, or close to it. A score of 0 is a score like
    any other: exp(0) is 1, and takes its share. Set them to minus infinity.
    """
    return _filled(S, allowed, 0)


@masked_softmax.mistake
def filled_with_too_small_a_number(S, allowed):
    """The hidden scores get a negative number that is not low enough: where the others
    are lower still, the hidden ones win. Minus infinity lies below every score.
    """
    return _filled(S, allowed, -100)


@masked_softmax.mistake
def mask_inverted(S, allowed):
    """The mask is read the wrong way round: what is allowed is hidden, and what is
    hidden is shared out. True means that the query may look.
    """
    return masked_softmax(S, ~allowed)


@masked_softmax.mistake
def mask_inverted_with_minus_infinity(S, allowed):
    """The mask is read the wrong way round: True means that the query may look. And a
    row in which everything is hidden becomes nan.
    """
    return _filled(S, ~allowed, -np.inf)


@masked_softmax.mistake
def nan_where_nothing_is_allowed(S, allowed):
    """A row in which nothing is allowed becomes nan: its maximum is minus infinity, and
    its total is 0. Such a row has nobody to listen to: all its weights are 0.
    """
    return _filled(S, allowed, -np.inf)


@masked_softmax.mistake
def nothing_allowed_and_shared_evenly(S, allowed):
    """A row in which nothing is allowed shares its attention evenly among the hidden
    keys. That is what a large negative number does instead of minus infinity: all
    scores of the row are equal again. Such a row is all 0.
    """
    return _filled(S, allowed, -1e9)


@masked_softmax.mistake
def lowered_by_a_large_number(S, allowed):
    """A large number is taken from the hidden scores. Where nothing is allowed, all
    scores of the row go down alike, and softmax gives what it gives without a mask.
    Such a row is all 0.
    """
    return softmax(S - 1e6 * (1 - allowed))


@masked_softmax.mistake
def zero_times_infinity(S, allowed):
    """The mask is multiplied with infinity, and 0 times infinity is nan. Choose, do not
    multiply: `np.where(allowed, S, -np.inf)`.
    """
    return softmax(S + (1 - allowed) * -np.inf)


@masked_softmax.mistake
def mask_added_as_it_is(S, allowed):
    """The mask itself is added to the scores. True counts as 1 and False as 0, so
    nothing is hidden: it is preferred a little less.
    """
    return softmax(S + allowed)


@masked_softmax.mistake
def mask_transposed(S, allowed):
    """The mask is laid over the scores transposed. Its rows are queries and its
    columns are keys, as those of the scores.
    """
    return masked_softmax(S, allowed.T)


@masked_softmax.mistake
def infinity_among_the_weights(S, allowed):
    """Minus infinity stands among the weights. It belongs among the scores: softmax
    then turns it into 0.
    """
    return np.where(allowed, softmax(S), -np.inf)


@masked_softmax.mistake
def masked_and_overflowing(S, allowed):
    """A large score overflows: exp gives inf, and inf / inf is nan. Subtract each row's
    largest score first.
    """
    E = np.where(allowed, np.exp(S), 0)
    total = E.sum(axis=-1, keepdims=True)
    return E / np.where(total == 0, 1, total)


@masked_softmax.mistake
def masked_over_queries(S, allowed):
    """Your columns sum to 1. Each query shares out its attention over the keys that it
    may see, so it is the rows that sum to 1: axis=-1.
    """
    return masked_softmax(S.T, allowed.T).T


@masked_softmax.mistake
def masked_over_everything(S, allowed):
    """All weights together sum to 1. Every row has a whole unit of attention of its
    own, and a total of its own.
    """
    Z = np.where(allowed, S, -np.inf)
    E = np.exp(Z - Z.max())
    return E / E.sum()


@masked_softmax.mistake
def masked_and_not_divided(S, allowed):
    """The exponentials are right, and what is hidden is 0. The division is missing:
    each row by its total.
    """
    top = np.where(allowed, S, -np.inf).max(axis=-1, keepdims=True)
    return np.where(allowed, np.exp(S - np.where(np.isinf(top), 0, top)), 0)


@masked_softmax.mistake
def hidden_keys_for_all(S, allowed):
    """A key that is hidden from one query is hidden from all. Each row of the mask
    holds for its own query alone.
    """
    return masked_softmax(S, np.broadcast_to(allowed.all(axis=0), S.shape))


@masked_softmax.mistake
def queries_hidden(S, allowed):
    """The mask is laid on the queries: a row in which anything is hidden is emptied. It
    hides keys: the rest of the row stays, and sums to 1.
    """
    return softmax(S) * allowed.all(axis=1, keepdims=True)


@masked_softmax.also_right
def weights_masked_and_divided_again(S, allowed):
    A = softmax(S) * allowed
    total = A.sum(axis=-1, keepdims=True)
    return A / np.where(total == 0, 1, total)


@masked_softmax.also_right
def with_a_large_negative_number(S, allowed):
    return softmax(np.where(allowed, S, -1e9)) * allowed


@masked_softmax.also_right
def with_minus_infinity_and_nan_replaced(S, allowed):
    with np.errstate(invalid="ignore"):
        return np.nan_to_num(softmax(np.where(allowed, S, -np.inf)))


@masked_softmax.also_right
def row_by_row(S, allowed):
    A = np.zeros(S.shape)
    for i, seen in enumerate(allowed):
        if seen.any():
            A[i, seen] = softmax(S[i, seen][None])[0]
    return A


@masked_softmax.also_right
def masked_with_torch(S, allowed):
    import torch

    S, allowed = torch.as_tensor(S), torch.as_tensor(allowed)
    return S.masked_fill(~allowed, -torch.inf).softmax(-1).nan_to_num()


@masked_softmax.must
def hidden_is_zero(A, S, allowed):
    """What is not allowed must get a weight of exactly 0."""
    return bool(np.all(np.asarray(A)[~allowed] == 0))


@masked_softmax.must
def seen_rows_sum_to_one(A, S, allowed):
    """Each row that may look at something must sum to 1."""
    return np.allclose(np.sum(A, axis=-1), allowed.any(axis=-1))


def _allowed(rng, n, m, emptied=False):
    """A random mask with something to see and something hidden in each row; or with
    a row in which nothing is allowed.
    """
    allowed = rng.random((n, m)) < 0.5
    rows, seen = np.arange(n), rng.integers(m, size=n)
    allowed[rows, (seen + 1) % m] = False
    allowed[rows, seen] = True
    if emptied:
        allowed[rng.integers(n)] = False
    return allowed


@masked_softmax.case
def some_keys_hidden(rng):
    n, m = different_sizes(rng, 2, low=3)
    return rng.standard_normal((n, m)), _allowed(rng, n, m)


@masked_softmax.case
def a_triangle(rng):
    n = int(rng.integers(3, 6))
    return rng.standard_normal((n, n)), causal_mask(n)


@masked_softmax.case
def nothing_to_look_at(rng):
    n, m = different_sizes(rng, 2, low=3)
    return rng.standard_normal((n, m)), _allowed(rng, n, m, emptied=True)


@masked_softmax.case
def large_and_very_low_scores(rng):
    n, m = different_sizes(rng, 2, low=3)
    rows = 1000 * rng.choice([-1, 1], size=(n, 1))
    rows[:2] = [[1000], [-1000]]
    return rows + rng.standard_normal((n, m)), _allowed(rng, n, m)


@masked_softmax.case
def the_best_score_hidden(rng):
    n, m = different_sizes(rng, 2, low=3)
    allowed = _allowed(rng, n, m)
    return rng.standard_normal((n, m)) + 20 * ~allowed, allowed


# --- the whole ----------------------------------------------------------------


@exercise(
    ordinary=False,
    hints=(
        "It is your `attention` with one step exchanged. Which one?",
        "`masked_softmax` stands where `softmax` stood, and gets `allowed` as well.",
    ),
    points=3,
    flagged=("scaled_dot_product_attention",),
    why=(
        "Only one step of attention shares anything out: softmax. So the mask "
        "belongs there, and nowhere else."
    ),
    gallery=(
        "not_masked",
        "masked_after_softmax",
        "mask_inverted",
        "only_the_weights_masked",
        "not_scaled",
    ),
)
def masked_attention(Q, K, V, allowed):
    """Let every query attend to the keys that it may look at.

    Q (n, d_k), K (m, d_k), V (m, d_v), allowed (n, m) -> O (n, d_v), A (n, m)
    """
    S = scale(scores(Q, K), Q.shape[-1])  # (n, m)
    A = masked_softmax(S, allowed)  # (n, m)
    return weighted_sum(A, V), A


masked_attention.inherits(
    scores, but=("divided_by_sqrt_d_k", "divided_by_d_k", "softmaxed")
)
masked_attention.inherits(
    scale,
    but=("root_subtracted", "root_of_the_scores_alone"),
    divided_by_their_sum="""The scores are divided by the sum of their row. All of
    them are divided by the same number, sqrt(d_k).""",
)
masked_attention.inherits(masked_softmax)
masked_attention.inherits(weighted_sum)


@masked_attention.mistake
def scaled_after_the_mask(Q, K, V, allowed):
    """The scaling comes after softmax, so the rows do not sum to 1. First scale, then
    mask and softmax.
    """
    A = masked_softmax(Q @ K.T, allowed) / np.sqrt(Q.shape[-1])
    return A @ V, A


@masked_attention.mistake
def only_the_weights_masked(Q, K, V, allowed):
    """A is masked, but the output was mixed with weights that are not. Mix the values
    with the A that you return.
    """
    O, _ = attention(Q, K, V)
    return O, masked_attention(Q, K, V, allowed)[1]


@masked_attention.mistake
def only_the_output_masked(Q, K, V, allowed):
    """The output is right, but A came back without the mask. Return the weights that
    mixed the values.
    """
    _, A = attention(Q, K, V)
    return masked_attention(Q, K, V, allowed)[0], A


@masked_attention.mistake
def keys_mixed(Q, K, V, allowed):
    """The keys are mixed. What is handed over are the values, V."""
    return masked_attention(Q, K, K, allowed)


@masked_attention.mistake
def weights_first(Q, K, V, allowed):
    """The weights come first. The order is O, then A."""
    return masked_attention(Q, K, V, allowed)[::-1]


@masked_attention.mistake
def output_only(Q, K, V, allowed):
    """Only the output came back. The weights are asked for, too: `return O, A`."""
    return masked_attention(Q, K, V, allowed)[0]


@masked_attention.also_right
def attention_masked_and_divided_again(Q, K, V, allowed):
    A = weights_masked_and_divided_again(Q @ K.T / np.sqrt(Q.shape[-1]), allowed)
    return A @ V, A


@masked_attention.also_right
def attention_with_a_large_negative_number(Q, K, V, allowed):
    A = with_a_large_negative_number(Q @ K.T / np.sqrt(Q.shape[-1]), allowed)
    return A @ V, A


@masked_attention.also_right
def attention_query_by_query(Q, K, V, allowed):
    O, A = np.zeros((len(Q), V.shape[1])), np.zeros(allowed.shape)
    for i, seen in enumerate(allowed):
        if seen.any():  # to leave a key out is the same as to hide it
            o, a = attention(Q[i : i + 1], K[seen], V[seen])
            O[i], A[i, seen] = o[0], a[0]
    return O, A


@masked_attention.also_right
def attention_masked_with_einsum(Q, K, V, allowed):
    A = masked_softmax(np.einsum("nd,md->nm", Q / Q.shape[1] ** 0.5, K), allowed)
    return np.einsum("nm,mv->nv", A, V), A


@masked_attention.must
def nothing_is_taken_from_what_is_hidden(result, Q, K, V, allowed):
    """What is not allowed must get a weight of exactly 0."""
    return bool(np.all(np.asarray(result[1])[~allowed] == 0))


@masked_attention.case
def some_keys_hidden_from_some(rng):
    n, m, d_k, d_v = different_sizes(rng, 4)
    return (
        rng.standard_normal((n, d_k)),
        rng.standard_normal((m, d_k)),
        rng.standard_normal((m, d_v)),
        _allowed(rng, n, m),
    )


@masked_attention.case
def a_causal_mask_and_equal_sizes(rng):
    n = int(rng.integers(3, 6))
    Q, K, V = (rng.standard_normal((n, n)) for _ in "QKV")
    return Q, K, V, causal_mask(n)


@masked_attention.case
def a_query_without_keys(rng):
    n, m, d_k, d_v = different_sizes(rng, 4)
    return (
        rng.standard_normal((n, d_k)),
        rng.standard_normal((m, d_k)),
        rng.standard_normal((m, d_v)),
        _allowed(rng, n, m, emptied=True),
    )


@masked_attention.case
def scores_far_below_zero(rng):
    n, m, d_k, d_v = different_sizes(rng, 4)
    return (
        10 + rng.random((n, d_k)),
        -100 - rng.random((m, d_k)),
        rng.standard_normal((m, d_v)),
        _allowed(rng, n, m),
    )


@masked_attention.case
def huge_scores_masked(rng):
    n, m, d_k, d_v = different_sizes(rng, 4)
    return (
        100 * rng.standard_normal((n, d_k)),
        100 * rng.standard_normal((m, d_k)),
        rng.standard_normal((m, d_v)),
        np.ones((n, m), dtype=bool),
    )
