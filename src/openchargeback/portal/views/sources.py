"""Sources of charges: a list, and a page for each with what it delivered by month, its files and its invoices."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from openchargeback import money
from openchargeback.billing.provider_invoices import InvoiceCheck, InvoiceStatus
from openchargeback.ledger.periods import next_period
from openchargeback.model import BilledPeriod, SourceTotals
from openchargeback.plan import words
from openchargeback.portal import paths
from openchargeback.portal.views.common import Book, state_view
from openchargeback.portal.views.files import file_table
from openchargeback.portal.views.sheet import Sheet
from openchargeback.portal.views.tables import (
    DESCENDING,
    NOTHING,
    PART_ROWS,
    Cell,
    Column,
    Cut,
    Kind,
    Row,
    Table,
    money_column,
    table,
)
from openchargeback.templating.filters import period_human, period_short
from openchargeback.wording import counted, listed

Invoices = Mapping[str, tuple[InvoiceCheck, ...]]
"""The invoices of providers compared with charges, by month."""

_STATUS = {
    InvoiceStatus.MATCHES: "Matches",
    InvoiceStatus.DIFFERS: "Differs",
    InvoiceStatus.MISSING: "Invoice missing",
    InvoiceStatus.PROVISIONAL: "Not issued yet",
}
_GAPS_NAMED = 3


def source_names(book: Book) -> tuple[str, ...]:
    """Every source that delivered anything, and those of the settings, in the order of their colors."""
    return tuple(dict.fromkeys((*book.colors, *book.config.sources)))


def source_list(book: Book) -> Sheet:
    """All sources, by what they billed in twelve months."""
    names = source_names(book)
    if not names:
        return Sheet(title="Sources", empty="Sources appear here with their first charge file.")
    currency = book.currency
    columns = (
        Column("Source", note="Name in the ledger"),
        Column("Expected"),
        Column("Credit fund"),
        Column("Discount"),
        Column("Latest", Kind.PERIOD),
        Column("Months missing", Kind.COUNT, note="Which"),
        money_column("Imported", currency, kind=Kind.EXACT),
        money_column("Billed", currency, order=DESCENDING, kind=Kind.EXACT),
        money_column("Held", currency, kind=Kind.EXACT),
    )
    rows = sorted(((_row(book, name), name) for name in names), key=lambda each: (-_billed(each[0]), each[1]))
    latest = book.months[-1] if book.months else ""
    return Sheet(
        title="Sources",
        lead="Where charges come from. For each source and month, imported = billed + held + rejected, exactly.",
        tables=(
            table(
                *("sources", "Sources", columns, [row for row, _ in rows]),
                note=f"Amounts of the twelve months to {period_human(latest)}" if latest else "",
                total=counted(len(rows), "source"),
                cut=Cut(paths.table_file("sources")),
            ),
        ),
    )


def _billed(row: Row) -> Decimal:
    value = row[7].value
    return value if isinstance(value, Decimal) else money.ZERO


def _row(book: Book, name: str) -> Row:
    config, months = book.config, book.year()
    totals = {period.period: _own(book, period, name) for period in book.periods}
    year = [total for month in months if (total := totals[month])]
    delivered = [month for month, total in totals.items() if total and total.charges]
    gaps = _gaps(book, name, delivered)
    page = paths.source_page(name)
    label = book.source_label(name)
    return (
        Cell(label, page, name if name != label else ""),
        Cell(config.source(name).expected.capitalize()),
        Cell((config.credit_fund(name) or None) if config.posts(name) else "Not charged"),
        Cell(_granter(book, name) if config.covers(name) else "Vendor"),
        Cell(delivered[-1], paths.charges_view(delivered[-1], source=name)) if delivered else NOTHING,
        Cell(len(gaps), page if gaps else "", listed([period_short(month) for month in gaps], _GAPS_NAMED)),
        Cell(money.total(*(total.imported for total in year)), page),
        Cell(money.total(*(total.billed for total in year)), page),
        Cell(money.total(*(total.held for total in year)), paths.REVIEW if any(t.held for t in year) else ""),
    )


def _granter(book: Book, name: str) -> str:
    """Whose a source's discount is."""
    return (book.config.organization.name or "the institution") if book.config.covers(name) else "the vendor"


def _own(book: Book, period: BilledPeriod, name: str) -> SourceTotals | None:
    """The control total of a source in a month, in the ledger's currency."""
    return next((t for t in period.sources if (t.source, t.currency) == (name, book.currency)), None)


