"""Downloads of LMSs, as they are named there, into `submitted/`: nothing is lost."""

import csv
import io
import os
import re
import shutil
import stat
import zipfile
from functools import cache
from pathlib import Path

import nbformat
import pytest
from classroom import nbgrader, small_course
from nbgrader.api import Gradebook

from autograder.chapters.chapter import learner_notebook, load_chapters
from autograder.course.collect import download
from autograder.course.collect.collect import collect_chapter
from autograder.course.collect.filenames import marks_of
from autograder.course.collect.forms import FORMS
from autograder.course.roster import Roster, Student, fold
from autograder.files.tables import read_table, write_table

CHAPTER = "05_softmax"
ROSTER = """\
id,first_name,last_name,email,lms_user_id
jdoe,Jane,Doe,jane.doe@example.org,12345
bsmith,Bob,Smith,bob@example.org,12346
zmueller,Zoë,Müller,zoe@example.org,12347
s-1,Ann,Lee,ann.lee@example.org,12348
"""


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A course of two chapters with four students."""
    folder = tmp_path_factory.mktemp("template") / "course"
    due = ("05_softmax=2026-12-01T18:00Z",)
    return small_course(folder, ["04_scaling", CHAPTER], ROSTER, due)


@pytest.fixture
def course(template, tmp_path):
    return Path(shutil.copytree(template, tmp_path / "course"))


@pytest.fixture(autouse=True)
def utc(monkeypatch):
    monkeypatch.setenv("TZ", "UTC")


@cache
def notebook(text="mine", chapter=CHAPTER):
    """A learner's notebook that says something of its own."""
    made = learner_notebook(load_chapters([chapter])[0])
    for cell in made.cells:
        if cell.source.startswith("def "):
            name = cell.source.split("(")[0].removeprefix("def ")
            cell.metadata["nbgrader"] = {"grade_id": f"{name}_answer"}
            cell.source += f"  # {text}"
    return nbformat.writes(made)


def lay(folder, files):
    """Write files into a folder; notebooks are told apart by a word."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def zipped(files):
    """A zip of names with their contents; a ZipInfo may stand for a name."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return buffer.getvalue()


def submitted(course):
    """Student -> what makes the notebook theirs."""
    found = {}
    for path in course.glob(f"submitted/*/{CHAPTER}/*"):
        if path.name != "timestamp.txt":
            assert path.name == f"{CHAPTER}.ipynb"
            text = path.read_text(encoding="utf-8")
            found[path.parent.parent.name] = text.split("  # ")[1].split('"')[0]
    return found


def told(summary, *words):
    """The one line that says all of these."""
    lines = [line for line in summary.lines if all(word in line for word in words)]
    assert len(lines) == 1, "\n".join(summary.lines)
    return lines[0]


# --- names --------------------------------------------------------------------

MADE_BY = {
    "Canvas": {
        "doejane_12345_678901_05_softmax.ipynb": "jdoe",
        "smithbob_LATE_12346_678902_05_softmax-1.ipynb": "bsmith",
        "mllerzo_12347_678903_05_softmax.ipynb": "zmueller",  # by the number alone
        "leeann_12348_678904_work.zip": "s-1",
    },
    "Moodle": {
        "Jane Doe_123456_assignsubmission_file_/05_softmax (1).ipynb": "jdoe",
        "Bob Smith_123457_assignsubmission_file_/hw.zip": "bsmith",
        "ZOE MULLER_123458_assignsubmission_file/05_softmax.ipynb.txt": "zmueller",
        "Ann Lee_123459_assignsubmission_file_05_softmax.ipynb": "s-1",
    },
    "Blackboard": {
        "05_softmax_jdoe_attempt_2026-12-01-10-00-00_05_softmax.ipynb": "jdoe",
        "Week 5_bsmith_attempt_2026-12-01-20-05-00_my work.ipynb": "bsmith",
        "05_softmax_zmueller_attempt_2026-12-01-10-00-00_hw_final.ipynb": "zmueller",
        "05_softmax_s-1_attempt_2026-12-01-10-00-00_05_softmax.ipynb": "s-1",
    },
    "nobody": {
        "jdoe.ipynb": "jdoe",
        "bsmith/05_softmax.ipynb": "bsmith",
        "Müller, Zoë - 05_softmax.IPYNB": "zmueller",
        "s-1/05_softmax/whatever.ipynb": "s-1",
    },
    "people": {
        "05_softmax_jdoe.ipynb": "jdoe",
        "bob@example.org.ipynb": "bsmith",
        "top/zoe muller/a/b.ipynb": "zmueller",
        "S-1 (2).ipynb": "s-1",
    },
}


