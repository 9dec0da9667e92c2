"""Side by side with stock nbgrader: the same class, the same machine, one run.

A class of one chapter is made from the declarations: right answers by different
roads, declared mistakes, blank ones. Cells that grading does not need are taken out
of the chapter, for both. Each grader starts cold, from the command line, and ends
with a complete gradebook and the graded notebooks.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import nbformat

from autograder.chapters import toc
from autograder.chapters.chapter import load_chapters, source_notebook
from autograder.course.example import answered
from autograder.course.setup import make_course
from autograder.exercises.declaration import Exercise
from autograder.grading.assignment import CourseError
from autograder.grading.plan import chosen_of, part_of
from autograder.grading.submission import Cell

FEWEST = 8  # students: fewer tell nothing
LARGE = 10  # times the class, for `grade` alone: stock would take half an hour
SECONDS = 10  # a shorter run is repeated, since one busy moment would distort it
STOCK = """c = get_config()
c.CourseDirectory.course_id = "{course_id}"
c.ClearSolutions.code_stub = {{"python": "raise NotImplementedError"}}
"""


@dataclass(frozen=True)
class Run:
    """One grader on one class."""

    students: int
    seconds: float
    peak_bytes: int
    scores: dict[str, float]

    @property
    def each(self) -> float:
        """Milliseconds a submission."""
        return 1000 * self.seconds / self.students


def bench(students: int = 60, chapter: str | None = None, tell=print) -> float:
    """Grade a class with both; print what it took; return how many times as fast.

    chapter  by default the one that `_toc.yml` names for this.
    """
    chapter = chapter or toc.measured_chapter()
    if students < FEWEST:
        raise CourseError(f"a class needs at least {FEWEST} students to tell anything")
    small, large = students // 4, LARGE * students
    sizes = {"stock nbgrader": (small, students), "grade": (small, students, large)}
    runs = {}
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        courses = {name: Path(folder) / name / "course" for name in COMMANDS}
        for grader, course in courses.items():
            _make(course, chapter, stock=grader == "stock nbgrader")
        for size in (small, students, large):
            for grader in (name for name in sizes if size in sizes[name]):
                _hand_in(courses[grader], chapter, size)
                tell(f"{grader}, {size} students ...")
                runs[grader, size] = _measured(
                    courses[grader], [*COMMANDS[grader], chapter], size
                )
    stock, ours = (runs[grader, students] for grader in COMMANDS)
    _compare(stock, ours, tell)
    tell(f"{'':24}{'students':>9}{'seconds':>9}{'ms each':>9}{'peak MB':>9}")
    for grader in COMMANDS:
        of_each_size = [runs[grader, size] for size in sizes[grader]]
        for run in of_each_size:
            peak = run.peak_bytes / 2**20
            line = f"{run.students:9}{run.seconds:9.1f}{run.each:9.0f}{peak:9.0f}"
            tell(f"{grader:24}{line}")
        for fewer, more in pairwise(of_each_size):
            tell(f"{grader}: {_growth(fewer, more)}")
    ratio = stock.seconds / ours.seconds
    tell(f"ratio: {ratio:.1f}")
    return ratio


def _growth(fewer: Run, more: Run) -> str:
    """How time and memory grow with the class."""
    further = more.students - fewer.students
    each = 1000 * (more.seconds - fewer.seconds) / further
    memory = 100 * (more.peak_bytes / fewer.peak_bytes - 1)
    return (
        f"from {fewer.students} to {more.students} students, {each:.0f} ms for each "
        f"further submission; {100 * (more.each / fewer.each - 1):+.0f} % time a "
        f"submission, {memory:+.0f} % memory"
    )


COMMANDS = {
    "stock nbgrader": [sys.executable, "-m", "nbgrader", "autograde"],
    "grade": [sys.executable, "-m", "autograder", "grade"],
}


def _make(course: Path, chapter: str, stock: bool):
    """A course that has released the chapter."""
    make_course(course, only=[chapter])
    if stock:
        (course / "nbgrader_config.py").write_text(
            STOCK.format(course_id=toc.course_id()), encoding="utf-8"
        )
    [found] = load_chapters([chapter])
    exercises = list(found.exercises().values())
    source = course / "source" / chapter / f"{chapter}.ipynb"
    nbformat.write(_lean(source_notebook(found), exercises), source)
    command = [sys.executable, "-m", "nbgrader", "generate_assignment", chapter]
    subprocess.run(command, cwd=course, check=True, capture_output=True)


def _hand_in(course: Path, chapter: str, students: int):
    """Everybody's notebook, ready to be graded; who handed in before does so again."""
    [found] = load_chapters([chapter])
    exercises = list(found.exercises().values())
    release = nbformat.read(course / "release" / chapter / f"{chapter}.ipynb", 4)
    for number in range(students):
        folder = course / "submitted" / f"student{number:04}" / chapter
        folder.mkdir(parents=True, exist_ok=True)
        made = answered(release, exercises, number)
        nbformat.write(made, folder / f"{chapter}.ipynb")


