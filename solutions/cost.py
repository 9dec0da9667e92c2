"""What does multi-head attention cost: in numbers to learn, in work, in memory?

Many heads are narrow heads. What each head saves, the number of heads costs; only
the attention maps grow.
"""

from autograder.exercise import exercise


@exercise(
    hints=(
        "`init_parameters` returns eight arrays. How many numbers does an array of "
        "shape (a, b) hold?",
        "A head has d_k = d_model / num_heads columns of W_q, of W_k and of W_v, and "
        "as many numbers of each bias. W_o takes the joined heads.",
    ),
    points=2,
    why="Four maps, each d_model by d_model with d_model biases. num_heads does not "
    "occur: the heads share the columns of the maps out among them.",
    gallery=(
        "biases_missing",
        "output_projection_missing",
        "times_the_number_of_heads",
        "heads_of_full_width",
        "heads_read_slices",
        "one_number_for_each_bias",
    ),
)
def count_parameters(d_model, num_heads):
    """Count the numbers that multi-head attention has to learn.

    d_model, num_heads = h -> count
    W_q, W_k, W_v, W_o and their biases; each head is d_model / num_heads wide.
    """
    d_k = d_model // num_heads
    one_head = 3 * (d_model * d_k + d_k)  # its columns of W_q, W_k, W_v, b_q, ...
    output = num_heads * d_k * d_model + d_model  # W_o and b_o
    return num_heads * one_head + output


@count_parameters.mistake
def biases_missing(d_model, num_heads):
    """The biases are missing. Each of the four matrices has one, d_model numbers
    long.
    """
    return 4 * d_model**2


@count_parameters.mistake
def output_bias_missing(d_model, num_heads):
    """The bias of the output projection is missing: d_model numbers."""
    return 4 * d_model**2 + 3 * d_model


@count_parameters.mistake
def one_bias_only(d_model, num_heads):
    """One bias is counted. There are four: b_q, b_k, b_v and b_o."""
    return 4 * d_model**2 + d_model


@count_parameters.mistake
def one_number_for_each_bias(d_model, num_heads):
    """Each bias is counted as one number. X @ W + b adds one number to each of the
    d_model columns, so a bias has as many numbers as its matrix has columns.
    """
    return 4 * d_model**2 + 4


@count_parameters.mistake
def output_projection_missing(d_model, num_heads):
    """W_o and b_o are missing: the joined heads go through one more linear map."""
    return 3 * (d_model**2 + d_model)


@count_parameters.mistake
def output_projection_and_biases_missing(d_model, num_heads):
    """Two things are missing: the output projection, and all biases."""
    return 3 * d_model**2


@count_parameters.mistake
def times_the_number_of_heads(d_model, num_heads):
    """All is multiplied by num_heads. But heads share the columns of the matrices:
    each head is only d_model / num_heads wide.
    """
    return num_heads * 4 * (d_model**2 + d_model)


@count_parameters.mistake
def heads_of_full_width(d_model, num_heads):
    """These are heads that are each as wide as the model. In the usual design a head
    is d_model / num_heads wide, so that all heads together are as wide as the model.
    """
    return num_heads * 3 * (d_model**2 + d_model) + num_heads * d_model**2 + d_model


@count_parameters.mistake
def inputs_of_full_width(d_model, num_heads):
    """Each head has W_q, W_k and W_v as wide as the model here. A head has only
    d_model / num_heads columns of each.
    """
    return num_heads * 3 * (d_model**2 + d_model) + d_model**2 + d_model


@count_parameters.mistake
def one_head_only(d_model, num_heads):
    """The columns of one head are counted, and the output projection. There are
    num_heads heads.
    """
    d_k = d_model // num_heads
    return 3 * (d_model * d_k + d_k) + d_model**2 + d_model


@count_parameters.mistake
def output_of_one_head(d_model, num_heads):
    """W_o is counted for one head, (d_k, d_model). It takes all joined heads, so it
    has num_heads times as many rows.
    """
    d_k = d_model // num_heads
    return 3 * (d_model**2 + d_model) + d_k * d_model + d_model


