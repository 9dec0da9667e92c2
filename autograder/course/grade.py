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
import glob
import importlib.util
import json
import os
import signal
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Iterator
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    Executor,
    Future,
    ProcessPoolExecutor,
    wait,
)
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from types import ModuleType

from autograder.course.changes import changed_scores, line_of
from autograder.exercises.registry import discover
from autograder.files.whole import write_whole
from autograder.grading import submission
from autograder.grading.assess import (
    HEAVY,
    Assignment,
    CourseError,
    Options,
    Result,
    digest_of,
    engines_for_forks,
    grade_batch,
    refuse,
    use_engine,
    versions,
    warm_up,
)
from autograder.grading.submission import UnreadableError, visible
from autograder.sandbox import tiers as sandbox
from autograder.sandbox.engine import Engine
from autograder.sandbox.tiers import SandboxUnavailable

BATCH = 8  # submissions a task, at most: one transaction, what an interrupt can cost
LOST_WORKERS = 3  # how many submissions a run, at most, may each end a process
LISTEN_SECONDS = 0.2  # how long Ctrl-C may wait to be heard
RECORDS = ".graded"


@dataclass(frozen=True)
class Entry:
    """One submission on disk, by the digest of what it held when it was found."""

    student: str
    folder: Path
    digest: str
    heavy: bool  # mentions a module that takes long to import


@dataclass
class Summary:
    """What a run did."""

    chapter: str
    graded: int = 0
    unchanged: int = 0
    missing: int = 0
    seconds: float = 0.0
    tier: str | None = None
    interrupted: str | None = None
    changes: list[dict] = field(default_factory=list)  # scores that are others now

    def lines(self) -> Iterator[str]:
        """The summary for people."""
        each = 1000 * self.seconds / self.graded if self.graded else 0
        yield (
            f"{self.chapter}: {self.graded} graded in {self.seconds:.1f} s "
            f"({each:.0f} ms each), {self.unchanged} unchanged"
        )
        if self.interrupted:
            yield (
                f"{self.interrupted}: {self.missing} are left. Nothing that was graded "
                "is lost; run the same command again to finish."
            )


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
    say = tell  # names of files and messages of errors are a learner's to choose

    def tell(line):
        say(visible(line))

    if not (root / "nbgrader_config.py").is_file():
        raise CourseError(
            f"{root} is no nbgrader course; make one with `python -m autograder "
            f"course {root}`, or name yours with --course"
        )
    summary, todo = Summary(chapter), []
    handed_in = len(list(root.glob(f"submitted/*/{chapter}")))
    jobs = max(1, min(jobs or _cores(), handed_in))
    with _sole_grader(root), _stoppable() as asked:
        try:
            with _executor(jobs, scheduler, options) as pool:
                pool.warm_up()  # while this process goes on importing
                desk, writer = _open(root, chapter, options)
                with writer:
                    todo = desk.todo(summary, tell)
                    for results in _graded(pool, desk, todo, options, asked):
                        saved, changes = desk.save(results, writer, tell)
                        summary.graded += saved
                        summary.changes += changes
                        summary.tier = results[0].tier or summary.tier
                        _report(results, changes, tell)
                        _progress(summary.graded, len(todo), begin)
                    desk.update_lateness(writer, tell)
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
        desk = _Desk(course, load_assignment(course, chapter), options)
        return desk, GradebookWriter(course, chapter)
    finally:
        gc.freeze()
        gc.enable()


def spare_imports():
    """Leave out what opening nbgrader's gradebook loads and grading has no use for.

    It is most of the time that a small class takes.
    """
    if "nbgrader" in sys.modules:
        return
    # jsonschema would load the grammars of addresses and times; no notebook has one.
    for grammar in ("rfc3987_syntax", "rfc3986_validator", "isoduration"):
        sys.modules.setdefault(grammar, None)
    # nbgrader would load its extensions of the Jupyter server.
    sys.modules["nbgrader"] = _package_of_modules("nbgrader")
    # It would load how to check a notebook, to unzip, and to ask JupyterHub.
    before = set(sys.modules)
    if "nbformat" not in before:
        sys.modules["nbformat"] = _package_of_modules("nbformat")
    for name in {"setuptools", "setuptools.archive_util", "requests"} - before:
        sys.modules[name] = stand_in = ModuleType(name)
        stand_in.__getattr__ = partial(_function_of, name)
    stand_ins = set(sys.modules) - before
    importlib.import_module("nbgrader.utils")
    importlib.import_module("nbgrader.auth")
    for name in set(sys.modules) - before:  # the true ones can still be imported
        if {name, name.partition(".")[0]} & stand_ins:
            del sys.modules[name]


