"""One file: the old bytes or the new ones, never a part."""

import errno
import os

import pytest

from openchargeback.files.writing import write_file
from openchargeback.problems import OutsideFault, UsageFault


def lying(folder):
    return sorted(path.name for path in folder.iterdir())


def test_writes_and_replaces_keeping_permissions(tmp_path):
    path = tmp_path / "a.csv"
    write_file(path, b"one")
    path.chmod(0o640)
    write_file(path, b"two")
    assert path.read_bytes() == b"two"
    assert path.stat().st_mode & 0o777 == 0o640
    assert lying(tmp_path) == ["a.csv"]


def test_refuses_what_is_no_plain_file(tmp_path):
    (tmp_path / "real").write_bytes(b"real")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder-link").symlink_to(tmp_path / "folder")
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "folder", "folder-link", "pipe"):
        with pytest.raises(UsageFault):
            write_file(tmp_path / name, b"x")
    assert (tmp_path / "real").read_bytes() == b"real"
    assert lying(tmp_path / "folder") == []


def test_a_missing_folder_is_told(tmp_path):
    with pytest.raises(OutsideFault, match="No such file"):
        write_file(tmp_path / "none" / "a.csv", b"x")


@pytest.mark.parametrize("kind", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_nothing_half_written(tmp_path, monkeypatch, kind):
    path = tmp_path / "a.csv"
    write_file(path, b"old")

    def fails(_):
        raise kind

    monkeypatch.setattr(os, "fsync", fails)
    expected = OutsideFault if isinstance(kind, OSError) else KeyboardInterrupt
    with pytest.raises(expected, match="disk is full" if isinstance(kind, OSError) else None):
        write_file(path, b"new")
    assert path.read_bytes() == b"old"
    assert lying(tmp_path) == ["a.csv"]
