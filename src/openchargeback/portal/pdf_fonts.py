"""The fonts of PDFs: those of the style sheets, and fallback fonts for other scripts that come with the program.

No system font is used, so that the same ledger produces the same bytes everywhere. A fallback font is loaded only for a
text that needs it: loading the one for Chinese, Japanese and Korean takes as long as rendering a statement.
"""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_ASSETS = "assets/"
_PRINT = "print_fonts/"
"""The folder of the text font cut to Latin letters, for PDFs; pages have theirs in assets/page_fonts."""
_OWN = {
    f"{_PRINT}Inter-Regular.ttf": ("Inter", 400),
    f"{_PRINT}Inter-SemiBold.ttf": ("Inter", 600),
    f"{_ASSETS}fonts/IBMPlexMono-Regular.woff2": ("IBM Plex Mono", 400),
}
"""The fonts of statements, with family and weight. They are always loaded: without any font, Pango ends the process."""
_WHOLE = {"assets/fonts/Inter-Regular.woff2": 400, "assets/fonts/Inter-SemiBold.woff2": 600}
"""The same font with all of its characters, as pages have it: file to weight."""
_WHOLE_FAMILY = "Inter Full"
_FALLBACK = "fallback_fonts/"
"""The folder of fallback fonts among the templates; a ledger can add its own."""

_MEDIA_TYPES = {".woff2": "font/woff2", ".woff": "font/woff", ".ttf": "font/ttf", ".otf": "font/otf"}


@dataclass(frozen=True, slots=True)
class FontFile:
    """A font with its address in style sheets (`fonts/IBMPlexMono-Regular.woff2`), and its path on this machine.

    family: empty for a font of a ledger, which its own style sheet must load.
    """

    name: str
    path: str
    family: str = ""
    weight: int = 400

    @property
    def media_type(self) -> str:
        """The media type, from the file extension."""
        return _MEDIA_TYPES[Path(self.name).suffix]


def style_fonts(files: Mapping[str, Path]) -> tuple[FontFile, ...]:
    """The fonts of statements and those that a ledger adds, among all templates and assets by name."""
    return tuple(
        FontFile(
            name.removeprefix(_ASSETS) if name.startswith(_ASSETS) else f"../{name}",
            str(path),
            *_OWN.get(name, ("", 400)),
        )
        for name, path in files.items()
        if name.startswith((f"{_ASSETS}fonts/", _PRINT)) and path.suffix in _MEDIA_TYPES and name not in _WHOLE
    )


def fallback_fonts(files: Mapping[str, Path]) -> tuple[FontFile, ...]:
    """The fallback fonts: the whole text font, then the others by size.

    So a large one is loaded only for characters that no other has.
    """
    whole = [
        FontFile(name.removeprefix(_ASSETS), str(files[name]), _WHOLE_FAMILY, weight) for name, weight in _WHOLE.items()
    ]
    found = [
        FontFile(name, str(path), path.stem)
        for name, path in files.items()
        if name.startswith(_FALLBACK) and path.suffix in _MEDIA_TYPES
    ]
    return (*whole, *sorted(found, key=lambda font: (Path(font.path).stat().st_size, font.name)))


def needed_fonts(text: str, fonts: Iterable[FontFile], fallback: Iterable[FontFile]) -> tuple[FontFile, ...]:
    """The fallback fonts for characters of a text that the fonts lack: for each character the first that has it."""
    lacking = _visible(text) - _covered(fonts)
    needed, fallback = set(), tuple(fallback)
    for font in fallback:
        if not lacking:
            break
        if found := lacking & _coverage(font.path):
            needed.add(font.family)
            lacking -= found
    return tuple(font for font in fallback if font.family in needed)


def without_glyph(text: str, fonts: Iterable[FontFile]) -> str:
    """The distinct characters of a text that none of the fonts has, in order."""
    if text.isascii():
        return ""
    lacking = _visible(text)
    for font in fonts:
        if not lacking:
            return ""
        lacking -= _coverage(font.path)
    return "".join(char for char in dict.fromkeys(text) if ord(char) in lacking)


def own_fonts_only() -> Any:
    """A WeasyPrint FontConfiguration that knows only the fonts loaded by style sheets."""
    from weasyprint.text import fonts
    from weasyprint.text.ffi import ffi, fontconfig, gobject, pangoft2

    if not hasattr(fontconfig, "FcConfigCreate"):
        ffi.cdef("FcConfig * FcConfigCreate (void);")

    class OwnFontsOnly(fonts.FontConfiguration):  # type: ignore[misc]  # WeasyPrint has no types
        # Does not call the inherited one, which loads the fonts and the rules of the machine.
        def __init__(self) -> None:
            self._config = fontconfig.FcConfigCreate()
            self.font_map = ffi.gc(pangoft2.pango_ft2_font_map_new(), gobject.g_object_unref)
            pangoft2.pango_fc_font_map_set_config(ffi.cast("PangoFcFontMap *", self.font_map), self._config)
            # The font map keeps a reference.
            fontconfig.FcConfigDestroy(self._config)
            self._folder = None
            self.strut_layouts: dict[object, object] = {}
            self.font_features: dict[object, object] = {}
            self.shared: dict[object, object] = {}  # see pdf_speed.py

    return OwnFontsOnly()


def _visible(text: str) -> set[int]:
    """The characters of a text that need a glyph: no spaces, controls, joiners or variation selectors."""
    return {ord(char) for char in set(text) if not char.isspace() and not _is_ignorable(char)}


def _is_ignorable(char: str) -> bool:
    code = ord(char)
    return unicodedata.category(char) in ("Cc", "Cf", "Cs") or 0xFE00 <= code <= 0xFE0F or 0xE0100 <= code <= 0xE01EF


def _covered(fonts: Iterable[FontFile]) -> frozenset[int]:
    """The characters that each of the fonts has: text in one is not shown with another of these."""
    coverages = [_coverage(font.path) for font in fonts]
    return frozenset.intersection(*coverages) if coverages else frozenset()


@functools.lru_cache(maxsize=64)
def _coverage(path: str) -> frozenset[int]:
    """The characters that a font has glyphs for; empty if the file is not a font."""
    from fontTools.ttLib import TTFont, TTLibError

    try:
        with TTFont(path, lazy=True) as font:
            return frozenset(font.getBestCmap() or ())
    except (TTLibError, OSError, AssertionError):
        return frozenset()


@functools.lru_cache(maxsize=8)
def advances(path: str) -> Mapping[str, float]:
    """The widths of a font's characters in em; digits as wide as tabular ones, if those are wider."""
    from fontTools.ttLib import TTFont

    with TTFont(path, lazy=True) as font:
        unit, metrics, names = font["head"].unitsPerEm, font["hmtx"].metrics, font.getBestCmap()
        widths = {chr(code): metrics[name][0] / unit for code, name in names.items()}
        tabular = max((metrics[f"{name}.tf"][0] / unit for name in ("zero",) if f"{name}.tf" in metrics), default=0)
        return widths | {digit: max(widths.get(digit, 0), tabular) for digit in "0123456789"}
