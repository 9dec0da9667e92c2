"""How does attention learn?

As a layer of PyTorch: its weights are parameters, its steps are tensor operations, and
PyTorch works out how each weight should change.
"""

import itertools
import math
import re

import torch

from autograder.exercise import exercise
from solutions.scaling import scale


@exercise(
    hints=(
        "`__init__` begins with `super().__init__()`. Then each weight becomes an "
        "attribute: `self.W_q = torch.nn.Parameter(...)`.",
        "`forward` is your `multi_head_attention` with one axis more, at the front: "
        "split to (b, n, h, d_k), then transpose axes 1 and 2.",
        "Softmax is `torch.softmax(S, dim=-1)`; K with its last two axes exchanged is "
        "`K.mT`.",
    ),
    points=6,
    flagged=(
        "MultiheadAttention",
        "multi_head_attention_forward",
        "scaled_dot_product_attention",
    ),
    gallery=(
        "split_by_reshape_alone",
        "joined_by_reshape_alone",
        "scaled_by_d_model",
        "over_queries",
        "output_projection_missing",
        "starts_too_large",
    ),
)
class MultiHeadAttention(torch.nn.Module):
    """Multi-head attention as a layer that can be trained.

    X (b, n, d_model) -> Y (b, n, d_model), A (b, h, n, n)
    Its parameters are W_q, W_k, W_v, W_o (d_model, d_model) and b_q, b_k, b_v,
    b_o (d_model,). They start as `init_parameters` starts them: W random with
    standard deviation about 1 / sqrt(d_model), b at zero.
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


NAMES = ("W_q", "b_q", "W_k", "b_k", "W_v", "b_v", "W_o", "b_o")


@MultiHeadAttention.drive
def drive(block, X, params, num_heads):
    """Make a layer, look at how it starts, give it weights, run it there and back.

    X (b, n, d_model), params, num_heads = h -> Y (b, n, d_model), A (b, h, n, n),
    gradients, start
    gradients are those of a fixed sum over Y: dX, dW_q and so on, or a text where some
    are lost. There is no db_k: it cancels in softmax. start is "right", or what is
    wrong with the first weights. A weight may be a parameter of its own, the matrix of
    an `nn.Linear`, or a part of one that serves several.
    """
    torch.default_generator.manual_seed(0)  # torch.manual_seed asks all devices
    start = _start_of(_weights_of(_slots(_made(block, 32, 8), block, 32, 8)), 8)
    d_model = X.shape[-1]
    layer = _made(block, d_model, num_heads)
    slots = _slots(layer, block, d_model, num_heads)
    note = _calmed(layer)
    _load(slots, params)
    tokens = torch.tensor(X, dtype=torch.float32, requires_grad=True)
    Y, A = _two_tensors(layer(tokens))
    _see_the_same(A, _two_tensors(layer(tokens))[1])
    pull = torch.linspace(-1, 1, Y.numel()).cos().view(Y.shape)
    (pull * Y).sum().backward()
    return Y, A, _gradients_of(tokens, slots), start + note


# What these say has two lines: what is wrong, and what to do.


def _made(block, d_model, num_heads):
    try:
        layer = block(d_model, num_heads)
    except Exception:
        _see_the_order(block, d_model, num_heads)
        raise
    if not isinstance(layer, torch.nn.Module):
        raise TypeError(
            f"{block.__name__} is no layer of PyTorch.\n"
            f"The class begins with `class {block.__name__}(torch.nn.Module):`."
        )
    if type(layer).forward is torch.nn.Module.forward:
        raise AttributeError("The layer has no `forward`.\nIs the name misspelt?")
    return layer


def _see_the_order(block, d_model, num_heads):
    """Raise where a layer is made as it should be with its arguments exchanged."""
    try:
        turned = _found(block(num_heads, d_model), d_model, num_heads)
        right = all(_shape(turned[name]) == _wanted(name, d_model) for name in NAMES)
    except Exception:
        return
    if right:
        raise TypeError(
            f"{block.__name__}(d_model, num_heads) is how the layer is made, and yours "
            "takes them the other way round.\nKeep their order: "
            "`def __init__(self, d_model, num_heads):`."
        ) from None


def _calmed(layer):
    """Put a layer into evaluation mode; what is to be noted of it."""
    layer.eval()
    drops = any(
        isinstance(part, torch.nn.modules.dropout._DropoutNd) and part.p > 0
        for part in layer.modules()
    )
    return "\nDropout is off here: the layer is judged in evaluation mode" * drops


def _see_the_same(first, second):
    """Raise where a second call gave other weights."""
    if first.shape == second.shape and torch.equal(first, second):
        return
    zeros = bool((first == 0).any()) and first.shape == second.shape
    hint = (
        "Some of the weights are 0, other ones each time: that is dropout. Leave it "
        "out; or, with `F.dropout`, say `training=self.training`."
        if zeros
        else "Is something drawn at random in `forward`, or kept from call to call?"
    )
    raise RuntimeError(f"Two calls with the same input give different results.\n{hint}")


# A slot is (parameter, view): the view lays a parameter, or its part, with one row for
# each output, as `nn.Linear` does. Several slots under one name: a head each.


def _slots(layer, block, d_model, num_heads):
    """Where the eight weights of a layer lie, by name."""
    found = _found(layer, d_model, num_heads)
    missing = ", ".join(name for name in NAMES if not found.get(name))
    extra = ", ".join(name for name in found if name not in NAMES)
    there = ", ".join(name for name, _ in layer.named_parameters()) or "none"
    if missing:
        _see_the_order(block, d_model, num_heads)
        raise AttributeError(
            f"The layer has no parameter {missing}; it has {there}.\nEach of the "
            "eight is an attribute of its own, made in `__init__`: `self.W_q = "
            "torch.nn.Parameter(...)`; or four `nn.Linear` hold them, with their "
            "biases. A plain tensor is no parameter, nor what a plain list holds."
        )
    if extra:
        raise AttributeError(
            f"The layer has a parameter too many: {extra}.\nIt has eight: "
            f"{', '.join(NAMES)}. What else it needs can be a plain attribute."
        )
    for name in NAMES:
        shape, wanted = _shape(found[name]), _wanted(name, d_model)
        if shape != wanted:
            _see_the_order(block, d_model, num_heads)
            if shape[0] == shape[-1] < d_model and len(shape) == 2:
                raise ValueError(
                    f"{name} has shape {shape}; expected {wanted}.\nOne small matrix "
                    "serves all heads. Map X with the whole matrix first, then split: "
                    "each head has columns of its own."
                )
            raise ValueError(
                f"{name} has shape {shape}; expected {wanted}.\nThe heads stand side "
                "by side in one matrix, see `stack_projections`; a bias has a number "
                "for each column."
            )
    for parameter in dict.fromkeys(p for slots in found.values() for p, _ in slots):
        parameter.data = parameter.data.clone()  # two could be one tensor
    for view in _PARTS:
        if not _shared(found) or _apart(layer, found, d_model):
            break
        found = _found(layer, d_model, num_heads, view)
    return found


def _wanted(name, d_model):
    return (d_model,) * (1 + (name[0] == "W"))


def _shape(slots):
    """The shape of a weight in this book: (d_in, d_out)."""
    parameter, view = slots[0]
    rows = sum(len(view(p).flatten(0, -2 if p.ndim > 1 else -1)) for p, view in slots)
    first = view(parameter)
    if parameter.ndim == 1:
        return (rows,)
    return (first.shape[-1], rows) if parameter.ndim == 2 else tuple(parameter.shape)


# How a matrix that maps to q, k and v may lay them: in thirds, by head, by feature.
_PARTS = (
    lambda t, part, of, h: t.unflatten(0, (of, -1))[part],
    lambda t, part, of, h: t.unflatten(0, (h, of, -1))[:, part],
    lambda t, part, of, h: t.unflatten(0, (h, -1, of))[:, :, part],
)


def _found(layer, d_model, num_heads, part_of=_PARTS[0]):
    """The slots of every weight that a layer has, by its name."""
    found = {}
    linear = {
        f"{name}.{end}".lstrip("."): module
        for name, module in layer.named_modules()
        if isinstance(module, torch.nn.Linear)
        for end in ("weight", "bias")
    }
    roles = _roles(layer, linear, d_model)
    for name, parameter in layer.named_parameters():
        letter, last = "W" if parameter.ndim > 1 else "b", name.split(".")[-1]
        if last in NAMES and name not in linear:
            view = (lambda t: t.mT) if parameter.ndim == 2 else (lambda t: t)
            found.setdefault(last, []).append((parameter, view))
            continue
        role = roles.get(name, "")
        turned = name not in linear and tuple(parameter.shape[:1]) == (d_model,)
        for place, part in enumerate(role):
            view = _view(place, len(role), num_heads, turned, part_of)
            found.setdefault(f"{letter}_{part}", []).append((parameter, view))
        if not role:
            found.setdefault(name, []).append((parameter, lambda t: t))
    return found


def _view(place, of, num_heads, turned, part_of):
    """One of several parts of a matrix, or all of it."""

    def view(t):
        t = t.mT if turned and t.ndim == 2 else t
        return t if of == 1 else part_of(t, place, of, num_heads)

    return view


def _roles(layer, linear, d_model):
    """What the parameters of maps are for: `q`, `qkv`, `o`, by their names."""
    maps, roles = {}, {}
    for name, parameter in layer.named_parameters():
        if name in linear or "in_proj" in name or "qkv" in name.lower():
            maps.setdefault(re.sub(r"[._](weight|bias)$", "", name), []).append(
                (name, max(parameter.shape) // d_model)
            )
    for path, parts in maps.items():
        role = _role(path, max(width for _, width in parts))
        roles.update((name, role) for name, _ in parts)
    wide = [path for path in maps if _role(path, max(w for _, w in maps[path])) == ""]
    known = {letter for role in roles.values() for letter in role}
    left = [letter for letter in "qkvo" if letter not in known]
    if len(wide) == len(left):  # `linears.0` to `linears.3`: in their order
        for path, letter in zip(wide, left, strict=True):
            roles.update((name, letter) for name, _ in maps[path])
    return roles


_WORDS = {
    "q": ("q", "query", "queries", "querys"),
    "k": ("k", "key", "keys"),
    "v": ("v", "value", "values", "val"),
    "o": ("o", "out", "output", "dense", "fc", "final", "unifyheads"),
}


def _role(path, width):
    """`q` for `heads.0.query`, `kqv` for `to_kqv`, nothing where no name tells."""
    words = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", path)
    words = [word.lower() for word in words]
    if width > 1:
        order = next((w[-width:] for w in words if set(w[-width:]) <= set("qkv")), "")
        return order if len(set(order)) == width else "qkv" if width == 3 else "kv"
    bare = {re.sub("^(to|w|proj|linear)", "", word) for word in words} | set(words)
    return next((letter for letter, names in _WORDS.items() if bare & {*names}), "")


def _shared(slots):
    """Whether one parameter serves several names."""
    return len({p for n in ("W_q", "W_k", "W_v") for p, _ in slots[n]}) < 3


def _apart(layer, slots, d_model):
    """Whether the parts of a shared matrix lie as these slots say: with values of 0
    nothing comes out, whatever the queries and keys.
    """
    generator = torch.Generator().manual_seed(0)
    drawn = {n: torch.randn(_wanted(n, d_model), generator=generator) for n in NAMES}
    silent = {name: 0 * drawn[name] for name in ("W_v", "b_v", "b_o")}
    before = {p: p.data.clone() for each in slots.values() for p, _ in each}
    _load(slots, {**drawn, **silent})
    try:
        with torch.no_grad():
            Y, _ = layer(torch.randn(1, 3, d_model, generator=generator))
        return bool((Y.abs() < 1e-6).all())
    except Exception:
        return True  # it is said when the layer is run
    finally:
        for parameter, data in before.items():
            parameter.data = data


def _load(slots, params):
    """Give a layer the weights in params."""
    for name in NAMES:
        rows = torch.as_tensor(params[name]).T if name[0] == "W" else params[name]
        rows, begin = torch.as_tensor(rows), 0
        for parameter, view in slots[name]:
            place = view(parameter.data)
            count = place.numel() // (rows.shape[-1] if name[0] == "W" else 1)
            part = rows[begin : begin + count].to(parameter.dtype)
            place.copy_(part.reshape(place.shape))
            begin += count


def _laid(slots, of):
    """A weight, or its gradient, as this book lays it; None where a part is missing."""
    parts = [(of(parameter), view) for parameter, view in slots]
    if any(part is None for part, _ in parts):
        return None
    if slots[0][0].ndim == 1:
        return torch.cat([view(part).flatten() for part, view in parts])
    return torch.cat([view(part).flatten(0, -2) for part, view in parts]).T


def _weights_of(slots):
    """The eight weights of a layer, by name."""
    return {name: _laid(slots[name], lambda p: p.data) for name in NAMES}


def _start_of(weights, num_heads):
    """What is wrong with the numbers that a layer starts with, or "right"."""
    matrices = torch.stack([weights[f"W_{name}"].detach() for name in "qkvo"])
    biases = torch.stack([weights[f"b_{name}"].detach() for name in "qkvo"])
    root = matrices.shape[-1] ** 0.5
    flat = matrices.flatten(1)  # (4, d_model * d_model)
    sizes = flat.square().mean(1).sqrt() * root
    pairs = itertools.combinations(matrices, 2)
    heads = matrices[0].chunk(num_heads, dim=1)
    found = {
        "constant": (flat == flat[:, :1]).all(1).any(),
        "one matrix": any(torch.equal(first, second) for first, second in pairs),
        "heads alike": torch.equal(heads[0], heads[1]),
        "not around 0": (flat.mean(1).abs() * root > sizes / 3).any(),
        "too large": sizes.max() > 1.75,
        "too small": sizes.min() < 0.4,
        "large biases": biases.abs().max() > 0.5,
    }
    return next((words for words, holds in found.items() if holds), "right")


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
    if not result[0].requires_grad:
        raise RuntimeError(
            "No gradient can go back from Y.\nSomething cuts it off: `no_grad`, "
            "`detach`, `.data`, or a detour through NumPy."
        )
    return result


def _gradients_of(tokens, slots):
    """The gradient of each value, dX and so on, but for b_k; or which are lost."""
    found = {"X": tokens.grad}
    found |= {name: _laid(slots[name], lambda p: p.grad) for name in NAMES}
    del found["b_k"]
    lost = [name for name, value in found.items() if value is None or not value.any()]
    if lost:
        return (
            f"No gradient reaches {', '.join(lost)}.\nWhat `forward` does not use gets "
            "none. And `detach`, `.data`, `torch.tensor(...)` or NumPy cut it off."
        )
    return {f"d{name}": value for name, value in found.items()}


class _Block(torch.nn.Module):
    """A right layer, with places where a mistake can be put."""

    def __init__(self, d_model, num_heads):
        super().__init__()
        self.h, self.d_model = num_heads, d_model
        for name in "qkvo":
            W = self.start(d_model)
            self.register_parameter(f"W_{name}", torch.nn.Parameter(W))
            bias = torch.nn.Parameter(self.start_bias(d_model))
            self.register_parameter(f"b_{name}", bias)

    def start(self, d_model):
        return torch.randn(d_model, d_model) / math.sqrt(d_model)

    def start_bias(self, d_model):
        return torch.zeros(d_model)

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


@MultiHeadAttention.mistake_in(_Block.start)
def starts_all_the_same(self, d_model):
    """All numbers of a matrix start the same, such as zero. Then the heads are the
    same, get the same gradient, and stay the same. Draw them at random.
    """
    return torch.zeros(d_model, d_model)


@MultiHeadAttention.mistake_in(_Block.start)
def starts_with_one_matrix(self, d_model):
    """W_q, W_k, W_v and W_o do not all start different. Draw each one anew: queries,
    keys and values have to be able to differ.
    """
    torch.manual_seed(0)
    return _Block.start(self, d_model)


@MultiHeadAttention.mistake_in(_Block.start)
def starts_with_equal_heads(self, d_model):
    """All heads start with the same weights. They get the same gradients, and stay the
    same. Draw all d_model columns, not d_k of them repeated.
    """
    d_k = d_model // self.h
    return torch.randn(d_model, d_k).repeat(1, self.h) / math.sqrt(d_model)


@MultiHeadAttention.mistake_in(_Block.start)
def starts_never_negative(self, d_model):
    """The weights start between 0 and 1, as `torch.rand` draws them. They have to lie
    around 0: `torch.randn`.
    """
    return torch.rand(d_model, d_model)


@MultiHeadAttention.mistake_in(_Block.start)
def starts_too_large(self, d_model):
    """The weights start too large: softmax puts everything on one key, and its gradient
    vanishes. Divide by sqrt(d_model).
    """
    return 2.5 * torch.randn(d_model, d_model)


@MultiHeadAttention.mistake_in(_Block.start)
def starts_too_small(self, d_model):
    """The weights start far smaller than 1 / sqrt(d_model), so each layer shrinks what
    goes through it. Divide `torch.randn(...)` by sqrt(d_model), and by nothing else.
    """
    return torch.randn(d_model, d_model) / d_model


@MultiHeadAttention.mistake_in(_Block.start_bias)
def starts_with_large_biases(self, d_model):
    """The biases start as large as the features. Start them at 0."""
    return torch.ones(d_model)


@MultiHeadAttention.mistake_in(_Block.project)
def weights_transposed(self, X, name):
    """The weights are used transposed. `torch.nn.functional.linear` and `nn.Linear`
    keep them as (d_out, d_in); here they are (d_in, d_out): `X @ W + b`.
    """
    W, b = self.get_parameter(f"W_{name}"), self.get_parameter(f"b_{name}")
    return torch.nn.functional.linear(X, W, b)


@MultiHeadAttention.mistake_in(_Block.forward)
def output_weights_transposed(self, X):
    """W_o is transposed before it is used. Like the other three it is (d_in, d_out):
    `O @ W_o`.
    """
    O, A = self.heads(X)
    return O @ self.W_o.T + self.b_o, A


@MultiHeadAttention.mistake_in(_Block.project)
def projections_missing(self, X, name):
    """X itself is split into heads. Each head compares queries with keys and adds up
    values: map X with W_q, W_k and W_v first.
    """
    return _Block.project(self, X, name) if name == "o" else X


@MultiHeadAttention.mistake_in(_Block.project)
def biases_missing(self, X, name):
    """The biases are never added."""
    return X @ self.get_parameter(f"W_{name}")


@MultiHeadAttention.mistake_in(_Block.forward)
def output_projection_missing(self, X):
    """The heads are joined, and that is all. W_o and b_o come last: without them no
    head learns what another one found.
    """
    return self.heads(X)


@MultiHeadAttention.mistake_in(_Block.forward)
def output_bias_missing(self, X):
    """b_o is missing from the output."""
    O, A = self.heads(X)
    return O @ self.W_o, A


@MultiHeadAttention.mistake_in(_Block.split)
def never_split(self, M):
    """There is one head of full width, and one map. Cut the features into num_heads
    pieces, each an entry along the axis h.
    """
    return M[:, None]


@MultiHeadAttention.mistake_in(_Block.split)
def two_heads_always(self, M):
    """There are two heads, whatever num_heads says."""
    self.h = 2
    return _Block.split(self, M)


def _joined_as_dealt(self, O):
    return O.transpose(1, 2).flatten(2)


@MultiHeadAttention.mistake_in(_Block.split, join=_joined_as_dealt)
def features_cut_the_other_way(self, M):
    """The columns are cut into d_k groups of h, so a head gets every h-th column.
    The columns of a head lie together: (b, n, h, d_k).
    """
    return M.view(*M.shape[:2], -1, self.h).permute(0, 3, 1, 2)


@MultiHeadAttention.mistake_in(_Block.split)
def split_by_reshape_alone(self, M):
    """A reshape straight to (b, h, n, d_k) mixes tokens and features. First cut the
    features, (b, n, h, d_k); then let the heads change places with the tokens.
    """
    return M.reshape(M.shape[0], self.h, M.shape[1], -1)


@MultiHeadAttention.mistake_in(_Block.join)
def joined_by_reshape_alone(self, O):
    """The heads are joined without a transpose. Let heads and tokens change places
    back first: (b, h, n, d_k) to (b, n, h, d_k).
    """
    return O.reshape(O.shape[0], O.shape[2], -1)


@MultiHeadAttention.mistake_in(_Block.split, join=joined_by_reshape_alone)
def reshaped_both_ways(self, M):
    """Split and joined with a reshape alone: each head gets a mixture of tokens and
    features. It runs, and nothing warns. Transpose after splitting, before joining.
    """
    return split_by_reshape_alone(self, M)


@MultiHeadAttention.mistake_in(_Block.forward)
def batch_and_tokens_exchanged(self, X):
    """The first axis is taken for the tokens, so each token attends to the same place
    in the other sentences. The axes are (b, n, d_model), the batch first.
    """
    O, A = self.heads(X.transpose(0, 1))
    return self.project(O.transpose(0, 1), "o"), A


@MultiHeadAttention.mistake_in(_Block.forward)
def all_sentences_together(self, X):
    """Tokens attend to the other sentences of the batch, too. Each sentence is on its
    own: keep b as an axis.
    """
    O, A = self.heads(X.flatten(0, 1)[None])
    return self.project(O, "o").view(X.shape), A


@MultiHeadAttention.mistake_in(_Block.scale)
def not_scaled(self, S, d_k):
    """The scores are not scaled. Divide by the square root of d_k, the width of a
    head.
    """
    return S


@MultiHeadAttention.mistake_in(_Block.scale)
def scaled_by_d_model(self, S, d_k):
    """The scores are divided by the root of d_model. Inside a head there are d_k
    features: the last axis of Q after splitting.
    """
    return S / self.d_model**0.5


@MultiHeadAttention.mistake_in(_Block.scale)
def scaled_by_d_k(self, S, d_k):
    """The scores are divided by d_k. The root is missing."""
    return S / d_k


@MultiHeadAttention.mistake_in(_Block.scale)
def scaled_by_n(self, S, d_k):
    """The scores are divided by the root of n: of four axes, -2 holds the tokens. The
    features are the last axis.
    """
    return S / S.shape[-1] ** 0.5


@MultiHeadAttention.mistake_in(_Block.scale)
def scaled_by_h(self, S, d_k):
    """The scores are divided by the root of the number of heads. Divide by the root of
    d_k, the width of a head.
    """
    return S / self.h**0.5


@MultiHeadAttention.mistake_in(_Block.scale)
def multiplied_by_the_root(self, S, d_k):
    """The scores are multiplied by the root of d_k. Divide by it."""
    return S * d_k**0.5


@MultiHeadAttention.mistake_in(_Block.heads)
def scaled_after_softmax(self, X):
    """The weights are divided, so they sum to less than 1. Divide the scores, before
    softmax.
    """
    Q, K, V = (self.split(self.project(X, name)) for name in "qkv")
    A = self.weigh(Q @ K.mT) / Q.shape[-1] ** 0.5
    return self.join(A @ V), A


MultiHeadAttention.inherits(
    scale,
    at=_Block.scale,
    but=(
        # Declared above in words of their own.
        *("divided_by_d_k", "multiplied", "divided_by_sqrt_m", "divided_by_sqrt_n"),
        "root_subtracted",  # it cancels in softmax
        "root_rounded_down",  # for a small d_k this is no scaling, or half of it
        # They lose the gradient, which says more.
        *("floor_divided", "root_of_the_scores", "root_of_the_scores_alone"),
    ),
    divided_by_their_sum="""The scores are divided by the sum of their row. All of
    them are divided by the same number, sqrt(d_k).""",
)


@MultiHeadAttention.mistake_in(_Block.weigh)
def softmax_missing(self, S):
    """The scores are used as weights. Softmax makes shares of them: rows sum to 1."""
    return S


@MultiHeadAttention.mistake_in(_Block.heads)
def queries_and_keys_exchanged(self, X):
    """Queries and keys have changed places: K @ Q.mT. A row belongs to a query."""
    Q, K, V = (self.split(self.project(X, name)) for name in "qkv")
    A = self.weigh(self.scale(K @ Q.mT, Q.shape[-1]))
    return self.join(A @ V), A


@MultiHeadAttention.mistake_in(_Block.project)
def queries_for_keys(self, X, name):
    """The queries are compared with themselves. They meet the keys: Q @ K.mT."""
    return _Block.project(self, X, "q" if name == "k" else name)


@MultiHeadAttention.mistake_in(_Block.project)
def keys_for_values(self, X, name):
    """The keys are added up. What is handed over are the values: A @ V."""
    return _Block.project(self, X, "k" if name == "v" else name)


@MultiHeadAttention.mistake_in(_Block.scale)
def looks_back_only(self, S, d_k):
    """Later tokens are hidden. That is a mask, as a language model needs it; here each
    token sees the whole sentence.
    """
    hidden = torch.ones_like(S).triu(1).bool()
    return _Block.scale(self, S, d_k).masked_fill(hidden, -math.inf)


@MultiHeadAttention.mistake_in(_Block.weigh)
def over_queries(self, S):
    """Softmax runs over the queries. Each query distributes its attention over the
    keys, the last axis: dim=-1.
    """
    return S.softmax(-2)


@MultiHeadAttention.mistake_in(_Block.weigh)
def over_heads(self, S):
    """Softmax runs over the heads: dim=1 of four axes. The keys are the last one:
    dim=-1.
    """
    return S.softmax(1)


@MultiHeadAttention.mistake_in(_Block.weigh)
def over_the_batch(self, S):
    """Softmax runs over the batch: dim=0. The keys are the last axis: dim=-1."""
    return S.softmax(0)


@MultiHeadAttention.mistake_in(_Block.forward)
def maps_averaged(self, X):
    """The maps are averaged over the heads, as nn.MultiheadAttention does unless it is
    told not to. Return them all: (b, h, n, n).
    """
    Y, A = _Block.forward(self, X)
    return Y, A.mean(1)


@MultiHeadAttention.mistake_in(_Block.forward)
def maps_on_their_sides(self, X):
    """The output is right, and the maps are transposed: rows belong to queries."""
    Y, A = _Block.forward(self, X)
    return Y, A.mT


def _with_scores(self, X):
    Y, _ = _Block.forward(self, X)
    return Y, self.scores


@MultiHeadAttention.mistake_in(_Block.weigh, forward=_with_scores)
def scores_returned(self, S):
    """The output is right, and what came with it are the scores. Return the weights,
    after softmax.
    """
    self.scores = S
    return _Block.weigh(self, S)


@MultiHeadAttention.mistake_in(_Block.forward)
def output_only(self, X):
    """The output came alone. Return two things: Y and the maps A."""
    return _Block.forward(self, X)[0]


@MultiHeadAttention.mistake_in(_Block.forward)
def maps_first(self, X):
    """The two results are in the wrong order: Y first, then A."""
    Y, A = _Block.forward(self, X)
    return A, Y


@MultiHeadAttention.mistake_in(_Block.weigh)
def weights_detached(self, S):
    """The output is right, but no gradient flows through the attention weights: W_q and
    W_k never learn. Leave out `detach`, `.data` and `torch.tensor(...)`.
    """
    return S.softmax(-1).detach()


@MultiHeadAttention.mistake_in(_Block.forward)
def input_added(self, X):
    """X is added to the output. The residual is a step of its own, outside."""
    Y, A = _Block.forward(self, X)
    return X + Y, A


@MultiHeadAttention.mistake_in(_Block.join)
def heads_reversed(self, O):
    """The heads are joined in reverse order. As a model that is as good, since training
    would permute the rows of W_o; but for these weights the output is wrong.
    """
    return _Block.join(self, O.flip(1))


@MultiHeadAttention.mistake
class parameters_not_registered(_Block):
    """The layer has no parameters, so training would change nothing. Make each weight
    an attribute in `__init__`: `self.W_q = torch.nn.Parameter(...)`. A plain tensor,
    one in a dict, or one that `forward` makes is not found.
    """

    def __init__(self, d_model, num_heads):
        super().__init__(d_model, num_heads)
        for name, weight in list(self.named_parameters()):
            delattr(self, name)
            setattr(self, name, weight.detach())


@MultiHeadAttention.also_right
def with_parts(d_model, num_heads):
    return _Block(d_model, num_heads)


@MultiHeadAttention.also_right
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


@MultiHeadAttention.also_right
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


@MultiHeadAttention.must
def rows_sum_to_one(result, *_):
    """In each head, each row of weights must sum to 1."""
    sums = result[1].sum(axis=-1)
    return bool(abs(sums - 1).max() < 1e-4)


@MultiHeadAttention.must
def starts_well(result, *_):
    """The weights must start random and around 0, each matrix and each head different,
    with a standard deviation of about 1 / sqrt(d_model); the biases start at 0.
    """
    return result[3] == "right"


def _params(rng, d_model):
    params = {}
    for letter in "qkvo":
        spread = 1.2 if letter in "qk" else 1
        W = rng.standard_normal((d_model, d_model)) / math.sqrt(d_model)
        params[f"W_{letter}"] = spread * W
        params[f"b_{letter}"] = spread * rng.standard_normal(d_model)
    return params


@MultiHeadAttention.case
def two_heads(rng):
    b, n, d_model = (2, 3, 8) if rng.random() < 0.5 else (3, 5, 6)
    return rng.standard_normal((b, n, d_model)), _params(rng, d_model), 2


@MultiHeadAttention.case
def three_heads(rng):
    b, n, d_model = (2, 4, 6) if rng.random() < 0.5 else (4, 5, 12)
    return rng.standard_normal((b, n, d_model)), _params(rng, d_model), 3


@MultiHeadAttention.case
def as_many_sentences_as_tokens(rng):
    # b = n = d_model: what raises elsewhere runs here, and shows what it computes.
    return rng.standard_normal((6, 6, 6)), _params(rng, 6), 3
