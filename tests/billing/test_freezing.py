"""A month that was closed is shown from its record, whatever changes afterwards."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from closed_ledger import CONFIG, HEAD, LOGO, ON, PEOPLE, PERIOD, PROJECTS, close, month, problems, row
from small_ledger import items_with

from openchargeback.billing.freezing import drift
from openchargeback.ledger.approval_text import Proposal, approval_file
from openchargeback.ledger.approvals import Verb
from openchargeback.ledger.reading import Ledger, read_ledger
from openchargeback.ledger.settings import Payer
from openchargeback.model import BilledPeriod, ItemDetails, State, Statement
from openchargeback.problems import LedgerFault, has_errors
from openchargeback.publish import closing
from openchargeback.publish.books import Books, examine, open_books
from openchargeback.record.files import read_record
from openchargeback.record.lazy import LazySequence

SAMPLE = Path(__file__).parents[2] / "ledger"


def small(root: Path) -> Ledger:
    """The ledger as its small files tell it, whatever is wrong with it."""
    ledger, _ = read_ledger(root)
    assert ledger is not None
    return ledger


@pytest.fixture(scope="module")
def decided(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger with two statements, a held charge and a decided one, not yet closed."""
    root = tmp_path_factory.mktemp("decided")
    files = {
        "config.yaml": CONFIG,
        "logo.svg": LOGO,
        "directory/people.yaml": PEOPLE,
        "directory/projects.yaml": PROJECTS,
        f"charges/{PERIOD}/aws.csv": HEAD
        + row("1.005")
        + row("3.333", "b@x.edu", "q", "", resource="é")
        + row("2", fund="", resource="r3")
        + row("20", resource="r4"),
    }
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    (item,) = items_with(month(root), "above-list")
    proposal = Proposal(Verb.APPROVE, Payer(), "yes: 'fine' # really", "r@x.edu", "2025-02-03")
    path, data = approval_file(root, PERIOD, "ok", [proposal.on_item(item, item.uncleared)])
    path.parent.mkdir(parents=True)
    path.write_bytes(data)
    return root


def test_closing_reads_only_the_statements_that_the_record_shows(tmp_path: Path) -> None:
    """So that it takes no longer in a ledger of many years."""
    earlier = ["2024-01", "2024-02"]
    for each in (*earlier, PERIOD):
        folder = tmp_path / "charges" / each
        folder.mkdir(parents=True)
        (folder / "aws.csv").write_text(HEAD + row("1", month=each))
    (tmp_path / "config.yaml").write_text("organization: X\nsources: {aws: {credit_fund: C-1}}\n")
    for each in earlier:
        close(tmp_path, each)
    books, read = open_books(tmp_path), []

    def watched(billed: BilledPeriod) -> BilledPeriod:
        def statements() -> Sequence[Statement]:
            read.append(billed.period)
            return billed.statements

        return replace(billed, statements=LazySequence(statements))

    closing.close(Books(books.ledger, tuple(map(watched, books.periods)), ()), PERIOD, ON)
    assert set(read) & set(earlier) == {"2024-02"}


