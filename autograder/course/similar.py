"""Wrong answers that are so alike that a person should look."""

import re
from collections import defaultdict

from autograder.course.classwork import ClassWork

OWN_WORDS = 4  # in the comments: fewer, and anybody may have written them


OWN_CHARACTERS = 40  # of a wrong answer's code


COMMENT = re.compile(r"#[ \t]*(.*)")


def similar(work: ClassWork) -> list[dict]:
    """Submissions that are alike in what people seldom choose alike.

    Short right answers coincide honestly: they are never named for their code alone.
    Nor are those who handed in one file together.
    """
    groups, rare = [], max(3, len(work.learners) // 100)
    alike = defaultdict(list)
    for learner in work.learners:
        if _own_words(learner.code) >= OWN_WORDS:
            alike[_unspaced(learner.code)].append(learner.student)
    why = "all they wrote is the same, with the comments"
    groups += [(why, "", students) for students in alike.values()]
    for test in work.assignment.tests:
        answers: dict[tuple[str | None, str], list[str]] = defaultdict(list)
        for learner in work.learners:
            answer = learner.answers[test.exercise]
            code = _unspaced(answer.source)
            if answer.stands == "other" and len(code) >= OWN_CHARACTERS:
                answers[answer.behaviour, code].append(learner.student)
        why = "the same wrong answer, in the same words, that no mistake explains"
        groups += [(why, test.exercise, students) for students in answers.values()]
    return [
        {"why": why, "exercise": exercise, "students": students}
        for why, exercise, students in groups
        if 2 <= len({work.together.get(who, who) for who in students})
        and len(students) <= rare
    ]


def _own_words(code: str) -> int:
    """How many words the comments have that a learner wrote."""
    return sum(len(re.findall(r"[^\W\d_]{3,}", said)) for said in COMMENT.findall(code))


def _unspaced(code: str) -> str:
    return re.sub(r"\s+", "", code)
