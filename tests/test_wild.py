"""Answers that people really write, retold: each is told what is wrong with it.

The answers are small and our own; what they get wrong was got wrong in public bug
reports, forums and courses. Two lines below the name: what the message has to say.
"""

import json
import linecache
import textwrap
import warnings

import numpy as np
import pytest
import torch

from autograder.exercises.registry import discover
from autograder.grading.judge_file import SubmissionError, judge_file
from autograder.judge.verdict import judge
from autograder.values.called import call_in_process

SOFT = """
def soft(S):
    E = np.exp(S - S.max(-1, keepdims=True))
    return E / E.sum(-1, keepdims=True)
"""
LAYER = """
class MultiHeadAttention(torch.nn.Module):
    def __init__(self, d_model, num_heads):
        super().__init__()
        self.h = num_heads
        for c in "qkvo":
            W = torch.randn(d_model, d_model) / d_model**0.5
            setattr(self, "W_" + c, torch.nn.Parameter(W))
            setattr(self, "b_" + c, torch.nn.Parameter(torch.zeros(d_model)))
    def mapped(self, X, c):
        Z = X @ getattr(self, "W_" + c) + getattr(self, "b_" + c)
        return Z.view(*X.shape[:2], self.h, -1).transpose(1, 2)
"""


def told(name, code):
    """The whole message on an answer."""
    code = f"{SOFT}{LAYER if name == 'MultiHeadAttention' else ''}{code}"
    file = f"<wild {abs(hash(code))}>"
    linecache.cache[file] = (len(code), None, code.splitlines(keepends=True), file)
    namespace = {"np": np, "torch": torch, "__name__": "__main__"}
    exercise = discover()[name]
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(compile(code, file, "exec"), namespace)
        call = call_in_process(exercise.driven(namespace[name]), namespace)
        verdict = judge(exercise, call)
    assert verdict.passed is False
    return " ".join(f"{verdict.rationale} | {verdict.hint}".split())