@count_parameters.mistake
def bias_of_one_head(d_model, num_heads):
    """b_q, b_k and b_v are counted for one head. Each head has its own part of them."""
    d_k = d_model // num_heads
    return 3 * (d_model**2 + d_k) + d_model**2 + d_model


@count_parameters.mistake
def heads_read_slices(d_model, num_heads):
    """Here each head reads d_k features of the input. Every head reads all d_model
    of them: what is shared out are the columns of the matrices, not their rows.
    """
    d_k = d_model // num_heads
    return num_heads * 3 * (d_k**2 + d_k) + d_model**2 + d_model


@count_parameters.mistake
def biases_per_head_as_wide_as_the_model(d_model, num_heads):
    """Each head's biases are counted with d_model numbers. They are d_k long: one
    for each column of the head.
    """
    return 4 * d_model**2 + 3 * num_heads * d_model + d_model


@count_parameters.mistake
def output_bias_for_each_head(d_model, num_heads):
    """b_o is counted once for each head. It is added once, to what all heads have
    written together.
    """
    return 4 * d_model**2 + 3 * d_model + num_heads * d_model


@count_parameters.mistake
def four_matrices_of_one_head(d_model, num_heads):
    """This is four times (d_model, d_k) and d_k: the columns of one head. There are
    num_heads heads.
    """
    return 4 * (d_model**2 + d_model) / num_heads


@count_parameters.mistake
def layer_norm_counted(d_model, num_heads):
    """There are 2·d_model numbers too many, as many as gamma and beta of a layer norm
    have. They are not part of the attention.
    """
    return 4 * (d_model**2 + d_model) + 2 * d_model


@count_parameters.mistake
def sizes_exchanged(d_model, num_heads):
    """The two arguments have changed places: num_heads is used as the width of the
    model.
    """
    return 4 * (num_heads**2 + num_heads)


@count_parameters.also_right
def _parameters_by_formula(d_model, num_heads):
    return 4 * d_model * (d_model + 1)


@count_parameters.also_right
def _parameters_by_drawing(d_model, num_heads):
    import numpy as np

    shapes = [(d_model, d_model), (d_model,)] * 4
    return sum(np.zeros(shape).size for shape in shapes)


@count_parameters.also_right
def _parameters_as_float(d_model, num_heads):
    d_k = d_model / num_heads
    return 3 * num_heads * (d_model + 1) * d_k + d_model * (d_model + 1)


@count_parameters.case
def two_heads(rng):
    return 2 * int(rng.integers(3, 9)), 2


@count_parameters.case
def three_heads(rng):
    return 3 * int(rng.integers(4, 9)), 3


@count_parameters.case
def one_head(rng):
    return int(rng.integers(5, 12)), 1


@count_parameters.case
def as_in_the_paper(rng):
    return 512 * int(rng.integers(1, 4)), 8


@exercise(
    hints=(
        "The product of (a, b) and (b, c) costs 2·a·b·c. Write down the two shapes of "
        "each product: four projections, and two in each head.",
        "In one head: Q is (n, d_k) and Kᵀ is (d_k, n). A is (n, n) and V is (n, d_k).",
    ),
    points=3,
    why="A product of (a, b) and (b, c) takes 2·a·b·c operations. The four "
    "projections grow with n, the scores and the mixing with n squared; the "
    "heads are narrow, so their number cancels.",
    gallery=(
        "multiply_add_counted_once",
        "attention_missing",
        "output_missing",
        "tokens_met_once",
        "work_times_the_number_of_heads",
        "biases_counted",
    ),
)
def count_matmul_flops(n, d_model, num_heads):
    """Count the operations in the matrix products of multi-head attention.

    n, d_model, num_heads = h -> count
    A multiplication and an addition are two. Biases and softmax are left out.
    """
    d_k = d_model // num_heads
    project = 3 * 2 * n * d_model * d_k  # one head's Q, K and V
    attend = 2 * n * n * d_k + 2 * n * n * d_k  # its scores, and its weighted sum
    output = 2 * n * (num_heads * d_k) * d_model
    return num_heads * (project + attend) + output


@count_matmul_flops.mistake
def multiply_add_counted_once(n, d_model, num_heads):
    """This is half of it: the multiplications alone. A product of (a, b) and (b, c)
    has a·b·c multiplications, and as many additions are counted.
    """
    return 4 * n * d_model**2 + 2 * n**2 * d_model


