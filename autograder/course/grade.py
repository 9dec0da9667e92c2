"""Grade a class: everything in `submitted/`, on all cores, nothing lost.

For each submission, in this order: its graded notebook in `autograded/`, its scores
in the gradebook, its record in `.graded/`. Each is written whole or not at all, and
the record last. So whatever stops a run, at any moment, the next one grades exactly
what has no record, or has changed.
"""

import contextlib
import errno
import fcntl
import gc
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from autograder.course.changes import line_of
from autograder.course.desk import Desk, Summary
from autograder.course.folder import confirm_course
from autograder.course.pools import executor, results_of
from autograder.course.spare import spare_imports
from autograder.grading.assignment import CourseError, Options
from autograder.grading.submission import visible
from autograder.sandbox.tiers import SandboxUnavailable


def grade_chapter(
    course_folder: Path,
    chapter: str,
    jobs: int | None = None,
    scheduler: str | None = None,
    options: Options | None = None,
    tell=print,
) -> Summary:
    """Grade what is new or changed in `submitted/*/CHAPTER`; say what was done.

    jobs       processes on this machine; by default as many as there are cores.
    scheduler  address of a Dask scheduler, to use its machines instead.
    Raises CourseError, and SandboxUnavailable where nothing may be run.
    """
    begin = time.monotonic()
    root, options = course_folder.resolve(), options or Options()

    def say(line: str) -> None:
        """Names of files and messages of errors are a learner's to choose."""
        tell(visible(line))

    confirm_course(root)
    summary, todo = Summary(chapter), []
    handed_in = len(list(root.glob(f"submitted/*/{chapter}")))
    jobs = max(1, min(jobs or _cores(), handed_in))
    with _sole_grader(root), _stoppable() as asked:
        try:
            with executor(jobs, scheduler, options) as pool:
                pool.warm_up()  # while this process goes on importing
                desk, writer = _open(root, chapter, options)
                with writer:
                    todo = desk.todo(summary, say)
                    for line in writer.strangers():
                        say(line)
                    batches = results_of(pool, desk, todo, options, asked)
                    for results in _shown(batches, len(todo)):
                        saved, changes = desk.save(results, writer, say)
                        summary.graded += saved
                        summary.changes += changes
                        summary.tier = results[0].tier or summary.tier
                        _report(results, changes, say)
                    desk.update_lateness(writer, say)
        except KeyboardInterrupt:
            summary.interrupted = "Interrupted"
        except SandboxUnavailable:
            raise
        except OSError as error:
            full = error.errno == errno.ENOSPC or "disk is full" in str(error)
            remedy = "; free some space" if full else ""
            summary.interrupted = f"Stopped, {error}{remedy}"
    summary.missing = len(todo) - summary.graded
    summary.seconds = time.monotonic() - begin
    return summary


def _open(root: Path, chapter: str, options: Options):
    """The course's folders, and the writer to its gradebook."""
    gc.disable()  # what is loaded here stays: it is not looked through for garbage
    try:
        spare_imports()
        from autograder.course.gradebook import (
            GradebookWriter,
            load_assignment,
            load_course,
        )

        course = load_course(root)
        desk = Desk(course, load_assignment(course, chapter), options)
        return desk, GradebookWriter(course, chapter)
    finally:
        gc.freeze()
        gc.enable()


@contextlib.contextmanager
def _sole_grader(root: Path):
    """Hold the course's lock; it goes with the process, however that ends."""
    with open(root / ".grading.lock", "w", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CourseError(
                f"{root} is being graded already; wait until that run has ended"
            ) from None
        yield


@contextlib.contextmanager
def _stoppable() -> Iterator[threading.Event]:
    """Whether Ctrl-C or `kill` has asked a run to stop.

    It does so between two batches. An exception at any line could be swallowed by a
    library, or meet it half-way through a transaction. Asked twice, it stops at once.
    """
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked  # only the main thread hears signals
        return
    before: dict[int, Any] = {}

    def restore():
        for number, handler in before.items():
            signal.signal(number, handler)

    def ask(number, frame):
        asked.set()
        restore()

    for number in (signal.SIGINT, signal.SIGTERM):
        before[number] = signal.signal(number, ask)
    try:
        yield asked
    finally:
        restore()


def _cores() -> int:
    return len(os.sched_getaffinity(0))


# --- where the work is done ------------------------------------------------------


def _report(results, changes, tell):
    """One line for each submission that went wrong, and for each changed score."""
    for result in results:
        for line in [result.trouble] if result.trouble else result.notes:
            tell(f"{result.student}: {line}")
    for change in changes:
        tell(line_of(change))


def _shown(batches: Iterator[list], total: int) -> Iterator[list]:
    """The batches; on a terminal with how far the run is, and how long it will take."""
    bar = click.progressbar(
        length=total,
        label="Graded",
        show_pos=True,
        file=sys.stderr,
        hidden=not sys.stderr.isatty(),
    )
    with bar:
        for batch in batches:
            if not bar.hidden:
                click.echo("\r\033[K", nl=False, err=True)  # lines may be told now
            yield batch
            bar.update(len(batch))
