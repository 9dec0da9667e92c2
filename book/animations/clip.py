"""A clip: a scene as plain data, which travels in a page and is played there.

A scene is drawn at some moments of each step. What is the same thing from one moment
to the next becomes one track: it says once what it is, and then only what changes.
Between two moments the player moves what has moved. Nothing but numpy is needed.
"""

from difflib import SequenceMatcher

SAMPLE = 0.16  # seconds between two moments


def as_data(scene):
    """The scene as a dict of plain values, ready for JSON.

    -> {"title", "text", "player", "still", "steps": [{"caption", "frames", "seconds",
    "playing", "rest"}], "layouts": [{"width", "height", "tracks"}]}. A track is [what,
    [frame, what has changed], ...]; null in the place of changes takes it off the
    stage. [frame, count, changes] holds for so many frames, with a list for each
    change. Frames are counted through all steps.
    """
    return {
        "title": scene.title,
        "text": scene.text,
        "player": scene.player,
        "still": scene.still % len(scene.steps),
        "steps": [
            {
                "caption": step.caption,
                "frames": moments(step),
                "seconds": round(step.seconds, 2),
                "playing": round(step.playing, 2),
                "rest": round(step.rest, 2),
            }
            for step in scene.steps
        ],
        "layouts": [_layout(scene, stage) for stage in scene.empty_stages()],
    }


def moments(step):
    """How many pictures a step is made of; the last one is the one it rests on."""
    return max(1, round(step.seconds / SAMPLE))


def _layout(scene, stage):
    reel = _Reel()
    for step in scene.steps:
        count = moments(step)
        for k in range(1, count + 1):
            scene.draw(stage, step, k / count)
            reel.add(stage.things)
    tracks = [_folded(track) for track in reel.tracks]
    return {"width": stage.width, "height": stage.height, "tracks": tracks}


class _Track:
    """One thing through time: its whole state wherever that changes."""

    def __init__(self, key):
        self.key, self.states, self.alive = key, [], True


class _Reel:
    """All tracks, the lowest first, and the frames that they were seen in."""

    def __init__(self):
        self.tracks, self.present, self.things, self.frame = [], [], [], -1

    def add(self, things):
        """Take down the next frame."""
        self.frame += 1
        keys = [(thing["is"], thing["id"]) for thing in things]
        before = self._matched(keys)
        present, place = [], -1  # where in the order the last thing lies
        for thing, key, track in zip(things, keys, before, strict=True):
            if track is None:
                track, place = self._entered(key, place, before[len(present) :])
            else:
                place = self.tracks.index(track, place + 1)
            if not track.states or track.states[-1][1] != thing:
                track.states.append((self.frame, thing))
            present.append(track)
        for track in self.present:
            if track.alive and track not in present:
                track.states.append((self.frame, None))
                track.alive = False
        self.present = present

    def _matched(self, keys):
        """For each key the track that it goes on with, if there is one."""
        old = [track.key for track in self.present]
        found = [None] * len(keys)
        for a, b, size in SequenceMatcher(None, old, keys, False).get_matching_blocks():
            found[b : b + size] = self.present[a : a + size]
        return found

    def _entered(self, key, place, coming):
        """The track of a thing that comes, above what lies at `place`: one that has
        left before the next one that stays, or a new one.
        """
        stays = next((track for track in coming if track is not None), None)
        stop = self.tracks.index(stays, place + 1) if stays else len(self.tracks)
        for k in range(place + 1, stop):
            track = self.tracks[k]
            if track.key == key and not track.alive:
                track.alive = True
                return track, k
        track = _Track(key)
        self.tracks.insert(place + 1, track)
        return track, place + 1


def _folded(track):
    """A track as data: each state as what differs from the one before."""
    what, at, before = track.key[0], [], USUAL
    for frame, thing in track.states:
        if thing is None:
            at.append([frame, None])
            continue
        now = dict.fromkeys(before.keys() - USUAL.keys()) | _told(thing)
        at.append([frame, {k: v for k, v in now.items() if before.get(k) != v}])
        before = USUAL | now
    return [what, *_runs(at)]


def _runs(at):
    """Changes of the same fields in frame after frame, written as one entry."""
    runs = []
    for frame, changes in at:
        start, count, lists = runs[-1] if runs else (0, 0, None)
        goes_on = changes and lists and start + count == frame
        if goes_on and lists.keys() == changes.keys():
            runs[-1][1] += 1
            for key, value in changes.items():
                lists[key].append(value)
            continue
        told = changes and {key: [value] for key, value in changes.items()}
        runs.append([frame, 1, told])
    return [run if run[1] > 1 else [run[0], _first(run[2])] for run in runs]


def _first(changes):
    return changes and {key: value for key, (value,) in changes.items()}


# What the player takes for granted.
USUAL = {
    "align": "center",
    "alpha": 1,
    "bend": 0,
    "bold": 0,
    "colour": "ink",
    "column": [],
    "dash": 0,
    "faded": 0,
    "line": "line",
    "name": "",
    "round": 0,
    "row": [],
    "size": 17,
    "texts": [],
    "thick": 2.1,
    "turned": 0,
    "wrong": [],
}


def _told(thing):
    told = {k: v for k, v in thing.items() if k not in ("is", "id")}
    if told.get("texts"):
        told["texts"] = _unusual(told["values"], told["texts"])
    return told


def _unusual(values, texts):
    """The texts of cells that are not just their number: [[place, text], ...]."""
    return [
        [k, text]
        for k, (value, text) in enumerate(zip(values, texts, strict=True))
        if text is not None and usual(value) != text
    ]


def usual(value):
    """How the player writes a number of which it is told nothing else."""
    if value is None or isinstance(value, str) or round(1000 * value) % 10 == 5:
        return None  # a 5 at the end it may round the other way
    text = f"{value}" if value == int(value) else f"{value:.2f}"
    return text.replace("-", "−")
