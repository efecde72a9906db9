"""The charge browser: every charge of a month, and those of a project or PI over twelve months."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from openchargeback import money
from openchargeback.billing.browsed_charges import DETAILS, BrowsedCharges
from openchargeback.characters import BIDIRECTIONAL
from openchargeback.csv_writing import NUMBER, RISKY
from openchargeback.model import BilledPeriod, Entry, SourceTotals
from openchargeback.money import ZERO
from openchargeback.portal import paths
from openchargeback.portal.questions import CHARGE, SUBJECT, question_address
from openchargeback.portal.shell import Link
from openchargeback.portal.views.common import Book, StateView, state_view
from openchargeback.templating.filters import flag_title, period_human, period_short, relative

STATES = {"billed": "Billed", "shown": "Not charged", "held": "Held", "rejected": "Rejected"}
"""The states of a charge, in words. shown: its source does not post, so it is only shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeRow:
    """A charge for readers without scripts. Amounts are in cents if it is billed, else exact."""

    id: str
    day: str
    service: str
    resource: str
    project: str
    fund: str
    list: Decimal
    discount: Decimal
    amount: Decimal
    currency: str
    state: str
    word: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrencyTotals:
    """The control totals of a month in one currency, exact; due: in cents."""

    currency: str
    charges: int
    imported: Decimal
    held: Decimal
    rejected: Decimal
    due: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthOfCharges:
    """The charges of a month. setup: what the script must know, as JSON. corrections: the amount, in cents, that the
    month's statements contain for charges of earlier months, which are not listed; None if there are none.
    """

    period: str
    state: StateView
    link: str
    sources: int
    charges: int
    rows: tuple[ChargeRow, ...]
    totals: tuple[CurrencyTotals, ...]
    corrections: Decimal | None
    csv: str
    scripts: tuple[str, ...]
    views: tuple[Link, ...]
    setup: str


@dataclass(frozen=True, slots=True, kw_only=True)
class YearOfCharges:
    """The months that have charges, newest first, and the last twelve for the charges of a project or PI."""

    months: tuple[tuple[Link, StateView, int, Decimal], ...]
    total: Decimal
    choices: tuple[tuple[str, str, str], ...]
    scripts: tuple[str, ...]
    setup: str


def month_of_charges(book: Book, index: int, browsed: BrowsedCharges) -> MonthOfCharges:
    """The charges of the month at this index."""
    period = book.periods[index]
    name, page = period.period, paths.charges_page(period.period)
    corrections = [line.amounts.billed for line in period.lines if line.entry is not Entry.OWN and line.posted]
    return MonthOfCharges(
        period=name,
        state=state_view(period),
        link=paths.period_page(name),
        sources=len({total.source for total in period.sources}),
        charges=browsed.rows,
        rows=tuple(map(_row, browsed.first)),
        totals=_totals(period),
        corrections=money.total(*corrections) if corrections else None,
        csv=paths.charges_file(period),
        scripts=(paths.CHARGE_NAMES, paths.charges_script(name)),
        views=tuple(
            Link(label, f"{page}#{conditions.removeprefix('#')}")
            for label, conditions in book.config.portal.views.items()
        ),
        setup=_setup(book, page, [period]),
    )


def year_of_charges(book: Book) -> YearOfCharges:
    """The list of months, and what the script needs for twelve of them."""
    year = set(book.year())
    latest = [period for period in book.periods if period.period in year]
    rows = tuple(
        (
            Link(period_human(each.period), paths.charges_page(each.period)),
            state_view(each),
            _count(each),
            book.totals[each.period].billed,
        )
        for each in reversed(book.periods)
    )
    projects = sorted(book.project_ids)
    return YearOfCharges(
        months=rows,
        total=money.total(*(amount for *_, amount in rows)),
        choices=(
            *(("pi", email, book.person(email).name or email) for email in book.pis),
            *(("project", project, project) for project in projects if project),
        ),
        scripts=(paths.CHARGE_NAMES,),
        setup=_setup(book, paths.CHARGES, latest),
    )


def charge_names(book: Book) -> dict[str, dict[str, str]]:
    """How the charge browser shows PIs, sources and flags: text → name, where they differ."""
    sources = {total.source for period in book.periods for total in period.sources}
    flags = {total.flag for period in book.periods for total in period.flags}
    names = {
        "pi": {email: book.person(email).name for email in book.pis},
        "source": {source: book.source_label(source) for source in sorted(sources)},
        "flag": {flag: flag_title(flag) for flag in sorted(flags)},
    }
    return {
        kind: {text: name for text, name in found.items() if name and name != text} for kind, found in names.items()
    }


Browsed = Callable[[BilledPeriod], BrowsedCharges]
"""The charges of a billed period, made when they are asked for."""


def _setup(book: Book, page: str, periods: Sequence[BilledPeriod]) -> str:
    """What the script must know, as JSON: months and their files, currencies, and rules that are also Python's."""
    currencies = {book.currency, *(total.currency for period in periods for total in period.sources)}
    return json.dumps(
        {
            "months": [
                {
                    "period": each.period,
                    "name": period_human(each.period),
                    "short": period_short(each.period),
                    "charges": _count(each),
                    "decided": book.decided_later.get(each.period, {}),
                    "page": relative(page, paths.charges_page(each.period)),
                    "data": relative(page, paths.charges_script(each.period)),
                    "details": relative(page, paths.charge_details_script(each.period, 0)).removesuffix("0.js"),
                }
                for each in periods
            ],
            "detailsPerFile": DETAILS,
            "currency": book.currency,
            "places": {currency: money.places(currency) for currency in sorted(currencies)},
            "states": STATES,
            "due": "Value" if book.showback else "Due",
            "risky": RISKY,
            "number": NUMBER,
            "question": question_address(book.config, SUBJECT, CHARGE),
            "misleading": "".join(sorted(BIDIRECTIONAL)),
        },
        ensure_ascii=True,
    )


def _count(period: BilledPeriod) -> int:
    return sum(total.charges for total in period.sources)


def _row(charge: dict[str, str]) -> ChargeRow:
    listed, amount = Decimal(charge["list"]), Decimal(charge["amount"])
    return ChargeRow(
        **{name: charge[name] for name in ("id", "day", "service", "resource", "project", "fund", "currency", "state")},
        list=listed,
        discount=money.total(amount, money.negative(listed)),
        amount=amount,
        word=STATES[charge["state"]],
    )


def _totals(period: BilledPeriod) -> tuple[CurrencyTotals, ...]:
    """One for each currency, the ledger's own first; a month without charges has one of zeros."""
    by_currency: dict[str, list[SourceTotals]] = {period.currency: []}
    for total in period.sources:
        by_currency.setdefault(total.currency, []).append(total)
    due = [line.amounts.billed for line in period.lines if line.entry is Entry.OWN and line.posted]
    return tuple(
        CurrencyTotals(
            currency=currency,
            charges=sum(total.charges for total in totals),
            imported=money.total(*(total.imported for total in totals)),
            held=money.total(*(total.held for total in totals)),
            rejected=money.total(*(total.rejected for total in totals)),
            due=money.total(ZERO, *due) if currency == period.currency else None,
        )
        for currency, totals in by_currency.items()
    )
