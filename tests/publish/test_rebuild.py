"""A build of an unchanged ledger bills nothing; any change to a ledger shows as in a build without a cache."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import subprocess
import threading
from dataclasses import fields, replace
from pathlib import Path

import pytest

from openchargeback.billing import freezing
from openchargeback.ledger.links import CACHE
from openchargeback.ledger.periods import Event
from openchargeback.ledger.postings import Posting
from openchargeback.portal import libraries, statements
from openchargeback.portal.site import Site, site_shell
from openchargeback.problems import LedgerFault
from openchargeback.publish import build as publish
from openchargeback.publish import closing, month_files
from openchargeback.publish.books import open_books
from openchargeback.publish.build import build
from openchargeback.publish.cache import Cache
from openchargeback.publish.gathering import gather_ledger
from openchargeback.publish.manifest import OutputKind, read_manifest
from openchargeback.publish.month_charges import MonthCharges
from openchargeback.publish.past import NO_CACHE
from openchargeback.templating.environment import make_environment

ROWS = """\
BillingPeriodStart,ResourceId,BilledCost,Tags
2025-01-01,vm-1,5,"{""pi_email"": ""ann@example.edu"", ""project_id"": ""p"", ""fund_org"": ""F1""}"
2025-01-01,vm-2,7,
"""
CONFIG = "organization: {name: Example University, logo: logo.svg}\n"
LOGO = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><title>A</title></svg>'
FILES = {
    "config.yaml": CONFIG,
    "logo.svg": LOGO,
    "charges/2025-01/aws.csv": ROWS,
    "directory/people.yaml": "people:\n  - {email: ann@example.edu, name: Ann}\n",
    "pages/about.md": "# About\n\nUs.\n",
    "templates/journal.csv.j2": "{{ period }}\n",
}
CHANGES = {
    "config": ("config.yaml", CONFIG.replace("Example", "Another")),
    "charge": ("charges/2025-01/aws.csv", ROWS.replace(",5,", ",6,")),
    "file of charges": ("charges/2025-01/gcp.csv", ROWS.replace(",5,", ",6,")),
    "month": ("charges/2025-02/aws.csv", ROWS.replace("2025-01", "2025-02")),
    "person": ("directory/people.yaml", "people:\n  - {email: ann@example.edu, name: Anna}\n"),
    "project": ("directory/projects.yaml", "projects:\n  - {id: p, title: Phases}\n"),
    "page": ("pages/about.md", "# About\n\nThem.\n"),
    "logo": ("logo.svg", LOGO.replace("A", "B")),
    "template": ("templates/journal.csv.j2", "month {{ period }}\n"),
    "style": ("templates/assets/statement.css", "body { color: black }\n"),
}
# Those that what is kept of a closed month could outlive.
SINCE_CLOSING = ("config", "month", "person", "page", "logo", "style", "posting", "finalize")
CLOSED = Event(dt.date(2025, 2, 3), "ann@example.edu")


def put(folder: Path) -> Path:
    for path, text in FILES.items():
        place = folder / "ledger" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    return folder / "ledger"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return put(tmp_path)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the ledger and of a build of it, `out`."""
    folder = tmp_path_factory.mktemp("whole")
    build(put(folder), folder / "out")
    return folder


@pytest.fixture
def built(whole: Path, tmp_path: Path) -> Path:
    """The ledger in a copy of it."""
    return shutil.copytree(whole, tmp_path, dirs_exist_ok=True) / "ledger"


