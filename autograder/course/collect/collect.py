"""Collect what learners handed in elsewhere: a download of an LMS, a folder, a zip.

    python -m autograder collect 05_softmax submissions.zip

Each notebook is matched with a student of the gradebook by its name. What is certain
goes to `submitted/`; everything else is listed, in `downloaded/CHAPTER/matches.csv`,
for the instructor to fill in. `nbgrader zip_collect` collects the same way: its two
plugins are in `plugins.py`.
"""

import shutil
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath

from autograder.chapters.toc import told_became
from autograder.course.collect.download import NO_NOTEBOOK, NOTEBOOK, unpack
from autograder.course.collect.filenames import Marks, marks_of, without_attempt
from autograder.course.collect.informs import informed
from autograder.course.collect.matching import LEAVE_OUT, Matcher
from autograder.course.collect.record import desk_of, write_collected
from autograder.course.extensions import read_extensions
from autograder.course.gradebook import handed_in_at
from autograder.course.roster import Roster, few
from autograder.course.setup import open_course, open_gradebook
from autograder.course.times import zone_of
from autograder.files.whole import digest_of, write_whole
from autograder.grading import submission
from autograder.grading.assignment import CourseError
from autograder.grading.submission import UnreadableError, parse

SECONDS = 2  # a zip keeps times no finer


# --- from the marks to students, and from many files to one -------------------


@dataclass(frozen=True)
class File:
    """One notebook of a download.

    name       its name there. path: where its copy lies.
    digest     of its content. changed: when the file was last changed, in seconds.
    time       when the LMS says that it was handed in: UTC, without a zone; or None.
    belongs    the chapter whose exercises it holds; None where it holds none.
    """

    name: str
    path: Path
    marks: Marks
    digest: str
    changed: float
    time: datetime | None
    belongs: str | None


@dataclass
class Plan:
    """What is to become of each file.

    chosen  student -> the file to take, and whether an instructor said so.
    older   (file, sentence): another attempt was taken.
    open    (file, proposed students, sentence): an instructor has to decide.
    other   (name, sentence): found no place.
    shared  (file, students): one for several.
    beside  names of files that are no notebooks, beside one that is.
    """

    chosen: dict[str, tuple[File, bool]] = field(default_factory=dict)
    older: list[tuple[File, str]] = field(default_factory=list)
    open: list[tuple[File, list[str], str]] = field(default_factory=list)
    other: list[tuple[str, str]] = field(default_factory=list)
    shared: list[tuple[File, tuple[str, ...]]] = field(default_factory=list)
    beside: list[str] = field(default_factory=list)


def _there_are(names) -> str:
    return f"there are {', '.join(sorted(names)) or 'none'}"


