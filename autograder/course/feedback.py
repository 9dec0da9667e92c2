"""Feedback that teaches: one page a learner, made by `nbgrader generate_feedback`.

The exporter, put into place by `autograder.course.config`, fetches from the gradebook
what a person may have set there, and writes the page.
"""

import contextlib
import re
import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nbconvert.exporters import Exporter
from nbgrader.api import MissingEntry
from traitlets import Unicode

from autograder.course import pages as page
from autograder.course.gradebook import (
    TIMESTAMP,
    HandedIn,
    handed_in_at,
    load_assignment,
    stamp,
)
from autograder.course.renew import Graded, digest, of_pages, of_templates, renew
from autograder.course.times import local_time, zone_of
from autograder.exercises.registry import discover
from autograder.files.whole import write_whole
from autograder.grading import submission
from autograder.grading.submission import UnreadableError
from autograder.judge.render import STATES

SECRET = "submission_secret.txt"  # what a learner fetches the feedback with
SECRET_BYTES = 1000
HEAD = 2**16  # characters of a page, in which stands what it was made of
EARLIER = ".earlier"  # beside the chapters of a student, and none of them
NO_RESPONSE = "No response."  # nbgrader's own comment on a stub


class FeedbackPage(Exporter):
    """Writes a graded notebook as the page that its learner reads."""

    book_url = Unicode(
        "",
        help="Where learners read the book: the address of the folder with its "
        "index.html, such as 'https://example.org/attention'. Without it, the page "
        "names the chapter and has no link.",
    ).tag(config=True)

    file_extension = ".html"
    output_mimetype = "text/html"

    def __init__(self, **options):
        super().__init__(**options)
        self.parent.coursedir = HandedIn(self.parent.coursedir)
        renew(self.parent, self._is_current, _keep_earlier)

    def _is_current(self, chapter, student, folder) -> bool:
        """Whether a page is what would be made now."""
        try:
            page = (folder / f"{chapter}.html").read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return False
        return f'content="{self._made_of(chapter, student)}"' in page[:HEAD]

    def _made_of(self, chapter, student) -> str:
        """A digest of all that is on a page."""
        parent: Any = self.parent
        course = parent.coursedir
        folder = course.format_path(course.autograded_directory, student, chapter)
        notebook = Path(folder) / f"{chapter}.ipynb"
        graded = notebook.read_bytes() if notebook.is_file() else b""
        rows = self._graded(chapter).get(student, [])
        exercises = (discover().get(row.cell) for row in rows)
        meanings = [exercise.meaning for exercise in exercises if exercise]
        others = self.book_url, of_templates(), meanings, str(zone_of(self))
        return digest(graded, rows, *others)

    def _graded(self, chapter: str) -> dict[str, list[Graded]]:
        """What the gradebook says, read once for each run of nbgrader's converter."""
        known = vars(self).setdefault("_rows", {})
        if chapter not in known:
            parent: Any = self.parent
            known[chapter] = of_pages(parent.coursedir, chapter)
        return known[chapter]

    def from_notebook_node(self, nb, resources=None, **options):
        """The page as text, and nbconvert's resources."""
        nb, resources = super().from_notebook_node(nb, resources, **options)
        about = resources["nbgrader"]
        self._take_grades(nb, about)
        when = about["timestamp"]
        text = page.render(
            "feedback.html.j2",
            about=about,
            handed_in=local_time(when, zone_of(self)) if when else "",
            title=page.title_of(about["assignment"]),
            made_of=self._made_of(about["assignment"], about["student"]),
            trouble=_trouble(nb),
            sections=self._sections(nb),
            others=self._others(nb, about["assignment"]),
        )
        resources["outputs"] = self._for_release(about)
        return text, resources

    def _take_grades(self, nb, about) -> None:
        """Who it is, and what a person may have set by hand, into the notebook."""
        found = self._graded(about["assignment"]).get(about["student"], [])
        found = [row for row in found if row.notebook == about["notebook"]]
        if not found:
            raise MissingEntry(
                f"nothing of {about['assignment']} by {about['student']} is in the "
                "gradebook"
            )
        # What is answered and graded in one cell has a row for each.
        graded = {row.cell: row for row in found if row.max_score is not None}
        comments = {row.cell: row.comment for row in found if row.comment is not None}
        for cell in nb.cells:
            known = cell.metadata.get("nbgrader", {})
            if known.get("solution") or known.get("task"):
                known["comment"] = comments.get(known.get("grade_id"))
            row = graded.get(known.get("grade_id"))
            if row and (known.get("grade") or known.get("task")):
                known["score"], known["points"] = row.score, row.max_score
                known["auto_score"] = row.auto_score
                known["extra_credit"] = row.extra_credit
                known["by_hand"] = row.manual_score is not None
        first = found[0]
        penalty = first.penalty or 0
        about["name"] = " ".join(filter(None, (first.first_name, first.last_name)))
        about["timestamp"], about["late_penalty"] = first.timestamp, penalty
        about["score"] = sum(row.score for row in graded.values()) - penalty
        about["max_score"] = sum(row.max_score or 0.0 for row in graded.values())

    def _for_release(self, about) -> dict[str, bytes]:
        """Files beside the page, without which `nbgrader release_feedback` stops.

        The exchange puts both into a submission. One that came another way has none,
        and must not keep the feedback from the rest of the class.
        """
        parent: Any = self.parent
        course = parent.coursedir
        place = about["student"], about["assignment"]
        graded = Path(course.format_path(course.autograded_directory, *place))
        handed_in = Path(course.format_path(course.submitted_directory, *place))
        time = handed_in_at(graded)
        made = {TIMESTAMP: stamp(time).encode() if time else b""}
        made[SECRET] = secrets.token_hex(64).encode()
        with contextlib.suppress(UnreadableError):
            made[SECRET] = submission.read(handed_in / SECRET)[:SECRET_BYTES]
        return made

    def _sections(self, nb) -> list[dict]:
        """What the page says of each exercise, in the notebook's order."""
        cells = {
            cell.metadata.nbgrader.grade_id: cell
            for cell in nb.cells
            if "nbgrader" in cell.metadata
        }
        verdicts = _verdicts(nb)
        judged = _judged(nb)
        made = []
        for grade_id, cell in cells.items():
            if cell.metadata.nbgrader.grade:
                question = cell.metadata.nbgrader.solution  # test and answer in one
                answer = cell if question else cells.get(f"{grade_id}_answer")
                shown = judged.get(grade_id, answer)
                verdict = verdicts.get(grade_id, {})
                made.append(self._section(cell, answer, shown, verdict, _trouble(nb)))
        return made

    def _section(self, cell, answer, shown, verdict, trouble) -> dict:
        graded = cell.metadata.nbgrader
        name = graded.grade_id
        passed = verdict.get("passed", graded.score >= graded.points)
        comment = answer.metadata.nbgrader.get("comment") if answer else None
        comment = None if comment == NO_RESPONSE else comment
        exercise = discover().get(name)
        state = "not judged" if trouble else STATES[passed]
        if graded.solution:
            state = "graded by hand" if graded.by_hand else "not graded yet"
        return {
            "name": name,
            "meaning": exercise.meaning if exercise else "",
            "passed": passed,
            "state": state,
            "question": graded.solution,
            "graded": graded,
            "comment": page.comment_html(comment) if comment else "",
            "verdict": page.safe_html(_html_output(cell)),
            "answer": shown,
            "typed": _as_typed(shown) if shown else "",
            "outputs": _texts(shown) if shown else [],
            "link": page.book_link(self.book_url, name),
        }

    def _others(self, nb, chapter) -> list[dict]:
        """The learner's further cells: what was not handed out."""
        if _trouble(nb):
            return []
        released = {source for _, source in self._assignment(chapter).released}
        return [
            {
                "code": cell.cell_type == "code",
                "source": _as_typed(cell),
                "outputs": _texts(cell),
            }
            for cell in nb.cells
            if "nbgrader" not in cell.metadata
            and not any(cell is judged for judged in _judged(nb).values())
            and cell.source not in released
            and not cell.get("id", "").startswith("due-")  # of an earlier release
            and cell.source.strip()
        ]

    def _assignment(self, chapter):
        """The assignment, read once for each run of nbgrader's converter."""
        known = vars(self).setdefault("_known", {})
        if chapter not in known:
            known[chapter] = load_assignment(self.parent.coursedir, chapter)
        return known[chapter]


