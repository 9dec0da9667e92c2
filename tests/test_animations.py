"""Every scene is played for the reference, the stub and each declared mistake.

A scene must say what it shows without a letter lost: no text lies on another one or
leaves the frame. Its video is small, the same for the same numbers, and never starts
by itself.
"""

import functools
import io
import re

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from PIL import Image

import book.animations as animations
from autograder.exercises.registry import discover
from book.animations import stepper_files
from book.animations.stage import COLOURS, INK, PAPER, SCALE, WIDTH, Words, fullest, mix

EXERCISES = {
    name: exercise
    for name, exercise in discover().items()
    if f"play_{name}" in animations.__all__
}
CASES = [
    (name, mistake)
    for name, exercise in EXERCISES.items()
    for mistake in exercise.mistakes
]


def play(name, function):
    return getattr(animations, f"play_{name}")(function)


def under_the_name(name, function):
    """A learner's function: it has the exercise's name, whatever it does."""

    def written(*arguments, **options):
        return function(*arguments, **options)

    written.__name__ = name
    return written


def not_written(*arguments):
    raise NotImplementedError


@functools.cache
def reference_scene(name):
    return play(name, EXERCISES[name].reference)


def boxes(stage):
    """The texts on a stage, and the pixels from left, below, right, above of each."""
    words = [artist for artist in stage.artists if isinstance(artist, Words)]
    return [word.get_text() for word in words], np.array([w.ink() for w in words])


def assert_legible(scene):
    for index, stage in enumerate(scene.stages(), 1):
        texts, found = boxes(stage)
        where = f"in step {index} of {scene.title}"
        frame = np.array([0, 0, WIDTH * SCALE, scene.height * SCALE])
        cut = (found[:, :2] < frame[:2]).any(1) | (found[:, 2:] > frame[2:]).any(1)
        assert not cut.any(), f"{texts[cut.argmax()]!r} is cut {where}"
        low = np.maximum(found[:, None, :2], found[None, :, :2])
        high = np.minimum(found[:, None, 2:], found[None, :, 2:])
        over = np.argwhere(np.triu((high - low).min(axis=-1) > 0, k=1))
        pairs = [(texts[a], texts[b]) for a, b in over]
        assert not pairs, f"{pairs[0][0]!r} lies on {pairs[0][1]!r} {where}"


@pytest.mark.parametrize("passed", [lambda Q, K: Q @ K.T, np.ones((4, 4)), None])
def test_what_is_no_exercise_is_played_as_it_is(passed):
    scene = play("scores", passed)
    assert_legible(scene)
    assert callable(passed) != ("not callable" in scene.transcript())


# Machado, Oliveira and Fernandes 2009, complete colour blindness, on linear RGB.
EYES = {
    "all three cones": np.eye(3),
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
TO_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)


