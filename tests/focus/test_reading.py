"""Charge files: every row is read, or the file is refused with the exact places of its faults."""

import gzip
import re
import sys
import time
from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest
import zstandard

from openchargeback.focus.database import database
from openchargeback.focus.frictionless_check import MOST_UNEVEN
from openchargeback.focus.reading import check, load
from openchargeback.ledger.files import ChargeFile, charge_files
from openchargeback.ledger.settings import Config, Organization, Source
from openchargeback.problems import Severity, in_order

sys.path.insert(0, str(Path(__file__).parents[1] / "review"))

import small_ledger

bill = partial(small_ledger.bill, warnings=True)
HEADER = "BillingPeriodStart,BilledCost,ServiceName,Tags"


def text(*rows, end="\n"):
    return end.join([HEADER, *rows, ""])


def places(problems):
    return [(problem.code, problem.line, problem.column) for problem in problems]


@pytest.mark.parametrize("number", ["1_000", "$5", "NaN", "+5", " 5", "five", "1e400", "5-", "Infinity"])
def test_what_is_no_number_stops_the_file_at_its_place(tmp_path, number):
    period, problems = bill(tmp_path, text("2025-01-01,1,S,", f"2025-01-01,{number},S,"))
    assert period is None
    assert [place[1:] for place in places(problems)] == [(3, 12)]
    assert problems[0].code in {"type-error", "number-spelling", "amount-size"}
    assert problems[0].path == "charges/2025-01/hpc.csv"
    assert problems[0].excerpt == f"2025-01-01,{number},S,"


def test_grouping_is_named_with_its_fix(tmp_path):
    period, problems = bill(tmp_path, text('2025-01-01,"1,000.50",S,'))
    assert period is None
    assert places(problems) == [("type-error", 2, 12)]
    assert "write it like 1000.50" in problems[0].fix


@pytest.mark.parametrize("number", ["1,25", "0,5", "1.034,50", "1,034", "€ 1,034", "1 234,50"])
def test_a_comma_that_may_stand_for_decimals_is_no_grouping(tmp_path, number):
    _, problems = bill(tmp_path, text(f'2025-01-01,"{number}",S,'))
    assert places(problems) == [("type-error", 2, 12)]
    assert "decimal comma" in problems[0].fix
    assert set(re.findall(r"[0-9][0-9.,]*", problems[0].fix)) == {"1234.50"}


@pytest.mark.parametrize(
    ("number", "plain"),
    [("1,234,567", "1234567"), ("12,34,567.5", "1234567.5"), ("-1,000.", "-1000."), ("$1_000", "1000")],
)
def test_a_comma_that_can_only_group_is_taken_out(tmp_path, number, plain):
    _, problems = bill(tmp_path, text(f'2025-01-01,"{number}",S,'))
    assert f"write it like {plain}:" in problems[0].fix


@pytest.mark.parametrize("date", ["5/1/25", "2025-1-1", "2025-13-01", "20250101", "2025-01-01T25:00:00Z"])
def test_what_is_no_date_stops_the_file(tmp_path, date):
    period, problems = bill(tmp_path, text("2025-01-01,1,S,", f"{date},1,S,"))
    assert period is None
    assert places(problems) == [("constraint-error", 3, 1)]


@pytest.mark.parametrize(
    ("number", "value"),
    [("1.5E3", "1500"), ("2e-1", "0.2"), ("-0", "0"), (".5", "0.5"), ("5.", "5"), ("0.000000000000000001", "1E-18")],
)
def test_numbers_are_read_exactly(tmp_path, number, value):
    period, problems = bill(tmp_path, text(f"2025-01-01,{number},S,"))
    assert problems == []
    assert period.sources[0].imported == Decimal(value)


def test_decimals_beyond_the_eighteenth_are_told(tmp_path):
    period, problems = bill(tmp_path, text("2025-01-01,0.0000000000000000005,S,", "2025-01-01,1,S,"))
    assert [(p.code, str(p.severity), p.count) for p in problems] == [("extra-decimals", "warning", 1)]
    assert period.sources[0].imported == Decimal("1.000000000000000001")


