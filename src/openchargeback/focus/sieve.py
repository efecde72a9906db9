"""SQL that lets the plainly good cells pass, compiled from the Table Schema; all else goes to the judge.

A condition is true only where `judge.py` surely finds nothing. It may be false for cells that turn out to be fine,
never the other way round: a property test holds that both agree on any file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from openchargeback.focus.database import literal

BITS = 60
"""Conditions in one column of a mask (UBIGINT)."""

# At most two digits of exponent, so that the value stays small enough for every reader.
_NUMBER = r"-?([0-9]{1,15}(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,2})?"
# Without a positive exponent, so that fifteen digits before the point are all there are.
_AMOUNT = r"-?([0-9]{1,15}(\.[0-9]*)?|\.[0-9]+)([eE]-[0-9]{1,2})?"
# JSON that Python's reader takes too: short enough for its limits on depth and digits.
_JSON_LENGTH = 1_000


def plain(field: Mapping[str, Any], cell: str, *, amount: bool) -> str:
    """SQL that is true where a cell of this field (Table Schema) is plainly fine; empty where every cell is.

    amount: whether it is money that must fit a sum.
    """
    constraints = field.get("constraints", {})
    conditions = [_type(field, cell, amount=amount)]
    if "pattern" in constraints:
        conditions.append(f"regexp_full_match({cell}, {literal(constraints['pattern'])})")
        # A pattern knows no calendar: 2025-02-30.
        conditions.append(f"try_cast(left({cell}, 10) AS DATE) IS NOT NULL AND {cell} >= '0001'")
    if "enum" in constraints:
        conditions.append(_among(cell, constraints["enum"]))
    unknown = set(constraints) - {"required", "pattern", "enum"}
    if unknown:
        conditions.append("false")
    fine = " AND ".join(condition for condition in conditions if condition)
    if constraints.get("required"):
        return f"({cell} IS NOT NULL AND {fine or 'true'})"
    return f"({cell} IS NULL OR ({fine}))" if fine else ""


def _type(field: Mapping[str, Any], cell: str, *, amount: bool) -> str:
    kind = field["type"]
    if kind in ("string", "any"):
        return ""
    if kind == "number":
        return f"regexp_full_match({cell}, {literal(_AMOUNT if amount else _NUMBER)})"
    if kind == "object":
        return f"(strlen({cell}) <= {_JSON_LENGTH} AND left({cell}, 1) = '{{' AND json_valid({cell}))"
    return "false"


def _among(cell: str, words: Sequence[str]) -> str:
    return f"{cell} IN ({', '.join(literal(word) for word in words)})"


def masks(conditions: Sequence[str]) -> list[str]:
    """SQL of the mask columns: bit k of mask m is set where condition m × BITS + k is true."""
    columns = []
    for start in range(0, len(conditions), BITS):
        bits = [
            f"CASE WHEN {condition} THEN {1 << bit}::UBIGINT ELSE 0::UBIGINT END"
            for bit, condition in enumerate(conditions[start : start + BITS])
        ]
        columns.append(" | ".join(bits))
    return columns


def fired(index: int) -> str:
    """SQL that is true where a condition of `masks` (columns mask0, mask1, …) was true."""
    return f"mask{index // BITS} & {1 << (index % BITS)}::UBIGINT <> 0"
