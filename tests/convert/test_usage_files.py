"""What `validate` says of the ledger's files of billed usage: each fault with its place, and none that is not there."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner
from sacct import ONE, export, record
from test_ledger import Site

from openchargeback.cli.main import cli
from openchargeback.problems import UsageFault

CHARGES, USAGE = "charges/2025-01/hpc.csv", "usage/2025-01/hpc.parquet"


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A ledger with one converted source, and a second month of it."""
    site = Site(tmp_path)
    long = record(JobIDRaw=9, Start="2025-01-31T23:00:00", End="2025-02-01T01:00:00", ElapsedRaw=7200)
    for month in ("2025-01", "2025-02"):
        assert site.convert(f"charges/{month}/hpc.csv", export(ONE, long)).exit_code == 0
    return site


def problems(site: Site) -> list[tuple[str, str]]:
    """Path and code of each error."""
    done = CliRunner().invoke(cli, ["validate", "--ledger", str(site.root), "--format", "json"])
    found = json.loads(done.stdout)["problems"]
    return [(each["path"], each["code"]) for each in found if each["severity"] == "error"]


def write(site: Site, path: str, rows: str, notes: str = "charges: 'x'") -> None:
    """A Parquet file of our own making."""
    target = site.root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    duckdb.sql(f"COPY ({rows}) TO '{target}' (FORMAT parquet, KV_METADATA {{{notes}}})")


def test_what_convert_writes_is_right(site: Site) -> None:
    assert problems(site) == []


def test_charges_that_are_compressed_afterwards_are_the_same(site: Site) -> None:
    charges = site.root / CHARGES
    charges.with_suffix(".csv.gz").write_bytes(gzip.compress(charges.read_bytes()))
    charges.unlink()
    assert problems(site) == []


def test_charges_that_were_edited(site: Site) -> None:
    charges = site.root / CHARGES
    charges.write_text(charges.read_text().replace(",astro,", ",chem,", 1))
    assert problems(site) == [(CHARGES, "usage-unbilled")]


@pytest.mark.parametrize("options", [(), ("--dry-run",)])
def test_a_delivery_that_replaces_converted_charges_removes_their_usage(site: Site, options: tuple[str, ...]) -> None:
    """Otherwise a later conversion would refuse the usage as billed, though its charges are gone."""
    delivery = site.folder / "delivery.csv"
    delivery.write_text((site.root / CHARGES).read_text().replace(",astro,", ",chem,", 1))
    done = site.run("ingest", str(delivery), "--source", "hpc", "--replace", "--ledger", str(site.root), *options)
    assert f"{USAGE}: {'would be ' if options else ''}removed" in done.stdout
    assert (site.root / USAGE).exists() == bool(options)
    assert problems(site) == []
    told = site.run("ingest", str(delivery), "--source", "hpc", "--replace", "--ledger", str(site.root), "--json")
    assert json.loads(told.stdout)["files"][0]["usage_removed"] == (USAGE if options else None)


def test_usage_of_charges_that_stay_is_kept(site: Site) -> None:
    """The same charges again, and others beside them."""
    same, more = site.folder / "same.csv", site.folder / "more.csv"
    same.write_text((site.root / CHARGES).read_text())
    more.write_text(same.read_text().replace("101", "102"))
    for path, how in ((same, "--replace"), (more, "--add")):
        site.run("ingest", str(path), "--source", "hpc", how, "--ledger", str(site.root))
        assert (site.root / USAGE).is_file()


def test_usage_without_charges(site: Site) -> None:
    (site.root / CHARGES).unlink()
    assert problems(site) == [(USAGE, "usage-unbilled")]


@pytest.mark.parametrize("content", [b"", b"PAR1 no more", b"version https://git-lfs.github.com/spec/v1\n"])
def test_a_file_that_cannot_be_read_hides_no_other_fault(site: Site, content: bytes) -> None:
    (site.root / USAGE).write_bytes(content)
    (site.root / "charges/2025-02/hpc.csv").unlink()
    assert sorted(problems(site)) == [(USAGE, "unreadable"), ("usage/2025-02/hpc.parquet", "usage-unbilled")]


@pytest.mark.parametrize(
    ("rows", "notes"),
    [
        ("SELECT 1::UBIGINT AS identity, 1735689600::BIGINT AS starts", "charges: 'x'"),
        ("SELECT 1 AS identity, 1735689600::BIGINT AS starts, 1735693200::BIGINT AS ends", "charges: 'x'"),
        ("SELECT 1::UBIGINT AS identity, 1735689600::BIGINT AS starts, 1735693200::BIGINT AS ends", "other: 'x'"),
        ("SELECT NULL::UBIGINT AS identity, 1735689600::BIGINT AS starts, 1735693200::BIGINT AS ends", "charges: 'x'"),
    ],
    ids=["column", "type", "note", "null"],
)
def test_a_file_that_something_else_wrote(site: Site, rows: str, notes: str) -> None:
    write(site, USAGE, rows, notes)
    assert problems(site) == [(USAGE, "usage-file")]


def test_usage_of_another_month(site: Site) -> None:
    shutil.copy(site.root / "usage/2025-02/hpc.parquet", site.root / USAGE)
    assert problems(site) == [(USAGE, "usage-file")]


@pytest.mark.parametrize(
    "path", ["usage/hpc.parquet", "usage/2025-13/hpc.parquet", "usage/2025-01/a.csv", "usage/2025-01/HPC.parquet"]
)
def test_a_file_in_the_wrong_place(site: Site, path: str) -> None:
    (site.root / path).parent.mkdir(exist_ok=True)
    (site.root / path).write_bytes(b"x")
    assert problems(site) == [(path, "usage-file")]


def test_a_job_that_two_sources_bill(site: Site, tmp_path: Path) -> None:
    """As when two branches with a source each are merged: neither conversion could see the other."""
    other = tmp_path / "other"
    other.mkdir()
    branch = Site(other)
    assert branch.convert("charges/2025-01/cluster.csv", export(record(JobIDRaw=7), ONE)).exit_code == 0
    for name in ("charges/2025-01/cluster.csv", "usage/2025-01/cluster.parquet"):
        shutil.copy(branch.root / name, site.root / name)
    assert problems(site) == [(USAGE, "usage-billed-already")]


def test_a_closed_month_is_not_compared_again(site: Site) -> None:
    """Its charges are guarded by its closing record; the end of the file is still read."""
    charges = site.root / CHARGES
    charges.write_text(charges.read_text() + "\n")
    (site.root / "periods").mkdir()
    (site.root / "periods/2025-01.yaml").write_text("state: closed\nclosed: {on: 2025-02-03}\n")
    assert "usage-unbilled" not in {code for _, code in problems(site)}
    (site.root / USAGE).write_bytes(b"PAR1")
    assert (USAGE, "unreadable") in problems(site)


def test_charges_beside_those_that_are_converted(site: Site) -> None:
    """Else the month would be billed from both files of the source."""
    (site.root / CHARGES).rename(site.root / "charges/2025-01/hpc.csv.gz")
    done = site.convert(CHARGES, export(ONE))
    assert isinstance(done.exception, UsageFault)
    assert "charges/2025-01/hpc.csv.gz has charges of hpc in 2025-01 already" in str(done.exception)
