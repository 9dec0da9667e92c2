"""What a declaration needs: `from autograder.exercise import exercise`."""

from autograder.exercises.declaration import (
    DeclarationError,
    Exercise,
    different_sizes,
    exercise,
)

__all__ = ["DeclarationError", "Exercise", "different_sizes", "exercise"]
