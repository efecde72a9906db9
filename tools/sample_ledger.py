"""Closes the months of the sample ledger and of tests/ledgers again, from the charges and approvals there.

Run it after a change to what closing records or to how decisions are written. Every month keeps its dates, people and
revision; every decision keeps its verb, its reason, its author and the comment above it, and is written as
`focus-billing review` writes it now. Nothing is written unless every ledger succeeds.

The sample ledger is closed in its own Git repository, whose commits are the same each time, so that its record says who
approved its decisions and stays byte-identical.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NoReturn

from openchargeback.evidence.gathering import gather_evidence
from openchargeback.files.changes import change_files
from openchargeback.ledger.approval_text import Proposal, approval_text
from openchargeback.ledger.approvals import Decision, read_approvals
from openchargeback.ledger.files import POSTINGS
from openchargeback.ledger.periods import PeriodFile, read_period
from openchargeback.model import ITEM_KEYS, BilledPeriod, State
from openchargeback.problems import LedgerFault
from openchargeback.publish import closing
from openchargeback.publish.books import open_books

ROOT = Path(__file__).resolve().parent.parent
SAMPLE = ROOT / "ledger"
CASES = ROOT / "tests" / "ledgers"
WRITTEN = ("approvals", "periods")
PRIVATE = shutil.ignore_patterns(".openchargeback", "config.local.yaml")

AUTHOR = ("billing.admin", "billing.admin@example.edu")
# Neither an enclosing Git command nor personal settings may change a commit.
PLAIN_GIT = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")} | {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    **{f"GIT_{role}_NAME": AUTHOR[0] for role in ("AUTHOR", "COMMITTER")},
    **{f"GIT_{role}_EMAIL": AUTHOR[1] for role in ("AUTHOR", "COMMITTER")},
}


def main() -> None:
    """Close all of them in a scratch folder, then put the results in place."""
    cases = sorted(path.parent for path in CASES.glob("*/periods"))
    with tempfile.TemporaryDirectory() as scratch:
        renewed = [(root, Path(scratch) / str(number)) for number, root in enumerate((SAMPLE, *cases))]
        for root, copy in renewed:
            shutil.copytree(root, copy, ignore=PRIVATE)
            try:
                renew(copy, in_git=root == SAMPLE)
            except LedgerFault as fault:
                details = "".join(f"\n  {each.place}: {each.message}; {each.fix}" for each in fault.problems)
                stop(f"{root.relative_to(ROOT)}: {fault}{details}")
        for root, copy in renewed:
            for name in WRITTEN:
                put_in_place(copy / name, root / name)
            print(root.relative_to(ROOT))


def renew(root: Path, *, in_git: bool) -> None:
    """Close the closed months of a ledger again, earliest first, and finalize those that were finalized."""
    states = {path.stem: state_of(path) for path in sorted((root / "periods").glob("????-??.yaml"))}
    waiting = {period: read_files(root / "approvals" / period) for period in states}
    postings = read_files(root / POSTINGS)
    shutil.rmtree(root / "periods")
    shutil.rmtree(root / POSTINGS, ignore_errors=True)
    for period in states:
        shutil.rmtree(root / "approvals" / period, ignore_errors=True)
    if in_git:
        git(root, "init", "--quiet", "--initial-branch=main", "--template=")
    for period, state in states.items():
        if state.revision > 1 or state.closed is None:
            change_files(root, closing.state_file(root, period, PeriodFile(State.OPEN, state.revision)))
        put_back(root, period, waiting[period])
        if state.closed is None:
            continue
        if in_git:
            commit(root, f"Decide on charges of {period}", on=state.closed.on.isoformat())
        books = open_books(root)
        evidence = gather_evidence(books.ledger, periods=(period,))[0] if in_git else []
        closing.close(books, period, state.closed, evidence, dated=state.accounting_date, without=state.without)
    change_files(root, {f"{POSTINGS}/{name}": data for name, data in postings.items()})
    for period, state in states.items():
        if state.finalized is not None:
            closing.finalize(open_books(root).ledger, period, state.finalized)


def state_of(path: Path) -> PeriodFile:
    """The state in a period file, without its record and seal."""
    state, _ = read_period(path.read_bytes(), path.name)
    return state or stop(f"{path} cannot be read")


def put_back(root: Path, period: str, files: dict[str, bytes]) -> None:
    """Write the approval files of a month, with decisions on queue items in the current form."""
    if not files:
        return
    billed = open_books(root, wanted=period).period(period)
    for name, data in files.items():
        path = root / "approvals" / period / name
        decisions, problems = read_approvals(data, f"approvals/{period}/{name}")
        if problems or billed is None:
            stop("\n".join(f"{each.place}: {each.message}" for each in problems) or f"{period} has no charges")
        header = data.decode().split("decisions:")[0]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(header + approval_text([rewritten(each, billed) for each in decisions]), encoding="utf-8")


def rewritten(decision: Decision, billed: BilledPeriod) -> str:
    """The text of a decision; one on a queue item is for the item with the same keys, regardless of its flags now."""
    on = decision.on.isoformat() if decision.on else stop(f"{decision.place}: give the decision a date, `on`")
    proposal = Proposal(decision.verb, decision.set, decision.reason, decision.by, on, decision.period)
    if decision.item is None:
        return proposal.on_charges(decision.charges, decision.clears)
    keys = decision.item.keys | {"currency": decision.item.keys["currency"] or billed.currency}
    found = [
        item
        for item in billed.queue
        if all(getattr(item, key) == keys[key] for key in ITEM_KEYS) and set(decision.clears) <= set(item.flags)
    ]
    if len(found) != 1:
        stop(f"{decision.place}: expected one queue item with these keys and flags, found {len(found)}")
    return proposal.on_item(found[0], decision.clears)


def read_files(folder: Path) -> dict[str, bytes]:
    """The files of a folder by name; empty if it does not exist."""
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*"))}


def put_in_place(new: Path, old: Path) -> None:
    """Replace a folder of YAML and CSV files with its new version."""
    files = {path.relative_to(new): path.read_bytes() for path in sorted(new.rglob("*")) if path.is_file()}
    if old.is_dir():
        shutil.rmtree(old)
    for name, data in files.items():
        (old / name).parent.mkdir(parents=True, exist_ok=True)
        (old / name).write_bytes(data)


def commit(root: Path, message: str, *, on: str) -> None:
    """Commit everything; the commit is the same each time."""
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", message, on=on)


def git(root: Path, *arguments: str, on: str = "2024-11-01") -> None:
    """Run Git in a ledger."""
    date = f"{on}T09:00:00+00:00"
    environment = {**PLAIN_GIT, "GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date}
    command = ["git", "-C", str(root), "-c", f"core.excludesFile={os.devnull}", *arguments]
    subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, check=True)


def stop(message: str) -> NoReturn:
    """End with a message for the person at the terminal; nothing was written."""
    sys.exit(f"sample_ledger: {message}")


if __name__ == "__main__":
    main()
