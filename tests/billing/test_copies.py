"""Equal files are billed once, wherever they are filed, and a wrong place can be put right."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from closed_ledger import CONFIG, HEAD, ON, row

from openchargeback.billing import copies
from openchargeback.billing.pipeline import read_charges
from openchargeback.cli.main import main
from openchargeback.focus.database import database
from openchargeback.ledger.reading import read_ledger
from openchargeback.problems import LedgerFault
from openchargeback.publish import closing, validating
from openchargeback.publish.books import examine, open_books
from openchargeback.record.recorded_ledger import RecordedLedger
from openchargeback.review.ids import number_charges

JAN, FEB = "2025-01", "2025-02"
ROWS = HEAD + row("10", list="10") + row("20", list="20", resource="r2")
HELD = HEAD + row("10", list="10") + row("20", list="20", resource="r2", fund="")


def put(root: Path, path: str, content: str | bytes) -> None:
    place = root / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content if isinstance(content, bytes) else content.encode())


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A ledger whose charges are filed under a wrong name, `asw`."""
    put(
        tmp_path,
        "config.yaml",
        CONFIG.replace(", logo: logo.svg", "").replace("{aws: ", "{asw: {credit_fund: C-1}, aws: "),
    )
    put(tmp_path, "charges/2025-01/asw.csv", ROWS)
    return tmp_path


def told(root: Path) -> list[tuple[str, str]]:
    """Where equal files are told of, and what they are said to equal."""
    found = [each for each in examine(root)[2] if each.code == "duplicate-file"]
    return [(each.path, each.message.removeprefix("holds the same charges as ").partition(", so")[0]) for each in found]


def ids(root: Path, source: str = "asw", period: str = JAN) -> list[str]:
    ledger, _ = read_ledger(root)
    assert ledger is not None
    with database() as con:
        number_charges(read_charges(con, RecordedLedger.of(ledger), [period])[0], [source])
        return [id_[:16] for (id_,) in con.execute("SELECT id FROM charge_id ORDER BY n").fetchall()]


def decide(root: Path, folder: str, verb: str, charges: list[str], name: str = "batch", **more: object) -> None:
    clears = {} if verb == "credit" else {"clears": []}
    decision = {"decision": verb, "charges": charges, "reason": "wrong source", "by": "r@x.edu", **clears, **more}
    put(root, f"approvals/{folder}/{name}.yaml", json.dumps({"decisions": [decision]}))


def close(root: Path, period: str) -> None:
    closing.close(open_books(root), period, ON)


