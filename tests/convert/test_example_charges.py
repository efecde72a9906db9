"""The charges of the guides' examples: golden, complete by FOCUS, and valid by the program's own reading."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner

from openchargeback.cli.main import cli
from openchargeback.convert.config import read_config
from openchargeback.convert.example import example_config
from openchargeback.convert.kinds import kind_of

EXAMPLES = Path(__file__).parents[2] / "docs/export_examples"
GOLDEN = Path(__file__).parent / "golden"
CASES = {
    "qumulo": ("storage", "qumulo", "qumulo-*.json", "storage.yaml"),
    "isilon": ("storage", "hpc", "isilon-*.json", "storage.yaml"),
    "slurm": ("slurm", "hpc", "sacct.txt", "slurm.yaml"),
    "azure-local": ("vm", "azure-local", "vms-*.json", "vm.yaml"),
    "openstack": ("vm", "openstack", "usage.json", "vm.yaml"),
    "cloudkitty": ("vm", "openstack", "summary.json", "cloudkitty.yaml"),
}
# FOCUS 1.2: columns that must be there, and of them those that may be null in rows such as these.
NULLABLE = {"AvailabilityZone", "ChargeClass", "CommitmentDiscountStatus", "InvoiceId", "Tags", "SkuPriceDetails"}
FILLED = {
    *("BilledCost", "BillingAccountId", "BillingAccountName", "BillingAccountType", "BillingCurrency"),
    *("BillingPeriodEnd", "BillingPeriodStart", "ChargeCategory", "ChargeDescription", "ChargeFrequency"),
    *("ChargePeriodEnd", "ChargePeriodStart", "ContractedCost", "ContractedUnitPrice", "EffectiveCost"),
    *("InvoiceIssuerName", "ListCost", "ListUnitPrice", "PricingCategory", "PricingQuantity", "PricingUnit"),
    *("ProviderName", "PublisherName", "ResourceId", "ResourceName", "ResourceType", "ServiceCategory"),
    *("ServiceName", "ServiceSubcategory", "SkuId", "SkuMeter", "SkuPriceId", "SubAccountId", "SubAccountName"),
    *("SubAccountType", "Tags"),
}


def converted(name: str, output: Path, *options: str) -> str:
    """The charges of an example."""
    kind, folder, pattern, config = CASES[name]
    inputs = [str(path) for path in sorted((EXAMPLES / folder).glob(pattern))]
    arguments = ["convert", kind, *inputs, "--config", str(EXAMPLES / folder / config), "-o", str(output), *options]
    done = CliRunner().invoke(cli, [*arguments, "--period", "2025-01"])
    assert done.exit_code == 0, (done.output, done.exception)
    return output.read_text("utf-8")


@pytest.mark.parametrize("name", CASES)
def test_the_charges_are_as_they_were(tmp_path: Path, name: str) -> None:
    found = converted(name, tmp_path / "charges.csv")
    golden = GOLDEN / f"{name}.csv"
    assert found == golden.read_text("utf-8")


@pytest.mark.parametrize("name", CASES)
def test_every_column_that_must_be_filled_is(tmp_path: Path, name: str) -> None:
    for row in csv.DictReader(io.StringIO(converted(name, tmp_path / "charges.csv"))):
        assert set(row) >= FILLED | {"ConsumedQuantity", "ConsumedUnit"} | (NULLABLE - {"CommitmentDiscountStatus"})
        assert not [column for column in FILLED if not row[column]]
        usage = row["ChargeCategory"] == "Usage"
        assert row["ConsumedQuantity"] == (row["PricingQuantity"] if usage else "")
        assert row["ConsumedUnit"] == (row["PricingUnit"] if usage else "")
        assert row["ChargeFrequency"] == ("Usage-Based" if usage else "Recurring")
        quantity = Decimal(row["PricingQuantity"])
        assert quantity * Decimal(row["ListUnitPrice"]) == Decimal(row["ListCost"])
        assert quantity * Decimal(row["ContractedUnitPrice"]) == Decimal(row["ContractedCost"])
        assert row["BilledCost"] == row["EffectiveCost"] == row["ContractedCost"]
        assert all(isinstance(each, str) for each in json.loads(row["Tags"]).values())
        if row["SkuPriceDetails"]:
            assert set(json.loads(row["SkuPriceDetails"])) <= {"CoreCount", "MemorySize", "DiskSpace", "GpuCount"}


@pytest.mark.parametrize("name", CASES)
def test_the_charges_are_valid_without_a_warning(tmp_path: Path, name: str) -> None:
    (tmp_path / "charges/2025-01").mkdir(parents=True)
    (tmp_path / "config.yaml").write_text("organization: Northfield University\n")
    converted(name, tmp_path / f"charges/2025-01/{name}.csv", "--ledger", str(tmp_path))
    arguments = ["validate", "--ledger", str(tmp_path), "--format", "json", "--full"]
    found = json.loads(CliRunner().invoke(cli, arguments).stdout)
    assert [each for each in found["problems"] if each["path"].startswith("charges/")] == []
    assert found["valid"]


@pytest.mark.parametrize("kind", ["slurm", "storage", "vm"])
def test_the_example_config_is_read_without_a_fault(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(example_config(kind_of(kind)), encoding="utf-8")
    config, problems = read_config(kind_of(kind), path)
    assert config is not None
    assert problems == []