@pytest.mark.parametrize("blank", ["", "NULL", "null"])
def test_an_empty_cost_stops_the_file(tmp_path, blank):
    period, problems = bill(tmp_path, text(f"2025-01-01,{blank},S,"))
    assert period is None
    assert places(problems) == [("constraint-error", 2, 12)]


def test_every_fault_is_told(tmp_path):
    _, problems = bill(tmp_path, text("x,1,S,", "2025-01-01,y,S,", "2025-01-01,1,S,", "2025-01-01,z,S,"))
    assert places(problems) == [("constraint-error", 2, 1), ("type-error", 3, 12), ("type-error", 5, 12)]
    assert [(problem.row, problem.field) for problem in problems] == [
        (2, "BillingPeriodStart"),
        (3, "BilledCost"),
        (5, "BilledCost"),
    ]


def test_too_many_cells(tmp_path):
    period, problems = bill(tmp_path, text("2025-01-01,1,S,", "2025-01-01,1,S,,9"))
    assert period is None
    assert places(problems) == [("extra-cell", 3, 17)]


def test_too_few_cells(tmp_path):
    period, problems = bill(tmp_path, text("2025-01-01,1", "2025-01-01,1,S,"))
    assert period is None
    assert [(problem.code, problem.field) for problem in problems] == [
        ("missing-cell", "ServiceName"),
        ("missing-cell", "Tags"),
    ]
    assert problems[0].excerpt == "2025-01-01,1"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty-file"),
        (b"\n \n", "empty-file"),
        (b"\xef\xbb\xbf", "empty-file"),
        (b"PK\x03\x04\x00\x00", "binary-file"),
        ("a,b\n".encode("utf-16")[:-1], "encoding-error"),
        (b"version https://git-lfs.github.com/spec/v1\n", "lfs-pointer"),
        (b"<<<<<<< HEAD\n", "merge-conflict"),
        (text("2025-01-01,1,\xc4,").encode("latin-1"), "encoding-error"),
        (text("2025-01-01,1,S,").replace("ServiceName", "BilledCost").encode(), "duplicate-label"),
        (text("2025-01-01,1,S,").replace("ServiceName", "billedcost ").encode(), "duplicate-label"),
        (text("2025-01-01,1,S,").replace("ServiceName", "").encode(), "blank-label"),
        (text("2025-01-01,1,S,").replace("BilledCost", "Cost").encode(), "missing-label"),
        (text('2025-01-01,1,"S,').encode(), "source-error"),
    ],
)
def test_what_is_no_charge_file_is_refused(tmp_path, content, code):
    period, problems = bill(tmp_path, content)
    assert period is None
    assert code in {problem.code for problem in problems}


def test_a_header_alone_is_no_charge(tmp_path):
    period, problems = bill(tmp_path, text())
    assert problems == []
    assert (period.sources, period.lines, period.files[0].charges) == ((), (), 0)


def test_blank_lines_lose_nothing(tmp_path):
    period, problems = bill(tmp_path, text("", "2025-01-01,1,S,", "", "2025-01-01,2,S,"))
    assert [(p.code, p.line, p.count, str(p.severity)) for p in problems] == [("blank-row", 2, 2, "warning")]
    assert (period.sources[0].imported, period.sources[0].charges) == (3, 2)


def test_lines_are_counted_over_blank_lines_and_quoted_breaks(tmp_path):
    period, problems = bill(tmp_path, text("", '2025-01-01,1,"a\nb\n",', '2025-01-01,x,"c",'))
    assert period is None
    assert [place for place in places(problems) if place[0] == "type-error"] == [("type-error", 6, 12)]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("last", [True, False])
def test_line_ends_and_marks_change_nothing(tmp_path, end, bom, last):
    content = bom + text("2025-01-01,1.25,S,", '2025-01-01,2.5,"a, ""b""\nc",', end=end).encode()
    period, problems = bill(tmp_path, content if last else content.rstrip(b"\r\n"))
    assert problems == []
    assert (period.sources[0].imported, period.sources[0].charges) == (Decimal("3.75"), 2)


def test_compressed_files_are_read(tmp_path):
    period, problems = bill(tmp_path, {"hpc.csv.gz": gzip.compress(text("2025-01-01,1,S,").encode())})
    assert problems == []
    assert period.sources[0].imported == 1


