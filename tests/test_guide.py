"""The instructor's guide: each command on the page is run, and answers as it says.

    python tests/test_guide.py

runs the commands, and writes what they answer, and how much each computed, into the
page; it prints besides how long each took. Look at what it changed.
"""

import contextlib
import ctypes
import getpass
import logging
import os
import platform
import re
import resource
import runpy
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

import nbformat
import pytest
from nbgrader.apps.baseapp import NbGrader

from autograder.chapters.toc import ROOT
from autograder.course.setup import make_course
from autograder.exercises.registry import discover
from autograder.exercises.source import renamed

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="graded runs need Linux"
)
PAGE = ROOT / "book" / "teaching.md"
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# What differs from run to run, or from version to version.
MEASURED = re.compile(r"\d+(\.\d+)?(?= (s|ms|KiB|MiB|files)\b)")
PARTS = ("Makefile", "requirements.txt", "constraints.txt", "pyproject.toml")


def commands(block):
    """(command, answer) of a block: lines after `$`, and what stands below each."""
    parts = re.split(r"^\$ (.*)\n", block, flags=re.MULTILINE)
    return list(zip(parts[1::2], parts[2::2], strict=True))


class Desk:
    """A folder like this project's, as far as the guide needs one, and a shell."""

    def __init__(self, folder):
        self.folder = self.cwd = folder
        for part in PARTS:  # older than the environment: `make` installs nothing anew
            shutil.copyfile(ROOT / part, folder / part)
            os.utime(folder / part, (0, 0))
        (folder / ".venv").symlink_to(sys.prefix)
        self.note = folder / "cwd"
        self.home = folder / "home"
        self.home.mkdir()

    def run(self, command, answer):
        """What a command answers; what it reads is made first, as the page shows it."""
        if command.startswith("cat "):
            (self.cwd / command.removeprefix("cat ")).write_text(answer)
        if command.startswith("ls ~/"):
            self._download(Path(command.removeprefix("ls ~/")), answer.splitlines())
        done = subprocess.run(
            ["bash", "-c", f"{command}\npwd > {self.note}"],
            cwd=self.cwd,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=self._environment(),
        )
        self.cwd = Path(self.note.read_text().strip())  # it may be another one now
        return done.stdout

    def _environment(self):
        programs = f"{sys.prefix}/bin{os.pathsep}{os.environ['PATH']}"
        plain = {"PYTHONUNBUFFERED": "1", "TZ": "Europe/Berlin", "HOME": str(self.home)}
        outside = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
        return outside | plain | {"PATH": programs}

    def _download(self, folder, names):
        release = self.cwd / "release" / "05_softmax" / "05_softmax.ipynb"
        notebook = nbformat.read(str(release), as_version=4)
        exercise = discover()["softmax"]
        answers = [exercise.reference, *exercise.mistakes]
        (self.home / folder).mkdir(parents=True)
        for name, answer in zip(names, answers, strict=False):
            for cell in notebook.cells:
                if cell.metadata.get("nbgrader", {}).get("solution"):
                    cell.source = renamed(answer, "softmax")
            nbformat.write(notebook, self.home / folder / name)


def play(folder, compare, run=lambda command, answer, desk: desk.run(command, answer)):
    """Run all commands in order; `compare(command, answer, came)` gives the answer to
    write down.
    """
    desk = Desk(folder)

    def played(block):
        lines = [
            f"$ {command}\n{compare(command, answer, run(command, answer, desk))}"
            for command, answer in commands(block[1])
        ]
        return f"```console\n{''.join(lines)}```"

    return BLOCK.sub(played, PAGE.read_text(encoding="utf-8"))


def alike(answer, came):
    """Whether two answers agree but for measures; `...` stands for any lines."""
    lines = MEASURED.sub("#", answer).splitlines()
    pattern = "".join(
        r"(?:.*\n)*" if line == "..." else re.escape(line) + r"\n" for line in lines
    )
    return re.fullmatch(pattern, MEASURED.sub("#", came)) is not None


def test_every_command_answers_as_the_page_says(tmp_path):
    def compare(command, answer, came):
        assert alike(answer, came), f"$ {command}\n{came}"
        return answer

    clock = Clock()
    play(tmp_path, compare, clock.run)
    rows = told_times()
    assert [name for name, _ in rows] == [name for name, _ in clock.taken]
    for (name, told), (_, used) in zip(rows, clock.taken, strict=True):
        assert used < SLOWER * (float(told) + 1), f"{name}: {used:.1f} s, {told} told"


TABLE = re.compile(r"^\| command \| seconds.*\n\|---\|---:\|\n((?:\|.*\n)*)", re.M)
OURS = re.compile(r"make |python -m autograder |nbgrader ")
SLOWER = 4  # times what the page says: another machine, or an environment not compiled


def told_times():
    """(command, seconds) of the page's table."""
    [rows] = TABLE.findall(PAGE.read_text(encoding="utf-8"))
    return re.findall(r"^\| `(.+)` \| ([\d.]+) \|$", rows, re.MULTILINE)


