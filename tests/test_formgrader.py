"""nbgrader's formgrader in a real browser, on a class that `grade` has graded."""

import json
import sys

import nbformat
import pytest
from classroom import hand_in, make_class, nbgrader
from playwright.sync_api import expect
from server import serving

from autograder.chapters.chapter import load_chapters, source_notebook, write
from autograder.course.desk import RECORDS
from autograder.course.grade import grade_chapter
from autograder.course.setup import CONFIG
from autograder.grading.assignment import Options

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="graded runs need Linux"
)

CHAPTER = "05_softmax"
PATIENCE = 60_000  # ms; a busy machine is slow, a broken one never comes
POINTS = 4.0
BY_HAND = 2.5


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A course with a right answer and a declared mistake, graded."""
    course = tmp_path_factory.mktemp("formgrader") / "course"
    [chapter] = load_chapters([CHAPTER])
    (course / "source" / CHAPTER).mkdir(parents=True)
    write(source_notebook(chapter), course / "source" / CHAPTER / f"{CHAPTER}.ipynb")
    (course / "nbgrader_config.py").write_text(CONFIG, encoding="utf-8")
    assert nbgrader(course, "generate_assignment", CHAPTER).returncode == 0
    release = nbformat.read(course / "release" / CHAPTER / f"{CHAPTER}.ipynb", 4)
    right, *others = make_class(chapter, release)
    mistake = next(submission for submission in others if submission.mistake)
    hand_in([right, mistake], course, CHAPTER)
    assert grade(course).graded == 2
    return course, mistake


def grade(course):
    return grade_chapter(course, CHAPTER, options=Options(allow_unsafe=True))


@pytest.fixture
def page(course, chromium):
    """Formgrader, as an instructor opens it in the course folder."""
    folder, _ = course
    with serving(folder, "jupyter-server") as (url, token):
        page = chromium.new_page(viewport={"width": 1280, "height": 1000})
        page.set_default_timeout(PATIENCE)
        expect.set_options(timeout=PATIENCE)
        page.goto(f"{url}/formgrader?token={token}")
        yield page
        page.close()
        expect.set_options(timeout=5000)


def test_scores_verdicts_and_a_score_by_hand_that_stays(course, page):
    folder, mistake = course
    [(name, score)] = mistake.scores.items()
    page.goto(page.url.split("/formgrader")[0] + f"/formgrader/gradebook/{CHAPTER}")
    page.get_by_role("link", name=CHAPTER, exact=True).last.click()
    expect(page.locator("#main-table tr")).to_have_count(2)
    listed = page.url
    page.get_by_role("button", name="Show All Names").click()
    full = f"{POINTS:g} / {POINTS:g}"
    expect(row(page, "right")).to_contain_text(full)
    expect(row(page, mistake.student)).to_contain_text(f"{score:g} / {POINTS:g}")

    row(page, mistake.student).locator("a.name-shown").click()
    notebook = page.get_by_role("main")
    expect(notebook).to_contain_text(mistake.mistake.replace("_", " "))
    expect(notebook).to_contain_text(record(folder, mistake.student)["hint"])
    given = page.locator(f"input.score#{name}")
    expect(given).to_have_attribute("placeholder", f"{score:g}")
    given.fill(f"{BY_HAND}")
    with page.expect_response(lambda answer: "/api/grade/" in answer.url) as saved:
        given.blur()
    assert saved.value.ok

    file = folder / "submitted" / mistake.student / CHAPTER / f"{CHAPTER}.ipynb"
    file.write_text(file.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert grade(folder).graded == 1
    submission = page.url
    page.goto(listed)  # neither a copy that the browser kept, nor a form it filled in
    expect(row(page, mistake.student)).to_contain_text(f"{BY_HAND} / {POINTS:g}")
    page.goto(submission)
    expect(given).to_have_value(f"{BY_HAND}")
    expect(given).to_have_attribute("placeholder", f"{score:g}")
    assert record(folder, mistake.student)["score"] == score


def row(page, student):
    """The line of a student in the list of submissions."""
    return page.locator("#main-table tr", has_text=student)


def record(folder, student):
    """The verdict on the one exercise of the chapter."""
    path = folder / RECORDS / CHAPTER / f"{student}.json"
    return json.loads(path.read_text(encoding="utf-8"))["verdicts"][0]