MADE_BY["Brightspace"] = {
    f"1-{i} - {name} - Dec {i}, 2026 905 AM/05_softmax.ipynb": student
    for i, (name, student) in enumerate(
        {"Jane Doe": "jdoe", "Bob Smith": "bsmith", "Zoë Müller": "zmueller"}.items(),
        1,
    )
} | {"1-4 - Ann Lee - 4 December, 2026 1105 PM - 05_softmax.ipynb": "s-1"}
MADE_BY["ILIAS"] = {
    "Softmax/Abgaben/Doe_Jane_jdoe_2871/05_softmax.ipynb": "jdoe",
    "Softmax/Abgaben/Smith_Bob_bsmith_2872/Late Submission - a.ipynb": "bsmith",
    "Softmax/Abgaben/Mueller_Zoe_zmueller_2873/05_softmax.ipynb": "zmueller",
    "Softmax/Abgaben/Lee_Ann_s-1_2874/05_softmax.ipynb": "s-1",
}
MADE_BY["Sakai"] = {
    f"Softmax/{name}/Submission attachment(s)/05_softmax.ipynb": student
    for name, student in {
        "Doe, Jane(jdoe)": "jdoe",
        "Smith, Bob(bsmith)": "bsmith",
        "Müller, Zoë(zmueller)": "zmueller",
        "Lee, Ann(s-1)": "s-1",
    }.items()
}
MADE_BY["OpenOLAT"] = {
    f"ita_Softmax_2026-12-01/{name}/1_submissions/05_softmax.ipynb": student
    for name, student in {
        "Doe_Jane_jdoe": "jdoe",
        "Smith_Bob_bsmith": "bsmith",
        "Mueller_Zoe_zmueller": "zmueller",
        "Lee_Ann_s-1": "s-1",
    }.items()
}
MADE_BY["Teams"] = {
    f"Submitted files/{name}/Softmax/Version 2/05_softmax.ipynb": student
    for name, student in {
        "Jane Doe": "jdoe",
        "Bob Smith": "bsmith",
        "Zoë Müller": "zmueller",
        "Ann Lee": "s-1",
    }.items()
}
MADE_BY["Google Classroom"] = {
    f"{name}.ipynb": student
    for name, student in {
        "Jane Doe - 05_softmax": "jdoe",
        "Bob Smith - Copy of 05_softmax": "bsmith",
        "Zoë Müller - Homework 5": "zmueller",
        "Ann Lee - 05_softmax (1)": "s-1",
    }.items()
}
MADE_BY["GitHub Classroom"] = {
    "05-softmax-submissions/05-softmax-12345/05_softmax.ipynb": "jdoe",  # an account
    "05-softmax-submissions/05-softmax-bsmith/05_softmax.ipynb": "bsmith",
    "05-softmax-submissions/05-softmax-zoe-muller/05_softmax.ipynb": "zmueller",
    "05-softmax-submissions/05-softmax-s-1/05_softmax.ipynb": "s-1",
}


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.system)
def test_a_form_reads_its_own_example(form):
    name, persons = form.example
    marks = marks_of(name, CHAPTER)
    assert marks.system == form.system and name.startswith(marks.own)
    assert (marks.names[0] if marks.names else ()) == persons
    assert bool(marks.lasts) == bool(form.lasts)


@pytest.mark.parametrize("lms", MADE_BY)
@pytest.mark.parametrize("as_zip", [True, False], ids=["zip", "folder"])
def test_every_name_finds_its_student(course, tmp_path, lms, as_zip):
    files = {}
    for name, student in MADE_BY[lms].items():
        text = notebook(student)
        inner = [("05_softmax.ipynb", text)]
        files[name] = zipped(inner) if name.endswith(".zip") else text
    source = lay(tmp_path / "download", files)
    if as_zip:
        source = tmp_path / "download.zip"
        source.write_bytes(zipped(files.items()))
    summary = collect_chapter(course, CHAPTER, source)
    everybody = {"jdoe", "bsmith", "zmueller", "s-1"}
    assert submitted(course) == {name: name for name in everybody}
    assert summary.complete, summary.lines
    again = collect_chapter(course, CHAPTER, source)
    assert again.complete
    assert "0 collected, 4 there already" in again.lines[0]


def test_times_and_late_marks(course, tmp_path):
    files = {
        name: notebook(student)
        for lms in ("Canvas", "Blackboard")
        for name, student in MADE_BY[lms].items()
        if student == "bsmith"
    }
    canvas, blackboard = (
        lay(tmp_path / str(i), {name: text})
        for i, (name, text) in enumerate(files.items())
    )
    summary = collect_chapter(course, CHAPTER, canvas)
    told(summary, "bsmith: late", "not how late", "timestamp.txt")
    stamp = course / "submitted" / "bsmith" / CHAPTER / "timestamp.txt"
    assert not stamp.exists()
    summary = collect_chapter(course, CHAPTER, blackboard)
    told(summary, "bsmith: late by 2:05:00")
    assert stamp.read_text().strip() == "2026-12-01 20:05:00 UTC"
    config = course / "nbgrader_config.py"
    zone = '\nc.Collector.timezone = "America/New_York"\n'
    config.write_text(config.read_text() + zone)
    stamp.unlink()
    summary = collect_chapter(course, CHAPTER, blackboard)
    told(summary, "bsmith: late by 7:05:00")
    told(summary, "America/New_York")


