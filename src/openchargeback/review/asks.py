"""The fields of `set` that answer each flag. A flag that is not listed here only needs a yes or no."""

from __future__ import annotations

from collections.abc import Collection

FIELDS = ("pi", "project", "fund")

_ASKS: dict[str, tuple[tuple[str, ...], ...]] = {
    "missing-pi": (("pi",),),
    "unknown-pi": (("pi",),),
    "missing-project": (("project",),),
    "unknown-project": (("project",),),
    "expired-project": (("project",),),
    "missing-fund": (("fund",),),
    "invalid-fund": (("fund",),),
    "unknown-fund": (("fund",),),
    "inactive-fund": (("fund",),),
    "fund-not-of-project": (("fund",), ("project",)),
    "pi-not-of-project": (("pi",), ("project",)),
    "spans-change": (("pi", "fund"),),
    "malformed-tags": (("pi", "project", "fund"),),
}
"""By flag, the sets of fields that each answer it."""

UNPAYABLE = ("missing-pi", "missing-project", "missing-fund", "malformed-tags")
"""Flags of charges without a payer, which approving them cannot resolve."""


def asked_fields(flag: str) -> tuple[str, ...]:
    """The fields that an answer to this flag may set, in the order of FIELDS; empty if it asks for none."""
    return tuple(field for field in FIELDS if any(field in answer for answer in _ASKS.get(flag, ())))


def answered(flags: Collection[str], fields: Collection[str], *, fund_needed: bool = True) -> tuple[str, ...]:
    """The flags that setting these fields answers, sorted. fund_needed: whether the charges need a fund."""
    given = {*fields, *(() if fund_needed else ("fund",))}
    return tuple(sorted(flag for flag in flags if any(set(answer) <= given for answer in _ASKS.get(flag, ()))))


def lacking(flags: Collection[str], *, fund_needed: bool = True) -> tuple[str, ...]:
    """The fields that must be set before charges with these flags can be billed, in the order of FIELDS."""
    wanted = {field for flag in flags if flag in UNPAYABLE for field in asked_fields(flag)}
    return tuple(field for field in FIELDS if field in wanted and (fund_needed or field != "fund"))
