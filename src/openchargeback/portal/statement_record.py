"""The record of a statement: `statement.json`, embedded in its PDF, and the JSON Schema of that file.

Every key is declared once, with its meaning, its schema and its value. The order of keys is fixed, amounts are text,
and nothing but the statement itself is in it, so that the same statement always gives the same bytes, which a check can
compare with a recomputed record.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from importlib import resources
from typing import Any, Generic, TypeVar

from openchargeback import money
from openchargeback.billing.discounts import Cause, discounts_of
from openchargeback.billing.invoices import Invoice, invoice_of
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
from openchargeback.portal.statement_view import Span, StatementKind

FORMAT = "openchargeback-statement"
VERSION = 1
"""Increases when a key changes its meaning or goes away; new keys may come at any time."""

SCHEMA = f"{FORMAT}-{VERSION}"
"""The name of its schema."""

Schema = Mapping[str, Any]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Field(Generic[T]):
    """A key of an object: its name, its schema, its meaning, and its value in the record of `of`."""

    name: str
    schema: Schema
    words: str
    value: Callable[[T, Config], Any]


@dataclass(frozen=True, slots=True)
class Shape(Generic[T]):
    """A kind of object, with its keys in order."""

    fields: tuple[Field[T], ...]

    def values(self, of: T, config: Config) -> dict[str, Any]:
        """The object for a value."""
        return {each.name: each.value(of, config) for each in self.fields}

    def each(self, parts: Iterable[T], config: Config) -> list[dict[str, Any]]:
        """The objects for several values."""
        return [self.values(part, config) for part in parts]

    @property
    def schema(self) -> Schema:
        """The JSON Schema of such an object."""
        return {
            "type": "object",
            "properties": {each.name: {**each.schema, "description": each.words} for each in self.fields},
            "required": [each.name for each in self.fields],
        }

    @property
    def list(self) -> Schema:
        """The JSON Schema of a list of such objects."""
        return {"type": "array", "items": self.schema}


TEXT: Schema = {"type": "string"}
COUNT: Schema = {"type": "integer", "minimum": 0}
FLAG: Schema = {"type": "boolean"}
TEXTS: Schema = {"type": "array", "items": TEXT}
DAY: Schema = {"type": "string", "format": "date"}
MAYBE_DAY: Schema = {"type": ["string", "null"], "format": "date"}
AMOUNT: Schema = {"type": "string", "pattern": r"^-?\d+(\.\d+)?$"}
MAYBE_AMOUNT: Schema = {"type": ["string", "null"], "pattern": AMOUNT["pattern"]}
MONTH: Schema = {"type": "string", "pattern": r"^\d{4}-\d{2}$"}


def _shape(*fields: Field[Any]) -> Shape[Any]:
    return Shape(fields)


def _word(words: Iterable[str]) -> Schema:
    return {"enum": [str(word) for word in words]}


def _plain(value: Any) -> Any:
    """A value of the model as in JSON: exact amounts as text, days in ISO form."""
    match value:
        case Decimal():
            return money.exact(value)
        case dt.date():
            return value.isoformat()
        case tuple():
            return list(value)
        case _:
            return value


def _key(name: str, schema: Schema, words: str, field: str = "") -> Field[Any]:
    """A key with the value of the field of that name, or of another one."""
    return Field(name, schema, words, lambda of, _config: _plain(getattr(of, field or name)))


def _cents(name: str, words: str) -> Field[Amounts]:
    return Field(name, AMOUNT, words, lambda of, config: money.plain(getattr(of, name), config.currency))


_AMOUNTS = (
    _cents("list", "List price, in cents: discount + billed."),
    _cents("discount", "List price less the amount billed, in cents."),
    _cents("covered", "The part of the discount that the institution covers, in cents; the rest is the vendor's."),
    _cents("billed", "The amount billed, in cents."),
)
_DISCOUNT: Shape[Any] = _shape(
    _key("cause", _word(Cause), "Why less than the list price is due: who grants the discount."),
    _key("source", TEXT, "The source of the charges that it is on."),
    _cents(
        "amount", "In cents; positive if it lowers the amount due. List price less all discounts is what is billed."
    ),
)
_DISCOUNTS = "The discounts by cause and source, without zeros."


def _inside(name: str, fields: Iterable[Field[Any]]) -> tuple[Field[Any], ...]:
    """The keys of the record in the field of that name."""
    return tuple(replace(each, value=_of(each, name)) for each in fields)


def _of(field: Field[Any], name: str) -> Callable[[Any, Config], Any]:
    return lambda of, config: field.value(getattr(of, name), config)


def _discounts(lines: Iterable[BillingLine], config: Config) -> list[dict[str, Any]]:
    return _DISCOUNT.each(discounts_of((line.source, line.amounts) for line in lines), config)


@dataclass(frozen=True, slots=True)
class _Total:
    """Some lines of a statement with their sum."""

    lines: tuple[BillingLine, ...]

    @property
    def amounts(self) -> Amounts:
        return Amounts.total(line.amounts for line in self.lines)


_TOTAL: Shape[_Total] = _shape(
    *_inside("amounts", _AMOUNTS),
    Field("discounts", _DISCOUNT.list, _DISCOUNTS, lambda of, config: _discounts(of.lines, config)),
)

_USAGE: tuple[Field[Usage], ...] = (
    _key("first_day", MAYBE_DAY, "The first day that the charges cover (UTC)."),
    _key("last_day", MAYBE_DAY, "The last day that they cover (UTC)."),
    _key("quantity", MAYBE_AMOUNT, "How much was used; null if unknown, or if the charges are in various units."),
    _key("unit", TEXT, "The unit of the quantity."),
    _key("list_unit_price", MAYBE_AMOUNT, "The list price of a unit, exact; null if unknown or various."),
    _key("contracted_unit_price", MAYBE_AMOUNT, "The negotiated price of a unit, exact; null if unknown or various."),
    _key(
        "various",
        _word(Various),
        "What the charges do not share: `unit`, or else `price`. Amounts never come from quantity and price.",
    ),
)
_USED = _inside("usage", _USAGE)

_PERSON: Shape[Person] = _shape(
    _key("email", TEXT, "Email address; empty if no PI was found."),
    _key("name", TEXT, "Name; the address if the directory has none."),
    _key("department", TEXT, "Department."),
    _key(
        "payer_class",
        _word(PayerClass),
        "`internal` pays from funds, by journal entry; others are sent an invoice.",
    ),
)
_PROJECT: Shape[Project] = _shape(
    _key("id", TEXT, "Id; empty if no project was found."),
    _key("title", TEXT, "Title; the id if the directory has none."),
    _key("award", TEXT, "Number of the grant or contract, as written by the sponsor."),
    _key("start", MAYBE_DAY, "First day of its period of performance."),
    _key("end", MAYBE_DAY, "Last day of its period of performance."),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _FundShare:
    """What a fund pays."""

    fund: Fund
    amounts: Amounts


_FUND: Shape[_FundShare] = _shape(
    *_inside(
        "fund",
        (
            _key("fund", TEXT, "The accounting string; empty if none is known and nothing is billed.", "id"),
            _key("title", TEXT, "Its name."),
            _key("from", MAYBE_DAY, "First day of usage that it may pay for.", "since"),
            _key("until", MAYBE_DAY, "Last day of usage that it may pay for."),
        ),
    ),
    *_inside("amounts", _AMOUNTS),
)

_ON_THE_HEAD = ("period", "statement", "pi", "project", "currency")
"""Columns of a line that a statement's record states once for the whole statement."""

