"""The graded notebook, made anew from whatever was handed in."""

import json
import re
from html import escape

from autograder.grading.assignment import Assignment, GradedCell
from autograder.grading.cells import names_in, seems_to_define
from autograder.grading.submission import Cell


def as_file(notebook: dict) -> str:
    """A notebook as nbformat writes it."""
    return json.dumps(notebook, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def rebuilt(
    assignment: Assignment, cells: list[Cell], trouble: str | None, made_of: str = ""
) -> dict:
    """A sound notebook from a submission's cells, whatever was done to them.

    Each test and solution that nbgrader knows occurs exactly once, with the
    metadata and, for tests, the source that it was handed out with. Text that was
    not handed out is shown as it was typed: nothing of it is rendered or run.
    """
    if trouble:
        cells = [Cell(kind, source) for kind, source in assignment.released]
    cells = _answers_as_code(assignment, cells)
    places = _places(assignment, cells)
    known = {source for kind, source in assignment.released if kind == "markdown"}
    made = []
    for index, cell in enumerate(cells):
        graded = places.get(index)
        if graded and graded in assignment.tests:
            made.append(_code(graded.source, graded))
        elif cell.kind == "code":
            made.append(_code(cell.source, graded))
        elif cell.kind == "markdown" and cell.source in known:
            made.append(_markdown(cell.source, graded))
        else:
            made.append(_markdown(_verbatim(cell.source), graded))
    for lost in assignment.cells:
        if lost not in places.values():
            made.append(_markdown(_where_it_is(lost, cells)))
            cell_of = _code if lost.kind == "code" else _markdown
            made.append(cell_of(lost.source if lost in assignment.tests else "", lost))
    if trouble:
        # As HTML: inside it, nothing that the name of a file holds is Markdown.
        made.insert(0, _markdown(f"<p><strong>{escape(trouble)}</strong></p>"))
    for index, written in enumerate(made):
        written["id"] = f"cell-{index}"
    about = {"submission": {"trouble": trouble, "made_of": made_of}}
    kernel = {"kernelspec": assignment.kernelspec} if assignment.kernelspec else {}
    return {
        "cells": made,
        "metadata": {**kernel, "autograder": about},
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def _answers_as_code(assignment, cells) -> list[Cell]:
    """The cells, with answers that were turned into Markdown or Raw as code again."""
    released = {source for _, source in assignment.released}
    answers = {c.grade_id: c for c in assignment.cells if c.points is None}
    unwritten = {
        answer.exercise
        for answer in answers.values()
        if not any(c.source not in released for c in _defining(cells, answer.exercise))
    }
    made = []
    for cell in cells:
        code = _unfenced(cell.source)
        known = answers.get(cell.grade_id)
        if cell.kind != "code" and (
            (known and known.kind == "code")
            or (cell.source not in released and _is_answer(code, unwritten))
        ):
            cell = Cell("code", code, cell.grade_id)
        made.append(cell)
    return made


def _defining(cells, name) -> list[Cell]:
    return [cells[index] for index in _definitions(cells, name)]


def _is_answer(text, names) -> bool:
    """Whether a text is Python that writes one of these functions."""
    if not any(name in text for name in names):
        return False
    found = names_in(text)
    return bool(found and found.written & names)


def _unfenced(text) -> str:
    """The code in a text that is one block of code, or the text itself."""
    fenced = re.fullmatch(r"\s*```\w*\n(.*?)\n?```\s*", text, re.DOTALL)
    return fenced[1] if fenced and "```" not in fenced[1] else text


def _where_it_is(graded: GradedCell, cells) -> str:
    """What is true of a cell that a notebook does not have."""
    if graded.points is None and _definitions(cells, graded.exercise):
        return f"`{graded.exercise}` is written in another exercise's cell, above."
    return (
        f"The cell of `{graded.exercise}` was not in the notebook that was handed in."
    )


def _places(assignment, cells) -> dict[int, GradedCell]:
    """Which of a submission's cells stands for which cell that nbgrader knows."""
    places = {}
    stubs = {source for _, source in assignment.released}
    # A cell stays its own exercise's, though it repeats an earlier function, too.
    home = {
        index: graded.grade_id
        for graded in assignment.cells
        if graded.points is None
        for index in _definitions(cells, graded.exercise)
        if cells[index].grade_id == graded.grade_id
    }
    for graded in assignment.cells:
        named = [i for i, c in enumerate(cells) if c.grade_id == graded.grade_id]
        if graded.points is None:
            own = [
                index
                for index in _definitions(cells, graded.exercise)
                if home.get(index, graded.grade_id) == graded.grade_id
            ]
            written = [index for index in own if cells[index].source not in stubs]
            check = _check_of(assignment, cells, graded.exercise)
            above = [index for index in written if index < check]
            found = above[-1:] or written[-1:] or own[-1:] or named[:1]
        elif graded.by_hand:
            found = named[:1]
        else:
            found = named[:1] or _checks(cells, graded.exercise)[:1]
        free = [index for index in found + named if index not in places]
        if free:
            places[free[0]] = graded
    return places


def _check_of(assignment, cells, name) -> int:
    """The place of an exercise's test; the end where there is none."""
    ids = {test.grade_id for test in assignment.tests if test.exercise == name}
    named = [index for index, cell in enumerate(cells) if cell.grade_id in ids]
    return [*named, *_checks(cells, name), len(cells)][0]


def _definitions(cells, name) -> list[int]:
    """The code cells that define a name, those that cannot be read included."""
    return [
        index
        for index, cell in enumerate(cells)
        if cell.kind == "code"
        and name in cell.source
        and seems_to_define(cell.source, {name})
    ]


def _checks(cells, name) -> list[int]:
    call = f"check({name})"
    return [i for i, c in enumerate(cells) if c.source.strip() == call]


def _code(source, graded=None) -> dict:
    return {
        "cell_type": "code",
        "execution_count": None,
        "metadata": _metadata(graded, "code"),
        "outputs": [],
        "source": source,
    }


def _markdown(source, graded=None) -> dict:
    metadata = _metadata(graded, "markdown")
    return {"cell_type": "markdown", "metadata": metadata, "source": source}


def _metadata(graded: GradedCell | None, kind: str) -> dict:
    """A cell's metadata, as nbgrader handed it out."""
    if graded is None:
        return {}
    solution = graded.points is None or graded.by_hand
    about = {
        "grade": graded.points is not None,
        "grade_id": graded.grade_id,
        "locked": not solution,
        "schema_version": 3,
        "solution": solution,
        "task": False,
        "cell_type": kind,
        "checksum": graded.checksum,
    }
    points = {} if graded.points is None else {"points": graded.points}
    return {"nbgrader": about | points}


def _verbatim(text) -> str:
    """Text as a block of code, whatever it contains."""
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text}\n{fence}"
