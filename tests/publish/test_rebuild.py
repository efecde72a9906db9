"""A build of an unchanged ledger bills nothing; any change to a ledger shows as in a build without a cache."""

from __future__ import annotations

import shutil
import subprocess
import threading
from pathlib import Path

import pytest

from openchargeback.ledger.links import CACHE
from openchargeback.problems import LedgerFault
from openchargeback.publish import build as publish
from openchargeback.publish.build import build
from openchargeback.publish.manifest import OutputKind, read_manifest

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
}


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


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_an_unchanged_ledger_is_not_billed_again(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = build(root, root.parent / "out")
    monkeypatch.setattr(publish, "open_books", None)
    again = build(root, root.parent / "out")
    assert (first.changed, again.changed) == (True, False)
    assert (again.files, again.warnings) == (first.files, first.warnings)


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
