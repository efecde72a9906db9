"""Invoices of providers against the charges that name them: Σ BilledCost per InvoiceId = the invoice."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
import small_ledger as small
from hypothesis import given
from hypothesis import strategies as st

from openchargeback import money
from openchargeback.billing.provider_invoices import InvoiceCheck, checked_sources, compare_invoices
from openchargeback.ledger.config import read_config
from openchargeback.ledger.provider_invoices import ProviderInvoice
from openchargeback.model import BilledPeriod, InvoiceSum

CONFIG = "organization: A\ncurrency: USD\n"


def invoice(id_: str, amount: str, **more: object) -> ProviderInvoice:
    values = {"source": "hpc", "path": "invoices/2025-01/hpc.yaml", "line": 2, **more}
    return ProviderInvoice(id=id_, amount=Decimal(amount), **values)  # type: ignore[arg-type]


def billed(root: Path, *charges: tuple[str, str], config: str = CONFIG, **cells: str) -> BilledPeriod:
    """January with charges of these amounts and invoices (without any: a file without the column)."""
    rows = [small.charge(cost, **({"InvoiceId": id_} if id_ != "-" else {}), **cells) for cost, id_ in charges]
    period, _ = small.bill(root, rows, config=config)
    assert period is not None
    return period


def compared(period: BilledPeriod, *invoices: ProviderInvoice, config: str = CONFIG) -> list[InvoiceCheck]:
    known, _ = read_config(config.encode())
    assert known is not None
    return list(compare_invoices(period.invoices, invoices, known, {"hpc"}))


def results(checks: list[InvoiceCheck]) -> list[tuple[str, str, str]]:
    return [(each.invoice, str(each.status), money.exact(each.difference)) for each in checks]


def test_each_invoice_is_compared_with_all_charges_that_name_it(tmp_path: Path) -> None:
    """Whatever becomes of them: here one is held, since no fund is known."""
    rows = [
        small.charge("60.25", InvoiceId="A"),
        small.charge("39.70", InvoiceId=" A "),
        small.charge("0.05", InvoiceId="A", text=small.tags(fund=None), ResourceId="r-2"),
        small.charge("7", InvoiceId="B", ResourceId="r-3"),
        small.charge("1", InvoiceId="", ResourceId="r-4"),
    ]
    period, _ = small.bill(tmp_path, rows)
    assert small.sums(period)[2] == Decimal("0.05")
    found = compared(period, invoice("A", "100.00"), invoice("C", "3"))
    assert results(found) == [
        ("A", "matches", "0"),
        ("B", "missing", "0"),
        ("C", "differs", "-3"),
        ("", "missing", "0"),
    ]
    assert [each.charges for each in found] == [3, 1, 0, 1]
    assert [each.rows[0].lines for each in found if each.rows] == [(2, 3, 4), (5,), (6,)]


@pytest.mark.parametrize(
    ("amount", "tolerance", "status"),
    [
        ("99.995", "", "matches"),
        ("100.005", "", "matches"),
        ("99.994", "", "differs"),
        ("100.005000000000000001", "", "differs"),
        ("99.95", "invoice_tolerance: 0.05", "matches"),
        ("99.949", "invoice_tolerance: 0.05", "differs"),
        ("100.001", "invoice_tolerance: 0", "differs"),
    ],
)
def test_half_of_a_cent_or_the_tolerance_of_the_source_may_differ(
    tmp_path: Path, amount: str, tolerance: str, status: str
) -> None:
    config = f"{CONFIG}sources: {{hpc: {{{tolerance}}}}}\n"
    period = billed(tmp_path, ("100", "A"), config=config)
    assert [str(each.status) for each in compared(period, invoice("A", amount), config=config)] == [status]


def test_half_a_yen_in_yen(tmp_path: Path) -> None:
    config = "organization: A\ncurrency: JPY\n"
    period = billed(tmp_path, ("100.4", "A"), ("100.6", "B"), config=config)
    found = compared(period, invoice("A", "100"), invoice("B", "100"), config=config)
    assert results(found) == [("A", "matches", "0.4"), ("B", "differs", "0.6")]


def test_half_a_cent_in_dollars_in_a_ledger_in_yen(tmp_path: Path) -> None:
    config = "organization: A\ncurrency: JPY\n"
    period = billed(tmp_path, ("1000", "A"), config=config, BillingCurrency="USD")
    assert results(compared(period, invoice("A", "1000.4", currency="USD"), config=config)) == [
        ("A", "differs", "-0.4")
    ]


def test_without_any_invoice_id_a_source_is_compared_as_a_whole(tmp_path: Path) -> None:
    """As before FOCUS 1.2, which added the column."""
    period = billed(tmp_path, ("60", "-"), ("39.5", "-"))
    found = compared(period, invoice("A", "50"), invoice("B", "50", provisional=True))
    assert results(found) == [("A, B", "provisional", "-0.5")]
    (check,) = compared(period, invoice("A", "50"), invoice("B", "50"))
    assert check.what == (
        "invoice A, B of hpc is 100.00 USD, and its 2 charges sum to 99.50 USD: 0.50 USD less than invoiced"
    )


def test_currencies_are_kept_apart(tmp_path: Path) -> None:
    rows = [
        small.charge("10", InvoiceId="A", BillingCurrency="EUR"),
        small.charge("5", InvoiceId="A", BillingCurrency="USD"),
    ]
    period, _ = small.bill(tmp_path, rows)
    found = compared(period, invoice("A", "10", currency="EUR"), invoice("A", "6"))
    assert [(each.currency, str(each.status)) for each in found] == [("EUR", "matches"), ("USD", "differs")]


def test_what_is_compared_is_billed_cost_whatever_the_source_bills(tmp_path: Path) -> None:
    config = f"{CONFIG}sources: {{hpc: {{cost: EffectiveCost}}}}\n"
    rows = [
        small.charge("10", InvoiceId="A", EffectiveCost="4"),
        small.charge("0", InvoiceId="A", EffectiveCost="6"),
        small.charge("x", InvoiceId="A", EffectiveCost="1", ListCost="1", ContractedCost="1"),
    ]
    period, _ = small.bill(tmp_path, rows, config=config)
    (check,) = compared(period, invoice("A", "11"), config=config)
    assert (check.charged, check.unreadable) == (10, 1)
    assert check.what.endswith("1.00 USD less than invoiced; BilledCost cannot be read in 1 charge")


def test_a_difference_says_what_part_of_it_is_tax(tmp_path: Path) -> None:
    """FOCUS 1.4 lets the tax of an invoice differ from the charges, but someone has to pay it."""
    period = billed(tmp_path, ("100", "A"))
    (check,) = compared(period, invoice("A", "108.25", tax=Decimal("8.25")))
    assert check.what.endswith("8.25 USD less than invoiced; the tax in it is 8.25 USD, in the charges 0.00 USD")


def test_amounts_in_messages_are_never_rounded(tmp_path: Path) -> None:
    period = billed(tmp_path, ("1234.5061", "A"))
    (check,) = compared(period, invoice("A", "1234.50"))
    assert check.what == (
        "invoice A of hpc is 1,234.50 USD, and its 1 charge sums to 1,234.5061 USD: 0.0061 USD more than invoiced"
    )


def test_only_sources_whose_invoices_the_ledger_keeps_are_checked(tmp_path: Path) -> None:
    """Other exports name invoices, too; a warning for each of them would help no one."""
    files = {"charges/2025-01/hpc.csv": small.csv_text([small.charge("1", InvoiceId="A")])}
    ledger = small.make(tmp_path, files)
    assert checked_sources(ledger) == set()
    ledger = small.make(tmp_path, {"invoices/2024-12/hpc.yaml": "invoices: [{id: Z, amount: 1}]\n"})
    assert checked_sources(ledger) == {"hpc"}
    ledger = small.make(tmp_path, {"config.yaml": f"{CONFIG}sources: {{aws: {{invoice_tolerance: 1}}}}\n"})
    assert checked_sources(ledger) == {"aws", "hpc"}


def test_nothing_is_lost(tmp_path: Path) -> None:
    """The sums of a source add up to what was imported, over files and invoices."""
    first = [small.charge(f"{n}.{n:06}", InvoiceId="ABC"[n % 3], ResourceId=f"r-{n}") for n in range(30)]
    second = [small.charge(f"-{n}.5", InvoiceId="A", ResourceId=f"s-{n}") for n in range(3)]
    files = {"hpc/a.csv": small.csv_text(first), "hpc/b.csv": small.csv_text(second), "aws.csv": small.csv_text(first)}
    period, _ = small.bill(tmp_path, files)
    own = [each for each in period.invoices if each.source == "hpc"]
    assert money.total(*(each.billed for each in own)) == small.sums(period)[0]
    assert {each.invoice: each.charges for each in own} == {"A": 13, "B": 10, "C": 10}
    assert {each.invoice: len(each.rows) for each in own} == {"A": 2, "B": 1, "C": 1}


CENTS = st.decimals(-1000, 1000, places=2)
PARTS = st.decimals(Decimal("-0.005"), Decimal("0.005"), places=18)


@given(st.dictionaries(st.sampled_from(["A", "B", "C", ""]), st.tuples(CENTS, PARTS), min_size=1))
def test_an_invoice_matches_what_rounds_to_it_and_nothing_else(charged: dict[str, tuple[Decimal, Decimal]]) -> None:
    sums = [
        InvoiceSum(
            source="hpc", invoice=id_, currency="USD", charges=1, billed=money.total(cents, part), tax=money.ZERO
        )
        for id_, (cents, part) in charged.items()
    ]
    config, _ = read_config(CONFIG.encode())
    assert config is not None
    for more, status in ((Decimal(0), "matches"), (Decimal("0.02"), "differs"), (Decimal("-0.02"), "differs")):
        invoices = [invoice(id_, str(cents + more)) for id_, (cents, _) in charged.items() if id_]
        found = list(compare_invoices(sums, invoices, config, {"hpc"}))
        assert [each.invoice for each in found] == sorted(charged, key=lambda id_: (not id_, id_))
        assert {str(each.status) for each in found if each.invoice} <= {status}
        assert list(compare_invoices(sums, invoices, config, set())) == []
