"""The guides to the exports of cloud providers, carried out: their settings, their commands, and what these print.

The providers' own tools are replaced by a script that puts a delivery where the command says, below `exports/`.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

import program

sys.path.insert(0, str(Path(__file__).parent / "focus"))

from deliveries import aws_run, azure_run, put, rows

from test_monthly_round import Shell, fits, steps

DOCS = Path(__file__).parents[1] / "docs"
CLOUDS = ("aws", "azure", "gcp", "oci")
TAGS = (
    '"{""pi_email"": ""zoe.vanderberg@example.edu"", ""project_id"": ""sky-survey"", ""fund_org"": ""AST-3300-001""}"'
)
# The charges of the worked example.
PARTS = (
    rows("2025-01", "10", "20")
    .replace("10,10,10,", "10,10,12.5,")
    .replace("20,20,20,", "20,20,25,")
    .replace('"{""pi_email"": ""ada@example.edu""}"', TAGS),
    rows("2025-01", "5", day=9).replace('"{""pi_email"": ""ada@example.edu""}"', "{}"),
)
COPY = """#!/bin/sh
for each; do
  case "$each" in exports/*) mkdir -p "$each" && cp -R "$DELIVERED/." "$each" ;; esac
done
"""


def delivered(cloud: str, folder: Path) -> None:
    """Write what a provider delivers, below the folder that its guide copies."""
    folder.mkdir()
    if cloud == "aws":
        aws_run(folder, "2025-01", rows("2025-01", "10"), run="20250203T030000Z-19ab")
        aws_run(folder, "2025-01", *PARTS, run="20250214T030000Z-7c1e")
    elif cloud == "azure":
        azure_run(folder / "focus/monthly", "2025-01", rows("2025-01", "10"), stamp="202502020000")
        azure_run(folder / "focus/monthly", "2025-01", *PARTS, stamp="202502050000")
    elif cloud == "oci":
        for day, part in zip((30, 31), PARTS, strict=True):
            put(folder / f"FOCUS Reports/2025/01/{day}/0001.csv.gz", part)
    else:
        for number, part in enumerate(PARTS):
            text = put(folder / "part.csv", part)
            target = folder / f"part-{number:012}.parquet"
            duckdb.sql(f"COPY (FROM read_csv('{text}', all_varchar = true)) TO '{target}' (FORMAT parquet)")
            text.unlink()


def page(cloud: str) -> str:
    return (DOCS / f"{cloud}-export-guide.md").read_text("utf-8")


@pytest.fixture
def shell(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shell]:
    """A shell beside a ledger with the settings of a guide, in which the provider's tools deliver."""
    cloud = request.param
    delivered(cloud, tmp_path / "delivered")
    tools = tmp_path / "bin"
    for name in ("aws", "az", "bq", "gcloud", "oci"):
        put(tools / name, COPY).chmod(0o755)
    settings = re.search(r"^```yaml\n(.*?)^```$", page(cloud), re.MULTILINE | re.DOTALL)
    assert settings
    put(tmp_path / "work/ledger/config.yaml", f"organization: Northfield University\n{settings[1]}")
    (tmp_path / "work/ledger/charges").mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "OPENCHARGEBACK_"))}
    own = {"PATH": program.put_on_path(tools), "DELIVERED": str(tmp_path / "delivered"), "COLUMNS": "120"}
    shell = Shell(tmp_path / "work", {**kept, **own, "LC_ALL": "C.UTF-8", "OCI_TENANCY": "ocid1.tenancy.oc1..a"})
    yield shell
    shell.end()


@pytest.mark.slow
@pytest.mark.parametrize(("shell", "cloud"), [(cloud, cloud) for cloud in CLOUDS], indirect=["shell"], ids=CLOUDS)
def test_a_guide_is_what_happens(shell: Shell, cloud: str) -> None:
    """All differences at once, in the form in which the page has them."""
    different, ingested = [], 0
    for line, command, expected in steps(page(cloud)):
        printed, code = shell.run(command)
        ingested += "focus-billing ingest" in command
        if code or not fits(expected, printed):
            different.append(f"{cloud}:{line} ended with {code}\n$ {command}\n{printed}")
    assert not different, "\n\n".join(different)
    assert ingested >= 2


@pytest.mark.parametrize(("shell", "cloud"), [("aws", "aws")], indirect=["shell"])
def test_nothing_is_ingested_if_the_copy_fails(shell: Shell, cloud: str) -> None:
    """The exit status is that of the copy."""
    shell.run("printf '#!/bin/sh\\nexit 7\\n' > ../bin/aws")
    command = next(command for _, command, _ in steps(page(cloud)) if command.startswith("aws"))
    assert shell.run(command.replace(" --dry-run", ""))[1] == 7
    assert shell.run("ls ledger/charges")[0] == ""


@pytest.mark.parametrize("cloud", CLOUDS)
def test_every_guide_says_the_same_things(cloud: str) -> None:
    headings = re.findall(r"^## (.*)$", page(cloud), re.MULTILINE)
    assert headings == [
        *("What you need", "The config", "Collect and ingest", "A worked example", "What the program checks"),
        *("Edge cases", "Schedule", "Troubleshooting", "Writing a converter of your own, with an assistant"),
    ]


@pytest.mark.parametrize("cloud", CLOUDS)
def test_the_sums_of_the_example_are_right(cloud: str) -> None:
    charges = re.findall(r"^\| \d+ Jan \| `(.*)` \| ([\d.]+) \| ([\d.]+) \| (.*) \|$", page(cloud), re.MULTILINE)
    assert [name for name, *_ in charges] == ["vm-0", "vm-1", "vm-0"]
    listed, billed, held = (
        sum(float(row[column]) for row in charges if (row[3] == "none") == untagged)
        for column, untagged in ((1, False), (2, False), (2, True))
    )
    assert f"AST-3300-001  {listed:.2f}     −{listed - billed:.2f}    {billed:.2f}\n" in page(cloud)
    assert f"= {billed:.2f} USD of {listed:.2f} USD at list prices" in page(cloud)
    assert f"{billed:.2f} USD billed and {held:.2f} USD held are the\n{billed + held:.2f} USD" in page(cloud)
