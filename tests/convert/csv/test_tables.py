"""What a mapping can say: layouts, numbers, times, formulas, filters, owners, tags."""

from __future__ import annotations

import json
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from mapped import COMMON, HOURS, RATE, Tables

from openchargeback.cli.main import cli
from openchargeback.convert.csv.formula import formula
from openchargeback.convert.csv.settings import CsvSettings
from openchargeback.focus.database import literal, sql
from openchargeback.ledger.yaml_text import document
from openchargeback.problems import LedgerFault

HEAD = "Date,Lab,Hours\n"
FEE = "Date,Account,Item,Quantity,Unit Price,Amount,Currency\n2025-01-06,astro,Fee,0,,6.00,USD\n"


@pytest.fixture
def tables(tmp_path: Path) -> Tables:
    return Tables(tmp_path)


@pytest.mark.parametrize(
    ("mapping", "table"),
    [
        ({}, "\ufeffDate;Lab;Hours\n2025-01-06;astro;1234.5\n"),
        ({}, "Hours\tLab\tOther\tDate\n1234.5\tastro\tx\t2025-01-06\n"),
        ({}, "Date,Lab,Hours\r\n2025-01-06,astro,1234.5\r\n"),
        ({"skip": 2}, "Report\nof January\nDate,Lab,Hours\n2025-01-06,astro,1234.5\n"),
        ({"columns": ["Date", "Lab", "Hours"]}, "2025-01-06,astro,1234.5\n"),
        ({"final_newline": False}, "Date,Lab,Hours\n2025-01-06,astro,1234.5"),
        ({"quote": "|"}, "Date,Lab,Hours,Address\n2025-01-06,astro,1234.5,|1 Main St, Northfield|\n"),
        ({"decimal": ","}, "Date;Lab;Hours\n2025-01-06;astro;1234,5\n"),
        ({"decimal": ",", "thousands": "."}, "Date;Lab;Hours\n2025-01-06;astro;1.234,50\n"),
        ({"thousands": ","}, 'Date,Lab,Hours\n2025-01-06,astro,"1,234.5"\n'),
        ({}, "Date,Lab,Hours\n2025-01-06,astro,1.2345E+3\n"),
        ({"encoding": "utf-16"}, "Date,Lab,Hours\n2025-01-06,astro,1234.5\n".encode("utf-16")),
        ({"encoding": "latin-1"}, "Date,Lab,Hours,Name\n2025-01-06,astro,1234.5,Müller\n".encode("latin-1")),
        ({}, '{"Date": "2025-01-06", "Lab": "astro", "Hours": 1234.5}\n'),
        ({}, '[{"Date": "2025-01-06", "Lab": "astro", "Hours": "1234.5"}]'),
        ({"items": "a.b"}, '{"a": {"b": [{"Date": "2025-01-06", "Lab": "astro", "Hours": 1234.50}]}}'),
        ({"dates": "us"}, "Date,Lab,Hours\n1/6/2025,astro,1234.5\n"),
        ({"dates": "day-first"}, "Date,Lab,Hours\n6.1.2025,astro,1234.5\n"),
        ({"dates": "%d-%b-%Y"}, "Date,Lab,Hours\n06-Jan-2025,astro,1234.5\n"),
        ({"dates": "unix"}, "Date,Lab,Hours\n1736121600,astro,1234.5\n"),
        ({"dates": "unix-ms"}, "Date,Lab,Hours\n1736121600000,astro,1234.5\n"),
        ({"day": "=join('-', part(Date, '^(\\d{4})'), '01-06')"}, "Date,Lab,Hours\n2025 Jan,astro,1234.5\n"),
    ],
)
def test_layouts_of_one_table(tables: Tables, mapping: dict[str, Any], table: str | bytes) -> None:
    (row,) = tables.rows({**HOURS, **mapping}, table, rates=[RATE])
    assert (row["PricingQuantity"], row["BilledCost"], row["SubAccountId"]) == ("1234.5", "2469", "astro")
    assert (row["ChargePeriodStart"], row["ChargePeriodEnd"]) == ("2025-01-06T00:00:00Z", "2025-01-07T00:00:00Z")


