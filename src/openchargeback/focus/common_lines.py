"""The lines that two files share at their start and at their end, found by comparing bytes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import IO

from openchargeback.ledger.files import suffix_of

_BLOCK = 1 << 18


@dataclass(frozen=True, slots=True)
class CommonLines:
    """How many bytes and physical lines two files share at their start, and how many of the rest at their end.

    whole: whether the files are equal; then everything counts as their start.
    """

    start: int = 0
    start_lines: int = 0
    end: int = 0
    end_lines: int = 0
    whole: bool = False


def common_lines(one: Path, other: Path) -> CommonLines:
    """The whole lines that two files share. Files other than plain text share either everything or nothing."""
    sizes = one.stat().st_size, other.stat().st_size
    plain = suffix_of(one.name) == suffix_of(other.name) == ".csv"
    if not plain and sizes[0] != sizes[1]:
        return CommonLines()
    with one.open("rb") as a, other.open("rb") as b:
        start, start_lines = _common_start(a, b)
        if sizes == (start, start):
            return CommonLines(start, start_lines, whole=True)
        return CommonLines(start, start_lines, *_common_end((a, b), sizes, start)) if plain and start else CommonLines()


def equal_bytes(one: Path, other: Path) -> bool:
    """Whether two files have the same content; reads them only as far as they have."""
    with one.open("rb") as a, other.open("rb") as b:
        while (block := a.read(_BLOCK)) == b.read(_BLOCK):
            if not block:
                return True
    return False


def _common_start(a: IO[bytes], b: IO[bytes]) -> tuple[int, int]:
    """The bytes and lines up to the last common line end; up to the end of equal files."""
    place = lines = since = 0  # since: how many bytes follow the last line end
    while (one := a.read(_BLOCK)) == (other := b.read(_BLOCK)):
        if not one:
            return place, lines + bool(since)
        place += len(one)
        lines += one.count(b"\n")
        since = len(one) - one.rfind(b"\n") - 1 if b"\n" in one else since + len(one)
    common = _shared(one, other)
    lines += common.count(b"\n")
    return (place + common.rfind(b"\n") + 1 if b"\n" in common else place - since), lines


def _common_end(files: tuple[IO[bytes], IO[bytes]], sizes: tuple[int, int], start: int) -> tuple[int, int]:
    """The bytes and lines from the first common line to the end, without the common start, which is not empty."""
    length = lines = 0
    while length < min(sizes) - start:
        piece = min(_BLOCK, min(sizes) - start - length)
        one, other = (_at(file, size - length - piece, piece) for file, size in zip(files, sizes, strict=True))
        if one != other:
            common = _shared(one[::-1], other[::-1])
            length, lines = length + len(common), lines + common.count(b"\n")
            break
        length, lines = length + piece, lines + one.count(b"\n")
    # The rest of a line that begins before the common end in either file.
    cut = max(_rest_of_line(file, size - length) for file, size in zip(files, sizes, strict=True))
    if cut >= length:
        return 0, 0
    return length - cut, lines - bool(cut) + (_at(files[0], sizes[0] - 1, 1) != b"\n")


def _shared(one: bytes, other: bytes) -> bytes:
    """What two texts share at their start."""
    pairs = enumerate(zip(one, other, strict=False))
    return one[: next((place for place, (a, b) in pairs if a != b), min(len(one), len(other)))]


def _rest_of_line(file: IO[bytes], place: int) -> int:
    """The length of the rest of the line that a place is in; 0 at the start of a line."""
    file.seek(place - 1)
    return len(file.readline()) - 1


def _at(file: IO[bytes], place: int, length: int) -> bytes:
    file.seek(place)
    return file.read(length)
