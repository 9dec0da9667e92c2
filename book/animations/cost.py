"""Cost: the same work for any number of heads, and a map for each of them."""

import numpy as np

from book.palette import mix

from .scene import Scene, Step
from .stage import COLOURS, INK, LEFT, PALE, PAPER, QUIET, WRONG, between, number
from .take import MARKED, cast, right, unwritten

D_MODEL = 512
WORDS, HEADS = 512, 8  # what stays while the other grows
BY_HEADS = [(WORDS, h) for h in (1, 2, 4, 8)]
BY_WORDS = [(n, HEADS) for n in (512, 1024, 2048, 4096)]
ITEMSIZE = 4  # bytes of a number, float32
STRIP = (112, 40, 160, 120)  # the columns of W_q, shared out among the heads
MAPS = (350, 34)  # where the first map stands
SIDE, LARGEST = 44, 96  # of a map while heads are added, and of the last one of all
ROWS, ROW = 236, 34  # the first row of bars, and from one to the next
BARS = {"work": (112, 130), "maps": (390, 130)}  # from x, the longest bar
UNITS = {"work": (1e9, "GFLOPs"), "maps": (2**20, "MiB")}


def play_cost(count_matmul_flops, attention_map_bytes):
    """Play both functions for more heads, and then for more words."""
    actors = {"work": cast(count_matmul_flops), "maps": cast(attention_map_bytes)}
    parts = {size: _counted(actors, *size) for size in (*BY_HEADS, *BY_WORDS)}
    return Scene(
        title="More heads: the same work, more maps",
        steps=_Play(parts).steps(),
        text=(
            "Above left, the 512 columns of a weight matrix, shared out among the "
            "heads. Above right, the attention maps, one for each head. Below, one "
            "row of bars for each size: the work, and the memory of the maps. With "
            "more heads the first bar stays and the second grows; with more words "
            "both grow."
        ),
        player=_player(actors),
        still=len(BY_HEADS),
    )


def _counted(actors, n, h):
    """What the two functions say of one size: {"work": Part, "maps": Part}."""
    work = right("count_matmul_flops")(n, D_MODEL, h)
    maps = right("attention_map_bytes")(n, h, ITEMSIZE)
    return {
        "work": actors["work"].play(n, D_MODEL, h, expected=np.array(float(work))),
        "maps": actors["maps"].play(n, h, ITEMSIZE, expected=np.array(float(maps))),
    }


def _player(actors):
    missing = [actor.name for actor in actors.values() if actor.reference]
    if len(missing) == len(actors):
        return unwritten("The references play: neither function is written yet")
    if missing:
        told = f"The reference plays {missing[0]}: it is not written yet"
        return unwritten(told)
    return "Your two functions play"


