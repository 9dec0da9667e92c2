"""A file is written whole or not at all, and told from others by its digest."""

import hashlib
from pathlib import Path


def write_whole(path: Path, content: str | bytes, mode: int | None = None) -> None:
    """Write a file so that a reader sees the old one or the new one, never half.

    content  text, written in UTF-8 with its line ends as they are, or bytes.
    mode     the permissions, as 0o600; by default what the system gives a new file.
    """
    data = content.encode() if isinstance(content, str) else content
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)  # of a run that was killed
    try:
        part.write_bytes(data)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(data)
    if mode is not None:
        part.chmod(mode)
    part.replace(path)


def digest_of(content: str | bytes) -> str:
    """SHA-256 of a text in UTF-8 or of bytes, in hexadecimal: 64 digits."""
    data = content.encode() if isinstance(content, str) else content
    return hashlib.sha256(data).hexdigest()
