"""All statements of a month."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from openchargeback.billing.span_statements import SpanStatement
from openchargeback.model import BilledPeriod, Statement
from openchargeback.portal import paths
from openchargeback.portal.views.common import Book, SpanRow, StatementRow, Summary
from openchargeback.portal.views.list_files import spans_file, statements_file
from openchargeback.portal.views.tables import LIST_ROWS, PART_ROWS, CsvFile, Cut


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementsView:
    """The statements of a month, largest amount first, and those that sum up several of them.

    count, spans_count: of all, of which the rows are the largest. csv, spans_csv: all of them, if they are many.
    """

    summary: Summary
    statements: tuple[StatementRow, ...]
    count: int
    spans: tuple[SpanRow, ...]
    spans_count: int
    csv: CsvFile | None
    spans_csv: CsvFile | None

    @property
    def files(self) -> tuple[CsvFile | None, ...]:
        """What the page offers."""
        return self.csv, self.spans_csv


def statements_view(book: Book, index: int, spans: Sequence[SpanStatement]) -> StatementsView:
    """The statements of the month at this index of the book. spans: the statements over any month."""
    period = book.periods[index]
    own = sorted(
        ((book.span_row(each), each) for each in spans if each.request.period == period.period),
        key=lambda both: (both[0].kind, -both[0].amounts.billed, both[0].name.label),
    )
    statements = largest_first(book, period)
    return StatementsView(
        summary=book.summary(index),
        statements=tuple(map(book.statement_row, statements[:LIST_ROWS])),
        count=len(period.statements),
        spans=tuple(row for row, _ in own[:PART_ROWS]),
        spans_count=len(own),
        csv=statements_file(book, Cut(paths.table_file(f"statements-{period.period}"), LIST_ROWS), statements),
        spans_csv=spans_file(
            book, Cut(paths.table_file(f"statements-over-{period.period}"), PART_ROWS), [each for _, each in own]
        ),
    )


def largest_first(book: Book, period: BilledPeriod) -> list[Statement]:
    """The statements of a month, largest amount first."""

    def order(statement: Statement) -> tuple[Decimal, Decimal, str, str]:
        row = book.statement_row(statement)
        return -row.amounts.billed, -row.amounts.list, row.project.label, row.pi.label

    return sorted(period.statements, key=order)
