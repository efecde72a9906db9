"""What makes WeasyPrint faster: text is shaped once, labels of charts are drawn as a whole, objects are written once.

WeasyPrint gives up the shaped text of each line after layout and shapes it again to draw it, with a new context each
time, to save memory in books of a thousand pages. In an SVG, it shapes each letter on its own. It serializes and
compresses every object twice if the file has an identifier.

All of this leans on code that is not public. So it is applied only if the files that it leans on are, byte for byte,
those that it was written for (`SOURCES`); with any others, nothing is changed: PDFs show the same and take longer.
tests/portal/test_pdf_speed.py compares both ways, and fails when a new release needs another look.
"""

from __future__ import annotations

import functools
import hashlib
import logging
from importlib.util import find_spec
from pathlib import Path
from typing import Any

_log = logging.getLogger(__name__)

_FILES = {
    "weasyprint": (
        *("__init__.py", "document.py", "matrix.py", "css/__init__.py", "css/computed_values.py", "css/functions.py"),
        *("css/properties.py", "draw/text.py", "pdf/__init__.py", "svg/__init__.py", "svg/text.py"),
        *("text/constants.py", "text/ffi.py", "text/fonts.py", "text/line_break.py"),
    ),
    "pydyf": ("__init__.py",),
}
SOURCES = "46a05c95cff198b57f4c4fc480b79bf9664347840528c716cb0fc3f27e011ad8"
"""SHA-256 of the files of WeasyPrint 70.0 and pydyf 0.13.0 that the shortcuts lean on, one after the other."""

LABEL = "label"
"""An element for SVG: text at a single position, drawn as a whole."""


def hasten() -> None:
    """Apply the shortcuts if WeasyPrint is as they expect; once per process."""
    if not can_hasten():
        _log.info("WeasyPrint or pydyf is not the release that the shortcuts were written for: PDFs take longer")
        return
    from weasyprint import svg

    _shape_once()
    _compute_less()
    svg.TAGS[LABEL] = _draw_label


@functools.cache
def can_hasten() -> bool:
    """Whether the libraries are those that the shortcuts were written for."""
    return sources_digest() == SOURCES


def sources_digest() -> str:
    """The digest of the installed files to compare with `SOURCES`; empty if there are no such files."""
    digest = hashlib.sha256()
    for package, names in _FILES.items():
        spec = find_spec(package)
        if spec is None or spec.origin is None:
            return ""
        try:
            for name in names:
                digest.update((Path(spec.origin).parent / name).read_bytes())
        except OSError:
            return ""
    return digest.hexdigest()


def _shape_once() -> None:
    """Keep the layouts of texts until they are drawn, and share contexts and descriptions of fonts among texts.

    Only for font configurations with a place for them, `shared`.
    """
    from weasyprint.text import line_break

    layout = line_break.Layout
    setup, deactivate, reactivate = layout.setup, layout.deactivate, layout.reactivate

    def set_up(self: Any, style: Any) -> None:
        shared = getattr(style.font_config, "shared", None)
        if shared is None or style["text_decoration_line"] != "none" or style["font_language_override"] != "normal":
            setup(self, style)
        else:
            _set_up_shared(self, style, shared)

    def keep(self: Any) -> None:
        if getattr(self.style.font_config, "shared", None) is None:
            deactivate(self)

    def use_again(self: Any, style: Any) -> None:
        # A justified text is spaced when it is drawn.
        if not hasattr(self, "layout") or self.justification_spacing:
            reactivate(self, style)

    layout.setup, layout.deactivate, layout.reactivate = set_up, keep, use_again


def _compute_less() -> None:
    """Take what no rule sets from the parent or the initial values at once, in place of the general way of doing it.

    Of the 80 properties of an element's style that are asked for, rules set about five.
    """
    from weasyprint.css import ComputedStyle
    from weasyprint.css.computed_values import PHYSICAL_FUNCTIONS
    from weasyprint.css.functions import check_math
    from weasyprint.css.properties import INHERITED, INITIAL_NOT_COMPUTED, INITIAL_VALUES

    special = {"display", "float", "page", "position"}
    plain = {key for key in INITIAL_VALUES if key not in special and not key.startswith("text_decoration_")}
    inherited = frozenset(plain & set(INHERITED))
    initial = {
        key: value
        for key, value in INITIAL_VALUES.items()
        if key in plain - inherited - set(INITIAL_NOT_COMPUTED) and not check_math(value)
    }
    logical = frozenset(
        function(block="ttb", inline=inline) for function in PHYSICAL_FUNCTIONS.values() for inline in ("ltr", "rtl")
    )
    general = ComputedStyle.__missing__

    def missing(self: Any, key: str) -> Any:
        cascaded = self.cascaded
        if key in cascaded or not (key not in PHYSICAL_FUNCTIONS or logical.isdisjoint(cascaded)):
            return general(self, key)
        if key in initial:
            value = self[key] = initial[key]
        elif key in inherited and self.parent_style is not None:
            value = self[key] = self.parent_style[key]
        else:
            value = general(self, key)
        return value

    ComputedStyle.__missing__ = missing