class _Play:
    def __init__(self, parts):
        self.parts = parts

    def steps(self):
        steps = [
            Step(self._caption(k, BY_HEADS), self._grows(k, BY_HEADS), 0.96 if k else 0)
            for k in range(len(BY_HEADS))
        ]
        steps.append(Step(self._between(), self._grows(len(BY_HEADS) - 1, BY_HEADS)))
        steps += [
            Step(self._caption(k, BY_WORDS), self._grows(k, BY_WORDS), 0.96 if k else 0)
            for k in range(len(BY_WORDS))
        ]
        ending = self._grows(len(BY_WORDS) - 1, BY_WORDS)
        return [*steps, Step(self._closing(), ending)]

    # The captions.

    def _caption(self, k, sizes):
        n, h = sizes[k]
        heads = "One head," if h == 1 else f"{h} heads, each"
        told = f"{heads} {D_MODEL // h} features wide, {n} words: "
        if sizes is BY_WORDS and k == 0:
            told = f"The same again, the maps drawn smaller: {n} words, "
        told += f"{self._value('work', n, h)} of work, "
        return told + f"{self._value('maps', n, h)} of maps."

    def _value(self, kind, n, h):
        part = self.parts[n, h][kind]
        divisor, unit = UNITS[kind]
        told = f"{number(part.values / divisor)} {unit}"
        if not part.known:
            return f"{told} (yours: {part.problem})"
        return (
            f"{told} (yours; it should be a different number)" if part.wrong else told
        )

    def _growth(self, kind, sizes):
        """By which factor the numbers grow from each size to the next."""
        values = [float(self.parts[size][kind].values) for size in sizes]
        with np.errstate(all="ignore"):
            return np.divide(values[1:], values[:-1])

    def _judged(self, sizes, right, wanted, kept):
        """What a row of sizes has shown: `right`, or what is `wanted` of both."""
        parts = [part for size in sizes for part in self.parts[size].values()]
        if all(part.right for part in parts):
            return right
        problem = next((part.problem for part in parts if not part.known), None)
        if problem:
            return f"{wanted} Yours: {problem}."
        return f"{wanted} {f'Yours do. {MARKED}' if kept else 'Yours do not.'}"

    def _between(self):
        return self._judged(
            BY_HEADS,
            "The columns are only shared out: what each head saves, the number of "
            "heads costs. But each head has a map of its own, for all words.",
            "The work should not depend on the number of heads, and the maps should "
            "grow with it.",
            np.allclose(self._growth("work", BY_HEADS), 1)
            and np.allclose(self._growth("maps", BY_HEADS), 2),
        )

    def _closing(self):
        work = self._growth("work", BY_WORDS)
        *first, last = [f"{factor:.1f}" for factor in work]
        return self._judged(
            BY_WORDS,
            f"Twice the words: four times the maps. The work grows {', '.join(first)} "
            f"and {last} times: the projections double, the rest grows fourfold.",
            "With twice the words, the maps should be four times as large, and the "
            "work more than twice and less than four times.",
            np.all((2 < work) & (work < 4))
            and np.allclose(self._growth("maps", BY_WORDS), 4),
        )

    # The pictures.

    def _grows(self, k, sizes):
        def draw(stage, t):
            before, now = sizes[max(k - 1, 0)], sizes[k]
            go = between(t, 0, 0.8) if k else 1.0
            self._strip(stage, now[1])
            scale = LARGEST / BY_WORDS[-1][0] if sizes is BY_WORDS else SIDE / WORDS
            self._maps(stage, before, now, go, scale)
            for kind, (x, wide) in BARS.items():
                title = "work" if kind == "work" else "attention maps"
                stage.text(x, ROWS - 26, title, align="left", weight="bold")
                top = max(float(self.parts[s][kind].values) for s in sizes)
                for row, size in enumerate(sizes[: k + 1]):
                    whole = go if row == k else 1.0
                    self._bar(stage, row, kind, size, (x, wide), top, whole)
            for row, (n, h) in enumerate(sizes[: k + 1]):
                told = f"h = {h}" if sizes is BY_HEADS else f"n = {n}"
                stage.text(LEFT, ROWS + ROW * row, told, align="left")

        return draw

    def _strip(self, stage, h):
        x, y, wide, high = STRIP
        stage.text(x, y - 20, f"{D_MODEL} columns", align="left", colour=QUIET)
        for i in range(h):
            tint = mix(COLOURS["Q"], PAPER, 0.35 if i % 2 else 0.6)
            stage.box(x + i * wide / h, y, wide / h, high, INK, tint, 1)
        told = "one head" if h == 1 else f"{h} heads of {D_MODEL // h}"
        stage.text(x + wide / 2, y + high + 18, told)

    def _maps(self, stage, before, now, go, scale):
        """A square for each head, as wide as there are words."""
        x, y = MAPS
        n, h = now
        side = (before[0] + (n - before[0]) * go) * scale
        shift = (128 - side) / 7
        count = before[1] + round((h - before[1]) * go)
        for i in range(count):
            tint = mix(COLOURS["A"], PAPER, 0.55)
            stage.box(x + i * shift * 2, y + i * shift, side, side, INK, tint, 1)
        told = f"{h} map{'s' if h > 1 else ''}, {n} × {n}"
        stage.text(x, 196 - 18, told, align="left")

    def _bar(self, stage, row, kind, size, place, top, whole):
        part = self.parts[size][kind]
        (x, wide), y = place, ROWS + ROW * row
        value = float(part.values)
        colour = COLOURS["Q" if kind == "work" else "A"]
        colour = mix(colour, PALE, 0.6) if part.faded else colour
        share = np.nan_to_num(value / top) if top else 0  # a learner's may be nan
        length = wide * np.clip(share, 0, 1) * whole
        fill = mix(colour, PAPER, 0.25)
        stage.box(x, y - 11, max(length, 1), 22, INK, fill, 1)
        divisor, unit = UNITS[kind]
        told = f"{number(value / divisor)} {unit}"
        wrong = bool(part.wrong)
        style = {"colour": WRONG, "weight": "bold"} if wrong else {}
        if whole == 1:
            stage.text(x + wide + 8, y, told, align="left", **style)
