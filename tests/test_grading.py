"""A class with hostile and broken submissions, and a machine that fails."""

import contextlib
import copy
import hashlib
import html.parser
import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from concurrent.futures import BrokenExecutor, Future

import nbformat
import pytest
from classroom import nbgrader, small_course
from nbgrader.api import Gradebook

from autograder.chapters.toc import ROOT
from autograder.course import desk as desk_module
from autograder.course import grade as grade_module
from autograder.course import pools
from autograder.course.changes import changed_scores, line_of
from autograder.course.desk import RECORDS
from autograder.course.grade import grade_chapter
from autograder.course.gradebook import GradebookWriter
from autograder.course.report import report_chapter
from autograder.exercises.registry import discover
from autograder.grading import submission
from autograder.grading.assess import SENTENCES, assess
from autograder.grading.assignment import Assignment, CourseError, GradedCell, Options
from autograder.grading.warm import stop_engines
from autograder.judge.cases import VISIBLE_SEED, draw_cases
from autograder.judge.render import as_html, as_text
from autograder.judge.verdict import judge
from autograder.sandbox import tiers as sandbox
from autograder.sandbox.tiers import Limits
from autograder.values.called import call_in_process

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="graded runs need Linux"
)

CHAPTER = "05_softmax"
POINTS = 4.0
OPTIONS = Options(
    Limits(
        call_seconds=1.5,
        total_seconds=6,
        memory_bytes=300 * 2**20,
        scratch_bytes=2**22,
        file_bytes=2**20,
    ),
    allow_unsafe=True,
)
RIGHT = """import numpy as np

def softmax(S):
    E = np.exp(S - S.max(axis=-1, keepdims=True))
    return E / E.sum(axis=-1, keepdims=True)
"""
WRONG = """import numpy as np

def softmax(S):
    return S
"""


