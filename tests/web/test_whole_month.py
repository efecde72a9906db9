"""A month without a terminal or an account on a Git host: from the import to the answer of the accounting system."""

from __future__ import annotations

import re
import shutil
import time
from pathlib import Path

import office
import proposing
import pytest
from office import Browser, Office

from repository import HEAD, row

MONTH = "/web/months/2025-01"
ANSWERS = "{document: Document, line: Line, status: Status, accepted: [ok], suspense: [wait], rejected: [no]}"


def proposed(browser: Browser, step: str, **form: str) -> str:
    """Take a step of the month up to its proposal; the branch."""
    draft = browser.post(f"{MONTH}/{step}", **form).location
    assert "Commit puts this on a new branch" in browser.follow(draft).words
    return browser.post(f"{draft}/commit").location.removeprefix("/web/proposals/")


def approve(served: Office, branch: str) -> None:
    """Approve and merge a proposal as Rita."""
    got = proposing.approve(served.browser("rita"), branch)
    assert (got.status, got.location) == (303, f"/web/proposals/{branch}"), got.words


def imported(browser: Browser, name: str, text: str) -> str:
    """Import a file up to its proposal; the branch."""
    checked = browser.follow(browser.upload("/web/import", {name: text.encode()}).location)
    return proposing.commit(browser, checked)


def until(browser: Browser, path: str, words: str) -> None:
    """Wait until a page says so: the server looks at the repository twice a second."""
    for _ in range(100):
        got = browser.follow(path)
        if words in got.words:
            return
        time.sleep(0.05)
    raise AssertionError(got.words)


@pytest.mark.slow
def test_a_month_from_closing_to_the_answer_of_the_accounting_system(tmp_path: Path) -> None:
    ledger = office.ledger(tmp_path / "ledger")
    web = "web: {approve: second-person}\n"
    settings = f"{web}sources: {{aws: {{credit_fund: C-1}}}}\njournal: {{formats: [gl], answers: {ANSWERS}}}\n"
    ledger.write("config.yaml", f"organization: Test University\n{settings}")
    shutil.rmtree(ledger.root / "charges")
    ledger.commit(message="Begin")
    with office.served(ledger.root) as served:
        rows = row("12.345") + row("7", "r3", pi="ben@example.edu") + row("31", "r4", pi="ben@example.edu")
        approve(served, imported(served.browser("admin"), "aws_2025-01.csv", HEAD + rows))

        (held,) = proposing.queue(ledger)
        # The review page writes this file (test_deciding_in_a_browser.py); the command line writes the same.
        path, text = proposing.decision(ledger, held["item"], "rob@example.edu", verb="reject", reason="a test job")
        rob = served.browser("rob")
        approve(served, proposing.commit(rob, proposing.propose(rob, path, text)))

        finn = served.browser("finn")
        until(finn, MONTH, "Nothing stands in the way")
        approve(served, proposed(finn, "close", accounting_date="2025-01-31"))

        until(finn, MONTH, "Closed on")
        journal = finn.get(f"{MONTH}/journal/gl.csv").text
        number = re.search(r"OCB-[\w-]+", journal)
        assert number
        assert "12.35" in journal
        assert '"status": "final"' in finn.get(f"{MONTH}/journal/control-totals.json").text

        lines = "".join(f"{number[0]},{line},ok\n" for line in range(1, 5))
        answer = f"Document,Line,Status\n{lines}".encode()
        draft = finn.upload("/web/postings", {"answer.csv": answer}, "file", period="2025-01").location
        assert "all lines accepted" in finn.follow(draft).words
        approve(served, finn.post(f"{draft}/commit").location.removeprefix("/web/proposals/"))

        until(finn, MONTH, "4 posted")
        approve(served, proposed(finn, "finalize"))
        until(finn, MONTH, "Final since")
    assert ledger.run("validate").returncode == 0
    assert ledger.git("status", "--porcelain") == ""
    assert ledger.git("fsck", "--no-dangling") == ""
    assert "seal:" in (ledger.root / "periods/2025-01.yaml").read_text()
    subjects = ledger.git("log", "--no-merges", "--format=%ae %s", "-5").splitlines()
    assert subjects == [
        "finn@example.edu Finalize 2025-01",
        "finn@example.edu Record the posting of 2025-01",
        "finn@example.edu Close 2025-01",
        "rob@example.edu Reject 1 item of January 2025",
        "admin@example.edu Import aws charges for January 2025",
    ]
    merges = ledger.git("log", "--merges", "--format=%ae %(trailers:key=Approved-by,valueonly)", "main").split("\n")
    assert [each for each in merges if each] == ["rita@example.edu Rita Reviewer <rita@example.edu>"] * 5
