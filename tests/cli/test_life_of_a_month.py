"""A month from ingest to the seal and what comes after, as a person does it with the program."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import program

pytestmark = pytest.mark.slow

HEAD = "BillingPeriodStart,BilledCost,ListCost,ServiceName,ResourceId,Tags\n"
BY = ("--by", "admin@example.edu", "--on", "2025-02-05")


def row(cost: str, resource: str = "r1", fund: str = "F-1", month: str = "2025-01", project: str = "p1") -> str:
    """A charge with a list price of 9."""
    names = {"pi_email": "ada@example.edu", "project_id": project, "fund_org": fund}
    tags = json.dumps({name: value for name, value in names.items() if value}).replace('"', '""')
    return f'{month}-01,{cost},9,Compute,{resource},"{tags}"\n'


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """January with two held charges, February open."""
    root = tmp_path / "ledger"
    put(root, "config.yaml", "organization: Test University\nsources: {aws: {credit_fund: C-1}}\n")
    january = row("1.005") + row("2.5", "r2") + row("3", "h1", "") + row("4", "h2", "", project="p2")
    put(root, "charges/2025-01/aws.csv", HEAD + january)
    put(root, "charges/2025-02/aws.csv", HEAD + row("8", month="2025-02"))
    return root


def put(root: Path, name: str, text: str) -> None:
    """Write a file of the ledger."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def git(root: Path, *arguments: str) -> None:
    """Git in the ledger, by someone."""
    person = ("-c", "user.name=Ada", "-c", "user.email=ada@example.edu")
    subprocess.run(["git", *person, "-C", str(root), *arguments], check=True, capture_output=True)


def run(root: Path, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Run the program; it ends as expected and never with a traceback."""
    return program.run(*arguments, "--ledger", root, cwd=root, code=code)


def digests(folder: Path, *parts: str) -> dict[str, str]:
    """SHA-256 of the files below a folder whose path holds every part."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and all(part in path.as_posix() for part in parts)
    }


def test_statements_and_journals_of_a_closed_month_keep_their_bytes(ledger: Path) -> None:
    """Whatever changes in the settings and whatever later months bring; also without the cache."""
    run(ledger, "periods", "close", "2025-01", "--leave-held", *BY)
    run(ledger, "build", "-o", "out")
    pdfs = digests(ledger / "out/statements", "2025-01", ".pdf")
    journals = digests(ledger / "out/journals", "2025-01", ".csv")
    assert len(pdfs) == 1
    put(
        ledger,
        "config.yaml",
        "organization: Other\nsources: {aws: {credit_fund: X, label: L}}\nstatements: {note: N}\n",
    )
    put(ledger, "directory/people.yaml", "people: [{email: ada@example.edu, name: Ada}]\n")
    put(ledger, "charges/2025-02/hpc.csv", HEAD + row("70", month="2025-02"))
    shutil.rmtree(ledger / ".openchargeback")
    run(ledger, "build", "-o", "out")
    assert digests(ledger / "out/statements", "2025-01", ".pdf") == pdfs
    assert digests(ledger / "out/journals", "2025-01", ".csv") == journals
    page = next((ledger / "out/statements/2025-01").glob("*/*.html")).read_text(encoding="utf-8")
    assert "Issued" in page
    assert "Questions: Test University, until" in page


def test_what_stands_in_the_way_of_closing_is_all_said(ledger: Path) -> None:
    """Undecided charges, void decisions and a missing credit fund, at once; nothing is written."""
    put(ledger, "config.yaml", "organization: X\n")
    decision = "charges: [0123456789abcdef]\n    clears: above-list\n    decision: approve\n    reason: r\n    by: b\n"
    put(ledger, "approvals/2025-01/a.yaml", f"decisions:\n  - {decision}")
    said = run(ledger, "periods", "close", "2025-01", *BY, code=2).stderr
    for part in ("2 charges are undecided", "approvals/2025-01/a.yaml:2: approve is void", "no credit fund"):
        assert part in said
    assert not (ledger / "periods").exists()


