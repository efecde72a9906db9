"""Sum charges by the invoice of the provider that they name."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from openchargeback import money
from openchargeback.focus.database import sql
from openchargeback.focus.loaded import LoadedFile, LoadedTable
from openchargeback.model import ChargeRows, InvoiceSum
from openchargeback.review.charges import Charges

_COLUMNS = ("InvoiceId", "BilledCost", "BillingCurrency", "ChargeCategory")
_ROWS = 4
"""How many rows are kept for each invoice and file."""


def invoice_sums(charges: Charges, sources: Collection[str] | None = None) -> dict[str, tuple[InvoiceSum, ...]]:
    """The charges of each period by source, invoice and currency; those that name no invoice are summed up, too.

    sources: only of these.
    """
    files = {file.number: file for file in charges.loaded.files if sources is None or file.file.source in sources}
    tables = [table for table in charges.loaded.tables if any(file.number in files for file in table.files)]
    if not tables:
        return {}
    rows = " UNION ALL ".join(map(_cells, tables))
    values = {"currency": charges.config.currency, "most": _ROWS, "files": list(files)}
    sums: dict[tuple[str, str, str, str], list[InvoiceSum]] = {}
    for number, invoice, currency, count, billed, tax, unreadable, first in charges.con.execute(
        sql(__package__, "invoice_sums.sql", rows=rows), values
    ).fetchall():
        file = files[number]
        part = InvoiceSum(
            source=file.file.source,
            invoice=invoice,
            currency=currency,
            charges=count,
            billed=billed,
            tax=tax,
            unreadable=unreadable,
            rows=(_rows(file, count, first),),
        )
        sums.setdefault((file.file.period, part.source, invoice, currency), []).append(part)
    result: dict[str, list[InvoiceSum]] = {}
    for (period, *_), parts in sorted(sums.items()):
        result.setdefault(period, []).append(_total(parts))
    return {period: tuple(found) for period, found in result.items()}


def _cells(table: LoadedTable) -> str:
    cells = ", ".join(f"{table.expression(name)} AS {name}" for name in _COLUMNS)
    return f"SELECT file, n, {cells} FROM {table.numbered}"


def _rows(file: LoadedFile, charges: int, first: list[int]) -> ChargeRows:
    rows = [n - file.first for n in sorted(first)]
    lines = tuple(map(file.layout.line, rows)) if file.header else ()
    return ChargeRows(file.file.path, charges, tuple(map(file.layout.number, rows)), lines)


def _total(parts: list[InvoiceSum]) -> InvoiceSum:
    return replace(
        parts[0],
        charges=sum(each.charges for each in parts),
        billed=money.total(*(each.billed for each in parts)),
        tax=money.total(*(each.tax for each in parts)),
        unreadable=sum(each.unreadable for each in parts),
        rows=tuple(rows for each in parts for rows in each.rows),
    )
