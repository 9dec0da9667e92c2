"""A course folder from nothing to a collected submission, and through an upgrade."""

import json
import shlex
import shutil
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import nbformat
import pytest
from classroom import nbgrader, right_answers, small_course
from nbgrader.api import Gradebook, get_alembic_version
from nbgrader.apps.api import NbGraderAPI
from sqlalchemy import text

from autograder.chapters import toc
from autograder.chapters.chapter import ChapterError, load_chapters
from autograder.course import setup as course_module
from autograder.course.classlists import FORMS, PLAIN, read_class_list
from autograder.course.extensions import extend, read_extensions
from autograder.course.gradebook import load_course
from autograder.course.setup import make_course, open_course
from autograder.course.times import parse_due
from autograder.exercises.registry import discover

NAMES = ["02_projections", "05_softmax"]


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    return small_course(tmp_path_factory.mktemp("course") / "course", NAMES)


@pytest.fixture
def course(template, tmp_path):
    return Path(shutil.copytree(template, tmp_path / "course"))


@pytest.fixture(autouse=True)
def book(monkeypatch):
    """The book has two chapters, and more after an upgrade."""
    monkeypatch.setenv("TZ", "UTC")

    def set_chapters(names=NAMES, change=None):
        chapters = load_chapters(names)
        for chapter in chapters:
            if chapter.name == change:
                chapter.notebook.cells[0].source = "# A second edition"
        monkeypatch.setattr(course_module, "load_chapters", lambda only: chapters)

    set_chapters()
    return set_chapters


def gradebook(course):
    return Gradebook(f"sqlite:///{course / 'gradebook.db'}", "attention")


def files(course):
    """Every file but for the ledger and the database."""
    return {
        path.relative_to(course).as_posix(): path.read_bytes()
        for path in course.rglob("*")
        if path.is_file() and path.name not in (".handed_out.json", "gradebook.db")
    }


