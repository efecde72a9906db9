"""SQL for individual cells of charges, from the view `cell`; NULL for columns that no file of the period has."""

from __future__ import annotations

import duckdb

from openchargeback.focus.database import identifier


def cells(con: duckdb.DuckDBPyConnection, **names: str) -> dict[str, str]:
    """SQL for cells of a charge, by the name of the placeholder that each fills."""
    present = {name for (name,) in con.execute("SELECT column_name FROM (DESCRIBE cell)").fetchall()}
    return {part: f"cell.{identifier(name)}" if name in present else "NULL::VARCHAR" for part, name in names.items()}


def resource_columns(con: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """SQL for the id and name of a charge's resource, from the columns that files have; else it begins with NULL.

    The resource of an allocated share (FOCUS 1.3) is the one that received it; its name says what it is a share of.
    """
    present = {name for (name,) in con.execute("SELECT column_name FROM (DESCRIBE cell)").fetchall()}

    def first(*names: str) -> str:
        found = [f"cell.{name}" for name in names if name in present]
        return f"coalesce({', '.join(found)})" if len(found) > 1 else next(iter(found), "NULL::VARCHAR")

    if "AllocatedResourceId" not in present:
        return {"resource_id": first("ResourceId"), "resource_name": first("ResourceName")}
    share = f"{first('AllocatedResourceName', 'AllocatedResourceId')} || coalesce(' (share of ' || "
    share += f"{first('ResourceName', 'ResourceId')} || ')', '')"
    return {
        "resource_id": first("AllocatedResourceId", "ResourceId"),
        "resource_name": f"CASE WHEN cell.AllocatedResourceId IS NULL THEN {first('ResourceName')} ELSE {share} END",
    }
