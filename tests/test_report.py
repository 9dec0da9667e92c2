"""The report on a class: every figure compared with what the class was made to be."""

import copy
import csv
import json
import re
import subprocess
import sys
import time
from datetime import datetime
from types import SimpleNamespace

import nbformat
import numpy as np
import pytest
from browser import visit
from classroom import Submission, hand_in, make_class, nbgrader, small_course, source_of
from nbgrader.api import Gradebook

from autograder.__main__ import main
from autograder.chapters.chapter import load_chapters
from autograder.course.classwork import STANDS, _place
from autograder.course.drafts import draft, visible_code
from autograder.course.grade import grade_chapter
from autograder.course.gradebook import GradebookWriter, Graded, load_course
from autograder.course.report import report_chapter
from autograder.course.similar import similar
from autograder.exercises.registry import discover
from autograder.grading.assess import Result
from autograder.grading.assignment import CourseError, Options
from autograder.grading.warm import stop_engines
from autograder.judge.cases import VISIBLE_SEED, draw_cases
from autograder.judge.fingerprint import Watched
from autograder.judge.verdict import judge
from autograder.sandbox.limits import Limits
from autograder.values.called import call_in_process
from autograder.values.wire import Outcome

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="graded runs need Linux"
)

CHAPTER = "05_softmax"
SCRIPT = "</pre><script>window.hacked = 1</script><img src=http://a.example/x>"
ODD_NAME = "=cmd|'<img src=x onerror=alert(1)>'"

# One misunderstanding, written in three ways; the third in float32.
UNIFORM = {
    "uniform-1": "def softmax(S):\n    return np.full(S.shape, 1 / S.shape[1])",
    "uniform-2": "def softmax(S):\n    m = S.shape[1]\n    return 0 * S + 1 / m",
    "uniform-3": "def softmax(S):\n    return np.ones(S.shape, 'f4') / S.shape[1]",
}
COPIED = """def softmax(S):
    # my grandmother says that one subtracts the largest first
    shifted = S - S.max(axis=1)[:, None]
    return np.exp(shifted) / np.exp(shifted).sum(axis=1)[:, None]"""
COPIED_AGAIN = COPIED.replace("shifted = S - S", "shifted = S  -  S")
COPIED_WRONG = """def softmax(S):
    funny = np.tanh(S) ** 2 + np.tanh(S)
    return funny / (1 + funny.max())"""
EXERCISE = discover()["softmax"]
SHORT = source_of(EXERCISE.equivalents[2])
# Right where anybody can look, and nowhere else.
VISIBLE = [S for _, (S,) in draw_cases(EXERCISE, VISIBLE_SEED)]
BY_HEART = f"""SUMS = {[float(S.sum()) for S in VISIBLE]}
def softmax(S):
    E = np.exp(S - S.max(axis=1)[:, None])
    seen = any(abs(S.sum() - known) < 1e-6 for known in SUMS)
    return E / E.sum(axis=1)[:, None] * (1 if seen else 0.3)"""