@pytest.fixture(scope="module")
def whole_closed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the ledger with its month closed, and of a build of it."""
    folder = tmp_path_factory.mktemp("closed")
    root = put(folder)
    # Only what is attributed: a month with held charges would be closed with them.
    (root / "charges/2025-01/aws.csv").write_text("".join(ROWS.splitlines(keepends=True)[:2]))
    (root / "config.yaml").write_text(CONFIG + "sources: {aws: {credit_fund: C-1}}\n")
    closing.close(open_books(root), "2025-01", CLOSED)
    build(root, folder / "out")
    return folder


@pytest.fixture
def closed(whole_closed: Path, tmp_path: Path) -> Path:
    """The ledger with its month closed, in a copy of it."""
    return shutil.copytree(whole_closed, tmp_path, dirs_exist_ok=True) / "ledger"


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_an_unchanged_ledger_is_not_billed_again(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = build(root, root.parent / "out")
    monkeypatch.setattr(publish, "open_books", None)
    again = build(root, root.parent / "out")
    assert (first.changed, again.changed) == (True, False)
    assert (again.files, again.warnings) == (first.files, first.warnings)


@pytest.mark.mostly_slow(but=2)
@pytest.mark.parametrize("change", CHANGES)
def test_a_change_shows_as_without_a_cache(built: Path, change: str) -> None:
    out = built.parent / "out"
    before = contents(out)
    path, text = CHANGES[change]
    (built / path).parent.mkdir(exist_ok=True)
    (built / path).write_text(text)
    assert build(built, out).changed
    assert contents(out) != before
    shutil.rmtree(built / CACHE)
    build(built, built.parent / "fresh")
    assert contents(out) == contents(built.parent / "fresh")


def change_since_closing(root: Path, change: str) -> None:
    """Make a change to the closed ledger."""
    if change == "finalize":
        ledger, _ = gather_ledger(root)
        assert ledger is not None
        closing.finalize(ledger, "2025-01", CLOSED)
        return
    path, text = CHANGES.get(change, ("postings/2025-01.yaml", ""))
    if change == "posting":
        totals = json.loads((root.parent / "out/journals/2025-01/control-totals.json").read_text())
        text = f"""postings:
  - document: {totals["files"]["detail.csv"]["document"]}
    format: detail
    sha256: {totals["files"]["detail.csv"]["sha256"]}
    on: 2025-02-05
    reference: JE-1
    by: ann@example.edu
"""
    (root / path).parent.mkdir(exist_ok=True, parents=True)
    (root / path).write_text(text)


@pytest.mark.slow
@pytest.mark.parametrize("change", SINCE_CLOSING)
def test_a_change_after_closing_shows_as_without_a_cache(closed: Path, change: str) -> None:
    out = closed.parent / "out"
    change_since_closing(closed, change)
    assert build(closed, out).changed
    shutil.rmtree(closed / CACHE)
    build(closed, closed.parent / "fresh")
    assert contents(out) == contents(closed.parent / "fresh")


def test_of_a_closed_month_in_the_cache_nothing_is_computed(closed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        for module, name in (
            (statements, "statement_view"),
            (month_files, "period_files"),
            (freezing.reconciliation, "check"),
        ):
            patch.setattr(module, name, None)
        assert build(closed, closed.parent / "again").rendered == 0
    assert contents(closed.parent / "again") == contents(closed.parent / "out")


@pytest.mark.parametrize("lost", ["page", "pdf", "journal"])
def test_a_file_of_a_closed_month_that_the_cache_lost_is_made_again(
    closed: Path, lost: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    get = Cache.get
    monkeypatch.setattr(Cache, "get", lambda self, kind, key: None if kind == lost else get(self, kind, key))
    assert build(closed, closed.parent / "again").rendered == (2 if lost == "pdf" else 0)
    assert contents(closed.parent / "again") == contents(closed.parent / "out")


OWN_FONT = "templates/assets/fonts/Inter-Regular.woff2"
PARTS_OF_A_KEY: dict[str, tuple[str, str]] = {
    "lock file": ("requirements.lock", "jinja2==3.1.6\n"),
    "template": ("templates/statement.pdf.html", "<p>Ours</p>\n"),
    "font": (OWN_FONT, "another font"),
    "logo": CHANGES["logo"],
    "input digest": CHANGES["charge"],
}
VERSIONS = ("OpenChargeback", "Python", "Pango", "HarfBuzz", "HarfBuzz-subset", "fontconfig", "weasyprint", "zlib")


@pytest.mark.mostly_slow(but=2)
@pytest.mark.parametrize("part", [*PARTS_OF_A_KEY, *VERSIONS])
def test_the_key_of_a_pdf_covers(root: Path, part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The program's version has the digest of its code, templates and fonts."""

    def key() -> str:
        (plan,) = publish.pdfs_of(open_books(root), "2025-01")
        return plan.key

    first = key()
    assert key() == first
    if part in PARTS_OF_A_KEY:
        path, text = PARTS_OF_A_KEY[part]
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    else:
        here = libraries.versions()
        monkeypatch.setattr(libraries, "versions", lambda: {**here, part: "9.9"})
    assert key() != first


