"""What a provider invoiced for a month: `invoices/2025-01/aws.yaml`, or a FOCUS Invoice Detail file, `aws.csv`.

    invoices:
      - id: "3153352307"
        amount: 37976.40

Closing a month compares each invoice with the charges that name it (`billing/provider_invoices.py`). Source of the
columns: FOCUS 1.4, "Invoice Detail"; only InvoiceId and BilledCost are needed, so excerpts will do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any

from openchargeback import money
from openchargeback.ledger.csv_places import CsvTable, read_csv
from openchargeback.ledger.declared import Key, shape_of
from openchargeback.ledger.shape import Choice, ListOf, Number, Shape, Text
from openchargeback.ledger.yaml_tree import Node, Reader, Scalar, parse
from openchargeback.problems import Problem

SUFFIXES = (".yaml", ".csv")
"""The kinds of files in the folder that are read, by the end of their names."""

DOCUMENTS = (".pdf",)
"""The kinds that may be kept beside them and are not read."""

ISSUED, PROVISIONAL, VOIDED = "Issued", "Open", "Voided"
"""The values of InvoiceIssueStatus. A voided invoice is not owed, and a provisional one is not final."""

_TAX = "Tax"
_CURRENCY = Text(r"[A-Z]{3}", "a currency code such as USD (ISO 4217)", "Its currency; the ledger's unless set.")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderInvoice:
    """An invoice of a provider. amount: exact, as invoiced, in `currency` (empty: the ledger's).

    tax: the part of the amount that is tax; None if the file does not say. provisional: not issued yet.
    path, line: its place in the ledger.
    """

    source: str
    id: str
    amount: Decimal
    currency: str = ""
    tax: Decimal | None = None
    provisional: bool = False
    path: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceEntry:
    """One invoice of the provider."""

    id: Annotated[str, Text(filled=True, what="the number of an invoice", help="InvoiceId, as on the invoice.")]
    amount: Annotated[Decimal, "The total of the invoice, tax included."]
    currency: Annotated[str, _CURRENCY] = ""

    @classmethod
    def from_yaml(cls, values: dict[str, Any], node: Node, _reader: Reader) -> tuple[int, InvoiceEntry]:
        """The entry with its line."""
        return node.line, cls(**values)


@dataclass(frozen=True, slots=True)
class InvoiceFile:
    """What a provider invoiced for one month.

    invoices: each with its line.
    """

    invoices: Annotated[
        tuple[tuple[int, InvoiceEntry], ...], Key(shape=ListOf(shape_of(InvoiceEntry), help="The invoices.", least=1))
    ]


INVOICES = shape_of(InvoiceFile)
"""The shape of `invoices/2025-01/aws.yaml`."""

_COLUMNS: dict[str, Shape] = {
    "InvoiceId": Text(filled=True, what="the number of an invoice"),
    "BilledCost": Number(),
    "BillingCurrency": _CURRENCY,
    "InvoiceIssueStatus": Choice((ISSUED, PROVISIONAL, VOIDED)),
    "ChargeCategory": Text(),
    "BillingPeriodStart": Text(),
}
_NEEDED = ("InvoiceId", "BilledCost")


def read_invoices(data: bytes, path: str, period: str, source: str) -> tuple[list[ProviderInvoice], list[Problem]]:
    """The invoices in a file and its faults. A faulty file has none, since a part of an invoice would mislead."""
    reader = Reader(path)
    if path.endswith(".csv"):
        found = list(_of_csv(data, reader, period, source))
    else:
        root, reader = parse(data, path)
        if root is None and not reader.problems:
            reader.problems.append(Problem(path, "empty-file", "this file is empty", "add `invoices:` to it", 1))
        file: InvoiceFile | None = INVOICES.read(root, reader) if root is not None else None
        found = [
            ProviderInvoice(source=source, path=path, line=line, id=e.id, amount=e.amount, currency=e.currency)
            for line, e in (file.invoices if file else ())
        ]
    return ([] if reader.problems else found), reader.problems


def repeated(invoices: Iterable[ProviderInvoice]) -> list[Problem]:
    """A problem for each invoice of a month that is listed twice for the same source, at its second place."""
    first: dict[tuple[str, str, str], ProviderInvoice] = {}
    problems = []
    for each in invoices:
        known = first.setdefault((each.source, each.id, each.currency), each)
        if known is not each:
            message = f"the invoice {each.id} is already listed at {known.path}:{known.line}"
            problems.append(Problem(each.path, "duplicate-invoice", message, "keep only one of them", each.line))
    return problems


def _of_csv(data: bytes, reader: Reader, period: str, source: str) -> Iterator[ProviderInvoice]:
    """The invoices of an Invoice Detail file: the sums of their lines, without those that were voided."""
    table = read_csv(data, reader, code="invoice-csv")
    columns = _columns(table, reader) if table else {}
    if table is None or not columns:
        return
    lines: dict[tuple[str, str], list[tuple[int, dict[str, Any]]]] = {}
    for line, cells in table.even_rows(reader):
        values = _values(table, line, cells, columns, reader)
        start = values.get("BillingPeriodStart", period)
        if start[:7] != period:
            message, fix = f"BillingPeriodStart is {start}", f"put lines of other months than {period} in their folders"
            place = line, table.starts(line, cells)[columns["BillingPeriodStart"]]
            table.fault(reader, place, message, fix)
        if values.get("InvoiceIssueStatus") != VOIDED and all(name in values for name in _NEEDED):
            key = values["InvoiceId"], values.get("BillingCurrency", "")
            lines.setdefault(key, []).append((line, values))
    for (id_, currency), rows in lines.items():
        tax = [values["BilledCost"] for _, values in rows if values.get("ChargeCategory", "").title() == _TAX]
        yield ProviderInvoice(
            source=source,
            id=id_,
            amount=money.total(*(values["BilledCost"] for _, values in rows)),
            currency=currency,
            tax=money.total(*tax) if "ChargeCategory" in columns else None,
            provisional=any(values.get("InvoiceIssueStatus") == PROVISIONAL for _, values in rows),
            path=reader.path,
            line=rows[0][0],
        )


def _columns(table: CsvTable, reader: Reader) -> dict[str, int]:
    """The places of the columns that are read; empty after recording why the file has no invoices."""
    line, head = table.head
    places = {name: table.names.index(name.casefold()) for name in _COLUMNS if name.casefold() in table.names}
    twice = [name for name in places if table.names.count(name.casefold()) > 1]
    for name in twice:
        place = line, table.starts(line, head)[places[name]]
        table.fault(reader, place, f"duplicate column {name}", "keep only one")
    missing = [name for name in _NEEDED if name not in places]
    if missing:
        message = f"there is no column {' and no column '.join(missing)}"
        fix = "use a FOCUS 1.4 Invoice Detail file, or write id and amount of the invoice in a .yaml file"
        table.fault(reader, (line, 1), message, fix)
    return {} if twice or missing else places


def _values(
    table: CsvTable, line: int, cells: Sequence[str], columns: dict[str, int], reader: Reader
) -> dict[str, Any]:
    """The readable values of a row by column; null cells have none, unless the column is needed."""
    starts = table.starts(line, cells)
    values = {}
    for name, place in columns.items():
        is_null = Scalar(cells[place], False, line, starts[place]).is_null
        if name in _NEEDED or not is_null:
            cell = Scalar("" if is_null else cells[place], True, line, starts[place])
            value = _COLUMNS[name].read(cell, reader)
            if value is not None:
                values[name] = value
    return values
