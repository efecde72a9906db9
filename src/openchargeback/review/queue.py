"""The review queue: held charges grouped into items, each decided as one (docs/ARCHITECTURE.md).

Tables used besides those of `decisions.py`:
    flagged     one row per flagged charge with its item (`flagged.sql`); created before decisions are applied
    queued      one row per held charge with the number of its item (`queue.sql`)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import duckdb

from openchargeback.focus.database import count, query, sql
from openchargeback.model import FlagNote, FlagTotal, HeldCharge, ItemDetails, QueueItem
from openchargeback.review.decisions import digest_of_ids

SHOWN = 5
"""How many ids, charges and names of an item are kept for display."""


def read_queue(con: duckdb.DuckDBPyConnection) -> tuple[QueueItem, ...]:
    """The items of the review queue, by period and in the order of their keys."""
    con.execute(sql(__package__, "queue.sql"))
    if not count(con, "SELECT count(*) FROM queued"):
        return ()
    notes: dict[int, list[FlagNote]] = {}
    for item, flag, reasons in con.execute(sql(__package__, "notes.sql"), {"most": SHOWN}).fetchall():
        notes.setdefault(item, []).append(FlagNote(flag, tuple(reasons)))
    rows = con.execute(sql(__package__, "items.sql"), {"most": SHOWN, "samples": SHOWN})
    names = [column[0] for column in rows.description]
    found = [dict(zip(names, row, strict=True)) for row in rows.fetchall()]
    return tuple(_item(values, tuple(notes[values["item"]])) for values in found)


def _item(values: Mapping[str, Any], notes: tuple[FlagNote, ...]) -> QueueItem:
    ids = values["ids"]
    return QueueItem(
        period=values["period"],
        source=values["source"],
        service=values["service"],
        project=values["project"],
        pi=values["pi"],
        currency=values["currency"],
        sub_account=values["sub_account"],
        resource=values["resource"],
        flags=tuple(values["flags"]),
        uncleared=tuple(values["uncleared"]),
        charges=values["charges"],
        exact_list=values["exact_list"],
        exact_billed=values["exact_billed"],
        digest=digest_of_ids(ids),
        ids=tuple(id_[:16] for id_ in (ids if values["named"] else ids[:SHOWN])),
        named=values["named"],
        details=ItemDetails(
            notes=notes,
            sub_accounts=tuple(values["sub_accounts"] or ()),
            resources=tuple(values["resources"] or ()),
            resource_count=values["resource_count"],
            first_day=values["first_day"],
            last_day=values["last_day"],
            quantity=values["quantity"],
            unit=values["unit"] or "",
            samples=tuple(HeldCharge(**sample) for sample in values["samples"]),
        ),
    )


def charges_of_items(con: duckdb.DuckDBPyConnection) -> list[tuple[HeldCharge, ...]]:
    """All charges of each item, in the order of `read_queue`, largest amount first."""
    result: list[list[HeldCharge]] = []
    for item, *values in con.execute(sql(__package__, "item_charges.sql")).fetchall():
        if item > len(result):
            result.append([])
        id_, path, row, first, last, sub_account, resource_id, name, quantity, unit, price, list_, cost, tags = values
        result[-1].append(
            HeldCharge(
                id=id_,
                path=path,
                row=row,
                first_day=first,
                last_day=last,
                sub_account=sub_account,
                resource_id=resource_id,
                resource_name=name,
                quantity=quantity,
                unit=unit,
                unit_price=price,
                exact_list=list_,
                exact_billed=cost,
                tags=tags,
            )
        )
    return [tuple(each) for each in result]


def read_flags(con: duckdb.DuckDBPyConnection) -> dict[str, tuple[FlagTotal, ...]]:
    """By period, every flag as raised, regardless of decisions: the number of charges and their sum, by currency."""
    found: dict[str, list[FlagTotal]] = {}
    for period, flag, currency, charges, billed in con.execute(query(__package__, "flag_totals")).fetchall():
        total = FlagTotal(flag=flag, currency=currency, charges=charges, exact_billed=billed)
        found.setdefault(period, []).append(total)
    return {period: tuple(totals) for period, totals in found.items()}
