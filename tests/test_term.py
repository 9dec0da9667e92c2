"""A whole term with real nbgrader: every figure compared with what the class was made
to be.

Forty learners, three chapters, and each way in which notebooks come in: a download of
an LMS, nbgrader's exchange, a folder. Among the learners are good ones, mistaken ones,
late, hostile and broken ones, and some who hand in again. One chapter is the
instructor's own, with a slip in its reference, that is corrected afterwards.
"""

import csv
import importlib.util
import json
import re
import sys
import zipfile
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import nbformat
import own_exercise
import pytest
from classroom import autograder, nbgrader, source_of
from nbgrader.api import Gradebook

from autograder.course.gradebook import seed_of
from autograder.exercises.registry import discover
from autograder.exercises.source import renamed
from autograder.judge.verdict import judge
from autograder.values.called import call_in_process

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="graded runs need Linux"
)

LMS, EXCHANGE, OWN = "03_scores", "05_softmax", own_exercise.CHAPTER
CHAPTERS = {LMS: "scores", EXCHANGE: "softmax", OWN: "soften"}
DUE = datetime(2026, 11, 2, 18)
SLIP = ("return S / temperature\n", "return S / temperature**3\n")
FIRST = ["Ada", "Bo", "Chen", "Dina", "Emil", "Fay", "Gus", "Hana", "Igor", "Jun"]
LAST = ["Adams", "Baker", "Costa", "Dang"]
HOSTILE = {
    "ends Python": "import os\n\n\ndef {name}(*a, **k):\n    os._exit(0)",
    "says it is equal": "class Any:\n    __eq__ = lambda self, other: True\n"
    "    __array__ = lambda self, *a, **k: 1 / 0\n\n\n"
    "def {name}(*a, **k):\n    return Any()",
    "asks for the reference": "from solutions import {name} as right\n\n\n"
    "def {name}(*a, **k):\n    return right(*a, **k)",
}
BROKEN = {
    "cut off": lambda text: text.encode()[:900],
    "not UTF-8": lambda text: text.encode().replace(b"numpy", b"n\xfcmpy"),
    "empty": lambda text: b"",
}