def test_a_whole_course_in_one_command(tmp_path):
    folder = tmp_path / "a course"
    command = [sys.executable, "-m", "autograder", "course", folder, "--course-id=abc"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert open_course(folder).course_id == "abc"
    with Gradebook(f"sqlite:///{folder / 'gradebook.db'}", "abc") as gradebook:
        points = {
            cell.name: cell.max_score
            for assignment in gradebook.assignments
            for notebook in assignment.notebooks
            for cell in notebook.grade_cells
        }
        assert {a.course_id for a in gradebook.assignments} == {"abc"}
    assert points == {name: e.points for name, e in discover().items()}
    # What formgrader lists, before anything is released.
    shown = NbGraderAPI(open_course(folder)).get_assignments()
    assert {a["status"] for a in shown} == {"draft"}
    assert sum(a["max_score"] for a in shown) == sum(points.values())
    again = subprocess.run(command, capture_output=True, text=True)
    assert "nothing was changed" in again.stdout


def test_points_are_those_that_nbgrader_enters_itself(course):
    def cells():
        with gradebook(course) as book:
            notebook = book.find_notebook("05_softmax", "05_softmax")
            return sorted(
                (cell.name, cell.cell_type, cell.locked, cell.source, cell.checksum)
                for cell in notebook.source_cells
            ), {cell.name: cell.max_score for cell in notebook.grade_cells}

    before = cells()
    done = nbgrader(course, "generate_assignment", "05_softmax")
    assert done.returncode == 0, done.stderr
    assert cells() == before


def test_a_new_gradebook_is_of_the_version_that_nbgrader_tells(course):
    version = text("SELECT version_num FROM alembic_version")
    with gradebook(course) as opened:
        assert opened.db.execute(version).scalars().all() == [get_alembic_version()]


def test_an_upgrade_adds_what_is_missing_and_overwrites_nothing(course, book):
    mine = course / "source" / "05_softmax" / "05_softmax.ipynb"
    edited = nbformat.read(mine, as_version=4)
    edited.cells[0].source = "# My own words"
    nbformat.write(edited, mine)
    config = course / "nbgrader_config.py"
    config.write_text(config.read_text() + "\n# mine\n")
    before = files(course)
    assert make_course(course) == [
        f"{course}: everything is there already; nothing was changed"
    ]
    assert files(course) == before
    book([*NAMES, "03_scores"], change="05_softmax")
    said = make_course(course)
    assert said == [
        f"{course}/source/05_softmax.new.ipynb: the chapter has changed; yours is "
        "untouched",
        f"{course}/source/03_scores/03_scores.ipynb: new",
        "gradebook: 1 assignments with their points added",
    ]
    after = files(course)
    new = {"source/05_softmax.new.ipynb", "source/03_scores/03_scores.ipynb"}
    assert set(after) - set(before) == new
    assert {name: after[name] for name in before} == before
    # nbgrader does not take what lies beside for a notebook or an assignment.
    names = {a["name"] for a in NbGraderAPI(open_course(course)).get_assignments()}
    assert names == {*NAMES, "03_scores"}
    book([*NAMES, "03_scores"], change="02_projections")
    assert "02_projections.new.ipynb" in make_course(course)[0]


def test_a_new_configuration_is_laid_beside(course, monkeypatch):
    text = course_module.CONFIG + "# New.\n"
    monkeypatch.setattr(course_module, "CONFIG", text)
    before = files(course)
    [said] = make_course(course)
    assert "nbgrader_config.new.py: its text has changed" in said
    assert files(course)["nbgrader_config.py"] == before["nbgrader_config.py"]
    [said] = make_course(course, course_id="other")
    assert "called 'attention' and stays so" in said
    for wrong in ("a/b", "", "two words"):
        with pytest.raises(ValueError, match="--course-id"):
            make_course(course, course_id=wrong)


def test_a_source_that_cannot_be_read_is_named(tmp_path, book):
    folder = tmp_path / "course"
    (folder / "source" / "05_softmax").mkdir(parents=True)
    (folder / "source" / "05_softmax" / "05_softmax.ipynb").write_text("{}")
    said = "\n".join(make_course(folder))
    assert "05_softmax.ipynb: nbgrader cannot read it" in said
    assert "nbgrader generate_assignment 05_softmax" in said
    assert "1 assignments" in said
    with pytest.raises(ValueError, match="is a file"):
        make_course(folder / "nbgrader_config.py")


# --- the class list -----------------------------------------------------------

WRITTEN = {
    "nbgrader's": b"id,first_name,last_name,email,lms_user_id\n"
    b'a,Ann,"Lee, Jr.",ann@x.org,7\nb,Bo,Ray,,\n',
    "Excel's": "\ufeffsep=;\r\nStudent ID;First Name;Surname;E-Mail\r\n"
    "a;Ann;Lee, Jr.;ann@x.org\r\n;;;\r\nb;Bo;Ray;\r\n".encode(),
    "Excel's old": "Login;Given name;Last name\na;Zoë;Lee, Jr.\nb;Bo;Ray\n".encode(
        "cp1252"
    ),
    "Unicode text": "id\tlast_name\na\tLee, Jr.\nb\tRay\n".encode("utf-16"),
}


@pytest.mark.parametrize("program", WRITTEN)
def test_a_roster_in_whatever_form(course, program):
    (course / "roster.csv").write_bytes(WRITTEN[program])
    [said] = make_course(course)
    assert "2 students added" in said
    with gradebook(course) as book:
        assert {(s.id, s.last_name) for s in book.students} == {
            ("a", "Lee, Jr."),
            ("b", "Ray"),
        }


# Made up in the forms that each system documents: (text, id, e-mail, LMS id, groups).
EXPORTED = {
    "a Canvas gradebook": (
        "Student,ID,SIS User ID,SIS Login ID,Section,HW 1 (4711)\n"
        ",,,,,Manual Posting\n    Points Possible,,,,,10\n"
        '"Doe, Jane",12345,S-77,jdoe,Lab A,9\n"Student, Test",99,,b0b0,Lab A,\n',
        ("jdoe", "", "12345", {}),
    ),
    "a list of Canvas's groups": (
        "name,canvas_user_id,user_id,login_id,sections,group_name,group_id\n"
        "Jane Doe,12345,S-77,jdoe,Lab A,Team 4,31\n",
        ("jdoe", "", "12345", {"jdoe": "Team 4"}),
    ),
    "a list of Moodle's participants": (
        '"First name","Last name","Email address",Roles,Groups\n'
        'Tim,Roe,t@x.org,Teacher,\nJane,Doe,jane@x.org,Student,"Lab A, Team 4"\n',
        ("jane@x.org", "jane@x.org", "", {"jane@x.org": "Lab A, Team 4"}),
    ),
    "a list of Brightspace": (
        "OrgDefinedId,Username,Last Name,First Name,Email,End-of-Line Indicator\n"
        "#S-77,#jdoe,Doe,Jane,jane@x.org,#\n",
        ("jdoe", "jane@x.org", "", {}),
    ),
    "a Gradescope roster": (
        "First Name,Last Name,SID,Email,Role,Sections\n"
        "Jane,Doe,3031,jane@x.org,Student,\nTim,Roe,,t@x.org,Instructor,\n",
        ("3031", "jane@x.org", "", {}),
    ),
    "a Blackboard gradebook": (
        '"Last Name"\t"First Name"\t"Username"\t"Student ID"\t"HW 1 |11"\n'
        '"Doe"\t"Jane"\t"jdoe"\t"S-77"\t"9"\n',
        ("jdoe", "", "", {}),
    ),
    "a roster of GitHub Classroom": (
        '"identifier","github_username","github_id","name"\n'
        '"jdoe","octojane","583231","Jane Doe"\n',
        ("jdoe", "", "octojane", {}),
    ),
    "a list of your own": (
        "id,name,group\njdoe,Jane Doe,Team 4\n",
        ("jdoe", "", "", {"jdoe": "Team 4"}),
    ),
}


@pytest.mark.parametrize("form", [*FORMS, PLAIN], ids=lambda form: form.called)
def test_a_class_list_as_a_system_exports_it(tmp_path, form):
    text, (name, email, lms, groups) = EXPORTED[form.called]
    file = tmp_path / "class.csv"
    encoding = "utf-16" if "Blackboard" in form.called else "utf-8"
    file.write_bytes(text.encode(encoding))
    found = read_class_list(file)
    [(_, student)] = found.students
    assert (student.id, student.email, student.lms_user_id) == (name, email, lms)
    assert (student.first_name, student.last_name) == ("Jane", "Doe")
    assert found.groups == groups
    assert found.told.startswith(f"{form.called}: '") and "became the id" in found.told
    if "Canvas grade" in form.called:
        assert found.told.endswith("'SIS Login ID' became the id, 'ID' the lms_user_id")
        assert "line 5: Canvas's test student" in found.notes[0]


def test_the_column_of_ids_stays_the_one_that_it_was(course, tmp_path):
    """A new student without a login must not enter the whole class a second time."""
    file = tmp_path / "canvas.csv"
    head = "Student,ID,SIS User ID,SIS Login ID,Section\n"
    file.write_text(f'{head}"Doe, Jane",1,S1,jdoe,A\n')
    assert "'SIS Login ID' became the id" in make_course(course, roster=file)[0]
    file.write_text(f'{head}"Doe, Jane",1,S1,jdoe,A\n"Roe, Tim",2,S2,,A\n')
    with pytest.raises(ValueError, match=r"line 3: no id"):
        make_course(course, roster=file)
    # Another list, under other ids: the same people are known by the LMS's number.
    file.write_text("id,name,lms_user_id,email,team\nS1,Jane Doe,1,j@x.org,Team 4\n")
    said = make_course(course, roster=file)
    assert any("under another id: S1 for jdoe" in line for line in said)
    assert "jdoe,Team 4" in (course / "groups.csv").read_text()
    with gradebook(course) as book:
        assert [(s.id, s.email) for s in book.students] == [("jdoe", "j@x.org")]


def test_students_who_are_there_stay_as_they_are(course, tmp_path):
    file = tmp_path / "class.csv"
    file.write_text("id,first_name,email\na,Ann,ann@x.org\nb,Bo,\n")
    make_course(course, roster=file)
    file.write_text("id,first_name,email\na,Anna,ann@x.org\nb,Bo,bo@x.org\nc,Cy,\n")
    said = make_course(course, roster=file)
    assert "1 students added" in said[0]
    assert f"{file}, line 2: a stays" in said[1]
    command = said[1].split("To change it: ")[1]
    assert command == "nbgrader db student add a --first-name=Anna --email=ann@x.org"
    assert "not known of 1 students" in said[2]
    with gradebook(course) as book:
        found = {s.id: (s.first_name, s.email) for s in book.students}
    assert found == {
        "a": ("Ann", "ann@x.org"),
        "b": ("Bo", "bo@x.org"),
        "c": ("Cy", None),
    }
    assert nbgrader(course, *command.split()[1:]).returncode == 0
    file.write_text("id,first_name,email\na,Anna,ann@x.org\nb,Bo,bo@x.org\n")
    assert make_course(course, roster=file) == [
        f"{file}: without c, who stay in the gradebook"
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "empty"),
        ("name,email\nx,y\n", "line 1: no column 'id' among name, email"),
        ("login,ID\nx,y\n", "line 1: two columns say 'id'"),
        ("id,name\n,Ann\n", "line 2: no id"),
        ("id\nx\ny\nx\n", "line 4: x stands in line 2 already"),
        ("id\n../x\n", "line 2: '../x' cannot name a folder"),
        ("id\n1.23E+11\n", "line 2: .* a spreadsheet has changed"),
        ("id\n12345.0\n", "line 2: 12345.0 is a number that a spreadsheet"),
        ("id\n1.0E+05\n", r"line 2: 1.0E\+05 is a number that a spreadsheet"),
        (
            "ada,Ada,ada@x.org\n",
            "line 1: the header is missing: ada, Ada, ada@x.org is a row already; "
            "put a line above it that names its columns, .* out of id, first_name",
        ),
        ("\ufeff\n4711;Ada\n4712;Bo\n", "line 2: the header is missing: 4711, Ada"),
        ("Ada Lee\nBo Ray\n", "line 1: none of Ada Lee is the name of a column; .*"),
        ("学号\t姓名\n4711\t王伟\n", "none of 学号, 姓名 is .* in its place if"),
        ("Autumn\n\nid,name\nx,Ann\n", "line 1: not the header, which is line 3"),
        ("id,last_name\nx,Doe, Jane\n", "line 2: 3 cells, and the header has 2"),
        ('id,last_name\nx,"Doe\n', "line 2: .*quote"),
        (b"PK\3\4", "Excel workbook"),
    ],
)
def test_a_wrong_roster_is_refused_with_its_line(course, text, told):
    file = course / "roster.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ValueError, match=f"roster.csv.*{told}"):
        make_course(course)
    with gradebook(course) as book:
        assert not book.students


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ("id;first_name\nada;Äda\n".encode("utf-16-le"), ""),  # no mark before it
        ("id;first_name\nada;Äda\n".encode("utf-16-be"), ""),
        ("id,first_name\rada,Äda\r".encode(), ""),  # lines of an old Mac
        ("id,first_name\nada,Äda\nADA,Äda\n".encode(), "line 3: ADA and ada are two"),
        (b"id,first_name\n", "no students in it"),
        ("\ufeffid|first_name\n\n |\nada|Äda\n".encode(), ""),
        (b"id,name\nID number,Full name\nada,Ada\n", "line 2: left out, for it names"),
        (b"ID,id,name\n7,ada,Ada\n", "not used: the columns ID"),
        (b"id\n12345\n1234\n12346\n12347\n", "shorter than the other ids: 1234; if"),
    ],
)
def test_what_is_odd_in_a_roster_is_read_or_told(tmp_path, data, told):
    file = tmp_path / "roster.csv"
    file.write_bytes(data)
    found = read_class_list(file)
    assert told in "".join(found.notes)
    if not told:
        [(_, student)] = found.students
        assert (student.id, student.first_name) == ("ada", "Äda")


