"""The export guides: their examples are carried out as they stand there, and their scripts can be run."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from openchargeback.explanations import catalog
from openchargeback.ledger.yaml_tree import parse
from test_monthly_round import Shell, fits, shell, steps

__all__ = ["shell"]
DOCS = Path(__file__).parents[2] / "docs"
EXAMPLES = {
    "qumulo-storage-export-guide.md": "qumulo",
    "hpc-slurm-isilon-export-guide.md": "hpc",
    "azure-local-vm-export-guide.md": "azure-local",
    "openstack-export-guide.md": "openstack",
}


def text_of(page: str) -> str:
    return (DOCS / page).read_text("utf-8")


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^ *```{language}\n(.*?)^ *```$", text_of(page), re.MULTILINE | re.DOTALL)


def scripts() -> Iterator[tuple[str, str]]:
    """Every script of a shell that the pages hold, in their workflows too."""
    for page in EXAMPLES:
        for script in [*blocks(page, "sh"), *re.findall(r"run: \|\n((?: {10}.*\n)+)", text_of(page))]:
            yield page, script


@pytest.mark.parametrize("page", EXAMPLES)
def test_the_example_is_what_happens(shell: Shell, tmp_path: Path, page: str) -> None:
    shutil.copytree(DOCS / "export_examples" / EXAMPLES[page], tmp_path / "work", dirs_exist_ok=True)
    different, carried_out = [], 0
    for line, command, expected in steps(text_of(page)):
        if command.startswith("jq") and not shutil.which("jq"):
            continue
        printed, code = shell.run(command)
        carried_out += command.startswith("focus-billing")
        if code or not fits(expected, printed):
            different.append(f"{page}:{line}\n$ {command}\n{printed}")
    assert not different, "\n\n".join(different)
    assert carried_out


def numbers(page: str, row: str) -> list[float]:
    """The numbers of the cells of a row of a table."""
    (line,) = [line for line in text_of(page).splitlines() if line.startswith(f"| {row} |")]
    return [float(found) for found in re.findall(r"(?<![\w.])\d+(?:\.\d+)?(?![\w.])", line.replace(",", ""))]


@pytest.mark.parametrize("project", ["sky-survey", "genomics"])
def test_the_means_of_the_storage_example_follow_from_its_samples(project: str) -> None:
    first, second, third, mean, free, billed, cost = numbers("qumulo-storage-export-guide.md", project)
    assert mean == round((10 * first + 10 * second + 11 * third) / 31, 9)
    assert billed == round(mean - free, 9)
    assert cost == round(billed * 8.5, 2)


def test_the_jobs_of_the_example_cost_what_the_table_says() -> None:
    """Core-hours at 0.02 less 40 percent; GPU-hours at 0.95."""
    rows = re.findall(
        r"^\| 10\d \| [\w-]+ \| (\d+) (cores|A100) × (\d+) h[^|]*\| (\d+) \| ([\d.]+) \| ([\d.]+) \|$",
        text_of("hpc-slurm-isilon-export-guide.md"),
        re.MULTILINE,
    )
    assert len(rows) == 4
    for count, what, hours, amount, list_, billed in rows:
        assert int(count) * int(hours) == int(amount)
        price, share = (0.95, 1.0) if what == "A100" else (0.02, 0.6)
        assert (round(int(amount) * price, 2), round(int(amount) * price * share, 2)) == (float(list_), float(billed))


def test_the_sums_of_the_cloud_example_are_right() -> None:
    page = "openstack-export-guide.md"
    rows = re.findall(r"^\| m1\S+ of (\S+) .*= ([\d,]+) \|.*= ([\d,]+) \|$", text_of(page), re.MULTILINE)
    cores, memory = (sum(int(row[i].replace(",", "")) for row in rows if row[0] == "sky-survey") for i in (1, 2))
    assert (cores, memory) == (6072, 24048)
    assert f"{cores:,} × 0.01 + {memory:,} × 0.002 = {cores / 100:.2f} + {memory * 0.002:.3f} USD" in text_of(page)


@pytest.mark.parametrize(("page", "script"), list(scripts()))
def test_each_script_can_be_read_and_hides_nothing(page: str, script: str) -> None:
    done = subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True, check=False)
    assert done.returncode == 0, (page, done.stderr)
    assert "|| true" not in script
    assert "2>/dev/null" not in script
    if "focus-billing convert" not in script and not script.startswith(" "):
        assert script.startswith("set -euo pipefail\n"), script


FAKE = """#!/bin/sh
for last; do :; done
case "$last" in
  *after=2*) [ -z "$BREAK" ] || exit $BREAK; echo '{"quotas": [{"id": "3", "path": "/b/"}], "paging": {"next": ""}}' ;;
  *) echo '{"quotas": [{"id": "2", "path": "/a/"}], "paging": {"next": "/v1/files/quotas/status/?after=2&limit=1"}}' ;;
esac
"""


@pytest.mark.skipif(not shutil.which("jq"), reason="needs jq")
def test_the_pages_of_qumulo_are_collected_whole_or_not_at_all(tmp_path: Path) -> None:
    script = next(each for each in blocks("qumulo-storage-export-guide.md", "sh") if "curl" in each)
    fake = tmp_path / "bin" / "curl"
    fake.parent.mkdir()
    fake.write_text(FAKE)
    fake.chmod(0o755)
    # A request that fails, and one that answers with nothing.
    for broken, pages in (("", 2), ("22", 0), ("0", 0)):
        work = tmp_path / f"work{broken}"
        work.mkdir()
        env = {**os.environ, "PATH": f"{fake.parent}:{os.environ['PATH']}", "BREAK": broken}
        env |= {"QUMULO_TOKEN": "t", "QUMULO_HOST": "q.example.edu"}
        done = subprocess.run(["bash", "-c", script], cwd=work, env=env, capture_output=True, text=True, check=False)
        assert (done.returncode == 0) == (broken == ""), done.stderr
        found = list(work.glob("qumulo-*.json"))
        assert [len(json.loads(each.read_text())) for each in found] == ([pages] if pages else [])


@pytest.mark.parametrize("page", EXAMPLES)
def test_the_workflow_is_yaml(page: str) -> None:
    (workflow,) = blocks(page, "yaml")
    node, reader = parse(workflow.encode(), "workflow.yaml")
    assert node is not None
    assert reader.problems == []


@pytest.mark.parametrize("page", EXAMPLES)
def test_each_code_that_it_names_is_explained(page: str) -> None:
    named = set(re.findall(r"^\| `([a-z]+(?:-[a-z]+)+)`", text_of(page), re.MULTILINE))
    assert len(named) > 5
    assert named <= set(catalog())
