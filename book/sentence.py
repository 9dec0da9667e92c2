"""The running sentence of the book, with vectors set by hand.

Every chapter works on these numbers. They are small integers with a meaning, so
that a reader can follow each step with a pencil. Nothing here was trained.

The sizes differ from each other on purpose: n = 4 tokens, 7 words in the
vocabulary, d_model = 6, d_k = 3, d_v = 2. A wrong axis shows at once.
"""

import numpy as np

TOKENS = ("the", "tired", "cat", "slept")
VOCABULARY = ("the", "cat", "dog", "tired", "lively", "slept", "ran")
FEATURES = ("thing", "action", "quality", "pointer", "alive", "energy")
ASKS_FOR = ("thing", "quality", "action")
CARRIES = ("alive", "energy")

# One row a word of the vocabulary, one column a feature: (vocab, d_model).
TABLE = np.array(
    [
        [0, 0, 0, 1, 0, 0],  # the
        [1, 0, 0, 0, 1, 1],  # cat
        [1, 0, 0, 0, 1, 2],  # dog
        [0, 0, 1, 0, 0, -2],  # tired
        [0, 0, 1, 0, 0, 2],  # lively
        [0, 1, 0, 0, 0, -1],  # slept
        [0, 1, 0, 0, 0, 2],  # ran
    ],
    dtype=float,
)
TOKEN_IDS = np.array([VOCABULARY.index(token) for token in TOKENS])

# One head. Weights are (d_in, d_out) and apply as X @ W + b.
PARAMS = {
    # What a token looks for: a thing, a quality, an action.
    "W_q": np.array(
        [[-1, 3, 1], [2, 1, 0], [1, 0, 1], [0, 0, 0], [0, 0, 0], [0, 0, 0]],
        dtype=float,
    ),
    "b_q": np.array([1, 0, 0], dtype=float),
    # What a token offers, in the same three terms.
    "W_k": np.array(
        [[1, 0, 0], [0, 0, 2], [0, 2, 0], [0, 0, 0], [1, 0, 0], [0, 0, 0]],
        dtype=float,
    ),
    "b_k": np.array([0, 0, 0], dtype=float),
    # What a token hands over: how alive it is, and its energy.
    "W_v": np.array(
        [[1, 0], [0, 0], [0, 0], [0, 0], [1, 0], [0, 1]],
        dtype=float,
    ),
    "b_v": np.array([0, 0], dtype=float),
}

# What the first two chapters compute from the above, written out: a later chapter
# can start from these numbers without giving away how they are made.
X = np.array(  # (n, d_model)
    [
        [0, 0, 0, 1, 0, 0],  # the
        [0, 0, 1, 0, 0, -2],  # tired
        [1, 0, 0, 0, 1, 1],  # cat
        [0, 1, 0, 0, 0, -1],  # slept
    ],
    dtype=float,
)
Q = np.array([[1, 0, 0], [2, 0, 1], [0, 3, 1], [3, 1, 0]], dtype=float)  # (n, d_k)
K = np.array([[0, 0, 0], [0, 2, 0], [2, 0, 0], [0, 0, 2]], dtype=float)  # (n, d_k)
V = np.array([[0, 0], [0, -2], [2, 1], [0, -1]], dtype=float)  # (n, d_v)

# Two heads, h = 2 and d_k = d_v = 3: columns 0 to 2 belong to head one, columns 3 to
# 5 to head two. Neither sees a slice of X; each reads all six features with weights
# of its own.
HEADS = ("who does what?", "what is it like?")
HEADS_CARRY = (("alive", "action", "energy"), ("quality", "energy", "pointer"))

HEADS_PARAMS = {
    # Head one: a thing looks for its action, all others for a thing. Head two: each
    # looks for a quality, and "the" for nothing. Both in the terms of ASKS_FOR.
    "W_q": np.array(
        [
            [-2, 0, 3, 0, 3, 0],  # thing
            [1, 0, 0, 0, 2, 0],  # action
            [0, 0, 0, 0, 1, 0],  # quality
            [0, 0, 0, 0, 0, 0],  # pointer
            [0, 0, 0, 0, 0, 0],  # alive
            [0, 0, 0, 0, 0, 0],  # energy
        ],
        dtype=float,
    ),
    "b_q": np.array([2, 0, 0, 0, 0, 0], dtype=float),
    # What a token offers, in the same terms. To head one a living thing offers more,
    # to head two a quality does.
    "W_k": np.array(
        [
            [1, 0, 0, 1, 0, 0],
            [0, 0, 2, 0, 0, 1],
            [0, 1, 0, 0, 2, 0],
            [0, 0, 0, 0, 0, 0],
            [1, 0, 0, 0, 0, 0],
            [0, 0, 0, 0, 0, 0],
        ],
        dtype=float,
    ),
    "b_k": np.array([0, 0, 0, 0, 0, 0], dtype=float),
    # What a token hands over, in the terms of HEADS_CARRY. Both heads read energy.
    "W_v": np.array(
        [
            [1, 0, 0, 0, 0, 0],
            [0, 1, 0, 0, 0, 0],
            [0, 0, 0, 1, 0, 0],
            [0, 0, 0, 0, 0, 1],
            [1, 0, 0, 0, 0, 0],
            [0, 0, 1, 0, 1, 0],
        ],
        dtype=float,
    ),
    "b_v": np.array([0, 0, 0, 0, 0, 0], dtype=float),
    # Back to FEATURES: the rows are what the heads found, the columns where it goes.
    # What both heads found about energy is added up.
    "W_o": np.array(
        [
            [1, 0, 0, 0, 1, 0],  # head one: alive
            [0, 1, 0, 0, 0, 0],  # head one: action
            [0, 0, 0, 0, 0, 1],  # head one: energy
            [0, 0, 1, 0, 0, 0],  # head two: quality
            [0, 0, 0, 0, 0, 1],  # head two: energy
            [0, 0, 0, 1, 0, 0],  # head two: pointer
        ],
        dtype=float,
    ),
    "b_o": np.array([0, 0, 0, 0, 0, 1], dtype=float),
}

# What these weights make of X, split into heads and written out: (h, n, d_k).
HEADS_Q = np.array(
    [
        [[2, 0, 0], [2, 0, 0], [0, 0, 3], [3, 0, 0]],
        [[0, 0, 0], [0, 1, 0], [0, 3, 0], [0, 2, 0]],
    ],
    dtype=float,
)
HEADS_K = np.array(
    [
        [[0, 0, 0], [0, 1, 0], [2, 0, 0], [0, 0, 2]],
        [[0, 0, 0], [0, 2, 0], [1, 0, 0], [0, 0, 1]],
    ],
    dtype=float,
)
HEADS_V = np.array(
    [
        [[0, 0, 0], [0, 0, -2], [2, 0, 1], [0, 1, -1]],
        [[0, 0, 1], [1, -2, 0], [0, 1, 0], [0, -1, 0]],
    ],
    dtype=float,
)

# After layer norm: quality counts double, energy half, and alive starts at one.
GAMMA = np.array([1, 1, 2, 1, 1, 0.5])  # (d_model,)
BETA = np.array([0, 0, 0, 0, 1, 0], dtype=float)  # (d_model,)
