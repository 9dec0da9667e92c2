"""Part III: what is counted is what PyTorch counts, a class is judged like a function,
and the experiments train the attention that the book teaches.
"""

import json
import re

import numpy as np
import pytest
import torch
from class_exercise import (
    changed,
    confirm_named,
    confirm_right,
    confirm_shapes,
    verdict_on,
)
from test_animations import assert_legible, under_the_name
from torch.utils.flop_counter import FlopCounterMode

import book.animations as animations
from autograder.exercises.registry import discover
from autograder.grading.judge_file import judge_file
from book.charts import NARROW, WIDE, lines, points, strips
from book.experiments import attention, full_rank_match, kept, stack, two_tokens
from book.tables import spread
from solutions import cost
from solutions.layer import MultiHeadAttention
from solutions.output_projection import multi_head_attention

LAYER = discover()["MultiHeadAttention"]
WRONG = {mistake.__name__: mistake for mistake in LAYER.mistakes}
BLOCKS = [(5, 8, 1), (7, 12, 3), (48, 64, 8), (64, 8, 2)]  # n, d_model, num_heads


# --- cost ---------------------------------------------------------------------


@pytest.mark.parametrize(("n", "d_model", "num_heads"), BLOCKS)
def test_counts_are_those_of_torch(n, d_model, num_heads):
    block = torch.nn.MultiheadAttention(d_model, num_heads, batch_first=True)
    tokens = torch.randn(1, n, d_model)
    with FlopCounterMode(display=False) as counter:
        _, A = block(tokens, tokens, tokens, average_attn_weights=False)
    numbers = sum(parameter.numel() for parameter in block.parameters())
    assert cost.count_parameters(d_model, num_heads) == numbers
    work = cost.count_matmul_flops(n, d_model, num_heads)
    assert work == counter.get_total_flops()
    assert cost.attention_map_bytes(n, num_heads, A.itemsize) == A.nbytes


def test_only_the_maps_grow_with_the_number_of_heads():
    heads = (1, 2, 4, 8)
    assert len({cost.count_parameters(64, h) for h in heads}) == 1
    assert len({cost.count_matmul_flops(48, 64, h) for h in heads}) == 1
    sizes = [cost.attention_map_bytes(48, h, 4) for h in heads]
    assert sizes == [h * sizes[0] for h in heads]


# --- a class is an exercise ---------------------------------------------------


@pytest.mark.parametrize("seed", [0, 1, 2**40])
@pytest.mark.parametrize("answer", [LAYER.reference, *LAYER.equivalents])
def test_right_layers_pass(answer, seed):
    confirm_right(LAYER, answer, seed)


@pytest.mark.parametrize("mistake", LAYER.mistakes, ids=lambda m: m.__name__)
def test_a_wrong_layer_is_named_and_taken_for_no_other(mistake):
    confirm_named(LAYER, mistake, seeds=(0, 1))


def test_a_stub_of_a_class_is_not_written_yet():
    class Stub(torch.nn.Module):
        def __init__(self, d_model, num_heads):
            raise NotImplementedError

    assert verdict_on(LAYER, Stub).passed is None


def test_the_shapes_hold_on_real_runs():
    confirm_shapes(LAYER)


SUBMITTED = """
import math
import torch

class MultiHeadAttention(torch.nn.Module):
    def __init__(self, d_model, num_heads):
        super().__init__()
        self.h = num_heads
        for name in "qkvo":
            W = torch.randn(d_model, d_model) / math.sqrt(d_model)
            setattr(self, f"W_{name}", torch.nn.Parameter(W))
            setattr(self, f"b_{name}", torch.nn.Parameter(torch.zeros(d_model)))

    def forward(self, X):
        b, n, d = X.shape
        Q, K, V = (
            (X @ W + c).view(b, n, self.h, -1).transpose(1, 2)
            for W, c in (
                (self.W_q, self.b_q), (self.W_k, self.b_k), (self.W_v, self.b_v)
            )
        )
        A = torch.softmax(Q @ K.mT / math.sqrt(Q.shape[-1]), dim=AXIS)
        return (A @ V).transpose(1, 2).flatten(2) @ self.W_o + self.b_o, A
"""


