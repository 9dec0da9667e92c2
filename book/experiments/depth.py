"""What goes through a deep stack of attention blocks before it has learnt anything?

Each block attends and has random weights; the wiring says what is done around it. One
run takes a moment, so nothing is kept.
"""

import numpy as np
import torch

TOKENS, D_MODEL, HEADS = 10, 32, 4


def through_stacks(wiring, seeds, depth=24):
    """Several random stacks: the four of `through_a_stack`, each (seeds, depth)."""
    runs = [through_a_stack(wiring, depth, seed) for seed in seeds]
    return [np.array(lines) for lines in zip(*runs, strict=True)]


def through_a_stack(wiring, depth=24, seed=0):
    """Send random tokens up a stack, and a random gradient down again.

    wiring(X, attend, norm) -> X: what one block makes of its input, (n, d_model).
    Returns four lists, one number for each block: the root mean square of the features
    after it, the share of a token that is not common to all tokens, and the lengths of
    the gradients of its W_q and of its W_v.
    """
    torch.manual_seed(seed)
    norm = torch.nn.LayerNorm(D_MODEL, dtype=torch.float64)
    X = torch.randn(TOKENS, D_MODEL, dtype=torch.float64)
    blocks, size, unlike = [], [], []
    for _ in range(depth):
        block = _block()
        X = wiring(X, lambda Z, block=block: block(Z, Z, Z)[0], norm)
        blocks.append(block)
        size.append(X.square().mean().sqrt().item())
        unlike.append(((X - X.mean(dim=0)).norm() / X.norm()).item())
    (X * torch.randn_like(X)).sum().backward()
    gradients = [b.in_proj_weight.grad.split(D_MODEL) for b in blocks]
    lengths = [[part.norm().item() for part in parts] for parts in gradients]
    of_W_q, _, of_W_v = zip(*lengths, strict=True)
    return size, unlike, of_W_q, of_W_v


def _block():
    """Attention with the weights that `init_parameters` would draw."""
    block = torch.nn.MultiheadAttention(D_MODEL, HEADS, dtype=torch.float64)
    for weight in (block.in_proj_weight, block.out_proj.weight):
        torch.nn.init.normal_(weight, std=D_MODEL**-0.5)
    return block
