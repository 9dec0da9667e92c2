"""How long `check` takes to answer, for every exercise: `python benchmarks/check.py`.

Measured in a real kernel, from the request to the reply: without a picture (the right
answer, several times), and with one (some of the declared mistakes, and an answer that
nobody declared, once each). Prints medians in ms; exits with 1 where one is too slow.

`--beside ../old/.venv/bin/python` asks another version as well, in turns, and prints
how long this one takes for each second of the other: on the exercises and mistakes
that both have. A kernel may be a fifth slower than another one of the same version for
as long as it lives, the one that was started first above all; so all is measured again
in new ones, that are started in turns, too.
"""

import argparse
import contextlib
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import KernelManager

LIMITS = {"without": 50, "with": 400}  # ms, medians
IMPORT = "from autograder import check"
LOADING = "importing autograder, once"
Times = list[list[float]]  # of each version, the seconds of each call
SETUP = """
import types
try:
    from autograder.exercises.registry import discover
except ImportError:  # where it was until it moved
    from autograder.exercise import discover

def answers_of(name):
    exercise = discover()[name]
    known = {mistake.__name__: mistake for mistake in exercise.mistakes}
    if not isinstance(exercise.reference, type):
        known["(nobody declared it)"] = undeclared(exercise.reference)
    return known

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
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--repeats", type=int, default=7, metavar="N", help="of the right answer"
    )
    parser.add_argument(
        "--mistakes", type=int, default=7, metavar="N", help="of each exercise, about"
    )
    parser.add_argument(
        "--beside", type=Path, metavar="PYTHON", help="that of another version's .venv"
    )
    parser.add_argument(
        "--starts", type=int, metavar="N", help="of kernels: 4 with --beside, else 1"
    )
    options = parser.parse_args()
    versions = [Path(sys.executable), *([options.beside] if options.beside else [])]
    taken: dict[str, dict[str, Times]] = {}
    for start in range(options.starts or (4 if options.beside else 1)):
        with _kernels(versions, first=start % len(versions)) as clients:
            for row, times in _measured(clients, options.repeats, options.mistakes):
                print(f"\r\033[Kstart {start + 1}: {row}", end="", file=sys.stderr)
                _add(taken.setdefault(row, {}), times)
    print(file=sys.stderr)
    return _report(taken)


def _add(known: dict[str, Times], times: dict[str, Times]) -> None:
    for kind, found in times.items():
        all_of_kind = known.setdefault(kind, [[] for _ in found])
        for all_of_one, own in zip(all_of_kind, found, strict=True):
            all_of_one += own


@contextlib.contextmanager
def _kernels(versions: list[Path], first: int) -> Iterator[list]:
    """A client for each version, the one at the place `first` started first."""
    order = versions[first:] + versions[:first]
    with contextlib.ExitStack() as opened:
        clients = {python: opened.enter_context(_kernel(python)) for python in order}
        yield [clients[python] for python in versions]


@contextlib.contextmanager
def _kernel(python: Path) -> Iterator:
    """A client of a kernel that runs in an installation of this book."""
    argv = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    with tempfile.TemporaryDirectory() as folder:
        spec = Path(folder, "kernels", "measured", "kernel.json")
        spec.parent.mkdir(parents=True)
        spec.write_text(json.dumps({"argv": argv, "display_name": "", "language": ""}))
        known = KernelSpecManager(kernel_dirs=[str(spec.parents[1])])
        manager = KernelManager(kernel_name="measured", kernel_spec_manager=known)
        manager.start_kernel(cwd=folder)
        client = manager.client()
        try:
            client.start_channels()
            client.wait_for_ready(timeout=60)
            yield client
        finally:
            client.stop_channels()
            manager.shutdown_kernel(now=True)


def _measured(clients: list, repeats: int, mistakes: int) -> Iterator:
    """(row of the table, kind -> seconds of each call, of each version)."""
    yield LOADING, {"without": [[_seconds(client, IMPORT)] for client in clients]}
    for client in clients:
        _seconds(client, SETUP)
    for name in _common(clients, "list(discover())"):
        right, *wrong = _answers(clients, name, mistakes)
        times = {
            "without": _check(clients, name, [right] * (repeats + 1), warm=1),
            "with": _check(clients, name, wrong),
        }
        yield name, times


def _report(taken: dict[str, dict[str, Times]]) -> int:
    print(f"{'medians in ms':26} {'without':>10} {'with picture':>17}")
    print(_row(LOADING, map(_medians, taken.pop(LOADING).values())))
    slow = []
    for name, times in taken.items():
        medians = {kind: _medians(times[kind]) for kind in LIMITS}
        slow += [name for kind in LIMITS if medians[kind][0] > LIMITS[kind]]
        print(_row(name, medians.values()))
    every = {
        kind: zip(*(times[kind] for times in taken.values()), strict=True)
        for kind in LIMITS
    }
    print(_row("all", [_medians(map(_joined, every[kind])) for kind in LIMITS]))
    print(f"too slow: {', '.join(slow)}" if slow else "all within 50 and 400 ms")
    return 1 if slow else 0


def _joined(lists: Iterable[list[float]]) -> list[float]:
    return [second for one in lists for second in one]


def _medians(times: Iterable[list[float]]) -> list[float]:
    """In ms, of each version."""
    return [statistics.median(own) * 1000 for own in times]


def _row(name: str, cells) -> str:
    """A line of the table: the times here and, of another version, the ratio."""
    shown = (
        f"{own:10.1f}" + "".join(f" ({own / other:.2f})" for other in others)
        for own, *others in cells
    )
    return f"{name:26} {' '.join(shown)}"


def _common(clients: list, expression: str) -> list[str]:
    """Of the texts that an expression gives, those that it gives in all versions."""
    first, *others = [_value(client, expression) for client in clients]
    return [text for text in first if all(text in other for other in others)]


def _answers(clients: list, name: str, mistakes: int) -> list[str]:
    """Expressions for answers: a right one, and wrong ones from all over the list."""
    known = _common(clients, f"list(answers_of({name!r}))")
    chosen = known[:: max(1, len(known) // mistakes)]
    wrong = [f"answers_of({name!r})[{each!r}]" for each in chosen]
    return [f"discover()[{name!r}].reference", *wrong]


def _check(clients: list, name: str, answers: list[str], warm: int = 0) -> Times:
    """Seconds of a call of `check` on each answer, of each version; the first ones,
    which warm it up, are not counted.
    """
    taken: Times = [[] for _ in clients]
    turns = list(zip(clients, taken, strict=True))
    for answer in answers:
        turns.reverse()  # who comes second waits for a core that sleeps
        for client, own in turns:
            _seconds(client, f"{name} = renamed({answer}, {name!r})")
            own.append(_seconds(client, f"check({name})"))
    return [own[warm:] for own in taken]


def _value(client, expression: str) -> list[str]:
    """What an expression gives in a kernel: texts."""
    return json.loads(_printed(client, f"import json; print(json.dumps({expression}))"))


def _seconds(client, code: str) -> float:
    """Seconds from sending a cell to the kernel's being ready for the next one."""
    start = time.perf_counter()
    _printed(client, code)
    return time.perf_counter() - start


def _printed(client, code: str) -> str:
    """What a cell prints. RuntimeError where it fails."""
    said = []

    def heard(message):
        if message["msg_type"] == "stream":
            said.append(message["content"]["text"])

    reply = client.execute_interactive(code, output_hook=heard)
    if reply["content"]["status"] != "ok":
        raise RuntimeError("\n".join(reply["content"]["traceback"]))
    return "".join(said)


if __name__ == "__main__":
    sys.exit(main())
