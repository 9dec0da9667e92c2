"""Part IV: what comes back from the masks, the gradients, the cache and the tiles is
what PyTorch gives; the class at the whiteboard is judged like a function; and what the
chapters say of their experiments holds.
"""

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
from test_animations import assert_legible
from torch.nn.functional import scaled_dot_product_attention

import book.animations as animations
from autograder.exercises.registry import discover
from autograder.grading.judge_file import judge_file
from autograder.judge.verdict import judge
from autograder.values.called import call_in_process
from book.experiments import decoding, leakage, memory
from solutions import at_the_whiteboard
from solutions.cache import attend_with_cache, cache_bytes, grouped_attention
from solutions.gradients import attention_backward
from solutions.masks import causal_mask, masked_attention, masked_softmax, padding_mask
from solutions.single_head import attention
from solutions.tiles import tiled_attention

LAYER = discover()["WhiteboardAttention"]
PART = {
    *("causal_mask", "padding_mask", "masked_softmax", "masked_attention"),
    *("WhiteboardAttention", "softmax_backward", "attention_backward"),
    *("attend_with_cache", "grouped_attention", "cache_bytes"),
    *("merge_softmax", "tiled_attention"),
}


def test_all_that_an_interviewer_asks_next_is_an_exercise():
    assert set(discover()) >= PART
    assert all(len(discover()[name].mistakes) >= 12 for name in PART)


# --- with PyTorch ---------------------------------------------------------------


def random(*shapes, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.standard_normal(shape) for shape in shapes]


def test_masks_are_those_of_torch():
    Q, K, V = random((5, 4), (5, 4), (5, 3))
    q, k, v = (torch.tensor(M)[None, None] for M in (Q, K, V))
    theirs = scaled_dot_product_attention(q, k, v, is_causal=True)[0, 0]
    O, A = masked_attention(Q, K, V, causal_mask(5))
    assert np.allclose(O, theirs)
    assert np.array_equal(A == 0, ~np.tri(5, dtype=bool))
    real = padding_mask(np.array([3, 0]), 5)
    O, A = masked_attention(Q, K, V, np.broadcast_to(real[1], (5, 5)))
    assert not O.any() and not A.any()


def test_a_masked_row_is_the_row_without_what_is_hidden():
    (S,) = random((1, 6))
    seen = np.array([True, False, True, True, False, False])
    A = masked_softmax(S, seen[None])[0]
    E = np.exp(S[0, seen])
    assert np.allclose(A[seen], E / E.sum()) and not A[~seen].any()


def test_gradients_are_those_of_torch_and_of_nudges():
    Q, K, V, dO = random((3, 4), (5, 4), (5, 2), (3, 2))
    q, k, v = (torch.tensor(M, requires_grad=True) for M in (Q, K, V))
    O = scaled_dot_product_attention(q[None], k[None], v[None])[0]
    O.backward(torch.tensor(dO))
    found = attention_backward(Q, K, V, dO)
    for ours, theirs in zip(found, (q, k, v), strict=True):
        assert np.allclose(ours, theirs.grad)
    for ours, array in zip(found, (Q, K, V), strict=True):
        for index in [(0, 0), (-1, 1)]:
            before, gained = array[index], []
            for nudge in (1e-5, -1e-5):
                array[index] = before + nudge
                gained.append((dO * attention(Q, K, V)[0]).sum())
            array[index] = before
            assert np.isclose(ours[index], (gained[0] - gained[1]) / 2e-5)


@pytest.mark.parametrize(("num_heads", "num_groups"), [(4, 4), (4, 2), (4, 1)])
def test_groups_are_those_of_torch(num_heads, num_groups):
    n, d_k = 5, 3
    d_model, width = num_heads * d_k, num_groups * d_k
    X, W_q, W_k, W_v = random(
        (n, d_model), (d_model, d_model), (d_model, width), (d_model, width)
    )
    params = {"W_q": W_q, "W_k": W_k, "W_v": W_v, "W_o": np.eye(d_model)}
    params |= {f"b_{w}": 0 for w in "qkvo"}
    Y, A = grouped_attention(X, params, num_heads, num_groups)
    q, k, v = (
        torch.tensor(X @ W).unflatten(-1, (-1, d_k)).transpose(0, 1)[None]
        for W in (W_q, W_k, W_v)
    )
    theirs = scaled_dot_product_attention(q, k, v, enable_gqa=True)[0]
    assert np.allclose(Y, theirs.transpose(0, 1).flatten(1))
    assert A.shape == (num_heads, n, n)


