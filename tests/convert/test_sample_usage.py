"""The usage records of the sample university: every state of Slurm, converted as sample_data/README.md says."""

from __future__ import annotations

import csv
import json
import shutil
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from openchargeback.cli.main import cli
from openchargeback.convert.slurm.settings import STATES

ROOT = Path(__file__).parents[2]
EXPORT = ROOT / "sample_data/usage/sacct_2025-01.txt"
CONFIG = ROOT / "ledger/conversions/hpc.yaml"
GOLDEN = Path(__file__).parent / "sample_usage.json"
FIRST, LAST = "2025-01-01T00:00:00", "2025-02-01T00:00:00"


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return Path(shutil.copytree(ROOT / "ledger", tmp_path / "ledger"))


def convert(ledger: Path, *options: str) -> Result:
    arguments = ("convert", "slurm", str(EXPORT), "--config", str(CONFIG), "--ledger", str(ledger))
    return CliRunner().invoke(cli, [*arguments, *options])


def records() -> list[dict[str, str]]:
    with EXPORT.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="|", quoting=csv.QUOTE_NONE))


def test_every_state_is_there() -> None:
    states = {each["State"].split()[0] for each in records()}
    assert states == {*STATES, "PENDING", "REVOKED"}


def test_who_used_what_is_as_agreed(ledger: Path) -> None:
    done = convert(ledger, "--period", "2025-01", "--dry-run", "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["problems"] == []
    assert found == json.loads(GOLDEN.read_text("utf-8"))


def test_the_charges_are_valid_and_belong_to_projects(ledger: Path) -> None:
    """No problem with the file, not even a notice; no charge is held."""
    done = convert(ledger, "-o", str(ledger / "charges/2025-01/hpc.csv"))
    assert done.exit_code == 0, done.output
    checked = CliRunner().invoke(cli, ["validate", "--ledger", str(ledger), "--format", "json", "--full"])
    assert json.loads(checked.stdout)["problems"] == []
    shown = json.loads(
        CliRunner().invoke(cli, ["periods", "show", "2025-01", "--ledger", str(ledger), "--json"]).stdout
    )
    assert shown["flags"] == []
    assert shown["held"] == []
    assert [(each["source"], each["held"]) for each in shown["sources"]] == [("hpc", "0")]


def test_the_seconds_are_those_of_the_export() -> None:
    """By simple arithmetic on whole records that lie in the month: what no clipping and no pause can change."""
    used: Counter[str] = Counter()
    for each in records():
        inside = each["Start"] >= FIRST and each["End"] < LAST and each["Start"][0] == "2"
        if inside and each["State"] not in ("NODE_FAIL", "BOOT_FAIL", "REVOKED"):
            tres = dict(part.split("=") for part in each["AllocTRES"].split(","))
            meter = "gres/gpu" if each["Partition"] == "gpu" else "cpu"
            used[meter] += int(tres[meter]) * int(each["ElapsedRaw"])
    found = {each["meter"]: each for each in json.loads(GOLDEN.read_text("utf-8"))["meters"]}
    # The rest is of records over the ends of the month, and less than what they are as a whole.
    for meter, seconds in used.items():
        total = found[meter.removeprefix("gres/")]
        assert 0 < seconds <= total["in_period"] <= total["recorded"]
        assert total["in_period"] == total["in_charges"]
        assert Decimal(seconds) / total["in_period"] > Decimal("0.7")
