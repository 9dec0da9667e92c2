"""A file is written whole or not at all."""

from pathlib import Path


def write_whole(path: Path, text: str, mode: int):
    """Write a file so that a reader sees the old one or the new one, never half."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)  # of a run that was killed
    part.write_text(text, encoding="utf-8")
    part.chmod(mode)
    part.replace(path)
