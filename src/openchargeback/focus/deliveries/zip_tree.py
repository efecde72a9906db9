"""The files of a zip archive. Nothing of it is trusted: names, sizes and what they say about each other.

No name of an entry becomes a name on disk, and an entry is unpacked only when it is chosen, never beyond the size that
the archive declares for it.
"""

from __future__ import annotations

import re
import stat
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from openchargeback.characters import MISLEADING
from openchargeback.focus.deliveries.tree import Tree, is_skipped, safe
from openchargeback.ledger.settings import GIGABYTE

MAX_ENTRIES = 10_000
"""The most entries of an archive that is read."""

_ENCRYPTED = 0x1
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
# Deflate encodes at most 258 bytes in two bits.
_MOST_RATIO = 1032
_DRIVE = re.compile(r"[A-Za-z]:")


def zip_tree(given: Path, ceiling: int, named: str = "") -> tuple[Tree | None, list[str]]:
    """The files of an archive, and why it cannot be used.

    ceiling: the most bytes that it may unpack to. named: what messages call it, if not by its path.
    """
    shown = Path(named) if named else given
    name = safe(str(shown))
    try:
        with zipfile.ZipFile(given) as archive:
            entries = archive.infolist()
    except (OSError, ValueError, NotImplementedError, zipfile.BadZipFile) as error:
        reason = getattr(error, "strerror", None) or "it is not a zip archive, or it is cut off"
        return None, [f"{name} cannot be read: {reason.lower()}; get it again"]
    if len(entries) > MAX_ENTRIES:
        return None, [f"{name} has {len(entries):,} entries, more than {MAX_ENTRIES:,}: this is not an export"]
    faults = [f"{name}: {fault}" for fault in (*_entry_faults(entries), *_size_faults(entries, given, ceiling))]
    files = {each.filename: each.file_size for each in entries if not each.is_dir() and not is_skipped(each.filename)}

    @contextmanager
    def opened(path: str) -> Iterator[IO[bytes]]:
        with zipfile.ZipFile(given) as archive, archive.open(path) as file:
            yield file

    return Tree(shown, "", dict(sorted(files.items())), opened), faults


def _entry_faults(entries: Sequence[zipfile.ZipInfo]) -> Iterator[str]:
    names: set[str] = set()
    for entry in entries:
        shown = safe(entry.orig_filename)
        if _leaves(entry.orig_filename):
            yield f"the entry {shown} has a name that leads outside the archive: do not use this archive"
        elif not MISLEADING.isdisjoint(entry.orig_filename):
            yield f"the name of the entry {shown} contains control characters: do not use this archive"
        elif entry.filename in names:
            yield f"the entry {shown} is there twice: get the archive again"
        elif stat.S_ISLNK(entry.external_attr >> 16):
            yield f"the entry {shown} is a link: put the file itself into the archive"
        elif entry.flag_bits & _ENCRYPTED:
            yield f"the entry {shown} is encrypted: unpack the archive with its password, and ingest the folder"
        elif entry.compress_type not in _METHODS:
            yield f"the entry {shown} is compressed in an unknown way: unpack the archive, and ingest the folder"
        names.add(entry.filename)


def _leaves(name: str) -> bool:
    return (
        "\\" in name
        or "\0" in name
        or bool(_DRIVE.match(name))
        or name.startswith("/")
        or ".." in PurePosixPath(name).parts
    )


def _size_faults(entries: Sequence[zipfile.ZipInfo], given: Path, ceiling: int) -> Iterator[str]:
    total = sum(entry.file_size for entry in entries)
    packed = sum(entry.compress_size for entry in entries)
    if total > ceiling:
        limit = f"{ceiling // GIGABYTE} GB (limits.charge_file_gb)" if ceiling >= GIGABYTE else f"{ceiling:,} bytes"
        yield f"it would unpack to {total:,} bytes, more than {limit}, so it is not read: check where it comes from"
    elif packed > given.stat().st_size or any(entry.file_size > entry.compress_size * _MOST_RATIO for entry in entries):
        yield "its entries are larger than the archive can hold: do not use this archive"
