"""What sources that do not post need: no fund, no credit fund, no journal. The other flags stay."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_ledger import bill, charge, csv_text, flags, tags

from openchargeback.billing.journal import posts_nothing
from openchargeback.ledger.config import read_config
from openchargeback.ledger.settings import Config
from openchargeback.model import Amounts

SHOWN = "organization: A\nsources: {hpc: {post: false}}\n"


def config(text: str) -> Config:
    made, found = read_config(f"organization: A\n{text}".encode())
    assert made is not None
    assert found == []
    return made


@pytest.mark.parametrize(
    ("text", "posting"),
    [
        ("", {"hpc": True, "aws": True}),
        ("sources: {hpc: {post: false}}", {"hpc": False, "aws": True}),
        ("journal: {post: false}", {"hpc": False, "aws": False}),
        ("journal: {post: false}\nsources: {hpc: {post: true}}", {"hpc": True, "aws": False}),
        ("journal: {post: true}\nsources: {hpc: {post: false}}", {"hpc": False, "aws": True}),
    ],
)
def test_the_word_of_a_source_wins_over_that_of_the_ledger(text: str, posting: dict[str, bool]) -> None:
    assert {name: config(text).posts(name) for name in posting} == posting


@pytest.mark.parametrize("text", [SHOWN, "organization: A\njournal: {post: false}\n"])
def test_what_does_not_post_needs_no_fund_and_is_billed_without_one(tmp_path: Path, text: str) -> None:
    """A listed source and one that the config does not name. Other flags stay."""
    rows = [charge("10", text=tags(fund=None)), charge("5", text=tags(pi=None, fund=None), ResourceId="r-2")]
    period, told = bill(tmp_path, rows, config=text)
    assert flags(period) == {"missing-pi": 1}
    (line,) = period.lines
    assert (line.fund, line.posted, line.amounts.billed) == ("", False, Decimal("10.00"))
    assert (period.amounts, period.shown.billed) == (Amounts(), Decimal("10.00"))
    assert period.journal.lines == ()
    assert told == []


def test_a_fund_that_fits_no_pattern_is_no_matter_where_nothing_is_posted(tmp_path: Path) -> None:
    rules = "review: {fund_patterns: ['X-\\d']}\n"
    period, _ = bill(tmp_path / "shown", [charge("10")], config=SHOWN + rules)
    assert flags(period) == {}
    assert period.statements[0].funds == ()
    period, _ = bill(tmp_path / "posted", [charge("10")], config="organization: A\n" + rules)
    assert flags(period) == {"invalid-fund": 1}


@pytest.mark.parametrize(
    ("funds", "projects", "flag"),
    [
        ("funds: [{id: BIO-1, status: inactive}]", "", "inactive-fund"),
        ("funds: [{id: BIO-1, until: 2024-12-31}]", "", "inactive-fund"),
        ("funds: [{id: OTHER}]", "", "unknown-fund"),
        ("", "projects: [{id: genomics, fund: OTHER}]", "fund-not-of-project"),
    ],
)
def test_what_is_known_of_a_fund_is_no_matter_where_nothing_is_posted(
    tmp_path: Path, funds: str, projects: str, flag: str
) -> None:
    """Whatever the directory says of the fund in the tags."""
    texts = {"funds": funds, "projects": projects}
    assert flags(bill(tmp_path / "shown", [charge("10")], config=SHOWN, **texts)[0]) == {}
    assert flags(bill(tmp_path / "posted", [charge("10")], **texts)[0]) == {flag: 1}


def test_a_decision_may_leave_the_fund_open_where_nothing_is_posted(tmp_path: Path) -> None:
    approval = """decisions:
  - where: {source: hpc, service: Compute, project: genomics, pi: "", flags: [missing-pi]}
    expect: {charges: 1}
    clears: [missing-pi]
    decision: reassign
    set: {pi: bea@example.edu}
    reason: x
    by: y
"""
    rows = [charge("5", text=tags(pi=None, fund=None))]
    period, told = bill(tmp_path / "shown", rows, config=SHOWN, approvals=approval)
    assert told == []
    assert [(line.pi, line.fund, line.posted) for line in period.lines] == [("bea@example.edu", "", False)]


@settings(max_examples=25, deadline=None)
@given(
    costs=st.lists(
        st.tuples(
            st.decimals(min_value=-1000, max_value=1000, places=4),
            st.sampled_from(["hpc", "aws", "azure"]),
            st.sampled_from(["a", "b"]),
            st.sampled_from(["F-1", "C-1"]),
        ),
        min_size=1,
        max_size=8,
    ),
    shown=st.sets(st.sampled_from(["hpc", "aws", "azure"])),
    ledger_posts=st.booleans(),
)
@pytest.mark.slow
def test_billed_is_journaled_and_shown_only(tmp_path_factory, costs, shown, ledger_posts) -> None:
    """Random signed charges; the payer's fund may be the credit fund. Sources are shown by their own word or the
    ledger's.
    """
    sources = {
        name: {"credit_fund": "C-1", **({"post": name not in shown} if (name in shown) == ledger_posts else {})}
        for name in ("hpc", "aws", "azure")
    }
    text = json.dumps({"organization": "A", "sources": sources, "journal": {"post": ledger_posts}})
    rows: dict[str, list[dict[str, str]]] = {}
    for number, (cost, source, project, fund) in enumerate(costs):
        cells = {"ResourceId": f"r-{number}", "ChargeCategory": "Credit", "ServiceName": f"s-{number % 3}"}
        rows.setdefault(source, []).append(charge(cost, text=tags(project=project, fund=fund), **cells))
    files = {f"{source}.csv": csv_text(found) for source, found in rows.items()}
    period, told = bill(tmp_path_factory.mktemp("l"), files, config=text)
    assert told == []
    assert sum((each.amounts.billed for each in period.statements), Decimal(0)) == period.journal.net
    for source in rows:
        lines = [line for line in period.lines if line.source == source]
        journaled = sum(
            (each.signed for each in period.journal.lines if each.payer and each.source == source), Decimal(0)
        )
        whole = sum((line.amounts.billed for line in lines), Decimal(0))
        only_shown = sum((line.amounts.billed for line in lines if not line.posted), Decimal(0))
        assert whole == journaled + only_shown
        assert all(line.posted == (source not in shown) for line in lines)
    made, _ = read_config(text.encode())
    assert made is not None
    assert posts_nothing(period, made) == (set(rows) <= shown)
