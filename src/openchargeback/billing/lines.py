"""Billing lines: charges summed exactly, rounded once, top-down.

Source total, half-up → billing lines → resources → charges. Each step down uses `allocate.sql`.
Tables created:
    line        one row per billing line before rounding; line_share: its cents
    resource    one row per resource of a billing line before rounding; resource_share: its cents
    charge_part one row per charge of a resource before rounding; charge_share: its cents; only on demand
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from decimal import Decimal
from typing import Any

import duckdb

from openchargeback import money
from openchargeback.focus.database import named_rows, query, sql
from openchargeback.ledger.directory import Directory
from openchargeback.ledger.settings import Config
from openchargeback.model import Amounts, BillingLine, Kind, ResourceLine, Usage, Various

StatementKey = tuple[str, str, str]
"""Period, PI and project of a statement."""


def sum_lines(con: duckdb.DuckDBPyConnection, currency: str) -> None:
    """Sum the billed charges and allocate each source's rounded total to its lines."""
    con.execute(sql(__package__, "lines.sql"))
    scale = _scale(currency)
    con.execute(query(__package__, "source_total"), {"scale": scale})
    con.execute(
        sql(__package__, "allocate.sql", parts="line", parent="source_id", totals="source_total", shares="line_share"),
        {"scale": scale},
    )


def sum_resources(con: duckdb.DuckDBPyConnection, currency: str) -> None:
    """Allocate each line's cents to its resources. Call `sum_lines` first."""
    con.execute(sql(__package__, "billed_charges.sql"))
    con.execute(sql(__package__, "resources.sql"))
    con.execute(
        sql(
            __package__,
            "allocate.sql",
            parts="resource",
            parent="resource.parent",
            totals="line_share",
            shares="resource_share",
        ),
        {"scale": _scale(currency)},
    )


def share_charges(con: duckdb.DuckDBPyConnection, currency: str, lines: Sequence[int]) -> None:
    """Allocate the cents of these lines' resources to their charges. Call `sum_resources` and compute ids first."""
    wanted = ", ".join(str(int(number)) for number in lines) or "NULL"
    con.execute(sql(__package__, "charge_parts.sql", lines=wanted))
    con.execute(
        sql(
            __package__,
            "allocate.sql",
            parts="charge_part",
            parent="charge_part.parent",
            totals="resource_share",
            shares="charge_share",
        ),
        {"scale": _scale(currency)},
    )


def read_lines(con: duckdb.DuckDBPyConnection, config: Config, directory: Directory) -> tuple[BillingLine, ...]:
    """The billing lines, ordered by period, PI, project, fund, source and service.

    config, directory: which lines are due, and which of these are invoiced.
    """
    found = []
    for row in named_rows(con, query(__package__, "billing_lines")):
        amounts = amounts_of(row.pop("discount"), row.pop("billed"), config, row["source"])
        posted, invoiced = due_as(row["source"], row["pi"], config, directory)
        found.append(BillingLine(**row, amounts=amounts, posted=posted, invoiced=invoiced))
    return tuple(found)


def due_as(source: str, pi: str, config: Config, directory: Directory) -> tuple[bool, bool]:
    """Whether a source's charges to a PI are due, and whether by invoice: `posted` and `invoiced` of their line."""
    posted = config.posts(source)
    return posted, posted and directory.person(pi).external


def numbered_lines(con: duckdb.DuckDBPyConnection, config: Config, directory: Directory) -> dict[BillingLine, int]:
    """The billing lines as `read_lines` gives them, each with its number in the table `line`."""
    numbers = con.execute("SELECT id FROM line ORDER BY id").fetchall()
    return {line: number for line, (number,) in zip(read_lines(con, config, directory), numbers, strict=True)}


def read_resources(con: duckdb.DuckDBPyConnection, config: Config, most: int) -> dict[StatementKey, list[ResourceLine]]:
    """The resources of each statement. Per line: the `most` largest by list price and billed amount, and every credit,
    correction and adjustment. The others are summed up by kind, unless there is only one.
    """
    result: dict[StatementKey, list[ResourceLine]] = {}
    for row in named_rows(con, sql(__package__, "statement_resources.sql"), {"most": most}):
        key = row.pop("period"), row.pop("pi"), row.pop("project")
        resources, kind = row.pop("resources"), Kind(row.pop("kind"))
        amounts = amounts_of(row.pop("discount"), row.pop("billed"), config, row["source"])
        if resources > 1:
            row["resource_name"] = f"{resources:,} more resources"
        usage = usage_of(row)
        result.setdefault(key, []).append(ResourceLine(**row, kind=kind, amounts=amounts, usage=usage))
    return result


def usage_of(row: dict[str, Any]) -> Usage:
    """Days, quantity and prices of a row of the database; takes them out of the row."""
    values = {each.name: row.pop(each.name) for each in fields(Usage) if each.name in row}
    return Usage(**values | {"various": Various(values.get("various", ""))})


def _scale(currency: str) -> int:
    return int(10 ** money.places(currency))


def amounts_of(discount: int, billed: int, config: Config, source: str) -> Amounts:
    """Amounts from whole minor units; the institution covers the discount if the settings of the source say so."""
    exponent = -money.places(config.currency)
    return Amounts(
        list=Decimal(discount + billed).scaleb(exponent),
        discount=Decimal(discount).scaleb(exponent),
        billed=Decimal(billed).scaleb(exponent),
        covered=Decimal(discount if config.covers(source) else 0).scaleb(exponent),
    )
