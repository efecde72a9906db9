"""Whether a month is complete: days that charges cover, totals against the months before, PIs who are gone."""

from __future__ import annotations

import datetime as dt
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from openchargeback import money
from openchargeback.billing.completeness import Completeness, Month, completeness, missing_sources
from openchargeback.ledger.periods import fiscal
from openchargeback.ledger.settings import MONTHLY, Config, Organization, Source
from openchargeback.model import Amounts, BillingLine, Entry, FileRecord, SourceTotals
from openchargeback.plan import words

sys.path.insert(0, str(Path(__file__).parents[1] / "review"))

from small_ledger import bill, charge, csv_text

CONFIG = Config(Organization("A"), sources={"hpc": Source("hpc", expected=MONTHLY), "aws": Source("aws")})
FOCUS = {"BillingCurrency": "USD", "ChargeCategory": "Usage", "ChargeClass": ""}


def covered(tmp_path: Path, *rows: dict[str, str]) -> tuple[int | None, int | None, int | None]:
    """Days covered by some charges, with the days of the month of the first and last."""
    period, problems = bill(tmp_path, list(rows))
    assert not [problem for problem in problems if problem.severity == "error"]
    (source,) = period.sources
    first, last = source.first_day, source.last_day
    return source.days, first and first.day, last and last.day


def span(start: str, end: str, **cells: str) -> dict[str, str]:
    """A charge of a FOCUS file for a span."""
    return charge(1, ChargePeriodStart=start, ChargePeriodEnd=end, **{**FOCUS, **cells})


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("2025-01-05T00:00:00Z", "2025-01-06T00:00:00Z", (1, 5, 5)),
        ("2025-01-05T00:00:00Z", "2025-01-06T00:00:01Z", (2, 5, 6)),
        ("2025-01-05T13:00:00Z", "2025-01-05T14:00:00Z", (1, 5, 5)),
        ("2025-01-01T00:00:00Z", "2025-02-01T00:00:00Z", (31, 1, 31)),
        ("2024-06-01T00:00:00Z", "2025-06-01T00:00:00Z", (31, 1, 31)),
        ("2025-02-03T00:00:00Z", "2025-02-04T00:00:00Z", (0, None, None)),
        ("2025-01-05", "2025-01-06", (2, 5, 6)),
        ("2025-01-05T00:00", "2025-01-06T00:00", (1, 5, 5)),
        ("2025-01-05T00:00Z", "2025-01-06T10:00Z", (2, 5, 6)),
        ("2025-01-05T00:00:00Z", "2025-01-06T10:00:00Z", (2, 5, 6)),
        ("2025-01-05 00:00 UTC", "2025-01-06 00:00 UTC", (1, 5, 5)),
        ("2025-01-05 00:00:00 UTC", "2025-01-06 00:00:00 UTC", (1, 5, 5)),
        ("2025-01-05T23:00:00-02:00", "2025-01-06T23:00:00-02:00", (2, 6, 7)),
    ],
)
def test_the_days_of_a_charge(
    tmp_path: Path, start: str, end: str, expected: tuple[int | None, int | None, int | None]
) -> None:
    """An end with a time is exclusive, a day counts; what lies outside of the month does not."""
    assert covered(tmp_path, span(start, end)) == expected


def test_days_of_several_charges_count_once(tmp_path: Path) -> None:
    day = ("2025-01-05T00:00:00Z", "2025-01-06T00:00:00Z")
    later = ("2025-01-09T00:00:00Z", "2025-01-10T00:00:00Z")
    assert covered(tmp_path, span(*day), span(*day, ResourceId="r-2"), span(*later)) == (2, 5, 9)


def test_corrections_and_what_spans_the_month_by_its_nature_do_not_fill_gaps(tmp_path: Path) -> None:
    """A tax for January says nothing of whether usage stops on the 5th; alone it is all that there is."""
    whole = ("2025-01-01T00:00:00Z", "2025-02-01T00:00:00Z")
    day = span("2025-01-05T00:00:00Z", "2025-01-06T00:00:00Z")
    assert covered(tmp_path / "a", day, span(*whole, ChargeClass="Correction")) == (1, 5, 5)
    assert covered(tmp_path / "b", day, span(*whole, ChargeCategory="Tax")) == (1, 5, 5)
    assert covered(tmp_path / "c", span(*whole, ChargeCategory="Tax")) == (31, 1, 31)


def test_without_the_column_no_day_is_known(tmp_path: Path) -> None:
    """Also where only one file of the source lacks it."""
    plain = ["BillingPeriodStart", "BilledCost", "ListCost", "ServiceName", "ResourceId", "Tags"]
    row = {name: charge(1)[name] for name in plain}
    period, _ = bill(tmp_path / "a", {"hpc.csv": csv_text([row], plain)})
    assert [(each.days, each.first_day) for each in period.sources] == [(None, None)]
    both = {"hpc/a.csv": csv_text([row], plain), "hpc/b.csv": csv_text([charge(2)]), "aws.csv": csv_text([charge(3)])}
    period, _ = bill(tmp_path / "b", both)
    assert {each.source: each.days for each in period.sources} == {"hpc": None, "aws": 2}


