"""What a class misunderstood: one page for the instructor, with CSV and JSON.

Read from the gradebook and from the graded notebooks, whichever way they were graded.
Nothing of a submission is run here. The pictures of mistakes are made anew from their
own declarations, on the inputs that everybody may see.
"""

import ast
import inspect
import json
import re
import statistics
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from markupsafe import Markup
from nbgrader.api import (
    BaseCell,
    Grade,
    Gradebook,
    MissingEntry,
    Student,
    SubmittedAssignment,
    SubmittedNotebook,
)

from autograder.course import pages as page
from autograder.course.gradebook import load_assignment, load_course
from autograder.exercises.declaration import Exercise
from autograder.exercises.registry import discover
from autograder.files.tables import table_text
from autograder.files.whole import write_whole
from autograder.grading.assess import Assignment, CourseError
from autograder.grading.submission import visible
from autograder.judge.fingerprint import Watched
from autograder.judge.render import picture_html
from autograder.judge.verdict import judge
from autograder.values.wire import call_in_process

BINS = 10  # of the picture of the scores
# How an answer stands, in the order of the pictures.
STANDS = {
    "right": "right",
    "mistake": "a known mistake",
    "other": "wrong in another way",
    "failed": "did not run",
    "unwritten": "not written",
    "unread": "no notebook",
    "ungraded": "no verdict",
}
# Kinds of `CallError` that the sandbox raises, in words.
LIMITS = {
    "Timeout": "took too long",
    "CPU": "took too long",
    "Memory": "took too much memory",
    "FileSize": "wrote too much into files",
    "TooLarge": "gave a result that is too large",
    "Threads": "started too many threads",
    "Processes": "tried to start another process",
    "Network": "tried to open a connection",
    "Crashed": "made Python crash",
    "Exited": "ended Python itself",
    "Killed": "was killed while it ran",
    "Garbled": "wrote into the grader's own channel",
}


@dataclass(frozen=True)
class Answer:
    """One learner's answer to one exercise: what the judge said, and the code.

    stands     a key of STANDS.
    behaviour  the digest of what a wrong answer gave on the visible inputs.
    shown      the verdict as the learner read it, in HTML; not to be trusted.
    """

    stands: str
    verdict: dict = field(default_factory=dict)
    behaviour: str | None = None
    source: str = ""
    shown: str = ""


@dataclass(frozen=True)
class Learner:
    """One submission, as the gradebook and its graded notebook have it.

    score      final: what a person set by hand counts, the penalty is taken off.
    late       seconds after the due date.
    by_hand    exercises whose score a person set.
    errors     kinds of error that running it met.
    code       all that the learner wrote, as it was typed.
    """

    student: str
    name: str
    score: float
    late: float
    penalty: float
    by_hand: tuple[str, ...]
    points: dict[str, float]
    answers: dict[str, Answer]
    trouble: str | None = None
    notes: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    code: str = ""

    @property
    def blank(self) -> bool:
        """Whether nothing was written."""
        return all(a.stands == "unwritten" for a in self.answers.values())


@dataclass(frozen=True)
class ClassWork:
    """A chapter as its class handed it in.

    missing    students of the roster who handed nothing in.
    ungraded   submissions that no grader has seen yet.
    """

    assignment: Assignment
    learners: list[Learner]
    missing: list[str]
    ungraded: list[str]
    due: datetime | None
    book_url: str

    @property
    def most(self) -> float:
        """The points of the chapter."""
        return sum(test.points for test in self.assignment.tests)


def report_chapter(course_folder: Path, chapter: str) -> list[Path]:
    """Write `reports/CHAPTER.html`, `.csv` and `.json` in a course; return where.

    Raises CourseError where there is nothing to tell yet.
    """
    root = course_folder.resolve()
    work = read_class(root, chapter)
    if not work.learners:
        raise CourseError(
            f"nothing of {chapter} is graded in {root} yet; run `python -m autograder "
            f"grade {chapter} --course {course_folder}` first"
        )
    told = figures(work)
    texts = {
        "html": page.render("report.html.j2", **told, **pictures(work, told)),
        "csv": as_csv(told),
        "json": json.dumps(told, indent=1, ensure_ascii=False) + "\n",
    }
    written = []
    for ending, text in texts.items():
        path = root / "reports" / f"{chapter}.{ending}"
        write_whole(path, text, 0o600)
        written.append(path)
    return written


