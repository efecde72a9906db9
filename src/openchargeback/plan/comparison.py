"""Compare one period in both revisions: what each cause adds to each billing line, exactly.

Both revisions are in one database, each in its own schema, `base` and `head`, as `settle` leaves them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import pairwise

import duckdb

from openchargeback import money
from openchargeback.billing.pipeline import (
    NOTHING_POSTED,
    MonthResult,
    PostedCorrections,
    month_results,
    read_charges,
    settle,
    too_large,
)
from openchargeback.focus.database import count, database, query, sql
from openchargeback.focus.dialects import BACK_REFERENCES
from openchargeback.focus.loaded import Loaded
from openchargeback.focus.months import has_column
from openchargeback.model import Entry
from openchargeback.plan.pairing import pair_charges
from openchargeback.plan.runs import Run
from openchargeback.plan.settings import billing_config, billing_directory
from openchargeback.plan.values import Cause, LineKey, key_of
from openchargeback.problems import Problem, has_errors
from openchargeback.record.recorded_ledger import RecordedLedger
from openchargeback.review.charges import NO_VERSIONS, Versions

_QUANTITIES = ("ConsumedQuantity", "PricingQuantity", "CommitmentDiscountQuantity")
_STEPS = ("directory", "config", "decision")
"""What can change besides charges, in the order in which the changes are applied."""

Parts = Mapping[LineKey, Mapping[Cause, Decimal]]


@dataclass(frozen=True, slots=True)
class Side:
    """The inputs of one revision of a period.

    shown: the result in the record of a closed month; the ledger must then have the settings of that record.
    posted: what decisions on charges of closed months add to an open one.
    """

    ledger: RecordedLedger
    shown: MonthResult | None = None
    posted: PostedCorrections = NOTHING_POSTED

    def result_for(self, settled: MonthResult) -> MonthResult:
        """The result of the period, given its settled charges."""
        if self.shown is not None:
            return self.shown
        return replace(
            settled,
            lines=(*settled.lines, *self.posted.lines),
            decisions=(*settled.decisions, *self.posted.decisions),
        )


@dataclass(frozen=True, slots=True)
class Comparison:
    """A period settled on both sides, and what each cause adds to each billing line, exactly.

    old_faults, new_faults: the problems of each side; a side with errors in its charges has an empty result.
    read: whether any charge file of the head could be read.
    """

    old: MonthResult
    new: MonthResult
    parts: Parts
    old_faults: tuple[Problem, ...]
    new_faults: tuple[Problem, ...]
    read: bool = True


def compare_month(period: str, before: Callable[[], Side], head: Side) -> Comparison:
    """Settle a period on both sides and find the cause of every difference.

    before: gives the base; called once the head is settled.
    If the base's charges cannot be read, it counts as empty; if the head's cannot, there are no parts.
    """
    with database() as con:
        new, new_files, new_faults = _settled(con, "head", period, head)
        base = before()
        alike = bool(new_files.tables) and _attributes_alike(period, base, head)
        versions = Versions("head", new_files.versions("head"), attributed=alike)
        old, old_files, old_faults = _settled(con, "base", period, base, versions)
        if has_errors(old_faults) and not old_files.tables:
            con.execute("USE main")
            con.execute("DROP SCHEMA base CASCADE")
            without = replace(base.ledger, charge_files={}, approvals={})
            _settled(con, "base", period, Side(without))
        parts: Parts = {}
        if new_files.tables or not has_errors(new_faults):
            parts = _compared(con, period, (base, old_files), (head, new_files), alike=alike)
    old, new = base.result_for(old), head.result_for(new)
    whole = _differences(old, new)
    parts = _by_posting(parts, whole, old, new)
    if base.shown or head.shown:
        parts = _by_record(parts, whole)
    corrected = {key: {Cause.DECISION: amount} for key, amount in whole.items() if key.correction and amount}
    return Comparison(old, new, {**parts, **corrected}, tuple(old_faults), tuple(new_faults), bool(new_files.tables))


def _compared(
    con: duckdb.DuckDBPyConnection,
    period: str,
    base: tuple[Side, Loaded],
    head: tuple[Side, Loaded],
    *,
    alike: bool,
) -> Parts:
    con.execute("USE main")
    runs = pair_charges(con, base[1], head[1])
    if alike:
        _candidates(con, runs)
    for side in ("base", "head"):
        _outcomes(con, side, "candidate" if alike else "")
    con.execute(sql(__package__, "movement.sql"))
    _quantities(con, "base", base[1])
    _quantities(con, "head", head[1])
    steps = _steps(con, period, base[0], head[0], Versions("head", head[1].versions("head")))
    con.execute(sql(__package__, "causes.sql", steps=steps), {"other_column": _other_columns(base[0], head[0])})
    return _parts(con)


def _attributes_alike(period: str, base: Side, head: Side) -> bool:
    """Whether a charge that both sides have in the same row of a file has the same payer in both.

    Not with other settings or another directory, nor where corrections take the payer of the charge they refer to.
    """
    if (base.ledger.config, base.ledger.directory) != (head.ledger.config, head.ledger.directory):
        return False
    files = [file for side in (base, head) for file in side.ledger.charge_files.get(period, ())]
    return not any(has_column(file, back) for file in files for back, _ in BACK_REFERENCES)


def _candidates(con: duckdb.DuckDBPyConnection, runs: Sequence[Run]) -> None:
    """Create `candidate` in both schemas. runs: charges that both sides have, with the same payer."""
    for side in ("base", "head"):
        apart = " AND ".join(["true", *(f"NOT ({run.has('n', side)})" for run in runs)])
        con.execute(sql(__package__, "candidates.sql", side=side, apart=apart))
    for side, other in (("base", "head"), ("head", "base")):
        con.execute(query(__package__, "candidate_partners").format(side=side, other=other))


def _outcomes(con: duckdb.DuckDBPyConnection, schema: str, wanted: str) -> None:
    """Create `billing` and `outcome` in a schema. wanted: a table there that names charges (`n`); empty for all."""
    con.execute(f"USE {schema}")
    charges = f"(FROM attributed SEMI JOIN {wanted} USING (n))" if wanted else "attributed"
    con.execute(sql(__package__, "outcome.sql", charges=charges))
    con.execute("USE main")


def _settled(
    con: duckdb.DuckDBPyConnection, schema: str, period: str, side: Side, versions: Versions = NO_VERSIONS
) -> tuple[MonthResult, Loaded, list[Problem]]:
    """Settle a side in its own schema, which becomes the current schema. versions: its files as read for another."""
    con.execute(f"CREATE SCHEMA {schema}")
    con.execute(f"USE {schema}")
    try:
        charges, problems = read_charges(con, side.ledger, [period], versions)
        if has_errors(problems):
            return MonthResult(), Loaded(), problems
        settled, faults = settle(charges)
        result = month_results(charges, settled)[period]
    except duckdb.OutOfRangeException:
        return MonthResult(), Loaded(), [too_large(period)]
    return result, charges.loaded, problems + faults


def _quantities(con: duckdb.DuckDBPyConnection, schema: str, files: Loaded) -> None:
    """Fill `quantity` of a schema: the quantities of the charges whose billing differs."""
    con.execute(f"USE {schema}")
    con.execute("CREATE TABLE quantity (n BIGINT, quantities DECIMAL(38, 18)[])")
    for table in files.tables:
        cells = ", ".join(f"amount({table.expression(name)})" for name in _QUANTITIES)
        con.execute(
            f"INSERT INTO quantity SELECT n, [{cells}] FROM {table.numbered} "
            f"WHERE n IN (SELECT {schema} FROM main.movement)"
        )
    con.execute("USE main")


def _steps(con: duckdb.DuckDBPyConnection, period: str, base: Side, head: Side, versions: Versions) -> str:
    """SQL for the last step between base and head that changed the outcome of a charge of the head.

    The head's charges come first, billed with everything else from the base; then directory, config and decisions are
    switched to the head's one by one, where they differ. versions: the files of the head.
    """
    changed = [step for step in _STEPS if _of(base.ledger, step, period) != _of(head.ledger, step, period)]
    if not count(con, "SELECT count(*) FROM movement WHERE change = 'outcome'"):
        return "SELECT NULL::BIGINT AS head, NULL AS cause WHERE false"
    same_charges = (
        _before(base.ledger, period) == _before(head.ledger, period)
        and not count(con, "SELECT count(*) FROM base.outcome ANTI JOIN pair ON pair.base = n")
        and not count(con, "SELECT count(*) FROM head.outcome ANTI JOIN pair ON pair.head = n")
    )
    # A single change is the cause of everything.
    if not changed or (same_charges and len(changed) == 1 and not _costs_differ(con)):
        return f"SELECT head, '{changed[0] if changed else 'charges'}' AS cause FROM movement"
    ledger = replace(
        head.ledger,
        directory=base.ledger.directory,
        config=base.ledger.config,
        approvals=base.ledger.approvals,
    )
    states: list[tuple[str, str]] = []
    for step in ("charges", *changed[:-1]):
        ledger = _with(ledger, step, head.ledger)
        _, files, problems = _settled(con, f"after_{step}", period, Side(ledger), versions)
        con.execute("USE main")
        if has_errors(problems) and not files.tables:
            # The head's charges cannot be read with the base's settings, so the settings are the cause.
            return f"SELECT head, '{changed[-1]}' AS cause FROM movement"
        _outcomes(con, f"after_{step}", "(SELECT head AS n FROM main.movement)")
        states.append((step, f"after_{step}"))
    return _last_step([*states, (changed[-1], "head")])


def _before(ledger: RecordedLedger, period: str) -> list[tuple[str, str]]:
    """The closed months that the rule for unusual amounts compares with, by the digests of their records."""
    return [(month, record.digest) for month, record in sorted(ledger.records.items()) if month < period]


def _last_step(states: Sequence[tuple[str, str]]) -> str:
    """SQL that goes back from the head to the first state with another outcome; the step after it is the cause."""
    cases = []
    for (_, before), (step, after) in reversed(list(pairwise(states))):
        cases.append(f"WHEN {_outcome(before)} IS DISTINCT FROM {_outcome(after)} THEN '{step}'")
    joins = " ".join(f"JOIN {schema}.outcome AS {schema} ON {schema}.n = movement.head" for _, schema in states)
    return f"SELECT movement.head, CASE {' '.join(cases)} ELSE 'charges' END AS cause FROM movement {joins}"


def _outcome(schema: str) -> str:
    return f"({schema}.disposition, {schema}.line)"


def _costs_differ(con: duckdb.DuckDBPyConnection) -> bool:
    return bool(count(con, query(__package__, "changed_costs")))


def _of(ledger: RecordedLedger, step: str, period: str) -> object:
    if step == "directory":
        return billing_directory(ledger.directory)
    return billing_config(ledger.config) if step == "config" else ledger.approvals.get(period, ())


def _with(ledger: RecordedLedger, step: str, other: RecordedLedger) -> RecordedLedger:
    if step == "directory":
        return replace(ledger, directory=other.directory)
    if step == "config":
        return replace(ledger, config=other.config)
    return replace(ledger, approvals=other.approvals) if step == "decision" else ledger


def _other_columns(base: Side, head: Side) -> list[str]:
    """The sources whose billed column differs between the sides."""
    names = {*base.ledger.config.sources, *head.ledger.config.sources}
    return sorted(
        name for name in names if base.ledger.config.source(name).cost != head.ledger.config.source(name).cost
    )


def _by_posting(parts: Parts, whole: Mapping[LineKey, Decimal], old: MonthResult, new: MonthResult) -> Parts:
    """The parts, with charged lines kept apart from shown-only lines.

    If a source posts on one side only, no charge changes, but each of its lines switches kind: the cause is config.
    """
    was, now = ({line.source: line.posted for line in side.lines if line.entry is Entry.OWN} for side in (old, new))
    turned = {source for source in was.keys() & now.keys() if was[source] != now[source]}
    kept = {
        replace(key, posted=now.get(key.source, was.get(key.source, True))): causes
        for key, causes in parts.items()
        if key.source not in turned
    }
    moved = {
        key: {Cause.CONFIG: amount}
        for key, amount in whole.items()
        if key.source in turned and not key.correction and amount
    }
    return {**kept, **moved}


def _by_record(parts: Parts, whole: Mapping[LineKey, Decimal]) -> Parts:
    """The parts of a month that is shown from its record, whatever happens to its charges.

    If they do not add up to the change of a line, as when its file is missing, the record is the only cause.
    """
    return {
        key: found if money.total(*(found := parts.get(key, {})).values()) == amount else {Cause.RECORD: amount}
        for key, amount in whole.items()
        if amount and not key.correction
    }


def _parts(con: duckdb.DuckDBPyConnection) -> Parts:
    result: dict[LineKey, dict[Cause, Decimal]] = {}
    for pi, project, fund, source, service, cause, amount in con.execute(
        sql(__package__, "line_causes.sql")
    ).fetchall():
        key = LineKey(pi, project, fund, source, service)
        result.setdefault(key, {})[Cause(cause)] = amount
    return result


def unexplained(both: Comparison) -> list[str]:
    """The billing lines whose causes do not sum to the difference of their exact amounts; there must be none."""
    whole = _differences(both.old, both.new)
    return [
        f"{key.pi}, {key.project}, {key.fund}, {key.source}, {key.service}"
        for key in {**whole, **both.parts}
        if money.total(*both.parts.get(key, {}).values()) != whole.get(key, money.ZERO)
    ]


def _differences(old: MonthResult, new: MonthResult) -> dict[LineKey, Decimal]:
    """The exact difference of each billing line, new minus old."""
    exact: dict[LineKey, Decimal] = {}
    for line in new.lines:
        exact[key_of(line)] = money.total(exact.get(key_of(line), money.ZERO), line.exact_billed)
    for line in old.lines:
        exact[key_of(line)] = money.total(exact.get(key_of(line), money.ZERO), money.negative(line.exact_billed))
    return exact