def test_a_finalized_month_is_never_opened_and_its_change_is_an_error(ledger: Path) -> None:
    """The message names file, state and fix; a later build publishes nothing."""
    run(ledger, "periods", "finalize", "2025-01", *BY, code=2)
    run(ledger, "periods", "close", "2025-01", "--leave-held", *BY)
    run(ledger, "periods", "finalize", "2025-01", *BY)
    assert "cannot be reopened" in run(ledger, "periods", "open", "2025-01", code=2).stderr
    put(ledger, "charges/2025-01/aws.csv", HEAD + row("1.006"))
    said = run(ledger, "build", "-o", "out", code=1).stderr
    assert "2025-01 is finalized, but this file changed" in said
    assert "sealed-file-changed" in said
    assert "charges/2025-01/aws.csv" in said
    assert not (ledger / "out").exists()


def finalized(ledger: Path) -> Path:
    """January finalized and committed; gives its period file."""
    run(ledger, "periods", "close", "2025-01", "--leave-held", *BY)
    run(ledger, "periods", "finalize", "2025-01", *BY)
    git(ledger, "init", "-q")
    put(ledger, ".gitignore", ".openchargeback/\n")
    git(ledger, "add", ".")
    git(ledger, "commit", "-q", "-m", "January")
    return ledger / "periods/2025-01.yaml"


def _say_open(period: Path) -> None:
    period.write_text(period.read_text("utf-8").replace("state: finalized", "state: open"), encoding="utf-8")


def _say_closed(period: Path) -> None:
    period.write_text(period.read_text("utf-8").replace("state: finalized", "state: closed"), encoding="utf-8")


def _unseal(period: Path) -> None:
    """To what closing wrote, as if it had never been finalized."""
    lines = period.read_text("utf-8").replace("state: finalized", "state: closed").split("seal:")[0].splitlines(True)
    period.write_text("".join(line for line in lines if not line.startswith("finalized:")), encoding="utf-8")


def _remove_record(period: Path) -> None:
    shutil.rmtree(period.parent)


def _second_file(period: Path) -> None:
    period.with_suffix(".yml").write_text("state: open\n", encoding="utf-8")


@pytest.mark.parametrize("tamper", [_say_open, _say_closed, _unseal, Path.unlink, _remove_record, _second_file])
def test_no_change_of_files_opens_a_finalized_month(ledger: Path, tamper: Callable[[Path], None]) -> None:
    """Every command stops at it, opening too; what leaves no trace in the files is found by the last commit."""
    period = finalized(ledger)
    tamper(period)
    put(ledger, "charges/2025-01/aws.csv", HEAD + row("999"))
    said = run(ledger, "periods", "show", "2025-01", code=1).stderr
    expected = "misplaced-file" if tamper is _second_file else "sealed-file-changed"
    assert f"error[{expected}]" in said
    run(ledger, "build", "-o", "out", code=1)
    assert not (ledger / "out").exists()
    run(ledger, "periods", "open", "2025-01", code=2 if tamper is _second_file else 1)
    assert "error[sealed-period]" in run(ledger, "plan", "HEAD", code=1).stderr


def test_a_changed_closed_month_is_reopened_and_closed_again(ledger: Path) -> None:
    """Also while its error stands; statements are revision 2 then."""
    run(ledger, "periods", "close", "2025-01", "--leave-held", *BY)
    put(ledger, "charges/2025-01/aws.csv", HEAD + row("1.5"))
    assert "closed-period-changed" in run(ledger, "validate", code=1).stdout
    run(ledger, "periods", "open", "2025-01")
    run(ledger, "periods", "close", "2025-01", *BY)
    shown = json.loads(run(ledger, "periods", "show", "2025-01", "--json").stdout)
    assert [(each["number"][-3:], each["billed"]) for each in shown["statements"]] == [("-r2", "1.50")]


UNTAGGED = "2025-01-01,3,9,Compute,h1,{}\n"


def items(ledger: Path) -> list[dict[str, Any]]:
    """The review queue, as JSON."""
    return json.loads(run(ledger, "review", "list", "--json").stdout)["items"]


def test_one_decision_settles_all_flags_of_charges(ledger: Path) -> None:
    """An untagged charge lacks PI, project and fund: who sets all three answers every flag that asks for them."""
    put(ledger, "charges/2025-01/aws.csv", HEAD + UNTAGGED)
    to = ("--set-pi", "ada@example.edu", "--set-project", "p1", "--set-fund", "F-1", "--reason", "asked", *BY)
    said = run(ledger, "review", "reassign", "--period", "2025-01", "--flag", "missing-pi", *to)
    assert "still held" not in said.stdout
    assert not said.stderr
    assert run(ledger, "review", "list").stdout == "Nothing to review.\n"
    (source,) = json.loads(run(ledger, "periods", "show", "2025-01", "--json").stdout)["sources"]
    assert (source["billed"], source["held"]) == ("3", "0")