def test_only_the_lms_says_who_and_when():
    forged = marks_of(
        "05_softmax_jdoe_attempt_2026-12-01-10-00-00_"
        "x_bsmith_attempt_2020-01-01-00-00-00_05_softmax.ipynb",
        CHAPTER,
    )
    assert forged.time.year == 2026
    assert ("jdoe",) in forged.names and "bsmith" not in forged.names[0]
    forged = marks_of("doejane_1_2_smithbob_LATE_3_4_05_softmax-2.ipynb", CHAPTER)
    assert (forged.names, forged.lms, forged.late) == ((("doejane",),), "1", False)
    assert forged.attempt == 2


AT = "attempt_2026-01-01-10-00-00_05_softmax.ipynb"
FORGED = {
    f"doejane_12345_502_bsmith_{AT}": "jdoe",
    f"doejane_LATE_12345_502_jdoe_{AT}": "jdoe",
    f"Jane Doe_777_assignsubmission_file_bsmith_{AT}": "jdoe",
    f"Jane Doe_777_assignsubmission_file_/bsmith_{AT}": "jdoe",
    f"anonymous_99_502_bsmith_{AT}": None,
    f"jdoe/bsmith_{AT}": None,
    f"jdoe.zip/bsmith_1_assignsubmission_file_/{AT}": None,
    f"jdoe/jdoe_{AT}": "jdoe",
    f"HW_12346_12347_{AT}": None,  # a homework 12346, or a person of this number?
}


@pytest.mark.parametrize("name", FORGED)
def test_a_mark_that_a_learner_wrote_is_no_proof(course, tmp_path, name):
    outer, is_zip, inner = name.partition(".zip/")
    files = {name: notebook("x")}
    if is_zip:
        files = {f"{outer}.zip": zipped([(inner, notebook("x"))])}
    summary = collect_chapter(course, CHAPTER, lay(tmp_path / "d", files))
    assert submitted(course) == ({FORGED[name]: "x"} if FORGED[name] else {})
    assert not list(course.glob("submitted/*/*/timestamp.txt"))
    assert any("late, says the LMS" in line for line in summary.lines) == (
        "LATE" in name
    )


def test_a_name_inside_of_what_the_lms_named_is_no_proof(course, tmp_path):
    name = "Participant 7_123_assignsubmission_file_/bsmith.ipynb"
    summary = collect_chapter(course, CHAPTER, lay(tmp_path / "d", {name: notebook()}))
    assert submitted(course) == {}
    assert "perhaps bsmith (Bob Smith)" in told(summary, name, "open")


def test_folding():
    assert fold("Müller, Zoë") == fold("MULLER ZOE") == "mullerzoe"
    twins = Roster([Student("a1", "Al", "Ray"), Student("a2", "Al", "Ray")])
    assert twins.find("Ray Al") == {"a1", "a2"}
    assert twins.find("A1") == {"a1"} and twins.find("-_") == set()


# --- what is not certain ------------------------------------------------------


def test_open_questions_are_asked_and_the_answers_taken(course, tmp_path):
    source = lay(
        tmp_path / "d",
        {
            "Jnae Doe_1_assignsubmission_file_/05_softmax.ipynb": notebook("jane"),
            "jdoe/bsmith.ipynb": notebook("both"),
            "nobody at all.ipynb": notebook("none"),
            "zmueller.ipynb": notebook("zoe"),
        },
    )
    summary = collect_chapter(course, CHAPTER, source)
    assert not summary.complete
    assert submitted(course) == {"zmueller": "zoe"}
    assert "perhaps jdoe (Jane Doe)" in told(summary, "Jnae", "open")
    assert "bsmith or jdoe" in told(summary, "jdoe/bsmith.ipynb", "open")
    told(summary, "nobody at all.ipynb", "no student is called")
    file = course / "downloaded" / CHAPTER / "matches.csv"
    columns = dict.fromkeys(("file", "student", "proposal"), "")
    rows = [row for _, row in read_table(file, columns, needed=("file",)).rows]
    assert {row["student"] for row in rows} == {""}
    assert {row["proposal"] for row in rows} == {"jdoe", "bsmith jdoe", ""}
    # A spreadsheet saves it with semicolons and a mark.
    lines = ["file;student", "nobody at all.ipynb;-", "jdoe/bsmith.ipynb;bsmith"]
    lines += ["Jnae Doe_1_assignsubmission_file_/05_softmax.ipynb;jdoe"]
    file.write_text("\ufeff" + "\r\n".join(lines), encoding="utf-8")
    summary = collect_chapter(course, CHAPTER, source)
    assert summary.complete, summary.lines
    assert submitted(course) == {"zmueller": "zoe", "jdoe": "jane", "bsmith": "both"}
    assert "nobody at all.ipynb;" not in file.read_text()  # ours again: commas
    assert "nobody at all.ipynb,-" in file.read_text()  # and the answers stay


