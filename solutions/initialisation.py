"""Where do the weights of multi-head attention start?

Four matrices and four biases, the same number whatever the number of heads. Random, so
that the heads can become different; small, so that softmax can still learn.
"""

import numpy as np

from autograder.exercise import exercise


@exercise(
    compared=False,
    hints=(
        "Eight arrays in a dict: four matrices and four biases. Which shape does a "
        "matrix need if it holds all heads side by side?",
        "`rng.standard_normal((a, b))` draws numbers of standard deviation 1. A sum of "
        "d_model products of them grows with sqrt(d_model): divide by that.",
        "`a % b` is what is left over when b divides a. `raise ValueError(...)` if "
        "anything is.",
    ),
    points=4,
    gallery=(
        "standard_deviation_one",
        "all_zero",
        "one_matrix_for_all",
        "never_negative",
        "heads_alike",
        "scaled_by_the_head_width",
    ),
)
def init_parameters(d_model, num_heads, rng):
    """Draw random weights for multi-head attention, of a size that suits d_model.

    d_model, num_heads = h, rng -> params
    W_q, W_k, W_v, W_o are (d_model, d_model) with standard deviation about
    1 / sqrt(d_model), drawn from the NumPy generator rng. b_q, b_k, b_v, b_o are
    (d_model,) and zero, or nearly.
    Raises ValueError where num_heads does not divide d_model.
    """
    if d_model % num_heads:
        raise ValueError(f"{num_heads} heads cannot share {d_model} features")
    params = {}
    for name in "qkvo":
        W = rng.standard_normal((d_model, d_model))
        params[f"W_{name}"] = W / np.sqrt(d_model)
        params[f"b_{name}"] = np.zeros(d_model)
    return params


def _draw(d_model, num_heads, matrix, bias=np.zeros):
    """The eight arrays: each matrix from `matrix()`, each bias from `bias(width)`."""
    if d_model % num_heads:
        raise ValueError
    params = {}
    for name in "qkvo":
        params[f"W_{name}"] = matrix()
        params[f"b_{name}"] = bias(d_model)
    return params


@init_parameters.mistake
def all_zero(d_model, num_heads, rng):
    """All weights are zero: every head computes the same, gets the same gradient, and
    stays the same. Random numbers make them differ.
    """
    if d_model % num_heads:
        raise ValueError(f"{num_heads} heads cannot share {d_model} features")
    params = {}
    for name in "qkvo":
        W = np.zeros((d_model, d_model))
        params[f"W_{name}"] = W
        params[f"b_{name}"] = np.zeros(d_model)
    return params


@init_parameters.mistake
def all_the_same_number(d_model, num_heads, rng):
    """All weights are the same number: every head computes the same, gets the same
    gradient, and stays the same. Random numbers make them differ.
    """
    number = 1 / np.sqrt(d_model)
    return _draw(d_model, num_heads, lambda: np.full((d_model, d_model), number))


@init_parameters.mistake
def all_one(d_model, num_heads, rng):
    """All weights are one: every head computes the same, gets the same gradient, and
    stays the same. Random numbers of size 1 / sqrt(d_model) are needed.
    """
    return _draw(d_model, num_heads, lambda: np.ones((d_model, d_model)))


@init_parameters.mistake
def standard_deviation_one(d_model, num_heads, rng):
    """The weights are too large, as `rng.standard_normal` alone gives them. With them
    the scores get too large, and softmax puts all its weight on one key: divide by
    sqrt(d_model).
    """
    if d_model % num_heads:
        raise ValueError(f"{num_heads} heads cannot share {d_model} features")
    params = {}
    for name in "qkvo":
        W = rng.standard_normal((d_model, d_model))
        params[f"W_{name}"] = W
        params[f"b_{name}"] = np.zeros(d_model)
    return params


@init_parameters.mistake
def far_too_small(d_model, num_heads, rng):
    """Weights are far smaller than 1 / sqrt(d_model): each layer shrinks what goes
    through it. Divide standard normal numbers by sqrt(d_model), and by nothing else.
    """
    return _draw(
        d_model, num_heads, lambda: rng.standard_normal((d_model, d_model)) / d_model
    )


