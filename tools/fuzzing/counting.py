"""A second opinion on a charge file: rows and the sum of a column, using only Python's csv module and Decimal.

Deliberately shares no code with the program, so that one mistake does not make both wrong.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation

import zstandard

csv.field_size_limit(1 << 30)

_BLANKS = re.compile(r'(^|[,\r]) ?("(?:[^"]|"")*") *(?=[,\r]|$)', re.MULTILINE)
_NULLS = frozenset({"", "NULL", "null"})
_EXACT = Context(prec=6_000, Emax=999_999, Emin=-999_999)
_PLACES = Decimal(1).scaleb(-18)


class Uncountable(Exception):
    """The file cannot be counted without a guess, so it should not have been accepted."""


def counted(content: bytes, suffix: str, column: str) -> tuple[int, Decimal]:
    """Rows below the header and the exact sum of a column (18 decimals a row, half-up), of an accepted file."""
    text = _text(_unpacked(content, suffix.lower()))
    if "\x00" in text:
        raise Uncountable("a NUL")
    try:
        return _counted(text, column)
    except Uncountable:
        # Spaces next to the quotes of a cell are ignored, according to the documentation.
        return _counted(_BLANKS.sub(r"\1\2", text), column)


def _counted(text: str, column: str) -> tuple[int, Decimal]:
    try:
        records = [cells for cells in csv.reader(io.StringIO(text, newline=""), strict=True) if cells]
    except csv.Error as error:
        raise Uncountable(f"not CSV: {error}") from error
    if not records:
        raise Uncountable("no header")
    header, *rows = records
    ragged = [number for number, row in enumerate(rows, 1) if len(row) != len(header)]
    if ragged:
        raise Uncountable(f"row {ragged[0]} and the header have different numbers of cells")
    places = [index for index, label in enumerate(header) if label.strip().casefold() == column.casefold()]
    if len(places) != 1:
        raise Uncountable(f"{len(places)} columns {column}")
    return len(rows), sum((_amount(row[places[0]]) for row in rows), Decimal(0))


def _unpacked(content: bytes, suffix: str) -> bytes:
    try:
        if suffix.endswith(".gz"):
            return gzip.decompress(content)
        if suffix.endswith(".zst"):
            with zstandard.ZstdDecompressor().stream_reader(content, read_across_frames=True) as stream:
                return stream.read()
    except (OSError, EOFError, ValueError, zstandard.ZstdError) as error:
        raise Uncountable(f"damaged: {error}") from error
    return content


def _text(data: bytes) -> str:
    encoding = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise Uncountable(f"not {encoding}") from error


def _amount(cell: str) -> Decimal:
    if cell in _NULLS:
        raise Uncountable("a row without an amount")
    try:
        value = _EXACT.create_decimal(cell)
        if not value.is_finite():
            raise Uncountable(f"{cell!r} is not an amount")
        return value.quantize(_PLACES, rounding=ROUND_HALF_UP, context=_EXACT)
    except InvalidOperation as error:
        raise Uncountable(f"{cell[:60]!r} is not an amount") from error
