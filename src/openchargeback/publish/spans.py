"""Statements over a span, made from the monthly statements of a billed ledger."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from openchargeback.billing.span_statements import (
    BilledCharges,
    MonthState,
    SpanLine,
    SpanRequest,
    SpanStatement,
    Subject,
    SubjectKind,
    make_span_statement,
    month_lines,
    span_lines,
)
from openchargeback.billing.statement_charges import correction_rows
from openchargeback.focus.columns import USER_COLUMN
from openchargeback.focus.months import has_column
from openchargeback.ledger.periods import fiscal_year_days
from openchargeback.ledger.reading import Ledger
from openchargeback.ledger.settings import SpanRule
from openchargeback.model import BilledPeriod, QueueItem, Statement
from openchargeback.problems import LedgerFault, Problem, Severity, UsageFault
from openchargeback.publish.books import AllBooks
from openchargeback.publish.month_charges import MonthCharges


def span_statement(books: AllBooks, charges: MonthCharges, request: SpanRequest) -> SpanStatement:
    """The statement of a span.

    Raises UsageFault if the ledger has never charged the subject anything, LedgerFault if this version of the program
    computes a closed month differently than it was closed, so that its charges cannot be told apart by day.
    """
    found = list(_statements(books, request))
    if not found:
        raise UsageFault(_nothing(request))
    currency = books.ledger.config.currency
    if request.period and not request.by_person:
        lines = month_lines((statement for _, statement in found), request.subject)
    else:
        lines = span_lines(_charges(found, charges, books), request, currency)
    return _Maker(books)(request, lines)


def names_users(ledger: Ledger, period: str) -> bool:
    """Whether charge files of a month say who used what (`x_user`)."""
    return any(has_column(file, USER_COLUMN) for file in ledger.charge_files.get(period, ()))


def month_spans(books: AllBooks, charges: MonthCharges) -> tuple[SpanStatement, ...]:
    """The statements over a month that a build has: of each department, and of each PI.

    A PI with one project has one only if the charges of the month name users, since it is by person then.
    """
    found, made = [], _Maker(books)
    for period in books.periods:
        by_pi: dict[str, list[Statement]] = {}
        by_department: dict[str, list[Statement]] = {}
        for each in period.statements:
            by_pi.setdefault(each.pi.email, []).append(each)
            by_department.setdefault(each.pi.department, []).append(each)
        for name, own in sorted(by_department.items()):
            if name:
                subject = Subject(SubjectKind.DEPARTMENT, name)
                found.append(made(SpanRequest.of_month(subject, period.period), month_lines(own, subject)))
        people = _people(books, charges, period)
        for email, own in sorted(by_pi.items()):
            if len(own) > 1 or email in people:
                subject = Subject(SubjectKind.PI, email)
                request = SpanRequest.of_month(subject, period.period, by_person=email in people)
                found.append(made(request, people.get(email) or month_lines(own, subject)))
    return tuple(found)


def configured_spans(books: AllBooks, charges: MonthCharges) -> tuple[tuple[SpanStatement, ...], list[Problem]]:
    """The statements over days that the settings name (`statements.spans`), in their order.

    One without charges says so. With a warning for each that would need the charges of a closed month that this version
    of the program computes differently.
    """
    found, problems, made = [], [], _Maker(books)
    for rule in books.ledger.config.statements.spans:
        request = _request_of(rule, books.ledger)
        own = list(_statements(books, request))
        try:
            lines = span_lines(_charges(own, charges, books), request, books.ledger.config.currency)
        except LedgerFault as fault:
            problems += [replace(each, severity=Severity.WARNING) for each in fault.problems]
        else:
            found.append(made(request, lines))
    return tuple(found), problems


def _request_of(rule: SpanRule, ledger: Ledger) -> SpanRequest:
    ((kind, id_),) = ((kind, id_) for kind, id_ in rule.subject.items() if id_)
    subject = Subject(SubjectKind(kind), ledger.directory.email(id_) if kind == SubjectKind.PI else id_)
    if rule.since and rule.until:
        return SpanRequest(subject, rule.since, rule.until)
    return SpanRequest(subject, *fiscal_year_days(rule.fiscal_year or 0, ledger.config.fiscal_year_starts))


def _people(books: AllBooks, charges: MonthCharges, period: BilledPeriod) -> dict[str, tuple[SpanLine, ...]]:
    """The lines by person of each PI whose charges of a month name users; in one pass over all of them.

    Empty for a closed month that this version of the program computes differently.
    """
    if not names_users(books.ledger, period.period):
        return {}
    every = SpanRequest.of_month(Subject(SubjectKind.DEPARTMENT, ""), period.period, by_person=True)
    try:
        billed = list(_charges([(period, each) for each in period.statements], charges, books))
    except LedgerFault:
        return {}
    by_pi: dict[str, list[SpanLine]] = {}
    for line in span_lines(billed, every, books.ledger.config.currency):
        by_pi.setdefault(line.pi, []).append(line)
    return {pi: tuple(lines) for pi, lines in by_pi.items() if any(line.person for line in lines)}


class _Maker:
    """Makes the statements of a ledger over any span."""

    def __init__(self, books: AllBooks) -> None:
        self._states = [MonthState(each.period, each.state, each.revision, each.closed_on) for each in books.periods]
        self._currency = books.ledger.config.currency
        self._held: dict[Subject, list[QueueItem]] = {}
        people = books.ledger.directory.people
        for period in books.periods:
            for item in period.queue if period.still_queued is None else period.still_queued:
                department = people[item.pi].department if item.pi in people else ""
                # Of a fund nothing is under review, since a held charge has none yet.
                names = {
                    SubjectKind.PROJECT: item.project,
                    SubjectKind.PI: item.pi,
                    SubjectKind.DEPARTMENT: department,
                }
                for kind, name in names.items():
                    self._held.setdefault(Subject(kind, name), []).append(item)

    def __call__(self, request: SpanRequest, lines: tuple[SpanLine, ...]) -> SpanStatement:
        """The statement of these lines."""
        held = self._held.get(request.subject, ())
        return make_span_statement(request, lines, self._states, held, self._currency)


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
    kind = "PI" if subject.kind is SubjectKind.PI else subject.kind
    return f"the ledger charges nothing to {kind} {subject.id}{when}"