@pytest.mark.parametrize(
    "ids", [["1", "2", "10", "11"], ["2E10"], ["ada lee", "o'neill", "a+b@x.org"]]
)
def test_ids_that_look_odd_are_taken_as_they_are(tmp_path, ids):
    file = tmp_path / "roster.csv"
    file.write_text("\n".join(["id", *ids]))
    found = read_class_list(file)
    assert [student.id for _, student in found.students] == ids and not found.notes


def test_zeros_that_a_spreadsheet_took_make_nobody_new(tmp_path):
    file = tmp_path / "roster.csv"
    file.write_text("id\n7123\n8000\n")
    with pytest.raises(ValueError, match="line 2: 7123 is 007123 in the gradebook"):
        read_class_list(file, ["007123"])


def test_all_faults_of_a_roster_are_told_at_once(tmp_path):
    file = tmp_path / "roster.csv"
    file.write_text("id\nx\nx\n*\n")
    with pytest.raises(ValueError, match=r"line 3: x[^\n]*\n.*line 4: '\*'"):
        read_class_list(file)


# --- due dates ----------------------------------------------------------------


def test_two_due_dates_of_a_chapter_are_one_too_many(course):
    (course / "due_dates.csv").write_text(
        "chapter,due\n05_softmax,2026-12-01\n05_softmax,2026-12-08\n"
    )
    with pytest.raises(ValueError, match=r"line 3: 05_softmax is due by .*line 2"):
        make_course(course)
    # One on the command line is another matter: it counts before the file's.
    (course / "due_dates.csv").write_text("chapter,due\n05_softmax,2026-12-01\n")
    [*_, told] = make_course(course, due=("05_softmax=2026-12-08",), only=NAMES)
    assert "due 2026-12-08" in told


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-12-01 18:00", "2026-12-01 18:00:00"),
        ("2026-12-01", "2026-12-01 23:59:59"),
        ("2026-12-01T18:00Z", "2026-12-01 18:00:00"),
        ("2026-12-01T18:00+05:30", "2026-12-01 12:30:00"),
        ("2026-12-01 18:00 Europe/Berlin", "2026-12-01 17:00:00"),
        ("2026-07-01 18:00 Europe/Berlin", "2026-07-01 16:00:00"),
        ("2026-12-01 America/New_York", "2026-12-02 04:59:59"),
        ("2026-12-01 18:00 UTC", "2026-12-01 18:00:00"),
    ],
)
def test_due_dates_and_their_zones(text, utc):
    assert parse_due(text, "here") == datetime.fromisoformat(utc)


