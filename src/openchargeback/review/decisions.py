"""Apply decisions to charges: which are valid, which are void, and whether each charge is billed, held or rejected.

Tables created:
    named_charge one row per charge that decisions name by id
    ruling       one row per valid decision on a charge (n, decision)
    decider      one row per decision: who decided, and its place in the approval file
    held         one row per flag that holds a charge (`held.sql`)
    disposition  one row per flagged or decided charge: its outcome and effective payer (`disposition.sql`)

Can be called again with more decisions: each call replaces the results of the last.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import NamedTuple

import duckdb

from openchargeback import money
from openchargeback.focus.database import insert, query, sql
from openchargeback.ledger.approvals import Decision, Verb
from openchargeback.ledger.directory import Directory
from openchargeback.ledger.settings import Config, Payer
from openchargeback.ledger.shape import nearest
from openchargeback.model import ITEM_KEYS, DecisionRecord
from openchargeback.problems import Problem, Severity
from openchargeback.review.asks import FIELDS, asked_fields
from openchargeback.review.attribution import address_of
from openchargeback.review.details import add_details
from openchargeback.review.flags import fund_fits
from openchargeback.wording import counted

_REFRESH = "run `focus-billing review refresh` to replace it with a decision on what it matches now"


@dataclass(slots=True, kw_only=True)
class _Outcome:
    """A decision with the charges it matched and the problem that makes it void, if any."""

    decision: Decision
    void: Problem | None = None
    charges: int = 0
    amount: Decimal = money.ZERO


def apply_decisions(
    con: duckdb.DuckDBPyConnection, decisions: Sequence[Decision], config: Config, directory: Directory
) -> tuple[tuple[DecisionRecord, ...], list[Problem]]:
    """Bind decisions to charges and settle every charge. `charge_id` must hold the ids of flagged charges, and of all
    charges if a decision names any by id.

    A decision whose charge is gone or whose expectation fails is void: a warning for approve, else an error.
    """
    con.execute("CREATE OR REPLACE TABLE target (n BIGINT, decision INTEGER)")
    con.execute("CREATE OR REPLACE TABLE clears (decision INTEGER, flag VARCHAR)")
    cleared = [(number, flag) for number, decision in enumerate(decisions) for flag in decision.clears]
    insert(con, "clears", cleared)
    outcomes = [_Outcome(decision=decision, void=_unusable(decision, config, directory)) for decision in decisions]
    # Ids first: selectors do not match charges named by id or count them toward what they expect.
    _bind(con, outcomes, _name_charges(con, outcomes), by_id=True)
    con.execute("CREATE OR REPLACE TABLE named_charge AS SELECT DISTINCT n FROM target")
    _select_charges(con, outcomes, directory, config.currency)
    _bind(con, outcomes, {}, by_id=False)
    _conflicts(con, outcomes)
    _rulings(con, outcomes, directory)
    lacking = _still_lacking(con, outcomes, config)
    problems: list[Problem] = []
    for number, outcome in enumerate(outcomes):
        outcome.void = outcome.void or lacking.get(number)
        if outcome.void:
            problems.append(outcome.void)
    void = [number for number, outcome in enumerate(outcomes) if outcome.void]
    if void:
        _drop(con, "ruling", void)
        con.execute(sql(__package__, "held.sql"))
        con.execute(sql(__package__, "decided_charges.sql"))
    con.execute(sql(__package__, "disposition.sql"))
    problems += _not_raised(con, outcomes)
    return tuple(_record(outcome) for outcome in outcomes), problems


def digest_of_ids(ids: Sequence[str]) -> str:
    """SHA-256, in hex, of the sorted charge ids, one id per line."""
    return hashlib.sha256("".join(f"{id_}\n" for id_ in sorted(ids)).encode()).hexdigest()


def _void(decision: Decision, message: str, fix: str = "") -> Problem:
    problem = decision.problem("void-decision", f"{decision.verb} is void: {message}", fix or _REFRESH)
    return replace(problem, severity=Severity.WARNING) if decision.verb is Verb.APPROVE else problem


def _unusable(decision: Decision, config: Config, directory: Directory) -> Problem | None:
    fault = unusable_values(decision.set, config, directory)
    return decision.problem(*fault) if fault else None


class Unusable(NamedTuple):
    """Why values of `set` cannot be used: the problem's code, message and fix."""

    code: str
    message: str
    fix: str


