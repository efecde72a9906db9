"""Putting charge files into a ledger: bytes as received, all or nothing, nothing lost and nothing twice."""

import csv
import errno
import gzip
import io
import os
import tempfile
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from examples import examples
from openchargeback.files import changes
from openchargeback.focus import ingest as module
from openchargeback.focus.ingest import Request, ingest
from openchargeback.ledger.files import charge_files
from openchargeback.ledger.reading import read_ledger
from openchargeback.problems import LedgerFault, OutsideFault, UsageFault

HEADER = "BillingPeriodStart,BilledCost,ListCost,BillingCurrency,ChargeCategory,ServiceName,Tags"
JANUARY, FEBRUARY = "2025-01-01T00:00:00Z", "2025-02-01T00:00:00Z"


def row(start=JANUARY, cost="1.50", list_="2", currency="USD", service="S3"):
    return f"{start},{cost},{list_},{currency},Usage,{service},"


def export(path: Path, *rows: str, end="\n", bom=b"") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bom + end.join([HEADER, *rows, ""]).encode())
    return path


def opened(root):
    ledger, problems = read_ledger(root)
    assert problems == []
    return ledger


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "ledger"
    (folder / "charges").mkdir(parents=True)
    (folder / "config.yaml").write_text("organization: A\ncurrency: USD\n")
    return folder


@pytest.fixture
def put(root):
    def do(*paths, source="aws", **options):
        return ingest(opened(root), list(paths), Request(source, **options))

    return do


def snapshot(root):
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def stored(root):
    return {path: data for path, data in snapshot(root).items() if path.startswith("charges/")}


def close(root, period, state="closed"):
    (root / "periods").mkdir(exist_ok=True)
    text = f"state: {state}\nclosed: {{on: 2025-03-01}}\n"
    text += "finalized: {on: 2025-03-02}\n" if state == "finalized" else ""
    (root / "periods" / f"{period}.yaml").write_text(text)


def test_a_file_is_put_in_place_with_its_sums(root, put, tmp_path):
    given_ = export(tmp_path / "export.csv", row(), row(cost="0.000612", list_=""), row(cost="7", currency="EUR"))
    (done,) = put(given_)
    assert (done.action, done.path, done.period, done.source) == ("added", "charges/2025-01/aws.csv", "2025-01", "aws")
    assert done.content.charges == 3
    assert done.content.cost == Decimal("1.500612")
    assert done.content.list == Decimal("2.000612")
    assert done.content.others == (("EUR", Decimal(7)),)
    assert stored(root) == {"charges/2025-01/aws.csv": given_.read_bytes()}
    assert done.as_json()["cost"] == "1.500612"
    assert done.as_json()["from"] == str(given_)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
def test_bytes_stay_as_received(root, put, tmp_path, end, bom):
    given_ = export(tmp_path / "x.csv", row(service='"a ""b""\r\n\nc"'), row(), end=end, bom=bom)
    put(given_)
    assert stored(root) == {"charges/2025-01/aws.csv": given_.read_bytes()}
    # As any file that one makes oneself: not only readable to its owner, as temporary files are.
    assert (root / "charges/2025-01/aws.csv").stat().st_mode == (root / "config.yaml").stat().st_mode


def test_compressed_files_are_stored_as_they_are(root, put, tmp_path):
    given_ = tmp_path / "x.CSV.GZ"
    given_.write_bytes(gzip.compress(f"{HEADER}\n{row()}\n".encode(), mtime=99))
    (done,) = put(given_)
    assert stored(root) == {"charges/2025-01/aws.csv.gz": given_.read_bytes()}
    assert done.content.charges == 1


def test_the_same_bytes_again_are_nothing_to_do(root, put, tmp_path):
    given_ = export(tmp_path / "x.csv", row())
    put(given_)
    for mode in (None, "add", "replace", "split"):
        (done,) = put(given_, mode=mode)
        assert (done.action, done.path) == ("unchanged", "charges/2025-01/aws.csv")
    assert list(stored(root)) == ["charges/2025-01/aws.csv"]


