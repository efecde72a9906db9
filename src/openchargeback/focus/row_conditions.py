"""What is looked for in every row of a file, as SQL conditions: suspicious cells, and what is only counted."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from openchargeback.focus import prefilter
from openchargeback.focus.column_rules import Rule, active_rules, compared_columns, derived_columns
from openchargeback.focus.columns import OLDER_VALUES, TABLE
from openchargeback.focus.database import literal
from openchargeback.focus.schema import detect, schema_for, severity_of
from openchargeback.focus.tags import TAG_COLUMNS
from openchargeback.ledger.settings import Source
from openchargeback.problems import Severity

SUSPICIOUS = 0
"""The place of the first condition: a row for the judge."""

TAG_TEXT = "tag_text"
"""A table with the different texts of the column Tags of the file that was opened last."""

_LONG = 19
"""Bytes of a number that surely has no more than 18 decimals."""


@dataclass(frozen=True, slots=True)
class Counted:
    """A violation of the Table Schema that SQL finds exactly and that touches no money, so it is only counted."""

    condition: int
    column: str
    constraint: str


@dataclass(frozen=True, slots=True)
class Screen:
    """The conditions of one file.

    fields: Table Schema fields in the order of the columns, as the judge needs them. amounts: fields that hold money.
    kept: SQL of the cells that later checks look at. named: SQL of what conditions call by its FOCUS name.
    conditions: SQL in the order of their bits: first SUSPICIOUS, then `counted`, then `rules`. compared: the rules that
    no row breaks by itself.
    """

    names: tuple[str, ...]
    dialect: str
    fields: tuple[dict[str, Any], ...]
    amounts: frozenset[str]
    kept: tuple[str, ...]
    named: str
    conditions: tuple[str, ...]
    counted: tuple[Counted, ...]
    rules: tuple[tuple[int, Rule], ...]
    compared: tuple[Rule, ...]


def screen_of(names: Sequence[str], source: Source) -> Screen:
    """What is looked for in a file with these columns (canonical names, in order)."""
    dialect = detect(names, source.dialect)
    described = {field["name"]: field for field in schema_for(dialect)["fields"]}
    amounts = frozenset({source.cost, "ListCost"})
    cost = f"c{names.index(source.cost)}" if source.cost in names else ""
    fields, suspicious, lowered = [], [], []
    for index, name in enumerate(names):
        field, counted = _weighed(described.get(name, {"name": name, "type": "any"}), source.cost)
        fields.append(field)
        # Costs are often equal; what the source bills is looked at in any case.
        if name == "Tags":
            # There are few different ones, so each is looked at once: `TAG_TEXT`.
            continue
        like = cost if name.endswith("Cost") and name != source.cost else ""
        fine = prefilter.plain(field, f"c{index}", amount=name in amounts, like=like)
        if name == "ChargeCategory":
            fine = f"({fine} OR {_other_case(f'c{index}', field)})"
        if fine:
            suspicious.append(fine)
        lowered += [(name, constraint, condition.format(cell=f"c{index}")) for constraint, condition in counted]
    # IS NOT TRUE: where SQL does not know, the judge shall look.
    first = [f"({' AND '.join(suspicious)}) IS NOT TRUE" if suspicious else "false"]
    active = active_rules(names, dialect, source)
    rules, compared = [each for each in active if not each.trigger], [each for each in active if each.trigger]
    return Screen(
        names=tuple(names),
        dialect=dialect,
        fields=tuple(fields),
        amounts=amounts,
        kept=_kept(names, amounts, compared_columns(compared)),
        named=", ".join(
            [*(f"c{i} AS {name}" for i, name in enumerate(names) if name in TABLE), derived_columns(names)]
        ),
        conditions=(*first, *(condition for _, _, condition in lowered), *(rule.where for rule in rules)),
        counted=tuple(
            Counted(number, name, constraint) for number, (name, constraint, _) in enumerate(lowered, len(first))
        ),
        rules=tuple(enumerate(rules, len(first) + len(lowered))),
        compared=tuple(compared),
    )


def _weighed(field: dict[str, Any], cost_column: str) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """A field with the constraints that are errors, and SQL of those that are only counted, by constraint."""
    constraints = dict(field.get("constraints", {}))
    lowered = []
    if field["name"] == "Tags":
        # A charge without tags is held and stands in the queue, or another rule says who pays.
        constraints.pop("required", None)
    if constraints.get("required") and severity_of("constraint-error", field["name"], None, cost_column) is not (
        Severity.ERROR
    ):
        del constraints["required"]
        lowered.append(("required", "{cell} IS NULL"))
    enum = constraints.get("enum", [])
    if enum and field["name"] != "ChargeCategory":
        del constraints["enum"]
        # Another case and older words are read, and told by rules of their own.
        known = [*enum, *OLDER_VALUES.get(field["name"], ())]
        lowered.append(("enum", f"({{cell}} NOT IN ({_words(known)}) AND NOT other_case({{cell}}, [{_words(enum)}]))"))
    return {**field, "constraints": constraints}, lowered


def _other_case(cell: str, field: dict[str, Any]) -> str:
    """An allowed word in another case, in ASCII: beyond it readers disagree about what a small letter is."""
    words = _words([word.lower() for word in field["constraints"]["enum"]])
    return f"(strlen({cell}) = length({cell}) AND lower({cell}) IN ({words}))"


def _words(words: Sequence[str]) -> str:
    return ", ".join(literal(word) for word in words)


def _kept(names: Sequence[str], amounts: frozenset[str], others: Collection[str]) -> tuple[str, ...]:
    kept = []
    for index, name in enumerate(names):
        cell = f"c{index}"
        if name in TAG_COLUMNS or name in others:
            kept.append(cell)
        elif name in amounts:
            kept.append(f"CASE WHEN strlen({cell}) > {_LONG} OR contains(lower({cell}), 'e') THEN {cell} END AS {cell}")
    return tuple(kept)
