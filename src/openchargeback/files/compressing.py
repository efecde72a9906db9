"""Write gzip with all cores."""

from __future__ import annotations

import os
import struct
import zlib
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import BinaryIO

_PIECE = 4 << 20
# No name and no time; the system is "unknown" (RFC 1952, section 2.3).
_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"


def gzip_to(plain: BinaryIO, packed: BinaryIO, level: int) -> None:
    """Compress a file into one gzip member (RFC 1952): the same content gives the same bytes on any number of cores.

    zlib runs outside Python's lock, so pieces are compressed side by side. Each ends at a byte boundary (Z_SYNC_FLUSH,
    RFC 1951), so that they can be joined.
    """
    packed.write(_HEADER)
    checksum = size = 0
    cores = os.cpu_count() or 1
    with ThreadPoolExecutor(cores) as pool:
        ahead: deque[Future[bytes]] = deque()
        while piece := plain.read(_PIECE):
            ahead.append(pool.submit(_deflated, piece, level, zlib.Z_SYNC_FLUSH))
            checksum, size = zlib.crc32(piece, checksum), size + len(piece)
            if len(ahead) > cores:
                packed.write(ahead.popleft().result())
        packed.writelines(each.result() for each in ahead)
    packed.write(_deflated(b"", level, zlib.Z_FINISH))
    packed.write(struct.pack("<LL", checksum, size & 0xFFFFFFFF))


def _deflated(piece: bytes, level: int, end: int) -> bytes:
    made = zlib.compressobj(level, wbits=-zlib.MAX_WBITS)
    return made.compress(piece) + made.flush(end)
