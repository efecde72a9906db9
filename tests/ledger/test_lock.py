"""What a killed command left is put right by the next one, and only what is ours."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from openchargeback.files.changes import CHANGES, PENDING, change_files, interrupted
from openchargeback.ledger.lock import finish_interrupted, locked
from openchargeback.problems import LedgerFault, OutsideFault


def pending(root: Path, *, name: str = PENDING) -> Path:
    """A completed change that was not put in place, or one that was not completed."""
    (root / name).mkdir(parents=True)
    (root / name / "0").write_bytes(b"state: open\n")
    (root / name / "list.json").write_text('{"periods/2025-01.yaml": "0"}')
    return root / "periods/2025-01.yaml"


def git(root: Path, *words: str) -> None:
    subprocess.run(["git", "-C", root, *words], check=True, capture_output=True)


@pytest.mark.parametrize("in_git", [True, False])
def test_a_completed_change_is_put_in_place_by_any_command(tmp_path: Path, *, in_git: bool) -> None:
    if in_git:
        git(tmp_path, "init")
    target = pending(tmp_path)
    assert finish_interrupted(tmp_path) == ["periods/2025-01.yaml"]
    assert target.read_bytes() == b"state: open\n"
    assert finish_interrupted(tmp_path) == []
    target.unlink()
    pending(tmp_path)
    with locked(tmp_path) as done:
        assert done == ["periods/2025-01.yaml"]
    assert not interrupted(tmp_path)


def test_what_was_not_completed_is_removed(tmp_path: Path) -> None:
    target = pending(tmp_path, name=CHANGES)
    assert finish_interrupted(tmp_path) == []
    assert not target.exists()
    assert not interrupted(tmp_path)


def test_where_git_refuses_to_say_whose_it_is_nothing_is_put_in_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder of another owner, as in a container: what is pending there may have been committed by anyone."""
    git(tmp_path, "init")
    target = pending(tmp_path / "ledger", name=PENDING)
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    before = target.read_bytes() if target.exists() else None
    with pytest.raises(OutsideFault, match=r"safe\.directory|dubious"):
        finish_interrupted(tmp_path / "ledger")
    with pytest.raises(OutsideFault), locked(tmp_path / "ledger"):
        pass
    assert (target.read_bytes() if target.exists() else None) == before


@pytest.mark.parametrize("name", [CHANGES, PENDING])
def test_what_git_tracks_is_not_ours(tmp_path: Path, name: str) -> None:
    """Anyone could have committed it: it is never put in place or removed, and nothing is written beside it."""
    git(tmp_path, "init")
    target = pending(tmp_path / "ledger", name=name)
    git(tmp_path, "add", "--force", ".")
    assert finish_interrupted(tmp_path / "ledger") == []
    with pytest.raises(LedgerFault) as told, locked(tmp_path / "ledger"):
        pass
    assert [(each.path, each.code) for each in told.value.problems] == [(name, "temporary-file")]
    assert told.value.problems[0].fix == f"remove it with `git rm -r {name}` in the folder of the ledger"
    assert not target.exists()
    assert interrupted(tmp_path / "ledger")


def test_a_reader_leaves_a_running_command_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not wait for files that are being written; for those that are put in place it does."""
    monkeypatch.setattr("openchargeback.ledger.lock.WAIT_SECONDS", 0.1)
    with locked(tmp_path):
        pending(tmp_path, name=CHANGES)
        assert finish_interrupted(tmp_path) == []
        assert interrupted(tmp_path)
        pending(tmp_path)
        with pytest.raises(OutsideFault, match="another command is writing"):
            finish_interrupted(tmp_path)
    assert finish_interrupted(tmp_path) == ["periods/2025-01.yaml"]
    change_files(tmp_path, {"periods/2025-01.yaml": None})
    assert not interrupted(tmp_path)
