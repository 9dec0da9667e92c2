"""How does a block learn?

As a layer of PyTorch: its weights are parameters, its steps are tensor operations, and
PyTorch works out how each weight should change.
"""

import math

import torch

from autograder.exercise import Exercise


class MultiHeadAttention(torch.nn.Module):
    """Multi-head attention as a layer that can be trained.

    X (b, n, d_model) -> Y (b, n, d_model), A (b, h, n, n)
    Its parameters are W_q, W_k, W_v, W_o (d_model, d_model) and b_q, b_k, b_v,
    b_o (d_model,). They start as in chapter 8: W random with standard deviation
    about 1 / sqrt(d_model), b at zero.
    """

    def __init__(self, d_model, num_heads):
        super().__init__()
        self.num_heads = num_heads
        for name in "qkvo":
            W = torch.randn(d_model, d_model) / d_model**0.5
            setattr(self, f"W_{name}", torch.nn.Parameter(W))
            setattr(self, f"b_{name}", torch.nn.Parameter(torch.zeros(d_model)))

    def forward(self, X):
        Q = self.split(X @ self.W_q + self.b_q)  # (b, h, n, d_k)
        K = self.split(X @ self.W_k + self.b_k)  # (b, h, n, d_k)
        V = self.split(X @ self.W_v + self.b_v)  # (b, h, n, d_k)
        S = Q @ K.mT / Q.shape[-1] ** 0.5  # (b, h, n, n)
        A = torch.softmax(S, dim=-1)  # (b, h, n, n)
        O = (A @ V).transpose(1, 2).flatten(2)  # (b, n, d_model)
        return O @ self.W_o + self.b_o, A

    def split(self, M):
        """(b, n, d_model) -> (b, h, n, d_k)"""
        return M.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)


def drive(block, X, params, num_heads):
    """Make a layer, look at how it starts, give it weights, run it there and back.

    X (b, n, d_model), params, num_heads -> Y (b, n, d_model), A (b, h, n, n), training
    training holds the gradient of a fixed sum over Y for X and for each parameter but
    b_k, which has none: it cancels in softmax. And whether the weights start well.
    """
    import torch

    torch.manual_seed(0)
    layer = block(X.shape[-1], num_heads).double()
    weights = dict(layer.named_parameters())
    if weights.keys() != params.keys():
        raise AttributeError(
            f"the parameters are {sorted(weights)}; expected {sorted(params)}. Only a "
            "torch.nn.Parameter that is an attribute of the layer counts"
        )
    start = "right"
    for name, weight in weights.items():
        if tuple(weight.shape) != params[name].shape:
            raise ValueError(
                f"{name} has shape {tuple(weight.shape)}; expected {params[name].shape}"
            )
        if name[0] == "W" and start == "right":
            W = weight.detach()
            size = W.std().item() * len(W) ** 0.5  # should be about 1
            heads = W.chunk(num_heads, dim=1)
            if size > 2 or size < 0.3:
                start = "too large" if size > 2 else "too small"
            elif torch.equal(heads[0], heads[1]):
                start = "heads alike"
    with torch.no_grad():
        for name, weight in weights.items():
            weight.copy_(torch.from_numpy(params[name]))
    tokens = torch.tensor(X, requires_grad=True)
    Y, A = layer(tokens)
    pull = torch.linspace(-1, 1, Y.numel(), dtype=Y.dtype).cos().view(Y.shape)
    (pull * Y).sum().backward()
    training = {"start": start}
    for name, weight in {"X": tokens, **weights}.items():
        if name != "b_k":
            none = weight.grad is None
            training[name] = torch.zeros_like(weight) if none else weight.grad
    return Y, A, training


