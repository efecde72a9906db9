"""All statements of a month."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from openchargeback.billing.span_statements import SpanStatement
from openchargeback.model import BilledPeriod
from openchargeback.portal.views.common import Book, SpanRow, StatementRow, Summary
from openchargeback.portal.views.tables import LIST_ROWS, PART_ROWS


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementsView:
    """The statements of a month, largest amount first, and those that sum up several of them.

    count, spans_count: of all, of which the rows are the largest.
    """

    summary: Summary
    statements: tuple[StatementRow, ...]
    count: int
    spans: tuple[SpanRow, ...]
    spans_count: int


def statements_view(book: Book, index: int, spans: Sequence[SpanStatement]) -> StatementsView:
    """The statements of the month at this index of the book. spans: the statements over any month."""
    period = book.periods[index]
    own = [book.span_row(each) for each in spans if each.request.period == period.period]
    return StatementsView(
        summary=book.summary(index),
        statements=tuple(largest_first(book, period)[:LIST_ROWS]),
        count=len(period.statements),
        spans=tuple(sorted(own, key=lambda row: (row.kind, -row.amounts.billed, row.name.label))[:PART_ROWS]),
        spans_count=len(own),
    )


def largest_first(book: Book, period: BilledPeriod) -> list[StatementRow]:
    """The statements of a month as rows, largest amount first."""
    return sorted(
        (book.statement_row(statement) for statement in period.statements),
        key=lambda row: (-row.amounts.billed, -row.amounts.list, row.project.label, row.pi.label),
    )
