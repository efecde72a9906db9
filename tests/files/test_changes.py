"""Several files of a folder change together: killed at any write, on a disk that fails at any write, all or none."""

from __future__ import annotations

import errno
import os
import shutil
from functools import partial
from pathlib import Path

import pytest
from moments import FULL, READ_ONLY, contents, failing_from, moments

from openchargeback.files.changes import CHANGES, PENDING, change_files, finish, interrupted
from openchargeback.problems import OutsideFault, UsageFault

OLD = {"periods/kept.yaml": b"old", "charges/2025-01/aws/part-0.csv": b"gone", "notes.txt": b"mine"}
NEW = {"periods/kept.yaml": b"new", "approvals/2025-02/new/deep.yaml": b"x" * 5000, "notes.txt": b"mine"}
CHANGED = {
    "charges/2025-01/aws/part-0.csv": None,
    "periods/kept.yaml": b"new",
    "approvals/2025-02/new/deep.yaml": b"x" * 5000,
    "periods/never-was.yaml": None,
}


def lay(root: Path) -> Path:
    """The folder before the change."""
    for name, data in OLD.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    return root


def all_names(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*")}


def test_all_is_changed_and_nothing_else_stays(tmp_path: Path) -> None:
    """A folder that is empty then goes, one at the top does not; permissions stay."""
    root = lay(tmp_path / "root")
    (root / "periods/kept.yaml").chmod(0o640)
    change_files(root, CHANGED)
    assert contents(root) == NEW
    assert all_names(root) == {*NEW, "periods", "charges", "approvals", "approvals/2025-02", "approvals/2025-02/new"}
    assert (root / "periods/kept.yaml").stat().st_mode & 0o777 == 0o640


def test_killed_at_each_write(tmp_path: Path) -> None:
    """What lies there then is healed to the old files or the new ones, and both happen; also when healing is killed."""
    root = lay(tmp_path / "root")
    (tmp_path / "copies").mkdir()
    made = moments(root, tmp_path / "copies", lambda: change_files(root, CHANGED))
    outcomes = []
    for number, copy in enumerate(made):
        again = tmp_path / f"again-{number}"
        again.mkdir()
        healing = shutil.copytree(copy, tmp_path / f"healing-{number}")
        for each in (*moments(healing, again, partial(finish, healing)), healing):
            finish(each)
            assert contents(each) in (OLD, NEW)
            assert not interrupted(each)
            outcomes.append(contents(each) == NEW)
        change_files(copy, CHANGED)
        assert contents(copy) == NEW
        shutil.rmtree(again)
    assert len(made) >= 15
    assert outcomes == sorted(outcomes)
    assert set(outcomes) == {False, True}


def attempt(root: Path, number: int, code: int) -> str:
    """What is said of a disk that fails from that write on; nothing where the change needs fewer writes."""
    try:
        with failing_from(root, number, code):
            change_files(root, CHANGED)
    except OutsideFault as fault:
        return str(fault)
    return ""


@pytest.mark.parametrize("code", [FULL, READ_ONLY])
def test_a_disk_that_fails_at_each_write(tmp_path: Path, code: int) -> None:
    """Once the change counts, the message says that the next command completes it."""
    saved = []
    for number in range(1, 100):
        root = lay(tmp_path / str(number))
        told = attempt(root, number, code)
        if not told:
            break
        pending = (root / PENDING).exists()
        words = "the next command will complete it" if pending else "existing files are unchanged"
        assert words in told
        if code == FULL:
            assert "the disk is full" in told
            assert not (root / CHANGES).exists()
        finish(root)
        assert contents(root) == (NEW if pending else OLD)
        assert not interrupted(root)
        saved.append(pending)
    assert set(saved) == {False, True}
    assert contents(root) == NEW


def test_a_stop_by_the_keyboard_leaves_nothing_half_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the new files are written it is undone, while they are put in place it is completed."""
    root = lay(tmp_path / "root")
    calls = []
    replace = Path.replace

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    def once(self: Path, target: Path) -> Path:
        calls.append(target)
        return stop() if len(calls) == 2 else replace(self, target)

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", stop)
        with pytest.raises(KeyboardInterrupt):
            change_files(root, CHANGED)
    assert contents(root) == OLD
    assert not interrupted(root)
    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", once)
        with pytest.raises(KeyboardInterrupt):
            change_files(root, CHANGED)
    assert contents(root) == NEW
    assert not interrupted(root)
    remove = shutil.rmtree

    def removed_and_stopped(path: Path) -> None:
        remove(path)
        stop()

    with monkeypatch.context() as patched:
        patched.setattr(shutil, "rmtree", removed_and_stopped)
        with pytest.raises(KeyboardInterrupt):
            change_files(root, {"notes.txt": b"newer"})
    assert contents(root) == {**NEW, "notes.txt": b"newer"}
    assert not interrupted(root)


def test_a_folder_on_another_disk_is_written_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a file cannot be renamed to its place it is copied there, whole or not at all."""
    root = lay(tmp_path / "root")
    replace = Path.replace

    def across(self: Path, target: Path) -> Path:
        if self.parent.name == PENDING:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", across)
    change_files(root, CHANGED)
    assert contents(root) == NEW
    assert not interrupted(root)


@pytest.mark.parametrize("path", ["/etc/x", "../x", "a/../../x", ".git/config", ""])
def test_no_path_leads_out(tmp_path: Path, path: str) -> None:
    """Not one that is given, and not one of a pending list, which anyone could have written."""
    root = lay(tmp_path / "root")
    with pytest.raises(UsageFault):
        change_files(root, {path: b"x"})
    assert contents(root) == OLD
    (root / PENDING).mkdir()
    (root / PENDING / "0").write_bytes(b"x")
    (root / PENDING / "list.json").write_text(f'{{"{path}": "0"}}')
    with pytest.raises(UsageFault):
        finish(root)
    assert {path.name for path in tmp_path.iterdir()} == {"root"}


@pytest.mark.parametrize(
    "text", ['{"a": "../../key"}', '{"a": "/etc/passwd"}', '{"a": "x"}', '{"a": 1}', '["a"]', "[", '{"a": "0"}', "\xff"]
)
def test_a_pending_list_that_no_command_wrote_moves_nothing(tmp_path: Path, text: str) -> None:
    """It may have come with an archive: nothing of the machine gets into the folder by it."""
    root = lay(tmp_path / "root")
    (tmp_path / "key").write_text("secret")
    (root / PENDING).mkdir()
    (root / PENDING / "x").write_text("x")
    (root / PENDING / "0").symlink_to(tmp_path / "key")
    (root / PENDING / "list.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(UsageFault, match="not written by this program"):
        finish(root)
    assert {name: data for name, data in contents(root).items() if PENDING not in name} == OLD
    assert (tmp_path / "key").read_text() == "secret"


def test_links_are_not_followed(tmp_path: Path) -> None:
    root = lay(tmp_path / "root")
    (tmp_path / "elsewhere").mkdir()
    (root / "linked").symlink_to(tmp_path / "elsewhere")
    (root / "one").symlink_to(tmp_path / "elsewhere/one")
    for path in ("linked/a", "one"):
        with pytest.raises(UsageFault, match="link"):
            change_files(root, {path: b"x"})
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert not interrupted(root)
