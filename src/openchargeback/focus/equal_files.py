"""Charge files with the same content, whatever their compression: their charges must not be billed twice.

Nearly all files differ in decompressed size, which can be read from the end of a gzip file and the start of a
Zstandard file. Only files of the same size are read in full.
"""

from __future__ import annotations

import hashlib
import os
import re
import struct
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

import duckdb
import zstandard

from openchargeback.focus import csv_text, decompression, parquet
from openchargeback.focus.database import count, database
from openchargeback.focus.sizes import content_blocks
from openchargeback.ledger.files import ChargeFile

Copies = tuple[ChargeFile, ...]
"""Two or more files with the same content, in the order of period, source and path."""

Size = tuple[bool, int | None]
"""Whether a file is Parquet (its bytes are compared as is), and its `content_size`."""

Sizes = Mapping[Size, Sequence[ChargeFile]]

_BLOCK = 1 << 20
_MODULUS = 1 << 32
"""A gzip file states its size modulo this."""

# RFC 1952, 2.3: magic, deflate, flags, time, level, system. RFC 8878, 3.1.1: magic.
_GZIP_MEMBER = re.compile(rb"\x1f\x8b\x08[\x00-\x1f].{4}[\x00\x02\x04][\x00-\x0d\xff]", re.DOTALL)
_GZIP_HEADER = 10
_GZIP_MAGIC, _ZSTD_MAGIC = b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd"


def equal_files(files: Iterable[ChargeFile], among: Collection[str] | None = None) -> list[Copies]:
    """Groups of files with the same charges, at least one: equal once decompressed, Parquet byte for byte.

    among: only groups with at least one of these paths. Unreadable files equal nothing; other checks report them.
    """
    groups = [group for group in by_size(files).values() if len(group) > 1]
    found = []
    for group in groups:
        if among is not None and not any(file.path in among for file in group):
            continue
        readable = [file for file in group if csv_text.stored_elsewhere(file.location, file.path) is None]
        by_digest: dict[str, list[ChargeFile]] = {}
        for file in readable:
            by_digest.setdefault(content_digest(file.location, file.ceiling), []).append(file)
        for equal in by_digest.values():
            # Links to the same file are reported separately.
            copies = {os.path.realpath(file.location): file for file in reversed(equal)}
            if len(copies) > 1 and has_charges(equal[0].location):
                found.append(tuple(sorted(copies.values(), key=lambda file: (file.period, file.source, file.path))))
    return sorted(found, key=lambda copies: copies[0].path)


def by_size(files: Iterable[ChargeFile]) -> Sizes:
    """The files grouped by what `equal_files` compares first."""
    sizes: dict[Size, list[ChargeFile]] = {}
    for file in files:
        sizes.setdefault(_size(file.location, file.ceiling), []).append(file)
    return sizes


def same_content(path: Path, digest: str, sizes: Sizes, ceiling: int) -> list[ChargeFile]:
    """The files with the same content as another file, whose `content_digest` is known."""
    same_size = sizes.get(_size(path, ceiling), ())
    return [file for file in same_size if content_digest(file.location, file.ceiling) == digest]


def content_digest(path: Path, ceiling: int) -> str:
    """SHA-256 of a charge file without its compression, so that compressing a file does not change its identity."""
    total = hashlib.sha256()
    try:
        for block in content_blocks(path, ceiling):
            total.update(block)
    except decompression.UNREADABLE as error:
        # A damaged archive has no content; it equals only files with the same bytes.
        total = hashlib.sha256(path.read_bytes())
        total.update(str(type(error)).encode())
    return total.hexdigest()


def content_size(path: Path, ceiling: int) -> int | None:
    """How many bytes a file has without its compression, modulo 2³²; None if it cannot be read.

    A compressed file states its size, unless it has several parts, each with its own.
    """
    try:
        name = path.name.lower()
        size = _gzip_size(path) if name.endswith(".gz") else _zstd_size(path) if name.endswith(".zst") else None
        if size is None and name.endswith((".gz", ".zst")):
            size = sum(map(len, content_blocks(path, ceiling)))
        return (path.stat().st_size if size is None else size) % _MODULUS
    except decompression.UNREADABLE:
        return None


def has_charges(path: Path) -> bool:
    """Whether a file has anything below its header; False if it cannot be read."""
    try:
        if parquet.is_parquet(path):
            with database() as con:
                return count(con, f"SELECT count(*) FROM {parquet.relation(path)}") > 0
        with decompression.text(path) as file:
            filled = (record for record in csv_text.records(file) if record.cells)
            return next(filled, None) is not None and next(filled, None) is not None
    except (*decompression.UNREADABLE, duckdb.Error):
        return False


def _size(path: Path, ceiling: int) -> Size:
    return parquet.is_parquet(path), content_size(path, ceiling)


def _gzip_size(path: Path) -> int | None:
    """The size that a gzip file of one member states at its end; None for any other."""
    with path.open("rb") as file:
        start = file.read(len(_GZIP_MAGIC))
        for place in _found(file, _GZIP_MAGIC, _GZIP_HEADER):
            if _GZIP_MEMBER.match(place):
                return None
        file.seek(-4, os.SEEK_END)
        size: int = struct.unpack("<I", file.read(4))[0]
    # Zeros may follow the last member.
    return size or None if start == _GZIP_MAGIC else None


def _zstd_size(path: Path) -> int | None:
    """The size that a Zstandard file of one frame states at its start; None if it does not."""
    with path.open("rb") as file:
        start = file.read(18)
        file.seek(len(_ZSTD_MAGIC))
        if not start.startswith(_ZSTD_MAGIC) or next(_found(file, _ZSTD_MAGIC, len(_ZSTD_MAGIC)), b""):
            return None
    size = zstandard.get_frame_parameters(start).content_size
    return None if size == zstandard.CONTENTSIZE_UNKNOWN else size


def _found(file: IO[bytes], mark: bytes, length: int) -> Iterator[bytes]:
    """`length` bytes from each occurrence of a mark in the rest of a file."""
    kept = b""
    while block := file.read(_BLOCK):
        data = kept + block
        place = data.find(mark)
        while 0 <= place <= len(data) - length:
            yield data[place : place + length]
            place = data.find(mark, place + 1)
        kept = data[1 - length :]