def _package_of_modules(name: str) -> ModuleType:
    """A package whose modules can be imported, its own code not run."""
    spec = importlib.util.find_spec(name)
    spec.loader = None
    return importlib.util.module_from_spec(spec)


def _function_of(module: str, name: str):
    """A function whose module is imported when it is called."""
    return lambda *arguments, **options: getattr(importlib.import_module(module), name)(
        *arguments, **options
    )


class _Desk:
    """The folders of a course, for one chapter."""

    def __init__(self, course, assignment: Assignment, options: Options):
        self.course, self.assignment = course, assignment
        self.limits = asdict(options.limits)
        self.chapter = assignment.chapter
        self.fingerprint = assignment.fingerprint()
        self.exercises = assignment.exercises()
        self.versions = versions()
        self.records = Path(course.root) / RECORDS / self.chapter
        self.done: list[Entry] = []  # what `todo` found graded already

    def todo(self, summary: Summary, tell) -> list[Entry]:
        """What is new or has changed."""
        self.done, todo = [], []
        for entry in self.entries(tell):
            (self.done if self.is_done(entry) else todo).append(entry)
        summary.unchanged = len(self.done)
        return sorted(todo, key=lambda entry: entry.heavy)  # those wait for an import

    def update_lateness(self, writer, tell):
        """Have what lateness costs recomputed where nothing was graded anew: a due
        date, a score given by hand or the policy itself may be another one now.
        """
        from autograder.course.gradebook import handed_in_at

        times = {entry.student: handed_in_at(entry.folder) for entry in self.done}
        for student, (before, now) in sorted(writer.update_lateness(times).items()):
            tell(f"{student}: late penalty {before:.4g} -> {now:.4g}")

    def entries(self, tell) -> list[Entry]:
        """Every submission, the broken ones too, in the order of the students."""
        from autograder.course.gradebook import pattern_of

        step = self.course.submitted_directory
        patterns = [pattern_of(self.course, step, s, self.chapter) for s in ("*", ".*")]
        found = []
        for name in sorted(name for p in patterns for name in glob.glob(p)):
            folder = Path(name)
            student = folder.parent.name
            if student.startswith(".") or not student.isprintable():
                tell(f"{student!r}: no name for a student; rename this folder")
                continue
            data = self.data(folder, tell)
            raw = data if isinstance(data, bytes) else data.encode()
            heavy = any(module.encode() in raw for module in HEAVY)
            found.append(Entry(student, folder, digest_of(raw), heavy))
        if not found:
            tell(f"There is nothing in {self._handed_in('*')}")
        return found

    def data(self, folder, tell=lambda line: None) -> bytes | str:
        """A submission's notebook, or the trouble with it, for the learner."""
        try:
            path = self._notebook(folder)
            if path.name != f"{self.chapter}.ipynb":
                tell(f"{folder.parent.name}: took {path.name} for {self.chapter}.ipynb")
            return submission.read(path)
        except UnreadableError as error:
            return str(error)

    def _notebook(self, folder: Path) -> Path:
        """The notebook under its own name, or the only one that is there."""
        path = folder / f"{self.chapter}.ipynb"
        if folder.is_symlink() or folder.parent.is_symlink() or not folder.is_dir():
            raise UnreadableError(
                "What was handed in is a link or a file; a folder with the notebook "
                "is expected."
            )
        others = sorted(folder.glob("*.ipynb"))
        if os.path.lexists(path) or len(others) != 1:
            return path
        return others[0]

    def is_done(self, entry: Entry) -> bool:
        """Whether the last run graded exactly this, with the exercises as they are."""
        record = self._recorded(entry.student)
        return (
            record.get("submission") == entry.digest
            and record.get("assignment") == self.fingerprint
            and self._graded_notebook(entry.student).is_file()
        )

    def _recorded(self, student) -> dict:
        """What the last run wrote of a student; empty where there is no such thing."""
        try:
            record = json.loads(self._record(student).read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return record if isinstance(record, dict) else {}

    def save(self, results: list[Result], writer, tell) -> tuple[int, list[dict]]:
        """Notebooks, scores, records: in this order.

        Returns of how many all is written, and the changed scores.
        """
        batch, saved, changes = [], 0, []
        for result in results:
            with _alone(result.student, tell):
                batch.append(self._save_notebook(result))
        writer.save(batch)
        for graded in batch:
            with _alone(graded.result.student, tell):
                changes += self._save_record(graded.result)
                saved += 1
        return saved, changes

    def _save_notebook(self, result: Result):
        from autograder.course.gradebook import TIMESTAMP, Graded, handed_in_at, stamp

        path = self._graded_notebook(result.student)
        write_whole(path, result.notebook, 0o444)
        time_stamp = handed_in_at(self._handed_in(result.student))
        if time_stamp:  # by this, generate_feedback knows what is new
            write_whole(path.with_name(TIMESTAMP), stamp(time_stamp), 0o444)
        return Graded(result, time_stamp)

    def _save_record(self, result: Result) -> list[dict]:
        record = self._about(result)
        changes = changed_scores(self._recorded(result.student), record)
        record["changes"] = changes
        text = json.dumps(record, indent=1, ensure_ascii=False)
        write_whole(self._record(result.student), text + "\n", 0o600)
        return changes

    def _about(self, result: Result) -> dict:
        """The record: what was judged, how to repeat it, what came out."""
        return {
            "student": result.student,
            "chapter": self.chapter,
            "submission": result.digest,
            "assignment": self.fingerprint,
            "exercises": self.exercises,
            "seed": self.assignment.seed,
            "limits": self.limits,
            "versions": self.versions,
            "sandbox": result.tier,
            "graded": datetime.now(UTC).isoformat(timespec="seconds"),
            "seconds": result.seconds,
            "trouble": result.trouble,
            "notes": result.notes,
            "scores": result.scores,
            "verdicts": result.verdicts,
        }

    def _record(self, student) -> Path:
        return self.records / f"{student}.json"

    def _graded_notebook(self, student) -> Path:
        folder = self._folder(self.course.autograded_directory, student)
        return folder / f"{self.chapter}.ipynb"

    def _handed_in(self, student) -> Path:
        return self._folder(self.course.submitted_directory, student)

    def _folder(self, step, student) -> Path:
        return Path(self.course.format_path(step, student, self.chapter))


# What is wrong with one name or one folder. All else, as a full disk, is for all.
OF_ONE = {
    errno.EACCES,
    errno.EEXIST,
    errno.EISDIR,
    errno.ELOOP,
    errno.ENAMETOOLONG,
    errno.ENOTDIR,
    errno.ENOTEMPTY,
    errno.EPERM,
}


@contextlib.contextmanager
def _alone(student: str, tell):
    """What is wrong with the files of one student is said; the others are graded."""
    try:
        yield
    except OSError as error:
        if error.errno not in OF_ONE:
            raise
        tell(f"{student}: not saved, {error}; mend it, and run the same command again")


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
    before = {}

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


@contextlib.contextmanager
def _executor(jobs: int, scheduler: str | None, options: Options) -> Iterator["_Pool"]:
    pool = _Cluster(scheduler) if scheduler else _Processes(jobs, options)
    try:
        yield pool
    except BaseException:
        pool.stop(now=True)
        raise
    else:
        pool.stop(now=False)


class _Pool:
    """An executor, that can be replaced when its processes are lost."""

    executor: Executor
    width: int  # how many batches to keep under way

    def warm_up(self):
        """Have warm processes started ahead of the first submissions."""

    def submit(self, *call) -> Future:
        try:
            return self.executor.submit(*call)
        except BrokenExecutor as error:
            future = Future()
            future.set_exception(error)
            return future

    def renew(self):
        """Take new processes in the place of lost ones."""

    def stop(self, now: bool):
        """End the executor; `now` without waiting for what it is doing."""


class _Processes(_Pool):
    """Processes on this machine."""

    def __init__(self, jobs: int, options: Options):
        self.jobs, self.options, self.width = jobs, options, jobs + 1
        self.engines = []
        self.renew()
        discover()  # once, for all of them, while the warm processes start

    def renew(self):
        method = _start_method()
        context = get_context(method)
        if method == "fork" and not self.engines:
            self.engines = engines_for_forks(self.options, self.jobs)
        shared = self.engines if method == "fork" else [], context.Value("i", 0)
        self.executor = ProcessPoolExecutor(
            self.jobs,
            mp_context=context,
            initializer=_serve_parent,
            initargs=(*shared, self.options),
        )

    def warm_up(self):
        for _ in range(self.jobs):
            self.submit(warm_up, self.options)
        for engine in self.engines:
            engine.let_go()

    def stop(self, now: bool):
        processes = list((self.executor._processes or {}).values())
        self.executor.shutdown(wait=not now, cancel_futures=True)
        if now:
            for process in processes:
                process.kill()  # its warm process ends with it


def _start_method() -> str:
    """Forking spares each process its imports; it is safe where no thread runs."""
    alone = threading.active_count() == 1 and "torch" not in sys.modules
    return "fork" if alone else "spawn"


def _serve_parent(engines: list[Engine], taken, options: Options):
    """Leave Ctrl-C to the process that writes the gradebook, and end with it.

    engines  that the parent has started, one for each of its forks.
    taken    how many of them have been taken by others, shared by all.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    sandbox.end_with_parent()
    with taken.get_lock():
        number, taken.value = taken.value, taken.value + 1
    for index, engine in enumerate(engines):
        if index != number:
            engine.let_go()
    if number < len(engines):
        use_engine(engines[number], options)


class _Cluster(_Pool):
    """The machines of a Dask cluster."""

    def __init__(self, address: str):
        try:
            from distributed import Client
        except ImportError:
            raise CourseError(
                "--scheduler needs Dask: pip install 'distributed', here and on the "
                "cluster's machines"
            ) from None
        try:
            self.client = Client(address, timeout="20s")
        except (OSError, TimeoutError) as error:
            raise CourseError(
                f"no Dask scheduler answers at {address}: {error}"
            ) from None
        self.executor = self.client.get_executor(retries=LOST_WORKERS, pure=False)
        self.width = 2 * max(1, sum(self.client.nthreads().values()))

    def stop(self, now: bool):
        self.executor.shutdown(wait=not now)
        self.client.close()


def _graded(pool: _Pool, desk, todo, options, asked) -> Iterator[list[Result]]:
    """Results as they come, a batch at a time. Lost processes are replaced.

    What was under way when a process was lost is graded again, each submission alone.
    One that is lost alone, twice, is refused. Raises KeyboardInterrupt once it is
    `asked` to stop.
    """
    batches, suspects = deque(_batches(todo, pool.width)), deque()
    waiting, alone, refused = {}, Counter(), 0
    while batches or suspects or waiting:
        if asked.is_set():
            raise KeyboardInterrupt
        while batch := _next(batches, suspects, waiting, pool.width):
            work = [(entry.student, desk.data(entry.folder)) for entry in batch]
            future = pool.submit(grade_batch, desk.assignment, work, options)
            waiting[future] = batch
        done, _ = wait(waiting, LISTEN_SECONDS, FIRST_COMPLETED)
        lost = []
        for future in done:
            batch = waiting.pop(future)
            results = _result(future)
            if results is None:
                lost += batch
            else:
                yield results
        if not lost:
            continue
        lost += (entry for batch in waiting.values() for entry in batch)
        waiting.clear()
        pool.renew()
        if len(lost) == 1:
            alone[lost[0].student] += 1
        if len(lost) == 1 and alone[lost[0].student] > 1:
            refused += 1
            if refused > LOST_WORKERS:
                raise OSError("the processes that grade are lost again and again")
            why, data = "it ends the process that runs it", desk.data(lost[0].folder)
            yield [refuse(desk.assignment, lost[0].student, data, options, why)]
        else:
            suspects.extend([entry] for entry in lost)


def _next(batches: deque, suspects: deque, waiting: dict, width: int):
    """The next batch to start: a suspect alone, with nothing else under way."""
    if suspects:
        return None if waiting else suspects.popleft()
    return batches.popleft() if batches and len(waiting) < width else None


def _batches(todo: list[Entry], width: int) -> Iterator[list[Entry]]:
    """Batches that are smaller towards the end, so that no process waits for long."""
    while todo:
        size = min(BATCH, max(2, len(todo) // (width + 1)))
        yield todo[:size]
        todo = todo[size:]


def _result(future: Future) -> list[Result] | None:
    """A batch's results; None where its process was lost."""
    try:
        return future.result()
    except BrokenExecutor:
        return None


def _report(results, changes, tell):
    """One line for each submission that went wrong, and for each changed score."""
    for result in results:
        for line in [result.trouble] if result.trouble else result.notes:
            tell(f"{result.student}: {line}")
    for change in changes:
        tell(line_of(change))


def _progress(graded, total, begin):
    """On a terminal, how far the run is."""
    if graded and sys.stderr.isatty():
        left = (time.monotonic() - begin) / graded * (total - graded)
        line = f"{graded} of {total}, about {left:.0f} s left"
        print(f"{line:40}\r", end="", file=sys.stderr, flush=True)
