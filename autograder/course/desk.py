"""The folders of a course, for one chapter: what was handed in, what was written."""

import contextlib
import errno
import glob
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from autograder.course.changes import changed_scores
from autograder.files.whole import digest_of, write_whole
from autograder.grading import submission
from autograder.grading.assess import Result, versions
from autograder.grading.assignment import Assignment, Options
from autograder.grading.submission import UnreadableError
from autograder.grading.warm import HEAVY

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


class Desk:
    """The folders of a course, for one chapter."""

    def __init__(self, course, assignment: Assignment, options: Options):
        self.course, self.assignment = course, assignment
        self.limits = asdict(options.limits)
        self.chapter = assignment.chapter
        self.fingerprint = assignment.fingerprint
        self.exercises = assignment.exercises()
        self.versions = versions()
        self.records = Path(course.root) / RECORDS / self.chapter
        self.done: list[Entry] = []  # what `todo` found graded already

    def todo(self, summary: Summary, tell) -> list[Entry]:
        """What is new or has changed."""
        self.done = []
        todo: list[Entry] = []
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
        if os.path.lexists(path):
            return path
        for pattern in ("*.ipynb", "*.ipynb.*", "*.json"):  # some browsers add a .txt
            found = sorted(folder.glob(pattern))
            if len(found) == 1:
                return found[0]
            if found:
                raise UnreadableError(
                    f"There are {len(found)} notebooks, and none is {path.name}. Hand "
                    "in one, under exactly this name."
                )
        raise UnreadableError(submission.instead_of(path))

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