def test_a_time_without_a_zone_is_in_that_of_the_course(course):
    """Of a due date, of an extension, and of an extension that is read again."""
    (course / "roster.csv").write_text("id\nada\n")
    with open(course / "nbgrader_config.py", "a", encoding="utf-8") as config:
        config.write('\nc.Collector.timezone = "Asia/Tokyo"\n')
    told = make_course(course, due=("05_softmax=2026-12-01 18:00",), only=NAMES)[-1]
    assert told.endswith("18:00:00 JST (2026-12-01 09:00 UTC)")
    [told] = extend(course, "ada", "05_softmax", "2026-12-02 18:00")
    assert told.endswith("18:00:00 JST (2026-12-02 09:00 UTC)")
    [until] = read_extensions(load_course(course), "05_softmax").values()
    assert until == datetime(2026, 12, 2, 9)
    zone = ZoneInfo("Asia/Tokyo")
    own = parse_due("2026-12-01T18:00Z", "here", zone)
    assert own == datetime(2026, 12, 1, 18)  # its own zone comes first


@pytest.mark.parametrize(
    "text",
    [
        "01/12/2026",
        "12/1/2026 18:00",  # of a spreadsheet
        "01.12.2026 18:00",
        "2026-12-01 18.30",  # to Python, a third of a second after six
        "tomorrow",
        "2026-12-01 18:00 Mars/X",
        "2026-12-01 18:00 EST",
        "2026-13-01",
        "/",
    ],
)
def test_what_is_no_time_is_refused(text):
    with pytest.raises(ValueError, match=r"due_dates.csv, line 3: .* write 2026-12-01"):
        parse_due(text, "due_dates.csv, line 3")


