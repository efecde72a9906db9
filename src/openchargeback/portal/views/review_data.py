"""The data of the review page: scripts that it loads beside itself, since a page opened from a folder cannot fetch.

`review/items.js` lists all items, and what a decision may name. `review/2025-01.js` has the evidence on the items of a
month, and the first lines of the decisions on them. The page formats and filters; it computes nothing else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Hashable, Iterator, Sequence
from decimal import Decimal
from functools import cached_property
from typing import Any

from openchargeback import money
from openchargeback.billing.earlier import EarlierMonths
from openchargeback.explanations import explain
from openchargeback.focus.tags import json_fault
from openchargeback.ledger.approval_text import CLOSING, PAYER, item_opening
from openchargeback.ledger.deliveries import asked_words
from openchargeback.ledger.directory import EMAIL_PATTERN
from openchargeback.ledger.yaml_text import ESCAPED
from openchargeback.model import HeldCharge, QueueItem, State
from openchargeback.portal import forge, paths
from openchargeback.portal.scripts import script
from openchargeback.portal.views.review import ROWS, Waiting, open_month, visible
from openchargeback.review.asks import asked_fields
from openchargeback.review.proposals import asked_of, needed_fields, possible_verbs
from openchargeback.templating.filters import (
    days_human,
    flag_title,
    period_human,
    period_short,
    plain_number,
    relative,
)

COLUMNS = (
    *("id", "period", "source", "reasons", "project", "pi", "service", "charges", "waiting", "amount", "currency"),
    *("kind", "first", "last", "asked"),
)
"""What `items.js` says of an item, in this order; texts that repeat are numbers of a list."""

_MOST_TEXT = 300
"""How many characters of tags are shown before, between and after faults."""
_MOST_FUNDS = 3
"""How many funds are suggested for an item."""
_SUGGESTION = "; did you mean "
"""What precedes a similar known value in a reason (`payer_flags.sql`)."""


def items_script(waiting: Waiting) -> bytes:
    """`review/items.js`."""
    return script("queue", _Items(waiting).data)


def evidence_scripts(waiting: Waiting) -> Iterator[tuple[str, bytes]]:
    """The path and content of the script of each month with held charges: it calls `reviewMonth`."""
    evidence = _Evidence(waiting)
    for period in sorted({item.period for item in waiting.items}):
        found = [evidence.of(item) for item in waiting.items if item.period == period]
        yield paths.review_data(period), f"reviewMonth({_json(period)},{_json(found)});\n".encode()


def _json(value: object) -> str:
    # ASCII only, so that neither an encoding nor a line separator can break the script.
    return json.dumps(value, separators=(",", ":"), ensure_ascii=True)


def _link(path: str) -> str:
    return relative(paths.REVIEW, path) if path else ""


class _Numbered:
    """Values by number, in the order of their first use."""

    def __init__(self, make: Callable[[Any], object]) -> None:
        self._make = make
        self._numbers: dict[Hashable, int] = {}
        self.values: list[object] = []

    def __call__(self, key: Hashable) -> int:
        if key not in self._numbers:
            self._numbers[key] = len(self.values)
            self.values.append(self._make(key))
        return self._numbers[key]


class _Items:
    """The content of `items.js`."""

    def __init__(self, waiting: Waiting) -> None:
        self._waiting, self._book, self._chosen = waiting, waiting.book, waiting.choices
        book = self._book
        self._states = {period.period: period.state for period in book.periods}
        self._lists = {
            "periods": _Numbered(self._period),
            "sources": _Numbered(lambda name: [name, book.source_label(name)]),
            "reasons": _Numbered(lambda flag: [flag, visible(flag_title(flag))]),
            "projects": _Numbered(lambda id_: [visible(id_), _link(book.project_link(id_).path)]),
            "pis": _Numbered(lambda email: [visible(email), visible(book.pi_link(email).label), self._pi(email)]),
            "services": _Numbered(visible),
            "currencies": _Numbered(lambda unit: [unit, money.places(unit)]),
            "kinds": _Numbered(list),
        }

    @property
    def data(self) -> dict[str, object]:
        """All of it."""
        self._lists["currencies"](self._book.currency)
        items = [self._item(item) for item in self._waiting.items]
        host = forge.host_of(self._book.config.portal)
        return {
            "columns": COLUMNS,
            "items": items,
            **{name: each.values for name, each in self._lists.items()},
            "rows": ROWS,
            "folder": open_month(self._book.periods),
            "host": {
                "name": host.name, "new": host.new, "upload": host.upload, "prefilled": host.prefilled,
                "most": forge.MAX_ADDRESS,
            } if host else None,
            "known": self._known,
            "writing": {
                "schema": self._chosen.schema,
                "closing": [key for key in CLOSING if key != "answer"],
                "payer": PAYER,
                "escaped": ESCAPED,
            },
        }  # fmt: skip

    @property
    def _known(self) -> dict[str, object]:
        config, chosen = self._book.config, self._chosen
        return {
            "projects": [
                [each.id, each.title, [[_day(e.since), _day(e.until), e.pi, e.fund] for e in each.entries]]
                for each in chosen.projects
            ],
            "people": chosen.people,
            "aliases": chosen.aliases,
            "external": sorted(chosen.external),
            "funds": chosen.funds,
            "fund_patterns": [*config.review.fund_patterns, *([config.journal.fund] if config.journal.fund else [])],
            "email": EMAIL_PATTERN,
        }

    def _period(self, period: str) -> list[object]:
        is_open = self._states[period] is State.OPEN
        charges = _link(paths.charges_page(period))
        return [period, period_human(period), period_short(period), is_open, _link(paths.review_data(period)), charges]

    def _pi(self, email: str) -> str:
        return _link(self._book.pi_link(email).path)

    def _item(self, item: QueueItem) -> list[object]:
        config, lists, external = self._book.config, self._lists, self._chosen.external
        verbs = tuple(verb.value for verb in possible_verbs(item, config, external))
        # As if no PI were sent invoices: the page leaves out the fund if the one that it sets is.
        needed = needed_fields(item, config)
        every = all(asked_fields(flag) for flag in item.uncleared)
        return [
            item.id,
            lists["periods"](item.period),
            lists["sources"](item.source),
            [lists["reasons"](flag) for flag in item.uncleared],
            lists["projects"](item.project),
            lists["pis"](item.pi),
            lists["services"](item.service),
            item.charges,
            self._waiting.days(item),
            money.exact(item.exact_billed),
            lists["currencies"](item.currency),
            lists["kinds"]((verbs, needed, asked_of(item), every)),
            *_first_days(item),
            asked_words(self._waiting.deliveries.get(item.period, ()), item.id),
        ]


def _first_days(item: QueueItem) -> tuple[str, str]:
    """The earliest and the latest day on which a charge of the item starts, at most; empty if unknown."""
    details = item.details
    starts = [each.first_day for each in details.samples]
    if len(starts) == item.charges and all(starts):
        return _day(min(filter(None, starts))), _day(max(filter(None, starts)))
    return _day(details.first_day), _day(details.last_day or details.first_day)


def _day(day: object) -> str:
    return str(day) if day else ""


class _Evidence:
    """What a reviewer must see of each item, formatted."""

    def __init__(self, waiting: Waiting) -> None:
        self._waiting, self._book = waiting, waiting.book
        self._earlier = EarlierMonths(waiting.book.periods)

    def of(self, item: QueueItem) -> dict[str, object]:
        """The evidence on an item; texts are ready to be shown."""
        details, currency = item.details, item.currency
        is_open = self._states[item.period] is State.OPEN
        why = [
            [
                visible(note.flag),
                [visible(text.partition(_SUGGESTION)[0]) for text in note.reasons] or [_meaning(note.flag)],
            ]
            for note in details.notes
            if note.flag in item.uncleared
        ]
        unit = f" {details.unit}" if details.unit else ""
        return {
            "id": item.id,
            "name": _file_name(item),
            "opening": item_opening(item, item.uncleared, "" if is_open else item.period),
            "why": why,
            "received": self._received(item),
            "nearest": [list(each) for each in self._nearest(item)],
            "accounts": [visible(each) for each in details.sub_accounts],
            "resources": [visible(each) for each in details.resources],
            "more_resources": max(0, details.resource_count - len(details.resources)),
            "days": days_human(details.first_day, details.last_day),
            "quantity": f"{plain_number(details.quantity)}{visible(unit)}" if details.quantity is not None else "",
            "list": money.human(item.exact_list, currency),
            "billed": money.human(item.exact_billed, currency),
            "earlier": [
                [period_short(each.period), money.human(each.amounts.billed, self._book.currency)]
                for each in self._earlier.before(item)
            ],
            "charges": [_charge(each, item) for each in details.samples],
            "more_charges": max(0, item.charges - len(details.samples)),
        }

    @cached_property
    def _states(self) -> dict[str, State]:
        return {period.period: period.state for period in self._book.periods}

    @cached_property
    def _payers(self) -> dict[str, dict[str, dict[str, int]]]:
        """By project and period, the funds that paid and for how many charges."""
        found: dict[str, dict[str, dict[str, int]]] = {}
        for period in self._book.periods:
            for line in period.lines:
                if line.project and line.fund:
                    funds = found.setdefault(line.project, {}).setdefault(period.period, {})
                    funds[line.fund] = funds.get(line.fund, 0) + line.charges
        return found

    def _received(self, item: QueueItem) -> list[list[object]]:
        """The distinct tags of the charges shown, as pieces of text, each with whether it is at fault."""
        keys = self._book.config.source_tags(item.source)
        fields = {field for flag in item.uncleared for field in asked_fields(flag)}
        wanted = [key for field in PAYER if field in fields for key in getattr(keys, field)]
        texts = dict.fromkeys(each.tags for each in item.details.samples)
        return [_pieces(text, wanted, malformed="malformed-tags" in item.flags) for text in texts if text or wanted]

    def _nearest(self, item: QueueItem) -> Iterator[tuple[str, str, str]]:
        """Known values that may be meant: the field, the value, and how it is known."""
        for note in item.details.notes:
            fields = asked_fields(note.flag)
            for reason in note.reasons if fields and note.flag in item.uncleared else ():
                _, found, value = reason.partition(_SUGGESTION)
                if found:
                    yield fields[0], visible(value.removesuffix("?")), "has a similar spelling"
        if any("fund" in asked_fields(flag) for flag in item.uncleared) and item.project in self._payers:
            months = self._payers[item.project]
            period = item.period if item.period in months else max(months)
            ranked = sorted(months[period].items(), key=lambda each: (-each[1], each[0]))
            for fund, charges in ranked[:_MOST_FUNDS]:
                others = "other " if period == item.period else ""
                many = f"{charges:,} {others}{'charge' if charges == 1 else 'charges'}"
                yield "fund", visible(fund), f"paid {many} of the project in {period_human(period)}"


def _file_name(item: QueueItem) -> str:
    name = "-".join(part for part in (*item.uncleared[:2], item.project or item.service) if part)
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:60].strip("-")
    return f"{slug}-{item.id}" if slug else item.id


def _meaning(flag: str) -> str:
    """What a flag means, in one sentence."""
    known = explain(flag)
    return known.means.partition(". ")[0].replace("`", "").rstrip(".") if known else ""


def _charge(charge: HeldCharge, item: QueueItem) -> list[object]:
    # The month of the row says the year and the folder.
    days = days_human(charge.first_day, charge.last_day)
    return [
        charge.id,
        days.removesuffix(f" {item.period[:4]}"),
        visible(charge.resource_name or charge.resource_id),
        _quantity(charge.quantity, charge.unit, charge.unit_price),
        money.human(charge.exact_list, item.currency),
        money.human(charge.exact_billed, item.currency),
        charge.path.removeprefix(f"charges/{item.period}/"),
        charge.row,
    ]


def _quantity(quantity: Decimal | None, unit: str, price: Decimal | None) -> str:
    if quantity is None:
        return ""
    many = f"{plain_number(quantity)} {visible(unit)}".rstrip()
    return f"{many} × {plain_number(price)}" if price is not None else many


def _pieces(text: str, keys: Sequence[str], *, malformed: bool) -> list[object]:
    """Tags in pieces of text, each with whether it is at fault. keys: whose values are; those absent are added."""
    fault = json_fault(text) if malformed else None
    if fault is not None:
        sign = text[fault - 1 : fault] or "▯"  # behind the last character
        return [_piece(text[: fault - 1], at_fault=False), [visible(sign), 1], _piece(text[fault:], at_fault=False)]
    spans, absent = [], []
    for key in keys:
        found = re.search(rf'{re.escape(json.dumps(key))}\s*:\s*("(?:[^"\\]|\\.)*"|[^,}}\s]+)', text, re.IGNORECASE)
        if found:
            spans.append(found.span(1))
        else:
            absent.append(key)
    pieces, end = [], 0
    for first, last in sorted(spans):
        if first >= end:
            pieces += [_piece(text[end:first], at_fault=False), _piece(text[first:last], at_fault=True)]
            end = last
    pieces.append(_piece(text[end:], at_fault=False))
    return [each for each in pieces if each[0]] + [
        piece for key in absent for piece in ([" ", 0], [f"{visible(key)}: (none)", 1])
    ]


def _piece(text: str, *, at_fault: bool) -> list[str | int]:
    shown = visible(text)
    if len(shown) > 2 * _MOST_TEXT:
        shown = f"{shown[:_MOST_TEXT]} … {shown[-_MOST_TEXT:]}"
    return [shown, int(at_fault)]