class Clock:
    """Runs commands, and keeps how many seconds each of ours computed.

    adopting: what runs in the sandbox is counted as well, which ends a little later.
    For a process that has started nothing else.
    """

    def __init__(self, adopting=False):
        self.taken, self.adopting = [], adopting
        if adopting:
            become_subreaper = 36, 1, 0, 0, 0  # PR_SET_CHILD_SUBREAPER
            assert ctypes.CDLL(None).prctl(*become_subreaper) == 0

    def run(self, command, answer, desk):
        begin, before = time.monotonic(), computed()
        came = desk.run(command, answer)
        taken = time.monotonic() - begin
        with contextlib.suppress(ChildProcessError):
            while self.adopting and os.waitpid(-1, 0):
                pass
        used = computed() - before
        print(f"{taken:6.1f} s, {used:5.1f} s computed  $ {command}", flush=True)
        if OURS.match(command):
            self.taken.append((command, used))
        return came

    def table(self):
        """The table for the page."""
        python = ".".join(platform.python_version_tuple()[:2])
        where = f"{len(os.sched_getaffinity(0))} cores, Python {python}"
        rows = [f"| `{command}` | {used:.1f} |" for command, used in self.taken]
        head = [f"| command | seconds, with {where} |", "|---|---:|"]
        return "\n".join([*head, *rows]) + "\n"


def computed():
    """Seconds that all processes computed which were started here and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def test_a_wrong_answer_is_noticed():
    assert alike("5 graded in 2.0 s\n...\nend\n", "5 graded in 3.1 s\nx\ny\nend\n")
    assert not alike("5 graded in 2.0 s\n", "4 graded in 2.0 s\n")


# A JupyterHub, as far as it can be had here: one account, and a home for each person.


JUDGE = "autograder.course.autograde.Judge"


def hub_blocks():
    """What the page has of a hub: the exchange's settings, a week, formgrader's."""
    hub = PAGE.read_text(encoding="utf-8").partition("**A JupyterHub**")[2]
    return re.findall(r"^```(?:python)?\n(.*?)^```$", hub, re.MULTILINE | re.DOTALL)[
        1:4
    ]


def in_a_fork(command, cwd, environment):
    """What a command says. Forked: nbgrader's imports take longer than its work."""
    words = shlex.split(command)
    words = words if words[0] == "nbgrader" else words[2:]  # python -m autograder
    log = cwd.parent / "said"
    child = os.fork()
    if child == 0:
        try:
            os.environ.update(environment)
            os.chdir(cwd)
            out = os.open(log, os.O_CREAT | os.O_TRUNC | os.O_WRONLY)
            os.dup2(out, 1)
            os.dup2(out, 2)
            sys.argv, status = words, 0
            sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
            logging.getLogger().handlers = []
            runpy.run_module(words[0], run_name="__main__", alter_sys=True)
        except SystemExit as end:
            status = end.code or 0
        except BaseException:
            traceback.print_exc()
            status = 1
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
    _, status = os.waitpid(child, 0)
    assert status == 0, f"{command}\n{log.read_text()}"
    return log.read_text()


def test_a_week_on_a_hub(tmp_path, monkeypatch):
    """Line by line: a learner fetches, hands in, and gets the feedback."""
    settings, week, formgrader = hub_blocks()
    exchange, everybody = tmp_path / "exchange", tmp_path / "jupyter"
    exchange.mkdir(mode=0o777)
    exchange.chmod(0o1777)
    everybody.mkdir()
    settings = settings.replace("/srv/nbgrader/exchange", str(exchange))
    (everybody / "nbgrader_config.py").write_text(settings)
    who = getpass.getuser()
    homes = {name: tmp_path / name for name in ("you", "learners")}
    course, roster = homes["you"] / "course", tmp_path / "roster.csv"
    roster.write_text(f"id\n{who}\n")
    make_course(course, roster=roster, only=["05_softmax"])
    assert course.stat().st_mode & 0o077 == 0  # nobody else reads the grades
    homes["learners"].mkdir()
    plain = {"JUPYTER_CONFIG_PATH": str(everybody), "TZ": "UTC"}

    def run(person, command):
        home = homes[person]
        cwd = course if person == "you" else home
        return in_a_fork(command, cwd, plain | {"HOME": str(home)})

    said, person = "", ""
    for name, commands in re.findall(r"^(\w*) +(.+)$", week, re.MULTILINE):
        person = name or person
        said += "".join(run(person, command) for command in commands.split("; "))
    assert "05_softmax: 1 graded" in said and "1 pages made" in said
    [page] = homes["learners"].glob("05_softmax/feedback/*/05_softmax.html")
    words = re.sub(r"<[^>]+>", " ", page.read_text(encoding="utf-8")).split()
    assert "softmax not written yet 0 of 4 points" in " ".join(words)
    assert not (homes["learners"] / "course").exists()

    # Formgrader starts in the home of the instructor: it has to take the same road.
    told = homes["you"] / ".jupyter" / "nbgrader_config.py"
    told.parent.mkdir()
    told.write_text(formgrader.replace("/home/jupyter-you", str(homes["you"])))
    for name in ("HOME", "JUPYTER_CONFIG_PATH"):
        monkeypatch.setenv(name, (plain | {"HOME": str(homes["you"])})[name])
    monkeypatch.chdir(homes["you"])
    app = NbGrader()
    app.load_config_file()
    assert app.config.CourseDirectory.root == str(course)
    assert JUDGE in app.config.Autograde.autograde_preprocessors


def as_written(command, answer, came):
    """The answer on the page where it still holds, with what it leaves out."""
    return answer if answer != "...\n" and alike(answer, came) else came


if __name__ == "__main__":
    clock = Clock(adopting=True)
    with tempfile.TemporaryDirectory() as folder:
        text = play(Path(folder), as_written, clock.run)
    PAGE.write_text(TABLE.sub(lambda _: clock.table(), text), encoding="utf-8")
