"""How long does a block take: with few heads and many, on few tokens and many?

Two ways to compute the same thing are timed in turn, in the same run:
`multi_head_attention` in NumPy, which makes the attention maps, and PyTorch's fused
attention, which never holds a whole map. Both compute on one processor core, and in
float64: in NumPy, float32 scores that are divided by np.sqrt(d_k) become float64.
"""

import time

import numpy as np
import torch
from threadpoolctl import threadpool_limits
from torch.nn.functional import scaled_dot_product_attention

from book.experiments.kept import kept

ROUNDS = 5
TRIES = 3  # the quickest one counts: what else the computer does only adds time


def fused(X, params, num_heads):
    """X (n, d_model) -> Y (n, d_model), with PyTorch's fused attention."""
    Q, K, V = (
        (X @ params[f"W_{w}"] + params[f"b_{w}"])
        .unflatten(-1, (num_heads, -1))
        .transpose(0, 1)
        for w in "qkv"
    )
    O = scaled_dot_product_attention(Q[None], K[None], V[None])[0]
    return O.transpose(0, 1).flatten(1) @ params["W_o"] + params["b_o"]


@kept
def against_heads(block, n, d_model, heads):
    """Seconds for each number of heads: {"NumPy": (rounds, heads), "PyTorch": ...}.

    block: `multi_head_attention`.
    """
    return _timed(block, [(n, d_model, h) for h in heads])


@kept
def against_length(block, lengths, d_model, num_heads):
    """Seconds for each length: {"NumPy": (rounds, lengths), "PyTorch": ...}."""
    return _timed(block, [(n, d_model, num_heads) for n in lengths])


@threadpool_limits.wrap(limits=1)
def _timed(block, sizes):
    calls = [_calls(block, *size) for size in sizes]
    seconds = {name: [] for name in calls[0]}
    for _ in range(ROUNDS + 1):  # the first one warms up
        for name, rows in seconds.items():
            rows.append([_seconds(call[name]) for call in calls])
    return {name: rows[1:] for name, rows in seconds.items()}


def _calls(block, n, d_model, num_heads):
    rng = np.random.default_rng(0)
    shapes = {f"W_{w}": (d_model, d_model) for w in "qkvo"}
    shapes |= {f"b_{w}": (d_model,) for w in "qkvo"}
    params = {
        name: rng.standard_normal(shape) / d_model**0.5
        for name, shape in shapes.items()
    }
    X = rng.standard_normal((n, d_model))
    tensors = {name: torch.from_numpy(value) for name, value in params.items()}
    return {
        "NumPy": lambda: block(X, params, num_heads),
        "PyTorch": lambda: fused(torch.from_numpy(X), tensors, num_heads),
    }


def _seconds(call):
    tries = []
    for _ in range(TRIES):
        start = time.perf_counter()
        call()
        tries.append(time.perf_counter() - start)
    return min(tries)


def ratios(rows):
    """Seconds (rounds, sizes) -> each round divided by its own first size."""
    rows = np.asarray(rows)
    return rows / rows[:, :1]