@pytest.fixture
def root(decided: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return shutil.copytree(decided, tmp_path, dirs_exist_ok=True)


@pytest.fixture(scope="module")
def recorded(decided: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same ledger, closed."""
    root = shutil.copytree(decided, tmp_path_factory.mktemp("recorded"), dirs_exist_ok=True)
    close(root)
    return root


@pytest.fixture
def closed(recorded: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return shutil.copytree(recorded, tmp_path, dirs_exist_ok=True)


def test_a_frozen_month_is_what_was_billed(root: Path) -> None:
    """Everything that pages, PDFs and journals show is the same before and after, but for the state."""
    before = month(root)
    close(root)
    after = month(root)
    assert (after.state, after.closed_on, after.closed_by) == (State.CLOSED, ON.on, ON.by)
    assert [s.issued for s in after.statements] == [ON.on] * 2
    assert not any(s.draft for s in after.statements)
    for name in ("sources", "files", "lines", "flags", "decisions", "corrections", "currency", "revision", "unusual"):
        assert getattr(after, name) == getattr(before, name), name
    assert [replace(item, details=ItemDetails()) for item in before.queue] == list(after.queue)
    # What is left to decide is shown with all that there is to see of it, from the record.
    assert after.undecided == before.undecided
    assert [(s.number, s.pi, s.project, s.lines, s.resources) for s in after.statements] == [
        (s.number, s.pi, s.project, s.lines, s.resources) for s in before.statements
    ]
    assert [[item.key for item in s.held] for s in after.statements] == [
        [item.key for item in s.held] for s in before.statements
    ]
    assert [(line.signed, line.fund, line.description) for line in after.journal.whole.lines] == [
        (line.signed, line.fund, line.description) for line in before.journal.whole.lines
    ]
    assert [replace(line, description="") for line in before.journal.lines] == list(after.journal.lines)
    assert [line.description for line in after.journal.whole.lines[:2]] == ["Amazon p", "Amazon p"]


def test_closing_again_writes_the_same_bytes(root: Path) -> None:
    """The record rests on nothing but the ledger and the closing date."""
    paths = close(root)
    first = {path: (root / path).read_bytes() for path in paths}
    assert sorted(path.rsplit("/")[-1] for path in paths) == [
        "2025-01.frozen.yaml", "2025-01.held.csv", "2025-01.lines.csv", "2025-01.logo.svg", "2025-01.resources.csv",
        "2025-01.statements.csv", "2025-01.yaml",
    ]  # fmt: skip
    shutil.rmtree(root / "periods")
    shutil.rmtree(root / ".openchargeback", ignore_errors=True)
    close(root)
    assert {path: (root / path).read_bytes() for path in paths} == first


LIVE_CHANGES = {
    "config.yaml": "organization: Y\nsources: {aws: {credit_fund: Z, cost: EffectiveCost}}\nreview: "
    "{patterns: {all: {match: {ServiceName: .}}}}\njournal: {account: '99'}\nstatements: {note: new, resources: 1}\n",
    "directory/people.yaml": "people: [{email: c@x.edu, name: Cem, aliases: [a@x.edu, b@x.edu]}]\n",
    "directory/projects.yaml": "projects: [{id: p, title: Other, pi: c@x.edu, fund: H-1, end: 2020-01-01}]\n",
    "logo.svg": LOGO.replace("4", "5"),
}


def test_live_changes_do_not_reach_a_closed_month(closed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings, review rules, people, projects, logo and the tool change; the month and its settings do not."""
    before, settings = month(closed), open_books(closed).ledger.settings(PERIOD)
    for name, text in LIVE_CHANGES.items():
        (closed / name).write_text(text, encoding="utf-8")
    monkeypatch.setattr("openchargeback.publish.bill_ledger.bill", None)
    books = open_books(closed)
    assert books.period(PERIOD) == before
    assert books.ledger.settings(PERIOD) == settings
    assert books.ledger.config.organization.name == "Y"
    assert {problem.code for problem in books.warnings} <= {"missing-label"}


def test_the_record_keeps_funds_and_further_pis_that_were_used(root: Path) -> None:
    """Flags that look at them come out the same from the record, and it says that there was a directory of funds."""
    (root / "directory/funds.yaml").write_text(
        "funds: [{id: G-1, status: inactive}, {id: G-2, until: 2024-12-31}, {id: F-9}]\n", encoding="utf-8"
    )
    (root / "directory/projects.yaml").write_text(
        PROJECTS.replace("fund: G-1", "fund: G-1, funds: G-2, pis: a@x.edu, award: A-7")
    )
    close(root)
    books = open_books(root)
    record = books.ledger.records[PERIOD].directory
    assert record.funds == {name: books.ledger.directory.funds[name] for name in ("G-1", "G-2")}
    assert record.projects == books.ledger.directory.projects
    assert drift(books.ledger, PERIOD) == []


def test_charges_of_a_closed_month_are_not_billed_but_compared(closed: Path) -> None:
    """A changed, an added and a removed file are each named, with both digests and the fix."""
    charges = closed / f"charges/{PERIOD}/aws.csv"
    charges.write_bytes(charges.read_bytes() + row("5").encode())
    (closed / f"approvals/{PERIOD}/ok.yaml").unlink()
    (closed / f"charges/{PERIOD}/gcp.csv").write_text("x", encoding="utf-8")
    found = {problem.path: problem for problem in problems(closed)}
    assert set(found) == {f"charges/{PERIOD}/aws.csv", f"charges/{PERIOD}/gcp.csv", f"approvals/{PERIOD}/ok.yaml"}
    assert {problem.code for problem in found.values()} == {"closed-period-changed"}
    message = found[f"charges/{PERIOD}/aws.csv"].message
    assert "was " in message
    assert ", is " in message
    assert all(f"periods open {PERIOD}" in problem.fix for problem in found.values())


@pytest.mark.parametrize("name", ["frozen.yaml", "lines.csv", "statements.csv", "resources.csv", "held.csv"])
def test_a_closed_month_without_its_record_is_an_error(closed: Path, name: str) -> None:
    """Whatever of it is gone, with the fix."""
    (closed / f"periods/{PERIOD}.{name}").unlink()
    found = [problem for problem in problems(closed) if problem.path.endswith(name)]
    assert has_errors(found)
    assert all(f"periods open {PERIOD}" in problem.fix for problem in found)


def test_an_altered_record_is_told_and_not_looked_at(closed: Path) -> None:
    """Whatever stands in it now: neither a traceback nor a word about faults of the program."""
    for name in ("frozen.yaml", "lines.csv"):
        path = closed / f"periods/{PERIOD}.{name}"
        whole = path.read_bytes()
        path.write_bytes(whole.replace(b"a@x.edu", b"c@x.edu"))
        assert [(each.code, each.path) for each in problems(closed)] == [
            ("closed-period-changed", f"periods/{PERIOD}.{name}")
        ]
        path.write_bytes(whole)
    assert problems(closed) == []


def test_a_period_file_vouches_for_its_record(closed: Path) -> None:
    """Whoever removes the digest could change the record unseen."""
    path = closed / f"periods/{PERIOD}.yaml"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(line for line in lines if not line.startswith("frozen:")), encoding="utf-8")
    assert [(each.code, each.path) for each in problems(closed)] == [("not-frozen", f"periods/{PERIOD}.yaml")]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("on: 2025-02-05", "on: 2031-12-31", "the closing date changed from 2025-02-05 to 2031-12-31"),
        ("state: closed", "state: closed\nrevision: 7", "the revision changed from 1 to 7"),
        (', by: "admin@x.edu"', "", "the person who closed it changed from admin@x.edu to no one"),
    ],
)
def test_posting_date_and_revision_of_a_closed_month_are_as_recorded(
    closed: Path, old: str, new: str, told: str
) -> None:
    """They stand on statements and journals, so whoever edits them in the period file is told."""
    path = closed / f"periods/{PERIOD}.yaml"
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    (found,) = problems(closed)
    assert (found.code, found.path) == ("closed-period-changed", f"periods/{PERIOD}.yaml")
    assert told in found.message
    assert f"periods open {PERIOD}" in found.fix


