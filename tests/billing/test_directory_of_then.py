"""Which directory a closed month's charges are read with: the one of its record, and the entry of the charge's own day.

Its projects got other PIs and funds each time that a month was closed.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from closed_ledger import HEAD, close, month, problems, row
from small_ledger import items_with, target

from openchargeback.billing.credits import BilledFilter, billed_charges, charge_cents
from openchargeback.billing.freezing import drift
from openchargeback.billing.tracing import trace_statement
from openchargeback.model import Entry
from openchargeback.publish.books import open_books

JAN, FEB, MAR = "2025-01", "2025-02", "2025-03"
DIRECTORY = """projects:
  - {{id: q, pi: {pi}@x.edu, fund: {fund}}}
  - {{id: other, pi: {pi}-other@x.edu, fund: {fund}-2}}
  - id: dated
    entries:
      - {{pi: last-year@x.edu, fund: Y-0, until: 2024-12-31}}
      - {{pi: early@x.edu, fund: Y-1, from: 2025-01-01, until: 2025-01-14}}
      - {{pi: late@x.edu, fund: Y-2, from: 2025-01-15, until: 2025-12-31}}
      - {{pi: next-year@x.edu, fund: Y-3, from: 2026-01-01}}
"""


def charge(cost: str, period: str, resource: str, day: int = 1, **cells: str) -> str:
    """A charge of one day whose PI and fund are those of its project."""
    days = f',"{period}-{day:02}T00:00:00Z","{period}-{day + 1:02}T00:00:00Z"\n'
    return (
        row(cost, **{"pi": "", "project": "q", "fund": "", "month": period, "resource": resource, **cells})[:-1] + days
    )


def directory(root: Path, pi: str, fund: str) -> None:
    (root / "directory").mkdir(exist_ok=True)
    (root / "directory/projects.yaml").write_text(DIRECTORY.format(pi=pi, fund=fund), encoding="utf-8")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """January and February closed, each with its own directory; March decides with a third one."""
    root = tmp_path_factory.mktemp("ledger")
    head = HEAD.strip() + ",ChargePeriodStart,ChargePeriodEnd\n"
    (root / "config.yaml").write_text("organization: X\nsources: {aws: {credit_fund: C-1}}\n", encoding="utf-8")
    rows = {
        JAN: [charge("1", JAN, "r1", 10), charge("2", JAN, "r2", 20), charge("3", JAN, "r3"),
              charge("4", JAN, "h1", project=""), charge("7", JAN, "h2", project="")],
        FEB: [charge("5", FEB, "f1"), charge("6", FEB, "f2", project="other")],
        MAR: [charge("8", MAR, "m1")],
    }  # fmt: skip
    for period, text in rows.items():
        (root / f"charges/{period}").mkdir(parents=True)
        (root / f"charges/{period}/aws.csv").write_text(head + "".join(text), encoding="utf-8")
    directory(root, "jan", "J-1")
    close(root, JAN)
    directory(root, "feb", "F-1")
    close(root, FEB)
    directory(root, "mar", "M-1")
    late = [
        {
            **target(item),
            "clears": list(item.uncleared),
            "period": JAN,
            "decision": "reassign",
            "set": {"project": name},
        }
        for item, name in zip(items_with(month(root, JAN), "missing-project"), ("q", "other"), strict=True)
    ]
    decisions = [
        credit(root, JAN, "r1", project="dated"),
        credit(root, JAN, "r2", project="dated"),
        credit(root, JAN, "r3"),
        credit(root, FEB, "f1"),
        credit(root, FEB, "f2", project="other", pi="someone@x.edu"),
        *late,
    ]
    whole = [{"reason": "asked", "by": "r@x.edu", **each} for each in decisions]
    (root / f"approvals/{MAR}").mkdir(parents=True)
    (root / f"approvals/{MAR}/all.yaml").write_text(json.dumps({"decisions": whole}), encoding="utf-8")
    return root


def credit(root: Path, period: str, resource: str, **set_: str) -> dict[str, object]:
    """A decision that credits a charge and bills it again where something is set."""
    (id_,) = billed_charges(open_books(root).ledger, period, BilledFilter(resources=(resource,)))
    return {"decision": "credit", "period": period, "charges": [id_], **({"set": set_} if set_ else {})}


def payers(root: Path, entry: Entry, original: str) -> set[tuple[str, str, str, int]]:
    """Who pays the lines of March that stem from a closed month: PI, project, fund and whole dollars."""
    lines = [line for line in month(root, MAR).lines if line.entry is entry and line.original == original]
    return {(line.pi, line.project, line.fund, int(line.amounts.billed)) for line in lines}


def test_the_ledger_is_in_order(root: Path) -> None:
    assert problems(root) == []


def test_a_credit_goes_to_whom_the_directory_of_its_month_named(root: Path) -> None:
    """Not to the payers of the month before or after, nor to today's."""
    assert payers(root, Entry.CREDIT, JAN) == {("jan@x.edu", "q", "J-1", -6)}
    assert payers(root, Entry.CREDIT, FEB) == {
        ("feb@x.edu", "q", "F-1", -5),
        ("feb-other@x.edu", "other", "F-1-2", -6),
    }


