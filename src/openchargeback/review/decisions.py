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
    con.execute("CREATE TABLE by_id (decision INTEGER)")
    insert(con, "by_id", [(number,) for number, decision in enumerate(decisions) if decision.charges])
    con.execute("CREATE TABLE clears (decision INTEGER, flag VARCHAR)")
    outcomes = [_Outcome(decision) for decision in decisions]
    problems: list[Problem] = []
    # Ids first: what they name is no longer a selector's, nor part of what it expects.
    for number, outcome in sorted(enumerate(outcomes), key=lambda item: not item[1].decision.charges):
        insert(con, "clears", [(number, flag) for flag in outcome.decision.clears])
        outcome.void = unusable_values(outcome.decision, config, directory) or _bind(con, number, outcome, directory)
        if outcome.void:
            con.execute("DELETE FROM target WHERE decision = $number", {"number": number})
    _conflicts(con, outcomes)
    _rulings(con, outcomes, directory)
    for number, outcome in enumerate(outcomes):
        outcome.void = outcome.void or _still_lacking(con, number, outcome.decision, config)
        if outcome.void:
            con.execute("DELETE FROM ruling WHERE decision = $number", {"number": number})
            problems.append(outcome.void)
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


def _bind(con: duckdb.DuckDBPyConnection, number: int, outcome: _Outcome, directory: Directory) -> Problem | None:
    """Find the charges of a decision and compare them with what was expected."""
    decision = outcome.decision
    if decision.charges:
        for prefix in decision.charges:
            found = con.execute(
                "SELECT n FROM charge_id WHERE starts_with(id, $prefix) LIMIT 2", {"prefix": prefix}
            ).fetchall()
            if len(found) != 1:
                what = "belongs to several charges" if found else "is not among the charges of the period"
                return _void(decision, f"{prefix} {what}")
            insert(con, "target", [(found[0][0], number)])
    else:
        conditions, values = ["flag.flag = $flag"], {"flag": decision.where["flag"], "number": number}
        spelled = {**decision.where, "source": decision.where.get("source", "").lower()}
        spelled["pi"] = directory.email(spelled.get("pi", ""))
        columns = {"source": "charge.source", "project": "payer.project", "service": "charge.service", "pi": "payer.pi"}
        for key, column in columns.items():
            if key in decision.where:
                conditions.append(f"coalesce({column}, '') = ${key}")
                values[key] = spelled[key]
        con.execute(
            "INSERT INTO target SELECT DISTINCT flag.n, $number FROM flag JOIN attributed AS charge USING (n) "
            f"JOIN payer ON payer.id = charge.payer WHERE {' AND '.join(conditions)} "
            "AND flag.n NOT IN (SELECT n FROM target JOIN by_id USING (decision))",
            values,
        )
    row = con.execute(
        "SELECT count(*), coalesce(sum(cost), 0) FROM target JOIN attributed USING (n) WHERE decision = $number",
        {"number": number},
    ).fetchone()
    outcome.charges, outcome.amount = (row[0], Decimal(row[1])) if row else (0, money.ZERO)
    if not outcome.charges:
        return _void(decision, "it matches no charge")
    return _unexpected(con, number, outcome)


def _unexpected(con: duckdb.DuckDBPyConnection, number: int, outcome: _Outcome) -> Problem | None:
    expect = outcome.decision.expect
    if expect is None:
        return None
    if expect.charges is not None and expect.charges != outcome.charges:
        return _void(outcome.decision, f"it expects {expect.charges:,} charges, there are {outcome.charges:,}")
    if expect.billed is not None and expect.billed != outcome.amount:
        return _void(
            outcome.decision,
            f"it expects {money.exact(expect.billed)}, the charges sum to {money.exact(outcome.amount)}",
        )
    if expect.digest is not None:
        ids = con.execute(
            "SELECT id FROM target JOIN charge_id USING (n) WHERE decision = $number", {"number": number}
        ).fetchall()
        if not digest_of_ids([id_ for (id_,) in ids]).startswith(expect.digest):
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


def _still_lacking(con: duckdb.DuckDBPyConnection, number: int, decision: Decision, config: Config) -> Problem | None:
    """Approving or reassigning a charge that still lacks PI, project or fund would bill nobody."""
    if decision.verb is Verb.REJECT:
        return None
    row = con.execute(
        "SELECT count(*) FILTER (pi IS NULL), count(*) FILTER (project IS NULL), "
        "count(*) FILTER (fund IS NULL AND cost <> 0), count(*) FILTER (currency <> $currency) "
        "FROM settled JOIN ruling USING (n) WHERE ruling.decision = $number",
        {"number": number, "currency": config.currency},
    ).fetchone()
    if not row:
        return None
    for count, name in zip(row, ("PI", "project", "fund"), strict=False):
        if count:
            return decision.problem(
                "incomplete-decision",
                f"{decision.verb} leaves {count:,} charge{'s' * (count != 1)} without a {name}",
                "use `decision: reassign` and `set` what is missing",
            )
    if row[3]:
        return decision.problem("foreign-currency", "charges in another currency can only be rejected", "reject them")
    return None


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