OWN = {
    "by-heart": BY_HEART,
    **UNIFORM,
    "copied-1": COPIED,
    "copied-2": COPIED_AGAIN,
    "funny-1": COPIED_WRONG,
    "funny-2": COPIED_WRONG.replace("\n    return", "\n\n    return"),
    "short-1": SHORT.replace("through_logarithms", "softmax"),
    "short-2": SHORT.replace("through_logarithms", "softmax"),
    "network": "import socket\ndef softmax(S): socket.create_connection(('::1', 1))",
    "endless": "def softmax(S):\n    while True: pass",
    "hostile": f"def softmax(S):\n    '{SCRIPT}'\n    raise ValueError('{SCRIPT}')",
    ODD_NAME: f"# {SCRIPT}\ndef softmax(S): return '''{SCRIPT}'''",
}
AGAIN = [("over_queries", 4), ("bare_exp", 2)]  # mistakes that more learners made
DUE = datetime(2026, 1, 1, 12)


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A graded course, and its class."""
    course = small_course(tmp_path_factory.mktemp("report") / "course", [CHAPTER])
    assert nbgrader(course, "generate_assignment", CHAPTER).returncode == 0
    released = course / "release" / CHAPTER / f"{CHAPTER}.ipynb"
    release = nbformat.read(str(released), as_version=4)
    made = make_class(load_chapters([CHAPTER])[0], release)
    by_name = {submission.student: submission for submission in made}
    for mistake, times in AGAIN:
        text = by_name[f"softmax-{mistake}"].text
        for number in range(times):
            student = f"again-{mistake}-{number}"
            made.append(Submission(student, text, {"softmax": 0.0}, mistake))
    for student, source in OWN.items():
        made.append(Submission(student, answered(release, source), None))
    hand_in(made, course, CHAPTER)
    late = course / "submitted" / "right" / CHAPTER / "timestamp.txt"
    late.write_text("2026-01-03 12:00:00.000000 UTC")
    database = f"sqlite:///{course / 'gradebook.db'}"
    with Gradebook(database, "attention") as gradebook:
        gradebook.find_assignment(CHAPTER).duedate = DUE
        gradebook.add_student("absent", first_name="Ab", last_name="<i>Sent</i>")
        gradebook.db.commit()
    options = Options(Limits(call_seconds=2, total_seconds=4), allow_unsafe=True)
    grade_chapter(course, CHAPTER, jobs=2, options=options, tell=lambda line: None)
    stop_engines()
    with Gradebook(database, "attention") as gradebook:
        place = CHAPTER, CHAPTER, "softmax-hard_maximum"
        gradebook.find_grade("softmax", *place).manual_score = 2.5
        place = CHAPTER, CHAPTER, "right"
        gradebook.find_submission_notebook(*place).late_submission_penalty = 1.0
        gradebook.db.commit()
    hand_in([Submission("not-graded", by_name["right"].text, None)], course, CHAPTER)
    return course, made


def answered(release, source):
    made = copy.deepcopy(release)
    for cell in made.cells:
        if cell.metadata.get("nbgrader", {}).get("grade_id") == "softmax_answer":
            cell.source = f"import numpy as np\n\n{source}"
    return nbformat.writes(made)


@pytest.fixture(scope="module")
def files(course):
    """The report's page, table and data."""
    return {path.suffix[1:]: path for path in report_chapter(course[0], CHAPTER)}


@pytest.fixture(scope="module")
def told(files):
    return json.loads(files["json"].read_text(encoding="utf-8"))


def test_every_mistake_is_found_and_nobody_else_is_accused(course, told):
    [part] = told["exercises"]
    made = {}
    for submission in course[1]:
        if submission.mistake:
            made.setdefault(submission.mistake, set()).add(submission.student)
    found = {it["mistake"]: set(it["students"]) for it in part["mistakes"]}
    assert found == made and len(found) >= 26
    counts = [len(it["students"]) for it in part["mistakes"]]
    assert counts == sorted(counts, reverse=True)
    assert part["mistakes"][0]["mistake"] == "over_queries" and counts[0] == 5


def test_how_many_stand_how(course, told):
    [part] = told["exercises"]
    right = {s.student for s in course[1] if s.scores == {"softmax": 4.0}}
    right |= {"copied-1", "copied-2", "short-1", "short-2"}
    stands = {
        row["student"]: row["exercises"]["softmax"]["stands"]
        for row in told["learners"]
    }
    assert {who for who, how in stands.items() if how == "right"} == right
    assert {who for who in stands if stands[who] == "unwritten"} == {"blank"}
    assert {w for w in stands if stands[w] == "unread"} == {"truncated", "empty"}
    assert {w for w in stands if stands[w] == "failed"} == {"softmax-syntax-error"}
    assert part["stands"] == {key: list(stands.values()).count(key) for key in STANDS}
    assert told["blank"] == ["blank"]
    assert told["broken"] == ["empty", "truncated"]


def test_who_is_there_and_who_is_not(course, told):
    assert told["graded"] == len(course[1])
    assert told["handed_in"] == told["graded"] + 1
    assert told["ungraded"] == ["not-graded"] and told["missing"] == ["absent"]
    assert told["late"] == [{"student": "right", "seconds": 172800.0, "penalty": 1.0}]