def _lean(notebook, exercises: list[Exercise]):
    """The chapter without the cells that grading does not need."""
    code = [
        Cell("code" if cell.cell_type == "code" else "raw", cell.source)
        for cell in notebook.cells
    ]
    names = {name for e in exercises for name in (e.name, "check")}
    parts = [part_of(code, name, len(code), frozenset()) for name in names]
    keep = set(chosen_of(parts))
    notebook.cells = [
        cell
        for index, cell in enumerate(notebook.cells)
        if cell.cell_type != "code" or index in keep or "nbgrader" in cell.metadata
    ]
    return notebook


def _measured(course: Path, command: list[str], students: int) -> Run:
    """The memory of one run, and the time of others that nothing looks at.

    The time is the median of three runs from the same start, or that of a long one.
    """
    memory = _run(_again(course), command, students, watched=True).peak_bytes
    runs: list[Run] = []
    while len(runs) < 3:
        runs.append(_run(_again(course), command, students))
        if runs[0].seconds > SECONDS:
            break
    median = sorted(runs, key=lambda run: run.seconds)[len(runs) // 2]
    return replace(median, peak_bytes=memory)


def _again(course: Path) -> Path:
    """A copy of the course, in the place of the one before."""
    copy = course.with_name("again")
    shutil.rmtree(copy, ignore_errors=True)
    return shutil.copytree(course, copy)


def _run(course: Path, command: list[str], students: int, watched=False) -> Run:
    """Run a grader in a course; measure its time or, if watched, its memory."""
    begin = time.monotonic()
    process = subprocess.Popen(
        command,
        cwd=course,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    peak = _Peak(process.pid)
    if watched:
        peak.start()
    _, trouble = process.communicate()
    seconds = time.monotonic() - begin
    if watched:
        peak.stop()
    scores = _scores(course, command[-1])
    if len(scores) != students:
        raise RuntimeError(f"{' '.join(command)}: {trouble[-2000:]}")
    return Run(students, seconds, peak.bytes, scores)


def _scores(course: Path, chapter: str) -> dict[str, float]:
    from nbgrader.api import Gradebook

    with Gradebook(
        f"sqlite:///{course / 'gradebook.db'}", toc.course_id()
    ) as gradebook:
        found = gradebook.assignment_submissions(chapter)
        return {submission.student.id: submission.score for submission in found}


def _compare(stock: Run, ours: Run, tell):
    """Honest submissions must get the same scores from both."""
    differing = [
        student
        for student, score in stock.scores.items()
        if abs(score - ours.scores[student]) > 1e-9
    ]
    full = max(stock.scores.values())
    honest = {student for student, score in stock.scores.items() if score == full}
    lost = sorted(honest & set(differing))
    if lost:
        raise RuntimeError(f"right answers with another score: {', '.join(lost)}")
    count = len(stock.scores)
    tell(f"{count - len(differing)} of {count} scores are the same from both;")
    tell(f"all {len(honest)} right answers have full marks from both")


class _Peak(threading.Thread):
    """Samples the memory of a process and all below it, shared pages counted once."""

    def __init__(self, process: int):
        super().__init__(daemon=True)
        self.process, self.bytes, self._done = process, 0, threading.Event()

    def run(self):
        """Sample until stopped."""
        while not self._done.wait(0.02):
            self.bytes = max(self.bytes, sum(map(_share, _family(self.process))))

    def stop(self):
        """Stop sampling."""
        self._done.set()
        self.join()


def _family(process: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                stat = Path(f"/proc/{entry}/stat").read_text()
            except OSError:
                continue
            parent = int(stat.rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(entry))
    found, more = [], [process]
    while more:
        found.append(more.pop())
        more += children.get(found[-1], [])
    return found


def _share(process: int) -> int:
    """A process's proportional share of the memory that it uses, in bytes."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line[:4] == "Pss:")
