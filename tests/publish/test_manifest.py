"""The manifest: the same bytes each time, and sharp eyes for anything that changed."""

import json

import pytest

from openchargeback.model import Provenance
from openchargeback.portal.libraries import versions
from openchargeback.publish.manifest import NAME, Entry, intact, manifest, read_manifest

PLACE = Provenance("c0ffee" + "0" * 34, "2025-02-03T09:30:00Z", "1.0", uncommitted=True)
HEAD = b'"tool": "openchargeback", "version": "", "ledger_commit": "", "ledger_commit_date": ""'
FILES = {"index.html": b"<p>", "periods/2025-01/index.html": b"<p>January"}


@pytest.fixture
def folder(tmp_path):
    for path, data in FILES.items():
        place = tmp_path / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
    (tmp_path / NAME).write_bytes(manifest(_entries(FILES), PLACE, "k"))
    return tmp_path


def _entries(files):
    return {path: Entry.of(data) for path, data in files.items()}


def test_what_made_the_pdfs_is_named_with_its_versions(folder):
    assert read_manifest(folder).libraries == versions()
    assert {"OpenChargeback", "Python", "Pango", "HarfBuzz", "fontconfig", "weasyprint"} <= set(versions())


def test_order_of_files_does_not_matter():
    backwards = dict(reversed(list(_entries(FILES).items())))
    one = manifest(_entries(FILES), PLACE, "k")
    assert one == manifest(backwards, PLACE, "k")
    assert one.endswith(b"}\n")
    assert set(json.loads(one)) == {"tool", "version", "libraries", "build_key", "files"} | {
        "ledger_commit",
        "ledger_commit_date",
        "ledger_uncommitted",
    }


def test_round_trip(folder):
    found = read_manifest(folder)
    assert (found.provenance, found.key) == (PLACE, "k")
    assert found.files == _entries(FILES)
    assert intact(folder, found)


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe",
        b"[" * 200_000,
        b'{"tool": "other", "files": {}}',
        b'{"tool": "openchargeback", "files": []}',
        b'{"tool": "openchargeback", "files": {}}',
        b'{%s, "build_key": 1, "files": {}}' % HEAD,
        b'{%s, "build_key": "", "files": {"a": {"size": 1}}}' % HEAD,
    ],
)
def test_a_damaged_manifest_counts_as_none(tmp_path, damage):
    (tmp_path / NAME).write_bytes(damage)
    assert read_manifest(tmp_path) is None


@pytest.mark.parametrize("text", ["a\0b", "\ud800", "\x1b[2J", "two words", "x" * 200_000])
@pytest.mark.parametrize("name", ["ledger_commit", "ledger_commit_date", "version", "build_key"])
def test_a_manifest_that_no_build_wrote_counts_as_none(folder, name, text):
    """What it says is handed to Git and printed."""
    content = json.loads((folder / NAME).read_text())
    (folder / NAME).write_text(json.dumps(content | {name: text}))
    assert read_manifest(folder) is None


@pytest.mark.parametrize("commit", ["HEAD", "--all", "c0ffee", "C0FFEE" + "0" * 34, "0" * 41, "0" * 40 + "\n"])
def test_a_commit_is_named_by_its_whole_id(folder, commit):
    content = json.loads((folder / NAME).read_text())
    for named, there in ((commit, False), ("0" * 40, True), ("0" * 64, True), ("", True)):
        (folder / NAME).write_text(json.dumps(content | {"ledger_commit": named}))
        assert (read_manifest(folder) is not None) is there


def test_no_manifest_and_no_folder(tmp_path):
    assert read_manifest(tmp_path) is None
    assert read_manifest(tmp_path / "none") is None


def _change(folder):
    (folder / "index.html").write_bytes(b"<q>")


def _remove(folder):
    (folder / "index.html").unlink()


def _add(folder):
    (folder / "periods/note.txt").write_bytes(b"")


def _link(folder):
    (folder / "index.html").rename(folder.parent / "elsewhere.html")
    (folder / "index.html").symlink_to(folder.parent / "elsewhere.html")


def _link_folder(folder):
    (folder / "more").symlink_to(folder / "periods")


@pytest.mark.parametrize("harm", [_change, _remove, _add, _link, _link_folder])
def test_any_change_shows(folder, harm):
    found = read_manifest(folder)
    harm(folder)
    assert not intact(folder, found)


def test_an_older_manifest_is_read_as_far_as_it_goes(tmp_path):
    """Else nobody could build over an output of an earlier version."""
    older = json.loads(manifest(_entries(FILES), PLACE, "k"))
    del older["ledger_commit_date"], older["ledger_uncommitted"]
    (tmp_path / NAME).write_text(json.dumps(older), encoding="utf-8")
    found = read_manifest(tmp_path)
    assert (found.provenance.commit, found.provenance.commit_date, found.provenance.uncommitted) == (
        PLACE.commit,
        "",
        False,
    )
    assert found.files.keys() == FILES.keys()
