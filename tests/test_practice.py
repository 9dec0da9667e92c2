"""What a reader practises with: the questions of an interview, and a clock."""

from pathlib import Path

from browser import visit
from playwright.sync_api import expect

from autograder.chapters.toc import steps

HTML = Path(__file__).parent.parent / "_build" / "html" / "book"
WHITEBOARD = next(s.chapter for s in steps() if s.chapter.endswith("at_the_whiteboard"))


def test_questions_are_opened_shuffled_known_and_linked(chromium):
    with visit(chromium, HTML / "interview.html") as seen:
        page = seen.page
        questions = page.locator("details.question")
        count = questions.count()
        assert count > 100
        page.get_by_role("button", name="Open all").click()
        expect(page.locator("details.question[open]")).to_have_count(count)
        page.get_by_role("button", name="Close all").click()
        expect(page.locator("details.question[open]")).to_have_count(0)
        first = questions.first
        first.locator("summary").click()
        first.get_by_role("button", name="I know this").click()
        page.get_by_role("button", name="Hide known").click()
        expect(first).to_be_hidden()
        page.reload()  # what is known is kept
        expect(page.locator("book-questions")).to_contain_text(f"1 of {count} known")
        page.get_by_role("button", name="Shuffle").click()
        expect(page.locator(".shuffled details")).to_have_count(count)
        page.get_by_role("button", name="Shuffle").click()
        expect(page.locator(".shuffled")).to_have_count(0)
        last = questions.last.get_attribute("id")
        page.evaluate("id => { location.hash = id }", last)
        expect(page.locator("details.question[open]")).to_have_id(last)
        assert seen.complaints == []


def test_the_clock_runs_pauses_and_starts_over(chromium):
    with visit(chromium, HTML / f"{WHITEBOARD}.html") as seen:
        clock = seen.page.locator("book-clock")
        expect(clock).to_contain_text("0:00 of 15:00")
        clock.get_by_role("button", name="Start the clock").click()
        expect(clock).to_contain_text("0:01 of 15:00")
        clock.get_by_role("button", name="Pause").click()
        expect(clock.get_by_role("button", name="Go on")).to_be_visible()
        clock.get_by_role("button", name="Start over").click()
        expect(clock).to_contain_text("0:00 of 15:00")