@dataclass(frozen=True)
class Learner:
    """One of the class: what kind of work comes from here, the whole term long."""

    number: int
    kind: str

    @property
    def id(self):
        return f"s{self.number:02}"

    @property
    def names(self):
        return FIRST[self.number % 10], LAST[self.number // 10 % 4]


def _kind(number):
    for end, kind in (
        (18, "right"),
        (28, "mistaken"),
        (31, "late"),
        (34, "hostile"),
        (37, "broken"),
        (39, "again"),
        (40, "absent"),
    ):
        if number <= end:
            return kind


CLASS = [Learner(number, _kind(number)) for number in range(1, 41)]
LATE = {29: timedelta(hours=5), 30: timedelta(days=2), 31: timedelta(days=30)}
PENALTY = {29: 0.1, 30: 0.2, 31: 0.5}  # of the score: 10 % a day begun, half at most


class Term:
    """The course, and what each learner has to have in the end."""

    def __init__(self, folder):
        self.course = folder / "course"
        self.exchange = folder / "exchange"
        self.right = _imported(folder / "right.py", own_exercise.DECLARATION)
        slip = own_exercise.DECLARATION.replace(*SLIP)
        self.slip = _imported(folder / "slip.py", slip)

    def exercise(self, chapter):
        """The declaration that learners follow: the right one."""
        return self.right if chapter == OWN else discover()[CHAPTERS[chapter]]

    # What each hands in.

    def answer(self, learner, chapter, again=False):
        """(bytes of the notebook, points without penalty, the mistake's name)"""
        name = CHAPTERS[chapter]
        exercise = self.exercise(chapter)
        right = [exercise.reference, *exercise.equivalents]
        right = [f for f in right if "torch" not in source_of(f)]
        function, points, mistake = right[learner.number % len(right)], None, None
        if learner.kind == "mistaken" or (learner.kind == "again" and not again):
            function = exercise.mistakes[learner.number % len(exercise.mistakes)]
            mistake = function.__name__
            seed = seed_of(self.course, chapter)
            points = judge(exercise, call_in_process(function), seed=seed).score
        source = renamed(function, name)
        if learner.kind == "hostile":
            source = list(HOSTILE.values())[learner.number % 3].format(name=name)
            points = 0.0
        text = self._notebook(chapter, name, source)
        if learner.kind == "broken":
            made = list(BROKEN.values())[learner.number % 3](text)
            return made, 0.0, None
        return text.encode(), exercise.points if points is None else points, mistake

    def _notebook(self, chapter, name, source):
        path = self.course / "release" / chapter / f"{chapter}.ipynb"
        notebook = nbformat.read(str(path), as_version=4)
        for cell in notebook.cells:
            if cell.metadata.get("nbgrader", {}).get("grade_id") == f"{name}_answer":
                cell.source = f"import numpy as np\n\n\n{source}"
        return nbformat.writes(notebook)

    # How it comes in.

    def by_lms(self, chapter):
        """A zip as Canvas makes it, with the marks that it puts into names."""
        path = self.course.parent / "submissions.zip"
        with zipfile.ZipFile(path, "w") as packed:
            for learner in handing_in():
                data, *_ = self.answer(learner, chapter, again=True)
                first, last = learner.names
                mark = f"{last}{first}_{9000 + learner.number}_{learner.number}_"
                packed.writestr(f"{mark.lower()}{chapter}-1.ipynb", data)
                if learner.kind == "again":
                    data, *_ = self.answer(learner, chapter)
                    packed.writestr(f"{mark.lower()}{chapter}.ipynb", data)
        return autograder("collect", chapter, path, "--course", self.course)

    def by_exchange(self, chapter, again=False):
        """As `nbgrader submit` leaves it; `nbgrader collect` fetches it."""
        for learner in handing_in():
            if again and learner.kind != "again":
                continue
            data, *_ = self.answer(learner, chapter, again)
            when = DUE + LATE.get(learner.number, timedelta(hours=again - 5))
            stamp = f"{when:%Y-%m-%d %H:%M:%S.%f} UTC"
            name = f"{learner.id}+{chapter}+{stamp}+{learner.number:016}"
            folder = self.exchange / "attention" / "inbound" / name
            folder.mkdir(parents=True)
            (folder / f"{chapter}.ipynb").write_bytes(data)
            (folder / "timestamp.txt").write_text(stamp)
        update = ["--update"] if again else []
        return nbgrader(self.course, "collect", chapter, *update)

    def by_folder(self, chapter):
        for learner in handing_in():
            data, *_ = self.answer(learner, chapter, again=True)
            folder = self.course / "submitted" / learner.id / chapter
            folder.mkdir(parents=True)
            (folder / f"{chapter}.ipynb").write_bytes(data)

    def grade(self, chapter):
        done = autograder("grade", chapter, "--course", self.course, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout), done.stderr

    def report(self, chapter):
        done = autograder("report", chapter, "--course", self.course)
        assert done.returncode == 0, done.stderr
        path = self.course / "reports" / f"{chapter}.json"
        return json.loads(path.read_text(encoding="utf-8"))

    def wanted(self, chapter, again=True):
        """Student -> final points; penalties only where the time is known."""
        found = {}
        for learner in handing_in():
            _, points, _ = self.answer(learner, chapter, again)
            late = PENALTY.get(learner.number, 0) if chapter == EXCHANGE else 0
            found[learner.id] = round(points * (1 - late), 4)
        return found

    def with_the_slip(self):
        """Student -> what the own chapter gives while its reference is wrong."""
        found, seed = {}, seed_of(self.course, OWN)
        for learner in handing_in():
            mistakes = self.right.mistakes
            function = mistakes[learner.number % len(mistakes)]
            function = function if learner.kind == "mistaken" else self.right.reference
            verdict = judge(self.slip, call_in_process(function), seed=seed)
            nothing = learner.kind in ("hostile", "broken")
            found[learner.id] = 0.0 if nothing else verdict.score
        return found

    def mistakes(self, chapter, again=True):
        """Mistake -> the students who made it."""
        found = {}
        for learner in handing_in():
            _, _, mistake = self.answer(learner, chapter, again)
            if mistake:
                found.setdefault(mistake, []).append(learner.id)
        return found


def _imported(path, source):
    """The exercise that a file declares, apart from the course's own."""
    path.write_text(source, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.exercise


def handing_in():
    return [learner for learner in CLASS if learner.kind != "absent"]


def of_kind(*kinds):
    return [learner.id for learner in CLASS if learner.kind in kinds]


@pytest.fixture(scope="module")
def term(tmp_path_factory):
    """The course, with three chapters handed out."""
    term = Term(tmp_path_factory.mktemp("term"))
    own_exercise.declare(term.course)
    declared = term.course / "exercises" / "temperature.py"
    declared.write_text(own_exercise.DECLARATION.replace(*SLIP), encoding="utf-8")
    rows = [f"{x.id},{','.join(x.names)},{x.id}@example.org" for x in CLASS]
    text = "\n".join(["id,first_name,last_name,email", *rows])
    (term.course / "roster.csv").write_text(text, encoding="utf-8")
    dates = "\n".join(f"{chapter},{DUE}+00:00" for chapter in (LMS, EXCHANGE))
    (term.course / "due_dates.csv").write_text(f"chapter,due\n{dates}\n")
    assert autograder("sync", "--course", term.course).returncode == 0
    done = autograder("course", term.course)
    assert done.returncode == 0 and "40 students added" in done.stdout, done
    with open(term.course / "nbgrader_config.py", "a", encoding="utf-8") as config:
        config.write(
            f"\nc.Exchange.root = {str(term.exchange)!r}\n"
            "c.ExchangeCollect.check_owner = False  # all are handed in by one user\n"
            'c.AssignLatePenalties.plugin_class = "autograder.policies.LatePolicy"\n'
            "c.LatePolicy.at_most_percent = 50\n"
        )
    for chapter in CHAPTERS:
        done = autograder("release", chapter, "--course", term.course)
        assert done.returncode == 0, done.stderr
        with zipfile.ZipFile(term.course / "handout" / f"{chapter}.zip") as handout:
            texts = [
                handout.read(f"{chapter}/{name}").decode()
                for name in ("README.md", f"{chapter}.ipynb")
            ]
        assert all(("ue 2026-11-02" in text) == (chapter != OWN) for text in texts)
    return term


def test_the_term(term):
    """One after the other, as the weeks go by."""
    _a_chapter_by_lms(term)
    _a_chapter_by_exchange(term)
    _the_own_chapter_corrected(term)
    _the_exports(term)


def _a_chapter_by_lms(term):
    done = term.by_lms(LMS)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{LMS}: 39 collected" in done.stdout
    assert "Nothing from 1 student: s40" in done.stdout
    summary, told = term.grade(LMS)
    assert summary["graded"] == 39 and summary["missing"] == 0
    assert {line.partition(":")[0] for line in told.splitlines()} >= set(
        of_kind("broken")
    )
    _compare_report(term.report(LMS), term.wanted(LMS), term.mistakes(LMS), late=[])


def _a_chapter_by_exchange(term):
    assert nbgrader(term.course, "release_assignment", EXCHANGE).returncode == 0
    done = term.by_exchange(EXCHANGE)
    assert done.returncode == 0, done.stderr
    summary, _ = term.grade(EXCHANGE)
    assert summary["graded"] == 39
    _compare_report(
        term.report(EXCHANGE),
        term.wanted(EXCHANGE, again=False),
        term.mistakes(EXCHANGE, again=False),
        late=of_kind("late"),
    )
    # Two hand in again: those alone are graded, and their scores change.
    done = term.by_exchange(EXCHANGE, again=True)
    assert done.returncode == 0, done.stderr
    summary, told = term.grade(EXCHANGE)
    assert (summary["graded"], summary["unchanged"]) == (2, 37)
    for student in of_kind("again"):
        assert re.search(rf"^{student}: softmax .*handed in again", told, re.M), told
    told = term.report(EXCHANGE)
    mistakes = term.mistakes(EXCHANGE)
    _compare_report(told, term.wanted(EXCHANGE), mistakes, late=of_kind("late"))
    _feedback(term, mistakes)


def _feedback(term, mistakes):
    done = nbgrader(term.course, "generate_feedback", EXCHANGE)
    assert done.returncode == 0, done.stderr
    pages = {}
    for learner in handing_in():
        path = term.course / "feedback" / learner.id / EXCHANGE / f"{EXCHANGE}.html"
        pages[learner.id] = path.read_text(encoding="utf-8")
    assert not any("<script" in page for page in pages.values())
    for mistake, students in mistakes.items():
        for student in students:
            assert mistake.replace("_", " ") in pages[student]
    for student in of_kind("broken"):
        assert "in JupyterLab" in pages[student] or "is empty" in pages[student]
    done = nbgrader(term.course, "release_feedback", EXCHANGE)
    assert done.returncode == 0, done.stderr


def _the_own_chapter_corrected(term):
    """First graded with the slip; one score set by hand; then with the correction."""
    term.by_folder(OWN)
    summary, _ = term.grade(OWN)
    assert summary["graded"] == 39
    before = term.with_the_slip()
    assert _scores(term, OWN) == pytest.approx(before)
    overridden = of_kind("right")[0]
    _set_by_hand(term, OWN, overridden, 2.5)
    declared = term.course / "exercises" / "temperature.py"
    declared.write_text(own_exercise.DECLARATION, encoding="utf-8")
    summary, told = term.grade(OWN)
    assert summary["graded"] == 39
    after = term.wanted(OWN)
    changed = {s for s in after if after[s] != before[s]}
    assert changed >= set(of_kind("right", "late", "again")) and len(changed) < 39
    found = set(re.findall(r"^(s\d\d): soften .*exercise was corrected", told, re.M))
    assert found == changed, told
    assert _scores(term, OWN) == pytest.approx(after | {overridden: 2.5})
    report = term.report(OWN)
    assert report["by_hand"] == [overridden]
    _compare_report(report, after | {overridden: 2.5}, term.mistakes(OWN), late=[])


def _the_exports(term):
    finals = {chapter: _scores(term, chapter) for chapter in CHAPTERS}
    assert nbgrader(term.course, "export").returncode == 0
    stock = _table(term.course / "grades.csv")
    for chapter, scores in finals.items():
        rows = [row for row in stock if row["assignment"] == chapter]
        found = {r["student_id"]: float(r["score"]) for r in rows if r["timestamp"]}
        some = {student: scores[student] for student in found}
        assert found == pytest.approx(some)
    for exporter, file, key, heading in (
        ("CanvasExporter", "canvas.csv", "SIS User ID", "{}"),
        ("MoodleExporter", "moodle.csv", "Username", "{}: total"),
        ("ExerciseExporter", "exercises.csv", "student_id", "{}: total"),
    ):
        exporter = f"--exporter=autograder.export.{exporter}"
        done = nbgrader(term.course, "export", exporter, "--to", file)
        assert done.returncode == 0, done.stderr
        rows = {row[key]: row for row in _table(term.course / file)}
        for chapter, scores in finals.items():
            column = heading.format(chapter)
            found = {student: float(rows[student][column]) for student in scores}
            assert found == pytest.approx(scores)
            assert rows["s40"][column] == ""


def _compare_report(told, wanted, mistakes, late):
    """Every figure of a report with what the class was made to be."""
    scores = {row["student"]: row["score"] for row in told["learners"]}
    assert scores == pytest.approx(wanted)
    assert (told["handed_in"], told["graded"]) == (39, 39)
    assert told["missing"] == ["s40"] and told["ungraded"] == []
    assert sorted(told["broken"]) == of_kind("broken")
    assert sorted(row["student"] for row in told["late"]) == late
    assert told["mean"] == pytest.approx(sum(wanted.values()) / 39, abs=1e-3)
    assert sum(told["histogram"]) == 39
    [exercise] = told["exercises"]
    found = {m["mistake"]: sorted(m["students"]) for m in exercise["mistakes"]}
    assert found == mistakes
    stands = exercise["stands"]
    assert stands["mistake"] == sum(map(len, mistakes.values()))
    assert stands["unread"] == 3
    accused = {s for m in exercise["mistakes"] for s in m["students"]}
    accused |= {s for group in exercise["others"] for s in group["students"]}
    accused |= {s for group in told["similar"] for s in group["students"]}
    assert not accused & set(of_kind("right", "late"))
    looked_at = {e["student"] for kind in told["look_at"] for e in kind["entries"]}
    assert looked_at >= set(of_kind("broken"))


def _scores(term, chapter):
    with Gradebook(f"sqlite:///{term.course / 'gradebook.db'}", "attention") as book:
        found = book.assignment_submissions(chapter)
        return {
            s.student.id: s.score
            - sum(n.late_submission_penalty or 0 for n in s.notebooks)
            for s in found
        }


def _set_by_hand(term, chapter, student, points):
    with Gradebook(f"sqlite:///{term.course / 'gradebook.db'}", "attention") as book:
        grade = book.find_grade(CHAPTERS[chapter], chapter, chapter, student)
        grade.manual_score = points
        book.db.commit()


def _table(path: Path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