def test_what_is_billed_again_takes_the_entry_of_the_charges_own_day(root: Path) -> None:
    """Of another year or another half of the month are other PIs and funds; what is set comes before both."""
    assert payers(root, Entry.REBILL, JAN) == {
        ("early@x.edu", "dated", "Y-1", 1),
        ("late@x.edu", "dated", "Y-2", 2),
    }
    assert payers(root, Entry.REBILL, FEB) == {("someone@x.edu", "other", "M-1-2", 6)}


def test_what_is_billed_late_takes_the_project_as_its_month_knew_it(root: Path) -> None:
    """Today's directory knows those of whom the month said nothing."""
    (known, new) = sorted(payers(root, Entry.LATE, JAN), key=lambda payer: payer[1], reverse=True)
    assert (known[:3], new[:3]) == (("jan@x.edu", "q", "J-1"), ("mar-other@x.edu", "other", "M-1-2"))
    assert {known[3], new[3]} == {4, 7}


def test_every_line_of_the_statements_leads_to_the_rows_of_its_own_month(root: Path) -> None:
    """Also what is credited, billed again and billed late, each to its own charges and to all of them."""
    ledger, billed = open_books(root).ledger, month(root, MAR)
    rows = {JAN: {2, 3, 4, 5, 6}, FEB: {2, 3}, MAR: {2}}
    found: dict[str, set[int]] = {}
    for statement in billed.statements:
        for traced in trace_statement(ledger, billed, statement):
            assert traced.faithful
            assert len(traced.charges) == traced.line.charges
            assert sum(each.billed.cents for each in traced.charges) == traced.line.amounts.billed
            for each in traced.charges:
                assert each.place is not None
                period = traced.line.original or MAR
                assert each.place.file == f"charges/{period}/aws.csv"
                found.setdefault(period, set()).add(each.place.row)
    assert found == rows


def test_an_id_that_is_wrong_behind_its_eighth_digit_is_no_charge(root: Path) -> None:
    """Charges are looked up by their first eight digits, and compared in all that are given."""
    ledger = open_books(root).ledger
    (right,) = billed_charges(ledger, JAN, BilledFilter(resources=("r1",)))
    wrong = right[:8] + ("1" if right[8] == "0" else "0") + right[9:]
    told = charge_cents(ledger, ledger.records[JAN], [wrong, right, right[:8]])
    assert told[wrong] == f"{wrong} matches no charge of {JAN}"
    assert not isinstance(told[right], str)
    assert told[right] == told[right[:8]]


def test_a_closed_month_computes_the_same_with_its_own_directory(root: Path) -> None:
    ledger = open_books(root).ledger
    assert [drift(ledger, period) for period in (JAN, FEB)] == [[], []]
