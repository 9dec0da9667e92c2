"""How long does one more word take, with a cache and without, and how much is kept?

The two ways are timed in turn, in the same run, on one processor core. The model is one
block of attention in NumPy, as the reader writes it.
"""

import time

import numpy as np
from threadpoolctl import threadpool_limits

from book.experiments.kept import kept

ROUNDS = 5
TRIES = 5  # of a call in a round, after one that warms up; their median counts

# Published configurations: layers, heads, heads of keys and values, width of a head.
MODELS = {
    "GPT-3 175B": (96, 96, 96, 128),  # Brown et al. 2020, table 2.1
    "Mistral 7B": (32, 32, 8, 128),  # Jiang et al. 2023, table 1
    "Llama 3 8B": (32, 32, 8, 128),  # Grattafiori et al. 2024, table 3
    "Llama 3 70B": (80, 64, 8, 128),  # 8192 features for 64 heads
    "Llama 3 405B": (126, 128, 8, 128),  # 16384 features for 128 heads
}


@kept
def a_word_more(with_cache, at_once, lengths, d_model, num_heads):
    """Seconds for one word after so many: {"cache": (rounds, lengths), "anew": ...}.

    with_cache: `attend_with_cache`. at_once: `grouped_attention`, on all words again.
    """
    rng = np.random.default_rng(0)
    params = {f"b_{w}": np.zeros(d_model) for w in "qkvo"}
    for w in "qkvo":
        W = rng.standard_normal((d_model, d_model)) / np.sqrt(d_model)
        params[f"W_{w}"] = W
    return _timed(with_cache, at_once, lengths, params, num_heads, rng)


@threadpool_limits.wrap(limits=1)
def _timed(with_cache, at_once, lengths, params, num_heads, rng):
    d_model = len(params["W_q"])
    seconds = {"cache": [], "anew": []}
    for _ in range(ROUNDS):
        rows = {"cache": [], "anew": []}
        for n in lengths:
            X = rng.standard_normal((n, d_model))
            shape = num_heads, n - 1, d_model // num_heads
            cache = {name: rng.standard_normal(shape) for name in "KV"}
            calls = {
                "cache": lambda: with_cache(X[-1], cache, params, num_heads),  # noqa: B023
                "anew": lambda: at_once(X, params, num_heads, num_heads),  # noqa: B023
            }
            for name, call in calls.items():
                rows[name].append(_seconds(call))
        for name, row in rows.items():
            seconds[name].append(row)
    return seconds


def _seconds(call):
    """The first call reads the weights into the fast memory, and is not counted."""
    call()
    tries = []
    for _ in range(TRIES):
        start = time.perf_counter()
        call()
        tries.append(time.perf_counter() - start)
    return float(np.median(tries))