# --- reading ---------------------------------------------------------------------


def read_class(root: Path, chapter: str) -> ClassWork:
    """What the gradebook and the graded notebooks say of a chapter."""
    if not (root / "nbgrader_config.py").is_file():
        raise CourseError(f"{root} is no nbgrader course; name yours with --course")
    course = load_course(root)
    assignment = load_assignment(course, chapter)

    def folder(step, student):
        return Path(course.format_path(step, student, chapter))

    with Gradebook(course.db_url, course.course_id) as gradebook:
        graded, roster, due = _graded(gradebook, chapter)
    learners = []
    for row in graded:
        path = folder(course.autograded_directory, row["student"])
        learners.append(_learner(assignment, row, path / f"{chapter}.ipynb"))
    handed_in = {
        visible(path.parent.name)  # any bytes can name a folder
        for path in root.glob(
            str(folder(course.submitted_directory, "*").relative_to(root))
        )
    }
    known = {learner.student for learner in learners}
    return ClassWork(
        assignment=assignment,
        learners=learners,
        missing=sorted(roster - known - handed_in),
        ungraded=sorted(handed_in - known),
        due=due,
        book_url=course.config.FeedbackPage.get("book_url", ""),
    )


def _graded(gradebook, chapter) -> tuple[list[dict], set[str], datetime | None]:
    """A row for each submission, the roster, and when the chapter was due."""
    try:
        assignment = gradebook.find_assignment(chapter)
    except MissingEntry as error:
        raise CourseError(str(error)) from None
    ask = gradebook.db.query
    names = {
        student: " ".join(part for part in parts if part)
        for student, *parts in ask(Student.id, Student.first_name, Student.last_name)
    }
    rows = {}
    for key, student, timestamp, extension in ask(
        SubmittedAssignment.id,
        SubmittedAssignment.student_id,
        SubmittedAssignment.timestamp,
        SubmittedAssignment.extension,
    ).filter_by(assignment_id=assignment.id):
        due = assignment.duedate
        due = due + extension if due and extension else due
        late = (timestamp - due).total_seconds() if due and timestamp else 0.0
        rows[key] = {
            "student": student,
            "name": names[student],
            "late": max(0.0, late),
            "penalty": 0.0,
            "by_hand": (),
            "points": {},
        }
    notebooks = ask(
        SubmittedNotebook.id,
        SubmittedNotebook.assignment_id,
        SubmittedNotebook.late_submission_penalty,
    ).filter(SubmittedNotebook.assignment_id.in_(rows))
    owners = {}
    for key, owner, penalty in notebooks:
        owners[key] = rows[owner]
        owners[key]["penalty"] += penalty or 0.0
    for key, name, score, manual in (
        ask(Grade.notebook_id, BaseCell.name, Grade.score, Grade.manual_score)
        .join(BaseCell, BaseCell.id == Grade.cell_id)
        .filter(Grade.notebook_id.in_(owners))
    ):
        owners[key]["points"][name] = score
        owners[key]["by_hand"] += () if manual is None else (name,)
    ordered = sorted(rows.values(), key=lambda row: row["student"])
    return ordered, set(names), assignment.duedate


def _learner(assignment: Assignment, row: dict, path: Path) -> Learner:
    notebook = _notebook(path)
    about = notebook["metadata"].get("autograder", {})
    trouble = about.get("submission", {}).get("trouble")
    cells = {
        cell["metadata"]["nbgrader"]["grade_id"]: cell
        for cell in notebook["cells"]
        if "nbgrader" in cell["metadata"]
    }
    verdicts = {found["exercise"]: found for found in about.get("verdicts", [])}
    behaviour = about.get("behaviour", {})
    answers = {}
    for test in assignment.tests:
        name = test.exercise
        verdict = verdicts.get(name, {})
        answers[name] = Answer(
            stands="unread" if trouble else _stands(discover()[name], verdict),
            verdict=verdict,
            behaviour=behaviour.get(name),
            source=_source(cells.get(f"{name}_answer", {})),
            shown=_shown(cells.get(name, {})),
        )
    return Learner(
        **row,
        score=max(0.0, sum(row["points"].values()) - row["penalty"]),
        answers=answers,
        trouble=trouble,
        notes=tuple(note for note in about.get("notes", []) if note != trouble),
        errors=tuple(about.get("errors", [])),
        code="" if trouble else _own_code(assignment, notebook["cells"]),
    )


