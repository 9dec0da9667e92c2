"""Two things at once: which token stands at one place, and which at another?

Ten random tokens, one question. The answer is the token at FIRST and the token at
SECOND, in this order. Behind the attention there is one linear map and nothing else.
"""

import torch

from book.experiments import attention as at
from book.experiments.kept import kept

POSITIONS, FIRST, SECOND = 10, 2, 7
D_MODEL, BATCH, STEPS, RATE, TESTED = 32, 64, 800, 0.01, 4096
GROUPS = 8  # of sentences, sorted by how loud one token is against the other


def init(drawn_from, vocabulary):
    """Tables for tokens and places, the question, attention, and the readout."""
    answers = 2 * vocabulary  # one for each token at the first place, at the second
    return {
        "tokens": at.normal(drawn_from, vocabulary, D_MODEL),
        "places": at.normal(drawn_from, POSITIONS, D_MODEL),
        # A small question begins with even shares. A large one begins by preferring
        # some place, and may then never look at a second one.
        "question": at.normal(drawn_from, 1, D_MODEL, spread=0.1),
        **at.init_attention(drawn_from, D_MODEL),
        "W": at.normal(drawn_from, D_MODEL, answers, spread=D_MODEL**-0.5),
        "b": torch.zeros(len(drawn_from), answers),
    }


def forward(params, ids, num_heads, blind=False, **changes):
    """ids (s, b, n) -> logits (s, b, 2, vocabulary), A (s, b, h, n).

    blind: the scores see the places alone, and not the tokens that stand there.
    """
    places = params["places"][:, None].expand(-1, ids.shape[1], -1, -1)
    X = at.look_up(params["tokens"], ids) + places
    asking = params["question"][:, None].expand(-1, ids.shape[1], -1, -1)
    offering = places if blind else X
    Y, A = at.attend(asking, X, params, num_heads, offering=offering, **changes)
    logits = at.linear(Y[..., 0, :], params["W"], params["b"])
    return logits.unflatten(-1, (2, -1)), A[..., 0, :]


def answers(ids):
    """The two tokens that are asked for: (s, b, 2)."""
    return ids[..., [FIRST, SECOND]]


def trained(num_heads, vocabulary, seeds, blind=False):
    """Train one model for each seed -> its parameters, and sentences to test it on."""
    drawn_from = at.generators(seeds)
    params = init(drawn_from, vocabulary)

    def losses(params):
        ids = at.integers(drawn_from, vocabulary, BATCH, POSITIONS)
        logits, _ = forward(params, ids, num_heads, blind)
        return at.cross_entropy(logits, answers(ids))

    params, _ = at.train(params, losses, STEPS, RATE)
    return params, at.integers(drawn_from, vocabulary, TESTED, POSITIONS)


def loudness(params):
    """How much each token adds to a score of the only head: (s, vocabulary)."""
    asking = at.linear(params["question"], params["W_q"], params["b_q"])
    keys = params["tokens"] @ params["W_k"]
    scores = (keys @ asking.mT)[..., 0] / D_MODEL**0.5
    return scores - scores.mean(dim=1, keepdim=True)


def place_counts_for(params):
    """How much an answer gains as weight moves from the second place to the first.

    -> (s, 2, vocabulary): for each token as the first answer, as the second.
    """
    apart = params["places"][:, [FIRST]] - params["places"][:, [SECOND]]
    gained = apart @ params["W_v"] @ params["W_o"] @ params["W"]
    return gained[:, 0].unflatten(-1, (2, -1))


