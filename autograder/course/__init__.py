"""An instructor's desk, on nbgrader."""
