"""The page that a PDF is made of: parsed as XML if it is well-formed, and styled with only the rules that it needs.

WeasyPrint parses and styles any page of the web. Ours is XML with a few elements, for which Python's own parser and
a short base style sheet do, in a tenth of the time. A template of a ledger that is not well-formed XML, or that uses
other elements, takes WeasyPrint's way, and is read and styled as HTML. So does every page if WeasyPrint is not the
release that this was written for (`pdf_speed.can_hasten`), since it leans on code that is not public.
"""

from __future__ import annotations

import functools
import itertools
from importlib import resources
from typing import Any
from xml.etree import ElementTree as ET

from openchargeback.portal.pdf_speed import can_hasten

_INLINE = {"a", "b", "br", "img", "span"}
_CELLS = {"h1", "h2", "p", "td", "th", "title"}
_OUTER = {"body", "col", "colgroup", "div", "head", "html", "meta", "table", "tbody", "thead", "tr"}
TAGS = frozenset(_INLINE | _CELLS | _OUTER)
ATTRIBUTES = frozenset({
    *("alt", "charset", "class", "colspan", "content", "data-foot", "data-running", "data-state", "href", "lang"),
    *("name", "scope", "src"),
})  # fmt: skip
"""The elements and attributes that `print_base.css` knows, or that no base style sheet depends on."""


def page_of(weasyprint: Any, html: str, base_url: str, url_fetcher: Any) -> Any:
    """WeasyPrint's HTML object for a page."""
    try:
        root = ET.fromstring(html)  # noqa: S314 - expat limits how far entities blow up, and fetches none
    except (ET.ParseError, ValueError):
        root = None
    # HTML puts the rows of a table into a body, XML does not.
    if root is None or root.tag != "html" or root.find(".//table/tr") is not None or not can_hasten():
        return weasyprint.HTML(string=html, base_url=base_url, url_fetcher=url_fetcher)
    _strip(root)
    known = all(each.tag in TAGS and ATTRIBUTES.issuperset(each.attrib) for each in root.iter())
    return _page_class(weasyprint)(root, base_url, url_fetcher, own_base=known)


@functools.cache
def _page_class(weasyprint: Any) -> Any:
    import cssselect2

    base = weasyprint.CSS(string=resources.files(__package__).joinpath("print_base.css").read_text("utf-8"))

    class Page(weasyprint.HTML):  # type: ignore[misc]  # WeasyPrint has no types
        """A page from a tree. Does not call the inherited constructor, which parses text."""

        def __init__(self, root: ET.Element, base_url: str, url_fetcher: Any, *, own_base: bool) -> None:
            self.base_url, self.url_fetcher, self.media_type = base_url, url_fetcher, "print"
            self.wrapper_element = cssselect2.ElementWrapper.from_html_root(root, content_language=None)
            self.etree_element = self.wrapper_element.etree_element
            self._own_base = own_base

        def _ua_stylesheets(self, forms: bool = False) -> Any:  # noqa: FBT001, FBT002 - the signature is given
            return [base] if self._own_base else super()._ua_stylesheets(forms)

    return Page


def _strip(root: ET.Element) -> None:
    """Remove blanks that only separate elements other than text, which would make boxes of their own."""
    for parent in root.iter():
        if parent.tag not in _OUTER:
            continue
        if parent.text and parent.text.isspace():
            parent.text = None
        for child, following in itertools.zip_longest(parent, parent[1:]):
            beside_text = child.tag in _INLINE and (following is not None and following.tag in _INLINE)
            if child.tail and child.tail.isspace() and not beside_text:
                child.tail = None
