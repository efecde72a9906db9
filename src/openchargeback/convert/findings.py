"""Turn rows that break a rule into problems: one per file, code and value, with the first line and the count."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from openchargeback.focus.database import literal, named_rows, sql
from openchargeback.problems import Problem, Severity

MOST = 50
"""Problems of one rule; more of them would say the same."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule that no row may break.

    where: SQL that is true for a row that breaks it. value: SQL of the text that tells cases apart. message, fix: `{}`
    stands for that text.
    """

    where: str
    value: str
    code: str
    message: str
    fix: str
    severity: Severity = Severity.ERROR


_ODD = r"[\x00-\x1f\x7f-\x9f\x{061c}\x{200e}\x{200f}\x{2028}-\x{202e}\x{2066}-\x{2069}]"
"""Characters that mislead a reader, as `characters.py` lists them, for RE2."""


def misleading(names: Iterable[str]) -> Rule:
    """The rule on names, given as SQL, that do not say what they seem to say."""
    return Rule(
        where=" OR ".join(f"regexp_matches({name}, {literal(_ODD)})" for name in names),
        value="''",
        code="usage-characters",
        message="a name contains control characters or characters that change the direction of text",
        fix="remove them in the system that the name comes from",
    )


def conflicting(where: str, value: str, fix: str = "convert only the newer export") -> Rule:
    """The rule on one thing with different contents for the same time, which would be billed twice."""
    what = "{}" if value != "''" else "the record"
    return Rule(where, value, "usage-conflict", f"{what} occurs twice with different content for the same time", fix)


def repeated(where: str, what: str = "records") -> Rule:
    """The rule on what is identical to something earlier; the kind counts it once."""
    message = f"{what} identical to earlier ones are counted once"
    fix = "nothing to fix if the exports are known to overlap"
    return Rule(where, "''", code="usage-repeated", message=message, fix=fix, severity=Severity.NOTICE)


def broken(
    con: duckdb.DuckDBPyConnection,
    rows: str,
    rules: Sequence[Rule],
    files: Mapping[int, str],
    values: Mapping[str, Any] | None = None,
    narrow: str = "",
) -> list[Problem]:
    """The problems of all rules that rows break.

    rows: SQL of a table with the columns `file` and `line`. files: paths by number. values: parameters of the rules.
    narrow: SQL of the same rows with what rules look for alone, if that is faster.
    """
    if not rules:
        return []
    counts = ", ".join(f"count(*) FILTER (WHERE {rule.where})" for rule in rules)
    found = con.execute(f"SELECT {counts} FROM {narrow or rows}", _used(counts, values)).fetchone() or ()
    return [
        problem
        for rule, number in zip(rules, found, strict=True)
        if number
        for problem in _problems(con, rows, rule, files, values)
    ]


def _problems(
    con: duckdb.DuckDBPyConnection, rows: str, rule: Rule, files: Mapping[int, str], values: Mapping[str, Any] | None
) -> list[Problem]:
    query = sql(__package__, "broken.sql", rows=rows, where=rule.where, value=rule.value, most=str(MOST))
    return [
        Problem(
            files[row["file"]],
            rule.code,
            rule.message.replace("{}", row["value"]),
            rule.fix.replace("{}", row["value"]),
            row["line"],
            severity=rule.severity,
            count=row["count"],
            more=tuple(row["more"]),
        )
        for row in named_rows(con, query, _used(query, values))
    ]


def _used(query: str, values: Mapping[str, Any] | None) -> dict[str, Any]:
    # DuckDB refuses a parameter that the statement does not have.
    return {name: value for name, value in (values or {}).items() if f"${name}" in query}