def month(period: str, totals: dict[str, str], pis: dict[str, list[str]] | None = None, **days: int) -> Month:
    """A month with a charge file and a charge of each source, billed to the named PIs, the first ones most."""
    sources = [
        SourceTotals(
            source=source,
            currency="USD",
            files=1,
            charges=1,
            imported=Decimal(total),
            billed=Decimal(total),
            held=Decimal(0),
            rejected=Decimal(0),
            imported_list=Decimal(total),
            charges_billed=1,
            charges_held=0,
            charges_rejected=0,
            days=days.get(source),
        )
        for source, total in totals.items()
    ]
    lines = [
        BillingLine(
            period=period,
            pi=pi,
            project="p",
            fund="F",
            source=source,
            service="s",
            charges=1,
            exact_list=Decimal(100 - n),
            exact_billed=Decimal(100 - n),
            amounts=Amounts(),
        )
        for source, names in (pis or {}).items()
        for n, pi in enumerate(names)
    ]
    files = [
        FileRecord(
            path=f"charges/{period}/{name}.csv", source=name, sha256="", size=1, charges=1, exact_billed=Decimal(0)
        )
        for name in totals
    ]
    return Month(period, sources, lines, files)


def rows(now: Month, *others: Month) -> dict[str, Completeness]:
    """The rows of a month by source."""
    return {row.source: row for row in completeness(now, others, CONFIG)}


def test_an_expected_source_without_a_charge_is_missing() -> None:
    """A file that holds none is as good as no file; a source that nobody expects is not missing."""
    empty = FileRecord(
        path="charges/2025-04/hpc.csv", source="hpc", sha256="", size=1, charges=0, exact_billed=Decimal(0)
    )
    for now in (Month("2025-04"), Month("2025-04", files=[empty]), month("2025-04", {"aws": "1"})):
        assert rows(now)["hpc"].missing
        assert missing_sources(now, CONFIG) == ("hpc",)
    assert not rows(month("2025-04", {"hpc": "0"}))["hpc"].missing
    assert list(rows(Month("2025-04"), month("2025-03", {"aws": "5"}))) == ["aws", "hpc"]


def test_the_median_is_of_the_last_three_months_with_data() -> None:
    """Whatever their order; later months and those without any charges do not count, a source without charges is 0."""
    past = [month(f"2025-0{n}", {"aws": total}) for n, total in ((1, "1"), (2, "40"), (3, "10"), (4, "20"))]
    row = rows(month("2025-06", {"aws": "7.5"}), *reversed(past), Month("2025-05"), month("2025-07", {"aws": "1000"}))
    assert (row["aws"].median, row["aws"].percent, row["aws"].unusual) == (Decimal(20), Decimal(-63), True)
    assert rows(month("2025-06", {"hpc": "1"}), *past)["hpc"].median == 0
    assert rows(month("2025-06", {"hpc": "1"}), *past)["hpc"].percent is None
    assert rows(month("2025-06", {"aws": "1"}))["aws"].median is None


def test_half_of_the_median_is_not_unusual_yet() -> None:
    past = month("2025-05", {"aws": "100"})
    for total, unusual in (("50", False), ("49.4", True), ("150", False), ("151", True), ("-100", True)):
        assert rows(month("2025-06", {"aws": total}), past)["aws"].unusual is unusual, total


def test_the_mean_of_two_is_exact() -> None:
    ones = Decimal("11111111111111111111.000000000000000001")
    assert money.median([ones, ones + 2]) == money.total(ones, Decimal(1))
    assert money.median([Decimal("0.000000000000000001"), Decimal(0)]) == Decimal("0.000000000000000001")
    assert money.median([]) is None


def test_who_is_gone_had_charges_in_the_calendar_month_before() -> None:
    """Of the same source, and own charges: a late or credited one says nothing of that month."""
    past = month("2025-05", {"aws": "9", "hpc": "9"}, {"aws": ["z", "b", "c"], "hpc": ["d"]})
    now = month("2025-06", {"aws": "9", "hpc": "9"}, {"aws": ["b"], "hpc": ["c", "d"]})
    assert {name: row.gone for name, row in rows(now, past).items()} == {"aws": ("z", "c"), "hpc": ()}
    assert rows(month("2025-07", {"aws": "9"}), past)["aws"].gone == ()
    late = [
        BillingLine(
            period="2025-05",
            pi="e",
            project="p",
            fund="F",
            source="aws",
            service="s",
            charges=1,
            exact_list=Decimal(1),
            exact_billed=Decimal(1),
            amounts=Amounts(),
            entry=Entry.LATE,
            original="2025-04",
        )
    ]
    assert rows(now, Month("2025-05", past.sources, late, past.files))["aws"].gone == ()


def test_what_is_said_of_a_source() -> None:
    """At most ten PIs are named."""
    past = month("2025-05", {"aws": "100", "hpc": "100"}, {"aws": [f"pi-{n:02}" for n in range(12)]})
    now = rows(month("2025-06", {"aws": "1.234"}, aws=20), past)
    gone = ", ".join(f"pi-{n:02}" for n in range(10))
    assert words.source(now["aws"], "USD") == (
        f"20 of 30 days; total 1.23, median 100.00 (−99%); 12 PIs gone: {gone} and 2 more"
    )
    assert words.source(now["hpc"], "USD") == "expected monthly, no charges; total 0.00, median 100.00"
    told = now["aws"].as_json()
    assert told["pis_gone"] == {"count": 12, "pis": gone.split(", ")}
    assert told["days"] == {"covered": 20, "of": 30, "first": None, "last": None}


@pytest.mark.parametrize(
    ("day", "starts", "expected"),
    [
        ("2025-06-30", 7, (2025, 12)),
        ("2025-07-01", 7, (2026, 1)),
        ("2025-01-01", 1, (2025, 1)),
        ("2025-12-31", 1, (2025, 12)),
        ("2025-09-30", 10, (2025, 12)),
        ("2025-10-01", 10, (2026, 1)),
    ],
)
def test_the_fiscal_year_is_named_after_its_end(day: str, starts: int, expected: tuple[int, int]) -> None:
    assert fiscal(dt.date.fromisoformat(day), starts) == expected
