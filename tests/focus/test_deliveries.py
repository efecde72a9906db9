"""Exports as they land: the newest run of each month, all of its parts, and nothing of what cannot be told apart."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import os
import stat
import struct
import sys
import zipfile
from decimal import Decimal
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from deliveries import BUCKET, HEADER, aws_manifest, aws_run, azure_run, put, rows, zipped

from openchargeback.focus.deliveries import zip_tree
from openchargeback.focus.deliveries.opening import is_delivery, open_delivery
from openchargeback.focus.ingest import Request, ingest
from openchargeback.ledger.reading import read_ledger
from openchargeback.problems import LedgerFault, Problem, Severity, UsageFault

CEILING = 10_000_000
LATER = dt.datetime(2025, 6, 1, tzinfo=dt.UTC)
OLD_RUN, NEW_RUN = "20250201T030000Z-aaaa", "20250202T030000Z-0000"


@pytest.fixture
def given(tmp_path: Path) -> Path:
    """A folder for a delivery."""
    folder = tmp_path / "delivery"
    folder.mkdir()
    return folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An empty ledger."""
    folder = tmp_path / "ledger"
    (folder / "charges").mkdir(parents=True)
    (folder / "config.yaml").write_text("organization: A\ncurrency: USD\n")
    return folder


def setting(root: Path, delivery: str, source: str = "aws") -> None:
    (root / "config.yaml").write_text(
        f"organization: A\ncurrency: USD\nsources: {{{source}: {{delivery: {delivery}}}}}\n"
    )


def chosen(folder: Path, now: dt.datetime | None = LATER) -> dict[str, list[str]]:
    """The paths of the parts to take, by month."""
    return {run.month: list(run.parts) for run in open_delivery(folder, CEILING, now).runs}


def refused(folder: Path) -> str:
    with pytest.raises(UsageFault) as fault:
        open_delivery(folder, CEILING, LATER)
    return str(fault.value)


def take(root: Path, path: Path, source: str = "aws", now: dt.datetime = LATER, **options):
    """Ingest a delivery or a file."""
    ledger, problems = read_ledger(root)
    assert ledger is not None
    assert problems == []
    given = open_delivery(path, CEILING, now, options.get("period")) if is_delivery(path) else [path]
    return ingest(ledger, given, Request(source, **options))


def errors(fault: LedgerFault) -> list[Problem]:
    return [each for each in fault.problems if each.severity is Severity.ERROR]


def stored(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root / "charges").as_posix(): path.read_bytes()
        for path in sorted((root / "charges").rglob("*"))
        if path.is_file()
    }


# AWS


def test_an_overwritten_aws_export_is_what_its_manifest_lists(given: Path) -> None:
    aws_run(given, "2025-01", rows("2025-01", "1"), rows("2025-01", "2"))
    # Left behind by an earlier run with more parts.
    put(given / "data/BILLING_PERIOD=2025-01/focus-00003.csv.gz", rows("2025-01", "9"))
    aws_run(given, "2025-02", rows("2025-02", "3"))
    found = open_delivery(given, CEILING, LATER)
    assert {run.month: run.parts for run in found.runs} == {
        "2025-01": tuple(f"data/BILLING_PERIOD=2025-01/focus-0000{n}.csv.gz" for n in (1, 2)),
        "2025-02": ("data/BILLING_PERIOD=2025-02/focus-00001.csv.gz",),
    }
    assert found.skipped == ("2025-01: data/BILLING_PERIOD=2025-01/focus-00003.csv.gz (not in the manifest)",)
    assert found.notes == []


@pytest.mark.parametrize("above", ["", "exports/focus"])
@pytest.mark.parametrize("in_run", [False, True])
def test_of_several_aws_runs_the_one_in_the_newest_manifest_is_taken(given: Path, in_run: bool, above: str) -> None:
    """By the time in its name, not by the execution id."""
    top = given / above
    aws_run(top, "2025-01", rows("2025-01", "1"), run=OLD_RUN, in_run=in_run)
    aws_run(top, "2025-01", rows("2025-01", "2"), run=NEW_RUN, in_run=in_run)
    found = open_delivery(given, CEILING, LATER)
    assert [run.name for run in found.runs] == [NEW_RUN]
    assert len(found.runs[0].parts) == 1
    assert found.skipped == (f"2025-01: {OLD_RUN} (older run)",)


