"""The review queue: every item with its details, and an approval file to fill in, copy or propose."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType

from openchargeback import money
from openchargeback.billing.earlier import months_before
from openchargeback.focus.tags import json_fault
from openchargeback.ledger.approval_text import Proposal, approval_text
from openchargeback.ledger.approvals import Verb
from openchargeback.ledger.deliveries import Delivery, asked_words
from openchargeback.ledger.periods import next_period
from openchargeback.ledger.settings import Payer
from openchargeback.model import BilledPeriod, FlagNote, PeriodAmounts, QueueItem, State
from openchargeback.portal import forge, paths
from openchargeback.portal.shell import Link
from openchargeback.portal.views.common import Book
from openchargeback.review.held_sums import HeldSum, by_reason, in_total
from openchargeback.review.proposals import asked_of, by_money, needed_fields, possible_verbs

_MOST_TAGS = 300
"""How many characters of tags are shown before and after a fault."""

DAY = "YYYY-MM-DD"
"""Placeholder for the date of a decision."""


@dataclass(frozen=True, slots=True)
class RawTags:
    """Tags as in the file, truncated for display: `fault` is where they stop being JSON, else empty."""

    before: str
    fault: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemView:
    """An item of the queue with its links and the approval file that decides it.

    verbs: the possible decisions, first the one in `yaml`. needed: fields of `set` that must be filled in before the
    item can be billed; asked: those that its flags ask for. path: of the new file. inquiry: since when a question on it
    has no answer, or empty.
    """

    item: QueueItem
    period_link: str
    source: str
    pi: Link
    project: Link
    amount: Decimal
    list_amount: Decimal
    reasons: tuple[FlagNote, ...]
    earlier: tuple[PeriodAmounts, ...]
    more_resources: int
    more_charges: int
    tags: Mapping[str, RawTags]
    verbs: tuple[str, ...]
    needed: tuple[str, ...]
    asked: tuple[str, ...]
    path: str
    file_name: str
    yaml: str
    forge: forge.NewFile | None
    inquiry: str


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
    """A project of the directory with the values it fills in today: PI and fund."""

    id: str
    title: str
    pi: str
    fund: str


@dataclass(frozen=True, slots=True)
class Queue:
    """The review page: what is held in all months; every charge is counted once."""

    items: tuple[ItemView, ...]
    held: HeldTable
    void: tuple[VoidDecision, ...]
    projects: tuple[KnownProject, ...]


def queue(
    book: Book,
    projects: Sequence[KnownProject] = (),
    deliveries: Mapping[str, Sequence[Delivery]] = MappingProxyType({}),
) -> Queue:
    """Everything held, largest amount first. deliveries: what was emailed, by period."""
    held = [item for period in book.periods for item in period.undecided]
    ordered = sorted(by_money(held), key=lambda item: -abs(item.exact_billed))
    open_month = _open_month(book.periods)
    states = {period.period: period.state for period in book.periods}
    return Queue(
        items=tuple(
            _item(book, item, open_month, states[item.period], deliveries.get(item.period, ())) for item in ordered
        ),
        held=held_table(held, book.currency),
        void=tuple(
            VoidDecision(period.period, d.path, d.line, d.what, d.void, d.by)
            for period in book.periods
            for d in period.decisions
            if d.void
        ),
        projects=tuple(projects),
    )


def held_table(held: Sequence[QueueItem], currency: str) -> HeldTable:
    """Held charges by the flags that hold them, largest amount first, with their totals."""
    return HeldTable(by_reason(held), in_total(held, currency), sum(item.charges for item in held))


def _item(book: Book, item: QueueItem, open_month: str, state: State, deliveries: Sequence[Delivery]) -> ItemView:
    late = state is not State.OPEN
    verbs, needed = possible_verbs(item, book.config), needed_fields(item, book.config)
    empty = Payer(**dict.fromkeys(needed, "…")) if verbs[0] is Verb.REASSIGN else Payer()
    proposal = Proposal(verbs[0], empty, "", "", DAY, item.period if late else "")
    text = approval_text([proposal.on_item(item, item.uncleared).replace('"…"', '""')])
    name = "-".join(part for part in (*item.uncleared[:2], item.project or item.service) if part)
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:60].strip("-")
    file_name = f"{slug}-{item.id}.yaml"
    path = f"approvals/{open_month if late else item.period}/{file_name}"
    details, ids = item.details, len(item.details.samples)
    return ItemView(
        item=item,
        period_link=paths.period_page(item.period),
        source=book.source_label(item.source),
        pi=book.pi_link(item.pi),
        project=book.project_link(item.project),
        amount=money.to_cents(item.exact_billed, item.currency),
        list_amount=money.to_cents(item.exact_list, item.currency),
        reasons=tuple(note for note in details.notes if note.flag in item.uncleared),
        earlier=months_before(book.periods, item),
        more_resources=max(0, details.resource_count - len(details.resources)),
        more_charges=max(0, item.charges - ids),
        tags={each.tags: _raw_tags(item, each.tags) for each in details.samples if each.tags},
        verbs=tuple(verb.value for verb in verbs),
        needed=needed,
        asked=asked_of(item),
        path=path,
        file_name=file_name,
        yaml=text,
        forge=forge.new_file(book.config.portal, path, text),
        inquiry=asked_words(deliveries, item.id),
    )


def _raw_tags(item: QueueItem, text: str) -> RawTags:
    fault = json_fault(text) if "malformed-tags" in item.flags else None
    if fault is None:
        return RawTags(text[:_MOST_TAGS] + "…" * (len(text) > _MOST_TAGS), "", "")
    start, end = max(0, fault - 1 - _MOST_TAGS), fault + _MOST_TAGS
    return RawTags(
        before="…" * (start > 0) + text[start : fault - 1],
        fault=text[fault - 1 : fault] or "▯",  # behind the last character
        after=text[fault:end] + "…" * (end < len(text)),
    )


def _open_month(periods: tuple[BilledPeriod, ...]) -> str:
    """The month for decisions on closed months: the latest open month, else the one after the last."""
    months = [period.period for period in periods if period.state is State.OPEN]
    if months:
        return months[-1]
    return next_period(periods[-1].period if periods else "0000-12")
