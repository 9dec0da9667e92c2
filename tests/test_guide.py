"""The instructor's guide: each command on the page is run, and answers as it says.

    python tests/test_guide.py

runs the commands and writes what they answer into the page. Look at what it changed.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat
import pytest

from autograder.chapters.toc import ROOT
from autograder.exercises.registry import discover
from autograder.exercises.source import renamed

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="graded runs need Linux"
)
PAGE = ROOT / "book" / "teaching.md"
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MEASURED = re.compile(r"\d+(\.\d+)?(?= (s|ms|KiB|MiB)\b)")  # differs from run to run
PARTS = ("Makefile", "requirements.txt", "constraints.txt", "pyproject.toml")


def commands(block):
    """(command, answer) of a block: lines after `$`, and what stands below each."""
    parts = re.split(r"^\$ (.*)\n", block, flags=re.MULTILINE)
    return list(zip(parts[1::2], parts[2::2], strict=True))


class Desk:
    """A folder like this project's, as far as the guide needs one, and a shell."""

    def __init__(self, folder):
        self.folder = self.cwd = folder
        for part in PARTS:
            (folder / part).symlink_to(ROOT / part)
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


def play(folder, compare):
    """Run all commands in order; `compare(command, answer, came)` gives the answer to
    write down.
    """
    desk = Desk(folder)

    def played(block):
        lines = [
            f"$ {command}\n{compare(command, answer, desk.run(command, answer))}"
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

    play(tmp_path, compare)


def test_a_wrong_answer_is_noticed():
    assert alike("5 graded in 2.0 s\n...\nend\n", "5 graded in 3.1 s\nx\ny\nend\n")
    assert not alike("5 graded in 2.0 s\n", "4 graded in 2.0 s\n")


def as_written(command, answer, came):
    """The answer on the page where it still holds, with what it leaves out."""
    return answer if answer != "...\n" and alike(answer, came) else came


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        text = play(Path(folder), as_written)
    PAGE.write_text(text, encoding="utf-8")
