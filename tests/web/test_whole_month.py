"""A month without a terminal or an account on a Git host, as far as its pages exist: from closing to the answer."""

from __future__ import annotations

import re
import time
from pathlib import Path

import office
from office import Browser, Office

from repository import HEAD, Repository, row

MONTH = "/web/months/2025-01"
ANSWERS = "{document: Document, line: Line, status: Status, accepted: [ok], suspense: [wait], rejected: [no]}"


def proposed(browser: Browser, step: str, **form: str) -> str:
    """Take a step of the month up to its proposal; the branch."""
    draft = browser.post(f"{MONTH}/{step}", **form).location
    assert "Commit puts this on a new branch" in browser.follow(draft).words
    return browser.post(f"{draft}/commit").location.removeprefix("/web/proposals/")


def import_and_review(ledger: Repository) -> None:
    """Import January and settle what is held. Uploads and decisions are tested with their own pages."""
    ledger.write("charges/2025-01/aws.csv", HEAD + row("12.345") + row("7", "r3", pi="ben@example.edu"))
    ledger.commit(message="Import January")


def approve(served: Office, ledger: Repository, branch: str) -> None:
    """Approve a proposal. The page for that is tested on its own."""
    until(served.browser("rita"), f"/web/proposals/{branch}", branch)
    ledger.git("merge", "-q", "--no-ff", "-m", f"Merge {branch}", branch, who="rita")


def until(browser: Browser, path: str, words: str) -> None:
    """Wait until a page says so: the server looks at the repository twice a second."""
    for _ in range(100):
        got = browser.follow(path)
        if words in got.words:
            return
        time.sleep(0.05)
    raise AssertionError(got.words)


def test_a_month_from_closing_to_the_answer_of_the_accounting_system(tmp_path: Path) -> None:
    ledger = office.ledger(tmp_path / "ledger")
    settings = f"sources: {{aws: {{credit_fund: C-1}}}}\njournal: {{formats: [gl], answers: {ANSWERS}}}\n"
    ledger.write("config.yaml", f"organization: Test University\n{settings}")
    import_and_review(ledger)
    with office.served(ledger.root) as served:
        finn = served.browser("finn")
        until(finn, MONTH, "Nothing stands in the way")
        approve(served, ledger, proposed(finn, "close", accounting_date="2025-01-31"))

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
        approve(served, ledger, finn.post(f"{draft}/commit").location.removeprefix("/web/proposals/"))

        until(finn, MONTH, "4 posted")
        approve(served, ledger, proposed(finn, "finalize"))
        until(finn, MONTH, "Final since")
    assert ledger.run("validate").returncode == 0
    assert ledger.git("status", "--porcelain") == ""
    assert ledger.git("fsck", "--no-dangling") == ""
    assert "seal:" in (ledger.root / "periods/2025-01.yaml").read_text()
    subjects = ledger.git("log", "--no-merges", "--format=%ae %s", "-3").splitlines()
    assert subjects == [
        "finn@example.edu Finalize 2025-01",
        "finn@example.edu Record the posting of 2025-01",
        "finn@example.edu Close 2025-01",
    ]
