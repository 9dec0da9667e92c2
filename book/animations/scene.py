"""A scene: a title, steps with captions, and the forms in which they are shown.

From one list of steps come the video, the stepper under it, the still for print and
for readers who asked for less motion, and the transcript for a screen reader.
"""

import base64
import hashlib
import html
import io
import os
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from . import stepper_files
from .stage import Stage, quiet_style

FRAME = 0.12  # seconds; a multiple of the 1/25 s in which ffmpeg times pictures
LIMIT = 150_000  # bytes of a video


@dataclass(frozen=True)
class Step:
    """One thought: what it says, and what it draws at time t from 0 to 1.

    `seconds` is how long it moves; 0 is a picture that stands still.
    """

    caption: str
    draw: Callable[[Stage, float], None]
    seconds: float = 0.0

    @property
    def frames(self):
        return max(1, round(self.seconds / FRAME))

    @property
    def rest(self):
        """Time to read the caption, in seconds and in whole frames."""
        return FRAME * round(min(7, 1 + 0.22 * len(self.caption.split())) / FRAME)


@dataclass(frozen=True)
class Scene:
    """A played function. `text` says what the picture shows to who cannot see it.

    `still` is the step whose last frame stands for the whole scene. `player` says
    whose numbers these are; it is written at the foot of every frame.
    """

    title: str
    steps: list[Step]
    text: str
    player: str
    still: int = -1
    height: int = 400
    _made: dict = field(default_factory=dict, repr=False, compare=False)

    # The forms of a scene.

    def transcript(self):
        """The scene in words."""
        lines = [self.title, self.text, self.player]
        lines += [f"{i}. {s.caption}" for i, s in enumerate(self.steps, 1)]
        return "\n".join(lines)

    def stages(self):
        """The stage as each step leaves it, one step after the other."""
        with quiet_style():
            stage = Stage(self.height)
            for step in self.steps:
                self._draw(stage, step, 1.0)
                yield stage

    def frame(self, index, t=1.0):
        """One frame as an array, (height, width, 3) bytes; t goes from 0 to 1."""
        with quiet_style():
            stage = Stage(self.height)
            self._draw(stage, self.steps[index], t)
            return stage.pixels()

    def still_webp(self):
        """The still as the bytes of a WebP file."""
        if "still" not in self._made:
            from PIL import Image

            file = io.BytesIO()
            picture = Image.fromarray(few_colours(self.frame(self.still)))
            picture.save(file, "webp", lossless=True, quality=60)
            self._made["still"] = file.getvalue()
        return self._made["still"]

    def video_mp4(self):
        """The video as the bytes of an MP4 file; None where no encoder can be run."""
        if "video" not in self._made:
            try:
                self._made["video"] = self._encode()
            except (OSError, RuntimeError, subprocess.SubprocessError, ImportError):
                self._made["video"] = None
        return self._made["video"]

    def timing(self):
        """When each step starts, and when it has come to rest, in seconds."""
        starts, rests, now = [], [], 0.0
        for step in self.steps:
            starts.append(round(now, 2))
            rests.append(round(now + (step.frames - 1) * FRAME, 2))
            now += step.frames * FRAME + step.rest
        return starts, rests, round(now, 2)

    def html(self, media=None, prefix="../_static/"):
        """The scene as HTML: files in the folder `media`, or all in one piece."""
        still = _address(self.still_webp(), "image/webp", media, prefix)
        video = self.video_mp4()
        video = _address(video, "video/mp4", media, prefix) if video else ""
        starts, rests, end = self.timing()
        captions = "".join(f"<li>{html.escape(s.caption)}</li>" for s in self.steps)
        pixels = f'width="640" height="{self.height}"'
        alternative = html.escape(f"{self.title}. {self.text} {self.player}.")
        body = (
            f'<book-scene data-video="{video}" data-end="{end}" '
            f'data-starts="{_joined(starts)}" data-rests="{_joined(rests)}">'
            f'<figure class="scene" aria-label="{html.escape(self.title)}">'
            f'<div class="scene-picture">'
            f'<img src="{still}" alt="{alternative}" {pixels} loading="lazy"></div>'
            f'<ol class="scene-steps" aria-label="The steps in words">{captions}</ol>'
            f"</figure></book-scene>"
        )
        if media:
            return body
        style, script = (file.read_text("utf-8") for file in stepper_files())
        return f"<style>{style}</style>{body}<script>{script}</script>"

    def _repr_mimebundle_(self, include=None, exclude=None):
        media = os.environ.get("BOOK_MEDIA")
        prefix = os.environ.get("BOOK_MEDIA_URL", "../_static/")
        return {
            "text/html": self.html(media, prefix),
            "text/plain": self.transcript(),
        }

    # How they are made.

    def _draw(self, stage, step, t):
        stage.clear()
        step.draw(stage, t)
        stage.foot(self.player)

    def _frames(self):
        """Each picture of the video with the seconds for which it stays."""
        stage = Stage(self.height)
        for step in self.steps:
            for k in range(1, step.frames + 1):
                self._draw(stage, step, k / step.frames)
                last = k == step.frames
                yield stage.pixels(), FRAME + (step.rest if last else 0)

    def _encode(self):
        import imageio_ffmpeg

        with tempfile.TemporaryDirectory() as folder, quiet_style():
            folder = Path(folder)
            lines = []
            for k, (pixels, seconds) in enumerate(self._frames()):
                height, width, _ = pixels.shape
                head = f"P6 {width} {height} 255\n".encode()
                (folder / f"{k}.ppm").write_bytes(head + pixels.tobytes())
                lines += [f"file {k}.ppm", f"duration {seconds:.2f}"]
            # The last picture is named twice: else its duration would be lost.
            (folder / "list").write_text("\n".join([*lines, f"file {k}.ppm"]))
            for quality in (28, 33, 38, 43):
                command = [imageio_ffmpeg.get_ffmpeg_exe(), *_options(quality)]
                subprocess.run(command, cwd=folder, check=True, capture_output=True)
                video = (folder / "scene.mp4").read_bytes()
                if len(video) <= LIMIT:
                    break
            return video


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


def _options(quality):
    """For ffmpeg: pictures of any length, one key frame, no trace of the time."""
    return (
        "-loglevel error -y -f concat -i list -fps_mode vfr -an -c:v libx264 "
        f"-preset slow -crf {quality} -tune animation -pix_fmt yuv420p -threads 1 "
        "-vf scale=out_color_matrix=bt709:out_range=tv "
        "-colorspace bt709 -color_primaries bt709 -color_trc bt709 "
        "-g 9999 -x264-params scenecut=0:bframes=2 "
        "-map_metadata -1 -fflags +bitexact -flags:v +bitexact "
        "-movflags +faststart scene.mp4"
    ).split()


def _joined(times):
    return " ".join(f"{t:g}" for t in times)


def _address(data, kind, media, prefix):
    """Where the page finds these bytes: a file named by its content, or inline."""
    if not media:
        return f"data:{kind};base64,{base64.b64encode(data).decode()}"
    folder = Path(media)
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{hashlib.sha256(data).hexdigest()[:16]}.{kind.split('/')[1]}"
    if not (folder / name).exists():
        (folder / name).write_bytes(data)
    return prefix + name