@pytest.mark.mostly_slow(but=2)
@pytest.mark.parametrize("left", range(5))
def test_a_crash_while_reopening_leaves_the_month_open(closed: Path, left: int) -> None:
    """The later revision in the period file says that it was reopened; opening again takes away what is left."""
    record = {path: path.read_bytes() for path in (closed / "periods").iterdir() if path.name != f"{PERIOD}.yaml"}
    paths = closing.reopen(small(closed), PERIOD)[1:]
    for path in paths[len(paths) - 1 - left :]:  # the document that vouches for the others goes first
        (closed / path).write_bytes(record[closed / path])
    whole = left == len(paths) - 1
    assert [(each.code, str(each.severity)) for each in problems(closed)] == [
        ("frozen-left-over", "warning" if whole else "error")
    ]
    closing.reopen(small(closed), PERIOD)
    assert problems(closed) == []
    assert (month(closed).state, month(closed).revision) == (State.OPEN, 2)


@pytest.mark.parametrize("with_charges", [True, False])
def test_a_closed_month_without_its_period_file_is_an_error(closed: Path, *, with_charges: bool) -> None:
    """Nothing is billed from what lies there now, not even where that is nothing; no number is used again."""
    (closed / f"periods/{PERIOD}.yaml").unlink()
    charges = closed / f"charges/{PERIOD}/aws.csv"
    if with_charges:
        charges.write_bytes(charges.read_bytes() + row("5").encode())
    else:
        shutil.rmtree(closed / f"approvals/{PERIOD}")
        charges.unlink()
    (told,) = problems(closed)
    assert (told.code, told.path, str(told.severity)) == ("frozen-left-over", f"periods/{PERIOD}.frozen.yaml", "error")
    assert f"restore periods/{PERIOD}.yaml from Git" in told.fix
    closing.reopen(small(closed), PERIOD)
    assert problems(closed) == []
    assert small(closed).period_file(PERIOD).revision == 2


