"""What interviewers ask most, where that is written, and what to answer.

The ranking is a count: in how many of the public lists and reports below a topic
stands. They were read in November 2026, as far as they could be without an account: of
some only the beginning, so that a topic may stand in more of them than is counted. It
is a small and uneven sample; a topic that stands first in it is asked often, and the
order further down means little.
"""

from dataclasses import dataclass

# Where questions are collected: a name, and the address.
LISTS = {
    "28 questions": "https://jishuzhan.net/article/2024754411575246849",
    "40 questions": "https://jishuzhan.net/article/2004883015483326466",
    "Interview grill": "https://fahimfaisal.info/ml_and_llm_learning/"
    "04_transformers/INTERVIEW_GRILL.html",
    "15 questions": "https://nikhillearnhub.com/nikhillearnhub/en/tech/ai/"
    "neural-networks/nn-attention-interview.html",
    "mlprep": "https://www.mlprep.co/topics/deep-learning/"
    "transformer-attention-mechanism/",
    "Lilly Tech": "https://www.lillytechsystems.com/interview-prep/"
    "deep-learning-interview/transformer-attention.html",
    "Juejin": "https://juejin.cn/post/7528543733379547151",
    "2048ai": "https://2048ai.net/692d0fdc791c233193d16dd4.html",
    "Question collection": "http://www.dtcms.com/a/193034.html",
    "MHA with a cache": "https://www.wsxdmx.com/%e8%a2%ab%e9%97%ae%e6%87%b5%e4%ba%86"
    "%ef%bc%81%e9%9d%a2%e8%af%95%e5%ae%98%e8%ae%a9%e6%88%91%e6%89%8b%e5%86%99-multi-"
    "head-attention%ef%bc%8c%e8%bf%98%e5%be%97%e5%b8%a6-kv-cache-%e5%92%8c-rope%ef%bc%81",
    "Tencent": "http://www.dtcms.com/a/511071.html",
    "Ping An": "https://jishuzhan.net/article/1980934902720823298",
    "QKV questions": "https://involutionhell.vercel.app/docs/ai/foundation-models/"
    "qkv-interview",
    "Learnixo": "https://learnixo.io/courses/transformer-architecture-qa/"
    "ta-interview-attention",
    "Attention grill": "https://fahimfaisal.info/ml_and_llm_learning/"
    "05_attention_mechanisms/INTERVIEW_GRILL.html",
    "Five questions": "http://geekdaxue.co/read/gaoqingrui@zbb9bi/aa7ys0",
    "TorchCode": "https://github.com/duoan/TorchCode",
}


@dataclass(frozen=True)
class Asked:
    """A question that is asked often: in which lists, and two answers in Markdown.

    minute is what can be said in one minute; five what is added when there are five.
    chapter is the noun of the chapter from which both can be given.
    """

    question: str
    chinese: str
    lists: tuple[str, ...]
    chapter: str
    minute: str
    five: str


