"""Read the record of a closed month with all its faults, and write it deterministically."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from openchargeback.ledger import table
from openchargeback.ledger.declared import values_of
from openchargeback.ledger.files import Gate, read_bytes
from openchargeback.ledger.periods import CORRECTIONS, FROZEN, LINES, RESOURCES, STATEMENTS, PeriodFile, part_path
from openchargeback.ledger.yaml_text import document
from openchargeback.ledger.yaml_tree import parse
from openchargeback.model import State
from openchargeback.problems import LedgerFault, Problem
from openchargeback.record.closing_record import FROZEN_FILE, ClosingRecord, RecordedStatement
from openchargeback.record.lazy import LazySequence
from openchargeback.record.tables import (
    columns_of,
    corrections_of,
    lines_of,
    resources_of,
    statements_of,
    tables_of,
)

_HEAD = "The closing record of {period}. Written by `focus-billing periods close`; do not edit."


def read_record(root: Path, period: str, state: PeriodFile) -> tuple[ClosingRecord | None, list[Problem]]:
    """The record of a closed period and all its faults; None if there is no usable record.

    Lines, statements and resources are read when first looked at, which raises LedgerFault if they are faulty.
    """
    problems: list[Problem] = []
    path = part_path(period, FROZEN)
    data = read_bytes(root, path, problems)
    if data is None:
        if not problems:
            problems.append(_missing(period, path, state))
        return None, problems
    node, reader = parse(data, path)
    record: ClosingRecord | None = FROZEN_FILE.read(node, reader) if node is not None else None
    problems += reader.problems
    if record is None or reader.problems:
        return None, problems or [_missing(period, path, state)]
    if record.period != period:
        message = f"this is the closing record of {record.period}"
        problems.append(Problem(path, "frozen-fault", message, "restore the file from Git", 1))
        return None, problems
    gate = Gate(root)
    for name in (LINES, STATEMENTS, RESOURCES):
        if not gate.is_file(part_path(period, name)):
            problems.append(_missing(period, part_path(period, name), state))
    if problems:
        return None, problems
    tables = _Tables(root, period, record.config.currency)
    try:
        # Few months have any, and what they correct must be known for every other month.
        corrections = corrections_of(tables.rows(CORRECTIONS))
    except LedgerFault as fault:
        return None, list(fault.problems)
    return (
        replace(
            record,
            digest=hashlib.sha256(data).hexdigest(),
            lines=LazySequence(lambda: lines_of(tables.rows(LINES))),
            statements=LazySequence(tables.statements),
            resources=LazySequence(lambda: resources_of(tables.rows(RESOURCES))),
            corrections=corrections,
        ),
        [],
    )


@dataclass(frozen=True, slots=True)
class _Tables:
    """The tables of a closing record. Reading raises LedgerFault if a table is faulty."""

    root: Path
    period: str
    currency: str

    def rows(self, name: str) -> list[list[Any]]:
        """The rows of a table; none if it does not exist."""
        problems: list[Problem] = []
        path = part_path(self.period, name)
        data = read_bytes(self.root, path, problems)
        columns = columns_of(name, self.period, self.currency)
        rows = [] if data is None else table.read_table(data, path, columns, problems)
        if problems:
            raise LedgerFault(problems, self.root)
        return rows

    def statements(self) -> tuple[RecordedStatement, ...]:
        problems: list[Problem] = []
        found = statements_of(self.rows(STATEMENTS), part_path(self.period, STATEMENTS), problems)
        if problems:
            raise LedgerFault(problems, self.root)
        return found


def _missing(period: str, path: str, state: PeriodFile) -> Problem:
    fix = (
        "restore it from Git"
        if state.state is State.FINALIZED
        else f"restore it from Git, or reopen the period with `focus-billing periods open {period}` and close it again"
    )
    return Problem(path, "not-frozen", f"{period} is {state.state}, but its closing record is missing", fix)


def record_files(
    record: ClosingRecord, held: Iterable[Sequence[str]], logo: tuple[str, bytes] | None
) -> dict[str, bytes]:
    """The files of a period that is being closed, by path, `P.frozen.yaml` last. Computes `files` and `digest`.

    held: one row per held charge, as HELD_COLUMNS. logo: its kind (svg or png) and bytes.
    """
    parts = tables_of(record, held)
    if logo:
        parts[f"logo.{logo[0]}"] = logo[1]
    named = replace(record, files={name: hashlib.sha256(parts[name]).hexdigest() for name in sorted(parts)})
    text = document(values_of(named), _HEAD.format(period=record.period))
    return {part_path(record.period, name): data for name, data in parts.items()} | {
        part_path(record.period, FROZEN): text.encode()
    }