@pytest.fixture
def run(root: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Runs the program; gives what it prints."""

    def do(*arguments: str, code: int = 0) -> str:
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main([*arguments, "--ledger", str(root)])
        printed = capsys.readouterr()
        assert end.value.code == code, printed
        return printed.out + printed.err

    return do


@pytest.mark.mostly_slow(but=1)
@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("charges/2025-01/aws.csv", ROWS.encode()),
        ("charges/2025-01/aws.csv.gz", gzip.compress(ROWS.encode(), mtime=0)),
        ("charges/2025-01/asw2/part-0.csv", ROWS.encode()),
        ("charges/2025-02/asw.csv", ROWS.encode()),
    ],
)
def test_a_second_copy_stops_everything_that_publishes(
    root: Path, run: Callable[..., str], path: str, content: bytes
) -> None:
    put(root, path, content)
    assert told(root) == [(path, "charges/2025-01/asw.csv")]
    assert told(root) == [(path, "charges/2025-01/asw.csv")]  # from the cache
    with pytest.raises(LedgerFault):
        open_books(root)
    for command in (("validate",), ("build", "-o", str(root / "out")), ("generate", "--period", FEB)):
        assert "duplicate-file" in run(*command, code=1)
    if "2025-02" not in path:
        for command in (("journal", "--period", JAN), ("periods", "close", JAN)):
            assert "duplicate-file" in run(*command, code=1)
    assert not (root / "out").exists()


def test_a_month_that_is_only_checked_is_told_of_too(
    root: Path, run: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(validating, "LARGE", 0)
    put(root, "charges/2025-01/aws.csv", ROWS)
    assert "duplicate-file" in run("validate", code=1)


def test_parts_of_one_source_are_copies_as_well(root: Path) -> None:
    for number in range(3):
        put(root, f"charges/2025-02/aws/part-{number}.csv", HEAD + row("7", list="7"))
    assert told(root) == [
        ("charges/2025-02/aws/part-1.csv", "charges/2025-02/aws/part-0.csv, charges/2025-02/aws/part-2.csv"),
        ("charges/2025-02/aws/part-2.csv", "charges/2025-02/aws/part-0.csv, charges/2025-02/aws/part-1.csv"),
    ]


def test_files_with_only_a_header_are_no_copies(root: Path) -> None:
    for path in ("charges/2025-01/gcp.csv", "charges/2025-02/gcp.csv", "charges/2025-02/aws/part-0.csv"):
        put(root, path, HEAD)
    assert told(root) == []


@pytest.mark.slow
def test_what_was_filed_under_a_wrong_name_is_rejected_and_filed_again(
    root: Path, run: Callable[..., str], tmp_path: Path
) -> None:
    export = tmp_path / "export/aws_2025-01.csv"
    put(tmp_path, "export/aws_2025-01.csv", ROWS)
    refused = run("ingest", str(export), "--source", "aws", code=2)
    assert "already stored as charges/2025-01/asw.csv (source asw, period 2025-01)" in refused
    assert "reject all its charges first" in refused
    decide(root, JAN, "reject", ids(root)[:1])
    assert "billed twice" in run("ingest", str(export), "--source", "aws", code=2)
    decide(root, JAN, "reject", ids(root))
    run("ingest", str(export), "--source", "aws")
    assert told(root) == []
    # Each charge still equals one that is there, which a person confirms once.
    decide(root, JAN, "approve", ids(root, "aws"), name="again", clears=["possible-duplicate"])
    run("validate")
    (month,) = open_books(root).periods
    assert {each.source: (each.billed, each.rejected) for each in month.sources} == {"asw": (0, 30), "aws": (30, 0)}
    assert "unchanged" in run("ingest", str(export), "--source", "aws")
    decide(root, JAN, "reject", ids(root)[1:])
    assert told(root) == [("charges/2025-01/aws.csv", "charges/2025-01/asw.csv")]


def test_a_held_charge_is_in_the_way(root: Path) -> None:
    put(root, "charges/2025-01/asw.csv", HELD)
    put(root, "charges/2025-02/aws.csv", HELD)
    decide(root, JAN, "reject", ids(root)[:1])
    assert told(root) == [("charges/2025-02/aws.csv", "charges/2025-01/asw.csv")]
    decide(root, JAN, "reject", ids(root))
    assert told(root) == []


def test_a_void_rejection_rejects_nothing(root: Path) -> None:
    put(root, "charges/2025-02/aws.csv", ROWS)
    decide(root, JAN, "reject", ["0123456789abcdef", *ids(root)])
    assert told(root) == [("charges/2025-02/aws.csv", "charges/2025-01/asw.csv")]


@pytest.mark.slow
def test_a_closed_month_is_credited_in_full_before_its_file_is_billed_again(
    root: Path, run: Callable[..., str], tmp_path: Path
) -> None:
    """January is closed with 30 under the wrong source; February credits them and bills them under the right one."""
    close(root, JAN)
    export = tmp_path / "export.csv"
    export.write_text(ROWS)
    assert "credit all its charges" in run("ingest", str(export), "--source", "aws", "--period", FEB, code=2)
    first, second = ids(root)
    decide(root, FEB, "credit", [first], period=JAN)
    assert "credit all its charges" in run("ingest", str(export), "--source", "aws", "--period", FEB, code=2)
    decide(root, FEB, "credit", [second], name="second", period=JAN)
    run("ingest", str(export), "--source", "aws", "--period", FEB)
    decide(root, FEB, "approve", ids(root, "aws", FEB), name="late", clears=["wrong-period", "possible-duplicate"])
    assert told(root) == []
    february = open_books(root).period(FEB)
    assert february is not None
    assert sum(line.amounts.billed for line in february.lines) == Decimal(0)
    close(root, FEB)
    assert told(root) == []
    # Billed again to another payer, the charges of January stand once more.
    decide(root, "2025-03", "credit", ids(root, "aws", FEB), period=FEB)
    put(root, "charges/2025-03/gcp.csv.gz", gzip.compress(ROWS.encode(), mtime=0))
    assert told(root) == []
    decide(root, "2025-03", "credit", ids(root, "aws", FEB), period=FEB, set={"fund": "F-2"})
    assert [path for path, _ in told(root)] == ["charges/2025-03/gcp.csv.gz"]


def test_what_a_closed_month_left_held_is_rejected_late(root: Path) -> None:
    put(root, "charges/2025-01/asw.csv", HEAD + row("10", fund="") + row("20", resource="r2", fund=""))
    close(root, JAN)
    put(root, "charges/2025-02/aws.csv", (root / "charges/2025-01/asw.csv").read_bytes())
    assert told(root) == [("charges/2025-02/aws.csv", "charges/2025-01/asw.csv")]
    decide(root, FEB, "reject", ids(root), period=JAN)
    assert told(root) == []


def test_nothing_is_settled_again_where_nobody_decided(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copies, "settled_month", None)
    put(root, "charges/2025-02/aws.csv", ROWS)
    assert told(root) == [("charges/2025-02/aws.csv", "charges/2025-01/asw.csv")]