WILD = {
    "a loop that overwrites its input": (
        "multi_head_attention",
        """
        def multi_head_attention(X, params, num_heads):
            d_k = X.shape[1] // num_heads
            rows, maps, query = [], [], X
            for i in range(num_heads):
                part = slice(i * d_k, (i + 1) * d_k)
                query = query @ params["W_q"][:, part] + params["b_q"][part]
                A = soft(query @ query.T)
                rows.append(A @ query)
                maps.append(A)
            return np.concatenate(rows, -1) @ params["W_o"], np.stack(maps)
        """,
        ["new `query` of `query`", "name of its own"],
    ),
    "a mask after softmax": (
        "attention",
        """
        def attention(Q, K, V):
            A = soft(Q @ K.T / K.shape[1] ** 0.5)
            A = A * np.tri(*A.shape)
            return A @ V, A
        """,
        ["zeros above the diagonal", "after softmax", "no mask is asked for"],
    ),
    "a mask with a tiny number": (
        "attention",
        """
        def attention(Q, K, V):
            S = Q @ K.T / K.shape[1] ** 0.5
            S[np.triu_indices_from(S, 1)] = 1e-9
            A = soft(S)
            return A @ V, A
        """,
        ["bove the diagonal", "replaced by a single number before softmax", "mask"],
    ),
    "the first key left out": (
        "weighted_sum",
        """
        def weighted_sum(A, V):
            return [sum(a[j] * V[j] for j in range(1, len(V))) for a in A]
        """,
        ["Along m,", "where V is the identity,", "wrong: 0."],
    ),
    "blocks that are not rescaled": (
        "tiled_attention",
        """
        def tiled_attention(Q, K, V, block):
            top, total, O = np.full((len(Q), 1), -np.inf), 0.0, 0.0
            for j in range(0, len(K), block):
                S = Q @ K[j : j + block].T / Q.shape[1] ** 0.5
                new = np.maximum(top, S.max(-1, keepdims=True))
                P = np.exp(S - new)
                total = total * np.exp(top - new) + P.sum(-1, keepdims=True)
                O, top = O + P @ V[j : j + block], new
            return O / total
        """,
        ["where V is the identity, has right proportions within"],
    ),
    "one block is taken for the larger": (
        "merge_softmax",
        """
        def merge_softmax(m1, s1, o1, m2, s2, o2):
            factor = np.exp(m1 - m2)
            o = factor[:, None] * o1 + o2
            return np.maximum(m1, m2), factor * s1 + s2, o
        """,
        ["s is right just where m1 <= m2"],
    ),
    "a cache in a tuple": (
        "attend_with_cache",
        """
        def attend_with_cache(x, cache, params, num_heads):
            return x, (cache["K"], cache["V"])
        """,
        ["cache is a tuple of 2 arrays; expected a dict with the keys K, V"],
    ),
    "the new key comes first": (
        "attend_with_cache",
        """
        def attend_with_cache(x, cache, params, num_heads):
            q, k, v = (
                (x @ params["W_" + c] + params["b_" + c]).reshape(num_heads, 1, -1)
                for c in "qkv"
            )
            K = np.concatenate([k, cache["K"]], axis=1)
            V = np.concatenate([cache["V"], v], axis=1)
            o = soft(q @ K.swapaxes(1, 2) / q.shape[-1] ** 0.5) @ V
            return o.ravel() @ params["W_o"] + params["b_o"], {"K": K, "V": V}
        """,
        ["K has the right numbers in the wrong order"],
    ),
    "a mask of one's own in the place of the one that is given": (
        "masked_attention",
        """
        def masked_attention(Q, K, V, allowed):
            S = Q @ K.T / Q.shape[1] ** 0.5
            A = soft(np.where(np.tri(*S.shape) > 0, S, -1e9))
            return A @ V, A
        """,
        ["changes along n at"],
    ),
    "a mask in each head": (
        "attend_in_parallel",
        """
        def attend_in_parallel(Q, K, V):
            S = Q @ K.swapaxes(1, 2) / K.shape[-1] ** 0.5
            A = soft(np.where(np.tri(*S.shape[1:]) > 0, S, -1e9))
            return A @ V, A
        """,
        ["0 above the diagonal", "causal mask"],
    ),
    "batch and heads exchanged while joining": (
        "MultiHeadAttention",
        """
        def forward(self, X):
            b, n, d = X.shape
            Q, K, V = (self.mapped(X, c).reshape(b * self.h, n, -1) for c in "qkv")
            A = torch.softmax(Q @ K.mT / K.shape[-1] ** 0.5, -1)
            O = (A @ V).view(self.h, b, n, -1).permute(1, 2, 0, 3)
            Y = O.reshape(b, n, d) @ self.W_o + self.b_o
            return Y, A.view(b, self.h, n, n)
        MultiHeadAttention.forward = forward
        """,
        ["A is right", "W_o and b_o are used right", "wrong places"],
    ),
    "a root on one side": (
        "attention",
        """
        def attention(Q, K, V):
            A = soft(Q / Q.shape[1] ** 0.25 @ K.T)
            return A @ V, A
        """,
        ["d_k ** 0.25 times as large", "one factor changed"],
    ),
    "residual and norm inside": (
        "multi_head_attention",
        """
        def multi_head_attention(X, params, num_heads):
            split = lambda M: M.reshape(len(M), num_heads, -1).swapaxes(0, 1)
            Q, K, V = (split(X @ params[f"W_{c}"] + params[f"b_{c}"]) for c in "qkv")
            A = soft(Q @ K.swapaxes(1, 2) / K.shape[-1] ** 0.5)
            Y = np.concatenate(list(A @ V), -1) @ params["W_o"] + params["b_o"] + X
            return (Y - Y.mean(-1)[:, None]) / (Y.std(-1)[:, None] + 1e-8), A
        """,
        ["A is right", "plus X", "mean 0 and variance 1"],
    ),
    "one small matrix for all heads": (
        "multi_head_attention",
        """
        def multi_head_attention(X, params, num_heads):
            n, d = X.shape
            k = d // num_heads
            heads = X.reshape(n, num_heads, k).swapaxes(0, 1)
            Q, K, V = (
                heads @ params[f"W_{c}"][:k, :k] + params[f"b_{c}"][:k] for c in "qkv"
            )
            A = soft(Q @ K.swapaxes(1, 2) / k**0.5)
            O = (A @ V).swapaxes(0, 1).reshape(n, d)
            return O @ params["W_o"] + params["b_o"], A
        """,
        ["same d_k by d_k corner", "then split"],
    ),
    "e with three decimals": (
        "softmax",
        """
        def softmax(S):
            E = 2.718 ** (S - S.max(-1, keepdims=True))
            return E / E.sum(-1, keepdims=True)
        """,
        ["powers of 2.718", "`exp`"],
    ),
    "dropout that is always on": (
        "MultiHeadAttention",
        """
        def forward(self, X):
            Q, K, V = (self.mapped(X, c) for c in "qkv")
            A = torch.softmax(Q @ K.mT / K.shape[-1] ** 0.5, -1)
            A = torch.nn.functional.dropout(A, 0.2)
            return (A @ V).transpose(1, 2).flatten(2) @ self.W_o + self.b_o, A
        MultiHeadAttention.forward = forward
        """,
        ["Two calls with the same input", "dropout"],
    ),
    "three things about the norm": (
        "layer_norm",
        """
        def layer_norm(X, gamma, beta, eps=1e-6):
            std = X.std(-1, keepdims=True, ddof=1)
            return gamma * (X - X.mean(-1, keepdims=True)) / (std + eps) + beta
        """,
        ["d_model - 1", "after the root", "default of eps is 1e-06", "1e-05"],
    ),
    "the norm along the sequence": (
        "layer_norm",
        """
        def layer_norm(X, gamma, beta, eps=1e-3):
            return (X - X.mean(0)) / (X.std(0, ddof=1) + eps) * gamma + beta
        """,
        ["over the tokens", "axis=-1", "ddof=0", "under the root", "0.001"],
    ),
    "another default": (
        "layer_norm",
        """
        def layer_norm(X, gamma, beta, eps=1e-12):
            var = X.var(-1, keepdims=True)
            return gamma * (X - X.mean(-1, keepdims=True)) / np.sqrt(var + eps) + beta
        """,
        ["All else is right", "default of eps", "1e-05"],
    ),
    "the mean for the deviation": (
        "layer_norm",
        """
        def layer_norm(X, gamma, beta, eps=1e-5):
            mean = X.mean(-1, keepdims=True)
            std = X.mean(-1, keepdims=True)
            return gamma * (X - mean) / (std + eps) + beta
        """,
        ["Divided by the mean", "line copied"],
    ),
    "one gamma for all": (
        "layer_norm",
        """
        def layer_norm(X, gamma, beta, eps=1e-5):
            a, b = gamma[0], beta[0]
            root = (X.var(-1, keepdims=True) + eps) ** 0.5
            return a * (X - X.mean(-1, keepdims=True)) / root + b
        """,
        ["Each feature has its own"],
    ),
    "maps counted before and after": (
        "count_parameters",
        "def count_parameters(d_model, num_heads):\n"
        "    return 7 * d_model**2 + 4 * d_model\n",
        ["3·d_model² too large"],
    ),
    "two norms counted": (
        "count_parameters",
        "def count_parameters(d_model, num_heads):\n"
        "    return 4 * d_model * (d_model + 2)\n",
        ["4·d_model too large"],
    ),
    "the backward pass, too": (
        "count_matmul_flops",
        "def count_matmul_flops(n, d_model, num_heads):\n"
        "    return 24 * n * d_model**2 + 12 * n**2 * d_model\n",
        ["3 times", "forward and backward"],
    ),
    "scores, weights and a mask": (
        "attention_map_bytes",
        "def attention_map_bytes(n, num_heads, itemsize):\n"
        "    return num_heads * n * n * (2 * itemsize + 1)\n",
        ["n²·num_heads", "n²·num_heads·itemsize", "too large"],
    ),
    "values scaled in the place of scores": (
        "attention",
        """
        def attention(Q, K, V):
            A = soft(Q @ K.T)
            return A @ V / K.shape[1] ** 0.5, A
        """,
        ["Two things", "1/sqrt(d_k) times"],
    ),
    "an exponent without brackets": (
        "scale",
        "def scale(S, d_k):\n    return S * (d_k ** 1 / 2)\n",
        ["S multiplied by d_k/2", "(d_k ** 1) / 2"],
    ),
    "the sum inside the exponential": (
        "softmax",
        """
        def softmax(S):
            return np.exp(S / np.exp(S).sum(1, keepdims=True))
        """,
        ["inside the exponential", "Close the bracket"],
    ),
    "heads before width": (
        "MultiHeadAttention",
        """
        Right = MultiHeadAttention
        class MultiHeadAttention(Right):
            def __init__(self, heads, width):
                assert width % heads == 0
                super().__init__(width, heads)
            def forward(self, X):
                return X, X
        """,
        ["MultiHeadAttention(d_model, num_heads) is how", "other way round"],
    ),
    "a list that grows": (
        "concat_heads",
        """
        kept = []
        def concat_heads(heads):
            kept.extend(heads)
            return np.concatenate(kept, axis=-1)
        """,
        ["The first call is right", "from one call to the next"],
    ),
    "a size of the notebook": (
        "attend_in_parallel",
        """
        d_k = 8
        def attend_in_parallel(Q, K, V):
            A = soft(Q @ K.swapaxes(1, 2) / np.sqrt(d_k))
            return A @ V, A
        """,
        ["does not change with d_k as it should", "outside the function"],
    ),
    "a return in the first round": (
        "scores",
        """
        def scores(Q, K):
            S = np.zeros((len(Q), len(K)))
            for i, q in enumerate(Q):
                for j, k in enumerate(K):
                    S[i, j] = q @ k
                    return S
        """,
        ["Only 1 of", "all 0", "`return` stand inside the loop"],
    ),
    "a class with forward": (
        "scale",
        """
        class scale(torch.nn.Module):
            def forward(self, S, d_k):
                return S / d_k**0.5
        """,
        ["scale is a class here", "`def scale(S, d_k):`"],
    ),
    "async def": (
        "softmax",
        "async def softmax(S):\n    return soft(S)\n",
        ["`async def` makes a coroutine", "write `def`"],
    ),
    "complex numbers": (
        "softmax",
        "def softmax(S):\n    return soft(1j * S)\n",
        ["complex"],
    ),
    "lists in lists": (
        "scores",
        """
        def scores(Q, K):
            out = Q @ K.T
            for _ in range(3000):
                out = [out]
            return out
        """,
        ["nested more than 20 deep"],
    ),
    "decimals": (
        "scale",
        """
        from decimal import Decimal
        def scale(S, d_k):
            return [[Decimal(float(x)) / Decimal(d_k).sqrt() for x in r] for r in S]
        """,
        ["of type Decimal", "float(...)"],
    ),
    "warnings as errors": (
        "softmax",
        """
        def softmax(S):
            with np.errstate(all="raise"):
                E = np.exp(S)
            return E / E.sum(-1, keepdims=True)
        """,
        ["overflow", "ubtract"],
    ),
    "rows of None": (
        "embed",
        """
        def embed(token_ids, table):
            rows = []
            return [rows.append(table[t]) for t in token_ids]
        """,
        ["Its parts are None", "append"],
    ),
    "rounded to four": (
        "softmax",
        "def softmax(S):\n    return soft(S).round(4)\n",
        ["rounded to four decimals", "as they are"],
    ),
    "math.exp overflows": (
        "softmax",
        """
        import math
        def softmax(S):
            E = [[math.exp(s) for s in row] for row in S]
            return [[e / sum(row) for e in row] for row in E]
        """,
        ["subtract the row's largest number first"],
    ),
}


