"""Class lists as systems export them.

`FORMS` is the table of the exports that are known, told apart by their columns. A list
of an instructor's own has nbgrader's columns, or others that say the same.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from autograder.course.roster import Student, few
from autograder.files.tables import (
    TableError,
    folded,
    headings,
    read_table,
    spellings_of,
)

# Of a number: 1.23E+05, and 12345.0.
CHANGED = re.compile(r"\d([.,]\d+)?E\+\d+|\d+[.,]0+", re.IGNORECASE)
LONG = 5  # digits, from which on the ids of a class have the same number of them
OF_STAFF = re.compile(r"instructor|teacher|\bta\b|assistant|observer|grader", re.I)
FIRST = "First name, given name, forename, first, vorname, prénom, nombre"
LAST = (
    "Last name, surname, family name, last, nachname, nom, nom de famille, apellido(s)"
)
EMAIL = (
    "Email, mail, e-mail address, email address, e-mail-adresse, "
    "adresse de courriel, dirección de correo"
)


@dataclass(frozen=True)
class Form:
    """One kind of class list. Columns are told as "Heading, other spellings".

    called    what it is called in the sentence that names it.
    known_by  the columns that only this kind has, all of them.
    ids       columns that may become the id, the best first.
    name      a column with the whole name, as `Doe, Jane` or `Jane Doe`.
    """

    called: str
    known_by: tuple[str, ...]
    ids: tuple[str, ...]
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    lms_user_id: str = ""
    name: str = ""
    group: str = ""
    role: str = ""

    def columns(self) -> dict[str, str]:
        """Heading -> other spellings, of all columns that are read."""
        about = self.first_name, self.last_name, self.email, self.lms_user_id
        told = (*self.ids, *about, self.name, self.group, self.role)
        return dict(_heading(text) for text in filter(None, told))


FORMS = (
    Form(
        "a list of Canvas's groups",
        known_by=("canvas_user_id", "group_name"),
        ids=("login_id", "user_id", "canvas_user_id"),
        lms_user_id="canvas_user_id",
        name="name",
        group="group_name",
    ),
    Form(
        "a Canvas gradebook",
        known_by=("ID", "Section", "SIS Login ID, SIS User ID"),
        ids=("SIS Login ID", "SIS User ID", "ID"),
        first_name="FirstName",
        last_name="LastName",
        lms_user_id="ID",
        name="Student",
    ),
    Form(
        "a list of Brightspace",
        known_by=("OrgDefinedId", "Username, Email, Last Name"),
        ids=("Username", "OrgDefinedId", "Email"),
        first_name=FIRST,
        last_name=LAST,
        email=EMAIL,
    ),
    Form(
        "a Gradescope roster",
        known_by=("SID", "Email"),
        ids=("SID", "Email"),
        first_name=FIRST,
        last_name=LAST,
        email=EMAIL,
        name="Name, full name",
        role="Role",
    ),
    Form(
        "a Blackboard gradebook",
        known_by=("Last name", "First name", "Username", "Student ID"),
        ids=("Username", "Student ID"),
        first_name=FIRST,
        last_name=LAST,
        email=EMAIL,
    ),
    Form(
        "a roster of GitHub Classroom",
        known_by=("identifier", "github_username"),
        ids=("identifier", "github_username"),
        lms_user_id="github_username",
        name="name",
    ),
    Form(
        "a list of Moodle's participants",
        known_by=(
            "Email address, e-mail-adresse, adresse de courriel, dirección de correo",
            f"{FIRST}, full name, vollständiger name",
        ),
        ids=(
            "Username, anmeldename, nom d'utilisateur, nombre de usuario",
            "ID number, id-nummer, numéro d'identification, número de id",
            EMAIL,
        ),
        first_name=FIRST,
        last_name=LAST,
        email=EMAIL,
        name="Full name, vollständiger name",
        group="Groups, gruppen, groupes, grupos, group",
        role="Roles, rollen, rôles",
    ),
)
PLAIN = Form(
    "a list of your own",
    known_by=(),
    ids=(
        "id, student id, id number, student number, username, user name, user id, "
        "login, login id, sis login id, netid, matrikelnummer",
    ),
    first_name=f"first_name, {FIRST}",
    last_name=f"last_name, {LAST}",
    email=f"email, {EMAIL}",
    lms_user_id="lms_user_id, lms id, lms user, canvas id, canvas user id, moodle id",
    name="name, full name, student, student name",
    group="group, groups, team",
)


def _heading(text: str) -> tuple[str, str]:
    first, *others = (part.strip() for part in text.split(","))
    return first, ",".join(dict.fromkeys([first, *others]))


def form_of(written: Iterable[str]) -> Form:
    """The kind of a class list, by the headings of its columns."""
    there = {folded(heading) for heading in written}
    if "id" in there and "section" not in there:
        return PLAIN  # nbgrader's own column: whatever else stands beside it

    def has(column: str) -> bool:
        return any(folded(spelling) in there for spelling in column.split(","))

    return next((form for form in FORMS if all(map(has, form.known_by))), PLAIN)


@dataclass
class ClassList:
    """A class list that was read.

    students  with the numbers of their lines. groups: student -> groups, as written.
    told      which kind it was, and which columns became what. notes: what to say.
    """

    students: list[tuple[int, Student]] = field(default_factory=list)
    groups: dict[str, str] = field(default_factory=dict)
    told: str = ""
    notes: list[str] = field(default_factory=list)


def read_class_list(path: Path, known: Iterable[str] = ()) -> ClassList:
    """The students of a CSV. known: ids that the gradebook has already.

    Raises TableError, which names every line that is wrong.
    """
    written = headings(path)
    form = form_of(written)
    needed = _heading(form.ids[0])[:1] if form is PLAIN else ()
    table = read_table(path, form.columns(), needed)
    found, rows = ClassList(), []
    spellings = spellings_of(form.columns())
    for line, row in table.rows:
        if told := _nobody(form, row) or _heads(row, spellings):
            found.notes += [f"{path}, line {line}: {told}"] if told != "-" else []
        else:
            rows.append((line, row))
    known = set(known)
    ids = _ids_of(form, rows, known)
    faults: list[str] = []
    seen: dict[str, int] = {}
    alike: dict[str, str] = {}
    for line, row in rows:
        name = _bare(row[ids])
        if fault := _fault(name, seen) or _without_zeros(name, known):
            faults.append(f"{path}, line {line}: {fault}")
        if (before := alike.setdefault(name.casefold(), name)) != name:
            found.notes.append(
                f"{path}, line {line}: {name} and {before} are two students, told "
                "apart by capital letters alone"
            )
        seen.setdefault(name, line)
        found.students.append((line, _student(form, name, row)))
        if groups := _cell(row, form.group):
            found.groups[name] = groups
    if faults:
        raise TableError("\n".join(faults))
    found.told = _told(form, ids, written)
    if form is PLAIN and (short := _shorter(list(seen))):
        found.notes.append(f"{path}: {short}")
    if not found.students:
        found.notes.append(f"{path}: no students in it, below its first line")
    if table.ignored and form is PLAIN:  # a system's export has many that say nothing
        note = f"{path}: not used: the columns {', '.join(table.ignored)}"
        found.notes.append(note)
    return found


def _cell(row: dict[str, str], column: str) -> str:
    return row[_heading(column)[0]] if column else ""


def _bare(text: str) -> str:
    """An id without the sign that Brightspace puts before it."""
    return text.removeprefix("#")


def _nobody(form: Form, row: dict[str, str]) -> str | None:
    """Why a row is no student: "-" where that needs no word."""
    name, role = _cell(row, form.name), _cell(row, form.role)
    if form.lms_user_id == "ID":  # Canvas's
        if name.strip().casefold() == "points possible" or not row["ID"]:
            return "-"
        if name in ("Student, Test", "Test Student") and not row["SIS User ID"]:
            return "Canvas's test student is left out"
    if role and OF_STAFF.search(role) and "student" not in role.casefold():
        return f"{name or _cell(row, form.email)} is left out: {role}"
    return None


def _heads(row: dict[str, str], spellings: dict[str, str]) -> str | None:
    """What to say of a row that says what stands in the columns, once more."""
    cells = [cell for cell in row.values() if cell]
    if all(folded(cell) in spellings for cell in cells):
        return f"left out, for it names columns again: {', '.join(cells)}"
    return None


def _without_zeros(name: str, known: set[str]) -> str | None:
    """What to say of a number that the gradebook has with other zeros before it."""
    if not name.isdigit() or name in known:
        return None
    there = next((k for k in sorted(known) if k.lstrip("0") == name.lstrip("0")), None)
    if there is None:
        return None
    return (
        f"{name} is {there} in the gradebook, but for the zeros before it, which a "
        "spreadsheet takes away; format the column as text, and write the ids as "
        "there"
    )


def _shorter(names: list[str]) -> str | None:
    """What to say of a few numbers that are shorter than the rest of the class's."""
    if not all(name.isdigit() and name[0] != "0" for name in names):
        return None
    longest = max(map(len, names), default=0)
    short = [name for name in names if len(name) < longest]
    if longest < LONG or not short or len(short) > len(names) / 4:
        return None
    return (
        f"shorter than the other ids: {few(short)}; if they begin with a 0, a "
        "spreadsheet has taken it away: format the column as text before anything is "
        "handed in"
    )


