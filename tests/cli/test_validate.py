"""`focus-billing validate` as a person and as CI runs it."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner, Result

import program
from openchargeback.cli.main import cli
from openchargeback.explanations import catalog

TAGS = '"{""pi_email"": ""ada@example.edu"", ""project_id"": ""p1"", ""fund_org"": ""F-1""}"'
GOOD = f"BillingPeriodStart,BilledCost,Tags\n2025-01-01,1.00,{TAGS}\n"
BAD = GOOD.replace("1.00", "$1")


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A ledger below the top of a repository: one warning (no credit fund), and an error in January."""
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    (tmp_path / ".git").mkdir()
    folder = tmp_path / "billing"
    for name, data in {
        "config.yaml": "organization: Northfield University\n",
        "charges/2025-01/aws.csv": BAD,
        "charges/2025-02/aws.csv": GOOD.replace("2025-01", "2025-02"),
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(data, encoding="utf-8")
    monkeypatch.chdir(folder)
    return folder


def validate(*arguments: str) -> Result:
    """Run it where we are."""
    return CliRunner().invoke(cli, ["validate", *arguments])


def found(*arguments: str) -> tuple[int, list[str]]:
    """Exit code and codes of the problems."""
    done = validate("--format", "json", *arguments)
    report = json.loads(done.stdout)
    assert report["valid"] is (done.exit_code == 0)
    return done.exit_code, sorted({problem["code"] for problem in report["problems"]})


# ── Exit codes and streams ────────────────────────────────────────────────────────────────────────────────────────────


def test_errors_fail_warnings_fail_only_when_strict(ledger: Path) -> None:
    """0, 1 and `valid` agree in each case."""
    assert found() == (1, ["no-credit-fund", "type-error"])
    (ledger / "charges/2025-01/aws.csv").write_text(GOOD, encoding="utf-8")
    assert found() == (0, ["no-credit-fund"])
    assert found("--strict") == (1, ["no-credit-fund"])
    (ledger / "config.yaml").write_text("organization: X\nsources: {aws: {credit_fund: C}}\n", encoding="utf-8")
    assert found("--strict") == (0, [])
    clean = validate()
    assert (clean.exit_code, clean.stdout, clean.stderr) == (0, "no problems\n", "")


def test_the_report_is_stdout_and_nothing_else_is(ledger: Path) -> None:
    """So that it can be piped; in every format."""
    for form in ("text", "json", "github", "gitlab", "junit"):
        done = validate("--format", form, "--ledger", str(ledger))
        assert done.exit_code == 1
        assert "type-error" in done.stdout
        assert done.stderr == ""


@pytest.mark.usefixtures("ledger")
def test_json_has_every_place_and_the_groups() -> None:
    """The keys of docs/VALIDATION.md, and counts."""
    report = json.loads(validate("--format", "json").stdout)
    problem = next(each for each in report["problems"] if each["code"] == "type-error")
    assert {"path", "line", "column", "code", "message", "fix"} <= set(problem)
    assert (problem["path"], problem["line"], problem["column"]) == ("charges/2025-01/aws.csv", 2, 12)
    assert (report["errors"], report["warnings"]) == (1, 1)
    group = next(each for each in report["groups"] if each["code"] == "type-error")
    assert (group["count"], group["places"]) == (1, [{"line": 2, "column": 12}])


# ── Paths ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("start", "path", "codes"),
    [
        (".", "charges/2025-01", ["type-error"]),
        (".", "charges/2025-01/aws.csv", ["type-error"]),
        (".", "./charges/../charges/2025-01/", ["type-error"]),
        (".", "charges/2025-02", []),
        (".", "config.yaml", ["no-credit-fund"]),
        (".", ".", ["no-credit-fund", "type-error"]),
        ("charges/2025-01", "aws.csv", ["type-error"]),
        ("charges/2025-01", ".", ["type-error"]),
        ("charges/2025-01", "../2025-02", []),
        ("charges/2025-02", "charges/2025-01/aws.csv", ["type-error"]),
        ("..", "billing/charges/2025-01", ["type-error"]),
        ("..", "charges/2025-01", ["type-error"]),
    ],
)
def test_a_path_narrows_the_report(
    ledger: Path, monkeypatch: pytest.MonkeyPatch, start: str, path: str, codes: list[str]
) -> None:
    """From the current folder or from the ledger, and the exit code follows."""
    monkeypatch.chdir(ledger / start)
    assert found(path, "--ledger", str(ledger)) == (int("type-error" in codes), codes)