OFTEN = (
    Asked(
        "Why are the scores divided by the root of d_k?",
        "为什么要除以 √d_k(缩放注意力分数)?",
        (
            *("28 questions", "40 questions", "Interview grill", "15 questions"),
            *("Lilly Tech", "Juejin", "Question collection", "Ping An", "Learnixo"),
        ),
        "scaling",
        r"""A score is a sum of $d_k$ products. If the features of queries and keys
are independent, with mean 0 and variance 1, its variance is $d_k$. Large scores
saturate softmax: one weight is nearly 1, all gradients are nearly 0. Dividing by
$\sqrt{d_k}$ brings the variance back to 1, whatever the width of a head.""",
        r"""- Why not by $d_k$: then the variance would be $1/d_k$, and the weights
  of a wide head would be nearly even.
- Why it is about gradients: $ds_k = a_k (da_k - \sum_j a_j \, da_j)$. In a one-hot
  row every term is nearly 0.
- It is $d_k$ of one head, not $d_{\text{model}}$. The factor may stand in $W_q$ as
  well.
- It keeps the *spread* of the scores near 1 at the start. Training may make them
  larger.""",
    ),
    Asked(
        "Write down attention, and say what each step does.",
        "请写出注意力的公式和计算步骤(单头注意力工作流程)。",
        (
            *("28 questions", "40 questions", "Interview grill", "15 questions"),
            *("mlprep", "Lilly Tech", "TorchCode", "Ping An", "Five questions"),
        ),
        "single_head",
        r"""$\operatorname{softmax}(QK^T / \sqrt{d_k}) \, V$. Queries and keys are
compared, each with each: scores $(n, m)$. They are divided by $\sqrt{d_k}$. Softmax
makes each row a set of shares that sum to 1. The shares mix the values: $(n, d_v)$.""",
        r"""- $Q = XW_q + b_q$ and so on: three linear maps of the same tokens.
- Shapes: $Q$ $(n, d_k)$, $K$ $(m, d_k)$, $V$ $(m, d_v)$; $d_k$ disappears in the
  scores, $m$ in the mixture.
- Softmax along the keys, with each row's maximum subtracted first.
- In code:

```python
def attention(Q, K, V):
    S = Q @ K.T / np.sqrt(Q.shape[-1])           # (n, m)
    E = np.exp(S - S.max(axis=-1, keepdims=True))
    A = E / E.sum(axis=-1, keepdims=True)         # (n, m)
    return A @ V, A                               # (n, d_v)
```""",
    ),
    Asked(
        "Does attention know the order of the words? What are positions for?",
        "注意力知道词的顺序吗?位置编码有什么用?",
        ("40 questions", "15 questions", "mlprep", "Juejin", "MHA with a cache"),
        "positions",
        r"""No. Permute the tokens, and the outputs are permuted in the same way.
Order has to come in from outside: vectors added to the embeddings (sinusoidal or
learnt), or queries and keys that are turned by an angle that grows with the place
(RoPE), so that a score depends on the distance.""",
        r"""- A causal mask breaks the symmetry a little: the first word sees one
  word, the last one all of them. Within what it sees, a head cannot tell near from
  far.
- RoPE goes on queries and keys, after the projection, before the scores; not on
  values.
- With a KV cache, keys are kept turned by their own place; the new query is turned by
  the number of words before it.""",
    ),
    Asked(
        "What are queries, keys and values, and why three maps and not one?",
        "Q、K、V 分别是什么?为什么需要三个不同的线性变换?",
        (
            *("28 questions", "40 questions", "15 questions", "Question collection"),
            *("QKV questions", "Five questions"),
        ),
        "scores",
        r"""A query says what a token looks for, a key what it offers, a value what
it hands over. With one map, scores would be symmetric: *cat* would look at *slept* as
much as *slept* at *cat*, and a token would often find itself the best match. And what
makes a token easy to find need not be what it has to say.""",
        r"""- $XX^T$ is symmetric; $XW_q (XW_k)^T = X (W_q W_k^T) X^T$ need not be.
- The product $W_q W_k^T$ has rank at most $d_k$: two narrow maps, cheaper than one
  square one.
- A bias of the keys changes nothing: it adds the same to a whole row of scores.
- In self-attention all three are made from the same tokens, in cross-attention keys
  and values from another sequence.""",
    ),
    Asked(
        "Why several heads, and not one?",
        "为什么要用多头注意力而不是单头?",
        (
            *("Interview grill", "15 questions", "mlprep", "Juejin"),
            *("Ping An", "QKV questions", "Five questions"),
        ),
        "comparison",
        r"""One head has one row of weights for each word, so it makes one mixture.
What it takes from two words arrives added up, in one proportion for all features.
Several heads have several rows, and each brings what it found separately. With heads
of width $d/h$ that costs no parameters and no multiplications more.""",
        r"""- What grows with $h$ are the attention maps: $h n^2$ numbers.
- A head of width $d/h$ is a bottleneck: the rank of its scores is at most $d_k$. So
  more heads are not always better; in the paper 8 and 16 are best, 1 and 32 worse
  (table 3, row A).
- Many heads can be removed *after* training (Michel et al. 2019), which does not say
  that they were not needed *in* training.
- Folklore to avoid: that heads cost more computation; that each sees a slice of the
  embedding.""",
    ),
    Asked(
        "What is a mask, where is it applied, and why minus infinity?",
        "什么是 mask(因果掩码、padding 掩码)?加在哪里?为什么是 −∞?",
        (
            *("15 questions", "mlprep", "Juejin", "TorchCode"),
            *("Ping An", "Learnixo", "Attention grill"),
        ),
        "masks",
        r"""A table of who may look at whom. It is applied to the scores, before
softmax: what is hidden is set to $-\infty$, so its exponential is 0 and the rest of
the row sums to 1. A causal mask hides what comes later, a padding mask hides what is
not there.""",
        r"""- Not 0: a score of 0 is a score like any other. Not after softmax: the
  rows would sum to less than 1.
- Shapes: causal $(n, n)$; padding $(b, 1, 1, m)$, it hides keys; combined with "and".
- A row with nothing allowed gives `nan` with $-\infty$, and an even row with $-10^9$.
- In float16, $-10^9$ becomes $-\infty$.
- In code:

```python
S = S.masked_fill(~allowed, float("-inf"))
```""",
    ),
    Asked(
        "What is the complexity of self-attention, beside an RNN and a CNN?",
        "自注意力的时间和空间复杂度是多少?与 RNN、CNN 相比如何?",
        (
            *("40 questions", "Interview grill", "15 questions", "mlprep"),
            *("Learnixo", "Five questions"),
        ),
        "cost",
        r"""Scores and mixture take $O(n^2 d)$ operations, the maps $O(h n^2)$
memory, the projections $O(n d^2)$. An RNN takes $O(n d^2)$, but one step after the
other, and two words that are $n$ apart are $n$ steps apart. In attention any two
words are one step apart, and all are computed at once.""",
        r"""- From table 1 of the paper: self-attention $n^2 d$, path 1, sequential
  steps 1; recurrent $n d^2$, path $n$, steps $n$; convolution of width $k$: $k n
  d^2$, path $\log_k n$ (dilated), steps 1.
- So attention is cheaper than a recurrent layer while $n < d$.
- FlashAttention changes the memory to $O(n)$, and not the number of products.
- When words are written one after the other with a cache, the attention of each costs
  $O(n d)$.""",
    ),
    Asked(
        "What is a KV cache? Why K and V and not Q? How large is it?",
        "什么是 KV cache?为什么缓存 K、V 而不缓存 Q?显存怎么算?",
        (
            *("40 questions", "2048ai", "MHA with a cache", "TorchCode"),
            *("Tencent", "QKV questions", "Learnixo"),
        ),
        "cache",
        r"""When a model writes, nothing about earlier words changes: with a causal
mask their keys and values are final. The new word's query meets all of them, so they
are kept. An earlier query was needed once. Size: $2 \cdot \text{layers} \cdot n \cdot
g \cdot d_k \cdot \text{bytes}$ for each sentence, with $g$ heads of keys.""",
        r"""- Prefill: all words of the prompt at once, limited by arithmetic.
  Decoding: one at a time, limited by reading the cache and the weights.
- No mask for a single new query; `is_causal=True` would hide all but the first key.
- With rotary positions, the keys are kept turned.
- In code:

```python
K = torch.cat([cache_K, k], dim=2)   # (b, h, t + 1, d_k)
V = torch.cat([cache_V, v], dim=2)
y = softmax(q @ K.mT / d_k**0.5) @ V  # q: (b, h, 1, d_k)
```""",
    ),
    Asked(
        "Write multi-head attention in PyTorch.",
        "手写多头注意力(Multi-Head Attention)。",
        ("Lilly Tech", "MHA with a cache", "TorchCode", "Tencent"),
        "at_the_whiteboard",
        r"""Four `nn.Linear(d, d)`. Project, `view(b, n, h, d_k)`, `transpose(1, 2)`.
Scores $(b, h, n, m)$, divided by $\sqrt{d_k}$; mask; softmax over the last axis;
dropout. Times the values, transpose back, `contiguous().view(b, n, d)`, output
projection.""",
        r"""Say the shapes while you write.

```python
class MultiHeadAttention(nn.Module):
    def __init__(self, d, h, p=0.0):
        super().__init__()
        self.h, self.d_k = h, d // h
        self.q, self.k, self.v, self.o = (nn.Linear(d, d) for _ in range(4))
        self.drop = nn.Dropout(p)

    def forward(self, x, memory=None, allowed=None):
        memory = x if memory is None else memory
        b, n, d = x.shape
        q = self.q(x).view(b, -1, self.h, self.d_k).transpose(1, 2)
        k = self.k(memory).view(b, -1, self.h, self.d_k).transpose(1, 2)
        v = self.v(memory).view(b, -1, self.h, self.d_k).transpose(1, 2)
        s = q @ k.transpose(-2, -1) / self.d_k**0.5      # (b, h, n, m)
        if allowed is not None:
            s = s.masked_fill(~allowed, float("-inf"))
        a = self.drop(s.softmax(dim=-1))
        y = (a @ v).transpose(1, 2).contiguous().view(b, n, d)
        return self.o(y)
```

The mistake to fear is the missing transpose: a view straight to $(b, h, n, d_k)$ has
the right shape, raises nothing, and mixes words and features.""",
    ),
    Asked(
        "What is the difference between MHA, MQA and GQA?",
        "MHA、MQA、GQA 有什么区别?",
        ("40 questions", "2048ai", "TorchCode", "Attention grill"),
        "cache",
        r"""How many heads of keys and values there are for $h$ heads of queries:
$h$, 1, or $g$ in between. The cache and $W_k$, $W_v$ shrink by $h/g$; queries,
attention maps and $W_o$ stay. It saves memory and reading it, when a model writes.""",
        r"""- Neighbouring heads share: head $i$ uses group $i \cdot g / h$, rounded
  down. `repeat`, not `tile`.
- Parameters: $2 d^2 + 2 d \, g \, d_k$ instead of $4 d^2$.
- The number of scores does not change.
- Llama 3 has 8 heads of keys and values for 32, 64 and 128 heads of queries
  (Grattafiori et al. 2024, table 3).""",
    ),
)

MOST_ASKED = sorted(OFTEN, key=lambda asked: -len(asked.lists))