def test_utf_16_is_read(tmp_path):
    period, problems = bill(tmp_path, text("2025-01-01,1.5,Größe,").encode("utf-16"))
    assert problems == []
    assert (period.sources[0].imported, period.queue[0].service) == (Decimal("1.5"), "Größe")


def test_a_day_that_is_not_in_the_calendar(tmp_path):
    period, problems = bill(tmp_path, text("2025-02-30,1,S,"))
    assert period is None
    assert places(problems) == [("no-such-date", 2, 1)]


def test_latin_1_is_refused_by_name(tmp_path):
    _, problems = bill(tmp_path, text("2025-01-01,1,Größe,").encode("latin-1"))
    assert [(p.code, p.line, p.column) for p in problems] == [("encoding-error", 2, 16)]
    assert "Latin-1" in problems[0].message


def amounts(period):
    """List, discount and billed amount of the whole month."""
    return tuple(map(str, (period.amounts.list, period.amounts.discount, period.amounts.billed)))


@pytest.mark.parametrize(("column", "expected"), [("x_ResourceGroupName", ("5.00", "0.00", "5.00")), ("x_Own", None)])
def test_a_zero_list_price_of_azure_is_none(tmp_path, column, expected):
    row = small_ledger.charge("5", ListCost="0", **{column: "group", "ChargeCategory": "Credit"})
    period, _ = bill(tmp_path, [row])
    assert amounts(period) == (expected or ("0.00", "-5.00", "5.00"))


def test_the_purchase_of_a_commitment_has_no_list_price_where_costs_are_effective(tmp_path):
    purchase = {"ChargeCategory": "Purchase", "CommitmentDiscountId": "plan-1", "ListCost": "100"}
    rows = [
        small_ledger.charge("0", **{**purchase, "BilledCost": "70"}),
        small_ledger.charge("7", ListCost="10", ChargeCategory="Usage", BilledCost="0"),
    ]
    config = "organization: U\nsources: {hpc: {cost: EffectiveCost, credit_fund: C}}\n"
    period, _ = bill(tmp_path, rows, config=config)
    assert amounts(period) == ("10.00", "3.00", "7.00")


def test_a_file_of_two_hundred_columns(tmp_path):
    more = {f"x_Own{number}": "x" for number in range(200)}
    period, problems = bill(tmp_path, small_ledger.csv_text([small_ledger.charge("1.25", **more)]))
    assert [p for p in problems if p.severity == "error"] == []
    assert period.sources[0].imported == Decimal("1.25")


def test_a_cell_of_ten_megabytes(tmp_path):
    row = small_ledger.charge("1.25", ResourceName="x" * 10_000_000)
    period, problems = bill(tmp_path, small_ledger.csv_text([row, small_ledger.charge("2")]))
    assert [p for p in problems if p.severity == "error"] == []
    assert period.sources[0].imported == Decimal("3.25")


@pytest.mark.parametrize("name", ["hpc/part[1].csv", "hpc/part*.csv", "hpc/a?b.csv", "hpc/it's.csv"])
def test_a_file_name_is_no_pattern(tmp_path, name):
    parts = {"hpc/part1.csv": "2", "hpc/part22.csv": "4", "hpc/axb.csv": "8", name: "1"}
    files = {path: small_ledger.csv_text([small_ledger.charge(cost)]) for path, cost in parts.items()}
    period, problems = bill(tmp_path, files)
    assert problems == []
    assert (period.sources[0].imported, period.sources[0].files) == (15, 4)


@pytest.mark.parametrize("end", [",", ',""', ', ""'])
@pytest.mark.parametrize("tags", [small_ledger.tags(), ""])
def test_an_empty_cell_too_many_is_told(tmp_path, end, tags):
    rows = small_ledger.csv_text([small_ledger.charge(1, text=tags)]).splitlines()
    _, problems = small_ledger.bill(tmp_path, "\n".join([rows[0], rows[1], rows[1] + end]))
    assert ("extra-cell", 3) in [(problem.code, problem.line) for problem in problems]


