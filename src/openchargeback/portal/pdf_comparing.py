"""Whether a PDF says what it should: its visible words and its embedded record against those of the ledger.

Bytes depend on libraries, so two honest PDFs of one statement may differ in them. What they say may not.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from openchargeback.portal.pdf_reading import Drawing, PdfContent
from openchargeback.portal.statement_data import JSON_NAME, LINES_NAME, RESOURCES_NAME

SHOWN = 20
"""How many differences are listed."""

_AMOUNT = re.compile(r"[−-]?(\d{1,3}(,\d{3})+|\d+)(\.\d+)?")
_MOST_ALIGNED = 4000
_NEAR = 4


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that reads otherwise than the ledger has it.

    where: `page 1`, `statement.json`. what: the words before it, or the record's key. expected: as the ledger has it,
    shown: as the file has it; empty for nothing. amount: whether it is an amount of money or another number.
    """

    where: str
    what: str
    expected: str
    shown: str
    amount: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """How a PDF differs from the one that the ledger gives.

    altered: what no other library or version explains. wording: other words without figures, which a newer template
    explains. notes: what a person should know beside.
    """

    altered: tuple[Difference, ...]
    wording: tuple[Difference, ...]
    notes: tuple[str, ...]


def compare_pdfs(found: PdfContent, expected: PdfContent) -> Comparison:
    """What a PDF says otherwise than the expected one, in its text, on its pages and in its embedded files."""
    altered = [*_records(found, expected), *_pages_and_extras(found, expected)]
    wording: list[Difference] = []
    names = _names(record_of(expected) or {})
    for each in _text(found, expected):
        (altered if each.amount or _is_fact(each, names) else wording).append(each)
    painted, notes = _painted(found, expected, same_text=not altered and not wording)
    altered += painted
    if len(found.pages) != len(expected.pages):
        notes.append(f"it has {len(found.pages)} pages, the ledger's own PDF {len(expected.pages)}")
    if found.updates:
        times = "once" if found.updates == 1 else f"{found.updates} times"
        notes.append(f"something was appended to the file {times} after it was written")
    return Comparison(tuple(altered), tuple(wording), tuple(notes))


def record_of(content: PdfContent) -> dict[str, Any] | None:
    """The embedded record of a statement, None where there is none that can be read."""
    for data in content.embedded(JSON_NAME)[:1]:
        try:
            record = json.loads(data)
        except (ValueError, RecursionError):
            return None
        if isinstance(record, dict) and record.get("format") == "openchargeback-statement":
            return record
    return None


def record_differences(found: bytes, expected: bytes) -> list[Difference]:
    """Where a statement's record says otherwise than expected; empty for the same bytes.

    A record of an older version need not say what only a newer one says.
    """
    if found == expected:
        return []
    try:
        theirs, ours = json.loads(found), json.loads(expected)
        older = _version(theirs) < _version(ours)
        pairs = list(_values(theirs, _known(ours, theirs) if older else ours, ""))
    except (ValueError, RecursionError):
        pairs, older = [], False
    if not pairs and not older:
        return [Difference(JSON_NAME, "its form", "", "", amount=False)]
    return [
        Difference(JSON_NAME, key, was, now, amount=bool(_AMOUNT.fullmatch(was) or _AMOUNT.fullmatch(now)))
        for key, now, was in pairs
    ]


def _version(record: Any) -> int:
    version = record.get("version") if isinstance(record, dict) else None
    return version if isinstance(version, int) else 0