def done_by_nbgrader(course, *arguments):
    done = nbgrader(course, *arguments)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A course with one assignment handed out, to be copied."""
    course = small_course(tmp_path_factory.mktemp("template") / "course", [CHAPTER])
    done_by_nbgrader(course, "generate_assignment", CHAPTER)
    return course


@pytest.fixture
def course(template, tmp_path):
    subprocess.run(["cp", "-r", template, tmp_path / "course"], check=True)
    return tmp_path / "course"


@pytest.fixture(scope="module")
def release(template):
    path = template / "release" / CHAPTER / f"{CHAPTER}.ipynb"
    return nbformat.read(str(path), as_version=4)


def notebook(release, answer=RIGHT, before="", after=""):
    """The released notebook with an answer, and cells before and after it."""
    made = copy.deepcopy(release)
    place = next(i for i, c in enumerate(made.cells) if answer_cell(c))
    made.cells[place].source = answer
    if after:
        made.cells.insert(place + 1, nbformat.v4.new_code_cell(textwrap.dedent(after)))
    if before:
        made.cells.insert(place, nbformat.v4.new_code_cell(textwrap.dedent(before)))
    return made


def answer_cell(cell):
    return cell.metadata.get("nbgrader", {}).get("grade_id") == "softmax_answer"


def test_cell(cell):
    return cell.metadata.get("nbgrader", {}).get("grade_id") == "softmax"


test_cell.__test__ = False


def hand_in(course, student, content, name=f"{CHAPTER}.ipynb"):
    folder = course / "submitted" / student / CHAPTER
    folder.mkdir(parents=True, exist_ok=True)
    if isinstance(content, nbformat.NotebookNode):
        content = nbformat.writes(content)
    if isinstance(content, str):
        content = content.encode()
    (folder / name).write_bytes(content)
    return folder


def run(course, **options):
    said = []
    options = {"jobs": 2, "options": OPTIONS} | options
    summary = grade_chapter(course, CHAPTER, tell=said.append, **options)
    return summary, said


def scores(course):
    """Scores by student, as the gradebook has them."""
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}", "attention") as gradebook:
        submissions = gradebook.assignment_submissions(CHAPTER)
        return {s.student.id: s.score for s in submissions}


def record(course, student):
    return json.loads((course / RECORDS / CHAPTER / f"{student}.json").read_text())


def verdict(course, student):
    return record(course, student)["verdicts"][0]


def graded_notebook(course, student):
    path = course / "autograded" / student / CHAPTER / f"{CHAPTER}.ipynb"
    made = nbformat.read(str(path), as_version=4)
    nbformat.validate(made)
    return made


def fingerprint(*places):
    """The digest of each file, and of each file in each folder."""
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest()
        for place in places
        for path in [place, *sorted(place.rglob("*"))]
        if path.is_file()
    }


# --- what learners do ----------------------------------------------------------


def attacks(course):
    """Cells that a hostile learner adds, around a wrong answer."""
    database, source = course / "gradebook.db", course / "source"
    classmate = course / "submitted" / "honest" / CHAPTER / f"{CHAPTER}.ipynb"
    return {
        "write-gradebook": f"""
            import sqlite3
            c = sqlite3.connect({str(database)!r})
            c.execute("update grade set auto_score = 4"); c.commit()
            """,
        "read-source": f"""
            import pathlib, re
            text = next(pathlib.Path({str(source)!r}).rglob("*softmax*")).read_text()
            exec(text.split("### BEGIN SOLUTION")[1].split("### END")[0])
            """,
        "import-solutions": f"""
            import sys
            sys.path.insert(0, {str(ROOT)!r})
            from solutions.softmax import softmax
            """,
        "change-classmate": f"open({str(classmate)!r}, 'w').write('')",
        "change-config": f"""
            open({str(course / "nbgrader_config.py")!r}, 'a').write('x = 1')
            """,
        "patch-numpy": """
            import numpy as np
            np.testing.assert_allclose = lambda *a, **k: None
            np.array_equal = np.allclose = lambda *a, **k: True
            """,
        "transform-input": """
            ip = get_ipython()
            ip.input_transformers_cleanup.append(lambda lines: ["1.0\\n"])
            """,
        "patch-shell": """
            ip = get_ipython()
            ip.run_code = ip.run_cell = ip.showtraceback = lambda *a, **k: None
            """,
        "clear-output": """
            from IPython.display import clear_output, display
            display(4.0); clear_output()
            """,
        "define-check": """
            def check(f):
                return 4.0
            """,
        "kill-parent": "import os\nos.kill(os.getppid(), 9)",
        "lying-object": """
            class Lie:
                __eq__ = __le__ = __ge__ = lambda s, o: True
                shape = property(lambda s: s)
            def softmax(S): return Lie()
            """,
        "stack": """
            import sys
            def softmax(S):
                frame = sys._getframe()
                while frame:
                    for value in list(frame.f_locals.values()):
                        if hasattr(value, "reference"): return value.reference(S)
                    frame = frame.f_back
                return S
            """,
        "huge-result": "import numpy as np\ndef softmax(S): return np.zeros(10**7)",
        "nan": "def softmax(S): return S * float('nan')",
        "exit": "import os\ndef softmax(S): os._exit(0)",
        "segfault": "import ctypes\ndef softmax(S): ctypes.string_at(0)",
        "endless": "def softmax(S):\n    while True: pass",
        "memory": "def softmax(S): return [bytes(2**24) for _ in range(10**6)]",
        "processes": "import os\ndef softmax(S):\n    while True: os.fork()",
        "network": """
            import socket
            def softmax(S): socket.create_connection(("127.0.0.1", 1))
            """,
    }


def broken(release):
    """Files that are no sound notebook: (bytes, words of the message)."""
    text = nbformat.writes(notebook(release))
    return {
        "truncated": (text[:2000].encode(), "cut off"),
        "empty": (b"", "empty"),
        "not-utf8": (text.encode().replace(b"#", b"\xff", 3), "UTF-8"),
        "nul": (b"\0" * 100, "not a notebook"),
        "not-json": (b"import numpy as np", "not a notebook"),
        "a-list": (b"[1, 2]", "no cells"),
        "deep": (b"[" * 200_000, "not a notebook"),
    }


def odd(release):
    """Right answers in notebooks that were tampered with; all earn full marks."""
    sound = notebook(release)
    place = next(i for i, c in enumerate(sound.cells) if test_cell(c))

    def changed(change):
        made = copy.deepcopy(sound)
        change(made)
        return made

    def forge_outputs(made):
        made.cells[place].outputs = [
            nbformat.v4.new_output(
                "execute_result",
                data={"text/plain": "nan", "text/html": "<script>alert(1)</script>"},
            )
        ]

    def strip(made):
        for cell in made.cells:
            cell.metadata.clear()

    def reorder(made):
        made.cells.insert(0, made.cells.pop(place))

    def duplicate(made):
        made.cells += copy.deepcopy(made.cells[place - 1 : place + 1])

    def points(made):
        made.cells[place].metadata.nbgrader.points = 1000

    def schema(made):
        for cell in made.cells:
            if "nbgrader" in cell.metadata:
                cell.metadata.nbgrader.schema_version = 99

    def retype(made):
        made.cells[place] = nbformat.v4.new_markdown_cell(
            "check(softmax)", metadata=made.cells[place].metadata
        )

    def rewrite(made):
        made.cells[place].source = "4.0"

    def kernel(made):
        made.metadata.kernelspec = {"name": "evil", "display_name": "x"}

    def locked(made):
        for cell in made.cells:
            if answer_cell(cell):
                cell.metadata.nbgrader.update(grade=True, solution=False, locked=True)

    def copied(made):
        for cell in made.cells:
            if answer_cell(cell):
                made.cells.insert(0, nbformat.v4.new_code_cell(cell.source))
                stub = next(c for c in release.cells if answer_cell(c))
                cell.source = stub.source
                break

    return {
        "deleted-test": changed(lambda made: made.cells.pop(place)),
        "forged-outputs": changed(forge_outputs),
        "no-metadata": changed(strip),
        "reordered-test": changed(reorder),
        "duplicated": changed(duplicate),
        "changed-points": changed(points),
        "changed-schema": changed(schema),
        "retyped-test": changed(retype),
        "rewritten-test": changed(rewrite),
        "other-kernel": changed(kernel),
        "locked-answer": changed(locked),
        "answer-in-a-copy": changed(copied),
        "warns": notebook(
            release, RIGHT.replace("E =", "import warnings; warnings.warn('x'); E =")
        ),
        "stderr": notebook(
            release, RIGHT.replace("E =", "import sys; sys.stderr.write('x'); E =")
        ),
        "chatty": notebook(release, "print('y' * 10**7)\n" + RIGHT),
        "thread": notebook(
            release,
            "import threading, time\n"
            "threading.Thread(target=time.sleep, args=(99,)).start()\n" + RIGHT,
        ),
        "figures": notebook(
            release,
            "%matplotlib inline\nimport matplotlib.pyplot as plt\n"
            "for _ in range(3): plt.figure(); plt.plot([1])\n" + RIGHT,
        ),
        "slow-experiment": notebook(release, after="while True: pass"),
        "library": notebook(
            release,
            "import torch\ndef softmax(S):\n"
            "    return torch.softmax(torch.tensor(S), -1)",
        ),
        "earlier-error": notebook(release, before="1 / 0"),
        "helper": notebook(
            release,
            "def softmax(S):\n    return helper(S)",
            after=RIGHT.replace("softmax", "helper"),
        ),
    }


@pytest.fixture(scope="module")
def hostile_class(template, release, tmp_path_factory):
    """The course after grading a class with every kind of submission."""
    home = tmp_path_factory.mktemp("hostile")
    subprocess.run(["cp", "-r", template, home / "course"], check=True)
    course = home / "course"
    for name in ("honest", "honest-too"):
        hand_in(course, name, notebook(release))
    hand_in(course, "blank", release)
    for name, cell in attacks(course).items():
        cell = textwrap.dedent(cell)
        own = "def softmax" in cell
        made = notebook(release, cell if own else WRONG, before="" if own else cell)
        hand_in(course, f"attack-{name}", made)
    for name, (data, _) in broken(release).items():
        hand_in(course, f"broken-{name}", data)
    for name, made in odd(release).items():
        hand_in(course, f"odd-{name}", made)
    hand_in(course, "wrong-name", notebook(release), "softmax (1).ipynb")
    (course / "submitted" / "no-notebook" / CHAPTER).mkdir(parents=True)
    folder = hand_in(course, "linked", b"")
    (folder / f"{CHAPTER}.ipynb").unlink()
    honest = course / "submitted" / "honest" / CHAPTER / f"{CHAPTER}.ipynb"
    (folder / f"{CHAPTER}.ipynb").symlink_to(honest)
    (course / "submitted" / "linked-folder").mkdir()
    (course / "submitted" / "linked-folder" / CHAPTER).symlink_to(honest.parent)
    folder = hand_in(course, "large", b"{")
    os.truncate(folder / f"{CHAPTER}.ipynb", 150 * 2**20)
    folder = hand_in(course, "extra-files", notebook(release))
    (folder / "numpy.py").write_text("raise SystemExit")
    (folder / "passwd").symlink_to("/etc/passwd")
    fifo = hand_in(course, "fifo", b"")
    (fifo / f"{CHAPTER}.ipynb").unlink()
    os.mkfifo(fifo / f"{CHAPTER}.ipynb")
    before = fingerprint(
        course / "source", course / "release", ROOT / "solutions" / "softmax.py"
    )
    configuration = (course / "nbgrader_config.py").read_text()
    summary, said = run(course)
    stop_engines()
    assert fingerprint(
        course / "source", course / "release", ROOT / "solutions" / "softmax.py"
    ) == (before)
    assert (course / "nbgrader_config.py").read_text() == configuration
    return course, summary, said


def test_every_submission_has_a_verdict(hostile_class):
    course, summary, _ = hostile_class
    students = {path.name for path in (course / "submitted").iterdir()}
    assert summary.missing == 0 and summary.graded == len(students)
    assert scores(course).keys() == students
    for student in students:
        assert record(course, student)["verdicts"]
        graded_notebook(course, student)


def test_honest_learners_lose_nothing(hostile_class, release):
    course, _, _ = hostile_class
    found = scores(course)
    full = [name for name in found if name.startswith(("honest", "odd-"))]
    assert {name: found[name] for name in full} == dict.fromkeys(full, POINTS)
    assert len(full) == 2 + len(odd(release))
    for name in ("wrong-name", "extra-files"):
        assert found[name] == POINTS
    assert found["blank"] == 0 and verdict(course, "blank")["passed"] is None


def test_attacks_gain_nothing(hostile_class):
    course, _, _ = hostile_class
    found = scores(course)
    plain = [name for name in found if name.startswith("attack-")]
    assert len(plain) == len(attacks(course))
    assert {name: found[name] for name in plain} == dict.fromkeys(plain, 0.0)


@pytest.mark.parametrize(
    "student, words",
    [
        ("attack-endless", "is there a loop that does not end"),
        ("attack-memory", "300 MB of memory"),
        ("attack-exit", "ended Python itself"),
        ("attack-segfault", "crashed"),
        ("attack-processes", "another process"),
        ("attack-network", "no network"),
        ("attack-huge-result", "MB"),
        ("attack-import-solutions", "No module named"),
    ],
)
def test_the_limit_that_was_met_is_named(hostile_class, student, words):
    course, _, _ = hostile_class
    if student == "attack-import-solutions":
        text = json.dumps(graded_notebook(course, student))
    else:
        found = verdict(course, student)
        text = found["rationale"] + found["hint"]
    assert words in text


def test_broken_submissions_have_a_message_for_the_learner(hostile_class, release):
    course, _, said = hostile_class
    expected = {f"broken-{name}": words for name, (_, words) in broken(release).items()}
    expected |= {
        "no-notebook": "no 05_softmax.ipynb",
        "linked": "link",
        "linked-folder": "link",
        "large": "150 MB",
        "fifo": "not a file",
    }
    for student, words in expected.items():
        assert scores(course)[student] == 0
        assert words in record(course, student)["trouble"], student
        cells = graded_notebook(course, student).cells
        assert any(words in cell.source for cell in cells)
        assert any(line.startswith(f"{student}: ") for line in said), student


def test_the_use_of_the_library_is_reported(hostile_class):
    course, _, said = hostile_class
    assert "torch.softmax" in " ".join(record(course, "odd-library")["notes"])
    assert any("odd-library" in line and "torch.softmax" in line for line in said)
    assert verdict(course, "honest")["flags"] == []


HANDED_OUT = "import torch\nassert torch.softmax(torch.ones(2), -1)[0] == 0.5"


def graded_alone(*cells):
    """What comes of a notebook of these cells, with no course around it."""
    answer = GradedCell("softmax_answer", "", "")
    test = GradedCell("softmax", "check(softmax)", "", POINTS)
    released = (("code", HANDED_OUT),)
    assignment = Assignment(CHAPTER, (answer, test), released, 1, {}, {})
    cells = [
        cell if isinstance(cell, dict) else {"cell_type": "code", "source": cell}
        for cell in cells
    ]
    data = json.dumps({"cells": cells}).encode()
    return assess(assignment, "ada", data, OPTIONS)


WITH_TORCH = """
def softmax(S):
    E = torch.exp(torch.as_tensor(S) - S.max(-1, keepdims=True))
    return E / E.sum(-1, keepdims=True)