def test_blanks_beside_quotes_are_passed_over(tmp_path):
    head, row = small_ledger.csv_text([small_ledger.charge(1, ResourceName="a,b")]).splitlines()
    loose = row.replace('"a,b"', ' "a,b"  ').replace(",1,", ',"1" ,', 1) + " "
    assert loose.count('" ') == 3
    period, problems = small_ledger.bill(tmp_path, f"{head}\n{row}\n{loose}\n")
    assert small_ledger.sums(period)[0] == 2
    assert problems == []


def test_a_row_of_a_zst_file_is_found_again(tmp_path):
    text = small_ledger.csv_text([small_ledger.charge(1), small_ledger.charge("one")])
    _, problems = small_ledger.bill(tmp_path, {"hpc.csv.zst": zstandard.compress(text.encode())})
    assert [(problem.code, problem.line) for problem in problems if problem.field == "BilledCost"] == [
        ("type-error", 3)
    ]


def test_latin_1_in_a_zst_file_is_refused_by_name(tmp_path):
    text = small_ledger.csv_text([small_ledger.charge(1, ResourceName="Größe")])
    _, problems = small_ledger.bill(tmp_path, {"hpc.csv.zst": zstandard.compress(text.encode("latin-1"))})
    assert [problem.code for problem in problems] == ["encoding-error"]


def test_two_quoted_parts_are_not_joined(tmp_path):
    head, row = small_ledger.csv_text([small_ledger.charge(1, ResourceName="a,b")]).splitlines()
    parted = row.replace('"a,b"', '"a" "b"')
    period, problems = small_ledger.bill(tmp_path, f"{head}\n{row}\n{parted}\n")
    assert period is None
    assert [(problem.code, problem.line) for problem in problems] == [("source-error", 3)]


def test_a_doubled_quote_at_the_end_of_a_line_stays(tmp_path):
    name = 'node ,"old"\n,"new" rack'
    text_ = small_ledger.csv_text([small_ledger.charge(1, ResourceName=name)])
    period, problems = small_ledger.bill(tmp_path, text_.replace(",1,", ', "1" ,', 1))
    assert problems == []
    assert period.statements[0].resources[0].resource_name == name


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_a_blank_line_behind_the_byte_order_mark_is_one(tmp_path, end):
    content = b"\xef\xbb\xbf" + end + text("2025-01-01,1,S,", "2025-01-01,2,S,", end=end.decode()).encode()
    period, problems = bill(tmp_path, content)
    assert [problem for problem in problems if str(problem.severity) == "error"] == []
    assert period.sources[0].imported == 3


@pytest.mark.parametrize("end", ["NULL", "", '""', ' "null"'])
@pytest.mark.parametrize("rows", [1, 1_500])
def test_a_null_cell_too_many_is_found_however_many_lines_end_so(tmp_path, end, rows):
    """A decimal comma makes it: 1 would be billed instead of 1,25. Most rows rightly end in a null cell.

    No other cell of the row is odd: nothing but the count gives it away.
    """
    good = [f"2025-01-01,1,S,{end}"] * rows
    last = '2025-01-01,1,"S,T,U",NULL'
    period, problems = bill(tmp_path / "good", text(*good, last))
    assert (period.sources[0].charges, {each.code for each in problems}) == (rows + 1, {"null-word"})
    period, problems = bill(
        tmp_path / "bad", text(*good, f"2025-01-01,1,25,{end}", f'2025-01-01,1,25,"{{}}",{end}', last)
    )
    assert period is None
    found = [(code, line) for code, line, _ in places(problems) if code != "null-word"]
    assert found == [("extra-cell", rows + 3)]


