"""Details of single charges for review: days, resource, quantity, price, tags, file and row (`detail.sql`)."""

from __future__ import annotations

import duckdb

from openchargeback.focus.cells import cells
from openchargeback.focus.database import count, query, sql

_CELLS = {
    "sub_account": "SubAccountId",
    "sub_account_name": "SubAccountName",
    "tags": "Tags",
    "allocated_tags": "AllocatedTags",
}


def make_details(con: duckdb.DuckDBPyConnection) -> None:
    """Create `detail` with a row per flagged charge. The tables that `add_details` reads must exist."""
    con.execute(query(__package__, "detail"))
    add_details(con, "SELECT DISTINCT n FROM flag UNION SELECT original FROM follows")


def add_details(con: duckdb.DuckDBPyConnection, wanted: str) -> None:
    """Add the details of the charges selected by a query (one column, n)."""
    if not count(con, f"SELECT count(*) FROM ({wanted})"):
        return
    con.execute(sql(__package__, "detail.sql", wanted=wanted, **cells(con, **_CELLS)))
