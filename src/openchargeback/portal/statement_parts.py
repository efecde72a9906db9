"""The tables of a statement: charges by service and resource, credits, and late charges, each with its total.

    own charges of the month ─▶ services with their resources ┐
    credits, adjustments, corrections; credit notes ──────────┼▶ total
    late and re-billed charges of earlier months ─────────────┘

All figures are in the minor unit of the ledger's currency and tie: the resources of a service with its rest add up to
the service, the services to the charges, and charges, credits and late charges to the total. A discount is negative
here, as it is printed, so that every row shows `list + discount == due`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TypeVar

from openchargeback import money
from openchargeback.characters import one_line
from openchargeback.ledger.settings import Config
from openchargeback.model import (
    NO_USAGE,
    Amounts,
    BillingLine,
    Correction,
    Entry,
    Kind,
    ResourceLine,
    Statement,
    Usage,
)
from openchargeback.portal.quantity_words import quantity_words
from openchargeback.templating.filters import days_human, period_human
from openchargeback.wording import counted

CORRECTING_KINDS = frozenset({Kind.CREDIT, Kind.ADJUSTMENT, Kind.CORRECTION})
"""Shown apart from the charges, since it is not usage of this month (FOCUS 1.2, ChargeCategory)."""

OTHER_SERVICE = "Other"
"""The service of charges that name none."""

_KIND_WORDS = {
    Kind.USAGE: "",
    Kind.PURCHASE: "Purchase",
    Kind.TAX: "Tax",
    Kind.CREDIT: "Credit",
    Kind.ADJUSTMENT: "Adjustment",
    Kind.CORRECTION: "Correction",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """One row of amounts in cents: `list + discount == due`; the discount is negative if the PI pays less.

    covered: the institution's part of the discount; the rest is the vendor's.
    """

    list: Decimal = money.ZERO
    discount: Decimal = money.ZERO
    due: Decimal = money.ZERO
    covered: Decimal = money.ZERO

    @staticmethod
    def of(amounts: Amounts) -> Figures:
        """The figures of billed amounts, with the printed sign."""
        return Figures(
            list=amounts.list,
            discount=money.ZERO - amounts.discount,
            due=amounts.billed,
            covered=money.ZERO - amounts.covered,
        )

    @property
    def vendor(self) -> Decimal:
        """The vendor's part of the discount."""
        return self.discount - self.covered

    def __bool__(self) -> bool:
        return bool(self.list or self.discount or self.due)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceRow:
    """A resource of a service. `id` is empty if it would only repeat the name; `kind` if it is plain usage.

    quantity: with its unit price, in words.
    """

    name: str
    id: str
    kind: str
    quantity: str
    figures: Figures


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceBlock:
    """The charges of one service of a source: rows + rest + nothing = figures.

    label: the display name of the source. rows: the largest resources. rest: the resources not listed, summed;
    rest_count: their number (0: charges that name no resource). free: how many resources cost nothing, even at list
    price; they are in neither.
    """

    source: str
    label: str
    service: str
    figures: Figures
    rows: tuple[ResourceRow, ...]
    rest_count: int
    rest: Figures
    free: int

    @property
    def title(self) -> str:
        """The service, and the source's name unless the service's own name says it."""
        return service_title(self.service, self.label)

    @property
    def rest_words(self) -> str:
        """The label of the row with the rest."""
        if not self.rest_count:
            return "Charges that name no resource"
        more = "more " if self.rows else ""
        return f"{self.rest_count:,} {more}{'resource' if self.rest_count == 1 else 'resources'}"

    @property
    def free_words(self) -> str:
        """The label of the row with the resources that cost nothing."""
        more = "more " if self.rows or self.rest_count else ""
        return f"{self.free:,} {more}{'resource' if self.free == 1 else 'resources'} at list price 0.00"


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectionRow:
    """A credit, or a charge of an earlier month: what it is on, and what it refers to.

    original: the earlier month; empty for the statement's own. what: the sentence that names it, and the statement.
    note: the number of the credit note.
    """

    kind: str
    label: str
    service: str
    name: str
    id: str
    original: str
    what: str
    note: str
    days: str
    quantity: str
    figures: Figures


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrections:
    """The rows of a block that stands apart from the charges, with its total."""

    rows: tuple[CorrectionRow, ...]
    total: Figures

    def __bool__(self) -> bool:
        return bool(self.rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The tables of a statement over some of its lines: charges + credits + late = total."""

    services: tuple[ServiceBlock, ...]
    charges: Figures
    credits: Corrections
    late: Corrections
    total: Figures

    @property
    def is_corrected(self) -> bool:
        """Whether it has anything but the month's own charges."""
        return bool(self.credits or self.late)

    @property
    def has_quantities(self) -> bool:
        """Whether any resource has a quantity."""
        return any(row.quantity for block in self.services for row in block.rows)

    @property
    def resources(self) -> int:
        """How many rows its resources take."""
        return sum(len(block.rows) + bool(block.rest_count or block.rest) + bool(block.free) for block in self.services)

    def figures(self) -> Iterable[Figures]:
        """Every row of amounts."""
        yield from (self.charges, self.total, self.credits.total, self.late.total)
        for block in self.services:
            yield from (block.figures, block.rest, *(row.figures for row in block.rows))
        yield from (row.figures for row in (*self.credits.rows, *self.late.rows))


def part_of(statement: Statement, config: Config, *, posted: bool) -> Part:
    """The posted lines of a statement, or those that are only shown."""
    lines = [line for line in statement.lines if line.posted == posted]
    own = [line for line in lines if line.entry is Entry.OWN]
    sources = {line.source for line in own}
    resources = [part for part in statement.resources if part.source in sources]
    credited = [part for part in resources if part.kind in CORRECTING_KINDS]
    services = _services(own, resources, config)
    earlier = [line for line in lines if line.entry is not Entry.OWN]
    notes, corrections = statement.credit_notes, statement.corrections
    credits_ = [
        *_own_credits(credited, config),
        *_earlier([line for line in earlier if line.entry is Entry.CREDIT], corrections, notes, config),
    ]
    late = _earlier([line for line in earlier if line.entry is not Entry.CREDIT], corrections, notes, config)
    return Part(
        services=services,
        charges=sum_of(block.figures for block in services),
        credits=_block(credits_),
        late=_block(late),
        total=Figures.of(Amounts.total(line.amounts for line in lines)),
    )


def service_title(service: str, label: str) -> str:
    """A service, and the display name of its source unless the service's own name says it."""
    own, source = (set(text.casefold().split()) for text in (service, label))
    return service if own & source else f"{service}, {label}"


def source_label(config: Config, source: str) -> str:
    """The display name of a source: its label in the config, else its name."""
    return one_line(config.source(source).label) or one_line(source)


def sum_of(parts: Iterable[Figures]) -> Figures:
    """The total of some rows."""
    rows = list(parts)
    return Figures(
        list=sum((row.list for row in rows), money.ZERO),
        discount=sum((row.discount for row in rows), money.ZERO),
        due=sum((row.due for row in rows), money.ZERO),
        covered=sum((row.covered for row in rows), money.ZERO),
    )


_T = TypeVar("_T")


def added(parts: Iterable[tuple[_T, Amounts]]) -> dict[_T, Amounts]:
    """The amounts of each key, added up."""
    found: dict[_T, Amounts] = {}
    for key, amounts in parts:
        found[key] = found.get(key, Amounts()) + amounts
    return found


_Place = tuple[str, str]
"""Source and service."""
_Key = tuple[str, str, Kind]
"""A resource within them: name, id, kind of charge; funds are added up."""


def _services(
    own: Iterable[BillingLine], resources: Sequence[ResourceLine], config: Config
) -> tuple[ServiceBlock, ...]:
    """The charges by source and service, without credits, each with its largest resources by list price.

    As many resources as the config allows on a part of a statement are listed.
    """
    whole = added(((line.source, line.service), line.amounts) for line in own)
    credited = added(((part.source, part.service), part.amounts) for part in resources if part.kind in CORRECTING_KINDS)
    charged = {(part.source, part.service) for part in resources if part.kind not in CORRECTING_KINDS}
    named: dict[tuple[_Place, _Key], list[ResourceLine]] = {}
    for part in resources:
        if part.kind not in CORRECTING_KINDS and (part.resource_name or part.resource_id):
            of = (part.source, part.service), (part.resource_name, part.resource_id, part.kind)
            named.setdefault(of, []).append(part)
    found = [(of, Amounts.total(part.amounts for part in parts), parts) for of, parts in named.items()]
    ranked = sorted(found, key=lambda row: (-abs(row[1].list), -abs(row[1].billed), row[0]))
    free = [row for row in ranked if not row[1].list and not row[1].billed]
    costly = [row for row in ranked if row[1].list or row[1].billed]
    listed: dict[_Place, list[ResourceRow]] = {}
    for (place, key), amounts, parts in costly[: max(config.statements.resources, 0)]:
        usage = Usage.together([part.usage for part in parts])
        listed.setdefault(place, []).append(_resource_row(key, amounts, usage, config.currency))
    counts, frees = (Counter(place for (place, _), *_ in rows) for rows in (costly, free))
    return tuple(
        ServiceBlock(
            source=place[0],
            label=source_label(config, place[0]),
            service=one_line(place[1]) or OTHER_SERVICE,
            figures=Figures.of(charges),
            rows=tuple(listed.get(place, ())),
            rest_count=counts[place] - len(listed.get(place, ())),
            # If no resource of the service has a name, its own row says it all.
            rest=_rest(charges, listed.get(place, ())) if counts[place] or frees[place] else Figures(),
            free=frees[place],
        )
        for place, amounts in sorted(whole.items())
        for charges in (amounts - credited.get(place, Amounts()),)
        if charges != Amounts() or place in charged or place not in credited
    )


def _rest(charges: Amounts, listed: Sequence[ResourceRow]) -> Figures:
    """What a service's listed resources leave of it."""
    whole, shown = Figures.of(charges), sum_of(row.figures for row in listed)
    return Figures(
        list=whole.list - shown.list,
        discount=whole.discount - shown.discount,
        due=whole.due - shown.due,
        covered=whole.covered - shown.covered,
    )


def _resource_row(key: _Key, amounts: Amounts, usage: Usage, currency: str) -> ResourceRow:
    name, identifier, kind = one_line(key[0]), one_line(key[1]), key[2]
    return ResourceRow(
        name=name or identifier,
        id=identifier if name and identifier != name else "",
        kind=_KIND_WORDS[kind],
        quantity=quantity_words(usage, currency),
        figures=Figures.of(amounts),
    )


def _own_credits(parts: Iterable[ResourceLine], config: Config) -> list[CorrectionRow]:
    """The month's own credits, adjustments and corrections, as the provider sent them."""
    ordered = sorted(
        parts, key=lambda part: (part.kind, part.source, part.service, part.resource_name, part.resource_id, part.fund)
    )
    return [_row(part, (part.resource_name, part.resource_id), part.usage, part.amounts, config) for part in ordered]


def _earlier(
    lines: Iterable[BillingLine], corrections: Sequence[Correction], notes: Mapping[str, str], config: Config
) -> list[CorrectionRow]:
    """The lines of earlier months, each by resource where the corrections of its charges name them."""
    rows = []
    for line in sorted(lines, key=lambda line: (line.original, line.corrects, line.key)):
        parts: dict[tuple[str, str], list[Correction]] = {}
        for each in corrections:
            if each.line_key == line.key:
                parts.setdefault((each.resource_name, each.resource_id), []).append(each)
        if 0 < len(parts) <= max(config.statements.resources, 1):
            found = [
                _row(
                    line,
                    resource,
                    Usage.together([each.usage for each in charges]),
                    Amounts.total(each.amounts for each in charges),
                    config,
                )
                for resource, charges in sorted(parts.items())
            ]
        else:
            found = [_row(line, (counted(line.charges, "charge"), ""), NO_USAGE, line.amounts, config)]
        note = notes[line.corrects] if line.entry is Entry.CREDIT else ""
        rows += [replace(row, original=line.original, what=_refers_to(line), note=note) for row in found]
    return rows


def _row(
    of: ResourceLine | BillingLine, resource: tuple[str, str], usage: Usage, amounts: Amounts, config: Config
) -> CorrectionRow:
    name, identifier = map(one_line, resource)
    return CorrectionRow(
        kind=_KIND_WORDS[of.kind] if isinstance(of, ResourceLine) else "",
        label=source_label(config, of.source),
        service=one_line(of.service) or OTHER_SERVICE,
        name=name or identifier,
        id=identifier if name and identifier != name else "",
        original="",
        what="",
        note="",
        days=days_human(usage.first_day, usage.last_day),
        quantity=quantity_words(usage, config.currency),
        figures=Figures.of(amounts),
    )


def _refers_to(line: BillingLine) -> str:
    month = period_human(line.original)
    if line.entry is Entry.LATE:
        return f"Used in {month}, under review when that month was closed"
    if line.entry is Entry.CREDIT:
        return f"Takes back charges of {month} on statement {line.corrects}"
    return f"Billed again for {month}, first on statement {line.corrects}"


def _block(rows: Sequence[CorrectionRow]) -> Corrections:
    return Corrections(rows=tuple(rows), total=sum_of(row.figures for row in rows))
