"""Render HTML to PDF: tagged, archivable, with its data embedded, and deterministic.

PDF/A-3a (ISO 19005-3), so that the file can be archived and may carry data; PDF/UA-1 (ISO 14289-1), so that a screen
reader can read it. The renderer has access only to the given fonts and logo, under a private scheme, and to no system
fonts (portal/pdf_fonts.py). WeasyPrint is imported on first use, since that takes longer than most commands.
"""

from __future__ import annotations

import atexit
import datetime as dt
import functools
import io
import logging
import os
import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from openchargeback.ledger.settings import Config
from openchargeback.ledger.shipped import PDF_PACKAGES
from openchargeback.portal.libraries import stamp
from openchargeback.portal.logo import Logo
from openchargeback.portal.pdf_fonts import FontFile, fallback_fonts, needed_fonts, own_fonts_only, style_fonts
from openchargeback.portal.pdf_page import page_of
from openchargeback.portal.pdf_speed import LABEL, can_hasten, hasten, written_once
from openchargeback.portal.statement_chart import ChartColors, history_chart
from openchargeback.portal.statement_data import DataFile
from openchargeback.portal.statement_layout import layout_of
from openchargeback.portal.statement_view import StatementView
from openchargeback.portal.text_width import faces_of
from openchargeback.portal.theme import theme_css
from openchargeback.problems import OutsideFault

if TYPE_CHECKING:
    from openchargeback.templating.environment import Templates

TEMPLATE = "statement.pdf.html"

SCHEME = "statement:"
LOGO_URL = f"{SCHEME}logo"
CHART_URL = f"{SCHEME}chart"

_RELATIVE_URL = re.compile(r"""url\(\s*(["']?)(?!["'#]|[a-z][a-z0-9+.-]*:)([^"')]*)\1\s*\)""", re.IGNORECASE)
_ROOT = re.compile(r":root\s*\{([^{}]*)\}")
_PROPERTY = re.compile(r"(--[\w-]+):\s*([^;]*);")
_VARIABLE = re.compile(r"var\((--[\w-]+)\)")
_NESTED = 3
"""How deep a custom property may refer to others."""
_ACCENT = re.compile(r"--accent: (#[0-9a-f]{6});")

# A transparent pixel: replaces a logo that fails to draw.
_NO_LOGO = Logo(b'<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>', "image/svg+xml")

# The part of PDF/UA's identification schema that PDF/A requires a description of (ISO 19005-3, 6.6.2.3).
_UA_METADATA = b"""\
<rdf:Description rdf:about="" xmlns:pdfuaid="http://www.aiim.org/pdfua/ns/id/"><pdfuaid:part>1</pdfuaid:part>\
</rdf:Description><rdf:Description rdf:about="" xmlns:pdfaExtension="http://www.aiim.org/pdfa/ns/extension/" \
xmlns:pdfaSchema="http://www.aiim.org/pdfa/ns/schema#" xmlns:pdfaProperty="http://www.aiim.org/pdfa/ns/property#">\
<pdfaExtension:schemas><rdf:Bag><rdf:li rdf:parseType="Resource">\
<pdfaSchema:schema>PDF/UA Universal Accessibility Schema</pdfaSchema:schema>\
<pdfaSchema:namespaceURI>http://www.aiim.org/pdfua/ns/id/</pdfaSchema:namespaceURI>\
<pdfaSchema:prefix>pdfuaid</pdfaSchema:prefix><pdfaSchema:property><rdf:Seq><rdf:li rdf:parseType="Resource">\
<pdfaProperty:name>part</pdfaProperty:name><pdfaProperty:valueType>Integer</pdfaProperty:valueType>\
<pdfaProperty:category>internal</pdfaProperty:category>\
<pdfaProperty:description>Indicates, which part of ISO 14289 standard is followed</pdfaProperty:description>\
</rdf:li></rdf:Seq></pdfaSchema:property></rdf:li></rdf:Bag></pdfaExtension:schemas></rdf:Description>"""


@dataclass(frozen=True, slots=True)
class PrintStyle:
    """Style sheets in order, the fonts they load, and fallback fonts."""

    css: tuple[str, ...]
    fonts: tuple[FontFile, ...]
    fallback: tuple[FontFile, ...] = ()


def print_style(templates: Templates, config: Config) -> PrintStyle:
    """The style of statements, on the paper size of the config; made once and used for every statement of a run."""
    files = templates.files()
    tokens, sheet = (files[f"assets/{name}"].read_text("utf-8") for name in ("tokens.css", "statement.css"))
    values = _properties(tokens) | _properties(theme_css(config.portal.accent))
    sheets = (_with_values(sheet, values), f"@page {{ size: {config.statements.paper}; }}")
    css = tuple(_RELATIVE_URL.sub(rf'url("{SCHEME}\2")', each) for each in sheets)
    return PrintStyle(css, style_fonts(files), fallback_fonts(files))