@init_parameters.mistake
def scaled_by_the_head_width(d_model, num_heads, rng):
    """The size of the weights follows d_k = d_model / num_heads, and gets too large
    with many heads. What a matrix adds up are d_model products: 1 / sqrt(d_model).
    """
    if d_model % num_heads:
        raise ValueError(f"{num_heads} heads cannot share {d_model} features")
    params = {}
    for name in "qkvo":
        W = rng.standard_normal((d_model, d_model))
        params[f"W_{name}"] = W / np.sqrt(d_model / num_heads)
        params[f"b_{name}"] = np.zeros(d_model)
    return params


@init_parameters.mistake
def never_negative(d_model, num_heads, rng):
    """The weights do not lie around 0. `rng.random` draws between 0 and 1, for one;
    `rng.standard_normal` draws around 0.
    """
    if d_model % num_heads:
        raise ValueError(f"{num_heads} heads cannot share {d_model} features")
    params = {}
    for name in "qkvo":
        W = rng.random((d_model, d_model))
        params[f"W_{name}"] = W / np.sqrt(d_model)
        params[f"b_{name}"] = np.zeros(d_model)
    return params


@init_parameters.mistake
def never_negative_and_too_large(d_model, num_heads, rng):
    """The weights do not lie around 0, and they are too large. `rng.random` draws
    between 0 and 1, for one: take `rng.standard_normal`, and divide by sqrt(d_model).
    """
    return _draw(d_model, num_heads, lambda: rng.random((d_model, d_model)))


@init_parameters.mistake
def one_matrix_for_all(d_model, num_heads, rng):
    """Among W_q, W_k, W_v and W_o there are equal ones. Draw each one anew: queries,
    keys and values have to be able to differ.
    """
    if d_model % num_heads:
        raise ValueError(f"{num_heads} heads cannot share {d_model} features")
    params = {}
    W = rng.standard_normal((d_model, d_model))
    for name in "qkvo":
        params[f"W_{name}"] = W / np.sqrt(d_model)
        params[f"b_{name}"] = np.zeros(d_model)
    return params


@init_parameters.mistake
def only_a_part_drawn(d_model, num_heads, rng):
    """Some numbers of the matrices are 0. Draw all of them: `rng.standard_normal((a,
    b))` fills a whole matrix.
    """
    return _draw(d_model, num_heads, lambda: np.diag(rng.standard_normal(d_model)))