"""


def test_what_was_handed_out_is_no_use_of_the_library():
    honest = graded_alone(HANDED_OUT, WITH_TORCH)
    assert (honest.scores["softmax"], honest.notes) == (POINTS, [])
    changed = graded_alone(HANDED_OUT + " ", WITH_TORCH)
    assert "torch.softmax" in changed.notes[0]


@pytest.mark.parametrize(
    "source, words",
    [
        ("return torch.nn.Softmax(-1)(torch.as_tensor(S))", "torch.nn.Softmax"),
        ("return torch.nn.LogSoftmax(-1)(torch.as_tensor(S)).exp()", "LogSoftmax"),
        ("return torch.nn.functional.softmin(-torch.as_tensor(S), -1)", "softmin"),
        ("return torch.softmax(torch.as_tensor(S), -1)\n/print 1", "torch.softmax"),
    ],
)
def test_every_name_of_the_function_is_seen(source, words):
    result = graded_alone(f"import torch\ndef softmax(S):\n    {source}")
    assert result.scores["softmax"] == POINTS
    assert words in result.notes[0]


def test_a_cell_that_only_ipython_reads_is_read_as_it_reads_it():
    prompts = "\n".join(f">>> {line}" for line in RIGHT.splitlines() if line)
    result = graded_alone(prompts)
    assert (result.scores["softmax"], result.notes) == (POINTS, [])
    result = graded_alone(f"{prompts}\n>>> np.e, torch.softmax")
    assert "torch.softmax" in result.notes[0]


def test_text_of_backticks_is_shown_as_quickly_as_any():
    text = {"cell_type": "markdown", "source": "`" * 300_000 + "\nx"}
    begin = time.process_time()
    result = graded_alone(RIGHT, text)
    assert time.process_time() - begin < 5
    shown = json.loads(result.notebook)["cells"][1]["source"]
    assert shown == f"`{'`' * 300_000}text\n{text['source']}\n`{'`' * 300_000}"


def test_a_verdict_is_short_whatever_the_answer_holds():
    body = 'return {str(n) + "<" * 1990: 1.0 for n in range(300)}'
    cell = f"def init_parameters(d_model, num_heads, rng):\n    {body}"
    test = GradedCell("init_parameters", "check(init_parameters)", "", 3.0)
    assignment = Assignment("13_initialisation", (test,), (), 1, {}, {})
    data = json.dumps({"cells": [{"cell_type": "code", "source": cell}]}).encode()
    result = assess(assignment, "ada", data, OPTIONS)
    assert len(result.verdicts[0]["rationale"]) == SENTENCES
    assert len(result.notebook) < 200_000


def test_no_process_and_no_secret_is_left(hostile_class):
    course, _, _ = hostile_class
    assert (course / ".grading_secret").stat().st_mode & 0o777 == 0o600
    seed = record(course, "honest")["seed"]
    for student in scores(course):
        assert str(seed) not in json.dumps(graded_notebook(course, student))
    assert not multiprocessing_children()


def multiprocessing_children():
    import multiprocessing

    return multiprocessing.active_children()


class Scripts(html.parser.HTMLParser):
    """Collects what would run in a page."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attributes):
        values = [f"{name}={value}" for name, value in attributes]
        if tag in ("script", "iframe", "object", "embed"):
            self.found.append(f"{tag} {values}")
        for name, value in attributes:
            if name.startswith("on") or "javascript:" in (value or ""):
                self.found.append(f"{name}={value}")


