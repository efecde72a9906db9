"""What the page of a PI says to do next."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path

import factory
from playwright import sync_api as playwright

from needed import needs
from openchargeback.model import State
from openchargeback.portal import paths
from openchargeback.portal.site import site_book
from openchargeback.portal.views.common import Book
from openchargeback.portal.views.payers import pi_view, project_view

BOOK = site_book(factory.site(months=2))


def held_pi(book: Book, *, held: bool) -> str:
    """The first PI with statements who has held charges, or has none."""
    return next(email for email in book.statements_by_pi if (email in book.held_by_pi) == held)


def test_held_charges_come_first_with_amount_reason_and_a_link() -> None:
    email = held_pi(BOOK, held=True)
    first, second = pi_view(BOOK, email).next
    items = BOOK.held_by_pi[email]
    count = sum(item.charges for item in items)
    assert first.label == f"Write to us about {count} held charge{'s' if count > 1 else ''}"
    assert Decimal(first.amount.split()[1].replace(",", "")) == round(sum(item.exact_billed for item in items), 2)
    assert first.path == paths.charges_view("", pi=email, state="held")
    assert first.reason.endswith("; not billed until decided")
    assert second.label.startswith("Check the January 2024 statement")


def test_a_statement_may_be_asked_about_until_its_day() -> None:
    email = held_pi(BOOK, held=False)
    statement = next(each for each in BOOK.statements_by_pi[email] if not each.draft)
    until = statement.issued + dt.timedelta(days=30)
    (step,) = pi_view(BOOK, email, as_of=f"{until}T09:00:00+00:00").next
    assert (step.label, step.path) == ("Check the January 2024 statement", paths.statement_page(statement))
    assert step.reason == f"questions until {until.day} {until:%b} {until.year}"
    late = pi_view(BOOK, email, as_of=f"{until + dt.timedelta(days=1)}")
    assert late.next == ()
    assert late.nothing_next == "Nothing to do: nothing is held, and the time for questions about January 2024 is over."


def test_a_draft_asks_for_nothing() -> None:
    book = site_book(factory.site(months=1))
    assert book.periods[0].state is State.OPEN
    view = pi_view(book, held_pi(book, held=False))
    assert view.next == ()
    assert view.nothing_next == "Nothing to do: nothing is held, and the statements come when January 2024 is closed."


def test_a_project_has_no_steps_of_its_own() -> None:
    view = project_view(BOOK, BOOK.project_ids[0])
    assert (view.next, view.nothing_next) == ((), "")


@needs("chromium")
def test_the_page_begins_with_it(page: playwright.Page, built: Path) -> None:
    email = held_pi(site_book(factory.site()), held=True)
    page.goto((built / paths.pi_page(email)).as_uri())
    assert page.locator("h2").first.inner_text() == "Next"
    assert page.locator(".next li").count() == 2
    page.set_viewport_size({"width": 360, "height": 800})
    assert page.locator(".next").bounding_box()["y"] < 400  # type: ignore[index]
