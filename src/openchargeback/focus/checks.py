"""Checks of one charge file against the rules across columns (`rules.py`), in one pass over its rows."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from openchargeback.focus.columns import TABLE, WITHDRAWN
from openchargeback.focus.database import sql
from openchargeback.focus.rules import RULES, Rule
from openchargeback.focus.schema import SIMPLE, columns_of
from openchargeback.ledger.settings import Source
from openchargeback.problems import Severity

MAX_ROWS = 20
_CUSTOM = ("x_", "oci_")


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that a file breaks.

    column: where the fault stands, empty for the header as a whole. count: how many rows (of the header: columns) break
    it. rows: the first MAX_ROWS of them, numbered from 0 in the order of the file, ascending.
    """

    code: str
    column: str
    severity: Severity
    count: int
    rows: tuple[int, ...]
    message: str
    fix: str


def weighed(code: str, severity: Severity, source: Source) -> Severity | None:
    """How much a finding weighs in a source that may say otherwise; None where it is switched off.

    What the schema makes an error (`severity_of`) stays one: it says that billing needs the cell.
    """
    if severity is Severity.ERROR and code in {"missing-label", "type-error", "constraint-error"}:
        return severity
    level = source.severity.get(code, str(severity))
    return None if level == "off" else Severity(level)


def check_header(columns: Collection[str], dialect: str, source: Source) -> list[Finding]:
    """Labels that are neither of FOCUS nor prefixed, and columns that FOCUS demands and billing does not need.

    columns: canonical names in the file. dialect: as `detect` gives it.
    """
    unknown = sorted(name for name in columns if name not in TABLE and not name.lower().startswith(_CUSTOM))
    absent = [
        name
        for name in columns_of(dialect)
        if name not in columns
        and name not in {"BillingPeriodStart", source.cost}
        and (name == "Tags" if dialect == SIMPLE else TABLE[name].level == "mandatory")
    ]
    said = [f"{name} (now in {WITHDRAWN[name]})" if name in WITHDRAWN else name for name in unknown]
    found = [
        (
            "unknown-label",
            unknown,
            f"no columns of FOCUS: {_listed(said)}",
            "begin the names of your own columns with x_",
        ),
        (
            "missing-label",
            absent,
            f"columns of {_name(dialect)} that billing can do without are missing: {_listed(absent)}",
            "nothing for billing; where the file should be complete, export all columns",
        ),
    ]
    return [
        Finding(code, "", severity, len(names), (), message, fix)
        for code, names, message, fix in found
        if names and (severity := weighed(code, Severity.WARNING, source))
    ]


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return ", ".join(names[:10]) + more


def _name(dialect: str) -> str:
    return "the simple dialect" if dialect == SIMPLE else dialect.replace("focus-", "FOCUS ")


def check(
    con: duckdb.DuckDBPyConnection, view: str, columns: Collection[str], dialect: str, source: Source
) -> list[Finding]:
    """What a file breaks, the header first, then the rules in their order.

    view: has a column `rowid` (from 0) and the cells as text, NULL where null, under the FOCUS names in `columns`.
    columns: canonical names in the file. dialect: as `detect` gives it. The macros of `macros.sql` must be there.

    One pass over the rows counts for all rules together, a second one lists the first rows of those that are broken. A
    rule whose columns the file lacks, or that the source switches off, costs nothing.
    """
    rules = [_Active(rule, source.cost, columns) for rule in RULES if _runs(rule, columns, dialect, source)]
    header = check_header(columns, dialect, source)
    if not rules:
        return header
    con.execute(sql(__package__, "rules.sql"))
    base = _base(view, columns, rules)
    broken = [rule for rule, seen in zip(rules, _row(con, base, [rule.counted for rule in rules]), strict=True) if seen]
    if not broken:
        return header
    parts = [
        part
        for rule in broken
        for part in (f"count(*) FILTER (WHERE {rule.where})", f"min(rowid, {MAX_ROWS}) FILTER (WHERE {rule.where})")
    ]
    found = _row(con, base, parts)
    findings = [
        Finding(
            code=rule.rule.code,
            column=rule.column,
            severity=severity,
            count=int(count),
            rows=tuple(sorted(rows)),
            message=rule.message,
            fix=rule.rule.fix,
        )
        for rule, count, rows in zip(broken, found[::2], found[1::2], strict=True)
        if count and (severity := weighed(rule.rule.code, rule.rule.severity, source))
    ]
    return [*header, *findings]


class _Active:
    """A rule with the names of this file filled in."""

    def __init__(self, rule: Rule, cost: str, columns: Collection[str]) -> None:
        present = [name for name in rule.any_of if name in columns]
        first = present[0] if len(present) == 1 else f"coalesce({', '.join(present)})"
        self.rule = rule
        self.column = rule.column.replace("{cost}", cost)
        self.message = rule.message.replace("{cost}", cost)
        self.where = rule.where.replace("{cost}", cost).replace("{any}", first)
        self.counted = rule.trigger or f"count(*) FILTER (WHERE {self.where})"
        self.needs = {self.column, *(name.replace("{cost}", cost) for name in rule.needs), *present}


def _runs(rule: Rule, columns: Collection[str], dialect: str, source: Source) -> bool:
    names = {name.replace("{cost}", source.cost) for name in (rule.column, *rule.needs)}
    return (
        all(name in columns for name in names)
        and (not rule.any_of or any(name in columns for name in rule.any_of))
        and rule.cost in {"", source.cost}
        and (rule.simple or dialect != SIMPLE)
        and not (rule.unread and rule.column == source.cost)
        and source.severity.get(rule.code) != "off"
    )


def _base(view: str, columns: Collection[str], rules: Sequence[_Active]) -> str:
    """The rows with what the rules may name beside the file's columns."""
    names = sorted({name for rule in rules for name in rule.needs} | ({"ChargeCategory", "ChargeClass"} & set(columns)))
    category = "lower(ChargeCategory)" if "ChargeCategory" in columns else "NULL::VARCHAR"
    correction = "coalesce(lower(ChargeClass) = 'correction', false)" if "ChargeClass" in columns else "false"
    return (
        f"WITH file AS (SELECT rowid, {', '.join(names)}, {category} AS category, {correction} AS correction, "
        f"coalesce({category}, 'usage') = 'usage' AS usage FROM {view})"
    )


def _row(con: duckdb.DuckDBPyConnection, base: str, parts: Sequence[str]) -> tuple[Any, ...]:
    row = con.execute(f"{base} SELECT {', '.join(parts)} FROM file").fetchone()
    return tuple(row or ())
