"""The prefilter with Frictionless says of any file what Frictionless says of every row of it."""

from __future__ import annotations

import csv
import io
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from openchargeback.focus import opening
from openchargeback.focus.database import database
from openchargeback.focus.opening import make_macros, open_files
from openchargeback.focus.prefilter import days_like
from openchargeback.focus.verdict import check_files
from openchargeback.ledger.files import ChargeFile
from openchargeback.ledger.settings import Config, Organization

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))

from fuzzing.cells import CELLS, MORE_DATES, MORE_NUMBERS

ROWS = 8
SAMPLES = Path(__file__).parents[2] / "sample_data"
# Files are small as drawn; making a failing one smaller takes longer than reading it.
MANY = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)


@pytest.fixture(scope="module")
def con():
    """One database for all files: making one takes longer than reading a small file."""
    with database() as connection:
        make_macros(connection)
        yield connection


def listed(problems):
    """Sorted; of the further places only the first, since the full report names more of them."""
    return sorted(repr(replace(each, more=each.more[:3])) for each in problems)


def found(con, content: bytes, suffix=".csv"):
    """What each way finds, sorted: the prefilter with few cells kept, with all, and Frictionless on every row."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"aws{suffix}"
        path.write_bytes(content)
        file = ChargeFile("charges/2025-01/aws.csv", path, "2025-01", "aws", len(content))
        results = []
        for whole in (False, True):
            # Planning takes longer than reading here. Without it is what keeps all cells: DuckDB may leave a column
            # unread where few are kept.
            with patch.object(opening, "_PLANNED", 1 << 60 if whole else 0):
                opened, problems = open_files(con, [file], Config(Organization("A")), keep=None if whole else ())
            quick = check_files(opened)
            results.append(listed(problems + quick))
            if whole:
                every = check_files(opened, full=True)
                results.append(listed(problems + every))
        return results


def same(con, content: bytes, suffix=".csv"):
    narrow, whole, full = found(con, content, suffix)
    assert narrow == full
    assert whole == full
    return full


def table(name, rows=40):
    lines = list(csv.reader(io.StringIO((SAMPLES / name).read_text(encoding="utf-8"), newline="")))
    return lines[: rows + 1]


def text_of(rows, *, end="\n", quoting=csv.QUOTE_MINIMAL):
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator=end, quoting=quoting).writerows(rows)
    return out.getvalue()


TABLES = {name: table(name) for name in ("aws_2025-01.csv", "azure_2025-01.csv", "hpc_2025-01.csv")}


@pytest.mark.parametrize("name", sorted(TABLES))
def test_a_clean_file_is_clean_both_ways(con, name):
    told = same(con, text_of(TABLES[name]).encode())
    assert not [line for line in told if "error" in line and "Severity.ERROR" in line]


STRANGE = [*CELLS, *MORE_DATES, *MORE_NUMBERS]
AT_ONCE = 20


@pytest.mark.parametrize("start", range(0, len(STRANGE), AT_ONCE))
def test_each_strange_cell_in_each_column(con, start):
    header, *source = TABLES["aws_2025-01.csv"]
    changed = []
    # One row a cell and column, so that one file shows each of some cells everywhere.
    for cell in STRANGE[start : start + AT_ONCE]:
        for index in range(len(header)):
            row = list(source[index % len(source)])
            row[index] = cell
            changed.append(row)
    assert same(con, text_of([header, *changed]).encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize(
    "first", ["2025-02-01", "2024-02-01T00:00:00Z", "2025-04-30 00:00", "2025-02-30", "9999-12-01"]
)
def test_every_day_spelled_like_the_first_row(con, first):
    """Whichever days are looked for in a list, those of months before and after are dates, and others are none."""
    month, rest = int(first[5:7]), first[10:]
    days = [f"{first[:4]}-{each:02}-{day:02}{rest}" for each in (month, month % 12 + 1) for day in range(33)]
    rows = [[first, "1", first], *([day, "1", day] for day in days)]
    assert same(con, text_of([["BillingPeriodStart", "BilledCost", "ChargePeriodStart"], *rows]).encode())


def test_the_days_like_a_date_are_those_of_its_month_and_the_first_of_the_next():
    *days, following = days_like("2024-02-10T00:00:00Z")
    assert days == [f"2024-02-{day:02}T00:00:00Z" for day in range(1, 30)]
    assert following == "2024-03-01T00:00:00Z"
    assert days_like("2023-12-01")[-1] == "2024-01-01"
    assert {days_like(text) for text in ("", "today", "2024-13-01", "0000-01-01", "9999-12-01")} == {()}


DRAWN = st.sampled_from(STRANGE)


@pytest.mark.slow
@MANY
@given(data=st.data())
def test_mutated_cells_columns_and_quoting(con, data):
    name = data.draw(st.sampled_from(sorted(TABLES)))
    start = data.draw(st.integers(1, len(TABLES[name]) - ROWS))
    rows = [list(row) for row in (TABLES[name][0], *TABLES[name][start : start + ROWS])]
    for _ in range(data.draw(st.integers(0, 9))):
        row = data.draw(st.integers(0, len(rows) - 1))
        cell = data.draw(st.integers(0, len(rows[row]) - 1)) if rows[row] else 0
        match data.draw(
            st.sampled_from(["set", "set", "text", "drop", "add", "empty", "blank", "duplicate", "commas"])
        ):
            case "set" if rows[row]:
                rows[row][cell] = data.draw(DRAWN)
            case "text" if rows[row]:
                rows[row][cell] = data.draw(st.text(st.characters(codec="utf-8"), max_size=8))
            case "drop":
                del rows[row][cell:]
            case "add":
                rows[row] = [*rows[row], data.draw(st.sampled_from(["", "x", "1", "NULL", "null"]))]
            case "empty":
                rows[row] = [""] * len(rows[row])
            case "blank":
                rows.insert(row, [])
            case "duplicate":
                rows.insert(row, list(rows[row]))
            case "commas":
                rows[row] = [""] * data.draw(st.integers(1, 4))
    order = data.draw(st.sampled_from(["kept", "reversed", "shuffled"]))
    if order != "kept" and all(len(row) == len(rows[0]) for row in rows):
        places = list(range(len(rows[0])))
        places = places[::-1] if order == "reversed" else places[1::2] + places[::2]
        rows = [[row[place] for place in places] for row in rows]
    end = data.draw(st.sampled_from(["\n", "\r\n"]))
    quoting = data.draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
    encoding = data.draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
    same(con, text_of(rows, end=end, quoting=quoting).encode(encoding, "replace"))


@pytest.mark.slow
@MANY
@given(data=st.data())
def test_mutated_bytes(con, data):
    content = bytearray(text_of(TABLES["hpc_2025-01.csv"][:12]).encode())
    for _ in range(data.draw(st.integers(1, 5))):
        place = data.draw(st.integers(0, len(content) - 1))
        byte = data.draw(st.sampled_from(list(b"\",\n\r\x00\xff\xc4 ;1-.eTZ{}:\\'")))
        match data.draw(st.sampled_from(["set", "insert", "delete"])):
            case "set":
                content[place] = byte
            case "insert":
                content.insert(place, byte)
            case "delete":
                del content[place]
    same(con, bytes(content))


@pytest.mark.parametrize("loose", [' "x"', '"x" ', '"x,y"  ', ' "x,y"', '"x" "y"', '"5" ', ' "5"', '""', '"" '])
@pytest.mark.parametrize("place", [0, -1])
def test_blanks_beside_quotes(con, loose, place):
    cells = ["2025-01-01", "1", "1", "Compute"]
    cells[place] = loose
    names = ["BillingPeriodStart", "BilledCost", "ListCost", "ServiceName"]
    if place == 0:
        names, cells[-1] = names[::-1], "2025-01-01"
    same(con, "\n".join([",".join(names), ",".join(cells), ""]).encode())
