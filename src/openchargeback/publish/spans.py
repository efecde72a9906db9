"""Statements over a span: made from the monthly statements of a billed ledger, and written as PDFs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path, PurePosixPath

from openchargeback import __version__
from openchargeback.billing.span_statements import (
    BilledCharges,
    MonthState,
    SpanRequest,
    SpanStatement,
    Subject,
    SubjectKind,
    make_span_statement,
    span_lines,
)
from openchargeback.billing.statement_charges import correction_rows
from openchargeback.files.writing import outside, write_file
from openchargeback.model import BilledPeriod, Provenance, QueueItem, Statement
from openchargeback.portal.span_documents import span_plan
from openchargeback.portal.statements import PdfPlan
from openchargeback.problems import LedgerFault, Problem, UsageFault
from openchargeback.publish.books import AllBooks, open_cache
from openchargeback.publish.build import make_site
from openchargeback.publish.month_charges import MonthCharges
from openchargeback.publish.pdf_run import PdfRun
from openchargeback.publish.secrets import secrets_of
from openchargeback.templating.environment import make_environment


def span_statement(books: AllBooks, charges: MonthCharges, request: SpanRequest) -> SpanStatement:
    """The statement of a span.

    Raises UsageFault if the ledger has never charged the subject anything, LedgerFault if this version of the program
    computes a closed month differently than it was closed, so that its charges cannot be told apart by day.
    """
    found = list(_statements(books, request))
    if not found:
        raise UsageFault(_nothing(request))
    lines = span_lines(_charges(found, charges, books), request, books.ledger.config.currency)
    states = [MonthState(each.period, each.state, each.revision, each.closed_on) for each in books.periods]
    return make_span_statement(request, lines, states, _held(books, request), books.ledger.config.currency)


def span_document(books: AllBooks, statement: SpanStatement) -> PdfPlan:
    """The planned PDF of a statement over a span, with today's letterhead, settings and directory."""
    env = make_environment(books.ledger.root / "templates")
    return span_plan(statement, make_site(books, Provenance("", "", __version__), {}), env, books.ledger.directory)


def write_span(books: AllBooks, statement: SpanStatement, output: Path) -> Path:
    """Write the PDF of a statement over a span to a folder, all or nothing; returns its path."""
    root, plan = books.ledger.root, span_document(books, statement)
    secrets_of(root).refuse_in_statements([plan])
    path = output / PurePosixPath(plan.path).name
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        raise outside(output, fault) from fault
    with closing(PdfRun([plan], open_cache(root))) as run:
        for _, data in run.rest():
            write_file(path, data)
    return path


def _statements(books: AllBooks, request: SpanRequest) -> Iterator[tuple[BilledPeriod, Statement]]:
    for period in books.periods:
        if request.period in ("", period.period):
            for statement in period.statements:
                if _is_for(statement, request.subject):
                    yield period, statement


def _is_for(statement: Statement, subject: Subject) -> bool:
    match subject.kind:
        case SubjectKind.PROJECT:
            return statement.project.id == subject.id
        case SubjectKind.PI:
            return statement.pi.email == subject.id
        case SubjectKind.DEPARTMENT:
            return statement.pi.department == subject.id
        case SubjectKind.FUND:
            return any(line.fund == subject.id for line in statement.lines)


def _charges(
    found: list[tuple[BilledPeriod, Statement]], charges: MonthCharges, books: AllBooks
) -> Iterator[BilledCharges]:
    for period, statement in found:
        rows = charges.rows(period, statement)
        if rows is None:
            raise LedgerFault([_not_by_day(period.period)], books.ledger.root)
        corrected = correction_rows(statement.corrections, books.ledger.settings(period.period))
        yield BilledCharges(period.period, statement.number, statement.pi.email, statement.project.id, rows + corrected)


def _held(books: AllBooks, request: SpanRequest) -> Iterator[QueueItem]:
    """What is under review of the subject; of a fund nothing, since a held charge has none yet."""
    people, subject = books.ledger.directory.people, request.subject
    for period in books.periods:
        for item in period.queue if period.still_queued is None else period.still_queued:
            department = people[item.pi].department if item.pi in people else ""
            own = {
                SubjectKind.PROJECT: item.project,
                SubjectKind.PI: item.pi,
                SubjectKind.DEPARTMENT: department,
                SubjectKind.FUND: "",
            }[subject.kind]
            if own == subject.id:
                yield item


def _not_by_day(period: str) -> Problem:
    return Problem(
        f"periods/{period}.frozen.yaml",
        "not-by-day",
        f"this version of the program computes {period} differently from when it was closed, so its charges cannot be "
        "told apart by day",
        "run the version that closed it (see requirements.lock of that commit), or ask for whole months with --period",
    )


def _nothing(request: SpanRequest) -> str:
    subject = request.subject
    when = f" in {request.period}" if request.period else ""
    return f"the ledger charges nothing to {subject.kind} {subject.id}{when}"
