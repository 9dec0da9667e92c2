"""The page that a learner gets back: what it says, and that it is safe to open."""

import copy
import html
import json
import re
import sys
import time
import zipfile
from pathlib import Path

import nbformat
import pytest
from browser import visit
from classroom import hand_in, make_class, nbgrader, small_course
from nbgrader.api import Gradebook
from nbgrader.utils import notebook_hash

from autograder.chapters.chapter import load_chapters
from autograder.course import feedback as pages_of_learners
from autograder.course import handback
from autograder.course import pages as page
from autograder.course.grade import grade_chapter
from autograder.course.handback import feedback
from autograder.exercises.registry import discover
from autograder.exercises.source import source_of
from autograder.files.tables import write_table
from autograder.grading.assignment import Options
from autograder.grading.warm import stop_engines

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="graded runs need Linux"
)

CHAPTER = "05_softmax"
BOOK = "https://book.example.org/attention/"
ODD_NAME = "<img src=x onerror=alert(1)>"
SCRIPT = (
    "</pre></style><script>window.hacked = 1</script><img src='http://a.example/x'>"
)
HOSTILE = f'''import numpy as np

def softmax(S):
    """{SCRIPT}"""
    print("{SCRIPT}")
    raise ValueError("{SCRIPT}")
'''
# What a file in autograded/ may hold after somebody opened it and ran its cells.
TAMPERED = (
    "<div class='verdict' onclick='alert(1)' style='background:url(http://a.example/b);"
    "position:fixed'><script>window.hacked = 1</script><iframe src='http://a.example/c'>"
    "</iframe><a href='javascript:alert(1)'>over here</a><p>still to read</p></div>"
)


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A course after grading and `nbgrader generate_feedback`."""
    course = small_course(tmp_path_factory.mktemp("feedback") / "course", [CHAPTER])
    with open(course / "nbgrader_config.py", "a", encoding="utf-8") as file:
        file.write(f"c.FeedbackPage.book_url = {BOOK!r}\n")
        file.write('c.Collector.timezone = "Asia/Tokyo"\n')
    assert nbgrader(course, "generate_assignment", CHAPTER).returncode == 0
    released = course / "release" / CHAPTER / f"{CHAPTER}.ipynb"
    release = nbformat.read(str(released), as_version=4)
    submissions = make_class(load_chapters([CHAPTER])[0], release)
    hand_in(submissions, course, CHAPTER)
    for student in ("hostile", ODD_NAME):
        folder = course / "submitted" / student / CHAPTER
        folder.mkdir(parents=True)
        nbformat.write(hostile(release), folder / f"{CHAPTER}.ipynb")
    folder = course / "submitted" / "softmax-over_queries" / CHAPTER
    (folder / "timestamp.txt").write_text("2026-01-02 03:04:05.000000 UTC")
    (folder / "submission_secret.txt").write_text("of this learner alone")
    options = Options(allow_unsafe=True)
    grade_chapter(course, CHAPTER, jobs=2, options=options, tell=lambda line: None)
    stop_engines()
    set_by_hand(course)
    tamper(course / "autograded" / "right" / CHAPTER / f"{CHAPTER}.ipynb")
    done = nbgrader(course, "generate_feedback", CHAPTER)
    assert done.returncode == 0, done.stderr[-2000:]
    return course


def hostile(release):
    """A notebook that tries to get a script into whatever shows it."""
    made = copy.deepcopy(release)
    for cell in made.cells:
        if cell.metadata.get("nbgrader", {}).get("grade_id") == "softmax_answer":
            cell.source = HOSTILE
    made.cells.append(nbformat.v4.new_markdown_cell(f"my notes {SCRIPT}"))
    made.cells.append(nbformat.v4.new_code_cell(f"note = '''{SCRIPT}'''"))
    return made


def set_by_hand(course):
    """What formgrader would write: a score, a comment; and a penalty for lateness."""
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}", "attention") as gradebook:
        place = CHAPTER, CHAPTER, "softmax-bare_exp"
        gradebook.find_grade("softmax", *place).manual_score = 3.0
        comment = gradebook.find_comment("softmax_answer", *place)
        comment.manual_comment = "Nearly, *see me*. <script>window.hacked = 1</script>"
        place = CHAPTER, CHAPTER, "softmax-by-float32"
        gradebook.find_submission_notebook(*place).late_submission_penalty = 1.5
        student = gradebook.find_student("softmax-by-float32")
        student.first_name, student.last_name = "Ada", "<b>Lovelace</b>"
        gradebook.db.commit()


def tamper(path):
    notebook = nbformat.read(str(path), as_version=4)
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("grade"):
            cell.outputs[0].data["text/html"] = TAMPERED
    path.chmod(0o644)
    nbformat.write(notebook, str(path))


def file_of(course, student):
    return course / "feedback" / student / CHAPTER / f"{CHAPTER}.html"


def words_of(course, student):
    """What a page says, without its markup."""
    text = file_of(course, student).read_text(encoding="utf-8")
    body = text.split("<body>")[1]
    return " ".join(html.unescape(re.sub(r"<[^>]*>", "", body)).split())


def test_every_mistake_comes_with_its_name_its_hint_and_its_picture(course):
    drawn = 0
    for mistake in discover()["softmax"].mistakes:
        student = f"softmax-{mistake.__name__}"
        said = words_of(course, student)
        assert f"Mistake: {mistake.__name__.replace('_', ' ')}" in said
        hint = " ".join(mistake.__doc__.replace("`", "").split())
        assert hint in said
        assert "S, shape (" in said
        drawn += "expected A, shape" in said and "yours A, shape" in said
    assert drawn >= 22  # the others raise an error on the simplest example


def test_the_learners_own_code_and_the_book_stand_beside_it(course):
    said = words_of(course, "softmax-over_queries")
    first = source_of(discover()["softmax"].mistakes[0]).splitlines()[-2].strip()
    assert first in said
    text = file_of(course, "softmax-over_queries").read_text(encoding="utf-8")
    [link] = re.findall(r'href="(https?:[^"]*)"', text)
    assert link == f"{BOOK}book/{CHAPTER}.html#softmax"
    built = Path(page.__file__).parents[2] / "_build" / "html"
    path, anchor = link.removeprefix(BOOK).split("#")
    assert f'id="{anchor}"' in (built / path).read_text(encoding="utf-8")


def test_without_an_address_the_chapter_is_named():
    assert page.book_link("", "softmax") is None
    assert page.book_link("https://a.example", "no_such") is None


@pytest.mark.parametrize("student", ["softmax-by-with_loops", "softmax-by-with_torch"])
def test_a_right_answer_is_told_so(course, student):
    said = words_of(course, student)
    assert "softmax right 4 of 4 points" in said
    assert "Mistake" not in said and "not right" not in said


def test_a_stub_and_a_broken_file_get_their_remedy(course):
    assert "not written yet 0 of 4 points" in words_of(course, "blank")
    said = words_of(course, "truncated")
    assert "could not be read. The file is not a notebook. It seems to be cut" in said
    assert "Open it in JupyterLab, save it, and hand in that file." in said
    assert "not judged 0 of 4 points" in said


def test_what_a_person_set_is_shown(course):
    said = words_of(course, "softmax-bare_exp")
    assert "3 of 4 points softmax" in said and "set these points by hand" in said
    assert "the automatic checks gave 0 of 4 points" in said
    assert "Comment of your instructor" in said and "Nearly, see me." in said
    said = words_of(course, "softmax-by-float32")
    assert "2.5 of 4 points" in said and "1.5 points are taken off" in said
    assert "Ada <b>Lovelace</b> (softmax-by-float32)" in said
    said = words_of(course, "softmax-over_queries")  # in the zone of the course
    assert "softmax-over_queries, handed in 2026-01-02 12:04:05 JST 0 of 4" in said


@pytest.mark.parametrize("student", ["hostile", ODD_NAME, "right", "softmax-bare_exp"])
def test_nothing_that_was_handed_in_is_alive(course, chromium, student):
    with visit(chromium, file_of(course, student)) as seen:
        ran = seen.page.evaluate("[window.hacked, document.scripts.length]")
        assert ran == [None, 0]
        alive = "iframe, img, object, link, form, [onclick], [onerror]"
        assert seen.page.locator(alive).count() == 0
        assert seen.elsewhere() == [] and seen.complaints == []
        links = seen.page.eval_on_selector_all("a", "all => all.map(a => a.href)")
        assert [link for link in links if not link.startswith(BOOK)] == []
        assert "url(" not in seen.page.locator("main").inner_html()


@pytest.mark.parametrize("code", ["match" + " " * 100_000, "x = 1\n" * 5000])
def test_code_that_is_very_long_is_shown_as_it_is(code):
    begin = time.process_time()
    assert str(page.highlighted(code + "<b>")) == code + "&lt;b&gt;"
    assert time.process_time() - begin < 1


def test_hostile_text_is_shown_as_text(course):
    said = words_of(course, "hostile")
    assert said.count(SCRIPT) >= 5  # docstring, print, error, notes, further cell
    assert "my notes" in said and "Your further cells (2)" in said
    assert ODD_NAME in words_of(course, ODD_NAME)
    assert "still to read" in words_of(course, "right")


@pytest.mark.parametrize(("width", "theme"), [(1280, "light"), (390, "dark")])
@pytest.mark.parametrize(
    "student", ["softmax-over_queries", "hostile", "truncated", "blank"]
)
def test_everybody_can_read_it(course, chromium, student, width, theme):
    path = file_of(course, student)
    with visit(chromium, path, width=width, theme=theme) as seen:
        seen.page.evaluate("document.querySelectorAll('details').forEach(d=>d.open=1)")
        assert seen.page.evaluate("document.documentElement.scrollWidth") <= width
        assert seen.broken_rules() == []
        if student == "softmax-over_queries":  # what is wrong is marked
            wrong = seen.page.locator("td[title]").first
            ground = wrong.evaluate("cell => getComputedStyle(cell).backgroundColor")
            marked = {"light": "rgb(255, 216, 168)", "dark": "rgb(107, 67, 18)"}
            assert ground == marked[theme]


def test_nbgrader_releases_it(course, tmp_path):
    """That of the whole class: most came without what the exchange adds."""
    exchange = tmp_path / "exchange"
    exchange.mkdir()
    exchange.chmod(0o777)
    command = "release_feedback", CHAPTER, f"--Exchange.root={exchange}"
    done = nbgrader(course, *command)
    assert done.returncode == 0, done.stderr[-2000:]
    released = {path.stem: path for path in exchange.rglob("*.html")}
    assert len(released) == len(list(course.glob(f"feedback/*/{CHAPTER}")))
    name = notebook_hash(secret="of this learner alone", notebook_id=CHAPTER)
    own = file_of(course, "softmax-over_queries").read_bytes()
    assert released[name].read_bytes() == own


def test_the_notebook_keeps_what_the_pages_are_made_of(course):
    path = course / "autograded" / "softmax-bare_exp" / CHAPTER / f"{CHAPTER}.ipynb"
    about = json.loads(path.read_text(encoding="utf-8"))["metadata"]["autograder"]
    [verdict] = about["verdicts"]
    assert verdict["mistake"] == "bare_exp"
    assert re.fullmatch(r"[0-9a-f]{16}", about["behaviour"]["softmax"])


COLLECTED = {  # student -> (the file that was collected, where its page goes back)
    "right": (
        "doejane_LATE_12345_678901_05_softmax-1.ipynb",
        ("canvas", "doejane_LATE_12345_678901_05_softmax.html"),
    ),
    "softmax-over_queries": (
        "d/Jane Doe_7_assignsubmission_file_/hw_2.ipynb",
        ("moodle", "Jane Doe_7_assignsubmission_file_/05_softmax.html"),
    ),
    "softmax-bare_exp": (
        "T/Doe, Jane(jdoe)/Submission attachment(s)/x.ipynb",
        ("sakai", "T/Doe, Jane(jdoe)/Feedback Attachment(s)/05_softmax.html"),
    ),
    "blank": (
        "05_softmax_jdoe_attempt_2026-12-01-10-00-00_05_softmax.ipynb",
        ("blackboard", "05_softmax_jdoe_attempt_2026-12-01-10-00-00_05_softmax.html"),
    ),
    "empty": ("empty.ipynb", None),
    # Two of a group: the system has one name for both, and takes several files.
    "softmax-exception": (
        "team4_9_17_05_softmax.ipynb",
        ("canvas", "team4_9_17_05_softmax-softmax-exception.html"),
    ),
    "softmax-text": (
        "team4_9_17_05_softmax.ipynb",
        ("canvas", "team4_9_17_05_softmax-softmax-text.html"),
    ),
}


def test_pages_are_made_in_parallel_and_go_back_to_the_lms(course):
    desk = course / "downloaded" / CHAPTER
    desk.mkdir(parents=True)
    rows = [[student, name, ""] for student, (name, _) in COLLECTED.items()]
    write_table(desk / "collected.csv", [["student", "file", "digest"], *rows])
    old = file_of(course, "right").read_bytes()
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}", "attention") as gradebook:
        gradebook.find_student("right").first_name = "Rita"
        gradebook.db.commit()
    file_of(course, "blank").unlink()
    said = feedback(course, CHAPTER, jobs=2)
    assert said[0].startswith(f"{CHAPTER}: 2 pages made, ")
    assert "empty" in said[-1] and "right" not in said[-1]
    assert "Rita" in words_of(course, "right")
    [earlier] = (course / "feedback" / "right" / ".earlier").iterdir()
    assert earlier.read_bytes() == old
    for student, (_, place) in COLLECTED.items():
        if place:
            path = course / "handback" / f"{CHAPTER}-{place[0]}.zip"
            with zipfile.ZipFile(path) as packed:
                assert len(packed.namelist()) == (3 if place[0] == "canvas" else 1)
                assert packed.read(place[1]) == file_of(course, student).read_bytes()
    assert feedback(course, CHAPTER, jobs=1)[0].startswith(f"{CHAPTER}: 0 pages made")
    with pytest.raises(ValueError, match="knows no assignment 99_nothing"):
        feedback(course, "99_nothing")


def test_a_page_asks_for_the_exercises_of_its_chapter_alone(course, monkeypatch):
    """Others may import PyTorch, which takes longer than the pages of a class."""
    asked = set()

    class Watched:
        def get(self, name):
            asked.add(name)
            return discover().get(name)

    for module in (handback, pages_of_learners):
        monkeypatch.setattr(module, "discover", Watched)
    file_of(course, "blank").unlink()
    assert ": 1 pages made" in handback.feedback(course, CHAPTER, jobs=1)[0]
    assert asked == {"softmax", "softmax_answer"}
