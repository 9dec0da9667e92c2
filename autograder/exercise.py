"""What a declaration needs: `from autograder.exercise import exercise`."""

from autograder.exercises.declaration import DeclarationError, Exercise, exercise
from autograder.exercises.ordinary import different_sizes

__all__ = ["DeclarationError", "Exercise", "different_sizes", "exercise"]