def _notebook(path: Path) -> dict:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {"metadata": {}, "cells": []}
    except ValueError:
        raise CourseError(
            f"{path} is no notebook; delete it and grade this submission again"
        ) from None


def _stands(exercise: Exercise, verdict: dict) -> str:
    if not verdict:
        return "ungraded"
    if verdict["passed"] is not False:
        return "right" if verdict["passed"] else "unwritten"
    if verdict["mistake"] in _declared(exercise):
        return "mistake"
    return "other" if verdict["cases"] else "failed"


def _source(cell: dict) -> str:
    source = cell.get("source", "")
    return source if isinstance(source, str) else "".join(source)


def _shown(cell: dict) -> str:
    """The verdict as the judge put it into the test's cell."""
    for output in cell.get("outputs", []):
        html = output.get("data", {}).get("text/html", "")
        return html if isinstance(html, str) else "".join(html)
    return ""


def _own_code(assignment: Assignment, cells: list[dict]) -> str:
    """What the learner typed: the code cells without the lines handed out."""
    given = {line for _, source in assignment.released for line in source.splitlines()}
    lines = [
        line
        for cell in cells
        if cell["cell_type"] == "code"
        for line in _source(cell).splitlines()
        if line not in given
    ]
    return "\n".join(lines)


# --- figures: the same in the page, the CSV and the JSON --------------------------


def figures(work: ClassWork) -> dict:
    """All that the report says, as plain data."""
    learners = work.learners
    scores = [learner.score for learner in learners]
    return {
        "chapter": work.assignment.chapter,
        "title": page.title_of(work.assignment.chapter),
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "due": work.due.isoformat() if work.due else None,
        "max_score": work.most,
        "handed_in": len(learners) + len(work.ungraded),
        "graded": len(learners),
        "missing": work.missing,
        "ungraded": work.ungraded,
        "broken": [x.student for x in learners if x.trouble],
        "blank": [x.student for x in learners if x.blank and x.answers],
        "late": [
            {"student": x.student, "seconds": x.late, "penalty": x.penalty}
            for x in learners
            if x.late
        ],
        "by_hand": [x.student for x in learners if x.by_hand],
        "mean": round(statistics.fmean(scores), 4),
        "median": round(statistics.median(scores), 4),
        "histogram": _histogram(scores, work.most),
        "exercises": [
            _exercise(work, test.exercise, test.points)
            for test in work.assignment.tests
        ],
        "look_at": _look_at(work),
        "similar": _similar(work),
        "learners": [_row(learner) for learner in learners],
    }


def _histogram(scores: list[float], most: float) -> list[int]:
    """How many scores lie in each tenth of the points; full marks in the last one."""
    shares = [score / most if most else 0.0 for score in scores]
    found = Counter(min(int(share * BINS), BINS - 1) for share in shares)
    return [found[number] for number in range(BINS)]


def _exercise(work: ClassWork, name: str, points: float) -> dict:
    answers = [(x.student, x.answers[name]) for x in work.learners]
    counted = Counter(answer.stands for _, answer in answers)
    scores = [x.points.get(name, 0.0) for x in work.learners]
    return {
        "exercise": name,
        "meaning": discover()[name].meaning,
        "points": points,
        "mean": round(statistics.fmean(scores), 4),
        "stands": {stands: counted[stands] for stands in STANDS},
        "mistakes": _mistakes(discover()[name], answers),
        "others": _others(name, answers),
        "failed": [
            {"student": student, "why": answer.verdict["rationale"]}
            for student, answer in answers
            if answer.stands == "failed"
        ],
    }


def _mistakes(exercise: Exercise, answers) -> list[dict]:
    """The named mistakes of one exercise, the most frequent first."""
    made = defaultdict(list)
    for student, answer in answers:
        if answer.stands == "mistake":
            made[answer.verdict["mistake"]].append(student)
    declared = _declared(exercise)
    return [
        {
            "mistake": name,
            "hint": " ".join(inspect.getdoc(declared[name]).split()),
            "students": students,
        }
        for name, students in _most_first(made)
    ]


def _declared(exercise: Exercise) -> dict[str, Callable]:
    return {mistake.__name__: mistake for mistake in exercise.mistakes}


