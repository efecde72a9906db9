"""The conditions of all requirements for files with certain columns, as SQL for one pass over their rows.

Columns count by their exact names: a requirement is about `BilledCost`, not about `billedcost`, even if billing reads
both alike.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

import duckdb

from openchargeback.focus import parquet
from openchargeback.focus.columns import COLUMNS, TABLE
from openchargeback.focus.conformance.checks import NUMBER, TIME, Checks, reads
from openchargeback.focus.conformance.model import Model, Requirement
from openchargeback.focus.row_conditions import RowConditions
from openchargeback.ledger.files import ChargeFile

_MADE_OF_ROWS = " FROM file"


@dataclass(frozen=True, slots=True)
class Comparison:
    """A requirement that compares rows, as SQL that may select from `file`, all rows of a file.

    where: the rows that break it. odd: the values with which they do; if there are none, no row does. Empty if the
    requirement is made of several checks.
    """

    where: str
    odd: str


@dataclass(frozen=True, slots=True)
class Plan(RowConditions):
    """The conditions of files with the same columns. In `sql`, first come those of `evidence`, then those of `by_row`.

    present: the FOCUS columns of the files. evidence: what a file may say about its provider, such as
    ("filled", "RegionId"), by the number of its condition. by_row: the numbers of the conditions that say where a
    requirement is broken. by_rows: the requirements that compare rows. unread: requirements that need a column that
    the files do not have.
    """

    present: frozenset[str]
    evidence: Mapping[tuple[str, str], int]
    by_row: Mapping[str, int]
    by_rows: Mapping[str, Comparison]
    unread: frozenset[str]


@cache
def applicability() -> Mapping[str, Mapping[str, Sequence[str]]]:
    """What a file must contain for each criterion to hold, as in `applicability.toml`."""
    text = resources.files(__package__).joinpath("applicability.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


class Planner:
    """Makes the plan of each file that is opened. model: the requirements."""

    def __init__(self, con: duckdb.DuckDBPyConnection, model: Model, requirements: Sequence[Requirement]) -> None:
        self.con = con
        self.model = model
        self.requirements = requirements
        self._made: dict[object, Plan] = {}

    def __call__(self, file: ChargeFile, labels: Sequence[str], names: Sequence[str]) -> Plan:
        """The plan for a file. labels: its columns as in the file; names: their canonical names."""
        columns = {label: f"c{index}" for index, label in enumerate(labels) if label in TABLE}
        typed = parquet.stored_types(self.con, file.location) if parquet.is_parquet(file.location) else {}
        key = (*labels, *typed.items())
        if key not in self._made:
            self._made[key] = self._plan(columns, typed, names)
        return self._made[key]

    def _plan(self, columns: Mapping[str, str], typed: Mapping[str, str], names: Sequence[str]) -> Plan:
        checks = Checks(self.model, columns, typed)
        evidence = dict(_evidence(columns))
        about_rows = [each for each in self.requirements if not each.about_presence]
        needed = {each.id: set(reads(each.requirement, self.model)) for each in about_rows}
        readable = [each for each in about_rows if needed[each.id] <= columns.keys()]
        broken = {
            each.id: f"({checks.met(each.conditions)}) AND {checks.broken(each.column, each.requirement)}"
            for each in readable
        }
        compared = {
            each.id: Comparison(broken[each.id], checks.odd_values(each.requirement))
            for each in readable
            if _MADE_OF_ROWS in broken[each.id]
        }
        alone = {name: where for name, where in broken.items() if name not in compared}
        kept = {columns[name] for each in readable if each.id in compared for name in self._read(each) & columns.keys()}
        # `open_files` looks at the texts of Tags.
        kept |= {f"c{index}" for index, name in enumerate(names) if name == "Tags"}
        return Plan(
            dialect="",
            fields=(),
            amounts=frozenset(),
            kept=tuple(sorted(kept)),
            named=", ".join(_named(columns, typed)),
            sql=(*evidence.values(), *alone.values()),
            counted=(),
            rules=(),
            compared=(),
            present=frozenset(columns),
            evidence={each: number for number, each in enumerate(evidence)},
            by_row={name: number for number, name in enumerate(alone, len(evidence))},
            by_rows=compared,
            unread=frozenset(each.id for each in about_rows if each not in readable),
        )

    def _read(self, requirement: Requirement) -> set[str]:
        """Every column that a requirement or its conditions read."""
        every = (requirement.requirement, *(each for conditions in requirement.conditions for each in conditions))
        return {requirement.column, *(name for check in every for name in reads(check, self.model))}

    def condition_columns(self, requirement: Requirement) -> set[str]:
        """The columns that a requirement's conditions read."""
        return {name for every in requirement.conditions for check in every for name in reads(check, self.model)}


def _evidence(columns: Mapping[str, str]) -> Iterator[tuple[tuple[str, str], str]]:
    """What a file may say about its provider, each with SQL that is true for a row that says so."""
    signs = {"filled": "{cell} IS NOT NULL", "virtual": "{cell} IS NOT NULL AND NOT national_currency({cell})"}
    wanted = {(sign, name) for every in applicability().values() for sign, names in every.items() for name in names}
    yield from ((each, signs[each[0]].format(cell=columns[each[1]])) for each in sorted(wanted) if each[1] in columns)


def _named(columns: Mapping[str, str], typed: Mapping[str, str]) -> Iterator[str]:
    """SQL for what several checks need to know of a cell."""
    yield "NULL AS nothing"
    forms = {"decimal": ("focus_number", NUMBER), "datetime": ("focus_time", TIME)}
    for name, column in columns.items():
        if COLUMNS[name] in forms and name not in typed:
            macro, alias = forms[COLUMNS[name]]
            yield f"{macro}({column}) AS {alias.format(column=column)}"
