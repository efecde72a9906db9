"""The journal balances: as a whole, per source and per billing line."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openchargeback.billing.journal import journal_of, source_controls, with_descriptions
from openchargeback.ledger.settings import Config, JournalSettings, Organization, Source
from openchargeback.model import Amounts, BillingLine, Side

DATE = dt.date(2025, 2, 3)
CONFIG = Config(
    Organization("Example University"),
    sources={
        "aws": Source("aws", "Amazon Web Services", credit_fund="CLOUD-1", account="6100", credit_account="4100"),
        "hpc": Source("hpc", "Cluster", credit_fund="HPC-1"),
        "storage": Source("storage", "Storage", credit_fund="STO-1", account="6300"),
    },
    journal=JournalSettings(account="6000"),
)


def line(billed: str | Decimal, pi="ada@example.edu", project="engine", fund="MATH-1", source="aws", service="EC2"):
    amount = Decimal(billed)
    return BillingLine(
        period="2025-01",
        pi=pi,
        project=project,
        fund=fund,
        source=source,
        service=service,
        charges=1,
        exact_list=amount,
        exact_billed=amount,
        amounts=Amounts(list=amount, billed=amount),
    )


def journal(lines, config=CONFIG):
    numbers = {(one.pi, one.project): f"2025-01-{one.project}" for one in lines}
    return journal_of("2025-01", DATE, lines, numbers, lambda _: config)


def test_a_charge_debits_the_payer_and_credits_the_source():
    payer, counterpart = journal([line("12.50")]).lines
    assert (payer.side, payer.payer, payer.fund, payer.account) == (Side.DEBIT, True, "MATH-1", "6100")
    assert (counterpart.side, counterpart.payer, counterpart.fund) == (Side.CREDIT, False, "CLOUD-1")
    assert counterpart.account == "4100"
    assert payer.amount == counterpart.amount == Decimal("12.50")
    assert payer.statement == "2025-01-engine"
    assert payer.description == ""


def test_a_refund_swaps_the_sides_and_stays_positive():
    payer, counterpart = journal([line("-3.10")]).lines
    assert (payer.side, counterpart.side) == (Side.CREDIT, Side.DEBIT)
    assert payer.amount == counterpart.amount == Decimal("3.10")
    assert (payer.fund, counterpart.fund) == ("MATH-1", "CLOUD-1")


def test_zero_lines_are_dropped_even_without_a_statement_number():
    assert journal_of("2025-01", DATE, [line("0.00")], {}, lambda _: CONFIG).lines == ()


@pytest.mark.parametrize(
    ("source", "settings", "accounts"),
    [
        ("hpc", JournalSettings(account="6000"), ("6000", "6000")),
        ("hpc", JournalSettings(account="6000", credit_account="4000"), ("6000", "4000")),
        ("storage", JournalSettings(account="6000"), ("6300", "6300")),
        ("aws", JournalSettings(account="6000", credit_account="4000"), ("6100", "4100")),
    ],
)
def test_accounts_come_from_the_source_then_the_journal(source, settings, accounts):
    config = Config(CONFIG.organization, sources=CONFIG.sources, journal=settings)
    assert tuple(one.account for one in journal([line("1.00", source=source)], config).lines) == accounts


def test_a_source_without_credit_fund_has_an_empty_one():
    assert [one.fund for one in journal([line("1.00", source="gcp")]).lines] == ["MATH-1", ""]


def test_lines_follow_their_key_and_descriptions_can_be_given():
    lines = [line("1.00", pi="z@example.edu"), line("2.00", pi="a@example.edu")]
    result = with_descriptions(journal(lines), lambda one: f"for {one.pi}")
    assert [(one.pi, one.payer) for one in result.lines] == [
        *(("a@example.edu", True), ("a@example.edu", False)),
        *(("z@example.edu", True), ("z@example.edu", False)),
    ]
    assert [one.description for one in result.lines[:3]] == ["for a@example.edu"] * 2 + ["for z@example.edu"]


amounts = st.decimals(min_value=-(10**12), max_value=10**12, places=2)
billing_lines = st.builds(
    line,
    amounts,
    pi=st.sampled_from(["a@example.edu", "b@example.edu"]),
    project=st.sampled_from(["p", "q"]),
    fund=st.sampled_from(["F-1", "F-2", "CLOUD-1"]),
    source=st.sampled_from(["aws", "hpc", "storage"]),
    service=st.text(max_size=5),
)


@given(st.lists(billing_lines, max_size=30))
def test_everything_balances(lines):
    result = journal(lines)
    assert result.debits == result.credits
    assert all(one.amount > 0 for one in result.lines)
    assert len(result.lines) == 2 * sum(1 for one in lines if one.amounts.billed)
    for payer, counterpart in zip(result.lines[::2], result.lines[1::2], strict=True):
        assert payer.signed == -counterpart.signed
    controls = {control.source: control for control in source_controls(result)}
    for source in ("aws", "hpc", "storage"):
        billed = sum((one.amounts.billed for one in lines if one.source == source), Decimal(0))
        if source not in controls:
            assert billed == 0
            continue
        control = controls[source]
        assert control.payers == billed == -control.credited
        assert control.debits == control.credits