def unusable_values(payer: Payer, config: Config, directory: Directory) -> Unusable | None:
    """What is wrong with the values in `set`, checked by the same rules as tags; None if nothing."""
    pi, project, fund = payer.pi, payer.project, payer.fund
    if pi and address_of(pi, directory) is None:
        return Unusable("missing-pi", f"the PI {pi} is not an email address", "use the PI's email address")
    if pi and directory.people and directory.email(pi) not in directory.people:
        fix = _or_add(directory.email(pi), directory.people, "add the person with `focus-billing directory add person`")
        return Unusable("unknown-pi", f"the PI {pi} is not in the directory", fix)
    if project and directory.projects and project not in directory.projects:
        fix = _or_add(project, directory.projects, "add the project with `focus-billing directory add project`")
        return Unusable("unknown-project", f"the project {project} is not in the directory", fix)
    if fund and not fund_fits(fund, config):
        return Unusable("invalid-fund", f"the fund {fund} matches no configured pattern", "correct the fund")
    if fund and directory.funds and fund not in directory.funds:
        fix = _or_add(fund, directory.funds, "add it with `focus-billing directory add fund`")
        return Unusable("unknown-fund", f"the fund {fund} is not in the directory", fix)
    return None


def _or_add(word: str, known: Iterable[str], add: str) -> str:
    near = nearest(word, known)
    return f"did you mean {near}? Otherwise {add}" if near else f"correct it, or {add}"


def _name_charges(con: duckdb.DuckDBPyConnection, outcomes: Sequence[_Outcome]) -> dict[int, Problem]:
    """Find the charges that decisions name by id. Returns, by decision, the problem of its first id that does not
    match exactly one charge.
    """
    named = [
        (number, place, outcome.decision.charges_period, prefix)
        for number, outcome in enumerate(outcomes)
        if not outcome.void
        for place, prefix in enumerate(outcome.decision.charges)
    ]
    con.execute("CREATE OR REPLACE TABLE named (decision INTEGER, place INTEGER, period VARCHAR, prefix VARCHAR)")
    insert(con, "named", named)
    if not named:
        return {}
    # Prefixes have at least eight digits (approvals.ID_PATTERN): join on those instead of comparing all pairs.
    found = con.execute(sql(__package__, "named_ids.sql")).fetchall()
    con.execute(query(__package__, "named_targets"))
    # A correction is decided together with the charge it refers to.
    con.execute(
        "INSERT INTO target SELECT follows.n, target.decision FROM target JOIN follows ON follows.original = target.n"
    )
    # Flagged charges already have details, as do all charges still held from a closed month.
    missing = "SELECT DISTINCT n FROM target ANTI JOIN detail USING (n)"
    if con.execute(missing).fetchone():
        add_details(con, missing)
    faults: dict[int, Problem] = {}
    for number, prefix, count, original in found:
        what = f"is a correction of {original}; decide on that charge" if original else (
            "matches several charges" if count else "matches no charge of the period"
        )  # fmt: skip
        faults.setdefault(number, _void(outcomes[number].decision, f"{prefix} {what}"))
    return faults


def _select_charges(
    con: duckdb.DuckDBPyConnection, outcomes: Sequence[_Outcome], directory: Directory, currency: str
) -> None:
    """Find the charges of the queue items that decisions name, except charges that a decision names by id."""
    columns = ", ".join(f"{key} VARCHAR" for key in ITEM_KEYS)
    con.execute(f"CREATE OR REPLACE TABLE selector (decision INTEGER, period VARCHAR, {columns}, flags VARCHAR[])")
    rows = []
    for number, outcome in enumerate(outcomes):
        item = outcome.decision.item
        if outcome.void or item is None:
            continue
        keys = {**item.keys, "source": item.keys["source"].lower(), "pi": directory.email(item.keys["pi"])}
        keys["currency"] = keys["currency"] or currency
        rows.append((number, outcome.decision.charges_period, *(keys[key] for key in ITEM_KEYS), sorted(item.flags)))
    insert(con, "selector", rows)
    if rows:
        con.execute(sql(__package__, "selected.sql"))


def _bind(
    con: duckdb.DuckDBPyConnection, outcomes: Sequence[_Outcome], faults: dict[int, Problem], *, by_id: bool
) -> None:
    """Compare what each decision matched with what it expected; a void decision loses its charges."""
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
            outcome.void = _void(outcome.decision, "no charges match")
        else:
            outcome.void = _unexpected(outcome, digests.get(number, ""))
    _drop(con, "target", [number for number, outcome in bound if outcome.void])


