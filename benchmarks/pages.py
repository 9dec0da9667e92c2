"""What each page weighs: `python benchmarks/pages.py [BEFORE/_build/html]`.

Opens every page of `_build/html` as a reader does, from the file system, and reads it
to its end. Counts the files that it asks for by itself, and their bytes, as they are
and packed by gzip, one by one. With the pages of an earlier build, a page's figures of
then stand before those of now. Prints a table in Markdown. Needs Chromium.
"""

import gzip
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parent.parent
sys.path.append(str(ROOT / "tests" / "support"))

from browser import QUIET, found, visit  # noqa: E402

READ = """async () => {
  for (let y = 0; y < document.body.scrollHeight; y += innerHeight) {
    scrollTo(0, y);
    await new Promise((done) => setTimeout(done, 60));
  }
}"""
HEADS = ("page", "kB before", "gzip", "requests", "kB now", "gzip", "requests")


def measure(browser, html: Path) -> dict[str, tuple[int, int, int]]:
    """Noun of a page -> bytes, bytes packed, requests."""
    return {
        page.stem.lstrip("0123456789_"): _weigh(browser, page)
        for page in sorted((html / "book").glob("*.html"))
    }


def _weigh(browser, page: Path) -> tuple[int, int, int]:
    with visit(browser, page) as seen:
        seen.page.evaluate(READ)
        seen.page.wait_for_load_state("networkidle")
        files = [file.read_bytes() for file in seen.files() if file.is_file()]
    packed = sum(len(gzip.compress(file)) for file in files)
    return sum(map(len, files)), packed, len(files)


def main() -> None:
    """Measure one build or two, and print a line a page."""
    builds = [*map(Path, sys.argv[1:2]), ROOT / "_build" / "html"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found(), args=QUIET)
        *earlier, now = (measure(browser, html.resolve()) for html in builds)
        browser.close()
    before = earlier[0] if earlier else {}
    print(_line(HEADS), _line(["---"] * len(HEADS)), sep="\n")
    for noun in [*now, *(noun for noun in before if noun not in now)]:
        print(_line([noun, *_told(before.get(noun)), *_told(now.get(noun))]))


def _told(found: tuple[int, int, int] | None) -> list[str]:
    if found is None:
        return ["", "", ""]
    size, packed, requests = found
    return [f"{size / 1000:.0f}", f"{packed / 1000:.0f}", f"{requests}"]


def _line(cells) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