def test_an_absolute_path_and_several_paths_work_too(ledger: Path) -> None:
    """Their problems together."""
    assert found(str(ledger / "charges"), "config.yaml") == (1, ["no-credit-fund", "type-error"])


def test_a_file_that_should_be_there_can_be_asked_for(ledger: Path) -> None:
    """What is missing has a problem at its path."""
    (ledger / "config.yaml").unlink()
    assert found("config.yaml", "--ledger", str(ledger)) == (1, ["no-config"])


@pytest.mark.usefixtures("ledger")
@pytest.mark.parametrize("path", ["charges/2025-03", "charges/2025", "../elsewhere.csv", "/", "aws.csv"])
def test_a_path_that_is_nothing_in_the_ledger_is_wrong_usage(path: str) -> None:
    """Rather than a report without problems, which would look like a clean one."""
    done = program.run("validate", path)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"has no file or folder {path}" in done.stderr


# ── Explanations ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("code", sorted(catalog()))
def test_every_code_is_explained_without_a_ledger(code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As text of at most 80 columns, and as JSON."""
    monkeypatch.chdir(tmp_path)
    done = validate("--explain", code)
    assert done.exit_code == 0
    assert done.stdout.startswith(f"{code}  ")
    prose = done.stdout.replace(catalog()[code].example, "")
    assert max(len(line) for line in prose.splitlines()) <= 80
    record = json.loads(validate("--explain", code, "--format", "json").stdout)
    assert (record["code"], record["title"]) == (code, catalog()[code].title)


def test_an_unknown_code_is_wrong_usage_with_suggestions(tmp_path: Path) -> None:
    """Exit code 2, and nothing on stdout."""
    for code, said in (("typ-eror", "did you mean `type-error`?"), ("zzz", "docs/VALIDATION.md")):
        done = program.run("validate", "--explain", code, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (2, "")
        assert said in done.stderr


# ── Git hosts ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_on_github_paths_start_at_the_repository_and_the_report_is_added_to_the_summary(
    ledger: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What other commands wrote to the summary stays."""
    target = tmp_path / "summary.md"
    target.write_text("before\n", encoding="utf-8")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(target))
    done = validate("--format", "github")
    assert "::error file=billing/charges/2025-01/aws.csv,line=2,col=12,title=type-error::" in done.stdout
    text = target.read_text(encoding="utf-8")
    assert text.startswith("before\n### Ledger: 1 error, 1 warning\n")
    assert "`billing/charges/2025-01/aws.csv:2:12`" in text
    assert "`charges/" not in text
    # A summary that is full already would be dropped as a whole.
    target.write_bytes(b"x" * 1024 * 1024)
    assert validate("--format", "github").exit_code == 1
    assert target.stat().st_size == 1024 * 1024
    assert ledger.name == "billing"


@pytest.mark.usefixtures("ledger")
def test_gitlab_and_junit_reports_can_be_read_back() -> None:
    """A JSON array, and XML with all files that were read."""
    issues = json.loads(validate("--format", "gitlab").stdout)
    assert {each["location"]["path"] for each in issues} == {"billing/config.yaml", "billing/charges/2025-01/aws.csv"}
    root = ET.fromstring(validate("--format", "junit").stdout.encode())  # noqa: S314
    assert [suite.get("name") for suite in root] == [
        "billing/charges/2025-01/aws.csv",
        "billing/charges/2025-02/aws.csv",
        "billing/config.yaml",
    ]
    assert "billing/charges/2025-01/aws.csv:2:12: error" in "".join(root.itertext())
    assert (root.get("tests"), root.get("failures")) == ("3", "1")


# ── Terminals and other commands ──────────────────────────────────────────────────────────────────────────────────────


def on_a_terminal(*arguments: str, **environment: str) -> str:
    """What the program writes when stdout is a terminal."""
    ours, theirs = pty.openpty()
    clean = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "COLUMNS"}}
    with subprocess.Popen(
        [*program.COMMAND, *arguments], stdout=theirs, stderr=subprocess.DEVNULL, env={**clean, **environment}
    ) as running:
        os.close(theirs)
        said = b""
        try:
            while block := os.read(ours, 1 << 16):
                said += block
        except OSError:
            # Linux says so when the other end of a terminal is closed.
            pass
        running.wait(60)
    os.close(ours)
    return said.decode()


