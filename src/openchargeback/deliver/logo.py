"""The logo in messages: a PNG, since few mail programs show an SVG."""

from __future__ import annotations

import functools
import subprocess
import sys

from openchargeback.portal.logo import usable_logo

_SECONDS = 10
_WIDTH, _HEIGHT = 360, 80
"""Pixels that a drawn logo fits into: twice the size in the message, for screens with many pixels."""
_DRAW = (
    "import sys; from resvg_py import svg_to_bytes; sys.stdout.buffer.write("
    "svg_to_bytes(svg_string=sys.stdin.buffer.read().decode(), skip_system_fonts=True, width=int(sys.argv[1]), "
    "height=int(sys.argv[2])))"
)


@functools.lru_cache(maxsize=4)
def png_of(content: bytes) -> bytes | None:
    """A logo as a PNG, the same bytes each time; None if it cannot be drawn.

    An SVG is drawn by another process: a drawing can exhaust the memory or the time of the one that draws it.
    """
    logo = usable_logo(content)
    if logo is None:
        return None
    if logo.media_type == "image/png":
        return logo.content
    command = (sys.executable, "-I", "-c", _DRAW, str(_WIDTH), str(_HEIGHT))
    try:
        done = subprocess.run(  # noqa: S603 - a list of our own words
            command, input=logo.content, capture_output=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return None
    return done.stdout if done.returncode == 0 and usable_logo(done.stdout) else None
