"""The plan keeps what is charged apart from what sources that do not post only show."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from branch import CONFIG, charge, started, ties_out
from branch import causes as causes_of
from branch import only as period_of

from openchargeback.cli.reports.markdown import plan_comment
from openchargeback.plan import words
from openchargeback.plan.document import document

SHOWN = CONFIG.replace("credit_fund: RC-1", "post: false")
MIXED = CONFIG.replace("}\nreview", ", disk: {post: false}}\nreview")


def test_a_showback_month_moves_nothing_that_is_due(tmp_path):
    ledger = started(tmp_path / "l", [charge("r1", "10.00", fund=None)], config=SHOWN)
    ledger.charges([charge("r1", "10.00", fund=None), charge("r2", "5.00", fund=None)])
    plan = ties_out(ledger.plan())
    period = period_of(plan)
    assert (period.old, period.new, period.moved, period.causes) == (0, 0, 0, {})
    assert (period.old_shown, period.new_shown) == (Decimal("10.00"), Decimal("15.00"))
    assert words.summary(plan) == "1 period changes: shown only, not charged: 10.00 → 15.00 USD (+5.00, +50%)."
    assert "| Shown only, not charged | 10.00 | 15.00 | +5.00 |" in plan_comment(plan)
    (change,) = json.loads(json.dumps(document(plan)))["periods"]
    assert (change["old"], change["new"]) == ("0.00", "0.00")
    assert change["shown"] == {"old": "10.00", "new": "15.00", "difference": "5.00"}
    assert [(each["posted"], each["difference"]) for each in change["projects"]] == [(False, "5.00")]


def test_both_kinds_of_one_project_stand_apart(tmp_path):
    ledger = started(tmp_path / "l", [charge("r1", "10.00")], config=MIXED)
    ledger.charges([charge("r1", "12.00")])
    ledger.charges([charge("d1", "7.00", fund=None)], source="disk")
    plan = ties_out(ledger.plan())
    period = period_of(plan)
    assert (period.old, period.new) == (Decimal("10.00"), Decimal("12.00"))
    assert (period.old_shown, period.new_shown) == (0, Decimal("7.00"))
    assert [(each.project, each.posted, each.difference) for each in period.projects] == [
        ("p1", False, Decimal("7.00")),
        ("p1", True, Decimal("2.00")),
    ]
    assert causes_of(period) == {"price": "2.00"}
    assert "p1 &#40;shown only&#41;" in plan_comment(plan)
    assert words.summary(plan).startswith("1 period changes: 10.00 → 12.00 USD (+2.00, +20%); shown only, not")


@pytest.mark.parametrize("to", ["sources", "journal"])
def test_a_source_that_posts_from_now_on_is_charged_by_the_settings(tmp_path, to):
    before = SHOWN if to == "sources" else CONFIG + "journal: {post: false}\n"
    ledger = started(tmp_path / "l", [charge("r1", "10.00")], config=before)
    ledger.write("config.yaml", CONFIG)
    plan = ties_out(ledger.plan())
    period = period_of(plan)
    assert (period.old, period.new, period.old_shown, period.new_shown) == (0, Decimal("10.00"), Decimal("10.00"), 0)
    assert causes_of(period) == {"config": "10.00"}
    key = {"sources": "sources.hpc.post", "journal": "journal.post"}[to]
    assert [each.key for each in plan.settings] == [key]
    assert plan.effects == {"config": (Decimal("10.00"), Decimal("-10.00"))}