@pytest.mark.parametrize("left", [0.1, 0.5, 0.9, 0.999])
def test_compressed_data_that_break_off_are_refused(tmp_path, left):
    """At whatever place, also behind a whole row."""
    rows = [f"2025-01-01,{number}.{number * 7919 % 1000:03},S{number * 104729 % 9973}," for number in range(3_000)]
    whole = zstandard.compress(text(*rows).encode())
    period, problems = bill(tmp_path / "whole", {"aws.csv.zst": whole})
    assert (period.sources[0].charges, problems) == (3_000, [])
    period, problems = bill(tmp_path / "broken", {"aws.csv.zst": whole[: int(len(whole) * left)]})
    assert period is None
    assert [(problem.code, problem.message) for problem in problems] == [
        ("unreadable", "cannot be read: the compressed data is cut off")
    ]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_merge_conflict_in_the_middle_is_named(tmp_path, end):
    """At its first line; a text that only looks like one of its marks is none."""
    ours, theirs, last = "2025-01-01,1,S,", "2025-01-01,2,S,", "2025-01-01,3,<<<<<<< HEAD,"
    lines = [ours, "<<<<<<< HEAD", ours, "=======", theirs, ">>>>>>> other", last]
    period, problems = bill(tmp_path / "conflict", text(*lines, end=end))
    assert period is None
    assert places(problems) == [("merge-conflict", 3, 1)]
    period, problems = bill(tmp_path / "none", text(last, end=end))
    assert (period.sources[0].imported, problems) == (3, [])


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (text('2025-01-01,1,5" disk,', '2025-01-01,1,5" disk,,9'), (3, 23)),
        (text('2025-01-01,"a\rb",S,', end="\r"), (2, 12)),
        (text('2025-01-01,1,"a\rb",', "2025-01-01,x,S,"), (3, 12)),
        (text('2025-01-01,1,"a\rb",,x', end="\r"), (3, 5)),
    ],
)
def test_lines_and_columns_are_those_of_an_editor(tmp_path, content, place):
    period, problems = bill(tmp_path, content)
    assert period is None
    assert [problem[1:] for problem in places(problems)] == [place]


def test_latin_1_is_placed_by_the_lines_of_the_file(tmp_path):
    _, problems = bill(tmp_path, text("2025-01-01,1,S,", "2025-01-01,1,Größe,", end="\r").encode("latin-1"))
    assert [(p.code, p.line, p.column, p.excerpt) for p in problems] == [
        ("encoding-error", 3, 16, "2025-01-01,1,Gr��e,")
    ]


@pytest.mark.parametrize(
    ("row", "code", "wrong"),
    [
        ("2025-01-01,1,S,," + "d," * 59_999, "extra-cell", 60_000),
        ("2025-01-01," + "1" * 3_000_000, "missing-cell", 300),
    ],
)
def test_a_very_uneven_row_is_told_in_bounds(tmp_path, row, code, wrong):
    """What it says is bounded, its count is not; reading every row says the same, and neither takes long."""
    folder = tmp_path / "charges/2025-01"
    folder.mkdir(parents=True)
    header = HEADER + "".join(f",x_{number}" for number in range(298)) if code == "missing-cell" else HEADER
    (folder / "hpc.csv").write_text(f"{header}\n{row}\n", encoding="utf-8")
    begun, told = time.process_time(), []
    for full in (False, True):
        with database() as con:
            files, _ = charge_files(tmp_path)
            told.append(check(con, files, Config(Organization("U")), full=full))
    assert time.process_time() - begun < 10
    uneven = [problem for problem in told[0] if problem.code == code]
    assert (len(uneven), sum(problem.count for problem in uneven)) == (MOST_UNEVEN, wrong)
    assert in_order(told[0]) == in_order(told[1])


def told(tmp_path, content):
    """Each problem with its place, in the order of the file."""
    _, problems = bill(tmp_path, content)
    return [(p.code, p.line, p.column, p.row, p.count) for p in in_order(problems)]


def test_blank_lines_before_the_header_are_told_and_counted(tmp_path):
    content = "\n\n" + text("2025-01-01,x,S,").replace("ServiceName", "Shelf")
    assert told(tmp_path, content) == [
        ("blank-row", 1, 1, 0, 2),
        ("missing-label", 3, 0, 0, 1),
        ("unknown-label", 3, 31, 0, 1),
        ("type-error", 4, 12, 4, 1),
    ]
    assert told(tmp_path / "cost", content.replace("BilledCost", "Cost")) == [("missing-label", 3, 0, 0, 1)]


@pytest.mark.parametrize(
    ("label", "code", "column"),
    [
        ("billedcost", "duplicate-label", 31),
        ('""', "blank-label", 31),
        ("servicename", "label-spelling", 31),
        ('"a,b",Shelf,Store', "unknown-label", 31),
        ("x_a,Shelf,Store", "unknown-label", 35),
    ],
)
def test_a_fault_of_the_header_stands_where_its_label_begins(tmp_path, label, code, column):
    header = HEADER.replace("ServiceName", label)
    found = told(tmp_path, f"{header}\n")
    # Where there are other columns than those of the simple dialect, some of FOCUS are missing.
    assert [place[:3] for place in found if place[0] != "missing-label"] == [(code, 1, column)]


