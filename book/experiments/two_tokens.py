"""Two things at once: which token stands at one place, and which at another?

Ten random tokens, one question. The answer is the token at FIRST and the token at
SECOND, in this order. Behind the attention there is one linear map and nothing else.
"""

import torch

from book.experiments import attention as at

POSITIONS, FIRST, SECOND = 10, 2, 7
D_MODEL, BATCH = 32, 128


def init(drawn_from, vocabulary):
    """The parameters: tables for tokens and places, attention, and the readout."""
    return {
        "tokens": at.normal(drawn_from, vocabulary, D_MODEL),
        "places": at.normal(drawn_from, POSITIONS, D_MODEL),
        "question": at.normal(drawn_from, 1, D_MODEL),
        **at.init_attention(drawn_from, D_MODEL),
        "W_first": at.normal(drawn_from, D_MODEL, vocabulary, spread=D_MODEL**-0.5),
        "b_first": torch.zeros(len(drawn_from), vocabulary),
        "W_second": at.normal(drawn_from, D_MODEL, vocabulary, spread=D_MODEL**-0.5),
        "b_second": torch.zeros(len(drawn_from), vocabulary),
    }


def forward(params, ids, num_heads, content=True, keep=None):
    """ids (s, b, n) -> logits (s, b, 2, vocabulary), A (s, b, h, n)."""
    X = at.look_up(params["tokens"], ids) + params["places"][:, None]
    asking = params["question"][:, None].expand(-1, ids.shape[1], -1, -1)
    Y, A = at.attend(asking, X, params, num_heads, keep)
    both = [
        at.linear(Y[..., 0, :], params[f"W_{name}"], params[f"b_{name}"])
        for name in ("first", "second")
    ]
    return torch.stack(both, dim=2), A[..., 0, :]


def targets(ids):
    return ids[..., [FIRST, SECOND]]
