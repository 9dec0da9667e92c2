"""Multi-head attention for several seeds at once, and how it is trained.

The function is `multi_head_attention`. Only axes are added in front: s seeds, each
with weights of its own, and b sentences.
"""

import math

import torch

WARM_UP = 50  # steps in which the learning rate rises


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
    """The parameters of `init_parameters`: W (s, d_model, d_model), b (s, d_model)."""
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


def train(params, losses, steps, rates, watch=None):
    """Train with Adam -> the trained parameters, and the losses (steps, s).

    params: name -> (s, ...), the start. losses(params): draws a batch and returns one
    loss for each seed, (s,). rates: the largest learning rate, for all or for each
    seed; it rises at the start and falls to zero. watch(step, params): called before
    each step.
    """
    shapes = [weight.shape[1:] for weight in params.values()]
    sizes = [shape.numel() for shape in shapes]
    # All numbers of a seed in one row: one step of Adam for all parameters at once.
    flat = torch.cat([weight.flatten(1) for weight in params.values()], dim=1)
    flat.requires_grad_()
    mean, square = torch.zeros_like(flat), torch.zeros_like(flat)
    rates, history = torch.as_tensor(rates).reshape(-1, 1), []

    def named():
        parts = zip(params, flat.split(sizes, dim=1), shapes, strict=True)
        return {name: part.unflatten(1, shape) for name, part, shape in parts}

    for step in range(steps):
        if watch:
            with torch.no_grad():
                watch(step, named())
        loss = losses(named())
        # Each seed's weights are in its own loss only, so the sum mixes nothing.
        (gradient,) = torch.autograd.grad(loss.sum(), flat)
        history.append(loss.detach())
        with torch.no_grad():
            mean.lerp_(gradient, 0.1)
            square.lerp_(gradient**2, 0.001)
            now = step + 1
            rise = min(1, now / WARM_UP)
            fall = 0.5 + 0.5 * math.cos(math.pi * step / steps)
            size = (square / (1 - 0.999**now)).sqrt_().add_(1e-8)
            flat -= rates * rise * fall * mean / (1 - 0.9**now) / size
    with torch.no_grad():
        return named(), torch.stack(history)
