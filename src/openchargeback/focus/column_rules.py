"""The rules across the columns of a charge file, as listed in `rules.toml`, and their severity for a source."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from typing import Any

from openchargeback.focus.columns import OLDER_VALUES, TABLE
from openchargeback.focus.database import literals
from openchargeback.focus.dialects import BACK_REFERENCES, zero_list_is_null
from openchargeback.focus.schema import SIMPLE
from openchargeback.ledger.settings import Source
from openchargeback.problems import Severity

MAX_ROWS = 20
"""How many of the rows that break a rule are listed, unless all are wanted."""

_FAMILIES = {
    "date-times": [name for name, column in TABLE.items() if column.type == "datetime"],
    "ends of periods": [name for name, column in TABLE.items() if column.type == "datetime" and name.endswith("End")],
    "JSON objects other than Tags": [
        name for name, column in TABLE.items() if column.type == "json" and name != "Tags"
    ],
    "columns with allowed values": [name for name, column in TABLE.items() if column.values],
    "columns with older values": list(OLDER_VALUES),
    "optional columns without nulls": [
        name for name, column in TABLE.items() if not column.nulls and not column.required
    ],
    "unit prices": [name for name in TABLE if name.endswith("UnitPrice")],
}
"""The families of columns that a rule of `rules.toml` may be `for`."""

_SHOWN_VALUES = 5


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule; `rules.toml` explains each field."""

    code: str
    column: str
    where: str
    message: str
    fix: str
    clause: str = "ours"
    severity: Severity = Severity.WARNING
    needs: tuple[str, ...] = ()
    any_of: tuple[str, ...] = ()
    trigger: str = ""
    cost: str = ""
    simple: bool = True

    def finding(self, count: int, rows: Sequence[int]) -> Finding:
        """The rule as broken by this many rows. rows: the first of them."""
        return Finding(self.code, self.column, self.severity, count, tuple(sorted(rows)), self.message, self.fix)


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that a file breaks.

    column: where the fault is; empty for the header as a whole. count: how many rows (for the header, columns) break
    it. rows: the first of them, numbered from 0 in file order, ascending.
    """

    code: str
    column: str
    severity: Severity
    count: int
    rows: tuple[int, ...]
    message: str
    fix: str


@cache
def all_rules() -> tuple[Rule, ...]:
    """All rules, for any file: placeholders that depend on the file are left."""
    return tuple(_listed_rules())


def _listed_rules() -> Iterator[Rule]:
    text = resources.files(__package__).joinpath("rules.toml").read_text(encoding="utf-8")
    for record in tomllib.loads(text)["rule"]:
        family = record.pop("for", [""])
        for name in _FAMILIES[family] if isinstance(family, str) else family:
            fields = _filled({"column": "{name}", **record}, _words(name))
            yield Rule(**{**fields, "severity": Severity(fields.get("severity", "warning"))})


def _filled(value: Any, words: Mapping[str, str]) -> Any:
    """A text, or a structure of texts, with placeholders replaced by words; lists become tuples."""
    if isinstance(value, dict):
        return {key: _filled(each, words) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return tuple(_filled(each, words) for each in value)
    if isinstance(value, str):
        for placeholder, word in words.items():
            value = value.replace("{" + placeholder + "}", word)
    return value


def _words(name: str) -> dict[str, str]:
    """The values of the placeholders for a column of a family."""
    values = TABLE[name].values if name in TABLE else ()
    older = OLDER_VALUES.get(name, {})
    return {
        "name": name,
        "values": literals(values),
        "shown_values": ", ".join(values[:_SHOWN_VALUES]) + ", …" * (len(values) > _SHOWN_VALUES),
        "older_values": literals(older),
        "renamed_values": ", ".join(f"{old} is now {new}" for old, new in older.items()),
    }


def active_rules(columns: Collection[str], dialect: str, source: Source) -> list[Rule]:
    """The rules that run on a file with these columns (canonical names), filled in for it.

    dialect: as `detect` gives it.
    """
    return [
        _for_file(rule, severity, columns, source)
        for rule in all_rules()
        if _runs(rule, columns, dialect, source) and (severity := severity_for(rule.code, rule.severity, source))
    ]


def _runs(rule: Rule, columns: Collection[str], dialect: str, source: Source) -> bool:
    names = (name.replace("{cost}", source.cost) for name in (rule.column, *rule.needs))
    return (
        all(name in columns for name in names)
        and (not rule.any_of or any(name in columns for name in rule.any_of))
        and rule.cost in {"", source.cost}
        and (rule.simple or dialect != SIMPLE)
    )


def _for_file(rule: Rule, severity: Severity, columns: Collection[str], source: Source) -> Rule:
    present = tuple(name for name in rule.any_of if name in columns)
    words = {
        "cost": source.cost,
        "any": present[0] if len(present) == 1 else f"coalesce({', '.join(present)})",
        "null_zero": "true" if zero_list_is_null(columns, source.dialect) else "false",
    }
    texts = {name: _filled(getattr(rule, name), words) for name in ("column", "where", "message", "needs")}
    return replace(rule, **texts, severity=severity, any_of=present)


def severity_for(code: str, severity: Severity, source: Source) -> Severity | None:
    """The severity of a finding for a source, whose settings may change it; None if it is switched off.

    Errors of the schema (`severity_of`) stay errors: they mean that billing needs the cell.
    """
    if severity is Severity.ERROR and code in {"missing-label", "type-error", "constraint-error"}:
        return severity
    level = source.severity.get(code, str(severity))
    return None if level == "off" else Severity(level)


def compared_columns(rules: Sequence[Rule]) -> set[str]:
    """The columns that rules with a trigger read."""
    return {name for rule in rules if rule.trigger for name in (rule.column, *rule.needs, *rule.any_of)}


def derived_columns(columns: Collection[str]) -> str:
    """SQL for what rules may name in addition to the columns of a file."""
    category = "lower(ChargeCategory)" if "ChargeCategory" in columns else "NULL::VARCHAR"
    signs = ["coalesce(lower(ChargeClass) = 'correction', false)"] if "ChargeClass" in columns else []
    signs += [f"c{list(columns).index(back)} IS NOT NULL" for back, _ in BACK_REFERENCES if back in columns]
    correction = f"({' OR '.join(signs)})" if signs else "false"
    return f"{category} AS category, {correction} AS correction, coalesce({category}, 'usage') = 'usage' AS usage"
