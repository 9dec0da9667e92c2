"""A learner's own copies of the chapters, in `work/`. Nothing there is overwritten.

A chapter that has changed since a learner got it is offered beside the learner's
copy, as `05_softmax.new.ipynb`. What was handed out is noted in `.handed_out.json`.
"""

import hashlib
import json
from pathlib import Path

import nbformat

from autograder.chapters import learner_notebook, load_chapters


def lay_out(work: Path) -> list[str]:
    """Copy what is missing into `work`; return one line for each file written."""
    work.mkdir(parents=True, exist_ok=True)
    ledger = work / ".handed_out.json"
    handed_out = _read(ledger)
    said = []
    for chapter in load_chapters():
        text = nbformat.writes(learner_notebook(chapter)) + "\n"
        digest = hashlib.sha256(text.encode()).hexdigest()
        mine = work / f"{chapter.name}.ipynb"
        newer = work / f"{chapter.name}.new.ipynb"
        if not mine.exists():
            mine.write_text(text, encoding="utf-8")
            said.append(f"{mine.name}: new")
        elif handed_out.get(chapter.name) == digest:
            continue
        elif not newer.exists():
            newer.write_text(text, encoding="utf-8")
            said.append(f"{newer.name}: the chapter has changed; yours is untouched")
        else:
            said.append(
                f"{newer.name} is there already and stays; rename or delete it to get "
                "the newest version of the chapter"
            )
            continue
        handed_out[chapter.name] = digest
    ledger.write_text(json.dumps(handed_out, indent=1) + "\n", encoding="utf-8")
    return said or ["Your copies in work/ are up to date."]


def _read(ledger: Path) -> dict[str, str]:
    try:
        return json.loads(ledger.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}  # a lost ledger offers every chapter again, beside the learner's
