"""Answers of the accounting system: read as postings, compared with the journal, refused whole if anything is off."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
from journal_ledger import ANSWER, CONFIG, charges, close, put, run


def recorded(root: Path, month: str = "2025-01") -> Path:
    return root / f"postings/{month}.yaml"


def shown(root: Path, month: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run(root, "periods", "show", month, "--json").stdout)
    return found["journal"]


def test_an_answer_is_recorded_and_its_rejected_lines_are_journaled_again(ledger: Path) -> None:
    """Once, in the open month, with the line each balances, naming the document; nothing is billed again."""
    answer = put(ledger.parent, "answer.csv", ANSWER)
    before = shown(ledger, "2025-03")
    done = run(ledger, "journal", "posted", answer, "--by", "finance@example.edu")
    assert done.stdout.startswith(
        "postings/2025-01.yaml\n"
        "document OCB-2025-01 of 2025-01, posted on 2025-02-11: 1 line in suspense; 2 lines rejected, "
        "journaled again in 2025-03\n"
    )
    january, march = shown(ledger, "2025-01"), shown(ledger, "2025-03")
    assert {each["status"]: (each["lines"], each["net"]) for each in january["posted"]} == {
        "posted": (3, "90.00"),
        "suspense": (1, "7.25"),
        "rejected": (2, "1212.50"),
        "not_posted": (0, "0.00"),
    }
    assert (march["net"], march["again"], march["lines"]) == ("2522.25", "1212.50", before["lines"] + 2)
    statements = json.loads(run(ledger, "periods", "show", "2025-03", "--json").stdout)["statements"]
    assert sum(float(each["billed"]) for each in statements) == float(before["net"]) == 1309.75
    detail = run(ledger, "journal", "--period", "2025-03").stdout.splitlines()
    again = [line for line in detail if "Repost OCB-2025-01 line 3: Cluster 2025-01 genomics" in line]
    assert len(again) == 2
    run(ledger, "validate")


def test_what_was_journaled_again_stays_so_when_the_month_is_closed(ledger: Path) -> None:
    """Recorded with the closing; a later month does not repeat it, and the posting can no longer be taken back."""
    run(ledger, "journal", "posted", put(ledger.parent, "answer.csv", ANSWER), "--by", "f")
    close(ledger, "2025-03")
    put(ledger, "charges/2025-04/hpc.csv", charges("2025-04"))
    assert shown(ledger, "2025-03")["again"] == "1212.50"
    assert shown(ledger, "2025-04")["again"] == "0.00"
    all_accepted = ANSWER.replace("ERROR", "POSTED").replace("SUSP", "POSTED")
    later = put(ledger.parent, "later.csv", all_accepted)
    done = run(ledger, "journal", "posted", later, "--by", "f", "--replace", code=1)
    assert "the journal of 2025-03 repeats line 3 of document OCB-2025-01" in done.stderr
    run(ledger, "validate")
    # The lines that March repeats have a document of their own, and may be rejected again.
    rejected = "Doc,Seq,Status,Fund,Debit,Credit,Message,Posted\n" + "".join(
        f"OCB-2025-03,{number},{'ERROR' if number > 6 else 'OK'},,,,again,04/10/2025\n" for number in range(1, 9)
    )
    run(ledger, "journal", "posted", put(ledger.parent, "march.csv", rejected), "--by", "f")
    assert shown(ledger, "2025-04")["again"] == "1212.50"
    text = run(ledger, "journal", "--period", "2025-04").stdout
    assert text.count("Repost OCB-2025-03 line 7: Cluster 2025-01 genomics") == 2


def test_suspense_may_be_cleared_by_a_later_answer(ledger: Path) -> None:
    first = put(ledger.parent, "answer.csv", ANSWER.replace("ERROR", "SUSP"))
    run(ledger, "journal", "posted", first, "--by", "f")
    assert shown(ledger, "2025-03")["again"] == "0.00"
    run(ledger, "journal", "posted", put(ledger.parent, "later.csv", ANSWER), "--by", "f", "--replace")
    assert shown(ledger, "2025-03")["again"] == "1212.50"


def test_a_few_lines_of_yaml_do_as_well(ledger: Path) -> None:
    """Format, digest, amounts and the month that repeats the line are filled in."""
    text = """postings:
  - document: OCB-2025-01
    on: 2025-02-10
    reference: "0000123"
    lines: [{line: 3, status: rejected, reason: shut, new_fund: F-2}]
"""
    run(ledger, "journal", "posted", put(ledger.parent, "answer.yaml", text), "--by", "f@example.edu")
    assert (
        recorded(ledger).read_text("utf-8").split("\n", 1)[1]
        == f"""postings:
  - document: OCB-2025-01
    format: gl
    sha256: "{digest_of_gl(ledger)}"
    on: 2025-02-10
    by: f@example.edu
    reference: "0000123"
    lines:
      - {{line: 3, status: rejected, fund: BIO-1, debit: "1212.50", reason: shut, again: "2025-03", new_fund: F-2}}
