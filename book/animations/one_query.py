"""One query: it meets every key, becomes weights, and mixes the values.

The middle of both large scenes: one head shows it once, many heads side by side. A key
has a row, and from left to right the row becomes a score, a scaled score, a weight.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from book.sentence import ASKS_FOR, TOKENS

from .stage import COLOURS, INK, PAPER, QUIET, between, mix, number
from .take import right

# How far it has come.
KEYS, SCORES, SCALED, WEIGHTS, OUTPUT = range(5)


@dataclass(frozen=True)
class Place:
    """Where it stands: the left upper corner of the keys, and the sizes."""

    x: float
    y: float
    key: float = 34  # width of a cell of the keys
    value: float = 34  # and of the values
    column: float = 56  # of a score or a weight
    high: float = 32  # height of a row
    gap: float = 16  # between columns
    size: float = 17  # of the letters
    result: float = 58  # width of a cell of the output
    named: bool = False  # the columns of the query bear their names

    @property
    def columns(self):
        """Where the scores, the scaled scores, the weights and the values begin."""
        first = self.x + 3 * self.key + self.gap
        step = self.column + self.gap
        return [first + k * step for k in range(4)]

    @property
    def query(self):
        """The left upper corner of the query, above the keys."""
        return self.x, self.y - 36 - self.high

    @property
    def beside(self):
        """Where something is said of the query: to the right of its letter."""
        x, y = self.query
        return x + 3 * self.key + 44, y + self.high / 2

    def output(self, count):
        """The left upper corner of the output of so many numbers: below the values,
        and flush with them on the right.
        """
        right = self.columns[3] + count * self.value
        return right - count * self.result, self.y + 4 * self.high + 14


@dataclass(frozen=True)
class Query:
    """The numbers of one query, that of token i.

    query (d_k,), keys (m, d_k), values (m, d_v), weights (m,), output (d_v,); `weights`
    and `output` are those of the function that plays, `wrong` marks what is wrong in
    them, and `faded` says that they only stand in for what should have come.
    """

    i: int
    query: np.ndarray
    keys: np.ndarray
    values: np.ndarray
    weights: np.ndarray
    output: np.ndarray
    wrong: tuple  # of the weights, of the output
    faded: tuple  # likewise
    carries: tuple = ()  # what the columns of the values are called

    @property
    def scores(self):
        return right("scores")(self.query[None], self.keys)[0]

    @property
    def scaled(self):
        return right("scale")(self.scores[None], len(self.query))[0]

    def draw(self, stage, place, level, t=1.0, keys=True):
        """All of it down to `level`, which is on its way in at time t."""
        m, size = len(self.keys), place.size
        row = min(int(t * m), m - 1)  # the key that has its turn
        turn = row if t < 1 and SCORES <= level <= WEIGHTS else None
        style = {"height": place.high, "size": size}
        self._query(stage, place, style)
        if not keys:
            return
        lit = [] if turn is None else [turn]
        x, y = place.x, place.y
        stage.matrix(
            self.keys,
            x,
            y,
            COLOURS["K"],
            rows=TOKENS,
            width=place.key,
            lit=lit,
            of=(TOKENS, ASKS_FOR),
            **style,
        )
        _head(stage, place, x, "K", "keys" if place.gap > 12 else "")
        self._values(stage, place, style)
        for k, (at, letter, name, numbers) in enumerate(
            (
                (SCORES, "S", "S", self.scores),
                (SCALED, "S", f"÷√{len(self.query)}", self.scaled),
                (WEIGHTS, "A", "A", self.weights),
            )
        ):
            if level < at:  # its place is kept free, and seen to be
                spot = (place.columns[k], y, place.column, m * place.high)
                stage.box(*spot, mix(COLOURS[letter], PAPER, 0.6), id=f"free {name}")
                continue
            shown = np.arange(m) < (row + (t * m - row > 0.6) if level == at else m)
            shown = (shown | (t == 1))[:, None]
            known = {}
            if at == WEIGHTS:
                known = {"wrong": self.wrong[0][:, None], "faded": self.faded[0]}
            stage.matrix(
                numbers[:, None],
                place.columns[k],
                y,
                COLOURS[letter],
                width=place.column,
                shown=shown,
                top=max(np.nanmax(np.abs(self.scores)), 1) if letter == "S" else 1,
                of=(TOKENS, [TOKENS[self.i]]),
                turned=True,
                id=name,
                **known,
                **style,
            )
            if at == SCALED:
                middle = place.columns[k] + place.column / 2
                stage.text(middle, place.y - 17, name, weight="bold")
            else:
                _head(stage, place, place.columns[k], letter)
        if turn is not None:
            self._says(stage, place, level, turn)
        elif not place.named:
            wanted = ASKS_FOR[int(self.query.argmax())]
            stage.text(*place.beside, f"asks for: {wanted}", place.size, "left", QUIET)
        if level >= OUTPUT:
            self._output(stage, place, t if level == OUTPUT else 1.0, style)

    def _query(self, stage, place, style):
        """The query; what its columns are called holds for the keys below, too."""
        x, y = place.query
        stage.matrix(
            self.query[None],
            x,
            y,
            COLOURS["Q"],
            rows=[TOKENS[self.i]],
            width=place.key,
            lit=[0],
            of=([TOKENS[self.i]], ASKS_FOR),
            id="query",
            **style,
        )
        stage.chip(x + 3 * place.key + 8, y + place.high / 2, "Q", COLOURS["Q"])
        for j, name in enumerate(ASKS_FOR if place.named else ()):
            stage.text(x + (j + 0.5) * place.key, y - 14, name, colour=QUIET)

    def _values(self, stage, place, style):
        x = place.columns[3]
        stage.matrix(
            self.values,
            x,
            place.y,
            COLOURS["V"],
            width=place.value,
            of=(TOKENS, self.carries),
            id="values",
            **style,
        )
        _head(stage, place, x, "V", "values" if place.gap > 12 else "")

    def _says(self, stage, place, level, j):
        """The sum that gives the number of key j."""
        pairs = zip(self.query, self.keys[j], strict=True)
        told = {
            SCORES: " + ".join(f"{number(a)}·{number(b)}" for a, b in pairs),
            SCALED: f"{number(self.scores[j])} ÷ {number(np.sqrt(len(self.query)))}",
            WEIGHTS: f"exp({number(self.scaled[j])}) ÷ "
            f"{number(np.exp(self.scaled).sum())}",
        }[level]
        stage.text(*place.beside, told, place.size, "left", colour=INK, id="sum")

    def _output(self, stage, place, t, style):
        """Each value runs into the output, in a stream as wide as its weight."""
        x, y = place.output(len(self.output))
        right = place.columns[3] + len(self.output) * place.value
        m = len(self.values)
        for j in range(m):
            grown = between(t, 0.15 * j, 0.15 * j + 0.5)
            weight = float(np.clip(np.nan_to_num(self.weights[j]), 0, 1))
            if not grown or weight < 0.005:
                continue
            start = place.y + (j + 0.5) * place.high
            out = right + 34 - 7 * j
            stop = y + place.high / 2
            path = [(right + 3, start), (out, start), (out, stop), (right + 3, stop)]
            xs, ys = _part(path, grown)
            stage.line(xs, ys, COLOURS["V"], 1 + 6 * weight, id=f"stream {j}")
        stage.matrix(
            self.output[None],
            x,
            y,
            COLOURS["O"],
            width=place.result,
            shown=t > 0.9,
            wrong=self.wrong[1][None],
            faded=self.faded[1],
            of=([TOKENS[self.i]], self.carries),
            id="output",
            **style,
        )
        stage.chip(x - 36, y + place.high / 2, "O", COLOURS["O"])
        for j, name in enumerate(self.carries):
            spot = x + (j + 0.5) * place.result, y + place.high + 14
            stage.text(*spot, name, colour=QUIET, id=f"carries {j}")


def one_by_one(t, marked):
    """Word after word; at last the marked one again.

    -> the word whose turn it is, how far its arcs have grown, how many words are done.
    """
    i = marked if t == 1 else int(len(TOKENS) * t)
    turn = len(TOKENS) * t - i
    return i, between(turn, 0, 0.6), len(TOKENS) if t == 1 else i + (turn > 0.5)


def _head(stage, place, x, name, note=""):
    """What a column is called, above it."""
    end = stage.chip(x, place.y - 17, name, COLOURS[name])
    if note:
        stage.text(end + 7, place.y - 17, note, align="left", colour=QUIET)


def _part(path, share):
    """The beginning of a path: this share of its length."""
    points = np.array(path, dtype=float)
    steps = np.abs(np.diff(points, axis=0)).sum(axis=1)
    left, kept = share * steps.sum(), [points[0]]
    for (a, b), length in zip(pairwise(points), steps, strict=True):
        kept.append(a + (b - a) * (min(left / length, 1.0) if length else 1.0))
        left = max(left - length, 0.0)
    xs, ys = np.array(kept).T
    return xs, ys


def sentence(stage, places, y, i=None, size=24):
    """The sentence in one line; word i is the one that is followed."""
    for k, (x, token) in enumerate(zip(places, TOKENS, strict=True)):
        if k == i:
            half = 0.34 * size * len(token) + 8
            stage.box(
                x - half,
                y - 0.75 * size,
                2 * half,
                1.5 * size,
                INK,
                line=2,
                round=6,
                id="followed",
            )
        weight = "bold" if k == i else "normal"
        stage.text(x, y, token, size, weight=weight, id=f"word {k}")


def arcs(stage, places, y, i, weights, colour, grown=1.0, tall=24.0, below=False):
    """From word i to each word a bow as thick as its weight, above the line or below.

    `tall` is how high a bow is for each word that it spans.
    """
    way = -1 if below else 1
    for j, weight in enumerate(weights):
        weight = float(np.clip(np.nan_to_num(weight), 0, 1))
        if weight < 0.02 or not grown:
            continue
        start, stop = places[i], places[j]
        if i == j:
            start, stop = start - 12, stop + 12
        rise = way * (14 + tall * abs(i - j) + (8 if i == j else 0))
        stage.arc(
            start,
            stop,
            y - 22 * way,
            rise,
            colour,
            (0.8 + 7 * weight) * grown,
            alpha=0.35 + 0.65 * weight,
            id=f"arc {colour} {i} {j}",
        )
