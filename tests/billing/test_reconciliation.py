"""Every invariant is broken once by hand, and is found."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from openchargeback.billing import reconciliation
from openchargeback.billing.periods import bill_period
from openchargeback.ledger.reading import read_ledger
from openchargeback.model import Amounts, BilledPeriod, JournalLine
from openchargeback.record.recorded_ledger import RecordedLedger

CENT = Decimal("0.01")
ROWS = """BillingPeriodStart,BilledCost,ListCost,ServiceName,ResourceId,Tags
2025-01-01,1.005,2.5,Compute,r1,"{""pi_email"": ""a@x.edu"", ""project_id"": ""p"", ""fund_org"": ""F""}"
2025-01-01,3.333,2.5,Storage,r2,"{""pi_email"": ""b@x.edu"", ""project_id"": ""q"", ""fund_org"": ""G""}"
2025-01-01,4,9,Storage,r3,"{""pi_email"": ""b@x.edu"", ""project_id"": ""q"", ""fund_org"": ""G""}"
2025-01-01,2,2,Storage,r4,
"""


@pytest.fixture(scope="module")
def period(tmp_path_factory: pytest.TempPathFactory) -> BilledPeriod:
    """A billed period with two statements and a held charge."""
    root = tmp_path_factory.mktemp("ledger")
    (root / "charges" / "2025-01").mkdir(parents=True)
    (root / "charges" / "2025-01" / "aws.csv").write_text(ROWS, encoding="utf-8")
    (root / "config.yaml").write_text("organization: X\nsources: {aws: {credit_fund: C}}\n", encoding="utf-8")
    ledger, problems = read_ledger(root)
    assert ledger is not None
    billed, faults = bill_period(RecordedLedger.of(ledger), "2025-01")
    assert billed is not None
    assert not [*problems, *faults]
    assert faults_of(billed) == []
    return billed


def faults_of(period: BilledPeriod) -> list[str]:
    """What every invariant finds."""
    read = sum(file.charges for file in period.files)
    return [
        *reconciliation.nothing_lost(period, read),
        *reconciliation.cents_tie_out(period, period.lines),
        *reconciliation.statements_tie_out(period),
        *reconciliation.journal_balances(period),
    ]


def _source(period: BilledPeriod, **change: Any) -> BilledPeriod:
    return replace(period, sources=(replace(period.sources[0], **change), *period.sources[1:]))


def _line(period: BilledPeriod, amounts: Amounts) -> BilledPeriod:
    return replace(period, lines=(replace(period.lines[0], amounts=amounts), *period.lines[1:]))


def _journal(period: BilledPeriod, lines: Sequence[JournalLine]) -> BilledPeriod:
    return replace(period, journal=replace(period.journal, lines=lines))


BREAKS: dict[str, Callable[[BilledPeriod], BilledPeriod]] = {
    "held money lost": lambda p: _source(p, held=Decimal(0)),
    "imported money lost": lambda p: _source(p, imported=p.sources[0].imported - 2, held=Decimal(0)),
    "a charge lost": lambda p: _source(p, charges=3, charges_held=0),
    "a charge counted twice": lambda p: _source(p, charges_held=3),
    "a cent too much on a line": lambda p: _line(
        p, replace(p.lines[0].amounts, billed=p.lines[0].amounts.billed + CENT)
    ),
    "a cent moved to the discount": lambda p: _line(
        p, replace(p.lines[0].amounts, discount=p.lines[0].amounts.discount + CENT, list=p.lines[0].amounts.list + CENT)
    ),
    "a line lost": lambda p: replace(p, lines=p.lines[1:]),
    "a statement lost": lambda p: replace(p, statements=p.statements[1:]),
    "a statement twice": lambda p: replace(p, statements=(*p.statements, p.statements[0])),
    "a resource lost": lambda p: replace(p, statements=(replace(p.statements[0], resources=()), *p.statements[1:])),
    "a journal line lost": lambda p: _journal(p, p.journal.lines[1:]),
    "a pair of journal lines lost": lambda p: _journal(p, p.journal.lines[2:]),
    "a journal line on another fund": lambda p: _journal(
        p, tuple(replace(line, fund="Z") if line.payer else line for line in p.journal.lines)
    ),
    "journal lines on another statement": lambda p: _journal(
        p, tuple(replace(line, statement=p.statements[0].number) for line in p.journal.lines)
    ),
    "a side turned": lambda p: _journal(p, tuple(replace(line, payer=not line.payer) for line in p.journal.lines)),
}


@pytest.mark.parametrize("name", sorted(BREAKS))
def test_a_broken_invariant_is_found(period: BilledPeriod, name: str) -> None:
    """The check is silent on what billing makes, and speaks on each broken copy."""
    assert faults_of(BREAKS[name](period))


def test_the_program_itself_is_checked_on_every_period(period: BilledPeriod, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault found while billing is an error, so nothing is published."""
    assert "openchargeback.billing.reconciliation" in sys.modules
    monkeypatch.setattr(reconciliation, "journal_balances", lambda _period: ["made up"])
    faults = reconciliation.check(period, read=4)
    assert [(fault.code, fault.severity) for fault in faults] == [("broken-invariant", "error")]
    assert [fault.message.partition(": ")[2] for fault in reconciliation.check(period, read=3)] == [
        "attribution lost or duplicated charges",
        "made up",
    ]


def test_the_last_resource_of_a_line_is_listed_rather_than_summed_up_alone(tmp_path: Path) -> None:
    """Two of four are listed by name and two summed up; of three all are listed."""
    (tmp_path / "charges" / "2025-01").mkdir(parents=True)
    (tmp_path / "config.yaml").write_text("organization: X\nstatements: {resources: 2}\n", encoding="utf-8")
    head, *rows = ROWS.splitlines()
    for count, expected in ((3, ["r1", "r2", "r3"]), (4, ["2 more resources", "r1", "r2"])):
        named = [(str(9 - number), f"r{number}") for number in range(1, count + 1)]
        text = [rows[0].replace("1.005", f"0.{cost}").replace("r1", name) for cost, name in named]
        (tmp_path / "charges" / "2025-01" / "aws.csv").write_text("\n".join([head, *text]) + "\n", encoding="utf-8")
        ledger, _ = read_ledger(tmp_path)
        assert ledger is not None
        billed, _ = bill_period(RecordedLedger.of(ledger), "2025-01")
        assert billed is not None
        (statement,) = billed.statements
        assert sorted(each.resource_id or each.resource_name for each in statement.resources) == expected
        assert faults_of(billed) == []
