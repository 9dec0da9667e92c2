"""Tables that people write and read: CSV in the form that a spreadsheet saves it."""

import csv
import io
import os
import re
from dataclasses import dataclass
from errno import ENOENT
from pathlib import Path
from typing import Any

from autograder.errors import UserError
from autograder.files.whole import write_whole

DEEP = 20  # lines of which one may be the header, if the first is none
NO_HEADING = re.compile(r"\S+@\S+\.\S+|\d[\d.,:/ -]*")  # an address, a number, a date
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would compute


class TableError(UserError):
    """A table that cannot be read. Names the file, the line and the remedy."""


@dataclass(frozen=True)
class Table:
    """Rows with the number of their line, and the header's columns not asked for."""

    path: Path
    rows: list[tuple[int, dict[str, str]]]
    ignored: list[str]


def read_table(path: Path, columns: dict[str, str], needed: tuple[str, ...]) -> Table:
    """Read a CSV, forgiving about separator, encoding, header and empty lines.

    columns  name -> other spellings, as in {"email": "mail, e-mail address"}; case,
             spaces and signs never matter.
    needed   the columns without which there is nothing to read.
    Every row has every column; what is missing is "". Raises TableError.
    """
    text = _decoded(path)
    lines = text.splitlines()
    separator, first = _separator(lines)
    reader = csv.reader(io.StringIO(text), delimiter=separator, strict=True)
    try:
        written = [
            (reader.line_num, [_plain(cell) for cell in cells])
            for cells in reader
            if reader.line_num > first and any(map(_plain, cells))
        ]
    except csv.Error as error:
        raise TableError(
            f"{path}, line {reader.line_num}: {error}; is a quote not closed?"
        ) from None
    if not written:
        raise TableError(f"{path}: empty; its first line has to be {','.join(columns)}")
    names, ignored = _header(path, written, columns, needed)
    rows: list[tuple[int, dict[str, str]]] = []
    for line, cells in written[1:]:
        if any(cells[len(names) :]):
            raise TableError(
                f"{path}, line {line}: {len(cells)} cells, and the header has "
                f"{len(names)}; a cell with a '{separator}' in it needs quotes: "
                '"Doe, Jane"'
            )
        found = dict.fromkeys(columns, "")
        found |= {name: cell for name, cell in zip(names, cells) if name}  # noqa: B905
        rows.append((line, found))
    return Table(path, rows, ignored)


def headings(path: Path) -> list[str]:
    """The cells of the first line of a CSV that says anything, as they are written."""
    text = _decoded(path)
    separator, first = _separator(text.splitlines())
    reader = csv.reader(io.StringIO(text), delimiter=separator)
    try:
        found = (
            [_plain(cell) for cell in cells]
            for cells in reader
            if reader.line_num > first and any(map(str.strip, cells))
        )
        return next(found, [])
    except csv.Error:
        return []  # `read_table` says what is wrong, and where


def _decoded(path: Path) -> str:
    data = path.read_bytes()
    if data.startswith((b"PK", b"\xd0\xcf\x11\xe0")):
        raise TableError(f"{path}: an Excel workbook; save it as 'CSV UTF-8' instead")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings = ["utf-16"]
    elif b"\0" in data[:2]:  # the same without its mark: a letter and nothing
        encodings = ["utf-16-le" if data[1] == 0 else "utf-16-be"]
    else:
        encodings = ["utf-8-sig", "cp1252"]  # the second is Excel's, on Windows
    for encoding in encodings:
        try:
            text = data.decode(encoding)
            return re.sub(r"\r\n?", "\n", text)  # old Macs end a line by one sign
        except UnicodeDecodeError:
            continue
    raise TableError(f"{path}: not text in UTF-8; save it as 'CSV UTF-8'")


def _separator(lines: list[str]) -> tuple[str, int]:
    """The separator, and how many lines say nothing else (Excel's `sep=;`)."""
    if lines and (said := re.fullmatch(r"sep=(.)", lines[0].strip(), re.IGNORECASE)):
        return said[1], 1
    header = next((line for line in lines if line.strip()), "")
    return max(",;\t|", key=header.count), 0


