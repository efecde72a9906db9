"""The record of a statement: `statement.json`, embedded in its PDF, and the JSON Schema of that file.

Every key is declared once, with its meaning, its schema and its value. The order of keys is fixed, amounts are text,
and nothing but the statement itself is in it, so that the same statement always gives the same bytes, which a check can
compare with a recomputed record.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from openchargeback import money
from openchargeback.billing.discounts import Cause, discounts_of
from openchargeback.billing.invoices import Invoice, invoice_of
from openchargeback.billing.span_statements import SpanStatement
from openchargeback.ledger.line_table import COLUMNS, LineColumn
from openchargeback.ledger.settings import Config
from openchargeback.model import (
    Amounts,
    Attribution,
    BillingLine,
    Correction,
    Entry,
    Fund,
    Kind,
    PayerClass,
    Person,
    Project,
    QueueItem,
    Reference,
    ResourceLine,
    Statement,
    Usage,
    Various,
)
from openchargeback.portal.record_shape import (
    AMOUNT,
    COUNT,
    DAY,
    FLAG,
    MAYBE_AMOUNT,
    MAYBE_DAY,
    MONTH,
    TEXT,
    TEXTS,
    Field,
    Schema,
    Shape,
    cents,
    inside,
    key,
    plain,
    shape,
    word,
)
from openchargeback.portal.statement_view import Span

FORMAT = "openchargeback-statement"
VERSION = 1
"""Increases when a key changes its meaning or goes away; new keys may come at any time."""


AMOUNTS = (
    cents("list", "List price, in cents: discount + billed."),
    cents("discount", "List price less the amount billed, in cents."),
    cents("covered", "The part of the discount that the institution covers, in cents; the rest is the vendor's."),
    cents("billed", "The amount billed, in cents."),
)
DISCOUNT: Shape[Any] = shape(
    key("cause", word(Cause), "Why less than the list price is due: who grants the discount."),
    key("source", TEXT, "The source of the charges that it is on."),
    cents("amount", "In cents; positive if it lowers the amount due. List price less all discounts is what is billed."),
)
DISCOUNTS = "The discounts by cause and source, without zeros."


class _Sourced(Protocol):
    @property
    def source(self) -> str: ...
    @property
    def amounts(self) -> Amounts: ...


def _discounts(lines: Iterable[_Sourced], config: Config) -> list[dict[str, Any]]:
    return DISCOUNT.each(discounts_of((line.source, line.amounts) for line in lines), config)


@dataclass(frozen=True, slots=True)
class Total:
    """Some lines of a statement with their sum."""

    lines: Sequence[_Sourced]

    @property
    def amounts(self) -> Amounts:
        return Amounts.total(line.amounts for line in self.lines)


_TOTAL: Shape[Total] = shape(
    *inside("amounts", AMOUNTS),
    Field("discounts", DISCOUNT.list, DISCOUNTS, lambda of, config: _discounts(of.lines, config)),
)


def _total(name: str, words: str, *, posted: bool) -> Field[Statement | SpanStatement]:
    def lines(of: Statement | SpanStatement) -> Total:
        return Total(tuple(line for line in of.lines if line.posted == posted))

    return Field(name, _TOTAL.schema, words, lambda of, config: _TOTAL.values(lines(of), config))


TOTALS = (
    _total("total", "What is charged; `billed` is the amount due.", posted=True),
    _total("shown", "What is only shown, and never due.", posted=False),
)

_USAGE: tuple[Field[Usage], ...] = (
    key("first_day", MAYBE_DAY, "The first day that the charges cover (UTC)."),
    key("last_day", MAYBE_DAY, "The last day that they cover (UTC)."),
    key("quantity", MAYBE_AMOUNT, "How much was used; null if unknown, or if the charges are in various units."),
    key("unit", TEXT, "The unit of the quantity."),
    key("list_unit_price", MAYBE_AMOUNT, "The list price of a unit, exact; null if unknown or various."),
    key("contracted_unit_price", MAYBE_AMOUNT, "The negotiated price of a unit, exact; null if unknown or various."),
    key(
        "various",
        word(Various),
        "What the charges do not share: `unit`, or else `price`. Amounts never come from quantity and price.",
    ),
)
_USED = inside("usage", _USAGE)

_PERSON: Shape[Person] = shape(
    key("email", TEXT, "Email address; empty if no PI was found."),
    key("name", TEXT, "Name; the address if the directory has none."),
    key("department", TEXT, "Department."),
    key(
        "payer_class",
        word(PayerClass),
        "`internal` pays from funds, by journal entry; others are sent an invoice.",
    ),
)
_PROJECT: Shape[Project] = shape(
    key("id", TEXT, "Id; empty if no project was found."),
    key("title", TEXT, "Title; the id if the directory has none."),
    key("award", TEXT, "Number of the grant or contract, as written by the sponsor."),
    key("start", MAYBE_DAY, "First day of its period of performance."),
    key("end", MAYBE_DAY, "Last day of its period of performance."),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _FundShare:
    """What a fund pays."""

    fund: Fund
    amounts: Amounts


_FUND: Shape[_FundShare] = shape(
    *inside(
        "fund",
        (
            key("fund", TEXT, "The accounting string; empty if none is known and nothing is billed.", "id"),
            key("title", TEXT, "Its name."),
            key("from", MAYBE_DAY, "First day of usage that it may pay for.", "since"),
            key("until", MAYBE_DAY, "Last day of usage that it may pay for."),
        ),
    ),
    *inside("amounts", AMOUNTS),
)

_ON_THE_HEAD = ("period", "statement", "pi", "project", "currency")
"""Columns of a line that a statement's record states once for the whole statement."""