def test_a_file_of_the_ledger_at_its_own_place_is_unchanged(root, put, tmp_path):
    put(export(tmp_path / "x.csv", row()))
    before = snapshot(root)
    (done,) = put(root / "charges/2025-01/aws.csv")
    assert done.action == "unchanged"
    assert snapshot(root) == before


def test_the_same_content_compressed_is_unchanged(put, tmp_path):
    given_ = export(tmp_path / "x.csv", row())
    put(given_)
    (done,) = put(given_, compress=True)
    assert done.action == "unchanged"


def test_other_bytes_are_refused_with_both_sums_and_the_fixes(root, put, tmp_path):
    put(export(tmp_path / "old.csv", row()))
    before = snapshot(root)
    with pytest.raises(UsageFault) as refused:
        put(export(tmp_path / "new.csv", row(), row(cost="3")))
    text = str(refused.value)
    assert "charges/2025-01/aws.csv: 1 charge, cost 1.5 USD, list 2 USD" in text
    assert f"{tmp_path / 'new.csv'}: 2 charges, cost 4.5 USD, list 4 USD" in text
    assert "--replace" in text
    assert "--add" in text
    assert snapshot(root) == before


def test_replace_puts_the_new_file_in_place_and_tells_the_old_sums(root, put, tmp_path):
    put(export(tmp_path / "old.csv", row()))
    new = export(tmp_path / "new.csv", row(cost="3"))
    (done,) = put(new, mode="replace")
    assert done.action == "replaced"
    assert done.before.cost == Decimal("1.5")
    assert done.before_paths == ("charges/2025-01/aws.csv",)
    assert stored(root) == {"charges/2025-01/aws.csv": new.read_bytes()}


def test_replace_with_another_kind_of_file_leaves_no_second_one(root, put, tmp_path):
    put(export(tmp_path / "old.csv", row()))
    put(export(tmp_path / "new.csv", row(cost="3")), mode="replace", compress=True)
    assert list(stored(root)) == ["charges/2025-01/aws.csv.gz"]


def test_replace_puts_one_file_or_several_in_the_place_of_parts(root, put, tmp_path):
    one, two = export(tmp_path / "1.csv", row(cost="1")), export(tmp_path / "2.csv", row(cost="2"))
    put(one, two, mode="add")
    three = export(tmp_path / "3.csv", row(cost="3"))
    results = put(two, three, mode="replace")
    assert [done.action for done in results] == ["replaced", "replaced"]
    assert list(stored(root).values()) == [two.read_bytes(), three.read_bytes()]
    put(one, mode="replace")
    assert stored(root) == {"charges/2025-01/aws.csv": one.read_bytes()}
    assert not (root / "charges/2025-01/aws").exists()


def test_replace_fixes_what_cannot_be_read(root, put, tmp_path):
    export(root / "charges/2025-01/aws.csv", "broken,row")
    new = export(tmp_path / "new.csv", row())
    with pytest.raises(UsageFault, match="cannot be read"):
        put(new)
    (done,) = put(new, mode="replace")
    assert done.before is None
    assert stored(root) == {"charges/2025-01/aws.csv": new.read_bytes()}


def test_replace_touches_no_other_source_or_month(root, put, tmp_path):
    put(export(tmp_path / "gcp.csv", row()), source="gcp")
    put(export(tmp_path / "feb.csv", row(FEBRUARY)))
    put(export(tmp_path / "jan.csv", row(cost="9")), mode="replace")
    assert sorted(stored(root)) == ["charges/2025-01/aws.csv", "charges/2025-01/gcp.csv", "charges/2025-02/aws.csv"]


def test_add_keeps_both_as_parts_untouched(root, put, tmp_path):
    old, new = export(tmp_path / "old.csv", row(), end="\r\n"), export(tmp_path / "new.csv", row(cost="3"))
    put(old)
    (done,) = put(new, mode="add")
    assert (done.action, done.path) == ("added", "charges/2025-01/aws/part-001.csv")
    assert done.before.charges == 1
    assert stored(root) == {
        "charges/2025-01/aws/part-000.csv": old.read_bytes(),
        "charges/2025-01/aws/part-001.csv": new.read_bytes(),
    }
    (again,) = put(old, mode="add")
    assert (again.action, again.path) == ("unchanged", "charges/2025-01/aws/part-000.csv")
    (third,) = put(export(tmp_path / "3.csv", row(cost="4")), mode="add")
    assert third.path == "charges/2025-01/aws/part-002.csv"
    files, problems = charge_files(root)
    assert (len(files), problems) == (3, [])


