"""A lock that is released when the process that holds it ends."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from openchargeback.problems import OutsideFault

_PAUSE = 0.05


@contextmanager
def held(path: Path, busy: str, wait: float = 0) -> Iterator[bool]:
    """Hold the lock at `path`, a file that names the holder and is removed afterwards.

    Yields False if the file system has no locks, as on some network shares; then nothing keeps others out.
    Raises OutsideFault with the text `busy` if another process still holds it after `wait` seconds, OSError if the
    file cannot be written.
    """
    handle, locked = acquired(path, busy, wait)
    try:
        with suppress(OSError):
            os.ftruncate(handle, 0)
            os.write(handle, f"{os.getpid()}\n".encode())
        yield locked
    finally:
        # Remove the name, then release the lock: others must lock the file that the next process will find.
        with suppress(OSError):
            path.unlink()
        os.close(handle)


def acquired(path: Path, busy: str, wait: float = 0) -> tuple[int, bool]:
    """Open and lock the file at `path`, creating it if needed: its descriptor, and whether it is locked.

    Closing the descriptor releases the lock. Raises as `held` does.
    """
    until = time.monotonic() + wait
    while True:
        # Do not follow a link: anyone who can write to the folder could have put one there.
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
        locked = _lock(handle)
        # The previous holder removed or renamed the file, so it is no longer a lock.
        if locked is None or (locked and _is_still(path, handle)):
            return handle, bool(locked)
        holder = _holder(handle)
        os.close(handle)
        if not locked:
            if time.monotonic() >= until:
                raise OutsideFault(busy + holder)
            time.sleep(_PAUSE)


def _lock(handle: int) -> bool | None:
    """Whether the lock was acquired; None if the file system has no locks."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def _is_still(path: Path, handle: int) -> bool:
    try:
        return os.path.samestat(path.lstat(), os.fstat(handle))
    except FileNotFoundError:
        return False


def _holder(handle: int) -> str:
    """The process that a lock file names, in parentheses; empty if it names none."""
    os.lseek(handle, 0, os.SEEK_SET)
    text = os.read(handle, 20).decode("ascii", "replace").strip()
    return f" (process {text})" if text.isdigit() else ""
