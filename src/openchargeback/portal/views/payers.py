"""PIs and projects: lists, and a page for each with twelve months, services and statements."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from itertools import starmap

from openchargeback.billing.invoices import is_invoice
from openchargeback.billing.span_statements import SpanStatement, Subject, SubjectKind
from openchargeback.ledger.periods import CHART_MONTHS
from openchargeback.model import Amounts, BillingLine, QueueItem, Statement
from openchargeback.money import ZERO
from openchargeback.portal import charts, paths
from openchargeback.portal.discount_words import DiscountRow, discount_rows
from openchargeback.portal.shell import Link
from openchargeback.portal.span_view import Group, by_person
from openchargeback.portal.statement_words import NOTHING_CHARGED, answer, held_words, together
from openchargeback.portal.views.common import Book, Change, SpanRow, StatementRow, StateView, change
from openchargeback.portal.views.list_files import amount_cells, amount_columns, held_file, statements_file
from openchargeback.portal.views.next_steps import NextStep
from openchargeback.portal.views.pi_steps import pi_steps
from openchargeback.portal.views.spending import due_word
from openchargeback.portal.views.tables import LIST_ROWS, PART_ROWS, Column, CsvFile, Cut, csv_file, money_column
from openchargeback.portal.views.tables import Cell as TableCell
from openchargeback.review.held_sums import HeldSum, in_total
from openchargeback.wording import listed

_OTHERS = 60
"""The projects of a PI that their page shows, which has other tables, too."""

_FUNDS = 8
"""The funds beside an amount due; with more, the smallest are one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PayerRow:
    """A PI or project in a list: a month and the last twelve together. shown: the shown-only part of both.

    funds, page, pdf: of that month's statement, where the row stands for one; else empty.
    """

    link: Link
    name: str
    detail: str
    latest: Amounts
    change: Change | None
    year: Amounts
    line: charts.Line | None
    shown: Amounts
    shown_year: Amounts
    funds: str = ""
    page: str = ""
    pdf: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PayerList:
    """PIs or projects, largest amount first, and the totals of all of them. `previous` is empty for the first month.

    count: of all, of which rows are the largest. csv: all of them, if they are many.
    shown: the month's shown-only amounts, beside those due; None if there are none in twelve months.
    """

    period: str
    previous: str
    rows: tuple[PayerRow, ...]
    count: int
    latest: Amounts
    year: Amounts
    shown: Amounts | None
    csv: CsvFile | None

    @property
    def files(self) -> tuple[CsvFile | None, ...]:
        """What the page offers."""
        return (self.csv,)


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
class Cell:
    """What a statement comes to, in a table of months. due: in cents; draft: its month is open."""

    due: Decimal
    number: str
    path: str
    draft: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """Statements by payer and month.

    months: the last that have any, earlier: how many before them have, too. rows: a payer with one cell a month, None
    without a statement. left_out: how many rows with smaller amounts there are.
    """

    months: tuple[str, ...]
    earlier: int
    rows: tuple[tuple[Link, tuple[Cell | None, ...]], ...]
    left_out: int

    @property
    def cut(self) -> bool:
        """Whether there are statements that it has no cell for."""
        return bool(self.left_out or self.earlier)


@dataclass(frozen=True, slots=True, kw_only=True)
class SoFar:
    """An open month of a payer: the largest drafts of its statements, how many there are, and the total of all."""

    period: str
    rows: tuple[StatementRow, ...]
    count: int
    total: Amounts


@dataclass(frozen=True, slots=True, kw_only=True)
class PayerView:
    """The page of a PI or a project.

    period: the last month that was issued and has a statement here, else the last one that has one; without any, the
    last one with held charges. draft: it is open. funds: what each pays in it, in cents; other_funds: how many pay the
    rest, and that.
    others: the projects of a PI, or the PIs of a project, the largest of others_count. matrix: their statements by
    month.
    statements: of the month; pdf: the one that sums them up. so_far: the open month after it. spans: over other days.
    people: the month by person; None if its charges name none.
    shown, shown_services: that month's shown-only amounts beside those due; None and empty if there are none.
    next: what a PI should do now; nothing_next: in words, if that is nothing. Of a project, neither.
    held: what is held today in all months, each charge once, the latest of held_count; held_total: of all, one sum per
    currency; waiting: in words.
    """

    name: str
    identifier: str
    department: str
    funds: tuple[tuple[str, Decimal], ...]
    other_funds: tuple[int, Decimal]
    period: str
    period_link: str
    state: StateView | None
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
    others_count: int
    matrix: Matrix
    statements: tuple[StatementRow, ...]
    so_far: SoFar | None
    held: tuple[HeldItem, ...]
    held_count: int
    held_total: tuple[HeldSum, ...]
    waiting: str
    currency: str
    page: str = ""
    pdf: str = ""
    people: Group | None = None
    spans: tuple[SpanRow, ...] = ()
    statements_csv: CsvFile | None = None
    held_csv: CsvFile | None = None
    next: tuple[NextStep, ...] = ()
    nothing_next: str = ""

    @property
    def files(self) -> tuple[CsvFile | None, ...]:
        """What the page offers."""
        return self.statements_csv, self.held_csv


