"""What a submission may read: the libraries of the system and of Python."""

import os
import sys
import sysconfig
from pathlib import Path

SYSTEM_PATHS = [
    "/usr",
    "/bin",
    "/lib",
    "/lib32",
    "/lib64",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/etc/fonts",
    "/etc/alternatives",
]


DEVICES = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"]


def readable_paths() -> list[str]:
    """The system's and Python's libraries: all that learners' code may read."""
    python = sysconfig.get_paths()
    libraries = [python[key] for key in ("stdlib", "platstdlib", "purelib", "platlib")]
    for prefix in (sys.prefix, sys.base_prefix):
        libraries += [f"{prefix}/lib", f"{prefix}/lib64"]
    paths = SYSTEM_PATHS + [os.path.realpath(path) for path in libraries] + libraries
    outermost: list[str] = []
    for path in sorted({path for path in paths if os.path.lexists(path)}):
        if not any(Path(path).is_relative_to(other) for other in outermost):
            outermost.append(path)
    return outermost


def readable_paths_in(root):
    """The readable paths that exist below a root."""
    return [path for path in PATHS if os.path.lexists(root + path)]


# Where the libraries are, found while the whole file tree can be seen.
PATHS = readable_paths()
