"""Determine which days of a period the charges of each source cover."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from openchargeback.focus.database import literal, sql
from openchargeback.focus.reading import LoadedFile
from openchargeback.ledger.periods import first_day, last_day
from openchargeback.review.month import Month

_START, _END = "ChargePeriodStart", "ChargePeriodEnd"


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many days of the period a source's charges cover, the first and the last; None if there are none."""

    days: int
    first_day: dt.date | None
    last_day: dt.date | None


def coverage(month: Month) -> Mapping[str, Coverage]:
    """The days that charges cover, by source; corrections do not count. Call `load` first.

    A source with a file that lacks ChargePeriodStart is left out: its days are unknown.
    """
    files = [file for file in month.loaded if file.rows]
    unknown = {file.file.source for file in files if _START not in file.columns}
    spans = " UNION ".join(_spans(file) for file in files if file.file.source not in unknown)
    if not spans:
        return {}
    days = {"first_day": first_day(month.period), "last_day": last_day(month.period)}
    rows = month.con.execute(sql(__package__, "coverage.sql", spans=spans), days).fetchall()
    return {source: Coverage(*found) for source, *found in rows}


def _spans(file: LoadedFile) -> str:
    """SQL for the distinct spans of a file. Texts are cut to what determines the day, so that few are distinct."""
    start = f"coalesce({file.expression(_START)}, {file.expression('BillingPeriodStart')})"
    end, category = file.expression(_END), file.expression("ChargeCategory")
    return (
        f"SELECT DISTINCT {literal(file.file.source)} AS source, "
        f"coalesce(lower({category}), 'usage') = 'usage' AS usage, "
        f"CASE WHEN {_plain(start)} THEN left({start}, 10) ELSE {start} END AS starts, "
        # Only midnight matters: it makes the day before the last one.
        f"CASE WHEN strlen({end}) = 10 OR NOT {_plain(end)} THEN {end} "
        f"WHEN contains({end}, '00:00:00') OR (strlen({end}) < 19 AND contains({end}, '00:00')) "
        f"THEN left({end}, 10) || 'T00:00' "
        f"ELSE left({end}, 10) || 'T12:00' END AS ends "
        f"FROM {file.table} WHERE lower({file.expression('ChargeClass')}) IS DISTINCT FROM 'correction'"
    )


def _plain(text: str) -> str:
    """SQL for whether a timestamp is in UTC, so that ten characters give the day: 19 leave no room for an offset."""
    return f"(strlen({text}) <= 19 OR ends_with({text}, 'Z'))"
