"""Gzip written by all cores is plain gzip, and the same on any number of them."""

from __future__ import annotations

import gzip
import io
import os
import subprocess

import duckdb
import pytest

from openchargeback.files import compressing
from openchargeback.files.compressing import gzip_to


def packed(content: bytes, level: int = 4) -> bytes:
    out = io.BytesIO()
    gzip_to(io.BytesIO(content), out, level)
    return out.getvalue()


@pytest.mark.parametrize("size", [0, 1, 999, 1000, 1001, 5000])
def test_any_reader_gets_the_content_back(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compressing, "_PIECE", 1000)
    content = bytes(range(256)) * (size // 256 + 1)
    content = content[:size]
    made = packed(content)
    assert gzip.decompress(made) == content
    assert subprocess.run(["gzip", "-dc"], input=made, capture_output=True, check=True).stdout == content


def test_duckdb_reads_every_piece(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compressing, "_PIECE", 1000)
    rows = "".join(f"{number},text {number}\n" for number in range(20_000))
    path = tmp_path / "rows.csv.gz"
    path.write_bytes(packed(b"a,b\n" + rows.encode()))
    with duckdb.connect() as con:
        found = con.execute(f"SELECT count(*), sum(a) FROM read_csv('{path}')").fetchall()
    assert found == [(20_000, 199_990_000)]


def test_the_bytes_do_not_depend_on_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compressing, "_PIECE", 1000)
    content = os.urandom(400) * 50
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    alone = packed(content)
    monkeypatch.setattr(os, "cpu_count", lambda: 7)
    assert packed(content) == alone


def test_a_higher_level_gives_fewer_bytes() -> None:
    content = b"".join(b"%d," % (number * number) for number in range(50_000))
    assert len(packed(content, 9)) < len(packed(content, 1))