@pytest.mark.parametrize(
    ("axis", "passed", "mistake"), [("-1", True, None), ("1", False, "over_heads")]
)
def test_a_submitted_class_is_judged_in_the_sandbox(tmp_path, axis, passed, mistake):
    file = tmp_path / "answer.py"
    file.write_text(SUBMITTED.replace("AXIS", axis), encoding="utf-8")
    (verdict,) = judge_file(file)
    assert (verdict.exercise, verdict.passed) == ("MultiHeadAttention", passed)
    assert verdict.mistake == mistake


SAID = [  # what is changed in the right class, into what, and what is said of it
    ("(torch.nn.Module)", "", "is no layer of PyTorch. The class begins with `class"),
    ("def forward", "def foward", "has no `forward`. Is the name misspelt?"),
    ("def forward(self, X)", "def forward(self)", "Keep `def forward(self, X):`"),
    ("super().__init__()", "pass", "`super().__init__()` has to be the first line"),
    ("self.h = num_heads", "pass", "Does `__init__` say `self.h = ...`?"),
    ('setattr(self, f"b_', '(self, f"b_', "no parameter b_q, b_k, b_v, b_o; it has"),
    ("self.h = num", "self.g = torch.nn.Parameter(torch.ones(2)); self.h = num",
     "a parameter too many: g."),
    ("W = torch.randn(d_model, d_model)", "W = torch.randn(d_model, 1)",
     "W_q has shape (32, 1); expected (32, 32)."),
    ("self.b_o, A", "self.b_o, None", "returned Tensor and NoneType; expected two"),
    ("return (A @ V)", "Y = (A @ V)", "`forward` returned NoneType; expected two"),
    ("X @ W + c", "X @ W.data + c", "No gradient reaches W_q, W_k, W_v."),
    ("X @ W + c", "X.detach() @ W + c", "No gradient reaches X. What `forward`"),
    ("(self.W_v, self.b_v)", "(self.W_v, 0)", "No gradient reaches b_v."),
    ("(A @ V)", "(A @ V.detach())", "No gradient reaches W_v, b_v."),
    ("b, n, d = X.shape", "b, n, d = X.shape; torch.set_grad_enabled(False)",
     "No gradient can go back from Y."),
    ("torch.zeros(d_model)", "torch.zeros(d_model).double()", "of two precisions meet"),
    ("self.W_o + self.b_o", "self.W_o.relu() + self.b_o", "A is right; Y is not."),
]  # fmt: skip


RIGHT = SUBMITTED.replace("AXIS", "-1")


@pytest.mark.parametrize(("old", "new", "said"), SAID, ids=[new for _, new, _ in SAID])
def test_a_wrong_layer_without_a_name_is_told_what_is_wrong(old, new, said):
    answer, namespace = changed(LAYER, RIGHT, old, new)
    try:
        verdict = verdict_on(LAYER, answer, namespace=namespace)
    finally:
        torch.set_grad_enabled(True)
    assert verdict.mistake is None
    assert said in f"{verdict.rationale} {verdict.hint}"


def test_what_the_output_does_not_need_may_be_missing():
    answer, _ = changed(LAYER, RIGHT, "self.b_k)", "0)")
    assert verdict_on(LAYER, answer).passed is True


def test_a_new_tensor_of_torch_fits_the_layer():
    answer, _ = changed(
        LAYER, RIGHT, "d = X.shape", "d = X.shape; X = X @ torch.eye(d)"
    )
    assert verdict_on(LAYER, answer).passed is True


def test_a_layer_that_is_scrambled_on_one_side_can_learn_all_the_same():
    """What the chapter on training says of a loss that falls."""
    torch.manual_seed(0)
    words, vocabulary, d_model = 8, 16, 32
    tokens = torch.nn.Embedding(vocabulary, d_model)
    places = torch.nn.Parameter(torch.randn(words, d_model))
    layer = WRONG["split_by_reshape_alone"](d_model, 2)
    norm = torch.nn.LayerNorm(d_model)
    readout = torch.nn.Linear(d_model, vocabulary)
    parts = tokens, layer, norm, readout
    adam = torch.optim.Adam([places, *(p for m in parts for p in m.parameters())], 0.01)
    for _ in range(200):
        ids = torch.randint(vocabulary, (16, words))
        X = tokens(ids) + places
        scores, wanted = readout(norm(X + layer(X)[0])), ids.flip(-1)
        adam.zero_grad()
        torch.nn.functional.cross_entropy(scores.mT, wanted).backward()
        adam.step()
    assert (scores.argmax(-1) == wanted).float().mean() > 0.95