def _properties(sheet: str) -> dict[str, str]:
    """The custom properties of a style sheet's first `:root` rule."""
    found = _ROOT.search(sheet)
    return dict(_PROPERTY.findall(found[1])) if found else {}


def _with_values(sheet: str, values: Mapping[str, str]) -> str:
    """The style sheet with its custom properties filled in.

    Margin boxes know none, and every element would inherit all of them, which takes time.
    """
    for _ in range(_NESTED):
        sheet = _VARIABLE.sub(lambda found: values.get(found[1], found[0]), sheet)
    return sheet


def statement_html(
    templates: Templates, view: StatementView, config: Config, style: PrintStyle, files: Sequence[str]
) -> str:
    """The statement as HTML for print. files: the names of its data files."""
    layout = layout_of(view, config.statements.paper, faces_of((*style.fonts, *style.fallback)))
    chart = CHART_URL if layout.chart_words else ""
    values = {"view": view, "layout": layout, "files": files, "currency": view.currency}
    return templates.render_page(TEMPLATE, **values, logo=LOGO_URL, chart=chart)


def statement_chart(view: StatementView, config: Config) -> str:
    """The chart of a statement for print, as an SVG document; empty if there is nothing to draw."""
    accent = _ACCENT.search(theme_css(config.portal.accent))
    return history_chart(view.bars, view.currency, ChartColors(accent=accent[1]) if accent else ChartColors())


def statement_pdf(
    html: str,
    style: PrintStyle,
    *,
    created: dt.date,
    files: Sequence[DataFile] = (),
    logo: Logo | None = None,
    chart: str = "",
) -> bytes:
    """The PDF of a statement's HTML; the same bytes for the same arguments and libraries.

    created: the creation and modification date in the file, at midnight UTC. files: embedded as data. chart: an SVG.
    Raises OutsideFault if a library is missing, or if the HTML or a style sheet requests anything but `style.fonts`,
    the logo and the chart.
    """
    weasyprint = load_weasyprint()
    from weasyprint.urls import FatalURLFetchingError

    moment = dt.datetime(created.year, created.month, created.day, tzinfo=dt.UTC)
    press = _press(style, needed_fonts(html, style.fonts, style.fallback))
    if can_hasten():
        chart = chart.replace("<text ", f"<{LABEL} ").replace("</text>", f"</{LABEL}>")
    fetcher = _make_fetcher(style, _drawable(logo, style), chart)
    # Metadata of the embedded files, for programs.
    data = {"created": moment, "modified": moment, "relationship": "Data", "url_fetcher": fetcher}
    attachments = [
        weasyprint.Attachment(string=file.content, name=file.name, description=file.description, **data)
        for file in files
    ]
    try:
        document = page_of(weasyprint, html, SCHEME, fetcher).render(
            font_config=press.fonts, stylesheets=press.sheets, **_OPTIONS
        )
        # A template in the ledger may have omitted these, or have set others.
        document.metadata.created = document.metadata.modified = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
        document.metadata.generator = stamp()
        document.metadata.attachments = []
        content = io.BytesIO()
        with warnings.catch_warnings():
            # WeasyPrint 70 leaves closing its color profile to the garbage collector.
            warnings.filterwarnings("ignore", "unclosed file", ResourceWarning)
            document.write_pdf(content, finisher=_finish, attachments=attachments, **_OPTIONS)
    except FatalURLFetchingError as fault:
        raise OutsideFault(f"the statement's template or style requests an outside resource: {fault}") from fault
    return content.getvalue()


_OPTIONS: Mapping[str, Any] = {"pdf_variant": "pdf/a-3a", "pdf_version": "1.7", "pdf_identifier": True}


@functools.cache
def load_weasyprint() -> Any:
    """The WeasyPrint module; OutsideFault with what to install if it or one of its libraries is missing."""
    try:
        with warnings.catch_warnings():
            # Whether the machine has fonts does not matter: none of them is used.
            warnings.filterwarnings("ignore", "(No fonts configured|FontConfig cannot)", UserWarning)
            import weasyprint
        from weasyprint.text import ffi
    except OSError as fault:
        raise OutsideFault(
            f"PDF statements need libraries that are not installed ({fault}); on Debian: apt install {PDF_PACKAGES}"
        ) from fault
    except ImportError as fault:
        raise OutsideFault(f"PDF statements need WeasyPrint: pip install weasyprint ({fault})") from fault
    hasten()
    if ffi.harfbuzz_subset is None:
        # Without it fontTools makes the subsets, slowly, and writes the current time into them unless given one.
        os.environ["SOURCE_DATE_EPOCH"] = "0"
    return weasyprint


