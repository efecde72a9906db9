"""`charges.csv` of a statement: every charge, in cents that add up, from open and from closed months."""

from __future__ import annotations

import csv
import io
import re
import shutil
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[1] / "review"))

from closed_ledger import CONFIG, close, month
from small_ledger import charge, csv_text, tags

from openchargeback.billing.statement_charges import COLUMNS
from openchargeback.csv_writing import PLAIN, guarded, quoted
from openchargeback.model import Statement
from openchargeback.portal.statement_data import charges_csv
from openchargeback.publish.books import open_books, open_cache
from openchargeback.publish.gathering import gather_ledger
from openchargeback.publish.month_charges import MonthCharges, Wanted
from openchargeback.publish.past import NO_CACHE

ODD = '=HYPERLINK("x"), \r\n"a"'
AMOUNTS = ("list", "discount", "covered", "billed")


def rows() -> list[dict[str, str]]:
    """Charges whose cents only add up if they are allocated; two PIs, texts that a CSV must quote or guard."""
    hours = {"PricingQuantity": "1.5", "PricingUnit": "Hours", "ListUnitPrice": "0.67", "ListCost": "1.005"}
    days = [
        {"ChargePeriodStart": f"2025-01-{day:02}", "ChargePeriodEnd": f"2025-01-{day + 1:02}"} for day in range(5, 12)
    ]
    found = [charge("0.335", **{**hours, **day}) for day in days]
    odd = {"ResourceId": ODD, "ResourceName": "", "PricingQuantity": "2", "PricingUnit": ODD}
    found += [charge("0.333", **{**odd, **day}) for day in days[:3]]
    found += [charge("2.5", text=tags(pi="b@x.edu", project="q")), charge("-0.75", ChargeCategory="Credit")]
    # Held: its fund is missing.
    return [*found, charge("9", text=tags(fund=None))]


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("charges")
    files = {
        "config.yaml": CONFIG.replace("label: Amazon", "label: Amazon, discount: institution"),
        "logo.svg": '<svg xmlns="http://www.w3.org/2000/svg"/>',
        "charges/2025-01/aws.csv": csv_text(rows()),
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8", newline="")
    return root


def tables(root: Path, *, cached: bool = True) -> dict[str, tuple[Statement, list[dict[str, str]]]]:
    """Project → its statement and the rows of its `charges.csv`."""
    store = open_cache(root) if cached else NO_CACHE
    books = open_books(root, keep={Wanted.STATEMENTS}, store=store)
    (period,) = [each for each in books.periods if each.period == "2025-01"]
    charges, config = MonthCharges(books.ledger, store), books.ledger.settings("2025-01")
    found = {}
    for each in period.statements:
        made = charges.rows(period, each)
        assert made is not None
        text = charges_csv(each, config, made).decode()
        found[each.project.id] = each, list(csv.DictReader(io.StringIO(text, newline="")))
    return found


def test_every_billed_charge_is_a_row_and_cents_add_up(ledger: Path) -> None:
    for statement, found in tables(ledger).values():
        assert list(found[0]) == list(COLUMNS)
        assert len(found) == sum(line.charges for line in statement.lines)
        total = {name: sum(Decimal(row[name]) for row in found) for name in AMOUNTS}
        assert total == {name: getattr(statement.amounts, name) for name in AMOUNTS}
        exact = sum((line.exact_billed for line in statement.lines), Decimal(0))
        assert sum(Decimal(row["exact_billed"]) for row in found) == exact
        for row in found:
            assert Decimal(row["list"]) == Decimal(row["discount"]) + Decimal(row["billed"])
            assert row["currency"] == "USD"


def test_a_row_says_what_was_used_when_and_at_which_price(ledger: Path) -> None:
    _, found = tables(ledger)["genomics"]
    (first, *_) = [row for row in found if row["resource_id"] == "r-1" and row["kind"] == "usage"]
    assert {name: first[name] for name in ("first_day", "last_day", "quantity", "unit", "list_unit_price", "fund")} == {
        "first_day": "2025-01-05",
        "last_day": "2025-01-05",
        "quantity": "1.5",
        "unit": "Hours",
        "list_unit_price": "0.67",
        "fund": "BIO-1",
    }
    assert len(first["charge"]) == 16
    assert {row["kind"] for row in found} == {"usage", "credit"}


def test_texts_are_whole_and_no_formula(ledger: Path) -> None:
    _, found = tables(ledger)["genomics"]
    odd = [row for row in found if row["resource_id"] != "r-1"]
    assert len(odd) == 3
    assert {row["resource_id"] for row in odd} == {row["unit"] for row in odd} == {f"'{ODD}"}


def test_with_and_without_a_cache_and_after_closing_it_is_the_same(ledger: Path, tmp_path: Path) -> None:
    root = Path(shutil.copytree(ledger, tmp_path / "copy"))
    before = {name: found for name, (_, found) in tables(root).items()}
    assert {name: found for name, (_, found) in tables(root, cached=False).items()} == before
    close(root)
    assert {name: found for name, (_, found) in tables(root, cached=False).items()} == before
    assert {name: found for name, (_, found) in tables(root).items()} == before


def test_a_statement_that_is_computed_differently_today_has_no_charges(ledger: Path, tmp_path: Path) -> None:
    root = Path(shutil.copytree(ledger, tmp_path / "copy"))
    close(root)
    path = root / "periods/2025-01.lines.csv"
    text = path.read_text(encoding="utf-8")
    # As if the month had been closed by a version that counted the charges of one PI differently.
    changed = text.replace(",2.50,0.00,0.00,2.50,2.5,2.5,USD", ",2.50,0.00,0.00,2.50,2.50001,2.5,USD")
    assert changed != text
    ledger_, _ = gather_ledger(root)
    assert ledger_ is not None
    path.write_text(changed, encoding="utf-8")
    period = month(ledger)
    charges = MonthCharges(ledger_, NO_CACHE)
    found = {each.project.id: charges.rows(period, each) for each in period.statements}
    assert found["q"] is None
    assert found["genomics"] is not None


@given(st.from_regex(re.compile(PLAIN, re.ASCII), fullmatch=True))
def test_what_is_written_as_it_is_needs_neither_quotes_nor_a_guard(text: str) -> None:
    assert quoted(guarded(text)) == text