def _digests(con: duckdb.DuckDBPyConnection, decisions: Sequence[int]) -> dict[int, str]:
    """The digest of the ids that each of these decisions matched."""
    if not decisions:
        return {}
    found = con.execute(
        query(__package__, "ids_of_decisions"),
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
        expected = f"{counted(expect.charges, 'charge')}"
        return _void(outcome.decision, f"expected {expected}, matched {outcome.charges:,}")
    if expect.billed is not None and expect.billed != outcome.amount:
        return _void(
            outcome.decision,
            f"expected {money.signed_exact(expect.billed)}, the charges sum to {money.signed_exact(outcome.amount)}",
        )
    if expect.digest is not None and not digest.startswith(expect.digest):
        return _void(outcome.decision, "these are not the charges that were reviewed")
    return None


def _conflicts(con: duckdb.DuckDBPyConnection, outcomes: Sequence[_Outcome]) -> None:
    """Void two decisions on one charge, unless they clear and set different things and neither rejects."""
    pairs = con.execute(query(__package__, "overlapping_decisions")).fetchall()
    for first, second in pairs:
        one, other = outcomes[first].decision, outcomes[second].decision
        if _compatible(one, other):
            continue
        for decision, rival, outcome in ((one, other, outcomes[first]), (other, one, outcomes[second])):
            outcome.void = decision.problem(
                "conflicting-decisions",
                f"conflicts with {rival.path}:{rival.line}, which decides on the same charges; both are void",
                "keep only one of them",
            )


def _compatible(one: Decision, other: Decision) -> bool:
    if Verb.REJECT in (one.verb, other.verb):
        return False
    return not set(one.clears) & set(other.clears) and not _fields(one.set) & _fields(other.set)


def _fields(payer: Payer) -> set[str]:
    return {field for field in FIELDS if getattr(payer, field)}


def _rulings(con: duckdb.DuckDBPyConnection, outcomes: Sequence[_Outcome], directory: Directory) -> None:
    con.execute(
        "CREATE OR REPLACE TABLE verdict (decision INTEGER, verb VARCHAR, pi VARCHAR, project VARCHAR, fund VARCHAR)"
    )
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
    con.execute("CREATE OR REPLACE TABLE decider (decision INTEGER, person VARCHAR, place VARCHAR)")
    insert(con, "decider", [(number, each.decision.by, each.decision.place) for number, each in enumerate(outcomes)])
    con.execute("CREATE OR REPLACE TABLE ruling AS SELECT n, decision FROM target JOIN verdict USING (decision)")
    con.execute(sql(__package__, "held.sql"))
    con.execute(sql(__package__, "decided_charges.sql"))


def _still_lacking(con: duckdb.DuckDBPyConnection, outcomes: Sequence[_Outcome], config: Config) -> dict[int, Problem]:
    """By decision, the problem that a charge still lacks a PI, project or fund, so it has no one to bill."""
    if not outcomes:
        return {}
    con.execute("CREATE OR REPLACE TABLE asks (flag VARCHAR, field VARCHAR)")
    flags = sorted({flag for outcome in outcomes for flag in outcome.decision.clears})
    insert(con, "asks", [(flag, field) for flag in flags for field in asked_fields(flag)])
    faults: dict[int, Problem] = {}
    for number, field, count in con.execute(sql(__package__, "lacking.sql")).fetchall():
        decision = outcomes[number].decision
        name = "PI" if field == "pi" else field
        faults[number] = decision.problem(
            "incomplete-decision",
            f"{decision.verb} leaves {counted(count, 'charge')} without a {name}",
            f"use `decision: reassign` with the {name} under `set`",
        )
    foreign = con.execute(
        query(__package__, "foreign_decisions"),
        {"currency": config.currency},
    ).fetchall()
    for (number,) in foreign:
        what = "charges in another currency can only be rejected"
        faults.setdefault(number, outcomes[number].decision.problem("foreign-currency", what, "reject them"))
    return faults


def _not_raised(con: duckdb.DuckDBPyConnection, outcomes: Sequence[_Outcome]) -> list[Problem]:
    """Warn about decisions that clear a flag none of their charges has anymore."""
    rows = con.execute(query(__package__, "flags_not_raised")).fetchall()
    return [
        replace(
            outcomes[number].decision.problem(
                "flag-not-raised",
                f"clears {', '.join(flags)}, which none of its charges has",
                "nothing to do; `focus-billing review refresh` cleans it up",
            ),
            severity=Severity.WARNING,
        )
        for number, flags in rows
    ]


def _record(outcome: _Outcome) -> DecisionRecord:
    decision = outcome.decision
    return DecisionRecord(
        path=decision.path,
        line=decision.line,
        decision=decision.verb.value,
        what=decision.subject,
        charges=outcome.charges,
        exact_billed=outcome.amount,
        reason=decision.reason,
        by=decision.by,
        on=decision.on.isoformat() if decision.on else "",
        void=outcome.void.message if outcome.void else "",
    )
