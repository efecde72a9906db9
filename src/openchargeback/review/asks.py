"""What each flag asks a reviewer for: the fields of `set` that answer it. The others ask for a yes or no."""

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
"""The sets of fields by flag, each of which answers it."""

UNPAYABLE = ("missing-pi", "missing-project", "missing-fund", "malformed-tags")
"""Flags of charges that lack what they ask for, so that nobody would pay: approving them is no answer."""


def asked_fields(flag: str) -> tuple[str, ...]:
    """The fields that any answer to the flag may set, in the order of FIELDS; empty where it asks for none."""
    return tuple(field for field in FIELDS if any(field in answer for answer in _ASKS.get(flag, ())))


def answered(flags: Collection[str], fields: Collection[str], *, fund_needed: bool = True) -> tuple[str, ...]:
    """The flags that setting these fields answers, sorted. fund_needed: whether the charges need a fund at all."""
    given = {*fields, *(() if fund_needed else ("fund",))}
    return tuple(sorted(flag for flag in flags if any(set(answer) <= given for answer in _ASKS.get(flag, ()))))


def lacking(flags: Collection[str], *, fund_needed: bool = True) -> tuple[str, ...]:
    """The fields that must be set before charges with these flags can be billed, in the order of FIELDS."""
    wanted = {field for flag in flags if flag in UNPAYABLE for field in asked_fields(flag)}
    return tuple(field for field in FIELDS if field in wanted and (fund_needed or field != "fund"))
