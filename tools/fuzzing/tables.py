"""Makes faulty charge files: cells, rows, columns, quoting, encodings, line endings, compression, bytes."""

from __future__ import annotations

import csv
import gzip
import io
import random
from collections.abc import Callable
from typing import Literal

import zstandard

from fuzzing.cells import CELLS, MORE_DATES, MORE_NUMBERS

Rows = list[list[str]]

_STRANGE = (*CELLS, *MORE_DATES, *MORE_NUMBERS, "\x00", "\x1b[31m", "=1+1", "x" * 1_000_000)
_BYTES = b"\",\n\r\x00\xff\xc4\xfe ;1-.eTZ{}:\\'\t\x1a\x80"
_CONFLICT = ("<<<<<<< HEAD", "=======", ">>>>>>> branch")


def changed_table(rng: random.Random, rows: Rows) -> tuple[bytes, str]:
    """A faulty charge file made from a valid table (header first), with its file ending."""
    rows = [list(row) for row in rows]
    for _ in range(rng.choice((0, 1, 1, 1, 2, 3, 6))):
        rng.choice(_TABLE_CHANGES)(rng, rows)
    content = _encoded(rng, _written(rng, rows))
    if rng.random() < 0.3:
        content = changed_bytes(rng, content)
    return _packed(rng, content)


def changed_bytes(rng: random.Random, content: bytes) -> bytes:
    """A few bytes set, inserted, deleted, doubled or cut off."""
    data = bytearray(content)
    for _ in range(rng.randint(1, 5)):
        place = rng.randrange(len(data) + 1)
        match rng.choice(("set", "insert", "delete", "double", "cut", "swap")):
            case "set":
                data[place : place + 1] = bytes([rng.choice(_BYTES)])
            case "insert":
                data[place:place] = bytes(rng.choice(_BYTES) for _ in range(rng.randint(1, 3)))
            case "delete":
                del data[place : place + rng.choice((1, 1, 2, 40))]
            case "double":
                data[place:place] = data[place : place + rng.choice((1, 5, 200))]
            case "cut" if rng.random() < 0.3:
                del data[place:]
            case "swap":
                data[place : place + 2] = data[place : place + 2][::-1]
    return bytes(data)


def _cell(rng: random.Random, rows: Rows) -> None:
    row = rng.choice(rows)
    if row:
        row[rng.randrange(len(row))] = rng.choice(_STRANGE)


def _date_or_number(rng: random.Random, rows: Rows) -> None:
    """Put a strange date among dates, or a strange number among numbers, where it may pass as valid."""
    row = rng.choice(rows)
    places = [index for index, cell in enumerate(row) if cell[:1].isdigit()]
    if places:
        place = rng.choice(places)
        row[place] = rng.choice(MORE_DATES if "-" in row[place][1:] else MORE_NUMBERS)


def _edited_cell(rng: random.Random, rows: Rows) -> None:
    row = rng.choice(rows)
    if row:
        place = rng.randrange(len(row))
        cut = rng.randrange(len(row[place]) + 1)
        row[place] = (
            row[place][:cut] + rng.choice("0-+.eT:Z \t\u00a0\u200b,;'\"{") + row[place][cut + rng.randint(0, 1) :]
        )


def _column(rng: random.Random, rows: Rows) -> None:
    place = rng.randrange(len(rows[0]) or 1)
    match rng.choice(("drop", "double", "fill", "rename", "move", "empty")):
        case "drop":
            for row in rows:
                del row[place : place + 1]
        case "double":
            for row in rows:
                row[place:place] = row[place : place + 1]
        case "fill":
            value = rng.choice(_STRANGE[:-1])
            for row in rows[1:]:
                row[place : place + 1] = [value]
        case "rename":
            label = rows[0][place] if rows[0] else ""
            rows[0][place : place + 1] = [
                rng.choice((label.upper(), f" {label}", label.lower(), "", "x_own", "BilledCost", "Tags", label + "\n"))
            ]
        case "move":
            other = rng.randrange(len(rows[0]) or 1)
            for row in rows:
                row.insert(min(other, len(row)), row.pop(place) if place < len(row) else "")
        case "empty":
            for row in rows[1:]:
                row[place : place + 1] = [""]


def _row(rng: random.Random, rows: Rows) -> None:
    place = rng.randrange(len(rows))
    row = rows[place]
    width = len(rows[0])
    match rng.choice(("short", "long", "blank", "double", "drop", "empty", "commas", "conflict", "none", "space")):
        case "short":
            del row[rng.randrange(len(row) + 1) :]
        case "long":
            row += [rng.choice(("", "x", "1"))] * rng.randint(1, 3)
        case "blank":
            rows.insert(place, [])
        case "double":
            rows.insert(place, list(row))
        case "drop" if len(rows) > 1:
            del rows[place]
        case "empty":
            rows[place] = [""] * width
        case "commas":
            rows[place] = [""] * rng.randint(1, width + 2)
        case "conflict":
            rows.insert(place, [rng.choice(_CONFLICT)])
        case "none":
            del rows[1:]
        case "space":
            rows.insert(place, [rng.choice((" ", "\t", "\u00a0", "#comment"))])


_TABLE_CHANGES: tuple[Callable[[random.Random, Rows], None], ...] = (
    _cell, _cell, _date_or_number, _date_or_number, _edited_cell, _column, _row, _row,
)  # fmt: skip


_QUOTING: tuple[Literal[0, 1, 2], ...] = (
    csv.QUOTE_MINIMAL, csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC,
)  # fmt: skip


def _written(rng: random.Random, rows: Rows) -> str:
    end = rng.choice(("\n", "\n", "\n", "\r\n", "\r\n", "\r"))
    quoting = rng.choice(_QUOTING)
    delimiter = "," if rng.random() < 0.97 else rng.choice(";\t|")
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator=end, quoting=quoting, delimiter=delimiter).writerows(rows)
    text = out.getvalue()
    match rng.randrange(24):
        case 0:
            text = text.rstrip("\r\n")
        case 1:
            text += end * rng.randint(1, 3)
        case 2:
            text = end * rng.randint(1, 3) + text
        case 3:
            text = text.replace(end, rng.choice((f",{end}", f" {end}", f"{end}\n", "\n", "\r\n")))
        case 4:
            text = text.replace('"', rng.choice(("'", "", '""', '\\"', "\u201c")), rng.choice((1, -1)))
        case 5:
            text += "\x1a"
    return text


def _encoded(rng: random.Random, text: str) -> bytes:
    encoding = rng.choice(("utf-8",) * 9 + ("utf-8-sig", "utf-16", "utf-16-le", "latin-1", "cp1252", "utf-32"))
    return text.encode(encoding, "replace" if encoding != "utf-8" else "surrogatepass")


def _packed(rng: random.Random, content: bytes) -> tuple[bytes, str]:
    if rng.random() < 0.8:
        return content, rng.choice((".csv",) * 9 + (".CSV", ".csv.gz", ".csv.zst", ".parquet"))
    suffix = rng.choice((".csv.gz", ".csv.zst"))
    # A fixed time, because a file that is made again must be the same.
    packed = gzip.compress(content, mtime=0) if suffix == ".csv.gz" else zstandard.compress(content)
    match rng.randrange(6):
        case 0:
            packed = packed[: rng.randrange(len(packed) + 1)]
        case 1:
            packed = changed_bytes(rng, packed)
        case 2:
            packed += rng.choice((b"\x00" * 8, b"rubbish", packed))
    return packed, suffix
