"""The columns of the charge browser say what the open data and the books say, for every kind of ledger."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from golden_ledgers import FAULTY, copied, each_ledger
from openchargeback import money
from openchargeback.billing import browsed_charges
from openchargeback.billing.browsed_charges import BrowsedCharges
from openchargeback.billing.focus_charges import share_all
from openchargeback.billing.lines import sum_resources
from openchargeback.billing.pipeline import settled_month
from openchargeback.csv_writing import unguarded
from openchargeback.model import BilledPeriod
from openchargeback.publish.books import Books, open_books
from openchargeback.publish.month_charges import MonthCharges, OpenData, Wanted
from openchargeback.publish.past import NO_CACHE


def open_months(case: str, folder: Path) -> Iterator[tuple[Books, BilledPeriod, OpenData]]:
    """Every billed month of a ledger with its data, made without a cache."""
    root = copied(case, folder)
    books = open_books(root, keep={Wanted.OPEN_DATA})
    charges = MonthCharges(books.ledger, NO_CACHE)
    for period in books.periods:
        yield books, period, charges.open_data(period)


def columns(browsed: BrowsedCharges) -> dict[str, list[Any]]:
    """The columns with texts and amounts in place of numbers; one that is left out is zero for all charges."""
    found = json.loads(gzip.decompress(browsed.columns))
    made: dict[str, list[Any]] = {}
    for name, numbers in ({name: [0] * browsed.rows for name in found["texts"]} | found["columns"]).items():
        made[name] = [found["texts"][name][code] for code in numbers] if name in found["texts"] else numbers
    for amount in ("list", "amount", "cost"):
        parts = [found["columns"].get(f"{amount}_{part}") for part in range(1, 6)]
        made[amount] = [
            money.total(*(Decimal(f"{part[row]}e{8 - 8 * at}") for at, part in enumerate(parts) if part))
            for row in range(browsed.rows)
        ]
    return made


def table(content: bytes) -> list[dict[str, str]]:
    rows = csv.DictReader(io.StringIO(content.decode(), newline=""))
    return [{name: unguarded(cell) for name, cell in row.items()} for row in rows]


@pytest.mark.parametrize("case", each_ledger(FAULTY))
def test_the_columns_are_the_charges(case: str, tmp_path: Path) -> None:
    for books, period, data in open_months(case, tmp_path):
        settings = books.ledger.settings(period.period)
        unit = money.minor_unit(settings.currency)
        rows, shown = table(data.charges), columns(data.browsed)
        cents = {row["x_ChargeId"]: Decimal(row["BilledCost"]) for row in table(data.focus) if row["x_Entry"] == "own"}
        assert data.browsed.rows == len(rows)
        for at, row in enumerate(rows):
            assert f"{shown['id_1'][at]:08x}{shown['id_2'][at]:08x}" == row["charge"]
            for name in ("source", "service", "pi", "project", "fund", "flags", "currency"):
                assert shown[name][at] == row[name], (row["charge"], name)
            assert shown["decision"][at].replace("\n", ";") == row["decisions"]
            state = row["disposition"]
            posted = settings.posts(row["source"])
            assert shown["state"][at] == ("shown" if state == "billed" and not posted else state)
            assert shown["cost"][at] * unit == Decimal(row["billed"])
            if state != "billed":
                assert shown["amount"][at] * unit == Decimal(row["billed"])
                assert shown["list"][at] * unit == Decimal(row["list"])
            elif posted:
                assert shown["amount"][at] * unit == cents[row["charge"]]
            else:
                assert shown["amount"][at] == int(shown["amount"][at])


def test_amounts_of_any_size_are_exact(tmp_path: Path) -> None:
    """Fifteen digits before the point and eighteen after it, also below zero."""
    amounts = [
        "999999999999999.999999999999999999",
        "-999999999999999.999999999999999999",
        "0.000000000000000001",
        "-7",
    ]
    root = tmp_path / "ledger"
    (root / "charges/2025-01").mkdir(parents=True)
    (root / "config.yaml").write_text("organization: {name: Northfield}\n", encoding="utf-8")
    rows = "".join(f"2025-01-01T00:00:00Z,USD,{cost},{cost}\n" for cost in amounts)
    head = "BillingPeriodStart,BillingCurrency,ListCost,BilledCost\n"
    (root / "charges/2025-01/aws.csv").write_text(head + rows, encoding="utf-8")
    books = open_books(root, keep={Wanted.OPEN_DATA})
    shown = columns(MonthCharges(books.ledger, NO_CACHE).open_data(books.periods[0]).browsed)
    for name in ("list", "amount", "cost"):
        assert [money.product(each, Decimal("0.01")) for each in shown[name]] == [Decimal(cost) for cost in amounts]
    found = [shown[f"amount_{part}"] for part in range(1, 5)]
    assert all(abs(number) < 10**9 for part in found for number in part)


def test_the_details_of_each_charge_are_its_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browsed_charges, "DETAILS", 2)
    monkeypatch.setattr(browsed_charges, "_BLOCK", 4)
    for _, _, data in open_months("decisions", tmp_path):
        rows, fields = table(data.charges), json.loads(gzip.decompress(data.browsed.columns))["fields"]
        assert len(data.browsed.details) == -(-len(rows) // 2)
        lists = [each for part in data.browsed.details for each in json.loads(gzip.decompress(part))]
        found = [dict(zip(fields, values, strict=True)) for values in lists]
        for row, detail in zip(rows, found, strict=True):
            assert (detail["file"], str(detail["row"])) == (row["file"], row["row"])
            assert (detail["exact_list"], detail["exact_billed"]) == (row["list"], row["billed"])


def test_a_line_that_is_computed_differently_has_exact_charges(tmp_path: Path) -> None:
    """Their cents would contradict the record of the month."""
    root = copied("rounding", tmp_path)
    books = open_books(root, keep={Wanted.OPEN_DATA})
    period = books.periods[0]
    wrong = [replace(line, amounts=replace(line.amounts, billed=line.amounts.billed + 1)) for line in period.lines]
    with settled_month(books.ledger, period.period, ids_of_all=True) as charges:
        sum_resources(charges.con, charges.config.currency)
        share_all(charges)
        shown = columns(browsed_charges.browsed_charges(charges, period.period, wrong))
    assert shown["amount"] == shown["cost"]


def test_the_packed_form_gives_everything_back(tmp_path: Path) -> None:
    for _, _, data in open_months("foreign-currency", tmp_path):
        assert BrowsedCharges.unpacked(data.browsed.packed()) == data.browsed
