"""Warm processes: one for each kind of cell, kept for the next submission."""

import json
import threading
from dataclasses import asdict

from autograder.grading.assignment import Options
from autograder.sandbox.engine import Engine, start_together

HEAVY = {"torch": "torch", "matplotlib": "matplotlib.pyplot"}


_engines = threading.local()  # an engine serves one thread


def engine_for(sources: list[str], options: Options) -> Engine:
    """The warm process for these cells: one without torch is ready much sooner."""
    text = "\n".join(sources)
    heavy = tuple(HEAVY.values()) if any(word in text for word in HEAVY) else ()
    engines = vars(_engines).setdefault("engines", {})
    key = _key(options, heavy)
    if key not in engines:
        engines[key] = _engine(options, heavy).__enter__()
    return engines[key]


def _key(options: Options, heavy: tuple[str, ...] = ()) -> tuple:
    return heavy, json.dumps(asdict(options), sort_keys=True)


def _engine(options: Options, heavy: tuple[str, ...] = ()) -> Engine:
    preload = ("numpy", *heavy)
    return Engine(options.limits, options.allow_unsafe, options.tiers, preload)


def warm_up(options: Options):
    """Start a warm process ahead of the first submission."""
    engine_for([], options)


def engines_for_forks(options: Options, count: int) -> list[Engine]:
    """As many warm processes, started at once, for forks of this process to use."""
    engines = [_engine(options) for _ in range(count)]
    start_together(engines)
    return engines


def use_engine(engine: Engine, options: Options):
    """Take over a warm process that the parent of this fork started."""
    vars(_engines).setdefault("engines", {})[_key(options)] = engine.__enter__()


def stop_engines():
    """End this thread's warm processes. They also end with this process."""
    for engine in vars(_engines).pop("engines", {}).values():
        engine.__exit__(None, None, None)