@dataclass(frozen=True, slots=True)
class _Press:
    """What documents of one style share within a process: loaded fonts and parsed style sheets."""

    fonts: Any
    sheets: list[Any]


@functools.lru_cache(maxsize=8)
def _press(style: PrintStyle, more: tuple[FontFile, ...]) -> _Press:
    """The press for a style with these of its fallback fonts."""
    weasyprint = load_weasyprint()

    # This removes its folder of unpacked fonts, which no longer works during interpreter shutdown.
    atexit.register(_press.cache_clear)
    fonts, fetcher = own_fonts_only(), _make_fetcher(style, None)
    own = (font for font in style.fonts if font.family)
    sheets = (*map(_font_face, own), *style.css, *map(_font_face, more))
    options = {"font_config": fonts, "url_fetcher": fetcher, "base_url": SCHEME}
    return _Press(fonts, [weasyprint.CSS(string=sheet, **options) for sheet in sheets])


def _font_face(font: FontFile) -> str:
    src = f'url("{SCHEME}{font.name}")'
    return f'@font-face {{ font-family: "{font.family}"; font-weight: {font.weight}; src: {src} }}'


def _make_fetcher(style: PrintStyle, logo: Logo | None, chart: str = "") -> Any:
    """WeasyPrint's URL fetcher, limited to the fonts, the logo and the chart."""
    from weasyprint.urls import URLFetcher, URLFetcherResponse

    fonts = {SCHEME + each.name: each for each in (*style.fonts, *style.fallback)}

    class OwnFilesOnly(URLFetcher):  # type: ignore[misc]  # WeasyPrint has no types
        def __init__(self) -> None:
            super().__init__(allowed_protocols=(), allow_redirects=False, fail_on_errors=True)

        def fetch(self, url: str, headers: object = None) -> Any:  # noqa: ARG002 - the signature is given
            if url in fonts:
                content = Path(fonts[url].path).read_bytes()
                return URLFetcherResponse(url, content, {"Content-Type": fonts[url].media_type})
            if url == LOGO_URL and logo is not None:
                return URLFetcherResponse(url, logo.content, {"Content-Type": logo.media_type})
            if url == CHART_URL and chart:
                return URLFetcherResponse(url, chart.encode(), {"Content-Type": "image/svg+xml"})
            raise ValueError(f"not one of the statement's own files: {url}")

    return OwnFilesOnly()


class _Listener(logging.Handler):
    """Records whether anything was logged."""

    heard = False

    def emit(self, record: logging.LogRecord) -> None:  # noqa: ARG002 - that there is one is enough
        self.heard = True


@functools.lru_cache(maxsize=4)
def _drawable(logo: Logo | None, style: PrintStyle) -> Logo:
    """The logo if it can be drawn, else an empty one; tried once per process.

    WeasyPrint only logs that an image failed, and may leave the page half drawn at that point.
    """
    if logo is None:
        return _NO_LOGO
    weasyprint = load_weasyprint()
    from weasyprint.logger import LOGGER
    from weasyprint.urls import FatalURLFetchingError

    listener = _Listener(logging.ERROR)
    LOGGER.addHandler(listener)
    try:
        fetcher = _make_fetcher(style, logo)
        html = f'<html lang="en"><title>Logo</title><img src="{LOGO_URL}" alt="Logo" style="height: 13mm">'
        weasyprint.HTML(string=html, url_fetcher=fetcher).write_pdf(font_config=_press(style, ()).fonts)
    except (Exception, FatalURLFetchingError):  # noqa: BLE001 - whatever it is, statements go out without the logo
        return _NO_LOGO
    finally:
        LOGGER.removeHandler(listener)
    return _NO_LOGO if listener.heard else logo


def _finish(document: Any, pdf: Any) -> None:
    """Make the PDF/A-3a that WeasyPrint writes conform to PDF/UA-1 as well."""
    import pydyf

    for *_, box in (link for page in document.pages for link in page.links):
        if box.link_annotation:
            # What a screen reader says of a link: its text, not its address.
            box.link_annotation["Contents"] = pydyf.String(box.content_text)
    number = int(pdf.catalog["Metadata"].split()[0])
    metadata = pdf.objects[number]
    metadata.stream = [part.replace(b"</rdf:RDF>", _UA_METADATA + b"</rdf:RDF>", 1) for part in metadata.stream]
    # Readable without decompression, as ISO 19005-1 6.7.2 required and as file indexers prefer.
    metadata.compress = False
    if "AF" in pdf.catalog:
        # Each attachment is listed twice, once from the name tree and once from the list of objects.
        unique = list(dict.fromkeys(pdf.catalog["AF"]))
        pdf.catalog["AF"].clear()
        pdf.catalog["AF"].extend(unique)
    if can_hasten():
        written_once(pdf)
