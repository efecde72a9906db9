"""What a period charges to PIs as "Cost and Usage" of FOCUS 1.4: InvoiceId is the number of the statement.

    InvoiceId          the statement             the sum of BilledCost is its amount due, to the cent
    InvoiceDetailId    line and kind of charge   `3-usage`: the usage in the third line of the statement

Charges of the period are written with what their files say of them. Charges of earlier periods, which the period bills
late, credits or bills again, are written from its record, without their resource. DuckDB writes the file directly.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb

from openchargeback import money
from openchargeback.billing import lines
from openchargeback.billing.billed_details import BilledDetail, billed_details
from openchargeback.focus.cells import cells, resource_columns
from openchargeback.focus.columns import CATEGORIES, TABLE
from openchargeback.focus.csv_copy import copy_csv
from openchargeback.focus.database import insert, literal, literals, query, sql
from openchargeback.ledger.line_table import ENTRY_WORDS
from openchargeback.ledger.periods import first_day, last_day
from openchargeback.ledger.settings import Config
from openchargeback.model import BilledPeriod, Entry, Kind
from openchargeback.review.charges import Charges
from openchargeback.review.ids import number_rest
from openchargeback.wording import counted

OWN_COLUMNS = {
    "x_ChargeId": ("string", "Id of the charge, as in `charges.csv`"),
    "x_CreditNote": ("string", "Number of the credit note, for a credit"),
    "x_Entry": ("string", ENTRY_WORDS),
    "x_Fund": ("string", "The accounting string that pays"),
    "x_ReferenceInvoiceId": ("string", "Number of the statement that a credit or re-billing corrects"),
    "x_Source": ("string", "Where the charge comes from"),
}
"""Our own columns behind those of FOCUS: name → type in a Frictionless Table Schema, and description."""

FOCUS_COLUMNS = (
    *("BilledCost", "BillingAccountId", "BillingAccountName", "BillingCurrency", "BillingPeriodEnd"),
    *("BillingPeriodStart", "ChargeCategory", "ChargeClass", "ChargeDescription", "ChargePeriodEnd"),
    *("ChargePeriodStart", "ConsumedQuantity", "ConsumedUnit", "ContractedCost", "ContractedUnitPrice"),
    *("EffectiveCost", "HostProviderName", "InvoiceDetailId", "InvoiceId", "InvoiceIssuerName", "ListCost"),
    *("ListUnitPrice", "PricingQuantity", "PricingUnit", "RegionId", "RegionName", "ResourceId", "ResourceName"),
    *("ResourceType", "ServiceCategory", "ServiceName", "ServiceProviderName", "SkuId", "SkuMeter", "SkuPriceDetails"),
    *("SkuPriceId", "SubAccountId", "SubAccountName"),
)
"""The columns of FOCUS that the file has, in order; `OWN_COLUMNS` follow."""

_CELLS = {
    "category": "ServiceCategory",
    "charge_category": "ChargeCategory",
    "charge_class": "ChargeClass",
    "description": "ChargeDescription",
    "start": "ChargePeriodStart",
    "end": "ChargePeriodEnd",
    "resource_type": "ResourceType",
    "region_id": "RegionId",
    "region_name": "RegionName",
    "sku_id": "SkuId",
    "sku_meter": "SkuMeter",
    "sku_details": "SkuPriceDetails",
    "sku_price_id": "SkuPriceId",
    "priced": "PricingQuantity",
    "pricing_unit": "PricingUnit",
    "consumed": "ConsumedQuantity",
    "consumed_unit": "ConsumedUnit",
    "list_price": "ListUnitPrice",
    "contracted_price": "ContractedUnitPrice",
    "contracted": "ContractedCost",
    "service_provider": "ServiceProviderName",
    "provider": "ProviderName",
    "host_provider": "HostProviderName",
}


def category_of(kind: Kind) -> str:
    """The ChargeCategory of a kind of charge; of a correction it is not known any more."""
    return "Adjustment" if kind is Kind.CORRECTION else kind.value.capitalize()


def span(period: str) -> tuple[dt.date, dt.date]:
    """The first day of a period, and the first day after it."""
    return first_day(period), last_day(period) + dt.timedelta(days=1)


def share_all(charges: Charges) -> None:
    """Give every charge its id and every billed one its cents, which `write_focus_charges` needs."""
    number_rest(charges)
    con = charges.con
    numbers = [number for (number,) in con.execute("SELECT id FROM line ORDER BY id").fetchall()]
    lines.share_charges(con, charges.config.currency, numbers)


def write_focus_charges(charges: Charges, period: BilledPeriod, path: Path) -> None:
    """Write what a period bills to PIs to a CSV file. Call `share_all` first.

    charges: settled with the settings that the period is shown with. A line of a closed period whose cents this version
    would compute differently has a row per kind of charge, as recorded.
    """
    con, config = charges.con, charges.config
    details = list(billed_details(period))
    con.execute(sql(__package__, "focus_tables.sql", places=str(money.places(config.currency))))
    insert(con, "book_line", list(_lines(details, config)))
    con.execute(query(__package__, "cover_book_lines"), {"period": period.period})
    missing = set(con.execute("SELECT invoice, number FROM book_line WHERE NOT covered").fetchall())
    uncovered = [each for each in details if (each.statement.number, each.number) in missing]
    insert(con, "book_entry", [*_corrections(period, details, config), *_as_recorded(period, uncovered, config)])
    copy_csv(con, _query(con, period, config), path, few=charges.are_few)


def _query(con: duckdb.DuckDBPyConnection, period: BilledPeriod, config: Config) -> str:
    start, end = span(period.period)
    unit, places = money.minor_unit(config.currency), money.places(config.currency)
    return sql(
        __package__,
        "focus_charges.sql",
        **{**cells(con, **_CELLS), **resource_columns(con)},
        categories=literals(TABLE["ServiceCategory"].values),
        charge_categories=literals(CATEGORIES),
        unit=f"{unit:f}::DECIMAL(4, {places})",
        period=literal(period.period),
        period_start=f"TIMESTAMP {literal(start.isoformat())}",
        period_end=f"TIMESTAMP {literal(end.isoformat())}",
        currency=literal(config.currency),
        issuer=literal(config.organization.name),
    )


def _book(each: BilledDetail, config: Config) -> tuple[Any, ...]:
    """The columns that `book_line` and `book_entry` share."""
    line, statement = each.line, each.statement
    return (
        *(statement.number, each.number, line.pi, statement.pi.name, line.project, statement.project.title),
        *(line.fund, line.source, config.source(line.source).label or line.source, line.service, str(line.entry)),
        *(each.reference or None, each.credit_note or None),
    )


def _lines(details: Sequence[BilledDetail], config: Config) -> Iterator[tuple[Any, ...]]:
    own = {(each.statement.number, each.number): each for each in details if each.line.entry is Entry.OWN}
    for each in own.values():
        units = int(each.line.amounts.billed.scaleb(money.places(config.currency)))
        yield (*_book(each, config), units, True)


def _corrections(period: BilledPeriod, details: Sequence[BilledDetail], config: Config) -> Iterator[tuple[Any, ...]]:
    """A row of `book_entry` for each charge of an earlier period that the period bills, credits or bills again."""
    by_key = {(each.line.key, each.kind): each for each in details if each.line.entry is not Entry.OWN}
    for each in period.corrections:
        found = by_key.get((each.line_key, each.kind))
        if found:
            exact = each.exact_list, each.exact_billed
            yield (
                *(*_book(found, config), each.kind.value, each.charge, each.amounts.billed, *exact),
                *(category_of(each.kind), _class(found), _description(found), *span(each.original)),
            )


def _as_recorded(period: BilledPeriod, details: Sequence[BilledDetail], config: Config) -> Iterator[tuple[Any, ...]]:
    """A row of `book_entry` for each kind of charge in lines whose cents cannot be told apart by charge."""
    for each in details:
        cents = each.amounts.billed, each.amounts.list, each.amounts.billed
        yield (
            *(*_book(each, config), each.kind.value, None, *cents),
            *(category_of(each.kind), _class(each), counted(each.charges, "charge"), *span(period.period)),
        )


def _class(each: BilledDetail) -> str | None:
    """ChargeClass: whether it corrects what was invoiced before."""
    corrects = each.line.entry in (Entry.CREDIT, Entry.REBILL) or each.kind is Kind.CORRECTION
    return "Correction" if corrects else None


def _description(each: BilledDetail) -> str:
    line = each.line
    if line.entry is Entry.LATE:
        return f"Late charge of {line.original}"
    if line.entry is Entry.CREDIT:
        return f"Credit note {each.credit_note} on {line.corrects}"
    return f"Billed again, in place of {line.corrects}"