_TYPES: Mapping[str, Schema] = {"string": TEXT, "number": AMOUNT, "integer": COUNT, "boolean": FLAG, "yearmonth": MONTH}


def _column(column: LineColumn) -> Field[BillingLine]:
    schema = _word(Entry) if column.name == "entry" else _TYPES[column.type]
    return Field(column.name, schema, f"{column.words}.", lambda line, config: column.value(line, "", config.currency))


_LINE: Shape[BillingLine] = _shape(
    *(_column(column) for column in COLUMNS if column.name not in _ON_THE_HEAD),
    Field("discounts", _DISCOUNT.list, _DISCOUNTS, lambda line, config: _discounts([line], config)),
)
_RESOURCE: Shape[ResourceLine] = _shape(
    _key("fund", TEXT, "The accounting string that pays."),
    _key("source", TEXT, "Where the charges come from."),
    _key("service", TEXT, "The service; fund, source and service name the line of the resource."),
    _key("kind", _word(Kind), "The kind of charge."),
    _key("resource_id", TEXT, "Id of the resource; empty for charges that name none, and for smaller ones together."),
    _key("resource_name", TEXT, "Its name, or how many smaller resources are summed up."),
    _key("charges", COUNT, "How many charges it has."),
    *_inside("amounts", _AMOUNTS),
    *_USED,
)
_CORRECTION: Shape[Correction] = _shape(
    _key("charge", TEXT, "Id of the charge."),
    _key(
        "entry",
        _word(entry for entry in Entry if entry not in (Entry.OWN, Entry.REJECTED)),
        "What was done with it.",
    ),
    _key("original", MONTH, "The earlier month that it belongs to."),
    _key("corrects", TEXT, "The statement that billed it, for a credit or re-billing."),
    _key("fund", TEXT, "The accounting string that pays or is credited."),
    _key("source", TEXT, "Where the charge comes from."),
    _key("service", TEXT, "The service."),
    _key("resource_id", TEXT, "Id of the resource."),
    _key("resource_name", TEXT, "Name of the resource."),
    _key("posted", FLAG, "Whether it is charged; otherwise it is only shown."),
    *_inside("amounts", _AMOUNTS),
    *_USED,
)
_ATTRIBUTION: Shape[Attribution] = _shape(
    _key("pi", TEXT, "How the PI was found: tag, match, project, default or decision."),
    _key("project", TEXT, "How the project was found."),
    _key("fund", TEXT, "How the fund was found; empty if none is known and nothing is billed."),
    _key("by", TEXTS, "Who decided."),
    _key("posted", FLAG, "Whether these charges are charged; otherwise they are only shown."),
    _key("charges", COUNT, "How many charges."),
    _key("exact_billed", AMOUNT, "Amount billed before rounding."),
    Field("billed", AMOUNT, "Amount billed, in cents.", lambda of, config: money.plain(of.billed, config.currency)),
)
_REFERENCE: Shape[Reference] = _shape(
    _key("name", TEXT, "Its name in the settings, such as `grant`."),
    _key("values", TEXTS, "The first values in the tags of the charges."),
    _key("count", COUNT, "How many there are."),
)
_HELD: Shape[QueueItem] = _shape(
    _key("source", TEXT, "Where the charges come from."),
    _key("service", TEXT, "The service."),
    _key("flags", TEXTS, "Why they are held."),
    _key("charges", COUNT, "How many charges."),
    _key("exact_list", AMOUNT, "List price, exact, in `currency`."),
    _key("exact_billed", AMOUNT, "The amount that is not included, exact, in `currency`."),
    _key("currency", TEXT, "ISO 4217 currency code."),
)


