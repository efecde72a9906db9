"""The decisions that a queue item allows, and the flags each one clears. Used by commands and pages."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from openchargeback.ledger.approvals import Verb
from openchargeback.ledger.settings import Config, Payer
from openchargeback.model import QueueItem
from openchargeback.review.asks import FIELDS, answered, asked_fields, lacking


def fund_needed(item: QueueItem, config: Config, external: Collection[str], pi: str = "") -> bool:
    """Whether the charges of an item need a fund to be billed: something is billed, and it is journaled.

    external: the PIs who are invoiced. pi: the one that a decision sets.
    """
    if not config.posts(item.source) or (pi or item.pi) in external:
        return False
    return bool(item.exact_billed or any(each.exact_billed for each in item.details.samples))


def possible_verbs(item: QueueItem, config: Config, external: Collection[str] = ()) -> tuple[Verb, ...]:
    """The decisions that an item allows, the default first.

    Charges in another currency can only be rejected; charges without a payer cannot be approved.
    """
    if "foreign-currency" in item.flags or item.currency != config.currency:
        return (Verb.REJECT,)
    if needed_fields(item, config, external):
        return (Verb.REASSIGN, Verb.REJECT)
    return (Verb.APPROVE, Verb.REASSIGN, Verb.REJECT)


def needed_fields(item: QueueItem, config: Config, external: Collection[str] = (), *, pi: str = "") -> tuple[str, ...]:
    """The fields that must be set before the item can be billed. external, pi: as for `fund_needed`."""
    return lacking(item.uncleared, fund_needed=fund_needed(item, config, external, pi))


def asked_of(item: QueueItem) -> tuple[str, ...]:
    """The fields that an answer to the item may set, as its flags ask."""
    wanted = {field for flag in item.uncleared for field in asked_fields(flag)}
    return tuple(field for field in FIELDS if field in wanted)


def commands(item: QueueItem, config: Config, external: Collection[str] = (), *, late: bool) -> list[str]:
    """The commands that decide an item, for a person to complete. late: its period is closed."""
    where = f"--period OPEN --of {item.period}" if late else f"--period {item.period}"
    fields = needed_fields(item, config, external) or asked_of(item)[:1] or ("fund",)
    options = " ".join(f"--set-{field} …" for field in fields)
    more = {"approve": " --all-flags", "reassign": f" {options} --all-flags", "reject": ""}
    return [
        f"focus-billing review {verb} {where} --item {item.id}{more[verb.value]} --reason …"
        for verb in possible_verbs(item, config, external)
    ]


def cleared_by(
    item: QueueItem,
    verb: Verb,
    chosen: Collection[str],
    payer: Payer,
    config: Config,
    external: Collection[str] = (),
    *,
    all_flags: bool,
) -> tuple[str, ...]:
    """The flags of an item that a decision clears: the chosen ones, those that `payer` answers, or all of them.

    Rejecting clears every flag that holds the item, since nothing is billed.
    """
    if verb is Verb.REJECT or all_flags:
        return item.uncleared
    fields = [field for field in FIELDS if getattr(payer, field)]
    needed = fund_needed(item, config, external, payer.pi)
    cleared = {*chosen, *answered(item.uncleared, fields, fund_needed=needed)}
    return tuple(flag for flag in item.uncleared if flag in cleared)


def still_holding(item: QueueItem, clears: Sequence[str]) -> tuple[str, ...]:
    """The flags that still hold an item after these are cleared."""
    return tuple(flag for flag in item.uncleared if flag not in clears)


def by_money(items: Sequence[QueueItem]) -> list[QueueItem]:
    """Items in the order to work on them: by period, then largest amount first."""
    return sorted(items, key=lambda item: (item.period, -abs(item.exact_billed), item.key))
