"""Lighthouse on built pages, as a phone sees them: `python benchmarks/lighthouse.py`.

Serves `_build/html` on this machine alone, packed as hosts do, and runs Lighthouse's
mobile preset several times a page. Prints the median of each category; exits with 1
where one is too low.
Needs Node.js and Chromium. Performance is measured: let nothing else run meanwhile.
"""

import argparse
import gzip
import json
import os
import shutil
import statistics
import subprocess
import sys
import threading
from functools import cache, partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HTML = Path(__file__).parent.parent / "_build" / "html"
NOUNS = ("softmax", "split_heads", "add_and_norm")  # pages that stand for the others
WANTED = {"performance": 95, "accessibility": 100, "best-practices": 100}
LIGHTHOUSE = ["npx", "--yes", "lighthouse@13.5.0"]
CHROMIUM = "--headless=new --no-sandbox --disable-gpu --disable-background-networking"
FIGURES = {
    "first-contentful-paint": "first paint",
    "largest-contentful-paint": "largest paint",
    "total-blocking-time": "blocked",
    "cumulative-layout-shift": "shift",
    "speed-index": "speed index",
}


TEXT = (".html", ".css", ".js", ".svg", ".json", ".txt")


@cache
def _packed(file: Path) -> bytes:
    return gzip.compress(file.read_bytes(), 6)


class Quiet(SimpleHTTPRequestHandler):
    """Serves text packed by gzip, and says nothing about it.

    As the hosts of such pages do, GitHub Pages among them: on the slow network that
    Lighthouse supposes, unpacked bytes would count that no reader waits for.
    """

    protocol_version = "HTTP/1.1"  # one connection for many files, as everywhere

    def do_GET(self):
        file = Path(self.translate_path(self.path))
        if file.suffix not in TEXT or not file.is_file():
            return super().do_GET()
        data = _packed(file)
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(file))
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format, *arguments):
        pass


def _page_of(noun: str) -> str:
    """`05_softmax` of `softmax`: the number follows the table of contents."""
    [page] = (HTML / "book").glob(f"[0-9][0-9]_{noun}.html")
    return page.stem


def main() -> int:
    """Measure, print a line a page, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "pages", nargs="*", default=[*map(_page_of, NOUNS)], metavar="CHAPTER"
    )
    parser.add_argument("--runs", type=int, default=5, metavar="N")
    options = parser.parse_args()
    handler = partial(Quiet, directory=str(HTML))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/book"
        low = [p for p in options.pages if not _fine(f"{address}/{p}.html", options)]
        server.shutdown()
    print(f"too low: {', '.join(low)}" if low else "all as wanted")
    return 1 if low else 0


def _fine(address: str, options: argparse.Namespace) -> bool:
    """Measure one page and print what was found; true where it is as wanted."""
    reports = [_report(address) for _ in range(options.runs)]
    scores = {
        name: _median(100 * r["categories"][name]["score"] for r in reports)
        for name in WANTED
    }
    print(address.rpartition("/")[2], *(f"{n} {s:g}" for n, s in scores.items()))
    for audit, name in FIGURES.items():
        value = _median(r["audits"][audit]["numericValue"] for r in reports)
        unit = "" if name == "shift" else " ms"
        print(f"    {name} {value:.{0 if unit else 3}f}{unit}", end="")
    speed = _median(r["environment"]["benchmarkIndex"] for r in reports)
    print(f"\n    this machine: load {os.getloadavg()[0]:.1f}, speed {speed:.0f}")
    for title in sorted({t for report in reports for t in _complaints(report)}):
        print(f"    {title}")
    return all(scores[name] >= WANTED[name] for name in WANTED)


def _report(address: str) -> dict:
    """One run of Lighthouse on one page."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    run = subprocess.run(
        [
            *LIGHTHOUSE,
            address,
            *("--quiet", "--output=json", f"--only-categories={','.join(WANTED)}"),
            f"--chrome-flags={CHROMIUM}",
        ],
        env=os.environ | ({"CHROME_PATH": chromium} if chromium else {}),
        capture_output=True,
        text=True,
    )
    if run.returncode:
        sys.exit(f"Lighthouse could not be run:\n{run.stderr}")
    return json.loads(run.stdout)


def _complaints(report: dict) -> list[str]:
    """What a page fails, other than the timings."""
    counted = (
        report["audits"][reference["id"]]
        for name in WANTED
        for reference in report["categories"][name]["auditRefs"]
        if name != "performance" and reference["weight"]
    )
    return [f"{a['id']}: {a['title']}" for a in counted if a["score"] == 0]


def _median(values) -> float:
    return statistics.median(values)


if __name__ == "__main__":
    sys.exit(main())
