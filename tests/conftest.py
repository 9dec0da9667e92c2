"""What several test modules share."""

from pathlib import Path

from browser import chromium  # noqa: F401  (a fixture)


def pytest_addoption(parser):
    parser.addoption("--course", help="a course folder with exercises of its own")


def pytest_configure(config):
    """`pytest --course DIR tests/test_exercises.py` tries an instructor's own, too."""
    if course := config.getoption("--course"):
        from autograder.chapters.toc import add_home

        add_home(Path(course))
