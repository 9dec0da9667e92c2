"""The exports, read back: every cell compared with what the class was made to be."""

import csv
import shutil
import sys
from pathlib import Path

import pytest
from classroom import (
    filled,
    hand_in_at,
    nbgrader,
    release,
    right_answers,
    small_course,
    source_of,
)
from nbgrader.api import Gradebook

from autograder.chapters.chapter import load_chapters
from autograder.course import export as exports
from autograder.course.desk import RECORDS
from autograder.course.grade import grade_chapter
from autograder.files.tables import as_text, read_table, write_table

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="graded runs need Linux"
)

CHAPTER, OTHER = "02_projections", "05_softmax"
ROSTER = """\
id,first_name,last_name,email,lms_user_id
right,Jane,Doe,jane@example.org,11
half,=cmd|' /C calc'!A0,@Evil,+half@example.org,12
late,Zoë,Müller,zoe@example.org,
absent,Bob,Smith,bob@example.org,14
"""
LATE = """
c.AssignLatePenalties.plugin_class = "autograder.policies.LatePolicy"
c.LatePolicy.percent_per_day = 10
"""


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """One of two chapters graded: 2 + 3 points; one half right, one a day late."""
    folder = tmp_path_factory.mktemp("export") / "course"
    small_course(folder, [CHAPTER, OTHER], ROSTER, (f"{CHAPTER}=2026-12-01T12:00Z",))
    config = folder / "nbgrader_config.py"
    config.write_text(config.read_text(encoding="utf-8") + LATE, encoding="utf-8")
    made = release(folder, CHAPTER)
    right = right_answers(CHAPTER, made)
    exercises = load_chapters([CHAPTER])[0].exercises().values()
    half = {e.name: source_of(e.reference) for e in exercises if e.name == "linear"}
    for student, text, day in (
        ("right", right, 1),
        ("half", filled(made, half), 1),
        ("late", right, 2),
    ):
        time = f"2026-12-0{day} 11:00:00"
        hand_in_at(folder, CHAPTER, student, text, time)
    assert not grade_chapter(folder, CHAPTER, jobs=1).missing
    return folder


@pytest.fixture
def course(graded, tmp_path):
    return Path(shutil.copytree(graded, tmp_path / "course"))


def export(course, layout, file, **options):
    """What an exporter writes, called as `nbgrader export` calls it."""
    exporter = getattr(exports, layout)(to=str(course / file), **options)
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}", "attention") as gradebook:
        exporter.export(gradebook)
    return rows_of(course / file)


def export_by_command(course, layout, file, *options):
    exporter = f"--exporter=autograder.export.{layout}"
    done = nbgrader(course, "export", exporter, *options)
    assert done.returncode == 0, done.stderr
    return rows_of(course / file)


def rows_of(path):
    with open(path, newline="", encoding="utf-8") as stream:
        return list(csv.reader(stream))


def override(course, student, exercise, points):
    """As formgrader writes what a person entered."""
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}", "attention") as gradebook:
        grade = gradebook.find_grade(exercise, CHAPTER, CHAPTER, student)
        grade.manual_score, grade.needs_manual_grade = points, False
        gradebook.db.commit()


def test_exercises(course):
    file = "exercises.csv"
    header, points, *rows = export_by_command(course, "ExerciseExporter", file)
    assert header == [
        *("student_id", "last_name", "first_name", "email"),
        f"{CHAPTER}: linear",
        f"{CHAPTER}: project_qkv",
        f"{CHAPTER}: late penalty",
        f"{CHAPTER}: total",
        "total",
    ]
    assert points[4:] == ["2", "3", "", "5", "5"]
    assert {row[0]: row[4:] for row in rows} == {
        "right": ["2", "3", "0", "5", "5"],
        "half": ["2", "0", "0", "2", "2"],
        "late": ["2", "3", "-0.5", "4.5", "4.5"],
        "absent": ["", "", "", "", "0"],
    }
    # nbgrader's own export counts the same totals.
    assert nbgrader(course, "export").returncode == 0
    with open(course / "grades.csv", newline="", encoding="utf-8") as stream:
        own = {
            row["student_id"]: float(row["score"])
            for row in csv.DictReader(stream)
            if row["assignment"] == CHAPTER
        }
    assert own == {row[0]: float(row[-1]) for row in rows}


