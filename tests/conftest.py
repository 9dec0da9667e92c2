"""What several test modules share, and what happens where there is no browser."""

import os
from collections import Counter
from pathlib import Path

import pytest
from browser import chromium  # noqa: F401  (a fixture)
from firefox import installed
from get_browser import HOW, found
from own_exercise import known_before

# Fixtures, and how their browser is found: what asks for one of them needs it.
BROWSERS = {"chromium": found, "window": installed}
WITHOUT = "without a browser"

# Marks that hold for a whole file. `make quick` leaves these out.
FILES = {
    "sandbox": ["test_attacks", "test_engine", "test_syscalls"],
    "slow": [
        *("test_animations", "test_bench", "test_class", "test_cli", "test_collect"),
        *("test_course", "test_diagnosis", "test_exercises", "test_export"),
        *("test_feedback", "test_figures", "test_formgrader", "test_fresh_machine"),
        "test_grading",
        *("test_guide", "test_handed_in", "test_lab", "test_last_resort", "test_law"),
        *("test_live", "test_live_parts", "test_part4", "test_renew", "test_trial"),
        *("test_wild", "test_own_exercises", "test_part3", "test_policies"),
        *(
            "test_proof",
            "test_questions",
            "test_rebuild",
            "test_release",
            "test_report",
        ),
        *("test_stepper", "test_term", "test_wheel", "test_workspace"),
    ],
}


# Files of a few long tests, of which each can go to whichever core is free. They come
# last: with them no core is idle while another one is at the last long file.
SPREAD = ("test_live", "test_pages")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    from xdist.scheduler import LoadFileScheduling

    class ByFile(LoadFileScheduling):
        def _split_scope(self, nodeid):
            file = super()._split_scope(nodeid)
            return nodeid if Path(file).stem in SPREAD else file

    return ByFile(config, log)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers():
    """One more than there are cores: what starts a browser or a course mostly waits."""
    return (os.cpu_count() or 1) + 1


def pytest_addoption(parser):
    parser.addoption("--course", help="a course folder with exercises of its own")
    parser.addoption(
        "--browser",
        choices=("yes", "no"),
        default="yes",
        help="no: leave out what needs a browser, and be content with that",
    )


def pytest_configure(config):
    """`pytest --course DIR tests/test_exercises.py` tries an instructor's own, too."""
    config.option.loadscopereorder = False  # xdist's: what has few tests comes last
    if course := config.getoption("--course"):
        from autograder.chapters.toc import add_home

        add_home(Path(course))


@pytest.fixture(autouse=True, scope="module")
def home():
    """What a file of tests takes in of a course is known to no file after it."""
    with known_before():
        yield


# Without a browser, everything else is run, and one block at the end tells the rest.


def pytest_collection_modifyitems(config, items):
    items.sort(key=lambda item: item.path.stem in SPREAD)
    wanted = config.getoption("--browser") == "yes"
    for item in items:
        for mark, files in FILES.items():
            if item.path.stem in files:
                item.add_marker(mark)
        asked = BROWSERS.keys() & set(item.fixturenames)
        if not asked:
            continue
        item.add_marker("browser")
        if not (wanted and all(BROWSERS[fixture]() for fixture in asked)):
            item.add_marker(pytest.mark.skip(reason="it needs a browser"))


def pytest_report_teststatus(report, config):
    """Counted and listed apart from what is skipped for other reasons."""
    if report.when == "setup" and report.skipped and "browser" in report.keywords:
        return WITHOUT, "b", "NO BROWSER"
    return None


def pytest_sessionfinish(session):
    """Not to have run them is a failure, unless that was asked for."""
    wanted = session.config.getoption("--browser") == "yes"
    if wanted and not session.exitstatus and _without(session.config):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter, config):
    if not (files := _without(config)):
        return
    terminalreporter.section("Not run: what needs a browser")
    for file, count in files.items():
        terminalreporter.line(f"{file}: {count} {'test' if count == 1 else 'tests'}")
    if config.getoption("--browser") == "yes":
        terminalreporter.line(f"\nNo Chromium, Chrome or Edge was found. {HOW}")
        terminalreporter.line("To do without, and be content: make test BROWSER=no")


def _without(config):
    """How many tests were left out, by file. In a worker of xdist: none are known."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    reports = reporter.stats.get(WITHOUT, ()) if reporter else ()
    return Counter(report.nodeid.partition("::")[0] for report in reports)
