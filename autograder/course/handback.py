"""`feedback CHAPTER`: the pages of nbgrader's generate_feedback, on all cores; and one
zip for the LMS that the submissions came from, in the names under which it takes files
back.

    Canvas      Gradebook, the assignment's menu, Upload Submissions. By the two numbers
                that it put into the name.
    Moodle      Assignment, Upload multiple feedback files in a zip. By the folder.
    Sakai       Assignments, Upload All. From `Feedback Attachment(s)`.
    Blackboard  has no such upload of its own; the names are those of its download.
"""

import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from nbgrader.converters import GenerateFeedback
from nbgrader.converters.base import NbGraderException

from autograder.course.collect.filenames import Marks, marks_of
from autograder.course.collect.record import desk_of, read_collected
from autograder.course.folder import confirm_course
from autograder.course.gradebook import load_assignment, load_course
from autograder.course.handout.contents import packed
from autograder.course.roster import few
from autograder.exercises.registry import discover
from autograder.files.whole import write_whole
from autograder.grading.assignment import CourseError

PARTS = 4  # for each process: none waits long for the last
TAKEN_BACK = {
    "Canvas": "{own}{chapter}.html",
    "Moodle": "{own}/{chapter}.html",
    "Sakai": "{folder}/Feedback Attachment(s)/{chapter}.html",
    "Blackboard": "{own}{chapter}.html",
}


class _Part(GenerateFeedback):
    """nbgrader's own, for some of the students."""

    students: frozenset[str] = frozenset()
    assignments: dict[str, list[str]]

    def init_notebooks(self) -> None:
        """Those of the students alone."""
        super().init_notebooks()
        self.assignments = {
            folder: notebooks
            for folder, notebooks in self.assignments.items()
            if Path(folder).parent.name in self.students
        }


def feedback(folder: Path, chapter: str, jobs: int | None = None) -> list[str]:
    """Make the pages of a chapter that are not current; pack them for the LMS.

    jobs: processes; by default as many as there are cores.
    Returns what was done, a line each. Raises CourseError where nothing is graded.
    """
    confirm_course(folder)
    root = folder.resolve()
    course = load_course(root)
    assignment = load_assignment(course, chapter)  # complains of an unknown one
    graded = Path(course.autograded_directory)
    students = sorted(
        p.parent.parent.name for p in root.glob(f"{graded}/*/{chapter}/*.ipynb")
    )
    if not students:
        raise CourseError(
            f"nothing of {chapter} is graded in {root} yet; run `python -m autograder "
            f"grade {chapter} --course {folder}` first"
        )
    place = partial(course.format_path, course.feedback_directory)
    pages = {s: Path(place(s, chapter), f"{chapter}.html") for s in students}
    before = {student: _changed(path) for student, path in pages.items()}
    for cell in assignment.cells:  # loaded once, before there are several processes
        discover().get(cell.exercise)
    faults = _made(root, chapter, students, jobs or len(os.sched_getaffinity(0)))
    made = sum(_changed(path) != before[s] for s, path in pages.items())
    lines = [f"{chapter}: {made} pages made, {len(students) - made} were current"]
    return [*lines, *faults, *_packed_for_lms(root, chapter, pages)]


def _changed(path: Path) -> int | None:
    return path.stat().st_mtime_ns if path.is_file() else None


def _made(root: Path, chapter: str, students: list[str], jobs: int) -> list[str]:
    """Have the pages made; a sentence for each that could not be."""
    jobs = max(1, min(jobs, len(students)))
    parts = [students[i :: jobs * PARTS] for i in range(jobs * PARTS)]
    calls = [(root, chapter, part) for part in parts if part]
    if jobs == 1:
        return [fault for call in calls for fault in _make(*call)]
    # Forked: what a process imports first takes longer than the pages of a small class.
    context = get_context("fork")
    with ProcessPoolExecutor(jobs, mp_context=context) as pool:
        return [
            f for faults in pool.map(_make, *zip(*calls, strict=True)) for f in faults
        ]


def _make(root: Path, chapter: str, students: list[str]) -> list[str]:
    course = load_course(root)
    course.assignment_id = chapter
    converter = _Part(coursedir=course, config=course.config)
    converter.students = frozenset(students)
    converter.log.setLevel("CRITICAL")
    try:
        converter.start()
    except NbGraderException as error:
        return [f"nbgrader: {error}"]
    return []


# --- for the LMS ----------------------------------------------------------------


def _packed_for_lms(root: Path, chapter: str, pages: dict[str, Path]) -> Iterator[str]:
    """A zip for each system that submissions came from; a line for each."""
    collected = read_collected(desk_of(root, chapter))
    packs: dict[str, dict[str, list[str]]] = {}  # system -> name -> its students
    alone = []
    for student in (s for s, page in pages.items() if page.is_file()):
        marks = marks_of(collected.get(student, {}).get("file", "-"), chapter)
        if marks.system in TAKEN_BACK:
            pack = packs.setdefault(marks.system, {})
            pack.setdefault(_name(marks, chapter), []).append(student)
        else:
            alone.append(student)
    for system, names in sorted(packs.items()):
        files = {
            _of_group(name, students, student): pages[student].read_bytes()
            for name, students in names.items()
            for student in students
        }
        path = root / "handback" / f"{chapter}-{system.lower()}.zip"
        write_whole(path, packed(files))
        yield f"{path}: {len(files)} pages, named as {system} takes them back"
    if alone and packs:
        yield f"In feedback/ alone, for they came another way: {few(alone)}"


def _of_group(name: str, students: list[str], student: str) -> str:
    """The name of one page, where several students handed in one file.

    The system knows one name for all of them, and takes several files under it. Canvas
    shows them to the whole group.
    """
    stem = name.removesuffix(".html")
    return name if len(students) == 1 else f"{stem}-{student}.html"


def _name(marks: Marks, chapter: str) -> str:
    """The name of a page in the zip, from what the LMS called the submission."""
    parts = marks.own.rstrip("/").split("/")
    if marks.system == "Sakai":  # its assignment's folder, and the student's
        parts = [part for part in parts if not part.startswith("Submission attach")]
        folder = "/".join(parts[-2:])
        return TAKEN_BACK["Sakai"].format(folder=folder, chapter=chapter)
    return TAKEN_BACK[marks.system].format(own=parts[-1], chapter=chapter)
