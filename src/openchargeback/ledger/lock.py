"""Allow one writing command at a time per ledger, and clean up after a command that was killed.

Commands that only read take no lock; they detect when files changed while they ran.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path, PurePosixPath

from openchargeback.files import git
from openchargeback.files.changes import PENDING, finish, interrupted
from openchargeback.files.lock import held
from openchargeback.files.writing import ignore_all, is_temporary, outside
from openchargeback.ledger.config import FILE_NAME, LOCAL_FILE_NAME
from openchargeback.ledger.files import OWN_FOLDERS, is_ignored
from openchargeback.ledger.links import CACHE
from openchargeback.problems import LedgerFault, OutsideFault, Problem

WAIT_SECONDS = 10.0


@contextmanager
def locked(root: Path, wait: float | None = None) -> Iterator[list[str]]:
    """Hold the ledger's lock; waits up to so many seconds (WAIT_SECONDS) for another command, then raises OutsideFault.

    The lock is an operating system lock on `.openchargeback/lock`, so it is released with its process, however that
    ends. Yields the paths of files that a killed command had completed and that were put in place now.
    """
    folder = root / CACHE
    with ExitStack() as stack:
        try:
            ignore_all(folder)
            busy = "another command is writing to this ledger; try again when it is done"
            stack.enter_context(held(folder / "lock", busy, WAIT_SECONDS if wait is None else wait))
        except OSError as fault:
            raise outside(root, fault) from fault
        if interrupted(root) and (committed := committed_temporaries(root)):
            raise LedgerFault(committed, root)
        yield finish(root)


def finish_interrupted(root: Path) -> list[str]:
    """The first step of `locked`, for a command that only reads; does nothing if all is well.

    Raises OutsideFault if a completed change cannot be put in place, which leaves the files half old and half new.
    """
    if not interrupted(root) or committed_temporaries(root):
        return []
    pending = root / PENDING
    try:
        # An incomplete change does not affect readers; a complete one will be in place in a moment.
        with locked(root, WAIT_SECONDS if pending.exists() else 0) as done:
            return done
    except OutsideFault:
        if pending.exists():
            raise
        return []


def watched(root: Path) -> Callable[[], None]:
    """A function that raises OutsideFault if any file of the ledger has changed since this call.

    Readers hold no lock: a build takes long, and no one should have to wait for it. Files that changed while they were
    read are neither the old ledger nor the new one, so the result is discarded.
    """
    before = _marks(root)

    def check() -> None:
        if _marks(root) != before:
            raise OutsideFault("the ledger was changed while it was being read; run the command again")

    return check


def own_files(root: Path) -> list[Path]:
    """Every file that a command may read: the settings, and all files in the ledger's own folders."""
    paths = [root / FILE_NAME, root / LOCAL_FILE_NAME]
    for own in OWN_FOLDERS:
        for folder, folders, names in os.walk(root / own):
            folders[:] = [each for each in folders if not is_ignored(each)]
            paths += [Path(folder) / name for name in names if not is_ignored(name)]
    return paths


def _marks(root: Path) -> dict[str, tuple[int, int, int]]:
    """By path, an identity of the file without reading it: inode, size and modification time."""
    found = {}
    for path in own_files(root):
        with suppress(OSError):
            there = path.stat()
            found[str(path)] = (there.st_ino, there.st_size, there.st_mtime_ns)
    return found


def committed_temporaries(root: Path) -> list[Problem]:
    """A problem for each temporary file or folder of ours that Git tracks; empty outside a repository.

    Raises OutsideFault for a repository that Git refuses to read.
    """
    return _temporaries(_tracked(root))


def never_committed(root: Path, index: str = "") -> list[Problem]:
    """A problem for everything of ours that Git must not track, but does: temporary files, and the cache, which a build
    trusts as its own work.

    index: as for `git.staged`. Raises OutsideFault for a repository that Git refuses to read.
    """
    paths = _tracked(root, index)
    found = _temporaries(paths)
    # Some file systems ignore case.
    for cache in sorted({first for path in paths if (first := path.split("/", 1)[0]).casefold() == CACHE}):
        message = "the cache of builds is tracked by Git, so a commit could change what is published"
        found.append(Problem(cache, "committed-cache", message, f"remove it with `git rm -r --cached {cache}`"))
    return found


def _tracked(root: Path, index: str = "") -> Iterable[str]:
    return git.index_tree(root, index) if git.inside_repository(root) else ()


def _temporaries(paths: Iterable[str]) -> list[Problem]:
    return [
        Problem(
            path,
            "temporary-file",
            "this temporary file of an interrupted command is tracked by Git",
            f"remove it with `git rm -r {shlex.quote(path)}` in the folder of the ledger",
        )
        for path in sorted({_top(path) for path in paths if is_temporary(path)})
    ]


def _top(path: str) -> str:
    """The temporary file or folder that a path is or is in."""
    parts = PurePosixPath(path).parts
    depth = next(depth for depth in range(1, len(parts) + 1) if is_temporary("/".join(parts[:depth])))
    return "/".join(parts[:depth])
