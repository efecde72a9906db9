"""The review queue: what is held, why, and an approval file for each group to copy, download or propose."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from openchargeback import money
from openchargeback.model import BilledPeriod, FlagGroup, State
from openchargeback.portal import forge, paths
from openchargeback.portal.shell import Link
from openchargeback.portal.templates import exact_places
from openchargeback.portal.views.common import Book
from openchargeback.portal.views.dashboard import anchor

# Texts that YAML reads as themselves, unquoted, in flow style too (YAML 1.2.2, 7.3.3; no numbers, dates or booleans).
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_.@+/-]*(:[A-Za-z0-9_.@+/-]+)?", re.ASCII)
_NOT_TEXT = {"y", "n", "yes", "no", "true", "false", "on", "off", "null", "none"}
_FIELD = {"missing-pi": "pi", "missing-project": "project", "missing-fund": "fund", "invalid-fund": "fund"}


@dataclass(frozen=True, slots=True)
class QueueGroup:
    """Held charges that are decided at once. `more` counts ids that are not shown. `path` is the new file's."""

    group: FlagGroup
    period_link: str
    source: str
    pi: Link
    project: Link
    more: int
    path: str
    file_name: str
    yaml: str
    forge: forge.NewFile | None


@dataclass(frozen=True, slots=True)
class QueueFlag:
    """All groups of one flag and currency."""

    flag: str
    anchor: str
    currency: str
    charges: int
    amount: Decimal
    groups: tuple[QueueGroup, ...]
    places: int


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
class Queue:
    """The review page. `amount` is held in the ledger's currency, each charge counted once."""

    flags: tuple[QueueFlag, ...]
    charges: int
    amount: Decimal
    void: tuple[VoidDecision, ...]


def queue(book: Book) -> Queue:
    """Everything held, by flag; the flag with most money first, within it the group with most."""
    found: dict[tuple[str, str], list[FlagGroup]] = {}
    for period in book.periods:
        for group in period.queue:
            found.setdefault((group.flag, group.currency), []).append(group)
    open_month = _open_month(book.periods)
    states = {period.period: period.state for period in book.periods}
    flags = [_flag(book, flag, currency, own, open_month, states) for (flag, currency), own in found.items()]
    held = [group for period in book.periods for group in period.undecided]
    # Two flags of the same name in two currencies need two places on the page.
    flags.sort(key=lambda flag: (-abs(flag.amount), flag.flag, flag.currency))
    return Queue(
        flags=tuple(flags),
        charges=sum(group.charges for group in held),
        amount=money.to_cents(
            money.total(*(group.exact_billed for group in held if group.currency == book.currency)), book.currency
        ),
        void=tuple(
            VoidDecision(period.period, d.path, d.line, d.what, d.void, d.by)
            for period in book.periods
            for d in period.decisions
            if d.void
        ),
    )


def approval_yaml(group: FlagGroup, period: str = "") -> str:
    """An approval file that decides a whole group, bound to exactly the charges that are held now.

    period: the month of the charges, where that is closed and the decision goes into a later month's folder.
    What a person must fill in stands as an empty text, which validation refuses; the date as YYYY-MM-DD.
    """
    where = {"source": group.source, "flag": group.flag}
    where |= {key: value for key, value in (("project", group.project), ("service", group.service)) if value}
    expect = f'{{charges: {group.held}, billed: "{money.exact(group.exact_held)}", digest: "{group.digest}"}}'
    lines = [f"where: {{{', '.join(f'{key}: {scalar(value)}' for key, value in where.items())}}}"]
    lines += [f"period: {scalar(period)}"] if period else []
    lines += [f"expect: {expect}"]
    if group.flag in _FIELD:
        lines += ["decision: reassign   # approve | reject | reassign", f'set: {{{_FIELD[group.flag]}: ""}}']
    elif group.flag == "foreign-currency":
        lines += ["decision: reject"]
    else:
        lines += ["decision: approve   # approve | reject | reassign"]
    lines += ['reason: ""', 'by: ""', "on: YYYY-MM-DD"]
    return "decisions:\n  - " + "\n    ".join(lines) + "\n"


def scalar(text: str) -> str:
    """A text as a YAML scalar, safe in block and flow style: plain where that is certain, else double-quoted."""
    if _PLAIN.fullmatch(text) and text.lower() not in _NOT_TEXT:
        return text
    return '"' + "".join(_quoted(character) for character in text) + '"'


def _quoted(character: str) -> str:
    """A character inside double quotes (YAML 1.2.2, 5.7); what an editor would not show is escaped."""
    if character in '"\\':
        return "\\" + character
    if character.isprintable():
        return character
    return f"\\u{ord(character):04x}" if ord(character) <= 0xFFFF else f"\\U{ord(character):08x}"


def _flag(
    book: Book, flag: str, currency: str, groups: list[FlagGroup], open_month: str, states: dict[str, State]
) -> QueueFlag:
    ordered = sorted(groups, key=lambda g: (-abs(g.exact_held), g.period, g.source, g.project, g.service))
    return QueueFlag(
        flag=flag,
        anchor=anchor(flag) if currency == book.currency else f"{anchor(flag)}-{paths.folder_name(currency)}",
        currency=currency,
        charges=sum(group.held for group in groups),
        amount=money.to_cents(money.total(*(group.exact_held for group in groups)), currency),
        groups=tuple(_group(book, group, open_month, states[group.period]) for group in ordered),
        places=exact_places([group.exact_held for group in groups]),
    )


def _group(book: Book, group: FlagGroup, open_month: str, state: State) -> QueueGroup:
    late = state is not State.OPEN
    text = approval_yaml(group, group.period if late else "")
    name = "-".join(part for part in (group.flag, group.project or group.service) if part)
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:60].strip("-")
    file_name = f"{slug}-{group.digest[:8]}.yaml"
    path = f"approvals/{open_month if late else group.period}/{file_name}"
    return QueueGroup(
        group=group,
        period_link=paths.period_page(group.period),
        source=book.source_label(group.source),
        pi=book.pi_link(group.pi),
        project=book.project_link(group.project),
        more=max(0, group.held - len(group.ids)),
        path=path,
        file_name=file_name,
        yaml=text,
        forge=forge.new_file(book.config.portal, path, text),
    )


def _open_month(periods: tuple[BilledPeriod, ...]) -> str:
    """Where decisions on closed months go: the latest open month, else the one after the last."""
    months = [period.period for period in periods if period.state is State.OPEN]
    if months:
        return months[-1]
    year, month = (int(part) for part in periods[-1].period.split("-")) if periods else (1, 0)
    return f"{year + month // 12}-{month % 12 + 1:02d}"
