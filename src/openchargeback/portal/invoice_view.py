"""What makes the statement of an external payer an invoice, as values that templates only have to show."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal

from openchargeback import money
from openchargeback.billing.invoices import Invoice, invoice_of
from openchargeback.characters import one_line
from openchargeback.ledger.settings import Config
from openchargeback.model import Statement
from openchargeback.templating.filters import date_human


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceView:
    """What an invoice shows besides its statement. due: None on a draft, which is not dated yet.

    word: what the document is called. to: whom it is addressed to, in lines. sentence: what happens now.
    """

    word: str
    number: str
    due: dt.date | None
    terms: str
    to: tuple[str, ...]
    purchase_order: str
    tax_text: str
    pay_to: tuple[str, ...]
    sentence: str


def invoice_view(statement: Statement, config: Config) -> InvoiceView | None:
    """The invoice that a statement is; None for the statement of an internal payer."""
    invoice = invoice_of(statement, config)
    if invoice is None:
        return None
    kind = "credit note" if invoice.credit else "invoice"
    bill_to = invoice.payer.bill_to
    return InvoiceView(
        word=f"Draft {kind}" if statement.draft else kind.capitalize(),
        number=invoice.number,
        due=invoice.due if invoice.amount > 0 else None,
        terms=one_line(invoice.terms) if invoice.amount > 0 else "",
        to=tuple(line for line in map(one_line, (bill_to.organization, *bill_to.address)) if line),
        purchase_order=one_line(bill_to.purchase_order),
        tax_text=one_line(invoice.tax_text),
        pay_to=tuple(map(one_line, invoice.pay_to)) if invoice.amount > 0 else (),
        sentence=_sentence(invoice, statement, config.currency),
    )


def _sentence(invoice: Invoice, statement: Statement, currency: str) -> str:
    """What happens with the amount of the invoice, and with what is journaled beside it: some credits."""
    rest = statement.amounts.billed - invoice.amount
    if not rest or statement.draft:
        return _invoiced(invoice, currency, draft=statement.draft)
    where = f"{'returned to' if rest < 0 else 'charged to'} {', '.join(map(one_line, statement.funds)) or 'no fund'}"
    return f"{_invoiced(invoice, currency)} {_amount(rest, currency)} is {where} by journal entry."


def _amount(amount: Decimal, currency: str) -> str:
    return f"{currency}\N{NO-BREAK SPACE}{money.human(abs(amount), currency)}"


def _invoiced(invoice: Invoice, currency: str, *, draft: bool = False) -> str:
    amount = _amount(invoice.amount, currency)
    if draft:
        what = f"A credit of {amount} would be issued" if invoice.credit else f"{amount} would be invoiced"
        return f"{what} once the month is closed. Amounts may change until then."
    if invoice.credit:
        return f"{amount} is credited to you. Deduct it from your next payment, or ask us to pay it back."
    if not invoice.amount:
        return "Nothing is due."
    day = date_human(invoice.due)
    return f"Please pay {amount} by {day}, and give the number {invoice.number}."
