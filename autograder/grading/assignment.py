"""What the instructor set: one chapter of one course, and how it is run."""

import json
from dataclasses import asdict, dataclass, field
from functools import cached_property

from autograder.errors import UserError
from autograder.exercises.declaration import Exercise
from autograder.exercises.registry import discover
from autograder.exercises.source import files_of
from autograder.files.whole import digest_of
from autograder.sandbox.tiers import Limits


class CourseError(UserError):
    """A course that cannot be graded. One sentence that names the remedy."""


@dataclass(frozen=True)
class GradedCell:
    """A cell that nbgrader knows: a test with its points, a solution, or both in one
    for a person to grade.
    """

    grade_id: str
    source: str
    checksum: str
    points: float | None = None  # None for a solution
    by_hand: bool = False  # a question whose answer a person grades
    kind: str = "code"

    @property
    def exercise(self) -> str:
        return self.grade_id.removesuffix("_answer")


@dataclass(frozen=True)
class Assignment:
    """What the instructor set: one chapter of one course. Travels to any machine.

    cells     the tests and solutions, as the gradebook has them, in their order.
    released  (kind, source) of every cell, as it was handed out.
    seed      what the hidden inputs are drawn from.
    kit       sources of the modules that the cells may import.
    own       sources of the exercises that are kept outside this project.
    """

    chapter: str
    cells: tuple[GradedCell, ...]
    released: tuple[tuple[str, str], ...]
    seed: int
    kit: dict[str, str]
    own: dict[str, str]
    kernelspec: dict = field(default_factory=dict)

    @property
    def tests(self) -> list[GradedCell]:
        return [c for c in self.cells if c.points is not None and not c.by_hand]

    @cached_property
    def fingerprint(self) -> str:
        """Changes whenever a verdict could: with an exercise, a score, the seed."""
        parts = [self.chapter, self.seed, [asdict(cell) for cell in self.cells]]
        return digest_of(json.dumps([*parts, self.exercises()]).encode())

    def made_of(self, data: bytes) -> str:
        """A digest of what a graded notebook depends on: this, and what came in."""
        return digest_of(f"{self.fingerprint} {digest_of(data)}")

    def exercises(self) -> dict[str, str]:
        """The digest of each exercise's declaration, by the test's grade_id.

        The declarations of the steps whose mistakes it inherits are a part of it.
        """
        return {
            cell.grade_id: _digest_of_declaration(discover()[cell.exercise])
            for cell in self.tests
            if cell.exercise in discover()
        }


def _digest_of_declaration(exercise: Exercise) -> str:
    files = files_of([exercise.reference, *exercise.mistakes])
    return digest_of("\n".join(file.read_text(encoding="utf-8") for file in files))


@dataclass(frozen=True)
class Options:
    """How submissions are run."""

    limits: Limits = field(default_factory=Limits)
    allow_unsafe: bool = False
    tiers: tuple[str, ...] = ("namespaces", "landlock")