@pytest.mark.parametrize(
    ("row", "code", "column"),
    [
        ('2025-01-01,1,S,"""pi_email"": ""a@x.edu"""', "tags-braces", 16),
        ('2025-01-01,1,S,"{""PI_email"": ""a@x.edu""}"', "tags-key-spelling", 16),
        ('2025-01-01,1,S,"{""pi_email"": 5}"', "tags-not-text", 16),
        ("2025-01-01,0.0000000000000000005,S,", "extra-decimals", 12),
    ],
)
def test_what_is_tolerated_is_told_at_its_first_row(tmp_path, row, code, column):
    assert told(tmp_path, text("2025-01-01,1,S,", '2025-01-01,1,"a\nb",', row, row)) == [(code, 5, column, 4, 2)]


def test_an_empty_cell_that_billing_does_not_need_asks_for_nothing(tmp_path):
    rows = [small_ledger.charge(1, ServiceName="", ProviderName="Azure", BilledCost="")]
    _, problems = bill(tmp_path, small_ledger.csv_text(rows))
    fixes = {problem.field: problem.fix for problem in problems if problem.code == "constraint-error"}
    assert fixes["ServiceName"].startswith("billing does not need it")
    assert fixes["BilledCost"] == "every charge needs one; export the file again"


ROWS = text("2025-01-01,1,S,").encode()
ZIP = b"PK\x03\x04\x14\x00\x00\x00\x08\x00data.csv"


