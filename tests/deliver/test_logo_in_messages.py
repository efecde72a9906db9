"""The logo of messages: a PNG, drawn from an SVG where it is one, and never a reason why nothing is sent."""

import struct
import time
from pathlib import Path

import pytest
from test_eml_golden import png

from openchargeback.deliver import logo

SAMPLE = Path(__file__).parents[2] / "ledger/logo.svg"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100" width="100" height="100">%s</svg>'


def size(content):
    return struct.unpack(">II", content[16:24])


def test_an_svg_is_drawn_for_messages_with_the_same_bytes_each_time():
    drawn = logo.png_of(SAMPLE.read_bytes())
    assert size(drawn) == (320, 80)
    logo.png_of.cache_clear()
    assert logo.png_of(SAMPLE.read_bytes()) == drawn


def test_a_png_is_taken_as_it_is():
    assert logo.png_of(png()) == png()


@pytest.mark.parametrize(
    ("drawing", "wanted"),
    [
        (SVG.replace(b"100 100", b"1000000 1").replace(b' width="100" height="100"', b"") % b"", (360, 1)),
        (SVG.replace(b"100 100", b"1 1000000").replace(b' width="100" height="100"', b"") % b"", (1, 80)),
        (SVG % b'<image href="file:///etc/passwd" width="9" height="9"/><rect width="9" height="9"/>', (80, 80)),
    ],
    ids=["wide", "tall", "reference"],
)
def test_an_odd_svg_fits_into_its_place(drawing, wanted):
    assert size(logo.png_of(drawing)) == wanted


@pytest.mark.parametrize(
    "drawing",
    [
        SVG % (b'<g opacity=".5">' * 900 + b'<rect width="9" height="9"/>' + b"</g>" * 900),
        SVG.replace(b'width="100" height="100"', b'width="0" height="0"') % b"",
        b"no drawing",
    ],
    ids=["deep", "empty", "text"],
)
def test_what_cannot_be_drawn_is_left_out(drawing):
    assert logo.png_of(drawing) is None


def test_a_drawing_that_takes_too_long_is_given_up(monkeypatch):
    monkeypatch.setattr(logo, "_SECONDS", 1)
    effect = (
        b'<filter id="f"><feTurbulence numOctaves="100000000"/></filter><rect width="99" height="99" filter="url(#f)"/>'
    )
    begin = time.monotonic()
    assert logo.png_of(SVG % effect) is None
    assert time.monotonic() - begin < 10
