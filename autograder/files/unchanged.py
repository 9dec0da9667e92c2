"""What was found out about a file is known for as long as the file stays as it is."""

from collections.abc import Callable, Hashable
from functools import cache, wraps
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


def while_unchanged(function: Callable[..., T]) -> Callable[..., T]:
    """Keep what a function says of a file, its first argument, until that changes.

    A change is told by the file's time. What is kept is handed out as it is: whoever
    asks must not alter it.
    """

    @cache
    def kept(file: Path, _changed: int, *rest: Hashable) -> T:
        return function(file, *rest)

    @wraps(function)
    def known(file: Path, *rest: Hashable) -> T:
        return kept(file, file.stat().st_mtime_ns, *rest)

    return known
