"""Our books as FOCUS 1.4: what is charged to PIs, as other programs read it."""

from __future__ import annotations

import csv
import io
import shutil
from collections import defaultdict
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner

from golden_ledgers import FAULTY, copied, each_ledger
from openchargeback import money
from openchargeback.billing.billed_details import billed_details
from openchargeback.billing.focus_charges import FOCUS_COLUMNS, OWN_COLUMNS, share_all, write_focus_charges
from openchargeback.billing.lines import sum_resources
from openchargeback.billing.pipeline import settled_month
from openchargeback.cli.main import cli
from openchargeback.export.focus_books import DETAIL_COLUMNS, PERIOD_COLUMNS
from openchargeback.focus.conformance.reporting import conformance
from openchargeback.ledger.files import ChargeFile
from openchargeback.model import Amounts, BilledPeriod, Kind
from openchargeback.portal import paths
from openchargeback.publish.books import Books, open_books, open_cache
from openchargeback.publish.month_charges import MonthCharges, Wanted
from openchargeback.publish.open_data import data_files
from openchargeback.publish.validating import validate

ROOT = Path(__file__).parents[2]
Rows = list[dict[str, str]]


def books_of(case: str, folder: Path) -> Books[BilledPeriod]:
    return open_books(copied(case, folder), keep=[Wanted.OPEN_DATA])


def files_of(books: Books[BilledPeriod]) -> dict[str, bytes]:
    return dict(data_files(books.ledger, books.periods, MonthCharges(books.ledger, open_cache(books.ledger.root))))


def rows(content: bytes) -> Rows:
    return list(csv.DictReader(io.StringIO(content.decode(), newline="")))


def sums(found: Rows, *keys: str) -> dict[tuple[str, ...], Decimal]:
    """BilledCost by these columns."""
    result: dict[tuple[str, ...], Decimal] = defaultdict(Decimal)
    for row in found:
        result[tuple(row[key] for key in keys)] += Decimal(row["BilledCost"])
    return dict(result)


@pytest.mark.parametrize("case", each_ledger(FAULTY))
def test_cost_and_usage_invoice_detail_and_statements_say_the_same(case: str, tmp_path: Path) -> None:
    books = books_of(case, tmp_path)
    files = files_of(books)
    for period in books.periods:
        charges, lines = (rows(files[path]) for path in _paths(period))
        assert sums(charges, "InvoiceId") == sums(lines, "InvoiceId")
        assert sums(charges, "InvoiceId", "InvoiceDetailId") == sums(lines, "InvoiceId", "InvoiceDetailId")
        assert sums(lines, "InvoiceId") == {
            (each.number,): each.amounts.billed for each in period.statements if each.posted
        }
        assert sum((Decimal(row["x_ListCost"]) for row in lines), Decimal(0)) == period.amounts.list
        exact = money.total(*(line.exact_billed for line in period.lines if line.posted))
        assert money.total(*(Decimal(row["EffectiveCost"]) for row in charges)) == exact
        assert len({(row["InvoiceId"], row["InvoiceDetailId"]) for row in lines}) == len(lines)
        places = money.places(period.currency)
        assert {len(row["BilledCost"].partition(".")[2]) for row in (*charges, *lines)} <= {places}


def _paths(period: BilledPeriod) -> tuple[str, str]:
    return paths.cost_and_usage_file(period), paths.invoice_detail_file(period.period)


def as_ledger(books: Books[BilledPeriod], root: Path) -> Path:
    """A ledger that gets our books as the export and the invoices of a provider."""
    root.mkdir()
    (root / "config.yaml").write_text(f"organization: A\ncurrency: {books.ledger.config.currency}\n")
    files = files_of(books)
    for period in books.periods:
        for folder, path in zip(("charges", "invoices"), _paths(period), strict=True):
            (root / folder / period.period).mkdir(parents=True)
            (root / folder / period.period / "books.csv").write_bytes(files[path])
    return root