def test_word_by_word_is_all_at_once():
    X, *weights = random((6, 8), *[(8, 8)] * 4)
    params = {f"W_{w}": W for w, W in zip("qkvo", weights, strict=True)}
    params |= {f"b_{w}": np.arange(8.0) for w in "qkvo"}
    empty = np.zeros((2, 0, 4))
    cache, rows = {"K": empty, "V": empty}, []
    for x in X:
        y, cache = attend_with_cache(x, cache, params, 2)
        rows.append(y)
    layer = torch.nn.MultiheadAttention(8, 2, batch_first=True, dtype=torch.float64)
    with torch.no_grad():
        layer.in_proj_weight.copy_(torch.tensor(np.hstack(weights[:3]).T))
        layer.in_proj_bias.copy_(torch.arange(8.0).repeat(3))
        layer.out_proj.weight.copy_(torch.tensor(weights[3].T))
        layer.out_proj.bias.copy_(torch.arange(8.0))
        tokens = torch.tensor(X)[None]
        hidden = ~torch.tensor(causal_mask(6))
        Y, _ = layer(tokens, tokens, tokens, attn_mask=hidden)
    assert np.allclose(rows, Y[0])


def test_the_cache_is_as_large_as_it_is_said():
    cache = {name: np.zeros((3, 7, 5), np.float16) for name in "KV"}
    size = sum(array.nbytes for array in cache.values())
    assert cache_bytes(7, 1, 3, 5, 2) == size
    assert cache_bytes(7, 4, 3, 5, 2) == 4 * size


# --- the class ----------------------------------------------------------------


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("answer", [LAYER.reference, *LAYER.equivalents])
def test_right_layers_pass(answer, seed):
    confirm_right(LAYER, answer, seed)


@pytest.mark.parametrize("mistake", LAYER.mistakes, ids=lambda m: m.__name__)
def test_a_wrong_layer_is_named_and_taken_for_no_other(mistake):
    confirm_named(LAYER, mistake)


def test_the_shapes_hold_on_real_runs():
    confirm_shapes(LAYER)


def test_the_number_of_threads_is_left_as_it_was():
    before = torch.get_num_threads()
    verdict_on(LAYER, LAYER.mistakes[0])
    assert torch.get_num_threads() == before


SUBMITTED = """
import torch
from torch import nn

class WhiteboardAttention(nn.Module):
    def __init__(self, d_model, num_heads, dropout=0.0):
        super().__init__()
        self.h = num_heads
        self.q_proj = nn.Linear(d_model, d_model)
        self.k_proj = nn.Linear(d_model, d_model)
        self.v_proj = nn.Linear(d_model, d_model)
        self.o_proj = nn.Linear(d_model, d_model)
        self.dropout = nn.Dropout(dropout)

    def forward(self, query, memory=None, allowed=None):
        if memory is None:
            memory = query
        (b, n, d), m = query.shape, memory.shape[1]
        q = self.q_proj(query).view(b, n, self.h, d // self.h).transpose(1, 2)
        k = self.k_proj(memory).view(b, m, self.h, d // self.h).transpose(1, 2)
        v = self.v_proj(memory).view(b, m, self.h, d // self.h).transpose(1, 2)
        s = q @ k.transpose(-2, -1) / (d // self.h) ** 0.5
        if allowed is not None:
            s = s.masked_fill(~allowed, -1e9)
        a = self.dropout(torch.softmax(s, dim=-1))
        o = (a @ v).transpose(1, 2).contiguous().view(b, n, d)
        return self.o_proj(o), a
"""


@pytest.mark.parametrize(
    ("old", "new", "mistake"),
    [
        ("dim=-1", "dim=-1", None),
        ("~allowed", "allowed", "mask_inverted"),
        (".transpose(1, 2).contiguous()", "", "joined_without_transpose"),
        ("self.v_proj(memory)", "self.v_proj(query)", "values_from_the_query"),
    ],
)
def test_a_submitted_class_is_judged_in_the_sandbox(tmp_path, old, new, mistake):
    file = tmp_path / "answer.py"
    file.write_text(SUBMITTED.replace(old, new), encoding="utf-8")
    (verdict,) = judge_file(file)
    assert verdict.exercise == "WhiteboardAttention"
    assert verdict.passed is (mistake is None)
    assert verdict.mistake == mistake


