"""The rules across columns (`rules.py`) as they hold for one charge file, with the weight that its source gives."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from openchargeback.focus.columns import TABLE, WITHDRAWN
from openchargeback.focus.dialects import BACK_REFERENCES, zero_list_is_null
from openchargeback.focus.rules import RULES, Rule
from openchargeback.focus.schema import SIMPLE, columns_of
from openchargeback.ledger.settings import Source
from openchargeback.problems import Severity
from openchargeback.wording import counted, listed

MAX_ROWS = 20
"""How many of the rows that break a rule are named, unless every place is wanted."""
_CUSTOM = ("x_", "oci_")


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that a file breaks.

    column: where the fault stands, empty for the header as a whole. count: how many rows (of the header: columns) break
    it. rows: the first of them, numbered from 0 in the order of the file, ascending.
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


def check_header(columns: Sequence[str], dialect: str, source: Source) -> list[Finding]:
    """Labels that are neither of FOCUS nor prefixed, and columns that FOCUS demands and billing does not need.

    columns: canonical names in the order of the file. dialect: as `detect` gives it.
    """
    unknown = [name for name in columns if name not in TABLE and not name.lower().startswith(_CUSTOM)]
    absent = [
        name
        for name in columns_of(dialect)
        if name not in columns
        and name not in {"BillingPeriodStart", source.cost}
        and (name == "Tags" if dialect == SIMPLE else TABLE[name].level == "mandatory")
    ]
    said = [f"{name} (now in {WITHDRAWN[name]})" if name in WITHDRAWN else name for name in sorted(unknown)]
    found = [
        (
            "unknown-label",
            unknown,
            f"{_columns(len(unknown))} {_are(len(unknown))} not in FOCUS: {listed(said, 10)}",
            "correct the spelling, or begin the names of your own columns with x_",
        ),
        (
            "missing-label",
            absent,
            f"{_columns(len(absent))} of {_name(dialect)} {_are(len(absent))} missing: {listed(absent, 3)}",
            "nothing for billing; where the file should be complete, export all columns",
        ),
    ]
    return [
        Finding(code, "" if code == "missing-label" else names[0], severity, len(names), (), message, fix)
        for code, names, message, fix in found
        if names and (severity := weighed(code, Severity.WARNING, source))
    ]


def _columns(number: int) -> str:
    return f"{counted(number, 'column')}"


def _are(number: int) -> str:
    return "is" if number == 1 else "are"


def _name(dialect: str) -> str:
    return "the simple dialect" if dialect == SIMPLE else dialect.replace("focus-", "FOCUS ")


def row_rules(columns: Collection[str], dialect: str, source: Source) -> list[ActiveRule]:
    """The rules that a row breaks by itself, as far as they run on a file with these columns."""
    return [rule for rule in _active(columns, dialect, source) if not rule.rule.trigger]


def check_whole(
    con: duckdb.DuckDBPyConnection,
    view: str,
    columns: Collection[str],
    dialect: str,
    source: Source,
    most: int = MAX_ROWS,
) -> list[Finding]:
    """What the rows of a file break together; of each rule the first `most` rows.

    view: has a column `rowid` (from 0) and the cells as text, NULL where null, under the FOCUS names in `columns`.
    columns: canonical names in the file. dialect: as `detect` gives it.
    """
    rules = [rule for rule in _active(columns, dialect, source) if rule.rule.trigger]
    seen = _row(con, view, [rule.rule.trigger for rule in rules]) if rules else ()
    findings = []
    for rule in [rule for rule, broken in zip(rules, seen, strict=True) if broken]:
        parts = [f"count(*) FILTER (WHERE {rule.where})", f"min(rowid, {most}) FILTER (WHERE {rule.where})"]
        count, rows = _row(con, view, parts)
        if count:
            findings.append(rule.finding(int(count), rows))
    return findings


def whole_columns(columns: Collection[str], dialect: str, source: Source) -> set[str]:
    """The columns that `check_whole` looks at."""
    return {name for rule in _active(columns, dialect, source) if rule.rule.trigger for name in rule.needs}


def _active(columns: Collection[str], dialect: str, source: Source) -> list[ActiveRule]:
    return [
        ActiveRule(rule, severity, source, columns)
        for rule in RULES
        if _runs(rule, columns, dialect, source) and (severity := weighed(rule.code, rule.severity, source))
    ]


class ActiveRule:
    """A rule with the names of a file filled in: `where` is SQL over its FOCUS names and those of `derived`."""

    def __init__(self, rule: Rule, severity: Severity, source: Source, columns: Collection[str]) -> None:
        self.severity, cost = severity, source.cost
        null_zero = "true" if zero_list_is_null(columns, source.dialect) else "false"
        present = [name for name in rule.any_of if name in columns]
        first = present[0] if len(present) == 1 else f"coalesce({', '.join(present)})"
        self.rule = rule
        self.column = rule.column.replace("{cost}", cost)
        self.message = rule.message.replace("{cost}", cost)
        self.where = rule.where.replace("{cost}", cost).replace("{any}", first).replace("{null_zero}", null_zero)
        self.needs = {self.column, *(name.replace("{cost}", cost) for name in rule.needs), *present}

    def finding(self, count: int, rows: Sequence[int]) -> Finding:
        """The rule as broken by so many rows, of which these are the first."""
        fix = self.rule.fix
        return Finding(self.rule.code, self.column, self.severity, count, tuple(sorted(rows)), self.message, fix)


def _runs(rule: Rule, columns: Collection[str], dialect: str, source: Source) -> bool:
    names = {name.replace("{cost}", source.cost) for name in (rule.column, *rule.needs)}
    return (
        all(name in columns for name in names)
        and (not rule.any_of or any(name in columns for name in rule.any_of))
        and rule.cost in {"", source.cost}
        and (rule.simple or dialect != SIMPLE)
    )


def derived(columns: Collection[str]) -> str:
    """SQL of what the rules may name beside the columns of a file."""
    category = "lower(ChargeCategory)" if "ChargeCategory" in columns else "NULL::VARCHAR"
    signs = ["coalesce(lower(ChargeClass) = 'correction', false)"] if "ChargeClass" in columns else []
    signs += [f"c{list(columns).index(back)} IS NOT NULL" for back, _ in BACK_REFERENCES if back in columns]
    correction = f"({' OR '.join(signs)})" if signs else "false"
    return f"{category} AS category, {correction} AS correction, coalesce({category}, 'usage') = 'usage' AS usage"


def _row(con: duckdb.DuckDBPyConnection, view: str, parts: Sequence[str]) -> tuple[Any, ...]:
    # The rules select from `file` too, to compare a row with all.
    row = con.execute(f"WITH file AS (FROM {view}) SELECT {', '.join(parts)} FROM file").fetchone()
    return tuple(row or ())
