"""Publish a folder as a whole: write it next to its destination, then swap the two.

For a folder `public`, these exist next to it while a build runs or after one was killed:

    .public.lock.openchargeback-tmp           held by the build that is writing
    .public.staging-123.openchargeback-tmp    written by process 123; after the swap the old output, until it is removed
    .public.old.openchargeback-tmp            the old output between two renames, if the system cannot swap folders
                                              atomically

Every command that writes an output folder goes through `staged`. Files of a ledger are changed together by
`files/changes.py`.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import re
import shutil
import stat
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from threading import Lock

from openchargeback import wording
from openchargeback.files.lock import held
from openchargeback.files.writing import TEMPORARY, outside, temporary
from openchargeback.model import Provenance
from openchargeback.problems import OpenChargebackError, UsageFault
from openchargeback.publish.manifest import NAME, Entry, OutputKind, files_below, manifest, read_manifest

_NAMED = 5
_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
# Errors of a kernel, file system or sandbox that cannot swap two folders.
_CANNOT_EXCHANGE = {errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EPERM}


Check = Callable[[Path], None]
"""Examines the folder with all files of an output before it is published; raises an exception to refuse it."""


class Staging:
    """The files of one build on their way to be published. Created by `staged`; threads may write to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files: dict[str, Entry] = {}
        # Paths folded as on a system that ignores case and Unicode normalization → as first spelled.
        self._taken: dict[str, str] = {}
        self._folders: dict[str, str] = {}
        self._claiming = Lock()

    def write(self, relative: str, data: bytes) -> None:
        """Add a file at a path with forward slashes.

        Raises ValueError, since it is a bug in the program, for a path that leaves the folder or that another file or
        folder already has, even if only case differs. Raises OutsideFault for disk errors.
        """
        parts = _parts(relative)
        if _folded(relative) == NAME:
            raise ValueError(f"{relative} is reserved for the manifest")
        with self._claiming:
            self._claim(parts)
        self._write(relative, data)
        self.files[relative] = Entry.of(data)

    def below(self, prefix: str) -> Staging:
        """The same for the files below a folder of the output: `prefix` ends with a slash, or is empty."""
        return _Below(self, prefix)

    def seal(self, provenance: Provenance, key: str, holds: OutputKind, period: str) -> None:
        """Write the manifest of all files so far. Called by `staged`."""
        self._write(NAME, manifest(self.files, provenance, key, holds, period=period))

    def _claim(self, parts: list[str]) -> None:
        """Refuse a path that would collide with an earlier file on some system, and create its parent folders."""
        for depth in range(1, len(parts)):
            above = "/".join(parts[:depth])
            folded = _folded(above)
            if folded in self._taken or self._folders.get(folded, above) != above:
                raise ValueError(f"{'/'.join(parts)}: {self._taken.get(folded) or self._folders[folded]} is in the way")
            if folded not in self._folders:
                self._make_folder(above)
                self._folders[folded] = above
        relative = "/".join(parts)
        folded = _folded(relative)
        if folded in self._taken or folded in self._folders:
            raise ValueError(f"{relative}: {self._taken.get(folded) or self._folders[folded]} already has this path")
        self._taken[folded] = relative

    def _make_folder(self, relative: str) -> None:
        try:
            (self.folder / relative).mkdir()
        except OSError as fault:
            raise outside(self.folder / relative, fault) from fault

    def _write(self, relative: str, data: bytes) -> None:
        # No fsync for each of thousands of files: a power failure may damage the output, but then its digests show it.
        place = self.folder / relative
        try:
            with place.open("xb") as file:
                file.write(data)
        except OSError as fault:
            raise outside(place, fault) from fault


class _Below(Staging):
    """Files below a folder of an output. files: by their paths there."""

    def __init__(self, whole: Staging, prefix: str) -> None:
        super().__init__(whole.folder / prefix)
        self._whole, self._prefix = whole, prefix

    def write(self, relative: str, data: bytes) -> None:
        self._whole.write(self._prefix + relative, data)
        self.files[relative] = Entry.of(data)


@contextlib.contextmanager
def staged(
    target: Path,
    provenance: Provenance,
    key: str,
    holds: OutputKind = OutputKind.BUILD,
    checks: Iterable[Check] = (),
    *,
    period: str = "",
) -> Iterator[Staging]:
    """Publish a folder as a whole: write to the yielded Staging; leaving the block swaps it with `target`.

    Leaving by an exception, including Ctrl-C, removes what was written and leaves `target` unchanged. provenance, key,
    holds and period go into the manifest. checks: examine the whole output before it is published. Raises UsageFault if
    `target` is not ours to replace: it is a link, or contains a file that no manifest of ours lists. Raises
    OutsideFault for disk errors or if another command is writing.
    """
    target = _absolute(target)
    with contextlib.ExitStack() as stack:
        with _disk(target):
            _refuse_unless_folder(target)
            target.parent.mkdir(parents=True, exist_ok=True)
            alone = stack.enter_context(held(_beside(target, "lock"), _busy(target)))
            _heal(target, alone=alone)
            _refuse_foreign(target)
            folder = _beside(target, f"staging-{os.getpid()}")
            # Half of the new output or all of the old one; if it cannot be removed now, the next build removes it.
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
            folder.mkdir()
        staging = Staging(folder)
        yield staging
        staging.seal(provenance, key, holds, period)
        for check in checks:
            check(folder)
        with _disk(target):
            # A build takes a while, and someone may have put a file there in the meantime.
            _refuse_unless_folder(target)
            _refuse_foreign(target)
            _exchange(folder, target)


