"""The institution's accent color, adjusted to be legible on light and dark backgrounds."""

from __future__ import annotations

import re

DEFAULT = "#1d4e89"
_HEX = re.compile(r"#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})", re.ASCII)
_LIGHT_PAPER, _DARK_PAPER = (255, 255, 255), (20, 23, 26)
# WCAG 2.2, 1.4.3: text needs a contrast of 4.5:1 against its background.
_CONTRAST = 4.5

Rgb = tuple[int, int, int]


def theme_css(accent: str) -> str:
    """The style sheet `assets/theme.css`: the accent color and derived colors, overriding tokens.css.

    accent: `#rgb` or `#rrggbb` from the config; anything else gives the default. A color that is too pale is darkened
    for white backgrounds, and lightened for dark ones, until text in it is legible.
    """
    light, dark = _accents(accent)
    light_wash, dark_wash = _mix(_LIGHT_PAPER, light, 9), _mix(_DARK_PAPER, dark, 10)
    return f"""\
:root {{
  --accent: {_hex(light)};
  --accent-wash: {_hex(light_wash)};
}}
@media screen {{
  @supports (color: light-dark(white, black)) {{
    :root {{
      --accent: light-dark({_hex(light)}, {_hex(dark)});
      --accent-wash: light-dark({_hex(light_wash)}, {_hex(dark_wash)});
    }}
  }}
}}
"""


def accents(accent: str) -> tuple[str, str]:
    """The accent color on light and on dark backgrounds, as `theme_css` has them."""
    light, dark = _accents(accent)
    return _hex(light), _hex(dark)


def _accents(accent: str) -> tuple[Rgb, Rgb]:
    wanted = _parse(accent if _HEX.fullmatch(accent) else DEFAULT)
    return _legible(wanted, _LIGHT_PAPER, (0, 0, 0)), _legible(wanted, _DARK_PAPER, (255, 255, 255), 6.0)


def contrast(one: Rgb, other: Rgb) -> float:
    """WCAG contrast ratio of two colors, 1 to 21."""
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def _legible(color: Rgb, paper: Rgb, toward: Rgb, ratio: float = _CONTRAST) -> Rgb:
    for percent in range(0, 101, 2):
        candidate = _mix(color, toward, percent)
        if contrast(candidate, paper) >= ratio:
            return candidate
    return toward


def _mix(color: Rgb, other: Rgb, percent: int) -> Rgb:
    red, green, blue = ((a * (100 - percent) + b * percent + 50) // 100 for a, b in zip(color, other, strict=True))
    return red, green, blue


def _luminance(color: Rgb) -> float:
    red, green, blue = (c / 255 / 12.92 if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in color)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _parse(text: str) -> Rgb:
    digits = text[1:] if len(text) == 7 else "".join(2 * digit for digit in text[1:])
    return int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:], 16)


def _hex(color: Rgb) -> str:
    return "#{:02x}{:02x}{:02x}".format(*color)
