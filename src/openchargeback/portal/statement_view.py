"""The content of a statement, as values that templates only have to show.

    Statement + Config + history ─▶ StatementView ─┬▶ statement.pdf.html ─▶ PDF
                                                   └▶ statement.html     ─▶ page of the portal

All figures are in the minor unit of the ledger's currency and tie: the services of a source add up to its subtotal,
the subtotals and the funds to the total, and the resources of a service with its rest and its credits to the service.
Charged and shown-only amounts (sources with `post: false`) are separate throughout: two parts, two totals.
A discount is negative here, as it is printed, so that every row shows `list + discount == due`.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TypeVar

from openchargeback import money
from openchargeback.billing.invoices import is_invoice
from openchargeback.characters import one_line
from openchargeback.explanations import explain
from openchargeback.ledger.periods import CHART_MONTHS, first_day, last_day, months_until
from openchargeback.ledger.settings import Config, Contact
from openchargeback.model import (
    Amounts,
    BillingLine,
    Entry,
    Kind,
    PeriodAmounts,
    QueueItem,
    Reference,
    ResourceLine,
    Statement,
)
from openchargeback.portal.attribution_words import attribution_sentence
from openchargeback.portal.discount_words import DiscountRow, discount_rows, discount_sentence
from openchargeback.portal.invoice_view import InvoiceView, invoice_view
from openchargeback.review.held_sums import HeldSum, in_total
from openchargeback.templating.filters import period_human

shown = one_line
"""Text as statements show it."""

REFERENCES_SHOWN = 12
"""How many values of a reference, such as grant numbers, are listed before the rest is counted."""

CORRECTING_KINDS = frozenset({Kind.CREDIT, Kind.ADJUSTMENT, Kind.CORRECTION})
"""Shown in a separate block of a statement, since it is not usage of this month (FOCUS 1.2, ChargeCategory)."""

_KIND_WORDS = {
    Kind.USAGE: "",
    Kind.PURCHASE: "Purchase",
    Kind.TAX: "Tax",
    Kind.CREDIT: "Credit",
    Kind.ADJUSTMENT: "Adjustment",
    Kind.CORRECTION: "Correction",
}

NOTHING_CHARGED = "For your information. Nothing will be charged."
"""Shown instead of the amount due if nothing is charged by design."""

_ROOM = (("usual", 14), ("wide", 21))
"""The longest amount, in characters, that fits each column width."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """One row of amounts in cents: `list + discount == due`; the discount is negative if the PI pays less."""

    list: Decimal = money.ZERO
    discount: Decimal = money.ZERO
    due: Decimal = money.ZERO

    @staticmethod
    def of(amounts: Amounts) -> Figures:
        """The figures of billed amounts, with the printed sign."""
        return Figures(list=amounts.list, discount=money.ZERO - amounts.discount, due=amounts.billed)

    def __bool__(self) -> bool:
        return bool(self.list or self.discount or self.due)


@dataclass(frozen=True, slots=True)
class ServiceRow:
    """A service of a source: all its billing lines, whatever fund pays."""

    service: str
    figures: Figures


@dataclass(frozen=True, slots=True)
class SourceBlock:
    """The services of one source and their subtotal. `label` is the display name of the source."""

    source: str
    label: str
    services: tuple[ServiceRow, ...]
    subtotal: Figures
    discounts: tuple[DiscountRow, ...]


@dataclass(frozen=True, slots=True)
class FundRow:
    """What one accounting string pays; `fund` is empty if none is known and nothing is billed."""

    fund: str
    figures: Figures


@dataclass(frozen=True, slots=True)
class ResourceRow:
    """A resource of a service. `id` is empty if it would only repeat the name; `kind` if it is plain usage."""

    name: str
    id: str
    kind: str
    figures: Figures


@dataclass(frozen=True, slots=True)
class ResourceGroup:
    """The resources of a service: rows + rest + credits = figures.

    rest: the resources not listed, summed; rest_count: their number (0: charges that name no resource).
    credits: this service's part of the credits and corrections block.
    """

    source: str
    label: str
    service: str
    figures: Figures
    rows: tuple[ResourceRow, ...]
    rest_count: int
    rest: Figures
    credits: Figures

    @property
    def rest_words(self) -> str:
        """The label of the row with the rest."""
        if not self.rest_count:
            return "Charges that name no resource"
        plural = "resource" if self.rest_count == 1 else "resources"
        return f"and {self.rest_count} more {plural}" if self.rows else f"{self.rest_count} {plural}"


@dataclass(frozen=True, slots=True)
class CreditRow:
    """A credit, adjustment or correction, and what it refers to."""

    kind: str
    label: str
    service: str
    name: str
    id: str
    figures: Figures


@dataclass(frozen=True, slots=True)
class EarlierRow:
    """Charges of an earlier period on this statement: their description, and the credit note's own number."""

    label: str
    service: str
    what: str
    number: str
    figures: Figures


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldRow:
    """Charges under review; the amount is in `currency`, which may differ from the ledger's."""

    label: str
    service: str
    reasons: tuple[str, ...]
    charges: int
    exact_billed: Decimal
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One month of the chart. `list` and `due` in cents. known: the ledger has any charges of that month."""

    period: str
    list: Decimal
    due: Decimal
    current: bool
    known: bool


@dataclass(frozen=True, slots=True)
class DiscountNote:
    """Explains the discount of a source: the source, whose discount it is, and the institution's text."""

    label: str
    discounts: tuple[DiscountRow, ...]
    note: str


