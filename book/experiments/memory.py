"""How much memory does attention take while it runs, at once and block by block?

The peak is what NumPy asked for between the call and its end: numbers of Python and
what was there before are not in it. And how long do they take, beside PyTorch's fused
attention, on one core?
"""

import time
import tracemalloc

import numpy as np
import torch
from threadpoolctl import threadpool_limits
from torch.nn.functional import scaled_dot_product_attention

from book.experiments.kept import kept

ROUNDS = 3


def drawn(n, d):
    """Queries, keys and values for n tokens: three times (n, d)."""
    rng = np.random.default_rng(0)
    return tuple(rng.standard_normal((n, d)) for _ in range(3))


def peak(function, *arguments):
    """The largest number of bytes that a call had at a time."""
    tracemalloc.start()
    try:
        function(*arguments)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@kept
def against_length(at_once, tiled, lengths, d, block):
    """Bytes at the peak: {"at once": (lengths,), "in blocks": (lengths,)}."""
    return {
        "at once": [peak(at_once, *drawn(n, d)) for n in lengths],
        "in blocks": [peak(tiled, *drawn(n, d), block) for n in lengths],
    }


@kept
def seconds(at_once, tiled, n, d, block):
    """Seconds of each way, the quickest of three, and how far they are apart."""
    return _timed(at_once, tiled, drawn(n, d), block)


@threadpool_limits.wrap(limits=1)
def _timed(at_once, tiled, arrays, block):
    tensors = [torch.from_numpy(M)[None, None] for M in arrays]
    calls = {
        "at once": lambda: at_once(*arrays)[0],
        "in blocks": lambda: tiled(*arrays, block),
        "PyTorch, fused": lambda: scaled_dot_product_attention(*tensors)[0, 0].numpy(),
    }
    taken, results = dict.fromkeys(calls, np.inf), {}
    for _ in range(ROUNDS):
        for name, call in calls.items():
            start = time.perf_counter()
            results[name] = call()
            taken[name] = min(taken[name], time.perf_counter() - start)
    apart = {
        name: float(np.abs(result - results["at once"]).max())
        for name, result in results.items()
    }
    return {"seconds": taken, "apart": apart}
