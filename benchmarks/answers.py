"""How soon a page answers: `python benchmarks/answers.py [--runs N] [NOUN ...]`.

Opens chapters of `_build/html` from the file system and over http, presses Check with
the right answer, and waits for the verdict: in a new profile (cold), on a second visit
with the same one (warm), and once more (next), when Python is there. Prints medians,
and the bytes that are fetched between the first press and the first verdict. Then, for
each exercise: its first check where Python is there, the right answer again, and the
median and the slowest of its wrong ones. Tables in Markdown. Needs Chromium.
"""

import argparse
import os
import statistics
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parent.parent
sys.path.append(str(ROOT / "tests" / "support"))

from browser import QUIET, found  # noqa: E402
from reader import HTML, serving, written  # noqa: E402

from autograder.exercises.registry import discover  # noqa: E402

NOUNS = ("scores", "single_head", "cache")  # a small key, a large one, the largest
MORE = 20  # wrong answers of an exercise that are timed
CHECK = """async ([name, text]) => {
  const one = live.exercises.find((one) => one.name === name);
  await one.open(false);
  one.box.editor.text = text;
  const start = performance.now();
  await one.check();
  if (!["right", "wrong"].includes(one.state)) throw new Error(one.told.textContent);
  return performance.now() - start;
}"""
LIVE = "live.exercises.filter((one) => one.can).map((one) => one.name)"


def right(name: str) -> str:
    return written(discover()[name].reference, name)


@contextmanager
def profile(playwright):
    """A browser with nothing kept, which keeps what it fetches."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        context = playwright.chromium.launch_persistent_context(
            folder, executable_path=found(), args=QUIET
        )
        try:
            yield context
        finally:
            context.close()


def visits(context, address: str) -> tuple[list[float], int]:
    """Milliseconds to the first verdict, on a second visit, and once more; bytes."""
    times, asked = [], []
    for visit in ("cold", "warm"):
        page = context.new_page()
        page.goto(address)
        name = page.evaluate(LIVE)[0]
        if visit == "cold":
            context.on("request", lambda request: asked.append(request.url))
        times.append(page.evaluate(CHECK, [name, right(name)]))
        if visit == "cold":
            size = sum(map(_size, set(asked)))
        else:
            times.append(page.evaluate(CHECK, [name, right(name)]))
        page.close()
    return times, size


def _size(url: str) -> int:
    """Bytes of a file of the book, as they lie there: a server may pack them."""
    path = unquote(urlsplit(url).path)
    file = Path(path) if url.startswith("file:") else HTML / path.lstrip("/")
    return file.stat().st_size if file.is_file() else 0


def each(context, page_file: Path):
    """For each exercise of a page: its name, and the milliseconds of its checks."""
    page = context.new_page()
    page.goto(page_file.as_uri())
    page.evaluate("live.python.start(() => {})")
    for name in page.evaluate(LIVE):
        wrong = [written(mistake, name) for mistake in discover()[name].mistakes]
        texts = [right(name), right(name), *wrong[:MORE]]
        first, again, *wrong = (page.evaluate(CHECK, [name, text]) for text in texts)
        yield name, first, again, statistics.median(wrong), max(wrong)
    page.close()


def main() -> None:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("nouns", nargs="*", default=NOUNS, metavar="NOUN")
    parser.add_argument("--runs", type=int, default=5, metavar="N")
    options = parser.parse_args()
    chapters = sorted((HTML / "book").glob("[0-9][0-9]_*.html"))
    chapters = [p for p in chapters if 'data-state="idle"' in p.read_text("utf-8")]
    pages = [p for p in chapters if p.stem.partition("_")[2] in options.nouns]
    print(f"Load of this machine: {os.getloadavg()[0]:.1f}\n")
    print(_line("page", "way", "cold s", "warm s", "next ms", "MB fetched"))
    print(_line(*["---"] * 6))
    with sync_playwright() as playwright, serving(HTML) as served:
        for page in pages:
            for way, address in (
                ("file", page.as_uri()),
                ("http", f"{served}/book/{page.name}"),
            ):
                found = []
                for _ in range(options.runs):
                    with profile(playwright) as context:
                        found.append(visits(context, address))
                columns = zip(*(times for times, _ in found), strict=True)
                cold, warm, more = map(statistics.median, columns)
                seconds = f"{cold / 1000:.1f}", f"{warm / 1000:.1f}"
                size = f"{found[0][1] / 1e6:.1f}"
                print(_line(page.stem, way, *seconds, f"{more:.0f}", size), flush=True)
        print("\n" + _line("exercise", "first ms", "right", "wrong", "slowest wrong"))
        print(_line(*["---"] * 5))
        with profile(playwright) as context:
            for page in chapters if options.nouns == NOUNS else pages:
                for name, *times in each(context, page):
                    print(_line(name, *(f"{t:.0f}" for t in times)), flush=True)


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
