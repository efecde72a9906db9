"""What lies on the disk at every write of a command, and a disk that fails at one of them.

A process that is killed leaves the files as they are at that moment. So one run with a copy of the folder before each
call that changes it stands for a run that is killed at each of them.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from openchargeback.cli.main import main

_CALLS = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.chmod", "os.truncate", "os.link", "os.symlink"}
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_UNSEEN = (".openchargeback", ".git")
"""What is no part of a ledger's contents: the cache and the lock; Git writes its own by itself."""

Act = Callable[[str, int | None], None]
"""Takes the name of the call that comes, `flush` for fsync, and the descriptor of the file that is flushed."""

_active: list[tuple[str, Act]] = []


def _audit(event: str, arguments: tuple[object, ...]) -> None:
    if not _active or not (event in _CALLS or event == "open"):
        return
    folder, act = _active[-1]
    path = arguments[0]
    flags = arguments[2] if event == "open" else _WRITING
    if not isinstance(flags, int) or not flags & _WRITING or not isinstance(path, (str, bytes, os.PathLike)):
        return
    place = Path(os.fsdecode(path))
    if not place.is_absolute() and event != "open" and isinstance(arguments[-1], int) and arguments[-1] >= 0:
        # `rmtree` goes by open folders.
        place = Path(f"/proc/self/fd/{arguments[-1]}").readlink() / place
    if place.is_relative_to(folder) and "cache" not in place.parts:
        _call(act, event, None)


def _call(act: Act, event: str, handle: int | None) -> None:
    kept = _active[:]
    _active.clear()
    try:
        act(event, handle)
    finally:
        _active.extend(kept)


sys.addaudithook(_audit)  # for the rest of the process; it does nothing outside of `at_each_write`
_fsync = os.fsync


@contextlib.contextmanager
def at_each_write(folder: Path, act: Act) -> Iterator[None]:
    """Call `act` before every call that changes a file below `folder`."""

    def fsync(handle: int) -> None:
        _call(act, "flush", handle)
        _fsync(handle)

    _active.append((str(folder), act))
    os.fsync = fsync  # type: ignore[assignment] # the real one takes file objects too
    try:
        yield
    finally:
        os.fsync = _fsync
        _active.clear()


def moments(folder: Path, copies: Path, work: Callable[[], object]) -> list[Path]:
    """Copies of the folder before each write that `work` does to it, and at each flush one with half of the file."""
    made: list[Path] = []

    def take(_event: str, handle: int | None) -> None:
        copy = copies / f"{len(made):04}"
        shutil.copytree(folder, copy, symlinks=True, ignore=shutil.ignore_patterns("cache"))
        made.append(copy)
        link = Path(f"/proc/self/fd/{handle}")
        if not link.is_file() or not link.readlink().is_relative_to(folder):
            return
        torn = shutil.copytree(copy, copies / f"{len(made):04}", symlinks=True)
        made.append(torn)
        half = torn / link.readlink().relative_to(folder)
        os.truncate(half, half.stat().st_size // 2)

    with at_each_write(folder, take):
        work()
    return made


@contextlib.contextmanager
def failing_from(folder: Path, number: int, code: int) -> Iterator[None]:
    """From that number on every write below the folder fails with this error.

    On a full disk what needs no space goes on: removing, and a rename in its folder.
    """
    count = 0

    def fail(event: str, _handle: int | None) -> None:
        nonlocal count
        count += 1
        if count >= number and (code != errno.ENOSPC or event in ("open", "os.mkdir", "flush")):
            raise OSError(code, os.strerror(code))

    with at_each_write(folder, fail):
        yield


FULL, READ_ONLY = errno.ENOSPC, errno.EROFS


def run(*arguments: str | Path) -> tuple[int, str]:
    """The program in this process: its exit code, and what it said."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            main([str(each) for each in arguments])
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
    return code, said.getvalue()


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, by its path; what is unseen left out."""
    found = (path for path in sorted(folder.rglob("*")) if path.is_file())
    named = {path.relative_to(folder).as_posix(): path for path in found}
    return {name: path.read_bytes() for name, path in named.items() if not set(name.split("/")) & set(_UNSEEN)}