def pi_list(book: Book) -> PayerList:
    """All PIs that ever had a statement, or have held charges."""
    columns = Column("PI"), Column("Name"), Column("Department")
    return _list(book, "pis", columns, {email: _pi_row(book, email) for email in book.pis})


def project_list(book: Book) -> PayerList:
    """All projects that ever had a statement, or have held charges."""
    columns = Column("Project"), Column("Title")
    return _list(book, "projects", columns, {id_: _project_row(book, id_) for id_ in book.project_ids})


def pi_view(
    book: Book,
    email: str,
    spans: Sequence[SpanStatement] = (),
    over_days: Sequence[SpanStatement] = (),
    as_of: str = "",
) -> PayerView:
    """The page of one PI. spans: the statements over any month; over_days: those over other spans.

    as_of: the day of the build as an ISO date, if it is known.
    """
    person = book.person(email)
    payer = _Payer(
        kind="pi",
        name=person.name,
        identifier=person.email,
        department=person.department,
        statements=book.statements_by_pi.get(email, ()),
        held=book.held_by_pi.get(email, ()),
        by_month=book.by_pi.get(email, {}),
        other=lambda statement: statement.project.id,
    )
    held = {item.project for item in payer.held if item.project}
    others = [_project_row(book, project, payer) for project in sorted({*payer.others, *held})]
    own = [
        each
        for each in spans
        if each.request.subject == Subject(SubjectKind.PI, email) and each.request.period == payer.period
    ]
    view = _view(book, payer, others, book.project_link)
    view = replace(view, spans=_newest_first(book, over_days, Subject(SubjectKind.PI, email)))
    people = by_person([line for each in own for line in each.lines if line.posted or book.showback])
    view = replace(view, people=people)
    if own:
        view = replace(view, page=paths.span_page(own[0]), pdf=paths.span_pdf(own[0]))
    latest = [each for each in payer.statements if each.period == payer.period]
    steps, nothing = pi_steps(book, email, payer.held, latest, view.page, as_of)
    return replace(view, next=steps, nothing_next=nothing)


def _newest_first(book: Book, over_days: Sequence[SpanStatement], subject: Subject) -> tuple[SpanRow, ...]:
    own = [each for each in over_days if each.request.subject == subject]
    own.sort(key=lambda each: (each.request.last, each.request.first), reverse=True)
    return tuple(map(book.span_row, own))


