"""Statements over a span of days: what a project, a fund, a PI or a department was charged for it.

A monthly statement has one PI and one project. These sum up many, for leadership, grant reports and departments:

    charges.csv of monthly statements ─select by subject and day─▶ SpanLine ─▶ SpanStatement

A charge belongs to the day on which it starts (ChargePeriodStart, else BillingPeriodStart, UTC), in whichever month it
was billed, so a charge approved late counts for the month in which it arose. A statement for one billing month
(`period`) takes what that month billed instead, so that it adds up to its monthly statements. Amounts are the cents
of monthly statements, allocated to their charges; nothing is rounded again.
"""

from __future__ import annotations

import datetime as dt
import enum
import hashlib
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openchargeback import money
from openchargeback.billing.statement_charges import COLUMNS, LINE_END
from openchargeback.csv_writing import guarded, unguarded
from openchargeback.focus.database import database, file_literal, filled, insert, literal, named_rows, query, sql
from openchargeback.ledger.periods import first_day, last_day
from openchargeback.model import Amounts, Entry, LineTotals, QueueItem, State, StatementLines


class SubjectKind(enum.StrEnum):
    """What a statement over a span is for."""

    PROJECT = "project"
    FUND = "fund"
    PI = "pi"
    DEPARTMENT = "department"


@dataclass(frozen=True, slots=True)
class Subject:
    """What a statement over a span is for. id: of the project or fund, email address, or name of the department."""

    kind: SubjectKind
    id: str


@dataclass(frozen=True, slots=True)
class SpanRequest:
    """A statement over a span: of which subject, for which days (both inclusive, UTC).

    period: what this month billed, whenever the charges arose; then the days are those of the month. Empty: what was
    charged for the days, in whichever month. by_person: whether charges that name a user (`x_user`) are summed by user.
    """

    subject: Subject
    first: dt.date
    last: dt.date
    period: str = ""
    by_person: bool = False

    @staticmethod
    def of_month(subject: Subject, period: str, *, by_person: bool = False) -> SpanRequest:
        """What one billing month charged to a subject."""
        return SpanRequest(subject, first_day(period), last_day(period), period, by_person)

    @property
    def days(self) -> str:
        """The span in a number: `2025-01`, or `20240701-20250630`."""
        return self.period or f"{self.first:%Y%m%d}-{self.last:%Y%m%d}"


@dataclass(frozen=True, slots=True)
class BilledCharges:
    """The charges of one monthly statement. number: its own. rows: of its `charges.csv`, without the head."""

    period: str
    number: str
    pi: str
    project: str
    rows: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanLine:
    """The charges of one month of use in one billing line, in cents.

    period, statement: the month and the monthly statement that billed them. month: the one in which they arose.
    person: empty unless asked for and known.
    """

    period: str
    statement: str
    month: str
    entry: Entry
    posted: bool
    pi: str
    project: str
    fund: str
    source: str
    service: str
    person: str
    charges: int
    amounts: Amounts


@dataclass(frozen=True, slots=True)
class SpanMonth(LineTotals):
    """What arose in one month."""

    month: str
    lines: tuple[SpanLine, ...]


@dataclass(frozen=True, slots=True)
class MonthState:
    """How final a billing month is. closed_on: None while it is open."""

    period: str
    state: State
    revision: int
    closed_on: dt.date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanStatement(LineTotals):
    """What a subject was charged for a span.

    draft: a month that it needs is open, or not billed yet. issued: the last closing date of its months; of a draft,
    the last day of the span. states: of the billing months of its lines and of those in the span, ascending.
    held: charges under review in these months. digest: SHA-256 of everything its figures rest on.
    """

    number: str
    request: SpanRequest
    revision: int
    draft: bool
    issued: dt.date
    currency: str
    lines: tuple[SpanLine, ...]
    states: tuple[MonthState, ...]
    held: tuple[QueueItem, ...]
    digest: str

    @property
    def months(self) -> tuple[SpanMonth, ...]:
        """Its months of use, ascending; those without charges are left out."""
        found: dict[str, list[SpanLine]] = {}
        for line in sorted(self.lines, key=lambda line: line.month):
            found.setdefault(line.month, []).append(line)
        return tuple(SpanMonth(month, tuple(lines)) for month, lines in found.items())


