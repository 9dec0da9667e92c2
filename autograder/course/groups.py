"""Who works together: `groups.csv` in the course folder, the instructor's to edit.

student,groups
ada,Team 4
alan,"Lab A, Team 4"
"""

import re
from collections import defaultdict
from pathlib import Path

from autograder.files.tables import read_table, write_table

FILE = "groups.csv"
COLUMNS = {"student": "id, student id", "groups": "group, team"}


def read_groups(course: Path) -> dict[str, str]:
    """Student -> groups, as the file has them; nothing where there is no file."""
    path = course / FILE
    if not path.is_file():
        return {}
    table = read_table(path, COLUMNS, needed=tuple(COLUMNS))
    return {row["student"]: row["groups"] for _, row in table.rows if row["groups"]}


def members_of(groups: dict[str, str]) -> dict[str, frozenset[str]]:
    """Group -> its students."""
    found = defaultdict(set)
    for student, cell in groups.items():
        for group in re.split(r"[,;]", cell):
            found[group.strip()].add(student)
    return {group: frozenset(found[group]) for group in found if group}


def add_groups(course: Path, groups: dict[str, str]) -> list[str]:
    """Write the groups that the file does not have yet; say what differs."""
    there = read_groups(course)
    new = {name: cell for name, cell in groups.items() if name not in there}
    said = [
        f"{course / FILE}: {name} stays in {there[name]!r}; the class list has {cell!r}"
        for name, cell in groups.items()
        if there.get(name, cell) != cell
    ]
    if new:
        rows = [list(COLUMNS), *([name, cell] for name, cell in (there | new).items())]
        write_table(course / FILE, rows)
        said.append(f"{course / FILE}: the groups of {len(new)} students written")
    return said