"""
    )
    assert [line.split(",")[11] for line in run(ledger, "journal", "--period", "2025-03").stdout.splitlines()][-2:] == [
        *("F-2", "RC-900"),
    ]


def test_a_new_fund_must_be_one_that_can_be_charged(ledger: Path) -> None:
    put(ledger, "config.yaml", CONFIG + "review: {fund_patterns: ['[A-Z]+-[0-9]+']}\n")
    text = """postings:
  - document: OCB-2025-01
    on: 2025-02-10
    lines: [{line: 3, status: rejected, reason: shut, new_fund: somewhere}]
"""
    done = run(ledger, "journal", "posted", put(ledger.parent, "a.yaml", text), "--by", "f", code=1)
    what = "line 3 of document OCB-2025-01 names a new fund, but the fund somewhere matches no configured pattern"
    assert what in " ".join(done.stderr.split())
    assert not recorded(ledger).exists()


def digest_of_gl(root: Path) -> str:
    record = (root / "periods/2025-01.frozen.yaml").read_text("utf-8")
    return record.split("{gl.csv: ")[1][1:65]


def test_a_line_can_be_journaled_again_in_a_month_that_is_named(ledger: Path) -> None:
    answer = put(ledger.parent, "answer.csv", ANSWER)
    run(ledger, "journal", "posted", answer, "--by", "f", "--again", "2025-05")
    assert shown(ledger, "2025-03")["again"] == "0.00"
    put(ledger, "charges/2025-05/hpc.csv", charges("2025-05"))
    assert shown(ledger, "2025-05")["again"] == "1212.50"


def test_a_dry_run_writes_nothing(ledger: Path) -> None:
    answer = put(ledger.parent, "answer.csv", ANSWER)
    done = run(ledger, "journal", "posted", answer, "--by", "f", "--dry-run")
    assert "document: OCB-2025-01" in done.stdout
    assert not recorded(ledger).exists()


REFUSED: list[tuple[str, str, str, tuple[str, ...]]] = [
    # what is changed in the answer, the message, the place, options
    ("OCB-2025-01|OCB-2024-11", "document OCB-2024-11 is not one of this ledger", "answer.csv:2", ()),
    ("|", "the file answers the journal of 2025-01, not of 2025-02", "answer.csv", ("--period", "2025-02")),
    ("OCB-2025-01,6|OCB-2025-02,6", "the journals of several months: 2025-01, 2025-02", "answer.csv", ()),
    ("01,6,POSTED|01,7,POSTED", "document OCB-2025-01 has 6 lines, not 7", "answer.csv:7", ()),
    ("90.00,,,02|90.01,,,02", "is a debit of 90.00 in the journal, not a debit of 90.01", "answer.csv:2", ()),
    ("POSTED,BIO-1|POSTED,BIO-9", "has the fund BIO-1 in the journal, not BIO-9", "answer.csv:2", ()),
    ("01,6,|01,5,", "line 5 of document OCB-2025-01 is listed twice, first on line 6", "answer.csv:7", ()),
    ("4,ERROR|4,POSTED", "line 3 of document OCB-2025-01 was rejected, but not line 4", "answer.csv:4", ()),
    ("5,SUSP|5,HELD", "Status has an unknown word: HELD", "answer.csv:6", ()),
    ("01,5,|01,five,", "Seq is not a line number: five", "answer.csv:6", ()),
    ("7.25,,Unk|7.2.5,,Unk", "Debit is not an amount: 7.2.5", "answer.csv:6", ()),
    ("02/11/2025|2025-02-11", "Posted is not a date as %m/%d/%Y: 2025-02-11", "answer.csv:6", ()),
    (",Message,|,Text,", "the file has no column Message", "answer.csv:1", ()),
    (
        "OCB-2025-01,6,POSTED,RC-900,,7.25,,02/10/2025\n|",
        "does not list every line of document OCB-2025-01: 6",
        "answer.csv",
        (),
    ),
    ("Unknown org,02|Unknown org,x,02", "9 cells, but there are 8 columns", "answer.csv:6", ()),
    ('"1,212.50",,Fund|"1,212.50,,Fund', "not readable as CSV", "answer.csv:4", ()),
    (ANSWER.split("\n", 1)[1] + "|", "the file has no lines", "answer.csv", ()),
    ("|", "cannot be journaled again in 2025-01, which is not after 2025-01", "answer.csv:4", ("--again", "2025-01")),
    ("|", "is not journaled again in 2025-02, which is closed", "answer.csv:4", ("--again", "2025-02")),
]


@pytest.mark.parametrize(("changed", "message", "place", "options"), REFUSED)
def test_an_answer_that_cannot_be_used_is_refused_as_a_whole(
    ledger: Path, changed: str, message: str, place: str, options: tuple[str, ...]
) -> None:
    """With its place; nothing is written."""
    old, new = changed.split("|")
    assert old in ANSWER
    answer = put(ledger.parent, "answer.csv", ANSWER.replace(old, new, 1) if old else ANSWER)
    done = run(ledger, "journal", "posted", answer, "--by", "f", *options, code=1)
    assert any(f"[{code}]" in done.stderr for code in ("answer-file", "posting-mismatch", "posting-again"))
    assert message in " ".join(done.stderr.split())
    assert f"{place}\n" in done.stderr
    assert not recorded(ledger).exists()


def test_every_fault_of_an_answer_is_told_at_once(ledger: Path) -> None:
    text = ANSWER.replace("90.00,,,", "90.0x,,,").replace("SUSP", "HELD").replace("01,6,", "01,0,")
    done = run(ledger, "journal", "posted", put(ledger.parent, "a.csv", text), "--by", "f", code=1)
    assert "3 errors in 1 file" in done.stderr


def test_an_answer_that_is_given_twice_is_told(ledger: Path) -> None:
    answer = put(ledger.parent, "answer.csv", ANSWER)
    run(ledger, "journal", "posted", answer, "--by", "f")
    before = recorded(ledger).read_bytes()
    done = run(ledger, "journal", "posted", answer, "--by", "f", code=1)
    assert "document OCB-2025-01 is already recorded, as posted on 2025-02-11" in done.stderr
    assert recorded(ledger).read_bytes() == before
    run(ledger, "journal", "posted", answer, "--by", "f", "--replace")
    assert recorded(ledger).read_bytes() == before


def test_an_answer_of_another_encoding_is_told(ledger: Path) -> None:
    answer = ledger.parent / "answer.csv"
    answer.write_bytes(ANSWER.replace("Unknown org", "Unknown \u00fcnit").encode("latin-1"))
    done = run(ledger, "journal", "posted", answer, "--by", "f", code=1)
    assert "answer.csv:6\n" in done.stderr
    assert "not UTF-8 text" in done.stderr


def test_exceptions_alone_may_be_listed_if_the_settings_say_so(ledger: Path) -> None:
    put(ledger, "config.yaml", CONFIG + "    unlisted: accepted\n")
    lines = [line for line in ANSWER.splitlines() if "POSTED" not in line and ",ok," not in line]
    run(ledger, "journal", "posted", put(ledger.parent, "a.csv", "\n".join(lines) + "\n"), "--by", "f")
    posted = {each["status"]: each["lines"] for each in shown(ledger, "2025-01")["posted"]}
    assert posted == {"posted": 3, "suspense": 1, "rejected": 2, "not_posted": 0}


def test_without_settings_a_table_cannot_be_read(ledger: Path) -> None:
    put(ledger, "config.yaml", CONFIG.split("  answers:", maxsplit=1)[0])
    done = run(ledger, "journal", "posted", put(ledger.parent, "a.csv", ANSWER), "--by", "f", code=1)
    assert "`journal.answers` does not say which columns have document, line and status" in done.stderr


def test_a_posted_month_is_not_reopened(ledger: Path) -> None:
    """Its next revision would be posted as well, under another number."""
    run(ledger, "journal", "posted", put(ledger.parent, "answer.csv", ANSWER), "--by", "f")
    done = run(ledger, "periods", "open", "2025-01", code=2)
    assert "its journal was posted (postings/2025-01.yaml), and would be posted twice" in done.stderr
    recorded(ledger).unlink()
    run(ledger, "periods", "open", "2025-01")


def test_a_draft_cannot_have_been_posted(ledger: Path) -> None:
    put(ledger, "postings/2025-03.yaml", "postings: [{document: X, on: 2025-04-01}]\n")
    done = run(ledger, "validate", code=1)
    assert "2025-03 is open, so its journal is a draft that cannot have been posted" in " ".join(done.stdout.split())


def test_the_date_of_today_is_taken_if_there_is_no_other(ledger: Path) -> None:
    put(ledger, "config.yaml", CONFIG.replace("    date: Posted\n", ""))
    run(ledger, "journal", "posted", put(ledger.parent, "a.csv", ANSWER), "--by", "f", "--on", "2025-02-12")
    assert "    on: 2025-02-12\n" in recorded(ledger).read_text("utf-8")
    run(ledger, "journal", "posted", put(ledger.parent, "a.csv", ANSWER), "--by", "f", "--replace")
    assert f"    on: {dt.datetime.now(dt.UTC).date()}\n" in recorded(ledger).read_text("utf-8")