@pytest.mark.parametrize(
    ("name", "content", "code", "message", "fix"),
    [
        ("hpc.csv.gz", ROWS, "unreadable", "plain text", "end its name in .csv,"),
        ("hpc.csv.zst", ROWS, "unreadable", "plain text", "end its name in .csv,"),
        ("hpc.csv.gz", ZIP, "unreadable", "a zip archive, not gzip data", "unpack"),
        ("hpc.csv.gz", zstandard.compress(ROWS), "unreadable", "Zstandard data", "end its name in .csv.zst"),
        ("hpc.csv.gz", gzip.compress(gzip.compress(ROWS, mtime=0), mtime=0), "binary-file", "gzip data", "unpack"),
        ("hpc.csv.gz", gzip.compress(ZIP, mtime=0), "binary-file", "a zip archive", "unpack"),
        ("hpc.csv", ZIP, "binary-file", "a zip archive", "unpack"),
        ("hpc.csv", ZIP.replace(b"data.csv", b"xl/workbook.xml"), "binary-file", "an Excel workbook", "spreadsheet"),
        ("hpc.csv", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\x00", "binary-file", "an Excel workbook", "spreadsheet"),
        ("hpc.csv", gzip.compress(ROWS, mtime=0), "binary-file", "gzip data", "end its name in .csv.gz"),
        ("hpc.csv", zstandard.compress(ROWS), "binary-file", "Zstandard data", "end its name in .csv.zst"),
        ("hpc.csv", b"PAR1\x15\x04\x15", "binary-file", "a Parquet file", "end its name in .parquet"),
        ("hpc.csv", b"%PDF-1.7\n", "binary-file", "a PDF", "CSV"),
        ("hpc.csv", b"\n<!DOCTYPE html>\n<html>", "binary-file", "a web page", "login"),
        ("hpc.csv", ROWS.decode().encode("utf-16-le"), "encoding-error", "UTF-16 without", "UTF-8"),
        ("hpc.csv", ROWS.decode().encode("utf-16-be"), "encoding-error", "UTF-16 without", "UTF-8"),
        ("hpc.csv", ROWS.decode().encode("utf-32"), "encoding-error", "UTF-32", "UTF-8"),
        ("hpc.csv", b"\xef\xbb\xbfsep=,\r\n" + ROWS, "source-error", "sep=,", "remove"),
        ("hpc.csv", b'"sep=;"\n' + ROWS, "source-error", "sep=;", "remove"),
        ("hpc.csv", ("SEP=\t\n" + ROWS.decode()).encode("utf-16"), "source-error", "SEP=", "remove"),
    ],
)
def test_another_kind_of_file_is_named(tmp_path, name, content, code, message, fix):
    period, problems = bill(tmp_path, {name: content})
    assert period is None
    (problem,) = problems
    assert problem.code == code
    assert message in problem.message
    assert fix in problem.fix


@pytest.mark.parametrize("label", ["BZhours", "PAR1", "PKey", "sep=,x"])
def test_a_label_may_begin_like_another_kind_of_file(tmp_path, label):
    content = text("2025-01-01,1,S,").replace("ServiceName", "x").replace("BillingPeriodStart", f'"{label}",Bill')
    assert "binary-file" not in {code for code, *_ in told(tmp_path, content)}


def test_malformed_tags_are_kept_with_what_is_wrong(tmp_path):
    row = '2025-01-01,1,S,"{""pi_email"": ""a@x.edu"", ""PI_Email"": ""b@x.edu""}"'
    path = tmp_path / "hpc.csv"
    path.write_text(text("2025-01-01,1,S,", row))
    file = ChargeFile("charges/2025-01/hpc.csv", path, "2025-01", "hpc", path.stat().st_size)
    with database() as con:
        load(con, [file], Config(Organization("A")))
        fault = 'pi_email has two values: a@x.edu and b@x.edu (as "PI_Email")'
        assert con.execute("SELECT malformed, fault FROM tag").fetchall() == [(True, fault)]


@pytest.mark.parametrize(("category", "codes"), [("usage", []), ("Usige", ["constraint-error"])])
def test_a_category_is_checked_in_a_dialect_that_has_none(tmp_path, category, codes):
    path = tmp_path / "hpc.csv"
    path.write_text(f"BillingPeriodStart,BilledCost,ChargeCategory,Tags\n2025-01-01,1,{category},{{}}\n")
    file = ChargeFile("charges/2025-01/hpc.csv", path, "2025-01", "hpc", path.stat().st_size)
    config = Config(Organization("A"), sources={"hpc": Source("hpc", dialect="simple")})
    with database() as con:
        assert [each.code for each in load(con, [file], config)[1] if each.severity is Severity.ERROR] == codes


def test_rows_that_the_checks_let_pass_wrongly_stop_the_file(tmp_path, monkeypatch):
    """A fault of the program: a row that nobody refuses and that has no amount is never left out."""
    monkeypatch.setattr("openchargeback.focus.reading.check_files", lambda *_, **__: [])
    period, problems = bill(tmp_path, text("2025-01-01,$1,S,", "2025-01-01,2,S,"))
    assert period is None
    assert [(each.code, each.count) for each in problems] == [("uncounted-rows", 1)]


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz"])
def test_charges_are_the_same_if_only_their_cells_are_kept(tmp_path, suffix):
    """Ingest keeps no other cells."""
    path = tmp_path / f"charges/2025-01/hpc{suffix}"
    path.parent.mkdir(parents=True)
    head = "BillingPeriodStart,BilledCost,EffectiveCost,ListCost,ServiceName,ResourceId,ChargeCategory,ChargeClass,Tags"
    rows = [
        '2025-01-01,1.5,2,3,S,r1,Usage,,"{""pi_email"": ""ada@example.edu""}"',
        "2025-01-01,-1,0.1234567890123456789,,S,r2,Credit,Correction,",
        "2025-01-01T00:00:00Z,2,2,2,T,r2,Tax,,{bad",
    ]
    content = "\n".join([head, *rows, ""]).encode()
    path.write_bytes(gzip.compress(content) if suffix.endswith(".gz") else content)
    files, _ = charge_files(tmp_path)
    for cost in ("BilledCost", "EffectiveCost"):
        config = Config(Organization("X"), sources={"hpc": Source("hpc", cost=cost)})
        found = []
        for only_charges in (False, True):
            with database() as con:
                _, problems = load(con, files, config, only_charges=only_charges)
                found.append((con.execute("FROM charge ORDER BY n").fetchall(), in_order(problems)))
        assert found[0] == found[1]
        assert len(found[0][0]) == 3
