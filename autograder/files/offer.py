"""A new version is laid beside what is a person's own, never over it."""

import contextlib
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def handed_out_in(folder: Path) -> Iterator[dict[str, str]]:
    """The ledger of a folder, to be added to: name -> digest of what was handed out."""
    ledger = folder / ".handed_out.json"
    handed_out = _read(ledger)
    yield handed_out
    _write(ledger, json.dumps(handed_out, indent=1) + "\n")


def offer(
    text: str, mine: Path, newer: Path, handed_out: dict[str, str], what="the chapter"
) -> str | None:
    """Write a file where it is missing; offer a new version beside a person's copy.

    mine   the person's copy, `05_softmax.ipynb`; never written over.
    newer  where a version goes that was not handed out yet, `05_softmax.new.ipynb`.
    Returns what there is to say, if anything.
    """
    digest = _digest(text)
    if not _there(mine):
        said = f"{mine.relative_to(newer.parent)}: new"
        _write(mine, text)
    elif digest in (handed_out.get(mine.stem), _digest_of(mine)):
        said = None
    elif not _there(newer):
        said = f"{newer.name}: {what} has changed; yours is untouched"
        _write(newer, text)
    else:
        return (
            f"{newer.name} is there already and stays; rename or delete it to get "
            f"the newest version of {what}"
        )
    handed_out[mine.stem] = digest
    return said


def _there(path: Path) -> bool:
    """True where a name is taken, be it by a link that leads nowhere just now."""
    return path.is_symlink() or path.exists()


def _write(path: Path, text: str) -> None:
    """Write a whole file or none of it."""
    part = path.with_name(f"{path.name}.part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _digest_of(path: Path) -> str | None:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return None


def _read(ledger: Path) -> dict[str, str]:
    try:
        found = json.loads(ledger.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        found = None  # a lost ledger offers every chapter again, beside the learner's
    return found if isinstance(found, dict) else {}
