"""Which source a file is from, and when that is asked."""

from __future__ import annotations

import gzip
from pathlib import Path

import duckdb
import pytest

from openchargeback.focus.recognizing import Recognition
from openchargeback.ledger.reading import read_ledger

SIMPLE = "BillingPeriodStart,BilledCost,ListCost,ServiceName,Tags\n2025-01-01,1,2,Compute,{}\n"


def provided(provider: str, column: str = "ProviderName") -> str:
    return f"BillingPeriodStart,BilledCost,{column}\n2025-02-01,1,{provider}\n"


@pytest.fixture
def recognition(tmp_path: Path) -> Recognition:
    """Of a ledger with files of three sources, and settings of one more."""
    root = tmp_path / "ledger"
    month = root / "charges/2025-01"
    month.mkdir(parents=True)
    (root / "config.yaml").write_text(
        "organization: Test University\nsources: {gcp: {label: Google Cloud}, hpc: {}, hpc-gpu: {}}\n", encoding="utf-8"
    )
    (month / "aws.csv").write_text(provided("Amazon Web Services"), encoding="utf-8")
    (month / "azure.csv").write_text(provided("Microsoft"), encoding="utf-8")
    (month / "hpc.csv").write_text(SIMPLE, encoding="utf-8")
    ledger, _ = read_ledger(root)
    assert ledger
    assert Recognition(ledger).sources == ["aws", "azure", "gcp", "hpc", "hpc-gpu"]
    return Recognition(ledger)


@pytest.mark.parametrize(
    ("name", "text", "source"),
    [
        ("aws_2025-02.csv", SIMPLE, "aws"),  # by its name
        ("AWS.csv", SIMPLE, "aws"),
        ("export.csv", provided("Microsoft"), "azure"),  # by the provider that the source's files have
        ("export.csv", provided("microsoft", "ServiceProviderName"), "azure"),
        ("export.csv", provided("Google Cloud"), "gcp"),  # by the label of a source without files
        ("export.csv", provided("gcp"), "gcp"),
        ("aws or hpc.csv", SIMPLE, "hpc"),  # the columns decide between two names
        ("export.csv", SIMPLE, ""),  # but say nothing alone: a new source may have the same
        ("hpc-gpu 2025-02.csv", SIMPLE, "hpc-gpu"),  # a longer name is none of the shorter one
        ("aws-2025-02.csv", provided("Microsoft"), ""),  # a contradiction
        ("aws-and-azure.csv", SIMPLE, ""),  # two names
        ("awsome.csv", provided("Nobody"), ""),  # part of a word is no name
        ("export.csv", "a,b\n1,2\n", ""),
        ("export.csv", "", ""),
        ("export.csv", "\x00\xff", ""),
    ],
)
def test_a_source_is_recognized_or_asked(
    recognition: Recognition, tmp_path: Path, name: str, text: str, source: str
) -> None:
    path = tmp_path / "0.csv"
    path.write_text(text, encoding="utf-8")
    assert recognition.source(name, path) == source


def test_compressed_files_and_parquet_are_looked_into(recognition: Recognition, tmp_path: Path) -> None:
    packed = tmp_path / "0.csv.gz"
    packed.write_bytes(gzip.compress(provided("Microsoft").encode()))
    assert recognition.source("export.csv.gz", packed) == "azure"
    table = tmp_path / "1.parquet"
    with duckdb.connect() as con:
        con.execute(f"COPY (SELECT 'Microsoft' AS ProviderName, 1.5 AS BilledCost) TO '{table}' (FORMAT parquet)")
    assert recognition.source("export.parquet", table) == "azure"


@pytest.mark.parametrize("name", ["0.csv.gz", "0.csv.zst", "0.parquet", "0.zip"])
def test_a_file_that_is_not_what_its_name_says_tells_nothing(
    recognition: Recognition, tmp_path: Path, name: str
) -> None:
    path = tmp_path / name
    path.write_bytes(b"PK\x03\x04 nothing of the kind")
    assert recognition.source(name, path) == ""
