"""What providers invoiced: the files in `invoices/`, and every fault of theirs with its place."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from openchargeback.ledger.provider_invoices import ProviderInvoice, read_invoices
from openchargeback.ledger.reading import read_ledger
from openchargeback.problems import Problem

PERIOD, PATH = "2025-01", "invoices/2025-01/aws"
HEAD = "InvoiceId,BilledCost,BillingCurrency,InvoiceIssueStatus,ChargeCategory,BillingPeriodStart"


def read(text: str, suffix: str = "csv") -> tuple[list[ProviderInvoice], list[Problem]]:
    return read_invoices(text.encode(), f"{PATH}.{suffix}", PERIOD, "aws")


def read_ones(text: str, suffix: str = "csv") -> list[ProviderInvoice]:
    found, problems = read(text, suffix)
    assert problems == []
    return found


def places(text: str, suffix: str = "csv") -> list[tuple[int, int, str]]:
    found, problems = read(text, suffix)
    assert found == [], "a part of an invoice would mislead"
    assert all(each.fix for each in problems)
    return [(each.line, each.column, each.message) for each in problems]


def test_three_lines_of_yaml_are_enough() -> None:
    (one,) = read_ones("invoices:\n  - id: 3153352307\n    amount: 37976.40\n", "yaml")
    assert (one.source, one.id, one.amount, one.currency) == ("aws", "3153352307", Decimal("37976.40"), "")
    assert (one.tax, one.provisional, one.path, one.line) == (None, False, f"{PATH}.yaml", 2)


def test_an_invoice_detail_file_is_summed_by_invoice_and_currency() -> None:
    """Voided lines are not owed; a line that is still open makes the invoice provisional."""
    rows = (
        "A,1.10,USD,Issued,Usage,2025-01-01T00:00:00Z",
        "A,0.000000000000000001,USD,Issued,Tax,2025-01-01T00:00:00Z",
        "A,5,EUR,Issued,Usage,2025-01-01T00:00:00Z",
        "A,100,USD,Voided,Usage,2025-01-01T00:00:00Z",
        "B,-2.5E1,,Open,Credit,NULL",
        "V,9,USD,Voided,Usage,",
    )
    found = {(each.id, each.currency): each for each in read_ones("\n".join([HEAD, *rows]))}
    assert list(found) == [("A", "USD"), ("A", "EUR"), ("B", "")]
    assert found["A", "USD"].amount == Decimal("1.100000000000000001")
    assert found["A", "USD"].tax == Decimal("0.000000000000000001")
    assert (found["A", "USD"].provisional, found["B", ""].provisional) == (False, True)
    assert (found["B", ""].amount, found["B", ""].line) == (Decimal(-25), 6)


def test_two_columns_are_enough_in_any_order_and_case_beside_others() -> None:
    (one,) = read_ones("\N{BYTE ORDER MARK}x_Region,billedcost, INVOICEID \r\nus,1.50,A\r\n\r\n")
    assert (one.id, one.amount, one.tax) == ("A", Decimal("1.50"), None)


@pytest.mark.parametrize(
    ("row", "place"),
    [
        ("A,$5,USD,Issued,Usage,", (2, 3, "expected a plain number such as 1234.50, found `$5`")),
        ("A,,USD,Issued,Usage,", (2, 3, "expected a plain number such as 1234.50, found ``")),
        (",5,USD,Issued,Usage,", (2, 1, "expected the number of an invoice, found empty text")),
        ("NULL,5,USD,Issued,Usage,", (2, 1, "expected the number of an invoice, found empty text")),
        ("A,5,usd,Issued,Usage,", (2, 5, "expected a currency code such as USD (ISO 4217), found `usd`")),
        ("A,5,USD,Paid,Usage,", (2, 9, "expected one of Issued, Open, Voided")),
        ("A,5,USD,Issued,Usage,2025-02-01T00:00:00Z", (2, 22, "BillingPeriodStart is 2025-02-01T00:00:00Z")),
        ("A,5,USD,Issued,Usage", (2, 1, "5 cells, but the header has 6")),
        ("A,1,5,USD,Issued,Usage,", (2, 1, "7 cells, but the header has 6")),
        ('A,"5,USD,Issued,Usage,', (2, 1, "not readable as CSV: unexpected end of data")),
        (f"A,{'9' * 16},USD,Issued,Usage,", (2, 3, f"expected a plain number such as 1234.50, found `{'9' * 16}`")),
    ],
)
def test_a_faulty_line_is_named_and_the_file_counts_for_nothing(row: str, place: tuple[int, int, str]) -> None:
    assert places(f"{HEAD}\n{row}") == [place]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("", (0, 0, "the file is empty")),
        ("InvoiceId,Amount\nA,5", (1, 1, "there is no column BilledCost")),
        ("Number;Amount\nA;5", (1, 1, "there is no column InvoiceId and no column BilledCost")),
        ("InvoiceId,BilledCost,invoiceid\nA,5,A", (1, 1, "duplicate column InvoiceId")),
    ],
)
def test_a_file_that_is_no_invoice_detail_is_named(text: str, place: tuple[int, int, str]) -> None:
    assert places(text) == [place]


def test_a_file_that_is_not_utf_8_is_named() -> None:
    found, (problem,) = read_invoices(b"InvoiceId,BilledCost\nA\xff,5\n", f"{PATH}.csv", PERIOD, "aws")
    assert (found, problem.code, problem.line, problem.message) == ([], "invoice-csv", 2, "not UTF-8 text")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("", (1, 0, "this file is empty")),
        ("invoices: []\n", (1, 11, "expected at least one item, found an empty list")),
        ("invoices:\n  - id: A\n", (2, 5, "amount is missing")),
        ("invoices:\n  - {id: A, amount: 1,000}\n", (2, 23, "`000` is not a setting here")),
        ('invoices:\n  - {id: "", amount: 1}\n', (2, 10, "expected the number of an invoice, found empty text")),
        (
            "invoices:\n  - {id: A, amount: 1, currency: $}\n",
            (2, 34, "expected a currency code such as USD (ISO 4217), found `$`"),
        ),
        ("invoice: A\namount: 5\n", (1, 1, "`invoice` is not a setting here")),
    ],
)
def test_a_faulty_yaml_file_is_named(text: str, place: tuple[int, int, str]) -> None:
    assert places(text, "yaml")[0] == place


def ledger_with(root: Path, *names: str) -> tuple[set[tuple[str, str, str]], list[tuple[str, str]]]:
    """What a ledger with such files in invoices/ has: period, source and number; and its problems."""
    (root / "config.yaml").write_text("organization: A\n")
    for number, name in enumerate(names):
        path = root / "invoices" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        csv = f"InvoiceId,BilledCost\nI{number},5\n"
        path.write_text(csv if path.suffix == ".csv" else f"invoices: [{{id: I{number}, amount: 5}}]\n")
    ledger, problems = read_ledger(root)
    assert ledger is not None
    found = {(period, each.source, each.id) for period, own in ledger.invoices.items() for each in own}
    return found, [(each.path, each.code) for each in problems]


def test_files_are_filed_like_charges(tmp_path: Path) -> None:
    names = ("2025-01/aws.yaml", "2025-01/aws/more.csv", "2025-02/AWS.csv", "2025-01/aws.pdf", "README.md")
    found, problems = ledger_with(tmp_path, *names)
    assert problems == []
    assert found == {("2025-01", "aws", "I0"), ("2025-01", "aws", "I1"), ("2025-02", "aws", "I2")}


ELSEWHERE = ("aws.yaml", "2025-13/aws.yaml", "2025-01/aws.yml", "2025-01/a/b/c.csv", "2025-01/x.gz")


@pytest.mark.parametrize("name", ELSEWHERE)
def test_a_file_elsewhere_is_a_problem(tmp_path: Path, name: str) -> None:
    assert ledger_with(tmp_path, name) == (set(), [(f"invoices/{name}", "misplaced-file")])


def test_a_name_that_is_no_source_is_a_problem(tmp_path: Path) -> None:
    assert ledger_with(tmp_path, "2025-01/a b.yaml") == (set(), [("invoices/2025-01/a b.yaml", "bad-source-name")])


def test_the_same_invoice_twice_is_a_problem_and_in_two_currencies_it_is_none(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("organization: A\n")
    folder = tmp_path / "invoices/2025-01"
    folder.mkdir(parents=True)
    text = "invoices:\n- {id: A, amount: 1}\n- {id: A, amount: 1, currency: EUR}\n- {id: A, amount: 2}\n"
    (folder / "aws.yaml").write_text(text)
    (folder / "gcp.csv").write_text("InvoiceId,BilledCost\nA,1\nA,2\n")
    _, (problem,) = read_ledger(tmp_path)
    assert (problem.code, problem.path, problem.line) == ("duplicate-invoice", "invoices/2025-01/aws.yaml", 4)
    assert problem.message == "the invoice A is already listed at invoices/2025-01/aws.yaml:2"
