"""How often the judge knows nothing better to say: `python benchmarks/last_resort.py`.

"Take a small example and work out this one number by hand" is true of every wrong
answer, and helps nobody. Here it is counted: on answers that are made (see
tests/support/wrong_answers.py), and on every wrong answer that the tests of the judge
give. Prints a table, and with --show N what was said of N answers that it was said of.
"""

import argparse
import random
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests" / "support")]

import pytest  # noqa: E402
from wrong_answers import LAST_RESORT, is_last_resort, sampled, told  # noqa: E402

from autograder.exercises.registry import discover  # noqa: E402

TESTS = ("test_diagnosis.py", "test_exercises.py", "test_part3.py", "test_answers.py")


def main() -> int:
    """Measure, print the table, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="EXERCISE")
    parser.add_argument("--sample", type=int, metavar="N", help="of each kind at most")
    parser.add_argument("--show", type=int, default=0, metavar="N")
    parser.add_argument("--tests", action="store_true", help="those of the tests, too")
    options = parser.parse_args()
    count, helpless, shown = Counter(), Counter(), []
    for name in options.names or discover():
        exercise = discover()[name]
        for wrong, verdict in told(exercise, sampled(exercise, options.sample)):
            for row in (name, wrong.kind, "all"):
                count[row] += 1
                helpless[row] += is_last_resort(verdict)
            if is_last_resort(verdict):
                shown.append((name, wrong, verdict))
    for row, total in count.items():
        print(_row(row, helpless[row], total))
    if options.tests:
        print(_row("the tests' wrong answers", *_said_in_tests()))
    for name, wrong, verdict in random.Random(0).sample(
        shown, min(options.show, len(shown))
    ):
        print(f"\n--- {name}, {wrong.kind}\n{wrong.source}\n> {verdict.rationale}")
    return 0


def _row(name: str, helpless: int, total: int) -> str:
    return f"{name:26} {helpless:5} of {total:5}  {helpless / max(1, total):6.1%}"


def _said_in_tests() -> tuple[int, int]:
    """How often the last resort was said while tests of the judge ran, of how often."""
    from autograder.judge import diagnosis

    hints = {}
    diagnose = diagnosis.diagnose

    def watched(exercise, cases):
        found = diagnose(exercise, cases)
        hints[exercise.name, found.rationale, found.hint] = found.hint
        return found

    diagnosis.diagnose = watched
    files = [str(ROOT / "tests" / name) for name in TESTS]
    pytest.main(["-q", "--no-header", "-p", "no:cacheprovider", "-x", *files])
    diagnosis.diagnose = diagnose
    said = [hint for hint in hints.values() if any(w in hint for w in LAST_RESORT)]
    return len(said), len(hints)


if __name__ == "__main__":
    sys.exit(main())
