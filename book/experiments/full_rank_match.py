"""One hard match: which of 32 items has exactly the key that is asked for?

An item is a key of 16 numbers beside a label. The question is the key of one of them,
the answer its label. The more numbers of two keys are compared, the surer they can be
told apart, and a head compares no more than d_k of them.
"""

import torch

from book.experiments import attention as at
from book.experiments.kept import kept

ITEMS, KEY, LABELS = 32, 16, 16
D_MODEL, BATCH, STEPS, RATE, TESTED = KEY + LABELS, 32, 600, 0.01, 1024


def draw(drawn_from, count):
    """Items (s, b, m, d), questions (s, b, 1, d) and the labels to find (s, b)."""
    keys = at.normal(drawn_from, count, ITEMS, KEY)
    keys = 4 * torch.nn.functional.normalize(keys, dim=-1)  # all of the same length
    labels = at.integers(drawn_from, LABELS, count, ITEMS)
    chosen = at.integers(drawn_from, ITEMS, count)[..., None]
    items = torch.cat([keys, torch.nn.functional.one_hot(labels, LABELS)], dim=-1)
    asked = keys.gather(2, chosen[..., None].expand(-1, -1, 1, KEY))
    questions = torch.nn.functional.pad(asked, (0, LABELS))
    return items, questions, labels.gather(2, chosen)[..., 0]


def init(drawn_from):
    return at.init_attention(drawn_from, D_MODEL) | {
        "W": at.normal(drawn_from, D_MODEL, LABELS, spread=D_MODEL**-0.5),
        "b": torch.zeros(len(drawn_from), LABELS),
    }


def forward(params, items, questions, num_heads):
    """-> logits (s, b, labels), A (s, b, h, m)."""
    Y, A = at.attend(questions, items, params, num_heads)
    return at.linear(Y[..., 0, :], params["W"], params["b"]), A[..., 0, :]


@kept
def accuracies(num_heads, seeds):
    """Train one model for each seed -> the share of labels that each finds."""
    drawn_from = at.generators(seeds)
    params = init(drawn_from)

    def losses(params):
        items, questions, labels = draw(drawn_from, BATCH)
        return at.cross_entropy(forward(params, items, questions, num_heads)[0], labels)

    params, _ = at.train(params, losses, STEPS, RATE)
    items, questions, labels = draw(drawn_from, TESTED)
    logits, _ = forward(params, items, questions, num_heads)
    return at.share_right(logits, labels).tolist()
