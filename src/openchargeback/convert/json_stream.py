"""Reads large JSON documents piece by piece: the items of their lists, each with its line, in little memory."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

_CHUNK = 1 << 24
_BLANK = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()
_AS_WRITTEN = json.JSONDecoder(parse_float=str, parse_int=str)


class Broken(ValueError):
    """The document is not whole or not JSON. line: where, from 1."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line


def items(path: Path) -> Iterator[tuple[str, int, Any]]:
    """Key, line and value of each member of the object at the top; of a list, each item, with the list's key.

    An empty list is one value, `[]`. Raises Broken where the document ends or is not JSON; what was before has been
    read.
    """
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        text = _Text(file, _DECODER)
        yield from _members(text)
        if text.peek():
            raise Broken(text.line, "there is text after the document")


def documents(path: Path) -> Iterator[tuple[int, str, int, Any]]:
    """As `items`, for any number of documents one after another (JSON lines are such), with the number of each, from 1.

    A document may also be a list, whose items have an empty key. Numbers are text, as written.
    """
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        text = _Text(file, _AS_WRITTEN)
        number = 0
        while start := text.peek():
            number += 1
            found = (("", *each) for each in _values(text)) if start == "[" else _members(text)
            yield from ((number, *each) for each in found)


def _members(text: _Text) -> Iterator[tuple[str, int, Any]]:
    text.expect("{")
    while text.peek() != "}":
        _, key = text.value()
        text.expect(":")
        yield from ((str(key), line, value) for line, value in _values(text))
        if text.peek() != "}":
            text.expect(",")
    text.expect("}")


def _values(text: _Text) -> Iterator[tuple[int, Any]]:
    if text.peek() != "[":
        yield text.value()
        return
    line = text.line
    text.expect("[")
    if text.peek() == "]":
        yield line, []
    while text.peek() != "]":
        yield text.value()
        if text.peek() != "]":
            text.expect(",")
    text.expect("]")


class _Text:
    """The text of a file from the current place on, as far as it has been read. line: of the current place."""

    def __init__(self, file: TextIO, decoder: json.JSONDecoder) -> None:
        self._file = file
        self._decoder = decoder
        self._buffer = ""
        self._at = 0
        self.line = 1

    def peek(self) -> str:
        """The next character that is not blank, without taking it; empty at the end."""
        while True:
            blank = _BLANK.match(self._buffer, self._at)
            self._take(blank.end() if blank else self._at)
            if self._at < len(self._buffer) or not self._more():
                return self._buffer[self._at : self._at + 1]

    def expect(self, char: str) -> None:
        """Take the next character. Raises Broken if it is another."""
        if (found := self.peek()) != char:
            raise Broken(self.line, f"expected {char}, found {found or 'the end of the file'}")
        self._take(self._at + 1)

    def value(self) -> tuple[int, Any]:
        """Take a value, with its line. Raises Broken if there is none, or only its start."""
        self.peek()
        line = self.line
        while True:
            try:
                value, end = self._decoder.raw_decode(self._buffer, self._at)
            except (json.JSONDecodeError, RecursionError) as error:
                if not self._more():
                    raise Broken(line, str(error).partition(":")[0].lower()) from None
                continue
            # A number at the end of what has been read may go on.
            if end < len(self._buffer) or not self._more():
                self._take(end)
                return line, value

    def _take(self, end: int) -> None:
        self.line += self._buffer.count("\n", self._at, end)
        self._at = end

    def _more(self) -> bool:
        """Read on; whether there was more."""
        chunk = self._file.read(_CHUNK)
        self._buffer = self._buffer[self._at :] + chunk
        self._at = 0
        return bool(chunk)