def _header(
    path: Path,
    written: list[tuple[int, list[str]]],
    columns: dict[str, str],
    needed: tuple[str, ...],
) -> tuple[list[str | None], list[str]]:
    """The name of each column, None where it is not asked for; and those as written."""
    spellings = spellings_of(columns)
    named = [
        (line, [spellings.get(folded(cell)) for cell in cells])
        for line, cells in written[:DEEP]
    ]
    (line, names), cells = named[0], written[0][1]
    if not set(needed) <= set(names):
        below = next((n for n, there in named if set(needed) <= set(there)), None)
        told = _without(cells, names, columns, needed, below)
        raise TableError(f"{path}, line {line}: {told}")
    _prefer_exact(cells, names)
    for name in filter(None, names):
        if names.count(name) > 1:
            raise TableError(f"{path}, line {line}: two columns say '{name}'; keep one")
    ignored = [cell for cell, name in zip(cells, names, strict=True) if not name]
    return names, [cell for cell in ignored if cell]


def _prefer_exact(cells: list[str], names: list[str | None]) -> None:
    """Of two columns that say the same, one that has the very name is the one."""
    exact = {n for cell, n in zip(cells, names, strict=True) if n == cell}
    for place, cell in enumerate(cells):
        if names[place] in exact and cell != names[place]:
            names[place] = None


def spellings_of(columns: dict[str, str]) -> dict[str, str]:
    """Each spelling of a heading, folded -> the name of the column."""
    return {
        folded(spelling): name
        for name, others in columns.items()
        for spelling in [name, *filter(None, others.split(","))]
    }


def _without(
    cells: list[str],
    names: list[str | None],
    columns: dict[str, str],
    needed: tuple[str, ...],
    below: int | None,
) -> str:
    """What is wrong with a first line that lacks a column, and the remedy.

    below: the line in which the header stands instead, if any.
    """
    lacking = [name for name in needed if name not in names]
    told, choice = ", ".join(cells), ", ".join(columns)
    if below:
        return f"not the header, which is line {below}; take out what is above it"
    if any(names):
        columns_lacking = " and ".join(f"'{name}'" for name in lacking)
        return (
            f"no column {columns_lacking} among {told}; if one of these is meant, "
            "rename it, else add it"
        )
    if any(map(NO_HEADING.fullmatch, cells)):
        return (
            f"the header is missing: {told} is a row already; put a line above it "
            f"that names its columns, in their order, out of {choice}"
        )
    return (
        f"none of {told} is the name of a column; the first line has to name them, "
        f"in their order, out of {choice}: put it above this one if this is a row, "
        "and in its place if it is a header"
    )


def folded(heading: str) -> str:
    """A heading without case, spaces and signs."""
    return re.sub(r"[\W_]", "", heading.casefold())


def _plain(cell: str) -> str:
    """A cell without the mark that `as_text` or `kept` gave it."""
    cell = cell.strip()
    return cell[1:] if cell[:1] == "'" and _is_marked(cell[1:]) else cell


def as_text(cell: str | float | int | None) -> str | int:
    """A cell that no spreadsheet takes for a formula.

    Text that begins like one gets an apostrophe (OWASP, "CSV Injection"). Numbers stay
    numbers, to at most four decimals.
    """
    if cell is None:
        return ""
    if isinstance(cell, float):
        return f"{cell:.4f}".rstrip("0").rstrip(".")
    if isinstance(cell, int):
        return cell
    return f"'{cell}" if _is_formula(cell) else cell


def kept(text: str) -> str:
    """A text for `write_table` that `read_table` gives back with its first spaces."""
    return text if _plain(str(as_text(text))) == text else f"'{text}"


def _is_formula(text: str) -> bool:
    """Whether a text begins like a formula, or like one that has its mark."""
    return text.lstrip(" \n'").startswith(FORMULA) and len(text) > 1


def _is_marked(text: str) -> bool:
    return _is_formula(text) or text.lstrip("'").startswith(" ")


def table_text(rows: list[list[Any]]) -> str:
    """Rows as a CSV that a spreadsheet opens as text and numbers."""
    text = io.StringIO()
    csv.writer(text).writerows([as_text(cell) for cell in row] for row in rows)
    return text.getvalue()


def write_table(path: Path, rows: list[list[Any]]) -> None:
    """Write a CSV, whole or not at all, into a folder that is there."""
    if not path.parent.is_dir():  # a person named it, and may have misspelt it
        raise FileNotFoundError(ENOENT, os.strerror(ENOENT), str(path.parent))
    write_whole(path, table_text(rows))
