"""docs/kubernetes-export-guide.md: its example is carried out as it stands there; its scripts can be run."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from openchargeback.explanations import catalog
from openchargeback.ledger.yaml_tree import parse
from test_monthly_round import Shell, fits, shell, steps

__all__ = ["shell"]
ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/kubernetes-export-guide.md"
TEXT = PAGE.read_text("utf-8")


def blocks(language: str, text: str = TEXT) -> list[str]:
    return re.findall(rf"^ *```{language}\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL)


OPERATIONS = blocks("sh", (ROOT / "docs/OPERATIONS.md").read_text("utf-8"))


def test_the_example_is_what_happens(shell: Shell, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "docs/kubernetes_example", tmp_path / "work", dirs_exist_ok=True)
    different = []
    for line, command, expected in steps(TEXT):
        printed, code = shell.run(command)
        if code or not fits(expected, printed):
            different.append(f"{PAGE.name}:{line}\n$ {command}\n{printed}")
    assert not different, "\n\n".join(different)


def test_the_table_has_the_shares_of_the_example() -> None:
    """By simple arithmetic: half by CPU, half by memory."""
    rows = re.findall(r"^\| ([\w-]+) \| (\d+) → .*? \| (\d+) → .*? \| ([\d.]+)% \| ([\d.]+) \|$", TEXT, re.MULTILINE)
    assert len(rows) == 3
    for _, cpu, memory, percent, cost in rows:
        share = (int(cpu) / 240 + int(memory) / 240) / 2
        assert share * 100 == float(percent)
        assert share * 744 == float(cost)


@pytest.mark.parametrize("script", [*blocks("sh"), *OPERATIONS, *re.findall(r"run: \|\n((?: {10}.*\n)+)", TEXT)])
def test_each_script_can_be_read_and_hides_nothing(script: str) -> None:
    done = subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "|| true" not in script
    assert "2>/dev/null" not in script


def test_scripts_that_collect_stop_at_a_fault() -> None:
    assert [script for script in blocks("sh") if "aws s3" in script or "curl" in script]
    for script in blocks("sh"):
        if "convert" not in script:
            assert script.startswith("set -euo pipefail\n"), script


def test_a_month_is_taken_out_of_the_accumulated_csv_and_a_missing_day_is_seen(tmp_path: Path) -> None:
    script = next(script for script in blocks("sh") if "aws s3 cp" in script).replace("aws s3 cp", ": #")
    days = [f"2025-01-{day:02d}" for day in range(1, 32)]
    for left_out, code in (("", 0), ("2025-01-17", 1)):
        lines = ["Date,Namespace", *(f"{day},a" for day in ["2024-12-31", *days, "2025-02-01"] if day != left_out)]
        (tmp_path / "all.csv").write_text("".join(f"{line}\n" for line in lines))
        done = subprocess.run(
            ["bash", "-c", script, "collect", "2025-01"], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == code, done.stderr
        whole = tmp_path / "opencost.csv"
        assert whole.exists() == (code == 0)
        assert code or "2024-12-31" not in whole.read_text()
        whole.unlink(missing_ok=True)
    assert done.stderr == "only 30 days of 2025-01\n"


def test_the_workflow_is_yaml() -> None:
    (workflow,) = blocks("yaml")
    node, reader = parse(workflow.encode(), "workflow.yaml")
    assert node is not None
    assert reader.problems == []


def test_each_code_that_it_names_is_explained() -> None:
    named = set(re.findall(r"^\| `([a-z]+(?:-[a-z]+)+)`", TEXT, re.MULTILINE))
    assert named
    assert named <= set(catalog())
