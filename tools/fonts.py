"""Makes the fonts in site_templates/fallback_fonts, for characters that the PDF fonts lack; lists them in vendor.json.

    apt-get download fonts-noto-core fonts-noto-cjk     # then dpkg-deb -x each of them into SOURCES
    npm pack @fontsource/noto-emoji@5.3.2               # then tar xf it in SOURCES
    python tools/fonts.py SOURCES [NAME...]

Hints are dropped, since PDFs are not hinted. The fonts are not compressed as WOFF2, which takes seconds to unpack. The
same sources and the same fonttools give the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from fontTools.merge import Merger
from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont

FOLDER = Path(__file__).resolve().parent.parent / "site_templates" / "fallback_fonts"
CORE = "usr/share/fonts/truetype/noto"
CJK = "usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc"
SIMPLIFIED = 2
"""Which font of the collection: the one with the Chinese form where Chinese, Japanese and Korean glyphs differ."""

CJK_BLOCKS = (
    (0x0020, 0x0020),  # a space between two characters is set in their font
    (0x1100, 0x11FF),
    (0x3000, 0x30FF),
    (0x31F0, 0x31FF),
    (0x3200, 0x33FF),
    (0xAC00, 0xD7A3),
    (0xFF00, 0xFFEF),
)

EMOJI = "package/files/noto-emoji-{}-400-normal.woff2"
EMOJI_PARTS = (2, 3, 4, 5, 6, 7, 8, 9, 10, 1, 0)

# Tables needed only for vertical text or device pixels.
UNUSED = ["BASE", "VORG", "vhea", "vmtx", "gasp"]
NAMES = [0, 1, 2, 3, 4, 5, 6, 13, 14]

PACKAGES = {
    "fonts-noto-core": ("deb:fonts-noto-core", "20201225-1", "https://fonts.google.com/noto"),
    "fonts-noto-cjk": ("deb:fonts-noto-cjk", "1:20220127+repack1-1", "https://github.com/notofonts/noto-cjk"),
    "noto-emoji": ("npm:@fontsource/noto-emoji", "5.3.2", "https://fontsource.org/fonts/noto-emoji"),
}
CORE_FONTS = ("Arabic", "Devanagari", "Hebrew", "Math", "Symbols", "Symbols2", "Thai")


def main(sources: Path, wanted: list[str]) -> None:
    """Make the wanted fonts, or all of them, and list the fonts in the folder."""
    FOLDER.mkdir(exist_ok=True)
    makers = {f"NotoSans{name}": partial(core, sources, name) for name in CORE_FONTS}
    makers |= {"NotoSansCJK": partial(cjk, sources), "NotoEmoji": partial(emoji, sources)}
    for name in wanted or makers:
        path = FOLDER / file_name(name)
        makers[name]().save(path)
        print(path.name, path.stat().st_size)
    (FOLDER / "vendor.json").write_text(json.dumps({"vendored": list(listing())}, indent=2) + "\n")


def file_name(name: str) -> str:
    """The font's file; PostScript outlines have another extension than TrueType outlines."""
    return name + (".otf" if name == "NotoSansCJK" else ".ttf")


def core(sources: Path, name: str) -> TTFont:
    """A font for one script, with all of its characters and shaping."""
    font = TTFont(sources / CORE / f"NotoSans{name}-Regular.ttf", recalcTimestamp=False)
    return reduced(font, set(font.getBestCmap()), shaping=True)


def cjk(sources: Path) -> TTFont:
    """One font for Chinese, Japanese and Korean: every character of their common encodings, and all of Hangul."""
    font = TTFont(sources / CJK, fontNumber=SIMPLIFIED, recalcTimestamp=False)
    wanted = set().union(*(characters(codec) for codec in ("gbk", "big5", "cp932", "euc_kr")))
    wanted = wanted.union(*(range(first, last + 1) for first, last in CJK_BLOCKS))
    # Between the Hangul jamo and the first radical are Latin, Greek and symbols, which other fonts have.
    kept = {code for code in wanted if code == 0x20 or 0x1100 <= code < 0x1200 or code >= 0x2E80}
    return reduced(font, kept & set(font.getBestCmap()), shaping=False)


def characters(codec: str) -> set[int]:
    """Every character of a double-byte encoding."""
    found = set()
    for first in range(0x81, 0xFF):
        for second in range(0x40, 0xFF):
            text = bytes((first, second)).decode(codec, errors="ignore")
            if len(text) == 1:
                found.add(ord(text))
    return found


def emoji(sources: Path) -> TTFont:
    """The parts that are split for the web, as one font; sequences stay separate emoji."""
    have: set[int] = set()
    with tempfile.TemporaryDirectory() as scratch:
        paths = []
        for part in EMOJI_PARTS:
            font = TTFont(sources / EMOJI.format(part), recalcTimestamp=False)
            wanted = (
                {code for code in font.getBestCmap() if code == 0x20 or 0x7F < code < 0xE0000} - have - {0x200D, 0xFE0F}
            )
            have |= wanted
            reduced(font, wanted, shaping=False, drop=["STAT", "GlyphOrder"]).save(f"{scratch}/{part}.ttf")
            paths.append(f"{scratch}/{part}.ttf")
        merged = Merger().merge(paths)
    merged.recalcTimestamp = False
    return merged


def reduced(font: TTFont, wanted: set[int], *, shaping: bool, drop: list[str] | None = None) -> TTFont:
    """The font with only these characters."""
    options = Options(hinting=False, layout_features=["*"] if shaping else [], notdef_outline=True, name_IDs=NAMES)
    options.drop_tables += UNUSED + (drop or []) + ([] if shaping else ["GSUB", "GPOS", "GDEF"])
    subsetter = Subsetter(options)
    subsetter.populate(unicodes=wanted)
    subsetter.subset(font)
    font.flavor = None
    return font


def listing() -> Iterator[dict[str, object]]:
    """The entries of vendor.json."""
    files = {
        "fonts-noto-core": [file_name(f"NotoSans{name}") for name in CORE_FONTS] + ["Noto-LICENSE.txt"],
        "fonts-noto-cjk": ["NotoSansCJK.otf", "NotoSansCJK-LICENSE.txt"],
        "noto-emoji": ["NotoEmoji.ttf", "NotoEmoji-LICENSE.txt"],
    }
    for name, (package, version, homepage) in PACKAGES.items():
        digests = {each: hashlib.sha256((FOLDER / each).read_bytes()).hexdigest() for each in sorted(files[name])}
        yield {
            "name": name,
            "package": package,
            "version": version,
            "license": "OFL-1.1",
            "homepage": homepage,
            "made_by": "tools/fonts.py",
            "files": digests,
        }


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