def test_feedback_explains_and_runs_no_script(course, release):
    """Scripts in sources, texts, outputs, errors and metadata stay text."""
    script = "<script>alert(1)</script><img src=x onerror=alert(1)>"
    hand_in(course, "harmless", notebook(release, WRONG))
    made = notebook(release, f"print('''{script}''')\n{WRONG}")
    made.cells.append(nbformat.v4.new_markdown_cell(script))
    made.cells.append(nbformat.v4.new_markdown_cell("[x](javascript:alert(1))"))
    made.cells.append(nbformat.v4.new_raw_cell(script))
    made.cells.append(nbformat.v4.new_code_cell(script))
    made.metadata["title"] = script
    for cell in made.cells:
        cell.metadata["tags"] = [script]
    hand_in(course, "hostile", made)
    raising = f"def softmax(S):\n    raise ValueError({script!r})"
    hand_in(course, "raising", notebook(release, raising))
    run(course)
    done_by_nbgrader(course, "generate_feedback", CHAPTER)
    pages = {}
    for student in ("harmless", "hostile", "raising"):
        path = course / "feedback" / student / CHAPTER / f"{CHAPTER}.html"
        page = Scripts()
        pages[student] = path.read_text(encoding="utf-8")
        page.feed(pages[student])
        pages[student, "scripts"] = page.found
    assert pages["hostile", "scripts"] == pages["harmless", "scripts"]
    assert pages["raising", "scripts"] == pages["harmless", "scripts"]
    assert "alert(1)" in pages["hostile"] and "alert(1)" in pages["raising"]
    found = verdict(course, "harmless")
    assert found["hint"].split()[0] in pages["harmless"]
    assert "Cases:" in pages["harmless"]


