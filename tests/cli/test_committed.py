"""Closing and finalizing rest on what Git has: what it lacks is named, with the commands that commit it."""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
from pathlib import Path

import pytest

import program
from openchargeback.cli.git_commands import commit_lines, quoted
from openchargeback.files.git import Loose
from openchargeback.ledger.reading import read_ledger
from openchargeback.ledger.uncommitted import uncommitted_inputs, uncommitted_record

ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
}
TAGS = json.dumps({"pi_email": "ada@example.edu", "project_id": "p1", "fund_org": "F-1"}).replace('"', '""')
CHARGES = (
    f'BillingPeriodStart,BilledCost,ListCost,ServiceName,ResourceId,Tags\n{{month}}-01,{{cost}},9,VM,r1,"{TAGS}"\n'
)


def put(root: Path, name: str, text: str) -> None:
    """Write a file of the ledger."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def charges(cost: str, month: str = "2025-01") -> str:
    """A charge file."""
    return CHARGES.replace("{month}", month).replace("{cost}", cost)


def git(root: Path, *arguments: str) -> str:
    """What Git says in the ledger."""
    done = subprocess.run(
        ["git", *arguments], cwd=root, check=True, capture_output=True, text=True, env=ENVIRONMENT
    )  # fmt: skip
    return done.stdout.strip()


def run(root: Path, *arguments: str, code: int = 0, here: Path | None = None) -> str:
    """Everything that the program prints; it ends as expected and never with a traceback."""
    done = program.run(*arguments, "--ledger", root, cwd=here or root, env=ENVIRONMENT, code=code)
    return done.stdout + done.stderr


def carry_out(said: str, here: Path) -> None:
    """Run the Git commands that the program printed, as a person who pastes them."""
    commands = "\n".join(line.strip() for line in said.splitlines() if line.strip().startswith("git "))
    assert commands
    subprocess.run(["bash", "-ec", commands], cwd=here, check=True, capture_output=True, env=ENVIRONMENT)


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """January in a folder of a repository, all of it committed."""
    root = tmp_path / "repository" / "our ledger"
    put(root, "config.yaml", "organization: Test University\nsources: {aws: {credit_fund: C-1}}\n")
    put(root, "charges/2025-01/aws.csv", charges("1.005"))
    put(root, "directory/people.yaml", "people: []\n")
    git(root.parent, "init", "-q", "-b", "main")
    git(root.parent, "config", "user.email", "ann@example.edu")
    git(root.parent, "config", "user.name", "Ann")
    put(root.parent, ".gitignore", ".openchargeback/\n*.gz\n")
    git(root.parent, "add", "-A")
    git(root.parent, "commit", "-qm", "A ledger")
    return root


CLOSE = ("periods", "close", "2025-01", "--on", "2025-02-05")


def test_closing_names_what_is_not_committed_and_how_to_commit_it(ledger: Path) -> None:
    """Untracked, ignored, modified, deleted and staged files; from a folder of the ledger, with names of any kind."""
    put(ledger, "charges/2025-01/hpc/it's [1] $HOME.csv", charges("2"))
    put(ledger, "templates/x.html", "staged")
    git(ledger, "add", "templates")
    put(ledger, "templates/x.html", "and changed")
    put(ledger, "templates/y.html", "staged")
    git(ledger, "add", "templates/y.html")
    (ledger / "directory/people.yaml").unlink()
    (ledger / "charges/2025-01/gcp.csv.gz").write_bytes(gzip.compress(charges("3").encode(), mtime=0))
    put(
        ledger,
        "config.yaml",
        "organization: T\nsources: {aws: {credit_fund: C}, hpc: {credit_fund: C}, gcp: {credit_fund: C}}\n",
    )
    said = run(ledger, *CLOSE, code=2, here=ledger / "charges")
    assert not (ledger / "periods").exists()
    for name, why in (
        ("charges/2025-01/gcp.csv.gz", "ignored"),
        ("charges/2025-01/hpc/it's [1] $HOME.csv", "untracked"),
        ("config.yaml", "modified"),
        ("directory/people.yaml", "deleted"),
        ("templates/x.html", "modified"),
        ("templates/y.html", "staged"),
    ):
        assert f"{name} ({why})" in said
    assert "git --literal-pathspecs add '2025-01/hpc/it'\"'\"'s [1] $HOME.csv' ../config.yaml" in said
    assert "git add --force 2025-01/gcp.csv.gz" in said
    carry_out(said, ledger / "charges")
    assert git(ledger, "status", "--porcelain", "--untracked-files=all") == ""
    said = run(ledger, *CLOSE, here=ledger.parent.parent)
    assert "\n2025-01 is closed. Commit it:\n  git -C 'repository/our ledger' add periods/" in said
    carry_out(said, ledger.parent.parent)
    assert git(ledger, "status", "--porcelain", "--untracked-files=all") == ""
    clone = ledger.parent.parent / "clone"
    git(ledger, "clone", "-q", f"file://{ledger.parent}", str(clone))
    run(clone / "our ledger", "validate")


def test_commit_takes_exactly_what_the_closing_rests_on_and_its_record(ledger: Path) -> None:
    """What else is staged stays staged; a decision that goes in with the closing is known by names only."""
    put(
        ledger,
        "config.yaml",
        "organization: T\nsources: {aws: {credit_fund: C-1}}\nreview: {patterns: {vm: {match: {ServiceName: VM}}}}\n",
    )
    put(ledger, "charges/2025-02/aws.csv", charges("8", "2025-02"))
    put(ledger, "README.md", "staged\n")
    git(ledger, "add", "README.md")
    run(ledger, "review", "approve", "--period", "2025-01", "--flag", "pattern:vm", "--reason", "agreed")
    said = run(ledger, *CLOSE, "--commit")
    made = re.search(r"2025-01 is closed, in commit ([0-9a-f]{12})\.\n", said)
    assert made
    assert git(ledger, "log", "-1", "--format=%s") == "Close 2025-01"
    changed = git(ledger, "show", "--name-only", "--format=", "--relative", made[1]).splitlines()
    assert [name for name in changed if not name.startswith("periods/2025-01.")] == [
        "approvals/2025-01/approve-pattern-vm.yaml",
        "config.yaml",
    ]
    assert git(ledger, "status", "--short").splitlines() == ["A  README.md", "?? charges/2025-02/"]
    record = (ledger / "periods/2025-01.frozen.yaml").read_text("utf-8")
    assert "committed together with the closing" in record
    run(ledger, "validate")


def test_finalizing_and_opening_go_by_the_same_rule(ledger: Path) -> None:
    """A seal rests on a record that is committed; opening is never refused, since it takes a closing back."""
    run(ledger, *CLOSE)
    said = run(ledger, "periods", "finalize", "2025-01", code=2)
    assert "periods/2025-01.frozen.yaml (untracked)" in said
    said = run(ledger, "periods", "open", "2025-01")
    assert "git add periods/2025-01.yaml\n" in said
    run(ledger, *CLOSE, "--commit")
    assert "2025-01 is finalized, in commit " in run(ledger, "periods", "finalize", "2025-01", "--commit")
    assert git(ledger, "status", "--porcelain", "--untracked-files=all") == ""


def test_what_an_interrupted_closing_left_uncommitted_is_committed_by_the_next(ledger: Path) -> None:
    """Closed or finalized already, but not in Git: named with the commands, or committed with --commit."""
    for verb, state in (("close", "closed"), ("finalize", "finalized")):
        run(ledger, "periods", verb, "2025-01", "--by", "ada@example.edu")
        said = run(ledger, "periods", verb, "2025-01", code=2)
        assert f"2025-01 is already {state}. Commit it:" in said
        assert "git add " in said
        run(ledger, "periods", verb, "2025-01", "--commit")
        assert git(ledger, "status", "--porcelain") == ""
        assert "Commit it" not in run(ledger, "periods", verb, "2025-01", code=2)


def test_a_commit_that_a_hook_refuses_is_told_with_what_to_do(ledger: Path) -> None:
    """The period is closed all the same, as it would be without --commit."""
    hook = ledger.parent / ".git/hooks/pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho not today >&2\nexit 1\n")
    hook.chmod(0o755)
    said = run(ledger, *CLOSE, "--commit", code=3)
    assert "2025-01 is closed, but it was not committed" in said
    assert "not today" in said
    hook.unlink()
    carry_out(said, ledger)
    assert git(ledger, "status", "--porcelain", "--untracked-files=all") == ""


def loose(root: Path, period: str = "2025-01") -> dict[str, Loose]:
    """What closing a period rests on and Git does not have."""
    read, _ = read_ledger(root)
    assert read is not None
    return uncommitted_inputs(read, period)


def test_a_closing_whose_commit_failed_is_committed_with_what_it_rests_on(ledger: Path) -> None:
    """Else a clone would have the record of charges that it lacks."""
    put(ledger, "charges/2025-01/aws/part-1.csv", charges("3.25"))
    (ledger / "charges/2025-01/aws.csv").rename(ledger / "charges/2025-01/aws/part-0.csv")
    hook = ledger.parent / ".git/hooks/pre-commit"
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    said = run(ledger, *CLOSE, "--commit", code=3)
    assert "was not committed" in said
    hook.unlink()
    run(ledger, *CLOSE, "--commit")
    assert git(ledger, "status", "--porcelain") == ""
    assert "charges/2025-01/aws/part-1.csv" in git(ledger, "show", "--stat=200", "--format=", "HEAD")


def test_only_what_bears_on_the_month_counts(ledger: Path) -> None:
    """Not later months, notes, pages, what Git is told to pass over, or what closing writes itself."""
    for name in (
        "charges/2025-02/aws.csv", "approvals/2025-02/x.yaml", "periods/2025-02.yaml", "periods/2025-01.yaml",
        "periods/2024-12.notes.yaml", "pages/about.md", "README.md", "charges/2025-01/.~lock.aws.csv#",
        "charges/README.md", "config.local.yaml",
    ):  # fmt: skip
        put(ledger, name, "x")
    assert loose(ledger) == {}
    bearing = (
        "charges/2024-12/aws.csv", "approvals/2025-01/x.yaml", "periods/2024-12.yaml", "policies/p.yaml",
        "directory/funds.yaml", "requirements.lock", "templates/journals/x.txt",
    )  # fmt: skip
    for name in bearing:
        put(ledger, name, "x")
    assert loose(ledger) == dict.fromkeys(sorted(bearing), Loose.UNTRACKED)
    # Told to look away, Git would not show this change.
    git(ledger, "update-index", "--assume-unchanged", "charges/2025-01/aws.csv")
    put(ledger, "charges/2025-01/aws.csv", charges("2"))
    assert loose(ledger)["charges/2025-01/aws.csv"] is Loose.MODIFIED


def test_where_git_does_not_keep_the_ledger_there_is_nothing_to_commit(ledger: Path, tmp_path: Path) -> None:
    """Outside a repository, or in a folder that a repository ignores; before the first commit all is to be."""
    apart = tmp_path / "apart"
    put(apart, "config.yaml", "organization: T\n")
    put(apart, "charges/2025-01/aws.csv", charges("1"))
    assert loose(apart) == {}
    git(apart, "init", "-q")
    assert loose(apart) == dict.fromkeys(("charges/2025-01/aws.csv", "config.yaml"), Loose.UNTRACKED)
    put(ledger.parent, ".gitignore", "scratch/\n")
    put(ledger.parent, "scratch/config.yaml", "organization: T\n")
    put(ledger.parent, "scratch/charges/2025-01/aws.csv", charges("1"))
    assert loose(ledger.parent / "scratch") == {}
    assert uncommitted_record(ledger.parent / "scratch", "2025-01") == {}
    assert "needs a ledger in a Git repository" in run(ledger.parent / "scratch", *CLOSE, "--commit", code=2)


def test_commands_are_quoted_for_a_shell_and_have_few_files_each(ledger: Path) -> None:
    """Also names that a terminal would not show as they are."""
    many = {f"charges/2025-01/aws/{number:03}.csv": Loose.UNTRACKED for number in range(60)}
    assert len(commit_lines(ledger, many, "x", ledger)) == 4
    assert quoted("a\x1b]0;x\x07b'\\") == "$'a\\x1b]0;x\\x07b\\x27\\x5c'"
    assert commit_lines(ledger, {"-x": Loose.MODIFIED}, "a b", ledger) == [
        "git add -- -x",
        "git commit --message 'a b'",
    ]


def test_charges_that_were_never_committed_are_named_in_a_clone(ledger: Path, tmp_path: Path) -> None:
    """The closing record names them and Git never had them; the plan does not call the month rounding."""
    git(ledger, "switch", "-qc", "january")
    git(ledger, "rm", "-q", "--cached", "charges/2025-01/aws.csv")
    git(ledger, "commit", "-qm", "Git never had the charges")
    run(ledger, *CLOSE, "--commit")
    # As if someone had committed the record alone, in a repository that begins there.
    git(ledger, "rm", "-q", "--cached", "charges/2025-01/aws.csv")
    git(ledger, "commit", "-qm", "x")
    git(ledger, "checkout", "-q", "--orphan", "begin")
    git(ledger, "rm", "-rqf", "--cached", "periods")
    git(ledger, "commit", "-qm", "Begin")
    git(ledger, "branch", "-qD", "main", "january")
    git(ledger, "branch", "main")
    git(ledger, "switch", "-qc", "close")
    git(ledger, "add", "periods")
    git(ledger, "commit", "-qm", "Close")
    clone = tmp_path / "clone"
    git(ledger, "clone", "-q", f"file://{ledger.parent}", str(clone))
    place = clone / "our ledger"
    said = run(place, "plan", "origin/main", code=1)
    assert "rounding" not in said
    assert "Causes: record +1.01" in said
    assert "charges/2025-01/aws.csv" in said
    assert "this file is missing; it was never committed" in " ".join(said.split())
    said = run(place, "validate", code=1)
    assert "it was never committed" in " ".join(said.split())
    assert "where 2025-01 was closed, run `git add" in " ".join(said.split())
    put(place, "charges/2025-01/aws.csv", charges("1.006"))
    git(place, "-c", "user.name=B", "-c", "user.email=b@example.edu", "add", "charges")
    git(place, "-c", "user.name=B", "-c", "user.email=b@example.edu", "commit", "-qm", "other charges")
    assert "Git never had the version in the closing record" in " ".join(run(place, "validate", code=1).split())
