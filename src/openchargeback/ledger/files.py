"""The file layout of a ledger, and the only way its files are read (`Gate`).

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

from openchargeback.ledger.config import FILE_NAME, LOCAL_FILE_NAME
from openchargeback.ledger.links import CACHE, first_link, link_faults, private
from openchargeback.ledger.periods import INVOICES, is_period
from openchargeback.ledger.settings import SOURCE_PATTERN, Limits
from openchargeback.problems import Problem, UsageFault

CHARGE_SUFFIXES = (".csv", ".csv.gz", ".csv.zst", ".parquet")
"""The supported kinds of charge files, by the end of their names."""

ESTIMATE = "estimate"
"""The start of the names of part files whose charges are estimates: `charges/2025-01/azure/estimate-000.csv.gz`."""

COMPRESSED_SUFFIXES = (".gz", ".zst")
"""The ends of names of compressed text."""

PAGE_IMAGES = (".gif", ".jpeg", ".jpg", ".png", ".webp")
"""Images that pages may show. No SVG, which could run scripts when opened by itself."""
CONVERSIONS = "conversions"
"""The folder of the configs of conversions."""
USAGE = "usage"
"""The folder of what conversions have billed."""
DELIVERIES = "deliveries"
"""The folder of what was emailed."""
POSTINGS = "postings"
"""The folder of what became of the documents of journals."""
PROFILES = "journals"
"""The folder of journal profiles among the templates."""

OWN_FOLDERS = (
    *("approvals", "charges", CONVERSIONS, DELIVERIES, "directory", INVOICES, "pages", "periods", "policies"),
    *(POSTINGS, "templates", USAGE),
)
"""The folders that belong to a ledger; nothing else next to them does."""

LOCK_FILE = "requirements.lock"

_IGNORED = frozenset({"README.md", ".gitkeep", ".gitattributes", ".DS_Store", "Thumbs.db", "desktop.ini"})


TOGETHER = 64 << 20
"""The most bytes of charges, as text, that are worked on together; a larger file or month is worked on alone."""
_USUAL_RATIO = 10


@dataclass(frozen=True, slots=True)
class ChargeFile:
    """A file with charges: `path` relative to the ledger, `location` on disk.

    ceiling: its maximum uncompressed size in bytes (`limits.charge_file_gb`).
    """

    path: str
    location: Path
    period: str
    source: str
    size: int
    ceiling: int = Limits().charge_file_bytes

    @property
    def text_size(self) -> int:
        """About how many bytes its text has, uncompressed."""
        return self.size * (_USUAL_RATIO if self.path.lower().endswith(COMPRESSED_SUFFIXES) else 1)


def find_ledger(named: str | None, start: Path) -> Path:
    """The ledger to work on: as named, else the nearest ledger upward from `start`, else `start/ledger`.

    Raises UsageFault if there is none.
    """
    if named:
        root = Path(named)
        if not root.is_dir():
            raise UsageFault(f"{named} is not a folder; to create a ledger there, run `focus-billing init {named}`")
        return root
    for folder in (start, *start.parents):
        if (folder / FILE_NAME).is_file() and (folder / "charges").is_dir():
            return folder
    if (start / "ledger").is_dir():
        return start / "ledger"
    raise UsageFault("no ledger found; use --ledger DIR, or create one with `focus-billing init DIR`")


def suffix_of(name: str) -> str:
    """The suffix of CHARGE_SUFFIXES that a file name ends with; empty if there is none."""
    lowered = name.lower()
    return next((suffix for suffix in CHARGE_SUFFIXES if lowered.endswith(suffix)), "")


def is_estimate(relative: str) -> bool:
    """Whether a charge file has estimates, by its name: a part file `estimate-…`, which must not be closed with."""
    path = PurePosixPath(relative)
    return len(path.parts) == 4 and path.name.lower().startswith(f"{ESTIMATE}-")


def source_name(text: str) -> str | None:
    """The canonical form of a source's name (names are case-insensitive), or None if it is not a valid name."""
    name = text.strip().lower()
    return name if re.fullmatch(SOURCE_PATTERN, name) else None


