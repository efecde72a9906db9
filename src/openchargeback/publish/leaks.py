"""The last check of a folder for an audience: nothing in it may identify what is not the audience's own.

What others are known by (email addresses, names, ids of projects, numbers of statements, ids of charges and resources)
is searched in every file name, text, attribute, script and data file, and in what PDFs are made of. A name is found
only as whole words: `ann` does not occur in `annual`. What also occurs in the audience's own charges, in the settings
of the institution or in the program's own words tells nothing, and is not searched.
"""

from __future__ import annotations

import html
import re
import zlib
from array import array
from base64 import b64decode
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator
from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote

from openchargeback.portal.paths import folder_name
from openchargeback.problems import LedgerFault, Problem

if TYPE_CHECKING:
    from openchargeback.portal.pdf_pool import PdfJob

SHORTEST = 3
"""Shorter identifiers are found in any text, so they are not searched."""

_SHORTEST_NAME = 4
_WORD = re.compile(r"[^\W_]+")
# File names are put together with underscores.
_BEFORE = re.compile(r"[^\W_][-.@+]?\Z")
_AFTER = re.compile(r"[-@+]?[^\W_]")  # a file name goes on with a period
_AFTER_ADDRESS = re.compile(r"[-.]?[^\W_]")
_INVISIBLE = "\N{ZERO WIDTH SPACE}\N{SOFT HYPHEN}\N{WORD JOINER}"
_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")
_PACKED_TEXT = re.compile(rb'"(H4sI[A-Za-z0-9+/]+=*)"')
_BINARY = (".woff2", ".png", ".pdf")
_MOST_NAMED = 20


@dataclass(frozen=True, slots=True)
class Identity:
    """What someone or something is known by. kind: in words, as in "the email address of another PI"."""

    kind: str
    text: str


class Identities:
    """Everything that a folder must not contain. allowed: what it may, nevertheless."""

    def __init__(self, secrets: Iterable[Identity]) -> None:
        known: dict[str, Identity] = {}
        for each in secrets:
            for text in {each.text, folder_name(each.text)} if each.text else ():
                plain = _plain(text)
                first = _WORD.search(plain)
                if first and len(plain) >= (_SHORTEST_NAME if each.kind == "name" else SHORTEST):
                    # A text is compared from its first word on, so punctuation before it does not count.
                    known.setdefault(plain[first.start() :], each)
        words = {text: _WORD.findall(text) for text in known}
        uses = Counter(word for found in words.values() for word in found)
        self.allowed = frozenset[Identity]()
        # By their rarest word: of thousands of resources, few can occur in a text.
        self._by_word: dict[str, list[tuple[str, str, frozenset[str], Identity]]] = {}
        for text, each in known.items():
            rarest = min(words[text], key=lambda word: (uses[word], word))
            self._by_word.setdefault(rarest, []).append((text, words[text][0], frozenset(words[text]), each))
        self._words = frozenset(self._by_word)

    def without(self, texts: Iterable[str], own: Iterable[Identity] = ()) -> Identities:
        """The identities that do not occur in any of these texts, and are none of `own`."""
        left = copy(self)
        left.allowed = self.allowed.union(own)
        for text in texts:
            # The same data is often in several files, and only what is new takes time.
            left.allowed |= left.found_in(text)
        return left

    def found_in(self, text: str) -> set[Identity]:
        """The identities that occur in a text."""
        text = _plain(text)
        words = set(_WORD.findall(text))
        # By first word and length: thousands of resources may start with the same word, but have few lengths.
        possible: dict[str, dict[int, dict[str, Identity]]] = {}
        for rarest in words & self._words:
            for wanted, first, its_words, each in self._by_word[rarest]:
                if each not in self.allowed and its_words <= words:
                    possible.setdefault(first, {}).setdefault(len(wanted), {})[wanted] = each
        found: set[Identity] = set()
        for word in _WORD.finditer(text) if possible else ():
            lengths = possible.get(word[0])
            for length, wanted_texts in lengths.items() if lengths else ():
                start, end = word.start(), word.start() + length
                there = text[start:end]
                if (
                    there in wanted_texts
                    and not _BEFORE.search(text, max(0, start - 2), start)
                    and not (_AFTER_ADDRESS if "@" in there else _AFTER).match(text, end)
                ):
                    found.add(wanted_texts[there])
        return found

    def problems(self, path: str, texts: Iterable[str]) -> list[Problem]:
        """A problem for each identity in a file of an output."""
        found = {each for text in (path, *texts) for each in self.found_in(text)}
        fix = "remove it from its source (page, note, template, tag), or build for another audience"
        ordered = sorted(found, key=lambda each: (each.kind, each.text))
        return [
            Problem(path, "leaked-identity", f"contains {each.text!r}, the {each.kind} of someone else", fix)
            for each in ordered
        ]

    def refuse_in(self, files: Iterable[tuple[str, bytes]]) -> None:
        """Raise LedgerFault if anything occurs in these files of an output."""
        _refuse(problem for path, data in files for problem in self.problems(path, texts_of(path, data)))

    def refuse_in_pdf(self, path: str, job: PdfJob) -> None:
        """The same for what a PDF is made of, since a PDF stores text as numbers of glyphs."""
        texts = (job.html, html.unescape(job.html), *(file.content.decode("utf-8", "replace") for file in job.files))
        _refuse(self.problems(path, texts))


class ChargeIds:
    """Ids of charges, each of 16 hex digits, in 8 bytes: a ledger may have many millions."""

    def __init__(self) -> None:
        self._sorted: list[array[int]] = []

    def add(self, ids: Iterable[str]) -> None:
        """Add some, such as those of a month."""
        self._sorted.append(array("Q", sorted(int(each, 16) for each in ids)))

    def __contains__(self, id_: str) -> bool:
        number = int(id_, 16)
        places = ((numbers, bisect_left(numbers, number)) for numbers in self._sorted)
        return any(place < len(numbers) and numbers[place] == number for numbers, place in places)


def _refuse(problems: Iterable[Problem]) -> None:
    found = list(problems)
    if found:
        raise LedgerFault(found[:_MOST_NAMED])


def texts_of(path: str, data: bytes) -> Iterator[str]:
    """The texts in a file of an output: as it is, and as a browser or a program would read it."""
    if data.startswith(b"\x1f\x8b"):
        data = zlib.decompress(data, 31)
    if path.endswith(_BINARY):
        return
    text = data.decode("utf-8", "replace")
    yield text
    if path.endswith((".html", ".svg")):
        plain = html.unescape(text)
        yield from {plain, unquote(plain)} - {text}
    if path.endswith((".js", ".json")):
        yield from {_ESCAPE.sub(lambda found: chr(int(found[1], 16)), text)} - {text}
        for packed in _PACKED_TEXT.finditer(data):
            inside = zlib.decompress(b64decode(packed[1]), 31).decode("utf-8", "replace")
            yield _ESCAPE.sub(lambda found: chr(int(found[1], 16)), inside)


def _plain(text: str) -> str:
    """A text as it is compared: without what cannot be seen, and without case."""
    for invisible in _INVISIBLE:
        text = text.replace(invisible, "")
    return text.casefold()
