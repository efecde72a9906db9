"""Where a PDF differs from the one that the ledger produces with the same program and the same libraries.

Compares every object, so it does not matter how an amount was altered: as text, by its position, painted over, or drawn
as a shape. The embedded record can be compared regardless of the versions that made the file.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from openchargeback.portal.statement_data import JSON_NAME
from openchargeback.verify.pdf_reading import AMBIGUOUS, DATA, PdfContent

_PAGE = re.compile(r"/Root/Pages/Kids/(\d+)(?:(/\w+)(?:(/\w+))?)?")
_OF_PAGES = {
    "/Contents": "text and graphics",
    "/Resources/Font": "fonts",
    "/Resources/XObject": "images",
    "/Annots": "annotations",
    "/MediaBox": "page size and rotation",
    "/CropBox": "page size and rotation",
    "/Rotate": "page size and rotation",
    "/UserUnit": "page size and rotation",
}
_OF_FILES = {
    "/Root/AcroForm": "form fields",
    "/Root/OCProperties": "layers",
    "/Root/AA": "actions",
    "/Root/OpenAction": "actions",
    "/Root/Names/JavaScript": "scripts",
    "/Root/Names/Dests": "link targets",
    "/Root/Names": "embedded files",
    "/Root/AF": "embedded files",
    "/Root/StructTreeRoot": "accessibility structure",
    "/Root/Metadata": "metadata (XMP)",
    "/Root/Outlines": "bookmarks",
    "/Root/Pages": "pages",
    "/Info": "document properties",
}
# A program that saves a file again adds its own name and the date.
_OF_SAVING = frozenset(("/Info/Producer", "/Info/ModDate"))


@dataclass(frozen=True, slots=True)
class Difference:
    """A difference from the ledger.

    where: `page 1`, `statement.json`, `the file`. what: which part of it, or the record's key. expected: the value in
    the ledger, shown: the value in the file; both empty if it is not text, one if text is missing or was added.
    """

    where: str
    what: str
    expected: str = ""
    shown: str = ""


def describe_differences(paths: Iterable[str], found: PdfContent, expected: PdfContent) -> list[Difference]:
    """The paths from `differing_values` in words; empty if another program merely saved the file again."""
    places = dict.fromkeys(_place(path) for path in paths if path not in _OF_SAVING)
    return [
        _changed_words(where, found, expected) if what == _OF_PAGES["/Contents"] else Difference(where, what)
        for where, what in places
    ]


def record_of(content: PdfContent) -> dict[str, Any] | None:
    """The embedded record of a statement; None if there is no readable one."""
    for data in content.embedded(JSON_NAME)[:1]:
        try:
            record = json.loads(data)
        except (ValueError, RecursionError):
            return None
        if isinstance(record, dict) and record.get("format") == "openchargeback-statement":
            return record
    return None


def record_differences(found: PdfContent, expected: bytes) -> list[Difference]:
    """Where a PDF's embedded record differs from the ledger; empty if the bytes are the same."""
    records = found.embedded(JSON_NAME)
    if len(records) != 1:
        return [Difference(JSON_NAME, "the file", "embedded once", f"embedded {len(records)} times")]
    if records[0] == expected:
        return []
    try:
        pairs = list(_pairs(json.loads(records[0]), json.loads(expected), ""))
    except (ValueError, RecursionError):
        pairs = []
    if not pairs:
        return [Difference(JSON_NAME, "formatting")]
    return [Difference(JSON_NAME, key, now, was) for key, was, now in pairs]


def _place(path: str) -> tuple[str, str]:
    """Where a value is, in words: the page or the file, and which part of it."""
    if path == AMBIGUOUS:
        return "the file", "structure: programs may show different documents"
    path = path.removesuffix(DATA)
    page = _PAGE.match(path)
    if page:
        first, second = page[2] or "", page[3] or ""
        what = _OF_PAGES.get(first + second) or _OF_PAGES.get(first) or "other objects"
        return f"page {int(page[1]) + 1}", what
    return "the file", next((words for start, words in _OF_FILES.items() if path.startswith(start)), "other objects")


def _changed_words(where: str, found: PdfContent, expected: PdfContent) -> Difference:
    """A page that is drawn differently, with the words removed and added."""
    number = int(where.removeprefix("page ")) - 1
    ours, theirs = (Counter(each.pages[number] if number < len(each.pages) else ()) for each in (expected, found))
    removed, added = (" ".join((one - other).elements())[:200] for one, other in ((ours, theirs), (theirs, ours)))
    return Difference(where, _OF_PAGES["/Contents"], removed, added)


def _pairs(found: Any, expected: Any, key: str) -> Iterator[tuple[str, str, str]]:
    """Keys whose values differ: as found, as expected."""
    if isinstance(found, Mapping) and isinstance(expected, Mapping):
        for name in sorted({*found, *expected}, key=str):
            yield from _pairs(found.get(name), expected.get(name), f"{key}.{name}" if key else str(name))
    elif isinstance(found, list) and isinstance(expected, list):
        for number in range(max(len(found), len(expected))):
            mine = found[number] if number < len(found) else None
            theirs = expected[number] if number < len(expected) else None
            yield from _pairs(mine, theirs, f"{key}[{number + 1}]")
    elif found != expected:
        yield key, _plain(found), _plain(expected)


def _plain(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)[:200]
