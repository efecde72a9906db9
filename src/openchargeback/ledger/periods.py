"""Period files: the state of a billing month (`periods/2025-01.yaml`)."""

from __future__ import annotations

import calendar
import datetime as dt
import hashlib
import re
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Annotated, Any, ClassVar

from openchargeback.ledger.declared import declare, shape_of
from openchargeback.ledger.shape import PERIOD_PATTERN, Integer, MapOf, Text
from openchargeback.ledger.yaml_text import quoted, scalar
from openchargeback.ledger.yaml_tree import Mapping, Node, Reader, parse
from openchargeback.model import State, Without
from openchargeback.problems import Problem

MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
"""The names of the months, independent of the machine's locale."""


def is_period(text: str) -> bool:
    """Whether the text is a period such as `2025-01`."""
    return re.fullmatch(PERIOD_PATTERN, text, re.ASCII) is not None


def first_day(period: str) -> dt.date:
    """The first day of a period."""
    return dt.date(int(period[:4]), int(period[5:]), 1)


def last_day(period: str) -> dt.date:
    """The last day of a period."""
    day = first_day(period)
    return day.replace(day=calendar.monthrange(day.year, day.month)[1])


INVOICES = "invoices"
"""The folder of what providers invoiced."""


def period_of(path: str) -> str:
    """The period of a charge file, approval file, provider's invoice or period file, by its path; else empty."""
    parts = PurePosixPath(path).parts
    if len(parts) < 2 or parts[0] not in ("charges", "approvals", INVOICES, "periods"):
        return ""
    name = parts[1][:7]
    whole = parts[0] != "periods" and parts[1] == name
    return name if is_period(name) and (whole or (parts[0] == "periods" and parts[1][7:8] == ".")) else ""


LINES, STATEMENTS, RESOURCES, CORRECTIONS, HELD, FROZEN = (
    "lines.csv", "statements.csv", "resources.csv", "corrections.csv", "held.csv", "frozen.yaml",
)  # fmt: skip
LOGOS = ("logo.svg", "logo.png")
PARTS = (LINES, STATEMENTS, RESOURCES, CORRECTIONS, HELD, *LOGOS)
"""Files that closing may write next to `P.frozen.yaml`, which lists those that exist with their digests."""

NOTES = "notes.yaml"
"""Acknowledgments about a closed month."""


def part_path(period: str, name: str) -> str:
    """The path in the ledger of a closed month's file: one of PARTS, FROZEN or NOTES."""
    return f"periods/{period}.{name}"


# The number of calendar months in a chart.
CHART_MONTHS = 12


def months_until(period: str, count: int) -> list[str]:
    """The `count` calendar months up to and including `period`."""
    year, month = (int(part) for part in period.split("-"))
    last = year * 12 + month - 1
    return [f"{at // 12:04}-{at % 12 + 1:02}" for at in range(last - count + 1, last + 1)]


def next_period(period: str) -> str:
    """The month after a period."""
    year, month = int(period[:4]), int(period[5:])
    return f"{year + month // 12:04}-{month % 12 + 1:02}"


def fiscal(day: dt.date, starts: int) -> tuple[int, int]:
    """The fiscal year of a day and its month in it, 1 to 12. starts: the month in which fiscal years start.

    A fiscal year is named for the calendar year in which it ends: if it starts in July, June 2025 is month 12 of 2025.
    """
    month = (day.month - starts) % 12 + 1
    return day.year + (starts > 1 and day.month >= starts), month


def fiscal_year_days(year: int, starts: int) -> tuple[dt.date, dt.date]:
    """The first and the last day of a fiscal year. starts: the month in which fiscal years start."""
    first = dt.date(year - (starts > 1), starts, 1)
    return first, first.replace(year=first.year + 1) - dt.timedelta(days=1)


_DIGEST = Text(r"[0-9a-f]{64}", "a SHA-256 digest")


@dataclass(frozen=True, slots=True)
class Event:
    """When a state was reached and by whom."""

    on: Annotated[dt.date, "The day."]
    by: Annotated[str, "The person who did it."] = ""


@dataclass(frozen=True, slots=True)
class Seal:
    """Digests of all inputs of a finalized period: every file, and the content of the period file."""

    digest: Annotated[str, replace(_DIGEST, help="Digest of the state and of the list of files.")]
    files: Annotated[dict[str, str], MapOf(_DIGEST, help="SHA-256 of each file, by its path in the ledger.")]


_BEYOND = {
    State.OPEN: ("closed", "accounting_date", "without", "frozen", "finalized", "seal"),
    State.CLOSED: ("finalized", "seal"),
}
"""Keys allowed only in a later state. Otherwise changing one word would open or unseal a month."""


def _needs(state: State, key: str) -> dict[str, Any]:
    return {"if": {"properties": {"state": {"const": state.value}}}, "then": {"required": [key]}}


def _lacks(state: State, keys: tuple[str, ...]) -> dict[str, Any]:
    nothing = {key: {"type": "null"} for key in keys}
    return {"if": {"properties": {"state": {"const": state.value}}}, "then": {"properties": nothing}}


declare(
    Without,
    source=Text(filled=True, help="The source."),
    reason=Text(filled=True, help="Why the month was closed without it."),
    by="The person who decided it.",
)