@dataclass(frozen=True, slots=True)
class ReferenceRow:
    """The values of one reference in the charges: `Grant`, `GR-1, GR-2 and 3 more`."""

    label: str
    values: str


@dataclass(frozen=True, slots=True)
class Part:
    """The tables of a statement over some of its lines, with their total."""

    total: Figures
    sources: tuple[SourceBlock, ...]
    earlier: tuple[EarlierRow, ...]
    earlier_total: Figures
    resources: tuple[ResourceGroup, ...]
    credits: tuple[CreditRow, ...]
    credits_total: Figures


@dataclass(frozen=True, slots=True)
class StatementView:
    """Everything on a statement, in reading order.

    only_shown: nothing on it is charged; then `main` is what is shown, `due` of a figure is the value of the usage, and
    no fund is shown. main: what is charged, otherwise. shown: the shown-only part beside it; None if there is none.
    discounts: the rows between list price and amount due.
    subsidized: nothing is left of the list price, so that the value received is what counts.
    sentence: the summary in words. attribution: how PI, project and fund were found, in a sentence; empty if unknown.
    invoice: what makes it the invoice of an external payer; None for others.
    questions_until: None on a draft, for which no deadline runs yet.
    digest: the first 16 digits of the digest that the figures rest on.
    """

    number: str
    period: str
    period_name: str
    first_day: dt.date
    last_day: dt.date
    issued: dt.date
    revision: int
    draft: bool
    currency: str
    organization: str
    unit: str
    address: tuple[str, ...]
    has_logo: bool
    pi_name: str
    pi_email: str
    department: str
    project_title: str
    project_id: str
    references: tuple[ReferenceRow, ...]
    attribution: str
    invoice: InvoiceView | None
    funds: tuple[str, ...]
    only_shown: bool
    main: Part
    shown: Part | None
    discounts: tuple[DiscountRow, ...]
    subsidized: bool
    sentence: str
    bars: tuple[Bar, ...]
    fund_rows: tuple[FundRow, ...]
    held: tuple[HeldRow, ...]
    held_total: tuple[HeldSum, ...]
    discount_notes: tuple[DiscountNote, ...]
    notes: tuple[str, ...]
    contact: Contact
    questions_until: dt.date | None
    digest: str

    @property
    def word(self) -> str:
        """What the document is called."""
        return self.invoice.word if self.invoice else "Statement"

    @property
    def title(self) -> str:
        """The document's title, for windows, search results and screen readers."""
        number = self.invoice.number if self.invoice else self.number
        return f"{self.word} {number}: {self.project_title}, {self.period_name}"

    @property
    def room(self) -> str:
        """The width that its amounts need, as a class of the style sheet: `usual`, `wide` or `huge`."""
        rows = [row for part in (self.main, self.shown) if part for row in _rows(part)]
        amounts = [amount for row in rows for amount in (row.list, row.discount, row.due)]
        held = (each.exact_billed for each in self.held_total)
        longest = max(len(money.human(amount, self.currency)) for amount in (*amounts, *held))
        return next((name for name, most in _ROOM if longest <= most), "huge")