def test_aws_runs_without_a_manifest_are_never_added_up(given: Path) -> None:
    for run in (OLD_RUN, NEW_RUN):
        aws_run(given, "2025-01", rows(), run=run, manifest=False)
    said = refused(given)
    assert f"2025-01 has several runs ({OLD_RUN}, {NEW_RUN}) and no manifest" in said
    assert "get `metadata/` as well, or name the folder of the newest run" in said
    newest = given / "data/BILLING_PERIOD=2025-01" / NEW_RUN
    assert list(chosen(newest).values()) == [["focus-00001.csv.gz"]]


def test_an_aws_run_that_the_manifest_does_not_list_yet_is_not_passed_over(given: Path) -> None:
    aws_run(given, "2025-01", rows(), run=OLD_RUN)
    aws_run(given, "2025-01", rows(), run=NEW_RUN, manifest=False)
    assert f"{NEW_RUN} is newer than the run that" in refused(given)


def test_a_part_that_is_listed_must_be_there(given: Path) -> None:
    paths = aws_run(given, "2025-01", rows(), rows())
    paths[1].unlink()
    said = refused(given)
    assert f"{paths[1]} is missing, though {given}/metadata/BILLING_PERIOD=2025-01/focus-Manifest.json lists it" in said


def test_a_month_with_a_manifest_and_no_part_is_refused_unless_another_month_is_named(given: Path) -> None:
    aws_run(given, "2025-01", rows())
    (path,) = aws_run(given, "2025-02", rows("2025-02"))
    path.unlink()
    assert f"{path} is missing" in refused(given)
    assert [run.month for run in open_delivery(given, CEILING, LATER, "2025-01").runs] == ["2025-01"]


def test_a_gap_in_the_numbers_of_parts_is_seen_without_a_manifest(given: Path) -> None:
    paths = aws_run(given, "2025-01", rows(), rows(), rows(), manifest=False)
    (run,) = open_delivery(given, CEILING, LATER).runs
    assert len(run.parts) == 3
    paths[1].unlink()
    assert "part 2 of 2025-01 is missing" in refused(given)


def test_without_a_manifest_a_note_says_what_is_not_checked(given: Path) -> None:
    aws_run(given, "2025-01", rows(), manifest=False)
    (note,) = open_delivery(given, CEILING, LATER).notes
    assert "no manifest, so whether all of its parts are there cannot be checked" in note


@pytest.mark.parametrize(
    "uri",
    [
        f"{BUCKET}/data/BILLING_PERIOD=2025-01/../../../secret.csv",
        f"{BUCKET}/data/BILLING_PERIOD=2025-02/focus-00001.csv.gz",
        "/etc/passwd",
        "",
        7,
    ],
)
def test_a_manifest_must_not_name_files_elsewhere(given: Path, uri: object) -> None:
    aws_run(given, "2025-01", rows())
    put(given.parent / "secret.csv", rows())
    aws_manifest(given, "2025-01", [uri])
    assert "which is outside the delivery" in refused(given)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "is not a JSON object"),
        ("[]", "is not a JSON object"),
        ("[" * 100_000, "is not a JSON object"),
        ("{}", "has no list `dataFiles`"),
        ('{"dataFiles": []}', "lists no files"),
    ],
)
def test_an_unusable_manifest_is_named(given: Path, content: str, words: str) -> None:
    aws_run(given, "2025-01", rows())
    path = put(given / "metadata/BILLING_PERIOD=2025-01/focus-Manifest.json", content)
    assert f"{path} {words}" in refused(given)


def test_a_part_listed_twice_and_several_exports_are_refused(given: Path) -> None:
    aws_run(given / "one", "2025-01", rows())
    aws_manifest(given / "one", "2025-01", [f"{BUCKET}/data/BILLING_PERIOD=2025-01/focus-00001.csv.gz"] * 2)
    assert "focus-00001.csv.gz twice" in refused(given)
    aws_run(given / "two", "2025-01", rows())
    assert "holds several exports (one, two): name the folder of one of them" in refused(given)


# Azure


