"""A whole term with real nbgrader: every figure compared with what the class was made
to be.

Forty learners, from four kinds of class list; three chapters, and each way in which
notebooks come in: downloads of eight systems, nbgrader's exchange, a folder. Among the
learners are good ones, mistaken ones, late, hostile and broken ones, two who work
together, and some who hand in again. One chapter is the instructor's own, with a slip
in its reference, that is corrected afterwards.
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
from autograder.course.setup import make_course
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
    def first(self):
        return FIRST[self.number % 10]

    @property
    def last(self):
        return LAST[self.number // 10 % 4]


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


GROUP = {12: 11}  # who hands in with another one, in the chapter that comes by LMS
EXTENDED = {29: "2026-11-03T00:00Z", 30: "2026-11-05T00:00Z"}  # before grading; after
CLASS = [Learner(number, _kind(number)) for number in range(1, 41)]
LATE = {29: timedelta(hours=5), 30: timedelta(days=2), 31: timedelta(days=30)}
PENALTY = {30: 0.2, 31: 0.5}  # of the score: 10 % a day begun, half at most


def _canvas(some):
    rows = [
        f'"{x.last}, {x.first}",{9000 + x.number},S{x.number},{x.id},A' for x in some
    ]
    head = "Student,ID,SIS User ID,SIS Login ID,Section,Old (1)"
    return [head, "    Points Possible,,,,,10", *rows]


def _moodle(some):
    team = {number for pair in GROUP.items() for number in pair}
    return [
        "First name,Last name,Username,Email address,Groups",
        *(
            f"{x.first},{x.last},{x.id},{x.id}@example.org,"
            f"{'Team 1' if x.number in team else ''}"
            for x in some
        ),
    ]


def _blackboard(some):
    rows = [f'"{x.last}"\t"{x.first}"\t"{x.id}"\t"S{x.number}"' for x in some]
    return ['"Last Name"\t"First Name"\t"Username"\t"Student ID"', *rows]


def _gradescope(some):
    rows = [f"{x.first},{x.last},{x.id},{x.id}@example.org,Student" for x in some]
    return ["First Name,Last Name,SID,Email,Role", *rows]


LISTS = [_canvas, _moodle, _blackboard, _gradescope]  # of ten each
# How eight systems name what a learner handed in. In a group the name is the group's.
NAMED = [
    "canvas/{x.last}{x.first}_{lms}_{x.number}_{chapter}{again}.ipynb",
    "moodle/{x.first} {x.last}_{x.number}_assignsubmission_file_/{chapter}.ipynb",
    "blackboard/W_1_{x.id}_attempt_2026-11-01-10-00-00_{chapter}.ipynb",
    "brightspace/1-{x.number} - {name} - Nov 1, 2026 905 AM/{chapter}.ipynb",
    "gradescope/assignment_1_export/submission_{x.number}/{chapter}.ipynb",
    "ilias/Scores/{x.last}_{x.first}_{x.id}_77/{chapter}.ipynb",
    "sakai/Scores/{x.last}, {x.first}({x.id})/Submission attachment(s)/a.ipynb",
    "Submitted files/{x.first} {x.last}/Scores/Version 2/{chapter}.ipynb",
]


def name_of(learner, chapter, again=""):
    """The name in a download: each system has every eighth of the class."""
    kind = 0 if learner.kind == "again" else learner.number % 8
    name = f"{learner.first} {learner.last}"
    if learner.number in GROUP.values():
        name = "Team 1"
    made = NAMED[kind].format(
        x=learner, chapter=chapter, again=again, lms=9000 + learner.number, name=name
    )
    return made.lower() if kind == 0 else made


class Term:
    """The course, and what each learner has to have in the end."""

    def __init__(self, folder):
        self.course = folder / "course"
        self.exchange = folder / "exchange"
        self.penalty = dict(PENALTY)
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
        """What eight systems let an instructor download, side by side."""
        folder = self.course.parent / "downloads"
        files, people = {}, ["---"]
        for learner in handing_in():
            if learner.number in GROUP:
                continue
            data, *_ = self.answer(learner, chapter, again=True)
            files[name_of(learner, chapter, "-1")] = data
            people += [
                f"submission_{learner.number}:",
                "  :submitters:",
                f"  - :name: {learner.first} {learner.last}",
                f"    :email: {learner.id}@example.org",
                f"    :sid: {learner.id}",
                "  :created_at: 2026-11-01 10:00:00.000000000 Z",
            ]
            if learner.kind == "again":
                data, *_ = self.answer(learner, chapter)
                files[name_of(learner, chapter)] = data
        told = "\n".join(people).encode()
        files["gradescope/assignment_1_export/submission_metadata.yml"] = told
        for name, data in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        return autograder("collect", chapter, folder, "--course", self.course)

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
            late = self.penalty.get(learner.number, 0) if chapter == EXCHANGE else 0
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
    dates = "\n".join(f"{chapter},{DUE}+00:00" for chapter in (LMS, EXCHANGE))
    (term.course / "due_dates.csv").write_text(f"chapter,due\n{dates}\n")
    assert autograder("sync", "--course", term.course).returncode == 0
    done = autograder("course", term.course)
    assert done.returncode == 0, done.stderr
    for number, made in enumerate(LISTS):
        file = term.course.parent / f"class-{number}.csv"
        lines = made(CLASS[10 * number : 10 * number + 10])
        file.write_text("\n".join(lines), encoding="utf-8")
        said = make_course(term.course, roster=file, only=[LMS])
        assert "10 students added" in said[0] and "became the id" in said[0], said
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
    told = term.report(LMS)
    _compare_report(told, term.wanted(LMS), term.mistakes(LMS), late=[])
    done = autograder("feedback", LMS, "--course", term.course)
    assert f"{LMS}: 39 pages made" in done.stdout, done.stdout + done.stderr
    for kind, system in {0: "canvas", 1: "moodle", 2: "blackboard", 6: "sakai"}.items():
        path = term.course / "handback" / f"{LMS}-{system}.zip"
        mine = [
            learner
            for learner in handing_in()
            if (learner.number % 8, 0)[learner.kind == "again"] == kind
            and learner.number not in GROUP
        ]
        with zipfile.ZipFile(path) as packed:
            assert len(packed.namelist()) == len(mine)
            pages = [packed.read(name).decode() for name in packed.namelist()]
        for learner in mine:
            [page] = [p for p in pages if f"{learner.first} {learner.last}" in p]
            *_, mistake = term.answer(learner, LMS, again=True)
            assert (mistake or "").replace("_", " ") in page


def _a_chapter_by_exchange(term):
    assert nbgrader(term.course, "release_assignment", EXCHANGE).returncode == 0
    done = term.by_exchange(EXCHANGE)
    assert done.returncode == 0, done.stderr
    before, after = EXTENDED
    _extend(term, before)
    summary, _ = term.grade(EXCHANGE)
    assert summary["graded"] == 39
    _compare_report(
        term.report(EXCHANGE),
        term.wanted(EXCHANGE, again=False),
        term.mistakes(EXCHANGE, again=False),
        late=of_kind("late")[1:],
    )
    # Two hand in again: those alone are graded, and their scores change.
    done = term.by_exchange(EXCHANGE, again=True)
    assert done.returncode == 0, done.stderr
    summary, told = term.grade(EXCHANGE)
    assert (summary["graded"], summary["unchanged"]) == (2, 37)
    for student in of_kind("again"):
        assert re.search(rf"^{student}: softmax .*handed in again", told, re.M), told
    assert re.search(r"^s30: late penalty 0\.\d+ -> 0$", _extend(term, after), re.M)
    del term.penalty[after]
    told = term.report(EXCHANGE)
    mistakes = term.mistakes(EXCHANGE)
    _compare_report(told, term.wanted(EXCHANGE), mistakes, late=of_kind("late")[2:])
    assert [it["student"] for it in told["extended"]] == ["s29", "s30"]
    _feedback(term, mistakes)


def _extend(term, number):
    until = EXTENDED[number]
    student = f"s{number}"
    done = autograder("extend", student, EXCHANGE, until, "--course", term.course)
    assert done.returncode == 0, done.stderr
    return done.stdout


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
