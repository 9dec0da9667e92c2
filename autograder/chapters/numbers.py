"""A chapter's number is its place in the table of contents, wherever it is told.

A chapter is known by its noun, `softmax`; `05_softmax` is where it stands today. What
tells the number is written anew from `_toc.yml`, by `sync`:

    [chapter 5](05_softmax.md), [5](05_softmax.md#anchor)    links, in every page
    here("05_softmax")                                       in the chapter itself
"""

import re
from pathlib import Path

from autograder.chapters.toc import current_stems, number_of, told_became
from autograder.errors import UserError

LINK = re.compile(r"\[((?:[Cc]hapter )?)(\d+)\]\((\d\d)_(\w+)\.md")
TARGET = re.compile(r"\]\((\d\d)_(\w+)\.md")
HERE = re.compile(r'^here\("\d\d_\w+"\)$', re.MULTILINE)


class NumberError(UserError):
    """A link to a chapter that is not there. Names the file and the remedy."""


def renumbered(text: str, path: Path) -> str:
    """A page with the numbers that its chapters have today; raises NumberError."""
    now = current_stems()

    def stem(noun: str, old: str) -> str:
        if noun not in now:
            told = told_became(f"{old}_{noun}") or "no chapter has that name"
            raise NumberError(f"{path}: there is a link to {old}_{noun}.md; {told}")
        return now[noun]

    def link(found: re.Match) -> str:
        word, _, old, noun = found.groups()
        new = stem(noun, old)
        return f"[{word}{number_of(new)}]({new}.md"

    text = LINK.sub(link, text)
    text = TARGET.sub(lambda found: f"]({stem(found[2], found[1])}.md", text)
    if path.stem in now.values():
        text = HERE.sub(f'here("{path.stem}")', text)
    return text
