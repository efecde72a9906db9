"""The commit hook, installed in a repository and run by Git itself, as pre-commit does it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from ci_runner import git

from program import put_on_path

ROOT = Path(__file__).parents[2]
HOOKS = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
HEAD = "BillingPeriodStart,BilledCost,ServiceName,ResourceId,Tags\n"
TAGS = '"{""pi_email"": ""ada@example.edu"", ""project_id"": ""p1"", ""fund_org"": ""F-1""}"'


REJECTED = """decisions:
  - where:
      source: aws
      service: Compute
      project: p1
      pi: ada@example.edu
      flags: [missing-fund, unknown-pi, unknown-project]
    expect: {charges: 1}
    clears: [missing-fund, unknown-pi, unknown-project]
    decision: reject
    reason: nobody pays
    by: ada@example.edu
"""
NO_FUND = TAGS.replace(', ""fund_org"": ""F-1""', "")


def row(period: str, cost: str) -> str:
    return f"{period}-01,{cost},Compute,r1,{TAGS}\n"


@pytest.fixture
def repository(tmp_path, monkeypatch) -> Path:
    """A repository with the sample ledger in a folder of it, and the hook."""
    settings = tmp_path / "gitconfig"
    settings.write_text("[user]\nname = Ada\nemail = ada@example.edu\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", "/dev/null")
    monkeypatch.setenv("PATH", put_on_path(tmp_path / "bin"))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    root = tmp_path / "repository"
    shutil.copytree(ROOT / "ledger", root / "ledger", ignore=shutil.ignore_patterns(".openchargeback", "public"))
    git(root, "init", "--quiet", "-b", "main")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "-m", "first")
    (hook,) = HOOKS
    assert hook["pass_filenames"] is False
    (root / ".git/hooks/pre-commit").write_text(f"#!/bin/sh\nexec {hook['entry']}\n")
    (root / ".git/hooks/pre-commit").chmod(0o755)
    return root


def put(root: Path, relative: str, text: str) -> Path:
    path = root / "ledger" / relative
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def commit(root: Path, *arguments: str) -> tuple[bool, str]:
    done = subprocess.run(
        ["git", "commit", "-m", "x", *arguments], cwd=root, capture_output=True, text=True, check=False
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode == 0, done.stdout + done.stderr


def test_a_good_commit_passes(repository):
    for number in range(3):
        put(repository, "charges/2025-03/aws.csv", HEAD + row("2025-03", f"{number}.50"))
        git(repository, "add", "--all")
        passed, said = commit(repository)
        assert passed, said


def test_a_faulty_charge_is_refused_with_its_place(repository):
    put(repository, "charges/2025-03/aws.csv", HEAD + row("2025-03", "a lot"))
    git(repository, "add", "--all")
    passed, said = commit(repository)
    assert not passed
    assert "charges/2025-03/aws.csv:2:12" in said


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [("--all",), ("ledger/charges/2025-03/aws.csv",)])
def test_what_is_committed_counts_where_git_makes_an_index_for_it(repository, arguments):
    """`git commit -a` and `git commit PATH` tell the hook of another index than the repository's."""
    put(repository, "charges/2025-03/aws.csv", HEAD + row("2025-03", "1.50"))
    git(repository, "add", "--all")
    assert commit(repository)[0]
    put(repository, "charges/2025-03/aws.csv", HEAD + row("2025-03", "a lot"))
    passed, said = commit(repository, *arguments)
    assert not passed
    assert "charges/2025-03/aws.csv:2:12" in said


def test_what_is_staged_counts_not_what_lies_in_the_folder(repository):
    """A fault that is staged is found though it is fixed since, and one that is not staged stops nothing."""
    good, bad = HEAD + row("2025-03", "5"), HEAD + row("2025-03", "five")
    put(repository, "charges/2025-03/aws.csv", bad)
    git(repository, "add", "--all")
    put(repository, "charges/2025-03/aws.csv", good)
    done, said = commit(repository)
    assert not done
    assert "charges/2025-03/aws.csv:2:" in said
    assert "five" in said
    git(repository, "add", "--all")
    put(repository, "charges/2025-03/aws.csv", bad)
    put(repository, "charges/2025-03/hpc.csv", bad)
    done, said = commit(repository)
    assert done, said


