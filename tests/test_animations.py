"""Every scene is played for the reference, the stub and each declared mistake.

A scene must say what it shows without a letter lost: no text lies on another one or
leaves the frame. Its clip is small, the same for the same numbers, and plays no longer
than its captions take to read.
"""

import functools
import gzip
import itertools
import json
import re
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.animation import FuncAnimation
from PIL import Image

import book.animations as animations
from autograder.exercises.registry import discover
from book.animations import stepper_files
from book.animations.clip import USUAL, usual
from book.animations.painter import SCALE, Painter, Words
from book.animations.scene import Scene, Step
from book.palette import HEADS, LETTERS, THEMES, contrast, css, legible, mix, rgb, tint

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


painter_of = functools.cache(Painter)


def boxes(stage):
    """The texts on a stage, and the pixels from left, below, right, above of each."""
    painter = painter_of(stage.width, stage.height)
    painter.known.clear()
    painter.show([t for t in stage.things if t["is"] in ("text", "cells")])
    words = [artist for artist in painter.artists if isinstance(artist, Words)]
    return [word.get_text() for word in words], np.array([w.ink() for w in words])


def assert_legible(scene):
    for index, stage in enumerate(scene.stages()):
        texts, found = boxes(stage)
        where = f"in step {index % len(scene.steps) + 1} of {scene.title}"
        frame = np.array([0, 0, stage.width * SCALE, stage.height * SCALE])
        cut = (found[:, :2] < frame[:2]).any(1) | (found[:, 2:] > frame[2:]).any(1)
        assert not cut.any(), f"{texts[cut.argmax()]!r} is cut {where}"
        low = np.maximum(found[:, None, :2], found[None, :, :2])
        high = np.minimum(found[:, None, 2:], found[None, :, 2:])
        over = np.argwhere(np.triu((high - low).min(axis=-1) > 0, k=1))
        pairs = [(texts[a], texts[b]) for a, b in over]
        assert not pairs, f"{pairs[0][0]!r} lies on {pairs[0][1]!r} {where}"
        if stage.upright or not scene.upright:  # what a phone shows, 350 pixels wide
            letters = [t["size"] for t in stage.things if t["is"] in ("text", "cells")]
            assert min(letters) * 350 / stage.width >= 9, f"too small {where}"


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


@pytest.mark.parametrize("eye", EYES)
@pytest.mark.parametrize("theme", THEMES)
def test_the_colours_of_matrices_and_heads_stay_apart(eye, theme):
    colours = np.array([rgb(role, theme) for role in (*"XQKVSAO", *HEADS)])
    seen = lab(linear(colours) @ np.transpose(EYES[eye]))
    apart = np.linalg.norm(seen[:, None] - seen[None], axis=-1)
    assert apart[np.triu_indices(len(seen), 1)].min() > 15


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("role", (*LETTERS, *HEADS))
def test_letters_and_numbers_can_be_read_in_every_colour(role, theme):
    assert contrast("ink", tint(role, 1.0), theme) >= 4.5
    assert contrast("quiet", mix("paper", mix(role, "pale", 0.6), 0.38), theme) >= 3
    assert contrast(legible(role, theme), "paper", theme) >= 4.5


def test_a_colour_is_a_role():
    assert "--Q: light-dark(" in css()
    with pytest.raises(ValueError, match="'#ff0000' is no role; the roles are X, Q"):
        mix("Q", "#ff0000", 0.5)
    red = Step("Red.", lambda stage, t: stage.box(0, 0, 9, 9, fill="red"))
    with pytest.raises(ValueError, match="'red' is no role"):
        Scene("Red", [red], "Red.", "").as_data()


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
    for stage in scene.stages():  # every number finds room in its cell, in full colour
        assert not {"big", "~0"} & set(boxes(stage)[0])
        assert not any(thing.get("faded") for thing in stage.things)
    assert "ours" not in scene.transcript().replace("Yours", "ours")


@pytest.mark.parametrize("name", EXERCISES)
def test_a_stub_plays_the_reference_and_says_so(name):
    scene = play(name, under_the_name(name, not_written))
    assert scene.player == f"The reference plays: {name} is not written yet"
    assert scene.transcript() == reference_scene(name).transcript()


def test_on_a_page_of_the_book_nobody_has_written_anything(monkeypatch):
    monkeypatch.setenv("BOOK_MEDIA", "media")
    scene = play("scores", EXERCISES["scores"].reference)
    assert "reference" not in scene.transcript()
    assert "not written" not in json.dumps(scene.as_data())


@pytest.mark.parametrize("name", EXERCISES)
def test_without_a_foot_no_text_touches_the_frame(name):
    for stage in replace(reference_scene(name), player="").stages():
        for thing in stage.things:
            if thing["is"] == "text":
                half = 0.36 * thing["size"]  # of a capital letter
                assert 4 <= thing["y"] - half, thing["say"]
                assert thing["y"] + half <= stage.height - 8, thing["say"]


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
def test_the_clip_is_small_and_the_still_is_a_file(name, tmp_path, monkeypatch):
    scene = reference_scene(name)
    told = json.dumps(
        scene.as_data(), ensure_ascii=False, allow_nan=False, separators=(",", ":")
    )
    data = told.encode()
    assert len(data) <= 90_000 and len(gzip.compress(data)) <= 14_000
    monkeypatch.setenv("BOOK_MEDIA", str(tmp_path))
    page = scene._repr_mimebundle_()["text/html"]
    (file,) = re.findall(r'"\.\./_static/([0-9a-f]{16}\.webp)"', page)
    assert [f.name for f in tmp_path.iterdir()] == [file]
    still = np.asarray(Image.open(tmp_path / file), dtype=int)
    other = np.abs(still - scene.frame(scene.still)).max(axis=-1) > 8
    assert other.mean() < 0.03  # the seams of letters; no cell has another hue
    assert (tmp_path / file).stat().st_size <= 40_000