@pytest.mark.parametrize(
    ("mapping", "cells", "zone", "span"),
    [
        (
            {"start": "A", "end": "B"},
            "2025-01-06T10:00:00Z,2025-01-06T12:00:00+01:00",
            "",
            ("06T10:00:00", "06T11:00:00"),
        ),
        ({"start": "A", "end": "B"}, "2025-01-06 10:00,2025-01-06 10:30:00.5", "UTC", ("06T10:00:00", "06T10:30:01")),
        (
            {"start": "A", "end": "B"},
            "2025-01-06 10:00:00 UTC,2025-01-06T10:30:00-0500",
            "",
            ("06T10:00:00", "06T15:30:00"),
        ),
        ({"start": "A", "last_day": "B"}, "2025-01-06,2025-01-08", "UTC", ("06T00:00:00", "09T00:00:00")),
        ({"start": "A"}, "2025-01-06T10:00:00Z,", "", ("06T10:00:00", "06T10:00:01")),
        ({"day": "A"}, "2025-01-06,", "America/New_York", ("06T05:00:00", "07T05:00:00")),
        ({"month": "A"}, "2025-01,", "UTC", ("01T00:00:00", "2025-02-01T00:00:00")),
        ({"month": "A"}, "2025-01-31,", "UTC", ("01T00:00:00", "2025-02-01T00:00:00")),
    ],
)
def test_times(tables: Tables, mapping: dict[str, Any], cells: str, zone: str, span: tuple[str, str]) -> None:
    meters = [{"name": "hours", "quantity": "=1", "unit": "Hours"}]
    (row,) = tables.rows({"meters": meters, **mapping}, f"A,B\n{cells}\n", rates=[RATE], timezone=zone)
    full = [each if len(each) > 11 else f"2025-01-{each}" for each in span]
    assert [row["ChargePeriodStart"], row["ChargePeriodEnd"]] == [f"{each}Z" for each in full]


def test_several_meters_of_one_row_and_units(tables: Tables) -> None:
    """Gibibytes are priced by the tebibyte, counts by the million, time by the day."""
    mapping = {
        "day": "Date",
        "meters": [
            {
                "name": "space",
                "quantity": "=convert(MiB, 'MiB', 'GiB') * 24",
                "unit": "GiB-Hours",
                "category": "Storage",
            },
            {"name": "calls", "quantity": "Calls", "unit": "Requests"},
            {"name": "time", "quantity": "=[Wall minutes] / 60", "unit": "Hours"},
        ],
    }
    rates = [
        {"id": "space", "resource": "space", "unit": "TiB-Days", "price": "2"},
        {"id": "calls", "resource": "calls", "unit": "1000000 Requests", "price": "4"},
        {"id": "time", "resource": "time", "unit": "Days", "price": "24"},
    ]
    found = tables.rows(mapping, "Date,MiB,Calls,Wall minutes\n2025-01-06,1048576,250000,20\n", rates=rates)
    figures = {row["SkuMeter"]: (row["PricingQuantity"], row["BilledCost"], row["ConsumedQuantity"]) for row in found}
    assert figures == {
        "space": ("1", "2", "1"),
        "calls": ("0.25", "1", "250000"),
        "time": ("0.013888889", "0.333333336", "0.013888889"),
    }
    assert {row["x_UsageAmount"] for row in found} == {"88473600", "250000", "1200"}


def test_gigabytes_have_no_price_in_gibibytes(tables: Tables) -> None:
    meters = [{"name": "hours", "quantity": "Hours", "unit": "GB-Hours"}]
    rate = {**RATE, "unit": "GiB-Hours"}
    assert tables.faults({**HOURS, "meters": meters}, HEAD + "2025-01-06,astro,1\n", rates=[rate]) == [
        ("rate-unit", 11)
    ]


def test_rows_left_out_are_counted_by_reason(tables: Tables) -> None:
    mapping = {
        **HOURS,
        "left_out": [
            {"reason": "a test", "where": {"Lab": ["test-.*"]}},
            {"reason": "free hours of bio", "where": {"Lab": "bio", "Hours": ["0\\.5", "1"]}},
        ],
    }
    lines = ["astro,1", "test-1,x", "bio,0.5", "bio,2", "chem,0"]
    done, problems = tables.run(mapping, HEAD + "".join(f"2025-01-06,{each}\n" for each in lines), rates=[RATE])
    assert done is not None, problems
    assert (done.read, done.used) == (5, 2)
    assert done.left_out == {"a test": 1, "free hours of bio": 1, "used nothing": 1}


