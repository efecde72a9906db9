"""Where things lie in a ledger, and reading them without leaving it.

The path in a problem is always relative to the ledger, with forward slashes.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from openchargeback.ledger.config import FILE_NAME, SOURCE_PATTERN
from openchargeback.ledger.periods import is_period
from openchargeback.problems import Problem, UsageFault

CHARGE_SUFFIXES = (".csv", ".csv.gz", ".csv.zst", ".parquet")
"""The kinds of charge file that are read, by the end of their names."""

OWN_FOLDERS = ("approvals", "charges", "deliveries", "directory", "pages", "periods", "policies", "templates")
"""The folders that belong to a ledger; whatever else lies beside them is not its."""

_IGNORED = frozenset({"README.md", ".gitkeep", ".gitattributes", ".DS_Store", "Thumbs.db", "desktop.ini"})


@dataclass(frozen=True, slots=True)
class ChargeFile:
    """A file with charges: `path` relative to the ledger, `location` on disk."""

    path: str
    location: Path
    period: str
    source: str
    size: int


def find_ledger(named: str | None, start: Path) -> Path:
    """The ledger to work on: as named, else the nearest folder upwards from `start` that is one, else `start/ledger`.

    Raises UsageFault when there is none there.
    """
    if named:
        root = Path(named)
        if not root.is_dir():
            raise UsageFault(f"{named} is no folder; `focus-billing init {named}` makes a ledger there")
        return root
    for folder in (start, *start.parents):
        if (folder / FILE_NAME).is_file() and (folder / "charges").is_dir():
            return folder
    if (start / "ledger").is_dir():
        return start / "ledger"
    raise UsageFault("no ledger here: give --ledger DIR, or make one with `focus-billing init DIR`")


def suffix_of(name: str) -> str:
    """The suffix of CHARGE_SUFFIXES that a file name ends with, empty for none."""
    lowered = name.lower()
    return next((suffix for suffix in CHARGE_SUFFIXES if lowered.endswith(suffix)), "")


def source_name(text: str) -> str | None:
    """A source's name as the ledger writes it (names are case-insensitive), or None where it cannot be one."""
    name = text.strip().lower()
    return name if re.fullmatch(SOURCE_PATTERN, name) else None


def digest_of(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_with_plain_line_ends(path: Path) -> str:
    """SHA-256 of a file's bytes with every CR LF made LF, in hex: what it was before a conversion to Windows."""
    digest = hashlib.sha256()
    carry = b""
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            chunk = carry + chunk
            # A CR at the very end may belong to an LF that comes with the next chunk.
            carry = b"\r" if chunk.endswith(b"\r") else b""
            digest.update(chunk[: len(chunk) - len(carry)].replace(b"\r\n", b"\n"))
    digest.update(carry)
    return digest.hexdigest()


def inside(root: Path, path: Path) -> bool:
    """Whether a path stays within the ledger once symbolic links are followed."""
    # Not Path.resolve(), which before Python 3.13 fails at a link to itself.
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(root))


def read_bytes(root: Path, relative: str, problems: list[Problem]) -> bytes | None:
    """The bytes of a file of the ledger; None where it is not there, or cannot be read (then with a problem)."""
    path = root / relative
    if not path.is_symlink() and not path.exists():
        return None
    if not inside(root, path):
        problems.append(Problem(relative, "outside-ledger", "leads out of the ledger", "replace the link by the file"))
        return None
    try:
        _size_of(path)
        return path.read_bytes()
    except OSError as error:
        problems.append(unreadable(relative, error))
        return None


def unreadable(relative: str, error: OSError) -> Problem:
    """The problem of a file that the system does not let us read."""
    reason = (error.strerror or str(error)).lower()
    return Problem(relative, "unreadable", f"cannot be read: {reason}", "check that it is a file and its permissions")