def test_a_second_decision_clears_what_the_first_has_left(ledger: Path) -> None:
    """A decision on one of its flags says which still hold the charge."""
    put(ledger, "charges/2025-01/aws.csv", HEAD + UNTAGGED)
    words = ("review", "reassign", "--period", "2025-01", "--all", "--reason", "asked", *BY)
    assert "still held by missing-fund, missing-project" in run(ledger, *words, "--set-pi", "ada@example.edu").stdout
    assert [(item["charges"], item["uncleared"]) for item in items(ledger)] == [
        (1, ["missing-fund", "missing-project"])
    ]
    run(ledger, *words, "--set-project", "p1", "--set-fund", "F-1")
    assert run(ledger, "review", "list").stdout == "Nothing to review.\n"
    (source,) = json.loads(run(ledger, "periods", "show", "2025-01", "--json").stdout)["sources"]
    assert (source["billed"], source["held"]) == ("3", "0")


def test_a_late_decision_is_not_written_where_it_leaves_charges_held(ledger: Path) -> None:
    """It would be an error in the ledger: the message has the options that are missing."""
    put(ledger, "charges/2025-01/aws.csv", HEAD + UNTAGGED)
    run(ledger, "periods", "close", "2025-01", "--leave-held", *BY)
    to = ("--set-pi", "ada@example.edu", "--reason", "asked", *BY)
    choice = ("review", "reassign", "--period", "2025-02", "--of", "2025-01", "--flag", "missing-pi")
    said = run(ledger, *choice, *to, code=2).stderr
    assert "missing-fund, missing-project would remain" in said
    assert not (ledger / "approvals").exists()
    run(ledger, *choice, "--set-project", "p1", "--set-fund", "F-1", *to)
    run(ledger, "validate")


def test_held_charges_of_a_closed_month_are_decided_late(ledger: Path) -> None:
    """From the queue into the open month's folder, statement, page, PDF data and journal; once."""
    run(ledger, "periods", "close", "2025-01", "--leave-held", *BY)
    assert [(g["period"], g["state"], g["project"], g["charges"]) for g in items(ledger)] == [
        ("2025-01", "closed", "p2", 1),
        ("2025-01", "closed", "p1", 1),
    ]
    words = ("--flag", "missing-fund", "--reason", "found", *BY)
    run(ledger, "review", "reassign", "--period", "2025-01", "--set-fund", "F-7", *words, code=2)
    late = ("--period", "2025-02", "--of", "2025-01")
    run(ledger, "review", "reassign", *late, "--project", "p1", "--set-fund", "F-7", *words)
    run(ledger, "review", "reject", *late, "--project", "p2", *words)
    assert items(ledger) == []
    shown = json.loads(run(ledger, "periods", "show", "2025-02", "--json").stdout)
    assert [(e["original"], e["entry"], e["exact"], e["billed"]) for e in shown["earlier"]] == [
        ("2025-01", "late", "3", "3.00"),
        ("2025-01", "rejected", "4", "0.00"),
    ]
    assert shown["statements"][0]["billed"] == "11.00"
    run(ledger, "build", "-o", "out")
    page = next((ledger / "out/statements/2025-02").glob("*/*.html")).read_text(encoding="utf-8")
    assert "Late charges" in page
    assert "Used in January 2025, under review when that month was closed" in page
    assert "Late 2025-01: " in (ledger / "out/drafts/2025-02/DRAFT-detail.csv").read_text(encoding="utf-8")
    assert run(ledger, "review", "list").stdout == "Nothing to review.\n"