ODD = [" lead", "' lead", "'=q", "=q", "''=q", " =q", "'t Hooft", "-"]


@pytest.mark.parametrize("name", ODD)
def test_an_odd_name_is_found_again_in_the_table(course, tmp_path, name):
    source = lay(tmp_path / "d", {f"{name}.ipynb": notebook("x")})
    assert not collect_chapter(course, CHAPTER, source).complete
    matches = course / "downloaded" / CHAPTER / "matches.csv"
    header, line = csv.reader(io.StringIO(matches.read_text()))
    line[1] = "jdoe"
    write_table(matches, [header])
    with open(matches, "a") as file:
        csv.writer(file).writerow(line)
    for _ in range(2):  # what was read is written, and read again
        assert collect_chapter(course, CHAPTER, source).complete
        assert submitted(course) == {"jdoe": "x"}


def test_a_wrong_answer_is_refused_with_its_line(course, tmp_path):
    source = lay(tmp_path / "d", {"x.ipynb": notebook()})
    collect_chapter(course, CHAPTER, source)
    file = course / "downloaded" / CHAPTER / "matches.csv"
    file.write_text("file,student\nx.ipynb,jdoo\n")
    with pytest.raises(ValueError, match=r"matches.csv, line 2: .*'jdoo'"):
        collect_chapter(course, CHAPTER, source)


def test_the_latest_attempt_wins(course, tmp_path):
    black = "05_softmax_{}_attempt_2026-12-0{}-10-00-00_05_softmax.ipynb"
    source = lay(
        tmp_path / "d",
        {
            black.format("jdoe", 2): notebook("new"),
            black.format("jdoe", 1): notebook("old"),
            "smithbob_12346_678902_05_softmax.ipynb": notebook("old"),
            "smithbob_12346_678903_05_softmax-1.ipynb": notebook("new"),
            "zmueller/a.ipynb": notebook("old"),
            "zmueller/b.ipynb": notebook("new"),
            "s-1/a.ipynb": notebook("one"),
            "s-1/b.ipynb": notebook("two"),
            "zmueller/c.ipynb": notebook("new"),
        },
    )
    for path in source.rglob("*.ipynb"):
        os.utime(path, (1_000_000_000,) * 2)
    for name in ("b", "c"):
        os.utime(source / "zmueller" / f"{name}.ipynb", (1_000_000_100,) * 2)
    summary = collect_chapter(course, CHAPTER, source)
    assert submitted(course) == {"jdoe": "new", "bsmith": "new", "zmueller": "new"}
    told(summary, "s-1/a.ipynb", "nothing says which is newest")
    told(summary, black.format("jdoe", 1), "was taken")
    told(summary, "zmueller/b.ipynb", "the same as zmueller/c.ipynb")
    assert not summary.complete
    # One answer is enough: it says which one.
    file = course / "downloaded" / CHAPTER / "matches.csv"
    text = file.read_text().replace("s-1/b.ipynb,", "s-1/b.ipynb,s-1")
    file.write_text(text)
    assert collect_chapter(course, CHAPTER, source).complete
    assert submitted(course)["s-1"] == "two"


def test_what_is_there_gives_way_only_to_what_is_known_to_be_newer(course, tmp_path):
    black = "05_softmax_jdoe_attempt_2026-12-0{}-10-00-00_05_softmax.ipynb"

    def collect(name, text):
        source = lay(tmp_path / name.replace("/", "_"), {name: notebook(text)})
        return collect_chapter(course, CHAPTER, source)

    collect(black.format(2), "second")
    assert submitted(course) == {"jdoe": "second"}
    summary = collect(black.format(1), "first")
    assert summary.complete and submitted(course) == {"jdoe": "second"}
    told(summary, "a newer one is in")
    summary = collect(black.format(3), "third")
    assert summary.complete and submitted(course) == {"jdoe": "third"}
    line = told(summary, "the older one lies in")
    aside = Path(line.split(" lies in ")[1])
    assert "second" in (aside / f"{CHAPTER}.ipynb").read_text(encoding="utf-8")
    summary = collect("jdoe.ipynb", "unknown")
    assert not summary.complete and submitted(course) == {"jdoe": "third"}
    told(summary, "jdoe.ipynb", "nothing says which is newer")
    file = course / "downloaded" / CHAPTER / "matches.csv"
    file.write_text(file.read_text().replace("jdoe.ipynb,", "jdoe.ipynb,jdoe"))
    assert collect("jdoe.ipynb", "unknown").complete
    assert submitted(course) == {"jdoe": "unknown"}
    # The answer was for that content, not for whatever has the name tomorrow.
    assert not collect("jdoe.ipynb", "another").complete
    assert submitted(course) == {"jdoe": "unknown"}