def _size_of(path: Path) -> int:
    """The size of a file in bytes. Raises OSError for what cannot be read, and for a pipe, which would never end."""
    found = path.stat()
    if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
        raise OSError("it is no plain file")
    return found.st_size


def listed(root: Path, folder: str, problems: list[Problem]) -> Iterator[str]:
    """Every file below a folder of the ledger, as sorted relative paths; hidden and well-known other files left out."""
    start = root / folder
    if not start.is_dir():
        return

    def refuse(error: OSError) -> None:
        problems.append(unreadable(Path(error.filename).relative_to(root).as_posix(), error))

    for path, folders, names in os.walk(start, onerror=refuse):
        folders.sort()
        for name in list(folders):
            if (Path(path) / name).is_symlink():
                relative = (Path(path) / name).relative_to(root).as_posix()
                problems.append(_linked_folder(root, relative))
                folders.remove(name)
        for name in sorted(names):
            if name in _IGNORED or name.startswith("."):
                continue
            relative = (Path(path) / name).relative_to(root).as_posix()
            if not inside(root, Path(path) / name):
                problems.append(
                    Problem(relative, "outside-ledger", "leads out of the ledger", "replace the link by the file")
                )
                continue
            yield relative


def _linked_folder(root: Path, relative: str) -> Problem:
    fix = "replace the link by the files"
    if not inside(root, root / relative):
        return Problem(relative, "outside-ledger", "leads out of the ledger", fix)
    return Problem(relative, "bad-link", "is a link to a folder, whose files would not be read", fix)


def source_of(relative: str) -> str | None:
    """The source of a charge file by its path within the ledger, None where that names none."""
    parts = PurePosixPath(relative).parts
    suffix = suffix_of(parts[-1])
    if len(parts) == 3:
        return source_name(parts[2][: -len(suffix)]) if suffix else None
    return source_name(parts[2]) if len(parts) == 4 else None


def charge_files(root: Path) -> tuple[list[ChargeFile], list[Problem]]:
    """Every charge file, ordered by period, source and name, and what lies in `charges/` without being one."""
    problems: list[Problem] = []
    found: list[ChargeFile] = []
    for relative in listed(root, "charges", problems):
        parts = PurePosixPath(relative).parts
        suffix, source = suffix_of(parts[-1]), source_of(relative)
        if len(parts) not in (3, 4) or not is_period(parts[1]):
            problems.append(
                Problem(
                    relative,
                    "misplaced-file",
                    "lies where no charge file is looked for",
                    "put it at charges/PERIOD/SOURCE.csv, such as charges/2025-01/aws.csv",
                )
            )
        elif not suffix:
            problems.append(
                Problem(relative, "unknown-file-type", "not a kind of charge file", f"use {', '.join(CHARGE_SUFFIXES)}")
            )
        elif source is None:
            problems.append(
                Problem(relative, "bad-source-name", "the name is no source", "name it by letters, digits, - and _")
            )
        else:
            location = root / relative
            try:
                found.append(ChargeFile(relative, location, parts[1], source, _size_of(location)))
            except OSError as error:
                problems.append(unreadable(relative, error))
    problems += _counted_twice(found)
    found.sort(key=lambda file: (file.period, file.source, file.path))
    return found, problems


def _counted_twice(found: Sequence[ChargeFile]) -> Iterator[Problem]:
    """Links to a charge file that is counted already, by itself or through another link."""
    first: dict[str, str] = {}
    for file in sorted(found, key=lambda file: (file.location.is_symlink(), file.path)):
        known = first.setdefault(os.path.realpath(file.location), file.path)
        if known != file.path:
            told = f"is a link to what {known} is too, so that its charges would count twice"
            yield Problem(file.path, "bad-link", told, "remove the link, or put the file itself there")


def make_folder(folder: Path, made: list[Path]) -> None:
    """Make a folder with those above it; each that was not there is added to `made`, so that it can be taken away."""
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for path in reversed(missing):
        path.mkdir()
        made.append(path)
