"""Rendered pages and PDFs of earlier builds, so that only changes are rendered again.

The cache never affects the output: an entry that is missing, damaged or unreadable is rendered again, and a build works
without a cache.

    <folder>/.gitignore         ignores everything here
    <folder>/index.json         the number of the last build, and for each entry the build that used it last
    <folder>/ab/cdef…           an entry, named by the SHA-256 of its kind and key
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import tempfile
from pathlib import Path

from openchargeback.files.writing import ignore_all
from openchargeback.publish.codec import T, decode, encode

MOST_UNUSED = 2_000
MOST_UNUSED_BYTES = 100_000_000

_INDEX = "index.json"
_SHARD = re.compile(r"[0-9a-f]{2}")
_REST = re.compile(r"[0-9a-f]{62}")
_TEMPORARY = ".tmp"
_DIGEST_SIZE = 32


class Cache:
    """Results of earlier builds, by kind (such as `page`) and key. Always empty without a folder."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._writable = folder is not None
        self._used: set[str] = set()
        self._shards: set[str] = set()

    @property
    def is_writable(self) -> bool:
        """Whether it keeps what it is given, as far as is known."""
        return self._writable

    def get(self, kind: str, key: str) -> bytes | None:
        """The data under this kind and key; None if there is none, or if it is damaged."""
        if self._folder is None:
            return None
        name = _name(kind, key)
        try:
            blob = self._place(self._folder, name).read_bytes()
        except OSError:
            return None
        data = blob[_DIGEST_SIZE:]
        if blob[:_DIGEST_SIZE] != _seal(name, data):
            return None
        self._used.add(name)
        return data

    def put(self, kind: str, key: str, data: bytes) -> None:
        """Keep `data` for later builds, if possible."""
        if self._folder is None or not self._writable:
            return
        name = _name(kind, key)
        try:
            if not self._used:
                self._prepare(self._folder)
            place = self._place(self._folder, name)
            if name[:2] not in self._shards:
                place.parent.mkdir(exist_ok=True)
                self._shards.add(name[:2])
            _replace(place, _seal(name, data) + data)
        except OSError:
            # Most likely read-only or full: further attempts would fail, too.
            self._writable = False
            return
        self._used.add(name)

    def value(self, kind: str, key: str, of: type[T]) -> T | None:
        """The model value under this kind and key; None if there is none, or if its shape is different."""
        data = self.get(kind, key)
        try:
            return None if data is None else decode(of, data)
        except (ValueError, TypeError, KeyError):
            return None

    def keep(self, kind: str, key: str, value: object) -> None:
        """Keep a model value for later builds."""
        if self._writable:
            self.put(kind, key, encode(value))

    def prune(self, most_unused: int = MOST_UNUSED, most_unused_bytes: int = MOST_UNUSED_BYTES) -> None:
        """Call at the end of a build. Drops entries that this build did not use, down to these limits.

        Drops the least recently used first, counted in builds: a clock says nothing about what the next build needs,
        and a checkout gives every file a new time.
        """
        if self._folder is None or not self._writable or not self._folder.is_dir():
            return
        try:
            self._prepare(self._folder)
            generation, last_used = _read_index(self._folder / _INDEX)
            generation += 1
            sizes = _entries(self._folder)
            last_used = {name: generation if name in self._used else last_used.get(name, 0) for name in sizes}
            unused = sorted((name for name in sizes if name not in self._used), key=lambda n: (-last_used[n], n))
            kept_bytes = 0
            for number, name in enumerate(unused, start=1):
                kept_bytes += sizes[name]
                if number > most_unused or kept_bytes > most_unused_bytes:
                    self._place(self._folder, name).unlink(missing_ok=True)
                    del last_used[name]
            index = json.dumps({"generation": generation, "last_used": last_used}, sort_keys=True, indent=0)
            _replace(self._folder / _INDEX, index.encode())
        except OSError:
            self._writable = False

    def _prepare(self, folder: Path) -> None:
        ignore_all(folder)

    @staticmethod
    def _place(folder: Path, name: str) -> Path:
        return folder / name[:2] / name[2:]


def _name(kind: str, key: str) -> str:
    # The length keeps kind "a" with key "bc" apart from kind "ab" with key "c".
    return hashlib.sha256(f"{len(kind)}:{kind}{key}".encode()).hexdigest()


def _seal(name: str, data: bytes) -> bytes:
    """The digest in front of an entry: over its name too, so that an intact entry in the wrong place does not count."""
    digest = hashlib.sha256(name.encode())
    digest.update(data)
    return digest.digest()


def _replace(place: Path, blob: bytes) -> None:
    # No fsync: an entry damaged by a power failure fails its digest and is rendered again.
    handle, temporary = tempfile.mkstemp(suffix=_TEMPORARY, dir=place.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(blob)
        os.replace(temporary, place)  # noqa: PTH105 - mkstemp gives a string
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)  # noqa: PTH108 - as above
        raise


def _read_index(path: Path) -> tuple[int, dict[str, int]]:
    """The number of the last build, and entry → build that used it last; as for a new cache if the index is damaged."""
    try:
        content = json.loads(path.read_bytes())
        generation, last_used = content["generation"], content["last_used"]
        return int(generation), {str(name): int(used) for name, used in last_used.items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        return 0, {}


def _entries(folder: Path) -> dict[str, int]:
    """Entry → size in bytes. Removes the leftovers of interrupted writes; ignores files that are not ours."""
    sizes = {}
    for shard in folder.iterdir():
        if not _SHARD.fullmatch(shard.name) or not shard.is_dir():
            continue
        for file in shard.iterdir():
            if file.suffix == _TEMPORARY:
                file.unlink(missing_ok=True)
            elif _REST.fullmatch(file.name):
                sizes[shard.name + file.name] = file.lstat().st_size
    return sizes
