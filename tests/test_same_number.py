"""When two numbers are the same is said once: `check`, a scene and `agree` agree."""

import numpy as np
import pytest

from autograder import agree
from autograder.exercises.registry import discover
from autograder.judge.cases import draw_cases
from autograder.judge.render import AGREEMENT
from autograder.judge.verdict import judge
from autograder.values.called import call_in_process
from book.animations.take import Actor


def arrays_of(value):
    return [
        np.asarray(part) for part in (value if isinstance(value, tuple) else [value])
    ]


CASES = {  # whole numbers have to be exact, in any form
    name: arguments
    for name, exercise in discover().items()
    if exercise.compared and exercise.drive is None
    for arguments in [draw_cases(exercise, 0)[0][1]]
    if all(a.dtype.kind == "f" for a in arrays_of(exercise.reference(*arguments)))
}


def rounded(name, dtype):
    """The reference of an exercise, its numbers rounded to a coarser precision."""
    right = discover()[name].reference

    def answer(*arguments):
        value = right(*arguments)
        arrays = [array.astype(dtype) for array in arrays_of(value)]
        return tuple(arrays) if isinstance(value, tuple) else arrays[0]

    return answer


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("name", CASES)
def test_what_check_takes_for_right_no_scene_marks_as_wrong(name, dtype, capsys):
    expected = discover()[name].reference(*CASES[name])
    wanted = arrays_of(expected)
    answer = rounded(name, dtype)
    taken_for_right = judge(discover()[name], call_in_process(answer)).cases[0][1]
    several = isinstance(expected, tuple)
    actor = Actor(answer, name, reference=False)
    parts = actor.play(*CASES[name], expected=wanted if several else wanted[0])
    drawn_as_right = all(part.right for part in (parts if several else [parts]))
    capsys.readouterr()
    agree(arrays_of(answer(*CASES[name]))[0], wanted[0])
    said = capsys.readouterr().out.strip()
    assert taken_for_right and drawn_as_right and said == AGREEMENT