class Collection:
    """A chapter of a course, ready to take what a download holds."""

    def __init__(self, course, chapter: str, groups=False):
        self.course, self.chapter, self.by_group = course, chapter, groups
        self.timezone = zone_of(course)
        self.until = read_extensions(course, chapter)
        with open_gradebook(course) as gradebook:
            self.roster = Roster(gradebook.students)
            assignments = {a.name: a for a in gradebook.assignments}
            if chapter not in assignments:
                raise CourseError(
                    f"the gradebook knows no chapter {chapter}; "
                    + (told_became(chapter) or _there_are(assignments))
                )
            self.due = assignments[chapter].duedate
            self.chapters = frozenset(assignments)
            self.cells = defaultdict(set)  # an exercise may have changed its chapter
            for name, assignment in assignments.items():
                for notebook in assignment.notebooks:
                    for cell in notebook.grade_cells + notebook.solution_cells:
                        self.cells[cell.name].add(name)
        self.desk = desk_of(Path(course.root), chapter)
        self.matcher = Matcher(Path(course.root), self.roster, chapter)

    def knows(self, name: str) -> bool:
        """Whether the name of a file names somebody of the class, or a group."""
        students, *_ = self.matcher.students_of(name, marks_of(name, self.chapter))
        return bool(students)

    # The plan.

    def plan(self, names: dict[Path, str]) -> Plan:
        """Decide on each notebook. names: where its copy lies -> its name."""
        plan, by_student = Plan(), defaultdict(list)
        for path, name in names.items():
            file = self._file(path, name)
            if file.belongs not in (None, self.chapter):
                told = f"it is {file.belongs}; collect it with that chapter"
                plan.other.append((name, told))
                continue
            found = self.matcher.students_of(name, file.marks)
            students, proposed, why = found
            if self.by_group and students:
                students = self.matcher.together(students)
            if LEAVE_OUT in students:
                told = f"left out, as {self.matcher.file} says"
                plan.older.append((file, told))
            elif not students:
                plan.open.append((file, proposed, why))
            elif len(students) > 1:
                plan.shared.append((file, students))
            for student in set(students) - {LEAVE_OUT}:
                by_student[student].append(file)
        for student, files in by_student.items():
            self._choose(plan, student, files)
        return plan

    def _file(self, path: Path, name: str) -> File:
        data = path.read_bytes()
        marks = marks_of(name, self.chapter)
        said = self.matcher.inform(marks)
        time = said.time or marks.time
        if any(map(self.matcher.found, marks.above)):
            time = None
        if time and not (said.time and said.utc):
            zoned = time.replace(tzinfo=self.timezone) if self.timezone else time
            time = zoned.astimezone(UTC).replace(tzinfo=None)
        return File(
            name,
            path,
            marks,
            _short_digest(data),
            path.stat().st_mtime,
            time,
            self._belongs(name, data),
        )

    def _belongs(self, name: str, data: bytes) -> str | None:
        """The chapter that a notebook is: by its exercises, else by its name."""
        try:
            found = set().union(*(self.cells.get(c.grade_id, ()) for c in parse(data)))
        except UnreadableError:
            found = set()
        if found:
            return self.chapter if self.chapter in found else min(found)
        stem = without_attempt(NOTEBOOK.sub("", PurePosixPath(name).name))
        return stem if stem in self.chapters - {self.chapter} else None

    def _choose(self, plan: Plan, student: str, files: list[File]):
        """The newest of a student's files; a question where none is known to be."""
        own = [file for file in files if file.belongs == self.chapter]
        if own:  # a notebook without the chapter's exercises is something else
            for file in files:
                if file not in own:
                    told = f"it holds no exercise of {self.chapter}; {own[0].name} does"
                    plan.other.append((file.name, told))
        files = self._different(plan, own or files)
        asked = [file for file in files if self._asked(file, student)]
        newest = _newest(files) or (asked if len(asked) == 1 else [])
        if not newest:
            told = f"{student} handed in {len(files)}, and nothing says which is newest"
            plan.open += [(file, [student], told) for file in files]
            return
        plan.chosen[student] = newest[0], newest[0] in asked
        told = f"{student}'s {newest[0].name} was taken"
        plan.older += [(file, told) for file in files if file is not newest[0]]

    def _different(self, plan: Plan, files: list[File]) -> list[File]:
        """One of each content: the latest, where the LMS tells the time."""
        found: dict[str, File] = {}
        for file in sorted(files, key=lambda file: file.time or datetime.min):
            if file.digest in found:
                before = found[file.digest]
                plan.older.append((before, f"the same as {file.name}"))
            found[file.digest] = file
        return list(found.values())

    def _asked(self, file: File, student: str) -> bool:
        """Whether an instructor chose this file, with the content that it has."""
        return student in self.matcher.answered(file.name, file.digest)

    def lay_beside(self, plan: Plan, refused: list[tuple[str, str]]) -> None:
        """What was not taken: beside a notebook of the same owner, it needs no look."""
        files = [file for file, _ in (*plan.chosen.values(), *plan.older)]
        files += [file for file, *_ in plan.open]
        with_notebook = {self._owner(file.name) for file in files}
        for name, why in refused:
            if why == NO_NOTEBOOK and self._owner(name) in with_notebook:
                plan.beside.append(name)
            else:
                plan.other.append((name, why))

    def _owner(self, name: str) -> str:
        """Whose a file is, as far as its name goes: the LMS's word, else a folder."""
        marks = marks_of(name, self.chapter)
        if marks.person:
            return marks.person
        parts = PurePosixPath(name).parts
        people = (
            p for p in parts[:-1] if self.matcher.found((p.removesuffix(".zip"),))
        )
        return next(people, parts[0] if len(parts) > 1 else name)

    # From the plan to `submitted/`.

    def folder(self, student: str) -> Path:
        course = self.course
        folder = course.format_path(course.submitted_directory, student, self.chapter)
        return Path(folder)

    def standing(self, plan: Plan) -> set[str]:
        """The students whose chosen file is in `submitted/` already.

        Where another one is there that may be newer, the file becomes a question.
        """
        same = set()
        for student, (file, asked) in list(plan.chosen.items()):
            there = self.folder(student)
            old = there / f"{self.chapter}.ipynb"
            if not there.exists() or not any(there.iterdir()):
                continue
            if _digest(old) == file.digest:
                same.add(student)
                continue
            before = handed_in_at(there)
            if asked or (file.time and before and file.time > before):
                continue
            del plan.chosen[student]
            if file.time and before and file.time < before:
                plan.older.append((file, f"a newer one is in {there}"))
            else:
                told = f"{there} holds another one, and nothing says which is newer"
                plan.open.append((file, [student], told))
        return same

    def make_room(self, student: str) -> Path | None:
        """Lay an older submission aside; return where it lies now."""
        there = self.folder(student)
        if not there.exists() or not any(there.iterdir()):
            return None
        stem = f"{datetime.now(UTC):%Y-%m-%d-%H-%M-%S-%f}"
        aside = self.desk / "replaced" / student / stem
        aside.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(there, aside)
        return aside

    def place(self, student: str, file: File) -> Path | None:
        """Write a file into `submitted/`; return where an older one lies now."""
        aside = self.make_room(student)
        there = self.folder(student)
        write_whole(there / f"{self.chapter}.ipynb", file.path.read_bytes())
        self.stamp(student, file)
        return aside

    def stamp(self, student: str, file: File) -> None:
        """The time of the hand-in, where the LMS told it."""
        path = self.folder(student) / "timestamp.txt"
        if file.time and not path.exists():
            path.write_text(f"{file.time:%Y-%m-%d %H:%M:%S} UTC\n", encoding="utf-8")

    def late(self, student: str, file: File) -> str | None:
        """What is known of a file that came late."""
        due = self.due and max(self.due, self.until.get(student, self.due))
        if file.time and due and file.time > due:
            by = timedelta(seconds=int((file.time - due).total_seconds()))
            return f"{student}: late by {by}"
        if file.marks.late and not file.time:
            return (
                f"{student}: late, says the LMS, not how late. For a penalty, write "
                f"the time (2026-12-01 18:00:00 UTC) into {self.folder(student)}"
                "/timestamp.txt"
            )
        return None


