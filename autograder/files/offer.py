"""A new version is laid beside what is a person's own, never over it."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

from autograder.files.whole import digest_of, write_whole


@contextlib.contextmanager
def handed_out_in(folder: Path) -> Iterator[dict[str, str]]:
    """The ledger of a folder, to be added to: name -> digest of what was handed out."""
    ledger = folder / ".handed_out.json"
    handed_out = _read(ledger)
    yield handed_out
    write_whole(ledger, json.dumps(handed_out, indent=1) + "\n")


def offer(
    text: str,
    mine: Path,
    newer: Path,
    handed_out: dict[str, str],
    what: str = "the chapter",
) -> str | None:
    """Write a file where it is missing; offer a new version beside a person's copy.

    mine   the person's copy, `05_softmax.ipynb`; never written over.
    newer  where a version goes that was not handed out yet, `05_softmax.new.ipynb`.
    Returns what there is to say, if anything.
    """
    digest = digest_of(text)
    if not is_taken(mine):
        said = f"{mine.relative_to(newer.parent)}: new"
        write_whole(mine, text)
    elif digest in (handed_out.get(mine.stem), _digest_at(mine)):
        said = None
    elif not is_taken(newer):
        said = f"{newer.name}: {what} has changed; yours is untouched"
        write_whole(newer, text)
    else:
        return (
            f"{newer.name} is there already and stays; rename or delete it to get "
            f"the newest version of {what}"
        )
    handed_out[mine.stem] = digest
    return said


def is_taken(path: Path) -> bool:
    """True where a name is taken, be it by a link that leads nowhere just now."""
    return path.is_symlink() or path.exists()


def _digest_at(path: Path) -> str | None:
    try:
        return digest_of(path.read_bytes())
    except OSError:
        return None


def _read(ledger: Path) -> dict[str, str]:
    try:
        found = json.loads(ledger.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        found = None  # a lost ledger offers every chapter again, beside the learner's
    return found if isinstance(found, dict) else {}
