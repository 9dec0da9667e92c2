"""What becomes of two heads that start with the same weights?

Two heads with fixed random weights produce a target from random sentences. Two others
are trained to do the same, and start in several ways.
"""

import torch
from torch.nn.functional import scaled_dot_product_attention

from book.experiments.kept import kept

SENTENCES, TOKENS, D_MODEL, D_K = 16, 5, 6, 3
SPREAD, RATE, STEPS = 0.6, 0.1, 150


@kept
def trained_from():
    """Train from each start -> {start: (gradients apart, heads apart, error left)}.

    Gradients apart: the largest difference between the gradients of the two W_q in
    the first step. Heads apart: that between the two W_q in the end. Error left: the
    mean square error in the end, as a share of the target's mean square.
    """
    torch.manual_seed(0)
    sentences = torch.randn(SENTENCES, TOKENS, D_MODEL, dtype=torch.float64)
    target = _two_heads(sentences, *_random())
    W_q, W_k, W_v, W_o = _random()
    twice = [_first_twice(W) for W in (W_q, W_k, W_v)]
    starts = {
        "random": [W_q, W_k, W_v, W_o],
        "equal": [*twice, _first_twice(W_o)],
        "equal, but not in W_o": [*twice, W_o],
        "all zero": [0 * W for W in (W_q, W_k, W_v, W_o)],
    }
    return {name: _train(W, sentences, target) for name, W in starts.items()}


def _random():
    """W_q, W_k, W_v (h, d_model, d_k) and W_o (h, d_k, d_model) of two heads."""
    shapes = [(2, D_MODEL, D_K)] * 3 + [(2, D_K, D_MODEL)]
    return [SPREAD * torch.randn(shape, dtype=torch.float64) for shape in shapes]


def _first_twice(W):
    """The first head in the place of both."""
    return W[:1].repeat(2, 1, 1)


def _two_heads(X, W_q, W_k, W_v, W_o):
    """X (s, n, d_model) -> (s, n, d_model)."""
    Q, K, V = (torch.einsum("snd,hdk->shnk", X, W) for W in (W_q, W_k, W_v))
    O = scaled_dot_product_attention(Q, K, V)
    return torch.einsum("shnv,hvd->snd", O, W_o)


def _train(weights, sentences, target):
    weights = [W.clone().requires_grad_() for W in weights]
    for step in range(STEPS):
        error = ((_two_heads(sentences, *weights) - target) ** 2).mean()
        gradients = torch.autograd.grad(error, weights)
        if step == 0:
            at_first = _apart(gradients[0])
        with torch.no_grad():
            for W, gradient in zip(weights, gradients, strict=True):
                W -= RATE * gradient
    return at_first, _apart(weights[0]), (error / (target**2).mean()).item()


def _apart(W):
    return (W[0] - W[1]).abs().max().item()