def test_due_dates_are_set_once_and_changed_when_asked(course):
    file = course / "due_dates.csv"
    file.write_text(
        "Assignment;Due date\n05_softmax;2026-12-01 18:00\n02_projections;\n"
    )
    said = make_course(course)
    assert said == ["05_softmax: due 2026-12-01 18:00:00 UTC (2026-12-01 18:00 UTC)"]
    assert "nothing was changed" in make_course(course)[0]
    file.write_text("chapter,due\n05_softmax,2026-12-02 18:00\n")
    [said] = make_course(course)
    assert "due_dates.csv, line 2: 05_softmax stays due 2026-12-01 18:00" in said
    [option] = shlex.split(said.split("to change it: --due ")[1])
    [said] = make_course(course, due=(option,))
    assert said.startswith("05_softmax: due 2026-12-02 18:00")
    with gradebook(course) as book:
        found = {a.name: a.duedate for a in book.assignments}
    assert found == {"05_softmax": datetime(2026, 12, 2, 18), "02_projections": None}
    with pytest.raises(ValueError, match="no chapter '5'; there are 02_projections"):
        make_course(course, due=("5=2026-12-01",))
    with pytest.raises(ValueError, match="write it as 05_softmax=2026"):
        make_course(course, due=("05_softmax",))