@pytest.mark.usefixtures("ledger")
def test_colors_on_terminals_only_and_not_with_no_color() -> None:
    """NO_COLOR counts when it is not empty (no-color.org)."""
    assert "\x1b[31m" in on_a_terminal("validate")
    assert "\x1b[31m" in on_a_terminal("validate", NO_COLOR="")
    plain = on_a_terminal("validate", NO_COLOR="1")
    assert "\x1b" not in plain
    assert "type-error" in plain
    assert "\x1b" not in validate().stdout


def test_commands_that_are_run_all_day_say_in_one_line_that_there_are_warnings(ledger: Path) -> None:
    """On stderr; their own output stays as it is."""
    (ledger / "charges/2025-01/aws.csv").write_text(GOOD, encoding="utf-8")
    for command in (
        ["periods", "list"],
        ["periods", "show", "2025-01"],
        ["review", "list"],
        ["journal", "--period", "2025-01"],
        ["generate", "--period", "2025-01", "--dry-run"],
    ):
        done = CliRunner().invoke(cli, command)
        assert done.exit_code == 0, command
        told = [line for line in done.stderr.splitlines() if not line.endswith("…")]
        assert told[0] == "1 warning; `focus-billing validate` shows them", command
        assert "credit fund" not in done.stdout, command


@pytest.mark.usefixtures("ledger")
def test_errors_stop_other_commands_with_the_whole_report_on_stderr() -> None:
    """With excerpt and caret, as in validate."""
    done = program.run("periods", "list")
    assert (done.returncode, done.stdout) == (1, "")
    assert "charges/2025-01/aws.csv:2:12\n  error[type-error]: BilledCost is not a number: $1\n" in done.stderr
    assert "    2 | 2025-01-01,$1," in done.stderr
    assert "      |            ^^\n" in done.stderr


def test_what_would_stop_the_journal_is_told_beside_everything_else(ledger: Path) -> None:
    """A broken description or format hides no other problem."""
    journal = "journal: {description: '{{ source', formats: [own, owm]}\n"
    (ledger / "config.yaml").write_text("organization: X\n" + journal, encoding="utf-8")
    (ledger / "templates/journals").mkdir(parents=True)
    profile = "label: Own\nsign: signed\nfiles: [{extension: csv, template: own.csv, read: x}, {extension: csv}]\n"
    (ledger / "templates/journals/own.yaml").write_text(profile, encoding="utf-8")
    done = validate("--format", "json")
    messages = [each["message"] for each in json.loads(done.stdout)["problems"]]
    assert sum("journal.description fails" in message for message in messages) == 1
    assert sum("names owm, which neither ships" in message for message in messages) == 1
    assert sum("two files have the same extension" in message for message in messages) == 1
    assert sum("is not a number" in message for message in messages) == 1


def test_thousands_of_warnings_do_not_drown_one_error(tmp_path: Path) -> None:
    """The error stands last, the warnings are one line with their first places; with --full every place is named."""
    rows = "".join(f"2025-01-01,Usage,-{number},r{number}\n" for number in range(1, 5_202))
    put = tmp_path / "charges/2025-01/aws.csv"
    put.parent.mkdir(parents=True)
    put.write_text("BillingPeriodStart,ChargeCategory,BilledCost,ResourceId\n" + rows, encoding="utf-8")
    (tmp_path / "config.yaml").write_text(
        "organization: A\nsource: {}\nsources: {aws: {severity: {missing-label: off}}}\n", encoding="utf-8"
    )
    done = CliRunner().invoke(cli, ["validate", "--ledger", str(tmp_path)])
    assert done.exit_code == 1
    (line,) = [line for line in done.stdout.splitlines() if "warning[negative-usage]" in line]
    assert "(5,201 times; lines 2, 3, 4 …; set by sources.aws.severity.negative-usage)" in line
    assert done.stdout.index("error[unknown-key]") > done.stdout.index("warning[negative-usage]")
    assert "1 error, 5,201 warnings in 2 files" in done.stdout
    assert len(done.stdout.splitlines()) <= 15
    full = CliRunner().invoke(cli, ["validate", "--full", "--ledger", str(tmp_path)]).stdout
    assert "5,200, 5,201, 5,202" in " ".join(full.split())
