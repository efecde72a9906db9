"""The bytes and the text of a charge file without its compression."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, TextIO

import zstandard

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

UNREADABLE = (OSError, EOFError, ValueError, zlib.error, zstandard.ZstdError)
"""The errors raised by reading a damaged or unreadable file."""

UTF_16 = (b"\xff\xfe", b"\xfe\xff")
"""The byte order marks of UTF-16."""


@contextmanager
def binary(path: Path) -> Iterator[IO[bytes]]:
    """The decompressed bytes of a charge file, by the end of its name."""
    if path.name.lower().endswith(".gz"):
        with gzip.open(path) as file:
            yield file  # type: ignore[misc]  # GzipFile reads like any binary file
    elif path.name.lower().endswith(".zst"):
        with path.open("rb") as raw:
            yield io.BufferedReader(_Frames(raw))
    else:
        with path.open("rb") as file:
            yield file


class _Frames(io.RawIOBase):
    """The content of a file of Zstandard frames (RFC 8878), to its end.

    The library's own reader mistakes a truncated frame for the end of the file. Here it is a ZstdError.
    """

    # A block of four bytes may hold 128 kB, so little is decompressed at a time.
    _PIECE = 4096

    def __init__(self, raw: IO[bytes]) -> None:
        self._raw = raw
        self._decompressor = zstandard.ZstdDecompressor()
        self._frame: zstandard.ZstdDecompressionObj | None = None
        self._compressed, self._content, self._place = b"", b"", 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer)
        while self._place == len(self._content):
            if not self._compressed:
                self._compressed = self._raw.read(self._PIECE)
            if not self._compressed:
                if self._frame is not None:
                    raise zstandard.ZstdError("the compressed data is cut off")
                return 0
            self._frame = self._frame or self._decompressor.decompressobj()
            self._content, self._place = self._frame.decompress(self._compressed), 0
            self._compressed = b""
            if self._frame.eof:
                self._compressed, self._frame = self._frame.unused_data, None
        size = min(len(view), len(self._content) - self._place)
        view[:size] = self._content[self._place : self._place + size]
        self._place += size
        return size


def is_utf_16(path: Path) -> bool:
    """Whether a text starts with the byte order mark of UTF-16."""
    with binary(path) as raw:
        return raw.read(2) in UTF_16


@contextmanager
def text(path: Path) -> Iterator[TextIO]:
    """The decompressed text of a charge file, without its byte order mark, line ends unchanged.

    UTF-8, or UTF-16 if the byte order mark says so.
    """
    encoding = "utf-16" if is_utf_16(path) else "utf-8-sig"
    with binary(path) as raw:
        yield io.TextIOWrapper(raw, encoding=encoding, newline="")
