"""Directory entries that would attribute held charges, largest amount first."""

from __future__ import annotations

from collections.abc import Sequence

from openchargeback import money
from openchargeback.ledger.directory_stubs import Suggestion
from openchargeback.model import QueueItem

_NAMES = 3
"""How many names are kept per suggestion."""


def suggestions(items: Sequence[QueueItem], currency: str) -> list[Suggestion]:
    """One suggestion per sub-account or resource without a project, and per project, PI or fund in tags that the
    directory does not know. A charge may count under several. Charges in a currency other than the ledger's are
    skipped, since they cannot be billed.
    """
    found: dict[tuple[str, str, str], list[QueueItem]] = {}
    for item in (each for each in items if each.currency == currency):
        for key in _keys(item):
            found.setdefault(key, []).append(item)
    result = [_suggestion(*key, of) for key, of in found.items()]
    return sorted(result, key=lambda each: (each.kind, -abs(each.amount), each.column, each.value))


def _keys(item: QueueItem) -> list[tuple[str, str, str]]:
    keys = []
    if "missing-project" in item.uncleared and (item.sub_account or item.resource):
        keys.append(("projects", "sub_account" if item.sub_account else "resource", item.sub_account or item.resource))
    if "unknown-project" in item.uncleared:
        keys.append(("projects", "id", item.project))
    if "unknown-pi" in item.uncleared:
        keys.append(("people", "email", item.pi))
    if "unknown-fund" in item.uncleared:
        # The fund is not a key of an item; the flag's reasons start with it.
        for note in item.details.notes:
            keys += [("funds", "id", why.split(" ")[0]) for why in note.reasons if note.flag == "unknown-fund"]
    return keys


def _suggestion(kind: str, column: str, value: str, items: Sequence[QueueItem]) -> Suggestion:
    names = [name for item in items for name in (*_account_names(item, value), *item.details.resources)]
    reasons = [why for item in items for note in item.details.notes for why in note.reasons if value and value in why]
    return Suggestion(
        kind=kind,
        column=column,
        value=value,
        charges=sum(item.charges for item in items),
        amount=money.total(*(item.exact_billed for item in items)),
        names=tuple(dict.fromkeys(name for name in names if name != value))[:_NAMES],
        near=next((why.partition("did you mean ")[2].rstrip("?") for why in reasons if "did you mean" in why), ""),
    )


def _account_names(item: QueueItem, value: str) -> list[str]:
    """The name of the sub-account, which follows its id."""
    return [
        each.removeprefix(f"{value} (").removesuffix(")")
        for each in item.details.sub_accounts
        if each.startswith(f"{value} (")
    ]
