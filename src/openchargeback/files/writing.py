"""Writes one file, all or nothing; names temporary files; says why a write failed."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from openchargeback.files.lock import acquired
from openchargeback.problems import OutsideFault, UsageFault

_BLOCK = 1 << 20

TEMPORARY = ".openchargeback-tmp"
"""The ending of every temporary file and folder of ours; names start with a dot. `.gitignore` lists the pattern."""


def temporary(path: Path, what: str = "") -> Path:
    """The temporary file or folder next to `path`; `what` distinguishes several."""
    return path.with_name(f".{path.name}{what}{TEMPORARY}")


def is_temporary(path: str) -> bool:
    """Whether a path with forward slashes names a temporary file of ours, or something in a temporary folder."""
    return any(part.startswith(".") and part.endswith(TEMPORARY) for part in PurePosixPath(path).parts)


def write_file(path: Path, data: bytes) -> None:
    """Write `data` to `path`, replacing an existing file; see `replacing`."""
    with replacing(path) as beside, beside.open("r+b") as file:
        file.write(data)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A new, empty file that takes the place of `path` at the end; readers see either the old bytes or the new ones.

    The folder must exist. A replaced file keeps its permissions. What a killed command left under the temporary name
    is overwritten. Raises UsageFault if `path` is something other than a regular file (a folder, a link, a device),
    OutsideFault if writing fails or another command is writing the same file.
    """
    path = Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow a link, which must be refused
    beside = temporary(path)
    try:
        mode = mode_of(path)
        handle, _ = acquired(beside, f"another command is writing {path}; wait until it is done")
        try:
            os.ftruncate(handle, 0)
            if mode is not None:
                beside.chmod(mode)
            yield beside
            # Without waiting, a power cut after a rename could leave an empty file under the final name.
            os.fsync(handle)
            # Still locked: no one else can write to the file about to take the name.
            beside.replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                beside.unlink()
            raise
        finally:
            os.close(handle)
        sync_folder(path.parent)
    except OSError as fault:
        raise outside(path, fault) from fault


def outside(path: Path, fault: OSError) -> OutsideFault:
    """The error message for a failed write at or below `path`."""
    untouched = "existing files are unchanged"
    if fault.errno in (errno.ENOSPC, errno.EDQUOT):
        why = "the disk is full" if fault.errno == errno.ENOSPC else "the disk quota is used up"
        return OutsideFault(f"cannot write {path}: {why}; {untouched}; free some space and run the command again")
    place = f" ({fault.filename})" if fault.filename and str(fault.filename) != str(path) else ""
    return OutsideFault(f"cannot write {path}: {fault.strerror or fault}{place}; {untouched}")


def mode_of(path: Path) -> int | None:
    """The permissions of a file to be replaced; None if there is none. Raises UsageFault for any other path."""
    try:
        there = path.lstat()
    except FileNotFoundError:
        return None
    if stat.S_ISREG(there.st_mode):
        return stat.S_IMODE(there.st_mode)
    kind = "a folder" if stat.S_ISDIR(there.st_mode) else "a link" if stat.S_ISLNK(there.st_mode) else "a special file"
    raise UsageFault(f"{path} is {kind}; choose another file to write")


def write_through(file: BinaryIO, data: bytes | Path) -> None:
    """Write bytes, or the bytes of another file, and wait until they are on disk.

    Without waiting, a power cut after a rename could leave an empty file under the final name.
    """
    if isinstance(data, bytes):
        file.write(data)
    else:
        with data.open("rb") as given:
            shutil.copyfileobj(given, file, _BLOCK)
    file.flush()
    os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Make renames in a folder durable. Not every file system can, but the files are intact either way."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def ignore_all(folder: Path) -> None:
    """Create a folder that Git ignores with everything in it."""
    folder.mkdir(parents=True, exist_ok=True)
    ignore = folder / ".gitignore"
    # Even if it exists: a kill may have left it empty.
    if not ignore.is_file() or ignore.read_bytes() != b"*\n":
        ignore.write_bytes(b"*\n")
