"""What several test modules share."""

from pathlib import Path

from browser import chromium  # noqa: F401  (a fixture)

# Those that take longest begin, so that no core is left alone with one in the end.
LONGEST = [
    "test_pages",
    "test_grading",
    "test_bench",
    "test_term",
    "test_release",
    "test_attacks",
    "test_lab",
    "test_law",
    "test_guide",
    "test_rebuild",
    "test_course",
]


def pytest_addoption(parser):
    parser.addoption("--course", help="a course folder with exercises of its own")


def pytest_collection_modifyitems(items):
    def place(item):
        name = item.path.stem
        return LONGEST.index(name) if name in LONGEST else len(LONGEST)

    items.sort(key=place)


def pytest_configure(config):
    """`pytest --course DIR tests/test_exercises.py` tries an instructor's own, too."""
    if course := config.getoption("--course"):
        from autograder.workflow import add_home

        add_home(Path(course))
