"""Is this folder a course? Asked before anything is opened that takes long."""

from pathlib import Path

from autograder.grading.assignment import CourseError


def confirm_course(folder: Path) -> None:
    """Raise CourseError where a folder is no nbgrader course, with the remedy."""
    if not (folder / "nbgrader_config.py").is_file():
        folder = folder.resolve()
        raise CourseError(
            f"{folder} is no nbgrader course; make one with `python -m autograder "
            f"course {folder}`, or name yours with --course"
        )