@pytest.mark.parametrize("shape", [(4, 4), (2, 1, 1, 5), (4, 1, 1, 7)])
def test_every_row_of_a_mask_shows_two_keys_and_hides_one(shape):
    """Where all rows see one key, no gradient reaches the query: nobody's answer."""
    rng = np.random.default_rng(0)
    for _ in range(200):
        seen = at_the_whiteboard._seen(rng, *shape).sum(axis=-1)
        assert seen.min() >= 2 and seen.max() < shape[-1]


SAID = [  # what is changed in the right class, into what, and what is said of it
    (".contiguous()", "", "view size is not compatible"),
    ("(memory).view(b, m, self.h, d // self.h).transpose(1, 2)\n        v",
     "(memory).view(b, n, self.h, d // self.h).transpose(1, 2)\n        v",
     "The shapes do not fit each other"),
    ("(nn.Module)", "", "is no layer of PyTorch"),
    ("def forward", "def foward", "has no `forward`. Is the name misspelt?"),
    ("self.k_proj = nn.Linear(d_model, d_model)",
     "self.k_proj = nn.Linear(d_model, d_model, bias=False)",
     "no parameter k_proj.bias"),
    ("self.k_proj = nn.Linear(d_model, d_model)",
     "self.k_proj = nn.Linear(d_model, d_model // num_heads)",
     "k_proj.weight has shape"),
    ("self.dropout = nn", "self.norm = nn.LayerNorm(d_model); self.dropout = nn",
     "a parameter too many: norm.weight, norm.bias"),
    ("return self.o_proj(o), a", "return self.o_proj(o)", "Return two things"),
    ("(a @ v)", "(a @ v.detach())", "No gradient reaches v_proj.weight"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "said"), SAID, ids=[s for *_, s in SAID])
def test_a_wrong_layer_is_told_what_is_wrong(old, new, said):
    answer, namespace = changed(LAYER, SUBMITTED, old, new)
    verdict = verdict_on(LAYER, answer, namespace=namespace)
    assert verdict.passed is False
    assert said in f"{verdict.rationale} {verdict.hint}"


# --- the memory of tiles --------------------------------------------------------


def test_whoever_holds_all_scores_is_found_out():
    tiled = discover()["tiled_attention"]

    def as_it_was(Q, K, V, block):
        return attention(Q, K, V)[0]

    verdict = judge(tiled, call_in_process(tiled.driven(as_it_was)))
    assert verdict.mistake == "all_scores_at_once"
    assert verdict.score > 0  # the outputs are right where nobody measures


# --- what the chapters say ------------------------------------------------------


def test_only_who_sees_the_answer_knows_it():
    masked = leakage.trained.__wrapped__(True, [0])
    unmasked = leakage.trained.__wrapped__(False, [0])
    guessing = 1 / leakage.VOCABULARY
    assert unmasked["training"][0] > 0.95
    for share in (*masked["training"], *masked["writing"], *unmasked["writing"]):
        assert abs(share - guessing) < 0.08


def test_the_memory_of_tiles_grows_with_the_length_and_not_with_its_square():
    peaks = memory.against_length.__wrapped__(
        attention, tiled_attention, [128, 512], 16, 32
    )
    assert peaks["at once"][1] > 12 * peaks["at once"][0]
    assert peaks["in blocks"][1] < 6 * peaks["in blocks"][0]


def test_a_published_configuration_fits_itself():
    for layers, heads, groups, d_k in decoding.MODELS.values():
        assert heads % groups == 0 and layers > 0
        assert heads * d_k in (4096, 8192, 12288, 16384)


# --- the scene of the whiteboard --------------------------------------------------


def test_the_scene_of_the_whiteboard_is_legible():
    scene = animations.play_whiteboard(LAYER.reference)
    assert_legible(scene)
    assert "triangle of zeros" in scene.transcript()


@pytest.mark.parametrize("name", ["mask_ignored", "never_split", "output_only"])
def test_a_wrong_layer_is_played_legibly(name):
    wrong = next(m for m in LAYER.mistakes if m.__name__ == name)

    class WhiteboardAttention(wrong):
        pass

    assert_legible(animations.play_whiteboard(WhiteboardAttention))