def test_a_credit_is_written_with_what_it_takes_back(ledger: Path) -> None:
    """By resource; the statement carries a credit note that names the original's number."""
    run(ledger, "periods", "close", "2025-01", "--leave-held", *BY)
    number = json.loads(run(ledger, "periods", "show", "2025-01", "--json").stdout)["statements"][0]["number"]
    credit = ("review", "credit", "--period", "2025-02", "--of", "2025-01", "--reason", "twice", *BY)
    assert "held or rejected" in run(ledger, *credit, "--charge", _held(ledger), code=2).stderr
    assert "nothing billed in 2025-01 matches" in run(ledger, *credit, "--resource", "h1", code=2).stderr
    said = run(ledger, *credit, "--resource", "r2", "--set-fund", "F-9").stdout
    assert f"2.50 USD  {number}, ada@example.edu, p1, 1 charge\n" in said
    run(ledger, "build", "-o", "out")
    page = next((ledger / "out/statements/2025-02").glob("*/*.html")).read_text(encoding="utf-8")
    assert f"Takes back charges of January 2025 on statement {number}" in page
    assert "Credit note" in page
    assert f"Billed again for January 2025, first on statement {number}" in page
    journal = (ledger / "out/drafts/2025-02/DRAFT-detail.csv").read_text(encoding="utf-8")
    assert f"Credit {number}: " in journal
    (path,) = (ledger / "approvals/2025-02").iterdir()
    shutil.copy(path, path.with_name("again.yaml"))
    assert "credited-already" in run(ledger, "validate", code=1).stdout


def _held(root: Path) -> str:
    return (root / "periods/2025-01.held.csv").read_text(encoding="utf-8").splitlines()[1][:16]


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        (
            ("--project", "p1", "--set-pi", "ada@example.edu", "--reason", "why"),
            "no one would pay (missing-fund): add --set-fund",
        ),
        (("--project", "p1", "--set-fund", "F-7", "--reason", "  "), "expected a reason"),
        (("--project", "p1", "--set-fund", "no fund", "--reason", "why"), "matches no configured pattern"),
    ],
)
def test_a_decision_that_would_be_an_error_is_not_written(ledger: Path, choice: tuple[str, ...], said: str) -> None:
    put(ledger, "config.yaml", (ledger / "config.yaml").read_text("utf-8") + "review: {fund_patterns: ['F-[0-9]+']}\n")
    done = run(ledger, "review", "reassign", "--period", "2025-01", "--flag", "missing-fund", *choice, *BY, code=2)
    assert "nothing was written" in done.stderr
    assert said in done.stderr
    assert not (ledger / "approvals").exists()


def test_a_charge_is_not_credited_twice_in_one_month(ledger: Path) -> None:
    run(ledger, "periods", "close", "2025-01", "--leave-held", *BY)
    credit = ("review", "credit", "--period", "2025-02", "--of", "2025-01", "--resource", "r1", "--reason", "why", *BY)
    run(ledger, *credit)
    assert "is already credited at approvals/2025-02/credit-2025-01.yaml:" in run(ledger, *credit, code=2).stderr
    assert [path.name for path in (ledger / "approvals/2025-02").iterdir()] == ["credit-2025-01.yaml"]
    run(ledger, "validate")


def test_void_decisions_are_refreshed_in_a_new_file(ledger: Path) -> None:
    """The old decision goes from its file, and the file where nothing else is in it; nothing is left to do by hand."""
    words = ("--period", "2025-01", "--flag", "missing-fund", "--reason", "found", *BY)
    run(ledger, "review", "reassign", "--project", "p1", "--set-fund", "F-7", *words)
    old = ledger / "approvals/2025-01/reassign-missing-fund.yaml"
    before = old.read_bytes()
    put(ledger, "charges/2025-01/aws.csv", HEAD + row("1.005") + row("3.5", "h1", "") + row("5", "h3", ""))
    assert "void" in run(ledger, "validate", code=1).stdout
    proposal = run(ledger, "review", "refresh", "--dry-run", *BY)
    assert 'expect: {charges: 2, billed: "8.5"' in proposal.stdout
    assert "approvals/2025-01/reassign-missing-fund.yaml:2" in proposal.stdout
    assert old.read_bytes() == before
    assert "Removed approvals/2025-01/reassign-missing-fund.yaml" in run(ledger, "review", "refresh", *BY).stdout
    assert [path.name for path in (ledger / "approvals/2025-01").iterdir()] == ["refresh.yaml"]
    assert "void" not in run(ledger, "validate").stdout
    shown = json.loads(run(ledger, "periods", "show", "2025-01", "--json").stdout)
    assert [source["held"] for source in shown["sources"]] == ["0"]