@count_matmul_flops.mistake
def one_addition_fewer(n, d_model, num_heads):
    """To add up b numbers takes b - 1 additions: that is exact. But the custom, and
    this exercise, count as many additions as multiplications.
    """
    d_k = d_model // num_heads
    projections = 4 * n * d_model * (2 * d_model - 1)
    scores, sums = n * n * (2 * d_k - 1), n * d_k * (2 * n - 1)
    return projections + num_heads * (scores + sums)


@count_matmul_flops.mistake
def attention_missing(n, d_model, num_heads):
    """Only the projections are counted. In each head there are two more products: the
    scores, and the weighted sum.
    """
    return 8 * n * d_model**2


@count_matmul_flops.mistake
def projections_missing(n, d_model, num_heads):
    """Only scores and weighted sums are counted. The four projections are matrix
    products, too.
    """
    return 4 * n**2 * d_model


@count_matmul_flops.mistake
def output_missing(n, d_model, num_heads):
    """The output projection is missing: (n, d_model) times (d_model, d_model)."""
    return 6 * n * d_model**2 + 4 * n**2 * d_model


@count_matmul_flops.mistake
def one_of_scores_and_sums_missing(n, d_model, num_heads):
    """Half of the work inside the heads is missing. Are both products there, Q Kᵀ for
    the scores and A V for the weighted sum? And is each multiply-add counted as two?
    """
    return 8 * n * d_model**2 + 2 * n**2 * d_model


@count_matmul_flops.mistake
def one_projection_for_all(n, d_model, num_heads):
    """Half of the work of the projections is missing. At the entry there are three,
    not one: Q, K and V. And each multiply-add counts as two.
    """
    return 4 * n * d_model**2 + 4 * n**2 * d_model


@count_matmul_flops.mistake
def one_projection_alone(n, d_model, num_heads):
    """One of the four projections is counted. There are Q, K and V at the entry, and
    the output projection at the end.
    """
    return 2 * n * d_model**2 + 4 * n**2 * d_model


