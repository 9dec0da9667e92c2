"""The two commands of the README where nobody has installed anything by hand."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import get_browser
import pytest

ROOT = Path(__file__).parent.parent
PAGES = """
def test_a_page(chromium): pass
def test_another(chromium): pass
def test_a_number(): pass
"""


# Getting a browser.


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine without a browser, whose folder of programs is empty."""
    programs = tmp_path / "programs"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path / "downloaded"))
    monkeypatch.setattr(get_browser, "APPLICATIONS", ())
    monkeypatch.setattr(get_browser, "_playwrights_own", lambda: str(tmp_path / "own"))
    monkeypatch.setattr(get_browser, "_is_debian", lambda: False)
    monkeypatch.setattr(get_browser, "DOWNLOAD", _command("raise SystemExit(1)"))
    get_browser.found.cache_clear()
    yield tmp_path
    get_browser.found.cache_clear()


def _command(code):
    return [sys.executable, "-c", code]


def _program(file, status=0):
    file.write_text(f"#!/bin/sh\nexit {status}\n")
    file.chmod(0o755)
    return str(file)


def test_an_installed_one_is_taken_and_nothing_is_fetched(machine, monkeypatch):
    monkeypatch.setattr(get_browser, "_download", lambda: pytest.fail("fetched"))
    chrome = _program(machine / "programs" / "google-chrome")
    assert get_browser.get() == chrome


def test_one_that_does_not_start_is_passed_over(machine):
    _program(machine / "programs" / "chromium", status=127)  # a library is missing
    chrome = _program(machine / "programs" / "google-chrome")
    assert get_browser.get() == chrome


def test_one_that_cannot_be_driven_is_none(machine, monkeypatch):
    """On a bare Debian a library is missing that Playwright's own Node needs."""
    _program(machine / "programs" / "chromium")
    monkeypatch.setattr(get_browser, "DRIVER", _command("raise SystemExit(127)"))
    assert get_browser.get() is None


def test_else_playwrights_own_is_fetched(machine, monkeypatch):
    own = machine / "own"
    code = f"import shutil; shutil.copy({_program(machine / 'x')!r}, {str(own)!r})"
    monkeypatch.setattr(get_browser, "DOWNLOAD", _command(code))
    assert get_browser.get() == str(own)


def test_where_none_can_be_had_nothing_is_raised(machine, capfd):
    assert get_browser.get() is None
    assert "could not be downloaded" in capfd.readouterr().out


@pytest.mark.parametrize(("user", "installed"), [(0, True), (1000, False)])
def test_on_debian_root_installs_the_package(machine, monkeypatch, user, installed):
    programs = machine / "programs"
    chromium = programs / "chromium"
    body = f'case "$1" in install) printf "#!/bin/sh\\n" >{chromium};'
    body += f" {shutil.which('chmod', path='/bin:/usr/bin')} +x {chromium};; esac"
    (programs / "apt-get").write_text(f"#!/bin/sh\n{body}\n")
    (programs / "apt-get").chmod(0o755)
    monkeypatch.setattr(get_browser, "_is_debian", lambda: True)
    monkeypatch.setattr(os, "geteuid", lambda: user)
    assert get_browser.get() == (str(chromium) if installed else None)


# Running the tests without one.


@pytest.fixture(scope="module")
def outside(tmp_path_factory):
    """A few tests of a project with this conftest."""
    folder = tmp_path_factory.mktemp("outside")
    shutil.copy(ROOT / "tests" / "conftest.py", folder)
    (folder / "test_pages.py").write_text(PAGES)
    return folder


@pytest.mark.parametrize(
    ("options", "status"),
    [([], 1), (["-n2"], 1), (["--browser=no"], 0), (["-k", "number"], 0)],
    ids=["needed", "in parallel", "not wanted", "not asked for"],
)
def test_without_a_browser_all_else_is_run(outside, options, status):
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-ra", "--rootdir=.", *options, "."],
        cwd=outside,
        capture_output=True,
        text=True,
        env=os.environ
        | {
            "PATH": "",
            "PLAYWRIGHT_BROWSERS_PATH": str(outside / "none"),
            "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests' / 'support'}",
        },
    )
    assert done.returncode == status, done.stdout + done.stderr
    assert "1 passed" in done.stdout and "failed" not in done.stdout
    blocks = done.stdout.count("Not run: what needs a browser")
    assert blocks == ("-k" not in options)
    assert done.stdout.count("test_pages.py: 2 tests") == blocks
    assert ("make test BROWSER=no" in done.stdout) == bool(status)


# What CI does.


def test_ci_gives_nothing_that_make_test_does_not():
    lines = (ROOT / ".ci" / "run").read_text("utf-8").splitlines()
    commands = [line.strip() for line in lines if line and not line.startswith("#")]
    assert commands[-1] == "make test"
    installed = [line for line in commands if "apt-get install" in line]
    assert [line.split()[-2:] for line in installed] == [["make", ">/dev/null"]]


def test_uv_installs_where_it_is_there_and_pip_where_it_fails():
    shown = subprocess.run(
        ["make", "-n", "-W", "requirements.txt", "install"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    ).stdout
    tried = shown.index("command -v uv"), shown.index("uv pip install")
    assert tried < (shown.index("-m pip install"),) * 2
    assert "--torch-backend cpu" in shown  # gigabytes less
