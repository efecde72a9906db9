"""How wide a text is in print, from the fonts that print it: text that must stay on one line is cut to fit."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from openchargeback.portal.pdf_fonts import FontFile, advances

_MM_PER_POINT = 25.4 / 72
_UNKNOWN = 1.0
"""The width in em of a character that the font lacks: as wide as most scripts need."""
_SPARE = 1.02
"""Kerning and features are not measured."""

ELLIPSIS = "…"
_LEAST = 5
"""At least so many characters are kept of a shortened text."""
_TELLING = 10
"""At least so many of a shortened id."""


@dataclass(frozen=True, slots=True)
class Face:
    """A font file, by its path, and the one with the characters that it lacks."""

    path: str
    whole: str

    def width(self, text: str, points: float) -> float:
        """The width of a text in millimeters at a size, a little more rather than less."""
        known = advances(self.path)
        ems = 0.0
        for char in text:
            wide = known.get(char)
            ems += advances(self.whole).get(char, _UNKNOWN) if wide is None else wide
        return ems * points * _MM_PER_POINT * _SPARE

    def lines(self, text: str, points: float, room: float) -> int:
        """How many lines a text takes in a column so wide, broken between words."""
        count, left, space = 1, room, self.width(" ", points)
        for word in text.split():
            wide = self.width(word, points)
            if wide > left and left < room:
                count, left = count + 1, room
            count += int(wide // room) if wide > room else 0
            left -= wide % room + space
        return count


@dataclass(frozen=True, slots=True)
class Faces:
    """The two weights of the text font."""

    regular: Face
    strong: Face


def faces_of(fonts: Iterable[FontFile]) -> Faces:
    """The faces among the fonts of statements."""
    paths = {Path(font.name).name: font.path for font in fonts}
    return Faces(*(Face(paths[f"Inter-{name}.ttf"], paths[f"Inter-{name}.woff2"]) for name in ("Regular", "SemiBold")))


def shortened(text: str, fits: Callable[[str], bool]) -> str:
    """The text, with as many characters left out of its middle as it takes to fit; a few always stay."""
    if fits(text):
        return text
    low, high = _LEAST, max(len(text) - 1, _LEAST)
    while low < high:
        middle = (low + high + 1) // 2
        if fits(_cut(text, middle)):
            low = middle
        else:
            high = middle - 1
    return _cut(text, low)


def _cut(text: str, kept: int) -> str:
    """So many characters of a text, more from its start than from its end."""
    end = kept // 2
    return f"{text[: kept - end]}{ELLIPSIS}{text[len(text) - end :]}" if kept < len(text) else text


def named(name: str, identifier: str, fits: Callable[[str], bool]) -> str:
    """A name and an id on one line, the id shortened first: `node-03 · i-0f3a…9c21`.

    Without an id that only repeats the name, or that would be cut to fewer characters than tell it from others.
    """
    if not identifier or name in identifier or not fits(f"{name} · {_cut(identifier, _TELLING)}"):
        return shortened(name, fits)
    return f"{name} · {shortened(identifier, lambda text: fits(f'{name} · {text}'))}"
