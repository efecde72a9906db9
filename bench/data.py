"""Generates charge files for measuring, in the simple dialect of twelve columns."""

from __future__ import annotations

from pathlib import Path

import duckdb

CLEAN = "printf('%.10f', (hash(i) % 30000000000) / 1e10)"
SOME_HELD = f"CASE WHEN hash(i * 13) % 80 = 0 THEN '4.5' ELSE {CLEAN} END"
"""The cost of charges of which one in eighty is above its list price, and so held for review."""


def write_charges(
    path: Path, rows: int, cost: str = CLEAN, *, period: str = "2025-01", source: str = "", pis: int = 60, each: int = 3
) -> None:
    """A month of charges, all attributed: `pis` PIs with `each` projects, 20,000 resources.

    cost: SQL of BilledCost. source: files of different sources differ in their amounts.
    """
    with duckdb.connect() as con:
        con.execute(
            f"""
            COPY (
                SELECT '{period}-01' AS BillingPeriodStart,
                    strftime(last_day(DATE '{period}-01'), '%Y-%m-%d') AS BillingPeriodEnd,
                    strftime(DATE '{period}-01' + (i % 28)::INTEGER, '%Y-%m-%d') AS ChargePeriodStart,
                    ChargePeriodStart AS ChargePeriodEnd,
                    printf('%.10f', (hash(i) % 30000000000) / 1e10 * 1.3) AS ListCost,
                    printf('%.10f', (hash(i) % 30000000000) / 1e10 * 1.1) AS ContractedCost,
                    {cost} AS BilledCost,
                    BilledCost AS EffectiveCost,
                    'i-' || printf('%010d', hash(i * 7) % 20000) AS ResourceId,
                    'node-' || (hash(i * 7) % 20000) AS ResourceName,
                    ['Compute', 'Object Storage', 'Functions', 'Databases'][1 + (hash(i * 3) % 4)::INTEGER]
                        AS ServiceName,
                    '{{"pi_email": "pi' || (hash(i * 5) % {pis}) || '@example.edu", "project_id": "project-'
                        || (hash(i * 5) % {pis}) || '-' || (hash(i * 11) % {each}) || '", "fund_org": "FND-'
                        || (hash(i * 5) % {pis}) || '", "cost_center": "CC-1"}}' AS Tags
                FROM (SELECT range + hash($seed) % 1000000 * 1000000 AS i FROM range($rows))
            ) TO '{path}' (HEADER, DELIMITER ',')""",
            {"rows": rows, "seed": f"{period}/{source}"},
        )


def bare_scan(path: Path) -> None:
    """Read all columns of a file with DuckDB's own settings."""
    with duckdb.connect() as con:
        con.execute(f"SELECT count(COLUMNS(*)) FROM '{path}'").fetchall()