class _Block(torch.nn.Module):
    """A right layer, with places where a mistake can be put."""

    def __init__(self, d_model, num_heads):
        super().__init__()
        self.h, self.d_model = num_heads, d_model
        for name in "qkvo":
            W = self.start(d_model)
            self.register_parameter(f"W_{name}", torch.nn.Parameter(W))
            bias = torch.nn.Parameter(torch.zeros(d_model))
            self.register_parameter(f"b_{name}", bias)

    def start(self, d_model):
        return torch.randn(d_model, d_model) / math.sqrt(d_model)

    def project(self, X, name):
        return X @ self.get_parameter(f"W_{name}") + self.get_parameter(f"b_{name}")

    def split(self, M):
        return M.view(*M.shape[:2], self.h, -1).transpose(1, 2)

    def scale(self, S, d_k):
        return S / d_k**0.5

    def weigh(self, S):
        return S.softmax(-1)

    def join(self, O):
        return O.transpose(1, 2).reshape(O.shape[0], O.shape[2], -1)

    def heads(self, X):
        Q, K, V = (self.split(self.project(X, name)) for name in "qkv")
        A = self.weigh(self.scale(Q @ K.mT, Q.shape[-1]))
        return self.join(A @ V), A

    def forward(self, X):
        O, A = self.heads(X)
        return self.project(O, "o"), A


class starts_at_zero(_Block):
    """The weights start at zero. Then all heads are the same, and every gradient of a
    weight is a product with a zero in it: nothing can be learnt.
    """

    def start(self, d_model):
        return torch.zeros(d_model, d_model)


class starts_too_large(_Block):
    """The weights start too large: softmax puts everything on one key, and its gradient
    vanishes. Divide by sqrt(d_model).
    """

    def start(self, d_model):
        return 2.5 * torch.randn(d_model, d_model)


class starts_with_equal_heads(_Block):
    """All heads start with the same weights. They get the same gradients, and stay the
    same. Draw all d_model columns, not d_k of them repeated.
    """

    def start(self, d_model):
        d_k = d_model // self.h
        return torch.randn(d_model, d_k).repeat(1, self.h) / math.sqrt(d_model)


class weights_transposed(_Block):
    """The weights are used on their sides. `torch.nn.functional.linear` and
    `nn.Linear` keep them as (d_out, d_in); here they are (d_in, d_out): `X @ W + b`.
    """

    def project(self, X, name):
        W, b = self.get_parameter(f"W_{name}"), self.get_parameter(f"b_{name}")
        return torch.nn.functional.linear(X, W, b)


class biases_missing(_Block):
    """The biases are never added."""

    def project(self, X, name):
        return X @ self.get_parameter(f"W_{name}")


class output_projection_missing(_Block):
    """The heads are joined, and that is all. W_o and b_o come last: without them no
    head learns what another one found.
    """

    def forward(self, X):
        return self.heads(X)


class output_bias_missing(_Block):
    """b_o is missing from the output."""

    def forward(self, X):
        O, A = self.heads(X)
        return O @ self.W_o, A


class split_by_reshape_alone(_Block):
    """A reshape straight to (b, h, n, d_k) mixes tokens and features. First cut the
    features, (b, n, h, d_k); then let the heads change places with the tokens.
    """

    def split(self, M):
        return M.reshape(M.shape[0], self.h, M.shape[1], -1)


class joined_by_reshape_alone(_Block):
    """The heads are joined without a transpose. Let heads and tokens change places
    back first: (b, h, n, d_k) to (b, n, h, d_k).
    """

    def join(self, O):
        return O.reshape(O.shape[0], O.shape[2], -1)


class reshaped_both_ways(_Block):
    """Split and joined with a reshape alone: each head gets a mixture of tokens and
    features. It runs, and it even trains. Transpose after splitting, before joining.
    """

    split = split_by_reshape_alone.split
    join = joined_by_reshape_alone.join


class batch_and_tokens_exchanged(_Block):
    """The first axis is taken for the tokens, so each token attends to the same place
    in the other sentences. The axes are (b, n, d_model), the batch first.
    """

    def forward(self, X):
        O, A = self.heads(X.transpose(0, 1))
        return self.project(O.transpose(0, 1), "o"), A


class all_sentences_together(_Block):
    """Tokens attend to the other sentences of the batch, too. Each sentence is on its
    own: keep b as an axis.
    """

    def forward(self, X):
        O, A = self.heads(X.flatten(0, 1)[None])
        return self.project(O, "o").view(X.shape), A