def digest_of(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_with_plain_line_ends(path: Path) -> str:
    """SHA-256 of a file's bytes with every CR LF replaced by LF, in hex: its digest before a conversion to CR LF."""
    digest = hashlib.sha256()
    carry = b""
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            chunk = carry + chunk
            # A trailing CR may belong to an LF at the start of the next chunk.
            carry = b"\r" if chunk.endswith(b"\r") else b""
            digest.update(chunk[: len(chunk) - len(carry)].replace(b"\r\n", b"\n"))
    digest.update(carry)
    return digest.hexdigest()


class Gate:
    """Decides which files of a ledger may be read: regular files not reached through a forbidden link
    (`links.link_faults`).

    Links cost nothing until there is one; then all links of the ledger are checked together.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._known: set[str] = set()
        self._faults: dict[str, Problem] = {}

    def fault(self, relative: str) -> Problem | None:
        """Why a path within the ledger may not be read; None if it may, or if nothing is there."""
        path = PurePosixPath(relative)
        if path.is_absolute() or ".." in path.parts:
            return Problem(relative, "outside-ledger", "is outside the ledger", "name a file of the ledger")
        link = first_link(self.root, relative)
        if link and link not in self._known:
            self._judge({link, *linked(self.root)} - self._known)
        if link:
            return self._faults.get(link)
        if relative != LOCAL_FILE_NAME and (what := private(relative)):
            message = f"is {what}, not a file of the ledger"
            return Problem(relative, "outside-ledger", message, "name a file of the ledger")
        return None

    def faults(self) -> list[Problem]:
        """Problems with any links of the ledger."""
        self._judge(set(linked(self.root)) - self._known)
        return [*self._faults.values()]

    def is_file(self, relative: str) -> bool:
        """Whether there is a regular file that may be read."""
        return (self.root / relative).is_file() and self.fault(relative) is None

    def _judge(self, fresh: set[str]) -> None:
        self._faults |= link_faults(self.root, fresh)
        self._known |= fresh


def linked(root: Path) -> Iterator[str]:
    """Every symbolic link among the ledger's own files, except hidden names (such as an editor's locks)."""
    for name in (FILE_NAME, LOCAL_FILE_NAME, LOCK_FILE, CACHE, *OWN_FOLDERS):
        if (root / name).is_symlink():
            yield name
            continue
        for path, folders, names in os.walk(root / name) if name in OWN_FOLDERS else ():
            for each in (*folders, *names):
                if not each.startswith(".") and (Path(path) / each).is_symlink():
                    yield (Path(path) / each).relative_to(root).as_posix()


def read_bytes(root: Path, relative: str, problems: list[Problem], gate: Gate | None = None) -> bytes | None:
    """The bytes of a file of the ledger; None if it does not exist or cannot be read (the latter adds a problem)."""
    path = root / relative
    if fault := (gate or Gate(root)).fault(relative):
        problems.append(fault)
        return None
    if not path.exists():
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
    return Problem(relative, "unreadable", f"cannot be read: {reason}", "check its permissions, and that it is a file")


def _size_of(path: Path) -> int:
    """The size of a file in bytes. Raises OSError if it cannot be read, and for a pipe, which would never end."""
    found = path.stat()
    if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
        raise OSError("it is not a regular file")
    return found.st_size


def listed(root: Path, folder: str, problems: list[Problem], gate: Gate | None = None) -> Iterator[str]:
    """Every file below a folder of the ledger, as sorted relative paths, without hidden and well-known system files."""
    gate = gate or Gate(root)
    if fault := gate.fault(folder):
        problems.append(fault)
        return

    def refuse(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError | NotADirectoryError):
            problems.append(unreadable(Path(error.filename).relative_to(root).as_posix(), error))

    for path, folders, names in os.walk(root / folder, onerror=refuse):
        folders.sort()
        for name in sorted((*folders, *names)):
            place = Path(path) / name
            link = place.is_symlink()
            if link and name in folders:
                folders.remove(name)
            if name in folders or is_ignored(name):
                continue
            relative = place.relative_to(root).as_posix()
            if link and (fault := gate.fault(relative)):
                problems.append(fault)
                continue
            yield relative


def is_ignored(name: str) -> bool:
    """Whether a file of this name is ignored everywhere in the ledger."""
    return name in _IGNORED or name.startswith(".")


def source_of(relative: str, suffix: str | None = None) -> str | None:
    """The source of a charge file by its path within the ledger; None if the path names none.

    suffix: of files of another kind that are filed the same way.
    """
    parts = PurePosixPath(relative).parts
    suffix = suffix_of(parts[-1]) if suffix is None else suffix
    if len(parts) == 3:
        return source_name(parts[2][: -len(suffix)]) if suffix else None
    return source_name(parts[2]) if len(parts) == 4 else None


def intervals_path(period: str, source: str) -> str:
    """Where the ledger keeps which usage the converted charges of a source bill, and when."""
    return f"{USAGE}/{period}/{source}.parquet"


def charge_files(root: Path, gate: Gate | None = None) -> tuple[list[ChargeFile], list[Problem]]:
    """Every charge file, ordered by period, source and name, and problems for other files in `charges/`."""
    problems: list[Problem] = []
    found: list[ChargeFile] = []
    for relative in listed(root, "charges", problems, gate):
        parts = PurePosixPath(relative).parts
        suffix, source = suffix_of(parts[-1]), source_of(relative)
        if len(parts) not in (3, 4) or not is_period(parts[1]):
            problems.append(
                Problem(
                    relative,
                    "misplaced-file",
                    "is not where charge files belong",
                    "put it at charges/PERIOD/SOURCE.csv, such as charges/2025-01/aws.csv",
                )
            )
        elif not suffix:
            problems.append(
                Problem(
                    relative,
                    "unknown-file-type",
                    "not a supported type of charge file",
                    f"use {', '.join(CHARGE_SUFFIXES)}",
                )
            )
        elif source is None:
            problems.append(
                Problem(relative, "bad-source-name", "not a valid source name", "use only letters, digits, - and _")
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
    """Problems for links to a charge file that already counts, directly or through another link."""
    first: dict[str, str] = {}
    for file in sorted(found, key=lambda file: (file.location.is_symlink(), file.path)):
        known = first.setdefault(os.path.realpath(file.location), file.path)
        if known != file.path:
            message = f"links to the same file as {known}, so its charges would be counted twice"
            yield Problem(file.path, "bad-link", message, "remove the link, or replace it with the file itself")


def make_folder(folder: Path, made: list[Path]) -> None:
    """Create a folder and its parents; appends each one created to `made`, so that they can be removed again."""
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for path in reversed(missing):
        path.mkdir()
        made.append(path)