@count_matmul_flops.mistake
def attention_of_one_head(n, d_model, num_heads):
    """Scores and weighted sum are counted for one head. There are num_heads heads."""
    return 8 * n * d_model**2 + 4 * n**2 * (d_model // num_heads)


@count_matmul_flops.mistake
def attention_of_full_width(n, d_model, num_heads):
    """Scores and weighted sums are counted with d_model features in each head. A head
    has d_k = d_model / num_heads.
    """
    return 8 * n * d_model**2 + num_heads * 4 * n**2 * d_model


@count_matmul_flops.mistake
def projections_of_full_width(n, d_model, num_heads):
    """Each head has its projections to Q, K and V as wide as the model here. A head is
    only d_model / num_heads wide.
    """
    projections = num_heads * 6 * n * d_model**2 + 2 * n * d_model**2
    return projections + 4 * n**2 * d_model


@count_matmul_flops.mistake
def all_of_full_width(n, d_model, num_heads):
    """Each head projects and attends with d_model features here. A head is only
    d_model / num_heads wide.
    """
    one_head = 6 * n * d_model**2 + 4 * n**2 * d_model
    return num_heads * one_head + 2 * n * d_model**2


@count_matmul_flops.mistake
def output_for_each_head(n, d_model, num_heads):
    """The output projection is counted once for each head, with all d_model rows. It
    is done once, for the joined heads.
    """
    output = num_heads * 2 * n * d_model**2
    return 6 * n * d_model**2 + 4 * n**2 * d_model + output


@count_matmul_flops.mistake
def work_times_the_number_of_heads(n, d_model, num_heads):
    """All is multiplied by num_heads. But each head is only d_model / num_heads wide:
    what one head saves, the number of heads costs.
    """
    return num_heads * (8 * n * d_model**2 + 4 * n**2 * d_model)


@count_matmul_flops.mistake
def work_of_one_head(n, d_model, num_heads):
    """One head's projections and attention are counted, and the output projection.
    There are num_heads heads.
    """
    d_k = d_model // num_heads
    return 6 * n * d_model * d_k + 4 * n**2 * d_k + 2 * n * d_model**2


@count_matmul_flops.mistake
def heads_project_slices(n, d_model, num_heads):
    """Here each head projects d_k features of the input. Every head reads all d_model
    of them.
    """
    d_k = d_model // num_heads
    projections = 6 * n * d_k**2 * num_heads + 2 * n * d_model**2
    return projections + 4 * n**2 * d_model


@count_matmul_flops.mistake
def tokens_met_once(n, d_model, num_heads):
    """Each token meets one key here. Each of the n queries meets all n keys: n·n."""
    return 8 * n * d_model**2 + 4 * n * d_model


@count_matmul_flops.mistake
def attention_without_n_squared(n, d_model, num_heads):
    """The work inside the heads is counted with n·d_model·d_model. But W_q, W_k and
    W_v have done their part: here each of the n queries meets all n keys.
    """
    return 8 * n * d_model**2 + 4 * n * d_model**2


@count_matmul_flops.mistake
def biases_counted(n, d_model, num_heads):
    """The additions of the biases are in it. Only the matrix products are asked."""
    return 8 * n * d_model**2 + 4 * n**2 * d_model + 4 * n * d_model


@count_matmul_flops.mistake
def one_operation_for_each_score(n, d_model, num_heads):
    """One operation too many is counted for each score, as for scaling, or for an
    exponential. Only the matrix products are asked.
    """
    return 8 * n * d_model**2 + 4 * n**2 * d_model + num_heads * n**2


@count_matmul_flops.mistake
def softmax_counted(n, d_model, num_heads):
    """Three operations too many are counted for each score, as softmax takes: an
    exponential, an addition, a division. Only the matrix products are asked.
    """
    return 8 * n * d_model**2 + 4 * n**2 * d_model + 3 * num_heads * n**2


@count_matmul_flops.mistake
def words_and_features_exchanged(n, d_model, num_heads):
    """n and d_model have changed places. The four projections grow with d_model twice,
    scores and weighted sums grow with n twice.
    """
    return 8 * n**2 * d_model + 4 * n * d_model**2


@count_matmul_flops.also_right
def _work_by_formula(n, d_model, num_heads):
    return 4 * n * d_model * (2 * d_model + n)


@count_matmul_flops.also_right
def _work_by_shapes(n, d_model, num_heads):
    d_k = d_model // num_heads
    products = [(n, d_model, d_model)] * 4
    products += [(n, d_k, n), (n, n, d_k)] * num_heads
    return sum(2 * a * b * c for a, b, c in products)


@count_matmul_flops.also_right
def _work_as_float(n, d_model, num_heads):
    d_k = d_model / num_heads
    return 8.0 * n * d_model**2 + num_heads * 4 * n * n * d_k


@count_matmul_flops.case
def few_tokens(rng):
    return int(rng.integers(2, 6)), 3 * int(rng.integers(4, 8)), 3


@count_matmul_flops.case
def many_tokens(rng):
    return int(rng.integers(100, 200)), 2 * int(rng.integers(5, 9)), 2


@count_matmul_flops.case
def one_head_for_all(rng):
    return int(rng.integers(13, 19)), int(rng.integers(5, 12)), 1


@count_matmul_flops.case
def a_page_of_text(rng):
    return 512 + int(rng.integers(1, 100)), 512, 8


@exercise(
    hints=("The maps of all heads are one array, A, of shape (h, n, n).",),
    points=1,
    why="One number for each query and key in each head. This is the part that "
    "grows with the number of heads.",
    gallery=(
        "numbers_not_bytes",
        "one_map_for_all_heads",
        "one_number_for_each_token",
        "scores_and_weights",
        "in_mebibytes",
        "caret_for_a_power",
    ),
)
def attention_map_bytes(n, num_heads, itemsize):
    """Count the bytes that the attention maps of all heads take.

    n, num_heads = h, itemsize -> count
    One number takes itemsize bytes: 4 for float32.
    """
    return num_heads * n * n * itemsize


@attention_map_bytes.mistake
def numbers_not_bytes(n, num_heads, itemsize):
    """These are the numbers. Each takes itemsize bytes."""
    return num_heads * n * n


@attention_map_bytes.mistake
def one_map_for_all_heads(n, num_heads, itemsize):
    """This is one map. Each head has a map of its own."""
    return n * n * itemsize


@attention_map_bytes.mistake
def one_number_for_each_token(n, num_heads, itemsize):
    """A map has a number for every pair of tokens: n·n."""
    return num_heads * n * itemsize


@attention_map_bytes.mistake
def bits_not_bytes(n, num_heads, itemsize):
    """These are bits. itemsize is in bytes already."""
    return 8 * num_heads * n * n * itemsize


@attention_map_bytes.mistake
def maps_shared_among_heads(n, num_heads, itemsize):
    """The maps are divided by num_heads. A head has fewer features, but its map has
    as many rows and columns as any.
    """
    return n * n * itemsize / num_heads


@attention_map_bytes.mistake
def scores_and_weights(n, num_heads, itemsize):
    """This is twice as much: scores and weights, perhaps. Count the maps A alone."""
    return 2 * num_heads * n * n * itemsize


@attention_map_bytes.mistake
def half_of_each_map(n, num_heads, itemsize):
    """Half of each map is counted. Token i looking at j is not j looking at i: all n·n
    numbers are there.
    """
    return num_heads * n * (n + 1) // 2 * itemsize


@attention_map_bytes.mistake
def in_kibibytes(n, num_heads, itemsize):
    """These are kibibytes. Give the bytes, undivided."""
    return num_heads * n * n * itemsize / 1024


@attention_map_bytes.mistake
def in_mebibytes(n, num_heads, itemsize):
    """These are mebibytes. Give the bytes, undivided."""
    return num_heads * n * n * itemsize / 2**20


@attention_map_bytes.mistake
def always_four_bytes(n, num_heads, itemsize):
    """Four bytes are counted for each number, whatever itemsize says. That fits
    float32 only.
    """
    return num_heads * n * n * 4


@attention_map_bytes.mistake
def always_eight_bytes(n, num_heads, itemsize):
    """Eight bytes are counted for each number, whatever itemsize says. That fits
    float64 only.
    """
    return num_heads * n * n * 8


@attention_map_bytes.mistake
def doubled_not_squared(n, num_heads, itemsize):
    """n is doubled here. A map has n rows and n columns."""
    return num_heads * 2 * n * itemsize


@attention_map_bytes.mistake
def heads_squared(n, num_heads, itemsize):
    """num_heads is squared, too. A head has no map with the words of another: there
    are num_heads maps.
    """
    return (num_heads * n) ** 2 * itemsize


@attention_map_bytes.mistake
def heads_squared_and_no_bytes(n, num_heads, itemsize):
    """num_heads is squared, too, but there are only num_heads maps. And these are
    numbers, not bytes.
    """
    return (num_heads * n) ** 2


# Python's ^ comes after all products: three ways to write it are three numbers.


@attention_map_bytes.mistake
def caret_for_a_power(n, num_heads, itemsize):
    """In Python, ^ is no power: it compares bits (exclusive or). A power is **."""
    return num_heads * n ^ 2 * itemsize


@attention_map_bytes.mistake
def caret_for_a_power_first(n, num_heads, itemsize):
    """In Python, n ^ 2 is no power: it compares bits (exclusive or). A power is **."""
    return n ^ 2 * num_heads * itemsize


@attention_map_bytes.mistake
def caret_for_a_power_in_brackets(n, num_heads, itemsize):
    """In Python, (n ^ 2) is no power: it compares bits (exclusive or). A power is
    **.
    """
    return num_heads * (n ^ 2) * itemsize


@attention_map_bytes.also_right
def _bytes_by_array(n, num_heads, itemsize):
    import numpy as np

    return np.broadcast_to(np.int8(0), (num_heads, n, n)).size * itemsize


@attention_map_bytes.also_right
def _bytes_by_power(n, num_heads, itemsize):
    return n**2 * itemsize * num_heads


@attention_map_bytes.case
def single_precision(rng):
    return int(rng.integers(5, 12)), 3, 4


@attention_map_bytes.case
def double_precision(rng):
    return int(rng.integers(5, 12)), 2, 8


@attention_map_bytes.case
def half_precision(rng):
    return 2048 + int(rng.integers(0, 9)), 8, 2
