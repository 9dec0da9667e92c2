"""The weights of a layer under the names of this book, whichever way it holds them."""

import torch

ROLES = ("q", "k", "v", "o")


def weights(layer):
    """Views of the eight weights of a layer: W (d_in, d_out) and b (d_out,), by name.

    layer: a torch.nn.Module with parameters `W_q` to `b_o`, or with four `nn.Linear`,
    each named after what it makes: `W_q`, `q_proj`, `query`, `out_proj` ... What is
    copied into a view is in the layer. ValueError where a weight is not found.
    """
    return {name: view(weight) for name, (weight, view) in _found(layer).items()}


def gradients(layer):
    """The gradients of the same weights, in the same shapes, by the same names."""
    return {name: view(weight.grad) for name, (weight, view) in _found(layer).items()}


def _found(layer):
    found = {}
    for path, module in layer.named_modules():
        role = path.rpartition(".")[2].lower().removeprefix("w").lstrip("_")[:1]
        if isinstance(module, torch.nn.Linear) and role in ROLES:
            found[f"W_{role}"] = module.weight, torch.t  # (d_out, d_in) in there
            found[f"b_{role}"] = module.bias, _as_it_is
    for path, parameter in layer.named_parameters():
        if path[:2] in ("W_", "b_") and path[2:] in ROLES:
            found[path] = parameter, _as_it_is
    names = [f"{kind}_{role}" for role in ROLES for kind in "Wb"]
    missing = [name for name in names if found.get(name, (None,))[0] is None]
    if missing:
        raise ValueError(
            f"{', '.join(missing)} cannot be told from the names in this layer. "
            "`check` tries them all; for this cell, call them W_q, W_k, W_v and W_o."
        )
    return {name: found[name] for name in names}


def _as_it_is(weight):
    return weight
