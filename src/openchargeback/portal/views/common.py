"""Shared by several pages: the figures of a month, its state, and amounts by payer."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

from openchargeback import money
from openchargeback.billing.completeness import Completeness, completeness, month_of
from openchargeback.billing.span_statements import SpanStatement, Subject, SubjectKind
from openchargeback.ledger.periods import CHART_MONTHS, months_until
from openchargeback.ledger.settings import Config
from openchargeback.model import (
    Amounts,
    BilledPeriod,
    BillingLine,
    PeriodAmounts,
    Person,
    Project,
    QueueItem,
    State,
    Statement,
)
from openchargeback.money import ZERO
from openchargeback.portal import charts, paths
from openchargeback.portal.discount_words import DiscountRow, discount_rows, discount_sentence
from openchargeback.portal.shell import HeadMonth, Link
from openchargeback.portal.span_view import span_name
from openchargeback.portal.statement_words import NOTHING_CHARGED
from openchargeback.review.held_sums import HeldSum, in_total
from openchargeback.templating.filters import date_human, percent_filter, period_human


@dataclass(frozen=True, slots=True)
class StateView:
    """How final a month is: a word, and a sentence that says since when and by whom."""

    kind: str
    word: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """An amount compared with the previous one. new: there was nothing before. percent: None if not meaningful."""

    amount: Decimal
    percent: Decimal | None
    new: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The headline figures of a month.

    shown: the shown-only amounts beside those due; None if there is no such line.
    held: imported − billed − rejected, one sum per currency, the ledger's own first; for a closed month as of its
    closing.
    still_held: what is left of it today. previous: the ledger's month that the change compares with.
    """

    period: str
    link: str
    state: StateView
    amounts: Amounts
    shown: Amounts | None
    discounts: tuple[DiscountRow, ...]
    sentence: str
    held: tuple[HeldSum, ...]
    still_held: tuple[HeldSum, ...]
    previous: str
    previous_billed: Decimal
    change: Change | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementRow:
    """A statement in a table, with its page and its PDF. shown: its shown-only amounts, beside those due."""

    number: str
    period: str
    period_link: str
    pi: Link
    project: Link
    title: str
    funds: str
    amounts: Amounts
    shown: Amounts
    draft: bool
    page: str
    pdf: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanRow:
    """A statement over a span in a table, with its page and its PDF. kind: of what it is for, in words.

    span: its name; first: its first day, for sorting.
    """

    number: str
    span: str
    first: dt.date
    kind: str
    name: Link
    amounts: Amounts
    draft: bool
    page: str
    pdf: str


_SPAN_KINDS = {
    SubjectKind.PROJECT: "Project",
    SubjectKind.FUND: "Fund",
    SubjectKind.PI: "PI, all projects",
    SubjectKind.DEPARTMENT: "Department",
}


def state_view(period: BilledPeriod) -> StateView:
    """The state of a month in words."""
    by = f" by {period.closed_by}" if period.closed_by else ""
    revision = f" This is revision {period.revision}." if period.revision > 1 else ""
    closed = f"closed on {date_human(period.closed_on)}{by}" if period.closed_on else "closed"
    if period.state is State.FINALIZED:
        final = f"Final since {date_human(period.finalized_on)}" if period.finalized_on else "Final"
        return StateView("finalized", "Finalized", f"{final}; {closed}.{revision}")
    if period.state is State.CLOSED:
        return StateView(
            "closed", "Closed", f"{closed[0].upper()}{closed[1:]}. Corrections come as new entries.{revision}"
        )
    return StateView("open", "Open", f"Not final: figures change until the month is closed.{revision}")


def head_month(period: BilledPeriod) -> HeadMonth:
    """A month for the head of a page."""
    state = state_view(period)
    return HeadMonth(period.period, state.kind, state.word)


def change(now: Decimal, before: Decimal) -> Change:
    """The difference, and its percentage of the previous amount if that was above zero."""
    percent = money.change_percent(now - before, before) if before > 0 else None
    return Change(amount=now - before, percent=percent, new=not before and now > 0)


def for_showback(periods: Iterable[BilledPeriod]) -> bool:
    """Whether months have billing lines but none is posted: then nothing on any page is due."""
    posted = {line.posted for period in periods for line in period.lines}
    return posted == {False}