@init_parameters.mistake
def heads_alike(d_model, num_heads, rng):
    """All heads start with the same weights: they get the same gradient and stay the
    same. Draw all d_model columns, not d_k columns repeated.
    """
    if d_model % num_heads:
        raise ValueError(f"{num_heads} heads cannot share {d_model} features")
    params = {}
    for name in "qkvo":
        W = rng.standard_normal((d_model, d_model // num_heads))
        params[f"W_{name}"] = np.tile(W, num_heads) / np.sqrt(d_model)
        params[f"b_{name}"] = np.zeros(d_model)
    return params


@init_parameters.mistake
def width_not_checked(d_model, num_heads, rng):
    """If num_heads does not divide d_model, the heads cannot share the features
    evenly: raise ValueError then.
    """
    return _draw(
        d_model, 1, lambda: rng.standard_normal((d_model, d_model)) / np.sqrt(d_model)
    )


@init_parameters.mistake
def width_rounded_down(d_model, num_heads, rng):
    """`d_model // num_heads` rounds down, and where it does not divide evenly
    features vanish without a word. Raise ValueError then.
    """
    width = num_heads * (d_model // num_heads)
    params = {}
    for name in "qkv":
        params[f"W_{name}"] = rng.standard_normal((d_model, width)) / np.sqrt(d_model)
        params[f"b_{name}"] = np.zeros(width)
    params["W_o"] = rng.standard_normal((width, d_model)) / np.sqrt(d_model)
    params["b_o"] = np.zeros(d_model)
    return params


@init_parameters.mistake
def asserted(d_model, num_heads, rng):
    """`assert` raises AssertionError, and `python -O` leaves it out. A caller who
    passes a wrong number is told by `raise ValueError(...)`.
    """
    assert d_model % num_heads == 0
    return init_parameters(d_model, num_heads, rng)


@init_parameters.mistake
def raised_the_wrong_way_round(d_model, num_heads, rng):
    """ValueError is raised where num_heads divides d_model, and only there. `%` gives
    what is left over: 0 means that it divides.
    """
    if d_model % num_heads == 0:
        raise ValueError
    return _draw(
        d_model, 1, lambda: rng.standard_normal((d_model, d_model)) / np.sqrt(d_model)
    )


@init_parameters.mistake
def never_divides(d_model, num_heads, rng):
    """ValueError is raised always, also where num_heads divides d_model. `%` gives
    what is left over: 0 means that it divides.
    """
    raise ValueError


@init_parameters.mistake
def one_narrow_head(d_model, num_heads, rng):
    """W_q, W_k and W_v hold one head only: (d_model, d_k). All heads stand side by
    side: (d_model, d_model).
    """
    d_k = d_model // num_heads
    params = init_parameters(d_model, num_heads, rng)
    return {
        name: value[..., :d_k] if name[-1] in "qkv" else value
        for name, value in params.items()
    }


@init_parameters.mistake
def heads_on_an_axis_of_their_own(d_model, num_heads, rng):
    """The heads have an axis of their own: (h, d_model, d_k). In params they stand
    side by side: (d_model, d_model). `stack_projections` shows how.
    """
    params = init_parameters(d_model, num_heads, rng)
    d_k = d_model // num_heads
    for name in "qkv":
        W = params[f"W_{name}"]
        params[f"W_{name}"] = W.reshape(d_model, num_heads, d_k).swapaxes(0, 1)
    return params


@init_parameters.mistake
def biases_missing(d_model, num_heads, rng):
    """The biases are missing: b_q, b_k, b_v and b_o, d_model zeros each."""
    params = init_parameters(d_model, num_heads, rng)
    return {name: value for name, value in params.items() if name.startswith("W")}


@init_parameters.mistake
def output_missing(d_model, num_heads, rng):
    """W_o and b_o are missing: the projection that mixes the heads at the end."""
    params = init_parameters(d_model, num_heads, rng)
    return {name: value for name, value in params.items() if name[-1] != "o"}


@init_parameters.mistake
def biases_too_large(d_model, num_heads, rng):
    """The biases are of size 1, as large as the features. Start them at 0."""
    params = init_parameters(d_model, num_heads, rng)
    return {
        name: value if name.startswith("W") else 1 + value
        for name, value in params.items()
    }


@init_parameters.mistake
def drawn_elsewhere(d_model, num_heads, rng):
    """The numbers come from another generator, so nobody can get them again. Draw
    from rng: `rng.standard_normal(...)`, not `np.random`.
    """
    return init_parameters(d_model, num_heads, np.random.default_rng())


@init_parameters.mistake
def always_the_same(d_model, num_heads, rng):
    """The numbers are the same whichever rng is given: a seed is fixed inside. Draw
    from rng, and leave the seed to the caller.
    """
    return init_parameters(d_model, num_heads, np.random.default_rng(0))


@init_parameters.mistake
def drawn_and_not_used(d_model, num_heads, rng):
    """Something is drawn from rng, and the weights come from a generator of your own:
    they are the same whichever rng is given. Fill the matrices from rng.
    """
    rng.random()
    return always_the_same(d_model, num_heads, rng)


@init_parameters.also_right
def uniform(d_model, num_heads, rng):
    bound = np.sqrt(3 / d_model)
    return _draw(
        d_model, num_heads, lambda: rng.uniform(-bound, bound, (d_model, d_model))
    )


@init_parameters.also_right
def as_in_a_linear_layer(d_model, num_heads, rng):
    bound = 1 / np.sqrt(d_model)
    return _draw(
        d_model,
        num_heads,
        lambda: rng.uniform(-bound, bound, (d_model, d_model)),
        lambda width: rng.uniform(-bound, bound, width),
    )


@init_parameters.also_right
def one_draw_for_all(d_model, num_heads, rng):
    if d_model % num_heads != 0:
        raise ValueError("num_heads must divide d_model")
    drawn = rng.normal(0, d_model**-0.5, (4, d_model, d_model))
    params = dict(zip(("W_v", "W_o", "W_k", "W_q"), drawn, strict=True))
    return params | {f"b_{name}": np.zeros(d_model) for name in "oqvk"}


@init_parameters.also_right
def head_by_head(d_model, num_heads, rng):
    if d_model % num_heads:
        raise ValueError
    d_k = d_model // num_heads

    def heads():
        return [
            rng.normal(size=(d_model, d_k)) * d_model**-0.5 for _ in range(num_heads)
        ]

    params = {f"W_{name}": np.concatenate(heads(), axis=1) for name in "qkvo"}
    return params | {f"b_{name}": np.zeros((d_model,)) for name in "qkvo"}


@init_parameters.also_right
def random_signs(d_model, num_heads, rng):
    size = (d_model, d_model)
    return _draw(
        d_model, num_heads, lambda: rng.choice((-1, 1), size) / np.sqrt(d_model)
    )


@init_parameters.also_right
def in_float32(d_model, num_heads, rng):
    params = init_parameters(d_model, num_heads, rng)
    return {name: value.astype(np.float32) for name, value in params.items()}


# Bounds with room: of 256 numbers or more, a right draw misses none in a million.
def _sizes(params, d_model):
    """The root mean square of each matrix, as a multiple of 1 / sqrt(d_model)."""
    return [
        np.sqrt(np.mean(np.square(params[f"W_{name}"])) * d_model) for name in "qkvo"
    ]


@init_parameters.must
def finite(params, d_model, num_heads, rng):
    """Every number must be finite: no inf, no nan."""
    return all(np.isfinite(value).all() for value in params.values())


@init_parameters.must
def matrices_differ(params, d_model, num_heads, rng):
    """W_q, W_k, W_v and W_o must not be the same matrix."""
    return not any(
        np.array_equal(params[f"W_{a}"], params[f"W_{b}"])
        for a, b in ("qk", "qv", "kv", "qo", "ko", "vo")
    )


@init_parameters.must
def heads_differ(params, d_model, num_heads, rng):
    """No two heads may start with the same weights."""
    first, second, *_ = np.split(params["W_q"], num_heads, axis=1)
    return not np.array_equal(first, second)


@init_parameters.must
def not_too_large(params, d_model, num_heads, rng):
    """The weights must not be much larger than 1 / sqrt(d_model)."""
    return max(_sizes(params, d_model)) < 1.75


@init_parameters.must
def not_too_small(params, d_model, num_heads, rng):
    """The weights must not be much smaller than 1 / sqrt(d_model)."""
    return min(_sizes(params, d_model)) > 0.4


@init_parameters.must
def around_zero(params, d_model, num_heads, rng):
    """The weights must lie around 0: as many below as above."""
    means = [np.abs(params[f"W_{name}"].mean()) for name in "qkvo"]
    sizes = np.array(_sizes(params, d_model)) / np.sqrt(d_model)
    return bool(np.all(means <= 0.4 * sizes))


@init_parameters.must
def drawn_one_by_one(params, d_model, num_heads, rng):
    """Each number of a matrix must be drawn on its own: not some of them left at 0,
    and not one row or column repeated.
    """
    matrices = [np.asarray(params[f"W_{name}"]) for name in "qkvo"]
    return all(
        np.mean(W == 0) < 0.1 and np.ptp(W, axis=0).any() and np.ptp(W, axis=1).any()
        for W in matrices
    )


@init_parameters.must
def small_biases(params, d_model, num_heads, rng):
    """The biases must start at 0, or near it."""
    return all(np.abs(params[f"b_{name}"]).max() <= 0.5 for name in "qkvo")


@init_parameters.case
def two_heads(rng):
    return 16, 2, rng


@init_parameters.case
def many_heads(rng):
    return 24, 8, rng


@init_parameters.case
def a_wide_model(rng):
    return 96, 3, rng


@init_parameters.case
def heads_that_do_not_divide(rng):
    return (16, 3, rng) if rng.random() < 0.5 else (18, 4, rng)