def test_decisions_on_single_charges_are_refreshed_from_the_history_of_the_charges(ledger: Path) -> None:
    """A charge whose cost changed is found again, one that went is said to be gone, one that stayed stays decided."""
    more = row("6", "h3", "") + row("7", "h4", "") + row("8", "h5", "")
    january = HEAD + row("1.005") + row("3", "h1", "") + row("4", "h2", "") + more
    put(ledger, "charges/2025-01/aws.csv", january)
    git(ledger, "init", "--quiet")
    git(ledger, "add", "--all")
    git(ledger, "commit", "--quiet", "-m", "January")
    (item,) = items(ledger)
    assert item["charges"] == len(item["ids"]) == 5
    words = ("--period", "2025-01", "--flag", "missing-fund", "--set-fund", "F-7", "--reason", "found", *BY)
    run(ledger, "review", "reassign", *words, *(f"--resource=h{number}" for number in range(1, 5)))
    later = january.replace(",3,9,", ",3.5,9,").replace(row("4", "h2", ""), "")
    put(ledger, "charges/2025-01/aws.csv", later)
    git(ledger, "add", "--all")
    git(ledger, "commit", "--quiet", "-m", "Corrected")
    put(ledger, "charges/2025-01/aws.csv", later.replace(",6,9,", ",6.5,9,"))

    proposal = run(ledger, "review", "refresh", *BY)
    assert proposal.stdout.count(" is now ") == 2
    assert proposal.stdout.count(" was withdrawn") == 1
    assert "void" not in run(ledger, "validate").stdout
    shown = json.loads(run(ledger, "periods", "show", "2025-01", "--json").stdout)
    assert [(source["held"], source["billed"]) for source in shown["sources"]] == [("8", "18.005")]
    assert [(item["charges"], item["amount"]) for item in items(ledger)] == [(1, "8")]


def test_what_is_void_without_a_successor_is_removed_with_the_reason(ledger: Path) -> None:
    """An id that never was, and an item that holds nothing; a fund that does not fit is for a person to correct."""
    config = (ledger / "config.yaml").read_text("utf-8") + "review: {fund_patterns: ['F-[0-9]+']}\n"
    put(ledger, "config.yaml", config)
    (item, _) = items(ledger)
    seen = "expect: {charges: 1}\n    clears: missing-fund\n    decision: "
    for name, what in (
        ("unknown", "charges: [0123456789abcdef]\n    clears: missing-pi\n    decision: approve"),
        ("empty", f"where: {{source: aws, flags: [missing-fund]}}\n    {seen}approve"),
        ("misfit", f"charges: [{item['ids'][0]}]\n    {seen}reassign\n    set: {{fund: no fund}}"),
    ):
        words = "reason: no\n    by: a@example.edu\n    on: 2025-02-05\n"
        put(ledger, f"approvals/2025-01/{name}.yaml", f"decisions:\n  - {what}\n    {words}")
    said = run(ledger, "review", "refresh", *BY).stdout
    assert said.count("removed: nothing left to decide") == 2
    assert "no charges match" in said
    assert "matches no charge of the period" in said
    assert [path.name for path in (ledger / "approvals/2025-01").iterdir()] == ["misfit.yaml"]


def test_two_commands_at_once_damage_nothing(ledger: Path) -> None:
    """Each writes a file of its own, one after the other."""
    words = ["--period", "2025-01", "--flag", "missing-fund", "--reason", "no", *BY, "--ledger", str(ledger)]
    commands = [
        subprocess.Popen([*program.COMMAND, "review", "reject", "--project", each, *words]) for each in ("p1", "p2")
    ]
    assert [command.wait(timeout=120) for command in commands] == [0, 0]
    assert len(list((ledger / "approvals/2025-01").glob("*.yaml"))) == 2
    assert not list(ledger.rglob("*.tmp"))
    run(ledger, "validate")


def test_a_command_waits_for_another_and_then_says_so(ledger: Path) -> None:
    """A lock that is held is not broken; one that a dead process left behind is free."""
    folder = ledger / ".openchargeback"
    folder.mkdir()
    (folder / "lock").write_text("1\n", encoding="utf-8")
    run(ledger, "periods", "open", "2025-03")
    handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        start = time.monotonic()
        assert "another command is writing" in run(ledger, "periods", "open", "2025-04", code=3).stderr
        assert time.monotonic() - start < 60
    finally:
        os.close(handle)
    assert not (ledger / "periods/2025-04.yaml").exists()