def test_of_several_azure_runs_the_one_submitted_last_is_taken(given: Path) -> None:
    """Whatever its folder is called."""
    azure_run(given, "2025-01", rows("2025-01", "1"), stamp="202502060000", submitted="2025-02-01T05:00:00Z")
    newest = azure_run(
        given, "2025-01", rows("2025-01", "2"), rows("2025-01", "3"), stamp="202502010000",
        submitted="2025-02-02T00:30:00+01:00", guid="3f2504e0-4f89-41d3-9a0c-0305e82c3301",
    )  # fmt: skip
    azure_run(given, "2025-02", rows("2025-02", "4"), stamp="202503010000")
    found = open_delivery(given, CEILING, LATER)
    january, february = found.runs
    assert january.parts == tuple(f"{newest.relative_to(given)}/part_{n}_0001.csv.gz" for n in (0, 1))
    assert february.month == "2025-02"
    assert found.skipped == ("2025-01: 20250101-20250131/202502060000 (older run)",)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (
            {"runInfo": {"startDate": "2025-01-01", "submittedTime": None}},
            "which run of 2025-01 is the newest cannot be told",
        ),
        (
            {"runInfo": {"startDate": "2025-01-01", "submittedTime": "2025-02-01T00:00:00.123Z"}},
            "which run of 2025-01 is the newest cannot be told",
        ),
        ({"runInfo": {"startDate": "2025-01-15"}}, "covers 2025-01-15 to an unknown day: export one month"),
        (
            {"runInfo": {"startDate": "2025-01-01", "endDate": "2025-03-31"}},
            "covers 2025-01-01 to 2025-03-31: export one month",
        ),
        ({"runInfo": {}}, "has no `runInfo.startDate`"),
        ({"exportConfig": {"type": "AmortizedCost"}}, "AmortizedCost, not FocusCost: in Azure Cost Management"),
        ({"exportConfig": {"exportName": "other"}}, "holds several exports (focus, other)"),
        ({"blobs": None}, "has no list `blobs`"),
        ({"blobs": []}, "lists 0 of 1 files"),
        ({"blobs": [], "blobCount": 0}, "lists no files"),
        ({"blobs": [{"blobName": "../../x.csv"}]}, "outside the delivery"),
        ({"blobs": [{"byteCount": 3}]}, "outside the delivery"),
        ({"blobs": [{"blobName": "exports/part_9_0001.csv"}]}, "part_9_0001.csv is missing"),
        ({"blobs": [{"blobName": "exports/part_0_0001.csv.gz", "byteCount": 5}]}, "says 5: get the delivery again"),
    ],
)
def test_what_is_wrong_with_an_azure_run_is_named(given: Path, changed: dict, words: str) -> None:
    azure_run(given, "2025-01", rows(), stamp="202502010000")
    azure_run(given, "2025-01", rows(), stamp="202502020000", **changed)
    assert words in refused(given)


def test_a_fault_of_an_older_run_does_not_matter(given: Path) -> None:
    old = azure_run(given, "2025-01", rows(), stamp="202502010000")
    (old / "part_0_0001.csv.gz").unlink()
    azure_run(given, "2025-01", rows(), stamp="202502020000")
    assert list(chosen(given)) == ["2025-01"]


def test_an_azure_run_without_a_manifest_beside_another_is_refused(given: Path) -> None:
    """It may be the newest one, still being written."""
    azure_run(given, "2025-01", rows(), stamp="202502010000")
    late = azure_run(given, "2025-01", rows(), stamp="202502020000")
    (late / "manifest.json").unlink()
    assert f"{late}: there is no manifest.json" in refused(given)


def test_azure_files_without_partitions_are_runs_not_parts(given: Path) -> None:
    """Older exports write a file of the whole month into the folder of the month each day."""
    folder = given / "20250101-20250131"
    put(folder / "focus_1b9a.csv", rows("2025-01", "1"))
    assert list(chosen(given)) == ["2025-01"]
    put(folder / "focus_2c8d.csv", rows("2025-01", "1", "2"))
    assert "which files are the newest run of 2025-01 is not known" in refused(given)


# OCI


def test_all_reports_of_oci_are_taken_and_filed_by_their_rows(given: Path, root: Path) -> None:
    reports = given / "FOCUS Reports/2025"
    put(reports / "01/31/0001.csv.gz", rows("2025-01", "1"))
    put(reports / "02/01/0001.csv.gz", rows("2025-01", "2", day=9))
    put(reports / "02/02/0001.csv.gz", rows("2025-02", "3"))
    setting(root, "append", "oci")
    assert [done.path for done in take(root, given, "oci")] == [
        "charges/2025-01/oci/part-000.csv.gz",
        "charges/2025-01/oci/part-001.csv.gz",
        "charges/2025-02/oci.csv.gz",
    ]
    put(reports / "02/03/0001.csv.gz", rows("2025-02", "4", day=20))
    assert [done.action for done in take(root, given, "oci")] == ["unchanged"] * 3 + ["added"]
    assert len(stored(root)) == 4
    # The folder of a year is enough to know the layout.
    assert open_delivery(reports, CEILING).layout == "OCI FOCUS reports"


