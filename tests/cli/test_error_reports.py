"""For every problem code one broken ledger, and what `validate` says of it, to the letter.

tests/errors/<code>/ holds the ledger, as small as the fault allows, and expected.txt. After a wanted change:
`make test PYTEST_ARGS="tests/cli/test_error_reports.py --update-expected"`, and read the difference.
"""

from __future__ import annotations

import datetime as dt
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from openchargeback.cli.main import cli
from openchargeback.explanations import catalogue
from openchargeback.ledger.periods import Event
from openchargeback.ledger.yaml_tree import MAX_BYTES
from openchargeback.problems import Severity
from openchargeback.publish import closing
from openchargeback.publish.build import open_books

CASES = Path(__file__).parents[1] / "errors"
ORGANIZATION = "organization: Northfield University\n"
CHARGES = "charges/2025-01/aws.csv"
EVENT = Event(dt.date(2025, 2, 5), "admin@example.edu")


def _too_large(ledger: Path) -> None:
    (ledger / "config.yaml").write_text(ORGANIZATION + "#" * MAX_BYTES, encoding="utf-8")


def _too_much_money(ledger: Path) -> None:
    rows = "2025-01-01,999999999999999,\n" * 100_001
    (ledger / "charges/2025-01").mkdir(parents=True)
    (ledger / "charges/2025-01/aws.csv").write_text("BillingPeriodStart,BilledCost,Tags\n" + rows, encoding="utf-8")


def _too_many_faults(ledger: Path) -> None:
    rows = "2025-01-01,$1,\n" * 10_100
    (ledger / "charges/2025-01").mkdir(parents=True)
    (ledger / "charges/2025-01/aws.csv").write_text("BillingPeriodStart,BilledCost,Tags\n" + rows, encoding="utf-8")


def _link(ledger: Path) -> None:
    (ledger / "charges/2025-01").mkdir(parents=True)
    (ledger / "charges/2025-01/aws.csv").symlink_to(ledger.parent / "elsewhere.csv")


def _close(ledger: Path) -> None:
    """Close January, before the decisions of later months were written."""
    decisions = ledger / "approvals"
    aside = ledger.parent / "approvals"
    if decisions.exists():
        decisions.rename(aside)
    closing.close(open_books(ledger), "2025-01", EVENT)
    if aside.exists():
        aside.rename(decisions)


def _finalize(ledger: Path) -> None:
    _close(ledger)
    closing.finalize(open_books(ledger).ledger, "2025-01", EVENT)


def _change(ledger: Path, name: str, old: str, new: str) -> None:
    path = ledger / name
    text = path.read_bytes().decode()
    assert old in text
    path.write_bytes(text.replace(old, new).encode())


def _changed_after_closing(ledger: Path) -> None:
    _close(ledger)
    _change(ledger, CHARGES, "1.00", "2.00")


def _changed_after_finalizing(ledger: Path) -> None:
    _finalize(ledger)
    _change(ledger, CHARGES, "1.00", "2.00")


def _without_seal(ledger: Path) -> None:
    _finalize(ledger)
    path = ledger / "periods/2025-01.yaml"
    path.write_text(path.read_text(encoding="utf-8").partition("seal:")[0], encoding="utf-8")


def _edited_record(ledger: Path) -> None:
    _close(ledger)
    _change(ledger, "periods/2025-01.lines.csv", ",own,", ",mine,")


def _another_currency(ledger: Path) -> None:
    _close(ledger)
    _change(ledger, "config.yaml", "currency: USD", "currency: EUR")


def _reopened_by_hand(ledger: Path) -> None:
    _close(ledger)
    (ledger / "periods/2025-01.yaml").write_text("state: open\n", encoding="utf-8")


# What cannot lie in the repository as a small file that every checkout keeps; and months that were closed, since what
# closing writes must be what the program writes today.
MADE: dict[str, Callable[[Path], None]] = {
    "amount-overflow": _too_much_money,
    "closed-period-changed": _changed_after_closing,
    "credited-already": _close,
    "currency-changed": _another_currency,
    "decided-already": _close,
    "frozen-fault": _edited_record,
    "frozen-left-over": _reopened_by_hand,
    "late-still-held": _close,
    "not-judged": _too_many_faults,
    "not-sealed": _without_seal,
    "outside-ledger": _link,
    "sealed-file-changed": _changed_after_finalizing,
    "yaml-size": _too_large,
}

# What no ledger can provoke, and where it is tested instead.
UNPROVOKED = {
    "broken-invariant": "a fault of the program itself; tests/billing/test_reconciliation.py breaks every invariant",
    "tool-drift": "a difference between two versions of the program; tests/billing/test_freezing.py makes one",
    "uncounted-rows": "a fault of the program itself: the checks find every such row first",
}

# What cannot come alone.
COMPANY = {"not-judged": {"type-error"}}

CODES = sorted(each.code for each in catalogue().values() if each.severity and each.code not in UNPROVOKED)


@pytest.mark.parametrize("code", CODES)
def test_the_report_of_a_broken_ledger_is_as_written_down(
    code: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """The whole text, the code and no other, and the exit code that its severity asks for."""
    case = CASES / code
    assert case.is_dir(), f"write a broken ledger into tests/errors/{code}/ and run with --update-expected"
    # A copy: validate keeps its cache in the ledger.
    ledger = tmp_path / "ledger"
    shutil.copytree(case, ledger, ignore=shutil.ignore_patterns("expected.txt"))
    if code in MADE:
        MADE[code](ledger)
    done = CliRunner().invoke(cli, ["validate", "--ledger", str(ledger)])
    assert done.stderr == ""
    assert set(re.findall(r"^  (?:error|warning|notice)\[([^\]]+)\]: ", done.stdout, re.MULTILINE)) - COMPANY.get(
        code, set()
    ) == {code}
    assert done.exit_code == (1 if catalogue()[code].severity is Severity.ERROR else 0)
    expected = case / "expected.txt"
    if request.config.getoption("--update-expected"):
        expected.write_bytes(done.stdout.encode())
    assert expected.is_file(), "run with --update-expected"
    assert done.stdout == expected.read_bytes().decode()


def test_no_folder_stands_for_a_code_that_is_gone() -> None:
    """A folder without a code would look like a test and be none."""
    assert {each.name for each in CASES.iterdir()} == set(CODES)
