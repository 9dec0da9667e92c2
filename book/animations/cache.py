"""The cache: each word brings a key and a value, and asks once."""

from dataclasses import replace

import numpy as np

from book.sentence import HEADS_K, HEADS_PARAMS, HEADS_Q, HEADS_V, TOKENS, X

from .scene import Scene, Step
from .stage import COLOURS, INK, LEFT, QUIET, WRONG, between, cut
from .take import MARKED, cast, right

TOP = 150  # where the caches begin
HIGH = 26
PLACES = {"K": (66, 40), "V": (234, 40)}  # x, and the width of a cell
FEATURES = ("thing", "action", "quality", "pointer", "alive", "energy")


def play_attend_with_cache(attend_with_cache):
    """Play the step from word to word on the sentence, with two heads.

    x (d_model,), cache, params, num_heads -> y (d_model,), cache
    """
    actor = cast(attend_with_cache)
    unpacked = replace(actor, function=_unpacked(actor.function))
    parts = []
    for t in range(len(TOKENS)):
        expected = right("attend_with_cache")(X[t], _cache(t), HEADS_PARAMS, 2)
        parts.append(
            unpacked.play(
                X[t], _cache(t), expected=[expected[0], HEADS_K[:, : t + 1], _V(t + 1)]
            )
        )
    return Scene(
        title="A word comes, asks once, and stays as a key and a value",
        steps=_Play(parts).steps(),
        text=(
            "Above, the query of the new word in head one, and its weights. In the "
            "middle the cache of head one: keys K and values V, a row for each word so "
            "far. Below, what the new word takes home from both heads."
        ),
        player=actor.line(*(part for row in parts for part in row)),
        height=410,
    )


def _cache(t):
    """What is kept of the first t words."""
    return {"K": HEADS_K[:, :t].copy(), "V": _V(t).copy()}


def _V(t):
    return HEADS_V[:, :t]


def _unpacked(function):
    """The output and the two arrays of the cache, one beside the other."""

    def step(x, cache):
        result = function(x, cache, {k: v.copy() for k, v in HEADS_PARAMS.items()}, 2)
        pair = isinstance(result, tuple | list) and len(result) == 2
        if not pair or not isinstance(result[1], dict):
            raise TypeError("should return y, and a cache with K and V")
        missing = [name for name in "KV" if name not in result[1]]
        if missing:
            raise KeyError(f"the cache has no {missing[0]}")
        return result[0], result[1]["K"], result[1]["V"]

    return step


def _weights(t):
    """The weights of word t in head one."""
    scores = HEADS_Q[0, [t]] @ HEADS_K[0, : t + 1].T
    return right("softmax")(right("scale")(scores, HEADS_Q.shape[-1]))


class _Play:
    def __init__(self, parts):
        self.parts = parts

    def steps(self):
        steps = [
            Step(
                "Nothing has been read, and the cache is empty. It has two heads; this "
                "is the first.",
                lambda stage, t: self._caches(stage, 0, 1.0),
            )
        ]
        steps += [Step(self._told(t), self._comes(t), 1.8) for t in range(len(TOKENS))]
        return [*steps, Step(self._closing(), self._end)]

    # The captions.

    def _told(self, t):
        token = TOKENS[t]
        if t == 0:
            told = f"“{token}” comes. Its key and value go into the cache. Its query "
            told += "meets one key, its own."
        else:
            told = f"“{token}” comes. One row is added to K and to V, the {t} above "
            told += f"stay as they are. One query meets {t + 1} keys."
        return told + self._aside(t)

    def _aside(self, t):
        y, keys, values = self.parts[t]
        names = {"output": y, "keys": keys, "values": values}
        for name, part in names.items():
            if not part.known:
                return f" Yours: {cut(part.problem, 90)}."
            if not part.right:
                return f" Yours: {part.wrong.sum()} numbers of the {name} differ."
        return ""

    def _closing(self):
        if all(part.right for row in self.parts for part in row):
            return (
                "Four words, four queries, each asked once and forgotten. What is "
                "kept: a key and a value of each word, in each head."
            )
        problems = [p.problem for row in self.parts for p in row if not p.known]
        if problems:
            return f"Yours did not give this: {cut(problems[0], 90)}."
        return MARKED

    # The pictures.

    def _comes(self, t):
        def draw(stage, now):
            self._caches(stage, t + 1, between(now, 0.05, 0.35))
            style = {"height": HIGH, "lift": 20}
            stage.matrix(
                HEADS_Q[0, [t]],
                66,
                54,
                COLOURS["Q"],
                "q",
                f"of “{TOKENS[t]}”, asked once",
                width=40,
                **style,
            )
            if now > 0.5:
                stage.matrix(
                    _weights(t),
                    400,
                    TOP,
                    COLOURS["A"],
                    "A",
                    "weights of head one",
                    columns=TOKENS[: t + 1],
                    width=54,
                    height=HIGH,
                    lift=40,
                )
            if now > 0.8:
                self._output(stage, t)

        return draw

    def _caches(self, stage, count, arrived):
        for name, (x, width) in PLACES.items():
            array = (HEADS_K if name == "K" else HEADS_V)[0, :count]
            if not count:
                stage.chip(x, TOP - 20, name, COLOURS[name])
                stage.box(x, TOP, 3 * width, HIGH, COLOURS[name], linestyle="dashed")
                stage.text(x + 1.5 * width, TOP + 13, "empty", colour=QUIET)
                continue
            came = self.parts[count - 1][1 if name == "K" else 2]
            values = came.values[0] if came.values.ndim == 3 else array
            wrong = came.wrong[0] if came.wrong.ndim == 3 else None
            shown = np.ones(array.shape, bool)
            shown[-1] = arrived > 0.5
            stage.matrix(
                values,
                x,
                TOP,
                COLOURS[name],
                name,
                "",
                rows=TOKENS[:count] if name == "K" else None,
                width=width,
                height=HIGH,
                lift=20,
                lit=[count - 1] if arrived < 1 else [],
                shown=shown,
                wrong=wrong,
                faded=came.faded,
                of=(TOKENS[:count], None),
            )

    def _output(self, stage, t):
        part = self.parts[t][0]
        values = part.values[None]
        stage.matrix(
            values,
            66,
            330,
            COLOURS["Y"],
            "y",
            f"what “{TOKENS[t]}” takes home",
            columns=FEATURES,
            width=88,
            height=HIGH,
            lift=40,
            wrong=part.wrong[None],
            faded=part.faded,
        )

    def _end(self, stage, t):
        self._caches(stage, len(TOKENS), 1.0)
        problems = [p for row in self.parts for p in row if not p.known]
        if problems:
            told = "Yours: " + cut(problems[0].problem, 60)
            stage.says(LEFT, 290, told, 600, WRONG, "bold")
            return
        stage.text(400, TOP + 13, "kept: K and V", align="left", weight="bold")
        stage.text(400, TOP + 43, "forgotten: Q, scores, A", align="left", colour=INK)
        self._output(stage, len(TOKENS) - 1)
