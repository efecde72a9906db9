"""One file, written whole or not at all, and how a failing disk is told."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from pathlib import Path

from openchargeback.problems import OutsideFault, UsageFault


def write_file(path: Path, data: bytes) -> None:
    """Put `data` where `path` says, replacing a file that is there; whoever reads sees the old bytes or the new ones.

    The folder must be there. A file that is replaced keeps its permissions. Raises UsageFault where something lies
    there that is no plain file (a folder, a link, a device), OutsideFault where the disk fails.
    """
    path = Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow a link, which is to be refused
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        mode = _mode_of(path)
        try:
            _write_through(temporary, data, mode)
            temporary.replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)
    except OSError as fault:
        raise outside(path, fault) from fault


def outside(path: Path, fault: OSError) -> OutsideFault:
    """What to tell the person about a disk that refused to write below `path`."""
    if fault.errno in (errno.ENOSPC, errno.EDQUOT):
        why = "the disk is full" if fault.errno == errno.ENOSPC else "the disk quota is used up"
        return OutsideFault(f"cannot write {path}: {why}; what was there before is untouched")
    place = f" ({fault.filename})" if fault.filename and str(fault.filename) != str(path) else ""
    return OutsideFault(f"cannot write {path}: {fault.strerror or fault}{place}; what was there before is untouched")


def _mode_of(path: Path) -> int | None:
    """The permissions of the file to be replaced; None where there is none."""
    try:
        there = path.lstat()
    except FileNotFoundError:
        return None
    if stat.S_ISREG(there.st_mode):
        return stat.S_IMODE(there.st_mode)
    kind = "a folder" if stat.S_ISDIR(there.st_mode) else "a link" if stat.S_ISLNK(there.st_mode) else "no plain file"
    raise UsageFault(f"{path} is {kind}; name a file to write")


def _write_through(path: Path, data: bytes, mode: int | None) -> None:
    # A left-over of a killed process that had the same id would stop "xb".
    path.unlink(missing_ok=True)
    with path.open("xb") as file:
        if mode is not None:
            path.chmod(mode)
        file.write(data)
        file.flush()
        # Without this a power cut after the rename could leave an empty file under the final name.
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Make the rename itself last. Not every system opens folders, and the file is whole either way."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
