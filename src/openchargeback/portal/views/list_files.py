"""The CSV files of lists of payers and statements, with every row, of which a page shows the largest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from openchargeback.billing.span_statements import SpanStatement
from openchargeback.model import Amounts, QueueItem, Statement
from openchargeback.money import ZERO
from openchargeback.portal.views.common import Book
from openchargeback.portal.views.spending import due_word
from openchargeback.portal.views.tables import Cell, Column, CsvFile, Cut, Kind, Row, csv_file, money_column


def statements_file(book: Book, cut: Cut, statements: Iterable[Statement]) -> CsvFile | None:
    """One row for each statement, in their order."""
    columns = (
        Column("Month", Kind.PERIOD),
        Column("State"),
        Column("Number", Kind.ID),
        Column("PI"),
        Column("Name"),
        Column("Project", Kind.ID),
        Column("Title"),
        Column("Fund"),
        *amount_columns(book),
    )

    def row(statement: Statement) -> Row:
        return (
            Cell(statement.period),
            Cell("draft" if statement.draft else "issued"),
            Cell(statement.number),
            Cell(statement.pi.email),
            Cell(book.person(statement.pi.email).name),
            Cell(statement.project.id),
            Cell(book.project(statement.project.id).title),
            Cell(", ".join(statement.funds)),
            *amount_cells(book.amounts(statement)),
        )

    return csv_file(cut, columns, tuple(map(row, statements)))


def spans_file(book: Book, cut: Cut, spans: Iterable[SpanStatement]) -> CsvFile | None:
    """One row for each statement over several projects, in their order."""
    columns = (
        Column("Span"),
        Column("State"),
        Column("Number", Kind.ID),
        Column("For"),
        Column("Id", Kind.ID),
        *amount_columns(book),
    )

    def row(span: SpanStatement) -> Row:
        shown = book.span_row(span)
        state, subject = "draft" if span.draft else "issued", span.request.subject.id
        return (*map(Cell, (shown.span, state, span.number, shown.kind, subject)), *amount_cells(shown.amounts))

    return csv_file(cut, columns, tuple(map(row, spans)))


def held_file(book: Book, cut: Cut, held: Sequence[QueueItem]) -> CsvFile | None:
    """One row for each item of the review queue, with the exact amount that it holds."""
    columns = (
        Column("Month", Kind.PERIOD),
        Column("PI"),
        Column("Project", Kind.ID),
        Column("Source"),
        Column("Service"),
        Column("Why"),
        Column("Charges", Kind.COUNT),
        Column("Amount, exact", Kind.EXACT),
        Column("Currency"),
    )

    def row(item: QueueItem) -> Row:
        texts = item.period, item.pi, item.project, book.source_label(item.source), item.service, "; ".join(item.flags)
        return (*map(Cell, texts), Cell(item.charges), Cell(item.exact_billed), Cell(item.currency))

    return csv_file(cut, columns, tuple(map(row, held)))


def amount_columns(book: Book) -> tuple[Column, ...]:
    """List price, discount and amount due, in the ledger's currency, so that the first two add up to the third."""
    return tuple(money_column(label, book.currency) for label in ("List", "Discount", due_word(book)))


def amount_cells(amounts: Amounts) -> Row:
    """As `amount_columns`."""
    return Cell(amounts.list), Cell(ZERO - amounts.discount), Cell(amounts.billed)
