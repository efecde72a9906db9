"""The message and the fix of a fault in a row."""

from __future__ import annotations

import re

from openchargeback import money
from openchargeback.focus.columns import COLUMNS, TABLE
from openchargeback.focus.dialects import FOREIGN_VALUES
from openchargeback.focus.frictionless_check import Fault
from openchargeback.focus.null_words import BLANK, is_null_word

_SHOWN = 60
_KINDS = {"datetime": "not a date-time", "decimal": "not a number", "json": "not a JSON object"}
_NOTHING = "billing does not need it; FOCUS requires a value in every row"
_BESIDE = " \t\r\n$€£+"
# Commas that can only separate thousands: two of them, or one before a point.
_GROUPED = re.compile(r"-?[0-9]{1,3}(?:(?:,[0-9]{2,3})+,[0-9]{3}(?:\.[0-9]*)?|,[0-9]{3}\.[0-9]*)")


def explain(fault: Fault, name: str, cells: int, columns: int, *, needed: bool, word: str = "") -> tuple[str, str]:
    """Message and fix of a fault. name: of its column, empty for the row. cells, columns: counts in row and header.

    needed: whether billing needs the cell. word: the text of a cell that is read as null, such as `NULL`.
    """
    uneven = f"the row has {cells} cells, the header {columns}"
    whole = {
        "missing-cell": (f"{uneven}: {name} is missing", "fill in the missing cells"),
        "extra-cell": (uneven, "remove the cell, or quote the cell that contains a comma"),
        "blank-row": ("every cell of the row is empty", "remove the row, or export the file again"),
    }
    if fault.code in whole:
        return whole[fault.code]
    if fault.text is None:
        fix = "every charge needs one; export the file again" if needed else _NOTHING
        return f"{name} has no value: the export wrote the word {word}" if word else f"{name} is empty", fix
    return _cell(fault.code, name, fault.text)


def _cell(code: str, name: str, text: str) -> tuple[str, str]:
    shown = text[:_SHOWN]
    if code == "no-such-date":
        return f"{name} is not a calendar date: {shown}", "correct the day"
    if code == "amount-size":
        fix = (
            f"look for a shifted row or a wrong column: amounts have at most {money.MAX_DIGITS} digits before the point"
        )
        return f"{name} is too large for an amount: {shown}", fix
    kind = COLUMNS.get(name)
    if is_null_word(text) and kind in _KINDS:
        return f"{name} is {_KINDS[kind]}: the export wrote the word {shown.strip()} for no value", BLANK
    if kind == "datetime":
        return f"{name} is not a date-time: {shown}", "write it like 2025-01-01T00:00:00Z or 2025-01-01"
    if kind == "decimal":
        return f"{name} is not a number: {shown}", _spelling(text)
    if kind == "json":
        return f"{name} is not a JSON object: {shown}", "export it as in FOCUS: an object with keys and values"
    known = FOREIGN_VALUES.get((name, text.strip().casefold()))
    return f"{name} is {shown}", known or f"use one of {', '.join(TABLE[name].values)}"


def _spelling(text: str) -> str:
    """How to write a number. Faults whose fixes differ only in the number are grouped, so the fix applies to all."""
    plain = text.strip(_BESIDE)
    grouped = "," not in plain or _GROUPED.fullmatch(plain)
    if not grouped and "." not in plain.rpartition(",")[2]:
        return "likely a decimal comma: write a decimal point and no thousands separators, such as 1234.50"
    plain = plain.replace(",", "").replace("_", "")
    if not grouped or plain == text or money.parse(plain) is None:
        return "write a plain number such as 1234.50"
    return f"write it like {plain}: no currency symbols, thousands separators or spaces"