def linear(rgb):
    rgb = np.clip(rgb, 0, 1)
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def lab(light):
    """CIELAB of linear RGB."""
    xyz = np.clip(light, 0, 1) @ TO_XYZ.T / np.array([0.95047, 1, 1.08883])
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    x, y, z = np.moveaxis(f, -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def turned(rgb):
    """What the style of a dark page does: invert(0.93) hue-rotate(180deg)."""
    grey = np.array([0.213, 0.715, 0.072])
    inverted = 0.93 - 0.86 * np.asarray(rgb)
    return np.clip(2 * (inverted @ grey)[..., None] - inverted, 0, 1)


@pytest.mark.parametrize("eye", EYES)
@pytest.mark.parametrize("page", [np.asarray, turned], ids=["light", "dark"])
def test_the_colours_of_matrices_stay_apart(eye, page):
    colours = page([to_rgb(COLOURS[letter]) for letter in "XQKVSAO"])
    seen = lab(linear(colours) @ np.transpose(EYES[eye]))
    apart = np.linalg.norm(seen[:, None] - seen[None], axis=-1)
    assert apart[np.triu_indices(len(seen), 1)].min() > 16


@pytest.mark.parametrize("page", [np.asarray, turned], ids=["light", "dark"])
@pytest.mark.parametrize("letter", COLOURS)
def test_numbers_can_be_read_on_the_fullest_tint(letter, page):
    pair = page([mix(PAPER, COLOURS[letter], fullest(COLOURS[letter])), to_rgb(INK)])
    dark, bright = sorted(linear(pair) @ TO_XYZ[1])
    assert (bright + 0.05) / (dark + 0.05) >= 4.5


def test_there_is_a_scene_for_every_function_of_parts_one_and_two():
    one_head = "embed linear project_qkv scores scale softmax weighted_sum"
    many_heads = "stack_projections split_heads attend_in_parallel concat_heads"
    wholes = "single_head_attention multi_head_attention layer_norm add_and_norm"
    listed = f"{one_head} {many_heads} {wholes}".split()
    assert {f"play_{name}" for name in listed} <= set(animations.__all__)


@pytest.mark.parametrize("name", EXERCISES)
def test_the_reference_is_legible_and_nothing_is_marked_wrong(name):
    scene = reference_scene(name)
    assert_legible(scene)
    for stage in scene.stages():  # every number finds room in its cell
        assert not {"big", "~0"} & set(boxes(stage)[0])
    assert "ours" not in scene.transcript().replace("Yours", "ours")


@pytest.mark.parametrize("name", EXERCISES)
def test_a_stub_plays_the_reference_and_says_so(name):
    scene = play(name, under_the_name(name, not_written))
    assert scene.player == f"The reference plays: {name} is not written yet"
    assert scene.transcript() == reference_scene(name).transcript()


@pytest.mark.parametrize(
    ("name", "mistake"), CASES, ids=[f"{n}-{m.__name__}" for n, m in CASES]
)
def test_a_mistake_is_played_legibly(name, mistake):
    scene = play(name, under_the_name(name, mistake))
    assert_legible(scene)
    assert scene.player.startswith(f"Your {name} plays")


@pytest.mark.parametrize("name", EXERCISES)
@pytest.mark.parametrize(
    "value",
    [None, "text", (), 3.5, np.zeros(0), np.zeros((2, 2, 2, 2)), [[1], [2, 3]]],
    ids=repr,
)
def test_whatever_comes_is_shown(name, value):
    scene = play(name, under_the_name(name, lambda *_: value))
    assert_legible(scene)
    assert "Yours" in scene.transcript()


@pytest.mark.parametrize("name", EXERCISES)
def test_an_exception_is_told(name):
    def fails(*_):
        raise ValueError("matmul: 4 is different from 3")

    scene = play(name, under_the_name(name, fails))
    assert_legible(scene)
    assert "ValueError: matmul: 4 is different from 3" in scene.transcript()


@pytest.mark.parametrize("name", EXERCISES)
def test_the_video_is_small(name, tmp_path, monkeypatch):
    scene = reference_scene(name)
    assert 5_000 < len(scene.video_mp4()) <= 150_000
    assert len(scene.still_webp()) <= 40_000
    still = np.asarray(Image.open(io.BytesIO(scene.still_webp())), dtype=int)
    other = np.abs(still - scene.frame(scene.still)).max(axis=-1) > 8
    assert other.mean() < 0.03  # the seams of letters; no cell has another hue
    monkeypatch.setenv("BOOK_MEDIA", str(tmp_path))
    page = scene._repr_mimebundle_()["text/html"]
    files = re.findall(r'"\.\./_static/([0-9a-f]{16}\.(?:mp4|webp))"', page)
    assert sorted(f.name for f in tmp_path.iterdir()) == sorted(files)
    assert len(page) < 10_000


@pytest.mark.parametrize("name", EXERCISES)
def test_nothing_starts_by_itself_and_all_is_said_in_words(name):
    scene = reference_scene(name)
    bundle = scene._repr_mimebundle_()
    assert "autoplay" not in bundle["text/html"]
    assert all(step.caption in bundle["text/plain"] for step in scene.steps)
    starts, rests, end = scene.timing()
    assert all(s <= r < end for s, r in zip(starts, rests, strict=True))


def test_the_same_numbers_give_the_same_bytes():
    one, two = (play("softmax", EXERCISES["softmax"].reference) for _ in range(2))
    assert one.video_mp4() == two.video_mp4()
    assert one.still_webp() == two.still_webp()


def test_a_frame_is_the_same_whatever_was_drawn_before():
    """What is kept from the frame before never shows in the next one."""
    scene = reference_scene("scores")
    drawn = [pixels for pixels, _ in scene._frames()]
    ends = np.cumsum([step.frames for step in scene.steps]) - 1
    for index, end in enumerate(ends):
        assert np.array_equal(drawn[end], scene.frame(index)), f"step {index + 1}"


def test_a_readers_style_does_not_change_the_picture():
    import matplotlib

    scene = reference_scene("scores")
    plain = scene.frame(0)
    with matplotlib.rc_context({"text.color": "red", "font.family": "serif"}):
        assert np.array_equal(scene.frame(0), plain)


def test_the_notebook_gets_everything_in_one_piece(monkeypatch):
    monkeypatch.delenv("BOOK_MEDIA", raising=False)
    page = reference_scene("scores")._repr_mimebundle_()["text/html"]
    assert "data:video/mp4;base64," in page and "data:image/webp;base64," in page
    for file in stepper_files():
        assert file.read_text("utf-8") in page


def test_importing_the_verbs_is_quick():
    """matplotlib is loaded when a scene is made, not before."""
    import subprocess
    import sys

    code = "import book.animations, sys; print('matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "False", done.stderr