def test_hidden_inputs_are_not_in_the_feedback(course, release):
    hand_in(course, "wrong", notebook(release, WRONG))
    run(course)
    text = json.dumps(graded_notebook(course, "wrong"))
    shown = set(re.findall(r"-?\d+\.\d+", text))
    hidden = numbers_drawn(record(course, "wrong")["seed"])
    assert shown & numbers_drawn(VISIBLE_SEED)  # so they would be found
    # What `check` says of it to everybody may have a number or two by accident.
    namespace = {}
    exec(WRONG, namespace)
    told = judge(discover()["softmax"], call_in_process(namespace["softmax"]))
    public = set(re.findall(r"-?\d+\.\d+", as_html(told) + as_text(told)))
    assert len((shown - public) & hidden) < 0.02 * len(hidden)  # by accident


def numbers_drawn(seed):
    """The inputs of softmax as a message writes them."""
    return {
        f"{number:.4g}"
        for _, arguments in draw_cases(discover()["softmax"], seed)
        for number in arguments[0].ravel()
    }


def test_the_name_of_a_file_steers_no_terminal(course, release):
    name = "\x1b[2J\r\u202e<b>[x](javascript:alert(1))"
    hand_in(course, "ada", notebook(release), f"{name}.ipynb")
    folder = hand_in(course, "ben", b"", "x")
    (folder / f"{name}.ipynb").symlink_to(folder / "x")
    _, said = run(course)
    assert len(said) == 3 and all(line.isprintable() for line in said)
    assert scores(course) == {"ada": POINTS, "ben": 0.0}
    [first, *_] = graded_notebook(course, "ben").cells
    assert first.source.isprintable() and "<b>" not in first.source
    assert first.source.startswith("<p>")  # so nothing in it is Markdown


# --- what becomes of a course ----------------------------------------------------


def test_an_unchanged_submission_is_not_graded_again(course, release):
    hand_in(course, "ada", notebook(release))
    hand_in(course, "ben", notebook(release, WRONG))
    assert run(course)[0].graded == 2
    first = record(course, "ada")
    hand_in(course, "ben", notebook(release))
    hand_in(course, "cyd", notebook(release))
    summary, _ = run(course)
    assert (summary.graded, summary.unchanged) == (2, 1)
    assert record(course, "ada") == first
    assert scores(course) == {"ada": POINTS, "ben": POINTS, "cyd": POINTS}


def test_whose_score_changed_and_why_is_said(course, release):
    hand_in(course, "ada", notebook(release))
    hand_in(course, "ben", notebook(release, WRONG))
    hand_in(course, "cyd", notebook(release, WRONG))
    run(course)
    hand_in(course, "ben", notebook(release))
    summary, said = run(course)
    assert said == [
        f"ben: softmax 0 -> {POINTS:g} of {POINTS:g} (it was handed in again)"
    ]
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}", "attention") as gradebook:
        gradebook.find_grade_cell("softmax", CHAPTER, CHAPTER).max_score = 10.0
        gradebook.db.commit()
    summary, said = run(course)
    assert summary.graded == 3
    assert said == [
        f"{name}: softmax 4 -> 10 of 10 (its points were changed)"
        for name in ("ada", "ben")
    ]
    assert scores(course) == {"ada": 10.0, "ben": 10.0, "cyd": 0.0}
    [change] = record(course, "ada")["changes"]
    assert change in json.loads(json.dumps(vars(summary)))["changes"]
    assert change["reasons"] == ["points"] and change["after"] == 10.0
    assert record(course, "cyd")["changes"] == []


@pytest.mark.parametrize(
    "field, value, words",
    [
        ("submission", "other", "it was handed in again"),
        ("exercises", {"softmax": "other"}, "the exercise was corrected"),
        ("versions", {"numpy": "1"}, "the libraries have other versions"),
        ("limits", {"call_seconds": 1}, "the limits were changed"),
        ("seed", 2, "the hidden inputs are other ones"),
        (None, None, "does the code depend on chance or time?"),
    ],
)
def test_each_reason_for_another_score_is_told(field, value, words):
    after = {
        "student": "ada",
        "submission": "this",
        "exercises": {"softmax": "this", "scale": "this"},
        "versions": {"numpy": "2"},
        "limits": {"call_seconds": 10},
        "seed": 1,
        "scores": {"softmax": 4.0, "scale": 1.0, "added": 1.0},
        "verdicts": [{"exercise": "softmax", "max_score": 4.0}],
    }
    before = after | {"scores": {"softmax": 2.0, "scale": 1.0, "gone": 1.0}}
    if field:
        before[field] = value
    [change] = changed_scores(before, after)
    assert line_of(change).startswith("ada: softmax 2 -> 4 of 4 (")
    assert words in line_of(change) and " and " not in line_of(change)
    assert not changed_scores({}, after)  # nothing was graded before


def test_a_score_given_by_hand_stays(course, release):
    hand_in(course, "ada", notebook(release, WRONG))
    run(course)
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}", "attention") as gradebook:
        gradebook.find_grade("softmax", CHAPTER, CHAPTER, "ada").manual_score = 3.0
        gradebook.db.commit()
    hand_in(course, "ada", notebook(release))
    assert run(course)[0].graded == 1
    assert scores(course) == {"ada": 3.0}


