"""matplotlib's picture of a stage: the still, and the animation for a slide.

What stands on a stage is painted with matplotlib's artists, in the colours of a light
or a dark page. A page shows the same things as SVG (stepper.js); a test compares both.
"""

import base64
import hashlib
import io
from functools import cache, lru_cache
from pathlib import Path

import matplotlib
import matplotlib.style
import numpy as np
from matplotlib.animation import FuncAnimation, PillowWriter
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, PathPatch, Rectangle
from matplotlib.path import Path as Curve
from matplotlib.text import Text
from matplotlib.transforms import Affine2D

from book.palette import ink_on, mix, paint, tint

from .stage import POINT, share

SCALE = 1.25  # pixels a unit
DPI = 100 * SCALE
RATE = 25  # pictures a second of an animation
BROKEN = (0, (4, 2.5))


class Painter:
    """Paints what stands on stages of one size, one after the other.

    What a frame begins with is usually what the frame before it began with. That
    part is painted once and kept, so that a frame costs only what is new in it.
    """

    def __init__(self, width, height, theme="light"):
        self.width, self.height, self.theme = width, height, theme
        size = (width / 100, height / 100)
        paper = paint("paper", theme)
        self.figure = Figure(figsize=size, dpi=DPI, facecolor=paper)
        self.canvas = FigureCanvasAgg(self.figure)
        self.renderer = self.canvas.get_renderer()
        self.transform = Affine2D().scale(SCALE, -SCALE)
        self.transform.translate(0, height * SCALE)
        self.artists, self.before = [], []  # of this frame, of the one before
        self.kept, self.ground = [], None  # what is painted already, and its pixels
        self.known = {}  # every artist that was ever needed

    def show(self, things):
        """Have these things painted from now on -> the artists of each."""
        with quiet_style():
            groups = [self._artists(thing) for thing in things]
        self.before, self.artists = self.artists, [a for group in groups for a in group]
        return groups

    def pixels(self):
        """The picture as it stands, (height, width, 3) bytes."""
        same = _common(self.artists, self.before)
        if self.kept and self.kept == self.artists[: len(self.kept)]:
            self.renderer.restore_region(self.ground)
        else:
            self.kept = []
            self.renderer.clear()
            self.figure.patch.draw(self.renderer)
        done = len(self.kept)
        for artist in self.artists[done:same]:
            artist.draw(self.renderer)
        if same > done:
            self.kept = self.artists[:same]
            self.ground = self.renderer.copy_from_bbox(self.figure.bbox)
        for artist in self.artists[max(same, done) :]:
            artist.draw(self.renderer)
        return np.asarray(self.renderer.buffer_rgba())[..., :3].copy()

    def _artists(self, thing):
        """The artists of a thing, the same ones whenever it is shown again."""
        key = repr(thing)
        if key not in self.known:
            made = list(ARTISTS[thing["is"]](thing, self.theme))
            for artist in made:
                artist.set_figure(self.figure)
                artist.set_transform(self.transform)
            self.known[key] = made
        return self.known[key]


# The artists of each kind of thing.


def _text(thing, theme):
    colour = ink_on(thing["on"], theme) if "on" in thing else thing["colour"]
    yield Words(
        thing["x"],
        thing["y"],
        thing["say"],
        fontsize=thing["size"] / POINT,
        fontweight="bold" if thing["bold"] else "normal",
        color=paint(colour, theme),
        alpha=thing["alpha"],
        **_placed(thing["align"]),
    )


def _box(thing, theme):
    style = {
        "facecolor": paint(thing["fill"], theme) if "fill" in thing else "none",
        "edgecolor": paint(thing["line"], theme) if thing["thick"] else "none",
        "linewidth": thing["thick"] / POINT,
        "linestyle": BROKEN if thing["dash"] else "-",
        "alpha": thing["alpha"],
    }
    place, wide, high = (thing["x"], thing["y"]), thing["w"], thing["h"]
    if not thing["round"]:
        yield Rectangle(place, wide, high, **style)
        return
    corner = f"round,pad=0,rounding_size={min(thing['round'], wide / 2, high / 2)}"
    yield FancyBboxPatch(place, wide, high, boxstyle=corner, **style)


def _line(thing, theme):
    yield Line2D(
        thing["xs"],
        thing["ys"],
        color=paint(thing["colour"], theme),
        linewidth=thing["thick"] / POINT,
        linestyle=BROKEN if thing["dash"] else "-",
        alpha=thing["alpha"],
        solid_capstyle="round",
    )


def _dot(thing, theme):
    yield Line2D(
        [thing["x"]],
        [thing["y"]],
        color=paint(thing["colour"], theme),
        marker=thing["shape"],
        markersize=thing["size"] / POINT,
        markeredgecolor=paint(thing["edge"], theme),
        alpha=thing["alpha"],
    )


