"""Generates charge files for measuring, in the simple dialect of twelve columns."""

from __future__ import annotations

from pathlib import Path

import duckdb

CLEAN = "printf('%.10f', (hash(i) % 30000000000) / 1e10)"


def write_charges(path: Path, rows: int, cost: str = CLEAN) -> None:
    """Write a period of charges: 60 PIs, 180 projects, 20,000 resources, all attributed. cost: SQL for BilledCost."""
    with duckdb.connect() as con:
        con.execute(
            """
            COPY (
                SELECT '2025-01-01' AS BillingPeriodStart, '2025-01-31' AS BillingPeriodEnd,
                    strftime(DATE '2025-01-01' + (i % 31)::INTEGER, '%Y-%m-%d') AS ChargePeriodStart,
                    ChargePeriodStart AS ChargePeriodEnd,
                    printf('%.10f', (hash(i) % 30000000000) / 1e10 * 1.3) AS ListCost,
                    printf('%.10f', (hash(i) % 30000000000) / 1e10 * 1.1) AS ContractedCost,
                    """
            + cost
            + """ AS BilledCost,
                    BilledCost AS EffectiveCost,
                    'i-' || printf('%010d', hash(i * 7) % 20000) AS ResourceId,
                    'node-' || (hash(i * 7) % 20000) AS ResourceName,
                    ['Compute', 'Object Storage', 'Functions', 'Databases'][1 + (hash(i * 3) % 4)::INTEGER]
                        AS ServiceName,
                    '{"pi_email": "pi' || (hash(i * 5) % 60) || '@example.edu", "project_id": "project-'
                        || (hash(i * 5) % 60) || '-' || (hash(i * 11) % 3) || '", "fund_org": "FND-'
                        || (hash(i * 5) % 60) || '", "cost_center": "CC-1"}' AS Tags
                FROM range($rows) AS t(i)
            ) TO '"""
            + str(path)
            + "' (HEADER, DELIMITER ',')",
            {"rows": rows},
        )


def bare_scan(path: Path) -> None:
    """Read all columns of a file with DuckDB's own settings."""
    with duckdb.connect() as con:
        con.execute(f"SELECT count(COLUMNS(*)) FROM '{path}'").fetchall()