def _rows(part: Part) -> Iterable[Figures]:
    """Every row of amounts in the tables of a part."""
    yield from (part.total, part.earlier_total, part.credits_total)
    for block in part.sources:
        yield from (block.subtotal, *(row.figures for row in block.services))
    for group in part.resources:
        yield from (group.figures, group.rest, group.credits, *(row.figures for row in group.rows))
    yield from (row.figures for row in part.earlier)
    yield from (row.figures for row in part.credits)


def statement_view(
    statement: Statement, config: Config, history: Sequence[PeriodAmounts] = (), *, has_logo: bool = False
) -> StatementView:
    """The view of `statement`.

    history: the same PI and project in other periods, in any order; a missing month has no data, and this period's own
    amounts always come from the statement. has_logo: whether the template may request the logo.
    """
    only_shown = statement.only_shown
    total = statement.shown if only_shown else statement.amounts
    main = _part(statement, config, posted=not only_shown)
    mixed = not only_shown and any(not line.posted for line in statement.lines)
    shown_part = _part(statement, config, posted=False) if mixed else None
    organization, contact = config.organization, config.organization.contact
    held = tuple(_held(item, config) for item in statement.held)
    until = statement.issued + dt.timedelta(days=config.statements.questions_until_days)
    return StatementView(
        number=statement.number,
        period=statement.period,
        period_name=period_human(statement.period),
        first_day=first_day(statement.period),
        last_day=last_day(statement.period),
        issued=statement.issued,
        revision=statement.revision,
        draft=statement.draft,
        currency=config.currency,
        organization=shown(organization.name),
        unit=shown(organization.unit),
        address=tuple(shown(line) for line in organization.address),
        has_logo=has_logo,
        pi_name=shown(statement.pi.name) or shown(statement.pi.email) or "Unknown PI",
        pi_email=shown(statement.pi.email) if statement.pi.email != statement.pi.name else "",
        department=shown(statement.pi.department),
        project_title=shown(statement.project.title) or shown(statement.project.id) or "No project",
        project_id=shown(statement.project.id) if statement.project.id != statement.project.title else "",
        references=tuple(_reference(reference) for reference in statement.references),
        attribution=_attribution(statement, config.currency),
        invoice=invoice_view(statement, config),
        funds=tuple(shown(fund) for fund in statement.funds),
        only_shown=only_shown,
        main=main,
        shown=shown_part,
        discounts=discount_rows(total, shown(organization.name), corrected=_corrected(statement)),
        subsidized=total.list > 0 and not total.billed,
        sentence=NOTHING_CHARGED
        if only_shown
        else _sentence(total, config, held=bool(held), invoiced=is_invoice(statement)),
        bars=_bars(statement, history),
        fund_rows=_funds(line for line in statement.lines if line.journaled),
        held=held,
        held_total=in_total(statement.held, config.currency),
        discount_notes=_discount_notes((*main.sources, *(shown_part.sources if shown_part else ())), config),
        notes=tuple(shown(part) for part in config.statements.note.split("\n\n") if part.strip()),
        contact=Contact(*(shown(part) for part in (contact.name, contact.email, contact.phone, contact.url))),
        questions_until=None if statement.draft else until,
        digest=statement.digest[:16],
    )


def _attribution(statement: Statement, currency: str) -> str:
    posted = (each for each in statement.attributions if each.posted)
    found = [replace(each, by=tuple(map(shown, each.by))) for each in posted]
    return attribution_sentence(found, currency, invoiced=is_invoice(statement))


def _part(statement: Statement, config: Config, *, posted: bool) -> Part:
    """The posted lines, or the shown-only ones, with their resources."""
    lines = [line for line in statement.lines if line.posted == posted]
    own = [line for line in lines if line.entry is Entry.OWN]
    sources = {line.source for line in own}
    resources = [part for part in statement.resources if part.source in sources]
    earlier = _earlier(lines, statement.credit_notes, config)
    corrections = _credits(resources, config)
    return Part(
        total=Figures.of(Amounts.total(line.amounts for line in lines)),
        sources=_sources(own, config),
        earlier=earlier,
        earlier_total=_sum(row.figures for row in earlier),
        resources=_resources(own, resources, config),
        credits=corrections,
        credits_total=_sum(row.figures for row in corrections),
    )


def flag_words(flag: str) -> str:
    """A flag as a readable reason: `missing-fund` is "no fund is named"; the institution's patterns by their name."""
    if flag.startswith("pattern:"):
        return f"rule “{shown(flag.removeprefix('pattern:'))}”"
    known = explain(flag)
    return (known.on_statement if known else "") or shown(flag.replace("-", " "))


