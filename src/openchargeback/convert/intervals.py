"""Which usage a ledger has billed, and when: small files beside the charges, so that nothing is billed twice.

Aggregated charges name no jobs, so `convert` writes `usage/PERIOD/SOURCE.parquet` with the charges: per record, a
digest of its identity and the interval billed. A later conversion compares its own intervals with them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb

from openchargeback.focus.database import file_literal, literal, named_rows, sql
from openchargeback.problems import LedgerFault, Problem


def write_intervals(con: duckdb.DuckDBPyConnection, instants: Mapping[str, str], path: Path) -> None:
    """Write the identities and intervals of the usage in the period. instants: `first` and `last` of the period."""
    rows = sql(__package__, "intervals.sql", **instants)
    con.execute(f"COPY ({rows}) TO {literal(str(path))} (FORMAT parquet, COMPRESSION zstd, USE_TMP_FILE false)")


def billed_already(
    con: duckdb.DuckDBPyConnection,
    instants: Mapping[str, str],
    others: Sequence[Path],
    inputs: Mapping[int, str],
    root: Path,
) -> list[Problem]:
    """Problems for usage that other conversions into the ledger have billed. others: their files; inputs: by number."""
    if not others:
        return []
    for other in others:
        try:
            con.execute(f"SELECT count(identity), count(starts), count(ends) FROM read_parquet({file_literal(other)})")
        except duckdb.Error as error:
            relative = other.relative_to(root).as_posix()
            message = "cannot be read, so it is not known what is billed already"
            fix = "restore it from Git, or convert its source again"
            raise LedgerFault([Problem(relative, "unreadable", message, fix)]) from error
    query = sql(__package__, "billed_already.sql", others=", ".join(map(file_literal, others)), **instants)
    return [
        Problem(
            inputs[row["file"]],
            "usage-billed-already",
            f"{row['count']:,} records are billed already, says {Path(row['path']).relative_to(root).as_posix()}",
            "convert each export into one source; to replace its charges, write to the same file",
            row["line"],
            count=row["count"],
        )
        for row in named_rows(con, query)
    ]