def test_what_is_kept_of_a_closed_month_depends_on_all_that_its_statements_read(
    closed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is left out of the key is never read to plan a page or a PDF, or to render them."""
    read: set[str] = set()

    class Watched(Site):
        def __getattribute__(self, name: str) -> object:
            read.add(name)
            return super().__getattribute__(name)

    books = open_books(closed)
    site = publish.make_site(books, publish.provenance_of(closed), {})
    watched = Watched(**{each.name: getattr(site, each.name) for each in fields(site)})
    # The frame is part of the key as a whole.
    shell = site_shell(site)
    monkeypatch.setattr(statements, "site_shell", lambda _site: shell)
    env = make_environment(closed / "templates")
    for page in statements.statement_jobs(watched, env, period="2025-01"):
        page.render()
    charges = MonthCharges(books.ledger, NO_CACHE)
    for pdf in statements.statement_pdfs(watched, env, charges, period="2025-01"):
        pdf.job()
    # Of the months, only this one, by its record: another month's history is in that, too.
    assert "config_of" in read
    assert read & month_files._OF_OTHERS <= {"periods"}

    def key(changed: Site) -> str:
        return month_files._key(changed, changed.periods[0], "")

    posting = Posting(document="OCB-2025-01", on=dt.date(2025, 2, 5))
    own = (
        replace(site, postings={"2025-01": (posting,)}),
        replace(site, settings={"2025-01": replace(site.config, currency="EUR")}),
        replace(site, logos={"2025-01": b"<svg/>"}),
        replace(site, periods=(replace(site.periods[0], digest="another record"),)),
    )
    assert len({key(site), *map(key, own)}) == len(own) + 1


def test_another_library_renders_again(closed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The version of Pango, say, is in no page, but its glyphs are."""
    here = libraries.versions()
    monkeypatch.setattr(libraries, "versions", lambda: {**here, "Pango": "9.9"})
    assert build(closed, closed.parent / "other").rendered == 2, "with the report of its year"


def test_a_damaged_output_is_built_again(built: Path) -> None:
    out = built.parent / "out"
    assert not build(built, out).changed
    before = contents(out)
    (out / "index.html").write_text("")
    assert build(built, out).changed
    assert contents(out) == before


def test_a_ledger_that_became_faulty_is_not_called_unchanged(built: Path) -> None:
    """A folder that is not a ledger's is found by listing, not by reading a file."""
    (built / "charges/2025-01/gcp.csv").symlink_to("/etc/hostname")
    with pytest.raises(LedgerFault):
        build(built, built.parent / "out")


def test_a_commit_without_changes_shows_in_the_portal(built: Path) -> None:
    for words in (
        ("init", "-q"),
        ("add", "."),
        ("-c", "user.name=A", "-c", "user.email=a@example.edu", "commit", "-qm", "A"),
    ):
        subprocess.run(["git", "-C", built, *words], check=True)
    assert build(built, built.parent / "out").changed


def test_a_build_without_pdfs_is_not_a_whole_one(root: Path) -> None:
    """Even if there are no statements, so that both have the same files."""
    (root / "charges/2025-01/aws.csv").write_text(ROWS.replace("pi_email", "nobody"))
    out = root.parent / "out"
    build(root, out, pdfs=False)
    assert read_manifest(out).holds is OutputKind.WITHOUT_PDFS
    assert build(root, out).changed
    assert read_manifest(out).holds is OutputKind.BUILD


def test_an_error_while_pages_are_written_stops_what_runs_beside(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = root.parent / "out"

    def fail(*_arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(publish, "_write_pages", fail)
    with pytest.raises(KeyboardInterrupt):
        build(root, out)
    assert not out.exists()
    assert not list(root.parent.glob(".out*"))
    assert threading.active_count() == 1