def test_lateness_is_nbgraders_to_judge(course, release):
    config = course / "nbgrader_config.py"
    config.write_text(
        config.read_text()
        + "from nbgrader.plugins import LateSubmissionPlugin\n"
        + "class Half(LateSubmissionPlugin):\n"
        + "    def late_submission_penalty(self, student_id, score, seconds):\n"
        + "        return score / 2\n"
        + "c.AssignLatePenalties.plugin_class = Half\n"
    )
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}", "attention") as gradebook:
        gradebook.update_or_create_assignment(CHAPTER, duedate="2026-01-01 00:00 UTC")
    folder = hand_in(course, "late", notebook(release))
    (folder / "timestamp.txt").write_text("2026-01-02 00:00:00 UTC")
    folder = hand_in(course, "early", notebook(release))
    (folder / "timestamp.txt").write_text("2025-12-31 00:00:00 UTC")
    folder = hand_in(course, "timeless", notebook(release))
    (folder / "timestamp.txt").write_text("yesterday")
    run(course)
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}", "attention") as gradebook:
        found = {
            s.student.id: s.notebooks[0].late_submission_penalty
            for s in gradebook.assignment_submissions(CHAPTER)
        }
    assert found == {"late": 2.0, "early": None, "timeless": None}


def test_nbgrader_autograde_gives_the_same(course, release):
    hand_in(course, "right", notebook(release))
    hand_in(course, "wrong", notebook(release, WRONG))
    hand_in(course, "broken", b"{")
    hand_in(course, "deleted", odd(release)["deleted-test"])
    hand_in(course, "duplicated", odd(release)["duplicated"])
    hand_in(course, "schema", odd(release)["changed-schema"])
    hand_in(course, "endless", notebook(release, "def softmax(S):\n    while 1: pass"))
    config = course / "nbgrader_config.py"
    limits = "c.Judge.limits = {'call_seconds': 1}\nc.Judge.allow_unsafe = True\n"
    config.write_text(config.read_text() + limits)
    done_by_nbgrader(course, "autograde", CHAPTER)
    by_nbgrader = scores(course)
    texts = {student: graded_notebook(course, student) for student in by_nbgrader}
    summary, _ = run(course, options=Options(Limits(call_seconds=1), True))
    assert summary.graded == len(by_nbgrader) == 7
    assert scores(course) == by_nbgrader
    for student, text in texts.items():
        assert graded_notebook(course, student) == text, student


def test_nbgrader_takes_the_notebook_and_the_time_alone(course, release):
    """What lies beside the notebook, or is a link, would get into the feedback."""
    beside = ["numpy.py", "a/b.txt", ".hidden", f"{CHAPTER}.html"]
    for student in ("ada", "zoe"):
        folder = hand_in(course, student, notebook(release))
        (folder / "a").mkdir()
        for name in beside:
            (folder / name).write_text("beside")
        (folder / "link.txt").symlink_to(course / ".grading_secret")
        (folder / "endless.txt").symlink_to("/dev/zero")
        os.mkfifo(folder / "pipe.txt")
    (folder / "timestamp.txt").symlink_to(course / "nbgrader_config.py")
    stamp = course / "submitted" / "ada" / CHAPTER / "timestamp.txt"
    stamp.write_text("2026-01-02 00:00:00 UTC")
    hand_in(course, "waits", notebook(release))
    os.mkfifo(course / "submitted" / "waits" / CHAPTER / "timestamp.txt")
    config = course / "nbgrader_config.py"
    config.write_text(config.read_text() + "c.Judge.allow_unsafe = True\n")
    done_by_nbgrader(course, "autograde", CHAPTER)
    assert set(scores(course).values()) == {POINTS}
    done_by_nbgrader(course, "generate_feedback", CHAPTER)

    def names(step, student):
        folder = course / step / student / CHAPTER
        return {str(path.relative_to(folder)) for path in folder.rglob("*")}

    both = {f"{CHAPTER}.html", "timestamp.txt", "submission_secret.txt"}
    assert names("autograded", "ada") == {f"{CHAPTER}.ipynb", "timestamp.txt"}
    for student in ("zoe", "waits"):
        assert names("autograded", student) == {f"{CHAPTER}.ipynb"}
    times = {}
    for student in ("ada", "zoe", "waits"):
        assert names("feedback", student) == both
        folder = course / "feedback" / student / CHAPTER
        assert not (folder / f"{CHAPTER}.html").read_text().startswith("beside")
        times[student] = (folder / "timestamp.txt").read_text()[:10]
    assert times == {"ada": "2026-01-02", "zoe": "", "waits": ""}


def test_the_tiers_give_identical_verdicts(course, release):
    tiers = [tier for tier in sandbox.TIERS if sandbox.probe((tier,))[0] == tier]
    if len(tiers) < 2:
        pytest.skip(f"this host offers {tiers or 'no sandbox'}")
    for name, cell in {**attacks(course), "right": RIGHT, "wrong": WRONG}.items():
        if "def softmax" in cell and name != "endless":
            hand_in(course, name, notebook(release, textwrap.dedent(cell)))
    found = []
    for tier in tiers:
        options = Options(OPTIONS.limits, tiers=(tier,))
        subprocess.run(["rm", "-rf", course / RECORDS], check=True)
        assert run(course, options=options)[0].tier == tier
        found.append({student: verdict(course, student) for student in scores(course)})
    assert found[0] == found[1] and len(found[0]) >= 8


def test_a_cluster_gives_identical_verdicts_though_it_loses_a_worker(
    course, release, monkeypatch
):
    """Dask: a real scheduler, two worker processes, one of them killed."""
    distributed = pytest.importorskip("distributed")
    expected = many(course, release, 40)
    run(course)
    here = {student: verdict(course, student) for student in expected}
    alone = scores(course)
    subprocess.run(["rm", "-rf", course / RECORDS, course / "autograded"], check=True)
    saved, killed = GradebookWriter.save, []
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None
    ) as cluster:
        with distributed.Client(cluster) as client:
            workers = list(client.run(os.getpid).values())

        def save(self, batch):
            if not killed:
                os.kill(workers[0], signal.SIGKILL)
                killed.append(workers[0])
            saved(self, batch)

        monkeypatch.setattr(GradebookWriter, "save", save)
        summary, _ = run(course, scheduler=cluster.scheduler_address)
    assert killed and summary.graded == len(expected) and summary.missing == 0
    assert {student: verdict(course, student) for student in expected} == here
    assert scores(course) == alone == expected