_TYPES: Mapping[str, Schema] = {"string": TEXT, "number": AMOUNT, "integer": COUNT, "boolean": FLAG, "yearmonth": MONTH}


def _column(column: LineColumn) -> Field[BillingLine]:
    schema = word(Entry) if column.name == "entry" else _TYPES[column.type]
    return Field(column.name, schema, f"{column.words}.", lambda line, config: column.value(line, "", config.currency))


_LINE: Shape[BillingLine] = shape(
    *(_column(column) for column in COLUMNS if column.name not in _ON_THE_HEAD),
    Field("discounts", DISCOUNT.list, DISCOUNTS, lambda line, config: _discounts([line], config)),
)
_RESOURCE: Shape[ResourceLine] = shape(
    key("fund", TEXT, "The accounting string that pays."),
    key("source", TEXT, "Where the charges come from."),
    key("service", TEXT, "The service; fund, source and service name the line of the resource."),
    key("kind", word(Kind), "The kind of charge."),
    key("resource_id", TEXT, "Id of the resource; empty for charges that name none, and for smaller ones together."),
    key("resource_name", TEXT, "Its name, or how many smaller resources are summed up."),
    key("charges", COUNT, "How many charges it has."),
    *inside("amounts", AMOUNTS),
    *_USED,
)
_CORRECTION: Shape[Correction] = shape(
    key("charge", TEXT, "Id of the charge."),
    key(
        "entry",
        word(entry for entry in Entry if entry not in (Entry.OWN, Entry.REJECTED)),
        "What was done with it.",
    ),
    key("original", MONTH, "The earlier month that it belongs to."),
    key("corrects", TEXT, "The statement that billed it, for a credit or re-billing."),
    key("fund", TEXT, "The accounting string that pays or is credited."),
    key("source", TEXT, "Where the charge comes from."),
    key("service", TEXT, "The service."),
    key("resource_id", TEXT, "Id of the resource."),
    key("resource_name", TEXT, "Name of the resource."),
    key("posted", FLAG, "Whether it is charged; otherwise it is only shown."),
    *inside("amounts", AMOUNTS),
    *_USED,
)
_ATTRIBUTION: Shape[Attribution] = shape(
    key("pi", TEXT, "How the PI was found: tag, match, project, default or decision."),
    key("project", TEXT, "How the project was found."),
    key("fund", TEXT, "How the fund was found; empty if none is known and nothing is billed."),
    key("by", TEXTS, "Who decided."),
    key("posted", FLAG, "Whether these charges are charged; otherwise they are only shown."),
    key("charges", COUNT, "How many charges."),
    key("exact_billed", AMOUNT, "Amount billed before rounding."),
    Field("billed", AMOUNT, "Amount billed, in cents.", lambda of, config: money.plain(of.billed, config.currency)),
)
_REFERENCE: Shape[Reference] = shape(
    key("name", TEXT, "Its name in the settings, such as `grant`."),
    key("values", TEXTS, "The first values in the tags of the charges."),
    key("count", COUNT, "How many there are."),
)
HELD: Shape[QueueItem] = shape(
    key("source", TEXT, "Where the charges come from."),
    key("service", TEXT, "The service."),
    key("flags", TEXTS, "Why they are held."),
    key("charges", COUNT, "How many charges."),
    key("exact_list", AMOUNT, "List price, exact, in `currency`."),
    key("exact_billed", AMOUNT, "The amount that is not included, exact, in `currency`."),
    key("currency", TEXT, "ISO 4217 currency code."),
)


def _invoiced(invoice: Invoice, config: Config) -> str:
    return money.plain(invoice.amount, config.currency)