def span_number(request: SpanRequest, revision: int = 1) -> str:
    """Kind, span and a digest of the subject, plus the revision: `project-20240701-20250630-3f9a1c22b7`."""
    subject = request.subject
    text = f"{subject.kind}\n{subject.id}" + ("\nby person" if request.by_person else "")
    digest = hashlib.sha256(text.encode()).hexdigest()[:10]
    return f"{subject.kind}-{request.days}-{digest}" + (f"-r{revision}" if revision > 1 else "")


def span_lines(charges: Iterable[BilledCharges], request: SpanRequest, currency: str) -> tuple[SpanLine, ...]:
    """What these statements charge for the span. charges: those of the subject, and of `request.period` if set."""
    fund = guarded(request.subject.id) if request.subject.kind is SubjectKind.FUND else None
    with tempfile.TemporaryDirectory(prefix="openchargeback-") as folder, database() as con:
        con.execute(query(__package__, "statement_file"))
        files = []
        for number, each in enumerate(charges):
            path = Path(folder) / f"{number}.csv"
            path.write_text(",".join(COLUMNS) + LINE_END + each.rows, "utf-8", errors="backslashreplace", newline="")
            files.append((str(path), each.period, each.number, each.pi, each.project))
        if not files:
            return ()
        insert(con, "statement_file", files)
        columns = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in COLUMNS)
        paths = ", ".join(file_literal(Path(path)) for path, *_ in files)
        con.execute(filled(query(__package__, "charge_row"), files=f"[{paths}]", columns=f"{{{columns}}}"))
        values = {
            "first": dt.date.min if request.period else request.first,
            "last": dt.date.max if request.period else request.last,
            "fund": fund,
            "by_person": request.by_person,
        }
        found = named_rows(con, sql(__package__, "span_lines.sql", places=str(money.places(currency))), values)
        return tuple(_line(row) for row in found)


def month_lines(statements: Iterable[StatementLines], subject: Subject) -> tuple[SpanLine, ...]:
    """What statements of one month charge, without telling people apart: straight from their billing lines."""
    return tuple(
        SpanLine(
            period=line.period,
            statement=statement.number,
            month=line.original or line.period,
            entry=line.entry,
            posted=line.posted,
            pi=line.pi,
            project=line.project,
            fund=line.fund,
            source=line.source,
            service=line.service,
            person="",
            charges=line.charges,
            amounts=line.amounts,
        )
        for statement in statements
        for line in statement.lines
        if subject.kind is not SubjectKind.FUND or line.fund == subject.id
    )


def make_span_statement(
    request: SpanRequest,
    lines: Sequence[SpanLine],
    states: Sequence[MonthState],
    held: Iterable[QueueItem],
    currency: str,
) -> SpanStatement:
    """The statement of a span. states: of all months of the ledger, ascending; held: the subject's."""
    inside = {
        each.period
        for each in states
        if first_day(each.period) <= request.last and last_day(each.period) >= request.first
    }
    billing = {line.period for line in lines}
    own = tuple(
        each for each in states if each.period in (inside if not request.period else {request.period}) | billing
    )
    closed = [each.closed_on for each in own if each.closed_on]
    reaches_beyond = not states or last_day(states[-1].period) < request.last
    draft = reaches_beyond or any(each.closed_on is None for each in own) or not own
    revision = 1 if draft else _revision(request, own, billing, inside)
    number = span_number(request, revision)
    issued = request.last if draft else max(closed)
    waiting = tuple(item for item in held if item.period in {each.period for each in own})
    shown = (number, issued, draft, currency, lines, own, waiting)
    return SpanStatement(
        number=number,
        request=request,
        revision=revision,
        draft=draft,
        issued=issued,
        currency=currency,
        lines=tuple(lines),
        states=own,
        held=waiting,
        digest=hashlib.sha256(repr(shown).encode()).hexdigest(),
    )


def _revision(request: SpanRequest, states: Sequence[MonthState], billing: set[str], inside: set[str]) -> int:
    """Grows whenever what was issued for a span may have changed, so that no number is used twice.

    That is when a month of the span is closed again, and when a later month bills charges of the span.
    """
    if request.period:
        return next(each.revision for each in states if each.period == request.period)
    again = sum(each.revision - 1 for each in states if each.period in inside)
    return 1 + again + sum(each.revision for each in states if each.period in billing - inside)


def _line(row: dict[str, Any]) -> SpanLine:
    amounts = Amounts(**{name: row.pop(name) for name in ("list", "discount", "covered", "billed")})
    texts = {name: unguarded(row.pop(name)) for name in ("fund", "source", "service", "person")}
    return SpanLine(**row | texts | {"entry": Entry(row["entry"])}, amounts=amounts)