def newer(file: File, other: File) -> bool:
    """Whether a file is known to be newer than another one of the same student."""
    if file.time and other.time and file.time != other.time:
        return file.time > other.time
    if file.marks.attempt != other.marks.attempt:
        return file.marks.attempt > other.marks.attempt
    return file.changed - other.changed >= SECONDS


def _newest(files: list[File]) -> list[File]:
    """The file that is newer than each of the others, if there is one."""
    return [
        file
        for file in files
        if all(newer(file, other) for other in files if other is not file)
    ]


def _digest(path: Path) -> str | None:
    """Of a notebook that was handed in; None where it cannot be read."""
    try:
        return _short_digest(submission.read(path))
    except UnreadableError:
        return None


def _short_digest(data: bytes) -> str:
    return digest_of(data)[:16]  # as a list that a person reads has it


# --- the verb -----------------------------------------------------------------


@dataclass
class Summary:
    """What a run did: `lines` for people, and whether everything found a place."""

    lines: list[str] = field(default_factory=list)
    complete: bool = True


def collect_chapter(
    folder: Path, chapter: str, source: Path | None = None, groups: bool = False
) -> Summary:
    """Collect a download into the `submitted/` of a course.

    source  a folder or a zip; by default nbgrader's `downloaded/CHAPTER/archive`.
    groups  what one hands in counts for all of the group, as `groups.csv` has them.
    """
    course = open_course(folder)
    collection = Collection(course, chapter, groups)
    source = source or collection.desk / "archive"
    with tempfile.TemporaryDirectory() as room:
        unpacked = unpack(source, Path(room), collection.knows)
        collection.matcher.informs, faults = informed(unpacked.informs)
        plan = collection.plan(unpacked.names)
        collection.lay_beside(plan, unpacked.refused)
        same = collection.standing(plan)
        summary = Summary(complete=not (plan.open or plan.other or faults))
        placed = list(_placed(collection, plan, same))
    collection.matcher.write(plan.open)
    write_collected(collection.desk, {s: f for s, (f, _) in plan.chosen.items()})
    told = told_of(collection, plan, same, placed, unpacked.added)
    summary.lines = [*told, *faults]
    if not (unpacked.names or unpacked.refused):
        summary.lines.append(f"{source}: no file in it; is it the right download?")
    return summary