def test_several_files_for_one_month_are_parts_only_on_demand(root, put, tmp_path):
    one, two = export(tmp_path / "1.csv", row(cost="1")), export(tmp_path / "2.csv", row(cost="2"))
    with pytest.raises(UsageFault, match="--add"):
        put(one, two)
    assert stored(root) == {}
    put(one, two, mode="add")
    assert stored(root) == {
        "charges/2025-01/aws/part-000.csv": one.read_bytes(),
        "charges/2025-01/aws/part-001.csv": two.read_bytes(),
    }


def test_the_same_file_twice_in_one_command_is_stored_once(root, put, tmp_path):
    one, copy = export(tmp_path / "1.csv", row()), export(tmp_path / "1 (1).csv", row())
    assert [done.action for done in put(one, copy)] == ["added", "unchanged"]
    assert list(stored(root)) == ["charges/2025-01/aws.csv"]


def test_the_same_file_is_not_put_into_a_second_month(put, tmp_path):
    late = export(tmp_path / "late.csv", row())
    put(late, period="2025-02")
    with pytest.raises(UsageFault, match=r"charges/2025-02/aws\.csv.*twice"):
        put(late)


def test_the_month_is_that_of_the_start_in_utc(put, tmp_path):
    (done,) = put(export(tmp_path / "x.csv", row("2025-02-01T00:30:00+01:00")))
    assert done.period == "2025-01"


def test_a_file_that_spans_months_is_refused_with_the_counts(root, put, tmp_path):
    with pytest.raises(UsageFault) as refused:
        put(export(tmp_path / "x.csv", row(), row(FEBRUARY), row(FEBRUARY)))
    text = str(refused.value)
    assert "2025-01  1 charge\n" in text
    assert "2025-02  2 charges\n" in text
    assert "--split" in text
    assert "--period" in text
    assert stored(root) == {}


def test_period_keeps_a_file_whole(root, put, tmp_path):
    late = export(tmp_path / "x.csv", row(), row(FEBRUARY))
    (done,) = put(late, period="2025-02")
    assert (done.period, done.content.charges) == ("2025-02", 2)
    assert stored(root) == {"charges/2025-02/aws.csv": late.read_bytes()}


def test_split_keeps_the_bytes_of_every_record(root, put, tmp_path):
    odd = row(service='"a ""quoted""\nline, and\r\nanother"')
    given_ = tmp_path / "x.csv"
    given_.write_bytes(
        b"\xef\xbb\xbf"
        + f"{HEADER}\r\n{odd}\r\n{row(FEBRUARY)}\r\n{row(cost='1.10')}\r\n{row(FEBRUARY, '-2')}".encode()
    )
    results = put(given_, mode="split")
    assert [(done.action, done.period, done.content.charges) for done in results] == [
        ("split", "2025-01", 2),
        ("split", "2025-02", 2),
    ]
    start = b"\xef\xbb\xbf" + f"{HEADER}\r\n".encode()
    assert stored(root) == {
        "charges/2025-01/aws.csv": start + f"{odd}\r\n{row(cost='1.10')}\r\n".encode(),
        "charges/2025-02/aws.csv": start + f"{row(FEBRUARY)}\r\n{row(FEBRUARY, '-2')}".encode(),
    }
    assert [done.action for done in put(given_, mode="split")] == ["unchanged", "unchanged"]


def test_split_of_a_single_month_stores_the_file_itself(root, put, tmp_path):
    given_ = export(tmp_path / "x.csv", row())
    assert [done.action for done in put(given_, mode="split")] == ["added"]
    assert stored(root) == {"charges/2025-01/aws.csv": given_.read_bytes()}


