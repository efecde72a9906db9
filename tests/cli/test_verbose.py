"""`-v`: a line on stderr for each stage, and nothing else changes."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from openchargeback.cli.main import cli

TAGS = '"{""pi_email"": ""ada@example.edu"", ""project_id"": ""p1"", ""fund_org"": ""F-1""}"'


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    root = tmp_path / "ledger"
    (root / "charges/2025-01").mkdir(parents=True)
    (root / "config.yaml").write_text("organization: A\nsources: {aws: {credit_fund: RC-1}}\n", encoding="utf-8")
    charges = f"BillingPeriodStart,BilledCost,ServiceName,ResourceId,Tags\n2025-01-01,100.25,Compute,r1,{TAGS}\n"
    (root / "charges/2025-01/aws.csv").write_text(charges, encoding="utf-8")
    return root


def build(root: Path, *options: str) -> Result:
    public = root.parent / "public"
    done = CliRunner().invoke(cli, ["--ledger", str(root), *options, "build", "-o", str(public)])
    assert done.exit_code == 0, done.output
    return done


def logged(done: Result) -> list[str]:
    """The lines of stderr that are not progress."""
    return [line for line in done.stderr.splitlines() if not line.endswith(" …")]


def test_a_build_says_what_each_stage_did(ledger):
    public = ledger.parent / "public"
    lines = logged(build(ledger, "-v"))
    files = sum(path.is_file() for path in public.rglob("*")) - 1  # the manifest does not list itself
    # Journals; open data, the three files of the charge browser, and their page; two PDFs.
    portal = files - 4 - (6 + 3 + 1) - 2
    assert lines[:4] == [
        "read the ledger: 1 month",
        "billed 1 month",
        f"planned {portal} portal files and 2 PDFs",
        "wrote 4 journal and receivables files",
    ]
    # Written side by side, so that any of them may be done first.
    assert set(lines[4:-1]) == {
        # The license of a font lies beside the whole font and beside the one cut for pages.
        f"wrote {portal} portal files, {portal - 1} of them newly rendered",
        "wrote the open data",
        "wrote 2 PDFs, 2 of them newly rendered",
    }
    assert lines[-1] == f"published {files} files in {public}"
    assert len(lines) == 8
    assert logged(build(ledger, "--verbose"))[-1] == f"nothing changed in {public}"


def test_without_it_nothing_is_logged(ledger):
    build(ledger, "-v")
    quiet = build(ledger)
    assert logged(quiet) == []
    assert quiet.stdout == f"unchanged: {ledger.parent / 'public' / 'index.html'}\n"


@pytest.mark.parametrize(
    "command",
    [("validate",), ("periods", "list"), ("review", "list"), ("journal", "--period", "2025-01", "--format", "gl")],
)
def test_other_commands_say_their_stages_too(ledger: Path, command: tuple[str, ...]) -> None:
    done = CliRunner().invoke(cli, ["--ledger", str(ledger), "-v", *command])
    assert [line for line in logged(done) if "month" in line][:2] == ["read the ledger: 1 month", "billed 1 month"]
