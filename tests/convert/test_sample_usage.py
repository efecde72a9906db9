"""The usage records of the sample university, converted as the demo does: jobs in every state, storage samples, VMs."""

from __future__ import annotations

import csv
import json
import shutil
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner

import demo
from openchargeback.cli.main import cli
from openchargeback.convert.slurm.settings import STATES

ROOT = Path(__file__).parents[2]
EXPORT = ROOT / "sample_data/usage/hpc/sacct-2025-12.txt"
GOLDEN = Path(__file__).parent / "sample_usage.json"
FIRST, LAST = "2025-12-01T00:00:00", "2026-01-01T00:00:00"


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return Path(shutil.copytree(ROOT / "ledger", tmp_path / "ledger"))


def run(*arguments: str | Path) -> dict[str, object]:
    """What a command prints as JSON."""
    done = CliRunner().invoke(cli, [*map(str, arguments), "--json"])
    assert done.exit_code == 0, done.output
    found: dict[str, object] = json.loads(done.stdout)
    return found


def records() -> list[dict[str, str]]:
    with EXPORT.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="|", quoting=csv.QUOTE_NONE))


def expected() -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = json.loads(GOLDEN.read_text("utf-8"))
    return found


def test_every_state_is_there() -> None:
    states = {each["State"].split()[0] for each in records()}
    assert states == {*STATES, "PENDING", "REVOKED"}


@pytest.mark.parametrize("source", demo.KINDS)
def test_who_used_what_is_as_agreed(ledger: Path, source: str) -> None:
    found = run(*demo.conversion(source, ledger), "--dry-run")
    problems = found.pop("problems")
    assert isinstance(problems, list)
    assert [each["code"] for each in problems] == ["owner-unknown"]
    assert found == expected()[source]


def test_the_charges_are_valid_and_only_what_is_planted_is_held(ledger: Path) -> None:
    """No problem with the files, not even a notice; sample_data/README.md lists the flags."""
    for source in demo.KINDS:
        run(*demo.conversion(source, ledger))
    checked = CliRunner().invoke(cli, ["validate", "--ledger", str(ledger), "--format", "json", "--full"])
    assert json.loads(checked.stdout)["problems"] == []
    queue = json.loads(
        CliRunner().invoke(cli, ["review", "list", "--period", "2025-12", "--ledger", str(ledger), "--json"]).stdout
    )["items"]
    assert {(each["source"], each["project"], tuple(each["flags"])) for each in queue} == {
        ("hpc", "", ("missing-pi", "missing-project")),
        ("hpc", "plasma-jets", ("expired-project",)),
        ("storage", "", ("missing-fund", "missing-pi", "missing-project")),
        ("storage", "genomics-sequencing", ("missing-fund",)),
        ("storage", "plasma-jets", ("expired-project",)),
        ("vm", "", ("missing-fund", "missing-pi", "missing-project")),
    }


def test_the_seconds_are_those_of_the_export() -> None:
    """By simple arithmetic on whole records that lie in the month: what no clipping and no pause can change."""
    used: Counter[str] = Counter()
    for each in records():
        inside = each["Start"] >= FIRST and each["End"] < LAST and each["Start"][0] == "2"
        if inside and each["State"] not in ("NODE_FAIL", "BOOT_FAIL", "REVOKED"):
            tres = dict(part.split("=") for part in each["AllocTRES"].split(","))
            meter = "gres/gpu" if each["Partition"] == "gpu" else "cpu"
            used[meter.removeprefix("gres/")] += int(tres[meter]) * int(each["ElapsedRaw"])
    meters = expected()["hpc"]["meters"]
    assert isinstance(meters, list)
    found = {each["meter"]: each for each in meters}
    # The rest is of records over the ends of the month, and less than what they are as a whole.
    for meter, seconds in used.items():
        total = found[meter]
        amounts = {key: Decimal(total[key]) for key in ("recorded", "in_period", "in_charges")}
        hours = Decimal(seconds) / (3600 if total["unit"].endswith("-Hours") else 1)
        assert 0 < hours <= amounts["in_period"] <= amounts["recorded"]
        assert amounts["in_period"] == amounts["in_charges"]
        assert hours / amounts["in_period"] > Decimal("0.7")