def test_a_removed_file_counts_and_a_void_decision_is_seen(repository):
    put(repository, "charges/2025-03/aws.csv", HEAD + row("2025-03", "1.50").replace(TAGS, NO_FUND))
    put(repository, "approvals/2025-03/a.yaml", REJECTED)
    git(repository, "add", "--all")
    assert commit(repository)[0]
    git(repository, "rm", "--quiet", "ledger/charges/2025-03/aws.csv")
    passed, said = commit(repository)
    assert not passed
    assert "approvals/2025-03/a.yaml" in said


def test_faults_elsewhere_do_not_stop_the_commit(repository):
    put(repository, "charges/2025-04/aws.csv", HEAD + row("2025-04", "a lot"))
    put(repository, "approvals/2025-04/a.yaml", "decision: [")
    put(repository, "charges/2025-03/aws.csv", HEAD + row("2025-03", "1.50"))
    git(repository, "add", "ledger/charges/2025-03")
    passed, said = commit(repository)
    assert passed, said
    (repository / "notes.txt").write_text("outside the ledger")
    git(repository, "add", "notes.txt")
    assert commit(repository)[0]
    git(repository, "add", "--all")
    passed, said = commit(repository)
    assert not passed
    assert "approvals/2025-04/a.yaml" in said


def test_a_faulty_setting_is_refused(repository):
    path = repository / "ledger/config.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("currency: USD", "currency: dollars"), encoding="utf-8")
    git(repository, "add", "--all")
    passed, said = commit(repository)
    assert not passed
    assert "config.yaml" in said


def test_a_decision_on_an_unusual_amount_still_knows_the_months_before(repository):
    """Closed months are billed as history though nobody asked for them; else the flag is gone and the decision void."""
    usual = HEAD + "".join(f"{{0}}-01,10,Compute,r{n},{TAGS}\n" for n in range(3))
    for period in ("2025-03", "2025-04"):
        put(repository, f"charges/{period}/aws.csv", usual.replace("{0}", period))
        put(repository, f"periods/{period}.yaml", f"state: closed\nclosed: {{on: {period}-28}}\n")
    put(repository, "charges/2025-05/aws.csv", HEAD + row("2025-05", "9000"))
    put(
        repository,
        "approvals/2025-05/big.yaml",
        "decisions:\n  - {where: {source: aws, service: Compute, project: p1, pi: ada@example.edu, flags: "
        "[invalid-fund, unknown-pi, unknown-project, unusual-amount]},\n     expect: {charges: 1}, "
        "clears: [unusual-amount], decision: reject, reason: r, by: b}\n",
    )
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--no-verify", "-m", "all")
    put(repository, "approvals/2025-05/more.yaml", "decisions: []\n")
    git(repository, "add", "--all")
    shutil.rmtree(repository / "ledger/.openchargeback", ignore_errors=True)
    passed, said = commit(repository)
    assert passed, said


def test_before_the_first_commit_everything_is_looked_at(tmp_path, repository):
    fresh = tmp_path / "fresh"
    shutil.copytree(repository / "ledger", fresh)
    git(fresh, "init", "--quiet")
    (fresh / "charges/2024-12/hpc.csv").write_text("nonsense", encoding="utf-8")
    git(fresh, "add", "--all")
    done = subprocess.run(
        ["focus-billing", "validate", "--staged"], cwd=fresh, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "charges/2024-12/hpc.csv" in done.stderr + done.stdout


def test_outside_a_repository_the_option_makes_no_sense(tmp_path, repository):
    shutil.copytree(repository / "ledger", tmp_path / "plain")
    done = subprocess.run(
        ["focus-billing", "validate", "--staged", "--ledger", tmp_path / "plain"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "Git" in done.stderr
