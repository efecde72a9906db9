"""The open data of a build: every charge, exact, described so that Frictionless's own command finds it valid."""

from __future__ import annotations

import csv
import gzip
import io
import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from golden_ledgers import copied
from openchargeback.csv_writing import unguarded
from openchargeback.model import BilledPeriod, State
from openchargeback.portal import paths
from openchargeback.problems import LedgerFault
from openchargeback.publish import month_charges, open_data
from openchargeback.publish.books import Books, open_books, open_cache
from openchargeback.publish.build import build
from openchargeback.publish.month_charges import MonthCharges, Wanted
from openchargeback.publish.open_data import data_files

ROOT = Path(__file__).parents[2]
Rows = list[dict[str, str]]


def sample(folder: Path) -> Path:
    """The ledger of the demo with January's charges."""
    ledger = Path(shutil.copytree(ROOT / "ledger", folder / "ledger", ignore=shutil.ignore_patterns(".openchargeback")))
    (ledger / "charges" / "2025-01").mkdir(exist_ok=True)
    for path in (ROOT / "sample_data").glob("*_2025-01.csv"):
        shutil.copy(path, ledger / "charges" / "2025-01" / f"{path.name.split('_')[0]}.csv")
    return ledger


def write(ledger: Path, output: Path) -> Books:
    """Write the open data alone."""
    books = open_books(ledger, keep={Wanted.OPEN_DATA})
    for path, content in data_files(books.ledger, books.periods, MonthCharges(books.ledger, open_cache(ledger))):
        place = output / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    return books


def rows(content: bytes) -> Rows:
    return list(csv.DictReader(io.StringIO(content.decode(), newline="")))


def total(found: Rows, column: str) -> Decimal:
    return sum((Decimal(row[column]) for row in found), Decimal(0))


def validate(folder: Path, file: str = paths.DATA_PACKAGE) -> subprocess.CompletedProcess[str]:
    command: Sequence[str] = (sys.executable, "-m", "frictionless", "validate", file, "--json")
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_frictionless_finds_the_demo_valid_and_its_sums_are_those_of_the_books(tmp_path: Path) -> None:
    books = write(sample(tmp_path), tmp_path)
    done = validate(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["stats"]["tasks"] == 13
    for period in books.periods:
        charges = rows((tmp_path / paths.charges_file(period)).read_bytes())
        for source in period.sources:
            own = [row for row in charges if (row["source"], row["currency"]) == (source.source, source.currency)]
            assert len(own) == source.charges
            assert total(own, "list") == source.imported_list
            for disposition in ("billed", "held", "rejected"):
                part = [row for row in own if row["disposition"] == disposition]
                assert total(part, "billed") == getattr(source, disposition)
        lines = rows((tmp_path / paths.lines_file(period.period)).read_bytes())
        assert total(lines, "billed") == period.amounts.billed
        assert total(lines, "list") == period.amounts.list
        assert len({row["charge"] for row in charges}) == len(charges)


def test_an_altered_file_is_found(tmp_path: Path) -> None:
    write(copied("plain", tmp_path), tmp_path)
    path = tmp_path / "data" / "2025-01" / "charges.csv"
    path.write_bytes(path.read_bytes().replace(b"45.45", b"45.46"))
    done = validate(tmp_path)
    assert done.returncode == 1
    assert "hash-count" in done.stdout


def test_a_row_leads_back_to_its_file(tmp_path: Path) -> None:
    ledger = copied("parts", tmp_path)
    write(ledger, tmp_path)
    found = rows((tmp_path / "data" / "2025-01" / "charges.csv").read_bytes())
    assert [(row["file"].rsplit("/", 1)[1], row["row"], row["billed"]) for row in found] == [
        ("part-000.csv", "2", "1"),
        ("part-000.csv", "3", "2"),
        ("part-001.csv.gz", "2", "3"),
        ("part-002.csv.zst", "2", "4"),
        ("part-002.csv.zst", "3", "2"),
    ]
    assert [row["flags"] for row in found] == ["", "", "", "", "possible-duplicate"]


def test_what_was_decided_stands_at_the_charge(tmp_path: Path) -> None:
    write(copied("decisions", tmp_path), tmp_path)
    found = rows((tmp_path / "data" / "2025-01" / "charges.csv").read_bytes())
    place = "approvals/2025-01/february.yaml"
    said = [(row["billed"], row["fund"], row["fund_via"], row["disposition"], row["decisions"]) for row in found]
    assert said == [
        ("60", "BIO-9", "decision", "billed", f"{place}:2"),
        ("40", "BIO-9", "decision", "billed", f"{place}:2"),
        ("500", "BIO-1", "tag", "billed", f"{place}:10"),
        ("25", "BIO-1", "tag", "billed", ""),
        ("25", "BIO-1", "tag", "rejected", f"{place}:16"),
        ("-5", "BIO-1", "tag", "held", ""),
        ("10", "BIO-1", "tag", "billed", ""),
    ]


def test_texts_and_amounts_stay_exact(tmp_path: Path) -> None:
    ledger = copied("plain", tmp_path)
    names = ["=1+1", 'a "b", c', "two\nlines", "名前", " blank ", "NA"]
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["BillingPeriodStart", "ServiceName", "ResourceId", "ResourceName", "BilledCost", "Tags"])
    for number, name in enumerate(names):
        writer.writerow(["2025-01-01", name, str(number), name, "1e-18" if number else "100.10", ""])
    (ledger / "charges" / "2025-01" / "aws.csv").write_text(out.getvalue(), "utf-8", newline="")
    write(ledger, tmp_path)
    found = rows((tmp_path / "data" / "2025-01" / "charges.csv").read_bytes())
    assert [unguarded(row["resource_name"]) for row in found] == names
    assert [unguarded(row["service"]) for row in found] == names
    assert found[0]["service"] == "'=1+1"
    assert [row["billed"] for row in found] == ["100.1", *["0.000000000000000001"] * 5]
    assert validate(tmp_path).returncode == 0


