"""Flags: why a charge needs review. Raised from tags and directory, before any decision.

Tables created:
    nearest    one row per unknown value, with the most similar known one (`nearest.sql`)
    payer_flag one row per flag that an attribution raises (`payer_flags.sql`)
    flag       one row per flag of a charge, with the reason (`flags.sql`)
    detail     one row per flagged charge with its details (`detail.sql`)
    flagged    one row per flagged charge with its queue item (`flagged.sql`)
"""

from __future__ import annotations

import statistics
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal

import duckdb

from openchargeback import money
from openchargeback.focus.cells import cells
from openchargeback.focus.database import count, identifier, insert, query, sql
from openchargeback.ledger.config import FILE_NAME
from openchargeback.ledger.patterns import expression, fix_of
from openchargeback.ledger.periods import LINES
from openchargeback.ledger.settings import Config, UnusualAmount
from openchargeback.model import Unusual
from openchargeback.problems import Problem
from openchargeback.record.closing_record import spending_of
from openchargeback.record.recorded_ledger import RecordedLedger
from openchargeback.review.charges import Charges
from openchargeback.review.details import make_details
from openchargeback.review.duplicates import EarlierRows, find_copies
from openchargeback.review.recorded_tables import recorded_rows

MONTHS = 6
"""How many closed months determine what is usual."""

MONTHS_BACK = 24
"""How many closed months are searched for them; some may lack the source."""

_FEWEST = 2
"""With fewer closed months, only a first time can be unusual."""


def flag_charges(
    charges: Charges, earlier: Sequence[EarlierRows] = ()
) -> tuple[dict[str, tuple[Unusual, ...]], list[Problem]]:
    """Fill the tables above; returns the unusual amounts by period and any problems. Call `attribute` first.

    earlier: rows of earlier months that may duplicate rows of this one.
    """
    con, config, directory = charges.con, charges.config, charges.directory
    funds = [fund for (fund,) in con.execute("SELECT DISTINCT fund FROM payer WHERE fund IS NOT NULL").fetchall()]
    con.execute(sql(__package__, "nearest.sql"))
    con.execute(
        sql(__package__, "payer_flags.sql"),
        {
            "bad_funds": sorted(fund for fund in funds if not fund_fits(fund, config)),
            "has_people": bool(directory.people),
            "people": sorted(directory.people),
        },
    )
    con.execute(sql(__package__, "flags.sql"), {"currency": config.currency})
    if any(fund.since or fund.until for fund in directory.funds.values()):
        con.execute(sql(__package__, "inactive_fund_flags.sql", **cells(con, start="ChargePeriodStart")))
    find_copies(con, charges.loaded, earlier)
    con.execute("INSERT INTO flag SELECT n, 'possible-duplicate', 'same as ' || path || ', row ' || \"row\" FROM copy")
    problems = _patterns(con, config)
    # Keep what was unusual when the month closed, even if earlier months were re-closed since.
    records = charges.ledger.records
    recorded = {period: records[period].unusual for period in charges.periods if period in records}
    found = {**_unusual(charges), **recorded}
    _flag_unusual(con, found)
    if count(con, "SELECT (SELECT count(*) FROM follows) + (SELECT count(*) FROM follows_earlier)"):
        con.execute(sql(__package__, "correction_flags.sql"))
    make_details(con)
    con.execute(sql(__package__, "flagged.sql"))
    return found, problems


def fund_fits(fund: str, config: Config) -> bool:
    """Whether an accounting string fits a configured pattern; the journal's fund expression counts as one."""
    patterns = [*config.review.fund_patterns, *([config.journal.fund] if config.journal.fund else [])]
    return not patterns or any(expression(pattern).matches(fund) for pattern in patterns)


def _patterns(con: duckdb.DuckDBPyConnection, config: Config) -> list[Problem]:
    """Flag the charges that match a configured pattern. Expressions are RE2, so matching takes linear time."""
    present = {name for (name,) in con.execute("SELECT column_name FROM (DESCRIBE cell)").fetchall()}
    problems = []
    for pattern in config.review.patterns:
        if not set(pattern.match) <= present:
            continue
        values: dict[str, object] = {"flag": f"pattern:{pattern.name}", "why": pattern.reason or None}
        conditions = []
        for number, (column, text) in enumerate(sorted(pattern.match.items())):
            conditions.append(f"regexp_matches(cell.{identifier(column)}, $e{number})")
            values[f"e{number}"] = text
        if pattern.minimum is not None:
            conditions.append("abs(charge.cost) >= $minimum::DECIMAL(38, 18)")
            values["minimum"] = money.exact(pattern.minimum)
        try:
            con.execute(
                "INSERT INTO flag SELECT cell.n, $flag, $why FROM cell JOIN attributed AS charge USING (n) "
                f"WHERE {' AND '.join(conditions) or 'true'}",
                values,
            )
        except duckdb.InvalidInputException as error:
            reason = str(error).splitlines()[0].removeprefix("Invalid Input Error: ")
            problems.append(
                Problem(
                    FILE_NAME,
                    "bad-pattern",
                    f"the expression of review pattern {pattern.name} is not usable: {reason[:200]}",
                    " ".join({fix_of(each): None for each in pattern.match.values()}),
                )
            )
    return problems


