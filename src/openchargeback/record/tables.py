"""The tables that closing a month writes next to `P.frozen.yaml`: their columns, and reading and writing rows."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from openchargeback import money
from openchargeback.ledger import table
from openchargeback.ledger.declared import values_of
from openchargeback.ledger.line_table import (
    AMOUNT_COLUMNS,
    COLUMNS,
    RESOURCE_COLUMNS,
    USAGE_COLUMNS,
    amount_values,
    line_cells,
)
from openchargeback.ledger.periods import CORRECTIONS, HELD, LINES, RESOURCES, STATEMENTS
from openchargeback.ledger.yaml_tree import parse
from openchargeback.model import Amounts, BillingLine, Correction, Entry, Kind, ResourceLine, Usage, field_values
from openchargeback.problems import Problem
from openchargeback.record.closing_record import (
    DETAILS,
    HELD_COLUMNS,
    ClosingRecord,
    RecordedResource,
    RecordedStatement,
    StatementDetails,
)

_FIELDS = {"decision": "place"}
"""Columns whose field has a different name."""


def columns_of(name: str, period: str, currency: str) -> tuple[table.Column, ...]:
    """The columns of a table of the closing record: any of PARTS but a logo."""
    if name == LINES:
        return tuple(column.shape(column.name, period, currency) for column in COLUMNS)
    text, exact = table.text, table.exact
    if name == HELD:
        return tuple(map(text, HELD_COLUMNS))
    cents = tuple(table.cents(each, currency) for each in AMOUNT_COLUMNS)
    statement = (text("pi"), text("project"))
    if name == RESOURCES:
        return (*statement, *RESOURCE_COLUMNS, *cents, *USAGE_COLUMNS)
    if name == STATEMENTS:
        return (text("number"), *statement, text("digest"), text("details"))
    payer = (*statement, text("fund"), text("source"), text("service"), table.word("kind", Kind))
    entry = (text("charge"), text("original"), table.word("entry", (e for e in Entry if e is not Entry.OWN)))
    exacts = (text("currency"), exact("exact_list"), exact("exact_billed"))
    resource = (text("resource_id"), text("resource_name"))
    decision = (text("corrects"), text("decision"))
    due = (table.boolean("posted"), table.boolean("invoiced"))
    return (*entry, *payer, *due, *exacts, *cents, *decision, *resource, *USAGE_COLUMNS)


def tables_of(record: ClosingRecord, held: Iterable[Sequence[str]]) -> dict[str, bytes]:
    """The bytes of the tables of a period being closed, by name. held: one row per held charge, as HELD_COLUMNS."""
    currency = record.config.currency
    numbers = {(each.pi, each.project): each.number for each in record.statements}
    rows: dict[str, list[Sequence[str]]] = {
        LINES: [line_cells(each, numbers[each.pi, each.project], currency) for each in record.lines],
        STATEMENTS: [[each.number, each.pi, each.project, each.digest, _details(each)] for each in record.statements],
        RESOURCES: [
            [each.pi, each.project, *_cells(each.line, column_names(RESOURCES)[2:], currency)]
            for each in record.resources
        ],
        CORRECTIONS: [_cells(each, column_names(CORRECTIONS), currency) for each in record.corrections],
    }
    result = {
        name: table.write_table(columns_of(name, record.period, currency), content)
        for name, content in rows.items()
        if content or name != CORRECTIONS
    }
    if kept := list(held):
        result[HELD] = table.write_table(columns_of(HELD, record.period, currency), kept)
    return result


def _cells(row: ResourceLine | Correction, names: Sequence[str], currency: str) -> list[str]:
    """The cells of a row, in the order of these column names."""
    known = amount_values(row.amounts, currency) | {
        name: _cell(value) for name, value in field_values(row.usage).items()
    }
    return [known[name] if name in known else _cell(getattr(row, _FIELDS.get(name, name))) for name in names]


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return table.yes_no(value)
    if value is None:
        return ""
    return money.exact(value) if isinstance(value, Decimal) else str(value)


def lines_of(rows: Iterable[list[Any]]) -> tuple[BillingLine, ...]:
    """The billing lines in rows of LINES."""
    beside = {"statement", "currency"}
    return tuple(
        BillingLine(**{name: value for name, value in each.items() if name not in beside})
        for each in _by_field(rows, LINES)
    )


def statements_of(rows: Iterable[list[Any]], path: str, problems: list[Problem]) -> tuple[RecordedStatement, ...]:
    """The statements in rows of STATEMENTS; adds the faults of their details to the problems."""
    found = []
    for line, (number, pi, project, digest, details) in enumerate(rows, start=2):
        node, reader = parse(details.encode(), path)
        read = DETAILS.read(node, reader) if node is not None else None
        problems += [replace(each, line=line, column=0) for each in reader.problems]
        found.append(RecordedStatement(number, pi, project, digest, read or StatementDetails()))
    return tuple(found)


def _details(statement: RecordedStatement) -> str:
    return json.dumps(values_of(statement.details), default=money.exact, ensure_ascii=False, separators=(",", ":"))


def resources_of(rows: Iterable[list[Any]]) -> tuple[RecordedResource, ...]:
    """The resources in rows of RESOURCES."""
    amounts = 2 + len(RESOURCE_COLUMNS)
    usage = amounts + len(AMOUNT_COLUMNS)
    # A large month has many, so they are made by place.
    fields = [column.name for column in RESOURCE_COLUMNS]
    of_usage = [column.name for column in USAGE_COLUMNS]
    return tuple(
        RecordedResource(
            pi=row[0],
            project=row[1],
            line=ResourceLine(
                **dict(zip(fields, row[2:amounts], strict=True)),
                amounts=Amounts(**dict(zip(AMOUNT_COLUMNS, row[amounts:usage], strict=True))),
                usage=Usage(**dict(zip(of_usage, row[usage:], strict=True))),
            ),
        )
        for row in rows
    )


def corrections_of(rows: Iterable[list[Any]]) -> tuple[Correction, ...]:
    """The corrections in rows of CORRECTIONS."""
    return tuple(Correction(**each) for each in _by_field(rows, CORRECTIONS))


def _by_field(rows: Iterable[list[Any]], name: str) -> Iterator[dict[str, Any]]:
    """The values of each row by field, amounts combined."""
    names = [_FIELDS.get(each, each) for each in column_names(name)]
    for row in rows:
        values = dict(zip(names, row, strict=True))
        amounts = Amounts(**{each: values.pop(each) for each in AMOUNT_COLUMNS})
        found = {each.name: values.pop(each.name) for each in USAGE_COLUMNS if each.name in values}
        yield values | {"amounts": amounts} | ({"usage": Usage(**found)} if found else {})


def column_names(name: str) -> list[str]:
    """The names of a table's columns, in order."""
    return [column.name for column in columns_of(name, "", "")]
