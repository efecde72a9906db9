"""The review queue: one row per item, what is held by reason, what to do next, and void decisions.

The page shows the first rows. The rest, and what deciding needs, are in its data (`review_data.py`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType

from openchargeback import money
from openchargeback.addresses import with_conditions
from openchargeback.characters import MISLEADING
from openchargeback.ledger.deliveries import Delivery, asked_words
from openchargeback.ledger.directory import Directory, Entry
from openchargeback.ledger.periods import next_period
from openchargeback.model import BilledPeriod, QueueItem, State
from openchargeback.portal import forge, paths
from openchargeback.portal.views.common import Book
from openchargeback.portal.views.next_steps import NextStep
from openchargeback.review.held_sums import HeldSum, by_reason, in_total
from openchargeback.review.proposals import commands
from openchargeback.templating.filters import flag_title, period_human
from openchargeback.wording import counted

ROWS = 50
"""How many items the page shows at a time."""

PLAIN_ROWS = 25
"""How many it shows without its script: with more, it would exceed 150 kB."""

_REPLACED = dict.fromkeys(map(ord, MISLEADING), "\N{REPLACEMENT CHARACTER}")


def visible(text: str) -> str:
    """Text from data with a sign in place of each character that would mislead a reader."""
    return text.translate(_REPLACED)


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemRow:
    """An item of the queue as a row.

    reasons: the titles of the flags that hold it. waiting: days since the last day that its charges cover, until the
    ledger's commit; None if either is unknown. amount: in cents of `currency`. asked: since when a question on it has
    no answer; else empty.
    """

    item: QueueItem
    reasons: str
    project: str
    pi: str
    service: str
    source: str
    waiting: int | None
    amount: Decimal
    currency: str
    asked: str


@dataclass(frozen=True, slots=True)
class HeldTable:
    """What is held, by reason. totals: one row per currency, the ledger's own first; the rows add up to them."""

    rows: tuple[HeldSum, ...]
    totals: tuple[HeldSum, ...]
    charges: int


@dataclass(frozen=True, slots=True)
class VoidDecision:
    """A decision that no longer applies."""

    period: str
    path: str
    line: int
    what: str
    void: str
    by: str


@dataclass(frozen=True, slots=True)
class KnownProject:
    """A project of the directory, with its dated entries."""

    id: str
    title: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Choices:
    """What a decision may name, from the directory as it is today.

    people: address and name. aliases: other addresses of theirs. external: those who are sent invoices. funds: those of
    the directory; none if it lists none. schema: the first line of a new approval file, which names its schema for
    editors; empty if the ledger has no schemas.
    """

    projects: tuple[KnownProject, ...] = ()
    people: tuple[tuple[str, str], ...] = ()
    aliases: tuple[str, ...] = ()
    external: frozenset[str] = frozenset()
    funds: tuple[str, ...] = ()
    schema: str = ""


NO_CHOICES = Choices()
"""Those of a ledger without a directory."""


def choices(directory: Directory, schema: str) -> Choices:
    """The choices that a directory gives."""
    return Choices(
        projects=tuple(
            KnownProject(id_, entry.project.title, entry.entries) for id_, entry in sorted(directory.projects.items())
        ),
        people=tuple((email, person.name) for email, person in sorted(directory.people.items())),
        aliases=tuple(sorted(directory.aliases)),
        external=directory.external,
        funds=tuple(sorted(directory.funds)),
        schema=schema,
    )


