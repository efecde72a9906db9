"""Write the fonts of PDFs in site_templates/print_fonts, cut from those of the pages, and list them in vendor.json.

tools/print_fonts.py            write them
tools/print_fonts.py --check    report those that differ, with exit code 1

A PDF's renderer reads the whole font and applies its features to every text. So these have only what statements need:
Latin letters with the features for kerning and for figures of equal width. Other characters come from the whole font.
"""

from __future__ import annotations

import hashlib
import io
import json
import sys
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont

ROOT = Path(__file__).resolve().parent.parent / "site_templates"
FONTS, FOLDER = ROOT / "assets" / "fonts", ROOT / "print_fonts"
NAMES = ("Inter-Regular", "Inter-SemiBold")
LICENSE = "Inter-LICENSE.txt"

PUNCTUATION = [
    *(0x200B, 0x200C, 0x200D, 0x2060, 0x202F),  # spaces and joiners
    *(*range(0x2010, 0x2015), 0x2018, 0x2019, 0x201A, 0x201C, 0x201D, 0x201E, 0x2039, 0x203A),  # dashes and quotes
    *(0x2020, 0x2022, 0x2026, 0x2030, 0x2032, 0x2033, 0x20AC, 0x2122),  # signs
    *(0x2190, 0x2192, 0x2212, 0x2248, 0x2264, 0x2265),  # arrows and mathematics
]
CHARACTERS = [*range(0x20, 0x7F), *range(0xA0, 0x180), *PUNCTUATION]
"""Latin, Latin-1 and Latin Extended-A, which the languages of Europe and most others in Latin script use."""

FEATURES = ["kern", "tnum", "ccmp", "mark", "mkmk", "locl"]


def made(name: str) -> bytes:
    """The font cut to what statements need, the same bytes each time."""
    options = subset.Options()
    options.layout_features = FEATURES
    options.hinting = False
    options.notdef_outline = True
    options.recalc_timestamp = False
    options.name_IDs = ["*"]
    with TTFont(FONTS / f"{name}.woff2", recalcTimestamp=False) as font:
        cutter = subset.Subsetter(options)
        cutter.populate(unicodes=CHARACTERS)
        cutter.subset(font)
        font.flavor = None
        content = io.BytesIO()
        font.save(content)
    return content.getvalue()


def files() -> dict[str, bytes]:
    """The content of every file in the folder, by name."""
    found = {f"{name}.ttf": made(name) for name in NAMES}
    found[LICENSE] = (FONTS / LICENSE).read_bytes()
    vendored = json.loads((FONTS.parent / "vendor.json").read_text(encoding="utf-8"))["vendored"]
    (inter,) = [each for each in vendored if each["name"] == "Inter"]
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in sorted(found.items())}
    listed = {**inter, "from": "assets/fonts/", "made_by": "tools/print_fonts.py", "files": digests}
    found["vendor.json"] = (json.dumps({"vendored": [listed]}, indent=2) + "\n").encode()
    return found


def main(arguments: list[str]) -> int:
    """Write or check all files."""
    wanted = files()
    stale = [name for name, content in wanted.items() if _stored(name) != content]
    if "--check" in arguments:
        for name in stale:
            print(f"{FOLDER / name} is out of date; run tools/print_fonts.py")
        return 1 if stale else 0
    FOLDER.mkdir(exist_ok=True)
    for name in stale:
        (FOLDER / name).write_bytes(wanted[name])
    return 0


def _stored(name: str) -> bytes:
    return (FOLDER / name).read_bytes() if (FOLDER / name).is_file() else b""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
