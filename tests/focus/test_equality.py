"""The sieve and the judge say of any file what Frictionless says of every row of it."""

from __future__ import annotations

import csv
import io
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from openchargeback.focus.checking import check_rows
from openchargeback.focus.database import database
from openchargeback.focus.opening import make_macros, open_file
from openchargeback.ledger.files import ChargeFile
from openchargeback.ledger.settings import Source

SAMPLES = Path(__file__).parents[2] / "sample_data"
# Files are small as drawn; making a failing one smaller takes longer than reading it.
MANY = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)

# fmt: off
CELLS = [
    "", " ", "NULL", "null", "Null", "NaN", "nan", "INF", "-inf", "Infinity", "+5", "5.", ".5", "-.5e-3", "1_000",
    "1,5", "1e5", "1E+5", "1e400", "1e-400", "1e99", "0x10", "٣", "\uff11\uff12", " 5", "5 ", "5\n", "--1",
    "1e", "e5", "$5", "1 000", "-0", "9" * 15, "9" * 16, "0" * 20 + "1", "9" * 400, "0." + "1" * 60, "1e14",
    "1e15", "-1e15", "12e-3", "999999999999999.9",
    "2025-01-01", "2025-02-30", "2025-01-01T00:00:00Z", "2025-01-01 00:00:00", "2025-01-01T24:00:00Z", "0000-01-01",
    "2025-01-01T00:00Z", "2025-01-01T00:00:00.123456789Z", "2025-01-01T00:00:00+01:00", "2025-1-1", "5/1/25",
    "2024-02-29", "2025-01-01\n", "2025-01-01T00:00:00", "9999-12-31", "2025-01-01t00:00:00z", "2025-13-01",
    "-2025-01-01", "12025-01-01", "Usage", "usage", "USAGE", "U\u017fage", "Credİt", "Tax ", "Other",
    "Correction", "{}", "{", "[]", '{"a": 1}', '{"a": NaN}', '{"a": "b", "a": "c"}',
    '{"a": ' * 1200 + "1" + "}" * 1200, '{"n": ' + "9" * 5000 + "}", '{"s": "\\ud800"}', '"x": 1', "Größe",
    "\u00a0", "\u2028", "\x1c", "a\x85b", "ﬁ", "😀", "\ufeff", "x" * 3000, "a,b", 'a"b', "a\nb", "a\r\nb", "a\rb",
]
# fmt: on


def found(content: bytes, suffix=".csv"):
    """What both ways find, as comparable sets: errors by row, field and code; warnings by code, field and count."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"aws{suffix}"
        path.write_bytes(content)
        file = ChargeFile("charges/2025-01/aws.csv", path, "2025-01", "aws", len(content))
        results = []
        for whole, full in ((False, False), (True, False), (False, True)):
            with database() as con:
                make_macros(con)
                opened, problems = open_file(con, "raw_0", file, Source("aws"), whole=whole)
                if opened:
                    problems += check_rows(con, opened, Source("aws"), full=full)
                results.append(sorted(repr(problem) for problem in problems))
        return results


def same(content: bytes, suffix=".csv"):
    narrow, whole, full = found(content, suffix)
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
def test_a_clean_file_is_clean_both_ways(name):
    assert not [line for line in same(text_of(TABLES[name]).encode()) if "error" in line and "Severity.ERROR" in line]


@pytest.mark.parametrize("cell", CELLS, ids=range(len(CELLS)))
def test_each_strange_cell_in_each_column(cell):
    rows = [list(row) for row in TABLES["aws_2025-01.csv"]]
    header = rows[0]
    # One row a column, so that a cell is seen everywhere in one file.
    source = rows[1:]
    changed = []
    for index in range(len(header)):
        row = list(source[index % len(source)])
        row[index] = cell
        changed.append(row)
    assert same(text_of([header, *changed]).encode("utf-8", "surrogatepass"))


@MANY
@given(data=st.data())
def test_mutated_cells_columns_and_quoting(data):
    name = data.draw(st.sampled_from(sorted(TABLES)))
    rows = [list(row) for row in TABLES[name]]
    for _ in range(data.draw(st.integers(0, 6))):
        row = data.draw(st.integers(0, len(rows) - 1))
        cell = data.draw(st.integers(0, len(rows[row]) - 1)) if rows[row] else 0
        match data.draw(st.sampled_from(["set", "text", "drop", "add", "empty", "blank", "duplicate", "commas"])):
            case "set" if rows[row]:
                rows[row][cell] = data.draw(st.sampled_from(CELLS))
            case "text" if rows[row]:
                rows[row][cell] = data.draw(st.text(st.characters(codec="utf-8"), max_size=8))
            case "drop":
                del rows[row][cell:]
            case "add":
                rows[row] = [*rows[row], data.draw(st.sampled_from(["", "x", "1"]))]
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
    same(text_of(rows, end=end, quoting=quoting).encode(encoding, "replace"))


@MANY
@given(data=st.data())
def test_mutated_bytes(data):
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
    same(bytes(content))