def test_the_layer_is_that_of_torch_forwards_and_backwards():
    torch.manual_seed(1)
    ours = MultiHeadAttention(12, 3).double()
    theirs = torch.nn.MultiheadAttention(12, 3, batch_first=True, dtype=torch.float64)
    with torch.no_grad():
        for weight in ours.parameters():
            weight += 0.1 * torch.randn_like(weight)  # biases of zero hide mistakes
        theirs.in_proj_weight.copy_(torch.cat([ours.W_q.T, ours.W_k.T, ours.W_v.T]))
        theirs.in_proj_bias.copy_(torch.cat([ours.b_q, ours.b_k, ours.b_v]))
        theirs.out_proj.weight.copy_(ours.W_o.T)
        theirs.out_proj.bias.copy_(ours.b_o)
    X = torch.randn(2, 5, 12, dtype=torch.float64)
    Y, A = ours(X)
    Z, B = theirs(X, X, X, average_attn_weights=False)
    assert torch.allclose(Y, Z) and torch.allclose(A, B)
    (Y**2).sum().backward()
    (Z**2).sum().backward()
    joined = torch.cat([W.grad.T for W in (ours.W_q, ours.W_k, ours.W_v)])
    assert torch.allclose(joined, theirs.in_proj_weight.grad)
    assert torch.allclose(ours.W_o.grad.T, theirs.out_proj.weight.grad)


# --- the experiments ----------------------------------------------------------


def test_the_experiments_train_the_attention_of_the_book():
    drawn_from = attention.generators([4, 5])
    params = attention.init_attention(drawn_from, 12)
    params = {name: w + 0.1 * torch.randn_like(w) for name, w in params.items()}
    X = attention.normal(drawn_from, 3, 7, 12)  # (s, b, n, d)
    Y, A = attention.attend(X, X, params, 3)
    for seed in range(2):
        own = {name: w[seed].double().numpy() for name, w in params.items()}
        for sentence in range(3):
            expected = multi_head_attention(X[seed, sentence].double().numpy(), own, 3)
            assert np.allclose(Y[seed, sentence], expected[0], atol=1e-5)
            assert np.allclose(A[seed, sentence], expected[1], atol=1e-5)


def test_a_removed_head_leaves_the_others_alone():
    drawn_from = attention.generators([0])
    params = attention.init_attention(drawn_from, 8)
    X = attention.normal(drawn_from, 2, 5, 8)
    both, first, second, none = (
        attention.attend(X, X, params, 2, keep=keep)[0]
        for keep in ((1, 1), (1, 0), (0, 1), (0, 0))
    )
    assert torch.allclose(both + none, first + second, atol=1e-6)
    assert not torch.allclose(both, first, atol=1e-3)


def test_seeds_do_not_meet():
    """A seed gives the same model, whichever seeds are trained beside it."""

    def right(seeds):
        params = stack.init(attention.generators(seeds), 1)
        history, _ = stack._train(
            attention.generators(seeds), 1, 2, stack.VARIANTS["both"], 0.01, 20
        )
        return params["0.W_q"], history

    (alone, history), (beside, histories) = right([3]), right([1, 3, 2])
    assert torch.equal(alone[0], beside[1])
    assert torch.allclose(history[:, 0], histories[:, 1], rtol=1e-4)


def test_the_rate_of_one_seed_is_not_that_of_another():
    target = torch.tensor([[1.0], [1.0]])

    def losses(params):
        return ((params["w"] - target) ** 2).sum(1)

    start = {"w": torch.zeros(2, 1)}
    found, _ = attention.train(start, losses, 60, [0.1, 0.0])
    assert abs(found["w"][0, 0] - 1) < 0.2 and found["w"][1, 0] == 0


def test_the_answers_are_at_the_two_places():
    ids = torch.arange(20).view(1, 2, 10)
    assert two_tokens.answers(ids).tolist() == [[[2, 7], [12, 17]]]