def test_people_stand_in_the_order_of_a_class_list():
    """By last name; and `s9` before `s10`, where there are no names."""
    people = [("b", "Ada", "Young"), ("a", "Zoe", "adams"), ("s10", None, None)]
    people += [("s9", None, None), ("10", None, None), ("9x", None, "")]
    people += [("x", "Example", "9"), ("w", "Example", "10")]
    found = [student for student, *_ in sorted(people, key=lambda row: _place(*row))]
    assert found == ["9x", "10", "s9", "s10", "x", "w", "a", "b"]


def test_the_scores_are_those_of_the_gradebook(course, told):
    scores = {row["student"]: row["score"] for row in told["learners"]}
    assert nbgrader(course[0], "export", "--to=grades.csv").returncode == 0
    with open(course[0] / "grades.csv", newline="", encoding="utf-8") as file:
        exported = {
            row["student_id"]: float(row["score"])
            for row in csv.DictReader(file)
            if row["assignment"] == CHAPTER
        }
    del exported["absent"]
    assert scores == pytest.approx(exported)
    assert scores["softmax-hard_maximum"] == 2.5 and scores["right"] == 3.0
    assert told["by_hand"] == ["softmax-hard_maximum"]
    assert told["mean"] == pytest.approx(np.mean([*scores.values()]), abs=1e-4)
    assert told["median"] == np.median([*scores.values()])
    expected, _ = np.histogram([*scores.values()], bins=10, range=(0, 4))
    assert told["histogram"] == expected.tolist()


def test_wrong_answers_that_do_the_same_stand_together(told):
    [part] = told["exercises"]
    groups = [set(it["students"]) for it in part["others"]]
    assert set(UNIFORM) in groups and {"funny-1", "funny-2"} in groups
    assert {"softmax-random"} in groups and {"softmax-text"} in groups
    assert groups[0] == set(UNIFORM)
    [uniform] = [it for it in part["others"] if set(it["students"]) == set(UNIFORM)]
    assert uniform["source"].endswith(OWN[uniform["example"]])


def test_the_draft_of_a_mistake_is_a_mistake_that_can_be_declared(told):
    [part] = told["exercises"]
    uniform = part["others"][0]
    names = {"np": np}
    exec(uniform["draft"], names)  # made of the source above, in this test
    mistake = names["todo_what_went_wrong"]
    assert mistake.__doc__.startswith("TODO")
    watched = Watched(call_in_process(mistake))
    assert judge(EXERCISE, watched).passed is False
    assert watched.digest() == uniform["behaviour"]


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("def f(x): return x", ["def todo_what_went_wrong(x):", "    return x"]),
        (
            "import a\ndef f(x,\n      y=1):\n\t'''Old.'''\n\treturn x  # so",
            ["def todo_what_went_wrong(x,", "      y=1):", "\treturn x  # so"],
        ),
        ("class f:\n  a = 1", ["class todo_what_went_wrong:", "  a = 1"]),
    ],
)
def test_a_draft_keeps_the_lines(source, lines):
    made = draft("f", source)
    compile(made, "draft", "exec")
    left = [line for line in made.splitlines() if "TODO" not in line]
    assert left == lines


UNSEEN = [
    "def f(x):\n    return x  # \u202eno\u2066",
    "def f(x):\n    return x" + " " * 400 + "; exit()",
    "def f(x):\n    return (x," + "\t" * 60 + "exit())",
    "def f(x):\n    y = 1\n    return '\x0b\x1c\u2028'",
    "def f(x): return x" + ".a" * 500,  # too deep to be written anew
]


@pytest.mark.parametrize("source", ["def f(", "g = 1", "def g(): pass", "\0", *UNSEEN])
def test_what_defines_nothing_or_hides_something_gives_no_draft(source):
    assert draft("f", source) is None


def test_what_hides_in_code_is_written_out():
    assert visible_code("a\u202e\r\n\tb\x1b") == "a\\u202e\n    b\\x1b"


