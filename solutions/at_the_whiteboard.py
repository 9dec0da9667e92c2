"""Can you write the whole layer from memory, and say the shapes while you write?

With a batch, a mask, dropout, and cross-attention from the same code: this is what is
asked for, in PyTorch and in about 25 lines.
"""

import torch

from autograder.exercise import exercise


@exercise(
    hints=(
        "Four `torch.nn.Linear(d_model, d_model)` and one `torch.nn.Dropout(dropout)` "
        "in `__init__`. In `forward`, `memory` is `query` where none is given; keys "
        "and values are made from it.",
        "Split: `M.view(b, -1, h, d_k).transpose(1, 2)`, so that the length is "
        "whatever M has. Join: `O.transpose(1, 2).contiguous().view(b, n, d_model)`.",
        "`S.masked_fill(~allowed, -torch.inf)` before softmax along the last axis; "
        "dropout on the weights, after it.",
    ),
    points=8,
    flagged=(
        "MultiheadAttention",
        "multi_head_attention_forward",
        "scaled_dot_product_attention",
    ),
    why=(
        "Everything that differs between self- and cross-attention is where keys "
        "and values come from, so memory is all that the code has to know; "
        "lengths are read off each tensor."
    ),
    gallery=(
        "split_by_view_alone",
        "joined_without_transpose",
        "memory_ignored",
        "mask_inverted",
        "over_heads",
        "dropout_in_eval",
    ),
)
class WhiteboardAttention(torch.nn.Module):
    """Multi-head attention, as it is asked for: with memory, mask and dropout.

    query (b, n, d_model), memory (b, m, d_model), allowed ->
    Y (b, n, d_model), A (b, h, n, m)
    q_proj, k_proj, v_proj and o_proj are nn.Linear(d_model, d_model). Without memory
    the query attends to itself. allowed is boolean, True where a query may look, of any
    shape that broadcasts to (b, h, n, m). Dropout falls on the weights, in training.
    """

    def __init__(self, d_model, num_heads, dropout=0.0):
        super().__init__()
        self.num_heads = num_heads
        self.q_proj = torch.nn.Linear(d_model, d_model)
        self.k_proj = torch.nn.Linear(d_model, d_model)
        self.v_proj = torch.nn.Linear(d_model, d_model)
        self.o_proj = torch.nn.Linear(d_model, d_model)
        self.dropout = torch.nn.Dropout(dropout)

    def forward(self, query, memory=None, allowed=None):
        memory = query if memory is None else memory  # (b, m, d_model)
        Q = self.split(self.q_proj(query))  # (b, h, n, d_k)
        K = self.split(self.k_proj(memory))  # (b, h, m, d_k)
        V = self.split(self.v_proj(memory))  # (b, h, m, d_k)
        S = Q @ K.transpose(-2, -1) / Q.shape[-1] ** 0.5  # (b, h, n, m)
        if allowed is not None:
            S = S.masked_fill(~allowed, -torch.inf)
        A = torch.softmax(S, dim=-1)  # (b, h, n, m)
        O = (self.dropout(A) @ V).transpose(1, 2)  # (b, n, h, d_k)
        O = O.contiguous().view(query.shape)  # (b, n, d_model)
        return self.o_proj(O), A

    def split(self, M):
        """(b, n, d_model) -> (b, h, n, d_k)"""
        b, n, d_model = M.shape
        d_k = d_model // self.num_heads
        return M.view(b, n, self.num_heads, d_k).transpose(1, 2)


NAMES = ("q", "k", "v", "o")


