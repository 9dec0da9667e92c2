"""Where the work is done: processes of this machine, or of a cluster."""

import contextlib
import signal
import sys
import threading
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
from multiprocessing import get_context

from autograder.course.desk import Entry
from autograder.grading.assess import Result, assess_batch, refuse
from autograder.grading.assignment import CourseError, Options
from autograder.grading.warm import engines_for_forks, use_engine, warm_up
from autograder.sandbox.engine import Engine
from autograder.sandbox.kernel import end_with_parent

BATCH = 8  # submissions a task, at most: one transaction, what an interrupt can cost


ANSWERS_WITHIN = 20  # seconds: a scheduler that is there
LOST_WORKERS = 3  # how many submissions a run, at most, may each end a process


LISTEN_SECONDS = 0.2  # how long Ctrl-C may wait to be heard


@contextlib.contextmanager
def executor(jobs: int, scheduler: str | None, options: Options) -> Iterator["Pool"]:
    pool = Cluster(scheduler) if scheduler else Processes(jobs, options)
    try:
        yield pool
    except BaseException:
        pool.stop(now=True)
        raise
    else:
        pool.stop(now=False)


class Pool:
    """An executor, that can be replaced when its processes are lost."""

    executor: Executor
    width: int  # how many batches to keep under way

    def warm_up(self):
        """Have warm processes started ahead of the first submissions."""

    def submit(self, *call) -> Future:
        try:
            return self.executor.submit(*call)
        except BrokenExecutor as error:
            future: Future = Future()
            future.set_exception(error)
            return future

    def renew(self):
        """Take new processes in the place of lost ones."""

    def stop(self, now: bool):
        """End the executor; `now` without waiting for what it is doing."""


class Processes(Pool):
    """Processes on this machine."""

    executor: ProcessPoolExecutor

    def __init__(self, jobs: int, options: Options):
        self.jobs, self.options, self.width = jobs, options, jobs + 1
        self.engines: list[Engine] = []
        self.renew()
        _load_judge()  # once, for all of them, while the warm processes start

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


def _load_judge() -> None:
    """Load what every process that grades will need; one that is forked has it then."""
    import numpy.ma  # noqa: F401

    import autograder.judge.diagnosis  # noqa: F401


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
    end_with_parent()
    with taken.get_lock():
        number, taken.value = taken.value, taken.value + 1
    for index, engine in enumerate(engines):
        if index != number:
            engine.let_go()
    if number < len(engines):
        use_engine(engines[number], options)


class Cluster(Pool):
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
            self.client = Client(address, timeout=ANSWERS_WITHIN)
        except (OSError, TimeoutError) as error:
            raise CourseError(
                f"no Dask scheduler answers at {address}: {error}"
            ) from None
        self.executor = self.client.get_executor(retries=LOST_WORKERS, pure=False)
        self.width = 2 * max(1, sum(self.client.nthreads().values()))

    def stop(self, now: bool):
        self.executor.shutdown(wait=not now)
        self.client.close()


def results_of(pool: Pool, desk, todo, options, asked) -> Iterator[list[Result]]:
    """Results as they come, a batch at a time. Lost processes are replaced.

    What was under way when a process was lost is graded again, each submission alone.
    One that is lost alone, twice, is refused. Raises KeyboardInterrupt once it is
    `asked` to stop.
    """
    batches: deque[list[Entry]] = deque(_batches(todo, pool.width))
    suspects: deque[list[Entry]] = deque()
    waiting: dict[Future, list[Entry]] = {}
    alone: Counter[str] = Counter()
    refused = 0
    while batches or suspects or waiting:
        if asked.is_set():
            raise KeyboardInterrupt
        while batch := _next(batches, suspects, waiting, pool.width):
            work = [(entry.student, desk.data(entry.folder)) for entry in batch]
            future = pool.submit(assess_batch, desk.assignment, work, options)
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