def test_the_table_names_owners_and_tags(tables: Tables) -> None:
    mapping = {**HOURS, "project": "Project", "pi": "=lower(PI)", "tags": {"grant": "Grant", "site": "='north'"}}
    table = (
        "Date,Lab,Hours,Project,PI,Grant\n2025-01-06,astro,1,other,Other@example.edu,G-1\n"
        "2025-01-06,chem,1,dyes,Ada@Example.edu,\n"
    )
    astro, chem = tables.rows(mapping, table, rates=[RATE])
    assert json.loads(astro["Tags"])["project_id"] == "sky-survey"
    assert json.loads(astro["Tags"])["grant"] == "G-1"
    assert json.loads(chem["Tags"]) == {"pi_email": "ada@example.edu", "project_id": "dyes", "site": "north"}


def test_users_stay_out_unless_the_config_says_so(tables: Tables) -> None:
    mapping = {**HOURS, "user": "User"}
    table = "Date,Lab,Hours,User\n2025-01-06,astro,1,ada\n"
    tables.rows(mapping, table, rates=[RATE])
    assert "ada" not in tables.output.read_text()
    (row,) = tables.rows(mapping, table, rates=[RATE], users=True)
    assert row["x_user"] == "ada"


@pytest.mark.parametrize(
    "name", ["=cmd|' /C calc'!A0", '"quoted", with comma', "'; DROP TABLE raw; --", "{cuts} $sku {rows}"]
)
def test_names_are_data(tables: Tables, name: str) -> None:
    """Neither formulas, which an apostrophe stops, nor SQL, nor our own placeholders."""
    cell = '"' + name.replace('"', '""') + '"'
    mapping = {**HOURS, "resource": name, "meters": [{**HOURS["meters"][0], "type": name}], "id": [name]}
    mapping["left_out"] = [{"reason": name, "where": {name: ["x'y"]}}]
    head = f"Date,Lab,Hours,{cell}\n"
    (row,) = (
        tables.rows(mapping, f"{head}2025-01-06,{cell},1,{cell}\n", rates=[RATE])
        if name[0] != "="
        else tables.rows(HOURS, f"{HEAD}2025-01-06,{cell},1\n", rates=[RATE])
    )
    assert row["SubAccountId"] == ("'" + name if name[0] == "=" else name)
    done, _ = tables.run(mapping, f"{head}2025-01-06,{cell},1,x'y\n", rates=[RATE]) if name[0] != "=" else (None, [])
    assert done is None or done.left_out == {name: 1}


def test_settings_are_data_too(tables: Tables) -> None:
    """A name may look like a placeholder for another, or end a text in SQL."""
    mapping = {**HOURS, "resource": "Lab", "resource_type": "it's $currency"}
    common = {"service": "$provider' --", "provider": "$resource_type {order}"}
    (row,) = tables.rows(mapping, HEAD + "2025-01-06,astro,1\n", rates=[RATE], **common)
    assert (row["ServiceName"], row["ProviderName"], row["ResourceType"]) == (
        common["service"],
        common["provider"],
        mapping["resource_type"],
    )


NUMBERS = st.decimals(min_value=-(10**9), max_value=10**9, places=9, allow_nan=False)


@pytest.fixture(scope="module")
def con() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute(sql("openchargeback.convert", "macros.sql"))
    parts = {"number": r"-?\d+(\.\d+)?(E-?\d+)?", "thousands": "", "decimal": "."}
    connection.execute(sql("openchargeback.convert.csv", "macros.sql", **{n: literal(t) for n, t in parts.items()}))
    return connection