@WhiteboardAttention.drive
def drive(block, query, memory, allowed, params, num_heads):
    """Make a layer, give it weights, run it there and back, and look at its dropout.

    query (b, n, d_model), memory, allowed, params, num_heads ->
    Y (b, n, d_model), A (b, h, n, m), gradients, dropout
    memory and allowed may be None. gradients are those of a fixed sum over Y, or a text
    where some are lost. dropout is "right", or what is wrong with it.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # small tensors are quicker so
    try:
        found = _run(block, query, memory, allowed, params, num_heads)
        # Dropout is the same with memory or a mask: looking at it once is enough.
        alone = memory is None and allowed is None
        return *found, _dropout_of(block) if alone else "right"
    finally:
        torch.set_num_threads(threads)


def _run(block, query, memory, allowed, params, num_heads):
    """Output, maps and gradients of a layer that has these weights."""
    torch.default_generator.manual_seed(0)
    layer = _made(block, query.shape[-1], num_heads)
    weights = _weights_of(layer, query.shape[-1])
    for name, weight in weights.items():
        letter, _, kind = name.partition("_proj.")
        value = params[f"W_{letter}"].T if kind == "weight" else params[f"b_{letter}"]
        weight.data = torch.tensor(value, dtype=weight.dtype)
    inputs = {"query": _tensor(query)}
    if memory is not None:
        inputs["memory"] = _tensor(memory)
    mask = None if allowed is None else torch.tensor(allowed)
    Y, A = _two_tensors(layer(inputs["query"], inputs.get("memory"), mask))
    pull = torch.linspace(-1, 1, Y.numel()).cos().view(Y.shape)
    (pull * Y).sum().backward()
    return Y, A, _gradients_of({**inputs, **weights})


def _tensor(array):
    return torch.tensor(array, dtype=torch.float32, requires_grad=True)


# What these say has two lines: what is wrong, and what to do.


def _made(block, d_model, num_heads, **options):
    layer = block(d_model, num_heads, **options)
    if not isinstance(layer, torch.nn.Module):
        raise TypeError(
            f"{block.__name__} is no layer of PyTorch.\n"
            f"The class begins with `class {block.__name__}(torch.nn.Module):`."
        )
    if type(layer).forward is torch.nn.Module.forward:
        raise AttributeError("The layer has no `forward`.\nIs the name misspelt?")
    return layer


def _weights_of(layer, d_model):
    """The eight parameters of the four linear maps, by name."""
    weights = dict(layer.named_parameters())
    names = [f"{w}_proj.{kind}" for w in NAMES for kind in ("weight", "bias")]
    missing = ", ".join(name for name in names if name not in weights)
    extra = ", ".join(name for name in weights if name not in names)
    if missing:
        there = ", ".join(weights) or "none"
        raise AttributeError(
            f"The layer has no parameter {missing}; it has {there}.\nThe four maps are "
            "q_proj, k_proj, v_proj and o_proj, each an attribute of its own: an "
            "`nn.Linear` from d_model to d_model, with its bias."
        )
    if extra:
        raise AttributeError(
            f"The layer has a parameter too many: {extra}.\nIt has those of four "
            "`nn.Linear`: q_proj, k_proj, v_proj and o_proj."
        )
    for name in names:
        shape = tuple(weights[name].shape)
        wanted = (d_model,) * (2 if name.endswith("weight") else 1)
        if shape != wanted:
            raise ValueError(
                f"{name} has shape {shape}; expected {wanted}.\nEach of the four is "
                "`nn.Linear(d_model, d_model)`: the heads stand side by side in it."
            )
    return {name: weights[name] for name in names}


def _two_tensors(result):
    """The output and the maps, if these are what came."""
    if not isinstance(result, tuple | list) or len(result) != 2:
        raise TypeError(
            f"`forward` returned {type(result).__name__}; expected two things.\nThey "
            "are the output and the maps: end with `return Y, A`."
        )
    if not all(isinstance(value, torch.Tensor) for value in result):
        kinds = " and ".join(type(value).__name__ for value in result)
        raise TypeError(
            f"`forward` returned {kinds}; expected two tensors.\nThey are the output "
            "and the maps. An array of NumPy carries no gradients: stay with torch."
        )
    if torch.is_grad_enabled() and not result[0].requires_grad:
        raise RuntimeError(
            "No gradient can go back from Y.\nSomething cuts it off: `no_grad`, "
            "`detach`, `.data`, or a detour through NumPy."
        )
    return result


def _gradients_of(values):
    """The gradient of each value; or which are lost. That of k_proj.bias is zero."""
    lost = [
        name
        for name, value in values.items()
        if name != "k_proj.bias" and (value.grad is None or not value.grad.any())
    ]
    if lost:
        return (
            f"No gradient reaches {', '.join(lost)}.\nWhat `forward` does not use gets "
            "none. And `detach`, `.data`, `torch.tensor(...)` or NumPy cut it off."
        )
    return {name: v.grad for name, v in values.items() if name != "k_proj.bias"}


def _dropout_of(block):
    """What is wrong with the dropout of a layer, or "right".

    All values are 1, so that an output is the sum of a row of weights: 1 without
    dropout, and 1 on average with it.
    """
    d_model, generator = 6, torch.Generator().manual_seed(0)
    layer = _made(block, d_model, 2, dropout=0.5)
    for name, weight in _weights_of(layer, d_model).items():
        weight.data = torch.randn(weight.shape, generator=generator)
        if name.startswith("v"):
            weight.data = torch.zeros_like(weight) + name.endswith("bias")
        if name.startswith("o"):
            weight.data = torch.eye(d_model) if weight.ndim == 2 else 0 * weight.data
    X = torch.randn(3, 8, d_model, generator=generator)
    many = X.repeat(8, 1, 1)
    with torch.no_grad():
        torch.default_generator.manual_seed(0)
        runs = torch.stack([_two_tensors(layer(many))[0] for _ in range(4)])
        layer.eval()
        at_rest = torch.stack([_two_tensors(layer(X))[0] for _ in range(2)])
        layer.train()
        layer.v_proj.weight.data = torch.eye(d_model)
        others = torch.stack([_two_tensors(layer(X))[0] for _ in range(2)])
    heads = runs.unflatten(-1, (2, -1))
    found = {
        "in eval, too": not torch.allclose(at_rest, torch.ones(()), atol=1e-4),
        "never": torch.allclose(others, others[0], atol=1e-5),
        "on the scores": torch.allclose(runs, torch.ones(()), atol=1e-4),
        "not on the weights": not torch.allclose(heads, heads[..., :1], atol=1e-4),
        "not scaled": abs(runs.mean() - 1) > 0.2,
    }
    return next((words for words, holds in found.items() if holds), "right")


class _Layer(torch.nn.Module):
    """A right layer, with its steps apart, so that each can be exchanged."""

    def __init__(self, d_model, num_heads, dropout=0.0):
        super().__init__()
        self.h, self.p = num_heads, dropout
        for letter in NAMES:
            self.add_module(f"{letter}_proj", torch.nn.Linear(d_model, d_model))

    def project(self, M, letter):
        return self.get_submodule(f"{letter}_proj")(M)

    def inputs(self, query, memory):
        """What queries, keys and values are made of."""
        memory = query if memory is None else memory
        return query, memory, memory

    def split(self, M):
        return M.view(*M.shape[:2], self.h, -1).transpose(1, 2)

    def scale(self, S, d_k):
        return S / d_k**0.5

    def weigh(self, S, allowed):
        if allowed is not None:
            S = S.masked_fill(~allowed, -torch.inf)
        return S.softmax(-1)

    def drop(self, A):
        return torch.nn.functional.dropout(A, self.p, self.training)

    def mix(self, A, V):
        return self.drop(A) @ V

    def join(self, O):
        return O.transpose(1, 2).reshape(O.shape[0], O.shape[2], -1)

    def output(self, O):
        return self.o_proj(O)

    def results(self, Y, A):
        return Y, A

    def forward(self, query, memory=None, allowed=None):
        inputs = self.inputs(query, memory)
        Q, K, V = (
            self.split(self.project(M, letter))
            for M, letter in zip(inputs, "qkv", strict=True)
        )
        A = self.weigh(self.scale(Q @ K.mT, Q.shape[-1]), allowed)
        return self.results(self.output(self.join(self.mix(A, V))), A)


# --- heads --------------------------------------------------------------------


@WhiteboardAttention.mistake_in(_Layer.split)
def split_by_view_alone(self, M):
    """A view straight to (b, h, n, d_k) mixes tokens and features: it runs, and nothing
    warns. First (b, n, h, d_k), then `transpose(1, 2)`.
    """
    return M.view(M.shape[0], self.h, M.shape[1], -1)


def _joined_by_reshape(self, O):
    return O.reshape(O.shape[0], O.shape[2], -1)


@WhiteboardAttention.mistake_in(_Layer.join)
def joined_without_transpose(self, O):
    """The heads are joined without the transpose. Bring the tokens back to the front
    first: (b, h, n, d_k) to (b, n, h, d_k), then view.
    """
    return _joined_by_reshape(self, O)


@WhiteboardAttention.mistake_in(_Layer.split, join=_joined_by_reshape)
def both_transposes_left_out(self, M):
    """The transpose is left out twice, after splitting and before joining. Each head
    gets a mixture of tokens and features, and nothing warns.
    """
    return M.view(M.shape[0], self.h, M.shape[1], -1)


def _undealt(self, O):
    return O.permute(0, 2, 3, 1).flatten(2)


@WhiteboardAttention.mistake_in(_Layer.split, join=_undealt)
def features_dealt_out(self, M):
    """The features are dealt out to the heads like cards: (b, n, d_k, h). The features
    of a head lie together: (b, n, h, d_k).
    """
    return M.view(*M.shape[:2], -1, self.h).permute(0, 3, 1, 2)


@WhiteboardAttention.mistake_in(_Layer.join)
def joined_feature_by_feature(self, O):
    """The heads are joined feature by feature. They stand one behind the other."""
    return _undealt(self, O)


@WhiteboardAttention.mistake_in(_Layer.split)
def never_split(self, M):
    """There is one head of full width, and one map. `num_heads` has to be used."""
    return M[:, None]


@WhiteboardAttention.mistake_in(_Layer.split)
def two_heads_always(self, M):
    """There are two heads, whatever num_heads says."""
    return M.view(*M.shape[:2], 2, -1).transpose(1, 2)


# --- queries, keys, values ----------------------------------------------------


@WhiteboardAttention.mistake_in(_Layer.inputs)
def memory_ignored(self, query, memory):
    """`memory` is never used: the query attends to itself. Keys and values are made
    from memory, where there is one.
    """
    return query, query, query


@WhiteboardAttention.mistake_in(_Layer.inputs)
def queries_from_memory(self, query, memory):
    """All three are made from memory. In cross-attention the queries are made from
    `query`, and so the output has its length.
    """
    memory = query if memory is None else memory
    return memory, memory, memory


@WhiteboardAttention.mistake_in(_Layer.inputs)
def query_and_memory_exchanged(self, query, memory):
    """Query and memory have changed places: the memory asks, and the query answers."""
    memory = query if memory is None else memory
    return memory, query, query


@WhiteboardAttention.mistake_in(_Layer.inputs)
def values_from_the_query(self, query, memory):
    """The values are made from `query`. Whoever offers a key hands over the value: both
    are made from memory.
    """
    return query, query if memory is None else memory, query


@WhiteboardAttention.mistake_in(_Layer.inputs)
def keys_from_the_query(self, query, memory):
    """The keys are made from `query`. Whoever hands over the value offers the key: both
    are made from memory.
    """
    return query, query, query if memory is None else memory


@WhiteboardAttention.mistake_in(_Layer.project)
def one_projection_for_keys_and_values(self, M, letter):
    """The values are made with k_proj. They have v_proj of their own."""
    return self.get_submodule(f"{letter.replace('v', 'k')}_proj")(M)


@WhiteboardAttention.mistake_in(_Layer.project)
def one_projection_for_queries_and_keys(self, M, letter):
    """The keys are made with q_proj. They have k_proj of their own."""
    return self.get_submodule(f"{letter.replace('k', 'q')}_proj")(M)


@WhiteboardAttention.mistake_in(_Layer.project)
def one_projection_for_all(self, M, letter):
    """Queries, keys and values are all made with q_proj. Each has a map of its own."""
    return self.q_proj(M)


@WhiteboardAttention.mistake_in(_Layer.project)
def keys_and_values_exchanged(self, M, letter):
    """k_proj and v_proj have changed places. They have one shape: nothing fails."""
    return self.get_submodule(f"{letter.translate({107: 118, 118: 107})}_proj")(M)


@WhiteboardAttention.mistake_in(_Layer.project)
def projections_missing(self, M, letter):
    """Query and memory themselves are split into heads. q_proj, k_proj and v_proj come
    first.
    """
    return M


# --- scores and weights -------------------------------------------------------


@WhiteboardAttention.mistake_in(_Layer.scale)
def not_scaled(self, S, d_k):
    """The scores go into softmax unscaled. Divide them by sqrt(d_k)."""
    return S


@WhiteboardAttention.mistake_in(_Layer.scale)
def divided_by_d_k(self, S, d_k):
    """The scores are divided by d_k. The square root of d_k is meant."""
    return S / d_k


@WhiteboardAttention.mistake_in(_Layer.scale)
def divided_by_sqrt_d_model(self, S, d_k):
    """The scores are divided by sqrt(d_model). Inside a head, d_k = d_model / h
    features were added up.
    """
    return S / (self.h * d_k) ** 0.5


@WhiteboardAttention.mistake_in(_Layer.weigh)
def over_queries(self, S, allowed):
    """Softmax runs over the queries: dim=-2. Each query shares out its attention over
    the keys, so dim=-1.
    """
    S = S if allowed is None else S.masked_fill(~allowed, -1e9)
    return S.softmax(-2)


@WhiteboardAttention.mistake_in(_Layer.weigh)
def over_heads(self, S, allowed):
    """Softmax runs over the heads: dim=1. With a batch in front, the keys are dim=3, or
    better dim=-1.
    """
    S = S if allowed is None else S.masked_fill(~allowed, -1e9)
    return S.softmax(1)


@WhiteboardAttention.mistake_in(_Layer.weigh)
def mask_ignored(self, S, allowed):
    """`allowed` is never used: what must not be seen gets its share all the same."""
    return S.softmax(-1)


@WhiteboardAttention.mistake_in(_Layer.weigh)
def mask_inverted(self, S, allowed):
    """The mask is read the wrong way round. True means that the query may look:
    `masked_fill(~allowed, ...)` fills where it may not.
    """
    return (S if allowed is None else S.masked_fill(allowed, -1e9)).softmax(-1)


@WhiteboardAttention.mistake_in(_Layer.weigh)
def mask_inverted_with_nan(self, S, allowed):
    """The mask is read the wrong way round: True means that the query may look. A row
    in which all was allowed has nothing left, and becomes nan.
    """
    return (S if allowed is None else S.masked_fill(allowed, -torch.inf)).softmax(-1)


@WhiteboardAttention.mistake_in(_Layer.weigh)
def filled_with_zero(self, S, allowed):
    """The hidden scores are set to 0, and exp(0) is 1: they take their share. Fill with
    minus infinity.
    """
    return (S if allowed is None else S.masked_fill(~allowed, 0)).softmax(-1)


@WhiteboardAttention.mistake_in(_Layer.weigh)
def masked_after_softmax(self, S, allowed):
    """The mask comes after softmax: what is hidden has taken its part of the total with
    it, and the rows no longer sum to 1. Mask the scores.
    """
    return S.softmax(-1) if allowed is None else S.softmax(-1) * allowed


@WhiteboardAttention.mistake_in(_Layer.weigh)
def mask_added_as_it_is(self, S, allowed):
    """The mask is added to the scores as 1 and 0, which hides nothing. Choose with it:
    `S.masked_fill(~allowed, -torch.inf)`.
    """
    return (S if allowed is None else S + allowed.float()).softmax(-1)


@WhiteboardAttention.mistake_in(_Layer.weigh)
def causal_always(self, S, allowed):
    """A causal mask hides the later tokens, whatever `allowed` says. The layer hides
    what it is told to hide.
    """
    seen = torch.ones(S.shape[-2:], dtype=torch.bool).tril()
    return S.masked_fill(~(seen if allowed is None else seen & allowed), -1e9).softmax(
        -1
    )


@WhiteboardAttention.mistake_in(_Layer.weigh)
def weights_detached(self, S, allowed):
    """The output is right, but no gradient flows through the weights: q_proj and k_proj
    never learn. Leave out `detach`, `.data` and `torch.tensor(...)`.
    """
    S = S if allowed is None else S.masked_fill(~allowed, -torch.inf)
    return S.softmax(-1).detach()


# --- dropout ------------------------------------------------------------------


@WhiteboardAttention.mistake_in(_Layer.drop)
def dropout_never(self, A):
    """Nothing is ever dropped, in training either. `self.dropout(A)`: after softmax,
    before the values are mixed.
    """
    return A


@WhiteboardAttention.mistake_in(_Layer.drop)
def dropout_in_eval(self, A):
    """Weights are dropped in `eval()`, too. `torch.nn.functional.dropout` does that
    unless it is told `training=self.training`; `nn.Dropout` knows by itself.
    """
    return torch.nn.functional.dropout(A, self.p)


@WhiteboardAttention.mistake_in(_Layer.drop)
def dropout_not_scaled_up(self, A):
    """What is kept is not made larger, so in training less arrives than in `eval()`.
    With a share p dropped, the rest is divided by 1 - p: `nn.Dropout` does both.
    """
    kept = torch.rand(A.shape) >= self.p
    return A * kept if self.training and self.p else A


@WhiteboardAttention.mistake_in(_Layer.mix)
def dropout_on_the_output(self, A, V):
    """Dropout falls on the output of the heads, or on the values. Here it falls on the
    weights: now and then a query does not hear a key at all.
    """
    return self.drop(A @ V)


@WhiteboardAttention.mistake_in(_Layer.weigh, drop=lambda self, A: A)
def dropout_on_the_scores(self, S, allowed):
    """Dropout falls on the scores, before softmax. A score of 0 is a score like any
    other. Drop weights, after softmax.
    """
    S = torch.nn.functional.dropout(S, self.p, self.training)
    S = S if allowed is None else S.masked_fill(~allowed, -torch.inf)
    return S.softmax(-1)


# --- the end ------------------------------------------------------------------


@WhiteboardAttention.mistake_in(_Layer.output)
def output_projection_missing(self, O):
    """The heads are joined, and that is all. o_proj comes last: without it no head
    learns what another one found.
    """
    return O


@WhiteboardAttention.mistake
class query_added(_Layer):
    """The query is added to the output. The residual is a step of its own, outside."""

    def forward(self, query, memory=None, allowed=None):
        Y, A = super().forward(query, memory, allowed)
        return query + Y, A


@WhiteboardAttention.mistake_in(_Layer.join)
def heads_reversed(self, O):
    """The heads are joined in reverse order. As a model that is as good, since training
    would permute the columns of o_proj; but for these weights the output is wrong.
    """
    return _Layer.join(self, O.flip(1))


@WhiteboardAttention.mistake_in(_Layer.results)
def maps_averaged(self, Y, A):
    """The output is right, and the maps are averaged over the heads, as
    `nn.MultiheadAttention` does unless told not to. Return one for each head.
    """
    return Y, A.mean(1)


@WhiteboardAttention.mistake_in(_Layer.results)
def maps_on_their_sides(self, Y, A):
    """The output is right, and the maps are transposed: rows belong to queries."""
    return Y, A.mT


@WhiteboardAttention.mistake_in(_Layer.results)
def output_only(self, Y, A):
    """The output came alone. Return two things: Y and the maps A."""
    return Y


@WhiteboardAttention.mistake_in(_Layer.results)
def maps_first(self, Y, A):
    """The two results are in the wrong order: Y first, then A."""
    return A, Y


# --- also right -----------------------------------------------------------------


@WhiteboardAttention.also_right
def with_parts(d_model, num_heads, dropout=0.0):
    return _Layer(d_model, num_heads, dropout)


@WhiteboardAttention.also_right
class WithDroppedMaps(_Layer):
    """The maps come back as they were mixed: with dropout, as torch's own do."""

    def __init__(self, d_model, num_heads, dropout=0.0):
        super().__init__(d_model, num_heads, dropout)
        self.dropping = torch.nn.Dropout(dropout)

    def weigh(self, S, allowed):
        if allowed is not None:
            S = S + torch.where(allowed, 0.0, -1e9)
        return self.dropping(S.softmax(-1))

    def mix(self, A, V):
        return A @ V


