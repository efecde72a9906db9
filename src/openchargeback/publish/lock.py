"""One command at a time writes to a ledger."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from openchargeback.problems import OutsideFault
from openchargeback.publish.cache import ignore_all

WAIT_SECONDS = 10.0
_PAUSE = 0.05


@contextmanager
def locked(root: Path, wait: float = WAIT_SECONDS) -> Iterator[None]:
    """Hold the ledger's lock; waits so many seconds for another command, then raises OutsideFault.

    The lock is the system's, on `.openchargeback/lock`, so that it goes with the process that held it, however that
    ended. The file stays; it names the last holder.
    """
    folder = root / ".openchargeback"
    try:
        ignore_all(folder)
        handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o644)
    except OSError as fault:
        raise OutsideFault(f"cannot lock the ledger: {fault.strerror or fault} ({folder / 'lock'})") from fault
    try:
        _take(handle, wait)
        with suppress(OSError):
            os.ftruncate(handle, 0)
            os.write(handle, f"{os.getpid()}\n".encode())
        yield
    finally:
        os.close(handle)


def _take(handle: int, wait: float) -> None:
    until = time.monotonic() + wait
    while not _try(handle):
        if time.monotonic() >= until:
            os.lseek(handle, 0, os.SEEK_SET)
            holder = os.read(handle, 20).decode("ascii", "replace").strip()
            named = f" (process {holder})" if holder else ""
            raise OutsideFault(f"another command is writing to this ledger{named}; try again when it is done")
        time.sleep(_PAUSE)


def _try(handle: int) -> bool:
    """Take the lock if it is free. Systems without `flock` have no such commands at once to fear from us."""
    try:
        import fcntl
    except ImportError:
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        # A file system without locks, as some network shares are.
        return True
    return True
