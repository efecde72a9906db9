"""A file read from another version of it has the same rows and problems as if it were read alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openchargeback.focus import common_lines as module
from openchargeback.focus.common_lines import CommonLines, common_lines, equal_bytes
from openchargeback.focus.database import database
from openchargeback.focus.reading import load
from openchargeback.ledger.files import ChargeFile
from openchargeback.ledger.settings import Config, Organization, Source

PATH = "charges/2025-01/hpc.csv"
HEADER = "BillingPeriodStart,BilledCost,ServiceName,x_Note"
ROWS = tuple(f'2025-01-01,{number}.5,Compute,"note, {number % 7}"' for number in range(20))
CONFIG = Config(Organization("A"))


def lines(*rows, end="\n", header=HEADER):
    return "".join(f"{line}{end}" for line in (header, *rows)).encode()


def charge_file(folder: Path, content: bytes, path=PATH) -> ChargeFile:
    place = folder / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content)
    return ChargeFile(path, place, "2025-01", "hpc", len(content))


def read(con, schema, file, config=CONFIG, versions=()):
    """The rows of a file with what is known about them, its problems, and whether its table is a view on a version."""
    con.execute(f"CREATE SCHEMA {schema}")
    con.execute(f"USE {schema}")
    loaded, problems = load(con, [file], config, versions)
    rows, view = [], False
    for table in loaded.tables:
        cells = ", ".join(table.columns.values())
        rows = con.execute(f"SELECT n, file, period, source, mask0, commas, {cells} FROM {table.numbered}").fetchall()
        views = "SELECT count(*) FROM duckdb_views() WHERE schema_name = $schema AND view_name = $name"
        view = con.execute(views, {"schema": schema, "name": table.name}).fetchone() == (1,)
    charges = con.execute("SELECT * FROM charge ORDER BY n").fetchall()
    return loaded, (sorted(rows), charges, problems), view


def from_version(head: ChargeFile, base: ChargeFile, config=CONFIG, head_config=CONFIG) -> bool:
    """Whether the base is read as a version of the head. It must be the same as when read alone."""
    with database() as con:
        loaded, *_ = read(con, "head", head, head_config)
        _, found, view = read(con, "base", base, config, loaded.versions("head"))
        _, alone, _ = read(con, "alone", base, config)
    assert found == alone
    return view


def changed(number, text):
    rows = list(ROWS)
    rows[number : number + 1] = text
    return rows


@pytest.mark.mostly_slow(but=3)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize(
    "rows",
    [
        pytest.param(ROWS, id="nothing changed"),
        pytest.param(changed(0, ["2025-01-01,9,Storage,x"]), id="first row changed"),
        pytest.param(changed(19, ["2025-01-01,9,Storage,x"]), id="last row changed"),
        pytest.param(changed(7, ["2025-01-01,9,Storage,x"]), id="a row in the middle changed"),
        pytest.param(["2025-01-01,9,Storage,x", *ROWS], id="a row at the top"),
        pytest.param([*ROWS, "2025-01-01,9,Storage,"], id="a row at the end"),
        pytest.param(changed(5, []), id="a row gone"),
        pytest.param(changed(5, [ROWS[4], ROWS[4]]), id="equal rows"),
        pytest.param(changed(5, ["2025-01-01,9,Storage,NULL", "2025-01-01,8,Storage,"]), id="null cells"),
    ],
)
def test_what_two_versions_share_is_read_once(tmp_path, rows, end):
    head = charge_file(tmp_path / "head", lines(*ROWS, end=end))
    assert from_version(head, charge_file(tmp_path / "base", lines(*rows, end=end)))
    # Even if the head cannot be read from it: it is the longer or the shorter one.
    assert from_version(charge_file(tmp_path / "new", lines(*rows, end=end)), head)


@pytest.mark.parametrize(
    "base",
    [
        pytest.param(lines(*ROWS, header=HEADER.replace("x_Note", "x_Other")), id="another header"),
        pytest.param(lines(*reversed(ROWS)), id="another order"),
        pytest.param(lines(*ROWS, end="\r\n"), id="other line ends"),
        pytest.param(lines(*ROWS).replace(b'7.5,Compute,"note, 0"\n', b"7.5,Compute,x\r\n"), id="mixed line ends"),
        pytest.param(lines(*ROWS).replace(b'note, 3"', b'note,\n3"', 1), id="a line break in a cell"),
        pytest.param(lines(*ROWS).replace(b"\n2025-01-01,7.5", b"\n\n2025-01-01,7.5"), id="a blank line"),
        pytest.param(lines(*ROWS).replace(b"7.5,Compute", b"7.5,Compute,more"), id="a cell too many"),
        pytest.param(lines(*ROWS).replace(b"7.5,Compute", b'7.5,"Compute'), id="an open quote"),
        pytest.param(b"\xef\xbb\xbf" + lines(*ROWS), id="a byte order mark"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_a_version_in_doubt_is_read_alone(tmp_path, base):
    head = charge_file(tmp_path / "head", lines(*ROWS))
    assert not from_version(head, charge_file(tmp_path / "base", base))


def test_a_faulty_row_is_found_in_a_version(tmp_path):
    head = charge_file(tmp_path / "head", lines(*ROWS))
    base = charge_file(tmp_path / "base", lines(*changed(7, ["2025-01-01,$9,Storage,x"])))
    with database() as con:
        loaded, *_ = read(con, "head", head)
        *_, (_, _, problems), _ = read(con, "base", base, versions=loaded.versions("head"))
    assert [(each.line, each.code) for each in problems if each.field == "BilledCost"] == [(9, "type-error")]


def test_other_checks_are_made_again(tmp_path):
    """With another billed column, other cells are suspicious."""
    header = HEADER.replace("x_Note", "EffectiveCost")
    rows = [f"2025-01-01,{number},Compute,{'x' if number == 3 else number}" for number in range(9)]
    head, base = (charge_file(tmp_path / side, lines(*rows, header=header)) for side in ("head", "base"))
    effective = replace(CONFIG, sources={"hpc": Source("hpc", cost="EffectiveCost")})
    assert from_version(head, base)
    assert not from_version(head, base, effective)


def test_a_file_that_cannot_be_split_is_read_once_if_it_is_equal(tmp_path):
    """Parquet has no lines."""
    path = tmp_path / "hpc.parquet"
    duckdb.execute(
        f"COPY (SELECT DATE '2025-01-01' AS BillingPeriodStart, range AS BilledCost FROM range(9)) TO '{path}'"
    )
    data, name = path.read_bytes(), PATH.replace(".csv", ".parquet")
    head, base = (charge_file(tmp_path / side, data, name) for side in ("head", "base"))
    assert from_version(head, base)
    duckdb.execute(
        f"COPY (SELECT DATE '2025-01-01' AS BillingPeriodStart, range AS BilledCost FROM range(8)) TO '{path}'"
    )
    assert not from_version(head, charge_file(tmp_path / "other", path.read_bytes(), name))


_texts = st.text(st.sampled_from("ab\n"), max_size=12).map(str.encode)


def _split(text: bytes) -> list[bytes]:
    return [line for line in text.replace(b"\n", b"\n\0").split(b"\0") if line]


@settings(max_examples=400, deadline=None)
@given(_texts, _texts, _texts, _texts, st.integers(1, 7))
def test_common_lines_are_whole_lines(tmp_path_factory, start, old, new, end, block):
    folder = tmp_path_factory.mktemp("lines")
    one, other = start + old + end, start + new + end
    paths = folder / "one.csv", folder / "other.csv"
    for path, content in zip(paths, (one, other), strict=True):
        path.write_bytes(content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_BLOCK", block)
        found = common_lines(*paths)
        assert equal_bytes(*paths) == (one == other)
    if one == other:
        assert found == CommonLines(len(one), len(_split(one)), whole=True)
        return
    ours, theirs = _split(one), _split(other)
    first = 0
    while first < min(len(ours), len(theirs)) and ours[first] == theirs[first] and ours[first].endswith(b"\n"):
        first += 1
    last = 0
    while first and last < min(len(ours), len(theirs)) - first and ours[-1 - last] == theirs[-1 - last]:
        last += 1
    expected = CommonLines(sum(map(len, ours[:first])), first, sum(map(len, ours[len(ours) - last :])), last)
    assert found == expected