@WhiteboardAttention.also_right
class HeadByHead(_Layer):
    """A loop over the heads, with einsum."""

    def forward(self, query, memory=None, allowed=None):
        memory = query if memory is None else memory
        Q = self.q_proj(query).chunk(self.h, dim=-1)
        K = self.k_proj(memory).chunk(self.h, dim=-1)
        V = self.v_proj(memory).chunk(self.h, dim=-1)
        shape = query.shape[0], self.h, query.shape[1], memory.shape[1]
        seen = torch.ones(shape, dtype=torch.bool)
        if allowed is not None:
            seen = seen & allowed
        heads, maps = [], []
        for i in range(self.h):
            S = torch.einsum("bnk,bmk->bnm", Q[i], K[i]) / Q[i].shape[-1] ** 0.5
            E = torch.exp(S - S.amax(-1, keepdim=True)) * seen[:, i]
            maps.append(E / E.sum(-1, keepdim=True))
            heads.append(self.drop(maps[-1]) @ V[i])
        return self.o_proj(torch.cat(heads, -1)), torch.stack(maps, 1)


@WhiteboardAttention.must
def rows_sum_to_one(result, *_):
    """In each head, each row of weights must sum to 1."""
    return bool(abs(result[1].sum(axis=-1) - 1).max() < 1e-4)