@dataclass(frozen=True, slots=True)
class PeriodFile:
    """The state of a billing month; a period without a file is open, revision 1.

    accounting_date: as in the file; `accounting_date(period, state)` returns the effective one.
    """

    state: Annotated[State, "Open, closed, or permanently finalized."]
    revision: Annotated[int, Integer(1, 999, "Counts reopenings from 1.")] = 1
    closed: Annotated[Event | None, "When the month was closed, and by whom."] = None
    accounting_date: Annotated[
        dt.date | None, "The date of every journal line; the last day of the month unless set."
    ] = None
    without: Annotated[
        tuple[Without, ...], "Sources that are expected monthly but had no charges when the month was closed."
    ] = ()
    finalized: Annotated[Event | None, "When the month was finalized, and by whom."] = None
    frozen: Annotated[str, replace(_DIGEST, help="Digest of what closing the period wrote.")] = ""
    seal: Annotated[Seal | None, "Digests of all inputs of a finalized period."] = None

    RULES: ClassVar[dict[str, Any]] = {
        "allOf": [
            _needs(State.CLOSED, "closed"),
            _needs(State.FINALIZED, "closed"),
            _needs(State.FINALIZED, "finalized"),
            *(_lacks(state, keys) for state, keys in _BEYOND.items()),
        ]
    }

    @classmethod
    def from_yaml(cls, values: dict[str, Any], node: Node, reader: Reader) -> PeriodFile:
        """The state; contradictions are recorded as problems."""
        period = cls(**values)
        if period.state is not State.OPEN and period.closed is None:
            reader.fault(node, "missing-key", f"{period.state} without `closed`", "add `closed: {on: …, by: …}`")
        if period.state is State.FINALIZED and period.finalized is None:
            reader.fault(node, "missing-key", "finalized without `finalized`", "add `finalized: {on: …, by: …}`")
        beyond = [key for key in _BEYOND.get(period.state, ()) if values.get(key) is not None]
        if beyond:
            message = f"`state: {period.state}` contradicts {', '.join(f'`{key}`' for key in beyond)}"
            fix = "restore the file from Git; only `focus-billing periods` changes the state of a month"
            reader.fault(_key(node, "state"), "state-contradicted", message, fix)
        name = PurePosixPath(reader.path).stem
        day = period.accounting_date
        if day and is_period(name) and day < first_day(name):
            message = f"the accounting date {day.isoformat()} is before the start of {name}"
            reader.fault(_key(node, "accounting_date"), "wrong-value", message, "restore the file from Git")
        return period


OPEN = PeriodFile(State.OPEN)
"""The state of a period without a file."""

PERIOD = shape_of(PeriodFile)


def accounting_date(period: str, state: PeriodFile) -> dt.date:
    """The date of a period's journal lines: the one it was closed with, else its last day."""
    return state.accounting_date or last_day(period)


def _key(node: Node, name: str) -> Node:
    """The key node with that name, as the place of a problem."""
    keys = [key for key, _ in node.items if key.text == name] if isinstance(node, Mapping) else []
    return keys[0] if keys else node


def read_period(data: bytes, path: str) -> tuple[PeriodFile | None, list[Problem]]:
    """The state in a period file, or None with the faults that prevent it."""
    root, reader = parse(data, path)
    if root is None and not reader.problems:
        fix = "add `state: open` or remove the file"
        reader.problems.append(Problem(path, "empty-file", "this file is empty", fix, 1))
    return (PERIOD.read(root, reader) if root is not None else None), reader.problems


def write_period(period: PeriodFile) -> str:
    """The text of a period file."""
    lines = ["# The state of this billing month; written by `focus-billing periods`.", f"state: {period.state}"]
    if period.revision > 1:
        lines.append(f"revision: {period.revision}")
    if period.closed:
        lines.append(f"closed: {_event_text(period.closed)}")
    if period.accounting_date:
        lines.append(f"accounting_date: {period.accounting_date.isoformat()}")
    if period.without:
        lines += ["without:", *(f"  - {_without_text(each)}" for each in period.without)]
    if period.finalized:
        lines.append(f"finalized: {_event_text(period.finalized)}")
    if period.frozen:
        lines.append(f"frozen: {quoted(period.frozen)}")
    if period.seal:
        lines += ["seal:", f"  digest: {quoted(period.seal.digest)}", "  files:"]
        lines += [f"    {scalar(path)}: {quoted(digest)}" for path, digest in sorted(period.seal.files.items())]
    return "\n".join(lines) + "\n"


def _event_text(event: Event) -> str:
    return f"{{on: {event.on.isoformat()}, by: {quoted(event.by)}}}"


def _without_text(each: Without) -> str:
    return f"{{source: {scalar(each.source)}, reason: {quoted(each.reason)}, by: {quoted(each.by)}}}"


def seal_digest(period: PeriodFile) -> str:
    """SHA-256 over everything else in a finalized period file, one statement per line."""
    files = period.seal.files if period.seal else {}
    parts = [f"state {period.state}", f"revision {period.revision}", f"frozen {period.frozen}"]
    for name, event in (("closed", period.closed), ("finalized", period.finalized)):
        parts.append(f"{name} {event.on.isoformat()} {quoted(event.by)}" if event else f"{name} never")
    if period.accounting_date:
        parts.append(f"accounting date {period.accounting_date.isoformat()}")
    parts += [f"without {quoted(each.source)} {quoted(each.reason)} {quoted(each.by)}" for each in period.without]
    parts += [f"file {quoted(path)} {digest}" for path, digest in sorted(files.items())]
    return hashlib.sha256("".join(f"{part}\n" for part in parts).encode()).hexdigest()
