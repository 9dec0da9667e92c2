"""`try NAME`: what is said of each mistake, beside what was said before.

With an exercise on another subject, as an instructor has: nothing that is said of it
comes from attention.
"""

import re

import numpy as np
import own_exercise
import pytest

from autograder.chapters import trial
from autograder.exercises.declaration import DeclarationError
from autograder.exercises.registry import discover
from autograder.judge.render import as_text
from autograder.judge.verdict import judge
from autograder.values.called import call_in_process

DECLARATION = '''"""When does the bus come?"""

import numpy as np

from autograder.exercise import exercise


@exercise(points=2)
def waiting_times(arrivals, buses):
    """How long each passenger waits, for each bus.

    arrivals (p,), buses (b,) -> W (p, b)
    """
    return buses - arrivals[:, None]  # (p, b)


@waiting_times.mistake
def sign_turned(arrivals, buses):
    """A time that was waited is positive: take the arrival from the bus."""
    return arrivals[:, None] - buses


@waiting_times.mistake
def one_bus(arrivals, buses):
    """Only the first bus is looked at. There is a column for each."""
    return (buses - arrivals[:, None])[:, :1]


@exercise(points=2)
def mean_wait(times, num_stops):
    """The mean of each stop's waiting times, which are as many at each.

    times (s·k,), num_stops = s -> means (s,)
    """
    return times.reshape(num_stops, -1).mean(axis=1)  # (s,)


@mean_wait.mistake
def summed(times, num_stops):
    """The times of a stop are added up. Divide by how many there are."""
    return times.reshape(num_stops, -1).sum(axis=1)


@mean_wait.case
def few_stops(rng):
    s = int(rng.integers(2, 5))
    return rng.standard_normal(s * 6), s


@mean_wait.case
def many_stops(rng):
    s = int(rng.integers(7, 12))
    return rng.standard_normal(s * 2), s
'''


@pytest.fixture
def buses(tmp_path, monkeypatch):
    """The declaration's file, in a course that the judge knows for a while."""
    file = tmp_path / "exercises" / "buses.py"
    file.parent.mkdir()
    file.write_text(DECLARATION, encoding="utf-8")
    monkeypatch.setattr(trial, "TRIED", tmp_path / "tried")
    with own_exercise.at_home(tmp_path):
        yield file


def tried(name="waiting_times", **options):
    return {one.name: one for one in trial.try_exercise(name, **options)}


def test_what_changed_since_the_last_run_is_marked(buses):
    assert [one.mark for one in tried().values()] == ["new", "new"]
    exercise = discover()["waiting_times"]
    exercise.mistakes[0].__doc__ = "Another word for it, in one sentence."
    for keep in (True, False):  # the first leaves what is compared with
        said = tried(keep=keep)
        assert said["sign_turned"].mark == "changed"
        assert "is positive" in said["sign_turned"].before
        assert "Another word" in said["sign_turned"].text
        assert said["one_bus"].mark == ""
    page = trial.page_of("waiting_times").read_text(encoding="utf-8")
    assert page.count("<section>") == 2
    assert "Before, it said" in page and "<table" in page  # with the picture
    lines = "\n".join(trial.in_words("waiting_times", list(said.values())))
    assert "--- sign_turned  [changed]" in lines
    assert "    before, it said:" in lines
    assert "2 told, 0 new, 1 changed, 0 with trouble" in lines
    assert [one.mark for one in tried().values()] == ["", ""]


def test_one_mistake_alone_leaves_what_is_known_of_the_others(buses):
    tried()
    assert list(tried(only=("one_bus",))) == ["one_bus"]
    assert [one.mark for one in tried().values()] == ["", ""]


def test_trouble_with_a_declaration_is_told(buses):
    exercise = discover()["waiting_times"]
    wrong = exercise.mistakes

    def right(arrivals, buses):
        """It is right."""
        return exercise.reference(arrivals, buses)

    def again(arrivals, buses):
        """As another one."""
        return wrong[0](arrivals, buses)

    def stub(arrivals, buses):
        """A stub."""
        raise NotImplementedError

    object.__setattr__(exercise, "mistakes", (*wrong, right, again, stub))
    object.__setattr__(exercise, "equivalents", (wrong[1],))
    troubles = [one.trouble for one in trial.try_exercise("waiting_times")]
    assert [words for words in troubles if words] == [
        "is right, and refused",
        "gives the same as again in every case",
        "is right in every case: add one in which it is wrong, or leave it out",
        "gives the same as sign_turned in every case",
        "raises NotImplementedError, so it is taken for a stub",
    ]


def test_a_misspelt_name_is_told_with_the_one_that_may_be_meant(buses):
    with pytest.raises(DeclarationError, match="did you mean waiting_times"):
        tried("waiting_time")
    with pytest.raises(DeclarationError, match="did you mean one_bus"):
        tried(only=("one_buss",))


def test_watch_runs_again_when_a_file_is_written(buses, monkeypatch):
    runs = []

    def run(command):
        runs.append(command[-2:])
        if len(runs) == 2:
            raise KeyboardInterrupt
        buses.write_text(DECLARATION + "\n\n# changed", encoding="utf-8")

    monkeypatch.setattr(trial.subprocess, "run", run)
    trial.watch(["waiting_times"], pause=0)  # ends as Ctrl+C ends it
    assert runs == [["try", "waiting_times"]] * 2


ATTENTION = r"softmax|head|quer|\bkeys?\b|token|score|attention|params|d_k|d_model|W_q"


@pytest.mark.parametrize(
    ("name", "answer", "words"),
    [
        ("waiting_times", lambda a, b: b - a[:, None] + 1, "off by the same amount"),
        ("waiting_times", lambda a, b: (b - a[:, None]).T, "(p, b)"),
        ("waiting_times", lambda a, b: b - a, "arrivals (p,) is ("),
        ("waiting_times", lambda a, b: b[:p], "`p` is no argument of waiting_times"),  # noqa: F821
        ("waiting_times", lambda a, b: (b - a[:, None]) * len(b), "is b times"),
        ("mean_wait", lambda t, s: t.reshape(2, -1).mean(axis=1), "You have 2 along s"),
        ("mean_wait", lambda t, s: t.reshape(2, -1).mean(1), "`num_stops` says"),
        ("mean_wait", lambda t, n: t.reshape(s, 1), "called `num_stops`"),  # noqa: F821
        (
            "mean_wait",
            lambda t, s: t.reshape(s, -1).mean(axis=1) / s,
            "num_stops",
        ),
    ],
)
def test_another_subject_gets_hints_as_good(buses, name, answer, words):
    with np.errstate(all="ignore"):
        verdict = judge(discover()[name], call_in_process(answer))
    told = as_text(verdict)
    assert verdict.passed is False
    assert words in told, told
    assert not re.search(ATTENTION, told), told