@WhiteboardAttention.must
def dropout_is_right(result, *_):
    """In training, dropout must fall on the weights, and what is kept must grow; in
    `eval()`, nothing is dropped.
    """
    return result[3] == "right"


def _params(rng, d_model):
    params = {}
    for letter in NAMES:
        spread = 1.2 if letter in "qk" else 1
        W = rng.standard_normal((d_model, d_model)) / d_model**0.5
        params[f"W_{letter}"] = spread * W
        params[f"b_{letter}"] = spread * rng.standard_normal(d_model)
    return params


def _seen(rng, *shape):
    """A random mask that shows two keys or more in each row, and hides one or more.

    With one key its weight is 1, whatever its score is: where that held for all rows,
    no gradient would reach the query.
    """
    m = shape[-1]
    keys = (rng.permutation(m) - rng.integers(m, size=(*shape[:-1], 1))) % m
    return (keys < 2) | ((keys > 2) & (rng.random(shape) < 0.5))


@WhiteboardAttention.case
def self_attention(rng):
    b, n, d_model, h = (2, 3, 8, 2) if rng.random() < 0.5 else (4, 5, 12, 3)
    return rng.standard_normal((b, n, d_model)), None, None, _params(rng, d_model), h


@WhiteboardAttention.case
def cross_attention(rng):
    b, n, m, d_model, h = (2, 3, 5, 8, 2) if rng.random() < 0.5 else (4, 5, 2, 6, 3)
    query, memory = (rng.standard_normal((b, size, d_model)) for size in (n, m))
    return query, memory, None, _params(rng, d_model), h


