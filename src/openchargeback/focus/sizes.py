"""How large a charge file is without its compression: a small file may hold more than any disk.

Nothing else reads a file before `too_large` has let it pass. What cannot expand beyond the ceiling, by the format of
its compression, is not read for it.
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
# Deflate encodes at most 258 bytes in two bits; a block of Zstandard holds at most 128 KiB in four bytes.
_MOST = {".gz": 1032, ".zst": 1 << 15}


class TooLarge(ValueError):
    """There is more content than the ceiling allows."""


def content_blocks(path: Path, ceiling: int) -> Iterator[bytes]:
    """The decompressed bytes of a charge file, piece by piece. Raises TooLarge where there are more."""
    left = ceiling
    with decompression.binary(path) as file:
        while block := file.read(_BLOCK):
            left -= len(block)
            if left < 0:
                raise TooLarge(f"more than {ceiling:,} bytes")
            yield block


def too_large(con: duckdb.DuckDBPyConnection, file: ChargeFile) -> Problem | None:
    """The problem of a file whose content is larger than its ceiling; None for any other, also one that is damaged."""
    if not _is_too_large(con, file):
        return None
    shown = f"{file.ceiling // GIGABYTE} GB (limits.charge_file_gb)"
    compressed = file.location.stat().st_size <= file.ceiling
    message = f"holds more than {shown}{' once decompressed' if compressed else ''}, so it is not read"
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
    # A dictionary holds a text once, however many cells have it. Only reading tells how often each does.
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
