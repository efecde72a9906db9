"""Sanitize the institution's logo: it comes from the ledger and is drawn by a renderer that could fetch resources.

A logo is PNG or SVG. `logo_fault` says what is wrong with one, for a check of the ledger. One that is wrong all the
same, such as one in the record of a month that was closed long ago, is drawn without what may not be in it or not at
all, so that statements are issued without it instead of not at all.
"""

from __future__ import annotations

import re
import struct
import zlib
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from openchargeback.ledger.reading import MAX_LOGO_BYTES
from openchargeback.wording import listed

MAX_PIXELS = 4_000_000
MAX_ELEMENTS = 5_000
"""The most elements that an SVG may draw, following every `use`."""

_NAMED = 3
"""How many of the things that a logo may not contain are named."""
_PNG = b"\x89PNG\r\n\x1a\n"
_SVG = "{http://www.w3.org/2000/svg}"
_XLINK_HREF = "{http://www.w3.org/1999/xlink}href"
_BASE = "{http://www.w3.org/XML/1998/namespace}base"
_OUTSIDE_CSS = re.compile(r"@import|@font-face|\\|url\(\s*[\"']?(?!#)", re.IGNORECASE)
_LOCAL_URL = re.compile(r"url\(\s*[\"']?#([^)\"']+)")
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # PNG color types (ISO 15948, 11.2.2)
_DROPPED = {"script", "foreignObject", "image", "feImage", "a", "set", "animate", "animateMotion", "animateTransform"}


@dataclass(frozen=True, slots=True)
class Logo:
    """A logo that is safe to draw: its bytes and `image/png` or `image/svg+xml`."""

    content: bytes
    media_type: str


def usable_logo(content: bytes) -> Logo | None:
    """The logo without external references, or None if it cannot be drawn.

    Removes scripts, images, links, animation, and style rules and attributes that name another resource from an SVG;
    references within the drawing (`#gradient`) stay. A PNG is checked to its last chunk.
    """
    return _examined(content)[0]


def logo_fault(content: bytes) -> str:
    """What is wrong with a logo, to follow its name: `is not a whole PNG`, `contains <script>`; empty if nothing is."""
    return _examined(content)[1]


def _examined(content: bytes) -> tuple[Logo | None, str]:
    """The logo as far as it can be drawn, and what is wrong with it."""
    if len(content) > MAX_LOGO_BYTES:
        return None, f"has more than {MAX_LOGO_BYTES:,} bytes"
    if content.startswith(_PNG):
        whole = _is_whole_png(content)
        return (Logo(content, "image/png"), "") if whole else (None, "is not a whole PNG of at most 4,000,000 pixels")
    try:
        root = ET.fromstring(content)  # noqa: S314 - expat limits how far entities blow up, and fetches none
    except (ET.ParseError, ValueError, LookupError):
        return None, "is neither PNG nor well-formed SVG"
    if root.tag != f"{_SVG}svg":
        return None, "is neither PNG nor SVG"
    removed = _clean(root)
    if _cost(root) > MAX_ELEMENTS:
        return None, f"draws more than {MAX_ELEMENTS:,} elements"
    fault = f"contains {listed(removed, _NAMED)}, which could run or load something" if removed else ""
    return Logo(ET.tostring(root, encoding="utf-8"), "image/svg+xml"), fault


def _clean(root: ET.Element) -> list[str]:
    """Remove what could run or load something; returns its names, in order."""
    removed: dict[str, None] = {}
    for parent in list(root.iter()):
        for child in list(parent):
            name = child.tag.removeprefix(_SVG)
            outside = name == "style" and _OUTSIDE_CSS.search("".join(child.itertext()))
            if name in _DROPPED or outside:
                parent.remove(child)
                removed[f"<{name}>"] = None
        for key, value in list(parent.attrib.items()):
            href = key in ("href", _XLINK_HREF) and not value.strip().startswith("#")
            if href or key == _BASE or key.lower().startswith("on") or _OUTSIDE_CSS.search(value):
                del parent.attrib[key]
                name = key.rpartition("}")[2]
                removed[f"`{name[:40]}`"] = None
    return list(removed)


def _cost(root: ET.Element) -> int:
    """The number of elements drawn, following every `use`; above the limit if the references are circular."""
    by_id = {element.get("id"): element for element in root.iter() if element.get("id")}
    known: dict[int, int] = {}
    under_way: set[int] = set()

    def cost(element: ET.Element, depth: int) -> int:
        if id(element) in known:
            return known[id(element)]
        if id(element) in under_way or depth > 100:
            return MAX_ELEMENTS + 1
        under_way.add(id(element))
        total = 1 + sum(cost(child, depth + 1) for child in element)
        # Not only `use`: gradients, patterns, clip paths, masks and markers may refer to each other, too.
        for key, value in element.attrib.items():
            names = [value.strip()[1:]] if key in ("href", _XLINK_HREF) else _LOCAL_URL.findall(value)
            total += sum(cost(by_id[name], depth + 1) for name in names if name in by_id)
        under_way.discard(id(element))
        known[id(element)] = min(total, MAX_ELEMENTS + 1)
        return known[id(element)]

    return cost(root, 0)


def _is_whole_png(content: bytes) -> bool:
    """Whether every chunk has its checksum and the pixels are complete (ISO 15948)."""
    at, data, size = len(_PNG), [], 0
    while at + 12 <= len(content):
        length, name = struct.unpack(">I4s", content[at : at + 8])
        body, end = content[at + 8 : at + 8 + length], at + 12 + length
        if end > len(content) or content[end - 4 : end] != zlib.crc32(name + body).to_bytes(4, "big"):
            return False
        if name == b"IHDR":
            if length != 13:
                return False
            width, height, depth, color, _, _, interlace = struct.unpack(">IIBBBBB", body)
            if not 0 < width * height <= MAX_PIXELS or color not in _CHANNELS or interlace > 1:
                return False
            size = height * ((width * _CHANNELS[color] * depth + 7) // 8 + 1)
        elif name == b"IDAT":
            data.append(body)
        elif name == b"IEND":
            return _has_pixels(b"".join(data), size)
        at = end
    return False


def _has_pixels(data: bytes, size: int) -> bool:
    unpacker = zlib.decompressobj()
    try:
        # Interlacing only adds bytes; never decompress much more than the header promises.
        return size > 0 and len(unpacker.decompress(data, 2 * size + 1024)) >= size
    except zlib.error:
        return False