def heal(target: Path) -> None:
    """Repair what a killed build left next to `target`; does nothing if all is well or a build is running."""
    target = _absolute(target)
    lock = _beside(target, "lock")
    if not target.parent.is_dir() or not (any(_left_overs(target)) or lock.is_file()):
        return
    with contextlib.suppress(OSError, OpenChargebackError), held(lock, _busy(target)) as alone:
        _heal(target, alone=alone)


def _absolute(target: Path) -> Path:
    target = Path(os.path.abspath(target))  # noqa: PTH100 - resolve() would follow a link, which is to be refused
    if not target.name:
        raise UsageFault(f"{target} is the root of the file system; name a folder for the output")
    return target


def _beside(target: Path, ending: str) -> Path:
    return temporary(target, f".{ending}")


def _busy(target: Path) -> str:
    return f"another command is writing to {target}; wait until it is done"


def _parts(relative: str) -> list[str]:
    """The parts of a path; ValueError if it is invalid here or on another system."""
    relative.encode()
    parts = relative.split("/")
    if any(part in {"", ".", ".."} for part in parts) or re.search(r'[\x00-\x1f\\:*?"<>|]', relative):
        raise ValueError(f"{relative!r} is not a path inside an output folder")
    return parts


def _folded(relative: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", relative).casefold())


def _refuse_unless_folder(target: Path) -> None:
    """Refuse a target that could not be swapped, before any work is done."""
    try:
        mode = target.lstat().st_mode
    except FileNotFoundError:
        return
    if stat.S_ISLNK(mode):
        raise UsageFault(f"{target} is a link; name the folder itself")
    if not stat.S_ISDIR(mode):
        raise UsageFault(f"{target} is a file; name a folder for the output")
    if target.is_mount():
        raise UsageFault(f"{target} is a mount point, which cannot be replaced as a whole; name a folder inside it")


def _refuse_foreign(target: Path) -> None:
    """Refuse to replace a folder that contains anything not written by an earlier build of ours."""
    if not target.exists() or not any(target.iterdir()):
        return
    listed = read_manifest(target)
    names = sorted(name for name, _ in files_below(target) if name != NAME)
    foreign = names if listed is None else [name for name in names if name not in listed.files]
    if listed is not None and not foreign:
        return
    some = wording.listed(foreign, _NAMED)
    if listed is None:
        why = f"has no readable {NAME} from an earlier build" + (f" but contains {some}" if some else "")
    else:
        why = f"contains files that no earlier build wrote: {some}"
    raise UsageFault(f"{target} {why}; nothing was replaced: move it away or name another folder")


def _left_overs(target: Path) -> Iterator[Path]:
    """Possible leftovers of an interrupted build next to `target`."""
    ours = re.compile(re.escape(f".{target.name}.") + r"(staging-\d+|old)" + re.escape(TEMPORARY))
    yield from (path for path in target.parent.iterdir() if ours.fullmatch(path.name))


def _heal(target: Path, *, alone: bool) -> None:
    """Finish or undo an interrupted swap, and remove staging folders of dead builds.

    alone: no other build writes to this folder, so all staging folders are dead; otherwise only the one with our
    process id is certainly dead, left by an earlier process with the same id.
    """
    old, own = _beside(target, "old"), _beside(target, f"staging-{os.getpid()}")
    for path in sorted(_left_overs(target)):
        if path.is_symlink() or not path.is_dir():
            raise UsageFault(f"{path} is in the way; move it away")
        if path == old:
            _refuse_foreign(old)
            if target.exists():
                shutil.rmtree(old)
            else:
                old.rename(target)
        elif alone or path == own:
            shutil.rmtree(path)


def _exchange(folder: Path, target: Path) -> None:
    """Move `folder` to `target`; the old content ends up at `folder`."""
    if not target.exists():
        folder.rename(target)
        return
    folder.chmod(stat.S_IMODE(target.stat().st_mode))
    if not _exchange_at_once(folder, target):
        _exchange_by_renaming(folder, target)


def _exchange_at_once(one: Path, other: Path) -> bool:
    """Swap two folders atomically; False if the system cannot."""
    libc = ctypes.CDLL(None, use_errno=True)
    renameat2 = getattr(libc, "renameat2", None)
    if renameat2 is None:
        return False
    renameat2.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint)
    if renameat2(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0:
        return True
    code = ctypes.get_errno()
    if code in _CANNOT_EXCHANGE:
        return False
    raise OSError(code, os.strerror(code), str(other))


def _exchange_by_renaming(folder: Path, target: Path) -> None:
    """Swap by two renames. A kill in between leaves only the old output, set aside; the next command puts it back."""
    old = _beside(target, "old")
    try:
        target.rename(old)
        folder.rename(target)
    except BaseException:
        if old.exists() and not target.exists():
            old.rename(target)
        raise
    # Under this name it is removed even if an earlier removal stopped halfway and its manifest is gone.
    # If even that fails, the new output is in place, and the next build removes the old one.
    with contextlib.suppress(OSError):
        old.rename(folder)


@contextlib.contextmanager
def _disk(target: Path) -> Iterator[None]:
    """Raise OSErrors of our own steps as disk errors. Must not wrap rendering, whose errors are not about `target`."""
    try:
        yield
    except OSError as fault:
        raise outside(target, fault) from fault
