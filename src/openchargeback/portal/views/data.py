"""The downloads: which files there are for each month, how large they are, and what their columns mean.

Columns are described once, in the data package (`export/open_data.py`), and sizes are those of the files that a build
has written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from openchargeback.export.open_data import DataKind, fields_of
from openchargeback.focus.schema import SCHEMAS, schema_for
from openchargeback.ledger.settings import Config
from openchargeback.model import BilledPeriod
from openchargeback.portal import paths
from openchargeback.portal.shell import Link
from openchargeback.portal.views.common import Book, state_view
from openchargeback.portal.views.journals import receivables_link
from openchargeback.portal.views.sheet import Sheet
from openchargeback.portal.views.tables import DESCENDING, NOTHING, Cell, Column, Kind, Row, Table, table
from openchargeback.wording import counted

MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True)
class DataColumn:
    """A column of a file: its name, its type as in a Table Schema, and what it holds."""

    name: str
    type: str
    words: str


@dataclass(frozen=True, slots=True)
class DataSet:
    """A kind of file: its name, what one row is, and its columns."""

    name: str
    words: str
    columns: tuple[DataColumn, ...]


@dataclass(frozen=True, slots=True)
class DataPage:
    """The page of the downloads. whole: the files that describe all others; schemas: of files that come in."""

    sheet: Sheet
    sets: tuple[DataSet, ...]
    whole: tuple[Link, ...]
    schemas: tuple[Link, ...]


def data_page(book: Book, journal_files: Mapping[str, tuple[str, ...]], sizes: Mapping[str, int]) -> DataPage:
    """The page. journal_files: of each month. sizes: bytes of each file of the output, by path."""
    tables = (_months(book, journal_files, sizes),) if book.periods else ()
    files = sum(path.startswith(f"{paths.DATA_FOLDER}/") for path in sizes)
    sheet = Sheet(
        title="Data downloads",
        status=(counted(files, "data file"), counted(len(book.periods), "month")),
        tables=tables,
        empty="" if tables else "The charges and billing lines of each month appear here as files.",
    )
    return DataPage(
        sheet=sheet,
        sets=tuple(_set(kind, book.config) for kind in DataKind),
        whole=(
            Link("datapackage.json", paths.DATA_PACKAGE),
            Link(paths.BILLING_PERIOD_FILE.rpartition("/")[2], paths.BILLING_PERIOD_FILE),
            Link(MANIFEST, MANIFEST),
        ),
        schemas=tuple(Link(schema_for(dialect)["title"], paths.schema(dialect)) for dialect in SCHEMAS),
    )


def _set(kind: DataKind, config: Config) -> DataSet:
    columns = (
        DataColumn(str(each["name"]), str(each["type"]), str(each.get("description", "")))
        for each in fields_of(kind, config)
    )
    return DataSet(*kind.words, tuple(columns))


def _months(book: Book, journal_files: Mapping[str, tuple[str, ...]], sizes: Mapping[str, int]) -> Table:
    """The files of each month, newest first; a file is its size, with a link."""
    monthly = [kind for kind in DataKind if kind is not DataKind.BILLING_PERIOD]
    columns = (
        Column("Month", Kind.PERIOD, order=DESCENDING),
        Column("State", Kind.STATE),
        *(Column(kind.words[0], Kind.SIZE) for kind in monthly),
        Column("Journal files", Kind.COUNT),
        *((Column("Receivables", Kind.SIZE),) if any(map(receivables_link, book.periods)) else ()),
    )

    def row(period: BilledPeriod) -> Row:
        name = period.period
        files = {
            DataKind.CHARGES: paths.charges_file(period),
            DataKind.LINES: paths.lines_file(name),
            DataKind.COST_AND_USAGE: paths.cost_and_usage_file(period),
            DataKind.INVOICE_DETAIL: paths.invoice_detail_file(name),
        }
        owed = receivables_link(period)
        return (
            Cell(name, paths.period_page(name)),
            Cell(state_view(period)),
            *(Cell(sizes.get(files[kind], 0), files[kind]) for kind in monthly),
            Cell(len(journal_files.get(name, ())), paths.journal_page(name)),
            Cell(sizes.get(owed.path, 0), owed.path) if owed else NOTHING,
        )[: len(columns)]

    return table("months", "Files by month", columns, map(row, reversed(book.periods)))
