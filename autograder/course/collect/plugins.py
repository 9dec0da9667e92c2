"""nbgrader's own collecting, `nbgrader zip_collect`, done in the same way."""

from pathlib import Path

from nbgrader.plugins import ExtractorPlugin, FileNameCollectorPlugin
from traitlets import Unicode

from autograder.course.collect.collect import Collection, told_of
from autograder.course.collect.download import unpack
from autograder.grading.submission import visible


class Extractor(ExtractorPlugin):
    """Unpacks what was downloaded for `nbgrader zip_collect`, with care."""

    def extract(self, archive_path: str, extracted_path: str) -> None:
        """Copy the notebooks of a folder, zips and all, into another one."""
        unpacked = unpack(Path(archive_path), Path(extracted_path))
        for name, told in unpacked.refused:
            self.log.warning("%s: not taken, %s", name, told)


class Collector(FileNameCollectorPlugin):
    """Finds the student of each file for `nbgrader zip_collect`."""

    timezone = Unicode(
        "", help="Of the times in file names, as Europe/Berlin; '': this machine's."
    ).tag(config=True)

    _answers = None

    def collect(self, submitted_file: str) -> dict | None:
        """The student, the notebook's name and the time; None, and a warning, else."""
        if self._answers is None:
            self._answers = self._decide()
        return self._answers.get(Path(submitted_file).resolve())

    def _decide(self) -> dict[Path, dict]:
        app = self.parent
        chapter = app.coursedir.assignment_id
        collection = Collection(app.coursedir, chapter)
        folder = Path(app._format_collect_path(app.extracted_directory)).resolve()
        names = {
            path: visible(path.relative_to(folder).as_posix())
            for path in sorted(folder.rglob("*.ipynb"))
            if path.is_file() and not path.is_symlink()
        }
        plan = collection.plan(names)
        same = collection.standing(plan)
        for line in told_of(collection, plan, same, [], []):
            self.log.warning("%s", line)
        collection.matcher.write(plan.open)
        answers = {}
        for student, (file, _) in plan.chosen.items():
            if student in same:
                continue
            aside = collection.make_room(student)
            if aside:
                self.log.warning("%s: the older one lies in %s", student, aside)
            about = {"student_id": student, "file_id": chapter}
            stamp = {"timestamp": file.time} if file.time else {}
            answers[file.path.resolve()] = about | stamp
        return answers