@kept
def one_head(vocabulary, seeds, blind=False):
    """Train one head, and look into it. All lists go over the seeds.

    right: share of answers that are right, at the first place and at the second.
    shared: mean weight of the two places, and how much it varies among sentences.
    frozen: share right when the weights are held at their means.
    loudness, gains: see the functions above. groups: sentences sorted by the distance
    in loudness: [distance, share with an error] of each. kinds: of the sentences with
    an error, the share that gives the two tokens in exchanged order, that gives one of
    them twice, that names another token. twice: the share of all sentences that get
    the same token for both answers. map: the mean weight of each place. examples:
    sentences in which two tokens change places, [first token, second token, their
    weights].
    """
    params, ids = trained(1, vocabulary, seeds, blind)
    found, A = forward(params, ids, 1, blind)
    found, wanted = found.argmax(-1), answers(ids)
    still, _ = forward(params, ids, 1, blind, weights=A.mean(1)[:, None, :, None])
    loud, weights = loudness(params), A[:, :, 0, [FIRST, SECOND]]
    wrong = (found != wanted).any(-1)
    return {
        "right": (found == wanted).float().mean(1).tolist(),
        "shared": weights.mean(1).tolist(),
        "varies": weights.std(1).tolist(),
        "frozen": (still.argmax(-1) == wanted).float().mean(1).tolist(),
        "loudness": loud.tolist(),
        "gains": place_counts_for(params).tolist(),
        "groups": _by_distance(loud, wanted, wrong),
        "kinds": _kinds(found, wanted, wrong),
        "twice": (found[..., 0] == found[..., 1]).float().mean(1).tolist(),
        "map": A[:, :, 0].mean(1).tolist(),
        "examples": _examples(params, ids, blind),
    }


def _by_distance(loud, wanted, wrong):
    groups = []
    for own, pair, bad in zip(loud, wanted, wrong, strict=True):
        differ = pair[:, 0] != pair[:, 1]
        distance = (own[pair[:, 0]] - own[pair[:, 1]]).abs()[differ]
        order = distance.argsort().chunk(GROUPS)
        bad = bad[differ].float()
        groups.append(
            [[distance[k].mean().item(), bad[k].mean().item()] for k in order]
        )
    return groups


def _kinds(found, wanted, wrong):
    exchanged = found == wanted.flip(-1)
    from_the_pair = ((found == wanted) | exchanged).all(-1)
    exchanged = exchanged.all(-1)
    kinds = torch.stack([exchanged, from_the_pair & ~exchanged, ~from_the_pair], dim=-1)
    count = wrong.sum(1, keepdim=True).clamp(min=1)
    return ((kinds & wrong[..., None]).sum(1) / count).tolist()


def _examples(params, ids, blind):
    """Three pairs of tokens, each in both orders, in the same sentences otherwise."""
    pairs = torch.tensor([[0, 1], [1, 0], [2, 3], [3, 2], [4, 5], [5, 4]])
    ids = ids[:, [0, 0, 1, 1, 2, 2]].clone()
    ids[..., [FIRST, SECOND]] = pairs
    weights = forward(params, ids, 1, blind)[1][:, :, 0, [FIRST, SECOND]]
    return [
        [[*pair, *own] for pair, own in zip(pairs.tolist(), rows, strict=True)]
        for rows in weights.tolist()
    ]


@kept
def two_heads(vocabulary, seeds, blind=False):
    """Train two heads, then remove one. All lists go over the seeds.

    right: as above. maps: the mean weight that each head gives to each place.
    removed: the loss and the share right [first, second] with both heads, without
    head one, without head two.
    """
    params, ids = trained(2, vocabulary, seeds, blind)
    logits, A = forward(params, ids, 2, blind)
    wanted = answers(ids)
    removed = []
    for keep in ((1, 1), (0, 1), (1, 0)):
        left, _ = forward(params, ids, 2, blind, keep=keep)
        right = (left.argmax(-1) == wanted).float().mean(1)
        losses = at.cross_entropy(left, wanted)
        removed.append([losses.tolist(), right.tolist()])
    return {
        "right": (logits.argmax(-1) == wanted).float().mean(1).tolist(),
        "maps": A.mean(1).tolist(),
        "removed": removed,
    }
