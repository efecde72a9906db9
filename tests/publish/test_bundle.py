"""`bundle`: a month for finance as one folder and one zip, whole or not at all."""

from __future__ import annotations

import datetime as dt
import errno
import json
import os
import pathlib
import re
import shutil
import zipfile
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from openchargeback.ledger import table
from openchargeback.ledger.periods import Event
from openchargeback.problems import LedgerFault, OutsideFault, UsageFault
from openchargeback.publish import closing
from openchargeback.publish.books import open_books
from openchargeback.publish.build import build, write_statements
from openchargeback.publish.bundle import Bundle, changed_months, write_bundle
from openchargeback.publish.gathering import gather_ledger
from openchargeback.publish.manifest import intact, read_manifest
from repository import HEAD, Repository, january, poison, row

FOLDER = "2025-01-for-finance"
ON = Event(dt.date(2025, 2, 5), "admin@example.edu")


@pytest.fixture(scope="module")
def cached(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """January with two PIs, whose PDFs are in the cache."""
    made = january(tmp_path_factory.mktemp("bundle") / "ledger")
    write_bundle(open_books(made.root), "2025-01", made.root.parent / "first")
    return made


@pytest.fixture
def ledger(cached: Repository, tmp_path: Path) -> Repository:
    """The same, for one test to change."""
    shutil.copytree(cached.root, tmp_path / "ledger", symlinks=True)
    copy = object.__new__(Repository)
    copy.root = tmp_path / "ledger"
    return copy


def bundled(ledger: Repository, output: str = "finance", *, zipped: bool = False) -> Bundle:
    return write_bundle(open_books(ledger.root), "2025-01", ledger.root.parent / output, zipped=zipped)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def lying(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


class Links(HTMLParser):
    """Everything in a page that names a resource."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.tags: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.found += [value or "" for name, value in attrs if name in ("href", "src", "action", "srcset", "data")]


def close(ledger: Repository, *, final: bool = False) -> None:
    closing.close(open_books(ledger.root), "2025-01", ON)
    if final:
        gathered, _ = gather_ledger(ledger.root)
        assert gathered is not None
        closing.finalize(gathered, "2025-01", ON)


def test_a_folder_has_all_that_finance_needs_and_its_files_say_what_they_are(ledger: Repository) -> None:
    made = bundled(ledger)
    assert made.folder.name == FOLDER
    found = contents(made.folder)
    numbers = sorted(each.number for each in made.period.statements)
    pdfs = [f"statements/2025-01_p1_{number.removeprefix('2025-01-')}.pdf" for number in numbers]
    names = ("control-totals.json", "detail.csv", "gl.csv", "summary.csv")
    drafts = [f"drafts/DRAFT-{name}" for name in names]
    assert sorted(found) == sorted(["index.html", "manifest.json", *drafts, *pdfs])
    assert len(found) == made.files
    assert intact(made.folder, read_manifest(made.folder))
    assert read_manifest(made.folder).period == "2025-01"


def test_its_page_links_to_nothing_but_its_files_and_runs_nothing(ledger: Repository) -> None:
    made = bundled(ledger)
    page = (made.folder / "index.html").read_text("utf-8")
    links = Links(page)
    assert links.found
    assert all((made.folder / link).is_file() for link in links.found), links.found
    assert {"script", "link", "img", "iframe", "form"}.isdisjoint(links.tags)
    for needed in (made.folder / "statements").iterdir():
        assert f"statements/{needed.name}" in links.found
    outside = re.findall(r"""(?:https?:)?//[\w.]+|url\((?!"data:)""", re.sub(r"base64,[\w+/=]+", "", page))
    assert outside == []


def test_files_are_those_of_the_portal(ledger: Repository) -> None:
    close(ledger)
    made = bundled(ledger)
    # They have the same keys, so a build finds the PDFs of a bundle in the cache, and the other way round.
    assert build(ledger.root, ledger.root.parent / "public").rendered == 1, "only the report of the year"
    public = ledger.root.parent / "public"
    journal = {name: data for name, data in contents(public / "journals/2025-01").items() if name != "index.html"}
    assert sorted(journal) == ["control-totals.json", "detail.csv", "gl.csv", "summary.csv"]
    assert contents(made.folder / "journal") == journal
    published = {path.read_bytes() for path in public.glob("statements/2025-01/**/*.pdf")}
    assert {path.read_bytes() for path in (made.folder / "statements").iterdir()} == published


@pytest.mark.mostly_slow(but=1)
@pytest.mark.parametrize("later", ["closed", "open"])
def test_the_tables_of_months_that_it_does_not_show_are_read_once(
    ledger: Repository, later: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What closed it, or the first command after that, has checked them."""
    month = "2025-02" if later == "closed" else "2026-02"
    close(ledger)
    ledger.write(f"charges/{month}/aws.csv", HEAD + row("8", month=month))
    if later == "closed":
        closing.close(open_books(ledger.root), month, Event(dt.date(2025, 3, 5), "admin@example.edu"))
    read: list[str] = []
    true_read = table.read_table

    def reading(data: bytes, path: str, *others: Any) -> list[list[Any]]:
        read.append(path)
        return true_read(data, path, *others)

    monkeypatch.setattr(table, "read_table", reading)
    first = write_bundle(open_books(ledger.root), month, ledger.root.parent / "first")
    assert [path for path in read if (month if later == "closed" else "2025-01") in path]
    read.clear()
    second = write_bundle(open_books(ledger.root), month, ledger.root.parent / "second")
    assert contents(first.folder) == contents(second.folder)
    assert not [path for path in read if "2025-01" in path]


@pytest.mark.parametrize("write", [write_bundle, write_statements])
def test_nothing_is_written_of_a_ledger_that_changes_in_the_meantime(
    ledger: Repository, write: Callable[..., object]
) -> None:
    """The tables of a closed month are read after the books are opened."""
    close(ledger)
    books, output = open_books(ledger.root), ledger.root.parent / "out"
    lines = ledger.root / "periods/2025-01.lines.csv"
    lines.write_bytes(lines.read_bytes().replace(b"7.00", b"8.00"))
    with pytest.raises(OutsideFault, match="the ledger was changed while it was being read"):
        write(books, "2025-01", output)
    assert lying(output) == []


def test_equal_files_make_equal_bytes(ledger: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    one = bundled(ledger, zipped=True)
    mask = os.umask(0o077)
    try:
        monkeypatch.setenv("TZ", "Asia/Tokyo")
        other = bundled(ledger, "elsewhere", zipped=True)
    finally:
        os.umask(mask)
    assert one.archive.read_bytes() == other.archive.read_bytes()
    with zipfile.ZipFile(one.archive) as archive:
        names = archive.namelist()
        assert names == sorted(names)
        assert {name.split("/")[0] for name in names} == {FOLDER}
        assert {name.removeprefix(f"{FOLDER}/"): archive.read(name) for name in names} == contents(one.folder)
    assert lying(one.folder.parent) == [FOLDER, f"{FOLDER}.zip"]


@pytest.mark.parametrize(
    ("state", "word", "first", "statement"),
    [
        ("open", "Open", "Post nothing yet: January 2025 is open", "Draft"),
        ("closed", "Closed", "Import one of the journal files below", "Issued"),
        ("finalized", "Finalized", "Keep this folder: January 2025 is final since 5 Feb 2025", "Final"),
        ("showback", "Open", "Post nothing: no source of this month is charged", "Draft"),
        ("empty", "Open", "Post no journal: nothing of this month is paid by internal funds", ""),
    ],
)
def test_the_page_says_what_to_do_next(ledger: Repository, state: str, word: str, first: str, statement: str) -> None:
    if state == "showback":
        ledger.write("config.yaml", "organization: Test University\njournal: {post: false}\n")
    elif state == "empty":
        ledger.write("charges/2025-01/aws.csv", HEAD + row("12.34", fund=""))
    elif state != "open":
        close(ledger, final=state == "finalized")
    page = (bundled(ledger).folder / "index.html").read_text("utf-8")
    steps = re.findall(r"<li>(.*?)</li>", page)
    assert steps[0].startswith(first)
    assert f'">{word}</span>' in page
    assert (f"<td>{statement}</td>" in page) == bool(statement)
    if state == "empty":
        assert "Held for review, and on no statement: 1 charge, USD 12.34." in steps
    assert ("These are drafts" in page) == (state == "open")


def test_the_page_says_what_became_of_the_journal(ledger: Repository) -> None:
    close(ledger)
    made = bundled(ledger)
    page = (made.folder / "index.html").read_text("utf-8")
    totals = json.loads((made.folder / "journal/control-totals.json").read_text("utf-8"))
    number = totals["files"]["detail.csv"]["document"]
    assert f'<span class="id">{number}</span>' in page
    line = "{line: 1, status: %s, reason: no}"
    for lines, said in (
        ("", ["Post nothing: the journal was posted on 7 Feb 2025 as JE-77."]),
        (
            line % "suspense",
            ["Post nothing: the journal was posted on 7 Feb 2025 as JE-77.", "Clear 1 line in suspense."],
        ),
        (line % "rejected", ["2 lines rejected: the journal of a later month repeats them."]),
    ):
        ledger.write(
            "postings/2025-01.yaml",
            f"postings: [{{document: {number}, format: detail, on: 2025-02-07, reference: JE-77, lines: [{lines}]}}]\n",
        )
        steps = re.findall(r"<li>(.*?)</li>", (bundled(ledger).folder / "index.html").read_text("utf-8"))
        assert all(each in steps for each in said), steps


def test_the_page_lists_the_emails_that_did_not_arrive(ledger: Repository) -> None:
    close(ledger)
    assert "Emails not delivered" not in (bundled(ledger).folder / "index.html").read_text("utf-8")
    entry = "{id: %s.1@x, kind: statements, to: %s@example.edu, state: %s, at: '2025-02-06T09:00:00Z', reply: %s}"
    lost, sent = entry % ("ada", "ada", "failed", "550 no such user"), entry % ("ben", "ben", "sent", "250 OK")
    ledger.write("deliveries/2025-01.yaml", f"deliveries: [{lost}, {sent}]\n")
    page = (bundled(ledger).folder / "index.html").read_text("utf-8")
    (section,) = re.findall(r'<h2 id="emails">.*?</section>', page, re.DOTALL)
    assert "ada@example.edu" in section
    assert "not sent: 550 no such user" in section
    assert "ben@example.edu" not in section


def test_what_external_payers_owe_is_apart_from_the_journal(ledger: Repository) -> None:
    ledger.write(
        "directory/people.yaml",
        "people:\n  - {email: ada@example.edu}\n"
        "  - {email: ben@example.edu, name: Ben, payer_class: commercial, organization: Acme, address: [Box 1]}\n",
    )
    made = bundled(ledger)
    page = (made.folder / "index.html").read_text("utf-8")
    (statement,) = [each for each in made.period.statements if each.pi.email == "ben@example.edu"]
    assert f'Invoice <span class="id">INV-{statement.number}</span>' in page
    assert "External payers owe 7.00 USD" in page
    assert b"Acme" in (made.folder / "receivables/DRAFT-2025-01.csv").read_bytes()
    assert "Book the receivables below" in page
    assert "The journal balances" in page


def test_control_totals_are_those_of_the_files(ledger: Repository) -> None:
    close(ledger)
    made = bundled(ledger)
    page = (made.folder / "index.html").read_text("utf-8")
    totals = json.loads((made.folder / "journal/control-totals.json").read_text("utf-8"))
    for name, file in totals["files"].items():
        line = next(line for line in page.splitlines() if f">{name}</a>" in line)
        assert f'data-name="Lines">{file["lines"]}</td>' in line
        following = page[page.index(line) :][:600]
        assert f'data-name="Debits">{file["debits"]}</td>' in following
        assert f'data-name="Credits">{file["credits"]}</td>' in following


def test_a_style_of_the_ledger_stays_a_style(ledger: Repository) -> None:
    style = '@font-face { font-family: X; src: url("fonts/None.woff2") } p { color: red }'
    ledger.write("templates/bundle.css", f"{style} /* </style><script>alert(1)</script> */\n")
    page = (bundled(ledger).folder / "index.html").read_text("utf-8")
    assert "p { color: red }" in page
    assert page.count("</style>") == 1
    assert "script" not in Links(page).tags


def test_names_that_differ_only_in_case_get_files_of_their_own(ledger: Repository) -> None:
    rows = row("5") + row("6", pi="ben@example.edu").replace("p1", "P1") + row("7", pi="cy@example.edu")
    ledger.write("charges/2025-01/aws.csv", HEAD + rows)
    names = [path.name.casefold() for path in (bundled(ledger).folder / "statements").iterdir()]
    assert len(names) == len(set(names)) == 3


def test_a_month_that_does_not_exist_and_a_ledger_with_errors_write_nothing(ledger: Repository) -> None:
    target = ledger.root.parent / "finance"
    with pytest.raises(UsageFault, match="no period 2025-07; it has 2025-01 to 2025-01"):
        write_bundle(open_books(ledger.root), "2025-07", target)
    ledger.write("charges/2025-01/aws.csv", HEAD + row("a lot"))
    done = ledger.run("bundle", "2025-01", "-o", str(target), code=1)
    assert "charges/2025-01/aws.csv:2" in done.stderr
    assert lying(target) == []


def test_an_output_that_is_not_ours_is_kept(ledger: Repository) -> None:
    output = ledger.root.parent / "finance"
    (output / FOLDER).mkdir(parents=True)
    (output / FOLDER / "mine.txt").write_text("mine")
    with pytest.raises(UsageFault, match=r"no readable manifest\.json.*mine\.txt"):
        bundled(ledger, zipped=True)
    assert contents(output) == {f"{FOLDER}/mine.txt": b"mine"}
    shutil.rmtree(output / FOLDER)
    for other in (b"mine", b""):
        (output / f"{FOLDER}.zip").write_bytes(other)
        with pytest.raises(UsageFault, match=r"zip was not written by `focus-billing bundle`"):
            bundled(ledger, zipped=True)
        assert contents(output) == {f"{FOLDER}.zip": other}
    (output / f"{FOLDER}.zip").unlink()
    bundled(ledger, zipped=True)
    # One of ours is replaced.
    close(ledger)
    assert bundled(ledger, zipped=True).archive.is_file()


@pytest.mark.parametrize("full", ["index.html", ".zip"])
def test_a_full_disk_leaves_what_was_there(ledger: Repository, full: str, monkeypatch: pytest.MonkeyPatch) -> None:
    output = ledger.root.parent / "finance"
    bundled(ledger, zipped=True)
    before = contents(output)
    close(ledger)
    true_open, true_write = pathlib.Path.open, zipfile.ZipFile.writestr

    def opened(self: Path, mode: str = "r", *more: Any, **options: Any) -> Any:
        if self.name == full:
            raise OSError(errno.ENOSPC, "No space left on device", str(self))
        return true_open(self, mode, *more, **options)

    def written(self: zipfile.ZipFile, *more: Any, **options: Any) -> None:
        if full == ".zip":
            raise OSError(errno.ENOSPC, "No space left on device")
        true_write(self, *more, **options)

    monkeypatch.setattr(pathlib.Path, "open", opened)
    monkeypatch.setattr(zipfile.ZipFile, "writestr", written)
    with pytest.raises(OutsideFault, match="the disk is full; existing files are unchanged"):
        bundled(ledger, zipped=True)
    monkeypatch.undo()
    assert contents(output) == before
    assert lying(output) == [FOLDER, f"{FOLDER}.zip"]


def test_a_secret_of_this_machine_is_not_handed_out(ledger: Repository) -> None:
    ledger.write("config.local.yaml", "email: {password: correct-horse}\n")
    ledger.write("config.yaml", "organization: correct-horse\nsources: {aws: {credit_fund: C-1}}\n")
    with pytest.raises(LedgerFault) as caught:
        bundled(ledger, zipped=True)
    assert {problem.code for problem in caught.value.problems} == {"secret-published"}
    assert lying(ledger.root.parent / "finance") == []


def test_months_that_are_open_or_changed_since_a_commit(ledger: Repository) -> None:
    ledger.write("charges/2025-02/aws.csv", HEAD + row("8", month="2025-02"))
    first = ledger.commit()

    def changed(base: str) -> list[tuple[str, bool]]:
        gathered, _ = gather_ledger(ledger.root)
        assert gathered is not None
        return [(each.period, each.finalized) for each in changed_months(gathered, base)]

    assert changed(first) == [("2025-01", False), ("2025-02", False)]
    close(ledger)
    closed = ledger.commit()
    assert changed(first) == [("2025-01", False), ("2025-02", False)]
    assert changed(closed) == [("2025-02", False)]
    gathered, _ = gather_ledger(ledger.root)
    closing.finalize(gathered, "2025-01", ON)
    final = ledger.commit()
    assert changed(closed) == changed(first) == [("2025-01", True), ("2025-02", False)]
    assert changed(final) == [("2025-02", False)]
    with pytest.raises(UsageFault, match="no commit nowhere"):
        changed("nowhere")


def test_before_the_ledgers_first_commit_every_month_is_new(tmp_path: Path) -> None:
    made = Repository(tmp_path / "repository")
    made.write("README.md", "Ours\n")
    first = made.commit()
    made.write("ledger/config.yaml", "organization: A\n")
    made.write("ledger/charges/2025-01/aws.csv", HEAD + row("5"))
    made.commit()
    gathered, _ = gather_ledger(made.root / "ledger")
    assert [each.period for each in changed_months(gathered, first)] == ["2025-01"]


def test_the_command_writes_each_month_and_tells_programs_about_it(ledger: Repository) -> None:
    done = ledger.run("bundle", "2025-01", "-o", "out")
    assert done.stdout == f"2025-01 (open): 2 statements, 23.35 USD due: out/{FOLDER}.zip\n"
    told = json.loads(ledger.run("bundle", "--changed", "HEAD", "-o", "out", "--no-zip", "--json").stdout)
    assert told["bundles"] == [
        {
            "period": "2025-01",
            "state": "open",
            "finalized_since": False,
            "folder": f"out/{FOLDER}",
            "zip": None,
            "files": 8,
            "statements": 2,
            "due": "23.35",
            "currency": "USD",
        }
    ]
    for wrong in ([], ["2025-01", "--all"], ["--all", "--changed", "HEAD"]):
        assert "name one or more periods" in ledger.run("bundle", *wrong, code=2).stderr
    assert "no period 2030-01" in ledger.run("bundle", "2030-01", code=2).stderr
    assert "inside the ledger's charges/" in ledger.run("bundle", "2025-01", "-o", "charges/x", code=2).stderr


@pytest.mark.slow
def test_verify_recomputes_a_bundle_without_the_cache(ledger: Repository) -> None:
    ledger.run("bundle", "2025-01", "-o", "out", "--no-zip")
    folder = f"out/{FOLDER}"
    assert "identical" in ledger.run("verify", folder).stdout
    pdf = next((ledger.root / folder / "statements").iterdir())
    pdf.write_bytes(pdf.read_bytes() + b"\n")
    assert f"differs     statements/{pdf.name}" in ledger.run("verify", folder, code=1).stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("was", "now", "path"),
    [(b"%PDF-1.7", b"%PDF-1.6", "statements/2025-01_p1_"), (b",F-1,", b",F-2,", "journal/detail.csv")],
)
def test_verify_finds_what_a_poisoned_cache_brought(ledger: Repository, was: bytes, now: bytes, path: str) -> None:
    """A build trusts its cache; what becomes final does not."""
    close(ledger)
    ledger.commit()
    bundled(ledger)
    assert poison(ledger, was, now)
    poisoned = bundled(ledger, "poisoned").folder
    found = ledger.run("verify", str(poisoned), code=1).stdout
    assert f"differs     {path}" in found