@pytest.mark.mostly_slow(but=2)
@pytest.mark.parametrize("case", ["allocated", "attribution", "credits", "parts", "rounding", "yen"])
def test_they_are_valid_by_our_own_validation_and_their_invoices_match(case: str, tmp_path: Path) -> None:
    root = as_ledger(books_of(case, tmp_path), tmp_path / "theirs")
    ledger, problems = validate(root)
    assert ledger is not None
    # What a draft is called, and what a provider's own charges are, is not a fault of the file.
    told = [each for each in problems if each.code not in ("invoice-missing", "negative-usage", "no-credit-fund")]
    assert [(each.place, each.code, each.message) for each in told] == []
    for period, invoices in ledger.invoices.items():
        shown = CliRunner().invoke(cli, ["periods", "show", period, "--ledger", str(root)]).stdout
        assert shown.count("provisional") == len(invoices)
        assert "differs" not in shown


def test_the_demo_meets_every_requirement_of_focus_but_columns_that_are_gone(tmp_path: Path) -> None:
    """The requirements are those of FOCUS 1.2; 1.4 has other columns for provider and publisher."""
    ledger = Path(shutil.copytree(ROOT / "ledger", tmp_path / "ledger"))
    books = open_books(ledger, keep=[Wanted.OPEN_DATA])
    files = files_of(books)
    charge_files = []
    for period in books.periods:
        place = tmp_path / f"{period.period}.csv"
        place.write_bytes(files[paths.cost_and_usage_file(period)])
        charge_files.append(ChargeFile(place.name, place, period.period, "books", place.stat().st_size))
    problems, counts = conformance(charge_files)
    broken = {each.code for each in problems if each.severity == "error"}
    assert broken == {"CostAndUsage-D-021-M", "CostAndUsage-D-038-M"}
    assert all(each.hold > 140 for each in counts)


HEAD = "BillingPeriodStart,ChargeCategory,BilledCost,ListCost,ServiceName,ResourceId,Tags\n"


def charge(month: str, rest: str, fund: str = "BIO-1") -> str:
    named = f', ""fund_org"": ""{fund}""' if fund else ""
    return f'{month}-01,{rest},"{{""pi_email"": ""ada@example.edu"", ""project_id"": ""genomics""{named}}}"\n'


