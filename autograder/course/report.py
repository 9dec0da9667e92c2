"""What a class misunderstood: one page for the instructor, with CSV and JSON.

Read from the gradebook and from the graded notebooks, whichever way they were graded.
Nothing of a submission is run here. The pictures of mistakes are made anew from their
own declarations, on the inputs that everybody may see.
"""

import inspect
import json
import re
import statistics
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from markupsafe import Markup

from autograder.course import pages as page
from autograder.course.classwork import (
    STANDS,
    ClassWork,
    Learner,
    declared_mistakes,
    read_class,
)
from autograder.course.drafts import draft, visible_code
from autograder.course.similar import similar
from autograder.course.times import local_time
from autograder.exercises.declaration import Exercise
from autograder.exercises.registry import discover
from autograder.files.tables import table_text
from autograder.files.whole import write_whole
from autograder.grading.assignment import CourseError
from autograder.judge.fingerprint import Watched
from autograder.judge.render import picture_html
from autograder.judge.verdict import judge
from autograder.values.called import call_in_process
from autograder.values.endings import ENDINGS, Ending

BINS = 10  # of the picture of the scores


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
        "made_here": local_time(datetime.now(UTC).replace(tzinfo=None), work.zone),
        "due_here": local_time(work.due, work.zone) if work.due else None,
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
        "extended": [
            {"student": student, "until": local_time(until, work.zone)}
            for student, until in sorted(work.extended.items())
        ],
        "by_hand": [x.student for x in learners if x.by_hand],
        "mean": round(statistics.fmean(scores), 4),
        "median": round(statistics.median(scores), 4),
        "histogram": _histogram(scores, work.most),
        "exercises": [
            _exercise(work, test.exercise, test.points or 0.0)
            for test in work.assignment.tests
        ],
        "look_at": _look_at(work),
        "similar": similar(work),
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
    declared = declared_mistakes(exercise)
    return [
        {
            "mistake": name,
            "hint": " ".join((inspect.getdoc(declared[name]) or "").split()),
            "students": students,
        }
        for name, students in _most_first(made)
    ]


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
                "source": visible_code(answer.source),
                "draft": draft(name, answer.source),
            }
        )
    return found


def _most_first(groups: dict[str, list]) -> list[tuple[str, list]]:
    return sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))


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
        yield _kind_of_note(text), exercise, text
    for ending in (ENDINGS[kind] for kind in learner.errors if kind in ENDINGS):
        for exercise, text in _met_in(learner, ending):
            yield f"The code {ending.in_the_report}", exercise, text
    for name, answer in learner.answers.items():
        if answer.stands == "ungraded":
            text = "graded without this book's judge, or its notebook is gone"
            yield "There is a score, but no verdict", name, text
        if answer.stands == "other" and answer.behaviour == right[name]:
            text = "are there numbers in the code that fit the visible inputs only?"
            yield "Right on the visible inputs, wrong on others", name, text


def _met_in(learner: Learner, ending: Ending) -> list[tuple[str, str]]:
    """(exercise, what its learner reads) where code ended so; else once, without."""
    words = max(re.split(r"\{[^}]*\}", ending.sentence), key=len)
    said = {n: a.verdict.get("rationale", "") for n, a in learner.answers.items()}
    return [(n, text) for n, text in said.items() if words in text] or [("", "")]


def _kind_of_note(text: str) -> str:
    if text.startswith("the judge failed"):
        return "The judge failed"
    if text.startswith("not counted"):
        return "Has cells below the check that were not counted"
    return "Calls a library's own function"


def _right_behaviour(name: str) -> str:
    """What a right answer gives on the visible inputs."""
    exercise = discover()[name]
    watched = Watched(call_in_process(exercise.driven(exercise.reference)))
    judge(exercise, watched)
    return watched.digest()


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
    drawn, shown, links, ranked = {}, {}, {}, []
    by_student = {learner.student: learner for learner in work.learners}
    for part in told["exercises"]:
        name = part["exercise"]
        exercise = discover()[name]
        links[name] = page.book_link(work.book_url, name)
        for mistake in part["mistakes"]:
            drawn[name, mistake["mistake"]] = _picture(exercise, mistake["mistake"])
            ranked.append((len(mistake["students"]), name, mistake["mistake"]))
        for group in part["others"]:
            answer = by_student[group["example"]].answers[name]
            shown[name, group["behaviour"]] = page.safe_html(answer.shown)
    return {
        "drawn": drawn,
        "shown": shown,
        "links": links,
        "stands_in_words": STANDS,
        "ranked": sorted(ranked, key=lambda it: (-it[0], it[1:])),
        "names": _labels(work.names),
    }


def _labels(names: dict[str, str]) -> dict[str, str]:
    """How the page calls each student: by name; with the id where two share it."""
    times = Counter(names.values())
    return {
        student: name if times[name] == 1 else f"{name} ({student})"
        for student, name in names.items()
        if name
    }


def _picture(exercise: Exercise, mistake: str) -> tuple[str, str]:
    """What a declared mistake gives, beside what is expected; and its error, if any."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # overflow is some mistakes' point
        call = call_in_process(exercise.driven(declared_mistakes(exercise)[mistake]))
        verdict = judge(exercise, call)
    if not verdict.shown:
        return "", ""
    error = verdict.shown.actual.error
    said = f"{error.kind}: {error.message}" if error else ""
    return Markup(picture_html(verdict)), said  # no submission has a part in it
