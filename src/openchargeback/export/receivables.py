"""The receivables of a month: what external payers owe, for the accounts receivable office.

One row per line of an invoice, with what books it: payer, dates, accounts. Amounts are without tax.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable

from openchargeback import money
from openchargeback.billing.invoices import Receivable, receivables
from openchargeback.csv_writing import csv_bytes, without_formula
from openchargeback.ledger import table
from openchargeback.ledger.settings import Config
from openchargeback.model import BilledPeriod

COLUMNS = (
    *("invoice", "invoice_date", "due_date", "terms", "period", "statement", "payer_class", "organization", "address"),
    *("pi", "pi_name", "purchase_order", "taxable", "project", "source", "service", "entry", "corrects"),
    *("amount", "currency", "receivable_account", "fund", "revenue_account"),
)
"""The columns, in order (docs/LEDGER.md, "External payers")."""


def receivables_csv(period: BilledPeriod, settings: Callable[[str], Config]) -> bytes | None:
    """The receivables of a period; None if nothing is invoiced. settings: returns those that a period is shown with.

    An apostrophe in front would be data to an accounting system, so the start of a formula is removed from texts.
    """
    rows = list(receivables(period, settings))
    return csv_bytes(COLUMNS, map(_cells, rows)) if rows else None


def _day(day: dt.date | None) -> str:
    return day.isoformat() if day else ""


def _cells(each: Receivable) -> list[str]:
    invoice, line, bill_to = each.invoice, each.line, each.invoice.payer.bill_to
    texts: Iterable[str] = map(
        without_formula, (bill_to.organization, ", ".join(bill_to.address), line.pi, invoice.payer.name)
    )
    return [
        *(invoice.number, *map(_day, (invoice.issued, invoice.due)), without_formula(invoice.terms)),
        *(line.period, invoice.statement, invoice.payer.payer_class, *texts),
        *(without_formula(bill_to.purchase_order), table.yes_no(invoice.taxable)),
        *map(without_formula, (line.project, line.source, line.service)),
        *(str(line.entry), each.corrects, money.plain(line.amounts.billed, each.currency), each.currency),
        *(each.receivable_account, each.fund, each.revenue_account),
    ]
