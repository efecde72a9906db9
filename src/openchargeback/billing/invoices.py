"""Invoices to external payers: what is due on a statement, if its PI pays by invoice instead of by journal entry.

Each statement of an external payer is one invoice, with a number of its own. Nothing of it is journaled.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from openchargeback.billing.journal import booked_as_in
from openchargeback.ledger.settings import Config
from openchargeback.model import BilledPeriod, BillingLine, Entry, Person, Statement, StatementLines
from openchargeback.wording import counted

NUMBER_START = "INV-"
_DUE_DAYS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice:
    """What an invoice says besides the lines of its statement.

    number: unique in the ledger, `INV-` and the number of the statement. issued: its date, that of the closing; it and
    `due` are None on a draft.
    amount: the amount due, in cents, without tax; negative for a credit note.
    taxable: whether the payer owes tax, which accounts receivable adds. tax_text: what the invoice says about it.
    """

    number: str
    statement: str
    issued: dt.date | None
    due: dt.date | None
    terms: str
    payer: Person
    taxable: bool
    tax_text: str
    pay_to: tuple[str, ...]
    amount: Decimal

    @property
    def credit(self) -> bool:
        """Whether it is a credit note: the payer gets money back."""
        return self.amount < 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Receivable:
    """A line of an invoice as booked: what the payer owes, and where the revenue goes.

    fund, revenue_account: those that a journal would credit, but the account of external payers if there is one.
    corrects: the number of the invoice that a credit corrects; else empty.
    """

    invoice: Invoice
    line: BillingLine
    receivable_account: str
    fund: str
    revenue_account: str
    corrects: str
    currency: str


def is_invoice(statement: StatementLines) -> bool:
    """Whether a statement is an invoice: something on it is invoiced, even if that adds up to nothing."""
    return any(line.invoiced for line in statement.lines)


def invoice_number(statement: str) -> str:
    """The number of the invoice that a statement is."""
    return NUMBER_START + statement


def invoice_of(statement: Statement, config: Config) -> Invoice | None:
    """The invoice that a statement is; None if nothing on it is invoiced. config: that of its month."""
    if not is_invoice(statement):
        return None
    payer, terms = statement.pi, config.external_payers.terms_of(statement.pi.payer_class)
    days = _DUE_DAYS if terms.due_days is None else terms.due_days
    taxable = bool(terms.taxable if payer.bill_to.taxable is None else payer.bill_to.taxable)
    return Invoice(
        number=invoice_number(statement.number),
        statement=statement.number,
        issued=None if statement.draft else statement.issued,
        due=None if statement.draft else statement.issued + dt.timedelta(days),
        terms=terms.terms or (f"Net {counted(days, 'day')}" if days else "Due on receipt"),
        payer=payer,
        taxable=taxable,
        tax_text=terms.tax_text if taxable else terms.exempt_text,
        pay_to=config.external_payers.pay_to,
        amount=statement.invoiced.billed,
    )


def invoices_of(period: BilledPeriod, config: Config) -> tuple[Invoice, ...]:
    """The invoices of a period, in the order of its statements. config: that of the period."""
    return tuple(found for each in period.statements if (found := invoice_of(each, config)))


def receivables(period: BilledPeriod, settings: Callable[[str], Config]) -> Iterator[Receivable]:
    """What external payers owe for a period, by line: everything on its invoices that is not zero.

    settings: returns those that a period is shown with. A credit is booked with those of the invoice that it corrects.
    """
    for statement in period.statements:
        invoice = invoice_of(statement, settings(period.period))
        if invoice is None:
            continue
        for line in statement.lines:
            if not line.invoiced or not line.amounts.billed:
                continue
            config = settings(booked_as_in(line))
            terms = config.external_payers.terms_of(statement.pi.payer_class)
            yield Receivable(
                invoice=invoice,
                line=line,
                receivable_account=terms.receivable_account,
                fund=config.credit_fund(line.source),
                revenue_account=terms.revenue_account or config.credit_account(line.source),
                corrects=invoice_number(line.corrects) if line.entry is Entry.CREDIT else "",
                currency=period.currency,
            )
