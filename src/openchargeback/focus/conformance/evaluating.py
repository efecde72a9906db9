"""What the rows of files say about each requirement."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import duckdb

from openchargeback.focus import opening
from openchargeback.focus.conformance import checks
from openchargeback.focus.conformance.compiling import Comparison, Plan, Planner, applicability
from openchargeback.focus.conformance.model import Model, Requirement
from openchargeback.focus.opening import OpenFile
from openchargeback.focus.verdict import conditions_met, rows_meeting
from openchargeback.ledger.files import ChargeFile
from openchargeback.ledger.settings import Config, Organization
from openchargeback.problems import Problem

_NO_SETTINGS = Config(Organization(""))

Found = dict[str, tuple[int, tuple[int, ...]]]
"""Broken requirements, each with the number of rows and the first of them, ascending."""


class State(enum.Enum):
    """What a file says about a requirement."""

    HOLDS = "holds"
    BROKEN = "broken"
    NOT_APPLICABLE = "not applicable"


@dataclass(frozen=True, slots=True)
class Outcome:
    """A requirement in a file. count: how many rows break it, 1 for a missing column. rows: the first, from 0."""

    requirement: Requirement
    state: State
    count: int = 0
    rows: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Evaluated:
    """A file with the outcome of every requirement, in the model's order."""

    file: OpenFile
    outcomes: tuple[Outcome, ...]

    def number(self, state: State) -> int:
        """How many requirements are in this state."""
        return sum(each.state is state for each in self.outcomes)

    @property
    def broken(self) -> list[Outcome]:
        """The requirements that the file breaks."""
        return [each for each in self.outcomes if each.state is State.BROKEN]


def evaluate(
    con: duckdb.DuckDBPyConnection,
    files: Sequence[ChargeFile],
    model: Model,
    requirements: Sequence[Requirement],
    most: int,
) -> tuple[list[Evaluated], list[Problem]]:
    """Every file that can be read, and the problems with reading. most: rows to list for each broken requirement."""
    opening.make_macros(con)
    checks.make_macros(con)
    planner = Planner(con, model, requirements)
    opened, problems = opening.open_files(con, files, _NO_SETTINGS, keep=(), make=planner)
    return [_evaluated(each, planner, most) for each in opened], problems


def _evaluated(opened: OpenFile, planner: Planner, most: int) -> Evaluated:
    plan = opened.conditions
    if not isinstance(plan, Plan):
        raise TypeError("the file was opened for something else")
    supported = _supported(plan, conditions_met(opened, len(plan.sql)))
    missing = [
        each
        for each in planner.requirements
        if each.about_presence and each.criteria <= supported and each.column not in plan.present
    ]
    reported = {each.column for each in missing}
    apply = [
        each
        for each in planner.requirements
        if each.criteria <= supported
        and each.id not in plan.unread
        # Where a column should be and is not, that is said once.
        and reported.isdisjoint(planner.condition_columns(each))
    ]
    found = _broken(opened, plan, [each.id for each in apply], most)
    found |= {each.id: (1, ()) for each in missing}
    applied = {each.id for each in apply}
    return Evaluated(opened, tuple(_outcome(each, found, applied) for each in planner.requirements))


def _outcome(requirement: Requirement, found: Found, applied: set[str]) -> Outcome:
    if requirement.id in found:
        return Outcome(requirement, State.BROKEN, *found[requirement.id])
    return Outcome(requirement, State.HOLDS if requirement.id in applied else State.NOT_APPLICABLE)


def _supported(plan: Plan, met: set[int]) -> frozenset[str]:
    """The criteria that hold for a file. met: the conditions that any of its rows meets."""
    said = {each for each, number in plan.evidence.items() if number in met}
    return frozenset(
        criterion
        for criterion, signs in applicability().items()
        if any((sign, name) in said for sign, names in signs.items() for name in names)
    )


def _broken(opened: OpenFile, plan: Plan, names: Sequence[str], most: int) -> Found:
    """The requirements, of these, that rows break."""
    numbers = {plan.by_row[name]: name for name in names if name in plan.by_row}
    by_row = rows_meeting(opened, list(numbers), most)
    alone = {numbers[number]: (count, tuple(sorted(rows))) for number, (count, rows) in by_row.items()}
    return alone | _compared(opened, {name: plan.by_rows[name] for name in names if name in plan.by_rows}, most)


def _compared(opened: OpenFile, comparisons: Mapping[str, Comparison], most: int) -> Found:
    """The requirements that rows break in combination."""
    found = {}
    for name, each in comparisons.items():
        file = f"WITH file AS {opened.relation}"
        if each.odd and not opened.con.execute(f"{file} SELECT 1 FROM ({each.odd}) LIMIT 1").fetchone():
            continue
        query = f"{file} SELECT count(*), min(number, {most}) FROM file WHERE {each.where}"
        count, rows = opened.con.execute(query).fetchone() or (0, None)
        if count:
            found[name] = (count, tuple(sorted(rows)))
    return found
