"""Changes several files of one folder together: after a kill, a full disk or a power cut, all of them or none.

Two folders at the top of that folder exist only while a command writes or after one was killed:

    .changes.openchargeback-tmp/   the new files as they are being written; has no effect
    .pending.openchargeback-tmp/   the new files, all on disk, and a list of where each belongs

Renaming the first to the second commits the change: pending files are put in place by this command or, if it was
killed, by the next. Each file is put in place by one rename, and files already in place are left alone, so the step
can be repeated any number of times. The caller holds a lock.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import stat
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from openchargeback.files.writing import TEMPORARY, mode_of, outside, sync_folder, write_file, write_through
from openchargeback.problems import OutsideFault, UsageFault

CHANGES, PENDING = f".changes{TEMPORARY}", f".pending{TEMPORARY}"
_LIST = "list.json"


def change_files(root: Path, files: Mapping[str, bytes | Path | None]) -> None:
    """Write, replace and remove files below `root`, all or none; folders are created, and removed when empty.

    files: by path relative to root, with forward slashes: the new bytes, a file to copy them from, or None to remove
    it. A replaced file keeps its permissions. Raises UsageFault for a path that leads through a link or to something
    other than a regular file, OutsideFault if writing fails.
    """
    finish(root)
    try:
        try:
            _write(root, files)
            (root / CHANGES).rename(root / PENDING)
        except BaseException:
            shutil.rmtree(root / CHANGES, ignore_errors=True)
            raise
    except OSError as fault:
        raise outside(root, fault) from fault
    sync_folder(root)
    try:
        _put_in_place(root)
    except KeyboardInterrupt:
        finish(root)
        raise


def interrupted(root: Path) -> bool:
    """Whether a command that changes files of `root` is running or was killed."""
    return any(os.path.lexists(root / name) for name in (CHANGES, PENDING))


def finish(root: Path) -> list[str]:
    """Put in place what a killed command left pending, and remove what it had not completed.

    Returns the paths of the files in the completed change. Raises OutsideFault if writing fails.
    """
    if not interrupted(root):
        return []
    if (root / PENDING).is_symlink():
        raise UsageFault(f"{root / PENDING} is a link; remove it")
    done = _put_in_place(root) if os.path.lexists(root / PENDING / _LIST) else []
    for name in (CHANGES, PENDING):
        try:
            if os.path.lexists(root / name):
                shutil.rmtree(root / name)
        except OSError as fault:
            raise outside(root / name, fault) from fault
    return done


def _write(root: Path, files: Mapping[str, bytes | Path | None]) -> None:
    """Write the new files and the list to CHANGES, and wait until all of it is on disk."""
    folder = root / CHANGES
    folder.mkdir()
    listed: dict[str, str | None] = {}
    for number, (relative, data) in enumerate(files.items()):
        target = _target(root, relative)
        mode = mode_of(target)
        listed[relative] = None if data is None else str(number)
        if data is None:
            continue
        with (folder / str(number)).open("xb") as file:
            if mode is not None:
                (folder / str(number)).chmod(mode)
            write_through(file, data)
    with (folder / _LIST).open("xb") as file:
        write_through(file, json.dumps(listed).encode())
    sync_folder(folder)


def _put_in_place(root: Path) -> list[str]:
    """Do what remains to be done of the pending list; returns its paths."""
    pending = root / PENDING
    try:
        listed = _listed(pending)
        for relative, name in listed.items():
            target = _target(root, relative)
            if name is None:
                _remove(root, target)
            elif (pending / name).exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                _move(pending / name, target)
        for folder in {_target(root, relative).parent for relative in listed}:
            sync_folder(folder)
        (pending / _LIST).unlink()
        shutil.rmtree(pending)
    except OSError as fault:
        reason = "the disk is full" if fault.errno == errno.ENOSPC else fault.strerror or fault
        raise OutsideFault(
            f"cannot finish writing {root}: {reason}; the change is saved in {pending}, and the next command will "
            "complete it"
        ) from fault
    return list(listed)


def _listed(pending: Path) -> dict[str, str | None]:
    """The pending list: by path, the name of the new file next to the list, or None to remove the file.

    The folder may have come with an archive from elsewhere. Raises UsageFault if no command can have written it.
    """
    fault = UsageFault(f"{pending} was not written by this program; check its contents and remove it")
    if (pending / _LIST).is_symlink():
        raise fault
    try:
        listed = json.loads((pending / _LIST).read_bytes())
    except (ValueError, RecursionError):
        raise fault from None
    if not isinstance(listed, dict):
        raise fault
    for name in listed.values():
        if name is not None and not (isinstance(name, str) and name.isascii() and name.isdigit()):
            raise fault
        if name is not None and os.path.lexists(pending / name) and not stat.S_ISREG((pending / name).lstat().st_mode):
            raise fault
    return listed


def _target(root: Path, relative: str) -> Path:
    """The file at a listed path. Raises UsageFault if the path leads out of the folder or through a link."""
    path = PurePosixPath(relative)
    if path.is_absolute() or not path.parts or {"..", ".git"} & set(path.parts):
        raise UsageFault(f"{relative!r} is not a path inside {root}")
    parent = root.joinpath(*path.parts[:-1])
    if os.path.realpath(parent) != os.path.join(os.path.realpath(root), *path.parts[:-1]):  # noqa: PTH118 - text
        raise UsageFault(f"{relative} leads through a link; replace the link with a folder")
    return root.joinpath(*path.parts)


def _move(source: Path, target: Path) -> None:
    try:
        source.replace(target)
    except OSError as fault:
        if fault.errno != errno.EXDEV:
            raise
        # A folder below may be on another disk.
        write_file(target, source.read_bytes())
        source.unlink()


def _remove(root: Path, target: Path) -> None:
    """Remove a file and any parent folders left empty, except those directly in `root`."""
    target.unlink(missing_ok=True)
    for folder in target.parents:
        if root in (folder, folder.parent):
            break
        try:
            folder.rmdir()
        except OSError:
            break