def test_a_period_file_of_an_earlier_revision_opens_nothing(closed: Path) -> None:
    """Such as the one from before the closing, brought back from Git."""
    closing.reopen(small(closed), PERIOD)
    before = (closed / f"periods/{PERIOD}.yaml").read_bytes()
    close(closed)
    (closed / f"periods/{PERIOD}.yaml").write_bytes(before)
    (told,) = problems(closed)
    assert (told.code, str(told.severity)) == ("frozen-left-over", "error")
    closing.reopen(small(closed), PERIOD)
    assert month(closed).revision == 3


def test_reopening_takes_the_record_away_and_counts(closed: Path) -> None:
    """Revision 2 has numbers of its own; closing it again freezes again."""
    numbers = [statement.number for statement in month(closed).statements]
    closing.reopen(open_books(closed).ledger, PERIOD)
    assert sorted(path.name for path in (closed / "periods").iterdir()) == ["2025-01.yaml"]
    assert (month(closed).state, month(closed).revision) == (State.OPEN, 2)
    close(closed)
    assert [statement.number for statement in month(closed).statements] == [f"{number}-r2" for number in numbers]


def test_faults_of_a_record_have_line_and_column(closed: Path) -> None:
    """The tables are read strictly."""
    path = closed / f"periods/{PERIOD}.lines.csv"
    lines = path.read_bytes().decode().split("\n")
    lines[1] = lines[1].replace(",own,", ",mine,")
    lines[2] = lines[2] + ",1"
    path.write_bytes("\n".join(lines).encode())
    record, _ = read_record(closed, PERIOD, small(closed).period_file(PERIOD))
    assert record is not None
    with pytest.raises(LedgerFault) as refused:
        len(record.lines)
    found = [(each.code, each.line, each.column) for each in refused.value.problems]
    assert found == [("frozen-fault", 2, lines[1].index("mine,") + 1), ("frozen-fault", 3, 1)]


def test_the_record_of_another_month_is_no_record(closed: Path) -> None:
    """January's files under February's names are not billed twice, whether or not January was read just before."""
    for path in list((closed / "periods").iterdir()):
        shutil.copy(path, path.with_name(path.name.replace(PERIOD, "2025-02")))
    for _ in ("read for the first time", "read again"):
        told = [(each.code, each.path, each.message) for each in problems(closed)]
        assert told == [
            ("wrong-value", "periods/2025-02.yaml", "the accounting date 2025-01-31 is before the start of 2025-02"),
            ("frozen-fault", "periods/2025-02.frozen.yaml", f"this is the closing record of {PERIOD}"),
        ]
        assert [each.period for each in examine(closed)[1]] == [PERIOD]
    with pytest.raises(LedgerFault, match="2 errors in the ledger"):
        open_books(closed)