def test_a_month_without_charges_has_a_header(tmp_path: Path) -> None:
    ledger = copied("plain", tmp_path)
    shutil.rmtree(ledger / "charges" / "2025-01")
    (ledger / "periods").mkdir()
    (ledger / "periods" / "2025-01.yaml").write_text("state: open\n")
    write(ledger, tmp_path)
    assert (tmp_path / "data" / "2025-01" / "charges.csv").read_bytes().startswith(b"charge,source,file,row,")
    assert validate(tmp_path).returncode == 0


def test_a_large_month_is_packed_without_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = copied("plain", tmp_path)
    write(ledger, tmp_path / "plain-output")
    plain = (tmp_path / "plain-output" / "data" / "2025-01" / "charges.csv").read_bytes()
    monkeypatch.setattr(paths, "MOST_PLAIN_CHARGES", 3)
    shutil.rmtree(ledger / ".openchargeback")
    write(ledger, tmp_path)
    packed = (tmp_path / "data" / "2025-01" / "charges.csv.gz").read_bytes()
    assert gzip.decompress(packed) == plain
    assert packed[3:8] == bytes(5), "neither a name nor a time stands in the header (RFC 1952)"
    done = validate(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_charges_are_kept_or_made_again_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = copied("unusual-amount", tmp_path)
    # A command that needs no data bills the periods first, and the build finds no charges of theirs.
    books = open_books(ledger)
    store = open_cache(ledger)
    made = dict(data_files(books.ledger, books.periods, MonthCharges(books.ledger, store)))

    def refused(*_arguments: object) -> None:
        raise AssertionError("nothing has changed, and yet the charges are written again")

    monkeypatch.setattr(month_charges, "write_charges", refused)
    kept = open_books(ledger, keep={Wanted.OPEN_DATA})
    assert dict(data_files(kept.ledger, kept.periods, MonthCharges(kept.ledger, store))) == made
    monkeypatch.undo()
    shutil.rmtree(ledger / ".openchargeback")
    fresh = open_books(ledger, keep={Wanted.OPEN_DATA})
    assert dict(data_files(fresh.ledger, fresh.periods, MonthCharges(fresh.ledger, open_cache(ledger)))) == made


def test_what_follows_from_a_record_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lines of closed months are written once, and again without a cache."""
    ledger = copied("unusual-amount", tmp_path)
    assert {each.state for each in open_books(ledger).periods} == {State.CLOSED, State.OPEN}

    def made() -> dict[str, bytes]:
        books = open_books(ledger)
        return dict(data_files(books.ledger, books.periods, MonthCharges(books.ledger, open_cache(ledger))))

    first = made()
    with monkeypatch.context() as patch:
        for name in ("lines_csv", "invoice_detail_csv"):
            real = getattr(open_data, name)

            def only_open(period: BilledPeriod, *more: object, real: Any = real) -> bytes:
                assert period.state is State.OPEN, "nothing has changed, and yet it is written again"
                return real(period, *more)

            patch.setattr(open_data, name, only_open)
        assert made() == first
    shutil.rmtree(ledger / ".openchargeback")
    assert made() == first


def test_charges_that_cannot_be_read_again_are_said_and_not_kept(tmp_path: Path) -> None:
    """An empty file would be open data that says: nothing was billed."""
    ledger = copied("plain", tmp_path)
    books, store = open_books(ledger), open_cache(ledger)
    path = ledger / "charges" / "2025-01" / "aws.csv"
    received = path.read_bytes()
    path.write_bytes(received.replace(b"45.45", b"much"))
    with pytest.raises(LedgerFault) as refused:
        dict(data_files(books.ledger, books.periods, MonthCharges(books.ledger, store)))
    assert {each.path for each in refused.value.problems} == {"charges/2025-01/aws.csv"}
    path.write_bytes(received)
    assert (
        b"45.45"
        in dict(data_files(books.ledger, books.periods, MonthCharges(books.ledger, store)))["data/2025-01/charges.csv"]
    )


def test_a_build_has_it_and_links_to_it(tmp_path: Path) -> None:
    ledger, output = copied("plain", tmp_path), tmp_path / "public"
    assert build(ledger, output, workers=1).changed
    assert validate(output).returncode == 0
    assert 'href="../../data/2025-01/charges.csv"' in (output / "periods" / "2025-01" / "index.html").read_text()
    assert 'href="../../data/2025-01/lines.csv"' in (output / "periods" / "2025-01" / "index.html").read_text()
    assert 'href="../data/datapackage.json"' in (output / "about" / "index.html").read_text()
    assert not build(ledger, output, workers=1).changed
    path = ledger / "charges" / "2025-01" / "aws.csv"
    path.write_bytes(path.read_bytes().replace(b"45.45", b"45.46"))
    assert build(ledger, output, workers=1).changed
    assert b"45.46" in (output / "data" / "2025-01" / "charges.csv").read_bytes()
