"""The institution's accent color, adjusted to be legible on light and dark backgrounds."""

from __future__ import annotations

import re

DEFAULT = "#1d4e89"
_HEX = re.compile(r"#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})", re.ASCII)
_LIGHT_PAPER, _DARK_PAPER = (255, 255, 255), (18, 21, 23)  # --paper in tokens.css
# WCAG 2.2, 1.4.3: text needs a contrast of 4.5:1 against its background.
_CONTRAST = 4.5
_DARK_LIGHTNESS = 0.78
"""The lightness of an accent on dark backgrounds, in OKLCH: as easy to read as the ink, and still a color."""

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
    return _legible(wanted, _LIGHT_PAPER, (0, 0, 0)), _lightened(wanted)


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


def _lightened(color: Rgb) -> Rgb:
    """The color with more OKLCH lightness, but the same hue, and the same chroma as far as screens can show it."""
    lightness, a, b = _oklab(color)
    lightness = max(lightness, _DARK_LIGHTNESS)
    for percent in range(100, -1, -2):
        found = _from_oklab(lightness, a * percent / 100, b * percent / 100)
        if all(-0.5 <= channel <= 255.5 for channel in found):
            red, green, blue = (min(max(round(channel), 0), 255) for channel in found)
            return _legible((red, green, blue), _DARK_PAPER, (255, 255, 255))
    return (255, 255, 255)


def _oklab(color: Rgb) -> tuple[float, float, float]:
    """Lightness, a and b of an sRGB color (CSS Color 4, 10.4)."""
    red, green, blue = map(_linear, color)
    long = (0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue) ** (1 / 3)
    medium = (0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue) ** (1 / 3)
    short = (0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue) ** (1 / 3)
    return (
        0.2104542553 * long + 0.7936177850 * medium - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short,
    )


def _from_oklab(lightness: float, a: float, b: float) -> tuple[float, float, float]:
    """The sRGB channels, which are beyond 0 to 255 if no screen shows the color."""
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    linear = (
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    )
    red, green, blue = (12.92 * c if c <= 0.0031308 else 1.055 * c ** (1 / 2.4) - 0.055 for c in linear)
    return 255 * red, 255 * green, 255 * blue


def _linear(channel: int) -> float:
    return channel / 255 / 12.92 if channel <= 10 else ((channel / 255 + 0.055) / 1.055) ** 2.4


def _mix(color: Rgb, other: Rgb, percent: int) -> Rgb:
    red, green, blue = ((a * (100 - percent) + b * percent + 50) // 100 for a, b in zip(color, other, strict=True))
    return red, green, blue


def _luminance(color: Rgb) -> float:
    red, green, blue = map(_linear, color)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _parse(text: str) -> Rgb:
    digits = text[1:] if len(text) == 7 else "".join(2 * digit for digit in text[1:])
    return int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:], 16)


def _hex(color: Rgb) -> str:
    return "#{:02x}{:02x}{:02x}".format(*color)
