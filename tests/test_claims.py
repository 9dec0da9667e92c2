"""What the book claims, and what stands behind it: nothing is said without support.

`book/claims.md` has a section for each claim. Where the book relies on one, it says
`([evidence](#claim-equal-cost))`; the tables "What goes wrong" name the declared
mistakes of their rows, as `<!-- forgot_to_transpose -->`.
"""

import re
from dataclasses import dataclass

import pytest

from autograder.chapters.chapter import _among_notebooks
from autograder.chapters.toc import ROOT, current_stems, steps
from autograder.exercises.registry import discover
from autograder.judge.diagnosis.mistakes import CHANGED_ARGUMENTS
from book import overview

VERDICTS = ("holds", "holds under a condition", "does not hold", "not shown here")
# In these parts every answer has its evidence, and every table names its mistakes.
MEASURING = ("One head or many?", "What an interviewer asks next")
MARKED = ("One head", "Many heads", *MEASURING)
TEXT = (ROOT / "book" / "claims.md").read_text(encoding="utf-8")
LINK = re.compile(r"\]\(#(claim-[\w-]+)\)")
SOURCE = re.compile(
    r"([A-Z][\w-]+)(?: et al\.)? ((?:19|20)\d\d), ([^;]+); (.+?)(?=\.(?: [A-Z]|$))"
)
MEASURED = re.compile(r"exact|one run|two seeds|five (?:seeds|\s*rounds)", re.S)


@dataclass(frozen=True)
class Claim:
    """One claim, with what is said of it: `says["Measured"]`, and so on."""

    name: str
    title: str
    says: dict[str, str]


def claims():
    found = re.split(
        r"^\((claim-[\w-]+)\)=\n### (.+)$", TEXT.split("## Sources")[0], flags=re.M
    )
    for name, title, text in zip(*(found[k::3] for k in (1, 2, 3)), strict=True):
        items = re.findall(
            r"^- \*\*(\w+)\*\*: (.+?)(?=^- |\Z|^\n|^#)", text, re.M | re.S
        )
        yield Claim(name, title, {key: " ".join(said.split()) for key, said in items})


CLAIMS = {claim.name: claim for claim in claims()}
PAGES = {path.stem: path.read_text("utf-8") for path in (ROOT / "book").glob("*.md")}
every_claim = pytest.mark.parametrize("claim", CLAIMS.values(), ids=lambda c: c.name)
every_step = pytest.mark.parametrize(
    "step", [s for s in steps() if s.part in MARKED], ids=lambda s: s.chapter
)


@every_claim
def test_a_claim_has_a_verdict_and_a_support(claim):
    verdict = claim.says["Verdict"]
    assert verdict in VERDICTS
    assert ("Condition" in claim.says) == (verdict == "holds under a condition")
    assert {"Measured", "Derived", "Cited", "Checked"} & claim.says.keys()


@every_claim
def test_what_was_measured_is_in_a_cell_and_how_often_is_said(claim):
    said = claim.says.get("Measured", "")
    for chapter, rest in re.findall(r"\]\((\w+)\.md\)(.+)", said):
        code = "\n".join(cells(chapter))
        for name in re.findall(r"`([^`]+)`", rest):
            assert name in code, f"{chapter} has no cell with {name}"
        assert MEASURED.search(rest), f"{claim.name}: how often?"
        if "five seeds" in rest:
            assert "SEEDS = [0, 1, 2, 3, 4]" in code
    assert not said or "](" in said


def cells(chapter):
    return re.findall(
        r"^```\{code-cell\}[^\n]*\n(.*?)^```$", PAGES[chapter], re.M | re.S
    )


@every_claim
def test_what_is_cited_has_its_place_its_scope_and_its_source(claim):
    if said := claim.says.get("Cited"):
        found = SOURCE.findall(said)
        assert len(found) == len(re.findall(r"\b(?:19|20)\d\d,", said)), said
        for author, year, place, _ in found:
            assert re.search(r"abstract|[Ss]ections? \d|Table \d", place), place
            listed = (
                rf"{author}(\s+et\s+al\.)?,\s+\[[^\]]+\]\(https://[^)]+\),\s+{year}"
            )
            assert re.search(listed, TEXT.split("## Sources")[1])


@every_claim
def test_a_claim_is_relied_on_somewhere(claim):
    others = [text for page, text in PAGES.items() if page != "claims"]
    assert any(f"](#{claim.name})" in text for text in others)


@pytest.mark.parametrize("page", sorted(PAGES))
def test_no_page_links_to_a_claim_that_is_not_there(page):
    assert set(LINK.findall(PAGES[page])) <= CLAIMS.keys()


@every_step
def test_an_answer_has_its_evidence(step):
    for question in overview.questions_of(step.chapter):
        linked = LINK.search(question.answer)
        placed = re.search(
            r"et al\.?[\s(]+\d{4}, (?:[Ss]ection|Table|abstract)", question.answer
        )
        assert linked or step.part not in MEASURING, question.question
        assert linked or placed or "et al." not in question.answer, question.question


def test_the_comparison_gives_the_verdict_of_its_claim():
    rows = re.findall(
        r"^\| (.+?) \| (.+?) \| (.+?) \|$", PAGES[current_stems()["comparison"]], re.M
    )
    told = [(verdict, evidence) for _, verdict, evidence in rows if verdict in VERDICTS]
    assert len(told) >= 16
    for verdict, evidence in told:
        assert CLAIMS[LINK.search(evidence)[1]].says["Verdict"] == verdict, evidence


# --- the tables "What goes wrong" -------------------------------------------------


@pytest.mark.parametrize(
    "step",
    [s for s in steps() if s.exercises and s.part in MARKED],
    ids=lambda s: s.chapter,
)
def test_what_goes_wrong_is_a_declared_mistake(step):
    """Or what the judge says of every answer: an error, a changed input."""
    declared = {
        m.__name__ for name in step.exercises for m in discover()[name].mistakes
    }
    _, _, text = PAGES[step.chapter].partition("\n## What goes wrong\n")
    rows = re.findall(r"^\|.+\|$", text.partition("\n## ")[0], re.M)[2:]
    assert rows
    for row in rows:
        names = re.search(r"<!-- ([\w ]+) --> \|$", row)
        assert names, f"which mistake is it? {row}"
        if names[1] == "error":
            assert row.startswith("| `"), row
        elif names[1] != CHANGED_ARGUMENTS:
            assert set(names[1].split()) <= declared, row


def test_a_learners_notebook_links_to_notebooks_and_not_to_pages_it_has_not():
    text = "So.\n([evidence](#claim-a), [evidence](#claim-b-c))\n[5](05_softmax.md#x)"
    assert _among_notebooks(text) == "So.\n[5](05_softmax.ipynb#x)"
    assert _among_notebooks("the list of [claims](claims.md)") == "the list of claims"
