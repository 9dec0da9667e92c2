"""Which cells are run for which exercise: what the learner saw is what counts.

An exercise is judged as it stands at its check cell, `check(name)`. Cells further down
are for trying and comparing: they may give `softmax`, or `np`, another meaning. They
are run only for what no cell above the check defines.
"""

import builtins
from collections.abc import Iterator
from dataclasses import dataclass

from autograder.exercises.declaration import STUB
from autograder.grading.cells import Names, names_in, seems_to_define
from autograder.grading.submission import Cell

GIVEN = frozenset(dir(builtins)) | {"get_ipython", "display", "__name__"}


@dataclass(frozen=True)
class Part:
    """What one exercise needs of a notebook.

    check   the index of its check cell; the number of cells where there is none.
    chosen  the indices of the cells to run, in their order.
    names   all that these cells look up.
    aside   (index, names) of the learner's cells below the check that would have given
            some of these names another meaning, and are not run.
    """

    name: str
    check: int
    chosen: tuple[int, ...]
    names: frozenset[str]
    aside: tuple[tuple[int, tuple[str, ...]], ...] = ()


def part_of(cells: list[Cell], name: str, check: int, released: frozenset[str]) -> Part:
    """The part of a notebook that decides on an exercise, at this check cell.

    Of the cells that the learner wrote (all but the `released` ones) those that
    change what a needed name stands for belong to it, and those that try to define
    a wanted one but cannot be read. Animations and experiments do not.
    """
    notebook = _Notebook(cells, released)
    above = {index for index in notebook.readings if index < check}
    wanted, chosen = notebook.closure(above, {name})
    below = notebook.readings.keys() - above
    # What nobody above defines is looked for below: a helper, or the function itself.
    while missing := notebook.missing(chosen, wanted, name):
        found = {i for i in below - chosen if notebook.gives(i, missing, name)}
        if not found:
            break
        chosen |= found
        wanted |= {use for index in found for use in notebook.uses(index)}
        wanted, chosen = notebook.closure(above, wanted, chosen)
    chosen = notebook.without_stubs(chosen)
    aside = tuple(notebook.aside(below - chosen, chosen, wanted))
    return Part(name, check, tuple(sorted(chosen)), frozenset(wanted), aside)


class _Notebook:
    """The code cells of a notebook, read."""

    def __init__(self, cells, released):
        self.cells, self.released = cells, released
        self.readings = {
            index: names_in(cell.source)
            for index, cell in enumerate(cells)
            if cell.kind == "code" and cell.source.strip()
        }

    def own(self, index) -> bool:
        """Whether the learner wrote a cell."""
        return self.cells[index].source not in self.released

    def uses(self, index) -> frozenset[str]:
        reading = self.readings[index]
        return reading.uses if reading else frozenset()

    def closure(self, among, wanted, chosen=()) -> tuple[set[str], set[int]]:
        """The names that wanted ones depend on, and the cells that these come from."""
        wanted, chosen = set(wanted), set(chosen)
        chosen |= {
            index
            for index in among
            if self.readings[index] is None
            and seems_to_define(self.cells[index].source, wanted)
        }
        growing = True
        while growing:
            growing = False
            for index in sorted(among - chosen):
                reading = self.readings[index]
                if reading is None:
                    continue
                if (
                    reading.defines & wanted
                    or "*" in reading.defines
                    or (self.own(index) and reading.changes & wanted)
                ):
                    chosen.add(index)
                    wanted |= reading.uses
                    growing = True
        return wanted, chosen

    def missing(self, chosen, wanted, name) -> set[str]:
        """What none of the chosen cells defines; of the exercise, no stub does."""
        given = set(GIVEN)  # a learner's own `sum` below is no helper
        for index in chosen:
            reading = self.readings[index]
            if reading is None:
                given |= {w for w in wanted if self._seems(index, w)}
            elif "*" in reading.defines:
                return set()
            else:
                given |= reading.defines - ({name} if self.is_stub(index) else set())
        return wanted - given

    def gives(self, index, missing, name) -> bool:
        """Whether a cell below the check defines what is missing.

        The function itself must be written there: an import is there to compare with.
        """
        reading = self.readings[index]
        if reading is None:
            return any(self._seems(index, one) for one in missing)
        if self.is_stub(index):
            return False
        found = reading.defines & missing
        return bool(found - {name} or found & reading.written)

    def _seems(self, index, name) -> bool:
        return seems_to_define(self.cells[index].source, {name})

    def is_stub(self, index) -> bool:
        return not self.own(index) and STUB in self.cells[index].source

    def without_stubs(self, chosen) -> set[int]:
        """Leave out a stub where the function is written in another cell, even before.

        Of a cell that defines more than the function, the rest is needed.
        """
        written = {
            defined
            for index in chosen
            if self.own(index) and self.readings[index]
            for defined in self.readings[index].defines
        }
        return {
            index
            for index in chosen
            if not (self.is_stub(index) and self.readings[index].defines <= written)
        }

    def aside(self, below, chosen, wanted) -> Iterator[tuple[int, tuple[str, ...]]]:
        """The learner's own cells below that would change what a wanted name means."""
        meanings = _meanings(self.cells, chosen)
        for index in sorted(below):
            reading = self.readings[index]
            if reading is None or not self.own(index):
                continue
            found = _changed(reading, meanings) & wanted
            if found:
                yield index, tuple(sorted(found))


def _meanings(cells, chosen) -> dict[str, str]:
    """What is known of the names that some cells define, after the last of them."""
    found: dict[str, str] = {}
    for index in sorted(chosen):
        if reading := names_in(cells[index].source):
            found |= reading.meanings
    return found


def _changed(reading: Names, meanings: dict[str, str]) -> frozenset[str]:
    """The names that stand for something else after a cell: `import numpy as np` once
    more changes nothing.
    """
    same = {n for n, text in reading.meanings.items() if meanings.get(n) == text}
    return reading.defines - same


def groups(parts: list[Part], cells: list[Cell]) -> list[list[Part]]:
    """The parts that one run of their cells serves, each as it would stand alone."""
    made: list[list[Part]] = []
    for part in parts:
        for group in made:
            if _agree([*group, part], cells):
                group.append(part)
                break
        else:
            made.append([part])
    return made


def chosen_of(group: list[Part]) -> list[int]:
    """The cells of a group, in their order."""
    return sorted({index for part in group for index in part.chosen})


def _agree(group, cells) -> bool:
    """Whether no cell of these parts changes what another of them needs."""
    chosen = chosen_of(group)
    for part in group:
        meanings = _meanings(cells, part.chosen)
        for index in set(chosen).difference(part.chosen):
            reading = names_in(cells[index].source)
            if reading is None:
                continue  # it is not run
            touched = _changed(reading, meanings) | reading.changes
            if touched & (part.names | {"*"}):
                return False
    return True