@pytest.fixture
def corrected(tmp_path: Path) -> Books[BilledPeriod]:
    """January is closed; February bills one of its held charges, credits one, and bills another to another fund."""
    files = {
        "config.yaml": "organization: A\nsources: {aws: {credit_fund: C-1, severity: {missing-label: off}}}\n",
        "charges/2025-01/aws.csv": HEAD
        + charge("2025-01", "Usage,10.004,12,EC2,r1")
        + charge("2025-01", "Tax,1.25,1.25,EC2,")
        + charge("2025-01", "Purchase,5,5,EC2,r3", fund="")
        + charge("2025-01", "Usage,7.50,8,S3,r4"),
        "charges/2025-02/aws.csv": HEAD + charge("2025-02", "Usage,1,1,EC2,r1"),
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    run(tmp_path, "periods", "close", "2025-01", "--on", "2025-02-05", "--by", "me", "--leave-held")
    every = ("--reason", "x", "--by", "me", "--period", "2025-02", "--of", "2025-01")
    run(tmp_path, "review", "reassign", *every, "--set-fund", "BIO-2", "--all")
    run(tmp_path, "review", "credit", *every, "--resource", "r4")
    run(tmp_path, "review", "credit", *every, "--resource", "r1", "--set-fund", "BIO-9")
    return open_books(tmp_path, keep=[Wanted.OPEN_DATA])


def run(root: Path, *arguments: str) -> None:
    done = CliRunner().invoke(cli, [*arguments, "--ledger", str(root)], catch_exceptions=False)
    assert done.exit_code == 0, done.output


def test_a_credit_note_carries_its_reference(corrected: Books[BilledPeriod]) -> None:
    files = files_of(corrected)
    january, february = corrected.periods
    number = january.statements[0].number
    charges, lines = (rows(files[path]) for path in _paths(february))
    own = february.statements[0].number
    assert {(row["x_Entry"], row["ReferenceInvoiceId"], row["x_CreditNote"]) for row in lines} == {
        ("own", own, ""),
        ("late", own, ""),
        ("credit", number, f"{own}-c1"),
        ("rebill", number, ""),
    }
    found = {
        (row["x_Entry"], row["x_ReferenceInvoiceId"], row["ChargeClass"], row["ChargeCategory"]) for row in charges
    }
    assert found == {
        ("own", "", "", "Usage"),
        ("late", "", "", "Purchase"),
        ("credit", number, "Correction", "Usage"),
        ("rebill", number, "Correction", "Usage"),
    }
    spans = {(row["x_Entry"] == "own", row["ChargePeriodStart"][:7], row["BillingPeriodStart"][:7]) for row in charges}
    assert spans == {(True, "2025-02", "2025-02"), (False, "2025-01", "2025-02")}
    assert sums(charges, "InvoiceId", "InvoiceDetailId") == sums(lines, "InvoiceId", "InvoiceDetailId")
    assert sum(sums(lines, "InvoiceId").values()) == february.amounts.billed


def test_a_closed_month_is_issued_and_an_open_one_is_not(corrected: Books[BilledPeriod]) -> None:
    files = files_of(corrected)
    january, february = (rows(files[paths.invoice_detail_file(each.period)]) for each in corrected.periods)
    assert {(row["InvoiceIssueStatus"], row["InvoiceIssueDate"]) for row in january} == {
        ("Issued", "2025-02-05T00:00:00Z")
    }
    assert {(row["InvoiceIssueStatus"], row["InvoiceIssueDate"]) for row in february} == {("Open", "")}
    months = [
        (row["BillingPeriodStart"], row["BillingPeriodStatus"], row["BillingPeriodLastUpdated"])
        for row in rows(files[paths.BILLING_PERIOD_FILE])
    ]
    assert months == [
        ("2025-01-01T00:00:00Z", "Closed", "2025-02-05T00:00:00Z"),
        ("2025-02-01T00:00:00Z", "Open", "2025-02-28T00:00:00Z"),
    ]


def test_the_columns_are_those_that_are_described(corrected: Books[BilledPeriod]) -> None:
    files = files_of(corrected)
    for path, columns in (
        (paths.cost_and_usage_file(corrected.periods[0]), (*FOCUS_COLUMNS, *OWN_COLUMNS)),
        (paths.invoice_detail_file("2025-01"), DETAIL_COLUMNS),
        (paths.BILLING_PERIOD_FILE, PERIOD_COLUMNS),
    ):
        assert files[path].split(b"\n", 1)[0].decode().strip() == ",".join(columns)


def test_a_line_that_would_be_computed_otherwise_is_written_as_recorded(
    corrected: Books[BilledPeriod], tmp_path: Path
) -> None:
    """A newer version may bill a closed month differently; the books say what was billed."""
    january = _raised(corrected.periods[0], Decimal("0.01"))
    with settled_month(corrected.ledger, "2025-01") as charges:
        sum_resources(charges.con, "USD")
        share_all(charges)
        write_focus_charges(charges, january, tmp_path / "focus.csv")
    found = rows((tmp_path / "focus.csv").read_bytes())
    expected: dict[tuple[str, ...], Decimal] = {}
    for each in billed_details(january):
        expected[each.statement.number, each.id] = each.amounts.billed
    assert sums(found, "InvoiceId", "InvoiceDetailId") == expected
    assert [row["ChargeDescription"] for row in found if not row["x_ChargeId"]] == ["1 charge", "1 charge"]
    assert [row["ServiceName"] for row in found if row["x_ChargeId"]] == ["S3"]


def _raised(period: BilledPeriod, cent: Decimal) -> BilledPeriod:
    """The period with another amount for the usage of EC2, as if that were its record."""
    (statement,) = period.statements

    def raised(amounts: Amounts) -> Amounts:
        return amounts + Amounts(list=cent, billed=cent)

    lines = tuple(
        replace(each, amounts=raised(each.amounts)) if each.service == "EC2" else each for each in statement.lines
    )
    resources = tuple(
        replace(each, amounts=raised(each.amounts)) if (each.service, each.kind) == ("EC2", Kind.USAGE) else each
        for each in statement.resources
    )
    return replace(period, lines=lines, statements=(replace(statement, lines=lines, resources=resources),))
