"""What one submission may use of the machine."""

import resource
from dataclasses import dataclass
from pathlib import Path

MEBI = 2**20


@dataclass(frozen=True)
class Limits:
    """What one submission may use.

    Seconds are wall time, except `cpu_seconds`. `memory_bytes` comes on top of
    the warm process; `output_bytes` is what is kept of a cell's prints.
    """

    call_seconds: float = 10
    total_seconds: float = 60
    cpu_seconds: int = 60
    memory_bytes: int = 1024 * MEBI
    threads: int = 64
    file_bytes: int = 16 * MEBI
    scratch_bytes: int = 64 * MEBI
    output_bytes: int = 64 * 1024
    result_bytes: int = 16 * MEBI


def limit_resources(limits: Limits):
    """Set the resource limits of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    size = pages * resource.getpagesize()
    for kind, amount in [
        (resource.RLIMIT_AS, size + limits.memory_bytes),
        (resource.RLIMIT_CPU, max(1, round(limits.cpu_seconds))),
        (resource.RLIMIT_FSIZE, limits.file_bytes),
        (resource.RLIMIT_NOFILE, 256),
        (resource.RLIMIT_CORE, 0),
    ]:
        resource.setrlimit(kind, (amount, amount))