def test_canvas(course):
    header, points, *rows = export(course, "CanvasExporter", "canvas.csv")
    who = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section"]
    columns = [CHAPTER, f"{CHAPTER}: linear", f"{CHAPTER}: project_qkv"]
    assert header == who + columns
    assert points[0] == "    Points Possible"  # Canvas knows the row by its spaces
    assert points[1:] == ["", "", "", "", "5", "(read only)", "(read only)"]
    found = {row[2]: row for row in rows}
    assert found["right"] == ["Doe, Jane", "11", "right", "right", "", "5", "2", "3"]
    assert found["late"][:2] == ["Müller, Zoë", ""]
    assert found["late"][5:] == ["4.5", "2", "3"]
    assert found["absent"][5:] == ["", "", ""]
    header, points, *rows = export_by_command(
        course,
        "CanvasExporter",
        "mine.csv",
        "--CanvasExporter.imported=exercises",
        f"--CanvasExporter.assignment_ids={CHAPTER}: linear=4711",
        "--to=mine.csv",
    )
    assert header[5:] == [CHAPTER, f"{CHAPTER}: linear (4711)", columns[2]]
    assert points[5:] == ["(read only)", "2", "3"]


def test_moodle(course):
    header, *rows = export_by_command(course, "MoodleExporter", "moodle.csv")
    who = ["Identifier", "First name", "Last name", "Username", "ID number"]
    assert header[:6] == [*who, "Email address"]
    found = {row[3]: row for row in rows}
    assert found["right"][:6] == [
        *("11", "Jane", "Doe", "right", "right", "jane@example.org")
    ]
    assert found["late"][6:] == ["2", "3", "-0.5", "4.5"]
    assert found["absent"][6:] == ["", "", "", ""]


def test_no_name_becomes_a_formula(course, tmp_path):
    for layout in ("Exercise", "Canvas", "Moodle"):
        rows = export(course, f"{layout}Exporter", f"{layout}.csv")
        cells = {cell for row in rows for cell in row if cell}
        risky = {cell for cell in cells if cell[0] in "=+-@\t\r"}
        assert risky <= {"-0.5"}, layout
        assert any("cmd|" in cell for cell in cells), layout
    # What we wrote, we read back as it was.
    names = ["=1+1", "-", "@a", "+49", "'quoted", "plain; text", "two\nlines"]
    write_table(tmp_path / "t.csv", [["name"], *([name] for name in names)])
    table = read_table(tmp_path / "t.csv", {"name": ""}, needed=("name",))
    assert [row["name"] for _, row in table.rows] == names
    assert as_text(1.23456) == "1.2346" and as_text(2.0) == "2"


def test_what_a_person_entered_stands_through_every_later_run(course):
    override(course, "half", "project_qkv", 2.5)
    override(course, "late", "linear", 0.0)
    totals = {"half": "4.5", "late": "2.7"}  # the penalty follows: 10 % of 3 points

    def exported():
        _, _, *rows = export(course, "ExerciseExporter", "exercises.csv")
        return {row[0]: row[-1] for row in rows if row[0] in totals}

    done = nbgrader(course, "autograde", CHAPTER, "--force")
    assert done.returncode == 0, done.stderr
    assert exported() == totals
    shutil.rmtree(course / RECORDS)
    summary = grade_chapter(course, CHAPTER, jobs=1)
    assert summary.graded == 3
    assert exported() == totals
    _, _, *rows = export(course, "CanvasExporter", "canvas.csv")
    assert {row[2]: row[5] for row in rows if row[2] in totals} == totals


def test_only_some_and_clear_errors(course):
    header, _, *rows = export_by_command(
        course,
        "ExerciseExporter",
        "exercises.csv",
        "--student=['right']",
        f"--assignment=['{OTHER}']",
    )
    words = ("softmax", "late penalty", "total")
    assert header[4:-1] == [f"{OTHER}: {word}" for word in words]
    assert [row[0] for row in rows] == ["right"]
    with pytest.raises(SystemExit, match="no chapter 99_no; there are 02_projections"):
        export(course, "ExerciseExporter", "x.csv", assignment=["99_no"])
    with pytest.raises(SystemExit, match="no student x"):
        export(course, "ExerciseExporter", "x.csv", student=["x"])
    with pytest.raises(SystemExit, match="name a file with --to"):
        export(course, "ExerciseExporter", "missing/x.csv")