def test_weights_that_are_blind_to_tokens_do_not_depend_on_them():
    drawn_from = attention.generators([0])
    params = two_tokens.init(drawn_from, 12)
    ids = attention.integers(drawn_from, 12, 5, two_tokens.POSITIONS)
    _, blind = two_tokens.forward(params, ids, 1, blind=True)
    _, seeing = two_tokens.forward(params, ids, 1)
    assert torch.allclose(blind, blind[:, :1].expand_as(blind))
    assert not torch.allclose(seeing, seeing[:, :1].expand_as(seeing), atol=1e-3)


def test_loudness_is_what_a_token_adds_to_its_score():
    params = two_tokens.init(attention.generators([0]), 12)
    loud = two_tokens.loudness(params)[0]
    ids = torch.zeros(1, 2, two_tokens.POSITIONS, dtype=torch.long)
    ids[0, :, two_tokens.FIRST] = torch.tensor([3, 8])
    _, A = two_tokens.forward(params, ids, 1)
    place, other = A[0, :, 0, two_tokens.FIRST], A[0, :, 0, two_tokens.SECOND]
    odds = (place / other).log()
    assert torch.isclose(odds[0] - odds[1], loud[3] - loud[8], atol=1e-4)


def test_each_mistake_is_of_one_kind():
    """The two exchanged, one of them twice, another token; and no mistake at all."""
    wanted = torch.tensor([[[3, 8]] * 5])
    found = torch.tensor([[[8, 3], [3, 3], [8, 8], [3, 5], [3, 8]]])
    wrong = (found != wanted).any(-1)
    assert two_tokens._kinds(found, wanted, wrong) == [[0.25, 0.5, 0.25]]


def test_exactly_one_item_has_the_key_that_is_asked_for():
    items, asked, labels = full_rank_match.draw(attention.generators([0]), 6)
    key = full_rank_match.KEY
    same = torch.isclose(items[..., :key], asked[..., :key]).all(-1)  # (s, b, m)
    assert (same.sum(-1) == 1).all()
    assert torch.equal(items[..., key:][same].argmax(-1), labels[0])
    assert (asked[..., key:] == 0).all()


def test_steps_until():
    losses = [[3, 0.05, 2, 0.01, 0.01], [3, 3, 3, 3, 3], [0, 0, 0, 0, 0]]
    assert stack.steps_until(losses, 0.1).tolist() == [3, np.inf, 0]


def test_a_result_is_kept_under_all_that_it_depends_on(tmp_path, monkeypatch):
    monkeypatch.setattr(kept, "FOLDER", tmp_path)
    ran = []

    @kept.kept
    def experiment(seeds, size=1):
        ran.append(size)
        return {"sizes": [size for _ in seeds]}

    assert experiment([0, 1]) == experiment([0, 1]) == {"sizes": [1, 1]}
    assert experiment([0, 1], size=2) == {"sizes": [2, 2]}
    assert ran == [1, 2]
    files = sorted(tmp_path.iterdir())
    assert len(files) == 2 and all(json.loads(f.read_text()) for f in files)
    monkeypatch.setattr(torch, "__version__", "another")
    experiment([0, 1])
    assert ran == [1, 2, 1]


def test_charts_say_what_they_show():
    chart = lines("n", [1, 2], {"t": {"a": np.ones((3, 2))}}, "Both are one.")
    dots = points("x", [1, 2], {"a": [1, 2], "b": [2, 1]}, "t", "Two rows of dots.")
    rows = strips("place", {"head": [0.2, 0.8]}, "The second cell is darker.")
    for drawn in (chart, dots, rows):
        assert drawn.svg() == drawn.svg()
        assert f'alt="{drawn}"' in drawn._repr_html_()
        wide, narrow = (drawn.svg(width).decode() for width in (WIDE, NARROW))
        named = re.findall(r' id="([^"]+)"', wide + narrow)
        assert len(named) == len(set(named))
    assert spread([1, 3, 2]) == "2.00 (1.00–3.00)"


# --- each conclusion, on ten seeds that no chapter uses ----------------------------

OTHERS = list(range(100, 110))