def test_split_of_a_compressed_file_gives_plain_months_unless_told(root, put, tmp_path):
    given_ = tmp_path / "x.csv.gz"
    given_.write_bytes(gzip.compress(f"{HEADER}\n{row()}\n{row(FEBRUARY)}\n".encode()))
    put(given_, mode="split")
    assert sorted(stored(root)) == ["charges/2025-01/aws.csv", "charges/2025-02/aws.csv"]
    given_.write_bytes(gzip.compress(f"{HEADER}\n{row(cost=3)}\n{row(FEBRUARY, cost=3)}\n".encode()))
    put(given_, mode="split", compress=True, source="gcp")
    assert (root / "charges/2025-02/gcp.csv.gz").is_file()


def test_split_fills_all_months_or_none(root, put, tmp_path):
    put(export(tmp_path / "feb.csv", row(FEBRUARY)))
    before = snapshot(root)
    with pytest.raises(UsageFault, match="2025-02"):
        put(export(tmp_path / "x.csv", row(), row(FEBRUARY, "9")), mode="split")
    assert snapshot(root) == before


MONTHS = st.sampled_from(["2025-01-01", "2025-02-01T00:00:00Z", "2024-12-31T23:59:59Z", "2025-03-01T00:30:00+02:00"])
COSTS = st.decimals("-1e6", "1e6", places=9)
SERVICES = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]) | st.sampled_from('\n",'), max_size=8)


@settings(max_examples=examples(20), suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(MONTHS, COSTS, SERVICES), min_size=1, max_size=12), st.sampled_from(["\n", "\r\n"]))
def test_split_parts_hold_exactly_the_rows_and_the_total(rows, end):
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "ledger"
        (root / "charges").mkdir(parents=True)
        (root / "config.yaml").write_text("organization: A\n")
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator=end)
        writer.writerow(HEADER.split(","))
        cells = [[start, f"{cost:f}", "", "USD", "Usage", service, ""] for start, cost, service in rows]
        writer.writerows(cells)
        given_ = Path(folder) / "x.csv"
        given_.write_bytes(text.getvalue().encode())
        results = ingest(opened(root), [given_], Request("aws", mode="split"))
        assert sum(done.content.charges for done in results) == len(rows)
        assert sum((done.content.cost for done in results), Decimal(0)) == sum(
            (cost for _, cost, _ in rows), Decimal(0)
        )
        found = []
        for data in stored(root).values():
            header, *records = csv.reader(io.StringIO(data.decode(), newline=""))
            assert header == HEADER.split(",")
            found += records
        assert sorted(found) == sorted(cells)


@pytest.mark.parametrize("state", ["closed", "finalized"])
def test_a_closed_month_is_refused_and_an_open_one_named(root, put, tmp_path, state):
    close(root, "2025-01", state)
    close(root, "2025-02")
    given_ = export(tmp_path / "x.csv", row())
    with pytest.raises(UsageFault, match=rf"2025-01 is {state}.*--period 2025-03"):
        put(given_)
    with pytest.raises(UsageFault, match="2025-02 is closed"):
        put(given_, period="2025-02")
    for mode in ("add", "replace", "split"):
        with pytest.raises(UsageFault, match=state):
            put(given_, mode=mode)
    put(given_, period="2025-03")


def test_the_year_after_december_is_named(root, put, tmp_path):
    close(root, "2024-12")
    with pytest.raises(UsageFault, match="--period 2025-01"):
        put(export(tmp_path / "x.csv", row("2024-12-01")))


def test_the_same_bytes_in_a_closed_month_are_unchanged(root, put, tmp_path):
    given_ = export(tmp_path / "x.csv", row())
    put(given_)
    close(root, "2025-01")
    assert [done.action for done in put(given_)] == ["unchanged"]


def test_a_period_file_that_cannot_be_read_is_not_taken_for_open(root, tmp_path):
    (root / "periods").mkdir()
    (root / "periods/2025-01.yaml").write_text("state: shut\n")
    ledger, _ = read_ledger(root)
    with pytest.raises(LedgerFault):
        ingest(ledger, [export(tmp_path / "x.csv", row())], Request("aws"))