def test_a_chapter_without_pytorch_is_graded_without_it():
    """To load it takes as long as to grade a class in NumPy, and as much memory."""
    code = (
        "import sys; from autograder.grading.stand_ins import kit_for; "
        f"kit_for({CHAPTER!r}); sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_cluster_that_is_not_there_is_said(course, monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr(pools, "ANSWERS_WITHIN", 1)
    with pytest.raises(CourseError, match="no Dask scheduler answers"):
        run(course, scheduler="tcp://127.0.0.1:9")


# --- a machine that fails ---------------------------------------------------------


def many(course, release, count=24):
    for number in range(count):
        answer = RIGHT if number % 2 else WRONG
        hand_in(course, f"s{number:02}", notebook(release, f"# {number}\n{answer}"))
    return {f"s{n:02}": POINTS if n % 2 else 0.0 for n in range(count)}


def start(course):
    command = [sys.executable, "-m", "autograder", "grade", CHAPTER, "--course", course]
    patient = ["--call-seconds", "600", "--total-seconds", "600"]
    return subprocess.Popen(
        [*map(str, command), "--jobs", "2", "--allow-unsafe", *patient],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_stopped_is_finished_by_the_next(course, release, number):
    expected = many(course, release, 24)
    # The first run waits for this one; the next has the patience of OPTIONS.
    endless = "import time\ndef softmax(S):\n    time.sleep(600)"
    hand_in(course, "slow", notebook(release, endless))
    expected["slow"] = 0.0
    grader = start(course)
    records = course / RECORDS / CHAPTER
    deadline = time.monotonic() + 120
    while not (records.is_dir() and len(list(records.glob("*.json"))) >= 8):
        assert time.monotonic() < deadline and grader.poll() is None
        time.sleep(0.005)
    family = descendants(grader.pid)
    grader.send_signal(number)
    out, err = grader.communicate(timeout=30)
    if number != signal.SIGKILL:
        assert grader.returncode == 1, err
        assert "Nothing that was graded is lost" in out and "Traceback" not in err
    wait_until_gone(family)
    done = {path.name: path.read_text() for path in records.glob("*.json")}
    assert done
    summary, _ = run(course)
    assert summary.missing == 0 and summary.unchanged >= len(done)
    assert scores(course) == expected
    for name, text in done.items():
        assert (records / name).read_text() == text  # not graded twice
    assert not list(course.rglob("*.part"))


def descendants(ancestor):
    from test_attacks import descendants

    return descendants(ancestor)


def wait_until_gone(family):
    from test_attacks import is_alive

    deadline = time.monotonic() + 10
    while any(map(is_alive, family)):
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("where", ["notebook", "gradebook", "record"])
def test_a_full_disk_loses_nothing(course, release, where, monkeypatch):
    expected = many(course, release, 20)
    full = OSError(28, "No space left on device")
    written = desk_module.write_whole
    count = iter(range(1000))

    def write_whole(path, text, mode):
        kind = "record" if path.suffix == ".json" else "notebook"
        if kind == where and next(count) >= 11:
            raise full
        written(path, text, mode)

    saved = GradebookWriter.save

    def save(self, batch):
        if where == "gradebook" and next(count) >= 1:
            raise OSError("the gradebook could not be written: disk is full")
        saved(self, batch)

    with monkeypatch.context() as patched:
        patched.setattr(desk_module, "write_whole", write_whole)
        patched.setattr(GradebookWriter, "save", save)
        summary, _ = run(course)
    assert summary.missing > 0 and "free some space" in " ".join(summary.lines())
    summary, _ = run(course)
    assert summary.missing == 0 and summary.unchanged > 0
    assert scores(course) == expected


def test_what_is_wrong_with_one_folder_stops_nobody_else(course, release):
    long = "m" * 252  # with .json, no name for a file
    for student in ("ada", "ben", "zoe", long, ".hidden"):
        hand_in(course, student, notebook(release))
    (course / "autograded").mkdir()
    (course / "autograded" / "ada").touch()
    os.mkfifo(course / "submitted" / "ben" / CHAPTER / "timestamp.txt")
    for _ in range(2):
        summary, said = run(course)
        assert summary.missing == 2 and not summary.interrupted
        said = "\n".join(said)
        assert "ada: not saved" in said and f"{long}: not saved" in said
        assert ".hidden" in said
        assert scores(course) == dict.fromkeys(("ben", "zoe", long), POINTS)
    (course / "autograded" / "ada").unlink()
    assert run(course)[0].missing == 1


def test_signs_in_the_name_of_a_course_are_no_pattern(course, release, tmp_path):
    hand_in(course, "ada", notebook(release))
    neighbour = tmp_path / "c1"
    hand_in(neighbour, "eve", notebook(release))
    course = course.rename(tmp_path / "c[1]")
    run(course)
    assert scores(course) == {"ada": POINTS}


def test_the_report_tells_of_a_folder_with_any_name(course, release):
    hand_in(course, "ada", notebook(release))
    os.rename(
        hand_in(course, "x", notebook(release)).parent,
        os.fsencode(course / "submitted") + b"/e\xff",
    )
    run(course)
    *_, data = report_chapter(course, CHAPTER)
    assert json.loads(data.read_text())["ungraded"] == ["e\\udcff"]


def test_a_lost_process_is_replaced(course, release, monkeypatch):
    expected = many(course, release, 20)
    saved = GradebookWriter.save
    killed = []

    def save(self, batch):
        if not killed:
            for process in multiprocessing_children():
                process.kill()
                killed.append(process)
        saved(self, batch)

    monkeypatch.setattr(GradebookWriter, "save", save)
    summary, _ = run(course)
    assert killed and summary.missing == 0
    assert scores(course) == expected


def test_what_the_grader_is_not_prepared_for_costs_nobody_else(
    course, release, monkeypatch
):
    """A fault of ours, met by one submission: it gets a verdict, as do the others."""
    expected = many(course, release, 4) | {"bad": 0.0}
    hand_in(course, "bad", notebook(release, "# the fault\n" + RIGHT))
    parse = submission.parse

    def faulty(data):
        if b"the fault" in data:
            raise RuntimeError("not prepared for this")
        return parse(data)

    monkeypatch.setattr(submission, "parse", faulty)  # forks of this process have it
    monkeypatch.setattr(pools, "_start_method", lambda: "fork")
    summary, said = run(course)
    assert summary.missing == 0
    assert scores(course) == expected
    assert "could not be graded (RuntimeError)" in "\n".join(said)
    assert "could not be graded" in verdict(course, "bad")["rationale"]


class Mortal(pools.Pool):
    """An executor in this process; some submissions end what it stands for."""

    width, renewed = 3, 0

    def submit(self, work, assignment, batch, options):
        future = Future()
        if any(b"the end" in data for _, data in batch):
            future.set_exception(BrokenExecutor())
        else:
            future.set_result(work(assignment, batch, options))
        return future

    def renew(self):
        self.renewed += 1


@pytest.mark.parametrize("count", [1, 5])
def test_a_submission_that_ends_its_process_is_found_and_refused(
    course, release, monkeypatch, count
):
    expected = many(course, release, 6)
    for number in range(count):
        end = notebook(release, "# the end\n" + RIGHT)
        hand_in(course, f"bad{number}", end)
        expected[f"bad{number}"] = 0.0
    pool = Mortal()
    monkeypatch.setattr(
        grade_module, "executor", lambda *_: contextlib.nullcontext(pool)
    )
    summary, said = run(course)
    if count > pools.LOST_WORKERS:  # so many in one run: it may be the machine
        assert "lost again and again" in summary.interrupted
        summary, said = run(course)  # what was refused is done
    assert summary.missing == 0 and summary.interrupted is None
    assert scores(course) == expected and pool.renewed
    assert "it ends the process that runs it" in "\n".join(said)
    assert run(course)[0].unchanged == len(expected)
    stop_engines()


KEEPS = """import numpy as np

seen, calls = [], []


def right(S):
    E = np.exp(S - S.max(axis=-1, keepdims=True))
    return E / E.sum(axis=-1, keepdims=True)


def softmax(S):
    seen.extend(float(number) for number in S.ravel())
    calls.append(S)
    {answer}
"""


@pytest.mark.parametrize(
    "answer",
    [
        "raise ValueError(repr(seen))",
        "raise type(repr(seen), (ValueError,), dict())()",
        "return np.array([*seen, 0.0])",
        "if len(calls) > CASES: raise ValueError(repr(seen))\n    return right(S)",
        "return right(S) if len(calls) <= CASES else np.array(seen)",
    ],
)
def test_nothing_that_was_seen_on_hidden_inputs_is_told(course, release, answer):
    """A learner who keeps the inputs gets none of the hidden ones back."""
    cases = len(draw_cases(discover()["softmax"], VISIBLE_SEED))
    answer = KEEPS.format(answer=answer.replace("CASES", str(cases)))
    hand_in(course, "eve", notebook(release, answer))
    run(course)
    told = json.dumps(graded_notebook(course, "eve"))
    told += json.dumps(record(course, "eve")["verdicts"])
    assert verdict(course, "eve")["passed"] is False
    # Some digits of those that everybody may see are those of a hidden one by accident.
    for number in written_out(VISIBLE_SEED):
        told = told.replace(number, "") if len(number) > 12 else told
    hidden = {number[:8] for number in written_out(record(course, "eve")["seed"])}
    assert not {number for number in hidden if number in told}


def written_out(seed):
    """The inputs of softmax with all their digits."""
    return {
        repr(float(number))
        for _, arguments in draw_cases(discover()["softmax"], seed)
        for number in arguments[0].ravel()
    }


def test_an_argument_with_another_key_is_an_argument_changed():
    exercise = discover()["single_head_attention"]

    def single_head_attention(X, params):
        params["mine"] = X
        return exercise.reference(X, params)

    assert judge(exercise, call_in_process(single_head_attention)).passed is False


def test_what_is_not_written_in_one_case_is_written():
    exercise = discover()["softmax"]

    def softmax(S):
        if len(S) == S.shape[1]:
            raise NotImplementedError("square")
        return exercise.reference(S)

    judged = judge(exercise, call_in_process(softmax))
    assert judged.passed is False and 0 < judged.score < exercise.points
    assert "NotImplementedError" in judged.rationale


def test_the_stand_ins_of_a_chapter_are_ordinary_modules(course, release):
    before = "from autograder import *\nimport inspect\ninspect.stack()"
    hand_in(course, "ada", notebook(release, before=before))
    run(course)
    assert scores(course) == {"ada": POINTS}


def test_two_graders_at_once(course, release):
    hand_in(course, "ada", notebook(release))
    with grade_module._sole_grader(course), pytest.raises(CourseError, match="already"):
        run(course)
    assert run(course)[0].graded == 1


def test_what_is_missing_is_said(course, tmp_path):
    with pytest.raises(CourseError, match="no nbgrader course"):
        grade_chapter(tmp_path, CHAPTER)
    with pytest.raises(CourseError, match="generate_assignment 99_none"):
        grade_chapter(course, "99_none")
    summary, said = run(course)
    assert summary.graded == 0 and "nothing" in said[0]
