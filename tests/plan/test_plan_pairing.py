"""Charges on the lines that two versions of a file share get the same partners as if they were paired by content."""

from __future__ import annotations

import gzip
import tempfile
from pathlib import Path

import duckdb
import pytest
from branch import PERIOD, charge, started
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from examples import examples
from openchargeback.focus import opening
from openchargeback.focus.database import database
from openchargeback.focus.reading import load
from openchargeback.ledger.files import charge_files
from openchargeback.ledger.settings import Config, Organization
from openchargeback.plan import pairing
from openchargeback.plan.pairing import pair_charges

PLAIN = "BillingPeriodStart,BilledCost,ServiceName"
HEADER = f"{PLAIN},x_Note"


def csv(rows: str, *, header=HEADER, end="\n", note="") -> bytes:
    """A charge file with a row for each letter; equal letters are equal rows. A capital costs more."""
    last = f",{note}" if header != PLAIN else ""
    cells = (f"2025-01-01,{2 if row.isupper() else 1},{row.lower()}{last}" for row in rows)
    return "".join(f"{line}{end}" for line in (header, *cells)).encode()


def ledger(folder: Path, files: dict[str, bytes]):
    for name, content in files.items():
        path = folder / "charges" / PERIOD / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return charge_files(folder)[0]


def pairs(base: dict[str, bytes], head: dict[str, bytes], *, versions: bool = True):
    """The n of every paired charge in base and head."""
    with tempfile.TemporaryDirectory() as folder, database() as con, pytest.MonkeyPatch.context() as patch:
        # Small files are read together.
        patch.setattr(opening, "_SMALL", 0)
        read = {}
        for side, files in (("head", head), ("base", base)):
            con.execute(f"CREATE SCHEMA {side}")
            con.execute(f"USE {side}")
            known = read["head"].versions("head") if versions and read else ()
            read[side], _ = load(con, ledger(Path(folder) / side, files), Config(Organization("A")), known)
        con.execute("USE main")
        pair_charges(con, read["base"], read["head"])
        return sorted(con.execute("SELECT base, head FROM pair").fetchall())


def by_content(base: dict[str, bytes], head: dict[str, bytes]):
    """The same, all of it by content, as if no two versions shared a line."""
    return pairs(base, head, versions=False)


@pytest.mark.parametrize(
    ("base", "head", "expected"),
    [
        pytest.param("abcdef", "abXdef", [(0, 0), (1, 1), (3, 3), (4, 4), (5, 5)], id="a row replaced"),
        pytest.param("abcdef", "abCdef", [(n, n) for n in range(6)], id="a cost changed"),
        pytest.param("abcdef", "xabcdef", [(n, n + 1) for n in range(6)], id="a row at the top"),
        pytest.param("abcdef", "abcdefx", [(n, n) for n in range(6)], id="a row at the end"),
        pytest.param("abcdef", "abdef", [(0, 0), (1, 1), (3, 2), (4, 3), (5, 4)], id="a row gone"),
        pytest.param("abcdef", "fedcba", [(n, 5 - n) for n in range(6)], id="another order"),
        pytest.param("aba", "abaa", [(0, 0), (1, 1), (2, 2)], id="one more of equal rows at the end"),
        pytest.param("aaba", "aabxaa", [(0, 0), (1, 1), (2, 2), (3, 4)], id="one more of equal rows before the last"),
        pytest.param("aabaa", "axbaa", [(0, 0), (1, 3), (2, 2), (3, 4)], id="one of equal rows gone"),
        pytest.param("caadaac", "caxdaac", [(0, 0), (1, 1), (2, 4), (3, 3), (4, 5), (6, 6)], id="one between gone"),
        pytest.param("aaaa", "aa", [(0, 0), (1, 1)], id="fewer of equal rows"),
        pytest.param("abAba", "abba", [(0, 0), (1, 1), (3, 2), (4, 3)], id="a costlier one of equal rows gone"),
    ],
)
@pytest.mark.parametrize("few", [0, 1000])
@pytest.mark.parametrize("header", [PLAIN, HEADER])
def test_rows_keep_their_partners(base, head, expected, header, few, monkeypatch):
    monkeypatch.setattr(pairing, "_FEW", few)
    files = {"hpc.csv": csv(base, header=header)}, {"hpc.csv": csv(head, header=header)}
    assert pairs(*files) == expected
    assert by_content(*files) == expected


