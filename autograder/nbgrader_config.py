"""A course's own `nbgrader_config.py` names this: `configure(c, __file__)`."""

from autograder.course.config import configure

__all__ = ["configure"]