def test_other_chapters_and_other_files_are_named(course, tmp_path):
    source = lay(
        tmp_path / "d",
        {
            "jdoe/05_softmax.ipynb": notebook("mine"),
            "jdoe/scratch.ipynb": '{"cells": []}',
            "jdoe/renamed.ipynb": notebook("mine", "04_scaling"),
            "bsmith/04_scaling.ipynb": "cut off",
            "bsmith/essay.pdf": b"%PDF",
            "bsmith/work.7z": b"7z",
            "zmueller/05_softmax.ipynb": "{broken  # mine",
            "s-1/.ipynb_checkpoints/05_softmax-checkpoint.ipynb": notebook("no"),
            "__MACOSX/s-1/._05_softmax.ipynb": "no",
        },
    )
    summary = collect_chapter(course, CHAPTER, source)
    assert set(submitted(course)) == {"jdoe", "zmueller"}  # the grader tells of broken
    assert not summary.complete
    told(summary, "jdoe/scratch.ipynb", "no exercise")
    told(summary, "jdoe/renamed.ipynb", "it is 04_scaling")
    told(summary, "bsmith/04_scaling.ipynb", "it is 04_scaling")
    told(summary, "essay.pdf", "no notebook")
    told(summary, "work.7z", "unpack it")
    told(summary, "2 files that systems add")
    assert "bsmith, s-1" in told(summary, "Nothing from 2 students")


def test_a_gradebook_without_students_says_what_to_do(course, tmp_path):
    database = f"sqlite:///{course / 'gradebook.db'}"
    with Gradebook(database, "attention") as gradebook:
        for student in gradebook.students:
            gradebook.remove_student(student.id)
    source = lay(tmp_path / "d", {"jdoe.ipynb": notebook()})
    told(collect_chapter(course, CHAPTER, source), "no students", "--roster")
    with pytest.raises(ValueError, match="no chapter 06_nothing; there are 04_scaling"):
        collect_chapter(course, "06_nothing", source)
    with pytest.raises(ValueError, match="no such file"):
        collect_chapter(course, CHAPTER, tmp_path / "missing.zip")
    text = lay(tmp_path, {"a.txt": "x"}) / "a.txt"
    empty = tmp_path / "nothing"
    empty.mkdir()
    told(collect_chapter(course, CHAPTER, empty), "no file in it; is it the right")
    for name, remedy in {
        "a.zip": "download it again",
        "a.ipynb": "name the folder",
    }.items():
        (tmp_path / name).write_text("<html>")
        with pytest.raises(ValueError, match=remedy):
            collect_chapter(course, CHAPTER, tmp_path / name)
    with pytest.raises(ValueError, match="neither a folder nor a zip"):
        collect_chapter(course, CHAPTER, text)


# --- what is hostile ----------------------------------------------------------


def member(name, mode=None):
    info = zipfile.ZipInfo(name, (2026, 12, 1, 10, 0, 0))
    if mode:
        info.external_attr = mode << 16
    return info


def test_a_hostile_zip_costs_nothing_but_a_sentence(course, tmp_path, monkeypatch):
    monkeypatch.setattr(download, "NOTEBOOK_BYTES", 200_000)
    monkeypatch.setattr(download, "ZIP_BYTES", 300_000)
    outside = tmp_path / "outside"
    outside.mkdir()
    bomb = zipped([("05_softmax.ipynb", b"0" * 50_000_000)])
    deep = notebook()
    for _ in range(4):
        deep = zipped([("inner.zip" if isinstance(deep, bytes) else "a.ipynb", deep)])
    encrypted = bytearray(zipped([("05_softmax.ipynb", notebook())]))
    encrypted[6] |= 1
    encrypted[encrypted.index(b"PK\1\2") + 8] |= 1
    damaged = bytearray(zipped([("05_softmax.ipynb", notebook())]))
    damaged[60:90] = b"x" * 30
    members = [
        ("../../outside/evil.ipynb", notebook("evil")),
        ("/etc/evil.ipynb", notebook("evil")),
        ("C:\\evil.ipynb", notebook("evil")),
        ("a\\..\\..\\evil.ipynb", notebook("evil")),
        (member("bsmith/05_softmax.ipynb", stat.S_IFLNK | 0o777), "/etc/passwd"),
        ("bsmith/bomb.zip", bomb),
        ("bsmith/deep.zip", deep),
        ("bsmith/locked.zip", bytes(encrypted)),
        ("bsmith/damaged.zip", bytes(damaged)),
        ("bsmith/broken.zip", b"PK\3\4 no zip"),
        ("bsmith/" + "n" * 300 + ".ipynb", notebook("evil")),
        ("jdoe/05_softmax.ipynb", notebook("good")),
        ("jdoe/a\x1b[31m.pdf", "red"),
    ]
    source = tmp_path / "download.zip"
    source.write_bytes(zipped(members))
    before = {path for path in tmp_path.rglob("*") if course not in path.parents}
    summary = collect_chapter(course, CHAPTER, source)
    assert submitted(course) == {"jdoe": "good"}
    after = {path for path in tmp_path.rglob("*") if course not in path.parents}
    assert before == after and not list(outside.iterdir())
    assert not summary.complete
    text = "\n".join(summary.lines)
    assert text.count("leads out of the archive") == 4
    told(summary, "bsmith/05_softmax.ipynb", "a link")
    told(summary, "bomb.zip/05_softmax.ipynb", "MB")
    told(summary, "deep.zip", "a zip in a zip")
    told(summary, "locked.zip", "password")
    told(summary, "damaged.zip", "cannot be")
    told(summary, "broken.zip", "cannot be unpacked")
    told(summary, "nnn", "too long")
    assert "\x1b" not in text


