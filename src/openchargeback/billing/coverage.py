"""Determine which days of their period the charges of each source cover."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from openchargeback.focus.database import sql
from openchargeback.focus.loaded import LoadedFile, LoadedTable
from openchargeback.review.charges import Charges

_START, _END = "ChargePeriodStart", "ChargePeriodEnd"


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many days of the period a source's charges cover, the first and the last; None if there are none."""

    days: int
    first_day: dt.date | None
    last_day: dt.date | None


def coverage(charges: Charges) -> Mapping[tuple[str, str], Coverage]:
    """The days that charges cover, by period and source; corrections do not count. Call `load` first.

    A source with a file that lacks ChargePeriodStart is left out in that period: its days are unknown.
    """
    unknown = {_place(file) for file in charges.loaded.files if file.rows and _START not in file.columns}
    spans = " UNION ".join(_spans(table) for table in charges.loaded.tables)
    if not spans:
        return {}
    rows = charges.con.execute(sql(__package__, "coverage.sql", spans=spans)).fetchall()
    return {(period, source): Coverage(*found) for period, source, *found in rows if (period, source) not in unknown}


def _place(file: LoadedFile) -> tuple[str, str]:
    return file.file.period, file.file.source


def _spans(table: LoadedTable) -> str:
    """SQL for the distinct spans of files. Texts are cut to what determines the day, so that few are distinct."""
    start = f"coalesce({table.expression(_START)}, {table.expression('BillingPeriodStart')})"
    end, category = table.expression(_END), table.expression("ChargeCategory")
    return (
        f"SELECT DISTINCT period, source, coalesce(lower({category}), 'usage') = 'usage' AS usage, "
        f"CASE WHEN {_plain(start)} THEN left({start}, 10) ELSE {start} END AS starts, "
        # Only midnight matters: it makes the day before the last one.
        f"CASE WHEN strlen({end}) = 10 OR NOT {_plain(end)} THEN {end} "
        f"WHEN contains({end}, '00:00:00') OR (strlen({end}) < 19 AND contains({end}, '00:00')) "
        f"THEN left({end}, 10) || 'T00:00' "
        f"ELSE left({end}, 10) || 'T12:00' END AS ends "
        f"FROM {table.numbered} WHERE lower({table.expression('ChargeClass')}) IS DISTINCT FROM 'correction'"
    )


def _plain(text: str) -> str:
    """SQL for whether a timestamp is in UTC, so that ten characters give the day: 19 leave no room for an offset."""
    return f"(strlen({text}) <= 19 OR ends_with({text}, 'Z'))"
