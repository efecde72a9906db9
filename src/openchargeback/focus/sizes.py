"""How large a charge file is without its compression: a small file may hold more than any disk.

Nothing else reads a file before `too_large` has let it pass. What cannot expand beyond the ceiling, by the format of
its compression, is not read for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb

from openchargeback.focus import csv_text, parquet
from openchargeback.focus.database import file_literal, sql
from openchargeback.ledger.files import ChargeFile
from openchargeback.ledger.settings import GIGABYTE
from openchargeback.problems import Problem

_BLOCK = 1 << 20
# Deflate encodes at most 258 bytes in two bits; a block of Zstandard holds at most 128 KiB in four bytes.
_MOST = {".gz": 1032, ".zst": 1 << 15}


class TooLarge(ValueError):
    """There is more content than the ceiling allows."""


def content_blocks(path: Path, ceiling: int) -> Iterator[bytes]:
    """The decompressed bytes of a charge file, piece by piece. Raises TooLarge beyond so many."""
    left = ceiling
    with csv_text.binary(path) as file:
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
            found = con.execute(sql(__package__, "parquet_size.sql", file=file_literal(file.location))).fetchone()
        except duckdb.Error:
            return False
        return found is not None and found[0] > file.ceiling
    if size * _MOST.get(file.location.suffix.lower(), 1) <= file.ceiling:
        return False
    try:
        for _ in content_blocks(file.location, file.ceiling):
            pass
    except TooLarge:
        return True
    except csv_text.UNREADABLE:
        return False
    return False
