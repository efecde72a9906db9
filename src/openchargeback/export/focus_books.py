"""Our books as FOCUS 1.4: what was charged to PIs as "Invoice Detail", and the months as "Billing Period".

A statement is an invoice: InvoiceId is its number, InvoiceDetailId one kind of charge in one of its lines. "Cost and
Usage", whose charges sum to these lines, is written while a month is billed (`billing/focus_charges.py`).
Source: FOCUS 1.4, focus.finops.org.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterable, Sequence

from openchargeback import money
from openchargeback.billing.billed_details import BilledDetail, billed_details
from openchargeback.billing.focus_charges import category_of, span
from openchargeback.billing.invoices import Invoice, invoices_of
from openchargeback.csv_writing import csv_bytes
from openchargeback.ledger.line_table import ENTRY_WORDS
from openchargeback.ledger.settings import Config
from openchargeback.model import BilledPeriod, Entry, State

OWN_DETAIL_COLUMNS = {
    "x_CreditNote": ("string", "Number of the credit note, for a credit"),
    "x_Entry": ("string", ENTRY_WORDS),
    "x_Fund": ("string", "The accounting string that pays"),
    "x_InvoiceNumber": ("string", "Number of the invoice to an external payer; empty if the line is journaled"),
    "x_ListCost": ("number", "The list price of the line, in cents"),
    "x_Source": ("string", "Where the charges come from"),
}
"""Our own columns behind those of "Invoice Detail": name → type in a Frictionless Table Schema, and description."""

JOURNAL_TERMS = "Charged by journal entry; no payment is due"
"""The payment terms of statements that are journaled."""


def invoice_detail_csv(period: BilledPeriod, config: Config) -> bytes:
    """The lines of a period's statements by kind of charge, in cents. config: what the period is shown with."""
    invoices = {each.statement: each for each in invoices_of(period, config)}
    rows = [
        _detail(each, period, config) | _payment(each, invoices.get(each.statement.number))
        for each in billed_details(period)
    ]
    return _table(rows, DETAIL_COLUMNS)


def billing_period_csv(periods: Iterable[BilledPeriod], settings: Callable[[str], Config]) -> bytes:
    """The months of a ledger. settings: returns those that a period is shown with."""
    return _table([_period(period, settings(period.period)) for period in periods], PERIOD_COLUMNS)


DETAIL_COLUMNS = (
    *("BilledCost", "BillingAccountId", "BillingCurrency", "BillingPeriodEnd", "BillingPeriodStart", "ChargeCategory"),
    *("InvoiceDetailCreated", "InvoiceDetailDescription", "InvoiceDetailGrain", "InvoiceDetailId"),
    *("InvoiceDetailLastUpdated", "InvoiceId", "InvoiceIssueDate", "InvoiceIssueStatus", "InvoiceIssuerName"),
    *(
        "PaymentCurrency",
        "PaymentDueDate",
        "PaymentTerms",
        "PurchaseOrderNumber",
        "ReferenceInvoiceId",
        *OWN_DETAIL_COLUMNS,
    ),
)
"""The columns of "Invoice Detail" here, in order."""

PERIOD_COLUMNS = (
    *("BillingPeriodCreated", "BillingPeriodEnd", "BillingPeriodLastUpdated", "BillingPeriodStart"),
    *("BillingPeriodStatus", "InvoiceIssuerName"),
)
"""The columns of "Billing Period", in order."""


def _table(rows: Sequence[dict[str, str]], columns: Sequence[str]) -> bytes:
    return csv_bytes(columns, ([row[name] for name in columns] for row in rows))


def _detail(each: BilledDetail, period: BilledPeriod, config: Config) -> dict[str, str]:
    line, statement = each.line, each.statement
    start, end = span(period.period)
    issued = _time(statement.issued)
    grain = {"ServiceName": line.service, "SubAccountId": line.project, "x_Fund": line.fund, "x_Source": line.source}
    return {
        "BilledCost": money.plain(each.amounts.billed, period.currency),
        "BillingAccountId": line.pi,
        "BillingCurrency": period.currency,
        "BillingPeriodEnd": _time(end),
        "BillingPeriodStart": _time(start),
        "ChargeCategory": category_of(each.kind),
        "InvoiceDetailCreated": issued,
        "InvoiceDetailDescription": _description(each, config),
        "InvoiceDetailGrain": json.dumps({name: text for name, text in grain.items() if text}, ensure_ascii=False),
        "InvoiceDetailId": each.id,
        "InvoiceDetailLastUpdated": issued,
        "InvoiceId": statement.number,
        "InvoiceIssueDate": "" if statement.draft else issued,
        "InvoiceIssueStatus": "Open" if statement.draft else "Issued",
        "InvoiceIssuerName": config.organization.name,
        "PaymentCurrency": period.currency,
        "ReferenceInvoiceId": each.reference or statement.number,
        "x_CreditNote": each.credit_note,
        "x_Entry": str(line.entry),
        "x_Fund": line.fund,
        "x_ListCost": money.plain(each.amounts.list, period.currency),
        "x_Source": line.source,
    }


def _payment(each: BilledDetail, invoice: Invoice | None) -> dict[str, str]:
    """How a line is paid: by an external payer's invoice, or by journal entry."""
    if invoice is None or not each.line.invoiced:
        return {"PaymentDueDate": "", "PaymentTerms": JOURNAL_TERMS, "PurchaseOrderNumber": "", "x_InvoiceNumber": ""}
    return {
        "PaymentDueDate": _time(invoice.due) if invoice.due else "",
        "PaymentTerms": invoice.terms,
        "PurchaseOrderNumber": invoice.payer.bill_to.purchase_order,
        "x_InvoiceNumber": invoice.number,
    }


def _description(each: BilledDetail, config: Config) -> str:
    line = each.line
    label = config.source(line.source).label or line.source
    service = f"{line.service} ({label})" if line.service and line.service != label else label
    match line.entry:
        case Entry.LATE:
            return f"{service}, late for {line.original}"
        case Entry.CREDIT:
            return f"{service}, credit note {each.credit_note} on {line.corrects}"
        case Entry.REBILL:
            return f"{service}, billed again in place of {line.corrects}"
    return service


def _period(period: BilledPeriod, config: Config) -> dict[str, str]:
    start, end = span(period.period)
    changed = period.finalized_on or period.closed_on or end - dt.timedelta(days=1)
    return {
        "BillingPeriodCreated": _time(start),
        "BillingPeriodEnd": _time(end),
        "BillingPeriodLastUpdated": _time(changed),
        "BillingPeriodStart": _time(start),
        "BillingPeriodStatus": "Open" if period.state is State.OPEN else "Closed",
        "InvoiceIssuerName": config.organization.name,
    }


def _time(day: dt.date) -> str:
    """The start of a day in UTC (FOCUS 1.2, "Date/Time Format")."""
    return f"{day.isoformat()}T00:00:00Z"
