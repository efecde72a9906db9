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
    """What an invoice shows besides its statement.

    kind: `Invoice` or `Credit note`; word: the same, with `Draft` in front of one that is not final.
    due: None if nothing is to be paid, or on a draft, which is not dated yet.
    to: whom it is addressed to, in lines. sentence: what happens now.
    """

    kind: str
    word: str
    number: str
    due: dt.date | None
    terms: str
    to: tuple[str, ...]
    purchase_order: str
    tax_text: str
    pay_to: tuple[str, ...]
    sentence: str

    @property
    def lines(self) -> tuple[str, ...]:
        """The terms with the words about tax, and where to pay, as paragraphs."""
        terms = " ".join(f"{text.removesuffix('.')}." for text in (self.terms, self.tax_text) if text)
        pay_to = f"Pay to: {', '.join(self.pay_to)}" if self.pay_to else ""
        return tuple(line for line in (terms, pay_to) if line)


def invoice_view(statement: Statement, config: Config) -> InvoiceView | None:
    """The invoice that a statement is; None for the statement of an internal payer."""
    invoice = invoice_of(statement, config)
    if invoice is None:
        return None
    kind = "credit note" if invoice.credit else "invoice"
    bill_to = invoice.payer.bill_to
    is_payable = invoice.amount > 0
    return InvoiceView(
        kind=kind.capitalize(),
        word=f"Draft {kind}" if statement.draft else kind.capitalize(),
        number=invoice.number,
        due=invoice.due if is_payable else None,
        terms=one_line(invoice.terms) if is_payable else "",
        to=tuple(line for line in map(one_line, (bill_to.organization, *bill_to.address)) if line),
        purchase_order=one_line(bill_to.purchase_order),
        tax_text=one_line(invoice.tax_text),
        pay_to=tuple(line for line in map(one_line, invoice.pay_to) if line) if is_payable else (),
        sentence=_sentence(invoice, statement, config.currency),
    )


def _sentence(invoice: Invoice, statement: Statement, currency: str) -> str:
    """What happens with the amount of the invoice, and with what is journaled beside it: some credits."""
    rest = statement.amounts.billed - invoice.amount
    if statement.draft:
        return _drafted(invoice, currency)
    if not rest:
        return _invoiced(invoice, currency)
    where = f"{'returned to' if rest < 0 else 'charged to'} {', '.join(map(one_line, statement.funds)) or 'no fund'}"
    return f"{_invoiced(invoice, currency)} {_amount(rest, currency)} is {where} by journal entry."


def _amount(amount: Decimal, currency: str) -> str:
    return f"{currency}\N{NO-BREAK SPACE}{money.human(abs(amount), currency)}"


def _drafted(invoice: Invoice, currency: str) -> str:
    amount = _amount(invoice.amount, currency)
    what = f"A credit of {amount} would be issued" if invoice.credit else f"{amount} would be invoiced"
    return f"{what} once the month is closed. Amounts may change until then."


def _invoiced(invoice: Invoice, currency: str) -> str:
    amount = _amount(invoice.amount, currency)
    if invoice.credit:
        return f"{amount} is credited to you. Deduct it from your next payment, or ask us to pay it back."
    if not invoice.amount:
        return "Nothing is due."
    return f"Please pay {amount} by {date_human(invoice.due)}, and give the number {invoice.number}."
