"""nbgrader's configuration for this book. A course's own file calls `configure`."""

from autograder.chapters import BEGIN, END, STUB


def configure(c) -> None:
    """Set what the chapters need: c is the configuration of `get_config()`."""
    c.ClearSolutions.code_stub = {"python": STUB}
    c.ClearSolutions.begin_solution_delimeter = BEGIN.removeprefix("### ")
    c.ClearSolutions.end_solution_delimeter = END.removeprefix("### ")
