"""The institution's own pages: Markdown with tables, without HTML, with safe links only."""

from __future__ import annotations

from markdown_it import MarkdownIt
from markupsafe import Markup


def to_html(text: str) -> Markup:
    """Markdown (CommonMark with tables and strikethrough) as HTML.

    HTML in the text is shown, not run; links that would run something (`javascript:`, `data:`) stay plain text.
    """
    # A fresh parser each time: it is cheap, and its state must not travel from page to page.
    parser = MarkdownIt("commonmark", {"html": False, "linkify": False, "typographer": False})
    parser.enable(["table", "strikethrough"])
    return Markup(parser.render(text))  # noqa: S704  # html is off: the parser escapes it


def split_title(text: str, title: str) -> tuple[str, str]:
    """The page's title and the text without it: a first-level heading at the very top is the title."""
    head, _, rest = text.lstrip("\ufeff\n").partition("\n")
    if head.startswith("# "):
        return title or head[2:].strip(), rest
    return title, text
