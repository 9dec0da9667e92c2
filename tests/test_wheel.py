"""The wheel: what is installed from it works, far from the repository."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
PINNED = {
    line.partition("==")[0].lower().replace("_", "-")
    for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    if "==" in line
}


def pip(*arguments):
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def tracked():
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [file for file in done.stdout.splitlines() if (ROOT / file).is_file()]


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The wheel's contents in a folder of their own. It is built from a copy, without
    what an earlier build has left.
    """
    folder = tmp_path_factory.mktemp("wheel")
    for file in tracked():
        (folder / "source" / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / file, folder / "source" / file)
    pip("wheel", "--no-deps", "--wheel-dir", str(folder), str(folder / "source"))
    [wheel] = folder.glob("*.whl")
    pip("install", "--no-deps", "--target", str(folder / "site"), str(wheel))
    return folder / "site"


@pytest.mark.slow
def test_it_judges_a_file(installed, tmp_path):
    file = tmp_path / "answers.py"
    file.write_text("def scores(Q, K):\n    return Q @ K.T\n")
    done = subprocess.run(
        [sys.executable, "-P", "-m", "autograder", "judge", file],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "scores" in done.stdout


@pytest.mark.slow
def test_every_file_that_is_no_code_is_in_it(installed):
    """Themes, templates, scripts, chapters: whatever lies beside the modules."""
    packages = ("autograder/", "book/", "solutions/")
    wanted = [file for file in tracked() if file.startswith(packages)]
    assert wanted
    assert not [file for file in wanted if not (installed / file).is_file()]


def test_what_is_declared_is_pinned_and_said_once():
    """Declared in pyproject.toml, pinned in constraints.txt, and repeated nowhere."""
    groups = PROJECT["optional-dependencies"]
    declared = [
        *PROJECT["dependencies"],
        *(name for g in groups.values() for name in g),
    ]
    names = [re.split(r"[<>=]", requirement)[0] for requirement in declared]
    assert len(names) == len(set(names))
    assert set(names) <= PINNED
    lines = (ROOT / "requirements.txt").read_text("utf-8").splitlines()
    wanted = ["-c constraints.txt", f"-e .[{','.join(groups)}]"]
    assert [line for line in lines if not line.startswith("#")] == wanted
