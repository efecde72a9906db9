"""`verify FOLDER`: recomputed from the commit, never believed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from openchargeback.files.writing import temporary
from repository import HEAD, Repository, poison, row

pytestmark = pytest.mark.slow


@pytest.fixture
def built(ledger: Repository) -> Path:
    """What `build` gives of it."""
    ledger.run("build", "-o", "public")
    return ledger.root / "public"


def findings(ledger: Repository, *arguments: str, code: int) -> dict[str, str]:
    """Path → finding, of the files that are not identical."""
    told = json.loads(ledger.run("verify", *arguments, "--json", code=code).stdout)
    assert told["verdict"] == ("differs" if code else "identical")
    return {each["path"]: each["finding"] for each in told["files"] if each["finding"] != "identical"}


def test_what_build_wrote_is_identical_though_the_ledger_went_on(ledger: Repository, built: Path) -> None:
    """Also with changes that are not committed: the commit counts."""
    assert findings(ledger, "public", code=0) == {}
    ledger.write("charges/2025-01/aws.csv", HEAD + row("99"))
    ledger.commit()
    ledger.write("config.yaml", "organization: Another\n")
    done = ledger.run("verify", code=0)
    assert "identical: public, recomputed from commit " in done.stdout
    assert built.is_dir()


def test_every_kind_of_difference_is_named(ledger: Repository, built: Path) -> None:
    """Changed, removed and added files, and a file that became a link."""
    journal = built / "drafts/2025-01/DRAFT-detail.csv"
    journal.write_bytes(journal.read_bytes().replace(b"16.35", b"96.35", 1))
    (built / "drafts/2025-01/DRAFT-gl.csv").unlink()
    (built / "drafts/2025-01/DRAFT-more.csv").write_text("x")
    page = built / "index.html"
    shutil.move(page, ledger.root / "elsewhere.html")
    page.symlink_to(ledger.root / "elsewhere.html")
    assert findings(ledger, "public", code=1) == {
        "drafts/2025-01/DRAFT-detail.csv": "differs",
        "drafts/2025-01/DRAFT-gl.csv": "missing",
        "drafts/2025-01/DRAFT-more.csv": "unexpected",
        "index.html": "differs",
    }


def test_what_no_commit_holds_is_said_by_the_build_and_by_its_pages(ledger: Repository) -> None:
    """A commit is named only with a word that the output rests on more; what is no part of the ledger is none."""
    ledger.write("notes.txt", "mine")
    assert "uncommitted" not in ledger.run("build", "-o", "public").stderr
    ledger.write("charges/2025-01/aws.csv", HEAD + row("99"))
    assert "the ledger has uncommitted changes" in ledger.run("build", "-o", "public").stderr
    assert json.loads((ledger.root / "public/manifest.json").read_text("utf-8"))["ledger_uncommitted"] is True
    for page in ("index.html", "about/index.html"):
        assert "with uncommitted changes" in (ledger.root / "public" / page).read_text("utf-8")
    said = ledger.run("verify", "public", code=1)
    assert "built with uncommitted changes" in said.stderr
    ledger.commit()
    assert "uncommitted" not in ledger.run("build", "-o", "public").stderr
    assert findings(ledger, "public", code=0) == {}


def test_what_a_killed_build_left_is_healed_first(ledger: Repository, built: Path) -> None:
    """Killed between two renames, only the old output is left, aside."""
    built.rename(temporary(built, ".old"))
    assert findings(ledger, "public", code=0) == {}
    assert built.is_dir()


def test_a_manifest_that_was_made_to_fit_proves_nothing(ledger: Repository, built: Path) -> None:
    """Whoever changes a file can change its digest as well."""
    import hashlib

    journal = built / "drafts/2025-01/DRAFT-detail.csv"
    changed = journal.read_bytes().replace(b"16.35", b"96.35")
    assert changed != journal.read_bytes()
    journal.write_bytes(changed)
    manifest = json.loads((built / "manifest.json").read_text("utf-8"))
    manifest["files"]["drafts/2025-01/DRAFT-detail.csv"]["sha256"] = hashlib.sha256(changed).hexdigest()
    (built / "manifest.json").write_text(json.dumps(manifest, sort_keys=True, indent=1) + "\n")
    assert findings(ledger, "public", code=1) == {
        "drafts/2025-01/DRAFT-detail.csv": "differs",
        "manifest.json": "differs",
    }


def test_a_poisoned_cache_of_the_ledger_is_not_asked(ledger: Repository, built: Path) -> None:
    """The recomputation has a cache of its own, which is empty: what was built from a forged one differs."""
    assert poison(ledger, b"16.35", b"61.35")
    ledger.run("build", "-o", "out2")
    assert findings(ledger, str(built), code=0) == {}
    assert "periods/2025-01/index.html" in findings(ledger, "out2", code=1)


def test_a_build_without_pdfs_is_not_verified(ledger: Repository) -> None:
    """It is for a quick look: everything else is there, and it says so itself."""
    ledger.run("build", "--no-pdf", "-o", "out3")
    files = {path.suffix for path in (ledger.root / "out3").rglob("*") if path.is_file()}
    assert ".pdf" not in files
    assert {".html", ".csv"} <= files
    done = ledger.run("verify", "out3", code=2)
    assert "was built with --no-pdf" in done.stderr


def test_a_commit_beside_the_history_is_said(ledger: Repository, built: Path) -> None:
    """A build of a branch that was never merged is recomputed, with a word."""
    ledger.git("switch", "-qc", "aside")
    ledger.write("charges/2025-01/aws.csv", HEAD + row("99"))
    ledger.commit()
    ledger.run("build", "-o", "public")
    ledger.git("switch", "-q", "main")
    done = ledger.run("verify", "public")
    assert "is not in the history of this checkout" in done.stderr
    assert built.is_dir()


def test_another_commit_is_asked_for(ledger: Repository, built: Path) -> None:
    """--commit says what the folder ought to be."""
    ledger.write("charges/2025-01/aws.csv", HEAD + row("99"))
    ledger.commit()
    assert "drafts/2025-01/DRAFT-detail.csv" in findings(ledger, str(built), "--commit", "main", code=1)


def test_what_cannot_be_recomputed_is_said_in_one_line(ledger: Repository, built: Path, tmp_path: Path) -> None:
    """No output of ours, no commit, a commit that is not there, a shallow clone."""
    (tmp_path / "other").mkdir()
    assert "was not written by `focus-billing build`" in ledger.run("verify", str(tmp_path / "other"), code=2).stderr
    manifest = (built / "manifest.json").read_text("utf-8")
    head = ledger.git("rev-parse", "HEAD")
    for commit, said in (
        ("", "built outside Git"),
        ("0" * 40, "this clone has no commit 0000000"),
        ("--all", "was not written by `focus-billing build`"),
        ("a\\u0000b", "was not written by `focus-billing build`"),
        ("\\ud800", "was not written by `focus-billing build`"),
    ):
        (built / "manifest.json").write_text(manifest.replace(head, commit))
        assert said in ledger.run("verify", str(built), code=2).stderr
    (built / "manifest.json").write_text(manifest)
    ledger.commit()
    clone = Repository.__new__(Repository)
    clone.root = tmp_path / "clone"
    ledger.git("clone", "-q", "--depth=1", f"file://{ledger.root}", str(clone.root))
    assert "fetch-depth: 0" in clone.run("verify", str(built), code=2).stderr
