"""Whose a file is: from what its name says to students, where that is certain.

What an instructor wrote into `downloaded/CHAPTER/matches.csv` counts before all else,
and for whatever else the LMS says comes from the same person.
"""

import re
from collections import defaultdict
from pathlib import Path
from typing import Any

from autograder.course.collect.filenames import Marks, marks_of
from autograder.course.collect.informs import Informed
from autograder.course.collect.record import desk_of
from autograder.course.groups import members_of, read_groups
from autograder.course.roster import Roster, fold
from autograder.files.tables import kept, read_table, write_table
from autograder.grading.assignment import CourseError

FILE = "matches.csv"
# Its columns, none with another spelling.
MATCHES = {"file": "", "student": "", "proposal": "", "why": "", "digest": ""}
LEAVE_OUT = "-"


class Matcher:
    """The class of a course, its groups, and what was answered before.

    root: the course folder. informs: folder of a download -> what the LMS says of it.
    """

    def __init__(self, root: Path, roster: Roster, chapter: str):
        self.root, self.roster, self.chapter = root, roster, chapter
        self.informs: dict[str, Informed] = {}
        groups = members_of(read_groups(root))
        there = frozenset(roster.students)
        self.groups = {name: members & there for name, members in groups.items()}
        self._folded: dict[str | None, str] = {fold(name): name for name in self.groups}
        self.answers = self._read(chapter)
        self._persons: dict[str, tuple[str, ...]] = {}
        self._lasting: dict[str, set[tuple[str, ...]]] = defaultdict(set)
        for path in sorted(desk_of(root, "").glob(f"*/{FILE}")):
            self._remember(path.parent.name)

    # What an instructor filled in.

    @property
    def file(self) -> Path:
        """Where an instructor answers."""
        return desk_of(self.root, self.chapter) / FILE

    def _read(self, chapter: str) -> dict[str, dict[str, Any]]:
        path = desk_of(self.root, chapter) / FILE
        if not path.is_file():
            return {}
        table = read_table(path, MATCHES, needed=("file", "student"))
        found = {}
        for line, row in table.rows:
            students = self._meant(row["student"])
            unknown = [s for s in students if s not in self.roster.students]
            if unknown and chapter == self.chapter and row["student"] != LEAVE_OUT:
                raise CourseError(
                    f"{path}, line {line}: the gradebook has no student "
                    f"{unknown[0]!r}; mend it, or first: nbgrader db student add "
                    f"{unknown[0]}"
                )
            found[row["file"]] = row | {"students": students}
        return found

    def _meant(self, cell: str) -> tuple[str, ...]:
        """The students of a cell: an id, several, or a group."""
        if cell in self.roster.students or cell == LEAVE_OUT:
            return (cell,)
        if members := self._group(cell):
            return tuple(sorted(members))
        return tuple(filter(None, re.split(r"[,;\s]+", cell)))

    def _remember(self, chapter: str) -> None:
        """The persons of earlier answers: asked once, they are known."""
        rows = self.answers if chapter == self.chapter else self._read(chapter)
        for name, row in rows.items():
            marks, students = marks_of(name, chapter), row["students"]
            if not students or LEAVE_OUT in students:
                continue
            if chapter == self.chapter and marks.person:
                self._persons[marks.person] = students
            if marks.lasts:
                self._lasting[marks.lasts].add(students)

    def write(self, opened) -> None:
        """The open questions, (file, proposals, why), and all that was answered."""
        answered = {k: row for k, row in self.answers.items() if row["student"]}
        rows = {k: [row[column] for column in MATCHES] for k, row in answered.items()}
        for file, proposed, why in opened:
            rows[file.name] = [file.name, "", " ".join(proposed), why, file.digest]
        if rows or self.answers:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            lines = [[kept(cell) for cell in row] for row in rows.values()]
            write_table(self.file, [list(MATCHES), *lines])

    def answered(self, name: str, digest: str) -> tuple[str, ...]:
        """Whom an instructor gave this file, with the content that it has."""
        row = self.answers.get(name, {})
        return row["students"] if row.get("digest") == digest else ()

    # From names to students.

    def inform(self, marks: Marks) -> Informed:
        """What the LMS says beside the files of what a name is in."""
        own = re.sub(r"Submission attachment\(s\)[/_]$", "", marks.own)
        return self.informs.get(own) or Informed()

    def students_of(self, name: str, marks: Marks) -> tuple[tuple, list[str], str]:
        """(students, or nobody; proposals; why it is not certain)"""
        row = self.answers.get(name)
        if row and row["students"]:
            return row["students"], [], ""
        if people := self.inform(marks).people:
            return self._all_of(people)
        found = [self.found(some) for some in marks.above + marks.names]
        if marks.lms:
            found.append(self.roster.find_by_lms(marks.lms))
        found = [ids for ids in found if ids]
        certain = set.intersection(*found) if found else set()
        group = self._group_of(marks)
        if group and (not found or certain & group):
            return tuple(sorted(group)), [], ""
        if len(certain) == 1 and not group:
            return tuple(certain), [], ""
        if not any(map(self.found, marks.above)) and (
            known := self._remembered(marks, found)
        ):
            return known, [], ""
        if found:
            proposed = sorted(set.union(*found))
            return (), proposed, f"it may be from {' or '.join(proposed)}"
        return (), *self._nobody(marks)

    def found(self, names: tuple[str, ...]) -> set[str]:
        """The students whom the first known one of some alternatives may mean."""
        return next(filter(None, map(self._named, names)), set())

    def _named(self, text: str) -> set[str]:
        """Those of a name, which may follow that of their group: `Team 4-Jane Doe`."""
        if found := self.roster.find(text):
            return found
        for place in (i for i, letter in enumerate(text) if letter == "-"):
            if self._group(text[:place]):
                return self.roster.find(text[place + 1 :])
        return set()

    def _group(self, text: str) -> frozenset[str]:
        name = text if text in self.groups else self._folded.get(fold(text) or None)
        return frozenset() if name is None else self.groups[name]

    def _group_of(self, marks: Marks) -> frozenset[str]:
        """The group that a name names."""
        texts = (text for some in marks.names for text in some)
        return next(filter(None, map(self._group, texts)), frozenset())

    def together(self, students: tuple[str, ...]) -> tuple[str, ...]:
        """Students and all who work with them, where they are in one group alone."""
        theirs = [g for g in self.groups.values() if g.issuperset(students)]
        return tuple(sorted(theirs[0])) if len(theirs) == 1 else students

    def _all_of(self, people) -> tuple[tuple, list[str], str]:
        """All of those whom the LMS names; nobody while one of them is not known."""
        named = [self.found(names) for names in people]
        if all(len(ids) == 1 for ids in named):
            return tuple(sorted(set().union(*named))), [], ""
        unknown = [names for names, ids in zip(people, named, strict=True) if not ids]
        proposed = sorted(set().union(*named))
        proposed += [near for names in unknown for near in self.roster.near(names[-1])]
        if not unknown:
            return (), proposed, f"it may be from {' or '.join(proposed)}"
        return (), proposed[:3], f"no student is called {' / '.join(unknown[0])}"

    def _remembered(self, marks: Marks, found: list[set[str]]) -> tuple[str, ...]:
        """Whom an instructor named before for the same person of the LMS."""
        if marks.person in self._persons:
            return self._persons[marks.person]
        before = self._lasting.get(marks.lasts, set())
        # Two of one name in the class are two, whatever was answered for one.
        return next(iter(before)) if len(before) == 1 and not found else ()

    def _nobody(self, marks: Marks) -> tuple[list[str], str]:
        """Proposals for a file whose student is not known, and a sentence."""
        texts = [some[0] for some in marks.names]
        hinted = [
            name for hint in marks.hints for name in sorted(self.roster.find(hint))
        ]
        near = [name for text in texts for name in self.roster.near(text)]
        near += [name for hint in marks.hints for name in self.roster.near(hint)]
        proposed = list(dict.fromkeys([*hinted, *near]))[:3]
        told = [str(self.roster.students[name]) for name in proposed]
        perhaps = f"; perhaps {' or '.join(told)}" if told else ""
        if not texts:
            return proposed, f"its name says no student{perhaps}"
        return proposed, f"no student is called {' / '.join(texts)}{perhaps}"
