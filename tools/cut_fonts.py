"""Write the fonts of PDFs and pages, cut from those in site_templates/assets/fonts, and list them in vendor.json.

tools/cut_fonts.py            write them
tools/cut_fonts.py --check    report those that differ, with exit code 1

A PDF's renderer reads the whole font and applies its features to every text, and a browser loads the whole font before
it shows one. So these have only Latin letters with the features for kerning and for figures of equal width. Other
characters come from the whole font.
"""

from __future__ import annotations

import hashlib
import io
import json
import sys
from dataclasses import dataclass
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont

ROOT = Path(__file__).resolve().parent.parent / "site_templates"
FONTS = ROOT / "assets" / "fonts"
LICENSES = {"Inter": "Inter-LICENSE.txt", "IBM Plex Mono": "IBMPlexMono-LICENSE.txt"}

PUNCTUATION = [
    *(0x200B, 0x200C, 0x200D, 0x2060, 0x202F),  # spaces and joiners
    *(*range(0x2010, 0x2015), 0x2018, 0x2019, 0x201A, 0x201C, 0x201D, 0x201E, 0x2039, 0x203A),  # dashes and quotes
    *(0x2020, 0x2022, 0x2026, 0x2030, 0x2032, 0x2033, 0x20AC, 0x2122),  # signs
    *(0x2190, 0x2192, 0x2212, 0x2248, 0x2264, 0x2265),  # arrows and mathematics
]
CHARACTERS = [*range(0x20, 0x7F), *range(0xA0, 0x180), *PUNCTUATION]
"""Latin, Latin-1 and Latin Extended-A, which the languages of Europe and most others in Latin script use."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A folder of fonts: how they are packed, and by family the files of the whole fonts. features: what text needs."""

    folder: Path
    flavor: str | None
    families: dict[str, tuple[str, ...]]
    features: tuple[str, ...]


INTER = ("Inter-Regular", "Inter-SemiBold")
CUTS = (
    Cut(ROOT / "print_fonts", None, {"Inter": INTER}, ("kern", "tnum", "ccmp", "mark", "mkmk", "locl")),
    Cut(
        ROOT / "assets" / "page_fonts",
        "woff2",
        {"Inter": INTER, "IBM Plex Mono": ("IBMPlexMono-Regular",)},
        ("kern", "tnum", "ccmp", "locl"),
    ),
)


def made(name: str, cut: Cut) -> bytes:
    """The font cut to what text needs, the same bytes each time."""
    options = subset.Options()
    options.layout_features = list(cut.features)
    options.hinting = False
    options.notdef_outline = True
    options.recalc_timestamp = False
    options.name_IDs = ["*"] if cut.flavor is None else [0, 1, 2, 13, 14]
    with TTFont(FONTS / f"{name}.woff2", recalcTimestamp=False) as font:
        cutter = subset.Subsetter(options)
        cutter.populate(unicodes=CHARACTERS)
        cutter.subset(font)
        font.flavor = cut.flavor
        content = io.BytesIO()
        font.save(content)
    return content.getvalue()


def files(cut: Cut) -> dict[str, bytes]:
    """The content of every file in the folder, by name."""
    vendored = json.loads((FONTS.parent / "vendor.json").read_text(encoding="utf-8"))["vendored"]
    ending = cut.flavor or "ttf"
    found: dict[str, bytes] = {}
    listed = []
    for family, names in cut.families.items():
        (whole,) = [each for each in vendored if each["name"] == family]
        own = {f"{name}.{ending}": made(name, cut) for name in names}
        own[LICENSES[family]] = (FONTS / LICENSES[family]).read_bytes().replace(b"\r\n", b"\n")
        digests = {name: hashlib.sha256(content).hexdigest() for name, content in sorted(own.items())}
        listed.append({**whole, "from": "assets/fonts/", "made_by": "tools/cut_fonts.py", "files": digests})
        found |= own
    found["vendor.json"] = (json.dumps({"vendored": listed}, indent=2) + "\n").encode()
    return found


def main(arguments: list[str]) -> int:
    """Write or check all files."""
    wanted = {cut.folder / name: content for cut in CUTS for name, content in files(cut).items()}
    stale = [path for path, content in wanted.items() if not path.is_file() or path.read_bytes() != content]
    if "--check" in arguments:
        for path in stale:
            print(f"{path} is out of date; run tools/cut_fonts.py")
        return 1 if stale else 0
    for path in stale:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(wanted[path])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
