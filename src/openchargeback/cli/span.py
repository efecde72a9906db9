"""`focus-billing generate` for a project, fund, PI or department: which span is meant, and what was written."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from openchargeback.cli.listing import Column, cents, json_rows, print_rows
from openchargeback.cli.report import amount_words, note_problems, print_json, progress
from openchargeback.ledger.line_table import amount_values
from openchargeback.ledger.periods import fiscal_year_days
from openchargeback.problems import UsageFault

if TYPE_CHECKING:
    from openchargeback.billing.span_statements import SpanMonth, SpanRequest, SpanStatement
    from openchargeback.publish.books import AllBooks

SUBJECTS = ("project", "fund", "pi", "department")
"""The options that name what a statement over a span is for."""


def generate_span(root: Path, options: Mapping[str, str | int | bool | dt.datetime | None], output: Path) -> None:
    """Write the statement that the options of `generate` ask for, and print what it says."""
    from openchargeback.publish.books import open_books, open_cache
    from openchargeback.publish.month_charges import MonthCharges, Wanted
    from openchargeback.publish.span_files import write_span
    from openchargeback.publish.spans import span_statement

    dry_run, period = bool(options["dry_run"]), str(options["period"] or "")
    with progress(lines=True) as step:
        books = open_books(root, wanted=period, keep=(Wanted.STATEMENTS,), step=step)
        request = _request(options, books)
        statement = span_statement(books, MonthCharges(books.ledger, open_cache(root)), request)
        path = None if dry_run else write_span(books, statement, output)
    if options["json_"]:
        print_json(_values(statement, path))
        return
    note_problems(books.warnings)
    print_rows(_columns(statement), statement.months)
    draft = "draft statement" if statement.draft else "statement"
    amount = amount_words([statement], statement.currency)
    click.echo(f"{draft} {statement.number}, {amount}, {f'written to {path}' if path else 'would be written'}")


def _request(options: Mapping[str, str | int | bool | dt.datetime | None], books: AllBooks) -> SpanRequest:
    from openchargeback.billing.span_statements import SpanRequest, Subject, SubjectKind
    from openchargeback.publish.spans import names_users

    named = [(kind, str(options[kind])) for kind in SUBJECTS if options[kind]]
    if len(named) != 1:
        raise UsageFault("name one of --project, --fund, --pi and --department")
    ((kind, id_),) = named
    subject = Subject(SubjectKind(kind), books.ledger.directory.email(id_) if kind == "pi" else id_)
    period, year = str(options["period"] or ""), options["fiscal_year"]
    by_person = options["by_person"]
    if by_person is None:
        by_person = kind == "pi" and bool(period) and names_users(books.ledger, period)
    first, last = (
        value.date() if isinstance(value, dt.datetime) else None for value in (options["first"], options["last"])
    )
    if sum((bool(period), bool(year), bool(first or last))) != 1 or bool(first) != bool(last):
        raise UsageFault("say when: --period, --fiscal-year, or both --from and --until")
    if period:
        if books.period(period) is None:
            raise UsageFault(f"the ledger has no period {period}")
        return SpanRequest.of_month(subject, period, by_person=bool(by_person))
    if isinstance(year, int):
        first, last = fiscal_year_days(year, books.ledger.config.fiscal_year_starts)
    if first is None or last is None or last < first:
        raise UsageFault(f"--until {last} is before --from {first}")
    return SpanRequest(subject, first, last, by_person=bool(by_person))


def _columns(statement: SpanStatement) -> list[Column[SpanMonth]]:
    month: Column[SpanMonth] = Column("month", "Month", lambda each: each.month)
    return [month, *cents(statement.months, statement.currency)]


def _values(statement: SpanStatement, path: Path | None) -> dict[str, object]:
    request = statement.request
    return {
        "number": statement.number,
        "kind": str(request.subject.kind),
        "subject": request.subject.id,
        "from": request.first.isoformat(),
        "until": request.last.isoformat(),
        "draft": statement.draft,
        "currency": statement.currency,
        **amount_values(statement.amounts, statement.currency),
        "months": json_rows(_columns(statement), statement.months),
        "pdf": None if path is None else str(path),
    }


def _day(value: str | int | bool | dt.datetime | None) -> dt.date | None:
    return value.date() if isinstance(value, dt.datetime) else None
