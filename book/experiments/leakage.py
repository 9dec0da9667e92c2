"""What does a model learn that can see what it is asked for?

Each sentence is random, so that nothing can be known of its next token: whoever guesses
right has looked. One head is trained twice, with a causal mask and without, and then
asked as it is asked when it writes, with nothing behind the last token.
"""

import math

import torch

from book.experiments import attention
from book.experiments.kept import kept

TOKENS, VOCABULARY, WIDTH = 8, 12, 24
STEPS, BATCH, RATE = 200, 32, 0.03


def init(drawn_from):
    """Tokens, places, one head and a readout: name -> (s, ...)."""
    spread = 1 / math.sqrt(WIDTH)
    return {
        "tokens": attention.normal(drawn_from, VOCABULARY, WIDTH),
        "places": attention.normal(drawn_from, TOKENS, WIDTH),
        "readout": attention.normal(drawn_from, WIDTH, VOCABULARY, spread=spread),
        **{
            f"W_{w}": attention.normal(drawn_from, WIDTH, WIDTH, spread=spread)
            for w in "qkv"
        },
    }


def forward(params, ids, causal):
    """ids (s, b, n) -> what comes after each place: logits (s, b, n, vocabulary)."""
    n = ids.shape[-1]
    X = attention.look_up(params["tokens"], ids)
    X = X + params["places"][:, None, :n]
    Q, K, V = (torch.einsum("sbnd,sde->sbne", X, params[f"W_{w}"]) for w in "qkv")
    S = Q @ K.mT / math.sqrt(WIDTH)
    if causal:
        S = S.masked_fill(~torch.ones(n, n, dtype=torch.bool).tril(), -torch.inf)
    return torch.einsum("sbnd,sdv->sbnv", S.softmax(-1) @ V, params["readout"])


@kept
def trained(causal, seeds):
    """{"training": share of next tokens named right, "writing": the same, asked so}.

    In training a whole sentence lies on the table, and each place is asked for the
    token after it. In writing only the tokens up to a place are there.
    """
    drawn_from = attention.generators(seeds)

    def draw():
        ids = attention.integers(drawn_from, VOCABULARY, BATCH, TOKENS)
        return ids[..., :-1], ids[..., 1:]

    def losses(params):
        ids, following = draw()
        # The whole sentence but its last token is read: it holds all answers but one.
        logits = forward(params, ids, causal)[..., :-1, :]
        return attention.cross_entropy(logits, following[..., :-1])

    params, _ = attention.train(init(drawn_from), losses, STEPS, RATE)
    ids, following = draw()
    read = forward(params, ids, causal)[..., :-1, :]
    last = [
        forward(params, ids[..., : t + 1], causal)[..., -1:, :]
        for t in range(read.shape[-2])
    ]
    return {
        "training": attention.share_right(read, following[..., :-1]).tolist(),
        "writing": attention.share_right(
            torch.cat(last, dim=-2), following[..., :-1]
        ).tolist(),
    }
