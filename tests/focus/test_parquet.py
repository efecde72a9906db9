"""Parquet files say the same as CSV files, however their columns are typed."""

import sys
from decimal import Decimal
from functools import partial
from pathlib import Path

import duckdb
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "review"))

import small_ledger
from test_equality import same

from openchargeback.focus.database import database
from openchargeback.focus.opening import make_macros

bill = partial(small_ledger.bill, warnings=True)
TAGS = "{pi_email: 'ada@example.edu', project_id: 'genomics', fund_org: 'BIO-1'}"
PAIRS = "[('pi_email', 'ada@example.edu'), ('project_id', 'genomics'), ('fund_org', 'BIO-1')]"


def parquet(folder: Path, columns: str) -> bytes:
    path = folder / "made.parquet"
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'America/New_York'")
        con.execute(f"COPY (SELECT {columns}) TO '{path}' (FORMAT parquet)")
    return path.read_bytes()


def charges(folder: Path, tags: str = f"{TAGS}::JSON::VARCHAR", cost: str = "1.10::DECIMAL(10, 2)", more: str = ""):
    start = "DATE '2025-01-01'"
    columns = f"{start} AS BillingPeriodStart, {cost} AS BilledCost, 'Compute' AS ServiceName, {tags} AS Tags{more}"
    return {"hpc.parquet": parquet(folder, columns)}


@pytest.mark.parametrize(
    "tags",
    [
        '\'{"pi_email": "ada@example.edu", "project_id": "genomics", "fund_org": "BIO-1"}\'',
        TAGS,
        f"map_from_entries({PAIRS})",
        f"list_transform({PAIRS}, lambda pair: {{'Key': pair[1], 'Value': pair[2]}})",
    ],
    ids=["text", "struct", "map", "list of structs"],
)
def test_tags_are_read_however_they_are_stored(tmp_path, tags):
    period, problems = bill(tmp_path, charges(tmp_path, tags=tags))
    assert problems == []
    (line,) = period.lines
    assert (line.pi, line.project, line.fund) == ("ada@example.edu", "genomics", "BIO-1")


@pytest.mark.parametrize(
    ("cost", "value"),
    [
        ("0.123456789012345678::DECIMAL(38, 18)", "0.123456789012345678"),
        ("6.123e-7::DOUBLE", "6.123E-7"),
        ("3::INTEGER", "3"),
        ("'1.50'", "1.50"),
    ],
)
def test_amounts_keep_their_digits(tmp_path, cost, value):
    period, problems = bill(tmp_path, charges(tmp_path, tags=TAGS, cost=cost))
    assert problems == []
    assert period.sources[0].imported == Decimal(value)


@pytest.mark.parametrize(
    "start",
    [
        "TIMESTAMP '2025-01-31 23:59:59'",
        "TIMESTAMPTZ '2025-02-01 00:30:00+01'",
        "DATE '2025-01-31'",
        "'2025-01-31T00:00:00Z'",
    ],
)
def test_times_are_utc_wherever_the_file_was_made(tmp_path, start):
    columns = f"{start} AS BillingPeriodStart, 1 AS BilledCost, {TAGS} AS Tags"
    period, _ = bill(tmp_path, {"hpc.parquet": parquet(tmp_path, columns)})
    assert "wrong-period" not in small_ledger.flags(period)
    assert period.sources[0].charges == 1


def test_faults_name_the_row(tmp_path):
    columns = (
        "* FROM (VALUES ('2025-01-01', '1'), ('2025-01-01', NULL), ('soon', '$3')) AS t(BillingPeriodStart, BilledCost)"
    )
    period, problems = bill(tmp_path, {"hpc.parquet": parquet(tmp_path, columns)})
    assert period is None
    assert [(p.code, p.row, p.field, p.line) for p in problems if p.field in ("BillingPeriodStart", "BilledCost")] == [
        ("constraint-error", 3, "BilledCost", 0),
        ("constraint-error", 4, "BillingPeriodStart", 0),
        ("type-error", 4, "BilledCost", 0),
    ]
    assert problems[0].message.endswith("(row 3)")


def test_frictionless_says_the_same_of_every_row(tmp_path):
    columns = (
        "'2025-01-01' AS BillingPeriodStart, unnest(['1', 'NaN', '1_000', NULL, 'x', '5']) AS BilledCost, "
        "unnest(['Usage', 'usage', 'Other', NULL, 'Tax', 'Usage']) AS ChargeCategory"
    )
    with database() as con:
        make_macros(con)
        assert same(con, parquet(tmp_path, columns), ".parquet")


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"PAR1 and then nothing of the kind", "unreadable"),
        (b"", "unreadable"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n", "lfs-pointer"),
    ],
)
def test_what_is_no_parquet_is_refused(tmp_path, content, code):
    period, problems = bill(tmp_path, {"hpc.parquet": content})
    assert period is None
    assert [p.code for p in problems] == [code]


@pytest.mark.parametrize("name", ["file_row_number", "File_Row_Number"])
def test_a_column_may_have_the_name_that_duckdb_gives_to_row_numbers(tmp_path, name):
    columns = f"unnest([9, 9, 9]) AS {name}, '2025-01-01' AS BillingPeriodStart, unnest(['1', '2', 'x']) AS BilledCost"
    _, problems = bill(tmp_path, {"hpc.parquet": parquet(tmp_path, columns)})
    assert [(p.code, p.row) for p in problems if p.field == "BilledCost"] == [("type-error", 4)]


def _cut(content):
    return content[:-20]


def _scratched(content):
    return content[:4] + b"\xff" * 40 + content[44:]


@pytest.mark.parametrize(
    ("change", "message", "fix"),
    [
        (_cut, "cut off", "complete"),
        (_scratched, "damaged", "complete"),
        (lambda _: b"", "empty", "complete"),
        (lambda _: b"BillingPeriodStart,BilledCost\n", "it is text", ".csv"),
        (lambda _: b"PK\x03\x04\x14\x00xl/workbook.xml", "an Excel workbook", "CSV UTF-8"),
        (lambda _: b"\x1f\x8b\x08\x00", "gzip data", ".csv.gz"),
        (lambda _: b"\x00\x01\x02\x03", "not a Parquet file", "complete"),
    ],
)
def test_a_damaged_file_is_told_in_our_words(tmp_path, change, message, fix):
    whole = parquet(tmp_path, "'2025-01-01' AS BillingPeriodStart, 1 AS BilledCost")
    _, (problem,) = bill(tmp_path, {"hpc.parquet": change(whole)})
    assert problem.code == "unreadable"
    assert message in problem.message
    assert fix in problem.fix
    assert not [word for word in ("LINE", "SELECT", "Error", str(tmp_path)) if word in problem.message]