def _known(ours: Any, theirs: Any) -> Any:
    """What of our record an older one knows of as well."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        known = {name: _known(value, theirs[name]) for name, value in ours.items() if name in theirs}
        return known | ({"version": theirs["version"]} if "version" in theirs else {})
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        return [_known(mine, other) for mine, other in zip(ours, theirs, strict=True)]
    return ours


def _values(found: Any, expected: Any, key: str) -> Iterator[tuple[str, str, str]]:
    """Keys with values that differ: as found, as expected."""
    if isinstance(found, dict) and isinstance(expected, dict):
        for name in sorted({*found, *expected}, key=str):
            yield from _values(found.get(name), expected.get(name), f"{key}.{name}" if key else str(name))
    elif isinstance(found, list) and isinstance(expected, list):
        for number in range(max(len(found), len(expected))):
            mine = found[number] if number < len(found) else None
            theirs = expected[number] if number < len(expected) else None
            yield from _values(mine, theirs, f"{key}[{number + 1}]")
    elif found != expected:
        yield key, _plain(found), _plain(expected)


def _plain(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)[:200]


def _records(found: PdfContent, expected: PdfContent) -> Iterator[Difference]:
    for name in (JSON_NAME, LINES_NAME, RESOURCES_NAME):
        theirs, ours = found.embedded(name), expected.embedded(name)
        if not theirs:
            yield Difference(name, "the file", "embedded", "", amount=False)
        elif len(theirs) > 1:
            yield Difference(name, "the file", "embedded once", f"embedded {len(theirs)} times", amount=False)
        elif name == JSON_NAME and ours:
            yield from record_differences(theirs[0], ours[0])
        elif theirs != ours and _version(record_of(found)) == _version(record_of(expected)):
            yield Difference(name, "the file", "as the ledger gives it", "other content", amount=False)
    known = {name for name, _ in expected.files}
    for name in sorted({name for name, _ in found.files} - known):
        yield Difference(name, "the file", "", "embedded", amount=False)


def _pages_and_extras(found: PdfContent, expected: PdfContent) -> Iterator[Difference]:
    for what in sorted(set(found.extras) - set(expected.extras)):
        yield Difference("the file", "beside its pages", "", what, amount=False)
    for number, drawing in enumerate(found.drawings, 1):
        ours = expected.drawings[number - 1] if number <= len(expected.drawings) else Drawing()
        where = f"page {number}"
        for kind, count in drawing.annotations.items():
            if count > ours.annotations.get(kind, 0):
                yield Difference(where, "on top of it", "", f"an annotation ({kind[:40]})", amount=False)
        usual = expected.drawings[min(number, len(expected.drawings)) - 1].frame
        if drawing.frame != usual:
            yield Difference(where, "its frame", usual, drawing.frame, amount=False)
        if drawing.invisible > ours.invisible:
            yield Difference(where, "in its text", "", "invisible text", amount=False)
    images = sum(each.images for each in found.drawings) - sum(each.images for each in expected.drawings)
    if images > 0:
        yield Difference("the pages", "on top of them", "", f"{images} more images", amount=False)


def _painted(found: PdfContent, expected: PdfContent, *, same_text: bool) -> tuple[list[Difference], list[str]]:
    """More strokes or fills than expected may cover an amount and draw another; another library draws otherwise too."""
    more = sum(each.painted for each in found.drawings) - sum(each.painted for each in expected.drawings)
    if more == 0 or not same_text:
        return [], []
    if found.producer == expected.producer and len(found.pages) == len(expected.pages) and more > 0:
        return [Difference("the pages", "on top of them", "", f"{more} more strokes or fills", amount=False)], []
    return [], ["its lines and areas are drawn otherwise, so look at it beside the ledger's own PDF"]


def _text(found: PdfContent, expected: PdfContent) -> Iterator[Difference]:
    """Words that differ, with the page of the file that they stand on and the words before them."""
    ours, theirs = expected.words, found.words
    if ours == theirs:
        return
    ends = [0]
    for page in found.pages:
        ends.append(ends[-1] + len(page))

    def page_of(place: int) -> str:
        return f"page {next((n for n, end in enumerate(ends) if n and place < end), max(len(ends) - 1, 1))}"

    for low, high, start, end in _changes(ours, theirs):
        yield from _paired(ours[low:high], theirs[start:end], page_of(start), " ".join(ours[max(low - _NEAR, 0) : low]))


def _paired(was: Sequence[str], now: Sequence[str], where: str, near: str) -> Iterator[Difference]:
    """Changed words one by one where they are as many as before, else together."""
    pairs = zip(was, now, strict=True) if len(was) == len(now) else [(" ".join(was)[:200], " ".join(now)[:200])]
    for old, new in pairs:
        if old != new:
            is_amount = any(_AMOUNT.fullmatch(word) for word in (*old.split(), *new.split()))
            yield Difference(where, near, old, new, amount=is_amount)


def _changes(ours: Sequence[str], theirs: Sequence[str]) -> Iterator[tuple[int, int, int, int]]:
    """Ranges of words that differ, in both texts."""
    start = 0
    while start < min(len(ours), len(theirs)) and ours[start] == theirs[start]:
        start += 1
    end = 0
    while end < min(len(ours), len(theirs)) - start and ours[-1 - end] == theirs[-1 - end]:
        end += 1
    mine, other = ours[start : len(ours) - end], theirs[start : len(theirs) - end]
    if max(len(mine), len(other)) > _MOST_ALIGNED:
        # Aligning takes the square of the length; for so much, it is enough to know which words are there.
        gone, come = Counter(mine) - Counter(other), Counter(other) - Counter(mine)
        for word in gone:
            place = start + mine.index(word)
            yield place, place + 1, start, start
        for word in come:
            place = start + other.index(word)
            yield start, start, place, place + 1
        return
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, mine, other, autojunk=False).get_opcodes():
        if tag != "equal":
            yield start + i1, start + i2, start + j1, start + j2


def _is_fact(difference: Difference, names: frozenset[str]) -> bool:
    """Whether words are more than wording: a figure, an id, an address, or a name that the record gives."""
    words = f"{difference.expected} {difference.shown}".split()
    return any(char.isdigit() or char == "@" for word in words for char in word) or not names.isdisjoint(words)


def _names(record: dict[str, Any]) -> frozenset[str]:
    """The words of names in a record; short ones are ordinary words too often."""
    texts = [
        *record.get("pi", {}).values(),
        *record.get("project", {}).values(),
        *record.get("funds", ()),
        *(line[key] for line in record.get("lines", ()) for key in ("service", "fund")),
        *(part["resource_name"] for part in record.get("resources", ())),
    ]
    return frozenset(word for text in texts for word in str(text).split() if len(word) > 3)