class not_scaled(_Block):
    """The scores are not scaled. Divide by the square root of d_k, the width of a
    head.
    """

    def scale(self, S, d_k):
        return S


class scaled_by_d_model(_Block):
    """The scores are divided by the root of d_model. Inside a head there are d_k
    features: the last axis of Q after splitting.
    """

    def scale(self, S, d_k):
        return S / self.d_model**0.5


class scaled_by_d_k(_Block):
    """The scores are divided by d_k. The root is missing."""

    def scale(self, S, d_k):
        return S / d_k


class scaled_by_n(_Block):
    """The scores are divided by the root of n: of four axes, -2 holds the tokens. The
    features are the last axis.
    """

    def scale(self, S, d_k):
        return S / S.shape[-1] ** 0.5


class over_queries(_Block):
    """Softmax runs over the queries. Each query distributes its attention over the
    keys, the last axis: dim=-1.
    """

    def weigh(self, S):
        return S.softmax(-2)


class over_heads(_Block):
    """Softmax runs over the heads: dim=1 of four axes. The keys are the last one:
    dim=-1.
    """

    def weigh(self, S):
        return S.softmax(1)


class over_the_batch(_Block):
    """Softmax runs over the batch: dim=0. The keys are the last axis: dim=-1."""

    def weigh(self, S):
        return S.softmax(0)


class maps_averaged(_Block):
    """The maps are averaged over the heads, as nn.MultiheadAttention does unless it is
    told not to. Return them all: (b, h, n, n).
    """

    def forward(self, X):
        Y, A = super().forward(X)
        return Y, A.mean(1)


class output_only(_Block):
    """The output came alone. Return two things: Y and the maps A."""

    def forward(self, X):
        return super().forward(X)[0]


class maps_first(_Block):
    """The two results are in the wrong order: Y first, then A."""

    def forward(self, X):
        Y, A = super().forward(X)
        return A, Y


class weights_detached(_Block):
    """The output is right, but no gradient flows through the attention weights: W_q and
    W_k never learn. Leave out `detach`, `.data` and `torch.tensor(...)`.
    """

    def weigh(self, S):
        return S.softmax(-1).detach()


class input_added(_Block):
    """X is added to the output. The residual is a step of its own, outside."""

    def forward(self, X):
        Y, A = super().forward(X)
        return X + Y, A


class heads_reversed(_Block):
    """The heads are joined in reverse order. As a model that is as good, since training
    would permute the rows of W_o; but for these weights the output is wrong.
    """

    def join(self, O):
        return super().join(O.flip(1))


class parameters_not_registered(_Block):
    """The weights are plain tensors, so the optimiser does not know of them. Wrap each
    one: `torch.nn.Parameter(...)`.
    """

    def __init__(self, d_model, num_heads):
        super().__init__(d_model, num_heads)
        for name, weight in list(self.named_parameters()):
            delattr(self, name)
            setattr(self, name, weight.detach())


def with_parts(d_model, num_heads):
    return _Block(d_model, num_heads)


class WithEinsum(torch.nn.Module):
    def __init__(self, d_model, num_heads):
        super().__init__()
        self.h = num_heads
        for name in "qkvo":
            W = torch.empty(d_model, d_model)
            self.register_parameter(
                f"W_{name}", torch.nn.Parameter(torch.nn.init.xavier_uniform_(W))
            )
            bias = torch.nn.Parameter(torch.zeros(d_model))
            self.register_parameter(f"b_{name}", bias)

    def forward(self, X):
        Q, K, V = (
            (torch.einsum("bnc,cd->bnd", X, W) + b).chunk(self.h, dim=-1)
            for W, b in (
                (self.W_q, self.b_q),
                (self.W_k, self.b_k),
                (self.W_v, self.b_v),
            )
        )
        heads, maps = [], []
        for q, k, v in zip(Q, K, V, strict=True):
            S = torch.einsum("bnk,bmk->bnm", q / q.shape[-1] ** 0.5, k)
            E = torch.exp(S - S.amax(-1, keepdim=True))
            maps.append(E / E.sum(-1, keepdim=True))
            heads.append(maps[-1] @ v)
        return torch.cat(heads, -1) @ self.W_o + self.b_o, torch.stack(maps, 1)


