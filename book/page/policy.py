"""What a page may load and run: its own files, and nothing of any other origin.

The policy stands in each page, for a book is also opened from the file system, and by
servers that nobody sets up. Scripts that stand in a page are named by their hashes; any
other one, such as could come out of what a reader's code displays, is not run.
"""

import base64
import hashlib
import re
from html import escape, unescape
from pathlib import Path

INLINE = re.compile(r"<script(?![^>]*\b(?:src|type)=)[^>]*>(.*?)</script>", re.DOTALL)
HANDLER = re.compile(r"<\w[^>]* on\w+=\"([^\"]*)\"")
META = '<meta http-equiv="Content-Security-Policy" content="'
OWN = "'self' file:"  # opened from the file system, a page is of no origin


def setup(app):
    app.connect("build-finished", protect)


def protect(app, error):
    if error or app.builder.format != "html":
        return
    for page in Path(app.outdir).rglob("*.html"):
        html = page.read_text("utf-8")
        if META not in html:
            meta = f'{META}{escape(policy(html))}">'
            html = re.sub(r"(<meta charset=[^>]*>)", rf"\1\n  {meta}", html, count=1)
            page.write_text(html, "utf-8")


def policy(html: str) -> str:
    """The policy of one page, for the scripts that stand in it."""
    scripts = [*INLINE.findall(html), *map(unescape, HANDLER.findall(html))]
    hashes = " ".join(dict.fromkeys(map(_hash, scripts)))
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src {OWN} 'wasm-unsafe-eval' 'unsafe-hashes' {hashes}".strip(),
            f"style-src {OWN} 'unsafe-inline'",
            f"img-src {OWN} data: blob:",
            f"font-src {OWN} data:",
            f"connect-src {OWN} data:",
            "worker-src blob:",
            f"form-action {OWN}",
            "base-uri 'none'",
        ]
    )


def _hash(script: str) -> str:
    digest = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