_Spent = tuple[str, str, str]
"""Source, project and service."""


def _unusual(charges: Charges) -> dict[str, tuple[Unusual, ...]]:
    rule, currency = charges.config.review.unusual_amount, charges.config.currency
    if not rule:
        return {}
    closed = {period: _months_before(charges.ledger, period) for period in charges.periods}
    if not rule.first_time and all(len(months) < _FEWEST for months in closed.values()):
        return {}
    limits = {"currency": currency, "minimum": money.exact(rule.minimum)}
    sums = charges.con.execute(query(__package__, "spending"), limits).fetchall()
    months = sorted({month for period in {row[0] for row in sums} for month in closed[period]})
    spent = _spent(charges, months, {(source, project, service) for _, source, project, service, _ in sums})
    records = charges.ledger.records
    delivered = {month: {each.source for each in records[month].sources if each.charges} for month in months}
    found: dict[str, list[Unusual]] = {}
    for period, source, project, service, amount in sums:
        history = [month for month in closed[period] if source in delivered[month]][-MONTHS:]
        before = [spent.get((month, source, project, service), money.ZERO) for month in history]
        if why := unusual(amount, before, rule, currency):
            found.setdefault(period, []).append(Unusual(source, project, service, why))
    return {period: tuple(each) for period, each in found.items()}


def _months_before(ledger: RecordedLedger, period: str) -> list[str]:
    return [month for month in sorted(ledger.records) if month < period][-MONTHS_BACK:]


def _spent(
    charges: Charges, months: Sequence[str], wanted: Collection[_Spent]
) -> dict[tuple[str, str, str, str], Decimal]:
    """The exact amounts that these closed months billed, by month, source, project and service; only the wanted."""
    if not months:
        return {}
    con = charges.con
    con.execute("CREATE OR REPLACE TEMP TABLE wanted_spending (source VARCHAR, project VARCHAR, service VARCHAR)")
    insert(con, "wanted_spending", sorted(wanted))
    lines = recorded_rows(charges.ledger.root, months, LINES)
    try:
        rows = con.execute(sql(__package__, "spent.sql", lines=lines)).fetchall()
    except (duckdb.InvalidInputException, duckdb.ConversionException, duckdb.IOException):
        # A faulty table: reading it line by line reports where.
        return {
            (month, *key): amount
            for month in months
            for key, amount in spending_of(charges.ledger.records[month].lines).items()
        }
    return {(month, source, project, service): amount for month, source, project, service, amount in rows}


def _flag_unusual(con: duckdb.DuckDBPyConnection, found: Mapping[str, Sequence[Unusual]]) -> None:
    con.execute("CREATE TABLE unusual (period VARCHAR, source VARCHAR, project VARCHAR, service VARCHAR, why VARCHAR)")
    rows = [
        (period, each.source, each.project, each.service, each.why) for period, all_ in found.items() for each in all_
    ]
    insert(con, "unusual", rows)
    con.execute(query(__package__, "flag_unusual"))


def unusual(amount: Decimal, before: Sequence[Decimal], rule: UnusualAmount, currency: str) -> str:
    """Why an exact amount is unusual compared with earlier months, in one sentence; empty if it is not.

    With fewer than two months nothing is unusual unless `first_time` is set. With a median of zero only the minimum
    applies (docs/LEDGER.md, "Flags").
    """
    if amount <= rule.minimum:
        return ""
    shown = money.human(amount, currency)
    if len(before) < _FEWEST:
        return f"{shown}, with too few closed months to compare" if rule.first_time else ""
    median = statistics.median(before)
    if amount <= rule.factor * median:
        return ""
    usual = f"the median of {len(before)} closed months is {money.human(median, currency)}"
    return f"{shown}; {usual}"