def test_what_is_said_of_untrained_stacks_holds_for_other_seeds():
    found = stack.at_the_start(12, OTHERS)
    end = {
        name: {what: np.array(values)[:, -1] for what, values in told.items()}
        for name, told in found.items()
    }
    for name in ("norm only", "neither"):
        assert end[name]["apart"].max() < 1e-3  # all tokens are the same
    alone, both, even = (end[name] for name in ("residual only", "both", stack.EVEN))
    # The residual alone does not keep the tokens apart: saturated maps do.
    assert alone["largest"].min() > 0.95 and both["largest"].max() < 0.3
    assert np.median(alone["apart"]) > 2 * np.median(both["apart"])
    assert np.median(even["apart"]) < 1.5 * np.median(both["apart"])
    assert end["pre-norm"]["apart"].min() > max(alone["apart"].max(), 0.4)
    assert both["size"].min() > 0.5 and both["size"].max() < 1.5
    assert alone["size"].min() > 10
    slopes = np.median(found["both"]["gradient"], axis=0)
    assert slopes.max() < 3 * slopes.min()
    slopes = np.median(found["residual only"]["gradient"], axis=0)
    assert slopes[0] > 100 * slopes[-1]
    slopes = np.median(found[stack.EVEN]["gradient"], axis=0)  # not through the scores
    assert even["size"].min() > 5 and slopes[0] < 5 * slopes[-1]


def test_what_is_said_of_trained_stacks_holds_for_other_seeds():
    ((four,),) = stack.deeper([4], [0.01], OTHERS, ("norm only",)).values()
    assert np.max(four) < 0.5  # without a residual, none
    eight = stack.deeper([8], [0.01], OTHERS, ("both", "pre-norm"))
    learnt = {name: (np.array(right) >= 0.9).sum() for name, right in eight.items()}
    assert learnt["pre-norm"] == len(OTHERS)
    assert learnt["both"] <= 5


def test_many_heads_want_another_rate_with_other_seeds():
    race = stack.race([1, 8], 1, [0.003, 0.1], OTHERS)
    until = stack.steps_until(race["loss"], 0.1)
    (one_slow, one_fast), (many_slow, many_fast) = np.isfinite(until).sum(axis=-1)
    assert one_slow == len(OTHERS) > many_slow
    assert one_fast < many_fast


def test_narrow_heads_lose_the_match_with_other_seeds():
    wide, narrow = (full_rank_match.accuracies(h, OTHERS) for h in (1, 16))
    assert min(wide) > 0.95 and max(narrow) < 0.6


# --- the scenes ---------------------------------------------------------------


def test_the_scene_of_cost_is_legible():
    scene = animations.play_cost(cost.count_matmul_flops, cost.attention_map_bytes)
    assert_legible(scene)
    assert "grows 2.7, 3.0 and 3.3 times" in scene.steps[-1].caption


@pytest.mark.parametrize(
    "mistake", discover()["count_matmul_flops"].mistakes, ids=lambda m: m.__name__
)
def test_wrong_work_is_played_and_marked(mistake):
    wrong = under_the_name("count_matmul_flops", mistake)
    scene = animations.play_cost(wrong, cost.attention_map_bytes)
    assert_legible(scene)
    assert "yours" in scene.transcript()


def test_what_grows_as_it_should_is_not_blamed_for_its_growth():
    half = under_the_name(
        "count_matmul_flops", lambda *sizes: cost.count_matmul_flops(*sizes) // 2
    )
    scene = animations.play_cost(half, cost.attention_map_bytes)
    assert all("Yours do. The marked" in scene.steps[k].caption for k in (4, -1))
    times_h = under_the_name("count_matmul_flops", cost.work_times_the_number_of_heads)
    scene = animations.play_cost(times_h, cost.attention_map_bytes)
    assert scene.steps[4].caption.endswith("Yours do not.")


@pytest.mark.parametrize("value", [None, "text", np.ones(3), float("nan"), 1e30])
def test_whatever_is_counted_is_shown(value):
    functions = (
        under_the_name(name, lambda *_: value)
        for name in ("count_matmul_flops", "attention_map_bytes")
    )
    assert_legible(animations.play_cost(*functions))


def test_the_scene_of_a_training_is_legible():
    rng = np.random.default_rng(0)
    maps = rng.dirichlet(np.ones(8), size=(2, 8))
    history = [(0, 2.8, 0.06, maps), (100, 0.01, 1.0, maps)]
    scene = animations.play_heads_in_training(MultiHeadAttention, history)
    assert_legible(scene)
    assert "100%" in scene.transcript()


def test_the_scene_of_a_stack_is_legible():
    scene = animations.play_deep_stack(stack.at_the_start(12, [0, 1]))
    assert_legible(scene)
