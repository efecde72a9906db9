"""Local times of a zone with daylight saving time, against Python's zoneinfo."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sacct import Case, export, record

from openchargeback.convert.zone import offset_sql

ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC", "America/Sao_Paulo")
FIRST, LAST = dt.datetime(2017, 1, 1), dt.datetime(2026, 12, 31)  # noqa: DTZ001 - local times


@given(st.datetimes(FIRST, LAST).map(lambda at: at.replace(microsecond=0)), st.sampled_from(ZONES), st.booleans())
def test_offsets_are_those_of_zoneinfo(local: dt.datetime, zone: str, second: bool) -> None:
    there = local.replace(tzinfo=ZoneInfo(zone), fold=int(second))
    back = there.astimezone(dt.UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    sql = offset_sql("t", zone, FIRST, LAST, second=second)
    with duckdb.connect() as con:
        ((found,),) = con.execute(f"SELECT {sql} FROM (SELECT TIMESTAMP '{local}' AS t)").fetchall()
    # A time that the clock skips is not a time; sacct prints none.
    if back == local:
        assert dt.timedelta(seconds=found) == there.utcoffset()


def periods(rows: list[dict[str, str]]) -> tuple[str, str]:
    return rows[0]["ChargePeriodStart"], rows[-1]["ChargePeriodEnd"]


def test_a_job_over_the_change_in_spring_is_one_hour_shorter_than_it_looks(case: Case) -> None:
    case.set(timezone="Europe/Berlin")
    line = record(
        Start="2025-03-25T00:00:00",
        End="2025-04-04T00:00:00",
        ElapsedRaw=10 * 86400 - 3600,
        Submit="2025-03-24T00:00:00",
    )
    done, problems = case.run(export(line), period="2025-03")
    assert done is not None, problems
    assert problems == []
    assert periods(case.rows(export(line), period="2025-03")) == ("2025-03-24T23:00:00Z", "2025-04-01T00:00:00Z")


def test_the_wrong_zone_is_found_by_it(case: Case) -> None:
    case.set(timezone="UTC")
    line = record(Start="2025-03-25T00:00:00", End="2025-04-04T00:00:00", ElapsedRaw=10 * 86400 - 3600)
    done, problems = case.run(export(line), period="2025-03")
    assert done is None
    assert [each.code for each in problems] == ["usage-clock"]


@pytest.mark.parametrize(
    ("start", "end", "elapsed", "expected"),
    [
        # The hour from 02:00 to 03:00 is there twice: first in summer time (UTC+2), then in winter time (UTC+1).
        ("2025-10-26T01:30:00", "2025-10-26T02:30:00", 3600, ("2025-10-25T23:30:00Z", "2025-10-26T00:30:00Z")),
        ("2025-10-26T01:30:00", "2025-10-26T02:30:00", 7200, ("2025-10-25T23:30:00Z", "2025-10-26T01:30:00Z")),
        ("2025-10-26T02:30:00", "2025-10-26T04:30:00", 7200, ("2025-10-26T01:30:00Z", "2025-10-26T03:30:00Z")),
        ("2025-10-26T02:30:00", "2025-10-26T04:30:00", 10800, ("2025-10-26T00:30:00Z", "2025-10-26T03:30:00Z")),
    ],
)
def test_in_the_repeated_hour_elapsed_decides(
    case: Case, start: str, end: str, elapsed: int, expected: tuple[str, str]
) -> None:
    case.set(timezone="Europe/Berlin")
    rows = case.rows(export(record(Start=start, End=end, ElapsedRaw=elapsed)), period="2025-10")
    assert periods(rows) == expected