_INVOICE: Shape[Invoice] = shape(
    key("number", TEXT, "Its number."),
    key("issued", MAYBE_DAY, "The day it was issued; null on a draft."),
    key("due", MAYBE_DAY, "The day until which it is to be paid; null on a draft."),
    key("terms", TEXT, "The terms of payment."),
    Field("organization", TEXT, "Whom it is addressed to.", lambda of, _: of.payer.bill_to.organization),
    Field("address", TEXTS, "The postal address, in lines.", lambda of, _: list(of.payer.bill_to.address)),
    Field("purchase_order", TEXT, "The payer's purchase order.", lambda of, _: of.payer.bill_to.purchase_order),
    key("taxable", FLAG, "Whether the payer owes tax, which accounts receivable adds."),
    key("tax_text", TEXT, "What it says about tax."),
    key("pay_to", TEXTS, "Where to pay, in lines."),
    Field("amount", AMOUNT, "What is invoiced, without tax; negative for a credit note.", _invoiced),
)
_SPAN: Shape[Span] = shape(
    key("from", DAY, "First day.", "first"),
    key("until", DAY, "Last day.", "last"),
)


def _invoice(statement: Statement, config: Config) -> dict[str, Any] | None:
    invoice = invoice_of(statement, config)
    return None if invoice is None else _INVOICE.values(invoice, config)


def _funds(statement: Statement) -> list[_FundShare]:
    known = {fund.id: fund for fund in statement.paying}
    found: dict[str, Amounts] = {}
    for line in statement.lines:
        if line.journaled:
            found[line.fund] = found.get(line.fund, Amounts()) + line.amounts
    return [_FundShare(fund=known.get(fund, Fund(fund)), amounts=amounts) for fund, amounts in sorted(found.items())]


STATEMENT: Shape[Statement] = shape(
    Field("format", {"const": FORMAT}, "What this file is.", lambda *_: FORMAT),
    Field("version", {"const": VERSION}, "The version of the format.", lambda *_: VERSION),
    Field(
        "kind",
        {"const": "monthly"},
        "What it sums up: the charges of one PI and one project in one month.",
        lambda *_: "monthly",
    ),
    key("number", TEXT, "Its number, unique in the ledger and never used again."),
    key("revision", {"type": "integer", "minimum": 1}, "Grows when its month is opened and closed again."),
    key("draft", FLAG, "Whether the month is still open, so that amounts may change."),
    Field("span", _SPAN.schema, "The days that it is for.", lambda of, c: _SPAN.values(Span.of_month(of.period), c)),
    Field("periods", {"type": "array", "items": MONTH}, "The months whose lines it has.", lambda of, _: [of.period]),
    key("issued", DAY, "The day it was issued; the last day of the month, for a draft."),
    key("accounting_date", DAY, "The date of its journal entries."),
    Field("currency", TEXT, "ISO 4217 code of the currency of all amounts.", lambda _, config: config.currency),
    key("digest", TEXT, "SHA-256 of everything that its figures rest on."),
    Field("institution", TEXT, "Who issues it.", lambda _, config: config.organization.name),
    Field("pi", _PERSON.schema, "The principal investigator.", lambda of, config: _PERSON.values(of.pi, config)),
    Field("project", _PROJECT.schema, "The project.", lambda of, config: _PROJECT.values(of.project, config)),
    Field(
        "funds", _FUND.list, "What each fund pays, by journal entry.", lambda of, config: _FUND.each(_funds(of), config)
    ),
    Field(
        "invoice",
        {"anyOf": [{"type": "null"}, _INVOICE.schema]},
        "The invoice that it is for an external payer; null for others.",
        _invoice,
    ),
    Field(
        "references",
        _REFERENCE.list,
        "Grant numbers and other references in the tags of its charges.",
        lambda of, config: _REFERENCE.each(of.references, config),
    ),
    Field(
        "first_charge",
        MAYBE_DAY,
        "The first day of the charges that it bills.",
        lambda of, _: plain((of.days or [None])[0]),
    ),
    Field(
        "last_charge",
        MAYBE_DAY,
        "The last day of the charges that it bills.",
        lambda of, _: plain((of.days or [None])[-1]),
    ),
    *TOTALS,
    Field("lines", _LINE.list, "The billing lines; they add up to both totals.", lambda of, c: _LINE.each(of.lines, c)),
    Field(
        "resources",
        _RESOURCE.list,
        "The resources of the month's own charges; they add up to their lines.",
        lambda of, config: _RESOURCE.each(of.resources, config),
    ),
    Field(
        "corrections",
        _CORRECTION.list,
        "The charges of earlier months; they add up to the lines with an `original`.",
        lambda of, config: _CORRECTION.each(of.corrections, config),
    ),
    Field(
        "held",
        HELD.list,
        "Charges under review, which are not included.",
        lambda of, config: HELD.each(of.held, config),
    ),
    Field(
        "attributions",
        _ATTRIBUTION.list,
        "How PI, project and fund of its charges were found.",
        lambda of, config: _ATTRIBUTION.each(of.attributions, config),
    ),
)
"""The record of a statement."""


def statement_json(statement: Statement, config: Config) -> bytes:
    """The record of a statement: UTF-8 JSON with one space of indentation and a final line feed."""
    text = json.dumps(STATEMENT.values(statement, config), ensure_ascii=False, indent=1) + "\n"
    # A lone surrogate cannot be written as UTF-8; nothing read from a file has one.
    return text.encode("utf-8", errors="backslashreplace")
