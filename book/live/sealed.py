"""What Python needs in a page and a reader should not come across: answers, sealed.

In a book without solutions, a chapter's cells still call functions of earlier chapters.
Their references lie in one file that shows no line of them, neither to a look into the
zip nor to a search. Python in the page opens it, so who takes the page's program apart
can open it, too.
"""

import importlib
import json
import zlib
from pathlib import Path

FILE = "solutions/sealed"
OPEN = ("__init__.py", "_rules.py", ".key")  # what holds no answer


def seal(files: dict[str, bytes]) -> dict[str, bytes]:
    """The files of a chapter's exercises, by their place, with the answers sealed."""
    answers = {n: text.decode() for n, text in files.items() if not n.endswith(OPEN)}
    plain = {name: data for name, data in files.items() if name not in answers}
    return plain | {FILE: zlib.compress(json.dumps(answers).encode(), 9)}


def unseal(folder: Path) -> None:
    """Lay what was sealed where it is imported from; nothing where nothing was."""
    file = folder / FILE
    if file.is_file():
        for name, text in json.loads(zlib.decompress(file.read_bytes())).items():
            folder.joinpath(name).write_text(text, encoding="utf-8")
        importlib.invalidate_caches()
