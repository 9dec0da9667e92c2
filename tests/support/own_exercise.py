"""An instructor's own exercise, and a course that has it."""

from contextlib import contextmanager

import solutions
from autograder.chapters import toc as workflow
from autograder.exercises.registry import discover

CHAPTER = "51_temperature"
DECLARATION = '''"""How sure should a model be? A temperature says it."""

from autograder.exercise import Exercise, different_sizes
from solutions.softmax import softmax


def soften(S, temperature):
    """Divide the scores by a temperature: the higher, the more even the weights.

    S (n, m), temperature -> S (n, m)
    """
    return S / temperature


def multiplied(S, temperature):
    """The scores are multiplied: a high temperature makes the model surer. Divide."""
    return S * temperature


def softened_twice(S, temperature):
    """The temperature is applied twice. Once is enough."""
    return S / temperature**2


def some_scores(rng):
    n, m = different_sizes(rng, 2)
    return softmax(rng.standard_normal((n, m))), float(rng.uniform(2, 3))


exercise = Exercise(
    reference=soften,
    inputs=(some_scores,),
    mistakes=(multiplied, softened_twice),
    points=3,
)
'''
PAGE = """---
kernelspec:
  display_name: Python 3
  language: python
  name: python3
---

# Temperature

```{code-cell} ipython3
from autograder import check, here

here("51_temperature")
```

```{code-cell} ipython3
def soften():
    "any body, for now"
```

```{code-cell} ipython3
check(soften)
```
"""


def declare(course):
    """Put the declaration and its chapter into a course folder."""
    for name, text in (
        ("exercises/temperature.py", DECLARATION),
        (f"chapters/{CHAPTER}.md", PAGE),
    ):
        (course / name).parent.mkdir(parents=True)
        (course / name).write_text(text, encoding="utf-8")


@contextmanager
def at_home(course):
    """Know the course's own exercises for a while, as its commands do."""
    with known_before():
        workflow.add_home(course)
        yield


@contextmanager
def known_before():
    """Afterwards no more exercises and chapters are known than before."""
    before = list(solutions.__path__), list(workflow._homes)
    try:
        yield
    finally:
        if before != (list(solutions.__path__), workflow._homes):
            solutions.__path__[:], workflow._homes[:] = before
            discover.cache_clear()
            workflow.steps.cache_clear()
