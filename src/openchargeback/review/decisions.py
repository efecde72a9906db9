"""Decisions applied to charges: which hold, which are void, and what becomes of every charge.

What stands in the database afterwards:
    ruling       one row a decision that holds for a charge (n, decision)
    decider      one row a decision: who decided, and the place in the approval file
    disposition  one row a charge: billed, held or rejected, with the payer that counts (`disposition.sql`)
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import duckdb

from openchargeback import money
from openchargeback.focus.database import insert, sql
from openchargeback.ledger.approvals import Decision, Verb
from openchargeback.ledger.directory import Directory
from openchargeback.ledger.settings import Config
from openchargeback.model import DecisionRecord
from openchargeback.problems import Problem, Severity
from openchargeback.review.flags import fund_fits


@dataclass(slots=True)
class _Outcome:
    """A decision with what it found: the problem that makes it void, if any, and its charges."""

    decision: Decision
    void: Problem | None = None
    charges: int = 0
    amount: Decimal = money.ZERO


def apply_decisions(
    con: duckdb.DuckDBPyConnection, decisions: Sequence[Decision], config: Config, directory: Directory
) -> tuple[tuple[DecisionRecord, ...], list[Problem]]:
    """Bind decisions to charges and settle every charge. `charge_id` must hold the ids where there are decisions.

    A decision whose charge is gone or whose expectation fails is void: a warning for approve, an error otherwise.
    """
    con.execute("CREATE TABLE target (n BIGINT, decision INTEGER)")
    con.execute("CREATE TABLE clears (decision INTEGER, flag VARCHAR)")
    cleared = [(number, flag) for number, decision in enumerate(decisions) for flag in decision.clears]
    insert(con, "clears", cleared)
    outcomes = [_Outcome(decision, unusable_values(decision, config, directory)) for decision in decisions]
    problems: list[Problem] = []
    # Ids first: what they name is no longer a selector's, nor part of what it expects.
    _bind(con, outcomes, _name_charges(con, outcomes), by_id=True)
    _select_charges(con, outcomes, directory)
    _bind(con, outcomes, {}, by_id=False)
    _conflicts(con, outcomes)
    _rulings(con, outcomes, directory)
    lacking = _still_lacking(con, outcomes, config)
    for number, outcome in enumerate(outcomes):
        outcome.void = outcome.void or lacking.get(number)
        if outcome.void:
            problems.append(outcome.void)
    _drop(con, "ruling", [number for number, outcome in enumerate(outcomes) if outcome.void])
    con.execute(sql(__package__, "disposition.sql"))
    return tuple(_record(outcome) for outcome in outcomes), problems


def digest_of_ids(ids: Sequence[str]) -> str:
    """SHA-256, in hex, of the sorted charge ids, one id a line."""
    return hashlib.sha256("".join(f"{id_}\n" for id_ in sorted(ids)).encode()).hexdigest()


def _void(decision: Decision, message: str, fix: str = "") -> Problem:
    problem = decision.problem(
        "void-decision", f"{decision.verb} is void: {message}", fix or "decide anew, or remove it"
    )
    if decision.verb is not Verb.APPROVE:
        return problem
    return Problem(
        problem.path,
        problem.code,
        problem.message,
        problem.fix,
        problem.line,
        problem.column,
        severity=Severity.WARNING,
    )


def unusable_values(decision: Decision, config: Config, directory: Directory) -> Problem | None:
    """What is wrong with the values in `set`, which are checked like tags."""
    if decision.set.fund and not fund_fits(decision.set.fund, config):
        return decision.problem(
            "invalid-fund", f"the fund {decision.set.fund} fits no configured pattern", "correct it"
        )
    if decision.set.project and directory.projects and decision.set.project not in directory.projects:
        return decision.problem(
            "unknown-project", f"the project {decision.set.project} is not in the directory", "correct it"
        )
    return None


def _name_charges(con: duckdb.DuckDBPyConnection, outcomes: Sequence[_Outcome]) -> dict[int, Problem]:
    """Find the charges that decisions name by id; by decision, the first id that does not mean exactly one charge."""
    named = [
        (number, place, prefix)
        for number, outcome in enumerate(outcomes)
        if not outcome.void
        for place, prefix in enumerate(outcome.decision.charges)
    ]
    con.execute("CREATE TABLE named (decision INTEGER, place INTEGER, prefix VARCHAR)")
    insert(con, "named", named)
    if not named:
        return {}
    # Prefixes have at least eight digits (approvals.ID_PATTERN): joined by those, not compared one with all.
    found = con.execute(
        "SELECT named.decision, named.prefix, count(charge_id.n) FROM named LEFT JOIN charge_id "
        "ON left(charge_id.id, 8) = left(named.prefix, 8) AND starts_with(charge_id.id, named.prefix) "
        "GROUP BY named.decision, named.place, named.prefix HAVING count(charge_id.n) <> 1 "
        "ORDER BY named.decision, named.place"
    ).fetchall()
    con.execute(
        "INSERT INTO target SELECT DISTINCT charge_id.n, named.decision FROM named JOIN charge_id "
        "ON left(charge_id.id, 8) = left(named.prefix, 8) AND starts_with(charge_id.id, named.prefix)"
    )
    faults: dict[int, Problem] = {}
    for number, prefix, count in found:
        what = "belongs to several charges" if count else "is not among the charges of the period"
        faults.setdefault(number, _void(outcomes[number].decision, f"{prefix} {what}"))
    return faults


def _select_charges(con: duckdb.DuckDBPyConnection, outcomes: Sequence[_Outcome], directory: Directory) -> None:
    """Find the charges that selectors match, but for those that a decision names by id."""
    con.execute("CREATE TABLE selector (decision INTEGER, flag VARCHAR, source VARCHAR, project VARCHAR, "
                "service VARCHAR, pi VARCHAR)")  # fmt: skip
    rows = []
    for number, outcome in enumerate(outcomes):
        where = outcome.decision.where
        if outcome.void or outcome.decision.charges:
            continue
        source = where["source"].lower() if "source" in where else None
        pi = directory.email(where["pi"]) if "pi" in where else None
        rows.append((number, where["flag"], source, where.get("project"), where.get("service"), pi))
    insert(con, "selector", rows)
    if rows:
        con.execute(sql(__package__, "selected.sql"))


def _bind(
    con: duckdb.DuckDBPyConnection, outcomes: Sequence[_Outcome], faults: dict[int, Problem], *, by_id: bool
) -> None:
    """Compare what decisions found with what was expected; a void one is left without charges."""
    sums = {
        number: (charges, Decimal(amount))
        for number, charges, amount in con.execute(
            "SELECT decision, count(*), sum(cost) FROM target JOIN attributed USING (n) GROUP BY decision"
        ).fetchall()
    }
    bound = [
        (number, outcome)
        for number, outcome in enumerate(outcomes)
        if not outcome.void and bool(outcome.decision.charges) is by_id
    ]
    digests = _digests(con, [number for number, each in bound if each.decision.expect and each.decision.expect.digest])
    for number, outcome in bound:
        if number in faults:
            outcome.void = faults[number]
            continue
        outcome.charges, outcome.amount = sums.get(number, (0, money.ZERO))
        if not outcome.charges:
            outcome.void = _void(outcome.decision, "it matches no charge")
        else:
            outcome.void = _unexpected(outcome, digests.get(number, ""))
    _drop(con, "target", [number for number, outcome in bound if outcome.void])


def _digests(con: duckdb.DuckDBPyConnection, decisions: Sequence[int]) -> dict[int, str]:
    """The digest of the ids of what these decisions found."""
    if not decisions:
        return {}
    found = con.execute(
        "SELECT decision, list(id) FROM target JOIN charge_id USING (n) WHERE list_contains($decisions, decision) "
        "GROUP BY decision",
        {"decisions": list(decisions)},
    ).fetchall()
    return {number: digest_of_ids(ids) for number, ids in found}


def _drop(con: duckdb.DuckDBPyConnection, table: str, decisions: Sequence[int]) -> None:
    if decisions:
        con.execute(
            f"DELETE FROM {table} WHERE decision IN (SELECT unnest($decisions))", {"decisions": list(decisions)}
        )


def _unexpected(outcome: _Outcome, digest: str) -> Problem | None:
    expect = outcome.decision.expect
    if expect is None:
        return None
    if expect.charges is not None and expect.charges != outcome.charges:
        return _void(outcome.decision, f"it expects {expect.charges:,} charges, there are {outcome.charges:,}")
    if expect.billed is not None and expect.billed != outcome.amount:
        return _void(
            outcome.decision,
            f"it expects {money.signed_exact(expect.billed)}, the charges sum to {money.signed_exact(outcome.amount)}",
        )
    if expect.digest is not None and not digest.startswith(expect.digest):
        return _void(outcome.decision, "the charges are others than those that were seen")
    return None


def _conflicts(con: duckdb.DuckDBPyConnection, outcomes: Sequence[_Outcome]) -> None:
    """Make two decisions on one charge void, unless they clear different flags and one of them only approves."""
    pairs = con.execute(
        "SELECT DISTINCT a.decision, b.decision FROM target AS a "
        "JOIN target AS b ON a.n = b.n AND a.decision < b.decision "
        "ORDER BY 1, 2"
    ).fetchall()
    for first, second in pairs:
        one, other = outcomes[first].decision, outcomes[second].decision
        compatible = not set(one.clears) & set(other.clears) and Verb.APPROVE in (one.verb, other.verb)
        if compatible:
            continue
        for decision, rival, outcome in ((one, other, outcomes[first]), (other, one, outcomes[second])):
            outcome.void = decision.problem(
                "conflicting-decisions",
                f"decides on charges that {rival.path}:{rival.line} decides on too, so both are void",
                "keep one of them",
            )


def _rulings(con: duckdb.DuckDBPyConnection, outcomes: Sequence[_Outcome], directory: Directory) -> None:
    con.execute("CREATE TABLE verdict (decision INTEGER, verb VARCHAR, pi VARCHAR, project VARCHAR, fund VARCHAR)")
    insert(
        con,
        "verdict",
        [
            (
                number,
                outcome.decision.verb.value,
                directory.email(outcome.decision.set.pi) or None,
                outcome.decision.set.project or None,
                outcome.decision.set.fund or None,
            )
            for number, outcome in enumerate(outcomes)
            if not outcome.void
        ],
    )
    con.execute("CREATE TABLE decider (decision INTEGER, person VARCHAR, place VARCHAR)")
    insert(
        con,
        "decider",
        [
            (number, outcome.decision.by, f"{outcome.decision.path}:{outcome.decision.line}")
            for number, outcome in enumerate(outcomes)
        ],
    )
    con.execute("CREATE TABLE ruling AS SELECT n, decision FROM target JOIN verdict USING (decision)")
    con.execute(sql(__package__, "settled.sql"))


def _still_lacking(con: duckdb.DuckDBPyConnection, outcomes: Sequence[_Outcome], config: Config) -> dict[int, Problem]:
    """By decision: approving or reassigning a charge that still lacks PI, project or fund would bill nobody."""
    found = con.execute(
        "SELECT ruling.decision, count(*) FILTER (pi IS NULL), count(*) FILTER (project IS NULL), "
        "count(*) FILTER (fund IS NULL AND cost <> 0 AND posts), count(*) FILTER (currency <> $currency) "
        "FROM settled JOIN ruling USING (n) GROUP BY ruling.decision",
        {"currency": config.currency},
    ).fetchall()
    faults = {}
    for number, *missing, foreign in found:
        decision = outcomes[number].decision
        count, name = next(
            ((count, name) for count, name in zip(missing, ("PI", "project", "fund"), strict=True) if count), (0, "")
        )
        if decision.verb is Verb.REJECT:
            continue
        if count:
            faults[number] = decision.problem(
                "incomplete-decision",
                f"{decision.verb} leaves {count:,} charge{'s' * (count != 1)} without a {name}",
                "use `decision: reassign` and `set` what is missing",
            )
        elif foreign:
            faults[number] = decision.problem(
                "foreign-currency", "charges in another currency can only be rejected", "reject them"
            )
    return faults


def _record(outcome: _Outcome) -> DecisionRecord:
    decision = outcome.decision
    what = (
        ", ".join(decision.charges[:4])
        if decision.charges
        else ", ".join(f"{key} {value or 'none'}" for key, value in decision.where.items())
    )
    return DecisionRecord(
        path=decision.path,
        line=decision.line,
        decision=decision.verb.value,
        what=what,
        charges=outcome.charges,
        exact_billed=outcome.amount,
        reason=decision.reason,
        by=decision.by,
        on=decision.on.isoformat() if decision.on else "",
        void=outcome.void.message if outcome.void else "",
    )
