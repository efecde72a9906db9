"""The program as a person runs it: whole commands in processes of their own, with good and bad input."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path

import pytest

import program

ROOT = Path(__file__).parents[2]
HEAD = "BillingPeriodStart,BilledCost,ListCost,ServiceName,ResourceId,Tags\n"
TAGS = '"{""pi_email"": ""ada@example.edu"", ""project_id"": ""p1"", ""fund_org"": ""F-1""}"'
ROW = f"2025-01-01,1.005,2.5,Compute,r1,{TAGS}\n"


def run(*arguments: str | Path, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the program; a traceback is never what a person may see."""
    return program.run(*arguments, cwd=cwd, env={**os.environ, **environment})


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """A ledger with nothing but a name."""
    folder = tmp_path / "ledger"
    (folder / "charges").mkdir(parents=True)
    (folder / "config.yaml").write_text("organization: Test University\n", encoding="utf-8")
    return folder


def put(ledger: Path, data: bytes | str, name: str = "charges/2025-01/aws.csv") -> None:
    """Lay a file into the ledger."""
    path = ledger / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)


def problems(ledger: Path) -> list[dict[str, object]]:
    """What `validate --format json` finds."""
    done = run("validate", "--format", "json", "--ledger", ledger, cwd=ledger)
    report = json.loads(done.stdout)
    assert (done.returncode == 0) is report["valid"]
    found: list[dict[str, object]] = report["problems"]
    return found


def test_the_quick_start_from_a_new_ledger(tmp_path: Path) -> None:
    """init, ingest, list, show and generate --dry-run work one after the other."""
    ledger = tmp_path / "new"
    assert run("init", ledger, "--organization", 'Uni "X": #1', cwd=tmp_path).returncode == 0
    sample = ROOT / "sample_data" / "aws_2025-01.csv"
    assert run("ingest", sample, "--source", "AWS", "--ledger", ledger, cwd=tmp_path).returncode == 0
    again = run("ingest", sample, "--source", "aws", "--ledger", ledger, cwd=tmp_path)
    assert "unchanged" in again.stdout
    assert (ledger / "charges/2025-01/aws.csv").read_bytes() == sample.read_bytes()
    shown = json.loads(run("periods", "show", "2025-01", "--json", "--ledger", ledger, cwd=tmp_path).stdout)
    (source,) = shown["sources"]
    assert Decimal(source["imported"]) == sum(Decimal(source[part]) for part in ("billed", "held", "rejected"))
    assert shown["journal"]["debits"] == shown["journal"]["credits"]
    listed = run("generate", "--period", "2025-01", "--dry-run", "--ledger", ledger, cwd=tmp_path)
    assert f"{len(shown['statements'])} statements" in listed.stdout
    assert not (tmp_path / "statements").exists()


