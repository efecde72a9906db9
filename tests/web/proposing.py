"""A ledger whose changes a second person approves, with a held charge, and perhaps with a bare remote."""

from __future__ import annotations

import html
import json
import re
import subprocess
import time
from pathlib import Path

import office
from office import Answer, Browser, Office

from repository import HEAD, Repository, row

ITEMS = 2
"""How many items its queue has: two PIs with a charge above list price each."""


def ledger(root: Path, *, approve: str = "second-person", remote: bool = False) -> Repository:
    """The ledger, committed on `main`, and pushed if there is a remote."""
    made = office.ledger(root)
    config = "organization: Test University\nsources: {aws: {credit_fund: C-1}}\n"
    made.write("config.yaml", f"{config}web: {{approve: {approve}}}\n")
    rows = row("12.345") + row("1.005", "r2") + row("31", "r3") + row("42", "r4", pi="ben@example.edu")
    made.write("charges/2025-01/aws.csv", HEAD + rows)
    made.commit(message="January")
    if remote:
        bare = root.parent / "origin.git"
        subprocess.run(["git", "init", "-q", "--bare", "-b", "main", bare], check=True)
        made.git("remote", "add", "origin", str(bare))
        made.git("push", "-q", "origin", "main")
        made.git("fetch", "-q")
    return made


def queue(made: Repository) -> list[dict[str, str]]:
    """The items of the queue as the command line lists them, the largest first."""
    found = json.loads(made.run("review", "list", "--json").stdout)["items"]
    return list(found)


def decision(made: Repository, item: str, by: str, *, verb: str = "approve", reason: str = "agreed") -> tuple[str, str]:
    """The path and the text of the file that the command line writes for an item, which it does not keep."""
    made.run(
        "review", verb, "--period", "2025-01", "--item", item, *(("--all-flags",) if verb == "approve" else ()),
        "--reason", reason, "--by", by, "--on", "2025-02-03", "--name", item,
    )  # fmt: skip
    path = made.root / f"approvals/2025-01/{item}.yaml"
    text = path.read_text("utf-8")
    path.unlink()
    return f"approvals/2025-01/{item}.yaml", text


def propose(browser: Browser, path: str, text: str) -> Answer:
    """Send the review form's file, and wait for the page of the draft."""
    got = browser.upload("/web/decisions", {}, path=path, text=text)
    assert got.status == 303, got.words
    return browser.follow(got.location)


def commit(browser: Browser, draft: Answer) -> str:
    """Press Commit on the page of a draft; returns the name of the branch."""
    found = re.search(r'action="(?:[^"]*/)?([0-9a-f]+)/commit"', draft.text)
    assert found, draft.words
    got = browser.post(f"/web/drafts/{found[1]}/commit")
    assert got.status == 303, got.words
    return got.location.removeprefix("/web/proposals/")


def fields(got: Answer) -> dict[str, str]:
    """The hidden fields of a page's forms."""
    found = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', got.text)
    return {name: html.unescape(value) for name, value in found}


def approve(browser: Browser, branch: str) -> Answer:
    """Read the page of a branch and approve it."""
    return browser.post("/web/approve", **fields(browser.follow(f"/web/proposals/{branch}")))


def branch_by(made: Repository, who: str, name: str = "topic", file: str = "notes.txt", text: str = "x\n") -> str:
    """A branch that someone made with Git: one file of the ledger; returns its commit. `main` stays checked out."""
    made.git("switch", "-qc", name)
    made.write(file, text)
    made.git("add", "-f", file)
    made.git("commit", "-q", "-m", f"Change {file}", who=who)
    commit = made.git("rev-parse", "HEAD")
    made.git("switch", "-q", "main")
    return commit


def is_whole(made: Repository) -> bool:
    """Whether Git finds the repository and its work tree whole."""
    made.git("fsck", "--strict")
    return made.git("status", "--porcelain") == ""


def wait_for(office_: Office, text: str, browser: Browser, path: str) -> Answer:
    """The page once it says so: what the server sees in the background."""
    until = time.monotonic() + 30
    while text not in (got := browser.get(path)).text:
        assert time.monotonic() < until, f"{path} of {office_.root} never says {text}: {got.words}"
        time.sleep(0.05)
    return got