class WithTorchsOwn(torch.nn.Module):
    def __init__(self, d_model, num_heads):
        super().__init__()
        self.h = num_heads
        for name in "qkvo":
            W = torch.nn.Linear(d_model, d_model).weight
            self.register_parameter(f"W_{name}", torch.nn.Parameter(W.detach().T))
            bias = torch.nn.Parameter(torch.zeros(d_model))
            self.register_parameter(f"b_{name}", bias)

    def forward(self, X):
        X = X.transpose(0, 1)
        Y, A = torch.nn.functional.multi_head_attention_forward(
            X,
            X,
            X,
            X.shape[-1],
            self.h,
            torch.cat([self.W_q.T, self.W_k.T, self.W_v.T]),
            torch.cat([self.b_q, self.b_k, self.b_v]),
            None,
            None,
            False,
            0.0,
            self.W_o.T,
            self.b_o,
            average_attn_weights=False,
        )
        return Y.transpose(0, 1), A


def rows_sum_to_one(result, *_):
    """In each head, each row of weights must sum to 1."""
    sums = result[1].sum(axis=-1)
    return bool(abs(sums - 1).max() < 1e-4)


def starts_well(result, *_):
    """The weights must start random, each head different, with a standard deviation of
    about 1 / sqrt(d_model).
    """
    return result[2]["start"] == "right"


def _params(rng, d_model):
    params = {}
    for letter in "qkvo":
        spread = 1.2 if letter in "qk" else 1
        W = rng.standard_normal((d_model, d_model)) / math.sqrt(d_model)
        params[f"W_{letter}"] = spread * W
        params[f"b_{letter}"] = spread * rng.standard_normal(d_model)
    return params


def two_heads(rng):
    b, n, d_model = (2, 3, 8) if rng.random() < 0.5 else (3, 5, 6)
    return rng.standard_normal((b, n, d_model)), _params(rng, d_model), 2


def three_heads(rng):
    b, n, d_model = (2, 4, 6) if rng.random() < 0.5 else (4, 5, 12)
    return rng.standard_normal((b, n, d_model)), _params(rng, d_model), 3


def as_many_sentences_as_tokens(rng):
    # b = n = d_model: what raises elsewhere runs here, and shows what it computes.
    return rng.standard_normal((6, 6, 6)), _params(rng, 6), 2


exercise = Exercise(
    reference=MultiHeadAttention,
    drive=drive,
    inputs=(two_heads, three_heads, as_many_sentences_as_tokens),
    mistakes=(
        starts_at_zero,
        starts_too_large,
        starts_with_equal_heads,
        weights_transposed,
        biases_missing,
        output_projection_missing,
        output_bias_missing,
        split_by_reshape_alone,
        joined_by_reshape_alone,
        reshaped_both_ways,
        batch_and_tokens_exchanged,
        all_sentences_together,
        not_scaled,
        scaled_by_d_model,
        scaled_by_d_k,
        scaled_by_n,
        over_queries,
        over_heads,
        over_the_batch,
        maps_averaged,
        output_only,
        maps_first,
        weights_detached,
        input_added,
        heads_reversed,
        parameters_not_registered,
    ),
    equivalents=(with_parts, WithEinsum, WithTorchsOwn),
    properties=(rows_sum_to_one, starts_well),
    hints=(
        "`__init__` begins with `super().__init__()`. Then each weight becomes an "
        "attribute: `self.W_q = torch.nn.Parameter(...)`.",
        "`forward` is `multi_head_attention` of chapter 12 with one axis more, at the "
        "front: split to (b, n, h, d_k), then transpose axes 1 and 2.",
        "Softmax is `torch.softmax(S, dim=-1)`; K with its last two axes exchanged is "
        "`K.mT`.",
    ),
    points=6,
    flagged=(
        "MultiheadAttention",
        "multi_head_attention_forward",
        "scaled_dot_product_attention",
    ),
)
