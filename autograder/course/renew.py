"""What nbgrader makes is made again whenever it would come out otherwise now.

nbgrader compares two time stamps, which most submissions do not have, and which tell
nothing of a corrected exercise or a late policy. Here a digest of all that went in is
kept in what came out, and compared.
"""

import json
from collections.abc import Callable
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import NamedTuple

from nbgrader.api import Gradebook
from nbgrader.utils import rmtree
from sqlalchemy import DateTime, text

from autograder.course.pages import TEMPLATES
from autograder.files.whole import digest_of


class Graded(NamedTuple):
    """What the gradebook says of one cell of one submission."""

    notebook: str
    first_name: str | None
    last_name: str | None
    timestamp: datetime | None  # UTC, without a zone
    penalty: float | None
    cell: str  # its grade_id
    auto_score: float | None
    manual_score: float | None
    extra_credit: float | None
    max_score: float | None
    auto_comment: str | None
    manual_comment: str | None

    @property
    def score(self) -> float:
        """The points, as nbgrader counts them: what a person set comes first."""
        given = (self.manual_score, self.auto_score)
        found = next((score for score in given if score is not None), None)
        return 0.0 if found is None else found + (self.extra_credit or 0.0)

    @property
    def comment(self) -> str | None:
        """The comment; one of a person comes first."""
        written = self.manual_comment is not None
        return self.manual_comment if written else self.auto_comment


ALL_OF_A_PAGE = text(
    """
    select handed.student_id, original.name as notebook, student.first_name,
        student.last_name, handed.timestamp, notebook.late_submission_penalty,
        cell.name as cell, grade.auto_score, grade.manual_score, grade.extra_credit,
        coalesce(graded.max_score, task.max_score), comment.auto_comment,
        comment.manual_comment
    from submitted_assignment as handed
    join assignment on assignment.id = handed.assignment_id
    join student on student.id = handed.student_id
    join submitted_notebook as notebook on notebook.assignment_id = handed.id
    join notebook as original on original.id = notebook.notebook_id
    join base_cell as cell on cell.notebook_id = original.id
    left join grade_cells as graded on graded.id = cell.id
    left join task_cells as task on task.id = cell.id
    left join grade on grade.cell_id = cell.id and grade.notebook_id = notebook.id
    left join comment on comment.cell_id = cell.id and comment.notebook_id = notebook.id
    where assignment.name = :chapter
    order by handed.student_id, cell.name, cell.id
    """
).columns(timestamp=DateTime())


def renew(
    converter,
    is_current: Callable[[str, str, Path], bool],
    keep: Callable[[str, str, Path], None] = lambda *place: None,
) -> None:
    """Have one of nbgrader's converters make anew what is not current.

    converter   looks at a course as `HandedIn` does.
    is_current  asked with the assignment, the student, and the folder that is there.
    keep        called with the same, before that folder is removed.
    """
    before = converter.init_destination

    def init_destination(assignment_id: str, student_id: str) -> bool:
        converter.coursedir.turn_to(student_id, assignment_id)
        folder = Path(converter._format_dest(assignment_id, student_id))
        excluded = converter.coursedir.student_id_exclude.split(",")
        if (
            student_id not in excluded
            and folder.is_dir()
            and not is_current(assignment_id, student_id, folder)
        ):
            keep(assignment_id, student_id, folder)
            rmtree(str(folder))
        return before(assignment_id, student_id)

    converter.init_destination = init_destination


def digest(*parts) -> str:
    """A digest of some bytes, and of plain values."""
    bits = (p if isinstance(p, bytes) else json.dumps(p, default=str) for p in parts)
    return digest_of("".join(map(digest_of, bits)))


def of_pages(course, chapter: str) -> dict[str, list[Graded]]:
    """All that the gradebook says of each student's submission, in one question.

    nbgrader's own preprocessor asks twenty for each page, and that is half of what
    making the page would take.
    """
    found: dict[str, list[Graded]] = {}
    with Gradebook(course.db_url, course.course_id) as gradebook:
        for student, *row in gradebook.db.execute(ALL_OF_A_PAGE, {"chapter": chapter}):
            found.setdefault(student, []).append(Graded(*row))
    return found


@cache
def of_templates() -> str:
    """What the pages look like."""
    files = sorted(path for path in TEMPLATES.rglob("*") if path.is_file())
    return digest(*(path.read_bytes() for path in files))
