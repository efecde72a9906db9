"""What a plan says of the invoices of providers."""

from __future__ import annotations

from html import unescape
from typing import Any

from branch import CONFIG, charge, started

from openchargeback.cli.reports.markdown import plan_comment
from openchargeback.plan.document import document

ROWS = [charge("r1", "60.25", InvoiceId="A"), charge("r2", "39.70", InvoiceId="B")]


def told(plan):
    """The checks of the only month, by invoice; empty if the month is not part of the plan."""
    periods: Any = document(plan)["periods"]
    return {each["invoice"]: each["status"] for period in periods for each in period["invoices"]}


def test_a_branch_that_adds_an_invoice_moves_no_money_and_says_how_it_compares(tmp_path):
    ledger = started(tmp_path / "l", ROWS)
    ledger.write("invoices/2025-01/hpc.yaml", "invoices:\n  - {id: A, amount: 60.25}\n  - {id: B, amount: 40}\n")
    ledger.commit()
    plan = ledger.plan()
    assert not plan.moves
    assert told(plan) == {"A": "matches", "B": "differs"}
    comment = unescape(plan_comment(plan))
    assert "<summary>Invoices of providers</summary>" in comment
    assert "| matches | invoice A of hpc is 60.25 USD, and its 1 charge sums to 60.25 USD |" in comment
    assert "0.30 USD less than invoiced" in comment


def test_new_charges_are_compared_with_invoices_of_other_months_in_mind(tmp_path):
    """Which are not part of what can differ, but say that the source's invoices are kept."""
    december = {"invoices__2024-12__hpc": "invoices:\n  - {id: Z, amount: 1}\n"}
    ledger = started(tmp_path / "l", ROWS, **december)
    ledger.charges([*ROWS, charge("r3", "5", InvoiceId="C")])
    ledger.commit()
    (period,) = ledger.plan().periods
    assert [each.invoice for each in period.invoices_to_check] == ["A", "B", "C"]


def test_an_invoice_that_a_branch_removes_is_named(tmp_path):
    january = {"invoices__2025-01__hpc": "invoices:\n  - {id: A, amount: 60.25}\n  - {id: Z, amount: 1}\n"}
    ledger = started(tmp_path / "l", ROWS, **january)
    ledger.write("invoices/2025-01/hpc.yaml", "invoices:\n  - {id: A, amount: 60.25}\n")
    ledger.commit()
    plan = ledger.plan()
    assert told(plan) == {"A": "matches", "B": "missing"}
    assert "no longer listed: invoice Z of hpc is 1.00 USD" in unescape(plan_comment(plan))


def test_an_invoice_of_a_closed_month_is_no_change_of_it(tmp_path):
    """It comes when it comes, and is no part of the record."""
    ledger = started(tmp_path / "l", ROWS)
    ledger.program("periods", "close", "2025-01", "--on", "2025-02-03", "--by", "a@example.edu")
    ledger.commit()
    ledger.git("branch", "-f", "main", "HEAD")
    ledger.write("invoices/2025-01/hpc.yaml", "invoices:\n  - {id: A, amount: 60.25}\n")
    ledger.commit()
    plan = ledger.plan()
    assert plan.problems == ()
    assert told(plan) == {"A": "matches", "B": "missing"}


def test_a_faulty_invoice_does_not_keep_the_money_from_being_compared(tmp_path):
    ledger = started(tmp_path / "l", ROWS)
    ledger.charges(ROWS[:1])
    ledger.write("invoices/2025-01/hpc.yaml", "invoices: 5\n")
    ledger.commit()
    plan = ledger.plan()
    assert [each.code for each in plan.problems] == ["wrong-type"]
    assert plan.unread == ()
    assert [str(period.difference) for period in plan.periods] == ["-39.70"]


def test_another_tolerance_is_told(tmp_path):
    """It changes what closing lets through."""
    ledger = started(tmp_path / "l", ROWS)
    ledger.write("config.yaml", CONFIG.replace("RC-1", "RC-1, invoice_tolerance: 5"))
    ledger.commit()
    assert [(each.key, each.old, each.new) for each in ledger.plan().settings] == [
        ("sources.hpc.invoice_tolerance", "", "5")
    ]