def project_view(book: Book, identifier: str, over_days: Sequence[SpanStatement] = ()) -> PayerView:
    """The page of one project. over_days: the statements over other spans than a month."""
    project = book.project(identifier)
    payer = _Payer(
        kind="project",
        name=project.title,
        identifier=project.id,
        department="",
        statements=book.statements_by_project.get(identifier, ()),
        held=book.held_by_project.get(identifier, ()),
        by_month=book.by_project.get(identifier, {}),
        other=lambda statement: statement.pi.email,
    )
    held = {item.pi for item in payer.held if item.pi}
    others = [_pi_row(book, email, payer) for email in sorted({*payer.others, *held})]
    view = _view(book, payer, others, book.pi_link)
    return replace(view, spans=_newest_first(book, over_days, Subject(SubjectKind.PROJECT, identifier)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Payer:
    """A PI or a project with all statements and held charges, newest first, and the amounts by month.

    other: who else a statement is for: the project of a PI's, the PI of a project's.
    """

    kind: str
    name: str
    identifier: str
    department: str
    statements: tuple[Statement, ...]
    held: tuple[QueueItem, ...]
    by_month: dict[str, Amounts]
    other: Callable[[Statement], str]

    @property
    def period(self) -> str:
        """The month that the page is about."""
        issued = [each.period for each in self.statements if not each.draft]
        return (issued or [each.period for each in self.statements] or [item.period for item in self.held])[0]

    @property
    def others(self) -> set[str]:
        """Everyone else that the statements are for."""
        return set(map(self.other, self.statements))


def _view(book: Book, payer: _Payer, others: Sequence[PayerRow], link: Callable[[str], Link]) -> PayerView:
    """link: to the page of another payer."""
    period, statements = payer.period, payer.statements
    latest = [statement for statement in statements if statement.period == period]
    amounts = payer.by_month.get(period, Amounts())
    history = book.history(payer.by_month, period)
    lines = [line for statement in latest for line in statement.lines]
    apart = [line for line in lines if not line.posted] if book.shows(lines) else []
    drafts = [statement for statement in statements if statement.draft and statement.period > period]
    single = latest[0] if len(latest) == 1 else None
    funds = _funds(lines)
    most = _FUNDS if len(funds) <= _FUNDS else _FUNDS - 1
    matrix = _matrix(book, payer, link)
    cut = partial(paths.table_file, kind=payer.kind, of=payer.identifier)
    return PayerView(
        name=payer.name,
        identifier=payer.identifier,
        department=payer.department,
        funds=funds[:most],
        other_funds=(len(funds[most:]), sum((amount for _, amount in funds[most:]), ZERO)),
        period=period,
        period_link=paths.period_page(period),
        state=book.state(period),
        draft=any(statement.draft for statement in latest),
        amounts=amounts,
        shown=Amounts.total(line.amounts for line in apart) if apart else None,
        discounts=discount_rows(amounts, book.config.organization.name),
        sentence=_sentence(book, latest, amounts),
        chart=charts.twelve_months(history, period, book.currency, payer.name, only_shown=book.showback),
        history=tuple((month.period, month.amounts) for month in reversed(history)),
        services=_services(book, (line for line in lines if line.posted != book.showback)),
        shown_services=_services(book, apart),
        others=tuple(sorted(others, key=_by_money))[:_OTHERS],
        others_count=len(others),
        matrix=matrix,
        statements_csv=statements_file(book, Cut(cut("statements"), CHART_MONTHS), statements) if matrix.cut else None,
        held_csv=held_file(book, Cut(cut("held"), PART_ROWS), payer.held),
        statements=tuple(book.statement_row(statement) for statement in latest),
        so_far=_so_far(book, drafts),
        held=tuple(_held(book, item) for item in payer.held[:PART_ROWS]),
        held_count=len(payer.held),
        held_total=in_total(payer.held, book.currency),
        waiting=held_words(payer.held, book.currency),
        currency=book.currency,
        page=paths.statement_page(single) if single else "",
        pdf=paths.statement_pdf(single) if single else "",
    )


def _funds(lines: Iterable[BillingLine]) -> tuple[tuple[str, Decimal], ...]:
    """What each fund pays, largest amount first."""
    found: dict[str, Decimal] = {}
    for line in lines:
        if line.posted:
            found[line.fund] = found.get(line.fund, ZERO) + line.amounts.billed
    return tuple(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def _sentence(book: Book, statements: Sequence[Statement], amounts: Amounts) -> str:
    """What happens now with the amount due of a month's statements."""
    if not statements:
        return "Nothing was billed so far: all charges are held."
    if book.showback:
        return NOTHING_CHARGED
    if len(statements) == 1 and not is_invoice(statements[0]):
        return answer(statements[0], book.settings(statements[0].period)).sentence
    return together(statements, amounts.billed)


def _matrix(book: Book, payer: _Payer, link: Callable[[str], Link]) -> Matrix:
    found = sorted({each.period for each in payer.statements})
    months = found[-CHART_MONTHS:]
    rows: dict[str, dict[str, Cell]] = {}
    for each in payer.statements:
        if each.period in months:
            rows.setdefault(payer.other(each), {})[each.period] = Cell(
                due=book.amounts(each).billed, number=each.number, path=paths.statement_page(each), draft=each.draft
            )
    ordered = sorted(rows.items(), key=lambda row: (-sum((cell.due for cell in row[1].values()), ZERO), row[0]))
    return Matrix(
        months=tuple(months),
        earlier=len(found) - len(months),
        rows=tuple((link(name), tuple(map(cells.get, months))) for name, cells in ordered[:PART_ROWS]),
        left_out=max(0, len(ordered) - PART_ROWS),
    )


def _so_far(book: Book, drafts: Sequence[Statement]) -> SoFar | None:
    """The first open month of these drafts, newest first."""
    if not drafts:
        return None
    period = drafts[-1].period
    own = [each for each in drafts if each.period == period]
    return SoFar(
        period=period,
        rows=tuple(sorted(map(book.statement_row, own), key=lambda row: -row.amounts.billed)[:PART_ROWS]),
        count=len(own),
        total=Amounts.total(map(book.amounts, own)),
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


def _pi_row(book: Book, email: str, payer: _Payer | None = None) -> PayerRow:
    """payer: the project whose page it is."""
    person = book.person(email)
    link = book.pi_link(email)
    if payer is None:
        return _row(
            book,
            link,
            person.name or email,
            person.department,
            book.by_pi.get(email, {}),
            book.shown_by_pi.get(email, {}),
        )
    return _row_of(book, payer, email, link, person.name or email, person.department)


def _project_row(book: Book, identifier: str, payer: _Payer | None = None) -> PayerRow:
    """payer: the PI whose page it is."""
    title = book.project(identifier).title
    detail, link = "" if title == identifier else title, book.project_link(identifier)
    if payer is None:
        by_month, shown = book.by_project.get(identifier, {}), book.shown_by_project.get(identifier, {})
        return _row(book, link, identifier, detail, by_month, shown)
    return _row_of(book, payer, identifier, link, identifier, detail)


def _row_of(book: Book, payer: _Payer, other: str, link: Link, name: str, detail: str) -> PayerRow:
    """The row of another payer on a payer's page: what both share."""
    own = [each for each in payer.statements if payer.other(each) == other]
    by_month = {each.period: book.amounts(each) for each in own}
    row = _row(book, link, name, detail, by_month, {each.period: book.shown(each) for each in own}, payer.period)
    now = next((each for each in own if each.period == payer.period), None)
    if now is None:
        return row
    return replace(row, funds=listed(now.funds, 1), page=paths.statement_page(now), pdf=paths.statement_pdf(now))


def _row(
    book: Book,
    link: Link,
    name: str,
    detail: str,
    by_month: dict[str, Amounts],
    shown: dict[str, Amounts],
    period: str = "",
) -> PayerRow:
    """period: the month of the row, by default the current one."""
    now = period or book.months[book.current]
    months = book.year(now)
    due = {month: by_month.get(month, Amounts()).billed for month in months}
    index = book.months.index(now)
    before = by_month.get(book.months[index - 1], Amounts()).billed if index else None
    return PayerRow(
        link=link,
        name=name,
        detail=detail,
        latest=by_month.get(now, Amounts()),
        change=None if before is None else change(due[now], before),
        year=Amounts.total(by_month.get(month, Amounts()) for month in months),
        line=charts.small_line(due, book.currency),
        shown=shown.get(now, Amounts()),
        shown_year=Amounts.total(shown.get(month, Amounts()) for month in months),
    )


def _by_money(row: PayerRow) -> tuple[Decimal, Decimal, str, str]:
    return -row.latest.billed, -row.year.billed, row.name.casefold(), row.link.path


def _list(book: Book, name: str, columns: Sequence[Column], found: Mapping[str, PayerRow]) -> PayerList:
    """found: by identifier, for which the list's CSV file has the first column; the others are the name, if it is not
    the identifier, and the detail.
    """
    index = book.current
    ordered = sorted(found.items(), key=lambda item: _by_money(item[1]))
    rows = [row for _, row in ordered]
    period = book.months[index] if book.months else ""

    def cells(identifier: str, row: PayerRow) -> tuple[TableCell, ...]:
        texts = identifier, *((row.name,) if len(columns) > 2 else ()), row.detail
        return (*map(TableCell, texts), *amount_cells(row.latest), TableCell(row.year.billed))

    year = money_column(f"{due_word(book)}, 12 months", book.currency)
    whole = (*columns, *amount_columns(book), year)
    return PayerList(
        period=period,
        previous=book.months[index - 1] if index > 0 else "",
        rows=tuple(rows[:LIST_ROWS]),
        count=len(rows),
        latest=Amounts.total(row.latest for row in rows),
        year=Amounts.total(row.year for row in rows),
        shown=Amounts.total(row.shown for row in rows) if any(row.shown_year != Amounts() for row in rows) else None,
        csv=csv_file(Cut(paths.table_file(f"{name}-{period}"), LIST_ROWS), whole, tuple(starmap(cells, ordered))),
    )