@settings(max_examples=200, deadline=None)
@given(NUMBERS, NUMBERS, st.sampled_from("+-*/"))
def test_arithmetic_is_exact_or_rounded_half_up(
    con: duckdb.DuckDBPyConnection, a: Decimal, b: Decimal, sign: str
) -> None:
    from decimal import ROUND_HALF_UP, localcontext

    expression = formula(f"=a {sign} b").number({"a": literal(f"{a:f}"), "b": literal(f"{b:f}")})
    (found,) = con.execute(f"SELECT {expression}").fetchone() or (None,)
    with localcontext(prec=80):
        exact = {"+": lambda: a + b, "-": lambda: a - b, "*": lambda: a * b, "/": lambda: a / b if b else None}[sign]()
        wanted = None if exact is None else exact.quantize(Decimal("1e-18"), ROUND_HALF_UP)
    assert found == (wanted if wanted is None or abs(wanted) < 10**20 else None)


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("=1 + 2 * 3", "7"),
        ("=(1 + 2) * 3", "9"),
        ("=-2 - -3", "1"),
        ("=10 / 4 / 5", "0.5"),
        ("=1 / 0", None),
        ("=a / 3 * 3", "2.000000000000000001"),
        ("=99999999999999999999 * 10", None),
        ("=first(none, a)", "2"),
        ("=first(none, 0) + 1", "1"),
        ("=first(word, 0) + 1", None),
        ("=upper(trim(word))", "ABC"),
        ("=part(word, '(b).')", "b"),
        ("=part(word, 'x')", None),
        ("=when(word, 'a.*', 'yes', 'no')", "yes"),
        ("=when(none, '.+', 'yes', 'no')", "no"),
        ("=join('/', word, none, 'x')", "abc/x"),
        ("=convert(a, 'GiB', 'MiB')", "2048"),
        ("=convert(3, 'MB', 'MiB')", "2.86102294921875"),
        ("=convert(90, 'Minutes', 'Hours')", "1.5"),
        ("='it''s'", "it's"),
        ("=[a b] * 1", "5"),
    ],
)
def test_formulas(con: duckdb.DuckDBPyConnection, source: str, value: str | None) -> None:
    places = {"a": "'2'", "word": "'abc'", "none": "NULL::VARCHAR", "a b": "'5'"}
    assert con.execute(f"SELECT {formula(source).text(places)}").fetchone() == (value,)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("first(", ", 0)"),
        ("lower(", ")"),
        ("join('', ", ")"),
        ("part(", ", '.*')"),
        ("when('a', 'a', ", ", '')"),
        ("convert(", ", 'MiB', 'GiB')"),
        ("(1 + ", ")"),
        ("1 / (1 + ", ")"),
        ("0 - ", ""),
    ],
)
def test_the_time_of_a_formula_is_linear_in_its_length(con: duckdb.DuckDBPyConnection, start: str, end: str) -> None:
    """The SQL of each part is there a fixed number of times, whatever is around it."""
    depth = 24 // (start.count("(") + start.count("+") + start.count("/") + start.count("-"))
    sizes = [len(formula(f"={start * n}a{end * n}").text({"a": "'2'"})) for n in (1, depth)]
    assert sizes[1] < sizes[0] * depth * 2
    began = time.monotonic()
    con.execute(f"SELECT {formula(f'={start * depth}a{end * depth}').text({'a': literal('2')})}")
    assert time.monotonic() - began < 10


@given(st.text(alphabet="=ab()[]'+-*/.,1 first", max_size=60))
def test_any_text_is_a_formula_or_a_reason(text: str) -> None:
    reason = "none"
    try:
        formula(f"={text}")
    except ValueError as error:
        reason = str(error)
    assert reason


