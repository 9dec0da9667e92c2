"""A scene: a title, steps with captions, and the forms in which they are shown.

A scene is drawn on a `Stage`, which writes down what stands where. From that one
record come the clip that a page plays (`clip`, stepper.js) and matplotlib's pictures
and animation (`painter`).
"""

import html
import json
import os
from collections.abc import Callable
from dataclasses import dataclass

from . import clip, stepper_files
from .stage import WIDTH, Stage

FOOT = 34  # units at the foot of a stage, which say whose numbers these are
MARGIN = 10  # what stays free there where nothing is said
WORD = 0.22  # seconds in which a word of a caption is read
GLIDE = 0.5  # seconds from one picture that stands still to the next
BREATH = 0.4  # seconds that a step rests at least


@dataclass(frozen=True)
class Step:
    """One thought: what it says, and what it draws at time t from 0 to 1.

    `seconds` is how long it moves when it is taken alone; 0 is a picture that stands
    still. Played through, it moves while its caption is read.
    """

    caption: str
    draw: Callable[[Stage, float], None]
    seconds: float = 0.0

    @property
    def reading(self):
        """How long the caption takes to read, in seconds."""
        return WORD * len(self.caption.split())

    @property
    def playing(self):
        """How long the step moves in the course of the whole scene, in seconds."""
        return max(self.seconds, 0.7 * self.reading) if self.seconds else GLIDE

    @property
    def rest(self):
        """How long it stands still then: until the caption has been read."""
        return max(self.reading - self.playing, BREATH)


@dataclass(frozen=True)
class Scene:
    """A played function. `text` says what the picture shows to who cannot see it.

    `still` is the step whose last frame stands for the whole scene. `player` says
    whose numbers these are; it is written at the foot of every frame, for which
    `height` leaves room. `upright` is the size, width and height, of a second layout
    for narrow pages: each step is then drawn on a stage of that size, too, whose
    `upright` is true.
    """

    title: str
    steps: list[Step]
    text: str
    player: str
    still: int = -1
    height: int = 400
    width: int = WIDTH
    upright: tuple[int, int] | None = None

    # The forms of a scene.

    def transcript(self):
        """The scene in words."""
        lines = [self.title, self.text, self.player]
        lines += [f"{i}. {s.caption}" for i, s in enumerate(self.steps, 1)]
        return "\n".join(line for line in lines if line)

    def as_data(self):
        """The scene as a dict of plain values, ready for JSON: see `clip.as_data`."""
        return clip.as_data(self)

    def frame(self, index, t=1.0, theme="light", upright=False):
        """One frame as an array, (height, width, 3) bytes; t goes from 0 to 1."""
        from . import painter

        return painter.frame(self, index, t, theme, upright)

    def animation(self, theme="light", upright=False):
        """The scene as a `matplotlib.animation.FuncAnimation`.

        Keep it in a variable while it plays, as matplotlib asks for.
        """
        from . import painter

        return painter.animation(self, theme, upright)

    def save(self, file, theme="light", upright=False):
        """Write the scene for a slide: FILE.gif or FILE.mp4.

        MP4 needs ffmpeg: on the system's path, or as the package imageio-ffmpeg.
        """
        from . import painter

        painter.save(self, file, theme, upright)

    def html(self, media=None, prefix="../_static/"):
        """The scene as HTML: a part of a page that has the stepper, its still in the
        folder `media`; or, without a folder, all in one piece.
        """
        from . import painter

        still = painter.address(self, media, prefix)
        data = json.dumps(self.as_data(), ensure_ascii=False, separators=(",", ":"))
        data = data.replace("<", "\\u003c")  # nothing in it ends the script around it
        captions = "".join(f"<li>{html.escape(s.caption)}</li>" for s in self.steps)
        alternative = html.escape(f"{self.title}. {self.text} {self.player}".strip())
        width, height = self.sizes[0]
        picture = (
            f'<img src="{still}" alt="{alternative}" width="{width}" '
            f'height="{height}" loading="lazy">'
        )
        if media:  # who has the stepper does not fetch the still
            picture = f"<noscript>{picture}</noscript>"
        body = (
            f'<book-scene><figure class="scene" aria-label="{html.escape(self.title)}">'
            f'<div class="scene-picture" style="aspect-ratio: {width} / {height}">'
            f"{picture}</div>"
            f'<ol class="scene-steps" aria-label="The steps in words">{captions}</ol>'
            f"</figure>"
            f'<script type="application/json">{data}</script>'
            f"</book-scene>"
        )
        if media:
            return body
        return f"<style>{style()}</style>{body}<script>{script()}</script>"

    def _repr_mimebundle_(self, include=None, exclude=None):
        media = os.environ.get("BOOK_MEDIA")
        prefix = os.environ.get("BOOK_MEDIA_URL", "../_static/")
        return {
            "text/html": self.html(media, prefix),
            "text/plain": self.transcript(),
        }

    # How they are made.

    @property
    def sizes(self):
        """Width and height of each layout; the foot is left out where it is empty."""
        sizes = [(self.width, self.height), *([self.upright] if self.upright else [])]
        return [(w, h if self.player else h - FOOT + MARGIN) for w, h in sizes]

    def empty_stages(self):
        """An empty stage for each layout."""
        return [Stage(*size, upright=k > 0) for k, size in enumerate(self.sizes)]

    def draw(self, stage, step, t):
        """Draw a step at the time t on a stage, and nothing else."""
        stage.clear()
        step.draw(stage, t)
        if self.player:
            stage.foot(self.player)

    def stages(self):
        """The stage as each step leaves it, in each layout, one after the other."""
        for stage in self.empty_stages():
            for step in self.steps:
                self.draw(stage, step, 1.0)
                yield stage


def style():
    """The style of the stepper, with the colours of the book."""
    from book.palette import css

    sheet, _ = stepper_files()
    return f"book-scene {{\n{css()}\n}}\n{sheet.read_text('utf-8')}"


def script():
    """The stepper itself."""
    return stepper_files()[1].read_text("utf-8")