@pytest.mark.slow
def test_a_build_is_the_same_in_any_place(tmp_path: Path) -> None:
    """Two builds in other folders, locales, time zones and hash seeds give the same bytes."""
    digests = []
    for number, environment in enumerate(
        (
            {"TZ": "Pacific/Auckland", "LC_ALL": "C", "PYTHONHASHSEED": "1"},
            {"TZ": "America/New_York", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "2"},
        )
    ):
        ledger = tmp_path / f"copy{number}" / ("deeper" * number) / "ledger"
        shutil.copytree(ROOT / "ledger", ledger, ignore=shutil.ignore_patterns(".openchargeback", "2024-12*"))
        done = run("build", "-o", ledger.parent / "out", "--ledger", ledger, cwd=tmp_path, **environment)
        assert done.returncode == 0, done.stderr
        out = ledger.parent / "out"
        files = sorted(path for path in out.rglob("*") if path.is_file())
        digests.append(
            {path.relative_to(out).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
        )
    assert len(digests[0]) > 50
    assert digests[0] == digests[1]


def test_an_unchanged_build_writes_nothing_and_a_changed_file_only_what_it_touches(ledger: Path) -> None:
    """The second build says unchanged; one more charge renders its statement, that of all projects, and a report."""
    put(ledger, HEAD + ROW + ROW.replace("p1", "p2"))
    first = json.loads(run("build", "-o", "out", "--json", "--ledger", ledger, cwd=ledger).stdout)
    assert (first["statements_rendered"], first["changed"]) == (4, True)
    assert json.loads(run("build", "-o", "out", "--json", "--ledger", ledger, cwd=ledger).stdout)["changed"] is False
    put(ledger, HEAD + ROW + ROW.replace("p1", "p2") + ROW.replace("1.005", "7").replace("p1", "p2"))
    third = json.loads(run("build", "-o", "out", "--json", "--ledger", ledger, cwd=ledger).stdout)
    assert (third["statements_rendered"], third["changed"]) == (3, True)


@pytest.mark.parametrize(
    ("config", "code"),
    [
        (None, "no-config"),
        ("", "empty-file"),
        ("organization: [", "yaml-syntax"),
        ("organization: X\ncurrency: dollars\n", "wrong-type"),
        ("organization: X\norganisation: Y\n", "unknown-key"),
        ("<<<<<<< HEAD\norganization: X\n", "merge-conflict"),
        ("organization: &a X\n", "yaml-refused"),
        ("\torganization: X\n", "yaml-syntax"),
    ],
)
def test_a_faulty_config_is_a_problem_with_its_place(ledger: Path, config: str | None, code: str) -> None:
    """Each is named by code and nothing is published."""
    if config is None:
        (ledger / "config.yaml").unlink()
    else:
        put(ledger, config, "config.yaml")
    put(ledger, HEAD + ROW)
    assert code in {problem["code"] for problem in problems(ledger)}
    assert run("build", "-o", "out", "--ledger", ledger, cwd=ledger).returncode == 1
    assert not (ledger / "out").exists()


@pytest.mark.parametrize(
    ("data", "code", "line", "column"),
    [
        (b"", "empty-file", 1, 0),
        (b"\x1f\x8b\x00\x00\x00", "binary-file", 1, 0),
        (HEAD + ROW + "2025-01-01,1\n", "missing-cell", 3, 13),
        (HEAD + ROW.replace("\n", ",more\n"), "extra-cell", 2, 118),
        (HEAD.replace("ListCost", "BilledCost") + ROW, "duplicate-label", 1, 31),
        (HEAD + ROW.replace("1.005", '"1,234.50"'), "type-error", 2, 12),
        (HEAD + ROW.replace("2025-01-01", "5/1/25"), "constraint-error", 2, 1),
        (HEAD + ROW.replace("1.005", "NaN"), "number-spelling", 2, 12),
        (HEAD + ROW.replace("1.005", ""), "constraint-error", 2, 12),
        (HEAD + ROW.replace("Compute", '"Com\npute"') + ROW.replace("1.005", "$5"), "type-error", 4, 12),
        ("BilledCost,b\n1,2\n", "missing-label", 1, 0),
        ((HEAD + ROW.replace("1.005", "$5")).encode("utf-16"), "type-error", 2, 12),
        ((HEAD + ROW.replace("Compute", "Caf\xe9")).encode("latin-1"), "encoding-error", 2, 25),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "lfs-pointer", 1, 0),
    ],
)
def test_a_faulty_charge_file_is_refused_with_line_and_column(
    ledger: Path, data: bytes | str, code: str, line: int, column: int
) -> None:
    """Whatever cannot be read stops its file, named by the place that an editor shows; a missing cell by its column."""
    put(ledger, data)
    found = [problem for problem in problems(ledger) if problem["code"] == code]
    assert {(problem["line"], problem["column"]) for problem in found} == {(line, column)}
    assert len(found) == (4 if code == "missing-cell" else 1)


def test_damaged_archives_are_problems(ledger: Path) -> None:
    """A truncated gzip file is named, at its end as well as at its start."""
    whole = gzip.compress((HEAD + ROW * 5000).encode())
    for cut in (8, len(whole) - 9):
        put(ledger, whole[:cut], "charges/2025-01/aws.csv.gz")
        assert {problem["code"] for problem in problems(ledger)} & {"unreadable", "empty-file"}


def test_hostile_ids_stay_inside_the_output(ledger: Path) -> None:
    """Emails and projects with path characters, quotes and 300 characters become folders within the output."""
    rows = [
        ROW.replace("ada@example.edu", "a/../../x@example.edu"),
        ROW.replace("p1", "../../etc/passwd"),
        ROW.replace("p1", "P1"),
        ROW.replace("p1", "x" * 300),
        ROW.replace("p1", "<script>alert(1)</script>'"),
        ROW,
    ]
    put(ledger, HEAD + "".join(rows))
    done = run("build", "-o", "out", "--ledger", ledger, cwd=ledger)
    assert done.returncode == 0, done.stderr
    names = [path.relative_to(ledger / "out").as_posix() for path in (ledger / "out").rglob("*") if path.is_file()]
    assert len({name.casefold() for name in names}) == len(names)
    # One for each, one of all projects of the PI who has several, and the report of the fiscal year.
    assert sum(name.endswith(".pdf") for name in names) == 8
    assert {path.name for path in ledger.iterdir()} == {"charges", "config.yaml", "out", ".openchargeback"}
    assert all(
        "<script>alert" not in (ledger / "out" / name).read_text("utf-8") for name in names if name.endswith("html")
    )