class Book:
    """All billing lines of a site, added up once by payer and month, and the names that belong to them.

    showback: no line of any month is posted. Then all amounts are the value of the usage, nothing is due, and pages say
    so. Otherwise amounts are due, and `shown_…` has the shown-only amounts separately.
    """

    def __init__(
        self,
        config: Config,
        periods: Sequence[BilledPeriod],
        people: dict[str, Person],
        projects: dict[str, Project],
        settings: Mapping[str, Config] | None = None,
    ) -> None:
        self._settings = settings or {}
        self.config, self.currency = config, config.currency
        self.periods, self.months = tuple(periods), tuple(period.period for period in periods)
        self.showback = for_showback(periods)
        # A period sums its amounts again on every access, and a site needs them often.
        self.totals = {each.period: each.shown if self.showback else each.amounts for each in periods}
        self._rows: dict[str, StatementRow] = {}
        self._completeness: dict[int, tuple[Completeness, ...]] = {}
        due = not self.showback
        self.by_pi = self._add_up(lambda line: line.pi, posted=due)
        self.by_project = self._add_up(lambda line: line.project, posted=due)
        self.by_source = self._add_up(lambda line: line.source, posted=due)
        self.shown_by_pi = self._add_up(lambda line: line.pi, posted=False) if due else {}
        self.shown_by_project = self._add_up(lambda line: line.project, posted=False) if due else {}
        self.statements_by_pi = self._statements(lambda statement: statement.pi.email)
        self.statements_by_project = self._statements(lambda statement: statement.project.id)
        self.held_by_pi = self._held(lambda item: item.pi)
        self.held_by_project = self._held(lambda item: item.project)
        self.pis = tuple(sorted({*self.statements_by_pi, *self.held_by_pi}))
        self.project_ids = tuple(sorted({*self.statements_by_project, *self.held_by_project}))
        statements = [statement for period in periods for statement in period.statements]
        # A name in today's directory overrides the one on an old statement.
        self._people = {**{s.pi.email: s.pi for s in statements}, **people}
        self._projects = {**{s.project.id: s.project for s in statements}, **projects}
        totals = {source: Amounts.total(months.values()).billed for source, months in self.by_source.items()}
        for period in periods:
            for source in (*(total.source for total in period.sources), *(line.source for line in period.lines)):
                totals.setdefault(source, ZERO)
        self.colors = charts.colors(list(config.sources), totals)

    @property
    def current(self) -> int:
        """The index of the month that pages show unless another is chosen: the last one issued, else the last."""
        issued = [index for index, period in enumerate(self.periods) if period.state is not State.OPEN]
        return issued[-1] if issued else len(self.periods) - 1

    def state(self, period: str) -> StateView | None:
        """The state of a month; None if the ledger does not have it."""
        return state_view(self.periods[self.months.index(period)]) if period in self.totals else None

    def head_month(self, index: int) -> HeadMonth | None:
        """The month at this index for the head of a page; None in a ledger without charges."""
        return head_month(self.periods[index]) if self.periods else None

    def summary(self, index: int) -> Summary:
        """The headline figures of the month at this index."""
        period, previous = self.periods[index], self.months[index - 1] if index else ""
        amounts, before = self.totals[period.period], self.totals[previous].billed if previous else ZERO
        return Summary(
            period=period.period,
            link=paths.period_page(period.period),
            state=state_view(period),
            amounts=amounts,
            shown=period.shown if self.shows(period.lines) else None,
            discounts=discount_rows(amounts, self.config.organization.name),
            sentence=self.sentence(amounts),
            held=in_total(period.queue, period.currency),
            still_held=in_total(period.undecided, period.currency),
            previous=previous,
            previous_billed=before,
            change=change(amounts.billed, before) if previous else None,
        )

    @cached_property
    def decided_later(self) -> dict[str, dict[str, list[str]]]:
        """The charges that were decided after their month was closed: month → place of the decision → shortened ids."""
        found: dict[str, dict[str, list[str]]] = {}
        for each in sorted({(c.original, c.place, c.charge) for period in self.periods for c in period.corrections}):
            original, place, charge = each
            found.setdefault(original, {}).setdefault(place, []).append(charge[:16])
        return found

    @cached_property
    def departments(self) -> dict[tuple[str, str], str]:
        """The department of each PI in each month, as its statement names it: by month and email address."""
        return {(each.period, s.pi.email): s.pi.department for each in self.periods for s in each.statements}

    @cached_property
    def statement_of(self) -> dict[tuple[str, str, str], Statement]:
        """Every statement by month, email address of the PI, and project."""
        return {(each.period, s.pi.email, s.project.id): s for each in self.periods for s in each.statements}

    @cached_property
    def by_department(self) -> dict[str, list[BillingLine]]:
        """The lines that count on pages, ascending by month, by department; empty if no PI has one."""
        found = self._lines(lambda line: self.departments.get((line.period, line.pi), ""))
        return found if any(found) else {}

    @cached_property
    def by_fund(self) -> dict[str, list[BillingLine]]:
        """The lines that count on pages, ascending by month, by the fund that pays for them."""
        return self._lines(self.paying_fund)

    def paying_fund(self, line: BillingLine) -> str:
        """The fund that pays for a line; empty if it is invoiced to an external payer."""
        return line.fund if line.journaled or self.showback else ""

    def completeness(self, index: int) -> tuple[Completeness, ...]:
        """Each source of the month at this index compared with the months before."""
        if index not in self._completeness:
            # More months back than the rule looks at make no difference.
            months = [month_of(each) for each in self.periods[: index + 1]]
            self._completeness[index] = completeness(months[-1], months[:-1], self.settings(self.months[index]))
        return self._completeness[index]

    def amounts(self, statement: Statement) -> Amounts:
        """The amounts of a statement on these pages: what is due, or in a showback book what is shown."""
        return statement.shown if self.showback else statement.amounts

    def shown(self, statement: Statement) -> Amounts:
        """A statement's shown-only amounts."""
        return Amounts() if self.showback else statement.shown

    def shows(self, lines: Iterable[BillingLine]) -> bool:
        """Whether some of these lines are only shown while others of the book are due."""
        return not self.showback and any(not line.posted for line in lines)

    def sentence(self, amounts: Amounts) -> str:
        """The amounts in one sentence."""
        return NOTHING_CHARGED if self.showback else discount_sentence(amounts, self.config.organization.name)

    def person(self, email: str) -> Person:
        """The PI with this address, which also serves as the name if there is none."""
        return self._people.get(email) or Person(email, email)

    def project(self, identifier: str) -> Project:
        """The project with this id, which also serves as the title if there is none."""
        return self._projects.get(identifier) or Project(identifier, identifier)

    def pi_link(self, email: str) -> Link:
        """The PI's name and page; only text if the PI has neither a statement nor held charges, and so no page."""
        page = paths.pi_page(email) if email in self.statements_by_pi or email in self.held_by_pi else ""
        return Link(self.person(email).name or email, page)

    def project_link(self, identifier: str) -> Link:
        """The project's id and page; only text if it has neither a statement nor held charges, and so no page."""
        known = identifier in self.statements_by_project or identifier in self.held_by_project
        return Link(identifier, paths.project_page(identifier) if known else "")

    def source_label(self, name: str, period: str = "") -> str:
        """The display name of the source; with a period, the name at the time of its closing."""
        return self.settings(period).source(name).label or name

    def settings(self, period: str) -> Config:
        """The settings to show a period with."""
        return self._settings.get(period, self.config)

    def history(self, by_month: dict[str, Amounts], until: str = "") -> tuple[PeriodAmounts, ...]:
        """The ledger's amounts in the twelve calendar months up to `until`, by default its last one.

        A payer without charges in a month has zero there. Months that the ledger does not have are left out.
        """
        return tuple(PeriodAmounts(period=month, amounts=by_month.get(month, Amounts())) for month in self.year(until))

    def year(self, until: str = "") -> list[str]:
        """The ledger's months among the twelve calendar months up to `until`, by default its last one."""
        last = until or (self.months[-1] if self.months else "")
        return [month for month in months_until(last, CHART_MONTHS) if month in self.totals] if last else []

    def statement_row(self, statement: Statement) -> StatementRow:
        """A statement as a table row."""
        if statement.number not in self._rows:
            self._rows[statement.number] = self._statement_row(statement)
        return self._rows[statement.number]

    def _statement_row(self, statement: Statement) -> StatementRow:
        return StatementRow(
            number=statement.number,
            period=statement.period,
            period_link=paths.period_page(statement.period),
            pi=self.pi_link(statement.pi.email),
            project=self.project_link(statement.project.id),
            title=self.project(statement.project.id).title,
            funds=", ".join(statement.funds),
            amounts=self.amounts(statement),
            shown=self.shown(statement),
            draft=statement.draft,
            page=paths.statement_page(statement),
            pdf=paths.statement_pdf(statement),
        )

    def span_row(self, statement: SpanStatement) -> SpanRow:
        """A statement over a span as a table row."""
        request, subject = statement.request, statement.request.subject
        return SpanRow(
            number=statement.number,
            span=span_name(request, self.config.fiscal_year_starts),
            first=request.first,
            kind=_SPAN_KINDS[subject.kind],
            name=self._subject_link(subject),
            amounts=statement.shown if self.showback else statement.amounts,
            draft=statement.draft,
            page=paths.span_page(statement),
            pdf=paths.span_pdf(statement),
        )

    def _subject_link(self, subject: Subject) -> Link:
        match subject.kind:
            case SubjectKind.PI if subject.id in self.pis:
                return self.pi_link(subject.id)
            case SubjectKind.PROJECT if subject.id in self.project_ids:
                return self.project_link(subject.id)
        return Link(subject.id)

    def by_source_chart(self, months: Sequence[str]) -> charts.Chart | None:
        """Amounts due (or values) by source over these months; the title is about the last one."""
        series = self.source_series(months)
        if not series or not months:
            return None
        last = months[-1]
        biggest = max(series, key=lambda one: one.amounts[-1])
        total = sum((one.amounts[-1] for one in series), ZERO)
        parts = [one.amounts[-1] for one in series]
        share = money.percent(biggest.amounts[-1], total) if total > 0 and min(parts) >= 0 else None
        what, many = ("value", "Values") if self.showback else ("amount due", "Amounts due")
        title = f"{what.capitalize()} by source"
        if share is not None and len(series) > 1:
            title = f"{biggest.label} is {percent_filter(share)} of the {what} in {period_human(last)}"
        description = f"{many} by source, {period_human(months[0])} to {period_human(last)}, in {self.currency}. " + (
            f"{period_human(last)}: total {money.human(total, self.currency)}, "
            + ", ".join(f"{one.label} {money.human(one.amounts[-1], self.currency)}" for one in series)
            + "."
        )
        return charts.stacked(title, description, months, series, self.currency, self.totals)

    def source_series(self, months: Sequence[str]) -> list[charts.Series]:
        """One series for each source with its own color, and one for all others."""
        own: list[charts.Series] = []
        others = [ZERO] * len(months)
        for source, color in self.colors.items():
            by_month = self.by_source.get(source, {})
            amounts = tuple(by_month.get(month, Amounts()).billed for month in months)
            if not any(amounts):
                continue
            if color == charts.OTHER:
                others = [a + b for a, b in zip(others, amounts, strict=True)]
            else:
                own.append(charts.Series(name=source, label=self.source_label(source), color=color, amounts=amounts))
        if any(others):
            own.append(
                charts.Series(name=charts.OTHER, label="Other sources", color=charts.OTHER, amounts=tuple(others))
            )
        return own

    def _lines(self, key: Callable[[BillingLine], str]) -> dict[str, list[BillingLine]]:
        """The lines that are due, or all if nothing is, by key."""
        found: dict[str, list[BillingLine]] = defaultdict(list)
        for period in self.periods:
            for line in period.lines:
                if line.posted != self.showback:
                    found[key(line)].append(line)
        return {name: found[name] for name in sorted(found)}

    def _add_up(self, key: Callable[[BillingLine], str], *, posted: bool) -> dict[str, dict[str, Amounts]]:
        found: dict[str, dict[str, Amounts]] = defaultdict(dict)
        for period in self.periods:
            parts: dict[str, list[Amounts]] = defaultdict(list)
            for line in period.lines:
                if line.posted == posted:
                    parts[key(line)].append(line.amounts)
            for name, amounts in parts.items():
                found[name][period.period] = Amounts.total(amounts)
        return {name: found[name] for name in sorted(found)}

    def _held(self, key: Callable[[QueueItem], str]) -> dict[str, tuple[QueueItem, ...]]:
        """What is held today, by payer if known, newest month first."""
        found: dict[str, list[QueueItem]] = defaultdict(list)
        for period in reversed(self.periods):
            for item in period.undecided:
                if key(item):
                    found[key(item)].append(item)
        return {name: tuple(found[name]) for name in sorted(found)}

    def _statements(self, key: Callable[[Statement], str]) -> dict[str, tuple[Statement, ...]]:
        """Statements by payer, newest first."""
        found: dict[str, list[Statement]] = defaultdict(list)
        for period in reversed(self.periods):
            for statement in period.statements:
                found[key(statement)].append(statement)
        return {name: tuple(found[name]) for name in sorted(found)}
