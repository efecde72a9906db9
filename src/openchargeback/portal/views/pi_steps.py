"""What a PI should do next: from what is held, and from the latest statements that may still be asked about."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from openchargeback.model import QueueItem, Statement
from openchargeback.portal import paths
from openchargeback.portal.statement_words import REASONS_SHOWN, amount_words, flag_words, questions_until
from openchargeback.portal.views.common import Book
from openchargeback.portal.views.next_steps import NextStep
from openchargeback.review.held_sums import in_total
from openchargeback.templating.filters import date_human, period_human
from openchargeback.wording import counted, listed


def pi_steps(
    book: Book, email: str, held: Sequence[QueueItem], latest: Sequence[Statement], page: str, as_of: str
) -> tuple[tuple[NextStep, ...], str]:
    """The steps of a PI, most urgent first, and what to say if there are none.

    latest: the statements of the last month that has one, as `page` shows them. as_of: the day of the build as an ISO
    date; empty if unknown, when any statement may still be asked about.
    """
    steps = (*_held(book, email, held), *_questions(book, latest, page, as_of))
    if steps:
        return steps, ""
    if not latest:
        return (), "Nothing to do: there are no statements yet, and nothing is held."
    month = period_human(latest[0].period)
    if any(each.draft for each in latest):
        return (), f"Nothing to do: nothing is held, and the statements come when {month} is closed."
    return (), f"Nothing to do: nothing is held, and the time for questions about {month} is over."


def _held(book: Book, email: str, held: Sequence[QueueItem]) -> Iterator[NextStep]:
    if not held:
        return
    sums = [each for each in in_total(held, book.currency) if each.charges]
    reasons = list(dict.fromkeys(flag_words(flag) for item in held for flag in item.uncleared))
    yield NextStep(
        f"Write to us about {counted(sum(each.charges for each in sums), 'held charge')}",
        paths.charges_view("", pi=email, state="held"),
        f"{listed(reasons, REASONS_SHOWN)}; not billed until decided",
        " and ".join(amount_words(each.exact_billed, each.currency) for each in sums),
    )


def _questions(book: Book, latest: Sequence[Statement], page: str, as_of: str) -> Iterator[NextStep]:
    if not latest or any(each.draft for each in latest):
        return
    period = latest[0].period
    until = max(questions_until(each, book.settings(period)) for each in latest)
    if not as_of or until.isoformat() >= as_of[:10]:
        what = "statement" if len(latest) == 1 else "statements"
        label = f"Check the {period_human(period)} {what}"
        yield NextStep(label, page or paths.statements_page(period), f"questions until {date_human(until)}")
