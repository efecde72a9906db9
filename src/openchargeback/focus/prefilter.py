"""SQL that passes cells that are clearly valid, compiled from the Table Schema; all others go to Frictionless.

A condition is true only if `frictionless_check.py` is certain to find nothing. It may be false for cells that turn out
to be fine, but never the reverse: a property test checks that both agree on any file.
"""

from __future__ import annotations

import datetime as dt
import re
from calendar import monthrange
from collections.abc import Mapping, Sequence
from typing import Any

from openchargeback.focus.database import literal, literals

BITS = 60
"""Conditions in one column of a mask (UBIGINT)."""

# At most two exponent digits, so that the value stays small enough for every reader.
_NUMBER = r"-?([0-9]{1,15}(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,2})?"
# No positive exponent, so that there are never more than fifteen digits before the point.
_AMOUNT = r"-?([0-9]{1,15}(\.[0-9]*)?|\.[0-9]+)([eE]-[0-9]{1,2})?"
_DAY = re.compile(r"(?P<year>[0-9]{4})-(?P<month>[0-9]{2})-[0-9]{2}")
# JSON that Python's reader accepts, too: short enough for its limits on depth and digits.
_JSON_LENGTH = 1_000


def plain(field: Mapping[str, Any], cell: str, *, amount: bool, like: str = "", days: Sequence[str] = ()) -> str:
    """SQL that is true where a cell of this field (Table Schema) is clearly valid; empty if every cell is.

    amount: whether it is money that must fit a sum. like: a cell of the same row whose amount is checked anyway; a
    number with the same spelling needs no second check. days: spellings of real days that most dates are expected to
    have (`days_like`).
    """
    constraints = field.get("constraints", {})
    conditions = [_type(field, cell, amount=amount)]
    if like and field["type"] == "number":
        conditions = [f"CASE WHEN {cell} = {like} THEN true ELSE {conditions[0]} END"]
    if "pattern" in constraints:
        conditions.append(_date(cell, constraints["pattern"], days))
    if "enum" in constraints:
        conditions.append(_among(cell, constraints["enum"]))
    unknown = set(constraints) - {"required", "pattern", "enum"}
    if unknown:
        conditions.append("false")
    fine = " AND ".join(condition for condition in conditions if condition)
    if constraints.get("required"):
        return f"({cell} IS NOT NULL AND {fine or 'true'})"
    return f"({cell} IS NULL OR ({fine}))" if fine else ""


def plain_object(cell: str) -> str:
    """SQL that is true where a text is clearly a JSON object."""
    return f"(strlen({cell}) <= {_JSON_LENGTH} AND plain_json({cell}))"


def _type(field: Mapping[str, Any], cell: str, *, amount: bool) -> str:
    kind = field["type"]
    if kind in ("string", "any"):
        return ""
    if kind == "number":
        return f"regexp_full_match({cell}, {literal(_AMOUNT if amount else _NUMBER)})"
    if kind == "object":
        return plain_object(cell)
    return "false"


def days_like(text: str) -> tuple[str, ...]:
    """The days of a date's month and the first one of the next, each spelled like it: 2025-01-31T00:00:00Z."""
    found = _DAY.match(text)
    if not found:
        return ()
    try:
        first = dt.date(int(found["year"]), int(found["month"]), 1)
        days = [first + dt.timedelta(days=number) for number in range(monthrange(first.year, first.month)[1] + 1)]
    except (ValueError, OverflowError):
        return ()
    return tuple(f"{day}{text[found.end() :]}" for day in days)


def _date(cell: str, pattern: str, days: Sequence[str]) -> str:
    """A date or date-time that matches the pattern and is a real day, which a pattern cannot check: 2025-02-30.

    A day that DuckDB writes back unchanged is real; that is faster than a pattern, so the common spellings, a day and
    the start of a day, are checked first. Looking for a day in a list is faster still. CASE, since AND and OR in a
    column compute all of their operands.
    """
    slow = f"regexp_full_match({cell}, {literal(pattern)}) AND try_cast(left({cell}, 10) AS DATE) >= DATE '0001-01-01'"
    day, midnight = "2024-02-29", "T00:00:00Z"
    cases = []
    if listed := [each for each in days if re.fullmatch(pattern, each)]:
        cases.append(f"WHEN {_among(cell, listed)} THEN true")
    if re.fullmatch(pattern, day):
        cases.append(f"WHEN strlen({cell}) = 10 THEN try_cast({cell} AS DATE)::VARCHAR = {cell}")
    if re.fullmatch(pattern, day + midnight):
        short = f"left({cell}, 10)"
        fits = f"strlen({cell}) = 20 AND ends_with({cell}, '{midnight}')"
        cases.append(f"WHEN {fits} THEN try_cast({short} AS DATE)::VARCHAR = {short}")
    return f"CASE {' '.join(cases)} ELSE {slow} END" if cases else slow


def _among(cell: str, words: Sequence[str]) -> str:
    return f"{cell} IN ({literals(words)})"


def masks(conditions: Sequence[str]) -> list[str]:
    """SQL for the mask columns: bit k of mask m is set where condition m × BITS + k is true."""
    columns = []
    for start in range(0, len(conditions), BITS):
        bits = [
            f"CASE WHEN {condition} THEN {1 << bit}::UBIGINT ELSE 0::UBIGINT END"
            for bit, condition in enumerate(conditions[start : start + BITS])
        ]
        columns.append(" | ".join(bits))
    return columns


def met(index: int) -> str:
    """SQL that is true where a condition of `masks` (columns mask0, mask1, …) was true."""
    return f"mask{index // BITS} & {1 << (index % BITS)}::UBIGINT <> 0"