def _arrow(thing, theme):
    yield FancyArrowPatch(
        (thing["x1"], thing["y1"]),
        (thing["x2"], thing["y2"]),
        arrowstyle="-|>",
        mutation_scale=14,
        linewidth=thing["thick"] / POINT,
        color=paint(thing["colour"], theme),
        alpha=thing["alpha"],
        connectionstyle=f"arc3,rad={thing['bend']}",
        shrinkA=0,
        shrinkB=0,
    )


def _arc(thing, theme):
    x1, x2, y = thing["x1"], thing["x2"], thing["y"]
    top = y - thing["rise"] * 4 / 3  # so the bow itself comes as high as `rise`
    path = Curve(
        [(x1, y), (x1, top), (x2, top), (x2, y)], [Curve.MOVETO] + 3 * [Curve.CURVE4]
    )
    yield PathPatch(
        path,
        facecolor="none",
        edgecolor=paint(thing["colour"], theme),
        linewidth=thing["thick"] / POINT,
        alpha=thing["alpha"],
        capstyle="round",
    )


def _shape(thing, theme):
    corners = list(zip(thing["xs"], thing["ys"], strict=True))
    yield PolyCollection([corners], facecolors=paint(thing["colour"], theme))


def _cells(thing, theme):
    colour = mix(thing["colour"], "pale", 0.6) if thing["faded"] else thing["colour"]
    wide, high, columns = thing["w"], thing["h"], thing["columns"]
    corners = [
        (thing["x"] + (k % columns) * wide, thing["y"] + (k // columns) * high)
        for k in range(thing["rows"] * columns)
    ]
    yield PolyCollection(
        [
            [(x, y), (x + wide, y), (x + wide, y + high), (x, y + high)]
            for x, y in corners
        ],
        facecolors=[
            paint(fill(thing, value, colour), theme) for value in thing["values"]
        ],
        edgecolors=paint("line", theme),
        linewidths=0.8,
    )
    for (x, y), text in zip(corners, thing["texts"] or (), strict=False):
        if text is not None:
            yield Words(
                x + wide / 2,
                y + high / 2,
                text,
                fontsize=thing["size"] / POINT,
                color=paint("quiet" if thing["faded"] else "ink", theme),
                **_placed("center"),
            )


def fill(thing, value, colour):
    """The colour of a cell: a tint that leaves its number legible, or a full shade."""
    if value is None:
        return "paper"
    strength = share(value, thing["top"])
    shade = mix("paper", colour, strength)
    return tint(colour, strength) if thing["texts"] is not None else shade


ARTISTS = {
    "text": _text,
    "box": _box,
    "line": _line,
    "dot": _dot,
    "arrow": _arrow,
    "arc": _arc,
    "shape": _shape,
    "cells": _cells,
}


class Words(Text):
    """A text that is painted once and then stamped: frames repeat their words."""

    def draw(self, renderer):
        stamp, x, y = self._stamped()
        context = renderer.new_gc()
        context.set_alpha(self.get_alpha() if self.get_alpha() is not None else 1.0)
        renderer.draw_image(context, x, y, stamp)
        context.restore()

    def ink(self):
        """The pixels that it covers: left, below, right, above."""
        stamp, x, y = self._stamped()
        return x, y, x + stamp.shape[1], y + stamp.shape[0]

    def _stamped(self):
        stamp, left, low = _stamp(
            self.get_text(),
            self.get_fontsize(),
            self.get_fontweight(),
            self.get_color(),
            self.get_horizontalalignment(),
        )
        x, y = self.get_transform().transform(self.get_position())
        return stamp, round(x) + left, round(y) + low


@cache
def _figure():
    return Figure(dpi=DPI)


@lru_cache(4096)
def _stamp(text, size, weight, colour, align):
    """The pixels of a text, bottom row first, and where they begin from its point."""
    wide = int((len(text) + 2) * size * DPI / 72)
    middle = int(size * DPI / 72)
    renderer = RendererAgg(2 * wide, 2 * middle, DPI)
    style = {"fontsize": size, "fontweight": weight, "color": colour}
    artist = Text(wide, middle, text, **style, **_placed(align))
    artist.set_figure(_figure())
    artist.draw(renderer)
    pixels = np.asarray(renderer.buffer_rgba())[::-1]
    rows, columns = (np.flatnonzero(pixels[..., 3].any(axis=k)) for k in (1, 0))
    if not rows.size:
        return pixels[:1, :1].copy(), 0, 0
    ink = pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].copy()
    return ink, columns[0] - wide, rows[0] - middle


def _placed(align):
    """How every text stands at its point, and in which letters."""
    return {
        "horizontalalignment": align,
        "verticalalignment": "center_baseline",
        "fontfamily": "DejaVu Sans",
        "parse_math": False,
    }


def _common(these, those):
    """How many artists two frames share from their beginning."""
    pairs = zip(these, those, strict=False)
    return next(
        (k for k, (a, b) in enumerate(pairs) if a is not b),
        min(len(these), len(those)),
    )


def quiet_style():
    """matplotlib's own defaults, whatever style the reader's notebook has set."""
    return matplotlib.style.context("default")


# A scene in pictures.


def frame(scene, index, t=1.0, theme="light", upright=False):
    """One frame as an array, (height, width, 3) bytes."""
    stage = scene.empty_stages()[int(upright)]
    scene.draw(stage, scene.steps[index], t)
    painter = Painter(stage.width, stage.height, theme)
    painter.show(stage.things)
    return painter.pixels()


def still(scene):
    """The frame that stands for the whole scene, as the bytes of a WebP file."""
    from PIL import Image

    file = io.BytesIO()
    picture = Image.fromarray(few_colours(frame(scene, scene.still)))
    picture.save(file, "webp", lossless=True, quality=60)
    return file.getvalue()


def address(scene, media, prefix):
    """Where a page finds the still: a file named by its content, or inline."""
    data = still(scene)
    if not media:
        return f"data:image/webp;base64,{base64.b64encode(data).decode()}"
    folder = Path(media)
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{hashlib.sha256(data).hexdigest()[:16]}.webp"
    if not (folder / name).exists():
        (folder / name).write_bytes(data)
    return prefix + name


def few_colours(pixels, most=256):
    """A picture in its commonest colours; the rest, seams of letters, in the nearest.

    Few colours are few bytes, and no cell turns into another hue.
    """
    packed = pixels.astype(int) @ (1 << 16, 1 << 8, 1)
    colours, which, counts = np.unique(packed, return_inverse=True, return_counts=True)
    rgb = np.stack([colours >> 16, colours >> 8 & 255, colours & 255], axis=-1) / 1.0
    kept = rgb[np.argsort(-counts, kind="stable")[:most]]
    nearest = ((kept**2).sum(axis=1) - 2 * rgb @ kept.T).argmin(axis=1)
    return kept.astype(np.uint8)[nearest][which].reshape(pixels.shape)


def animation(scene, theme="light", upright=False):
    """A `FuncAnimation` that plays the scene at its own pace, captions below."""
    stage = scene.empty_stages()[int(upright)]
    painter = Painter(stage.width, stage.height, theme)
    figure = Figure(
        figsize=(stage.width / 100, (stage.height + CAPTION) / 100),
        dpi=DPI,
        facecolor=paint("paper", theme),
    )
    canvas = FigureCanvasAgg(figure)  # noqa: F841 (the figure holds it)
    picture = figure.figimage(
        np.zeros((*_pixels(stage), 3), np.uint8), 0, CAPTION * SCALE
    )
    words = figure.text(
        0.025,
        (CAPTION - 8) / (stage.height + CAPTION),
        "",
        fontsize=15 / POINT,
        color=paint("ink", theme),
        verticalalignment="top",
        parse_math=False,
    )

    def shows(moment):
        step, t = moment
        scene.draw(stage, step, t)
        painter.show(stage.things)
        picture.set_data(painter.pixels())
        words.set_text(_wrapped(step.caption, stage.width))
        return picture, words

    times = list(_times(scene))
    return FuncAnimation(figure, shows, times, interval=1000 / RATE, blit=False)


CAPTION = 76  # units below the picture, for three lines of a caption


def _wrapped(text, width):
    import textwrap

    return "\n".join(textwrap.wrap(text, int(width / 7.6)))


def _pixels(stage):
    return round(stage.height * SCALE), round(stage.width * SCALE)


def _times(scene):
    """Each picture of the animation: a step, and the time in it."""
    for step in scene.steps:
        moving = round(step.playing * RATE) if step.seconds else 0
        for k in range(1, moving + 1):
            yield step, k / moving
        resting = step.rest if step.seconds else step.rest + step.playing
        yield from [(step, 1.0)] * max(1, round(resting * RATE))


def save(scene, file, theme="light", upright=False):
    """Write the animation: .gif by Pillow, all else by ffmpeg."""
    file = Path(file)
    made = animation(scene, theme, upright)
    if file.suffix == ".gif":
        made.save(file, PillowWriter(fps=RATE))
        return
    with matplotlib.rc_context({"animation.ffmpeg_path": _ffmpeg()}):
        made.save(file, "ffmpeg", fps=RATE)


def _ffmpeg():
    """Where ffmpeg is: on the system's path, or in the package imageio-ffmpeg."""
    import shutil

    if found := shutil.which("ffmpeg"):
        return found
    try:
        from imageio_ffmpeg import get_ffmpeg_exe
    except ImportError:
        raise FileNotFoundError(
            "an MP4 needs ffmpeg: install it, or `pip install imageio-ffmpeg`; "
            "a GIF needs neither"
        ) from None
    return get_ffmpeg_exe()