def _reference(reference: Reference) -> ReferenceRow:
    listed = [shown(value) for value in reference.values[:REFERENCES_SHOWN]]
    rest = reference.count - len(listed)
    label = shown(reference.name).replace("_", " ")
    return ReferenceRow(label[:1].upper() + label[1:], ", ".join(listed) + (f" and {rest:,} more" if rest else ""))


def _sentence(total: Amounts, config: Config, *, held: bool, invoiced: bool) -> str:
    if not total.list and not total.billed:
        return "Nothing was billed for this project" + (" so far: its charges are under review." if held else ".")
    if total.billed < 0:
        back = f"{_amount(abs(total.billed), config.currency)} is returned to the fund"
        return "Credits exceed charges" + ("." if invoiced else f": {back}.")
    if total.list <= 0:
        return "The amount due comes from credits and corrections of earlier charges."
    if total.discount < 0:
        return f"The amount due is {_amount(abs(total.discount), config.currency)} above the list price."
    return discount_sentence(total, shown(config.organization.name))


def _corrected(statement: Statement) -> bool:
    """Whether anything on the statement takes back an amount billed elsewhere."""
    return any(line.entry is not Entry.OWN for line in statement.lines) or any(
        part.kind in CORRECTING_KINDS for part in statement.resources
    )


def _amount(amount: Decimal, currency: str) -> str:
    return f"{currency}\N{NO-BREAK SPACE}{money.human(amount, currency)}"


def _sources(lines: Iterable[BillingLine], config: Config) -> tuple[SourceBlock, ...]:
    services: dict[str, dict[str, Amounts]] = {}
    found = _added(((line.source, line.service), line.amounts) for line in lines)
    for (source, service), amounts in sorted(found.items(), key=_first):
        services.setdefault(source, {})[service] = amounts
    return tuple(
        SourceBlock(
            source,
            source_label(config, source),
            tuple(
                ServiceRow(service=shown(service) or "Other", figures=Figures.of(amounts))
                for service, amounts in rows.items()
            ),
            Figures.of(Amounts.total(rows.values())),
            discount_rows(Amounts.total(rows.values()), shown(config.organization.name)),
        )
        for source, rows in services.items()
    )


def _earlier(lines: Iterable[BillingLine], notes: Mapping[str, str], config: Config) -> tuple[EarlierRow, ...]:
    """The lines of earlier periods, in order; their funds are in the table of funds."""
    return tuple(
        EarlierRow(
            label=source_label(config, line.source),
            service=shown(line.service) or "Other",
            what=_what_earlier(line),
            number=notes[line.corrects] if line.entry is Entry.CREDIT else "",
            figures=Figures.of(line.amounts),
        )
        for line in sorted(lines, key=lambda line: (line.original, line.corrects, line.key))
        if line.entry is not Entry.OWN
    )


def _what_earlier(line: BillingLine) -> str:
    month = period_human(line.original)
    if line.entry is Entry.LATE:
        return f"Late from {month}, when it was under review"
    if line.entry is Entry.CREDIT:
        return f"Credit for {month}, reverses charges of statement {line.corrects}"
    return f"Billed again for {month}, first on statement {line.corrects}"


def source_label(config: Config, source: str) -> str:
    """The display name of a source: its label in the config, else its name."""
    return shown(config.source(source).label) or shown(source)


def _funds(lines: Iterable[BillingLine]) -> tuple[FundRow, ...]:
    funds = _added((line.fund, line.amounts) for line in lines)
    return tuple(FundRow(shown(fund), Figures.of(amounts)) for fund, amounts in sorted(funds.items(), key=_first))


_T = TypeVar("_T")


def _added(parts: Iterable[tuple[_T, Amounts]]) -> dict[_T, Amounts]:
    """The amounts of each key, added up."""
    found: dict[_T, Amounts] = {}
    for key, amounts in parts:
        found[key] = found.get(key, Amounts()) + amounts
    return found


def _first(pair: tuple[_T, Amounts]) -> _T:
    return pair[0]


_Place = tuple[str, str]
"""Source and service."""
_Key = tuple[str, str, Kind]
"""A resource within them: name, id, kind of charge; funds are added up."""