def test_a_report_of_oci_with_two_months_is_split_on_demand(given: Path, root: Path) -> None:
    """Beside reports that are stored already, and only once."""
    setting(root, "append", "oci")
    put(given / "2025/02/01/0001.csv.gz", rows("2025-02", "1"))
    take(root, given, "oci")
    january = rows("2025-01", "2").partition("\n")[2]
    put(given / "2025/02/02/0001.csv.gz", rows("2025-02", "3", day=5) + january)
    with pytest.raises(UsageFault, match="spans 2 months"):
        take(root, given, "oci")
    for _ in range(2):
        take(root, given, "oci", mode="split")
        assert list(stored(root)) == [
            "2025-01/oci.csv",
            "2025-02/oci/part-000.csv.gz",
            "2025-02/oci/part-001.csv",
        ]


def test_an_older_report_of_oci_is_refused_by_name(given: Path, root: Path) -> None:
    put(given / "FOCUS Reports/2025/01/31/0001.csv.gz", rows())
    put(given / "reports/cost-csv/0001.csv.gz", "lineItem/referenceNo,cost/myCost\n1,2\n")
    assert "is an older OCI cost report, not a FOCUS file: use the files below `FOCUS Reports/`" in refused(given)
    alone = put(given.parent / "cost.csv", "lineItem/referenceNo,lineItem/tenantId,cost/myCost\n1,2,3\n")
    with pytest.raises(LedgerFault) as fault:
        take(root, alone, "oci")
    (problem,) = fault.value.problems
    assert (problem.code, problem.message) == ("not-focus", "this is an OCI cost report, not a FOCUS file")


# A manifest with part files, as in a zip


MANIFEST = {"parts": [{"path": "data/part-0.csv", "byteCount": len(rows("2025-01", "1"))}, "data/part-1.csv"]}
LISTED: dict[str, str | bytes] = {
    "manifest.json": json.dumps(MANIFEST),
    "data/part-0.csv": rows("2025-01", "1"),
    "data/part-1.csv": rows("2025-01", "2"),
}


def test_the_parts_of_a_zip_are_stored_as_they_are(tmp_path: Path, root: Path) -> None:
    done = take(root, zipped(tmp_path / "focus.ZIP", LISTED), "pinecone")
    assert [each.action for each in done] == ["added", "added"]
    assert stored(root) == {
        "2025-01/pinecone/part-000.csv": rows("2025-01", "1").encode(),
        "2025-01/pinecone/part-001.csv": rows("2025-01", "2").encode(),
    }


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"data/part-2.csv": rows()}, "part-2.csv is not listed in"),
        ({"data/part-0.csv": rows("2025-01", "1", "2")}, "manifest.json says"),
        ({"manifest.json": "{}"}, "does not list the files of the export"),
        ({"manifest.json": json.dumps({"files": ["../x.csv"]})}, "outside the delivery"),
        ({"manifest.json": json.dumps({"files": ["/x.csv"]})}, "outside the delivery"),
        ({"manifest.json": json.dumps({"files": ["data/part-9.csv"]})}, "part-9.csv is missing"),
        ({"more/manifest.json": "{}"}, "are both manifests"),
        ({"manifest.json": b"\xff"}, "is not a JSON object"),
    ],
)
def test_what_is_wrong_with_a_zip_is_named(tmp_path: Path, change: dict, words: str) -> None:
    assert words in refused(zipped(tmp_path / "focus.zip", LISTED | change))


# What is dangerous in an archive


@pytest.mark.parametrize("name", ["../x.csv", "a/../../x.csv", "/x.csv", "C:/x.csv", "a\\..\\x.csv"])
def test_an_entry_that_leads_outside_is_refused(tmp_path: Path, name: str) -> None:
    assert "has a name that leads outside the archive" in refused(zipped(tmp_path / "x.zip", {name: rows()}))


def test_a_name_that_steers_a_terminal_is_refused_and_shown_safely(tmp_path: Path) -> None:
    said = refused(zipped(tmp_path / "x.zip", {"a\x1b[2J\u202e.csv": rows()}))
    assert "contains control characters" in said
    assert said.isprintable()