def test_drift_is_silent_until_the_tool_computes_otherwise(closed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same program finds nothing, also after live changes; another rule of rounding is told with both sums."""
    for name, text in LIVE_CHANGES.items():
        (closed / name).write_text(text, encoding="utf-8")
    books = open_books(closed)
    assert drift(books.ledger, PERIOD) == []
    monkeypatch.setattr("openchargeback.review.decisions.fund_fits", lambda _fund, _config: True)
    monkeypatch.setattr("openchargeback.billing.lines._scale", lambda _currency: 10)
    (told,) = [problem for problem in drift(books.ledger, PERIOD) if problem.code == "tool-drift"]
    assert "billing lines" in told.message
    assert str(told.severity) == "warning"


def test_acknowledged_drift_is_silent_until_something_else_would_come_out(
    closed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The digest that the warning gives binds to what was seen; notes change nothing of the record or its seal."""
    monkeypatch.setattr("openchargeback.billing.lines._scale", lambda _currency: 10)
    (told,) = drift(open_books(closed).ledger, PERIOD)
    digest = told.fix.split("digest: ")[1][:16]
    (closed / f"periods/{PERIOD}.notes.yaml").write_text(
        f"drift:\n  - {{digest: {digest}, reason: seen, by: admin@x.edu, on: 2025-03-01}}\n", encoding="utf-8"
    )
    assert problems(closed) == []
    assert drift(open_books(closed).ledger, PERIOD) == []
    monkeypatch.setattr("openchargeback.billing.lines._scale", lambda _currency: 1)
    assert [each.code for each in drift(open_books(closed).ledger, PERIOD)] == ["tool-drift"]


def test_faults_in_notes_have_their_place(closed: Path) -> None:
    """An unknown key, and a digest that is too short to bind to anything."""
    (closed / f"periods/{PERIOD}.notes.yaml").write_text(
        "drift:\n  - {digest: 12ab, by: a, why: b}\n", encoding="utf-8"
    )
    found = {(each.path, each.line, each.code) for each in problems(closed)}
    path = f"periods/{PERIOD}.notes.yaml"
    assert found == {(path, 2, "wrong-type"), (path, 2, "unknown-key"), (path, 2, "missing-key")}


def test_another_currency_than_that_of_closed_months_is_an_error(closed: Path) -> None:
    """Totals over months would add up dollars and euros."""
    path = closed / "config.yaml"
    path.write_text(path.read_text(encoding="utf-8") + "currency: EUR\n", encoding="utf-8")
    assert [problem.code for problem in problems(closed)] == ["currency-changed"]


@pytest.mark.parametrize("period", ["2024-11", "2024-12"])
def test_the_sample_ledger_has_not_drifted(tmp_path: Path, period: str) -> None:
    """Whoever changes a rule that moves money of closed months sees it here."""
    shutil.copytree(SAMPLE, tmp_path / "ledger", ignore=shutil.ignore_patterns(".openchargeback"))
    assert drift(open_books(tmp_path / "ledger").ledger, period) == []


def test_a_held_correction_is_recorded_with_the_charge_that_it_refers_to(tmp_path: Path) -> None:
    """So that whoever decides on the one late decides on both."""
    head = HEAD.strip() + ",ChargeClass,oci_ReferenceNumber,oci_BackReferenceNumber\n"
    rows = [
        row("5", fund="", resource="charge")[:-1] + ",,1,\n",
        row("-2", fund="", resource="correction")[:-1] + ",Correction,2,1\n",
        row("3", fund="", resource="alone")[:-1] + ",,3,\n",
    ]
    (tmp_path / f"charges/{PERIOD}").mkdir(parents=True)
    (tmp_path / f"charges/{PERIOD}/aws.csv").write_text(head + "".join(rows), encoding="utf-8")
    (tmp_path / "config.yaml").write_text("organization: X\nsources: {aws: {credit_fund: C-1}}\n", encoding="utf-8")
    close(tmp_path)
    with (tmp_path / f"periods/{PERIOD}.held.csv").open(encoding="utf-8", newline="") as file:
        held = {line["resource_id"]: line for line in csv.DictReader(file)}
    assert {name: line["follows"] for name, line in held.items()} == {
        "charge": "",
        "correction": held["charge"]["charge"],
        "alone": "",
    }
