"""Multi-head attention for several seeds at once, and how it is trained.

The function is the one of chapter 12. Only axes are added in front: s seeds, each
with weights of its own, and b sentences.
"""

import math

import torch

STEPS_OF_WARMUP = 50


def generators(seeds):
    """A random generator of its own for each seed."""
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def normal(drawn_from, *shape, spread=1.0):
    """Normal numbers, (s, *shape): one draw from each generator."""
    return spread * torch.stack([torch.randn(shape, generator=g) for g in drawn_from])


def integers(drawn_from, high, *shape):
    """Whole numbers from 0 to high - 1, (s, *shape): one draw from each generator."""
    drawn = [torch.randint(high, shape, generator=g) for g in drawn_from]
    return torch.stack(drawn)


def init_attention(drawn_from, d_model):
    """The parameters of chapter 8: W (s, d_model, d_model), b (s, d_model)."""
    params = {}
    for letter in "qkvo":
        params[f"W_{letter}"] = normal(
            drawn_from, d_model, d_model, spread=1 / math.sqrt(d_model)
        )
        params[f"b_{letter}"] = torch.zeros(len(drawn_from), d_model)
    return params


def linear(X, W, b):
    """X (s, ..., d_in), W (s, d_in, d_out), b (s, d_out) -> (s, ..., d_out)."""
    rows = torch.baddbmm(b.unsqueeze(1), X.flatten(1, -2), W)
    return rows.unflatten(1, X.shape[1:-1])


def attend(asking, X, params, num_heads, *, offering=None, weights=None, keep=None):
    """asking (s, b, n, d), X (s, b, m, d) -> Y (s, b, n, d), A (s, b, h, n, m).

    What an experiment may change: offering, what the keys are made of, in the place of
    X; weights, in the place of A; keep (h,), which heads go on to the output
    projection, 1 or 0.
    """
    offering = X if offering is None else offering
    Q = split_heads(linear(asking, params["W_q"], params["b_q"]), num_heads)
    K = split_heads(linear(offering, params["W_k"], params["b_k"]), num_heads)
    V = split_heads(linear(X, params["W_v"], params["b_v"]), num_heads)
    A = torch.softmax(Q @ K.mT / math.sqrt(Q.shape[-1]), dim=-1)
    heads = (A if weights is None else weights) @ V  # (s, b, h, n, d_k)
    if keep is not None:
        heads = heads * torch.tensor(keep, dtype=heads.dtype)[:, None, None]
    O = heads.transpose(2, 3).flatten(3)  # (s, b, n, d)
    return linear(O, params["W_o"], params["b_o"]), A


def split_heads(X, num_heads):
    """X (s, b, n, d) -> (s, b, h, n, d_k)."""
    return X.unflatten(-1, (num_heads, -1)).transpose(2, 3)


def look_up(table, ids):
    """table (s, vocabulary, d), ids (s, ...) -> (s, ..., d)."""
    s, vocabulary, d = table.shape
    first = vocabulary * torch.arange(s).view(s, *[1] * (ids.dim() - 1))
    return torch.nn.functional.embedding(ids + first, table.reshape(-1, d))


def cross_entropy(logits, targets):
    """logits (s, ..., classes), targets (s, ...) -> the mean of each seed, (s,)."""
    classes = logits.shape[-1]
    each = torch.nn.functional.cross_entropy(
        logits.reshape(-1, classes), targets.reshape(-1), reduction="none"
    )
    return each.view(len(logits), -1).mean(dim=1)


def share_right(logits, targets):
    """logits (s, ..., classes), targets (s, ...) -> the share that is right, (s,)."""
    return (logits.argmax(-1) == targets).flatten(1).float().mean(dim=1)


def train(params, losses, steps, rate, watch=None):
    """Change `params` in place with Adam, and return the losses (steps, s).

    losses: function that draws a batch and returns one loss for each seed, (s,).
    rate: the largest learning rate; it rises at the start and falls to zero.
    watch: called before each step with its number.
    """
    weights = [weight.requires_grad_() for weight in params.values()]
    adam = torch.optim.Adam(weights, lr=rate)
    history = []
    for step in range(steps):
        if watch:
            watch(step)
        rising = min(1, (step + 1) / STEPS_OF_WARMUP)
        falling = 0.5 + 0.5 * math.cos(math.pi * step / steps)
        adam.param_groups[0]["lr"] = rate * rising * falling
        adam.zero_grad()
        loss = losses()
        loss.sum().backward()  # each seed's weights are in its own loss only
        adam.step()
        history.append(loss.detach())
    for weight in weights:
        weight.requires_grad_(False)
    return torch.stack(history)
