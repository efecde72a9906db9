"""The content of a statement over a span, as values that templates only have to show."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from openchargeback.billing.span_statements import MonthState, SpanLine, SpanRequest, SpanStatement, SubjectKind
from openchargeback.characters import one_line
from openchargeback.ledger.directory import Directory
from openchargeback.ledger.periods import fiscal, next_period
from openchargeback.ledger.settings import Config
from openchargeback.model import Amounts, State
from openchargeback.portal.letterhead import Letterhead, SummaryRow, discount_steps, room_of
from openchargeback.portal.statement_parts import OTHER_SERVICE, Figures, added, service_title, source_label
from openchargeback.portal.statement_words import Answer, amount_words, fund_days, held_words, not_charged, span_words
from openchargeback.templating.filters import date_human, days_human, period_human
from openchargeback.wording import counted, listed

NO_PERSON = "No user named"
"""The person of charges that name no user."""

_MONTHS_NAMED = 3


@dataclass(frozen=True, slots=True)
class SubjectWords:
    """Whom or what the statement is for, line by line. heading: what kind of subject; detail: the award, the PIs."""

    heading: str
    name: str
    lines: tuple[str, ...]
    detail_heading: str
    detail: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthRow:
    """One month of use with its amounts. state: of that billing month, and which later months billed some of it."""

    month: str
    figures: Figures
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRow:
    """What one project, PI, fund, service or person comes to. id: empty if it would only repeat the name."""

    name: str
    id: str
    figures: Figures


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The amounts by project, PI, fund, service or person; the rows add up to the total."""

    heading: str
    column: str
    rows: tuple[GroupRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanView:
    """Everything on a statement over a span, in reading order.

    span: its name; days: the days themselves, empty if the name gives them. months: in calendar order, without gaps.
    only_shown: nothing is charged by design. beside: the list price of what is only shown, next to what is charged.
    total: of months and of each group.
    """

    number: str
    span: str
    days: str
    issued: dt.date
    revision: int
    draft: bool
    currency: str
    head: Letterhead
    subject: SubjectWords
    answer: Answer
    summary: tuple[SummaryRow, ...]
    held_words: str
    months: tuple[MonthRow, ...]
    total: Figures
    groups: tuple[Group, ...]
    has_vendor: bool
    has_covered: bool
    only_shown: bool
    beside: Decimal | None
    note: str
    digest: str

    @property
    def word(self) -> str:
        """What the document is called."""
        return "Draft statement" if self.draft else "Statement"

    kind = "Statement"
    ask_by = "statement"

    @property
    def document(self) -> str:
        """The number that the reader gives."""
        return self.number

    @property
    def name(self) -> str:
        """The document with its number."""
        return f"{self.kind} {self.number}"

    @property
    def dates(self) -> tuple[str, ...]:
        """Its days, if its name does not give them, and since when it stands."""
        dated = f"{'As of' if self.draft else 'Issued'} {date_human(self.issued)}"
        return tuple(dict.fromkeys((self.days, dated))) if self.days not in ("", self.span) else (dated,)

    @property
    def more(self) -> tuple[str, ...]:
        """What stands below the answer: what is not charged."""
        return (not_charged(self.beside, self.currency),) if self.beside is not None else ()

    @property
    def title(self) -> str:
        """The document's title, for windows, search results and screen readers."""
        return f"{self.word} {self.number}: {self.subject.name}, {self.span}"

    @property
    def last_column(self) -> str:
        """The name of the last column of amounts."""
        return "Value" if self.only_shown else "Charged"

    @property
    def room(self) -> str:
        """The width that its amounts need, as a class of the style sheet."""
        rows = [
            self.total,
            *(row.figures for row in self.months),
            *(row.figures for each in self.groups for row in each.rows),
        ]
        return room_of((amount for row in rows for amount in (row.list, row.discount, row.due)), self.currency)


def span_view(statement: SpanStatement, config: Config, directory: Directory, *, has_logo: bool = False) -> SpanView:
    """The view of a statement over a span. config, directory: today's."""
    request = statement.request
    charged = [line for line in statement.lines if line.posted]
    shown = [line for line in statement.lines if not line.posted]
    lines = charged or shown
    total = _figures(lines)
    return SpanView(
        number=statement.number,
        span=span_name(request, config.fiscal_year_starts),
        days="" if request.period else days_human(request.first, request.last),
        issued=statement.issued,
        revision=statement.revision,
        draft=statement.draft,
        currency=statement.currency,
        head=Letterhead.of(config, has_logo=has_logo),
        subject=_subject(statement, directory),
        answer=_answer(statement, total, only_shown=not charged),
        summary=_summary(lines, total, config, "Value" if not charged and shown else "Charged"),
        held_words=held_words(statement.held, statement.currency),
        months=_months(lines, statement),
        total=total,
        groups=_groups(lines, request, config, directory),
        has_vendor=any(line.amounts.discount != line.amounts.covered for line in lines),
        has_covered=any(line.amounts.covered for line in lines),
        only_shown=bool(shown) and not charged,
        beside=_figures(shown).list if shown and charged else None,
        note=_note(request),
        digest=statement.digest[:16],
    )


def span_name(request: SpanRequest, fiscal_year_starts: int) -> str:
    """`January 2025`, `Fiscal year 2025`, `2024`, or the days themselves."""
    first, last = request.first, request.last
    if request.period:
        return period_human(request.period)
    year, month = fiscal(first, fiscal_year_starts)
    ends = last + dt.timedelta(days=1)
    if first.day == ends.day == 1 and month == 1 and fiscal(last, fiscal_year_starts) == (year, 12):
        return f"Fiscal year {year}" if fiscal_year_starts > 1 else str(year)
    return days_human(first, last)


def _figures(lines: Iterable[SpanLine]) -> Figures:
    return Figures.of(Amounts.total(line.amounts for line in lines))


def _subject(statement: SpanStatement, directory: Directory) -> SubjectWords:
    subject = statement.request.subject
    pis = list(dict.fromkeys(line.pi for line in statement.lines))
    people = listed([one_line(directory.person(pi).name) or "Unknown PI" for pi in pis], _MONTHS_NAMED)
    projects = counted(len({line.project for line in statement.lines}), "project")
    match subject.kind:
        case SubjectKind.PROJECT:
            project = directory.project(subject.id)
            performance = span_words(project.start, project.end)
            detail = tuple(filter(None, (one_line(project.award), performance)))
            own = [one_line(project.id)] if project.id != project.title else []
            name = one_line(project.title) or one_line(project.id) or "No project"
            return SubjectWords("Project", name, (*own, people), "Award and period of performance", detail)
        case SubjectKind.FUND:
            fund = directory.fund(subject.id)
            name = one_line(fund.title) or one_line(fund.id) or "No fund"
            own = [one_line(fund.id)] if fund.title else []
            return SubjectWords(
                "Fund", name, tuple(own), "Pays for", tuple(filter(None, (fund_days(fund), projects, people)))
            )
        case SubjectKind.PI:
            person = directory.person(subject.id)
            email = one_line(person.email) if person.email != person.name else ""
            own = list(filter(None, (one_line(person.department), email)))
            return SubjectWords("For", one_line(person.name) or "Unknown PI", tuple(own), "Projects", (projects,))
        case SubjectKind.DEPARTMENT:
            count = counted(len(pis), "PI")
            return SubjectWords(
                "Department", one_line(subject.id) or "No department", (), "Includes", (count, projects)
            )


def _answer(statement: SpanStatement, total: Figures, *, only_shown: bool) -> Answer:
    so_far = " so far" if statement.draft else ""
    currency = statement.currency
    worth = total.list > 0 and not total.due
    if only_shown and statement.lines:
        amount = total.list if worth else total.due
        words = "For your information. Nothing is charged."
        return Answer(heading=f"Value of usage{so_far}", amount=amount, is_value=worth, also="", sentence=words)
    return Answer(
        heading=f"Value received{so_far}" if worth else f"Charged{so_far}",
        amount=total.list if worth else total.due,
        is_value=worth,
        also=f"Charged {amount_words(total.due, currency)}" if worth else "",
        sentence=_what_it_sums_up(statement),
    )


def _what_it_sums_up(statement: SpanStatement) -> str:
    count = len({line.statement for line in statement.lines})
    if not count:
        return "Nothing was charged."
    what = f"This sums up {counted(count, 'monthly statement')}; it is not a bill."
    unfinished = [period_human(each.period) for each in statement.states if each.closed_on is None]
    if unfinished:
        verb = "is" if len(unfinished) == 1 else "are"
        return f"{what} {listed(unfinished, _MONTHS_NAMED)} {verb} open, so amounts may change."
    if statement.draft:
        return f"{what} The ledger ends with {period_human(statement.states[-1].period)}, so more may follow."
    return f"{what} Each amount was charged when its month was closed."


def _summary(lines: Sequence[SpanLine], total: Figures, config: Config, last: str) -> tuple[SummaryRow, ...]:
    """From the list price to what was charged, by who grants which discount."""
    sources = {
        source: Figures.of(amounts) for source, amounts in added((line.source, line.amounts) for line in lines).items()
    }
    rows = [SummaryRow(label="List price", detail="", amount=total.list), *discount_steps(sources, config)]
    return (*rows, SummaryRow(label=last, detail="", amount=total.due))


def _months(lines: Sequence[SpanLine], statement: SpanStatement) -> tuple[MonthRow, ...]:
    found = added((line.month, line.amounts) for line in lines)
    states = {each.period: each for each in statement.states}
    return tuple(
        MonthRow(
            month=month,
            figures=Figures.of(found.get(month, Amounts())),
            state=_state(month, [line for line in lines if line.month == month], states, statement.currency),
        )
        for month in _calendar(sorted(found))
    )


def _calendar(found: Sequence[str]) -> list[str]:
    """Every month from the first with a charge to the last: months before or after say nothing."""
    if not found:
        return []
    months = [found[0]]
    while months[-1] < found[-1]:
        months.append(next_period(months[-1]))
    return months


def _state(month: str, lines: Sequence[SpanLine], states: Mapping[str, MonthState], currency: str) -> str:
    """The state of the month, and what other months billed of its charges."""
    own = _month_words(states.get(month))
    elsewhere = added((line.period, line.amounts) for line in lines if line.period != month)
    later = [
        f"{amount_words(amounts.billed, currency)} of it billed in {period_human(period)}"
        for period, amounts in sorted(elsewhere.items())
    ]
    return "; ".join((own, *later))


def _month_words(month: MonthState | None) -> str:
    if month is None:
        return "No charge files"
    if month.closed_on is None:
        return "Open"
    word = "Finalized" if month.state is State.FINALIZED else "Closed"
    revision = f", revision {month.revision}" if month.revision > 1 else ""
    return f"{word}, {date_human(month.closed_on)}{revision}"


def _groups(lines: Sequence[SpanLine], request: SpanRequest, config: Config, directory: Directory) -> tuple[Group, ...]:
    """By project, PI and fund if there are several, by service, and by person if asked for and known."""

    def project(id_: str) -> tuple[str, str]:
        return one_line(directory.project(id_).title) or "No project", one_line(id_)

    def person(email: str) -> tuple[str, str]:
        return one_line(directory.person(email).name) or "Unknown PI", one_line(email)

    def fund(id_: str) -> tuple[str, str]:
        return one_line(directory.fund(id_).title) or one_line(id_) or "None", one_line(id_)

    several = (
        ("By project", "Project", lambda line: line.project, project),
        ("By PI", "PI", lambda line: line.pi, person),
        ("By fund", "Fund", lambda line: line.fund, fund),
    )
    groups = [_group(heading, column, lines, key, words) for heading, column, key, words in several]
    found = [each for each in groups if len(each.rows) > 1]
    found.append(_by_service(lines, config))
    if request.by_person and (people := by_person(lines)):
        found.append(people)
    return tuple(each for each in found if each.rows)


def by_person(lines: Sequence[SpanLine]) -> Group | None:
    """The amounts by person; None if no charge names one."""
    if not any(line.person for line in lines):
        return None
    return _group("By person", "Person", lines, lambda line: line.person, _user)


def _user(name: str) -> tuple[str, str]:
    return one_line(name) or NO_PERSON, ""


def _group(
    heading: str,
    column: str,
    lines: Iterable[SpanLine],
    key: Callable[[SpanLine], str],
    words: Callable[[str], tuple[str, str]],
) -> Group:
    rows = []
    for value, amounts in added((key(line), line.amounts) for line in lines).items():
        name, id_ = words(value)
        rows.append(GroupRow(name=name, id=id_ if id_ != name else "", figures=Figures.of(amounts)))
    return Group(heading=heading, column=column, rows=_largest_first(rows))


def _by_service(lines: Iterable[SpanLine], config: Config) -> Group:
    rows = []
    for (source, service), amounts in added(((line.source, line.service), line.amounts) for line in lines).items():
        name = service_title(one_line(service) or OTHER_SERVICE, source_label(config, source))
        rows.append(GroupRow(name=name, id="", figures=Figures.of(amounts)))
    return Group(heading="By service", column="Service", rows=_largest_first(rows))


def _largest_first(rows: Iterable[GroupRow]) -> tuple[GroupRow, ...]:
    return tuple(sorted(rows, key=lambda row: (-abs(row.figures.due), -abs(row.figures.list), row.name, row.id)))


def _note(request: SpanRequest) -> str:
    if request.period:
        return "Credits and late charges of the month are included."
    return (
        "A charge counts for the day on which it starts (UTC), in whichever month it was billed. Amounts are those of "
        "the monthly statements, to the cent."
    )