def _others(name: str, answers) -> list[dict]:
    """Wrong answers that no mistake explains, those that do the same together."""
    groups, by_student = defaultdict(list), dict(answers)
    for student, answer in answers:
        if answer.stands == "other":
            groups[answer.behaviour or answer.verdict["rationale"]].append(student)
    found = []
    for behaviour, students in _most_first(groups):
        example = min(students, key=lambda who: len(by_student[who].source))
        answer = by_student[example]
        found.append(
            {
                "behaviour": behaviour,
                "students": students,
                "example": example,
                "rationale": answer.verdict["rationale"],
                "source": _visible_code(answer.source),
                "draft": draft(name, answer.source),
            }
        )
    return found


def _most_first(groups: dict[str, list]) -> list[tuple[str, list]]:
    return sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))


def _visible_code(code: str) -> str:
    """Code with all that hides or turns letters around written out."""
    return "\n".join(visible(line.expandtabs(4)) for line in _lines(code))


def _lines(code: str) -> list[str]:
    """The lines of code, as Python counts them."""
    return re.split(r"\r\n|\r|\n", code)


def draft(name: str, source: str) -> str | None:
    """A mistake's declaration made from an answer, to be pasted where code is trusted.

    None where the answer defines none, and where one may paste more than one has seen.
    """
    try:
        made = _draft(name, source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return made if made and _is_all_seen(made) else None


def _is_all_seen(code: str) -> bool:
    """Whether nothing in code is hidden, and nothing stands far to the right."""
    lines = [line.expandtabs() for line in _lines(code)]
    return all(line.isprintable() and len(line) <= WIDEST for line in lines)


def _draft(name: str, source: str) -> str | None:
    tree = ast.parse(source)
    kinds = ast.FunctionDef | ast.ClassDef
    own = [node for node in tree.body if isinstance(node, kinds) and node.name == name]
    if not own:
        return None
    node, lines = own[-1], _lines(source)
    docstring = ast.get_docstring(node) is not None
    body = node.body[1 if docstring and len(node.body) > 1 else 0]
    head = lines[node.lineno - 1 : node.body[0].lineno - 1]
    if not head:  # all on one line: written anew
        node.name = "todo_what_went_wrong"
        node.body.insert(0, ast.Expr(ast.Constant(TODO)))
        return ast.unparse(node)
    pattern = rf"\b(def|class)\s+{re.escape(name)}\b"
    head[0] = re.sub(pattern, r"\1 todo_what_went_wrong", head[0], count=1)
    rest = lines[body.lineno - 1 : node.end_lineno]
    indent = rest[0][: len(rest[0]) - len(rest[0].lstrip())]
    return "\n".join([*head, f'{indent}"""{TODO}"""', *rest])


WIDEST = 100  # columns of a draft
TODO = "TODO: what a learner reads who made this mistake."


def _look_at(work: ClassWork) -> list[dict]:
    """What a human should look at, by kind."""
    found = defaultdict(list)
    right = {t.exercise: _right_behaviour(t.exercise) for t in work.assignment.tests}
    for learner in work.learners:
        for kind, exercise, text in _reasons(learner, right):
            entry = {"student": learner.student, "exercise": exercise, "text": text}
            found[kind].append(entry)
    return [{"kind": kind, "entries": entries} for kind, entries in _most_first(found)]


def _reasons(learner: Learner, right: dict) -> Iterator[tuple[str, str, str]]:
    """(kind, exercise or nothing, text) for each thing to look at."""
    if learner.trouble:
        yield "The notebook could not be read", "", learner.trouble
    for note in learner.notes:
        exercise, _, text = note.partition(": ")
        judged = text.startswith("the judge failed")
        kind = "The judge failed" if judged else "Calls a library's own function"
        yield kind, exercise, text
    for words in dict.fromkeys(LIMITS[e] for e in learner.errors if e in LIMITS):
        yield f"The code {words}", "", ""
    for name, answer in learner.answers.items():
        if answer.stands == "ungraded":
            text = "graded without this book's judge, or its notebook is gone"
            yield "There is a score, but no verdict", name, text
        if answer.stands == "other" and answer.behaviour == right[name]:
            text = "are there numbers in the code that fit the visible inputs only?"
            yield "Right on the visible inputs, wrong on others", name, text


def _right_behaviour(name: str) -> str:
    """What a right answer gives on the visible inputs."""
    exercise = discover()[name]
    watched = Watched(call_in_process(exercise.driven(exercise.reference)))
    judge(exercise, watched)
    return watched.digest()


# --- answers that are alike -------------------------------------------------------

OWN_WORDS = 4  # in the comments: fewer, and anybody may have written them
OWN_CHARACTERS = 40  # of a wrong answer's code
COMMENT = re.compile(r"#[ \t]*(.*)")


def _similar(work: ClassWork) -> list[dict]:
    """Submissions that are alike in what people seldom choose alike.

    Short right answers coincide honestly: they are never named for their code alone.
    """
    groups, rare = [], max(3, len(work.learners) // 100)
    alike = defaultdict(list)
    for learner in work.learners:
        if _own_words(learner.code) >= OWN_WORDS:
            alike[_unspaced(learner.code)].append(learner.student)
    why = "all they wrote is the same, with the comments"
    groups += [(why, "", students) for students in alike.values()]
    for test in work.assignment.tests:
        alike = defaultdict(list)
        for learner in work.learners:
            answer = learner.answers[test.exercise]
            code = _unspaced(answer.source)
            if answer.stands == "other" and len(code) >= OWN_CHARACTERS:
                alike[answer.behaviour, code].append(learner.student)
        why = "the same wrong answer, in the same words, that no mistake explains"
        groups += [(why, test.exercise, students) for students in alike.values()]
    return [
        {"why": why, "exercise": exercise, "students": students}
        for why, exercise, students in groups
        if 2 <= len(students) <= rare
    ]


def _own_words(code: str) -> int:
    """How many words the comments have that a learner wrote."""
    return sum(len(re.findall(r"[^\W\d_]{3,}", said)) for said in COMMENT.findall(code))


def _unspaced(code: str) -> str:
    return re.sub(r"\s+", "", code)


def _row(learner: Learner) -> dict:
    return {
        "student": learner.student,
        "name": learner.name,
        "score": round(learner.score, 4),
        "late_seconds": learner.late,
        "penalty": learner.penalty,
        "by_hand": list(learner.by_hand),
        "exercises": {
            name: {
                "stands": answer.stands,
                "score": learner.points.get(name, 0.0),
                "mistake": answer.verdict.get("mistake"),
            }
            for name, answer in learner.answers.items()
        },
    }


def as_csv(told: dict) -> str:
    """One line a learner: the score, and for each exercise how it stands."""
    names = [exercise["exercise"] for exercise in told["exercises"]]
    columns = ["student", "name", "score", "max_score", "late_seconds", "penalty"]
    for name in names:
        columns += [name, f"{name} score", f"{name} mistake"]
    rows = [columns]
    for row in told["learners"]:
        line = [row["student"], row["name"], row["score"]]
        line += [told["max_score"], row["late_seconds"], row["penalty"]]
        for name in names:
            answer = row["exercises"][name]
            line += [STANDS[answer["stands"]], answer["score"], answer["mistake"]]
        rows.append(line)
    return table_text(rows)


# --- pictures ---------------------------------------------------------------------


def pictures(work: ClassWork, told: dict) -> dict:
    """What the page shows besides the figures."""
    drawn, shown, links = {}, {}, {}
    by_student = {learner.student: learner for learner in work.learners}
    for part in told["exercises"]:
        name = part["exercise"]
        exercise = discover()[name]
        links[name] = page.book_link(work.book_url, name)
        for mistake in part["mistakes"]:
            drawn[name, mistake["mistake"]] = _picture(exercise, mistake["mistake"])
        for group in part["others"]:
            answer = by_student[group["example"]].answers[name]
            shown[name, group["behaviour"]] = page.safe_html(answer.shown)
    return {
        "drawn": drawn,
        "shown": shown,
        "links": links,
        "stands_in_words": STANDS,
        "names": {x.student: x.name for x in work.learners},
    }


def _picture(exercise: Exercise, mistake: str) -> tuple[str, str]:
    """What a declared mistake gives, beside what is expected; and its error, if any."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # overflow is some mistakes' point
        call = call_in_process(exercise.driven(_declared(exercise)[mistake]))
        verdict = judge(exercise, call)
    if not verdict.shown:
        return "", ""
    error = verdict.shown.actual.error
    said = f"{error.kind}: {error.message}" if error else ""
    return Markup(picture_html(verdict)), said  # no submission has a part in it