@pytest.mark.parametrize("name", EXERCISES)
def test_nothing_is_held_longer_than_it_is_read_and_all_is_said_in_words(name):
    scene = reference_scene(name)
    bundle = scene._repr_mimebundle_()
    assert all(step.caption in bundle["text/plain"] for step in scene.steps)
    steps = scene.as_data()["steps"]
    assert sum(step["playing"] + step["rest"] for step in steps) <= 40.5
    for step in steps:  # 0.22 s a word are 270 words a minute
        assert step["rest"] <= max(0.4, 0.22 * len(step["caption"].split()))


def test_the_same_numbers_give_the_same_data():
    one, two = (play("softmax", EXERCISES["softmax"].reference) for _ in range(2))
    assert json.dumps(one.as_data()) == json.dumps(two.as_data())


def singles(frame, *run):
    if len(run) == 1:
        return [(frame, run[0])]
    count, lists = run
    return [(frame + k, {f: v[k] for f, v in lists.items()}) for k in range(count)]


def unfolded(layout, frames):
    """The things of a clip, frame by frame, as the player unfolds them."""
    states = []
    for what, *runs in layout["tracks"]:
        row, state = [None] * frames, USUAL
        at = [entry for run in runs for entry in singles(*run)]
        for (frame, changes), (end, _) in itertools.pairwise([*at, (frames, None)]):
            if changes is not None:
                state = state | changes
                row[frame:end] = [{"is": what} | state] * (end - frame)
        states.append(row)
    return [[s for s in column if s] for column in zip(*states, strict=True)]


@pytest.mark.parametrize("name", EXERCISES)
def test_the_clip_holds_every_frame_of_the_record(name):
    scene = reference_scene(name)
    data = scene.as_data()
    counts = [step["frames"] for step in data["steps"]]
    for layout, stage in zip(data["layouts"], scene.empty_stages(), strict=True):
        found = iter(unfolded(layout, sum(counts)))
        for step, count in zip(scene.steps, counts, strict=True):
            for k in range(1, count + 1):
                scene.draw(stage, step, k / count)
                for thing, told in zip(stage.things, next(found), strict=True):
                    texts = thing.pop("texts", None)
                    del thing["id"]
                    if texts:
                        own = dict(told["texts"])
                        said = map(usual, thing["values"])
                        assert [own.get(k, t) for k, t in enumerate(said)] == texts
                    assert thing.items() <= told.items()


def test_a_scene_is_matplotlibs_animation_and_a_file(tmp_path):
    steps = [
        Step(
            "A number comes.", lambda s, t: s.matrix([[3]], 20 + 50 * t, 40, "Q"), 0.4
        ),
        Step("It stays.", lambda s, t: s.matrix([[3]], 70, 40, "Q", "Q", "")),
    ]
    scene = Scene("Short", steps, "One number.", "", height=120, width=200)
    assert isinstance(scene.animation(), FuncAnimation)
    seconds = sum(s["playing"] + s["rest"] for s in scene.as_data()["steps"])
    scene.save(tmp_path / "scene.gif")
    picture = Image.open(tmp_path / "scene.gif")
    ends = []
    for k in range(picture.n_frames):
        picture.seek(k)
        ends.append(picture.info["duration"])
    assert sum(ends) / 1000 == pytest.approx(seconds, abs=0.3)
    scene.save(tmp_path / "scene.mp4", theme="dark")
    assert b"ftyp" in (tmp_path / "scene.mp4").read_bytes()[:12]


def test_a_frame_is_the_same_whatever_was_painted_before():
    """What is kept from the frame before never shows in the next one."""
    scene = reference_scene("scores")
    (stage,) = scene.empty_stages()
    painter = Painter(stage.width, stage.height)
    for index, step in enumerate(scene.steps):
        for t in (0.3, 0.6, 1.0):
            scene.draw(stage, step, t)
            painter.show(stage.things)
            drawn = painter.pixels()
        assert np.array_equal(drawn, scene.frame(index)), f"step {index + 1}"


def test_a_readers_style_does_not_change_the_picture():
    import matplotlib

    scene = reference_scene("scores")
    plain = scene.frame(0)
    with matplotlib.rc_context({"text.color": "red", "font.family": "serif"}):
        assert np.array_equal(scene.frame(0), plain)


def test_the_notebook_gets_everything_in_one_piece(monkeypatch):
    monkeypatch.delenv("BOOK_MEDIA", raising=False)
    page = reference_scene("scores")._repr_mimebundle_()["text/html"]
    assert "application/json" in page and "data:image/webp;base64," in page
    assert "--Q: light-dark(" in page
    for file in stepper_files():
        assert file.read_text("utf-8") in page


def test_a_scene_is_made_with_numpy_alone():
    """Who writes a scene names no renderer, and a page can make one where none is."""
    code = """
import sys

class Without:
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] in ("matplotlib", "PIL", "IPython"):
            raise ImportError(f"a scene asked for {name}")

sys.meta_path.insert(0, Without)
import book.animations as animations
from autograder.exercises.registry import discover

for name, exercise in discover().items():
    if f"play_{name}" in animations.__all__:
        play = getattr(animations, f"play_{name}")
        print(len(play(exercise.reference).as_data()["steps"]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.split()) == len(EXERCISES)
