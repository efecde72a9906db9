"""A charge file has a ceiling for what it holds once decompressed, and nothing decompresses more to find out."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pytest
import zstandard

from openchargeback.focus import csv_text, decompression, sizes
from openchargeback.focus.database import database
from openchargeback.focus.equal_files import content_digest, equal_files
from openchargeback.focus.incoming import Staging
from openchargeback.focus.opening import open_files
from openchargeback.ledger.config import read_config
from openchargeback.ledger.files import ChargeFile
from openchargeback.ledger.reading import read_ledger
from openchargeback.ledger.settings import Config, Organization
from openchargeback.problems import LedgerFault

HEAD = b"BillingPeriodStart,BilledCost,Tags\n"
ROW = b"2025-01-01,1,{}\n"
CEILING = 10_000_000


def zstd(data: bytes) -> bytes:
    """Without its size in the header, which may say anything."""
    packer = zstandard.ZstdCompressor(write_content_size=False).compressobj()
    return packer.compress(data) + packer.flush()


PACKED: dict[str, Callable[[bytes], bytes]] = {
    "aws.csv": bytes,
    "aws.csv.gz": lambda data: gzip.compress(data, mtime=0),
    "aws.csv.zst": zstd,
}


def file(path: Path, ceiling: int = CEILING) -> ChargeFile:
    return ChargeFile("charges/2025-01/" + path.name, path, "2025-01", "aws", path.stat().st_size, ceiling)


def opened(found: ChargeFile) -> list[str]:
    with database() as con:
        return [each.code for each in open_files(con, [found], Config(Organization("A")), keep=None)[1]]


@pytest.mark.parametrize("name", PACKED)
def test_what_holds_more_than_the_ceiling_is_not_read(name: str, tmp_path: Path) -> None:
    """To the byte; each kind of file."""
    text = HEAD + ROW * ((CEILING - len(HEAD)) // len(ROW))
    path = tmp_path / name
    path.write_bytes(PACKED[name](text))
    exact = file(path, len(text))
    with database() as con:
        assert sizes.too_large(con, exact) is None
        problem = sizes.too_large(con, file(path, len(text) - 1))
    assert problem is not None
    assert opened(file(path, len(text) - 1)) == ["charge-file-size"]
    assert "limits: charge_file_gb:" in problem.fix


@pytest.mark.parametrize(("rows", "refused"), [(10, False), (100, True)])
def test_equal_texts_of_a_parquet_file_count_as_often_as_they_stand_there(
    tmp_path: Path, rows: int, *, refused: bool
) -> None:
    """The file keeps one of them, in a dictionary, so that it says little of itself."""
    path = tmp_path / "aws.parquet"
    duckdb.sql(f"SELECT repeat('x', 60000) AS Tags, 1 AS BilledCost FROM range({rows})").write_parquet(str(path))
    assert path.stat().st_size < 70_000
    with database() as con:
        assert bool(sizes.too_large(con, file(path, 1_000_000))) is refused


def test_a_parquet_file_is_judged_by_what_it_says_of_itself(tmp_path: Path) -> None:
    """Equal cells take no room in the file, but in memory."""
    path = tmp_path / "aws.parquet"
    duckdb.sql("SELECT 'x' AS BilledCost FROM range(1000000)").write_parquet(str(path))
    assert path.stat().st_size < 20_000
    assert opened(file(path, 900_000)) == ["charge-file-size"]
    with database() as con:
        assert sizes.too_large(con, file(path, 2_000_000)) is None


class Counting(io.RawIOBase):
    """Counts what is taken from an endless file."""

    taken = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        Counting.taken += len(buffer)
        return len(buffer)


def test_decompression_stops_at_the_ceiling(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where only the content is compared or hashed."""

    @contextmanager
    def endless(_path: Path) -> Iterator[io.BufferedReader]:
        yield io.BufferedReader(Counting())

    monkeypatch.setattr(decompression, "binary", endless)
    path = tmp_path / "aws.csv.zst"
    path.write_bytes(b"x" * CEILING)
    for look in (lambda: opened(file(path)), lambda: content_digest(path, CEILING), lambda: equal_files([file(path)])):
        Counting.taken = 0
        look()
        assert Counting.taken < CEILING + 4_000_000


def test_the_ceiling_comes_from_the_config(tmp_path: Path) -> None:
    """For files of the ledger and for those that `ingest` is given."""
    path = tmp_path / "charges/2025-01/aws.csv.gz"
    path.parent.mkdir(parents=True)
    path.write_bytes(gzip.compress(HEAD + ROW))
    for text, ceiling in (("", 20), ("limits: {charge_file_gb: 3}\n", 3)):
        (tmp_path / "config.yaml").write_text(f"organization: X\n{text}", encoding="utf-8")
        ledger, problems = read_ledger(tmp_path)
        assert ledger is not None
        assert problems == []
        assert ledger.charge_files["2025-01"][0].ceiling == ceiling * 10**9
    config, _ = read_config(b"organization: X\nlimits: {charge_file_gb: 1}\n")
    bomb = tmp_path / "bomb.csv.gz"
    bomb.write_bytes(gzip.compress(b"\n" * 10**7) * 101)
    staging = tmp_path / "staging"
    staging.mkdir()
    assert config is not None
    with pytest.raises(LedgerFault) as stopped:
        Staging(staging, "aws", config).receive([bomb])
    assert [each.code for each in stopped.value.problems] == ["charge-file-size"]


@pytest.mark.parametrize("text", [b"x" * 5000, HEAD + b"x" * 5000, HEAD + b'"' + b"x\n" * 5000])
def test_a_row_without_end_is_not_collected(text: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line, or a quote that is never closed."""
    monkeypatch.setattr(csv_text, "MAX_LINE", 2000)
    monkeypatch.setattr("openchargeback.focus.layout.MAX_LINE", 2000)
    path = tmp_path / "aws.csv"
    path.write_bytes(text)
    with database() as con:
        problems = open_files(con, [file(path)], Config(Organization("A")), keep=None)[1]
    assert [each.code for each in problems] == ["source-error"]
    assert "a row is longer than 2,000 characters" in problems[0].message