def test_links_in_a_folder_are_not_followed(course, tmp_path):
    secret = lay(tmp_path / "secret", {"05_softmax.ipynb": notebook("secret")})
    source = lay(tmp_path / "d", {"jdoe/05_softmax.ipynb": notebook("good")})
    (source / "bsmith").symlink_to(secret)
    (source / "zmueller.ipynb").symlink_to(secret / "05_softmax.ipynb")
    os.mkfifo(source / "s-1.ipynb")
    summary = collect_chapter(course, CHAPTER, source)
    assert submitted(course) == {"jdoe": "good"}
    told(summary, "bsmith: not taken", "link")
    told(summary, "zmueller.ipynb: not taken", "link")
    told(summary, "s-1.ipynb: not taken", "no file")


def test_a_download_too_large_is_cut_off_and_says_so(course, tmp_path, monkeypatch):
    monkeypatch.setattr(download, "FILES", 2)
    files = {f"{name}.ipynb": notebook(name) for name in ("bsmith", "jdoe", "zmueller")}
    for source in (lay(tmp_path / "d", files), tmp_path / "d.zip"):
        if source.suffix:
            source.write_bytes(zipped(files.items()))
        summary = collect_chapter(course, CHAPTER, source)
        assert set(submitted(course)) == {"bsmith", "jdoe"}
        told(summary, "zmueller.ipynb", "all after it", "more than 2 files")


@pytest.mark.parametrize(("limit", "most"), [("FILES", 12), ("BYTES", 400_000)])
@pytest.mark.parametrize("place", ["zip", "in a folder", "with others", "folder"])
def test_one_learners_zip_leaves_room_for_the_others(
    course, tmp_path, monkeypatch, limit, most, place
):
    monkeypatch.setattr(download, f"SHARE_{limit}", most)
    junk = zipped([(f"{i}.ipynb", b"0" * 30_000) for i in range(9)])
    files = [("jdoe.zip", zipped([("inner.zip", junk), ("a.ipynb", notebook())]))]
    files.append(("bsmith.zip", zipped([("a.ipynb", notebook("good"))])))
    source = lay(tmp_path / "d", dict(files) if place == "folder" else {})
    if place != "folder":
        source = lay(tmp_path / "d", {"d.zip": zipped(files)})
    if place == "with others":
        lay(source, {"more.zip": zipped([])})
    source = source / "d.zip" if place == "zip" else source
    summary = collect_chapter(course, CHAPTER, source)
    assert (course / "submitted" / "bsmith").is_dir()
    told(summary, "jdoe.zip/inner.zip/", "all after it in this zip: more than")


def test_a_zip_of_a_later_version_is_a_sentence(course, tmp_path):
    later = bytearray(zipped([("a.ipynb", notebook())]))
    later[later.rindex(b"PK\1\2") + 6] = 99
    files = [("jdoe.zip", bytes(later)), ("bsmith.ipynb", notebook("good"))]
    source = tmp_path / "d.zip"
    source.write_bytes(zipped(files))
    told(collect_chapter(course, CHAPTER, source), "jdoe.zip", "cannot be unpacked")
    assert submitted(course) == {"bsmith": "good"}
    source.write_bytes(later)
    told(collect_chapter(course, CHAPTER, source), "the zip", "cannot be unpacked")


def test_names_that_do_not_say_their_encoding(course, tmp_path):
    name = "Zoë Müller_1_assignsubmission_file_/05_softmax.ipynb"
    data = bytearray(zipped([(name, notebook("zoe"))]))
    data[7] &= ~0x08  # the flag that says UTF-8, in both of its places
    data[data.index(b"PK\1\2") + 9] &= ~0x08
    source = tmp_path / "d.zip"
    source.write_bytes(data)
    assert collect_chapter(course, CHAPTER, source).complete
    assert submitted(course) == {"zmueller": "zoe"}


