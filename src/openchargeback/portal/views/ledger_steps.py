"""What those who run the billing should do next: from the state of the ledger alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from openchargeback import money
from openchargeback.billing.completeness import missing_sources, month_of
from openchargeback.billing.postings import posted_month
from openchargeback.ledger.deliveries import Delivery, DeliveryKind, latest
from openchargeback.ledger.postings import Posting
from openchargeback.model import BilledPeriod, State
from openchargeback.portal import paths
from openchargeback.portal.views.common import Book
from openchargeback.portal.views.next_steps import NextStep
from openchargeback.review.held_sums import in_total
from openchargeback.templating.filters import date_human, period_human
from openchargeback.wording import counted, listed

MOST = 5
"""How many steps are listed: those that come first."""

_MONTHS_BACK = 3
"""How many closed months are looked at for what is left to do."""


def ledger_steps(
    book: Book, postings: Mapping[str, Sequence[Posting]], deliveries: Mapping[str, Sequence[Delivery]]
) -> tuple[NextStep, ...]:
    """What those who run the billing should do next, most urgent first. postings, deliveries: by period."""
    closed = [period for period in book.periods if period.state is not State.OPEN][-_MONTHS_BACK:]
    steps: list[NextStep] = []
    for period in reversed(closed):
        steps += _posting(period, postings.get(period.period, ()))
        steps += _sending(book, period, deliveries.get(period.period, ()))
    steps += _review(book)
    for period in book.periods:
        if period.state is State.OPEN:
            steps += _missing(book, period)
    steps += _closing(book)
    for period in reversed(closed):
        steps += _finalizing(period, postings.get(period.period, ()))
    return tuple(steps[:MOST])


def _posting(period: BilledPeriod, postings: Sequence[Posting]) -> Iterator[NextStep]:
    posted, name, page = posted_month(period.journal, period.documents, postings), period_human(period.period), ""
    page = paths.journal_page(period.period)
    if posted.not_posted.lines and not posted.postings:
        numbers = listed(tuple(dict.fromkeys(each.number for each in period.documents)), 2)
        amount = f"{period.currency} {money.human(period.journal.net, period.currency)}"
        lines = counted(len(period.journal.lines), "balanced line")
        ready = f", ready since {date_human(period.closed_on)}" if period.closed_on else ""
        reason = ", ".join(part for part in (numbers, amount, lines) if part) + ready
        yield NextStep(f"Post the {name} journal", page, reason)
    elif posted.not_posted.lines:
        yield NextStep(f"Post the rest of the {name} journal", page, counted(posted.not_posted.lines, "line"))
    if posted.suspense.lines:
        reason = "posted, and waiting in the accounting system"
        yield NextStep(f"Clear {counted(posted.suspense.lines, 'line')} in suspense, {name}", page, reason)


def _sending(book: Book, period: BilledPeriod, deliveries: Sequence[Delivery]) -> Iterator[NextStep]:
    page, name = paths.period_page(period.period), period_human(period.period)
    sent = [each for each in latest(deliveries) if each.kind is DeliveryKind.STATEMENTS]
    lost = sum(each.undelivered or each.open for each in sent)
    if lost:
        yield NextStep(f"Reach {counted(lost, 'PI')} whose email did not arrive", page, f"{name} statements")
    elif not sent and book.config.email.host and period.statements:
        reason = f"{counted(len(period.statements), 'statement')}, none sent yet"
        yield NextStep(f"Send the {name} statements", page, reason)


def _review(book: Book) -> Iterator[NextStep]:
    held = [item for period in book.periods for item in period.undecided]
    if held:
        sums = in_total(held, book.currency)
        amounts = [f"{each.currency} {_rounded(each.exact_billed, each.currency)}" for each in sums if each.charges]
        charges = counted(sum(item.charges for item in held), "charge")
        label = f"Decide {counted(len(held), 'held item')}"
        yield NextStep(label, paths.REVIEW, f"{' and '.join(amounts)} in {charges}, not billed until decided")
    void = sum(bool(decision.void) for period in book.periods for decision in period.decisions)
    if void:
        reason = "their charges have changed since, so they decide nothing"
        yield NextStep(f"Replace {counted(void, 'void decision')}", f"{paths.REVIEW}#void", reason)


def _missing(book: Book, period: BilledPeriod) -> Iterator[NextStep]:
    for source in missing_sources(month_of(period), book.settings(period.period)):
        label = f"Get the {period_human(period.period)} file of {book.source_label(source)}"
        yield NextStep(label, paths.period_page(period.period), "expected monthly, and nothing has come yet")


def _closing(book: Book) -> Iterator[NextStep]:
    """Open months before the latest one, with nothing left to decide."""
    for period in book.periods[:-1]:
        waits = period.undecided or missing_sources(month_of(period), book.settings(period.period))
        if period.state is State.OPEN and not waits:
            reason = "every source has delivered, and nothing is held"
            yield NextStep(f"Close {period_human(period.period)}", paths.period_page(period.period), reason)


def _finalizing(period: BilledPeriod, postings: Sequence[Posting]) -> Iterator[NextStep]:
    posted = posted_month(period.journal, period.documents, postings)
    settled = posted.accepted.lines and not (posted.not_posted.lines or posted.suspense.lines or posted.rejected.lines)
    if period.state is State.CLOSED and settled:
        day = date_human(max(each.on for each in posted.postings))
        label = f"Finalize {period_human(period.period)}"
        yield NextStep(label, paths.period_page(period.period), f"its journal was accepted on {day}")


def _rounded(amount: Decimal, currency: str) -> str:
    return money.human(money.to_cents(amount, currency), currency)
