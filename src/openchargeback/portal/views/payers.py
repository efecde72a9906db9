"""PIs and projects: lists, and a page for each with twelve months, services and statements."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from openchargeback.billing.span_statements import SpanStatement, Subject, SubjectKind
from openchargeback.model import Amounts, BillingLine, QueueItem, Statement
from openchargeback.portal import charts, paths
from openchargeback.portal.discount_words import DiscountRow, discount_rows
from openchargeback.portal.shell import Link
from openchargeback.portal.span_view import Group, by_person
from openchargeback.portal.views.common import Book, Change, SpanRow, StatementRow, change
from openchargeback.review.held_sums import HeldSum, in_total


@dataclass(frozen=True, slots=True, kw_only=True)
class PayerRow:
    """A PI or project in a list: the latest month and the last twelve together. shown: the shown-only part of both."""

    link: Link
    name: str
    detail: str
    latest: Amounts
    change: Change | None
    year: Amounts
    line: charts.Line | None
    shown: Amounts
    shown_year: Amounts


@dataclass(frozen=True, slots=True, kw_only=True)
class PayerList:
    """All PIs or all projects with their totals. `previous` is empty if there is only one month.

    shown: the latest month's shown-only amounts, beside those due; None if there are none in twelve months.
    """

    period: str
    previous: str
    rows: tuple[PayerRow, ...]
    latest: Amounts
    year: Amounts
    shown: Amounts | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceRow:
    """The cost of a service in the last month shown."""

    source: str
    color: str
    service: str
    charges: int
    amounts: Amounts


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldItem:
    """Charges of one month that are waiting for a decision."""

    period: str
    period_link: str
    source: str
    service: str
    flags: tuple[str, ...]
    charges: int
    exact_billed: Decimal
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PayerView:
    """The page of a PI or a project.

    period: the last month that has a statement here; without any, the last one with held charges.
    others: the projects of a PI, or the PIs of a project.
    statements: newest first, with their total over all months. spans: those that sum up several, newest first.
    people: the month by person; None if its charges name none.
    shown, shown_services: that month's shown-only amounts beside those due; None and empty if there are none.
    shown_total: the same over all statements.
    held: what is held today in all months, each charge once; held_total: one sum per currency.
    """

    name: str
    identifier: str
    department: str
    funds: tuple[str, ...]
    period: str
    period_link: str
    draft: bool
    amounts: Amounts
    shown: Amounts | None
    discounts: tuple[DiscountRow, ...]
    sentence: str
    chart: charts.Chart
    history: tuple[tuple[str, Amounts], ...]
    services: tuple[ServiceRow, ...]
    shown_services: tuple[ServiceRow, ...]
    others: tuple[PayerRow, ...]
    statements: tuple[StatementRow, ...]
    total: Amounts
    shown_total: Amounts | None
    held: tuple[HeldItem, ...]
    held_total: tuple[HeldSum, ...]
    currency: str
    spans: tuple[SpanRow, ...] = ()
    people: Group | None = None


def pi_list(book: Book) -> PayerList:
    """All PIs that ever had a statement, or have held charges."""
    rows = [_pi_row(book, email) for email in book.pis]
    return _list(book, sorted(rows, key=lambda row: (row.name.casefold(), row.detail, row.link.path)))


def project_list(book: Book) -> PayerList:
    """All projects that ever had a statement, or have held charges."""
    return _list(book, [_project_row(book, project) for project in book.project_ids])


def pi_view(book: Book, email: str, spans: Sequence[SpanStatement] = ()) -> PayerView:
    """The page of one PI. spans: the statements over any month or days."""
    person = book.person(email)
    statements, held = book.statements_by_pi.get(email, ()), book.held_by_pi.get(email, ())
    projects = {*(each.project.id for each in statements), *(item.project for item in held if item.project)}
    others = [_project_row(book, project, pi=email) for project in sorted(projects)]
    payer = _Payer(
        name=person.name,
        identifier=person.email,
        department=person.department,
        statements=statements,
        held=held,
        by_month=book.by_pi.get(email, {}),
    )
    own = _newest_first(spans, Subject(SubjectKind.PI, email))
    view = _view(book, payer, others)
    now = [line for each in own if each.request.period == view.period for line in each.lines]
    people = by_person([line for line in now if line.posted or book.showback])
    return replace(view, spans=tuple(map(book.span_row, own)), people=people)


def _newest_first(spans: Sequence[SpanStatement], subject: Subject) -> list[SpanStatement]:
    own = [each for each in spans if each.request.subject == subject]
    return sorted(own, key=lambda each: (each.request.last, each.request.first), reverse=True)


def project_view(book: Book, identifier: str, spans: Sequence[SpanStatement] = ()) -> PayerView:
    """The page of one project. spans: the statements over any days."""
    project = book.project(identifier)
    statements, held = book.statements_by_project.get(identifier, ()), book.held_by_project.get(identifier, ())
    pis = {*(each.pi.email for each in statements), *(item.pi for item in held if item.pi)}
    others = [_pi_row(book, email, project=identifier) for email in sorted(pis)]
    payer = _Payer(
        name=project.title,
        identifier=project.id,
        department="",
        statements=statements,
        held=held,
        by_month=book.by_project.get(identifier, {}),
    )
    own = _newest_first(spans, Subject(SubjectKind.PROJECT, identifier))
    return replace(_view(book, payer, others), spans=tuple(map(book.span_row, own)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Payer:
    """A PI or a project with all statements and held charges, newest first, and the amounts by month."""

    name: str
    identifier: str
    department: str
    statements: tuple[Statement, ...]
    held: tuple[QueueItem, ...]
    by_month: dict[str, Amounts]

    @property
    def period(self) -> str:
        """The month that the page is about."""
        return self.statements[0].period if self.statements else self.held[0].period


def _view(book: Book, payer: _Payer, others: Sequence[PayerRow]) -> PayerView:
    period, statements = payer.period, payer.statements
    latest = [statement for statement in statements if statement.period == period]
    amounts = payer.by_month.get(period, Amounts())
    history = book.history(payer.by_month, period)
    lines = [line for statement in latest for line in statement.lines]
    apart = [line for line in lines if not line.posted] if book.shows(lines) else []
    shows_any = any(book.shows(statement.lines) for statement in statements)
    return PayerView(
        name=payer.name,
        identifier=payer.identifier,
        department=payer.department,
        funds=tuple(sorted({fund for statement in latest for fund in statement.funds})),
        period=period,
        period_link=paths.period_page(period),
        draft=any(statement.draft for statement in latest),
        amounts=amounts,
        shown=Amounts.total(line.amounts for line in apart) if apart else None,
        discounts=discount_rows(amounts, book.config.organization.name),
        sentence=book.sentence(amounts) if statements else "Nothing was billed so far: all charges are held.",
        chart=charts.twelve_months(history, period, book.currency, payer.name, only_shown=book.showback),
        history=tuple((month.period, month.amounts) for month in reversed(history)),
        services=_services(book, (line for line in lines if line.posted != book.showback)),
        shown_services=_services(book, apart),
        others=tuple(others),
        statements=tuple(book.statement_row(statement) for statement in statements),
        total=Amounts.total(book.amounts(statement) for statement in statements),
        shown_total=Amounts.total(book.shown(statement) for statement in statements) if shows_any else None,
        held=tuple(_held(book, item) for item in payer.held),
        held_total=in_total(payer.held, book.currency),
        currency=book.currency,
    )


def _held(book: Book, item: QueueItem) -> HeldItem:
    return HeldItem(
        period=item.period,
        period_link=paths.period_page(item.period),
        source=book.source_label(item.source),
        service=item.service or "Other",
        flags=item.uncleared,
        charges=item.charges,
        exact_billed=item.exact_billed,
        currency=item.currency,
    )


def _services(book: Book, lines: Iterable[BillingLine]) -> tuple[ServiceRow, ...]:
    """Sources in the order of their colors, services by amount due."""
    found: dict[tuple[str, str], list[BillingLine]] = {}
    for line in lines:
        found.setdefault((line.source, line.service), []).append(line)
    order = list(book.colors)
    rows = [
        (
            (order.index(source), -Amounts.total(line.amounts for line in own).billed, service),
            ServiceRow(
                source=book.source_label(source),
                color=book.colors[source],
                service=service,
                charges=sum(line.charges for line in own),
                amounts=Amounts.total(line.amounts for line in own),
            ),
        )
        for (source, service), own in found.items()
    ]
    return tuple(row for _, row in sorted(rows, key=lambda item: item[0]))


def _pi_row(book: Book, email: str, project: str | None = None) -> PayerRow:
    person = book.person(email)
    by_month, shown = (
        (book.by_pi.get(email, {}), book.shown_by_pi.get(email, {})) if project is None else _both(book, email, project)
    )
    return _row(book, book.pi_link(email), person.name or email, person.department, by_month, shown)


def _project_row(book: Book, identifier: str, pi: str | None = None) -> PayerRow:
    by_month, shown = (
        (book.by_project.get(identifier, {}), book.shown_by_project.get(identifier, {}))
        if pi is None
        else _both(book, pi, identifier)
    )
    title = book.project(identifier).title
    return _row(book, book.project_link(identifier), identifier, "" if title == identifier else title, by_month, shown)


def _both(book: Book, email: str, project: str) -> tuple[dict[str, Amounts], dict[str, Amounts]]:
    """By month the amounts of a PI in a project, and separately the shown-only ones."""
    own = [s for s in book.statements_by_pi.get(email, ()) if s.project.id == project]
    return {each.period: book.amounts(each) for each in own}, {each.period: book.shown(each) for each in own}


def _row(
    book: Book, link: Link, name: str, detail: str, by_month: dict[str, Amounts], shown: dict[str, Amounts]
) -> PayerRow:
    months = book.year()
    amounts = [by_month.get(month, Amounts()) for month in months]
    due = [amount.billed for amount in amounts]
    return PayerRow(
        link=link,
        name=name,
        detail=detail,
        latest=amounts[-1],
        change=change(due[-1], by_month.get(book.months[-2], Amounts()).billed) if len(book.months) > 1 else None,
        year=Amounts.total(amounts),
        line=charts.small_line(dict(zip(months, due, strict=True)), book.currency),
        shown=shown.get(months[-1], Amounts()),
        shown_year=Amounts.total(shown.get(month, Amounts()) for month in months),
    )


def _list(book: Book, rows: Sequence[PayerRow]) -> PayerList:
    return PayerList(
        period=book.months[-1] if book.months else "",
        previous=book.months[-2] if len(book.months) > 1 else "",
        rows=tuple(rows),
        latest=Amounts.total(row.latest for row in rows),
        year=Amounts.total(row.year for row in rows),
        shown=Amounts.total(row.shown for row in rows) if any(row.shown_year != Amounts() for row in rows) else None,
    )
