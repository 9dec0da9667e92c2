"""Chapters that have to run, run ahead of the reading: all cores at once.

Sphinx reads one page after the other, and myst-nb runs a chapter where it is read. So
what is stale is run here before, and laid into the cache (jupyter-cache) in which
myst-nb then finds it. A chapter that fails is left to myst-nb, which runs it again
and says what is wrong.

A chapter that measures time runs alone, after all others: on a busy machine it would
measure its neighbours. So does one that quotes such measurements, and it finds them.
"""

import ast
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from jupyter_cache.executors.utils import single_nb_execution
from myst_nb.core.read import create_nb_reader, is_myst_markdown_notebook
from nbformat import NotebookNode

from autograder.chapters.dependencies import imported

from .sources import code_of, marked

MOST = 8  # kernels at once: each holds PyTorch in memory
QUIET = ["--log-level=40"]  # errors alone; a warning at each start says nothing new


@dataclass
class Run:
    """A chapter that has to run."""

    page: str
    path: Path
    notebook: NotebookNode
    timeout: int
    experiments: int  # how many of them it runs through: these are what takes long
    alone: bool


def setup(app):
    app.connect("env-get-outdated", failed)
    app.connect("env-before-read-docs", run_ahead)


def failed(app, env, added, changed, removed):
    """The pages to read again since a cell of theirs failed the last time. Sphinx would
    take them for done, and a second build would pass in silence.
    """
    ran = getattr(env, "nb_metadata", {})
    data = {page: found.get("exec_data", {}) for page, found in ran.items()}
    return [page for page, run in data.items() if not run.get("succeeded", True)]


def run_ahead(app, env, pages):
    """Run what is stale of the pages that are about to be read."""
    cache = get_cache(env.mystnb_config.execution_cache_path)
    runs = [run for page in sorted(pages) if (run := _stale(env, cache, page))]
    if not runs:
        return
    together = [run for run in runs if not run.alone]
    together.sort(key=lambda run: -run.experiments)
    workers = min(_cores(), MOST, len(together) or 1)
    _tell(f"Running {len(runs)} chapters, {workers} at once, the longest first ...")
    alone = [run for run in runs if run.alone]
    ended = chain(finished(together, workers), finished(alone, 1))
    for number, (run, notebook, seconds, fine) in enumerate(ended, 1):
        count = f"{number:{len(str(len(runs)))}} of {len(runs)}"
        told = f"{seconds:4.0f} s" if fine else "failed"
        _tell(f"  {count}  {told}  {run.page}")
        if fine:
            data = {"execution_seconds": seconds}
            bundle = CacheBundleIn(notebook, str(run.path), data=data)
            cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)


def _stale(env, cache, page):
    """How to run a page; None for one that is no notebook, or whose run is kept."""
    path, root = Path(env.doc2path(page)), Path(env.srcdir)
    text = path.read_text("utf-8")
    if not is_myst_markdown_notebook(text):
        return None
    text, files = marked(text, root)
    config = env.mystnb_config
    notebook = create_nb_reader(str(path), env.myst_config, config, text).read(text)
    try:
        cache.match_cache_notebook(notebook)
    except KeyError:
        own = [file for file in files if root / "book" in file.parents]
        experiments = sum(file.parent.name == "experiments" for file in own)
        alone = measures_time(code_of(text), own)
        return Run(page, path, notebook, config.execution_timeout, experiments, alone)
    return None


def measures_time(code, files):
    """Whether a chapter's code, or a file of the book that it runs, reads a clock."""
    sources = [code, *(file.read_text("utf-8") for file in files)]
    return any("time" in imported(ast.walk(ast.parse(source))) for source in sources)


def finished(runs, workers):
    """Run chapters, some at once; yield each as it ends, with what came of it."""
    with ProcessPoolExecutor(workers) as pool:
        todo = {
            pool.submit(_run, r.notebook, str(r.path.parent), r.timeout): r
            for r in runs
        }
        for future in as_completed(todo):
            yield todo[future], *future.result()


def _run(notebook, folder, timeout):
    """In a process of its own: (the notebook, seconds, did every cell run?)."""
    start = time.monotonic()
    done = single_nb_execution(
        notebook, folder, timeout, allow_errors=False, extra_arguments=QUIET
    )
    return notebook, time.monotonic() - start, done.err is None


def _cores():
    """How many cores this process may use: in a container, perhaps not all."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _tell(line):
    """Said even where Sphinx is quiet: somebody waits for it."""
    print(line, file=sys.stderr, flush=True)