@WhiteboardAttention.case
def a_memory_as_long_as_the_query(rng):
    b, n, d_model, h = (2, 3, 8, 2) if rng.random() < 0.5 else (3, 5, 6, 3)
    query, memory = (rng.standard_normal((b, n, d_model)) for _ in range(2))
    return query, memory, None, _params(rng, d_model), h


@WhiteboardAttention.case
def a_mask_for_all(rng):
    b, n, d_model, h = (2, 4, 6, 3) if rng.random() < 0.5 else (3, 5, 8, 2)
    X, params = rng.standard_normal((b, n, d_model)), _params(rng, d_model)
    allowed = _seen(rng, n, n)
    allowed[-1] = True
    return X, None, allowed, params, h


@WhiteboardAttention.case
def padding_in_the_memory(rng):
    b, n, m, d_model, h = (2, 3, 5, 8, 2) if rng.random() < 0.5 else (4, 2, 7, 6, 3)
    query, memory = (rng.standard_normal((b, size, d_model)) for size in (n, m))
    return query, memory, _seen(rng, b, 1, 1, m), _params(rng, d_model), h


@WhiteboardAttention.case
def as_many_sentences_as_tokens(rng):
    # b = n = d_model: what raises elsewhere runs here, and shows what it computes.
    return rng.standard_normal((6, 6, 6)), None, None, _params(rng, 6), 3
