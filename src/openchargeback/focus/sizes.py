"""The size of a charge file without its compression: a small file may expand beyond any disk.

Nothing else reads a file before `too_large` has passed it. A file that its compression format cannot expand beyond the
ceiling is not read for this.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb

from openchargeback.focus import decompression, parquet
from openchargeback.focus.database import file_literal, identifier, sql
from openchargeback.ledger.files import ChargeFile
from openchargeback.ledger.settings import GIGABYTE
from openchargeback.problems import Problem

_BLOCK = 1 << 20
# Deflate encodes at most 258 bytes in two bits; a Zstandard block encodes at most 128 KiB in four bytes.
_MOST = {".gz": 1032, ".zst": 1 << 15}


class TooLarge(ValueError):
    """The content is larger than the ceiling."""


def content_blocks(path: Path, ceiling: int) -> Iterator[bytes]:
    """The decompressed bytes of a charge file, in pieces. Raises TooLarge beyond the ceiling."""
    left = ceiling
    with decompression.binary(path) as file:
        while block := file.read(_BLOCK):
            left -= len(block)
            if left < 0:
                raise TooLarge(f"more than {ceiling:,} bytes")
            yield block


def too_large(con: duckdb.DuckDBPyConnection, file: ChargeFile) -> Problem | None:
    """The problem of a file whose content is larger than its ceiling; None for any other, even a damaged one."""
    if not _is_too_large(con, file):
        return None
    shown = f"{file.ceiling // GIGABYTE} GB (limits.charge_file_gb)"
    compressed = file.location.stat().st_size <= file.ceiling
    message = f"larger than {shown}{' once decompressed' if compressed else ''}, so it is not read"
    fix = "check where the file comes from; export it in parts, or raise `limits: charge_file_gb:` in config.yaml"
    return Problem(file.path, "charge-file-size", message, fix)


def _is_too_large(con: duckdb.DuckDBPyConnection, file: ChargeFile) -> bool:
    size = file.location.stat().st_size
    if size > file.ceiling:
        return True
    if parquet.is_parquet(file.location):
        try:
            return _parquet_is_too_large(con, file_literal(file.location), file.ceiling)
        except duckdb.Error:
            return False
    if size * _MOST.get(file.location.suffix.lower(), 1) <= file.ceiling:
        return False
    try:
        for _ in content_blocks(file.location, file.ceiling):
            pass
    except TooLarge:
        return True
    except decompression.UNREADABLE:
        return False
    return False


def _parquet_is_too_large(con: duckdb.DuckDBPyConnection, location: str, ceiling: int) -> bool:
    sizes = con.execute(sql(__package__, "parquet_size.sql", file=location)).fetchone()
    declared, most = sizes or (0, 0)
    if declared > ceiling or most <= ceiling:
        return bool(declared > ceiling)
    # A dictionary stores a text once, however many cells have it. Only reading shows how often each occurs.
    described = con.execute(f"DESCRIBE SELECT * FROM read_parquet({location})").fetchall()
    lengths = [
        f"sum(strlen({identifier(name)}::VARCHAR))"
        for name, kind, *_ in described
        if kind in ("VARCHAR", "BLOB") or kind.endswith(("]", ")"))
    ]
    if not lengths:
        return False
    found = con.execute(f"SELECT {', '.join(lengths)} FROM read_parquet({location})").fetchone()
    return sum(length or 0 for length in found or ()) > ceiling
