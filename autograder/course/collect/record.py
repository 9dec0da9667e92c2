"""Which file of a download each submission is: `downloaded/CHAPTER/collected.csv`.

Feedback goes back under the name that the LMS gave the file.
"""

from pathlib import Path

from autograder.files.tables import kept, read_table, write_table

FILE = "collected.csv"
COLUMNS = {"student": "", "file": "", "digest": ""}


def desk_of(root: Path, chapter: str) -> Path:
    """Where the downloads of a chapter lie, and what was answered of them.

    root: the course folder.
    """
    return root / "downloaded" / chapter


def read_collected(desk: Path) -> dict[str, dict[str, str]]:
    """Student -> the row of the file that was taken; desk: `downloaded/CHAPTER`."""
    path = desk / FILE
    if not path.is_file():
        return {}
    table = read_table(path, COLUMNS, needed=("student", "file"))
    return {row["student"]: row for _, row in table.rows}


def write_collected(desk: Path, chosen: dict) -> None:
    """Add what was chosen now, student -> file, to what was before."""
    rows = {
        student: list(row.values()) for student, row in read_collected(desk).items()
    }
    rows |= {s: [s, file.name, file.digest] for s, file in chosen.items()}
    if rows:
        desk.mkdir(parents=True, exist_ok=True)
        lines = ([kept(cell) for cell in rows[student]] for student in sorted(rows))
        write_table(desk / FILE, [list(COLUMNS), *lines])
