"""How does a word become a row of numbers?

Every word of the vocabulary has a number, its id, and a row of a table. A sentence
is looked up, word by word.
"""

import numpy as np

from autograder.exercise import exercise


@exercise(
    hints=(
        "Take the second token of the sentence. Its id is a number: which row of the "
        "table does it point to?",
        "NumPy accepts a whole array of row numbers between the brackets, and gives "
        "back one row for each of them, in that order.",
    ),
    points=2,
    ordinary=False,  # token_ids are whole numbers, rows of the table
    flagged=("embedding", "Embedding"),
    gallery=(
        "columns_instead_of_rows",
        "one_column_a_token",
        "first_rows_of_the_table",
        "ids_counted_from_one",
        "one_hot",
        "summed_over_tokens",
    ),
)
def embed(token_ids, table):
    """Look up one row of the table for each token of the sentence.

    token_ids (n,), table (vocab, d_model) -> X (n, d_model)
    """
    return table[token_ids]  # (n, d_model)


@embed.mistake
def columns_instead_of_rows(token_ids, table):
    """The ids pick columns here. A word of the vocabulary owns a row of the table,
    and rows are the first axis.
    """
    return table[:, token_ids]


@embed.mistake
def one_column_a_token(token_ids, table):
    """The vectors are the right ones, but each stands in a column. Token i owns row
    i of X.
    """
    return table[token_ids].T


@embed.mistake
def first_rows_of_the_table(token_ids, table):
    """These are the first n rows of the table: the words in the vocabulary's order,
    not the sentence's. The ids say which rows to take.
    """
    return table[: len(token_ids)]


@embed.mistake
def ids_counted_from_one(token_ids, table):
    """Every token gets the row of the word before it. Ids count from 0, as Python's
    indices do, so nothing has to be subtracted.
    """
    return table[token_ids - 1]


@embed.mistake
def ids_shifted_up(token_ids, table):
    """Every token gets the row of the word after it. Ids count from 0, as Python's
    indices do, so nothing has to be added.
    """
    return table[(token_ids + 1) % len(table)]


@embed.mistake
def repeats_dropped(token_ids, table):
    """A word that occurs twice in the sentence needs two rows. Here each different
    word has one, sorted by id.
    """
    return table[np.unique(token_ids)]


@embed.mistake
def sorted_by_id(token_ids, table):
    """The rows are sorted by id. They have to stand in the sentence's order: row i
    belongs to token i.
    """
    return table[np.sort(token_ids)]


@embed.mistake
def reversed_sentence(token_ids, table):
    """The sentence stands backwards: the first row belongs to the last token."""
    return table[token_ids[::-1]]


@embed.mistake
def one_hot(token_ids, table):
    """These are one-hot rows: a single 1 that marks the word. They still have to
    meet the table: one-hot rows times the table picks the words' own rows.
    """
    return np.eye(len(table))[token_ids]


@embed.mistake
def summed_over_tokens(token_ids, table):
    """All tokens are added up into one vector, and nobody can tell them apart any
    more. Attention needs one row for each token.
    """
    return table[token_ids].sum(axis=0)


@embed.mistake
def averaged_over_tokens(token_ids, table):
    """All tokens are averaged into one vector, and nobody can tell them apart any
    more. Attention needs one row for each token.
    """
    return table[token_ids].mean(axis=0)


@embed.mistake
def last_token_only(token_ids, table):
    """Only the last token is left: a loop overwrites its result each time round.
    Keep one row for each token.
    """
    return table[token_ids[-1]]


@embed.mistake
def first_token_only(token_ids, table):
    """Only the first token is there. A `return` inside the loop ends it at once."""
    return table[token_ids[0]]


@embed.mistake
def ids_times_table(token_ids, table):
    """The ids are used as numbers to multiply with. An id is a name: word 6 is not
    three times word 2. Use it as an index.
    """
    return token_ids[:, None] * table[: len(token_ids)]


@embed.mistake
def scaled_by_sqrt_d_model(token_ids, table):
    """These are the right rows times sqrt(d_model). The paper does that where it
    shares the table with the output layer; here the plain rows are asked for.
    """
    return table[token_ids] * np.sqrt(table.shape[-1])


@embed.mistake
def position_added(token_ids, table):
    """Each row has its position in the sentence added. The table alone is asked for
    here: positions are a step of their own.
    """
    return table[token_ids] + np.arange(len(token_ids))[:, None]


@embed.mistake
def unit_length(token_ids, table):
    """Each row is divided by its length. Take the rows as they stand in the table."""
    X = table[token_ids]
    return X / np.linalg.norm(X, axis=-1, keepdims=True)


@embed.also_right
def with_take(token_ids, table):
    return np.take(table, token_ids, axis=0)


@embed.also_right
def with_loop(token_ids, table):
    return [table[i] for i in token_ids]


@embed.also_right
def with_one_hot_product(token_ids, table):
    return np.eye(len(table))[token_ids] @ table


@embed.also_right
def with_stack(token_ids, table):
    return np.stack([table[int(i), :] for i in token_ids])


@embed.also_right
def with_torch(token_ids, table):
    import torch
    from torch.nn.functional import embedding

    return embedding(torch.as_tensor(token_ids), torch.as_tensor(table))


@embed.case
def a_word_twice(rng):
    # One word occurs twice, and the ids stand in no order that sorting keeps.
    words = rng.permutation(9)[:4]
    token_ids = np.array([words[0], words[1], words[2], words[0], words[3]])
    if words[0] < words[1]:
        token_ids = token_ids[::-1].copy()
    return token_ids, rng.standard_normal((9, int(rng.integers(2, 5))))


@embed.case
def one_token(rng):
    return rng.integers(1, 7, size=1), rng.standard_normal((7, 3))


@embed.case
def as_many_words_as_features(rng):
    # A square table lets the wrong axis run.
    size = int(rng.integers(5, 8))
    token_ids = rng.permutation(size)[:4]
    return np.append(token_ids, token_ids[1]), rng.standard_normal((size, size))
