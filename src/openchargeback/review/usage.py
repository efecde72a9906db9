"""What each charge is for: its resource, its days, its quantity and unit prices (`charge_usage.sql`)."""

from __future__ import annotations

import duckdb

from openchargeback.focus.cells import cells, resource_columns
from openchargeback.focus.columns import USER_COLUMN
from openchargeback.focus.database import sql

_CELLS = {
    "person": USER_COLUMN,
    "start": "ChargePeriodStart",
    "end": "ChargePeriodEnd",
    "pricing_quantity": "PricingQuantity",
    "pricing_unit": "PricingUnit",
    "consumed_quantity": "ConsumedQuantity",
    "consumed_unit": "ConsumedUnit",
    "list_price": "ListUnitPrice",
    "contracted_price": "ContractedUnitPrice",
}


def create_usage(con: duckdb.DuckDBPyConnection) -> None:
    """Create the view `charge_usage`. The table `attributed` must exist."""
    con.execute(sql(__package__, "charge_usage.sql", **cells(con, **_CELLS), **resource_columns(con)))