@pytest.mark.slow
@settings(max_examples=5, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 80), st.integers(1, 60), st.integers(0, 10**12), st.decimals(-(10**6), 10**6, places=18)
        ),
        min_size=1,
        max_size=5,
    ),
    st.sampled_from(["day", "job"]),
)
def test_quantities_and_costs_are_conserved_over_months(
    tmp_path_factory: pytest.TempPathFactory, items: list[tuple[int, int, int, Decimal]], rows: str
) -> None:
    """Of usage from December to April, all months together hold each count and each cost, to the last digit."""
    import datetime as dt

    tables = Tables(tmp_path_factory.mktemp("months"))
    first = dt.date(2024, 12, 1)
    mapping = {
        "start": "Start",
        "end": "End",
        "account": "Lab",
        "repeated": "each",
        "meters": [
            {"name": "tokens", "quantity": "Tokens", "unit": "Tokens"},
            {"name": "fee", "quantity": "Tokens", "unit": "Tokens", "cost": "Cost"},
        ],
    }
    rate = {"id": "t", "resource": "tokens", "unit": "1000 Tokens", "price": "0.000000001"}
    lines = [
        f"{first + dt.timedelta(days=start)}T0{start % 7}:00:01Z,{first + dt.timedelta(days=start + long)}T23:00:00Z,"
        f"{'astro' if tokens % 2 else 'bio'},{tokens},{cost:f}\n"
        for start, long, tokens, cost in items
    ]
    # The owner of one account changes within a month, which divides what is longer.
    owners = [{"account": "astro", "project": "a", "until": "2025-01-14"}, {"account": "astro", "project": "b"}]
    owners[1]["from"] = "2025-01-15"
    counts, costs = dict.fromkeys(("tokens", "fee"), Decimal(0)), Decimal(0)
    for month in ("2024-12", "2025-01", "2025-02", "2025-03", "2025-04"):
        text = "Start,End,Lab,Tokens,Cost\n" + "".join(lines)
        common = {"rates": [rate], "rows": rows, "owners": owners}
        for row in tables.rows(mapping, text, period=month, allow_empty=True, **common):
            counts[row["SkuMeter"]] += Decimal(row["x_UsageAmount"])
            costs += Decimal(row["BilledCost"]) if row["SkuMeter"] == "fee" else 0
            assert (
                row["BillingPeriodStart"]
                <= row["ChargePeriodStart"]
                < row["ChargePeriodEnd"]
                <= row["BillingPeriodEnd"]
            )
    total = Decimal(sum(tokens for _, _, tokens, _ in items))
    assert counts == {"tokens": total, "fee": total}
    assert costs == sum(cost for *_, cost in items)


def test_the_charges_are_valid_without_a_warning(tmp_path: Path) -> None:
    """Given costs, credits, counts and several categories, in a ledger of their own."""
    root = tmp_path / "ledger"
    (root / "charges").mkdir(parents=True)
    (root / "directory").mkdir()
    (root / "config.yaml").write_text("organization: Northfield University\n")
    (root / "directory/projects.yaml").write_text(
        "projects:\n  - {id: astro, pi: zoe@example.edu, fund: A-1}\n  - {id: bio, pi: bo@example.edu, fund: B-1}\n"
    )
    mapping = {"preset": "invoice"}
    common = {**COMMON, "owners": [], "account_is_project": True, "rows": "day"}
    (tmp_path / "invoice.yaml").write_text(document({**common, "csv": mapping}, ""))
    export = Path(__file__).parent / "exports/invoice.csv"
    run = CliRunner().invoke
    output = str(root / "charges/2025-01/invoice.csv")
    done = run(
        cli,
        [
            "convert",
            "csv",
            str(export),
            "--config",
            str(tmp_path / "invoice.yaml"),
            "-o",
            output,
            "--ledger",
            str(root),
        ],
    )
    assert done.exit_code == 0, done.output
    found = json.loads(run(cli, ["validate", "--ledger", str(root), "--format", "json", "--full"]).stdout)
    assert [each for each in found["problems"] if each["path"].startswith("charges/")] == []
    assert (root / "usage/2025-01/invoice.parquet").is_file()
    again = str(root / "charges/2025-01/other.csv")
    twice = run(
        cli,
        ["convert", "csv", str(export), "--config", str(tmp_path / "invoice.yaml"), "-o", again, "--ledger", str(root)],
    )
    assert isinstance(twice.exception, LedgerFault)
    assert {each.code for each in twice.exception.problems} == {"usage-billed-already"}


def test_a_fee_without_a_quantity_is_billed(tables: Tables) -> None:
    (row,) = tables.rows({"preset": "invoice"}, FEE)
    assert (row["BilledCost"], row["PricingQuantity"], row["ContractedUnitPrice"]) == ("6", "0", "")


def test_the_numbers_of_a_table_are_those_of_the_settings() -> None:
    """The default tolerance is half a cent, as the reference says."""
    assert CsvSettings().tolerance == Decimal("0.005")
