"""What conversions write keeps the requirements of FOCUS 1.2, but for what is listed here with its reason."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from openchargeback.cli.main import cli

HERE = Path(__file__).parent
OUTPUTS = sorted(
    [
        *HERE.glob("golden/*.csv"),
        *HERE.glob("csv/exports/*.expected.csv"),
        *HERE.glob("slurm/exports/expected-*.csv"),
        HERE / "shared/golden.csv",
    ]
)
DIFFERENCES = {
    # The invoice's cost is not quantity × rate, so that no unit price yields it (docs/CONVERT.md, `mismatch`).
    "csv/exports/nerc-invoice.expected.csv": {"ContractedUnitPrice-C-006-C"},
    # The shared rows have no InvoiceId, and what is split keeps the columns of the file that it is from.
    "shared/golden.csv": {"CostAndUsage-D-033-O"},
}


def test_every_kind_is_there() -> None:
    assert {path.name.split(".")[0] for path in OUTPUTS} >= {"slurm", "qumulo", "openstack", "golden", "openai-usage"}


@pytest.mark.parametrize("path", OUTPUTS, ids=lambda path: path.relative_to(HERE).as_posix())
def test_charges_break_no_other_requirement(path: Path) -> None:
    done = CliRunner().invoke(cli, ["validate", "--conformance", "--format", "json", str(path)])
    broken = {each["code"] for each in json.loads(done.stdout)["problems"]}
    assert broken == DIFFERENCES.get(path.relative_to(HERE).as_posix(), set())