def _invoiced(invoice: Invoice, config: Config) -> str:
    return money.plain(invoice.amount, config.currency)


_INVOICE: Shape[Invoice] = _shape(
    _key("number", TEXT, "Its number."),
    _key("issued", MAYBE_DAY, "The day it was issued; null on a draft."),
    _key("due", MAYBE_DAY, "The day until which it is to be paid; null on a draft."),
    _key("terms", TEXT, "The terms of payment."),
    Field("organization", TEXT, "Whom it is addressed to.", lambda of, _: of.payer.bill_to.organization),
    Field("address", TEXTS, "The postal address, in lines.", lambda of, _: list(of.payer.bill_to.address)),
    Field("purchase_order", TEXT, "The payer's purchase order.", lambda of, _: of.payer.bill_to.purchase_order),
    _key("taxable", FLAG, "Whether the payer owes tax, which accounts receivable adds."),
    _key("tax_text", TEXT, "What it says about tax."),
    _key("pay_to", TEXTS, "Where to pay, in lines."),
    Field("amount", AMOUNT, "What is invoiced, without tax; negative for a credit note.", _invoiced),
)
_SPAN: Shape[Span] = _shape(
    _key("from", DAY, "First day.", "first"),
    _key("until", DAY, "Last day.", "last"),
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


def _lines(statement: Statement, *, posted: bool) -> _Total:
    return _Total(tuple(line for line in statement.lines if line.posted == posted))


STATEMENT: Shape[Statement] = _shape(
    Field("format", {"const": FORMAT}, "What this file is.", lambda *_: FORMAT),
    Field("version", {"const": VERSION}, "The version of the format.", lambda *_: VERSION),
    Field(
        "kind",
        _word(StatementKind),
        "What it sums up. monthly: the charges of one PI and one project in one month.",
        lambda *_: str(StatementKind.MONTHLY),
    ),
    _key("number", TEXT, "Its number, unique in the ledger and never used again."),
    _key("revision", {"type": "integer", "minimum": 1}, "Grows when its month is opened and closed again."),
    _key("draft", FLAG, "Whether the month is still open, so that amounts may change."),
    Field("span", _SPAN.schema, "The days that it is for.", lambda of, c: _SPAN.values(Span.of_month(of.period), c)),
    Field("periods", {"type": "array", "items": MONTH}, "The months whose lines it has.", lambda of, _: [of.period]),
    _key("issued", DAY, "The day it was issued; the last day of the month, for a draft."),
    _key("accounting_date", DAY, "The date of its journal entries."),
    Field("currency", TEXT, "ISO 4217 code of the currency of all amounts.", lambda _, config: config.currency),
    _key("digest", TEXT, "SHA-256 of everything that its figures rest on."),
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
        lambda of, _: _plain((of.days or [None])[0]),
    ),
    Field(
        "last_charge",
        MAYBE_DAY,
        "The last day of the charges that it bills.",
        lambda of, _: _plain((of.days or [None])[-1]),
    ),
    Field(
        "total",
        _TOTAL.schema,
        "What is charged; `billed` is the amount due.",
        lambda of, config: _TOTAL.values(_lines(of, posted=True), config),
    ),
    Field(
        "shown",
        _TOTAL.schema,
        "What is only shown, and never due.",
        lambda of, config: _TOTAL.values(_lines(of, posted=False), config),
    ),
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
        _HELD.list,
        "Charges under review, which are not included.",
        lambda of, config: _HELD.each(of.held, config),
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


def shipped_schema() -> bytes:
    """The JSON Schema as it ships with the program, written by `tools/yaml_schemas.py`."""
    return resources.files(__package__).joinpath("schemas", f"{SCHEMA}.json").read_bytes()


def schema_text() -> bytes:
    """The text of the JSON Schema (draft 2020-12)."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:openchargeback:schema:{SCHEMA}",
        "title": "Statement of OpenChargeback",
        "description": "The record embedded in the PDF of a statement. Amounts are decimal numbers, written as text.",
        **STATEMENT.schema,
    }
    return (json.dumps(schema, indent=2, ensure_ascii=False) + "\n").encode()