def _keep_earlier(chapter: str, student: str, folder: Path) -> None:
    """What a learner has read stays, beside the new: `.earlier/CHAPTER-TIME.html`."""
    page = folder / f"{chapter}.html"
    if page.is_file() and not page.is_symlink():
        when = datetime.fromtimestamp(page.stat().st_mtime, UTC)
        name = f"{chapter}-{when:%Y-%m-%d-%H-%M-%S}.html"
        write_whole(folder.parent / EARLIER / name, page.read_bytes())


def _about(nb) -> dict:
    return nb.metadata.get("autograder", {})


def _trouble(nb) -> str | None:
    """Why no notebook could be read, or None."""
    return _about(nb).get("submission", {}).get("trouble")


def _verdicts(nb) -> dict[str, dict]:
    return {found["exercise"]: found for found in _about(nb).get("verdicts", [])}


def _judged(nb) -> dict[str, dict]:
    """The cell that each exercise was judged by, which need not be its own."""
    places = _about(nb).get("answers", {})
    return {name: nb.cells[i] for name, i in places.items() if i < len(nb.cells)}


def _html_output(cell) -> str:
    """The verdict as the judge put it into the test's cell."""
    for output in cell.get("outputs", []):
        if output.output_type == "display_data":
            return output.data.get("text/html", "")
    return ""


def _texts(cell) -> list[str]:
    """What a cell printed, and how it failed, as text."""
    found = []
    for output in cell.get("outputs", []):
        if output.output_type == "stream":
            found.append(output.text)
        if output.output_type == "error":
            found.append("\n".join(output.traceback))
    return found


_FENCED = re.compile(r"(`{3,})text\n(.*)\n\1", re.DOTALL)


def _as_typed(cell) -> str:
    """A cell's text; grading put what a learner typed as Markdown into a fence."""
    fenced = cell.cell_type == "markdown" and _FENCED.fullmatch(cell.source)
    return fenced[2] if fenced else cell.source
