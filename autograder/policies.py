"""A course's own configuration names this: `autograder.policies.LatePolicy`."""

from autograder.course.policies import LatePolicy

__all__ = ["LatePolicy"]
