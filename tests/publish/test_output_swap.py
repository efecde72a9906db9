"""A folder is published whole or not at all, whatever happens in the middle."""

import contextlib
import errno
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time

import pytest

from openchargeback.model import Provenance
from openchargeback.problems import OutsideFault, UsageFault
from openchargeback.publish import output_swap as room
from openchargeback.publish.manifest import intact, read_manifest
from openchargeback.publish.output_swap import heal, staged

SRC = pathlib.Path(__file__).parents[2] / "src"
PLACE = (Provenance("c0ffee" + "0" * 34, "2025-02-03T09:30:00Z", "1.0"), "k")


def publish(target, text="new", names=("index.html", "periods/2025-01/index.html")):
    with staged(target, *PLACE) as staging:
        for name in names:
            staging.write(name, text.encode())


def whole(target, text):
    found = read_manifest(target)
    return found is not None and intact(target, found) and (target / "index.html").read_bytes() == text.encode()


def lying(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture(params=["at once", "by renaming"])
def target(request, tmp_path, monkeypatch):
    """A place to publish to, with each way to exchange folders."""
    if request.param == "by renaming":
        monkeypatch.setattr(room, "_exchange_at_once", lambda *_: False)
    return tmp_path / "public"


def test_this_system_is_tested_both_ways(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    (tmp_path / "a/file").touch()
    if not room._exchange_at_once(tmp_path / "a", tmp_path / "b"):
        pytest.skip("this file system cannot exchange folders")
    assert (tmp_path / "b/file").exists()


def test_new_then_replaced(target):
    publish(target, "old", ["index.html", "gone.html"])
    publish(target, "new")
    assert whole(target, "new")
    assert not (target / "gone.html").exists()
    assert lying(target.parent) == ["public"]


def test_an_empty_folder_is_replaced_and_permissions_stay(target):
    target.mkdir(mode=0o750)
    publish(target)
    assert whole(target, "new")
    assert target.stat().st_mode & 0o777 == 0o750


def test_parents_are_made(target):
    publish(target / "deep" / "er")
    assert whole(target / "deep" / "er", "new")


@pytest.mark.parametrize("kind", [KeyboardInterrupt, RuntimeError, SystemExit, FileNotFoundError])
def test_leaving_early_changes_nothing(target, kind):
    publish(target, "old")
    with pytest.raises(kind), staged(target, *PLACE) as staging:  # noqa: PT012 - the block is what is tested
        staging.write("index.html", b"new")
        raise kind
    assert whole(target, "old")
    assert lying(target.parent) == ["public"]


def test_leaving_early_before_the_first_build_leaves_nothing(target):
    with contextlib.suppress(KeyboardInterrupt), staged(target, *PLACE) as staging:
        staging.write("index.html", b"new")
        raise KeyboardInterrupt
    assert lying(target.parent) == []


@pytest.mark.parametrize("step", ["rename", "chmod"])
def test_interrupted_while_exchanging(target, monkeypatch, step):
    publish(target, "old")
    true = getattr(pathlib.Path, step)

    def interrupted(self, *args):
        if self.name != "public" or step == "chmod":
            raise KeyboardInterrupt
        return true(self, *args)

    monkeypatch.setattr(room, "_exchange_at_once", lambda *_: False)
    monkeypatch.setattr(pathlib.Path, step, interrupted)
    with pytest.raises(KeyboardInterrupt):
        publish(target, "new")
    monkeypatch.undo()
    # The rename back was interrupted too, so that only the next command can heal it.
    heal(target)
    assert whole(target, "old")
    assert lying(target.parent) == ["public"]


def test_foreign_files_are_named_and_kept(target):
    publish(target, "old")
    for number in range(7):
        (target / f"note-{number}.txt").write_text("mine")
    with pytest.raises(UsageFault, match=r"note-0\.txt.*note-4\.txt and 2 more"):
        publish(target)
    assert (target / "note-6.txt").read_text() == "mine"
    assert (target / "index.html").read_bytes() == b"old"


def test_a_folder_of_someone_else_is_kept(target):
    target.mkdir()
    (target / "thesis.tex").write_text("mine")
    with pytest.raises(UsageFault, match=r"thesis\.tex"):
        publish(target)
    (target / "manifest.json").write_text('{"name": "a web app"}')
    with pytest.raises(UsageFault, match=r"thesis\.tex"):
        publish(target)
    assert lying(target) == ["manifest.json", "thesis.tex"]


def test_a_link_inside_counts_as_foreign(target):
    publish(target, "old")
    (target / "more").symlink_to(target.parent)
    with pytest.raises(UsageFault, match="more"):
        publish(target)


def test_a_file_put_there_during_the_build_is_kept(target):
    publish(target, "old")
    with pytest.raises(UsageFault, match=r"note\.txt"), staged(target, *PLACE) as staging:  # noqa: PT012 - as above
        staging.write("index.html", b"new")
        (target / "note.txt").write_text("mine")
    assert (target / "note.txt").read_text() == "mine"
    assert (target / "index.html").read_bytes() == b"old"


def test_links_files_and_the_root_are_refused(target):
    real = target.parent / "real"
    publish(real, "old")
    target.symlink_to(real)
    with pytest.raises(UsageFault, match="link"):
        publish(target)
    assert whole(real, "old")
    target.unlink()
    target.write_text("mine")
    with pytest.raises(UsageFault, match="is a file"):
        publish(target)
    assert target.read_text() == "mine"
    with pytest.raises(UsageFault, match="root"):
        publish(pathlib.Path("/"))


@pytest.mark.parametrize(
    "path",
    [
        *("", ".", "/etc/x", "../x", "a/../../x", "a/./x", "a//x", "a/"),
        *("a\\x", "C:x", "a\0b", "a\nb", "\udcff", "manifest.json", "Manifest.JSON"),
    ],
)
def test_paths_that_leave_the_folder_or_are_none(target, path):
    with pytest.raises(ValueError, match=r"."), staged(target, *PLACE) as staging:
        staging.write(path, b"x")
    assert lying(target.parent) == []


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("a.html", "a.html"),
        ("a.html", "A.html"),
        ("straße", "STRASSE"),
        ("caf\u00e9", "cafe\u0301"),
        ("pis/a/x", "pis/A/y"),
        ("a", "a/b"),
        ("a/b", "A"),
        ("A", "a/b"),
    ],
)
def test_two_files_never_share_a_path(target, first, second):
    with pytest.raises(ValueError, match=r"way|already"):
        publish(target, names=[first, second])
    assert lying(target.parent) == []


