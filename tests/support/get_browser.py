"""The browser that the tests of pages drive: found, or got.

`python tests/support/get_browser.py` is what `make test` runs first. It tries, in this
order: a Chromium, Chrome or Edge that is installed; on Debian, for root, the
distribution's package; Playwright's own download. The first that starts is taken.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import firefox
from playwright.sync_api import sync_playwright

COMMANDS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "microsoft-edge",
    "microsoft-edge-stable",
)
APPLICATIONS = (  # macOS and Windows put nothing on the PATH
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
)
DRIVER = [sys.executable, "-m", "playwright", "--version"]
DOWNLOAD = [sys.executable, "-m", "playwright", "install", "chromium"]
HOW = f"""\
To get them, install Chromium or Chrome, and Firefox, as your system does it:
    sudo apt install chromium firefox-esr libatomic1        (Debian)
    brew install --cask chromium firefox                    (macOS)
or let Playwright download its own, and what it needs of the system:
    {" ".join(DOWNLOAD)} --with-deps"""


@cache
def found() -> str | None:
    """The path of a browser that starts; None where there is none, or none to drive."""
    return next(filter(_starts, _candidates()), None) if _succeeds(DRIVER) else None


def get() -> str | None:
    """The path of a browser, installed if need be; None where none can be had."""
    for install in (None, _install_chromium, _download):
        if install:
            install()
            found.cache_clear()
        if path := found():
            return path
    return None


def _candidates() -> Iterator[str]:
    yield from filter(None, map(shutil.which, COMMANDS))
    yield from filter(os.path.exists, APPLICATIONS)
    yield _playwrights_own()


def _playwrights_own() -> str:
    """Where Playwright keeps the one that it downloads, whether it is there or not."""
    with sync_playwright() as playwright:
        return playwright.chromium.executable_path


def _starts(path: str) -> bool:
    """Whether a browser is whole: what it needs of the system may be missing."""
    return _succeeds([path, "--version"])


def _succeeds(command: list[str]) -> bool:
    try:
        return subprocess.run(command, capture_output=True, timeout=60).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _install_chromium() -> None:
    # libatomic1: Playwright's own Node needs it, and says so in no other way.
    _install("chromium", "libatomic1")


def _install(*packages: str) -> None:
    """For root on Debian only: elsewhere a package is somebody's own decision."""
    if not (_is_debian() and os.geteuid() == 0):
        return
    print(
        f"Installing {', '.join(packages)} for the tests of the pages ...", flush=True
    )
    quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "-yqq", "--no-install-recommends", *packages]
    for command in (["apt-get", "update", "-qq"], install):
        subprocess.run(command, env=quiet, stdout=subprocess.DEVNULL)


def _is_debian() -> bool:
    """Debian itself: Ubuntu's package of this name is no more than a snap."""
    release = Path("/etc/os-release")
    return release.exists() and "ID=debian" in release.read_text("utf-8").splitlines()


def _download() -> None:
    print("Downloading a Chromium for the tests of the pages ...", flush=True)
    if subprocess.run(DOWNLOAD, capture_output=True).returncode:
        print("It could not be downloaded.", flush=True)


if __name__ == "__main__":
    path = get()
    if not firefox.installed():
        _install("firefox-esr")
    if not firefox.installed():
        print("There is no Firefox: what is tried in it as well is left out.")
    if path:
        print(f"The pages are tested in {path}.")
    elif _succeeds(DRIVER):
        print("There is no browser to be had.")
    else:
        print(f"Playwright, which drives it, does not start. See: {' '.join(DRIVER)}")
