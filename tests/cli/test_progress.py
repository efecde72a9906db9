"""What long-running commands say of their progress: at once, on stderr alone, fit for a log or for a terminal."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

import program
from openchargeback.cli.report import progress

TAGS = '"{""pi_email"": ""ada@example.edu"", ""project_id"": ""p1"", ""fund_org"": ""F-1""}"'
CHARGES = f"BillingPeriodStart,BilledCost,ServiceName,ResourceId,Tags\n2025-01-01,100.25,Compute,r1,{TAGS}\n"
# A computer so slow that what takes long to import never arrives.
STUCK = "import sys; sys.modules['duckdb'] = None; " + program.COMMAND[-1]


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    root = tmp_path / "ledger"
    (root / "charges/2025-01").mkdir(parents=True)
    (root / "config.yaml").write_text("organization: A\nsources: {aws: {credit_fund: RC-1}}\n", encoding="utf-8")
    (root / "charges/2025-01/aws.csv").write_text(CHARGES, encoding="utf-8")
    return root


def run(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return program.run(*arguments, "--ledger", root, cwd=root.parent)


@pytest.mark.parametrize(
    "arguments", [("build",), ("generate", "--period", "2025-01"), ("plan",)], ids=lambda words: words[0]
)
def test_the_first_line_comes_before_anything_that_takes_long(ledger, arguments):
    command = [sys.executable, "-c", STUCK, *arguments, "--ledger", ledger]
    done = subprocess.run(command, cwd=ledger.parent, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert done.stderr.startswith("Reading the ledger …\n")


def stages(stderr: str) -> list[str]:
    """The first line of each stage; how many follow depends on how fast the computer is."""
    lines = [line for line in stderr.splitlines() if line.endswith(" …")]
    return list({re.split(r"[: ]+(?=\d|…)", line)[0]: line for line in reversed(lines)}.values())[::-1]


def test_a_build_names_its_stages_and_counts_on_stderr_and_json_is_as_before(ledger):
    done = run(ledger, "build", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["statements_rendered"] == 2, "with the report of the fiscal year"
    pages = re.compile(r"0 of \d{2,} …$", re.MULTILINE)
    assert stages(pages.sub("0 of many …", done.stderr)) == [
        "Reading the ledger …",
        "Billing months: 0 of 1 …",
        "Writing pages: 0 of many …",
        "Writing PDFs: 0 of 2 …",
        "Writing open data …",
    ]


def test_generating_and_closing_do_too(ledger):
    done = run(ledger, "generate", "--period", "2025-01")
    assert stages(done.stderr) == ["Reading the ledger …", "Billing months: 0 of 1 …", "Writing PDFs: 0 of 1 …"]
    done = run(ledger, "periods", "close", "2025-01", "--by", "ada@example.edu")
    assert done.returncode == 0, done.stderr
    assert stages(done.stderr) == [
        "Reading the ledger …",
        "Billing months: 0 of 1 …",
        "Writing the closing record …",
    ]
    assert "…" not in done.stdout


def test_what_answers_at_once_says_nothing(ledger):
    assert "…" not in run(ledger, "periods", "list").stderr
    assert run(ledger, "validate").stderr == ""


def test_a_long_stage_is_told_every_ten_seconds(capsys, monkeypatch):
    now = iter([100.0, 105.0, 110.0, 111.0])
    monkeypatch.setattr("openchargeback.cli.report.time.monotonic", lambda: next(now))
    with progress(lines=True) as step:
        for done in (0, 1200, 1300):
            step("Writing PDFs", done, 2000)
        step("Swapping", 0, 0)
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == "Reading the ledger …\nWriting PDFs: 0 of 2,000 …\nWriting PDFs: 1,300 of 2,000 …\nSwapping …\n"


@pytest.mark.slow
def test_a_terminal_shows_one_line_that_is_gone_at_the_end(ledger):
    ours, theirs = pty.openpty()
    command = [*program.COMMAND, "build", "--ledger", str(ledger)]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    with subprocess.Popen(
        command, cwd=ledger.parent, env=environment, stdout=subprocess.PIPE, stderr=theirs
    ) as process:
        os.close(theirs)
        shown = b""
        while piece := _read(ours):
            shown += piece
        assert process.stdout
        assert b"index.html" in process.stdout.read()
    os.close(ours)
    text = re.sub(r"\x1b\[[0-9;]*m", "", shown.decode())
    assert "Reading the ledger" in text
    assert "Writing PDFs" in text
    assert "…\r\n" not in text
    # Of all that was drawn only the line of the warning, if any, stands below; the last word is "clear the line".
    assert "\x1b[2K" in text


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # Linux says so when the other end is closed
        return b""