# --- the exchange -------------------------------------------------------------


def test_nbgraders_exchange_hands_out_and_collects(course, tmp_path):
    exchange, desk = tmp_path / "exchange", tmp_path / "learner"
    exchange.mkdir(mode=0o777)
    exchange.chmod(0o777)
    desk.mkdir()
    config = course / "nbgrader_config.py"
    text = config.read_text()
    shown = '# c.Exchange.root = "/srv/nbgrader/exchange"'
    assert shown in text
    config.write_text(text.replace(shown, f"c.Exchange.root = {str(exchange)!r}"))

    def run(where, *arguments):
        done = nbgrader(where, *arguments)
        assert done.returncode == 0, done.stderr
        return done

    run(course, "generate_assignment", "05_softmax")
    run(course, "release_assignment", "05_softmax")
    where = (f"--Exchange.root={exchange}", "--course=attention")
    where += (f"--Exchange.cache={tmp_path / 'cache'}",)
    run(desk, "fetch_assignment", "05_softmax", *where)
    path = desk / "05_softmax" / "05_softmax.ipynb"
    answers = right_answers("05_softmax", nbformat.read(path, as_version=4))
    path.write_text(answers, encoding="utf-8")
    run(desk, "submit", "05_softmax", *where)
    run(course, "collect", "05_softmax")
    [found] = course.glob("submitted/*/05_softmax/05_softmax.ipynb")
    assert json.loads(found.read_text()) == json.loads(answers)
    assert (found.parent / "timestamp.txt").is_file()


# --- a chapter that has another name by now --------------------------------------


def test_a_course_is_told_of_a_chapter_that_was_split(course, book):
    """Its copy stays, and is graded; the new chapters are laid beside it."""
    old, new = "08_parameters", ["08_stacking", "13_initialisation"]
    here = course / "source" / old
    shutil.copytree(course / "source" / "05_softmax", here)
    before = files(here)
    book([*NAMES, *new])
    said = make_course(course)
    told = f"{here}: {old} is now {' and '.join(new)}; your copy stays"
    assert any(line.startswith(told) for line in said)
    assert all((course / "source" / name / f"{name}.ipynb").is_file() for name in new)
    assert files(here) == before
    assert any(
        line.startswith(told) for line in make_course(course)
    )  # until it is gone


def test_a_chapter_that_only_moved_is_found_by_its_noun():
    assert toc.became("14_cost") == (toc.current_stems()["cost"],)
    assert toc.became("13_add_and_norm") == tuple(
        toc.current_stems()[noun] for noun in ("layer_norm", "add_and_norm")
    )
    for name in (toc.current_stems()["cost"], "99_nothing", "cost", ""):
        assert toc.became(name) == () and toc.told_became(name) == ""


def test_every_split_is_told_with_chapters_that_are_there():
    for old, nouns in toc._contents()["meta"]["became"].items():
        assert set(nouns) <= set(toc.current_stems()), old
        assert toc.told_became(old).startswith(f"{old} is now ")


def test_an_old_name_is_answered_with_the_new_one(course):
    with pytest.raises(ChapterError, match="08_parameters is now 08_stacking and 13_"):
        load_chapters(["08_parameters"])
    (course / "due_dates.csv").write_text("chapter,due\n14_cost,2027-01-01\n")
    moved = f"14_cost is now {toc.current_stems()['cost']}"
    with pytest.raises(ValueError, match=f"no chapter '14_cost'; {moved}"):
        make_course(course)