def test_large_files_are_refused_unless_compressed(root, put, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MAX_STORED_BYTES", 2000)
    given_ = export(tmp_path / "x.csv", *[row()] * 100)
    with pytest.raises(UsageFault, match="--compress"):
        put(given_)
    (done,) = put(given_, compress=True)
    assert done.path == "charges/2025-01/aws.csv.gz"
    data = (root / done.path).read_bytes()
    assert gzip.decompress(data) == given_.read_bytes()
    # Neither a name (flag 8) nor a time: the same content gives the same bytes.
    assert data[3:8] == b"\0\0\0\0\0"
    noise = [row(cost=f"0.{int.from_bytes(os.urandom(7)):017}") for _ in range(400)]
    with pytest.raises(UsageFault, match="even compressed"):
        put(export(tmp_path / "y.csv", *noise), compress=True, source="gcp")


@pytest.mark.parametrize("name", ["", "a/b", "../aws", "über", "x" * 41, "-aws", "a.b"])
def test_names_that_are_no_source_are_refused(put, tmp_path, name):
    with pytest.raises(UsageFault, match="letters, digits, - and _"):
        put(export(tmp_path / "x.csv", row()), source=name)


def test_the_case_of_a_source_does_not_matter(root, put, tmp_path):
    export(root / "charges/2025-01/AWS/Export.csv", row())
    (done,) = put(export(tmp_path / "x.csv", row(cost="2")), source=" Aws ", mode="add")
    assert (done.source, done.path) == ("aws", "charges/2025-01/AWS/part-000.csv")


def test_faults_of_all_files_are_told_at_once_under_the_given_names(root, put, tmp_path):
    good = export(tmp_path / "good.csv", row())
    one, two = export(tmp_path / "one.csv", row(cost="1,5")), export(tmp_path / "two.csv", row(cost="abc"))
    with pytest.raises(LedgerFault) as fault:
        put(good, one, two)
    assert {problem.path for problem in fault.value.problems} == {str(one), str(two)}
    assert stored(root) == {}


@pytest.mark.parametrize("mode", [None, "split", "add", "replace"])
def test_a_file_that_cannot_be_parsed_is_refused(root, put, tmp_path, mode):
    put(export(tmp_path / "old.csv", row()))
    before = snapshot(root)
    with pytest.raises(LedgerFault):
        put(export(tmp_path / "x.csv", row(), "2025-02-01,x"), mode=mode)
    assert snapshot(root) == before


def test_warnings_come_with_the_result(put, tmp_path):
    given_ = tmp_path / "x.csv"
    given_.write_text(HEADER.replace("BilledCost", "billedcost") + f"\n{row()}\n")
    (done,) = put(given_)
    assert {problem.code for problem in done.problems} == {"label-spelling", "missing-label"}


def test_a_file_without_charges_needs_a_period(put, tmp_path):
    empty = export(tmp_path / "x.csv")
    with pytest.raises(UsageFault, match="no charges"):
        put(empty)
    (done,) = put(empty, period="2025-01")
    assert (done.content.charges, done.content.cost) == (0, 0)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"period": "2025-13"}, "not a period"),
        ({"period": "2025-01", "mode": "split"}, "use only one of them"),
    ],
)
def test_options_that_make_no_sense_are_refused(put, tmp_path, options, words):
    with pytest.raises(UsageFault, match=words):
        put(export(tmp_path / "x.csv", row()), **options)


def test_what_is_no_charge_file_is_refused(put, tmp_path):
    with pytest.raises(UsageFault, match="no files to ingest"):
        put()
    with pytest.raises(UsageFault, match="does not exist"):
        put(tmp_path / "missing.csv")
    with pytest.raises(UsageFault, match="is not a file"):
        put(tmp_path)
    with pytest.raises(UsageFault, match="not a supported charge file"):
        put(export(tmp_path / "x.xlsx", row()))


def test_what_an_interrupted_command_left_is_refused(put, tmp_path):
    with pytest.raises(UsageFault, match="temporary file that an interrupted command left"):
        put(export(tmp_path / ".aws.csv.openchargeback-tmp", row()))


