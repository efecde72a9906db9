"""The actual type of a charge file, by its first bytes."""

from __future__ import annotations

from dataclasses import dataclass

from openchargeback.problems import Problem

LOOKED_AT = 1 << 16
"""How many bytes of a file are read."""

_EXPORT = "export it as CSV, UTF-8"
_UNPACK = "unpack it, and put the file inside it here instead"


@dataclass(frozen=True, slots=True)
class FileType:
    """A type of file that is not CSV text.

    name: with its article. fix: what to do if CSV is expected. suffix: the file ending for reading it, empty if it
    cannot be read.
    """

    name: str
    fix: str
    suffix: str = ""


GZIP = FileType("gzip data", _UNPACK, ".csv.gz")
ZSTANDARD = FileType("Zstandard data", _UNPACK, ".csv.zst")
PARQUET = FileType("a Parquet file", _EXPORT, ".parquet")
_WORKBOOK = FileType("an Excel workbook", "save it as CSV UTF-8 in the spreadsheet")

# The signatures are those of the formats' own specifications.
_BEGINNINGS = {
    b"\x1f\x8b": GZIP,
    b"\x28\xb5\x2f\xfd": ZSTANDARD,
    b"PK\x03\x04": FileType("a zip archive", _UNPACK),
    b"PK\x05\x06": FileType("an empty zip archive", "export the file again"),
    b"BZh": FileType("bzip2 data", _UNPACK),
    b"\xfd7zXZ\x00": FileType("xz data", _UNPACK),
    b"7z\xbc\xaf\x27\x1c": FileType("a 7-Zip archive", _UNPACK),
    b"Rar!\x1a\x07": FileType("a RAR archive", _UNPACK),
    b"PAR1": PARQUET,
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": _WORKBOOK,
    b"%PDF-": FileType("a PDF", _EXPORT),
    b"SQLite format 3\x00": FileType("an SQLite database", _EXPORT),
}
_WEB_PAGE = FileType("a web page", "download the export itself: this may be a login page")
_PAGES = (b"<!doctype html", b"<html")
_IN_WORKBOOKS = (b"[Content_Types].xml", b"xl/")


def type_of(start: bytes) -> FileType | None:
    """The type of a file with this start; None for text and unknown types."""
    if start.startswith(b"PK\x03\x04") and any(name in start for name in _IN_WORKBOOKS):
        return _WORKBOOK
    if start.removeprefix(b"\xef\xbb\xbf").lstrip()[:14].lower().startswith(_PAGES):
        return _WEB_PAGE
    mark = next((mark for mark in _BEGINNINGS if start.startswith(mark)), b"")
    # A column name may start with BZh or PAR1.
    return None if mark.isalnum() and mark.isascii() and is_text(start) else _BEGINNINGS.get(mark)


def wide_encoding(start: bytes) -> str:
    """The name of an unsupported encoding with NULs, UTF-32 or UTF-16 without its mark; empty for none."""
    if start.startswith((b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff")):
        return "UTF-32"
    even, odd = start[0:128:2], start[1:128:2]
    # Labels are ASCII, so every other byte is NUL.
    for zeros, others in ((odd, even), (even, odd)):
        if len(zeros) > 1 and not zeros.strip(b"\x00") and b"\x00" not in others:
            return "UTF-16 without a byte order mark"
    return ""


def is_text(start: bytes) -> bool:
    """Whether a file with this start may be CSV text in UTF-8."""
    try:
        start[:1024].decode()
    except UnicodeDecodeError as error:
        # A character may be cut off at the end.
        return error.start > 1020 and b"\x00" not in start
    return bool(start) and not any(byte < 9 for byte in start[:1024])


def mistaken(start: bytes, wanted: FileType, relative: str) -> Problem | None:
    """The problem of a file whose name says one type but whose first bytes are another; None if they agree."""
    found = type_of(start)
    if found and found is not wanted:
        fix = f"end its name in {found.suffix}" if found.suffix else found.fix
        return Problem(relative, "unreadable", f"cannot be read: it is {found.name}, not {wanted.name}", fix)
    if found is None and is_text(start):
        name, instead = ("text", "export it as Parquet") if wanted is PARQUET else ("plain text", "compress it")
        message = f"cannot be read: it is {name}, not {wanted.name}"
        return Problem(relative, "unreadable", message, f"end its name in .csv, or {instead}")
    return None
