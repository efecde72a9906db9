"""What happens now with the amounts of a month, in sentences."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from decimal import Decimal

from openchargeback import money
from openchargeback.billing.invoices import invoice_of
from openchargeback.ledger.settings import Config
from openchargeback.model import Statement
from openchargeback.templating.filters import date_human

_SPACE = "\N{NO-BREAK SPACE}"


def what_happens(statements: Iterable[Statement], config: Config, accounting_date: dt.date) -> tuple[str, ...]:
    """What becomes of the amounts due on some statements of a month: by journal entry, by invoice, or not at all.

    config: the settings that the month is shown with. accounting_date: the date of its journal.
    """
    found = tuple(statements)
    sentences = [*_journaled(found, config.currency, accounting_date), *_invoiced(found, config)]
    if any(statement.unposted for statement in found):
        only = not sentences and not any(statement.posted for statement in found)
        what = "This is for your information" if only else "What is marked “for information” is not charged"
        sentences.append(f"{what}. Nothing will be charged." if only else f"{what}.")
    if not sentences and any(statement.amounts.list for statement in found):
        sentences.append("Nothing is charged.")
    return tuple(sentences)


def _journaled(statements: Iterable[Statement], currency: str, on: dt.date) -> Iterator[str]:
    funds: dict[str, Decimal] = {}
    draft = False
    for statement in statements:
        draft = draft or statement.draft
        for line in statement.lines:
            if line.journaled and line.fund:
                funds[line.fund] = funds.get(line.fund, money.ZERO) + line.amounts.billed
    charged = False
    for fund, amount in sorted(funds.items()):
        if not amount:
            continue
        charged = charged or amount > 0
        verb = ("would be" if draft else "is") + (" charged to" if amount > 0 else " returned to")
        when = "" if draft else f" dated {date_human(on)}"
        yield f"{amount_words(abs(amount), currency)} {verb} {fund} by journal entry{when}."
    if charged and not draft:
        yield "No payment is needed."


def _invoiced(statements: Iterable[Statement], config: Config) -> Iterator[str]:
    for statement in statements:
        invoice = invoice_of(statement, config)
        if invoice is None or not invoice.amount:
            continue
        amount = amount_words(abs(invoice.amount), config.currency)
        if statement.draft:
            yield f"You would be invoiced {amount} for {statement.project.title}."
        elif invoice.credit:
            yield f"Credit note {invoice.number} over {amount} is settled with your next invoice."
        else:
            yield f"Invoice {invoice.number} over {amount} is due on {date_human(invoice.due)}."


def amount_words(amount: Decimal, currency: str) -> str:
    """An amount in cents with its currency: `USD 1,234.50`, never broken across lines."""
    return f"{currency}{_SPACE}{money.human(amount, currency)}"
