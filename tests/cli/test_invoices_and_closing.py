"""What a difference between a provider's invoice and its charges means for the life of a month."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from openchargeback.cli.main import cli
from openchargeback.problems import UsageFault
from repository import Repository

TAGS = '"{""pi_email"": ""ada@example.edu"", ""project_id"": ""p"", ""fund_org"": ""F-1""}"'
CHARGES = "charges/2025-01/aws.csv"
INVOICE = "invoices/2025-01/aws.yaml"


def charges(*rows: tuple[str, str]) -> str:
    lines = [f"2025-01-01T00:00:00Z,{cost},{invoice},{TAGS}\n" for cost, invoice in rows]
    return "BillingPeriodStart,BilledCost,InvoiceId,Tags\n" + "".join(lines)


def invoices(**amounts: str) -> str:
    return "invoices:\n" + "".join(f"  - {{id: {id_}, amount: {amount}}}\n" for id_, amount in amounts.items())


class Ledger:
    """A ledger in a folder, and the program run on it in this process."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.write("config.yaml", "organization: A\nsources: {aws: {credit_fund: C-1}}\n")
        self.write(CHARGES, charges(("60.25", "A"), ("39.70", "A")))

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(cli, [*arguments, "--ledger", str(self.root)], catch_exceptions=False)

    def close(self) -> Result:
        return self.run("periods", "close", "2025-01", "--on", "2025-02-05", "--by", "me")

    def codes(self) -> list[str]:
        found = json.loads(self.run("validate", "--format", "json").stdout)["problems"]
        return [each["code"] for each in found if each["code"].startswith("invoice-")]

    def shown(self) -> list[tuple[str, str, str | None]]:
        found = json.loads(self.run("periods", "show", "2025-01", "--json").stdout)["invoices"]
        return [(each["invoice"], each["status"], each["difference"]) for each in found]


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path)


def test_a_difference_is_a_warning_before_and_stops_closing(ledger: Ledger) -> None:
    ledger.write(INVOICE, invoices(A="100.00"))
    assert ledger.codes() == ["invoice-difference"]
    assert ledger.shown() == [("A", "differs", "-0.05")]
    with pytest.raises(UsageFault) as refused:
        ledger.close()
    assert str(refused.value).startswith(
        "2025-01 cannot be closed\n  invoices/2025-01/aws.yaml:2: invoice A of aws is 100.00 USD, and its 2 charges "
        "sum to 99.95 USD: 0.05 USD less than invoiced; "
    )
    assert not (ledger.root / "periods").exists()
    ledger.write("config.yaml", "organization: A\nsources: {aws: {credit_fund: C-1, invoice_tolerance: 0.05}}\n")
    ledger.close()
    assert ledger.codes() == []


def test_a_missing_invoice_is_listed_and_does_not_stop_closing(ledger: Ledger) -> None:
    ledger.write(CHARGES, charges(("60.25", "A"), ("39.70", "B"), ("1", "B")))
    ledger.write(INVOICE, invoices(A="60.25"))
    assert ledger.codes() == ["invoice-missing"]
    done = ledger.close()
    assert "charges/2025-01/aws.csv:3" in done.stderr
    assert "invoice B of aws is missing: 2 charges of aws, 40.70 USD, name it" in done.stderr
    assert ledger.codes() == [], "it was seen when the month was closed"
    assert ledger.shown() == [("A", "matches", "0"), ("B", "missing", None)]


def test_an_invoice_that_comes_after_closing_is_compared_with_the_record(ledger: Ledger) -> None:
    """It changes nothing of the month, and nothing can be done about a finalized one."""
    ledger.close()
    ledger.write(INVOICE, invoices(A="100.00"))
    assert ledger.codes() == ["invoice-difference"]
    assert ledger.shown() == [("A", "differs", "-0.05")]
    ledger.run("periods", "finalize", "2025-01", "--by", "me")
    assert ledger.codes() == []
    assert ledger.shown() == [("A", "differs", "-0.05")]
    ledger.write(INVOICE, invoices(A="99.95"))
    assert ledger.shown() == [("A", "matches", "0")]


def test_the_table_says_it_in_words(ledger: Ledger) -> None:
    ledger.write(CHARGES, charges(("60.2561", "A"), ("39.70", "")))
    ledger.write(INVOICE, invoices(A="60.25", B="1"))
    lines = ledger.run("periods", "show", "2025-01").stdout.splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("Invoice "))
    assert lines[first : first + 4] == [
        "Invoice  Source  Charges      Charged   Invoiced  Difference  Result",
        "A        aws           1  60.2561 USD  60.25 USD  0.0061 USD  differs",
        "B        aws           0     0.00 USD   1.00 USD   −1.00 USD  differs",
        "none     aws           1    39.70 USD                         missing",
    ]


def test_closing_rests_on_the_invoices_of_its_month_alone(tmp_path: Path) -> None:
    ledger = Repository(tmp_path / "ledger")
    ledger.write("config.yaml", "organization: A\nsources: {aws: {credit_fund: C-1}}\n")
    ledger.write(CHARGES, charges(("60.25", "A")))
    ledger.commit()
    ledger.write(INVOICE, invoices(A="60.25"))
    ledger.write("invoices/2024-12/aws.yaml", invoices(Z="1"))
    refused = ledger.run("periods", "close", "2025-01", "--by", "me", code=2).stderr
    assert "1 file that this closing depends on is not committed" in refused
    assert INVOICE in refused
    ledger.run("periods", "close", "2025-01", "--by", "me", "--commit")
    assert INVOICE in ledger.git("ls-files")
    assert "invoices/2024-12" not in ledger.git("ls-files")