@pytest.mark.parametrize("encoding", ["gbk", "cp1252"])
def test_names_in_the_encoding_of_an_old_system(course, tmp_path, encoding):
    """The class says which it is: the same bytes are a name in several encodings."""
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}", "attention") as gradebook:
        gradebook.add_student("wang", first_name="伟", last_name="王")
    name = {"gbk": "王伟", "cp1252": "Zoë Müller"}[encoding]
    stand_in = "#" * len(name.encode(encoding))
    path = f"{stand_in}_1_assignsubmission_file_/05_softmax.ipynb"
    data = zipped([(path, notebook("here"))])
    source = tmp_path / "d.zip"
    source.write_bytes(data.replace(stand_in.encode(), name.encode(encoding)))
    assert collect_chapter(course, CHAPTER, source).complete
    assert list(submitted(course)) == [{"gbk": "wang", "cp1252": "zmueller"}[encoding]]


METADATA = """\
submission_11:
  :submitters:
  - :name: Jane Doe
    :sid: jdoe
    :email: jane.doe@example.org
  - :name: Bob Smith
    :sid:
    :email: bob@example.org
  :created_at: 2026-12-01 20:05:00.000000000 Z
  :results: !ruby/hash:Some::Kind
    :tests: []
submission_12:
  :submitters:
  - :name: Somebody Else
    :email: else@example.org
"""


def test_gradescope_says_who_handed_in_together(course, tmp_path):
    files = {
        "assignment_7_export/submission_metadata.yml": METADATA,
        "assignment_7_export/submission_11/05_softmax.ipynb": notebook("both"),
        "assignment_7_export/submission_12/05_softmax.ipynb": notebook("else"),
    }
    source = tmp_path / "d.zip"
    source.write_bytes(zipped(files.items()))
    summary = collect_chapter(course, CHAPTER, source)
    assert submitted(course) == {"jdoe": "both", "bsmith": "both"}
    told(summary, "submission_11", "for bsmith, jdoe")
    told(summary, "jdoe: late by 2:05:00")
    told(summary, "submission_12", "open, no student is called else@example.org")
    hostile = "!!python/object/apply:os.system ['true']"
    for text in (hostile, "[" * 5000, "{", "- 1"):
        source.write_bytes(zipped([("submission_metadata.yml", text)]))
        assert not collect_chapter(course, CHAPTER, source).complete


def test_sakai_says_when(course, tmp_path):
    files = {
        "Softmax/Doe, Jane(jdoe)/Submission attachment(s)/a.ipynb": notebook("jane"),
        "Softmax/Doe, Jane(jdoe)/timestamp.txt": "20261201200500000",
        "Softmax/Doe, Jane(jdoe)/comments.txt": "",
        "Softmax/grades.csv": "Softmax,Points",
    }
    summary = collect_chapter(course, CHAPTER, lay(tmp_path / "d", files))
    assert summary.complete
    told(summary, "jdoe: late by 2:05:00")


def test_who_is_anonymous_is_asked_once(course, tmp_path):
    first = "Participant 7_7_assignsubmission_file_/05_softmax.ipynb"
    summary = collect_chapter(
        course, CHAPTER, lay(tmp_path / "a", {first: notebook("one")})
    )
    assert not summary.complete
    file = course / "downloaded" / CHAPTER / "matches.csv"
    file.write_text(file.read_text().replace(f"{first},", f"{first},jdoe"))
    again = "Participant 7_7_assignsubmission_file_/second try.ipynb"
    source = lay(tmp_path / "b", {first: notebook("one"), again: notebook("two")})
    os.utime(source / first, (1_000_000_000,) * 2)
    assert collect_chapter(course, CHAPTER, source).complete
    assert submitted(course) == {"jdoe": "two"}
    # In another chapter, this number is somebody else.
    other = "Participant 7_7_assignsubmission_file_/04_scaling.ipynb"
    text = notebook("x", "04_scaling")
    summary = collect_chapter(course, "04_scaling", lay(tmp_path / "c", {other: text}))
    told(summary, other, "open")


def test_a_name_that_was_answered_is_known_in_the_next_chapter(course, tmp_path):
    name = "J. A. Doe_{}_assignsubmission_file_/{}.ipynb"
    twins = "A. Lee_{}_assignsubmission_file_/{}.ipynb"
    files = {name.format(1, "04_scaling"): notebook("x", "04_scaling")}
    files |= {
        twins.format(i, "04_scaling"): notebook(str(i), "04_scaling") for i in (2, 3)
    }
    collect_chapter(course, "04_scaling", lay(tmp_path / "a", files))
    file = course / "downloaded" / "04_scaling" / "matches.csv"
    text = file.read_text()
    for sign, student in (("Doe_1", "jdoe"), ("Lee_2", "s-1"), ("Lee_3", "bsmith")):
        text = re.sub(rf"({sign}_[^,]*,)", rf"\1{student}", text)
    file.write_text(text)
    files = {
        name.format(8, CHAPTER): notebook("jane"),
        twins.format(9, CHAPTER): notebook(),
    }
    summary = collect_chapter(course, CHAPTER, lay(tmp_path / "b", files))
    assert submitted(course) == {"jdoe": "jane"}
    told(summary, "A. Lee_9", "open")  # two persons had this name


