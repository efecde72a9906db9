"""The files of a delivery, whether it is a folder or a zip archive (`zip_tree.py`).

Paths in a delivery have `/` between names, whatever the system.
"""

from __future__ import annotations

import os
import stat
import zipfile
import zlib
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from openchargeback.characters import MISLEADING
from openchargeback.files.writing import is_temporary
from openchargeback.ledger.files import is_ignored, suffix_of
from openchargeback.problems import OutsideFault, UsageFault

_BLOCK = 1 << 20
_UNREADABLE = (OSError, EOFError, ValueError, RuntimeError, NotImplementedError, zlib.error, zipfile.BadZipFile)
_HIDDEN = ("__MACOSX", "_SUCCESS")
_REPLACED = dict.fromkeys(map(ord, MISLEADING), "�")


@dataclass(frozen=True, slots=True)
class Tree:
    """The files of a delivery.

    given: the folder or archive, as named. place: its full path if it is a folder, since the names above it may belong
    to the layout; empty for an archive. files: the size of each in bytes, by path, ascending. opened: opens one.
    """

    given: Path
    place: str
    files: Mapping[str, int]
    opened: Callable[[str], AbstractContextManager[IO[bytes]]]

    @property
    def charge_files(self) -> list[str]:
        """The paths of files that may have charges."""
        return [path for path in self.files if suffix_of(path)]

    def full(self, path: str) -> str:
        """A path with the names of the folders above the delivery."""
        return f"{self.place}/{path}" if self.place else path

    def shown(self, path: str) -> str:
        """A path in messages, with the delivery as named."""
        return f"{safe(str(self.given))}/{safe(path)}"

    def read(self, path: str) -> bytes:
        """The bytes of a small file. Raises UsageFault if it cannot be read."""
        try:
            with self.opened(path) as file:
                return file.read()
        except _UNREADABLE as error:
            raise self._unreadable(path, error) from error

    def copy(self, path: str, target: Path) -> None:
        """Copy a file, never more of it than was listed. Raises UsageFault if it cannot be read, or has changed."""
        try:
            copied = self._copied(path, target)
        except _UNREADABLE as error:
            raise self._unreadable(path, error) from error
        if copied != self.files[path]:
            raise UsageFault(f"{self.shown(path)} changed while it was read: wait until the delivery is complete")

    def _copied(self, path: str, target: Path) -> int:
        size, most = 0, self.files[path]
        with self.opened(path) as file, _created(target) as out:
            while (block := file.read(_BLOCK)) and size <= most:
                size += len(block)
                _write(out, block)
        return size

    def _unreadable(self, path: str, error: Exception) -> UsageFault:
        reason = getattr(error, "strerror", None) or "it is damaged"
        return UsageFault(f"{self.shown(path)} cannot be read: {reason.lower()}; get the delivery again")


def safe(text: str) -> str:
    """A name from a delivery, without characters that could control a terminal or mislead its reader."""
    return text.translate(_REPLACED)


def folder_tree(given: Path) -> tuple[Tree, list[str]]:
    """The files of a folder, and why it cannot be used: links, which may lead anywhere, and what is not a file."""
    found: dict[str, int] = {}
    faults: list[str] = []

    def refuse(error: OSError) -> None:
        faults.append(f"{safe(str(error.filename))} cannot be read: {(error.strerror or str(error)).lower()}")

    for top, folders, names in os.walk(given, onerror=refuse):
        folders.sort()
        for name in sorted((*folders, *names)):
            path = Path(top) / name
            relative = path.relative_to(given).as_posix()
            mode, size = _mode_and_size(path)
            if is_skipped(relative) or stat.S_ISDIR(mode):
                continue
            if stat.S_ISLNK(mode):
                faults.append(f"{safe(str(path))} is a link: put the file itself there")
            elif not stat.S_ISREG(mode):
                faults.append(f"{safe(str(path))} is not a file: remove it from the delivery")
            else:
                found[relative] = size
    return Tree(given, given.resolve().as_posix(), found, lambda path: (given / path).open("rb")), faults


def is_skipped(path: str) -> bool:
    """Whether a file never belongs to an export: hidden, or left by the system that copied it."""
    return any(is_ignored(name) or is_temporary(name) or name in _HIDDEN for name in path.split("/"))


def _mode_and_size(path: Path) -> tuple[int, int]:
    try:
        found = path.lstat()
    except OSError:
        return 0, 0
    return found.st_mode, found.st_size


def _created(target: Path) -> IO[bytes]:
    try:
        return target.open("wb")
    except OSError as error:
        raise _not_written(error) from error


def _write(out: IO[bytes], block: bytes) -> None:
    try:
        out.write(block)
    except OSError as error:
        raise _not_written(error) from error


def _not_written(error: OSError) -> OutsideFault:
    return OutsideFault(f"a temporary file cannot be written: {(error.strerror or str(error)).lower()}")