def test_a_full_disk_is_told(target, monkeypatch):
    publish(target, "old")
    true = pathlib.Path.open

    def full(self, mode="r", *args, **kwargs):
        if self.name == "full.html":
            raise OSError(errno.ENOSPC, "No space left on device", str(self))
        return true(self, mode, *args, **kwargs)

    monkeypatch.setattr(pathlib.Path, "open", full)
    with pytest.raises(OutsideFault, match="disk is full"):
        publish(target, "new", ["index.html", "full.html"])
    monkeypatch.undo()
    assert whole(target, "old")
    assert lying(target.parent) == ["public"]


def test_a_really_full_disk(tmp_path):
    mount, umount = shutil.which("mount"), shutil.which("umount")
    if os.geteuid() != 0 or not mount or not umount:
        pytest.skip("mounting a small disk needs root on Linux")
    disk = tmp_path / "disk"
    disk.mkdir()
    command = [mount, "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    if subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting is not allowed here")
    try:
        with pytest.raises(UsageFault, match="mount point"):
            publish(disk)
        publish(disk / "public", "old")
        with pytest.raises(OutsideFault, match="disk is full"):
            publish(disk / "public", "x" * 100_000, [f"{number}.bin" for number in range(100)])
        assert whole(disk / "public", "old")
        assert lying(disk) == ["public"]
    finally:
        subprocess.run([umount, "-l", str(disk)], check=True)


