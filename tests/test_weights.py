"""The cells after the layer's check work with whatever way `check` takes for right."""

import pytest
import torch
from torch import nn

from autograder.exercises.registry import discover
from book.experiments.weights import gradients, weights

NAMES = {f"{kind}_{role}" for kind in "Wb" for role in "qkvo"}


class Linears(nn.Module):
    def __init__(self, names):
        super().__init__()
        for name in names:
            setattr(self, name, nn.Linear(6, 6))

    def forward(self, X):
        return sum(module(X).square().mean() for module in self.children())


def reference():
    return discover()["MultiHeadAttention"].reference(6, 2)


@pytest.mark.parametrize(
    "names",
    [
        ("W_q", "W_k", "W_v", "W_o"),
        ("q_proj", "k_proj", "v_proj", "out_proj"),
        ("query", "key", "value", "output"),
        ("wq", "wk", "wv", "wo"),
    ],
)
def test_linear_layers_are_found_and_turned(names):
    layer = Linears(names)
    found = weights(layer)
    assert set(found) == NAMES
    with torch.no_grad():
        found["W_k"].copy_(torch.arange(36.0).view(6, 6))
    assert torch.equal(getattr(layer, names[1]).weight, torch.arange(36.0).view(6, 6).T)
    layer(torch.ones(1, 2, 6)).backward()
    assert torch.equal(gradients(layer)["W_v"], getattr(layer, names[2]).weight.grad.T)


def test_parameters_are_found_as_they_are():
    layer = reference()
    assert all(weights(layer)[name] is getattr(layer, name) for name in NAMES)


def test_what_is_not_found_is_named():
    with pytest.raises(ValueError, match=r"W_o, b_o cannot be told"):
        weights(Linears(("q", "k", "v", "last")))
