"""The summaries of closed months come from SQL over all their tables, and are those of the lines read one by one."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest
from closed_ledger import HEAD, close, row

from openchargeback.billing.closed_totals import closed_summaries
from openchargeback.billing.freezing import thaw
from openchargeback.billing.summaries import summary_of
from openchargeback.ledger.reading import read_ledger
from openchargeback.problems import LedgerFault, Problem
from openchargeback.publish.gathering import with_records
from openchargeback.publish.validating import validate
from openchargeback.record.recorded_ledger import RecordedLedger

TESTS = Path(__file__).parents[1]
PERIOD = "2025-01"


def recorded(root: Path) -> RecordedLedger:
    ledger, _ = read_ledger(root)
    assert ledger is not None
    return with_records(ledger)[0]


def line_by_line(ledger: RecordedLedger, period: str) -> list[Problem]:
    """What reading every line of the record finds."""
    try:
        return thaw(ledger, period)[1]
    except LedgerFault as fault:
        return list(fault.problems)


@pytest.mark.parametrize(
    "root", [TESTS / "ledgers/unusual-amount", TESTS.parent / "ledger"], ids=lambda root: root.name
)
def test_summaries_are_those_of_the_lines(root: Path, tmp_path: Path) -> None:
    shutil.copytree(root, tmp_path / "ledger", ignore=shutil.ignore_patterns(".openchargeback"))
    ledger = recorded(tmp_path / "ledger")
    closed = sorted(ledger.records)
    assert len(closed) == 2
    found, problems = closed_summaries(ledger, closed, {})
    assert problems == []
    assert found == {period: summary_of(thaw(ledger, period)[0]) for period in closed}


@pytest.fixture(scope="module")
def january(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """January of two PIs, closed."""
    root = tmp_path_factory.mktemp("january")
    (root / "charges" / PERIOD).mkdir(parents=True)
    (root / "config.yaml").write_text("organization: X\nsources: {aws: {credit_fund: C-1}}\n", encoding="utf-8")
    plain = {"service": "Compute", "list": "20"}
    rows = [row("12.345", **plain), row("7", "b@x.edu", "q", resource="r2", **plain)]
    (root / f"charges/{PERIOD}/aws.csv").write_text(HEAD + "".join(rows), encoding="utf-8")
    close(root)
    return root


@pytest.fixture
def closed(january: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return shutil.copytree(january, tmp_path, dirs_exist_ok=True)


def replaced(path: Path, was: str, now: str) -> tuple[str, str]:
    """Replace a text in a file; returns its digests before and after."""
    old = path.read_bytes()
    new = old.replace(was.encode(), now.encode())
    assert new != old
    path.write_bytes(new)
    return hashlib.sha256(old).hexdigest(), hashlib.sha256(new).hexdigest()


def forge(root: Path, name: str, was: str, now: str) -> None:
    """Change a table of the record, with digests that fit."""
    digests = replaced(root / f"periods/{PERIOD}.{name}", was, now)
    replaced(root / f"periods/{PERIOD}.yaml", *replaced(root / f"periods/{PERIOD}.frozen.yaml", *digests))


@pytest.mark.mostly_slow(but=4)
@pytest.mark.parametrize(
    ("name", "was", "now"),
    [
        ("lines.csv", ",own,", ",mine,"),
        ("lines.csv", ",yes,", ",maybe,"),
        ("lines.csv", ",USD\n", ",EUR\n"),
        ("lines.csv", "12.35,", "12.350,"),
        ("lines.csv", "12.35,", "13.35,"),
        ("lines.csv", "12.345", "+12.345"),
        ("lines.csv", "12.345", "12.346"),
        ("lines.csv", f"{PERIOD},{PERIOD}-", f"2025-02,{PERIOD}-"),
        ("lines.csv", "period,statement", "statement,period"),
        ("lines.csv", "12.345,", "12.345,extra,"),
        ("lines.csv", "a@x.edu", "e@x.edu"),
        ("statements.csv", "a@x.edu", "e@x.edu"),
        ("statements.csv", "number,", "numbers,"),
        ("resources.csv", "12.35", "12.36"),
        ("resources.csv", ",usage,", ",theft,"),
        ("resources.csv", ",r1,", ',"r1,'),
    ],
)
def test_a_forged_table_is_found_as_when_read_line_by_line(closed: Path, name: str, was: str, now: str) -> None:
    assert closed_summaries(recorded(closed), [PERIOD], {})[1] == []
    forge(closed, name, was, now)
    ledger = recorded(closed)
    expected = line_by_line(ledger, PERIOD)
    assert expected
    assert closed_summaries(ledger, [PERIOD], {})[1] == expected
    assert set(expected) <= set(validate(closed)[1])
