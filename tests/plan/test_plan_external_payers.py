"""What a plan says if it changes who is invoiced instead of journaled."""

from __future__ import annotations

from html import unescape

import pytest
from branch import charge, started

from openchargeback.cli.plan_text import print_plan
from openchargeback.cli.reports.markdown import plan_comment
from openchargeback.plan.document import document

ROWS = [charge("r1", "60.25"), charge("r2", "39.75")]
PEOPLE = "people:\n  - {email: ada@example.edu, name: Ada%s}\n"
COMMERCIAL = ", payer_class: commercial, organization: A, address: [B]"


def test_a_payer_who_becomes_external_moves_no_line_but_everything_to_an_invoice(
    tmp_path, capsys: pytest.CaptureFixture[str]
):
    ledger = started(tmp_path / "l", ROWS, directory__people=PEOPLE % "")
    ledger.write("directory/people.yaml", PEOPLE % COMMERCIAL)
    ledger.commit()
    plan = ledger.plan()
    assert not plan.moves
    (period,) = plan.periods
    assert (period.old_invoiced, period.new_invoiced) == (0, 100)
    found = document(plan)["periods"]
    assert isinstance(found, list)
    assert found[0]["invoiced"] == {"old": "0.00", "new": "100.00", "difference": "100.00"}
    comment = unescape(plan_comment(plan))
    assert "No billing line changes, but what is invoiced does: 0.00 → 100.00 USD (+100.00)." in comment
    assert "| of which invoiced | 0.00 | 100.00 | +100.00 |" in comment
    assert "payer_class" in comment
    print_plan(plan)
    assert "of which invoiced" in capsys.readouterr().out


def test_a_ledger_without_external_payers_says_nothing_of_invoices(tmp_path):
    ledger = started(tmp_path / "l", ROWS, directory__people=PEOPLE % "")
    ledger.charges([*ROWS, charge("r3", "5")])
    ledger.commit()
    assert "of which invoiced" not in plan_comment(ledger.plan())