def _set_up_shared(layout: Any, style: Any, shared: dict[Any, Any]) -> None:
    """As `Layout.setup` of WeasyPrint 70, with what depends on few properties made once."""
    from weasyprint.text.ffi import ffi, gobject, pango

    layout.style, layout.first_line_direction = style, 0
    context, layout.language = _once(shared, ("context", style["direction"], style["lang"]), lambda: _context(style))
    layout.layout = ffi.gc(pango.pango_layout_new(context), gobject.g_object_unref)
    pango.pango_layout_set_auto_dir(layout.layout, False)
    pango.pango_layout_set_font_description(layout.layout, _description(style, shared))
    layout.ascent = layout.underline_position = layout.strikethrough_position = None
    features = _features(style, shared)
    if features is not None:
        attributes = pango.pango_attr_list_new()
        pango.pango_attr_list_insert(attributes, features)
        pango.pango_layout_set_attributes(layout.layout, attributes)


def _once(shared: dict[Any, Any], key: Any, make: Any) -> Any:
    if key not in shared:
        shared[key] = make()
    return shared[key]


def _context(style: Any) -> tuple[Any, Any]:
    from weasyprint.text.constants import PANGO_DIRECTION
    from weasyprint.text.ffi import ffi, gobject, pango, unicode_to_char_p

    context = ffi.gc(pango.pango_font_map_create_context(style.font_config.font_map), gobject.g_object_unref)
    pango.pango_context_set_round_glyph_positions(context, False)
    pango.pango_context_set_base_dir(context, PANGO_DIRECTION[style["direction"]])
    if not style["lang"]:
        return context, pango.pango_language_get_default()
    text, _kept = unicode_to_char_p(style["lang"])
    language = pango.pango_language_from_string(text)
    pango.pango_context_set_language(context, language)
    return context, language


_OF_DESCRIPTION = (
    *("font_style", "font_stretch", "font_weight", "font_size", "font_variant_caps", "font_variation_settings"),
)


def _description(style: Any, shared: dict[Any, Any]) -> Any:
    from weasyprint.text.fonts import get_font_description

    key = ("description", tuple(style["font_family"]), *(style[name] for name in _OF_DESCRIPTION))
    return _once(shared, key, lambda: get_font_description(style))


_OF_FEATURES = (
    *("font_kerning", "font_variant_ligatures", "font_variant_position", "font_variant_caps", "font_variant_numeric"),
    *("font_variant_alternates", "font_variant_east_asian", "font_feature_settings"),
)


def _features(style: Any, shared: dict[Any, Any]) -> Any:
    from weasyprint.text.ffi import pango
    from weasyprint.text.fonts import font_features

    values = tuple(style[name] for name in _OF_FEATURES)

    def make() -> Any:
        found = font_features(*values)
        text = ",".join(f"{key} {value}" for key, value in found.items()).encode()
        return pango.pango_attr_font_features_new(text) if found else None

    return _once(shared, ("features", *values), make)


def _draw_label(svg: Any, node: Any, font_size: float) -> None:
    """Draw a label, as WeasyPrint draws `text`, but shaped as a whole."""
    from weasyprint.css.properties import INITIAL_VALUES
    from weasyprint.draw.text import draw_first_line
    from weasyprint.matrix import Matrix
    from weasyprint.svg.text import Style, TextBox
    from weasyprint.text.line_break import split_first_line

    style = Style(INITIAL_VALUES)
    style.font_config = svg.font_config
    family, weight = node.get("font-family", "sans-serif"), int(node.get("font-weight", 400))
    style |= {"font_family": [family], "font_weight": weight, "font_size": font_size}
    layout, *_, baseline = split_first_line(node.text, style, svg.context, None, 0)
    layout.reactivate(style)
    box = TextBox(layout, style)
    box.baseline = baseline
    svg.stream.push_state()
    fill, stroke = svg.set_graphical_state(node, font_size)
    svg.stream.begin_text()
    svg.fill_stroke(fill, stroke, text=True)
    place = Matrix(d=-1, e=float(node.get("x")), f=float(node.get("y")))
    draw_first_line(svg.stream, box, "none", "none", place)
    svg.stream.end_text()
    svg.stream.pop_state()


def written_once(pdf: Any) -> None:
    """Serialize every object of a pydyf.PDF now, so that the identifier and the file take the same bytes."""
    import pydyf

    class Written(pydyf.Object):  # type: ignore[misc]  # pydyf has no types
        """The bytes of an object."""

        data = compressible = None

        def __init__(self, of: Any) -> None:
            super().__init__()
            self.number, self.generation, self.free = of.number, of.generation, of.free
            self.data, self.compressible = of.data, of.compressible

    pdf.objects[:] = [each if each.free == "f" else Written(each) for each in pdf.objects]
