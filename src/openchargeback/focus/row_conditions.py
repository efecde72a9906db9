"""What every row of a file is checked for, as SQL conditions: suspicious cells, and violations only counted."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from openchargeback.focus import prefilter
from openchargeback.focus.column_rules import Rule, active_rules, compared_columns, derived_columns
from openchargeback.focus.columns import CATEGORIES, OLDER_VALUES, TABLE
from openchargeback.focus.database import literals
from openchargeback.focus.schema import detect, schema_for, severity_of
from openchargeback.focus.tags import TAG_COLUMNS
from openchargeback.ledger.settings import Source
from openchargeback.problems import Severity

SUSPICIOUS = 0
"""The number of the first condition: a row for Frictionless."""

# A category determines how a charge counts, even in a dialect without one.
_UNDESCRIBED: dict[str, dict[str, Any]] = {
    "ChargeCategory": {"name": "ChargeCategory", "type": "string", "constraints": {"enum": list(CATEGORIES)}}
}


@dataclass(frozen=True, slots=True)
class CountedViolation:
    """A violation of the Table Schema that SQL finds exactly and that does not affect money, so it is only counted."""

    condition: int
    column: str
    constraint: str


@dataclass(frozen=True, slots=True)
class RowConditions:
    """The conditions of one file.

    fields: Table Schema fields in the order of the columns, as Frictionless needs them. amounts: fields with money.
    kept: SQL for the cells that later checks need. named: SQL for the columns that conditions refer to by FOCUS name.
    sql: the conditions in the order of their bits: first SUSPICIOUS, then `counted`, then `rules`. compared: the rules
    that compare rows, which are not conditions on a single row.
    """

    dialect: str
    fields: tuple[dict[str, Any], ...]
    amounts: frozenset[str]
    kept: tuple[str, ...]
    named: str
    sql: tuple[str, ...]
    counted: tuple[CountedViolation, ...]
    rules: tuple[tuple[int, Rule], ...]
    compared: tuple[Rule, ...]


def row_conditions(
    names: Sequence[str], source: Source, keep: Collection[str] = (), days: Sequence[str] = ()
) -> RowConditions:
    """The conditions for a file with these columns (canonical names, in order).

    keep: columns whose cells are kept. days: as for `prefilter.plain`; they change how fast rows are marked, not which.
    """
    dialect = detect(names, source.dialect)
    described = {**_UNDESCRIBED, **{field["name"]: field for field in schema_for(dialect)["fields"]}}
    amounts = frozenset({source.cost, "ListCost"})
    fields, fine, counted = [], [], []
    for index, name in enumerate(names):
        field, violations = _split(described.get(name, {"name": name, "type": "any"}), source.cost)
        fields.append(field)
        if name != "Tags":  # each distinct text of Tags is checked once
            fine.append(_fine(field, index, names, source, amount=name in amounts, days=days))
            counted += [(name, constraint, sql.format(cell=f"c{index}")) for constraint, sql in violations]
    rules = active_rules(names, dialect, source)
    by_row = [rule for rule in rules if not rule.trigger]
    compared = tuple(rule for rule in rules if rule.trigger)
    # IS NOT TRUE: if SQL gives NULL, Frictionless decides.
    suspicious = f"({' AND '.join(filter(None, fine)) or 'true'}) IS NOT TRUE"
    known = [f"c{index} AS {name}" for index, name in enumerate(names) if name in TABLE]
    return RowConditions(
        dialect=dialect,
        fields=tuple(fields),
        amounts=amounts,
        kept=_kept(names, amounts, {*compared_columns(compared), *keep}),
        named=", ".join([*known, derived_columns(names)]),
        sql=(suspicious, *(sql for _, _, sql in counted), *(rule.where for rule in by_row)),
        counted=tuple(
            CountedViolation(number, name, constraint) for number, (name, constraint, _) in enumerate(counted, 1)
        ),
        rules=tuple(enumerate(by_row, 1 + len(counted))),
        compared=compared,
    )


def _fine(
    field: dict[str, Any], index: int, names: Sequence[str], source: Source, *, amount: bool, days: Sequence[str]
) -> str:
    """SQL that is true where a cell is clearly valid; empty if every cell is."""
    name, cell = names[index], f"c{index}"
    # Costs are often equal; what the source bills is always checked.
    equal = name.endswith("Cost") and name != source.cost and source.cost in names
    like = f"c{names.index(source.cost)}" if equal else ""
    fine = prefilter.plain(field, cell, amount=amount, like=like, days=days)
    if name != "ChargeCategory":
        return fine
    # An allowed word in another case, in ASCII only: beyond it, readers disagree about lower case.
    words = literals(word.lower() for word in field["constraints"]["enum"])
    return f"({fine} OR (strlen({cell}) = length({cell}) AND lower({cell}) IN ({words})))"


def _split(field: dict[str, Any], cost_column: str) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """A field with only the constraints that are errors, and SQL for those that are only counted, by constraint."""
    constraints = dict(field.get("constraints", {}))
    counted = []
    if field["name"] == "Tags":
        # A charge without tags is held and queued for review, or another rule says who pays.
        constraints.pop("required", None)
    severity = severity_of("constraint-error", field["name"], None, cost_column)
    if constraints.get("required") and severity is not Severity.ERROR:
        del constraints["required"]
        counted.append(("required", "{cell} IS NULL"))
    if "enum" in constraints and field["name"] != "ChargeCategory":
        allowed = constraints.pop("enum")
        # Other case and older values are accepted, and reported by separate rules.
        known = literals([*allowed, *OLDER_VALUES.get(field["name"], ())])
        counted.append(("enum", f"({{cell}} NOT IN ({known}) AND NOT other_case({{cell}}, [{literals(allowed)}]))"))
    return {**field, "constraints": constraints}, counted


def _kept(names: Sequence[str], amounts: frozenset[str], others: Collection[str]) -> tuple[str, ...]:
    kept = []
    for index, name in enumerate(names):
        cell = f"c{index}"
        if name in TAG_COLUMNS or name in others:
            kept.append(cell)
        elif name in amounts:
            kept.append(f"CASE WHEN many_decimals({cell}) THEN {cell} END AS {cell}")
    return tuple(kept)