def _zipped(rows: str) -> bytes:
    return gzip.compress(csv(rows), mtime=0)


def _parquet(rows: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.parquet"
        listed = ", ".join(f"(DATE '2025-01-01', 1, '{row}')" for row in rows)
        names = "BillingPeriodStart, BilledCost, ServiceName"
        duckdb.execute(f"COPY (SELECT * FROM (VALUES {listed}) AS row({names})) TO '{path}'")
        return path.read_bytes()


@pytest.mark.parametrize(
    ("base", "head"),
    [
        pytest.param(
            {"hpc/1.csv": csv("abcb"), "hpc/2.csv": csv("defb")},
            {"hpc/1.csv": csv("acb"), "hpc/2.csv": csv("debfb")},
            id="a row moved between files",
        ),
        pytest.param(
            {"hpc/1.csv": csv("aab"), "hpc/2.csv": csv("aac")},
            {"hpc/1.csv": csv("abx"), "hpc/2.csv": csv("aaac")},
            id="equal rows moved between files",
        ),
        pytest.param(
            {"hpc/1.csv": csv("abc"), "hpc/2.csv": csv("abd")},
            {"hpc/1.csv": csv("abd"), "hpc/2.csv": csv("abc")},
            id="files that changed names",
        ),
        pytest.param({"hpc.csv": csv("abcd")}, {"hpc.csv": csv("abxd", end="\r\n")}, id="other line ends"),
        pytest.param(
            {"hpc.csv": csv("abcd")},
            {"hpc.csv": csv("abxd", header=HEADER.replace("x_Note", "x_Other"))},
            id="another column",
        ),
        pytest.param(
            {"hpc.csv": csv("aaaa")}, {"hpc.csv": csv("aa", note="x") + csv("aa").split(b"\n", 1)[1]}, id="x_"
        ),
        pytest.param({"hpc.csv": csv("abcabc")}, {"hpc.csv": csv("abcabc")[:-1] + b"y\n"}, id="an x_ column changed"),
        pytest.param({"hpc.csv": csv("abcd")}, {"hpc.csv": csv("abcd")[:-1]}, id="no line end at the end"),
        pytest.param({"hpc.csv": csv("abcd")}, {"hpc.csv": csv("ab").replace(b"b,", b'"b\nb",')}, id="a line break"),
        pytest.param({"hpc.csv.gz": _zipped("abcbd")}, {"hpc.csv.gz": _zipped("abxbd")}, id="compressed"),
        pytest.param({"hpc.parquet": _parquet("abcbd")}, {"hpc.parquet": _parquet("abxbd")}, id="parquet"),
        pytest.param({"hpc.parquet": _parquet("abcb")}, {"hpc.csv": csv("abxb")}, id="parquet and text"),
    ],
)
def test_shared_lines_are_paired_as_by_content(base, head):
    expected = by_content(base, head)
    assert expected
    assert pairs(base, head) == expected


_files = st.lists(st.text(st.sampled_from("abBC"), min_size=1, max_size=8), min_size=2, max_size=2)


@settings(max_examples=examples(25), suppress_health_check=[HealthCheck.too_slow])
@given(_files, st.sampled_from([PLAIN, HEADER]), st.data())
def test_any_edit_pairs_as_by_content(rows, header, data):
    """Cut a piece of each file and put in another, with few different rows, so that many are equal."""
    edited = []
    for text in rows:
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, len(text)))
        edited.append(text[:start] + data.draw(st.text(st.sampled_from("abBC"), max_size=3)) + text[end:])
    base, head = ({f"hpc/{n}.csv": csv(text, header=header) for n, text in enumerate(side)} for side in (rows, edited))
    assert pairs(base, head) == by_content(base, head)


def test_a_plan_reads_shared_lines_once(tmp_path, monkeypatch):
    """Of the base, only the line that differs."""
    read = []
    fill = opening._Target.fill
    monkeypatch.setattr(opening._Target, "fill", lambda self, *values: read.append(fill(self, *values)) or read[-1])
    rows = [charge(f"r{number}", "1.00") for number in range(9)]
    ledger = started(tmp_path / "l", rows)
    ledger.charges([*rows[:4], charge("r4", "2.00"), *rows[5:]])
    (period,) = ledger.plan().periods
    assert str(period.difference) == "1.00"
    assert read == [(9, None), (1, None)]