def _ids_of(form: Form, rows, known: set[str]) -> str:
    """The column that becomes the id.

    The one that the gradebook has already, so that nobody is entered twice; else the
    first that everybody has, and no two share; else the best, and faults are told.
    """
    columns = [_heading(column)[0] for column in form.ids]
    values = {name: [_bare(row[name]) for _, row in rows] for name in columns}
    there = {name: len(known & set(values[name])) for name in columns}
    if any(there.values()):
        return max(columns, key=there.__getitem__)
    sound = [n for n in columns if all(values[n]) and len(set(values[n])) == len(rows)]
    filled = [n for n in columns if all(values[n])]
    return next(iter(sound or filled or columns))


def _student(form: Form, name: str, row: dict[str, str]) -> Student:
    first, last = _cell(row, form.first_name), _cell(row, form.last_name)
    if not first and not last:
        first, last = _parted(_cell(row, form.name))
    lms = _cell(row, form.lms_user_id)
    return Student(name, first, last, _cell(row, form.email), lms)


def _parted(name: str) -> tuple[str, str]:
    """First and last name: of `Doe, Jane`, of `Jane Doe`."""
    last, comma, first = name.partition(",")
    if not comma:
        first, _, last = name.rpartition(" ")
    return first.strip(), last.strip()


def _told(form: Form, ids: str, written: list[str]) -> str:
    def as_written(column: str) -> str | None:
        spellings = {folded(text) for text in column.split(",")}
        return next((text for text in written if folded(text) in spellings), None)

    column = next(text for text in form.ids if _heading(text)[0] == ids)
    told = f"{form.called}: '{as_written(column) or ids}' became the id"
    lms = as_written(form.lms_user_id) if form.lms_user_id else None
    return f"{told}, '{lms}' the lms_user_id" if lms else told


def _fault(name: str, seen: dict[str, int]) -> str | None:
    if not name:
        return "no id; each student needs one"
    if name in seen:
        return f"{name} stands in line {seen[name]} already; take one of them out"
    if CHANGED.fullmatch(name):
        return (
            f"{name} is a number that a spreadsheet has changed; format the column as "
            "text"
        )
    if (
        name.startswith(".")
        or not name.isprintable()
        or re.search(r"[/\\*?\[\]]", name)
    ):
        return f"{name!r} cannot name a folder; use letters, digits and . _ - @"
    return None
