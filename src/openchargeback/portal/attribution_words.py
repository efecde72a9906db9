"""The sentence on a statement that says where its PI, project and fund come from, written for PIs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from openchargeback import money
from openchargeback.model import Attribution
from openchargeback.wording import counted

FIELDS = {"pi": "PI", "project": "project", "fund": "fund"}

_WORDS = {
    "tag": "from the tags",
    "match": "from the directory, by account or resource",
    "project": "from the project’s entry in the directory",
    "default": "from the default payer of the source",
    "reference": "from the charge that is corrected",
    "": "not needed (nothing is billed)",
}

_Part = tuple[str, tuple[str, ...]]
"""The origin of a field, and who decided."""
_Found = Mapping[_Part, tuple[int, Decimal]]
"""Number of charges and amount billed, in cents, of each part."""


def attribution_sentence(attributions: Sequence[Attribution], currency: str, *, invoiced: bool = False) -> str:
    """`PI and project from the tags of the charges; fund …`; empty if nothing is known. invoiced: no fund pays.

    Fields with the same origin are listed together. Numbers of charges and amounts are given only for a field with
    several origins.
    """
    alike: dict[str, list[str]] = {}
    for field, name in FIELDS.items():
        if invoiced and field == "fund":
            continue
        words = _field(_found(attributions, field), currency)
        if words:
            alike.setdefault(words, []).append(name)
    sentence = "; ".join(f"{_listed(names)} {words}" for words, names in alike.items())
    return f"{sentence[0].upper()}{sentence[1:]}." if sentence else ""


def _found(attributions: Sequence[Attribution], field: str) -> _Found:
    found: dict[_Part, tuple[int, Decimal]] = {}
    for each in attributions:
        via = str(getattr(each, field))
        part = (via, each.by if via == "decision" else ())
        charges, amount = found.get(part, (0, money.ZERO))
        found[part] = (charges + each.charges, amount + each.billed)
    return found


def _field(found: _Found, currency: str) -> str:
    """The parts of one field, most charges first."""
    ranked = sorted(found.items(), key=lambda item: (-item[1][0], item[0]))
    if len(ranked) == 1:
        words = _part(ranked[0][0])
        return f"{words} of the charges" if words == _WORDS["tag"] else words
    return ", ".join(
        f"{_part(part)} for {counted(charges, 'charge')}{_amount(amount, currency)}"
        for part, (charges, amount) in ranked
    )


def _part(part: _Part) -> str:
    via, by = part
    return f"decided by {_listed(by)}" if via == "decision" else _WORDS.get(via, via)


def _amount(amount: Decimal, currency: str) -> str:
    return f" ({currency}\N{NO-BREAK SPACE}{money.human(amount, currency)})" if amount else ""


def _listed(words: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join(part for part in (", ".join(words[:-1]), *words[-1:]) if part)