def _placed(collection, plan, same) -> Iterator[str]:
    """Write what was chosen; a line for each older submission that had to move."""
    for student, (file, _) in sorted(plan.chosen.items()):
        if student in same:
            collection.stamp(student, file)
            continue
        aside = collection.place(student, file)
        if aside:
            yield f"{student}: replaced by {file.name}; the older one lies in {aside}"


def told_of(collection, plan, same, placed, added) -> Iterator[str]:
    new = len(plan.chosen) - len(same)
    yield (
        f"{collection.chapter}: {new} collected, {len(same)} there already, "
        f"{len(plan.older)} older or left out, {len(plan.open)} open, "
        f"{len(plan.other)} without a place"
    )
    yield from placed
    for student, (file, _) in sorted(plan.chosen.items()):
        if late := collection.late(student, file):
            yield late
    if any(file.time for file, _ in plan.chosen.values()):
        zone = collection.timezone or "this machine's time zone"
        yield f"Times in file names were read in {zone} (Collector.timezone)."
    yield from (f"{f.name}: for {', '.join(students)}" for f, students in plan.shared)
    yield from (f"{file.name}: {told}" for file, told in plan.older)
    yield from (f"{name}: not taken, {told}" for name, told in plan.other)
    yield from (f"{file.name}: open, {why}" for file, _, why in plan.open)
    if plan.open:
        yield (
            f"Fill in the column 'student' of {collection.matcher.file} (an id, or - "
            "to leave the file out), and run the same command again."
        )
        if not collection.roster.students:
            yield (
                "The gradebook has no students. To read a class list: python -m "
                f"autograder course {collection.course.root} --roster FILE.csv"
            )
    if added:
        yield f"{len(added)} files that systems add by themselves, as {added[0]}"
    if plan.beside:
        told = f"{len(plan.beside)} other files beside notebooks, as {plan.beside[0]}"
        yield f"{told}: left where they are"
    missing = set(collection.roster.students) - set(plan.chosen)
    missing = {s for s in missing if not collection.folder(s).exists()}
    waiting = missing & {name for _, proposed, _ in plan.open for name in proposed}
    if missing - waiting:
        yield f"Nothing from {_counted(missing - waiting)}"
    if waiting:
        yield f"Perhaps what is open is from {_counted(waiting)}"


def _counted(students: set[str]) -> str:
    told = few(sorted(students))
    return f"{len(students)} student{'' if len(students) == 1 else 's'}: {told}"