@dataclass(frozen=True, slots=True)
class Queue:
    """The review page: what is held in all months; every charge is counted once.

    rows: the first of `items` items, largest amount first. months: of the items, ascending, in words. next: what to
    decide first. commands: that decide the first item. host: where a new file is proposed.
    """

    rows: tuple[ItemRow, ...]
    items: int
    held: HeldTable
    months: tuple[str, ...]
    as_of: dt.date | None
    void: tuple[VoidDecision, ...]
    next: tuple[NextStep, ...]
    commands: tuple[str, ...]
    host: forge.Host | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits for a decision: the input of the page and of its data.

    items: largest amount first. choices: what a decision may name. deliveries: what was emailed, by period. as_of: the
    day of the ledger's commit, with which days of waiting end; None outside Git.
    """

    book: Book
    items: tuple[QueueItem, ...]
    choices: Choices
    deliveries: Mapping[str, Sequence[Delivery]]
    as_of: dt.date | None

    @classmethod
    def of(
        cls,
        book: Book,
        choices: Choices = NO_CHOICES,
        deliveries: Mapping[str, Sequence[Delivery]] = MappingProxyType({}),
        commit_date: str = "",
    ) -> Waiting:
        """Everything held in all months."""
        held = [item for period in book.periods for item in period.undecided]
        items = sorted(held, key=lambda item: (-abs(item.exact_billed), item.period, item.key))
        as_of = dt.date.fromisoformat(commit_date[:10]) if commit_date else None
        return cls(book, tuple(items), choices, deliveries, as_of)

    def row(self, item: QueueItem) -> ItemRow:
        """An item as a row."""
        book = self.book
        return ItemRow(
            item=item,
            reasons="; ".join(visible(flag_title(flag)) for flag in item.uncleared),
            project=visible(item.project),
            pi=visible(book.pi_link(item.pi).label),
            service=visible(item.service),
            source=book.source_label(item.source),
            waiting=self.days(item),
            amount=money.to_cents(item.exact_billed, item.currency),
            currency=item.currency,
            asked=asked_words(self.deliveries.get(item.period, ()), item.id),
        )

    def commands(self, item: QueueItem) -> list[str]:
        """The commands that decide an item."""
        late = all(period.period != item.period or period.state is not State.OPEN for period in self.book.periods)
        return commands(item, self.book.config, self.choices.external, late=late)

    def days(self, item: QueueItem) -> int | None:
        """How many days an item has waited: since the last day of its charges, as the ledger does not say more."""
        last = item.details.last_day or item.details.first_day
        return max(0, (self.as_of - last).days) if last and self.as_of else None


def queue(waiting: Waiting) -> Queue:
    """The review page."""
    book, held = waiting.book, waiting.items
    void = tuple(
        VoidDecision(period.period, d.path, d.line, visible(d.what), visible(d.void), visible(d.by))
        for period in book.periods
        for d in period.decisions
        if d.void
    )
    return Queue(
        rows=tuple(waiting.row(item) for item in held[:PLAIN_ROWS]),
        items=len(held),
        held=held_table(held, book.currency),
        months=tuple(period_human(period) for period in sorted({item.period for item in held})),
        as_of=waiting.as_of,
        void=void,
        next=tuple(_next_steps(waiting, len(void))),
        commands=tuple(waiting.commands(held[0])) if held else (),
        host=forge.host_of(book.config.portal),
    )


def held_table(held: Sequence[QueueItem], currency: str) -> HeldTable:
    """Held charges by the flags that hold them, largest amount first, with their totals."""
    return HeldTable(by_reason(held), in_total(held, currency), sum(item.charges for item in held))


def open_month(periods: Sequence[BilledPeriod]) -> str:
    """The month for decisions on closed months: the latest open month, else the one after the last."""
    months = [period.period for period in periods if period.state is State.OPEN]
    if months:
        return months[-1]
    return next_period(periods[-1].period if periods else "0000-12")


def _next_steps(waiting: Waiting, void: int) -> list[NextStep]:
    """What to decide first: void decisions, the largest item, the oldest, the reason that most items share."""
    steps, items = [], waiting.items
    if void:
        label = f"Replace {counted(void, 'void decision')}"
        steps.append(NextStep(label, f"{paths.REVIEW}#void", "the charges changed after they were made"))
    # What waits for someone's answer is not next.
    ready = [item for item in items if not waiting.row(item).asked] if len(items) <= ROWS else items
    if not ready:
        return steps
    largest = ready[0]
    steps.append(_step(largest, f"the largest of {counted(len(items), 'item')}"))
    oldest = max(ready, key=lambda item: waiting.days(item) or 0)
    days = waiting.days(oldest) or 0
    if oldest is not largest and days > (waiting.days(largest) or 0):
        steps.append(_step(oldest, f"waiting longest, {counted(days, 'day')}"))
    common = max(by_reason(items), key=lambda each: each.items)
    if common.items > 1 and len(common.flags) == 1:
        (flag,) = common.flags
        amount = f"{common.currency} {money.human(common.exact_billed, common.currency)}"
        label = f"Decide on {counted(common.items, 'item')} together: {visible(flag_title(flag))}"
        steps.append(
            NextStep(label, with_conditions(paths.REVIEW, reason=flag), "one file can settle them all", amount)
        )
    return steps


def _step(item: QueueItem, reason: str) -> NextStep:
    what = visible(f"{item.project or item.service or 'charges without a project'}: {flag_title(item.uncleared[0])}")
    amount = f"{item.currency} {money.human(item.exact_billed, item.currency)}"
    return NextStep(f"Decide on {what}", f"{paths.REVIEW}#{item.id}", reason, amount)
