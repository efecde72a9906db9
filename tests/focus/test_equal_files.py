"""Files with the same content are found however each is compressed, and only by reading what may be equal."""

import gzip
from itertools import pairwise
from pathlib import Path

import duckdb
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from openchargeback.focus import equal_files as module
from openchargeback.focus.equal_files import content_size, equal_files
from openchargeback.ledger.files import charge_files

TEXT = b"BillingPeriodStart,BilledCost,Tags\n" + b"2025-01-01,1.00,\n" * 50


def two_frames(data):
    return zstandard.compress(data[:100]) + zstandard.compress(data[100:])


def no_size(data):
    return zstandard.ZstdCompressor(write_content_size=False).compress(data)


def streamed(data):
    packer = zstandard.ZstdCompressor().compressobj()
    return packer.compress(data) + packer.flush()


WAYS = {
    "plain.csv": lambda data: data,
    "nine.csv.gz": lambda data: gzip.compress(data, 9),
    "one.CSV.GZ": lambda data: gzip.compress(data, 1),
    "members.csv.gz": lambda data: gzip.compress(data[:100]) + gzip.compress(data[100:]),
    "empty-end.csv.gz": lambda data: gzip.compress(data) + gzip.compress(b""),
    "padded.csv.gz": lambda data: gzip.compress(data) + bytes(10),
    "frame.csv.zst": zstandard.compress,
    "frames.csv.zst": two_frames,
    "no-size.csv.zst": no_size,
    "streamed.csv.zst": streamed,
    "skippable.csv.zst": lambda data: b"\x50\x2a\x4d\x18\x02\x00\x00\x00xx" + zstandard.compress(data),
}


def ledger(root, files):
    for name, data in files.items():
        path = root / "charges" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return charge_files(root)[0]


@pytest.mark.parametrize("name", WAYS)
@settings(max_examples=20, deadline=None)
@given(st.binary(max_size=300) | st.just(TEXT))
def test_the_size_is_that_of_the_content(tmp_path_factory, name, data):
    path = tmp_path_factory.mktemp("size") / name
    path.write_bytes(WAYS[name](data))
    assert content_size(path, 10**9) == len(data)


def test_every_pair_of_ways_to_compress_is_found(tmp_path):
    for one, other in pairwise([*WAYS, "plain.csv"]):
        files = ledger(tmp_path / one, {f"2025-01/a/{one}": WAYS[one](TEXT), f"2025-03/b/{other}": WAYS[other](TEXT)})
        assert [[file.period for file in copies] for copies in equal_files(files)] == [["2025-01", "2025-03"]], one


def test_a_byte_makes_another_file(tmp_path):
    other = TEXT.replace(b"1.00", b"1.01", 1)
    assert equal_files(ledger(tmp_path, {"2025-01/a.csv": TEXT, "2025-01/b.csv.gz": gzip.compress(other)})) == []


def test_files_of_another_size_are_not_read(tmp_path, monkeypatch):
    files = ledger(
        tmp_path,
        {"2025-01/a.csv": TEXT, "2025-01/b.csv.gz": gzip.compress(TEXT + b"\n"), "2025-01/c.csv.zst": two_frames(b"")},
    )
    monkeypatch.setattr(module, "content_digest", None)
    assert equal_files(files) == []


@pytest.mark.parametrize("text", [b"BillingPeriodStart,BilledCost\n", b"\n\na,b\n\n", b'"a\nb",c', b""])
def test_files_without_a_row_are_no_duplicates(tmp_path, text):
    assert equal_files(ledger(tmp_path, {"2025-01/a.csv": text, "2025-02/a.csv": text})) == []


def test_what_cannot_be_read_is_equal_to_nothing(tmp_path):
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 1\n"
    broken = gzip.compress(TEXT)[:60] + gzip.compress(TEXT)[-8:]
    files = {f"2025-01/{name}": data for name, data in {"a.csv": pointer, "b.csv": pointer}.items()}
    files |= {"2025-01/c.csv.gz": broken, "2025-01/d.csv.gz": broken, "2025-01/e.csv.gz": b"", "2025-01/f.csv.gz": b""}
    files |= {
        "2025-01/g.parquet": TEXT,
        "2025-01/h.parquet": TEXT,
        "2025-01/i.csv.zst": b"(",
        "2025-01/j.csv.zst": b"(",
    }
    assert equal_files(ledger(tmp_path, files)) == []


def test_parquet_is_compared_byte_for_byte(tmp_path):
    path = tmp_path / "x.parquet"
    duckdb.sql("SELECT DATE '2025-01-01' AS BillingPeriodStart, 1.5 AS BilledCost").write_parquet(str(path))
    empty = tmp_path / "y.parquet"
    duckdb.sql("SELECT DATE '2025-01-01' AS BillingPeriodStart WHERE false").write_parquet(str(empty))
    data, none = path.read_bytes(), empty.read_bytes()
    files = {"2025-01/a.parquet": data, "2025-02/b.parquet": data, "2025-01/c.csv": data}
    files |= {"2025-01/d.parquet": none, "2025-02/d.parquet": none}
    (copies,) = equal_files(ledger(tmp_path, files))
    assert [file.path for file in copies] == ["charges/2025-01/a.parquet", "charges/2025-02/b.parquet"]


def test_a_link_is_no_copy(tmp_path):
    ledger(tmp_path, {"2025-01/a.csv": TEXT})
    Path(tmp_path / "charges/2025-01/b.csv").symlink_to("a.csv")
    assert equal_files(charge_files(tmp_path)[0]) == []


def test_only_groups_with_a_wanted_file_are_looked_at(tmp_path):
    files = ledger(tmp_path, {"2025-01/a.csv": TEXT, "2025-02/a.csv": TEXT, "2025-03/a.csv": TEXT + b"\n"})
    assert equal_files(files, {"charges/2025-03/a.csv"}) == []
    assert len(equal_files(files, {"charges/2025-02/a.csv"})) == 1
