"""What type of file a charge file really is, by its first bytes."""

from __future__ import annotations

from dataclasses import dataclass

from openchargeback.problems import Problem

LOOKED_AT = 1 << 16
"""How many bytes of a file are looked at."""

_EXPORT = "export it as CSV, UTF-8"
_UNPACK = "unpack it, and put the file that is in it here instead"


@dataclass(frozen=True, slots=True)
class FileType:
    """A type of file that is not CSV text.

    name: with its article. fix: what to do where CSV is expected. suffix: the ending with which it is read, empty for
    none.
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
_WEB_PAGE = FileType("a web page", "download the export itself: this may be the page of a login")
_PAGES = (b"<!doctype html", b"<html")
_IN_WORKBOOKS = (b"[Content_Types].xml", b"xl/")


def type_of(start: bytes) -> FileType | None:
    """The type of a file that begins so; None for text and for what is not known."""
    if start.startswith(b"PK\x03\x04") and any(name in start for name in _IN_WORKBOOKS):
        return _WORKBOOK
    if start.removeprefix(b"\xef\xbb\xbf").lstrip()[:14].lower().startswith(_PAGES):
        return _WEB_PAGE
    mark = next((mark for mark in _BEGINNINGS if start.startswith(mark)), b"")
    # The name of a column may begin with BZh or PAR1.
    return None if mark.isalnum() and mark.isascii() and is_text(start) else _BEGINNINGS.get(mark)


def wide_encoding(start: bytes) -> str:
    """The name of an encoding with NULs in it that is not read, empty for none: UTF-32, or UTF-16 without its mark."""
    if start.startswith((b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff")):
        return "UTF-32"
    even, odd = start[0:128:2], start[1:128:2]
    # Labels are ASCII, so every other byte is NUL.
    for zeros, others in ((odd, even), (even, odd)):
        if len(zeros) > 1 and not zeros.strip(b"\x00") and b"\x00" not in others:
            return "UTF-16 without a byte order mark"
    return ""


def is_text(start: bytes) -> bool:
    """Whether a file that begins so may be CSV text in UTF-8."""
    try:
        start[:1024].decode()
    except UnicodeDecodeError as error:
        # A character may be cut off at the end.
        return error.start > 1020 and b"\x00" not in start
    return bool(start) and not any(byte < 9 for byte in start[:1024])


def mistaken(start: bytes, wanted: FileType, relative: str) -> Problem | None:
    """The problem of a file that its name says to be of one type, and that begins like one of another."""
    found = type_of(start)
    if found and found is not wanted:
        fix = f"end its name in {found.suffix}" if found.suffix else found.fix
        return Problem(relative, "unreadable", f"cannot be read: it is {found.name}, not {wanted.name}", fix)
    if found is None and is_text(start):
        name, instead = ("text", "export it as Parquet") if wanted is PARQUET else ("plain text", "compress it")
        message = f"cannot be read: it is {name}, not {wanted.name}"
        return Problem(relative, "unreadable", message, f"end its name in .csv, or {instead}")
    return None