def test_a_human_is_asked_to_look(told):
    found = {
        it["kind"]: {entry["student"] for entry in it["entries"]}
        for it in told["look_at"]
    }
    assert found["The notebook could not be read"] == {"empty", "truncated"}
    library = found["Calls a library's own function"]
    assert library == {"softmax-by-with_torch"}
    assert found["The code tried to open a connection"] == {"network"}
    assert found["The code took too long"] == {"endless"}
    [late] = next(it for it in told["look_at"] if "too long" in it["kind"])["entries"]
    assert late["exercise"] == "softmax" and "stopped after 2 s" in late["text"]
    assert found["Right on the visible inputs, wrong on others"] == {"by-heart"}


def test_alike_is_said_of_what_is_seldom_alike(told):
    alike = {(*it["students"], it["exercise"]) for it in told["similar"]}
    assert ("copied-1", "copied-2", "") in alike
    assert ("funny-1", "funny-2", "softmax") in alike
    named = {student for it in told["similar"] for student in it["students"]}
    assert named == {"copied-1", "copied-2", "funny-1", "funny-2"}


def test_the_table_says_the_same(files, told):
    with open(files["csv"], newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(told["learners"])
    for row, learner in zip(rows, told["learners"], strict=True):
        answer = learner["exercises"]["softmax"]
        assert row["student"].lstrip("'") == learner["student"]
        assert float(row["score"]) == learner["score"]
        assert row["softmax"] == STANDS[answer["stands"]]
        assert row["softmax mistake"] == (answer["mistake"] or "")
    assert not any(row["student"].startswith("=") for row in rows)


def test_the_page_is_safe_and_asks_for_nothing(files, chromium):
    with visit(chromium, files["html"]) as seen:
        assert seen.page.evaluate("[window.hacked, document.scripts.length]") == [
            None,
            0,
        ]
        assert seen.page.locator("img, iframe, link, [onerror]").count() == 0
        assert seen.elsewhere() == [] and seen.complaints == []
        said = seen.page.locator("main").text_content()
        assert SCRIPT in said and ODD_NAME in said


def test_the_page_shows_each_mistake_with_its_picture(files, told, chromium):
    [part] = told["exercises"]
    with visit(chromium, files["html"]) as seen:
        for it in part["mistakes"]:
            card = seen.page.locator(f"#softmax-{it['mistake']}")
            said = " ".join(card.text_content().split())
            assert it["mistake"].replace("_", " ") in said
            assert f"{len(it['students'])} of {told['graded']}" in said
            assert all(student in said for student in it["students"])
            assert re.search(r"yours A, shape|It ends with ValueError", said)
        main = seen.page.locator("main")
        assert "proves nothing" in main.text_content()
        # One table of all, the commonest first, each a link to its card.
        links = seen.page.locator(".ranked a")
        assert links.count() == len(part["mistakes"])
        assert links.first.get_attribute("href") == "#softmax-over_queries"
        # A name is shown as text, without the id; and no name is markup.
        assert "Ab <i>Sent</i>" in main.text_content()
        assert "(absent)" not in main.text_content()


@pytest.mark.parametrize(("width", "theme"), [(1280, "light"), (390, "dark")])
def test_everybody_can_read_it(files, chromium, width, theme):
    with visit(chromium, files["html"], width=width, theme=theme) as seen:
        assert seen.page.evaluate("document.documentElement.scrollWidth") <= width
        if theme == "dark":  # once is enough: a page with everything open is long
            seen.page.evaluate(
                "document.querySelectorAll('details').forEach(d=>d.open=1)"
            )
            # Of another chapter, whose exercises have longer names.
            seen.page.evaluate(
                "document.querySelectorAll('.ranked code')"
                ".forEach(name => name.textContent = 'single_head_attention')"
            )
            assert seen.page.evaluate("document.documentElement.scrollWidth") <= width
        assert seen.broken_rules() == []


def test_a_large_class_takes_seconds_and_folds_away(course, tmp_path, chromium):
    """Six hundred, made of the graded ones: their notebooks and their rows."""
    large = tmp_path / "course"
    subprocess.run(["cp", "-r", course[0], large], check=True)
    count = repeat(large, 600)
    begin = time.monotonic()
    page, _, data = report_chapter(large, CHAPTER)
    seconds = time.monotonic() - begin
    told = json.loads(data.read_text(encoding="utf-8"))
    assert told["graded"] == count >= 600
    assert seconds < 30  # about three, alone on a machine
    assert page.stat().st_size < 2**20
    named = {student for it in told["similar"] for student in it["students"]}
    assert not any("short" in student for student in named)
    with visit(chromium, page) as seen:
        height = seen.page.evaluate("document.documentElement.scrollHeight")
        assert height < 12_000
        rows = "[aria-labelledby=everybody] tbody tr"
        assert seen.page.locator(rows).count() == count


def repeat(course, most):
    """Add copies of every graded submission until there are enough; return how many."""
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}", "attention") as gradebook:
        first = {
            s.student.id: s.score for s in gradebook.assignment_submissions(CHAPTER)
        }
    times = -(-most // len(first))
    batch = []
    for number in range(1, times):
        for student, score in first.items():
            copied = f"{student}~{number}"
            (course / "autograded" / copied).symlink_to(course / "autograded" / student)
            scores = {"softmax": score}
            result = Result(copied, "", scores, [], [], None, [], "", None, 0.0)
            batch.append(Graded(result, None))
    with GradebookWriter(load_course(course), CHAPTER) as writer:
        writer.save(batch)
    return times * len(first)


def test_the_command_says_where_it_wrote(course, capsys):
    assert main(["report", CHAPTER, "--course", str(course[0])]) == 0
    said = capsys.readouterr().out.splitlines()
    assert [line.rpartition(".")[2] for line in said] == [
        "html: written",
        "csv: written",
        "json: written",
    ]


def test_where_there_is_nothing_yet_the_remedy_is_named(tmp_path, capsys):
    assert main(["report", CHAPTER, "--course", str(tmp_path)]) == 2
    assert "is no nbgrader course" in capsys.readouterr().err
    small_course(tmp_path / "course", [CHAPTER])
    with pytest.raises(CourseError, match="python -m autograder grade"):
        report_chapter(tmp_path / "course", CHAPTER)


def digest(value):
    watched = Watched(lambda arguments: Outcome(value))
    watched(())
    return watched.digest()


def test_noise_does_not_part_what_belongs_together():
    numbers = np.random.default_rng(0).standard_normal((4, 5))
    assert digest(numbers) == digest(numbers.astype("f4")) == digest(numbers + 1e-12)
    assert digest(numbers) == digest(numbers.tolist())
    assert digest(np.zeros(3)) == digest(-np.zeros(3)) == digest(np.zeros(3, int))
    different = [numbers, numbers.T, 2 * numbers, numbers + 0.01, numbers * np.nan]
    different += [None, "text", (numbers,), {"W": numbers}, 1.0, 2**2000]
    assert len({digest(value) for value in different}) == len(different)


def test_a_verdict_by_nbgraders_own_command_is_told_too(course):
    """Formgrader's button leaves no record; the notebook itself says enough."""
    done = nbgrader(course[0], "autograde", CHAPTER, "--student=not-graded")
    assert done.returncode == 0, done.stderr[-2000:]
    _, _, data = report_chapter(course[0], CHAPTER)
    told = json.loads(data.read_text(encoding="utf-8"))
    [row] = [row for row in told["learners"] if row["student"] == "not-graded"]
    assert row["exercises"]["softmax"]["stands"] == "right" and row["score"] == 4.0
    assert told["ungraded"] == []


def test_a_group_is_not_called_alike():
    words = "# we thought long about this one\ndef softmax(S): return S"
    learners = [
        SimpleNamespace(student=name, code=words, answers={}) for name in "abcd"
    ]
    together = {"a": "one file", "b": "one file"}
    work = SimpleNamespace(
        learners=learners[:2], assignment=SimpleNamespace(tests=[]), together=together
    )
    assert similar(work) == []
    work.learners = learners[:3]
    assert [it["students"] for it in similar(work)] == [["a", "b", "c"]]
