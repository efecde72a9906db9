"""A small ledger in a real Git repository, run with the program as a person runs it."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from pathlib import Path

import program

HEAD = "BillingPeriodStart,BilledCost,ListCost,ServiceName,ResourceId,Tags\n"


def row(
    cost: str, resource: str = "r1", *, fund: str = "F-1", pi: str = "ada@example.edu", month: str = "2025-01"
) -> str:
    """A charge with a list price of 20."""
    names = {"pi_email": pi, "project_id": "p1", "fund_org": fund}
    tags = json.dumps({name: value for name, value in names.items() if value}).replace('"', '""')
    return f'{month}-01,{cost},20,Compute,{resource},"{tags}"\n'


class Repository:
    """A ledger's folder that is a repository of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True)
        self.git("init", "-q", "-b", "main")

    def git(self, *arguments: str, who: str = "admin", when: str = "2025-02-03T09:00:00Z") -> str:
        """What Git says, run by this person."""
        identity = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in
                    (("NAME", who), ("EMAIL", f"{who}@example.edu"), ("DATE", when))}  # fmt: skip
        nowhere = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
        done = subprocess.run(
            ["git", "-C", str(self.root), *arguments],
            check=True, capture_output=True, text=True, env={**os.environ, **identity, **nowhere},
        )  # fmt: skip
        return done.stdout.strip()

    def write(self, name: str, text: str) -> None:
        """Write a file of the ledger."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def commit(self, *options: str, message: str = "x", who: str = "admin") -> str:
        """Commit everything; gives the id."""
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message, *options, who=who)
        return self.git("rev-parse", "HEAD")

    def run(
        self, *arguments: str, code: int = 0, env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run the program; it ends as expected and never with a traceback."""
        whole = {**os.environ, **(env or {})}
        return program.run(*arguments, "--ledger", self.root, cwd=self.root, env=whole, code=code)


def poison(ledger: Repository, was: bytes, now: bytes) -> int:
    """Change what the cache keeps, with seals that fit, as someone would who knows the program; gives how often."""
    changed = 0
    for path in sorted((ledger.root / ".openchargeback/cache").glob("??/*")):
        blob = path.read_bytes()
        data = blob[32:].replace(was, now)
        if data != blob[32:]:
            changed += 1
            path.write_bytes(hashlib.sha256((path.parent.name + path.name).encode() + data).digest() + data)
    return changed


def january(root: Path) -> Repository:
    """January with two PIs, committed."""
    made = Repository(root)
    made.write("config.yaml", "organization: Test University\nsources: {aws: {credit_fund: C-1}}\n")
    rows = row("12.345") + row("1.005", "r2") + row("3.004", "r2") + row("7", "r3", pi="ben@example.edu")
    made.write("charges/2025-01/aws.csv", HEAD + rows)
    made.write(".gitignore", ".openchargeback/\nout*\npublic/\n")
    made.commit()
    return made