def _gaps(book: Book, name: str, delivered: list[str]) -> list[str]:
    """The months without charges of a source since its first ones; to the last month only if it is expected monthly."""
    if not delivered:
        return []
    last = book.months[-1] if book.config.source(name).expected == "monthly" else delivered[-1]
    gaps, month = [], next_period(delivered[0])
    while month <= last:
        if month not in delivered:
            gaps.append(month)
        month = next_period(month)
    return gaps


def source_view(book: Book, name: str, invoices: Invoices) -> Sheet:
    """The page of one source."""
    config = book.config
    settings = config.source(name)
    facts = [
        "Expected monthly" if settings.expected == "monthly" else "Delivers irregularly",
        f"bills {settings.cost}",
        f"credit fund {config.credit_fund(name) or 'not set'}" if config.posts(name) else "shown only, not charged",
        f"discount from {_granter(book, name)}",
    ]
    files = [(period.period, file) for period in reversed(book.periods) for file in period.files if file.source == name]
    tables = [_months(book, name)]
    checks = [(month, check) for month in sorted(invoices, reverse=True) for check in invoices[month]]
    own = [(month, check) for month, check in checks if check.source == name]
    if own:
        tables.append(_invoices(book, name, own))
    if files:
        tables.append(file_table(book, files, Cut(paths.table_file("files", "source", name), PART_ROWS), source=False))
    return Sheet(
        title=book.source_label(name),
        window=f"Source {book.source_label(name)}",
        status=tuple(facts),
        lead=settings.note,
        tables=tuple(each for each in tables if each.rows),
        empty="" if files or any(each.rows for each in tables) else "No charges from this source yet.",
    )


def _months(book: Book, name: str) -> Table:
    """What a source delivered each month, newest first, compared with the months before."""
    currency = book.currency
    columns = (
        Column("Month", Kind.PERIOD, order=DESCENDING),
        Column("State", Kind.STATE),
        Column("Files", Kind.COUNT, adds=True),
        Column("Charges", Kind.COUNT, adds=True),
        Column("Days with charges"),
        Column("Imported", Kind.EXACT, currency, adds=True),
        Column("Billed", Kind.EXACT, currency, adds=True, beside=True),
        Column("Held", Kind.EXACT, currency, adds=True),
        Column("Rejected", Kind.EXACT, currency, adds=True),
        Column("Against median of 3"),
    )
    rows = []
    for index in reversed(range(len(book.periods))):
        period = book.periods[index]
        row = next((each for each in book.completeness(index) if each.source == name), None)
        if row is None:
            continue
        total = _own(book, period, name)
        amounts = (total.imported, total.billed, total.held, total.rejected) if total else (None,) * 4
        rows.append((
            Cell(period.period, paths.period_page(period.period)),
            Cell(state_view(period)),
            Cell(len(row.files)),
            Cell(row.charges, paths.charges_view(period.period, source=name) if row.charges else ""),
            Cell("no charges" if row.missing else words.days(row)),
            *map(Cell, amounts),
            Cell(words.against_median(row)),
        ))  # fmt: skip
    cut = Cut(paths.table_file("months", "source", name), PART_ROWS)
    return table("months", "By month", columns, rows, total="All months", cut=cut)


def _invoices(book: Book, name: str, checks: list[tuple[str, InvoiceCheck]]) -> Table:
    """The provider's invoices compared with the charges that name them."""
    columns = (
        Column("Invoice", Kind.ID),
        Column("Month", Kind.PERIOD, order=DESCENDING),
        Column("Charges", Kind.COUNT, adds=True),
        Column("Charged", Kind.EXACT, book.currency),
        Column("Invoiced", Kind.EXACT, book.currency),
        Column("Difference", Kind.EXACT, book.currency),
        Column("Result"),
    )
    rows = (
        (
            Cell(check.invoice or "none"),
            Cell(month, paths.period_page(month)),
            Cell(check.charges),
            Cell(check.charged),
            Cell(check.invoiced),
            Cell(None if check.invoiced is None else check.difference),
            Cell(_STATUS[check.status], "", "" if check.currency == book.currency else f"in {check.currency}"),
        )
        for month, check in checks
    )
    cut = Cut(paths.table_file("invoices", "source", name), PART_ROWS)
    return table("invoices", "Invoices of the provider", columns, rows, note="Charges that name each invoice", cut=cut)
