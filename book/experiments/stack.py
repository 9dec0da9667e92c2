"""Blocks on top of each other: with few heads and many, with and without a residual
connection and layer norm around the attention, and more and more of them.

The task is to say a sentence backwards: at each place, name the token that stands as
far from the end as this place is from the beginning. One block is enough for it. So
what a deep stack does worse is the fault of its depth.
"""

import math

import torch

from book.experiments import attention as at
from book.experiments.kept import kept

WORDS, VOCABULARY, D_MODEL, BATCH, STEPS, TESTED = 8, 16, 32, 16, 300, 256
AFTER, BEFORE = "after", "before"  # where the norm stands: post-norm and pre-norm
VARIANTS = {  # name -> residual, layer norm
    "both": (True, AFTER),
    "residual only": (True, None),
    "norm only": (False, AFTER),
    "neither": (False, None),
    "pre-norm": (True, BEFORE),
}
EVEN = "residual, even weights"  # each token takes the mean of all: nothing is copied


def init(drawn_from, depth):
    """Tables for tokens and places, `depth` blocks, and a linear readout."""
    params = {
        "tokens": at.normal(drawn_from, VOCABULARY, D_MODEL),
        "places": at.normal(drawn_from, WORDS, D_MODEL),
        "W": at.normal(drawn_from, D_MODEL, VOCABULARY, spread=D_MODEL**-0.5),
        "b": torch.zeros(len(drawn_from), VOCABULARY),
    }
    for layer in range(depth):
        block = at.init_attention(drawn_from, D_MODEL)
        block["gamma"] = torch.ones(len(drawn_from), D_MODEL)
        block["beta"] = torch.zeros(len(drawn_from), D_MODEL)
        params |= {f"{layer}.{name}": weight for name, weight in block.items()}
    return params


def layer_of(params, layer):
    """The parameters of one block, without its number."""
    mark = f"{layer}."
    own = {name: w for name, w in params.items() if name.startswith(mark)}
    return {name.removeprefix(mark): w for name, w in own.items()}


def forward(params, ids, depth, num_heads, residual, norm, weights=None):
    """ids (s, b, n) -> logits (s, b, n, vocabulary), signals and maps of all layers.

    signals: depth + 1 of (s, b, n, d); maps: depth of (s, b, h, n, n). weights: what
    to take in the place of every map.
    """
    X = at.look_up(params["tokens"], ids) + params["places"][:, None]
    signals, maps = [X], []
    for layer in range(depth):
        block = layer_of(params, layer)
        read = layer_norm(X, block["gamma"], block["beta"]) if norm == BEFORE else X
        Y, A = at.attend(read, read, block, num_heads, weights=weights)
        X = X + Y if residual else Y
        if norm == AFTER:
            X = layer_norm(X, block["gamma"], block["beta"])
        signals.append(X)
        maps.append(A)
    if norm == BEFORE:  # the sum of all blocks is brought to one scale once, at the end
        X = torch.nn.functional.layer_norm(X, X.shape[-1:])
    return at.linear(X, params["W"], params["b"]), signals, maps


def layer_norm(X, gamma, beta):
    """X (s, b, n, d), gamma and beta (s, d) -> (s, b, n, d)."""
    normed = torch.nn.functional.layer_norm(X, X.shape[-1:])
    return normed * gamma[:, None, None] + beta[:, None, None]


def task(drawn_from, count):
    """Sentences (s, b, n), and the same backwards."""
    ids = at.integers(drawn_from, VOCABULARY, count, WORDS)
    return ids, ids.flip(-1)


@kept
def race(heads, depth, rates, seeds, steps=STEPS):
    """Train `depth` blocks with residual and norm, for each number of heads.

    -> {"loss": (heads, rates, seeds, steps), "right": (heads, rates, seeds)}.
    """
    losses, right = [], []
    for num_heads in heads:
        history, share = _at_rates(depth, num_heads, "both", rates, seeds, steps)
        losses.append(history.tolist())
        right.append(share.tolist())
    return {"loss": losses, "right": right}


@kept
def deeper(depths, rates, seeds, variants=tuple(VARIANTS), steps=STEPS):
    """Train each variant at each depth, with each learning rate, with two heads.

    -> {variant: (depths, rates, seeds)}, the share of tokens that are right.
    """
    return {
        name: [
            _at_rates(depth, 2, name, rates, seeds, steps)[1].tolist()
            for depth in depths
        ]
        for name in variants
    }


def _at_rates(depth, num_heads, variant, rates, seeds, steps):
    """-> losses (rates, seeds, steps), what is right in the end (rates, seeds)."""
    each_rate = torch.tensor(rates).repeat_interleave(len(seeds))
    history, share = _train(
        at.generators(list(seeds) * len(rates)),
        depth,
        num_heads,
        VARIANTS[variant],
        each_rate,
        steps,
    )
    form = len(rates), len(seeds)
    return history.T.unflatten(0, form), share.unflatten(0, form)


def _train(drawn_from, depth, num_heads, variant, rates, steps):
    def losses(params):
        ids, wanted = task(drawn_from, BATCH)
        return at.cross_entropy(
            forward(params, ids, depth, num_heads, *variant)[0], wanted
        )

    params, history = at.train(init(drawn_from, depth), losses, steps, rates)
    ids, wanted = task(drawn_from, TESTED)
    logits = forward(params, ids, depth, num_heads, *variant)[0]
    return history, at.share_right(logits, wanted)


@kept
def at_the_start(depth, seeds, num_heads=2):
    """What goes through an untrained stack, forwards and backwards.

    -> {variant: {...}}, each (seeds, depth + 1 or depth):
    size: the mean length of a token's vector after each layer, in units of the first.
    apart: how different the tokens of a sentence are, 0 when all are the same.
    largest: the largest weight of a token, in each layer, on average.
    gradient: the length of the gradient of W_v in each layer.
    """
    found = {}
    for name, variant in (VARIANTS | {EVEN: (True, None)}).items():
        drawn_from = at.generators(seeds)
        params = init(drawn_from, depth)
        for weight in params.values():
            weight.requires_grad_()
        ids, wanted = task(drawn_from, TESTED)
        even = torch.full((1, 1, num_heads, WORDS, WORDS), 1 / WORDS)
        logits, signals, maps = forward(
            params, ids, depth, num_heads, *variant, even if name == EVEN else None
        )
        at.cross_entropy(logits, wanted).sum().backward()
        sizes = torch.stack([_length(X) for X in signals], dim=1)
        apart = [_length(X - X.mean(2, keepdim=True)) / _length(X) for X in signals]
        largest = [A.detach().amax(-1).flatten(1).mean(1) for A in maps]
        slopes = [params[f"{k}.W_v"].grad.flatten(1).norm(dim=1) for k in range(depth)]
        found[name] = {
            "size": (sizes / sizes[:, :1]).tolist(),
            "apart": torch.stack(apart, dim=1).tolist(),
            "largest": torch.stack(largest, dim=1).tolist(),
            "gradient": torch.stack(slopes, dim=1).tolist(),
        }
    return found


def _length(X):
    """The root of the mean square of a vector's length: (s, b, n, d) -> (s,)."""
    return X.detach().square().sum(-1).flatten(1).mean(1).sqrt()


def steps_until(losses, level):
    """(..., steps) -> the first step from which the loss stays below level, or inf."""
    above = torch.as_tensor(losses) >= level
    steps = torch.arange(1, above.shape[-1] + 1)
    last = (above * steps).amax(-1).double()
    return torch.where(last < len(steps), last, torch.tensor(math.inf)).numpy()