def test_an_output_folder_with_files_of_someone_is_left_alone(ledger: Path) -> None:
    """Wrong usage, and the file is still there."""
    put(ledger, HEAD + ROW)
    put(ledger, "mine", "out/thesis.txt")
    assert run("build", "-o", "out", "--ledger", ledger, cwd=ledger).returncode == 2
    assert (ledger / "out/thesis.txt").read_text(encoding="utf-8") == "mine"


def test_decisions_written_by_review_take_effect(ledger: Path) -> None:
    """A missing fund is held, reassigned by the command, then billed; the closed month takes no more charges."""
    put(ledger, "organization: X\nsources: {aws: {credit_fund: C-1}}\n", "config.yaml")
    put(ledger, HEAD + ROW + ROW.replace("fund_org", "other").replace("p1", "p2"))
    queue = json.loads(run("review", "list", "--json", "--ledger", ledger, cwd=ledger).stdout)["items"]
    assert [(item["uncleared"], item["charges"], item["amount"]) for item in queue] == [(["missing-fund"], 1, "1.005")]
    by = ("--by", "r@example.edu", "--on", "2025-02-03", "--ledger", ledger)
    refused = run("periods", "close", "2025-01", *by, cwd=ledger)
    assert refused.returncode == 2
    assert "undecided" in refused.stderr
    words = ("--period", "2025-01", "--flag", "missing-fund", "--reason", "asked: yes")
    assert run("review", "reassign", *words, "--set-fund", "F-2", *by, cwd=ledger).returncode == 0
    shown = json.loads(run("periods", "show", "2025-01", "--json", "--ledger", ledger, cwd=ledger).stdout)
    assert [source["held"] for source in shown["sources"]] == ["0"]
    assert sum(Decimal(each["billed"]) for each in shown["statements"]) == Decimal("2.01")
    assert run("periods", "close", "2025-01", *by, cwd=ledger).returncode == 0
    more = ledger.parent / "more.csv"
    more.write_text(HEAD + ROW, encoding="utf-8")
    late = run("ingest", more, "--source", "hpc", "--ledger", ledger, cwd=ledger)
    assert late.returncode == 2
    assert "closed" in late.stderr


def test_wrong_usage_is_said_in_words(ledger: Path) -> None:
    """Unknown periods, formats and files end with exit code 2."""
    put(ledger, HEAD + ROW)
    for arguments in (
        ("periods", "show", "2031-01"),
        ("periods", "show", "January"),
        ("journal", "--period", "2025-01", "--format", "nope"),
        ("ingest", "missing.csv", "--source", "aws"),
        ("ingest", "config.yaml", "--source", "../x"),
        ("show", "nobody@example.edu"),
    ):
        assert run(*arguments, "--ledger", ledger, cwd=ledger).returncode == 2, arguments
    assert run("periods", "list", cwd=ledger.parent / "ledger" / "charges").returncode == 0
    assert run("periods", "list", "--ledger", "nowhere", cwd=ledger).returncode == 2


def test_ctrl_c_in_the_middle_stops_cleanly(ledger: Path, tmp_path: Path) -> None:
    """While DuckDB works there is no traceback, no output and nothing half-written; its spill folder goes too."""
    put(ledger, HEAD + ROW * 300_000)
    spill = tmp_path / "spill"
    spill.mkdir()
    # A shell starts what runs in its background with Ctrl-C ignored, and a suite there hands that on.
    heard = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    code = f"{heard}; from openchargeback.cli.main import main; main()"
    command = [sys.executable, "-c", code, "build", "-o", "out", "--ledger", str(ledger)]
    environment = {**os.environ, "TMPDIR": str(spill)}
    with subprocess.Popen(command, cwd=ledger, env=environment, stderr=subprocess.PIPE, text=True) as running:
        waited = 0.0
        while not any(spill.iterdir()) and waited < 60:
            time.sleep(0.01)
            waited += 0.01
        time.sleep(0.2)
        running.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=60)
    assert running.returncode == 130, said
    assert "Traceback" not in said
    assert not (ledger / "out").exists()
    assert not list(spill.iterdir())


def test_starting_is_quick() -> None:
    """Listing periods imports neither WeasyPrint nor Frictionless; --help not even DuckDB."""
    code = (
        "import sys; from openchargeback.cli.main import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "print(sorted({'duckdb', 'weasyprint', 'frictionless', 'jinja2'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.rstrip().endswith("[]")