def test_left_overs_are_healed(target):
    publish(target, "old")
    target.rename(target.parent / ".public.old.openchargeback-tmp")
    dead = target.parent / ".public.staging-999999.openchargeback-tmp"
    dead.mkdir()
    (dead / "half.html").write_text("ha")
    (target.parent / f".public.staging-{os.getpid()}.openchargeback-tmp").mkdir()
    (target.parent / ".public.lock.openchargeback-tmp").touch()
    (target.parent / ".public.staging-mine").mkdir()
    with staged(target, *PLACE) as staging:
        assert whole(target, "old")
        staging.write("index.html", b"new")
    assert whole(target, "new")
    assert lying(target.parent) == [".public.staging-mine", "public"]


def test_an_old_output_beside_the_new_is_removed(target):
    publish(target, "old")
    target.rename(target.parent / ".public.old.openchargeback-tmp")
    publish(target.parent / "other", "new")
    (target.parent / "other").rename(target)
    heal(target)
    assert whole(target, "new")
    assert lying(target.parent) == ["public"]


def test_someone_elses_folder_of_that_name_is_kept(target):
    aside = target.parent / ".public.old.openchargeback-tmp"
    aside.mkdir()
    (aside / "mine.txt").write_text("mine")
    with pytest.raises(UsageFault, match=r"mine\.txt"):
        publish(target)
    heal(target)
    assert (aside / "mine.txt").read_text() == "mine"


def test_two_builds_at_once(target):
    with staged(target, *PLACE) as staging:
        staging.write("index.html", b"first")
        with pytest.raises(OutsideFault, match="another command"):
            publish(target, "second")
        heal(target)
    assert whole(target, "first")


def test_readers_see_old_or_new(tmp_path):
    """With the exchange at once there is no moment without an output."""
    target, probe = tmp_path / "public", tmp_path / "probe"
    publish(target, "old")
    shutil.copytree(target, probe)
    (tmp_path / "probe2").mkdir()
    if not room._exchange_at_once(probe, tmp_path / "probe2"):
        pytest.skip("this system cannot exchange folders at once")
    stop, seen = threading.Event(), set()

    def reader():
        while not stop.is_set():
            try:
                seen.add((target / "index.html").read_bytes())
            except OSError as fault:
                seen.add(str(fault))

    thread = threading.Thread(target=reader)
    thread.start()
    try:
        for number in range(100):
            publish(target, "new" if number % 2 else "old")
    finally:
        stop.set()
        thread.join()
    assert seen <= {b"old", b"new"}


BUILDS = """
    import sys
    from pathlib import Path
    from openchargeback.model import Provenance
    from openchargeback.publish import output_swap as room
    if sys.argv[2] == "by renaming":
        room._exchange_at_once = lambda *_: False
    print("begins", flush=True)
    for number in range(100_000):
        with room.staged(Path(sys.argv[1]), Provenance("c" * 40, "", "1"), "k") as staging:
            for name in range(20):
                staging.write(f"{name}/index.html", str(number).encode())
"""


@pytest.mark.parametrize("way", ["at once", "by renaming"])
@pytest.mark.parametrize("moment", range(5))
def test_killed_at_any_moment(tmp_path, way, moment):
    target = tmp_path / "public"
    command = [sys.executable, "-c", textwrap.dedent(BUILDS), str(target), way]
    with subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(SRC)}, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        while not target.exists():
            time.sleep(0.001)
        time.sleep(0.05 + 0.0137 * moment)
        assert process.poll() is None
        process.send_signal(signal.SIGKILL)
    if way == "at once":
        assert intact(target, read_manifest(target))
    heal(target)
    assert intact(target, read_manifest(target))
    assert len({(target / f"{name}/index.html").read_bytes() for name in range(20)}) == 1
    publish(target)
    assert whole(target, "new")
    assert lying(tmp_path) == ["public"]