def _resources(
    own: Iterable[BillingLine], resources: Iterable[ResourceLine], config: Config
) -> tuple[ResourceGroup, ...]:
    """The largest resources by list price, as many as the config allows on a part of a statement, in their services."""
    resources = tuple(resources)
    lines = _added(((line.source, line.service), line.amounts) for line in own)
    corrections = _added(
        ((part.source, part.service), part.amounts) for part in resources if part.kind in CORRECTING_KINDS
    )
    named = _added(
        (((part.source, part.service), (part.resource_name, part.resource_id, part.kind)), part.amounts)
        for part in resources
        if part.kind not in CORRECTING_KINDS and (part.resource_name or part.resource_id)
    )
    ranked = sorted(named.items(), key=lambda row: (-abs(row[1].list), -abs(row[1].billed), row[0]))
    counts = Counter(place for place, _ in named)
    listed: dict[_Place, list[tuple[_Key, Amounts]]] = {}
    for (place, key), amounts in ranked[: max(config.statements.resources, 0)]:
        listed.setdefault(place, []).append((key, amounts))
    # If no resource has a name, the table of services says it all.
    return tuple(
        _resource_group(place, whole, listed.get(place, []), counts[place], corrections.get(place, Amounts()), config)
        for place, whole in sorted(lines.items(), key=_first)
        if place in counts
    )


def _resource_group(
    place: _Place, whole: Amounts, rows: Sequence[tuple[_Key, Amounts]], count: int, corrected: Amounts, config: Config
) -> ResourceGroup:
    listed = Amounts.total(amounts for _, amounts in rows) + corrected
    rest = whole - listed
    return ResourceGroup(
        source=place[0],
        label=source_label(config, place[0]),
        service=shown(place[1]) or "Other",
        figures=Figures.of(whole),
        rows=tuple(_resource_row(key, amounts) for key, amounts in rows),
        rest_count=count - len(rows),
        rest=Figures.of(rest),
        credits=Figures.of(corrected),
    )


def _resource_row(key: tuple[str, str, Kind], amounts: Amounts) -> ResourceRow:
    name, identifier, kind = shown(key[0]), shown(key[1]), key[2]
    return ResourceRow(
        name=name or identifier,
        id=identifier if name and identifier != name else "",
        kind=_KIND_WORDS[kind],
        figures=Figures.of(amounts),
    )


def _credits(resources: Iterable[ResourceLine], config: Config) -> tuple[CreditRow, ...]:
    rows = sorted(
        (part for part in resources if part.kind in CORRECTING_KINDS),
        key=lambda part: (part.kind, part.source, part.service, part.resource_name, part.resource_id, part.fund),
    )
    return tuple(
        CreditRow(
            kind=_KIND_WORDS[part.kind],
            label=source_label(config, part.source),
            service=shown(part.service) or "Other",
            name=shown(part.resource_name) or shown(part.resource_id),
            id=shown(part.resource_id) if part.resource_name and part.resource_id != part.resource_name else "",
            figures=Figures.of(part.amounts),
        )
        for part in rows
    )


def _held(item: QueueItem, config: Config) -> HeldRow:
    return HeldRow(
        label=source_label(config, item.source),
        service=shown(item.service) or "Other",
        reasons=tuple(flag_words(flag) for flag in item.uncleared),
        charges=item.charges,
        exact_billed=item.exact_billed,
        currency=item.currency,
    )


def _bars(statement: Statement, history: Sequence[PeriodAmounts]) -> tuple[Bar, ...]:
    """The amount due by month; on a shown-only statement, the value of the usage."""
    period, shows = statement.period, statement.only_shown
    known = {entry.period: entry.shown if shows else entry.amounts for entry in history}
    known[period] = statement.shown if shows else statement.amounts
    return tuple(
        Bar(
            period=at,
            list=known.get(at, Amounts()).list,
            due=known.get(at, Amounts()).billed,
            current=at == period,
            known=at in known,
        )
        for at in months_until(period, CHART_MONTHS)
    )


def _discount_notes(sources: Iterable[SourceBlock], config: Config) -> tuple[DiscountNote, ...]:
    return tuple(
        DiscountNote(
            label=block.label,
            discounts=tuple(row for row in block.discounts if row.percent),
            note=shown(config.source(block.source).note),
        )
        for block in sources
        if config.source(block.source).note
    )


def _sum(parts: Iterable[Figures]) -> Figures:
    rows = list(parts)
    return Figures(
        list=sum((row.list for row in rows), money.ZERO),
        discount=sum((row.discount for row in rows), money.ZERO),
        due=sum((row.due for row in rows), money.ZERO),
    )
