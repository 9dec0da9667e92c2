"""How long the learners' pages take: `python benchmarks/feedback.py --students 300`.

Grades a made-up class, then makes its pages three times in turn by nbgrader's
`generate_feedback` and by `autograder feedback`, each time from nothing, from the
command line to the end. Prints the medians and their ratio.
"""

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from autograder.chapters import toc
from autograder.course.setup import make_course

TIMES = 3


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--students", type=int, default=300)
    students = parser.parse_args().students
    chapter = toc.measured_chapter()
    with tempfile.TemporaryDirectory(prefix="feedback-") as folder:
        course = Path(folder) / "course"
        make_course(course, only=[chapter])
        run(course, "nbgrader", "generate_assignment", chapter)
        run(course, "autograder", "example", chapter, "--students", students)
        run(course, "autograder", "grade", chapter)
        ways = {
            "nbgrader generate_feedback": ("nbgrader", "generate_feedback", chapter),
            "autograder feedback": ("autograder", "feedback", chapter),
        }
        taken = {way: [] for way in ways}
        for _ in range(TIMES):
            for way, command in ways.items():
                shutil.rmtree(course / "feedback", ignore_errors=True)
                taken[way].append(run(course, *command))
                made = len(list(course.glob(f"feedback/*/{chapter}/{chapter}.html")))
                assert made == students, f"{way}: {made} pages of {students}"
    for way, seconds in taken.items():
        print(f"{way:28}{statistics.median(seconds):8.1f} s")
    stock, ours = map(statistics.median, taken.values())
    print(f"ratio: {stock / ours:.2f}, {students} students")


def run(course: Path, module: str, *words) -> float:
    """Seconds that a command took."""
    begin = time.monotonic()
    subprocess.run(
        [sys.executable, "-m", module, *map(str, words)],
        cwd=course,
        check=True,
        capture_output=True,
    )
    return time.monotonic() - begin


if __name__ == "__main__":
    main()