def test_names_that_look_like_patterns_are_names(put, tmp_path):
    export(tmp_path / "a1.csv", row(cost="99"))
    (done,) = put(export(tmp_path / "a[1]*.csv", row()))
    assert done.content.cost == Decimal("1.5")


def test_dry_run_writes_nothing(root, put, tmp_path):
    before = sorted(root.rglob("*"))
    (done,) = put(export(tmp_path / "x.csv", row()), dry_run=True)
    assert (done.action, done.path) == ("added", "charges/2025-01/aws.csv")
    assert sorted(root.rglob("*")) == before


def test_a_full_disk_leaves_the_ledger_as_it_was(root, put, tmp_path, monkeypatch):
    put(export(tmp_path / "old.csv", row()))
    before = sorted(root.rglob("*")), snapshot(root)
    writes = []

    def full(_file, data):
        writes.append(data)
        if len(writes) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(changes, "write_through", full)
    jan, feb = export(tmp_path / "jan.csv", row(cost="3")), export(tmp_path / "feb.csv", row(FEBRUARY))
    with pytest.raises(OutsideFault, match="disk is full"):
        put(jan, feb, mode="replace")
    assert (sorted(root.rglob("*")), snapshot(root)) == before


def test_a_link_out_of_the_ledger_is_not_followed(root, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (root / "charges").rmdir()
    (root / "charges").symlink_to(outside)
    ledger, _ = read_ledger(root)
    with pytest.raises(UsageFault, match="leads out of the ledger"):
        ingest(ledger, [export(tmp_path / "x.csv", row())], Request("aws"))
    assert list(outside.iterdir()) == []


SOURCES = "organization: A\ncurrency: USD\nsources: {aws: {}, azure: {}}\n"


@pytest.mark.parametrize(
    ("config", "source", "told"),
    [
        (SOURCES, "asw", "new source asw: not listed in config.yaml; did you mean aws?"),
        (SOURCES, "hpcc", "new source hpcc: not listed in config.yaml; did you mean hpc?"),
        (SOURCES, "tape", "new source tape: not listed in config.yaml"),
        (SOURCES, "hpc", "source hpc: not listed in config.yaml"),
        (SOURCES, "AZURE", ""),
        ("organization: A\n", "hpc", ""),
        ("organization: A\n", "tape", ""),
        ("organization: A\n", "hcp", "new source hcp: not listed in config.yaml; did you mean hpc?"),
    ],
)
def test_a_source_that_is_not_listed_is_told(root, put, tmp_path, config, source, told):
    put(export(tmp_path / "hpc.csv", row()), source="hpc")
    (root / "config.yaml").write_text(config)
    first, second = put(
        export(tmp_path / "1.csv", row(cost=1)), export(tmp_path / "2.csv", row(cost=2)), source=source, mode="add"
    )
    notices = [each for each in first.problems if each.code == "unlisted-source"]
    assert [each.message for each in notices] == ([told] if told else [])
    assert all(each.severity == "notice" and each.path == first.path for each in notices)
    assert "unlisted-source" not in [each.code for each in second.problems]
    assert put(tmp_path / "1.csv", source=source)[0].problems == first.problems[: len(first.problems) - len(notices)]


@pytest.mark.parametrize("first", [True, False])
def test_a_part_without_rows_goes_with_the_parts_beside_it(root, put, tmp_path, first):
    empty, full = export(tmp_path / "1.csv"), export(tmp_path / "2.csv", row())
    put(*((empty, full) if first else (full, empty)), mode="add")
    assert sorted(stored(root).values()) == sorted([empty.read_bytes(), full.read_bytes()])
    assert {Path(name).parent.name for name in stored(root)} == {"aws"}
    other = export(tmp_path / "3.csv", row(cost="7"))
    assert [each.period for each in put(empty, other, mode="add")] == ["2025-01", "2025-01"]


def test_a_part_without_rows_beside_parts_of_two_months_needs_a_period(put, tmp_path):
    months = [export(tmp_path / f"{n}.csv", row(start=f"2025-0{n}-01")) for n in (1, 2)]
    with pytest.raises(UsageFault, match="has no charges"):
        put(export(tmp_path / "x.csv"), *months, mode="add")
