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
from zoneinfo import ZoneInfo

from autograder.chapters.toc import told_became
from autograder.course.collect.download import NOTEBOOK, unpack
from autograder.course.collect.filenames import Marks, marks_of, without_attempt
from autograder.course.gradebook import handed_in_at
from autograder.course.roster import Roster
from autograder.course.setup import open_course, open_gradebook
from autograder.files.tables import kept, read_table, write_table
from autograder.files.whole import digest_of, write_whole
from autograder.grading import submission
from autograder.grading.assignment import CourseError
from autograder.grading.submission import UnreadableError, parse

# The columns of matches.csv, none with another spelling.
MATCHES = {"file": "", "student": "", "proposal": "", "why": "", "digest": ""}
LEAVE_OUT = "-"
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
    """

    chosen: dict[str, tuple[File, bool]] = field(default_factory=dict)
    older: list[tuple[File, str]] = field(default_factory=list)
    open: list[tuple[File, list[str], str]] = field(default_factory=list)
    other: list[tuple[str, str]] = field(default_factory=list)


def _there_are(names) -> str:
    return f"there are {', '.join(sorted(names)) or 'none'}"


class Collection:
    """A chapter of a course, ready to take what a download holds."""

    def __init__(self, course, chapter: str, timezone: str = ""):
        self.course, self.chapter = course, chapter
        self.timezone = _zone(timezone)
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
        self.desk = Path(course.root) / "downloaded" / chapter
        self.matches = self._read_matches()

    # What an instructor filled in.

    @property
    def matches_file(self) -> Path:
        return self.desk / "matches.csv"

    def _read_matches(self) -> dict[str, dict[str, str]]:
        if not self.matches_file.is_file():
            return {}
        table = read_table(self.matches_file, MATCHES, needed=("file", "student"))
        found = {}
        for line, row in table.rows:
            student = row["student"]
            if student and student != LEAVE_OUT and student not in self.roster.students:
                raise CourseError(
                    f"{self.matches_file}, line {line}: the gradebook has no student "
                    f"{student!r}; mend it, or first: nbgrader db student add {student}"
                )
            found[row["file"]] = row
        return found

    def write_matches(self, plan: Plan) -> None:
        """The open questions, and all that was answered before."""
        rows = {k: row for k, row in self.matches.items() if row["student"]}
        for file, proposed, why in plan.open:
            values = file.name, "", " ".join(proposed), why, file.digest
            rows[file.name] = dict(zip(MATCHES, values, strict=True))
        if rows or self.matches:
            self.desk.mkdir(parents=True, exist_ok=True)
            lines = [[kept(cell) for cell in row.values()] for row in rows.values()]
            write_table(self.matches_file, [list(MATCHES), *lines])

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
            student, proposed, why = self._student(file)
            if student == LEAVE_OUT:
                plan.older.append((file, f"left out, as {self.matches_file} says"))
            elif student:
                by_student[student].append(file)
            else:
                plan.open.append((file, proposed, why))
        for student, files in by_student.items():
            self._choose(plan, student, files)
        return plan

    def _file(self, path: Path, name: str) -> File:
        data = path.read_bytes()
        marks = marks_of(name, self.chapter)
        time = marks.time
        if any(map(self._found, marks.above)):
            time = None
        if time:
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

    def _student(self, file: File) -> tuple[str | None, list[str], str]:
        """The student of a file, where that is certain; else proposals and why."""
        row = self.matches.get(file.name)
        if row and row["student"]:
            return row["student"], [], ""
        marks, roster = file.marks, self.roster
        found = [self._found(some) for some in marks.above + marks.names]
        if marks.lms:
            found.append(roster.find_by_lms(marks.lms))
        found = [ids for ids in found if ids]
        certain = set.intersection(*found) if found else set()
        if len(certain) == 1:
            return certain.pop(), [], ""
        if found:
            proposed = sorted(set.union(*found))
            return None, proposed, f"it may be from {' or '.join(proposed)}"
        return None, *self._nobody(marks)

    def _found(self, names: tuple[str, ...]) -> set[str]:
        """The students whom the first known one of some alternatives may mean."""
        return next(filter(None, map(self.roster.find, names)), set())

    def _nobody(self, marks: Marks) -> tuple[list[str], str]:
        """Proposals for a file whose student is not known, and a sentence."""
        texts = [some[0] for some in marks.names]
        hinted = [
            name for hint in marks.hints for name in sorted(self.roster.find(hint))
        ]
        near = [name for text in texts for name in self.roster.near(text)]
        near += [name for hint in marks.hints for name in self.roster.near(hint)]
        proposed = list(dict.fromkeys([*hinted, *near]))[:3]
        told = [str(self.roster.students[name]) for name in proposed]
        perhaps = f"; perhaps {' or '.join(told)}" if told else ""
        if not texts:
            return proposed, f"its name says no student{perhaps}"
        return proposed, f"no student is called {' / '.join(texts)}{perhaps}"

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
        newest = asked if len(asked) == 1 else _newest(files)
        if not newest:
            told = f"{student} handed in {len(files)}, and nothing says which is newest"
            plan.open += [(file, [student], told) for file in files]
            return
        plan.chosen[student] = newest[0], bool(asked)
        told = f"{student}'s {newest[0].name} was taken"
        plan.older += [(file, told) for file in files if file is not newest[0]]

    def _different(self, plan: Plan, files: list[File]) -> list[File]:
        """One of each content: the latest, where the LMS tells the time."""
        found = {}
        for file in sorted(files, key=lambda file: file.time or datetime.min):
            if file.digest in found:
                before = found[file.digest]
                plan.older.append((before, f"the same as {file.name}"))
            found[file.digest] = file
        return list(found.values())

    def _asked(self, file: File, student: str) -> bool:
        """Whether an instructor chose this file, with the content that it has."""
        row = self.matches.get(file.name, {})
        return (row.get("student"), row.get("digest")) == (student, file.digest)

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
        if file.time and self.due and file.time > self.due:
            by = timedelta(seconds=int((file.time - self.due).total_seconds()))
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


def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (ValueError, OSError, KeyError):
        raise CourseError(
            f"nbgrader_config.py: Collector.timezone {name!r} is no time zone; write "
            "it as Europe/Berlin"
        ) from None


# --- the verb -----------------------------------------------------------------


@dataclass
class Summary:
    """What a run did: `lines` for people, and whether everything found a place."""

    lines: list[str] = field(default_factory=list)
    complete: bool = True


def collect_chapter(folder: Path, chapter: str, source: Path | None = None) -> Summary:
    """Collect a download into the `submitted/` of a course.

    source: a folder or a zip; by default nbgrader's `downloaded/CHAPTER/archive`.
    """
    course = open_course(folder)
    timezone = course.config.Collector.get("timezone", "")
    collection = Collection(course, chapter, timezone)
    source = source or collection.desk / "archive"
    with tempfile.TemporaryDirectory() as room:
        unpacked = unpack(source, Path(room))
        plan = collection.plan(unpacked.names)
        plan.other += unpacked.refused
        same = collection.standing(plan)
        summary = Summary(complete=not (plan.open or plan.other))
        placed = list(_placed(collection, plan, same))
    collection.write_matches(plan)
    summary.lines = list(told_of(collection, plan, same, placed, unpacked.added))
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
    yield from (f"{file.name}: {told}" for file, told in plan.older)
    yield from (f"{name}: not taken, {told}" for name, told in plan.other)
    yield from (f"{file.name}: open, {why}" for file, _, why in plan.open)
    if plan.open:
        yield (
            f"Fill in the column 'student' of {collection.matches_file} (an id, or - "
            "to leave the file out), and run the same command again."
        )
        if not collection.roster.students:
            yield (
                "The gradebook has no students. To read a class list: python -m "
                f"autograder course {collection.course.root} --roster FILE.csv"
            )
    if added:
        yield f"{len(added)} files that systems add by themselves, as {added[0]}"
    missing = set(collection.roster.students) - set(plan.chosen)
    missing = [s for s in sorted(missing) if not collection.folder(s).exists()]
    if missing:
        few = ", ".join(missing[:10]) + (", ..." if len(missing) > 10 else "")
        many = "" if len(missing) == 1 else "s"
        yield f"Nothing from {len(missing)} student{many}: {few}"
