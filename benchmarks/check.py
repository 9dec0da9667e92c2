"""How long `check` takes to answer, for every exercise: `python benchmarks/check.py`.

Measured in a real kernel, from the request to the reply: without a picture (the right
answer, several times), and with one (some of the declared mistakes, and an answer that
nobody declared, once each). Prints medians in ms; exits with 1 where one is too slow.
"""

import argparse
import statistics
import sys
import tempfile
import time

from jupyter_client.manager import start_new_kernel

from autograder.exercises.registry import discover

LIMITS = {"without": 50, "with": 400}  # ms, medians
IMPORT = "from autograder import check"
SETUP = """
import types
from autograder.exercises.registry import discover

def renamed(answer, name):
    if isinstance(answer, type):
        return type(name, (answer,), {})
    return types.FunctionType(
        answer.__code__,
        answer.__globals__,
        name,
        answer.__defaults__,
        answer.__closure__,
    )

def undeclared(reference):
    def spoiled(*arguments):
        return stretched(reference(*arguments))
    return spoiled

def stretched(value):
    if isinstance(value, tuple):
        return tuple(map(stretched, value))
    if isinstance(value, dict):
        return {key: stretched(item) for key, item in value.items()}
    return value * value + 1
"""


def main() -> int:
    """Measure, print the table, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=7, metavar="N")
    parser.add_argument("--mistakes", type=int, default=7, metavar="N")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        manager, client = start_new_kernel(cwd=folder)
        try:
            return _report(client, options.repeats, options.mistakes)
        finally:
            client.stop_channels()
            manager.shutdown_kernel(now=True)


def _report(client, repeats: int, mistakes: int) -> int:
    print(f"{'medians in ms':26} {'without':>8} {'with picture':>13}")
    print(f"{'importing autograder':26} {_seconds(client, IMPORT) * 1000:8.0f}  (once)")
    _seconds(client, SETUP)
    taken = {"without": [], "with": []}
    slow = []
    for name in discover():
        right, *wrong = _answers(name, mistakes)
        row = {
            "without": _check(client, name, [right] * (repeats + 1))[1:],  # warm then
            "with": _check(client, name, wrong),
        }
        medians = {kind: statistics.median(times) * 1000 for kind, times in row.items()}
        slow += [name for kind in LIMITS if medians[kind] > LIMITS[kind]]
        for kind, times in row.items():
            taken[kind] += times
        print(f"{name:26} {medians['without']:8.1f} {medians['with']:13.1f}")
    without, with_ = (statistics.median(taken[kind]) * 1000 for kind in LIMITS)
    print(f"{'all':26} {without:8.1f} {with_:13.1f}")
    print(f"too slow: {', '.join(slow)}" if slow else "all within 50 and 400 ms")
    return 1 if slow else 0


def _answers(name: str, mistakes: int) -> list[str]:
    """Expressions for answers: a right one, and wrong ones from all over the list."""
    exercise = f"discover()[{name!r}]"
    known = len(discover()[name].mistakes)
    chosen = range(0, known, max(1, known // mistakes))
    wrong = [f"{exercise}.mistakes[{number}]" for number in chosen]
    if not isinstance(discover()[name].reference, type):
        wrong.append(f"undeclared({exercise}.reference)")
    return [f"{exercise}.reference", *wrong]


def _check(client, name: str, answers: list[str]) -> list[float]:
    """Seconds of a call of `check` on each answer."""
    taken = []
    for answer in answers:
        _seconds(client, f"{name} = renamed({answer}, {name!r})")
        taken.append(_seconds(client, f"check({name})"))
    return taken


def _seconds(client, code: str) -> float:
    """Seconds from sending a cell to the kernel's being ready for the next one."""
    start = time.perf_counter()
    reply = client.execute_interactive(code, output_hook=lambda message: None)
    if reply["content"]["status"] != "ok":
        raise RuntimeError("\n".join(reply["content"]["traceback"]))
    return time.perf_counter() - start


if __name__ == "__main__":
    sys.exit(main())
