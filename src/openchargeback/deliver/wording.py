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
    when = "" if draft else f" dated {date_human(on)}".replace(" ", _SPACE).replace(_SPACE, " ", 2)
    for verb, wanted in (("charged", 1), ("returned", -1)):
        parts = [
            f"{amount_words(abs(amount), currency)} {{}}to {fund}"
            for fund, amount in sorted(funds.items())
            if amount * wanted > 0
        ]
        does = f"{'would be' if draft else 'is'} {verb} "
        if len(parts) == 1:
            yield f"{parts[0].format(does)} by journal entry{when}."
        elif parts:
            begin = f"Would be {verb}" if draft else verb.capitalize()
            yield f"{begin} by journal entry{when}: {', '.join(part.format('') for part in parts)}."
    if not draft and any(amount > 0 for amount in funds.values()):
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
            yield f"Credit note {invoice.number} for {amount} is settled with your next invoice."
        else:
            yield f"Invoice {invoice.number} for {amount} is due on {date_human(invoice.due)}."


def amount_words(amount: Decimal, currency: str) -> str:
    """An amount in cents with its currency: `USD 1,234.50`, never broken across lines."""
    return f"{currency}{_SPACE}{money.human(amount, currency)}"