GROUPS = 'student,groups\njdoe,Team 4\nbsmith,"Lab A, Team 4"\ns-1,Lab A\n'
BY_GROUP = {
    "team4_12345_678_05_softmax.ipynb": [
        "bsmith",
        "jdoe",
    ],  # Canvas: one stands for all
    "team4_12347_678_05_softmax.ipynb": [],  # who is not in it
    "Team 4-Jane Doe_7_assignsubmission_file_/05_softmax.ipynb": [
        "jdoe"
    ],  # each has one
    "grouptask_x/Team_4_12345/1_submissions/05_softmax.ipynb": ["bsmith", "jdoe"],
    "1-1 - Team 4 - Dec 1, 2026 905 AM - x.ipynb": ["bsmith", "jdoe"],
    "05-softmax-team-4/05_softmax.ipynb": ["bsmith", "jdoe"],
    "bsmith.ipynb": ["bsmith"],
}


@pytest.mark.parametrize("name", BY_GROUP)
def test_a_group_has_one_file(course, tmp_path, name):
    (course / "groups.csv").write_text(GROUPS)
    source = lay(tmp_path / "d", {name: notebook("ours")})
    summary = collect_chapter(course, CHAPTER, source)
    assert sorted(submitted(course)) == BY_GROUP[name]
    if name == "bsmith.ipynb":  # in two groups: nothing says which
        told(collect_chapter(course, CHAPTER, source, groups=True), "1 there already")
    if "Jane" in name:
        assert collect_chapter(course, CHAPTER, source, groups=True).complete
        assert sorted(submitted(course)) == ["bsmith", "jdoe"]
    if not BY_GROUP[name]:
        file = course / "downloaded" / CHAPTER / "matches.csv"
        file.write_text(file.read_text().replace(f"{name},", f"{name},Team 4"))
        assert collect_chapter(course, CHAPTER, source).complete, summary.lines
        assert sorted(submitted(course)) == ["bsmith", "jdoe"]


@pytest.mark.parametrize("as_zip", [True, False], ids=["zip", "folder"])
def test_a_whole_handout_folder_is_one_submission(course, tmp_path, as_zip):
    files = {f"softmax/{name}": "x" for name in ("README.md", "a/b.py", "c.png")}
    files["softmax/05_softmax.ipynb"] = notebook("mine")
    files |= {f"softmax/.venv/lib/p/{i}.py": "x" for i in range(3000)}
    files["softmax/.venv/lib/p/example.ipynb"] = notebook("not mine")
    if as_zip:
        inner = zipped(files.items())
        source = lay(tmp_path / "d", {"doejane_12345_67_softmax.zip": inner})
    else:
        source = lay(tmp_path / "d" / "Doe, Jane(jdoe)", files).parent
    summary = collect_chapter(course, CHAPTER, source)
    assert summary.complete, summary.lines
    assert submitted(course) == {"jdoe": "mine"}
    told(summary, "3 other files beside notebooks")
    told(summary, "files that systems add")
    assert len(summary.lines) == 4  # with who handed in nothing


# --- nbgrader's own command ---------------------------------------------------


def test_zip_collect_collects_the_same_way(course, tmp_path):
    black = "05_softmax_bsmith_attempt_2026-12-0{}-10-00-00_05_softmax.ipynb"
    archive = course / "downloaded" / CHAPTER / "archive"
    archive.mkdir(parents=True)
    files = {
        "Jane Doe_1_assignsubmission_file_/05_softmax (1).ipynb": notebook("jane"),
        black.format(1): notebook("old"),
        black.format(2): notebook("new"),
        "Zoe Miller_2_assignsubmission_file_/05_softmax.ipynb": notebook("zoe"),
        "../evil.ipynb": notebook("evil"),
    }
    (archive / "all.zip").write_bytes(zipped(files.items()))
    done = nbgrader(course, "zip_collect", CHAPTER)
    assert done.returncode == 0, done.stderr
    assert submitted(course) == {"jdoe": "jane", "bsmith": "new"}
    stamp = course / "submitted" / "bsmith" / CHAPTER / "timestamp.txt"
    assert stamp.read_text().startswith("2026-12-02 10:00:00")
    assert "perhaps zmueller (Zoë Müller)" in done.stderr
    assert "leads out of the archive" in done.stderr
    matches = course / "downloaded" / CHAPTER / "matches.csv"
    text = matches.read_text(encoding="utf-8")
    name = "Zoe Miller_2_assignsubmission_file_/05_softmax.ipynb,"
    assert f"all/{name}" in text or f"all.zip/{name}" in text
    matches.write_text(text.replace(name, f"{name}zmueller"), encoding="utf-8")
    done = nbgrader(course, "zip_collect", CHAPTER, "--force")
    assert submitted(course) == {"jdoe": "jane", "bsmith": "new", "zmueller": "zoe"}