def test_a_link_in_an_archive_is_refused(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("part.csv")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    assert "the entry part.csv is a link" in refused(tmp_path / "x.zip")


def test_an_archive_that_unpacks_to_too_much_is_refused_unread(tmp_path: Path) -> None:
    bomb = zipped(tmp_path / "x.zip", {"part.csv": HEADER + "\n" * (CEILING + 1)})
    assert bomb.stat().st_size < 100_000
    assert f"it would unpack to {CEILING + 1 + len(HEADER):,} bytes, more than 10,000,000 bytes" in refused(bomb)


def test_an_archive_that_lies_about_sizes_is_refused(tmp_path: Path, root: Path) -> None:
    """Whether it declares more than it can hold, or less than is in it."""
    path = zipped(tmp_path / "x.zip", {"part.csv": rows()})
    whole = path.read_bytes()
    place = whole.index(b"PK\x01\x02") + 24
    path.write_bytes(whole[:place] + struct.pack("<I", 5_000_000) + whole[place + 4 :])
    assert "its entries are larger than the archive can hold" in refused(path)
    path.write_bytes(whole[: place - 4] + struct.pack("<I", 5_000_000) + whole[place:])
    assert "its entries are larger than the archive can hold" in refused(path)
    path.write_bytes(whole[:place] + struct.pack("<I", 20) + whole[place + 4 :])
    with pytest.raises(UsageFault, match=r"part\.csv cannot be read: it is damaged"):
        take(root, path)
    assert stored(root) == {}


def test_an_encrypted_entry_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "x.zip", {"part.csv": rows()})
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(bytes(data))
    assert "the entry part.csv is encrypted: unpack the archive with its password" in refused(path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_other_archives_that_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with zipfile.ZipFile(tmp_path / "twice.zip", "w") as archive:
        archive.writestr("a.csv", rows())
        archive.writestr("a.csv", rows("2025-01", "2"))
    assert "the entry a.csv is there twice" in refused(tmp_path / "twice.zip")
    with zipfile.ZipFile(tmp_path / "lzma.zip", "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a.csv", rows())
    assert "compressed in an unknown way" in refused(tmp_path / "lzma.zip")
    assert "is not a zip archive, or it is cut off" in refused(put(tmp_path / "text.zip", "PK\x03\x04 no"))
    monkeypatch.setattr(zip_tree, "MAX_ENTRIES", 2)
    many = zipped(tmp_path / "many.zip", {f"{n}.csv": rows() for n in range(3)})
    assert "has 3 entries, more than 2" in refused(many)


def test_a_compressed_part_that_expands_too_much_is_refused(tmp_path: Path, root: Path) -> None:
    (root / "config.yaml").write_text("organization: A\ncurrency: USD\nlimits: {charge_file_gb: 1}\n")
    inner = gzip.compress(b"\n" * (1_000_000_001), 9)
    path = zipped(tmp_path / "x.zip", {"part.csv.gz": inner})
    with pytest.raises(LedgerFault) as fault:
        take(root, path)
    assert [each.code for each in fault.value.problems] == ["charge-file-size"]


# Folders


def test_the_parts_of_a_plain_folder_are_one_delivery(given: Path, root: Path) -> None:
    put(given / "part-a.csv", rows("2025-01", "1"))
    put(given / "part-b.csv.gz", rows("2025-01", "2", day=9))
    put(given / "README.txt", "not a charge file")
    put(given / ".hidden.csv", rows())
    put(given / "_SUCCESS", "")
    assert chosen(given) == {"": ["part-a.csv", "part-b.csv.gz"]}
    assert [done.path for done in take(root, given)] == [
        "charges/2025-01/aws/part-000.csv",
        "charges/2025-01/aws/part-001.csv.gz",
    ]


def test_runs_of_one_export_in_a_plain_folder_are_never_added_up(given: Path, root: Path) -> None:
    """The second one has the days of the first one, with a cost that has changed, and one more."""
    first, second = rows("2025-01", "1", "2", "3"), rows("2025-01", "1", "2", "3.5", "4")
    put(given / "focus-0110.csv", first)
    put(given / "focus-0120.csv", second)
    with pytest.raises(UsageFault) as fault:
        take(root, given)
    assert f"{given}/focus-0120.csv repeats 3 of 3 rows of {given}/focus-0110.csv" in str(fault.value)
    assert stored(root) == {}
    put(given / "focus-0120.csv", rows("2025-01", "4", "5", "6", day=10))
    assert len(take(root, given)) == 2


def test_charge_files_in_several_folders_are_refused(given: Path) -> None:
    put(given / "0110/focus.csv", rows())
    assert chosen(given) == {"": ["0110/focus.csv"]}
    put(given / "0120/focus.csv", rows())
    said = refused(given)
    assert "has charge files in 2 folders (0110, 0120)" in said
    assert "name the folder of one export" in said


def test_a_folder_without_charge_files_is_refused(given: Path) -> None:
    assert refused(given) == f"{given} has no charge files (.csv, .csv.gz, .csv.zst, .parquet): it is empty"
    put(given / "inner.zip", b"")
    assert "it has 1 other file" in refused(given)


@pytest.mark.parametrize("what", ["file", "folder", "pipe"])
def test_links_and_pipes_in_a_folder_are_refused(given: Path, what: str) -> None:
    put(given / "part.csv", rows())
    outside = put(given.parent / "outside/secret.csv", rows())
    if what == "pipe":
        os.mkfifo(given / "x.csv")
        assert "x.csv is not a file" in refused(given)
    else:
        (given / "x.csv").symlink_to(outside if what == "file" else outside.parent)
        assert f"{given}/x.csv is a link: put the file itself there" in refused(given)


def test_a_file_that_changes_while_it_is_read_is_refused(given: Path, root: Path) -> None:
    path = put(given / "part.csv", rows())
    delivery = open_delivery(given, CEILING, LATER)
    put(path, rows("2025-01", "1", "2"))
    ledger, _ = read_ledger(root)
    assert ledger is not None
    with pytest.raises(UsageFault, match="changed while it was read"):
        ingest(ledger, delivery, Request("aws"))


# Into the ledger


def test_each_month_of_a_delivery_goes_to_its_own_period(given: Path, root: Path) -> None:
    january = aws_run(given, "2025-01", rows("2025-01", "1"), rows("2025-01", "2"))
    (february,) = aws_run(given, "2025-02", rows("2025-02", "3"))
    done = take(root, given)
    assert [each.origin for each in done] == [str(path) for path in (*january, february)]
    assert stored(root) == {
        "2025-01/aws/part-000.csv.gz": january[0].read_bytes(),
        "2025-01/aws/part-001.csv.gz": january[1].read_bytes(),
        "2025-02/aws.csv.gz": february.read_bytes(),
    }
    assert {each.action for each in take(root, given)} == {"unchanged"}


def test_one_month_of_a_delivery_can_be_named(given: Path, root: Path) -> None:
    aws_run(given, "2025-01", rows("2025-01", "1"))
    aws_run(given, "2025-02", rows("2025-02", "3"))
    with pytest.raises(UsageFault, match="no charges of 2025-03, but of 2025-01, 2025-02"):
        take(root, given, period="2025-03")
    take(root, given, period="2025-02")
    assert list(stored(root)) == ["2025-02/aws.csv.gz"]


def test_one_broken_part_keeps_everything_out(given: Path, root: Path) -> None:
    aws_run(given, "2025-01", rows("2025-01", "1"))
    aws_run(given, "2025-02", rows("2025-02", "2"), rows("2025-02", "2").replace(",2,2,2,", ",$2,2,2,"))
    with pytest.raises(LedgerFault) as fault:
        take(root, given)
    (problem,) = errors(fault.value)
    assert problem.path == f"{given}/data/BILLING_PERIOD=2025-02/focus-00002.csv.gz"
    assert stored(root) == {}


def test_a_part_of_another_month_than_its_folder_says_is_refused(given: Path, root: Path) -> None:
    aws_run(given, "2025-01", rows("2025-02", "1"))
    with pytest.raises(UsageFault, match=r"has charges of 2025-02, though its folder or manifest says 2025-01"):
        take(root, given)


def test_a_part_without_rows_belongs_to_the_month_of_its_run(given: Path, root: Path) -> None:
    aws_run(given, "2025-01", rows("2025-01", "1"), HEADER + "\n")
    aws_run(given, "2025-02", rows("2025-02", "1"))
    take(root, given)
    assert list(stored(root)) == ["2025-01/aws/part-000.csv.gz", "2025-01/aws/part-001.csv.gz", "2025-02/aws.csv.gz"]


def test_without_the_setting_a_new_run_asks(given: Path, root: Path) -> None:
    aws_run(given, "2025-01", rows("2025-01", "1"))
    take(root, given)
    aws_run(given, "2025-01", rows("2025-01", "2"))
    before = stored(root)
    with pytest.raises(UsageFault, match="`--replace` replaces the existing files; `--add` keeps both"):
        take(root, given)
    assert stored(root) == before


def test_overwrite_replaces_the_month_with_however_many_parts(given: Path, root: Path) -> None:
    setting(root, "overwrite")
    aws_run(given, "2025-01", rows("2025-01", "1"))
    take(root, given)
    aws_run(given, "2025-02", rows("2025-02", "1"))
    two = aws_run(given, "2025-01", rows("2025-01", "2"), rows("2025-01", "3"))
    assert [each.action for each in take(root, given)] == ["replaced", "replaced", "added"]
    assert list(stored(root)) == ["2025-01/aws/part-000.csv.gz", "2025-01/aws/part-001.csv.gz", "2025-02/aws.csv.gz"]
    assert stored(root)["2025-01/aws/part-001.csv.gz"] == two[1].read_bytes()
    (one,) = aws_run(given, "2025-01", rows("2025-01", "5"))
    two[1].unlink()
    take(root, given)
    assert stored(root)["2025-01/aws.csv.gz"] == one.read_bytes()
    assert len(stored(root)) == 2


def test_an_older_copy_does_not_replace_a_newer_one_unless_asked(given: Path, root: Path) -> None:
    """An AWS export that overwrites its files does not say when it was made; its last day of usage shows it."""
    setting(root, "overwrite")
    (newer,) = aws_run(given, "2025-01", rows("2025-01", "1", "2", "3"))
    take(root, given)
    (older,) = aws_run(given, "2025-01", rows("2025-01", "1", "2.50"))
    assert older == newer
    before = stored(root)
    with pytest.raises(UsageFault, match="until 2025-01-02, the charges that it would replace until 2025-01-03"):
        take(root, given)
    assert stored(root) == before
    take(root, given, mode="replace")
    assert stored(root) != before
    # A correction that keeps the days is a newer export.
    aws_run(given, "2025-01", rows("2025-01", "1", "2"))
    take(root, given)


def test_overwrite_and_append_hold_for_files_too(tmp_path: Path, root: Path) -> None:
    one, two = put(tmp_path / "1.csv", rows("2025-01", "1")), put(tmp_path / "2.csv", rows("2025-01", "2", day=9))
    setting(root, "overwrite")
    take(root, one)
    take(root, two)
    assert stored(root) == {"2025-01/aws.csv": two.read_bytes()}
    setting(root, "append")
    take(root, one)
    assert len(stored(root)) == 2


def test_append_refuses_rows_that_are_there(tmp_path: Path, root: Path) -> None:
    setting(root, "append")
    take(root, put(tmp_path / "1.csv", rows("2025-01", "1", "2")))
    before = stored(root)
    more = put(tmp_path / "2.csv", rows("2025-01", "1", "2", "3"))
    with pytest.raises(UsageFault) as fault:
        take(root, more)
    assert f"2 rows of {more} in charges/2025-01/aws.csv" in str(fault.value)
    assert "set `delivery: overwrite`" in str(fault.value)
    assert stored(root) == before
    take(root, more, mode="add")
    assert len(stored(root)) == 2


def test_a_closed_month_of_a_delivery_is_left_alone_unless_it_differs(given: Path, root: Path) -> None:
    setting(root, "overwrite")
    aws_run(given, "2025-01", rows("2025-01", "1"))
    take(root, given)
    (root / "periods").mkdir()
    (root / "periods/2025-01.yaml").write_text("state: closed\nclosed: {on: 2025-03-01}\n")
    aws_run(given, "2025-02", rows("2025-02", "1"))
    assert [each.action for each in take(root, given)] == ["unchanged", "added"]
    aws_run(given, "2025-01", rows("2025-01", "2"))
    aws_run(given, "2025-02", rows("2025-02", "3"))
    with pytest.raises(UsageFault, match="2025-01 is closed, and the delivery has other charges for it"):
        take(root, given)
    take(root, given, period="2025-02")
    assert stored(root)["2025-02/aws.csv.gz"] == gzip.compress(rows("2025-02", "3").encode(), mtime=0)


# Estimates


MIDDLE = dt.datetime(2025, 1, 20, tzinfo=dt.UTC)


def test_a_run_before_the_end_of_its_month_is_an_estimate(given: Path) -> None:
    """Azure says when it was submitted, the folder of an AWS run has the time, else the clock counts."""
    azure_run(given / "azure", "2025-01", rows(), stamp="202501200000")
    azure_run(given / "azure", "2025-02", rows("2025-02"), stamp="202503010000")
    assert [run.estimate for run in open_delivery(given / "azure", CEILING, LATER).runs] == [True, False]
    aws_run(given / "runs", "2025-01", rows(), run="20250131T235959Z-aa")
    (run,) = open_delivery(given / "runs", CEILING, LATER).runs
    assert run.estimate
    aws_run(given / "runs", "2025-01", rows(), run="20250201T000000Z-aa")
    (run,) = open_delivery(given / "runs", CEILING, LATER).runs
    assert not run.estimate
    aws_run(given / "over", "2025-01", rows())
    assert [open_delivery(given / "over", CEILING, now).runs[0].estimate for now in (MIDDLE, LATER)] == [True, False]
    (note,) = open_delivery(given / "over", CEILING, MIDDLE).notes
    assert "`periods close` refuses them until the final export replaces them" in note


@pytest.mark.parametrize("delivery", ["", "overwrite"])
def test_estimates_are_named_so_and_replaced_without_asking(given: Path, root: Path, delivery: str) -> None:
    if delivery:
        setting(root, delivery, "azure")
    azure_run(given, "2025-01", rows("2025-01", "1"), stamp="202501100000")
    take(root, given, "azure")
    azure_run(given, "2025-01", rows("2025-01", "1", "2"), stamp="202501200000")
    take(root, given, "azure")
    assert list(stored(root)) == ["2025-01/azure/estimate-000.csv.gz"]
    azure_run(given, "2025-01", rows("2025-01", "1", "2", "3"), stamp="202502030000")
    (done,) = take(root, given, "azure")
    assert (done.action, done.path) == ("replaced", "charges/2025-01/azure.csv.gz")
    assert list(stored(root)) == ["2025-01/azure.csv.gz"]


@pytest.mark.parametrize("mode", [None, "replace"])
def test_an_estimate_that_turns_out_final_gets_the_name_of_final_charges(
    given: Path, root: Path, mode: str | None
) -> None:
    azure_run(given, "2025-01", rows("2025-01", "1"), stamp="202501310000")
    take(root, given, "azure")
    azure_run(given, "2025-01", rows("2025-01", "1"), stamp="202502030000")
    take(root, given, "azure", mode=mode)
    assert list(stored(root)) == ["2025-01/azure.csv.gz"]


def test_estimates_and_final_charges_are_never_added_up(tmp_path: Path, root: Path) -> None:
    """Neither a final file to an estimate, nor an estimate in place of final charges."""
    estimate, final = put(tmp_path / "e.csv", rows("2025-01", "1")), put(tmp_path / "f.csv", rows("2025-01", "1", "2"))
    setting(root, "append", "fal")
    take(root, estimate, "fal", estimate=True)
    with pytest.raises(UsageFault, match=r"estimate-000\.csv is an estimate, so .*f\.csv would bill its charges twice"):
        take(root, final, "fal")
    take(root, final, "fal", mode="replace")
    assert stored(root) == {"2025-01/fal.csv": final.read_bytes()}
    setting(root, "overwrite", "fal")
    with pytest.raises(UsageFault, match=r"e\.csv is an estimate, but fal has final charges in 2025-01"):
        take(root, estimate, "fal", estimate=True)


def test_estimates_of_different_days_are_added_on_demand(tmp_path: Path, root: Path) -> None:
    take(root, put(tmp_path / "1.csv", rows("2025-01", "1")), "fal", estimate=True)
    take(root, put(tmp_path / "2.csv", rows("2025-01", "2", day=9)), "fal", estimate=True, mode="add")
    assert list(stored(root)) == ["2025-01/fal/estimate-000.csv", "2025-01/fal/estimate-001.csv"]
    take(root, put(tmp_path / "f.csv", rows("2025-01", "1", "2")), "fal")
    assert list(stored(root)) == ["2025-01/fal.csv"]


# What Google and Azure write that is not FOCUS, or nearly


GOOGLE = (
    "BillingAccountId,BillingCurrency,BillingPeriodStart,BillingPeriodEnd,ChargePeriodStart,ChargePeriodEnd,"
    "ChargeCategory,ChargeClass,BilledCost,EffectiveCost,ListCost,ContractedCost,PricingCategory,ServiceCategory,"
    "ServiceName,SubAccountId,Tags,x_Project\n"
    "TODO,USD,2025-01-01T08:00:00Z,2025-01-31T08:00:00Z,2025-01-31T08:00:00Z,2025-02-01T08:00:00Z,{},{},"
    '1.5,1.5,2,2,standard,"[""Compute""]",Compute Engine,01-02,'
    '"[{{""key"":""pi_email"",""value"":""ada@example.edu"",""x_type"":""label"",""x_inherited"":false}}]",p1\n'
)
"""A row of the view in looker-open-source/google_cloud_focus: its month begins at midnight in Los Angeles."""


def test_googles_own_view_is_read(tmp_path: Path, root: Path) -> None:
    (done,) = take(root, put(tmp_path / "g.csv", GOOGLE.format("usage", "")), "gcp")
    assert (done.period, done.content.cost) == ("2025-01", Decimal("1.5"))
    assert {each.field for each in done.problems if each.code == "value-case"} == {"ChargeCategory", "PricingCategory"}


def test_googles_category_error_is_refused_with_what_to_do(tmp_path: Path, root: Path) -> None:
    with pytest.raises(LedgerFault) as fault:
        take(root, put(tmp_path / "g.csv", GOOGLE.format("error", "")), "gcp")
    (problem,) = errors(fault.value)
    assert problem.message == "ChargeCategory is error"
    assert "rounding_error: write Adjustment there in the view" in problem.fix