@pytest.mark.parametrize("kind", WILD)
def test_what_people_write_is_told_what_is_wrong(kind):
    name, code, words = WILD[kind]
    text = told(name, textwrap.dedent(code))
    for word in words:
        assert word in text, text


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("def soft_max(S):\n    return S\n", "soft_max: is softmax meant?"),
        ("class soft:\n    def softmax(S):\n        return S\n", "inside the class"),
    ],
)
def test_a_file_whose_names_are_missed(tmp_path, code, words):
    file = tmp_path / "answer.py"
    file.write_text(code)
    with pytest.raises(SubmissionError, match=words.replace("?", r"\?")):
        judge_file(file)


def test_files_that_are_right_in_an_unusual_way(tmp_path):
    """A lambda among defs, a def under `if __name__`, a notebook called .py."""
    code = (
        "import numpy as np\nscale = lambda S, d_k: S / np.sqrt(d_k)\n"
        f"if __name__ == '__main__':\n{textwrap.indent(SOFT, '    ')}"
        "    softmax = soft\n"
    )
    cell = {"cell_type": "code", "source": code, "metadata": {}, "outputs": []}
    for name, text in (
        ("answers.py", code),
        ("notebook.py", json.dumps({"nbformat": 4, "metadata": {}, "cells": [cell]})),
    ):
        (tmp_path / name).write_text(text)
        verdicts = judge_file(tmp_path / name)
        assert [(v.exercise, v.passed) for v in verdicts] == [
            ("scale", True),
            ("softmax", True),
        ]
    assert "is a notebook" in verdicts[0].flags[0]


# A name that fits where the answer is right anyway is the name of nothing.
UNNAMED = {
    "as many heads as groups": (
        "grouped_attention",
        """
        def grouped_attention(X, params, num_heads, num_groups):
            n, d = X.shape
            q, k, v = (
                (X @ params["W_" + c] + params["b_" + c])
                .reshape(n, num_groups, d // num_groups)
                .transpose(1, 0, 2)
                for c in "qkv"
            )
            A = soft(q @ k.swapaxes(1, 2) / q.shape[-1] ** 0.5)
            O = (A @ v).transpose(1, 0, 2).reshape(n, d)
            return O @ params["W_o"] + params["b_o"], A
        """,
        "two heads",
    ),
    "a mask of one's own": (
        WILD["a mask of one's own in the place of the one that is given"][0],
        WILD["a mask of one's own in the place of the one that is given"][1],
        "transposed",
    ),
}


@pytest.mark.parametrize("row", UNNAMED)
def test_no_name_without_a_case_that_speaks_for_it(row):
    name, code, false = UNNAMED[row]
    assert false not in told(name, textwrap.dedent(code))
